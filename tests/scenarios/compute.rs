//! The application, how it is reached and how it is watched: what is special about it beside what every kind goes through in the matrix.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, ensure};
use aws_sdk_ecr::types as ecr;
use aws_sdk_ecs::types::{self as ecs, Service};
use aws_sdk_elasticloadbalancingv2::types as elb;
use futures::FutureExt;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::aws::Account;
use payment_platform_tests::object::{Object, condition};
use serde_json::{Value, json};

use crate::Scenario;
use crate::drift::id;
use crate::kinds;
use crate::world::{Place, World};

pub const ALL: &[(&str, Scenario)] = &[
    ("a_deployment_that_fails_is_told_in_ecs_own_words_and_tried_again_later", |world| rolled_back(world).boxed()),
    ("a_first_deployment_that_fails_is_not_ready_and_a_new_image_helps", |world| never_ran(world).boxed()),
    ("another_revision_only_for_another_content_and_the_one_before_goes", |world| revisions(world).boxed()),
    ("what_the_platform_uses_and_does_not_own_is_told_of_and_left_alone", |world| surroundings(world).boxed()),
    ("an_address_that_nobody_has_confirmed_is_named_until_somebody_does", |world| unconfirmed(world).boxed()),
    ("how_many_tasks_run_is_the_affair_of_autoscaling_within_its_bounds", |world| counts(world).boxed()),
    ("a_target_registered_by_hand_is_taken_off_and_the_tasks_stay", |world| targets(world).boxed()),
    ("a_certificate_brings_https_and_giving_it_up_waits_for_approval", |world| certificate(world).boxed()),
    ("alarms_tell_the_topic_from_the_values_on_that_the_spec_names", |world| alarms(world).boxed()),
    ("secrets_and_statements_of_the_spec_are_in_the_roles_and_nothing_else", |world| roles(world).boxed()),
];

const SERVICE: &str = "ecs/service/app";
const DEFINITION: &str = "ecs/task-definition/app";

async fn service(aws: &Account) -> anyhow::Result<Service> {
    let call = aws.ecs.describe_services().cluster("ecs-payment-cluster-prd").services("ecs-payment-service-prd");
    call.send().await?.services.unwrap_or_default().pop().context("no service")
}

/// The revisions of the application's family that are not deregistered.
async fn active(aws: &Account) -> anyhow::Result<Vec<String>> {
    let call = aws.ecs.list_task_definitions().family_prefix("payment-app-prd").send().await?;
    Ok(call.task_definition_arns.unwrap_or_default())
}

async fn edit(object: &Object, compute: Value) -> anyhow::Result<()> {
    object.merge(json!({"spec": {"compute": compute}})).await?;
    Ok(())
}

fn stalled(status: &PaymentPlatformStatus) -> Option<&str> {
    let stalled = condition(status, "Stalled").filter(|stalled| stalled.status == "True");
    stalled.map(|stalled| stalled.message.as_str())
}

/// The addresses that get requests.
async fn addresses(aws: &Account, group: &str) -> anyhow::Result<BTreeSet<String>> {
    let health = aws.elb.describe_target_health().target_group_arn(group).send().await?;
    let targets = health.target_health_descriptions().iter().filter_map(|one| one.target());
    Ok(targets.filter_map(|target| target.id.clone()).collect())
}

async fn targets(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    world.emulator.must_be_ours()?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let group = id(&status, "elbv2/target-group/ecs")?;
    let own = addresses(&place.aws, &group).await?;
    ensure!(own.len() == 2, "the targets of two tasks: {own:?}");
    let before = place.writes()?.len();
    object.look_now().await?;
    place.no_write_since(before)?;
    let foreign = elb::TargetDescription::builder().id("10.0.11.250").port(8080).build();
    place.aws.elb.register_targets().target_group_arn(&group).targets(foreign).send().await?;
    let drift = object.corrected(SERVICE, "foreign_targets[10.0.11.250:8080]").await?;
    ensure!(drift.before.is_some_and(|before| before.contains("targetgroup/tg-payment-ecs-prd")), "no group");
    ensure!(addresses(&place.aws, &group).await? == own, "not the tasks alone");
    place.wrote_only(before, &["DeregisterTargets"])
}

