//! Log group: where a service writes, encrypted and kept for as long as PCI DSS 10.5.1 asks.
//!
//! Nobody gets what is in it but by the account's own permissions (PCI DSS 10.3.1): nothing sends it elsewhere.
//!
//! AWS rules obeyed: the key's policy must admit CloudWatch Logs before the group is made; a group must exist before
//! its writer, which would otherwise make one without key and retention; names are unique in account and region; one
//! that is protected against deletion is deleted only after the protection is lifted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{change_tags, tags_of};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::kms::Key;
use crate::aws::limits::IDENTIFIERS;
use crate::aws::tags::{self, TagMap, Tags, claim};

/// What all names of our groups contain.
pub const PATTERN: &str = "payment-";

/// What the names of our groups begin with.
pub const PREFIXES: &[&str] = &[
    "/aws/ecs/containerinsights/ecs-payment-cluster-",
    "/aws/rds/cluster/aurora-payment-",
    "/aws/rds/instance/mysql-payment-",
    "/ecs/payment-",
    "/vpc/flow-logs/payment-",
    "aws-waf-logs-payment-",
];

/// What the names of groups begin with that services of AWS make by themselves (CloudWatch Logs User Guide, "AWS services that
/// publish logs"): RDS and Container Insights. What follows is the identifier of a thing of ours.
const OF_SERVICES: &str = "/aws/";

/// A log group; its node has the group's own name.
#[derive(Clone, Serialize)]
pub struct LogGroup {
    pub name: String,
    pub retention_days: i32,
    pub key: Ref<Key>,
    /// Where events may also be sent by whoever sets that up.
    pub subscription_destinations: BTreeSet<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    /// None: kept for ever.
    pub retention_days: Option<i32>,
    pub key_arn: Option<String>,
    /// Where else each event is sent, by the filter's name. None are wanted but those to a destination that the spec
    /// names.
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Whether somebody may write with nothing but a token.
    pub bearer_tokens: bool,
    pub tags: TagMap,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Subscription {
    pub destination: String,
    pub pattern: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub name: String,
    /// Without the `:*` that CloudWatch Logs appends.
    pub arn: String,
}

impl Resource for LogGroup {
    const KIND: &'static str = "logs/log-group";
    const ACTIONS: &'static [&'static str] = &[
        "logs:AssociateKmsKey",
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:DeleteSubscriptionFilter",
        "logs:DescribeLogGroups",
        "logs:DescribeSubscriptionFilters",
        "logs:ListTagsForResource",
        "logs:PutBearerTokenAuthentication",
        "logs:PutLogGroupDeletionProtection",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
        "logs:UntagResource",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["key_arn", "retention_days", "subscriptions", "bearer_tokens"];
    const STATEFUL: bool = true;
    const PLACES: Places = Places::Anywhere;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn loses_data(change: &Change) -> bool {
        let days = |value: &Option<serde_json::Value>| value.as_ref().and_then(serde_json::Value::as_i64);
        // Without a retention events are kept for ever.
        let (before, after) = (days(&change.before).unwrap_or(i64::MAX), days(&change.after).unwrap_or(i64::MAX));
        change.field() == "retention_days" && after < before
    }

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            name: self.name.clone(),
            retention_days: Some(self.retention_days),
            key_arn: Some(up.get(&self.key)?.arn.clone()),
            subscriptions: admitted(&self.subscription_destinations, seen),
            bearer_tokens: false,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let groups = match &look {
            Look::All => all(&aws).await?,
            Look::Ids(names) => by_name(&aws, names).await?,
        };
        let found = stream::iter(groups).map(|group| {
            let aws = aws.clone();
            async move { read(&aws, group).await }
        });
        let found: Vec<_> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.logs.create_log_group().log_group_name(&want.name).set_kms_key_id(want.key_arn.clone());
        call.set_tags(Some(want.tags.clone().into_iter().collect())).send().await.during("logs:CreateLogGroup")?;
        retain(&cx.cloud, &want).await?;
        let arn = arn(&cx.cloud, &want.name);
        Ok(Progress::Done(Output { name: want.name, arn }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let logs = &cx.cloud.logs;
        let touches = |field: &str| changes.iter().any(|change| change.field() == field);
        if touches("key_arn") {
            let call = logs.associate_kms_key().log_group_name(&now.name).set_kms_key_id(want.key_arn.clone());
            call.send().await.during("logs:AssociateKmsKey")?;
        }
        for filter in changes.iter().filter(|change| change.field() == "subscriptions").filter_map(Change::element) {
            let call = logs.delete_subscription_filter().log_group_name(&now.name).filter_name(filter);
            gone(call.send().await.during("logs:DeleteSubscriptionFilter"))?;
        }
        if touches("bearer_tokens") {
            let call = logs.put_bearer_token_authentication().log_group_identifier(&now.name);
            let call = call.bearer_token_authentication_enabled(want.bearer_tokens);
            call.send().await.during("logs:PutBearerTokenAuthentication")?;
        }
        if touches("retention_days") {
            retain(&cx.cloud, &want).await?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        lift_protection(&cx.cloud, &cloud_id).await?;
        gone(cx.cloud.logs.delete_log_group().log_group_name(cloud_id).send().await.during("logs:DeleteLogGroup"))?;
        Ok(Progress::Done(()))
    }

    async fn keep(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let arn = arn(&cx.cloud, &cloud_id);
        let call = cx.cloud.logs.tag_resource().resource_arn(&arn).tags(tags::KEPT, "true");
        call.send().await.during("logs:TagResource")?;
        cx.cloud.tags_read.forget(&arn);
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.name
    }
}

type Group = aws_sdk_cloudwatchlogs::types::LogGroup;

/// All groups with names like ours: a search by pattern finds them in one call but answers neither retention nor key, so
/// what it found is then described by name.
async fn all(aws: &Aws) -> Result<Vec<Group>, CloudError> {
    let call = aws.logs.describe_log_groups().log_group_name_pattern(PATTERN).into_paginator().items().send();
    let named = call.collect::<Result<Vec<_>, _>>().await.during("logs:DescribeLogGroups")?;
    let named = named.into_iter().filter_map(|group| group.log_group_name);
    let names: Vec<String> = named.filter(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix))).collect();
    let chunks: Vec<Vec<String>> = names.chunks(IDENTIFIERS).map(<[String]>::to_vec).collect();
    let described = stream::iter(chunks).map(|names| async move {
        let call = aws.logs.describe_log_groups().set_log_group_identifiers(Some(names));
        call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.during("logs:DescribeLogGroups")
    });
    let described: Vec<Vec<Group>> = described.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
    Ok(described.into_iter().flatten().collect())
}

/// The groups with these names that there are.
async fn by_name(aws: &Aws, names: &[String]) -> Result<Vec<Group>, CloudError> {
    let described = stream::iter(names.to_vec()).map(|name| async move {
        let call = aws.logs.describe_log_groups().log_group_name_prefix(&name).into_paginator().items().send();
        let groups = call.collect::<Result<Vec<_>, _>>().await.during("logs:DescribeLogGroups")?;
        Ok::<_, CloudError>(groups.into_iter().find(|group| group.log_group_name() == Some(&name)))
    });
    let described: Vec<Option<Group>> = described.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
    Ok(described.into_iter().flatten().collect())
}

/// How a log group keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// None: for ever.
    pub days: Option<i32>,
    /// Whether it is encrypted by a key in KMS.
    pub kms: bool,
}

