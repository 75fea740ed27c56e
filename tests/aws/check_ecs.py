"""Checks of the emulator's ECS and Application Auto Scaling with plain boto3: what was mended, and what is refused."""

import json
import time
from typing import Any

from botocore.exceptions import ClientError

import durations
from checks import REGION, Aws, by, check, has, once_linked, refused, same, until

TAGS = [{"key": "Name", "value": "mine"}]
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
WRITABLE = ("/tmp", "/var/run", "/var/cache/nginx")


def trusted(aws: Aws, name: str = "execution", service: str = "ecs-tasks", **policy: Any) -> str:
    """A role that a service may assume, by now."""
    arn = new_role(aws, name, service, **policy)
    linked()
    return arn


def new_role(aws: Aws, name: str, service: str, **policy: Any) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    arn = aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    allow(aws, name, **policy)
    return arn


def allow(
    aws: Aws, role: str, action: Any = "logs:Create*", resource: Any = "*", name: str = "inline", **changed: Any
) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **changed}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    aws.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def container(**changed: Any) -> dict[str, Any]:
    return {"name": "app", "image": "example.com/app:1.0", "portMappings": [{"containerPort": 8080}], **changed}


def definition(**changed: Any) -> dict[str, Any]:
    return {
        "family": "app",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [container()],
        **changed,
    }


def register(aws: Aws, **changed: Any) -> dict[str, Any]:
    return aws.ecs.register_task_definition(**definition(**changed))["taskDefinition"]


def network(aws: Aws) -> dict[str, Any]:
    vpc = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = [
        aws.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{at}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for at, zone in enumerate("ab")
    ]
    group = aws.ec2.create_security_group(GroupName="app", Description="app", VpcId=vpc)["GroupId"]
    subnets = [subnet["Subnet"]["SubnetId"] for subnet in made]
    return {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group]}}


def linked() -> None:
    """Waits until a role that is new, for example a service-linked one, can be assumed."""
    time.sleep(durations.LEAST["role-not-assumable"] + 0.05)


def service(aws: Aws, name: str = "app", **changed: Any) -> dict[str, Any]:
    """A service of the cluster and the network that are there, or are made."""
    if not aws.ecs.describe_clusters(clusters=["main"])["clusters"]:
        aws.ecs.create_cluster(clusterName="main")
        linked()
    wanted = {
        "cluster": "main",
        "serviceName": name,
        "taskDefinition": "app",
        "desiredCount": 2,
        "launchType": "FARGATE",
        **changed,
    }
    if "networkConfiguration" not in wanted:
        wanted["networkConfiguration"] = network(aws)
    return aws.ecs.create_service(**wanted)["service"]


def read(aws: Aws, name: str = "app") -> dict[str, Any]:
    return aws.ecs.describe_services(cluster="main", services=[name])["services"][0]


def primary(aws: Aws) -> dict[str, Any]:
    return read(aws)["deployments"][0]


def rolled_out(aws: Aws, state: str = "COMPLETED") -> dict[str, Any]:
    until(state, lambda: primary(aws)["rolloutState"])
    return primary(aws)


def update(aws: Aws, **changed: Any) -> dict[str, Any]:
    return aws.ecs.update_service(cluster="main", service="app", **changed)["service"]


def messages(aws: Aws) -> list[str]:
    return [event["message"] for event in read(aws)["events"]]


# --- Clusters ------------------------------------------------------------------------------------


@check
def clusters_are_made_once_and_show_what_is_asked_for(aws: Aws) -> None:
    ecs = aws.ecs
    key = f"arn:aws:kms:{REGION}:{aws.account}:key/k"
    made = ecs.create_cluster(
        clusterName="main",
        tags=TAGS,
        settings=[{"name": "containerInsights", "value": "enabled"}],
        configuration={"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": key}},
        capacityProviders=["FARGATE"],
    )["cluster"]
    has(made, status="ACTIVE", tags=TAGS)
    again = ecs.create_cluster(clusterName="main", capacityProviders=["FARGATE_SPOT"])["cluster"]
    has(again, clusterArn=made["clusterArn"], capacityProviders=["FARGATE"])

    def cluster(*include: str) -> dict[str, Any]:
        return ecs.describe_clusters(clusters=["main"], include=list(include))["clusters"][0]

    has(cluster(), settings=[], tags=[], configuration=None, defaultCapacityProviderStrategy=[])
    same(cluster("TAGS")["tags"], TAGS)
    same(cluster("SETTINGS")["settings"], [{"name": "containerInsights", "value": "enabled"}])
    storage = cluster("CONFIGURATIONS")["configuration"]["managedStorageConfiguration"]
    same(storage, {"fargateEphemeralStorageKmsKeyId": key})
    ecs.update_cluster_settings(cluster="main", settings=[{"name": "containerInsights", "value": "enhanced"}])
    same(cluster("SETTINGS")["settings"][0]["value"], "enhanced")
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    ecs.put_cluster_capacity_providers(
        cluster="main", capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy
    )
    has(cluster(), capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=[{**strategy[0], "base": 0}])
    ecs.create_cluster(clusterName="plain")
    plain = ecs.describe_clusters(clusters=["plain"], include=["CONFIGURATIONS"])["clusters"][0]
    assert "configuration" not in plain, plain


@check
def deleted_clusters_are_described_and_not_listed(aws: Aws) -> None:
    ecs = aws.ecs
    arns = [ecs.create_cluster(clusterName=f"c{number}", tags=TAGS)["cluster"]["clusterArn"] for number in range(101)]
    first = ecs.list_clusters()
    same(len(first["clusterArns"]), 100)
    same(ecs.list_clusters(nextToken=first["nextToken"])["clusterArns"], arns[100:])
    same(ecs.delete_cluster(cluster="c0")["cluster"]["status"], "INACTIVE")
    same(ecs.describe_clusters(clusters=["c0"])["clusters"][0]["status"], "INACTIVE")
    same(ecs.list_clusters()["clusterArns"], arns[1:])
    with refused("ClusterNotFoundException"):
        ecs.update_cluster_settings(cluster="c0", settings=[{"name": "containerInsights", "value": "enabled"}])
    ecs.create_cluster(clusterName="c0")
    has(ecs.describe_clusters(clusters=["c0"], include=["TAGS"])["clusters"][0], status="ACTIVE", tags=[])
    with refused("InvalidParameterException"):
        ecs.describe_clusters(clusters=arns)
    with refused("ClusterNotFoundException"):
        ecs.delete_cluster(cluster="absent")


