//! Bad objects are refused with a message that names the field and the remedy, and what AWS refuses becomes a
//! condition that does the same.

use std::sync::Arc;

use anyhow::{bail, ensure};
use futures::FutureExt;
use payment_platform_tests::object::{Object, condition};
use serde_json::{Value, json};

use crate::Scenario;
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("bad_objects_are_refused_by_the_api_server", |world| bad_objects(world).boxed()),
    ("what_cannot_change_is_refused_by_the_api_server", |world| immutable(world).boxed()),
    ("an_exceeded_quota_is_named_before_the_first_write", |world| quota(world).boxed()),
    ("a_creation_that_fails_halfway_again_and_again_makes_no_twin", |world| halfway(world).boxed()),
    ("denied_one_service_the_rest_goes_on_and_the_condition_names_the_action", |world| denied(world).boxed()),
];

/// A spec that is refused, and words of the message.
fn bad_specs() -> Vec<(Value, &'static str)> {
    let zones = json!(["us-east-1a", "us-east-1b"]);
    let subnets = |public: [&str; 2], private: [&str; 2], database: [&str; 2]| json!({"public": public, "private": private, "database": database});
    vec![
        (json!({"environment": "Prod"}), "spec.environment"),
        (json!({"environment": "a2345678901234567x"}), "spec.environment"),
        (json!({"environment": "prd-dr"}), "must not end in -dr"),
        (json!({"environment": "a--b"}), "spec.environment"),
        (json!({"profile": "Staging"}), "spec.profile"),
        (json!({"network": {"vpcCidr": "10.0.0.0/8"}}), "from /16 to /28"),
        (json!({"network": {"vpcCidr": "10.0.0.1/16"}}), "written by its first address"),
        (json!({"network": {"vpcCidr": "fd00::/16"}}), "IPv4"),
        (json!({"network": {"vpcCidr": "everything"}}), "IPv4"),
        (json!({"network": {"vpcCidr": "10.0.0.0/24"}}), "name them in network.subnets"),
        (json!({"network": {"availabilityZones": ["us-east-1a"]}}), "spec.network.availabilityZones"),
        (json!({"network": {"availabilityZones": ["us-east-1a", "us-east-1a"]}}), "twice"),
        (json!({"network": {"availabilityZones": ["eu-west-1a", "eu-west-1b"]}}), "must lie in aws.region"),
        (json!({"network": {"natGateways": "Single"}}), "needs profile: Ephemeral"),
        (
            json!({"network": {"subnets": subnets(["10.0.1.0/24", "10.0.2.0/24"], ["10.0.3.0/24", "10.0.4.0/24"], ["10.0.5.0/24", "10.0.6.0/24"])}}),
            "needs network.availabilityZones",
        ),
        (
            json!({"network": {"availabilityZones": zones, "subnets": subnets(["10.1.1.0/24", "10.0.2.0/24"], ["10.0.3.0/24", "10.0.4.0/24"], ["10.0.5.0/24", "10.0.6.0/24"])}}),
            "inside network.vpcCidr",
        ),
        (
            json!({"network": {"availabilityZones": zones, "subnets": subnets(["10.0.1.0/24", "10.0.2.0/24"], ["10.0.0.0/20", "10.0.44.0/24"], ["10.0.55.0/24", "10.0.66.0/24"])}}),
            "must not overlap",
        ),
        (json!({"encryption": {"rotationPeriodDays": 30}}), "spec.encryption.rotationPeriodDays"),
        (json!({"encryption": {"deletionWindowDays": 3}}), "spec.encryption.deletionWindowDays"),
        (json!({"logs": {"retentionDays": 91}}), "must be one of"),
        (json!({"logs": {"retentionDays": 30}}), "at least 90 in Production"),
        (json!({"ingress": {"allowedCidrs": ["10.0.0.5/8"]}}), "ingress.allowedCidrs"),
        (json!({"compute": {"containerPort": 0}}), "spec.compute.containerPort"),
        (json!({"tags": {"aws:x": "y"}}), "aws:"),
        (json!({"tags": {"Environment": "x"}}), "set by the controller"),
        (json!({"tags": {"k": "it's"}}), "spec.tags"),
        (json!({"aws": {"assumeRoleArn": "role/x"}}), "spec.aws.assumeRoleArn"),
        (json!({"aws": {"region": "moon-1"}}), "spec.aws.region"),
    ]
}

