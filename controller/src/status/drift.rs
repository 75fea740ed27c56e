//! What differed, as the status records it.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use payment_platform_api::status::Drift;
use payment_platform_engine::{Entry, Outcome, Report, Step};
use serde_json::Value;

use super::Limits;

/// New drift goes in front; what is right again gets its time.
pub fn record_drift(records: &mut Vec<Drift>, report: &Report, now: Timestamp, limits: Limits) {
    let put_right = |entry: &&Entry| matches!(entry.outcome, Outcome::Unchanged | Outcome::Changed);
    let (right, not_right): (Vec<&Entry>, Vec<&Entry>) = report.entries.iter().partition(put_right);
    // Of twins both have the node's name: while one of them is not as it should be, nothing of the node is.
    let not_right: BTreeSet<String> = not_right.iter().map(|entry| entry.node.to_string()).collect();
    let right = right.iter().map(|entry| entry.node.to_string()).filter(|node| !not_right.contains(node));
    let right: BTreeSet<String> = right.collect();
    let mut new = Vec::new();
    for entry in report.entries.iter().filter(|entry| entry.drift) {
        for (field, before, after) in differences(entry, limits.drift_value_chars) {
            let node = entry.node.to_string();
            let open = |record: &&mut Drift| {
                record.node == node
                    && record.field == field
                    && record.corrected_time.is_none()
                    // Of twins each has records of its own; the node's own thing may have got another id.
                    && (!entry.extra || record.id == entry.cloud_id)
            };
            if let Some(record) = records.iter_mut().find(open) {
                record.before = before;
                record.after = after;
                continue;
            }
            let (id, detected_time) = (entry.cloud_id.clone(), Time(now));
            new.push(Drift { node, id, field, before, after, detected_time, corrected_time: None });
        }
    }
    new.append(records);
    *records = new;
    for record in records.iter_mut().filter(|record| record.corrected_time.is_none() && right.contains(&record.node)) {
        // The clock may have been set back meanwhile.
        record.corrected_time = Some(Time(now.max(record.detected_time.0)));
    }
    records.truncate(limits.drift_records);
    while serde_json::to_string(records).is_ok_and(|text| text.len() > limits.drift_bytes) {
        records.pop();
    }
}

/// Field, value before and value after, each of at most `chars` characters, of everything that differed.
fn differences(entry: &Entry, chars: usize) -> Vec<(String, Option<String>, Option<String>)> {
    let existence = || "existence".to_owned();
    match &entry.step {
        Step::Keep => Vec::new(),
        Step::Delete => vec![(existence(), entry.cloud_id.clone(), None)],
        _ if entry.changes.is_empty() => vec![(existence(), None, entry.cloud_id.clone())],
        _ => {
            let value = |value: &Option<Value>| value.as_ref().map(|value| shorten(&value.to_string(), chars));
            let changes = entry.changes.iter();
            changes.map(|change| (change.path.to_string(), value(&change.before), value(&change.after))).collect()
        }
    }
}

/// One line that says what differed, for Events and logs.
pub fn describe_drift(entry: &Entry, limits: Limits) -> String {
    let parts = differences(entry, limits.drift_value_chars).into_iter().map(|(field, before, after)| {
        format!("{field}: {} -> {}", before.as_deref().unwrap_or("nothing"), after.as_deref().unwrap_or("nothing"))
    });
    shorten(&format!("{} {}", entry.node, parts.collect::<Vec<_>>().join("; ")), 900)
}

/// The text, or its beginning and an ellipsis: at most `chars` characters.
pub fn shorten(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    text.chars().take(chars.saturating_sub(1)).chain(['…']).collect()
}
