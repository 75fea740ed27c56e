//! SNS.

mod topic;

pub use topic::{Subscription, Topic};

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Topic>()];
