//! S3: buckets and who may reach them.

mod bucket;
mod bucket_policy;
mod emptying;
mod lifecycle;
mod tagged;

pub use bucket::{Bucket, arn, domain_name};
pub use bucket_policy::{BucketPolicy, Reader};
pub use lifecycle::Lifecycle;
pub use tagged::{PREFIX, TaggedBucket};

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Bucket>(), Kind::of::<BucketPolicy>()];
