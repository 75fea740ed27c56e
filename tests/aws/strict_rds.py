"""What AWS refuses of RDS, SNS and Secrets Manager calls and moto lets pass. Registered like the rules of strict.py."""

import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from moto.kms.models import kms_backends
from moto.rds.models import DBInstanceClustered
from moto.rds.responses import RDSResponse
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sns.models import sns_backends
from moto.sns.responses import SNSResponse

import key_policy
import quotas
import rds_catalogue
from strict import linked_role_is_new, rule
from strict_s3 import assumable

# --- What both need ------------------------------------------------------------------------------


def key_usable(key_arn: str, request: Any, principals: set[str], actions: tuple[str, ...], **context: str) -> bool:
    """Whether the key is enabled and its policy lets one of the principals do the actions."""
    parts = key_arn.split(":", 5)
    if len(parts) < 6 or parts[3] != request.region:
        return False
    key = kms_backends[parts[4]][request.region].keys.get(parts[5].removeprefix("key/"))
    if key is None or key.key_state != "Enabled":
        return False
    account = request.current_account
    known = {"aws:SourceAccount": account, "kms:CallerAccount": account, "kms:GrantIsForAWSResource": "true", **context}
    return all(key_policy.allows(key.policy, principals, action, known) for action in actions)


# --- RDS: groups ---------------------------------------------------------------------------------


@rule(
    "rds-subnet-group-exists",
    "DBSubnetGroupAlreadyExists",
    "the name of a DB subnet group is unique in account and region",
    RDSResponse,
    "CreateDBSubnetGroup",
)
def rds_subnet_group_exists(request: Any) -> str | None:
    name = request.params["DBSubnetGroupName"]
    return f"The DB subnet group '{name}' already exists." if name in request.backend.subnet_groups else None


@rule(
    "rds-subnet-group-zones",
    "DBSubnetGroupDoesNotCoverEnoughAZs",
    "a DB subnet group has subnets in two zones at least",
    RDSResponse,
    "CreateDBSubnetGroup",
    "ModifyDBSubnetGroup",
)
def rds_subnet_group_zones(request: Any) -> str | None:
    from moto.ec2.models import ec2_backends

    network = ec2_backends[request.current_account][request.region]
    zones = {network.get_subnet(subnet).availability_zone for subnet in request.params.get("SubnetIds", [])}
    if len(zones) >= 2:
        return None
    return (
        "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
        f"Current AZ coverage: {', '.join(sorted(zones))}. Add subnets to cover at least 2 AZs."
    )


@rule(
    "rds-subnet-in-use",
    "SubnetAlreadyInUse",
    "a subnet in which an instance is stays in its DB subnet group",
    RDSResponse,
    "ModifyDBSubnetGroup",
)
def rds_subnet_in_use(request: Any) -> str | None:
    group = _known(request.backend.subnet_groups, request.params["DBSubnetGroupName"])
    own = {subnet.id for subnet in group._subnets} if group else set()
    used = {one.interface.subnet.id for one in _instances(request) if one.__dict__.get("interface")} & own
    gone = used - set(request.params.get("SubnetIds", []))
    return f"Some of the subnets to be deleted are currently in use: {', '.join(sorted(gone))}" if gone else None


@rule(
    "rds-subnet-group-in-use",
    "InvalidDBSubnetGroupStateFault",
    "the DB subnet group of a cluster or instance cannot be deleted",
    RDSResponse,
    "DeleteDBSubnetGroup",
)
def rds_subnet_group_in_use(request: Any) -> str | None:
    name = request.params["DBSubnetGroupName"]
    users = [cluster.db_cluster_identifier for cluster in _clusters(request) if cluster.db_subnet_group_name == name]
    users += [one.db_instance_identifier for one in _instances(request) if one.__dict__.get("_db_subnet_group_name") == name]
    if users:
        return f"Cannot delete the subnet group '{name}' because at least one database instance: {users[0]} is using it."
    return None


def _known(things: Any, name: str | None) -> Any:
    """The thing of this name, if there is one; moto's dictionaries take no None."""
    return things.get(name) if name else None


def _clusters(request: Any) -> Iterator[Any]:
    return iter(request.backend.clusters.values())


