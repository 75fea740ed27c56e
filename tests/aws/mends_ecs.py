"""Where moto's ECS and Application Auto Scaling answer differently from AWS. Registered like the mends of mends.py.

Nothing happens by itself in the emulator: what time has brought is done before each call, see `advance`.
"""

import json
import math
import random
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from botocore import xform_name
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeScalableTarget
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse, _build_policy
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import unix_time_millis, utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response
from moto.ecs.exceptions import TaskDefinitionNotFoundException
from moto.ecs.models import Cluster, EC2ContainerServiceBackend, Service, TaskDefinition, ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.models import elbv2_backends
from moto.logs.models import LogEvent, LogGroup, LogStream, logs_backends
from moto.sts.models import sts_backends

import durations
import task_start
from catalogue import around
from mends import mend, page


def answered(response: Any, key: str, items: list[Any], limit: int = 100) -> ActionResult:
    """A page of a list, as ECS pages."""
    found, rest = page(items, response._get_param("nextToken"), response._get_param("maxResults", limit))
    return ActionResult({key: found, **({"nextToken": rest} if rest else {})})


def caller(response: Any) -> str:
    backend = sts_backends[response.current_account][response.partition]
    return backend.get_caller_identity(response.get_access_key(), response.region)[1]


def with_defaults(strategy: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [{"base": 0, "weight": 0, **item} for item in strategy or []]


# --- Clusters ------------------------------------------------------------------------------------


def described(cluster: Cluster, include: list[str]) -> dict[str, Any]:
    return {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": cluster.registered_container_instances_count,
        "runningTasksCount": cluster.running_tasks_count,
        "pendingTasksCount": cluster.pending_tasks_count,
        "activeServicesCount": cluster.active_services_count,
        "statistics": [],
        "tags": (cluster.tags or []) if "TAGS" in include else [],
        "settings": cluster.settings if "SETTINGS" in include else [],
        "configuration": cluster.configuration if "CONFIGURATIONS" in include else None,
        "capacityProviders": cluster.capacity_providers or [],
        "defaultCapacityProviderStrategy": with_defaults(cluster.default_capacity_provider_strategy),
        "serviceConnectDefaults": cluster.service_connect_defaults,
    }


ALL_OF_CLUSTER = ["TAGS", "SETTINGS", "CONFIGURATIONS"]


@mend("ecs-clusters", "clusters are made once, show what is asked for, and stay described when deleted")
def clusters() -> None:
    """AWS: CreateCluster answers an ACTIVE cluster of the name unchanged and makes a new one in the place of an
    INACTIVE one; DescribeClusters shows settings, configuration and tags only if they are included (API Reference of
    both). UpdateClusterSettings and PutClusterCapacityProviders change settings by name, and replace both lists.
    moto: replaces a cluster of the name, shows everything always, lacks UpdateClusterSettings. Goes when moto
    does."""

    @around(EC2ContainerServiceBackend, "create_cluster")
    def create(original: Callable, backend: Any, cluster_name: str, *args: Any, **kwargs: Any) -> Cluster:
        known = backend.clusters.get(cluster_name)
        if known and known.status == "ACTIVE":
            return known
        return original(backend, cluster_name, *args, **kwargs)

    for name in ("create_cluster", "update_cluster", "put_cluster_capacity_providers", "delete_cluster"):

        @around(EC2ContainerServiceResponse, name)
        def whole(original: Callable, response: Any) -> ActionResult:
            return ActionResult({"cluster": described(original(response).result["cluster"], ALL_OF_CLUSTER)})

    def describe(response: Any) -> ActionResult:
        found, failures = response.ecs_backend.describe_clusters(response._get_param("clusters", []))
        include = response._get_param("include", [])
        return ActionResult({"clusters": [described(one, include) for one in found], "failures": failures})

    def update_settings(response: Any) -> ActionResult:
        cluster = response.ecs_backend._get_cluster(response._get_param("cluster"))
        changed = {one["name"]: one for one in cluster.settings + response._get_param("settings")}
        cluster.settings = list(changed.values())
        return ActionResult({"cluster": described(cluster, ALL_OF_CLUSTER)})

    EC2ContainerServiceResponse.describe_clusters = describe
    EC2ContainerServiceResponse.update_cluster_settings = update_settings


@mend("ecs-cluster-list", "ListClusters lists what is ACTIVE, in pages")
def cluster_list() -> None:
    """AWS: lists 100 clusters a page; deleted ones may still be described, but are not listed (API Reference,
    ListClusters and DeleteCluster; that none is listed is an assumption). moto: lists all in one page. Goes when it
    pages."""

    def listed(response: Any) -> ActionResult:
        known = response.ecs_backend.clusters.values()
        return answered(response, "clusterArns", [one.arn for one in known if one.status == "ACTIVE"])

    EC2ContainerServiceResponse.list_clusters = listed


# --- Task definitions ----------------------------------------------------------------------------


def units(value: str | None, unit: str) -> str | None:
    """CPU units or MiB, which may be given as vCPU or GB."""
    found = re.fullmatch(rf"([\d.]+)\s*{unit}", value or "", re.IGNORECASE)
    return str(int(float(found[1]) * 1024)) if found else value


def filled_in(container: dict[str, Any], network_mode: str | None) -> dict[str, Any]:
    """A container definition with what ECS adds to it."""
    empty = ("environment", "mountPoints", "volumesFrom", "systemControls")
    full = {"cpu": 0, "essential": True, **{name: [] for name in empty}, **container}
    full["portMappings"] = [_port(port, network_mode) for port in container.get("portMappings") or []]
    if check := container.get("healthCheck"):
        full["healthCheck"] = {"interval": 30, "timeout": 5, "retries": 3, **check}
    return full


def _port(port: dict[str, Any], network_mode: str | None) -> dict[str, Any]:
    same_on_host = network_mode in ("awsvpc", "host") and "containerPort" in port
    host = {"hostPort": port["containerPort"]} if same_on_host else {}
    return {"protocol": "tcp", **host, **port}


CAPABILITY = "com.amazonaws.ecs.capability"


def attributes(definition: TaskDefinition) -> list[dict[str, str]]:
    """What a container instance would need. AWS lists more of them; nobody decides by it on Fargate."""
    names = {f"{CAPABILITY}.docker-remote-api.1.18"}
    if definition.network_mode == "awsvpc":
        names.add("ecs.capability.task-eni")
    if hasattr(definition, "task_role_arn"):
        names.add(f"{CAPABILITY}.task-iam-role")
    for container in definition.container_definitions:
        if container.get("logConfiguration", {}).get("logDriver") == "awslogs":
            names |= {f"{CAPABILITY}.logging-driver.awslogs", "ecs.capability.execution-role-awslogs"}
        if container.get("secrets"):
            names.add("ecs.capability.secrets.asm.environment-variables")
    return [{"name": name} for name in sorted(names)]


@mend("ecs-task-definitions", "task definitions tell what is filled in and who registered them; no revision repeats")
def task_definitions() -> None:
    """AWS: fills in defaults of containers, ports, health checks and volumes, converts sizes to CPU units and MiB,
    tells when and by whom a revision was registered and when it was deregistered, and never gives a revision number
    again; a family stands for its latest ACTIVE revision, and an INACTIVE one is still described by its ARN (API
    Reference, RegisterTaskDefinition, DescribeTaskDefinition, DeregisterTaskDefinition). RegisterTaskDefinition
    answers the tags. moto: fills in less, shares the lists that it fills in between containers, tells no times,
    counts from the revisions that are left, takes an INACTIVE revision for the latest. Goes when moto does."""

    @around(EC2ContainerServiceResponse, "register_task_definition")
    def register(original: Callable, response: Any) -> ActionResult:
        definition = original(response).result["taskDefinition"]
        given = response._get_param("containerDefinitions")
        definition.container_definitions = [filled_in(one, definition.network_mode) for one in given]
        for volume in definition.volumes:
            if volume.keys() == {"name"}:
                volume["host"] = {}
        definition.cpu, definition.memory = units(definition.cpu, "vCPU"), units(definition.memory, "GB")
        definition.registered_at, definition.registered_by = utcnow(), caller(response)
        definition.requires_attributes = attributes(definition)
        definition.enable_fault_injection = bool(response._get_param("enableFaultInjection"))
        response.ecs_backend.__dict__.setdefault("revisions", {})[definition.family] = definition.revision
        return ActionResult({"taskDefinition": definition, "tags": definition.tags})

    def last_revision(backend: Any, family: str) -> int:
        return backend.__dict__.get("revisions", {}).get(family, 0)

    def describe(backend: Any, task_definition_str: str) -> TaskDefinition:
        family, _, revision = task_definition_str.rpartition("/")[2].partition(":")
        known = backend.task_definitions.get(family, {})
        latest = max((one.revision for one in known.values() if one.status == "ACTIVE"), default=None)
        found = known.get(int(revision) if revision.isdigit() else latest)
        if found is None:
            raise TaskDefinitionNotFoundException()
        return found

    EC2ContainerServiceBackend._get_last_task_definition_revision_id = last_revision
    EC2ContainerServiceBackend.describe_task_definition = describe

    @around(EC2ContainerServiceBackend, "deregister_task_definition")
    def deregister(original: Callable, backend: Any, task_definition_str: str) -> TaskDefinition:
        definition = original(backend, task_definition_str)
        definition.deregistered_at = definition.__dict__.get("deregistered_at") or utcnow()
        return definition


@mend("ecs-task-definition-lists", "task definitions and families are listed by status, sorted, in pages")
def task_definition_lists() -> None:
    """AWS: ListTaskDefinitions takes the whole name of a family, and sorts by family and number of revision;
    ListTaskDefinitionFamilies takes a prefix, and a family is ACTIVE if it has an ACTIVE revision; both in pages of
    100 (API Reference of both). moto: neither sorts nor pages, and knows no status of families. Goes when moto
    does."""

    def definitions(response: Any) -> ActionResult:
        family, status = response._get_param("familyPrefix"), response._get_param("status", "ACTIVE")
        of_families = response.ecs_backend.task_definitions.values()
        found = [one for revisions in of_families for one in revisions.values() if one.status == status]
        found = [one for one in found if family in (None, one.family)]
        found.sort(key=lambda one: (one.family, one.revision), reverse=response._get_param("sort") == "DESC")
        return answered(response, "taskDefinitionArns", [one.arn for one in found])

    def families(response: Any) -> ActionResult:
        prefix, status = response._get_param("familyPrefix") or "", response._get_param("status", "ALL")
        known = response.ecs_backend.task_definitions.items()
        found = [
            family
            for family, revisions in sorted(known)
            if family.startswith(prefix) and revisions and status in ("ALL", _status_of_family(revisions))
        ]
        return answered(response, "families", found)

    EC2ContainerServiceResponse.list_task_definitions = definitions
    EC2ContainerServiceResponse.list_task_definition_families = families


def _status_of_family(revisions: dict[int, TaskDefinition]) -> str:
    return "ACTIVE" if any(one.status == "ACTIVE" for one in revisions.values()) else "INACTIVE"


# --- Services: what they are set to --------------------------------------------------------------

DEPLOYMENT_DEFAULTS = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}
# What both CreateService and UpdateService take and the service shows as it was given.
SETTINGS = (
    "availabilityZoneRebalancing",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "loadBalancers",
    "placementConstraints",
    "placementStrategy",
    "platformVersion",
    "propagateTags",
    "serviceRegistries",
)
# What new tasks are needed for, and what a rollback restores.
ROLLED_OUT = (
    "task_definition",
    "launch_type",
    "capacity_provider_strategy",
    "platform_version",
    "network_configuration",
    "load_balancers",
    "service_registries",
)


