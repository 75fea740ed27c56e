//! What stands between the internet and the application: what is special about it beside what every kind goes through in the matrix.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, ensure};
use aws_sdk_wafv2::types as waf;
use futures::FutureExt;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::aws::Account;
use payment_platform_tests::controller::{Controller, QUICK};
use payment_platform_tests::emulator::Emulator;
use payment_platform_tests::object::{Object, condition};
use serde_json::json;

use crate::Scenario;
use crate::drift::id;
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("a_web_acl_has_the_rules_of_the_spec_in_their_order_and_no_others", |world| rules(world).boxed()),
    ("static_assets_are_read_by_their_distribution_alone", |world| assets(world).boxed()),
    ("a_distribution_that_is_being_deployed_keeps_nothing_waiting", |world| deployed(world).boxed()),
    ("an_access_log_that_somebody_else_delivers_is_named_and_left_alone", |world| delivered(world).boxed()),
    ("an_origin_access_identity_if_asked_for_reads_a_bucket_without_a_key", |world| identity(world).boxed()),
    ("away_from_home_what_cloudfront_needs_is_in_its_region_and_goes_with_the_platform", |world| away(world).boxed()),
    ("without_a_web_acl_of_the_distribution_none_is_left_and_that_waits_for_approval", |world| {
        unguarded(world).boxed()
    }),
];

/// The rules of a web ACL: name and action, by priority.
async fn rules_of(
    client: &aws_sdk_wafv2::Client,
    arn: &str,
    scope: waf::Scope,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut path = arn.rsplit('/');
    let (id, name) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let acl = client.get_web_acl().name(name).id(id).scope(scope).send().await?.web_acl.context("no web ACL")?;
    let by_priority: BTreeMap<i32, _> = acl.rules().iter().map(|rule| (rule.priority, rule)).collect();
    let told = by_priority.into_values().map(|rule| {
        let action = match (&rule.action, &rule.override_action) {
            (Some(action), _) if action.block.is_some() => "block",
            (Some(action), _) if action.allow.is_some() => "allow",
            (None, Some(group)) if group.none.is_some() => "of the group",
            _ => "another",
        };
        (rule.name.clone(), action.to_owned())
    });
    Ok(told.collect())
}

/// Where AWS takes its time, a distribution longest, what names it is made meanwhile.
async fn deployed(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    // Fifteen seconds for the distribution.
    let slow = tokio::task::spawn_blocking(|| Emulator::start_with(&["--time-scale", "0.05"])).await??;
    let _controller = Controller::start(&cluster, &slow, &world.folder().join("deployed.log"), QUICK)?;
    let spec = place.spec(json!({"profile": "Ephemeral"}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    let made = |status: &PaymentPlatformStatus| {
        ["s3/bucket-policy/static", "logs/delivery/cdn", "cloudwatch/dashboard/platform"]
            .iter()
            .all(|node| status.inventory.iter().any(|entry| entry.node.ends_with(node)))
    };
    let deploying = |status: &PaymentPlatformStatus| {
        condition(status, "StaticAssetsReady")
            .is_some_and(|one| one.status == "False" && one.message.contains("until all edges have it"))
    };
    object.until("made while the distribution is being deployed", |status| made(status) && deploying(status)).await?;
    object.until("Ready", |status| condition(status, "Ready").is_some_and(|one| one.status == "True")).await?;
    // The web ACL waits until the load balancer is active.
    let refused =
        slow.writes(&place.account)?.into_iter().find(|call| call.operation == "AssociateWebACL" && call.status > 299);
    ensure!(refused.is_none(), "associated too early: {refused:?}");
    place.no_write_since(0)
}

async fn rules(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let set = place.aws.waf.create_ip_set().name("elsewhere-partners").scope(waf::Scope::Regional);
    let set = set.ip_address_version(waf::IpAddressVersion::Ipv4).addresses("203.0.113.0/24").send().await?;
    let arn = set.summary.and_then(|summary| summary.arn).context("no ARN")?;
    let object = place
        .built(
            "payments",
            json!({"ingress": {"waf": {
                "rateLimit": 500,
                "managedRuleGroups": ["AWSManagedRulesSQLiRuleSet"],
                "ruleActionOverrides": {"AWSManagedRulesCommonRuleSet": {"SizeRestrictions_BODY": "Count"}},
                "ipSets": [{"name": "partners", "arn": arn, "action": "Allow"}],
            }}}),
        )
        .await?;
    let status = object.status().await?;
    let acl = id(&status, "web-acl/alb")?;
    let seen = rules_of(&place.aws.waf, &acl, waf::Scope::Regional).await?;
    let wanted = [
        ("ip-set-partners", "allow"),
        ("rate-limit", "block"),
        ("AWSManagedRulesCommonRuleSet", "of the group"),
        ("AWSManagedRulesKnownBadInputsRuleSet", "of the group"),
        ("AWSManagedRulesSQLiRuleSet", "of the group"),
    ];
    let wanted = wanted.map(|(name, action)| (name.to_owned(), action.to_owned()));
    ensure!(seen == wanted, "{seen:?}");
    let balancer = id(&status, "load-balancer/alb")?;
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"ingress": {"waf": null}}})).await?;
    object.ready().await?;
    let seen = rules_of(&place.aws.waf, &acl, waf::Scope::Regional).await?;
    ensure!(seen == [&wanted[1..4]].concat(), "{seen:?}");
    place.wrote_only(before, &["UpdateWebACL"])?;

    // One call takes it off; it is on again without anything else.
    let before = place.writes()?.len();
    place.aws.waf.disassociate_web_acl().resource_arn(&balancer).send().await?;
    object.corrected("wafv2/web-acl-association/alb", "existence").await?;
    let there = place.aws.waf.get_web_acl_for_resource().resource_arn(&balancer).send().await?;
    ensure!(there.web_acl().is_some_and(|there| there.arn == acl), "{there:?}");
    place.wrote_only(before, &["AssociateWebACL"])
}

