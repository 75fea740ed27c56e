"""What AWS refuses and moto 5.2.5 lets pass.

Each rule looks at a request before moto does, and returns the message of the error that AWS answers, or None.
A rule may go when moto enforces it. `emulator.py --list-mends` prints them, `--lax` turns them off.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.cloudfront.exceptions import CloudFrontException
from moto.cloudfront.responses import CloudFrontResponse
from moto.cloudwatch.exceptions import CloudWatchException
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.exceptions import JsonRESTError
from moto.core.utils import camelcase_to_underscores
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response
from moto.ecs.exceptions import ECSException
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.responses import ELBV2Response
from moto.iam.exceptions import IAMException
from moto.iam.responses import IamResponse
from moto.kms.models import Key, kms_backends
from moto.kms.responses import KmsResponse
from moto.logs.responses import LogsResponse
from moto.rds.exceptions import RDSClientError
from moto.rds.responses import RDSResponse
from moto.s3.exceptions import S3ClientError
from moto.s3.models import S3Backend
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sns.exceptions import SNSException
from moto.sns.responses import SNSResponse
from moto.sts.exceptions import STSClientError
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse
from moto.wafv2.responses import WAFV2Response

import durations
import key_policy
import principals
import quotas
from catalogue import Catalogue, Entry, around
from ec2_operations import TAGGED_ON_CREATION
from mends_logs import log_group

CATALOGUE = Catalogue()
Rule = Callable[[Any], str | None]
CHECKS: dict[tuple[type, str], list[tuple[Rule, str, str]]] = {}
# How often each rule has refused something, by its name.
REFUSALS: Counter[str] = Counter()
# moto shapes an error after the service that its class belongs to.
ERRORS = {
    ApplicationAutoScalingResponse: JsonRESTError,
    CloudFrontResponse: CloudFrontException,
    CloudWatchResponse: CloudWatchException,
    EC2ContainerServiceResponse: ECSException,
    EC2Response: EC2ClientError,
    ELBV2Response: ELBClientError,
    IamResponse: IAMException,
    S3Backend: S3ClientError,
    KmsResponse: JsonRESTError,
    LogsResponse: JsonRESTError,
    RDSResponse: RDSClientError,
    SecretsManagerResponse: JsonRESTError,
    SNSResponse: SNSException,
    TokenResponse: STSClientError,
    WAFV2Response: JsonRESTError,
}


def rule(name: str, code: str, reason: str, service: type, *operations: str) -> Callable[[Rule], Rule]:
    def register(check: Rule) -> Rule:
        def install() -> None:
            for operation in operations:
                _guard(service, operation, check, code, name)

        CATALOGUE.add(Entry(name, reason, install, code))
        return check

    return register


def _guard(service: type, operation: str, check: Rule, code: str, name: str) -> None:
    """Rules of one operation are checked in the order in which they are registered."""
    checks = CHECKS.setdefault((service, operation), [])
    checks.append((check, code, name))
    if len(checks) > 1:
        return

    @around(service, camelcase_to_underscores(operation))
    def guarded(original: Callable, request: Any, *args: Any, **kwargs: Any) -> Any:
        for known_check, known_code, known_name in checks:
            if message := known_check(request, *args, **kwargs):
                REFUSALS[known_name] += 1
                raise ERRORS[service](known_code, message)
        return original(request, *args, **kwargs)


# When each account got the service-linked role of a service.
LINKED_ROLES: dict[tuple[str, str], float] = {}


def linked_role_is_new(account: str, service: str) -> bool:
    """Whether the service-linked role, which the account's first such call brings, cannot be assumed yet."""
    since = LINKED_ROLES.setdefault((account, service), time.time())
    return time.time() - since < durations.of("role-not-assumable")


# --- EC2: tags -----------------------------------------------------------------------------------

@rule(
    "tag-specification-type",
    "InvalidParameterValue",
    "a TagSpecification names the type of the resource that is created",
    EC2Response,
    *TAGGED_ON_CREATION,
)
def tag_specification_type(request: Any) -> str | None:
    expected = TAGGED_ON_CREATION[request._get_action()]
    for specification in request._get_param("TagSpecifications", []):
        if specification.get("ResourceType") != expected:
            return f"'{specification.get('ResourceType')}' is not a valid taggable resource type for this operation."
    return None


