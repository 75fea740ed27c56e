//! What a platform engineer writes.
//!
//! Every field is optional. Schema defaults stand only where a value depends on nothing; what depends on the profile,
//! the region or the zones is resolved in [`Platform`](crate::Platform) and shown in `status.resolved`.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    validation = Rule::new("self.profile == 'Ephemeral' || (has(self.network) && has(self.network.natGateways) ? self.network.natGateways : 'PerZone') == 'PerZone'")
        .message("network.natGateways: Single needs profile: Ephemeral; in Production every zone has a NAT gateway of its own, so that the loss of one zone leaves the others working"),
    validation = Rule::new("self.profile == 'Ephemeral' || (has(self.logs) && has(self.logs.retentionDays) ? self.logs.retentionDays : 365) >= 90")
        .message("logs.retentionDays must be at least 90 in Production; PCI DSS 10.5.1 asks for 365, of which 90 days at hand"),
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

    /// Who may reach the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,

    /// The payment application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Compute>,

    /// Log groups and access logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Logs>,

    /// What is recorded for auditors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,

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
    /// Everything is deleted but log groups and the keys that encrypt them, which are tagged as kept.
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

/// VPC, subnets and routing.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(
    validation = Rule::new("has(self.subnets) || !has(self.vpcCidr) || cidr(self.vpcCidr).prefixLength() <= 19")
        .message("network.vpcCidr smaller than /19 has no room for the default subnets; name them in network.subnets"),
    validation = Rule::new("!has(self.subnets) || has(self.availabilityZones)")
        .message("network.subnets needs network.availabilityZones: the first CIDR of each tier lies in the first zone, and so on"),
    validation = Rule::new("!has(self.subnets) || !has(self.availabilityZones) || (size(self.subnets.public) == size(self.availabilityZones) && size(self.subnets.private) == size(self.availabilityZones) && size(self.subnets.database) == size(self.availabilityZones))")
        .message("network.subnets must name as many CIDRs in each of public, private and database as there are network.availabilityZones"),
    validation = Rule::new("!has(self.subnets) || (self.subnets.public + self.subnets.private + self.subnets.database).all(subnet, cidr(has(self.vpcCidr) ? self.vpcCidr : '10.0.0.0/16').containsCIDR(subnet))")
        .message("network.subnets must lie inside network.vpcCidr (unset means 10.0.0.0/16)"),
    validation = Rule::new("!has(self.subnets) || (self.subnets.public + self.subnets.private + self.subnets.database).all(one, (self.subnets.public + self.subnets.private + self.subnets.database).filter(other, cidr(one).containsCIDR(other)).size() == 1)")
        .message("network.subnets must not overlap"),
    validation = Rule::new("!has(oldSelf.subnets) || !has(self.availabilityZones) || !has(oldSelf.availabilityZones) || self.availabilityZones != oldSelf.availabilityZones || (has(self.subnets) && self.subnets == oldSelf.subnets)")
        .message("network.subnets cannot be changed for zones that stay: AWS cannot renumber a subnet")
)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// IPv4 range of the VPC, /16 to /28. Default: 10.0.0.0/16. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 18))]
    #[x_kube(validation = Rule::new("isCIDR(self) && cidr(self).ip().family() == 4 && cidr(self).prefixLength() >= 16 && cidr(self).prefixLength() <= 28 && cidr(self) == cidr(self).masked()")
        .message("network.vpcCidr must be an IPv4 range from /16 to /28 written by its first address, for example 10.20.0.0/16"))]
    pub vpc_cidr: Option<String>,

    /// Two or three zones of the region, for example us-east-1a. Default: the first two that the region offers, fixed
    /// once chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 3), inner(length(max = 34), regex(pattern = r"^[a-z]+-[a-z]+-[0-9][a-z]$")))]
    #[x_kube(validation = Rule::new("self.all(one, self.filter(other, other == one).size() == 1)")
        .message("network.availabilityZones must not name a zone twice"))]
    pub availability_zones: Option<Vec<String>>,

    /// Ranges of the subnets, by tier, one per zone in the order of availabilityZones. Default: offsets .1.0/24,
    /// .11.0/24 and .21.0/24 of a VPC of /16 to /19, the next zone one higher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Subnets>,

    /// PerZone (the default), or Single in Ephemeral to save the cost of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat_gateways: Option<NatGateways>,

    /// Routes besides those of the platform, for example to a transit gateway. A route that stands in neither is removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(validation = Rule::new("self.all(one, self.filter(other, other.tier == one.tier && other.destination == one.destination).size() == 1)")
        .message("network.extraRoutes must not name a destination twice in one tier"))]
    pub extra_routes: Vec<ExtraRoute>,

    /// AWS services that get an interface endpoint besides ecr.api, ecr.dkr, logs, secretsmanager, kms and ec2, by the
    /// last part of the endpoint service's name, for example sts or ssm. S3 has its gateway endpoint in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 40), regex(pattern = r"^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$")))]
    #[x_kube(validation = Rule::new("self.all(one, !(one in ['ecr.api', 'ecr.dkr', 'logs', 'secretsmanager', 'kms', 'ec2', 's3']) && self.filter(other, other == one).size() == 1)")
        .message("network.extraEndpoints must name services that have no endpoint yet (ecr.api, ecr.dkr, logs, secretsmanager, kms, ec2 and s3 have one), each once"))]
    pub extra_endpoints: Vec<String>,

    /// The VPC's flow logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_logs: Option<FlowLogs>,

    /// Whether the default network ACL denies ports 22 and 3389 from anywhere. Default: true. An ACL is stateless, so
    /// one connection in 64,000, whose ephemeral port is 3389, is retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny_remote_administration: Option<bool>,
}