/// How the log group of this name, which need not be ours, keeps its records. None: there is no such group.
pub async fn retention(aws: &Aws, name: &str) -> Result<Option<Retention>, CloudError> {
    let groups = by_name(aws, &[name.to_owned()]).await?;
    let kept = |group: Group| Retention { days: group.retention_in_days, kms: group.kms_key_id.is_some() };
    Ok(groups.into_iter().next().map(kept))
}

async fn read(aws: &Aws, group: Group) -> Result<Option<Found<LogGroup>>, CloudError> {
    let name = group.log_group_name.unwrap_or_default();
    let arn = arn(aws, &name);
    // It may have been deleted since it was listed.
    let Some(tags) = tags_of(aws, &arn).await? else { return Ok(None) };
    let claim = claim(&tags);
    // Groups of others with a name like ours are only known by it.
    let subscriptions = match claim {
        Some(_) => subscriptions(aws, &name).await,
        None => Ok(BTreeMap::new()),
    };
    // A service that finds its group deleted makes it again, without tags: when it was made says nothing of whose it is.
    let made_again = claim.is_none() && name.starts_with(OF_SERVICES);
    Ok(Some(Found {
        name_fits: claim.as_ref().is_some_and(|claim| claim.node.name == name),
        claim,
        name: Some(name.clone()),
        cloud_id: name.clone(),
        uses: group.kms_key_id.iter().cloned().collect(),
        fields: subscriptions.map(|subscriptions| Fields {
            name: name.clone(),
            retention_days: group.retention_in_days,
            key_arn: group.kms_key_id,
            subscriptions,
            bearer_tokens: group.bearer_token_authentication_enabled.unwrap_or_default(),
            tags,
        }),
        output: Some(Output { name, arn }),
        busy: None,
        unready: None,
        leaving: false,
        created: group.creation_time.map(|milliseconds| milliseconds / 1000).filter(|_| !made_again),
    }))
}

