//! RDS event subscription: what happens to the database is told to the platform's topic (PCI DSS 10.4.1, 12.10.5).
//!
//! AWS rules obeyed: the topic's policy must admit `events.rds` before the subscription is made; sources can be named only
//! once they exist, and are added and removed one by one; a name is unique in account and region; 20 in an account and region.

use std::collections::BTreeSet;
use std::sync::Arc;

use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{
    Cluster, Instance, MysqlInstance, ParameterGroup, arn, change_tags, name_fits, name_of, names_of, tag_list,
    with_tags,
};
use crate::aws::error::{During, gone};
use crate::aws::sns::Topic;
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::{Aws, touches};

const PREFIX: &str = "rds-events-payment-";

/// All events of one type of source.
#[derive(Clone, Serialize)]
pub struct EventSubscription {
    pub name: String,
    pub topic: Ref<Topic>,
    /// As RDS calls it: `db-instance`, `db-cluster`, `db-parameter-group`, `db-security-group`.
    pub source_type: String,
    pub sources: Sources,
    pub tags: Tags,
}

/// Whose events.
#[derive(Clone, Serialize)]
pub enum Sources {
    /// Of everything of the type in the account and region.
    All,
    Instances(Vec<Ref<Instance>>),
    Mysql(Ref<MysqlInstance>),
    Cluster(Ref<Cluster>),
    ParameterGroup(Ref<ParameterGroup>),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub topic_arn: String,
    pub source_type: String,
    /// Empty: all of the type.
    pub sources: BTreeSet<String>,
    /// Empty: all. What somebody has narrowed down is widened again.
    pub categories: BTreeSet<String>,
    pub enabled: bool,
    /// Whether RDS delivers anything: not once its sources or its topic were gone, or it was not let in.
    pub delivers: bool,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub name: String,
}

impl EventSubscription {
    /// `node` is the type of source without `db-`.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{PREFIX}{environment}-{node}")
    }
}

