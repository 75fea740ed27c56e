//! Keys, aliases, log groups.

use aws_sdk_kms::types::GrantOperation;
use futures::FutureExt;

use super::How::{Added, Changed, Removed};
use super::{Row, Scene, Waiver, waived};
use crate::matrix::storage::{broken, more, without_last};

const FIXED: &str = "AWS has no operation that changes it; a name is another thing";

const NONE: &str = "none are wanted";

pub const WAIVERS: &[Waiver] = &[
    waived("kms/alias", "name", Changed, FIXED),
    waived("kms/key", "grants.*", Removed, NONE),
    waived("logs/log-group", "name", Changed, FIXED),
    waived("logs/log-group", "subscriptions.*", Removed, NONE),
];

const APP: &str = "kms/key/app";
const S3: &str = "kms/key/s3";
const LOGS: &str = "kms/key/logs";
const GROUP: &str = "logs/log-group//ecs/payment-prd";

pub const ROWS: &[Row] = &[
    Row::new(APP, &[("description", Changed)], |scene| {
        let call = scene.aws.kms.update_key_description().key_id(&scene.id).description("somebody's");
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(S3, &[("enabled", Changed)], |scene| {
        let call = scene.aws.kms.disable_key().key_id(&scene.id);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(LOGS, &[("pending_deletion", Changed)], |scene| {
        let call = scene.aws.kms.schedule_key_deletion().key_id(&scene.id).pending_window_in_days(7);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(APP, &[("rotation.enabled", Changed)], |scene| {
        let call = scene.aws.kms.disable_key_rotation().key_id(&scene.id);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(S3, &[("rotation.period_days", Changed)], |scene| {
        let call = scene.aws.kms.enable_key_rotation().key_id(&scene.id).rotation_period_in_days(2560);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(LOGS, &[("policy.statements.*", Added)], |scene| policy(scene, more).boxed()),
    Row::new(
        S3,
        &[
            ("policy.statements.*.actions", Changed),
            ("policy.statements.*.conditions.*", Changed),
            ("policy.statements.*.effect", Changed),
            ("policy.statements.*.principals", Changed),
            ("policy.statements.*.resources", Changed),
            ("policy.version", Changed),
        ],
        |scene| policy(scene, broken).boxed(),
    ),
    Row::new(APP, &[("policy.statements.*", Removed)], |scene| policy(scene, without_last).boxed()),
    Row::new(APP, &[("tags.*", Changed)], |scene| {
        let tag = aws_sdk_kms::types::Tag::builder().tag_key("Owner").tag_value("somebody");
        async move { Ok(scene.aws.kms.tag_resource().key_id(&scene.id).tags(tag.build()?).send().await.map(drop)?) }
            .boxed()
    }),
    Row::new(S3, &[("tags.*", Removed)], |scene| {
        let call = scene.aws.kms.untag_resource().key_id(&scene.id).tag_keys("Compliance");
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(S3, &[("grants.*", Added)], |scene| {
        let call = scene.aws.kms.create_grant().key_id(&scene.id).operations(GrantOperation::Decrypt);
        let call = call.grantee_principal("arn:aws:iam::999999999999:root");
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new("kms/alias/app", &[("key_arn", Changed)], |scene| alias(scene).boxed()),
    Row::new(GROUP, &[("retention_days", Changed)], |scene| {
        let call = scene.aws.logs.put_retention_policy().log_group_name(&scene.id).retention_in_days(1);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(GROUP, &[("key_arn", Changed)], |scene| {
        let call = scene.aws.logs.disassociate_kms_key().log_group_name(&scene.id);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(GROUP, &[("subscriptions.*", Added)], |scene| {
        let call = scene.aws.logs.put_subscription_filter().log_group_name(&scene.id).filter_name("elsewhere");
        let call = call.filter_pattern("").destination_arn("arn:aws:logs:us-east-1:999999999999:destination:theirs");
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(GROUP, &[("bearer_tokens", Changed)], |scene| {
        let call = scene.aws.logs.put_bearer_token_authentication().log_group_identifier(&scene.id);
        async move { Ok(call.bearer_token_authentication_enabled(true).send().await.map(drop)?) }.boxed()
    }),
    Row::new(GROUP, &[("tags.*", Changed), ("tags.*", Removed)], |scene| group_tags(scene).boxed()),
];

/// Changes the policy of a key.
async fn policy(scene: &Scene<'_>, change: fn(&mut serde_json::Value)) -> anyhow::Result<()> {
    let kms = &scene.aws.kms;
    let read = kms.get_key_policy().key_id(&scene.id).policy_name("default").send().await?;
    let mut document = serde_json::from_str(read.policy().unwrap_or_default())?;
    change(&mut document);
    kms.put_key_policy().key_id(&scene.id).policy_name("default").policy(document.to_string()).send().await?;
    Ok(())
}

async fn alias(scene: &Scene<'_>) -> anyhow::Result<()> {
    let other = scene.id_of(S3)?;
    scene.aws.kms.update_alias().alias_name(&scene.id).target_key_id(other).send().await?;
    Ok(())
}

async fn group_tags(scene: &Scene<'_>) -> anyhow::Result<()> {
    let logs = &scene.aws.logs;
    let groups = logs.describe_log_groups().log_group_name_prefix(&scene.id).send().await?;
    let arn = groups.log_groups()[0].log_group_arn().unwrap_or_default();
    logs.tag_resource().resource_arn(arn).tags("Owner", "somebody").send().await?;
    logs.untag_resource().resource_arn(arn).tag_keys("Compliance").send().await?;
    Ok(())
}
