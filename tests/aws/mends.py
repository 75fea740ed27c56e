"""Where moto 5.2.5 answers differently from AWS, and what is done about it.

Each mend says what AWS does, what moto does, and when the mend may go. Mends make moto as capable and as
accurate as AWS; what AWS would refuse is in strict.py. `emulator.py --list-mends` prints both.
"""

import base64
import copy
import fnmatch
import functools
import ipaddress
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import iso_8601_datetime_with_milliseconds, unix_time, utcnow
from moto.ec2 import models as ec2_models
from moto.ec2 import utils as ec2_utils
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidNetworkAclIdError,
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidPermissionDuplicateError,
    InvalidPermissionNotFoundError,
    InvalidSecurityGroupNotFoundError,
    InvalidSecurityGroupRuleIdNotFoundError,
    MissingParameter,
    ResourceAlreadyAssociatedError,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models import nat_gateways as nat_models
from moto.ec2.models.availability_zones_and_regions import Zone
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.route_tables import Route
from moto.ec2.models.security_groups import GroupedSecurityRuleView, SecurityGroup, SecurityGroupRule
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC
from moto.ec2.responses import EC2Response
from moto.kms import models as kms_models
from moto.kms import responses as kms_responses
from moto.kms.models import Alias, Key, KmsBackend
from moto.kms.policy_validator import validate_policy
from moto.kms.responses import KmsResponse
from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse
from moto.servicequotas.responses import ServiceQuotasResponse
from moto.sts.models import STSBackend

import quotas
from catalogue import Catalogue, Entry, around
from ec2_operations import PAGED

CATALOGUE = Catalogue()
# How long a NAT gateway stays pending after its creation and deleting after its deletion.
SETTLE_SECONDS = 0.3


def mend(name: str, reason: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def register(install: Callable[[], None]) -> Callable[[], None]:
        CATALOGUE.add(Entry(name, reason, install))
        return install

    return register


def page(items: list[Any], token: str | None, limit: int | None) -> tuple[list[Any], str | None]:
    """The items from the token on, at most `limit`, and the token of the rest."""
    start = int(base64.b64decode(token)) if token else 0
    end = start + limit if limit else len(items)
    rest = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return items[start:end], rest


# --- EC2: everything -----------------------------------------------------------------------------


@mend("ec2-tags-by-id", "the tags of one resource cost a walk over the tags of all")
def tags_by_id() -> None:
    """AWS: not applicable. moto: matches every tag of the account against a pattern made of the id, so that
    listing n resources takes n * n steps. Goes when moto looks tags up by resource id."""

    def get_tags(resource: Any) -> list[dict[str, str]]:
        prefix = ec2_utils.get_prefix(resource.id) if resource.id else None
        kind = ec2_utils.EC2_PREFIX_TO_RESOURCE.get(prefix, "")
        tags = resource.ec2_backend.tags.get(resource.id, {})
        return [
            {"resource_id": resource.id, "key": key, "value": value, "resource_type": kind}
            for key, value in tags.items()
        ]

    TaggedEC2Resource.get_tags = get_tags


@mend("ec2-filter-any-value", "a filter with several values matches what has any of them")
def filter_any_value() -> None:
    """AWS: the values of one filter are alternatives, with * and ? as wildcards (EC2 User Guide, "List and
    filter using the CLI and API"). moto: for properties with several values, such as tag-key, all values must
    be found. Goes when tag-key with two values finds a resource that has one of the keys."""

    def matches(resource: Any, name: str, wanted: Any) -> bool:
        value = resource.get_filter_value(name)
        patterns = [wanted] if isinstance(wanted, str) else wanted or []
        return any(_glob(pattern, text) for pattern in patterns for text in _texts(value))

    ec2_utils.is_filter_matching = matches


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, (str, int)):
        return [str(value)]
    return [str(element) for element in value]


def _glob(pattern: str, text: str) -> bool:
    # EC2 knows no character classes, fnmatch does.
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


