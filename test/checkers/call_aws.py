"""Makes calls with AWS's SDK for Python, and checks the parameters against AWS's model of the service.

Reads the endpoint, the region and the calls as JSON, and prints a JSON list with an error or null for each call. The
SDK for Python reports unknown and missing parameters and values that are too small; this script adds lists of values,
patterns and values that are too large. The SDK for JavaScript checks nothing: it leaves out parameters that it does not
know.
"""

import json
import sys

import boto3
import regex
from botocore.exceptions import BotoCoreError, ClientError


def problems(shape, value, path):
    """What a value violates of its shape in the model. Unknown members and wrong types are left to the SDK."""
    kind, limits = shape.type_name, shape.metadata
    if kind == "structure" and isinstance(value, dict):
        members = [(member, shape.members[member]) for member in value if member in shape.members]
        return [text for member, inner in members for text in problems(inner, value[member], f"{path}.{member}")]
    if kind == "map" and isinstance(value, dict):
        return [text for key in value for text in problems(shape.value, value[key], f"{path}.{key}")]
    found = []
    size = value if isinstance(value, (int, float)) else len(value)
    if "max" in limits and size > limits["max"]:
        found.append(f"{path}: {size} is more than {limits['max']}")
    if "enum" in limits and value not in limits["enum"]:
        found.append(f"{path}: {value} is none of {limits['enum']}")
    if "pattern" in limits and isinstance(value, str) and not regex.fullmatch(limits["pattern"], value):
        found.append(f"{path}: {value} does not match {limits['pattern']}")
    if kind == "list" and isinstance(value, list):
        found += [text for each in value for text in problems(shape.member, each, f"{path}[]")]
    return found


def call(client, operation, parameters):
    """Returns an error, or None."""
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    try:
        getattr(client, operation)(**parameters)
    except (BotoCoreError, ClientError) as error:
        return str(error)
    return "; ".join(problems(model.input_shape, parameters, operation)) or None


task = json.load(sys.stdin)
session = boto3.Session(region_name=task["region"], aws_access_key_id="test", aws_secret_access_key="test")
clients = {}
results = []
for each in task["calls"]:
    service = each["service"]
    if service not in clients:
        clients[service] = session.client(service, endpoint_url=task["endpoint"])
    results.append(call(clients[service], each["operation"], each["parameters"]))
json.dump(results, sys.stdout)
