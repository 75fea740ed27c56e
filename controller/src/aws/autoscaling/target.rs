//! Scalable target: the bounds within which autoscaling keeps the number of tasks.
//!
//! AWS rules obeyed: the service must exist; tags are given when a target is registered for the first time, later by calls of
//! their own; registering again changes what is named and nothing else; its policies go with it.

use std::sync::Arc;

use aws_sdk_applicationautoscaling::types::{
    ScalableDimension, ScalableTarget as Seen, ServiceNamespace, SuspendedState,
};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use crate::aws::ecs::{Cluster, Service};
use crate::aws::error::{During, gone, too_early};
use crate::aws::tags::{self, TagMap, Tags, claim};
use crate::aws::{Aws, tag_index, touches};

/// What the ids of our targets begin with, as Application Auto Scaling calls an ECS service.
const PREFIX: &str = "service/ecs-payment-cluster-";

/// The bounds of a service.
#[derive(Clone, Serialize)]
pub struct ScalableTarget {
    /// How Application Auto Scaling calls the service.
    pub resource_id: String,
    pub service: Ref<Service>,
    pub fewest: i32,
    pub most: i32,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub resource_id: String,
    pub fewest: i32,
    pub most: i32,
    /// What somebody has stopped: scaling in, out, and by schedule.
    pub suspended: Suspended,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Suspended {
    pub scaling_in: bool,
    pub scaling_out: bool,
    pub scheduled: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub resource_id: String,
}

impl ScalableTarget {
    /// The tag `Name` of a target, which has no name of its own.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{node}-scaling-payment-{environment}")
    }

    /// Of the service of an environment.
    pub fn resource_id(environment: &str) -> String {
        format!("service/{}/{}", Cluster::name(environment), Service::name(environment))
    }
}

