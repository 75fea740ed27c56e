"""Where moto's deliveries of vended logs answer differently from AWS. Registered like the mends of mends.py."""

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import Delivery, DeliveryDestination, DeliverySource, LogsBackend
from moto.logs.responses import LogsResponse
from moto.s3.models import FakeBucket, s3_backends

import key_policy
from catalogue import around
from mends import mend, page
from mends_s3 import REQUEST_CONTEXT

# Where CloudFront's access logs go in a bucket, unless the ARN of the destination ends in a prefix.
DEFAULT_PATH = "AWSLogs/{account-id}/CloudFront/"
DELIVERY_ARN = re.compile(r"arn:aws[\w-]*:logs:[\w-]+:\d{12}:delivery(-source|-destination)?:")


def destination_of(backend: LogsBackend, arn: str) -> DeliveryDestination | None:
    return next((one for one in backend.delivery_destinations.values() if one.arn == arn), None)


def bucket_and_prefix(destination_arn: str) -> tuple[str, str]:
    """The name of the bucket in the ARN of what receives the logs, and the prefix after it."""
    name, _, prefix = destination_arn.removeprefix("arn:aws:s3:::").partition("/")
    return name, prefix.strip("/")


def find_bucket(name: str) -> FakeBucket | None:
    """The bucket of any account."""
    _partition, owner = s3_backends.bucket_accounts.get(name, (None, None))
    return s3_backends[owner]["aws"].buckets.get(name) if owner else None


# --- What is stored and shown --------------------------------------------------------------------


@mend("delivery-s3-path", "where in the bucket a delivery writes")
def s3_path() -> None:
    """AWS: CreateDelivery for a distribution puts AWSLogs/{account-id}/CloudFront/ before the suffix path, if the ARN of
    the destination has no prefix; UpdateDeliveryConfiguration does not (CloudFront Developer Guide, "Configure standard
    logging (v2)", "Send logs to Amazon S3"; hashicorp/terraform-provider-aws issues 40968 and 46328).
    enableHiveCompatiblePath is false unless given. moto: stores what it is sent, or the path above whatever the ARN.
    Goes when moto does the same."""

    @around(LogsBackend, "create_delivery")
    def create(original: Callable, backend: Any, **kwargs: Any) -> Delivery:
        delivery = original(backend, **kwargs)
        if delivery.destination_type == "S3":
            sent = kwargs["s3_delivery_configuration"] or {}
            path = sent.get("suffixPath", "")
            if _is_default_place(backend, delivery):
                path = DEFAULT_PATH + path.removeprefix("/")
            configuration = {"enableHiveCompatiblePath": sent.get("enableHiveCompatiblePath", False)}
            delivery.s3_delivery_configuration = configuration | ({"suffixPath": path} if path else {})
        return delivery


def _is_default_place(backend: LogsBackend, delivery: Delivery) -> bool:
    service = backend.delivery_sources[delivery.delivery_source_name].service
    return service == "cloudfront" and not _place(backend, delivery)[1]


def _place(backend: LogsBackend, delivery: Delivery) -> tuple[str, str]:
    destination = destination_of(backend, delivery.delivery_destination_arn)
    return bucket_and_prefix(destination.delivery_destination_configuration["destinationResourceArn"])


@mend("delivery-field-delimiter", "a delivery without field delimiter has an empty one")
def field_delimiter() -> None:
    """AWS: fieldDelimiter is an empty string if there is none (API Reference, Delivery, with a least length of 0;
    terraform-provider-aws, internal/service/logs/delivery.go). moto: leaves it out. Goes when moto returns it."""

    @around(Delivery, "to_dict")
    def to_dict(original: Callable, delivery: Any) -> dict[str, Any]:
        return {**original(delivery), "fieldDelimiter": delivery.field_delimiter or ""}


