//! Bad objects are refused with a message that names the field and the remedy, and what AWS refuses becomes a
//! condition that does the same.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures::FutureExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use payment_platform_api::{PaymentPlatform, PaymentPlatformStatus};
use payment_platform_tests::controller::{Controller, QUICK};
use payment_platform_tests::emulator::Call;
use payment_platform_tests::object::{Object, condition};
use serde_json::{Value, json};

use crate::Scenario;
use crate::drift::id;
use crate::faults::settled;
use crate::kinds::{self, without};
use crate::world::{Place, World};

pub const ALL: &[(&str, Scenario)] = &[
    ("what_is_not_known_yet_is_tried_again_and_made_once", |world| not_yet_known(world).boxed()),
    ("bad_objects_are_refused_by_the_api_server", |world| bad_objects(world).boxed()),
    ("what_cannot_change_is_refused_by_the_api_server", |world| immutable(world).boxed()),
    ("an_exceeded_quota_is_named_before_the_first_write", |world| quota(world).boxed()),
    ("a_creation_that_fails_halfway_again_and_again_makes_no_twin", |world| halfway(world).boxed()),
    ("each_service_denied_whole_the_rest_is_kept", |world| services_denied(world).boxed()),
    ("denied_one_service_the_rest_goes_on_and_the_condition_names_the_action", |world| denied(world).boxed()),
    ("an_object_that_no_longer_parses_is_left_alone_and_can_be_deleted", |world| unparsable(world).boxed()),
];

