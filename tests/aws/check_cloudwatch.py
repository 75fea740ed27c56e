"""Checks of the emulator's CloudWatch: its protocol with CBOR by hand, and alarms with plain boto3."""

import gzip
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2

from checks import CONFIG, REGION, SESSION, Aws, check, has, refused, same, tags

TOPIC = "arn:aws:sns:eu-west-1:000000000000:alerts"


def cbor_call(aws: Aws, operation: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], Any]:
    """Status, headers and content of the answer to a call as the SDK for Rust makes it."""
    scope = f"{aws._credentials['aws_access_key_id']}/20260101/{REGION}/monitoring/aws4_request"
    request = urllib.request.Request(
        f"{aws.endpoint}/service/GraniteServiceVersion20100801/operation/{operation}",
        body,
        {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "Content-Type": "application/cbor",
            "smithy-protocol": "rpc-v2-cbor",
            **headers,
        },
    )
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        same((answer.headers["content-type"], answer.headers["smithy-protocol"]), ("application/cbor", "rpc-v2-cbor"))
        return answer.status, dict(answer.headers), cbor2.loads(answer.read())


def alarm(**changed: Any) -> dict[str, Any]:
    return {
        "AlarmName": "cpu",
        "Namespace": "AWS/ECS",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "ClusterName", "Value": "main"}],
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 80.0,
        "ComparisonOperator": "GreaterThanThreshold",
        **changed,
    }


def read(aws: Aws, name: str = "cpu") -> dict[str, Any]:
    return aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


# --- The protocol --------------------------------------------------------------------------------


@check
def cloudwatch_speaks_cbor(aws: Aws) -> None:
    same(cbor_call(aws, "PutMetricAlarm", cbor2.dumps(alarm(Threshold=5)))[::2], (200, {}))
    for body in (b"", cbor2.dumps({"AlarmNames": ["cpu"]})):
        status, headers, content = cbor_call(aws, "DescribeAlarms", body)
        (found,) = content["MetricAlarms"]
        same((status, "x-amzn-requestid" in headers), (200, True))
        has(found, **alarm(Threshold=5.0))
        same((type(found["Threshold"]), type(found["Period"])), (float, int))
        # Only tag 1 becomes a moment.
        assert datetime.now(UTC) - found["AlarmConfigurationUpdatedTimestamp"] < timedelta(minutes=1), found
    by_boto3 = read(aws)
    same({key: by_boto3[key] for key in found}, found)


@check
def cbor_requests_are_logged_and_unpacked(aws: Aws) -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    datum = {"MetricName": "M", "Value": 1.5, "Timestamp": cbor2.CBORTag(1, moment.timestamp())}
    packed = gzip.compress(cbor2.dumps({"Namespace": "N", "MetricData": [datum]}))
    same(cbor_call(aws, "PutMetricData", packed, **{"Content-Encoding": "gzip"})[0], 200)
    has(aws.calls("PutMetricData")[0], service="cloudwatch", region=REGION, status=200)
    same(aws.calls("PutMetricData")[0]["params"]["MetricData"][0]["Timestamp"], moment.timestamp())
    metric = {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}
    span = {"StartTime": moment - timedelta(minutes=1), "EndTime": moment + timedelta(minutes=1)}
    query = {"MetricDataQueries": [{"Id": "m", "MetricStat": metric}], **span}
    stamped = {**query, **{key: cbor2.CBORTag(1, int(value.timestamp())) for key, value in span.items()}}
    (result,) = cbor_call(aws, "GetMetricData", cbor2.dumps(stamped))[2]["MetricDataResults"]
    same((result["Values"], result["Timestamps"]), ([1.5], [moment]))
    same(aws.cloudwatch.get_metric_data(**query)["MetricDataResults"][0]["Values"], [1.5])


