//! Scaling policies of a target, as a whole set: what makes more tasks, and fewer. One that nobody has described is taken off.
//!
//! AWS rules obeyed: a policy has no tags and is told by its name; one that counts the requests of a target group names load
//! balancer and group, and is refused until a listener forwards to the group.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_applicationautoscaling::types::{
    AdjustmentType, MetricAggregationType, MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension,
    ScalingPolicy as Seen, ServiceNamespace, StepAdjustment, StepScalingPolicyConfiguration,
    TargetTrackingScalingPolicyConfiguration,
};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::ScalableTarget;
use super::target::{arn, is_ours, tagged};
use crate::aws::Aws;
use crate::aws::elbv2::{LoadBalancer, TargetGroup};
use crate::aws::error::{During, built, gone};
use crate::aws::tags::claim;

/// All policies of a target. Its node has the name of the target's node.
#[derive(Clone, Serialize)]
pub struct ScalingPolicies {
    pub target: Ref<ScalableTarget>,
    pub load_balancer: Ref<LoadBalancer>,
    pub target_group: Ref<TargetGroup>,
    /// By name.
    pub policies: BTreeMap<String, Policy>,
}

/// What makes more tasks, and fewer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Policy {
    Requests(TargetTracking),
    Steps(StepScaling),
}

/// As many tasks as keep the requests of each at a number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetTracking {
    /// Requests a minute and task.
    pub requests: f64,
    /// Seconds after more, and after fewer, tasks in which nothing else is done.
    pub out_cooldown: i32,
    pub in_cooldown: i32,
}

/// More tasks when an alarm says so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepScaling {
    /// Percent of the tasks, and tasks at least.
    pub percent: i32,
    pub at_least: i32,
    pub cooldown: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub resource_id: String,
    pub policies: BTreeMap<String, PolicyFields>,
}

/// A policy in the terms of the API; of each kind only its own part is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PolicyFields {
    pub kind: String,
    pub metric: Option<String>,
    /// Load balancer and target group whose requests are counted.
    pub label: Option<String>,
    pub target_value: Option<f64>,
    pub out_cooldown: Option<i32>,
    pub in_cooldown: Option<i32>,
    pub never_in: bool,
    pub adjustment: Option<String>,
    pub at_least: Option<i32>,
    pub cooldown: Option<i32>,
    pub aggregation: Option<String>,
    /// What is added from which distance above the alarm's threshold on.
    pub steps: BTreeMap<String, i32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// The target's ARN with [`SUFFIX`]: the set must not be taken for it.
    pub id: String,
    pub resource_id: String,
    /// ARNs by name.
    pub policy_arns: BTreeMap<String, String>,
}

/// What the id of a set has behind that of its target.
const SUFFIX: &str = "/policies";

impl ScalingPolicies {
    /// `node` is what the policy answers to: `request-count`, `request-burst`.
    pub fn name(node: &str, environment: &str) -> String {
        format!("payment-{node}-{environment}")
    }
}

