//! Why something is not done.

use crate::diff::Change;
use crate::id::{NodeId, Owner};

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Hold {
    #[error("it could not be read: {0}")]
    Unread(crate::CloudError),
    #[error("it was not looked at in this pass")]
    NotLookedAt,
    #[error("it was not seen, but reads may lag behind; looking again in {} s", retry.as_secs().max(1))]
    TooEarly { retry: std::time::Duration },
    #[error("AWS is still at work on it ({0})")]
    Busy(&'static str),
    /// It is as wanted, and does not do its work yet.
    #[error("it does not work yet: {0}")]
    Unready(String),
    /// It is as wanted, and will not do its work without help.
    #[error("{0}")]
    Broken(crate::CloudError),
    #[error("{cloud_id} has its name but {}", owner.as_ref().map_or("none of our tags".to_owned(), |owner| format!("belongs to {} ({})", owner.name, owner.uid)))]
    NameTaken { cloud_id: String, owner: Option<Owner> },
    /// The names of another platform: half of this one would be in its way.
    #[error("nothing is made while {cloud_id}, which has the name of {node}, belongs to {} ({})", owner.name, owner.uid)]
    NotBegun { node: NodeId, cloud_id: String, owner: Owner },
    #[error("another object of this name (UID {}) owns things here; set paymentplatform.io/take-over to that UID to take them over", uids.join(", "))]
    OtherGeneration { uids: Vec<String> },
    #[error("driftPolicy is Observe: the difference is reported, not corrected")]
    Observing,
    #[error("it would have to be replaced ({}), and it holds data", fields.join(", "))]
    WouldLoseData { fields: Vec<String> },
    #[error("it is no longer wanted, but holds data")]
    HoldsData,
    #[error("less of its data would be kept ({})", fields.join(", "))]
    WouldKeepLess { fields: Vec<String> },
    #[error("{by} still uses it")]
    InUse { by: NodeId },
    #[error("what may still use it could not be read")]
    UsersUnread,
    /// The same correction again and again.
    #[error("it was corrected {times} times in a short while, and somebody changes it back; the next correction is in {} s", retry.as_secs())]
    Contested { times: u32, retry: std::time::Duration },
    #[error("it would have to be replaced ({}), with everything in it, which is never done unasked; undo that change, or replace it yourself", fields.join(", "))]
    WouldDisrupt { fields: Vec<String> },
    #[error("nothing is made while the account has no room for all of it: {0}")]
    Quota(String),
    #[error("left alone until {until}: {reason}")]
    Excepted { reason: String, until: String },
    /// It is no longer wanted, harms nobody, and can be deleted later.
    #[error("no longer wanted; {0}")]
    Later(String),
    /// Decided by the caller for the whole platform, in its own words.
    #[error("{0}")]
    Platform(String),
}

impl Hold {
    /// Whether nothing will move until a human acts.
    pub fn needs_human(&self) -> bool {
        match self {
            Self::NameTaken { .. }
            | Self::NotBegun { .. }
            | Self::OtherGeneration { .. }
            | Self::WouldLoseData { .. }
            | Self::WouldDisrupt { .. }
            | Self::WouldKeepLess { .. }
            | Self::Quota(_)
            | Self::Broken(_)
            | Self::HoldsData => true,
            Self::Unread(error) => error.class.needs_human(),
            _ => false,
        }
    }
}

/// A difference that somebody wants left alone for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    pub node: NodeId,
    /// As paths are shown; what lies below it is meant too.
    pub path: String,
    pub reason: String,
    /// When it ends, for people to read: the caller leaves out what has ended.
    pub until: String,
}

impl Exception {
    pub(crate) fn covers(&self, node: &NodeId, change: &Change) -> bool {
        let path = change.path.to_string();
        let below = path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.node == *node && below
    }
}
