//! RDS for MySQL in place of Aurora: what differs. Its fields go through a matrix of their own.

use std::sync::Arc;

use anyhow::{Context, ensure};
use aws_sdk_rds::types::DbInstance;
use futures::FutureExt;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::aws::Account;
use payment_platform_tests::controller::Controller;
use payment_platform_tests::object::{Object, condition};
use serde_json::{Value, json};

use crate::Scenario;
use crate::drift::id;
use crate::kinds::{MYSQL, creation, deletion};
use crate::parameters::{waits_for_restart, window_of_now};
use crate::world::{World, windows_away};

pub const ALL: &[(&str, Scenario)] = &[
    ("with_mysql_everything_that_uses_the_database_knows_it", |world| built(world).boxed()),
    ("mysql_grows_in_place_and_leaves_a_snapshot", |world| grown(world).boxed()),
    ("mysql_of_another_major_version_leaves_the_options_of_its_snapshots", |world| upgraded(world).boxed()),
    ("mysql_restarts_in_its_window_for_a_parameter_that_needs_it", |world| restarted(world).boxed()),
    ("a_stopped_mysql_is_deleted_and_its_snapshot_has_a_name_of_its_own", |world| stopped(world).boxed()),
];

async fn instance(aws: &Account) -> anyhow::Result<DbInstance> {
    let read = aws.rds.describe_db_instances().db_instance_identifier("mysql-payment-prd").send().await?;
    read.db_instances.unwrap_or_default().pop().context("no instance")
}

/// Waits until RDS is done with the instance.
async fn available(aws: &Account) -> anyhow::Result<()> {
    for _ in 0..100 {
        if instance(aws).await?.db_instance_status() == Some("available") {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    anyhow::bail!("RDS is at work on it still")
}

async fn built(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"database": {"engine": "mysql"}})).await?;
    let made = [&creation()[..], MYSQL[0]].concat();
    place.wrote_nothing_but(0, &made)?;
    let status = object.status().await?;
    let outputs = status.outputs.clone().unwrap_or_default();
    let now = instance(&place.aws).await?;
    let host = now.endpoint().and_then(|endpoint| endpoint.address()).context("no endpoint")?;
    ensure!(outputs.database_endpoint.as_deref() == Some(host) && outputs.database_port == Some(3306), "{outputs:?}");
    ensure!(outputs.aurora_cluster_endpoint.is_none(), "{outputs:?}");
    ensure!(now.multi_az == Some(true) && now.storage_encrypted == Some(true), "{now:?}");
    ensure!(now.publicly_accessible == Some(false) && now.deletion_protection == Some(true), "{now:?}");
    ensure!(now.engine_version().is_some_and(|version| version.starts_with("8.4.")), "{:?}", now.engine_version());
    let resolved = status.resolved.clone().unwrap_or_default();
    ensure!(resolved.database_engine_version.as_deref() == now.engine_version(), "{resolved:?}");

    let secret = outputs.secrets_manager_secret_arn.context("no secret")?;
    ensure!(id(&status, "secretsmanager/secret/mysql-password")? == secret, "{secret}");
    let value = place.aws.secrets.get_secret_value().secret_id(&secret).send().await?;
    let value: Value = serde_json::from_str(value.secret_string().unwrap_or_default())?;
    for (part, wanted) in [("engine", json!("mysql")), ("host", json!(host)), ("port", json!(3306))] {
        ensure!(value[part] == wanted, "{part} is {} instead of {wanted}", value[part]);
    }
    let definition = id(&status, "ecs/task-definition/app")?;
    let read = place.aws.ecs.describe_task_definition().task_definition(definition).send().await?;
    let definition = read.task_definition.context("no task definition")?;
    let container = definition.container_definitions().first().context("no container")?;
    let port = container.environment().iter().find(|pair| pair.name() == Some("DATABASE_PORT"));
    ensure!(port.and_then(|pair| pair.value()) == Some("3306"), "{:?}", container.environment());
    let group = outputs.security_group_aurora_id.context("no group")?;
    let filter = aws_sdk_ec2::types::Filter::builder().name("group-id").values(group).build();
    let rules = place.aws.ec2.describe_security_group_rules().filters(filter).send().await?;
    ensure!(rules.security_group_rules().iter().all(|rule| rule.from_port == Some(3306)), "{rules:?}");
    let alarms = place.aws.cloudwatch.describe_alarms().alarm_names("payment-prd-db-cpu").send().await?;
    let dimension = alarms.metric_alarms().first().and_then(|alarm| alarm.dimensions().first()).context("no alarm")?;
    ensure!(dimension.name() == Some("DBInstanceIdentifier") && dimension.value() == Some("mysql-payment-prd"));

    // The engine is chosen once.
    let refused = object.merge(json!({"spec": {"database": null}})).await.map(drop);
    let refused = refused.err().context("the engine was changed")?.to_string();
    ensure!(refused.contains("database.engine cannot be changed"), "{refused}");
    let refused = object.merge(json!({"spec": {"database": {"readers": 2}}})).await.map(drop);
    ensure!(refused.err().is_some_and(|error| error.to_string().contains("are Aurora's")), "readers were accepted");
    Ok(())
}

