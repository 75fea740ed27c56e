//! AWS: one file per kind of resource, the table of kinds, and what they share.

pub mod autoscaling;
pub mod client;
pub mod cloudfront;
pub mod cloudwatch;
pub mod ec2;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod error;
pub mod iam;
pub mod iam_policy;
pub mod kms;
pub mod limits;
pub mod logs;
pub mod marked;
pub mod policy;
pub mod rds;
pub mod s3;
pub mod secretsmanager;
pub mod sns;
pub mod tag_index;
pub mod tags;
pub mod transport;
pub mod unread;
pub mod wafv2;

pub use client::Aws;

use std::sync::LazyLock;

use payment_platform_engine::Kind;
use payment_platform_engine::diff::Change;

/// Every kind of resource that the controller knows. Each service's module has the table of its own.
pub static KINDS: LazyLock<Vec<Kind<Aws>>> = LazyLock::new(|| {
    let services = [kms::KINDS, logs::KINDS, iam::KINDS, ec2::KINDS, s3::KINDS];
    let data = [sns::KINDS, secretsmanager::KINDS, rds::KINDS];
    let application = [elbv2::KINDS, ecs::KINDS, autoscaling::KINDS, cloudwatch::KINDS];
    let edge = [wafv2::KINDS, cloudfront::KINDS];
    [services.concat(), data.concat(), application.concat(), edge.concat()].concat()
});

/// IAM actions of the controller itself, besides those of the kinds: who it is, which zones, quotas and
/// versions of the database there are, the tags of many things at once, and what the platform uses and does not own.
pub const OWN_ACTIONS: &[&str] = &[
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeManagedPrefixLists",
    "ec2:DescribeVpcEndpointServices",
    "ecr:BatchGetRepositoryScanningConfiguration",
    "ecr:DescribeRepositories",
    "iam:GetRole",
    "logs:DescribeLogGroups",
    "rds:DescribeDBMajorEngineVersions",
    "rds:DescribeOrderableDBInstanceOptions",
    "servicequotas:GetServiceQuota",
    "sts:GetCallerIdentity",
    "tag:GetResources",
];

/// Whether any change lies under this field.
fn touches(changes: &[Change], field: &str) -> bool {
    changes.iter().any(|change| change.field() == field)
}
