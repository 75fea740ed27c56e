"""Where moto's RDS answers differently from AWS. Registered like the mends of mends.py."""

import random
import string
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.logs.models import logs_backends
from moto.rds.exceptions import DBParameterGroupNotFoundError, RDSClientError, SubscriptionNotFoundError
from moto.rds.models import DBCluster, DBInstance, DBInstanceClustered, RDSBackend, rds_backends
from moto.rds.responses import RDSResponse
from moto.secretsmanager.models import SecretsManagerBackend

import durations
import rds_catalogue
from catalogue import around
from mends import mend, page
from strict_rds import undelivered


def answered(response: Any, key: str, items: list[Any]) -> ActionResult:
    """A page of a list, as RDS pages: at most 100 items, and a marker of the rest."""
    found, rest = page(items, response.params.get("Marker"), response.params.get("MaxRecords", 100))
    return ActionResult({key: found, **({"Marker": rest} if rest else {})})


# --- What is offered -----------------------------------------------------------------------------


@mend("rds-engine-versions", "DescribeDBEngineVersions")
def engine_versions() -> None:
    """AWS: lists the versions of an engine with family, exportable logs and status (API Reference,
    DescribeDBEngineVersions). moto: lacks the operation. Goes when moto has it."""

    def describe(response: Any) -> ActionResult:
        engine, version = response.params.get("Engine"), response.params.get("EngineVersion")
        family = response.params.get("DBParameterGroupFamily")
        versions = [
            {
                "Engine": known,
                "EngineVersion": one,
                "MajorEngineVersion": rds_catalogue.major(known, one),
                "DBParameterGroupFamily": rds_catalogue.family(known, one),
                "ExportableLogTypes": list(rds_catalogue.LOG_TYPES[known]),
                "Status": "available",
                "SupportsLogExportsToCloudwatchLogs": True,
            }
            for known, all_of_it in rds_catalogue.VERSIONS.items()
            for one in all_of_it
            if engine in (None, known)
            and (version is None or one == version or one.startswith(f"{version}."))
            and family in (None, rds_catalogue.family(known, one))
        ]
        return answered(response, "DBEngineVersions", versions)

    RDSResponse.describe_db_engine_versions = describe


@mend("rds-major-versions", "DescribeDBMajorEngineVersions")
def major_versions() -> None:
    """AWS: lists the major versions of an engine with the times of their support (API Reference,
    DescribeDBMajorEngineVersions). moto: lacks the operation. Goes when moto has it."""

    def describe(response: Any) -> ActionResult:
        engine, version = response.params.get("Engine"), response.params.get("MajorEngineVersion")
        majors = [
            {
                "Engine": known,
                "MajorEngineVersion": major,
                "SupportedEngineLifecycles": [
                    {
                        "LifecycleSupportName": "open-source-rds-standard-support",
                        "LifecycleSupportStartDate": datetime.fromisoformat("2020-01-01T00:00:00+00:00"),
                        "LifecycleSupportEndDate": datetime.fromisoformat(f"{last_day}T23:59:59+00:00"),
                    }
                ],
            }
            for known, all_of_it in rds_catalogue.STANDARD_SUPPORT.items()
            for major, last_day in all_of_it.items()
            if engine in (None, known) and version in (None, major)
        ]
        return answered(response, "DBMajorEngineVersions", majors)

    RDSResponse.describe_db_major_engine_versions = describe


@mend("rds-orderable", "DescribeOrderableDBInstanceOptions")
def orderable() -> None:
    """AWS: what can be ordered of an engine by version and class: zones, storage types, support of Performance
    Insights (API Reference). moto: knows Aurora PostgreSQL and Neptune only, and no filter by class. Goes when
    moto has it."""

    def describe(response: Any) -> ActionResult:
        engine, version = response.params["Engine"], response.params.get("EngineVersion")
        name = response.params.get("DBInstanceClass")
        zones = ec2_backends[response.current_account][response.region].describe_availability_zones()
        options = [
            {
                "Engine": engine,
                "EngineVersion": one,
                "DBInstanceClass": known,
                "StorageType": storage,
                "AvailabilityZones": [{"Name": zone.name} for zone in zones],
                "MultiAZCapable": engine == "mysql",
                **(rds_catalogue.SIZES if engine == "mysql" else {}),
                "SupportsPerformanceInsights": insights,
                "SupportsEnhancedMonitoring": True,
                "SupportsStorageEncryption": True,
                "SupportsIAMDatabaseAuthentication": True,
                "Vpc": True,
            }
            for one in rds_catalogue.VERSIONS.get(engine, ())
            for known, insights in rds_catalogue.CLASSES[engine].items()
            for storage in rds_catalogue.STORAGE[engine]
            if version in (None, one) and name in (None, known)
        ]
        return answered(response, "OrderableDBInstanceOptions", options)

    RDSResponse.describe_orderable_db_instance_options = describe


