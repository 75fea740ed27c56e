//! IAM: the roles that AWS services assume.

mod role;

pub use role::Role;

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Role>()];
