"""Checks of the emulator's load balancers with plain boto3: what was mended, and what is refused."""

import json
from typing import Any

from checks import REGION, Aws, by, check, has, refused, same, sorted_tags, tags, until

WEB = {"Protocol": "HTTP", "Port": 80}
TLS = {"Protocol": "HTTPS", "Port": 443}
GONE = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410", "ContentType": "text/plain"}}
DELIVERY = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}


def network(aws: Aws, internet: bool = True) -> tuple[str, list[str], str]:
    """A VPC with three subnets in three zones, and a security group."""
    vpc = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = [
        aws.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{at}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for at, zone in enumerate("abc")
    ]
    if internet:
        gateway = aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        aws.ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    return vpc, [one["Subnet"]["SubnetId"] for one in made], security_group(aws, vpc)


def security_group(aws: Aws, vpc: str, name: str = "web") -> str:
    return aws.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]


def balancer(aws: Aws, subnets: list[str], group: str, name: str = "main", **more: Any) -> str:
    made = aws.elbv2.create_load_balancer(Name=name, Subnets=subnets[:2], SecurityGroups=[group], **more)
    return made["LoadBalancers"][0]["LoadBalancerArn"]


def target_group(aws: Aws, vpc: str, name: str = "app", **more: Any) -> str:
    wanted = {"Name": name, "Protocol": "HTTP", "Port": 8080, "VpcId": vpc, "TargetType": "ip", **more}
    return aws.elbv2.create_target_group(**wanted)["TargetGroups"][0]["TargetGroupArn"]


def listener(aws: Aws, arn: str, *actions: dict[str, Any], **more: Any) -> str:
    wanted = {"LoadBalancerArn": arn, "DefaultActions": list(actions or [GONE]), **WEB, **more}
    return aws.elbv2.create_listener(**wanted)["Listeners"][0]["ListenerArn"]


def certificate(aws: Aws, name: str) -> dict[str, str]:
    return {"CertificateArn": aws.acm.request_certificate(DomainName=name)["CertificateArn"]}


def read(aws: Aws, arn: str) -> dict[str, Any]:
    return aws.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]


def read_listener(aws: Aws, arn: str) -> dict[str, Any]:
    return aws.elbv2.describe_listeners(ListenerArns=[arn])["Listeners"][0]


def read_group(aws: Aws, arn: str) -> dict[str, Any]:
    return aws.elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]


def attributes(answer: dict[str, Any]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in answer["Attributes"]}


def changes(**pairs: str) -> list[dict[str, str]]:
    """Attributes, with __ for a dot in their keys."""
    return [{"Key": key.replace("__", "."), "Value": value} for key, value in pairs.items()]


def forward(arn: str) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": arn}


# --- Load balancers ------------------------------------------------------------------------------


@check
def a_load_balancer_is_provisioned(aws: Aws) -> None:
    vpc, subnets, group = network(aws)
    arn = balancer(aws, subnets, group, Tags=tags(a="b"))
    made = read(aws, arn)
    has(made, LoadBalancerName="main", Scheme="internet-facing", Type="application", IpAddressType="ipv4", VpcId=vpc)
    has(made, State={"Code": "provisioning"}, SecurityGroups=[group])
    same({zone["SubnetId"] for zone in made["AvailabilityZones"]}, set(subnets[:2]))
    assert made["DNSName"].startswith("main-") and made["DNSName"].endswith(f".{REGION}.elb.amazonaws.com"), made
    until("active", lambda: read(aws, arn)["State"]["Code"])
    inside = read(aws, balancer(aws, subnets, group, "inner", Scheme="internal"))
    assert inside["DNSName"].startswith("internal-inner-"), inside
    by_default = aws.elbv2.create_load_balancer(Name="plain", Subnets=subnets[:2])["LoadBalancers"][0]
    default = aws.ec2.describe_security_groups(Filters=by("vpc-id", vpc) + by("group-name", "default"))
    same(by_default["SecurityGroups"], [default["SecurityGroups"][0]["GroupId"]])


