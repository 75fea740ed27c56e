//! Nothing that is not provably ours is touched, and nothing of ours is made twice.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use aws_sdk_cloudfront::types::DistributionConfigWithTags;
use aws_sdk_ec2::types::{
    Filter, FlowLogsResourceType, ResourceType, Tag, TagSpecification, TrafficType, VpcEndpointType,
};
use futures::FutureExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use payment_platform_tests::aws::Account;
use payment_platform_tests::controller::Controller;
use payment_platform_tests::object::{Object, condition};
use serde_json::json;

use crate::Scenario;
use crate::drift::id;
use crate::kinds;
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("a_namesake_that_is_not_ours_is_left_alone", |world| namesake(world).boxed()),
    ("a_namesake_from_another_cluster_is_left_alone", |world| other_cluster(world).boxed()),
    ("a_tagged_copy_under_another_name_is_left_alone", |world| copy(world).boxed()),
    ("two_platforms_share_an_account", |world| two_platforms(world).boxed()),
    ("twins_made_by_hand_heal", |world| twins(world).boxed()),
    ("another_account_behind_the_same_object_is_refused", |world| other_account(world).boxed()),
    ("an_object_made_again_after_retain_takes_everything_over", |world| retain(world).boxed()),
    ("a_forged_record_of_what_was_retained_takes_nothing_over", |world| forged(world).boxed()),
];

async fn namesake(world: Arc<World>) -> anyhow::Result<()> {
    let ours = world.emulator.is_ours();
    let place = world.place("us-east-1").await?;
    let key = place.aws.kms.create_key().description("theirs").send().await?.key_metadata.context("no key")?.key_id;
    place.aws.kms.create_alias().alias_name("alias/payment-app-prd").target_key_id(&key).send().await?;
    place.aws.logs.create_log_group().log_group_name("/ecs/payment-prd").send().await?;
    let name = Tag::builder().key("Name").value("vpc-payment-prd").build();
    let tags = TagSpecification::builder().resource_type(ResourceType::Vpc).tags(name).build();
    let vpc = place.aws.ec2.create_vpc().cidr_block("10.0.0.0/16").tag_specifications(tags).send().await?;
    let vpc = vpc.vpc.and_then(|vpc| vpc.vpc_id).context("no VPC")?;
    let object = place.create("payments", json!({})).await?;
    let status =
        object.until("in conflict", |status| condition(status, "Conflict").is_some_and(|c| c.status == "True")).await?;
    ensure!(condition(&status, "Conflict").is_some_and(|c| c.reason == "NameTaken"), "{:#?}", status.conditions);
    let status = object
        .until("the rest is built", |status| {
            ["NetworkReady", "DatabaseReady"]
                .iter()
                .all(|component| condition(status, component).is_some_and(|c| c.status == "True"))
        })
        .await?;
    ensure!(condition(&status, "Stalled").is_some_and(|c| c.status == "True"), "{:#?}", status.conditions);
    ensure!(id(&status, "ec2/vpc/main")? != vpc, "somebody's VPC was taken");
    let alias = place.aws.kms.describe_key().key_id("alias/payment-app-prd").send().await?;
    ensure!(alias.key_metadata.is_some_and(|found| found.key_id == key), "somebody's alias was moved");
    let groups = place.aws.logs.describe_log_groups().log_group_name_prefix("/ecs/payment-prd").send().await?;
    ensure!(groups.log_groups()[0].retention_in_days().is_none(), "somebody's log group was changed");
    let tags = place.aws.ec2.describe_vpcs().vpc_ids(&vpc).send().await?;
    ensure!(tags.vpcs()[0].tags().len() == 1, "somebody's VPC was tagged");
    // All else is made, and no call that succeeded named anything of theirs.
    place.wrote_nothing_but(0, &kinds::creation())?;
    ensure!(!ours || place.count(0, "CreateSubnet")? == 6, "the rest is not made once: {:?}", place.writes()?);
    // The quote ends a name and an ARN; the role's policy goes on after it, and is ours.
    for theirs in [&*vpc, &*key, "/ecs/payment-prd\"", "alias/payment-app-prd"] {
        place.left_alone_since(0, theirs)?;
    }
    let before = place.writes()?.len();

    // One is out of the way, the other is to become the platform's.
    place.aws.kms.delete_alias().alias_name("alias/payment-app-prd").send().await?;
    let conflict = |status: &payment_platform_api::PaymentPlatformStatus| {
        condition(status, "Conflict").map(|c| c.message.clone()).unwrap_or_default()
    };
    let node = "us-east-1/logs/log-group//ecs/payment-prd";
    let asked = format!("{}={node}", payment_platform_api::ADOPT);
    object.until("told how to adopt it", |status| conflict(status).contains(&asked)).await?;
    object.annotate(payment_platform_api::ADOPT, Some(node)).await?;
    // It was kept for ever, and would be kept for a year: that wants an approval of its own.
    let status = object.until("asking", |status| status.approval.is_some()).await?;
    let groups = place.aws.logs.describe_log_groups().log_group_name_prefix("/ecs/payment-prd").send().await?;
    ensure!(groups.log_groups()[0].retention_in_days().is_none(), "less is kept without asking");
    let hash = status.approval.map(|approval| approval.hash);
    object.annotate(payment_platform_api::APPROVE, hash.as_deref()).await?;
    object.ready().await?;
    let groups = place.aws.logs.describe_log_groups().log_group_name_prefix("/ecs/payment-prd").send().await?;
    ensure!(groups.log_groups()[0].retention_in_days() == Some(365), "the adopted group is not as described");
    let adopted = ["AssociateKmsKey", "CreateAlias", "PutRetentionPolicy", "TagResource"];
    let application =
        ["CreateService", "PutMetricAlarm", "PutScalingPolicy", "RegisterScalableTarget", "RegisterTaskDefinition"];
    place.wrote_only(before, &[&adopted[..], &application].concat())?;
    // From now on it is ours, annotation or not.
    object.annotate(payment_platform_api::ADOPT, None).await?;
    object.ready().await?;
    object.delete().await?;
    Ok(())
}

