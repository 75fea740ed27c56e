//! What a platform has besides its own: rules of security groups, statements of key policies.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the security groups let through, besides what the platform itself needs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroups {
    /// What the application's tasks may reach outside the VPC by HTTPS. Internet (the default): everything.
    /// EndpointsOnly: what has a VPC endpoint, and S3 for the layers of images in ECR (PCI DSS 1.3.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_egress: Option<TaskEgress>,
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

/// What the application's tasks reach outside the VPC.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskEgress {
    #[default]
    Internet,
    EndpointsOnly,
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
