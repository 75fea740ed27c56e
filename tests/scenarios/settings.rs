//! What users set: edits, zones, regions, pausing, observing, deletion, plans.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::FutureExt;
use jiff::Timestamp;
use payment_platform_tests::aws::Account;
use payment_platform_tests::controller;
use payment_platform_tests::object::condition;
use serde_json::{Value, json};

use crate::Scenario;
use crate::drift::id;
use crate::kinds::{self, without};
use crate::world::{Place, World};

pub const ALL: &[(&str, Scenario)] = &[
    ("an_edit_of_the_spec_is_carried_out_and_is_no_drift", |world| edits(world).boxed()),
    ("three_zones_become_two_and_the_first_one_goes", |world| zones(world).boxed()),
    ("a_platform_in_another_region", |world| other_region(world).boxed()),
    ("paused_nothing_is_written_and_resuming_acts_at_once", |world| paused(world).boxed()),
    ("observed_drift_is_reported_and_not_corrected", |world| observed(world).boxed()),
    ("production_is_deleted_after_confirmation_and_keeps_its_data", |world| keep_data(world).boxed()),
    ("a_key_about_to_go_is_brought_back_when_its_data_is_kept", |world| pending_key(world).boxed()),
    ("all_zones_are_exchanged", |world| exchanged_zones(world).boxed()),
    ("a_plan_says_what_would_change_and_exits_accordingly", |world| plans(world).boxed()),
    ("a_single_nat_gateway_serves_an_ephemeral_platform", |world| single_nat(world).boxed()),
    ("tasks_that_need_no_internet_reach_endpoints_only", |world| endpoints_only(world).boxed()),
];

async fn edits(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let before = place.writes()?.len();
    let edit = json!({"logs": {"retentionDays": 731}, "encryption": {"rotationPeriodDays": 180}, "owner": "cards",
        "ingress": {"allowedCidrs": ["203.0.113.0/24"]}, "compute": {"containerPort": 8080, "image": "example.com/payments:2"}});
    object.merge(json!({ "spec": edit })).await?;
    let status = object.ready().await?;
    ensure!(status.drift.is_empty(), "an edit is no drift: {:?}", status.drift);
    let writes = place.writes()?;
    let group = place.aws.logs.describe_log_groups().log_group_name_prefix("/ecs/payment-prd").send().await?;
    ensure!(group.log_groups()[0].retention_in_days() == Some(731), "{group:?}");
    let key = id(&status, "kms/key/app")?;
    let rotation = place.aws.kms.get_key_rotation_status().key_id(key).send().await?;
    ensure!(rotation.rotation_period_in_days() == Some(180), "{rotation:?}");
    ensure!(!place.aws.is_open(&id(&status, "security-group/alb")?, 443).await?, "still open to the world");
    let settings = [
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
        "EnableKeyRotation",
        "PutRetentionPolicy",
        "RegisterTaskDefinition",
        "RevokeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
        "UpdateService",
    ];
    // The revision before goes as soon as nothing runs it, which may be a little later.
    place.wrote_nothing_but(before, &[&settings[..], &kinds::TAGGING, &["DeregisterTaskDefinition"]].concat())?;
    for operation in settings {
        ensure!(place.count(before, operation)? > 0 || !world.emulator.is_ours(), "no {operation}");
    }
    // The new rule came before the old one went.
    let order: Vec<&str> = writes[before..].iter().map(|call| call.operation.as_str()).collect();
    let tasks = id(&status, "security-group/ecs-tasks")?;
    let of_tasks =
        |call: &&payment_platform_tests::emulator::Call| call.params["GroupId"].as_str() == Some(tasks.as_str());
    let tasks_calls: Vec<&str> = writes[before..].iter().filter(of_tasks).map(|call| call.operation.as_str()).collect();
    ensure!(
        !world.emulator.is_ours() || tasks_calls == ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"],
        "{tasks_calls:?} in {order:?}"
    );
    Ok(())
}