def _instances(request: Any) -> Iterator[Any]:
    return iter(request.backend.databases.values())


@rule(
    "rds-parameter-group-family",
    "InvalidParameterValue",
    "a parameter group is of a family that there is",
    RDSResponse,
    "CreateDBParameterGroup",
    "CreateDBClusterParameterGroup",
)
def rds_parameter_group_family(request: Any) -> str | None:
    family = request.params.get("DBParameterGroupFamily")
    return None if family in rds_catalogue.families() else f"ParameterGroupFamily {family} is not a valid parameter group family"


@rule(
    "rds-parameter-group-in-use",
    "InvalidDBParameterGroupState",
    "the parameter group of a cluster or instance cannot be deleted",
    RDSResponse,
    "DeleteDBParameterGroup",
    "DeleteDBClusterParameterGroup",
)
def rds_parameter_group_in_use(request: Any) -> str | None:
    name = request.params.get("DBClusterParameterGroupName") or request.params.get("DBParameterGroupName")
    if request._get_action() == "DeleteDBClusterParameterGroup":
        used = any(cluster.parameter_group == name for cluster in _clusters(request))
    else:
        used = any(instance.db_parameter_group_name == name for instance in _instances(request))
    return "One or more database instances are still members of this parameter group, so the group cannot be deleted" if used else None


def _changed(request: Any) -> tuple[dict[str, rds_catalogue.Parameter], list[dict[str, str]]]:
    """The parameters of the group's family, and those that the request names."""
    name, cluster = request.params.get("DBClusterParameterGroupName"), True
    groups = request.backend.db_cluster_parameter_groups
    if name is None:
        name, cluster, groups = request.params["DBParameterGroupName"], False, request.backend.db_parameter_groups
    group = groups.get(name)
    if group is None:
        return {}, []
    family = group.db_parameter_group_family if cluster else group.family
    return rds_catalogue.parameters(family, cluster), request.params.get("Parameters", [])


CHANGES_OF_PARAMETERS = (
    "ModifyDBParameterGroup",
    "ModifyDBClusterParameterGroup",
    "ResetDBParameterGroup",
    "ResetDBClusterParameterGroup",
)


@rule(
    "rds-parameters",
    "InvalidParameterValue",
    "at most 20 parameters a call, known ones, with values that are allowed",
    RDSResponse,
    *CHANGES_OF_PARAMETERS,
)
def rds_parameters(request: Any) -> str | None:
    known, named = _changed(request)
    if len(named) > 20:
        return "The request contains more than 20 parameters"
    for one in named:
        name, value = one["ParameterName"], one.get("ParameterValue")
        if name not in known:
            return f"Could not find parameter with name: {name}"
        if not known[name].modifiable:
            return f"The parameter {name} cannot be modified."
        if value is not None and not rds_catalogue.allows(known[name], value):
            return f"Invalid parameter value: {value} for: {name} allowed values are: {known[name].allowed}"
    return None


@rule(
    "rds-static-parameters",
    "InvalidParameterCombination",
    "a static parameter is applied with the next reboot only",
    RDSResponse,
    *CHANGES_OF_PARAMETERS,
)
def rds_static_parameters(request: Any) -> str | None:
    known, named = _changed(request)
    for one in named:
        if one.get("ApplyMethod") == "immediate" and known[one["ParameterName"]].apply_type == "static":
            return "cannot use immediate apply method for static parameter"
    return None


# --- RDS: clusters and instances -----------------------------------------------------------------

MAKES = ("CreateDBCluster", "CreateDBInstance")
CHANGES = ("ModifyDBCluster", "ModifyDBInstance")


@rule(
    "rds-cluster-exists",
    "DBClusterAlreadyExistsFault",
    "the identifier of a cluster is unique in account and region",
    RDSResponse,
    "CreateDBCluster",
)
def rds_cluster_exists(request: Any) -> str | None:
    exists = request.params["DBClusterIdentifier"].lower() in request.backend.clusters
    return "DB Cluster already exists" if exists else None


@rule(
    "rds-identifier",
    "InvalidParameterValue",
    "an identifier has up to 63 letters, digits and single hyphens, and begins with a letter",
    RDSResponse,
    *MAKES,
)
def rds_identifier(request: Any) -> str | None:
    for parameter in ("DBClusterIdentifier", "DBInstanceIdentifier"):
        value = request.params.get(parameter)
        if value and not (re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,62}", value) and "--" not in value and value[-1] != "-"):
            return f"The parameter {parameter} is not a valid identifier."
    return None


