"""What RDS offers, as far as the emulator knows: versions, classes and parameters. A small part of what AWS has, with its
values (RDS and Aurora User Guides: engine versions, DB instance classes, parameters)."""

from dataclasses import dataclass

VERSIONS = {
    "aurora-postgresql": ("13.14", "14.10", "15.4", "15.5", "16.1", "16.4"),
    "mysql": ("8.0.39", "8.0.40", "8.4.3"),
}
LOG_TYPES = {
    "aurora-postgresql": ("postgresql", "upgrade"),
    "mysql": ("audit", "error", "general", "slowquery"),
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
STORAGE = {"aurora-postgresql": ("aurora", "aurora-iopt1"), "mysql": ("gp2", "gp3", "io1")}


@dataclass(frozen=True)
class Parameter:
    apply_type: str
    allowed: str
    value: str | None = None


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
    "general_log": Parameter("dynamic", "0,1"),
    "innodb_buffer_pool_instances": Parameter("static", "1-64"),
    "log_output": Parameter("dynamic", "TABLE,FILE,NONE", "TABLE"),
    "max_connections": Parameter("dynamic", "1-100000", "{DBInstanceClassMemory/12582880}"),
    "require_secure_transport": Parameter("dynamic", "0,1"),
    "slow_query_log": Parameter("dynamic", "0,1"),
}
# More than a page of others, as AWS has hundreds.
_OTHERS = {f"other_parameter_{number}": Parameter("dynamic", "0-100", "0") for number in range(120)}


def family(engine: str, version: str) -> str:
    """The parameter group family of a version."""
    parts = version.split(".")
    return f"{engine}{parts[0]}" if engine == "aurora-postgresql" else f"{engine}{parts[0]}.{parts[1]}"


def families() -> set[str]:
    return {family(engine, version) for engine, versions in VERSIONS.items() for version in versions}


def parameters(family_name: str, cluster: bool) -> dict[str, Parameter]:
    if family_name.startswith("mysql"):
        return {} if cluster else {**_MYSQL, **_OTHERS}
    return {**(_POSTGRESQL_CLUSTER if cluster else _POSTGRESQL), **_OTHERS}


def allows(parameter: Parameter, value: str) -> bool:
    """Whether the value is among a parameter's allowed values: a range, or words of a list."""
    low, separator, high = parameter.allowed.rpartition("-")
    if separator and low.lstrip("-").isdigit() and high.isdigit():
        formula = value.startswith(("{", "LEAST(", "GREATEST("))
        return formula or (value.lstrip("-").isdigit() and int(low) <= int(value) <= int(high))
    return set(value.split(",")) <= set(parameter.allowed.split(","))