def _set(response: Any, service: Service) -> None:
    for parameter in SETTINGS:
        if (value := response._get_param(parameter)) is not None:
            setattr(service, xform_name(parameter), value)
    if (given := response._get_param("deploymentConfiguration")) is not None:
        service.deployment_configuration = {**service.deployment_configuration, **given}
    if (strategy := response._get_param("capacityProviderStrategy")) is not None:
        service.capacity_provider_strategy = with_defaults(strategy)
        service.launch_type = None if strategy else "FARGATE"
    used = service.load_balancers or service.network_configuration
    role = f"arn:aws:iam::{response.current_account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    service.role_arn = role if used else service.role_arn
    if service.load_balancers and service.health_check_grace_period_seconds is None:
        service.health_check_grace_period_seconds = 0


def _fill_in_network(response: Any) -> dict[str, Any] | None:
    """The network configuration of the request, completed in place."""
    network = response._get_param("networkConfiguration")
    if network and "awsvpcConfiguration" in network:
        for name, value in (("securityGroups", []), ("assignPublicIp", "DISABLED")):
            network["awsvpcConfiguration"].setdefault(name, value)
    return network


def _fargate(service: Service) -> bool:
    strategy = service.capacity_provider_strategy
    return service.launch_type == "FARGATE" or any(one["capacityProvider"].startswith("FARGATE") for one in strategy)