@rule(
    "reserved-tag-keys",
    "InvalidParameterValue",
    "tag keys must not begin with aws:",
    EC2Response,
    "CreateTags",
    *TAGGED_ON_CREATION,
)
def reserved_tag_keys(request: Any) -> str | None:
    specifications = request._get_param("TagSpecifications", [])
    tags = [tag for specification in specifications for tag in specification.get("Tags", [])]
    for tag in [*tags, *request._get_param("Tags", [])]:
        if tag["Key"].lower().startswith("aws:"):
            return "Tag keys starting with 'aws:' are reserved for internal use"
    return None


# --- EC2: VPC, subnet, internet gateway, network ACL ---------------------------------------------


def _reached(request: Any, quota: tuple[str, str], used: int) -> bool:
    return used >= quotas.value(quota, request.current_account, request.region)


@rule("vpc-quota", "VpcLimitExceeded", "no more VPCs in a region than the quota", EC2Response, "CreateVpc")
def vpc_quota(request: Any) -> str | None:
    if _reached(request, quotas.VPCS, len(request.ec2_backend.vpcs)):
        return "The maximum number of VPCs has been reached."
    return None


@rule(
    "internet-gateway-quota",
    "InternetGatewayLimitExceeded",
    "no more internet gateways in a region than the quota",
    EC2Response,
    "CreateInternetGateway",
)
def internet_gateway_quota(request: Any) -> str | None:
    if _reached(request, quotas.INTERNET_GATEWAYS, len(request.ec2_backend.internet_gateways)):
        return "The maximum number of internet gateways has been reached."
    return None


@rule(
    "address-quota",
    "AddressLimitExceeded",
    "no more Elastic IPs in a region than the quota",
    EC2Response,
    "AllocateAddress",
)
def address_quota(request: Any) -> str | None:
    if _reached(request, quotas.ELASTIC_ADDRESSES, len(request.ec2_backend.addresses)):
        return "The maximum number of addresses has been reached."
    return None


@rule(
    "nat-gateway-quota",
    "NatGatewayLimitExceeded",
    "no more NAT gateways (pending, available or deleting) in a zone than the quota",
    EC2Response,
    "CreateNatGateway",
)
def nat_gateway_quota(request: Any) -> str | None:
    backend = request.ec2_backend
    zone = backend.get_subnet(request._get_param("SubnetId")).availability_zone
    used = [
        gateway
        for gateway in backend.nat_gateways.values()
        if gateway.state in ("pending", "available", "deleting") and gateway._subnet.availability_zone == zone
    ]
    token = request._get_param("ClientToken")
    repeated = ("NatGateway", token) in backend.__dict__.get("client_tokens", {})
    if not repeated and _reached(request, quotas.NAT_GATEWAYS_PER_ZONE, len(used)):
        return f"Performing this operation would exceed the limit of NAT gateways in {zone}."
    return None


@rule(
    "vpc-in-use",
    "DependencyViolation",
    "a VPC with security groups, internet gateway, network ACLs or endpoints cannot be deleted",
    EC2Response,
    "DeleteVpc",
)
def vpc_in_use(request: Any) -> str | None:
    vpc_id, backend = request._get_param("VpcId"), request.ec2_backend
    dependents = [
        *(group for group in backend.groups.get(vpc_id, {}).values() if not group.is_default),
        *(gateway for gateway in backend.internet_gateways.values() if gateway.vpc and gateway.vpc.id == vpc_id),
        *(acl for acl in backend.network_acls.values() if acl.vpc_id == vpc_id and not acl.default),
        *(endpoint for endpoint in backend.vpc_end_points.values() if endpoint.vpc_id == vpc_id),
    ]
    return f"The vpc '{vpc_id}' has dependencies and cannot be deleted." if dependents else None


