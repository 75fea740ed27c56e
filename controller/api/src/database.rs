//! The database of a platform, with everything decided that its spec leaves open. Pure.

mod asked;
mod version;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use crate::approval::Guard;
use crate::platform::{Facts, Invalid, invalid};
use crate::spec::{self, Engine, Profile, StorageType};

use version::engine_version;
use windows::check_windows;

/// The class of instances when the spec names none.
pub const INSTANCE_CLASS: &str = "db.r6g.large";

/// A version that RDS offers for a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    pub version: String,
    /// Where an instance of the class can be had.
    pub zones: BTreeSet<String>,
    /// Whether Performance Insights works with it.
    pub insights: bool,
    /// When the standard support of its major version ends, in seconds since 1970; None: AWS does not tell.
    pub standard_support_ends: Option<i64>,
}

/// What instances are ordered as: what RDS offers depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ordered {
    pub engine: Engine,
    pub class: String,
    pub storage: &'static str,
    /// Whether an instance is to have one: of MySQL.
    pub standby: bool,
}

impl Ordered {
    /// What this spec orders.
    pub fn of(spec: Option<&spec::Database>) -> Self {
        let engine = spec.map(|spec| spec.engine).unwrap_or_default();
        let class = spec.and_then(|spec| spec.instance_class.clone()).unwrap_or_else(|| INSTANCE_CLASS.to_owned());
        let storage = spec.and_then(|spec| spec.storage_type).unwrap_or_default();
        let storage = if engine == Engine::Mysql { "gp3" } else { storage.as_str() };
        let standby = engine == Engine::Mysql && spec.and_then(|spec| spec.multi_az).unwrap_or(true);
        Self { engine, class, storage, standby }
    }
}

/// A database that is there already while nothing is recorded of it: its platform is taken over, or its status was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    pub version: String,
    /// Whether its parameter group has the major version in its name, so that it began with another.
    pub upgraded: bool,
}

impl Running {
    fn first_major(&self, engine: Engine) -> String {
        if self.upgraded { EARLIER.to_owned() } else { engine.major(&self.version).to_owned() }
    }
}

/// Stands for the major version that an upgraded database began with, where nobody knows it any more.
const EARLIER: &str = "earlier";

/// The database with nothing left open.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    pub engine: Engine,
    pub engine_version: String,
    /// Whether the spec names that version.
    pub engine_version_asked: bool,
    /// When the standard support of its major version ends, in seconds since 1970; None: not known.
    pub standard_support_ends: Option<i64>,
    /// The major version that the database began with: parameter groups of another one have it in their name.
    pub first_major: String,
    pub instance_class: String,
    /// The zone of each instance of Aurora, the writer's first.
    pub instance_zones: Vec<String>,
    /// Of MySQL.
    pub multi_az: bool,
    /// Of MySQL, in GiB.
    pub allocated_storage: i32,
    pub name: String,
    pub username: String,
    /// None: `aurora`.
    pub storage_type: Option<String>,
    pub backup_retention_days: i32,
    pub backup_window: String,
    pub maintenance_window: String,
    pub apply_immediately: bool,
    pub deletion_protection: bool,
    pub parameters: BTreeMap<String, String>,
    pub instance_parameters: BTreeMap<String, String>,
    pub performance_insights: bool,
    /// Whether the class supports it.
    pub performance_insights_supported: bool,
    pub performance_insights_retention_days: i32,
    pub monitoring_seconds: i32,
    /// Characters of the master password.
    pub password_length: i32,
    /// 0: it is gone at once.
    pub secret_recovery_window_days: i32,
}

impl Database {
    /// What works and still deserves a look.
    pub(crate) fn warnings(&self, now: Timestamp) -> Vec<String> {
        let ended = self.standard_support_ends.filter(|end| *end < now.as_second());
        let told = ended.and_then(|end| Timestamp::from_second(end).ok()).map(|end| {
            format!(
                "database.engineVersion {}: its standard support ended on {}, and AWS bills extended support; move to a newer \
                 major version",
                self.engine_version,
                end.strftime("%F")
            )
        });
        told.into_iter().collect()
    }