/// The database's instance of the zone moves to another one, and so do tasks and load balancer.
const ONE_ZONE_LESS: [&str; 11] = [
    "CreateDBInstance",
    "DeleteDBInstance",
    "DeleteNatGateway",
    "DeleteRouteTable",
    "DeleteSubnet",
    "DisassociateRouteTable",
    "ModifyDBSubnetGroup",
    "ModifyVpcEndpoint",
    "ReleaseAddress",
    "SetSubnets",
    "UpdateService",
];

const ONE_ZONE_MORE: [&str; 10] = [
    "AllocateAddress",
    "AssociateRouteTable",
    "CreateNatGateway",
    "CreateRoute",
    "CreateRouteTable",
    "CreateSubnet",
    "ModifyDBSubnetGroup",
    "ModifyVpcEndpoint",
    "SetSubnets",
    "UpdateService",
];

async fn zones(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let three = json!({"availabilityZones": ["us-east-1a", "us-east-1b", "us-east-1c"]});
    let object = place.built("payments", json!({"profile": "Ephemeral", "network": three})).await?;
    let before = object.status().await?;
    let vpc = id(&before, "ec2/vpc/main")?;
    ensure!(before.outputs.as_ref().is_some_and(|outputs| outputs.private_subnet_ids.len() == 3), "{before:?}");
    let writes = place.writes()?.len();
    object.merge(json!({"spec": {"network": {"availabilityZones": ["us-east-1b", "us-east-1c"]}}})).await?;
    let status = object.ready().await?;
    for node in ["subnet/public-us-east-1b", "nat-gateway/us-east-1c", "route-table/private-us-east-1b", "ec2/vpc/main"]
    {
        ensure!(id(&before, node)? == id(&status, node)?, "{node} was replaced");
    }
    place.wrote_nothing_but(writes, &ONE_ZONE_LESS)?;
    ensure!(status.drift.is_empty(), "a changed spec is no drift: {:?}", status.drift);
    // What AWS takes time to delete leaves the inventory when a read by its id does not show it any more.
    let without_a = |status: &payment_platform_api::PaymentPlatformStatus| {
        status.inventory.iter().all(|entry| !entry.node.contains("us-east-1a"))
    };
    object.until("rid of zone a", without_a).await?;
    let instances = place.aws.rds.describe_db_instances().send().await?;
    let mut spread: Vec<&str> = instances.db_instances().iter().filter_map(|one| one.availability_zone()).collect();
    spread.sort_unstable();
    ensure!(spread == ["us-east-1b", "us-east-1c"], "the instances are not spread: {spread:?}");
    let filter = aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(vpc).build();
    let subnets = place.aws.ec2.describe_subnets().filters(filter).send().await?;
    let mut cidrs: Vec<&str> = subnets.subnets().iter().filter_map(|subnet| subnet.cidr_block()).collect();
    cidrs.sort_unstable();
    let kept = ["10.0.12.0/24", "10.0.13.0/24", "10.0.2.0/24", "10.0.22.0/24", "10.0.23.0/24", "10.0.3.0/24"];
    ensure!(cidrs == kept, "{cidrs:?}");
    place.wrote_only(writes, &ONE_ZONE_LESS)?;
    let grown = place.writes()?.len();
    // A new zone takes the lowest free place.
    object
        .merge(json!({"spec": {"network": {"availabilityZones": ["us-east-1b", "us-east-1c", "us-east-1d"]}}}))
        .await?;
    let status = object.ready().await?;
    let subnet = id(&status, "subnet/public-us-east-1d")?;
    let read = place.aws.ec2.describe_subnets().subnet_ids(subnet).send().await?;
    ensure!(read.subnets()[0].cidr_block() == Some("10.0.1.0/24"), "{read:?}");
    place.wrote_only(grown, &ONE_ZONE_MORE)
}

