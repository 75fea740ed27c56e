//! The reconcile engine: from what is wanted and what was seen to what is done.
//!
//! ```text
//! Graph (wanted) ──┐
//!                  ├─ plan ─▶ Plan ─ execute ─▶ Report
//! Inventory (seen) ┘  pure            parallel
//! ```
//!
//! The engine knows neither AWS nor Kubernetes: a kind of resource implements [`Resource`], and everything else is
//! generic over its `Cloud`. Planning is synchronous, and the clock is a parameter.

pub mod diff;
pub mod doubts;
pub mod error;
pub mod execute;
mod extras;
pub mod graph;
pub mod hold;
pub mod id;
pub mod inventory;
pub mod memory;
pub mod outputs;
pub mod plan;
pub mod report;
pub mod resource;

pub use diff::Change;
pub use error::{Class, CloudError};
pub use graph::{Graph, Node};
pub use hold::{Exception, Hold};
pub use id::{NodeId, Owner, Ref, Region};
pub use inventory::{Inventory, Seen, Unseen};
pub use memory::{Known, Memory};
pub use outputs::{Outputs, Pending, Up};
pub use plan::{Plan, Planned, Step};
pub use report::{Entry, Outcome, Report};
pub use resource::{Claim, Context, Found, Kind, Look, Progress, Replace, Resource, Tier, Unready};