@rule(
    "one-attribute-per-call",
    "InvalidParameterCombination",
    "an attribute call changes one attribute",
    EC2Response,
    "ModifyVpcAttribute",
    "ModifySubnetAttribute",
)
def one_attribute_per_call(request: Any) -> str | None:
    attributes = sorted(request._get_params().keys() - {"VpcId", "SubnetId", "DryRun"})
    if len(attributes) > 1:
        return f"Fields for multiple attribute types specified: {', '.join(attributes)}"
    return None


@rule(
    "subnet-zone",
    "InvalidParameterValue",
    "a subnet is in a zone of its region",
    EC2Response,
    "CreateSubnet",
)
def subnet_zone(request: Any) -> str | None:
    zones = request.ec2_backend.describe_availability_zones()
    for parameter, known in (
        ("AvailabilityZone", [zone.name for zone in zones]),
        ("AvailabilityZoneId", [zone.zone_id for zone in zones]),
    ):
        value = request._get_param(parameter)
        if value and value not in known:
            return (
                f"Value ({value}) for parameter {parameter} is invalid. Subnets can currently only be created in "
                f"the following availability zones: {', '.join(known)}."
            )
    return None


@rule("subnet-size", "InvalidSubnet.Range", "an IPv4 subnet is a /16 to /28", EC2Response, "CreateSubnet")
def subnet_size(request: Any) -> str | None:
    cidr = request._get_param("CidrBlock")
    length = re.search(r"/(\d+)$", cidr or "")
    return f"The CIDR '{cidr}' is invalid." if length and not 16 <= int(length[1]) <= 28 else None


@rule(
    "subnet-in-use",
    "DependencyViolation",
    "a subnet with network interfaces, such as a NAT gateway's, cannot be deleted",
    EC2Response,
    "DeleteSubnet",
)
def subnet_in_use(request: Any) -> str | None:
    subnet_id = request._get_param("SubnetId")
    if any(interface.subnet.id == subnet_id for interface in request.ec2_backend.enis.values()):
        return f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
    return None


@rule(
    "one-internet-gateway-per-vpc",
    "InvalidParameterValue",
    "a VPC has at most one internet gateway",
    EC2Response,
    "AttachInternetGateway",
)
def one_internet_gateway_per_vpc(request: Any) -> str | None:
    vpc_id, gateway_id = request._get_param("VpcId"), request._get_param("InternetGatewayId")
    for gateway in request.ec2_backend.internet_gateways.values():
        if gateway.vpc and gateway.vpc.id == vpc_id and gateway.id != gateway_id:
            return f"Network {vpc_id} already has an internet gateway attached"
    return None


@rule(
    "internet-gateway-mapped-addresses",
    "DependencyViolation",
    "an internet gateway stays while a public address of the VPC is mapped",
    EC2Response,
    "DetachInternetGateway",
)
def internet_gateway_mapped_addresses(request: Any) -> str | None:
    vpc_id = request._get_param("VpcId")
    if any(address.eni and address.eni.subnet.vpc_id == vpc_id for address in request.ec2_backend.addresses):
        return (
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway."
        )
    return None


@rule(
    "address-in-use",
    "InvalidIPAddress.InUse",
    "an associated Elastic IP cannot be released",
    EC2Response,
    "ReleaseAddress",
)
def address_in_use(request: Any) -> str | None:
    allocation_id, public_ip = request._get_param("AllocationId"), request._get_param("PublicIp")
    for address in request.ec2_backend.addresses:
        if address.association_id and (address.allocation_id == allocation_id or address.public_ip == public_ip):
            return f"Address {address.public_ip} is in use."
    return None


@rule(
    "default-network-acl",
    "InvalidParameterValue",
    "the default network ACL cannot be deleted",
    EC2Response,
    "DeleteNetworkAcl",
)
def default_network_acl(request: Any) -> str | None:
    acl = request.ec2_backend.network_acls.get(request._get_param("NetworkAclId"))
    return f"cannot delete default network ACL {acl.id}" if acl and acl.default else None


# --- EC2: route tables ---------------------------------------------------------------------------


@rule(
    "main-route-table",
    "DependencyViolation",
    "the main route table cannot be deleted",
    EC2Response,
    "DeleteRouteTable",
)
def main_route_table(request: Any) -> str | None:
    table = request.ec2_backend.route_tables.get(request._get_param("RouteTableId"))
    if table and table.main_association_id:
        return f"The routeTable '{table.id}' has dependencies and cannot be deleted."
    return None


