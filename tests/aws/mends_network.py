"""Where moto's route propagation, flow logs and VPC endpoints answer differently from AWS. Registered like those of mends.py."""

import time
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.route_tables import RouteTable
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC, VPCEndPoint
from moto.ec2.responses import EC2Response
from moto.ec2.utils import random_private_ip

import durations
from catalogue import around
from mends import mend


@mend("vgw-route-propagation", "a virtual private gateway may add its routes to a table")
def vgw_route_propagation() -> None:
    """AWS: EnableVgwRoutePropagation and DisableVgwRoutePropagation, for a gateway that is attached to the table's VPC;
    the table names it as a PropagatingVgw (API Reference). moto: has neither operation. Goes when it has."""

    def propagate(change: Callable[[list[str], str], None]) -> Callable[[Any], ActionResult]:
        def operation(response: Any) -> ActionResult:
            table = response.ec2_backend.get_route_table(response._get_param("RouteTableId"))
            gateway = response._get_param("GatewayId")
            known = response.ec2_backend.vpn_gateways.get(gateway)
            if known is None or table.vpc_id not in known.attachments:
                raise EC2ClientError("Gateway.NotAttached", f"resource {gateway} is not attached to {table.vpc_id}")
            change(table.__dict__.setdefault("propagating", []), gateway)
            return ActionResult({})

        return operation

    def enable(gateways: list[str], gateway: str) -> None:
        if gateway not in gateways:
            gateways.append(gateway)

    def disable(gateways: list[str], gateway: str) -> None:
        if gateway in gateways:
            gateways.remove(gateway)

    EC2Response.enable_vgw_route_propagation = propagate(enable)
    EC2Response.disable_vgw_route_propagation = propagate(disable)
    RouteTable.propagating_vgws = property(lambda table: [{"GatewayId": one} for one in table.__dict__.get("propagating", [])])


@mend("flow-log-client-tokens", "a repeated CreateFlowLogs answers with the flow logs of the first call")
def flow_log_client_tokens() -> None:
    """AWS: idempotent by ClientToken (EC2 Developer Guide, "Ensuring idempotency"). moto: refuses the second call as
    a duplicate. Goes when it honours the token."""

    @around(EC2Response, "create_flow_logs")
    def create(original: Callable, response: Any) -> ActionResult:
        token, backend = response._get_param("ClientToken"), response.ec2_backend
        known = backend.__dict__.setdefault("flow_log_tokens", {})
        if token in known and all(one in backend.flow_logs for one in known[token]):
            return ActionResult({"FlowLogIds": known[token], "Unsuccessful": [], "ClientToken": token})
        answer = original(response).result
        if token and answer["FlowLogIds"]:
            known[token] = answer["FlowLogIds"]
        return ActionResult({**answer, "ClientToken": token})


@mend("flow-log-groups-by-arn", "delivery to a log group that is named by its ARN works")
def flow_log_groups_by_arn() -> None:
    """AWS: takes a log group's ARN as LogDestination (API Reference, CreateFlowLogs). moto: looks for the name only,
    and reports the delivery as failed. Goes when DeliverLogsStatus is SUCCESS for an existing group."""

    @around(EC2Backend, "create_flow_logs")
    def create(original: Callable, backend: Any, **kwargs: Any) -> Any:
        from moto.logs.models import logs_backends

        made, errors = original(backend, **kwargs)
        groups = logs_backends[backend.account_id][backend.region_name].groups
        for log in made:
            name = (log.log_destination or "").partition(":log-group:")[2].removesuffix(":*")
            if name in groups:
                log.deliver_logs_status, log.deliver_logs_error_message = "SUCCESS", None
        return made, errors


def _is_interface(endpoint: Any) -> bool:
    return (endpoint.vpc_endpoint_type or "Gateway") == "Interface"


