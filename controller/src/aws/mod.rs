//! AWS: one file per kind of resource, the table of kinds, and what they share.

pub mod client;
pub mod ec2;
pub mod error;
pub mod iam;
pub mod kms;
pub mod limits;
pub mod logs;
pub mod policy;
pub mod s3;
pub mod tags;

pub use client::Aws;

use payment_platform_engine::Kind;

/// Every kind of resource that the controller knows, what is used before its users.
pub const KINDS: &[Kind<Aws>] = &[
    Kind::of::<kms::Key>(),
    Kind::of::<kms::Alias>(),
    Kind::of::<logs::LogGroup>(),
    Kind::of::<iam::Role>(),
    Kind::of::<ec2::Vpc>(),
    Kind::of::<ec2::NetworkAcl>(),
    Kind::of::<ec2::InternetGateway>(),
    Kind::of::<ec2::Subnet>(),
    Kind::of::<ec2::Address>(),
    Kind::of::<ec2::NatGateway>(),
    Kind::of::<ec2::RouteTable>(),
    Kind::of::<ec2::SecurityGroup>(),
    Kind::of::<ec2::SecurityGroupRules>(),
    Kind::of::<s3::Bucket>(),
    Kind::of::<s3::BucketPolicy>(),
    Kind::of::<ec2::FlowLog>(),
    Kind::of::<ec2::VpcEndpoint>(),
];

/// IAM actions of the controller itself, besides those of the kinds: who it is, which zones and quotas there are.
pub const OWN_ACTIONS: &[&str] = &[
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeVpcEndpointServices",
    "iam:GetRole",
    "servicequotas:GetServiceQuota",
    "sts:GetCallerIdentity",
];
