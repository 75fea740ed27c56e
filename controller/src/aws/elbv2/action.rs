//! What a listener does with a request, in one line that can be compared.

use aws_sdk_elasticloadbalancingv2::types::{
    Action as Seen, ActionTypeEnum, RedirectActionConfig, RedirectActionStatusCodeEnum,
};
use payment_platform_engine::{Ref, Up};
use serde::Serialize;

use super::TargetGroup;

/// What a listener of the platform does.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    Forward(Ref<TargetGroup>),
    RedirectToHttps,
}

const FORWARD: &str = "forward to ";
const REDIRECT: &str = "redirect HTTP_301 to HTTPS://#{host}:443/#{path}?#{query}";

impl Action {
    /// The line, with a hole for a target group that is not there yet.
    pub(super) fn line(&self, up: &Up<'_>) -> String {
        match self {
            Self::Forward(group) => {
                format!("{FORWARD}{}", up.text(group, "arn:aws:elasticloadbalancing:", |group| &group.arn))
            }
            Self::RedirectToHttps => REDIRECT.to_owned(),
        }
    }
}

/// The action that a line of ours stands for.
pub(super) fn of_line(line: &str) -> Seen {
    match line.strip_prefix(FORWARD) {
        Some(group) => Seen::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build(),
        None => {
            let to = RedirectActionConfig::builder().protocol("HTTPS").port("443");
            let to = to.host("#{host}").path("/#{path}").query("#{query}");
            let to = to.status_code(RedirectActionStatusCodeEnum::Http301).build();
            Seen::builder().r#type(ActionTypeEnum::Redirect).redirect_config(to).build()
        }
    }
}

/// The line of what AWS answers; of several actions, all.
pub(super) fn lines(actions: &[Seen]) -> String {
    actions.iter().map(line).collect::<Vec<_>>().join(", then ")
}

fn line(action: &Seen) -> String {
    match (action.r#type(), action.redirect_config()) {
        (Some(ActionTypeEnum::Forward), _) => format!("{FORWARD}{}", targets(action)),
        (Some(ActionTypeEnum::Redirect), Some(to)) => {
            let part = |value: Option<&str>, default: &'static str| value.unwrap_or(default).to_owned();
            let code = to.status_code().map_or("", RedirectActionStatusCodeEnum::as_str);
            let (protocol, port) = (part(to.protocol(), "#{protocol}"), part(to.port(), "#{port}"));
            let (host, path) = (part(to.host(), "#{host}"), part(to.path(), "/#{path}"));
            format!("redirect {code} to {protocol}://{host}:{port}{path}?{}", part(to.query(), "#{query}"))
        }
        (Some(other), _) => other.as_str().to_owned(),
        (None, _) => "unknown".to_owned(),
    }
}

/// The target groups of a forward: one alone needs no weight, and stickiness between groups means nothing then.
fn targets(action: &Seen) -> String {
    let groups = action.forward_config().map(|config| config.target_groups()).unwrap_or_default();
    match (groups, action.target_group_arn()) {
        ([one], _) => one.target_group_arn().unwrap_or_default().to_owned(),
        ([], one) => one.unwrap_or_default().to_owned(),
        (several, _) => {
            let weighted = several.iter().map(|group| {
                format!("{} weight {}", group.target_group_arn().unwrap_or_default(), group.weight.unwrap_or(1))
            });
            weighted.collect::<Vec<_>>().join(" or ")
        }
    }
}