@mend("ecs-service-settings", "services keep what they are set to, with AWS's defaults")
def service_settings() -> None:
    """AWS: a service shows its deployment configuration, zone rebalancing, grace period, managed tags, propagation,
    ECS Exec, strategy, platform and network, with defaults filled in, when it was created and by whom, and the
    service-linked role if load balancers or interfaces need it; a cluster's default strategy applies where neither
    launch type nor strategy is given; the same client token answers the same service; UpdateService resolves a family
    to its latest revision (API Reference, CreateService, UpdateService and Service). moto: drops most of it, and
    keeps the family as it was given. Goes when moto has them."""
    Service.deployment_configuration = DEPLOYMENT_DEFAULTS
    # The default of CreateService since September 2025.
    Service.availability_zone_rebalancing = "ENABLED"
    Service.health_check_grace_period_seconds = None
    Service.enable_execute_command = Service.enable_ecs_managed_tags = False
    Service.capacity_provider_strategy = Service.placement_constraints = Service.placement_strategy = ()

    @around(EC2ContainerServiceResponse, "create_service")
    def create(original: Callable, response: Any) -> ActionResult:
        backend, token = response.ecs_backend, response._get_param("clientToken")
        cluster = backend._get_cluster(response._get_param("cluster", "default"))
        known = backend.services.get(f"{cluster.name}:{response._get_param('serviceName')}")
        if token and known and known.status == "ACTIVE" and known.client_token == token:
            return ActionResult({"service": known})
        _fill_in_network(response)
        service = original(response).result["service"]
        service.client_token = token
        service.created_at, service.created_by = utcnow(), re.sub(
            r":sts::(\d+):assumed-role/([^/]+)/.*", r":iam::\1:role/\2", caller(response)
        )
        service.network_configuration = service.network_configuration or None
        if not response._get_param("launchType") and cluster.default_capacity_provider_strategy:
            service.capacity_provider_strategy = with_defaults(cluster.default_capacity_provider_strategy)
            service.launch_type = None
        _set(response, service)
        if _fargate(service):
            service.platform_version, service.platform_family = service.platform_version or "LATEST", "Linux"
        return ActionResult({"service": service})

    def update(response: Any) -> ActionResult:
        backend = response.ecs_backend
        name = response._get_param("service").rpartition("/")[2]
        service = backend._get_service(response._get_param("cluster", "default"), name)
        if definition := response._get_param("taskDefinition"):
            service.task_definition = backend.describe_task_definition(definition).arn
        if network := _fill_in_network(response):
            service.network_configuration = service._validate_network(network)
        if (count := response._get_param("desiredCount")) is not None:
            service.desired_count = count
        _set(response, service)
        return ActionResult({"service": service})

    EC2ContainerServiceResponse.update_service = update


