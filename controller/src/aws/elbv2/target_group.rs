//! Target group: the tasks that get requests, and how it is known that they can take them.
//!
//! Its port is only what a target has that names none, and ECS registers each task with the container's own port: it stays as
//! it was made when the container's port changes, since AWS cannot change it.
//!
//! AWS rules obeyed: names have at most 32 characters; the timeout is less than the interval; a group to which a listener
//! forwards cannot be deleted.

use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, TargetGroup as Seen, TargetGroupAttribute, TargetTypeEnum,
};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Replace};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{Attributes, change_tags, over, tag_list, tags_of};
use crate::aws::ec2::Vpc;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::{Aws, touches};

/// What the names of our target groups begin with.
const PREFIX: &str = "tg-payment-";

/// The tasks behind the load balancer.
#[derive(Clone, Serialize)]
pub struct TargetGroup {
    pub name: String,
    pub vpc: Ref<Vpc>,
    /// Of targets that name none.
    pub port: u16,
    pub health_check: HealthCheck,
    /// Seconds that a task may finish its requests in when it goes.
    pub deregistration_delay_seconds: i32,
    pub tags: Tags,
}

/// How it is known whether a task can take requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HealthCheck {
    pub path: String,
    /// Status codes that are healthy, as `200-399`.
    pub codes: String,
    pub interval_seconds: i32,
    pub timeout_seconds: i32,
    /// Checks in a row after which it is healthy, and unhealthy.
    pub healthy: i32,
    pub unhealthy: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub vpc_id: String,
    pub protocol: String,
    pub port: i32,
    pub target_type: String,
    pub health_check: HealthCheckFields,
    pub attributes: Attributes,
    pub tags: TagMap,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HealthCheckFields {
    pub enabled: bool,
    pub protocol: String,
    pub port: String,
    #[serde(flatten)]
    pub check: HealthCheck,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
}

impl TargetGroup {
    /// `node` is what the targets are: `ecs`.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{PREFIX}{node}-{environment}")
    }
}

impl Output {
    /// `targetgroup/{name}/{id}`: how metrics and scaling policies call it.
    pub fn full_name(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }
}

/// What AWS makes so by itself: where requests go when few targets are left.
const USUAL: [(&str, &str); 5] = [
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
];

