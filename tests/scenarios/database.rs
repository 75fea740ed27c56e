//! The database: what is special about it beside what every kind goes through in the matrix.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use aws_sdk_rds::types::DbInstance;
use futures::FutureExt;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::aws::Account;
use payment_platform_tests::controller::{Controller, QUICK};
use payment_platform_tests::object::{Object, condition};
use serde_json::{Value, json};

use crate::Scenario;
use crate::drift::id;
use crate::kinds;
use crate::settings::plan_of;
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("the_password_of_the_database_is_nowhere_but_in_its_secret", |world| password(world, AURORA).boxed()),
    ("the_password_of_mysql_is_nowhere_but_in_its_secret", |world| password(world, MYSQL).boxed()),
    ("a_secret_deleted_by_hand_is_restored_and_one_that_is_gone_is_made_again", |world| secret(world).boxed()),
    ("class_storage_and_readers_change_in_place", |world| in_place(world).boxed()),
    ("performance_insights_come_with_a_class_that_has_them", |world| insights(world).boxed()),
    ("what_waits_for_the_maintenance_window_is_no_drift", |world| pending(world).boxed()),
    ("a_stopped_cluster_is_deleted", |world| stopped(world).boxed()),
    ("a_node_that_takes_too_long_stalls_the_platform_until_it_is_there", |world| overdue(world).boxed()),
    ("a_database_under_another_key_is_left_as_it_is_with_a_way_out", |world| other_key(world).boxed()),
];

const SECRET: &str = "secretsmanager/secret/aurora-password";
pub const CLUSTER: &str = "aurora-payment-prd";

async fn value_of(aws: &Account, secret: &str) -> anyhow::Result<Value> {
    let read = aws.secrets.get_secret_value().secret_id(secret).send().await?;
    Ok(serde_json::from_str(read.secret_string().unwrap_or_default())?)
}

fn password_in(value: &Value) -> anyhow::Result<String> {
    Ok(value["password"].as_str().context("no password")?.to_owned())
}

async fn instances(aws: &Account) -> anyhow::Result<Vec<DbInstance>> {
    let mut all = aws.rds.describe_db_instances().send().await?.db_instances.unwrap_or_default();
    all.sort_by(|a, b| a.db_instance_identifier.cmp(&b.db_instance_identifier));
    Ok(all)
}

/// What is called otherwise with the other engine.
pub struct Names {
    pub engine: &'static str,
    pub secret: &'static str,
    pub node: &'static str,
    /// In the secret.
    pub scheme: &'static str,
    pub port: i64,
    /// The operations that carry the password.
    pub calls: [&'static str; 2],
}

pub const AURORA: Names = Names {
    engine: "aurora-postgresql",
    secret: SECRET,
    node: "rds/cluster/aurora",
    scheme: "postgres",
    port: 5432,
    calls: ["CreateDBCluster", "ModifyDBCluster"],
};

pub const MYSQL: Names = Names {
    engine: "mysql",
    secret: "secretsmanager/secret/mysql-password",
    node: "rds/mysql-instance/mysql",
    scheme: "mysql",
    port: 3306,
    calls: ["CreateDBInstance", "ModifyDBInstance"],
};

/// With everything logged, after a creation, a repair that needs the password, and a deletion, where each call that carries it
/// fails at first, before its effect or after.
async fn password(world: Arc<World>, names: Names) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    for (number, operation) in ["CreateSecret", "PutSecretValue"].into_iter().chain(names.calls).enumerate() {
        let mode = if number % 2 == 0 { "refuse" } else { "after-effect" };
        let fault = json!({"operation": operation, "account": place.account, "times": 4, "mode": mode, "status": 503,
            "code": "ServiceUnavailable"});
        world.emulator.fault(fault).await?;
    }
    let log = world.folder().join(format!("password-{}.log", names.engine));
    let flags = [QUICK, &["--log=trace"]].concat();
    let _controller = Controller::start(&cluster, &world.emulator, &log, &flags)?;
    let client = cluster.client().await?;
    let spec = place.spec(json!({"profile": "Ephemeral", "database": {"engine": names.engine}}));
    let object = Object::create(client.clone(), &place.namespace, "payments", spec).await?;
    let status = object.ready().await?;
    let secret = id(&status, names.secret)?;
    let first = value_of(&place.aws, &secret).await?;
    let outputs = status.outputs.clone().unwrap_or_default();
    ensure!(outputs.secrets_manager_secret_arn.as_deref() == Some(&*secret), "{outputs:?}");
    let endpoint = outputs.aurora_cluster_endpoint.as_deref().or(outputs.database_endpoint.as_deref());
    ensure!(first["host"].as_str() == endpoint, "no host in the secret");
    let wanted = json!({"username": "dbadmin", "dbname": "paymentdb", "engine": names.scheme, "port": names.port});
    for (key, value) in wanted.as_object().into_iter().flatten() {
        ensure!(first[key] == *value, "{key} is {} instead of {value}", first[key]);
    }
    let first = password_in(&first)?;
    ensure!(first.len() >= 16 && !first.contains(['/', '@', '"', '\'', '\\', ' ']), "no password for a database");

