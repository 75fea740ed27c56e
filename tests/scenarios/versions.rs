//! Which version the database has: what is offered, what AWS moves, what somebody asks for, and what waits for the window.

use std::sync::Arc;

use anyhow::{Context, ensure};
use futures::FutureExt;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::object::condition;
use serde_json::json;

use crate::Scenario;
use crate::database::{AURORA, CLUSTER, MYSQL, Names};
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("a_version_that_is_not_offered_is_refused_with_those_that_are", |world| version(world).boxed()),
    ("a_minor_version_that_aws_has_moved_to_stays", |world| moved(world, AURORA).boxed()),
    ("a_minor_version_of_mysql_that_aws_has_moved_to_stays", |world| moved(world, MYSQL).boxed()),
    ("a_version_past_its_standard_support_is_warned_of", |world| old(world).boxed()),
    ("a_newer_major_version_gets_parameter_groups_of_its_own", |world| major(world).boxed()),
    ("a_newer_major_version_waits_for_the_window_and_what_it_leaves_with_it", |world| {
        later_major(world, AURORA).boxed()
    }),
    ("a_newer_major_version_of_mysql_waits_for_the_window", |world| later_major(world, MYSQL).boxed()),
];

async fn version(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.create("payments", json!({"database": {"engineVersion": "16.9"}})).await?;
    let refused = |status: &payment_platform_api::PaymentPlatformStatus| {
        condition(status, "Ready").is_some_and(|c| c.reason == "InvalidSpec")
    };
    let status = object.until("refused", refused).await?;
    let message = condition(&status, "Ready").map(|c| c.message.clone()).unwrap_or_default();
    ensure!(message.contains("spec.database.engineVersion") && message.contains("16.1, 16.4"), "{message}");
    place.no_write_since(0)?;
    object.merge(json!({"spec": {"database": {"engineVersion": null, "preferredVersions": ["16.9", "15.5"]}}})).await?;
    let status = object.ready().await?;
    let resolved = status.resolved.context("nothing resolved")?.database_engine_version;
    ensure!(resolved.as_deref() == Some("15.5"), "{resolved:?}");
    let deployed = status.outputs.and_then(|outputs| outputs.aurora_engine_version);
    ensure!(deployed.as_deref() == Some("15.5"), "{deployed:?}");
    // What is preferred later moves nothing.
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"database": {"preferredVersions": ["16.4"]}}})).await?;
    object.ready().await?;
    place.no_write_since(before)
}

/// RDS installs minor versions by itself; newer ones are asked for by a policy.
async fn moved(world: Arc<World>, names: Names) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let aurora = names.engine == AURORA.engine;
    let [first, moved] = if aurora { ["15.4", "15.5"] } else { ["8.0.40", "8.0.42"] };
    let database = json!({"engine": names.engine, "preferredVersions": [first], "applyImmediately": true});
    let object = place.built("payments", json!({"database": database})).await?;
    let versions = |status: &PaymentPlatformStatus| {
        let outputs = status.outputs.clone().unwrap_or_default();
        let resolved = status.resolved.as_ref().and_then(|resolved| resolved.database_engine_version.clone());
        (resolved, if aurora { outputs.aurora_engine_version } else { outputs.database_engine_version })
    };
    let both = |resolved: &str, runs: &str| (Some(resolved.to_owned()), Some(runs.to_owned()));
    ensure!(versions(&object.status().await?) == both(first, first), "{:?}", versions(&object.status().await?));
    if aurora {
        let call = place.aws.rds.modify_db_cluster().db_cluster_identifier(CLUSTER).engine_version(moved);
        call.apply_immediately(true).send().await?;
    } else {
        let call = place.aws.rds.modify_db_instance().db_instance_identifier("mysql-payment-prd");
        call.engine_version(moved).apply_immediately(true).send().await?;
    }
    let before = place.writes()?.len();
    let status = object.until("told of what runs", |status| versions(status) == both(first, moved)).await?;
    ensure!(status.drift.is_empty(), "AWS's own minor version is no drift: {:?}", status.drift);
    object.look_now().await?;
    place.no_write_since(before)?;

    object.merge(json!({"spec": {"database": {"upgradePolicy": "MinorAuto"}}})).await?;
    let newest = |status: &PaymentPlatformStatus| {
        let (resolved, runs) = versions(status);
        resolved.is_some() && resolved == runs && resolved.as_deref() != Some(first)
    };
    let status = object.until("at the newest minor version", newest).await?;
    let (_, runs) = versions(&status);
    ensure!(runs.as_deref().is_some_and(|runs| runs.starts_with(if aurora { "15." } else { "8.0." })), "{runs:?}");
    ensure!(object.ready().await?.drift.is_empty(), "an upgrade that was asked for is no drift");
    place.wrote_nothing_but(before, &["ModifyDBCluster", "ModifyDBInstance", "RebootDBInstance"])
}

async fn old(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"database": {"engineVersion": "13.14"}})).await?;
    let warned = |status: &payment_platform_api::PaymentPlatformStatus| {
        let told = "13.14: its standard support ended on 2026-02-28";
        condition(status, "Warnings").is_some_and(|warnings| warnings.message.contains(told))
    };
    let before = place.writes()?.len();
    let status = object.look_now().await?;
    ensure!(warned(&status), "{:?}", status.conditions);
    place.no_write_since(before)?;
    object.merge(json!({"spec": {"database": {"engineVersion": "16.4", "applyImmediately": true}}})).await?;
    object.until("not warned of any more", |status| !warned(status)).await?;
    Ok(())
}