# --- Task definitions ----------------------------------------------------------------------------


@check
def task_definitions_are_filled_in(aws: Aws) -> None:
    health = {"command": ["CMD", "true"]}
    other = container(name="other", portMappings=[{"containerPort": 1, "protocol": "udp"}])
    two = [container(healthCheck=health), other]
    answer = aws.ecs.register_task_definition(
        **definition(containerDefinitions=two, cpu="1 vCPU", memory="2 GB", volumes=[{"name": "tmp"}], tags=TAGS)
    )
    made = answer["taskDefinition"]
    same(answer["tags"], TAGS)
    has(made, revision=1, status="ACTIVE", cpu="1024", memory="2048", networkMode="awsvpc", enableFaultInjection=False)
    same((made["compatibilities"], made["volumes"]), (["EC2", "FARGATE"], [{"name": "tmp", "host": {}}]))
    assert {"name": "ecs.capability.task-eni"} in made["requiresAttributes"], made
    assert made["registeredAt"].timestamp() > time.time() - 60, made
    same(made["registeredBy"], aws.sts.get_caller_identity()["Arn"])
    first, second = made["containerDefinitions"]
    same(first["portMappings"], [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}])
    same(second["portMappings"], [{"containerPort": 1, "hostPort": 1, "protocol": "udp"}])
    has(first, cpu=0, essential=True, environment=[], mountPoints=[], volumesFrom=[], systemControls=[])
    same(first["healthCheck"], {**health, "interval": 30, "timeout": 5, "retries": 3})
    assert "tags" not in aws.ecs.describe_task_definition(taskDefinition="app"), "tags without being asked for"
    same(aws.ecs.describe_task_definition(taskDefinition="app", include=["TAGS"])["tags"], TAGS)


@check
def revisions_are_never_given_twice(aws: Aws) -> None:
    ecs = aws.ecs
    arns = [register(aws)["taskDefinitionArn"] for _ in range(3)]
    gone = ecs.deregister_task_definition(taskDefinition=arns[2])["taskDefinition"]
    same((gone["status"], "deregisteredAt" in gone), ("INACTIVE", True))
    same(ecs.describe_task_definition(taskDefinition="app")["taskDefinition"]["revision"], 2)
    same(ecs.describe_task_definition(taskDefinition=arns[2])["taskDefinition"]["status"], "INACTIVE")
    ecs.delete_task_definitions(taskDefinitions=[arns[2]])
    same(register(aws)["revision"], 4)
    for revision in (1, 2, 4):
        ecs.deregister_task_definition(taskDefinition=f"app:{revision}")
    with refused("ClientException"):
        ecs.describe_task_definition(taskDefinition="app")


@check
def task_definitions_and_families_are_listed(aws: Aws) -> None:
    ecs = aws.ecs
    for family in ("app", "app-two", "other"):
        register(aws, family=family)
    register(aws)
    ecs.deregister_task_definition(taskDefinition="app:1")
    ecs.deregister_task_definition(taskDefinition="other:1")

    def listed(**filters: Any) -> list[str]:
        return [arn.rpartition("/")[2] for arn in ecs.list_task_definitions(**filters)["taskDefinitionArns"]]

    same(listed(), ["app:2", "app-two:1"])
    same(listed(familyPrefix="app"), ["app:2"])
    same(listed(status="INACTIVE", sort="DESC"), ["other:1", "app:1"])
    same(ecs.list_task_definition_families(familyPrefix="app")["families"], ["app", "app-two"])
    same(ecs.list_task_definition_families(status="INACTIVE")["families"], ["other"])
    same(ecs.list_task_definition_families(status="ACTIVE")["families"], ["app", "app-two"])
    first = ecs.list_task_definition_families(maxResults=2)
    same(ecs.list_task_definition_families(nextToken=first["nextToken"])["families"], ["other"])
    first = ecs.list_task_definitions(maxResults=1)
    same(len(ecs.list_task_definitions(nextToken=first["nextToken"])["taskDefinitionArns"]), 1)


@check
def wrong_task_definitions_are_refused(aws: Aws) -> None:
    logged = container(logConfiguration={"logDriver": "awslogs", "options": {"awslogs-group": "g"}})
    secret = container(secrets=[{"name": "A", "valueFrom": f"arn:aws:secretsmanager:{REGION}:{aws.account}:secret:a"}])
    for wrong in (
        {"memory": "4096"},
        {"cpu": "300"},
        {"cpu": "512", "memory": "1500"},
        {"cpu": "8192", "memory": "17408"},
        {"networkMode": "bridge"},
        {"family": "no spaces"},
        {"family": "a" * 256},
        {"containerDefinitions": [container(), container()]},
        {"containerDefinitions": [container(mountPoints=[{"sourceVolume": "x", "containerPath": "/x"}])]},
        {"containerDefinitions": [logged]},
        {"containerDefinitions": [secret]},
        {"containerDefinitions": [container(image=f"{aws.account}.dkr.ecr.{REGION}.amazonaws.com/app:1")]},
        {"executionRoleArn": f"arn:aws:iam::{aws.account}:role/absent"},
        {"taskRoleArn": f"arn:aws:iam::{aws.account}:role/absent"},
    ):
        with refused("ClientException"):
            register(aws, **wrong)
    same(aws.ecs.list_task_definitions()["taskDefinitionArns"], [])
    register(aws, cpu="16384", memory="122880", executionRoleArn=trusted(aws), containerDefinitions=[logged])


# --- Services ------------------------------------------------------------------------------------


@check
def services_keep_what_they_are_set_to(aws: Aws) -> None:
    register(aws)
    made = service(aws, enableECSManagedTags=True, tags=TAGS, propagateTags="SERVICE")
    role = f"arn:aws:iam::{aws.account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    has(made, status="ACTIVE", roleArn=role, platformVersion="LATEST", platformFamily="Linux", launchType="FARGATE")
    has(made, enableECSManagedTags=True, enableExecuteCommand=False, propagateTags="SERVICE", tags=TAGS)
    has(made, availabilityZoneRebalancing="ENABLED", createdBy=f"arn:aws:iam::{aws.account}:role/provisioner")
    assert made["createdAt"].timestamp() > time.time() - 60, made
    same(made["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"], "DISABLED")
    configuration = made["deploymentConfiguration"]
    has(configuration, deploymentCircuitBreaker={"enable": False, "rollback": False}, strategy="ROLLING")
    has(configuration, maximumPercent=200, minimumHealthyPercent=100, bakeTimeInMinutes=0)
    assert "tags" not in read(aws), "tags without being asked for"
    update(
        aws,
        deploymentConfiguration={"minimumHealthyPercent": 50, **BREAKER},
        healthCheckGracePeriodSeconds=60,
        enableExecuteCommand=True,
        availabilityZoneRebalancing="DISABLED",
    )
    changed = read(aws)
    has(changed, healthCheckGracePeriodSeconds=60, enableExecuteCommand=True, availabilityZoneRebalancing="DISABLED")
    has(changed["deploymentConfiguration"], maximumPercent=200, minimumHealthyPercent=50, **BREAKER)
    same(len(changed["deployments"]), 1)
    register(aws)
    arn = register(aws)["taskDefinitionArn"]
    same(update(aws, taskDefinition="app")["taskDefinition"], arn)
    same(update(aws, taskDefinition="app:2")["taskDefinition"], arn.replace(":3", ":2"))


