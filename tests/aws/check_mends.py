#!/usr/bin/env python3
"""Starts the emulator and checks that it does what AWS does, as far as this project relies on it.

Every kind of resource is created, read back property by property, changed and read back again; every
strict rule is provoked; the control interface and the call log are tried. Words on the command line choose the checks
with them in their names.
"""

import json
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

import durations
from checks import ACCOUNT, CHECKS, OTHERS, REGION, Aws, by, check, found_by_tags, has, network, refused, same, sorted_tags, tagged, tags, until

HERE = Path(__file__).parent



def group(aws: Aws, vpc: str, name: str = "app") -> str:
    return aws.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]


# --- EC2 -----------------------------------------------------------------------------------------


@check
def vpc(aws: Aws) -> None:
    ec2 = aws.ec2
    created = ec2.create_vpc(CidrBlock="10.1.2.3/16", TagSpecifications=tagged("vpc", Name="mine", a="b"))["Vpc"]
    vpc_id = created["VpcId"]
    read = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
    has(read, CidrBlock="10.1.0.0/16", State="available", InstanceTenancy="default", IsDefault=False)
    has(read, OwnerId=aws.account)
    same(sorted_tags(read), tags(Name="mine", a="b"))
    same(read["CidrBlockAssociationSet"][0]["CidrBlock"], "10.1.0.0/16")
    for attribute, default in (("enableDnsSupport", True), ("enableDnsHostnames", False)):
        parameter = attribute[0].upper() + attribute[1:]
        same(ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[parameter]["Value"], default)
        ec2.modify_vpc_attribute(VpcId=vpc_id, **{parameter: {"Value": not default}})
        same(ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[parameter]["Value"], not default)
    with refused("InvalidParameterCombination"):
        ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsSupport={"Value": True}, EnableDnsHostnames={"Value": True})
    ec2.create_tags(Resources=[vpc_id], Tags=tags(a="c"))
    ec2.delete_tags(Resources=[vpc_id], Tags=[{"Key": "absent"}])
    same(sorted_tags(ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]), tags(Name="mine", a="c"))
    same(len(ec2.describe_vpcs(Filters=by("tag-key", "absent", "a"))["Vpcs"]), 1)
    ec2.delete_tags(Resources=[vpc_id], Tags=[{"Key": "a"}])
    same(sorted_tags(ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]), tags(Name="mine"))
    found_by_tags(ec2.describe_vpcs, "Vpcs", "VpcId", vpc_id)
    same(len(ec2.describe_vpcs(Filters=by("owner-id", aws.account))["Vpcs"]), 2)
    same(ec2.describe_vpcs(Filters=by("is-default", "false"))["Vpcs"][0]["VpcId"], vpc_id)
    with refused("InvalidVpcID.NotFound"):
        ec2.describe_vpcs(VpcIds=["vpc-00000000000000000"])
    with refused("InvalidParameterValue"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("subnet", Name="x"))
    with refused("InvalidParameterValue"):
        ec2.create_tags(Resources=[vpc_id], Tags=[{"Key": "aws:x", "Value": "y"}])


@check
def vpc_defaults_and_deletion(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    mine = by("vpc-id", vpc_id)
    default = ec2.describe_security_groups(Filters=mine)["SecurityGroups"][0]
    has(default, GroupName="default", Description="default VPC security group", VpcId=vpc_id, OwnerId=aws.account)
    same([pair["GroupId"] for pair in default["IpPermissions"][0]["UserIdGroupPairs"]], [default["GroupId"]])
    same(default["IpPermissionsEgress"][0]["IpRanges"], [{"CidrIp": "0.0.0.0/0"}])
    acl = ec2.describe_network_acls(Filters=mine)["NetworkAcls"][0]
    same(acl["IsDefault"], True)
    entries = sorted((e["Egress"], e["RuleNumber"], e["RuleAction"], e["Protocol"]) for e in acl["Entries"])
    both = [(100, "allow", "-1"), (32767, "deny", "-1")]
    same(entries, [(False, *entry) for entry in both] + [(True, *entry) for entry in both])
    table = ec2.describe_route_tables(Filters=mine + by("association.main", "true"))["RouteTables"][0]
    same([(a["Main"], a["AssociationState"]["State"]) for a in table["Associations"]], [(True, "associated")])
    has(table["Routes"][0], DestinationCidrBlock="10.0.0.0/16", GatewayId="local", Origin="CreateRouteTable")
    with refused("DependencyViolation"):
        ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    with refused("InvalidParameterValue"):
        ec2.disassociate_route_table(AssociationId=table["Associations"][0]["RouteTableAssociationId"])
    with refused("InvalidParameterValue"):
        ec2.delete_network_acl(NetworkAclId=acl["NetworkAclId"])
    with refused("CannotDelete"):
        ec2.delete_security_group(GroupId=default["GroupId"])
    other = group(aws, vpc_id)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc_id)
    ec2.delete_security_group(GroupId=other)
    ec2.delete_vpc(VpcId=vpc_id)
    with refused("InvalidVpcID.NotFound"):
        ec2.delete_vpc(VpcId=vpc_id)
    same(ec2.describe_network_acls(Filters=mine)["NetworkAcls"], [])
    same(ec2.describe_security_groups(Filters=mine)["SecurityGroups"], [])
    same(ec2.describe_route_tables(Filters=mine)["RouteTables"], [])


