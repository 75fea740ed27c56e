//! Buckets, their policies, roles; and what is done to a policy of any kind.

use aws_sdk_s3::types as s3;
use futures::FutureExt;
use serde_json::{Value, json};

use super::How::{Added, Changed, Removed};
use super::{Row, Scene, Waiver, waived};

const FIXED: &str = "AWS has no operation that changes it; a name is another thing";
const NONE: &str = "none are wanted";
const OLDER: &str = "the emulator refuses the older one; policies of keys and buckets are written in it";

pub const WAIVERS: &[Waiver] = &[
    waived("s3/bucket", "name", Changed, FIXED),
    waived("s3/bucket", "access_logs", Changed, "null for the bucket that has none; the other's are changed"),
    waived("s3/bucket", "replication.*", Removed, NONE),
    waived("s3/bucket-policy", "bucket", Changed, FIXED),
    waived("iam/role", "name", Changed, FIXED),
    waived("iam/role", "inline.*.version", Changed, OLDER),
    waived("iam/role", "trust.version", Changed, OLDER),
    waived("iam/role", "inline.*.statements.*.principals", Changed, "a policy of a role has no principals"),
    waived("iam/role", "trust.statements.*.resources", Changed, "a trust policy has no resources"),
];

const FLOW_LOGS: &str = "s3/bucket/flow-logs";
const ACCESS_LOGS: &str = "s3/bucket/access-logs";
const ROLE: &str = "iam/role/flow-logs";
const ROLE_NAME: &str = "flow-logs-payment-prd";