@mend("ec2-filters", "filters that AWS documents and moto answers with an internal error")
def documented_filters() -> None:
    """AWS: DescribeVpcs and DescribeInternetGateways filter by owner-id, DescribeAddresses by
    network-interface-owner-id, DescribeRouteTables by association.gateway-id, route.state and route.origin,
    DescribeNetworkAcls by network-acl-id (EC2 API Reference of each). moto: NotImplementedError. Goes filter by
    filter as moto learns them."""
    ec2_utils.filter_dict_igw_mapping["owner-id"] = "owner_id"
    VPC.owner_id = property(lambda vpc: vpc.ec2_backend.account_id)

    @around(ElasticAddress, "get_filter_value")
    def address_value(original: Callable, address: Any, name: str, method_name: str | None = None) -> Any:
        if name == "network-interface-owner-id":
            return address.network_interface_owner_id
        return original(address, name, method_name)

    @around(ec2_models.route_tables.RouteTable, "get_filter_value")
    def table_value(original: Callable, table: Any, name: str, method_name: str | None = None) -> Any:
        if name == "association.gateway-id":
            return [target for target in table._associations.values() if target.startswith("igw-")]
        if name in ("route.state", "route.origin"):
            return [getattr(route, name.removeprefix("route.")) for route in table.routes]
        return original(table, name, method_name)

    @around(ec2_models.network_acls.NetworkAcl, "get_filter_value")
    def acl_value(original: Callable, acl: Any, name: str, method_name: str | None = None) -> Any:
        return acl.id if name == "network-acl-id" else original(acl, name, method_name)


@mend("ec2-paging", "MaxResults and NextToken of Describe operations")
def paging() -> None:
    """AWS: answers at most MaxResults items and a NextToken for the rest (EC2 API Reference, "Pagination").
    moto: ignores both and answers everything. Goes when moto pages these operations."""
    for operation, result_set in PAGED.items():
        around(EC2Response, operation)(functools.partial(_paged, result_set))


def _paged(result_set: str, original: Callable, response: Any) -> ActionResult:
    items = original(response).result[result_set]
    items, rest = page(items, response._get_param("NextToken"), response._get_param("MaxResults"))
    return ActionResult({result_set: items, "NextToken": rest})


CIDR_PARAMETERS = {"CidrBlock", "CidrIp", "CidrIpv4", "CidrIpv6", "DestinationCidrBlock", "DestinationIpv6CidrBlock"}


@mend("ec2-canonical-cidrs", "CIDRs are stored in canonical form")
def canonical_cidrs() -> None:
    """AWS: changes 100.68.0.18/18 to 100.68.0.0/18 (API Reference of CreateVpc, CreateSubnet, CreateRoute,
    IpRange). moto: stores and returns what was sent. Goes when moto does the same."""

    @around(EC2Response, "parse_parameters")
    def parse_parameters(original: Callable, response: Any, request: Any) -> None:
        original(response, request)
        _canonicalise(response.params)


def _canonicalise(value: Any) -> None:
    if isinstance(value, list):
        for element in value:
            _canonicalise(element)
    elif isinstance(value, dict):
        for key, element in value.items():
            if key in CIDR_PARAMETERS and isinstance(element, str):
                value[key] = _canonical(element)
            else:
                _canonicalise(element)


def _canonical(cidr: str) -> str:
    try:
        return str(ipaddress.ip_network(cidr, strict=False))
    except ValueError:
        # For the operation to refuse.
        return cidr


@mend("ec2-client-tokens", "a repeated ClientToken answers with the resource of the first call")
def client_tokens() -> None:
    """AWS: a request with the token of an earlier one creates nothing and returns the same resource, or fails
    with IdempotentParameterMismatch if other parameters differ (EC2 Developer Guide, "Ensuring idempotency").
    moto: ignores the token and creates another resource. Goes when moto honours the token of CreateNatGateway,
    CreateRouteTable and CreateNetworkAcl."""
    for operation, result_key, store in (
        ("create_nat_gateway", "NatGateway", "nat_gateways"),
        ("create_route_table", "RouteTable", "route_tables"),
        ("create_network_acl", "NetworkAcl", "network_acls"),
    ):
        around(EC2Response, operation)(functools.partial(_idempotent, result_key, store))


def _idempotent(result_key: str, store: str, original: Callable, response: Any) -> ActionResult:
    token = response._get_param("ClientToken")
    if not token:
        return original(response)
    backend = response.ec2_backend
    tokens = backend.__dict__.setdefault("client_tokens", {})
    parameters = copy.deepcopy(dict(response.params))
    first_parameters, resource_id = tokens.get((result_key, token), (None, None))
    resource = getattr(backend, store).get(resource_id)
    if resource is None:
        resource = original(response).result[result_key]
        tokens[result_key, token] = (parameters, resource.id)
    elif first_parameters != parameters:
        raise EC2ClientError(
            "IdempotentParameterMismatch",
            f"The client token '{token}' has already been used with different parameters.",
        )
    return ActionResult({result_key: resource, "ClientToken": token})


