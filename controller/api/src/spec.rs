//! What a platform engineer writes.
//!
//! Every field is optional. Schema defaults stand only where a value depends on nothing; what depends on the profile,
//! the region or the zones is resolved in [`Platform`](crate::Platform) and shown in `status.resolved`.

mod additions;
mod application;
mod database;
mod edge;
mod monitoring;
mod network;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::additions::{
    Direction, Effect, ExtraRule, ExtraStatement, GroupAdditions, KeyAdditions, Keys, Protocol, SecurityGroups,
    TaskEgress,
};
pub use self::application::{Architecture, Autoscaling, Compute, HealthCheck, Ingress, TaskRole, TaskStatement};
pub use self::database::{Database, Engine, StorageType, UpgradePolicy};
pub use self::edge::{IpSet, OriginAccess, StaticAssets, Waf, WafAction};
pub use self::monitoring::{
    Alarm, Comparison, MissingData, Monitoring, Statistic, Subscription, SubscriptionProtocol, Thresholds,
};
pub use self::network::{ExtraRoute, FlowLogs, NatGateways, Network, Subnets, Tier};
use crate::status::PaymentPlatformStatus;

/// A PCI DSS payment environment on AWS. `spec: {}` is a complete production environment.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "paymentplatform.io",
    version = "v1alpha1",
    kind = "PaymentPlatform",
    plural = "paymentplatforms",
    shortname = "pp",
    namespaced,
    status = "PaymentPlatformStatus",
    doc = "A PCI DSS payment environment on AWS, built from this one object and kept as it describes.",
    derive = "PartialEq",
    derive = "Default",
    validation = Rule::new("size(self.metadata.name) <= 63")
        .message("metadata.name must be at most 63 characters: namespace/name is the value of a tag on every AWS resource"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether everything on AWS is as this object describes."
    ),
    printcolumn(
        name = "Drift",
        type_ = "integer",
        json_path = ".status.driftCount",
        description = "Nodes that differ from this object and are being corrected."
    ),
    printcolumn(name = "Region", type_ = "string", json_path = ".status.resolved.region"),
    printcolumn(name = "Environment", type_ = "string", json_path = ".spec.environment"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    printcolumn(name = "Progress", type_ = "string", json_path = ".status.progress", priority = 1)
)]
#[x_kube(
    validation = Rule::new("self.environment == oldSelf.environment")
        .message("environment cannot be changed: every AWS resource is named after it; create a second PaymentPlatform instead")
        .field_path(".environment"),
    validation = Rule::new("(has(self.aws) && has(self.aws.region) ? self.aws.region : 'us-east-1') == (has(oldSelf.aws) && has(oldSelf.aws.region) ? oldSelf.aws.region : 'us-east-1')")
        .message("aws.region cannot be changed (unset means us-east-1): create a second PaymentPlatform in the other region instead"),
    validation = Rule::new("(has(self.network) && has(self.network.vpcCidr) ? self.network.vpcCidr : '10.0.0.0/16') == (has(oldSelf.network) && has(oldSelf.network.vpcCidr) ? oldSelf.network.vpcCidr : '10.0.0.0/16')")
        .message("network.vpcCidr cannot be changed (unset means 10.0.0.0/16): AWS cannot renumber a VPC; create a second PaymentPlatform instead"),
    validation = Rule::new("(has(self.database) && has(self.database.databaseName) ? self.database.databaseName : 'paymentdb') == (has(oldSelf.database) && has(oldSelf.database.databaseName) ? oldSelf.database.databaseName : 'paymentdb')")
        .message("database.databaseName cannot be changed (unset means paymentdb): it is given when the cluster is made; create a further database in the cluster, or a second PaymentPlatform instead"),
    validation = Rule::new("(has(self.database) && has(self.database.username) ? self.database.username : 'dbadmin') == (has(oldSelf.database) && has(oldSelf.database.username) ? oldSelf.database.username : 'dbadmin')")
        .message("database.username cannot be changed (unset means dbadmin): the master user is made with the cluster; create further users in the database instead"),
    validation = Rule::new("(has(self.database) ? self.database.engine : 'aurora-postgresql') == (has(oldSelf.database) ? oldSelf.database.engine : 'aurora-postgresql')")
        .message("database.engine cannot be changed (unset means aurora-postgresql): create a second PaymentPlatform and copy the data instead"),
    validation = Rule::new("self.profile == 'Ephemeral' || !has(self.database) || !has(self.database.multiAz) || self.database.multiAz")
        .message("database.multiAz: false needs profile: Ephemeral; in Production the loss of one zone must leave the database working"),
    validation = Rule::new("self.profile == 'Ephemeral' || !has(self.database) || !has(self.database.backupRetentionDays) || self.database.backupRetentionDays >= 7")
        .message("database.backupRetentionDays must be at least 7 in Production"),
    validation = Rule::new("self.profile == 'Ephemeral' || !has(self.database) || !has(self.database.secretRecoveryWindowDays) || self.database.secretRecoveryWindowDays >= 7")
        .message("database.secretRecoveryWindowDays must be at least 7 in Production"),
    validation = Rule::new("self.profile == 'Ephemeral' || (has(self.network) && has(self.network.natGateways) ? self.network.natGateways : 'PerZone') == 'PerZone'")
        .message("network.natGateways: Single needs profile: Ephemeral; in Production every zone has a NAT gateway of its own, so that the loss of one zone leaves the others working"),
    validation = Rule::new("self.profile == 'Ephemeral' || (has(self.logs) && has(self.logs.retentionDays) ? self.logs.retentionDays : 365) >= 90")
        .message("logs.retentionDays must be at least 90 in Production; PCI DSS 10.5.1 asks for 365, of which 90 days at hand"),
    validation = Rule::new("!has(self.securityGroups) || !has(self.securityGroups.taskEgress) || self.securityGroups.taskEgress == 'Internet' || (has(self.compute) && has(self.compute.image) && !self.compute.image.startsWith('public.ecr.aws/'))")
        .message("securityGroups.taskEgress: EndpointsOnly needs compute.image, best in a repository of ECR: tasks cannot reach a registry on the internet"),
    validation = Rule::new("!has(self.network) || !has(self.network.availabilityZones) || self.network.availabilityZones.all(zone, zone.startsWith((has(self.aws) && has(self.aws.region) ? self.aws.region : 'us-east-1')))")
        .message("network.availabilityZones must lie in aws.region (unset means us-east-1), for example us-east-1a")
)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPlatformSpec {
    /// Name of the environment, a part of every AWS name: 1 to 17 lower-case letters, digits and single inner hyphens,
    /// beginning with a letter, not ending in -dr or -cdn. Unique in its AWS account. Cannot be changed.
    #[serde(default = "default_environment")]
    #[schemars(length(min = 1, max = 17), regex(pattern = r"^[a-z](-?[a-z0-9])*$"))]
    #[x_kube(validation = Rule::new("!self.endsWith('-dr') && !self.endsWith('-cdn')")
        .message("environment must not end in -dr or -cdn: those names are taken by the second region and the CDN"))]
    pub environment: String,

    /// Production (the default), or Ephemeral for an environment that is torn down again: shorter retention, no
    /// deletion protection, deletion without confirmation.
    #[serde(default)]
    pub profile: Profile,

    /// Where on AWS, and as whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<Aws>,

    /// Value of the tag Owner. Default: platform-team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9 _.:/=+@-]*$"))]
    pub owner: Option<String>,

    /// Value of the tag CostCenter. Default: engineering.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9 _.:/=+@-]*$"))]
    pub cost_center: Option<String>,

    /// Further tags for every AWS resource, at most 30. Keys of the controller (Name, Environment, Application,
    /// ManagedBy, Owner, CostCenter, Compliance, paymentplatform.io/...) and keys that begin with aws: are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 30,
        "additionalProperties" = serde_json::json!({"type": "string", "maxLength": 256, "pattern": r"^[A-Za-z0-9 _.:/=+@-]*$"})
    ))]
    #[x_kube(
        validation = Rule::new("self.all(key, size(key) >= 1 && size(key) <= 128 && key.matches('^[A-Za-z0-9 _.:/=+@-]*$') && !key.lowerAscii().startsWith('aws:') && !key.startsWith('paymentplatform.io/'))")
            .message("tags: a key has 1 to 128 letters, digits, spaces or _ . : / = + @ - and begins neither with aws: nor with paymentplatform.io/"),
        validation = Rule::new("self.all(key, !(key in ['Name', 'Environment', 'Application', 'ManagedBy', 'Owner', 'CostCenter', 'Compliance']))")
            .message("tags: Name, Environment, Application, ManagedBy and Compliance are set by the controller; set Owner and CostCenter by spec.owner and spec.costCenter")
    )]
    pub tags: BTreeMap<String, String>,

    /// What happens to drift: Correct (the default) puts it right, Observe only reports it. Changes of this spec are
    /// carried out either way.
    #[serde(default)]
    pub drift_policy: DriftPolicy,

    /// What deleting this object does on AWS. Default: KeepData in Production, Delete in Ephemeral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// VPC, subnets and routing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,

    /// Encryption keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,

    /// How the application is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,

    /// The bucket of static assets and the distribution of CloudFront that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_assets: Option<StaticAssets>,

    /// The payment application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Compute>,

    /// The database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,

    /// Alarms, and who is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<Monitoring>,

    /// Log groups and access logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Logs>,

    /// What is recorded for auditors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,

    /// Where the outputs stand besides status.outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Outputs>,

    /// Rules of security groups besides those of the platform. A rule that stands in neither is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<SecurityGroups>,

    /// Statements of key policies besides those of the platform. A statement that stands in neither is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Keys>,

    /// Differences that are left alone for a while, each with its reason. They are listed in the status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub exceptions: Vec<Exception>,
}

