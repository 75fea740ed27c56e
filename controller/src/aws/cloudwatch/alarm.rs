//! Alarm on one metric (PCI DSS 10.4.1, 10.7.2: that something has gone wrong is noticed).
//!
//! AWS rules obeyed: a name is unique in account and region; putting an alarm again replaces all of it but its tags, which are
//! given when it is made; the topic's key must admit CloudWatch, or nobody is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, Dimension as SeenDimension, MetricAlarm as Seen, Statistic,
};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{change_tags, tag_list, tags_of};
use crate::aws::Aws;
use crate::aws::autoscaling::ScalingPolicies;
use crate::aws::cloudfront::Distribution;
use crate::aws::elbv2::{LoadBalancer, TargetGroup};
use crate::aws::error::{During, gone};
use crate::aws::sns::Topic;
use crate::aws::tags::{TagMap, Tags, claim};

/// What the names of our alarms begin with.
const PREFIX: &str = "payment-";

/// An alarm of the platform.
#[derive(Clone, Serialize)]
pub struct Alarm {
    pub name: String,
    pub description: String,
    pub namespace: String,
    pub metric: String,
    /// As CloudWatch spells it: `Average`, `Maximum`, `Sum`.
    pub statistic: String,
    /// Of what, by the dimension's name.
    pub dimensions: BTreeMap<String, Dimension>,
    pub period_seconds: i32,
    /// Periods in a row that must be beyond the threshold.
    pub periods: i32,
    /// As CloudWatch spells it: `GreaterThanThreshold`.
    pub comparison: String,
    pub threshold: f64,
    /// What no data means: `missing`, `notBreaching`, `breaching`.
    pub missing_data: String,
    /// Who is told of the alarm.
    pub alarm: Vec<Notifies>,
    /// Who is told that it is over.
    pub ok: Vec<Notifies>,
    pub tags: Tags,
}

/// The value of a dimension.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Dimension {
    Text(String),
    LoadBalancer(Ref<LoadBalancer>),
    TargetGroup(Ref<TargetGroup>),
    Distribution(Ref<Distribution>),
}

/// What an alarm sets going.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Notifies {
    Topic(Ref<Topic>),
    /// The policy of this name.
    Policy(Ref<ScalingPolicies>, String),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub description: String,
    pub namespace: String,
    pub metric: String,
    pub statistic: String,
    pub dimensions: BTreeMap<String, String>,
    pub period_seconds: i32,
    pub periods: i32,
    /// Of the periods, how many must be beyond the threshold.
    pub datapoints: i32,
    pub comparison: String,
    pub threshold: f64,
    pub missing_data: String,
    pub actions_enabled: bool,
    pub alarm: BTreeSet<String>,
    pub ok: BTreeSet<String>,
    pub insufficient_data: BTreeSet<String>,
    /// Whether it judges anything that the platform's never do (an expression, a percentile, a unit).
    pub sets_more: bool,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub name: String,
}

impl Alarm {
    /// `node` is what it watches.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{PREFIX}{environment}-{node}")
    }
}