@mend("ecs-service-list", "ListServices lists services that are not INACTIVE, ten a page")
def service_list() -> None:
    """AWS: lists 10 services a page, 100 if asked; INACTIVE ones are not listed (API Reference, ListServices; that
    DRAINING ones are is an assumption, against what DeleteService says). moto: lists all of them in one page, and
    those of clusters whose name ends like this one's. Goes when it pages."""

    def listed(response: Any) -> ActionResult:
        cluster = response.ecs_backend._get_cluster(response._get_param("cluster", "default"))
        launch_type, scheduling = response._get_param("launchType"), response._get_param("schedulingStrategy")
        found = [
            service.arn
            for service in response.ecs_backend.services.values()
            if service.cluster_arn == cluster.arn
            and service.status in ("ACTIVE", "DRAINING")
            and launch_type in (None, service.launch_type)
            and scheduling in (None, service.scheduling_strategy)
        ]
        return answered(response, "serviceArns", sorted(found), 10)

    EC2ContainerServiceResponse.list_services = listed


# --- Services: what they do ----------------------------------------------------------------------


class Deployment:
    """One rollout of what a service is set to."""

    def __init__(self, service: Service, at: float, rolls_back: "Deployment | None" = None) -> None:
        self.id = f"ecs-svc/{random.randrange(10**18, 10**19)}"
        self.status = "PRIMARY"
        self.settings = {name: getattr(service, name) for name in ROLLED_OUT}
        self.definition = service._backend.describe_task_definition(service.task_definition)
        self.task_definition = service.task_definition
        self.launch_type = service.launch_type
        self.capacity_provider_strategy = service.capacity_provider_strategy
        self.network_configuration = service.network_configuration
        latest = service.platform_version == "LATEST"
        self.platform_version = "1.4.0" if latest else service.platform_version
        self.platform_family = getattr(service, "platform_family", None)
        self.desired_count = service.desired_count
        self.failed_tasks = 0
        self.rolls_back = rolls_back is not None
        self.rollout_state = "IN_PROGRESS"
        self.rollout_state_reason = f"ECS deployment {self.id} in progress."
        if rolls_back:
            self.rollout_state_reason = f"ECS deployment circuit breaker: rolling back to deploymentId {rolls_back.id}."
        self.created_at = self.updated_at = moment(at)
        self.due = at + durations.of("ecs-deployment")
        self.tasks: list[str] = []

    @property
    def running_count(self) -> int:
        return len(self.tasks)

    @property
    def pending_count(self) -> int:
        starting = self.status == "PRIMARY" and self.rollout_state != "FAILED"
        return max(0, self.desired_count - len(self.tasks)) if starting else 0