async fn grown(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let database = json!({"engine": "mysql", "applyImmediately": true});
    let object = place.built("payments", json!({ "database": database })).await?;
    let before = place.writes()?.len();
    let edit = json!({"allocatedStorageGib": 200, "instanceClass": "db.r6g.xlarge"});
    object.merge(json!({"spec": {"database": edit}})).await?;
    object.ready().await?;
    let now = instance(&place.aws).await?;
    ensure!(now.allocated_storage == Some(200) && now.db_instance_class() == Some("db.r6g.xlarge"), "{now:?}");
    place.wrote_only(before, &["ModifyDBInstance"])?;
    // What has grown stays, whatever the spec says.
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"database": {"allocatedStorageGib": 150}}})).await?;
    object.ready().await?;
    object.look_now().await?;
    place.no_write_since(before)?;
    // Striped from 400 GiB on, it needs more operations; what somebody has given it beyond that stays when it grows on.
    object.merge(json!({"spec": {"database": {"allocatedStorageGib": 450}}})).await?;
    object.ready().await?;
    let now = instance(&place.aws).await?;
    ensure!((now.allocated_storage, now.iops) == (Some(450), Some(12000)), "{now:?}");
    available(&place.aws).await?;
    let call = place.aws.rds.modify_db_instance().db_instance_identifier("mysql-payment-prd").iops(15000);
    call.storage_throughput(600).apply_immediately(true).send().await?;
    object.merge(json!({"spec": {"database": {"allocatedStorageGib": 500}}})).await?;
    object.ready().await?;
    let now = instance(&place.aws).await?;
    ensure!((now.allocated_storage, now.iops) == (Some(500), Some(15000)), "{now:?}");
    object.delete().await?;
    let snapshots = place.aws.rds.describe_db_snapshots().send().await?;
    let last = snapshots.db_snapshots().iter().filter_map(|one| one.db_snapshot_identifier());
    let last: Vec<&str> = last.filter(|name| name.starts_with("mysql-payment-prd-final-")).collect();
    ensure!(last.len() == 1, "the snapshots {last:?}");
    let gone = place.aws.rds.describe_db_instances().send().await?;
    ensure!(gone.db_instances().is_empty(), "left: {:?}", gone.db_instances());
    // What is kept is tagged as kept.
    let taken = [&deletion()[..], MYSQL[1], &["ModifyDBInstance", "ModifyLoadBalancerAttributes"], &kept()].concat();
    place.wrote_nothing_but(before, &taken)
}

async fn upgraded(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let database = json!({"engine": "mysql", "engineVersion": "8.0.42", "applyImmediately": true});
    let object = place.built("payments", json!({ "database": database })).await?;
    let warnings = condition(&object.look_now().await?, "Warnings").map(|one| one.message.clone()).unwrap_or_default();
    ensure!(warnings.contains("8.0.42: its standard support ended on 2026-07-31"), "{warnings}");
    let rds = &place.aws.rds;
    let call = rds.create_db_snapshot().db_instance_identifier("mysql-payment-prd").db_snapshot_identifier("before");
    call.send().await?;
    object.merge(json!({"spec": {"database": {"engineVersion": "8.4.6"}}})).await?;
    object.ready().await?;
    let now = instance(&place.aws).await?;
    ensure!(now.engine_version() == Some("8.4.6"), "{:?}", now.engine_version());
    // The snapshot is restored with the options that the database had.
    let said = "mysql-options: no longer wanted; it stays while there are snapshots with it";
    let ready = |status: &PaymentPlatformStatus| -> String {
        let found = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        found.filter(|ready| ready.status == "True").map(|ready| ready.message.clone()).unwrap_or_default()
    };
    object.until("Ready, and the old options said", |status| ready(status).contains(said)).await?;
    let before = place.writes()?.len();
    object.look_now().await?;
    place.no_write_since(before)?;
    // Those that RDS takes by itself expire.
    for snapshot in rds.describe_db_snapshots().send().await?.db_snapshots() {
        rds.delete_db_snapshot().set_db_snapshot_identifier(snapshot.db_snapshot_identifier.clone()).send().await?;
    }
    object.until("rid of the old options", |status| !ready(status).is_empty() && !ready(status).contains(said)).await?;
    let groups = rds.describe_option_groups().send().await?;
    let names: Vec<&str> = groups.option_groups_list().iter().filter_map(|group| group.option_group_name()).collect();
    let ours: Vec<&&str> = names.iter().filter(|name| name.starts_with("mysql-options-payment-")).collect();
    ensure!(ours == [&"mysql-options-payment-prd-8-4"], "{ours:?}");
    Ok(())
}

