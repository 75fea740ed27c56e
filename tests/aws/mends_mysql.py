"""Where moto's RDS instances that are no cluster's, and option groups, differ from AWS. Registered like the mends of
mends.py, after those of mends_rds.py, whose changes of instances they go around."""

import time
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.logs.models import logs_backends
from moto.rds.exceptions import OptionGroupNotFoundFaultError, RDSClientError
from moto.rds.models import DBInstance, DBInstanceClustered, DBSnapshot, OptionGroup, RDSBackend
from moto.rds.responses import RDSResponse

import durations
import rds_catalogue
from catalogue import around
from mends import mend
from mends_rds import answered, switch_logs, wanted_logs


def alone(instance: Any) -> bool:
    """Whether an instance belongs to no cluster."""
    return isinstance(instance, DBInstance) and not isinstance(instance, DBInstanceClustered)


# --- Option groups -------------------------------------------------------------------------------


def default_group(engine: str, version: str) -> str:
    return f"default:{engine}-{rds_catalogue.major(engine, version).replace('.', '-')}"


def known_options(group: Any) -> dict[str, dict[str, Any]]:
    """The options of the group's engine and major version, by name, as AWS lists them."""
    options = RDSBackend.describe_option_group_options(group.engine_name, group.major_engine_version)
    return {option["Name"]: option for option in options}