/// A spec that is refused, and words of the message.
fn bad_specs() -> Vec<(Value, &'static str)> {
    let zones = json!(["us-east-1a", "us-east-1b"]);
    let subnets = |public: [&str; 2], private: [&str; 2], database: [&str; 2]| json!({"public": public, "private": private, "database": database});
    let rule = |protocol: &str, port: Option<u16>, peer: &str| {
        let mut rule = json!({"direction": "Ingress", "protocol": protocol, "peer": peer, "description": "why"});
        if let Some(port) = port {
            rule["fromPort"] = port.into();
        }
        rule
    };
    vec![
        (json!({"environment": "Prod"}), "spec.environment"),
        (json!({"environment": "a2345678901234567x"}), "spec.environment"),
        (json!({"environment": "prd-dr"}), "must not end in -dr"),
        (json!({"environment": "a--b"}), "spec.environment"),
        (json!({"profile": "Staging"}), "spec.profile"),
        (json!({"network": {"vpcCidr": "10.0.0.0/8"}}), "from /16 to /28"),
        (json!({"network": {"vpcCidr": "10.0.0.1/16"}}), "written by its first address"),
        (json!({"network": {"vpcCidr": "fd00::/16"}}), "IPv4"),
        (json!({"network": {"vpcCidr": "everything"}}), "IPv4"),
        (json!({"network": {"vpcCidr": "10.0.0.0/24"}}), "name them in network.subnets"),
        (json!({"network": {"availabilityZones": ["us-east-1a"]}}), "spec.network.availabilityZones"),
        (json!({"network": {"availabilityZones": ["us-east-1a", "us-east-1a"]}}), "twice"),
        (json!({"network": {"availabilityZones": ["eu-west-1a", "eu-west-1b"]}}), "must lie in aws.region"),
        (json!({"network": {"natGateways": "Single"}}), "needs profile: Ephemeral"),
        (
            json!({"network": {"subnets": subnets(["10.0.1.0/24", "10.0.2.0/24"], ["10.0.3.0/24", "10.0.4.0/24"], ["10.0.5.0/24", "10.0.6.0/24"])}}),
            "needs network.availabilityZones",
        ),
        (
            json!({"network": {"availabilityZones": zones, "subnets": subnets(["10.1.1.0/24", "10.0.2.0/24"], ["10.0.3.0/24", "10.0.4.0/24"], ["10.0.5.0/24", "10.0.6.0/24"])}}),
            "inside network.vpcCidr",
        ),
        (
            json!({"network": {"availabilityZones": zones, "subnets": subnets(["10.0.1.0/24", "10.0.2.0/24"], ["10.0.0.0/20", "10.0.44.0/24"], ["10.0.55.0/24", "10.0.66.0/24"])}}),
            "must not overlap",
        ),
        (json!({"encryption": {"rotationPeriodDays": 30}}), "spec.encryption.rotationPeriodDays"),
        (json!({"encryption": {"deletionWindowDays": 3}}), "spec.encryption.deletionWindowDays"),
        (json!({"logs": {"retentionDays": 91}}), "must be one of"),
        (json!({"logs": {"subscriptionDestinations": ["https://collector.example.com/"]}}), "must be ARNs of logs"),
        (json!({"logs": {"retentionDays": 30}}), "at least 90 in Production"),
        (json!({"ingress": {"allowedCidrs": ["10.0.0.5/8"]}}), "ingress.allowedCidrs"),
        (json!({"compute": {"containerPort": 0}}), "spec.compute.containerPort"),
        (json!({"tags": {"aws:x": "y"}}), "aws:"),
        (json!({"tags": {"Environment": "x"}}), "set by the controller"),
        (json!({"tags": {"k": "it's"}}), "spec.tags"),
        (json!({"aws": {"assumeRoleArn": "role/x"}}), "spec.aws.assumeRoleArn"),
        (json!({"aws": {"region": "moon-1"}}), "spec.aws.region"),
        (
            json!({"network": {"extraRoutes": [{"tier": "Private", "destination": "0.0.0.0/0", "target": "tgw-01234567"}]}}),
            "default routes are the platform's",
        ),
        (
            json!({"network": {"extraRoutes": [{"tier": "Private", "destination": "10.9.0.0/16", "target": "igw-01234567"}]}}),
            "spec.network.extraRoutes[0].target",
        ),
        (json!({"network": {"extraEndpoints": ["kms"]}}), "no endpoint yet"),
        (json!({"securityGroups": {"taskEgress": "EndpointsOnly"}}), "EndpointsOnly needs compute.image"),
        (json!({"securityGroups": {"alb": {"extraRules": [rule("tcp", None, "10.0.0.0/8")]}}}), "need fromPort"),
        (json!({"securityGroups": {"alb": {"extraRules": [rule("all", Some(1), "10.0.0.0/8")]}}}), "have no ports"),
        (json!({"securityGroups": {"alb": {"extraRules": [rule("tcp", Some(22), "10.0.0.1/8")]}}}), "first address"),
        (
            json!({"keys": {"app": {"extraStatements": [{"sid": "Mine", "principals": ["a.amazonaws.com"], "actions": ["kms:Decrypt"]}]}}}),
            "spec.keys.app.extraStatements[0].sid",
        ),
        (
            json!({"exceptions": [{"node": "us-east-1/ec2/vpc/main", "path": "cidr", "reason": "why", "until": "tomorrow, or the day after"}]}),
            "spec.exceptions[0].until",
        ),
        (json!({"audit": {"retentionDays": 30}}), "spec.audit.retentionDays"),
        (json!({"database": {"engineVersion": "newest"}}), "spec.database.engineVersion"),
        (json!({"database": {"instanceClass": "r6g.large"}}), "spec.database.instanceClass"),
        (json!({"database": {"readers": 16}}), "spec.database.readers"),
        (json!({"database": {"username": "postgres"}}), "database.username must be neither"),
        (json!({"database": {"storageType": "gp3"}}), "spec.database.storageType"),
        (json!({"database": {"backupRetentionDays": 1}}), "at least 7 in Production"),
        (json!({"database": {"backupWindow": "3-4"}}), "spec.database.backupWindow"),
        (json!({"database": {"maintenanceWindow": "sunday"}}), "spec.database.maintenanceWindow"),
        (json!({"database": {"parameters": {"rds.force_ssl": "0"}}}), "which stay"),
        (json!({"database": {"engine": "mysql", "parameters": {"require_secure_transport": "0"}}}), "which stay"),
        (json!({"database": {"engine": "mysql", "parameters": {"log_output": "TABLE"}}}), "which stay"),
        (json!({"database": {"passwordLength": 12}}), "greater than or equal to 16"),
        (json!({"database": {"engine": "mysql", "passwordLength": 64}}), "at most 41 with engine mysql"),
        (json!({"database": {"secretRecoveryWindowDays": 3}}), "must be 0 or between 7 and 30"),
        (json!({"database": {"secretRecoveryWindowDays": 0}}), "at least 7 in Production"),
        (json!({"compute": {"platformVersion": "newest"}}), "spec.compute.platformVersion"),
        (json!({"database": {"engine": "mysql", "readers": 1}}), "set multiAz, allocatedStorageGib and parameters"),
        (json!({"database": {"engine": "mysql", "multiAz": false}}), "needs profile: Ephemeral"),
        (json!({"database": {"engine": "mysql", "engineVersion": "8.4"}}), "like 8.4.5 of MySQL"),
        (json!({"database": {"engineVersion": "8.4.5"}}), "like 16.4 of Aurora PostgreSQL"),
        (json!({"database": {"allocatedStorageGib": 100}}), "need engine mysql"),
        (json!({"database": {"performanceInsightsRetentionDays": 8}}), "must be 7, 731"),
        (json!({"database": {"monitoringSeconds": 0}}), "must be one of 1, 5"),
        (json!({"monitoring": {"subscriptions": [{"protocol": "sms", "endpoint": "+1555"}]}}), "protocol"),
        (json!({"monitoring": {"subscriptions": [{"protocol": "email", "endpoint": "oncall"}]}}), "is an address"),
        (json!({"monitoring": {"subscriptions": [{"protocol": "https", "endpoint": "http://x.example"}]}}), "https://"),
        (json!({"logs": {"accessLogRetentionDays": 1}}), "spec.logs.accessLogRetentionDays"),
    ]
}

