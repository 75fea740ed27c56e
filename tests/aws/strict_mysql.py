"""What AWS refuses of option groups and of RDS instances that are no cluster's, and moto lets pass. Registered like the
rules of strict.py, after those of strict_rds.py."""

import re
from typing import Any

from moto.ec2.models import ec2_backends
from moto.rds.models import DBInstanceClustered
from moto.rds.responses import RDSResponse

import quotas
import rds_catalogue
from mends_mysql import alone, known_options
from strict import rule
from strict_rds import _engine, _instances, _known

# --- Option groups -------------------------------------------------------------------------------


@rule(
    "rds-option-group-name",
    "InvalidParameterValue",
    "an option group's name has up to 255 letters, digits and single hyphens, and begins with a letter",
    RDSResponse,
    "CreateOptionGroup",
)
def rds_option_group_name(request: Any) -> str | None:
    name = request.params["OptionGroupName"]
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,254}", name) and "--" not in name and name[-1] != "-":
        return None
    return (
        "The parameter OptionGroupName is not a valid identifier. Identifiers must begin with a letter; must contain "
        "only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
    )


@rule(
    "rds-option-group-quota",
    "OptionGroupQuotaExceededFault",
    "an account has as many option groups in a region as its quota says",
    RDSResponse,
    "CreateOptionGroup",
)
def rds_option_group_quota(request: Any) -> str | None:
    groups = request.backend.option_groups
    most = quotas.value(quotas.OPTION_GROUPS, request.current_account, request.region)
    full = len(groups) >= most and request.params["OptionGroupName"] not in groups
    return f"Cannot create more than {most} option groups" if full else None


@rule(
    "rds-option-group-in-use",
    "InvalidOptionGroupStateFault",
    "the option group of an instance or of a snapshot, and a default one, cannot be deleted",
    RDSResponse,
    "DeleteOptionGroup",
)
def rds_option_group_in_use(request: Any) -> str | None:
    name = request.params["OptionGroupName"].lower()
    if name.startswith("default:"):
        return "Default option groups cannot be deleted."
    snapshots = request.backend.database_snapshots.values()
    waiting = {one.__dict__.get("waiting", {}).get("option_group_name") for one in _instances(request)}
    users = {one.option_group_name for one in (*_instances(request), *snapshots)} | waiting
    return f"The option group '{name}' cannot be deleted because it is in use." if name in users else None


@rule(
    "rds-options",
    "InvalidParameterValue",
    "an option is one of the engine's, with settings that it has, may be changed, and allow the value",
    RDSResponse,
    "ModifyOptionGroup",
)
def rds_options(request: Any) -> str | None:
    group = _known(request.backend.option_groups, request.params["OptionGroupName"])
    if group is None:
        return None
    known = known_options(group)
    included = request.params.get("OptionsToInclude") or []
    for name in (*(option["OptionName"] for option in included), *(request.params.get("OptionsToRemove") or [])):
        if name not in known:
            return f"Unknown option: {name}"
    for option in included:
        settings = {one["SettingName"]: one for one in known[option["OptionName"]]["OptionGroupOptionSettings"]}
        for given in option.get("OptionSettings") or []:
            name, value = given["Name"], given.get("Value") or ""
            if name not in settings:
                return f"We do not support setting: {name} for {option['OptionName']}"
            allowed = settings[name].get("AllowedValues", "")
            parameter = rds_catalogue.Parameter("dynamic", allowed)
            fixed = not settings[name]["IsModifiable"] and value != settings[name].get("DefaultValue")
            if fixed or not rds_catalogue.allows(parameter, value.replace(" ", "")):
                return f"Invalid value {value} for option setting {name}. Allowed values: {allowed}"
    return None


@rule(
    "rds-option-group",
    "OptionGroupNotFoundFault",
    "the option group of an instance exists",
    RDSResponse,
    "CreateDBInstance",
    "ModifyDBInstance",
)
def rds_option_group(request: Any) -> str | None:
    name = request.params.get("OptionGroupName")
    if not name or name.startswith("default:") or name in request.backend.option_groups:
        return None
    return f"Specified OptionGroupName: {name} not found."


# --- Instances -----------------------------------------------------------------------------------

BOTH = ("CreateDBInstance", "ModifyDBInstance")


def _mysql(request: Any) -> bool:
    return _engine(request) == "mysql"


def _instance(request: Any) -> Any:
    """The instance of no cluster that the request is about, if it is there."""
    known = _known(request.backend.databases, request.params.get("DBInstanceIdentifier"))
    return known if known and alone(known) else None


