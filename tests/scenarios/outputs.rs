//! The outputs in a ConfigMap, and the examples that users begin with.

use std::sync::Arc;

use anyhow::{Context, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::example::production;
use payment_platform_tests::object::{Object, condition};
use payment_platform_tests::root;
use serde_json::json;

use crate::Scenario;
use crate::world::{Place, World};

pub const ALL: &[(&str, Scenario)] = &[
    ("outputs_are_in_the_config_map_that_the_spec_names_and_one_of_others_is_left_alone", |world| {
        published(world).boxed()
    }),
    ("outputs_of_what_cannot_be_seen_for_a_while_stay", |world| unseen(world).boxed()),
    ("every_example_is_admitted", |world| examples(world).boxed()),
    ("the_example_with_everything_set_is_built", |world| everything_set(world).boxed()),
];

/// What a platform on Aurora tells, and how it begins.
const OUTPUTS: [(&str, &str); 26] = [
    ("accountId", "2"),
    ("albArn", "arn:aws:elasticloadbalancing:us-east-1:"),
    ("albDnsName", ""),
    ("auroraClusterEndpoint", "aurora-payment-prd.cluster-"),
    ("auroraEngineVersion", "1"),
    ("auroraReaderEndpoint", "aurora-payment-prd.cluster-ro-"),
    ("cloudfrontDistributionDomainName", ""),
    ("databaseSubnetIds", "subnet-"),
    ("ecsClusterArn", "arn:aws:ecs:us-east-1:"),
    ("ecsServiceName", "ecs-payment-service-prd"),
    ("kmsKeyAppDataArn", "arn:aws:kms:us-east-1:"),
    ("kmsKeyCloudwatchArn", "arn:aws:kms:us-east-1:"),
    ("kmsKeyS3Arn", "arn:aws:kms:us-east-1:"),
    ("natGatewayIds", "nat-"),
    ("privateSubnetIds", "subnet-"),
    ("publicSubnetIds", "subnet-"),
    ("region", "us-east-1"),
    ("s3BucketFlowLogsName", "s3-payment-flow-logs-prd-"),
    ("s3BucketStaticAssetsName", "s3-payment-"),
    ("secretsManagerSecretArn", "arn:aws:secretsmanager:us-east-1:"),
    ("securityGroupAlbId", "sg-"),
    ("securityGroupAuroraId", "sg-"),
    ("securityGroupEcsTasksId", "sg-"),
    ("snsTopicArn", "arn:aws:sns:us-east-1:"),
    ("vpcId", "vpc-"),
    ("wafWebAclArn", "arn:aws:wafv2:us-east-1:"),
];

fn is(status: &PaymentPlatformStatus, reason: &str) -> bool {
    condition(status, "OutputsPublished").is_some_and(|one| one.reason == reason)
}

async fn published(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let maps: Api<ConfigMap> = Api::namespaced(place.client.clone(), &place.namespace);
    let theirs: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "theirs"}, "data": {"vpcId": "ours"}}))?;
    maps.create(&PostParams::default(), &theirs).await?;
    let object = place.built("payments", json!({"outputs": {"configMap": "platform"}})).await?;
    let status = object.until("published", |status| is(status, "Published")).await?;
    object.look_now().await?;
    let before = place.writes()?.len();
    let outputs = status.outputs.clone().unwrap_or_default();
    let map = maps.get("platform").await?;
    let owners = map.metadata.owner_references.clone().unwrap_or_default();
    let uid = object.get().await?.metadata.uid.context("no UID")?;
    ensure!(owners.len() == 1 && owners[0].uid == uid && owners[0].kind == "PaymentPlatform", "{owners:?}");
    let data = map.data.unwrap_or_default();
    ensure!(data.get("vpcId") == outputs.vpc_id.as_ref(), "{data:?}");
    ensure!(data.get("publicSubnetIds") == Some(&outputs.public_subnet_ids.join(",")), "{data:?}");
    ensure!(data.get("albDnsName") == outputs.alb_dns_name.as_ref(), "{data:?}");
    ensure!(!data.contains_key("secretsManagerSecretArn"), "{data:?}");

    // What is changed by hand is put right when somebody asks for a look.
    let patch = json!({"data": {"vpcId": "vpc-of-somebody", "more": "x"}});
    maps.patch("platform", &PatchParams::default(), &Patch::Merge(patch)).await?;
    object.look_now().await?;
    let again = maps.get("platform").await?.data.unwrap_or_default();
    ensure!(again == data, "{again:?}");

    object.merge(json!({"spec": {"outputs": {"includeSensitive": true}}})).await?;
    object.ready().await?;
    let more = maps.get("platform").await?.data.unwrap_or_default();
    ensure!(more.get("secretsManagerSecretArn") == outputs.secrets_manager_secret_arn.as_ref(), "{more:?}");
    ensure!(more.keys().eq(OUTPUTS.iter().map(|(name, _)| name)), "{more:?}");
    for (name, begins) in OUTPUTS {
        ensure!(more[name].starts_with(begins) && !more[name].is_empty(), "{name} is {}", more[name]);
    }

    // The name of somebody else's: theirs stays, ours of the old name goes, and the platform is none the worse.
    object.merge(json!({"spec": {"outputs": {"configMap": "theirs"}}})).await?;
    let status = object.until("refused", |status| is(status, "NameTaken")).await?;
    ensure!(condition(&status, "Ready").is_some_and(|ready| ready.status == "True"), "{:?}", status.conditions);
    ensure!(maps.get("theirs").await?.data == theirs.data, "written over");
    ensure!(maps.get_opt("platform").await?.is_none(), "the old one is left");
    maps.delete("theirs", &DeleteParams::default()).await?;
    object.look_now().await?;
    object.until("published", |status| is(status, "Published")).await?;
    object.merge(json!({"spec": {"outputs": null}})).await?;
    object.until("taken away", |status| condition(status, "OutputsPublished").is_none()).await?;
    ensure!(maps.get_opt("theirs").await?.is_none(), "left");
    place.no_write_since(before)
}

