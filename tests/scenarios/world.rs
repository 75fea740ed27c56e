//! What all scenarios share, and what each has for itself.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use payment_platform_api::PaymentPlatform;
use payment_platform_tests::aws::Account;
use payment_platform_tests::cluster::Cluster;
use payment_platform_tests::controller::{Controller, QUICK};
use payment_platform_tests::emulator::{Call, Emulator};
use payment_platform_tests::object::Object;
use serde_json::{Value, json};

tokio::task_local! {
    /// What the running scenario has done so far.
    static DONE: RefCell<Done>;
}

#[derive(Default)]
struct Done {
    /// The namespaces and accounts that it has asked for.
    places: Vec<(String, String)>,
    /// Whether it has said which calls were to be made and that no others were.
    judged_calls: bool,
}

/// One cluster, one AWS, one controller.
pub struct World {
    pub cluster: Cluster,
    pub emulator: Emulator,
    folder: tempfile::TempDir,
    log: PathBuf,
    _controller: Mutex<Controller>,
    _kubeconfig: tempfile::NamedTempFile,
    accounts: AtomicU32,
    failures: Mutex<Vec<(&'static str, String)>>,
}

impl World {
    pub fn start() -> anyhow::Result<Self> {
        let cluster = Cluster::start()?;
        let emulator = Emulator::start()?;
        let runtime = tokio::runtime::Runtime::new()?;
        let kubeconfig = runtime.block_on(async {
            cluster.apply_crds().await?;
            cluster.namespace("controller").await?;
            // With the rights of its own service account: what it lacks shows in every scenario.
            cluster.service_account("controller").await
        })?;
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("controller.log");
        let flags = [QUICK, &["--lease-namespace=controller", "--log=info"]].concat();
        let controller = Controller::start_as(kubeconfig.path(), &emulator, &log, &flags)?;
        let first = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.subsec_micros() % 1000;
        Ok(Self {
            cluster,
            emulator,
            folder,
            log,
            _controller: Mutex::new(controller),
            _kubeconfig: kubeconfig,
            accounts: AtomicU32::new(first * 1000),
            failures: Mutex::default(),
        })
    }

    /// A namespace and an account that no other scenario uses.
    pub async fn place(&self, region: &str) -> anyhow::Result<Place<'_>> {
        let number = self.accounts.fetch_add(1, Ordering::Relaxed);
        let account = format!("2{number:011}");
        let namespace = format!("place-{number}");
        self.cluster.namespace(&namespace).await?;
        DONE.with(|done| done.borrow_mut().places.push((namespace.clone(), account.clone())));
        let aws = Account::open(&self.emulator.endpoint, Some(&account), region).await?;
        Ok(Place {
            world: self,
            client: self.cluster.client().await?,
            aws,
            account,
            namespace,
            region: region.to_owned(),
        })
    }

    /// Runs a scenario and then takes its objects off the controller's hands, whatever came of it. A scenario that says
    /// nothing about the calls that were not made fails.
    pub async fn run(&self, scenario: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let scenario = async {
            let result = scenario.await;
            let Done { places, judged_calls } = DONE.with(|done| done.take());
            if result.is_err() {
                self.print_calls(places.iter().map(|(_, account)| account.as_str()))?;
            }
            for (namespace, _) in places {
                self.clear(&namespace).await?;
            }
            result?;
            anyhow::ensure!(judged_calls || !self.emulator.is_ours(), "it must say which calls may be made, see Place");
            Ok(())
        };
        DONE.scope(RefCell::default(), scenario).await
    }

    /// The last calls in each account before a scenario failed, its own among the controller's.
    fn print_calls<'a>(&self, accounts: impl Iterator<Item = &'a str>) -> anyhow::Result<()> {
        for account in accounts {
            let calls = self.emulator.calls(account)?;
            eprintln!("The last calls in account {account}:");
            for call in &calls[calls.len().saturating_sub(25)..] {
                let by = if call.is_ours() { "controller" } else { "scenario" };
                let error = call.error.as_deref().unwrap_or_default();
                let params: String = call.params.to_string().chars().take(200).collect();
                eprintln!("  {by}: {} {} {} {error} {params}", call.service, call.operation, call.status);
            }
        }
        Ok(())
    }

    /// On an emulator what is on AWS may stay; anywhere else it is deleted properly.
    async fn clear(&self, namespace: &str) -> anyhow::Result<()> {
        let api: kube::Api<PaymentPlatform> = kube::Api::namespaced(self.cluster.client().await?, namespace);
        for object in api.list(&ListParams::default()).await? {
            let name = object.metadata.name.clone().unwrap_or_default();
            let annotations = json!({
                payment_platform_api::CONFIRM_DELETION: object.spec.environment, payment_platform_api::PAUSED: null});
            let patch = if self.emulator.is_ours() {
                json!({"metadata": {"finalizers": null}})
            } else {
                json!({"metadata": {"annotations": annotations}, "spec": {"deletionPolicy": "Delete"}})
            };
            api.delete(&name, &DeleteParams::default()).await?;
            // Nothing to patch when it is gone already.
            let _ = api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
        }
        Ok(())
    }

    /// For logs of further processes.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn remember_failure(&self, name: &'static str, why: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push((name, why.to_owned()));
    }

    /// Once more at the very end, where those look who see only the last lines.
    pub fn print_failures(&self) {
        for (name, why) in &*self.failures.lock().unwrap_or_else(PoisonError::into_inner) {
            let why: String = why.chars().take(2000).collect();
            eprintln!("\n{name}: {why}");
        }
    }

    pub fn print_log(&self) {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        eprintln!("The controller's last lines:\n{}", lines[lines.len().saturating_sub(25)..].join("\n"));
    }
}