fn default_environment() -> String {
    "prd".to_owned()
}

/// How much the environment is worth.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    #[default]
    Production,
    Ephemeral,
}

/// What happens to drift.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriftPolicy {
    #[default]
    Correct,
    Observe,
}

/// What deleting the object does on AWS.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// Everything is deleted.
    Delete,
    /// Everything is deleted but log groups, buckets and all keys, which are tagged as kept, and a final snapshot of the
    /// database.
    KeepData,
    /// Nothing is deleted. The same manifest applied again takes everything over; in another cluster it does so with
    /// the annotation paymentplatform.io/take-over.
    Retain,
}

/// Where on AWS, and as whom.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Aws {
    /// Home region, for example eu-west-1. Default: us-east-1. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^(us|eu|ap|ca|sa|me|af|il|mx)-[a-z]+-[0-9]$"))]
    pub region: Option<String>,

    /// Role that the controller assumes for this platform, for example arn:aws:iam::123456789012:role/payments.
    /// Default: the controller's own credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 600), regex(pattern = r"^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$"))]
    pub assume_role_arn: Option<String>,

    /// External id that the role's trust policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1224), regex(pattern = r"^[A-Za-z0-9+=,.@:/_-]+$"))]
    pub external_id: Option<String>,

    /// ARNs of IAM roles or users, besides the account's root and the controller, that administer the keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 10),
        inner(length(max = 600), regex(pattern = r"^arn:aws:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$"))
    )]
    pub key_administrators: Vec<String>,
}