@rule(
    "rds-engine-version",
    "InvalidParameterCombination",
    "the engine version is one that is offered",
    RDSResponse,
    *MAKES,
    *CHANGES,
)
def rds_engine_version(request: Any) -> str | None:
    version, engine = request.params.get("EngineVersion"), _engine(request)
    known = not version or rds_catalogue.offered(engine, version)
    return None if known else f"Cannot find version {version} for {engine}"


def _engine(request: Any) -> str:
    if engine := request.params.get("Engine"):
        return engine
    cluster = _known(request.backend.clusters, request.params.get("DBClusterIdentifier"))
    instance = _known(request.backend.databases, request.params.get("DBInstanceIdentifier"))
    return (cluster or instance).engine if cluster or instance else ""


@rule(
    "rds-instance-class",
    "InvalidParameterCombination",
    "the class can be ordered for the engine",
    RDSResponse,
    "CreateDBInstance",
    "ModifyDBInstance",
)
def rds_instance_class(request: Any) -> str | None:
    name, engine = request.params.get("DBInstanceClass"), _engine(request)
    if not name or name in rds_catalogue.CLASSES.get(engine, {}):
        return None
    return f"RDS does not support creating a DB instance with the following combination: DBInstanceClass={name}, Engine={engine}"


@rule(
    "rds-performance-insights",
    "InvalidParameterCombination",
    "Performance Insights is not supported on every class",
    RDSResponse,
    "CreateDBInstance",
    "ModifyDBInstance",
)
def rds_performance_insights(request: Any) -> str | None:
    if not request.params.get("EnablePerformanceInsights"):
        return None
    known = _known(request.backend.databases, request.params["DBInstanceIdentifier"])
    name = request.params.get("DBInstanceClass") or (known.db_instance_class if known else "")
    supported = rds_catalogue.CLASSES.get(_engine(request), {}).get(name)
    return None if supported else "Performance Insights not supported for this configuration, please disable this feature."


@rule(
    "rds-performance-insights-key",
    "InvalidParameterCombination",
    "the key of Performance Insights goes with being on, and stays what it was when it first was on",
    RDSResponse,
    *MAKES,
    "ModifyDBInstance",
)
def rds_performance_insights_key(request: Any) -> str | None:
    key, turned_on = request.params.get("PerformanceInsightsKMSKeyId"), request.params.get("EnablePerformanceInsights")
    if key and not turned_on:
        return "Can not set PerformanceInsightsKMSKeyId without EnablePerformanceInsights"
    known = _known(request.backend.databases, request.params.get("DBInstanceIdentifier"))
    own = getattr(known, "performance_insights_kms_key_id", None)
    # To leave it out is to ask for the account's default key.
    return "You can't change your Performance Insights KMS key." if turned_on and own and key != own else None


@rule(
    "rds-cluster-parameter-group",
    "DBClusterParameterGroupNotFound",
    "the parameter group of a cluster exists",
    RDSResponse,
    "CreateDBCluster",
    "ModifyDBCluster",
)
def rds_cluster_parameter_group(request: Any) -> str | None:
    name = request.params.get("DBClusterParameterGroupName")
    if not name or name.startswith("default.") or name in request.backend.db_cluster_parameter_groups:
        return None
    return f"DBClusterParameterGroup not found: {name}"


