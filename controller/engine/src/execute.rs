//! Carries out a plan: in parallel, without barriers, each step as soon as what it needs is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use sha2::{Digest, Sha256};

use crate::error::{Class, CloudError};
use crate::graph::Graph;
use crate::hold::Hold;
use crate::id::{NodeId, Region};
use crate::inventory::{Observation, Seen, Unseen};
use crate::memory::Memory;
use crate::outputs::Outputs;
use crate::plan::{Decision, Options, Plan, Planned, Step, decide, known_outputs, retries};
use crate::report::{Entry, Outcome, Report};
use crate::resource::{Context, Delete, Effect, Kind, Progress, Replace, Unready};

/// What a pass works with.
pub struct Pass<'a, C: 'static> {
    pub graph: &'a Graph<C>,
    pub observation: &'a Observation,
    pub memory: &'a Memory,
    pub kinds: &'a [Kind<C>],
    pub options: &'a Options,
    /// The clients of each region that the graph or the inventory mentions.
    pub clouds: &'a BTreeMap<Region, Arc<C>>,
    /// The UID of the object, a part of every creation token.
    pub uid: &'a str,
    /// How many steps run at once.
    pub width: usize,
}

/// Carries out `plan`. `progress` hears of every step that ends.
pub async fn execute<C: Send + Sync + 'static>(
    plan: &Plan,
    pass: &Pass<'_, C>,
    progress: impl Fn(&Entry) + Send + Sync,
) -> Report {
    let mut run = Run {
        pass,
        steps: &plan.steps,
        by_node: plan.steps.iter().enumerate().filter(|(_, p)| !p.extra).map(|(i, p)| (&p.node, i)).collect(),
        outputs: known_outputs(pass.graph, pass.observation, pass.memory),
        entries: vec![None; plan.steps.len()],
        started: vec![false; plan.steps.len()],
        progress: &progress,
    };
    for planned in plan.steps.iter().filter(|planned| matches!(planned.step, Step::Create | Step::Replace(..))) {
        run.outputs.remove(&planned.node);
    }
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < pass.width {
            match run.next() {
                Some(call) => running.push(call),
                None => break,
            }
        }
        let Some((index, step, digest, drift, ended)) = running.next().await else { break };
        run.finish(index, step, digest, drift, ended);
    }
    run.end_the_stuck();
    Report { entries: run.entries.into_iter().flatten().collect(), notices: plan.notices.clone() }
}

/// How a call ended: what it brought, and when it was sent.
struct Ended {
    result: Result<Effect, CloudError>,
    gone: bool,
    sent: Instant,
}

type Call = BoxFuture<'static, (usize, Step, Option<String>, bool, Ended)>;

struct Run<'a, C: 'static> {
    pass: &'a Pass<'a, C>,
    steps: &'a [Planned],
    by_node: BTreeMap<&'a NodeId, usize>,
    outputs: Outputs,
    entries: Vec<Option<Entry>>,
    started: Vec<bool>,
    progress: &'a (dyn Fn(&Entry) + Send + Sync),
}

/// Whether a step can begin.
enum Gate {
    Open,
    Closed,
    /// It cannot in this pass.
    Never(Outcome),
}

impl<C: Send + Sync + 'static> Run<'_, C> {
    /// The next call to begin: what closes an opening first, then in the plan's order. Steps without a call end here.
    fn next(&mut self) -> Option<Call> {
        loop {
            let mut moved = false;
            let closing = (0..self.steps.len()).filter(|&index| self.steps[index].closes);
            let others = (0..self.steps.len()).filter(|&index| !self.steps[index].closes);
            for index in closing.chain(others).collect::<Vec<_>>() {
                if self.started[index] {
                    continue;
                }
                match self.gate(index) {
                    Gate::Closed => {}
                    Gate::Never(outcome) => {
                        self.end(index, self.steps[index].step.clone(), outcome);
                        moved = true;
                    }
                    Gate::Open => {
                        self.started[index] = true;
                        match self.begin(index) {
                            Some(call) => return Some(call),
                            None => moved = true,
                        }
                    }
                }
            }
            if !moved {
                return None;
            }
        }
    }

    fn gate(&self, index: usize) -> Gate {
        let planned = &self.steps[index];
        match &planned.step {
            // A repair needs outputs only, and those are known when the plan says Update.
            Step::Update(_) if self.retries(planned) => self.inputs(index, |entry| entry.outcome.is_ready()),
            Step::Keep | Step::Hold(_) | Step::Update(_) | Step::Leave => Gate::Open,
            // What to make or change depends on all that it uses, up to date; what to do without them is decided then.
            Step::After(_) => match self.usable_inputs(index) {
                Gate::Never(_) => Gate::Open,
                gate => gate,
            },
            Step::Create | Step::Replace(..) => self.usable_inputs(index),
            Step::Delete => self.users(index),
        }
    }

