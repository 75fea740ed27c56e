//! What users declare on top of a platform stays; what they want left alone is left alone for as long as they say; what
//! lowers protection waits until they approve it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::FutureExt;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_api::spec::Profile;
use payment_platform_tests::object::{Object, condition};
use serde_json::json;

use crate::Scenario;
use crate::drift::id;
use crate::kinds;
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("declared_routes_rules_statements_and_endpoints_stay_and_others_go", |world| additions(world).boxed()),
    ("a_key_administrator_that_is_made_again_is_named_again", |world| administrator(world).boxed()),
    ("an_exception_is_left_alone_until_it_ends", |world| exception(world).boxed()),
    ("what_lowers_protection_waits_for_approval", |world| approval(world).boxed()),
    ("an_ephemeral_profile_that_is_not_approved_changes_nothing", |world| profile(world).boxed()),
];

async fn additions(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let ec2 = &place.aws.ec2;
    let gateway = ec2.create_vpn_gateway().r#type(aws_sdk_ec2::types::GatewayType::Ipsec1).send().await?;
    let gateway = gateway.vpn_gateway.and_then(|gateway| gateway.vpn_gateway_id).context("no gateway")?;
    let rule = |port: u16, peer: &str| json!({"direction": "Ingress", "fromPort": port, "peer": peer, "description": "Declared by the team"});
    let statement = json!({"sid": "ExtraAthena", "principals": ["athena.amazonaws.com"], "actions": ["kms:Decrypt"],
        "conditions": {"StringEquals": {"aws:SourceAccount": [place.account]}}});
    let destination = |name: &str| format!("arn:aws:logs:us-east-1:999999999999:destination:{name}");
    let more = json!({
        "logs": {"subscriptionDestinations": [destination("collector")]},
        "network": {
            "extraRoutes": [{"tier": "Private", "destination": "192.168.0.0/16", "target": gateway}],
            "extraEndpoints": ["sts"],
        },
        "securityGroups": {"aurora": {"extraRules": [rule(5432, "10.0.99.0/24")]}},
        "keys": {"s3": {"extraStatements": [statement]}},
    });
    let object = place.create("payments", more).await?;
    let status = object.until("the VPC is there", |status| id(status, "ec2/vpc/main").is_ok()).await?;
    // A gateway can be a route's target once it is the VPC's.
    let vpc = id(&status, "ec2/vpc/main")?;
    ec2.attach_vpn_gateway().vpc_id(vpc).vpn_gateway_id(&gateway).send().await?;
    let status = object.ready().await?;
    let group = id(&status, "security-group/aurora")?;
    let table = id(&status, "route-table/private-us-east-1b")?;
    let key = id(&status, "kms/key/s3")?;
    id(&status, "vpc-endpoint/sts")?;
    let policy = place.aws.kms.get_key_policy().key_id(&key).policy_name("default").send().await?;
    ensure!(policy.policy().is_some_and(|policy| policy.contains("athena.amazonaws.com")), "{policy:?}");
    let routed = |table: String| async move {
        let read = ec2.describe_route_tables().route_table_ids(table).send().await?;
        let routes = read.route_tables().iter().flat_map(|table| table.routes());
        anyhow::Ok(routes.filter_map(|route| route.destination_cidr_block.clone()).collect::<Vec<_>>())
    };
    ensure!(routed(table.clone()).await?.contains(&"192.168.0.0/16".to_owned()), "the declared route is missing");

    place.wrote_nothing_but(0, &kinds::creation())?;
    let before = place.writes()?.len();
    // What is not declared goes, and what is stays.
    place.aws.open_port(&group, 5433).await?;
    let call = ec2.create_route().route_table_id(&table).destination_cidr_block("172.16.0.0/12").gateway_id(&gateway);
    call.send().await?;
    let group_name = "/ecs/payment-prd";
    for name in ["collector", "elsewhere"] {
        let call = place.aws.logs.put_subscription_filter().log_group_name(group_name).filter_name(name);
        call.filter_pattern("").destination_arn(destination(name)).send().await?;
    }
    let subscribed = || async {
        let read = place.aws.logs.describe_subscription_filters().log_group_name(group_name).send().await?;
        anyhow::Ok(read.subscription_filters().iter().filter_map(|one| one.filter_name.clone()).collect::<Vec<_>>())
    };
    object.corrected("log-group//ecs/payment-prd", "subscriptions.elsewhere").await?;
    ensure!(subscribed().await? == ["collector"], "{:?}", subscribed().await?);
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 5433 0.0.0.0/0]").await?;
    object.corrected("route-table/private-us-east-1b", "routes[172.16.0.0/12]").await?;
    let routes = routed(table.clone()).await?;
    ensure!(
        routes.contains(&"192.168.0.0/16".to_owned()) && !routes.contains(&"172.16.0.0/12".to_owned()),
        "{routes:?}"
    );
    place.wrote_only(before, &["DeleteRoute", "DeleteSubscriptionFilter", "RevokeSecurityGroupIngress"])?;
    let before = place.writes()?.len();
    // No longer declared, they go without being drift.
    let none = json!({"spec": {"logs": null, "network": null, "securityGroups": null, "keys": null}});
    object.merge(none).await?;
    let status = object.ready().await?;
    ensure!(!routed(table).await?.contains(&"192.168.0.0/16".to_owned()), "the route is still there");
    ensure!(status.inventory.iter().all(|entry| !entry.node.ends_with("vpc-endpoint/sts")), "the endpoint is there");
    ensure!(subscribed().await?.is_empty(), "{:?}", subscribed().await?);
    ensure!(status.drift.len() == 3, "a changed spec is no drift: {:?}", status.drift);
    let withdrawn = ["DeleteRoute", "DeleteSubscriptionFilter", "DeleteVpcEndpoints", "PutKeyPolicy"];
    place.wrote_only(before, &[&withdrawn[..], &["RevokeSecurityGroupIngress"]].concat())
}

