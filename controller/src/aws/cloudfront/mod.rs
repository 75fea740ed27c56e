//! CloudFront: the distribution, how it reads the bucket, and the headers that it adds. Only distributions have tags; the rest says
//! whose it is in its comment.

mod distribution;
mod distribution_config;
mod origin_access_control;
mod origin_access_identity;
mod response_headers_policy;

pub use distribution::{Distribution, OriginAccess, ViewerCertificate};
pub use origin_access_control::OriginAccessControl;
pub use origin_access_identity::OriginAccessIdentity;
pub use response_headers_policy::ResponseHeadersPolicy;

use payment_platform_engine::{Claim, Kind, NodeId, Owner, Region};

use crate::aws::Aws;

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[
    Kind::of::<OriginAccessControl>(),
    Kind::of::<OriginAccessIdentity>(),
    Kind::of::<ResponseHeadersPolicy>(),
    Kind::of::<Distribution>(),
];

/// Characters that `namespace/name` of an object may have: in comments of at most 128 (API Reference, ResponseHeadersPolicyConfig)
/// stand the object's UID (36) and the environment (at most 17) before it.
pub const OWNER_CHARACTERS: usize = 128 - 36 - 17 - 2;

/// What the comment of an untagged thing says.
fn mark(owner: &Owner, environment: &str) -> String {
    format!("{} {environment} {}", owner.uid, owner.name)
}

/// What the comment of a thing without tags says of it, and the environment that it is of.
fn claim_of(comment: &str, kind: &str, node: &str) -> Option<(Claim, String)> {
    let (uid, rest) = comment.split_once(' ')?;
    let (environment, name) = rest.split_once(' ')?;
    let fits = uid.len() == 36 && name.contains('/') && !name.contains(' ');
    let owner = Owner { name: name.to_owned(), uid: uid.to_owned() };
    let claim = Claim { owner, node: NodeId::new(&Region::global(), kind, node), kept: None };
    fits.then(|| (claim, environment.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_says_whose_the_thing_is() {
        let owner = Owner { name: "payments/prd".into(), uid: "8c1a2f0e-3b4d-4c5e-9f60-718293a4b5c6".into() };
        let (claim, environment) =
            claim_of(&mark(&owner, "prd"), "cloudfront/origin-access-control", "static").unwrap();
        assert_eq!(environment, "prd");
        assert_eq!(claim.owner, owner);
        assert_eq!(claim.node.to_string(), "global/cloudfront/origin-access-control/static");
        for comment in ["", "made by hand", "8c1a2f0e-3b4d-4c5e-9f60-718293a4b5c6 of the shop/x y"] {
            assert!(claim_of(comment, "a/b", "static").is_none(), "{comment:?}");
        }
    }
}