@check
def network_acl(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id, subnet = network(aws, internet=False)
    acl = ec2.describe_network_acls(Filters=by("vpc-id", vpc_id))["NetworkAcls"][0]
    acl_id = acl["NetworkAclId"]
    same([association["SubnetId"] for association in acl["Associations"]], [subnet])
    ec2.create_tags(Resources=[acl_id], Tags=tags(Name="mine"))
    found_by_tags(ec2.describe_network_acls, "NetworkAcls", "NetworkAclId", acl_id)
    entry = {"NetworkAclId": acl_id, "RuleNumber": 90, "Egress": False, "CidrBlock": "10.9.9.9/8"}
    ec2.create_network_acl_entry(**entry, Protocol="6", RuleAction="deny", PortRange={"From": 22, "To": 23})
    read = _acl_entry(aws, acl_id, 90)
    has(read, Protocol="6", RuleAction="deny", PortRange={"From": 22, "To": 23}, CidrBlock="10.0.0.0/8")
    ec2.replace_network_acl_entry(**entry, Protocol="-1", RuleAction="allow")
    has(_acl_entry(aws, acl_id, 90), Protocol="-1", RuleAction="allow", PortRange=None)
    ec2.delete_network_acl_entry(NetworkAclId=acl_id, RuleNumber=90, Egress=False)
    with refused("InvalidNetworkAclEntry.NotFound"):
        ec2.delete_network_acl_entry(NetworkAclId=acl_id, RuleNumber=90, Egress=False)
    with refused("InvalidNetworkAclID.NotFound"):
        ec2.describe_network_acls(NetworkAclIds=["acl-00000000000000000"])
    ec2.delete_subnet(SubnetId=subnet)
    same(ec2.describe_network_acls(NetworkAclIds=[acl_id])["NetworkAcls"][0]["Associations"], [])


def _acl_entry(aws: Aws, acl_id: str, number: int) -> dict[str, Any]:
    entries = aws.ec2.describe_network_acls(NetworkAclIds=[acl_id])["NetworkAcls"][0]["Entries"]
    return next(entry for entry in entries if entry["RuleNumber"] == number)


@check
def internet_gateway(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    created = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway", Name="mine"))["InternetGateway"]
    gateway = created["InternetGatewayId"]
    has(ec2.describe_internet_gateways()["InternetGateways"][0], Attachments=[], OwnerId=aws.account)
    found_by_tags(ec2.describe_internet_gateways, "InternetGateways", "InternetGatewayId", gateway)
    same(len(ec2.describe_internet_gateways(Filters=by("owner-id", aws.account))["InternetGateways"]), 1)
    ec2.attach_internet_gateway(VpcId=vpc_id, InternetGatewayId=gateway)
    read = ec2.describe_internet_gateways(Filters=by("attachment.vpc-id", vpc_id))["InternetGateways"][0]
    same(read["Attachments"], [{"State": "available", "VpcId": vpc_id}])
    with refused("Resource.AlreadyAssociated"):
        ec2.attach_internet_gateway(VpcId=vpc_id, InternetGatewayId=gateway)
    second = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    with refused("InvalidParameterValue"):
        ec2.attach_internet_gateway(VpcId=vpc_id, InternetGatewayId=second)
    with refused("DependencyViolation"):
        ec2.delete_internet_gateway(InternetGatewayId=gateway)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc_id)
    ec2.detach_internet_gateway(VpcId=vpc_id, InternetGatewayId=gateway)
    with refused("Gateway.NotAttached"):
        ec2.detach_internet_gateway(VpcId=vpc_id, InternetGatewayId=gateway)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    with refused("InvalidInternetGatewayID.NotFound"):
        ec2.describe_internet_gateways(InternetGatewayIds=[gateway])


@check
def subnet(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    created = ec2.create_subnet(
        VpcId=vpc_id,
        CidrBlock="10.0.1.7/24",
        AvailabilityZone=f"{REGION}b",
        TagSpecifications=tagged("subnet", Name="mine"),
    )["Subnet"]
    subnet_id = created["SubnetId"]
    read = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]
    has(read, CidrBlock="10.0.1.0/24", AvailabilityZone=f"{REGION}b", AvailabilityZoneId="euw1-az1", VpcId=vpc_id)
    has(read, State="available", MapPublicIpOnLaunch=False, DefaultForAz=False, AvailableIpAddressCount=251)
    has(read, Tags=tags(Name="mine"), OwnerId=aws.account)
    same(read["SubnetArn"], f"arn:aws:ec2:{REGION}:{aws.account}:subnet/{subnet_id}")
    found_by_tags(ec2.describe_subnets, "Subnets", "SubnetId", subnet_id)
    ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableDns64={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableResourceNameDnsARecordOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableResourceNameDnsAAAARecordOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet_id, PrivateDnsHostnameTypeOnLaunch="resource-name")
    read = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]
    has(read, MapPublicIpOnLaunch=True, EnableDns64=True)
    options = {"EnableResourceNameDnsARecord": True, "EnableResourceNameDnsAAAARecord": True}
    same(read["PrivateDnsNameOptionsOnLaunch"], {"HostnameType": "resource-name", **options})
    by_zone_id = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.2.0/24", AvailabilityZoneId="euw1-az3")["Subnet"]
    has(by_zone_id, AvailabilityZone=f"{REGION}a", MapPublicIpOnLaunch=False, DefaultForAz=False)
    same(len(ec2.describe_subnets(Filters=by("vpc-id", vpc_id))["Subnets"]), 2)
    for code, cidr, zone in (
        ("InvalidSubnet.Conflict", "10.0.1.128/25", f"{REGION}a"),
        ("InvalidSubnet.Range", "10.1.0.0/24", f"{REGION}a"),
        ("InvalidSubnet.Range", "10.0.9.0/29", f"{REGION}a"),
        ("InvalidParameterValue", "10.0.9.0/24", "us-east-1a"),
    ):
        with refused(code):
            ec2.create_subnet(VpcId=vpc_id, CidrBlock=cidr, AvailabilityZone=zone)
    ec2.delete_subnet(SubnetId=subnet_id)
    with refused("InvalidSubnetID.NotFound"):
        ec2.describe_subnets(SubnetIds=[subnet_id])


@check
def elastic_address(aws: Aws) -> None:
    ec2 = aws.ec2
    created = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip", Name="mine"))
    has(created, Domain="vpc", PublicIpv4Pool="amazon", NetworkBorderGroup=REGION)
    allocation = created["AllocationId"]
    read = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]
    has(read, PublicIp=created["PublicIp"], Tags=tags(Name="mine"), Domain="vpc", NetworkBorderGroup=REGION)
    has(read, AssociationId=None, NetworkInterfaceId=None)
    found_by_tags(ec2.describe_addresses, "Addresses", "AllocationId", allocation)
    same(len(ec2.describe_addresses(Filters=by("public-ip", created["PublicIp"]))["Addresses"]), 1)
    ec2.release_address(AllocationId=allocation)
    with refused("InvalidAllocationID.NotFound"):
        ec2.describe_addresses(AllocationIds=[allocation])
    with refused("InvalidAllocationID.NotFound"):
        ec2.release_address(AllocationId=allocation)


def _nat(aws: Aws, gateway: str) -> dict[str, Any]:
    return aws.ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]


@check
def nat_gateway(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id, subnet_id = network(aws)
    address = ec2.allocate_address(Domain="vpc")
    request = {
        "SubnetId": subnet_id,
        "AllocationId": address["AllocationId"],
        "TagSpecifications": tagged("natgateway", Name="mine"),
        "ClientToken": "token-1",
    }
    answer = ec2.create_nat_gateway(**request)
    same(answer["ClientToken"], "token-1")
    gateway = answer["NatGateway"]["NatGatewayId"]
    has(answer["NatGateway"], State="pending", SubnetId=subnet_id, VpcId=vpc_id, ConnectivityType="public")
    same(ec2.create_nat_gateway(**request)["NatGateway"]["NatGatewayId"], gateway)
    with refused("IdempotentParameterMismatch"):
        ec2.create_nat_gateway(SubnetId=subnet_id, ClientToken="token-1", ConnectivityType="private")
    until("available", lambda: _nat(aws, gateway)["State"])
    read = _nat(aws, gateway)
    has(read, Tags=tags(Name="mine"), FailureCode=None, DeleteTime=None)
    assert datetime.now(UTC) - read["CreateTime"] < timedelta(minutes=1)
    held = ec2.describe_addresses(AllocationIds=[address["AllocationId"]])["Addresses"][0]
    has(
        read["NatGatewayAddresses"][0],
        AllocationId=address["AllocationId"],
        PublicIp=address["PublicIp"],
        AssociationId=held["AssociationId"],
        NetworkInterfaceId=held["NetworkInterfaceId"],
        PrivateIp=held["PrivateIpAddress"],
        IsPrimary=True,
        Status="succeeded",
    )
    assert held["PrivateIpAddress"].startswith("10.0.0."), held
    found_by_tags(ec2.describe_nat_gateways, "NatGateways", "NatGatewayId", gateway)
    for filters in (by("vpc-id", vpc_id), by("subnet-id", subnet_id), by("state", "available", "pending")):
        same([found["NatGatewayId"] for found in ec2.describe_nat_gateways(Filters=filters)["NatGateways"]], [gateway])
    with refused("Resource.AlreadyAssociated"):
        ec2.create_nat_gateway(SubnetId=subnet_id, AllocationId=address["AllocationId"])
    _nat_gateway_holds_on(aws, vpc_id, subnet_id, address["AllocationId"])
    _nat_gateway_goes(aws, gateway, subnet_id, address["AllocationId"])


def _nat_gateway_holds_on(aws: Aws, vpc_id: str, subnet_id: str, allocation: str) -> None:
    ec2 = aws.ec2
    internet = ec2.describe_internet_gateways(Filters=by("attachment.vpc-id", vpc_id))["InternetGateways"][0]
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnet_id)
    with refused("InvalidIPAddress.InUse"):
        ec2.release_address(AllocationId=allocation)
    with refused("DependencyViolation"):
        ec2.detach_internet_gateway(VpcId=vpc_id, InternetGatewayId=internet["InternetGatewayId"])
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc_id)


def _nat_gateway_goes(aws: Aws, gateway: str, subnet_id: str, allocation: str) -> None:
    ec2 = aws.ec2
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    same(_nat(aws, gateway)["State"], "deleting")
    with refused("InvalidIPAddress.InUse"):
        ec2.release_address(AllocationId=allocation)
    until("deleted", lambda: _nat(aws, gateway)["State"])
    assert _nat(aws, gateway)["DeleteTime"]
    ec2.release_address(AllocationId=allocation)
    ec2.delete_subnet(SubnetId=subnet_id)
    with refused("NatGatewayNotFound"):
        ec2.delete_nat_gateway(NatGatewayId=gateway)
    with refused("NatGatewayNotFound"):
        _nat(aws, "nat-00000000000000000")


