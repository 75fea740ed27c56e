//! From what is wanted and what was seen to what shall be done. Pure.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::diff::{Change, diff};
use crate::extras::{kept_ids, plan_extra};
use crate::graph::{Graph, Node};
use crate::hold::{Exception, Hold};
use crate::id::NodeId;
use crate::inventory::{Observation, Seen, Settling, Unseen};
use crate::memory::{Known, Memory};
use crate::outputs::Outputs;
use crate::resource::{AnyFound, Create, Kind, Replace, Unready, Wish};

/// What shall be done with one node.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Keep,
    Create,
    Update(Vec<Change>),
    Replace(Replace, Vec<Change>),
    Delete,
    /// Left behind on purpose: only marked as kept.
    Leave,
    /// What to do is known once this node is done.
    After(NodeId),
    Hold(Hold),
}

impl Step {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Keep => "Keep",
            Self::Create => "Create",
            Self::Update(_) => "Update",
            Self::Replace(..) => "Replace",
            Self::Delete => "Delete",
            Self::Leave => "Leave",
            Self::After(_) => "After",
            Self::Hold(_) => "Hold",
        }
    }

    /// Whether what is there is what is wanted.
    pub fn agrees(&self) -> bool {
        matches!(self, Self::Keep | Self::Hold(Hold::Excepted { .. } | Hold::Unready(_) | Hold::Broken(_)))
    }

    /// Whether it makes a new thing while the old one is still there.
    pub fn makes_another(&self) -> bool {
        matches!(self, Self::Replace(Replace::CreateFirst, _))
    }

    /// Whether the thing that is there goes by it.
    pub fn deletes(&self) -> bool {
        matches!(self, Self::Delete | Self::Replace(Replace::DeleteFirst | Replace::Refuse, _))
    }

    /// Whether the step changes something on AWS, or will.
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Keep | Self::Hold(_))
    }
}

/// A step for one thing.
#[derive(Clone)]
pub struct Planned {
    pub node: NodeId,
    pub component: &'static str,
    pub step: Step,
    /// Whether the step puts right what somebody else changed.
    pub drift: bool,
    /// Whether it closes what was opened: done before everything else.
    pub closes: bool,
    /// Whether the thing is a twin or of a node that is not wanted.
    pub extra: bool,
    pub found: Option<Arc<AnyFound>>,
    pub digest: Option<String>,
    /// What differs, also where nothing is done about it.
    pub changes: Vec<Change>,
}

/// Something worth telling that is no step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    pub node: NodeId,
    pub cloud_id: String,
    pub message: String,
}

/// What shall be done, in an order in which what is used comes before its users.
#[derive(Clone, Default)]
pub struct Plan {
    pub steps: Vec<Planned>,
    pub notices: Vec<Notice>,
}

impl Plan {
    /// Holds everything that would be made for the first time, and leaves repairs and deletions as they are.
    pub fn hold_creations(&mut self, hold: &Hold) {
        for planned in self.steps.iter_mut().filter(|planned| planned.found.is_none()) {
            if planned.drift || planned.closes {
                continue;
            }
            if matches!(planned.step, Step::Create | Step::After(_)) {
                planned.step = Step::Hold(hold.clone());
            }
        }
    }

    /// Whether carrying it out would write anything.
    pub fn writes(&self) -> bool {
        self.steps.iter().any(|planned| planned.step.writes())
    }
}

/// How the platform as a whole is to be treated.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Nothing is written, for this reason.
    pub hold: Option<Hold>,
    /// Drift is reported and not corrected.
    pub observe: bool,
    /// The graph is empty on purpose: the platform is being deleted.
    pub deleting: bool,
    /// When deleting, what holds data stays, with what it needs.
    pub keep_data: bool,
    /// Nodes changed so shortly before that what was read may be older, see [`Observation::settling`].
    pub settling: std::collections::BTreeMap<NodeId, Settling>,
    /// Corrections to hold for a while, by node. What closes an opening is never held.
    pub contested: std::collections::BTreeMap<NodeId, Hold>,
    /// Differences that are left alone.
    pub exceptions: Vec<Exception>,
    /// Nodes whose data a human has agreed to lose.
    pub approved: BTreeSet<NodeId>,
    /// The UID in the tags of the object's own things.
    pub uid: String,
    /// The platform's own end deletes its data: what an earlier one has kept is not taken over unasked.
    pub deletes_data: bool,
}

/// The decision about one node, made when planning and again when what it depends on is done.
pub struct Decision {
    pub step: Step,
    pub wish: Option<Wish>,
    pub digest: Option<String>,
    pub drift: bool,
    pub changes: Vec<Change>,
}

