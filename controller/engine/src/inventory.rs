//! What was seen, and what it means for one platform. Unknown is not absent.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::diff::{Change, Path};
use crate::error::CloudError;
use crate::extras::was_replaced;
use crate::graph::Graph;
use crate::id::{NodeId, Owner, Region};
use crate::memory::{Known, Memory};
use crate::resource::{AnyFound, Create, Kind};

pub use crate::doubts::Doubts;

/// One look at all things of one kind in one region, shared by all platforms of a scope.
pub struct KindLook {
    pub began: Instant,
    pub found: Result<Vec<Arc<AnyFound>>, CloudError>,
    by_owner: HashMap<String, Vec<Arc<AnyFound>>>,
    pub(crate) by_id: HashMap<String, Arc<AnyFound>>,
    by_name: HashMap<String, Arc<AnyFound>>,
    /// Things that were read again by id since, and when that began.
    read_again: HashMap<String, Instant>,
}

impl KindLook {
    pub fn new(began: Instant, found: Result<Vec<AnyFound>, CloudError>) -> Self {
        Self::of(began, found.map(|found| found.into_iter().map(Arc::new).collect()))
    }

    /// The same look with things as a later read of these ids showed them; what that did not show is left as it was, since
    /// only a look at everything says that it is gone. None: there is nothing to take over.
    pub fn with(&self, ids: &BTreeSet<String>, later: &Self) -> Option<Self> {
        let new = later.found.as_ref().ok()?.iter().filter(|thing| ids.contains(&thing.cloud_id));
        let new: Vec<Arc<AnyFound>> =
            new.filter(|thing| self.read_at(&thing.cloud_id) < later.began).cloned().collect();
        let replaced: HashSet<&str> = new.iter().map(|thing| thing.cloud_id.as_str()).collect();
        if replaced.is_empty() {
            return None;
        }
        let old = self.found.as_ref().ok()?.iter().filter(|thing| !replaced.contains(thing.cloud_id.as_str()));
        let mut look = Self::of(self.began, Ok(old.chain(&new).cloned().collect()));
        look.read_again = self.read_again.clone();
        look.read_again.extend(new.iter().map(|thing| (thing.cloud_id.clone(), later.began)));
        Some(look)
    }

    /// Since when what is said of this thing is true.
    pub fn read_at(&self, id: &str) -> Instant {
        self.read_again.get(id).copied().unwrap_or(self.began)
    }

    fn of(began: Instant, found: Result<Vec<Arc<AnyFound>>, CloudError>) -> Self {
        let mut look = Self {
            began,
            read_again: HashMap::new(),
            by_owner: HashMap::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            found: Ok(Vec::new()),
        };
        for thing in found.iter().flatten() {
            if let Some(claim) = &thing.claim {
                look.by_owner.entry(claim.owner.name.clone()).or_default().push(thing.clone());
            }
            if let Some(name) = &thing.name {
                look.by_name.insert(name.clone(), thing.clone());
            }
            look.by_id.insert(thing.cloud_id.clone(), thing.clone());
        }
        look.found = found;
        look
    }
}

/// A kind in a region: what one sweep covers.
pub type Place = (Region, &'static str);

/// Everything read for one pass over one platform: the shared looks, and what was read again by id on top of them.
#[derive(Default, Clone)]
pub struct Inventory {
    pub looks: BTreeMap<Place, Arc<KindLook>>,
    pub rereads: BTreeMap<Place, Reread>,
}

/// Things read again by id because the shared look is too old for them or did not show them.
#[derive(Clone)]
pub struct Reread {
    pub asked: BTreeSet<String>,
    pub look: Arc<KindLook>,
}

/// What is known of one wanted node.
#[derive(Clone)]
pub enum Seen {
    Absent,
    Unknown(Unseen),
    Present(Arc<AnyFound>),
    /// Something of its unique name is there that is not ours.
    Foreign {
        cloud_id: String,
        owner: Option<Owner>,
    },
}

/// Why it is not known whether a node is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Unseen {
    Failed(CloudError),
    NotLookedAt,
    /// Not seen, but it may be too early to see it.
    TooEarly {
        retry: Duration,
    },
}

