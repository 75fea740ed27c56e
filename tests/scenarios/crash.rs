//! The process dies again and again: what the next one finds is brought to its end, and nothing is there twice or left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::{FutureExt, StreamExt, TryStreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DeleteParams};
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::cluster::Cluster;
use payment_platform_tests::controller::Controller;
use payment_platform_tests::object::{Object, condition};
use serde_json::json;

use crate::Scenario;
use crate::faults::{gone, make_hostile, seed, settled};
use crate::kinds::{self, once_each, once_each_but};
use crate::settings::plan_of;
use crate::world::{Place, World};

pub const ALL: &[(&str, Scenario)] = &[
    ("killed_in_the_middle_again_and_again_nothing_is_made_twice", |world| killed(world).boxed()),
    ("killed_after_every_single_write_everything_is_brought_to_its_end", |world| walk(world).boxed()),
    ("killed_after_every_single_write_with_mysql_too", |world| walk_with_mysql(world).boxed()),
    ("killed_while_keeping_data_all_of_it_is_kept", |world| walk_keeping_data(world).boxed()),
];

/// What takes minutes: with `make test-full` only.
pub const FULL: &[(&str, Scenario)] =
    &[("thirty_times_killed_at_random_in_a_hostile_cloud_all_is_there_once", |world| restarts(world).boxed())];

/// SIGKILL after so many writes, then the next controller.
const KILLS: [usize; 8] = [1, 3, 8, 15, 25, 40, 60, 75];

async fn killed(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    world.emulator.must_be_ours()?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    let flags = [
        "--fast-interval-seconds=1",
        "--slow-interval-seconds=2",
        "--consistency-window-seconds=1",
        "--attempt-timeout-seconds=2",
        "--lease-seconds=4",
        "--width=2",
    ];
    let log = world.folder().join("killed.log");
    let object = Object::create(
        cluster.client().await?,
        &place.namespace,
        "payments",
        place.spec(json!({"profile": "Ephemeral"})),
    )
    .await?;
    for writes in KILLS {
        let mut controller = Controller::start(&cluster, &world.emulator, &log, &flags)?;
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while place.writes()?.len() < writes && std::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        controller.process.kill();
    }
    let mut controller = Controller::start(&cluster, &world.emulator, &log, &flags)?;
    object.ready().await?;
    once_each(&place.aws, &before).await?;
    // A death right after the group is made spares its parameter: the value is the engine's own.
    let spared = ["ModifyDBParameterGroup"];
    let spared = if place.count(0, spared[0])? == 0 { &spared[..] } else { &[] };
    place.wrote_only(0, &kinds::without(&kinds::creation(), spared))?;
    let built = place.writes()?.len();
    object.annotate(payment_platform_api::CONFIRM_DELETION, Some("prd")).await?;
    object.api.delete("payments", &kube::api::DeleteParams::default()).await?;
    tokio::time::sleep(Duration::from_millis(400)).await;
    controller.process.kill();
    let _controller = Controller::start(&cluster, &world.emulator, &log, &flags)?;
    object.gone().await?;
    place.wrote_only(built, &kinds::deletion())?;
    let after = place.aws.everything().await?;
    ensure!(after == before, "left: {:?}", after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>());
    Ok(())
}

