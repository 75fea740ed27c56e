"""What RDS offers, as far as the emulator knows: versions, classes and parameters. A small part of what AWS has, with its
values (RDS and Aurora User Guides: engine versions, DB instance classes, parameters)."""

import re
from dataclasses import dataclass

VERSIONS = {
    "aurora-postgresql": ("13.14", "14.10", "15.4", "15.5", "16.1", "16.4"),
    "mysql": ("8.0.39", "8.0.40", "8.0.41", "8.0.42", "8.4.3", "8.4.4", "8.4.5", "8.4.6"),
}
LOG_TYPES = {
    "aurora-postgresql": ("postgresql", "upgrade"),
    "mysql": ("audit", "error", "general", "slowquery"),
}
# The last day of the standard support of each major version (User Guides, release calendars).
STANDARD_SUPPORT = {
    "aurora-postgresql": {"13": "2026-02-28", "14": "2027-02-28", "15": "2028-02-29", "16": "2029-02-28"},
    "mysql": {"8.0": "2026-07-31", "8.4": "2029-07-31"},
}
# Whether Performance Insights is supported, by class.
CLASSES = {
    "aurora-postgresql": {
        "db.r6g.large": True,
        "db.r6g.xlarge": True,
        "db.r6g.2xlarge": True,
        "db.r7g.large": True,
        "db.t4g.medium": False,
    },
    "mysql": {
        "db.r6g.large": True,
        "db.r6g.xlarge": True,
        "db.m6g.large": True,
        "db.t4g.medium": True,
        "db.t3.micro": False,
    },
}
STORAGE = {"aurora-postgresql": ("aurora", "aurora-iopt1"), "mysql": ("gp2", "gp3", "io1", "io2")}
# How much storage an instance has, in GiB.
SIZES = {"MinStorageSize": 20, "MaxStorageSize": 65536}
# From this size on gp3 is striped: it has other values of its own, and takes others (RDS User Guide, gp3 storage).
STRIPED = 400
# Operations and megabytes a second that gp3 has without being told, below that size and from it on.
GP3 = {"below": (3000, 125), "striped": (12000, 500)}


@dataclass(frozen=True)
class Parameter:
    apply_type: str
    allowed: str
    value: str | None = None
    kind: str = ""
    modifiable: bool = True

    @property
    def data_type(self) -> str:
        if self.kind:
            return self.kind
        if self.allowed == "0,1":
            return "boolean"
        low, separator, high = self.allowed.rpartition("-")
        return "integer" if separator and low.lstrip("-").isdigit() and high.isdigit() else "string"


_POSTGRESQL = {
    "log_min_duration_statement": Parameter("dynamic", "-1-2147483647"),
    "log_statement": Parameter("dynamic", "none,ddl,mod,all"),
    "max_connections": Parameter("static", "6-262143", "LEAST({DBInstanceClassMemory/9531392},5000)"),
    "shared_preload_libraries": Parameter(
        "static", "auto_explain,pg_stat_statements,pgaudit,pg_cron,pg_hint_plan", "pg_stat_statements"
    ),
    "work_mem": Parameter("dynamic", "64-2147483647"),
}
_POSTGRESQL_CLUSTER = {**_POSTGRESQL, "rds.force_ssl": Parameter("dynamic", "0,1", "0")}
_MYSQL = {
    "autocommit": Parameter("dynamic", "0,1"),
    "binlog_format": Parameter("dynamic", "ROW,STATEMENT,MIXED", "MIXED"),
    "character_set_server": Parameter("dynamic", "ascii,binary,latin1,utf8mb3,utf8mb4"),
    "general_log": Parameter("dynamic", "0,1"),
    "init_connect": Parameter("dynamic", ""),
    "innodb_buffer_pool_instances": Parameter("static", "1-64"),
    "innodb_buffer_pool_size": Parameter("dynamic", "5242880-9223372036854775807", "{DBInstanceClassMemory*3/4}"),
    "innodb_flush_log_at_trx_commit": Parameter("dynamic", "0-2"),
    "local_infile": Parameter("dynamic", "0,1"),
    "log_bin_trust_function_creators": Parameter("dynamic", "0,1"),
    "log_output": Parameter("dynamic", "TABLE,FILE,NONE", "TABLE"),
    "log_queries_not_using_indexes": Parameter("dynamic", "0,1"),
    "long_query_time": Parameter("dynamic", "0-31536000", kind="float"),
    "lower_case_table_names": Parameter("static", "0,1"),
    "max_allowed_packet": Parameter("dynamic", "1024-1073741824"),
    "max_connections": Parameter("dynamic", "1-100000", "{DBInstanceClassMemory/12582880}"),
    "performance_schema": Parameter("static", "0,1"),
    "port": Parameter("static", "1150-65535", "{EndPointPort}", modifiable=False),
    "require_secure_transport": Parameter("dynamic", "0,1"),
    "slow_query_log": Parameter("dynamic", "0,1"),
    "time_zone": Parameter("dynamic", "Europe/Amsterdam,Europe/Berlin,Europe/London,US/Eastern,UTC"),
    "tls_version": Parameter("static", "TLSv1.2,TLSv1.3"),
    "wait_timeout": Parameter("dynamic", "1-31536000"),
}
# What 8.0 has and 8.4 has no more.
_MYSQL_80 = {
    "default_authentication_plugin": Parameter("static", "mysql_native_password,sha256_password,caching_sha2_password"),
    "expire_logs_days": Parameter("dynamic", "0-99"),
}
# More than a page of others, as AWS has hundreds.
_OTHERS = {f"other_parameter_{number}": Parameter("dynamic", "0-100", "0") for number in range(120)}


def family(engine: str, version: str) -> str:
    """The parameter group family of a version."""
    parts = version.split(".")
    return f"{engine}{parts[0]}" if engine == "aurora-postgresql" else f"{engine}{parts[0]}.{parts[1]}"


def major(engine: str, version: str) -> str:
    """The major version: what an option group is of, and what an upgrade has to be allowed to leave."""
    return version.split(".")[0] if engine == "aurora-postgresql" else ".".join(version.split(".")[:2])


def offered(engine: str, version: str) -> str | None:
    """The version of this name that is offered: of a major version of MySQL the newest minor one."""
    versions = VERSIONS.get(engine, ())
    if engine == "mysql" and version in {major(engine, one) for one in versions}:
        return [one for one in versions if major(engine, one) == version][-1]
    return version if version in versions else None


def families() -> set[str]:
    return {family(engine, version) for engine, versions in VERSIONS.items() for version in versions}


def parameters(family_name: str, cluster: bool) -> dict[str, Parameter]:
    if family_name.startswith("mysql"):
        return {} if cluster else {**_MYSQL, **(_MYSQL_80 if family_name == "mysql8.0" else {}), **_OTHERS}
    return {**(_POSTGRESQL_CLUSTER if cluster else _POSTGRESQL), **_OTHERS}


def allows(parameter: Parameter, value: str) -> bool:
    """Whether the value is among a parameter's allowed values: a range, or words of a list."""
    if not parameter.allowed:
        return True
    low, separator, high = parameter.allowed.rpartition("-")
    if parameter.kind == "float":
        return bool(re.fullmatch(r"\d+(\.\d+)?", value)) and int(low) <= float(value) <= int(high)
    if separator and low.lstrip("-").isdigit() and high.isdigit():
        formula = value.startswith(("{", "LEAST(", "GREATEST("))
        return formula or (value.lstrip("-").isdigit() and int(low) <= int(value) <= int(high))
    return set(value.split(",")) <= set(parameter.allowed.split(","))
