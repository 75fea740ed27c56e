"""Checks of the emulator's web ACLs with plain boto3: what was mended, and what is refused."""

import json
from typing import Any

from check_elbv2 import balancer, network, read
from checks import CONFIG, REGION, SESSION, Aws, check, has, once_linked, refused, same, tags, until

GLOBAL = {"Scope": "CLOUDFRONT"}
REGIONAL = {"Scope": "REGIONAL"}
PROTECTION = {"DataProtections": [{"Field": {"FieldType": "QUERY_STRING"}, "Action": "HASH"}]}
COOKIES = {"MatchPattern": {"All": {}}, "MatchScope": "ALL", "OversizeHandling": "MATCH"}
HTTPS = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}


def visibility(name: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}


def rule(priority: int, statement: dict[str, Any], name: str = "", **more: Any) -> dict[str, Any]:
    name = name or f"rule-{priority}"
    return {"Name": name, "Priority": priority, "Statement": statement, "VisibilityConfig": visibility(name), **more}


def managed(priority: int, name: str = "AWSManagedRulesCommonRuleSet", **more: Any) -> dict[str, Any]:
    statement = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": name, **more}}
    return rule(priority, statement, OverrideAction={"None": {}})


def rate(priority: int, limit: int = 2000, **more: Any) -> dict[str, Any]:
    statement = {"RateBasedStatement": {"Limit": limit, "AggregateKeyType": "IP", **more}}
    return rule(priority, statement, Action={"Block": {}})


def listed(priority: int, ip_set: str) -> dict[str, Any]:
    return rule(priority, {"IPSetReferenceStatement": {"ARN": ip_set}}, Action={"Block": {}})


def settings(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": visibility("waf"),
        "Rules": list(rules),
        **more,
    }


def web_acl(waf: Any, *rules: dict[str, Any], name: str = "waf", **more: Any) -> dict[str, Any]:
    return waf.create_web_acl(**{"Name": name, **REGIONAL, **settings(*rules), **more})["Summary"]


def ip_set(waf: Any, name: str = "listed", **more: Any) -> dict[str, Any]:
    wanted = {"Name": name, **REGIONAL, "IPAddressVersion": "IPV4", "Addresses": ["192.0.2.0/24"], **more}
    return waf.create_ip_set(**wanted)["Summary"]


def named(summary: dict[str, Any], scope: dict[str, str] = REGIONAL) -> dict[str, Any]:
    return {"Name": summary["Name"], "Id": summary["Id"], **scope}


def locked(waf: Any, summary: dict[str, Any], scope: dict[str, str] = REGIONAL) -> dict[str, Any]:
    """What names a web ACL in its present state."""
    return {**named(summary, scope), "LockToken": waf.get_web_acl(**named(summary, scope))["LockToken"]}


def us_east_1(aws: Aws, service: str = "wafv2") -> Any:
    return SESSION.client(
        service, region_name="us-east-1", endpoint_url=aws.endpoint, config=CONFIG, **aws._credentials
    )


# --- Web ACLs ------------------------------------------------------------------------------------


@check
def a_web_acl_keeps_its_settings(aws: Aws) -> None:
    waf = aws.wafv2
    overrides = [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]
    rules = [
        managed(0, RuleActionOverrides=overrides),
        managed(1, "AWSManagedRulesKnownBadInputsRuleSet"),
        rate(2),
        listed(3, ip_set(waf)["ARN"]),
    ]
    more = {
        "Description": "guards the load balancer",
        "TokenDomains": ["example.com"],
        "CaptchaConfig": {"ImmunityTimeProperty": {"ImmunityTime": 60}},
        "OnSourceDDoSProtectionConfig": {"ALBLowReputationMode": "ALWAYS_ON"},
    }
    made = web_acl(waf, *rules, **more, Tags=tags(a="b"))
    arn = f"arn:aws:wafv2:{REGION}:{aws.account}:regional/webacl/waf/{made['Id']}"
    has(made, Name="waf", ARN=arn, Description=more["Description"])
    answer = waf.get_web_acl(**named(made))
    found = answer["WebACL"]
    same(answer["LockToken"], made["LockToken"])
    has(found, ARN=arn, DefaultAction={"Allow": {}}, VisibilityConfig=visibility("waf"), **more)
    has(found, Capacity=700 + 200 + 2 + 1, LabelNamespace=f"awswaf:{aws.account}:webacl:waf:")
    has(found, ManagedByFirewallManager=False, RetrofittedByFirewallManager=False)
    same(found["Rules"], [*rules[:2], rate(2, EvaluationWindowSec=300), rules[3]])
    same("LockToken" in found, False)
    same(waf.get_web_acl(ARN=arn)["WebACL"], found)
    with refused("WAFNonexistentItemException"):
        waf.get_web_acl(ARN=arn[:-4] + "0000")


