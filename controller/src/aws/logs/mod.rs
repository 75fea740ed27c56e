//! CloudWatch Logs.

mod log_group;

pub use log_group::{LogGroup, PATTERN, PREFIXES};

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<LogGroup>()];