@mend("vpc-endpoint-life", "interface endpoints take time to come and to go, and deleted ones are forgotten")
def vpc_endpoint_life() -> None:
    """AWS: an interface endpoint is pending, then available; deleted, it is deleting and holds its network
    interfaces, then is no longer described; a gateway endpoint is there and gone at once; unknown ids stand in
    Unsuccessful (VPC User Guide, "Interface endpoint considerations"; API Reference, DeleteVpcEndpoints). moto:
    available at once, described as deleted for ever, unknown ids are ignored. Goes when it has a life cycle."""

    def state(endpoint: Any) -> str:
        now, deleted = time.time(), endpoint.__dict__.get("_deleted")
        if deleted is not None:
            return "deleting" if _is_interface(endpoint) and now < deleted + durations.of("interface-endpoint-deleting") else "deleted"
        pending = _is_interface(endpoint) and now < endpoint.__dict__.get("_requested", 0) + durations.of("interface-endpoint-pending")
        return "pending" if pending else "available"

    def set_state(endpoint: Any, value: str) -> None:
        if value == "available":
            endpoint._requested = time.time()

    VPCEndPoint.state = property(state, set_state)

    @around(EC2Backend, "delete_vpc_endpoints")
    def delete(original: Callable, backend: Any, vpce_ids: list[str] | None = None) -> None:
        for endpoint_id in vpce_ids or []:
            endpoint = backend.vpc_end_points.get(endpoint_id)
            if endpoint is None or endpoint.__dict__.get("_deleted") is not None:
                continue
            endpoint._deleted = time.time()
            if not _is_interface(endpoint):
                _set_routes(backend, endpoint, [])

    @around(EC2Response, "delete_vpc_endpoints")
    def delete_response(original: Callable, response: Any) -> ActionResult:
        unknown = [one for one in response._get_param("VpcEndpointIds", []) if one not in response.ec2_backend.vpc_end_points]
        original(response)
        message = "The Vpc Endpoint Id '{}' does not exist"
        errors = [
            {"ResourceId": one, "Error": {"Code": "InvalidVpcEndpoint.NotFound", "Message": message.format(one)}}
            for one in unknown
        ]
        return ActionResult({"Unsuccessful": errors})

    # Nothing happens by itself in the emulator, so what time has brought is done before each call.
    @around(EC2Response, "call_action")
    def call_action(original: Callable, response: Any) -> Any:
        backend = response.ec2_backend
        for endpoint in list(backend.vpc_end_points.values()):
            if endpoint.state == "deleted":
                for interface in endpoint.network_interface_ids:
                    backend.enis.pop(interface, None)
                del backend.vpc_end_points[endpoint.id]
        return original(response)


def _set_routes(backend: Any, endpoint: Any, table_ids: list[str]) -> None:
    """Makes exactly these route tables lead to a gateway endpoint."""
    prefix_list = endpoint.destination_prefix_list_id
    for table in backend.route_tables.values():
        routes = {key: route for key, route in table._routes.items() if route.gateway is endpoint}
        if table.id not in table_ids:
            for key in routes:
                del table._routes[key]
        elif not routes and prefix_list:
            backend.create_route(table.id, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)


@mend("vpc-endpoint-modification", "all of an endpoint can be changed, and routes follow its route tables")
def vpc_endpoint_modification() -> None:
    """AWS: PrivateDnsEnabled can be switched, and a gateway endpoint's routes come and go with its route tables
    (API Reference, ModifyVpcEndpoint; VPC User Guide, "Gateway endpoints"); an interface endpoint has an interface in
    each of its subnets. moto: ignores the first, adds and removes no routes and no interfaces. Goes when all happen."""

    @around(EC2Response, "modify_vpc_endpoint")
    def modify(original: Callable, response: Any) -> ActionResult:
        answer = original(response)
        backend = response.ec2_backend
        endpoint = backend.vpc_end_points[response._get_param("VpcEndpointId")]
        wanted = response._get_param("PrivateDnsEnabled")
        if wanted is not None:
            endpoint.private_dns_enabled = str(wanted).lower() == "true"
        if _is_interface(endpoint):
            _set_interfaces(backend, endpoint)
        else:
            _set_routes(backend, endpoint, endpoint.route_table_ids)
        return answer


def _set_interfaces(backend: Any, endpoint: Any) -> None:
    """One network interface in each of the endpoint's subnets, and no others."""
    interfaces = {id: backend.enis[id].subnet.id for id in endpoint.network_interface_ids if id in backend.enis}
    for interface, subnet in interfaces.items():
        if subnet not in endpoint.subnet_ids:
            del backend.enis[interface]
    kept = [interface for interface, subnet in interfaces.items() if subnet in endpoint.subnet_ids]
    new = [subnet for subnet in endpoint.subnet_ids if subnet not in interfaces.values()]
    made = [backend.create_network_interface(subnet, random_private_ip()).id for subnet in new]
    endpoint.network_interface_ids = [*kept, *made]