async fn other_region(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("eu-west-1").await?;
    let home = Account::open(&world.emulator.endpoint, Some(&place.account), "us-east-1").await?;
    // What belongs to no region, and what CloudFront has in this one, wherever the platform is.
    const ELSEWHERE: [&str; 7] =
        ["bucket ", "dashboard ", "delivery", "distribution ", "origin access ", "response headers ", "role "];
    let regional = |all: Vec<String>| {
        let here = |one: &String| !ELSEWHERE.iter().any(|kind| one.starts_with(kind));
        all.into_iter().filter(here).collect::<Vec<_>>()
    };
    let before = regional(home.everything().await?);
    let object = place.built("payments", json!({"profile": "Ephemeral"})).await?;
    let status = object.status().await?;
    ensure!(status.resolved.as_ref().is_some_and(|resolved| resolved.zones[0].name == "eu-west-1a"), "{status:?}");
    let homes = ["eu-west-1/", "global/", "us-east-1/logs/delivery"];
    let here = |node: &str| homes.iter().any(|home| node.starts_with(home));
    ensure!(status.inventory.iter().all(|entry| here(&entry.node)), "{:?}", status.inventory);
    ensure!(regional(home.everything().await?) == before, "something was made in us-east-1");
    let flow_logs = status.outputs.clone().unwrap_or_default().s3_bucket_flow_logs_name.context("no bucket")?;
    let place_of = place.aws.s3.get_bucket_location().bucket(flow_logs).send().await?;
    ensure!(place_of.location_constraint().is_some_and(|place| place.as_str() == "eu-west-1"), "{place_of:?}");

    place.wrote_only(0, &kinds::creation())?;
    object.look_now().await?;
    let built = place.writes()?.len();
    // The environment exists once per account: the same one in another region is not even begun.
    let spec = json!({"aws": {"assumeRoleArn": Account::role_arn(&place.account), "region": "us-east-1"}});
    let second = place.create("second", spec).await?;
    let status =
        second.until("in conflict", |status| condition(status, "Conflict").is_some_and(|c| c.status == "True")).await?;
    let conflict = condition(&status, "Conflict").context("no condition")?;
    ensure!(conflict.message.contains("flow-logs-payment-prd"), "{conflict:?}");
    ensure!(condition(&status, "Stalled").is_some_and(|c| c.reason == "NameTaken"), "{:#?}", status.conditions);
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(regional(home.everything().await?) == before, "half a platform was made in us-east-1");
    place.no_write_since(built)?;
    second.api.delete("second", &kube::api::DeleteParams::default()).await?;
    second.annotate(payment_platform_api::CONFIRM_DELETION, Some("prd")).await?;
    second.gone().await?;
    place.no_write_since(built)?;
    object.delete().await?;
    place.wrote_only(built, &kinds::deletion())
}

async fn paused(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    object.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    object.until("paused", |status| condition(status, "Ready").is_some_and(|c| c.reason == "Paused")).await?;
    let before = place.writes()?.len();
    let group = id(&object.status().await?, "security-group/aurora")?;
    place.aws.open_port(&group, 22).await?;
    let status =
        object.until("reporting", |status| condition(status, "Ready").is_some_and(|c| c.status == "False")).await?;
    ensure!(status.drift.iter().any(|drift| drift.corrected_time.is_none()), "{:?}", status.drift);
    tokio::time::sleep(Duration::from_secs(2)).await;
    place.no_write_since(before)?;
    object.annotate(payment_platform_api::PAUSED, None).await?;
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 22").await?;
    object.ready().await?;
    place.wrote_only(before, &["RevokeSecurityGroupIngress"])
}