impl Resource for TargetGroup {
    const KIND: &'static str = "elbv2/target-group";
    const ACTIONS: &'static [&'static str] = &[
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateTargetGroup",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:RemoveTags",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] =
        &[("vpc_id", Replace::DeleteFirst), ("protocol", Replace::DeleteFirst), ("target_type", Replace::DeleteFirst)];
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let fixed = [
            ("deregistration_delay.timeout_seconds", self.deregistration_delay_seconds.to_string()),
            // It goes with another algorithm only.
            ("load_balancing.algorithm.anomaly_mitigation", "off".to_owned()),
            ("load_balancing.algorithm.type", "round_robin".to_owned()),
            ("slow_start.duration_seconds", "0".to_owned()),
            ("stickiness.enabled", "false".to_owned()),
        ];
        Ok(Fields {
            name: self.name.clone(),
            vpc_id: up.get(&self.vpc)?.vpc_id.clone(),
            protocol: ProtocolEnum::Http.as_str().to_owned(),
            port: seen.map_or(i32::from(self.port), |seen| seen.port),
            target_type: TargetTypeEnum::Ip.as_str().to_owned(),
            health_check: HealthCheckFields {
                enabled: true,
                protocol: ProtocolEnum::Http.as_str().to_owned(),
                port: "traffic-port".to_owned(),
                check: self.health_check.clone(),
            },
            attributes: over(fixed, &USUAL, seen.map(|seen| &seen.attributes)),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let groups = match look {
            Look::All => all(&aws).await?,
            Look::Ids(arns) => {
                let mut found = Vec::new();
                for arn in arns {
                    // One by one: one that is gone fails the call for all.
                    let call = aws.elb.describe_target_groups().target_group_arns(arn).send().await;
                    let answer = gone(call.during("elasticloadbalancing:DescribeTargetGroups"))?;
                    found.extend(answer.and_then(|answer| answer.target_groups).unwrap_or_default());
                }
                found
            }
        };
        let arns: Vec<String> = groups.iter().filter_map(|group| group.target_group_arn.clone()).collect();
        let mut tags = tags_of(&aws, &arns).await?;
        let tagged = groups.into_iter().filter_map(|group| {
            let tags = tags.remove(group.target_group_arn()?)?;
            Some((group, tags))
        });
        let found = stream::iter(tagged.collect::<Vec<_>>()).map(|(group, tags)| {
            let aws = aws.clone();
            async move { read(&aws, group, tags).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "elasticloadbalancing:CreateTargetGroup";
        let HealthCheckFields { enabled, protocol, port, check } = &want.health_check;
        let call = cx.cloud.elb.create_target_group().name(&want.name).vpc_id(&want.vpc_id).port(want.port);
        let call =
            call.protocol(ProtocolEnum::from(&*want.protocol)).target_type(TargetTypeEnum::from(&*want.target_type));
        let call = call.health_check_enabled(*enabled).health_check_protocol(ProtocolEnum::from(&**protocol));
        let call = call.health_check_port(port).health_check_path(&check.path).matcher(matcher(check));
        let call = call.health_check_interval_seconds(check.interval_seconds);
        let call = call.health_check_timeout_seconds(check.timeout_seconds);
        let call = call.healthy_threshold_count(check.healthy).unhealthy_threshold_count(check.unhealthy);
        let made = call.set_tags(Some(tag_list(&want.tags))).send().await.during(action)?;
        let made = made.target_groups.and_then(|all| all.into_iter().next()?.target_group_arn);
        let arn = made.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no ARN"))?;
        set(&cx.cloud, &arn, want.attributes.iter()).await?;
        Ok(Progress::Done(Output { arn }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        if touches(&changes, "health_check") {
            let HealthCheckFields { enabled, protocol, port, check } = &want.health_check;
            let call = cx.cloud.elb.modify_target_group().target_group_arn(&now.arn).health_check_enabled(*enabled);
            let call = call.health_check_protocol(ProtocolEnum::from(&**protocol)).health_check_port(port);
            let call = call.health_check_path(&check.path).matcher(matcher(check));
            let call = call.health_check_interval_seconds(check.interval_seconds);
            let call = call.health_check_timeout_seconds(check.timeout_seconds);
            let call = call.healthy_threshold_count(check.healthy).unhealthy_threshold_count(check.unhealthy);
            call.send().await.during("elasticloadbalancing:ModifyTargetGroup")?;
        }
        let differing = changes.iter().filter(|change| change.field() == "attributes").filter_map(Change::element);
        set(&cx.cloud, &now.arn, differing.filter_map(|key| want.attributes.get_key_value(key))).await?;
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.elb.delete_target_group().target_group_arn(cloud_id).send().await;
        gone(call.during("elasticloadbalancing:DeleteTargetGroup"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

async fn all(aws: &Aws) -> Result<Vec<Seen>, CloudError> {
    let all = aws.elb.describe_target_groups().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let all = all.during("elasticloadbalancing:DescribeTargetGroups")?;
    let ours = |one: &Seen| one.target_group_name().is_some_and(|name| name.starts_with(PREFIX));
    Ok(all.into_iter().filter(ours).collect())
}

fn matcher(check: &HealthCheck) -> Matcher {
    Matcher::builder().http_code(&check.codes).build()
}

async fn set<'a>(
    aws: &Aws,
    arn: &str,
    attributes: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), CloudError> {
    let one = |(key, value): (&String, &String)| TargetGroupAttribute::builder().key(key).value(value).build();
    let attributes: Vec<_> = attributes.into_iter().map(one).collect();
    if !attributes.is_empty() {
        let call = aws.elb.modify_target_group_attributes().target_group_arn(arn).set_attributes(Some(attributes));
        call.send().await.during("elasticloadbalancing:ModifyTargetGroupAttributes")?;
    }
    Ok(())
}

/// None: it is gone.
async fn read(aws: &Aws, group: Seen, tags: TagMap) -> Result<Option<Found<TargetGroup>>, CloudError> {
    let (arn, name) =
        (group.target_group_arn.clone().unwrap_or_default(), group.target_group_name.clone().unwrap_or_default());
    let answer = aws.elb.describe_target_group_attributes().target_group_arn(&arn).send().await;
    let attributes = match answer.during("elasticloadbalancing:DescribeTargetGroupAttributes") {
        Ok(answer) => {
            let pairs = answer.attributes.unwrap_or_default().into_iter();
            Ok(pairs.filter_map(|one| Some((one.key?, one.value.unwrap_or_default()))).collect())
        }
        Err(error) if error.class == Class::NotFound => return Ok(None),
        Err(error) => Err(error),
    };
    let claim = claim(&tags);
    let environment = tags.get("Environment").map_or("", String::as_str);
    let name_fits = claim.as_ref().is_some_and(|claim| TargetGroup::name(&claim.node.name, environment) == name);
    Ok(Some(Found {
        name_fits,
        claim,
        name: Some(name),
        cloud_id: arn.clone(),
        uses: group.vpc_id.iter().cloned().collect(),
        fields: attributes.map(|attributes| fields(group, attributes, tags)),
        output: Some(Output { arn }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}

fn fields(group: Seen, attributes: Attributes, tags: TagMap) -> Fields {
    let protocol = |protocol: Option<ProtocolEnum>| protocol.map(|one| one.as_str().to_owned()).unwrap_or_default();
    Fields {
        name: group.target_group_name.unwrap_or_default(),
        vpc_id: group.vpc_id.unwrap_or_default(),
        protocol: protocol(group.protocol),
        port: group.port.unwrap_or_default(),
        target_type: group.target_type.map(|one| one.as_str().to_owned()).unwrap_or_default(),
        health_check: HealthCheckFields {
            enabled: group.health_check_enabled.unwrap_or_default(),
            protocol: protocol(group.health_check_protocol),
            port: group.health_check_port.unwrap_or_default(),
            check: HealthCheck {
                path: group.health_check_path.unwrap_or_default(),
                codes: group.matcher.and_then(|matcher| matcher.http_code).unwrap_or_default(),
                interval_seconds: group.health_check_interval_seconds.unwrap_or_default(),
                timeout_seconds: group.health_check_timeout_seconds.unwrap_or_default(),
                healthy: group.healthy_threshold_count.unwrap_or_default(),
                unhealthy: group.unhealthy_threshold_count.unwrap_or_default(),
            },
        },
        attributes,
        tags,
    }
}