    /// Whether everything that a wanted node needs is done and right, or AWS is only deploying it.
    fn usable_inputs(&self, index: usize) -> Gate {
        self.inputs(index, |entry| {
            let deployed = matches!(entry.step, Step::Hold(Hold::Unready(_))) && entry.output.is_some();
            let in_use = || self.kind(&entry.node).is_some_and(|kind| kind.used_before_ready);
            entry.outcome.is_ready() || (deployed && in_use())
        })
    }

    /// Whether everything that a wanted node needs has ended so that it will do.
    fn inputs(&self, index: usize, will_do: impl Fn(&Entry) -> bool) -> Gate {
        let Some(node) = self.pass.graph.get(&self.steps[index].node) else { return Gate::Open };
        let mut blocked = None;
        for need in &node.needs {
            match self.by_node.get(need).and_then(|&need| self.entries[need].as_ref()) {
                None => return Gate::Closed,
                Some(entry) if !will_do(entry) => blocked = blocked.or(Some(need)),
                Some(_) => {}
            }
        }
        match blocked {
            Some(on) => Gate::Never(Outcome::Blocked { on: on.clone() }),
            None => Gate::Open,
        }
    }

    /// Whether everything that uses a thing to be deleted has let go of it.
    fn users(&self, index: usize) -> Gate {
        let planned = &self.steps[index];
        let Some(found) = &planned.found else { return Gate::Open };
        let last = self.is_last(planned);
        let mut gate = Gate::Open;
        for (other, user) in self.steps.iter().enumerate().filter(|(other, _)| *other != index) {
            let uses = user.found.as_ref().is_some_and(|user| user.uses.contains(&found.cloud_id));
            let before_the_last = last && user.step == Step::Delete && !self.is_last(user);
            if !uses && !before_the_last {
                continue;
            }
            match (&user.step, &self.entries[other]) {
                (Step::Keep | Step::Leave, _) => {
                    return Gate::Never(Outcome::Held(Hold::InUse { by: user.node.clone() }));
                }
                (_, None) => gate = Gate::Closed,
                (_, Some(entry)) if entry.outcome == Outcome::Changed => {}
                (_, Some(entry)) => return Gate::Never(Outcome::Blocked { on: entry.node.clone() }),
            }
        }
        gate
    }

    /// Whether it tries again what has failed, or what is now due: that is done with everything that it uses up to date.
    fn retries(&self, planned: &Planned) -> bool {
        self.kind(&planned.node).is_some_and(|kind| retries(&kind, &planned.step))
    }

    fn is_last(&self, planned: &Planned) -> bool {
        self.kind(&planned.node).is_some_and(|kind| kind.delete_when == Delete::Last)
    }

    fn kind(&self, node: &NodeId) -> Option<Kind<C>> {
        self.pass.kinds.iter().find(|kind| kind.name == node.kind).copied()
    }

    /// Steps that wait for each other in a circle, which only things that others have tied together can: they are
    /// reported, not dropped.
    fn end_the_stuck(&mut self) {
        for index in 0..self.steps.len() {
            if self.entries[index].is_none() {
                let planned = &self.steps[index];
                let used = planned.found.as_ref().map(|found| found.cloud_id.clone()).unwrap_or_default();
                let user =
                    self.steps.iter().find(|user| user.found.as_ref().is_some_and(|user| user.uses.contains(&used)));
                let on = user.map_or(&planned.node, |user| &user.node).clone();
                self.end(index, planned.step.clone(), Outcome::Blocked { on });
            }
        }
    }

    /// Begins a step: a call to await, or None when it ended at once.
    fn begin(&mut self, index: usize) -> Option<Call> {
        let planned = &self.steps[index];
        match &planned.step {
            Step::Keep => self.end(index, Step::Keep, Outcome::Unchanged),
            Step::Hold(hold) => self.end(index, planned.step.clone(), held(hold)),
            Step::Delete | Step::Leave => return self.remove(index),
            Step::Create | Step::Update(_) | Step::Replace(..) | Step::After(_) => return self.write(index),
        }
        None
    }

