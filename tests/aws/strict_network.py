"""What AWS refuses of flow logs and VPC endpoints and moto lets pass. Registered like the rules of strict.py."""

from collections.abc import Callable
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response
from moto.s3.models import s3_backends

import key_policy
from catalogue import Entry, around
from strict import CATALOGUE, REFUSALS, rule
from strict_s3 import assumable


@rule(
    "flow-log-role",
    "InvalidParameter",
    "delivery to a log group needs a role that the service can assume, which a new one is not at once",
    EC2Response,
    "CreateFlowLogs",
)
def flow_log_role(request: Any) -> str | None:
    if request._get_param("LogDestinationType") == "s3":
        return None
    context = {
        "aws:SourceAccount": request.current_account,
        "aws:SourceArn": f"arn:aws:ec2:{request.region}:{request.current_account}:vpc-flow-log/fl-1",
    }
    if assumable(request._get_param("DeliverLogsPermissionArn"), "vpc-flow-logs", context):
        return None
    return "Unable to assume given IAM role"


@rule(
    "flow-log-role-for-bucket",
    "InvalidParameter",
    "delivery to a bucket takes no role",
    EC2Response,
    "CreateFlowLogs",
)
def flow_log_role_for_bucket(request: Any) -> str | None:
    if request._get_param("LogDestinationType") == "s3" and request._get_param("DeliverLogsPermissionArn"):
        return "DeliverLogsPermissionArn is not applicable for the log destination type s3"
    return None


def _install_bucket_admission() -> None:
    """The refusal stands in the answer, for the resource, not in the status of the call."""

    @around(EC2Backend, "create_flow_logs")
    def create(original: Callable, backend: Any, **kwargs: Any) -> Any:
        destination = kwargs.get("log_destination") or ""
        if kwargs.get("log_destination_type") == "s3" and not _admits(backend, destination):
            REFUSALS["flow-log-bucket-policy"] += 1
            message = f"Access Denied for LogDestination: {destination}. Please check LogDestination permission"
            return [], [(one, "400", message) for one in kwargs["resource_ids"]]
        return original(backend, **kwargs)


def _admits(backend: Any, bucket_arn: str) -> bool:
    bucket = s3_backends[backend.account_id]["aws"].buckets.get(bucket_arn.rpartition(":")[2].partition("/")[0])
    if bucket is None:
        # moto's own refusal.
        return True
    context = {
        "aws:SourceAccount": backend.account_id,
        "aws:SourceArn": f"arn:aws:logs:{backend.region_name}:{backend.account_id}:*",
        "s3:x-amz-acl": "bucket-owner-full-control",
        "aws:SecureTransport": "true",
    }
    policy = (bucket.policy or b"").decode()
    return all(
        key_policy.allows(policy, {"delivery.logs.amazonaws.com"}, action, context)
        for action in ("s3:PutObject", "s3:GetBucketAcl")
    )


CATALOGUE.add(
    Entry(
        "flow-log-bucket-policy",
        "a bucket that receives flow logs admits their delivery",
        _install_bucket_admission,
        "400",
    )
)

INTERFACE_SERVICES = {
    *("ecr.api", "ecr.dkr", "logs", "secretsmanager", "kms", "ec2", "s3", "sts", "ssm", "ssmmessages", "sns", "sqs"),
    *("ecs", "ecs-agent", "ecs-telemetry", "monitoring", "rds", "lambda", "events", "elasticloadbalancing"),
}


@rule(
    "vpc-endpoint-service",
    "InvalidServiceName",
    "an endpoint is of a service that the region offers",
    EC2Response,
    "CreateVpcEndpoint",
)
def vpc_endpoint_service(request: Any) -> str | None:
    name, prefix = request._get_param("ServiceName") or "", f"com.amazonaws.{request.region}."
    gateway = (request._get_param("VpcEndpointType") or "Gateway") == "Gateway"
    offered = {"s3", "dynamodb"} if gateway else INTERFACE_SERVICES
    if name.startswith(prefix) and name.removeprefix(prefix) in offered:
        return None
    return f"The Vpc Endpoint Service '{name}' does not exist"


@rule(
    "vpc-endpoint-private-dns",
    "InvalidParameter",
    "a service has one endpoint with private DNS in a VPC",
    EC2Response,
    "CreateVpcEndpoint",
)
def vpc_endpoint_private_dns(request: Any) -> str | None:
    if str(request._get_param("PrivateDnsEnabled")).lower() != "true":
        return None
    token = request._get_param("ClientToken")
    for endpoint in request.ec2_backend.vpc_end_points.values():
        same = (endpoint.vpc_id, endpoint.service_name) == (request._get_param("VpcId"), request._get_param("ServiceName"))
        repeated = token and endpoint.client_token == token
        if same and endpoint.private_dns_enabled and endpoint.state != "deleted" and not repeated:
            return (
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{endpoint.service_name} in the VPC {endpoint.vpc_id}"
            )
    return None


@rule(
    "vpc-endpoint-zones",
    "DuplicateSubnetsInSameZone",
    "an interface endpoint has one subnet a zone",
    EC2Response,
    "CreateVpcEndpoint",
    "ModifyVpcEndpoint",
)
def vpc_endpoint_zones(request: Any) -> str | None:
    subnets = set(request._get_param("SubnetIds", []) + request._get_param("AddSubnetIds", []))
    endpoint = request.ec2_backend.vpc_end_points.get(request._get_param("VpcEndpointId"))
    if endpoint is not None:
        subnets |= set(endpoint.subnet_ids or []) - set(request._get_param("RemoveSubnetIds", []))
    zones = [request.ec2_backend.get_subnet(subnet).availability_zone for subnet in subnets]
    if len(zones) != len(set(zones)):
        return "Found another VPC endpoint subnet in the availability zone. VPC endpoint subnets should be in different zones."
    return None


@rule(
    "dhcp-options-in-use",
    "DependencyViolation",
    "a set of DHCP options stays while a VPC has it",
    EC2Response,
    "DeleteDhcpOptions",
)
def dhcp_options_in_use(request: Any) -> str | None:
    options_id = request._get_param("DhcpOptionsId")
    used = any(vpc.dhcp_options_id == options_id for vpc in request.ec2_backend.vpcs.values())
    return f"The dhcpOptions '{options_id}' has dependencies and cannot be deleted." if used else None


@rule(
    "vpc-ipv6-range-in-use",
    "InvalidCidrBlock.InUse",
    "an IPv6 range stays while a subnet has a part of it",
    EC2Response,
    "DisassociateVpcCidrBlock",
)
def vpc_ipv6_range_in_use(request: Any) -> str | None:
    association = request._get_param("AssociationId")
    for vpc in request.ec2_backend.vpcs.values():
        held = [one for one in vpc.ipv6_cidr_block_association_set if one["association_id"] == association]
        subnets = [subnet for subnet in request.ec2_backend.describe_subnets() if subnet.vpc_id == vpc.id]
        ranges = [one for subnet in subnets for one in subnet.ipv6_cidr_block_associations.values()]
        if held and any(one["ipv6CidrBlockState"]["State"] == "associated" for one in ranges):
            return f"The vpc CIDR block with association ID {association} may not be disassociated. It is in use by subnets."
    return None
