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
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, iam, lambda_svc, scheduler, stepfunctions
from ministack.services.cloudformation import provisioners, stacks

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


def extend_stack_events():
    """Sends an event when the status of a stack changes, as CloudFormation does.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
    """
    if "eventbridge" in inspect.getsource(stacks):
        stop_obsolete("events of CloudFormation")
    add_event = stacks._add_event

    def add_and_send(stack_id, stack_name, logical_id, resource_type, status, *arguments, **options):
        add_event(stack_id, stack_name, logical_id, resource_type, status, *arguments, **options)
        if logical_id == stack_name:
            detail = {"stack-id": stack_id, "status-details": {"status": status, "status-reason": ""}}
            entry = {
                "Source": "aws.cloudformation",
                "DetailType": "CloudFormation Stack Status Change",
                "Detail": json.dumps(detail),
                "Resources": [stack_id],
            }
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    stacks._add_event = add_and_send


def extend_metric_math_alarms():
    """Accepts alarms on metric math, which are never evaluated; the emulator refuses the template.

    Their state changes by SetAlarmState only. WarmUpConfiguration and the metrics are kept for DescribeAlarms.
    """
    record = provisioners._cw_metric_alarm_record
    if "metric math" not in inspect.getsource(record):
        stop_obsolete("alarms on metric math")

    def with_metrics(name, properties):
        metrics = properties.get("Metrics")
        if not metrics:
            return record(name, properties)
        others = {key: value for key, value in properties.items() if key != "Metrics"}
        alarm = record(name, {**others, "MetricName": "metric math", "Namespace": "metric math"})
        # Without these two, the emulator does not evaluate the alarm.
        return {**alarm, "MetricName": None, "Namespace": None, "Metrics": metrics}

    provisioners._cw_metric_alarm_record = with_metrics


def event_keys(source, detail_type):
    """The condition keys of an event that is sent."""
    keys = {"events:source": source, "events:detail-type": detail_type}
    return {key: value for key, value in keys.items() if value is not None}


def extend_event_conditions():
    """Supplies the condition keys events:source and events:detail-type of PutEvents; the emulator denies without them.

    Each entry of a call must be allowed, and one denied entry denies the call.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    """
    if any("events:source" in inspect.getsource(module) for module in (app, iam_actions, iam_evaluator)):
        stop_obsolete("the condition key events:source")
    context_of, enforce = iam_actions.request_tag_context, iam_evaluator.enforce
    entries_key = "extension:entries"

    def context_with_entries(service, action, body, parameters):
        context = context_of(service, action, body, parameters)
        if action != "events:PutEvents":
            return context
        entries = json.loads(body).get("Entries", [])
        return {**context, entries_key: {(entry.get("Source"), entry.get("DetailType")) for entry in entries}}

    def enforce_entries(*arguments, service_context=None, **options):
        context = dict(service_context or {})
        for entry in context.pop(entries_key, [(None, None)]):
            denied = enforce(*arguments, service_context={**context, **event_keys(*entry)}, **options)
            if denied:
                return denied
        return None

    iam_actions.request_tag_context = context_with_entries
    iam_evaluator.enforce = enforce_entries


def extend_secret_conditions():
    """Supplies the condition key secretsmanager:VersionStage of UpdateSecretVersionStage; the emulator denies without.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
    """
    if any("secretsmanager:versionstage" in inspect.getsource(module).lower() for module in (app, iam_actions)):
        stop_obsolete("the condition key secretsmanager:VersionStage")
    context_of = iam_actions.request_tag_context

    def context_with_stage(service, action, body, parameters):
        context = context_of(service, action, body, parameters)
        if action != "secretsmanager:UpdateSecretVersionStage":
            return context
        return {**context, "secretsmanager:VersionStage": json.loads(body).get("VersionStage", "")}

    iam_actions.request_tag_context = context_with_stage


def extend_schedule_groups():
    """Names the group of a schedule in its ARN, which policies contain; the emulator always uses the default group.

    The group is in the body of CreateSchedule, and in the query of GetSchedule and DeleteSchedule.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    """
    resource_of = iam_actions.extract_resource_arn
    if ":schedule/default/" not in inspect.getsource(resource_of):
        stop_obsolete("schedules with the ARN of their group")

    def resource_with_group(service, method, path, headers, body, query, *place):
        resource = resource_of(service, method, path, headers, body, query, *place)
        if service != "scheduler" or ":schedule/default/" not in resource:
            return resource
        named = query.get("groupName") or json.loads(body or b"{}").get("GroupName") or "default"
        group = named[0] if isinstance(named, list) else named
        return resource.replace(":schedule/default/", f":schedule/{group}/")

    iam_actions.extract_resource_arn = resource_with_group


