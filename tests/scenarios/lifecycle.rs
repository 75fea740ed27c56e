//! Made, kept, changed, deleted.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::FutureExt;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::object::condition;
use serde_json::json;

use crate::Scenario;
use crate::drift::id;
use crate::kinds;
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("an_empty_spec_builds_a_production_network", |world| empty_spec(world).boxed()),
    ("a_second_pass_makes_no_write", |world| second_pass(world).boxed()),
    ("deletion_leaves_the_account_as_it_was", |world| deletion(world).boxed()),
    ("a_deletion_names_what_somebody_else_has_in_its_way_and_goes_on_without_it", |world| obstructed(world).boxed()),
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

async fn obstructed(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let object = place.built("payments", json!({"profile": "Ephemeral"})).await?;
    let built = place.writes()?.len();
    let subnet = id(&object.status().await?, "subnet/private-us-east-1a")?;
    let made = place.aws.ec2.create_network_interface().subnet_id(&subnet).description("somebody's").send().await?;
    let interface = made.network_interface.and_then(|one| one.network_interface_id).context("no interface")?;
    object.api.delete("payments", &kube::api::DeleteParams::default()).await?;
    let is_stuck = |status: &PaymentPlatformStatus| {
        // What does not need the subnet goes on.
        let goes = |node: &str| ["/ecs/service/", "/elbv2/", "/rds/instance/"].iter().any(|kind| node.contains(kind));
        let gone = !status.inventory.iter().any(|entry| goes(&entry.node));
        gone && condition(status, "Ready").is_some_and(|ready| ready.message.contains("subnet/private-us-east-1a"))
    };
    let status = object.until("stuck at the subnet", is_stuck).await?;
    let ready = condition(&status, "Ready").context("no condition")?;
    anyhow::ensure!(ready.status == "False" && ready.reason == "Deleting", "{ready:?}");
    anyhow::ensure!(ready.message.contains("waiting until nothing uses it"), "{}", ready.message);
    anyhow::ensure!(ready.message.contains("DependencyViolation"), "AWS's own words are missing: {}", ready.message);
    anyhow::ensure!(place.aws.everything().await?.iter().any(|one| one.contains(&subnet)), "the subnet is not there");
    place.aws.ec2.delete_network_interface().network_interface_id(interface).send().await?;
    object.gone().await?;
    let left: Vec<String> = place.aws.everything().await?.into_iter().filter(|one| !before.contains(one)).collect();
    anyhow::ensure!(left.is_empty(), "left: {left:?}");
    place.wrote_nothing_but(built, &kinds::deletion())
}
