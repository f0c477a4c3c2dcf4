"""Makes calls with AWS's SDK for Python, which first checks the parameters against AWS's model of the service.

Reads the endpoint, the region and the calls as JSON, and prints a JSON list with an error or null for each call. The
SDK for JavaScript has no such check: it leaves out parameters that it does not know.
"""

import json
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

task = json.load(sys.stdin)
session = boto3.Session(region_name=task["region"], aws_access_key_id="test", aws_secret_access_key="test")
clients = {}
results = []
for call in task["calls"]:
    service = call["service"]
    if service not in clients:
        clients[service] = session.client(service, endpoint_url=task["endpoint"])
    try:
        getattr(clients[service], call["operation"])(**call["parameters"])
        results.append(None)
    except (BotoCoreError, ClientError) as error:
        results.append(str(error))
json.dump(results, sys.stdout)
