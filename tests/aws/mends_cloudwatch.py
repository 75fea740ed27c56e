"""Where moto's CloudWatch answers differently from AWS. Registered like the mends of mends.py."""

from collections.abc import Callable
from typing import Any

from moto.cloudwatch.exceptions import ResourceNotFound, ResourceNotFoundException
from moto.cloudwatch.models import CloudWatchBackend, Dashboard, cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from catalogue import around
from cbor import model
from mends import mend, page


@mend("cloudwatch-alarm-state", "PutMetricAlarm of a new alarm and of one that exists")
def alarm_state() -> None:
    """AWS: a new alarm is in INSUFFICIENT_DATA; changing one leaves its state alone and ignores tags (API Reference,
    PutMetricAlarm). moto: OK whenever it is put, and the tags are added. Goes when moto does the same."""

    @around(CloudWatchBackend, "put_metric_alarm")
    def put(original: Callable, backend: Any, **kwargs: Any) -> Any:
        known = backend.alarms.get(kwargs["name"])
        if known is None:
            alarm = original(backend, **kwargs)
            alarm.state_value = "INSUFFICIENT_DATA"
            return alarm
        alarm = original(backend, **{**kwargs, "tags": None})
        for name in ("history", "state_reason", "state_reason_data", "state_value", "state_updated_timestamp"):
            setattr(alarm, name, getattr(known, name))
        return alarm


@mend("cloudwatch-alarm-settings", "an alarm keeps every setting as it was sent")
def alarm_settings() -> None:
    """AWS: DescribeAlarms returns what PutMetricAlarm was sent, for statistics of every kind (API Reference,
    MetricAlarm). moto: drops the account of a metric, the evaluation window and the warm-up, and knows percentiles
    only. Goes when moto keeps them."""
    sent, read = (set(model().shape_for(shape).members) for shape in ("PutMetricAlarmInput", "MetricAlarm"))
    # Metrics have another name inside moto, and whether actions are enabled has operations of its own.
    settings = (sent & read) - {"ActionsEnabled", "Metrics"}

    @around(CloudWatchResponse, "put_metric_alarm")
    def put(original: Callable, response: Any) -> ActionResult:
        params = response._get_params()
        kept = {name: params[name] for name in settings & params.keys()}
        params.pop("ExtendedStatistic", None)
        answer = original(response)
        alarm = response.cloudwatch_backend.alarms[params["AlarmName"]]
        alarm.__dict__.update(kept, metric_data_queries=params.get("Metrics", []))
        return answer


@mend("cloudwatch-describe-alarms", "pages, filters and types of DescribeAlarms")
def describe_alarms() -> None:
    """AWS: all filters apply together, only metric alarms come unless AlarmTypes says otherwise, at most MaxRecords of
    them and 50 by default (API Reference, DescribeAlarms). moto: applies one filter, returns composite alarms always,
    and everything at once. Goes when moto pages and filters."""

    def describe(response: Any) -> ActionResult:
        params = response._get_params()
        names, types = params.get("AlarmNames"), params.get("AlarmTypes") or ["MetricAlarm"]
        found = [
            alarm
            for name, alarm in sorted(response.cloudwatch_backend.alarms.items())
            if (not names or name in names)
            and name.startswith(params.get("AlarmNamePrefix", ""))
            and params.get("StateValue") in (None, alarm.state_value)
            and _has_action(alarm, params.get("ActionPrefix", ""))
            and ("CompositeAlarm" if alarm.rule else "MetricAlarm") in types
        ]
        found, rest = page(found, params.get("NextToken"), params.get("MaxRecords", 50))
        return ActionResult(
            {
                "MetricAlarms": [alarm for alarm in found if not alarm.rule],
                "CompositeAlarms": [alarm for alarm in found if alarm.rule],
                "NextToken": rest,
            }
        )

    CloudWatchResponse.describe_alarms = describe


def _has_action(alarm: Any, prefix: str) -> bool:
    actions = [*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions]
    return not prefix or any(action.startswith(prefix) for action in actions)


@mend("cloudwatch-alarm-deletion", "DeleteAlarms of alarms that do not exist, and their tags")
def alarm_deletion() -> None:
    """AWS: deletes those that exist, with their tags, and answers ResourceNotFound if any does not (API Reference,
    DeleteAlarms). moto: never refuses, and a new alarm of the name has the old one's tags. Goes when moto refuses."""

    @around(CloudWatchBackend, "delete_alarms")
    def delete(original: Callable, backend: Any, alarm_names: list[str]) -> None:
        known = [backend.alarms[name] for name in alarm_names if name in backend.alarms]
        original(backend, alarm_names)
        for alarm in known:
            backend.tagger.delete_all_tags_for_resource(alarm.alarm_arn)
        if len(known) < len(alarm_names):
            raise ResourceNotFound("The named resource does not exist.")


