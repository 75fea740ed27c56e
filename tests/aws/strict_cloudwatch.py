"""What AWS refuses of CloudWatch calls and moto lets pass. Registered like the rules of strict.py."""

import re
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.cloudwatch.responses import CloudWatchResponse

from cbor import model
from strict import rule

ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
# With the region and the account of an Application Auto Scaling policy.
SCALING_POLICY = re.compile(
    r"arn:aws[\w-]*:autoscaling:([\w-]+):(\d{12}):scalingPolicy:[\w-]+:resource/[^:]+:policyName/[^:]+"
)


def _periods(request: Any) -> list[int]:
    """The periods of the metrics that the alarm watches."""
    params = request._get_params()
    queries = params.get("Metrics", [])
    periods = [params.get("Period"), *(query.get("MetricStat", query).get("Period") for query in queries)]
    return [period for period in periods if period is not None]


@rule(
    "cloudwatch-period",
    "ValidationError",
    "the period of an alarm is 10, 20 or 30 seconds or a number of minutes",
    CloudWatchResponse,
    "PutMetricAlarm",
)
def cloudwatch_period(request: Any) -> str | None:
    params = request._get_params()
    if params.get("MetricName") and params.get("Period") is None:
        return "Period must not be null"
    if all(period in (10, 20, 30) or (period > 0 and period % 60 == 0) for period in _periods(request)):
        return None
    return "Period must be 10, 20, 30 or a multiple of 60"


@rule(
    "cloudwatch-span",
    "ValidationError",
    "an alarm looks at one day at most, or at seven with a period of an hour or more",
    CloudWatchResponse,
    "PutMetricAlarm",
)
def cloudwatch_span(request: Any) -> str | None:
    count = request._get_params().get("EvaluationPeriods") or 0
    if all(period * count <= (86400 if period < 3600 else 604800) for period in _periods(request)):
        return None
    return "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)."


@rule(
    "cloudwatch-datapoints",
    "ValidationError",
    "an alarm needs no more data points than it looks at",
    CloudWatchResponse,
    "PutMetricAlarm",
)
def cloudwatch_datapoints(request: Any) -> str | None:
    params = request._get_params()
    if (params.get("DatapointsToAlarm") or 0) > (params.get("EvaluationPeriods") or 0):
        return "DatapointsToAlarm must be less than or equal to EvaluationPeriods"
    return None


@rule(
    "cloudwatch-words",
    "ValidationError",
    "comparison, statistic, unit and what missing data count as are some of certain words",
    CloudWatchResponse,
    "PutMetricAlarm",
)
def cloudwatch_words(request: Any) -> str | None:
    members = model().shape_for("PutMetricAlarmInput").members
    known = {name: members[name].enum for name in ("ComparisonOperator", "Statistic", "Unit")}
    known["TreatMissingData"] = ["breaching", "notBreaching", "ignore", "missing"]
    for name, words in known.items():
        value = request._get_params().get(name)
        if value is not None and value not in words:
            return _constraint(value, name, f"satisfy enum value set: [{', '.join(words)}]")
    return None


def _constraint(value: Any, name: str, wanted: str) -> str:
    field = name[0].lower() + name[1:]
    found = f"1 validation error detected: Value '{value}' at '{field}'"
    return f"{found} failed to satisfy constraint: Member must {wanted}"


@rule(
    "cloudwatch-actions",
    "ValidationError",
    "an alarm has at most five actions for each state",
    CloudWatchResponse,
    "PutMetricAlarm",
)
def cloudwatch_actions(request: Any) -> str | None:
    for name in ACTIONS:
        actions = request._get_params().get(name) or []
        if len(actions) > 5:
            return _constraint(actions, name, "have length less than or equal to 5")
    return None


@rule(
    "cloudwatch-scaling-policy",
    "ValidationError",
    "a scaling policy that is an action of an alarm exists",
    CloudWatchResponse,
    "PutMetricAlarm",
)
def cloudwatch_scaling_policy(request: Any) -> str | None:
    for action in [action for name in ACTIONS for action in request._get_params().get(name) or []]:
        found = SCALING_POLICY.match(action)
        policies = applicationautoscaling_backends[found[2]][found[1]].policies.values() if found else []
        if found and found[0] not in [policy.policy_arn for policy in policies]:
            return f"Alarm action {action} is invalid: the scaling policy does not exist."
    return None


@rule(
    "cloudwatch-list-lengths",
    "ValidationError",
    "a call names, and a page has, at most 100 alarms",
    CloudWatchResponse,
    "DescribeAlarms",
    "DeleteAlarms",
    "EnableAlarmActions",
    "DisableAlarmActions",
)
def cloudwatch_list_lengths(request: Any) -> str | None:
    names, size = request._get_params().get("AlarmNames") or [], request._get_params().get("MaxRecords", 50)
    if len(names) > 100:
        return _constraint(names, "AlarmNames", "have length less than or equal to 100")
    return None if 1 <= size <= 100 else _constraint(size, "MaxRecords", "have value less than or equal to 100")
