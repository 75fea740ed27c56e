//! CloudWatch: alarms.

mod alarm;

pub use alarm::{Alarm, Dimension, Notifies};

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Alarm>()];
