"""What AWS refuses of ECS and Application Auto Scaling calls and moto lets pass. Registered like those of strict.py."""

import re
import time
from collections.abc import Iterator
from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.ecs.models import Cluster, Service, TaskDefinition, ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.models import elbv2_backends

import durations
import mends_ecs
import task_start
from strict import linked_role_is_new, rule

# --- Task definitions ----------------------------------------------------------------------------


def _is_fargate(request: Any) -> bool:
    return "FARGATE" in (request._get_param("requiresCompatibilities") or [])


def _containers(request: Any) -> list[dict[str, Any]]:
    return request._get_param("containerDefinitions") or []


@rule(
    "ecs-task-definition-names",
    "ClientException",
    "a family has up to 255 letters, digits, hyphens and underscores, and a container's name is its own",
    EC2ContainerServiceResponse,
    "RegisterTaskDefinition",
)
def ecs_task_definition_names(request: Any) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", request._get_param("family") or ""):
        return "Family contains invalid characters."
    names = [container.get("name") for container in _containers(request)]
    return "Container names must be unique." if len(names) > len(set(names)) else None


# MiB of memory by CPU units: from, to, in steps of.
SIZES = {
    "512": range(1024, 4096 + 1, 1024),
    "1024": range(2048, 8192 + 1, 1024),
    "2048": range(4096, 16384 + 1, 1024),
    "4096": range(8192, 30720 + 1, 1024),
    "8192": range(16384, 61440 + 1, 4096),
    "16384": range(32768, 122880 + 1, 8192),
    "256": (512, 1024, 2048),
}


@rule(
    "ecs-fargate-size",
    "ClientException",
    "CPU and memory of a Fargate task are one of the offered pairs",
    EC2ContainerServiceResponse,
    "RegisterTaskDefinition",
)
def ecs_fargate_size(request: Any) -> str | None:
    if not _is_fargate(request):
        return None
    units = {"cpu": "vCPU", "memory": "GB"}
    sizes = {name: mends_ecs.units(request._get_param(name), unit) for name, unit in units.items()}
    for name, value in sizes.items():
        if not value:
            return f"Fargate requires that '{name}' be defined at the task level."
    offered = SIZES.get(sizes["cpu"], ())
    if sizes["memory"].isdigit() and int(sizes["memory"]) in offered:
        return None
    return "No Fargate configuration exists for given values."


@rule(
    "ecs-fargate-network",
    "ClientException",
    "the network mode of a Fargate task is awsvpc",
    EC2ContainerServiceResponse,
    "RegisterTaskDefinition",
)
def ecs_fargate_network(request: Any) -> str | None:
    if _is_fargate(request) and request._get_param("networkMode") != "awsvpc":
        return "Fargate only supports network mode ‘awsvpc’."
    return None


@rule(
    "ecs-volumes",
    "ClientException",
    "what a container mounts is a volume of the task",
    EC2ContainerServiceResponse,
    "RegisterTaskDefinition",
)
def ecs_volumes(request: Any) -> str | None:
    volumes = {volume["name"] for volume in request._get_param("volumes") or []}
    for container in _containers(request):
        for mount in container.get("mountPoints", []):
            if mount.get("sourceVolume") not in volumes:
                return f"Unknown volume '{mount.get('sourceVolume')}'."
    return None


@rule(
    "ecs-execution-role",
    "ClientException",
    "logs, secrets and images in ECR need an execution role",
    EC2ContainerServiceResponse,
    "RegisterTaskDefinition",
)
def ecs_execution_role(request: Any) -> str | None:
    if request._get_param("executionRoleArn"):
        return None
    for container in _containers(request):
        if container.get("secrets"):
            return "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
        if _is_fargate(request) and task_start.IN_ECR.fullmatch(container.get("image", "")):
            return "Fargate requires task definition to have execution role ARN to support ECR images."
        if _is_fargate(request) and container.get("logConfiguration", {}).get("logDriver") == "awslogs":
            return "Fargate requires task definition to have execution role ARN to support log driver awslogs."
    return None


@rule(
    "ecs-roles",
    "ClientException",
    "the roles of a task exist, and have for some seconds",
    EC2ContainerServiceResponse,
    "RegisterTaskDefinition",
)
def ecs_roles(request: Any) -> str | None:
    named = [request._get_param(name) for name in ("executionRoleArn", "taskRoleArn")]
    return "Role is not valid" if any(arn and not _settled(task_start.role(arn)) for arn in named) else None


def _settled(role: Any) -> bool:
    return role is not None and time.time() >= role.create_date.timestamp() + durations.of("role-not-assumable")


# --- Clusters ------------------------------------------------------------------------------------