@check
def the_role_of_ecs_itself_cannot_be_assumed_at_once(aws: Aws) -> None:
    register(aws)
    place = network(aws)
    wanted = {"serviceName": "app", "taskDefinition": "app", "launchType": "FARGATE", "networkConfiguration": place}
    aws.ecs.create_cluster(clusterName="main")
    with refused("InvalidParameterException"):
        aws.ecs.create_service(cluster="main", desiredCount=1, **wanted)
    linked()
    has(aws.ecs.create_service(cluster="main", desiredCount=1, **wanted)["service"], status="ACTIVE")


@check
def services_run_on_capacity_providers(aws: Aws) -> None:
    register(aws)
    strategy = [{"capacityProvider": "FARGATE", "weight": 1}]
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    aws.ecs.create_cluster(
        clusterName="main", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=strategy
    )
    linked()
    with refused("InvalidParameterException"):
        service(aws, capacityProviderStrategy=strategy)
    with refused("InvalidParameterException"):
        service(aws, launchType=None, capacityProviderStrategy=spot)
    place = network(aws)
    wanted = {"cluster": "main", "taskDefinition": "app", "desiredCount": 1, "networkConfiguration": place}
    made = aws.ecs.create_service(serviceName="app", **wanted)["service"]
    has(made, launchType=None, capacityProviderStrategy=[{**strategy[0], "base": 0}], platformVersion="LATEST")
    with refused("InvalidParameterException"):
        update(aws, capacityProviderStrategy=spot)
    aws.ecs.put_cluster_capacity_providers(
        cluster="main", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    rolled_out(aws)
    same(update(aws, capacityProviderStrategy=spot)["deployments"][0]["capacityProviderStrategy"][0]["weight"], 1)
    same([one["status"] for one in read(aws)["deployments"]], ["PRIMARY", "ACTIVE"])


@check
def services_are_listed_in_pages(aws: Aws) -> None:
    register(aws)
    aws.ecs.create_cluster(clusterName="xmain")
    aws.ecs.create_cluster(clusterName="main")
    linked()
    place = network(aws)
    for number in range(11):
        service(aws, f"s{number}", networkConfiguration=place, desiredCount=0)
    service(aws, cluster="xmain", networkConfiguration=place)
    pages = list(aws.ecs.get_paginator("list_services").paginate(cluster="main"))
    same([len(one["serviceArns"]) for one in pages], [10, 1])
    same(len(aws.ecs.list_services(cluster="main", maxResults=100)["serviceArns"]), 11)
    same(len(aws.ecs.list_services(cluster="main", maxResults=100, launchType="EC2")["serviceArns"]), 0)
    with refused("InvalidParameterException"):
        aws.ecs.describe_services(cluster="main", services=[f"s{number}" for number in range(11)])
    with refused("InvalidParameterException"):
        aws.ecs.describe_services(cluster="main", services=[])


@check
def services_roll_out(aws: Aws) -> None:
    register(aws)
    made = service(aws)
    has(made, runningCount=0, pendingCount=2, events=[])
    first = made["deployments"][0]
    has(first, status="PRIMARY", rolloutState="IN_PROGRESS", platformVersion="1.4.0", desiredCount=2, failedTasks=0)
    rolled_out(aws)
    now = read(aws)
    has(now, runningCount=2, pendingCount=0)
    steady, completed, started = messages(aws)
    same(steady, "(service app) has reached a steady state.")
    same(completed, f"(service app) (deployment {first['id']}) deployment completed.")
    assert started.startswith("(service app) has started 2 tasks: (task ") and started.endswith(")."), started
    same(sorted(now["events"][0]), ["createdAt", "id", "message"])
    cluster = aws.ecs.describe_clusters(clusters=["main"])["clusters"][0]
    has(cluster, activeServicesCount=1, runningTasksCount=2, pendingTasksCount=0)
    register(aws)
    changed = update(aws, taskDefinition="app")
    new, old = changed["deployments"]
    has(new, status="PRIMARY", rolloutState="IN_PROGRESS", runningCount=0, pendingCount=2)
    has(old, status="ACTIVE", rolloutState="COMPLETED", runningCount=2, id=first["id"])
    has(changed, runningCount=2, pendingCount=2)
    rolled_out(aws)
    same([one["id"] for one in read(aws)["deployments"]], [new["id"]])
    same(messages(aws)[2].split(":")[0], "(service app) has stopped 2 running tasks")
    same(len(update(aws, taskDefinition="app")["deployments"]), 1)
    same(len(update(aws, forceNewDeployment=True)["deployments"]), 2)


@check
def a_changed_count_starts_and_stops_tasks_only(aws: Aws) -> None:
    register(aws)
    service(aws)
    rolled_out(aws)
    has(update(aws, desiredCount=3), desiredCount=3, runningCount=2, pendingCount=1)
    until("3", lambda: str(read(aws)["runningCount"]))
    has(read(aws), pendingCount=0)
    same(len(read(aws)["deployments"]), 1)
    assert "has started 1 tasks" in messages(aws)[1], messages(aws)
    update(aws, desiredCount=0)
    until("0", lambda: str(read(aws)["runningCount"]))
    assert "has stopped 3 running tasks" in messages(aws)[1], messages(aws)


@check
def failed_deployments_are_rolled_back(aws: Aws) -> None:
    register(aws)
    service(aws, deploymentConfiguration=BREAKER)
    good = rolled_out(aws)
    register(aws, containerDefinitions=[container(image="example.com/app:missing")])
    bad = update(aws, taskDefinition="app")["deployments"][0]
    until("3", lambda: str(len(read(aws)["deployments"])))
    now = read(aws)
    again, failed, old = now["deployments"]
    has(failed, id=bad["id"], status="ACTIVE", rolloutState="FAILED", failedTasks=3, runningCount=0, pendingCount=0)
    same(failed["rolloutStateReason"], "ECS deployment circuit breaker: tasks failed to start.")
    has(old, id=good["id"], status="ACTIVE", runningCount=2)
    has(again, status="PRIMARY", rolloutState="IN_PROGRESS", taskDefinition=good["taskDefinition"])
    assert "rolling back to deploymentId" in again["rolloutStateReason"], again
    same(now["taskDefinition"], good["taskDefinition"])
    same(messages(aws)[0], f"(service app) rolling back to deployment {again['id']}.")
    same(messages(aws)[1], f"(service app) (deployment {bad['id']}) deployment failed: tasks failed to start.")
    assert "CannotPullContainerError" in messages(aws)[2], messages(aws)
    same(rolled_out(aws)["id"], again["id"])
    has(read(aws), runningCount=2, taskDefinition=good["taskDefinition"])


@check
def failed_deployments_stay_without_an_earlier_one(aws: Aws) -> None:
    register(aws, containerDefinitions=[container(image="example.com/app:missing")])
    service(aws, deploymentConfiguration=BREAKER, desiredCount=8)
    has(rolled_out(aws, "FAILED"), status="PRIMARY", failedTasks=4, runningCount=0, pendingCount=0)
    has(read(aws), runningCount=0, pendingCount=0)
    register(aws)
    update(aws, taskDefinition="app")
    has(rolled_out(aws), runningCount=8)
    same(len(read(aws)["deployments"]), 1)


@check
def without_circuit_breaker_tasks_fail_on(aws: Aws) -> None:
    register(aws, containerDefinitions=[container(image="example.com/app:missing")])
    service(aws)
    until("4", lambda: str(primary(aws)["failedTasks"]))
    has(primary(aws), rolloutState="IN_PROGRESS", pendingCount=2, runningCount=0)
    same(len([one for one in messages(aws) if "was unable to place a task. Reason: CannotPull" in one]), 2)


def failures(aws: Aws, **variants: dict[str, Any]) -> dict[str, str]:
    """How the services of these task definitions fail, or nothing. They roll out side by side, to save time."""
    place = network(aws)
    wanted = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    for name, changed in variants.items():
        settings = dict(changed)
        cluster = settings.pop("cluster", "main")
        register(aws, family=name, **settings)
        parts = {"cluster": cluster, "taskDefinition": name, "networkConfiguration": place}
        service(aws, name, deploymentConfiguration=wanted, **parts)
    return {name: failure(aws, name, changed.get("cluster", "main")) for name, changed in variants.items()}


def mended(aws: Aws, name: str) -> None:
    """Deploys the service again, now that its tasks have what they lacked."""
    aws.ecs.update_service(cluster="main", service=name, forceNewDeployment=True)
    same(failure(aws, name, "main"), "")


def failure(aws: Aws, name: str, cluster: str) -> str:
    deadline = time.time() + 5
    while True:
        found = aws.ecs.describe_services(cluster=cluster, services=[name])["services"][0]
        if (state := found["deployments"][0]["rolloutState"]) != "IN_PROGRESS":
            return found["events"][1]["message"] if state == "FAILED" else ""
        assert time.time() < deadline, "still in progress"
        time.sleep(0.05)


def told(found: dict[str, str], **texts: str) -> None:
    for name, text in texts.items():
        assert text in found.pop(name), f"{name}: {text} expected, got {found[name] or 'success'}"
    same(set(found.values()) - {""}, set())


@check
def tasks_need_their_roles(aws: Aws) -> None:
    for name, service_name in (("execution", "ecs-tasks"), ("gone", "ecs-tasks"), ("other", "lambda")):
        trusted(aws, name, service_name)
    role = f"arn:aws:iam::{aws.account}:role"
    with refused("ClientException"):
        register(aws, executionRoleArn=new_role(aws, "new", "ecs-tasks"))
    register(aws, executionRoleArn=f"{role}/gone")
    service(aws, deploymentConfiguration=BREAKER)
    aws.iam.delete_role_policy(RoleName="gone", PolicyName="inline")
    aws.iam.delete_role(RoleName="gone")
    found = failures(
        aws,
        good={"executionRoleArn": f"{role}/execution", "taskRoleArn": f"{role}/execution"},
        execution={"executionRoleArn": f"{role}/other"},
        task={"taskRoleArn": f"{role}/other"},
    )
    found["gone"] = failure(aws, "app", "main")
    text = "failed to launch a task with (error ECS was unable to assume the role"
    told(found, execution=f"{text} '{role}/other'", task=f"{text} '{role}/other'", gone=f"{text} '{role}/gone'")


@check
def tasks_need_their_log_group(aws: Aws) -> None:
    aws.logs.create_log_group(logGroupName="/ecs/app")
    group = f"arn:aws:logs:{REGION}:{aws.account}:log-group:/ecs/app"
    good = trusted(aws, "good", action=["logs:CreateLogStream", "logs:PutLogEvents"], resource=f"{group}:*")
    everything = trusted(aws, "everything", action="logs:*")
    group_only = trusted(aws, "group-only", action="logs:CreateLogStream", resource=group)
    attached = trusted(aws, "attached", action="s3:GetObject")
    statement = {"Effect": "Allow", "Action": "logs:CreateLogStream", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    arn = aws.iam.create_policy(PolicyName="logs", PolicyDocument=document)["Policy"]["Arn"]
    aws.iam.attach_role_policy(RoleName="attached", PolicyArn=arn)

    def wanted(role: str, name: str = "/ecs/app") -> dict[str, Any]:
        options = {"awslogs-group": name, "awslogs-region": REGION, "awslogs-stream-prefix": "app"}
        logged = container(logConfiguration={"logDriver": "awslogs", "options": options})
        return {"executionRoleArn": role, "containerDefinitions": [logged]}

    told(
        failures(
            aws,
            good=wanted(good),
            attached=wanted(attached),
            absent=wanted(everything, "/ecs/other"),
            refused=wanted(group_only),
        ),
        absent="ResourceNotFoundException: The specified log group does not exist.",
        refused="is not authorized to perform: logs:CreateLogStream",
    )


@check
def tasks_need_their_secrets(aws: Aws) -> None:
    made = {
        name: aws.secretsmanager.create_secret(Name=name, SecretString=json.dumps({"password": "x"}))["ARN"]
        for name in ("db", "gone", "other")
    }
    allowed = [made["db"], made["gone"]]
    role = trusted(aws, action="secretsmanager:GetSecretValue", resource=allowed)
    aws.secretsmanager.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)

    def wanted(value_from: str) -> dict[str, Any]:
        secrets = [{"name": "PASSWORD", "valueFrom": value_from}]
        return {"executionRoleArn": role, "containerDefinitions": [container(secrets=secrets)]}

    found = failures(
        aws,
        whole=wanted(made["db"]),
        part=wanted(f"{made['db']}:password::"),
        key=wanted(f"{made['db']}:user::"),
        refused=wanted(made["other"]),
        gone=wanted(made["gone"]),
    )
    text = "was unable to place a task. Reason: ResourceInitializationError: unable to pull secrets or registry auth"
    assert text in found["gone"], found["gone"]
    told(
        found,
        key="did not contain json key user",
        refused="is not authorized to perform: secretsmanager:GetSecretValue",
        gone="ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    )


def key(aws: Aws, *statements: dict[str, Any]) -> str:
    """The ARN of a key that the account's policies and these statements are for."""
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.account}:root"}, "Action": "kms:*"}
    document = {"Version": "2012-10-17", "Statement": [{**one, "Resource": "*"} for one in (root, *statements)]}
    return aws.kms.create_key(Policy=json.dumps(document))["KeyMetadata"]["Arn"]


@check
def tasks_need_the_keys_of_their_secrets(aws: Aws) -> None:
    roles = {name: new_role(aws, name, "ecs-tasks") for name in ("reader", "opener", "denied", "elsewhere")}
    linked()
    named = {"Effect": "Allow", "Principal": {"AWS": [roles["reader"], roles["denied"]]}, "Action": "kms:Decrypt"}
    named["Condition"] = {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}
    keys = {"plain": key(aws), "naming": key(aws, named), "off": key(aws)}
    aws.kms.create_alias(AliasName="alias/plain", TargetKeyId=keys["plain"])

    def secret(name: str, **under: str) -> str:
        return aws.secretsmanager.create_secret(Name=name, SecretString="x", **under)["ARN"]

    made = {name: secret(name, KmsKeyId=arn) for name, arn in keys.items()}
    made |= {"own": secret("own"), "alias": secret("alias", KmsKeyId="alias/plain")}
    aws.kms.disable_key(KeyId=keys["off"])
    for role in roles:
        allow(aws, role, "secretsmanager:GetSecretValue")
    allow(aws, "opener", "kms:Decrypt", list(keys.values()), name="keys")
    allow(aws, "denied", "kms:*", name="keys", Effect="Deny")
    s3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    allow(aws, "elsewhere", "kms:Decrypt", name="keys", Condition=s3)

    def wanted(role: str, name: str) -> dict[str, Any]:
        secrets = [{"name": "PASSWORD", "valueFrom": made[name]}]
        return {"executionRoleArn": roles[role], "containerDefinitions": [container(secrets=secrets)]}

    found = failures(
        aws,
        own=wanted("reader", "own"),
        opened=wanted("opener", "plain"),
        alias=wanted("opener", "alias"),
        named=wanted("reader", "naming"),
        refused=wanted("reader", "plain"),
        by_alias=wanted("reader", "alias"),
        denied=wanted("denied", "naming"),
        elsewhere=wanted("elsewhere", "plain"),
        off=wanted("opener", "off"),
    )
    text = "from secrets manager: AccessDeniedException: Access to KMS is not allowed"
    told(
        found,
        refused=f"failed to fetch secret {made['plain']} {text}",
        by_alias=text,
        denied=text,
        elsewhere=text,
        off="DecryptionFailure: Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
    )
    allow(aws, "reader", "kms:Decrypt", keys["plain"], name="keys")
    mended(aws, "refused")


@check
def tasks_need_to_pull_their_image_from_ecr(aws: Aws) -> None:
    aws.ecr.create_repository(repositoryName="payments/app")
    repository = f"arn:aws:ecr:{REGION}:{aws.account}:repository/payments/app"
    image = f"{aws.account}.dkr.ecr.{REGION}.amazonaws.com/payments/app"
    manifest, layers = "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"
    pulls = {
        "puller": ([manifest, layers], repository),
        "unlisted": (layers, "*"),
        "layerless": (manifest, repository),
        "elsewhere": ([manifest, layers], f"{repository}2"),
        "admitted": ("logs:CreateLogStream", "*"),
    }
    roles = {name: new_role(aws, name, "ecs-tasks", action=what, resource=of) for name, (what, of) in pulls.items()}
    roles["tokenless"] = new_role(aws, "tokenless", "ecs-tasks", action=[manifest, layers])
    for role in pulls:
        allow(aws, role, "ecr:GetAuthorizationToken", name="token")
    linked()
    admitted = {"Effect": "Allow", "Principal": {"AWS": roles["admitted"]}, "Action": [manifest, layers]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "Pull", **admitted}]})
    aws.ecr.set_repository_policy(repositoryName="payments/app", policyText=document)

    def wanted(role: str, image: str = f"{image}:1") -> dict[str, Any]:
        return {"executionRoleArn": roles[role], "containerDefinitions": [container(image=image)]}

    found = failures(
        aws,
        good=wanted("puller"),
        digest=wanted("puller", f"{aws.account}.dkr-ecr.{REGION}.on.aws/payments/app@sha256:{'0' * 64}"),
        admitted=wanted("admitted"),
        public=wanted("tokenless", "public.ecr.aws/docker/library/redis:7"),
        tokenless=wanted("tokenless"),
        unlisted=wanted("unlisted"),
        latest=wanted("unlisted", image),
        layerless=wanted("layerless"),
        elsewhere=wanted("elsewhere"),
    )
    auth = "ResourceInitializationError: unable to pull secrets or registry auth"
    assert auth in found["tokenless"], found["tokenless"]
    told(
        found,
        tokenless="is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
        unlisted=f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}:1",
        latest="failed with status code [manifests latest]: 403 Forbidden",
        layerless="CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker",
        elsewhere="failed with status code [manifests 1]: 403 Forbidden",
    )
    allow(aws, "tokenless", "ecr:GetAuthorizationToken", name="token")
    mended(aws, "tokenless")


