//! What is told: Events and log lines for what changed and what failed.

use std::collections::BTreeMap;

use kube::Resource as _;
use kube::runtime::events::{Event, EventType};
use payment_platform_api::{PaymentPlatform, PaymentPlatformSpec, PaymentPlatformStatus};
use payment_platform_engine::{Entry, Outcome, Report};

use super::object::Object;
use super::{Daemon, ObjectState};
use crate::status;

impl Daemon {
    /// One Event for all that a changed spec made, changed or deleted.
    pub(super) async fn tell_applied(&self, object: &Object, report: &Report) {
        let done = |entry: &&Entry| entry.written.is_some() && entry.outcome == Outcome::Changed && !entry.drift;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in report.entries.iter().filter(done) {
            *counts.entry(entry.step.name()).or_default() += 1;
        }
        if !counts.is_empty() {
            let counts: Vec<String> = counts.iter().map(|(step, count)| format!("{step} {count}")).collect();
            let first = report.entries.iter().find(done).map(|entry| entry.node.to_string()).unwrap_or_default();
            let note = format!("{} (first: {first})", counts.join(", "));
            self.event(object, EventType::Normal, "Applied", &format!("Apply {first}"), note).await;
        }
    }

    /// Events and log lines for what changed and what failed.
    pub(super) async fn tell(
        &self,
        object: &Object,
        report: &Report,
        before: &PaymentPlatformStatus,
        after: &PaymentPlatformStatus,
    ) {
        for entry in &report.entries {
            let changed = entry.written.is_some() && entry.outcome.is_ready();
            match (&entry.outcome, entry.drift) {
                _ if changed && entry.drift => {
                    let what = status::describe_drift(entry, self.settings.status);
                    tracing::info!(object = %object.owner().name, node = %entry.node, what, "Corrected drift.");
                    self.event(object, EventType::Normal, "DriftCorrected", &action(entry), what).await;
                }
                _ if changed => {
                    tracing::info!(object = %object.owner().name, node = %entry.node, step = entry.step.name(), "Done.");
                }
                (Outcome::Failed(error), _) => {
                    let request_id = error.request_id.as_deref().unwrap_or_default();
                    tracing::warn!(object = %object.owner().name, node = %entry.node, %error, request_id, "Failed.");
                }
                _ => {}
            }
        }
        let said = |status: &PaymentPlatformStatus, kind: &str| {
            let condition = status.conditions.iter().find(|condition| condition.type_ == kind)?;
            Some((condition.status.clone(), condition.reason.clone(), condition.message.clone()))
        };
        if let Some((state, reason, message)) = said(after, "Ready")
            && said(before, "Ready").is_none_or(|(old, old_reason, _)| old != state || old_reason != reason)
        {
            let kind = if state == "True" || reason == "Waiting" || reason == "Blocked" {
                EventType::Normal
            } else {
                EventType::Warning
            };
            self.event(object, kind, &reason, "Reconcile", message).await;
        }
    }

    /// Tells once a process of things that carry our tags and are left alone.
    pub(super) async fn tell_notices(&self, object: &Object, report: &Report, state: &mut ObjectState) {
        for notice in &report.notices {
            if state.told.insert(notice.cloud_id.clone()) {
                let text = format!("{} ({}) {}", notice.cloud_id, notice.node, notice.message);
                tracing::warn!(object = %object.owner().name, "{text}");
                self.event(object, EventType::Warning, "LeftAlone", "Look", text).await;
            }
        }
    }

    pub(super) async fn event(&self, object: &Object, type_: EventType, reason: &str, action: &str, note: String) {
        let reference =
            PaymentPlatform { metadata: object.meta.clone(), spec: PaymentPlatformSpec::default(), status: None }
                .object_ref(&());
        let note = Some(note.chars().take(1000).collect());
        let event = Event { type_, reason: reason.to_owned(), note, action: action.to_owned(), secondary: None };
        if let Err(error) = self.recorder.publish(&event, &reference).await {
            tracing::warn!(%error, "Could not publish an Event.");
        }
    }
}

/// The recorder folds events that agree in action and reason into one and keeps the first text: the node makes them
/// differ.
fn action(entry: &Entry) -> String {
    let text = format!("{} {}", entry.step.name(), entry.node);
    text.chars().take(128).collect()
}
