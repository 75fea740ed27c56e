//! How kinds work with AWS: what an operator may choose, all of it flags, and the sizes that AWS sets.

use std::time::Duration;

/// What an operator may choose; each is a flag.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Things of one kind that are read at once where AWS has no call for many.
    pub reads_at_once: usize,
    /// How long a read may lag behind a write.
    pub consistency_window: Duration,
    /// How long after a look at what AWS is at work on (a NAT gateway, an endpoint, a new role) the next one comes.
    pub poll: Duration,
    /// The tags of a new key may not be visible at once: only after so many consistency windows is a key without ours
    /// believed to be another's. It is then never asked again, so this errs on the long side.
    pub key_tags_windows: u32,
    /// How long a key that did not let us read its tags is not asked again.
    pub denied_key_pause: Duration,
    /// How long after a failed deployment of the application it is tried again.
    pub deployment_retry: Duration,
    /// Pages of objects that one step deletes from a bucket: the platform's other steps wait for its end.
    pub pages_per_emptying: u32,
}

/// Values in one filter of an EC2 describe call (EC2: at most 200).
pub const FILTER_VALUES: usize = 200;

/// Log groups in one DescribeLogGroups call (CloudWatch Logs: at most 50).
pub const IDENTIFIERS: usize = 50;

/// Objects in one DeleteObjects call (S3: at most 1000).
pub const OBJECTS_PER_DELETE: i32 = 1000;