@check
def cbor_errors(aws: Aws) -> None:
    absent = {"AlarmName": "absent", "StateValue": "OK", "StateReason": "r"}
    status, headers, content = cbor_call(aws, "SetAlarmState", cbor2.dumps(absent))
    same((status, headers["x-amzn-query-error"]), (404, "ResourceNotFound;Sender"))
    same((content["__type"].split("#")[-1], "message" in content), ("ResourceNotFound", True))
    same(aws.calls("SetAlarmState")[0]["error"], "ResourceNotFound")
    with refused("ResourceNotFound"):
        aws.cloudwatch.set_alarm_state(**absent)
    fault = {"service": "cloudwatch", "operation": "Describe*", "status": 400, "code": "Throttled", "times": 2}
    aws.control("POST", "faults", [fault])
    expected = {"__type": "ThrottlingException", "message": "injected by the test"}
    same(cbor_call(aws, "DescribeAlarms", b"")[::2], (400, expected))
    with refused("ThrottlingException"):
        aws.cloudwatch.describe_alarms()
    status, _, content = cbor_call(aws, "DescribeAlarmHistory", b"")
    same((status, content["__type"]), (501, "NotImplementedByEmulator"))


# --- Alarms --------------------------------------------------------------------------------------


@check
def an_alarm_keeps_its_settings(aws: Aws) -> None:
    wanted = alarm(
        AlarmDescription="too busy",
        AlarmActions=[TOPIC],
        OKActions=[TOPIC, f"{TOPIC}-2"],
        InsufficientDataActions=[TOPIC],
        ActionsEnabled=False,
        TreatMissingData="notBreaching",
        DatapointsToAlarm=2,
        Unit="Percent",
    )
    aws.cloudwatch.put_metric_alarm(**wanted)
    found = read(aws)
    has(found, **wanted, StateValue="INSUFFICIENT_DATA")
    same(found["AlarmArn"], f"arn:aws:cloudwatch:{REGION}:{aws.account}:alarm:cpu")
    aws.cloudwatch.put_metric_alarm(**alarm())
    has(read(aws), ActionsEnabled=True, AlarmActions=[], OKActions=[], InsufficientDataActions=[])
    has(read(aws), AlarmDescription=None, TreatMissingData=None, DatapointsToAlarm=None, Unit=None)
    changed = alarm(ExtendedStatistic="tm99.5", WarmUpConfiguration={"WarmUpPeriodDurationInMinutes": 5})
    del changed["Statistic"]
    aws.cloudwatch.put_metric_alarm(**changed)
    has(read(aws), **changed, Statistic=None)
    metric = {"Namespace": "N", "MetricName": "M", "Dimensions": []}
    wanted = {"Metric": metric, "Period": 60, "Stat": "p99", "Unit": "Count"}
    queries = [
        {"Id": "m", "MetricStat": wanted, "ReturnData": False, "AccountId": aws.account},
        {"Id": "e", "Expression": "m*2", "Label": "twice", "ReturnData": True},
    ]
    mathematical = {key: alarm()[key] for key in ("AlarmName", "EvaluationPeriods", "Threshold", "ComparisonOperator")}
    aws.cloudwatch.put_metric_alarm(**mathematical, Metrics=queries)
    has(read(aws), **mathematical, Metrics=queries, MetricName=None, Period=None)


@check
def an_alarm_keeps_its_state_when_it_is_changed(aws: Aws) -> None:
    aws.cloudwatch.put_metric_alarm(**alarm())
    aws.cloudwatch.set_alarm_state(AlarmName="cpu", StateValue="ALARM", StateReason="tried")
    aws.cloudwatch.put_metric_alarm(**alarm(Threshold=90.0))
    has(read(aws), StateValue="ALARM", StateReason="tried", Threshold=90.0)
    aws.cloudwatch.disable_alarm_actions(AlarmNames=["cpu"])
    same(read(aws)["ActionsEnabled"], False)
    aws.cloudwatch.enable_alarm_actions(AlarmNames=["cpu"])
    same(read(aws)["ActionsEnabled"], True)


