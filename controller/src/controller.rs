//! The daemon: watches the objects, runs their passes one at a time each, writes status and Events.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Config as ControllerConfig, Controller};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::{Predicate as _, WatchStreamExt, predicates, reflector, watcher};
use kube::{Client, Resource, ResourceExt};
use payment_platform_api::spec::{DeletionPolicy, Profile};
use payment_platform_api::status::Scope as RecordedScope;
use payment_platform_api::{
    CONFIRM_DELETION, FINALIZER, PAUSED, PaymentPlatform, PaymentPlatformSpec, PaymentPlatformStatus,
    RECONCILE_REQUESTED_AT, TAKE_OVER, platform,
};
use payment_platform_engine::{Class, Entry, Outcome, Owner, Report, Step};
use serde_json::json;
use tokio::sync::Mutex;

use crate::pass::{self, Limits, Mode, Prepared, State, Subject};
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
    /// Platforms worked on at once.
    pub concurrency: u16,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {0} the object: {1}")]
    Kube(&'static str, Box<kube::Error>),
    /// Without it, it is not known what the object has on AWS: nothing is done, least of all its finalizer removed.
    #[error("the object's status does not parse; was it written by a newer controller? {0}")]
    Status(serde_json::Error),
}

fn during(what: &'static str) -> impl Fn(kube::Error) -> Error {
    move |error| Error::Kube(what, Box::new(error))
}

type Guarded = DeserializeGuard<PaymentPlatform>;

struct Daemon {
    client: Client,
    scopes: Scopes,
    settings: Settings,
    recorder: Recorder,
    states: StdMutex<HashMap<String, Arc<Mutex<ObjectState>>>>,
    failures: StdMutex<HashMap<String, u32>>,
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
    /// Passes in a row in which a call failed that may work the next time.
    failed_passes: u32,
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
    let pause = jittered(Duration::from_secs(1 << (*count).min(6)));
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

/// Between 80 and 120 % of `time`, so that platforms do not look in step.
fn jittered(time: Duration) -> Duration {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    time.mul_f64(0.8 + 0.4 * f64::from(nanos % 1000) / 1000.0)
}

fn uid(meta: &ObjectMeta) -> String {
    meta.uid.clone().unwrap_or_default()
}

async fn reconcile(object: Arc<Guarded>, daemon: Arc<Daemon>) -> Result<Action, Error> {
    let state = {
        let mut states = daemon.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.entry(uid(object.meta())).or_default().clone()
    };
    let mut state = state.lock().await;
    let Some(object) = daemon.fresh(object.meta()).await? else {
        let mut states = daemon.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.remove(&uid(object.meta()));
        return Ok(Action::await_change());
    };
    let action = daemon.pass(&object, &mut state).await?;
    daemon.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&uid(&object.meta));
    Ok(action)
}

/// The object as it is now, whether its spec parses or not.
struct Object {
    meta: ObjectMeta,
    spec: Result<PaymentPlatformSpec, String>,
    status: PaymentPlatformStatus,
}

impl Object {
    fn annotation(&self, key: &str) -> Option<&str> {
        self.meta.annotations.as_ref()?.get(key).map(String::as_str)
    }

    fn owner(&self) -> Owner {
        let namespace = self.meta.namespace.clone().unwrap_or_default();
        Owner { name: format!("{namespace}/{}", self.meta.name.clone().unwrap_or_default()), uid: uid(&self.meta) }
    }

    fn base(&self) -> Base<'_> {
        Base { previous: &self.status, generation: self.meta.generation, now: Timestamp::now() }
    }

    fn has_finalizer(&self) -> bool {
        self.meta.finalizers.as_ref().is_some_and(|all| all.iter().any(|one| one == FINALIZER))
    }

    fn is_paused(&self) -> bool {
        self.annotation(PAUSED) == Some("true")
    }

    fn mode(&self) -> Mode {
        if self.is_paused() { Mode::Paused } else { Mode::Keep }
    }

    fn subject(&self, mode: Mode) -> Subject {
        Subject {
            owner: self.owner(),
            spec: self.spec.clone().ok(),
            status: self.status.clone(),
            takes_over: self.annotation(TAKE_OVER).map(str::to_owned).into_iter().collect(),
            principal_arn: None,
            mode,
        }
    }

    fn deletion_policy(&self) -> DeletionPolicy {
        // An object that does not parse is deleted carefully.
        self.spec.as_ref().map_or(DeletionPolicy::KeepData, platform::deletion_policy)
    }

    /// What the deletion still waits for, if it does.
    fn awaits_confirmation(&self) -> Option<String> {
        let production = self.spec.as_ref().is_ok_and(|spec| spec.profile == Profile::Production) || self.spec.is_err();
        if !production || self.deletion_policy() == DeletionPolicy::Retain {
            return None;
        }
        let environment = self
            .spec
            .as_ref()
            .map_or_else(|_| self.meta.name.clone().unwrap_or_default(), |spec| spec.environment.clone());
        let confirmed = self.annotation(CONFIRM_DELETION) == Some(environment.as_str());
        (!confirmed).then(|| {
            format!(
                "This is a production environment: nothing is deleted before \
                 `kubectl annotate pp {} -n {} {CONFIRM_DELETION}={environment}`.",
                self.meta.name.clone().unwrap_or_default(),
                self.meta.namespace.clone().unwrap_or_default()
            )
        })
    }
}