@rule(
    "main-association",
    "InvalidParameterValue",
    "the main association can be replaced, not removed",
    EC2Response,
    "DisassociateRouteTable",
)
def main_association(request: Any) -> str | None:
    association_id = request._get_param("AssociationId")
    if any(table.main_association_id == association_id for table in request.ec2_backend.route_tables.values()):
        return f"cannot disassociate the main route table association {association_id}"
    return None


@rule(
    "one-route-table-per-subnet",
    "Resource.AlreadyAssociated",
    "a subnet associated with another route table must be replaced, not associated again",
    EC2Response,
    "AssociateRouteTable",
)
def one_route_table_per_subnet(request: Any) -> str | None:
    table_id, subnet_id = request._get_param("RouteTableId"), request._get_param("SubnetId")
    for table in request.ec2_backend.route_tables.values():
        if table.id != table_id and subnet_id in table._associations.values():
            return f"the specified association for route table {table_id} conflicts with an existing association"
    return None


@rule(
    "route-table-network",
    "InvalidParameterValue",
    "route table and subnet are in one VPC",
    EC2Response,
    "AssociateRouteTable",
)
def route_table_network(request: Any) -> str | None:
    backend, subnet_id = request.ec2_backend, request._get_param("SubnetId")
    table = backend.get_route_table(request._get_param("RouteTableId"))
    if subnet_id and backend.get_subnet(subnet_id).vpc_id != table.vpc_id:
        return f"Route table {table.id} and subnet {subnet_id} belong to different networks"
    return None


@rule(
    "route-gateway-network",
    "InvalidParameterValue",
    "a route's internet gateway is attached to the VPC of the table",
    EC2Response,
    "CreateRoute",
    "ReplaceRoute",
)
def route_gateway_network(request: Any) -> str | None:
    backend = request.ec2_backend
    gateway = backend.internet_gateways.get(request._get_param("GatewayId"))
    table = backend.get_route_table(request._get_param("RouteTableId"))
    if gateway and (not gateway.vpc or gateway.vpc.id != table.vpc_id):
        return f"route table {table.id} and network gateway {gateway.id} belong to different networks"
    return None


@rule(
    "route-nat-gateway",
    "InvalidNatGatewayID.NotFound",
    "a route's NAT gateway exists",
    EC2Response,
    "CreateRoute",
    "ReplaceRoute",
)
def route_nat_gateway(request: Any) -> str | None:
    gateway_id = request._get_param("NatGatewayId")
    gateway = request.ec2_backend.nat_gateways.get(gateway_id)
    if gateway_id and (gateway is None or gateway.state == "deleted"):
        return f"The natGateway ID '{gateway_id}' does not exist"
    return None


# --- EC2: security groups ------------------------------------------------------------------------

GROUP_TEXT = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")
CHANGES_OF_RULES = (
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "ModifySecurityGroupRules",
    "UpdateSecurityGroupRuleDescriptionsEgress",
    "UpdateSecurityGroupRuleDescriptionsIngress",
)


@rule(
    "security-group-name",
    "InvalidParameterValue",
    "the name of a security group does not begin with sg-",
    EC2Response,
    "CreateSecurityGroup",
)
def security_group_name(request: Any) -> str | None:
    name = request._get_param("GroupName") or ""
    if name.lower().startswith("sg-"):
        return f"Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*."
    return None


@rule(
    "security-group-text",
    "InvalidParameterValue",
    "name and description of a security group have up to 255 of certain characters",
    EC2Response,
    "CreateSecurityGroup",
)
def security_group_text(request: Any) -> str | None:
    for parameter in ("GroupName", "Description"):
        value = request._get_param(parameter) or ""
        if not GROUP_TEXT.fullmatch(value):
            return f"Value ({value}) for parameter {parameter} is invalid. {_valid_characters('security group')}"
    return None


def _valid_characters(subject: str) -> str:
    return (
        f"Invalid {subject} description. Valid descriptions are strings less than 256 characters from the "
        "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
    )


