//! What somebody changes on AWS is found, put right, and recorded with before and after. The changes are made by plain
//! SDK calls that share no code with the product.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use aws_sdk_ec2::types::{AttributeBooleanValue, Filter};
use futures::FutureExt;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::aws::Account;
use payment_platform_tests::emulator::Call;
use payment_platform_tests::object::condition;
use serde_json::json;

use crate::Scenario;
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("a_log_group_that_its_service_makes_again_is_taken_back", |world| group_made_again(world).boxed()),
    ("a_rule_added_by_hand_is_revoked_and_recorded", |world| foreign_rule(world).boxed()),
    ("keys_disabled_scheduled_for_deletion_or_unrotated_are_restored", |world| keys(world).boxed()),
    ("routing_and_subnets_changed_by_hand_are_put_right", |world| routing(world).boxed()),
    ("tags_taken_or_changed_are_restored_and_tags_of_others_stay", |world| tags(world).boxed()),
    ("deleted_things_are_made_again", |world| deleted(world).boxed()),
    ("log_groups_and_aliases_are_kept", |world| logs_and_aliases(world).boxed()),
    ("a_port_opened_is_closed_while_another_group_cannot_be_seen", |world| closed_while_unseen(world).boxed()),
    ("our_own_rule_widened_by_hand_is_narrowed", |world| widened(world).boxed()),
];

/// The id on AWS of a node.
pub fn id(status: &PaymentPlatformStatus, node: &str) -> anyhow::Result<String> {
    let entry = status.inventory.iter().find(|entry| entry.node.ends_with(node));
    Ok(entry.with_context(|| format!("{node} is not in the inventory"))?.id.clone())
}

async fn foreign_rule(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let group = id(&object.status().await?, "security-group/aurora")?;
    let before = place.writes()?.len();
    place.aws.open_port(&group, 22).await?;
    let drift = object.corrected("security-group-rules/aurora", "rules[ingress tcp 22 0.0.0.0/0]").await?;
    ensure!(drift.before.is_some() && drift.after.is_none(), "{drift:?}");
    ensure!(!place.aws.is_open(&group, 22).await?, "still open");
    place.wrote_only(before, &["RevokeSecurityGroupIngress"])?;
    let repairs = place.count(before, "RevokeSecurityGroupIngress")?;
    ensure!(repairs == 1 || !world.emulator.is_ours(), "{repairs} calls for one repair");
    let events: kube::Api<k8s_openapi::api::events::v1::Event> =
        kube::Api::namespaced(place.client.clone(), &place.namespace);
    let events = events.list(&kube::api::ListParams::default()).await?;
    ensure!(events.items.iter().any(|event| event.reason.as_deref() == Some("DriftCorrected")), "no Event");
    Ok(())
}

async fn keys(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let (app, s3, logs) = (id(&status, "kms/key/app")?, id(&status, "kms/key/s3")?, id(&status, "kms/key/logs")?);
    let before = place.writes()?.len();
    let kms = &place.aws.kms;
    kms.disable_key().key_id(&app).send().await?;
    kms.schedule_key_deletion().key_id(&s3).pending_window_in_days(7).send().await?;
    kms.disable_key_rotation().key_id(&logs).send().await?;
    let foreign = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", place.account)}, "Action": "kms:*", "Resource": "*"},
        {"Sid": "Everybody", "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"},
    ]});
    kms.put_key_policy().key_id(&logs).policy_name("default").policy(foreign.to_string()).send().await?;

    let disabled = object.corrected("kms/key/app", "enabled").await?;
    ensure!(disabled.before.as_deref() == Some("false") && disabled.after.as_deref() == Some("true"), "{disabled:?}");
    object.corrected("kms/key/s3", "pending_deletion").await?;
    object.corrected("kms/key/logs", "rotation.enabled").await?;
    object.corrected("kms/key/logs", "policy.statements.Everybody").await?;
    object.ready().await?;
    for key in [&app, &s3, &logs] {
        let metadata = kms.describe_key().key_id(key).send().await?.key_metadata.context("no metadata")?;
        ensure!(metadata.enabled() && metadata.deletion_date().is_none(), "{metadata:?}");
        let rotation = kms.get_key_rotation_status().key_id(key).send().await?;
        ensure!(rotation.key_rotation_enabled() && rotation.rotation_period_in_days() == Some(365), "{rotation:?}");
    }
    let policy = kms.get_key_policy().key_id(&logs).policy_name("default").send().await?.policy.unwrap_or_default();
    ensure!(!policy.contains("Everybody") && policy.contains("logs.us-east-1.amazonaws.com"), "{policy}");
    place.wrote_only(before, &["CancelKeyDeletion", "EnableKey", "EnableKeyRotation", "PutKeyPolicy"])
}

