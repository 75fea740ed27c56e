"""What AWS refuses of load balancer calls and moto lets pass. Registered like the rules of strict.py."""

import json
import re
from collections.abc import Iterator
from typing import Any

from moto.acm.models import acm_backends
from moto.ec2.responses import EC2Response
from moto.elbv2.responses import ELBV2Response
from moto.elbv2.ssl_policies import SSL_POLICIES
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends

import key_policy
from mends_elbv2 import BALANCER_ATTRIBUTES, GROUP_ATTRIBUTES, LISTENER_ATTRIBUTES, forwarded
from strict import rule

# --- What several need ---------------------------------------------------------------------------


def _balancer(request: Any) -> Any:
    """The load balancer that the request is about, directly or by its listener or rule."""
    params, balancers = request._get_params(), request.elbv2_backend.load_balancers
    if "LoadBalancerArn" in params:
        return balancers.get(params["LoadBalancerArn"])
    listener = _listener(request)
    return balancers.get(listener.load_balancer_arn) if listener else None


def _listener(request: Any) -> Any:
    params = request._get_params()
    balancers = request.elbv2_backend.load_balancers.values()
    listeners = [one for balancer in balancers for one in balancer.listeners.values()]
    rule_arn = params.get("RuleArn")
    known = (one for one in listeners if one.arn == params.get("ListenerArn") or _rule_of(one, rule_arn))
    return next(known, None)


def _rule_of(listener: Any, arn: str | None) -> Any:
    return next((one for one in listener.rules.values() if one.arn == arn), None)


def _subnet_ids(request: Any) -> list[str]:
    params = request._get_params()
    return [*params.get("Subnets", []), *(one["SubnetId"] for one in params.get("SubnetMappings", []))]


def _subnets(request: Any) -> Iterator[Any]:
    known = {subnet.id: subnet for subnet in request.elbv2_backend.ec2_backend.describe_subnets()}
    return (known[id] for id in _subnet_ids(request) if id in known)


# --- Load balancers ------------------------------------------------------------------------------


@rule(
    "elbv2-name",
    "ValidationError",
    "a load balancer's name has up to 32 letters, digits and inner hyphens, and does not begin with internal-",
    ELBV2Response,
    "CreateLoadBalancer",
)
def elbv2_name(request: Any) -> str | None:
    name = request._get_params().get("Name") or ""
    if len(name) > 32:
        return f"The load balancer name '{name}' cannot be longer than '32' characters"
    if not re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?", name):
        return f"The load balancer name '{name}' can only contain alphanumeric characters and inner hyphens(-)"
    if name.startswith("internal-"):
        return f"The load balancer name '{name}' cannot begin with 'internal-'"
    return None


@rule(
    "elbv2-subnet",
    "SubnetNotFound",
    "the subnets of a load balancer exist",
    ELBV2Response,
    "CreateLoadBalancer",
    "SetSubnets",
)
def elbv2_subnet(request: Any) -> str | None:
    if missing := set(_subnet_ids(request)) - {subnet.id for subnet in _subnets(request)}:
        return f"The subnet ID '{', '.join(sorted(missing))}' does not exist"
    return None


@rule(
    "elbv2-zones",
    "ValidationError",
    "an application load balancer is in two zones at least",
    ELBV2Response,
    "CreateLoadBalancer",
    "SetSubnets",
)
def elbv2_zones(request: Any) -> str | None:
    known = _balancer(request)
    kind = known.type if known else request._get_params().get("Type", "application")
    if kind != "application" or len({subnet.availability_zone for subnet in _subnets(request)}) > 1:
        return None
    return "At least two subnets in two different Availability Zones must be specified"


@rule(
    "elbv2-one-subnet-per-zone",
    "InvalidConfigurationRequest",
    "a load balancer has one subnet in a zone",
    ELBV2Response,
    "CreateLoadBalancer",
    "SetSubnets",
)
def elbv2_one_subnet_per_zone(request: Any) -> str | None:
    zones = [subnet.availability_zone for subnet in _subnets(request)]
    if len(zones) == len(set(zones)):
        return None
    return "A load balancer cannot be attached to multiple subnets in the same Availability Zone"