@rule(
    "security-group-rule-text",
    "InvalidParameterValue",
    "the description of a rule has up to 255 of certain characters, not an apostrophe among them",
    EC2Response,
    *CHANGES_OF_RULES,
)
def security_group_rule_text(request: Any) -> str | None:
    for description in _descriptions(request._get_params()):
        if not GROUP_TEXT.fullmatch(description):
            return _valid_characters("rule")
    return None


def _descriptions(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for element in value:
            yield from _descriptions(element)
    elif isinstance(value, dict):
        for key, element in value.items():
            if key == "Description":
                yield element
            else:
                yield from _descriptions(element)


@rule(
    "security-group-in-use",
    "DependencyViolation",
    "a security group that rules of others, interfaces or endpoints refer to cannot be deleted",
    EC2Response,
    "DeleteSecurityGroup",
)
def security_group_in_use(request: Any) -> str | None:
    backend, group_id = request.ec2_backend, request._get_param("GroupId")
    referring = any(
        rule.source_group.get("GroupId") == group_id
        for group in backend.describe_security_groups()
        for rule in [*group.ingress_rules, *group.egress_rules]
        if group.id != group_id
    )
    interfaces = any(group_id in _group_ids(interface) for interface in backend.enis.values())
    endpoints = any(group_id in endpoint.security_group_ids for endpoint in backend.vpc_end_points.values())
    return f"resource {group_id} has a dependent object" if referring or interfaces or endpoints else None


def _group_ids(interface: Any) -> list[str]:
    return [group.id for group in interface.group_set]


@rule(
    "default-security-group",
    "CannotDelete",
    "the default security group cannot be deleted",
    EC2Response,
    "DeleteSecurityGroup",
)
def default_security_group(request: Any) -> str | None:
    group = request.ec2_backend.get_security_group_from_id(request._get_param("GroupId"))
    if group and group.is_default:
        return f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
    return None


# --- KMS -----------------------------------------------------------------------------------------


def _key_of(request: Any, parameter: str = "KeyId") -> Key | None:
    key_id = request._get_param(parameter)
    return request.kms_backend.keys.get(request.kms_backend.any_id_to_key_id(key_id)) if key_id else None


# From the table in the KMS Developer Guide, "Key states of AWS KMS keys".
REFUSED_WHILE_PENDING_DELETION = (
    "Decrypt",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateKeyDescription",
)
REFUSED_WHILE_DISABLED = (
    "Decrypt",
    "DisableKeyRotation",
    "EnableKeyRotation",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
)


@rule(
    "kms-pending-deletion",
    "KMSInvalidStateException",
    "a key that is pending deletion is neither used nor changed, except for its policy",
    KmsResponse,
    *REFUSED_WHILE_PENDING_DELETION,
)
def kms_pending_deletion(request: Any) -> str | None:
    return _pending(_key_of(request))


@rule(
    "kms-alias-of-pending-deletion",
    "KMSInvalidStateException",
    "an alias cannot be given to a key that is pending deletion",
    KmsResponse,
    "CreateAlias",
    "UpdateAlias",
)
def kms_alias_of_pending_deletion(request: Any) -> str | None:
    return _pending(_key_of(request, "TargetKeyId"))


def _pending(key: Key | None) -> str | None:
    return f"{key.arn} is pending deletion." if key and key.key_state == "PendingDeletion" else None


@rule(
    "kms-not-pending-deletion",
    "KMSInvalidStateException",
    "a deletion that is not pending cannot be cancelled",
    KmsResponse,
    "CancelKeyDeletion",
)
def kms_not_pending_deletion(request: Any) -> str | None:
    key = _key_of(request)
    return f"{key.arn} is not pending deletion." if key and key.key_state != "PendingDeletion" else None


@rule(
    "kms-disabled",
    "DisabledException",
    "a disabled key is not used, and its rotation not changed",
    KmsResponse,
    *REFUSED_WHILE_DISABLED,
)
def kms_disabled(request: Any) -> str | None:
    key = _key_of(request)
    return f"{key.arn} is disabled." if key and key.key_state == "Disabled" else None


@rule(
    "kms-pending-window",
    "ValidationException",
    "a key is deleted after 7 to 30 days",
    KmsResponse,
    "ScheduleKeyDeletion",
)
def kms_pending_window(request: Any) -> str | None:
    days = request._get_param("PendingWindowInDays", 30)
    return None if 7 <= days <= 30 else "PendingWindowInDays must be between 7 and 30"


@rule(
    "kms-rotation-range",
    "ValidationException",
    "a rotation period has 90 to 2560 days",
    KmsResponse,
    "EnableKeyRotation",
)
def kms_rotation_range(request: Any) -> str | None:
    days = request._get_param("RotationPeriodInDays", 365)
    return None if 90 <= days <= 2560 else "RotationPeriodInDays must be between 90 and 2560"


@rule(
    "kms-rotation-symmetric",
    "UnsupportedOperationException",
    "only symmetric encryption keys with AWS key material rotate by themselves",
    KmsResponse,
    "EnableKeyRotation",
)
def kms_rotation_symmetric(request: Any) -> str | None:
    key = _key_of(request)
    rotates = key is None or (key.key_spec == "SYMMETRIC_DEFAULT" and key.origin == "AWS_KMS")
    return None if rotates else f"{key.arn} does not support automatic rotation."


@rule(
    "kms-malformed-policy",
    "MalformedPolicyDocumentException",
    "a key policy is a policy document, and lets its author change it again",
    KmsResponse,
    "CreateKey",
    "PutKeyPolicy",
)
def kms_malformed_policy(request: Any) -> str | None:
    policy = request._get_param("Policy")
    if policy is None:
        return None
    if key_policy.statements(policy) is None:
        return "The policy is not a valid policy document."
    account = request.current_account
    administrators = {"*", account, f"arn:aws:iam::{account}:root", *_caller_names(request)}
    safe = request._get_param("BypassPolicyLockoutSafetyCheck") or key_policy.allows(
        policy, administrators, "kms:PutKeyPolicy", {}
    )
    return None if safe else "The new key policy will not allow you to update the key policy in the future."


@rule(
    "kms-absent-principal",
    "MalformedPolicyDocumentException",
    "the roles and users that a key policy names exist, and not only since a moment ago",
    KmsResponse,
    "CreateKey",
    "PutKeyPolicy",
)
def kms_absent_principal(request: Any) -> str | None:
    policy = request._get_param("Policy")
    named = (key_policy.statements(policy) or []) if policy else []
    absent = principals.absent(named, _caller_names(request))
    return "Policy contains a statement with one or more invalid principals." if absent else None


def _caller_names(request: Any) -> set[str]:
    """The ARNs by which a policy may name the caller: user, session, or the role of the session."""
    backend = sts_backends[request.current_account][request.partition]
    _, arn, _ = backend.get_caller_identity(request.get_access_key(), request.region)
    role = backend.get_assumed_role_from_access_key(request.get_access_key())
    return {arn, role.role_arn} if role else {arn}


@rule(
    "kms-reserved-alias",
    "NotAuthorizedException",
    "aliases that begin with alias/aws/ belong to AWS",
    KmsResponse,
    "CreateAlias",
    "UpdateAlias",
    "DeleteAlias",
)
def kms_reserved_alias(request: Any) -> str | None:
    return "alias/aws/ is reserved." if request._get_param("AliasName").startswith("alias/aws/") else None


# --- CloudWatch Logs -----------------------------------------------------------------------------

RETENTION_DAYS = {
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
}
# What the CloudWatch Logs User Guide tells to allow to the service.
LOGS_KEY_ACTIONS = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey")


@rule(
    "logs-group-name",
    "InvalidParameterException",
    "the name of a log group has up to 512 of certain characters",
    LogsResponse,
    "CreateLogGroup",
)
def logs_group_name(request: Any) -> str | None:
    name = request._get_param("logGroupName") or ""
    if re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", name):
        return None
    return f"1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint"


@rule(
    "logs-retention-days",
    "InvalidParameterException",
    "retention is one of the numbers of days on AWS's list",
    LogsResponse,
    "PutRetentionPolicy",
)
def logs_retention_days(request: Any) -> str | None:
    days = request._get_param("retentionInDays")
    if days in RETENTION_DAYS:
        return None
    return f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint"


@rule(
    "logs-prefix-or-pattern",
    "InvalidParameterException",
    "log groups are described by prefix or by pattern, not by both",
    LogsResponse,
    "DescribeLogGroups",
)
def logs_prefix_or_pattern(request: Any) -> str | None:
    if request._get_param("logGroupNamePrefix") and request._get_param("logGroupNamePattern"):
        return "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
    return None


@rule(
    "logs-identifiers",
    "InvalidParameterException",
    "log groups are described by at most 50 identifiers, and by nothing else beside them",
    LogsResponse,
    "DescribeLogGroups",
)
def logs_identifiers(request: Any) -> str | None:
    identifiers = request._get_param("logGroupIdentifiers") or []
    others = request._get_param("logGroupNamePrefix") or request._get_param("logGroupNamePattern")
    if len(identifiers) > 50 or (identifiers and others):
        return "logGroupIdentifiers has at most 50 entries and goes with includeLinkedAccounts only."
    return None


@rule(
    "logs-key-arn",
    "InvalidParameterException",
    "the key of a log group is given by its ARN",
    LogsResponse,
    "CreateLogGroup",
    "AssociateKmsKey",
)
def logs_key_arn(request: Any) -> str | None:
    key = request._get_param("kmsKeyId")
    return f"The specified KMS Key ARN '{key}' is invalid." if key and ":key/" not in key else None


@rule(
    "logs-deletion-protection",
    "ValidationException",
    "a log group that is protected against deletion stays",
    LogsResponse,
    "DeleteLogGroup",
)
def logs_deletion_protection(request: Any) -> str | None:
    group = request.logs_backend.groups.get(request._get_param("logGroupName"))
    return "The log group is protected against deletion." if group and group.deletion_protection else None


@rule(
    "logs-key-usable",
    "AccessDeniedException",
    "the key of a log group exists, is enabled, and its policy admits the Logs service of the region for that group",
    LogsResponse,
    "CreateLogGroup",
    "AssociateKmsKey",
)
def logs_key_usable(request: Any) -> str | None:
    key_arn = request._get_param("kmsKeyId")
    if not key_arn:
        return None
    account, region = request.current_account, request.region
    if request._get_action() == "AssociateKmsKey":
        group_arn = log_group(request).arn
    else:
        group_arn = f"arn:aws:logs:{region}:{account}:log-group:{request._get_param('logGroupName')}"
    if _usable_by_logs(key_arn, region, account, group_arn):
        return None
    return f"The specified KMS key does not exist or is not allowed to be used with Arn '{group_arn}'"


def _usable_by_logs(key_arn: str, region: str, account: str, group_arn: str) -> bool:
    _, _, _, key_region, key_account, resource = key_arn.split(":", 5)
    key = kms_backends[key_account][region].keys.get(resource.removeprefix("key/"))
    if key is None or key_region != region or key.key_state != "Enabled":
        return False
    context = {
        "kms:EncryptionContext:aws:logs:arn": group_arn,
        "aws:SourceArn": group_arn,
        "aws:SourceAccount": account,
        "kms:ViaService": f"logs.{region}.amazonaws.com",
        "kms:CallerAccount": account,
    }
    service = {"*", f"logs.{region}.amazonaws.com", "logs.amazonaws.com"}
    return all(key_policy.allows(key.policy, service, action, context) for action in LOGS_KEY_ACTIONS)


# --- STS -----------------------------------------------------------------------------------------


@rule(
    "sts-session",
    "ValidationError",
    "a session has a name of 2 to 64 certain characters and lasts 15 minutes to 12 hours",
    TokenResponse,
    "AssumeRole",
)
def sts_session(request: Any) -> str | None:
    name, seconds = request._get_param("RoleSessionName") or "", request._get_param("DurationSeconds") or 3600
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
        return f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint"
    if not 900 <= int(seconds) <= 43200:
        return f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint"
    return None


@rule("sts-role-arn", "ValidationError", "a role is given by its ARN", TokenResponse, "AssumeRole")
def sts_role_arn(request: Any) -> str | None:
    arn = request._get_param("RoleArn") or ""
    return None if re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:role/.+", arn) else f"{arn} is invalid"