    place.aws.secrets.delete_secret().secret_id(&secret).force_delete_without_recovery(true).send().await?;
    object.corrected(names.secret, "existence").await?;
    let told = format!("{} was gone for good", names.secret);
    let named =
        |status: &PaymentPlatformStatus| condition(status, "Warnings").is_some_and(|one| one.message.contains(&told));
    object.until("the new password is told of", named).await?;
    let status = object.ready().await?;
    let second = password_in(&value_of(&place.aws, &id(&status, names.secret)?).await?)?;
    ensure!(first != second, "the same password again");
    let manifest = serde_json::to_value(object.get().await?)?;
    let (_, plan, errors) = plan_of(&place, &manifest, &["-o", "json", "--all"])?;
    ensure!(plan.contains(names.node), "{errors}");
    let maps = Api::<ConfigMap>::namespaced(client.clone(), &place.namespace).list(&ListParams::default()).await?;
    object.delete().await?;
    let events = Api::<Event>::namespaced(client, &place.namespace).list(&ListParams::default()).await?;
    let more = [&[names.calls[1], "UpdateService"], kinds::MYSQL[0], kinds::MYSQL[1]].concat();
    place.wrote_nothing_but(0, &kinds::whole_life(&more))?;
    for operation in names.calls {
        ensure!(place.count(0, operation)? > 0, "{operation} was not made");
    }

    let log = std::fs::read_to_string(&log)?;
    ensure!(log.contains("TRACE") && log.contains("DEBUG"), "not everything was logged");
    let calls = world.emulator.log_text()?;
    let places = [
        ("the log", log),
        ("the status", serde_json::to_string(&status)?),
        ("the object", manifest.to_string()),
        ("the plan", plan + &errors),
        ("the Events", serde_json::to_string(&events.items)?),
        ("the ConfigMaps", serde_json::to_string(&maps.items)?),
        ("the emulator's log", calls),
    ];
    for (place, text) in &places {
        ensure!(!text.contains(&first) && !text.contains(&second), "the password is in {place}");
    }
    Ok(())
}

