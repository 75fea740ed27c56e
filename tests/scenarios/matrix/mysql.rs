//! RDS for MySQL with its options and parameters.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use aws_sdk_rds::types as rds;
use futures::FutureExt;

use super::How::{Added, Changed, Removed};
use super::{Row, Scene, Waiver, waived};
use crate::world::other_windows;

const FIXED: &str = "AWS has no operation that changes it; a name is another thing";
const NONE: &str = "none are wanted";

pub const WAIVERS: &[Waiver] = &[
    waived("rds/option-group", "options.*", Added, "MySQL 8.4 has no other option"),
    waived("rds/option-group", "options.*.SERVER_AUDIT", Changed, SET_BY_RDS),
    waived("rds/option-group", "options.*.SERVER_AUDIT_FILE_PATH", Changed, SET_BY_RDS),
    waived("rds/option-group", "options.*.SERVER_AUDIT_LOGGING", Changed, SET_BY_RDS),
    waived(
        "rds/option-group",
        "options.*.SERVER_AUDIT_QUERY_LOG_LIMIT",
        Changed,
        "a setting that leaves nobody out stays",
    ),
    waived("rds/mysql-instance", "allocated_storage", Changed, "storage only grows, and what has grown stays"),
    waived("rds/mysql-instance", "database", Changed, FIXED),
    waived("rds/mysql-instance", "engine", Changed, FIXED),
    waived("rds/mysql-instance", "insights.key_arn", Changed, FIXED),
    waived(
        "rds/mysql-instance",
        "engine_version",
        Changed,
        "a newer minor version stays, and an older one cannot come back",
    ),
    waived("rds/mysql-instance", "identifier", Changed, FIXED),
    waived("rds/mysql-instance", "key_arn", Changed, FIXED),
    waived("rds/mysql-instance", "roles.*", Removed, NONE),
    waived("rds/mysql-instance", "waits_for_restart", Changed, super::database::RESTART),
    waived("rds/mysql-instance", "subnet_group", Changed, FIXED),
    waived("rds/mysql-instance", "username", Changed, FIXED),
    waived("rds/option-group", "engine", Changed, FIXED),
    waived("rds/option-group", "major_version", Changed, FIXED),
    waived("rds/option-group", "name", Changed, FIXED),
];

const INSTANCE: &str = "rds/mysql-instance/mysql";
const SET_BY_RDS: &str = "RDS does not let it be changed";

const OPTIONS: &str = "rds/option-group/mysql-options";
const PARAMETERS: &str = "rds/parameter-group/mysql-params";

