//! Application Auto Scaling: how many tasks of the application run.

mod policies;
mod target;

pub use policies::{Policy, ScalingPolicies, StepScaling, TargetTracking};
pub use target::ScalableTarget;

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<ScalableTarget>(), Kind::of::<ScalingPolicies>()];
