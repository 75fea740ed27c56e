"""Where moto's CloudWatch Logs answers differently from AWS. Registered like the mends of mends.py."""

import json
from collections.abc import Callable
from typing import Any

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse

from catalogue import around
from mends import mend, page


@mend("logs-kms-association", "AssociateKmsKey and DisassociateKmsKey")
def kms_association() -> None:
    """AWS: sets or removes the key of an existing log group, named or given by ARN (API Reference). moto:
    lacks both operations. Goes when moto has them."""

    def associate(response: Any) -> str:
        log_group(response).kms_key_id = response._get_param("kmsKeyId")
        return ""

    def disassociate(response: Any) -> str:
        log_group(response).kms_key_id = None
        return ""

    LogsResponse.associate_kms_key = associate
    LogsResponse.disassociate_kms_key = disassociate


def log_group(response: Any) -> LogGroup:
    """The log group that a request is about."""
    identifier = response._get_param("resourceIdentifier") or response._get_param("resourceArn") or ""
    name = response._get_param("logGroupName") or identifier.partition(":log-group:")[2]
    group = response.logs_backend.groups.get(name)
    if group is None:
        raise ResourceNotFoundException()
    return group


@mend("logs-name-pattern", "DescribeLogGroups by logGroupNamePattern")
def name_pattern() -> None:
    """AWS: finds log groups whose name contains the string, case-sensitively, and then returns nothing but arn,
    creationTime and logGroupName of each (API Reference, DescribeLogGroups). moto: ignores the parameter.
    Goes when moto knows it."""

    @around(LogsResponse, "describe_log_groups")
    def describe(original: Callable, response: Any) -> str:
        pattern = response._get_param("logGroupNamePattern")
        if not pattern:
            return original(response)
        groups = sorted(response.logs_backend.groups.values(), key=lambda group: group.name)
        found = [_brief(group) for group in groups if pattern in group.name]
        found, rest = page(found, response._get_param("nextToken"), response._get_param("limit", 50))
        return json.dumps({"logGroups": found, **({"nextToken": rest} if rest else {})})


def _brief(group: LogGroup) -> dict[str, Any]:
    return {key: group.to_describe_dict()[key] for key in ("arn", "creationTime", "logGroupName")}


@mend("logs-group-identifiers", "DescribeLogGroups by logGroupIdentifiers")
def group_identifiers() -> None:
    """AWS: answers the log groups with these names or ARNs, at most 50 (API Reference, DescribeLogGroups). moto: ignores the
    parameter. Goes when moto knows it."""

    @around(LogsResponse, "describe_log_groups")
    def describe(original: Callable, response: Any) -> str:
        identifiers = response._get_param("logGroupIdentifiers")
        if not identifiers:
            return original(response)
        names = {identifier.partition(":log-group:")[2] or identifier for identifier in identifiers}
        groups = [group.to_describe_dict() for name, group in response.logs_backend.groups.items() if name in names]
        return json.dumps({"logGroups": groups})


@mend("logs-group-class", "log groups have a class")
def group_class() -> None:
    """AWS: logGroupClass, STANDARD unless given (API Reference, CreateLogGroup and LogGroup). moto: drops it.
    Goes when DescribeLogGroups returns it."""
    LogGroup.log_group_class = "STANDARD"

    @around(LogsResponse, "create_log_group")
    def create(original: Callable, response: Any) -> str:
        result = original(response)
        log_group(response).log_group_class = response._get_param("logGroupClass") or "STANDARD"
        return result

    @around(LogGroup, "to_describe_dict")
    def describe(original: Callable, group: Any) -> dict[str, Any]:
        return {**original(group), "logGroupClass": group.log_group_class}


@mend("logs-tags-of-group", "tags live and die with their log group")
def tags_of_group() -> None:
    """AWS: tagging or listing tags of an unknown log group is ResourceNotFoundException, and a new group of an
    old name has no tags (API Reference, ListTagsForResource and TagResource). The ARN is the one without the
    trailing :*. moto: keeps tags of anything, for ever. Goes when moto looks the group up."""
    for name in ("tag_resource", "untag_resource", "list_tags_for_resource"):

        @around(LogsResponse, name)
        def of_known_group(original: Callable, response: Any) -> str:
            if ":log-group:" in response._get_param("resourceArn"):
                log_group(response)
            return original(response)

    @around(LogsBackend, "delete_log_group")
    def delete(original: Callable, backend: Any, log_group_name: str) -> None:
        group = backend.groups.get(log_group_name)
        original(backend, log_group_name)
        backend.tagger.delete_all_tags_for_resource(group.arn)


@mend("logs-protection-and-tokens", "deletion protection and bearer tokens of log groups")
def protection_and_tokens() -> None:
    """AWS: PutLogGroupDeletionProtection and PutBearerTokenAuthentication; DescribeLogGroups shows both (API Reference).
    moto: has neither. Goes when it has."""
    LogGroup.deletion_protection = LogGroup.bearer_tokens = False

    def named(response: Any, parameter: str) -> LogGroup:
        group = response.logs_backend.groups.get(response._get_param(parameter).partition(":log-group:")[2] or response._get_param(parameter))
        if group is None:
            raise ResourceNotFoundException()
        return group

    def protect(response: Any) -> str:
        group = named(response, "logGroupIdentifier")
        group.deletion_protection = response._get_param("deletionProtectionEnabled")
        return ""

    def tokens(response: Any) -> str:
        group = named(response, "logGroupIdentifier")
        group.bearer_tokens = response._get_param("bearerTokenAuthenticationEnabled")
        return ""

    LogsResponse.put_log_group_deletion_protection = protect
    LogsResponse.put_bearer_token_authentication = tokens

    @around(LogGroup, "to_describe_dict")
    def describe(original: Callable, group: Any) -> dict[str, Any]:
        return {
            **original(group),
            "deletionProtectionEnabled": group.deletion_protection,
            "bearerTokenAuthenticationEnabled": group.bearer_tokens,
        }


@mend("logs-subscription-destinations", "destinations of other accounts, and two filters that can be changed")
def subscription_destinations() -> None:
    """AWS: a subscription filter may go to a logical destination (arn:aws:logs:...:destination:name), its own or another
    account's, and of the two filters of a group each can be put again (API Reference, PutSubscriptionFilter). moto:
    refuses every destination that is no Lambda function, Firehose or Kinesis stream. Goes when it takes them."""

    @around(LogsBackend, "put_subscription_filter")
    def put(original: Callable, backend: Any, log_group_name: str, filter_name: str, filter_pattern: str, destination_arn: str, role_arn: str) -> None:
        if ":destination:" not in destination_arn:
            original(backend, log_group_name, filter_name, filter_pattern, destination_arn, role_arn)
            return
        group = backend.groups.get(log_group_name)
        if group is None:
            raise ResourceNotFoundException()
        group.put_subscription_filter(filter_name, filter_pattern, destination_arn, role_arn)