@rule(
    "rds-parameter-group-of-version",
    "InvalidParameterCombination",
    "a parameter group is of the version's family",
    RDSResponse,
    *MAKES,
    *CHANGES,
)
def rds_parameter_group_of_version(request: Any) -> str | None:
    params, backend = request.params, request.backend
    if "DBCluster" in request._get_action():
        group = _known(backend.db_cluster_parameter_groups, params.get("DBClusterParameterGroupName"))
        cluster = _known(backend.clusters, params["DBClusterIdentifier"])
        family = group and group.db_parameter_group_family
        version = params.get("EngineVersion") or (cluster and cluster.engine_version)
    else:
        group = _known(backend.db_parameter_groups, params.get("DBParameterGroupName"))
        instance = _known(backend.databases, params.get("DBInstanceIdentifier"))
        cluster = _known(backend.clusters, params.get("DBClusterIdentifier")) or getattr(instance, "cluster", None)
        own = params.get("EngineVersion") or (instance and instance.engine_version)
        family, version = group and group.family, cluster.engine_version if cluster else own
        if group is None and (params.get("DBParameterGroupName") or "").startswith("default."):
            family = params["DBParameterGroupName"].removeprefix("default.")
    if family and version and rds_catalogue.family(_engine(request), version) != family:
        name = params.get("DBClusterParameterGroupName") or params.get("DBParameterGroupName")
        return f"The parameter group {name} with DBParameterGroupFamily {family} cannot be used for this instance."
    return None


@rule(
    "rds-subnet-group",
    "DBSubnetGroupNotFoundFault",
    "the DB subnet group of a cluster exists",
    RDSResponse,
    "CreateDBCluster",
)
def rds_subnet_group(request: Any) -> str | None:
    name = request.params.get("DBSubnetGroupName")
    return f"DB subnet group '{name}' does not exist." if name and name not in request.backend.subnet_groups else None


@rule(
    "rds-key-usable",
    "KMSKeyNotAccessibleFault",
    "the key of encrypted storage exists, is enabled, and its policy admits RDS",
    RDSResponse,
    *MAKES,
)
def rds_key_usable(request: Any) -> str | None:
    for parameter in ("KmsKeyId", "PerformanceInsightsKMSKeyId"):
        key = request.params.get(parameter)
        actions = ("kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey", "kms:CreateGrant")
        if key and not key_usable(key, request, {"*", "rds.amazonaws.com"}, actions):
            return f"The specified KMS key [{key}] does not exist, is not enabled or you do not have permissions to access it."
    return None


@rule(
    "rds-windows",
    "InvalidParameterValue",
    "backup and maintenance windows have 30 minutes at least and do not overlap",
    RDSResponse,
    *MAKES,
    *CHANGES,
)
def rds_windows(request: Any) -> str | None:
    if "DBInstance" in request._get_action():
        owner = _known(request.backend.databases, request.params["DBInstanceIdentifier"])
        if isinstance(owner, DBInstanceClustered) or request.params.get("DBClusterIdentifier"):
            return None
    else:
        owner = _known(request.backend.clusters, request.params["DBClusterIdentifier"])
    backup = request.params.get("PreferredBackupWindow") or (owner and owner.preferred_backup_window)
    care = request.params.get("PreferredMaintenanceWindow") or (owner and owner.preferred_maintenance_window)
    if backup and not re.fullmatch(rf"{TIME}-{TIME}", backup):
        return f"Invalid backup window format: {backup}. Should be specified as a range hh24:mi-hh24:mi."
    if care and not re.fullmatch(rf"{DAY}:{TIME}-{DAY}:{TIME}", care.lower()):
        return f"Invalid maintenance window format: {care}. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi."
    if not backup or not care:
        return None
    start, end = (_minutes(part) for part in backup.split("-"))
    first, last = (_minutes(part.partition(":")[2]) for part in care.split("-"))
    if (end - start) % 1440 < 30 or (last - first) % 1440 < 30:
        return "The window must be at least 30 minutes."
    # Day by day: the backup window is daily.
    overlap = (first - start) % 1440 < (end - start) % 1440 or (start - first) % 1440 < (last - first) % 1440
    return "The backup window and maintenance window must not overlap." if overlap else None


TIME = r"(?:[01]\d|2[0-3]):[0-5]\d"
DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)"


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


@rule(
    "rds-master-user",
    "InvalidParameterValue",
    "the master user has no reserved name, and a password of 8 to 128 characters (MySQL: 41) without / @ \" and space",
    RDSResponse,
    *MAKES,
    *CHANGES,
)
def rds_master_user(request: Any) -> str | None:
    name, password = request.params.get("MasterUsername"), request.params.get("MasterUserPassword")
    if name and (name.lower() in ("rdsadmin", "admin", "postgres_admin") and "postgresql" in _engine(request)):
        return f"MasterUsername {name} cannot be used as it is a reserved word used by the engine"
    if name and _engine(request) == "mysql":
        if name.lower() in RESERVED_BY_MYSQL:
            return f"MasterUsername {name} cannot be used as it is a reserved word used by the engine"
        if not re.fullmatch(r"[A-Za-z]\w{0,15}", name, re.ASCII):
            return "The parameter MasterUsername must begin with a letter, and has up to 16 letters, digits and _"
    longest = 41 if _engine(request) == "mysql" else 128
    if password is not None and (not 8 <= len(password) <= longest or set(password) & set("/@\" ")):
        return "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used."
    return None


