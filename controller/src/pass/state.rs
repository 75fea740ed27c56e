//! What this process remembers of a platform from one pass to the next.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use payment_platform_api::PaymentPlatformStatus;
use payment_platform_engine::{Entry, Hold, Known, Memory, NodeId, Report};

use super::Limits;

/// What this process remembers of a platform.
#[derive(Clone, Default)]
pub struct State {
    pub memory: Memory,
    corrections: BTreeMap<NodeId, VecDeque<Instant>>,
    restored: bool,
}

impl State {
    /// What a status records, for a process that writes nothing.
    pub fn recorded(status: &PaymentPlatformStatus) -> Self {
        let mut state = Self::default();
        state.know(status);
        state
    }

    /// Takes over what the status records, once a process. `new_object` says that nothing of it can exist yet.
    pub fn restore(&mut self, status: &PaymentPlatformStatus, new_object: bool) {
        if self.restored {
            return;
        }
        self.restored = true;
        if !new_object {
            self.memory.watching_since = Some(Instant::now());
        }
        self.know(status);
    }

    fn know(&mut self, status: &PaymentPlatformStatus) {
        for entry in &status.inventory {
            if let Ok(node) = entry.node.parse() {
                let known = Known {
                    cloud_id: Some(entry.id.clone()),
                    wish: entry.wish.clone(),
                    created: entry.created,
                    ..Known::default()
                };
                self.memory.nodes.insert(node, known);
            }
        }
    }

    /// Holds for what is corrected again and again: one pause after the last time, and one more for each further one.
    pub(super) fn contested(&mut self, now: Instant, limits: Limits) -> BTreeMap<NodeId, Hold> {
        let Limits { contested_after, contest_window, contested_pause, .. } = limits;
        let mut contested = BTreeMap::new();
        for (node, times) in &mut self.corrections {
            while times.front().is_some_and(|at| now.duration_since(*at) > contest_window) {
                times.pop_front();
            }
            if let (true, Some(last)) = (times.len() >= contested_after, times.back()) {
                let pause = contested_pause * (times.len() - contested_after + 1) as u32;
                let retry = pause.saturating_sub(now.duration_since(*last));
                if !retry.is_zero() {
                    contested.insert(node.clone(), Hold::Contested { times: times.len() as u32, retry });
                }
            }
        }
        self.corrections.retain(|_, times| !times.is_empty());
        contested
    }

    pub(super) fn learn(&mut self, report: &Report, now: Instant) {
        self.memory.learn(report);
        let corrected = |entry: &&Entry| entry.drift && entry.written.is_some() && entry.outcome.is_ready();
        for entry in report.entries.iter().filter(corrected) {
            self.corrections.entry(entry.node.clone()).or_default().push_back(now);
        }
    }
}