@check
def tasks_write_to_their_log_streams(aws: Aws) -> None:
    aws.logs.create_log_group(logGroupName="/ecs/app")
    group = f"arn:aws:logs:{REGION}:{aws.account}:log-group:/ecs/app"
    writes = ["logs:CreateLogStream", "logs:PutLogEvents"]
    roles = {
        "heard": new_role(aws, "heard", "ecs-tasks", action=writes, resource=f"{group}:*"),
        "mute": new_role(aws, "mute", "ecs-tasks", action=writes[0], resource=f"{group}:*"),
    }
    linked()

    def wanted(role: str) -> dict[str, Any]:
        options = {"awslogs-group": "/ecs/app", "awslogs-region": REGION, "awslogs-stream-prefix": role}
        logged = container(logConfiguration={"logDriver": "awslogs", "options": options})
        return {"executionRoleArn": roles[role], "containerDefinitions": [logged]}

    def streams(name: str) -> dict[str, bool]:
        """The streams of the tasks that run, each with whether something is in it."""
        read = aws.logs.describe_log_streams(logGroupName="/ecs/app", logStreamNamePrefix=f"{name}/app/")["logStreams"]
        tasks = [arn.rpartition("/")[2] for arn in aws.ecs.list_tasks(cluster="main", serviceName=name)["taskArns"]]
        by_task = {one["logStreamName"].rpartition("/")[2]: "lastEventTimestamp" in one for one in read}
        return {task: by_task[task] for task in tasks}

    told(failures(aws, heard=wanted("heard"), mute=wanted("mute")))
    same([*streams("heard").values()], [True, True])
    same([*streams("mute").values()], [False, False])
    allow(aws, "mute", writes, f"{group}:*")
    mended(aws, "mute")
    same([*streams("mute").values()], [True, True])


