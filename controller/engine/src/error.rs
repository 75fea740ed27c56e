//! What went wrong with a call, in the classes that the engine acts on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an error means for what to do next. AWS's error codes map to these in one table of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// The thing is not there.
    NotFound,
    /// Something of that name is there already.
    AlreadyExists,
    /// Somebody else changed it at the same time; look again.
    Conflict,
    /// Something else still uses it; deletion waits.
    InUse,
    /// A limit of the account: a human must raise it or make room.
    Quota,
    /// Right, but too early: a role not assumable yet, a key not usable yet.
    NotYet,
    Throttled,
    /// Permission is missing: a human must grant it.
    Denied,
    /// No valid credentials.
    Unauthenticated,
    /// The request is wrong and will stay wrong.
    Invalid,
    /// No answer: it may have happened.
    Ambiguous,
    /// The service is failing.
    Unavailable,
}

impl Class {
    /// Whether only a human can make the next try succeed (kstatus: `Stalled`).
    pub fn needs_human(self) -> bool {
        matches!(self, Self::Denied | Self::Invalid | Self::Quota | Self::AlreadyExists)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A failed call: what was asked, of which thing, and what the service said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {code}: {message}")]
pub struct CloudError {
    pub class: Class,
    /// The API operation as an IAM action, for example `ec2:CreateVpc`.
    pub action: String,
    /// The service's error code.
    pub code: String,
    pub message: String,
    /// For logs and AWS's support; not part of the text, which stays the same when the same call fails again.
    pub request_id: Option<String>,
}

impl CloudError {
    pub fn new(class: Class, action: &str, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class, action: action.to_owned(), code: code.into(), message: message.into(), request_id: None }
    }
}