async fn bad_objects(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let long = "n".repeat(64);
    let named = Object::create(place.client.clone(), &place.namespace, &long, json!({})).await;
    ensure!(named.is_err_and(|error| error.to_string().contains("at most 63 characters")), "a long name was accepted");
    for (spec, words) in bad_specs() {
        match Object::create(place.client.clone(), &place.namespace, "bad", spec.clone()).await {
            Ok(_) => bail!("{spec} was accepted"),
            Err(error) => ensure!(error.to_string().contains(words), "{spec}: {error} does not say {words:?}"),
        }
    }
    misspelled(&place)?;
    place.no_write_since(0)
}

/// What no field has the name of is refused by kubectl and named, at every depth, and nothing of the object is there: an API
/// server drops it only where it is told to.
fn misspelled(place: &Place<'_>) -> anyhow::Result<()> {
    let rule = json!({"direction": "Ingress", "fromPort": 22, "peer": "10.0.0.0/8", "description": "why", "potr": 1});
    let specs = [
        (json!({"enviroment": "prd"}), "spec.enviroment"),
        (json!({"network": {"vpcCIDR": "10.7.0.0/16"}}), "spec.network.vpcCIDR"),
        (
            json!({"securityGroups": {"aurora": {"extraRules": [rule]}}}),
            "spec.securityGroups.aurora.extraRules[0].potr",
        ),
    ];
    for (spec, field) in specs {
        let manifest = json!({"apiVersion": "paymentplatform.io/v1alpha1", "kind": "PaymentPlatform",
            "metadata": {"name": "misspelled", "namespace": place.namespace}, "spec": place.spec(spec)});
        let (done, text) = place.world.cluster.try_apply(&manifest.to_string())?;
        ensure!(!done && text.contains(field), "{field} is not refused: {text}");
        let mut get = place.world.cluster.kubectl();
        let found = get.args(["get", "pp", "misspelled", "-n", &place.namespace]).output()?;
        ensure!(!found.status.success(), "{field}: the object is there all the same");
    }
    Ok(())
}

