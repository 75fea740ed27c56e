"""Where moto's load balancers answer differently from AWS. Registered like the mends of mends.py."""

import functools
import math
import random
import time
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response
from moto.elbv2.exceptions import (
    DuplicateLoadBalancerName,
    DuplicateTargetGroupName,
    ELBClientError,
    ListenerNotFoundError,
    LoadBalancerNotFoundError,
    TooManyCertificatesError,
    TooManyTagsError,
)
from moto.elbv2.models import ELBv2Backend, FakeAction, FakeLoadBalancer, FakeTargetGroup, elbv2_backends
from moto.elbv2.responses import ELBV2Response

import durations
from catalogue import around
from mends import mend, page

# --- Load balancers ------------------------------------------------------------------------------


@mend("elbv2-states", "a load balancer is provisioning for a while")
def states() -> None:
    """AWS: a new load balancer is provisioning, then active (API Reference, LoadBalancerState). moto: active as soon as
    it is described. Goes when moto takes its time."""

    def state(balancer: Any) -> str:
        return "provisioning" if time.time() < balancer.__dict__.get("ready_at", 0) else "active"

    def set_state(balancer: Any, value: str) -> None:
        if value == "provisioning":
            balancer.ready_at = time.time() + durations.of("load-balancer-provisioning")

    FakeLoadBalancer.state = property(state, set_state)
    FakeLoadBalancer.activate = lambda balancer: None


@mend("elbv2-new-load-balancer", "scheme, security group and DNS name of a new load balancer, made once for one name")
def new_load_balancer() -> None:
    """AWS: it is internet-facing and in the VPC's default security group unless told otherwise; its DNS name has a
    number of its own, and begins with internal- if it is; the same name with the same settings answers the one that
    exists, with others DuplicateLoadBalancerName (API Reference, CreateLoadBalancer). moto: neither scheme nor group,
    one DNS name for every load balancer of a name, and any number of these. Goes when moto does the same."""

    @around(ELBv2Backend, "create_load_balancer")
    def create(original: Callable, backend: Any, **kwargs: Any) -> Any:
        kwargs["scheme"] = kwargs.get("scheme") or "internet-facing"
        kwargs["loadbalancer_type"] = kwargs.get("loadbalancer_type") or "application"
        subnets = [*kwargs["subnet_ids"], *(one["SubnetId"] for one in kwargs.get("subnet_mappings") or [])]
        if not kwargs["security_groups"] and subnets and kwargs["loadbalancer_type"] == "application":
            vpc = backend.ec2_backend.get_subnet(subnets[0]).vpc_id
            kwargs["security_groups"] = [backend.ec2_backend.get_default_security_group(vpc).id]
        known = next((one for one in backend.load_balancers.values() if one.name == kwargs["name"]), None)
        if known is None:
            balancer = original(backend, **kwargs)
            internal = "internal-" if balancer.scheme == "internal" else ""
            number = random.randrange(10**8, 10**10)
            balancer.dns_name = f"{internal}{balancer.name}-{number}.{backend.region_name}.elb.amazonaws.com"
            return balancer
        wanted = (kwargs["scheme"], kwargs["loadbalancer_type"], kwargs["ip_address_type"], set(subnets))
        present = (known.scheme, known.type, known.ip_address_type, {subnet.id for subnet in known.subnets})
        if (*wanted, set(kwargs["security_groups"])) != (*present, set(known.security_groups)):
            raise DuplicateLoadBalancerName(_differs("load balancer", known.name))
        return known


def _differs(kind: str, name: str) -> str:
    return f"A {kind} with the same name '{name}' exists, but with different settings"