/// Ranges of the subnets, by tier.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Subnets {
    /// Load balancer and NAT gateways; routed to the internet.
    #[schemars(length(min = 2, max = 3), inner(length(max = 18)))]
    #[x_kube(validation = Rule::new("self.all(subnet, isCIDR(subnet) && cidr(subnet).ip().family() == 4 && cidr(subnet).prefixLength() >= 16 && cidr(subnet).prefixLength() <= 28 && cidr(subnet) == cidr(subnet).masked())")
        .message("network.subnets.public must be IPv4 ranges from /16 to /28 written by their first address, for example 10.0.1.0/24"))]
    pub public: Vec<String>,
    /// The application; routed out through the NAT gateways.
    #[schemars(length(min = 2, max = 3), inner(length(max = 18)))]
    #[x_kube(validation = Rule::new("self.all(subnet, isCIDR(subnet) && cidr(subnet).ip().family() == 4 && cidr(subnet).prefixLength() >= 16 && cidr(subnet).prefixLength() <= 28 && cidr(subnet) == cidr(subnet).masked())")
        .message("network.subnets.private must be IPv4 ranges from /16 to /28 written by their first address, for example 10.0.11.0/24"))]
    pub private: Vec<String>,
    /// The database; no route out.
    #[schemars(length(min = 2, max = 3), inner(length(max = 18)))]
    #[x_kube(validation = Rule::new("self.all(subnet, isCIDR(subnet) && cidr(subnet).ip().family() == 4 && cidr(subnet).prefixLength() >= 16 && cidr(subnet).prefixLength() <= 28 && cidr(subnet) == cidr(subnet).masked())")
        .message("network.subnets.database must be IPv4 ranges from /16 to /28 written by their first address, for example 10.0.21.0/24"))]
    pub database: Vec<String>,
}

/// A route of one tier.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(validation = Rule::new("cidr(self.destination).prefixLength() > 0")
    .message("network.extraRoutes: the default routes are the platform's, and the database tier has none (PCI DSS 1.4.4)"))]
#[serde(rename_all = "camelCase")]
pub struct ExtraRoute {
    /// Public, Private or Database: the route stands in all tables of the tier.
    pub tier: Tier,
    /// IPv4 range that is reached, for example 192.168.0.0/16.
    #[schemars(length(max = 18))]
    #[x_kube(validation = Rule::new("isCIDR(self) && cidr(self).ip().family() == 4 && cidr(self) == cidr(self).masked()")
        .message("network.extraRoutes: destination must be an IPv4 range written by its first address, for example 192.168.0.0/16"))]
    pub destination: String,
    /// Id of a transit gateway (tgw-...), VPC peering connection (pcx-...), virtual private gateway (vgw-...), network
    /// interface (eni-...) or gateway load balancer endpoint (vpce-...).
    #[schemars(length(max = 40), regex(pattern = r"^(tgw|pcx|vgw|eni|vpce)-[0-9a-f]{8,17}$"))]
    pub target: String,
}

/// A tier of the VPC.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Public,
    Private,
    Database,
}

/// The VPC's flow logs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct FlowLogs {
    /// Days after which flow logs in the bucket move to cheaper storage (Glacier Instant Retrieval in Production, Glacier
    /// Flexible Retrieval in Ephemeral), 1 to 360. Default: 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 360))]
    pub archive_after_days: Option<i32>,
}

