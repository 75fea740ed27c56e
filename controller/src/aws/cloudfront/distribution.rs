//! Distribution: the application's static assets, near to its users (PCI DSS 1.4.4: the bucket is reached in no other way; 4.2.1: HTTPS
//! only; 6.4.2: behind a web ACL).
//!
//! AWS rules obeyed: an alternate domain name needs a certificate of us-east-1 that covers it; with CloudFront's own certificate
//! the lowest version of TLS is TLSv1, whatever is asked; a change replaces all settings, each of them named, and carries the ETag of
//! the last read; it takes minutes until all edges have it, and nothing waits for that; only one that is disabled, and is that
//! everywhere, can be deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_cloudfront::types::{
    DistributionConfigWithTags, MinimumProtocolVersion, Tag, TagKeys, Tags as TagItems, ViewerProtocolPolicy,
};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{
    Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Region, Resource, Tier, Unready, Up,
};
use serde::{Deserialize, Serialize};

use super::distribution_config::{METHODS, config, fields};
use super::{OriginAccessControl, OriginAccessIdentity, ResponseHeadersPolicy};
use crate::aws::error::{During, built, gone};
use crate::aws::s3::{self, Bucket};
use crate::aws::tags::{self, TagMap, Tags, claim, name_fits};
use crate::aws::wafv2::WebAcl;
use crate::aws::{Aws, tag_index};

/// What the names of our distributions begin with.
const PREFIX: &str = "cdn-payment-";

/// The one origin.
const ORIGIN: &str = "static";

/// AWS's cache policy for buckets: CachingOptimized (CloudFront Developer Guide, "Use managed cache policies").
const CACHE_POLICY: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";

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
    const DEADLINE: Duration = Duration::from_secs(60 * 60);
    const USED_BEFORE_READY: bool = true;
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
        let listed = match look {
            Look::All => listed(&aws).await?,
            Look::Ids(ids) => ids.into_iter().map(|id| Listed { id, status: None, etag: None }).collect(),
        };
        let found = stream::iter(listed).map(|listed| {
            let aws = aws.clone();
            async move { read(&aws, listed).await }
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
        cx.cloud.tags_read.forget(&now.arn);
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
        cx.cloud.tags_read.forget(&now.arn);
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

/// A distribution as a list names it.
struct Listed {
    id: String,
    status: Option<String>,
    /// Marks its configuration (API Reference, DistributionSummary).
    etag: Option<String>,
}

/// The distributions that bear one of our names, or show one of our buckets.
async fn listed(aws: &Aws) -> Result<Vec<Listed>, CloudError> {
    let pages = aws.cloudfront.list_distributions().max_items(100).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.during("cloudfront:ListDistributions")?;
    let all = pages.into_iter().flat_map(|page| page.distribution_list.and_then(|list| list.items).unwrap_or_default());
    let ours = all.filter(|one| {
        let origins = one.origins.iter().flat_map(|origins| origins.items.iter());
        one.comment.starts_with(PREFIX) || origins.into_iter().any(|origin| origin.domain_name.starts_with(s3::PREFIX))
    });
    let listed = ours.map(|one| Listed { id: one.id, status: Some(one.status), etag: one.e_tag });
    let listed: Vec<Listed> = listed.collect();
    aws.distributions.retain(listed.iter().map(|one| one.id.as_str()));
    Ok(listed)
}

/// None: it is gone.
async fn read(aws: &Aws, listed: Listed) -> Result<Option<Found<Distribution>>, CloudError> {
    let Listed { id, status, etag } = listed;
    let began = Instant::now();
    let seen = match aws.distributions.get(&id, etag.as_deref(), began) {
        Some(mut seen) => {
            seen.status = status.unwrap_or_default();
            seen
        }
        None => {
            let answer = aws.cloudfront.get_distribution().id(&id).send().await.during("cloudfront:GetDistribution");
            let Some(answer) = gone(answer)? else { return Ok(None) };
            let Some(seen) = answer.distribution else { return Ok(None) };
            if let Some(etag) = answer.e_tag {
                aws.distributions.keep(&id, etag, &seen, began);
            }
            seen
        }
    };
    let ask = async {
        let answer = aws.cloudfront.list_tags_for_resource().resource(&seen.arn).send().await;
        let Some(answer) = gone(answer.during("cloudfront:ListTagsForResource"))? else { return Ok(None) };
        let items = answer.tags.and_then(|tags| tags.items).unwrap_or_default().into_iter();
        Ok(Some(items.map(|tag| (tag.key, tag.value.unwrap_or_default())).collect()))
    };
    let Some(tags) = tag_index::tags_of(aws, &seen.arn, ask).await? else { return Ok(None) };
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
