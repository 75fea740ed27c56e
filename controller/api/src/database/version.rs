//! Which version of its engine a database is to have.

use super::{INSTANCE_CLASS, Offer};
use crate::platform::{Invalid, invalid};
use crate::spec::{self, Engine, UpgradePolicy};

/// Versions of Aurora PostgreSQL to choose from when the spec names none.
const PREFERRED: [&str; 7] = ["16.1", "15.5", "15.4", "14.10", "14.9", "13.14", "13.13"];

/// The same for MySQL: of a major the newest minor.
const PREFERRED_MYSQL: [&str; 2] = ["8.4", "8.0"];

/// The version that the spec names; else the one in use, or its newest minor where the spec wants that; else the newest of the
/// preferred ones that all zones offer.
pub(super) fn engine_version(
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
}