@mend("elbv2-interfaces", "a load balancer has a network interface in each of its subnets, and for a while after")
def interfaces() -> None:
    """AWS: each has its interfaces, with its security groups, so that neither subnets nor groups can be deleted under
    it; they outlive its deletion by a minute or so (Application Load Balancer User Guide, "Delete an Application Load
    Balancer"). moto: none. Goes when moto makes them."""

    @around(ELBv2Backend, "create_load_balancer")
    def create(original: Callable, backend: Any, **kwargs: Any) -> Any:
        balancer = original(backend, **kwargs)
        _set_interfaces(backend, balancer)
        return balancer

    @around(ELBv2Backend, "set_subnets")
    def set_subnets(original: Callable, backend: Any, arn: str, *args: Any) -> Any:
        zones = original(backend, arn, *args)
        _set_interfaces(backend, backend.load_balancers[arn])
        return zones

    @around(ELBv2Backend, "set_security_groups")
    def set_security_groups(original: Callable, backend: Any, arn: str, sec_groups: list[str]) -> None:
        original(backend, arn, sec_groups)
        _set_interfaces(backend, backend.load_balancers[arn])

    @around(ELBv2Backend, "delete_load_balancer")
    def delete(original: Callable, backend: Any, arn: str) -> None:
        balancer = backend.load_balancers.get(arn)
        original(backend, arn)
        if balancer:
            balancer.subnets = []
            _set_interfaces(backend, balancer)

    # Nothing happens by itself in the emulator, so what time has brought is done before each call.
    @around(EC2Response, "call_action")
    def call_action(original: Callable, response: Any) -> Any:
        known = response.ec2_backend.enis
        for id in [id for id, one in known.items() if one.__dict__.get("gone_at", math.inf) < time.time()]:
            del known[id]
        return original(response)


def _set_interfaces(backend: Any, balancer: Any) -> None:
    """One interface with the groups of the load balancer in each of its subnets; the others go in a while."""
    held = balancer.__dict__.setdefault("interfaces", {})
    wanted = {subnet.id for subnet in balancer.subnets}
    for subnet in held.keys() - wanted:
        held.pop(subnet).gone_at = time.time() + durations.of("load-balancer-deleting")
    network = backend.ec2_backend
    for subnet in wanted - held.keys():
        description = f"ELB {balancer.arn.rpartition('loadbalancer/')[2]}"
        public = balancer.scheme == "internet-facing"
        interface = network.create_network_interface(subnet, [], description=description, public_ip_auto_assign=public)
        interface.status, interface.requester_managed, interface.requester_id = "in-use", True, "amazon-elb"
        held[subnet] = interface
    groups = [network.get_security_group_from_id(id) for id in balancer.security_groups]
    for interface in held.values():
        interface._group_set = [group for group in groups if group]


# What an application load balancer has unless it is told otherwise (API Reference, LoadBalancerAttribute).
BALANCER_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "health_check_logs.s3.enabled": "false",
    "health_check_logs.s3.bucket": "",
    "health_check_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}


@mend("elbv2-load-balancer-attributes", "the attributes of a load balancer and their defaults")
def load_balancer_attributes() -> None:
    """AWS: DescribeLoadBalancerAttributes returns all attributes of the type (API Reference, LoadBalancerAttribute).
    moto: four of them, and cannot set where health check logs go. Goes when moto returns all."""
    FakeLoadBalancer.VALID_ATTRS = FakeLoadBalancer.VALID_ATTRS | BALANCER_ATTRIBUTES.keys()

    @around(FakeLoadBalancer, "__init__")
    def init(original: Callable, balancer: Any, *args: Any, **kwargs: Any) -> None:
        original(balancer, *args, **kwargs)
        if balancer.type == "application":
            balancer.attrs = dict(BALANCER_ATTRIBUTES)


# --- Descriptions and tags -----------------------------------------------------------------------

# The list in the answer of each operation that takes PageSize and Marker, by the name of its method in moto.
PAGED = {
    "describe_listener_certificates": "Certificates",
    "describe_listeners": "Listeners",
    "describe_load_balancers": "LoadBalancers",
    "describe_rules": "Rules",
    "describe_target_groups": "TargetGroups",
}


@mend("elbv2-paging", "PageSize and Marker of Describe operations")
def paging() -> None:
    """AWS: answers at most PageSize items, 400 unless told otherwise, and a NextMarker for the rest (API Reference).
    moto: 50 load balancers or rules, and all of the others. Goes when moto pages all of them."""
    for operation, result_list in PAGED.items():
        around(ELBV2Response, operation)(functools.partial(_paged, result_list))


def _paged(result_list: str, original: Callable, response: Any) -> ActionResult:
    params = response._get_params()
    marker, size = params.pop("Marker", None), params.pop("PageSize", 400)
    # More than there can be, as moto would page by its own rules.
    params["PageSize"] = 10**6
    found, rest = page(original(response).result[result_list], marker, size)
    return ActionResult({result_list: found, "NextMarker": rest})


