//! What stands between the internet and the application: web ACLs, and the delivery of static assets.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a web ACL of AWS WAF lets through. AWSManagedRulesCommonRuleSet and AWSManagedRulesKnownBadInputsRuleSet are always in it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Waf {
    /// Requests that one address may make in five minutes, 10 to 2000000000; more are blocked. Default: 2000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 2_000_000_000))]
    pub rate_limit: Option<i32>,

    /// Further rule groups of AWS by name, for example AWSManagedRulesSQLiRuleSet; at most 5. Those that need settings of their
    /// own (ACFP, ATP, AntiDDoS, BotControl) are not offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), inner(length(max = 128), regex(pattern = r"^AWSManagedRules[A-Za-z0-9]+$")))]
    #[x_kube(
        validation = Rule::new("self.all(one, self.filter(other, other == one).size() == 1 && !(one in ['AWSManagedRulesCommonRuleSet', 'AWSManagedRulesKnownBadInputsRuleSet']))")
            .message("managedRuleGroups must not name a group twice; AWSManagedRulesCommonRuleSet and AWSManagedRulesKnownBadInputsRuleSet are always there"),
        validation = Rule::new("self.all(one, !(one in ['AWSManagedRulesACFPRuleSet', 'AWSManagedRulesATPRuleSet', 'AWSManagedRulesAntiDDoSRuleSet', 'AWSManagedRulesBotControlRuleSet']))")
            .message("managedRuleGroups: the groups ACFP, ATP, AntiDDoS and BotControl need settings of their own, for which this version has no fields")
    )]
    pub managed_rule_groups: Vec<String>,

    /// What single rules of a rule group do instead: by group, then by rule, for example AWSManagedRulesCommonRuleSet:
    /// {SizeRestrictions_BODY: Count}.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 7,
        "additionalProperties" = serde_json::json!({
            "type": "object",
            "maxProperties": 100,
            "additionalProperties": {"type": "string", "enum": ["Allow", "Block", "Count", "Captcha", "Challenge"]},
        })
    ))]
    pub rule_action_overrides: BTreeMap<String, BTreeMap<String, WafAction>>,

    /// Sets of addresses that are judged before all other rules, in this order; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(validation = Rule::new("self.all(one, self.filter(other, other.name == one.name).size() == 1)")
        .message("ipSets must not use a name twice"))]
    pub ip_sets: Vec<IpSet>,
}

/// What a rule of a web ACL does with a request.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum WafAction {
    Allow,
    Block,
    Count,
    Captcha,
    Challenge,
}

/// How CloudFront reads a bucket.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OriginAccess {
    #[default]
    OriginAccessControl,
    OriginAccessIdentity,
}

/// An IP set of AWS WAF, and what is done with requests from its addresses.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IpSet {
    /// What it is for: lower-case letters, digits and hyphens, beginning with a letter.
    #[schemars(length(min = 1, max = 60), regex(pattern = r"^[a-z][a-z0-9-]*$"))]
    pub name: String,
    /// Its ARN: of aws.region for ingress, of scope CLOUDFRONT for staticAssets.
    #[schemars(
        length(max = 300),
        regex(pattern = r"^arn:aws:wafv2:[a-z0-9-]+:[0-9]{12}:(regional|global)/ipset/[A-Za-z0-9_-]+/[a-f0-9-]+$")
    )]
    pub arn: String,
    /// What is done: Block, Allow (no other rule sees the request), Count, Captcha or Challenge.
    pub action: WafAction,
}

/// The bucket of static assets and the distribution of CloudFront that shows it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(validation = Rule::new("!has(self.aliases) || self.aliases.size() == 0 || has(self.certificateArn)")
    .message("staticAssets.aliases need staticAssets.certificateArn, a certificate that covers them"))]
#[serde(rename_all = "camelCase")]
pub struct StaticAssets {
    /// From where CloudFront answers: PriceClass_100 (North America and Europe, the default), PriceClass_200 (further Asia, the
    /// Middle East and Africa) or PriceClass_All.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self in ['PriceClass_100', 'PriceClass_200', 'PriceClass_All']")
        .message("staticAssets.priceClass must be PriceClass_100, PriceClass_200 or PriceClass_All"))]
    pub price_class: Option<String>,

    /// Object that is shown for the path /. Default: index.html.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 255),
        regex(pattern = r"^[A-Za-z0-9_.*$~&@:?=+,!'()-][A-Za-z0-9_.*$~&@:?=+,!'()/-]*$")
    )]
    pub default_root_object: Option<String>,

    /// Host names of your own, at most 20, for example static.example.com. They need certificateArn, and a DNS record that
    /// points to outputs.cloudfrontDistributionDomainName.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 20),
        inner(
            length(max = 253),
            regex(pattern = r"^([*][.])?[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$")
        )
    )]
    pub aliases: Vec<String>,

    /// ARN of a certificate of AWS Certificate Manager in us-east-1, whatever aws.region is. Without it browsers see
    /// CloudFront's own, for which AWS allows TLS 1.0 too (PCI DSS 4.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), regex(pattern = r"^arn:aws:acm:us-east-1:[0-9]{12}:certificate/[A-Za-z0-9-]+$"))]
    pub certificate_arn: Option<String>,

    /// The header Content-Security-Policy of all answers. Default: default-src 'self'; base-uri 'self'; frame-ancestors 'none';
    /// object-src 'none'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1000), regex(pattern = r"^[ -~]+$"))]
    pub content_security_policy: Option<String>,

    /// How CloudFront reads the bucket: OriginAccessControl (the default), or the older OriginAccessIdentity, which cannot read
    /// what is encrypted under a KMS key, so that the bucket is encrypted by S3's own keys (PCI DSS 3.5.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_access: Option<OriginAccess>,

    /// Whether a web ACL stands in front of it. Default: true, Ephemeral false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_acl: Option<bool>,

    /// What that web ACL lets through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waf: Option<Waf>,
}
