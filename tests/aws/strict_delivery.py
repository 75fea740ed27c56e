"""What AWS refuses of calls about deliveries of vended logs and moto lets pass. Registered like the rules of strict.py."""

import functools
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape
from moto.cloudfront.models import cloudfront_backends
from moto.logs.models import Delivery
from moto.logs.responses import LogsResponse

from mends_delivery import bucket_and_prefix, destination_of, find_bucket
from strict import rule

OPERATIONS = (
    *("CreateDelivery", "GetDelivery", "DescribeDeliveries", "UpdateDeliveryConfiguration", "DeleteDelivery"),
    *("PutDeliverySource", "GetDeliverySource", "DescribeDeliverySources", "DeleteDeliverySource"),
    *("PutDeliveryDestination", "GetDeliveryDestination", "DescribeDeliveryDestinations", "DeleteDeliveryDestination"),
    *("PutDeliveryDestinationPolicy", "GetDeliveryDestinationPolicy", "DeleteDeliveryDestinationPolicy"),
)

# --- What the service model says -----------------------------------------------------------------


@rule(
    "delivery-constraints",
    "ValidationException",
    "required members, lengths, patterns and enumerations are as the service model has them",
    LogsResponse,
    *OPERATIONS,
)
def delivery_constraints(request: Any) -> str | None:
    shape = _model().operation_model(request._get_action()).input_shape
    wrong = list(_violations({name: request._get_param(name) for name in shape.members}, shape, ""))
    return f"{len(wrong)} validation error{'s' * (len(wrong) > 1)} detected: {'; '.join(wrong)}" if wrong else None


@functools.cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("logs")


def _violations(value: Any, shape: Shape, path: str) -> Iterator[str]:
    kind, limits = shape.type_name, shape.metadata
    size = value if kind in ("integer", "long") else len(value) if kind in ("string", "list", "map") else None
    if size is not None and size < limits.get("min", size):
        yield _constraint(value, path, f"be at least {limits['min']}, in value or length")
    if size is not None and size > limits.get("max", size):
        yield _constraint(value, path, f"be at most {limits['max']}, in value or length")
    if "enum" in limits and value not in limits["enum"]:
        yield _constraint(value, path, f"satisfy enum value set: {limits['enum']}")
    # Python's expressions know no classes of Unicode, which only tags are described with.
    pattern = limits.get("pattern", r"\p")
    if r"\p" not in pattern and not re.fullmatch(pattern, value, re.ASCII):
        yield _constraint(value, path, f"satisfy regular expression pattern: {pattern}")
    if kind == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield _constraint(None, f"{path}{name}", "not be null")
        for name in shape.members.keys() & {name for name, one in value.items() if one is not None}:
            yield from _violations(value[name], shape.members[name], f"{path}{name}.")
    elif kind == "list":
        for one in value:
            yield from _violations(one, shape.member, path)
    elif kind == "map":
        for key, one in value.items():
            yield from _violations(key, shape.key, path)
            yield from _violations(one, shape.value, path)


def _constraint(value: Any, path: str, demand: str) -> str:
    return f"Value '{value}' at '{path.strip('.')}' failed to satisfy constraint: Member must {demand}"


# --- Sources -------------------------------------------------------------------------------------


def _source_of_distribution(request: Any) -> bool:
    return request._get_param("resourceArn").split(":")[2:3] == ["cloudfront"]


@rule(
    "delivery-log-type",
    "ValidationException",
    "the logs of a distribution are its ACCESS_LOGS",
    LogsResponse,
    "PutDeliverySource",
)
def delivery_log_type(request: Any) -> str | None:
    # moto looks for the type within the name of the one that there is.
    if _source_of_distribution(request) and request._get_param("logType") != "ACCESS_LOGS":
        return "This service is not allowed for this LogSource."
    return None


@rule(
    "delivery-source-region",
    "ValidationException",
    "the logs of distributions are delivered from us-east-1 only",
    LogsResponse,
    "PutDeliverySource",
)
def delivery_source_region(request: Any) -> str | None:
    if _source_of_distribution(request) and request.region != "us-east-1":
        return f"PutDeliverySource action is not supported for this LogType in region {request.region}"
    return None


@rule(
    "delivery-source-resource",
    "ResourceNotFoundException",
    "the distribution that a source is for exists in the account",
    LogsResponse,
    "PutDeliverySource",
)
def delivery_source_resource(request: Any) -> str | None:
    arn = request._get_param("resourceArn")
    distributions = cloudfront_backends[request.current_account]["aws"].distributions.values()
    if _source_of_distribution(request) and all(one.arn != arn for one in distributions):
        return f"Requested resource {arn} does not exist in this account."
    return None


@rule(
    "delivery-one-source",
    "ConflictException",
    "what sends logs has one source for a type of logs",
    LogsResponse,
    "PutDeliverySource",
)
def delivery_one_source(request: Any) -> str | None:
    name, arn, kind = (request._get_param(key) for key in ("name", "resourceArn", "logType"))
    for source in request.logs_backend.delivery_sources.values():
        if source.name != name and arn in source.resource_arns and source.log_type == kind:
            return "This ResourceId has already been used in another Delivery Source in this account."
    return None


# --- Destinations --------------------------------------------------------------------------------