async fn immutable(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let client = place.client.clone();
    let object =
        Object::create(client, &place.namespace, "fixed", place.spec(json!({"network": {"vpcCidr": "10.7.0.0/16"}})))
            .await?;
    let changes = [
        (json!({"environment": "tst"}), "environment cannot be changed"),
        (json!({"aws": {"region": "eu-west-1"}}), "aws.region cannot be changed"),
        (json!({"network": {"vpcCidr": "10.8.0.0/16"}}), "network.vpcCidr cannot be changed"),
        (json!({"database": {"databaseName": "other"}}), "database.databaseName cannot be changed"),
        (json!({"database": {"username": "other"}}), "database.username cannot be changed"),
        // Leaving the section out is a change to the default.
        (json!({"network": null}), "network.vpcCidr cannot be changed"),
    ];
    for (change, words) in changes {
        match object.merge(json!({ "spec": change })).await {
            Ok(_) => bail!("{change} was accepted"),
            Err(error) => ensure!(error.to_string().contains(words), "{change}: {error} does not say {words:?}"),
        }
    }
    // It is built as it was first asked for, and once.
    object.ready().await?;
    place.wrote_only(0, &kinds::creation())?;
    for (operation, count) in kinds::made() {
        let made = place.count(0, operation)?;
        ensure!(!world.emulator.is_ours() || made == count, "{made} times {operation} instead of {count}");
    }
    let vpc = id(&object.status().await?, "ec2/vpc/main")?;
    let read = place.aws.ec2.describe_vpcs().vpc_ids(vpc).send().await?;
    ensure!(read.vpcs()[0].cidr_block() == Some("10.7.0.0/16"), "{read:?}");
    Ok(())
}

async fn quota(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    world.emulator.quota(&place.account, "vpc", "L-F678F1CE", 1).await?;
    let object = place.create("payments", json!({})).await?;
    let status = object
        .until("stalled", |status| condition(status, "Stalled").is_some_and(|c| c.reason == "QuotaExceeded"))
        .await?;
    let message = condition(&status, "Ready").map(|c| c.message.clone()).unwrap_or_default();
    ensure!(message.contains("VPCs per region") && message.contains("L-F678F1CE"), "{message}");
    ensure!(place.writes()?.is_empty(), "something was written: {:?}", place.writes()?);
    world.emulator.quota(&place.account, "vpc", "L-F678F1CE", 5).await?;
    object.ready().await?;
    place.wrote_only(0, &kinds::creation())?;

    // Those of the database, in an account of its own.
    let place = world.place("us-east-1").await?;
    let rds = [("L-A59F4C87", "Event subscriptions"), ("L-9FA33840", "Option groups")];
    for (code, _) in rds {
        world.emulator.quota(&place.account, "rds", code, 0).await?;
    }
    let object = place.create("payments", json!({"database": {"engine": "mysql"}})).await?;
    for (code, name) in rds {
        let is_told = |status: &PaymentPlatformStatus| {
            let stalled = condition(status, "Stalled").filter(|c| c.reason == "QuotaExceeded");
            stalled.is_some_and(|c| c.message.contains(name) && c.message.contains(code))
        };
        object.until(name, is_told).await?;
        ensure!(place.writes()?.is_empty(), "something was written: {:?}", place.writes()?);
        world.emulator.quota(&place.account, "rds", code, 20).await?;
    }
    object.ready().await?;
    Ok(())
}

