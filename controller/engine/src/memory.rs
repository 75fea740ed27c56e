//! What the controller remembers of one platform between passes: ids, and when it wrote what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::diff::Path;
use crate::id::NodeId;
use crate::outputs::AnyOutput;
use crate::plan::Step;
use crate::report::{Outcome, Report};

/// What is remembered of one node.
#[derive(Clone, Default)]
pub struct Known {
    pub cloud_id: Option<String>,
    pub output: Option<Arc<dyn AnyOutput>>,
    /// The digest of the wish that the thing last agreed with. A difference under an unchanged wish is drift.
    pub wish: Option<String>,
    /// When it was last written, or a write was tried whose end is not known. What was read before that is stale.
    pub written: Option<Instant>,
    /// What was lately changed of it, the last at the end. A read soon after may still show what was before.
    pub changed: Vec<Changed>,
    /// When the thing was made, in seconds since 1970: one of the same name made at another time is another thing.
    pub created: Option<i64>,
    /// Deleted by us. Remembered, because a look from before the deletion still shows it.
    pub gone: bool,
}

/// A change that we have made of a thing, or have tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    pub at: Instant,
    /// Where it differed. None: everywhere, since it was made then.
    pub paths: Option<Vec<Path>>,
    /// Whether the cloud has accepted it. What was refused half-way may be there in parts.
    pub accepted: bool,
    /// Whether the thing was to go by it.
    pub deletes: bool,
}

impl Known {
    /// Since when a read that does not show the thing says that it is not there. None: always. `window` is how long a read
    /// may lag behind a write: one that lags behind a deletion still shows the thing.
    pub fn absent_since(&self, window: Duration) -> Option<Instant> {
        self.changed.iter().map(|changed| if changed.deletes { changed.at } else { changed.at + window }).max()
    }
}

/// Kept in this process; ids and wishes are also recorded in the object's status and restored from there.
#[derive(Clone, Default)]
pub struct Memory {
    pub nodes: BTreeMap<NodeId, Known>,
    /// When this process, as leader, first looked for the platform. None: the object is new, nothing can exist yet.
    pub watching_since: Option<Instant>,
    /// Ids of twins that were deleted, and when: a look from before still shows them.
    pub deleted: BTreeMap<String, Instant>,
    /// Ids of things in whose place we have made another: that they go is no drift.
    pub replaced: BTreeSet<String>,
}

/// How long a deleted twin is remembered: longer than any look is old.
const DELETED: Duration = Duration::from_secs(24 * 3600);

/// How long a change is remembered: longer than any read lags.
const SETTLED: Duration = Duration::from_secs(3600);

/// How many changes of a thing are remembered: more than fall into a window, whatever is tried again and again.
const MOST_CHANGES: usize = 32;

impl Memory {
    /// Takes over that a node's thing is gone.
    pub fn forget(&mut self, node: &NodeId) {
        if let Some(known) = self.nodes.get_mut(node) {
            known.gone = true;
            known.output = None;
            known.wish = None;
            known.created = None;
        }
    }

    /// Takes over what a pass has learnt and done.
    pub fn learn(&mut self, report: &Report) {
        for entry in &report.entries {
            let known = self.nodes.entry(entry.node.clone()).or_default();
            let another = known.cloud_id.is_some() && known.cloud_id != entry.cloud_id;
            if entry.extra && another {
                // A twin: the node's own thing stays remembered.
                if let (true, Some(id), Some(written)) = (entry.gone, &entry.cloud_id, entry.written) {
                    self.deleted.insert(id.clone(), written);
                    self.replaced.remove(id);
                }
                continue;
            }
            if another && entry.step.makes_another() && entry.cloud_id.is_some() {
                self.replaced.extend(known.cloud_id.take());
            }
            if entry.cloud_id.is_some() {
                known.cloud_id.clone_from(&entry.cloud_id);
            }
            if entry.created.is_some() {
                known.created = entry.created;
            }
            if entry.written.is_some() {
                known.written = entry.written;
            }
            if let Some(at) = entry.written {
                let paths = match &entry.step {
                    Step::Update(changes) => Some(changes.iter().map(|change| change.path.clone()).collect()),
                    _ => None,
                };
                let deletes = entry.step.deletes();
                let accepted = matches!(entry.outcome, Outcome::Changed | Outcome::Waiting { refused: false, .. });
                known.changed.retain(|changed| changed.at.elapsed() < SETTLED);
                known.changed.push(Changed { at, paths, accepted, deletes });
                let too_many = known.changed.len().saturating_sub(MOST_CHANGES);
                known.changed.drain(..too_many);
            }
            if entry.gone {
                self.forget(&entry.node);
                continue;
            }
            // That the old one goes is the spec's doing: what is made in its place is no drift.
            if entry.is_on_its_way_out(known.wish.as_deref()) {
                known.wish = None;
            }
            if entry.output.is_some() {
                known.gone = false;
                known.output.clone_from(&entry.output);
            }
            if entry.wish.is_some() {
                known.wish.clone_from(&entry.wish);
            }
        }
        self.deleted.retain(|_, deleted| deleted.elapsed() < DELETED);
        self.nodes.retain(|_, known| known.cloud_id.is_some() || known.written.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_says_that_a_thing_is_gone_once_it_lags_behind_nothing_that_made_it() {
        let (began, window) = (Instant::now(), Duration::from_secs(10));
        let at = |seconds| began + Duration::from_secs(seconds);
        let known = |changed: &[(u64, bool)]| Known {
            changed: changed
                .iter()
                .map(|&(seconds, deletes)| Changed { at: at(seconds), paths: None, accepted: true, deletes })
                .collect(),
            ..Known::default()
        };
        assert_eq!(known(&[]).absent_since(window), None);
        assert_eq!(known(&[(0, false)]).absent_since(window), Some(at(10)));
        assert_eq!(known(&[(0, false), (60, true)]).absent_since(window), Some(at(60)));
        assert_eq!(known(&[(0, false), (4, true)]).absent_since(window), Some(at(10)), "it may not show yet at all");
        assert_eq!(known(&[(0, true), (4, false)]).absent_since(window), Some(at(14)), "it was made again");
    }
}