@check
def container_insights_makes_its_log_group(aws: Aws) -> None:
    def group(name: str) -> list[dict[str, Any]]:
        found = aws.logs.describe_log_groups(logGroupNamePrefix=f"/aws/ecs/containerinsights/{name}/")["logGroups"]
        same([one["logGroupName"] for one in found[1:]], [])
        return found

    for name, level in (("main", "enabled"), ("kept", "enhanced"), ("off", "disabled")):
        aws.ecs.create_cluster(clusterName=name, settings=[{"name": "containerInsights", "value": level}])
    kept = "/aws/ecs/containerinsights/kept/performance"
    aws.logs.create_log_group(logGroupName=kept)
    aws.logs.put_retention_policy(logGroupName=kept, retentionInDays=365)
    linked()
    register(aws)
    place = service(aws, desiredCount=0)["networkConfiguration"]
    rolled_out(aws)
    same(group("main"), [])
    for name in ("kept", "off"):
        service(aws, cluster=name, networkConfiguration=place)
        same(failure(aws, "app", name), "")
    update(aws, desiredCount=1)
    until("1", lambda: str(read(aws)["runningCount"]))
    (made,) = group("main")
    has(made, logGroupName="/aws/ecs/containerinsights/main/performance", retentionInDays=None, kmsKeyId=None)
    same([one["retentionInDays"] for one in group("kept")], [365])
    same(group("off"), [])


