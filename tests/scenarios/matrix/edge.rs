//! What stands between the internet and the application: web ACLs, CloudFront with its log deliveries, and the dashboard.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use aws_sdk_cloudfront::types as cdn;
use aws_sdk_wafv2::types as waf;
use futures::FutureExt;
use serde_json::{Value, json};

use super::How::{Added, Changed, Removed};
use super::{Row, Scene, Waiver, waived};

const FIXED: &str = "AWS has no operation that changes it; with another it is another thing";
const NONE: &str = "none are wanted";

pub const WAIVERS: &[Waiver] = &[
    waived("cloudfront/distribution", "behavior.methods.*", Removed, "AWS has no smaller set of methods"),
    waived("cloudfront/distribution", "more.*", Removed, NONE),
    waived(
        "cloudfront/origin-access-control",
        "origin_type",
        Changed,
        "AWS refuses it while an origin of another type uses it",
    ),
    waived("cloudfront/origin-access-control", "signing_protocol", Changed, "AWS has one"),
    waived("cloudfront/response-headers-policy", "more.*", Removed, NONE),
    waived("cloudwatch/dashboard", "more.*", Removed, NONE),
    waived("cloudwatch/dashboard", "name", Changed, FIXED),
    waived("logs/delivery", "destination_arn", Changed, FIXED),
    waived("logs/delivery", "source", Changed, FIXED),
    waived("logs/delivery-destination", "format", Changed, "AWS refuses to change it"),
    waived("logs/delivery-destination", "name", Changed, FIXED),
    waived("logs/delivery-source", "deliveries.*", Removed, NONE),
    waived("logs/delivery-source", "log_type", Changed, FIXED),
    waived("logs/delivery-source", "name", Changed, FIXED),
    waived("logs/delivery-source", "resource_arn", Changed, "AWS refuses to point a source elsewhere"),
    waived("wafv2/web-acl", "more.*", Removed, NONE),
    waived("wafv2/web-acl", "name", Changed, FIXED),
    waived("wafv2/web-acl", "scope", Changed, FIXED),
    waived("wafv2/web-acl-association", "load_balancer_arn", Changed, FIXED),
];

const ACL: &str = "wafv2/web-acl/alb";
const CDN_ACL: &str = "wafv2/web-acl/cdn";
const ASSOCIATION: &str = "wafv2/web-acl-association/alb";
const DISTRIBUTION: &str = "cloudfront/distribution/cdn";
const ACCESS: &str = "cloudfront/origin-access-control/static";
const HEADERS: &str = "cloudfront/response-headers-policy/static";
const SOURCE: &str = "logs/delivery-source/cdn";
const DESTINATION: &str = "logs/delivery-destination/cdn";
const DELIVERY: &str = "logs/delivery/cdn";
const DASHBOARD: &str = "cloudwatch/dashboard/platform";

/// Of a platform whose spec asks for an origin access identity.
pub const OPTIONAL_ROWS: &[Row] =
    &[Row::new("cloudfront/origin-access-identity/static", &[("comment", Changed)], |scene| renamed(scene).boxed())];

async fn renamed(scene: &Scene<'_>) -> anyhow::Result<()> {
    let cloudfront = &scene.aws.cloudfront;
    let seen = cloudfront.get_cloud_front_origin_access_identity_config().id(&scene.id).send().await?;
    let mut config = seen.cloud_front_origin_access_identity_config.context("no configuration")?;
    config.comment = "made by hand".to_owned();
    let call = cloudfront.update_cloud_front_origin_access_identity().id(&scene.id).set_if_match(seen.e_tag);
    call.cloud_front_origin_access_identity_config(config).send().await?;
    Ok(())
}