@mend("ec2-zone-details", "availability zones tell opt-in status, group and border group, and filter by them")
def zone_details() -> None:
    """AWS: DescribeAvailabilityZones returns optInStatus, groupName and networkBorderGroup and filters by
    opt-in-status, group-name, region-name, state, zone-id, zone-name, zone-type, among others (API Reference).
    moto: has neither these fields nor these filters, and ignores unknown filters. Goes when they are there."""
    Zone.opt_in_status = "opt-in-not-required"
    Zone.group_name = property(lambda zone: f"{zone.region_name}-zg-1")
    Zone.network_border_group = property(lambda zone: zone.region_name)
    attributes = {
        "group-name": "group_name",
        "network-border-group": "network_border_group",
        "opt-in-status": "opt_in_status",
        "region-name": "region_name",
        "state": "state",
        "zone-id": "zone_id",
        "zone-name": "name",
        "zone-type": "zone_type",
    }

    @around(EC2Response, "describe_availability_zones")
    def describe(original: Callable, response: Any) -> ActionResult:
        zones = original(response).result["AvailabilityZones"]
        for name, patterns in response._filters_from_querystring().items():
            if name not in attributes:
                raise EC2ClientError("InvalidParameterValue", f"The filter '{name}' is invalid")
            zones = [zone for zone in zones if any(_glob(p, getattr(zone, attributes[name])) for p in patterns)]
        return ActionResult({"AvailabilityZones": zones})

    @around(EC2Backend, "describe_availability_zones")
    def unfiltered(original: Callable, backend: Any, filters: Any = None, **kwargs: Any) -> list[Zone]:
        return original(backend, None, **kwargs)


# --- EC2: VPC, subnet, network ACL ---------------------------------------------------------------


