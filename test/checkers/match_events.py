"""Matches events with patterns, by moto's implementation of EventBridge. moto's server has no TestEventPattern.

Reads patterns by name and a list of events as JSON, and prints the names of the patterns that match each event.
"""

import json
import sys

from moto.events.models import EventPattern

task = json.load(sys.stdin)
patterns = {name: EventPattern.load(json.dumps(pattern)) for name, pattern in task["patterns"].items()}
matches = [[name for name, pattern in patterns.items() if pattern.matches_event(event)] for event in task["events"]]
json.dump(matches, sys.stdout)
