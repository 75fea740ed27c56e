//! Response headers policy: what browsers are told to refuse with the application's assets (PCI DSS 6.2.4: scripts of others, frames,
//! guessed content types; 4.2.1: plain HTTP).
//!
//! AWS rules obeyed: a name is unique in the account; there are no tags, so the comment says whose it is; a change replaces all of
//! it and carries the ETag of the last read; it goes after the distributions that use it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_cloudfront::types::{
    FrameOptionsList, ReferrerPolicyList, ResponseHeadersPolicy as Seen, ResponseHeadersPolicyConfig,
    ResponseHeadersPolicyContentSecurityPolicy, ResponseHeadersPolicyContentTypeOptions,
    ResponseHeadersPolicyFrameOptions, ResponseHeadersPolicyReferrerPolicy, ResponseHeadersPolicySecurityHeadersConfig,
    ResponseHeadersPolicyStrictTransportSecurity, ResponseHeadersPolicyType,
};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Owner, Pending, Progress, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{claim_of, mark};
use crate::aws::Aws;
use crate::aws::error::{During, built, gone};

/// What the names of ours begin with.
const PREFIX: &str = "payment-headers-";

/// Seconds for which a browser speaks HTTPS only: a year.
const STRICT_TRANSPORT_SECONDS: i32 = 31_536_000;

const CONTENT_SECURITY_POLICY: &str = "content-security-policy";
const CONTENT_TYPE_OPTIONS: &str = "x-content-type-options";
const FRAME_OPTIONS: &str = "x-frame-options";
const REFERRER_POLICY: &str = "referrer-policy";
const STRICT_TRANSPORT_SECURITY: &str = "strict-transport-security";