@mend("elbv2-absent", "descriptions of several things of which one does not exist")
def absent() -> None:
    """AWS: LoadBalancerNotFound and ListenerNotFound (API Reference). moto: answers those that it finds, or one of them
    twice. Goes when moto refuses."""

    @around(ELBv2Backend, "describe_load_balancers")
    def balancers(original: Callable, backend: Any, arns: list[str] | None, names: list[str] | None) -> list[Any]:
        known = list(backend.load_balancers.values())
        for attribute, wanted in (("arn", arns), ("name", names)):
            if missing := set(wanted or []) - {getattr(one, attribute) for one in known}:
                raise LoadBalancerNotFoundError(f"Load balancers '[{', '.join(missing)}]' not found")
            known = [one for one in known if not wanted or getattr(one, attribute) in wanted]
        return known

    @around(ELBv2Backend, "describe_listeners")
    def listeners(original: Callable, backend: Any, load_balancer_arn: str | None, listener_arns: list[str]) -> Any:
        found = original(backend, load_balancer_arn, listener_arns)
        if not load_balancer_arn and len(found) < len(set(listener_arns)):
            raise ListenerNotFoundError
        return found


@mend("elbv2-tags", "tags of what does not exist, and how many there may be")
def tags() -> None:
    """AWS: refuses the tags of an absent thing with its own code, and takes 50 tags (API Reference, DescribeTags;
    Quotas for your Application Load Balancers). moto: answers no tags, and takes 10. Goes when moto does the same."""

    @around(ELBv2Backend, "describe_tags")
    def describe(original: Callable, backend: Any, resource_arns: list[str]) -> dict[str, Any]:
        for arn in resource_arns:
            if ":listener-rule/" in arn:
                backend.describe_rules(None, [arn])
            else:
                backend._get_resource_by_arn(arn)
        return original(backend, resource_arns)

    def add(backend: Any, resource_arns: list[str], tags: list[dict[str, str]]) -> None:
        known = backend.describe_tags(resource_arns)
        for arn in resource_arns:
            if len(known[arn].keys() | {tag["Key"] for tag in tags}) > 50:
                raise TooManyTagsError
            backend.tagging_service.tag_resource(arn, tags)

    ELBv2Backend.add_tags = add


# --- Target groups -------------------------------------------------------------------------------

# What a group for an application load balancer has unless it is told otherwise (API Reference, TargetGroupAttribute).
GROUP_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
# What makes two target groups of a name the same (API Reference, CreateTargetGroup).
GROUP_SETTINGS = (
    *("protocol", "protocol_version", "port", "vpc_id", "target_type", "ip_address_type", "matcher"),
    *("health_check_protocol", "health_check_port", "health_check_path", "health_check_enabled"),
    *("health_check_interval_seconds", "health_check_timeout_seconds", "healthy_threshold_count"),
    "unhealthy_threshold_count",
)


@mend("elbv2-target-group-attributes", "the attributes of a target group and their defaults")
def target_group_attributes() -> None:
    """AWS: describing or changing attributes returns all of the type, and targets may take 3600 seconds to go (API
    Reference, TargetGroupAttribute). moto: half of them and one that there is not, only what was sent after a change,
    and 3599 seconds. Goes when moto returns all."""

    @around(FakeTargetGroup, "__init__")
    def init(original: Callable, group: Any, *args: Any, **kwargs: Any) -> None:
        original(group, *args, **kwargs)
        if group.protocol in ("HTTP", "HTTPS"):
            group.attributes = dict(GROUP_ATTRIBUTES)

    @around(ELBv2Backend, "modify_target_group_attributes")
    def modify(original: Callable, backend: Any, target_group_arn: str, attributes: dict[str, Any]) -> None:
        delay = "deregistration_delay.timeout_seconds"
        longest = attributes.get(delay) == "3600"
        original(backend, target_group_arn, {**attributes, delay: "3599"} if longest else attributes)
        attributes.update(backend.target_groups[target_group_arn].attributes | attributes)
        backend.target_groups[target_group_arn].attributes = dict(attributes)


@mend("elbv2-target-group-once", "a target group of one name is made once")
def target_group_once() -> None:
    """AWS: the same name with the same settings answers the group that exists, with others DuplicateTargetGroupName
    (API Reference, CreateTargetGroup). moto: refuses both. Goes when moto compares."""

    @around(ELBv2Backend, "create_target_group")
    def create(original: Callable, backend: Any, name: str, **kwargs: Any) -> Any:
        known = next((group for group in backend.target_groups.values() if group.name == name), None)
        if known is None:
            return original(backend, name, **kwargs)
        # A second one is made beside, for its defaults.
        groups, backend.target_groups = backend.target_groups, {}
        try:
            wanted = original(backend, name, **{**kwargs, "tags": None})
        finally:
            backend.target_groups = groups
        if any(str(getattr(wanted, one, None)) != str(getattr(known, one, None)) for one in GROUP_SETTINGS):
            raise DuplicateTargetGroupName(_differs("target group", name))
        return known


