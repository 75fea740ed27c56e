//! The application, and how it is reached.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Effect;
use super::edge::Waf;

/// The payment application.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(
    validation = Rule::new("(has(self.cpu) ? self.cpu : 1024) == 256 ? (has(self.memory) ? self.memory : 2048) in [512, 1024, 2048] : ((has(self.cpu) ? self.cpu : 1024) == 512 ? (has(self.memory) ? self.memory : 2048) in [1024, 2048, 3072, 4096] : (has(self.memory) ? self.memory : 2048) >= 2 * (has(self.cpu) ? self.cpu : 1024) && (has(self.memory) ? self.memory : 2048) <= 8 * (has(self.cpu) ? self.cpu : 1024) && (has(self.memory) ? self.memory : 2048) <= ((has(self.cpu) ? self.cpu : 1024) == 4096 ? 30720 : ((has(self.cpu) ? self.cpu : 1024) == 8192 ? 61440 : 122880)) && (has(self.memory) ? self.memory : 2048) % ((has(self.cpu) ? self.cpu : 1024) == 16384 ? 8192 : ((has(self.cpu) ? self.cpu : 1024) == 8192 ? 4096 : 1024)) == 0)")
        .message("compute.memory does not fit compute.cpu (unset mean 2048 and 1024): Fargate has 256: 512, 1024 or 2048; 512: 1024 to 4096; 1024: 2048 to 8192; 2048: 4096 to 16384; 4096: 8192 to 30720, all in steps of 1024; 8192: 16384 to 61440 in steps of 4096; 16384: 32768 to 122880 in steps of 8192"),
    validation = Rule::new("!has(self.environment) || !has(self.secrets) || self.environment.all(name, !(name in self.secrets))")
        .message("compute.environment and compute.secrets must not have a name in common")
)]
#[serde(rename_all = "camelCase")]
pub struct Compute {
    /// Image of the application, best by its digest (name@sha256:...): a tag can come to mean another image. Default:
    /// public.ecr.aws/nginx/nginx:stable, a placeholder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[a-z0-9][A-Za-z0-9._:/@-]*$"))]
    pub image: Option<String>,

    /// Port on which the application's containers listen, 1 to 65535. Default: 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub container_port: Option<i32>,

    /// CPU of a task in units of which 1024 are one processor: 256, 512, 1024, 2048, 4096, 8192 or 16384. Default: 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self in [256, 512, 1024, 2048, 4096, 8192, 16384]")
        .message("compute.cpu must be 256, 512, 1024, 2048, 4096, 8192 or 16384"))]
    pub cpu: Option<i32>,

    /// Memory of a task in MiB, within what Fargate offers for the CPU. Default: 2048.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 512, max = 122880))]
    pub memory: Option<i32>,

    /// Processors that the image is built for: ARM64 (the default) or X86_64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,

    /// Environment variables of the application, on top of DATABASE_HOST, DATABASE_READER_HOST, DATABASE_PORT,
    /// DATABASE_NAME and STATIC_ASSETS_BUCKET. Nothing secret: everybody who may describe the task definition reads them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 50,
        "additionalProperties" = serde_json::json!({"type": "string", "maxLength": 1024})
    ))]
    #[x_kube(validation = Rule::new("self.all(name, size(name) <= 100 && name.matches('^[A-Za-z_][A-Za-z0-9_]*$'))")
        .message("compute.environment: a name has at most 100 letters, digits and underscores and does not begin with a digit"))]
    pub environment: BTreeMap<String, String>,

    /// Environment variables whose values come from Secrets Manager, on top of DATABASE_USERNAME and DATABASE_PASSWORD: ARNs
    /// of secrets, or of one key in them (arn:...:secret:name-AbCdEf:key::). The secrets are encrypted with the platform's app
    /// key or with AWS's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 30,
        "additionalProperties" = serde_json::json!({
            "type": "string",
            "maxLength": 700,
            "pattern": r"^arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+(:[A-Za-z0-9._-]*:[A-Za-z0-9._-]*:[A-Za-z0-9-]*)?$"
        })
    ))]
    #[x_kube(validation = Rule::new("self.all(name, size(name) <= 100 && name.matches('^[A-Za-z_][A-Za-z0-9_]*$'))")
        .message("compute.secrets: a name has at most 100 letters, digits and underscores and does not begin with a digit"))]
    pub secrets: BTreeMap<String, String>,

    /// Where the application can write files: everything else is read-only. What is written is gone with the task. Default:
    /// /tmp, /var/cache/nginx and /var/run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10), inner(length(min = 2, max = 200), regex(pattern = r"^(/[A-Za-z0-9._-]+)+$")))]
    #[x_kube(validation = Rule::new("self.all(one, self.filter(other, other == one).size() == 1)")
        .message("compute.writablePaths must not name a path twice"))]
    pub writable_paths: Option<Vec<String>>,

    /// Tasks when the service is made, 1 to 500. Default: 2. Afterwards autoscaling decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 500))]
    pub desired_count: Option<i32>,

    /// Version of the Fargate platform. Default: LATEST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(LATEST|[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})$"))]
    pub platform_version: Option<String>,

    /// Percent of the tasks that keep running while others are exchanged, 0 to 100. Default: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub minimum_healthy_percent: Option<i32>,

    /// How many tasks run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,

    /// The role as which the application acts on AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_role: Option<TaskRole>,
}