impl Resource for ScalingPolicies {
    const KIND: &'static str = "autoscaling/policies";
    const ACTIONS: &'static [&'static str] = &[
        "application-autoscaling:DeleteScalingPolicy",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:ListTagsForResource",
        "application-autoscaling:PutScalingPolicy",
        // Target tracking has alarms of its own, which are made and deleted on behalf of the caller.
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricAlarm",
    ];
    const CREATE: Create = Create::WithParent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, _seen: Option<&Fields>) -> Result<Fields, Pending> {
        let resource_id = up.get(&self.target)?.resource_id.clone();
        let (balancer, group) = (up.get(&self.load_balancer)?, up.get(&self.target_group)?);
        let label = format!("{}/{}", balancer.full_name(), group.full_name());
        let policies = self.policies.iter().map(|(name, policy)| (name.clone(), policy.fields(&label)));
        Ok(Fields { resource_id, policies: policies.collect() })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let mut found = Vec::new();
        for (target, tags) in tagged(&aws).await? {
            let id = format!("{}{SUFFIX}", arn(target));
            if matches!(&look, Look::Ids(ids) if !ids.contains(&id)) {
                continue;
            }
            let (policies, policy_arns) = read(&aws, &target.resource_id).await?;
            found.push(Found {
                claim: claim(tags).map(|mut claim| {
                    claim.node.kind = Self::KIND.to_owned();
                    claim
                }),
                name: None,
                name_fits: is_ours(target, tags),
                cloud_id: id.clone(),
                uses: vec![arn(target).to_owned()],
                fields: Ok(Fields { resource_id: target.resource_id.clone(), policies }),
                output: Some(Output { id, resource_id: target.resource_id.clone(), policy_arns }),
                busy: None,
                unready: None,
                leaving: false,
                created: None,
            });
        }
        Ok(found)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        // The target was made by a step before this one, and its ARN is its own.
        let targets = cx.cloud.round();
        let target = tagged(&targets).await?.iter().find(|(target, _)| target.resource_id == want.resource_id);
        let Some((target, _)) = target else {
            let (until, retry) = ("its target is shown", cx.cloud.limits.poll);
            return Ok(Progress::Waiting { cloud_id: None, until, retry });
        };
        let (id, resource_id) = (format!("{}{SUFFIX}", arn(target)), want.resource_id.clone());
        let mut policy_arns = BTreeMap::new();
        for (name, policy) in &want.policies {
            policy_arns.insert(name.clone(), put(&cx.cloud, &resource_id, name, policy).await?);
        }
        Ok(Progress::Done(Output { id, resource_id, policy_arns }))
    }

    async fn update(
        want: Fields,
        mut now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let mut names: Vec<&str> = changes.iter().filter_map(Change::element).collect();
        names.dedup();
        for name in names {
            // A policy has its kind for life.
            let of_kind = |change: &Change| {
                change.element() == Some(name) && change.path.0.get(2).is_some_and(|part| part == "kind")
            };
            match want.policies.get(name) {
                Some(policy) => {
                    if changes.iter().any(of_kind) {
                        delete(&cx.cloud, &now.resource_id, name).await?;
                    }
                    let arn = put(&cx.cloud, &now.resource_id, name, policy).await?;
                    now.policy_arns.insert(name.to_owned(), arn);
                }
                None => {
                    delete(&cx.cloud, &now.resource_id, name).await?;
                    now.policy_arns.remove(name);
                }
            }
        }
        Ok(Progress::Done(now))
    }

    /// They go with their target, and may be gone with it already.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let aws = cx.cloud.round();
        if let Some(set) = Self::sweep(aws, Look::Ids(vec![cloud_id])).await?.pop() {
            let fields = set.fields?;
            for name in fields.policies.keys() {
                delete(&cx.cloud, &fields.resource_id, name).await?;
            }
        }
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

impl Policy {
    fn fields(&self, label: &str) -> PolicyFields {
        match self {
            Self::Requests(policy) => PolicyFields {
                kind: PolicyType::TargetTrackingScaling.as_str().to_owned(),
                metric: Some(MetricType::AlbRequestCountPerTarget.as_str().to_owned()),
                label: Some(label.to_owned()),
                target_value: Some(policy.requests),
                out_cooldown: Some(policy.out_cooldown),
                in_cooldown: Some(policy.in_cooldown),
                ..PolicyFields::default()
            },
            Self::Steps(policy) => PolicyFields {
                kind: PolicyType::StepScaling.as_str().to_owned(),
                adjustment: Some(AdjustmentType::PercentChangeInCapacity.as_str().to_owned()),
                at_least: Some(policy.at_least),
                cooldown: Some(policy.cooldown),
                aggregation: Some(MetricAggregationType::Maximum.as_str().to_owned()),
                steps: BTreeMap::from([(step(Some(0.0), None), policy.percent)]),
                ..PolicyFields::default()
            },
        }
    }
}

/// A distance above the alarm's threshold, as it is compared.
fn step(from: Option<f64>, to: Option<f64>) -> String {
    let bound = |bound: Option<f64>, open: &str| bound.map_or_else(|| open.to_owned(), |bound| bound.to_string());
    format!("{} to {}", bound(from, "-∞"), bound(to, "∞"))
}