def _will_be(request: Any, parameter: str, attribute: str) -> Any:
    """What is asked for, or else what it is."""
    asked, known = request.params.get(parameter), _instance(request)
    return asked if asked is not None or known is None else getattr(known, attribute)


@rule(
    "rds-option-group-of-version",
    "InvalidParameterCombination",
    "an option group is of the instance's engine and major version",
    RDSResponse,
    *BOTH,
)
def rds_option_group_of_version(request: Any) -> str | None:
    name = request.params.get("OptionGroupName")
    group, engine = _known(request.backend.option_groups, name), _engine(request)
    version = _will_be(request, "EngineVersion", "engine_version") or rds_catalogue.VERSIONS["mysql"][-1]
    major = rds_catalogue.major(engine, version)
    if group:
        fits = (group.engine_name, group.major_engine_version) == (engine, major)
    else:
        fits = not (name or "").startswith("default:") or name == f"default:{engine}-{major.replace('.', '-')}"
    return None if fits else f"The option group {name} cannot be used with {engine} {major}."


@rule(
    "rds-instance-upgrade",
    "InvalidParameterCombination",
    "a version does not go back; a new major version is allowed explicitly, and brings groups of its own",
    RDSResponse,
    "ModifyDBInstance",
)
def rds_instance_upgrade(request: Any) -> str | None:
    known, params, asked = _instance(request), request.params, request.params.get("EngineVersion")
    if known is None or not asked or known.engine != "mysql":
        return None
    now, then = known.engine_version, rds_catalogue.offered("mysql", asked) or asked
    if _numbers(then) < _numbers(now):
        return f"Cannot upgrade mysql from {now} to {then}"
    if rds_catalogue.major("mysql", now) == rds_catalogue.major("mysql", then):
        return None
    if not params.get("AllowMajorVersionUpgrade"):
        return "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."
    own = known.db_parameter_group_name
    if own and not own.startswith("default.") and not params.get("DBParameterGroupName"):
        return "Current Parameter Group is non-default. You need to explicitly specify a new Parameter Group."
    if not known.option_group_name.startswith("default:") and not params.get("OptionGroupName"):
        return "Current Option Group is non-default. You need to explicitly specify a new Option Group."
    return None


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@rule(
    "rds-instance-storage-type",
    "InvalidParameterCombination",
    "storage is of an offered type, does not shrink, and takes operations and throughput where they can be chosen",
    RDSResponse,
    *BOTH,
)
def rds_instance_storage_type(request: Any) -> str | None:
    params, known = request.params, _instance(request)
    if not _mysql(request):
        return None
    kind = _will_be(request, "StorageType", "storage_type") or ("io1" if params.get("Iops") else "gp2")
    size, iops, throughput = params.get("AllocatedStorage"), params.get("Iops"), params.get("StorageThroughput")
    if kind not in rds_catalogue.STORAGE["mysql"]:
        return f"Invalid storage type: {kind}"
    if known and size is not None and size < known.allocated_storage:
        return f"Invalid storage size for engine name mysql and storage type {kind}: {size}. It cannot be reduced."
    after = _will_be(request, "AllocatedStorage", "allocated_storage") or 20
    if kind == "gp3" and after < rds_catalogue.STRIPED and (iops or throughput):
        return "You can't specify IOPS or storage throughput for engine mysql and a storage size less than 400."
    if throughput and kind != "gp3":
        return f"You can't specify storage throughput for storage type {kind}."
    if iops and kind == "gp2":
        return "You can't specify IOPS for storage type gp2."
    if kind in ("io1", "io2") and not iops and (known is None or known.storage_type != kind):
        return f"You must specify IOPS for storage type {kind}."
    if kind == "gp3" and ((iops and iops < 12000) or (throughput and throughput < 500)):
        return "For storage type gp3 and this storage size the least is 12000 IOPS and a storage throughput of 500."
    chosen = kind != "gp2" and (kind != "gp3" or (known and known.allocated_storage >= rds_catalogue.STRIPED))
    grows = known and known.storage_type == kind and size is not None and size != known.allocated_storage
    if chosen and grows and not iops:
        return (
            "You must specify both the storage size and iops when modifying the storage size or iops on a DB instance "
            "that has iops."
        )
    return None