@check
def a_load_balancer_is_made_once(aws: Aws) -> None:
    vpc, subnets, group = network(aws)
    arn = balancer(aws, subnets, group)
    same(balancer(aws, [subnets[1], subnets[0]], group), arn)
    for changed in ({"subnets": subnets[1:]}, {"group": security_group(aws, vpc, "other")}, {"Scheme": "internal"}):
        with refused("DuplicateLoadBalancerName"):
            balancer(aws, **{"subnets": subnets, "group": group, **changed})
    same(len(aws.elbv2.describe_load_balancers()["LoadBalancers"]), 1)
    dns_name = read(aws, arn)["DNSName"]
    aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    again = balancer(aws, subnets, group)
    assert again != arn and read(aws, again)["DNSName"] != dns_name


@check
def interfaces_outlive_a_load_balancer(aws: Aws) -> None:
    vpc, subnets, group = network(aws)
    other = security_group(aws, vpc, "other")
    arn = balancer(aws, subnets, group)

    def interfaces() -> dict[str, set[str]]:
        found = aws.ec2.describe_network_interfaces(Filters=by("vpc-id", vpc))["NetworkInterfaces"]
        same({one["Description"] for one in found} - {f"ELB {arn.rpartition('loadbalancer/')[2]}"}, set())
        return {one["SubnetId"]: {held["GroupId"] for held in one["Groups"]} for one in found}

    same(interfaces(), {subnet: {group} for subnet in subnets[:2]})
    aws.elbv2.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])
    same((read(aws, arn)["SecurityGroups"], interfaces()), ([other], {subnet: {other} for subnet in subnets[:2]}))
    aws.ec2.delete_security_group(GroupId=group)
    zones = aws.elbv2.set_subnets(LoadBalancerArn=arn, Subnets=subnets[1:])["AvailabilityZones"]
    same({zone["SubnetId"] for zone in zones}, set(subnets[1:]))
    until("2", lambda: str(len(interfaces())))
    same(interfaces(), {subnet: {other} for subnet in subnets[1:]})
    aws.ec2.delete_subnet(SubnetId=subnets[0])
    gateway = aws.ec2.describe_internet_gateways(Filters=by("attachment.vpc-id", vpc))["InternetGateways"][0]
    attached = {"VpcId": vpc, "InternetGatewayId": gateway["InternetGatewayId"]}
    aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    for refuse in (
        lambda: aws.ec2.delete_subnet(SubnetId=subnets[1]),
        lambda: aws.ec2.delete_security_group(GroupId=other),
        lambda: aws.ec2.detach_internet_gateway(**attached),
    ):
        with refused("DependencyViolation"):
            refuse()
    with refused("LoadBalancerNotFound"):
        read(aws, arn)
    until("0", lambda: str(len(interfaces())))
    aws.ec2.delete_subnet(SubnetId=subnets[1])
    aws.ec2.delete_security_group(GroupId=other)
    aws.ec2.detach_internet_gateway(**attached)


