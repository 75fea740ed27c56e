//! Secrets Manager.

mod attachment;
mod secret;
mod value;

pub use attachment::Attachment;
pub use secret::{Login, Secret, suffix};
pub use value::credentials;

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Secret>(), Kind::of::<Attachment>()];