RESERVED_BY_MYSQL = {"rdsadmin", "rdsrepladmin", "mysql.infoschema", "mysql.session", "mysql.sys", "select", "user"}


@rule(
    "rds-cluster-upgrade",
    "InvalidParameterCombination",
    "a version of Aurora does not go back, and a new major version is allowed explicitly",
    RDSResponse,
    "ModifyDBCluster",
)
def rds_cluster_upgrade(request: Any) -> str | None:
    cluster = _known(request.backend.clusters, request.params["DBClusterIdentifier"])
    asked = request.params.get("EngineVersion")
    if cluster is None or not asked:
        return None
    now, then = ([int(part) for part in version.split(".")] for version in (cluster.engine_version, asked))
    if then < now:
        return f"Cannot upgrade {cluster.engine} from {cluster.engine_version} to {asked}"
    if then[0] > now[0] and not request.params.get("AllowMajorVersionUpgrade"):
        return "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."
    return None


@rule(
    "rds-cluster-state",
    "InvalidDBClusterStateFault",
    "a cluster that is not available takes no instance and no change, and is deleted once",
    RDSResponse,
    "CreateDBInstance",
    "ModifyDBCluster",
    "DeleteDBCluster",
)
def rds_cluster_state(request: Any) -> str | None:
    cluster = _known(request.backend.clusters, request.params.get("DBClusterIdentifier"))
    allowed = ("available", "creating") if request._get_action() == "DeleteDBCluster" else ("available",)
    if cluster and cluster.status not in allowed:
        return f"DBCluster {cluster.db_cluster_identifier} is in {cluster.status} state, but expected available"
    return None


@rule(
    "rds-instance-state",
    "InvalidDBInstanceState",
    "an instance that is not available takes no change, and is deleted once",
    RDSResponse,
    "ModifyDBInstance",
    "DeleteDBInstance",
)
def rds_instance_state(request: Any) -> str | None:
    instance = _known(request.backend.databases, request.params["DBInstanceIdentifier"])
    deleting = request._get_action() == "DeleteDBInstance"
    if instance and (instance.status == "deleting" if deleting else instance.status != "available"):
        return f"Database instance is not in available state: {instance.status}"
    return None


@rule(
    "rds-stopped-cluster",
    "InvalidDBClusterStateFault",
    "the instances of a cluster that is stopped are not deleted",
    RDSResponse,
    "DeleteDBInstance",
)
def rds_stopped_cluster(request: Any) -> str | None:
    instance = _known(request.backend.databases, request.params["DBInstanceIdentifier"])
    cluster = getattr(instance, "cluster", None)
    if cluster is None or cluster.status not in ("stopping", "stopped", "starting"):
        return None
    return f"Db cluster {cluster.db_cluster_identifier} is in {cluster.status} state"


@rule(
    "rds-instance-zone",
    "InvalidVPCNetworkStateFault",
    "the DB subnet group has a subnet in the zone of an instance",
    RDSResponse,
    "CreateDBInstance",
)
def rds_instance_zone(request: Any) -> str | None:
    cluster = _known(request.backend.clusters, request.params.get("DBClusterIdentifier"))
    name = request.params.get("DBSubnetGroupName") or (cluster and cluster.db_subnet_group_name)
    group, zone = _known(request.backend.subnet_groups, name), request.params.get("AvailabilityZone")
    if group is None or zone is None or any(subnet.availability_zone == zone for subnet in group._subnets):
        return None
    return f"The DB subnet group {name} has no subnet in {zone}"