/// The headers that are the same in every platform; [`config`] makes them.
const FIXED: [(&str, &str); 4] = [
    (CONTENT_TYPE_OPTIONS, "nosniff"),
    (FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
];

/// What is said of a header that an answer of the bucket may set otherwise.
const YIELDS: &str = " (unless the bucket sends one)";

/// The headers of all answers of the distribution.
#[derive(Clone, Serialize)]
pub struct ResponseHeadersPolicy {
    pub name: String,
    pub owner: Owner,
    pub environment: String,
    /// The header Content-Security-Policy.
    pub content_security_policy: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    /// Whose it is.
    pub comment: String,
    /// By name, in lower case, with the value that browsers get.
    pub headers: BTreeMap<String, String>,
    /// Settings that ours never have, as they were read.
    pub more: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub id: String,
}

impl ResponseHeadersPolicy {
    /// The node that it is, the same in every platform.
    pub const NODE: &'static str = "static";

    pub fn name(environment: &str) -> String {
        format!("{PREFIX}{environment}")
    }
}

impl Resource for ResponseHeadersPolicy {
    const KIND: &'static str = "cloudfront/response-headers-policy";
    const ACTIONS: &'static [&'static str] = &[
        "cloudfront:CreateResponseHeadersPolicy",
        "cloudfront:DeleteResponseHeadersPolicy",
        "cloudfront:GetResponseHeadersPolicy",
        "cloudfront:ListResponseHeadersPolicies",
        "cloudfront:UpdateResponseHeadersPolicy",
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
        let fixed = FIXED.map(|(header, value)| (header.to_owned(), value.to_owned()));
        let own = [(CONTENT_SECURITY_POLICY.to_owned(), self.content_security_policy.clone())];
        Ok(Fields {
            name: self.name.clone(),
            comment: mark(&self.owner, &self.environment),
            headers: fixed.into_iter().chain(own).collect(),
            more: BTreeMap::new(),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let mut all = Vec::new();
        let mut marker = None;
        loop {
            let call = aws.cloudfront.list_response_headers_policies().r#type(ResponseHeadersPolicyType::Custom);
            let page = call.max_items(100).set_marker(marker.take()).send().await;
            let page = page.during("cloudfront:ListResponseHeadersPolicies")?;
            let Some(list) = page.response_headers_policy_list else { break };
            all.extend(list.items.unwrap_or_default().into_iter().filter_map(|one| one.response_headers_policy));
            marker = list.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                break;
            }
        }
        let ours = all.into_iter().filter(|one| match &look {
            Look::All => name_of(one).starts_with(PREFIX),
            Look::Ids(ids) => ids.contains(&one.id),
        });
        Ok(ours.filter_map(found).collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "cloudfront:CreateResponseHeadersPolicy";
        let call = cx.cloud.cloudfront.create_response_headers_policy();
        let made = call.response_headers_policy_config(config(&want, action)?).send().await.during(action)?;
        let id = made.response_headers_policy.map(|made| made.id);
        let id = id.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no id"))?;
        Ok(Progress::Done(Output { id }))
    }

    async fn update(
        want: Fields,
        now: Output,
        _changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let cloudfront = &cx.cloud.cloudfront;
        let seen = cloudfront.get_response_headers_policy().id(&now.id).send().await;
        let seen = seen.during("cloudfront:GetResponseHeadersPolicy")?;
        let action = "cloudfront:UpdateResponseHeadersPolicy";
        let call = cloudfront.update_response_headers_policy().id(&now.id).set_if_match(seen.e_tag);
        call.response_headers_policy_config(config(&want, action)?).send().await.during(action)?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let cloudfront = &cx.cloud.cloudfront;
        let seen = cloudfront.get_response_headers_policy().id(&cloud_id).send().await;
        let seen = gone(seen.during("cloudfront:GetResponseHeadersPolicy"))?;
        let Some(seen) = seen else { return Ok(Progress::Done(())) };
        let call = cloudfront.delete_response_headers_policy().id(cloud_id).set_if_match(seen.e_tag);
        gone(call.send().await.during("cloudfront:DeleteResponseHeadersPolicy"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

/// The policy as the API takes it. All headers take the place of those that the bucket may send.
fn config(want: &Fields, action: &'static str) -> Result<ResponseHeadersPolicyConfig, CloudError> {
    let security_policy = want.headers.get(CONTENT_SECURITY_POLICY).cloned().unwrap_or_default();
    let content = ResponseHeadersPolicyContentSecurityPolicy::builder().r#override(true);
    let referrer = ResponseHeadersPolicyReferrerPolicy::builder().r#override(true);
    let referrer = referrer.referrer_policy(ReferrerPolicyList::StrictOriginWhenCrossOrigin);
    let frames = ResponseHeadersPolicyFrameOptions::builder().r#override(true).frame_option(FrameOptionsList::Deny);
    let transport = ResponseHeadersPolicyStrictTransportSecurity::builder().r#override(true);
    let transport = transport.access_control_max_age_sec(STRICT_TRANSPORT_SECONDS).include_subdomains(true);
    let types = ResponseHeadersPolicyContentTypeOptions::builder().r#override(true).build();
    let headers = ResponseHeadersPolicySecurityHeadersConfig::builder()
        .content_security_policy(built(content.content_security_policy(security_policy).build(), action)?)
        .content_type_options(built(types, action)?)
        .frame_options(built(frames.build(), action)?)
        .referrer_policy(built(referrer.build(), action)?)
        .strict_transport_security(built(transport.preload(false).build(), action)?)
        .build();
    let config = ResponseHeadersPolicyConfig::builder().name(&want.name).comment(&want.comment);
    built(config.security_headers_config(headers).build(), action)
}

fn name_of(seen: &Seen) -> &str {
    seen.response_headers_policy_config.as_ref().map_or("", |config| &config.name)
}

fn found(seen: Seen) -> Option<Found<ResponseHeadersPolicy>> {
    let fields = fields(seen.response_headers_policy_config?);
    let claim = claim_of(&fields.comment, ResponseHeadersPolicy::KIND, ResponseHeadersPolicy::NODE);
    let (claim, environment) = claim.unzip();
    Some(Found {
        claim,
        name_fits: environment.is_some_and(|environment| fields.name == ResponseHeadersPolicy::name(&environment)),
        name: Some(fields.name.clone()),
        cloud_id: seen.id.clone(),
        uses: Vec::new(),
        fields: Ok(fields),
        output: Some(Output { id: seen.id }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    })
}

fn fields(seen: ResponseHeadersPolicyConfig) -> Fields {
    let security =
        seen.security_headers_config.unwrap_or_else(|| ResponseHeadersPolicySecurityHeadersConfig::builder().build());
    let mut headers = BTreeMap::new();
    let mut set = |name: &str, value: String, overrides: bool| {
        let yields = if overrides { "" } else { YIELDS };
        headers.insert(name.to_owned(), format!("{value}{yields}"));
    };
    if let Some(seen) = security.content_security_policy {
        set(CONTENT_SECURITY_POLICY, seen.content_security_policy, seen.r#override);
    }
    if let Some(seen) = security.content_type_options {
        set(CONTENT_TYPE_OPTIONS, "nosniff".to_owned(), seen.r#override);
    }
    if let Some(seen) = security.frame_options {
        set(FRAME_OPTIONS, seen.frame_option.as_str().to_owned(), seen.r#override);
    }
    if let Some(seen) = security.referrer_policy {
        set(REFERRER_POLICY, seen.referrer_policy.as_str().to_owned(), seen.r#override);
    }
    if let Some(seen) = security.strict_transport_security {
        let domains = if seen.include_subdomains == Some(true) { "; includeSubDomains" } else { "" };
        let preload = if seen.preload == Some(true) { "; preload" } else { "" };
        let value = format!("max-age={}{domains}{preload}", seen.access_control_max_age_sec);
        set(STRICT_TRANSPORT_SECURITY, value, seen.r#override);
    }
    if let Some(seen) = security.xss_protection {
        set("x-xss-protection", format!("{seen:?}"), true);
    }
    let mut more = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| value.map(|value| more.insert(name.to_owned(), value));
    add("cors", seen.cors_config.map(|value| format!("{value:?}")));
    add("custom headers", seen.custom_headers_config.filter(|all| all.quantity > 0).map(|value| format!("{value:?}")));
    add("removed headers", seen.remove_headers_config.filter(|all| all.quantity > 0).map(|value| format!("{value:?}")));
    let timing = seen.server_timing_headers_config.filter(|timing| timing.enabled);
    add("server timing", timing.map(|value| format!("{value:?}")));
    Fields { name: seen.name, comment: seen.comment.unwrap_or_default(), headers, more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_back_as_it_was_made() {
        let fixed = FIXED.map(|(header, value)| (header.to_owned(), value.to_owned()));
        let own = [(CONTENT_SECURITY_POLICY.to_owned(), "default-src 'self'".to_owned())];
        let want = Fields {
            name: "payment-headers-prd".into(),
            comment: "8c1a2f0e-3b4d-4c5e-9f60-718293a4b5c6 payments/prd".into(),
            headers: fixed.into_iter().chain(own).collect(),
            more: BTreeMap::new(),
        };
        assert_eq!(fields(config(&want, "test").unwrap()), want);
    }
}
