"""Checks of flow logs and VPC endpoints: the mends of mends_network.py and the rules of strict_network.py."""

from typing import Any

from check_s3 import bucket, put_policy, role, settled, statement
from checks import REGION, Aws, by, check, found_by_tags, network, refused, same, tagged, until


@check
def gateways_propagate_routes(aws: Aws) -> None:
    vpc, _ = network(aws)
    table = aws.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    gateway = aws.ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]

    def propagating() -> list[str]:
        read = aws.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
        return [one["GatewayId"] for one in read["PropagatingVgws"]]

    with refused("Gateway.NotAttached"):
        aws.ec2.enable_vgw_route_propagation(RouteTableId=table, GatewayId=gateway)
    aws.ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway)
    same(propagating(), [])
    aws.ec2.enable_vgw_route_propagation(RouteTableId=table, GatewayId=gateway)
    same(propagating(), [gateway])
    aws.ec2.disable_vgw_route_propagation(RouteTableId=table, GatewayId=gateway)
    same(propagating(), [])


def flow_logs(aws: Aws, vpc: str, **more: Any) -> dict[str, Any]:
    return aws.ec2.create_flow_logs(ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", **more)


@check
def flow_logs_reach_a_bucket_that_admits_them(aws: Aws) -> None:
    vpc, _ = network(aws)
    name = bucket(aws, "flow-logs")
    to_bucket: dict[str, Any] = {"LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{name}"}
    answer = flow_logs(aws, vpc, **to_bucket)
    same((answer["FlowLogIds"], answer["Unsuccessful"][0]["Error"]["Code"]), ([], "400"))
    service = {"Service": "delivery.logs.amazonaws.com"}
    put_policy(aws, name, statement(name, "Write", "Allow", service, ["s3:PutObject", "s3:GetBucketAcl"]))
    with refused("InvalidParameter"):
        flow_logs(aws, vpc, **to_bucket, DeliverLogsPermissionArn=role(aws, "for-nothing"))
    tag = tagged("vpc-flow-log", Name="mine")
    made = flow_logs(aws, vpc, **to_bucket, ClientToken="one", TagSpecifications=tag)["FlowLogIds"]
    same(flow_logs(aws, vpc, **to_bucket, ClientToken="one", TagSpecifications=tag)["FlowLogIds"], made)
    with refused("FlowLogAlreadyExists"):
        flow_logs(aws, vpc, **to_bucket)
    with refused("InvalidParameterValue"):
        flow_logs(aws, vpc, **to_bucket, TagSpecifications=tagged("vpc", Name="mine"))
    described = aws.ec2.describe_flow_logs(Filter=by("tag:Name", "mine"))["FlowLogs"]
    same([log["FlowLogId"] for log in described], made)
    same(aws.ec2.describe_flow_logs(Filter=by("flow-log-id", "fl-0"))["FlowLogs"], [])
    aws.ec2.delete_flow_logs(FlowLogIds=made)
    with refused("InvalidFlowLogId.NotFound"):
        aws.ec2.delete_flow_logs(FlowLogIds=made)


@check
def flow_logs_reach_a_log_group_by_a_role_that_can_be_assumed(aws: Aws) -> None:
    vpc, _ = network(aws)
    aws.logs.create_log_group(logGroupName="/flow")
    group = f"arn:aws:logs:{REGION}:{aws.account}:log-group:/flow"
    to_group: dict[str, Any] = {"LogDestinationType": "cloud-watch-logs", "LogDestination": group}
    absent = f"arn:aws:iam::{aws.account}:role/absent"
    with refused("InvalidParameter"):
        flow_logs(aws, vpc, **to_group, DeliverLogsPermissionArn=absent)
    new = role(aws, "new")
    with refused("InvalidParameter"):
        flow_logs(aws, vpc, **to_group, DeliverLogsPermissionArn=new)
    settled()
    made = flow_logs(aws, vpc, **to_group, DeliverLogsPermissionArn=new)["FlowLogIds"]
    log = aws.ec2.describe_flow_logs(FlowLogIds=made)["FlowLogs"][0]
    same((log["DeliverLogsStatus"], log["MaxAggregationInterval"]), ("SUCCESS", 600))


def endpoint(aws: Aws, vpc: str, service: str, **more: Any) -> dict[str, Any]:
    name = f"com.amazonaws.{REGION}.{service}"
    return aws.ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, **more)["VpcEndpoint"]


def state(aws: Aws, endpoint_id: str) -> str:
    found = aws.ec2.describe_vpc_endpoints(Filters=by("vpc-endpoint-id", endpoint_id))["VpcEndpoints"]
    return found[0]["State"] if found else "gone"


def subnet(aws: Aws, vpc: str, number: int, zone: str) -> str:
    made = aws.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
    return made["Subnet"]["SubnetId"]


