//! The database with all that it stands on: groups, secret, topic, event subscriptions.

use anyhow::Context;
use aws_sdk_rds::types as rds;
use aws_sdk_secretsmanager::types as secrets;
use futures::FutureExt;
use serde_json::{Value, json};

use super::How::{Added, Changed, Removed};
use super::{Row, Scene, Waiver, waived};
use crate::matrix::storage::{broken, more, without_last};
use crate::world::other_windows;

const FIXED: &str = "AWS has no operation that changes it; a name is another thing";
const NONE: &str = "none are wanted";
pub const RESTART: &str = "what comes with the next restart is no drift";

pub const WAIVERS: &[Waiver] = &[
    waived("rds/cluster", "database", Changed, FIXED),
    waived("rds/cluster", "engine", Changed, FIXED),
    waived("rds/cluster", "engine_version", Changed, "a newer minor version stays, and an older one cannot come back"),
    waived("rds/cluster", "foreign_instances.*", Removed, NONE),
    waived("rds/cluster", "identifier", Changed, FIXED),
    waived("rds/cluster", "key_arn", Changed, FIXED),
    waived("rds/cluster", "roles.*", Removed, NONE),
    waived("rds/cluster", "subnet_group", Changed, FIXED),
    waived("rds/cluster", "username", Changed, FIXED),
    waived("rds/cluster-parameter-group", "family", Changed, FIXED),
    waived("rds/cluster-parameter-group", "name", Changed, FIXED),
    waived("rds/event-subscription", "categories.*", Removed, NONE),
    waived("rds/event-subscription", "name", Changed, FIXED),
    waived("rds/instance", "cluster", Changed, FIXED),
    waived("rds/instance", "identifier", Changed, FIXED),
    waived("rds/instance", "insights.key_arn", Changed, FIXED),
    waived("rds/instance", "waits_for_restart", Changed, RESTART),
    waived("rds/instance", "zone", Changed, FIXED),
    waived("rds/parameter-group", "family", Changed, FIXED),
    waived("rds/parameter-group", "name", Changed, FIXED),
    waived("rds/subnet-group", "in_use.*", Changed, "where the instances are, which the wish takes over"),
    waived("rds/subnet-group", "in_use.*", Added, "where the instances are, which the wish takes over"),
    waived("rds/subnet-group", "in_use.*", Removed, "where the instances are, which the wish takes over"),
    waived("rds/subnet-group", "name", Changed, FIXED),
    waived("rds/subnet-group", "subnets.*", Removed, "each has an instance in it, and AWS keeps it in the group"),
    waived("secretsmanager/attachment", "secret_arn", Changed, FIXED),
    waived("secretsmanager/secret", "has_value", Changed, "AWSCURRENT can be moved to another version, not taken off"),
    waived("secretsmanager/secret", "name", Changed, FIXED),
    waived("secretsmanager/secret", "replicas.*", Removed, NONE),
    waived(
        "secretsmanager/secret",
        "rotation_function",
        Changed,
        "AWS takes a function that exists, and there is none yet",
    ),
    waived("sns/topic", "name", Changed, FIXED),
    waived("sns/topic", "settings.*", Removed, NONE),
    waived("sns/topic", "unconfirmed.*", Added, "it gets nothing and cannot be removed"),
    waived("sns/topic", "unconfirmed.*", Removed, "it gets nothing and cannot be removed"),
];

const CLUSTER: &str = "rds/cluster/aurora";
const WRITER: &str = "rds/instance/writer";
const READER: &str = "rds/instance/reader";
const CLUSTER_PARAMETERS: &str = "rds/cluster-parameter-group/params";
const PARAMETERS: &str = "rds/parameter-group/params";
const SUBNETS: &str = "rds/subnet-group/aurora-subnets";
const SECRET: &str = "secretsmanager/secret/aurora-password";
const ATTACHMENT: &str = "secretsmanager/attachment/aurora-password";
const TOPIC: &str = "sns/topic/alerts";
const OF_INSTANCES: &str = "rds/event-subscription/instance";
const OF_CLUSTER: &str = "rds/event-subscription/cluster";
const OF_GROUPS: &str = "rds/event-subscription/parameter-group";