async fn halfway(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    for operation in kinds::settling() {
        let fault = json!({"operation": operation, "account": place.account, "times": 3, "mode": "refuse", "status": 403,
            "code": "AccessDenied", "message": "not yet allowed", "agent": "payment-platform-controller"});
        world.emulator.fault(fault).await?;
    }
    let object = place.create("payments", json!({"profile": "Ephemeral"})).await?;
    settled(&object, |status| condition(status, "Ready").is_some_and(|ready| ready.status == "True")).await?;
    kinds::once_each(&place.aws, &before).await?;
    // What failed was tried again, and nothing was taken away and made anew for it.
    place.wrote_only(0, &kinds::creation())?;
    for operation in kinds::settling() {
        let refused = place.writes()?.into_iter().filter(|call| call.operation == operation && call.status >= 400);
        let refused = refused.count();
        // A group that is there has what is wanted of it from the engine.
        let least = if operation == "ModifyDBParameterGroup" { 1 } else { 3 };
        ensure!(refused >= least, "{operation} was refused {refused} times instead of {least}");
    }
    Ok(())
}

/// What is refused while a service does not know yet what another call, or another service, has just made.
const NOT_YET_KNOWN: [(&str, &str); 32] = [
    // By what makes or completes something else with it.
    ("AssociateRouteTable", "InvalidRouteTableID.NotFound"),
    ("AssociateWebACL", "WAFNonexistentItemException"),
    ("AttachInternetGateway", "InvalidInternetGatewayID.NotFound"),
    ("AttachRolePolicy", "NoSuchEntity"),
    ("AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound"),
    ("CreateAlias", "NotFoundException"),
    ("CreateDBInstance", "DBClusterNotFoundFault"),
    ("CreateDelivery", "ResourceNotFoundException"),
    ("CreateListener", "TargetGroupNotFound"),
    ("CreateNatGateway", "InvalidSubnetID.NotFound"),
    ("CreateRoute", "InvalidRouteTableID.NotFound"),
    ("CreateService", "ClusterNotFoundException"),
    ("CreateSubnet", "InvalidVpcID.NotFound"),
    ("EnableKeyRotation", "NotFoundException"),
    ("ModifyDBClusterParameterGroup", "DBParameterGroupNotFound"),
    ("ModifyLoadBalancerAttributes", "LoadBalancerNotFound"),
    ("ModifyVpcAttribute", "InvalidVpcID.NotFound"),
    ("PutBucketPolicy", "NoSuchBucket"),
    ("PutBucketVersioning", "NoSuchBucket"),
    ("PutLoggingConfiguration", "WAFNonexistentItemException"),
    ("PutRetentionPolicy", "ResourceNotFoundException"),
    ("PutRolePolicy", "NoSuchEntity"),
    ("PutScalingPolicy", "ObjectNotFoundException"),
    ("PutSecretValue", "ResourceNotFoundException"),
    // By reads of it.
    ("DescribeDBInstances", "DBInstanceNotFound"),
    ("DescribeKey", "NotFoundException"),
    ("DescribeLoadBalancerAttributes", "LoadBalancerNotFound"),
    ("DescribeSecret", "ResourceNotFoundException"),
    ("GetDistribution", "NoSuchDistribution"),
    ("GetKeyPolicy", "NotFoundException"),
    ("GetTopicAttributes", "NotFound"),
    ("GetWebACL", "WAFNonexistentItemException"),
];