def role_denies(role_arn, action, resource, keys):
    """Whether the policies of a role do not allow an action of a service that acts as this role."""
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context=keys,
    )
    policies = iam_evaluator._gather_role_policies(role_arn.split("/")[-1], get_account_id())
    return iam_evaluator.evaluate(context, policies).decision != "Allow"


def extend_task_roles():
    """Runs the tasks of a state machine, invocations and PutEvents, with its role; the emulator ignores the role."""
    if "EvalContext" in inspect.getsource(stepfunctions):
        stop_obsolete("tasks of Step Functions that act as the role")
    execute, invoke = stepfunctions._execute_task, stepfunctions._invoke_resource
    invoke_in_time = stepfunctions._invoke_resource_with_timeout
    current = threading.local()

    def execute_as_role(definition, task_input, execution, context):
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
        current.role = machine.get("roleArn")
        return execute(definition, task_input, execution, context)

    def check(resource, task_input):
        # A task with a timeout is invoked in another thread, after its check in this one.
        role = getattr(current, "role", None)
        if role is None:
            return
        requests = [("lambda:InvokeFunction", resource, {})]
        if "lambda:invoke" in resource:
            requests = [("lambda:InvokeFunction", task_input["FunctionName"], {})]
        elif "events:putEvents" in resource:
            requests = [
                ("events:PutEvents", bus_arn(entry), event_keys(entry["Source"], entry["DetailType"]))
                for entry in task_input["Entries"]
            ]
        for request in requests:
            if role_denies(role, *request):
                raise stepfunctions._ExecutionError("States.Permissions", f"The role {role} may not {request}")

    def bus_arn(entry):
        bus = entry.get("EventBusName", "default")
        return bus if ":" in bus else f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus/{bus}"

    def checked(run):
        def run_checked(resource, task_input, *arguments):
            check(resource, task_input)
            return run(resource, task_input, *arguments)

        return run_checked

    stepfunctions._execute_task = execute_as_role
    stepfunctions._invoke_resource = checked(invoke)
    stepfunctions._invoke_resource_with_timeout = checked(invoke_in_time)


def extend_schedule_roles():
    """Invokes the target of a schedule only if its role permits that; the emulator ignores the role.

    The trust policy sees the keys that AWS documents: the account, and the ARN of the schedule's group.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    invoke, create = eventbridge._invoke_target, HANDLERS["AWS::Scheduler::Schedule"]["create"]
    if "iam_evaluator" in inspect.getsource(scheduler):
        stop_obsolete("schedules that act as their role")

    def check_trust(schedule):
        role_arn = schedule["Target"]["RoleArn"]
        role = iam._roles.get(role_arn.split("/")[-1]) or {}
        group = scheduler._group_arn(schedule["GroupName"])
        context = iam_evaluator.EvalContext(
            principal_arn="*",
            principal_type="Service",
            principal_account="",
            action="sts:AssumeRole",
            resource_arn="*",
            region=get_region(),
            service_context={"aws:sourceaccount": get_account_id(), "aws:sourcearn": group},
        )
        # The emulator evaluates the principals of services in resource policies only. A trust policy has no resource.
        statements = json.loads(role.get("AssumeRolePolicyDocument", "{}")).get("Statement", [])
        policy = {"Statement": [{**statement, "Resource": "*"} for statement in statements]}
        result = iam_evaluator.evaluate_resource_policy(policy, context, service="scheduler.amazonaws.com")
        if result.decision != "Allow":
            raise PermissionError(f"{role_arn} of {schedule['Name']} does not trust scheduler.amazonaws.com")
        return role_arn

    def invoke_as_role(target, event, rule, *arguments):
        if ":scheduler:" in rule.get("Arn", ""):
            role_arn = check_trust(rule)
            if role_denies(role_arn, "lambda:InvokeFunction", target["Arn"], {}):
                raise PermissionError(f"{role_arn} of {rule['Name']} may not invoke {target['Arn']}")
        return invoke(target, event, rule, *arguments)

    def create_with_trust(logical_id, properties, stack):
        check_trust({"GroupName": "default", "Name": logical_id, **properties})
        return create(logical_id, properties, stack)

    eventbridge._invoke_target = invoke_as_role
    HANDLERS["AWS::Scheduler::Schedule"]["create"] = create_with_trust
    # Seconds between two looks at the schedules.
    scheduler._SCHEDULE_TICK_INTERVAL = 1


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
    extend_stack_events()
    extend_metric_math_alarms()
    extend_event_conditions()
    extend_secret_conditions()
    extend_schedule_groups()
    extend_task_roles()
    extend_schedule_roles()
    # With TLS, the emulator would also use port 443 of this machine, for the host names of Cognito.
    app._port_is_bindable = lambda host, port: False
    threading.Thread(target=end_with_parent, daemon=True).start()
    app.main()
