//! What the schema refuses of a database, once more for `plan -f`, which asks no API server, and for objects that an older
//! schema let through.

use crate::platform::{Invalid, invalid};
use crate::spec::{Database, Engine};

/// Reserved by an engine, or a vendor's default (PCI DSS 2.2.2).
const RESERVED_NAMES: [&str; 6] = ["admin", "postgres", "public", "rdsadmin", "root", "user"];

/// Parameters that stay as the platform sets them (PCI DSS 4.2.1, 10.2.1).
const FIXED_PARAMETERS: [&str; 4] = ["log_output", "rds.force_ssl", "require_secure_transport", "slow_query_log"];

/// Seconds between measurements of enhanced monitoring that RDS offers.
const MONITORING_SECONDS: [i32; 6] = [1, 5, 10, 15, 30, 60];

/// Adds what cannot be carried out of what is asked for.
pub(super) fn check(spec: &Database, errors: &mut Vec<Invalid>) {
    if let Some(name) = spec.username.as_deref().filter(|name| RESERVED_NAMES.contains(name)) {
        let message = format!("{name} is reserved by the engine or a vendor's default; choose another name");
        errors.push(invalid("database.username", message));
    }
    let foreign = |field, asked: bool, remedy: &str| asked.then(|| invalid(field, remedy));
    let of_aurora = "is Aurora's; with engine mysql set multiAz, allocatedStorageGib and parameters instead";
    let of_mysql = "needs engine mysql; Aurora has readers, and its storage grows by itself";
    let foreign = match spec.engine {
        Engine::Mysql => [
            foreign("database.readers", spec.readers.is_some(), of_aurora),
            foreign("database.storageType", spec.storage_type.is_some(), of_aurora),
            foreign("database.instanceParameters", !spec.instance_parameters.is_empty(), of_aurora),
        ],
        Engine::AuroraPostgresql => [
            foreign("database.multiAz", spec.multi_az.is_some(), of_mysql),
            foreign("database.allocatedStorageGib", spec.allocated_storage_gib.is_some(), of_mysql),
            None,
        ],
    };
    errors.extend(foreign.into_iter().flatten());
    for name in spec.parameters.keys().filter(|name| FIXED_PARAMETERS.contains(&name.as_str())) {
        errors.push(invalid("database.parameters", format!("{name} stays as the platform sets it")));
    }
    let days = spec.performance_insights_retention_days.unwrap_or(7);
    let months = (31..=713).contains(&days) && days % 31 == 0;
    if !(months || days == 7 || days == 731) {
        let message = format!("{days} is neither 7 nor 731 nor a multiple of 31 up to 713");
        errors.push(invalid("database.performanceInsightsRetentionDays", message));
    }
    let seconds = spec.monitoring_seconds.unwrap_or(60);
    if !MONITORING_SECONDS.contains(&seconds) {
        let message = format!("{seconds} is not one of 1, 5, 10, 15, 30, 60");
        errors.push(invalid("database.monitoringSeconds", message));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn refused(spec: &Database) -> Vec<&'static str> {
        let mut errors = Vec::new();
        check(spec, &mut errors);
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn what_the_schema_refuses_is_refused_without_an_api_server() {
        let aurora = Database {
            username: Some("postgres".to_owned()),
            multi_az: Some(true),
            allocated_storage_gib: Some(100),
            parameters: BTreeMap::from([("rds.force_ssl".to_owned(), "0".to_owned())]),
            performance_insights_retention_days: Some(30),
            monitoring_seconds: Some(7),
            ..Database::default()
        };
        let expected = [
            "database.username",
            "database.multiAz",
            "database.allocatedStorageGib",
            "database.parameters",
            "database.performanceInsightsRetentionDays",
            "database.monitoringSeconds",
        ];
        assert_eq!(refused(&aurora), expected);
        let mysql = Database { engine: Engine::Mysql, readers: Some(1), ..Database::default() };
        assert_eq!(refused(&mysql), ["database.readers"]);
    }

    #[test]
    fn what_is_offered_is_not_refused() {
        assert!(refused(&Database::default()).is_empty());
        for days in [7, 31, 62, 713, 731] {
            let spec = Database { performance_insights_retention_days: Some(days), ..Database::default() };
            assert!(refused(&spec).is_empty(), "{days}");
        }
    }
}