/// Build, update and deletion, in each of which the process dies after every single write: AWS has done it, and the
/// process has not heard of it. Nothing is kept of a write that was heard of either, so dying a little later is the same.
async fn walk(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    world.emulator.must_be_ours()?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    let spec = place.spec(json!({"profile": "Ephemeral"}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    world.emulator.prompt(&place.account).await?;
    let mut deaths = Deaths { cluster: &cluster, place: &place, object: &object, service: "*", armed: false };

    let built = deaths.until(Phase::Ready).await.context("while building")?;
    once_each(&place.aws, &before).await?;
    // Whoever finds the parameter group that the dead one has made sees the engine's own values in it, which are those wanted.
    place.wrote_only(0, &kinds::without(&kinds::creation(), &["ModifyDBParameterGroup"]))?;
    ensure!(built == place.writes()?.len() && built > 80, "{built} deaths, {} writes", place.writes()?.len());
    let status = object.status().await?;
    ensure!(status.drift.is_empty(), "what was half done is no drift: {:?}", status.drift);

    let edit = json!({"owner": "cards", "logs": {"retentionDays": 731}, "encryption": {"rotationPeriodDays": 180},
        "ingress": {"allowedCidrs": ["203.0.113.0/24"]}, "compute": {"containerPort": 8080, "image": "example.com/payments:2"},
        "database": {"readers": 2, "instanceClass": "db.r6g.xlarge", "parameters": {"log_min_duration_statement": "500"}},
        "network": {"natGateways": "Single", "availabilityZones": ["us-east-1b", "us-east-1c"]}});
    object.merge(json!({ "spec": edit })).await?;
    let edited = deaths.until(Phase::Ready).await.context("while updating")?;
    ensure!(edited > 20, "{edited} deaths");
    let manifest = serde_json::to_value(object.get().await?)?;
    let (code, text, errors) = plan_of(&place, &manifest, &[])?;
    ensure!(code == 0, "{code} {text} {errors}");

    object.annotate(payment_platform_api::CONFIRM_DELETION, Some("prd")).await?;
    let kept = place.writes()?.len();
    object.api.delete("payments", &DeleteParams::default()).await?;
    let deleted = deaths.until(Phase::Gone).await.context("while deleting")?;
    ensure!(deleted > 40, "{deleted} deaths");
    place.wrote_nothing_but(kept, &kinds::deletion())?;
    let after = place.aws.everything().await?;
    ensure!(after == before, "left: {:?}", after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>());
    Ok(())
}

/// A platform of production whose data is kept: the process dies after every write to what holds data, and to whom it is told.
async fn walk_keeping_data(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    world.emulator.must_be_ours()?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", place.spec(json!({}))).await?;
    // RDS, KMS, S3, Secrets Manager and SNS.
    world.emulator.prompt(&place.account).await?;
    let mut deaths = Deaths { cluster: &cluster, place: &place, object: &object, service: "[rks]*", armed: false };
    {
        let _controller = deaths.start().await?;
        object.ready().await?;
    }
    let built = place.writes()?.len();
    object.annotate(payment_platform_api::CONFIRM_DELETION, Some("prd")).await?;
    object.api.delete("payments", &DeleteParams::default()).await?;
    let deleted = deaths.until(Phase::Gone).await.context("while deleting")?;
    ensure!(deleted > 15, "{deleted} deaths");
    let keeping =
        ["AddTagsToResource", "ModifyDBCluster", "ModifyLoadBalancerAttributes", "PutBucketTagging", "TagResource"];
    place.wrote_nothing_but(built, &[&kinds::deletion()[..], &keeping].concat())?;
    let left: Vec<String> = place.aws.everything().await?.into_iter().filter(|one| !before.contains(one)).collect();
    for (kind, number) in [("bucket ", 3), ("key ", 3), ("log group ", 6), ("snapshot aurora-payment-prd-final-", 1)] {
        let of_it = left.iter().filter(|one| one.starts_with(kind)).count();
        ensure!(of_it == number, "{of_it} of {kind}instead of {number}: {left:?}");
    }
    ensure!(left.len() == 13, "more than what holds data is left: {left:?}");
    Ok(())
}

/// What differs with the other engine, and with an identity that reads the bucket: the process dies after every write to
/// RDS and CloudFront.
async fn walk_with_mysql(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    world.emulator.must_be_ours()?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    let spec = place.spec(json!({"profile": "Ephemeral", "database": {"engine": "mysql"},
        "staticAssets": {"originAccess": "OriginAccessIdentity"}}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    // RDS and CloudFront.
    let service = "[rc][dl][so]*";
    world.emulator.prompt(&place.account).await?;
    let mut deaths = Deaths { cluster: &cluster, place: &place, object: &object, service, armed: false };
    let built = deaths.until(Phase::Ready).await.context("while building")?;
    let identity = [("origin access control", 0), ("origin access identity", 1)];
    once_each_but(&place.aws, &before, &[&kinds::WITH_MYSQL[..], &identity].concat()).await?;
    let made = ["CreateCloudFrontOriginAccessIdentity"];
    place.wrote_nothing_but(0, &[&kinds::creation()[..], kinds::MYSQL[0], &made].concat())?;
    ensure!(built > 10, "{built} deaths");
    let drift = object.status().await?.drift;
    ensure!(drift.is_empty(), "what was half done is no drift: {drift:?}");

    let edit = json!({"allocatedStorageGib": 450, "instanceClass": "db.r6g.xlarge", "multiAz": false,
        "parameters": {"max_connections": "500"}, "monitoringSeconds": 30});
    object.merge(json!({"spec": {"database": edit}})).await?;
    let edited = deaths.until(Phase::Ready).await.context("while updating")?;
    ensure!(edited >= 2, "{edited} deaths");
    let manifest = serde_json::to_value(object.get().await?)?;
    let (code, text, errors) = plan_of(&place, &manifest, &[])?;
    ensure!(code == 0, "{code} {text} {errors}");

    let kept = place.writes()?.len();
    object.api.delete("payments", &DeleteParams::default()).await?;
    let deleted = deaths.until(Phase::Gone).await.context("while deleting")?;
    ensure!(deleted > 9, "{deleted} deaths");
    let taken = ["DeleteCloudFrontOriginAccessIdentity"];
    place.wrote_nothing_but(kept, &[&kinds::deletion()[..], kinds::MYSQL[1], &taken].concat())?;
    let after = place.aws.everything().await?;
    ensure!(after == before, "left: {:?}", after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>());
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ready,
    Gone,
}

/// One process after the other.
struct Deaths<'a> {
    cluster: &'a Cluster,
    place: &'a Place<'a>,
    object: &'a Object,
    /// After whose writes it dies; `*` is any service.
    service: &'static str,
    /// Whether the next write will be met with silence.
    armed: bool,
}

impl Deaths<'_> {
    /// Lets processes die after their first write, until one finds nothing more to write; how many died.
    async fn until(&mut self, phase: Phase) -> anyhow::Result<usize> {
        let mut deaths = 0;
        loop {
            if !self.armed {
                let fault = json!({"account": self.place.account, "agent": "payment-platform-controller",
                    "service": self.service, "writes": true, "mode": "silence", "delay_ms": 60_000});
                self.place.world.emulator.fault(fault).await?;
                self.armed = true;
            }
            let mut controller = self.start().await?;
            let deadline = Instant::now() + Duration::from_secs(40);
            let ended = loop {
                ensure!(Instant::now() < deadline, "after {deaths} deaths nothing happens any more");
                if self.place.world.emulator.is_struck(&self.place.account).await? {
                    break false;
                }
                if self.is_at(phase).await? {
                    break true;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            controller.process.kill();
            if ended {
                return Ok(deaths);
            }
            self.armed = false;
            deaths += 1;
            let last = || self.place.writes().map(|writes| writes.into_iter().next_back());
            ensure!(deaths < 400, "each process begins with the same write: {:?}", last()?);
        }
    }

    /// The next process; it need not wait for the lease of the dead one.
    async fn start(&self) -> anyhow::Result<Controller> {
        let leases: Api<Lease> = Api::namespaced(self.cluster.client().await?, "default");
        // There is none the first time.
        let _ = leases.delete("payment-platform-controller", &DeleteParams::default()).await;
        let flags = [
            "--fast-interval-seconds=1",
            "--slow-interval-seconds=1",
            "--consistency-window-seconds=0",
            "--poll-seconds=1",
            "--width=1",
        ];
        let log = self.place.world.folder().join("walk.log");
        Controller::start(self.cluster, &self.place.world.emulator, &log, &flags)
    }

    async fn is_at(&self, phase: Phase) -> anyhow::Result<bool> {
        let Some(object) = self.object.api.get_opt("payments").await? else { return Ok(phase == Phase::Gone) };
        let generation = object.metadata.generation;
        let status = object.status.unwrap_or_default();
        let ready = condition(&status, "Ready").is_some_and(|ready| ready.status == "True");
        Ok(phase == Phase::Ready && ready && status.observed_generation == generation)
    }
}

/// Thirty platforms, each with a seed of its own by which faults and deaths come.
async fn restarts(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let cluster = world.place("us-east-1").await?.own_cluster().await?;
    let first = seed();
    let runs = futures::stream::iter(first..first + 30).map(|seed| {
        let (world, cluster) = (&world, &cluster);
        async move { restarted(world, cluster, seed).await.with_context(|| format!("SEED={seed} repeats it")) }
    });
    runs.buffer_unordered(5).try_collect::<Vec<()>>().await?;
    Ok(())
}

async fn restarted(world: &World, cluster: &Cluster, seed: u64) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    cluster.namespace(&place.namespace).await?;
    let before = place.aws.everything().await?;
    make_hostile(&place, seed).await?;
    let spec = place.spec(json!({"profile": "Ephemeral"}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    let mut lives = Lives { world, cluster, place: &place, chance: seed };
    lives.some_end().await?;
    {
        let _controller = lives.start()?;
        settled(&object, is_ready).await.context("while building")?;
        once_each(&place.aws, &before).await?;
    }
    place.wrote_nothing_but(0, &kinds::creation())?;
    object.merge(json!({"spec": {"logs": {"retentionDays": 731}, "network": {"natGateways": "Single"}}})).await?;
    let generation = object.get().await?.metadata.generation;
    lives.some_end().await?;
    {
        let _controller = lives.start()?;
        let carried_out = |status: &PaymentPlatformStatus| status.observed_generation == generation && is_ready(status);
        settled(&object, carried_out).await.context("while updating")?;
        once_each_but(&place.aws, &before, &[("nat gateway", 1), ("address", 1)]).await?;
    }
    let kept = place.writes()?.len();
    object.api.delete("payments", &DeleteParams::default()).await?;
    lives.some_end().await?;
    let _controller = lives.start()?;
    gone(&object).await?;
    place.wrote_nothing_but(kept, &kinds::deletion())?;
    let after = place.aws.everything().await?;
    ensure!(after == before, "left: {:?}", after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>());
    Ok(())
}

fn is_ready(status: &PaymentPlatformStatus) -> bool {
    condition(status, "Ready").is_some_and(|ready| ready.status == "True")
}

/// Controllers of one platform, most of which die soon.
struct Lives<'a> {
    world: &'a World,
    cluster: &'a Cluster,
    place: &'a Place<'a>,
    /// The state of a generator of numbers (xorshift): the same seed, the same deaths.
    chance: u64,
}

impl Lives<'_> {
    fn start(&self) -> anyhow::Result<Controller> {
        let (namespace, lease) =
            (format!("--namespace={}", self.place.namespace), format!("--lease-namespace={}", self.place.namespace));
        let flags = [
            "--fast-interval-seconds=1",
            "--slow-interval-seconds=2",
            "--consistency-window-seconds=1",
            "--attempt-timeout-seconds=1",
            "--lease-seconds=2",
            &namespace,
            &lease,
        ];
        let log = self.world.folder().join(format!("{}.log", self.place.namespace));
        Controller::start(self.cluster, &self.world.emulator, &log, &flags)
    }

    /// Three controllers, each killed after a while by chance.
    async fn some_end(&mut self) -> anyhow::Result<()> {
        for _ in 0..3 {
            let mut controller = self.start()?;
            self.chance ^= self.chance << 13;
            self.chance ^= self.chance >> 7;
            self.chance ^= self.chance << 17;
            tokio::time::sleep(Duration::from_millis(300 + self.chance % 3000)).await;
            controller.process.kill();
        }
        Ok(())
    }
}