/// An image that cannot be pulled, by the emulator's convention.
const MISSING: &str = "registry.example.com/payments/app:missing";

async fn rolled_back(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"compute": {"image": "registry.example.com/payments/app:1"}})).await?;
    let first = service(&place.aws).await?.task_definition.context("no task definition")?;
    let before = place.writes()?.len();
    edit(&object, json!({"image": MISSING})).await?;
    let told = |status: &PaymentPlatformStatus| {
        stalled(status).is_some_and(|told| told.contains("went back to") && told.contains("CannotPullContainerError"))
    };
    let status = object.until("told that the deployment failed", told).await?;
    ensure!(condition(&status, "ComputeReady").is_some_and(|ready| ready.reason == "NotWorking"));
    let now = service(&place.aws).await?;
    ensure!(now.task_definition.as_deref() == Some(&*first), "it runs {:?}", now.task_definition);
    ensure!(now.running_count == 2, "{} tasks run", now.running_count);
    place.wrote_only(before, &["RegisterTaskDefinition", "UpdateService"])?;

    // It is left for a while, whatever is looked at, and then tried again, which is no drift.
    let before = place.writes()?.len();
    let status = object.look_now().await?;
    ensure!(told(&status), "{:?}", status.conditions);
    place.no_write_since(before)?;
    let trying = |status: &PaymentPlatformStatus| !told(status);
    object.until("tried again", trying).await?;
    object.until("told again", told).await?;
    place.wrote_only(before, &["UpdateService"])?;

    edit(&object, json!({"image": "registry.example.com/payments/app:2"})).await?;
    let status = object.ready().await?;
    let now = service(&place.aws).await?.task_definition.context("no task definition")?;
    ensure!(now != first && id(&status, DEFINITION)? == now, "it runs {now}");
    ensure!(status.drift.is_empty(), "nothing of it was drift: {:?}", status.drift);
    gone_but(&place, &object, &now).await
}

