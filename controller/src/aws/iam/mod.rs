//! IAM: the roles that AWS services assume.

mod role;
mod role_policy;

pub use role::Role;
pub use role_policy::{Grant, RolePolicy, Thing};

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Role>()];