/// A policy names who is there when it is written: the same name made anew is somebody else.
async fn administrator(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let arn = format!("arn:aws:iam::{}:role/auditor", place.account);
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let hire = async || {
        place.aws.iam.create_role().role_name("auditor").assume_role_policy_document(trust.to_string()).send().await
    };
    let mut spec = place.spec(json!({"profile": "Ephemeral"}));
    spec["aws"]["keyAdministrators"] = json!([arn]);
    let object = Object::create(place.client.clone(), &place.namespace, "payments", spec).await?;
    let refused = |status: &PaymentPlatformStatus| {
        condition(status, "EncryptionReady").is_some_and(|c| c.message.contains("spec.aws.keyAdministrators"))
    };
    object.until("refused for want of the role", refused).await?;
    ensure!(place.count(0, "CreateKey")? == 0, "a key without its administrator");
    hire().await?;
    let status = object.ready().await?;
    place.wrote_nothing_but(0, &kinds::creation())?;
    let (key, kept) = (id(&status, "kms/key/app")?, place.writes()?.len());
    let named = async || {
        let read = place.aws.kms.get_key_policy().key_id(&key).policy_name("default").send().await?;
        anyhow::Ok(read.policy().is_some_and(|policy| policy.contains(&arn)))
    };
    ensure!(named().await?, "the administrator is not named");
    place.aws.iam.delete_role().role_name("auditor").send().await?;
    object.until("refused again", refused).await?;
    hire().await?;
    object.corrected("kms/key/app", "policy").await?;
    ensure!(named().await?, "the new administrator is not named");
    object.ready().await?;
    place.wrote_only(kept, &["PutKeyPolicy"])
}

async fn exception(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let until = k8s_openapi::jiff::Timestamp::now() + Duration::from_secs(45);
    let exception = json!({"node": "us-east-1/ec2/security-group-rules/aurora", "reason": "Migration, ticket 4711",
        "path": "rules[ingress tcp 22 0.0.0.0/0]", "until": until.to_string()});
    let object = place.built("payments", json!({"exceptions": [exception]})).await?;
    let group = id(&object.status().await?, "security-group/aurora")?;
    let before = place.writes()?.len();
    place.aws.open_port(&group, 22).await?;
    let status =
        object.until("left alone", |status| condition(status, "Excepted").is_some_and(|c| c.status == "True")).await?;
    let message = condition(&status, "Excepted").map(|c| c.message.clone()).unwrap_or_default();
    ensure!(message.contains("Migration, ticket 4711"), "{message}");
    ensure!(condition(&status, "Ready").is_some_and(|c| c.status == "True"), "{:#?}", status.conditions);
    ensure!(status.drift.is_empty(), "{:?}", status.drift);
    place.no_write_since(before)?;
    // Another opening of the same group is closed, and the excepted one stays.
    place.aws.open_port(&group, 3389).await?;
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 3389").await?;
    ensure!(place.aws.is_open(&group, 22).await?, "the exception was not kept");
    // It ends by itself.
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 22 0.0.0.0/0]").await?;
    let status = object.ready().await?;
    ensure!(condition(&status, "Excepted").is_some_and(|c| c.status == "False"), "{:#?}", status.conditions);
    place.wrote_only(before, &["RevokeSecurityGroupIngress"])
}