@mend("delivery-update", "UpdateDeliveryConfiguration")
def update() -> None:
    """AWS: changes record fields, field delimiter and the path in the bucket of a delivery, each if it is sent (API
    Reference, UpdateDeliveryConfiguration). moto: lacks the operation. Goes when moto has it."""

    def update_configuration(response: Any) -> str:
        delivery = response.logs_backend.get_delivery(response._get_param("id"))
        fields, delimiter = response._get_param("recordFields"), response._get_param("fieldDelimiter")
        if fields is not None:
            delivery.record_fields = fields
        if delimiter is not None:
            delivery.field_delimiter = delimiter
        delivery.s3_delivery_configuration |= response._get_param("s3DeliveryConfiguration") or {}
        return "{}"

    LogsResponse.update_delivery_configuration = update_configuration


@mend("delivery-destination-update", "PutDeliveryDestination of one that exists keeps what it is not about")
def destination_update() -> None:
    """AWS: a destination has a policy of its own, which PutDeliveryDestinationPolicy and its Delete change, and an output
    format that cannot change (API Reference, PutDeliveryDestination and PutDeliveryDestinationPolicy). moto: makes a new
    destination without policy, and without format unless it is sent again. Goes when moto keeps both."""

    @around(LogsBackend, "put_delivery_destination")
    def put(original: Callable, backend: Any, **kwargs: Any) -> DeliveryDestination:
        known = backend.delivery_destinations.get(kwargs["name"])
        destination = original(backend, **kwargs)
        if known:
            destination.policy = known.policy
            destination.output_format = destination.output_format or known.output_format
        return destination


# --- Lists ---------------------------------------------------------------------------------------

# The list in the answer of each operation, the parameter that filters it, and what that is compared with.
LISTS: dict[str, tuple[str, str, Callable[[dict[str, Any]], list[str]]]] = {
    "describe_deliveries": ("deliveries", "deliverySourceNames", lambda one: [one["deliverySourceName"]]),
    "describe_delivery_destinations": ("deliveryDestinations", "names", lambda one: [one["name"]]),
    "describe_delivery_sources": ("deliverySources", "resourceArns", lambda one: one["resourceArns"]),
}


@mend("delivery-lists", "pages and filters of DescribeDeliveries, DescribeDeliverySources, DescribeDeliveryDestinations")
def lists() -> None:
    """AWS: at most `limit` items, up to 50, and a nextToken for the rest; deliveries by the names of their sources,
    sources by what they log, destinations by name (API Reference of each). moto: all items always. Goes when moto pages
    and filters."""
    for operation, listed in LISTS.items():
        around(LogsResponse, operation)(functools.partial(_listed, *listed))


def _listed(key: str, parameter: str, of: Callable[[dict[str, Any]], list[str]], original: Callable, response: Any) -> str:
    wanted = set(response._get_param(parameter) or [])
    found = [one for one in json.loads(original(response))[key] if not wanted or wanted.intersection(of(one))]
    found, rest = page(found, response._get_param("nextToken"), response._get_param("limit", 50))
    return json.dumps({key: found, **({"nextToken": rest} if rest else {})})


# --- Tags ----------------------------------------------------------------------------------------


@mend("delivery-tags", "tags are shown by ListTagsForResource alone, and live and die with what they are on")
def tags() -> None:
    """AWS: Get and Describe operations show no tags, although the shapes have them (terraform-provider-aws,
    internal/service/logs/delivery.go and delivery_source.go); tagging, untagging or listing tags of what does not exist is
    ResourceNotFoundException (API Reference, ListTagsForResource and TagResource). moto: shows the tags of the last Put,
    whatever TagResource did since, keeps tags of anything, and a new one of an old name has the old one's. Goes when moto
    does the same."""
    for kind in (Delivery, DeliveryDestination, DeliverySource):

        @around(kind, "to_dict")
        def to_dict(original: Callable, one: Any) -> dict[str, Any]:
            return {key: value for key, value in original(one).items() if key != "tags"}

    for operation in ("tag_resource", "untag_resource", "list_tags_for_resource"):

        @around(LogsResponse, operation)
        def of_known(original: Callable, response: Any) -> str:
            arn = response._get_param("resourceArn") or ""
            if DELIVERY_ARN.match(arn) and arn not in _arns(response.logs_backend):
                raise ResourceNotFoundException("The specified resource does not exist.")
            return original(response)

    for operation in ("delete_delivery", "delete_delivery_destination", "delete_delivery_source"):

        @around(LogsBackend, operation)
        def delete(original: Callable, backend: Any, **kwargs: Any) -> None:
            before = _arns(backend)
            original(backend, **kwargs)
            for arn in before - _arns(backend):
                backend.tagger.delete_all_tags_for_resource(arn)