def _cluster(request: Any) -> Cluster | None:
    name = (request._get_param("cluster") or "default").rpartition("/")[2]
    return request.ecs_backend.clusters.get(name)


@rule(
    "ecs-cluster-inactive",
    "ClusterNotFoundException",
    "a deleted cluster is described, and nothing else is done with it",
    EC2ContainerServiceResponse,
    "CreateService",
    "UpdateService",
    "DeleteService",
    "ListServices",
    "UpdateCluster",
    "UpdateClusterSettings",
    "PutClusterCapacityProviders",
)
def ecs_cluster_inactive(request: Any) -> str | None:
    cluster = _cluster(request)
    return "The referenced cluster was inactive." if cluster and cluster.status != "ACTIVE" else None


@rule(
    "ecs-cluster-in-use",
    "ClusterContainsServicesException",
    "a cluster with services, draining ones too, cannot be deleted",
    EC2ContainerServiceResponse,
    "DeleteCluster",
)
def ecs_cluster_in_use(request: Any) -> str | None:
    cluster = _cluster(request)
    services = request.ecs_backend.services.values()
    if cluster and any(one.cluster_arn == cluster.arn and one.status != "INACTIVE" for one in services):
        return "The Cluster cannot be deleted while Services are active."
    return None


@rule(
    "ecs-describe-limits",
    "InvalidParameterException",
    "one to 10 services and at most 100 clusters are described a call",
    EC2ContainerServiceResponse,
    "DescribeServices",
    "DescribeClusters",
)
def ecs_describe_limits(request: Any) -> str | None:
    kind, most = ("services", 10) if request._get_action() == "DescribeServices" else ("clusters", 100)
    named = request._get_param(kind) or []
    if kind == "services" and not named:
        return "Services cannot be empty."
    return f"{kind.capitalize()} cannot be described in batches of more than {most}." if len(named) > most else None


# --- Services ------------------------------------------------------------------------------------

MAKES_OR_CHANGES = ("CreateService", "UpdateService")


def _service(request: Any) -> Service | None:
    """The service that the request is about, if there is one."""
    cluster = _cluster(request)
    name = request._get_param("serviceName") or (request._get_param("service") or "").rpartition("/")[2]
    return request.ecs_backend.services.get(f"{cluster.name}:{name}") if cluster else None


def _named_definition(request: Any) -> TaskDefinition | None:
    family, _, revision = (request._get_param("taskDefinition") or "").rpartition("/")[2].partition(":")
    revisions = request.ecs_backend.task_definitions.get(family, {})
    if revision:
        return revisions.get(int(revision)) if revision.isdigit() else None
    active = [one for one in revisions.values() if one.status == "ACTIVE"]
    return max(active, key=lambda one: one.revision, default=None)


def _definition(request: Any) -> TaskDefinition | None:
    """The task definition that the service would have."""
    if request._get_param("taskDefinition"):
        return _named_definition(request)
    service = _service(request)
    return service.deployments[0].definition if service and service.deployments else None


def _given_or_known(request: Any, parameter: str, attribute: str) -> Any:
    given = request._get_param(parameter)
    service = _service(request) if request._get_action() == "UpdateService" else None
    return getattr(service, attribute) if given is None and service else given


@rule(
    "ecs-service-active",
    "ServiceNotActiveException",
    "a deleted service takes no change",
    EC2ContainerServiceResponse,
    "UpdateService",
)
def ecs_service_active(request: Any) -> str | None:
    service = _service(request)
    return "Service was not ACTIVE." if service and service.status != "ACTIVE" else None


@rule(
    "ecs-service-gone",
    "ServiceNotFoundException",
    "an INACTIVE service cannot be deleted again",
    EC2ContainerServiceResponse,
    "DeleteService",
)
def ecs_service_gone(request: Any) -> str | None:
    service = _service(request)
    return "Service not found." if service and service.status == "INACTIVE" else None


@rule(
    "ecs-service-linked-role",
    "InvalidParameterException",
    "the service-linked role, which the account's first cluster brings, cannot be assumed at once",
    EC2ContainerServiceResponse,
    "CreateCluster",
    "CreateService",
)
def ecs_service_linked_role(request: Any) -> str | None:
    new = linked_role_is_new(request.current_account, "ecs")
    if new and request._get_action() == "CreateService":
        return "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
    return None


@rule(
    "ecs-service-exists",
    "InvalidParameterException",
    "the name of a service is its own until it is INACTIVE, but for repetitions with the same client token",
    EC2ContainerServiceResponse,
    "CreateService",
)
def ecs_service_exists(request: Any) -> str | None:
    service = _service(request)
    if service and service.status == "DRAINING":
        return "Unable to Start a service that is still Draining."
    if service and service.status == "ACTIVE":
        token = request._get_param("clientToken")
        return None if token and token == service.client_token else "Creation of service was not idempotent."
    return None


