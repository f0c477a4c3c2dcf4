"""Checks policies with parliament and its community auditors.

Reads a JSON object of policies by name, and prints a JSON list of findings. parliament's own command reads one folder
or file, and writes a log to a fixed name in /tmp.
"""

import json
import sys
from pathlib import Path

import parliament

parliament.override_config(Path(parliament.__file__).parent / "community_auditors" / "config_override.yaml")

findings = []
for name, policy in json.load(sys.stdin).items():
    text = json.dumps(policy)
    checked = parliament.analyze_policy_string(text, name, include_community_auditors=True, config=parliament.config)
    for finding in checked.findings:
        parliament.enhance_finding(finding)
        detail = finding.detail if isinstance(finding.detail, str) else json.dumps(finding.detail)
        findings.append({"rule": finding.issue, "where": name, "message": f"{finding.title}: {detail}"})
json.dump(findings, sys.stdout)