    fn write(&mut self, index: usize) -> Option<Call> {
        let planned = &self.steps[index];
        let node = self.pass.graph.get(&planned.node)?;
        let unknown = Seen::Unknown(Unseen::NotLookedAt);
        let seen = self.pass.observation.seen.get(&node.id).unwrap_or(&unknown);
        let known = self.pass.memory.nodes.get(&node.id);
        // The same pure function as in planning, now with the outputs of what was done meanwhile.
        let Decision { step, wish, digest, drift, .. } = decide(node, seen, &self.outputs, known, self.pass.options);
        if matches!(step, Step::Create | Step::Replace(..))
            && let Gate::Never(outcome) = self.usable_inputs(index)
        {
            self.end(index, step, outcome);
            return None;
        }
        let Some(wish) = wish else {
            let outcome = match &step {
                Step::After(on) => Outcome::Blocked { on: on.clone() },
                Step::Hold(hold) => held(hold),
                _ => Outcome::Unchanged,
            };
            self.end(index, step, outcome);
            return None;
        };
        let found = planned.found.as_deref();
        let predecessor = known.and_then(|known| known.cloud_id.clone()).or(found.map(|found| found.cloud_id.clone()));
        let Some(context) = self.context(&node.id, predecessor.as_deref()) else {
            self.end(index, step, no_region(&node.id));
            return None;
        };
        let sent = Instant::now();
        let resource = node.resource.clone();
        let call: BoxFuture<'static, Result<Effect, CloudError>> = match &step {
            Step::Keep => {
                self.end_with(index, Step::Keep, Outcome::Unchanged, digest);
                return None;
            }
            Step::After(on) => {
                let outcome = Outcome::Blocked { on: on.clone() };
                self.end(index, step, outcome);
                return None;
            }
            Step::Hold(hold) => {
                let outcome = held(hold);
                self.end(index, step, outcome);
                return None;
            }
            Step::Create | Step::Replace(Replace::CreateFirst, _) => resource.create(&wish.fields, context),
            Step::Replace(Replace::DeleteFirst | Replace::Refuse, _) => {
                let (kind, found) = (resource.kind(), found?);
                let cloud_id = found.cloud_id.clone();
                Box::pin(async move {
                    (kind.delete)(cloud_id, context).await?;
                    let waiting = Some(("the old one is gone", Duration::from_secs(2)));
                    Ok(Effect { cloud_id: None, output: None, waiting })
                })
            }
            Step::Update(changes) => match found.and_then(|found| found.output.clone()) {
                Some(now) => resource.update(&wish.fields, &*now, changes.clone(), context),
                None => {
                    let outcome = held(&Hold::Busy("not usable yet"));
                    self.end(index, step, outcome);
                    return None;
                }
            },
            Step::Delete | Step::Leave => return None,
        };
        // A change that leaves holes open is not the whole wish, so its digest is not the one agreed with.
        let digest = digest.filter(|_| wish.holes.is_empty());
        let open = wish.holes.first().cloned();
        Some(Box::pin(async move {
            let mut result = call.await;
            if let (Ok(effect), Some(_)) = (&mut result, open) {
                effect.waiting = effect.waiting.or(Some(("all that it refers to is known", Duration::from_secs(1))));
            }
            (index, step, digest, drift, Ended { result, gone: false, sent })
        }))
    }

    fn remove(&mut self, index: usize) -> Option<Call> {
        let planned = &self.steps[index];
        let (Some(kind), Some(found)) = (self.kind(&planned.node), &planned.found) else {
            self.end(index, planned.step.clone(), Outcome::Held(Hold::NotLookedAt));
            return None;
        };
        let Some(context) = self.context(&planned.node, Some(&found.cloud_id)) else {
            self.end(index, planned.step.clone(), no_region(&planned.node));
            return None;
        };
        let context = Context { unasked: planned.drift, ..context };
        let (cloud_id, step, sent) = (found.cloud_id.clone(), planned.step.clone(), Instant::now());
        let call = if step == Step::Leave { kind.keep } else { kind.delete };
        let (gone, drift) = (step == Step::Delete, planned.drift);
        Some(Box::pin(async move {
            let result = call(cloud_id.clone(), context).await.map(|progress| match progress {
                Progress::Done(()) => Effect { cloud_id: Some(cloud_id), output: None, waiting: None },
                Progress::Waiting { until, retry, .. } => {
                    Effect { cloud_id: Some(cloud_id), output: None, waiting: Some((until, retry)) }
                }
            });
            (index, step, None, drift, Ended { result, gone, sent })
        }))
    }

    fn context(&self, node: &NodeId, predecessor: Option<&str>) -> Option<Context<C>> {
        let cloud = self.pass.clouds.get(&node.region)?.clone();
        let token = token(self.pass.uid, node, predecessor);
        let keep_data = self.pass.options.keep_data || !self.pass.options.deleting;
        Some(Context { cloud, node: node.clone(), token, unasked: false, keep_data })
    }

    fn finish(&mut self, index: usize, step: Step, digest: Option<String>, drift: bool, ended: Ended) {
        let planned = &self.steps[index];
        let Ended { result, gone, sent } = ended;
        let mut entry = self.entry(index, step);
        entry.drift = drift || planned.drift;
        entry.wanted.clone_from(&digest);
        match result {
            Ok(Effect { cloud_id, output, waiting }) => {
                if let Some(output) = &output {
                    self.outputs.insert(planned.node.clone(), output.clone());
                }
                // A thing whose deletion was only begun stays remembered, so that it is looked at again.
                entry.gone = gone && waiting.is_none();
                entry.cloud_id = cloud_id.or(entry.cloud_id);
                // What is changed in place can still be used while the change takes its time.
                if output.is_some() || !matches!(entry.step, Step::Update(_)) {
                    entry.output = output;
                }
                entry.written = Some(sent_or_now(sent));
                entry.outcome = match waiting {
                    Some((until, retry)) => Outcome::Waiting { until: until.to_owned(), retry, refused: false },
                    None => {
                        entry.wish = digest;
                        Outcome::Changed
                    }
                };
            }
            Err(error) => {
                // A creation or change may be several calls, and an earlier one than the failed may have had its effect.
                entry.written = Some(sent_or_now(sent));
                let tried = self.pass.memory.nodes.get(&planned.node).is_some_and(|known| known.written.is_some());
                entry.outcome = failed(if tried { error } else { first_time(error) });
            }
        }
        (self.progress)(&entry);
        self.entries[index] = Some(entry);
    }

    fn end(&mut self, index: usize, step: Step, outcome: Outcome) {
        let agreed = matches!(step, Step::Keep | Step::Hold(Hold::Unready(_) | Hold::Broken(_)));
        let digest = self.steps[index].digest.clone().filter(|_| agreed);
        self.end_with(index, step, outcome, digest);
    }

    fn end_with(&mut self, index: usize, step: Step, outcome: Outcome, digest: Option<String>) {
        self.started[index] = true;
        let mut entry = self.entry(index, step);
        entry.wish = digest;
        entry.outcome = outcome;
        (self.progress)(&entry);
        self.entries[index] = Some(entry);
    }

    fn entry(&self, index: usize, step: Step) -> Entry {
        let planned = &self.steps[index];
        let found = planned.found.as_ref();
        let entry = Entry::new(planned.node.clone(), planned.component, step, Outcome::Unchanged);
        Entry {
            drift: planned.drift,
            cloud_id: found.map(|found| found.cloud_id.clone()),
            output: found.and_then(|found| found.output.clone()),
            created: found.filter(|found| found.claim.is_some()).and_then(|found| found.created),
            changes: match &entry.step {
                Step::Update(_) | Step::Replace(..) => entry.changes,
                _ => planned.changes.clone(),
            },
            later: found.and_then(|found| match &found.unready {
                Some(Unready::Later(what)) => Some(what.clone()),
                _ => None,
            }),
            extra: planned.extra,
            ..entry
        }
    }
}

