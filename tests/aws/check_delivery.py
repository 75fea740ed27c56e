"""Checks of the emulator's deliveries of vended logs with plain boto3: what was mended, and what is refused."""

import json
from typing import Any

from checks import CONFIG, SESSION, Aws, check, has, refused, same

HOME = "us-east-1"
DEFAULT_PATH = "AWSLogs/{account-id}/CloudFront/"
ACL = {"s3:x-amz-acl": "bucket-owner-full-control"}


def client(aws: Aws, service: str = "logs", region: str = HOME) -> Any:
    return SESSION.client(service, region, endpoint_url=aws.endpoint, config=CONFIG, **aws._credentials)


def distribution(aws: Aws, reference: str = "r") -> str:
    origin = {
        "Id": "app",
        "DomainName": "app.example.com",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
    }
    behavior = {
        "TargetOriginId": "app",
        "ViewerProtocolPolicy": "redirect-to-https",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    }
    config = {
        "CallerReference": reference,
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behavior,
    }
    return client(aws, "cloudfront").create_distribution(DistributionConfig=config)["Distribution"]["ARN"]


def bucket(aws: Aws, name: str = "logs") -> str:
    client(aws, "s3").create_bucket(Bucket=f"{name}-{aws.account}")
    return f"{name}-{aws.account}"


def source(aws: Aws, name: str = "cdn", **changed: Any) -> dict[str, Any]:
    request = {"name": name, "resourceArn": changed.pop("resourceArn", None) or distribution(aws, name)}
    return client(aws).put_delivery_source(**{**request, "logType": "ACCESS_LOGS", **changed})["deliverySource"]


def destination(aws: Aws, name: str = "bucket", arn: str = "", **changed: Any) -> dict[str, Any]:
    request = {"name": name, "deliveryDestinationConfiguration": {"destinationResourceArn": arn}, "outputFormat": "json"}
    return client(aws).put_delivery_destination(**{**request, **changed})["deliveryDestination"]


def place(aws: Aws, prefix: str = "") -> dict[str, Any]:
    """A source and a destination, as what CreateDelivery takes."""
    received = destination(aws, arn=f"arn:aws:s3:::{bucket(aws)}{prefix}")
    return {"deliverySourceName": source(aws)["name"], "deliveryDestinationArn": received["arn"]}


def policy(aws: Aws) -> list[dict[str, Any]]:
    return json.loads(client(aws, "s3").get_bucket_policy(Bucket=f"logs-{aws.account}")["Policy"])["Statement"]