@check
def alarms_are_filtered_and_paged(aws: Aws) -> None:
    cloudwatch = aws.cloudwatch
    for number in range(55):
        cloudwatch.put_metric_alarm(**alarm(AlarmName=f"{'ab'[number % 2]}-{number:02}", OKActions=[TOPIC]))
    first = cloudwatch.describe_alarms()
    rest = cloudwatch.describe_alarms(NextToken=first["NextToken"])
    same((len(first["MetricAlarms"]), len(rest["MetricAlarms"]), "NextToken" in rest), (50, 5, False))
    same(len(cloudwatch.describe_alarms(MaxRecords=100)["MetricAlarms"]), 55)
    paginator = cloudwatch.get_paginator("describe_alarms")
    pages = paginator.paginate(AlarmNamePrefix="b-", PaginationConfig={"PageSize": 10})
    names = [one["AlarmName"] for page in pages for one in page["MetricAlarms"]]
    same((len(names), names[0], names[-1]), (27, "b-01", "b-53"))
    cloudwatch.set_alarm_state(AlarmName="b-07", StateValue="OK", StateReason="r")
    cloudwatch.set_alarm_state(AlarmName="a-08", StateValue="OK", StateReason="r")
    found = cloudwatch.describe_alarms(AlarmNamePrefix="b-", StateValue="OK", ActionPrefix=TOPIC)["MetricAlarms"]
    same([one["AlarmName"] for one in found], ["b-07"])
    same(cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["MetricAlarms"], [])
    same(cloudwatch.describe_alarms(ActionPrefix="arn:aws:swf")["MetricAlarms"], [])
    for wrong in ({"MaxRecords": 101}, {"MaxRecords": 0}, {"AlarmNames": ["a"] * 101}):
        with refused("ValidationError"):
            cloudwatch.describe_alarms(**wrong)


@check
def tags_of_alarms(aws: Aws) -> None:
    cloudwatch = aws.cloudwatch
    cloudwatch.put_metric_alarm(**alarm(Tags=tags(a="b")))
    arn = read(aws)["AlarmArn"]
    cloudwatch.put_metric_alarm(**alarm(Tags=tags(a="c", d="e")))
    same(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], tags(a="b"))
    cloudwatch.tag_resource(ResourceARN=arn, Tags=tags(a="c", d="e"))
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    same(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], tags(d="e"))
    with refused("ResourceNotFound"):
        cloudwatch.delete_alarms(AlarmNames=["cpu", "absent"])
    same(cloudwatch.describe_alarms()["MetricAlarms"], [])
    for refuse in (
        lambda: cloudwatch.list_tags_for_resource(ResourceARN=arn),
        lambda: cloudwatch.tag_resource(ResourceARN=arn, Tags=tags(a="b")),
        lambda: cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"]),
    ):
        with refused("ResourceNotFoundException"):
            refuse()
    cloudwatch.put_metric_alarm(**alarm())
    same(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], [])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    cloudwatch.delete_alarms(AlarmNames=["cpu"])
    with refused("ValidationError"):
        cloudwatch.delete_alarms(AlarmNames=[str(number) for number in range(101)])


@check
def alarms_that_cannot_be(aws: Aws) -> None:
    resource = "service/main/app"
    policy = f"arn:aws:autoscaling:{REGION}:{aws.account}:scalingPolicy:1-2:resource/ecs/{resource}:policyName/absent"
    for wrong in (
        {"Period": 7},
        {"Period": 90},
        {"Period": None},
        {"EvaluationPeriods": 1441},
        {"Period": 3600, "EvaluationPeriods": 169},
        {"DatapointsToAlarm": 4},
        {"ComparisonOperator": "Above"},
        {"Statistic": "Median"},
        {"Unit": "Apples"},
        {"TreatMissingData": "breached"},
        {"OKActions": [f"{TOPIC}-{number}" for number in range(6)]},
        {"AlarmActions": [policy]},
    ):
        settings = {key: value for key, value in alarm(**wrong).items() if value is not None}
        with refused("ValidationError"):
            aws.cloudwatch.put_metric_alarm(**settings)
    for right in ({"Period": 20}, {"EvaluationPeriods": 1440}, {"Period": 3600, "EvaluationPeriods": 168}):
        aws.cloudwatch.put_metric_alarm(**alarm(**right))


# --- Dashboards ----------------------------------------------------------------------------------


def widget(kind: str = "metric", **changed: Any) -> dict[str, Any]:
    metric = ["AWS/ECS", "CPUUtilization", "ClusterName", "main", {"stat": "Maximum"}]
    properties = {"metrics": [metric], "region": REGION, "period": 300, "view": "timeSeries", "title": "CPU"}
    return {"type": kind, "x": 0, "y": 0, "width": 12, "height": 6, "properties": properties, **changed}


def dashboard(*widgets: dict[str, Any], **changed: Any) -> str:
    return json.dumps({"widgets": widgets or [widget()], **changed})


def dashboard_arn(aws: Aws, name: str) -> str:
    return f"arn:aws:cloudwatch::{aws.account}:dashboard/{name}"


