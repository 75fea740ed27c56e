//! Distribution: the application's static assets, near to its users (PCI DSS 1.4.4: the bucket is reached in no other way; 4.2.1: HTTPS
//! only; 6.4.2: behind a web ACL).
//!
//! AWS rules obeyed: an alternate domain name needs a certificate of us-east-1 that covers it; with CloudFront's own certificate
//! the lowest version of TLS is TLSv1, whatever is asked; a change replaces all settings, each of them named, and carries the ETag of
//! the last read; it takes minutes until all edges have it, and nothing waits for that; only one that is disabled, and is that
//! everywhere, can be deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_cloudfront::types::{
    Aliases, AllowedMethods, CacheBehaviors, CachedMethods, CustomErrorResponses, CustomHeaders, DefaultCacheBehavior,
    DistributionConfig, DistributionConfigWithTags, FunctionAssociations, GeoRestriction, GeoRestrictionType,
    HttpVersion, LambdaFunctionAssociations, LoggingConfig, Method, MinimumProtocolVersion, Origin as SeenOrigin,
    OriginGroups, OriginShield, Origins, PriceClass, Restrictions, S3OriginConfig, SslSupportMethod, Tag, TagKeys,
    Tags as TagItems, TrustedKeyGroups, TrustedSigners, ViewerCertificate as SeenCertificate, ViewerProtocolPolicy,
};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{
    Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Region, Resource, Tier, Unready, Up,
};
use serde::{Deserialize, Serialize};

use super::{OriginAccessControl, OriginAccessIdentity, ResponseHeadersPolicy};
use crate::aws::Aws;
use crate::aws::error::{During, built, gone};
use crate::aws::s3::{self, Bucket};
use crate::aws::tags::{self, TagMap, Tags, claim, name_fits};
use crate::aws::wafv2::WebAcl;

/// What the names of our distributions begin with.
const PREFIX: &str = "cdn-payment-";

/// The one origin.
const ORIGIN: &str = "static";

/// What the id of an origin access identity has before it in a distribution.
const IDENTITY: &str = "origin-access-identity/cloudfront/";

/// AWS's cache policy for buckets: CachingOptimized (CloudFront Developer Guide, "Use managed cache policies").
const CACHE_POLICY: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";

/// How often and for how many seconds an edge tries to reach the bucket: AWS's own values.
const CONNECTION_ATTEMPTS: i32 = 3;
const CONNECTION_SECONDS: i32 = 10;
const READ_SECONDS: i32 = 30;

const METHODS: [Method; 2] = [Method::Get, Method::Head];

/// The content delivery network of one platform.
#[derive(Clone, Serialize)]
pub struct Distribution {
    pub name: String,
    pub bucket: Ref<Bucket>,
    /// Where the bucket is.
    pub bucket_region: Region,
    pub access: OriginAccess,
    pub headers: Ref<ResponseHeadersPolicy>,
    pub web_acl: Option<Ref<WebAcl>>,
    pub price_class: String,
    pub default_root_object: String,
    pub aliases: BTreeSet<String>,
    pub certificate: ViewerCertificate,
    pub tags: Tags,
}

/// How it reads the bucket.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OriginAccess {
    Control(Ref<OriginAccessControl>),
    Identity(Ref<OriginAccessIdentity>),
}

/// What it shows to browsers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ViewerCertificate {
    /// None: CloudFront's own.
    pub acm_arn: Option<String>,
    pub minimum_tls: String,
}

impl ViewerCertificate {
    /// The one of this ARN, or CloudFront's own.
    pub fn of(acm_arn: Option<String>) -> Self {
        let minimum = match acm_arn {
            Some(_) => MinimumProtocolVersion::TlSv122021,
            // AWS sets it whatever is asked (API Reference, ViewerCertificate).
            None => MinimumProtocolVersion::TlSv1,
        };
        Self { acm_arn, minimum_tls: minimum.as_str().to_owned() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub enabled: bool,
    pub aliases: BTreeSet<String>,
    pub default_root_object: String,
    pub price_class: String,
    pub certificate: ViewerCertificate,
    pub web_acl_arn: Option<String>,
    /// By their ids. One that nobody has described is taken out.
    pub origins: BTreeMap<String, Origin>,
    pub behavior: Behavior,
    /// Other settings by name, where they are not as ours are.
    pub more: BTreeMap<String, String>,
    pub tags: TagMap,
}

/// Where answers come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    pub domain_name: String,
    /// The id of the origin access control; empty: none.
    pub access_control_id: String,
    /// The id of the origin access identity; empty: none.
    pub access_identity_id: String,
    /// What is not as ours is.
    pub more: Option<String>,
}

/// What is done with each request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Behavior {
    pub origin: String,
    pub viewer_protocol: String,
    pub methods: BTreeSet<String>,
    pub cache_policy_id: String,
    pub headers_policy_id: String,
    pub compress: bool,
    /// What is not as ours is.
    pub more: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub id: String,
    pub arn: String,
    pub domain_name: String,
}

