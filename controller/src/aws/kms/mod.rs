//! KMS: encryption keys and their names.

mod alias;
mod key;

pub use alias::Alias;
pub use key::{Key, KeyMarks};