@check
def interface_endpoints_come_and_go(aws: Aws) -> None:
    vpc, first = network(aws)
    second, third = subnet(aws, vpc, 2, "b"), subnet(aws, vpc, 3, "a")
    made = endpoint(
        aws,
        vpc,
        "kms",
        VpcEndpointType="Interface",
        SubnetIds=[first],
        PrivateDnsEnabled=True,
        ClientToken="one",
        TagSpecifications=tagged("vpc-endpoint", Name="mine"),
    )
    made_id = made["VpcEndpointId"]
    same(made["State"], "pending")
    until("available", lambda: state(aws, made_id))
    found_by_tags(aws.ec2.describe_vpc_endpoints, "VpcEndpoints", "VpcEndpointId", made_id)
    again: dict[str, Any] = {"VpcEndpointType": "Interface", "SubnetIds": [first], "PrivateDnsEnabled": True}
    same(endpoint(aws, vpc, "kms", **again, ClientToken="one")["VpcEndpointId"], made_id)
    with refused("InvalidParameter"):
        endpoint(aws, vpc, "kms", **again)
    with refused("InvalidServiceName"):
        endpoint(aws, vpc, "nothing", **again)
    with refused("DuplicateSubnetsInSameZone"):
        endpoint(aws, vpc, "logs", VpcEndpointType="Interface", SubnetIds=[first, third])
    aws.ec2.modify_vpc_endpoint(VpcEndpointId=made_id, AddSubnetIds=[second], RemoveSubnetIds=[first])
    aws.ec2.modify_vpc_endpoint(VpcEndpointId=made_id, PrivateDnsEnabled=False)
    read = aws.ec2.describe_vpc_endpoints(VpcEndpointIds=[made_id])["VpcEndpoints"][0]
    same((read["SubnetIds"], read["PrivateDnsEnabled"]), ([second], False))
    aws.ec2.delete_subnet(SubnetId=first)
    with refused("DependencyViolation"):
        aws.ec2.delete_subnet(SubnetId=second)
    same(aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[made_id])["Unsuccessful"], [])
    same(state(aws, made_id), "deleting")
    with refused("DependencyViolation"):
        aws.ec2.delete_subnet(SubnetId=second)
    until("gone", lambda: state(aws, made_id))
    aws.ec2.delete_subnet(SubnetId=second)
    failed = aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[made_id])["Unsuccessful"]
    same([one["Error"]["Code"] for one in failed], ["InvalidVpcEndpoint.NotFound"])


@check
def gateway_endpoints_are_routes(aws: Aws) -> None:
    vpc, _ = network(aws)
    tables = [aws.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]

    def routed(table: str) -> bool:
        routes = aws.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        return any(route.get("GatewayId", "").startswith("vpce-") for route in routes)

    made = endpoint(aws, vpc, "s3", VpcEndpointType="Gateway", RouteTableIds=[tables[0]])
    made_id = made["VpcEndpointId"]
    same((made["State"], made["PrivateDnsEnabled"]), ("available", False))
    same([routed(table) for table in tables], [True, False])
    aws.ec2.modify_vpc_endpoint(VpcEndpointId=made_id, AddRouteTableIds=[tables[1]], RemoveRouteTableIds=[tables[0]])
    same([routed(table) for table in tables], [False, True])
    aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[made_id])
    same([routed(table) for table in tables], [False, False])
    same(state(aws, made_id), "gone")


@check
def a_set_of_dhcp_options_serves_many_vpcs_and_outlives_them(aws: Aws) -> None:
    ec2 = aws.ec2
    one, other = (ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(2))

    def options(vpc: str) -> str:
        return ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]

    default = options(one)
    same(options(other), default)
    described = ec2.describe_dhcp_options(DhcpOptionsIds=[default])["DhcpOptions"][0]["DhcpConfigurations"]
    same(
        {entry["Key"]: [value["Value"] for value in entry["Values"]] for entry in described},
        {"domain-name-servers": ["AmazonProvidedDNS"], "domain-name": ["eu-west-1.compute.internal"]},
    )
    servers = [{"Key": "domain-name-servers", "Values": ["192.0.2.53"]}]
    made = ec2.create_dhcp_options(DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
    for vpc in (one, other):
        ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=vpc)
    with refused("DependencyViolation"):
        ec2.delete_dhcp_options(DhcpOptionsId=made)
    ec2.delete_vpc(VpcId=one)
    same(options(other), made)
    ec2.associate_dhcp_options(DhcpOptionsId=default, VpcId=other)
    ec2.delete_dhcp_options(DhcpOptionsId=made)


@check
def an_ipv6_range_stays_while_a_subnet_has_a_part_of_it(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    small = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    (held,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    part = held["Ipv6CidrBlock"].replace("/56", "/64")
    ec2.associate_subnet_cidr_block(SubnetId=small, Ipv6CidrBlock=part)
    with refused("InvalidCidrBlock.InUse"):
        ec2.disassociate_vpc_cidr_block(AssociationId=held["AssociationId"])
    (own,) = ec2.describe_subnets(SubnetIds=[small])["Subnets"][0]["Ipv6CidrBlockAssociationSet"]
    same((own["Ipv6CidrBlock"], own["Ipv6CidrBlockState"]["State"]), (part, "associated"))
    ec2.disassociate_subnet_cidr_block(AssociationId=own["AssociationId"])
    ec2.disassociate_vpc_cidr_block(AssociationId=held["AssociationId"])