/// Settings of a database by which nothing is restarted while a scenario looks: its maintenance window is days away.
pub fn windows_away() -> Value {
    let (backup, maintenance) = windows(72, 12);
    json!({"maintenanceWindow": maintenance, "backupWindow": backup})
}

/// Two other windows, daily and weekly, that overlap neither with those nor with each other, whatever the hour.
pub fn other_windows() -> (String, String) {
    windows(66, 6)
}

/// A daily window that begins so many hours after the last full one, and a weekly one of an hour.
fn windows(weekly: i64, daily: i64) -> (String, String) {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let at = |hours: i64, form: &str| (&now + hours.hours()).strftime(form).to_string().to_lowercase();
    let [from, to] = [weekly, weekly + 1].map(|hours| at(hours, "%a:%H:%M"));
    let backup = at(daily, "%H");
    (format!("{backup}:00-{backup}:30"), format!("{from}-{to}"))
}

/// Where one scenario happens.
pub struct Place<'a> {
    pub world: &'a World,
    pub client: kube::Client,
    pub aws: Account,
    pub account: String,
    pub namespace: String,
    pub region: String,
}

impl Place<'_> {
    /// A spec with this place's account and region, and what the scenario adds.
    pub fn spec(&self, more: Value) -> Value {
        let mut spec = json!({"aws": {"assumeRoleArn": Account::role_arn(&self.account), "region": self.region}});
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        spec
    }

    /// A cluster besides the shared one, with this place's namespace, for scenarios that start controllers themselves.
    pub async fn own_cluster(&self) -> anyhow::Result<Cluster> {
        let cluster = tokio::task::spawn_blocking(Cluster::start_own).await??;
        cluster.apply_crds().await?;
        cluster.namespace(&self.namespace).await?;
        Ok(cluster)
    }

    pub async fn create(&self, name: &str, more: Value) -> anyhow::Result<Object> {
        Object::create(self.client.clone(), &self.namespace, name, self.spec(more)).await
    }

    /// An object that is Ready.
    pub async fn built(&self, name: &str, more: Value) -> anyhow::Result<Object> {
        let object = self.create(name, more).await?;
        object.ready().await?;
        Ok(object)
    }

    /// The controller's writing calls here so far.
    pub fn writes(&self) -> anyhow::Result<Vec<Call>> {
        self.world.emulator.writes(&self.account)
    }

    /// Fails if the controller's writing operations since there were `before` writes are not exactly these.
    pub fn wrote_only(&self, before: usize, operations: &[&str]) -> anyhow::Result<()> {
        judged();
        let writes = self.writes()?;
        let made: BTreeSet<&str> = writes[before..].iter().map(|call| call.operation.as_str()).collect();
        let expected: BTreeSet<&str> = operations.iter().copied().collect();
        anyhow::ensure!(made == expected || !self.world.emulator.is_ours(), "wrote {made:?} instead of {expected:?}");
        Ok(())
    }

    /// Fails if the controller's writing operations since there were `before` writes are others than these, where the
    /// order of events decides which of them are needed.
    pub fn wrote_nothing_but(&self, before: usize, operations: &[&str]) -> anyhow::Result<()> {
        judged();
        let writes = self.writes()?;
        let other = writes[before..].iter().find(|call| !operations.contains(&call.operation.as_str()));
        anyhow::ensure!(other.is_none(), "wrote {other:?}");
        Ok(())
    }

    /// Fails if a writing call of the controller, since there were `before` writes, succeeded and names this id or name, by itself or
    /// within an ARN or a path.
    pub fn left_alone_since(&self, before: usize, id: &str) -> anyhow::Result<()> {
        let named = |call: &&Call| call.status < 300 && call.params.to_string().contains(id);
        let writes = self.writes()?;
        let touched = writes[before..].iter().find(named);
        anyhow::ensure!(touched.is_none(), "{id} was not left alone: {touched:?}");
        Ok(())
    }

    /// How often the controller has called this operation with success since there were `before` writes.
    pub fn count(&self, before: usize, operation: &str) -> anyhow::Result<usize> {
        let writes = self.writes()?;
        let done = writes[before..].iter().filter(|call| call.operation == operation && call.status < 300);
        Ok(done.count())
    }

    /// Fails if the controller has written since there were `before` writes.
    pub fn no_write_since(&self, before: usize) -> anyhow::Result<()> {
        judged();
        let writes = self.writes()?;
        let new: Vec<_> = writes[before..].iter().map(|call| format!("{} {}", call.operation, call.params)).collect();
        anyhow::ensure!(new.is_empty(), "nothing should have been written, but: {}", new.join("\n"));
        Ok(())
    }
}

fn judged() {
    DONE.with(|done| done.borrow_mut().judged_calls = true);
}