@check
def dashboards_speak_cbor(aws: Aws) -> None:
    def call(operation: str, **params: Any) -> tuple[int, Any]:
        return cbor_call(aws, operation, cbor2.dumps(params))[::2]

    body, arn = dashboard(), dashboard_arn(aws, "main")
    request = {"DashboardName": "main", "DashboardBody": body, "Tags": tags(a="b")}
    same(call("PutDashboard", **request), (200, {"DashboardValidationMessages": []}))
    expected = {"DashboardArn": arn, "DashboardBody": body, "DashboardName": "main"}
    same(call("GetDashboard", DashboardName="main"), (200, expected))
    same(call("ListTagsForResource", ResourceARN=arn), (200, {"Tags": tags(a="b")}))
    (entry,) = call("ListDashboards", DashboardNamePrefix="ma")[1]["DashboardEntries"]
    has(entry, DashboardArn=arn, DashboardName="main", Size=len(body))
    assert abs(datetime.now(UTC) - entry["LastModified"]) < timedelta(minutes=1), entry
    wrong = cbor2.dumps({"DashboardName": "main", "DashboardBody": "{}"})
    status, headers, content = cbor_call(aws, "PutDashboard", wrong)
    same((status, headers["x-amzn-query-error"]), (400, "InvalidParameterInput;Sender"))
    assert "required property 'widgets'" in content["message"], content
    same(call("DeleteDashboards", DashboardNames=["main"]), (200, {}))
    absent = {"GetDashboard": {"DashboardName": "main"}, "DeleteDashboards": {"DashboardNames": ["main"]}}
    for operation, params in absent.items():
        status, headers, content = cbor_call(aws, operation, cbor2.dumps(params))
        same((status, content["__type"].split("#")[-1]), (404, "ResourceNotFound"))
        same(headers["x-amzn-query-error"], "ResourceNotFound;Sender")


@check
def dashboards_are_the_same_everywhere(aws: Aws) -> None:
    elsewhere = SESSION.client("cloudwatch", "us-west-2", endpoint_url=aws.endpoint, config=CONFIG, **aws._credentials)
    aws.cloudwatch.put_dashboard(DashboardName="main", DashboardBody=dashboard(), Tags=tags(a="b"))
    has(elsewhere.get_dashboard(DashboardName="main"), DashboardBody=dashboard())
    arn = dashboard_arn(aws, "main")
    same(elsewhere.list_tags_for_resource(ResourceARN=arn)["Tags"], tags(a="b"))
    elsewhere.put_dashboard(DashboardName="main", DashboardBody=dashboard(start="-PT6H"))
    has(aws.cloudwatch.get_dashboard(DashboardName="main"), DashboardBody=dashboard(start="-PT6H"), DashboardArn=arn)
    elsewhere.delete_dashboards(DashboardNames=["main"])
    same(aws.cloudwatch.list_dashboards()["DashboardEntries"], [])


@check
def dashboards_are_listed_in_pages(aws: Aws) -> None:
    cloudwatch, body = aws.cloudwatch, dashboard(widget("text", properties={"markdown": "\u00e9"}))
    names = [f"{'ab'[number % 2]}-{number:04}" for number in range(1001)]
    for name in names:
        cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body.replace("\\u00e9", "\u00e9"))
    pages = list(cloudwatch.get_paginator("list_dashboards").paginate())
    same([len(page["DashboardEntries"]) for page in pages], [1000, 1])
    same([one["DashboardName"] for page in pages for one in page["DashboardEntries"]], sorted(names))
    found = cloudwatch.list_dashboards(DashboardNamePrefix="b-099")["DashboardEntries"]
    same([one["DashboardName"] for one in found], [f"b-099{digit}" for digit in (1, 3, 5, 7, 9)])
    same(found[0]["Size"], len(body.replace("\\u00e9", "\u00e9").encode()))


@check
def dashboards_that_are_deleted_together(aws: Aws) -> None:
    cloudwatch = aws.cloudwatch
    for name in ("a", "b"):
        cloudwatch.put_dashboard(DashboardName=name, DashboardBody=dashboard())
    with refused("ResourceNotFound"):
        cloudwatch.delete_dashboards(DashboardNames=["a", "absent", "b"])
    same(cloudwatch.list_dashboards()["DashboardEntries"], [])
    with refused("ResourceNotFound"):
        cloudwatch.get_dashboard(DashboardName="a")