@rule(
    "elbv2-internet-gateway",
    "InvalidSubnet",
    "an internet-facing load balancer is in a VPC with an internet gateway",
    ELBV2Response,
    "CreateLoadBalancer",
)
def elbv2_internet_gateway(request: Any) -> str | None:
    gateways = request.elbv2_backend.ec2_backend.internet_gateways.values()
    attached = {gateway.vpc.id for gateway in gateways if gateway.vpc}
    internal = request._get_params().get("Scheme") == "internal"
    without = [subnet.vpc_id for subnet in _subnets(request) if not internal and subnet.vpc_id not in attached]
    return f"VPC {without[0]} has no internet gateway" if without else None


@rule(
    "elbv2-security-group",
    "InvalidSecurityGroup",
    "the security groups of a load balancer exist",
    ELBV2Response,
    "CreateLoadBalancer",
    "SetSecurityGroups",
)
def elbv2_security_group(request: Any) -> str | None:
    network = request.elbv2_backend.ec2_backend
    groups = request._get_params().get("SecurityGroups", [])
    missing = [id for id in groups if network.get_security_group_from_id(id) is None]
    return f"The security group '{missing[0]}' does not exist" if missing else None


@rule(
    "elbv2-security-group-of-vpc",
    "InvalidConfigurationRequest",
    "the security groups of a load balancer are of its VPC",
    ELBV2Response,
    "CreateLoadBalancer",
    "SetSecurityGroups",
)
def elbv2_security_group_of_vpc(request: Any) -> str | None:
    known, network = _balancer(request), request.elbv2_backend.ec2_backend
    vpcs = {known.vpc_id} if known else {subnet.vpc_id for subnet in _subnets(request)}
    groups = [network.get_security_group_from_id(id) for id in request._get_params().get("SecurityGroups", [])]
    return "One or more security groups are invalid" if any(group.vpc_id not in vpcs for group in groups) else None


@rule(
    "elbv2-mapped-addresses",
    "DependencyViolation",
    "an internet gateway stays while an internet-facing load balancer has addresses in its VPC",
    EC2Response,
    "DetachInternetGateway",
)
def elbv2_mapped_addresses(request: Any) -> str | None:
    vpc_id, interfaces = request._get_param("VpcId"), request.ec2_backend.enis.values()
    if any(one.subnet.vpc_id == vpc_id and one.requester_id == "amazon-elb" and one.public_ip for one in interfaces):
        return (
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway."
        )
    return None


@rule(
    "elbv2-deletion-protection",
    "OperationNotPermitted",
    "a load balancer that is protected against deletion stays",
    ELBV2Response,
    "DeleteLoadBalancer",
)
def elbv2_deletion_protection(request: Any) -> str | None:
    known = _balancer(request)
    if known and known.attrs.get("deletion_protection.enabled") == "true":
        return f"Load balancer '{known.arn}' cannot be deleted because deletion protection is enabled"
    return None


# --- Attributes ----------------------------------------------------------------------------------

# Of load balancers and target groups of other types.
OTHER_BALANCER_ATTRIBUTES = {
    *("dns_record.client_routing_policy", "ipv6.deny_all_igw_traffic", "secondary_ips.auto_assigned.per_subnet"),
}
OTHER_GROUP_ATTRIBUTES = {
    *("deregistration_delay.connection_termination.enabled", "lambda.multi_value_headers.enabled"),
    *("preserve_client_ip.enabled", "proxy_protocol_v2.enabled", "target_failover.on_deregistration"),
    *("target_failover.on_unhealthy", "target_health_state.unhealthy.connection_termination.enabled"),
    "target_health_state.unhealthy.draining_interval_seconds",
}
# What each attribute may be, where that is not any text (API Reference of the attributes): words, or least and most.
BOUNDS = {
    "client_keep_alive.seconds": (60, 604800),
    "deregistration_delay.timeout_seconds": (0, 3600),
    "idle_timeout.timeout_seconds": (1, 4000),
    "stickiness.app_cookie.duration_seconds": (1, 604800),
    "stickiness.lb_cookie.duration_seconds": (1, 604800),
}
WORDS = {
    "load_balancing.algorithm.anomaly_mitigation": ("on", "off"),
    "load_balancing.algorithm.type": ("round_robin", "least_outstanding_requests", "weighted_random"),
    "load_balancing.cross_zone.enabled": ("true", "false", "use_load_balancer_configuration"),
    "routing.http.desync_mitigation_mode": ("monitor", "defensive", "strictest"),
    "routing.http.xff_header_processing.mode": ("append", "preserve", "remove"),
}


