//! Changes of a spec that lower protection or retention: they wait until somebody approves them.

use serde::Serialize;

use crate::spec::{DeletionPolicy, Profile};
use crate::status::Resolved;

/// A field whose new value protects less than the one in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lowered {
    pub field: &'static str,
    pub from: String,
    pub to: String,
}

impl std::fmt::Display for Lowered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} -> {}", self.field, self.from, self.to)
    }
}

/// Compares what a spec asks for with what is in force, and keeps that in force where it protects more.
pub struct Guard<'a> {
    in_force: Option<&'a Resolved>,
    approved: bool,
    pub lowered: Vec<Lowered>,
}

impl<'a> Guard<'a> {
    /// `in_force` is what was decided before: nothing for a new platform. `approved` lets everything pass, and still
    /// lists it: with the profile that is asked for, and all that follows from it.
    pub fn new(in_force: Option<&'a Resolved>, approved: bool) -> Self {
        Self { in_force, approved, lowered: Vec::new() }
    }

    pub fn profile(&mut self, wanted: Profile) -> Profile {
        let lowers = |old: &Profile| *old == Profile::Production && wanted == Profile::Ephemeral;
        self.keep("profile", wanted, |all| all.profile, lowers)
    }

    pub fn deletion_policy(&mut self, wanted: DeletionPolicy) -> DeletionPolicy {
        let lowers = |old: &DeletionPolicy| old.protection() > wanted.protection();
        self.keep("deletionPolicy", wanted, |all| all.deletion_policy, lowers)
    }

    /// A number of days that protects the more, the larger it is.
    pub fn at_least(&mut self, field: &'static str, wanted: i32, old: fn(&Resolved) -> Option<i32>) -> i32 {
        self.keep(field, wanted, old, |old| *old > wanted)
    }

    /// A number of days that protects the more, the smaller it is.
    pub fn at_most(&mut self, field: &'static str, wanted: i32, old: fn(&Resolved) -> Option<i32>) -> i32 {
        self.keep(field, wanted, old, |old| *old < wanted)
    }

    /// A protection that is on or off.
    pub fn on(&mut self, field: &'static str, wanted: bool, old: fn(&Resolved) -> Option<bool>) -> bool {
        self.keep(field, wanted, old, |old| *old && !wanted)
    }

    fn keep<T: Copy + std::fmt::Debug>(
        &mut self,
        field: &'static str,
        wanted: T,
        old: impl Fn(&Resolved) -> Option<T>,
        lowers: impl Fn(&T) -> bool,
    ) -> T {
        let Some(old) = self.in_force.and_then(old).filter(lowers) else { return wanted };
        self.lowered.push(Lowered { field, from: format!("{old:?}"), to: format!("{wanted:?}") });
        if self.approved { wanted } else { old }
    }
}

impl DeletionPolicy {
    /// How much is left of a platform that is deleted.
    fn protection(self) -> u8 {
        match self {
            Self::Delete => 0,
            Self::KeepData => 1,
            Self::Retain => 2,
        }
    }

    /// The one that protects more.
    pub fn stricter(self, other: Self) -> Self {
        if other.protection() > self.protection() { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_force() -> Resolved {
        Resolved {
            profile: Some(Profile::Production),
            deletion_policy: Some(DeletionPolicy::KeepData),
            log_retention_days: Some(365),
            key_rotation_days: Some(365),
            deny_remote_administration: Some(true),
            ..Resolved::default()
        }
    }

    #[test]
    fn what_protects_less_waits_and_what_protects_more_does_not() {
        let in_force = in_force();
        let mut guard = Guard::new(Some(&in_force), false);
        assert_eq!(guard.profile(Profile::Ephemeral), Profile::Production);
        assert_eq!(guard.deletion_policy(DeletionPolicy::Delete), DeletionPolicy::KeepData);
        assert_eq!(guard.deletion_policy(DeletionPolicy::Retain), DeletionPolicy::Retain);
        assert_eq!(guard.at_least("logs", 90, |old| old.log_retention_days), 365);
        assert_eq!(guard.at_least("logs", 400, |old| old.log_retention_days), 400);
        assert_eq!(guard.at_most("rotation", 730, |old| old.key_rotation_days), 365);
        assert_eq!(guard.at_most("rotation", 90, |old| old.key_rotation_days), 90);
        assert!(guard.on("deny", false, |old| old.deny_remote_administration));
        let fields: Vec<_> = guard.lowered.iter().map(ToString::to_string).collect();
        let expected = [
            "profile: Production -> Ephemeral",
            "deletionPolicy: KeepData -> Delete",
            "logs: 365 -> 90",
            "rotation: 365 -> 730",
            "deny: true -> false",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_new_platform_and_an_approved_one_get_what_they_ask_for() {
        let in_force = in_force();
        for mut guard in [Guard::new(None, false), Guard::new(Some(&in_force), true)] {
            assert_eq!(guard.profile(Profile::Ephemeral), Profile::Ephemeral);
            assert_eq!(guard.at_least("logs", 90, |old| old.log_retention_days), 90);
        }
    }

    #[test]
    fn what_follows_from_a_profile_is_listed_with_it() {
        let in_force = in_force();
        let mut guard = Guard::new(Some(&in_force), true);
        guard.profile(Profile::Ephemeral);
        guard.at_least("logs", 90, |old| old.log_retention_days);
        let fields: Vec<_> = guard.lowered.iter().map(ToString::to_string).collect();
        assert_eq!(fields, ["profile: Production -> Ephemeral", "logs: 365 -> 90"]);
    }
}