async fn approval(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let before = place.writes()?.len();
    let lower = json!({"logs": {"retentionDays": 90}, "encryption": {"rotationPeriodDays": 730}});
    object.merge(json!({ "spec": lower.clone() })).await?;
    let waiting = |status: &payment_platform_api::PaymentPlatformStatus| {
        condition(status, "Stalled").is_some_and(|c| c.reason == "NeedsApproval")
    };
    let status = object.until("waiting for approval", waiting).await?;
    let approval = status.approval.clone().context("no approval")?;
    let listed = |words: &str| approval.changes.iter().any(|change| change.contains(words));
    ensure!(
        listed("logs.retentionDays: 365 -> 90") && listed("encryption.rotationPeriodDays: 365 -> 730"),
        "{approval:?}"
    );
    ensure!(listed("log-group//ecs/payment-prd: less of its data"), "the things that lose data are not named");
    let message = condition(&status, "Ready").map(|c| c.message.clone()).unwrap_or_default();
    ensure!(message.contains("logs.retentionDays: 365 -> 90") && message.contains(&approval.hash), "{message}");
    object.look_now().await?;
    place.no_write_since(before)?;
    // An approval of something else approves nothing; other changes go on.
    object.annotate(payment_platform_api::APPROVE, Some("0123456789ab")).await?;
    object.merge(json!({"spec": {"owner": "cards"}})).await?;
    let tagged = |place: &crate::world::Place<'_>| {
        place.writes().map(|writes| writes[before..].iter().any(|call| call.operation == "CreateTags"))
    };
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while !tagged(&place)? && world.emulator.is_ours() {
        ensure!(std::time::Instant::now() < deadline, "the other change is not carried out");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let retention = || async {
        let group = place.aws.logs.describe_log_groups().log_group_name_prefix("/ecs/payment-prd").send().await?;
        anyhow::Ok(group.log_groups()[0].retention_in_days())
    };
    ensure!(retention().await? == Some(365), "it was lowered without approval");
    // Drift is corrected to what is in force, not to what waits.
    place.aws.logs.put_retention_policy().log_group_name("/ecs/payment-prd").retention_in_days(30).send().await?;
    object.corrected("logs/log-group//ecs/payment-prd", "retention_days").await?;
    ensure!(retention().await? == Some(365), "drift was corrected to what is not approved");

    object.annotate(payment_platform_api::APPROVE, Some(&approval.hash)).await?;
    let status = object.ready().await?;
    ensure!(retention().await? == Some(90) && status.approval.is_none(), "{:?}", status.approval);
    ensure!(status.resolved.is_some_and(|resolved| resolved.key_rotation_days == Some(730)), "not in force");
    // Raising needs nobody.
    object.merge(json!({"spec": {"logs": {"retentionDays": 400}}})).await?;
    object.ready().await?;
    ensure!(retention().await? == Some(400), "not raised");
    // Going back and forth, an approval that is left over approves nothing.
    object.merge(json!({"spec": {"logs": {"retentionDays": 365}, "encryption": {"rotationPeriodDays": 365}}})).await?;
    let status = object.until("waiting again", waiting).await?;
    let second = status.approval.context("no approval")?;
    object.annotate(payment_platform_api::APPROVE, Some(&second.hash)).await?;
    object.ready().await?;
    object.merge(json!({ "spec": lower })).await?;
    object.annotate(payment_platform_api::APPROVE, Some(&approval.hash)).await?;
    let status = object.until("waiting once more", waiting).await?;
    let third = status.approval.context("no approval")?;
    ensure!(third.changes == approval.changes && third.hash != approval.hash, "{third:?}");
    place.wrote_only(before, &[&["EnableKeyRotation", "PutRetentionPolicy"][..], &kinds::TAGGING].concat())
}

async fn profile(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"profile": "Ephemeral"}})).await?;
    let status = object
        .until("waiting for approval", |status| {
            condition(status, "Stalled").is_some_and(|c| c.reason == "NeedsApproval")
        })
        .await?;
    let approval = status.approval.clone().context("no approval")?;
    // With all that follows from it.
    for change in
        ["profile: Production -> Ephemeral", "logs.retentionDays: 365 -> 90", "deletionPolicy: KeepData -> Delete"]
    {
        ensure!(approval.changes.iter().any(|listed| listed == change), "{approval:?}");
    }
    ensure!(status.resolved.is_some_and(|resolved| resolved.profile == Some(Profile::Production)), "in force already");
    place.no_write_since(before)?;
    // Not even its deletion is easier.
    object.api.delete("payments", &kube::api::DeleteParams::default()).await?;
    object
        .until("waiting for confirmation", |status| {
            condition(status, "Ready").is_some_and(|c| c.reason == "AwaitingConfirmation")
        })
        .await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    place.no_write_since(before)?;
    object.annotate(payment_platform_api::APPROVE, Some(&approval.hash)).await?;
    object.gone().await?;
    // The approved spec is carried out before what it describes is deleted.
    let lowered = [
        "AddTagsToResource",
        "ModifyDBCluster",
        "ModifyLoadBalancerAttributes",
        "PutBucketLifecycleConfiguration",
        "PutKeyPolicy",
        "PutRetentionPolicy",
        "SetTopicAttributes",
        "TagResource",
    ];
    place.wrote_nothing_but(before, &[kinds::deletion(), lowered.to_vec()].concat())?;
    ensure!(!world.emulator.is_ours() || place.count(before, "DeleteLogGroup")? == 6, "the log groups are kept");
    Ok(())
}
