//! Origin access identity: the older way in which a distribution reads a bucket, for those who ask for it. It cannot read what is
//! encrypted under a KMS key, so the bucket of such a platform is encrypted by S3's own keys.
//!
//! AWS rules obeyed: there are no tags and no names, so the comment says whose it is; a change carries the ETag of the last read; a
//! bucket's policy that names one which does not exist is refused; it goes after the distributions that use it.

use std::sync::Arc;

use aws_sdk_cloudfront::types::{CloudFrontOriginAccessIdentityConfig, CloudFrontOriginAccessIdentitySummary};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Owner, Pending, Progress, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{claim_of, mark};
use crate::aws::Aws;
use crate::aws::error::{During, built, gone};

/// As whom the distribution reads the bucket.
#[derive(Clone, Serialize)]
pub struct OriginAccessIdentity {
    pub owner: Owner,
    pub environment: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    /// Whose it is.
    pub comment: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub id: String,
}

impl OriginAccessIdentity {
    /// The node that it is, the same in every platform.
    pub const NODE: &'static str = "static";

    /// What the ARNs begin with under which policies name identities.
    pub const ARN: &'static str = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity ";
}

impl Resource for OriginAccessIdentity {
    const KIND: &'static str = "cloudfront/origin-access-identity";
    const ACTIONS: &'static [&'static str] = &[
        "cloudfront:CreateCloudFrontOriginAccessIdentity",
        "cloudfront:DeleteCloudFrontOriginAccessIdentity",
        "cloudfront:GetCloudFrontOriginAccessIdentity",
        "cloudfront:ListCloudFrontOriginAccessIdentities",
        "cloudfront:UpdateCloudFrontOriginAccessIdentity",
    ];
    const PLACES: Places = Places::Global;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, _up: &Up<'_>, _seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields { comment: mark(&self.owner, &self.environment) })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let pages = aws.cloudfront.list_cloud_front_origin_access_identities().max_items(100).into_paginator().send();
        let pages =
            pages.collect::<Result<Vec<_>, _>>().await.during("cloudfront:ListCloudFrontOriginAccessIdentities")?;
        let lists = pages.into_iter().filter_map(|page| page.cloud_front_origin_access_identity_list?.items);
        let ours = lists.flatten().filter(|one| match &look {
            Look::All => claim_of(&one.comment, Self::KIND, Self::NODE).is_some(),
            Look::Ids(ids) => ids.contains(&one.id),
        });
        Ok(ours.map(found).collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "cloudfront:CreateCloudFrontOriginAccessIdentity";
        let call = cx.cloud.cloudfront.create_cloud_front_origin_access_identity();
        let call = call.cloud_front_origin_access_identity_config(config(&want, &cx.token, action)?);
        let made = call.send().await.during(action)?.cloud_front_origin_access_identity;
        let made = made.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no identity"))?;
        Ok(Progress::Done(Output { id: made.id }))
    }

    async fn update(
        want: Fields,
        now: Output,
        _changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let action = "cloudfront:UpdateCloudFrontOriginAccessIdentity";
        let cloudfront = &cx.cloud.cloudfront;
        let seen = cloudfront.get_cloud_front_origin_access_identity().id(&now.id).send().await;
        let seen = seen.during("cloudfront:GetCloudFrontOriginAccessIdentity")?;
        let before =
            seen.cloud_front_origin_access_identity.and_then(|one| one.cloud_front_origin_access_identity_config);
        let reference = before.map(|config| config.caller_reference).unwrap_or_default();
        let call = cloudfront.update_cloud_front_origin_access_identity().id(&now.id).set_if_match(seen.e_tag);
        let call = call.cloud_front_origin_access_identity_config(config(&want, &reference, action)?);
        call.send().await.during(action)?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let cloudfront = &cx.cloud.cloudfront;
        let seen = cloudfront.get_cloud_front_origin_access_identity().id(&cloud_id).send().await;
        let seen = gone(seen.during("cloudfront:GetCloudFrontOriginAccessIdentity"))?;
        let Some(seen) = seen else { return Ok(Progress::Done(())) };
        let call = cloudfront.delete_cloud_front_origin_access_identity().id(cloud_id).set_if_match(seen.e_tag);
        gone(call.send().await.during("cloudfront:DeleteCloudFrontOriginAccessIdentity"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

fn config(
    want: &Fields,
    reference: &str,
    action: &'static str,
) -> Result<CloudFrontOriginAccessIdentityConfig, CloudError> {
    let config = CloudFrontOriginAccessIdentityConfig::builder().caller_reference(reference).comment(&want.comment);
    built(config.build(), action)
}

fn found(seen: CloudFrontOriginAccessIdentitySummary) -> Found<OriginAccessIdentity> {
    Found {
        claim: claim_of(&seen.comment, OriginAccessIdentity::KIND, OriginAccessIdentity::NODE).map(|(claim, _)| claim),
        name: None,
        name_fits: true,
        cloud_id: seen.id.clone(),
        uses: Vec::new(),
        fields: Ok(Fields { comment: seen.comment }),
        output: Some(Output { id: seen.id }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }
}