def _attributes(request: Any) -> dict[str, str]:
    return {one["Key"]: one.get("Value", "") for one in request._get_params().get("Attributes", [])}


def _unknown(request: Any, subject: str, known: set[str]) -> str | None:
    for key in _attributes(request):
        if key not in known:
            return f"{subject} attribute key '{key}' is not recognized"
    return None


@rule(
    "elbv2-load-balancer-attribute-keys",
    "ValidationError",
    "the attributes of a load balancer are those that there are",
    ELBV2Response,
    "ModifyLoadBalancerAttributes",
)
def elbv2_load_balancer_attribute_keys(request: Any) -> str | None:
    return _unknown(request, "Load balancer", {*BALANCER_ATTRIBUTES, *OTHER_BALANCER_ATTRIBUTES})


@rule(
    "elbv2-target-group-attribute-keys",
    "ValidationError",
    "the attributes of a target group are those that there are",
    ELBV2Response,
    "ModifyTargetGroupAttributes",
)
def elbv2_target_group_attribute_keys(request: Any) -> str | None:
    return _unknown(request, "Target group", {*GROUP_ATTRIBUTES, *OTHER_GROUP_ATTRIBUTES})


@rule(
    "elbv2-listener-attribute-keys",
    "ValidationError",
    "the attributes of a listener are those that there are",
    ELBV2Response,
    "ModifyListenerAttributes",
)
def elbv2_listener_attribute_keys(request: Any) -> str | None:
    return _unknown(request, "Listener", {*LISTENER_ATTRIBUTES["HTTPS"], "tcp.idle_timeout.seconds"})


@rule(
    "elbv2-listener-attribute-protocol",
    "InvalidConfigurationRequest",
    "what is about TLS is an attribute of HTTPS listeners only",
    ELBV2Response,
    "ModifyListenerAttributes",
)
def elbv2_listener_attribute_protocol(request: Any) -> str | None:
    listener = _listener(request)
    supported = LISTENER_ATTRIBUTES.get(listener.protocol) if listener else None
    for key in _attributes(request):
        if supported is not None and key not in supported:
            return f"Listener attribute key '{key}' is not supported for {listener.protocol} listeners"
    return None


@rule(
    "elbv2-attribute-values",
    "ValidationError",
    "an attribute is a word or a number of those that it can be",
    ELBV2Response,
    "ModifyLoadBalancerAttributes",
    "ModifyTargetGroupAttributes",
    "ModifyListenerAttributes",
)
def elbv2_attribute_values(request: Any) -> str | None:
    for key, value in _attributes(request).items():
        words = WORDS.get(key) or (("true", "false") if key.endswith(".enabled") else None)
        if words and value not in words:
            return f"'{key}' value '{value}' must be one of [{', '.join(words)}]"
        least, most = BOUNDS.get(key, (None, None))
        if least is not None and not (value.isdigit() and least <= int(value) <= most):
            return f"'{key}' value '{value}' must be between '{least}-{most}' inclusive"
    return None


# Who delivers logs in regions older than August 2022, where a policy may name the account instead of the service
# (Application Load Balancer User Guide, "Enable access logs").
LOG_ACCOUNTS = {
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
    "af-south-1": "098369216593",
    "ap-east-1": "754344448648",
    "ap-south-1": "718504428378",
    "ap-northeast-1": "582318560864",
    "ap-northeast-2": "600734575887",
    "ap-northeast-3": "383597477331",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
    "ap-southeast-3": "589379963580",
    "ca-central-1": "985666609251",
    "eu-central-1": "054676820928",
    "eu-north-1": "897822967062",
    "eu-south-1": "635631232127",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-west-3": "009996457667",
    "me-south-1": "076674570225",
    "sa-east-1": "507241528517",
}


