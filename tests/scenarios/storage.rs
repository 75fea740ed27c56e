//! Roles, buckets, flow logs and endpoints: what somebody changes of them is found, put right and recorded; their
//! deletion empties what has to be empty.

use std::sync::Arc;

use anyhow::{Context, ensure};
use aws_sdk_ec2::types::{Filter, VpcEndpoint};
use aws_sdk_s3::types as s3;
use futures::FutureExt;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::aws::Account;
use payment_platform_tests::object::{Object, condition};
use serde_json::json;

use crate::Scenario;
use crate::drift::id;
use crate::kinds;
use crate::world::{Place, World};

pub const ALL: &[(&str, Scenario)] = &[
    ("what_others_give_a_role_is_taken_away", |world| role(world).boxed()),
    ("settings_of_a_bucket_changed_by_hand_are_put_right", |world| bucket(world).boxed()),
    ("a_bucket_opened_by_hand_is_closed", |world| opened(world).boxed()),
    ("flow_logs_deleted_by_hand_are_made_again", |world| flow_logs(world).boxed()),
    ("endpoints_changed_by_hand_are_put_right", |world| endpoints(world).boxed()),
    ("what_others_made_under_a_name_of_ours_is_left_alone", |world| replaced(world).boxed()),
    ("a_bucket_of_others_that_may_not_be_read_stops_nothing", |world| locked(world).boxed()),
    ("buckets_with_objects_are_emptied_and_deleted", |world| emptied(world).boxed()),
];

const ROLE: &str = "flow-logs-payment-prd";
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

async fn role(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let before = place.writes()?.len();
    let iam = &place.aws.iam;
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    iam.attach_role_policy().role_name(ROLE).policy_arn(administrator).send().await?;
    iam.put_role_policy().role_name(ROLE).policy_name("more").policy_document(EVERYTHING).send().await?;
    iam.put_role_policy().role_name(ROLE).policy_name("flow-logs").policy_document(EVERYTHING).send().await?;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Open", "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{}:root", place.account)}, "Action": "sts:AssumeRole"}]});
    iam.update_assume_role_policy().role_name(ROLE).policy_document(trust.to_string()).send().await?;
    let boundary = iam.create_policy().policy_name("boundary").policy_document(EVERYTHING).send().await?;
    let boundary = boundary.policy.and_then(|policy| policy.arn).context("no policy")?;
    iam.put_role_permissions_boundary().role_name(ROLE).permissions_boundary(&boundary).send().await?;
    iam.untag_role().role_name(ROLE).tag_keys("Compliance").send().await?;

    let attached = object.corrected("iam/role/flow-logs", "attached").await?;
    ensure!(attached.before.is_some_and(|before| before.contains(administrator)), "wrong record");
    for field in ["inline.more", "inline.flow-logs", "trust.statements.Open", "permissions_boundary", "tags.Compliance"]
    {
        object.corrected("iam/role/flow-logs", field).await?;
    }
    object.ready().await?;
    let found = iam.get_role().role_name(ROLE).send().await?.role.context("no role")?;
    let trust = found.assume_role_policy_document().unwrap_or_default();
    ensure!(trust.contains("vpc-flow-logs") && !trust.contains("Open"), "{trust}");
    let policies = iam.list_role_policies().role_name(ROLE).send().await?;
    ensure!(policies.policy_names() == ["flow-logs"], "{policies:?}");
    let policy = iam.get_role_policy().role_name(ROLE).policy_name("flow-logs").send().await?;
    ensure!(policy.policy_document().contains("PutLogEvents"), "{policy:?}");
    ensure!(iam.list_attached_role_policies().role_name(ROLE).send().await?.attached_policies().is_empty(), "attached");
    place.wrote_nothing_but(
        before,
        &[
            "DetachRolePolicy",
            "DeleteRolePolicy",
            "PutRolePolicy",
            "UpdateAssumeRolePolicy",
            "DeleteRolePermissionsBoundary",
            "TagRole",
        ],
    )
}

