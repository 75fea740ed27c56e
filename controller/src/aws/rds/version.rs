//! Which version a database is to be at.

use payment_platform_api::spec::Engine;
use serde::Serialize;

/// The version that a database is to be at, whatever runs now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    pub engine: Engine,
    pub number: String,
    /// Whether the spec names the version: an upgrade to another major disrupts, and comes to nobody who has not asked for it.
    pub asked: bool,
}

impl Version {
    /// What a database at `seen` is to be at: never an older minor, since minors cannot be taken back, and no newer major that
    /// nobody has asked for. An older major cannot be had either, and is wanted all the same: RDS refuses it, so that whoever
    /// looks is told of an upgrade that somebody else has made.
    pub fn over(&self, seen: Option<&str>) -> String {
        let stays = |seen: &&str| match self.same_major(seen) {
            true => parts(seen) > parts(&self.number),
            false => parts(seen) < parts(&self.number) && !self.asked,
        };
        seen.filter(stays).unwrap_or(&self.number).to_owned()
    }

    /// The group of parameters that RDS itself has for a database at this version.
    pub fn default_group(&self, version: &str) -> String {
        format!("default.{}{}", self.engine.as_str(), self.engine.major(version))
    }

    /// Whether a database at this version needs the same groups of parameters and options.
    pub fn same_major(&self, version: &str) -> bool {
        self.engine.major(version) == self.engine.major(&self.number)
    }
}

fn parts(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(engine: Engine, number: &str, asked: bool) -> Version {
        Version { engine, number: number.to_owned(), asked }
    }

    #[test]
    fn a_minor_version_that_aws_has_moved_to_is_kept_and_a_newer_one_is_wanted() {
        let over = |number: &str, seen| version(Engine::AuroraPostgresql, number, false).over(seen);
        assert_eq!(over("16.1", Some("16.4")), "16.4");
        assert_eq!(over("16.10", Some("16.9")), "16.10");
        assert_eq!(over("16.1", None), "16.1");
        assert_eq!(version(Engine::Mysql, "8.4.3", true).over(Some("8.4.10")), "8.4.10");
    }

    #[test]
    fn another_major_version_comes_when_it_is_asked_for_and_not_otherwise() {
        assert_eq!(version(Engine::AuroraPostgresql, "17.4", true).over(Some("16.9")), "17.4");
        assert_eq!(version(Engine::AuroraPostgresql, "17.4", false).over(Some("16.9")), "16.9");
        assert_eq!(version(Engine::Mysql, "8.4.3", false).over(Some("8.0.40")), "8.0.40");
        assert_eq!(version(Engine::Mysql, "8.4.3", true).over(Some("8.0.40")), "8.4.3");
        assert_eq!(
            version(Engine::AuroraPostgresql, "16.4", false).over(Some("17.4")),
            "16.4",
            "somebody's upgrade is seen"
        );
    }
}