def moment(at: float) -> datetime:
    """What moto takes for a time."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def _say(service: Service, at: float, text: str) -> None:
    event = {"id": str(uuid4()), "createdAt": moment(at), "message": f"(service {service.name}) {text}"}
    # AWS keeps the latest 100.
    service.events = [event, *service.events][:100]


def roll_out(service: Service, at: float, rolls_back: Deployment | None = None) -> Deployment:
    for earlier in service.deployments:
        earlier.status = "ACTIVE"
    deployment = Deployment(service, at, rolls_back)
    service.deployments = [deployment, *service.deployments]
    return deployment


def advance(backend: EC2ContainerServiceBackend) -> None:
    """Does what time has brought to the services and their clusters."""
    for service in backend.services.values():
        if service.status == "ACTIVE":
            _advance(service)
        elif service.status == "DRAINING" and time.time() >= service.gone_at:
            service.status, service.deployments = "INACTIVE", []
        service.running_count = sum(one.running_count for one in service.deployments)
        service.pending_count = sum(one.pending_count for one in service.deployments)
    for cluster in backend.clusters.values():
        own = [one for one in backend.services.values() if one.cluster_arn == cluster.arn]
        cluster.active_services_count = sum(one.status == "ACTIVE" for one in own)
        cluster.running_tasks_count = sum(one.running_count for one in own)
        cluster.pending_tasks_count = sum(one.pending_count for one in own)


def _advance(service: Service) -> None:
    primary = service.deployments[0]
    while primary.rollout_state == "IN_PROGRESS" and time.time() >= primary.due:
        obstacle = service.obstacle(primary) if primary.desired_count else None
        if obstacle:
            _fail(service, primary, obstacle)
        else:
            _complete(service, primary)
        primary = service.deployments[0]
    due = service.__dict__.get("scaled_at", 0) + durations.of("ecs-task-starting")
    if primary.rollout_state == "COMPLETED" and len(primary.tasks) != primary.desired_count and time.time() >= due:
        obstacle = service.obstacle(primary) if len(primary.tasks) < primary.desired_count else None
        if obstacle:
            _say(service, due, obstacle)
            service.scaled_at = due
        else:
            _reach(service, primary, due)
            _say(service, due, "has reached a steady state.")


def _reach(service: Service, deployment: Deployment, at: float) -> None:
    """Starts or stops tasks until there are as many as desired."""
    missing = deployment.desired_count - len(deployment.tasks)
    started = [uuid4().hex for _ in range(missing)]
    stopped = deployment.tasks[deployment.desired_count :]
    deployment.tasks = deployment.tasks[: deployment.desired_count] + started
    deployment.updated_at = moment(at)
    if started:
        _say(service, at, f"has started {len(started)} tasks: {_named(started)}.")
        service.started(deployment, started)
    _stopped(service, stopped, at)


def _stopped(service: Service, tasks: list[str], at: float) -> None:
    if tasks:
        _say(service, at, f"has stopped {len(tasks)} running tasks: {_named(tasks)}.")


def _named(tasks: list[str]) -> str:
    return " ".join(f"(task {task})" for task in tasks)


def _complete(service: Service, primary: Deployment) -> None:
    _reach(service, primary, primary.due)
    _stopped(service, [task for earlier in service.deployments[1:] for task in earlier.tasks], primary.due)
    service.deployments = [primary]
    service.completed = primary
    primary.failed_tasks = 0
    primary.rollout_state, primary.rollout_state_reason = "COMPLETED", f"ECS deployment {primary.id} completed."
    _say(service, primary.due, f"(deployment {primary.id}) deployment completed.")
    _say(service, primary.due, "has reached a steady state.")


def _fail(service: Service, primary: Deployment, obstacle: str) -> None:
    at, primary.updated_at = primary.due, moment(primary.due)
    _say(service, at, obstacle)
    breaker = service.deployment_configuration["deploymentCircuitBreaker"]
    if not breaker["enable"]:
        primary.failed_tasks += primary.desired_count
        primary.due = at + durations.of("ecs-deployment")
        return
    # The threshold: half of the desired count, at least 3, at most 200.
    primary.failed_tasks = min(200, max(3, math.ceil(primary.desired_count / 2)))
    primary.rollout_state = "FAILED"
    primary.rollout_state_reason = "ECS deployment circuit breaker: tasks failed to start."
    _say(service, at, f"(deployment {primary.id}) deployment failed: tasks failed to start.")
    completed = service.__dict__.get("completed")
    if breaker["rollback"] and completed and not primary.rolls_back:
        for name, value in completed.settings.items():
            setattr(service, name, value)
        again = roll_out(service, at, completed)
        _say(service, at, f"rolling back to deployment {again.id}.")


@mend("ecs-rollout", "services roll out: deployments, tasks and events")
def rollout() -> None:
    """AWS: CreateService, and UpdateService that changes what tasks are started with or forces it, make a new PRIMARY
    deployment; it is IN_PROGRESS until all its tasks run, then COMPLETED, and the earlier ones are gone; other
    changes of the desired count start or stop tasks only. With the circuit breaker, a deployment whose tasks fail
    becomes FAILED and is rolled back, if asked, to the last one that completed; without, it goes on failing (API
    Reference, Deployment; ECS Developer Guide, How the Amazon ECS deployment circuit breaker detects failures).
    Events have the texts that DescribeServices of public logs shows. moto: one deployment for ever, IN_PROGRESS, no
    events, no tasks until the desired count is updated. Goes when moto rolls out."""
    Service.obstacle = lambda service, deployment: None
    Service.started = lambda service, deployment, tasks: None

    def backend(response: Any) -> EC2ContainerServiceBackend:
        known = ecs_backends[response.current_account][response.region]
        advance(known)
        return known

    EC2ContainerServiceResponse.ecs_backend = property(backend)

    @around(EC2ContainerServiceResponse, "create_service")
    def create(original: Callable, response: Any) -> ActionResult:
        service = original(response).result["service"]
        if service.deployments and isinstance(service.deployments[0], Deployment):
            # The same client token.
            return ActionResult({"service": service})
        service.deployments, service.events = [], []
        roll_out(service, time.time())
        return _up_to_date(response, service)

    @around(EC2ContainerServiceResponse, "update_service")
    def update(original: Callable, response: Any) -> ActionResult:
        name = response._get_param("service").rpartition("/")[2]
        service = response.ecs_backend._get_service(response._get_param("cluster", "default"), name)
        before = {name: getattr(service, name) for name in ROLLED_OUT}
        original(response)
        changed = any(getattr(service, name) != value for name, value in before.items())
        if changed or response._get_param("forceNewDeployment"):
            roll_out(service, time.time())
        elif service.deployments and service.deployments[0].desired_count != service.desired_count:
            service.deployments[0].desired_count, service.scaled_at = service.desired_count, time.time()
        return _up_to_date(response, service)


def _up_to_date(response: Any, service: Service) -> ActionResult:
    advance(ecs_backends[response.current_account][response.region])
    return ActionResult({"service": service})


@mend("ecs-service-deletion", "a deleted service drains before it is INACTIVE")
def service_deletion() -> None:
    """AWS: a deleted service is DRAINING while its tasks stop, with a desired count of 0, then INACTIVE, and is
    described all the time (API Reference, DeleteService). moto: INACTIVE at once. Goes when moto drains."""

    @around(EC2ContainerServiceBackend, "delete_service")
    def delete(original: Callable, backend: Any, cluster_name: str, service_name: str, force: bool) -> Service:
        service = backend._get_service(cluster_name, service_name)
        if service.status != "ACTIVE":
            return service
        original(backend, cluster_name, service_name, force)
        service.status, service.desired_count = "DRAINING", 0
        service.gone_at = time.time() + durations.of("ecs-service-draining")
        for deployment in service.deployments:
            deployment.desired_count = 0
        advance(backend)
        return service


@mend("ecs-task-interfaces", "the tasks of a service have network interfaces")
def task_interfaces() -> None:
    """AWS: each task of a service with awsvpc has an interface in one of its subnets with its security groups, so
    that neither can be deleted under it, and its address is a target of the service's target groups (ECS Developer
    Guide, Task networking with the awsvpc network mode, Use load balancing). moto: none. Here tasks take the subnets
    in turn. Goes when moto runs tasks."""
    read = EC2ContainerServiceResponse.ecs_backend.fget

    def backend(response: Any) -> EC2ContainerServiceBackend:
        known = read(response)
        _attach(known)
        return known

    EC2ContainerServiceResponse.ecs_backend = property(backend)

    @around(EC2Response, "call_action")
    def call_action(original: Callable, response: Any) -> Any:
        known = ecs_backends[response.current_account][response.region]
        advance(known)
        _attach(known)
        return original(response)


def _attach(backend: EC2ContainerServiceBackend) -> None:
    network = ec2_backends[backend.account_id][backend.region_name]
    for service in backend.services.values():
        attached = service.__dict__.setdefault("interfaces", {})
        wanted = set(_places(service))
        for place in attached.keys() - wanted:
            gone = attached.pop(place)
            network.enis.pop(gone.id, None)
            for group in gone.target_groups:
                group.targets.pop(gone.private_ip_address, None)
        for task, subnet, groups in sorted(wanted - attached.keys()):
            description = f"arn:aws:ecs:{backend.region_name}:{backend.account_id}:attachment/{uuid4()}"
            interface = network.create_network_interface(subnet, None, group_ids=list(groups), description=description)
            interface.status, interface.requester_managed = "in-use", True
            attached[task, subnet, groups] = interface
            address, interface.target_groups = interface.private_ip_address, []
            for group, port in _target_groups(service):
                group.targets[address] = {"Id": address, "Port": port}
                interface.target_groups.append(group)


def _target_groups(service: Service) -> Iterator[tuple[Any, int]]:
    """The target groups of the service that there are, with the port that its tasks are registered with."""
    known = elbv2_backends[service._account_id][service.region_name].target_groups
    for attachment in service.load_balancers or []:
        if group := known.get(attachment.get("targetGroupArn")):
            yield group, attachment["containerPort"]


def _places(service: Service) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The service's tasks, each with the subnet and the security groups in which it runs."""
    for deployment in service.deployments:
        if deployment.network_configuration:
            configuration = deployment.network_configuration["awsvpcConfiguration"]
            subnets = configuration["subnets"]
            for number, task in enumerate(deployment.tasks):
                yield task, subnets[number % len(subnets)], tuple(sorted(configuration["securityGroups"]))


