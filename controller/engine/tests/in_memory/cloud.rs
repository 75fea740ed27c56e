//! A cloud of things with tags, links and a size, that can be made to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use payment_platform_engine::{Claim, Class, CloudError, Unready};
use serde_json::Value;

/// One thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    pub kind: &'static str,
    pub claim: Option<Claim>,
    /// Bears another name than its node's thing.
    pub renamed: bool,
    pub size: i64,
    pub links: BTreeSet<String>,
    pub token: String,
}

#[derive(Default)]
pub struct State {
    pub things: BTreeMap<String, Thing>,
    pub writes: Vec<String>,
    /// Kinds that cannot be read.
    pub unreadable: BTreeSet<&'static str>,
    /// Ids of things that are seen, but not what they are like.
    pub half_read: BTreeSet<String>,
    /// Ids of things that take no change just now.
    pub busy: BTreeSet<String>,
    /// Ids of things that do not do their work, with the reason.
    pub unready: BTreeMap<String, Unready>,
    /// Ids of things of which something differs that no call changes.
    pub painted: BTreeSet<String>,
    /// Ids of things at which something is to be done.
    pub due: BTreeSet<String>,
    /// Ids of things whose deletion is only begun by the first call.
    pub slow: BTreeSet<String>,
    /// Ids that reads do not show.
    pub hidden: BTreeSet<String>,
    /// Nodes whose creation is refused.
    pub refused: BTreeSet<String>,
    /// Nodes whose name is refused as taken, though nothing of that name is seen.
    pub taken: BTreeSet<String>,
    /// Nodes whose creation works, but whose answer is lost.
    pub unanswered: BTreeSet<String>,
    /// Writes left before every further one fails, before its effect.
    pub budget: Option<usize>,
    /// Whether the last write of the budget happens and only its answer is lost.
    pub last_takes_effect: bool,
    next: usize,
}

#[derive(Default)]
pub struct Cloud(pub Mutex<State>);

impl Cloud {
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().expect("no test panics while it holds the cloud"))
    }

    /// The writes so far.
    pub fn writes(&self) -> Vec<String> {
        self.with(|state| state.writes.clone())
    }

    /// Everything there is, as `kind node size links`, sorted.
    pub fn contents(&self) -> Vec<String> {
        self.with(|state| {
            let mut all: Vec<String> = state
                .things
                .values()
                .map(|thing| {
                    let node = thing.claim.as_ref().map_or("nobody's".to_owned(), |claim| claim.node.name.clone());
                    format!("{} {node} {} {}", thing.kind, thing.size, thing.links.len())
                })
                .collect();
            all.sort();
            all
        })
    }

    pub fn ids(&self, node: &str) -> Vec<String> {
        self.with(|state| {
            let own = |thing: &Thing| thing.claim.as_ref().is_some_and(|claim| claim.node.name == node);
            state.things.iter().filter(|(_, thing)| own(thing)).map(|(id, _)| id.clone()).collect()
        })
    }
}

impl State {
    /// Accounts for one write; Err when it must not happen, Ok(false) when it happens and its answer is lost.
    pub fn write(&mut self, what: String) -> Result<bool, CloudError> {
        let lost = || CloudError::new(Class::Ambiguous, "cloud:Write", "Lost", "no answer");
        match &mut self.budget {
            Some(0) => return Err(lost()),
            Some(budget) => {
                *budget -= 1;
                if *budget == 0 {
                    self.writes.push(what);
                    return if self.last_takes_effect { Ok(false) } else { Err(lost()) };
                }
            }
            None => {}
        }
        self.writes.push(what);
        Ok(true)
    }

    pub fn new_id(&mut self) -> String {
        self.next += 1;
        format!("id-{:03}", self.next)
    }
}

pub fn lost() -> CloudError {
    CloudError::new(Class::Ambiguous, "cloud:Write", "Lost", "no answer")
}

/// What a size in a change says.
pub fn number(value: Option<&Value>) -> i64 {
    value.and_then(Value::as_i64).unwrap_or_default()
}