async fn observed(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"driftPolicy": "Observe"})).await?;
    let key = id(&object.status().await?, "kms/key/app")?;
    let before = place.writes()?.len();
    place.aws.kms.disable_key_rotation().key_id(&key).send().await?;
    let status = object
        .until("reporting", |status| {
            condition(status, "DriftCorrected").is_some_and(|c| c.status == "False") && status.drift_count == Some(1)
        })
        .await?;
    ensure!(condition(&status, "Ready").is_some_and(|c| c.reason == "Observing"), "{:#?}", status.conditions);
    let drift = &status.drift[0];
    ensure!(drift.before.as_deref() == Some("false") && drift.after.as_deref() == Some("true"), "{drift:?}");
    object.look_now().await?;
    place.no_write_since(before)?;
    // An edit is carried out all the same.
    object.merge(json!({"spec": {"logs": {"retentionDays": 400}}})).await?;
    let retention = || async {
        let group = place.aws.logs.describe_log_groups().log_group_name_prefix("/ecs/payment-prd").send().await?;
        anyhow::Ok(group.log_groups()[0].retention_in_days())
    };
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while retention().await? != Some(400) {
        ensure!(std::time::Instant::now() < deadline, "the edit is not carried out");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    object.merge(json!({"spec": {"driftPolicy": "Correct"}})).await?;
    object.corrected("kms/key/app", "rotation.enabled").await?;
    place.wrote_only(before, &["EnableKeyRotation", "PutRetentionPolicy"])
}

const DELETES_DATA: [&str; 5] =
    ["DeleteLogGroup", "DeleteBucket", "DeleteBucketPolicy", "DeleteObjects", "ScheduleKeyDeletion"];

