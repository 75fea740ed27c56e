//! KMS: encryption keys and their names.

mod alias;
mod key;

pub use alias::Alias;
pub use key::{Key, KeyMarks};

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Key>(), Kind::of::<Alias>()];
