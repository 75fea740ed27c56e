//! What a platform must read again before its shared looks can be believed, and what need not be read once more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::graph::Graph;
use crate::inventory::{Inventory, Place};
use crate::memory::Memory;
use crate::plan::{Plan, Step};
use crate::resource::{Create, Kind};

/// What a platform must read again before it can plan.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Doubts {
    /// Ids to read, by kind.
    pub ids: BTreeMap<Place, BTreeSet<String>>,
    /// Kinds to look at as a whole: something of unknown id was written after the look.
    pub places: BTreeSet<Place>,
}

impl Inventory {
    /// What must be read again at `now`: nodes written after the look began, nodes known by id that it did not show,
    /// and kinds of which something was not seen when it was too early to believe that, and no longer is.
    pub fn doubts<C: 'static>(
        &self,
        graph: &Graph<C>,
        memory: &Memory,
        kinds: &[Kind<C>],
        now: Instant,
        window: Duration,
    ) -> Doubts {
        let mut doubts = Doubts::default();
        for node in graph.nodes() {
            let known = memory.nodes.get(&node.id);
            let has_id = known.is_some_and(|known| known.cloud_id.is_some() && !known.gone);
            let Some((place, look)) = self.look_for(&node.id, kinds).filter(|_| !has_id) else { continue };
            let written = known.and_then(|known| known.written);
            let twins = node.resource.kind().create == Create::MakesTwins;
            let since = written.max(memory.watching_since.filter(|_| twins));
            if since.is_some_and(|since| look.began < since + window && now >= since + window) {
                doubts.places.insert(place);
            }
        }
        for (node, known) in &memory.nodes {
            let Some((place, look)) = self.look_for(node, kinds) else { continue };
            let read = known.cloud_id.as_ref().map_or(look.began, |id| look.read_at(id));
            let stale = known.written.is_some_and(|written| read <= written);
            if known.gone && !stale {
                continue;
            }
            match &known.cloud_id {
                Some(id) if stale || (look.found.is_ok() && !look.by_id.contains_key(id)) => {
                    doubts.ids.entry(place).or_default().insert(id.clone());
                }
                None if stale => {
                    doubts.places.insert(place);
                }
                _ => {}
            }
        }
        doubts
    }

    /// Of what was read again, the ids of things that are as `plan` wants them, however lately they were written: a read
    /// that lags shows what was there before, not what we have just written. Where it is not known what came of the last
    /// write, what was there before may be what is wanted, and the read must be repeated.
    pub fn confirmed(&self, plan: &Plan, memory: &Memory) -> BTreeMap<Place, BTreeSet<String>> {
        let mut confirmed: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
        for planned in plan.steps.iter().filter(|planned| !planned.extra && planned.step == Step::Keep) {
            let of_kind = |place: &&Place| place.0 == planned.node.region && place.1 == planned.node.kind;
            let (Some(found), Some(place)) = (&planned.found, self.rereads.keys().find(of_kind)) else { continue };
            let last = memory.nodes.get(&planned.node).and_then(|known| known.changed.last());
            if last.is_none_or(|last| last.accepted) && self.rereads[place].asked.contains(&found.cloud_id) {
                confirmed.entry(place.clone()).or_default().insert(found.cloud_id.clone());
            }
        }
        confirmed
    }
}
