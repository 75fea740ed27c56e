//! SNS topic: where alarms and events of the platform go, so that somebody answers them (PCI DSS 10.4.1, 12.10.5).
//!
//! Its policy and its subscriptions are whole sets: who else may publish, and who else reads along, is drift. So is what
//! keeps a subscriber from what is published, or sends it elsewhere.
//!
//! AWS rules obeyed: a name is unique in account and region; CreateTopic with the same name, attributes and tags answers
//! the topic that is there, and is refused when one of them differs; a subscription that nobody has confirmed can be neither
//! removed nor counted on; a filter of a subscription goes by being empty, its dead-letter queue by naming none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_sns::types::Tag;
use futures::future::join;
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Unready, Up};
use serde::{Deserialize, Serialize};

use crate::aws::error::{During, built, gone};
use crate::aws::kms::Key;
use crate::aws::policy::PolicyDocument;
use crate::aws::tags::{self, TagMap, Tags, claim};
use crate::aws::{Aws, tag_index, touches};

/// What the names of our topics begin with.
const PREFIX: &str = "payment-alerts-";

/// A standard topic.
#[derive(Clone, Serialize)]
pub struct Topic {
    pub name: String,
    pub key: Ref<Key>,
    pub policy: PolicyDocument,
    pub subscriptions: BTreeSet<Subscription>,
    pub tags: Tags,
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subscription {
    /// `email`, `https` or `sqs`.
    pub protocol: String,
    pub endpoint: String,
}

impl Subscription {
    /// As it stands in fields and plans.
    fn name(&self) -> String {
        format!("{} {}", self.protocol, self.endpoint)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub key_arn: Option<String>,
    pub policy: PolicyDocument,
    /// Protocol and endpoint of those that get what is published.
    pub subscriptions: BTreeSet<String>,
    /// Those that nobody has confirmed yet: they get nothing, cannot be removed, and are neither wanted nor drift. The condition
    /// names them.
    pub unconfirmed: BTreeSet<String>,
    /// What a subscription gets less or otherwise than all of it, under the subscription and the attribute. None is wanted.
    pub settings: BTreeMap<String, String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
}

impl Topic {
    /// There is one in the region, named after the environment alone.
    pub fn name(_node: &str, environment: &str) -> String {
        format!("{PREFIX}{environment}")
    }
}

impl Resource for Topic {
    const KIND: &'static str = "sns/topic";
    const ACTIONS: &'static [&'static str] = &[
        "sns:CreateTopic",
        "sns:DeleteTopic",
        "sns:GetSubscriptionAttributes",
        "sns:GetTopicAttributes",
        "sns:ListSubscriptionsByTopic",
        "sns:ListTagsForResource",
        "sns:ListTopics",
        "sns:SetSubscriptionAttributes",
        "sns:SetTopicAttributes",
        "sns:Subscribe",
        "sns:TagResource",
        "sns:Unsubscribe",
        "sns:UntagResource",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["key_arn", "policy", "settings", "subscriptions"];
    const PLACES: Places = Places::Anywhere;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let unconfirmed = seen.map(|seen| seen.unconfirmed.clone()).unwrap_or_default();
        let wanted = self.subscriptions.iter().map(Subscription::name);
        Ok(Fields {
            name: self.name.clone(),
            key_arn: Some(up.get(&self.key)?.arn.clone()),
            policy: self.policy.clone(),
            subscriptions: wanted.filter(|name| !unconfirmed.contains(name)).collect(),
            unconfirmed,
            settings: BTreeMap::new(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let arns = match look {
            Look::Ids(arns) => arns,
            Look::All => all(&aws).await?,
        };
        let found = stream::iter(arns).map(|arn| {
            let aws = aws.clone();
            async move { read(&aws, arn).await }
        });
        let found: Vec<_> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.sns.create_topic().name(&want.name).attributes("Policy", want.policy.to_json());
        let call = match &want.key_arn {
            Some(key) => call.attributes("KmsMasterKeyId", key),
            None => call,
        };
        let made = call.set_tags(Some(tag_list(&want.tags)?)).send().await.during("sns:CreateTopic")?;
        let missing = || CloudError::new(Class::Unavailable, "sns:CreateTopic", "BadAnswer", "no ARN");
        let arn = made.topic_arn.ok_or_else(missing)?;
        for name in &want.subscriptions {
            subscribe(&cx.cloud, &arn, name).await?;
        }
        Ok(Progress::Done(Output { arn }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let aws = &cx.cloud;
        if touches(&changes, "policy") {
            attribute(aws, &now.arn, "Policy", want.policy.to_json()).await?;
        }
        let (to_go, to_come): (Vec<_>, Vec<_>) =
            changes.iter().filter(|change| change.field() == "subscriptions").partition(|change| change.is_removal());
        if !to_go.is_empty() {
            let to_go: BTreeSet<&str> = to_go.into_iter().filter_map(Change::element).collect();
            unsubscribe(aws, &now.arn, &to_go).await?;
        }
        if touches(&changes, "key_arn") {
            attribute(aws, &now.arn, "KmsMasterKeyId", want.key_arn.unwrap_or_default()).await?;
        }
        for name in to_come.into_iter().filter_map(Change::element) {
            subscribe(aws, &now.arn, name).await?;
        }
        aws.tags_read.forget(&now.arn);
        let (set, remove) = tags::changed(&changes);
        if !set.is_empty() {
            let call = aws.sns.tag_resource().resource_arn(&now.arn).set_tags(Some(tag_list(&set)?));
            call.send().await.during("sns:TagResource")?;
        }
        if !remove.is_empty() {
            let call = aws.sns.untag_resource().resource_arn(&now.arn).set_tag_keys(Some(remove));
            call.send().await.during("sns:UntagResource")?;
        }
        aws.tags_read.forget(&now.arn);
        let settings = changes.iter().filter(|change| change.field() == "settings").filter_map(Change::element);
        reset(aws, &now.arn, &settings.collect::<Vec<_>>()).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        gone(cx.cloud.sns.delete_topic().topic_arn(cloud_id).send().await.during("sns:DeleteTopic"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

/// ARNs of all topics with names like ours.
async fn all(aws: &Aws) -> Result<Vec<String>, CloudError> {
    let topics = aws.sns.list_topics().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let arns = topics.during("sns:ListTopics")?.into_iter().filter_map(|topic| topic.topic_arn);
    Ok(arns.filter(|arn| name_of(arn).starts_with(PREFIX)).collect())
}

fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

async fn read(aws: &Aws, arn: String) -> Result<Option<Found<Topic>>, CloudError> {
    let ask = async {
        let tags = aws.sns.list_tags_for_resource().resource_arn(&arn).send().await;
        let Some(tags) = gone(tags.during("sns:ListTagsForResource"))? else { return Ok(None) };
        Ok(Some(tags.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect()))
    };
    let Some(tags) = tag_index::tags_of(aws, &arn, ask).await? else { return Ok(None) };
    let (claim, name) = (claim(&tags), name_of(&arn).to_owned());
    // Topics of others with a name like ours are only known by it.
    let fields = match claim {
        Some(_) => gone(read_fields(aws, &arn, &name, tags).await),
        None => Ok(Some(Fields::bare(&name, tags))),
    };
    let fields = match fields {
        Ok(None) => return Ok(None),
        Ok(Some(fields)) => Ok(fields),
        Err(error) => Err(error),
    };
    let environment = |fields: &Fields| fields.tags.get("Environment").cloned().unwrap_or_default();
    Ok(Some(Found {
        name_fits: match (&claim, &fields) {
            (Some(claim), Ok(fields)) => Topic::name(&claim.node.name, &environment(fields)) == name,
            (claim, _) => claim.is_some(),
        },
        claim,
        name: Some(name),
        cloud_id: arn.clone(),
        uses: fields.iter().flat_map(|fields| fields.key_arn.clone()).collect(),
        unready: fields.as_ref().ok().and_then(unconfirmed),
        fields,
        output: Some(Output { arn }),
        busy: None,
        leaving: false,
        created: None,
    }))
}

impl Fields {
    fn bare(name: &str, tags: TagMap) -> Self {
        Self {
            name: name.to_owned(),
            key_arn: None,
            policy: PolicyDocument::of([]),
            subscriptions: BTreeSet::new(),
            unconfirmed: BTreeSet::new(),
            settings: BTreeMap::new(),
            tags,
        }
    }
}

/// What is to be said of subscriptions that somebody has yet to confirm.
fn unconfirmed(fields: &Fields) -> Option<Unready> {
    let waiting: Vec<&str> = fields.unconfirmed.iter().map(String::as_str).collect();
    let what = || format!("nobody has confirmed {}: AWS has sent a link there", waiting.join(", "));
    (!waiting.is_empty()).then(|| Unready::Later(what()))
}

async fn read_fields(aws: &Aws, arn: &str, name: &str, tags: TagMap) -> Result<Fields, CloudError> {
    let attributes = aws.sns.get_topic_attributes().topic_arn(arn).send();
    let (attributes, subscriptions) = join(attributes, subscriptions(aws, arn)).await;
    let action = "sns:GetTopicAttributes";
    let mut attributes = attributes.during(action)?.attributes.unwrap_or_default();
    let policy = attributes.remove("Policy").unwrap_or_default();
    let policy = PolicyDocument::parse(&policy)
        .map_err(|error| CloudError::new(Class::Unavailable, action, "BadPolicy", error.to_string()))?;
    let mut unconfirmed = subscriptions?;
    // One that was removed is shown as `Deleted` for a while.
    let confirmed = unconfirmed.extract_if(.., |_, arn| arn.starts_with("arn:")).collect::<BTreeMap<_, _>>();
    unconfirmed.retain(|_, word| word == "PendingConfirmation");
    let settings = stream::iter(confirmed.clone()).map(|(name, arn)| async move { settings(aws, &name, &arn).await });
    let settings: Vec<_> = settings.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
    Ok(Fields {
        name: name.to_owned(),
        key_arn: attributes.remove("KmsMasterKeyId").filter(|key| !key.is_empty()),
        policy,
        subscriptions: confirmed.into_keys().collect(),
        unconfirmed: unconfirmed.into_keys().collect(),
        settings: settings.into_iter().flatten().collect(),
        tags,
    })
}

/// Attributes of subscriptions that change what is delivered, and the value that sets them back, if it is not none (SNS API
/// Reference, SetSubscriptionAttributes).
const SETTINGS: [(&str, Option<&str>); 3] =
    [("FilterPolicy", Some("{}")), ("RawMessageDelivery", Some("false")), ("RedrivePolicy", None)];

/// Those of a subscription that are not as they come. What AWS does not show of one keeps nobody from the others.
async fn settings(aws: &Aws, name: &str, arn: &str) -> Result<Vec<(String, String)>, CloudError> {
    let read = aws.sns.get_subscription_attributes().subscription_arn(arn).send().await;
    let read = match read.during("sns:GetSubscriptionAttributes") {
        Err(error) if error.class == Class::Denied => {
            tracing::warn!(subscription = name, %error, "Could not look at what a subscription gets.");
            return Ok(Vec::new());
        }
        // It may have gone meanwhile: the list tells the next time.
        read => gone(read)?,
    };
    let mut attributes = read.and_then(|read| read.attributes).unwrap_or_default();
    let set = SETTINGS.iter().filter_map(|(attribute, unset)| {
        let value = attributes.remove(*attribute)?;
        (!value.is_empty() && unset.is_none_or(|unset| value != unset)).then(|| (format!("{name} {attribute}"), value))
    });
    Ok(set.collect())
}

/// Sets back these settings, each named as in [`Fields::settings`].
async fn reset(aws: &Aws, topic: &str, settings: &[&str]) -> Result<(), CloudError> {
    if settings.is_empty() {
        return Ok(());
    }
    let known = subscriptions(aws, topic).await?;
    for (name, attribute) in settings.iter().filter_map(|setting| setting.rsplit_once(' ')) {
        let unset = SETTINGS.iter().find(|(own, _)| *own == attribute).and_then(|(_, unset)| *unset);
        // One that has gone has no settings.
        let Some(arn) = known.get(name) else { continue };
        let call = aws.sns.set_subscription_attributes().subscription_arn(arn).attribute_name(attribute);
        let call = call.set_attribute_value(unset.map(str::to_owned)).send().await;
        gone(call.during("sns:SetSubscriptionAttributes"))?;
    }
    Ok(())
}

/// The subscriptions with their ARNs; one that waits for its confirmation has a word in its place.
async fn subscriptions(aws: &Aws, topic: &str) -> Result<BTreeMap<String, String>, CloudError> {
    let call = aws.sns.list_subscriptions_by_topic().topic_arn(topic).into_paginator().items().send();
    let all = call.collect::<Result<Vec<_>, _>>().await.during("sns:ListSubscriptionsByTopic")?;
    let named = all.into_iter().filter_map(|one| {
        let name = Subscription { protocol: one.protocol?, endpoint: one.endpoint? }.name();
        Some((name, one.subscription_arn?))
    });
    Ok(named.collect())
}

async fn subscribe(aws: &Aws, topic: &str, name: &str) -> Result<(), CloudError> {
    let (protocol, endpoint) = name.split_once(' ').unwrap_or((name, ""));
    let call = aws.sns.subscribe().topic_arn(topic).protocol(protocol).endpoint(endpoint);
    call.send().await.during("sns:Subscribe")?;
    Ok(())
}

async fn unsubscribe(aws: &Aws, topic: &str, names: &BTreeSet<&str>) -> Result<(), CloudError> {
    let known = subscriptions(aws, topic).await?;
    for arn in known.iter().filter(|(name, _)| names.contains(name.as_str())).map(|(_, arn)| arn) {
        gone(aws.sns.unsubscribe().subscription_arn(arn).send().await.during("sns:Unsubscribe"))?;
    }
    Ok(())
}

async fn attribute(aws: &Aws, topic: &str, name: &str, value: String) -> Result<(), CloudError> {
    let call = aws.sns.set_topic_attributes().topic_arn(topic).attribute_name(name).attribute_value(value);
    call.send().await.during("sns:SetTopicAttributes")?;
    Ok(())
}

fn tag_list(tags: &TagMap) -> Result<Vec<Tag>, CloudError> {
    let tag = |(key, value): (&String, &String)| built(Tag::builder().key(key).value(value).build(), "sns:TagResource");
    tags.iter().map(tag).collect()
}