@mend("ecs-task-lists", "the tasks of a service are listed and described with their interfaces")
def task_lists() -> None:
    """AWS: ListTasks lists the tasks of a service, those that are to run unless others are asked for, and DescribeTasks
    tells the interface of each (API Reference, ListTasks, Task, Attachment). moto: knows tasks only that were run by
    hand. Goes when moto runs the tasks of services."""

    def own(response: Any) -> dict[str, tuple[Service, str, str]]:
        """The tasks of all services of a cluster by ARN, each with its service, its name and its definition."""
        cluster = response.ecs_backend._get_cluster(response._get_param("cluster", "default"))
        services = [one for one in response.ecs_backend.services.values() if one.cluster_arn == cluster.arn]
        place = cluster.arn.replace(":cluster/", ":task/")
        return {
            f"{place}/{task}": (service, task, deployment.task_definition)
            for service in services
            for deployment in service.deployments
            for task in deployment.tasks
        }

    @around(EC2ContainerServiceResponse, "list_tasks")
    def listed(original: Callable, response: Any) -> ActionResult:
        name = response._get_param("serviceName")
        if not name:
            return original(response)
        stopped = response._get_param("desiredStatus") == "STOPPED"
        arns = [arn for arn, (service, *_) in own(response).items() if service.name == name.rpartition("/")[2]]
        return answered(response, "taskArns", [] if stopped else sorted(arns), 100)

    @around(EC2ContainerServiceResponse, "describe_tasks")
    def described(original: Callable, response: Any) -> ActionResult:
        known = own(response)
        asked = [arn for arn in response._get_param("tasks") or [] if arn in known]
        if not asked:
            return original(response)
        return ActionResult({"tasks": [_task(arn, *known[arn]) for arn in asked], "failures": []})