@rule(
    "rds-instance-values",
    "InvalidParameterValue",
    "storage, port, retention, intervals and the database's name are in their ranges",
    RDSResponse,
    *BOTH,
)
def rds_instance_values(request: Any) -> str | None:
    params = request.params
    if not _mysql(request):
        return None
    kind = _will_be(request, "StorageType", "storage_type") or "gp2"
    size, (least, most) = params.get("AllocatedStorage"), rds_catalogue.SIZES.values()
    if size is not None and not (100 if kind in ("io1", "io2") else least) <= size <= most:
        return f"Invalid storage size for engine name mysql and storage type {kind}: {size}"
    for parameter, values in VALUES.items():
        if params.get(parameter) is not None and params[parameter] not in values:
            return f"Invalid value {params[parameter]} for {parameter}"
    name = params.get("DBName")
    if name is not None and not re.fullmatch(r"[A-Za-z]\w{0,63}", name, re.ASCII):
        return "DBName must begin with a letter and contain only alphanumeric characters."
    managed = params.get("ManageMasterUserPassword") or params.get("MasterUserPassword")
    if request._get_action() == "CreateDBInstance" and not managed:
        return "The parameter MasterUserPassword must be provided and must not be blank."
    return None


VALUES = {
    "Port": range(1150, 65536),
    "DBPortNumber": range(1150, 65536),
    "BackupRetentionPeriod": range(36),
    "MonitoringInterval": (0, 1, 5, 10, 15, 30, 60),
    "PerformanceInsightsRetentionPeriod": (7, *range(31, 31 * 24, 31), 731),
}


@rule(
    "rds-instance-combinations",
    "InvalidParameterCombination",
    "a Multi-AZ instance is in no certain zone, and exports logs of its engine; the password is its own or is managed",
    RDSResponse,
    *BOTH,
)
def rds_instance_combinations(request: Any) -> str | None:
    params, known = request.params, _instance(request)
    if not _mysql(request):
        return None
    if params.get("MultiAZ") and params.get("AvailabilityZone"):
        return "Requesting a specific availability zone is not valid for MultiAZ instances."
    exports = params.get("CloudwatchLogsExportConfiguration") or {}
    for kind in (*(params.get("EnableCloudwatchLogsExports") or []), *(exports.get("EnableLogTypes") or [])):
        if kind not in rds_catalogue.LOG_TYPES["mysql"]:
            return f"You cannot use the log types '{kind}' with engine version mysql."
    managed, password = params.get("ManageMasterUserPassword"), params.get("MasterUserPassword")
    stays = managed is None and known and known.manage_master_user_password
    if password and (managed or stays):
        return "You can't specify MasterUserPassword for an instance whose password is managed by Secrets Manager."
    if known and managed is False and known.manage_master_user_password and not password:
        return "You must specify MasterUserPassword when the password is no longer managed by Secrets Manager."
    return None


@rule(
    "rds-instance-security-groups",
    "InvalidParameterValue",
    "the security groups of an instance exist",
    RDSResponse,
    *BOTH,
)
def rds_instance_security_groups(request: Any) -> str | None:
    network = ec2_backends[request.current_account][request.region]
    for group in request.params.get("VpcSecurityGroupIds") or []:
        if network.get_security_group_from_id(group) is None:
            return f"Invalid security group , groupId= {group}, groupName=."
    return None


@rule(
    "rds-instance-vpc",
    "InvalidParameterCombination",
    "the security groups of an instance are in the VPC of its DB subnet group",
    RDSResponse,
    *BOTH,
)
def rds_instance_vpc(request: Any) -> str | None:
    network = ec2_backends[request.current_account][request.region]
    name = _will_be(request, "DBSubnetGroupName", "_db_subnet_group_name")
    group = _known(request.backend.subnet_groups, name)
    for one in request.params.get("VpcSecurityGroupIds") or []:
        vpc = network.get_security_group_from_id(one).vpc_id
        if group and vpc != group.vpc_id:
            return (
                "The DB instance and EC2 security group are in different VPCs. "
                f"The DB instance is in {group.vpc_id} and the EC2 security group is in {vpc}"
            )
    return None


@rule(
    "rds-stop-cluster-instance",
    "InvalidParameterCombination",
    "an instance of a cluster is stopped with its cluster",
    RDSResponse,
    "StopDBInstance",
    "StartDBInstance",
)
def rds_stop_cluster_instance(request: Any) -> str | None:
    known = _known(request.backend.databases, request.params["DBInstanceIdentifier"])
    clustered = isinstance(known, DBInstanceClustered)
    return "aurora-postgresql DB instances are not eligible for stopping or starting." if clustered else None