/// What a read of a node may not show yet.
#[derive(Clone, Debug)]
pub struct Settling {
    /// For how long still.
    pub retry: Duration,
    /// Where it was changed. None: everywhere.
    paths: Option<Vec<Path>>,
}

impl Settling {
    /// Whether a read from before our own change shows this difference.
    pub fn explains(&self, change: &Change) -> bool {
        let at = |path: &Path| path.0.iter().zip(&change.path.0).all(|(one, other)| one == other);
        self.paths.as_ref().is_none_or(|paths| paths.iter().any(at))
    }
}

/// A thing of the platform that is not (or not the) thing of a wanted node.
#[derive(Clone)]
pub struct Extra {
    pub found: Arc<AnyFound>,
    pub node: NodeId,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its node is not wanted (any more).
    Unwanted,
    /// Another thing is the node's.
    Twin,
    /// We have made another thing in its place.
    Replaced,
    /// It carries the tags of a node but not its name: copied by somebody. Never touched.
    Copy,
}

/// Whose things count as ours.
#[derive(Clone, Debug)]
pub struct Identity {
    pub owner: Owner,
    /// The label of kept things that this object takes over: its environment.
    pub label: Option<String>,
    /// UIDs of earlier objects of the same name whose things this object takes over.
    pub takes_over: BTreeSet<String>,
    /// Nodes whose unique name may be borne by a thing without any tags of ours, which then becomes the node's.
    pub adopts: BTreeSet<NodeId>,
}

impl Identity {
    pub fn new(owner: Owner) -> Self {
        Self { owner, label: None, takes_over: BTreeSet::new(), adopts: BTreeSet::new() }
    }

    fn owns(&self, found: &AnyFound) -> bool {
        found.claim.as_ref().is_some_and(|claim| {
            claim.owner.name == self.owner.name
                && (claim.owner.uid == self.owner.uid
                    || self.takes_over.contains(&claim.owner.uid)
                    || self.inherits(found))
        })
    }

    /// Whether an earlier object of this name and label has left it behind on purpose.
    fn inherits(&self, found: &AnyFound) -> bool {
        found.claim.as_ref().is_some_and(|claim| {
            claim.owner.name == self.owner.name
                && claim.owner.uid != self.owner.uid
                && claim.kept.is_some()
                && claim.kept == self.label
        })
    }
}

/// What was seen of one platform.
#[derive(Default)]
pub struct Observation {
    pub seen: BTreeMap<NodeId, Seen>,
    pub extras: Vec<Extra>,
    /// UIDs of other objects of the same name that own something here.
    pub other_generations: BTreeSet<String>,
    /// Kinds that could not be looked at.
    pub unread: BTreeMap<Place, CloudError>,
    /// Whether something of the platform could not be read completely: what it uses may not be known.
    pub half_read: bool,
    /// Remembered nodes that are not wanted and that a read by id did not show: gone for good.
    pub vanished: Vec<NodeId>,
    /// Nodes changed so shortly before that a read may not show it yet.
    pub settling: BTreeMap<NodeId, Settling>,
    /// All ids that some thing of the platform uses, with its users.
    pub users: HashMap<String, Vec<NodeId>>,
}