/// Encryption keys.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// Days between rotations of each key, 90 to 2560. Default: 365. Rotation cannot be switched off (PCI DSS 3.7.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 90, max = 2560))]
    pub rotation_period_days: Option<i32>,

    /// Days between the scheduling of a key's deletion and the deletion, 7 to 30. Default: 30, Ephemeral 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 7, max = 30))]
    pub deletion_window_days: Option<i32>,
}

/// Where the outputs stand besides status.outputs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Name of a ConfigMap in the object's namespace to write them to, each under its name in status.outputs, lists with
    /// commas. The controller makes it, keeps it, and deletes it with the object; one that is there already is left alone, and
    /// the condition OutputsPublished says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
    )]
    pub config_map: Option<String>,

    /// Whether that ConfigMap has the ARN of the database's secret too. The secret's value never stands in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub include_sensitive: bool,
}

/// Log groups and access logs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Logs {
    /// Days that log events are kept, one of the values that CloudWatch Logs offers. Default: 365, Ephemeral 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self in [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]")
        .message("logs.retentionDays must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653"))]
    pub retention_days: Option<i32>,

    /// Days that server access logs of the buckets are kept, 90 to 3653. Default: 365, Ephemeral 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 90, max = 3653))]
    pub access_log_retention_days: Option<i32>,

    /// ARNs of destinations (a stream, a delivery stream, a function, a destination of another account) to which log events
    /// may also be sent: whoever collects them sets up the subscription, and it stays. A subscription to anything else is
    /// removed. At most 2 a log group (a quota of CloudWatch Logs).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 20, max = 512)))]
    #[x_kube(validation = Rule::new("self.all(one, one.matches('^arn:aws:(logs|kinesis|firehose|lambda|es|opensearch):[a-z0-9-]+:[0-9]{12}:.+$'))")
        .message("logs.subscriptionDestinations must be ARNs of logs, kinesis, firehose, lambda, es or opensearch, such as arn:aws:logs:us-east-1:123456789012:destination:collector"))]
    pub subscription_destinations: Vec<String>,
}

/// What is recorded for auditors.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Days that flow logs are kept in their bucket, 365 to 3653. Default: 2555.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 365, max = 3653))]
    pub retention_days: Option<i32>,
}

/// A difference that is left alone for a while.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// The node, as in status.inventory, for example us-east-1/ec2/security-group-rules/aurora.
    #[schemars(length(min = 1, max = 300), regex(pattern = r"^[a-z0-9-]+/[a-z0-9-]+/[a-z0-9-]+/.+$"))]
    pub node: String,
    /// The field and what lies below it, as in status.drift, for example rotation or rules[ingress tcp 22 10.1.0.0/16].
    #[schemars(length(min = 1, max = 500))]
    pub path: String,
    /// Why it is left alone, for whoever reads the report.
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
    /// When it ends, for example 2027-01-31T00:00:00Z. From then on the difference is corrected like any other.
    #[schemars(length(min = 20, max = 30), extend("format" = "date-time"))]
    pub until: String,
}

/// The periods that CloudWatch Logs offers, in days (PutRetentionPolicy).
pub const LOG_RETENTION_DAYS: [i32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