@rule(
    "ecs-service-task-definition",
    "ClientException",
    "the task definition of a service is there and ACTIVE",
    EC2ContainerServiceResponse,
    *MAKES_OR_CHANGES,
)
def ecs_service_task_definition(request: Any) -> str | None:
    if not request._get_param("taskDefinition"):
        return None
    definition = _named_definition(request)
    if definition is None:
        return "TaskDefinition not found."
    return None if definition.status == "ACTIVE" else "TaskDefinition is inactive"


@rule(
    "ecs-service-network",
    "InvalidParameterException",
    "tasks with awsvpc need a network configuration",
    EC2ContainerServiceResponse,
    *MAKES_OR_CHANGES,
)
def ecs_service_network(request: Any) -> str | None:
    definition = _definition(request)
    network = _given_or_known(request, "networkConfiguration", "network_configuration")
    if definition and definition.network_mode == "awsvpc" and not network:
        return "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    return None


@rule(
    "ecs-service-capacity",
    "InvalidParameterException",
    "a service has a launch type or a strategy of the cluster's capacity providers",
    EC2ContainerServiceResponse,
    *MAKES_OR_CHANGES,
)
def ecs_service_capacity(request: Any) -> str | None:
    strategy, cluster = request._get_param("capacityProviderStrategy") or [], _cluster(request)
    if strategy and request._get_param("launchType"):
        both = "Specifying both a launch type and capacity provider strategy is not supported."
        return f"{both} Remove one and try again."
    known = (cluster.capacity_providers or []) if cluster else []
    if all(item["capacityProvider"] in known for item in strategy):
        return None
    return (
        "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the "
        "cluster. Associate the capacity provider with the cluster and try again."
    )


@rule(
    "ecs-service-percentages",
    "InvalidParameterException",
    "a deployment may either stop a task or start one more",
    EC2ContainerServiceResponse,
    *MAKES_OR_CHANGES,
)
def ecs_service_percentages(request: Any) -> str | None:
    service = _service(request) if request._get_action() == "UpdateService" else None
    known = service.deployment_configuration if service else mends_ecs.DEPLOYMENT_DEFAULTS
    settings = {**known, **(request._get_param("deploymentConfiguration") or {})}
    if settings["maximumPercent"] <= 100 <= settings["minimumHealthyPercent"]:
        return "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."
    return None


@rule(
    "ecs-service-load-balancers",
    "InvalidParameterException",
    "containers and ports behind load balancers are the task's, and target groups are forwarded to and of type ip",
    EC2ContainerServiceResponse,
    *MAKES_OR_CHANGES,
)
def ecs_service_load_balancers(request: Any) -> str | None:
    definition = _definition(request)
    if definition is None:
        return None
    for one in _given_or_known(request, "loadBalancers", "load_balancers") or []:
        if problem := _no_container(definition, one["containerName"], one["containerPort"]):
            return problem
    for one in request._get_param("loadBalancers") or []:
        if problem := _no_target_group(request, definition, one["targetGroupArn"]):
            return problem
    return None


def _no_container(definition: TaskDefinition, name: str, port: int) -> str | None:
    container = next((one for one in definition.container_definitions if one["name"] == name), None)
    if container is None:
        return f"The container {name} does not exist in the task definition."
    if port not in [mapping.get("containerPort") for mapping in container["portMappings"]]:
        return f"The container {name} did not have a container port {port} defined."
    return None


def _no_target_group(request: Any, definition: TaskDefinition, arn: str) -> str | None:
    balancing = elbv2_backends[request.current_account][request.region]
    group = balancing.target_groups.get(arn)
    if group is None:
        return (
            "Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS service role "
            "being passed has the proper permissions."
        )
    if definition.network_mode == "awsvpc" and group.target_type != "ip":
        return (
            f"The provided target group {arn} has target type {group.target_type}, which is incompatible with the "
            "awsvpc network mode specified in the task definition."
        )
    if any(arn in _forwarded_to(balancer) for balancer in balancing.load_balancers.values()):
        return None
    return f"The target group with targetGroupArn {arn} does not have an associated load balancer."


def _forwarded_to(balancer: Any) -> set[str]:
    """The ARNs of the target groups that listeners or rules of the load balancer forward to."""
    return set(_forwards(balancer))


def _forwards(balancer: Any) -> Iterator[str]:
    for listener in balancer.listeners.values():
        rules = [one.actions for one in listener.rules.values()]
        for action in [*listener.default_actions, *(action for actions in rules for action in actions)]:
            groups = action.data.get("ForwardConfig", {}).get("TargetGroups", [])
            yield from (named["TargetGroupArn"] for named in (action.data, *groups) if "TargetGroupArn" in named)


