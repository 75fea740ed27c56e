//! Waiting times and sizes that AWS sets, each with its unit and reason. What an operator may choose is a flag.

use std::time::Duration;

/// Values in one filter of an EC2 describe call (EC2: at most 200).
pub const FILTER_VALUES: usize = 200;

/// A NAT gateway is ready after one to two minutes.
pub const NAT_GATEWAY_RETRY: Duration = Duration::from_secs(5);

/// The tags of a new key may not be visible at once: only after so many consistency windows is a key without ours
/// believed to be another's. It is then never asked again, so this errs on the long side.
pub const KEY_TAGS_WINDOWS: u32 = 6;

/// An interface endpoint is ready, or gone, after one to three minutes.
pub const ENDPOINT_RETRY: Duration = Duration::from_secs(5);

/// A new role can be assumed after some seconds.
pub const ROLE_RETRY: Duration = Duration::from_secs(3);

/// Objects in one DeleteObjects call (S3: at most 1000).
pub const OBJECTS_PER_DELETE: i32 = 1000;

/// Pages of objects deleted in one step: a step must end well before its platform's other steps wait for it.
pub const PAGES_PER_EMPTYING: usize = 20;

/// A bucket that is not empty yet goes on at once.
pub const EMPTYING_RETRY: Duration = Duration::from_secs(1);