/// Compares all that is wanted with all that was seen.
pub fn plan<C: 'static>(
    graph: &Graph<C>,
    observation: &Observation,
    memory: &Memory,
    kinds: &[Kind<C>],
    options: &Options,
) -> Plan {
    let mut plan = Plan::default();
    let mut outputs = known_outputs(graph, observation, memory);
    for node in graph.nodes() {
        let seen = observation.seen.get(&node.id).unwrap_or(&Seen::Unknown(Unseen::NotLookedAt));
        let known = memory.nodes.get(&node.id);
        let decision = decide(node, seen, &outputs, known, options);
        if matches!(decision.step, Step::Create | Step::Replace(..)) {
            outputs.remove(&node.id);
        }
        let closes = closes(&node.resource.kind(), &decision.step);
        plan.steps.push(Planned {
            node: node.id.clone(),
            component: node.component,
            step: decision.step,
            drift: decision.drift,
            closes,
            extra: false,
            found: present(seen).cloned(),
            digest: decision.digest,
            changes: decision.changes,
        });
    }
    let kept =
        if options.deleting && options.keep_data { kept_ids(&observation.extras, kinds) } else { HashSet::new() };
    for extra in &observation.extras {
        plan_extra(extra, observation, kinds, options, &kept, &mut plan);
    }
    let hold = platform_hold(observation, options);
    if let Some(hold) = names_of_another(&plan).filter(|_| hold.is_none()) {
        plan.hold_creations(&hold);
    }
    if let Some(hold) = hold {
        for planned in plan.steps.iter_mut().filter(|planned| planned.step.writes()) {
            planned.step = Step::Hold(hold.clone());
        }
    }
    plan
}

/// Outputs of everything that is there, and the remembered ones of what could not be read just now: a repair needs
/// only outputs, and must not wait until its parent can be read again.
pub fn known_outputs<C: 'static>(graph: &Graph<C>, observation: &Observation, memory: &Memory) -> Outputs {
    let mut outputs = Outputs::default();
    for node in graph.nodes() {
        let output = match observation.seen.get(&node.id) {
            Some(Seen::Present(found)) => found.output.clone(),
            Some(Seen::Unknown(_)) => memory.nodes.get(&node.id).and_then(|known| known.output.clone()),
            _ => None,
        };
        if let Some(output) = output {
            outputs.insert(node.id.clone(), output);
        }
    }
    outputs
}

/// What to do with one node, as far as the outputs known now tell.
pub fn decide<C: 'static>(
    node: &Node<C>,
    seen: &Seen,
    outputs: &Outputs,
    known: Option<&Known>,
    options: &Options,
) -> Decision {
    let only = |step| Decision { step, wish: None, digest: None, drift: false, changes: Vec::new() };
    let found = match seen {
        Seen::Unknown(unseen) => return only(Step::Hold(unseen_hold(unseen))),
        Seen::Foreign { cloud_id, owner } => {
            return only(Step::Hold(Hold::NameTaken { cloud_id: cloud_id.clone(), owner: owner.clone() }));
        }
        Seen::Absent => None,
        Seen::Present(found) => Some(found),
    };
    let fields = match found.map(|found| &found.fields) {
        Some(Err(error)) => return only(Step::Hold(Hold::Unread(error.clone()))),
        Some(Ok(fields)) => Some(fields),
        None => None,
    };
    let wish = match node.resource.wish(outputs, fields.map(|fields| &**fields)) {
        Ok(wish) => wish,
        Err(pending) => return only(Step::After(pending.on)),
    };
    let described = described(node);
    let digest = wish.holes.is_empty().then(|| digest(node, outputs)).flatten();
    let digest = digest.map(|digest| format!("{digest}-{described}"));
    let (step, drift, refused) = match (found, fields) {
        (Some(found), Some(fields)) => {
            let agreed = known.and_then(|known| known.wish.as_deref());
            let same_wish = agreed.is_some_and(|agreed| same_wish(agreed, digest.as_deref(), &described));
            let (step, refused) = compare(node, found, &**fields, &wish, options);
            let step = without_retries(&node.resource.kind(), step);
            let differs = !step.agrees() && !matches!(step, Step::After(_)) && !retries(&node.resource.kind(), &step);
            (step, same_wish && differs, refused)
        }
        _ => {
            let made_before = known.is_some_and(|known| known.cloud_id.is_some() && known.wish.is_some());
            let step = match wish.holes.first() {
                Some(on) => Step::After(on.clone()),
                None => Step::Create,
            };
            (step, made_before, Vec::new())
        }
    };
    // What is left out is not agreed with.
    let digest = digest.filter(|_| refused.is_empty());
    let changes = match &step {
        Step::Update(changes) | Step::Replace(_, changes) => changes.clone(),
        _ => refused,
    };
    let closing = closes(&node.resource.kind(), &step);
    let agreed = known.is_some_and(|known| known.wish.is_some());
    let never_whole = |found: &AnyFound| {
        let claim = found.claim.as_ref();
        !agreed && claim.is_some_and(|claim| claim.owner.uid == options.uid && claim.kept.is_none())
    };
    // What we made ourselves and have not finished yet holds nothing that anybody counts on.
    let found_whole = found.map(|found| &**found).filter(|found| !never_whole(found));
    if let Some(hold) = found_whole.and_then(|found| keeps_less(node, found, &step, drift, options)) {
        return Decision { changes, ..only(Step::Hold(hold)) };
    }
    // A read from before our own change may lack what we have added. It cannot show what nobody has added, nor differ where
    // nothing was changed.
    let settling = options.settling.get(&node.id);
    let may_lag =
        settling.is_some_and(|settling| changes.iter().all(|change| !change.is_removal() && settling.explains(change)));
    let too_early = settling.filter(|settling| changes.iter().any(|change| settling.explains(change)));
    let drift = drift && !(closing && may_lag && matches!(step, Step::Update(_)));
    if let (true, false, Some(settling), Step::Update(_) | Step::Replace(..)) = (drift, closing, too_early, &step) {
        return only(Step::Hold(Hold::TooEarly { retry: settling.retry }));
    }
    let step = match step {
        Step::Update(_) | Step::Create | Step::Replace(..) if drift && options.observe => Step::Hold(Hold::Observing),
        Step::Update(_) | Step::Create | Step::Replace(..) if drift && !closing => {
            match options.contested.get(&node.id) {
                Some(hold) => Step::Hold(hold.clone()),
                None => step,
            }
        }
        step => step,
    };
    Decision { step, wish: Some(wish), digest, drift, changes }
}