@check
def members_without_a_value_are_absent(aws: Aws) -> None:
    waf = aws.wafv2
    answers = []

    def keep(http_response: Any, **_: Any) -> None:
        answers.append(json.loads(http_response.text))

    waf.meta.events.register("after-call.wafv2", keep)
    made = web_acl(waf, rate(0))
    _, subnets, group = network(aws)
    waf.get_web_acl(**named(made))
    waf.get_web_acl_for_resource(ResourceArn=balancer(aws, subnets, group))
    waf.list_web_acls(**REGIONAL, NextMarker="waf")
    same(answers[2:], [{}, {"WebACLs": []}])
    same([name for answer in answers for name, value in [*answer.items(), *first_rule(answer)] if value is None], [])


def first_rule(answer: dict[str, Any]) -> Any:
    return answer["WebACL"]["Rules"][0].items() if "WebACL" in answer else ()


@check
def an_update_replaces_all_settings(aws: Aws) -> None:
    waf = aws.wafv2
    more = {"Description": "before", "TokenDomains": ["example.com"], "DataProtectionConfig": PROTECTION}
    made = web_acl(waf, rate(0), **more)
    changed = {"DefaultAction": {"Block": {}}, "VisibilityConfig": visibility("other")}
    token = waf.update_web_acl(**named(made), LockToken=made["LockToken"], **changed)["NextLockToken"]
    found = waf.get_web_acl(**named(made))
    has(found["WebACL"], **changed, Rules=[], Description="", Capacity=0)
    has(found["WebACL"], TokenDomains=None, DataProtectionConfig=None)
    same((token, token == made["LockToken"]), (found["LockToken"], False))
    waf.update_web_acl(**named(made), LockToken=token, **changed, Rules=[rate(1)], Description="after")
    waf.update_web_acl(**locked(waf, made), **changed, Rules=[], Description="after")
    has(waf.get_web_acl(**named(made))["WebACL"], Rules=[], Description="after")


@check
def lock_tokens(aws: Aws) -> None:
    waf = aws.wafv2
    made = web_acl(waf)
    waf.update_web_acl(**locked(waf, made), **settings(rate(0)))
    stale = {**named(made), "LockToken": made["LockToken"]}
    for refuse in (lambda: waf.update_web_acl(**stale, **settings()), lambda: waf.delete_web_acl(**stale)):
        with refused("WAFOptimisticLockException"):
            refuse()
    waf.delete_web_acl(**locked(waf, made))
    for refuse in (lambda: waf.get_web_acl(**named(made)), lambda: waf.delete_web_acl(**stale)):
        with refused("WAFNonexistentItemException"):
            refuse()


@check
def names_are_unique_in_a_scope(aws: Aws) -> None:
    home, edge = aws.wafv2, us_east_1(aws)
    web_acl(home), web_acl(edge), web_acl(edge, **GLOBAL), ip_set(home)
    for refuse in (lambda: web_acl(home), lambda: web_acl(edge), lambda: web_acl(edge, **GLOBAL), lambda: ip_set(home)):
        with refused("WAFDuplicateItemException"):
            refuse()


