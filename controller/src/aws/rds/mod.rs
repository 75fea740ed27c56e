//! RDS: the database cluster and what it stands on.

mod cluster;
mod cluster_changes;
mod cluster_parameter_group;
mod endpoint;
mod event_subscription;
mod instance;
mod mysql_changes;
mod mysql_instance;
mod offers;
mod option_group;
mod parameter_group;
mod parameters;
mod restart;
mod subnet_group;
mod upgrade;
mod version;

pub use cluster::{Cluster, log_group};
pub use cluster_parameter_group::ClusterParameterGroup;
pub use endpoint::Endpoint;
pub use event_subscription::{EventSubscription, Sources};
pub use instance::{Insights, Instance};
pub use mysql_instance::{LOGS as MYSQL_LOGS, MysqlInstance, instance_log_group};
pub use offers::{offers, running};
pub use option_group::OptionGroup;
pub use parameter_group::ParameterGroup;
pub use parameters::GroupsRead;
pub use restart::Restarts;
pub use subnet_group::SubnetGroup;
pub use version::Version;

use std::collections::BTreeSet;

use aws_sdk_rds::types::{DbCluster, DbInstance, PendingCloudwatchLogsExports, Tag};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::{Class, CloudError, Kind};

use crate::aws::error::{During, gone};
use crate::aws::tags::{self, TagMap, claim};
use crate::aws::{Aws, tag_index};

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[
    Kind::of::<SubnetGroup>(),
    Kind::of::<ClusterParameterGroup>(),
    Kind::of::<ParameterGroup>(),
    Kind::of::<Cluster>(),
    Kind::of::<Instance>(),
    Kind::of::<OptionGroup>(),
    Kind::of::<MysqlInstance>(),
    Kind::of::<EventSubscription>(),
];

/// `arn:aws:rds:…:{kind}:{name}`, `kind` as RDS abbreviates it.
fn arn(aws: &Aws, kind: &str, name: &str) -> String {
    format!("arn:aws:rds:{}:{}:{kind}:{name}", aws.region, aws.account_id)
}

/// The name at the end of an ARN.
fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

/// Names of the things with these ARNs.
fn names_of(arns: &[String]) -> Vec<String> {
    arns.iter().map(|arn| name_of(arn).to_owned()).collect()
}

fn tag_map(tags: &[Tag]) -> TagMap {
    let pair = |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    tags.iter().filter_map(pair).collect()
}

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// The kinds of log that are exported once RDS has done what it was asked for: it takes some minutes.
fn exported(now: &[String], pending: Option<&PendingCloudwatchLogsExports>) -> BTreeSet<String> {
    let (come, go) =
        pending.map_or((&[][..], &[][..]), |pending| (pending.log_types_to_enable(), pending.log_types_to_disable()));
    now.iter().chain(come).filter(|kind| !go.contains(kind)).cloned().collect()
}

/// Whether a thing with these tags bears the name that `name` gives its node.
fn name_fits(tags: &TagMap, actual: &str, name: impl Fn(&str, &str) -> String) -> bool {
    let (Some(claim), Some(environment)) = (claim(tags), tags.get("Environment")) else { return false };
    name(&claim.node.name, environment) == actual
}

/// Pairs things with their tags, which the describe calls of groups and subscriptions do not answer. What has gone
/// meanwhile is left out.
async fn with_tags<T>(aws: &Aws, things: Vec<(String, T)>) -> Result<Vec<(String, T, TagMap)>, CloudError> {
    let read = stream::iter(things).map(|(arn, thing)| async move {
        let ask = async {
            let answer = aws.rds.list_tags_for_resource().resource_name(&arn).send().await;
            Ok(gone(answer.during("rds:ListTagsForResource"))?.map(|answer| tag_map(answer.tag_list())))
        };
        let tags = tag_index::tags_of(aws, &arn, ask).await?;
        Ok::<_, CloudError>(tags.map(|tags| (arn, thing, tags)))
    });
    let read: Vec<_> = read.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
    Ok(read.into_iter().flatten().collect())
}

/// Sets and removes tags of one thing as `changes` ask.
async fn change_tags(aws: &Aws, arn: &str, changes: &[Change]) -> Result<(), CloudError> {
    aws.tags_read.forget(arn);
    let (set, remove) = tags::changed(changes);
    if !set.is_empty() {
        let call = aws.rds.add_tags_to_resource().resource_name(arn).set_tags(Some(tag_list(&set)));
        call.send().await.during("rds:AddTagsToResource")?;
    }
    if !remove.is_empty() {
        let call = aws.rds.remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(remove));
        call.send().await.during("rds:RemoveTagsFromResource")?;
    }
    aws.tags_read.forget(arn);
    Ok(())
}

/// All instances of the region, ours or not: one call answers a hundred.
async fn instances(aws: &Aws) -> Result<&[DbInstance], CloudError> {
    let read = async {
        let call = aws.rds.describe_db_instances().max_records(100).into_paginator().items().send();
        call.collect::<Result<Vec<_>, _>>().await.during("rds:DescribeDBInstances")
    };
    aws.instances(read).await
}

/// All clusters of the region, ours or not: one call answers a hundred.
async fn clusters(aws: &Aws) -> Result<&[DbCluster], CloudError> {
    let read = async {
        let call = aws.rds.describe_db_clusters().max_records(100).into_paginator().items().send();
        call.collect::<Result<Vec<_>, _>>().await.during("rds:DescribeDBClusters")
    };
    aws.db_clusters(read).await
}

/// What is wrong with a thing in this state, where AWS will not mend it by itself (User Guide, "Viewing DB instance status").
fn broken(action: &'static str, status: &str) -> Option<CloudError> {
    let says = match status {
        "failed" => "RDS could not make it or recover it",
        "inaccessible-encryption-credentials" | "inaccessible-encryption-credentials-recoverable" => {
            "RDS cannot use its key; look at the state and the policy of the key"
        }
        "incompatible-network" => "RDS cannot place it in its subnets; look for free addresses in them",
        "incompatible-option-group" | "incompatible-parameters" => "its parameters do not fit its class or version",
        "incompatible-restore" => "RDS cannot restore it",
        "storage-full" => "its storage is full",
        _ => return None,
    };
    Some(CloudError::new(Class::Invalid, action, status, says))
}

/// States in which RDS accepts no change (User Guide, "Viewing DB cluster status"). Others than these are transient too.
fn busy(status: &str) -> Option<&'static str> {
    match status {
        "available" | "stopped" | "storage-optimization" => None,
        "backing-up" => Some("backing-up"),
        "creating" => Some("creating"),
        "deleting" => Some("deleting"),
        "failing-over" => Some("failing-over"),
        "maintenance" => Some("maintenance"),
        "modifying" => Some("modifying"),
        "rebooting" => Some("rebooting"),
        "starting" => Some("starting"),
        "stopping" => Some("stopping"),
        "upgrading" => Some("upgrading"),
        _ => Some("not available"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_comes_or_goes_counts_as_there_or_gone() {
        let kinds = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let pending = PendingCloudwatchLogsExports::builder();
        let pending = pending.log_types_to_enable("audit").log_types_to_disable("general").build();
        let exported = exported(&kinds(&["error", "general"]), Some(&pending));
        assert_eq!(exported.into_iter().collect::<Vec<_>>(), ["audit", "error"]);
        assert_eq!(super::exported(&kinds(&["error"]), None).into_iter().collect::<Vec<_>>(), ["error"]);
    }
}