pub const ROWS: &[Row] = &[
    Row::new(
        ACL,
        &[
            ("description", Changed),
            ("default_action", Changed),
            ("visibility", Changed),
            ("rules.*", Added),
            ("rules.*", Removed),
            ("rules.*.priority", Changed),
            ("rules.*.statement", Changed),
            ("rules.*.action", Changed),
            ("rules.*.visibility", Changed),
            ("more.*", Added),
        ],
        |scene| lets_through(scene).boxed(),
    ),
    Row::new(
        ACL,
        &[
            ("log_destinations.*", Added),
            ("log_destinations.*", Removed),
            ("redacted.*", Added),
            ("redacted.*", Removed),
            ("log_filter", Changed),
        ],
        |scene| logs_elsewhere(scene).boxed(),
    ),
    Row::new(ACL, &[("log_destinations.*", Removed), ("redacted.*", Removed)], |scene| {
        let call = scene.aws.waf.delete_logging_configuration().resource_arn(&scene.id);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(ACL, &[("tags.*", Changed), ("tags.*", Removed)], |scene| {
        async {
            let owner = waf::Tag::builder().key("Owner").value("somebody").build()?;
            scene.aws.waf.tag_resource().resource_arn(&scene.id).tags(owner).send().await?;
            let call = scene.aws.waf.untag_resource().resource_arn(&scene.id).tag_keys("Compliance");
            Ok(call.send().await.map(drop)?)
        }
        .boxed()
    }),
    Row::new(CDN_ACL, &[("rules.*", Removed)], |scene| {
        async {
            let waf = &scene.aws.cdn.waf;
            let (seen, lock_token) = acl(waf, &scene.id, waf::Scope::Cloudfront).await?;
            let call = waf.update_web_acl().name(seen.name).id(seen.id).scope(waf::Scope::Cloudfront);
            let call = call.lock_token(lock_token).set_description(seen.description);
            let call = call.set_default_action(seen.default_action).set_visibility_config(seen.visibility_config);
            Ok(call.send().await.map(drop)?)
        }
        .boxed()
    }),
    Row::new(ASSOCIATION, &[("web_acl_arn", Changed)], |scene| {
        async {
            let other = other_acl(&scene.aws.waf, waf::Scope::Regional).await?;
            let balancer = scene.id_of("elbv2/load-balancer/alb")?;
            let call = || scene.aws.waf.associate_web_acl().web_acl_arn(&other).resource_arn(balancer).send();
            let deadline = Instant::now() + Duration::from_secs(10);
            // A new web ACL cannot be used at once.
            while let Err(error) = call().await {
                ensure!(Instant::now() < deadline, "cannot be associated: {error:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(())
        }
        .boxed()
    }),
    Row::new(
        DISTRIBUTION,
        &[
            ("name", Changed),
            ("enabled", Changed),
            ("aliases.*", Added),
            ("default_root_object", Changed),
            ("price_class", Changed),
            ("certificate.minimum_tls", Changed),
            ("origins.*", Added),
            ("origins.*.access_control_id", Changed),
            ("origins.*.more", Changed),
            ("behavior.viewer_protocol", Changed),
            ("behavior.methods.*", Added),
            ("behavior.cache_policy_id", Changed),
            ("behavior.headers_policy_id", Changed),
            ("behavior.compress", Changed),
            ("behavior.more", Changed),
            ("more.*", Added),
        ],
        |scene| shown_otherwise(scene).boxed(),
    ),
    Row::new(
        DISTRIBUTION,
        &[
            ("aliases.*", Removed),
            ("certificate.acm_arn", Changed),
            ("origins.*", Removed),
            ("behavior.origin", Changed),
        ],
        |scene| shown_from_elsewhere(scene).boxed(),
    ),
    Row::new(DISTRIBUTION, &[("origins.*.domain_name", Changed), ("origins.*.access_identity_id", Changed)], |scene| {
        another_bucket(scene).boxed()
    }),
    Row::new(DISTRIBUTION, &[("web_acl_arn", Changed)], |scene| {
        let call = scene.aws.cloudfront.disassociate_distribution_web_acl().id(&scene.id);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(DISTRIBUTION, &[("tags.*", Changed), ("tags.*", Removed)], |scene| {
        async {
            let arn = format!("arn:aws:cloudfront::{}:distribution/{}", scene.aws.id, scene.id);
            let owner = cdn::Tag::builder().key("Owner").value("somebody").build()?;
            let tags = cdn::Tags::builder().items(owner).build();
            scene.aws.cloudfront.tag_resource().resource(&arn).tags(tags).send().await?;
            let keys = cdn::TagKeys::builder().items("Compliance").build();
            Ok(scene.aws.cloudfront.untag_resource().resource(arn).tag_keys(keys).send().await.map(drop)?)
        }
        .boxed()
    }),
    Row::new(ACCESS, &[("name", Changed), ("description", Changed), ("signing_behavior", Changed)], |scene| {
        async {
            let seen = scene.aws.cloudfront.get_origin_access_control().id(&scene.id).send().await?;
            let mut config =
                seen.origin_access_control.and_then(|one| one.origin_access_control_config).context("none")?;
            config.name = "elsewhere-access".to_owned();
            config.description = Some("made by hand".to_owned());
            config.signing_behavior = cdn::OriginAccessControlSigningBehaviors::Never;
            let call = scene.aws.cloudfront.update_origin_access_control().id(&scene.id).set_if_match(seen.e_tag);
            Ok(call.origin_access_control_config(config).send().await.map(drop)?)
        }
        .boxed()
    }),
    Row::new(
        HEADERS,
        &[
            ("name", Changed),
            ("comment", Changed),
            ("headers.*", Added),
            ("headers.*", Removed),
            ("headers.*", Changed),
            ("more.*", Added),
        ],
        |scene| other_headers(scene).boxed(),
    ),
    Row::new(SOURCE, &[("deliveries.*", Added)], |scene| delivered_besides(scene).boxed()),
    Row::new(SOURCE, &[("tags.*", Changed), ("tags.*", Removed)], |scene| {
        delivery_tags(scene, "delivery-source:").boxed()
    }),
    Row::new(DESTINATION, &[("tags.*", Changed), ("tags.*", Removed)], |scene| {
        delivery_tags(scene, "delivery-destination:").boxed()
    }),
    Row::new(DELIVERY, &[("tags.*", Changed), ("tags.*", Removed)], |scene| delivery_tags(scene, "delivery:").boxed()),
    Row::new(DESTINATION, &[("resource_arn", Changed)], |scene| {
        async {
            let bucket = format!("arn:aws:s3:::{}", scene.id_of("s3/bucket/access-logs")?);
            let target = aws_sdk_cloudwatchlogs::types::DeliveryDestinationConfiguration::builder();
            let target = target.destination_resource_arn(format!("{bucket}/elsewhere")).build()?;
            let call = scene.aws.cdn.logs.put_delivery_destination().name(&scene.id);
            Ok(call.delivery_destination_configuration(target).send().await.map(drop)?)
        }
        .boxed()
    }),
    Row::new(
        DELIVERY,
        &[("path", Changed), ("hive_compatible_path", Changed), ("record", Changed), ("delimiter", Changed)],
        |scene| {
            async {
                let target = aws_sdk_cloudwatchlogs::types::S3DeliveryConfiguration::builder();
                let target = target.suffix_path("{DistributionId}").enable_hive_compatible_path(true).build();
                let call = scene.aws.cdn.logs.update_delivery_configuration().id(&scene.id);
                let call = call
                    .s3_delivery_configuration(target)
                    .record_fields("date")
                    .record_fields("time")
                    .field_delimiter(",");
                Ok(call.send().await.map(drop)?)
            }
            .boxed()
        },
    ),
    Row::new(
        DASHBOARD,
        &[("widgets.*", Added), ("widgets.*", Removed), ("widgets.*", Changed), ("more.*", Added)],
        |scene| another_dashboard(scene).boxed(),
    ),
    Row::new(DASHBOARD, &[("tags.*", Changed), ("tags.*", Removed)], |scene| {
        async {
            let owner = aws_sdk_cloudwatch::types::Tag::builder().key("Owner").value("somebody").build();
            scene.aws.cloudwatch.tag_resource().resource_arn(&scene.id).tags(owner).send().await?;
            let call = scene.aws.cloudwatch.untag_resource().resource_arn(&scene.id).tag_keys("Compliance");
            Ok(call.send().await.map(drop)?)
        }
        .boxed()
    }),
];

/// A web ACL with its lock token.
async fn acl(client: &aws_sdk_wafv2::Client, arn: &str, scope: waf::Scope) -> anyhow::Result<(waf::WebAcl, String)> {
    let mut path = arn.rsplit('/');
    let (id, name) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let seen = client.get_web_acl().name(name).id(id).scope(scope).send().await?;
    Ok((seen.web_acl.context("no web ACL")?, seen.lock_token.context("no token")?))
}

fn reports(name: &str) -> anyhow::Result<waf::VisibilityConfig> {
    let config = waf::VisibilityConfig::builder().metric_name(name);
    Ok(config.cloud_watch_metrics_enabled(false).sampled_requests_enabled(false).build()?)
}

/// ARN of a web ACL that lets everything through.
async fn other_acl(client: &aws_sdk_wafv2::Client, scope: waf::Scope) -> anyhow::Result<String> {
    let allow = waf::DefaultAction::builder().allow(waf::AllowAction::builder().build()).build();
    let call = client.create_web_acl().name("elsewhere-acl").scope(scope).default_action(allow);
    let made = call.visibility_config(reports("elsewhere")?).send().await?;
    made.summary.and_then(|made| made.arn).context("no ARN")
}

/// No rule group, counted instead of blocked, everybody denied that is left.
async fn lets_through(scene: &Scene<'_>) -> anyhow::Result<()> {
    let client = &scene.aws.waf;
    let (seen, lock_token) = acl(client, &scene.id, waf::Scope::Regional).await?;
    let mut rules = seen.rules.clone().unwrap_or_default();
    rules.retain(|rule| rule.name != "AWSManagedRulesCommonRuleSet");
    for rule in &mut rules {
        rule.priority += 100;
        rule.visibility_config = Some(reports("elsewhere")?);
        if let Some(rate) = rule.statement.as_mut().and_then(|statement| statement.rate_based_statement.as_mut()) {
            rate.limit = 1_000_000;
            let count = waf::CountAction::builder().build();
            rule.action = Some(waf::RuleAction::builder().count(count).build());
        }
    }
    let geo = waf::GeoMatchStatement::builder().country_codes(waf::CountryCode::Aq).build();
    let allow = waf::RuleAction::builder().allow(waf::AllowAction::builder().build()).build();
    let other =
        waf::Rule::builder().name("elsewhere").priority(0).action(allow).visibility_config(reports("elsewhere")?);
    rules.push(other.statement(waf::Statement::builder().geo_match_statement(geo).build()).build()?);
    let block = waf::DefaultAction::builder().block(waf::BlockAction::builder().build()).build();
    let call = client.update_web_acl().name(seen.name).id(seen.id).scope(waf::Scope::Regional).lock_token(lock_token);
    let call = call.description("made by hand").default_action(block).set_rules(Some(rules));
    call.visibility_config(reports("elsewhere")?).token_domains("elsewhere.example.com").send().await?;
    Ok(())
}

async fn logs_elsewhere(scene: &Scene<'_>) -> anyhow::Result<()> {
    let name = "aws-waf-logs-elsewhere-group";
    scene.aws.logs.create_log_group().log_group_name(name).send().await?;
    let method = waf::FieldToMatch::builder().method(waf::Method::builder().build()).build();
    let condition = waf::ActionCondition::builder().action(waf::ActionValue::Block).build()?;
    let filter =
        waf::Filter::builder().behavior(waf::FilterBehavior::Drop).requirement(waf::FilterRequirement::MeetsAny);
    let filter = filter.conditions(waf::Condition::builder().action_condition(condition).build()).build()?;
    let filter = waf::LoggingFilter::builder().filters(filter).default_behavior(waf::FilterBehavior::Keep).build()?;
    let group = format!("arn:aws:logs:us-east-1:{}:log-group:{name}", scene.aws.id);
    let logging = waf::LoggingConfiguration::builder().resource_arn(&scene.id).log_destination_configs(group);
    let logging = logging.redacted_fields(method).logging_filter(filter).build()?;
    scene.aws.waf.put_logging_configuration().logging_configuration(logging).send().await?;
    Ok(())
}

/// Changes the settings of the distribution.
async fn changed(
    scene: &Scene<'_>,
    change: impl FnOnce(&mut cdn::DistributionConfig) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let seen = scene.aws.cloudfront.get_distribution_config().id(&scene.id).send().await?;
    let mut config = seen.distribution_config.context("no configuration")?;
    change(&mut config)?;
    let call = scene.aws.cloudfront.update_distribution().id(&scene.id).set_if_match(seen.e_tag);
    call.distribution_config(config).send().await?;
    Ok(())
}

/// An origin that is not S3.
fn elsewhere(id: &str) -> anyhow::Result<cdn::Origin> {
    let protocols = cdn::OriginSslProtocols::builder().quantity(1).items(cdn::SslProtocol::TlSv12).build()?;
    let own = cdn::CustomOriginConfig::builder().http_port(80).https_port(443).origin_ssl_protocols(protocols);
    let own = own.origin_protocol_policy(cdn::OriginProtocolPolicy::HttpOnly);
    let own = own.origin_read_timeout(30).origin_keepalive_timeout(5).build()?;
    let none = cdn::CustomHeaders::builder().quantity(0).build()?;
    let origin = cdn::Origin::builder().id(id).domain_name("elsewhere.example.com").origin_path("");
    Ok(origin.custom_headers(none).custom_origin_config(own).build()?)
}

async fn shown_otherwise(scene: &Scene<'_>) -> anyhow::Result<()> {
    changed(scene, |config| {
        config.comment = "made by hand".to_owned();
        config.enabled = false;
        config.default_root_object = Some("elsewhere.html".to_owned());
        config.price_class = Some(cdn::PriceClass::PriceClassAll);
        config.http_version = Some(cdn::HttpVersion::Http11);
        let certificate = config.viewer_certificate.as_mut().context("no certificate")?;
        certificate.minimum_protocol_version = Some(cdn::MinimumProtocolVersion::TlSv1);
        let aliases = config.aliases.as_mut().context("no aliases")?;
        aliases.quantity += 1;
        aliases.items.get_or_insert_default().push("elsewhere.example.com".to_owned());
        let origins = config.origins.as_mut().context("no origins")?;
        for origin in &mut origins.items {
            origin.origin_path = Some("/elsewhere".to_owned());
            origin.origin_access_control_id = Some(String::new());
        }
        origins.quantity += 1;
        origins.items.push(elsewhere("elsewhere")?);
        let behavior = config.default_cache_behavior.as_mut().context("no behavior")?;
        behavior.viewer_protocol_policy = cdn::ViewerProtocolPolicy::AllowAll;
        // CachingDisabled and SecurityHeadersPolicy of AWS.
        behavior.cache_policy_id = Some("4135ea2d-6df8-44a3-9df3-4b5a84be39ad".to_owned());
        behavior.response_headers_policy_id = Some("67f7725c-6f97-4210-82d7-5512b31e9d03".to_owned());
        behavior.compress = Some(false);
        behavior.smooth_streaming = Some(true);
        let methods = behavior.allowed_methods.as_mut().context("no methods")?;
        methods.quantity += 1;
        methods.items.push(cdn::Method::Options);
        Ok(())
    })
    .await
}

/// Another bucket, read in the older way.
async fn another_bucket(scene: &Scene<'_>) -> anyhow::Result<()> {
    let config =
        cdn::CloudFrontOriginAccessIdentityConfig::builder().caller_reference("elsewhere").comment("elsewhere-");
    let call = scene.aws.cloudfront.create_cloud_front_origin_access_identity();
    let made = call.cloud_front_origin_access_identity_config(config.build()?).send().await?;
    let id = made.cloud_front_origin_access_identity.context("none")?.id;
    changed(scene, |config| {
        for origin in config.origins.iter_mut().flat_map(|all| &mut all.items) {
            origin.domain_name = "elsewhere-bucket.s3.us-east-1.amazonaws.com".to_owned();
            origin.origin_access_control_id = Some(String::new());
            let identity = format!("origin-access-identity/cloudfront/{id}");
            origin.s3_origin_config = Some(cdn::S3OriginConfig::builder().origin_access_identity(identity).build());
        }
        Ok(())
    })
    .await
}

async fn shown_from_elsewhere(scene: &Scene<'_>) -> anyhow::Result<()> {
    changed(scene, |config| {
        config.aliases = Some(cdn::Aliases::builder().quantity(0).build()?);
        config.viewer_certificate =
            Some(cdn::ViewerCertificate::builder().cloud_front_default_certificate(true).build());
        config.origins = Some(cdn::Origins::builder().quantity(1).items(elsewhere("elsewhere")?).build()?);
        let behavior = config.default_cache_behavior.as_mut().context("no behavior")?;
        behavior.target_origin_id = "elsewhere".to_owned();
        Ok(())
    })
    .await
}

async fn other_headers(scene: &Scene<'_>) -> anyhow::Result<()> {
    let client = &scene.aws.cloudfront;
    let seen = client.get_response_headers_policy().id(&scene.id).send().await?;
    let policy = seen.response_headers_policy.context("no policy")?;
    let mut config = policy.response_headers_policy_config.context("no configuration")?;
    config.name = "elsewhere-headers".to_owned();
    config.comment = Some("made by hand".to_owned());
    let headers = config.security_headers_config.as_mut().context("no headers")?;
    headers.frame_options = None;
    let csp = headers.content_security_policy.as_mut().context("no policy for content")?;
    csp.content_security_policy = "default-src *".to_owned();
    let xss = cdn::ResponseHeadersPolicyXssProtection::builder().protection(false).r#override(true).build()?;
    headers.xss_protection = Some(xss);
    let timing = cdn::ResponseHeadersPolicyServerTimingHeadersConfig::builder().enabled(true).sampling_rate(100.0);
    config.server_timing_headers_config = Some(timing.build()?);
    let call = client.update_response_headers_policy().id(&scene.id).set_if_match(seen.e_tag);
    call.response_headers_policy_config(config).send().await?;
    Ok(())
}

/// A second delivery of the same log, to a log group.
async fn delivered_besides(scene: &Scene<'_>) -> anyhow::Result<()> {
    let logs = &scene.aws.cdn.logs;
    logs.create_log_group().log_group_name("elsewhere-requests").send().await?;
    let group = format!("arn:aws:logs:us-east-1:{}:log-group:elsewhere-requests", scene.aws.id);
    let target = aws_sdk_cloudwatchlogs::types::DeliveryDestinationConfiguration::builder();
    let call = logs.put_delivery_destination().name("elsewhere-requests");
    let made = call.delivery_destination_configuration(target.destination_resource_arn(group).build()?).send().await?;
    let arn = made.delivery_destination.and_then(|made| made.arn).context("no ARN")?;
    logs.create_delivery().delivery_source_name(&scene.id).delivery_destination_arn(arn).send().await?;
    Ok(())
}

async fn delivery_tags(scene: &Scene<'_>, kind: &str) -> anyhow::Result<()> {
    let logs = &scene.aws.cdn.logs;
    let arn = format!("arn:aws:logs:us-east-1:{}:{kind}{}", scene.aws.id, scene.id);
    logs.tag_resource().resource_arn(&arn).tags("Owner", "somebody").send().await?;
    logs.untag_resource().resource_arn(arn).tag_keys("Compliance").send().await?;
    Ok(())
}

async fn another_dashboard(scene: &Scene<'_>) -> anyhow::Result<()> {
    let name = scene.id.rsplit('/').next().unwrap_or_default();
    let seen = scene.aws.cloudwatch.get_dashboard().dashboard_name(name).send().await?;
    let mut body: Value = serde_json::from_str(seen.dashboard_body().unwrap_or_default())?;
    let widgets = body["widgets"].as_array_mut().context("no widgets")?;
    widgets.pop();
    widgets[0]["properties"]["period"] = json!(300);
    widgets
        .push(json!({"type": "text", "x": 0, "y": 90, "width": 6, "height": 3, "properties": {"markdown": "hello"}}));
    body["start"] = json!("-PT6H");
    scene.aws.cloudwatch.put_dashboard().dashboard_name(name).dashboard_body(body.to_string()).send().await?;
    Ok(())
}