@mend("elbv2-target-group-users", "a target group names the load balancer that uses it")
def target_group_users() -> None:
    """AWS: LoadBalancerArns is the load balancer whose listeners and rules forward to the group now (API Reference,
    TargetGroup). moto: one entry for each time that something was made to forward to it. Goes when moto computes it."""

    def users(group: Any) -> list[str]:
        backend = elbv2_backends[group.account_id][group.region_name]
        return [arn for arn, balancer in backend.load_balancers.items() if group.arn in forwarded(backend, balancer)]

    FakeTargetGroup.load_balancer_arns = property(users, lambda group, value: None)


def forwarded(backend: Any, balancer: Any) -> set[str]:
    """The target groups to which any rule of the load balancer forwards."""
    rules = [rule for listener in balancer.listeners.values() for rule in listener.rules.values()]
    actions = [action.data for rule in rules for action in rule.actions]
    return {arn for action in actions for arn in backend._get_target_group_arns_from(action_data=action)}


@mend("elbv2-modify-target-group", "ModifyTargetGroup changes which answers count as healthy")
def modify_target_group() -> None:
    """AWS: Matcher is one of the settings of the health check that can be changed (API Reference, ModifyTargetGroup).
    moto: looks for it under a name that it does not have. Goes when moto finds it."""

    @around(ELBV2Response, "modify_target_group")
    def modify(original: Callable, response: Any) -> ActionResult:
        answer = original(response)
        if matcher := response._get_params().get("Matcher"):
            answer.result["TargetGroups"][0].matcher = matcher
        return answer


# --- Listeners and rules -------------------------------------------------------------------------

SERVER = {"routing.http.response.server.enabled": "true"}
HEADERS = {
    f"routing.http.response.{header}.header_value": ""
    for header in (
        "access_control_allow_credentials",
        "access_control_allow_headers",
        "access_control_allow_methods",
        "access_control_allow_origin",
        "access_control_expose_headers",
        "access_control_max_age",
        "content_security_policy",
        "x_content_type_options",
        "x_frame_options",
    )
}
# Those make sense for connections with TLS only.
TLS_HEADERS = {
    "routing.http.response.strict_transport_security.header_value": "",
    **{
        f"routing.http.request.{header}.header_name": ""
        for header in (
            "x_amzn_mtls_clientcert",
            "x_amzn_mtls_clientcert_issuer",
            "x_amzn_mtls_clientcert_leaf",
            "x_amzn_mtls_clientcert_serial_number",
            "x_amzn_mtls_clientcert_subject",
            "x_amzn_mtls_clientcert_validity",
            "x_amzn_tls_cipher_suite",
            "x_amzn_tls_version",
        )
    },
}
LISTENER_ATTRIBUTES = {"HTTP": {**SERVER, **HEADERS}, "HTTPS": {**SERVER, **HEADERS, **TLS_HEADERS}}


@mend("elbv2-listener-attributes", "the attributes of a listener and their defaults")
def listener_attributes() -> None:
    """AWS: a listener of an application load balancer has attributes for the headers of requests and answers (API
    Reference, ListenerAttribute). moto: that of a network load balancer. Goes when moto returns them."""

    @around(ELBv2Backend, "describe_listener_attributes")
    def describe(original: Callable, backend: Any, listener_arn: str) -> dict[str, str]:
        return _attributes(backend, listener_arn, original(backend, listener_arn))

    @around(ELBv2Backend, "modify_listener_attributes")
    def modify(original: Callable, backend: Any, listener_arn: str, attrs: list[dict[str, str]]) -> dict[str, str]:
        return _attributes(backend, listener_arn, original(backend, listener_arn, attrs))


def _attributes(backend: Any, listener_arn: str, stored: dict[str, str]) -> dict[str, str]:
    (listener,) = backend.describe_listeners(None, [listener_arn])
    defaults = LISTENER_ATTRIBUTES.get(listener.protocol)
    return {key: stored.get(key, default) for key, default in defaults.items()} if defaults else stored


DEFAULT_POLICY = "ELBSecurityPolicy-2016-08"