@mend("rds-option-groups", "option groups of MySQL 8.4, and their options in full")
def option_groups() -> None:
    """AWS: there are option groups of MySQL 8.4 as of 8.0; DescribeOptionGroups has every setting of an option, with
    default, type and allowed values, an empty list where nothing fits, and the default group of a version under its own
    name; an option that is included again is changed in the settings that are given (API Reference, OptionGroup,
    OptionSetting, ModifyOptionGroup). moto: knows no 8.4, has only the settings that were given and forgets the others,
    fails without a name, and answers a VPC called null. Goes when moto does as AWS does."""

    @around(RDSBackend, "create_option_group")
    def create(original: Callable, backend: Any, kwargs: Any) -> Any:
        version = kwargs["major_engine_version"]
        newer = kwargs["engine_name"] == "mysql" and version in _majors("mysql")
        if not newer:
            return original(backend, kwargs)
        # Under a version that moto knows too.
        kwargs["major_engine_version"] = "8.0"
        group = original(backend, kwargs)
        group.major_engine_version = version
        return group

    def describe(response: Any) -> ActionResult:
        params = response.params
        name, engine, version = (params.get(key) for key in ("OptionGroupName", "EngineName", "MajorEngineVersion"))
        found = list(response.backend.option_groups.values())
        if name is not None:
            found = [group for group in [*found, *_defaults(response.backend)] if group.name == name.lower()]
            if not found:
                raise OptionGroupNotFoundFaultError(name)
        fitting = [g for g in found if engine in (None, g.engine_name) and version in (None, g.major_engine_version)]
        return answered(response, "OptionGroupsList", fitting)

    def options(group: Any) -> list[dict[str, Any]]:
        return [_option(known_options(group)[name], given) for name, given in group._options.items()]

    def add(group: Any, options_to_add: list[dict[str, Any]]) -> None:
        for option in options_to_add:
            given = {one["Name"]: one["Value"] for one in option.get("OptionSettings", [])}
            group._options.setdefault(option["OptionName"], {}).update(given)

    @around(OptionGroup, "__init__")
    def init(original: Callable, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.allows_vpc_and_non_vpc_instance_memberships = True

    RDSResponse.describe_option_groups = describe
    OptionGroup.options = property(options)
    OptionGroup.add_options = add
    OptionGroup.vpc_id = None


def _majors(engine: str) -> list[str]:
    return sorted({rds_catalogue.major(engine, version) for version in rds_catalogue.VERSIONS[engine]})


def _defaults(backend: Any) -> list[Any]:
    return [
        OptionGroup(backend, default_group("mysql", major), "mysql", major, f"Default option group for mysql {major}")
        for major in _majors("mysql")
    ]


def _option(known: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    return {
        "OptionName": known["Name"],
        "OptionDescription": known["Description"],
        "Persistent": known["Persistent"],
        "Permanent": known["Permanent"],
        **({"Port": known["DefaultPort"]} if known["PortRequired"] else {}),
        "OptionSettings": [_setting(one, given) for one in known["OptionGroupOptionSettings"]],
        "DBSecurityGroupMemberships": [],
        "VpcSecurityGroupMemberships": [],
    }


def _setting(known: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    name, default, allowed = known["SettingName"], known.get("DefaultValue"), known.get("AllowedValues")
    value = given.get(name, default)
    return {
        "Name": name,
        **({"Value": value} if value is not None else {}),
        **({"DefaultValue": default} if default is not None else {}),
        "Description": known["SettingDescription"],
        "ApplyType": known["ApplyType"],
        "DataType": "INTEGER" if allowed and allowed[0].isdigit() else "STRING",
        **({"AllowedValues": allowed} if allowed else {}),
        "IsModifiable": known["IsModifiable"],
        "IsCollection": name.endswith(("_USERS", "_EVENTS")),
    }


# --- Instances -----------------------------------------------------------------------------------


@mend("rds-instance-storage", "operations and throughput of gp3")
def instance_storage() -> None:
    """AWS: an instance on gp3 shows the operations and the throughput that it has without being told: 3000 and 125,
    from 400 GiB on 12000 and 500 (RDS User Guide, gp3 storage); one on other storage has a throughput of 0. moto: shows
    what was given. Goes when moto shows them."""

    def baseline(self: Any) -> tuple[int, int] | None:
        if self.__dict__.get("_storage_type") != "gp3" or self.engine != "mysql":
            return None
        striped = self.__dict__.get("_allocated_storage", 0) >= rds_catalogue.STRIPED
        return rds_catalogue.GP3["striped" if striped else "below"]

    def iops(self: Any) -> int | None:
        own = baseline(self)
        return self.__dict__.get("_iops") or (own[0] if own else None)

    def throughput(self: Any) -> int | None:
        own = baseline(self)
        given = self.__dict__.get("_throughput") if self.__dict__.get("_storage_type") == "gp3" else None
        return given or (own[1] if own else 0 if alone(self) else None)

    DBInstance.iops = property(iops, lambda self, value: self.__dict__.update(_iops=value))
    DBInstance.storage_throughput = property(throughput, lambda self, value: self.__dict__.update(_throughput=value))


@mend("rds-instance-alone", "version, zones, key, certificate and endpoint of an instance of no cluster")
def instance_alone() -> None:
    """AWS: an instance is in a zone of its subnet group, with a standby in another if it is Multi-AZ; a major version
    means its newest minor one; encryption without a key is by the account's own; insights are kept for seven days
    unless told otherwise; the certificate authority has a name; there is no endpoint before the instance is made, and
    DbInstancePort is 0 (API Reference, CreateDBInstance and DBInstance). moto: zone a, no standby, the version as given
    or 5.6, a key called default_kms_key_id, and an endpoint at once. Goes when moto does as AWS does."""

    @around(RDSBackend, "create_db_instance")
    def create(original: Callable, backend: Any, kwargs: Any) -> Any:
        if kwargs.get("engine") == "mysql":
            newest = rds_catalogue.VERSIONS["mysql"][-1]
            kwargs["engine_version"] = _version("mysql", kwargs.get("engine_version") or newest)
            kwargs["option_group_name"] = _custom(kwargs.get("option_group_name"))
            if kwargs.get("storage_encrypted") and not kwargs.get("kms_key_id"):
                kwargs["kms_key_id"] = backend.kms.describe_key("alias/aws/rds").arn
        return original(backend, kwargs)

    @around(DBInstance, "__init__")
    def init(original: Callable, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if self.ca_certificate_identifier == "rds-ca-default":
            self.ca_certificate_identifier = "rds-ca-rsa2048-g1"
        if self.engine == "mysql":
            zones = _zones(self)
            if zones and not kwargs.get("availability_zone"):
                self.availability_zone = zones[0]
            if self.performance_insights_enabled:
                self.performance_insights_retention_period = kwargs.get("performance_insights_retention_period") or 7

    def secondary(self: Any) -> str | None:
        others = [zone for zone in _zones(self) if zone != self.availability_zone]
        return others[0] if others and alone(self) and self.multi_az else None

    def endpoint(self: Any) -> dict[str, Any] | None:
        making = alone(self) and self.status == "creating"
        return None if making else {"Address": self.address, "Port": self.port}

    DBInstance.secondary_availability_zone = property(secondary)
    DBInstance.endpoint = property(endpoint)
    DBInstance.db_instance_port = property(lambda self: 0 if alone(self) else self.port)


def _zones(instance: Any) -> list[str]:
    group = instance.__dict__.get("db_subnet_group")
    return sorted({subnet.availability_zone for subnet in group._subnets}) if group else []


def _version(engine: str, version: str) -> str:
    return rds_catalogue.offered(engine, version) or version


def _custom(option_group: str | None) -> str | None:
    """moto knows no default option groups, and gives an instance the right one if there is no other."""
    return None if option_group and option_group.startswith("default:") else option_group


@mend("rds-instance-changes", "ModifyDBInstance of an instance of no cluster")
def instance_changes() -> None:
    """AWS: DBPortNumber changes the port at once; exported logs are switched one by one; storage grows by a tenth at
    least; another password takes a while, in which it is pending; another storage type has its own operations; a major
    upgrade brings the default groups along; without monitoring there is no role; what already is managed by Secrets
    Manager stays so (API Reference, ModifyDBInstance). moto: drops the port, fails for a log that is not exported, and
    takes the rest as it comes. Goes when moto does as AWS does."""

    @around(RDSBackend, "modify_db_instance")
    def modify(original: Callable, backend: Any, identifier: str, kwargs: Any) -> Any:
        name, known = kwargs.get("db_parameter_group_name"), backend.databases.get(identifier)
        if known and name and name.startswith("default.") and name not in backend.db_parameter_groups:
            # It is there from the first instance of its version on.
            family = name.removeprefix("default.")
            group = {"db_parameter_group_name": name, "db_parameter_group_family": family}
            backend.create_db_parameter_group({**group, "description": f"Default parameter group for {family}"})
        return original(backend, identifier, kwargs)

    @around(DBInstance, "update")
    def update(original: Callable, self: Any, **kwargs: Any) -> None:
        if not alone(self):
            original(self, **kwargs)
            return
        switch_logs(self, kwargs.pop("cloudwatch_logs_export_configuration", None) or {})
        if (port := kwargs.pop("db_port_number", None)) is not None:
            kwargs["port"] = port
        if (wanted := kwargs.get("allocated_storage")) and wanted > self.allocated_storage:
            # Rounded up.
            kwargs["allocated_storage"] = max(wanted, -(-self.allocated_storage * 11 // 10))
        if version := kwargs.get("engine_version"):
            kwargs["engine_version"] = _version(self.engine, version)
        if kwargs.get("manage_master_user_password") and self.manage_master_user_password:
            del kwargs["manage_master_user_password"]
        before = self.storage_type, self.__dict__.get("_iops"), self.__dict__.get("_throughput")
        original(self, **kwargs)
        if self.storage_type != before[0]:
            given = self.__dict__.get("_iops"), self.__dict__.get("_throughput")
            self._iops, self._throughput = (new if new != old else None for new, old in zip(given, before[1:]))
        if self.option_group_name.startswith("default:"):
            self.option_group_name = default_group(self.engine, self.engine_version)
        if self.monitoring_interval == 0:
            self.monitoring_role_arn = None
        if self.performance_insights_enabled:
            self.__dict__.setdefault("performance_insights_retention_period", 7)
        if kwargs.get("master_user_password") and self.status == "available":
            self.password_until = self.ready_at = time.time() + durations.of("db-instance-password")
            self.until_ready = "resetting-master-credentials"

    waiting = DBInstance.pending_modified_values.fget

    def pending(self: Any) -> dict[str, Any]:
        resetting = time.time() < self.__dict__.get("password_until", 0)
        return {**waiting(self), **({"MasterUserPassword": "****"} if resetting else {})}

    DBInstance.pending_modified_values = property(pending)


@mend("rds-instance-groups", "how far an instance is with its parameter group and its option group")
def instance_groups() -> None:
    """AWS: another parameter group, and a parameter that is applied with the reboot, make an instance pending-reboot
    until it is restarted; an option group that waits for the window stands next to the one that it replaces (API
    Reference, DBParameterGroupStatus and OptionGroupMembership). moto: always in sync. Goes when moto says so."""

    def parameter_groups(self: Any) -> list[dict[str, str]]:
        status = "pending-reboot" if self.__dict__.get("wants_reboot") else "in-sync"
        groups = self.db_parameter_groups()
        return [{"DBParameterGroupName": group.name, "ParameterApplyStatus": status} for group in groups]

    def memberships(self: Any) -> list[dict[str, str]]:
        wanted = self.__dict__.get("waiting", {}).get("option_group_name")
        if wanted is None:
            return [{"OptionGroupName": self.option_group_name, "Status": "in-sync"}]
        return [
            {"OptionGroupName": self.option_group_name, "Status": "pending-maintenance-removal"},
            {"OptionGroupName": wanted, "Status": "pending-maintenance-apply"},
        ]

    DBInstance.db_parameter_group_status_list = property(parameter_groups)
    DBInstance.option_group_memberships = property(memberships)

    @around(DBInstance, "update")
    def update(original: Callable, self: Any, **kwargs: Any) -> None:
        group, restarted = self.db_parameter_group_name, (self.db_instance_class, self.engine_version, self.port)
        original(self, **kwargs)
        if self.db_parameter_group_name != group:
            self.wants_reboot = True
        if alone(self):
            if (self.db_instance_class, self.engine_version, self.port) != restarted:
                self.wants_reboot = False

    def changed(original: Callable, response: Any) -> ActionResult:
        answer, params = original(response), response.params
        named = [one.get("ApplyMethod") for one in params.get("Parameters", [])]
        if "pending-reboot" in named or params.get("ResetAllParameters"):
            for instance in response.backend.databases.values():
                if instance.db_parameter_group_name == params["DBParameterGroupName"]:
                    instance.wants_reboot = True
        return answer

    around(RDSResponse, "modify_db_parameter_group")(changed)
    around(RDSResponse, "reset_db_parameter_group")(changed)


@mend("rds-instance-stop", "StopDBInstance, StartDBInstance and RebootDBInstance")
def instance_stop() -> None:
    """AWS: an instance is stopping and stopped, starting and rebooting for a while, and only one that is available can
    be stopped or rebooted (RDS User Guide, Viewing DB instance status). moto: sets a status that has no effect here,
    and reboots nothing. Goes when moto has states."""

    @around(RDSBackend, "stop_db_instance")
    def stop(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        instance = original(backend, *args, **kwargs)
        instance.is_stopped, instance.ready_at = True, time.time() + durations.of("db-instance-stopping")
        return instance

    @around(RDSBackend, "start_db_instance")
    def start(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        instance = original(backend, *args, **kwargs)
        instance.is_stopped, instance.until_ready = False, "starting"
        instance.ready_at = time.time() + durations.of("db-instance-creating")
        return instance

    @around(RDSBackend, "reboot_db_instance")
    def reboot(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        instance = original(backend, *args, **kwargs)
        if instance.status != "available":
            message = f"Database instance is not in available state: {instance.status}"
            raise RDSClientError("InvalidDBInstanceState", message)
        instance.until_ready, instance.ready_at = "rebooting", time.time() + durations.of("db-instance-rebooting")
        instance.wants_reboot = False
        return instance


@mend("rds-instance-roles", "RemoveRoleFromDBInstance")
def instance_roles() -> None:
    """AWS: takes a role off an instance, for the feature that is named (API Reference). moto: lacks it. Goes when moto has
    it."""

    def remove_role(response: Any) -> ActionResult:
        instance = response.backend.describe_db_instances(response.params["DBInstanceIdentifier"])[0]
        removed = (response.params["RoleArn"], response.params["FeatureName"])
        roles = instance._associated_roles
        instance._associated_roles = [role for role in roles if (role.role_arn, role.feature_name) != removed]
        if len(instance._associated_roles) == len(roles):
            raise RDSClientError("DBInstanceRoleNotFound", f"Role {removed[0]} is not associated for {removed[1]}")
        return ActionResult({})

    RDSResponse.remove_role_from_db_instance = remove_role


@mend("rds-instance-log-groups", "the log groups of exported logs")
def instance_log_groups() -> None:
    """AWS: a log that is exported goes to /aws/rds/instance/IDENTIFIER/TYPE, a log group that RDS makes where there is
    none, without key and retention, and leaves behind (RDS User Guide, Publishing database logs to CloudWatch Logs).
    moto: makes none. Goes when moto makes them."""

    def ensure(instance: Any) -> None:
        logs = logs_backends[instance.account_id][instance.region]
        for kind in wanted_logs(instance) if alone(instance) else ():
            logs.ensure_log_group(f"/aws/rds/instance/{instance.db_instance_identifier}/{kind}")

    def ensured(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Any:
        instance = original(backend, *args, **kwargs)
        ensure(instance)
        return instance

    around(RDSBackend, "create_db_instance")(ensured)
    around(RDSBackend, "modify_db_instance")(ensured)


@mend("rds-snapshots", "the option group of a snapshot, and pages of snapshots")
def snapshots() -> None:
    """AWS: a snapshot has the option group, the storage and the zone of its instance, and DescribeDBSnapshots answers
    pages (API Reference, DBSnapshot). moto: neither. Goes when moto does as AWS does."""

    @around(DBSnapshot, "__init__")
    def init(original: Callable, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for name in ("option_group_name", "storage_type", "availability_zone", "iops", "license_model"):
            setattr(self, name, getattr(self.database, name))

    @around(RDSResponse, "describe_db_snapshots")
    def describe(original: Callable, response: Any) -> ActionResult:
        return answered(response, "DBSnapshots", original(response).result["DBSnapshots"])
