//! What a platform engineer writes about the database.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The database: an Aurora PostgreSQL cluster, or RDS for MySQL.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(
    validation = Rule::new("self.engine != 'mysql' || (!has(self.readers) && !has(self.storageType) && !has(self.instanceParameters))")
        .message("database.readers, storageType and instanceParameters are Aurora's; with engine mysql set multiAz, allocatedStorageGib and parameters instead"),
    validation = Rule::new("self.engine == 'mysql' || (!has(self.multiAz) && !has(self.allocatedStorageGib))")
        .message("database.multiAz and allocatedStorageGib need engine mysql; Aurora has readers, and its storage grows by itself"),
    validation = Rule::new("self.engine != 'mysql' || !has(self.passwordLength) || self.passwordLength <= 41")
        .message("database.passwordLength is at most 41 with engine mysql"),
    validation = Rule::new("self.engine == 'mysql' ? (!has(self.engineVersion) || self.engineVersion.matches('^[0-9]+[.][0-9]+[.][0-9]+$')) : (!has(self.engineVersion) || self.engineVersion.matches('^[0-9]+[.][0-9]+$'))")
        .message("database.engineVersion is like 16.4 of Aurora PostgreSQL and like 8.4.5 of MySQL")
)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// aurora-postgresql (the default): a cluster with writer and readers. mysql: an RDS instance with a standby in a second
    /// zone. Cannot be changed.
    #[serde(default)]
    pub engine: Engine,

    /// An exact engine version, for example 16.4, or 8.4.5 of MySQL; one that is not offered is a condition that names those
    /// that are. Default: the newest of preferredVersions that is offered. A newer major is an upgrade, made in the maintenance
    /// window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?$"))]
    pub engine_version: Option<String>,

    /// Versions to choose from when the platform is built; the newest that is offered is taken and stays. If none is, the
    /// newest minor of the newest of their majors. A major stands for its newest minor. Default: 16.1, 15.5, 15.4, 14.10, 14.9,
    /// 13.14, 13.13; of MySQL 8.4, 8.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 20),
        inner(length(max = 16), regex(pattern = r"^[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?$"))
    )]
    pub preferred_versions: Option<Vec<String>>,

    /// Manual (the default): the controller moves to no other version by itself. MinorAuto: it moves to the newest minor
    /// version of the major in use. AWS installs minor versions with fixes either way, in the maintenance window (PCI DSS
    /// 6.3.3).
    #[serde(default)]
    pub upgrade_policy: UpgradePolicy,

    /// Class of every instance. Default: db.r6g.large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^db\.[a-z0-9-]+\.[a-z0-9]+$"))]
    pub instance_class: Option<String>,

    /// Of MySQL: whether a standby in another zone takes over when the instance fails. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_az: Option<bool>,

    /// Of MySQL: GiB of storage, 20 to 65536. Default: 100. It can grow and not shrink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 20, max = 65536))]
    pub allocated_storage_gib: Option<i32>,

    /// Instances besides the writer, 0 to 15, spread over the zones. Default: 1. Without any, the loss of the writer's zone
    /// stops the database until a new writer is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 15))]
    pub readers: Option<i32>,

    /// Name of the database. Default: paymentdb. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-z0-9_]*$"))]
    pub database_name: Option<String>,

    /// Name of the master user. Default: dbadmin. Cannot be changed, and is none of the vendor's defaults (PCI DSS 2.2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), regex(pattern = r"^[a-z][a-z0-9_]*$"))]
    #[x_kube(validation = Rule::new("!(self in ['admin', 'postgres', 'rdsadmin', 'root', 'public', 'user'])")
        .message("database.username must be neither reserved by the engine nor a vendor's default (admin, postgres, rdsadmin, root, public, user)"))]
    pub username: Option<String>,

    /// aurora (the default), or aurora-iopt1, which costs more for storage and nothing for input and output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_type: Option<StorageType>,

    /// Days that automatic backups are kept, 1 to 35. Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 35))]
    pub backup_retention_days: Option<i32>,

    /// Daily window of automatic backups in UTC, at least 30 minutes. Default: 03:00-04:00.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 11), regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    pub backup_window: Option<String>,

    /// Weekly window of maintenance in UTC, at least 30 minutes, not overlapping the backups. Default: sun:05:00-sun:06:00.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 19),
        regex(
            pattern = r"^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$"
        )
    )]
    pub maintenance_window: Option<String>,

    /// Whether changes that disrupt are made at once instead of in the maintenance window. Default: false, Ephemeral true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_immediately: Option<bool>,

    /// Parameters besides those of the platform: of the Aurora cluster log_statement=all, log_min_duration_statement=1000 and
    /// rds.force_ssl=1, which stays; of MySQL slow_query_log=1, log_output=FILE and require_secure_transport=1, which all stay. At
    /// most 50.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 50,
        "additionalProperties" = serde_json::json!({"type": "string", "maxLength": 512})
    ))]
    #[x_kube(validation = Rule::new("self.all(name, size(name) >= 1 && size(name) <= 100 && name.matches('^[a-z][a-z0-9_.]*$') && !(name in ['rds.force_ssl', 'require_secure_transport', 'slow_query_log', 'log_output']))")
        .message("database.parameters: a name has up to 100 lower-case letters, digits, _ and . and is none of rds.force_ssl, require_secure_transport (PCI DSS 4.2.1), slow_query_log and log_output (10.2.1), which stay as they are"))]
    pub parameters: BTreeMap<String, String>,

    /// Of Aurora: instance parameters besides that of the platform (shared_preload_libraries=pg_stat_statements). At most 50.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 50,
        "additionalProperties" = serde_json::json!({"type": "string", "maxLength": 512})
    ))]
    #[x_kube(validation = Rule::new("self.all(name, size(name) >= 1 && size(name) <= 100 && name.matches('^[a-z][a-z0-9_.]*$'))")
        .message("database.instanceParameters: a name has up to 100 lower-case letters, digits, _ and ."))]
    pub instance_parameters: BTreeMap<String, String>,

    /// Whether Performance Insights is on where the class supports it. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performance_insights: Option<bool>,

    /// Days that Performance Insights keeps what it measures: 7, 731, or a multiple of 31 up to 713. Default: 7, which costs
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == 7 || self == 731 || (self >= 31 && self <= 713 && self % 31 == 0)")
        .message("database.performanceInsightsRetentionDays must be 7, 731, or a multiple of 31 up to 713"))]
    pub performance_insights_retention_days: Option<i32>,

    /// Characters of the master password, 16 to 128, of MySQL to 41. Default: 32. It holds for a password that is made from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 16, max = 128))]
    pub password_length: Option<i32>,

    /// Days for which the master secret can be restored once it is deleted with the platform: 7 to 30, in Ephemeral also 0.
    /// Default: 30, Ephemeral 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == 0 || (self >= 7 && self <= 30)")
        .message("database.secretRecoveryWindowDays must be 0 or between 7 and 30"))]
    pub secret_recovery_window_days: Option<i32>,

    /// Seconds between measurements of enhanced monitoring. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self in [1, 5, 10, 15, 30, 60]")
        .message("database.monitoringSeconds must be one of 1, 5, 10, 15, 30, 60"))]
    pub monitoring_seconds: Option<i32>,
}

/// What kind of database it is.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    #[default]
    #[serde(rename = "aurora-postgresql")]
    AuroraPostgresql,
    #[serde(rename = "mysql")]
    Mysql,
}

impl Engine {
    /// As RDS calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuroraPostgresql => "aurora-postgresql",
            Self::Mysql => "mysql",
        }
    }

    /// The major version of a version: `16` of `16.4`, `8.4` of MySQL's `8.4.5`.
    pub fn major(self, version: &str) -> &str {
        let parts = match self {
            Self::AuroraPostgresql => 1,
            Self::Mysql => 2,
        };
        let end = version.match_indices('.').nth(parts - 1).map_or(version.len(), |(at, _)| at);
        &version[..end]
    }
}

/// Who moves the database to other versions.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpgradePolicy {
    #[default]
    Manual,
    MinorAuto,
}

/// How Aurora's storage is billed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageType {
    #[default]
    #[serde(rename = "aurora")]
    Aurora,
    #[serde(rename = "aurora-iopt1")]
    AuroraIoOptimized,
}

impl StorageType {
    /// As RDS calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aurora => "aurora",
            Self::AuroraIoOptimized => "aurora-iopt1",
        }
    }
}