@check
def lists_of_web_acls(aws: Aws) -> None:
    waf = aws.wafv2
    made = [web_acl(waf, name=name) for name in ("c", "a", "b")]
    first = waf.list_web_acls(**REGIONAL, Limit=2)
    same([one["Name"] for one in first["WebACLs"]], ["a", "b"])
    same(first["WebACLs"][0], made[1])
    rest = waf.list_web_acls(**REGIONAL, NextMarker=first["NextMarker"])
    same([one["Name"] for one in rest["WebACLs"]], ["c"])
    end = waf.list_web_acls(**REGIONAL, NextMarker=rest["NextMarker"])
    same((end["WebACLs"], end.get("NextMarker")), ([], None))
    sets = [ip_set(waf, name) for name in ("two", "one")]
    found = waf.list_ip_sets(**REGIONAL)
    same((found["IPSets"], found["NextMarker"]), ([sets[1], sets[0]], "two"))


@check
def web_acls_of_cloudfront(aws: Aws) -> None:
    waf, logs = us_east_1(aws), us_east_1(aws, "logs")
    web_acl(waf, name="regional")
    made = web_acl(waf, rate(0), **GLOBAL, Tags=tags(a="b"))
    same(made["ARN"], f"arn:aws:wafv2:us-east-1:{aws.account}:global/webacl/waf/{made['Id']}")
    same(waf.get_web_acl(ARN=made["ARN"])["WebACL"], waf.get_web_acl(**named(made, GLOBAL))["WebACL"])
    same([one["Name"] for one in waf.list_web_acls(**GLOBAL)["WebACLs"]], ["waf"])
    same([one["Name"] for one in waf.list_web_acls(**REGIONAL)["WebACLs"]], ["regional"])
    same(waf.list_tags_for_resource(ResourceARN=made["ARN"])["TagInfoForResource"]["TagList"], tags(a="b"))
    wanted = logging(aws, made, logs)
    once_linked(lambda: waf.put_logging_configuration(LoggingConfiguration=wanted))
    has(waf.get_logging_configuration(ResourceArn=made["ARN"])["LoggingConfiguration"], **wanted)
    found = waf.list_logging_configurations(**GLOBAL)["LoggingConfigurations"]
    same([one["ResourceArn"] for one in found], [made["ARN"]])
    same(waf.list_logging_configurations(**REGIONAL)["LoggingConfigurations"], [])
    waf.delete_logging_configuration(ResourceArn=made["ARN"])
    waf.delete_web_acl(**locked(waf, made, GLOBAL))
    same(waf.list_web_acls(**GLOBAL)["WebACLs"], [])


@check
def tags_of_a_web_acl(aws: Aws) -> None:
    waf = aws.wafv2
    arn = web_acl(waf, Tags=tags(a="1", b="2"))["ARN"]
    waf.tag_resource(ResourceARN=arn, Tags=tags(b="3", c="4"))
    waf.untag_resource(ResourceARN=arn, TagKeys=["a"])
    info = waf.list_tags_for_resource(ResourceARN=arn)["TagInfoForResource"]
    same((info["ResourceARN"], info["TagList"]), (arn, tags(b="3", c="4")))


@check
def capacity_of_rules(aws: Aws) -> None:
    waf = aws.wafv2
    path = {"FieldToMatch": {"UriPath": {}}, "TextTransformations": [{"Priority": 0, "Type": "LOWERCASE"}]}
    match = {"ByteMatchStatement": {**path, "SearchString": b"/x", "PositionalConstraint": "STARTS_WITH"}}
    both = {"AndStatement": {"Statements": [match, {"NotStatement": {"Statement": {"GeoMatchStatement": {}}}}]}}
    for weight, one in ((700, managed(0)), (2, rate(0)), (2 + 12 + 1, rate(0, ScopeDownStatement=both))):
        same(waf.check_capacity(**REGIONAL, Rules=[one])["Capacity"], weight)
    first = waf.list_available_managed_rule_groups(**REGIONAL, Limit=10)
    rest = waf.list_available_managed_rule_groups(**REGIONAL, NextMarker=first["NextMarker"])
    names = [one["Name"] for one in first["ManagedRuleGroups"] + rest["ManagedRuleGroups"]]
    same((len(names), "AWSManagedRulesCommonRuleSet" in names), (15, True))


# --- Associations --------------------------------------------------------------------------------