/// Waits until of all revisions only one is left.
async fn gone_but(place: &Place<'_>, object: &Object, arn: &str) -> anyhow::Result<()> {
    for _ in 0..100 {
        if active(&place.aws).await? == [arn] {
            let status = object.look_now().await?;
            ensure!(status.drift.is_empty(), "that a revision goes is no drift: {:?}", status.drift);
            return Ok(());
        }
        object.look_now().await?;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    anyhow::bail!("still there: {:?}", active(&place.aws).await?)
}

async fn never_ran(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.create("payments", json!({"compute": {"image": MISSING}})).await?;
    let told = |status: &PaymentPlatformStatus| {
        stalled(status).is_some_and(|told| told.contains("failed") && told.contains("CannotPullContainerError"))
    };
    let status = object.until("told that no task starts", told).await?;
    ensure!(condition(&status, "Ready").is_some_and(|ready| ready.status == "False"));
    let goes_on =
        |status: &PaymentPlatformStatus| condition(status, "DatabaseReady").is_some_and(|ready| ready.status == "True");
    object.until("ready but for the application", goes_on).await?;
    // A repair is made all the same.
    let before = place.writes()?.len();
    let call = place.aws.ecs.update_service().cluster("ecs-payment-cluster-prd").service("ecs-payment-service-prd");
    let none = ecs::DeploymentConfiguration::builder().minimum_healthy_percent(0).build();
    call.deployment_configuration(none).send().await?;
    object.corrected(SERVICE, "minimum_healthy_percent").await?;
    // What comes behind the service, and what has waited for the distribution, may have come behind the repair.
    place.wrote_nothing_but(before, &[&kinds::creation()[..], &["UpdateService"]].concat())?;

    edit(&object, json!({"image": "registry.example.com/payments/app:1"})).await?;
    object.ready().await?;
    let now = service(&place.aws).await?;
    ensure!(now.running_count == 2, "{} tasks run", now.running_count);
    Ok(())
}

/// An e-mail address gets nothing before somebody there has agreed to it: no drift, nothing to do, and said.
async fn unconfirmed(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let address = "oncall@example.com";
    let email = json!({"monitoring": {"subscriptions": [{"protocol": "email", "endpoint": address}]}});
    let object = place.built("payments", email).await?;
    let told = |status: &PaymentPlatformStatus| {
        condition(status, "MonitoringReady").is_some_and(|one| one.status == "True" && one.message.contains(address))
    };
    let status = object.until("told who has to confirm", told).await?;
    ensure!(condition(&status, "Ready").is_some_and(|one| one.status == "True") && status.drift.is_empty());
    place.wrote_nothing_but(0, &[&kinds::creation()[..], &["Subscribe"]].concat())?;
    ensure!(place.count(0, "Subscribe")? == 1, "subscribed again and again");
    let before = place.writes()?.len();
    let topic = id(&status, "sns/topic/alerts")?;
    // The emulator's token is the address.
    place.aws.sns.confirm_subscription().topic_arn(topic).token(address).send().await?;
    let status = object.until("told of nothing any more", |status| !told(status)).await?;
    ensure!(status.drift.is_empty(), "{:?}", status.drift);
    place.no_write_since(before)?;
    object.merge(json!({"spec": {"monitoring": null}})).await?;
    object.ready().await?;
    place.wrote_only(before, &["Unsubscribe"])
}

/// What the platform uses and does not own is told of, and not touched.
async fn surroundings(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let image = format!("{}.dkr.ecr.us-east-1.amazonaws.com/payments@sha256:{}", place.account, "0".repeat(64));
    let object = place.built("payments", json!({"compute": {"image": image}})).await?;
    let told = |what: &'static str| {
        move |status: &PaymentPlatformStatus| {
            condition(status, "Warnings").is_some_and(|one| one.status == "True" && one.message.contains(what))
        }
    };
    object.until("told that there is no repository", told("payments in us-east-1 does not exist")).await?;
    let ecr = &place.aws.ecr;
    ecr.create_repository().repository_name("payments").send().await?;
    place.aws.logs.create_log_group().log_group_name("RDSOSMetrics").send().await?;
    place.aws.logs.put_retention_policy().log_group_name("RDSOSMetrics").retention_in_days(30).send().await?;
    for what in ["does not scan images", "lets a tag come to mean another image", "encrypted by a key in KMS, which"] {
        object.until(what, told(what)).await?;
    }
    let status = object.until("told of the log group", told("30 days instead of 365")).await?;
    ensure!(condition(&status, "Ready").is_some_and(|one| one.status == "True"), "{:?}", status.conditions);

    let scanned = ecr::ImageScanningConfiguration::builder().scan_on_push(true).build();
    let call = ecr.put_image_scanning_configuration().repository_name("payments");
    call.image_scanning_configuration(scanned).send().await?;
    let call = ecr.put_image_tag_mutability().repository_name("payments");
    call.image_tag_mutability(ecr::ImageTagMutability::Immutable).send().await?;
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal":
        {"AWS": format!("arn:aws:iam::{}:root", place.account), "Service": "logs.us-east-1.amazonaws.com"}}]});
    let key = place
        .aws
        .kms
        .create_key()
        .policy(policy.to_string())
        .send()
        .await?
        .key_metadata
        .context("no key")?
        .arn
        .context("no ARN")?;
    place.aws.logs.associate_kms_key().log_group_name("RDSOSMetrics").kms_key_id(key).send().await?;
    place.aws.logs.put_retention_policy().log_group_name("RDSOSMetrics").retention_in_days(400).send().await?;
    let only_the_key = |status: &PaymentPlatformStatus| {
        condition(status, "Warnings").is_some_and(|one| {
            one.message.ends_with(
                "the repository payments in us-east-1 is not encrypted by a key in KMS, which it can only be \
                                   from its creation on.",
            )
        })
    };
    object.until("told of the key alone", only_the_key).await?;
    place.left_alone_since(0, "RDSOSMetrics")?;
    let written = place.writes()?.into_iter().find(|call| call.service == "ecr");
    ensure!(written.is_none(), "{written:?}");
    place.wrote_only(0, &kinds::creation())
}

