//! Origin access control: how the distribution signs its requests, so that the bucket lets in nobody else (PCI DSS 1.4.4, 7.2.1).
//!
//! AWS rules obeyed: a name is unique in the account; there are no tags, so the description says whose it is; a change carries the
//! ETag of the last read; it goes after the distributions that use it.

use std::sync::Arc;

use aws_sdk_cloudfront::types::{
    OriginAccessControlConfig, OriginAccessControlOriginTypes, OriginAccessControlSigningBehaviors,
    OriginAccessControlSigningProtocols, OriginAccessControlSummary,
};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Owner, Pending, Progress, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{claim_of, mark};
use crate::aws::Aws;
use crate::aws::error::{During, built, gone};

/// What the names of ours begin with.
const PREFIX: &str = "oac-payment-";

/// How the distribution reads the bucket.
#[derive(Clone, Serialize)]
pub struct OriginAccessControl {
    pub name: String,
    pub owner: Owner,
    pub environment: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    /// Whose it is.
    pub description: String,
    pub origin_type: String,
    /// Which requests are signed.
    pub signing_behavior: String,
    pub signing_protocol: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub id: String,
}

impl OriginAccessControl {
    /// The node that it is, the same in every platform.
    pub const NODE: &'static str = "static";

    pub fn name(environment: &str) -> String {
        format!("{PREFIX}{environment}")
    }
}

impl Resource for OriginAccessControl {
    const KIND: &'static str = "cloudfront/origin-access-control";
    const ACTIONS: &'static [&'static str] = &[
        "cloudfront:CreateOriginAccessControl",
        "cloudfront:DeleteOriginAccessControl",
        "cloudfront:GetOriginAccessControl",
        "cloudfront:ListOriginAccessControls",
        "cloudfront:UpdateOriginAccessControl",
    ];
    const PLACES: Places = Places::Global;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, _up: &Up<'_>, _seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            name: self.name.clone(),
            description: mark(&self.owner, &self.environment),
            origin_type: OriginAccessControlOriginTypes::S3.as_str().to_owned(),
            signing_behavior: OriginAccessControlSigningBehaviors::Always.as_str().to_owned(),
            signing_protocol: OriginAccessControlSigningProtocols::Sigv4.as_str().to_owned(),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let pages = aws.cloudfront.list_origin_access_controls().max_items(100).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.during("cloudfront:ListOriginAccessControls")?;
        let lists = pages.into_iter().filter_map(|page| page.origin_access_control_list?.items);
        let ours = lists.flatten().filter(|one| match &look {
            Look::All => one.name.starts_with(PREFIX),
            Look::Ids(ids) => ids.contains(&one.id),
        });
        Ok(ours.map(found).collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "cloudfront:CreateOriginAccessControl";
        let call = cx.cloud.cloudfront.create_origin_access_control();
        let made = call.origin_access_control_config(config(&want, action)?).send().await.during(action)?;
        let id = made.origin_access_control.map(|made| made.id);
        let id = id.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no id"))?;
        Ok(Progress::Done(Output { id }))
    }

    async fn update(
        want: Fields,
        now: Output,
        _changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let action = "cloudfront:UpdateOriginAccessControl";
        let cloudfront = &cx.cloud.cloudfront;
        let seen = cloudfront.get_origin_access_control().id(&now.id).send().await;
        let seen = seen.during("cloudfront:GetOriginAccessControl")?;
        let call = cloudfront.update_origin_access_control().id(&now.id).set_if_match(seen.e_tag);
        call.origin_access_control_config(config(&want, action)?).send().await.during(action)?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let cloudfront = &cx.cloud.cloudfront;
        let seen = cloudfront.get_origin_access_control().id(&cloud_id).send().await;
        let Some(seen) = gone(seen.during("cloudfront:GetOriginAccessControl"))? else { return Ok(Progress::Done(())) };
        let call = cloudfront.delete_origin_access_control().id(cloud_id).set_if_match(seen.e_tag);
        gone(call.send().await.during("cloudfront:DeleteOriginAccessControl"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

fn config(want: &Fields, action: &'static str) -> Result<OriginAccessControlConfig, CloudError> {
    let config = OriginAccessControlConfig::builder().name(&want.name).description(&want.description);
    let config = config.origin_access_control_origin_type(OriginAccessControlOriginTypes::S3);
    let config = config.signing_behavior(OriginAccessControlSigningBehaviors::Always);
    built(config.signing_protocol(OriginAccessControlSigningProtocols::Sigv4).build(), action)
}

fn found(seen: OriginAccessControlSummary) -> Found<OriginAccessControl> {
    let claim = claim_of(&seen.description, OriginAccessControl::KIND, OriginAccessControl::NODE);
    let (claim, environment) = claim.unzip();
    Found {
        claim,
        name: Some(seen.name.clone()),
        name_fits: environment.is_some_and(|environment| seen.name == OriginAccessControl::name(&environment)),
        cloud_id: seen.id.clone(),
        uses: Vec::new(),
        fields: Ok(Fields {
            name: seen.name,
            description: seen.description,
            origin_type: seen.origin_access_control_origin_type.as_str().to_owned(),
            signing_behavior: seen.signing_behavior.as_str().to_owned(),
            signing_protocol: seen.signing_protocol.as_str().to_owned(),
        }),
        output: Some(Output { id: seen.id }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }
}