@check
def load_balancers_that_cannot_be(aws: Aws) -> None:
    vpc, subnets, group = network(aws)
    other_vpc, other_subnets, other_group = network(aws, internet=False)
    beside = {"VpcId": vpc, "CidrBlock": "10.0.9.0/24", "AvailabilityZone": f"{REGION}a"}
    twin = aws.ec2.create_subnet(**beside)["Subnet"]["SubnetId"]
    for name in ("a" * 33, "a_b", "-a", "a-", "internal-a", ""):
        with refused("ValidationError"):
            balancer(aws, subnets, group, name)
    for code, wrong in (
        ("SubnetNotFound", {"subnets": [subnets[0], "subnet-00000000000000000"]}),
        ("ValidationError", {"subnets": subnets[:1]}),
        ("ValidationError", {"subnets": [subnets[0], twin]}),
        ("InvalidSubnet", {"subnets": other_subnets, "group": other_group}),
        ("InvalidSecurityGroup", {"group": "sg-00000000000000000"}),
        ("InvalidConfigurationRequest", {"group": other_group}),
    ):
        with refused(code):
            balancer(aws, **{"subnets": subnets, "group": group, **wrong})
    with refused("InvalidConfigurationRequest"):
        aws.elbv2.create_load_balancer(Name="main", Subnets=[*subnets, twin], SecurityGroups=[group])
    balancer(aws, other_subnets, other_group, Scheme="internal")
    arn = balancer(aws, subnets, group, "public")
    for code, call, wrong in (
        ("InvalidSecurityGroup", aws.elbv2.set_security_groups, {"SecurityGroups": ["sg-00000000000000000"]}),
        ("InvalidConfigurationRequest", aws.elbv2.set_security_groups, {"SecurityGroups": [other_group]}),
        ("ValidationError", aws.elbv2.set_subnets, {"Subnets": subnets[:1]}),
        ("SubnetNotFound", aws.elbv2.set_subnets, {"Subnets": [subnets[0], "subnet-00000000000000000"]}),
        ("InvalidConfigurationRequest", aws.elbv2.set_subnets, {"Subnets": [*subnets, twin]}),
    ):
        with refused(code):
            call(LoadBalancerArn=arn, **wrong)
    same(aws.elbv2.set_ip_address_type(LoadBalancerArn=arn, IpAddressType="dualstack")["IpAddressType"], "dualstack")
    same(read(aws, arn)["IpAddressType"], "dualstack")


@check
def attributes_of_a_load_balancer(aws: Aws) -> None:
    _, subnets, group = network(aws)
    arn = balancer(aws, subnets, group)
    known = attributes(aws.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn))
    same(len(known), 22)
    has(
        known,
        **{
            "access_logs.s3.enabled": "false",
            "connection_logs.s3.bucket": "",
            "client_keep_alive.seconds": "3600",
            "deletion_protection.enabled": "false",
            "idle_timeout.timeout_seconds": "60",
            "load_balancing.cross_zone.enabled": "true",
            "routing.http.desync_mitigation_mode": "defensive",
            "routing.http.drop_invalid_header_fields.enabled": "false",
            "routing.http.xff_header_processing.mode": "append",
            "routing.http2.enabled": "true",
            "waf.fail_open.enabled": "false",
            "zonal_shift.config.enabled": "false",
        },
    )

    def modify(**pairs: str) -> dict[str, str]:
        return attributes(aws.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=changes(**pairs)))

    wanted = {"idle_timeout__timeout_seconds": "90", "health_check_logs__s3__prefix": "p"}
    changed = modify(**wanted, deletion_protection__enabled="true")
    has(changed, **{key.replace("__", "."): value for key, value in wanted.items()})
    same(changed.keys(), known.keys())
    same(attributes(aws.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)), changed)
    for wrong in (
        {"absent": "true"},
        {"idle_timeout__timeout_seconds": "4001"},
        {"idle_timeout__timeout_seconds": "soon"},
        {"routing__http2__enabled": "yes"},
        {"routing__http__desync_mitigation_mode": "lax"},
    ):
        with refused("ValidationError"):
            modify(**wrong)
    with refused("OperationNotPermitted"):
        aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    modify(deletion_protection__enabled="false")
    aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)