async fn other_cluster(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    // Not what would be chosen today: it stays all the same.
    let first = place.built("payments", json!({"database": {"engineVersion": "15.5"}})).await?;
    first.look_now().await?;
    let before = place.writes()?.len();

    let cluster = place.own_cluster().await?;
    let log = world.folder().join("other-cluster.log");
    let _controller = Controller::start(&cluster, &world.emulator, &log, payment_platform_tests::controller::QUICK)?;
    let second = Object::create(cluster.client().await?, &place.namespace, "payments", place.spec(json!({}))).await?;
    let status =
        second.until("in conflict", |status| condition(status, "Conflict").is_some_and(|c| c.status == "True")).await?;
    let conflict = condition(&status, "Conflict").context("no condition")?;
    ensure!(conflict.reason == "OtherGeneration", "{conflict:?}");
    ensure!(conflict.message.contains(&first.uid().await?), "the message does not name the other object: {conflict:?}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    place.no_write_since(before)?;

    // The cluster is rebuilt: the new object takes over, without making anything.
    let vpc = id(&first.status().await?, "ec2/vpc/main")?;
    first.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    second.annotate(payment_platform_api::TAKE_OVER, Some(&first.uid().await?)).await?;
    let status = second.ready().await?;
    ensure!(id(&status, "ec2/vpc/main")? == vpc, "a second VPC was made");
    let version = status.resolved.as_ref().and_then(|resolved| resolved.database_engine_version.as_deref());
    ensure!(version == Some("15.5"), "{version:?}");
    // What knows no tags says in its comment whose it is.
    let comments = ["UpdateOriginAccessControl", "UpdateResponseHeadersPolicy"];
    place.wrote_only(before, &[&kinds::TAGGING[..], &comments].concat())
}

async fn copy(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let vpc = id(&status, "ec2/vpc/main")?;
    let read = place.aws.ec2.describe_vpcs().vpc_ids(&vpc).send().await?;
    let mut tags: Vec<Tag> = read.vpcs()[0].tags().iter().filter(|tag| tag.key() != Some("Name")).cloned().collect();
    tags.push(Tag::builder().key("Name").value("restored-from-backup").build());
    let tags = TagSpecification::builder().resource_type(ResourceType::Vpc).set_tags(Some(tags)).build();
    let copied = place.aws.ec2.create_vpc().cidr_block("10.9.0.0/16").tag_specifications(tags).send().await?;
    let copied = copied.vpc.and_then(|vpc| vpc.vpc_id).context("no VPC")?;
    // A clone has all tags, the name among them; what it cannot have is the group's own name.
    let alb = place.aws.ec2.describe_security_groups().group_ids(id(&status, "security-group/alb")?).send().await?;
    let tags = TagSpecification::builder().resource_type(ResourceType::SecurityGroup);
    let tags = tags.set_tags(alb.security_groups()[0].tags.clone()).build();
    let call = place.aws.ec2.create_security_group().group_name("alb-test").description("A clone").vpc_id(&vpc);
    let clone = call.tag_specifications(tags).send().await?.group_id.context("no group")?;
    place.aws.open_port(&clone, 443).await?;
    let before = place.writes()?.len();
    object.look_now().await?;
    object.look_now().await?;
    place.no_write_since(before)?;
    let left = place.aws.ec2.describe_vpcs().vpc_ids(&copied).send().await?;
    ensure!(left.vpcs().len() == 1, "the copy was deleted");
    ensure!(place.aws.is_open(&clone, 443).await?, "the clone of a group lost its rules");
    Ok(())
}

async fn two_platforms(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let one = place.create("one", json!({"environment": "one", "profile": "Ephemeral"})).await?;
    let two = place
        .create("two", json!({"environment": "two", "profile": "Ephemeral", "network": {"vpcCidr": "10.50.0.0/16"}}))
        .await?;
    let (first, second) = (one.ready().await?, two.ready().await?);
    ensure!(id(&first, "ec2/vpc/main")? != id(&second, "ec2/vpc/main")?, "one VPC for both");
    place.wrote_only(0, &kinds::creation())?;
    let built = place.writes()?.len();
    one.delete().await?;
    place.wrote_only(built, &kinds::deletion())?;
    let before = place.writes()?.len();
    two.look_now().await?;
    let status = two.ready().await?;
    place.no_write_since(before)?;
    ensure!(status.drift.is_empty(), "deleting one changed the other: {:?}", status.drift);
    Ok(())
}

async fn twins(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let built = place.aws.everything().await?;
    let before = place.writes()?.len();
    // With all tags of ours, as a creation whose answer was lost would leave them: the kinds of which AWS takes a second one.
    let ec2 = &place.aws.ec2;
    let own = |node: &str| id(&status, node);
    let like = |kind: ResourceType, id: String| async move {
        let filter = Filter::builder().name("resource-id").values(id).build();
        let read = ec2.describe_tags().filters(filter).send().await?;
        let tags =
            read.tags().iter().map(|tag| Tag::builder().set_key(tag.key.clone()).set_value(tag.value.clone()).build());
        anyhow::Ok(TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build())
    };
    let vpc = own("ec2/vpc/main")?;
    let tags = like(ResourceType::Vpc, vpc.clone()).await?;
    ec2.create_vpc().cidr_block("10.0.0.0/16").tag_specifications(tags).send().await?;
    let tags = like(ResourceType::InternetGateway, own("internet-gateway/main")?).await?;
    ec2.create_internet_gateway().tag_specifications(tags).send().await?;
    let tags = like(ResourceType::Subnet, own("subnet/public-us-east-1a")?).await?;
    ec2.create_subnet().vpc_id(&vpc).cidr_block("10.0.99.0/24").tag_specifications(tags).send().await?;
    let tags = like(ResourceType::RouteTable, own("route-table/public")?).await?;
    ec2.create_route_table().vpc_id(&vpc).tag_specifications(tags).send().await?;
    let tags = like(ResourceType::ElasticIp, own("address/us-east-1a")?).await?;
    let twin = ec2.allocate_address().tag_specifications(tags).send().await?.allocation_id;
    let tags = like(ResourceType::Natgateway, own("nat-gateway/us-east-1a")?).await?;
    let call = ec2.create_nat_gateway().subnet_id(own("subnet/public-us-east-1b")?).set_allocation_id(twin);
    call.tag_specifications(tags).send().await?;
    // One that nobody reaches by the service's name.
    let endpoint = own("vpc-endpoint/kms")?;
    let seen = ec2.describe_vpc_endpoints().vpc_endpoint_ids(&endpoint).send().await?;
    let name = seen.vpc_endpoints().first().and_then(|one| one.service_name.clone());
    let tags = like(ResourceType::VpcEndpoint, endpoint).await?;
    let call = ec2.create_vpc_endpoint().vpc_id(&vpc).set_service_name(name).private_dns_enabled(false);
    let call = call.vpc_endpoint_type(VpcEndpointType::Interface).subnet_ids(own("subnet/private-us-east-1a")?);
    call.tag_specifications(tags).send().await?;
    let key = own("kms/key/app")?;
    let tags = place.aws.kms.list_resource_tags().key_id(&key).send().await?.tags.unwrap_or_default();
    place.aws.kms.create_key().set_tags(Some(tags)).send().await?;
    // The very same flow log would be refused: it goes to another log group.
    let log = own("flow-log/cloudwatch")?;
    let tags = like(ResourceType::VpcFlowLog, log.clone()).await?;
    let seen = ec2.describe_flow_logs().flow_log_ids(log).send().await?;
    let role = seen.flow_logs().first().and_then(|log| log.deliver_logs_permission_arn.clone());
    place.aws.logs.create_log_group().log_group_name("/elsewhere/flows").send().await?;
    let call = ec2.create_flow_logs().resource_ids(&vpc).resource_type(FlowLogsResourceType::Vpc);
    let call = call.traffic_type(TrafficType::All).log_group_name("/elsewhere/flows");
    let made = call.set_deliver_logs_permission_arn(role).tag_specifications(tags).send().await?;
    ensure!(made.unsuccessful().is_empty(), "{made:?}");
    second_distribution(&place.aws.cloudfront, &own("distribution/cdn")?).await?;

    let nodes =
        ["vpc/main", "internet-gateway/main", "subnet/public-us-east-1a", "route-table/public", "address/us-east-1a"];
    let more = ["nat-gateway/us-east-1a", "vpc-endpoint/kms", "kms/key/app", "flow-log/cloudwatch", "distribution/cdn"];
    for node in nodes.into_iter().chain(more) {
        object.corrected(node, "existence").await.with_context(|| format!("the twin of {node}"))?;
    }
    let healed = object.ready().await?;
    for entry in &status.inventory {
        let now = id(&healed, &entry.node)?;
        ensure!(now == entry.id, "the wrong one of {} went: {} is kept", entry.node, now);
    }
    place.aws.logs.delete_log_group().log_group_name("/elsewhere/flows").send().await?;
    let after = place.aws.everything().await?;
    ensure!(after == built, "not as before: {:?}", after.iter().filter(|one| !built.contains(one)).collect::<Vec<_>>());
    let deletions = [
        "DeleteDistribution",
        "DeleteFlowLogs",
        "DeleteInternetGateway",
        "DeleteNatGateway",
        "DeleteRouteTable",
        "DeleteSubnet",
        "DeleteVpc",
        "DeleteVpcEndpoints",
        "ReleaseAddress",
    ];
    // A distribution is disabled before it can be deleted.
    place.wrote_only(before, &[&deletions[..], &["ScheduleKeyDeletion", "UpdateDistribution"]].concat())
}

/// A distribution with the configuration and the tags of this one.
async fn second_distribution(cloudfront: &aws_sdk_cloudfront::Client, id: &str) -> anyhow::Result<()> {
    let seen = cloudfront.get_distribution().id(id).send().await?.distribution.context("no distribution")?;
    let tags = cloudfront.list_tags_for_resource().resource(seen.arn).send().await?.tags;
    let mut config = seen.distribution_config.context("no configuration")?;
    config.caller_reference = "by hand".to_owned();
    let both = DistributionConfigWithTags::builder().distribution_config(config).set_tags(tags).build();
    cloudfront.create_distribution_with_tags().distribution_config_with_tags(both).send().await?;
    Ok(())
}

async fn other_account(world: Arc<World>) -> anyhow::Result<()> {
    let (place, other) = (world.place("us-east-1").await?, world.place("us-east-1").await?);
    let object = place.built("payments", json!({})).await?;
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"aws": {"assumeRoleArn": Account::role_arn(&other.account)}}})).await?;
    let status = object
        .until("stalled", |status| condition(status, "Stalled").is_some_and(|c| c.reason == "AccountChanged"))
        .await?;
    let message = &condition(&status, "Ready").context("no condition")?.message;
    ensure!(message.contains(&place.account) && message.contains(&other.account), "{message}");
    ensure!(other.writes()?.is_empty(), "something was made in the other account");
    place.no_write_since(before)?;
    object.merge(json!({"spec": {"aws": {"assumeRoleArn": Account::role_arn(&place.account)}}})).await?;
    object.ready().await?;
    Ok(())
}