# --- Application Auto Scaling --------------------------------------------------------------------


def _target(request: Any) -> Any:
    dimension, resource = request._get_param("ScalableDimension"), request._get_param("ResourceId")
    return request.applicationautoscaling_backend.targets.get(dimension, {}).get(resource)


@rule(
    "autoscaling-ecs-service",
    "ValidationException",
    "the service that is scaled is ACTIVE",
    ApplicationAutoScalingResponse,
    "RegisterScalableTarget",
)
def autoscaling_ecs_service(request: Any) -> str | None:
    resource = request._get_param("ResourceId") or ""
    if request._get_param("ServiceNamespace") != "ecs":
        return None
    backend = ecs_backends[request.current_account][request.region]
    mends_ecs.advance(backend)
    _, _, path = resource.partition("/")
    service = backend.services.get(path.replace("/", ":"))
    return None if service and service.status == "ACTIVE" else f"ECS service doesn't exist: {resource}"


@rule(
    "autoscaling-service-linked-role",
    "ValidationException",
    "the service-linked role, which the account's first target brings, cannot be assumed at once",
    ApplicationAutoScalingResponse,
    "RegisterScalableTarget",
)
def autoscaling_service_linked_role(request: Any) -> str | None:
    if not linked_role_is_new(request.current_account, "application-autoscaling"):
        return None
    path = "aws-service-role/ecs.application-autoscaling.amazonaws.com"
    name = f"{path}/AWSServiceRoleForApplicationAutoScaling_ECSService"
    return f"Unable to assume IAM role: arn:aws:iam::{request.current_account}:role/{name}"


@rule(
    "autoscaling-capacity",
    "ValidationException",
    "a target has a minimum and a maximum that is not less",
    ApplicationAutoScalingResponse,
    "RegisterScalableTarget",
)
def autoscaling_capacity(request: Any) -> str | None:
    known = _target(request)
    least, most = request._get_param("MinCapacity"), request._get_param("MaxCapacity")
    least = known.min_capacity if least is None and known else least
    most = known.max_capacity if most is None and known else most
    if least is None or most is None:
        return "Minimum capacity and maximum capacity must be specified to register a new scalable target"
    return "Maximum capacity cannot be less than minimum capacity" if most < least else None


@rule(
    "autoscaling-target-absent",
    "ObjectNotFoundException",
    "policies are of a target, and a target is deregistered once",
    ApplicationAutoScalingResponse,
    "PutScalingPolicy",
    "DeregisterScalableTarget",
)
def autoscaling_target_absent(request: Any) -> str | None:
    return None if _target(request) else f"No scalable target registered for {_named(request)}"


def _named(request: Any) -> str:
    namespace, resource, dimension = (
        request._get_param(name) for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")
    )
    return f"service namespace: {namespace}, resource ID: {resource}, scalable dimension: {dimension}"


@rule(
    "autoscaling-policy-absent",
    "ObjectNotFoundException",
    "a policy is deleted once",
    ApplicationAutoScalingResponse,
    "DeleteScalingPolicy",
)
def autoscaling_policy_absent(request: Any) -> str | None:
    name, resource = request._get_param("PolicyName"), request._get_param("ResourceId")
    known = request.applicationautoscaling_backend.policies.values()
    if any(policy.policy_name == name and policy.resource_id == resource for policy in known):
        return None
    return f"No scaling policy found for {_named(request)}, policy name: {name}"


@rule(
    "autoscaling-resource-label",
    "ValidationException",
    "requests are counted of a target group that the load balancer forwards to",
    ApplicationAutoScalingResponse,
    "PutScalingPolicy",
)
def autoscaling_resource_label(request: Any) -> str | None:
    configuration = request._get_param("TargetTrackingScalingPolicyConfiguration") or {}
    metric = configuration.get("PredefinedMetricSpecification", {})
    if metric.get("PredefinedMetricType") != "ALBRequestCountPerTarget":
        return None
    label = metric.get("ResourceLabel")
    if not label:
        return "Resource label should be specified for predefined metric type ALBRequestCountPerTarget"
    balancer, _, group = label.partition("/targetgroup/")
    region, account = request.region, request.current_account
    prefix = f"arn:aws:elasticloadbalancing:{region}:{account}"
    known = elbv2_backends[account][region].load_balancers.get(f"{prefix}:loadbalancer/{balancer}")
    if known and f"{prefix}:targetgroup/{group}" in _forwarded_to(known):
        return None
    return f"The load balancer and target group of the resource label {label} do not exist or are not connected"
