"""What AWS refuses of web ACL calls and moto lets pass. Registered like the rules of strict.py."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from moto.cloudfront.models import cloudfront_backends
from moto.core.utils import get_service_model
from moto.elbv2.models import elbv2_backends
from moto.logs.models import logs_backends
from moto.utilities.utils import get_partition
from moto.wafv2.responses import WAFV2Response

import durations
from mends_wafv2 import MANAGED_GROUPS, RESOURCE_TYPES, arn_of, backend_of, capacity, statements
from strict import linked_role_is_new, rule

MODEL = get_service_model("wafv2")
INVALID_ARN = (
    "Error reason: The ARN isn't valid. A valid ARN begins with arn: and includes other information separated by "
    "colons or slashes., field: {field}, parameter: {arn}"
)
NOT_ONE = (
    "Error reason: You have used none or multiple values for a field that requires exactly one value., field: {field}, "
    "parameter: {parameter}"
)
ABSENT = "AWS WAF couldn’t perform the operation because your resource doesn’t exist."
UNAVAILABLE = "AWS WAF couldn’t retrieve the resource that you requested. Retry your request."
IN_USE = "AWS WAF couldn’t perform the operation because your resource is being used by another resource."

# --- What several need ---------------------------------------------------------------------------


def _params(request: Any) -> dict[str, Any]:
    return json.loads(request.body)


def _rules(request: Any) -> list[dict[str, Any]]:
    return _params(request).get("Rules") or []


def _statements(request: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    return (found for one in _rules(request) for found in statements(one["Statement"]))


def _web_acl(request: Any) -> Any:
    """The web ACL that the request is about, by its ARN or its name and id."""
    params, known = _params(request), backend_of(request).wacls
    if arn := arn_of(params):
        return known.get(arn)
    wanted = (params.get("Name"), params.get("Id"))
    return next((one for one in known.values() if (one.name, one.id) == wanted), None)


def _balancer(request: Any) -> Any:
    balancers = elbv2_backends[request.current_account][request.region].load_balancers
    return balancers.get(_params(request)["ResourceArn"])


# --- All requests --------------------------------------------------------------------------------

SCOPED = (
    "CheckCapacity", "CreateIPSet", "CreateWebACL", "DeleteIPSet", "DeleteWebACL", "GetIPSet", "GetWebACL",
    "ListAvailableManagedRuleGroups", "ListIPSets", "ListLoggingConfigurations", "ListWebACLs", "UpdateIPSet",
    "UpdateWebACL",
)  # fmt: skip
LOGGING = ("DeleteLoggingConfiguration", "GetLoggingConfiguration", "PutLoggingConfiguration")
TAGGING = ("ListTagsForResource", "TagResource", "UntagResource")
ASSOCIATING = ("AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource")


@rule(
    "wafv2-constraints",
    "ValidationException",
    "required members are given, and lengths, ranges, patterns and values are those of the API Reference",
    WAFV2Response,
    *SCOPED,
    *LOGGING,
    *TAGGING,
    *ASSOCIATING,
    "ListResourcesForWebACL",
)
def wafv2_constraints(request: Any) -> str | None:
    shape = MODEL.operation_model(request._get_action()).input_shape
    if not (wrong := list(_violations(shape, _params(request), ""))):
        return None
    plural = "s" if len(wrong) > 1 else ""
    return f"{len(wrong)} validation error{plural} detected: {'; '.join(wrong)}"


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    """How a value breaks the service's model, in the words of AWS."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            inner = f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")
            if value.get(name) is not None:
                yield from _violations(member, value[name], inner)
            elif name in shape.required_members:
                yield f"Value null at '{inner}' failed to satisfy constraint: Member must not be null"
    elif shape.type_name == "list":
        for at, item in enumerate(value, start=1):
            yield from _violations(shape.member, item, f"{path}.{at}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _violations(shape.value, item, f"{path}.{key}.member")
    if shape.type_name != "blob":
        found = _broken(shape, value)
        yield from (f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {one}" for one in found)


def _broken(shape: Any, value: Any) -> Iterator[str]:
    limits, is_number = shape.metadata, shape.type_name in ("integer", "long")
    size = value if is_number else len(value) if isinstance(value, (str, list, dict)) else None
    what = "have value" if is_number else "have length"
    if size is not None and size < limits.get("min", size):
        yield f"{what} greater than or equal to {limits['min']}"
    if size is not None and size > limits.get("max", size):
        yield f"{what} less than or equal to {limits['max']}"
    if "pattern" in limits and not _matches(limits["pattern"], value):
        yield f"satisfy regular expression pattern: {limits['pattern']}"
    if "enum" in limits and value not in limits["enum"]:
        yield f"satisfy enum value set: [{', '.join(limits['enum'])}]"


def _matches(pattern: str, value: str) -> bool:
    """Java's pattern: letters are those of ASCII, except where it says letters, spaces and numbers of any script."""
    any_script = r"\p{L}\p{Z}\p{N}"
    flags = 0 if any_script in pattern else re.ASCII
    return bool(re.fullmatch(pattern.replace(any_script, r"\w\s"), value, flags))


@rule(
    "wafv2-scope",
    "WAFInvalidParameterException",
    "the scope CLOUDFRONT is handled in us-east-1",
    WAFV2Response,
    *SCOPED,
)
def wafv2_scope(request: Any) -> str | None:
    if request._get_param("Scope") != "CLOUDFRONT" or request.region == "us-east-1":
        return None
    return "Error reason: The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT"


@rule(
    "wafv2-arn",
    "WAFInvalidParameterException",
    "an ARN is that of something of AWS WAF in the region of the call",
    WAFV2Response,
    "GetWebACL",
    *LOGGING,
    *TAGGING,
    "AssociateWebACL",
    "ListResourcesForWebACL",
)
def wafv2_arn(request: Any) -> str | None:
    arn, region = arn_of(_params(request)), request.region
    if arn is None or re.fullmatch(rf"arn:{get_partition(region)}:wafv2:{region}:\d+:(regional|global)/\w+/.+/.+", arn):
        return None
    return INVALID_ARN.format(field="RESOURCE_ARN", arn=arn)


@rule(
    "wafv2-exists",
    "WAFNonexistentItemException",
    "what is tagged, logged or associated exists",
    WAFV2Response,
    "PutLoggingConfiguration",
    *TAGGING,
    "AssociateWebACL",
)
def wafv2_exists(request: Any) -> str | None:
    backend = backend_of(request)
    known = (backend.wacls, backend.ip_sets, backend.rule_groups, backend.regex_pattern_sets)
    return None if any(arn_of(_params(request)) in one for one in known) else ABSENT


# --- Web ACLs ------------------------------------------------------------------------------------

WRITING = ("CreateWebACL", "UpdateWebACL")
WITH_RULES = (*WRITING, "CheckCapacity")
GROUPS = {"ManagedRuleGroupStatement", "RuleGroupReferenceStatement"}


@rule(
    "wafv2-one-value",
    "WAFInvalidParameterException",
    "a statement and an action are of one kind each",
    WAFV2Response,
    *WITH_RULES,
)
def wafv2_one_value(request: Any) -> str | None:
    if request._get_action() in WRITING and len(_params(request)["DefaultAction"]) != 1:
        return NOT_ONE.format(field="DEFAULT_ACTION", parameter="DefaultAction")
    for one in _rules(request):
        for name, field in (("Action", "RULE_ACTION"), ("OverrideAction", "OVERRIDE_ACTION")):
            if len(one.get(name, {"given": "one"})) != 1:
                return NOT_ONE.format(field=field, parameter=name)
        if not all(len(found) == 1 for found in _nested(one["Statement"])):
            return NOT_ONE.format(field="STATEMENT", parameter="Statement")
    overrides = [one for _, settings in _statements(request) for one in settings.get("RuleActionOverrides", [])]
    if any(len(one["ActionToUse"]) != 1 for one in overrides):
        return NOT_ONE.format(field="RULE_ACTION", parameter="RuleAction")
    return None


def _nested(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A statement and those inside it, as they were given."""
    yield statement
    for _, settings in statements(statement):
        for one in (settings.get("Statement"), settings.get("ScopeDownStatement"), *settings.get("Statements", [])):
            if one is not None:
                yield one


@rule(
    "wafv2-rule-action",
    "WAFInvalidParameterException",
    "a rule with a rule group has an OverrideAction, any other an Action, and none has both",
    WAFV2Response,
    *WITH_RULES,
)
def wafv2_rule_action(request: Any) -> str | None:
    for one in _rules(request):
        given = [name for name in ("Action", "OverrideAction") if name in one]
        if len(given) != 1:
            return NOT_ONE.format(field="RULE", parameter="Rule")
        if (given == ["OverrideAction"]) != bool(GROUPS & one["Statement"].keys()):
            return "Error reason: A reference in your rule statement is not valid., field: RULE, parameter: Statement"
    return None


@rule(
    "wafv2-distinct-rules",
    "WAFInvalidParameterException",
    "the rules of a web ACL have names and priorities of their own",
    WAFV2Response,
    *WITH_RULES,
)
def wafv2_distinct_rules(request: Any) -> str | None:
    for key in ("Priority", "Name"):
        values = [one[key] for one in _rules(request)]
        if len(values) != len(set(values)):
            return f"Error reason: Your rules have a duplicate {key}., field: RULE, parameter: {key}"
    return None


@rule(
    "wafv2-nesting",
    "WAFInvalidParameterException",
    "rule groups and rate limits are not inside other statements, and AND and OR have two or more inside",
    WAFV2Response,
    *WITH_RULES,
)
def wafv2_nesting(request: Any) -> str | None:
    for one in _rules(request):
        inner = [kind for kind, _ in statements(one["Statement"])][1:]
        if {*GROUPS, "RateBasedStatement"} & {*inner}:
            return "Error reason: The nested statement isn't valid., field: STATEMENT, parameter: Statement"
    for kind, settings in _statements(request):
        if len(settings.get("Statements", [1, 2])) < 2:
            field = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).upper()
            return (
                "Error reason: You haven't met a minimum requirement for a threshold setting. Examples include a rule "
                "group capacity setting that's too low and an OR statement with only one nested statement., field: "
                f"{field}, parameter: {kind}"
            )
    return None


@rule(
    "wafv2-rate",
    "WAFInvalidParameterException",
    "a rate is counted over 60, 120, 300 or 600 seconds, and has what its aggregation needs",
    WAFV2Response,
    *WITH_RULES,
)
def wafv2_rate(request: Any) -> str | None:
    needs = {"FORWARDED_IP": "ForwardedIPConfig", "CONSTANT": "ScopeDownStatement", "CUSTOM_KEYS": "CustomKeys"}
    for kind, settings in _statements(request):
        if kind != "RateBasedStatement":
            continue
        needed = needs.get(settings["AggregateKeyType"])
        if needed and needed not in settings:
            return f"Error reason: A required field is missing., field: RATE_BASED_STATEMENT, parameter: {needed}"
        if (window := settings.get("EvaluationWindowSec", 300)) not in (60, 120, 300, 600):
            return f"Error reason: The window isn't valid., field: RATE_BASED_STATEMENT, parameter: {window}"
    return None


@rule(
    "wafv2-managed-group",
    "WAFNonexistentItemException",
    "a managed rule group is one of AWS",
    WAFV2Response,
    *WITH_RULES,
)
def wafv2_managed_group(request: Any) -> str | None:
    for kind, settings in _statements(request):
        if kind != "ManagedRuleGroupStatement":
            continue
        if settings["VendorName"] != "AWS" or settings["Name"] not in MANAGED_GROUPS:
            named = f"name {settings['Name']} by vendor {settings['VendorName']}"
            return f"ManagedRules with {named} does not exist. Please check your inputs"
    return None


@rule(
    "wafv2-reference",
    "WAFNonexistentItemException",
    "the IP sets, pattern sets and rule groups that rules name exist in their scope",
    WAFV2Response,
    *WITH_RULES,
)
def wafv2_reference(request: Any) -> str | None:
    backend = backend_of(request)
    known = {*backend.ip_sets, *backend.regex_pattern_sets, *backend.rule_groups}
    named = {settings["ARN"] for kind, settings in _statements(request) if kind.endswith("ReferenceStatement")}
    return ABSENT if named - known else None


@rule(
    "wafv2-capacity-limit",
    "WAFLimitsExceededException",
    "a web ACL takes 5000 capacity units at most",
    WAFV2Response,
    *WITH_RULES,
)
def wafv2_capacity_limit(request: Any) -> str | None:
    if capacity(_rules(request), backend_of(request)) <= 5000:
        return None
    return "AWS WAF couldn’t perform the operation because you exceeded your resource limit: WEB_ACL_CAPACITY"


@rule(
    "wafv2-web-acl-in-use",
    "WAFAssociatedItemException",
    "a web ACL with which a resource or a distribution is associated cannot be deleted",
    WAFV2Response,
    "DeleteWebACL",
)
def wafv2_web_acl_in_use(request: Any) -> str | None:
    if (web_acl := _web_acl(request)) is None:
        return None
    edge = cloudfront_backends[request.current_account][get_partition(request.region)]
    guarded = [one.config["WebACLId"] for one in edge.distributions.values()]
    return IN_USE if web_acl.associated_resources or web_acl.arn in guarded else None


@rule(
    "wafv2-ip-set-in-use",
    "WAFAssociatedItemException",
    "an IP set that a web ACL or a rule group names cannot be deleted",
    WAFV2Response,
    "DeleteIPSet",
)
def wafv2_ip_set_in_use(request: Any) -> str | None:
    backend, id = backend_of(request), _params(request)["Id"]
    rules = [one for owner in (backend.wacls, backend.rule_groups) for each in owner.values() for one in each.rules]
    named = [settings for one in rules for _, settings in statements(one.statement)]
    return IN_USE if any(one.get("ARN", "").endswith(f"/{id}") for one in named) else None


# --- Associations --------------------------------------------------------------------------------


@rule(
    "wafv2-resource-arn",
    "WAFInvalidParameterException",
    "a web ACL of scope REGIONAL is associated with an application load balancer or the like in its region",
    WAFV2Response,
    *ASSOCIATING,
)
def wafv2_resource_arn(request: Any) -> str | None:
    params = _params(request)
    if ":global/" in (arn := params.get("WebACLArn", "")):
        return INVALID_ARN.format(field="RESOURCE_ARN", arn=arn)
    arn = params["ResourceArn"]
    parts = arn.split(":")
    if len(parts) > 5 and parts[3] == request.region and any(part in arn for part in RESOURCE_TYPES.values()):
        return None
    return INVALID_ARN.format(field="RESOURCE_ARN", arn=arn)


@rule(
    "wafv2-resource-exists",
    "WAFNonexistentItemException",
    "the load balancer of an association exists",
    WAFV2Response,
    *ASSOCIATING,
)
def wafv2_resource_exists(request: Any) -> str | None:
    is_balancer = RESOURCE_TYPES["APPLICATION_LOAD_BALANCER"] in _params(request)["ResourceArn"]
    return ABSENT if is_balancer and _balancer(request) is None else None


@rule(
    "wafv2-resource-active",
    "WAFUnavailableEntityException",
    "a load balancer is active before it gets a web ACL",
    WAFV2Response,
    "AssociateWebACL",
)
def wafv2_resource_active(request: Any) -> str | None:
    balancer = _balancer(request)
    return UNAVAILABLE if balancer and balancer.state != "active" else None


@rule(
    "wafv2-propagated",
    "WAFUnavailableEntityException",
    "a web ACL has been known everywhere for a while before it is associated",
    WAFV2Response,
    "AssociateWebACL",
)
def wafv2_propagated(request: Any) -> str | None:
    age = datetime.now(timezone.utc) - datetime.fromisoformat(_web_acl(request).created_time)
    return UNAVAILABLE if age.total_seconds() < durations.of("web-acl-propagating") else None


# --- Logging -------------------------------------------------------------------------------------


def _destination(request: Any) -> list[str]:
    """The parts of the ARN of the log destination."""
    return _params(request)["LoggingConfiguration"]["LogDestinationConfigs"][0].split(":", 6)


@rule(
    "wafv2-one-destination",
    "WAFLimitsExceededException",
    "a web ACL has one log destination",
    WAFV2Response,
    "PutLoggingConfiguration",
)
def wafv2_one_destination(request: Any) -> str | None:
    if len(_params(request)["LoggingConfiguration"]["LogDestinationConfigs"]) == 1:
        return None
    return "AWS WAF couldn’t perform the operation because you exceeded your resource limit: LOG_DESTINATION"


@rule(
    "wafv2-destination",
    "WAFInvalidParameterException",
    "a log destination is of the web ACL's account and region, and its name begins with aws-waf-logs-",
    WAFV2Response,
    "PutLoggingConfiguration",
)
def wafv2_destination(request: Any) -> str | None:
    place = f"{request.region}:{request.current_account}"
    name = r"aws-waf-logs-[\w./#-]+"
    kinds = (f"logs:{place}:log-group:{name}", f"s3:::{name}", f"firehose:{place}:deliverystream/{name}")
    arn = ":".join(_destination(request))
    if re.fullmatch(f"arn:{get_partition(request.region)}:({'|'.join(kinds)})", arn):
        return None
    return INVALID_ARN.format(field="LOG_DESTINATION", arn=arn)


@rule(
    "wafv2-destination-exists",
    "WAFLogDestinationPermissionIssueException",
    "the log group of a logging configuration exists",
    WAFV2Response,
    "PutLoggingConfiguration",
)
def wafv2_destination_exists(request: Any) -> str | None:
    *_, name = parts = _destination(request)
    if parts[2] != "logs" or name in logs_backends[request.current_account][request.region].groups:
        return None
    return (
        "Unable to deliver logs to the configured destination. You might need to grant log delivery permissions for "
        "the destination. If you're using S3 as your log destination, you might have exceeded your bucket limit."
    )


@rule(
    "wafv2-redacted-fields",
    "WAFInvalidParameterException",
    "what is kept out of the logs is the path, the query string, the method or a single header",
    WAFV2Response,
    "PutLoggingConfiguration",
)
def wafv2_redacted_fields(request: Any) -> str | None:
    for field in _params(request)["LoggingConfiguration"].get("RedactedFields", []):
        if len(field) != 1:
            return NOT_ONE.format(field="FIELD_TO_MATCH", parameter="FieldToMatch")
        if not field.keys() <= {"UriPath", "QueryString", "SingleHeader", "Method"}:
            return f"Error reason: The field isn't valid here., field: FIELD_TO_MATCH, parameter: {', '.join(field)}"
    return None


# The last of its operation: the role comes with the first call that is right otherwise.
@rule(
    "wafv2-service-linked-role",
    "WAFServiceLinkedRoleErrorException",
    "the service-linked role, which the account's first logging brings, cannot be assumed at once",
    WAFV2Response,
    "PutLoggingConfiguration",
)
def wafv2_service_linked_role(request: Any) -> str | None:
    if not linked_role_is_new(request.current_account, "wafv2"):
        return None
    return "AWS WAF is not able to access the service linked role. You can retry your request."