async fn secret(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let arn = id(&object.status().await?, SECRET)?;
    let first = password_in(&value_of(&place.aws, &arn).await?)?;
    let before = place.writes()?.len();
    place.aws.secrets.delete_secret().secret_id(&arn).recovery_window_in_days(7).send().await?;
    let drift = object.corrected(SECRET, "pending_deletion").await?;
    ensure!(drift.before.as_deref() == Some("true") && drift.after.as_deref() == Some("false"), "{drift:?}");
    ensure!(password_in(&value_of(&place.aws, &arn).await?)? == first, "another password");
    place.wrote_only(before, &["RestoreSecret"])?;

    // Beyond recovery: the database gets the password of the new one, and the new one the host.
    let before = place.writes()?.len();
    place.aws.secrets.delete_secret().secret_id(&arn).force_delete_without_recovery(true).send().await?;
    object.corrected(SECRET, "existence").await?;
    let status = object.ready().await?;
    let new = id(&status, SECRET)?;
    let value = value_of(&place.aws, &new).await?;
    ensure!(new != arn && password_in(&value)? != first, "not made again");
    ensure!(value["host"].as_str() == status.outputs.and_then(|outputs| outputs.aurora_cluster_endpoint).as_deref());
    // Another ARN: the tasks get another login, and their role another secret.
    let made_again = ["AddTagsToResource", "CreateSecret", "ModifyDBCluster", "PutSecretValue", "TagResource"];
    let follows = ["DeregisterTaskDefinition", "PutRolePolicy", "RegisterTaskDefinition", "UpdateService"];
    place.wrote_nothing_but(before, &[&made_again[..], &follows].concat())?;
    let once = ["CreateSecret", "ModifyDBCluster", "PutSecretValue", "PutRolePolicy", "RegisterTaskDefinition"];
    for (operation, times) in once.map(|operation| (operation, 1)) {
        let count = place.count(before, operation)?;
        ensure!(count == times || !world.emulator.is_ours(), "{count} times {operation} instead of {times}");
    }
    Ok(())
}

async fn insights(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let database = json!({"instanceClass": "db.t4g.medium", "applyImmediately": true});
    let object = place.built("payments", json!({"profile": "Ephemeral", "database": database})).await?;
    let on = |all: &[DbInstance]| all.iter().filter(|one| one.performance_insights_enabled == Some(true)).count();
    let small = instances(&place.aws).await?;
    ensure!(small.len() == 2 && on(&small) == 0, "RDS refuses it for this class: {small:?}");
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"database": {"instanceClass": "db.r6g.large"}}})).await?;
    object.ready().await?;
    let large = instances(&place.aws).await?;
    ensure!(on(&large) == 2, "{large:?}");
    let keyed = large.iter().all(|one| one.performance_insights_kms_key_id.is_some());
    ensure!(keyed, "not by a key of the platform: {large:?}");
    object.merge(json!({"spec": {"database": {"performanceInsights": false}}})).await?;
    object.ready().await?;
    ensure!(on(&instances(&place.aws).await?) == 0, "it was to be turned off");
    place.wrote_only(before, &["ModifyDBInstance"])
}

async fn in_place(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"database": {"applyImmediately": true}})).await?;
    let cluster = id(&object.status().await?, "rds/cluster/aurora")?;
    let before = place.writes()?.len();
    let edit = json!({"instanceClass": "db.r6g.xlarge", "storageType": "aurora-iopt1", "readers": 2,
        "parameters": {"work_mem": "8192"}, "backupRetentionDays": 35});
    object.merge(json!({"spec": {"database": edit}})).await?;
    let status = object.ready().await?;
    ensure!(status.drift.is_empty(), "an edit is no drift: {:?}", status.drift);
    ensure!(id(&status, "rds/cluster/aurora")? == cluster, "another cluster");
    let all = instances(&place.aws).await?;
    let names: Vec<&str> = all.iter().filter_map(|one| one.db_instance_identifier()).collect();
    ensure!(
        names == ["reader", "reader-2", "writer"].map(|node| format!("{CLUSTER}-{node}")),
        "not as many instances as wanted: {names:?}"
    );
    ensure!(all.iter().all(|one| one.db_instance_class() == Some("db.r6g.xlarge")), "{all:?}");
    let read = place.aws.rds.describe_db_clusters().send().await?;
    let read = read.db_clusters().first().context("no cluster")?;
    ensure!(read.storage_type() == Some("aurora-iopt1") && read.backup_retention_period == Some(35), "{read:?}");
    let operations = [
        "AddSourceIdentifierToSubscription",
        "CreateDBInstance",
        "ModifyDBCluster",
        "ModifyDBClusterParameterGroup",
        "ModifyDBInstance",
    ];
    place.wrote_only(before, &operations)?;
    let made = place.count(before, "CreateDBInstance")?;
    ensure!(made == 1 || !world.emulator.is_ours(), "{made} instances were made");

    // Fewer readers, and the writer stays. Less backup waits for approval.
    let before = place.writes()?.len();
    let edit = json!({"readers": 0, "backupRetentionDays": 7});
    object.merge(json!({"spec": {"database": edit}})).await?;
    let status = object.until("asking", |status| status.approval.is_some()).await?;
    let asked = status.approval.context("no approval")?.changes;
    ensure!(asked.contains(&"database.backupRetentionDays: 35 -> 7".to_owned()), "{asked:?}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while instances(&place.aws).await?.len() > 1 {
        ensure!(Instant::now() < deadline, "the readers are still there");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let left = instances(&place.aws).await?;
    ensure!(left[0].db_instance_identifier() == Some(&*format!("{CLUSTER}-writer")), "{left:?}");
    place.wrote_only(before, &["DeleteDBInstance", "RemoveSourceIdentifierFromSubscription"])
}