async fn retain(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"deletionPolicy": "Retain"})).await?;
    let everything = place.aws.everything().await?;
    let uid = object.uid().await?;
    object.look_now().await?;
    let before = place.writes()?.len();
    object.api.delete("payments", &kube::api::DeleteParams::default()).await?;
    object.gone().await?;
    place.no_write_since(before)?;
    // The same manifest again: everything is its own again, and nothing had to be written for that.
    let again = place.create("payments", json!({"deletionPolicy": "Retain"})).await?;
    let status = again.ready().await?;
    again.look_now().await?;
    place.no_write_since(before)?;
    ensure!(status.owner_uid.as_deref() == Some(&*uid) && again.uid().await? != uid, "{:?}", status.owner_uid);
    ensure!(status.drift.is_empty(), "{:?}", status.drift);
    ensure!(place.aws.everything().await? == everything, "something was made or lost");
    // It goes on as before: it keeps, and it deletes.
    let group = id(&status, "security-group/aurora")?;
    place.aws.open_port(&group, 22).await?;
    again.corrected("security-group-rules/aurora", "rules[ingress tcp 22").await?;
    // Another platform of that name takes over nothing: it is stopped, and says by what.
    again.api.delete("payments", &kube::api::DeleteParams::default()).await?;
    again.gone().await?;
    let before = place.writes()?.len();
    let other = place.create("payments", json!({"environment": "other"})).await?;
    let status =
        other.until("in conflict", |status| condition(status, "Conflict").is_some_and(|c| c.status == "True")).await?;
    ensure!(condition(&status, "Conflict").is_some_and(|c| c.message.contains(&uid)), "{:#?}", status.conditions);
    place.no_write_since(before)?;
    Ok(())
}

