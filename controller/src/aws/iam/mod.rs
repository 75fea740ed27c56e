//! IAM: the roles that AWS services assume.

mod role;

pub use role::Role;