@check
def tags_of_dashboards(aws: Aws) -> None:
    cloudwatch, arn = aws.cloudwatch, dashboard_arn(aws, "main")
    request = {"DashboardName": "main", "DashboardBody": dashboard()}
    cloudwatch.put_dashboard(**request, Tags=tags(a="b"))
    cloudwatch.put_dashboard(**request, Tags=tags(a="c", d="e"))
    same(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], tags(a="b"))
    cloudwatch.tag_resource(ResourceARN=arn, Tags=tags(a="c", d="e"))
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    same(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], tags(d="e"))
    cloudwatch.delete_dashboards(DashboardNames=["main"])
    for call in (
        lambda: cloudwatch.list_tags_for_resource(ResourceARN=arn),
        lambda: cloudwatch.tag_resource(ResourceARN=arn, Tags=tags(a="b")),
        lambda: cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"]),
    ):
        with refused("ResourceNotFoundException"):
            call()
    cloudwatch.put_dashboard(**request)
    same(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], [])


@check
def dashboards_that_cannot_be(aws: Aws) -> None:
    def of(kind: str = "metric", **properties: Any) -> str:
        return dashboard(widget(kind, properties={**(widget()["properties"] if kind == "metric" else {}), **properties}))

    put = aws.cloudwatch.put_dashboard
    for name in ("a b", "a.b", "", "a" * 256):
        with refused("InvalidParameterInput"):
            put(DashboardName=name, DashboardBody=dashboard())
    for wrong in (
        "{",
        "[]",
        "{}",
        dashboard(periodOverride="never"),
        dashboard(end="2026-01-01T00:00:00.000Z"),
        dashboard(*[widget()] * 501),
        dashboard(widget("graph")),
        dashboard(widget(properties=None)),
        dashboard(widget(x=24, width=1)),
        dashboard(widget(x=13)),
        dashboard(widget(width=25)),
        dashboard(widget(height=0)),
        dashboard(widget(y=-1)),
        dashboard(widget(x="0")),
        of(region=None),
        of(metrics=[]),
        of(metrics=["AWS/ECS"]),
        of(metrics=[["AWS/ECS", "CPUUtilization", "ClusterName"]]),
        of(metrics=[["AWS/ECS", 5]]),
        of(metrics=[[{"label": "l"}]]),
        of(period=45),
        of(view="radar"),
        of(annotations={"alarms": ["a", "b"]}),
        of("text"),
        of("log", region=REGION),
        of("alarm", alarms=[]),
    ):
        with refused("InvalidParameterInput"):
            put(DashboardName="main", DashboardBody=wrong)
    expression, shorthand = [{"expression": "SUM(METRICS())", "id": "e"}], ["...", "other", {"yAxis": "right"}]
    alarmed = {"annotations": {"alarms": [f"arn:aws:cloudwatch:{REGION}:{aws.account}:alarm:cpu"]}, "region": REGION}
    for right in (
        '{"widgets": []}',
        dashboard(start="-PT6H", end="PT0H", periodOverride="inherit"),
        dashboard({"type": "text", "properties": {"markdown": "# Hello"}}),
        dashboard(widget(x=12), widget(y=6, width=24)),
        of(metrics=[["AWS/ECS", "CPUUtilization"], ["AWS/ECS", "M", "D", "v"], shorthand, expression]),
        dashboard(widget(properties=alarmed)),
        of("alarm", alarms=alarmed["annotations"]["alarms"], title="Alarms"),
        of("log", region=REGION, query="SOURCE 'app' | fields @message"),
        of(unknown="is only warned about"),
    ):
        put(DashboardName="main", DashboardBody=right)
        has(aws.cloudwatch.get_dashboard(DashboardName="main"), DashboardBody=right)
    for refuse in (
        lambda: aws.cloudwatch.get_dashboard(DashboardName="a b"),
        lambda: aws.cloudwatch.list_dashboards(DashboardNamePrefix="a/"),
        lambda: aws.cloudwatch.delete_dashboards(DashboardNames=[]),
        lambda: aws.cloudwatch.delete_dashboards(DashboardNames=["a b"]),
        lambda: aws.cloudwatch.delete_dashboards(DashboardNames=[f"a-{number}" for number in range(101)]),
    ):
        with refused("InvalidParameterValue"):
            refuse()