async fn revisions(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let first = service(&place.aws).await?.task_definition.context("no task definition")?;
    let status = object.status().await?;
    let warnings = condition(&status, "Warnings").context("no condition Warnings")?;
    ensure!(warnings.status == "True" && warnings.message.contains("placeholder"), "{warnings:?}");
    let before = place.writes()?.len();
    object.look_now().await?;
    place.no_write_since(before)?;

    edit(&object, json!({"environment": {"LOG_LEVEL": "debug"}, "cpu": 512, "memory": 1024})).await?;
    object.ready().await?;
    let second = service(&place.aws).await?.task_definition.context("no task definition")?;
    ensure!(second != first, "it still runs {first}");
    gone_but(&place, &object, &second).await?;
    place.wrote_only(before, &["DeregisterTaskDefinition", "RegisterTaskDefinition", "UpdateService"])?;
    let read = place.aws.ecs.describe_task_definition().task_definition(&second).send().await?;
    let read = read.task_definition.context("no task definition")?;
    ensure!(read.cpu() == Some("512") && read.memory() == Some("1024"), "{:?} {:?}", read.cpu(), read.memory());
    let container = read.container_definitions().first().context("no container")?;
    let value = |name: &str| {
        let pair = container.environment().iter().find(|pair| pair.name() == Some(name));
        pair.and_then(|pair| pair.value.clone())
    };
    let outputs = object.status().await?.outputs.unwrap_or_default();
    ensure!(value("LOG_LEVEL").as_deref() == Some("debug"), "{:?}", container.environment());
    ensure!(value("DATABASE_HOST") == outputs.aurora_cluster_endpoint, "{:?}", container.environment());
    ensure!(value("STATIC_ASSETS_BUCKET") == outputs.s3_bucket_static_assets_name, "{:?}", container.environment());
    ensure!(outputs.ecs_service_name.as_deref() == Some("ecs-payment-service-prd"), "{outputs:?}");
    ensure!(outputs.alb_dns_name.is_some() && outputs.alb_arn.is_some() && outputs.ecs_cluster_arn.is_some());

    // Deregistered by somebody, the same content is registered again and run.
    let before = place.writes()?.len();
    place.aws.ecs.deregister_task_definition().task_definition(&second).send().await?;
    object.corrected(DEFINITION, "existence").await?;
    object.ready().await?;
    let third = service(&place.aws).await?.task_definition.context("no task definition")?;
    ensure!(third != second && active(&place.aws).await? == [third], "the revisions {:?}", active(&place.aws).await?);
    place.wrote_only(before, &["RegisterTaskDefinition", "UpdateService"])
}

async fn counts(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({"compute": {"autoscaling": {"minTasks": 2, "maxTasks": 6}}})).await?;
    let set = |count: i32| {
        let call = place.aws.ecs.update_service().cluster("ecs-payment-cluster-prd").service("ecs-payment-service-prd");
        call.desired_count(count).send()
    };
    let before = place.writes()?.len();
    set(5).await?;
    object.look_now().await?;
    object.ready().await?;
    place.no_write_since(before)?;
    ensure!(service(&place.aws).await?.desired_count == 5);
    set(0).await?;
    let drift = object.corrected(SERVICE, "desired").await?;
    ensure!(drift.before.as_deref() == Some("0") && drift.after.as_deref() == Some("2"), "{drift:?}");
    set(40).await?;
    let fits = |status: &PaymentPlatformStatus| {
        status.drift.iter().any(|drift| drift.after.as_deref() == Some("6") && drift.corrected_time.is_some())
    };
    object.until("brought back to six", fits).await?;
    place.wrote_only(before, &["UpdateService"])?;
    // Other bounds are the spec's affair, and nothing is redeployed for them.
    edit(&object, json!({"autoscaling": {"minTasks": 3, "maxTasks": 4}})).await?;
    object.ready().await?;
    ensure!(service(&place.aws).await?.desired_count == 4);
    place.wrote_only(before, &["RegisterScalableTarget", "UpdateService"])
}