@check
def nginx_needs_places_to_write(aws: Aws) -> None:
    def wanted(paths: tuple[str, ...]) -> dict[str, Any]:
        mounts = [{"sourceVolume": "v", "containerPath": path} for path in paths]
        locked = container(image="nginx:1.27", readonlyRootFilesystem=True, mountPoints=mounts)
        return {"containerDefinitions": [locked], "volumes": [{"name": "v"}]}

    found = failures(aws, good=wanted(WRITABLE), two=wanted(WRITABLE[:2]))
    told(found, two="(service two) was unable to place a task. Reason: Essential container in task exited.")


@check
def tasks_need_the_key_of_their_storage(aws: Aws) -> None:
    context = "kms:EncryptionContext:aws:ecs"
    makes_keys, grants = "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"

    def cluster(name: str, admitted: str, *actions: str, operations: str = "Decrypt") -> str:
        equal = {f"{context}:clusterAccount": aws.account, f"{context}:clusterName": admitted}
        of_grants = {"ForAllValues:StringEquals": {"kms:GrantOperations": operations}}
        fargate = [
            {
                "Effect": "Allow",
                "Principal": {"Service": "fargate.amazonaws.com"},
                "Action": action,
                "Condition": {"StringEquals": equal, **(of_grants if action == grants else {})},
            }
            for action in actions
        ]
        arn = key(aws, *fargate)
        storage = {"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": arn}}
        aws.ecs.create_cluster(clusterName=name, configuration=storage)
        return arn

    cluster("main", "main", makes_keys, grants)
    cluster("other", "main", makes_keys, grants)
    cluster("ungranted", "ungranted", makes_keys)
    cluster("encrypts", "encrypts", makes_keys, grants, operations="Encrypt")
    aws.kms.disable_key(KeyId=cluster("off", "off", makes_keys, grants))
    linked()
    text = "ResourceInitializationError: failed to call"
    found = failures(
        aws,
        good={},
        context={"cluster": "other"},
        ungranted={"cluster": "ungranted"},
        encrypts={"cluster": "encrypts"},
        disabled={"cluster": "off"},
    )
    unusable, ungranted = f"{text} {makes_keys}", f"{text} {grants}"
    told(found, context=unusable, ungranted=ungranted, encrypts=ungranted, disabled=unusable)


@check
def tasks_must_answer_their_health_check(aws: Aws) -> None:
    place = network(aws)
    _, group = balanced(aws, place)
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}

    def outcome(name: str, image: str, port: int) -> str:
        one = container(image=image, portMappings=[{"containerPort": port}])
        register(aws, family=name, containerDefinitions=[one])
        behind = [{"targetGroupArn": group, "containerName": "app", "containerPort": port}]
        parts = {"networkConfiguration": place, "loadBalancers": behind, "deploymentConfiguration": breaker}
        service(aws, name, taskDefinition=name, **parts)
        return failure(aws, name, "main")

    same(outcome("served", "nginx:stable", 80), "")
    aws.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath="/health")
    assert "failed with these codes: [404]" in outcome("path", "nginx:stable", 80)
    same(outcome("others", "example.com/app:1.0", 8080), "")
    aws.elbv2.modify_target_group(TargetGroupArn=group, Matcher={"HttpCode": "200-399,404"})
    same(outcome("counted", "nginx:stable", 80), "")
    assert "(reason Health checks failed)" in outcome("port", "nginx:stable", 8080)


