//! What stands in front of the application and of its static assets (PCI DSS 6.4.2), in the same manner: IP sets of the spec first, then
//! the limit of requests, then AWS's rule groups.

use std::collections::BTreeMap;

use payment_platform_api::spec::WafAction;
use payment_platform_api::waf::Waf;
use payment_platform_engine::{Ref, Region, Resource};

use super::Build;
use crate::aws::logs::LogGroup;
use crate::aws::wafv2::{AclScope, Rule, RuleAction, Statement, WebAcl};

/// Priorities of what comes after the IP sets, of which a spec has at most ten.
const RATE_LIMIT: i32 = 10;
const RULE_GROUPS: i32 = 20;

/// Adds a web ACL; `node` is what it stands in front of.
pub fn add(
    build: &mut Build<'_>,
    component: &'static str,
    region: &Region,
    node: &str,
    scope: AclScope,
    waf: &Waf,
    log_group: &Ref<LogGroup>,
) -> Ref<WebAcl> {
    let name = WebAcl::name(node, build.env());
    let acl = WebAcl {
        scope,
        description: format!("Payment environment {}", build.env()),
        rules: rules(waf),
        log_group: log_group.clone(),
        tags: build.tags_in(region, WebAcl::KIND, node, &name),
        name,
    };
    build.graph.add(component, region, node, acl)
}

/// By name.
fn rules(waf: &Waf) -> BTreeMap<String, Rule> {
    let rule = |name: String, priority, statement, action| {
        let visibility = Rule::reports(&name);
        (name, Rule { priority, statement, action, visibility })
    };
    let sets = (0..).zip(&waf.ip_sets).map(|(priority, set)| {
        rule(format!("ip-set-{}", set.name), priority, Statement::IpSet(set.arn.clone()), action(set.action))
    });
    let limit = Statement::Rate { limit: waf.rate_limit };
    let limit = rule("rate-limit".to_owned(), RATE_LIMIT, limit, RuleAction::Block);
    let groups = (RULE_GROUPS..).zip(&waf.rule_groups).map(|(priority, (group, overrides))| {
        let overrides = overrides.iter().map(|(rule, other)| (rule.clone(), action(*other)));
        let statement = Statement::Managed { group: group.clone(), overrides: overrides.collect() };
        rule(group.clone(), priority, statement, RuleAction::OfGroup)
    });
    sets.chain([limit]).chain(groups).collect()
}

fn action(wanted: WafAction) -> RuleAction {
    match wanted {
        WafAction::Allow => RuleAction::Allow,
        WafAction::Block => RuleAction::Block,
        WafAction::Count => RuleAction::Count,
        WafAction::Captcha => RuleAction::Captcha,
        WafAction::Challenge => RuleAction::Challenge,
    }
}