@check
def a_load_balancer_has_one_web_acl(aws: Aws) -> None:
    waf = aws.wafv2
    _, subnets, group = network(aws)
    arn, other = (active(aws, balancer(aws, subnets, group, name)) for name in ("main", "other"))
    one, two = web_acl(waf, name="one"), web_acl(waf, name="two")

    def found() -> Any:
        return waf.get_web_acl_for_resource(ResourceArn=arn).get("WebACL")

    same(found(), None)
    waf.disassociate_web_acl(ResourceArn=arn)
    for made in (one, two, two):
        associate(waf, made, arn)
        same(found(), waf.get_web_acl(**named(made))["WebACL"])
    associate(waf, two, other)
    same(resources(waf, one), [])
    same(sorted(resources(waf, two)), sorted([arn, other]))
    same(resources(waf, two, ResourceType="API_GATEWAY"), [])
    aws.elbv2.delete_load_balancer(LoadBalancerArn=other)
    same(resources(waf, two), [arn])
    waf.disassociate_web_acl(ResourceArn=arn)
    same((found(), resources(waf, two)), (None, []))
    with refused("WAFNonexistentItemException"):
        resources(waf, {"ARN": two["ARN"][:-4] + "0000"})


def active(aws: Aws, arn: str) -> str:
    until("active", lambda: read(aws, arn)["State"]["Code"])
    return arn


def associate(waf: Any, made: dict[str, Any], arn: str) -> None:
    """Once the web ACL is known everywhere."""

    def attempt() -> str:
        try:
            waf.associate_web_acl(WebACLArn=made["ARN"], ResourceArn=arn)
        except waf.exceptions.WAFUnavailableEntityException:
            return "unavailable"
        return "associated"

    until("associated", attempt)


def resources(waf: Any, made: dict[str, Any], **more: Any) -> list[str]:
    return waf.list_resources_for_web_acl(WebACLArn=made["ARN"], **more)["ResourceArns"]


@check
def associations_that_cannot_be(aws: Aws) -> None:
    waf, edge = aws.wafv2, us_east_1(aws)
    _, subnets, group = network(aws)
    arn = active(aws, balancer(aws, subnets, group))
    made = web_acl(waf)
    with refused("WAFUnavailableEntityException"):
        waf.associate_web_acl(WebACLArn=web_acl(waf, name="new")["ARN"], ResourceArn=arn)
    absent, there = arn[:-4] + "0000", arn.replace(REGION, "us-east-1")
    net = arn.replace("loadbalancer/app", "loadbalancer/net")
    for code, resource in (
        ("WAFNonexistentItemException", absent),
        ("WAFInvalidParameterException", there),
        ("WAFInvalidParameterException", net),
        ("WAFInvalidParameterException", "arn:aws:s3:::bucket-with-a-name"),
    ):
        for refuse in (
            lambda: waf.associate_web_acl(WebACLArn=made["ARN"], ResourceArn=resource),
            lambda: waf.disassociate_web_acl(ResourceArn=resource),
            lambda: waf.get_web_acl_for_resource(ResourceArn=resource),
        ):
            with refused(code):
                refuse()
    for client, code, wrong in (
        (waf, "WAFNonexistentItemException", made["ARN"][:-4] + "0000"),
        (waf, "WAFInvalidParameterException", web_acl(edge)["ARN"]),
        (waf, "WAFInvalidParameterException", web_acl(edge, **GLOBAL)["ARN"]),
        (edge, "WAFInvalidParameterException", web_acl(edge, name="other", **GLOBAL)["ARN"]),
    ):
        with refused(code):
            client.associate_web_acl(WebACLArn=wrong, ResourceArn=arn if client is waf else there)
    associate(waf, made, arn)
    provisioning = balancer(aws, subnets, group, "other")
    with refused("WAFUnavailableEntityException"):
        waf.associate_web_acl(WebACLArn=made["ARN"], ResourceArn=provisioning)


# --- Logging -------------------------------------------------------------------------------------


