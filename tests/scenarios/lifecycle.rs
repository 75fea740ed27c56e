//! Made, kept, changed, deleted.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use payment_platform_tests::object::condition;
use serde_json::json;

use crate::Scenario;
use crate::kinds;
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("an_empty_spec_builds_a_production_network", |world| empty_spec(world).boxed()),
    ("a_second_pass_makes_no_write", |world| second_pass(world).boxed()),
    ("deletion_leaves_the_account_as_it_was", |world| deletion(world).boxed()),
];

async fn empty_spec(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    for kind in [
        "NetworkReady",
        "EncryptionReady",
        "SecurityGroupsReady",
        "LogsReady",
        "FlowLogsReady",
        "AccessLogsReady",
        "VpcEndpointsReady",
        "DriftCorrected",
    ] {
        anyhow::ensure!(
            condition(&status, kind).is_some_and(|c| c.status == "True"),
            "{kind}: {:#?}",
            status.conditions
        );
    }
    for kind in ["Stalled", "Conflict", "Reconciling"] {
        anyhow::ensure!(
            condition(&status, kind).is_some_and(|c| c.status == "False"),
            "{kind}: {:#?}",
            status.conditions
        );
    }
    let outputs = status.outputs.clone().unwrap_or_default();
    anyhow::ensure!(outputs.vpc_id.is_some() && outputs.kms_key_cloudwatch_arn.is_some(), "{outputs:?}");
    anyhow::ensure!(outputs.public_subnet_ids.len() == 2 && outputs.nat_gateway_ids.len() == 2, "{outputs:?}");
    anyhow::ensure!(outputs.account_id.as_deref() == Some(&place.account), "{outputs:?}");
    anyhow::ensure!(status.drift.is_empty(), "creation is no drift: {:?}", status.drift);
    anyhow::ensure!(
        status.progress.as_deref() == Some(&format!("nodes: {0}/{0}", status.inventory.len())),
        "{:?}",
        status.progress
    );
    kinds::all_known(&status)?;
    place.wrote_only(0, &kinds::creation())?;
    // Each is made once: what is told from its tags or its name is not made a second time.
    let writes = place.writes()?;
    let made = |operation: &str| writes.iter().filter(|call| call.operation == operation && call.status < 300).count();
    for (operation, count) in kinds::made() {
        ensure_count(world.emulator.is_ours(), operation, made(operation), count)?;
    }
    kinds::tagged_when_made(&writes)?;
    let tokens = kinds::tokens_tell_apart(&writes)?;
    anyhow::ensure!(tokens >= 15 || !world.emulator.is_ours(), "only {tokens} requests have a token");
    Ok(())
}

fn ensure_count(logged: bool, operation: &str, made: usize, count: usize) -> anyhow::Result<()> {
    anyhow::ensure!(!logged || made == count, "{made} times {operation} instead of {count}");
    Ok(())
}

async fn second_pass(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    object.look_now().await?;
    let before = place.writes()?.len();
    anyhow::ensure!(before > 60 || !world.emulator.is_ours(), "the log lacks calls: {before}");
    for _ in 0..2 {
        object.look_now().await?;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    place.no_write_since(before)
}

async fn deletion(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let object = place.built("payments", json!({"profile": "Ephemeral"})).await?;
    let built = place.aws.everything().await?;
    anyhow::ensure!(built.len() > before.len() + 40, "{built:?}");
    // What somebody has protected goes too: the deletion of the platform was confirmed.
    let call = place.aws.logs.put_log_group_deletion_protection().log_group_identifier("/ecs/payment-prd");
    call.deletion_protection_enabled(true).send().await?;
    let writes = place.writes()?.len();
    object.delete().await?;
    place.wrote_only(writes, &[&kinds::deletion()[..], &["PutLogGroupDeletionProtection"]].concat())?;
    let after = place.aws.everything().await?;
    anyhow::ensure!(
        after == before,
        "left: {:?}",
        after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>()
    );
    Ok(())
}