/// How many NAT gateways.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NatGateways {
    #[default]
    PerZone,
    Single,
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

/// Who may reach the load balancer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    /// IPv4 ranges that may reach the load balancer on ports 80 and 443. Default: 0.0.0.0/0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20), inner(length(max = 18)))]
    #[x_kube(validation = Rule::new("self.all(range, isCIDR(range) && cidr(range).ip().family() == 4 && cidr(range) == cidr(range).masked())")
        .message("ingress.allowedCidrs must be IPv4 ranges written by their first address, for example 203.0.113.0/24"))]
    pub allowed_cidrs: Option<Vec<String>>,
}

/// The payment application.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Compute {
    /// Port on which the application's containers listen, 1 to 65535. Default: 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub container_port: Option<i32>,
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

/// Additions to the security groups.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroups {
    /// Group of the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alb: Option<GroupAdditions>,
    /// Group of the application's tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs_tasks: Option<GroupAdditions>,
    /// Group of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aurora: Option<GroupAdditions>,
    /// Group of the VPC endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_endpoints: Option<GroupAdditions>,
}

/// Additions to one security group.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GroupAdditions {
    /// Rules besides those of the platform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub extra_rules: Vec<ExtraRule>,
}

/// One rule of a security group.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(
    validation = Rule::new("self.protocol in ['tcp', 'udp'] ? has(self.fromPort) : !has(self.fromPort) && !has(self.toPort)")
        .message("extraRules: tcp and udp need fromPort (and toPort for a range); icmp and all have no ports"),
    validation = Rule::new("!has(self.toPort) || (has(self.fromPort) && self.toPort >= self.fromPort)")
        .message("extraRules: toPort must not be less than fromPort"),
    validation = Rule::new("self.peer.startsWith('sg-') || self.peer.startsWith('pl-') || (isCIDR(self.peer) && cidr(self.peer) == cidr(self.peer).masked())")
        .message("extraRules: peer must be a range written by its first address (203.0.113.0/24), a security group (sg-...) or a prefix list (pl-...)")
)]
#[serde(rename_all = "camelCase")]
pub struct ExtraRule {
    /// Ingress or Egress.
    pub direction: Direction,
    /// tcp (the default), udp, icmp or all.
    #[serde(default)]
    pub protocol: Protocol,
    /// First port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub from_port: Option<i32>,
    /// Last port. Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub to_port: Option<i32>,
    /// The other end: a range, a security group or a prefix list.
    #[schemars(length(min = 1, max = 43))]
    pub peer: String,
    /// Why the rule is there; stands on the rule. EC2 takes letters, digits, spaces and ._-:/()#,@[]+=&;{}!$* only.
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]+$"))]
    pub description: String,
}

/// Of a rule, as seen from the group's members.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ingress,
    Egress,
}

/// Of a rule.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
    Icmp,
    All,
}

/// Additions to the key policies.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// Key of database, secrets and application data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<KeyAdditions>,
    /// Key of the buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<KeyAdditions>,
    /// Key of the log groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<KeyAdditions>,
}

/// Additions to one key.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct KeyAdditions {
    /// Statements of the key's policy besides those of the platform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(validation = Rule::new("self.all(one, self.filter(other, other.sid == one.sid).size() == 1)")
        .message("extraStatements must not use a sid twice"))]
    pub extra_statements: Vec<ExtraStatement>,
}

/// One statement of a key policy, for the key itself.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExtraStatement {
    /// Name of the statement: letters and digits. It must begin with Extra, so that it never meets one of the
    /// platform's.
    #[schemars(length(min = 6, max = 60), regex(pattern = r"^Extra[A-Za-z0-9]+$"))]
    pub sid: String,
    /// Allow (the default) or Deny.
    #[serde(default)]
    pub effect: Effect,
    /// ARNs of roles or users, or services like athena.amazonaws.com.
    #[schemars(
        length(min = 1, max = 20),
        inner(
            length(max = 600),
            regex(pattern = r"^(arn:aws:(iam|sts)::[0-9]{12}:[A-Za-z0-9+=,.@_/-]+|[a-z0-9.-]+\.amazonaws\.com)$")
        )
    )]
    pub principals: Vec<String>,
    /// Actions of KMS, for example kms:Decrypt.
    #[schemars(length(min = 1, max = 20), inner(length(max = 60), regex(pattern = r"^kms:[A-Za-z*]+$")))]
    pub actions: Vec<String>,
    /// Conditions as in IAM: operator, then key, then values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 10))]
    pub conditions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// Of a statement.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    #[default]
    Allow,
    Deny,
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