# --- Parameter groups ----------------------------------------------------------------------------


@mend("rds-parameters", "DescribeDBParameters and DescribeDBClusterParameters")
def parameters() -> None:
    """AWS: all parameters of the group's family, each with source (user where it was changed), apply type and
    allowed values, filtered by Source and paged (API Reference, Parameter). moto: only those that were changed,
    without source or type. Goes when moto has them."""

    def describe(response: Any, group: Any, family: str, cluster: bool) -> ActionResult:
        known = rds_catalogue.parameters(family, cluster)
        found = [_parameter(name, parameter, group.parameters.get(name)) for name, parameter in known.items()]
        source = response.params.get("Source")
        return answered(response, "Parameters", [one for one in found if source in (None, one["Source"])])

    def of_instances(response: Any) -> ActionResult:
        name = response.params["DBParameterGroupName"]
        group = response.backend.db_parameter_groups.get(name)
        if group is None:
            raise DBParameterGroupNotFoundError(name)
        return describe(response, group, group.family, False)

    def of_clusters(response: Any) -> ActionResult:
        group = response.backend.describe_db_cluster_parameter_groups(response.params["DBClusterParameterGroupName"])
        return describe(response, group[0], group[0].db_parameter_group_family, True)

    RDSResponse.describe_db_parameters = of_instances
    RDSResponse.describe_db_cluster_parameters = of_clusters


def _parameter(name: str, known: rds_catalogue.Parameter, changed: dict[str, Any] | None) -> dict[str, Any]:
    value = (changed or {}).get("ParameterValue", known.value)
    return {
        "ParameterName": name,
        **({"ParameterValue": value} if value is not None else {}),
        # A value that is the engine's own does not count as set.
        "Source": "user" if changed and value != known.value else ("engine-default" if known.value is None else "system"),
        "ApplyType": known.apply_type,
        "ApplyMethod": (changed or {}).get("ApplyMethod", "pending-reboot"),
        "DataType": known.data_type,
        **({"AllowedValues": known.allowed} if known.allowed else {}),
        "IsModifiable": known.modifiable,
    }


@mend("rds-reset-parameters", "ResetDBParameterGroup and ResetDBClusterParameterGroup")
def reset_parameters() -> None:
    """AWS: gives parameters their default again (API Reference). moto: lacks both operations. Goes when moto has
    them."""

    def reset(response: Any, group: Any, key: str) -> ActionResult:
        names = [one["ParameterName"] for one in response.params.get("Parameters", [])]
        for name in list(group.parameters) if response.params.get("ResetAllParameters") else names:
            group.parameters.pop(name, None)
        return ActionResult({key: group.name})

    def of_instances(response: Any) -> ActionResult:
        name = response.params["DBParameterGroupName"]
        if name not in response.backend.db_parameter_groups:
            raise DBParameterGroupNotFoundError(name)
        return reset(response, response.backend.db_parameter_groups[name], "DBParameterGroupName")

    def of_clusters(response: Any) -> ActionResult:
        group = response.backend.describe_db_cluster_parameter_groups(response.params["DBClusterParameterGroupName"])
        return reset(response, group[0], "DBClusterParameterGroupName")

    RDSResponse.reset_db_parameter_group = of_instances
    RDSResponse.reset_db_cluster_parameter_group = of_clusters


@mend("rds-absent-parameter-group", "DescribeDBParameterGroups of a group that does not exist")
def absent_parameter_group() -> None:
    """AWS: DBParameterGroupNotFound (API Reference, DescribeDBParameterGroups). moto: an empty list. Goes when
    moto refuses."""

    @around(RDSBackend, "describe_db_parameter_groups")
    def describe(original: Callable, backend: Any, kwargs: dict[str, Any]) -> list[Any]:
        found = original(backend, kwargs)
        if kwargs.get("db_parameter_group_name") and not found:
            raise DBParameterGroupNotFoundError(kwargs["db_parameter_group_name"])
        return found