async fn flow_log_bucket(object: &Object) -> anyhow::Result<String> {
    id(&object.status().await?, "s3/bucket/flow-logs")
}

async fn bucket(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let (client, name) = (&place.aws.s3, flow_log_bucket(&object).await?);
    let before = place.writes()?.len();
    let suspended = s3::VersioningConfiguration::builder().status(s3::BucketVersioningStatus::Suspended).build();
    client.put_bucket_versioning().bucket(&name).versioning_configuration(suspended).send().await?;
    let plain = s3::ServerSideEncryptionByDefault::builder().sse_algorithm(s3::ServerSideEncryption::Aes256).build()?;
    let rule = s3::ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(plain).build();
    let encryption = s3::ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    client.put_bucket_encryption().bucket(&name).server_side_encryption_configuration(encryption).send().await?;
    let off = s3::BucketLoggingStatus::builder().build();
    client.put_bucket_logging().bucket(&name).bucket_logging_status(off).send().await?;
    client.delete_bucket_lifecycle().bucket(&name).send().await?;
    client.delete_bucket_ownership_controls().bucket(&name).send().await?;
    let theirs = s3::Tagging::builder().tag_set(s3::Tag::builder().key("theirs").value("1").build()?).build()?;
    client.put_bucket_tagging().bucket(&name).tagging(theirs).send().await?;

    for field in ["versioned", "encryption", "access_logs", "lifecycle", "object_ownership", "tags"] {
        object.corrected("s3/bucket/flow-logs", field).await?;
    }
    object.ready().await?;
    let versioning = client.get_bucket_versioning().bucket(&name).send().await?;
    ensure!(versioning.status() == Some(&s3::BucketVersioningStatus::Enabled), "{versioning:?}");
    let encryption = client.get_bucket_encryption().bucket(&name).send().await?;
    let key = id(&object.status().await?, "kms/key/s3")?;
    let rules = encryption.server_side_encryption_configuration().map(|all| all.rules()).unwrap_or_default();
    let default = rules.first().and_then(|rule| rule.apply_server_side_encryption_by_default());
    ensure!(default.and_then(|default| default.kms_master_key_id()) == Some(&*key), "{encryption:?}");
    let logging = client.get_bucket_logging().bucket(&name).send().await?;
    ensure!(logging.logging_enabled().is_some_and(|to| to.target_bucket().contains("access-logs")), "{logging:?}");
    let lifecycle = client.get_bucket_lifecycle_configuration().bucket(&name).send().await?;
    let rule = lifecycle.rules().first().context("no rule")?;
    ensure!(rule.expiration().and_then(|expiration| expiration.days()) == Some(2555), "{rule:?}");
    let noncurrent = rule.noncurrent_version_expiration().and_then(|noncurrent| noncurrent.noncurrent_days());
    ensure!(noncurrent == Some(2555) && rule.abort_incomplete_multipart_upload().is_some(), "{rule:?}");
    let tags = client.get_bucket_tagging().bucket(&name).send().await?;
    ensure!(tags.tag_set().iter().any(|tag| tag.key() == "theirs"), "somebody's tag was removed: {tags:?}");
    place.wrote_nothing_but(
        before,
        &[
            "PutBucketVersioning",
            "PutBucketEncryption",
            "PutBucketLogging",
            "PutBucketLifecycleConfiguration",
            "PutBucketOwnershipControls",
            "PutBucketTagging",
        ],
    )
}