impl Resource for EventSubscription {
    const KIND: &'static str = "rds/event-subscription";
    const ACTIONS: &'static [&'static str] = &[
        "rds:AddSourceIdentifierToSubscription",
        "rds:AddTagsToResource",
        "rds:CreateEventSubscription",
        "rds:DeleteEventSubscription",
        "rds:DescribeEventSubscriptions",
        "rds:ListTagsForResource",
        "rds:ModifyEventSubscription",
        "rds:RemoveSourceIdentifierFromSubscription",
        "rds:RemoveTagsFromResource",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["topic_arn", "enabled", "delivers"];
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let sources = match &self.sources {
            Sources::All => BTreeSet::new(),
            Sources::Instances(instances) => {
                let names = instances.iter().map(|instance| Ok(up.get(instance)?.identifier.clone()));
                names.collect::<Result<_, Pending>>()?
            }
            Sources::Mysql(instance) => BTreeSet::from([up.get(instance)?.identifier.clone()]),
            Sources::Cluster(cluster) => BTreeSet::from([up.get(cluster)?.identifier.clone()]),
            Sources::ParameterGroup(group) => BTreeSet::from([up.get(group)?.name.clone()]),
        };
        Ok(Fields {
            name: self.name.clone(),
            topic_arn: up.get(&self.topic)?.arn.clone(),
            source_type: self.source_type.clone(),
            sources,
            categories: BTreeSet::new(),
            enabled: true,
            delivers: true,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let action = "rds:DescribeEventSubscriptions";
        let mut subscriptions = Vec::new();
        match look {
            Look::All => {
                let call = aws.rds.describe_event_subscriptions().max_records(100).into_paginator().items().send();
                let all = call.collect::<Result<Vec<_>, _>>().await.during(action)?;
                subscriptions.extend(
                    all.into_iter()
                        .filter(|one| one.cust_subscription_id().is_some_and(|name| name.starts_with(PREFIX))),
                );
            }
            Look::Ids(ids) => {
                for name in names_of(&ids) {
                    let call = aws.rds.describe_event_subscriptions().subscription_name(name).send().await;
                    let answer = gone(call.during(action))?;
                    subscriptions.extend(answer.and_then(|answer| answer.event_subscriptions_list).unwrap_or_default());
                }
            }
        }
        let named = subscriptions.into_iter().map(|subscription| {
            (arn(&aws, "es", subscription.cust_subscription_id().unwrap_or_default()), subscription)
        });
        let found = with_tags(&aws, named.collect()).await?.into_iter().map(|(arn, subscription, tags)| {
            let name = subscription.cust_subscription_id.unwrap_or_default();
            let topic_arn = subscription.sns_topic_arn.unwrap_or_default();
            let busy = match subscription.status.as_deref() {
                Some("creating") => Some("creating"),
                Some("modifying") => Some("modifying"),
                Some("deleting") => Some("deleting"),
                _ => None,
            };
            Found {
                claim: claim(&tags),
                name: Some(name.clone()),
                name_fits: name_fits(&tags, &name, Self::name),
                cloud_id: arn.clone(),
                uses: vec![topic_arn.clone()],
                fields: Ok(Fields {
                    name: name.clone(),
                    topic_arn,
                    source_type: subscription.source_type.unwrap_or_default(),
                    sources: subscription.source_ids_list.unwrap_or_default().into_iter().collect(),
                    categories: subscription.event_categories_list.unwrap_or_default().into_iter().collect(),
                    enabled: subscription.enabled.unwrap_or_default(),
                    delivers: !matches!(
                        subscription.status.as_deref(),
                        Some("no-permission" | "topic-not-exist" | "all-sources-deleted")
                    ),
                    tags,
                }),
                output: Some(Output { arn, name }),
                busy,
                unready: None,
                leaving: false,
                created: None,
            }
        });
        Ok(found.collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call =
            cx.cloud.rds.create_event_subscription().subscription_name(&want.name).sns_topic_arn(&want.topic_arn);
        let call = call.source_type(&want.source_type).enabled(want.enabled);
        let sources: Vec<String> = want.sources.iter().cloned().collect();
        let call = call.set_source_ids((!sources.is_empty()).then_some(sources));
        call.set_tags(Some(tag_list(&want.tags))).send().await.during("rds:CreateEventSubscription")?;
        Ok(Progress::Done(Output { arn: arn(&cx.cloud, "es", &want.name), name: want.name }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let rds = &cx.cloud.rds;
        if ["topic_arn", "source_type", "categories", "enabled", "delivers"]
            .into_iter()
            .any(|field| touches(&changes, field))
        {
            let call = rds.modify_event_subscription().subscription_name(&now.name).sns_topic_arn(&want.topic_arn);
            let call = call.source_type(&want.source_type).enabled(want.enabled);
            let call = call.set_event_categories(Some(want.categories.iter().cloned().collect()));
            call.send().await.during("rds:ModifyEventSubscription")?;
        }
        // RDS forgets that its sources were gone when one of them is named again.
        for source in want.sources.iter().filter(|_| touches(&changes, "delivers")) {
            let call = rds.remove_source_identifier_from_subscription().subscription_name(&now.name);
            gone(call.source_identifier(source).send().await.during("rds:RemoveSourceIdentifierFromSubscription"))?;
            let call = rds.add_source_identifier_to_subscription().subscription_name(&now.name);
            call.source_identifier(source).send().await.during("rds:AddSourceIdentifierToSubscription")?;
        }
        let sources = || changes.iter().filter(|change| change.field() == "sources");
        // Those to come first: without any, the subscription would be to all of the type.
        for source in sources().filter(|change| !change.is_removal()).filter_map(Change::element) {
            let call = rds.add_source_identifier_to_subscription().subscription_name(&now.name);
            let call = call.source_identifier(source).send().await;
            call.during("rds:AddSourceIdentifierToSubscription")?;
        }
        for source in sources().filter(|change| change.is_removal()).filter_map(Change::element) {
            let call = rds.remove_source_identifier_from_subscription().subscription_name(&now.name);
            let call = call.source_identifier(source).send().await;
            gone(call.during("rds:RemoveSourceIdentifierFromSubscription"))?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.rds.delete_event_subscription().subscription_name(name_of(&cloud_id)).send().await;
        gone(call.during("rds:DeleteEventSubscription"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}