async fn keep_data(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let more = json!({"database": {"secretRecoveryWindowDays": 14}, "compute": {"platformVersion": "1.4.0"}});
    let object = place.built("payments", more).await?;
    let built = object.status().await?;
    let (key, secret) = (id(&built, "kms/key/logs")?, id(&built, "secretsmanager/secret/aurora-password")?);
    let service = place.aws.ecs.describe_services().cluster("ecs-payment-cluster-prd");
    let service = service.services("ecs-payment-service-prd").send().await?;
    let platform = service.services().first().and_then(|service| service.platform_version());
    ensure!(platform == Some("1.4.0"), "{platform:?}");
    let writes = place.writes()?.len();
    object.api.delete("payments", &kube::api::DeleteParams::default()).await?;
    let status = object
        .until("waiting for confirmation", |status| {
            condition(status, "Ready").is_some_and(|c| c.reason == "AwaitingConfirmation")
        })
        .await?;
    let message = &condition(&status, "Ready").context("no condition")?.message;
    ensure!(message.contains("paymentplatform.io/confirm-deletion=prd"), "{message}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    place.no_write_since(writes)?;
    // It is kept in order meanwhile.
    let group = id(&status, "security-group/aurora")?;
    place.aws.open_port(&group, 22).await?;
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while place.aws.is_open(&group, 22).await? {
        ensure!(std::time::Instant::now() < deadline, "a terminating platform is not kept in order");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    object.annotate(payment_platform_api::CONFIRM_DELETION, Some("prd")).await?;
    object.gone().await?;
    // Database and load balancer lose their protection, for those who have confirmed that it goes.
    let kept = vec!["ModifyDBCluster", "ModifyLoadBalancerAttributes", "PutBucketTagging", "TagResource"];
    place.wrote_only(writes, &[without(&kinds::deletion(), &DELETES_DATA), kept].concat())?;
    let left: Vec<String> = place.aws.everything().await?.into_iter().filter(|one| !before.contains(one)).collect();
    let groups = left.iter().filter(|one| one.starts_with("log group ")).count();
    let keys: Vec<&String> = left.iter().filter(|one| one.starts_with("key ")).collect();
    let buckets = left.iter().filter(|one| one.starts_with("bucket ")).count();
    // All keys: what a bucket was encrypted with before is not what it says now.
    ensure!(groups == 6 && buckets == 3 && keys.len() == 3 && left.len() == 13, "{left:?}");
    ensure!(left.iter().any(|one| one.starts_with("snapshot aurora-payment-prd-final-")), "no snapshot: {left:?}");
    ensure!(keys.iter().any(|one| key.ends_with(one.trim_start_matches("key "))), "the logs key was lost: {keys:?}");
    let described = place.aws.secrets.describe_secret().secret_id(&secret).send().await?;
    let goes = described.deleted_date.context("the secret was not deleted")?.secs() - Timestamp::now().as_second();
    ensure!((13 * 86_400..=14 * 86_400).contains(&goes), "the secret goes in {goes} s");
    let bucket = format!("s3-payment-flow-logs-prd-{}", place.account);
    let policy = place.aws.s3.get_bucket_policy().bucket(&bucket).send().await?;
    ensure!(policy.policy().is_some_and(|text| text.contains("DenyInsecureTransport")), "the policy was not kept");
    // Made again to be torn down, it asks before it keeps less, or takes over what it would delete with itself.
    let short = place.create("payments", json!({"profile": "Ephemeral"})).await?;
    let status = short
        .until("waiting for approval", |status| {
            condition(status, "Stalled").is_some_and(|c| c.reason == "NeedsApproval")
        })
        .await?;
    let asked = status.approval.context("no approval")?.changes.join("; ");
    ensure!(asked.contains("/ecs/payment-prd") && asked.contains("s3/bucket/flow-logs"), "{asked}");
    short.delete().await?;
    let kept: Vec<String> = place.aws.everything().await?.into_iter().filter(|one| !before.contains(one)).collect();
    ensure!(left.iter().all(|one| kept.contains(one)), "what was kept is lost: {kept:?}");
    let group = place.aws.logs.describe_log_groups().log_group_name_prefix("/ecs/payment-prd").send().await?;
    ensure!(group.log_groups()[0].retention_in_days() == Some(365), "less was kept without asking");
    // Made again under the same name, it takes over what was kept.
    let again = place.create("payments", json!({})).await?;
    let status = again.ready().await?;
    ensure!(id(&status, "kms/key/logs")? == key, "the kept key was not taken over");
    let tags = place.aws.kms.list_resource_tags().key_id(&key).send().await?;
    ensure!(tags.tags().iter().all(|tag| tag.tag_key() != "paymentplatform.io/kept"), "still tagged as kept");
    Ok(())
}

async fn pending_key(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let key = id(&object.status().await?, "kms/key/logs")?;
    // Paused, so that nobody brings it back before.
    object.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    object.until("paused", |status| condition(status, "Ready").is_some_and(|c| c.reason == "Paused")).await?;
    let before = place.writes()?.len();
    place.aws.kms.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await?;
    object.delete().await?;
    let kept = place.aws.kms.describe_key().key_id(&key).send().await?.key_metadata.context("no key")?;
    ensure!(kept.enabled() && kept.deletion_date().is_none(), "what is kept would be shredded: {kept:?}");
    let tags = place.aws.kms.list_resource_tags().key_id(&key).send().await?;
    ensure!(tags.tags().iter().any(|tag| tag.tag_key() == "paymentplatform.io/kept"), "not tagged as kept");
    let unprotected = vec!["ModifyDBCluster", "ModifyLoadBalancerAttributes"];
    let brought_back = vec!["CancelKeyDeletion", "EnableKey", "PutBucketTagging", "TagResource"];
    place.wrote_only(before, &[without(&kinds::deletion(), &DELETES_DATA), unprotected, brought_back].concat())
}

async fn exchanged_zones(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let zones = |names: [&str; 2]| json!({"availabilityZones": names.map(|name| format!("us-east-1{name}"))});
    let object = place.built("payments", json!({"profile": "Ephemeral", "network": zones(["a", "b"])})).await?;
    let vpc = id(&object.status().await?, "ec2/vpc/main")?;
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"network": zones(["c", "d"])}})).await?;
    let status = object.ready().await?;
    ensure!(id(&status, "ec2/vpc/main")? == vpc && status.drift.is_empty(), "{:?}", status.drift);
    let filter = aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(vpc).build();
    let subnets = place.aws.ec2.describe_subnets().filters(filter).send().await?;
    let mut placed: Vec<&str> = subnets.subnets().iter().filter_map(|subnet| subnet.availability_zone()).collect();
    placed.sort_unstable();
    placed.dedup();
    ensure!(placed == ["us-east-1c", "us-east-1d"] && subnets.subnets().len() == 6, "{placed:?}");
    place.wrote_only(before, &[&ONE_ZONE_MORE[..], &ONE_ZONE_LESS].concat())
}