async fn opened(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let (client, name) = (&place.aws.s3, flow_log_bucket(&object).await?);
    let before = place.writes()?.len();
    client.delete_public_access_block().bucket(&name).send().await?;
    let open = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Open", "Effect": "Allow", "Principal": "*",
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{name}/*")}]});
    client.put_bucket_policy().bucket(&name).policy(open.to_string()).send().await?;
    // The date of a bucket moves with its policy: without tags it is known all the same.
    let theirs = s3::Tagging::builder().tag_set(s3::Tag::builder().key("theirs").value("1").build()?).build()?;
    client.put_bucket_tagging().bucket(&name).tagging(theirs).send().await?;
    let block = object.corrected("s3/bucket-policy/flow-logs", "public_access_block.block_public_policy").await?;
    ensure!(block.before.as_deref() == Some("false"), "{block:?}");
    object.corrected("s3/bucket-policy/flow-logs", "policy.statements.Open").await?;
    object.corrected("s3/bucket-policy/flow-logs", "policy.statements.DenyInsecureTransport").await?;
    object.corrected("s3/bucket/flow-logs", "tags").await?;
    object.ready().await?;
    let policy = client.get_bucket_policy().bucket(&name).send().await?.policy.unwrap_or_default();
    ensure!(!policy.contains("Open") && policy.contains("delivery.logs.amazonaws.com"), "{policy}");
    place.wrote_nothing_but(before, &["PutPublicAccessBlock", "PutBucketPolicy", "PutBucketTagging"])?;
    // A policy that is gone is made again, however often: its absence opens the bucket, so that no pause is made.
    for _ in 0..7 {
        client.delete_bucket_policy().bucket(&name).send().await?;
        object.look_now().await?;
        let ready = |status: &PaymentPlatformStatus| condition(status, "Ready").cloned();
        let ended = |status: &PaymentPlatformStatus| {
            ready(status).is_some_and(|ready| ready.status == "True" || ready.reason == "Contested")
        };
        let status = object.until("right again, or contested", ended).await?;
        ensure!(ready(&status).is_some_and(|ready| ready.status == "True"), "{:?}", ready(&status));
        client.get_bucket_policy().bucket(&name).send().await.context("the policy is not made again")?;
    }
    object.corrected("s3/bucket-policy/flow-logs", "existence").await?;
    object.ready().await?;
    Ok(())
}

async fn flow_logs(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let (to_bucket, to_group) = (id(&status, "flow-log/s3")?, id(&status, "flow-log/cloudwatch")?);
    let before = place.writes()?.len();
    place.aws.ec2.delete_flow_logs().flow_log_ids(&to_bucket).send().await?;
    place.aws.untag(&to_group, &["Compliance"]).await?;
    object.corrected("ec2/flow-log/s3", "existence").await?;
    object.corrected("ec2/flow-log/cloudwatch", "tags.Compliance").await?;
    let status = object.ready().await?;
    ensure!(id(&status, "flow-log/s3")? != to_bucket && id(&status, "flow-log/cloudwatch")? == to_group, "{status:?}");
    let vpc = id(&status, "ec2/vpc/main")?;
    let filter = Filter::builder().name("resource-id").values(vpc).build();
    let logs = place.aws.ec2.describe_flow_logs().filter(filter).send().await?;
    ensure!(logs.flow_logs().len() == 2, "{logs:?}");
    ensure!(logs.flow_logs().iter().all(|log| log.max_aggregation_interval() == Some(60)), "{logs:?}");
    place.wrote_only(before, &["CreateFlowLogs", "CreateTags"])
}

async fn endpoint(place: &Place<'_>, id: &str) -> anyhow::Result<VpcEndpoint> {
    let read = place.aws.ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await?;
    read.vpc_endpoints.and_then(|all| all.into_iter().next()).context("no endpoint")
}

async fn endpoints(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let ec2 = &place.aws.ec2;
    let (kms, s3) = (id(&status, "vpc-endpoint/kms")?, id(&status, "vpc-endpoint/s3")?);
    let logs = id(&status, "vpc-endpoint/logs")?;
    let (group, subnet) = (id(&status, "security-group/alb")?, id(&status, "subnet/private-us-east-1a")?);
    let (private, database) = (id(&status, "route-table/private-us-east-1a")?, id(&status, "route-table/database")?);
    let before = place.writes()?.len();
    let open = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Open","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
    let call = ec2.modify_vpc_endpoint().vpc_endpoint_id(&kms).policy_document(open).add_security_group_ids(&group);
    call.remove_subnet_ids(&subnet).send().await?;
    ec2.modify_vpc_endpoint().vpc_endpoint_id(&kms).private_dns_enabled(false).send().await?;
    let call = ec2.modify_vpc_endpoint().vpc_endpoint_id(&s3);
    call.remove_route_table_ids(&private).add_route_table_ids(&database).send().await?;
    ec2.delete_vpc_endpoints().vpc_endpoint_ids(&logs).send().await?;

    let policy = object.corrected("vpc-endpoint/kms", "policy.statements.Open").await?;
    ensure!(policy.before.is_some() && policy.after.is_none(), "{policy:?}");
    object.corrected("vpc-endpoint/kms", &format!("groups.{group}")).await?;
    object.corrected("vpc-endpoint/kms", &format!("subnets.{subnet}")).await?;
    object.corrected("vpc-endpoint/kms", "private_dns").await?;
    object.corrected("vpc-endpoint/s3", &format!("route_tables.{database}")).await?;
    object.corrected("vpc-endpoint/logs", "existence").await?;
    let status = object.ready().await?;
    let read = endpoint(&place, &kms).await?;
    ensure!(read.private_dns_enabled() == Some(true) && read.subnet_ids().len() == 2, "{read:?}");
    ensure!(read.groups().len() == 1 && !read.policy_document().unwrap_or_default().contains("Open"), "{read:?}");
    let read = endpoint(&place, &s3).await?;
    ensure!(read.route_table_ids().contains(&private) && !read.route_table_ids().contains(&database), "{read:?}");
    ensure!(read.policy_document().is_some_and(|policy| policy.contains("aws:SourceVpc")), "{read:?}");
    ensure!(id(&status, "vpc-endpoint/logs")? != logs, "the same id");
    // The database tier stays isolated, and its table was not touched.
    place.wrote_only(before, &["ModifyVpcEndpoint", "CreateVpcEndpoint"])
}

async fn emptied(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let object = place.built("payments", json!({"profile": "Ephemeral"})).await?;
    let name = flow_log_bucket(&object).await?;
    for number in 0..3 {
        let body = aws_sdk_s3::primitives::ByteStream::from_static(b"record");
        place.aws.s3.put_object().bucket(&name).key(format!("AWSLogs/{number}")).body(body).send().await?;
    }
    // A delete marker is a version too.
    place.aws.s3.delete_object().bucket(&name).key("AWSLogs/0").send().await?;
    place.wrote_only(0, &kinds::creation())?;
    let built = place.writes()?.len();
    object.delete().await?;
    place.wrote_only(built, &kinds::deletion())?;
    let after = place.aws.everything().await?;
    ensure!(after == before, "left: {:?}", after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>());
    Ok(())
}

/// While nobody looks, what was ours is deleted, and somebody makes something of the same name.
async fn replaced(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let bucket = flow_log_bucket(&object).await?;
    object.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    object.until("paused", |status| condition(status, "Ready").is_some_and(|c| c.reason == "Paused")).await?;
    let (logs, iam, client) = (&place.aws.logs, &place.aws.iam, &place.aws.s3);
    logs.delete_log_group().log_group_name("/ecs/payment-prd").send().await?;
    iam.delete_role_policy().role_name(ROLE).policy_name("flow-logs").send().await?;
    iam.delete_role().role_name(ROLE).send().await?;
    client.delete_bucket().bucket(&bucket).send().await?;
    let before = place.writes()?.len();
    // AWS tells seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    logs.create_log_group().log_group_name("/ecs/payment-prd").send().await?;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    iam.create_role().role_name(ROLE).assume_role_policy_document(trust.to_string()).send().await?;
    // The name of a bucket can be anybody's.
    let stranger = Account::open(&world.emulator.endpoint, Some("299999999999"), "us-east-1").await?;
    stranger.s3.create_bucket().bucket(&bucket).send().await?;
    object.annotate(payment_platform_api::PAUSED, None).await?;
    let status =
        object.until("in conflict", |status| condition(status, "Conflict").is_some_and(|c| c.status == "True")).await?;
    ensure!(condition(&status, "Conflict").is_some_and(|c| c.reason == "NameTaken"), "{:#?}", status.conditions);
    object.look_now().await?;
    object.look_now().await?;
    let group = logs.describe_log_groups().log_group_name_prefix("/ecs/payment-prd").send().await?;
    ensure!(group.log_groups()[0].retention_in_days().is_none(), "somebody's log group was changed");
    let role = iam.get_role().role_name(ROLE).send().await?.role.context("no role")?;
    ensure!(role.assume_role_policy_document().unwrap_or_default().contains("ec2.amazonaws.com"), "a role was changed");
    ensure!(stranger.s3.get_bucket_policy().bucket(&bucket).send().await.is_err(), "a stranger's bucket got a policy");
    ensure!(stranger.s3.get_bucket_tagging().bucket(&bucket).send().await.is_err(), "a stranger's bucket was tagged");
    for theirs in ["/ecs/payment-prd", ROLE, &bucket] {
        place.left_alone_since(before, theirs)?;
    }
    // Only for the bucket AWS had to be asked.
    place.wrote_only(before, &["CreateBucket"])?;
    ensure!(place.count(before, "CreateBucket")? == 0, "a bucket was made beside theirs");
    // What they made stays when the platform goes.
    object.annotate(payment_platform_api::CONFIRM_DELETION, Some("prd")).await?;
    object.api.delete("payments", &kube::api::DeleteParams::default()).await?;
    object.gone().await?;
    iam.get_role().role_name(ROLE).send().await?;
    stranger.s3.delete_bucket().bucket(&bucket).send().await?;
    Ok(())
}

async fn locked(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let theirs = format!("s3-payment-reports-{}", place.account);
    place.aws.s3.create_bucket().bucket(&theirs).send().await?;
    for operation in ["GetBucketTagging", "GetBucketPolicy"] {
        let fault = json!({"service": "s3", "operation": operation, "match": theirs, "times": -1, "mode": "refuse",
            "account": place.account, "status": 403, "code": "AccessDenied", "message": "Access Denied"});
        world.emulator.fault(fault).await?;
    }
    let object = place.built("payments", json!({"profile": "Ephemeral"})).await?;
    // Somebody locks us out of one of ours: that one cannot be kept, and says so; the others are.
    let access_logs = id(&object.status().await?, "s3/bucket/access-logs")?;
    for operation in ["GetBucketTagging", "GetBucketVersioning"] {
        let fault = json!({"service": "s3", "operation": operation, "match": access_logs, "times": -1, "mode": "refuse",
            "account": place.account, "status": 403, "code": "AccessDenied", "message": "Access Denied"});
        world.emulator.fault(fault).await?;
    }
    let status = object
        .until("denied", |status| condition(status, "AccessLogsReady").is_some_and(|c| c.reason == "AccessDenied"))
        .await?;
    ensure!(condition(&status, "FlowLogsReady").is_some_and(|c| c.status == "True"), "{:#?}", status.conditions);
    let flow_logs = flow_log_bucket(&object).await?;
    let before = place.writes()?.len();
    place.aws.s3.delete_public_access_block().bucket(&flow_logs).send().await?;
    object.corrected("s3/bucket-policy/flow-logs", "public_access_block").await?;
    place.wrote_only(before, &["PutPublicAccessBlock"])?;
    place.left_alone_since(0, &theirs)
}