async fn pending(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"database": {"instanceClass": "db.r6g.2xlarge"}}})).await?;
    object.ready().await?;
    let waiting = instances(&place.aws).await?;
    for instance in &waiting {
        let pending = instance.pending_modified_values().and_then(|values| values.db_instance_class());
        ensure!(instance.db_instance_class() == Some("db.r6g.large"), "changed at once: {instance:?}");
        ensure!(pending == Some("db.r6g.2xlarge"), "not waiting for the window: {instance:?}");
    }
    place.wrote_only(before, &["ModifyDBInstance"])?;
    let before = place.writes()?.len();
    let status = object.look_now().await?;
    ensure!(status.drift.is_empty() && condition(&status, "Ready").is_some_and(|c| c.status == "True"), "{status:?}");
    place.no_write_since(before)
}

async fn stopped(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    // Nothing is looked at by itself: the cluster is still stopped when the platform goes.
    let flags = [
        "--fast-interval-seconds=3600",
        "--slow-interval-seconds=3600",
        "--consistency-window-seconds=1",
        "--poll-seconds=1",
    ];
    let _controller = Controller::start(&cluster, &world.emulator, &world.folder().join("stopped.log"), &flags)?;
    let spec = place.spec(json!({"profile": "Ephemeral"}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    object.ready().await?;
    let before = place.writes()?.len();
    place.aws.rds.stop_db_cluster().db_cluster_identifier(CLUSTER).send().await?;
    object.delete().await?;
    let left = place.aws.rds.describe_db_clusters().send().await?;
    ensure!(left.db_clusters().is_empty(), "{:?}", left.db_clusters());
    ensure!(place.count(before, "StartDBCluster")? >= 1 || !world.emulator.is_ours(), "deleted while it was stopped");
    place.wrote_nothing_but(before, &kinds::whole_life(&["StartDBCluster"]))
}

async fn overdue(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    let flags = [QUICK, &["--deadline-seconds=10"]].concat();
    let _controller = Controller::start(&cluster, &world.emulator, &world.folder().join("overdue.log"), &flags)?;
    // The last of them comes well after the deadline: it is tried again every two seconds at the most often.
    let fault = json!({"account": place.account, "operation": "CreateDBInstance", "times": 9, "status": 400,
        "code": "InvalidParameterValue", "message": "the role is not there yet"});
    world.emulator.fault(fault).await?;
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", place.spec(json!({}))).await?;
    let stalled = |status: &PaymentPlatformStatus| {
        condition(status, "Stalled").is_some_and(|c| {
            c.status == "True" && c.reason == "DeadlineExceeded" && c.message.contains("rds/instance/writer")
        })
    };
    let status = object.until("stalled", stalled).await?;
    let told = condition(&status, "Stalled").map(|c| c.message.clone()).unwrap_or_default();
    ensure!(told.contains("the role is not there yet") && told.contains("longer than it should"), "{told}");
    let reason = condition(&status, "DatabaseReady").map(|c| c.reason.clone());
    ensure!(reason.as_deref() == Some("DeadlineExceeded"), "{reason:?}");
    let status = object.ready().await?;
    ensure!(condition(&status, "Stalled").is_some_and(|c| c.status == "False"), "{:?}", status.conditions);
    place.wrote_nothing_but(0, &kinds::creation())
}

/// Somebody puts a copy of the database in its place, under a key of their own: nothing can change the key, and what is in
/// it is nobody's to delete.
async fn other_key(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    object.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    let status =
        object.until("paused", |status| condition(status, "Ready").is_some_and(|c| c.reason == "Paused")).await?;
    let (rds, kms) = (&place.aws.rds, &place.aws.kms);
    let policy = kms.get_key_policy().key_id(id(&status, "kms/key/app")?).policy_name("default").send().await?;
    let key = kms.create_key().set_policy(policy.policy).send().await?.key_metadata.context("no key")?;
    let read = rds.describe_db_clusters().db_cluster_identifier(CLUSTER).send().await?;
    let was = read.db_clusters().first().context("no cluster")?.clone();
    for node in ["reader", "writer"] {
        let name = format!("{CLUSTER}-{node}");
        rds.delete_db_instance().db_instance_identifier(name).skip_final_snapshot(true).send().await?;
    }
    let gone = Instant::now() + Duration::from_secs(60);
    while !instances(&place.aws).await?.is_empty() {
        ensure!(Instant::now() < gone, "the instances are still there");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let call = rds.modify_db_cluster().db_cluster_identifier(CLUSTER).deletion_protection(false);
    call.apply_immediately(true).send().await?;
    rds.delete_db_cluster().db_cluster_identifier(CLUSTER).skip_final_snapshot(true).send().await?;
    while rds
        .describe_db_clusters()
        .send()
        .await?
        .db_clusters()
        .iter()
        .any(|one| one.db_cluster_identifier() == Some(CLUSTER))
    {
        ensure!(Instant::now() < gone, "the cluster is still there");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let call = rds.create_db_cluster().db_cluster_identifier(CLUSTER).engine("aurora-postgresql");
    let call = call.set_engine_version(was.engine_version).database_name("paymentdb").port(5432);
    let call = call.master_username("dbadmin").master_user_password("a-password-of-theirs");
    let call = call.set_db_subnet_group_name(was.db_subnet_group).storage_encrypted(true).set_kms_key_id(key.arn);
    let call = call.set_db_cluster_parameter_group_name(was.db_cluster_parameter_group);
    call.set_tags(was.tag_list).send().await?;
    let before = place.writes()?.len();
    object.annotate(payment_platform_api::PAUSED, None).await?;
    let stalled = |status: &PaymentPlatformStatus| {
        condition(status, "Stalled").is_some_and(|c| c.status == "True" && c.reason == "WouldDisrupt")
    };
    let status = object.until("stalled", stalled).await?;
    let told = condition(&status, "DatabaseReady").map(|ready| ready.message.clone()).unwrap_or_default();
    ensure!(told.contains("rds/cluster/aurora") && told.contains("key_arn"), "{told}");
    ensure!(told.contains("undo that change, or replace it yourself"), "no way out: {told}");
    // What can be put right is, and nothing is deleted or made in its place.
    object.look_now().await?;
    let now = rds.describe_db_clusters().db_cluster_identifier(CLUSTER).send().await?;
    let now = now.db_clusters().first().context("no cluster")?;
    ensure!(now.deletion_protection == Some(true) && now.backup_retention_period == Some(30), "left open: {now:?}");
    // Whoever uses the database learns where it is now.
    let allowed = [
        "CreateDBInstance",
        "DeregisterTaskDefinition",
        "ModifyDBCluster",
        "PutSecretValue",
        "RegisterTaskDefinition",
        "TagResource",
        "UpdateService",
    ];
    place.wrote_nothing_but(before, &allowed)
}
