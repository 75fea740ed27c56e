//! Names: which node of which platform, where.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An AWS region, or [`Region::global`] for services without one (IAM, CloudFront).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(String);

const GLOBAL: &str = "global";

impl Region {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub fn global() -> Self {
        Self(GLOBAL.into())
    }

    /// Whether this is where services without a region are.
    pub fn is_global(&self) -> bool {
        self.0 == GLOBAL
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One node of a platform's graph: `region/service/kind/name`, for example `us-east-1/ec2/subnet/private-us-east-1a`.
///
/// The same text is the value of the ownership tag, so a thing on AWS says which node it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    pub region: Region,
    /// `service/kind`, the [`Resource::KIND`](crate::Resource::KIND) of the node.
    pub kind: String,
    /// Unique among the nodes of this kind and region; may contain slashes.
    pub name: String,
}

impl NodeId {
    pub fn new(region: &Region, kind: &str, name: impl Into<String>) -> Self {
        Self { region: region.clone(), kind: kind.to_owned(), name: name.into() }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.region, self.kind, self.name)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no node id; the form is region/service/kind/name")]
pub struct NodeIdError(String);

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(4, '/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(region), Some(service), Some(kind), Some(name))
                if ![region, service, kind, name].iter().any(|part| part.is_empty()) =>
            {
                Ok(Self { region: Region::new(region), kind: format!("{service}/{kind}"), name: name.to_owned() })
            }
            _ => Err(NodeIdError(text.to_owned())),
        }
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whose a thing is: the object's `namespace/name` and its UID. Both must match before anything is written, since two
/// clusters can hold the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    pub name: String,
    pub uid: String,
}

/// A use of another node. It serialises as `{"$ref": "<node id>"}`, and that form is where the graph's edges come
/// from: to use is to depend.
pub struct Ref<R> {
    node: NodeId,
    resource: PhantomData<fn() -> R>,
}

impl<R> Ref<R> {
    pub(crate) fn to(node: NodeId) -> Self {
        Self { node, resource: PhantomData }
    }

    pub fn node(&self) -> &NodeId {
        &self.node
    }
}

impl<R> Clone for Ref<R> {
    fn clone(&self) -> Self {
        Self::to(self.node.clone())
    }
}

impl<R> fmt::Debug for Ref<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref({})", self.node)
    }
}

impl<R> PartialEq for Ref<R> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl<R> Eq for Ref<R> {}

impl<R> PartialOrd for Ref<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> Ord for Ref<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.node.cmp(&other.node)
    }
}

impl<R> Hash for Ref<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.node.hash(state);
    }
}

impl<R> Serialize for Ref<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("$ref", &self.node)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_reads_back_from_its_text_even_with_slashes_in_its_name() {
        let id = NodeId::new(&Region::new("us-east-1"), "logs/log-group", "/ecs/payment-prd");
        assert_eq!(id.to_string(), "us-east-1/logs/log-group//ecs/payment-prd");
        assert_eq!(id.to_string().parse::<NodeId>().unwrap(), id);
    }

    #[test]
    fn a_text_with_too_few_parts_is_no_node_id() {
        for text in ["", "a", "a/b/c", "a//c/d", "/b/c/d"] {
            assert!(text.parse::<NodeId>().is_err(), "{text:?}");
        }
    }
}