def logging(aws: Aws, made: dict[str, Any], logs: Any = None, name: str = "aws-waf-logs-waf") -> dict[str, Any]:
    logs = logs or aws.logs
    logs.create_log_group(logGroupName=name)
    destination = f"arn:aws:logs:{logs.meta.region_name}:{aws.account}:log-group:{name}"
    return {"ResourceArn": made["ARN"], "LogDestinationConfigs": [destination]}


@check
def logging_of_a_web_acl(aws: Aws) -> None:
    waf = aws.wafv2
    made = web_acl(waf)
    for refuse in (waf.get_logging_configuration, waf.delete_logging_configuration):
        with refused("WAFNonexistentItemException"):
            refuse(ResourceArn=made["ARN"])
    keep = [{"ActionCondition": {"Action": "BLOCK"}}]
    wanted = {
        **logging(aws, made),
        "RedactedFields": [{"SingleHeader": {"Name": "Authorization"}}, {"QueryString": {}}],
        "LoggingFilter": {
            "DefaultBehavior": "DROP",
            "Filters": [{"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": keep}],
        },
    }
    with refused("WAFServiceLinkedRoleErrorException"):
        waf.put_logging_configuration(LoggingConfiguration=wanted)
    answered = once_linked(lambda: waf.put_logging_configuration(LoggingConfiguration=wanted))["LoggingConfiguration"]
    redacted = [{"SingleHeader": {"Name": "authorization"}}, {"QueryString": {}}]
    filled = {"ManagedByFirewallManager": False, "LogType": "WAF_LOGS", "LogScope": "CUSTOMER"}
    same(answered, {**wanted, **filled, "RedactedFields": redacted})
    same(waf.get_logging_configuration(ResourceArn=made["ARN"])["LoggingConfiguration"], answered)
    same(waf.list_logging_configurations(**REGIONAL)["LoggingConfigurations"], [answered])
    same("NextMarker" in waf.list_logging_configurations(**REGIONAL), False)
    del wanted["RedactedFields"], wanted["LoggingFilter"]
    waf.put_logging_configuration(LoggingConfiguration=wanted)
    same(waf.get_logging_configuration(ResourceArn=made["ARN"])["LoggingConfiguration"], {**wanted, **filled})
    waf.delete_web_acl(**locked(waf, made))
    same(waf.list_logging_configurations(**REGIONAL)["LoggingConfigurations"], [])


@check
def log_destinations_that_cannot_be(aws: Aws) -> None:
    waf = aws.wafv2
    made = web_acl(waf)
    good = logging(aws, made)
    (group,) = good["LogDestinationConfigs"]
    other = logging(aws, made, name="other-waf")["LogDestinationConfigs"][0]
    there = logging(aws, made, us_east_1(aws, "logs"))["LogDestinationConfigs"][0]
    for code, wrong in (
        ("WAFInvalidParameterException", {"LogDestinationConfigs": [other]}),
        ("WAFInvalidParameterException", {"LogDestinationConfigs": [there]}),
        ("WAFInvalidParameterException", {"LogDestinationConfigs": [f"{group}:*"]}),
        ("WAFInvalidParameterException", {"LogDestinationConfigs": ["arn:aws:s3:::other-waf"]}),
        ("WAFInvalidParameterException", {"RedactedFields": [{"Cookies": COOKIES}]}),
        ("WAFInvalidParameterException", {"RedactedFields": [{"UriPath": {}, "QueryString": {}}]}),
        ("WAFLogDestinationPermissionIssueException", {"LogDestinationConfigs": [f"{group}-absent"]}),
        ("WAFLimitsExceededException", {"LogDestinationConfigs": [group, "arn:aws:s3:::aws-waf-logs-waf"]}),
        ("WAFNonexistentItemException", {"ResourceArn": made["ARN"][:-4] + "0000"}),
    ):
        with refused(code):
            waf.put_logging_configuration(LoggingConfiguration={**good, **wrong})
    fields = [{name: {}} for name in ("UriPath", "QueryString", "Method")]
    once_linked(lambda: waf.put_logging_configuration(LoggingConfiguration={**good, "RedactedFields": fields}))


# --- What is refused -----------------------------------------------------------------------------