async fn assets(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let outputs = object.status().await?.outputs.unwrap_or_default();
    let bucket = outputs.s3_bucket_static_assets_name.context("no bucket")?;
    let domain = outputs.cloudfront_distribution_domain_name.context("no domain name")?;
    ensure!(domain.ends_with(".cloudfront.net"), "{domain}");
    let distribution = id(&object.status().await?, "distribution/cdn")?;
    let before = place.writes()?.len();
    let policy = place.aws.s3.get_bucket_policy().bucket(&bucket).send().await?;
    let policy: serde_json::Value = serde_json::from_str(policy.policy().unwrap_or_default())?;
    let sids: Vec<&str> =
        policy["Statement"].as_array().context("no statements")?.iter().filter_map(|one| one["Sid"].as_str()).collect();
    ensure!(sids == ["Root", "Controller", "CloudFront", "DenyInsecureTransport"], "{sids:?}");
    let reads = &policy["Statement"][2];
    let arn = format!("arn:aws:cloudfront::{}:distribution/{distribution}", place.account);
    ensure!(reads["Condition"]["StringEquals"]["aws:SourceArn"].to_string().contains(&arn), "{reads}");
    ensure!(reads["Action"] == json!(["s3:GetObject"]), "{reads}");

    // Deleted by hand in its two steps, it is made again, and the bucket opens to the new one.
    let seen = place.aws.cloudfront.get_distribution_config().id(&distribution).send().await?;
    let mut config = seen.distribution_config.context("no configuration")?;
    object.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    object.until("paused", |status| condition(status, "Ready").is_some_and(|one| one.reason == "Paused")).await?;
    config.enabled = false;
    let call = place.aws.cloudfront.update_distribution().id(&distribution).set_if_match(seen.e_tag);
    call.distribution_config(config).send().await?;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let seen = place.aws.cloudfront.get_distribution().id(&distribution).send().await?;
        let call = place.aws.cloudfront.delete_distribution().id(&distribution).set_if_match(seen.e_tag);
        if call.send().await.is_ok() {
            break;
        }
        ensure!(std::time::Instant::now() < deadline, "the distribution cannot be deleted");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    object.annotate(payment_platform_api::PAUSED, None).await?;
    object.corrected("cloudfront/distribution/cdn", "existence").await?;
    let status = object.ready().await?;
    let again = id(&status, "distribution/cdn")?;
    ensure!(again != distribution, "the same one");
    let policy = place.aws.s3.get_bucket_policy().bucket(&bucket).send().await?;
    ensure!(policy.policy().is_some_and(|policy| policy.contains(&again) && !policy.contains(&distribution)));
    let sources = place.aws.cdn.logs.describe_delivery_sources().send().await?;
    let logged = sources.delivery_sources().iter().any(|source| source.resource_arns()[0].ends_with(&again));
    ensure!(logged, "requests of the new one are not recorded: {sources:?}");
    let (bucket, again) = (["PutBucketPolicy"], ["CreateDelivery", "DeleteDelivery", "DeleteDeliverySource"]);
    let made = ["CreateDistributionWithTags", "PutDashboard", "PutDeliverySource"];
    place.wrote_nothing_but(before, &[&bucket[..], &again, &made].concat())
}

