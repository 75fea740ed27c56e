//! What web ACLs let through, with everything decided that the spec leaves open. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::platform::{Invalid, check_range, invalid};
use crate::spec::{self, IpSet, WafAction};

/// The rule groups of every web ACL.
const ALWAYS: [&str; 2] = ["AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"];

/// Rule groups that AWS refuses, or changes by itself, without settings of their own (WAF Developer Guide, "AWS Managed Rules rule
/// groups list").
const NEEDS_MORE: [&str; 4] = [
    "AWSManagedRulesACFPRuleSet",
    "AWSManagedRulesATPRuleSet",
    "AWSManagedRulesAntiDDoSRuleSet",
    "AWSManagedRulesBotControlRuleSet",
];

/// What a web ACL lets through, with nothing left open.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waf {
    /// Requests of one address in five minutes.
    pub rate_limit: i64,
    /// In the order in which they are tried, each with what single rules do instead.
    pub rule_groups: Vec<(String, BTreeMap<String, WafAction>)>,
    pub ip_sets: Vec<IpSet>,
}

/// The fields of the spec that a web ACL comes from, for errors.
pub(crate) struct At {
    pub rate_limit: &'static str,
    pub groups: &'static str,
    pub overrides: &'static str,
    pub ip_sets: &'static str,
    /// What the ARNs of its IP sets have after `arn:aws:wafv2:`.
    pub sets_of: fn(&str, &str) -> bool,
}

impl Waf {
    pub(crate) fn resolve(
        spec: Option<&spec::Waf>,
        at: &At,
        region: &str,
        account: &str,
        errors: &mut Vec<Invalid>,
    ) -> Self {
        let spec = spec.cloned().unwrap_or_default();
        let rate_limit = spec.rate_limit.unwrap_or(2000);
        check_range(at.rate_limit, rate_limit, 10, 2_000_000_000, errors);
        let groups = ALWAYS.iter().map(|group| (*group).to_owned()).chain(spec.managed_rule_groups);
        let mut overrides = spec.rule_action_overrides;
        let rule_groups: Vec<_> =
            groups.map(|group| (group.clone(), overrides.remove(&group).unwrap_or_default())).collect();
        if let Some(group) = overrides.keys().next() {
            let known = rule_groups.iter().map(|(group, _)| group.as_str()).collect::<Vec<_>>().join(", ");
            errors.push(invalid(at.overrides, format!("{group} is none of the rule groups in use: {known}")));
        }
        // Without an account nothing is known of it.
        let of_account = |arn: &str| account.is_empty() || arn.split(':').nth(4) == Some(account);
        for set in spec.ip_sets.iter().filter(|set| !(at.sets_of)(&set.arn, region) || !of_account(&set.arn)) {
            let message = format!("{} is an IP set of another account, region or scope", set.arn);
            errors.push(invalid(at.ip_sets, message));
        }
        for (group, _) in rule_groups.iter().filter(|(group, _)| NEEDS_MORE.contains(&group.as_str())) {
            errors.push(invalid(at.groups, format!("{group} needs settings that the spec has no fields for")));
        }
        Self { rate_limit: i64::from(rate_limit), rule_groups, ip_sets: spec.ip_sets }
    }
}
