"""What AWS refuses of CloudWatch calls and moto lets pass. Registered like the rules of strict.py."""

import json
import re
from collections.abc import Iterator
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


# --- Dashboards ----------------------------------------------------------------------------------


@rule(
    "cloudwatch-dashboard-name",
    "InvalidParameterInput",
    "the name of a dashboard has up to 255 letters, digits, hyphens and underscores",
    CloudWatchResponse,
    "PutDashboard",
)
def cloudwatch_dashboard_name(request: Any) -> str | None:
    name = request._get_params().get("DashboardName") or ""
    return None if re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name) else f"The dashboard name '{name}' is invalid."


@rule(
    "cloudwatch-dashboard-names",
    "InvalidParameterValue",
    "dashboards are read, listed and deleted by what may be a name, at most 100 at once",
    CloudWatchResponse,
    "GetDashboard",
    "ListDashboards",
    "DeleteDashboards",
)
def cloudwatch_dashboard_names(request: Any) -> str | None:
    params = request._get_params()
    if request._get_action() == "GetDashboard":
        names = [params.get("DashboardName") or ""]
    else:
        names = params.get("DashboardNames") or [params.get("DashboardNamePrefix", "any")]
    if len(names) > 100:
        return "You can delete up to 100 dashboards at once."
    wrong = [name for name in names if not re.fullmatch(r"[A-Za-z0-9._-]{1,255}", name)]
    return f"The dashboard name '{wrong[0]}' is invalid." if wrong else None


# What the properties of a widget of each type must have.
WIDGETS = {
    "alarm": ("alarms",),
    "chart": (),
    "custom": ("endpoint",),
    "explorer": (),
    "log": ("query", "region"),
    "metric": (),
    "text": ("markdown",),
}
# Least and most of where a widget is and how large.
GRID = {"x": (0, 23), "y": (0, 10**9), "width": (1, 24), "height": (1, 1000)}
VIEWS = ("timeSeries", "singleValue", "gauge", "bar", "pie", "table")


@rule(
    "cloudwatch-dashboard-body",
    "InvalidParameterInput",
    "the body of a dashboard is JSON, with up to 500 widgets on its grid, each with what its type needs",
    CloudWatchResponse,
    "PutDashboard",
)
def cloudwatch_dashboard_body(request: Any) -> str | None:
    try:
        body = json.loads(request._get_params().get("DashboardBody") or "")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return "The field DashboardBody must be a valid JSON object"
    wrong = [{"dataPath": path, "message": message} for path, message in _in_body(body)]
    if not wrong:
        return None
    return f"The dashboard body is invalid, there are {len(wrong)} validation errors:\n{json.dumps(wrong, indent=2)}"


Wrong = Iterator[tuple[str, str]]


def _in_body(body: dict[str, Any]) -> Wrong:
    """The path of everything wrong, with what is wrong there. What AWS only warns about, such as properties that it does
    not know, is left alone."""
    if body.get("periodOverride", "auto") not in ("auto", "inherit"):
        yield "/periodOverride", "Should be equal to one of the allowed values"
    if "end" in body and "start" not in body:
        yield "/", "Should have property start when property end is present"
    if not isinstance(body.get("widgets"), list):
        yield "/", "Should have required property 'widgets'"
    elif len(body["widgets"]) > 500:
        yield "/widgets", "Should NOT have more than 500 items"
    else:
        for number, widget in enumerate(body["widgets"]):
            yield from _in_widget(widget, f"/widgets/{number}")


def _in_widget(widget: Any, path: str) -> Wrong:
    if not isinstance(widget, dict) or not isinstance(widget.get("properties"), dict):
        yield path, "Should be object, with required property 'properties'"
        return
    if widget.get("type") not in WIDGETS:
        yield f"{path}/type", "Should be equal to one of the allowed values"
        return
    yield from _on_grid(widget, path)
    properties, path = widget["properties"], f"{path}/properties"
    for name in WIDGETS[widget["type"]]:
        if not properties.get(name):
            yield path, f"Should have required property '{name}'"
    if widget["type"] == "metric":
        yield from _in_metric_widget(properties, path)


def _on_grid(widget: dict[str, Any], path: str) -> Wrong:
    for name, (least, most) in GRID.items():
        value = widget.get(name, least)
        # True is a whole number in Python.
        if type(value) is not int:
            yield f"{path}/{name}", "Should be integer"
            return
        if not least <= value <= most:
            yield f"{path}/{name}", f"Should be >= {least} and <= {most}"
    if widget.get("x", 0) + widget.get("width", 6) > 24:
        yield path, "Should fit the 24 columns of the grid"


def _in_metric_widget(properties: dict[str, Any], path: str) -> Wrong:
    metrics, alarms = properties.get("metrics"), (properties.get("annotations") or {}).get("alarms")
    if not properties.get("region") or not (metrics or alarms):
        yield path, "The metric widget should have specified a region and a data source or an alarm annotation"
    if alarms is not None and len(alarms) != 1:
        yield f"{path}/annotations/alarms", "Should have exactly 1 item"
    if properties.get("view", VIEWS[0]) not in VIEWS:
        yield f"{path}/view", "Should be equal to one of the allowed values"
    period = properties.get("period", 60)
    if type(period) is not int or not (period in (1, 5, 10, 20, 30) or (period > 0 and period % 60 == 0)):
        yield f"{path}/period", "Should be 1, 5, 10, 20, 30 or a multiple of 60"
    if len(metrics or []) > 500:
        yield f"{path}/metrics", "Should NOT have more than 500 items"
    for number, metric in enumerate(metrics or []):
        yield from _in_metric(metric, f"{path}/metrics/{number}")


def _in_metric(metric: Any, path: str) -> Wrong:
    if not isinstance(metric, list) or not metric:
        yield path, "Should be array"
        return
    *names, last = metric
    rendering = last if isinstance(last, dict) else {}
    names = names if isinstance(last, dict) else metric
    if not all(isinstance(name, str) for name in names):
        yield path, (
            'Field "metrics" has to be an array of array of strings, with an optional metricRenderer object as last element'
        )
    elif not names and "expression" not in rendering:
        yield path, "Should have a metric or an expression"
    elif len(names) % 2 and "..." not in names:
        yield path, "Should have a namespace, a name, and a value for each dimension"
