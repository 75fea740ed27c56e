//! The IAM policy of the controller's own role, made from what the kinds say that they call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{KINDS, OWN_ACTIONS};

/// Resources that the actions of a service are limited to. What a service is not listed for has no names that tell the
/// platform's things from others, and is allowed on everything.
fn limits(action: &str) -> Vec<&'static str> {
    match action {
        // These list, or find the controller's own role by a name that is not known here.
        "iam:GetAccountAuthorizationDetails" | "iam:GetRole" | "s3:ListAllMyBuckets" => vec!["*"],
        _ if action.starts_with("iam:") => {
            vec!["arn:aws:iam::*:role/*-payment-*", "arn:aws:iam::*:instance-profile/*"]
        }
        "s3:DeleteObject" | "s3:DeleteObjectVersion" => vec!["arn:aws:s3:::s3-payment-*/*"],
        _ if action.starts_with("s3:") => vec!["arn:aws:s3:::s3-payment-*"],
        _ => vec!["*"],
    }
}

/// The services that roles of the platform may be passed to.
const PASSED_TO: &[&str] = &["vpc-flow-logs.amazonaws.com"];

/// All that the controller calls, with the narrowest resources that can be named in advance.
pub fn document() -> Value {
    let kinds = KINDS.iter().flat_map(|kind| kind.actions);
    let actions: BTreeSet<&str> = kinds.chain(OWN_ACTIONS).copied().filter(|action| *action != PASS_ROLE).collect();
    let mut by_place: BTreeMap<(String, Vec<&str>), Vec<&str>> = BTreeMap::new();
    for action in actions {
        let service = action.split(':').next().unwrap_or_default().to_owned();
        by_place.entry((service, limits(action))).or_default().push(action);
    }
    let mut statements: Vec<Value> = by_place
        .into_iter()
        .map(|((_, resources), actions)| json!({"Effect": "Allow", "Action": actions, "Resource": resources}))
        .collect();
    statements.push(json!({
        "Effect": "Allow",
        "Action": PASS_ROLE,
        "Resource": "arn:aws:iam::*:role/*-payment-*",
        "Condition": {"StringEquals": {"iam:PassedToService": PASSED_TO}},
    }));
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Allowed with a condition of its own.
const PASS_ROLE: &str = "iam:PassRole";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_fits_into_one_managed_policy_and_allows_what_the_kinds_call() {
        let document = document();
        // IAM: 6,144 characters without white space.
        assert!(document.to_string().len() <= 6144, "{}", document.to_string().len());
        let allowed: Vec<&str> = document["Statement"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|statement| match &statement["Action"] {
                Value::String(action) => vec![action.as_str()],
                actions => actions.as_array().unwrap().iter().filter_map(Value::as_str).collect(),
            })
            .collect();
        for action in KINDS.iter().flat_map(|kind| kind.actions).chain(OWN_ACTIONS) {
            assert!(allowed.contains(action), "{action}");
        }
    }
}