async fn routing(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let before = place.writes()?.len();
    let ec2 = &place.aws.ec2;
    let (vpc, gateway) = (id(&status, "ec2/vpc/main")?, id(&status, "internet-gateway/main")?);
    let database = id(&status, "route-table/database")?;
    let main = id(&status, "route-table/main")?;
    let private = id(&status, "route-table/private-us-east-1a")?;
    let subnet = id(&status, "subnet/database-us-east-1a")?;
    let acl = id(&status, "network-acl/default")?;
    for table in [&database, &main] {
        let call = ec2.create_route().route_table_id(table).destination_cidr_block("0.0.0.0/0").gateway_id(&gateway);
        call.send().await?;
    }
    let call = ec2.replace_route().route_table_id(&private).destination_cidr_block("0.0.0.0/0").gateway_id(&gateway);
    call.send().await?;
    let on = AttributeBooleanValue::builder().value(true).build();
    ec2.modify_subnet_attribute().subnet_id(&subnet).map_public_ip_on_launch(on).send().await?;
    let off = AttributeBooleanValue::builder().value(false).build();
    ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(off).send().await?;
    ec2.delete_network_acl_entry().network_acl_id(&acl).egress(false).rule_number(50).send().await?;
    // The database subnet moves behind an ACL that lets everything in, and to the public table.
    let open = ec2.create_network_acl().vpc_id(&vpc).send().await?;
    let open = open.network_acl.and_then(|acl| acl.network_acl_id).context("no ACL")?;
    let filter = Filter::builder().name("association.subnet-id").values(&subnet).build();
    let acls = ec2.describe_network_acls().filters(filter).send().await?;
    let mut behind = acls.network_acls().iter().flat_map(|acl| acl.associations());
    let behind = behind.find(|association| association.subnet_id() == Some(&subnet)).context("not associated")?;
    let call = ec2.replace_network_acl_association().set_association_id(behind.network_acl_association_id.clone());
    call.network_acl_id(&open).send().await?;
    let public = id(&status, "route-table/public")?;
    let filter = Filter::builder().name("association.subnet-id").values(&subnet).build();
    let tables = ec2.describe_route_tables().filters(filter).send().await?;
    let mut held = tables.route_tables().iter().flat_map(|table| table.associations());
    let held = held.find(|association| association.subnet_id() == Some(&subnet)).context("not associated")?;
    let call = ec2.replace_route_table_association().set_association_id(held.route_table_association_id.clone());
    call.route_table_id(&public).send().await?;

    let open = object.corrected("route-table/database", "routes[0.0.0.0/0]").await?;
    ensure!(open.after.is_none() && open.before.is_some_and(|before| before.contains(&gateway)), "wrong record");
    object.corrected("route-table/main", "routes[0.0.0.0/0]").await?;
    object.corrected("network-acl/default", &format!("subnets.{subnet}")).await?;
    let replaced = object.corrected("route-table/private-us-east-1a", "routes[0.0.0.0/0]").await?;
    ensure!(replaced.after.is_some_and(|after| after.contains("nat-")), "the record lacks the NAT gateway");
    object.corrected("subnet/database-us-east-1a", "public_ip_on_launch").await?;
    object.corrected("ec2/vpc/main", "dns_hostnames").await?;
    object.corrected("network-acl/default", "entries[ingress 50]").await?;
    object.corrected("route-table/database", "subnets").await?;
    object.ready().await?;
    let tables = ec2.describe_route_tables().route_table_ids(&database).send().await?;
    let table = &tables.route_tables()[0];
    ensure!(table.routes().len() == 1, "{:?}", table.routes());
    ensure!(table.associations().iter().any(|held| held.subnet_id() == Some(&subnet)), "{:?}", table.associations());
    place.wrote_nothing_but(
        before,
        &[
            "AssociateRouteTable",
            "CreateNetworkAclEntry",
            "DeleteRoute",
            "DisassociateRouteTable",
            "ModifySubnetAttribute",
            "ModifyVpcAttribute",
            "ReplaceNetworkAclAssociation",
            "ReplaceRoute",
            "ReplaceRouteTableAssociation",
        ],
    )
}

