//! CloudWatch: alarms and dashboards.

mod alarm;
mod dashboard;

pub use alarm::{Alarm, Dimension, Notifies};
pub use dashboard::{Dashboard, Metric, Widget};

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Alarm>(), Kind::of::<Dashboard>()];