async fn listeners(aws: &Account, balancer: &str) -> anyhow::Result<Vec<(i32, String, String)>> {
    let read = aws.elb.describe_listeners().load_balancer_arn(balancer).send().await?;
    let mut all: Vec<_> = read
        .listeners()
        .iter()
        .map(|listener| {
            let action = listener.default_actions().first().and_then(|action| action.r#type());
            let action = action.map_or("", |action| action.as_str()).to_owned();
            let protocol = listener.protocol().map_or("", |protocol| protocol.as_str()).to_owned();
            (listener.port.unwrap_or_default(), protocol, action)
        })
        .collect();
    all.sort();
    Ok(all)
}

async fn certificate(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let balancer = id(&object.status().await?, "elbv2/load-balancer/alb")?;
    let one = |port: i32, protocol: &str, action: &str| (port, protocol.to_owned(), action.to_owned());
    ensure!(listeners(&place.aws, &balancer).await? == [one(80, "HTTP", "forward")]);
    let requested = place.aws.acm.request_certificate().domain_name("payments.example.com").send().await?;
    let arn = requested.certificate_arn.context("no ARN")?;
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"ingress": {"certificateArn": arn}}})).await?;
    object.ready().await?;
    let encrypted = [one(80, "HTTP", "redirect"), one(443, "HTTPS", "forward")];
    ensure!(listeners(&place.aws, &balancer).await? == encrypted);
    place.wrote_only(before, &["CreateListener", "ModifyListener", "ModifyListenerAttributes", "PutMetricAlarm"])?;

    // Giving it up is a decision.
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"ingress": {"certificateArn": null}}})).await?;
    let waits = |status: &PaymentPlatformStatus| {
        condition(status, "Ready").is_some_and(|ready| ready.reason == "NeedsApproval")
    };
    let status = object.until("waiting for approval", waits).await?;
    ensure!(listeners(&place.aws, &balancer).await? == encrypted, "given up unasked");
    place.no_write_since(before)?;
    let hash = status.approval.context("no approval")?.hash;
    object.annotate(payment_platform_api::APPROVE, Some(&hash)).await?;
    object.ready().await?;
    ensure!(listeners(&place.aws, &balancer).await? == [one(80, "HTTP", "forward")]);
    place.wrote_only(before, &["DeleteAlarms", "DeleteListener", "ModifyListener"])
}

