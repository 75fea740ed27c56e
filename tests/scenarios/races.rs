//! Objects that change while they are worked on, an API server that is away, credentials that expire, clocks that jump: what is
//! asked for last is what comes out, once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::FutureExt;
use jiff::Timestamp;
use kube::api::DeleteParams;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::clock::Clock;
use payment_platform_tests::controller::{Controller, QUICK};
use payment_platform_tests::object::{Object, condition};
use serde_json::json;

use crate::Scenario;
use crate::drift::id;
use crate::kinds::{self, once_each};
use crate::world::{Place, World};

pub const ALL: &[(&str, Scenario)] = &[
    ("edited_in_the_middle_of_its_creation_the_edit_wins", |world| edited(world).boxed()),
    ("deleted_in_the_middle_of_its_creation_nothing_is_left", |world| deleted(world).boxed()),
    ("deleted_and_made_again_at_once_it_is_there_once", |world| made_again(world).boxed()),
    ("an_api_server_that_is_away_delays_and_corrupts_nothing", |world| api_server_away(world).boxed()),
    ("expired_credentials_change_nothing_and_new_ones_need_no_restart", |world| expired(world).boxed()),
    ("a_clock_that_jumps_is_named_where_aws_refuses_it_and_loses_nothing", |world| clock(world).boxed()),
];