@check
def nat_gateway_without_internet_fails(aws: Aws) -> None:
    vpc_id, subnet_id = network(aws, internet=False)
    allocation = aws.ec2.allocate_address(Domain="vpc")["AllocationId"]
    request = {"SubnetId": subnet_id, "AllocationId": allocation}
    gateway = aws.ec2.create_nat_gateway(**request)["NatGateway"]["NatGatewayId"]
    until("failed", lambda: _nat(aws, gateway)["State"])
    has(
        _nat(aws, gateway),
        FailureCode="Gateway.NotAttached",
        FailureMessage=f"Network {vpc_id} has no Internet gateway attached",
    )
    aws.ec2.release_address(AllocationId=allocation)


@check
def route_table(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id, subnet_id = network(aws)
    request = {"VpcId": vpc_id, "ClientToken": "t", "TagSpecifications": tagged("route-table", Name="mine")}
    table = ec2.create_route_table(**request)["RouteTable"]["RouteTableId"]
    same(ec2.create_route_table(**request)["RouteTable"]["RouteTableId"], table)
    found_by_tags(ec2.describe_route_tables, "RouteTables", "RouteTableId", table)
    internet = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    has(_route(aws, table), GatewayId=internet, State="active", Origin="CreateRoute", NatGatewayId=None)
    with refused("RouteAlreadyExists"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    same(len(ec2.describe_route_tables(Filters=by("route.gateway-id", internet))["RouteTables"]), 1)
    _routes_to_nat_gateways(aws, table, subnet_id)
    with refused("InvalidNatGatewayID.NotFound"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="1.0.0.0/8", NatGatewayId="nat-00000000000000000")
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    with refused("InvalidRoute.NotFound"):
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    with refused("InvalidRouteTableID.NotFound"):
        ec2.describe_route_tables(RouteTableIds=["rtb-00000000000000000"])


def _route(aws: Aws, table: str, destination: str = "0.0.0.0/0") -> dict[str, Any]:
    routes = aws.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return next(route for route in routes if route["DestinationCidrBlock"] == destination)


def _routes_to_nat_gateways(aws: Aws, table: str, subnet_id: str) -> None:
    ec2 = aws.ec2
    gateway = ec2.create_nat_gateway(SubnetId=subnet_id, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    has(_route(aws, table), NatGatewayId=gateway, GatewayId=None, State="active")
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    until("blackhole", lambda: _route(aws, table)["State"])


@check
def route_table_associations(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id, subnet_id = network(aws, internet=False)
    first, second = (ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"] for _ in range(2))
    association = ec2.associate_route_table(RouteTableId=first, SubnetId=subnet_id)["AssociationId"]
    same(ec2.associate_route_table(RouteTableId=first, SubnetId=subnet_id)["AssociationId"], association)
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_route_table(RouteTableId=second, SubnetId=subnet_id)
    replaced = ec2.replace_route_table_association(AssociationId=association, RouteTableId=second)
    association = replaced["NewAssociationId"]
    read = ec2.describe_route_tables(Filters=by("association.subnet-id", subnet_id))["RouteTables"]
    same([table["RouteTableId"] for table in read], [second])
    has(read[0]["Associations"][0], RouteTableAssociationId=association, SubnetId=subnet_id, Main=False)
    same(read[0]["Associations"][0]["AssociationState"], {"State": "associated"})
    with refused("DependencyViolation"):
        ec2.delete_route_table(RouteTableId=second)
    main = ec2.describe_route_tables(Filters=by("vpc-id", vpc_id) + by("association.main", "true"))["RouteTables"][0]
    ec2.replace_route_table_association(
        AssociationId=main["Associations"][0]["RouteTableAssociationId"], RouteTableId=first
    )
    ec2.delete_route_table(RouteTableId=main["RouteTableId"])
    ec2.disassociate_route_table(AssociationId=association)
    with refused("InvalidAssociationID.NotFound"):
        ec2.disassociate_route_table(AssociationId=association)
    ec2.associate_route_table(RouteTableId=second, SubnetId=subnet_id)
    ec2.delete_subnet(SubnetId=subnet_id)
    ec2.delete_route_table(RouteTableId=second)
    ec2.delete_vpc(VpcId=vpc_id)


@check
def routes_stay_in_their_network(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id, _ = network(aws)
    other = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=other)["RouteTable"]["RouteTableId"]
    internet = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    with refused("InvalidParameterValue"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    subnet_id = ec2.describe_subnets(Filters=by("vpc-id", vpc_id))["Subnets"][0]["SubnetId"]
    with refused("InvalidParameterValue"):
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet_id)
    mine = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=mine, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    ec2.detach_internet_gateway(VpcId=vpc_id, InternetGatewayId=internet)
    same(_route(aws, mine)["State"], "blackhole")


@check
def security_group(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id, _ = network(aws, internet=False)
    group_id = ec2.create_security_group(
        GroupName="app", Description="the app", VpcId=vpc_id, TagSpecifications=tagged("security-group", Name="mine")
    )["GroupId"]
    read = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    has(read, GroupName="app", Description="the app", VpcId=vpc_id, OwnerId=aws.account, Tags=tags(Name="mine"))
    has(read, IpPermissions=[])
    found_by_tags(ec2.describe_security_groups, "SecurityGroups", "GroupId", group_id)
    filters = by("group-name", "app") + by("vpc-id", vpc_id)
    same(len(ec2.describe_security_groups(Filters=filters)["SecurityGroups"]), 1)
    with refused("InvalidGroup.Duplicate"):
        group(aws, vpc_id)
    for name in ("sg-app", "caf\u00e9"):
        with refused("InvalidParameterValue"):
            group(aws, vpc_id, name)
    other = group(aws, vpc_id, "db")
    _authorize(aws, other, UserIdGroupPairs=[{"GroupId": group_id}])
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=group_id)
    ec2.delete_security_group(GroupId=other)
    _authorize(aws, group_id, UserIdGroupPairs=[{"GroupId": group_id}])
    ec2.delete_security_group(GroupId=group_id)
    with refused("InvalidGroup.NotFound"):
        ec2.describe_security_groups(GroupIds=[group_id])
    with refused("InvalidGroup.NotFound"):
        ec2.delete_security_group(GroupId=group_id)


def _authorize(aws: Aws, group_id: str, egress: bool = False, port: int = 443, **peer: Any) -> list[dict[str, Any]]:
    call = aws.ec2.authorize_security_group_egress if egress else aws.ec2.authorize_security_group_ingress
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}
    specifications = tagged("security-group-rule", Name="mine")
    answer = call(GroupId=group_id, IpPermissions=[permission], TagSpecifications=specifications)
    return answer["SecurityGroupRules"]


def _rules(aws: Aws, *rule_ids: str) -> list[dict[str, Any]]:
    return aws.ec2.describe_security_group_rules(SecurityGroupRuleIds=list(rule_ids))["SecurityGroupRules"]


@check
def security_group_rules(aws: Aws) -> None:
    vpc_id, _ = network(aws, internet=False)
    group_id, peer_id = group(aws, vpc_id), group(aws, vpc_id, "peer")
    prefix_list = aws.ec2.create_managed_prefix_list(PrefixListName="p", MaxEntries=1, AddressFamily="IPv4")
    prefix_list_id = prefix_list["PrefixList"]["PrefixListId"]
    described = {"Description": "why"}
    for egress in (False, True):
        for peer, field, value in (
            ({"IpRanges": [{"CidrIp": "10.1.1.1/16", **described}]}, "CidrIpv4", "10.1.0.0/16"),
            ({"Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32", **described}]}, "CidrIpv6", "2001:db8::/32"),
            ({"PrefixListIds": [{"PrefixListId": prefix_list_id, **described}]}, "PrefixListId", prefix_list_id),
            ({"UserIdGroupPairs": [{"GroupId": peer_id, **described}]}, "ReferencedGroupInfo", peer_id),
        ):
            created = _authorize(aws, group_id, egress, **peer)[0]
            read = _rules(aws, created["SecurityGroupRuleId"])[0]
            same(created, read)
            has(read, GroupId=group_id, GroupOwnerId=aws.account, IsEgress=egress, IpProtocol="tcp")
            has(read, FromPort=443, ToPort=443, Description="why", Tags=tags(Name="mine"))
            assert read["SecurityGroupRuleArn"].endswith(f":security-group-rule/{read['SecurityGroupRuleId']}")
            actual = read[field]["GroupId"] if field == "ReferencedGroupInfo" else read[field]
            same(actual, value)
            with refused("InvalidPermission.Duplicate"):
                _authorize(aws, group_id, egress, **peer)
    in_group = aws.ec2.describe_security_group_rules(Filters=by("group-id", group_id))["SecurityGroupRules"]
    same(len(in_group), 9)
    everything = next(rule for rule in in_group if rule["IpProtocol"] == "-1")
    has(everything, FromPort=-1, ToPort=-1, CidrIpv4="0.0.0.0/0", IsEgress=True)
    same(len(aws.ec2.describe_security_group_rules(Filters=by("tag:Name", "mine"))["SecurityGroupRules"]), 8)
    read = aws.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]["IpPermissions"][0]
    same(read["PrefixListIds"], [{"PrefixListId": prefix_list_id, **described}])
    same(read["UserIdGroupPairs"], [{"GroupId": peer_id, "UserId": aws.account, **described}])


@check
def security_group_rule_changes(aws: Aws) -> None:
    ec2 = aws.ec2
    vpc_id, _ = network(aws, internet=False)
    group_id, peer_id = group(aws, vpc_id), group(aws, vpc_id, "peer")
    cidr = _authorize(aws, group_id, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "old"}])[0]
    refer = _authorize(aws, group_id, UserIdGroupPairs=[{"GroupId": peer_id, "Description": "old"}])[0]
    ids = cidr["SecurityGroupRuleId"], refer["SecurityGroupRuleId"]
    change = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 54}
    requests = [
        {"SecurityGroupRuleId": ids[0], "SecurityGroupRule": {**change, "CidrIpv4": "10.9.0.0/16"}},
        {
            "SecurityGroupRuleId": ids[1],
            "SecurityGroupRule": {**change, "ReferencedGroupId": group_id, "Description": "new"},
        },
    ]
    same(ec2.modify_security_group_rules(GroupId=group_id, SecurityGroupRules=requests)["Return"], True)
    first, second = (_rules(aws, rule_id)[0] for rule_id in ids)
    has(first, **change, CidrIpv4="10.9.0.0/16", Description=None, Tags=tags(Name="mine"))
    has(second, **change, Description="new", Tags=tags(Name="mine"))
    same(second["ReferencedGroupInfo"]["GroupId"], group_id)
    _modifications_refused(aws, group_id, peer_id, ids)
    everything = {"IpProtocol": "-1", "CidrIpv4": "10.9.0.0/16"}
    ec2.modify_security_group_rules(
        GroupId=group_id, SecurityGroupRules=[{"SecurityGroupRuleId": ids[0], "SecurityGroupRule": everything}]
    )
    has(_rules(aws, ids[0])[0], IpProtocol="-1", FromPort=-1, ToPort=-1)
    _descriptions_change(aws, group_id, ids)
    _rules_go(aws, group_id, ids)