@mend("vpc-default-group-rule", "the default security group admits its own members")
def default_group_rule() -> None:
    """AWS: the default group of a VPC has an inbound rule for all traffic from the group itself (VPC User
    Guide, "Default security groups"). moto: no inbound rule. Goes when moto adds it."""

    @around(EC2Backend, "create_vpc")
    def create_vpc(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        vpc = original(backend, *args, **kwargs)
        group = backend.get_default_security_group(vpc.id)
        backend.authorize_security_group_ingress(
            group.id, "-1", None, None, [], source_groups=[{"GroupId": group.id}], vpc_id=vpc.id
        )
        return vpc


@mend("vpc-deletion-complete", "the default network ACL goes with its VPC")
def vpc_deletion() -> None:
    """AWS: deletes the default network ACL along with the VPC (VPC User Guide, "Delete your VPC"). moto:
    leaves it behind, described with the id of a VPC that is gone. Goes when moto removes it."""

    @around(EC2Backend, "delete_vpc")
    def delete_vpc(original: Callable, backend: Any, vpc_id: str) -> Any:
        vpc = original(backend, vpc_id)
        for acl in [acl for acl in backend.network_acls.values() if acl.vpc_id == vpc_id]:
            del backend.network_acls[acl.id]
        return vpc


@mend("subnet-deletion-complete", "a subnet's associations go with it")
def subnet_deletion() -> None:
    """AWS: deleting a subnet ends its associations with the route table and the network ACL. moto: keeps both,
    so that the route table cannot be deleted any more. Goes when moto removes them."""

    @around(EC2Backend, "delete_subnet")
    def delete_subnet(original: Callable, backend: Any, subnet_id: str) -> Any:
        subnet = original(backend, subnet_id)
        for table in backend.route_tables.values():
            table._associations = {key: target for key, target in table._associations.items() if target != subnet_id}
        for acl in backend.network_acls.values():
            acl._associations = {
                key: association for key, association in acl._associations.items() if association.subnet_id != subnet_id
            }
        return subnet


@mend("subnet-zone-id", "a subnet may be created by zone id")
def subnet_zone_id() -> None:
    """AWS: AvailabilityZoneId is as good as AvailabilityZone (API Reference, CreateSubnet). moto: files such
    a subnet under no zone and takes the first one for the zone's default subnet, which maps public addresses.
    Goes when moto resolves the id first."""

    @around(EC2Backend, "create_subnet")
    def create_subnet(
        original: Callable,
        backend: Any,
        vpc_id: str,
        cidr_block: str,
        ipv6_cidr_block: str | None = None,
        availability_zone: str | None = None,
        availability_zone_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        zones = backend.describe_availability_zones()
        named = next((zone.name for zone in zones if zone.zone_id == availability_zone_id), None)
        if named:
            availability_zone, availability_zone_id = named, None
        return original(
            backend, vpc_id, cidr_block, ipv6_cidr_block, availability_zone, availability_zone_id, **kwargs
        )


@mend("subnet-attributes", "the attributes of a subnet that ModifySubnetAttribute forgets")
def subnet_attributes() -> None:
    """AWS: ModifySubnetAttribute also takes EnableDns64, EnableResourceNameDnsAAAARecordOnLaunch and
    PrivateDnsHostnameTypeOnLaunch (API Reference). moto: accepts and drops them. Goes when moto stores them."""
    Subnet.enable_dns64 = False

    @around(EC2Response, "modify_subnet_attribute")
    def modify(original: Callable, response: Any) -> Any:
        result = original(response)
        subnet = response.ec2_backend.get_subnet(response._get_param("SubnetId"))
        if (value := response._get_param("EnableDns64.Value")) is not None:
            subnet.enable_dns64 = value
        options = subnet.private_dns_name_options_on_launch
        if (value := response._get_param("EnableResourceNameDnsAAAARecordOnLaunch.Value")) is not None:
            options["EnableResourceNameDnsAAAARecord"] = value
        if value := response._get_param("PrivateDnsHostnameTypeOnLaunch"):
            options["HostnameType"] = value
        return result


@mend("network-acl-not-found", "unknown network ACLs and entries are refused by name")
def network_acl_not_found() -> None:
    """AWS: InvalidNetworkAclID.NotFound and InvalidNetworkAclEntry.NotFound (EC2 API Reference, "Error codes").
    moto: InvalidRouteTableID.NotFound for the first, an internal error for the second. Goes when fixed there."""

    @around(EC2Backend, "describe_network_acls")
    def describe(original: Callable, backend: Any, network_acl_ids: Any = None, filters: Any = None) -> list[Any]:
        for acl_id in network_acl_ids or []:
            if acl_id not in backend.network_acls:
                raise InvalidNetworkAclIdError(acl_id)
        return original(backend, network_acl_ids, filters)

    @around(EC2Backend, "delete_network_acl_entry")
    def delete_entry(original: Callable, backend: Any, network_acl_id: str, rule_number: int, egress: bool) -> Any:
        entries = backend.get_network_acl(network_acl_id).network_acl_entries
        if not any(entry.rule_number == rule_number and entry.egress == egress for entry in entries):
            raise EC2ClientError(
                "InvalidNetworkAclEntry.NotFound",
                f"The network acl entry with rule number '{rule_number}' does not exist in '{network_acl_id}'",
            )
        return original(backend, network_acl_id, rule_number, egress)


# --- EC2: Elastic IP, NAT gateway, routes --------------------------------------------------------


@mend("address-details", "Elastic IPs tell their pool and border group, and no empty interface id")
def address_details() -> None:
    """AWS: returns publicIpv4Pool "amazon" and the region as networkBorderGroup, and no networkInterfaceId
    while unassociated (API Reference, AllocateAddress and DescribeAddresses). moto: neither of the first two,
    and an empty id. Goes when moto returns them."""
    ElasticAddress.public_ipv4_pool = "amazon"
    ElasticAddress.network_border_group = property(lambda address: address.ec2_backend.region_name)
    ElasticAddress.network_interface_id = property(lambda address: address.eni.id if address.eni else None)

    @around(EC2Response, "allocate_address")
    def allocate(original: Callable, response: Any) -> ActionResult:
        allocated = original(response).result
        return ActionResult({**allocated, "PublicIpv4Pool": "amazon", "NetworkBorderGroup": response.region})


class NatGateway(nat_models.NatGateway):
    """moto's NAT gateway, except that it takes time, keeps to its subnet, can fail and can be deleted."""

    # moto keeps a register of its model classes by module, and accepts no foreign ones.
    __module__ = nat_models.__name__
    RETENTION_SECONDS = 3600

    def __init__(self, backend: Any, subnet: Any, address: Any, tags: dict[str, str], connectivity_type: str):
        self.id = ec2_utils.random_nat_gateway_id()
        self.ec2_backend = backend
        self.subnet_id = subnet.id
        self.vpc_id = subnet.vpc_id
        self.connectivity_type = connectivity_type
        self.failure_code: str | None = None
        self.failure_message: str | None = None
        self._created_at = utcnow()
        self._requested = time.time()
        self._deleted: float | None = None
        self._delete_time: Any = None
        self._subnet = subnet
        self._address = address
        self.private_ip = subnet.get_available_subnet_ip(self)
        self._eni = self._create_interface()
        self.add_tags(tags)
        if connectivity_type == "public" and not _internet_gateway_of(backend, self.vpc_id):
            self.failure_code = "Gateway.NotAttached"
            self.failure_message = f"Network {self.vpc_id} has no Internet gateway attached"
            self._release()
        elif address:
            backend.associate_address(eni=self._eni, allocation_id=address.allocation_id)
        self.address_set = [self._describe_address()]

    def _create_interface(self) -> Any:
        interface = self.ec2_backend.create_network_interface(
            self._subnet, self.private_ip, description=f"Interface for NAT Gateway {self.id}"
        )
        interface.interface_type = "nat_gateway"
        interface.requester_managed = True
        interface.status = "in-use"
        interface._group_set = []
        return interface

    def _describe_address(self) -> dict[str, Any]:
        described = {
            "NetworkInterfaceId": self._eni.id,
            "PrivateIp": self.private_ip,
            "IsPrimary": True,
            "Status": "failed" if self.failure_code else "succeeded",
        }
        if self._address:
            described["AllocationId"] = self._address.allocation_id
        if self._address and not self.failure_code:
            described |= {"PublicIp": self._address.public_ip, "AssociationId": self._address.association_id}
        return described

    @property
    def state(self) -> str:
        now = time.time()
        if self._deleted is not None:
            return "deleted" if now >= self._deleted + SETTLE_SECONDS else "deleting"
        if now < self._requested + SETTLE_SECONDS:
            return "pending"
        return "failed" if self.failure_code else "available"

    @property
    def delete_time(self) -> str | None:
        return iso_8601_datetime_with_milliseconds(self._delete_time) if self._delete_time else None

    @property
    def forgotten(self) -> bool:
        return self._deleted is not None and time.time() > self._deleted + self.RETENTION_SECONDS

    def delete(self) -> None:
        if self._deleted is None:
            self._deleted = time.time()
            self._delete_time = utcnow()

    def finish_deletion(self) -> None:
        if self.state == "deleted" and self._eni.id in self.ec2_backend.enis:
            self._release()

    def _release(self) -> None:
        if self._address and self._address.eni is self._eni:
            self.ec2_backend.disassociate_address(association_id=self._address.association_id)
        self._subnet.del_subnet_ip(self.private_ip)
        self.ec2_backend.delete_network_interface(self._eni.id)

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "nat-gateway-id":
            return self.id
        return super().get_filter_value(filter_name, method_name or "DescribeNatGateways")


def _internet_gateway_of(backend: Any, vpc_id: str) -> Any:
    gateways = backend.internet_gateways.values()
    return next((gateway for gateway in gateways if gateway.vpc and gateway.vpc.id == vpc_id), None)


def _nat_gateway_not_found(gateway_id: str) -> EC2ClientError:
    return EC2ClientError("NatGatewayNotFound", f"NatGateway {gateway_id} was not found")


@mend("nat-gateway-life", "NAT gateways take time, may fail, release their address and stay described when deleted")
def nat_gateway_life() -> None:
    """AWS: a NAT gateway is pending, then available; without an internet gateway in the VPC it becomes failed
    with Gateway.NotAttached; deleted, it is deleting, then deleted, releases its Elastic IP and stays described
    for about an hour; its private address is in its subnet; unknown ids are NatGatewayNotFound (VPC User Guide,
    "NAT gateways" and "Troubleshoot NAT gateways"; API Reference). moto: available at once and always, deleted
    for ever, keeps interface and address associated, any private address, unknown ids are ignored or an
    internal error, tag filters are ignored. That DeleteNatGateway of a deleted one is NatGatewayNotFound is an
    assumption. Goes when moto has a life cycle for NAT gateways."""

    def create_nat_gateway(
        backend: Any,
        subnet_id: str,
        allocation_id: str | None,
        tags: dict[str, str] | None = None,
        connectivity_type: str | None = "public",
    ) -> NatGateway:
        address = backend.address_by_allocation([allocation_id])[0] if allocation_id else None
        if address and address.association_id:
            raise ResourceAlreadyAssociatedError(allocation_id)
        subnet = backend.get_subnet(subnet_id)
        gateway = NatGateway(backend, subnet, address, tags or {}, connectivity_type or "public")
        backend.nat_gateways[gateway.id] = gateway
        return gateway

    def describe_nat_gateways(backend: Any, filters: Any, nat_gateway_ids: list[str] | None) -> list[NatGateway]:
        for gateway_id in nat_gateway_ids or []:
            if gateway_id not in backend.nat_gateways:
                raise _nat_gateway_not_found(gateway_id)
        gateways = [
            gateway
            for gateway in backend.nat_gateways.values()
            if not nat_gateway_ids or gateway.id in nat_gateway_ids
        ]
        return ec2_utils.generic_filter(filters, gateways)

    def delete_nat_gateway(backend: Any, nat_gateway_id: str) -> NatGateway:
        gateway = backend.nat_gateways.get(nat_gateway_id)
        if gateway is None or gateway.state == "deleted":
            raise _nat_gateway_not_found(nat_gateway_id)
        gateway.delete()
        return gateway

    EC2Backend.create_nat_gateway = create_nat_gateway
    EC2Backend.describe_nat_gateways = describe_nat_gateways
    EC2Backend.delete_nat_gateway = delete_nat_gateway

    # Nothing happens by itself in the emulator, so what time has brought is done before each call.
    @around(EC2Response, "call_action")
    def call_action(original: Callable, response: Any) -> Any:
        gateways = response.ec2_backend.nat_gateways
        for gateway in list(gateways.values()):
            gateway.finish_deletion()
            if gateway.forgotten:
                del gateways[gateway.id]
        return original(response)


@mend("route-state", "routes to deleted NAT gateways and detached internet gateways are black holes")
def route_state() -> None:
    """AWS: the state of a route is blackhole when its target is gone (API Reference, Route). moto: always
    active. Goes when moto tells."""

    def state(route: Any) -> str:
        if route.nat_gateway and route.nat_gateway.state in ("deleted", "failed"):
            return "blackhole"
        if isinstance(route.gateway, InternetGateway):
            attached = _internet_gateway_of(route.route_table.ec2_backend, route.route_table.vpc_id)
            return "active" if attached is route.gateway else "blackhole"
        return "active"

    Route.state = property(state)


# --- EC2: security groups ------------------------------------------------------------------------


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


# --- KMS -----------------------------------------------------------------------------------------


class NoPrivateKey:
    """Stands in for the private key of a symmetric key, which has none."""

    def __getattr__(self, name: str) -> Any:
        raise JsonRESTError("UnsupportedOperationException", "The operation is not supported for symmetric keys.")


@mend("kms-symmetric-keys", "symmetric keys have no private key")
def symmetric_keys() -> None:
    """AWS: GetPublicKey of a symmetric key is UnsupportedOperationException (API Reference). moto: generates an
    RSA key for every key, which takes some 100 ms and is never used for symmetric ones. Goes when CreateKey of
    a symmetric key is fast."""
    generate = kms_models.generate_private_key

    def generate_private_key(key_spec: str) -> Any:
        symmetric = key_spec == "SYMMETRIC_DEFAULT" or key_spec.startswith("HMAC")
        return NoPrivateKey() if symmetric else generate(key_spec)

    kms_models.generate_private_key = generate_private_key


@mend("kms-key-defaults", "KeyUsage and MultiRegion have defaults")
def key_defaults() -> None:
    """AWS: KeyUsage is ENCRYPT_DECRYPT and MultiRegion false unless given (API Reference, CreateKey). moto:
    null. Goes when DescribeKey returns the defaults."""

    @around(Key, "__init__")
    def init(
        original: Callable,
        key: Any,
        policy: str | None,
        key_usage: str | None,
        key_spec: str,
        description: str,
        account_id: str,
        region: str,
        multi_region: bool | None = False,
        origin: str = "AWS_KMS",
    ) -> None:
        usage = key_usage or "ENCRYPT_DECRYPT"
        original(key, policy, usage, key_spec, description, account_id, region, bool(multi_region), origin)


@mend("kms-key-arns", "keys can be enabled, disabled and deleted by ARN")
def key_arns() -> None:
    """AWS: KeyId is a key id or a key ARN (API Reference of EnableKey, DisableKey, CancelKeyDeletion,
    ScheduleKeyDeletion). moto: an internal error for an ARN. Goes when moto resolves it."""
    for name in ("enable_key", "disable_key", "cancel_key_deletion", "schedule_key_deletion"):

        @around(KmsBackend, name)
        def by_id(original: Callable, backend: Any, key_id: str, *args: Any) -> Any:
            return original(backend, backend.get_key_id(key_id), *args)


def _key(response: Any) -> Key:
    key_id = response._get_param("KeyId")
    response._validate_cmk_id(key_id)
    return response.kms_backend.keys[response.kms_backend.get_key_id(key_id)]


@mend("kms-key-deletion", "scheduling and cancelling a deletion answer with ARN, state and window")
def key_deletion() -> None:
    """AWS: ScheduleKeyDeletion returns the key's ARN, DeletionDate, KeyState and PendingWindowInDays;
    CancelKeyDeletion returns the ARN (API Reference). moto: returns KeyId as it was sent, and neither state nor
    window. Goes when it does."""

    @around(KmsResponse, "schedule_key_deletion")
    def schedule(original: Callable, response: Any) -> str:
        key = _key(response)
        return json.dumps(
            {
                **json.loads(original(response)),
                "KeyId": key.arn,
                "KeyState": key.key_state,
                "PendingWindowInDays": response._get_param("PendingWindowInDays", 30),
            }
        )

    @around(KmsResponse, "cancel_key_deletion")
    def cancel(original: Callable, response: Any) -> str:
        original(response)
        return json.dumps({"KeyId": _key(response).arn})


@mend("kms-rotation-period", "rotation has a period and a next date, and rests while a deletion is pending")
def rotation_period() -> None:
    """AWS: EnableKeyRotation takes RotationPeriodInDays (90 to 2560, 365 by default); GetKeyRotationStatus
    returns KeyId, period and NextRotationDate while enabled; the status is false while the key's deletion is
    pending and returns when that is cancelled (API Reference of both). moto: knows on and off only. Goes when
    GetKeyRotationStatus returns the period."""
    Key.rotation_period = 365

    @around(KmsResponse, "enable_key_rotation")
    def enable(original: Callable, response: Any) -> str:
        key = _key(response)
        key.rotation_period = response._get_param("RotationPeriodInDays", 365)
        key.next_rotation = unix_time(utcnow() + timedelta(days=key.rotation_period))
        return original(response)

    @around(KmsResponse, "get_key_rotation_status")
    def status(_: Callable, response: Any) -> str:
        key = _key(response)
        enabled = key.key_rotation_status and key.key_state != "PendingDeletion"
        answer: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": enabled}
        if enabled:
            answer |= {"RotationPeriodInDays": key.rotation_period, "NextRotationDate": key.next_rotation}
        return json.dumps(answer)


@mend("kms-alias-dates", "aliases tell when they were made and changed")
def alias_dates() -> None:
    """AWS: CreationDate and LastUpdatedDate (API Reference, AliasListEntry). moto: neither. Goes when
    ListAliases returns them."""

    @around(Alias, "__init__")
    def init(original: Callable, alias: Any, *args: Any, **kwargs: Any) -> None:
        original(alias, *args, **kwargs)
        alias.created = alias.updated = unix_time()

    @around(KmsBackend, "update_alias")
    def update(original: Callable, backend: Any, target_key_id: str, alias_name: str) -> Any:
        alias = original(backend, target_key_id, alias_name)
        alias.updated = unix_time()
        return alias

    @around(KmsResponse, "list_aliases")
    def list_aliases(original: Callable, response: Any) -> str:
        answer = json.loads(original(response))
        made = {alias.alias_name: alias for alias in response.kms_backend.list_aliases()}
        for entry in answer["Aliases"]:
            if alias := made.get(entry["AliasName"]):
                entry |= {"CreationDate": alias.created, "LastUpdatedDate": alias.updated}
        return json.dumps(answer)


@mend("kms-paging", "Limit, Marker and NextMarker of lists")
def kms_paging() -> None:
    """AWS: ListAliases and ListResourceTags return 50 entries by default, ListKeys 100, and NextMarker for the
    rest (API Reference). moto: ignores Limit and Marker. Goes when moto pages them."""
    for name, entries, default in (
        ("list_aliases", "Aliases", 50),
        ("list_resource_tags", "Tags", 50),
        ("list_keys", "Keys", 100),
    ):
        around(KmsResponse, name)(functools.partial(_paged_list, entries, default))


def _paged_list(entries: str, default: int, original: Callable, response: Any) -> str:
    marker, limit = response._get_param("Marker"), response._get_param("Limit") or default
    items, rest = page(json.loads(original(response))[entries], marker, limit)
    answer = {entries: items, "Truncated": rest is not None}
    if rest:
        answer["NextMarker"] = rest
    return json.dumps(answer)


@mend("kms-policy-name", "GetKeyPolicy names the policy")
def policy_name() -> None:
    """AWS: returns PolicyName (API Reference, GetKeyPolicy). moto: does not. Goes when it does."""

    @around(KmsResponse, "get_key_policy")
    def get_key_policy(original: Callable, response: Any) -> str:
        return json.dumps({**json.loads(original(response)), "PolicyName": "default"})


@mend("kms-conditional-deny", "a Deny with conditions does not deny everybody")
def conditional_deny() -> None:
    """AWS: a statement applies to its principals and under its conditions only (KMS Developer Guide, "Key
    policies"). moto: refuses DescribeKey to everybody as soon as any statement denies it. Only unconditional
    denials of everybody are left to moto. Goes when moto evaluates Principal and Condition."""

    def applicable(key: Any, action: str) -> None:
        try:
            statements = json.loads(key.policy)["Statement"]
        except (ValueError, KeyError, TypeError):
            return
        plain = [s for s in statements if not s.get("Condition") and s.get("Principal") in ("*", {"AWS": "*"})]
        stripped = copy.copy(key)
        stripped.policy = json.dumps({"Statement": plain})
        validate_policy(stripped, action)

    kms_responses.validate_policy = applicable


# --- CloudWatch Logs -----------------------------------------------------------------------------


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


# --- STS and Service Quotas ----------------------------------------------------------------------


@mend("sts-user-arn", "users are in IAM")
def user_arn() -> None:
    """AWS: the Arn of a user is arn:aws:iam::ACCOUNT:user/NAME (API Reference, GetCallerIdentity). moto: has the
    default caller in sts. Goes when moto names it correctly."""

    @around(STSBackend, "get_caller_identity")
    def identity(original: Callable, backend: Any, *args: Any) -> tuple[str, str, str]:
        user_id, arn, account = original(backend, *args)
        return user_id, re.sub(r":sts::(\d+):user/", r":iam::\1:user/", arn), account


@mend("service-quotas", "applied and default quotas of vpc and ec2")
def service_quotas() -> None:
    """AWS: GetServiceQuota, ListServiceQuotas, GetAWSDefaultServiceQuota and ListAWSDefaultServiceQuotas, with
    ARNs of the caller's region and account (Service Quotas API Reference). moto: vpc only, two of the four
    operations, ARNs of eu-west-1. Goes when moto has the quotas that quotas.py names."""
    ServiceQuotasResponse.get_service_quota = functools.partialmethod(_get_quota, False)
    ServiceQuotasResponse.get_aws_default_service_quota = functools.partialmethod(_get_quota, True)
    ServiceQuotasResponse.list_service_quotas = functools.partialmethod(_list_quotas, False)
    ServiceQuotasResponse.list_aws_default_service_quotas = functools.partialmethod(_list_quotas, True)


def _get_quota(response: Any, default: bool) -> str:
    quota = response._get_param("ServiceCode"), response._get_param("QuotaCode")
    if quota not in quotas.DEFAULTS:
        raise _no_such_quota()
    return json.dumps({"Quota": quotas.describe(quota, response.current_account, response.region, default)})


def _list_quotas(response: Any, default: bool) -> str:
    service = response._get_param("ServiceCode")
    known = [quota for quota in quotas.DEFAULTS if quota[0] == service]
    if not known:
        raise _no_such_quota()
    some, rest = page(known, response._get_param("NextToken"), response._get_param("MaxResults"))
    described = [quotas.describe(quota, response.current_account, response.region, default) for quota in some]
    return json.dumps({"Quotas": described, **({"NextToken": rest} if rest else {})})


def _no_such_quota() -> JsonRESTError:
    return JsonRESTError("NoSuchResourceException", "The request failed because the specified service does not exist.")