impl Resource for Alarm {
    const KIND: &'static str = "cloudwatch/alarm";
    const ACTIONS: &'static [&'static str] = &[
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
        "cloudwatch:UntagResource",
    ];
    const PLACES: Places = Places::Anywhere;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let dimensions = self.dimensions.iter().map(|(name, dimension)| Ok((name.clone(), dimension.value(up)?)));
        let told = |notified: &[Notifies]| notified.iter().map(|one| one.arn(up)).collect::<Result<_, _>>();
        Ok(Fields {
            name: self.name.clone(),
            description: self.description.clone(),
            namespace: self.namespace.clone(),
            metric: self.metric.clone(),
            statistic: self.statistic.clone(),
            dimensions: dimensions.collect::<Result<_, _>>()?,
            period_seconds: self.period_seconds,
            periods: self.periods,
            datapoints: self.periods,
            comparison: self.comparison.clone(),
            threshold: self.threshold,
            missing_data: self.missing_data.clone(),
            actions_enabled: true,
            alarm: told(&self.alarm)?,
            ok: told(&self.ok)?,
            insufficient_data: BTreeSet::new(),
            sets_more: false,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let call = aws.cloudwatch.describe_alarms().alarm_types(AlarmType::MetricAlarm);
        let call = match &look {
            Look::All => call.alarm_name_prefix(PREFIX),
            Look::Ids(arns) => call.set_alarm_names(Some(arns.iter().map(|arn| name_of(arn).to_owned()).collect())),
        };
        let pages = call.into_paginator().send().collect::<Result<Vec<_>, _>>().await;
        let pages = pages.during("cloudwatch:DescribeAlarms")?;
        let alarms = pages.into_iter().flat_map(|page| page.metric_alarms.unwrap_or_default());
        let found = stream::iter(alarms.collect::<Vec<_>>()).map(|alarm| {
            let aws = aws.clone();
            async move { read(&aws, alarm).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        put(&cx.cloud, &want, true).await?;
        let arn = format!("arn:aws:cloudwatch:{}:{}:alarm:{}", cx.cloud.region, cx.cloud.account_id, want.name);
        Ok(Progress::Done(Output { arn, name: want.name }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        if changes.iter().any(|change| change.field() != "tags") {
            put(&cx.cloud, &want, false).await?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.cloudwatch.delete_alarms().alarm_names(name_of(&cloud_id)).send().await;
        gone(call.during("cloudwatch:DeleteAlarms"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

impl Dimension {
    pub(super) fn value(&self, up: &Up<'_>) -> Result<String, Pending> {
        Ok(match self {
            Self::Text(text) => text.clone(),
            Self::LoadBalancer(balancer) => up.get(balancer)?.full_name().to_owned(),
            Self::TargetGroup(group) => up.get(group)?.full_name().to_owned(),
            Self::Distribution(distribution) => up.get(distribution)?.id.clone(),
        })
    }
}

impl Notifies {
    fn arn(&self, up: &Up<'_>) -> Result<String, Pending> {
        match self {
            Self::Topic(topic) => Ok(up.get(topic)?.arn.clone()),
            Self::Policy(policies, name) => {
                let known = up.get(policies)?.policy_arns.get(name).cloned();
                known.ok_or_else(|| Pending { on: policies.node().clone() })
            }
        }
    }
}

fn name_of(arn: &str) -> &str {
    arn.split_once(":alarm:").map_or("", |(_, name)| name)
}

async fn put(aws: &Aws, want: &Fields, new: bool) -> Result<(), CloudError> {
    let dimension = |(name, value): (&String, &String)| SeenDimension::builder().name(name).value(value).build();
    let call = aws.cloudwatch.put_metric_alarm().alarm_name(&want.name).alarm_description(&want.description);
    let call = call.namespace(&want.namespace).metric_name(&want.metric);
    let call = call.statistic(Statistic::from(&*want.statistic)).period(want.period_seconds);
    let call = call.set_dimensions(Some(want.dimensions.iter().map(dimension).collect()));
    let call = call.evaluation_periods(want.periods).datapoints_to_alarm(want.datapoints).threshold(want.threshold);
    let call = call.comparison_operator(ComparisonOperator::from(&*want.comparison));
    let call = call.treat_missing_data(&want.missing_data).actions_enabled(want.actions_enabled);
    let call = call.set_alarm_actions(Some(want.alarm.iter().cloned().collect()));
    let call = call.set_ok_actions(Some(want.ok.iter().cloned().collect()));
    let call = call.set_tags(new.then(|| tag_list(&want.tags)));
    call.send().await.during("cloudwatch:PutMetricAlarm")?;
    Ok(())
}

/// None: it is gone.
async fn read(aws: &Aws, alarm: Seen) -> Result<Option<Found<Alarm>>, CloudError> {
    let (arn, name) = (alarm.alarm_arn.clone().unwrap_or_default(), alarm.alarm_name.clone().unwrap_or_default());
    let Some(tags) = tags_of(aws, &arn).await? else { return Ok(None) };
    let claim = claim(&tags);
    let environment = tags.get("Environment").map_or("", String::as_str);
    let fields = fields(alarm, tags.clone());
    Ok(Some(Found {
        name_fits: claim.as_ref().is_some_and(|claim| Alarm::name(&claim.node.name, environment) == name),
        claim,
        name: Some(name.clone()),
        cloud_id: arn.clone(),
        uses: fields.alarm.iter().chain(&fields.ok).cloned().collect(),
        fields: Ok(fields),
        output: Some(Output { arn, name }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}

fn fields(alarm: Seen, tags: TagMap) -> Fields {
    let set = |actions: Option<Vec<String>>| actions.unwrap_or_default().into_iter().collect();
    let sets_more = !alarm.metrics().is_empty()
        || alarm.extended_statistic.is_some()
        || alarm.unit.is_some()
        || alarm.threshold_metric_id.is_some();
    let periods = alarm.evaluation_periods.unwrap_or_default();
    let dimensions = alarm.dimensions.unwrap_or_default().into_iter();
    Fields {
        name: alarm.alarm_name.unwrap_or_default(),
        description: alarm.alarm_description.unwrap_or_default(),
        namespace: alarm.namespace.unwrap_or_default(),
        metric: alarm.metric_name.unwrap_or_default(),
        statistic: alarm.statistic.map(|statistic| statistic.as_str().to_owned()).unwrap_or_default(),
        dimensions: dimensions.filter_map(|one| Some((one.name?, one.value?))).collect(),
        period_seconds: alarm.period.unwrap_or_default(),
        periods,
        // All of them where none are named.
        datapoints: alarm.datapoints_to_alarm.unwrap_or(periods),
        comparison: alarm.comparison_operator.map(|one| one.as_str().to_owned()).unwrap_or_default(),
        threshold: alarm.threshold.unwrap_or_default(),
        missing_data: alarm.treat_missing_data.unwrap_or_else(|| "missing".to_owned()),
        actions_enabled: alarm.actions_enabled.unwrap_or_default(),
        alarm: set(alarm.alarm_actions),
        ok: set(alarm.ok_actions),
        insufficient_data: set(alarm.insufficient_data_actions),
        sets_more,
        tags,
    }
}
