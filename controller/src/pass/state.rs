//! What this process remembers of a platform from one pass to the next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use payment_platform_api::PaymentPlatformStatus;
use payment_platform_engine::{Entry, Hold, Known, Memory, NodeId, Outcome, Report};

use super::Limits;
use crate::aws::KINDS;

/// How soon what has just begun is looked at.
const FIRST_POLL: Duration = Duration::from_millis(250);

/// What this process remembers of a platform.
#[derive(Clone, Default)]
pub struct State {
    pub memory: Memory,
    corrections: BTreeMap<NodeId, VecDeque<Instant>>,
    /// Since when what is waited for has been waited for, by this process; what goes beside what is wanted.
    waiting: BTreeMap<(NodeId, bool), Instant>,
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

    /// Marks what has been waited for longer than it should take, and has what has not been waited for long looked at
    /// sooner: much of it is there in a moment.
    pub(super) fn wait(&mut self, report: &mut Report, now: Instant, limits: Limits) {
        // One that could not be read this time, or failed in between, is still waited for.
        let unfinished = report.entries.iter().filter(|entry| !entry.outcome.is_ready());
        let unfinished: BTreeSet<_> = unfinished.map(|entry| (entry.node.clone(), entry.extra)).collect();
        self.waiting.retain(|waits, _| unfinished.contains(waits));
        for entry in &mut report.entries {
            let Outcome::Waiting { retry, refused, .. } = &mut entry.outcome else { continue };
            let since = *self.waiting.entry((entry.node.clone(), entry.extra)).or_insert(now);
            let waited = now.duration_since(since);
            if !*refused {
                *retry = (*retry).min(FIRST_POLL.max(waited / 2));
            }
            let kind = KINDS.iter().find(|kind| kind.name == entry.node.kind);
            let deadline = limits.deadline.or(kind.map(|kind| kind.deadline)).filter(|_| !entry.extra);
            entry.overdue = deadline.filter(|deadline| waited > *deadline);
        }
    }

    pub(super) fn learn(&mut self, report: &Report, now: Instant) {
        self.memory.learn(report);
        let corrected = |entry: &&Entry| entry.drift && entry.written.is_some() && entry.outcome.is_ready();
        for entry in report.entries.iter().filter(corrected) {
            self.corrections.entry(entry.node.clone()).or_default().push_back(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use payment_platform_engine::{Region, Step};

    use super::*;

    const LIMITS: Limits = Limits {
        consistency_window: Duration::ZERO,
        width: 1,
        contested_after: 5,
        contest_window: Duration::from_secs(600),
        contested_pause: Duration::from_secs(60),
        deadline: None,
    };

    fn report(kind: &str, outcome: Outcome) -> Report {
        let node = NodeId::new(&Region::new("us-east-1"), kind, "main");
        Report { entries: vec![Entry::new(node, "Network", Step::Keep, outcome)], notices: Vec::new() }
    }

    fn waiting() -> Outcome {
        Outcome::Waiting { until: "it is there".to_owned(), retry: Duration::from_secs(1), refused: false }
    }

    fn overdue(state: &mut State, kind: &str, outcome: Outcome, at: Instant, limits: Limits) -> Option<Duration> {
        let mut report = report(kind, outcome);
        state.wait(&mut report, at, limits);
        report.entries[0].overdue
    }

    #[test]
    fn what_is_waited_for_beyond_the_deadline_of_its_kind_is_overdue() {
        let (mut state, began) = (State::default(), Instant::now());
        let after = |minutes: u64| began + Duration::from_secs(minutes * 60);
        assert_eq!(overdue(&mut state, "ec2/nat-gateway", waiting(), after(0), LIMITS), None);
        assert_eq!(overdue(&mut state, "ec2/nat-gateway", waiting(), after(15), LIMITS), None);
        let deadline = overdue(&mut state, "ec2/nat-gateway", waiting(), after(16), LIMITS);
        assert_eq!(deadline, Some(Duration::from_secs(15 * 60)));
        // A database takes longer, and an operator may say otherwise.
        let mut state = State::default();
        assert_eq!(overdue(&mut state, "rds/instance", waiting(), after(0), LIMITS), None);
        assert_eq!(overdue(&mut state, "rds/instance", waiting(), after(16), LIMITS), None);
        let limits = Limits { deadline: Some(Duration::from_secs(60)), ..LIMITS };
        assert!(overdue(&mut state, "rds/instance", waiting(), after(16), limits).is_some());
    }

    #[test]
    fn what_was_there_in_between_is_waited_for_anew() {
        let (mut state, began) = (State::default(), Instant::now());
        let after = |minutes: u64| began + Duration::from_secs(minutes * 60);
        overdue(&mut state, "ec2/nat-gateway", waiting(), after(0), LIMITS);
        overdue(&mut state, "ec2/nat-gateway", Outcome::Unchanged, after(10), LIMITS);
        assert_eq!(overdue(&mut state, "ec2/nat-gateway", waiting(), after(20), LIMITS), None);
    }

    #[test]
    fn what_could_not_be_read_once_is_not_waited_for_anew() {
        let (mut state, began) = (State::default(), Instant::now());
        let after = |minutes: u64| began + Duration::from_secs(minutes * 60);
        overdue(&mut state, "ec2/nat-gateway", waiting(), after(0), LIMITS);
        let unread = Outcome::Held(Hold::NotLookedAt);
        assert_eq!(overdue(&mut state, "ec2/nat-gateway", unread, after(10), LIMITS), None);
        assert!(overdue(&mut state, "ec2/nat-gateway", waiting(), after(20), LIMITS).is_some());
    }

    #[test]
    fn what_has_just_begun_is_looked_at_sooner_than_what_takes_long() {
        let (mut state, began) = (State::default(), Instant::now());
        let mut retry = |seconds: f64, outcome: Outcome| {
            let mut report = report("rds/instance", outcome);
            state.wait(&mut report, began + Duration::from_secs_f64(seconds), LIMITS);
            report.retry(1).map(|retry| retry.as_secs_f64())
        };
        let five = |refused| {
            let retry = Duration::from_secs(5);
            Outcome::Waiting { until: "it is there".to_owned(), retry, refused }
        };
        let pauses = [0.0, 0.4, 1.0, 6.0, 600.0].map(|after| retry(after, five(false)));
        assert_eq!(pauses, [0.25, 0.25, 0.5, 3.0, 5.0].map(Some));
        retry(601.0, Outcome::Changed);
        assert_eq!(retry(602.0, five(false)), Some(0.25), "another thing is waited for");
        assert_eq!(retry(603.0, five(true)), Some(5.0), "what was refused is not asked for sooner");
    }

    #[test]
    fn what_goes_has_no_deadline() {
        let (mut state, began) = (State::default(), Instant::now());
        for minutes in [0, 600] {
            let mut report = report("s3/bucket", waiting());
            report.entries[0].extra = true;
            state.wait(&mut report, began + Duration::from_secs(minutes * 60), LIMITS);
            assert_eq!(report.entries[0].overdue, None);
        }
    }
}
