//! Flow log: who talked to whom in the VPC (PCI DSS 10.2.1).
//!
//! AWS rules obeyed: a flow log cannot be changed, only replaced; for S3 it takes a destination and no role; S3 must
//! admit the delivery before it begins; a role just made is not assumable for some seconds, which is refused as
//! `InvalidParameter`; two flow logs of one configuration and destination are refused.

use std::sync::Arc;

use aws_sdk_ec2::types::{FlowLogsResourceType, LogDestinationType, ResourceType, TrafficType};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{
    Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Replace, Resource, Tier, Up,
};
use serde::{Deserialize, Serialize};

use super::{Vpc, change_tags, looking, part, tag_map, tagged};
use crate::aws::Aws;
use crate::aws::error::{During, class_of};
use crate::aws::iam::Role;
use crate::aws::logs::LogGroup;
use crate::aws::s3::Bucket;
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// Flow logs of a whole VPC, all traffic.
#[derive(Clone, Serialize)]
pub struct FlowLog {
    pub vpc: Ref<Vpc>,
    pub destination: Destination,
    /// Seconds that one record covers, 60 or 600.
    pub aggregation_seconds: i32,
    pub tags: Tags,
}

/// Where the records go.
#[derive(Clone, Serialize)]
pub enum Destination {
    Bucket(Ref<Bucket>),
    LogGroup { group: Ref<LogGroup>, role: Ref<Role> },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub resource_id: String,
    /// ACCEPT, REJECT or ALL.
    pub traffic: String,
    pub destination_type: String,
    pub destination: String,
    pub role_arn: Option<String>,
    pub aggregation_seconds: i32,
    pub format: String,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub flow_log_id: String,
}

impl FlowLog {
    /// `node` is where the records go.
    pub fn name(node: &str, environment: &str) -> String {
        format!("flow-log-payment-{environment}-{node}")
    }
}

/// The fields of a record when none are asked for (EC2 User Guide, "Flow log records", default format).
const FORMAT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} \
                      ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

