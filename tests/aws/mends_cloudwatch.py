"""Where moto's CloudWatch answers differently from AWS. Registered like the mends of mends.py."""

from collections.abc import Callable
from typing import Any

from moto.cloudwatch.exceptions import ResourceNotFound, ResourceNotFoundException
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

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
