"""What AWS refuses of CloudFront calls and moto lets pass. Registered like the rules of strict.py."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from moto.acm.models import acm_backends
from moto.cloudfront.models import cloudfront_backends
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.errors import COMMON_ERROR_CODES
from moto.core.utils import get_service_model
from moto.s3.models import S3Backend, s3_backends
from moto.wafv2.models import wafv2_backends

import durations
import key_policy
from mends_cloudfront import KINDS, Kind, things
from strict import rule

CREATES = ("CreateDistribution", "CreateDistributionWithTags")
WRITES = (*CREATES, "UpdateDistribution")
KIND_WRITES = tuple(f"{verb}{kind.name}" for kind in KINDS for verb in ("Create", "Update"))
POLICIES = [kind for kind in KINDS if kind.name.endswith("Policy")]
# An error that is missing in the model of the service, about which moto would complain each time.
COMMON_ERROR_CODES.append("MalformedXML")

# --- What several need ---------------------------------------------------------------------------


def _config(request: Any) -> dict[str, Any]:
    """The configuration of a distribution as it was sent."""
    with_tags = request._get_param("DistributionConfigWithTags") or {}
    return request._get_param("DistributionConfig") or with_tags.get("DistributionConfig") or {}


def _items(of: dict[str, Any], name: str) -> list[Any]:
    return (of.get(name) or {}).get("Items") or []


def _origins(config: dict[str, Any]) -> list[dict[str, Any]]:
    return _items(config, "Origins")


def _behaviors(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [config["DefaultCacheBehavior"], *_items(config, "CacheBehaviors")]


def _identity(origin: dict[str, Any]) -> str:
    return (origin.get("S3OriginConfig") or {}).get("OriginAccessIdentity") or ""


def _present(request: Any) -> Any:
    return request.backend.distributions.get(request._get_param("Id"))


# --- What the model of the service says ----------------------------------------------------------


@rule(
    "cloudfront-model",
    "MalformedXML",
    "a configuration has its required members, and its values are of their enumerations",
    CloudFrontResponse,
    *WRITES,
    *KIND_WRITES,
)
def cloudfront_model(request: Any) -> str | None:
    shape = get_service_model("cloudfront").operation_model(request._get_action()).input_shape
    payload = shape.serialization["payload"]
    wrong = _violation(shape.members[payload], request._get_param(payload), _lower(payload))
    return f"1 validation error detected: {wrong}" if wrong else None


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _violation(shape: Any, value: Any, path: str) -> str | None:
    if value is None:
        return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        demand = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        return f"Value '{value}' at '{path}' failed to satisfy constraint: {demand}"
    found = (_violation(*member) for member in _parts(shape, value, path))
    return next((wrong for wrong in found if wrong), None)


def _parts(shape: Any, value: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    if shape.type_name == "list":
        yield from ((shape.member, one, f"{path}.{place}.member") for place, one in enumerate(value, start=1))
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value or name in shape.required_members:
                yield member, value.get(name), f"{path}.{_lower(name)}"


@rule(
    "cloudfront-quantities",
    "InconsistentQuantities",
    "a list has as many items as it says",
    CloudFrontResponse,
    *WRITES,
    *KIND_WRITES,
)
def cloudfront_quantities(request: Any) -> str | None:
    if _consistent(dict(request._get_params())):
        return None
    return "The value of Quantity and the size of Items don't match."


def _consistent(value: Any) -> bool:
    if isinstance(value, list):
        return all(_consistent(one) for one in value)
    if not isinstance(value, dict):
        return True
    counted = "Quantity" not in value or value["Quantity"] == len(value.get("Items") or [])
    return counted and all(_consistent(one) for one in value.values())


LENGTHS = {
    "DistributionConfig": {"Comment": 128},
    "OriginAccessControlConfig": {"Name": 64, "Description": 256},
    "CloudFrontOriginAccessIdentityConfig": {"Comment": 128},
    "ResponseHeadersPolicyConfig": {"Name": 128, "Comment": 128},
    "CachePolicyConfig": {"Name": 128, "Comment": 128},
    "OriginRequestPolicyConfig": {"Name": 128, "Comment": 128},
}


@rule(
    "cloudfront-lengths",
    "InvalidArgument",
    "names, descriptions and comments have a limit",
    CloudFrontResponse,
    *WRITES,
    *KIND_WRITES,
)
def cloudfront_lengths(request: Any) -> str | None:
    for name, limits in LENGTHS.items():
        config = _config(request) if name == "DistributionConfig" else request._get_param(name) or {}
        for member, limit in limits.items():
            if len(config.get(member) or "") > limit:
                return f"The parameter {member} is too big."
    return None


# --- Distributions: the configuration itself -----------------------------------------------------

# Developer Guide, "Required API fields for creating and updating distributions".
NEEDED = (
    "Aliases", "DefaultRootObject", "CacheBehaviors", "CustomErrorResponses", "Logging", "PriceClass",
    "ViewerCertificate", "Restrictions", "WebACLId", "HttpVersion",
)  # fmt: skip
NEEDED_OF_BEHAVIOR = (
    "AllowedMethods",
    "SmoothStreaming",
    "Compress",
    "LambdaFunctionAssociations",
    "FieldLevelEncryptionId",
)
NEEDED_OF_ORIGIN = ("OriginPath", "CustomHeaders")
NEEDED_OF_CUSTOM_ORIGIN = ("OriginSslProtocols", "OriginReadTimeout", "OriginKeepaliveTimeout")


@rule(
    "cloudfront-whole-update",
    "IllegalUpdate",
    "an update names every member, and does not change the caller's reference",
    CloudFrontResponse,
    "UpdateDistribution",
)
def cloudfront_whole_update(request: Any) -> str | None:
    config, present = _config(request), _present(request)
    if present and present.config["CallerReference"] != config["CallerReference"]:
        return "CallerReference cannot be changed."
    origins = _origins(config)
    customs = [origin["CustomOriginConfig"] for origin in origins if origin.get("CustomOriginConfig")]
    for parts, needed in (
        ([config], NEEDED),
        (_behaviors(config), NEEDED_OF_BEHAVIOR),
        (origins, NEEDED_OF_ORIGIN),
        (customs, NEEDED_OF_CUSTOM_ORIGIN),
    ):
        for missing in (name for part in parts for name in needed if part.get(name) is None):
            return f"{missing} is required for updates."
    return None


@rule(
    "cloudfront-root-object",
    "InvalidDefaultRootObject",
    "the default root object has no slash in front",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_root_object(request: Any) -> str | None:
    name = _config(request).get("DefaultRootObject") or ""
    if name.startswith("/") or len(name) > 255:
        return "The parameter DefaultRootObject is invalid."
    return None


# API Reference, AllowedMethods and CachedMethods.
READING = {"GET", "HEAD"}
ASKING = {*READING, "OPTIONS"}
ALL = {*ASKING, "PUT", "PATCH", "POST", "DELETE"}


@rule(
    "cloudfront-methods",
    "InvalidArgument",
    "a behavior allows two, three or all methods, and caches two or three of these",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_methods(request: Any) -> str | None:
    for behavior in _behaviors(_config(request)):
        allowed = behavior.get("AllowedMethods")
        if allowed and set(allowed["Items"]) not in (READING, ASKING, ALL):
            return "The parameter AllowedMethods has a combination of methods that is not valid."
        cached = allowed.get("CachedMethods") if allowed else None
        if cached and (set(cached["Items"]) not in (READING, ASKING) or set(cached["Items"]) - set(allowed["Items"])):
            return "The parameter CachedMethods has a combination of methods that is not valid."
    return None


@rule(
    "cloudfront-cache-settings",
    "InvalidArgument",
    "a behavior has a cache policy, or settings of the older kind, not both",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_cache_settings(request: Any) -> str | None:
    for behavior in _behaviors(_config(request)):
        if not behavior.get("CachePolicyId") and "ForwardedValues" not in behavior:
            return "The parameter ForwardedValues is required."
        for name in ("ForwardedValues", "MinTTL", "MaxTTL", "DefaultTTL"):
            if behavior.get("CachePolicyId") and name in behavior:
                return f"The parameter {name} cannot be used when a cache policy is associated to the cache behavior."
    return None


@rule(
    "cloudfront-target-origin",
    "NoSuchOrigin",
    "a behavior names an origin of the distribution",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_target_origin(request: Any) -> str | None:
    config = _config(request)
    known = {one["Id"] for one in (*_origins(config), *_items(config, "OriginGroups"))}
    if all(behavior["TargetOriginId"] in known for behavior in _behaviors(config)):
        return None
    return "One or more of your origins or origin groups do not exist."


# --- Distributions: origins ----------------------------------------------------------------------


@rule(
    "cloudfront-kind-of-origin",
    "InvalidOrigin",
    "an origin is either S3 or something else, and says which by an S3OriginConfig, be it empty, or another",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_kind_of_origin(request: Any) -> str | None:
    kinds = ("S3OriginConfig", "CustomOriginConfig", "VpcOriginConfig")
    for origin in _origins(_config(request)):
        if sum(origin.get(kind) is not None for kind in kinds) != 1:
            return "The specified origin server does not exist or is not valid."
    return None


@rule(
    "cloudfront-bucket-of-origin",
    "InvalidArgument",
    "the domain of an S3 origin is a bucket's, not a website's",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_bucket_of_origin(request: Any) -> str | None:
    bucket = r"[a-z0-9.-]+\.s3([.-](?!website)[a-z0-9-]+|\.dualstack\.[a-z0-9-]+)?\.amazonaws\.com"
    for origin in _origins(_config(request)):
        if origin.get("S3OriginConfig") is not None and not re.fullmatch(bucket, origin["DomainName"]):
            return "The parameter Origin DomainName does not refer to a valid S3 bucket."
    return None


@rule(
    "cloudfront-control-or-identity",
    "IllegalOriginAccessConfiguration",
    "an origin has an access control or an access identity, not both; an access control for S3 is used with S3",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_control_or_identity(request: Any) -> str | None:
    controls = things(request.backend, "OriginAccessControl")
    for origin in _origins(_config(request)):
        control = origin.get("OriginAccessControlId")
        if control and _identity(origin):
            return "Cannot use both Origin Access Control and Origin Access Identity on an origin"
        for_s3 = control in controls and controls[control].config["OriginAccessControlOriginType"] == "s3"
        if control in controls and for_s3 != (origin.get("S3OriginConfig") is not None):
            return "Illegal configuration: The origin type and OAC origin type differ."
    return None


@rule(
    "cloudfront-origin-access-control",
    "InvalidOriginAccessControl",
    "the access controls of a distribution exist",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_origin_access_control(request: Any) -> str | None:
    known = things(request.backend, "OriginAccessControl")
    wanted = {origin.get("OriginAccessControlId") or "" for origin in _origins(_config(request))} - {""}
    return None if wanted <= known.keys() else "The origin access control is not valid or doesn't exist."


@rule(
    "cloudfront-origin-access-identity",
    "InvalidOriginAccessIdentity",
    "the access identities of a distribution exist, and are named with their kind",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_origin_access_identity(request: Any) -> str | None:
    ids = things(request.backend, "CloudFrontOriginAccessIdentity")
    known = {f"origin-access-identity/cloudfront/{id}" for id in ids}
    wanted = {_identity(origin) for origin in _origins(_config(request))} - {""}
    return None if wanted <= known else "The specified origin access identity does not exist or is not valid."


# --- Distributions: policies, web ACL, certificate, aliases, logging -----------------------------


def _policies_exist(kind: Kind) -> Callable[[Any], str | None]:
    def check(request: Any) -> str | None:
        wanted = {behavior.get(f"{kind.name}Id") or "" for behavior in _behaviors(_config(request))} - {""}
        return None if wanted <= things(request.backend, kind.name).keys() else kind.absent

    return check


for _policy in POLICIES:
    rule(
        f"cloudfront-{_policy.path}",
        f"NoSuch{_policy.name}",
        f"what a behavior names as {_policy.name}Id exists",
        CloudFrontResponse,
        *WRITES,
    )(_policies_exist(_policy))


def _web_acl_exists(request: Any, arn: str) -> bool:
    """A distribution takes web ACLs of scope CLOUDFRONT only, which moto keeps in a region of their own."""
    return arn in wafv2_backends[request.current_account]["global"].wacls and ":global/webacl/" in arn


@rule(
    "cloudfront-web-acl",
    "InvalidWebACLId",
    "the web ACL of a distribution exists, and has the scope CLOUDFRONT",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_web_acl(request: Any) -> str | None:
    arn = _config(request).get("WebACLId")
    if not arn or _web_acl_exists(request, arn):
        return None
    return f"Web ACL is not accessible by the requester: {arn}"


@rule(
    "cloudfront-associated-web-acl",
    "InvalidArgument",
    "the web ACL that is associated exists, and has the scope CLOUDFRONT",
    CloudFrontResponse,
    "AssociateDistributionWebACL",
)
def cloudfront_associated_web_acl(request: Any) -> str | None:
    arn = request._get_param("WebACLArn") or ""
    return None if _web_acl_exists(request, arn) else f"Web ACL is not accessible by the requester: {arn}"


@rule(
    "cloudfront-viewer-certificate",
    "InvalidViewerCertificate",
    "aliases have a certificate that covers them; one of ACM is in us-east-1, and is named with an SSLSupportMethod",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_viewer_certificate(request: Any) -> str | None:
    config = _config(request)
    viewer = config.get("ViewerCertificate") or {}
    aliases = _items(config, "Aliases")
    arn = viewer.get("ACMCertificateArn")
    if not arn:
        if not aliases or viewer.get("IAMCertificateId"):
            return None
        return (
            "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted"
            " certificate that validates your authorization to use the domain name."
        )
    certificate = acm_backends[request.current_account]["us-east-1"]._certificates.get(arn)
    if certificate is None:
        return (
            "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a"
            " valid certificate chain."
        )
    if not viewer.get("SSLSupportMethod"):
        return "A certificate of your own needs an SSLSupportMethod."
    names = {certificate.common_name, *certificate.sans}
    if all(_covered(alias, names) for alias in aliases):
        return None
    return "The certificate that is attached to your distribution doesn't cover the alternate domain name (CNAME)."


def _covered(alias: str, names: set[str]) -> bool:
    return alias in names or f"*.{alias.partition('.')[2]}" in names


@rule(
    "cloudfront-protocol-settings",
    "InvalidProtocolSettings",
    "SSLv3 is not for viewers that send the name of the server",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_protocol_settings(request: Any) -> str | None:
    viewer = _config(request).get("ViewerCertificate") or {}
    if viewer.get("SSLSupportMethod") == "sni-only" and viewer.get("MinimumProtocolVersion") == "SSLv3":
        return "You cannot specify SSLv3 as the minimum protocol version with sni-only."
    return None


@rule(
    "cloudfront-aliases",
    "CNAMEAlreadyExists",
    "no other distribution, of whatever account, has the alias",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_aliases(request: Any) -> str | None:
    present = _present(request)
    taken = {
        alias
        for account in cloudfront_backends.values()
        for backend in account.values()
        for distribution in backend.distributions.values()
        if distribution is not present
        for alias in distribution.aliases
    }
    if taken.isdisjoint(_items(_config(request), "Aliases")):
        return None
    return "One or more of the CNAMEs you provided are already associated with a different resource."


@rule(
    "cloudfront-log-bucket",
    "InvalidArgument",
    "standard logging of the older kind writes by access lists, to a bucket that exists and has them",
    CloudFrontResponse,
    *WRITES,
)
def cloudfront_log_bucket(request: Any) -> str | None:
    logging = _config(request).get("Logging") or {}
    if not logging.get("Enabled"):
        return None
    domain = logging.get("Bucket") or ""
    name = domain.partition(".s3.")[0]
    _partition, owner = s3_backends.bucket_accounts.get(name, (None, None))
    bucket = s3_backends[owner]["aws"].buckets.get(name) if owner else None
    if bucket is None or name == domain:
        return f"The parameter Logging Bucket does not refer to a valid S3 bucket: {domain}"
    if bucket.ownership_rule == "BucketOwnerEnforced":
        return f"The S3 bucket that you specified for CloudFront logs does not enable ACL access: {domain}"
    return None


# --- Deletion ------------------------------------------------------------------------------------


@rule(
    "cloudfront-enabled-distribution",
    "DistributionNotDisabled",
    "a distribution that is deleted is disabled, and that has been deployed",
    CloudFrontResponse,
    "DeleteDistribution",
)
def cloudfront_enabled_distribution(request: Any) -> str | None:
    present = _present(request)
    if present is None or (not present.config["Enabled"] and present.status == "Deployed"):
        return None
    return "The distribution you are trying to delete has not been disabled."


def _used(kind: Kind) -> Callable[[Any], str | None]:
    def check(request: Any) -> str | None:
        id = request._get_param("Id")
        if any(id in _named(kind.name, one.config) for one in request.backend.distributions.values()):
            return f"The {kind.name} is in use by one or more distributions."
        return None

    return check


def _named(kind: str, config: dict[str, Any]) -> list[str | None]:
    """The ids of things of the kind that a distribution names."""
    if kind == "OriginAccessControl":
        return [origin["OriginAccessControlId"] for origin in _origins(config)]
    if kind == "CloudFrontOriginAccessIdentity":
        return [_identity(origin).rpartition("/")[2] for origin in _origins(config)]
    return [behavior.get(f"{kind}Id") for behavior in _behaviors(config)]


for _kind in KINDS:
    rule(
        f"cloudfront-used-{_kind.path.partition('/')[0]}",
        f"{_kind.name}InUse",
        f"no distribution names the {_kind.name} that is deleted",
        CloudFrontResponse,
        f"Delete{_kind.name}",
    )(_used(_kind))


def _managed(request: Any) -> bool:
    known = (things(request.backend, kind.name).get(request._get_param("Id")) for kind in POLICIES)
    return any(one and one.managed for one in known)


@rule(
    "cloudfront-delete-managed-policy",
    "IllegalDelete",
    "the policies of AWS cannot be deleted",
    CloudFrontResponse,
    *(f"Delete{kind.name}" for kind in POLICIES),
)
def cloudfront_delete_managed_policy(request: Any) -> str | None:
    return "You cannot delete a managed policy." if _managed(request) else None


@rule(
    "cloudfront-update-managed-policy",
    "IllegalUpdate",
    "the policies of AWS cannot be changed",
    CloudFrontResponse,
    *(f"Update{kind.name}" for kind in POLICIES),
)
def cloudfront_update_managed_policy(request: Any) -> str | None:
    return "You cannot update a managed policy." if _managed(request) else None


# --- Access identities, headers policies, tags ---------------------------------------------------


@rule(
    "cloudfront-identity-reference",
    "IllegalUpdate",
    "an update of an access identity does not change the caller's reference",
    CloudFrontResponse,
    "UpdateCloudFrontOriginAccessIdentity",
)
def cloudfront_identity_reference(request: Any) -> str | None:
    present = things(request.backend, "CloudFrontOriginAccessIdentity").get(request._get_param("Id"))
    reference = request._get_param("CloudFrontOriginAccessIdentityConfig")["CallerReference"]
    if present and present.config["CallerReference"] != reference:
        return "CallerReference cannot be changed."
    return None


@rule(
    "cloudfront-identity-in-bucket-policy",
    "MalformedPolicy",
    "the access identities that a bucket policy names exist, and S3 knows a new one after some seconds",
    S3Backend,
    "PutBucketPolicy",
)
def cloudfront_identity_in_bucket_policy(backend: Any, bucket_name: str, policy: bytes) -> str | None:
    named = set(re.findall(r"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity (\w+)", policy.decode()))
    accounts = [backend for account in cloudfront_backends.values() for backend in account.values()]
    identities = [thing for one in accounts for thing in things(one, "CloudFrontOriginAccessIdentity").values()]
    known = {one.id for one in identities if one.made_at + durations.of("identity-not-known") <= time.time()}
    return "Invalid principal in policy" if key_policy.statements(policy.decode()) and named - known else None


# Developer Guide, "Quotas": of response headers policies.
LONGEST_CSP, MOST_HEADERS = 1783, 10


def _headers(request: Any) -> dict[str, Any]:
    return request._get_param("ResponseHeadersPolicyConfig") or {}


@rule(
    "cloudfront-content-security-policy",
    "TooLongCSPInResponseHeadersPolicy",
    f"a content security policy has at most {LONGEST_CSP} characters",
    CloudFrontResponse,
    "CreateResponseHeadersPolicy",
    "UpdateResponseHeadersPolicy",
)
def cloudfront_content_security_policy(request: Any) -> str | None:
    security = _headers(request).get("SecurityHeadersConfig") or {}
    value = (security.get("ContentSecurityPolicy") or {}).get("ContentSecurityPolicy") or ""
    return "The content security policy is too long." if len(value) > LONGEST_CSP else None


@rule(
    "cloudfront-custom-headers",
    "TooManyCustomHeadersInResponseHeadersPolicy",
    f"a headers policy has at most {MOST_HEADERS} custom headers",
    CloudFrontResponse,
    "CreateResponseHeadersPolicy",
    "UpdateResponseHeadersPolicy",
)
def cloudfront_custom_headers(request: Any) -> str | None:
    too_many = len(_items(_headers(request), "CustomHeadersConfig")) > MOST_HEADERS
    return "There are too many custom headers." if too_many else None


@rule(
    "cloudfront-tagged-resource",
    "NoSuchResource",
    "the distribution whose tags are read or changed exists",
    CloudFrontResponse,
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
)
def cloudfront_tagged_resource(request: Any) -> str | None:
    arn = request._get_param("Resource") or ""
    if ":distribution/" not in arn or any(one.arn == arn for one in request.backend.distributions.values()):
        return None
    return f"The specified resource does not exist: {arn}"


@rule(
    "cloudfront-tags",
    "InvalidTagging",
    "tags are at most 50, within their lengths, and not reserved to AWS",
    CloudFrontResponse,
    "CreateDistributionWithTags",
    "TagResource",
)
def cloudfront_tags(request: Any) -> str | None:
    sent = request._get_param("Tags") or (request._get_param("DistributionConfigWithTags") or {}).get("Tags") or {}
    pairs = {tag["Key"]: tag.get("Value") or "" for tag in sent.get("Items") or []}
    for key, value in pairs.items():
        if key.lower().startswith("aws:") or not 0 < len(key) <= 128 or len(value) > 256:
            return f"The tag {key} is not valid."
    known = request.backend.tagger.get_tag_dict_for_resource(request._get_param("Resource") or "")
    return "A resource has at most 50 tags." if len({**known, **pairs}) > 50 else None