def _modifications_refused(aws: Aws, group_id: str, peer_id: str, ids: tuple[str, str]) -> None:
    equal = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 54}
    third = _authorize(aws, group_id, IpRanges=[{"CidrIp": "10.8.0.0/16"}])[0]["SecurityGroupRuleId"]
    for code, rule_id, request in (
        ("InvalidPermission.Duplicate", third, {**equal, "CidrIpv4": "10.9.0.0/16"}),
        ("InvalidParameterValue", third, {**equal, "ReferencedGroupId": peer_id}),
        ("InvalidParameterValue", third, {**equal, "CidrIpv4": "10.9.0.0/16", "Description": "it's"}),
        ("MissingParameter", third, equal),
        ("InvalidSecurityGroupRuleId.NotFound", "sgr-00000000000000000", {**equal, "CidrIpv4": "10.0.0.0/8"}),
    ):
        with refused(code):
            aws.ec2.modify_security_group_rules(
                GroupId=group_id, SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": request}]
            )


def _descriptions_change(aws: Aws, group_id: str, ids: tuple[str, str]) -> None:
    update = aws.ec2.update_security_group_rule_descriptions_ingress
    described = {"SecurityGroupRuleId": ids[0], "Description": "by id"}
    same(update(GroupId=group_id, SecurityGroupRuleDescriptions=[described])["Return"], True)
    same(_rules(aws, ids[0])[0]["Description"], "by id")
    pair = {"GroupId": group_id, "Description": "by permission"}
    permission = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 54, "UserIdGroupPairs": [pair]}
    update(GroupId=group_id, IpPermissions=[permission])
    same(_rules(aws, ids[1])[0]["Description"], "by permission")
    update(GroupId=group_id, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": ids[0]}])
    has(_rules(aws, ids[0])[0], Description=None)
    with refused("InvalidPermission.NotFound"):
        update(GroupId=group_id, IpPermissions=[{**permission, "ToPort": 55}])
    with refused("InvalidSecurityGroupRuleId.NotFound"):
        update(GroupId=group_id, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": "sgr-00000000000000000"}])
    with refused("InvalidParameterValue"):
        update(GroupId=group_id, SecurityGroupRuleDescriptions=[{**described, "Description": "it's"}])


def _rules_go(aws: Aws, group_id: str, ids: tuple[str, str]) -> None:
    revoke = aws.ec2.revoke_security_group_ingress
    with refused("InvalidSecurityGroupRuleId.NotFound"):
        revoke(GroupId=group_id, SecurityGroupRuleIds=[ids[0], "sgr-00000000000000000"])
    answer = revoke(GroupId=group_id, SecurityGroupRuleIds=[ids[0]])
    has(answer, Return=True)
    same([rule["SecurityGroupRuleId"] for rule in answer["RevokedSecurityGroupRules"]], [ids[0]])
    permission = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 54, "UserIdGroupPairs": [{"GroupId": group_id}]}
    revoke(GroupId=group_id, IpPermissions=[permission])
    with refused("InvalidPermission.NotFound"):
        revoke(GroupId=group_id, IpPermissions=[permission])
    egress = aws.ec2.describe_security_group_rules(Filters=by("group-id", group_id))["SecurityGroupRules"]
    everything = next(rule["SecurityGroupRuleId"] for rule in egress if rule["IsEgress"])
    aws.ec2.revoke_security_group_egress(GroupId=group_id, SecurityGroupRuleIds=[everything])
    same(aws.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]["IpPermissionsEgress"], [])


@check
def security_group_authorize_is_atomic(aws: Aws) -> None:
    vpc_id, _ = network(aws, internet=False)
    group_id = group(aws, vpc_id)
    ports = [{"IpProtocol": "tcp", "FromPort": p, "ToPort": p, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]} for p in (1, 2)]
    with refused("InvalidPermission.Duplicate"):
        aws.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[*ports, ports[0]])
    same(aws.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]["IpPermissions"], [])
    added = aws.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=ports)["SecurityGroupRules"]
    same([rule["FromPort"] for rule in added], [1, 2])
    with refused("InvalidParameterValue"):
        _authorize(aws, group_id, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "it's"}])


@check
def describe_pages(aws: Aws) -> None:
    vpc_id = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = {group(aws, vpc_id, f"g{number}") for number in range(7)}
    paginator = aws.ec2.get_paginator("describe_security_groups")
    pages = list(paginator.paginate(Filters=by("group-name", "g*"), PaginationConfig={"PageSize": 5}))
    same([len(page["SecurityGroups"]) for page in pages], [5, 2])
    same({found["GroupId"] for page in pages for found in page["SecurityGroups"]}, made)


@check
def availability_zones(aws: Aws) -> None:
    describe = aws.ec2.describe_availability_zones
    filters = by("state", "available") + by("opt-in-status", "opt-in-not-required") + by("region-name", REGION)
    zones = describe(Filters=filters + by("zone-type", "availability-zone"))["AvailabilityZones"]
    same([zone["ZoneName"] for zone in zones], [f"{REGION}{letter}" for letter in "abc"])
    has(zones[0], ZoneId="euw1-az3", State="available", OptInStatus="opt-in-not-required", RegionName=REGION)
    has(zones[0], ZoneType="availability-zone", NetworkBorderGroup=REGION, GroupName=f"{REGION}-zg-1")
    same(describe(Filters=by("opt-in-status", "not-opted-in"))["AvailabilityZones"], [])
    same(describe(Filters=by("zone-type", "local-zone"))["AvailabilityZones"], [])
    same(len(describe(ZoneNames=[f"{REGION}a"])["AvailabilityZones"]), 1)