/// In Production an upgrade waits for days: the platform is Ready meanwhile, nothing is written again and again, and instances can
/// be added.
async fn later_major(world: Arc<World>, names: Names) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let aurora = names.engine == AURORA.engine;
    let [first, then] = if aurora { ["15.5", "16.4"] } else { ["8.0.42", "8.4.6"] };
    let database = json!({"engine": names.engine, "engineVersion": first});
    let object = place.built("payments", json!({"database": database})).await?;
    object.merge(json!({"spec": {"database": {"engineVersion": then}}})).await?;
    let said = "it stays until the upgrade to another major version has been made";
    let waits = |status: &PaymentPlatformStatus| {
        condition(status, "Ready").is_some_and(|ready| ready.status == "True" && ready.message.contains(said))
    };
    let status = object.until("Ready, and the old groups said", waits).await?;
    ensure!(status.drift.is_empty(), "an upgrade is no drift: {:?}", status.drift);
    let before = place.writes()?.len();
    object.look_now().await?;
    let status = object.look_now().await?;
    ensure!(waits(&status), "{:?}", status.conditions);
    place.no_write_since(before)?;
    let rds = &place.aws.rds;
    let groups = if aurora {
        object.merge(json!({"spec": {"database": {"readers": 2}}})).await?;
        object.ready().await?;
        let made = rds.describe_db_instances().db_instance_identifier(format!("{CLUSTER}-reader-2")).send().await?;
        let group =
            made.db_instances().first().and_then(|one| one.db_parameter_groups().first()?.db_parameter_group_name());
        ensure!(group == Some("default.aurora-postgresql15"), "{group:?}");
        let call = rds.modify_db_cluster().db_cluster_identifier(CLUSTER).engine_version(then);
        let call = call.db_cluster_parameter_group_name("aurora-cluster-params-prd-16");
        let call = call.db_instance_parameter_group_name("aurora-db-params-prd-16");
        call.allow_major_version_upgrade(true).apply_immediately(true).send().await?;
        ["parameter-group/params-16", "cluster-parameter-group/params-16"]
    } else {
        let call = rds.modify_db_instance().db_instance_identifier("mysql-payment-prd");
        call.copy_tags_to_snapshot(true).apply_immediately(true).send().await?;
        // Those that RDS takes by itself expire: they hold the old options.
        for snapshot in rds.describe_db_snapshots().send().await?.db_snapshots() {
            rds.delete_db_snapshot().set_db_snapshot_identifier(snapshot.db_snapshot_identifier.clone()).send().await?;
        }
        ["parameter-group/mysql-params-8-4", "option-group/mysql-options-8-4"]
    };
    // The window has come: RDS exchanges the groups, and the old ones go.
    let exchanged = |status: &PaymentPlatformStatus| {
        let of = |node: &&String| node.contains("-group/params") || node.contains("-group/mysql-");
        let nodes: Vec<&String> = status.inventory.iter().map(|entry| &entry.node).filter(of).collect();
        nodes.len() == 2 && groups.iter().all(|group| nodes.iter().any(|node| node.ends_with(group)))
    };
    object.until("rid of the old groups", exchanged).await?;
    ensure!(object.ready().await?.drift.is_empty(), "what RDS exchanges is no drift");
    place.wrote_nothing_but(
        before,
        &[
            "AddSourceIdentifierToSubscription",
            "CreateDBInstance",
            "DeleteDBClusterParameterGroup",
            "DeleteDBParameterGroup",
            "DeleteOptionGroup",
            "ModifyDBInstance",
            "RebootDBInstance",
            "RemoveSourceIdentifierFromSubscription",
        ],
    )
}

async fn major(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let more = json!({"database": {"engineVersion": "15.5", "applyImmediately": true}});
    let object = place.built("payments", more).await?;
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"database": {"engineVersion": "16.4"}}})).await?;
    let status = object.ready().await?;
    ensure!(status.drift.is_empty(), "an upgrade is no drift: {:?}", status.drift);
    ensure!(status.outputs.and_then(|outputs| outputs.aurora_engine_version).as_deref() == Some("16.4"));
    let groups = |status: &payment_platform_api::PaymentPlatformStatus| {
        let of = |entry: &&payment_platform_api::status::InventoryEntry| entry.node.contains("parameter-group/params");
        status.inventory.iter().filter(of).map(|entry| entry.node.clone()).collect::<Vec<_>>()
    };
    let status = object.until("rid of the old groups", |status| groups(status).len() == 2).await?;
    ensure!(groups(&status).iter().all(|node| node.ends_with("params-16")), "{:?}", groups(&status));
    let read = place.aws.rds.describe_db_clusters().send().await?;
    let group = read.db_clusters()[0].db_cluster_parameter_group().map(str::to_owned);
    ensure!(group.as_deref() == Some("aurora-cluster-params-prd-16"), "{group:?}");
    place.wrote_nothing_but(
        before,
        &[
            "AddSourceIdentifierToSubscription",
            "CreateDBClusterParameterGroup",
            "CreateDBParameterGroup",
            "DeleteDBClusterParameterGroup",
            "DeleteDBParameterGroup",
            "ModifyDBCluster",
            "ModifyDBClusterParameterGroup",
            "ModifyDBInstance",
            "ModifyDBParameterGroup",
            // The groups came with the upgrade, and what is static in them with the next restart.
            "RebootDBInstance",
            "RemoveSourceIdentifierFromSubscription",
        ],
    )
}