/// A new wish that would keep less of the data that is there, or would take over what was kept only to delete it with
/// the platform. Drift is put right whatever it costs: what is wanted was agreed to.
fn keeps_less<C: 'static>(
    node: &Node<C>,
    found: &AnyFound,
    step: &Step,
    drift: bool,
    options: &Options,
) -> Option<Hold> {
    let (Step::Update(changes), kind) = (step, node.resource.kind()) else { return None };
    if drift || options.approved.contains(&node.id) {
        return None;
    }
    let kept = found.claim.as_ref().is_some_and(|claim| claim.kept.is_some());
    let lost = changes.iter().filter(|change| (kind.loses_data)(change)).map(|change| change.path.to_string());
    let mut fields: Vec<String> = lost.collect();
    if kept && options.deletes_data && (kind.stateful || kind.guards_data) {
        fields.push("it was kept on purpose, and would be deleted with this platform".to_owned());
    }
    (!fields.is_empty()).then_some(Hold::WouldKeepLess { fields })
}

/// What is to be done, and what differs and is never put right.
fn compare<C: 'static>(
    node: &Node<C>,
    found: &AnyFound,
    seen: &dyn crate::resource::AnyFields,
    wish: &Wish,
    options: &Options,
) -> (Step, Vec<Change>) {
    let whole = |step| (step, Vec::new());
    let complete = wish.holes.is_empty();
    let mut changes =
        if complete && wish.fields.equals(seen) { Vec::new() } else { diff(&seen.json(), &wish.fields.json()) };
    let excepted = |change: &Change| options.exceptions.iter().find(|exception| exception.covers(&node.id, change));
    let exception = changes.iter().find_map(excepted);
    changes.retain(|change| excepted(change).is_none());
    if let Some(exception) = exception.filter(|_| changes.is_empty() && found.output.is_some()) {
        let Exception { reason, until, .. } = exception.clone();
        return whole(Step::Hold(Hold::Excepted { reason, until }));
    }
    if let Some(state) = found.busy
        && (!changes.is_empty() || found.output.is_none())
    {
        return whole(Step::Hold(Hold::Busy(state)));
    }
    if changes.is_empty() {
        return whole(match wish.holes.first() {
            Some(on) => Step::After(on.clone()),
            None => match &found.unready {
                Some(Unready::Until(what)) => Step::Hold(Hold::Unready(what.clone())),
                Some(Unready::Failed(error)) => Step::Hold(Hold::Broken(error.clone())),
                Some(Unready::Later(_) | Unready::Kept(_)) | None => Step::Keep,
            },
        });
    }
    let kind = node.resource.kind();
    let replace = |change: &Change| kind.replace_on.iter().find(|(path, _)| change.path.starts_with(path));
    let hows = || changes.iter().filter_map(replace).map(|(_, how)| how);
    // Where something else replaces it anyway, that puts right what nothing else does.
    let Some(how) = hows().find(|how| **how != Replace::Refuse).or(hows().next()) else {
        return whole(Step::Update(changes));
    };
    let (replacing, in_place): (Vec<_>, Vec<_>) = changes.iter().cloned().partition(|change| replace(change).is_some());
    let fields = replacing.iter().map(|change| change.path.to_string()).collect();
    match how {
        // It must not keep open what can be put right.
        Replace::Refuse if !in_place.is_empty() => (Step::Update(in_place), replacing),
        Replace::Refuse => (Step::Hold(Hold::WouldDisrupt { fields }), replacing),
        _ if kind.stateful && !options.approved.contains(&node.id) => whole(Step::Hold(Hold::WouldLoseData { fields })),
        how => whole(Step::Replace(*how, changes)),
    }
}