def writers(aws: Aws, resource: str = "/*", condition: dict[str, Any] | None = None) -> dict[str, Any]:
    """A statement that lets deliveries write."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::logs-{aws.account}{resource}",
        "Condition": {"StringEquals": {"aws:SourceAccount": aws.account, **ACL}, **(condition or {})},
    }


# --- What is stored and shown --------------------------------------------------------------------


@check
def access_logs_are_delivered_to_a_bucket(aws: Aws) -> None:
    logs, cdn, name = client(aws), distribution(aws), bucket(aws)
    made = source(aws, resourceArn=cdn)
    arn = f"arn:aws:logs:{HOME}:{aws.account}"
    expected = {"name": "cdn", "arn": f"{arn}:delivery-source:cdn", "service": "cloudfront", "logType": "ACCESS_LOGS"}
    same(made, {**expected, "resourceArns": [cdn]})
    same(logs.get_delivery_source(name="cdn")["deliverySource"], made)
    same(source(aws, resourceArn=cdn), made)
    received = destination(aws, arn=f"arn:aws:s3:::{name}", outputFormat="w3c")
    has(received, arn=f"{arn}:delivery-destination:bucket", deliveryDestinationType="S3", outputFormat="w3c")
    same(received["deliveryDestinationConfiguration"], {"destinationResourceArn": f"arn:aws:s3:::{name}"})
    same(logs.get_delivery_destination(name="bucket")["deliveryDestination"], received)
    request = {"deliverySourceName": "cdn", "deliveryDestinationArn": received["arn"]}
    delivery = logs.create_delivery(**request, fieldDelimiter="\t", recordFields=["date", "c-ip", "sc-status"])["delivery"]
    has(delivery, **request, deliveryDestinationType="S3", fieldDelimiter="\t", recordFields=["date", "c-ip", "sc-status"])
    has(delivery, arn=f"{arn}:delivery:{delivery['id']}")
    same(logs.get_delivery(id=delivery["id"])["delivery"], delivery)
    logs.delete_delivery(id=delivery["id"])
    logs.delete_delivery_source(name="cdn")
    logs.delete_delivery_destination(name="bucket")
    for absent in (
        lambda: logs.get_delivery(id=delivery["id"]),
        lambda: logs.delete_delivery(id=delivery["id"]),
        lambda: logs.update_delivery_configuration(id=delivery["id"]),
        lambda: logs.get_delivery_source(name="cdn"),
        lambda: logs.delete_delivery_source(name="cdn"),
        lambda: logs.get_delivery_destination(name="bucket"),
        lambda: logs.delete_delivery_destination(name="bucket"),
        lambda: logs.create_delivery(**request),
    ):
        with refused("ResourceNotFoundException"):
            absent()


@check
def a_delivery_has_defaults(aws: Aws) -> None:
    delivery = client(aws).create_delivery(**place(aws))["delivery"]
    same(delivery["s3DeliveryConfiguration"], {"suffixPath": DEFAULT_PATH, "enableHiveCompatiblePath": False})
    same((delivery["fieldDelimiter"], len(delivery["recordFields"])), ("", 33))
    same((delivery["recordFields"][0], delivery["recordFields"][-1]), ("date", "sc-range-end"))


@check
def a_suffix_path_gets_a_prefix_when_a_delivery_is_made(aws: Aws) -> None:
    logs, request, suffix = client(aws), place(aws), "{DistributionId}/{yyyy}/{MM}/{dd}"
    delivery = logs.create_delivery(**request, s3DeliveryConfiguration={"suffixPath": suffix})["delivery"]
    expected = {"suffixPath": DEFAULT_PATH + suffix, "enableHiveCompatiblePath": False}
    same(delivery["s3DeliveryConfiguration"], expected)
    logs.update_delivery_configuration(id=delivery["id"], s3DeliveryConfiguration={"suffixPath": suffix})
    expected = {"suffixPath": suffix, "enableHiveCompatiblePath": False}
    same(logs.get_delivery(id=delivery["id"])["delivery"]["s3DeliveryConfiguration"], expected)


@check
def a_prefix_in_the_destination_replaces_the_default(aws: Aws) -> None:
    logs, request = client(aws), place(aws, "/cdn/prd")
    sent = {"suffixPath": "{yyyy}", "enableHiveCompatiblePath": True}
    delivery = logs.create_delivery(**request, s3DeliveryConfiguration=sent)["delivery"]
    same(delivery["s3DeliveryConfiguration"], sent)
    logs.delete_delivery(id=delivery["id"])
    delivery = logs.create_delivery(**request)["delivery"]
    same(delivery["s3DeliveryConfiguration"], {"enableHiveCompatiblePath": False})


@check
def a_delivery_changes_in_what_is_sent(aws: Aws) -> None:
    logs = client(aws)
    delivery = logs.create_delivery(**place(aws), recordFields=["date", "time"])["delivery"]
    logs.update_delivery_configuration(id=delivery["id"], recordFields=["c-ip", "date"])
    changed = {**delivery, "recordFields": ["c-ip", "date"]}
    same(logs.get_delivery(id=delivery["id"])["delivery"], changed)
    path = {"suffixPath": "{DistributionId}", "enableHiveCompatiblePath": True}
    logs.update_delivery_configuration(id=delivery["id"], fieldDelimiter=" ", s3DeliveryConfiguration=path)
    changed |= {"fieldDelimiter": " ", "s3DeliveryConfiguration": path}
    same(logs.get_delivery(id=delivery["id"])["delivery"], changed)


@check
def a_destination_keeps_format_and_policy(aws: Aws) -> None:
    logs, first, second = client(aws), f"arn:aws:s3:::{bucket(aws)}", f"arn:aws:s3:::{bucket(aws, 'other')}"
    destination(aws, arn=first, outputFormat="parquet")
    logs.put_delivery_destination_policy(deliveryDestinationName="bucket", deliveryDestinationPolicy="{}")
    moved = {"destinationResourceArn": second}
    changed = logs.put_delivery_destination(name="bucket", deliveryDestinationConfiguration=moved)["deliveryDestination"]
    has(changed, outputFormat="parquet", deliveryDestinationConfiguration=moved)
    kept = logs.get_delivery_destination_policy(deliveryDestinationName="bucket")["policy"]
    same(kept["deliveryDestinationPolicy"], "{}")
    with refused("ValidationException"):
        destination(aws, arn=first, outputFormat="json")


# --- Lists and tags ------------------------------------------------------------------------------


@check
def deliveries_are_listed_in_pages(aws: Aws) -> None:
    logs = client(aws)
    arns = [destination(aws, f"d-{number}", f"arn:aws:s3:::{bucket(aws)}")["arn"] for number in range(3)]
    made = [source(aws, f"s-{number}") for number in range(3)]
    for one, arn in zip(made, arns, strict=True):
        logs.create_delivery(deliverySourceName=one["name"], deliveryDestinationArn=arn)
    for operation, key, narrow in (
        ("describe_deliveries", "deliveries", {"deliverySourceNames": ["s-1", "absent"]}),
        ("describe_delivery_sources", "deliverySources", {"resourceArns": made[1]["resourceArns"]}),
        ("describe_delivery_destinations", "deliveryDestinations", {"names": ["d-1"]}),
    ):
        everything = getattr(logs, operation)()
        same((len(everything[key]), "nextToken" in everything), (3, False))
        pages = list(logs.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2}))
        same([len(page[key]) for page in pages], [2, 1])
        same([one for page in pages for one in page[key]], everything[key])
        same(getattr(logs, operation)(**narrow)[key], [everything[key][1]])


@check
def tags_of_deliveries(aws: Aws) -> None:
    logs, cdn, name = client(aws), distribution(aws), bucket(aws)
    made = source(aws, resourceArn=cdn, tags={"a": "b"})
    received = destination(aws, arn=f"arn:aws:s3:::{name}", tags={"a": "b"})
    request = {"deliverySourceName": "cdn", "deliveryDestinationArn": received["arn"]}
    delivery = logs.create_delivery(**request, tags={"a": "b"})["delivery"]
    arns = [one["arn"] for one in (delivery, made, received)]
    for arn in arns:
        same(logs.list_tags_for_resource(resourceArn=arn)["tags"], {"a": "b"})
        logs.tag_resource(resourceArn=arn, tags={"c": "d"})
        logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    for shown in (
        logs.get_delivery(id=delivery["id"])["delivery"],
        logs.get_delivery_source(name="cdn")["deliverySource"],
        logs.get_delivery_destination(name="bucket")["deliveryDestination"],
        *logs.describe_deliveries()["deliveries"],
    ):
        assert "tags" not in shown, shown
    # What exists is tagged by its ARN only.
    with refused("ConflictException"):
        source(aws, resourceArn=cdn, tags={"e": "f"})
    with refused("ConflictException"):
        destination(aws, arn=f"arn:aws:s3:::{name}", tags={"e": "f"})
    source(aws, resourceArn=cdn)
    destination(aws, arn=f"arn:aws:s3:::{name}")
    for arn in arns:
        same(logs.list_tags_for_resource(resourceArn=arn)["tags"], {"c": "d"})
    logs.delete_delivery(id=delivery["id"])
    logs.delete_delivery_source(name="cdn")
    logs.delete_delivery_destination(name="bucket")
    for arn in arns:
        for call in (
            lambda arn=arn: logs.list_tags_for_resource(resourceArn=arn),
            lambda arn=arn: logs.tag_resource(resourceArn=arn, tags={"a": "b"}),
            lambda arn=arn: logs.untag_resource(resourceArn=arn, tagKeys=["a"]),
        ):
            with refused("ResourceNotFoundException"):
                call()
    source(aws, resourceArn=cdn)
    same(logs.list_tags_for_resource(resourceArn=made["arn"])["tags"], {})


# --- The bucket ----------------------------------------------------------------------------------


@check
def a_bucket_without_policy_gets_one(aws: Aws) -> None:
    logs, request = client(aws), place(aws)
    delivery = logs.create_delivery(**request)["delivery"]
    (added,) = policy(aws)
    has(added, Sid="AWSLogDeliveryWrite", Effect="Allow", Principal={"Service": "delivery.logs.amazonaws.com"})
    same(added["Resource"], f"arn:aws:s3:::logs-{aws.account}/AWSLogs/{aws.account}/CloudFront/*")
    same(added["Condition"]["ArnLike"], {"aws:SourceArn": f"arn:aws:logs:{HOME}:{aws.account}:delivery-source:*"})
    # It outlives the delivery, and serves the next.
    logs.delete_delivery(id=delivery["id"])
    logs.create_delivery(**request)
    same(policy(aws), [added])


@check
def a_statement_is_added_to_a_policy_that_lacks_it(aws: Aws) -> None:
    logs, request = client(aws), place(aws, "/cdn")
    s3, name = client(aws, "s3"), f"logs-{aws.account}"
    right = {"ArnLike": {"aws:SourceArn": f"arn:aws:logs:{HOME}:{aws.account}:delivery-source:*"}}
    elsewhere = {"ArnLike": {"aws:SourceArn": f"arn:aws:logs:eu-west-1:{aws.account}:delivery-source:*"}}
    for statement, added in (
        (writers(aws), 0),
        (writers(aws, "/cdn/*", right), 0),
        (writers(aws, "/AWSLogs/*", right), 1),
        (writers(aws, "/cdn/*", elsewhere), 1),
        ({**writers(aws), "Principal": {"Service": "logging.s3.amazonaws.com"}}, 1),
    ):
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        delivery = logs.create_delivery(**request)["delivery"]
        same((policy(aws)[0], len(policy(aws))), (statement, 1 + added))
        same([one["Resource"] for one in policy(aws)[1:]], [f"arn:aws:s3:::{name}/cdn/*"] * added)
        logs.delete_delivery(id=delivery["id"])


# --- What is refused -----------------------------------------------------------------------------


@check
def sources_that_cannot_be(aws: Aws) -> None:
    cdn = distribution(aws)
    for wrong in (
        {"name": "a b"},
        {"name": "a" * 61},
        {"name": ""},
        {"logType": "LOGS"},
        {"logType": None},
        {"tags": {"a": "b" * 257}},
    ):
        with refused("ValidationException"):
            source(aws, **{"resourceArn": cdn, **wrong})
    with refused("ValidationException"):
        client(aws, region="eu-west-1").put_delivery_source(name="cdn", resourceArn=cdn, logType="ACCESS_LOGS")
    for absent in (f"{cdn}X", cdn.replace(aws.account, "999999999999")):
        with refused("ResourceNotFoundException"):
            source(aws, resourceArn=absent)
    source(aws, resourceArn=cdn)
    with refused("ConflictException"):
        source(aws, "other", resourceArn=cdn)
    with refused("ConflictException"):
        source(aws, resourceArn=distribution(aws, "other"))


@check
def destinations_that_cannot_be(aws: Aws) -> None:
    right = f"arn:aws:s3:::{bucket(aws)}"
    for wrong in (
        {"name": "a b"},
        {"outputFormat": "xml"},
        {"arn": "arn:aws:sqs:us-east-1:123456789012:queue"},
        {"arn": "arn:aws:s3:::B"},
        {"deliveryDestinationConfiguration": {}},
        {"arn": f"arn:aws:logs:{HOME}:{aws.account}:log-group:cdn", "outputFormat": "parquet"},
    ):
        with refused("ValidationException"):
            destination(aws, **{"arn": right, **wrong})
    with refused("ResourceNotFoundException"):
        destination(aws, arn=f"arn:aws:s3:::absent-{aws.account}/prefix")


@check
def deliveries_that_cannot_be(aws: Aws) -> None:
    logs, request = client(aws), place(aws)
    group = destination(aws, "group", f"arn:aws:logs:{HOME}:{aws.account}:log-group:cdn")["arn"]
    hive = {"suffixPath": "year={yyyy}", "enableHiveCompatiblePath": True}
    for wrong in (
        {"recordFields": ["date", "cs-cookies"]},
        {"fieldDelimiter": "123456"},
        {"s3DeliveryConfiguration": {"suffixPath": "{Day}"}},
        {"s3DeliveryConfiguration": {"suffixPath": ""}},
        {"s3DeliveryConfiguration": {"suffixPath": "a" * 257}},
        {"s3DeliveryConfiguration": hive},
        {"deliveryDestinationArn": group, "s3DeliveryConfiguration": {"suffixPath": "a"}},
        {"deliverySourceName": None},
    ):
        with refused("ValidationException"):
            logs.create_delivery(**{**request, **wrong})
    for wrong in ({"deliverySourceName": "absent"}, {"deliveryDestinationArn": f"{group}-absent"}):
        with refused("ResourceNotFoundException"):
            logs.create_delivery(**{**request, **wrong})
    delivery = logs.create_delivery(**request)["delivery"]
    for wrong in ({"recordFields": ["cs-cookies"]}, {"s3DeliveryConfiguration": hive}):
        with refused("ValidationException"):
            logs.update_delivery_configuration(id=delivery["id"], **wrong)
    second = destination(aws, "second", f"arn:aws:s3:::logs-{aws.account}/second")["arn"]
    for again in (request, {**request, "deliveryDestinationArn": second}):
        with refused("ConflictException"):
            logs.create_delivery(**again)
    logs.create_delivery(**{**request, "deliveryDestinationArn": group})
    for wrong in ({"limit": 51}, {"limit": 0}, {"deliverySourceNames": []}):
        with refused("ValidationException"):
            logs.describe_deliveries(**wrong)


@check
def what_a_delivery_uses_stays(aws: Aws) -> None:
    logs = client(aws)
    delivery = logs.create_delivery(**place(aws))["delivery"]
    with refused("ConflictException"):
        logs.delete_delivery_source(name="cdn")
    with refused("ConflictException"):
        logs.delete_delivery_destination(name="bucket")
    logs.delete_delivery(id=delivery["id"])
    logs.delete_delivery_source(name="cdn")
    logs.delete_delivery_destination(name="bucket")


@check
def a_bucket_that_is_gone_takes_no_delivery(aws: Aws) -> None:
    request = place(aws)
    client(aws, "s3").delete_bucket(Bucket=f"logs-{aws.account}")
    with refused("ResourceNotFoundException"):
        client(aws).create_delivery(**request)