@rule(
    "elbv2-log-bucket",
    "InvalidConfigurationRequest",
    "the bucket for logs is in the region, has no KMS key, and its policy lets their delivery write where they go",
    ELBV2Response,
    "ModifyLoadBalancerAttributes",
)
def elbv2_log_bucket(request: Any) -> str | None:
    known, sent = _balancer(request), _attributes(request)
    wanted = {**known.attrs, **sent} if known else {}
    for kind in ("access_logs", "connection_logs", "health_check_logs"):
        if wanted.get(f"{kind}.s3.enabled") != "true" or not any(key.startswith(kind) for key in sent):
            continue
        bucket, prefix = wanted.get(f"{kind}.s3.bucket", ""), wanted.get(f"{kind}.s3.prefix", "")
        if not bucket:
            return f"{kind}.s3.bucket must be specified when {kind}.s3.enabled is true"
        if not _admits(request, bucket, prefix, known.arn):
            return f"Access Denied for bucket: {bucket}. Please check S3bucket permission"
    return None


def _admits(request: Any, name: str, prefix: str, balancer_arn: str) -> bool:
    account, region = request.current_account, request.region
    _partition, owner = s3_backends.bucket_accounts.get(name, (None, None))
    bucket = s3_backends[owner]["aws"].buckets.get(name) if owner else None
    if bucket is None or bucket.region_name != region or "aws:kms" in json.dumps(bucket.encryption):
        return False
    # What AWS writes to find out.
    place = f"{prefix}/AWSLogs/{account}" if prefix else f"AWSLogs/{account}"
    policy = key_policy.about((bucket.policy or b"").decode(), f"arn:aws:s3:::{name}/{place}/ELBAccessLogTestFile")
    tls = {"aws:SecureTransport": "true"}
    service = {"*", "logdelivery.elasticloadbalancing.amazonaws.com"}
    source = {**tls, "aws:SourceAccount": account, "aws:SourceArn": balancer_arn}
    number = LOG_ACCOUNTS.get(region)
    root = {"*", number, f"arn:aws:iam::{number}:root"} if number else set()
    callers = ((service, source), (root, tls))
    return any(key_policy.allows(policy, principals, "s3:PutObject", context) for principals, context in callers)


# --- Target groups -------------------------------------------------------------------------------


@rule(
    "elbv2-health-check",
    "ValidationError",
    "a health check has an interval of 5 to 300 s, a shorter timeout of 2 to 120 s, and thresholds of 2 to 10",
    ELBV2Response,
    "CreateTargetGroup",
    "ModifyTargetGroup",
)
def elbv2_health_check(request: Any) -> str | None:
    params = request._get_params()
    group = request.elbv2_backend.target_groups.get(params.get("TargetGroupArn"))
    for name, least, most in (
        ("HealthCheckIntervalSeconds", 5, 300),
        ("HealthCheckTimeoutSeconds", 2, 120),
        ("HealthyThresholdCount", 2, 10),
        ("UnhealthyThresholdCount", 2, 10),
    ):
        value = params.get(name)
        if value is not None and not least <= value <= most:
            return f"{name} '{value}' must be between '{least}' and '{most}' inclusive"
    interval = params.get("HealthCheckIntervalSeconds", group.health_check_interval_seconds if group else 30)
    timeout = params.get("HealthCheckTimeoutSeconds", group.health_check_timeout_seconds if group else 5)
    protocol = group.protocol if group else params.get("Protocol")
    if protocol in ("HTTP", "HTTPS") and timeout >= interval:
        return f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'"
    return None


# --- Listeners and rules -------------------------------------------------------------------------


@rule(
    "elbv2-listener-port",
    "DuplicateListener",
    "a load balancer has one listener on a port",
    ELBV2Response,
    "CreateListener",
    "ModifyListener",
)
def elbv2_listener_port(request: Any) -> str | None:
    params, known = request._get_params(), _balancer(request)
    others = [one for one in known.listeners.values() if one.arn != params.get("ListenerArn")] if known else []
    taken = params.get("Port") is not None and any(one.port == params["Port"] for one in others)
    return "A listener already exists on this port for this load balancer" if taken else None


@rule(
    "elbv2-security-policy",
    "SSLPolicyNotFound",
    "the security policy of a listener exists",
    ELBV2Response,
    "CreateListener",
    "ModifyListener",
)
def elbv2_security_policy(request: Any) -> str | None:
    name = request._get_params().get("SslPolicy")
    return f"SSL policy '{name}' not found" if name and name not in SSL_POLICIES else None