impl Daemon {
    fn api(&self, meta: &ObjectMeta) -> Api<DynamicObject> {
        let resource = kube::api::ApiResource::erase::<PaymentPlatform>(&());
        Api::namespaced_with(self.client.clone(), meta.namespace.as_deref().unwrap_or_default(), &resource)
    }

    /// Reads the object anew: what the watch gave may be older than our last write.
    async fn fresh(&self, meta: &ObjectMeta) -> Result<Option<Object>, Error> {
        let name = meta.name.as_deref().unwrap_or_default();
        let Some(object) = self.api(meta).get_opt(name).await.map_err(during("read"))? else { return Ok(None) };
        let status = object.data.get("status").cloned().unwrap_or_default();
        let spec = object.data.get("spec").cloned().unwrap_or_default();
        Ok(Some(Object {
            meta: object.metadata,
            spec: serde_json::from_value(spec).map_err(|error| error.to_string()),
            status: if status.is_null() {
                PaymentPlatformStatus::default()
            } else {
                serde_json::from_value(status).map_err(Error::Status)?
            },
        }))
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
        };
        let base = Base { previous: &object_status, ..object.base() };
        let mut next = status::after_pass(base, &ended);
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
        match failures.min() {
            None => {
                state.failed_passes = 0;
                report.retry().map_or(tier, |retry| retry.min(tier))
            }
            Some(first) => {
                // Each failed pass in a row doubles the pause, up to a whole interval.
                let pause = first * 2_u32.saturating_pow(state.failed_passes.min(8));
                state.failed_passes += 1;
                jittered(pause).min(report.retry().unwrap_or(tier)).min(tier)
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
                () = tokio::time::sleep(Duration::from_secs(2)) => {
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
        let mut ages = self.ages();
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
                    let left = kept(&prepared);
                    tracing::info!(object = %object.owner().name, "{left}");
                    self.event(object, EventType::Normal, "Deleted", "Delete", left).await;
                    self.set_finalizer(object, false).await?;
                    return Ok(Action::await_change());
                }
                ages = Ages::NOW;
                continue;
            }
            let report = pass::carry_out(&prepared, &mut state.pass, limits, |_| {}).await;
            let mut report = report;
            for ((region, kind), error) in &prepared.observation.unread {
                tracing::warn!(%region, kind, %error, "Could not look while deleting.");
            }
            report.entries.retain(|entry| !matches!(entry.step, Step::Keep));
            let again = report.entries.iter().all(|entry| entry.outcome == Outcome::Changed) && complete;
            self.write_status(object, status::deleting(object.base(), &report, &state.pass.memory)).await?;
            if !again {
                return Ok(Action::requeue(self.next_look(&report, state)));
            }
            ages = Ages::NOW;
        }
    }

    async fn set_finalizer(&self, object: &Object, on: bool) -> Result<(), Error> {
        let mut finalizers = object.meta.finalizers.clone().unwrap_or_default();
        finalizers.retain(|one| one != FINALIZER);
        if on {
            finalizers.push(FINALIZER.to_owned());
        }
        // With the resourceVersion: somebody else's change of the list is not overwritten.
        let patch =
            json!({ "metadata": { "finalizers": finalizers, "resourceVersion": object.meta.resource_version } });
        let name = object.meta.name.as_deref().unwrap_or_default();
        self.api(&object.meta)
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map_err(during("change the finalizers of"))?;
        Ok(())
    }

    async fn write_status(&self, object: &Object, next: PaymentPlatformStatus) -> Result<(), Error> {
        self.write(object, &object.status, next).await
    }

    /// Writes the status if it is not what is there already. A merge patch with nulls for what went away.
    async fn write(
        &self,
        object: &Object,
        there: &PaymentPlatformStatus,
        next: PaymentPlatformStatus,
    ) -> Result<(), Error> {
        if *there == next {
            return Ok(());
        }
        let old = serde_json::to_value(there).unwrap_or_default();
        let mut new = serde_json::to_value(&next).unwrap_or_default();
        if let (Some(old), Some(new)) = (old.as_object(), new.as_object_mut()) {
            for key in old.keys() {
                new.entry(key.clone()).or_insert(serde_json::Value::Null);
            }
        }
        let name = object.meta.name.as_deref().unwrap_or_default();
        self.api(&object.meta)
            .patch_status(name, &PatchParams::default(), &Patch::Merge(json!({ "status": new })))
            .await
            .map_err(during("write the status of"))?;
        Ok(())
    }

    /// One Event for all that a changed spec made, changed or deleted.
    async fn tell_applied(&self, object: &Object, report: &Report) {
        let done = |entry: &&Entry| entry.written.is_some() && entry.outcome == Outcome::Changed && !entry.drift;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in report.entries.iter().filter(done) {
            *counts.entry(entry.step.name()).or_default() += 1;
        }
        if !counts.is_empty() {
            let counts: Vec<String> = counts.iter().map(|(step, count)| format!("{step} {count}")).collect();
            let first = report.entries.iter().find(done).map(|entry| entry.node.to_string()).unwrap_or_default();
            let note = format!("{} (first: {first})", counts.join(", "));
            self.event(object, EventType::Normal, "Applied", &format!("Apply {first}"), note).await;
        }
    }

    /// Events and log lines for what changed and what failed.
    async fn tell(
        &self,
        object: &Object,
        report: &Report,
        before: &PaymentPlatformStatus,
        after: &PaymentPlatformStatus,
    ) {
        for entry in &report.entries {
            let changed = entry.written.is_some() && entry.outcome.is_ready();
            match (&entry.outcome, entry.drift) {
                _ if changed && entry.drift => {
                    let what = status::describe_drift(entry);
                    tracing::info!(object = %object.owner().name, node = %entry.node, what, "Corrected drift.");
                    self.event(object, EventType::Normal, "DriftCorrected", &action(entry), what).await;
                }
                _ if changed => {
                    tracing::info!(object = %object.owner().name, node = %entry.node, step = entry.step.name(), "Done.");
                }
                (Outcome::Failed(error), _) => {
                    let request_id = error.request_id.as_deref().unwrap_or_default();
                    tracing::warn!(object = %object.owner().name, node = %entry.node, %error, request_id, "Failed.");
                }
                _ => {}
            }
        }
        let said = |status: &PaymentPlatformStatus, kind: &str| {
            let condition = status.conditions.iter().find(|condition| condition.type_ == kind)?;
            Some((condition.status.clone(), condition.reason.clone(), condition.message.clone()))
        };
        if let Some((state, reason, message)) = said(after, "Ready")
            && said(before, "Ready").is_none_or(|(old, old_reason, _)| old != state || old_reason != reason)
        {
            let kind = if state == "True" || reason == "Waiting" || reason == "Blocked" {
                EventType::Normal
            } else {
                EventType::Warning
            };
            self.event(object, kind, &reason, "Reconcile", message).await;
        }
    }

    /// Tells once a process of things that carry our tags and are left alone.
    async fn tell_notices(&self, object: &Object, report: &Report, state: &mut ObjectState) {
        for notice in &report.notices {
            if state.told.insert(notice.cloud_id.clone()) {
                let text = format!("{} ({}) {}", notice.cloud_id, notice.node, notice.message);
                tracing::warn!(object = %object.owner().name, "{text}");
                self.event(object, EventType::Warning, "LeftAlone", "Look", text).await;
            }
        }
    }

    async fn event(&self, object: &Object, type_: EventType, reason: &str, action: &str, note: String) {
        let reference =
            PaymentPlatform { metadata: object.meta.clone(), spec: PaymentPlatformSpec::default(), status: None }
                .object_ref(&());
        let note = Some(note.chars().take(1000).collect());
        let event = Event { type_, reason: reason.to_owned(), note, action: action.to_owned(), secondary: None };
        if let Err(error) = self.recorder.publish(&event, &reference).await {
            tracing::warn!(%error, "Could not publish an Event.");
        }
    }
}

/// The recorder folds events that agree in action and reason into one and keeps the first text: the node makes them
/// differ.
fn action(entry: &Entry) -> String {
    let text = format!("{} {}", entry.step.name(), entry.node);
    text.chars().take(128).collect()
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