@mend("cloudwatch-alarm-tags", "tags of an alarm that does not exist, and of one without tags")
def alarm_tags() -> None:
    """AWS: tags of an absent alarm are refused with ResourceNotFoundException, removing tags that are not there is not
    (API Reference, ListTagsForResource, UntagResource). moto: the other way round. Goes when moto does the same."""

    def known(backend: Any, arn: str) -> bool:
        return ":alarm:" not in arn or any(alarm.alarm_arn == arn for alarm in backend.alarms.values())

    @around(CloudWatchBackend, "list_tags_for_resource")
    def list_tags(original: Callable, backend: Any, arn: str) -> dict[str, str]:
        if not known(backend, arn):
            raise ResourceNotFoundException
        return original(backend, arn)

    @around(CloudWatchBackend, "untag_resource")
    def untag(original: Callable, backend: Any, arn: str, tag_keys: list[str]) -> None:
        if not known(backend, arn):
            raise ResourceNotFoundException
        backend.tagger.untag_resource_using_names(arn, tag_keys)


# --- Dashboards ----------------------------------------------------------------------------------


def _home(backend: Any) -> Any:
    """The one backend of the account that has its dashboards, with their tags."""
    return cloudwatch_backends[backend.account_id]["us-east-1"]


@mend("cloudwatch-dashboards-everywhere", "the dashboards of an account are the same in all regions")
def dashboards_everywhere() -> None:
    """AWS: dashboards are global (API Reference, PutDashboard and GetDashboard). moto: has some for each region. Goes when
    GetDashboard finds what was put in another region."""

    def dashboards(backend: Any) -> dict[str, Dashboard]:
        return _home(backend).__dict__["dashboards_of_account"]

    def set_dashboards(backend: Any, value: dict[str, Dashboard]) -> None:
        backend.__dict__["dashboards_of_account"] = value

    CloudWatchBackend.dashboards = property(dashboards, set_dashboards)


@mend("cloudwatch-dashboard-lists", "pages of ListDashboards, and when and how large a dashboard is")
def dashboard_lists() -> None:
    """AWS: at most 1000 dashboards and a NextToken for the rest, each with its size in bytes and when it was last changed
    (API Reference, ListDashboards and DashboardEntry). moto: all at once, sizes in characters, and the local time as if it
    were UTC. Goes when moto pages."""
    Dashboard.size = property(lambda dashboard: len(dashboard.body.encode()))

    @around(Dashboard, "__init__")
    def init(original: Callable, dashboard: Any, *args: Any) -> None:
        original(dashboard, *args)
        dashboard.last_modified = utcnow()

    def list_dashboards(response: Any) -> ActionResult:
        params = response._get_params()
        found = sorted(response.cloudwatch_backend.dashboards.items())
        found = [one for name, one in found if name.startswith(params.get("DashboardNamePrefix", ""))]
        found, rest = page(found, params.get("NextToken"), 1000)
        return ActionResult({"DashboardEntries": found, "NextToken": rest})

    CloudWatchResponse.list_dashboards = list_dashboards


@mend("cloudwatch-dashboard-deletion", "DeleteDashboards of several of which one does not exist")
def dashboard_deletion() -> None:
    """AWS: deletes as many as possible, and answers ResourceNotFound if one does not exist (API Reference, DeleteDashboards;
    until 2025 it promised to delete none then, and the error is not among those that the model has for the operation any
    more). moto: deletes none. Goes when moto deletes the others."""

    @around(CloudWatchBackend, "delete_dashboards")
    def delete(original: Callable, backend: Any, dashboards: list[str]) -> str | None:
        known = [name for name in dashboards if name in backend.dashboards]
        for name in known:
            _home(backend).tagger.delete_all_tags_for_resource(backend.dashboards[name].arn)
        original(backend, known)
        return original(backend, [name for name in dashboards if name not in known])


@mend("cloudwatch-dashboard-tags", "dashboards can be tagged")
def dashboard_tags() -> None:
    """AWS: PutDashboard takes tags, which it ignores if the dashboard exists, and TagResource, UntagResource and
    ListTagsForResource take the ARN of a dashboard, which has no region (API Reference of each). moto: drops the tags, and
    knows those of alarms only. Goes when moto keeps them."""

    @around(CloudWatchResponse, "put_dashboard")
    def put(original: Callable, response: Any) -> ActionResult:
        params, backend = response._get_params(), response.cloudwatch_backend
        existed = params["DashboardName"] in backend.dashboards
        answer = original(response)
        if not existed:
            arn = backend.dashboards[params["DashboardName"]].arn
            _home(backend).tagger.tag_resource(arn, params.get("Tags") or [])
        return answer

    def of_dashboard(operation: str, act: Callable[..., Any]) -> None:
        @around(CloudWatchBackend, operation)
        def of_any(original: Callable, backend: Any, arn: str, *args: Any) -> Any:
            if ":dashboard/" not in arn:
                return original(backend, arn, *args)
            if all(one.arn != arn for one in backend.dashboards.values()):
                raise ResourceNotFoundException
            return act(_home(backend).tagger, arn, *args)

    of_dashboard("tag_resource", lambda tagger, arn, tags: tagger.tag_resource(arn, tagger.convert_dict_to_tags_input(tags)))
    of_dashboard("untag_resource", lambda tagger, arn, keys: tagger.untag_resource_using_names(arn, keys))
    of_dashboard("list_tags_for_resource", lambda tagger, arn: tagger.get_tag_dict_for_resource(arn))
