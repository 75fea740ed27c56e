//! What nodes offer to each other once they exist.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::id::{NodeId, Ref};
use crate::resource::Resource;

/// An output whose type only its kind knows.
pub trait AnyOutput: Any + Send + Sync {
    fn json(&self) -> serde_json::Value;
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + Serialize + Send + Sync> AnyOutput for T {
    fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The outputs known so far, by node.
#[derive(Clone, Default)]
pub struct Outputs(BTreeMap<NodeId, Arc<dyn AnyOutput>>);

impl Outputs {
    pub fn insert(&mut self, node: NodeId, output: Arc<dyn AnyOutput>) {
        self.0.insert(node, output);
    }

    pub fn remove(&mut self, node: &NodeId) {
        self.0.remove(node);
    }

    /// The output of a node, when it is known.
    pub fn get<R: Resource>(&self, node: &Ref<R>) -> Option<&R::Output> {
        (**self.0.get(node.node())?).as_any().downcast_ref()
    }

    pub fn json(&self, node: &NodeId) -> Option<serde_json::Value> {
        self.0.get(node).map(|output| output.json())
    }
}

/// A wish that cannot be formed yet: the output of `on` is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub on: NodeId,
}

/// Marks a text that stands for an output not known yet, see [`Up::text`].
const HOLE: &str = "${ref:";

/// Whether this text contains a part that is not known yet.
pub fn has_hole(text: &str) -> bool {
    text.contains(HOLE)
}

/// Whether `text` could be what `pattern` becomes once its hole is filled: with one word that begins as ids of that kind
/// do. A range never fills the hole of a group.
pub fn could_be(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once(HOLE) else { return pattern == text };
    let Some((hole, after)) = rest.split_once('}') else { return false };
    let prefix = hole.split_once('|').map_or("", |(prefix, _)| prefix);
    let filled = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    filled.is_some_and(|filled| filled.starts_with(prefix) && !filled.contains(' '))
}

/// The outputs as one node sees them while it forms its wish.
pub struct Up<'a> {
    outputs: &'a Outputs,
    holes: RefCell<BTreeSet<NodeId>>,
}

impl<'a> Up<'a> {
    pub fn new(outputs: &'a Outputs) -> Self {
        Self { outputs, holes: RefCell::default() }
    }

    /// The output of `node`; without it there is no wish at all.
    pub fn get<R: Resource>(&self, node: &Ref<R>) -> Result<&'a R::Output, Pending> {
        self.outputs.get(node).ok_or_else(|| Pending { on: node.node().clone() })
    }

    /// A text taken from the output of `node`, or a hole in its place, which only a text that begins with `prefix` can
    /// fill. An element of a whole set that contains a hole cannot be made yet, but what no wanted element could become
    /// is known to be foreign.
    pub fn text<R: Resource>(&self, node: &Ref<R>, prefix: &str, part: impl Fn(&R::Output) -> &str) -> String {
        match self.outputs.get(node) {
            Some(output) => part(output).to_owned(),
            None => {
                self.holes.borrow_mut().insert(node.node().clone());
                format!("{HOLE}{prefix}|{}}}", node.node())
            }
        }
    }

    pub(crate) fn into_holes(self) -> BTreeSet<NodeId> {
        self.holes.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_with_a_hole_matches_what_it_could_become() {
        let wanted = "in tcp 5432 ${ref:sg-|us-east-1/ec2/security-group/app}";
        assert!(could_be(wanted, "in tcp 5432 sg-0123"));
        assert!(!could_be(wanted, "in tcp 5432 0.0.0.0/0"));
        assert!(!could_be(wanted, "in tcp 22 sg-0123"));
        assert!(!could_be(wanted, "out tcp 5432 sg-0123"));
        assert!(could_be("a ${ref:|x/y/z/w} b", "a anything b"));
        assert!(!could_be("a ${ref:|x/y/z/w} b", "a anything c"));
    }

    #[test]
    fn a_text_without_holes_matches_itself_only() {
        assert!(could_be("abc", "abc"));
        assert!(!could_be("abc", "abcd"));
    }
}
