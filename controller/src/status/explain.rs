//! The words of conditions: a reason for machines, a message for people.

use payment_platform_api::ADOPT;
use payment_platform_engine::{Class, CloudError, Entry, Hold, Outcome};

use crate::aws::error::is_dated;

/// Whether the next pass may bring it further without a human.
pub fn is_moving(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Waiting { .. } | Outcome::Blocked { .. } => true,
        Outcome::Failed(error) => !error.class.needs_human(),
        Outcome::Held(Hold::Unread(error)) => !error.class.needs_human(),
        Outcome::Held(Hold::NotLookedAt | Hold::UsersUnread | Hold::InUse { .. } | Hold::Contested { .. }) => true,
        _ => false,
    }
}

/// Whether nothing moves until a human acts, or has not moved for so long that one should look.
pub fn needs_human(entry: &Entry) -> bool {
    match &entry.outcome {
        Outcome::Waiting { .. } => entry.overdue.is_some(),
        Outcome::Failed(error) => error.class.needs_human(),
        Outcome::Held(hold) => hold.needs_human(),
        _ => false,
    }
}

/// The reason of a condition, in CamelCase.
pub fn reason(entry: &Entry) -> &'static str {
    match &entry.outcome {
        Outcome::Waiting { .. } if entry.overdue.is_some() => "DeadlineExceeded",
        Outcome::Unchanged | Outcome::Changed => "AsDescribed",
        Outcome::Waiting { .. } => "Waiting",
        Outcome::Blocked { .. } => "Blocked",
        Outcome::Failed(error) => reason_of(error),
        Outcome::Held(hold) => match hold {
            Hold::Unread(error) => reason_of(error),
            Hold::NotLookedAt | Hold::UsersUnread => "Unknown",
            Hold::TooEarly { .. } | Hold::Busy(_) | Hold::Unready(_) => "Waiting",
            Hold::Broken(error) if error.class == Class::Denied => reason_of(error),
            Hold::Broken(_) => "NotWorking",
            Hold::NameTaken { .. } | Hold::NotBegun { .. } => "NameTaken",
            Hold::OtherGeneration { .. } => "OtherGeneration",
            Hold::Observing => "Observing",
            Hold::WouldLoseData { .. } => "WouldLoseData",
            Hold::WouldDisrupt { .. } => "WouldDisrupt",
            Hold::WouldKeepLess { .. } => "WouldKeepLess",
            Hold::Quota(_) => "QuotaExceeded",
            Hold::Excepted { .. } => "LeftAlone",
            Hold::HoldsData => "HoldsData",
            Hold::InUse { .. } => "InUse",
            Hold::Contested { .. } => "Contested",
            Hold::Later(_) => "LeftForLater",
            Hold::Platform(_) => "Paused",
        },
    }
}

/// The reason of a condition that an error is the cause of.
pub fn reason_of(error: &CloudError) -> &'static str {
    match error.class {
        Class::Denied => "AccessDenied",
        Class::Unauthenticated => "Unauthenticated",
        Class::Quota => "QuotaExceeded",
        Class::Invalid => "InvalidRequest",
        Class::AlreadyExists => "NameTaken",
        Class::Throttled => "Throttled",
        Class::Ambiguous => "NoAnswer",
        Class::Unavailable => "Unavailable",
        Class::NotFound => "NotFound",
        Class::Conflict => "ConcurrentChange",
        Class::InUse => "InUse",
        Class::NotYet => "NotYet",
    }
}

/// An error with what to do about it.
pub fn advice(error: &CloudError) -> String {
    with_remedy(error.to_string(), error)
}

/// What was said of an error, with what to do about it.
pub fn with_remedy(said: String, error: &CloudError) -> String {
    match remedy(error) {
        Some(remedy) => format!("{said}; {remedy}"),
        None => said,
    }
}

/// What to do about an error, where its own words do not say so.
fn remedy(error: &CloudError) -> Option<String> {
    match error.class {
        Class::Denied => Some(format!("allow the controller's role {}", error.action)),
        Class::Quota => Some("ask AWS to raise the quota".to_owned()),
        Class::Unauthenticated if is_dated(error) => Some("set the clock of the controller's machine right".to_owned()),
        // What KMS says of a principal that does not exist.
        Class::Invalid if error.code == "MalformedPolicyDocumentException" => {
            Some("the roles and users that spec.aws.keyAdministrators and spec.keys name must exist".to_owned())
        }
        _ => None,
    }
}

/// What is wrong with a node and what to do about it, in one line.
pub fn explain(entry: &Entry) -> String {
    let what = match &entry.outcome {
        Outcome::Unchanged | Outcome::Changed => "as described".to_owned(),
        Outcome::Waiting { until, .. } => format!("waiting until {until}"),
        Outcome::Blocked { on } => format!("waits for {on}"),
        Outcome::Held(hold @ Hold::NameTaken { owner: None, .. }) => {
            format!("{hold}; delete it, or let the platform take it over with the annotation {ADOPT}={}", entry.node)
        }
        Outcome::Held(Hold::Unread(error)) => format!("it could not be read: {}", advice(error)),
        // What it lacks may be a right of ours.
        Outcome::Held(Hold::Broken(error)) => advice(error),
        Outcome::Held(hold) => hold.to_string(),
        Outcome::Failed(error) => advice(error),
    };
    let overdue = entry.overdue.map(|deadline| {
        let seconds = deadline.as_secs();
        let time = if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds / 60) };
        format!("; this takes longer than it should, more than {time}: look at it on AWS")
    });
    format!("{}: {what}{}", entry.node, overdue.unwrap_or_default())
}