def _task(arn: str, service: Service, name: str, definition: str) -> dict[str, Any]:
    interface = next(interface for (task, *_), interface in service.interfaces.items() if task == name)
    details = {
        "subnetId": interface.subnet.id,
        "networkInterfaceId": interface.id,
        "privateIPv4Address": interface.private_ip_address,
    }
    return {
        "taskArn": arn,
        "clusterArn": service.cluster_arn,
        "taskDefinitionArn": definition,
        "group": f"service:{service.name}",
        "launchType": service.launch_type,
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "attachments": [
            {
                "id": str(uuid4()),
                "type": "ElasticNetworkInterface",
                "status": "ATTACHED",
                "details": [{"name": name, "value": value} for name, value in details.items()],
            }
        ],
        "containers": [],
    }


# --- Tasks that start, and that cannot -----------------------------------------------------------


@mend("ecs-failing-tasks", "tasks start with all that they need only, and stay if they answer their health check")
def failing_tasks() -> None:
    """AWS: tasks that cannot assume their roles, pull the image, get the secrets, make the log stream, encrypt the
    storage or write what they must do not start, or stop, and the events of the service tell why (ECS Developer
    Guide, Stopped task error messages and Service event messages; the texts are those of public logs, except that of
    the storage key, for which none was found, and that of a secret whose key is disabled or gone, which is from the API
    Reference, GetSecretValue). A secret under a customer's key needs kms:Decrypt, an image in a private repository
    ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer (ECS Developer Guide, Amazon ECS task
    execution IAM role; ECR User Guide, Using Amazon ECR images with Amazon ECS; ecr:BatchCheckLayerAvailability is for
    pushes, and AmazonEC2ContainerRegistryPullOnly goes without), the storage key must let Fargate make data keys and
    grants (ECS Developer Guide, Create an encryption key for Fargate ephemeral storage). An image whose tag is
    `missing` stands for one that is not there, nginx for all that write to /tmp, /var/run and /var/cache/nginx and that
    serve their pages and nothing else at port 80. AWS tells an essential container's exit in the stopped task only;
    here an event tells it, as for the others. moto: no task of a service runs. Goes never: nothing runs here."""
    Service.obstacle = lambda service, deployment: task_start.obstacle(service, deployment.definition)


@mend("ecs-task-logs", "tasks make their log streams, and write there if they may")
def task_logs() -> None:
    """AWS: a container with awslogs makes the stream PREFIX/CONTAINER/TASK in its log group when it starts, and writes
    there as the execution role (ECS Developer Guide, Send Amazon ECS logs to CloudWatch). Without logs:PutLogEvents the
    task runs, and what it writes is lost; that nothing tells of it is how the driver, Docker's, behaves. Here every
    container writes one line. moto: no task of a service runs. Goes never: nothing runs here."""

    @around(Service, "started")
    def started(original: Callable, service: Any, deployment: Deployment, tasks: list[str]) -> None:
        original(service, deployment, tasks)
        role = deployment.definition.__dict__.get("execution_role_arn")
        for container in deployment.definition.container_definitions:
            logging = container.get("logConfiguration", {})
            if role and logging.get("logDriver") == "awslogs":
                group = _log_group(service, logging["options"])
                for task in tasks:
                    _write_log(group, task_start.stream_of(container, task), role)


def _log_group(service: Service, options: dict[str, str]) -> LogGroup:
    return logs_backends[service._account_id][options["awslogs-region"]].groups[options["awslogs-group"]]


def _write_log(group: LogGroup, name: str, role: str) -> None:
    stream = group.streams[name] = LogStream(group, name)
    if task_start.may(role, "logs:PutLogEvents", stream.arn):
        # Not as if a client called: moto wants the destinations of subscription filters to be there.
        stream.last_ingestion_time = utcnow()
        now = int(unix_time_millis(stream.last_ingestion_time))
        stream.events.append(LogEvent(now, {"timestamp": now, "message": "Started."}))


@mend("ecs-container-insights", "Container Insights makes its log group once a task runs")
def container_insights() -> None:
    """AWS: Container Insights of a cluster, enabled or enhanced, writes to
    /aws/ecs/containerinsights/CLUSTER/performance as long as tasks run there, a log group that it makes where there is
    none, without key and retention, and leaves behind (CloudWatch User Guide, Container Insights performance log
    reference). moto: makes none. One that is deleted is made again here by the next task that starts, on AWS by the
    next minute's records. Goes when moto makes it."""

    @around(Service, "started")
    def started(original: Callable, service: Any, deployment: Deployment, tasks: list[str]) -> None:
        original(service, deployment, tasks)
        cluster = service._backend.clusters[service.cluster_name]
        settings = {one["name"]: one["value"] for one in cluster.settings or []}
        if settings.get("containerInsights") in ("enabled", "enhanced"):
            logs = logs_backends[service._account_id][service.region_name]
            logs.ensure_log_group(f"/aws/ecs/containerinsights/{cluster.name}/performance")