RECEIVER = re.compile(r"arn:aws[\w-]*:(s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?|logs:.+:log-group:.+|firehose:.+)")


@rule(
    "delivery-destination-resource",
    "ValidationException",
    "a destination is a bucket, a log group or a stream of Firehose, and takes Parquet in a bucket only",
    LogsResponse,
    "PutDeliveryDestination",
)
def delivery_destination_resource(request: Any) -> str | None:
    arn = (request._get_param("deliveryDestinationConfiguration") or {}).get("destinationResourceArn", "")
    if not RECEIVER.fullmatch(arn):
        return f"Invalid destinationResourceArn: '{arn}'"
    if request._get_param("outputFormat") == "parquet" and ":s3:" not in arn:
        return "The output format parquet is not supported for this delivery destination type."
    return None


@rule(
    "delivery-bucket",
    "ResourceNotFoundException",
    "the bucket of a destination exists",
    LogsResponse,
    "PutDeliveryDestination",
    "CreateDelivery",
)
def delivery_bucket(request: Any) -> str | None:
    configuration = request._get_param("deliveryDestinationConfiguration")
    if configuration is None:
        known = destination_of(request.logs_backend, request._get_param("deliveryDestinationArn"))
        configuration = known.delivery_destination_configuration if known else {}
    arn = configuration.get("destinationResourceArn", "")
    name = bucket_and_prefix(arn)[0] if ":s3:" in arn else None
    return f"The bucket {name} does not exist." if name and find_bucket(name) is None else None


# --- Deliveries ----------------------------------------------------------------------------------

# What a record about a request to CloudFront may have (CloudFront Developer Guide, "Standard logging reference" and, for
# the last few, "Configure standard logging (v2)").
RECORD_FIELDS = {
    *("date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status"),
    *("cs(Referer)", "cs(User-Agent)", "cs-uri-query", "cs(Cookie)", "x-edge-result-type", "x-edge-request-id"),
    *("x-host-header", "cs-protocol", "cs-bytes", "time-taken", "x-forwarded-for", "ssl-protocol", "ssl-cipher"),
    *("x-edge-response-result-type", "cs-protocol-version", "fle-status", "fle-encrypted-fields", "c-port"),
    *("time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start"),
    *("sc-range-end", "timestamp(ms)", "DistributionId", "origin-fbl", "origin-lbl", "asn", "c-country"),
    *("cache-behavior-path-pattern", "distribution-tenant-id", "connection-id"),
}
PATH_VARIABLES = {"account-id", "accountid", "DistributionId", "distributionid", "yyyy", "MM", "dd", "HH"}


def _ends(request: Any) -> tuple[str, str]:
    """The service that a delivery is from and the type of its destination, empty if there is no such thing."""
    backend = request.logs_backend
    name, arn = request._get_param("deliverySourceName"), request._get_param("deliveryDestinationArn")
    known: Delivery | None = backend.deliveries.get(request._get_param("id"))
    if known:
        name, arn = known.delivery_source_name, known.delivery_destination_arn
    source, destination = backend.delivery_sources.get(name), destination_of(backend, arn)
    return source.service if source else "", destination.delivery_destination_type if destination else ""


@rule(
    "delivery-record-fields",
    "ValidationException",
    "the record fields are those that CloudFront has",
    LogsResponse,
    "CreateDelivery",
    "UpdateDeliveryConfiguration",
)
def delivery_record_fields(request: Any) -> str | None:
    unknown = set(request._get_param("recordFields") or []) - RECORD_FIELDS
    if unknown and _ends(request)[0] == "cloudfront":
        return f"Provided recordFields are invalid: {', '.join(sorted(unknown))}"
    return None


@rule(
    "delivery-suffix-path",
    "ValidationException",
    "a suffix path is for a bucket, has variables that CloudFront knows, and leaves the keys of Hive to AWS",
    LogsResponse,
    "CreateDelivery",
    "UpdateDeliveryConfiguration",
)
def delivery_suffix_path(request: Any) -> str | None:
    configuration = request._get_param("s3DeliveryConfiguration")
    service, kind = _ends(request)
    if configuration is None or not kind:
        return None
    if kind != "S3":
        return "s3DeliveryConfiguration is valid only when the delivery destination is an S3 bucket."
    path = configuration.get("suffixPath", "")
    unknown = set(re.findall(r"\{([^}]*)\}", path)) - PATH_VARIABLES
    if (service == "cloudfront" and unknown) or (configuration.get("enableHiveCompatiblePath") and "=" in path):
        return "Provided suffixPath is invalid"
    return None


@rule(
    "delivery-in-use",
    "ConflictException",
    "a source or destination stays while there is a delivery of it",
    LogsResponse,
    "DeleteDeliverySource",
    "DeleteDeliveryDestination",
)
def delivery_in_use(request: Any) -> str | None:
    backend, name = request.logs_backend, request._get_param("name")
    if request._get_action() == "DeleteDeliverySource":
        used = {one.delivery_source_name for one in backend.deliveries.values()}
        return "This Delivery Source is used by a Delivery." if name in used else None
    known = backend.delivery_destinations.get(name)
    used = {one.delivery_destination_arn for one in backend.deliveries.values()}
    return "This Delivery Destination is used by a Delivery." if known and known.arn in used else None
