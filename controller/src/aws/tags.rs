//! Tags: what everything carries, and how a thing on AWS says whose it is.

use std::collections::{BTreeMap, BTreeSet};

use payment_platform_engine::diff::Change;
use payment_platform_engine::{Claim, NodeId, Owner};
use serde::Serialize;

/// `namespace/name` of the object.
pub const OWNER: &str = "paymentplatform.io/owner";
/// UID of the object.
pub const UID: &str = "paymentplatform.io/uid";
/// The node that the thing is, see [`NodeId`].
pub const NODE: &str = "paymentplatform.io/node";
/// Left behind on purpose when the object was deleted.
pub const KEPT: &str = "paymentplatform.io/kept";

/// Tags as AWS returns them.
pub type TagMap = BTreeMap<String, String>;

/// The tags that a thing must carry. Tags that others add are left alone.
#[derive(Clone, Debug, Serialize)]
pub struct Tags {
    own: TagMap,
    /// Keys that an earlier spec has set and this one does not.
    retired: BTreeSet<String>,
}

impl Tags {
    /// `common` are the tags of the platform; to them come the thing's name and its ownership.
    pub fn new(common: &TagMap, retired: &BTreeSet<String>, owner: &Owner, node: &NodeId, name: &str) -> Self {
        let mut own = common.clone();
        own.insert("Name".to_owned(), name.to_owned());
        own.insert(OWNER.to_owned(), owner.name.clone());
        own.insert(UID.to_owned(), owner.uid.clone());
        own.insert(NODE.to_owned(), node.to_string());
        let mut retired = retired.clone();
        retired.insert(KEPT.to_owned());
        Self { own, retired }
    }

    /// What the thing must carry, given what it carries.
    pub fn over(&self, seen: Option<&TagMap>) -> TagMap {
        let mut tags = seen.cloned().unwrap_or_default();
        tags.retain(|key, _| !self.retired.contains(key));
        tags.extend(self.own.clone());
        tags
    }
}

/// What the tags say of their thing, if they say all that is needed.
pub fn claim(tags: &TagMap) -> Option<Claim> {
    let owner = Owner { name: tags.get(OWNER)?.clone(), uid: tags.get(UID)?.clone() };
    let kept = tags.contains_key(KEPT).then(|| tags.get("Environment").cloned().unwrap_or_default());
    Some(Claim { owner, node: tags.get(NODE)?.parse().ok()?, kept })
}

/// Whether the tag `Name` is the name that things of this node have.
pub fn name_fits(tags: &TagMap, name: impl Fn(&str, &str) -> String) -> bool {
    let (Some(claim), Some(environment)) = (claim(tags), tags.get("Environment")) else { return false };
    tags.get("Name") == Some(&name(&claim.node.name, environment))
}

/// The tags to set and the keys to remove that `changes` of the field `tags` ask for.
pub fn changed(changes: &[Change]) -> (TagMap, Vec<String>) {
    let mut set = TagMap::new();
    let mut remove = Vec::new();
    for change in changes.iter().filter(|change| change.field() == "tags") {
        let Some(key) = change.element() else { continue };
        match change.after.as_ref().and_then(|value| value.as_str()) {
            Some(value) => {
                set.insert(key.to_owned(), value.to_owned());
            }
            None => remove.push(key.to_owned()),
        }
    }
    (set, remove)
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment_platform_engine::Region;

    fn tags() -> Tags {
        let owner = Owner { name: "ns/a".into(), uid: "u".into() };
        let node = NodeId::new(&Region::new("us-east-1"), "ec2/vpc", "main");
        let common = TagMap::from([("Team".to_owned(), "x".to_owned())]);
        Tags::new(&common, &BTreeSet::from(["Old".to_owned()]), &owner, &node, "vpc-payment-prd")
    }

    #[test]
    fn tags_of_others_stay_and_retired_ones_go() {
        let seen = TagMap::from([("theirs".to_owned(), "1".to_owned()), ("Old".to_owned(), "1".to_owned())]);
        let wanted = tags().over(Some(&seen));
        assert_eq!(wanted.get("theirs").map(String::as_str), Some("1"));
        assert!(!wanted.contains_key("Old"));
        assert_eq!(wanted["Team"], "x");
    }

    #[test]
    fn a_thing_says_whose_it_is_by_its_tags() {
        let claim = claim(&tags().over(None)).unwrap();
        assert_eq!(claim.owner.name, "ns/a");
        assert_eq!(claim.node.to_string(), "us-east-1/ec2/vpc/main");
        assert!(claim.kept.is_none());
    }
}
