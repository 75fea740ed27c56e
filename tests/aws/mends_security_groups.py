"""Where moto's security groups answer differently from AWS. Registered like the mends of mends.py."""

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidPermissionDuplicateError,
    InvalidPermissionNotFoundError,
    InvalidSecurityGroupNotFoundError,
    InvalidSecurityGroupRuleIdNotFoundError,
    MissingParameter,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.security_groups import GroupedSecurityRuleView, SecurityGroup, SecurityGroupRule
from moto.ec2.responses import EC2Response

from catalogue import around
from mends import mend


def _peer(rule: SecurityGroupRule) -> tuple[Any, ...]:
    return rule.cidr_ipv4, rule.cidr_ipv6, rule.source_group.get("GroupId"), rule.prefix_list_id


def _same_rule(rule: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    ports = (rule.from_port, rule.to_port), (other.from_port, other.to_port)
    return rule.ip_protocol == other.ip_protocol and ports[0] == ports[1] and _peer(rule) == _peer(other)


@mend("security-group-rule-identity", "a rule is what it admits; its description does not matter")
def rule_identity() -> None:
    """AWS: a second rule with the same protocol, ports and peer is InvalidPermission.Duplicate whatever its
    description, and revoking needs no description (API Reference, AuthorizeSecurityGroupIngress and
    RevokeSecurityGroupIngress). moto: compares the description of rules that refer to groups. Goes when moto
    compares protocol, ports and peer only."""
    SecurityGroupRule.__eq__ = _same_rule


@mend("security-group-rule-description", "rules that refer to groups or prefix lists keep their description")
def rule_description() -> None:
    """AWS: every rule has a description (API Reference, SecurityGroupRule). moto: returns it for CIDR rules
    only. Goes when DescribeSecurityGroupRules returns the description of a rule that refers to a group."""

    @around(SecurityGroupRule, "__init__")
    def init(original: Callable, rule: Any, *args: Any, **kwargs: Any) -> None:
        original(rule, *args, **kwargs)
        prefix_list = kwargs.get("prefix_list_id") or (args[7] if len(args) > 7 else None) or {}
        rule.prefix_list = dict(prefix_list)

    SecurityGroupRule.description = property(lambda rule: _peer_details(rule).get("Description") or None)
    SecurityGroup._flattened_rules = _flattened_rules


def _peer_details(rule: SecurityGroupRule) -> dict[str, Any]:
    return rule.ip_range or rule.source_group or rule.prefix_list


def _flattened_rules(group: SecurityGroup, rules: list[SecurityGroupRule]) -> list[GroupedSecurityRuleView]:
    views: dict[tuple[Any, ...], GroupedSecurityRuleView] = {}
    for rule in rules:
        key = (rule.from_port, rule.to_port, rule.ip_protocol)
        view = views.setdefault(key, GroupedSecurityRuleView(*key))
        if rule.ip_range:
            view.all_ip_ranges.append(rule.ip_range)
        if rule.source_group:
            view.source_groups.append(rule.source_group)
        if rule.prefix_list_id:
            view.prefix_list_ids.append(rule.prefix_list)
    return list(views.values())


@mend("security-group-rule-details", "rules have an ARN and tell the owner of their group")
def rule_details() -> None:
    """AWS: SecurityGroupRuleArn and GroupOwnerId (API Reference, SecurityGroupRule). moto: neither. Goes when
    moto returns them."""
    SecurityGroupRule.group_owner_id = property(lambda rule: rule.owner_id)
    SecurityGroupRule.security_group_rule_arn = property(
        lambda rule: f"arn:aws:ec2:{rule.ec2_backend.region_name}:{rule.owner_id}:security-group-rule/{rule.id}"
    )


@contextmanager
def _all_or_nothing(group: SecurityGroup) -> Iterator[None]:
    before = list(group.ingress_rules), list(group.egress_rules)
    try:
        yield
    except Exception:
        group.ingress_rules, group.egress_rules = before
        raise


def _group_of(response: Any) -> SecurityGroup:
    name = response._get_param("GroupId") or response._get_param("GroupName")
    group = response.ec2_backend.get_security_group_by_name_or_id(name)
    if group is None:
        raise InvalidSecurityGroupNotFoundError(name)
    return group


def _rules(group: SecurityGroup, direction: str) -> list[SecurityGroupRule]:
    return group.egress_rules if direction == "egress" else group.ingress_rules


@mend("security-group-authorize", "authorizing answers with all new rules and adds all or none")
def authorize_rules() -> None:
    """AWS: returns every rule that was added, with -1 for ports of rules without ports, and adds none if one
    is refused (API Reference, AuthorizeSecurityGroupIngress). moto: returns those of the last permission and
    keeps what was added before the refused one. Goes when both are fixed in moto."""
    for direction in ("ingress", "egress"):
        around(EC2Response, f"authorize_security_group_{direction}")(functools.partial(_authorize, direction))


def _authorize(direction: str, _: Callable, response: Any) -> ActionResult:
    response.error_on_dryrun()
    authorize = getattr(response.ec2_backend, f"authorize_security_group_{direction}")
    with _all_or_nothing(_group_of(response)):
        added = [rule for request in response._process_rules_from_querystring() for rule in authorize(**request)[0]]
    return ActionResult({"Return": True, "SecurityGroupRules": [_as_described(rule) for rule in added]})


def _as_described(rule: SecurityGroupRule) -> SecurityGroupRule:
    described = copy.copy(rule)
    if described.from_port is None:
        described.from_port = described.to_port = -1
    return described


@mend("security-group-revoke", "revoking answers with what was revoked, and refuses unknown rule ids as such")
def revoke_rules() -> None:
    """AWS: returns the revoked rules; an unknown rule id is InvalidSecurityGroupRuleId.NotFound; nothing is
    revoked if one rule is refused (API Reference, RevokeSecurityGroupIngress; "Error codes"). moto: returns no
    rules, InvalidPermission.NotFound, and revokes what comes before. Goes when these are fixed in moto."""
    for direction in ("ingress", "egress"):
        around(EC2Response, f"revoke_security_group_{direction}")(functools.partial(_revoke, direction))


def _revoke(direction: str, original: Callable, response: Any) -> ActionResult:
    group = _group_of(response)
    before = list(_rules(group, direction))
    for rule_id in response._get_param("SecurityGroupRuleIds", []):
        if not any(rule.id == rule_id for rule in before):
            raise InvalidSecurityGroupRuleIdNotFoundError(rule_id)
    with _all_or_nothing(group):
        original(response)
    kept = {rule.id for rule in _rules(group, direction)}
    revoked = [_revoked(rule) for rule in before if rule.id not in kept]
    return ActionResult({"Return": True, "RevokedSecurityGroupRules": revoked})


def _revoked(rule: SecurityGroupRule) -> dict[str, Any]:
    described = _as_described(rule)
    return {
        "SecurityGroupRuleId": rule.id,
        "GroupId": rule.group_id,
        "IsEgress": rule.is_egress,
        "IpProtocol": rule.ip_protocol,
        "FromPort": described.from_port,
        "ToPort": described.to_port,
        "CidrIpv4": rule.cidr_ipv4,
        "CidrIpv6": rule.cidr_ipv6,
        "PrefixListId": rule.prefix_list_id,
        "ReferencedGroupId": rule.source_group.get("GroupId"),
        "Description": rule.description,
    }


@mend("security-group-modify-rules", "modifying a rule replaces all of it, whatever its peer")
def modify_rules() -> None:
    """AWS: ModifySecurityGroupRules replaces protocol, ports, peer and description (an omitted one is removed),
    for rules of every kind of peer, which keep their kind; a rule that then equals another one is
    InvalidPermission.Duplicate (API Reference). moto: changes ports, protocol, IPv4 CIDR and description only,
    insists on ports where there are none, and makes duplicates. Goes when moto handles the four kinds."""

    def modify(backend: Any, group_id: str, requests: dict[str, dict[str, Any]]) -> None:
        group = backend.get_security_group_by_name_or_id(group_id)
        if group is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
        changes = [_change(backend, group, rule_id, request) for rule_id, request in requests.items()]
        for rule, change in changes:
            others = [other for other in _rules(group, "egress" if rule.is_egress else "ingress")]
            if any(_same_rule(change, other) for other in others if other.id not in requests):
                raise InvalidPermissionDuplicateError()
        for rule, change in changes:
            for name in ("ip_protocol", "from_port", "to_port", "ip_range", "source_group"):
                setattr(rule, name, getattr(change, name))
            rule.prefix_list_id, rule.prefix_list = change.prefix_list_id, change.prefix_list

    EC2Backend.modify_security_group_rules = modify


def _change(
    backend: Any, group: SecurityGroup, rule_id: str, request: dict[str, Any]
) -> tuple[SecurityGroupRule, SecurityGroupRule]:
    """The rule and what it is to become."""
    rule = group.get_rule(rule_id)
    if rule is None:
        raise InvalidSecurityGroupRuleIdNotFoundError(rule_id)
    protocol = request.get("IpProtocol")
    if protocol is None:
        raise InvalidParameterValue(
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly."
        )
    if protocol != "-1" and (request.get("FromPort") is None or request.get("ToPort") is None):
        raise InvalidParameterValue(
            "Invalid value for portRange. Must specify both from and to ports with TCP/UDP."
        )
    change = SecurityGroupRule(
        backend,
        protocol,
        group.id,
        request.get("FromPort"),
        request.get("ToPort"),
        is_egress=rule.is_egress,
        **_requested_peer(backend, request),
    )
    if [part is None for part in _peer(rule)] != [part is None for part in _peer(change)]:
        raise InvalidParameterValue(
            f"Invalid rule type for security group rule '{rule_id}'. The kind of its peer cannot be changed."
        )
    return rule, change


PEERS = ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")


def _requested_peer(backend: Any, request: dict[str, Any]) -> dict[str, Any]:
    given = [name for name in PEERS if request.get(name) is not None]
    if len(given) > 1:
        raise InvalidParameterCombination(
            "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified"
        )
    if not given:
        raise MissingParameter(
            "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId"
        )
    value = request[given[0]]
    details = {"Description": request["Description"]} if request.get("Description") else {}
    if given[0] == "ReferencedGroupId":
        group = backend._add_source_group([{"GroupId": value, **details}], None)[0]
        return {"ip_range": None, "source_group": group}
    if given[0] == "PrefixListId":
        return {"ip_range": None, "prefix_list_id": {"PrefixListId": value, **details}}
    return {"ip_range": {given[0].replace("Ipv4", "Ip"): value, **details}}


@mend("security-group-update-descriptions", "descriptions can be updated by rule id, removed, and not of unknown rules")
def update_descriptions() -> None:
    """AWS: UpdateSecurityGroupRuleDescriptionsIngress and -Egress take permissions or rule ids, remove the
    description if none is given, and refuse unknown rules (API Reference). moto: ignores rule ids, omitted
    descriptions and unknown rules, and answers without Return. Goes when these are fixed in moto."""
    for direction in ("ingress", "egress"):
        name = f"update_security_group_rule_descriptions_{direction}"
        around(EC2Response, name)(functools.partial(_update_descriptions, direction))


def _update_descriptions(direction: str, _: Callable, response: Any) -> ActionResult:
    rules = _rules(_group_of(response), direction)
    updates = [*_updates_by_id(response, rules), *_updates_by_permission(response, rules)]
    for rule, description in updates:
        details = _peer_details(rule)
        details.pop("Description", None)
        if description:
            details["Description"] = description
    return ActionResult({"Return": True})


def _updates_by_id(response: Any, rules: list[SecurityGroupRule]) -> Iterator[tuple[SecurityGroupRule, str | None]]:
    by_id = {rule.id: rule for rule in rules}
    for update in response._get_param("SecurityGroupRuleDescriptions", []):
        if update["SecurityGroupRuleId"] not in by_id:
            raise InvalidSecurityGroupRuleIdNotFoundError(update["SecurityGroupRuleId"])
        yield by_id[update["SecurityGroupRuleId"]], update.get("Description")


def _updates_by_permission(
    response: Any, rules: list[SecurityGroupRule]
) -> Iterator[tuple[SecurityGroupRule, str | None]]:
    for request in response._process_rules_from_querystring():
        wanted = response.ec2_backend._iterate_security_rules(
            request["ip_protocol"],
            request["group_name_or_id"],
            request["from_port"],
            request["to_port"],
            request["ip_ranges"],
            request["source_groups"],
            request["prefix_list_ids"],
        )
        for want in wanted:
            if want not in rules:
                raise InvalidPermissionNotFoundError()
            yield rules[rules.index(want)], want.description