async fn delivered(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let status = object.status().await?;
    let (delivery, source) = (id(&status, "logs/delivery/cdn")?, id(&status, "logs/delivery-source/cdn")?);
    let distribution =
        format!("arn:aws:cloudfront::{}:distribution/{}", place.account, id(&status, "distribution/cdn")?);
    let logs = &place.aws.cdn.logs;
    object.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    object.until("paused", |status| condition(status, "Ready").is_some_and(|one| one.reason == "Paused")).await?;
    logs.delete_delivery().id(delivery).send().await?;
    logs.delete_delivery_source().name(&source).send().await?;
    let theirs = logs.put_delivery_source().name("theirs").resource_arn(distribution).log_type("ACCESS_LOGS");
    theirs.send().await?;
    let before = place.writes()?.len();
    object.annotate(payment_platform_api::PAUSED, None).await?;
    let named = |status: &payment_platform_api::PaymentPlatformStatus| {
        condition(status, "Stalled")
            .is_some_and(|one| one.status == "True" && one.message.contains("delivery source theirs"))
    };
    object.until("told who has it", named).await?;
    place.left_alone_since(before, "theirs")?;
    logs.delete_delivery_source().name("theirs").send().await?;
    object.look_now().await?;
    object.ready().await?;
    place.wrote_only(before, &["CreateDelivery", "PutDeliverySource"])
}

async fn identity(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let spec = json!({"profile": "Ephemeral", "staticAssets": {"originAccess": "OriginAccessIdentity"}});
    let object = place.built("payments", spec).await?;
    let status = object.status().await?;
    let identity = id(&status, "origin-access-identity/static")?;
    let bucket = id(&status, "s3/bucket/static")?;
    let read = place.aws.s3.get_bucket_encryption().bucket(&bucket).send().await?;
    ensure!(format!("{read:?}").contains("Aes256"), "{read:?}");
    let policy = place.aws.s3.get_bucket_policy().bucket(&bucket).send().await?;
    let reader = format!("CloudFront Origin Access Identity {identity}");
    ensure!(policy.policy().is_some_and(|policy| policy.contains(&reader)), "{policy:?}");
    ensure!(condition(&status, "Warnings").is_some_and(|one| one.message.contains("3.5.1")), "{:?}", status.conditions);
    let calls = place.writes()?.len();
    object.look_now().await?;
    place.no_write_since(calls)?;

    // A second one with the comment of ours, as a creation whose answer was lost would leave it.
    let cloudfront = &place.aws.cloudfront;
    let read = cloudfront.get_cloud_front_origin_access_identity().id(&identity).send().await?;
    let config = read.cloud_front_origin_access_identity.and_then(|one| one.cloud_front_origin_access_identity_config);
    let mut config = config.context("no configuration")?;
    config.caller_reference = "by hand".to_owned();
    let call = cloudfront.create_cloud_front_origin_access_identity();
    call.cloud_front_origin_access_identity_config(config).send().await?;
    object.corrected("origin-access-identity/static", "existence").await?;
    ensure!(id(&object.ready().await?, "origin-access-identity/static")? == identity, "the wrong one went");
    place.wrote_only(calls, &["DeleteCloudFrontOriginAccessIdentity"])?;

    object.delete().await?;
    let left: Vec<String> = place.aws.everything().await?.into_iter().filter(|one| !before.contains(one)).collect();
    ensure!(left.is_empty(), "left: {left:?}");
    Ok(())
}