    /// The major version in use, for example `16`.
    pub fn major(&self) -> &str {
        self.engine.major(&self.engine_version)
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        match self.engine {
            Engine::AuroraPostgresql => 5432,
            Engine::Mysql => 3306,
        }
    }

    /// The family of parameter groups of the version in use.
    pub fn family(&self) -> String {
        format!("{}{}", self.engine.as_str(), self.major())
    }

    pub(crate) fn resolve(
        spec: Option<&spec::Database>,
        (profile, asked): (Profile, Profile),
        zones: &[String],
        facts: &Facts,
        guard: &mut Guard<'_>,
        errors: &mut Vec<Invalid>,
    ) -> Self {
        let mut spec = spec.cloned().unwrap_or_default();
        asked::check(&spec, errors);
        if profile == Profile::Production && asked != profile {
            // What only the profile that is not approved yet may have waits with it.
            spec.backup_retention_days = spec.backup_retention_days.map(|days| days.max(7));
            spec.secret_recovery_window_days = spec.secret_recovery_window_days.map(|days| days.max(7));
            spec.multi_az = spec.multi_az.map(|_| true);
        }
        let decided = facts.decided.as_ref();
        let running = facts.database_running.as_ref();
        let pinned = decided.and_then(|decided| decided.database_engine_version.clone());
        let pinned = pinned.or_else(|| running.map(|running| running.version.clone()));
        let offers = facts.database_offers.as_deref();
        let engine_version = engine_version(&spec, pinned.as_deref(), zones, offers, errors);
        let same_major = |version: &str| spec.engine.major(version) == spec.engine.major(&engine_version);
        let supported = offers
            .iter()
            .copied()
            .flatten()
            .find(|offer| offer.version == engine_version)
            // One that can be ordered no longer: the class decides.
            .or_else(|| offers.iter().copied().flatten().find(|offer| same_major(&offer.version)))
            .map(|offer| offer.insights)
            .or(decided.and_then(|decided| decided.database_supports_performance_insights))
            .unwrap_or(true);
        let major = spec.engine.major(&engine_version);
        let of_major = offers.iter().copied().flatten().filter(|offer| spec.engine.major(&offer.version) == major);
        let standard_support_ends = of_major.filter_map(|offer| offer.standard_support_ends).next();
        let backup_window = spec.backup_window.unwrap_or_else(|| "03:00-04:00".to_owned());
        let maintenance_window = spec.maintenance_window.unwrap_or_else(|| "sun:05:00-sun:06:00".to_owned());
        check_windows(&backup_window, &maintenance_window, errors);
        let backup_retention_days = spec.backup_retention_days.unwrap_or(30);
        if !(1..=35).contains(&backup_retention_days) {
            let message = format!("{backup_retention_days} is not between 1 and 35");
            errors.push(invalid("database.backupRetentionDays", message));
        }
        if profile == Profile::Production && backup_retention_days < 7 {
            errors.push(invalid("database.backupRetentionDays", "must be at least 7 in Production"));
        }
        let readers = spec.readers.unwrap_or(1);
        if !(0..=15).contains(&readers) {
            errors.push(invalid("database.readers", format!("{readers} is not between 0 and 15")));
        }
        // Refused above; nothing as large is laid out all the same.
        let readers = readers.clamp(0, 15);
        let engine = spec.engine;
        let (ours, fixed) = match engine {
            Engine::AuroraPostgresql => (
                defaults(&[("log_statement", "all"), ("log_min_duration_statement", "1000")]),
                &[("rds.force_ssl", "1")][..],
            ),
            // In a table the slow queries would not be exported.
            Engine::Mysql => (
                BTreeMap::new(),
                &[("require_secure_transport", "1"), ("slow_query_log", "1"), ("log_output", "FILE")][..],
            ),
        };
        let mut parameters = ours;
        parameters.extend(spec.parameters);
        parameters.extend(defaults(fixed));
        let allocated_storage = spec.allocated_storage_gib.unwrap_or(100);
        if !(20..=65536).contains(&allocated_storage) {
            let message = format!("{allocated_storage} is not between 20 and 65536");
            errors.push(invalid("database.allocatedStorageGib", message));
        }
        let multi_az = spec.multi_az.unwrap_or(true);
        if profile == Profile::Production && !multi_az {
            errors.push(invalid("database.multiAz", "false needs profile: Ephemeral"));
        }
        let longest_password = if engine == Engine::Mysql { 41 } else { 128 };
        let password_length = spec.password_length.unwrap_or(32);
        if !(16..=longest_password).contains(&password_length) {
            let message = format!("{password_length} is not between 16 and {longest_password}");
            errors.push(invalid("database.passwordLength", message));
        }
        let secret_recovery_window_days =
            spec.secret_recovery_window_days.unwrap_or(if profile == Profile::Ephemeral { 0 } else { 30 });
        if secret_recovery_window_days != 0 && !(7..=30).contains(&secret_recovery_window_days) {
            let message = format!("{secret_recovery_window_days} is neither 0 nor between 7 and 30");
            errors.push(invalid("database.secretRecoveryWindowDays", message));
        }
        if profile == Profile::Production && secret_recovery_window_days < 7 {
            errors.push(invalid("database.secretRecoveryWindowDays", "must be at least 7 in Production"));
        }
        let mut instance_parameters = defaults(&[("shared_preload_libraries", "pg_stat_statements")]);
        instance_parameters.extend(spec.instance_parameters);
        let first_major = decided.and_then(|decided| decided.database_first_major.clone());
        let first_major = first_major.or_else(|| running.map(|running| running.first_major(engine)));
        Self {
            first_major: first_major.unwrap_or_else(|| engine.major(&engine_version).to_owned()),
            engine,
            engine_version,
            engine_version_asked: spec.engine_version.is_some(),
            standard_support_ends,
            multi_az,
            allocated_storage,
            instance_class: spec.instance_class.unwrap_or_else(|| INSTANCE_CLASS.to_owned()),
            instance_zones: instance_zones(readers, zones, decided.map_or(&[], |decided| &decided.database_zones)),
            name: spec.database_name.unwrap_or_else(|| "paymentdb".to_owned()),
            username: spec.username.unwrap_or_else(|| "dbadmin".to_owned()),
            storage_type: match spec.storage_type.unwrap_or_default() {
                StorageType::Aurora => None,
                StorageType::AuroraIoOptimized => Some("aurora-iopt1".to_owned()),
            },
            backup_retention_days: guard.at_least("database.backupRetentionDays", backup_retention_days, |old| {
                old.database_backup_retention_days
            }),
            backup_window,
            maintenance_window,
            apply_immediately: spec.apply_immediately.unwrap_or(profile == Profile::Ephemeral),
            deletion_protection: profile == Profile::Production,
            parameters,
            instance_parameters,
            performance_insights: spec.performance_insights.unwrap_or(true) && supported,
            performance_insights_supported: supported,
            performance_insights_retention_days: spec.performance_insights_retention_days.unwrap_or(7),
            monitoring_seconds: spec.monitoring_seconds.unwrap_or(60),
            password_length,
            secret_recovery_window_days: guard.at_least(
                "database.secretRecoveryWindowDays",
                secret_recovery_window_days,
                |old| old.database_secret_recovery_window_days,
            ),
        }
    }
}