@check
def deleted_services_drain(aws: Aws) -> None:
    ecs = aws.ecs
    register(aws)
    place = service(aws)["networkConfiguration"]
    rolled_out(aws)
    with refused("InvalidParameterException"):
        ecs.delete_service(cluster="main", service="app")
    has(ecs.delete_service(cluster="main", service="app", force=True)["service"], status="DRAINING", desiredCount=0)
    has(read(aws), status="DRAINING", desiredCount=0)
    same(len(ecs.list_services(cluster="main")["serviceArns"]), 1)
    with refused("ServiceNotActiveException"):
        update(aws, desiredCount=1)
    with refused("InvalidParameterException"):
        service(aws, networkConfiguration=place)
    with refused("ClusterContainsServicesException"):
        ecs.delete_cluster(cluster="main")
    until("INACTIVE", lambda: read(aws)["status"])
    has(read(aws), runningCount=0, deployments=[])
    same(ecs.list_services(cluster="main")["serviceArns"], [])
    with refused("ServiceNotActiveException"):
        update(aws, desiredCount=1)
    with refused("ServiceNotFoundException"):
        ecs.delete_service(cluster="main", service="app", force=True)
    with refused("ServiceNotFoundException"):
        ecs.update_service(cluster="main", service="absent", desiredCount=1)
    service(aws, desiredCount=0)
    same(read(aws)["status"], "ACTIVE")
    ecs.delete_service(cluster="main", service="app")
    until("INACTIVE", lambda: read(aws)["status"])
    ecs.delete_cluster(cluster="main")
    with refused("ClusterNotFoundException"):
        service(aws, cluster="main")


@check
def services_are_created_once(aws: Aws) -> None:
    register(aws)
    place = network(aws)
    first = service(aws, clientToken="one", networkConfiguration=place)
    again = service(aws, clientToken="one", networkConfiguration=place)
    same(again["deployments"][0]["id"], first["deployments"][0]["id"])
    for token in ("two", None):
        with refused("InvalidParameterException"):
            service(aws, networkConfiguration=place, **({"clientToken": token} if token else {}))


@check
def tasks_hold_their_subnets_and_security_groups(aws: Aws) -> None:
    register(aws)
    place = network(aws)
    service(aws, networkConfiguration=place)
    rolled_out(aws)
    subnets, groups = (place["awsvpcConfiguration"][name] for name in ("subnets", "securityGroups"))
    found = aws.ec2.describe_network_interfaces(Filters=by("subnet-id", *subnets))["NetworkInterfaces"]
    same({(one["SubnetId"], one["Groups"][0]["GroupId"]) for one in found}, {(one, groups[0]) for one in subnets})
    with refused("DependencyViolation"):
        aws.ec2.delete_subnet(SubnetId=subnets[0])
    with refused("DependencyViolation"):
        aws.ec2.delete_security_group(GroupId=groups[0])
    aws.ecs.delete_service(cluster="main", service="app", force=True)
    # Its tasks drain, for a moment here.
    try:
        aws.ec2.delete_security_group(GroupId=groups[0])
        same(read(aws)["status"], "INACTIVE")
    except ClientError as error:
        same(error.response["Error"]["Code"], "DependencyViolation")
        until("INACTIVE", lambda: read(aws)["status"])
        aws.ec2.delete_security_group(GroupId=groups[0])
    aws.ec2.delete_subnet(SubnetId=subnets[0])


def balanced(aws: Aws, place: dict[str, Any], kind: str = "ip", listens: bool = True) -> tuple[str, str]:
    """ARNs of a load balancer and a target group that it forwards to, if it listens."""
    elb, subnets = aws.elbv2, place["awsvpcConfiguration"]["subnets"]
    vpc = aws.ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["VpcId"]
    balancer = elb.create_load_balancer(Name=f"lb-{kind}-{listens}", Subnets=subnets, Scheme="internal")
    wanted = {"Name": f"tg-{kind}-{listens}", "Protocol": "HTTP", "Port": 8080, "VpcId": vpc, "TargetType": kind}
    group = elb.create_target_group(**wanted)["TargetGroups"][0]["TargetGroupArn"]
    arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    if listens:
        forward = [{"Type": "forward", "TargetGroupArn": group}]
        elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)
    return arn, group


@check
def tasks_are_targets_and_say_their_addresses(aws: Aws) -> None:
    register(aws)
    place = network(aws)
    _, group = balanced(aws, place)
    attached = [{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}]
    service(aws, networkConfiguration=place, loadBalancers=attached)
    rolled_out(aws)
    tasks = aws.ecs.list_tasks(cluster="main", serviceName="app")["taskArns"]
    same(len(tasks), 2)
    same(aws.ecs.list_tasks(cluster="main", serviceName="app", desiredStatus="STOPPED")["taskArns"], [])
    described = aws.ecs.describe_tasks(cluster="main", tasks=tasks)["tasks"]
    details = [one["attachments"][0]["details"] for one in described]
    own = {detail["value"] for one in details for detail in one if detail["name"] == "privateIPv4Address"}

    def targets() -> set[tuple[str, int]]:
        health = aws.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {(one["Target"]["Id"], one["Target"]["Port"]) for one in health}

    same(targets(), {(address, 8080) for address in own})
    aws.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.77", "Port": 80}])
    same(len(targets()), 3)
    aws.elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.77", "Port": 80}])
    aws.ecs.delete_service(cluster="main", service="app", force=True)
    time.sleep(0.2)
    read(aws)
    same(targets(), set())


