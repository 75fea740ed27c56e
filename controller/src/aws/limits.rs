//! Every waiting time and limit towards AWS that is no flag, each with its unit and reason.

use std::time::Duration;

/// A connection that takes longer is broken: AWS answers within milliseconds on a healthy network.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it is believed which account the credentials belong to: they can be replaced under a running process.
pub const IDENTITY_AGE: Duration = Duration::from_secs(55);

/// Values in one filter of an EC2 describe call (EC2: at most 200).
pub const FILTER_VALUES: usize = 200;

/// A NAT gateway is ready after one to two minutes.
pub const NAT_GATEWAY_RETRY: Duration = Duration::from_secs(5);

/// How many things of one kind are read at once where AWS has no call for many.
pub const READS_AT_ONCE: usize = 8;