def _arns(backend: LogsBackend) -> set[str]:
    """Of everything that delivers logs."""
    known = (backend.deliveries, backend.delivery_destinations, backend.delivery_sources)
    return {one.arn for some in known for one in some.values()}


# --- The bucket ----------------------------------------------------------------------------------


@mend("delivery-bucket-policy", "CreateDelivery lets the delivery write to the bucket")
def bucket_policy() -> None:
    """AWS: a bucket without a policy gets one that lets delivery.logs.amazonaws.com put objects, and the statement is added
    to a policy that lacks it, if the caller may GetBucketPolicy and PutBucketPolicy; DeleteDelivery leaves it there
    (CloudWatch Logs User Guide, "Logging that requires additional permissions [V2]", "Logs sent to Amazon S3"). moto: leaves
    the bucket alone. Goes when moto adds the statement.

    AWS does not say how it compares. Here a policy that lets this delivery write as it is lacks nothing."""

    @around(LogsBackend, "create_delivery")
    def create(original: Callable, backend: Any, **kwargs: Any) -> Delivery:
        delivery = original(backend, **kwargs)
        if delivery.destination_type == "S3":
            _let_write(backend, delivery)
        return delivery


def _let_write(backend: LogsBackend, delivery: Delivery) -> None:
    name, prefix = _place(backend, delivery)
    bucket, account = find_bucket(name), backend.account_id
    # Of another account's bucket, the policy is that account's to write.
    if bucket is None or bucket.account_id != account or writable(backend, delivery):
        return
    place = prefix or DEFAULT_PATH.replace("{account-id}", account).strip("/")
    statement = {
        "Sid": "AWSLogDeliveryWrite",
        "Effect": "Allow",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/{place}/*",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account, "s3:x-amz-acl": "bucket-owner-full-control"},
            "ArnLike": {"aws:SourceArn": f"arn:aws:logs:{backend.region_name}:{account}:delivery-source:*"},
        },
    }
    policy = json.loads(bucket.policy) if bucket.policy else {"Version": "2012-10-17", "Statement": []}
    policy["Statement"] = [*key_policy.as_list(policy["Statement"]), statement]
    s3_backends[account]["aws"].put_bucket_policy(name, json.dumps(policy).encode())


def writable(backend: LogsBackend, delivery: Delivery) -> bool:
    """Whether the policy of the bucket lets the delivery put an object where it is to."""
    name, prefix = _place(backend, delivery)
    source, account = backend.delivery_sources[delivery.delivery_source_name], backend.account_id
    path = delivery.s3_delivery_configuration.get("suffixPath", "")
    known = {"account-id": account, "accountid": account, "DistributionId": source.resource_arns[0].rpartition("/")[2]}
    path = re.sub(r"\{([\w-]+)\}", lambda variable: known.get(variable[1], "0"), path)
    key = "/".join(part for part in (prefix, path.strip("/"), "log.gz") if part)
    context = {
        **REQUEST_CONTEXT,
        "aws:SourceAccount": account,
        "aws:SourceArn": source.arn,
        "s3:x-amz-acl": "bucket-owner-full-control",
    }
    policy = key_policy.about((find_bucket(name).policy or b"").decode(), f"arn:aws:s3:::{name}/{key}")
    return key_policy.allows(policy, {"*", "delivery.logs.amazonaws.com"}, "s3:PutObject", context)
