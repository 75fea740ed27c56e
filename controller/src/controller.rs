//! The daemon: watches the objects, runs their passes one at a time each, writes status and Events.

mod events;
mod object;
mod published;
mod retained;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Config as ControllerConfig, Controller};
use kube::runtime::events::{EventType, Recorder, Reporter};
use kube::runtime::{Predicate as _, WatchStreamExt, predicates, reflector, watcher};
use kube::{Client, Resource as _, ResourceExt as _};
use payment_platform_api::spec::DeletionPolicy;
use payment_platform_api::status::Scope as RecordedScope;
use payment_platform_api::{PaymentPlatform, PaymentPlatformStatus, RECONCILE_REQUESTED_AT};
use payment_platform_engine::{Class, Entry, Outcome, Report, Step};
use tokio::sync::Mutex;

pub use self::object::adopts;
use self::object::{Object, uid};
use crate::pass::{self, Limits, Mode, Prepared, State};
use crate::scope::{Ages, Scopes};
use crate::status::{self, Base, Ended};

/// The name under which the controller writes, reports and leases.
pub const NAME: &str = "payment-platform-controller";

/// How the daemon works; all of these are flags.
#[derive(Clone, Debug)]
pub struct Settings {
    /// None: all namespaces.
    pub namespace: Option<String>,
    pub fast: Duration,
    pub slow: Duration,
    pub limits: Limits,
    pub status: status::Limits,
    /// Platforms worked on at once.
    pub concurrency: u16,
    /// The longest pause after errors of the Kubernetes API in a row.
    pub max_retry: Duration,
    /// How often a long pass shows how far it is.
    pub progress_interval: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {0} the object: {1}")]
    Kube(&'static str, Box<kube::Error>),
    /// Without it, it is not known what the object has on AWS: nothing is done, least of all its finalizer removed.
    #[error("the object's status does not parse; was it written by a newer controller? {0}")]
    Status(serde_json::Error),
}

type Guarded = DeserializeGuard<PaymentPlatform>;

struct Daemon {
    client: Client,
    scopes: Scopes,
    settings: Settings,
    recorder: Recorder,
    states: StdMutex<HashMap<String, Arc<Mutex<ObjectState>>>>,
    failures: StdMutex<HashMap<String, u32>>,
    /// The version of each object, by UID, that was read or written last.
    versions: StdMutex<HashMap<String, String>>,
}

/// What this process remembers of one object.
#[derive(Default)]
struct ObjectState {
    pass: State,
    /// The request for a look that was answered last.
    answered: Option<String>,
    /// This process has put the finalizer on: nothing of the object can exist on AWS yet.
    finalizer_is_new: bool,
    /// Ids of the things that were told of as not ours though they carry our tags.
    told: BTreeSet<String>,
    /// What was found or written of the outputs last.
    published: Option<published::Seen>,
    /// Passes in a row in which a call failed that may work the next time.
    failed_passes: u32,
    /// Passes in a row in which AWS refused something for now and nothing was brought further.
    stuck_passes: u32,
}

/// Runs until `stop` resolves.
pub async fn run(
    client: Client,
    scopes: Scopes,
    settings: Settings,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let api: Api<Guarded> = match &settings.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let reporter = Reporter { controller: NAME.to_owned(), instance: std::env::var("POD_NAME").ok() };
    let recorder = Recorder::new(client.clone(), reporter);
    let concurrency = settings.concurrency;
    let daemon = Arc::new(Daemon {
        client,
        scopes,
        settings,
        recorder,
        states: StdMutex::default(),
        failures: StdMutex::default(),
        versions: StdMutex::default(),
    });
    let (reader, writer) = reflector::store();
    // Our own status writes must not wake us; spec, annotations, finalizers and deletion must.
    let deletion =
        |object: &Guarded| object.meta().deletion_timestamp.as_ref().map(|at| at.0.as_second().unsigned_abs());
    let predicate =
        predicates::generation.combine(predicates::annotations).combine(predicates::finalizers).combine(deletion);
    let stream = watcher(api, watcher::Config::default())
        .default_backoff()
        .reflect(writer)
        .applied_objects()
        .predicate_filter(predicate, Default::default());
    Controller::for_stream(stream, reader)
        .with_config(ControllerConfig::default().concurrency(concurrency))
        .graceful_shutdown_on(stop)
        .run(reconcile, error_policy, daemon)
        .for_each(|result| async move {
            if let Err(error) = result {
                tracing::debug!(%error, "A reconciliation ended with an error.");
            }
        })
        .await;
}

/// Backs off by object, with jitter.
fn error_policy(object: Arc<Guarded>, error: &Error, daemon: Arc<Daemon>) -> Action {
    let mut failures = daemon.failures.lock().unwrap_or_else(PoisonError::into_inner);
    let count = failures.entry(uid(object.meta())).or_default();
    *count = count.saturating_add(1);
    let pause = Duration::from_secs(2_u64.saturating_pow(*count)).min(daemon.settings.max_retry);
    let pause = jittered(pause);
    tracing::warn!(object = %object.name_any(), %error, retry_seconds = pause.as_secs(), "Could not reconcile.");
    Action::requeue(pause)
}

/// The pause after a first failure; None where only a human can help, and the next look by tier is soon enough.
fn first_retry(class: Class) -> Option<Duration> {
    let seconds = match class {
        // Somebody was faster, or a read was stale: the next look knows better.
        Class::Conflict | Class::NotFound => 1,
        Class::NotYet | Class::InUse => 2,
        Class::Ambiguous | Class::Unavailable => 3,
        // Calls less than before.
        Class::Throttled | Class::Unauthenticated => 15,
        Class::AlreadyExists | Class::Denied | Class::Invalid | Class::Quota => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// How many times as late as at first to look again at what AWS has refused so many times in a row: what has just been
/// let go of is often free within seconds, what somebody else uses is not.
fn patience(stuck_passes: u32) -> u32 {
    2_u32.saturating_pow(stuck_passes.saturating_sub(4).min(8))
}

/// Between 80 and 120 % of `time`, so that platforms do not look in step.
fn jittered(time: Duration) -> Duration {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    time.mul_f64(0.8 + 0.4 * f64::from(nanos % 1000) / 1000.0)
}

async fn reconcile(object: Arc<Guarded>, daemon: Arc<Daemon>) -> Result<Action, Error> {
    let known_uid = uid(object.meta());
    let state = {
        let mut states = daemon.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.entry(known_uid.clone()).or_default().clone()
    };
    let mut state = state.lock().await;
    let Some(object) = daemon.fresh(&object).await? else {
        daemon.forget(&known_uid);
        return Ok(Action::await_change());
    };
    // Deleted and made again since the watch saw it: another object, of which nothing is remembered.
    if uid(&object.meta) != known_uid {
        daemon.forget(&known_uid);
        return Ok(Action::requeue(Duration::from_secs(1)));
    }
    let action = daemon.pass(&object, &mut state).await?;
    daemon.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&known_uid);
    if object.meta.deletion_timestamp.is_some() && action == Action::await_change() {
        daemon.forget(&known_uid);
    }
    Ok(action)
}

impl Daemon {
    /// Drops what is remembered of an object that is gone.
    fn forget(&self, uid: &str) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    async fn pass(&self, object: &Object, state: &mut ObjectState) -> Result<Action, Error> {
        if object.meta.deletion_timestamp.is_some() {
            return self.delete(object, state).await;
        }
        if let Err(error) = &object.spec {
            let message = format!("The spec does not parse: {error}");
            self.write_status(object, status::stopped(object.base(), "InvalidSpec", true, message)).await?;
            return Ok(Action::await_change());
        }
        if !object.has_finalizer() {
            self.set_finalizer(object, true).await?;
            state.finalizer_is_new = object.status.scopes.is_empty();
        }
        if object.status.scopes.is_empty() && self.take_over_retained(object).await? {
            state.finalizer_is_new = false;
            // The next pass works with what was just recorded.
            return Ok(Action::requeue(Duration::ZERO));
        }
        self.keep(object, state, object.mode(), None).await
    }

    /// A pass over a platform that is to exist.
    /// `awaited` is what its deletion waits for.
    async fn keep(
        &self,
        object: &Object,
        state: &mut ObjectState,
        mode: Mode,
        awaited: Option<String>,
    ) -> Result<Action, Error> {
        let request = object.annotation(RECONCILE_REQUESTED_AT).map(str::to_owned);
        let asked = request.is_some() && request != state.answered && request != object.status.reconcile_requested_at;
        let ages = if asked { Ages::NOW } else { self.ages() };
        state.pass.restore(&object.status, state.finalizer_is_new);
        let paused = mode == Mode::Paused;
        let subject = object.subject(mode);
        let mut prepared =
            match pass::prepare(&self.scopes, &subject, &mut state.pass, ages, self.settings.limits).await {
                Ok(prepared) => prepared,
                Err(refusal) => return self.refuse(object, &refusal).await,
            };
        // The scopes stand in the status before the first write, so that a deletion always finds what was made.
        let scopes = prepared.recorded_scopes(&object.status.scopes);
        let mut object_status = object.status.clone();
        if prepared.plan.writes() && !paused {
            pass::check_quotas(&mut prepared).await;
        }
        let will_write = prepared.plan.writes() && !paused;
        if will_write {
            self.announce(object, &mut object_status, &prepared, &scopes).await?;
        }
        let report = self.carry_out(object, &mut object_status, &mut prepared, state).await;
        let complete_look = prepared.observation.unread.is_empty();
        let spec = object.spec.clone().unwrap_or_default();
        let ended = Ended {
            platform: prepared.platform.as_ref(),
            report: &report,
            memory: &state.pass.memory,
            scopes: if will_write { scopes } else { object_status.scopes.clone() },
            account_id: &prepared.account_id,
            paused,
            tag_keys: spec.tags.keys().cloned().collect(),
            request: request.clone().filter(|_| asked),
            complete_look,
            approval: prepared.approval.as_ref(),
            accepted: prepared.accepted.as_ref(),
            warnings: &prepared.warnings,
            limits: self.settings.status,
        };
        let base = Base { previous: &object_status, ..object.base() };
        let mut next = status::after_pass(base, &ended);
        let published = self.publish(object, state, &mut next, asked).await;
        status::show_published(base, &mut next, &published);
        if let Some(message) = awaited {
            next = status::awaiting_confirmation(base, next, message);
        }
        self.tell(object, &report, &object.status, &next).await;
        self.tell_applied(object, &report).await;
        self.tell_notices(object, &report, state).await;
        self.write(object, &object_status, next).await?;
        state.answered = request.or(state.answered.take());
        Ok(Action::requeue(self.next_look(&report, state)))
    }

    /// How soon to look again: when AWS is done with something, after a failure as its class asks, else by tier.
    fn next_look(&self, report: &Report, state: &mut ObjectState) -> Duration {
        let failures = report.entries.iter().filter_map(|entry| match &entry.outcome {
            Outcome::Failed(error) => first_retry(error.class),
            _ => None,
        });
        let tier = jittered(self.settings.fast);
        state.stuck_passes = if report.is_stuck() { state.stuck_passes + 1 } else { 0 };
        let retry = report.retry(patience(state.stuck_passes));
        match failures.min() {
            None => {
                state.failed_passes = 0;
                retry.map_or(tier, |retry| retry.min(tier))
            }
            Some(first) => {
                // Each failed pass in a row doubles the pause, up to a whole interval.
                let pause = first * 2_u32.saturating_pow(state.failed_passes.min(8));
                state.failed_passes += 1;
                jittered(pause).min(retry.unwrap_or(tier)).min(tier)
            }
        }
    }

    /// A little less than the interval, so that a pass which comes early by jitter does not skip its look.
    fn ages(&self) -> Ages {
        Ages { fast: self.settings.fast.mul_f64(0.75), slow: self.settings.slow.mul_f64(0.95) }
    }

    async fn refuse(&self, object: &Object, refusal: &pass::Refusal) -> Result<Action, Error> {
        let next = status::refused(object.base(), refusal);
        if next.conditions != object.status.conditions {
            tracing::warn!(object = %object.owner().name, %refusal, "Nothing can be done.");
            self.event(object, EventType::Warning, "Refused", "Plan", refusal.to_string()).await;
        }
        self.write_status(object, next).await?;
        Ok(Action::requeue(jittered(self.settings.fast)))
    }

    /// Says what is about to happen, and where.
    async fn announce(
        &self,
        object: &Object,
        object_status: &mut PaymentPlatformStatus,
        prepared: &Prepared,
        scopes: &[RecordedScope],
    ) -> Result<(), Error> {
        let mut next = object_status.clone();
        next.scopes = scopes.to_vec();
        // Before the first write, so that what takes several passes stays approved.
        status::accept(&mut next, prepared.accepted.as_ref());
        if let Some(platform) = &prepared.platform {
            next.resolved = Some(platform.resolved());
        }
        next.tag_keys = next
            .tag_keys
            .into_iter()
            .chain(object.spec.iter().flat_map(|spec| spec.tags.keys().cloned()))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        if object.meta.generation != next.observed_generation {
            let message = "Carrying out the spec.".to_owned();
            next = status::stopped(Base { previous: &next, ..object.base() }, "Progressing", false, message);
        }
        self.write(object, object_status, next.clone()).await?;
        *object_status = next;
        Ok(())
    }

    /// Executes the plan, and shows on long passes how far it is.
    async fn carry_out(
        &self,
        object: &Object,
        object_status: &mut PaymentPlatformStatus,
        prepared: &mut Prepared,
        state: &mut ObjectState,
    ) -> Report {
        let all = prepared.graph.len();
        let done = AtomicUsize::new(0);
        let progress = |entry: &Entry| {
            if !entry.extra && entry.outcome.is_ready() {
                done.fetch_add(1, Ordering::Relaxed);
            }
        };
        let mut work = std::pin::pin!(pass::carry_out(prepared, &mut state.pass, self.settings.limits, progress));
        loop {
            tokio::select! {
                report = &mut work => return report,
                () = tokio::time::sleep(self.settings.progress_interval) => {
                    let mut next = object_status.clone();
                    next.progress = Some(format!("nodes: {}/{all}", done.load(Ordering::Relaxed)));
                    // The work goes on while the API server takes its time.
                    tokio::select! {
                        report = &mut work => return report,
                        shown = self.write(object, object_status, next.clone()) => match shown {
                            Ok(()) => *object_status = next,
                            Err(error) => tracing::debug!(%error, "Could not show progress."),
                        }
                    }
                }
            }
        }
    }

    async fn delete(&self, object: &Object, state: &mut ObjectState) -> Result<Action, Error> {
        if !object.has_finalizer() {
            return Ok(Action::await_change());
        }
        let policy = object.deletion_policy();
        if policy == DeletionPolicy::Retain {
            self.record_retained(object).await?;
            self.event(object, EventType::Normal, "Retained", "Delete", "Everything on AWS stays as it is.".to_owned())
                .await;
            self.set_finalizer(object, false).await?;
            return Ok(Action::await_change());
        }
        if let Some(message) = object.awaits_confirmation() {
            // Until then it is kept in order; what it waits for is said in front of all else.
            if object.spec.is_ok() {
                return self.keep(object, state, object.mode(), Some(message)).await;
            }
            self.write_status(object, status::stopped(object.base(), "AwaitingConfirmation", true, message)).await?;
            return Ok(Action::await_change());
        }
        if object.status.scopes.is_empty() {
            self.set_finalizer(object, false).await?;
            return Ok(Action::await_change());
        }
        self.destroy(object, state, policy == DeletionPolicy::KeepData).await
    }

    /// One pass of a deletion; the finalizer goes when a complete look finds nothing left.
    async fn destroy(&self, object: &Object, state: &mut ObjectState, keep_data: bool) -> Result<Action, Error> {
        state.pass.restore(&object.status, false);
        let subject = object.subject(Mode::Delete { keep_data });
        let limits = self.settings.limits;
        // What cannot be taken back is not decided by what was seen some minutes ago.
        let mut ages = Ages::NOW;
        loop {
            let prepared = match pass::prepare(&self.scopes, &subject, &mut state.pass, ages, limits).await {
                Ok(prepared) => prepared,
                Err(refusal) => return self.refuse(object, &refusal).await,
            };
            let complete = prepared.observation.unread.is_empty();
            if prepared.plan.steps.is_empty() && complete {
                if let Some(wait) = prepared.unsettled(&state.pass, limits.consistency_window) {
                    return Ok(Action::requeue(wait));
                }
                if ages.slow.is_zero() {
                    self.forget_retained(object).await?;
                    let left = kept(&prepared);
                    tracing::info!(object = %object.owner().name, "{left}");
                    self.event(object, EventType::Normal, "Deleted", "Delete", left).await;
                    self.set_finalizer(object, false).await?;
                    return Ok(Action::await_change());
                }
                ages = Ages::NOW;
                continue;
            }
            let mut report = pass::carry_out(&prepared, &mut state.pass, limits, |_| {}).await;
            for ((region, kind), error) in &prepared.observation.unread {
                tracing::warn!(%region, kind, %error, "Could not look while deleting.");
            }
            report.entries.retain(|entry| !matches!(entry.step, Step::Keep));
            let again = report.entries.iter().all(|entry| entry.outcome == Outcome::Changed) && complete;
            self.write_status(
                object,
                status::deleting(object.base(), &report, &state.pass.memory, &prepared.observation.unread),
            )
            .await?;
            if !again {
                return Ok(Action::requeue(self.next_look(&report, state)));
            }
            ages = Ages::NOW;
        }
    }
}

fn kept(prepared: &Prepared) -> String {
    let kept = prepared
        .observation
        .extras
        .iter()
        .filter(|extra| extra.found.claim.as_ref().is_some_and(|claim| claim.kept.is_some()));
    let kept: Vec<String> = kept.map(|extra| extra.found.cloud_id.clone()).collect();
    if kept.is_empty() {
        "Everything on AWS is deleted.".to_owned()
    } else {
        format!("Deleted; kept: {}", kept.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_refused_is_tried_later_and_later_and_not_for_ever_later() {
        let paces: Vec<u32> = [0, 1, 4, 5, 6, 7, 12, 1000].map(patience).into();
        assert_eq!(paces, [1, 1, 1, 2, 4, 8, 256, 256]);
    }

    #[test]
    fn only_what_may_work_the_next_time_is_tried_again_soon() {
        assert!(first_retry(Class::Denied).is_none() && first_retry(Class::Invalid).is_none());
        assert!(first_retry(Class::Throttled) > first_retry(Class::Ambiguous));
    }

    #[test]
    fn platforms_do_not_look_in_step() {
        let time = Duration::from_secs(100);
        for _ in 0..100 {
            assert!((80.0..=120.0).contains(&jittered(time).as_secs_f64()));
        }
    }
}