@mend("elbv2-listener-settings", "what belongs to TLS and what does not, in CreateListener and ModifyListener")
def listener_settings() -> None:
    """AWS: a listener with HTTPS has a security policy and mutual authentication (off by default), one with HTTP
    neither nor certificates; both can be changed, as the ALPN policy (API Reference, CreateListener, ModifyListener).
    moto: a security policy for every protocol, no mutual authentication, and keeps certificates. Goes when moto stores
    them."""

    def settle(original: Callable, response: Any) -> ActionResult:
        answer, params = original(response), response._get_params()
        (listener,) = answer.result["Listeners"]
        listener.alpn_policy = params.get("AlpnPolicy") or listener.alpn_policy
        if listener.protocol in ("HTTPS", "TLS"):
            kept = listener.__dict__.get("mutual_authentication") or {"Mode": "off"}
            listener.mutual_authentication = params.get("MutualAuthentication") or kept
            listener.ssl_policy = listener.ssl_policy or DEFAULT_POLICY
        else:
            listener.ssl_policy = listener.certificate = listener.mutual_authentication = None
            listener.certificates, listener.further_certificates = [], []
        return answer

    around(ELBV2Response, "create_listener")(settle)
    around(ELBV2Response, "modify_listener")(settle)


@mend("elbv2-listener-certificates", "the default certificate of a listener and its further ones")
def listener_certificates() -> None:
    """AWS: DescribeListeners returns the default certificate only; ModifyListener replaces it and leaves the list of
    others alone, which has nothing twice; the default is not removed (API Reference, AddListenerCertificates,
    RemoveListenerCertificates). moto: one list for all. Goes when moto has two."""

    def find(backend: Any, arn: str) -> Any:
        (listener,) = backend.describe_listeners(None, [arn])
        listener.__dict__.setdefault("further_certificates", [])
        return listener

    def add(backend: Any, arn: str, certificates: list[dict[str, Any]]) -> list[str]:
        listener = find(backend, arn)
        wanted = dict.fromkeys([*listener.further_certificates, *(one["CertificateArn"] for one in certificates)])
        if len(wanted) > 25:
            raise TooManyCertificatesError
        listener.further_certificates = list(wanted)
        return listener.further_certificates

    def describe(backend: Any, arn: str) -> list[str]:
        listener = find(backend, arn)
        return [*listener.certificates, *listener.further_certificates]

    def remove(backend: Any, arn: str, certificates: list[dict[str, Any]]) -> None:
        listener, gone = find(backend, arn), {one["CertificateArn"] for one in certificates}
        if gone & set(listener.certificates) - set(listener.further_certificates):
            raise ELBClientError("OperationNotPermitted", "The default certificate of a listener cannot be removed")
        listener.further_certificates = [one for one in listener.further_certificates if one not in gone]

    ELBv2Backend.add_listener_certificates = add
    ELBv2Backend.describe_listener_certificates = describe
    ELBv2Backend.remove_listener_certificates = remove


@mend("elbv2-actions", "actions are returned with their defaults")
def actions() -> None:
    """AWS: returns a forward to one group in both of its forms, and a redirect with all of its parts (API Reference,
    Action, RedirectActionConfig). moto: what was sent. Goes when moto completes them."""
    parts = {"Protocol": "#{protocol}", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}

    @around(FakeAction, "__init__")
    def init(original: Callable, action: Any, data: dict[str, Any]) -> None:
        if data.get("Type") == "forward":
            if "ForwardConfig" not in data and "TargetGroupArn" in data:
                data["ForwardConfig"] = {"TargetGroups": [{"TargetGroupArn": data["TargetGroupArn"]}]}
            groups = data.get("ForwardConfig", {}).get("TargetGroups", [])
            if len(groups) == 1:
                data["TargetGroupArn"] = groups[0]["TargetGroupArn"]
        if "RedirectConfig" in data:
            data["RedirectConfig"] = {**parts, **data["RedirectConfig"]}
        original(action, data)


@mend("elbv2-conditions", "conditions on host and path are returned in both of their forms")
def conditions() -> None:
    """AWS: returns Values and HostHeaderConfig or PathPatternConfig, whichever was sent (API Reference, RuleCondition).
    moto: what was sent. Goes when moto completes them."""
    forms = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}

    def complete(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        rule = original(backend, *args, **kwargs)
        for condition in rule.conditions:
            form = forms.get(condition.get("Field"))
            if form:
                values = condition.get("Values") or condition[form]["Values"]
                condition.update({"Values": values, form: {**condition.get(form, {}), "Values": values}})
        return rule

    around(ELBv2Backend, "create_rule")(complete)
    around(ELBv2Backend, "modify_rule")(complete)
