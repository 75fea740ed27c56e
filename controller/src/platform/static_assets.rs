//! Static assets: the bucket of what the application shows besides its answers, which it writes itself (PCI DSS 1.4.4: nobody reads
//! it directly; 3.5.1).

use std::collections::BTreeMap;

use payment_platform_engine::Ref;

use super::buckets::{self, LogTarget, Plain};
use super::encryption::Keys;
use super::{Build, names};
use crate::aws::s3::{Bucket, Lifecycle};

pub const COMPONENT: &str = "StaticAssets";

/// Days after which S3 looks for the cheapest storage of an object.
const TIERED_AFTER_DAYS: i32 = 30;

/// Days that an earlier version of an object stays.
const NONCURRENT_DAYS: i32 = 30;

/// Adds the bucket.
pub fn add(build: &mut Build<'_>, keys: &Keys, access_logs: &LogTarget) -> Ref<Bucket> {
    let plain = Plain {
        purpose: names::STATIC,
        component: COMPONENT,
        key: Some(keys.s3.clone()),
        lifecycle: Lifecycle {
            transitions: BTreeMap::from([("INTELLIGENT_TIERING".to_owned(), TIERED_AFTER_DAYS)]),
            expiration_days: None,
            noncurrent_days: NONCURRENT_DAYS,
            // Those under 128 KB are not watched, and would cost the same.
            moves_small_objects: false,
        },
        access_logs: Some(access_logs),
        statements: Vec::new(),
    };
    buckets::add(build, plain).bucket
}
