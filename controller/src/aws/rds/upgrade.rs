//! Groups that a database needs until it is at another major version: they came with the earlier one, and an upgrade that waits for
//! the maintenance window has not exchanged them yet.

use std::collections::BTreeSet;

use payment_platform_api::spec::Engine;
use payment_platform_engine::Unready;

use super::{clusters, instances};
use crate::aws::Aws;

/// The names of parameter groups and option groups of databases of the region that wait for another major version.
pub struct Waiting(BTreeSet<String>);

impl Waiting {
    /// Reads what the round has read of databases already. What cannot be read holds nothing: RDS refuses to delete what is used.
    pub async fn of(aws: &Aws) -> Self {
        let (clusters, instances) = (clusters(aws).await.unwrap_or_default(), instances(aws).await.unwrap_or_default());
        let mut names = BTreeSet::new();
        let mut upgraded = BTreeSet::new();
        for cluster in clusters {
            let then = cluster.pending_modified_values().and_then(|pending| pending.engine_version());
            if is_another_major(cluster.engine(), cluster.engine_version(), then) {
                names.extend(cluster.db_cluster_parameter_group.clone());
                upgraded.extend(cluster.db_cluster_identifier());
            }
        }
        for instance in instances {
            let then = instance.pending_modified_values().and_then(|pending| pending.engine_version());
            let with_its_cluster = instance.db_cluster_identifier().is_some_and(|cluster| upgraded.contains(cluster));
            if with_its_cluster || is_another_major(instance.engine(), instance.engine_version(), then) {
                let groups = instance.db_parameter_groups().iter();
                names.extend(groups.filter_map(|group| group.db_parameter_group_name.clone()));
                let groups = instance.option_group_memberships().iter();
                names.extend(groups.filter_map(|group| group.option_group_name.clone()));
            }
        }
        Self(names)
    }

    /// What a group of this name waits for, if it does.
    pub fn held(&self, name: &str) -> Option<Unready> {
        let text = "it stays until the upgrade to another major version has been made, in the maintenance window";
        self.0.contains(name).then(|| Unready::Kept(text.to_owned()))
    }
}

fn is_another_major(engine: Option<&str>, now: Option<&str>, then: Option<&str>) -> bool {
    let engine = match engine {
        Some("mysql") => Engine::Mysql,
        _ => Engine::AuroraPostgresql,
    };
    now.zip(then).is_some_and(|(now, then)| engine.major(now) != engine.major(then))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minor_version_needs_no_other_groups() {
        let aurora = |now, then| is_another_major(Some("aurora-postgresql"), Some(now), then);
        assert!(aurora("15.5", Some("16.4")) && !aurora("15.4", Some("15.5")) && !aurora("15.4", None));
        let mysql = |now, then| is_another_major(Some("mysql"), Some(now), Some(then));
        assert!(mysql("8.0.42", "8.4.6") && !mysql("8.4.5", "8.4.6"));
    }
}
