//! What a distribution is set to, as the API takes and answers it: all settings, with those that the platform has no opinion on.

use std::collections::BTreeMap;

use aws_sdk_cloudfront::types::{
    Aliases, AllowedMethods, CacheBehaviors, CachedMethods, CustomErrorResponses, CustomHeaders, DefaultCacheBehavior,
    DistributionConfig, FunctionAssociations, GeoRestriction, GeoRestrictionType, HttpVersion,
    LambdaFunctionAssociations, LoggingConfig, Method, MinimumProtocolVersion, Origin as SeenOrigin, OriginGroups,
    OriginShield, Origins, PriceClass, Restrictions, S3OriginConfig, SslSupportMethod, TrustedKeyGroups,
    TrustedSigners, ViewerCertificate as SeenCertificate, ViewerProtocolPolicy,
};
use payment_platform_engine::CloudError;

use super::distribution::{Behavior, Fields, Origin, ViewerCertificate};
use crate::aws::error::built;
use crate::aws::tags::TagMap;

/// What the id of an origin access identity has before it in a distribution.
const IDENTITY: &str = "origin-access-identity/cloudfront/";

/// How often and for how many seconds an edge tries to reach the bucket: AWS's own values.
const CONNECTION_ATTEMPTS: i32 = 3;
const CONNECTION_SECONDS: i32 = 10;
const READ_SECONDS: i32 = 30;

/// What an edge answers by itself.
pub const METHODS: [Method; 2] = [Method::Get, Method::Head];