@check
def logs_go_to_a_bucket_that_admits_them(aws: Aws) -> None:
    _, subnets, group = network(aws)
    arn, bucket = balancer(aws, subnets, group), f"logs-{aws.account}"
    place = f"arn:aws:s3:::{bucket}/web/AWSLogs/{aws.account}/*"

    def enable(kind: str = "access_logs", prefix: str = "web", name: str = bucket) -> None:
        wanted = {f"{kind}__s3__enabled": "true", f"{kind}__s3__bucket": name, f"{kind}__s3__prefix": prefix}
        aws.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=changes(**wanted))

    def admit(principal: Any, resource: str = place, *others: dict[str, Any], **condition: dict[str, str]) -> None:
        one = {"Effect": "Allow", "Principal": principal, "Action": "s3:PutObject", "Resource": resource}
        policy = {"Version": "2012-10-17", "Statement": [{**one, "Condition": condition}, *others]}
        aws.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def denied(**call: str) -> None:
        with refused("InvalidConfigurationRequest"):
            enable(**call)

    denied()
    aws.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    denied()
    admit({"Service": "delivery.logs.amazonaws.com"})
    denied()
    admit(DELIVERY, place.replace("/web/", "/other/"))
    denied()
    admit(DELIVERY, StringEquals={"aws:SourceAccount": "999999999999"})
    denied()
    admit(DELIVERY, ArnLike={"aws:SourceArn": f"arn:aws:elasticloadbalancing:us-east-1:{aws.account}:loadbalancer/*"})
    denied()
    everyone = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    admit(DELIVERY, place, everyone)
    denied()
    denied(name="")
    source = {"aws:SourceArn": f"arn:aws:elasticloadbalancing:{REGION}:{aws.account}:loadbalancer/*"}
    without_tls = {**everyone, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    admit(DELIVERY, place, without_tls, StringEquals={"aws:SourceAccount": aws.account}, ArnLike=source)
    enable()
    enable("connection_logs")
    denied(prefix="")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    aws.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    denied()
    aws.s3.delete_bucket_encryption(Bucket=bucket)
    admit({"AWS": "arn:aws:iam::156460612806:root"}, f"arn:aws:s3:::{bucket}/AWSLogs/{aws.account}/*")
    denied()
    off = changes(connection_logs__s3__enabled="false")
    aws.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=off)
    enable(prefix="")


# --- Descriptions and tags -----------------------------------------------------------------------


@check
def load_balancers_and_target_groups_are_paged(aws: Aws) -> None:
    vpc, subnets, group = network(aws)
    arns = [balancer(aws, subnets, group, f"main-{number}") for number in range(3)]
    groups = [target_group(aws, vpc, f"app-{number}") for number in range(3)]
    elbv2 = aws.elbv2
    for describe, result, key, names, wanted in (
        (elbv2.describe_load_balancers, "LoadBalancers", "LoadBalancerArn", ["main-1", "main-2"], arns),
        (elbv2.describe_target_groups, "TargetGroups", "TargetGroupArn", ["app-1", "app-2"], groups),
    ):
        first = describe(PageSize=2)
        rest = describe(PageSize=2, Marker=first["NextMarker"])
        same([one[key] for one in first[result] + rest[result]], wanted)
        same("NextMarker" in rest, False)
        same({one[key] for one in describe(Names=names)[result]}, set(wanted[1:]))
        same({one[key] for one in describe(**{f"{key}s": wanted[:2]})[result]}, set(wanted[:2]))
        for size in (0, 401):
            with refused("ValidationError"):
                describe(PageSize=size)
    for number in range(3):
        listener(aws, arns[0], Port=8000 + number)
    first = elbv2.describe_listeners(LoadBalancerArn=arns[0], PageSize=2)
    rest = elbv2.describe_listeners(LoadBalancerArn=arns[0], PageSize=2, Marker=first["NextMarker"])
    same([one["Port"] for one in first["Listeners"] + rest["Listeners"]], [8000, 8001, 8002])
    absent = arns[0][:-4] + "0000"
    with refused("LoadBalancerNotFound"):
        elbv2.describe_load_balancers(LoadBalancerArns=[arns[0], absent])
    with refused("LoadBalancerNotFound"):
        elbv2.describe_load_balancers(Names=["main-0", "absent"])
    with refused("TargetGroupNotFound"):
        elbv2.describe_target_groups(Names=["app-0", "absent"])
    with refused("ListenerNotFound"):
        elbv2.describe_listeners(ListenerArns=[rest["Listeners"][0]["ListenerArn"], f"{absent}/0"])
    with refused("ValidationError"):
        elbv2.describe_load_balancers(LoadBalancerArns=[arns[0]] * 21)