/// The subscriptions of others that may stay. Where nothing is seen yet, one for each destination stands for those that
/// may come: a destination that the spec no longer names is then another wish, and no drift.
fn admitted(destinations: &BTreeSet<String>, seen: Option<&Fields>) -> BTreeMap<String, Subscription> {
    let Some(seen) = seen else {
        let possible = |to: &String| (to.clone(), Subscription { destination: to.clone(), pattern: String::new() });
        return destinations.iter().map(possible).collect();
    };
    let admitted = |(_, one): &(&String, &Subscription)| destinations.contains(&one.destination);
    seen.subscriptions.iter().filter(admitted).map(|(name, one)| (name.clone(), one.clone())).collect()
}

async fn subscriptions(aws: &Aws, group: &str) -> Result<BTreeMap<String, Subscription>, CloudError> {
    let call = aws.logs.describe_subscription_filters().log_group_name(group).into_paginator().items().send();
    let filters = call.collect::<Result<Vec<_>, _>>().await.during("logs:DescribeSubscriptionFilters")?;
    let subscription = filters.into_iter().map(|filter| {
        let destination = filter.destination_arn.unwrap_or_default();
        let pattern = filter.filter_pattern.unwrap_or_default();
        (filter.filter_name.unwrap_or_default(), Subscription { destination, pattern })
    });
    Ok(subscription.collect())
}

/// What is deleted on purpose may have been protected by somebody.
async fn lift_protection(aws: &Aws, group: &str) -> Result<(), CloudError> {
    let call = aws.logs.describe_log_groups().log_group_name_prefix(group).send().await;
    let answer = call.during("logs:DescribeLogGroups")?;
    let own = answer.log_groups().iter().find(|one| one.log_group_name() == Some(group));
    if own.and_then(|own| own.deletion_protection_enabled).unwrap_or_default() {
        let call = aws.logs.put_log_group_deletion_protection().log_group_identifier(group);
        call.deletion_protection_enabled(false).send().await.during("logs:PutLogGroupDeletionProtection")?;
    }
    Ok(())
}

fn arn(aws: &Aws, name: &str) -> String {
    format!("arn:aws:logs:{}:{}:log-group:{name}", aws.region, aws.account_id)
}

async fn retain(aws: &Aws, want: &Fields) -> Result<(), CloudError> {
    let call = aws.logs.put_retention_policy().log_group_name(&want.name).set_retention_in_days(want.retention_days);
    call.send().await.during("logs:PutRetentionPolicy")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLLECTOR: &str = "arn:aws:logs:us-east-1:999999999999:destination:collector";

    fn destinations(named: &[&str]) -> BTreeSet<String> {
        named.iter().map(|one| (*one).to_owned()).collect()
    }

    fn seen(to: &[(&str, &str)]) -> Fields {
        let subscription = |(name, to): &(&str, &str)| {
            ((*name).to_owned(), Subscription { destination: (*to).to_owned(), pattern: "ERROR".to_owned() })
        };
        Fields {
            name: "/ecs/payment-prd".to_owned(),
            retention_days: Some(365),
            key_arn: None,
            subscriptions: to.iter().map(subscription).collect(),
            bearer_tokens: false,
            tags: TagMap::new(),
        }
    }

    #[test]
    fn subscriptions_stay_only_where_the_spec_lets_them_go() {
        let there = seen(&[("theirs", COLLECTOR), ("others", "arn:aws:lambda:us-east-1:999999999999:function:f")]);
        let kept: Vec<String> = admitted(&destinations(&[COLLECTOR]), Some(&there)).into_keys().collect();
        assert_eq!(kept, ["theirs"]);
        assert!(admitted(&destinations(&[]), Some(&there)).is_empty());
    }

    #[test]
    fn another_list_of_destinations_is_another_wish() {
        assert_ne!(admitted(&destinations(&[COLLECTOR]), None), admitted(&destinations(&[]), None));
    }
}