/// Runs `plan` on a manifest with this place's account; its exit code, what it shows, and its errors.
pub fn plan(place: &Place<'_>, name: &str, more: Value, flags: &[&str]) -> anyhow::Result<(i32, String, String)> {
    let manifest = json!({"apiVersion": "paymentplatform.io/v1alpha1", "kind": "PaymentPlatform",
        "metadata": {"name": name, "namespace": place.namespace}, "spec": place.spec(more)});
    plan_of(place, &manifest, flags)
}

/// The same for a whole object, with what its status knows.
pub fn plan_of(place: &Place<'_>, manifest: &Value, flags: &[&str]) -> anyhow::Result<(i32, String, String)> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), manifest.to_string())?;
    let output = controller::command(&place.world.emulator)?
        .args(["plan", "-f"])
        .arg(file.path())
        .args(flags)
        .stdin(Stdio::null())
        .output()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr)))
}

async fn plans(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let (code, text, errors) = plan(&place, "payments", json!({}), &[])?;
    ensure!(code == 2, "{code}\n{text}\n{errors}");
    ensure!(text.contains("+ create us-east-1/ec2/vpc/main") && text.contains("to create"), "{text}");
    ensure!(place.writes()?.is_empty(), "a plan wrote");
    let object = place.built("payments", json!({})).await?;
    object.look_now().await?;
    let before = place.writes()?.len();
    let (code, text, errors) = plan(&place, "payments", json!({}), &[])?;
    ensure!(code == 0, "{code}\n{text}\n{errors}");
    let key = id(&object.status().await?, "kms/key/app")?;
    object.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    object.until("paused", |status| condition(status, "Ready").is_some_and(|c| c.reason == "Paused")).await?;
    place.aws.kms.disable_key_rotation().key_id(&key).send().await?;
    let (code, text, errors) = plan(&place, "payments", json!({"logs": {"retentionDays": 400}}), &["-o", "json"])?;
    ensure!(code == 2, "{code}\n{text}\n{errors}");
    let plan_json: Value = serde_json::from_str(&text)?;
    let steps = plan_json["steps"].as_array().context("no steps")?;
    ensure!(steps.len() == 7, "six log groups and a key, but: {text}");
    ensure!(text.contains("rotation.enabled") && text.contains("retention_days"), "{text}");
    let (code, _, errors) = plan(&place, "payments", json!({"network": {"vpcCidr": "10.0.0.0/30"}}), &[])?;
    ensure!(code == 1 && errors.contains("spec.network.vpcCidr"), "{code} {errors}");
    if world.emulator.is_ours() {
        world.emulator.quota(&place.account, "ec2", "L-0263D0A3", 1).await?;
        let second = json!({"environment": "two"});
        let (code, _, errors) = plan(&place, "second", second, &[])?;
        ensure!(
            code == 1 && errors.contains("Elastic IPs per region") && errors.contains("L-0263D0A3"),
            "{code} {errors}"
        );
    }
    place.no_write_since(before)
}

async fn single_nat(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"profile": "Ephemeral", "network": {"natGateways": "Single"}})).await?;
    let single = object.status().await?.outputs.context("no outputs")?.nat_gateway_ids;
    ensure!(single.len() == 1, "{single:?}");
    place.wrote_only(0, &kinds::creation())?;
    let ours = world.emulator.is_ours();
    for operation in ["CreateNatGateway", "AllocateAddress"] {
        ensure!(!ours || place.count(0, operation)? == 1, "{operation}: {:?}", place.writes()?);
    }
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"network": {"natGateways": "PerZone"}}})).await?;
    let status = object.ready().await?;
    let both = status.outputs.context("no outputs")?.nat_gateway_ids;
    ensure!(both.len() == 2 && both[0] == single[0], "{both:?}");
    object.merge(json!({"spec": {"network": {"natGateways": "Single"}}})).await?;
    let status = object.ready().await?;
    ensure!(status.outputs.context("no outputs")?.nat_gateway_ids == single, "the wrong one went");
    // The same process makes again what it has deleted.
    object.merge(json!({"spec": {"network": {"natGateways": "PerZone"}}})).await?;
    let status = object.ready().await?;
    ensure!(status.outputs.as_ref().is_some_and(|outputs| outputs.nat_gateway_ids.len() == 2), "{status:?}");
    ensure!(status.drift.is_empty(), "{:?}", status.drift);
    // The second gateway comes and goes with its address and the route to it; nothing else moves.
    place.wrote_only(
        before,
        &["AllocateAddress", "CreateNatGateway", "DeleteNatGateway", "ReleaseAddress", "ReplaceRoute"],
    )?;
    for (operation, count) in [("CreateNatGateway", 2), ("AllocateAddress", 2), ("DeleteNatGateway", 1)] {
        let made = place.count(before, operation)?;
        ensure!(!ours || made == count, "{made} times {operation} instead of {count}");
    }
    Ok(())
}