async fn away(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("eu-west-1").await?;
    let home = Account::open(&world.emulator.endpoint, Some(&place.account), "us-east-1").await?;
    let (before, here) = (home.everything().await?, place.aws.everything().await?);
    let certificate = home.acm.request_certificate().domain_name("static.example.com").send().await?;
    let spec = json!({"deletionPolicy": "Delete",
        "staticAssets": {"certificateArn": certificate.certificate_arn, "aliases": ["static.example.com"]}});
    let object = place.built("payments", spec).await?;
    let status = object.status().await?;
    let mut abroad: Vec<&str> =
        status.inventory.iter().filter_map(|entry| entry.node.strip_prefix("us-east-1/")).collect();
    abroad.sort_unstable();
    let wanted = [
        "cloudwatch/alarm/cert-expiry-cdn",
        "kms/alias/alerts",
        "kms/alias/logs",
        "kms/key/alerts",
        "kms/key/logs",
        "logs/delivery-destination/cdn",
        "logs/delivery-source/cdn",
        "logs/delivery/cdn",
        "logs/log-group/aws-waf-logs-payment-prd-cdn",
        "sns/topic/alerts",
        "wafv2/web-acl/cdn",
    ];
    ensure!(abroad == wanted, "{abroad:?}");
    let outputs = status.outputs.clone().unwrap_or_default();
    for arn in [outputs.kms_key_cloudwatch_arn, outputs.sns_topic_arn] {
        ensure!(arn.as_ref().is_some_and(|arn| arn.contains(":eu-west-1:")), "the output is of elsewhere: {arn:?}");
    }
    let built = place.writes()?.len();
    home.cdn
        .logs
        .put_retention_policy()
        .log_group_name("aws-waf-logs-payment-prd-cdn")
        .retention_in_days(1)
        .send()
        .await?;
    object.corrected("logs/log-group/aws-waf-logs-payment-prd-cdn", "retention_days").await?;
    place.wrote_only(built, &["PutRetentionPolicy"])?;
    object.delete().await?;
    let left: Vec<String> = home.everything().await?.into_iter().filter(|one| !before.contains(one)).collect();
    ensure!(left.is_empty(), "left in us-east-1: {left:?}");
    let left: Vec<String> = place.aws.everything().await?.into_iter().filter(|one| !here.contains(one)).collect();
    ensure!(left.is_empty(), "left at home: {left:?}");
    Ok(())
}

async fn unguarded(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let object = place.built("payments", json!({})).await?;
    let before = place.writes()?.len();
    object.merge(json!({"spec": {"staticAssets": {"webAcl": false}}})).await?;
    let asked = object.until("waiting for approval", |status| status.approval.is_some()).await?;
    let approval = asked.approval.context("no approval")?;
    let group = "us-east-1/logs/log-group/aws-waf-logs-payment-prd-cdn: it is no longer wanted, but holds data";
    ensure!(approval.changes == ["staticAssets.webAcl: true -> false", group], "{:?}", approval.changes);
    place.no_write_since(before)?;
    object.annotate(payment_platform_api::APPROVE, Some(&approval.hash)).await?;
    let gone = |status: &payment_platform_api::PaymentPlatformStatus| {
        status.inventory.iter().all(|entry| !entry.node.contains("web-acl/cdn"))
    };
    object.until("without a web ACL of the distribution", gone).await?;
    object.ready().await?;
    let distribution = id(&object.status().await?, "distribution/cdn")?;
    let seen = place.aws.cloudfront.get_distribution().id(distribution).send().await?.distribution.context("none")?;
    let acl = seen.distribution_config.and_then(|config| config.web_acl_id).unwrap_or_default();
    ensure!(acl.is_empty(), "{acl}");
    place.wrote_only(before, &["DeleteLogGroup", "DeleteWebACL", "UpdateDistribution"])
}