# How each kind of thing is said not to be there, by its part of an ARN.
ABSENT = {
    "cluster": "DBClusterNotFoundFault",
    "cluster-pg": "DBClusterParameterGroupNotFound",
    "db": "DBInstanceNotFound",
    "es": "SubscriptionNotFound",
    "og": "OptionGroupNotFoundFault",
    "pg": "DBParameterGroupNotFound",
    "snapshot": "DBSnapshotNotFound",
    "subgrp": "DBSubnetGroupNotFoundFault",
}


@mend("rds-absent-tags", "tags of a thing that does not exist")
def absent_tags() -> None:
    """AWS: reading and writing them is refused with the thing's own code (API Reference, ListTagsForResource). moto: no tags,
    and no refusal. Goes when moto refuses."""

    @around(RDSBackend, "_get_resource_for_tagging")
    def find(original: Callable, backend: Any, arn: str) -> Any:
        found, kind = original(backend, arn), arn.split(":")[5] if arn.count(":") > 5 else ""
        if found is None and kind in ABSENT:
            raise RDSClientError(ABSENT[kind], f"{arn} not found.")
        return found


@mend("rds-subnet-group-modify", "ModifyDBSubnetGroup")
def subnet_group_modify() -> None:
    """AWS: changes the subnets and the description of the group (API Reference). moto: takes the group out of the
    account. Goes when moto keeps it."""

    @around(RDSBackend, "modify_db_subnet_group")
    def modify(original: Callable, backend: Any, subnet_name: str, *args: Any) -> Any:
        backend.describe_db_subnet_groups(subnet_name)
        group = original(backend, subnet_name, *args)
        backend.subnet_groups[subnet_name] = group
        return group


# --- Clusters and instances ----------------------------------------------------------------------


@mend("rds-states", "clusters and instances are creating, modifying and deleting for a while")
def states() -> None:
    """AWS: a cluster is available after about a minute, an instance after some; a change of class takes as long, and
    what is deleted stays visible as deleting until it is gone (RDS User Guide, Viewing DB instance status); the instances of a
    cluster stop and start with it (Aurora User Guide, Stopping and starting a cluster). moto: everything at once. Goes when
    moto has states."""

    def status(self: Any) -> str:
        if self.__dict__.get("gone_at"):
            return "deleting"
        cluster = getattr(self, "cluster", None)
        if cluster is not None and cluster.status in ("stopping", "stopped", "starting"):
            return cluster.status
        ready_at = self.__dict__.get("ready_at", 0)
        if self.__dict__.get("is_stopped"):
            return "stopping" if time.time() < ready_at else "stopped"
        return self.__dict__.get("until_ready", "creating") if time.time() < ready_at else "available"

    for kind in (DBCluster, DBInstance):
        kind.status = property(status, lambda self, value: None)

    @around(RDSBackend, "create_db_cluster")
    def create_cluster(original: Callable, backend: Any, kwargs: dict[str, Any]) -> Any:
        cluster = original(backend, kwargs)
        cluster.ready_at = time.time() + durations.of("db-cluster-creating")
        return cluster

    @around(RDSBackend, "create_db_instance")
    def create_instance(original: Callable, backend: Any, kwargs: dict[str, Any]) -> Any:
        instance = original(backend, kwargs)
        instance.ready_at = time.time() + durations.of("db-instance-creating")
        return instance

    @around(RDSBackend, "delete_db_cluster")
    def delete_cluster(original: Callable, backend: Any, cluster_identifier: str, *args: Any, **kwargs: Any) -> Any:
        cluster = original(backend, cluster_identifier, *args, **kwargs)
        cluster.gone_at = time.time() + durations.of("db-cluster-deleting")
        backend.clusters[cluster_identifier] = cluster
        return cluster

    @around(RDSBackend, "delete_db_instance")
    def delete_instance(original: Callable, backend: Any, db_instance_identifier: str, *args: Any, **kwargs: Any) -> Any:
        instance = original(backend, db_instance_identifier, *args, **kwargs)
        instance.gone_at = time.time() + durations.of("db-instance-deleting")
        backend.databases[db_instance_identifier] = instance
        return instance

    def stop(response: Any) -> ActionResult:
        cluster = response.backend.describe_db_clusters(response.params["DBClusterIdentifier"])[0]
        cluster.is_stopped = True
        return ActionResult({"DBCluster": cluster})

    def start(response: Any) -> ActionResult:
        cluster = response.backend.describe_db_clusters(response.params["DBClusterIdentifier"])[0]
        cluster.is_stopped, cluster.until_ready = False, "starting"
        cluster.ready_at = time.time() + durations.of("db-cluster-creating")
        return ActionResult({"DBCluster": cluster})

    RDSResponse.stop_db_cluster, RDSResponse.start_db_cluster = stop, start

    def backend(response: Any) -> RDSBackend:
        known = rds_backends[response.current_account][response.region]
        for things in (known.clusters, known.databases):
            for name in [name for name, thing in things.items() if thing.__dict__.get("gone_at", 1e18) <= time.time()]:
                _forget(things.pop(name))
        return known

    RDSResponse.backend = property(backend)