@check
def ec2_quotas_are_enforced(aws: Aws) -> None:
    ec2 = aws.ec2
    for code, create in (
        ("VpcLimitExceeded", lambda: ec2.create_vpc(CidrBlock="10.0.0.0/16")),
        ("InternetGatewayLimitExceeded", ec2.create_internet_gateway),
        ("AddressLimitExceeded", lambda: ec2.allocate_address(Domain="vpc")),
    ):
        with refused(code):
            for _ in range(6):
                create()
    subnet_id = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    with refused("NatGatewayLimitExceeded"):
        for _ in range(6):
            ec2.create_nat_gateway(SubnetId=subnet_id, ConnectivityType="private")


# --- KMS -----------------------------------------------------------------------------------------


def _policy(*statements: dict[str, Any], account: str = ACCOUNT) -> str:
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [root, *statements]})


def _logs_statement(account: str, group_name: str = "*") -> dict[str, Any]:
    arn = f"arn:aws:logs:{REGION}:{account}:log-group:{group_name}"
    return {
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn}},
    }


@check
def kms_key(aws: Aws) -> None:
    kms = aws.kms
    policy = _policy(account=aws.account)
    created = kms.create_key(Description="data", Policy=policy, Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    key_id, arn = created["KeyId"], created["Arn"]
    same(arn, f"arn:aws:kms:{REGION}:{aws.account}:key/{key_id}")
    read = kms.describe_key(KeyId=arn)["KeyMetadata"]
    has(read, KeyId=key_id, Arn=arn, Description="data", Enabled=True, KeyState="Enabled", AWSAccountId=aws.account)
    has(read, KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT", Origin="AWS_KMS", MultiRegion=False)
    has(read, KeyManager="CUSTOMER", DeletionDate=None, EncryptionAlgorithms=["SYMMETRIC_DEFAULT"])
    answer = kms.get_key_policy(KeyId=key_id, PolicyName="default")
    has(answer, Policy=policy, PolicyName="default")
    same(kms.list_resource_tags(KeyId=key_id)["Tags"], [{"TagKey": "a", "TagValue": "b"}])
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "c", "TagValue": "d"}])
    kms.untag_resource(KeyId=key_id, TagKeys=["a"])
    same(kms.list_resource_tags(KeyId=arn)["Tags"], [{"TagKey": "c", "TagValue": "d"}])
    changed = _policy(_logs_statement(aws.account), account=aws.account)
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=changed)
    same(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"], changed)
    kms.update_key_description(KeyId=arn, Description="more data")
    same(kms.describe_key(KeyId=key_id)["KeyMetadata"]["Description"], "more data")
    with refused("NotFoundException"):
        kms.describe_key(KeyId="00000000-0000-0000-0000-000000000000")
    with refused("UnsupportedOperationException"):
        kms.get_public_key(KeyId=key_id)
    denied = {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    condition = {"StringNotEquals": {"kms:CallerAccount": aws.account}}
    guarded = kms.create_key(Policy=_policy({**denied, "Condition": condition}, account=aws.account))["KeyMetadata"]
    same(kms.describe_key(KeyId=guarded["KeyId"])["KeyMetadata"]["Arn"], guarded["Arn"])
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"text")["CiphertextBlob"]
    same(kms.decrypt(CiphertextBlob=sealed)["Plaintext"], b"text")


@check
def kms_policies_refused(aws: Aws) -> None:
    key_id = aws.kms.create_key()["KeyMetadata"]["KeyId"]
    locked_out = json.loads(_policy(account=aws.account))
    locked_out["Statement"][0]["Action"] = "kms:Encrypt"
    for policy in ("{", "{}", '{"Version": "2012-10-17", "Statement": []}', json.dumps(locked_out)):
        with refused("MalformedPolicyDocumentException"):
            aws.kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy)
        with refused("MalformedPolicyDocumentException"):
            aws.kms.create_key(Policy=policy)
    aws.kms.create_key(Policy=json.dumps(locked_out), BypassPolicyLockoutSafetyCheck=True)
    role = f"arn:aws:iam::{aws.account}:role/provisioner"
    by_role = _policy(account=aws.account).replace(f"arn:aws:iam::{aws.account}:root", role)
    aws.kms.create_key(Policy=by_role)


@check
def principals_of_policies_are_resolved(aws: Aws) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})  # fmt: skip
    auditor = f"arn:aws:iam::{aws.account}:role/auditor"
    policy = json.loads(_policy(account=aws.account))
    policy["Statement"].append({"Effect": "Allow", "Principal": {"AWS": [auditor]}, "Action": "kms:Get*", "Resource": "*"})
    named = json.dumps(policy)
    with refused("MalformedPolicyDocumentException"):
        aws.kms.create_key(Policy=named)
    made = aws.iam.create_role(RoleName="auditor", AssumeRolePolicyDocument=trust)["Role"]
    with refused("MalformedPolicyDocumentException"):
        aws.kms.create_key(Policy=named)
    time.sleep(durations.of("principal-not-known"))
    key = aws.kms.create_key(Policy=named)["KeyMetadata"]["KeyId"]
    bucket, read = f"read-{aws.account}", {"Effect": "Allow", "Principal": {"AWS": auditor}, "Action": "s3:GetObject"}
    aws.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    of_bucket = {"Version": "2012-10-17", "Statement": [{**read, "Resource": f"arn:aws:s3:::{bucket}/*"}]}
    aws.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(of_bucket))
    aws.iam.delete_role(RoleName="auditor")
    for found in (
        aws.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
        aws.s3.get_bucket_policy(Bucket=bucket)["Policy"],
    ):
        assert made["RoleId"] in found and auditor not in found, found
    by_id = aws.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    aws.iam.create_role(RoleName="auditor", AssumeRolePolicyDocument=trust)
    # That is somebody else.
    with refused("MalformedPolicyDocumentException"):
        aws.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=by_id)
    time.sleep(durations.of("principal-not-known"))
    aws.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=named)