/// The ranges and prefix lists that a group's members reach by HTTPS.
async fn reached(aws: &Account, group: &str) -> anyhow::Result<Vec<String>> {
    let filter = aws_sdk_ec2::types::Filter::builder().name("group-id").values(group).build();
    let rules = aws.ec2.describe_security_group_rules().filters(filter).send().await?;
    let out = rules.security_group_rules().iter().filter(|rule| rule.is_egress == Some(true));
    let by_https = out.filter(|rule| rule.from_port == Some(443));
    Ok(by_https.filter_map(|rule| rule.cidr_ipv4.clone().or(rule.prefix_list_id.clone())).collect())
}

async fn endpoints_only(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let named =
        aws_sdk_ec2::types::Filter::builder().name("prefix-list-name").values("com.amazonaws.us-east-1.s3").build();
    let lists = place.aws.ec2.describe_managed_prefix_lists().filters(named).send().await?;
    let list = lists.prefix_lists().first().and_then(|list| list.prefix_list_id.clone()).context("no prefix list")?;
    let more = json!({"securityGroups": {"taskEgress": "EndpointsOnly"}, "compute": {"image": "registry.example.com/payments:1"}});
    let object = place.built("payments", more).await?;
    let status = object.status().await?;
    let group = id(&status, "ec2/security-group/ecs-tasks")?;
    ensure!(reached(&place.aws, &group).await? == [&*list], "{:?}", reached(&place.aws, &group).await?);
    let told = condition(&status, "Warnings").map(|one| one.message.clone()).unwrap_or_default();
    ensure!(told.contains("compute.image registry.example.com/payments:1 is in no repository of ECR"), "{told}");
    let kept = place.writes()?.len();
    let world_wide = aws_sdk_ec2::types::IpRange::builder().cidr_ip("0.0.0.0/0").build();
    let rule = aws_sdk_ec2::types::IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443);
    let rule = rule.ip_ranges(world_wide).build();
    place.aws.ec2.authorize_security_group_egress().group_id(&group).ip_permissions(rule).send().await?;
    object.corrected("security-group-rules/ecs-tasks", "rules[egress tcp 443 0.0.0.0/0]").await?;
    place.wrote_only(kept, &["RevokeSecurityGroupEgress"])?;

    // The internet again: that is a decision.
    let kept = place.writes()?.len();
    object.merge(json!({"spec": {"securityGroups": {"taskEgress": "Internet"}}})).await?;
    let status = object.until("waiting for approval", |status| status.approval.is_some()).await?;
    let approval = status.approval.context("no approval")?;
    ensure!(approval.changes.iter().any(|one| one.contains("securityGroups.taskEgress")), "{:?}", approval.changes);
    place.no_write_since(kept)?;
    object.annotate(payment_platform_api::APPROVE, Some(&approval.hash)).await?;
    object.until("carried out", |status| status.approval.is_none()).await?;
    object.ready().await?;
    ensure!(reached(&place.aws, &group).await? == ["0.0.0.0/0"], "{:?}", reached(&place.aws, &group).await?);
    place.wrote_only(kept, &["AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"])
}