/// Waits until the controller has written so often here.
async fn written(place: &Place<'_>, writes: usize) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while place.writes()?.len() < writes && place.world.emulator.is_ours() {
        ensure!(Instant::now() < deadline, "only {} writes", place.writes()?.len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn edited(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let object = place.create("payments", json!({"profile": "Ephemeral"})).await?;
    written(&place, 20).await?;
    object
        .merge(json!({"spec": {"logs": {"retentionDays": 731}, "ingress": {"allowedCidrs": ["203.0.113.0/24"]}}}))
        .await?;
    let status = object.ready().await?;
    once_each(&place.aws, &before).await?;
    ensure!(status.drift.is_empty(), "an edit is no drift: {:?}", status.drift);
    let groups = place.aws.logs.describe_log_groups().log_group_name_prefix("/ecs/payment-prd").send().await?;
    ensure!(groups.log_groups()[0].retention_in_days() == Some(731), "{groups:?}");
    let group = crate::drift::id(&status, "security-group/alb")?;
    ensure!(!place.aws.is_open(&group, 443).await?, "open to the world");
    place.wrote_nothing_but(0, &kinds::creation())
}

async fn deleted(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let object = place.create("payments", json!({"profile": "Ephemeral"})).await?;
    written(&place, 30).await?;
    object.api.delete("payments", &DeleteParams::default()).await?;
    object.gone().await?;
    let after = place.aws.everything().await?;
    ensure!(after == before, "left: {:?}", after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>());
    place.wrote_nothing_but(0, &[kinds::creation(), kinds::deletion()].concat())
}

async fn made_again(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let object = place.built("payments", json!({"profile": "Ephemeral"})).await?;
    let first = object.uid().await?;
    object.api.delete("payments", &DeleteParams::default()).await?;
    // Until the first one is gone the API server refuses the second one.
    let deadline = Instant::now() + Duration::from_secs(90);
    let again = loop {
        match place.create("payments", json!({"profile": "Ephemeral"})).await {
            Ok(object) => break object,
            Err(error) => ensure!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let status = again.ready().await?;
    ensure!(again.uid().await? != first, "it was never deleted");
    once_each(&place.aws, &before).await?;
    ensure!(status.drift.is_empty(), "{:?}", status.drift);
    again.delete().await?;
    let after = place.aws.everything().await?;
    ensure!(after == before, "left: {:?}", after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>());
    place.wrote_only(0, &[kinds::creation(), kinds::deletion()].concat())
}

async fn api_server_away(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    // With a lease that outlasts the absence, and one that does not.
    let lasting = [&QUICK[..3], &["--attempt-timeout-seconds=5", "--lease-seconds=60"]].concat();
    let log = world.folder().join("away.log");
    let mut controller = Controller::start(&cluster, &world.emulator, &log, &lasting)?;
    let spec = place.spec(json!({"profile": "Ephemeral"}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    written(&place, 10).await?;
    cluster.signal_api_server("STOP")?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    cluster.signal_api_server("CONT")?;
    object.ready().await?;
    once_each(&place.aws, &before).await?;
    place.wrote_only(0, &kinds::creation())?;
    ensure!(controller.process.ended()?.is_none(), "a lease that lasted was given up");
    controller.process.kill();

    // Once the lease cannot be renewed, nothing is written any more, and the process ends.
    let short = [&QUICK[..3], &["--attempt-timeout-seconds=3", "--lease-seconds=6"]].concat();
    let mut controller = Controller::start(&cluster, &world.emulator, &log, &short)?;
    let group = crate::drift::id(&object.status().await?, "security-group/aurora")?;
    place.aws.open_port(&group, 22).await?;
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 22").await?;
    cluster.signal_api_server("STOP")?;
    let deadline = Instant::now() + Duration::from_secs(30);
    while controller.process.ended()?.is_none() {
        ensure!(Instant::now() < deadline, "it goes on without a lease");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let kept = place.writes()?.len();
    place.aws.open_port(&group, 3389).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    place.no_write_since(kept)?;
    cluster.signal_api_server("CONT")?;
    let _controller = Controller::start(&cluster, &world.emulator, &log, &short)?;
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 3389").await?;
    place.wrote_only(kept, &["RevokeSecurityGroupIngress"])
}

async fn expired(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let inventory = object.look_now().await?.inventory;
    let before = place.writes()?.len();
    let history = object.history();
    let refused = json!({"account": place.account, "agent": "payment-platform-controller", "times": 300, "status": 403,
        "code": "ExpiredToken", "message": "The security token included in the request is expired"});
    world.emulator.fault(refused).await?;
    let status = object
        .until("refused", |status| condition(status, "Ready").is_some_and(|c| c.reason == "Unauthenticated"))
        .await?;
    ensure!(status.inventory == inventory && status.drift.is_empty(), "what cannot be seen is not gone: {status:?}");
    let message = condition(&status, "Ready").context("no condition")?.message.clone();
    ensure!(message.contains("ExpiredToken"), "{message}");
    // New ones come by themselves.
    let status = object.ready().await?;
    ensure!(status.inventory == inventory && status.drift.is_empty(), "{:?}", status.drift);
    let seen = history.so_far();
    let mut states: Vec<(&str, &str)> =
        seen.iter().filter_map(|(_, status)| condition(status, "Ready")).map(|c| (&*c.status, &*c.reason)).collect();
    states.dedup();
    let turns = states.windows(2).filter(|pair| pair[0].0 != pair[1].0).count();
    ensure!(turns <= 2, "it flaps: {states:?}");
    place.no_write_since(before)
}

/// The clock of the controller's machine is set while it runs: so far that AWS refuses what it signs, and less.
async fn clock(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    let clock = Clock::new(world.folder())?;
    let log = world.folder().join("clock.log");
    let mut controller = Controller::start_by(&clock, &cluster, &world.emulator, &log, QUICK)?;
    let spec = place.spec(json!({"profile": "Ephemeral"}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    let group = id(&object.ready().await?, "security-group/aurora")?;
    // Back again by so much that what was recorded lies in the future.
    for (minutes, port) in [(4, 22), (-4, 3389)] {
        clock.set(minutes * 60)?;
        place.aws.open_port(&group, port).await?;
        let rule = format!("rules[ingress tcp {port} 0.0.0.0/0]");
        let drift = object.corrected("security-group-rules/aurora", &rule).await?;
        let (detected, corrected) = (drift.detected_time.0, drift.corrected_time.context("no time")?.0);
        ensure!(detected <= corrected, "detected at {detected} and corrected at {corrected}");
        let off = Timestamp::now().duration_since(detected).as_secs() + minutes * 60;
        ensure!(off.abs() < 60, "the controller does not go by the clock: detected at {detected}");
        object.look_now().await?;
    }
    for minutes in [30, -30] {
        let (inventory, before) = (object.status().await?.inventory, place.writes()?.len());
        clock.set(minutes * 60)?;
        let named = |status: &PaymentPlatformStatus| {
            condition(status, "Ready").is_some_and(|c| c.reason == "Unauthenticated" && c.message.contains("clock"))
        };
        let status = object.until("refused for its clock", named).await?;
        ensure!(status.inventory == inventory, "what cannot be seen is not gone: {status:?}");
        clock.set(0)?;
        let status = object.ready().await?;
        ensure!(status.inventory == inventory && status.drift.len() == 2, "{:?}", status.drift);
        place.no_write_since(before)?;
    }
    ensure!(controller.process.ended()?.is_none(), "its lease hangs on the time of day");
    place.wrote_nothing_but(0, &[&kinds::creation()[..], &["RevokeSecurityGroupIngress"]].concat())
}