@check
def tags_of_all_kinds(aws: Aws) -> None:
    vpc, subnets, group = network(aws)
    arn, app = balancer(aws, subnets, group, Tags=tags(kind="a")), target_group(aws, vpc, Tags=tags(kind="b"))
    heard = listener(aws, arn, Tags=tags(kind="c"))
    ruled = {"Priority": 1, "Conditions": [{"Field": "path-pattern", "Values": ["/x"]}], "Actions": [GONE]}
    rule = aws.elbv2.create_rule(ListenerArn=heard, Tags=tags(kind="d"), **ruled)
    arns = [arn, app, heard, rule["Rules"][0]["RuleArn"]]

    def described() -> dict[str, list[dict[str, str]]]:
        found = aws.elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"]
        return {one["ResourceArn"]: sorted_tags(one) for one in found}

    same(described(), dict(zip(arns, (tags(kind=kind) for kind in "abcd"))))
    aws.elbv2.add_tags(ResourceArns=arns, Tags=tags(name="x", **{f"t{number}": "" for number in range(20)}))
    aws.elbv2.remove_tags(ResourceArns=arns, TagKeys=["kind", *(f"t{number}" for number in range(20))])
    same(described(), {one: tags(name="x") for one in arns})
    with refused("TooManyTags"):
        aws.elbv2.add_tags(ResourceArns=[arn], Tags=tags(**{f"t{number}": "" for number in range(50)}))
    with refused("ValidationError"):
        aws.elbv2.describe_tags(ResourceArns=[arn] * 21)
    default = aws.elbv2.describe_rules(ListenerArn=heard)["Rules"][-1]["RuleArn"]
    same(aws.elbv2.describe_tags(ResourceArns=[default])["TagDescriptions"][0]["Tags"], [])
    aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    aws.elbv2.delete_target_group(TargetGroupArn=app)
    for gone, kind in zip(arns, ("LoadBalancer", "TargetGroup", "LoadBalancer", "Rule")):
        with refused(f"{kind}NotFound"):
            aws.elbv2.describe_tags(ResourceArns=[gone])


# --- Target groups -------------------------------------------------------------------------------


@check
def a_target_group_keeps_its_settings(aws: Aws) -> None:
    vpc, _, _ = network(aws)
    wanted = {
        "HealthCheckPath": "/health",
        "HealthCheckIntervalSeconds": 15,
        "HealthCheckTimeoutSeconds": 4,
        "HealthyThresholdCount": 3,
        "UnhealthyThresholdCount": 4,
        "Matcher": {"HttpCode": "200-299"},
    }
    arn = target_group(aws, vpc, **wanted)
    has(read_group(aws, arn), **wanted, TargetType="ip", Port=8080, Protocol="HTTP", ProtocolVersion="HTTP1", VpcId=vpc)
    has(read_group(aws, arn), HealthCheckPort="traffic-port", HealthCheckProtocol="HTTP", HealthCheckEnabled=True)
    same(target_group(aws, vpc, **wanted), arn)
    with refused("DuplicateTargetGroupName"):
        target_group(aws, vpc, **{**wanted, "HealthyThresholdCount": 5})
    same(len(aws.elbv2.describe_target_groups()["TargetGroups"]), 1)
    changed = {
        "HealthCheckPath": "/ready",
        "HealthCheckPort": "8081",
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 20,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
    }
    aws.elbv2.modify_target_group(TargetGroupArn=arn, **changed)
    has(read_group(aws, arn), **changed)
    for wrong in (
        {"HealthCheckIntervalSeconds": 4},
        {"HealthCheckIntervalSeconds": 301},
        {"HealthCheckTimeoutSeconds": 1},
        {"HealthCheckTimeoutSeconds": 121},
        {"HealthCheckTimeoutSeconds": 30},
        {"HealthyThresholdCount": 1},
        {"UnhealthyThresholdCount": 11},
    ):
        with refused("ValidationError"):
            aws.elbv2.modify_target_group(TargetGroupArn=arn, **wrong)
        with refused("ValidationError"):
            target_group(aws, vpc, "other", **wrong)
    has(read_group(aws, arn), **changed)


