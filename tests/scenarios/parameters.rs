//! Parameters of the database, and the restarts that some of them need.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use aws_sdk_rds::types::{ApplyMethod, Parameter};
use futures::FutureExt;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::object::condition;
use serde_json::{Value, json};

use crate::Scenario;
use crate::drift::id;
use crate::world::{World, windows_away};

pub const ALL: &[(&str, Scenario)] = &[
    ("more_parameters_than_a_call_takes_are_set_and_reset", |world| parameters(world).boxed()),
    ("a_parameter_that_needs_a_restart_comes_in_the_maintenance_window", |world| restart(world).boxed()),
    ("nothing_is_restarted_for_a_parameter_that_somebody_else_has_set", |world| foreign_parameter(world).boxed()),
];

async fn parameters(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"profile": "Ephemeral"})).await?;
    let before = place.writes()?.len();
    // RDS takes twenty at once.
    let many = |value: Value| -> serde_json::Map<String, Value> {
        (0..45).map(|number| (format!("other_parameter_{number}"), value.clone())).collect()
    };
    object.merge(json!({"spec": {"database": {"parameters": many(json!("7"))}}})).await?;
    object.ready().await?;
    let group = id(&object.status().await?, "rds/cluster-parameter-group/params")?;
    let group = group.rsplit(':').next().unwrap_or_default().to_owned();
    let set = || async {
        let call = place.aws.rds.describe_db_cluster_parameters().db_cluster_parameter_group_name(&group);
        let all = call.source("user").into_paginator().items().send().collect::<Result<Vec<_>, _>>().await?;
        let ours = all.into_iter().filter(|one| one.parameter_name().is_some_and(|name| name.starts_with("other_")));
        anyhow::Ok(ours.count())
    };
    ensure!(set().await? == 45, "{} of 45 are set", set().await?);
    place.wrote_only(before, &["ModifyDBClusterParameterGroup"])?;
    let calls = place.count(before, "ModifyDBClusterParameterGroup")?;
    ensure!(calls == 3 || !world.emulator.is_ours(), "{calls} calls");
    object.merge(json!({"spec": {"database": {"parameters": many(Value::Null)}}})).await?;
    object.ready().await?;
    ensure!(set().await? == 0, "{} are still set", set().await?);
    place.wrote_only(before, &["ModifyDBClusterParameterGroup", "ResetDBClusterParameterGroup"])
}

/// The condition DatabaseReady says that something waits for a restart.
pub fn waits_for_restart(status: &PaymentPlatformStatus) -> bool {
    let told = "it takes parameters that need a restart in its maintenance window";
    condition(status, "DatabaseReady").is_some_and(|ready| ready.status == "True" && ready.message.contains(told))
}

/// The hour that is half over.
pub fn window_of_now() -> String {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let [from, to] = [-30, 30].map(|minutes| (&now + minutes.minutes()).strftime("%a:%H:%M").to_string());
    format!("{from}-{to}").to_lowercase()
}

async fn restart(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"database": windows_away()})).await?;
    let before = place.writes()?.len();
    let libraries = json!({"shared_preload_libraries": "pg_stat_statements,pgaudit"});
    object.merge(json!({"spec": {"database": {"parameters": libraries}}})).await?;
    let status = object.until("told of the restart to come", waits_for_restart).await?;
    ensure!(status.drift.is_empty(), "an edit is no drift: {:?}", status.drift);
    object.ready().await?;
    place.wrote_only(before, &["ModifyDBClusterParameterGroup"])?;
    let status = object.look_now().await?;
    ensure!(waits_for_restart(&status) && condition(&status, "Ready").is_some_and(|c| c.status == "True"));

    object.merge(json!({"spec": {"database": {"maintenanceWindow": window_of_now()}}})).await?;
    object.until("rid of what waited", |status| !waits_for_restart(status)).await?;
    let status = object.ready().await?;
    ensure!(status.drift.is_empty(), "a restart in its window is no drift: {:?}", status.drift);
    place.wrote_only(
        before,
        &["ModifyDBCluster", "ModifyDBClusterParameterGroup", "ModifyDBInstance", "RebootDBInstance"],
    )?;
    let restarts = place.count(before, "RebootDBInstance")?;
    ensure!(restarts == 2 || !world.emulator.is_ours(), "{restarts} restarts of a writer and a reader");
    let read = place.aws.rds.describe_db_clusters().send().await?;
    let read = read.db_clusters().first().context("no cluster")?;
    let all = read.db_cluster_members().iter().all(|one| one.db_cluster_parameter_group_status() == Some("in-sync"));
    ensure!(all, "{:?}", read.db_cluster_members());
    let before = place.writes()?.len();
    object.look_now().await?;
    place.no_write_since(before)
}

async fn foreign_parameter(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"database": {"applyImmediately": true}})).await?;
    let before = place.writes()?.len();
    // It cannot be put right at once, and the instances wait for a restart meanwhile.
    let fault = json!({"account": place.account, "operation": "ResetDBClusterParameterGroup", "times": 3, "status": 403,
        "code": "AccessDenied", "message": "not now", "agent": "payment-platform-controller"});
    world.emulator.fault(fault).await?;
    let libraries = Parameter::builder().parameter_name("shared_preload_libraries").parameter_value("pgaudit");
    let libraries = libraries.apply_method(ApplyMethod::PendingReboot).build();
    let call = place.aws.rds.modify_db_cluster_parameter_group().parameters(libraries);
    call.db_cluster_parameter_group_name("aurora-cluster-params-prd").send().await?;
    object.corrected("rds/cluster-parameter-group/params", "parameters.shared_preload_libraries").await?;
    let in_sync = || async {
        let read = place.aws.rds.describe_db_clusters().send().await?;
        let members = read.db_clusters().first().context("no cluster")?.db_cluster_members().to_vec();
        anyhow::Ok(members.iter().all(|one| one.db_cluster_parameter_group_status() == Some("in-sync")))
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while !in_sync().await? {
        ensure!(Instant::now() < deadline, "not restarted in time");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    object.ready().await?;
    let written: Vec<String> = place.writes()?.split_off(before).into_iter().map(|call| call.operation).collect();
    let last = written.iter().rposition(|one| one == "ResetDBClusterParameterGroup").context("never put right")?;
    let first = written.iter().position(|one| one == "RebootDBInstance").context("never restarted")?;
    ensure!(last < first, "restarted with a parameter of somebody else: {written:?}");
    let restarts = written.iter().filter(|one| *one == "RebootDBInstance").count();
    ensure!(restarts == 2, "{restarts} restarts of a writer and a reader: {written:?}");
    place.wrote_only(before, &["RebootDBInstance", "ResetDBClusterParameterGroup"])
}