@check
def kms_alias(aws: Aws) -> None:
    kms = aws.kms
    first, second = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    kms.create_alias(AliasName="alias/data", TargetKeyId=first)
    arn = f"arn:aws:kms:{REGION}:{aws.account}:alias/data"
    for name in ("alias/data", arn):
        same(kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"], first)
    listed = kms.list_aliases(KeyId=first)["Aliases"]
    same([(a["AliasName"], a["AliasArn"], a["TargetKeyId"]) for a in listed], [("alias/data", arn, first)])
    assert datetime.now(UTC) - listed[0]["CreationDate"] < timedelta(minutes=1)
    kms.update_alias(AliasName="alias/data", TargetKeyId=second)
    same(kms.describe_key(KeyId="alias/data")["KeyMetadata"]["KeyId"], second)
    same(kms.list_aliases(KeyId=first)["Aliases"], [])
    assert kms.list_aliases(KeyId=second)["Aliases"][0]["LastUpdatedDate"] >= listed[0]["CreationDate"]
    with refused("AlreadyExistsException"):
        kms.create_alias(AliasName="alias/data", TargetKeyId=first)
    with refused("NotAuthorizedException"):
        kms.create_alias(AliasName="alias/aws/data", TargetKeyId=first)
    for number in range(60):
        kms.create_alias(AliasName=f"alias/many-{number:02}", TargetKeyId=first)
    one_page = kms.list_aliases()
    has(one_page, Truncated=True)
    same(len(one_page["Aliases"]), 50)
    pages = kms.get_paginator("list_aliases").paginate()
    names = {alias["AliasName"] for page in pages for alias in page["Aliases"]}
    assert {"alias/data", "alias/many-00", "alias/many-59"} <= names, names
    kms.delete_alias(AliasName="alias/data")
    for call in (lambda: kms.describe_key(KeyId="alias/data"), lambda: kms.delete_alias(AliasName="alias/data")):
        with refused("NotFoundException"):
            call()


@check
def kms_rotation(aws: Aws) -> None:
    kms = aws.kms
    metadata = kms.create_key()["KeyMetadata"]
    key_id = metadata["KeyId"]
    has(kms.get_key_rotation_status(KeyId=key_id), KeyRotationEnabled=False, RotationPeriodInDays=None)
    for request, days in (({}, 365), ({"RotationPeriodInDays": 180}, 180), ({"RotationPeriodInDays": 90}, 90)):
        kms.enable_key_rotation(KeyId=key_id, **request)
        status = kms.get_key_rotation_status(KeyId=metadata["Arn"])
        has(status, KeyRotationEnabled=True, RotationPeriodInDays=days, KeyId=metadata["Arn"])
        assert abs(status["NextRotationDate"] - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=1)
    for days in (89, 2561):
        with refused("ValidationException"):
            kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=days)
    kms.schedule_key_deletion(KeyId=key_id)
    same(kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"], False)
    kms.cancel_key_deletion(KeyId=key_id)
    has(kms.get_key_rotation_status(KeyId=key_id), KeyRotationEnabled=True, RotationPeriodInDays=90)
    with refused("DisabledException"):
        kms.disable_key_rotation(KeyId=key_id)
    kms.enable_key(KeyId=key_id)
    kms.disable_key_rotation(KeyId=key_id)
    same(kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"], False)
    asymmetric = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    with refused("UnsupportedOperationException"):
        kms.enable_key_rotation(KeyId=asymmetric)


@check
def kms_deletion(aws: Aws) -> None:
    kms = aws.kms
    metadata = kms.create_key()["KeyMetadata"]
    key_id, arn = metadata["KeyId"], metadata["Arn"]
    with refused("KMSInvalidStateException"):
        kms.cancel_key_deletion(KeyId=key_id)
    for days in (6, 31):
        with refused("ValidationException"):
            kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=days)
    answer = kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    has(answer, KeyId=arn, KeyState="PendingDeletion", PendingWindowInDays=7)
    read = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    has(read, KeyState="PendingDeletion", Enabled=False)
    assert abs(read["DeletionDate"] - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=1)
    for call in (
        lambda: kms.schedule_key_deletion(KeyId=key_id),
        lambda: kms.enable_key(KeyId=key_id),
        lambda: kms.disable_key(KeyId=key_id),
        lambda: kms.enable_key_rotation(KeyId=key_id),
        lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x"),
        lambda: kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "a", "TagValue": "b"}]),
        lambda: kms.create_alias(AliasName="alias/x", TargetKeyId=key_id),
    ):
        with refused("KMSInvalidStateException"):
            call()
    kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=_policy(account=aws.account))
    same(kms.cancel_key_deletion(KeyId=arn)["KeyId"], arn)
    has(kms.describe_key(KeyId=key_id)["KeyMetadata"], KeyState="Disabled", Enabled=False, DeletionDate=None)
    with refused("DisabledException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
    kms.enable_key(KeyId=arn)
    has(kms.describe_key(KeyId=key_id)["KeyMetadata"], KeyState="Enabled", Enabled=True)
    kms.disable_key(KeyId=arn)
    has(kms.describe_key(KeyId=key_id)["KeyMetadata"], KeyState="Disabled", Enabled=False)


# --- CloudWatch Logs -----------------------------------------------------------------------------


def _log_group(aws: Aws, name: str) -> dict[str, Any]:
    return aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]