impl Resource for FlowLog {
    const KIND: &'static str = "ec2/flow-log";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateFlowLogs",
        "ec2:CreateTags",
        "ec2:DeleteFlowLogs",
        "ec2:DeleteTags",
        "ec2:DescribeFlowLogs",
        "iam:PassRole",
        // For delivery to S3, on behalf of the caller.
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[
        ("resource_id", Replace::CreateFirst),
        ("traffic", Replace::CreateFirst),
        ("destination_type", Replace::CreateFirst),
        ("destination", Replace::CreateFirst),
        ("role_arn", Replace::CreateFirst),
        ("aggregation_seconds", Replace::CreateFirst),
        ("format", Replace::CreateFirst),
    ];
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let (destination_type, destination, role_arn) = match &self.destination {
            Destination::Bucket(bucket) => (LogDestinationType::S3, up.get(bucket)?.arn.clone(), None),
            Destination::LogGroup { group, role } => {
                let role = up.get(role)?.arn.clone();
                (LogDestinationType::CloudWatchLogs, up.get(group)?.arn.clone(), Some(role))
            }
        };
        Ok(Fields {
            resource_id: up.get(&self.vpc)?.vpc_id.clone(),
            traffic: TrafficType::All.as_str().to_owned(),
            destination_type: destination_type.as_str().to_owned(),
            destination,
            role_arn,
            aggregation_seconds: self.aggregation_seconds,
            format: FORMAT.to_owned(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let call = aws.ec2.describe_flow_logs().filter(looking(&look, "flow-log-id")).into_paginator().items().send();
        let logs = call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeFlowLogs")?;
        let found = logs.into_iter().map(|log| {
            let tags = tag_map(log.tags.as_deref());
            let flow_log_id = part(log.flow_log_id, "ec2:DescribeFlowLogs")?;
            let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
            let destination = log.log_destination.unwrap_or_default();
            // Older answers name a log group in place of its ARN, which may end in `:*`.
            let destination = match &log.log_group_name {
                Some(group) if destination.is_empty() => {
                    format!("arn:aws:logs:{}:{}:log-group:{group}", aws.region, aws.account_id)
                }
                _ => destination.trim_end_matches(":*").to_owned(),
            };
            let resource_id = log.resource_id.unwrap_or_default();
            let used = destination.trim_start_matches("arn:aws:s3:::");
            let used = used.split_once(":log-group:").map_or(used, |(_, group)| group).to_owned();
            Ok(Found {
                claim: claim(&tags),
                name: None,
                name_fits: name_fits(&tags, Self::name),
                cloud_id: flow_log_id.clone(),
                uses: [resource_id.clone(), used].into_iter().chain(log.deliver_logs_permission_arn.clone()).collect(),
                fields: Ok(Fields {
                    resource_id,
                    traffic: text(log.traffic_type.as_ref().map(TrafficType::as_str)),
                    destination_type: text(log.log_destination_type.as_ref().map(LogDestinationType::as_str)),
                    destination,
                    role_arn: log.deliver_logs_permission_arn,
                    aggregation_seconds: log.max_aggregation_interval.unwrap_or_default(),
                    format: log.log_format.unwrap_or_default(),
                    tags,
                }),
                output: Some(Output { flow_log_id }),
                busy: None,
                unready: None,
                leaving: false,
                created: log.creation_time.map(|time| time.secs()),
            })
        });
        found.collect()
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "ec2:CreateFlowLogs";
        let call = cx.cloud.ec2.create_flow_logs().resource_ids(&want.resource_id);
        let call = call.resource_type(FlowLogsResourceType::Vpc).traffic_type(TrafficType::from(&*want.traffic));
        let call = call.log_destination_type(LogDestinationType::from(&*want.destination_type));
        let call = call.log_destination(&want.destination).max_aggregation_interval(want.aggregation_seconds);
        let call = call.set_deliver_logs_permission_arn(want.role_arn.clone()).client_token(&cx.token);
        let call = call.tag_specifications(tagged(ResourceType::VpcFlowLog, &want.tags));
        let made = match call.send().await.during(action) {
            // The role may be too new to be assumed.
            Err(error) if error.code == "InvalidParameter" && want.role_arn.is_some() => {
                return Ok(Progress::Waiting {
                    cloud_id: None,
                    until: "its role can be assumed",
                    retry: cx.cloud.limits.poll,
                });
            }
            answer => answer?,
        };
        // What was refused for the one resource stands in the answer, not in the status of the call.
        if let Some(refused) = made.unsuccessful().first().and_then(|item| item.error.as_ref()) {
            let (code, message) = (refused.code().unwrap_or("Unknown"), refused.message().unwrap_or("no message"));
            // The one code for everything that the destination does not admit yet.
            let class = if code == "400" { Class::NotYet } else { class_of(code).unwrap_or(Class::Invalid) };
            return Err(CloudError::new(class, action, code, message));
        }
        let flow_log_id = part(made.flow_log_ids.and_then(|ids| ids.into_iter().next()), action)?;
        Ok(Progress::Done(Output { flow_log_id }))
    }

    async fn update(
        _want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        change_tags(&cx.cloud, &now.flow_log_id, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let action = "ec2:DeleteFlowLogs";
        let answer = cx.cloud.ec2.delete_flow_logs().flow_log_ids(cloud_id).send().await.during(action);
        match crate::aws::error::gone(answer)?.and_then(|answer| answer.unsuccessful?.into_iter().next()?.error) {
            Some(refused) if refused.code() != Some("InvalidFlowLogId.NotFound") => {
                let (code, message) = (refused.code().unwrap_or("Unknown"), refused.message().unwrap_or("no message"));
                Err(CloudError::new(Class::Unavailable, action, code, message))
            }
            _ => Ok(Progress::Done(())),
        }
    }

    fn cloud_id(output: &Output) -> &str {
        &output.flow_log_id
    }
}