@check
def attributes_of_a_target_group(aws: Aws) -> None:
    vpc, _, _ = network(aws)
    arn = target_group(aws, vpc)
    known = attributes(aws.elbv2.describe_target_group_attributes(TargetGroupArn=arn))
    same(len(known), 14)
    has(
        known,
        **{
            "deregistration_delay.timeout_seconds": "300",
            "load_balancing.algorithm.type": "round_robin",
            "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
            "slow_start.duration_seconds": "0",
            "stickiness.enabled": "false",
            "stickiness.type": "lb_cookie",
            "stickiness.lb_cookie.duration_seconds": "86400",
            "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
        },
    )

    def modify(**pairs: str) -> dict[str, str]:
        return attributes(aws.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=changes(**pairs)))

    changed = modify(deregistration_delay__timeout_seconds="3600", stickiness__enabled="true")
    same(changed, {**known, "deregistration_delay.timeout_seconds": "3600", "stickiness.enabled": "true"})
    same(attributes(aws.elbv2.describe_target_group_attributes(TargetGroupArn=arn)), changed)
    for wrong in (
        {"absent": "1"},
        {"deregistration_delay__timeout_seconds": "3601"},
        {"load_balancing__algorithm__type": "by_name"},
    ):
        with refused("ValidationError"):
            modify(**wrong)


@check
def a_target_group_has_one_load_balancer(aws: Aws) -> None:
    vpc, subnets, group = network(aws)
    first, second = (balancer(aws, subnets, group, name) for name in ("first", "second"))
    app, other = target_group(aws, vpc), target_group(aws, vpc, "other")
    same(read_group(aws, app)["LoadBalancerArns"], [])
    heard = listener(aws, first, forward(app))
    condition = {"Field": "path-pattern", "Values": ["/x"]}
    ruled = {"ListenerArn": heard, "Conditions": [condition]}
    rule = aws.elbv2.create_rule(Priority=1, Actions=[forward(app)], **ruled)["Rules"][0]["RuleArn"]
    same(read_group(aws, app)["LoadBalancerArns"], [first])
    found = aws.elbv2.describe_target_groups(LoadBalancerArn=first)["TargetGroups"]
    same([one["TargetGroupArn"] for one in found], [app])
    with refused("ResourceInUse"):
        aws.elbv2.delete_target_group(TargetGroupArn=app)
    with refused("TargetGroupAssociationLimit"):
        listener(aws, second, forward(app))
    foreign, absent = target_group(aws, network(aws)[0], "foreign"), app[:-4] + "0000"
    elsewhere = listener(aws, second)
    for code, arn in (
        ("TargetGroupAssociationLimit", app),
        ("InvalidConfigurationRequest", foreign),
        ("TargetGroupNotFound", absent),
    ):
        with refused(code):
            aws.elbv2.modify_listener(ListenerArn=elsewhere, DefaultActions=[forward(arn)])
        with refused(code):
            aws.elbv2.create_rule(**{**ruled, "ListenerArn": elsewhere}, Priority=1, Actions=[forward(arn)])
    aws.elbv2.modify_listener(ListenerArn=heard, DefaultActions=[forward(other)])
    same(read_group(aws, app)["LoadBalancerArns"], [first])
    aws.elbv2.delete_rule(RuleArn=rule)
    same((read_group(aws, app)["LoadBalancerArns"], read_group(aws, other)["LoadBalancerArns"]), ([], [first]))
    aws.elbv2.delete_load_balancer(LoadBalancerArn=first)
    for arn in (app, other):
        aws.elbv2.delete_target_group(TargetGroupArn=arn)


# --- Listeners and rules -------------------------------------------------------------------------