@rule(
    "rds-monitoring-role",
    "InvalidParameterValue",
    "the role of enhanced monitoring can be assumed by monitoring.rds",
    RDSResponse,
    "CreateDBInstance",
    "ModifyDBInstance",
)
def rds_monitoring_role(request: Any) -> str | None:
    role = request.params.get("MonitoringRoleArn")
    account, name = request.current_account, request.params["DBInstanceIdentifier"]
    context = {"aws:SourceAccount": account, "aws:SourceArn": f"arn:aws:rds:{request.region}:{account}:db:{name}"}
    if role and not assumable(role, "monitoring.rds", context):
        return "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING"
    return None


@rule(
    "rds-service-linked-role",
    "InvalidParameterValue",
    "the service-linked role, which the account's first database brings, cannot be assumed at once",
    RDSResponse,
    *MAKES,
)
def rds_service_linked_role(request: Any) -> str | None:
    if not linked_role_is_new(request.current_account, "rds"):
        return None
    return (
        "Unable to create the resource. Verify that you have permission to create service linked role. Otherwise wait "
        "and try again later."
    )


@rule(
    "rds-final-snapshot",
    "InvalidParameterCombination",
    "a deletion either skips the final snapshot or names it",
    RDSResponse,
    "DeleteDBCluster",
    "DeleteDBInstance",
)
def rds_final_snapshot(request: Any) -> str | None:
    params = request.params
    named = params.get("FinalDBSnapshotIdentifier")
    if isinstance(_known(request.backend.databases, params.get("DBInstanceIdentifier")), DBInstanceClustered):
        return "FinalDBSnapshotIdentifier cannot be specified when deleting a cluster instance" if named else None
    if bool(named) == bool(params.get("SkipFinalSnapshot")):
        return "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
    return None


@rule(
    "rds-subscription-quota",
    "EventSubscriptionQuotaExceeded",
    "no more event subscriptions in a region than the quota",
    RDSResponse,
    "CreateEventSubscription",
)
def rds_subscription_quota(request: Any) -> str | None:
    most = quotas.value(quotas.EVENT_SUBSCRIPTIONS, request.current_account, request.region)
    return "You have reached the maximum number of event subscriptions." if len(request.backend.event_subscriptions) >= most else None


@rule(
    "rds-subscription-topic",
    "SNSNoAuthorization",
    "the topic of an event subscription exists, and it and its key admit RDS events",
    RDSResponse,
    "CreateEventSubscription",
    "ModifyEventSubscription",
)
def rds_subscription_topic(request: Any) -> str | None:
    arn = request.params.get("SnsTopicArn")
    if arn is None or undelivered(arn, request.current_account, request.region) is None:
        return None
    return f"You do not have permission to publish to the SNS topic ARN {arn}."


def undelivered(arn: str, account: str, region: str) -> str | None:
    """The status of an event subscription whose topic does not take what RDS sends (API Reference, EventSubscription)."""
    topic = sns_backends[account][region].topics.get(arn)
    if topic is None:
        return "topic-not-exist"
    service = {"*", "events.rds.amazonaws.com"}
    principals = {*service, account, f"arn:aws:iam::{account}:root"}
    context = {"aws:SourceAccount": account, "AWS:SourceOwner": account, "aws:SecureTransport": "true"}
    caller = SimpleNamespace(region=region, current_account=account)
    key = topic.kms_master_key_id or ""
    # One without a key of its own, or with that of AWS by its alias, is no matter of a key's policy.
    unlocked = ":key/" not in key or key_usable(key, caller, service, ("kms:GenerateDataKey", "kms:Decrypt"))
    admitted = key_policy.allows(topic.policy, principals, "sns:Publish", context)
    return None if admitted and unlocked else "no-permission"


@rule(
    "rds-subscription-sources",
    "SourceNotFound",
    "the sources of an event subscription exist",
    RDSResponse,
    "CreateEventSubscription",
    "AddSourceIdentifierToSubscription",
)
def rds_subscription_sources(request: Any) -> str | None:
    backend = request.backend
    known = {
        "db-instance": backend.databases,
        "db-cluster": backend.clusters,
        "db-parameter-group": backend.db_parameter_groups,
    }
    subscription = backend.event_subscriptions.get(request.params["SubscriptionName"])
    kind = request.params.get("SourceType") or (subscription and subscription.source_type)
    sources = request.params.get("SourceIds") or [request.params.get("SourceIdentifier")]
    for source in sources:
        if source and source not in known.get(kind, {source: None}):
            return f"Could not find source {source}"
    return None