/// The time after which a read shows the write: the end of the call, since it may take effect as late as that.
fn sent_or_now(sent: Instant) -> Instant {
    Instant::now().max(sent)
}

fn waiting(until: String, retry: Duration) -> Outcome {
    Outcome::Waiting { until, retry, refused: false }
}

fn held(hold: &Hold) -> Outcome {
    match hold {
        Hold::Busy(state) => waiting(format!("no longer {state}"), Duration::from_secs(3)),
        Hold::TooEarly { retry } => waiting("reads show what may have been made before".to_owned(), *retry),
        Hold::Unready(what) => waiting(what.clone(), Duration::from_secs(3)),
        hold => Outcome::Held(hold.clone()),
    }
}

/// A name that was free when it was looked for and is taken now may be our own: the answer to an earlier attempt of the
/// same call can be lost. The next look tells; only when the name is taken again is it somebody else's.
fn first_time(error: CloudError) -> CloudError {
    match error.class {
        Class::AlreadyExists => CloudError { class: Class::Conflict, ..error },
        _ => error,
    }
}

/// Right but too early is waiting, not failure.
fn failed(error: CloudError) -> Outcome {
    let refused = |until, seconds| Outcome::Waiting { until, retry: Duration::from_secs(seconds), refused: true };
    match error.class {
        Class::NotYet => refused(error.to_string(), 2),
        Class::InUse => refused(format!("nothing uses it ({error})"), 3),
        _ => Outcome::Failed(error),
    }
}

fn no_region(node: &NodeId) -> Outcome {
    let message = format!("there are no clients for region {}", node.region);
    Outcome::Failed(CloudError::new(Class::Invalid, &node.kind, "NoClient", message))
}

/// A creation token: the same for every retry of this creation, another for the next one.
fn token(uid: &str, node: &NodeId, predecessor: Option<&str>) -> String {
    let hash = Sha256::digest(format!("{uid}\n{node}\n{}", predecessor.unwrap_or_default()));
    hex::encode(&hash[..16])
}
