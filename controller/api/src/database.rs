//! The database of a platform, with everything decided that its spec leaves open. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use crate::approval::Guard;
use crate::platform::{Facts, Invalid, invalid};
use crate::spec::{self, Engine, Profile, StorageType, UpgradePolicy};

/// Versions of Aurora PostgreSQL to choose from when the spec names none.
const PREFERRED: [&str; 7] = ["16.1", "15.5", "15.4", "14.10", "14.9", "13.14", "13.13"];

/// The same for MySQL: of a major the newest minor.
const PREFERRED_MYSQL: [&str; 2] = ["8.4", "8.0"];

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
        let supported = offers
            .iter()
            .copied()
            .flatten()
            .find(|offer| offer.version == engine_version)
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
            secret_recovery_window_days,
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

fn engine_version(
    spec: &spec::Database,
    pinned: Option<&str>,
    zones: &[String],
    offers: Option<&[Offer]>,
    errors: &mut Vec<Invalid>,
) -> String {
    let engine = spec.engine;
    let orderable =
        offers.iter().copied().flatten().filter(|offer| zones.iter().all(|zone| offer.zones.contains(zone)));
    let offered: Vec<&str> = orderable.map(|offer| offer.version.as_str()).collect();
    let all_offered = || if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
    if let Some(exact) = &spec.engine_version {
        let older_major = pinned.is_some_and(|pinned| parts(engine.major(pinned)) > parts(engine.major(exact)));
        if older_major {
            let message =
                format!("{exact} is of an older major than {}, which cannot be taken back", pinned.unwrap_or(""));
            errors.push(invalid("database.engineVersion", message));
        } else if offers.is_some() && !offered.contains(&exact.as_str()) && pinned != Some(exact) {
            let class = spec.instance_class.as_deref().unwrap_or(INSTANCE_CLASS);
            let message =
                format!("{exact} is not offered for {class} in {}; offered are {}", zones.join(", "), all_offered());
            errors.push(invalid("database.engineVersion", message));
        }
        return exact.clone();
    }
    if let Some(pinned) = pinned {
        return match spec.upgrade_policy {
            UpgradePolicy::Manual => pinned.to_owned(),
            UpgradePolicy::MinorAuto => {
                newest_minor(engine, engine.major(pinned), &offered).unwrap_or(pinned).to_owned()
            }
        };
    }
    let preferred: Vec<String> = match &spec.preferred_versions {
        Some(versions) => versions.clone(),
        None if spec.engine == Engine::Mysql => PREFERRED_MYSQL.map(str::to_owned).to_vec(),
        None => PREFERRED.map(str::to_owned).to_vec(),
    };
    if offers.is_none() {
        // Nothing is known of what is offered: the graph of a manifest is shown without asking.
        return newest(preferred.iter().map(String::as_str)).unwrap_or_default().to_owned();
    }
    let both = preferred.iter().filter_map(|version| match offered.iter().find(|offered| *offered == version) {
        Some(version) => Some(*version),
        None if engine.major(version) == version => newest_minor(engine, version, &offered),
        None => None,
    });
    let chosen = newest(both).or_else(|| {
        let newest_major = preferred.iter().map(|version| engine.major(version)).max_by_key(|major| parts(major))?;
        newest_minor(engine, newest_major, &offered)
    });
    match chosen {
        Some(version) => version.to_owned(),
        None => {
            let class = spec.instance_class.as_deref().unwrap_or(INSTANCE_CLASS);
            let message = format!(
                "none of {} is offered for {class} in {}; offered are {}",
                preferred.join(", "),
                zones.join(", "),
                all_offered()
            );
            errors.push(invalid("database.preferredVersions", message));
            String::new()
        }
    }
}

fn newest_minor<'a>(engine: Engine, of_major: &str, offered: &[&'a str]) -> Option<&'a str> {
    newest(offered.iter().copied().filter(|version| engine.major(version) == of_major))
}