async fn tags(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"tags": {"Team": "cards"}})).await?;
    let status = object.status().await?;
    let subnet = id(&status, "subnet/public-us-east-1a")?;
    let vpc = id(&status, "ec2/vpc/main")?;
    let group = id(&status, "security-group/alb")?;
    let before = place.writes()?.len();
    place.aws.tag(&subnet, "Owner", "somebody-else").await?;
    place.aws.tag(&subnet, "theirs", "stays").await?;
    place.aws.untag(&group, &["CostCenter"]).await?;
    // Without any tag of ours it is still known by its id.
    let ours = ["paymentplatform.io/owner", "paymentplatform.io/uid", "paymentplatform.io/node", "Name"];
    place.aws.untag(&vpc, &ours).await?;
    let owner = object.corrected("subnet/public-us-east-1a", "tags.Owner").await?;
    ensure!(owner.before.as_deref() == Some("\"somebody-else\""), "{owner:?}");
    object.corrected("security-group/alb", "tags.CostCenter").await?;
    object.corrected("ec2/vpc/main", "tags[paymentplatform.io/node]").await?;
    object.ready().await?;
    let read = place.aws.ec2.describe_subnets().subnet_ids(&subnet).send().await?;
    let tags = read.subnets()[0].tags();
    ensure!(tags.iter().any(|tag| tag.key() == Some("theirs")), "a tag of others was taken: {tags:?}");
    let vpcs = place.aws.ec2.describe_vpcs().send().await?;
    ensure!(vpcs.vpcs().len() == 2, "the default VPC and ours, but: {:?}", vpcs.vpcs());

    place.wrote_only(before, &["CreateTags"])?;
    object.merge(json!({"spec": {"tags": null}})).await?;
    object.ready().await?;
    let read = place.aws.ec2.describe_subnets().subnet_ids(&subnet).send().await?;
    ensure!(read.subnets()[0].tags().iter().all(|tag| tag.key() != Some("Team")), "a retired tag is still there");
    ensure!(read.subnets()[0].tags().iter().any(|tag| tag.key() == Some("theirs")), "a tag of others was taken");
    place.wrote_only(
        before,
        &[
            "CreateTags",
            "DeleteTags",
            "PutBucketTagging",
            "RemoveTags",
            "RemoveTagsFromResource",
            "UntagResource",
            "UntagRole",
        ],
    )
}