/// What marks things as kept.
fn kept() -> [&'static str; 3] {
    ["AddTagsToResource", "PutBucketTagging", "TagResource"]
}

async fn restarted(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let mut database = windows_away();
    database["engine"] = json!("mysql");
    let object = place.built("payments", json!({ "database": database })).await?;
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"database": {"parameters": {"performance_schema": "1"}}}})).await?;
    let status = object.until("told of the restart to come", waits_for_restart).await?;
    ensure!(status.drift.is_empty(), "an edit is no drift: {:?}", status.drift);
    object.ready().await?;
    place.wrote_only(before, &["ModifyDBParameterGroup"])?;
    object.merge(json!({"spec": {"database": {"maintenanceWindow": window_of_now()}}})).await?;
    object.until("rid of what waited", |status| !waits_for_restart(status)).await?;
    let status = object.ready().await?;
    ensure!(status.drift.is_empty(), "a restart in its window is no drift: {:?}", status.drift);
    place.wrote_only(before, &["ModifyDBInstance", "ModifyDBParameterGroup", "RebootDBInstance"])?;
    let restarts = place.count(before, "RebootDBInstance")?;
    ensure!(restarts == 1 || !world.emulator.is_ours(), "{restarts} restarts");
    let now = instance(&place.aws).await?;
    let group = now.db_parameter_groups().first().and_then(|group| group.parameter_apply_status());
    ensure!(group == Some("in-sync"), "{:?}", now.db_parameter_groups());
    Ok(())
}

async fn stopped(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    // Nothing is looked at by itself: it is still stopped when the platform goes.
    let flags = [
        "--fast-interval-seconds=3600",
        "--slow-interval-seconds=3600",
        "--consistency-window-seconds=1",
        "--poll-seconds=1",
    ];
    let _controller = Controller::start(&cluster, &world.emulator, &world.folder().join("stopped-mysql.log"), &flags)?;
    let spec = place.spec(json!({"database": {"engine": "mysql"}}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    let status = object.ready().await?;
    let before = place.writes()?.len();
    // The end of the secret's name tells this object's things from those of others before and after it.
    let secret = id(&status, "secretsmanager/secret/mysql-password")?;
    let name = secret.rsplit(":secret:").next().and_then(|name| name.rsplit_once('-')).map(|(name, _)| name);
    let suffix = name.and_then(|name| name.rsplit('-').next()).context("no suffix")?;
    let taken = format!("mysql-payment-prd-final-{suffix}");
    let rds = &place.aws.rds;
    let call = rds.create_db_snapshot().db_instance_identifier("mysql-payment-prd").db_snapshot_identifier(&taken);
    call.send().await?;
    rds.stop_db_instance().db_instance_identifier("mysql-payment-prd").send().await?;
    object.delete().await?;
    let snapshots = rds.describe_db_snapshots().send().await?;
    let names = snapshots.db_snapshots().iter().filter_map(|one| one.db_snapshot_identifier());
    let last: Vec<&str> = names.filter(|name| name.starts_with(&taken)).collect();
    ensure!(last.len() == 2 && last.contains(&&*taken), "the earlier one and the last one: {last:?}");
    ensure!(place.count(before, "StartDBInstance")? >= 1 || !world.emulator.is_ours(), "it was not started");
    let more = ["ModifyDBInstance", "ModifyLoadBalancerAttributes", "StartDBInstance"];
    place.wrote_nothing_but(before, &[&deletion()[..], MYSQL[1], &more, &kept()].concat())
}