fn newest<'a>(versions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    versions.max_by_key(|version| parts(version))
}

/// The numbers of a version, which are compared as numbers.
fn parts(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}

/// Minutes of a day.
const DAY: i32 = 24 * 60;

/// Half an hour, the shortest window that RDS takes.
const SHORTEST_WINDOW: i32 = 30;

fn check_windows(backup: &str, maintenance: &str, errors: &mut Vec<Invalid>) {
    let minutes = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        Some(hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?)
    };
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let in_week = |text: &str| {
        let (day, time) = text.split_once(':')?;
        Some(i32::try_from(days.iter().position(|one| *one == day)?).ok()? * DAY + minutes(time)?)
    };
    let daily = backup.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
    let weekly = maintenance.split_once('-').and_then(|(from, to)| Some((in_week(from)?, in_week(to)?)));
    let Some((start, end)) = daily else {
        errors.push(invalid("database.backupWindow", format!("{backup:?} is no window like 03:00-04:00")));
        return;
    };
    let Some((first, last)) = weekly else {
        let message = format!("{maintenance:?} is no window like sun:05:00-sun:06:00");
        errors.push(invalid("database.maintenanceWindow", message));
        return;
    };
    let length = (end - start).rem_euclid(DAY);
    let care = (last - first).rem_euclid(7 * DAY);
    if length < SHORTEST_WINDOW {
        errors.push(invalid("database.backupWindow", format!("{backup} is shorter than {SHORTEST_WINDOW} minutes")));
    }
    if care < SHORTEST_WINDOW {
        let message = format!("{maintenance} is shorter than {SHORTEST_WINDOW} minutes");
        errors.push(invalid("database.maintenanceWindow", message));
    }
    // One begins within the other, on whatever day: backups are daily.
    if (first - start).rem_euclid(DAY) < length || (start - first).rem_euclid(DAY) < care {
        let message = format!("{maintenance} overlaps database.backupWindow {backup}, which RDS refuses");
        errors.push(invalid("database.maintenanceWindow", message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(version: &str) -> Offer {
        let zones = ["a", "b"].map(str::to_owned).into();
        Offer { version: version.to_owned(), zones, insights: true, standard_support_ends: None }
    }

    fn chosen(spec: &spec::Database, pinned: Option<&str>, offered: &[&str]) -> Result<String, String> {
        let offers: Vec<Offer> = offered.iter().map(|version| offer(version)).collect();
        let (zones, mut errors) = (["a", "b"].map(str::to_owned), Vec::new());
        let version = engine_version(spec, pinned, &zones, Some(&offers), &mut errors);
        errors.pop().map_or(Ok(version), |error| Err(error.to_string()))
    }

    #[test]
    fn the_newest_preferred_version_that_is_offered_is_taken() {
        let spec = spec::Database::default();
        assert_eq!(chosen(&spec, None, &["14.10", "15.4", "15.10"]).unwrap(), "15.4");
        assert_eq!(chosen(&spec, None, &["14.9", "14.10"]).unwrap(), "14.10", "ten is more than nine");
        // None of them: the newest minor of their newest major.
        assert_eq!(chosen(&spec, None, &["15.9", "16.4", "16.10", "17.1"]).unwrap(), "16.10");
        let refusal = chosen(&spec, None, &["12.1", "17.1"]).unwrap_err();
        assert!(refusal.contains("database.preferredVersions") && refusal.contains("12.1, 17.1"), "{refusal}");
    }

    #[test]
    fn a_version_once_taken_stays_unless_the_spec_says_otherwise() {
        let mut spec = spec::Database::default();
        assert_eq!(chosen(&spec, Some("15.4"), &["15.4", "15.10", "16.1"]).unwrap(), "15.4");
        spec.upgrade_policy = UpgradePolicy::MinorAuto;
        assert_eq!(chosen(&spec, Some("15.4"), &["15.4", "15.10", "16.1"]).unwrap(), "15.10");
        spec.engine_version = Some("16.1".to_owned());
        assert_eq!(chosen(&spec, Some("15.4"), &["15.4", "16.1"]).unwrap(), "16.1");
        assert!(chosen(&spec, Some("17.1"), &["16.1", "17.1"]).unwrap_err().contains("cannot be taken back"));
        assert!(chosen(&spec, None, &["15.4"]).unwrap_err().contains("offered are 15.4"));
        // AWS has moved on from it: it is not taken back, and nobody is refused for it.
        assert_eq!(chosen(&spec, Some("16.4"), &["16.1", "16.4"]).unwrap(), "16.1");
        // AWS has withdrawn it since.
        assert_eq!(chosen(&spec, Some("16.1"), &["16.4"]).unwrap(), "16.1");
    }

    #[test]
    fn of_mysql_a_major_stands_for_its_newest_minor() {
        let mut spec = spec::Database { engine: Engine::Mysql, ..spec::Database::default() };
        assert_eq!(chosen(&spec, None, &["8.0.40", "8.4.3", "8.4.10"]).unwrap(), "8.4.10");
        assert_eq!(chosen(&spec, None, &["8.0.36", "8.0.40"]).unwrap(), "8.0.40");
        assert_eq!(chosen(&spec, Some("8.0.36"), &["8.0.40", "8.4.3"]).unwrap(), "8.0.36");
        spec.upgrade_policy = UpgradePolicy::MinorAuto;
        assert_eq!(chosen(&spec, Some("8.0.36"), &["8.0.40", "8.4.3"]).unwrap(), "8.0.40");
        spec.engine_version = Some("8.0.40".to_owned());
        assert!(chosen(&spec, Some("8.4.3"), &["8.0.40", "8.4.3"]).unwrap_err().contains("cannot be taken back"));
        assert_eq!((Engine::Mysql.major("8.4.10"), Engine::AuroraPostgresql.major("16.4")), ("8.4", "16"));
    }

    #[test]
    fn a_version_that_one_zone_lacks_is_not_offered() {
        let spec = spec::Database::default();
        let offers = [offer("15.4"), Offer { zones: BTreeSet::from(["a".to_owned()]), ..offer("16.1") }];
        let (zones, mut errors) = (["a", "b"].map(str::to_owned), Vec::new());
        assert_eq!(engine_version(&spec, None, &zones, Some(&offers), &mut errors), "15.4");
    }

    #[test]
    fn what_is_offered_nowhere_is_refused_and_what_is_not_known_is_not() {
        let mut spec = spec::Database::default();
        assert!(chosen(&spec, None, &[]).unwrap_err().contains("offered are none"));
        assert_eq!(engine_version(&spec, None, &[], None, &mut Vec::new()), "16.1");
        spec.engine_version = Some("16.1".to_owned());
        assert!(chosen(&spec, None, &[]).unwrap_err().contains("offered are none"));
        assert_eq!(chosen(&spec, Some("16.1"), &[]).unwrap(), "16.1", "it runs");
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
    fn windows_that_overlap_are_refused() {
        let refusals = |backup: &str, maintenance: &str| {
            let mut errors = Vec::new();
            check_windows(backup, maintenance, &mut errors);
            errors.len()
        };
        assert_eq!(refusals("03:00-04:00", "sun:05:00-sun:06:00"), 0);
        assert_eq!(refusals("03:00-04:00", "sun:03:30-sun:04:30"), 1);
        assert_eq!(refusals("23:30-00:30", "mon:00:00-mon:01:00"), 1);
        assert_eq!(refusals("23:30-00:30", "sun:22:00-mon:00:00"), 1);
        assert_eq!(refusals("03:00-03:10", "sun:05:00-sun:06:00"), 1);
        assert_eq!(refusals("03:00-04:00", "sun:04:00-sun:05:00"), 0);
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
