//! Two controllers of one cluster: one leads at a time, and what an old leader began harms nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::FutureExt;
use payment_platform_tests::cluster::Cluster;
use payment_platform_tests::controller::Controller;
use payment_platform_tests::object::Object;
use serde_json::json;

use crate::Scenario;
use crate::drift::id;
use crate::kinds;
use crate::world::{Place, World};

pub const ALL: &[(&str, Scenario)] = &[
    ("a_controller_frozen_past_its_lease_writes_nothing_more", |world| frozen(world).boxed()),
    ("a_controller_frozen_in_the_middle_of_a_creation_makes_nothing_twice", |world| frozen_halfway(world).boxed()),
    ("a_controller_that_wakes_beside_its_successor_harms_nothing", |world| awake_beside(world).boxed()),
];

/// For two controllers of which one is to take over soon.
const SHORT_LEASE: &[&str] = &[
    "--fast-interval-seconds=1",
    "--slow-interval-seconds=2",
    "--consistency-window-seconds=1",
    "--attempt-timeout-seconds=3",
    "--lease-seconds=6",
];

async fn frozen(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", place.spec(json!({}))).await?;
    let logs = ["frozen-first.log", "frozen-second.log"].map(|name| world.folder().join(name));
    let mut first = Controller::start(&cluster, &world.emulator, &logs[0], SHORT_LEASE)?;
    let status = object.ready().await?;
    let second = Controller::start(&cluster, &world.emulator, &logs[1], SHORT_LEASE)?;
    // The leader freezes, somebody opens a port, the other one takes over and closes it.
    first.process.signal("STOP")?;
    let group = id(&status, "security-group/aurora")?;
    place.aws.open_port(&group, 22).await?;
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 22").await?;
    second.process.signal("STOP")?;
    let before = place.writes()?.len();
    place.aws.open_port(&group, 3389).await?;
    first.process.signal("CONT")?;
    let deadline = std::time::Instant::now() + Duration::from_secs(40);
    while first.process.ended()?.is_none() && std::time::Instant::now() < deadline {
        place.no_write_since(before)?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = first.process.ended()?.context("a controller whose lease is lost goes on")?;
    ensure!(!ended.success(), "{ended}");
    place.no_write_since(before)?;
    second.process.signal("CONT")?;
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 3389").await?;
    Ok(())
}

/// Has the next call of this operation wait before it does anything.
async fn hold(place: &Place<'_>, operation: &str) -> anyhow::Result<()> {
    let fault = json!({"account": place.account, "operation": operation, "agent": "payment-platform-controller",
        "mode": "delay", "delay_ms": 1500});
    place.world.emulator.fault(fault).await
}

/// Until that call has been made.
async fn until_held(place: &Place<'_>) -> anyhow::Result<()> {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !place.world.emulator.is_struck(&place.account).await? {
        ensure!(std::time::Instant::now() < deadline, "it is not called");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// A leader that has frozen while it made the subnets of this object.
async fn frozen_leader(place: &Place<'_>, cluster: &Cluster) -> anyhow::Result<(Controller, Object)> {
    place.world.emulator.must_be_ours()?;
    let log = place.world.folder().join(format!("{}-first.log", place.namespace));
    let leader = Controller::start(cluster, &place.world.emulator, &log, SHORT_LEASE)?;
    hold(place, "CreateSubnet").await?;
    let spec = place.spec(json!({"profile": "Ephemeral"}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    until_held(place).await?;
    leader.process.signal("STOP")?;
    Ok((leader, object))
}

/// Waits until a controller whose lease is another's has ended.
async fn ends(controller: &mut Controller) -> anyhow::Result<()> {
    let deadline = std::time::Instant::now() + Duration::from_secs(40);
    while controller.process.ended()?.is_none() {
        ensure!(std::time::Instant::now() < deadline, "a controller whose lease is lost goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The leader freezes with calls under way; when it wakes, another one has made the rest.
async fn frozen_halfway(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    let (mut first, object) = frozen_leader(&place, &cluster).await?;
    let made = place.writes()?.len();
    ensure!(place.count(0, "CreateDBCluster")? == 0, "it froze when all but all was made, after {made} writes");
    let log = world.folder().join("halfway-second.log");
    let second = Controller::start(&cluster, &world.emulator, &log, SHORT_LEASE)?;
    object.ready().await?;
    kinds::once_each(&place.aws, &before).await?;
    second.process.signal("STOP")?;
    let made = place.writes()?.len();
    first.process.signal("CONT")?;
    ends(&mut first).await?;
    place.no_write_since(made)?;
    second.process.signal("CONT")?;
    object.ready().await?;
    kinds::once_each(&place.aws, &before).await?;
    place.wrote_nothing_but(0, &kinds::creation())
}

/// The leader freezes with calls under way and wakes while another one is in the middle of its own.
async fn awake_beside(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    let (mut first, object) = frozen_leader(&place, &cluster).await?;
    hold(&place, "CreateLoadBalancer").await?;
    let log = world.folder().join("awake-second.log");
    let _second = Controller::start(&cluster, &world.emulator, &log, SHORT_LEASE)?;
    until_held(&place).await?;
    first.process.signal("CONT")?;
    let status = object.ready().await?;
    ensure!(status.drift.is_empty(), "the two undo what the other does: {:?}", status.drift);
    ends(&mut first).await?;
    kinds::once_each(&place.aws, &before).await?;
    let settled = place.writes()?.len();
    object.look_now().await?;
    place.no_write_since(settled)?;
    // A revision whose registration was heard of by nobody is there twice; the other one goes.
    place.wrote_nothing_but(0, &[&kinds::creation()[..], &["DeregisterTaskDefinition"]].concat())
}