def _forget(thing: Any) -> None:
    interface = thing.__dict__.get("interface")
    if interface is not None:
        interface.ec2_backend.enis.pop(interface.id, None)


@mend("rds-cluster-parameters-pending", "how far an instance is with the parameters of its cluster")
def cluster_parameters_pending() -> None:
    """AWS: another parameter group of the cluster, and a parameter of it that is applied with the reboot, make each member
    pending-reboot until it is restarted (API Reference, DBClusterMember). moto: always in sync. Goes when moto says so."""
    members = DBCluster.db_cluster_members.fget

    def with_status(self: Any) -> list[dict[str, Any]]:
        waiting = {one.db_instance_identifier for one in self.members if one.__dict__.get("wants_cluster_parameters")}
        status = {True: "pending-reboot", False: "in-sync"}
        shown = members(self)
        for one in shown:
            one["DBClusterParameterGroupStatus"] = status[one["DBInstanceIdentifier"] in waiting]
        return shown

    DBCluster.db_cluster_members = property(with_status)

    def changed(original: Callable, response: Any) -> ActionResult:
        answer, params = original(response), response.params
        named = [one.get("ApplyMethod") for one in params.get("Parameters", [])]
        if "pending-reboot" in named or params.get("ResetAllParameters"):
            for cluster in response.backend.clusters.values():
                if cluster.db_cluster_parameter_group == params["DBClusterParameterGroupName"]:
                    _wait(cluster)
        return answer

    around(RDSResponse, "modify_db_cluster_parameter_group")(changed)
    around(RDSResponse, "reset_db_cluster_parameter_group")(changed)

    @around(RDSBackend, "modify_db_cluster")
    def modify(original: Callable, backend: Any, kwargs: dict[str, Any]) -> Any:
        cluster = backend.describe_db_clusters(kwargs["db_cluster_identifier"])[0]
        before = cluster.db_cluster_parameter_group
        original(backend, kwargs)
        if cluster.db_cluster_parameter_group != before:
            _wait(cluster)
        return cluster

    @around(RDSBackend, "reboot_db_instance")
    def reboot(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        instance = original(backend, *args, **kwargs)
        instance.wants_cluster_parameters = False
        return instance


def _wait(cluster: Any) -> None:
    for instance in cluster.members:
        instance.wants_cluster_parameters = True


@mend("rds-interfaces", "an instance has a network interface")
def interfaces() -> None:
    """AWS: an instance has an interface in a subnet of its group, with the security groups of it or its cluster, so that
    neither can be deleted under it (RDS User Guide, Working with a DB instance in a VPC). moto: none. Goes when moto
    makes one."""

    @around(RDSBackend, "create_db_instance")
    def create(original: Callable, backend: Any, kwargs: dict[str, Any]) -> Any:
        instance = original(backend, kwargs)
        owner = getattr(instance, "cluster", instance)
        name = getattr(owner, "db_subnet_group_name", None) if owner is not instance else kwargs.get("db_subnet_group_name")
        group = backend.subnet_groups.get(name)
        if group is None:
            return instance
        subnets = [subnet for subnet in group._subnets if subnet.availability_zone == instance.availability_zone]
        network = ec2_backends[backend.account_id][backend.region_name]
        instance.interface = network.create_network_interface(
            (subnets or group._subnets)[0],
            None,
            group_ids=list(owner.vpc_security_group_ids),
            description="RDSNetworkInterface",
        )
        return instance

    def regroup(original: Callable, backend: Any, *args: Any) -> Any:
        changed = original(backend, *args)
        for instance in backend.databases.values():
            owner, interface = getattr(instance, "cluster", instance), instance.__dict__.get("interface")
            if interface is not None:
                groups = [interface.ec2_backend.get_security_group_from_id(id) for id in owner.vpc_security_group_ids]
                interface._group_set = [group for group in groups if group]
        return changed

    around(RDSBackend, "modify_db_cluster")(regroup)
    around(RDSBackend, "modify_db_instance")(regroup)


@mend("rds-instance-settings", "resource id, Performance Insights, public access and subnet group of instances")
def instance_settings() -> None:
    """AWS: each instance has a resource id of its own, keeps the settings of Performance Insights, and says whether it
    is public and in which subnet group it is (API Reference, DBInstance). moto: one id for all, drops the settings, leaves
    public access out where it was not set, and the group of instances of a cluster. Goes when moto keeps them."""

    @around(DBInstance, "__init__")
    def init(original: Callable, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        letters = random.choices(string.ascii_uppercase + string.digits, k=26)
        self.dbi_resource_id = f"db-{''.join(letters)}"
        self.publicly_accessible = bool(self.publicly_accessible)
        self._insights(kwargs)
        if self.db_cluster_identifier and not kwargs.get("availability_zone"):
            self.availability_zone = f"{self.region}a"

    @around(DBInstanceClustered, "__init__")
    def init_clustered(original: Callable, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.db_subnet_group = self.backend.subnet_groups.get(self.cluster.db_subnet_group_name)

    def insights(self: Any, kwargs: dict[str, Any]) -> None:
        if kwargs.get("enable_performance_insights") is not None:
            self.performance_insights_enabled = kwargs["enable_performance_insights"]
        for name in ("performance_insights_kms_key_id", "performance_insights_retention_period"):
            if kwargs.get(name) is not None:
                setattr(self, name, kwargs[name])

    DBInstance.performance_insights_enabled = False
    DBInstance._insights = insights

    @around(DBInstance, "update")
    def update(original: Callable, self: Any, **kwargs: Any) -> None:
        waiting = self.__dict__.setdefault("waiting", {})
        named = {name for name in WAITING if kwargs.get(name) is not None}
        if kwargs.pop("apply_immediately", False):
            # With what has waited so far (API Reference, ModifyDBInstance: ApplyImmediately).
            kwargs = {**waiting, **kwargs}
            waiting.clear()
        else:
            for name in (name for name in WAITING if name in named):
                waiting.pop(name, None)
                if _waits(self, name, kwargs):
                    waiting[name] = kwargs.pop(name)
        moved = any(kwargs.get(name) not in (None, _current(self, name)) for name in MOVING)
        self._insights(kwargs)
        original(self, **kwargs)
        if moved:
            self.until_ready, self.ready_at = "modifying", time.time() + durations.of("db-instance-modifying")

    def pending(self: Any) -> dict[str, Any]:
        waiting = self.__dict__.get("waiting", {})
        return {WAITING[name]: value for name, value in waiting.items() if WAITING[name]}

    DBInstance.pending_modified_values = property(pending)


# What waits for the maintenance window unless it is to be applied immediately (RDS User Guide, Settings for DB
# instances), by the key in PendingModifiedValues, if it is shown there.
WAITING = {
    "db_instance_class": "DBInstanceClass",
    "allocated_storage": "AllocatedStorage",
    "multi_az": "MultiAZ",
    "backup_retention_period": "BackupRetentionPeriod",
    "engine_version": "EngineVersion",
    "storage_type": "StorageType",
    "iops": "Iops",
    "storage_throughput": "StorageThroughput",
    "ca_certificate_identifier": "CACertificateIdentifier",
    "enable_iam_database_authentication": "IAMDatabaseAuthenticationEnabled",
    "db_subnet_group_name": "DBSubnetGroupName",
    "option_group_name": None,
    "db_parameter_group_name": None,
}
# What makes an instance modifying, as it is moved, copied or restarted.
MOVING = (
    "db_instance_class",
    "allocated_storage",
    "multi_az",
    "engine_version",
    "storage_type",
    "iops",
    "storage_throughput",
    "db_subnet_group_name",
    "port",
)


def _current(instance: Any, name: str) -> Any:
    # The name of the subnet group cannot be read in moto by its own name.
    return instance.__dict__.get("_db_subnet_group_name") if name == "db_subnet_group_name" else getattr(instance, name)


def _waits(instance: Any, name: str, kwargs: dict[str, Any]) -> bool:
    """Whether this change waits for the window."""
    now, then = _current(instance, name), kwargs[name]
    if name == "backup_retention_period" and now and then:
        return False
    if name == "db_parameter_group_name":
        # It changes at once, but for one of the version that an upgrade brings.
        version, own = instance.__dict__.get("waiting", {}).get("engine_version"), instance.engine_version
        family = rds_catalogue.family(instance.engine, own)
        return bool(version) and rds_catalogue.family(instance.engine, version) != family
    return now != then


def wanted_logs(thing: Any) -> list[str]:
    """The kinds of log that a cluster or an instance exports, or will by and by."""
    return thing.__dict__.get("logs_to_be", thing.enabled_cloudwatch_logs_exports)


def switch_logs(thing: Any, exports: dict[str, list[str]]) -> None:
    """Begins and ends exports as CloudwatchLogsExportConfiguration says."""
    logs = set(wanted_logs(thing)) | set(exports.get("EnableLogTypes", []))
    thing.enabled_cloudwatch_logs_exports = sorted(logs - set(exports.get("DisableLogTypes", [])))


@mend("rds-log-exports-pending", "logs that are to be exported, or no longer, are pending for a while")
def log_exports_pending() -> None:
    """AWS: while RDS turns an export on or off, PendingModifiedValues tells which under PendingCloudwatchLogsExports, and
    EnabledCloudwatchLogsExports is as it was (API Reference, PendingCloudwatchLogsExports). moto: at once. Goes when moto
    takes a while."""

    def get(self: Any) -> list[str]:
        shown = "logs_so_far" if time.time() < self.__dict__.get("logs_at", 0) else "logs_to_be"
        return self.__dict__.get(shown, [])

    def put(self: Any, value: list[str]) -> None:
        if "logs_to_be" in self.__dict__ and set(value) != set(self.__dict__["logs_to_be"]):
            self.__dict__["logs_so_far"] = get(self)
            self.__dict__["logs_at"] = time.time() + durations.of("db-log-exports")
        self.__dict__["logs_to_be"] = value

    def pending(self: Any) -> dict[str, Any]:
        now, then = set(get(self)), set(wanted_logs(self))
        parts = {"LogTypesToEnable": sorted(then - now), "LogTypesToDisable": sorted(now - then)}
        parts = {name: kinds for name, kinds in parts.items() if kinds}
        return {"PendingCloudwatchLogsExports": parts} if parts else {}

    waiting = DBInstance.pending_modified_values.fget
    for kind, others in ((DBInstance, waiting), (DBCluster, lambda self: self.__dict__.get("pending_modified_values", {}))):
        kind.enabled_cloudwatch_logs_exports = property(get, put)
        kind.pending_modified_values = property(lambda self, others=others: {**others(self), **pending(self)})


@mend("rds-cluster-settings", "ModifyDBCluster and DescribeDBClusters")
def cluster_settings() -> None:
    """AWS: ModifyDBCluster sets exported logs and IAM authentication; IAM authentication and engine version wait for the
    window unless they are to be applied immediately (API Reference, ModifyDBCluster: ApplyImmediately); an upgrade brings the
    parameter group along that it names for the instances. Storage type
    `aurora` is not returned, nor a scaling configuration of a provisioned cluster. moto: ignores and invents these.
    Goes when moto has them."""

    @around(RDSBackend, "modify_db_cluster")
    def modify(original: Callable, backend: Any, kwargs: dict[str, Any]) -> Any:
        cluster = backend.describe_db_clusters(kwargs["db_cluster_identifier"])[0]
        kwargs, at_once = dict(kwargs), kwargs.get("apply_immediately")
        pending = cluster.__dict__.setdefault("pending_modified_values", {})
        switch_logs(cluster, kwargs.pop("cloudwatch_logs_export_configuration", None) or {})
        if (auth := kwargs.pop("enable_iam_database_authentication", None)) is not None:
            pending.pop("IAMDatabaseAuthenticationEnabled", None)
            if at_once or auth == cluster.iam_database_authentication_enabled:
                cluster.iam_auth = auth
            else:
                pending["IAMDatabaseAuthenticationEnabled"] = auth
        version = kwargs.get("engine_version")
        if version:
            pending.pop("EngineVersion", None)
        if version and not at_once and version != cluster.engine_version:
            pending["EngineVersion"] = kwargs.pop("engine_version")
            # The group of the new version comes with it.
            kwargs.pop("db_cluster_parameter_group_name", None)
        storage = kwargs.pop("storage_type", None)
        original(backend, kwargs)
        if storage is not None:
            cluster.storage_type = None if storage == "aurora" else storage
        if "engine_version" in kwargs:
            for instance in cluster._members:
                group = kwargs.get("db_instance_parameter_group_name")
                instance.db_parameter_group_name = group or instance.db_parameter_group_name
        return cluster

    @around(DBCluster, "__init__")
    def init(original: Callable, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        storage = kwargs.get("storage_type")
        if self.engine.startswith("aurora"):
            self.storage_type = None if storage in (None, "aurora") else storage
        self.__dict__.setdefault("pending_modified_values", {})

    scaling = DBCluster.scaling_configuration_info.fget
    DBCluster.scaling_configuration_info = property(
        lambda self: None if self.engine_mode == "provisioned" else scaling(self)
    )


@mend("rds-cluster-access", "EnableHttpEndpoint, DisableHttpEndpoint and RemoveRoleFromDBCluster")
def cluster_access() -> None:
    """AWS: the first two switch the Data API of a cluster on and off, the last takes a role off it (API Reference). moto:
    lacks them. Goes when moto has them."""

    def switch(on: bool) -> Callable[[Any], ActionResult]:
        def http_endpoint(response: Any) -> ActionResult:
            arn = response.params["ResourceArn"]
            cluster = response.backend.describe_db_clusters(arn.rpartition(":")[2])[0]
            cluster._enable_http_endpoint = on
            return ActionResult({"ResourceArn": arn, "HttpEndpointEnabled": on})

        return http_endpoint

    def remove_role(response: Any) -> ActionResult:
        cluster = response.backend.describe_db_clusters(response.params["DBClusterIdentifier"])[0]
        arn = response.params["RoleArn"]
        cluster._associated_roles = [role for role in cluster._associated_roles if role.role_arn != arn]
        return ActionResult({})

    RDSResponse.enable_http_endpoint = switch(True)
    RDSResponse.disable_http_endpoint = switch(False)
    RDSResponse.remove_role_from_db_cluster = remove_role


@mend("rds-snapshot-tags", "the final snapshot of a cluster has its tags")
def snapshot_tags() -> None:
    """AWS: with CopyTagsToSnapshot a cluster's snapshots carry its tags (API Reference, CreateDBCluster). moto: the final
    one has none. Goes when moto copies them."""

    @around(RDSBackend, "create_db_cluster_snapshot")
    def create(original: Callable, backend: Any, cluster: str, *args: Any, **kwargs: Any) -> Any:
        snapshot = original(backend, cluster, *args, **kwargs)
        known = backend.clusters[cluster]
        if known.copy_tags_to_snapshot and not snapshot.tags:
            snapshot.tags = [dict(tag) for tag in known.tags]
        return snapshot


@mend("rds-automated-snapshots", "automated snapshots go with what they are of")
def automated_snapshots() -> None:
    """AWS: a deletion deletes automated backups too, unless they are to be kept (API Reference, DeleteDBCluster and
    DeleteDBInstance, DeleteAutomatedBackups). moto: they stay, and one of the same name is refused to whatever is made
    in the same minute. Goes when moto deletes them."""

    def forget(snapshots: Any, identifier: str) -> None:
        for name in [name for name in snapshots if name.startswith(f"rds:{identifier}-20")]:
            snapshots.pop(name)

    @around(RDSBackend, "delete_db_cluster")
    def delete_cluster(original: Callable, backend: Any, cluster_identifier: str, *args: Any, **kwargs: Any) -> Any:
        deleted = original(backend, cluster_identifier, *args, **kwargs)
        forget(backend.cluster_snapshots, cluster_identifier)
        return deleted

    @around(RDSBackend, "delete_db_instance")
    def delete_instance(original: Callable, backend: Any, db_instance_identifier: str, *args: Any, **kwargs: Any) -> Any:
        deleted = original(backend, db_instance_identifier, *args, **kwargs)
        forget(backend.database_snapshots, db_instance_identifier)
        return deleted


# --- Secrets -------------------------------------------------------------------------------------


@mend("secret-current-version", "which value of a secret is read after AWSCURRENT was moved")
def secret_current_version() -> None:
    """AWS: the value at AWSCURRENT is what is read without a version, and what a new value takes the label from (API
    Reference, UpdateSecretVersionStage and GetSecretValue). moto: moves the label and goes by the version that was put
    last. Goes when it follows the label."""

    @around(SecretsManagerBackend, "update_secret_version_stage")
    def moved(original: Callable, backend: Any, **params: Any) -> Any:
        answer = original(backend, **params)
        if params["version_stage"] == "AWSCURRENT" and params["move_to_version_id"]:
            backend.secrets[params["secret_id"]].set_default_version_id(params["move_to_version_id"])
        return answer


# --- Event subscriptions -------------------------------------------------------------------------


@mend("rds-subscription-modify", "ModifyEventSubscription and its sources")
def subscription_modify() -> None:
    """AWS: ModifyEventSubscription changes topic, source type, categories and whether it is on;
    AddSourceIdentifierToSubscription and RemoveSourceIdentifierFromSubscription the sources (API Reference). moto: lacks
    them. Goes when moto has them."""

    def subscription(response: Any) -> Any:
        name = response.params["SubscriptionName"]
        if name not in response.backend.event_subscriptions:
            raise SubscriptionNotFoundError(name)
        return response.backend.event_subscriptions[name]

    def modify(response: Any) -> ActionResult:
        known = subscription(response)
        for parameter, attribute in (
            ("SnsTopicArn", "sns_topic_arn"),
            ("SourceType", "source_type"),
            ("EventCategories", "event_categories"),
            ("Enabled", "enabled"),
        ):
            if (value := response.params.get(parameter)) is not None:
                setattr(known, attribute, value)
        known.status = "active"
        return ActionResult({"EventSubscription": known})

    def add(response: Any) -> ActionResult:
        known, source = subscription(response), response.params["SourceIdentifier"]
        known.source_ids = sorted({*known.source_ids, source})
        return ActionResult({"EventSubscription": known})

    def remove(response: Any) -> ActionResult:
        known, source = subscription(response), response.params["SourceIdentifier"]
        known.source_ids = [one for one in known.source_ids if one != source]
        return ActionResult({"EventSubscription": known})

    RDSResponse.modify_event_subscription = modify
    RDSResponse.add_source_identifier_to_subscription = add
    RDSResponse.remove_source_identifier_from_subscription = remove


@mend("rds-subscription-status", "event subscriptions whose topic refuses what is sent")
def subscription_status() -> None:
    """AWS: an event that the topic does not take makes the subscription no-permission or topic-not-exist until it is
    modified (API Reference, EventSubscription). moto: always active. The only event here is a change of a DB parameter
    group. Goes when it sends events."""

    def changed(original: Callable, response: Any) -> ActionResult:
        answer, name, backend = original(response), response.params["DBParameterGroupName"], response.backend
        for one in backend.event_subscriptions.values():
            concerned = name in one.source_ids or not one.source_ids
            if one.enabled and one.source_type == "db-parameter-group" and concerned:
                one.status = undelivered(one.sns_topic_arn, backend.account_id, backend.region_name) or one.status
        return answer

    around(RDSResponse, "modify_db_parameter_group")(changed)
    around(RDSResponse, "reset_db_parameter_group")(changed)


@mend("rds-cluster-log-groups", "the log groups of exported logs of clusters")
def cluster_log_groups() -> None:
    """AWS: a log of a cluster that is exported goes to /aws/rds/cluster/IDENTIFIER/TYPE, a log group that RDS makes where there
    is none, without key and retention, and leaves behind (Aurora User Guide, Publishing Aurora PostgreSQL logs to
    CloudWatch Logs). moto: makes none. Goes when moto makes them."""

    def ensured(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        cluster = original(backend, *args, **kwargs)
        logs = logs_backends[backend.account_id][backend.region_name]
        for kind in wanted_logs(cluster):
            logs.ensure_log_group(f"/aws/rds/cluster/{cluster.db_cluster_identifier}/{kind}")
        return cluster

    around(RDSBackend, "create_db_cluster")(ensured)
    around(RDSBackend, "modify_db_cluster")(ensured)