async fn put(aws: &Aws, resource_id: &str, name: &str, policy: &PolicyFields) -> Result<String, CloudError> {
    let action = "application-autoscaling:PutScalingPolicy";
    let call = aws.autoscaling.put_scaling_policy().policy_name(name).service_namespace(ServiceNamespace::Ecs);
    let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(resource_id);
    let call = call.policy_type(PolicyType::from(&*policy.kind));
    let call = match &policy.metric {
        Some(metric) => {
            let metric = PredefinedMetricSpecification::builder().predefined_metric_type(MetricType::from(&**metric));
            let metric = built(metric.set_resource_label(policy.label.clone()).build(), action)?;
            let tracking = TargetTrackingScalingPolicyConfiguration::builder().predefined_metric_specification(metric);
            let tracking = tracking.set_target_value(policy.target_value).disable_scale_in(policy.never_in);
            let tracking = tracking.set_scale_out_cooldown(policy.out_cooldown);
            let tracking = tracking.set_scale_in_cooldown(policy.in_cooldown).build();
            call.target_tracking_scaling_policy_configuration(built(tracking, action)?)
        }
        None => {
            let adjustment = policy.adjustment.as_deref().map(AdjustmentType::from);
            let steps = policy.steps.values().map(|percent| {
                let step = StepAdjustment::builder().metric_interval_lower_bound(0.0);
                built(step.scaling_adjustment(*percent).build(), action)
            });
            let stepped = StepScalingPolicyConfiguration::builder().set_adjustment_type(adjustment);
            let stepped = stepped.set_min_adjustment_magnitude(policy.at_least).set_cooldown(policy.cooldown);
            let aggregation = policy.aggregation.as_deref().map(MetricAggregationType::from);
            let stepped = stepped.set_metric_aggregation_type(aggregation);
            let stepped = stepped.set_step_adjustments(Some(steps.collect::<Result<_, _>>()?));
            call.step_scaling_policy_configuration(stepped.build())
        }
    };
    Ok(call.send().await.during(action)?.policy_arn)
}

async fn delete(aws: &Aws, resource_id: &str, name: &str) -> Result<(), CloudError> {
    let call = aws.autoscaling.delete_scaling_policy().policy_name(name).service_namespace(ServiceNamespace::Ecs);
    let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(resource_id);
    gone(call.send().await.during("application-autoscaling:DeleteScalingPolicy"))?;
    Ok(())
}

type Read = (BTreeMap<String, PolicyFields>, BTreeMap<String, String>);

/// The policies of a target, and their ARNs.
async fn read(aws: &Aws, resource_id: &str) -> Result<Read, CloudError> {
    let call = aws.autoscaling.describe_scaling_policies().service_namespace(ServiceNamespace::Ecs);
    let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(resource_id);
    let all = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let all = all.during("application-autoscaling:DescribeScalingPolicies")?;
    Ok(all.into_iter().map(|one| (fields(&one), one)).fold(
        Read::default(),
        |(mut policies, mut arns), (fields, one)| {
            policies.insert(one.policy_name.clone(), fields);
            arns.insert(one.policy_name, one.policy_arn);
            (policies, arns)
        },
    ))
}

fn fields(policy: &Seen) -> PolicyFields {
    let tracking = policy.target_tracking_scaling_policy_configuration();
    let metric = tracking.and_then(|tracking| tracking.predefined_metric_specification());
    let custom = tracking.and_then(|tracking| tracking.customized_metric_specification());
    let stepped = policy.step_scaling_policy_configuration();
    let steps = stepped.map(|stepped| stepped.step_adjustments()).unwrap_or_default().iter();
    let steps = steps
        .map(|one| (step(one.metric_interval_lower_bound, one.metric_interval_upper_bound), one.scaling_adjustment));
    PolicyFields {
        kind: policy.policy_type.as_str().to_owned(),
        metric: match (metric, custom) {
            (Some(metric), _) => Some(metric.predefined_metric_type().as_str().to_owned()),
            (None, Some(_)) => Some("a metric of somebody's own".to_owned()),
            (None, None) => None,
        },
        label: metric.and_then(|metric| metric.resource_label.clone()),
        target_value: tracking.map(|tracking| tracking.target_value),
        out_cooldown: tracking.and_then(|tracking| tracking.scale_out_cooldown),
        in_cooldown: tracking.and_then(|tracking| tracking.scale_in_cooldown),
        never_in: tracking.and_then(|tracking| tracking.disable_scale_in).unwrap_or_default(),
        adjustment: stepped.and_then(|stepped| Some(stepped.adjustment_type()?.as_str().to_owned())),
        at_least: stepped.and_then(|stepped| stepped.min_adjustment_magnitude),
        cooldown: stepped.and_then(|stepped| stepped.cooldown),
        aggregation: stepped.and_then(|stepped| Some(stepped.metric_aggregation_type()?.as_str().to_owned())),
        steps: steps.collect(),
    }
}