impl Resource for ScalableTarget {
    const KIND: &'static str = "autoscaling/target";
    const ACTIONS: &'static [&'static str] = &[
        "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:ListTagsForResource",
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:TagResource",
        "application-autoscaling:UntagResource",
        // Asked for on behalf of the caller.
        "ecs:DescribeServices",
        "ecs:UpdateService",
        "iam:CreateServiceLinkedRole",
    ];
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    /// There is one for each service, and one that is not ours would refuse our tags.
    fn unique_name(&self) -> Option<String> {
        Some(self.resource_id.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        up.get(&self.service)?;
        Ok(Fields {
            resource_id: self.resource_id.clone(),
            fewest: self.fewest,
            most: self.most,
            suspended: Suspended::default(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let all = tagged(&aws).await?;
        let wanted = |arn: &str| match &look {
            Look::All => true,
            Look::Ids(arns) => arns.iter().any(|known| known == arn),
        };
        let all = all.iter().filter(|(target, _)| wanted(arn(target)));
        Ok(all.map(|(target, tags)| read(&aws, target, tags.clone())).collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "application-autoscaling:RegisterScalableTarget";
        let tags = want.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let call = register(&cx.cloud, &want).set_tags(Some(tags)).suspended_state(suspended(&want));
        let made = linked_role_may_be_new(call.send().await.during(action))?;
        let missing = || CloudError::new(Class::Unavailable, action, "BadAnswer", "no ARN");
        let arn = made.scalable_target_arn.ok_or_else(missing)?;
        Ok(Progress::Done(Output { arn, resource_id: want.resource_id }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let scaling = &cx.cloud.autoscaling;
        if ["fewest", "most", "suspended"].into_iter().any(|field| touches(&changes, field)) {
            let call = register(&cx.cloud, &want).suspended_state(suspended(&want));
            linked_role_may_be_new(call.send().await.during("application-autoscaling:RegisterScalableTarget"))?;
        }
        cx.cloud.tags_read.forget(&now.arn);
        let (set, remove) = tags::changed(&changes);
        if !set.is_empty() {
            let call = scaling.tag_resource().resource_arn(&now.arn).set_tags(Some(set.into_iter().collect()));
            call.send().await.during("application-autoscaling:TagResource")?;
        }
        if !remove.is_empty() {
            let call = scaling.untag_resource().resource_arn(&now.arn).set_tag_keys(Some(remove));
            call.send().await.during("application-autoscaling:UntagResource")?;
        }
        cx.cloud.tags_read.forget(&now.arn);
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let Some(target) = Self::sweep(cx.cloud.round(), Look::Ids(vec![cloud_id])).await?.pop() else {
            return Ok(Progress::Done(()));
        };
        let call = cx.cloud.autoscaling.deregister_scalable_target().service_namespace(ServiceNamespace::Ecs);
        let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
        let call = call.resource_id(target.fields?.resource_id).send().await;
        gone(call.during("application-autoscaling:DeregisterScalableTarget"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

/// The first target of an account brings a service-linked role, which nobody can assume for some seconds.
fn linked_role_may_be_new<T>(answer: Result<T, CloudError>) -> Result<T, CloudError> {
    too_early(answer, |error| error.code == "ValidationException" && error.message.contains("assume"))
}

fn register(
    aws: &Aws,
    want: &Fields,
) -> aws_sdk_applicationautoscaling::operation::register_scalable_target::builders::RegisterScalableTargetFluentBuilder
{
    let call = aws.autoscaling.register_scalable_target().service_namespace(ServiceNamespace::Ecs);
    let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(&want.resource_id);
    call.min_capacity(want.fewest).max_capacity(want.most)
}

fn suspended(want: &Fields) -> SuspendedState {
    SuspendedState::builder()
        .dynamic_scaling_in_suspended(want.suspended.scaling_in)
        .dynamic_scaling_out_suspended(want.suspended.scaling_out)
        .scheduled_scaling_suspended(want.suspended.scheduled)
        .build()
}

/// The region's targets with ids like ours, each with its tags: read once for them and for their policies.
pub(super) async fn tagged(aws: &Aws) -> Result<&[(Seen, TagMap)], CloudError> {
    let read = async {
        let call = aws.autoscaling.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
        let all = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let all = all.during("application-autoscaling:DescribeScalableTargets")?;
        let ours = all.into_iter().filter(|target| {
            let counts_tasks = target.scalable_dimension == ScalableDimension::EcsServiceDesiredCount;
            target.resource_id.starts_with(PREFIX) && counts_tasks
        });
        let tagged = stream::iter(ours).map(|target| async move {
            let ask = async {
                let call = aws.autoscaling.list_tags_for_resource().resource_arn(arn(&target)).send().await;
                let answer = gone(call.during("application-autoscaling:ListTagsForResource"))?;
                Ok(answer.map(|answer| answer.tags.unwrap_or_default().into_iter().collect()))
            };
            let tags = tag_index::tags_of(aws, arn(&target), ask).await?;
            Ok::<_, CloudError>(tags.map(|tags| (target, tags)))
        });
        let tagged: Vec<Option<_>> = tagged.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(tagged.into_iter().flatten().collect())
    };
    aws.scalable_targets(read).await
}

pub(super) fn arn(target: &Seen) -> &str {
    target.scalable_target_arn().unwrap_or_default()
}

/// Whether the target is that of the service of the environment in its tags.
pub(super) fn is_ours(target: &Seen, tags: &TagMap) -> bool {
    let environment = tags.get("Environment").map_or("", String::as_str);
    claim(tags).is_some() && target.resource_id == ScalableTarget::resource_id(environment)
}

fn read(aws: &Aws, target: &Seen, tags: TagMap) -> Found<ScalableTarget> {
    let (arn, resource_id) = (arn(target).to_owned(), target.resource_id.clone());
    let state = target.suspended_state();
    let stopped = |part: fn(&SuspendedState) -> Option<bool>| state.and_then(part).unwrap_or_default();
    Found {
        claim: claim(&tags),
        name: Some(resource_id.clone()),
        name_fits: is_ours(target, &tags),
        cloud_id: arn.clone(),
        uses: vec![format!("arn:aws:ecs:{}:{}:{resource_id}", aws.region, aws.account_id)],
        fields: Ok(Fields {
            resource_id: resource_id.clone(),
            fewest: target.min_capacity,
            most: target.max_capacity,
            suspended: Suspended {
                scaling_in: stopped(|state| state.dynamic_scaling_in_suspended),
                scaling_out: stopped(|state| state.dynamic_scaling_out_suspended),
                scheduled: stopped(|state| state.scheduled_scaling_suspended),
            },
            tags,
        }),
        output: Some(Output { arn, resource_id }),
        busy: None,
        unready: None,
        leaving: false,
        created: Some(target.creation_time.secs()),
    }
}