# --- Application Auto Scaling --------------------------------------------------------------------

RUNNING = {"DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": False}


@mend("autoscaling-targets", "scalable targets have a role, a suspended state and no policies when they are gone")
def targets() -> None:
    """AWS: a target of ECS uses a service-linked role, is suspended in nothing unless it is said, and a registration
    of one that there is changes only what is given; deregistration deletes its policies (API Reference,
    RegisterScalableTarget and DeregisterScalableTarget). moto: no role, no state, replaces the state, leaves the
    policies. Goes when moto does."""

    @around(FakeScalableTarget, "__init__")
    def init(original: Callable, target: Any, backend: Any, *args: Any, **kwargs: Any) -> None:
        original(target, backend, *args, **kwargs)
        target.tags = {}
        target.suspended_state = {**RUNNING, **(target.suspended_state or {})}
        target.role_arn = target.role_arn or (
            f"arn:aws:iam::{backend.account_id}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_ECSService"
        )

    @around(FakeScalableTarget, "update")
    def update(original: Callable, target: Any, least: int | None, most: int | None, state: Any) -> None:
        original(target, least, most, {**target.suspended_state, **(state or {})})

    @around(ApplicationAutoscalingBackend, "deregister_scalable_target")
    def deregister(original: Callable, backend: Any, namespace: str, r_id: str, dimension: str) -> None:
        original(backend, namespace, r_id, dimension)
        for policy in [one for one in backend.policies.values() if one.resource_id == r_id]:
            if policy.scalable_dimension == dimension:
                backend.delete_scaling_policy(policy.policy_name, namespace, r_id, dimension)


@mend("autoscaling-tags", "tags of scalable targets")
def target_tags() -> None:
    """AWS: RegisterScalableTarget gives a new target its tags; ListTagsForResource, TagResource and UntagResource
    read and change them by the target's ARN (API Reference of each). moto: drops the tags and lacks the three. Goes
    when it has them."""

    @around(ApplicationAutoScalingResponse, "register_scalable_target")
    def register(original: Callable, response: Any) -> str:
        known = set(_targets(response))
        answer = original(response)
        arn = json.loads(answer)["ScalableTargetARN"]
        if arn not in known:
            _targets(response)[arn].tags = dict(response._get_param("Tags") or {})
        return answer

    def tags(response: Any) -> dict[str, str]:
        arn = response._get_param("ResourceARN")
        target = _targets(response).get(arn)
        if target is None:
            raise JsonRESTError("ResourceNotFoundException", f"The resource does not exist: {arn}")
        return target.tags

    def listed(response: Any) -> str:
        return json.dumps({"Tags": tags(response)})

    def tag(response: Any) -> str:
        tags(response).update(response._get_param("Tags"))
        return json.dumps({})

    def untag(response: Any) -> str:
        known = tags(response)
        for key in response._get_param("TagKeys"):
            known.pop(key, None)
        return json.dumps({})

    ApplicationAutoScalingResponse.list_tags_for_resource = listed
    ApplicationAutoScalingResponse.tag_resource = tag
    ApplicationAutoScalingResponse.untag_resource = untag


def _targets(response: Any) -> dict[str, FakeScalableTarget]:
    dimensions = response.applicationautoscaling_backend.targets.values()
    return {target.arn: target for resources in dimensions for target in resources.values()}


@mend("autoscaling-policies", "a scaling policy keeps its ARN when it is put again, and is found by name")
def policies() -> None:
    """AWS: PutScalingPolicy of one that there is changes it, with its ARN and alarms; DescribeScalingPolicies filters
    by PolicyNames and by the whole ResourceId (API Reference of both). moto: makes a new one with new alarms, leaves
    the old ones, ignores names, and takes the part of an id for the whole. Goes when moto does."""

    @around(ApplicationAutoscalingBackend, "put_scaling_policy")
    def put(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        known = dict(backend.policies)
        policy = original(backend, *args, **kwargs)
        old = next((old for key, old in known.items() if backend.policies.get(key) is policy), None)
        if old:
            policy.delete_alarms(backend.account_id, backend.region_name)
            policy.policy_arn, policy.creation_time, policy.alarms = old.policy_arn, old.creation_time, old.alarms
        return policy

    def describe(response: Any) -> str:
        filters = {
            name: response._get_param(parameter)
            for name, parameter in (
                ("service_namespace", "ServiceNamespace"),
                ("resource_id", "ResourceId"),
                ("scalable_dimension", "ScalableDimension"),
            )
        }
        names = response._get_param("PolicyNames") or []
        found = [
            _build_policy(policy)
            for policy in response.applicationautoscaling_backend.policies.values()
            if all(value in (None, getattr(policy, name)) for name, value in filters.items())
            and (not names or policy.policy_name in names)
        ]
        some, rest = page(found, response._get_param("NextToken"), response._get_param("MaxResults") or 10)
        return json.dumps({"ScalingPolicies": some, **({"NextToken": rest} if rest else {})})

    ApplicationAutoScalingResponse.describe_scaling_policies = describe