/// Processors that an image is built for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Architecture {
    #[default]
    #[serde(rename = "ARM64")]
    Arm64,
    #[serde(rename = "X86_64")]
    X8664,
}

/// How many tasks run.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(validation = Rule::new("(has(self.minTasks) ? self.minTasks : 2) <= (has(self.maxTasks) ? self.maxTasks : 10)")
    .message("compute.autoscaling.minTasks must not be more than maxTasks (unset mean 2 and 10)"))]
#[serde(rename_all = "camelCase")]
pub struct Autoscaling {
    /// Fewest tasks, 1 to 500. Default: 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 500))]
    pub min_tasks: Option<i32>,

    /// Most tasks, 1 to 500. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 500))]
    pub max_tasks: Option<i32>,

    /// Requests a minute that one task is to have, 1 to 1000000. Default: 1000. Above it tasks are added: within a minute half
    /// as many again, and within three as many as are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_task: Option<i32>,

    /// Seconds after target tracking has changed the number of tasks in which it does not change it again, 0 to 3600. The step that
    /// answers a burst keeps its own 60. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub cooldown_seconds: Option<i32>,
}

/// The role as which the application acts on AWS.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TaskRole {
    /// What the application may do besides reading and writing its static assets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(validation = Rule::new("self.all(one, self.filter(other, other.sid == one.sid).size() == 1)")
        .message("compute.taskRole.extraStatements must not use a sid twice"))]
    pub extra_statements: Vec<TaskStatement>,
}

/// One statement of the application's own policy.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(validation = Rule::new("!('*' in self.resources) || self.actions.all(action, action in ['cloudwatch:PutMetricData', 'xray:PutTraceSegments', 'xray:PutTelemetryRecords', 'xray:GetSamplingRules', 'xray:GetSamplingTargets', 'sts:GetCallerIdentity'])")
    .message("extraStatements: * as a resource is for cloudwatch:PutMetricData, xray:Put... and xray:GetSampling..., sts:GetCallerIdentity, which AWS has no resources of; name the ARNs of all else (PCI DSS 7.2.5)"))]