@check
def a_listener_keeps_its_settings(aws: Aws) -> None:
    vpc, subnets, group = network(aws)
    arn, app = balancer(aws, subnets, group), target_group(aws, vpc)
    one, two = certificate(aws, "one.example.com"), certificate(aws, "two.example.com")
    web = listener(aws, arn, {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}})
    has(read_listener(aws, web), **WEB, SslPolicy=None, MutualAuthentication=None, LoadBalancerArn=arn)
    same(read_listener(aws, web).get("Certificates", []), [])
    parts = {"Protocol": "HTTPS", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}
    same(read_listener(aws, web)["DefaultActions"][0]["RedirectConfig"], {**parts, "StatusCode": "HTTP_301"})
    secure = listener(aws, arn, forward(app), **TLS, Certificates=[one])
    has(read_listener(aws, secure), **TLS, SslPolicy="ELBSecurityPolicy-2016-08", MutualAuthentication={"Mode": "off"})
    (action,) = read_listener(aws, secure)["DefaultActions"]
    has(action, Type="forward", TargetGroupArn=app)
    has(action["ForwardConfig"], TargetGroups=[{"TargetGroupArn": app, "Weight": 1}])
    modern = {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "MutualAuthentication": {"Mode": "passthrough"}}
    aws.elbv2.modify_listener(ListenerArn=secure, Port=8443, Certificates=[two], DefaultActions=[GONE], **modern)
    has(read_listener(aws, secure), Port=8443, Certificates=[two], DefaultActions=[GONE], **modern)
    default = aws.elbv2.describe_rules(ListenerArn=secure)["Rules"][0]
    has(default, IsDefault=True, Priority="default", Actions=[GONE])
    aws.elbv2.modify_listener(ListenerArn=secure, Port=8444)
    has(read_listener(aws, secure), Port=8444, Certificates=[two], DefaultActions=[GONE], **modern)
    aws.elbv2.modify_listener(ListenerArn=secure, Protocol="HTTP", AlpnPolicy=["None"])
    has(read_listener(aws, secure), Protocol="HTTP", SslPolicy=None, MutualAuthentication=None, AlpnPolicy=["None"])
    aws.elbv2.modify_listener(ListenerArn=secure, Protocol="HTTPS", Certificates=[one])
    has(read_listener(aws, secure), Protocol="HTTPS", SslPolicy="ELBSecurityPolicy-2016-08", Certificates=[one])
    aws.elbv2.delete_listener(ListenerArn=secure)
    with refused("ListenerNotFound"):
        read_listener(aws, secure)


@check
def listeners_that_cannot_be(aws: Aws) -> None:
    _, subnets, group = network(aws)
    arn, good = balancer(aws, subnets, group), certificate(aws, "one.example.com")
    absent = {"CertificateArn": good["CertificateArn"].replace(REGION, "us-east-1")}
    web, other = listener(aws, arn), listener(aws, arn, Port=81)
    for code, wrong in (
        ("DuplicateListener", {"Port": 80}),
        ("ValidationError", TLS),
        ("CertificateNotFound", {**TLS, "Certificates": [absent]}),
        ("SSLPolicyNotFound", {**TLS, "Certificates": [good], "SslPolicy": "absent"}),
    ):
        with refused(code):
            listener(aws, arn, **wrong)
        with refused(code):
            aws.elbv2.modify_listener(ListenerArn=other, **wrong)
    aws.elbv2.modify_listener(ListenerArn=web, Port=80)
    same({read_listener(aws, one)["Port"] for one in (web, other)}, {80, 81})


@check
def certificates_of_a_listener(aws: Aws) -> None:
    _, subnets, group = network(aws)
    one, two, three = (certificate(aws, f"{name}.example.com") for name in ("one", "two", "three"))
    heard = listener(aws, balancer(aws, subnets, group), **TLS, Certificates=[one])

    def known() -> list[tuple[str, bool]]:
        found = aws.elbv2.describe_listener_certificates(ListenerArn=heard)["Certificates"]
        return [(certificate["CertificateArn"], certificate["IsDefault"]) for certificate in found]

    for _ in range(2):
        aws.elbv2.add_listener_certificates(ListenerArn=heard, Certificates=[two])
    same(known(), [(one["CertificateArn"], True), (two["CertificateArn"], False)])
    same(read_listener(aws, heard)["Certificates"], [one])
    aws.elbv2.modify_listener(ListenerArn=heard, Certificates=[three])
    same(known(), [(three["CertificateArn"], True), (two["CertificateArn"], False)])
    with refused("OperationNotPermitted"):
        aws.elbv2.remove_listener_certificates(ListenerArn=heard, Certificates=[three])
    aws.elbv2.remove_listener_certificates(ListenerArn=heard, Certificates=[two])
    same(known(), [(three["CertificateArn"], True)])
    absent = {"CertificateArn": f"{one['CertificateArn'][:-4]}0000"}
    with refused("CertificateNotFound"):
        aws.elbv2.add_listener_certificates(ListenerArn=heard, Certificates=[absent])