fn unseen_hold(unseen: &Unseen) -> Hold {
    match unseen {
        Unseen::Failed(error) => Hold::Unread(error.clone()),
        Unseen::NotLookedAt => Hold::NotLookedAt,
        Unseen::TooEarly { retry } => Hold::TooEarly { retry: *retry },
    }
}

/// Whether what is wanted is what the thing last agreed with. While the wish has holes, only its description can tell.
fn same_wish(agreed: &str, digest: Option<&str>, described: &str) -> bool {
    let parts = |text: &str| text.split_once('-').map(|(wish, described)| (wish.to_owned(), described.to_owned()));
    match (digest.map(parts), parts(agreed)) {
        (Some(Some((wish, _))), Some((agreed, _))) => wish == agreed,
        (None, Some((_, agreed))) => agreed == described,
        // Recorded before descriptions were.
        (Some(Some((wish, _))), None) => wish == agreed,
        _ => true,
    }
}

/// A short digest of what the graph says of a node, which needs no outputs.
fn described<C: 'static>(node: &Node<C>) -> String {
    hex::encode(&Sha256::digest(node.resource.json().to_string())[..4])
}

/// A short digest of a wish, without what it takes over from what is there.
fn digest<C: 'static>(node: &Node<C>, outputs: &Outputs) -> Option<String> {
    let wish = node.resource.wish(outputs, None).ok()?;
    let hash = Sha256::digest(wish.fields.json().to_string());
    Some(hex::encode(&hash[..6]))
}

/// What is tried again waits until everything else is right, and is not told as part of that.
fn without_retries<C: 'static>(kind: &Kind<C>, step: Step) -> Step {
    match step {
        Step::Update(changes) => {
            let (again, others): (Vec<_>, Vec<_>) =
                changes.into_iter().partition(|change| kind.retries.contains(&change.field()));
            Step::Update(if others.is_empty() { again } else { others })
        }
        step => step,
    }
}

/// Whether it only tries again what has failed.
pub(crate) fn retries<C: 'static>(kind: &Kind<C>, step: &Step) -> bool {
    let again = |change: &Change| kind.retries.contains(&change.field());
    matches!(step, Step::Update(changes) if changes.iter().all(again))
}

fn closes<C: 'static>(kind: &Kind<C>, step: &Step) -> bool {
    match step {
        Step::Update(changes) => {
            changes.iter().any(|change| kind.close_first.iter().any(|path| change.path.starts_with(path)))
        }
        // A policy or a set of rules that is gone leaves open what it stood on.
        Step::Create => kind.create == Create::WithParent && !kind.close_first.is_empty(),
        _ => false,
    }
}

fn present(seen: &Seen) -> Option<&Arc<AnyFound>> {
    match seen {
        Seen::Present(found) => Some(found),
        _ => None,
    }
}

fn platform_hold(observation: &Observation, options: &Options) -> Option<Hold> {
    if let Some(hold) = &options.hold {
        return Some(hold.clone());
    }
    let uids = &observation.other_generations;
    (!uids.is_empty()).then(|| Hold::OtherGeneration { uids: uids.iter().cloned().collect() })
}

/// A platform of which nothing is there yet is not begun while one of its names is another platform's: with names of its
/// own it can be built whole. What exists already is kept and made again whatever happens to one name.
fn names_of_another(plan: &Plan) -> Option<Hold> {
    let wanted = || plan.steps.iter().filter(|planned| !planned.extra);
    if wanted().any(|planned| planned.found.is_some()) {
        return None;
    }
    wanted().find_map(|planned| match &planned.step {
        Step::Hold(Hold::NameTaken { cloud_id, owner: Some(owner) }) => {
            Some(Hold::NotBegun { node: planned.node.clone(), cloud_id: cloud_id.clone(), owner: owner.clone() })
        }
        _ => None,
    })
}