def refused_rules(waf: Any, code: str, *wrong: dict[str, Any]) -> None:
    """On creation as on update, and when their capacity is asked."""
    made = web_acl(waf, name="present")
    for refuse in (
        lambda: web_acl(waf, *wrong),
        lambda: waf.update_web_acl(**locked(waf, made), **settings(*wrong)),
        lambda: waf.check_capacity(**REGIONAL, Rules=[*wrong]),
    ):
        with refused(code):
            refuse()
    waf.delete_web_acl(**locked(waf, made))


@check
def constraints_of_the_api_reference(aws: Aws) -> None:
    waf = aws.wafv2
    for wrong in (
        {"name": "a b"},
        {"name": "n" * 129},
        {"Description": ""},
        {"Description": "not 'quoted'"},
        {"Description": "d" * 257},
        {"VisibilityConfig": visibility("a b")},
        {"VisibilityConfig": {"MetricName": "waf"}},
        {"Scope": "GLOBAL"},
        {"Tags": []},
        {"Tags": tags(a="?")},
    ):
        with refused("ValidationException"):
            web_acl(waf, **wrong)
    made = web_acl(waf, Description="d" * 256, Tags=tags(équipe="à côté"))
    with refused("ValidationException"):
        waf.update_web_acl(**named(made), **settings())
    for wrong in (rate(0, 9), rate(0, 2_000_000_001), rate(-1), managed(0, "a b")):
        refused_rules(waf, "ValidationException", wrong)
    fields = [{"SingleHeader": {"Name": f"x-{number}"}} for number in range(101)]
    for refuse in (
        lambda: waf.list_web_acls(**REGIONAL, Limit=101),
        lambda: waf.associate_web_acl(WebACLArn=made["ARN"]),
        lambda: waf.put_logging_configuration(
            LoggingConfiguration={**logging(aws, made), "RedactedFields": fields}
        ),
    ):
        with refused("ValidationException"):
            refuse()


@check
def a_scope_and_an_arn_have_a_region(aws: Aws) -> None:
    home, edge = aws.wafv2, us_east_1(aws)
    made, regional = web_acl(edge, **GLOBAL), web_acl(edge)
    for refuse in (
        lambda: web_acl(home, **GLOBAL),
        lambda: home.list_web_acls(**GLOBAL),
        lambda: home.get_web_acl(**named(made, GLOBAL)),
        lambda: home.list_logging_configurations(**GLOBAL),
    ):
        with refused("WAFInvalidParameterException"):
            refuse()
    for arn in (made["ARN"], regional["ARN"], "arn:aws:wafv2:somewhere"):
        for refuse in (
            lambda: home.get_web_acl(ARN=arn),
            lambda: home.list_tags_for_resource(ResourceARN=arn),
            lambda: home.get_logging_configuration(ResourceArn=arn),
            lambda: home.list_resources_for_web_acl(WebACLArn=arn),
        ):
            with refused("WAFInvalidParameterException"):
                refuse()


@check
def only_what_exists_has_tags(aws: Aws) -> None:
    waf = aws.wafv2
    made, addresses = web_acl(waf), ip_set(waf)
    waf.tag_resource(ResourceARN=addresses["ARN"], Tags=tags(a="b"))
    waf.delete_web_acl(**locked(waf, made))
    for refuse in (
        lambda: waf.list_tags_for_resource(ResourceARN=made["ARN"]),
        lambda: waf.tag_resource(ResourceARN=made["ARN"], Tags=tags(a="b")),
        lambda: waf.untag_resource(ResourceARN=made["ARN"], TagKeys=["a"]),
    ):
        with refused("WAFNonexistentItemException"):
            refuse()