pub const ROWS: &[Row] = &[
    Row::new(
        CLUSTER,
        &[
            ("backup_retention_days", Changed),
            ("backup_window", Changed),
            ("copy_tags_to_snapshot", Changed),
            ("deletion_protection", Changed),
            ("iam_authentication", Changed),
            ("log_exports.*", Removed),
            ("maintenance_window", Changed),
            ("parameter_group", Changed),
            ("port", Changed),
            ("security_groups.*", Added),
            ("security_groups.*", Removed),
            ("storage_type", Changed),
        ],
        |scene| modified_cluster(scene).boxed(),
    ),
    Row::new(CLUSTER, &[("foreign_instances.*", Added)], |scene| {
        let call = scene.aws.rds.create_db_instance().db_instance_identifier("elsewhere-reader");
        let call = call.db_cluster_identifier(name(&scene.id)).engine("aurora-postgresql");
        async move { Ok(call.db_instance_class("db.r6g.large").send().await.map(drop)?) }.boxed()
    }),
    Row::new(CLUSTER, &[("http_endpoint", Changed)], |scene| {
        let call = scene.aws.rds.enable_http_endpoint().resource_arn(&scene.id);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(CLUSTER, &[("roles.*", Added)], |scene| {
        let call = scene.aws.rds.add_role_to_db_cluster().db_cluster_identifier(name(&scene.id));
        let call = call.role_arn("arn:aws:iam::999999999999:role/export").feature_name("s3Export");
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(CLUSTER, &[("password_managed_by_rds", Changed)], |scene| {
        let call = scene.aws.rds.modify_db_cluster().db_cluster_identifier(name(&scene.id));
        let key = scene.id_of("kms/key/app").map(str::to_owned);
        let call = call.manage_master_user_password(true);
        async move { Ok(call.master_user_secret_kms_key_id(key?).send().await.map(drop)?) }.boxed()
    }),
    Row::new(CLUSTER, &[("log_exports.*", Added)], |scene| {
        let logs = rds::CloudwatchLogsExportConfiguration::builder().enable_log_types("upgrade").build();
        let call = scene.aws.rds.modify_db_cluster().db_cluster_identifier(name(&scene.id));
        async move { Ok(call.cloudwatch_logs_export_configuration(logs).send().await.map(drop)?) }.boxed()
    }),
    Row::new(CLUSTER, &[("stopped", Changed)], |scene| {
        let call = scene.aws.rds.stop_db_cluster().db_cluster_identifier(name(&scene.id));
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(CLUSTER, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene).boxed()),
    Row::new(
        WRITER,
        &[
            ("automatic_minor_upgrades", Changed),
            ("class", Changed),
            ("insights.retention_days", Changed),
            ("maintenance_window", Changed),
            ("parameter_group", Changed),
            ("public", Changed),
        ],
        |scene| modified_instance(scene).boxed(),
    ),
    Row::new(READER, &[("monitoring_seconds", Changed), ("monitoring_role_arn", Changed)], |scene| {
        let call = scene.aws.rds.modify_db_instance().db_instance_identifier(name(&scene.id));
        async move { Ok(call.monitoring_interval(0).monitoring_role_arn("").send().await.map(drop)?) }.boxed()
    }),
    Row::new(READER, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene).boxed()),
    Row::new(CLUSTER_PARAMETERS, &[("parameters.*", Changed), ("parameters.*", Added)], |scene| {
        let call = scene.aws.rds.modify_db_cluster_parameter_group();
        let call = call.db_cluster_parameter_group_name(name(&scene.id));
        let call = call.parameters(parameter("rds.force_ssl", "0")).parameters(parameter("work_mem", "4096"));
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(CLUSTER_PARAMETERS, &[("parameters.*", Removed)], |scene| {
        let call = scene.aws.rds.reset_db_cluster_parameter_group();
        let call = call.db_cluster_parameter_group_name(name(&scene.id)).reset_all_parameters(true);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(CLUSTER_PARAMETERS, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene).boxed()),
    Row::new(PARAMETERS, &[("parameters.*", Changed), ("parameters.*", Added)], |scene| {
        let call = scene.aws.rds.modify_db_parameter_group().db_parameter_group_name(name(&scene.id));
        let preloaded = rds::Parameter::builder().parameter_name("shared_preload_libraries").parameter_value("pgaudit");
        let preloaded = preloaded.apply_method(rds::ApplyMethod::PendingReboot).build();
        let call = call.parameters(preloaded).parameters(parameter("work_mem", "4096"));
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(PARAMETERS, &[("parameters.*", Removed)], |scene| {
        let call = scene.aws.rds.reset_db_parameter_group().db_parameter_group_name(name(&scene.id));
        async move { Ok(call.reset_all_parameters(true).send().await.map(drop)?) }.boxed()
    }),
    Row::new(PARAMETERS, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene).boxed()),
    Row::new(SUBNETS, &[("description", Changed), ("subnets.*", Added)], |scene| regrouped(scene).boxed()),
    Row::new(SUBNETS, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene).boxed()),
    Row::new(SECRET, &[("key_arn", Changed)], |scene| other_key(scene).boxed()),
    Row::new(SECRET, &[("policy", Changed)], |scene| {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
            "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "secretsmanager:GetSecretValue"}]});
        let call = scene.aws.secrets.put_resource_policy().secret_id(&scene.id).resource_policy(policy.to_string());
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(SECRET, &[("replicas.*", Added)], |scene| {
        let region = secrets::ReplicaRegionType::builder().region("eu-central-1").build();
        let call = scene.aws.secrets.replicate_secret_to_regions().secret_id(&scene.id).add_replica_regions(region);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    // In a round of its own for the service: tasks do not start without it.
    Row::new(SECRET, &[("pending_deletion", Changed)], |scene| {
        let call = scene.aws.secrets.delete_secret().secret_id(&scene.id).recovery_window_in_days(7);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(SECRET, &[("tags.*", Changed), ("tags.*", Removed)], |scene| secret_tags(scene).boxed()),
    Row::new(ATTACHMENT, &[("in_use", Changed)], |scene| older_value(scene).boxed()),
    Row::new(ATTACHMENT, &[("attached_to", Changed)], |scene| {
        let tag = secrets::Tag::builder().key("paymentplatform.io/attached-to").value("elsewhere:5432").build();
        let secret = scene.id.trim_end_matches("#attachment").to_owned();
        let call = scene.aws.secrets.tag_resource().secret_id(secret).tags(tag);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(TOPIC, &[("key_arn", Changed)], |scene| {
        let call = scene.aws.sns.set_topic_attributes().topic_arn(&scene.id).attribute_name("KmsMasterKeyId");
        async move { Ok(call.attribute_value("").send().await.map(drop)?) }.boxed()
    }),
    Row::new(TOPIC, &[("policy.statements.*", Added)], |scene| policy(scene, more).boxed()),
    Row::new(TOPIC, &[("policy.statements.*", Removed)], |scene| policy(scene, without_last).boxed()),
    Row::new(
        TOPIC,
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
    Row::new(TOPIC, &[("subscriptions.*", Added), ("subscriptions.*", Removed)], |scene| subscribed(scene).boxed()),
    Row::new(TOPIC, &[("settings.*", Added)], |scene| filtered(scene).boxed()),
    Row::new(TOPIC, &[("tags.*", Changed), ("tags.*", Removed)], |scene| topic_tags(scene).boxed()),
    Row::new(OF_INSTANCES, &[("enabled", Changed), ("categories.*", Added)], |scene| {
        let call = scene.aws.rds.modify_event_subscription().subscription_name(name(&scene.id)).enabled(false);
        async move { Ok(call.event_categories("failover").send().await.map(drop)?) }.boxed()
    }),
    Row::new(OF_INSTANCES, &[("sources.*", Removed)], |scene| {
        let call = scene.aws.rds.remove_source_identifier_from_subscription().subscription_name(name(&scene.id));
        async move { Ok(call.source_identifier("aurora-payment-prd-reader").send().await.map(drop)?) }.boxed()
    }),
    Row::new(OF_GROUPS, &[("sources.*", Added)], |scene| other_source(scene).boxed()),
    Row::new(OF_GROUPS, &[("delivers", Changed)], |scene| silenced(scene).boxed()),
    Row::new(OF_CLUSTER, &[("topic_arn", Changed)], |scene| other_topic(scene).boxed()),
    Row::new("rds/event-subscription/security-group", &[("source_type", Changed)], |scene| {
        let call = scene.aws.rds.modify_event_subscription().subscription_name(name(&scene.id));
        async move { Ok(call.source_type("db-snapshot").send().await.map(drop)?) }.boxed()
    }),
    Row::new(OF_CLUSTER, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene).boxed()),
];

/// The name at the end of an ARN.
fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

fn parameter(name: &str, value: &str) -> rds::Parameter {
    let parameter = rds::Parameter::builder().parameter_name(name).parameter_value(value);
    parameter.apply_method(rds::ApplyMethod::Immediate).build()
}

async fn modified_cluster(scene: &Scene<'_>) -> anyhow::Result<()> {
    let rds = &scene.aws.rds;
    let group = rds.create_db_cluster_parameter_group().db_cluster_parameter_group_name("elsewhere-cluster");
    group.db_parameter_group_family("aurora-postgresql16").description("somebody's").send().await?;
    let logs = rds::CloudwatchLogsExportConfiguration::builder().disable_log_types("postgresql").build();
    let call = rds.modify_db_cluster().db_cluster_identifier(name(&scene.id)).backup_retention_period(1);
    let (backup, maintenance) = other_windows();
    let call = call.preferred_backup_window(backup).preferred_maintenance_window(maintenance);
    let call = call.copy_tags_to_snapshot(false).deletion_protection(false).storage_type("aurora-iopt1");
    let call = call.enable_iam_database_authentication(false).cloudwatch_logs_export_configuration(logs).port(5433);
    let call = call.db_cluster_parameter_group_name("elsewhere-cluster");
    let call = call.vpc_security_group_ids(scene.id_of("ec2/security-group/alb")?);
    call.apply_immediately(true).send().await?;
    Ok(())
}

async fn modified_instance(scene: &Scene<'_>) -> anyhow::Result<()> {
    let rds = &scene.aws.rds;
    let group = rds.create_db_parameter_group().db_parameter_group_name("elsewhere-instance");
    group.db_parameter_group_family("aurora-postgresql16").description("somebody's").send().await?;
    let call = rds.modify_db_instance().db_instance_identifier(name(&scene.id)).auto_minor_version_upgrade(false);
    let call = call.db_instance_class("db.r6g.xlarge").publicly_accessible(true);
    let call = call.performance_insights_kms_key_id(scene.id_of("kms/key/app")?).enable_performance_insights(true);
    let call = call.performance_insights_retention_period(731).preferred_maintenance_window(other_windows().1);
    call.db_parameter_group_name("elsewhere-instance").send().await?;
    Ok(())
}

async fn regrouped(scene: &Scene<'_>) -> anyhow::Result<()> {
    let call = scene.aws.rds.modify_db_subnet_group().db_subnet_group_name(name(&scene.id));
    let call = call.subnet_ids(scene.id_of("ec2/subnet/database-us-east-1a")?);
    let call = call.subnet_ids(scene.id_of("ec2/subnet/database-us-east-1b")?);
    let call = call.subnet_ids(scene.id_of("ec2/subnet/public-us-east-1a")?);
    call.db_subnet_group_description("somebody's").send().await?;
    Ok(())
}

/// Of anything of RDS.
async fn tagged(scene: &Scene<'_>) -> anyhow::Result<()> {
    let owner = rds::Tag::builder().key("Owner").value("somebody").build();
    scene.aws.rds.add_tags_to_resource().resource_name(&scene.id).tags(owner).send().await?;
    scene.aws.rds.remove_tags_from_resource().resource_name(&scene.id).tag_keys("Compliance").send().await?;
    Ok(())
}

async fn other_key(scene: &Scene<'_>) -> anyhow::Result<()> {
    let key = scene.id_of("kms/key/s3")?;
    scene.aws.secrets.update_secret().secret_id(&scene.id).kms_key_id(key).send().await?;
    Ok(())
}

async fn secret_tags(scene: &Scene<'_>) -> anyhow::Result<()> {
    let owner = secrets::Tag::builder().key("Owner").value("somebody").build();
    scene.aws.secrets.tag_resource().secret_id(&scene.id).tags(owner).send().await?;
    scene.aws.secrets.untag_resource().secret_id(&scene.id).tag_keys("Compliance").send().await?;
    Ok(())
}

async fn topic_tags(scene: &Scene<'_>) -> anyhow::Result<()> {
    let owner = aws_sdk_sns::types::Tag::builder().key("Owner").value("somebody").build()?;
    scene.aws.sns.tag_resource().resource_arn(&scene.id).tags(owner).send().await?;
    scene.aws.sns.untag_resource().resource_arn(&scene.id).tag_keys("Compliance").send().await?;
    Ok(())
}

async fn policy(scene: &Scene<'_>, change: fn(&mut Value)) -> anyhow::Result<()> {
    let sns = &scene.aws.sns;
    let read = sns.get_topic_attributes().topic_arn(&scene.id).send().await?;
    let text = read.attributes().and_then(|all| all.get("Policy")).context("no policy")?;
    let mut document = serde_json::from_str(text)?;
    change(&mut document);
    let call = sns.set_topic_attributes().topic_arn(&scene.id).attribute_name("Policy");
    call.attribute_value(document.to_string()).send().await?;
    Ok(())
}

/// One reads along that should not, and one that should no longer does.
async fn subscribed(scene: &Scene<'_>) -> anyhow::Result<()> {
    let sns = &scene.aws.sns;
    let known = sns.list_subscriptions_by_topic().topic_arn(&scene.id).send().await?;
    let own = known.subscriptions().first().and_then(|one| one.subscription_arn()).context("no subscription")?;
    sns.unsubscribe().subscription_arn(own).send().await?;
    let call = sns.subscribe().topic_arn(&scene.id).protocol("sqs");
    call.endpoint("arn:aws:sqs:us-east-1:999999999999:theirs").send().await?;
    Ok(())
}

/// It gets next to nothing of what is published, and in another form.
async fn filtered(scene: &Scene<'_>) -> anyhow::Result<()> {
    let sns = &scene.aws.sns;
    let known = sns.list_subscriptions_by_topic().topic_arn(&scene.id).send().await?;
    let own = known.subscriptions().first().and_then(|one| one.subscription_arn()).context("no subscription")?;
    let queue = r#"{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:999999999999:theirs"}"#;
    let settings =
        [("FilterPolicy", r#"{"severity": ["none"]}"#), ("RawMessageDelivery", "true"), ("RedrivePolicy", queue)];
    for (name, value) in settings {
        let call = sns.set_subscription_attributes().subscription_arn(own);
        call.attribute_name(name).attribute_value(value).send().await?;
    }
    Ok(())
}

async fn other_source(scene: &Scene<'_>) -> anyhow::Result<()> {
    let rds = &scene.aws.rds;
    let group = rds.create_db_parameter_group().db_parameter_group_name("elsewhere-source");
    group.db_parameter_group_family("aurora-postgresql16").description("somebody's").send().await?;
    let call = rds.add_source_identifier_to_subscription().subscription_name(name(&scene.id));
    call.source_identifier("elsewhere-source").send().await?;
    Ok(())
}

/// The value of the creation, which had no host yet, is in use again.
async fn older_value(scene: &Scene<'_>) -> anyhow::Result<()> {
    let (secrets, arn) = (&scene.aws.secrets, scene.id.trim_end_matches("#attachment"));
    let versions = secrets.describe_secret().secret_id(arn).send().await?.version_ids_to_stages.unwrap_or_default();
    let at = |stage: &str| versions.iter().find(|(_, stages)| stages.iter().any(|one| one == stage)).map(|(id, _)| id);
    let (now, before) = (at("AWSCURRENT").context("no value")?, at("AWSPREVIOUS").context("no older value")?);
    let call = secrets.update_secret_version_stage().secret_id(arn).version_stage("AWSCURRENT");
    call.remove_from_version_id(now).move_to_version_id(before).send().await?;
    Ok(())
}

/// The topic refuses one event: a parameter that is as RDS has it is reset.
async fn silenced(scene: &Scene<'_>) -> anyhow::Result<()> {
    let (rds, sns) = (&scene.aws.rds, &scene.aws.sns);
    let seen = rds.describe_event_subscriptions().subscription_name(name(&scene.id)).send().await?;
    let seen = seen.event_subscriptions_list().first().context("no subscription")?;
    let topic = seen.sns_topic_arn.clone().context("no topic")?;
    let group = seen.source_ids_list().first().context("no source")?;
    let read = sns.get_topic_attributes().topic_arn(&topic).send().await?.attributes.unwrap_or_default();
    let open = read.get("Policy").context("no policy")?;
    let set = |policy: String| {
        sns.set_topic_attributes().topic_arn(&topic).attribute_name("Policy").attribute_value(policy).send()
    };
    set(open.replace("events.rds.amazonaws.com", "cloudwatch.amazonaws.com")).await?;
    let call = rds.reset_db_parameter_group().db_parameter_group_name(group);
    call.parameters(parameter("work_mem", "4096")).send().await?;
    set(open.clone()).await?;
    Ok(())
}

async fn other_topic(scene: &Scene<'_>) -> anyhow::Result<()> {
    let topic = scene.aws.sns.create_topic().name("elsewhere-alerts").send().await?.topic_arn.context("no ARN")?;
    let call = scene.aws.rds.modify_event_subscription().subscription_name(name(&scene.id));
    call.sns_topic_arn(topic).send().await?;
    Ok(())
}