@check
def wrong_services_are_refused(aws: Aws) -> None:
    ecs = aws.ecs
    inactive = register(aws, family="old")["taskDefinitionArn"]
    ecs.deregister_task_definition(taskDefinition=inactive)
    register(aws)
    place = network(aws)
    _, group = balanced(aws, place)
    by_container = {"targetGroupArn": group, "containerName": "app", "containerPort": 8080}
    wrong: dict[str, list[dict[str, Any]]] = {
        "ClusterNotFoundException": [{"cluster": "absent"}],
        "ClientException": [{"taskDefinition": inactive}, {"taskDefinition": "absent"}, {"taskDefinition": "app:9"}],
        "InvalidParameterException": [
            {"networkConfiguration": {}},
            {"deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 100}},
            {"deploymentConfiguration": {"maximumPercent": 100}},
            {"loadBalancers": [{**by_container, "containerName": "other"}]},
            {"loadBalancers": [{**by_container, "containerPort": 80}]},
            {"loadBalancers": [{**by_container, "targetGroupArn": f"{group}0"}]},
            {"loadBalancers": [{**by_container, "targetGroupArn": balanced(aws, place, listens=False)[1]}]},
            {"loadBalancers": [{**by_container, "targetGroupArn": balanced(aws, place, "instance")[1]}]},
        ],
    }
    for code, requests in wrong.items():
        for changed in requests:
            with refused(code):
                service(aws, **{"networkConfiguration": place, **changed})
    made = service(aws, networkConfiguration=place, loadBalancers=[by_container])
    has(made, loadBalancers=[by_container], healthCheckGracePeriodSeconds=0)
    register(aws, family="renamed", containerDefinitions=[container(name="renamed")])
    for code, changed in (
        ("ClientException", {"taskDefinition": inactive}),
        ("InvalidParameterException", {"taskDefinition": "renamed"}),
        ("InvalidParameterException", {"deploymentConfiguration": {"maximumPercent": 100}}),
        ("InvalidParameterException", {"loadBalancers": [{**by_container, "containerPort": 80}]}),
    ):
        with refused(code):
            update(aws, **changed)


# --- Application Auto Scaling --------------------------------------------------------------------

TARGET = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/main/app",
    "ScalableDimension": "ecs:service:DesiredCount",
}


def scaled(aws: Aws, **changed: Any) -> str:
    client = aws.application_autoscaling
    wanted = {**TARGET, "MinCapacity": 2, "MaxCapacity": 6, **changed}
    return once_linked(lambda: client.register_scalable_target(**wanted)["ScalableTargetARN"])


def policy(aws: Aws, name: str, metric: dict[str, str], value: float = 70.0) -> dict[str, Any]:
    configuration = {"PredefinedMetricSpecification": metric, "TargetValue": value}
    return aws.application_autoscaling.put_scaling_policy(
        **TARGET,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
    )


@check
def scalable_targets_have_tags_and_a_role(aws: Aws) -> None:
    client = aws.application_autoscaling
    register(aws)
    with refused("ValidationException"):
        scaled(aws)
    service(aws)
    with refused("ValidationException"):
        client.register_scalable_target(**TARGET, MinCapacity=2, MaxCapacity=6)
    with refused("ValidationException"):
        scaled(aws, MinCapacity=7)
    with refused("ValidationException"):
        client.register_scalable_target(**TARGET, MinCapacity=1)
    arn = scaled(aws, Tags={"Name": "mine"})

    def target() -> dict[str, Any]:
        return client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]

    role = target()["RoleARN"]
    assert role.endswith("/AWSServiceRoleForApplicationAutoScaling_ECSService"), role
    kinds = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    running = dict.fromkeys(kinds, False)
    has(target(), ScalableTargetARN=arn, MinCapacity=2, MaxCapacity=6, SuspendedState=running)
    assert target()["CreationTime"].timestamp() > time.time() - 60, target()
    stopped = {"DynamicScalingInSuspended": True}
    same(client.register_scalable_target(**TARGET, SuspendedState=stopped)["ScalableTargetARN"], arn)
    client.register_scalable_target(**TARGET, MaxCapacity=8)
    has(target(), MinCapacity=2, MaxCapacity=8, SuspendedState={**running, **stopped}, RoleARN=role)
    with refused("ValidationException"):
        client.register_scalable_target(**TARGET, MinCapacity=9)
    same(client.list_tags_for_resource(ResourceARN=arn)["Tags"], {"Name": "mine"})
    client.tag_resource(ResourceARN=arn, Tags={"a": "b"})
    client.untag_resource(ResourceARN=arn, TagKeys=["Name"])
    same(client.list_tags_for_resource(ResourceARN=arn)["Tags"], {"a": "b"})
    with refused("ResourceNotFoundException"):
        client.list_tags_for_resource(ResourceARN=f"{arn}0")
    with refused("ResourceNotFoundException"):
        client.tag_resource(ResourceARN=f"{arn}0", Tags={"a": "b"})
    with refused("ResourceNotFoundException"):
        client.untag_resource(ResourceARN=f"{arn}0", TagKeys=["a"])
    aws.ecs.delete_service(cluster="main", service="app", force=True)
    with refused("ValidationException"):
        scaled(aws)


@check
def scaling_policies_live_and_die_with_their_target(aws: Aws) -> None:
    client = aws.application_autoscaling
    register(aws)
    service(aws)
    cpu = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    with refused("ObjectNotFoundException"):
        policy(aws, "cpu", cpu)
    with refused("ObjectNotFoundException"):
        client.deregister_scalable_target(**TARGET)
    scaled(aws)
    made = policy(aws, "cpu", cpu)
    policy(aws, "memory", {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"})

    def found(**filters: Any) -> list[dict[str, Any]]:
        return client.describe_scaling_policies(ServiceNamespace="ecs", **filters)["ScalingPolicies"]

    before = found(PolicyNames=["cpu"])[0]
    has(before, PolicyARN=made["PolicyARN"], Alarms=made["Alarms"])
    same([alarm["AlarmName"].startswith("TargetTracking-") for alarm in made["Alarms"]], [True, True])
    same(policy(aws, "cpu", cpu, 50.0)["PolicyARN"], made["PolicyARN"])
    after = found(PolicyNames=["cpu"])[0]
    has(after, CreationTime=before["CreationTime"], Alarms=before["Alarms"])
    same(after["TargetTrackingScalingPolicyConfiguration"]["TargetValue"], 50.0)
    same([len(found(ResourceId=f"service/main/{name}")) for name in ("app", "app2")], [2, 0])
    client.delete_scaling_policy(**TARGET, PolicyName="memory")
    with refused("ObjectNotFoundException"):
        client.delete_scaling_policy(**TARGET, PolicyName="memory")
    client.deregister_scalable_target(**TARGET)
    same(found(), [])


@check
def requests_are_counted_where_they_are_forwarded(aws: Aws) -> None:
    register(aws)
    place = network(aws)
    service(aws, networkConfiguration=place)
    scaled(aws)
    balancer, group = (arn.split(":", 5)[5] for arn in balanced(aws, place))
    idle = balanced(aws, place, listens=False)[1].split(":", 5)[5]
    label = f"{balancer.removeprefix('loadbalancer/')}/{group}"
    for wrong in ({}, {"ResourceLabel": label.replace(group, idle)}, {"ResourceLabel": f"app/x/1/{group}"}):
        with refused("ValidationException"):
            policy(aws, "requests", {"PredefinedMetricType": "ALBRequestCountPerTarget", **wrong})
    policy(aws, "requests", {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label})
