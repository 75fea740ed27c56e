//! What a pass did: one entry per node, from which conditions, drift records and events are projected.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::diff::Change;
use crate::error::CloudError;
use crate::hold::Hold;
use crate::id::NodeId;
use crate::outputs::AnyOutput;
use crate::plan::{Notice, Step};
use crate::resource::Replace;

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Unchanged,
    Changed,
    /// Begun; AWS needs time.
    Waiting {
        until: String,
        retry: Duration,
        /// AWS has refused it for now: nothing says that it will be otherwise soon.
        refused: bool,
    },
    /// Not begun: `on` is not ready.
    Blocked {
        on: NodeId,
    },
    /// Not done, on purpose.
    Held(Hold),
    Failed(CloudError),
}

impl Outcome {
    /// Whether the node is as it should be, or left for a while without anybody waiting for it.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Unchanged | Self::Changed | Self::Held(Hold::Excepted { .. } | Hold::Later(_)))
    }
}

/// One step and its end.
#[derive(Clone)]
pub struct Entry {
    pub node: NodeId,
    pub component: &'static str,
    pub step: Step,
    pub outcome: Outcome,
    /// Whether the step puts right what somebody else changed, as opposed to following a changed spec.
    pub drift: bool,
    pub cloud_id: Option<String>,
    pub output: Option<Arc<dyn AnyOutput>>,
    /// When the thing was made, as it was read with tags of ours on it.
    pub created: Option<i64>,
    pub wish: Option<String>,
    /// The digest of what it was to become, also where it has not yet.
    pub wanted: Option<String>,
    pub written: Option<Instant>,
    /// What differed, also where nothing was done about it.
    pub changes: Vec<Change>,
    /// What comes later by itself, where the thing does its work without it.
    pub later: Option<String>,
    /// How long it may take ([`crate::Resource::DEADLINE`]), where it has been waited for longer.
    pub overdue: Option<Duration>,
    /// The thing is deleted for good.
    pub gone: bool,
    /// The thing is not one of the graph: a twin, or no longer wanted.
    pub extra: bool,
}

impl Entry {
    /// A step that came to this end, with nothing known besides.
    pub fn new(node: NodeId, component: &'static str, step: Step, outcome: Outcome) -> Self {
        let changes = match &step {
            Step::Update(changes) | Step::Replace(_, changes) => changes.clone(),
            _ => Vec::new(),
        };
        Self {
            node,
            component,
            step,
            outcome,
            drift: false,
            cloud_id: None,
            output: None,
            created: None,
            wish: None,
            wanted: None,
            written: None,
            changes,
            later: None,
            overdue: None,
            gone: false,
            extra: false,
        }
    }

    /// Whether the thing is being deleted so that one as the spec now wants it can take its place. `agreed` is the wish
    /// that it last agreed with: under the same description it goes because something else of the platform has gone.
    pub fn is_on_its_way_out(&self, agreed: Option<&str>) -> bool {
        let described = |wish: Option<&str>| wish.and_then(|wish| wish.split_once('-').map(|(_, own)| own.to_owned()));
        described(self.wanted.as_deref()) != described(agreed)
            && matches!(self.step, Step::Replace(Replace::DeleteFirst, _))
            && matches!(self.outcome, Outcome::Waiting { refused: false, .. })
    }
}

/// The end of a pass.
#[derive(Clone, Default)]
pub struct Report {
    pub entries: Vec<Entry>,
    pub notices: Vec<Notice>,
}

impl Report {
    /// The nodes of the graph that are as they should be, and all nodes of the graph.
    pub fn progress(&self) -> (usize, usize) {
        let wanted = self.entries.iter().filter(|entry| !entry.extra);
        let ready = wanted.clone().filter(|entry| entry.outcome.is_ready()).count();
        (ready, wanted.count())
    }

    pub fn is_converged(&self) -> bool {
        self.entries.iter().all(|entry| entry.outcome.is_ready())
    }

    /// How soon to look again at what AWS is still working on; at what it refused, `patience` times as late.
    pub fn retry(&self, patience: u32) -> Option<Duration> {
        let waits = self.entries.iter().filter_map(|entry| match &entry.outcome {
            Outcome::Waiting { retry, refused: false, .. } => Some(*retry),
            Outcome::Waiting { retry, refused: true, .. } => Some(*retry * patience),
            _ => None,
        });
        waits.min()
    }

    /// Whether something is refused for now and nothing else was brought further.
    pub fn is_stuck(&self) -> bool {
        let refused = |entry: &Entry| matches!(entry.outcome, Outcome::Waiting { refused: true, .. });
        let moved = |entry: &Entry| entry.outcome == Outcome::Changed && entry.written.is_some();
        self.entries.iter().any(refused) && !self.entries.iter().any(moved)
    }
}
