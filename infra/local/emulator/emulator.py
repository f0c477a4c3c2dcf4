"""Runs the AWS emulator ministack, with extensions for features that this project's template needs and ministack lacks.

If a later ministack has one of these features, the start fails with the request to delete the extension here and in
docs/decisions/emulator.md.
The emulator ends when its standard input ends.
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


def stop_obsolete(feature):
    sys.exit(f"The emulator now has {feature}: delete its extension from {__file__} and from docs/decisions/emulator.md")


def extend_query_definitions():
    """Adds saved queries of Logs Insights as resources that do nothing."""
    kind = "AWS::Logs::QueryDefinition"
    if kind in HANDLERS:
        stop_obsolete(kind)
    HANDLERS[kind] = {
        "create": lambda logical_id, properties, stack: (logical_id, {}),
        "update": lambda physical_id, old, new, stack: (physical_id, {}),
        "delete": lambda physical_id, properties: None,
    }


def extend_secret_references():
    """Makes the Ref of a secret its ARN, which policies contain; the emulator returns the name."""
    secret = HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = secret["create"], secret["update"], secret["delete"]

    def with_arn(result):
        reference, attributes = result
        if reference == attributes["Arn"]:
            stop_obsolete("secrets whose Ref is the ARN")
        return attributes["Arn"], attributes

    def name_of(arn):
        # As on AWS, a hyphen and six characters follow the name.
        return arn.split(":secret:")[1][:-7]

    secret["create"] = lambda logical_id, properties, stack: with_arn(create(logical_id, properties, stack))
    secret["update"] = lambda arn, old, new, stack, logical_id=None: with_arn(
        update(name_of(arn), old, new, stack, logical_id)
    )
    secret["delete"] = lambda arn, properties: delete(name_of(arn), properties)


def extend_error_names():
    """Keeps the name of a function's error, which a state machine matches; the emulator names all Runtime.HandlerError."""
    result_code = 'status: "error", error: String(err.message || err),'
    if result_code not in lambda_runtime._NODEJS_WORKER_SCRIPT:
        stop_obsolete("another way to report errors of Node functions")
    lambda_runtime._NODEJS_WORKER_SCRIPT = lambda_runtime._NODEJS_WORKER_SCRIPT.replace(
        result_code, result_code + " name: err.name,"
    )
    latest = threading.local()
    invoke, execute = lambda_runtime.Worker.invoke, lambda_svc._execute_function_warm

    def invoke_and_keep_name(worker, *arguments, **options):
        result = invoke(worker, *arguments, **options)
        latest.name = result.get("name")
        return result

    def execute_with_name(*arguments):
        latest.name = None
        result = execute(*arguments)
        body = result.get("body")
        if result.get("error") and latest.name and body["errorType"] == "Runtime.HandlerError":
            body["errorType"] = latest.name
        return result

    lambda_runtime.Worker.invoke = invoke_and_keep_name
    lambda_svc._execute_function_warm = execute_with_name


def extend_throttling():
    """Names a throttled invocation as AWS does; the emulator reports it to a state machine as Lambda.Unknown."""
    throttled = lambda_svc._throttle_response
    if "errorType" in throttled("reason", "message")["body"]:
        stop_obsolete("a name for throttled invocations")

    def with_error_type(*arguments, **options):
        result = throttled(*arguments, **options)
        result["body"]["errorType"] = "Lambda.TooManyRequestsException"
        return result

    lambda_svc._throttle_response = with_error_type


def extend_failed_events():
    """Retries a function that fails on an event, then sends the event to its queue; the emulator invokes it once."""
    if "invoke_async_with_retry" in inspect.getsource(eventbridge._dispatch_to_lambda):
        stop_obsolete("asynchronous invocations from EventBridge")

    def dispatch(arn, payload):
        function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
        record = lambda_svc._execution_record_for_config(function, configuration)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    eventbridge._dispatch_to_lambda = dispatch


def end_with_parent():
    """Ends this process and its children when the standard input ends, which it does when the parent process ends."""
    sys.stdin.read()
    shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    extend_query_definitions()
    extend_secret_references()
    extend_error_names()
    extend_throttling()
    extend_failed_events()
    # With TLS, the emulator would also use port 443 of this machine, for the host names of Cognito.
    app._port_is_bindable = lambda host, port: False
    threading.Thread(target=end_with_parent, daemon=True).start()
    app.main()