async fn roles(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let made =
        place.aws.secrets.create_secret().name("payments/api").secret_string("{\"key\":\"value\"}").send().await?;
    let secret = made.arn.context("no ARN")?;
    let queue = format!("arn:aws:sqs:us-east-1:{}:orders", place.account);
    let object = place
        .built(
            "payments",
            json!({"compute": {
                "secrets": {"API_KEY": format!("{secret}:key::")},
                "taskRole": {"extraStatements": [
                    {"sid": "ExtraOrders", "actions": ["sqs:SendMessage"], "resources": [queue]}]}}}),
        )
        .await?;
    let policy = async |role: &str, policy: &str| -> anyhow::Result<Value> {
        let read = place.aws.iam.get_role_policy().role_name(role).policy_name(policy).send().await?;
        let text = percent_encoding::percent_decode_str(read.policy_document()).decode_utf8()?;
        Ok(serde_json::from_str(&text)?)
    };
    let statement = |document: &Value, sid: &str| {
        let all = document["Statement"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|statement| statement["Sid"] == sid).context("no statement")
    };
    let execution = policy("ecs-execution-payment-prd", "execution").await?;
    let login = id(&object.status().await?, "secretsmanager/secret/aurora-password")?;
    let readable: Vec<String> = serde_json::from_value(statement(&execution, "Secrets")?["Resource"].clone())?;
    let mut wanted = vec![login, secret];
    wanted.sort();
    ensure!(readable == wanted, "{readable:?} instead of {wanted:?}");
    let task = policy("ecs-task-payment-prd", "application").await?;
    ensure!(statement(&task, "ExtraOrders")?["Resource"] == json!([queue]), "{task}");
    // A statement that goes from the spec goes from the role, and that is no drift.
    let before = place.writes()?.len();
    edit(&object, json!({"taskRole": {"extraStatements": []}})).await?;
    let status = object.ready().await?;
    ensure!(statement(&policy("ecs-task-payment-prd", "application").await?, "ExtraOrders").is_err());
    ensure!(status.drift.is_empty(), "{:?}", status.drift);
    place.wrote_only(before, &["PutRolePolicy"])?;
    // The worst that somebody can do to it.
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    place.aws.iam.attach_role_policy().role_name("ecs-task-payment-prd").policy_arn(administrator).send().await?;
    object.corrected("iam/role/ecs-task", "attached").await?;
    place.wrote_only(before, &["DetachRolePolicy", "PutRolePolicy"])
}

async fn alarms(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let queue = json!({"name": "orders-waiting", "description": "Orders wait.", "namespace": "AWS/SQS",
        "metric": "ApproximateNumberOfMessagesVisible", "dimensions": {"QueueName": "orders"},
        "statistic": "Maximum", "comparison": "GreaterThanOrEqualTo", "threshold": 100, "missingData": "Breaching"});
    let monitoring =
        json!({"thresholds": {"responseMilliseconds": 250, "databaseConnections": 400}, "alarms": [queue]});
    let object = place.built("payments", json!({ "monitoring": monitoring })).await?;
    let topic = id(&object.status().await?, "sns/topic/alerts")?;
    let read = place.aws.cloudwatch.describe_alarms().alarm_name_prefix("payment-prd-").send().await?;
    let all = read.metric_alarms.unwrap_or_default();
    let named = |name: &str| {
        let found = all.iter().find(|alarm| alarm.alarm_name() == Some(&format!("payment-prd-{name}")));
        found.with_context(|| format!("no alarm {name}"))
    };
    ensure!(all.len() == 8, "{} alarms", all.len());
    for alarm in all.iter().filter(|alarm| alarm.alarm_name() != Some("payment-prd-request-burst")) {
        let (name, told) = (alarm.alarm_name(), [topic.clone()]);
        ensure!(alarm.alarm_actions() == told && alarm.ok_actions() == told, "{name:?} tells {alarm:?}");
        ensure!(alarm.actions_enabled == Some(true), "{name:?} does nothing");
    }
    ensure!(named("alb-response-time")?.threshold == Some(0.25));
    ensure!(named("db-connections")?.threshold == Some(400.0));
    ensure!(named("ecs-cpu")?.threshold == Some(75.0) && named("ecs-cpu")?.period == Some(300));
    let own = named("extra-orders-waiting")?;
    ensure!(own.threshold == Some(100.0) && own.treat_missing_data() == Some("breaching"), "{own:?}");
    // What is no longer in the spec goes, and what somebody mutes does not stay so.
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"monitoring": {"alarms": null}}})).await?;
    object.ready().await?;
    place.aws.cloudwatch.disable_alarm_actions().alarm_names("payment-prd-db-cpu").send().await?;
    object.corrected("cloudwatch/alarm/db-cpu", "actions_enabled").await?;
    place.wrote_only(before, &["DeleteAlarms", "PutMetricAlarm"])
}