@check
def rules_that_cannot_be(aws: Aws) -> None:
    waf, geo = aws.wafv2, {"GeoMatchStatement": {"CountryCodes": ["KP"]}}
    block, none = {"Action": {"Block": {}}}, {"OverrideAction": {"None": {}}}
    group, limit = managed(0)["Statement"], rate(0)["Statement"]
    both = {"Action": {"Block": {}, "Allow": {}}}
    override = [{"Name": "NoUserAgent_HEADER", "ActionToUse": {}}]
    for wrong in (
        rule(0, geo, **none),
        rule(0, geo, **block, **none),
        rule(0, geo),
        rule(0, geo, **both),
        rule(0, group, **block),
        rule(0, group),
        rule(0, group, **block, **none),
        rule(0, {}, **block),
        rule(0, {**geo, **limit}, **block),
        rule(0, {"NotStatement": {"Statement": {}}}, **block),
        rule(0, {"NotStatement": {"Statement": limit}}, **block),
        rule(0, {"OrStatement": {"Statements": [geo]}}, **block),
        managed(0, RuleActionOverrides=override),
        managed(0, ScopeDownStatement=limit),
        rate(0, ScopeDownStatement=group),
        rate(0, EvaluationWindowSec=90),
        rate(0, AggregateKeyType="CONSTANT"),
        rate(0, AggregateKeyType="FORWARDED_IP"),
    ):
        refused_rules(waf, "WAFInvalidParameterException", wrong)
    refused_rules(waf, "WAFInvalidParameterException", rate(1), managed(1) | {"Name": "other"})
    refused_rules(waf, "WAFInvalidParameterException", rate(1), managed(2) | {"Name": "rule-1"})
    for wrong in ({}, {"Allow": {}, "Block": {}}):
        with refused("WAFInvalidParameterException"):
            web_acl(waf, DefaultAction=wrong)
    override[0].update(Name="absent", ActionToUse={"Count": {}})
    web_acl(waf, managed(0, RuleActionOverrides=override), rate(1, EvaluationWindowSec=600), rule(2, geo, **block))


@check
def what_rules_name_exists(aws: Aws) -> None:
    home, edge = aws.wafv2, us_east_1(aws)
    here, there = ip_set(home), ip_set(edge, **GLOBAL)
    inside = {"NotStatement": {"Statement": {"IPSetReferenceStatement": {"ARN": there["ARN"]}}}}
    for wrong in (
        listed(0, there["ARN"]),
        listed(0, here["ARN"][:-4] + "0000"),
        rule(0, inside, Action={"Count": {}}),
        managed(0, "AWSManagedRulesAbsent"),
        managed(0, VendorName="Somebody"),
    ):
        refused_rules(home, "WAFNonexistentItemException", wrong)
    web_acl(edge, listed(0, there["ARN"]), **GLOBAL)
    many = [managed(number) for number in range(8)]
    refused_rules(home, "WAFLimitsExceededException", *many)


@check
def what_is_used_is_not_deleted(aws: Aws) -> None:
    waf, edge = aws.wafv2, us_east_1(aws)
    addresses = ip_set(waf)
    made = web_acl(waf, listed(0, addresses["ARN"]))
    unused = {**named(addresses), "LockToken": addresses["LockToken"]}
    with refused("WAFAssociatedItemException"):
        waf.delete_ip_set(**unused)
    _, subnets, group = network(aws)
    arn = active(aws, balancer(aws, subnets, group))
    associate(waf, made, arn)
    with refused("WAFAssociatedItemException"):
        waf.delete_web_acl(**locked(waf, made))
    waf.disassociate_web_acl(ResourceArn=arn)
    waf.delete_web_acl(**locked(waf, made))
    waf.delete_ip_set(**unused)
    guard = web_acl(edge, **GLOBAL)
    distribution(aws, guard["ARN"])
    with refused("WAFAssociatedItemException"):
        edge.delete_web_acl(**locked(edge, guard, GLOBAL))


def distribution(aws: Aws, web_acl_arn: str) -> None:
    """One with that web ACL."""
    forwarded = {"QueryString": False, "Cookies": {"Forward": "none"}}
    behaviour = {"TargetOriginId": "one", "ViewerProtocolPolicy": "https-only", "MinTTL": 0}
    origin = {"Id": "one", "DomainName": "example.com", "CustomOriginConfig": HTTPS}
    config = {
        "CallerReference": "one",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {**behaviour, "ForwardedValues": forwarded},
        "WebACLId": web_acl_arn,
    }
    aws.cloudfront.create_distribution(DistributionConfig=config)