async fn deleted(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let before = place.writes()?.len();
    let nat = id(&status, "nat-gateway/us-east-1a")?;
    place.aws.ec2.delete_nat_gateway().nat_gateway_id(&nat).send().await?;
    let name = "/ecs/payment-prd";
    place.aws.logs.delete_log_group().log_group_name(name).send().await?;
    place.aws.kms.delete_alias().alias_name("alias/payment-app-prd").send().await?;
    let rules = id(&status, "security-group/aurora")?;
    let filter = Filter::builder().name("group-id").values(&rules).build();
    let read = place.aws.ec2.describe_security_group_rules().filters(filter.clone()).send().await?;
    let rule = read.security_group_rules()[0].security_group_rule_id().unwrap_or_default().to_owned();
    let call = place.aws.ec2.revoke_security_group_ingress().group_id(&rules).security_group_rule_ids(rule);
    call.send().await?;

    object.corrected("nat-gateway/us-east-1a", "existence").await?;
    object.corrected(name, "existence").await?;
    object.corrected("kms/alias/app", "existence").await?;
    object.corrected("security-group-rules/aurora", "rules").await?;
    let status = object.ready().await?;
    let again = id(&status, "nat-gateway/us-east-1a")?;
    ensure!(again != nat, "the inventory still names the deleted gateway");
    let table = id(&status, "route-table/private-us-east-1a")?;
    let tables = place.aws.ec2.describe_route_tables().route_table_ids(table).send().await?;
    let routes = tables.route_tables()[0].routes();
    ensure!(routes.iter().any(|route| route.nat_gateway_id() == Some(&again)), "{routes:?}");
    let groups = place.aws.logs.describe_log_groups().log_group_name_prefix(name).send().await?;
    ensure!(groups.log_groups()[0].retention_in_days() == Some(365), "{groups:?}");
    place.wrote_only(
        before,
        &[
            "AuthorizeSecurityGroupIngress",
            "CreateAlias",
            "CreateLogGroup",
            "CreateNatGateway",
            "PutRetentionPolicy",
            "ReplaceRoute",
        ],
    )
}

async fn logs_and_aliases(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let before = place.writes()?.len();
    let (name, logs) = ("/vpc/flow-logs/payment-prd", &place.aws.logs);
    logs.put_retention_policy().log_group_name(name).retention_in_days(1).send().await?;
    logs.disassociate_kms_key().log_group_name(name).send().await?;
    let other = place.aws.kms.create_key().description("somebody's").send().await?;
    let other = other.key_metadata.context("no key")?.key_id;
    place.aws.kms.update_alias().alias_name("alias/payment-s3-prd").target_key_id(&other).send().await?;
    let retention = object.corrected(name, "retention_days").await?;
    ensure!(retention.before.as_deref() == Some("1") && retention.after.as_deref() == Some("365"), "{retention:?}");
    object.corrected(name, "key_arn").await?;
    object.corrected("kms/alias/s3", "key_arn").await?;
    object.ready().await?;
    let alias = place.aws.kms.describe_key().key_id("alias/payment-s3-prd").send().await?;
    ensure!(alias.key_metadata.and_then(|key| key.arn) == Some(id(&status, "kms/key/s3")?), "the alias is elsewhere");
    place.wrote_only(before, &["AssociateKmsKey", "PutRetentionPolicy", "UpdateAlias"])
}

async fn closed_while_unseen(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    world.emulator.must_be_ours()?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let (tasks, aurora) = (id(&status, "security-group/ecs-tasks")?, id(&status, "security-group/aurora")?);
    let before = place.writes()?.len();
    world
        .emulator
        .hide(json!({"operation": "DescribeSecurityGroups", "id": aurora, "agent": "payment-platform-controller"}))
        .await?;
    place.aws.open_port(&tasks, 22).await?;
    // The product has not shown that it cannot see the group before it shows that it closes the other one.
    let hidden = object.until("unsure about the hidden group", |status| {
        status
            .conditions
            .iter()
            .any(|condition| condition.type_ == "SecurityGroupsReady" && condition.status == "False")
    });
    let (hidden, closed) = tokio::join!(hidden, closed(&place.aws, &tasks));
    world.emulator.show_all().await?;
    closed?;
    hidden?;
    object.corrected("security-group-rules/ecs-tasks", "rules[ingress tcp 22").await?;
    object.ready().await?;
    let read = place.aws.ec2.describe_security_groups().send().await?;
    let named = read.security_groups().iter().filter(|group| group.group_name() == Some("aurora-payment-prd"));
    ensure!(named.count() == 1, "the hidden group was made a second time");
    // What no read shows for longer than the window counts as gone; EC2 refuses the second group of its name.
    place.wrote_nothing_but(before, &["CreateSecurityGroup", "RevokeSecurityGroupIngress"])
}