/// An instance keeps its zone as long as the platform has it; one without takes the zone with the fewest.
fn instance_zones(readers: i32, zones: &[String], decided: &[String]) -> Vec<String> {
    let instances = usize::try_from(readers).unwrap_or_default() + 1;
    let mut taken: Vec<Option<&String>> =
        (0..instances).map(|place| decided.get(place).filter(|zone| zones.contains(zone))).collect();
    for place in 0..instances {
        let in_zone = |zone: &&String| taken.iter().flatten().filter(|taken| *taken == zone).count();
        if taken[place].is_none() {
            taken[place] = zones.iter().min_by_key(in_zone);
        }
    }
    taken.into_iter().flatten().cloned().collect()
}

fn defaults(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(version: &str) -> Offer {
        let zones = ["a", "b"].map(str::to_owned).into();
        Offer { version: version.to_owned(), zones, insights: true, standard_support_ends: None }
    }

    #[test]
    fn a_database_that_runs_keeps_its_version_when_nothing_is_recorded_of_it() {
        let resolved = |running: Option<Running>, asked: Option<&str>| {
            let spec = spec::Database { engine_version: asked.map(str::to_owned), ..spec::Database::default() };
            let offers = ["15.5", "16.1"].map(offer).to_vec();
            let facts = Facts { database_offers: Some(offers), database_running: running, ..Facts::default() };
            let zones = ["a", "b"].map(str::to_owned);
            let mut errors = Vec::new();
            let mut guard = Guard::new(None, false);
            let profiles = (Profile::Production, Profile::Production);
            let database = Database::resolve(Some(&spec), profiles, &zones, &facts, &mut guard, &mut errors);
            (database.engine_version, database.first_major)
        };
        let versions = |version: &str, major: &str| (version.to_owned(), major.to_owned());
        assert_eq!(resolved(None, None), versions("16.1", "16"));
        let running = |version: &str, upgraded| Some(Running { version: version.to_owned(), upgraded });
        assert_eq!(resolved(running("15.5", false), None), versions("15.5", "15"));
        assert_eq!(resolved(running("15.5", true), None), versions("15.5", EARLIER));
        assert_eq!(resolved(running("15.5", false), Some("16.1")), versions("16.1", "15"), "its groups are new ones");
    }

    #[test]
    fn what_only_a_profile_may_have_that_is_not_approved_yet_waits_with_it() {
        let spec = spec::Database {
            engine: Engine::Mysql,
            secret_recovery_window_days: Some(0),
            backup_retention_days: Some(1),
            multi_az: Some(false),
            ..spec::Database::default()
        };
        let refusals = |asked: Profile| {
            let (facts, mut guard, mut errors) = (Facts::default(), Guard::new(None, false), Vec::new());
            let profiles = (Profile::Production, asked);
            let database = Database::resolve(Some(&spec), profiles, &[], &facts, &mut guard, &mut errors);
            let Database { secret_recovery_window_days, backup_retention_days, multi_az, .. } = database;
            (errors.len(), (secret_recovery_window_days, backup_retention_days, multi_az))
        };
        assert_eq!(refusals(Profile::Ephemeral), (0, (7, 7, true)));
        assert_eq!(refusals(Profile::Production).0, 3);
    }

    #[test]
    fn instances_stay_in_their_zones_and_are_spread() {
        let zones = |names: &str| names.chars().map(String::from).collect::<Vec<_>>();
        assert_eq!(instance_zones(1, &zones("abc"), &[]), zones("ab"));
        assert_eq!(instance_zones(3, &zones("ab"), &[]), zones("abab"));
        assert_eq!(instance_zones(1, &zones("bc"), &zones("ab")), zones("cb"), "the writer leaves a zone that goes");
        assert_eq!(instance_zones(2, &zones("abc"), &zones("ab")), zones("abc"));
        assert_eq!(instance_zones(0, &zones("ab"), &zones("ba")), zones("b"));
        assert!(instance_zones(1, &[], &[]).is_empty());
    }

    #[test]
    fn a_version_past_its_standard_support_is_warned_of() {
        let ends = Timestamp::from_second(1_772_236_800).unwrap();
        let database = Database {
            engine_version: "13.14".into(),
            standard_support_ends: Some(ends.as_second()),
            ..Database::default()
        };
        assert!(database.warnings(ends).is_empty());
        let later = Timestamp::from_second(ends.as_second() + 1).unwrap();
        assert!(database.warnings(later)[0].contains("13.14: its standard support ended on 2026-02-28"));
        assert!(Database::default().warnings(later).is_empty());
    }
}