#[serde(rename_all = "camelCase")]
pub struct TaskStatement {
    /// Name of the statement: letters and digits. It must begin with Extra, so that it never meets one of the platform's.
    #[schemars(length(min = 6, max = 60), regex(pattern = r"^Extra[A-Za-z0-9]+$"))]
    pub sid: String,
    /// Allow (the default) or Deny.
    #[serde(default)]
    pub effect: Effect,
    /// Actions of one service or several, for example sqs:SendMessage. Not everything of a service, and not everything
    /// (PCI DSS 7.2.5).
    #[schemars(length(min = 1, max = 20), inner(length(max = 100), regex(pattern = r"^[a-z0-9-]+:[A-Za-z0-9]+\*?$")))]
    pub actions: Vec<String>,
    /// ARNs of what the actions are allowed on, * for a part of one; * alone for what AWS has no resources of.
    #[schemars(
        length(min = 1, max = 20),
        inner(length(max = 600), regex(pattern = r"^([*]|arn:aws:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[!-~]+)$"))
    )]
    pub resources: Vec<String>,
    /// Conditions as in IAM: operator, then key, then values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 10))]
    pub conditions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// How the application is reached.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    /// IPv4 ranges that may reach the load balancer on ports 80 and 443. Default: 0.0.0.0/0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20), inner(length(max = 18)))]
    #[x_kube(validation = Rule::new("self.all(range, isCIDR(range) && cidr(range).ip().family() == 4 && cidr(range) == cidr(range).masked())")
        .message("ingress.allowedCidrs must be IPv4 ranges written by their first address, for example 203.0.113.0/24"))]
    pub allowed_cidrs: Option<Vec<String>>,

    /// ARN of a certificate of AWS Certificate Manager in aws.region. With it the load balancer speaks HTTPS on port 443 and
    /// redirects port 80 there; without it requests are not encrypted (PCI DSS 4.2.1 asks for it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), regex(pattern = r"^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$"))]
    pub certificate_arn: Option<String>,

    /// Versions of TLS and ciphers of port 443, one of AWS's policies without anything below TLS 1.2. Default:
    /// ELBSecurityPolicy-TLS13-1-2-2021-06.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self in ['ELBSecurityPolicy-TLS13-1-2-2021-06', 'ELBSecurityPolicy-TLS13-1-2-Res-2021-06', 'ELBSecurityPolicy-TLS13-1-3-2021-06']")
        .message("ingress.sslPolicy must be ELBSecurityPolicy-TLS13-1-2-2021-06, ELBSecurityPolicy-TLS13-1-2-Res-2021-06 or ELBSecurityPolicy-TLS13-1-3-2021-06"))]
    pub ssl_policy: Option<String>,

    /// The header Strict-Transport-Security of answers over HTTPS. Default: max-age=31536000; includeSubDomains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), regex(pattern = r"^max-age=[0-9]{1,10}(; includeSubDomains)?(; preload)?$"))]
    pub strict_transport_security: Option<String>,

    /// What the web ACL in front of the load balancer lets through (PCI DSS 6.4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waf: Option<Waf>,

    /// How it is known whether a task can take requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,

    /// Seconds in which a task that goes may finish its requests, 0 to 3600. Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub deregistration_delay_seconds: Option<i32>,
}

/// How it is known whether a task can take requests.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(validation = Rule::new("(has(self.timeoutSeconds) ? self.timeoutSeconds : 5) < (has(self.intervalSeconds) ? self.intervalSeconds : 15)")
    .message("ingress.healthCheck.timeoutSeconds must be less than intervalSeconds (unset mean 5 and 15)"))]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// Path that is asked for. Default: /.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^/[!-~]*$"))]
    pub path: Option<String>,

    /// Status codes of a healthy task, for example 200 or 200-299 or 200,204. Default: 200-399.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 60), regex(pattern = r"^[2-4][0-9][0-9]([,-][2-4][0-9][0-9])*$"))]
    pub codes: Option<String>,

    /// Seconds between checks, 5 to 300. Default: 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 300))]
    pub interval_seconds: Option<i32>,

    /// Seconds after which a check has failed, 2 to 120. Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 120))]
    pub timeout_seconds: Option<i32>,

    /// Checks in a row after which a task is healthy, 2 to 10. Default: 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10))]
    pub healthy_threshold: Option<i32>,

    /// Checks in a row after which a task is unhealthy and gets no requests, 2 to 10. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy_threshold: Option<i32>,

    /// Seconds for which a new task may be unhealthy before it is exchanged, 0 to 3600. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub grace_period_seconds: Option<i32>,
}