impl Inventory {
    pub(crate) fn look_for<C: 'static>(&self, node: &NodeId, kinds: &[Kind<C>]) -> Option<(Place, &KindLook)> {
        let kind = kinds.iter().find(|kind| kind.name == node.kind)?;
        let place = (node.region.clone(), kind.name);
        let look = self.looks.get(&place)?;
        Some((place, look))
    }

    /// What all this means for one platform. Pure: `window` is how long a read may lag behind a write.
    pub fn observe<C: 'static>(
        &self,
        graph: &Graph<C>,
        kinds: &[Kind<C>],
        identity: &Identity,
        memory: &Memory,
        window: Duration,
    ) -> Observation {
        let mut observation = Observation::default();
        let mut candidates: BTreeMap<NodeId, Vec<Arc<AnyFound>>> = BTreeMap::new();
        for ((region, kind), look) in &self.looks {
            if let Err(error) = &look.found {
                observation.unread.insert((region.clone(), *kind), error.clone());
            }
            self.collect(region, kind, look, identity, memory, window, &mut candidates, &mut observation);
        }
        for (node, found) in candidates.iter().flat_map(|(node, all)| all.iter().map(move |found| (node, found))) {
            observation.half_read |= found.fields.is_err();
            for used in &found.uses {
                observation.users.entry(used.clone()).or_default().push(node.clone());
            }
        }
        for ((region, kind), reread) in &self.rereads {
            if let Err(error) = &reread.look.found {
                observation.unread.insert((region.clone(), *kind), error.clone());
            }
        }
        observation.vanished = self.vanished(graph, memory, &candidates, window);
        observation.settling = self.settling(memory, kinds, window);
        for node in graph.nodes() {
            let known = memory.nodes.get(&node.id);
            let mut mine = candidates.remove(&node.id).unwrap_or_default();
            let seen = match choose(&mut mine, known, &observation.users) {
                Some(best) => match self.stale(&node.id, known) {
                    Some(error) => Seen::Unknown(Unseen::Failed(error)),
                    None => Seen::Present(best),
                },
                None => {
                    let kind = node.resource.kind();
                    let name = node.resource.unique_name();
                    let wanted = Wanted { node: &node.id, kind: &kind, unique_name: name.as_deref(), known };
                    self.missing(&wanted, identity, memory, window)
                }
            };
            let chosen = match &seen {
                Seen::Present(chosen) => Some(chosen.clone()),
                _ => None,
            };
            observation.extras.extend(mine.into_iter().map(|found| {
                let role = if was_replaced(&found, chosen.as_deref(), &node.resource.kind(), memory) {
                    Role::Replaced
                } else {
                    Role::Twin
                };
                Extra { found, node: node.id.clone(), role }
            }));
            observation.seen.insert(node.id.clone(), seen);
        }
        for (node, found) in
            candidates.into_iter().flat_map(|(node, all)| all.into_iter().map(move |f| (node.clone(), f)))
        {
            // What an earlier object has kept stays as long as nobody wants it.
            if kinds.iter().any(|kind| kind.name == node.kind) && !identity.inherits(&found) {
                observation.extras.push(Extra { found, node, role: Role::Unwanted });
            }
        }
        observation
    }

    /// Sorts the things of one look into candidates for nodes, copies and things of other generations.
    #[allow(clippy::too_many_arguments, reason = "one step of `observe`, split off for its length only")]
    fn collect(
        &self,
        region: &Region,
        kind: &'static str,
        look: &KindLook,
        identity: &Identity,
        memory: &Memory,
        window: Duration,
        candidates: &mut BTreeMap<NodeId, Vec<Arc<AnyFound>>>,
        observation: &mut Observation,
    ) {
        let reread = self.rereads.get(&(region.clone(), kind)).filter(|reread| reread.look.found.is_ok());
        let superseded = |id: &str| reread.is_some_and(|reread| reread.asked.contains(id));
        let known_ids: HashMap<&str, &NodeId> = memory
            .nodes
            .iter()
            .filter(|(node, known)| node.kind == kind && node.region == *region && !known.gone)
            .filter_map(|(node, known)| Some((known.cloud_id.as_deref()?, node)))
            .collect();
        let named = look.by_owner.get(&identity.owner.name).into_iter().flatten();
        let by_known_id = known_ids.keys().filter_map(|id| look.by_id.get(*id)).filter(|found| found.claim.is_none());
        let again = reread.iter().flat_map(|reread| reread.look.found.iter().flatten());
        // A twin that was deleted is still shown by a look from before.
        let still_shown = |id: &str, look: &KindLook| {
            memory.deleted.get(id).is_some_and(|deleted| look.read_at(id) <= *deleted + window)
        };
        let things = named.chain(by_known_id).filter(|found| !superseded(&found.cloud_id)).chain(again);
        let things = things.filter(|found| match reread.filter(|reread| reread.asked.contains(&found.cloud_id)) {
            Some(reread) => !still_shown(&found.cloud_id, &reread.look),
            None => !still_shown(&found.cloud_id, look),
        });
        let mut taken = HashSet::new();
        for found in things {
            if !taken.insert(found.cloud_id.clone()) {
                continue;
            }
            let remembered = known_ids.get(found.cloud_id.as_str()).copied();
            // Of a name that can be used again, an untagged thing made at another time is not the remembered one.
            let remembered = remembered.filter(|node| {
                let made = memory.nodes.get(*node).and_then(|known| known.created);
                let another = made.is_some() && found.created.is_some() && made != found.created;
                found.claim.is_some() || found.name.is_none() || !another
            });
            match &found.claim {
                None => {
                    if let Some(node) = remembered {
                        candidates.entry(node.clone()).or_default().push(found.clone());
                    }
                }
                Some(claim) if identity.owns(found) => {
                    if claim.node.kind != kind || claim.node.region != *region {
                        observation.extras.push(Extra {
                            found: found.clone(),
                            node: claim.node.clone(),
                            role: Role::Copy,
                        });
                    } else if let Some(node) = remembered {
                        candidates.entry(node.clone()).or_default().push(found.clone());
                    } else if found.name_fits {
                        candidates.entry(claim.node.clone()).or_default().push(found.clone());
                    } else {
                        observation.extras.push(Extra {
                            found: found.clone(),
                            node: claim.node.clone(),
                            role: Role::Copy,
                        });
                    }
                }
                Some(claim) if claim.owner.name == identity.owner.name => {
                    // Things that others kept, and tags that were copied to something else, say nothing of its owner.
                    let genuine = found.name_fits && claim.node.kind == kind && claim.kept.is_none();
                    if genuine && !found.leaving {
                        observation.other_generations.insert(claim.owner.uid.clone());
                    }
                }
                Some(_) => {}
            }
        }
    }

    fn vanished<C: 'static>(
        &self,
        graph: &Graph<C>,
        memory: &Memory,
        candidates: &BTreeMap<NodeId, Vec<Arc<AnyFound>>>,
        window: Duration,
    ) -> Vec<NodeId> {
        let unwanted = memory
            .nodes
            .iter()
            .filter(|(node, known)| !known.gone && graph.get(node).is_none() && !candidates.contains_key(*node));
        let read_by_id = |node: &NodeId, known: &Known| {
            let mut rereads =
                self.rereads.iter().filter(|((region, kind), _)| *region == node.region && *kind == node.kind);
            let id = known.cloud_id.as_ref();
            let absent_since = known.absent_since(window);
            let settled = |reread: &Reread| absent_since.is_none_or(|since| reread.look.began >= since);
            rereads.any(|(_, reread)| {
                reread.look.found.is_ok() && settled(reread) && id.is_some_and(|id| reread.asked.contains(id))
            })
        };
        unwanted.filter(|(node, known)| read_by_id(node, known)).map(|(node, _)| node.clone()).collect()
    }

    /// Nodes that were changed so shortly before they were read that the read may show what was before.
    fn settling<C: 'static>(&self, memory: &Memory, kinds: &[Kind<C>], window: Duration) -> BTreeMap<NodeId, Settling> {
        let settling = memory.nodes.iter().filter_map(|(node, known)| {
            let settled = known.changed.iter().rfind(|changed| changed.accepted)?.at + window;
            let (place, look) = self.look_for(node, kinds)?;
            let reread = self
                .rereads
                .get(&place)
                .filter(|reread| known.cloud_id.as_ref().is_some_and(|id| reread.asked.contains(id)));
            let shared = known.cloud_id.as_ref().map_or(look.began, |id| look.read_at(id));
            let read = reread.map_or(shared, |reread| reread.look.began);
            let lately = known.changed.iter().filter(|changed| read < changed.at + window);
            let paths = lately.map(|changed| changed.paths.clone()).collect::<Option<Vec<_>>>();
            let settling =
                || Settling { retry: settled.duration_since(read), paths: paths.map(|paths| paths.concat()) };
            (read < settled).then(|| (node.clone(), settling()))
        });
        settling.collect()
    }

    /// A thing by its id, as it was read last.
    fn by_id(&self, place: &Place, id: &str) -> Option<&AnyFound> {
        match self.rereads.get(place).filter(|reread| reread.asked.contains(id)) {
            Some(reread) => reread.look.by_id.get(id).map(|found| &**found),
            None => self.looks.get(place)?.by_id.get(id).map(|found| &**found),
        }
    }

    /// Why what was found of a node is out of date: it was written since, and the second read failed.
    fn stale(&self, node: &NodeId, known: Option<&Known>) -> Option<CloudError> {
        let ((region, kind), look) =
            self.looks.iter().find(|((region, kind), _)| *region == node.region && *kind == node.kind)?;
        let written = known?.written?;
        let reread = self.rereads.get(&(region.clone(), *kind))?;
        let read = known?.cloud_id.as_ref().map_or(look.began, |id| look.read_at(id));
        (read <= written).then(|| reread.look.found.as_ref().err().cloned()).flatten()
    }

    /// A node of which nothing was found: absent, or merely not seen?
    fn missing<C: 'static>(
        &self,
        wanted: &Wanted<'_, C>,
        identity: &Identity,
        memory: &Memory,
        window: Duration,
    ) -> Seen {
        let Wanted { node, kind, unique_name, known } = *wanted;
        let place = (node.region.clone(), kind.name);
        let Some(look) = self.looks.get(&place) else { return Seen::Unknown(Unseen::NotLookedAt) };
        if let Err(error) = &look.found {
            return Seen::Unknown(Unseen::Failed(error.clone()));
        }
        let reread = self.rereads.get(&place).filter(|reread| reread.look.found.is_ok());
        let superseded = |found: &&Arc<AnyFound>| reread.is_some_and(|reread| reread.asked.contains(&found.cloud_id));
        let named = unique_name.and_then(|name| look.by_name.get(name)).filter(|found| !superseded(found));
        if let Some(foreign) = named {
            if foreign.claim.is_none() && identity.adopts.contains(node) {
                return Seen::Present(foreign.clone());
            }
            let owner = foreign.claim.as_ref().map(|claim| claim.owner.clone());
            return Seen::Foreign { cloud_id: foreign.cloud_id.clone(), owner };
        }
        let mut latest = look.began;
        let id = known.filter(|known| !known.gone).and_then(|known| known.cloud_id.as_ref());
        if let Some(found) = id.and_then(|id| self.by_id(&place, id)) {
            // It is there and says that it is somebody else's.
            let owner = found.claim.as_ref().map(|claim| claim.owner.clone());
            return Seen::Foreign { cloud_id: found.cloud_id.clone(), owner };
        }
        if let Some(id) = id {
            match self.rereads.get(&place).filter(|reread| reread.asked.contains(id)) {
                Some(Reread { look, .. }) => match &look.found {
                    Ok(_) => latest = latest.max(look.began),
                    Err(error) => return Seen::Unknown(Unseen::Failed(error.clone())),
                },
                None => return Seen::Unknown(Unseen::NotLookedAt),
            }
        }
        let too_early =
            |since: Instant| (latest < since).then(|| Unseen::TooEarly { retry: since.duration_since(latest) });
        // A repeated creation with a token or a unique name makes no second thing, so only what was there waits.
        let twins = kind.create == Create::MakesTwins;
        let known_here = known.filter(|known| twins || known.cloud_id.is_some());
        if let Some(unseen) = known_here.and_then(|known| known.absent_since(window)).and_then(too_early) {
            return Seen::Unknown(unseen);
        }
        // A thing whose id is known and that a read by that id does not show is gone. Without an id, somebody before
        // us may have made one that reads do not show yet.
        if id.is_none()
            && twins
            && let Some(unseen) = memory.watching_since.and_then(|since| too_early(since + window))
        {
            return Seen::Unknown(unseen);
        }
        Seen::Absent
    }
}

/// A wanted node of which nothing was found.
struct Wanted<'a, C: 'static> {
    node: &'a NodeId,
    kind: &'a Kind<C>,
    unique_name: Option<&'a str>,
    known: Option<&'a Known>,
}

/// Takes the node's own thing out of its candidates: the remembered one, else one that is not about to go, else one in
/// use, else the oldest.
fn choose(
    candidates: &mut Vec<Arc<AnyFound>>,
    known: Option<&Known>,
    users: &HashMap<String, Vec<NodeId>>,
) -> Option<Arc<AnyFound>> {
    let remembered = known.and_then(|known| known.cloud_id.as_deref());
    let best = (0..candidates.len()).min_by_key(|&index| {
        let found = &candidates[index];
        (
            remembered != Some(found.cloud_id.as_str()),
            found.leaving,
            !users.contains_key(&found.cloud_id),
            found.created.unwrap_or(i64::MAX),
            found.cloud_id.clone(),
        )
    })?;
    Some(candidates.swap_remove(best))
}