async fn not_yet_known(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    // All of it happens within the time in which reads may lag.
    let others = QUICK.iter().copied().filter(|flag| !flag.starts_with("--consistency-window"));
    let flags: Vec<&str> = others.chain(["--consistency-window-seconds=20"]).collect();
    let _controller = Controller::start(&cluster, &world.emulator, &world.folder().join("not-yet.log"), &flags)?;
    for (operation, code) in NOT_YET_KNOWN {
        let fault = json!({"operation": operation, "account": place.account, "times": 2, "mode": "refuse",
            "status": if operation.contains("Bucket") || code == "NoSuchEntity" { 404 } else { 400 }, "code": code,
            "message": "it does not exist", "agent": "payment-platform-controller"});
        world.emulator.fault(fault).await?;
    }
    let spec = place.spec(json!({"profile": "Ephemeral"}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    let status =
        settled(&object, |status| condition(status, "Ready").is_some_and(|ready| ready.status == "True")).await?;
    ensure!(status.drift.is_empty(), "what is not seen yet is no drift: {:?}", status.drift);
    kinds::once_each(&place.aws, &before).await?;
    let calls = world.emulator.calls(&place.account)?;
    for (operation, code) in NOT_YET_KNOWN {
        let struck = calls.iter().any(|call| call.operation == operation && call.error.as_deref() == Some(code));
        ensure!(struck, "{operation} was never refused");
    }
    place.wrote_only(0, &kinds::creation())
}

async fn denied(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    world
        .emulator
        .fault(json!({"service": "logs", "operation": "CreateLogGroup", "account": place.account, "times": -1,
            "mode": "refuse", "status": 400, "code": "AccessDeniedException", "message": "not authorized"}))
        .await?;
    let object = place.create("payments", json!({"environment": "denied"})).await?;
    let status = object
        .until("stalled by the denial", |status| {
            condition(status, "LogsReady").is_some_and(|c| c.reason == "AccessDenied")
                && condition(status, "NetworkReady").is_some_and(|c| c.status == "True")
                && status.inventory.iter().any(|entry| entry.node.ends_with("elbv2/listeners/alb"))
        })
        .await?;
    ensure!(condition(&status, "Stalled").is_some_and(|c| c.status == "True"), "{:#?}", status.conditions);
    let message = condition(&status, "Ready").map(|c| c.message.clone()).unwrap_or_default();
    ensure!(message.contains("logs:CreateLogGroup") && message.contains("logs/log-group/"), "{message}");
    // Everything else is made, once, and what needs a log group is not tried.
    let behind = [
        "AssociateWebACL",
        "CreateCluster",
        "CreateDBCluster",
        "CreateDBInstance",
        "CreateDelivery",
        "CreateDistributionWithTags",
        "CreateService",
        "CreateWebACL",
        "PutDashboard",
        "PutDeliverySource",
        "PutLoggingConfiguration",
        "PutRetentionPolicy",
        "PutScalingPolicy",
        "PutSecretValue",
        "RegisterScalableTarget",
        "RegisterTaskDefinition",
        "TagResource",
    ];
    place.wrote_only(0, &without(&kinds::creation(), &behind))?;
    for (operation, made) in [("CreateVpc", 1), ("CreateSubnet", 6), ("CreateFlowLogs", 1), ("CreateLogGroup", 0)] {
        let count = place.count(0, operation)?;
        ensure!(count == made, "{count} times {operation} instead of {made}");
    }
    Ok(())
}

/// One service after the other denies everything.
async fn services_denied(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let group = id(&object.status().await?, "security-group/aurora")?;
    let called = world.emulator.calls(&place.account)?.into_iter().filter(Call::is_ours).map(|call| call.service);
    let mut services: BTreeSet<String> = called.collect();
    // Who one is, and what may be asked for besides: nothing is kept there.
    for helper in ["sts", "resourcegroupstaggingapi", "servicequotas"] {
        services.remove(helper);
    }
    ensure!(services.len() >= 14, "only {services:?}");
    for service in services {
        let kept = place.writes()?.len();
        let fault = json!({"service": service, "account": place.account, "agent": "payment-platform-controller", "times": -1,
            "mode": "refuse", "status": 403, "code": "AccessDenied", "message": "not authorized"});
        world.emulator.fault(fault).await?;
        let action = format!("{}:", iam_prefix(&service));
        let named = |status: &PaymentPlatformStatus| {
            let ready = condition(status, "Ready").filter(|ready| ready.status == "False");
            ready.is_some_and(|ready| ready.reason == "AccessDenied" && ready.message.contains(&action))
        };
        object.until(&format!("not Ready for want of {action}"), named).await?;
        let expected: &[&str] = if service == "ec2" {
            object.look_now().await?;
            &[]
        } else {
            place.aws.open_port(&group, 22).await?;
            let deadline = Instant::now() + Duration::from_secs(60);
            while place.aws.is_open(&group, 22).await? {
                ensure!(Instant::now() < deadline, "the port stays open while {service} denies everything");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            &["RevokeSecurityGroupIngress"]
        };
        // Nothing that cannot be seen is taken for gone.
        place.wrote_only(kept, expected).with_context(|| format!("while {service} denies everything"))?;
        world.emulator.no_more_faults(&place.account).await?;
        object.ready().await?;
        place.wrote_only(kept, expected).with_context(|| format!("after {service} has denied everything"))?;
    }
    let status = object.status().await?;
    let other = status.drift.iter().find(|record| !record.field.starts_with("rules[ingress tcp 22"));
    ensure!(other.is_none(), "no drift: {other:?}");
    Ok(())
}

/// What the actions of a service begin with.
fn iam_prefix(service: &str) -> &str {
    match service {
        "elbv2" => "elasticloadbalancing",
        other => other,
    }
}

async fn unparsable(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    let nothing = place.aws.everything().await?;
    let log = world.folder().join("unparsable.log");
    let _controller = Controller::start(&cluster, &world.emulator, &log, payment_platform_tests::controller::QUICK)?;
    let client = cluster.client().await?;
    let object = Object::create(client.clone(), &place.namespace, "payments", place.spec(json!({}))).await?;
    let status = object.ready().await?;
    let (group, key) = (id(&status, "security-group/aurora")?, id(&status, "kms/key/logs")?);

    // An older or newer schema lets through what this controller cannot read.
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    let root = "/spec/versions/0/schema/openAPIV3Schema/x-kubernetes-validations";
    let patch = json!([{"op": "replace", "path": path, "value": open}, {"op": "remove", "path": root}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch)?);
    crds.patch("paymentplatforms.paymentplatform.io", &PatchParams::default(), &patch).await?;
    let resource = ApiResource::erase::<PaymentPlatform>(&());
    let untyped: Api<DynamicObject> = Api::namespaced_with(client, &place.namespace, &resource);
    let merge = |patch: Value| {
        let untyped = untyped.clone();
        async move { untyped.patch("payments", &PatchParams::default(), &Patch::Merge(patch)).await }
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while merge(json!({"spec": {"network": "everywhere"}})).await.is_err() {
        ensure!(Instant::now() < deadline, "the schema is not taken over in time");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let ready = |object: &DynamicObject| {
        let conditions = object.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|one| one["type"] == "Ready").unwrap_or_default()
    };
    while ready(&untyped.get("payments").await?)["reason"] != "InvalidSpec" {
        ensure!(Instant::now() < deadline, "it is not reported");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let before = place.writes()?.len();
    place.aws.open_port(&group, 22).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    place.no_write_since(before)?;

    // It is deleted carefully: after a confirmation by its name, and with its data kept.
    untyped.delete("payments", &kube::api::DeleteParams::default()).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    place.no_write_since(before)?;
    merge(json!({"metadata": {"annotations": {payment_platform_api::CONFIRM_DELETION: "payments"}}})).await?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while untyped.get_opt("payments").await?.is_some() {
        ensure!(Instant::now() < deadline, "it is not deleted");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut left = place.aws.everything().await?;
    left.retain(|one| !nothing.contains(one));
    ensure!(left.iter().any(|one| one == "log group /ecs/payment-prd"), "{left:?}");
    ensure!(left.iter().any(|one| one.starts_with("key ") && key.ends_with(&one[4..])), "{left:?}");
    ensure!(left.iter().all(|one| !one.starts_with("subnet ")), "{left:?}");
    Ok(())
}
