"""Runs the AWS emulator ministack, completed where it knows less than a template of this project needs.

Every completion refuses to start once the emulator has the real thing, so that it is deleted here (docs/decisions/emulator.md).
The emulator lives no longer than whoever holds the other end of its standard input.
"""

import inspect
import json
import os
import shutil
import signal
import sys
import tempfile
import threading

from ministack import app
from ministack.core import lambda_runtime
from ministack.services import eventbridge, lambda_svc
from ministack.services.cloudformation import provisioners

HANDLERS = provisioners._RESOURCE_HANDLERS


def arrived(what):
    sys.exit(f"The emulator now has {what}: delete its completion from {__file__} and from docs/decisions/emulator.md")


def complete_query_definitions():
    """Saved queries of Logs Insights become resources that do nothing."""
    kind = "AWS::Logs::QueryDefinition"
    if kind in HANDLERS:
        arrived(kind)
    HANDLERS[kind] = {
        "create": lambda logical_id, properties, stack: (logical_id, {}),
        "update": lambda physical_id, old, new, stack: (physical_id, {}),
        "delete": lambda physical_id, properties: None,
    }


def complete_secret_references():
    """The Ref of a secret is its ARN, which policies name; the emulator gives its name."""
    secret = HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = secret["create"], secret["update"], secret["delete"]

    def by_arn(result):
        reference, attributes = result
        if reference == attributes["Arn"]:
            arrived("secrets whose Ref is the ARN")
        return attributes["Arn"], attributes

    def name_of(arn):
        # Six hex digits are appended to the name, as on AWS.
        return arn.split(":secret:")[1][:-7]

    secret["create"] = lambda logical_id, properties, stack: by_arn(create(logical_id, properties, stack))
    secret["update"] = lambda arn, old, new, stack, logical_id=None: by_arn(
        update(name_of(arn), old, new, stack, logical_id)
    )
    secret["delete"] = lambda arn, properties: delete(name_of(arn), properties)


def complete_error_names():
    """A function's error keeps its name, by which a state machine matches it; the emulator calls every one Runtime.HandlerError."""
    said = 'status: "error", error: String(err.message || err),'
    if said not in lambda_runtime._NODEJS_WORKER_SCRIPT:
        arrived("another way to tell of errors in Node")
    lambda_runtime._NODEJS_WORKER_SCRIPT = lambda_runtime._NODEJS_WORKER_SCRIPT.replace(said, said + " name: err.name,")
    last = threading.local()
    invoke, execute = lambda_runtime.Worker.invoke, lambda_svc._execute_function_warm

    def invoke_and_note(worker, *arguments, **options):
        result = invoke(worker, *arguments, **options)
        last.name = result.get("name")
        return result

    def execute_and_name(*arguments):
        last.name = None
        result = execute(*arguments)
        body = result.get("body")
        if result.get("error") and last.name and body["errorType"] == "Runtime.HandlerError":
            body["errorType"] = last.name
        return result

    lambda_runtime.Worker.invoke = invoke_and_note
    lambda_svc._execute_function_warm = execute_and_name


def complete_throttling():
    """A function without a free caller is told to a state machine by a name of AWS's; the emulator calls it Lambda.Unknown."""
    throttled = lambda_svc._throttle_response
    if "errorType" in throttled("reason", "message")["body"]:
        arrived("a name for throttled invocations")

    def named(*arguments, **options):
        result = throttled(*arguments, **options)
        result["body"]["errorType"] = "Lambda.TooManyRequestsException"
        return result

    lambda_svc._throttle_response = named


def complete_failed_events():
    """A function that fails on an event is tried again, and then its queue gets the event; the emulator tries once."""
    if "invoke_async_with_retry" in inspect.getsource(eventbridge._dispatch_to_lambda):
        arrived("asynchronous invocations from EventBridge")

    def dispatch(arn, payload):
        function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
        record = lambda_svc._execution_record_for_config(function, configuration)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    eventbridge._dispatch_to_lambda = dispatch


def end_with_parent():
    """Standard input ends when the process that holds it does, however that ended: then this one goes, and all it started."""
    sys.stdin.read()
    shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    complete_query_definitions()
    complete_secret_references()
    complete_error_names()
    complete_throttling()
    complete_failed_events()
    # With TLS the emulator would also take port 443 of this machine, for the host names of Cognito.
    app._port_is_bindable = lambda host, port: False
    threading.Thread(target=end_with_parent, daemon=True).start()
    app.main()