# --- SNS -----------------------------------------------------------------------------------------


@rule("sns-policy", "InvalidParameter", "a topic's policy is a policy", SNSResponse, "CreateTopic", "SetTopicAttributes")
def sns_policy(request: Any) -> str | None:
    if request._get_action() == "CreateTopic":
        policy = request._get_attributes().get("Policy")
    else:
        policy = request._get_param("AttributeValue") if request._get_param("AttributeName") == "Policy" else None
    if policy and key_policy.statements(policy) is None:
        return "Invalid parameter: Policy Error: null"
    return None


@rule(
    "sns-topic-differs",
    "InvalidParameter",
    "a topic of this name with other attributes or tags is not answered as if it had just been made",
    SNSResponse,
    "CreateTopic",
)
def sns_topic_differs(request: Any) -> str | None:
    arn = f"arn:aws:sns:{request.region}:{request.current_account}:{request._get_param('Name')}"
    known = request.backend.topics.get(arn)
    if known is None:
        return None
    if known._tags != (request._get_tags() or {}):
        return "Invalid parameter: Tags Reason: Topic already exists with different tags"
    for name, value in request._get_attributes().items():
        current = known.policy if name == "Policy" else getattr(known, _snake(name), None)
        same = json.loads(current) == json.loads(value) if name == "Policy" else current == value
        if not same:
            return "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
    return None


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


# --- Secrets Manager -----------------------------------------------------------------------------


@rule(
    "secret-name",
    "ValidationException",
    "a secret's name has up to 512 letters, digits and /_+=.@-",
    SecretsManagerResponse,
    "CreateSecret",
)
def secret_name(request: Any) -> str | None:
    name = request._get_param("Name") or ""
    return None if re.fullmatch(r"[\w/+=.@-]{1,512}", name) else "Invalid name. Must be a valid name containing alphanumeric characters"


@rule(
    "secret-pending-deletion",
    "InvalidRequestException",
    "a name inside its recovery window is not free, and a secret that is scheduled for deletion takes no change",
    SecretsManagerResponse,
    "CreateSecret",
    "PutSecretValue",
    "UpdateSecret",
    "TagResource",
    "UntagResource",
    "GetSecretValue",
    "GetResourcePolicy",
    "PutResourcePolicy",
    "DeleteResourcePolicy",
    "RotateSecret",
)
def secret_pending_deletion(request: Any) -> str | None:
    secret = _secret(request)
    if secret is None or not secret.is_deleted():
        return None
    if request._get_action() == "CreateSecret":
        return "You can't create this secret because a secret with this name is already scheduled for deletion."
    return "You can't perform this operation on the secret because it was marked for deletion."


def _secret(request: Any) -> Any:
    name = request._get_param("Name") or request._get_param("SecretId")
    backend = request.backend
    return backend.secrets.get(name) if name else None


@rule(
    "secret-key-usable",
    "EncryptionFailure",
    "the key of a secret is enabled, and its policy lets the account use it by way of Secrets Manager",
    SecretsManagerResponse,
    "CreateSecret",
    "UpdateSecret",
    "PutSecretValue",
)
def secret_key_usable(request: Any) -> str | None:
    known = _secret(request)
    key = request._get_param("KmsKeyId") or (known.kms_key_id if known else None)
    if not key or not key.startswith("arn:") or request._get_param("SecretString") is None:
        return None
    via = {"kms:ViaService": f"secretsmanager.{request.region}.amazonaws.com"}
    account = request.current_account
    principals = {"*", f"arn:aws:iam::{account}:root", account}
    if key_usable(key, request, principals, ("kms:GenerateDataKey", "kms:Decrypt"), **via):
        return None
    return "Secrets Manager can't encrypt the protected secret text using the provided KMS key."


@rule(
    "secret-policy",
    "MalformedPolicyDocumentException",
    "a secret's policy is a policy",
    SecretsManagerResponse,
    "PutResourcePolicy",
)
def secret_policy(request: Any) -> str | None:
    policy = request._get_param("ResourcePolicy")
    return None if key_policy.statements(policy) else "This resource policy contains a malformed policy."
