//! AWS WAF: web ACLs, their logs, and what they stand in front of.

mod association;
mod rule;
mod web_acl;

pub use association::WebAclAssociation;
pub use rule::{Rule, RuleAction, Statement};
pub use web_acl::{AclScope, WebAcl};

use payment_platform_engine::Kind;

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<WebAcl>(), Kind::of::<WebAclAssociation>()];