pub const ROWS: &[Row] = &[
    Row::new(FLOW_LOGS, &[("versioned", Changed)], |scene| {
        let suspended = s3::VersioningConfiguration::builder().status(s3::BucketVersioningStatus::Suspended).build();
        let call = scene.aws.s3.put_bucket_versioning().bucket(&scene.id).versioning_configuration(suspended);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(ACCESS_LOGS, &[("object_ownership", Changed)], |scene| {
        let call = scene.aws.s3.delete_bucket_ownership_controls().bucket(&scene.id);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(
        FLOW_LOGS,
        &[("encryption.algorithm", Changed), ("encryption.key_arn", Changed), ("encryption.bucket_key", Changed)],
        |scene| unencrypted(scene).boxed(),
    ),
    Row::new(FLOW_LOGS, &[("access_logs.bucket", Changed), ("access_logs.prefix", Changed)], |scene| {
        logged_elsewhere(scene).boxed()
    }),
    Row::new(FLOW_LOGS, &[("replication.*", Added)], |scene| replicated(scene).boxed()),
    Row::new(ACCESS_LOGS, &[("lifecycle.rules.*", Removed)], |scene| {
        let call = scene.aws.s3.delete_bucket_lifecycle().bucket(&scene.id);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(
        FLOW_LOGS,
        &[
            ("lifecycle.moves_small_objects", Changed),
            ("lifecycle.rules.*", Added),
            ("lifecycle.rules.*.abort_upload_days", Changed),
            ("lifecycle.rules.*.enabled", Changed),
            ("lifecycle.rules.*.expiration_days", Changed),
            ("lifecycle.rules.*.noncurrent_days", Changed),
            ("lifecycle.rules.*.objects", Changed),
            ("lifecycle.rules.*.other", Changed),
            ("lifecycle.rules.*.transitions.*", Changed),
        ],
        |scene| lifecycle(scene).boxed(),
    ),
    // The whole set is replaced: this takes all of ours away.
    Row::new(FLOW_LOGS, &[("tags.*", Removed)], |scene| tagged(scene, "theirs").boxed()),
    Row::new(ACCESS_LOGS, &[("tags.*", Changed)], |scene| tagged(scene, "Owner").boxed()),
    Row::new(
        "s3/bucket-policy/flow-logs",
        &[
            ("policy.statements.*.actions", Changed),
            ("policy.statements.*.conditions.*", Changed),
            ("policy.statements.*.effect", Changed),
            ("policy.statements.*.principals", Changed),
            ("policy.statements.*.resources", Changed),
            ("policy.version", Changed),
        ],
        |scene| bucket_policy(scene, broken).boxed(),
    ),
    Row::new("s3/bucket-policy/access-logs", &[("policy.statements.*", Removed)], |scene| {
        bucket_policy(scene, without_last).boxed()
    }),
    Row::new("s3/bucket-policy/flow-logs", &[("policy.statements.*", Added)], |scene| {
        bucket_policy(scene, more).boxed()
    }),
    Row::new(
        "s3/bucket-policy/access-logs",
        &[
            ("public_access_block.block_public_acls", Changed),
            ("public_access_block.block_public_policy", Changed),
            ("public_access_block.ignore_public_acls", Changed),
            ("public_access_block.restrict_public_buckets", Changed),
        ],
        |scene| {
            let call = scene.aws.s3.delete_public_access_block().bucket(bucket_of(scene));
            async move { Ok(call.send().await.map(drop)?) }.boxed()
        },
    ),
    Row::new(ROLE, &[("attached.*", Added)], |scene| {
        let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
        let call = scene.aws.iam.attach_role_policy().role_name(ROLE_NAME).policy_arn(administrator);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new("iam/role/rds-monitoring", &[("attached.*", Removed)], |scene| {
        let monitoring = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole";
        let call = scene.aws.iam.detach_role_policy().role_name("rds-monitoring-payment-prd").policy_arn(monitoring);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(ROLE, &[("inline.*", Removed)], |scene| {
        let call = scene.aws.iam.delete_role_policy().role_name(ROLE_NAME).policy_name("flow-logs");
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(
        ROLE,
        &[
            ("inline.*", Added),
            ("inline.*.statements.*", Removed),
            ("inline.*.statements.*.actions", Changed),
            ("inline.*.statements.*.conditions.*", Changed),
            ("inline.*.statements.*.effect", Changed),
            ("inline.*.statements.*.resources", Changed),
        ],
        |scene| role_policies(scene).boxed(),
    ),
    Row::new(
        ROLE,
        &[
            ("trust.statements.*.actions", Changed),
            ("trust.statements.*.conditions.*", Changed),
            ("trust.statements.*.effect", Changed),
            ("trust.statements.*.principals", Changed),
        ],
        |scene| trust(scene, "FlowLogs").boxed(),
    ),
    Row::new(ROLE, &[("trust.statements.*", Added), ("trust.statements.*", Removed)], |scene| {
        trust(scene, "Other").boxed()
    }),
    Row::new(ROLE, &[("permissions_boundary", Changed)], |scene| {
        let boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        let call = scene.aws.iam.put_role_permissions_boundary().role_name(ROLE_NAME).permissions_boundary(boundary);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(ROLE, &[("tags.*", Changed), ("tags.*", Removed)], |scene| role_tags(scene).boxed()),
];

/// A statement too many.
pub fn more(document: &mut Value) {
    let mut statement = document["Statement"][0].clone();
    statement["Sid"] = "Everybody".into();
    document["Statement"].as_array_mut().into_iter().for_each(|all| all.push(statement.clone()));
}

/// One statement too few: the last one, which is not the one that the account's own principals need.
pub fn without_last(document: &mut Value) {
    document["Statement"].as_array_mut().into_iter().for_each(|all| drop(all.pop()));
}

/// Everything about the last statement is changed. It denies: what it would allow, AWS checks.
pub fn broken(document: &mut Value) {
    document["Version"] = "2008-10-17".into();
    let Some(statement) = document["Statement"].as_array_mut().and_then(|all| all.last_mut()) else { return };
    let denies = statement["Effect"] == "Deny";
    statement["Effect"] = if denies { "Allow" } else { "Deny" }.into();
    statement["Principal"] = json!({"Service": "ec2.amazonaws.com"});
    let resource = statement["Resource"].as_str().or_else(|| statement["Resource"][0].as_str()).unwrap_or_default();
    let service = if resource.starts_with("arn:aws:s3") { "s3:GetObjectVersion" } else { "kms:ListGrants" };
    statement["Resource"] = if resource == "*" {
        json!("arn:aws:kms:*:*:key/*")
    } else {
        json!(resource.trim_end_matches("/*").to_owned() + "/AWSLogs/other/*")
    };
    statement["Action"] = service.into();
    statement["Condition"] = json!({"StringEquals": {"aws:SourceAccount": "111111111111"}});
}

/// Every new object is copied to a bucket of somebody else.
async fn replicated(scene: &Scene<'_>) -> anyhow::Result<()> {
    let to = s3::Destination::builder().bucket("arn:aws:s3:::theirs").build()?;
    let rule = s3::ReplicationRule::builder().id("elsewhere").priority(1).destination(to);
    let rule = rule.status(s3::ReplicationRuleStatus::Enabled).filter(s3::ReplicationRuleFilter::builder().build());
    let configuration =
        s3::ReplicationConfiguration::builder().role("arn:aws:iam::111111111111:role/copy").rules(rule.build()?);
    let call =
        scene.aws.s3.put_bucket_replication().bucket(&scene.id).replication_configuration(configuration.build()?);
    Ok(call.send().await.map(drop)?)
}

async fn unencrypted(scene: &Scene<'_>) -> anyhow::Result<()> {
    let plain = s3::ServerSideEncryptionByDefault::builder().sse_algorithm(s3::ServerSideEncryption::Aes256).build()?;
    let rule = s3::ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(plain).build();
    let encryption = s3::ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    let call = scene.aws.s3.put_bucket_encryption().bucket(&scene.id);
    call.server_side_encryption_configuration(encryption).send().await?;
    Ok(())
}

async fn logged_elsewhere(scene: &Scene<'_>) -> anyhow::Result<()> {
    let client = &scene.aws.s3;
    let target = format!("elsewhere-{}", scene.aws.id);
    client.create_bucket().bucket(&target).send().await?;
    let allowed = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject",
        "Principal": {"Service": "logging.s3.amazonaws.com"}, "Resource": format!("arn:aws:s3:::{target}/*")}]});
    client.put_bucket_policy().bucket(&target).policy(allowed.to_string()).send().await?;
    let elsewhere = s3::LoggingEnabled::builder().target_bucket(&target).target_prefix("elsewhere/").build()?;
    let status = s3::BucketLoggingStatus::builder().logging_enabled(elsewhere).build();
    client.put_bucket_logging().bucket(&scene.id).bucket_logging_status(status).send().await?;
    Ok(())
}

/// Our own rule with everything about it changed, and another one.
async fn lifecycle(scene: &Scene<'_>) -> anyhow::Result<()> {
    let prefix = |prefix: &str| s3::LifecycleRuleFilter::builder().prefix(prefix).build();
    let abort = s3::AbortIncompleteMultipartUpload::builder().days_after_initiation(1).build();
    let transition = s3::Transition::builder().days(90).storage_class(s3::TransitionStorageClass::Glacier).build();
    let noncurrent = s3::NoncurrentVersionExpiration::builder().noncurrent_days(200).build();
    let moved = s3::NoncurrentVersionTransition::builder().noncurrent_days(30);
    let moved = moved.storage_class(s3::TransitionStorageClass::Glacier).build();
    let ours = s3::LifecycleRule::builder()
        .id("retention")
        .status(s3::ExpirationStatus::Disabled)
        .filter(prefix("some/"))
        .expiration(s3::LifecycleExpiration::builder().days(400).build())
        .noncurrent_version_expiration(noncurrent)
        .noncurrent_version_transitions(moved)
        .abort_incomplete_multipart_upload(abort)
        .transitions(transition)
        .build()?;
    let other = s3::LifecycleRule::builder()
        .id("soon")
        .status(s3::ExpirationStatus::Enabled)
        .filter(prefix("other/"))
        .expiration(s3::LifecycleExpiration::builder().days(1).build())
        .build()?;
    let rules = s3::BucketLifecycleConfiguration::builder().rules(ours).rules(other).build()?;
    let call = scene.aws.s3.put_bucket_lifecycle_configuration().bucket(&scene.id).lifecycle_configuration(rules);
    let small = s3::TransitionDefaultMinimumObjectSize::VariesByStorageClass;
    call.transition_default_minimum_object_size(small).send().await?;
    Ok(())
}

/// Replaces all tags by this one.
async fn tagged(scene: &Scene<'_>, key: &str) -> anyhow::Result<()> {
    let tag = s3::Tag::builder().key(key).value("somebody").build()?;
    let tags = s3::Tagging::builder().tag_set(tag).build()?;
    scene.aws.s3.put_bucket_tagging().bucket(&scene.id).tagging(tags).send().await?;
    Ok(())
}

fn bucket_of<'a>(scene: &'a Scene<'_>) -> &'a str {
    scene.id.split('/').next().unwrap_or_default()
}

async fn bucket_policy(scene: &Scene<'_>, change: fn(&mut Value)) -> anyhow::Result<()> {
    let (s3, bucket) = (&scene.aws.s3, bucket_of(scene));
    let read = s3.get_bucket_policy().bucket(bucket).send().await?;
    let mut document = serde_json::from_str(read.policy().unwrap_or_default())?;
    change(&mut document);
    s3.put_bucket_policy().bucket(bucket).policy(document.to_string()).send().await?;
    Ok(())
}

async fn role_policies(scene: &Scene<'_>) -> anyhow::Result<()> {
    let iam = &scene.aws.iam;
    let everything = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let changed = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Write", "Effect": "Deny", "Action": "logs:*",
        "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]});
    for (name, document) in [("more", everything), ("flow-logs", changed)] {
        let call = iam.put_role_policy().role_name(ROLE_NAME).policy_name(name).policy_document(document.to_string());
        call.send().await?;
    }
    Ok(())
}

/// Replaces the trust policy by one statement.
async fn trust(scene: &Scene<'_>, sid: &str) -> anyhow::Result<()> {
    let document = json!({"Version": "2012-10-17", "Statement": [{"Sid": sid, "Effect": "Deny",
        "Action": "sts:TagSession", "Principal": {"Service": "ec2.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}}]});
    let call = scene.aws.iam.update_assume_role_policy().role_name(ROLE_NAME).policy_document(document.to_string());
    call.send().await?;
    Ok(())
}

async fn role_tags(scene: &Scene<'_>) -> anyhow::Result<()> {
    let iam = &scene.aws.iam;
    let tag = aws_sdk_iam::types::Tag::builder().key("Owner").value("somebody").build()?;
    iam.tag_role().role_name(ROLE_NAME).tags(tag).send().await?;
    iam.untag_role().role_name(ROLE_NAME).tag_keys("Compliance").send().await?;
    Ok(())
}
