//! Access logs: who read which bucket, who called the load balancer and the content delivery network (PCI DSS 10.2.1).
//!
//! One bucket receives them all. It is encrypted by S3's own keys, since its writers cannot use a KMS key, and keeps no
//! record of its own readers.

use std::collections::BTreeMap;

use super::Build;
use super::buckets::{self, LogTarget, Plain, writes};
use crate::aws::s3::{self, Bucket, Lifecycle};

pub const COMPONENT: &str = "AccessLogs";

/// The bucket's purpose, a part of its name.
const PURPOSE: &str = "access-logs";

/// Adds the bucket that other buckets log to.
pub fn add(build: &mut Build<'_>) -> LogTarget {
    let (env, account) = (build.env().to_owned(), build.platform.account_id.clone());
    let region = build.region.to_string();
    let arn = s3::arn(&Bucket::name(PURPOSE, &env, &account));
    let of_buckets = writes(build, "logging.s3", format!("{arn}/*")).when(
        "ArnLike",
        "aws:SourceArn",
        s3::arn(&Bucket::name("*", &env, &account)),
    );
    let of_load_balancers = writes(build, "logdelivery.elasticloadbalancing", format!("{arn}/*")).when(
        "ArnLike",
        "aws:SourceArn",
        format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/*"),
    );
    // Deliveries of CloudFront are made from us-east-1, wherever the platform is.
    let of_distributions = writes(build, "delivery.logs", format!("{arn}/*"))
        .when("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")
        .when("ArnLike", "aws:SourceArn", format!("arn:aws:logs:us-east-1:{account}:delivery-source:*"));
    let days = build.platform.access_log_retention_days;
    let plain = Plain {
        purpose: PURPOSE,
        component: COMPONENT,
        key: None,
        lifecycle: Lifecycle {
            transitions: BTreeMap::new(),
            expiration_days: Some(days),
            noncurrent_days: days,
            moves_small_objects: false,
        },
        access_logs: None,
    };
    let statements = vec![
        ("ServerAccessLogs", of_buckets),
        ("LoadBalancerLogs", of_load_balancers),
        ("DistributionLogs", of_distributions),
    ];
    let made = buckets::add(build, plain, statements);
    LogTarget { bucket: made.bucket, policy: made.policy.node().clone() }
}
