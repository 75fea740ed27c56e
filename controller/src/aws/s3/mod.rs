//! S3: buckets and who may reach them.

mod bucket;
mod bucket_policy;
mod lifecycle;
mod tagged;

pub use bucket::{Bucket, arn};
pub use bucket_policy::BucketPolicy;
pub use lifecycle::Lifecycle;
pub use tagged::TaggedBucket;