async fn bad_objects(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    for (spec, words) in bad_specs() {
        match Object::create(place.client.clone(), &place.namespace, "bad", spec.clone()).await {
            Ok(_) => bail!("{spec} was accepted"),
            Err(error) => ensure!(error.to_string().contains(words), "{spec}: {error} does not say {words:?}"),
        }
    }
    Ok(())
}

async fn immutable(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let client = place.client.clone();
    let object =
        Object::create(client, &place.namespace, "fixed", place.spec(json!({"network": {"vpcCidr": "10.7.0.0/16"}})))
            .await?;
    let changes = [
        (json!({"environment": "tst"}), "environment cannot be changed"),
        (json!({"aws": {"region": "eu-west-1"}}), "aws.region cannot be changed"),
        (json!({"network": {"vpcCidr": "10.8.0.0/16"}}), "network.vpcCidr cannot be changed"),
        // Leaving the section out is a change to the default.
        (json!({"network": null}), "network.vpcCidr cannot be changed"),
    ];
    for (change, words) in changes {
        match object.merge(json!({ "spec": change })).await {
            Ok(_) => bail!("{change} was accepted"),
            Err(error) => ensure!(error.to_string().contains(words), "{change}: {error} does not say {words:?}"),
        }
    }
    Ok(())
}

async fn quota(world: Arc<World>) -> anyhow::Result<()> {
    if !world.emulator.is_ours() {
        return Ok(());
    }
    let place = world.place("us-east-1").await?;
    world.emulator.quota(&place.account, "vpc", "L-F678F1CE", 1).await?;
    let object = place.create("payments", json!({})).await?;
    let status = object
        .until("stalled", |status| condition(status, "Stalled").is_some_and(|c| c.reason == "QuotaExceeded"))
        .await?;
    let message = condition(&status, "Ready").map(|c| c.message.clone()).unwrap_or_default();
    ensure!(message.contains("VPCs per region") && message.contains("L-F678F1CE"), "{message}");
    ensure!(place.writes()?.is_empty(), "something was written: {:?}", place.writes()?);
    world.emulator.quota(&place.account, "vpc", "L-F678F1CE", 5).await?;
    object.ready().await?;
    Ok(())
}

async fn halfway(world: Arc<World>) -> anyhow::Result<()> {
    if !world.emulator.is_ours() {
        return Ok(());
    }
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    for (service, operation) in
        [("ec2", "ModifyVpcAttribute"), ("ec2", "AttachInternetGateway"), ("kms", "EnableKeyRotation")]
    {
        let fault = json!({"service": service, "operation": operation, "account": place.account, "times": 8,
            "mode": "refuse", "status": 400, "code": "UnauthorizedOperation", "message": "not yet allowed"});
        world.emulator.fault(fault).await?;
    }
    let object = place.create("payments", json!({"profile": "Ephemeral"})).await?;
    object.ready().await?;
    let made = place.aws.everything().await?.len() - before.len();
    // One VPC with its group, table and ACL, a gateway, 6 subnets, 2 addresses, 2 NAT gateways, 4 tables, 4 groups, 3
    // keys with aliases, 4 log groups, 2 buckets, a role, 2 flow logs, 7 endpoints.
    ensure!(made == 1 + 3 + 1 + 6 + 2 + 2 + 4 + 4 + 6 + 4 + 2 + 1 + 2 + 7, "{made} things were made");
    Ok(())
}

async fn denied(world: Arc<World>) -> anyhow::Result<()> {
    if !world.emulator.is_ours() {
        return Ok(());
    }
    let place = world.place("us-east-1").await?;
    world
        .emulator
        .fault(json!({"service": "logs", "operation": "CreateLogGroup", "account": place.account, "times": -1,
            "mode": "refuse", "status": 400, "code": "AccessDeniedException", "message": "not authorized"}))
        .await?;
    let object = place.create("payments", json!({"environment": "denied"})).await?;
    let status = object
        .until("stalled by the denial", |status| {
            condition(status, "LogsReady").is_some_and(|c| c.reason == "AccessDenied")
                && condition(status, "NetworkReady").is_some_and(|c| c.status == "True")
        })
        .await?;
    ensure!(condition(&status, "Stalled").is_some_and(|c| c.status == "True"), "{:#?}", status.conditions);
    let message = condition(&status, "Ready").map(|c| c.message.clone()).unwrap_or_default();
    ensure!(message.contains("logs:CreateLogGroup") && message.contains("logs/log-group//"), "{message}");
    Ok(())
}