/// All settings as the API takes them, those that are the same in every platform too.
pub fn config(want: &Fields, reference: &str, action: &'static str) -> Result<DistributionConfig, CloudError> {
    let origins = want.origins.iter().map(|(id, origin)| {
        let shield = OriginShield::builder().enabled(false).build();
        let one = SeenOrigin::builder().id(id).domain_name(&origin.domain_name).origin_path("");
        let one = one.custom_headers(built(CustomHeaders::builder().quantity(0).build(), action)?);
        let identity = match origin.access_identity_id.as_str() {
            "" => String::new(),
            id => format!("{IDENTITY}{id}"),
        };
        let one = one.s3_origin_config(S3OriginConfig::builder().origin_access_identity(identity).build());
        let one = one.connection_attempts(CONNECTION_ATTEMPTS).connection_timeout(CONNECTION_SECONDS);
        let one = one.origin_shield(built(shield, action)?).origin_access_control_id(&origin.access_control_id);
        built(one.build(), action)
    });
    let origins = origins.collect::<Result<Vec<_>, _>>()?;
    let origins = Origins::builder().quantity(count(origins.len())).set_items(Some(origins));
    let aliases = Aliases::builder().quantity(count(want.aliases.len()));
    let aliases = aliases.set_items(Some(want.aliases.iter().cloned().collect()).filter(|_| !want.aliases.is_empty()));
    let restriction = GeoRestriction::builder().restriction_type(GeoRestrictionType::None).quantity(0).build();
    let logging = LoggingConfig::builder().enabled(false).include_cookies(false).bucket("").prefix("").build();
    let config = DistributionConfig::builder()
        .caller_reference(reference)
        .comment(&want.name)
        .enabled(want.enabled)
        .aliases(built(aliases.build(), action)?)
        .default_root_object(&want.default_root_object)
        .origins(built(origins.build(), action)?)
        .origin_groups(built(OriginGroups::builder().quantity(0).build(), action)?)
        .default_cache_behavior(behavior(&want.behavior, action)?)
        .cache_behaviors(built(CacheBehaviors::builder().quantity(0).build(), action)?)
        .custom_error_responses(built(CustomErrorResponses::builder().quantity(0).build(), action)?)
        .logging(logging)
        .price_class(PriceClass::from(&*want.price_class))
        .viewer_certificate(certificate(&want.certificate))
        .restrictions(Restrictions::builder().geo_restriction(built(restriction, action)?).build())
        .web_acl_id(want.web_acl_arn.as_deref().unwrap_or_default())
        .http_version(HttpVersion::Http2)
        .is_ipv6_enabled(true)
        .continuous_deployment_policy_id("")
        .staging(false);
    built(config.build(), action)
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn certificate(want: &ViewerCertificate) -> SeenCertificate {
    let minimum = MinimumProtocolVersion::from(&*want.minimum_tls);
    let certificate = SeenCertificate::builder().minimum_protocol_version(minimum);
    match &want.acm_arn {
        Some(arn) => certificate.acm_certificate_arn(arn).ssl_support_method(SslSupportMethod::SniOnly).build(),
        None => certificate.cloud_front_default_certificate(true).build(),
    }
}

fn behavior(want: &Behavior, action: &'static str) -> Result<DefaultCacheBehavior, CloudError> {
    let methods: Vec<Method> = want.methods.iter().map(|method| Method::from(&**method)).collect();
    let cached = CachedMethods::builder().quantity(count(METHODS.len())).set_items(Some(METHODS.to_vec()));
    let allowed = AllowedMethods::builder().quantity(count(methods.len())).set_items(Some(methods));
    let allowed = allowed.cached_methods(built(cached.build(), action)?);
    let behavior = DefaultCacheBehavior::builder()
        .target_origin_id(&want.origin)
        .trusted_signers(built(TrustedSigners::builder().enabled(false).quantity(0).build(), action)?)
        .trusted_key_groups(built(TrustedKeyGroups::builder().enabled(false).quantity(0).build(), action)?)
        .viewer_protocol_policy(ViewerProtocolPolicy::from(&*want.viewer_protocol))
        .allowed_methods(built(allowed.build(), action)?)
        .smooth_streaming(false)
        .compress(want.compress)
        .lambda_function_associations(built(LambdaFunctionAssociations::builder().quantity(0).build(), action)?)
        .function_associations(built(FunctionAssociations::builder().quantity(0).build(), action)?)
        .field_level_encryption_id("")
        .cache_policy_id(&want.cache_policy_id)
        .response_headers_policy_id(&want.headers_policy_id);
    built(behavior.build(), action)
}

/// A distribution as it was read.
pub fn fields(seen: DistributionConfig, tags: TagMap) -> Fields {
    let more = unusual(&seen);
    let certificate = seen.viewer_certificate.map(|seen| ViewerCertificate {
        acm_arn: seen.acm_certificate_arn.or(seen.iam_certificate_id).filter(|arn| !arn.is_empty()),
        minimum_tls: seen.minimum_protocol_version.map(|version| version.as_str().to_owned()).unwrap_or_default(),
    });
    let origins = seen.origins.map(|origins| origins.items).unwrap_or_default().into_iter();
    let origins = origins.map(|origin| (origin.id.clone(), seen_origin(origin)));
    Fields {
        name: seen.comment,
        enabled: seen.enabled,
        aliases: seen.aliases.and_then(|aliases| aliases.items).unwrap_or_default().into_iter().collect(),
        default_root_object: seen.default_root_object.unwrap_or_default(),
        price_class: seen.price_class.map(|class| class.as_str().to_owned()).unwrap_or_default(),
        certificate: certificate.unwrap_or_default(),
        web_acl_arn: seen.web_acl_id.filter(|arn| !arn.is_empty()),
        origins: origins.collect(),
        behavior: seen.default_cache_behavior.map(seen_behavior).unwrap_or_default(),
        more,
        tags,
    }
}

fn seen_origin(seen: SeenOrigin) -> Origin {
    let headers = seen.custom_headers.filter(|headers| headers.quantity > 0);
    let s3 = seen.s3_origin_config;
    let identity = s3.as_ref().map_or("", |s3| s3.origin_access_identity.trim_start_matches(IDENTITY)).to_owned();
    let read = s3.and_then(|s3| s3.origin_read_timeout).filter(|seconds| *seconds != READ_SECONDS);
    let more = [
        ("path", seen.origin_path.filter(|path| !path.is_empty())),
        ("headers", headers.map(|headers| format!("{:?}", headers.items))),
        ("read timeout", read.map(|seconds| seconds.to_string())),
        ("not of S3", seen.custom_origin_config.map(|config| format!("{config:?}"))),
        ("of a VPC", seen.vpc_origin_config.map(|config| format!("{config:?}"))),
        ("attempts", seen.connection_attempts.filter(|n| *n != CONNECTION_ATTEMPTS).map(|n| n.to_string())),
        ("connection timeout", seen.connection_timeout.filter(|n| *n != CONNECTION_SECONDS).map(|n| n.to_string())),
        // Without one AWS sets no end; whether it says so by nothing or by zero is not documented.
        (
            "response timeout",
            seen.response_completion_timeout.filter(|seconds| *seconds > 0).map(|seconds| seconds.to_string()),
        ),
        ("shield", seen.origin_shield.filter(|shield| shield.enabled).map(|shield| format!("{shield:?}"))),
    ];
    Origin {
        domain_name: seen.domain_name,
        access_control_id: seen.origin_access_control_id.unwrap_or_default(),
        access_identity_id: identity,
        more: described(more),
    }
}

#[allow(deprecated, reason = "what AWS advises against is what somebody may have set")]
fn seen_behavior(seen: DefaultCacheBehavior) -> Behavior {
    let allowed = seen.allowed_methods;
    let cached = allowed.as_ref().and_then(|methods| methods.cached_methods.as_ref());
    let cached = cached.filter(|cached| cached.items.iter().any(|method| !METHODS.contains(method)));
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let functions = seen.function_associations.filter(|all| all.quantity > 0);
    let lambdas = seen.lambda_function_associations.filter(|all| all.quantity > 0);
    let more = [
        ("cached methods", cached.map(|cached| format!("{:?}", cached.items))),
        ("signers", seen.trusted_signers.filter(|all| all.enabled).map(|all| format!("{:?}", all.items))),
        ("key groups", seen.trusted_key_groups.filter(|all| all.enabled).map(|all| format!("{:?}", all.items))),
        ("smooth streaming", seen.smooth_streaming.filter(|on| *on).map(|on| on.to_string())),
        ("functions", functions.map(|all| format!("{:?}", all.items))),
        ("Lambda functions", lambdas.map(|all| format!("{:?}", all.items))),
        ("field encryption", some(seen.field_level_encryption_id)),
        ("real-time log", some(seen.realtime_log_config_arn)),
        ("request policy", some(seen.origin_request_policy_id)),
        ("gRPC", seen.grpc_config.filter(|config| config.enabled).map(|config| format!("{config:?}"))),
        ("forwarded values", seen.forwarded_values.map(|values| format!("{values:?}"))),
    ];
    Behavior {
        origin: seen.target_origin_id,
        viewer_protocol: seen.viewer_protocol_policy.as_str().to_owned(),
        methods: allowed.iter().flat_map(|methods| &methods.items).map(|method| method.as_str().to_owned()).collect(),
        cache_policy_id: seen.cache_policy_id.unwrap_or_default(),
        headers_policy_id: seen.response_headers_policy_id.unwrap_or_default(),
        compress: seen.compress.unwrap_or_default(),
        more: described(more),
    }
}

/// The settings of a distribution that are the same in every platform, where they are not so in this one.
fn unusual(seen: &DistributionConfig) -> BTreeMap<String, String> {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let geo = seen.restrictions.as_ref().and_then(|all| all.geo_restriction.as_ref());
    let geo = geo.filter(|geo| geo.restriction_type != GeoRestrictionType::None);
    let groups = seen.origin_groups.as_ref().filter(|all| all.quantity > 0);
    let behaviors = seen.cache_behaviors.as_ref().filter(|all| all.quantity > 0);
    let errors = seen.custom_error_responses.as_ref().filter(|all| all.quantity > 0);
    // It has a meaning with a certificate of one's own only.
    let certificate = seen.viewer_certificate.as_ref().filter(|one| one.acm_certificate_arn.is_some());
    let support = certificate.and_then(|one| one.ssl_support_method.as_ref());
    let support = support.filter(|method| **method != SslSupportMethod::SniOnly);
    let cache_tags = seen.cache_tag_config.as_ref().filter(|config| !config.header_name.is_empty());
    let tenants = seen.tenant_config.as_ref().filter(|config| !config.parameter_definitions().is_empty());
    let http = seen.http_version.as_ref().filter(|version| **version != HttpVersion::Http2);
    let all = [
        ("anycast list", some(&seen.anycast_ip_list_id)),
        ("behaviors", behaviors.map(|all| format!("{:?}", all.items))),
        ("cache tags", cache_tags.map(|config| format!("{config:?}"))),
        ("connection function", seen.connection_function_association.as_ref().map(|one| format!("{one:?}"))),
        ("continuous deployment", some(&seen.continuous_deployment_policy_id)),
        ("SSL support", support.map(|method| method.as_str().to_owned())),
        ("error responses", errors.map(|all| format!("{:?}", all.items))),
        ("HTTP version", http.map(|version| version.as_str().to_owned())),
        ("IPv6", seen.is_ipv6_enabled.filter(|on| !on).map(|_| "off".to_owned())),
        (
            "logging",
            seen.logging
                .as_ref()
                .filter(|logging| logging.enabled || logging.include_cookies)
                .map(|logging| format!("{logging:?}")),
        ),
        ("mutual TLS", seen.viewer_mtls_config.as_ref().map(|config| format!("{config:?}"))),
        ("origin groups", groups.map(|all| format!("{:?}", all.items))),
        ("restrictions", geo.map(|geo| format!("{geo:?}"))),
        ("staging", seen.staging.filter(|on| *on).map(|_| "on".to_owned())),
        ("tenants", tenants.map(|config| format!("{config:?}"))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// What is set of these, as one line.
fn described<const N: usize>(parts: [(&str, Option<String>); N]) -> Option<String> {
    let set = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", value?)));
    Some(set.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want() -> Fields {
        let origin = Origin {
            domain_name: "b.s3.us-east-1.amazonaws.com".into(),
            access_control_id: "E1".into(),
            access_identity_id: String::new(),
            more: None,
        };
        Fields {
            name: "cdn-payment-prd".into(),
            enabled: true,
            aliases: ["static.example.com".to_owned()].into(),
            default_root_object: "index.html".into(),
            price_class: "PriceClass_100".into(),
            certificate: ViewerCertificate::of(Some("arn:aws:acm:us-east-1:123456789012:certificate/a".into())),
            web_acl_arn: None,
            origins: [("static".to_owned(), origin)].into(),
            behavior: Behavior {
                origin: "static".into(),
                viewer_protocol: "redirect-to-https".into(),
                methods: ["GET".to_owned(), "HEAD".to_owned()].into(),
                cache_policy_id: "658327ea-f89d-4fab-a63d-7e88639e58f6".into(),
                headers_policy_id: "H1".into(),
                compress: true,
                more: None,
            },
            more: BTreeMap::new(),
            tags: TagMap::new(),
        }
    }

    #[test]
    fn a_distribution_reads_back_as_it_was_made() {
        assert_eq!(fields(config(&want(), "a", "test").unwrap(), TagMap::new()), want());
    }

    #[test]
    fn what_ours_never_have_is_told() {
        let mut seen = config(&want(), "a", "test").unwrap();
        seen.http_version = Some(HttpVersion::Http11);
        let origin = seen.origins.as_mut().unwrap().items.first_mut().unwrap();
        origin.origin_path = Some("/secret".into());
        let read = fields(seen, TagMap::new());
        assert_eq!(read.more, BTreeMap::from([("HTTP version".to_owned(), "http1.1".to_owned())]));
        assert_eq!(read.origins["static"].more.as_deref(), Some("path: /secret"));
    }
}