@check
def attributes_of_a_listener(aws: Aws) -> None:
    _, subnets, group = network(aws)
    arn = balancer(aws, subnets, group)
    web, secure = listener(aws, arn), listener(aws, arn, **TLS, Certificates=[certificate(aws, "one.example.com")])
    hsts = "routing.http.response.strict_transport_security.header_value"
    plain, tls = (attributes(aws.elbv2.describe_listener_attributes(ListenerArn=one)) for one in (web, secure))
    same((len(plain), len(tls), hsts in plain, tls[hsts]), (10, 19, False, ""))
    same({one["routing.http.response.server.enabled"] for one in (plain, tls)}, {"true"})
    wanted = {"routing__http__response__server__enabled": "false", hsts.replace(".", "__"): "max-age=31536000"}
    changed = attributes(aws.elbv2.modify_listener_attributes(ListenerArn=secure, Attributes=changes(**wanted)))
    same(changed, {**tls, "routing.http.response.server.enabled": "false", hsts: "max-age=31536000"})
    same(attributes(aws.elbv2.describe_listener_attributes(ListenerArn=secure)), changed)
    for code, wrong in (
        ("InvalidConfigurationRequest", {hsts.replace(".", "__"): "max-age=1"}),
        ("ValidationError", {"absent": "x"}),
        ("ValidationError", {"routing__http__response__server__enabled": "no"}),
    ):
        with refused(code):
            aws.elbv2.modify_listener_attributes(ListenerArn=web, Attributes=changes(**wrong))


@check
def rules_of_a_listener(aws: Aws) -> None:
    vpc, subnets, group = network(aws)
    heard = listener(aws, balancer(aws, subnets, group))
    blue, green = target_group(aws, vpc, "blue"), target_group(aws, vpc, "green")
    host = {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com", "b.example.com"]}}
    weights = [{"TargetGroupArn": blue, "Weight": 9}, {"TargetGroupArn": green, "Weight": 1}]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
    made = aws.elbv2.create_rule(ListenerArn=heard, Priority=5, Conditions=[host], Actions=[action])["Rules"][0]
    rule = made["RuleArn"]
    same(made["Conditions"], [{**host, "Values": host["HostHeaderConfig"]["Values"]}])
    same(made["Actions"][0]["ForwardConfig"]["TargetGroups"], weights)
    same("TargetGroupArn" in made["Actions"][0], False)
    path = {"Field": "path-pattern", "Values": ["/x/*"]}
    aws.elbv2.modify_rule(RuleArn=rule, Conditions=[path], Actions=[forward(green)])
    aws.elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": rule, "Priority": 7}])
    changed, default = aws.elbv2.describe_rules(ListenerArn=heard)["Rules"]
    has(changed, Priority="7", IsDefault=False, Conditions=[{**path, "PathPatternConfig": {"Values": ["/x/*"]}}])
    has(changed["Actions"][0], TargetGroupArn=green)
    with refused("PriorityInUse"):
        aws.elbv2.create_rule(ListenerArn=heard, Priority=7, Conditions=[path], Actions=[forward(green)])
    for refuse in (
        lambda: aws.elbv2.delete_rule(RuleArn=default["RuleArn"]),
        lambda: aws.elbv2.modify_rule(RuleArn=default["RuleArn"], Actions=[GONE]),
    ):
        with refused("OperationNotPermitted"):
            refuse()
    aws.elbv2.delete_rule(RuleArn=rule)
    with refused("RuleNotFound"):
        aws.elbv2.describe_rules(RuleArns=[rule])