@check
def log_group(aws: Aws) -> None:
    logs, name = aws.logs, "/platform/app"
    policy = _policy(_logs_statement(aws.account), account=aws.account)
    key = aws.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName=name, kmsKeyId=key, tags={"Name": "mine"})
    arn = f"arn:aws:logs:{REGION}:{aws.account}:log-group:{name}"
    read = _log_group(aws, name)
    has(read, logGroupName=name, arn=f"{arn}:*", logGroupArn=arn, kmsKeyId=key, retentionInDays=None)
    has(read, storedBytes=0, metricFilterCount=0, logGroupClass="STANDARD")
    same(logs.list_tags_for_resource(resourceArn=arn)["tags"], {"Name": "mine"})
    logs.tag_resource(resourceArn=arn, tags={"a": "b", "Name": "yours"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    same(logs.list_tags_for_resource(resourceArn=arn)["tags"], {"Name": "yours"})
    logs.put_retention_policy(logGroupName=name, retentionInDays=365)
    same(_log_group(aws, name)["retentionInDays"], 365)
    with refused("InvalidParameterException"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=91)
    logs.delete_retention_policy(logGroupName=name)
    has(_log_group(aws, name), retentionInDays=None)
    logs.disassociate_kms_key(logGroupName=name)
    has(_log_group(aws, name), kmsKeyId=None)
    logs.associate_kms_key(logGroupName=name, kmsKeyId=key)
    same(_log_group(aws, name)["kmsKeyId"], key)
    logs.associate_kms_key(resourceIdentifier=arn, kmsKeyId=key)
    with refused("ResourceAlreadyExistsException"):
        logs.create_log_group(logGroupName=name)
    logs.delete_log_group(logGroupName=name)
    _no_log_group(aws, name, arn, key)
    logs.create_log_group(logGroupName=name, logGroupClass="INFREQUENT_ACCESS")
    same(_log_group(aws, name)["logGroupClass"], "INFREQUENT_ACCESS")
    same(logs.list_tags_for_resource(resourceArn=arn)["tags"], {})


def _no_log_group(aws: Aws, name: str, arn: str, key: str) -> None:
    logs = aws.logs
    for call in (
        lambda: logs.delete_log_group(logGroupName=name),
        lambda: logs.put_retention_policy(logGroupName=name, retentionInDays=1),
        lambda: logs.associate_kms_key(logGroupName=name, kmsKeyId=key),
        lambda: logs.list_tags_for_resource(resourceArn=arn),
        lambda: logs.tag_resource(resourceArn=arn, tags={"a": "b"}),
        lambda: logs.disassociate_kms_key(logGroupName=name),
    ):
        with refused("ResourceNotFoundException"):
            call()
    same(logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"], [])


@check
def log_group_search(aws: Aws) -> None:
    logs = aws.logs
    for number in range(60):
        logs.create_log_group(logGroupName=f"/many/group-{number:02}")
    logs.create_log_group(logGroupName="/other/Group")
    found = logs.describe_log_groups(logGroupNamePattern="Group")["logGroups"]
    same([sorted(entry) for entry in found], [["arn", "creationTime", "logGroupName"]])
    same(found[0]["logGroupName"], "/other/Group")
    for search in ({"logGroupNamePattern": "group-"}, {"logGroupNamePrefix": "/many/"}):
        pages = list(logs.get_paginator("describe_log_groups").paginate(**search))
        same([len(page["logGroups"]) for page in pages], [50, 10])
    with refused("InvalidParameterException"):
        logs.describe_log_groups(logGroupNamePattern="a", logGroupNamePrefix="b")


@check
def log_group_keys_refused(aws: Aws) -> None:
    def key(*statements: dict[str, Any]) -> str:
        return aws.kms.create_key(Policy=_policy(*statements, account=aws.account))["KeyMetadata"]["Arn"]

    elsewhere = _logs_statement(aws.account)
    elsewhere["Principal"] = {"Service": "logs.us-east-1.amazonaws.com"}
    deleted = key(_logs_statement(aws.account))
    aws.kms.schedule_key_deletion(KeyId=deleted)
    absent = f"arn:aws:kms:{REGION}:{aws.account}:key/00000000-0000-0000-0000-000000000000"
    for arn in (absent, key(), key(elsewhere), key(_logs_statement(aws.account, "/b*")), deleted):
        with refused("AccessDeniedException"):
            aws.logs.create_log_group(logGroupName="/a", kmsKeyId=arn)
    with refused("InvalidParameterException"):
        aws.logs.create_log_group(logGroupName="/a", kmsKeyId=absent.rpartition("/")[2])
    aws.logs.create_log_group(logGroupName="/a", kmsKeyId=key(_logs_statement(aws.account, "/a")))
    with refused("AccessDeniedException"):
        aws.logs.associate_kms_key(logGroupName="/a", kmsKeyId=absent)
    with refused("InvalidParameterException"):
        aws.logs.create_log_group(logGroupName="a b")


# --- IAM, STS, Service Quotas, S3 ----------------------------------------------------------------


@check
def identities(aws: Aws) -> None:
    default = Aws(aws.endpoint, aws.log)
    has(default.sts.get_caller_identity(), Account=ACCOUNT, Arn=f"arn:aws:iam::{ACCOUNT}:user/moto")
    arn = f"arn:aws:sts::{aws.account}:assumed-role/provisioner/check"
    has(aws.sts.get_caller_identity(), Account=aws.account, Arn=arn)
    assume = default.sts.assume_role
    role = f"arn:aws:iam::{aws.account}:role/provisioner"
    for request in (
        {"RoleArn": role, "RoleSessionName": "x"},
        {"RoleArn": role, "RoleSessionName": "a b"},
        {"RoleArn": role, "RoleSessionName": "long enough".replace(" ", "-"), "DurationSeconds": 60},
        {"RoleArn": "arn:aws:iam::1:role/provisioner", "RoleSessionName": "check"},
    ):
        with refused("ValidationError"):
            assume(**request)
    answer = assume(RoleArn=role, RoleSessionName="check", DurationSeconds=900)
    assert abs(answer["Credentials"]["Expiration"] - datetime.now(UTC) - timedelta(minutes=15)) < timedelta(minutes=1)
    same(answer["AssumedRoleUser"]["Arn"], arn)


@check
def iam_role(aws: Aws) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    aws.iam.create_role(
        RoleName="app", Path="/platform/", AssumeRolePolicyDocument=json.dumps(trust), Tags=tags(Name="mine")
    )
    role = aws.iam.get_role(RoleName="app")["Role"]
    has(role, RoleName="app", Path="/platform/", Arn=f"arn:aws:iam::{aws.account}:role/platform/app")
    has(role, AssumeRolePolicyDocument=trust, Tags=tags(Name="mine"))
    with refused("NoSuchEntity"):
        aws.iam.get_role(RoleName="absent")


@check
def service_quotas(aws: Aws) -> None:
    client = aws.service_quotas
    for service, code, name in (
        ("vpc", "L-F678F1CE", "VPCs per Region"),
        ("vpc", "L-FE5A380F", "NAT gateways per Availability Zone"),
        ("vpc", "L-A4707A72", "Internet gateways per Region"),
        ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs"),
    ):
        quota = client.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
        has(quota, ServiceCode=service, QuotaCode=code, QuotaName=name, Value=5.0, Adjustable=True)
        same(quota["QuotaArn"], f"arn:aws:servicequotas:{REGION}:{aws.account}:{service}/{code}")
        paginator = client.get_paginator("list_service_quotas")
        listed = paginator.paginate(ServiceCode=service, PaginationConfig={"PageSize": 9})
        assert quota in [entry for page in listed for entry in page["Quotas"]]
    with refused("NoSuchResourceException"):
        client.get_service_quota(ServiceCode="vpc", QuotaCode="L-00000000")
    with refused("NoSuchResourceException"):
        client.list_service_quotas(ServiceCode="absent")
    setting = {"service": "vpc", "quota": "L-F678F1CE", "value": 7, "account": aws.account}
    aws.control("POST", "quotas", [setting])
    request = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
    same(client.get_service_quota(**request)["Quota"]["Value"], 7.0)
    same(client.get_aws_default_service_quota(**request)["Quota"]["Value"], 5.0)
    assert any(q["Value"] == 5.0 for q in client.list_aws_default_service_quotas(ServiceCode="vpc")["Quotas"])
    for _ in range(6):
        aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")
    with refused("VpcLimitExceeded"):
        aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")
    aws.control("DELETE", "quotas")


@check
def s3_works(aws: Aws) -> None:
    bucket = f"check-{aws.account}"
    aws.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.s3.put_object(Bucket=bucket, Key="a/b c", Body=b"text", Metadata={"x_y": "z"})
    has(aws.s3.head_object(Bucket=bucket, Key="a/b c"), ContentLength=4, Metadata={"x_y": "z"})
    same(aws.s3.get_object(Bucket=bucket, Key="a/b c")["Body"].read(), b"text")
    with refused("NoSuchKey"):
        aws.s3.get_object(Bucket=bucket, Key="absent")
    same(len(aws.calls("PutObject")), 1)


# --- The emulator itself -------------------------------------------------------------------------


@check
def calls_are_logged(aws: Aws) -> None:
    vpc_id = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    with refused("InvalidVpcID.NotFound"):
        aws.ec2.delete_vpc(VpcId="vpc-00000000000000000")
    with refused("NotFoundException"):
        aws.kms.describe_key(KeyId="alias/absent")
    created, deleted, described = (aws.calls(name)[0] for name in ("CreateVpc", "DeleteVpc", "DescribeKey"))
    has(created, service="ec2", region=REGION, status=200, error=None, params={"CidrBlock": "10.0.0.0/16"})
    assert created["agent"].startswith("Boto3/") and created["t"] <= time.time() and created["ms"] > 0, created
    has(deleted, status=400, error="InvalidVpcID.NotFound")
    has(described, service="kms", status=400, error="NotFoundException", params={"KeyId": "alias/absent"})
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name="a", SecretString="hush")
    same(aws.calls("CreateSecret")[0]["params"], {})
    assert vpc_id and "hush" not in aws.log.read_text()


@check
def faults_refuse(aws: Aws) -> None:
    for service, operation, call in (
        ("ec2", "DescribeVpcs", lambda: aws.ec2.describe_vpcs()),
        ("kms", "ListKeys", lambda: aws.kms.list_keys()),
        ("logs", "DescribeLogGroups", lambda: aws.logs.describe_log_groups()),
        ("iam", "ListRoles", lambda: aws.iam.list_roles()),
        ("sts", "GetCallerIdentity", lambda: aws.sts.get_caller_identity()),
        ("s3", "ListBuckets", lambda: aws.s3.list_buckets()),
        ("servicequotas", "GetServiceQuota", lambda: _quota(aws)),
    ):
        fault = {"service": service, "operation": operation, "status": 400, "code": "Throttling", "times": 2}
        same(len(aws.control("POST", "faults", [fault])), 1)
        for _ in range(2):
            with refused("Throttling"):
                call()
        call()
        same(aws.control("GET", "faults"), [])
        same([record["error"] for record in aws.calls(operation)], ["Throttling", "Throttling", None])


def _quota(aws: Aws) -> Any:
    return aws.service_quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")


@check
def faults_match_and_last(aws: Aws) -> None:
    fault = {"service": "ec2", "operation": "CreateVpc", "match": "10.7.", "times": -1, "code": "Boom", "status": 503}
    aws.control("POST", "faults", [fault])
    aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")
    for _ in range(2):
        with refused("Boom"):
            aws.ec2.create_vpc(CidrBlock="10.7.0.0/16")
    has(aws.control("GET", "faults")[0], times=-1, hits=2, mode="refuse")
    aws.control("DELETE", "faults")
    aws.ec2.create_vpc(CidrBlock="10.7.0.0/16")
    aws.control("POST", "faults", [{"operation": "Describe*", "agent": "aws-sdk-rust"}])
    aws.ec2.describe_vpcs()
    aws.control("DELETE", "faults")
    for wrong in ([{"mode": "explode"}], [{"unknown": 1}], {"not": "a list"}):
        try:
            aws.control("POST", "faults", wrong)
            raise AssertionError(f"{wrong} was accepted")
        except urllib.error.HTTPError as error:
            same(error.code, 400)


@check
def faults_after_effect(aws: Aws) -> None:
    fault = {"service": "ec2", "operation": "CreateVpc", "mode": "after-effect"}
    aws.control("POST", "faults", [{**fault, "status": 500, "code": "InternalError"}, {**fault, "status": 0}])
    with refused("InternalError"):
        aws.ec2.create_vpc(CidrBlock="10.1.0.0/16")
    try:
        aws.ec2.create_vpc(CidrBlock="10.2.0.0/16")
        raise AssertionError("the connection was not closed")
    except (ConnectionClosedError, EndpointConnectionError):
        pass
    made = {vpc["CidrBlock"] for vpc in aws.ec2.describe_vpcs(Filters=by("is-default", "false"))["Vpcs"]}
    same(made, {"10.1.0.0/16", "10.2.0.0/16"})
    has(aws.calls("CreateVpc")[1], status=0, error="ConnectionClosed")


@check
def faults_answer_with_silence(aws: Aws) -> None:
    aws.control("POST", "faults", [{"mode": "silence", "writes": True, "delay_ms": 200}])
    same(aws.ec2.describe_vpcs(Filters=by("is-default", "false"))["Vpcs"], [])
    started = time.time()
    try:
        aws.ec2.create_vpc(CidrBlock="10.1.0.0/16")
        raise AssertionError("an answer came")
    except (ConnectionClosedError, EndpointConnectionError):
        assert time.time() - started > 0.2
    same(len(aws.ec2.describe_vpcs(Filters=by("is-default", "false"))["Vpcs"]), 1)
    has(aws.calls("CreateVpc")[0], status=200)


@check
def faults_delay_and_hang_up(aws: Aws) -> None:
    aws.control("POST", "faults", [{"operation": "DescribeVpcs", "mode": "delay", "delay_ms": 300}])
    aws.control("POST", "faults", [{"operation": "CreateVpc", "mode": "hang-up"}])
    started = time.time()
    aws.ec2.describe_vpcs()
    assert time.time() - started > 0.3
    try:
        aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        raise AssertionError("the connection was not closed")
    except (ConnectionClosedError, EndpointConnectionError):
        pass
    same(aws.ec2.describe_vpcs(Filters=by("is-default", "false"))["Vpcs"], [])


@check
def stale_reads(aws: Aws) -> None:
    vpc_id = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    first, second = group(aws, vpc_id), group(aws, vpc_id, "other")
    aws.control("POST", "hide", [{"operation": "DescribeSecurityGroups", "id": first}])
    mine = by("vpc-id", vpc_id) + by("group-name", "app", "other")
    seen = [found["GroupId"] for found in aws.ec2.describe_security_groups(Filters=mine)["SecurityGroups"]]
    same(seen, [second])
    same(aws.ec2.describe_security_groups(GroupIds=[first])["SecurityGroups"], [])
    aws.control("DELETE", "hide")
    aws.control("POST", "hide", [{"operation": "Describe*", "id": vpc_id, "times": 1}])
    same(aws.ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"], [])
    same(len(aws.ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"]), 1)
    same(aws.control("GET", "hide"), [])


@check
def reads_lag_behind_writes(aws: Aws) -> None:
    lag = durations.of("reads-lagging")
    ec2, iam = (aws.client(service, OTHERS) for service in ("ec2", "iam"))
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    mine = by("vpc-id", vpc_id)
    same([len(client.describe_vpcs(Filters=mine)["Vpcs"]) for client in (ec2, aws.ec2)], [0, 1])
    time.sleep(lag)
    same(len(ec2.describe_vpcs(Filters=mine)["Vpcs"]), 1)
    # Only its own id hides a thing.
    subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    time.sleep(lag)
    ec2.create_network_acl(VpcId=vpc_id)
    same(len(ec2.describe_subnets(Filters=by("subnet-id", subnet))["Subnets"]), 1)
    # A change shows late too, also where nothing new is made.
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="lagging", AssumeRolePolicyDocument=trust, Description="old")
    same(iam.get_role(RoleName="lagging")["Role"]["Description"], "old")
    iam.update_role(RoleName="lagging", Description="new")
    same([client.get_role(RoleName="lagging")["Role"]["Description"] for client in (iam, aws.iam)], ["old", "new"])
    time.sleep(lag)
    same(iam.get_role(RoleName="lagging")["Role"]["Description"], "new")
    # Where somebody counts on it, no read lags.
    same(aws.control("POST", "prompt", [{"account": aws.account}]), [{"account": aws.account}])
    iam.update_role(RoleName="lagging", Description="newer")
    same(iam.get_role(RoleName="lagging")["Role"]["Description"], "newer")
    same(aws.control("DELETE", "prompt", {"account": aws.account}), [])


@check
def dates_that_are_off(aws: Aws) -> None:
    def code(service: str, operation: str, minutes: int) -> str:
        def redate(request: Any, **_: Any) -> None:
            date = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M%SZ")
            request.headers["X-Amz-Date"] = date

        client = aws.client(service)
        client.meta.events.register("before-send", redate)
        try:
            getattr(client, operation)()
            return "accepted"
        except ClientError as error:
            return error.response["Error"]["Code"]

    for service, operation, too_old, too_new in (
        ("ec2", "describe_vpcs", "RequestExpired", "AuthFailure"),
        ("kms", "list_keys", "InvalidSignatureException", "InvalidSignatureException"),
        ("iam", "list_roles", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
        ("cloudfront", "list_distributions", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
        ("s3", "list_buckets", "RequestTimeTooSkewed", "RequestTimeTooSkewed"),
    ):
        codes = [code(service, operation, minutes) for minutes in (-20, -4, 4, 20)]
        same(codes, [too_old, "accepted", "accepted", too_new])


@check
def pages_end_early(aws: Aws) -> None:
    ec2, vpc_id = aws.ec2, aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for name in ("a", "b"):
        group(aws, vpc_id, name)
        aws.kms.create_key()
        aws.logs.create_log_group(logGroupName=name)
        aws.s3.create_bucket(Bucket=f"{name}-{aws.account}", CreateBucketConfiguration={"LocationConstraint": REGION})
        aws.cloudwatch.put_metric_alarm(
            AlarmName=name, MetricName="m", Namespace="n", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    # A form, JSON, another JSON, a query and CBOR.
    for client, operation, key in (
        (ec2, "describe_security_groups", "SecurityGroups"),
        (aws.kms, "list_keys", "Keys"),
        (aws.logs, "describe_log_groups", "logGroups"),
        (aws.s3, "list_buckets", "Buckets"),
        (aws.cloudwatch, "describe_alarms", "MetricAlarms"),
    ):
        whole = len(getattr(client, operation)()[key])
        assert whole > 1, f"{operation} finds {whole}"
        aws.control("POST", "faults", [{"mode": "short-page", "account": aws.account, "times": -1}])
        pages = [page[key] for page in client.get_paginator(operation).paginate()]
        assert len(pages) >= whole and sum(map(len, pages)) == whole, f"{operation} answers {pages} for {whole}"
        aws.control("DELETE", "faults", {"account": aws.account})
    same(aws.control("GET", "faults"), [])


@check
def unknown_operations_are_told_apart(aws: Aws) -> None:
    with refused("NotImplementedByEmulator"):
        aws.ec2.describe_stale_security_groups(VpcId="vpc-00000000000000000")


@check
def calls_run_in_parallel(aws: Aws) -> None:
    vpc_id = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def work(number: int) -> None:
        made = group(aws, vpc_id, f"group-{number}")
        aws.ec2.create_tags(Resources=[made], Tags=tags(Name=str(number)))
        same(len(aws.ec2.describe_security_groups(Filters=by("tag:Name", str(number)))["SecurityGroups"]), 1)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(40)))
    started = time.time()
    keys = [aws.kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(20)]
    assert (time.time() - started) / len(keys) < 0.05


# --- Running -------------------------------------------------------------------------------------


@contextmanager
def emulator(log: Path) -> Iterator[str]:
    command = [sys.executable, str(HERE / "emulator.py"), "--log", str(log), "--exit-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())["endpoint"]
        finally:
            process.stdin.close()
            process.wait(timeout=5)


def main() -> None:
    import check_access
    import check_cloudfront
    import check_cloudwatch
    import check_delivery
    import check_ecr
    import check_ecs
    import check_elbv2
    import check_mysql
    import check_network
    import check_operations
    import check_rds
    import check_s3
    import check_tagging
    import check_wafv2  # noqa: F401, they register their checks

    named = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "calls.jsonl"
        with emulator(log) as endpoint:
            for number, function in enumerate(CHECKS, start=1):
                if named and not any(name in function.__name__ for name in named):
                    continue
                try:
                    function(Aws(endpoint, log, f"{number:012}"))
                except Exception:
                    failed += 1
                    print(f"--- {function.__name__}", file=sys.stderr)
                    traceback.print_exc()
            rules = Aws(endpoint, log).control("GET", "rules")
    # A rule that refuses nothing judges nobody.
    for rule in sorted(rule for rule, refusals in rules.items() if not refusals and not named):
        failed += 1
        print(f"--- no check trips over the rule {rule}", file=sys.stderr)
    print(f"{len(CHECKS)} checks of {len(rules)} rules and the mends, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
