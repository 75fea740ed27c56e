//! Rules of a web ACL in a canonical form: what they look for and what they do are each one line of text, so that a rule that
//! somebody has made of parts which ours never have is a difference too.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_wafv2::types::{
    AllowAction, BlockAction, CaptchaAction, ChallengeAction, CountAction, IpSetReferenceStatement,
    ManagedRuleGroupStatement, NoneAction, OverrideAction, RateBasedStatement, RateBasedStatementAggregateKeyType,
    Rule as Seen, RuleAction as SeenAction, RuleActionOverride, Statement as SeenStatement, VisibilityConfig,
};
use payment_platform_engine::CloudError;
use serde::{Serialize, Serializer};

use crate::aws::error::built;

/// Seconds over which requests are counted.
const WINDOW_SECONDS: i64 = 300;

/// The vendor of AWS's own rule groups.
const AWS: &str = "AWS";

/// One rule; rules are tried by priority, lowest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    pub priority: i32,
    pub statement: Statement,
    /// What is done with a request that fits; of a rule group, what its rules say.
    pub action: RuleAction,
    /// What it reports: see [`visibility`].
    pub visibility: String,
}

/// What a rule looks for. Serialises as its text.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// A rule group of AWS, in the version that AWS holds current, with other actions for some of its rules.
    Managed { group: String, overrides: BTreeMap<String, RuleAction> },
    /// More requests than this from one address in [`WINDOW_SECONDS`].
    Rate { limit: i64 },
    /// The address is in the IP set of this ARN.
    IpSet(String),
    /// What rules of ours never are, as it was read.
    Other(String),
}

/// What is done with a request. Serialises as its text.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleAction {
    Allow,
    Block,
    Count,
    Captcha,
    Challenge,
    /// What the rules of a group say.
    OfGroup,
    /// What rules of ours never do, as it was read.
    Other(String),
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Managed { group, overrides } => {
                write!(f, "rule group {AWS} {group}")?;
                overrides.iter().try_for_each(|(rule, action)| write!(f, ", {rule}: {action}"))
            }
            Self::Rate { limit } => write!(f, "more than {limit} requests of an address in {WINDOW_SECONDS} s"),
            Self::IpSet(arn) => write!(f, "an address of {arn}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for RuleAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Block => "block",
            Self::Count => "count",
            Self::Captcha => "captcha",
            Self::Challenge => "challenge",
            Self::OfGroup => "as the group says",
            Self::Other(text) => text,
        })
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for RuleAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Rule {
    /// What a rule or web ACL of this name reports.
    pub fn reports(name: &str) -> String {
        format!("metrics on as {name}, samples off")
    }

    /// The rule of this name as the API takes it.
    pub(super) fn build(&self, name: &str) -> Result<Seen, CloudError> {
        let rule = Seen::builder().name(name).priority(self.priority).statement(self.statement.build()?);
        let rule = rule.visibility_config(metrics(name)?);
        let rule = match self.action {
            RuleAction::OfGroup => {
                rule.override_action(OverrideAction::builder().none(NoneAction::builder().build()).build())
            }
            _ => rule.action(self.action.build()),
        };
        built(rule.build(), "wafv2:UpdateWebACL")
    }

    /// The rule as it was read.
    pub(super) fn read(seen: &Seen) -> Self {
        let plain = seen.rule_labels().is_empty() && seen.captcha_config.is_none() && seen.challenge_config.is_none();
        let statement = seen.statement.as_ref();
        Self {
            priority: seen.priority,
            statement: match statement.filter(|_| plain).and_then(Statement::read) {
                Some(statement) => statement,
                None => Statement::Other(format!(
                    "{statement:?}, labels {:?}, captcha {:?}, challenge {:?}",
                    seen.rule_labels(),
                    seen.captcha_config,
                    seen.challenge_config
                )),
            },
            action: match (&seen.action, &seen.override_action) {
                (Some(action), None) => RuleAction::read(action),
                (None, Some(OverrideAction { none: Some(_), count: None, .. })) => RuleAction::OfGroup,
                (action, group) => RuleAction::Other(format!("{action:?}, of the group {group:?}")),
            },
            visibility: visibility(seen.visibility_config.as_ref()),
        }
    }
}

impl Statement {
    fn build(&self) -> Result<SeenStatement, CloudError> {
        let action = "wafv2:UpdateWebACL";
        let statement = SeenStatement::builder();
        let statement = match self {
            Self::Managed { group, overrides } => {
                let overrides = overrides.iter().map(|(rule, action)| {
                    RuleActionOverride::builder().name(rule).action_to_use(action.build()).build()
                });
                let overrides = built(overrides.collect::<Result<Vec<_>, _>>(), action)?;
                let group = ManagedRuleGroupStatement::builder().vendor_name(AWS).name(group);
                let group = group.set_rule_action_overrides(Some(overrides).filter(|some| !some.is_empty()));
                statement.managed_rule_group_statement(built(group.build(), action)?)
            }
            Self::Rate { limit } => {
                let rate = RateBasedStatement::builder().limit(*limit).evaluation_window_sec(WINDOW_SECONDS);
                let rate = rate.aggregate_key_type(RateBasedStatementAggregateKeyType::Ip);
                statement.rate_based_statement(built(rate.build(), action)?)
            }
            Self::IpSet(arn) => {
                let set = IpSetReferenceStatement::builder().arn(arn);
                statement.ip_set_reference_statement(built(set.build(), action)?)
            }
            Self::Other(_) => statement,
        };
        Ok(statement.build())
    }

