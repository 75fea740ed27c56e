//! Alarms, and who is told.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Alarms, and who is told.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// Who is told of alarms and events: the whole set. An e-mail address is asked to confirm and gets nothing before it has;
    /// a subscription that stands here no longer is removed. At most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub subscriptions: Vec<Subscription>,

    /// From which values on the platform's own alarms tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,

    /// Alarms besides those of the platform, at most 20. They tell the same recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(validation = Rule::new("self.all(one, self.filter(other, other.name == one.name).size() == 1)")
        .message("monitoring.alarms must not use a name twice"))]
    pub alarms: Vec<Alarm>,
}

/// From which values on the platform's own alarms tell.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Thresholds {
    /// Percent of the CPU of the tasks, for ten minutes. Default: 75.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub ecs_cpu_percent: Option<i32>,

    /// Percent of the memory of the tasks, for ten minutes. Default: 75.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub ecs_memory_percent: Option<i32>,

    /// Milliseconds of an answer on average, for two minutes. Default: 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60_000))]
    pub response_milliseconds: Option<i32>,

    /// Unhealthy tasks, for two minutes. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 500))]
    pub unhealthy_hosts: Option<i32>,

    /// Percent of the CPU of the database, for ten minutes. Default: 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub database_cpu_percent: Option<i32>,

    /// Connections to an instance of the database on average, for ten minutes. Default: 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub database_connections: Option<i32>,

    /// Days until the certificate of the load balancer ends. Default: 45.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 365))]
    pub certificate_days: Option<i32>,
}

/// An alarm of your own on one metric of CloudWatch.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(validation = Rule::new("(has(self.periodSeconds) ? self.periodSeconds : 60) * (has(self.periods) ? self.periods : 1) <= 604800")
    .message("monitoring.alarms: periodSeconds times periods must be at most 604800, a week"))]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// Name: lower-case letters, digits and hyphens, beginning with a letter. On AWS it is payment-{environment}-extra-{name}.
    #[schemars(length(min = 1, max = 60), regex(pattern = r"^[a-z][a-z0-9-]*$"))]
    pub name: String,
    /// What it means and what to do; stands on the alarm.
    #[schemars(length(min = 1, max = 500))]
    pub description: String,
    /// Namespace of the metric, for example AWS/SQS.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[A-Za-z0-9._/#-]+$"))]
    pub namespace: String,
    /// Name of the metric.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[ -~]+$"))]
    pub metric: String,
    /// Of what, by the dimension's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 10,
        "additionalProperties" = serde_json::json!({"type": "string", "minLength": 1, "maxLength": 255})
    ))]
    pub dimensions: BTreeMap<String, String>,
    /// Average (the default), Sum, Minimum, Maximum or SampleCount.
    #[serde(default)]
    pub statistic: Statistic,
    /// Seconds of a period: 60 (the default) or a multiple of it up to a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 86_400))]
    #[x_kube(validation = Rule::new("self % 60 == 0").message("monitoring.alarms: periodSeconds must be a multiple of 60"))]
    pub period_seconds: Option<i32>,
    /// Periods in a row, 1 (the default) to 24.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 24))]
    pub periods: Option<i32>,
    /// How the value compares with the threshold when something is wrong.
    #[serde(default)]
    pub comparison: Comparison,
    /// The value to compare with.
    pub threshold: f64,
    /// What no data means: Missing (the default: the alarm has no state), NotBreaching or Breaching.
    #[serde(default)]
    pub missing_data: MissingData,
}

/// Of an alarm's metric.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statistic {
    #[default]
    Average,
    Sum,
    Minimum,
    Maximum,
    SampleCount,
}

/// Of an alarm's value with its threshold.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    #[default]
    GreaterThan,
    GreaterThanOrEqualTo,
    LessThan,
    LessThanOrEqualTo,
}

/// What an alarm makes of no data.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingData {
    #[default]
    Missing,
    NotBreaching,
    Breaching,
}

/// Who is told, and how.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.protocol != 'email' || self.endpoint.matches('^[^@[:space:]]+@[^@[:space:]]+$')")
        .message("monitoring.subscriptions: the endpoint of email is an address such as oncall@example.com"),
    validation = Rule::new("self.protocol != 'https' || (self.endpoint.startsWith('https://') && !self.endpoint.contains('@'))")
        .message("monitoring.subscriptions: the endpoint of https begins with https:// and has no login in it, which AWS would show masked"),
    validation = Rule::new("self.protocol != 'sqs' || self.endpoint.startsWith('arn:aws:sqs:')")
        .message("monitoring.subscriptions: the endpoint of sqs is the ARN of a queue, arn:aws:sqs:...")
)]
pub struct Subscription {
    pub protocol: SubscriptionProtocol,
    /// An e-mail address, a URL that begins with https://, or the ARN of a queue.
    #[schemars(length(min = 3, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub endpoint: String,
}

/// How somebody is told.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum SubscriptionProtocol {
    Email,
    Https,
    Sqs,
}