@mend("vpc-endpoint-creation", "a repeated ClientToken makes no second endpoint, and gateways have no private DNS")
def vpc_endpoint_creation() -> None:
    """AWS: CreateVpcEndpoint is idempotent by ClientToken; PrivateDnsEnabled is false for gateway endpoints (API
    Reference). moto: ignores the token and answers true. Goes when both are so."""

    @around(EC2Backend, "create_vpc_endpoint")
    def create(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        token = kwargs.get("client_token")
        known = [one for one in backend.vpc_end_points.values() if token and one.client_token == token]
        if known:
            return known[0]
        endpoint = original(backend, *args, **kwargs)
        if not _is_interface(endpoint):
            endpoint.private_dns_enabled = False
        return endpoint


@mend("vpc-endpoint-filters", "endpoints are filtered by id")
def vpc_endpoint_filters() -> None:
    """AWS: DescribeVpcEndpoints filters by vpc-endpoint-id, vpc-id and service-name (API Reference). moto: not by
    the first. Goes when it does."""

    @around(VPCEndPoint, "get_filter_value")
    def value(original: Callable, endpoint: Any, name: str, method_name: str | None = None) -> Any:
        attributes = {"vpc-endpoint-id": "id", "vpc-id": "vpc_id", "service-name": "service_name"}
        if name in attributes:
            return getattr(endpoint, attributes[name])
        return original(endpoint, name, method_name)


@mend("subnet-ipv6-state", "the state of a subnet's IPv6 range is a word")
def subnet_ipv6_state() -> None:
    """AWS: Ipv6CidrBlockState.State is associated, disassociated and so on (API Reference, SubnetCidrBlockState). moto: a
    structure in its place, which an SDK reads as empty. Goes when it is a word."""
    known = Subnet.ipv6_cidr_block_association_set.fget

    def associations(subnet: Any) -> list[dict[str, Any]]:
        return [{**one, "ipv6CidrBlockState": one["ipv6CidrBlockState"]["state"]} for one in known(subnet)]

    Subnet.ipv6_cidr_block_association_set = property(associations)


@mend("default-dhcp-options", "a region has a default set of DHCP options, and sets outlive their VPCs")
def default_dhcp_options() -> None:
    """AWS: each region has a set with AmazonProvidedDNS and the region's domain, which a new VPC gets; a set may serve
    many VPCs and stays when one of them is deleted; `default` in AssociateDhcpOptions means none at all (VPC User Guide,
    "DHCP option sets"). moto: a new VPC has none, a set knows its last VPC only and goes with it. Goes when it has the
    default set."""

    def default(backend: Any) -> Any:
        if not hasattr(backend, "default_dhcp_options"):
            region = backend.region_name
            domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
            backend.default_dhcp_options = backend.create_dhcp_options(["AmazonProvidedDNS"], [domain])
        return backend.default_dhcp_options

    @around(VPC, "__init__")
    def init(original: Callable, vpc: Any, backend: Any, *args: Any, **kwargs: Any) -> None:
        original(vpc, backend, *args, **kwargs)
        vpc.dhcp_options = default(backend)

    @around(EC2Backend, "associate_dhcp_options")
    def associate(original: Callable, backend: Any, dhcp_options: Any, vpc: Any) -> None:
        vpc.dhcp_options = dhcp_options

    @around(EC2Backend, "disassociate_dhcp_options")
    def disassociate(original: Callable, backend: Any, vpc: Any) -> None:
        vpc.dhcp_options = None

    @around(EC2Backend, "delete_vpc")
    def delete_vpc(original: Callable, backend: Any, vpc_id: str) -> Any:
        vpc = backend.vpcs.get(vpc_id)
        options = vpc and vpc.dhcp_options
        if vpc:
            vpc.dhcp_options = None
        try:
            return original(backend, vpc_id)
        except Exception:
            if vpc:
                vpc.dhcp_options = options
            raise

    @around(EC2Backend, "describe_dhcp_options")
    def describe(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        default(backend)
        return original(backend, *args, **kwargs)
