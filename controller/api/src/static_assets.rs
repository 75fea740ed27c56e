//! The delivery of static assets, with everything decided that the spec leaves open. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::approval::Guard;
use crate::platform::{Facts, Invalid, invalid};
use crate::spec::{OriginAccess, PaymentPlatformSpec, Profile};
use crate::waf::{At, Waf};

/// The header Content-Security-Policy when the spec names none.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; base-uri 'self'; frame-ancestors 'none'; object-src 'none'";

/// The delivery of static assets with nothing left open.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StaticAssets {
    pub price_class: String,
    pub default_root_object: String,
    pub aliases: BTreeSet<String>,
    /// None: CloudFront's own certificate.
    pub certificate_arn: Option<String>,
    pub content_security_policy: String,
    /// Whether the bucket is read by an origin access identity, and encrypted by S3's own keys.
    pub access_identity: bool,
    pub web_acl: bool,
    pub waf: Waf,
}

const AT: At = At {
    rate_limit: "staticAssets.waf.rateLimit",
    groups: "staticAssets.waf.managedRuleGroups",
    overrides: "staticAssets.waf.ruleActionOverrides",
    ip_sets: "staticAssets.waf.ipSets",
    sets_of: |arn, _| arn.starts_with("arn:aws:wafv2:us-east-1:") && arn.contains(":global/ipset/"),
};

impl StaticAssets {
    pub(crate) fn resolve(
        spec: &PaymentPlatformSpec,
        profile: Profile,
        facts: &Facts,
        guard: &mut Guard<'_>,
        errors: &mut Vec<Invalid>,
    ) -> Self {
        let region = "us-east-1";
        let spec = spec.static_assets.clone().unwrap_or_default();
        let web_acl = spec.web_acl.unwrap_or(profile == Profile::Production);
        let web_acl = guard.on("staticAssets.webAcl", web_acl, |old| old.cdn_web_acl);
        let under_key = spec.origin_access.unwrap_or_default() == OriginAccess::OriginAccessControl;
        let under_key = guard.on("staticAssets.originAccess", under_key, |old| old.static_assets_under_key);
        // A certificate that is in force is not given up unasked, nor are names that need it.
        let in_force = facts.decided.as_ref().and_then(|decided| decided.cdn_certificate_arn.clone());
        let own = guard.on("staticAssets.certificateArn", spec.certificate_arn.is_some(), |old| {
            old.cdn_certificate_arn.as_ref().map(|_| true)
        });
        let certificate_arn = spec.certificate_arn.or(in_force.filter(|_| own));
        if certificate_arn.is_none() && !spec.aliases.is_empty() {
            let message = "need staticAssets.certificateArn, a certificate of us-east-1 that covers them";
            errors.push(invalid("staticAssets.aliases", message));
        }
        Self {
            price_class: spec.price_class.unwrap_or_else(|| "PriceClass_100".to_owned()),
            default_root_object: spec.default_root_object.unwrap_or_else(|| "index.html".to_owned()),
            aliases: spec.aliases.into_iter().collect(),
            certificate_arn,
            content_security_policy: spec.content_security_policy.unwrap_or_else(|| CONTENT_SECURITY_POLICY.to_owned()),
            access_identity: !under_key,
            web_acl,
            waf: Waf::resolve(spec.waf.as_ref(), &AT, region, &facts.account_id, errors),
        }
    }

    /// What works and still deserves a look.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let shown =
            "staticAssets.certificateArn is not set: CloudFront's own certificate admits TLS 1.0 (PCI DSS 4.2.1)";
        let stored = "staticAssets.originAccess is OriginAccessIdentity: the bucket is not encrypted under a key of the platform \
                      (PCI DSS 3.5.1)";
        let told = [(self.certificate_arn.is_none(), shown), (self.access_identity, stored)];
        told.into_iter().filter(|(so, _)| *so).map(|(_, text)| text.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Platform;

    fn resolved(spec: serde_json::Value) -> Result<Platform, Vec<Invalid>> {
        let zones = ["us-east-1a", "us-east-1b"].map(str::to_owned).into();
        Platform::resolve(&serde_json::from_value(spec).unwrap(), &Facts { zones, ..Facts::default() })
    }

    #[test]
    fn a_web_acl_is_in_front_of_production_only_and_does_not_go_unasked() {
        let production = resolved(serde_json::json!({})).unwrap();
        assert!(production.static_assets.web_acl);
        assert!(!resolved(serde_json::json!({"profile": "Ephemeral"})).unwrap().static_assets.web_acl);
        let spec = serde_json::from_value(serde_json::json!({"staticAssets": {"webAcl": false}})).unwrap();
        let zones = ["us-east-1a", "us-east-1b"].map(str::to_owned).into();
        let facts = Facts { zones, decided: Some(production.resolved()), ..Facts::default() };
        let later = Platform::resolve(&spec, &facts).unwrap();
        assert!(later.static_assets.web_acl);
        assert_eq!(later.lowered[0].field, "staticAssets.webAcl");
    }

    #[test]
    fn what_a_web_acl_cannot_use_is_refused() {
        let set = |arn: &str| serde_json::json!({"ipSets": [{"name": "a", "action": "Block", "arn": arn}]});
        let regional = "arn:aws:wafv2:us-east-1:123456789012:regional/ipset/a/1";
        let global = "arn:aws:wafv2:us-east-1:123456789012:global/ipset/a/1";
        assert!(resolved(serde_json::json!({"ingress": {"waf": set(regional)}})).is_ok());
        assert!(resolved(serde_json::json!({"staticAssets": {"waf": set(global)}})).is_ok());
        for (spec, field) in [
            (serde_json::json!({"ingress": {"waf": set(global)}}), "ingress.waf.ipSets"),
            (serde_json::json!({"staticAssets": {"waf": set(regional)}}), "staticAssets.waf.ipSets"),
            (serde_json::json!({"staticAssets": {"aliases": ["a.example.com"]}}), "staticAssets.aliases"),
            (
                serde_json::json!({"ingress": {"waf": {"ruleActionOverrides": {"Other": {"A": "Count"}}}}}),
                "ingress.waf.ruleActionOverrides",
            ),
        ] {
            assert_eq!(resolved(spec).unwrap_err()[0].field, field);
        }
    }
}
