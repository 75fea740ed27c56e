//! What the controller says of a platform.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the controller says of a platform.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPlatformStatus {
    /// The metadata.generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Ready, Reconciling and Stalled in kstatus's sense; DriftCorrected and Conflict; one per component, for example
    /// NetworkReady.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// How far the environment is built or deleted, for example "nodes: 37/52".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,

    /// Nodes that differ from the spec and are being corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_count: Option<i32>,

    /// The latest drifts, newest first: what, where, before, after, when found and when put right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub drift: Vec<Drift>,

    /// When a pass last found everything on AWS as described, without having to write. Written at most once an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified_time: Option<Time>,

    /// The value of the annotation paymentplatform.io/reconcile-requested-at whose look is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconcile_requested_at: Option<String>,

    /// What the spec leaves open, as it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolved>,

    /// The UID in the tags of this object's resources, where it is not its own: that of an earlier object, deleted with
    /// deletionPolicy Retain, whose resources this one has taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_uid: Option<String>,

    /// What waits for the annotation paymentplatform.io/approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,

    /// What was approved and is not all done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Approval>,

    /// How many approvals were used. A part of the hash, so that each approves once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals_used: Option<i32>,

    /// Ids and names that others need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Outputs>,

    /// The ConfigMap with the outputs, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs_config_map: Option<String>,

    /// Where this object has resources: recorded before the first of them is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub scopes: Vec<Scope>,

    /// Every AWS resource of this object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub inventory: Vec<InventoryEntry>,

    /// Keys of spec.tags that may stand on resources, so that a key taken out of the spec is taken off them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tag_keys: Vec<String>,
}

/// What the spec leaves open, as it was decided.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// The home region.
    pub region: String,
    /// The zones in use. Fixed once chosen, unless the spec names others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Zone>,
    /// The profile in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<crate::spec::Profile>,
    /// The retention of log groups in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_retention_days: Option<i32>,
    /// The retention of access logs in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log_retention_days: Option<i32>,
    /// The retention of flow logs in their bucket in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_retention_days: Option<i32>,
    /// Days between rotations of each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_rotation_days: Option<i32>,
    /// Days between the scheduling of a key's deletion and the deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_deletion_days: Option<i32>,
    /// Prefix list of S3 that the tasks may reach in place of the internet; only with securityGroups.taskEgress
    /// EndpointsOnly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_prefix_list: Option<String>,
    /// Whether the default network ACL denies ports 22 and 3389.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny_remote_administration: Option<bool>,
    /// The version of the database engine that was taken. A minor version that AWS has moved to stands in
    /// outputs.auroraEngineVersion, of MySQL in outputs.databaseEngineVersion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_engine_version: Option<String>,
    /// The major version that the database began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_first_major: Option<String>,
    /// Whether the class of the database's instances supports Performance Insights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_supports_performance_insights: Option<bool>,
    /// The zone of each instance of the database, the writer's first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub database_zones: Vec<String>,
    /// Days that automatic backups of the database are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_backup_retention_days: Option<i32>,
    /// Days that the database's deleted secret can be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_secret_recovery_window_days: Option<i32>,
    /// ARN of the certificate of the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_arn: Option<String>,
    /// ARN of the certificate of the distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdn_certificate_arn: Option<String>,
    /// Whether the bucket of static assets is encrypted under the s3 key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_assets_under_key: Option<bool>,
    /// Whether a web ACL stands in front of the distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdn_web_acl: Option<bool>,
    /// What deleting the object does on AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<crate::spec::DeletionPolicy>,
}

/// Changes that lower protection or retention, or would lose data.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The value of the annotation that approves them, and no others.
    pub hash: String,
    /// Each of them, with the value in force and the one asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
}

/// A zone and the place of its subnets in the default address plan.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    /// For example us-east-1a.
    pub name: String,
    /// 0 for the subnets .1, .11 and .21, 1 for .2, .12 and .22, and so on.
    pub index: i32,
}

/// Ids and names that others need.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// The AWS account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The home region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Id of the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// Ids of the public subnets, in the order of the zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_subnet_ids: Vec<String>,
    /// Ids of the private subnets, in the order of the zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_subnet_ids: Vec<String>,
    /// Ids of the database subnets, in the order of the zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub database_subnet_ids: Vec<String>,
    /// Ids of the NAT gateways, in the order of the zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nat_gateway_ids: Vec<String>,
    /// ARN of the key for database, secrets and application data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_app_data_arn: Option<String>,
    /// ARN of the key for buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_s3_arn: Option<String>,
    /// ARN of the key for log groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_cloudwatch_arn: Option<String>,
    /// Name of the bucket that receives the flow logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_bucket_flow_logs_name: Option<String>,
    /// Id of the security group of the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_alb_id: Option<String>,
    /// Id of the security group of the application tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_ecs_tasks_id: Option<String>,
    /// Id of the security group of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_aurora_id: Option<String>,
    /// Where the database is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aurora_cluster_endpoint: Option<String>,
    /// Where the database is read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aurora_reader_endpoint: Option<String>,
    /// The version of the Aurora database's engine as deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aurora_engine_version: Option<String>,
    /// Where the MySQL database is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_endpoint: Option<String>,
    /// On which port the MySQL database is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_port: Option<i32>,
    /// The version of the MySQL database's engine as deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_engine_version: Option<String>,
    /// ARN of the secret with the database's master login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_manager_secret_arn: Option<String>,
    /// Name under which the distribution of static assets is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudfront_distribution_domain_name: Option<String>,
    /// ARN of the web ACL in front of the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waf_web_acl_arn: Option<String>,
    /// Name under which the load balancer is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alb_dns_name: Option<String>,
    /// ARN of the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alb_arn: Option<String>,
    /// ARN of the ECS cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs_cluster_arn: Option<String>,
    /// Name of the ECS service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs_service_name: Option<String>,
    /// Name of the bucket for static assets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_bucket_static_assets_name: Option<String>,
    /// ARN of the topic of alarms and events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sns_topic_arn: Option<String>,
}

/// One place with resources of this object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// The AWS account.
    pub account_id: String,
    /// The region; `global` for services without one.
    pub region: String,
    /// The role that was assumed, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role_arn: Option<String>,
    /// The external id that the role asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// One AWS resource of this object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct InventoryEntry {
    /// region/service/kind/name, as in the tag paymentplatform.io/node.
    pub node: String,
    /// The id on AWS.
    pub id: String,
    /// When it was made, in seconds since 1970, where AWS tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// Digest of what the resource last agreed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<String>,
}

/// One difference that somebody made on AWS.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The node that differed.
    pub node: String,
    /// The id on AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The field that differed; `existence` for a resource that was gone or there twice.
    pub field: String,
    /// The value found, as JSON; nothing when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The value wanted, as JSON; nothing when none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// When it was found.
    pub detected_time: Time,
    /// When it was put right; nothing while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected_time: Option<Time>,
}