async fn unseen(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let maps: Api<ConfigMap> = Api::namespaced(place.client.clone(), &place.namespace);
    let object = place.built("payments", json!({"outputs": {"configMap": "platform"}})).await?;
    object.until("published", |status| is(status, "Published")).await?;
    object.look_now().await?;
    let (before, data) = (object.status().await?.outputs, maps.get("platform").await?.data);
    let writes = place.writes()?.len();
    for operation in ["DescribeLoadBalancers", "DescribeDBClusters"] {
        let fault = json!({"account": place.account, "operation": operation, "times": -1, "status": 400,
            "code": "AccessDenied", "agent": "payment-platform-controller"});
        world.emulator.fault(fault).await?;
    }
    let status = object.look_now().await?;
    ensure!(condition(&status, "Ready").is_some_and(|ready| ready.status == "False"), "{:?}", status.conditions);
    ensure!(status.outputs == before, "{:?} instead of {before:?}", status.outputs);
    ensure!(maps.get("platform").await?.data == data, "the ConfigMap has changed");
    place.no_write_since(writes)
}

/// Fails if the API server, strict as kubectl asks it to be, refuses this file; nothing is made.
fn admitted(place: &Place<'_>, file: &str) -> anyhow::Result<()> {
    let mut kubectl = place.world.cluster.kubectl();
    kubectl.args(["create", "--namespace", &place.namespace, "--validate=strict", "--dry-run=server", "-f"]);
    let answer = kubectl.arg(root().join("examples").join(file)).output()?;
    ensure!(answer.status.success(), "{file}: {}", String::from_utf8_lossy(&answer.stderr));
    Ok(())
}

async fn examples(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(root().join("examples"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let known = ["ephemeral.yaml", "minimal.yaml", "mysql.yaml", "production.yaml", "three-zones.yaml"];
    ensure!(names == known, "{names:?}");
    for name in names {
        admitted(&place, &name)?;
    }
    place.no_write_since(0)
}

async fn everything_set(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let manifest = production(&world.cluster, &place.aws).await?;
    let spec = manifest["spec"].clone();
    let object = Object::create(place.client.clone(), &place.namespace, "payments", spec).await?;
    let status = object.ready().await?;
    let ready = |kind: &str| condition(&status, kind).is_some_and(|one| one.status == "True");
    ensure!(ready("OutputsPublished"), "{:?}", status.conditions);
    ensure!(condition(&status, "Warnings").is_some_and(|one| one.status == "False"), "{:?}", status.conditions);
    ensure!(status.inventory.len() >= 100, "{} nodes", status.inventory.len());
    let before = place.writes()?.len();
    object.look_now().await?;
    place.no_write_since(before)
}