    /// None: it has parts that ours never have.
    fn read(seen: &SeenStatement) -> Option<Self> {
        let read = if let Some(group) = &seen.managed_rule_group_statement {
            let overrides = group.rule_action_overrides().iter();
            let overrides =
                overrides.filter_map(|one| Some((one.name.clone(), RuleAction::read(one.action_to_use.as_ref()?))));
            Self::Managed { group: group.name.clone(), overrides: overrides.collect() }
        } else if let Some(rate) = &seen.rate_based_statement {
            Self::Rate { limit: rate.limit }
        } else {
            Self::IpSet(seen.ip_set_reference_statement.as_ref()?.arn.clone())
        };
        // What is as we would make it of that has no other parts; AWS leaves out what is empty, or gives it.
        let made = read.build().ok()?;
        (bare(made) == bare(seen.clone())).then_some(read)
    }
}

/// Without what AWS may answer as empty.
fn bare(mut statement: SeenStatement) -> SeenStatement {
    if let Some(group) = &mut statement.managed_rule_group_statement {
        let overrides = group.rule_action_overrides.take().unwrap_or_default();
        let mut overrides = overrides.into_iter().collect::<Vec<_>>();
        overrides.sort_by(|one, other| one.name.cmp(&other.name));
        group.rule_action_overrides = Some(overrides);
        group.excluded_rules = group.excluded_rules.take().filter(|rules| !rules.is_empty());
        group.managed_rule_group_configs = group.managed_rule_group_configs.take().filter(|all| !all.is_empty());
    }
    if let Some(rate) = &mut statement.rate_based_statement {
        rate.custom_keys = rate.custom_keys.take().filter(|keys| !keys.is_empty());
    }
    statement
}

impl RuleAction {
    fn build(&self) -> SeenAction {
        let action = SeenAction::builder();
        match self {
            Self::Allow => action.allow(AllowAction::builder().build()),
            Self::Block => action.block(BlockAction::builder().build()),
            Self::Count => action.count(CountAction::builder().build()),
            Self::Captcha => action.captcha(CaptchaAction::builder().build()),
            Self::Challenge => action.challenge(ChallengeAction::builder().build()),
            Self::OfGroup | Self::Other(_) => action,
        }
        .build()
    }

    fn read(seen: &SeenAction) -> Self {
        let known = [Self::Allow, Self::Block, Self::Count, Self::Captcha, Self::Challenge];
        known.into_iter().find(|one| one.build() == *seen).unwrap_or_else(|| Self::Other(format!("{seen:?}")))
    }
}

/// Metrics under this name, and no samples of requests: what the log blots out would stand in them.
pub(super) fn metrics(name: &str) -> Result<VisibilityConfig, CloudError> {
    let metrics = VisibilityConfig::builder().metric_name(name);
    built(metrics.cloud_watch_metrics_enabled(true).sampled_requests_enabled(false).build(), "wafv2:UpdateWebACL")
}

/// What a rule or web ACL reports, as one line.
pub(super) fn visibility(seen: Option<&VisibilityConfig>) -> String {
    let Some(seen) = seen else { return "nothing".to_owned() };
    let on = |on: bool| if on { "on" } else { "off" };
    let (metrics, samples) = (on(seen.cloud_watch_metrics_enabled), on(seen.sampled_requests_enabled));
    format!("metrics {metrics} as {}, samples {samples}", seen.metric_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(statement: Statement, action: RuleAction) -> Rule {
        Rule { priority: 1, statement, action, visibility: Rule::reports("a") }
    }

    #[test]
    fn a_rule_reads_back_as_it_was_made() {
        let overrides = BTreeMap::from([("SizeRestrictions_BODY".to_owned(), RuleAction::Count)]);
        for rule in [
            rule(Statement::Managed { group: "AWSManagedRulesCommonRuleSet".into(), overrides }, RuleAction::OfGroup),
            rule(Statement::Rate { limit: 2000 }, RuleAction::Block),
            rule(Statement::IpSet("arn:a".into()), RuleAction::Allow),
        ] {
            assert_eq!(Rule::read(&rule.build("a").unwrap()), rule);
        }
    }

    #[test]
    fn what_ours_never_have_is_another_rule() {
        let ours = rule(Statement::Rate { limit: 2000 }, RuleAction::Block);
        let mut seen = ours.build("a").unwrap();
        let not = IpSetReferenceStatement::builder().arn("arn:a").build().unwrap();
        let not = SeenStatement::builder().ip_set_reference_statement(not).build();
        let rate = seen.statement.as_mut().and_then(|statement| statement.rate_based_statement.as_mut()).unwrap();
        rate.scope_down_statement = Some(Box::new(not));
        assert_ne!(Rule::read(&seen).statement, ours.statement);
        let mut seen = ours.build("a").unwrap();
        seen.action = Some(RuleAction::Count.build());
        assert_eq!(Rule::read(&seen).action, RuleAction::Count);
    }
}