impl Distribution {
    /// What ARNs of distributions begin with, in this account.
    pub fn arn_prefix(account: &str) -> String {
        format!("arn:aws:cloudfront::{account}:distribution/")
    }

    pub fn name(_node: &str, environment: &str) -> String {
        format!("{PREFIX}{environment}")
    }
}

impl Resource for Distribution {
    const KIND: &'static str = "cloudfront/distribution";
    const ACTIONS: &'static [&'static str] = &[
        "acm:ListCertificates",
        "cloudfront:CreateDistribution",
        "cloudfront:DeleteDistribution",
        "cloudfront:GetDistribution",
        "cloudfront:ListDistributions",
        "cloudfront:ListTagsForResource",
        "cloudfront:TagResource",
        "cloudfront:UntagResource",
        "cloudfront:UpdateDistribution",
        "wafv2:GetWebACL",
    ];
    const CLOSE_FIRST: &'static [&'static str] =
        &["aliases", "behavior", "certificate", "more", "origins", "web_acl_arn"];
    const PLACES: Places = Places::Global;
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let web_acl_arn = self.web_acl.as_ref().map(|acl| Ok(up.get(acl)?.arn.clone())).transpose()?;
        let origin = Origin {
            domain_name: s3::domain_name(&up.get(&self.bucket)?.name, &self.bucket_region),
            access_control_id: match &self.access {
                OriginAccess::Control(control) => up.get(control)?.id.clone(),
                OriginAccess::Identity(_) => String::new(),
            },
            access_identity_id: match &self.access {
                OriginAccess::Control(_) => String::new(),
                OriginAccess::Identity(identity) => up.get(identity)?.id.clone(),
            },
            more: None,
        };
        Ok(Fields {
            name: self.name.clone(),
            enabled: true,
            aliases: self.aliases.clone(),
            default_root_object: self.default_root_object.clone(),
            price_class: self.price_class.clone(),
            certificate: self.certificate.clone(),
            web_acl_arn,
            origins: [(ORIGIN.to_owned(), origin)].into(),
            behavior: Behavior {
                origin: ORIGIN.to_owned(),
                viewer_protocol: ViewerProtocolPolicy::RedirectToHttps.as_str().to_owned(),
                methods: METHODS.iter().map(|method| method.as_str().to_owned()).collect(),
                cache_policy_id: CACHE_POLICY.to_owned(),
                headers_policy_id: up.get(&self.headers)?.id.clone(),
                compress: true,
                more: None,
            },
            more: BTreeMap::new(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let ids = match look {
            Look::All => listed(&aws).await?,
            Look::Ids(ids) => ids,
        };
        let found = stream::iter(ids).map(|id| {
            let aws = aws.clone();
            async move { read(&aws, &id).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "cloudfront:CreateDistribution";
        let tagged = DistributionConfigWithTags::builder().distribution_config(config(&want, &cx.token, action)?);
        let tagged = tagged.tags(tag_items(&want.tags, action)?).build();
        let call = cx.cloud.cloudfront.create_distribution_with_tags().distribution_config_with_tags(tagged);
        let made = call.send().await.during(action)?.distribution;
        let made = made.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no distribution"))?;
        Ok(Progress::Waiting { cloud_id: Some(made.id), until: EVERYWHERE, retry: cx.cloud.limits.poll })
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let cloudfront = &cx.cloud.cloudfront;
        let settings = changes.iter().any(|change| change.field() != "tags");
        if settings {
            let action = "cloudfront:UpdateDistribution";
            let seen = cloudfront.get_distribution().id(&now.id).send().await.during("cloudfront:GetDistribution")?;
            let reference = seen.distribution.and_then(|seen| Some(seen.distribution_config?.caller_reference));
            let config = config(&want, &reference.unwrap_or_default(), action)?;
            let call = cloudfront.update_distribution().id(&now.id).set_if_match(seen.e_tag);
            call.distribution_config(config).send().await.during(action)?;
        }
        let (set, remove) = tags::changed(&changes);
        if !set.is_empty() {
            let action = "cloudfront:TagResource";
            let call = cloudfront.tag_resource().resource(&now.arn).tags(tag_items(&set, action)?);
            call.send().await.during(action)?;
        }
        if !remove.is_empty() {
            let keys = TagKeys::builder().set_items(Some(remove)).build();
            let call = cloudfront.untag_resource().resource(&now.arn).tag_keys(keys);
            call.send().await.during("cloudfront:UntagResource")?;
        }
        match settings {
            true => Ok(Progress::Waiting { cloud_id: Some(now.id), until: EVERYWHERE, retry: cx.cloud.limits.poll }),
            false => Ok(Progress::Done(now)),
        }
    }

    /// Disabled, then deleted once all edges know that it is disabled.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let cloudfront = &cx.cloud.cloudfront;
        let seen = cloudfront.get_distribution().id(&cloud_id).send().await;
        let Some(seen) = gone(seen.during("cloudfront:GetDistribution"))? else { return Ok(Progress::Done(())) };
        let (etag, seen) = (seen.e_tag, seen.distribution);
        let deployed = seen.as_ref().is_some_and(|seen| seen.status == DEPLOYED);
        let config = seen.and_then(|seen| seen.distribution_config);
        let waiting = |id| Progress::Waiting { cloud_id: Some(id), until: DISABLED, retry: cx.cloud.limits.poll };
        match config {
            Some(mut config) if config.enabled => {
                config.enabled = false;
                let call = cloudfront.update_distribution().id(&cloud_id).set_if_match(etag);
                let call = call.distribution_config(config).send().await;
                gone(call.during("cloudfront:UpdateDistribution"))?;
                Ok(waiting(cloud_id))
            }
            _ if !deployed => Ok(waiting(cloud_id)),
            _ => {
                let call = cloudfront.delete_distribution().id(cloud_id).set_if_match(etag).send().await;
                gone(call.during("cloudfront:DeleteDistribution"))?;
                Ok(Progress::Done(()))
            }
        }
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

/// The status of a distribution that all edges know as it is.
const DEPLOYED: &str = "Deployed";
const EVERYWHERE: &str = "all edges have it";
const DISABLED: &str = "it is disabled everywhere";

fn tag_items(tags: &TagMap, action: &'static str) -> Result<TagItems, CloudError> {
    let items = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    Ok(TagItems::builder().set_items(Some(built(items.collect(), action)?)).build())
}

/// Ids of the distributions that bear one of our names, or show one of our buckets.
async fn listed(aws: &Aws) -> Result<Vec<String>, CloudError> {
    let pages = aws.cloudfront.list_distributions().max_items(100).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.during("cloudfront:ListDistributions")?;
    let all = pages.into_iter().flat_map(|page| page.distribution_list.and_then(|list| list.items).unwrap_or_default());
    let ours = all.filter(|one| {
        let origins = one.origins.iter().flat_map(|origins| origins.items.iter());
        one.comment.starts_with(PREFIX) || origins.into_iter().any(|origin| origin.domain_name.starts_with(s3::PREFIX))
    });
    Ok(ours.map(|one| one.id).collect())
}

/// None: it is gone.
async fn read(aws: &Aws, id: &str) -> Result<Option<Found<Distribution>>, CloudError> {
    let answer = aws.cloudfront.get_distribution().id(id).send().await.during("cloudfront:GetDistribution");
    let Some(seen) = gone(answer)?.and_then(|answer| answer.distribution) else { return Ok(None) };
    let answer = aws.cloudfront.list_tags_for_resource().resource(&seen.arn).send().await;
    let Some(answer) = gone(answer.during("cloudfront:ListTagsForResource"))? else { return Ok(None) };
    let items = answer.tags.and_then(|tags| tags.items).unwrap_or_default().into_iter();
    let tags: TagMap = items.map(|tag| (tag.key, tag.value.unwrap_or_default())).collect();
    let deployed = seen.status == DEPLOYED;
    let Some(config) = seen.distribution_config else { return Ok(None) };
    let fields = fields(config, tags);
    let buckets = fields.origins.values().filter_map(|origin| origin.domain_name.split('.').next());
    let controls = fields.origins.values().flat_map(|origin| [&*origin.access_control_id, &*origin.access_identity_id]);
    let uses =
        buckets.chain(controls).chain(fields.web_acl_arn.as_deref()).chain([&*fields.behavior.headers_policy_id]);
    Ok(Some(Found {
        claim: claim(&fields.tags),
        name: None,
        name_fits: name_fits(&fields.tags, Distribution::name),
        cloud_id: seen.id.clone(),
        uses: uses.map(str::to_owned).collect(),
        output: Some(Output { id: seen.id, arn: seen.arn, domain_name: seen.domain_name }),
        busy: None,
        unready: (!deployed).then(|| Unready::Until(EVERYWHERE.to_owned())),
        leaving: false,
        created: None,
        fields: Ok(fields),
    }))
}

/// All settings as the API takes them, those that are the same in every platform too.
fn config(want: &Fields, reference: &str, action: &'static str) -> Result<DistributionConfig, CloudError> {
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

fn fields(seen: DistributionConfig, tags: TagMap) -> Fields {
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
        ("response timeout", seen.response_completion_timeout.map(|seconds| seconds.to_string())),
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
    let http = seen.http_version.as_ref().filter(|version| **version != HttpVersion::Http2);
    let all = [
        ("anycast list", some(&seen.anycast_ip_list_id)),
        ("behaviors", behaviors.map(|all| format!("{:?}", all.items))),
        ("cache tags", seen.cache_tag_config.as_ref().map(|config| format!("{config:?}"))),
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
        ("tenants", seen.tenant_config.as_ref().map(|config| format!("{config:?}"))),
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
            origins: [(ORIGIN.to_owned(), origin)].into(),
            behavior: Behavior {
                origin: ORIGIN.into(),
                viewer_protocol: "redirect-to-https".into(),
                methods: ["GET".to_owned(), "HEAD".to_owned()].into(),
                cache_policy_id: CACHE_POLICY.into(),
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
        assert_eq!(read.origins[ORIGIN].more.as_deref(), Some("path: /secret"));
    }
}