@rule(
    "elbv2-certificate",
    "CertificateNotFound",
    "the certificates of a listener exist in account and region",
    ELBV2Response,
    "CreateListener",
    "ModifyListener",
    "AddListenerCertificates",
)
def elbv2_certificate(request: Any) -> str | None:
    issued = acm_backends[request.current_account][request.region]._certificates
    uploaded = iam_backends[request.current_account][request.partition]
    for certificate in request._get_params().get("Certificates", []):
        arn = certificate["CertificateArn"]
        if arn not in issued and uploaded.get_certificate_by_arn(arn) is None:
            return f"Certificate ARN '{arn}' is not valid"
    return None


@rule(
    "elbv2-certificate-of-https",
    "ValidationError",
    "a listener with HTTPS has a certificate",
    ELBV2Response,
    "CreateListener",
    "ModifyListener",
)
def elbv2_certificate_of_https(request: Any) -> str | None:
    params, known = request._get_params(), _listener(request)
    protocol = params.get("Protocol") or (known.protocol if known else None)
    if protocol == "HTTPS" and not params.get("Certificates") and not (known and known.certificates):
        return "A certificate must be specified for HTTPS listeners"
    return None


FORWARDS = ("CreateListener", "ModifyListener", "CreateRule", "ModifyRule")


def _targets(request: Any) -> list[str]:
    """The target groups to which the actions of the request forward."""
    params, backend = request._get_params(), request.elbv2_backend
    actions = [*params.get("DefaultActions", []), *params.get("Actions", [])]
    return [arn for action in actions for arn in backend._get_target_group_arns_from(action_data=action)]


@rule(
    "elbv2-target-group-exists",
    "TargetGroupNotFound",
    "the target groups to which a listener forwards exist",
    ELBV2Response,
    *FORWARDS,
)
def elbv2_target_group_exists(request: Any) -> str | None:
    missing = [arn for arn in _targets(request) if arn not in request.elbv2_backend.target_groups]
    return f"Target groups '{', '.join(missing)}' not found" if missing else None


@rule(
    "elbv2-target-group-of-vpc",
    "InvalidConfigurationRequest",
    "a listener forwards to target groups of the load balancer's VPC",
    ELBV2Response,
    *FORWARDS,
)
def elbv2_target_group_of_vpc(request: Any) -> str | None:
    known, groups = _balancer(request), request.elbv2_backend.target_groups
    foreign = [arn for arn in _targets(request) if known and groups[arn].vpc_id not in (None, known.vpc_id)]
    return f"These target groups are not in the VPC of the load balancer: {', '.join(foreign)}" if foreign else None


@rule(
    "elbv2-target-group-association",
    "TargetGroupAssociationLimit",
    "a target group is used by one load balancer",
    ELBV2Response,
    *FORWARDS,
)
def elbv2_target_group_association(request: Any) -> str | None:
    known, backend = _balancer(request), request.elbv2_backend
    others = [one for one in backend.load_balancers.values() if known and one is not known]
    taken = [arn for arn in _targets(request) if any(arn in forwarded(backend, one) for one in others)]
    message = "The following target groups cannot be associated with more than one load balancer"
    return f"{message}: {', '.join(taken)}" if taken else None


@rule(
    "elbv2-default-rule",
    "OperationNotPermitted",
    "the default rule of a listener goes with it, and is changed with it",
    ELBV2Response,
    "DeleteRule",
    "ModifyRule",
)
def elbv2_default_rule(request: Any) -> str | None:
    arn, listener = request._get_params().get("RuleArn"), _listener(request)
    known = _rule_of(listener, arn) if listener else None
    return f"Default rule '{arn}' cannot be changed or deleted" if known and known.is_default else None


# --- Descriptions --------------------------------------------------------------------------------


@rule(
    "elbv2-list-lengths",
    "ValidationError",
    "a call describes at most 20 load balancers or the tags of 20 things, and a page has at most 400",
    ELBV2Response,
    "DescribeTags",
    "DescribeLoadBalancers",
    "DescribeTargetGroups",
    "DescribeListeners",
    "DescribeRules",
)
def elbv2_list_lengths(request: Any) -> str | None:
    params = request._get_params()
    for name in ("ResourceArns", "LoadBalancerArns"):
        if len(params.get(name, [])) > 20:
            return f"You can specify up to 20 entries of {name} in a single call"
    size = params.get("PageSize", 400)
    return None if 1 <= size <= 400 else f"Page size '{size}' must be between '1' and '400' inclusive"