pub const ROWS: &[Row] = &[
    Row::new(
        INSTANCE,
        &[
            ("backup_retention_days", Changed),
            ("backup_window", Changed),
            ("maintenance_window", Changed),
            ("copy_tags_to_snapshot", Changed),
            ("deletion_protection", Changed),
            ("iam_authentication", Changed),
            ("log_exports.*", Removed),
            ("automatic_minor_upgrades", Changed),
            ("class", Changed),
            ("multi_az", Changed),
            ("storage_type", Changed),
            ("port", Changed),
            ("public", Changed),
            ("security_groups.*", Added),
            ("security_groups.*", Removed),
            ("parameter_group", Changed),
            ("option_group", Changed),
            ("insights.retention_days", Changed),
        ],
        |scene| modified(scene).boxed(),
    ),
    Row::new(INSTANCE, &[("monitoring_seconds", Changed), ("monitoring_role_arn", Changed)], |scene| {
        let call = scene.aws.rds.modify_db_instance().db_instance_identifier(name(&scene.id));
        async move { Ok(call.monitoring_interval(0).monitoring_role_arn("").send().await.map(drop)?) }.boxed()
    }),
    Row::new(INSTANCE, &[("log_exports.*", Added)], |scene| {
        let logs = rds::CloudwatchLogsExportConfiguration::builder().enable_log_types("general").build();
        let call = scene.aws.rds.modify_db_instance().db_instance_identifier(name(&scene.id));
        async move { Ok(call.cloudwatch_logs_export_configuration(logs).send().await.map(drop)?) }.boxed()
    }),
    Row::new(INSTANCE, &[("roles.*", Added)], |scene| {
        let call = scene.aws.rds.add_role_to_db_instance().db_instance_identifier(name(&scene.id));
        let call = call.role_arn("arn:aws:iam::999999999999:role/export").feature_name("S3_INTEGRATION");
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(INSTANCE, &[("password_managed_by_rds", Changed)], |scene| {
        let call = scene.aws.rds.modify_db_instance().db_instance_identifier(name(&scene.id));
        let key = scene.id_of("kms/key/app").map(str::to_owned);
        let call = call.manage_master_user_password(true);
        async move { Ok(call.master_user_secret_kms_key_id(key?).send().await.map(drop)?) }.boxed()
    }),
    Row::new(INSTANCE, &[("stopped", Changed)], |scene| stopped(scene).boxed()),
    Row::new(INSTANCE, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene).boxed()),
    Row::new(PARAMETERS, &[("parameters.*", Changed), ("parameters.*", Added)], |scene| {
        let call = scene.aws.rds.modify_db_parameter_group().db_parameter_group_name(name(&scene.id));
        let call = call.parameters(parameter("require_secure_transport", "0"));
        let call = call.parameters(parameter("long_query_time", "60"));
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(PARAMETERS, &[("parameters.*", Removed)], |scene| {
        let call = scene.aws.rds.reset_db_parameter_group().db_parameter_group_name(name(&scene.id));
        async move { Ok(call.reset_all_parameters(true).send().await.map(drop)?) }.boxed()
    }),
    Row::new(PARAMETERS, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene).boxed()),
    Row::new(OPTIONS, &[("options.*", Removed)], |scene| {
        let call = scene.aws.rds.modify_option_group().option_group_name(name(&scene.id));
        let call = call.options_to_remove("MARIADB_AUDIT_PLUGIN").apply_immediately(true);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(OPTIONS, &[("options.*.SERVER_AUDIT_EVENTS", Changed)], |scene| {
        let set = |name: &str, value: &str| rds::OptionSetting::builder().name(name).value(value).build();
        let option = rds::OptionConfiguration::builder().option_name("MARIADB_AUDIT_PLUGIN");
        let option = option.option_settings(set("SERVER_AUDIT_EVENTS", "CONNECT"));
        let option = option.option_settings(set("SERVER_AUDIT_EXCL_USERS", "dbadmin")).build();
        let call = scene.aws.rds.modify_option_group().option_group_name(name(&scene.id)).options_to_include(option);
        async move { Ok(call.apply_immediately(true).send().await.map(drop)?) }.boxed()
    }),
    Row::new(OPTIONS, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene).boxed()),
];

/// The name at the end of an ARN.
fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

fn parameter(name: &str, value: &str) -> rds::Parameter {
    let parameter = rds::Parameter::builder().parameter_name(name).parameter_value(value);
    parameter.apply_method(rds::ApplyMethod::Immediate).build()
}

/// Until it is: while it is about to be, there is nothing to plan.
async fn stopped(scene: &Scene<'_>) -> anyhow::Result<()> {
    let rds = &scene.aws.rds;
    rds.stop_db_instance().db_instance_identifier(name(&scene.id)).send().await?;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let read = rds.describe_db_instances().db_instance_identifier(name(&scene.id)).send().await?;
        if read.db_instances().first().and_then(|one| one.db_instance_status()) == Some("stopped") {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the instance does not stop");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn modified(scene: &Scene<'_>) -> anyhow::Result<()> {
    let rds = &scene.aws.rds;
    let read = rds.describe_db_instances().db_instance_identifier(name(&scene.id)).send().await?;
    let version = read.db_instances().first().and_then(|one| one.engine_version()).context("no version")?;
    let major: String = version.rsplit_once('.').context("no major version")?.0.to_owned();
    let group = rds.create_db_parameter_group().db_parameter_group_name("elsewhere-mysql");
    group.db_parameter_group_family(format!("mysql{major}")).description("somebody's").send().await?;
    let options = rds.create_option_group().option_group_name("elsewhere-options").engine_name("mysql");
    options.major_engine_version(&major).option_group_description("somebody's").send().await?;
    let logs = rds::CloudwatchLogsExportConfiguration::builder().disable_log_types("audit").build();
    let call = rds.modify_db_instance().db_instance_identifier(name(&scene.id)).backup_retention_period(1);
    let (backup, maintenance) = other_windows();
    let call = call.preferred_backup_window(backup).preferred_maintenance_window(maintenance);
    let call = call.copy_tags_to_snapshot(false).deletion_protection(false).auto_minor_version_upgrade(false);
    let call = call.enable_iam_database_authentication(false).cloudwatch_logs_export_configuration(logs);
    let call = call.db_instance_class("db.r6g.xlarge").multi_az(false).storage_type("gp2").db_port_number(3307);
    let call = call.publicly_accessible(true).vpc_security_group_ids(scene.id_of("ec2/security-group/alb")?);
    let call = call.db_parameter_group_name("elsewhere-mysql").option_group_name("elsewhere-options");
    let call = call.performance_insights_kms_key_id(scene.id_of("kms/key/app")?).enable_performance_insights(true);
    call.performance_insights_retention_period(731).apply_immediately(true).send().await?;
    Ok(())
}

/// Of anything of RDS.
async fn tagged(scene: &Scene<'_>) -> anyhow::Result<()> {
    let owner = rds::Tag::builder().key("Owner").value("somebody").build();
    scene.aws.rds.add_tags_to_resource().resource_name(&scene.id).tags(owner).send().await?;
    scene.aws.rds.remove_tags_from_resource().resource_name(&scene.id).tag_keys("Compliance").send().await?;
    Ok(())
}
