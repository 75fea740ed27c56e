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
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import iso_8601_datetime_with_milliseconds, utcnow
from moto.ec2 import models as ec2_models
from moto.ec2 import utils as ec2_utils
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidNetworkAclIdError,
    InvalidParameterValue,
    ResourceAlreadyAssociatedError,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models import nat_gateways as nat_models
from moto.ec2.models.availability_zones_and_regions import Zone
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.route_tables import Route
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC
from moto.ec2.responses import EC2Response
from moto.servicequotas.responses import ServiceQuotasResponse
from moto.sts.models import STSBackend

import durations
import quotas
from catalogue import Catalogue, Entry, around
from ec2_operations import PAGED

CATALOGUE = Catalogue()


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
            return "deleted" if now >= self._deleted + durations.of("nat-gateway-deleting") else "deleting"
        if now < self._requested + durations.of("nat-gateway-pending"):
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
