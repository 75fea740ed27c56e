"""Where moto's web ACLs answer differently from AWS. Registered like the mends of mends.py."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from moto.elbv2.models import ELBv2Backend
from moto.wafv2.exceptions import WAFNonexistentItemException, WAFV2DuplicateItemException, WAFv2ClientError
from moto.wafv2.models import (
    GLOBAL_REGION,
    FakeIPSet,
    FakeLoggingConfiguration,
    FakeRule,
    FakeWebACL,
    WAFV2Backend,
    wafv2_backends,
)
from moto.wafv2.responses import WAFV2Response

from catalogue import around
from mends import mend, page

# --- Answers -------------------------------------------------------------------------------------


@mend("wafv2-absent-members", "members without a value are left out of answers")
def absent_members() -> None:
    """AWS: what has no value is not in the answer, for example GetWebACLForResource of a resource without a web ACL has
    no WebACL (API Reference, response elements of each). moto: null. Goes when moto leaves them out."""

    @around(WAFV2Response, "call_action")
    def call_action(original: Callable, response: Any) -> Any:
        answer = original(response)
        status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
        return status, headers, json.dumps(_present(json.loads(body))) if status == 200 and body else body


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _present(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_present(member) for member in value]
    return value


@mend("wafv2-scope-of-arn", "what has the scope CLOUDFRONT is found by its ARN, too")
def scope_of_arn() -> None:
    """AWS: what has the scope CLOUDFRONT is found in us-east-1, by its ARN as by its name (API Reference, GetWebACL and
    ListLoggingConfigurations). moto: keeps it in a region of its own, in which it does not look for the ARN of
    GetWebACL or of a logging configuration, and lists no logging configuration of that scope. Goes when it does."""
    WAFV2Response.wafv2_backend = property(backend_of)

    @around(WAFV2Response, "list_logging_configurations")
    def listed(original: Callable, response: Any) -> Any:
        known = list(response.wafv2_backend.logging_configurations.values())
        found, rest = page([one.to_dict() for one in known], response._get_param("NextMarker"), _limit(response))
        return 200, {}, json.dumps({"LoggingConfigurations": found, "NextMarker": rest})


def backend_of(response: Any) -> WAFV2Backend:
    arn = arn_of(json.loads(response.body)) or ""
    is_global = response._get_param("Scope") == "CLOUDFRONT" or ":global/" in arn
    return wafv2_backends[response.current_account][GLOBAL_REGION if is_global else response.region]


def arn_of(params: dict[str, Any]) -> str | None:
    """The ARN of the web ACL, IP set and so on that a request is about."""
    params = params.get("LoggingConfiguration", params)
    named = (params.get(name) for name in ("WebACLArn", "ResourceARN", "ResourceArn", "ARN"))
    return next((arn for arn in named if arn), None)


@mend("wafv2-markers", "ListWebACLs and ListIPSets answer a NextMarker whenever they answer anything")
def markers() -> None:
    """AWS: NextMarker names the last item of each answer that has any, even when none are left, and the answer to it
    is then empty (AWS CLI Command Reference, example of list-ip-sets; boto3's issue 3715 for ListWebACLs). moto: only
    when there are more. Goes when moto does the same."""

    @around(WAFV2Response, "list_web_ac_ls")
    def web_acls(original: Callable, response: Any) -> Any:
        known = [one.to_short_dict() for one in response.wafv2_backend.wacls.values()]
        return _by_name(response, "WebACLs", known)

    @around(WAFV2Response, "list_ip_sets")
    def ip_sets(original: Callable, response: Any) -> Any:
        wanted = ("Name", "Id", "Description", "LockToken", "ARN")
        known = [one.to_dict() for one in response.wafv2_backend.ip_sets.values()]
        return _by_name(response, "IPSets", [{key: one[key] for key in wanted} for one in known])


def _by_name(response: Any, name: str, items: list[dict[str, Any]]) -> Any:
    """The items in the order of their names, from the one after the marker on."""
    after = response._get_param("NextMarker") or ""
    known = sorted((item for item in items if item["Name"] > after), key=lambda item: item["Name"])
    found = known[: _limit(response)]
    return 200, {}, json.dumps({name: found, "NextMarker": found[-1]["Name"] if found else None})


def _limit(response: Any) -> int:
    return response._get_param("Limit") or 100


@mend("wafv2-duplicates", "names are unique in a scope, and its error is WAFDuplicateItemException")
def duplicates() -> None:
    """AWS: WAFDuplicateItemException (API Reference, errors of CreateWebACL and CreateIPSet). moto: an error of another
    name, and any number of IP sets of one name. Goes when moto does the same."""

    def refuse(error: Any) -> None:
        message = "AWS WAF couldn’t perform the operation because some resource in your request is a duplicate."
        WAFv2ClientError.__init__(error, "WAFDuplicateItemException", message)

    WAFV2DuplicateItemException.__init__ = refuse

    @around(WAFV2Backend, "create_ip_set")
    def create_ip_set(original: Callable, backend: Any, name: str, *args: Any) -> FakeIPSet:
        if any(known.name == name for known in backend.ip_sets.values()):
            raise WAFV2DuplicateItemException()
        return original(backend, name, *args)


@mend("wafv2-ip-set-tokens", "the lock token of an IP set is a UUID")
def ip_set_tokens() -> None:
    """AWS: like every lock token (API Reference, LockToken of DeleteIPSet). moto: six characters of one. Goes when moto
    answers a whole one."""

    def renewed(original: Callable, addresses: Any, *args: Any) -> None:
        original(addresses, *args)
        addresses.lock_token = str(uuid4())

    around(FakeIPSet, "__init__")(renewed)
    around(FakeIPSet, "update")(renewed)


# --- Web ACLs ------------------------------------------------------------------------------------

# Settings that moto does not know.
MORE_SETTINGS = ("DataProtectionConfig", "OnSourceDDoSProtectionConfig", "ApplicationConfig", "MonetizationConfig")


@mend("wafv2-web-acl-update", "UpdateWebACL replaces all settings")
def web_acl_update() -> None:
    """AWS: the settings given replace those that there were, so what is left out is unset, except for ApplicationConfig
    (API Reference, UpdateWebACL). moto: keeps what is left out, and the rules when they are emptied. Goes when moto
    replaces them."""

    names = (
        "default_action", "rules", "description", "visibility_config", "custom_response_bodies", "captcha_config",
        "challenge_config", "token_domains", "association_config",
    )  # fmt: skip

    def update(web_acl: Any, *values: Any) -> None:
        web_acl.__dict__.update(zip(names, values, strict=True))
        web_acl.rules, web_acl.description = web_acl.rules or [], web_acl.description or ""
        web_acl.lock_token = web_acl._generate_lock_token()

    FakeWebACL.update = update


@mend("wafv2-web-acl-settings", "a web ACL keeps all its settings and tells its capacity")
def web_acl_settings() -> None:
    """AWS: GetWebACL answers all settings, the capacity that the rules take, that Firewall Manager manages neither, and
    the lock token only beside the web ACL (API Reference, WebACL). moto: drops the settings that are newer, has a
    capacity of 3, and the lock token twice. Goes when moto answers the same."""

    @around(WAFV2Response, "create_web_acl")
    def create(original: Callable, response: Any) -> Any:
        answer = original(response)
        _keep_more(response, json.loads(answer[2])["Summary"]["Id"], {})
        return answer

    @around(WAFV2Response, "update_web_acl")
    def update(original: Callable, response: Any) -> Any:
        answer = original(response)
        _keep_more(response, response._get_param("Id"), {"ApplicationConfig"})
        return answer

    @around(FakeWebACL, "to_dict")
    def to_dict(original: Callable, web_acl: Any) -> dict[str, Any]:
        known = {**original(web_acl), **web_acl.__dict__.get("more", {})}
        del known["LockToken"]
        known["Capacity"] = capacity(known["Rules"], _backend_with(web_acl))
        return {**known, "ManagedByFirewallManager": False, "RetrofittedByFirewallManager": False}


def _keep_more(response: Any, id: str, kept: set[str]) -> None:
    params = json.loads(response.body)
    web_acl = next(one for one in response.wafv2_backend.wacls.values() if one.id == id)
    before = {name: value for name, value in web_acl.__dict__.get("more", {}).items() if name in kept}
    web_acl.more = {**before, **{name: params[name] for name in MORE_SETTINGS if name in params}}


def _backend_with(web_acl: Any) -> WAFV2Backend:
    region = GLOBAL_REGION if ":global/" in web_acl.arn else web_acl.arn.split(":")[3]
    return wafv2_backends[web_acl.account][region]


@mend("wafv2-rule-settings", "what AWS fills in and rewrites in the rules of a web ACL")
def rule_settings() -> None:
    """AWS: a rate-based statement has EvaluationWindowSec 300 unless it is given (API Reference, RateBasedStatement);
    names of single headers and query arguments come back in lower case, as the schemas of Terraform's AWS provider say.
    moto: neither. Goes when moto does both."""

    @around(FakeRule, "__init__")
    def init(original: Callable, rule: Any, **settings: Any) -> None:
        settings["statement"] = _filled_in(settings["statement"])
        original(rule, **settings)

    @around(FakeLoggingConfiguration, "__init__")
    def logging_init(original: Callable, logging: Any, arn: str, destinations: Any, redacted: Any, *rest: Any) -> None:
        original(logging, arn, destinations, _filled_in(redacted), *rest)


def _filled_in(value: Any, name: str = "") -> Any:
    if isinstance(value, list):
        return [_filled_in(member) for member in value]
    if not isinstance(value, dict):
        return value
    members = {key: _filled_in(member, key) for key, member in value.items()}
    if name in ("SingleHeader", "SingleQueryArgument"):
        members["Name"] = members["Name"].lower()
    if name == "RateBasedStatement":
        members.setdefault("EvaluationWindowSec", 300)
    return members


# --- Capacity ------------------------------------------------------------------------------------

# The rule groups that AWS manages and what each takes of a web ACL's capacity (Developer Guide, "AWS Managed Rules rule
# groups list").
MANAGED_GROUPS = {
    "AWSManagedRulesACFPRuleSet": 50,
    "AWSManagedRulesATPRuleSet": 50,
    "AWSManagedRulesAdminProtectionRuleSet": 100,
    "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesAnonymousIpList": 50,
    "AWSManagedRulesAntiDDoSRuleSet": 50,
    "AWSManagedRulesBotControlRuleSet": 50,
    "AWSManagedRulesCommonRuleSet": 700,
    "AWSManagedRulesKnownBadInputsRuleSet": 200,
    "AWSManagedRulesLinuxRuleSet": 200,
    "AWSManagedRulesPHPRuleSet": 100,
    "AWSManagedRulesSQLiRuleSet": 200,
    "AWSManagedRulesUnixRuleSet": 100,
    "AWSManagedRulesWindowsRuleSet": 200,
    "AWSManagedRulesWordPressRuleSet": 100,
}

# What a statement takes by itself (Developer Guide, "Rule statements"), roughly where it depends on its settings.
STATEMENTS = {
    "AsnMatchStatement": 1,
    "ByteMatchStatement": 2,
    "GeoMatchStatement": 1,
    "IPSetReferenceStatement": 1,
    "LabelMatchStatement": 1,
    "RateBasedStatement": 2,
    "RegexMatchStatement": 3,
    "RegexPatternSetReferenceStatement": 25,
    "SizeConstraintStatement": 1,
    "SqliMatchStatement": 20,
    "XssMatchStatement": 40,
}


def statements(statement: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and settings of a statement and of those inside it."""
    for kind, settings in statement.items():
        yield kind, settings
        inner = [settings.get("Statement"), settings.get("ScopeDownStatement"), *settings.get("Statements", [])]
        for one in inner:
            yield from statements(one or {})


def capacity(rules: list[dict[str, Any]], backend: WAFV2Backend) -> int:
    return sum(_weight(*one, backend) for rule in rules for one in statements(rule["Statement"]))


def _weight(kind: str, settings: dict[str, Any], backend: WAFV2Backend) -> int:
    if kind == "ManagedRuleGroupStatement":
        return MANAGED_GROUPS.get(settings["Name"], 0)
    if kind == "RuleGroupReferenceStatement":
        group = backend.rule_groups.get(settings["ARN"])
        return group.capacity if group else 0
    transformed = [one for one in settings.get("TextTransformations", []) if one["Type"] != "NONE"]
    return STATEMENTS.get(kind, 0) + 10 * len(transformed) + 30 * len(settings.get("CustomKeys", []))


@mend("wafv2-capacity", "CheckCapacity and ListAvailableManagedRuleGroups")
def check_capacity() -> None:
    """AWS: answer what the rules would take of a web ACL's capacity, and the rule groups of AWS that one may use (API
    Reference). moto: lacks both. Goes when moto has them."""

    def check(response: Any) -> str:
        return json.dumps({"Capacity": capacity(response._get_param("Rules"), response.wafv2_backend)})

    def available(response: Any) -> str:
        groups = [{"VendorName": "AWS", "Name": name, "VersioningSupported": True} for name in MANAGED_GROUPS]
        found, rest = page(groups, response._get_param("NextMarker"), _limit(response))
        return json.dumps({"ManagedRuleGroups": found, "NextMarker": rest})

    WAFV2Response.check_capacity = check
    WAFV2Response.list_available_managed_rule_groups = available


# --- Associations --------------------------------------------------------------------------------


@mend("wafv2-one-web-acl", "a resource has one web ACL, until it is deleted")
def one_web_acl() -> None:
    """AWS: a resource is associated with one web ACL at most, so a new association replaces the one there was, and it
    ends with the resource (Developer Guide, "Associating or disassociating a web ACL with an AWS resource"). moto: adds
    the new association and answers the earlier one, and keeps that of a load balancer that is deleted. Goes when moto
    replaces and ends them."""

    @around(WAFV2Backend, "associate_web_acl")
    def associate(original: Callable, backend: Any, web_acl_arn: str, resource_arn: str) -> None:
        if web_acl_arn in backend.wacls:
            backend.disassociate_web_acl(resource_arn)
        original(backend, web_acl_arn, resource_arn)

    @around(ELBv2Backend, "delete_load_balancer")
    def delete(original: Callable, backend: Any, arn: str) -> None:
        original(backend, arn)
        wafv2_backends[backend.account_id][backend.region_name].disassociate_web_acl(arn)


# What the ARN of each type of resource contains.
RESOURCE_TYPES = {
    "AMPLIFY": ":amplify:",
    "API_GATEWAY": ":apigateway:",
    "APPLICATION_LOAD_BALANCER": ":loadbalancer/app/",
    "APPSYNC": ":appsync:",
    "APP_RUNNER_SERVICE": ":apprunner:",
    "COGNITO_USER_POOL": ":cognito-idp:",
    "VERIFIED_ACCESS_INSTANCE": ":verified-access-instance/",
}


@mend("wafv2-resources", "ListResourcesForWebACL")
def resources() -> None:
    """AWS: answers the ARNs of the associated resources of one type, load balancers unless told otherwise (API
    Reference, ListResourcesForWebACL). moto: lacks it. Goes when moto has it."""

    def listed(response: Any) -> str:
        web_acl = response.wafv2_backend.wacls.get(response._get_param("WebACLArn"))
        if web_acl is None:
            raise WAFNonexistentItemException()
        part = RESOURCE_TYPES[response._get_param("ResourceType") or "APPLICATION_LOAD_BALANCER"]
        return json.dumps({"ResourceArns": [arn for arn in web_acl.associated_resources if part in arn]})

    WAFV2Response.list_resources_for_web_acl = listed


# --- Logging -------------------------------------------------------------------------------------


@mend("wafv2-logging", "a logging configuration tells its type and scope, and goes with its web ACL")
def logging() -> None:
    """AWS: LogType is WAF_LOGS and LogScope CUSTOMER unless given (API Reference, LoggingConfiguration); a web ACL that
    is deleted has none. moto: answers neither, and keeps the configuration of a deleted web ACL. Goes when moto answers
    them."""

    @around(FakeLoggingConfiguration, "to_dict")
    def to_dict(original: Callable, configuration: Any) -> dict[str, Any]:
        return {**original(configuration), "LogType": "WAF_LOGS", "LogScope": "CUSTOMER"}

    @around(WAFV2Backend, "delete_web_acl")
    def delete(original: Callable, backend: Any, name: str, scope: str, id: str, *args: Any) -> None:
        arn = next((arn for arn, one in backend.wacls.items() if (one.name, one.id) == (name, id)), "")
        original(backend, name, scope, id, *args)
        backend.logging_configurations.pop(arn, None)