async fn closed(aws: &Account, group: &str) -> anyhow::Result<()> {
    for _ in 0..300 {
        if !aws.is_open(group, 22).await? {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("the port is still open")
}

async fn widened(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"ingress": {"allowedCidrs": ["203.0.113.0/24"]}})).await?;
    let group = id(&object.status().await?, "security-group/alb")?;
    let filter = Filter::builder().name("group-id").values(&group).build();
    let read = place.aws.ec2.describe_security_group_rules().filters(filter).send().await?;
    let mut rules = read.security_group_rules().iter();
    let rule = rules.find(|rule| rule.cidr_ipv4() == Some("203.0.113.0/24") && rule.from_port() == Some(443));
    let wide = aws_sdk_ec2::types::SecurityGroupRuleRequest::builder()
        .ip_protocol("tcp")
        .from_port(443)
        .to_port(443)
        .cidr_ipv4("0.0.0.0/0")
        .build();
    let before = place.writes()?.len();
    let update = aws_sdk_ec2::types::SecurityGroupRuleUpdate::builder()
        .set_security_group_rule_id(rule.context("no rule")?.security_group_rule_id.clone())
        .security_group_rule(wide)
        .build();
    place.aws.ec2.modify_security_group_rules().group_id(&group).security_group_rules(update).send().await?;
    object.corrected("security-group-rules/alb", "rules[ingress tcp 443 0.0.0.0/0]").await?;
    object.corrected("security-group-rules/alb", "rules[ingress tcp 443 203.0.113.0/24]").await?;
    object.ready().await?;
    ensure!(!place.aws.is_open(&group, 443).await?, "still open");
    place.wrote_only(before, &["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"])
}

/// RDS writes into a group that somebody has deleted, and makes it: before we see that it is gone, or just before we make
/// it ourselves.
async fn group_made_again(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"profile": "Ephemeral"})).await?;
    let group = "/aws/rds/cluster/aurora-payment-prd/postgresql";
    let node = format!("log-group/{group}");
    let logs = &place.aws.logs;
    let kept = async || {
        let seen = logs.describe_log_groups().log_group_name_prefix(group).send().await?;
        let one = seen.log_groups().first().context("no group")?;
        anyhow::Ok(one.retention_in_days().is_some() && one.kms_key_id().is_some())
    };
    let before = place.writes()?.len();
    object.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    object.until("paused", |status| condition(status, "Ready").is_some_and(|c| c.reason == "Paused")).await?;
    logs.delete_log_group().log_group_name(group).send().await?;
    logs.create_log_group().log_group_name(group).send().await?;
    object.annotate(payment_platform_api::PAUSED, None).await?;
    object.corrected(&node, "retention_days").await?;
    ensure!(kept().await?, "it keeps its records for ever, or without a key");
    // The index of tags may not have heard yet that it has none.
    object.corrected(&node, "tags").await?;
    place.wrote_only(before, &["AssociateKmsKey", "PutRetentionPolicy", "TagResource"])?;

    let before = place.writes()?.len();
    let fault = json!({"account": place.account, "agent": "payment-platform-controller", "operation": "CreateLogGroup",
        "mode": "refuse", "status": 400, "code": "ResourceAlreadyExistsException", "times": -1});
    world.emulator.fault(fault).await?;
    logs.delete_log_group().log_group_name(group).send().await?;
    let deadline = Instant::now() + Duration::from_secs(60);
    let refused = |call: &Call| call.operation == "CreateLogGroup" && call.status >= 400;
    while !place.writes()?[before..].iter().any(refused) {
        ensure!(Instant::now() < deadline, "it is not made again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    logs.create_log_group().log_group_name(group).send().await?;
    world.emulator.no_more_faults(&place.account).await?;
    // The tags are the last that it gets.
    while !kept().await? || place.count(before, "TagResource")? == 0 {
        ensure!(Instant::now() < deadline, "it stays as RDS has made it: {:#?}", object.status().await?.conditions);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    object.ready().await?;
    place.wrote_only(before, &["AssociateKmsKey", "CreateLogGroup", "PutRetentionPolicy", "TagResource"])
}