/// Who may write ConfigMaps in a namespace must not get at other things of the account by that.
async fn forged(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let key = place.aws.kms.create_key().description("somebody's").send().await?.key_metadata.context("no key")?;
    let arn = key.arn.context("no ARN")?;
    let scope =
        json!({"accountId": place.account, "region": "us-east-1", "assumeRoleArn": Account::role_arn(&place.account)});
    let record = json!({"environment": "prd", "region": "us-east-1", "vpcCidr": "10.0.0.0/16", "ownerUid": "forged",
        "status": {"scopes": [scope], "inventory": [{"node": "us-east-1/kms/key/app", "id": arn}]}});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "paymentplatform-payments-retained"},
        "data": {"record.json": record.to_string()}});
    let api: Api<ConfigMap> = Api::namespaced(place.client.clone(), &place.namespace);
    api.create(&PostParams::default(), &serde_json::from_value(map)?).await?;
    let object = place.create("payments", json!({"profile": "Ephemeral", "deletionPolicy": "Delete"})).await?;
    let status = object.ready().await?;
    ensure!(id(&status, "kms/key/app")? != arn, "somebody's key became ours");
    object.delete().await?;
    place.left_alone_since(0, &key.key_id)?;
    let read = place.aws.kms.describe_key().key_id(&arn).send().await?.key_metadata.context("no key")?;
    ensure!(read.description.as_deref() == Some("somebody's") && read.enabled, "{read:?}");
    place.wrote_nothing_but(0, &[kinds::creation(), kinds::deletion()].concat())
}
