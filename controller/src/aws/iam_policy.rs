//! The IAM policy of the controller's own role, made from what the kinds say that they call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{KINDS, OWN_ACTIONS};

/// A managed policy has room for about a quarter of it: IAM takes 6,144 characters in each, and ten to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Part {
    /// EC2.
    Network,
    /// Where data is, and what encrypts it.
    Data,
    /// What the application runs on and is reached by.
    Application,
    /// Everything else: roles, logs, topics, what the account has and who we are.
    Operations,
}

impl Part {
    pub const ALL: [Self; 4] = [Self::Network, Self::Data, Self::Application, Self::Operations];

    fn of(action: &str) -> Self {
        match action.split(':').next().unwrap_or_default() {
            "ec2" => Self::Network,
            "kms" | "rds" | "s3" | "secretsmanager" => Self::Data,
            "application-autoscaling" | "cloudfront" | "cloudwatch" | "ecs" | "elasticloadbalancing" | "wafv2" => {
                Self::Application
            }
            _ => Self::Operations,
        }
    }
}

/// Resources that an action is limited to. What a service is not listed for has no names that tell the platform's things
/// from others, and is allowed on everything.
fn limits(action: &str) -> Vec<&'static str> {
    match action {
        // These list, or find the controller's own role by a name that is not known here; what concerns a subscription has no
        // resource (Service Authorization Reference).
        "iam:GetAccountAuthorizationDetails"
        | "iam:GetRole"
        | "s3:ListAllMyBuckets"
        | "secretsmanager:ListSecrets"
        | "sns:GetSubscriptionAttributes"
        | "sns:ListTopics"
        | "sns:SetSubscriptionAttributes"
        | "sns:Unsubscribe" => vec!["*"],
        // The services make their own role where the account has none, with the caller's permission.
        "iam:CreateServiceLinkedRole" => vec![
            "arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/*",
            "arn:aws:iam::*:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/*",
            "arn:aws:iam::*:role/aws-service-role/elasticloadbalancing.amazonaws.com/*",
            "arn:aws:iam::*:role/aws-service-role/rds.amazonaws.com/*",
            "arn:aws:iam::*:role/aws-service-role/wafv2.amazonaws.com/*",
        ],
        // ECR: of this account's repositories, whatever they are called.
        _ if action.starts_with("ecr:") => vec!["arn:aws:ecr:*:*:repository/*"],
        // ECS has no resource level for what lists, nor for what registers and reads task definitions (Service Authorization
        // Reference, "Amazon Elastic Container Service").
        "ecs:CreateCluster"
        | "ecs:DescribeTaskDefinition"
        | "ecs:DeregisterTaskDefinition"
        | "ecs:ListClusters"
        | "ecs:ListTaskDefinitionFamilies"
        | "ecs:ListTaskDefinitions"
        | "ecs:ListTasks"
        | "ecs:RegisterTaskDefinition" => vec!["*"],
        _ if action.starts_with("ecs:") => vec![
            "arn:aws:ecs:*:*:cluster/ecs-payment-cluster-*",
            "arn:aws:ecs:*:*:service/ecs-payment-cluster-*/ecs-payment-service-*",
            "arn:aws:ecs:*:*:task/ecs-payment-cluster-*/*",
            "arn:aws:ecs:*:*:task-definition/payment-app-*:*",
        ],
        _ if action.starts_with("elasticloadbalancing:Describe") => vec!["*"],
        _ if action.starts_with("elasticloadbalancing:") => vec![
            "arn:aws:elasticloadbalancing:*:*:listener-rule/app/alb-payment-*",
            "arn:aws:elasticloadbalancing:*:*:listener/app/alb-payment-*",
            "arn:aws:elasticloadbalancing:*:*:loadbalancer/app/alb-payment-*",
            "arn:aws:elasticloadbalancing:*:*:targetgroup/tg-payment-*",
        ],
        "cloudwatch:DescribeAlarms"
        | "cloudwatch:ListDashboards"
        | "wafv2:ListLoggingConfigurations"
        | "wafv2:ListWebACLs" => vec!["*"],
        // Those of target tracking are named by Application Auto Scaling.
        _ if action.starts_with("cloudwatch:") => vec![
            "arn:aws:cloudwatch::*:dashboard/payment-*",
            "arn:aws:cloudwatch:*:*:alarm:TargetTracking-service/ecs-payment-cluster-*",
            "arn:aws:cloudwatch:*:*:alarm:payment-*",
        ],
        // To say which web ACL stands before the load balancer AWS asks for the right to read that one, whosever it is (API
        // Reference, GetWebACLForResource): otherwise an exchanged one could be neither seen nor put back.
        "wafv2:GetWebACL" | "wafv2:GetWebACLForResource" => {
            vec!["arn:aws:elasticloadbalancing:*:*:loadbalancer/app/alb-payment-*", "arn:aws:wafv2:*:*:*/webacl/*/*"]
        }
        // A web ACL is written together with what its rules refer to, and put in front of the load balancer.
        _ if action.starts_with("wafv2:") => vec![
            "arn:aws:elasticloadbalancing:*:*:loadbalancer/app/alb-payment-*",
            "arn:aws:wafv2:*:*:*/ipset/*/*",
            "arn:aws:wafv2:*:*:*/managedruleset/*/*",
            "arn:aws:wafv2:*:*:*/webacl/waf-payment-*/*",
        ],
        _ if action.starts_with("rds:Describe") => vec!["*"],
        // Also an instance that somebody else has put into the cluster, under whatever name.
        "rds:DeleteDBInstance" => vec!["arn:aws:rds:*:*:db:*"],
        _ if action.starts_with("iam:") => {
            vec!["arn:aws:iam::*:role/*-payment-*", "arn:aws:iam::*:instance-profile/*"]
        }
        "s3:DeleteObject" | "s3:DeleteObjectVersion" => vec!["arn:aws:s3:::s3-payment-*/*"],
        _ if action.starts_with("s3:") => vec!["arn:aws:s3:::s3-payment-*"],
        _ if action.starts_with("rds:") => vec![
            "arn:aws:rds:*:*:cluster:aurora-payment-*",
            "arn:aws:rds:*:*:cluster-pg:aurora-cluster-params-*",
            "arn:aws:rds:*:*:cluster-snapshot:aurora-payment-*",
            "arn:aws:rds:*:*:db:aurora-payment-*",
            "arn:aws:rds:*:*:db:mysql-payment-*",
            "arn:aws:rds:*:*:es:rds-events-payment-*",
            // RDS asks for the default option group too, for clusters and instances that name none.
            "arn:aws:rds:*:*:og:default:*",
            "arn:aws:rds:*:*:og:mysql-options-payment-*",
            "arn:aws:rds:*:*:pg:aurora-db-params-*",
            "arn:aws:rds:*:*:pg:mysql-params-payment-*",
            "arn:aws:rds:*:*:snapshot:mysql-payment-*",
            "arn:aws:rds:*:*:subgrp:aurora-subnets-payment-*",
        ],
        _ if action.starts_with("secretsmanager:") => vec!["arn:aws:secretsmanager:*:*:secret:*-payment-*"],
        _ if action.starts_with("sns:") => vec!["arn:aws:sns:*:*:payment-alerts-*"],
        _ => vec!["*"],
    }
}

/// The services that roles of the platform may be passed to.
const PASSED_TO: &[&str] = &["ecs-tasks.amazonaws.com", "monitoring.rds.amazonaws.com", "vpc-flow-logs.amazonaws.com"];

/// All that the controller calls, or one part of it, with the narrowest resources that can be named in advance.
pub fn document(part: Option<Part>) -> Value {
    let kinds = KINDS.iter().flat_map(|kind| kind.actions);
    let wanted = |action: &&str| *action != PASS_ROLE && part.is_none_or(|part| Part::of(action) == part);
    let actions: BTreeSet<&str> = kinds.chain(OWN_ACTIONS).copied().filter(wanted).collect();
    let mut by_place: BTreeMap<(String, Vec<&str>), Vec<&str>> = BTreeMap::new();
    for action in actions {
        let service = action.split(':').next().unwrap_or_default().to_owned();
        by_place.entry((service, limits(action))).or_default().push(action);
    }
    let mut statements: Vec<Value> = by_place
        .into_iter()
        .map(|((_, resources), actions)| json!({"Effect": "Allow", "Action": actions, "Resource": resources}))
        .collect();
    if part.is_none_or(|part| Part::of(PASS_ROLE) == part) {
        statements.push(json!({
            "Effect": "Allow",
            "Action": PASS_ROLE,
            "Resource": "arn:aws:iam::*:role/*-payment-*",
            "Condition": {"StringEquals": {"iam:PassedToService": PASSED_TO}},
        }));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Allowed with a condition of its own.
const PASS_ROLE: &str = "iam:PassRole";

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(document: &Value) -> Vec<String> {
        let statements = document["Statement"].as_array().unwrap().iter();
        let actions = statements.flat_map(|statement| match &statement["Action"] {
            Value::String(action) => vec![action.clone()],
            actions => actions.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        });
        actions.collect()
    }

    #[test]
    fn each_part_fits_into_a_managed_policy_and_together_they_allow_what_the_kinds_call() {
        let mut parts = Vec::new();
        for part in Part::ALL {
            let document = document(Some(part));
            // IAM: 6,144 characters without white space.
            assert!(document.to_string().len() <= 6144, "{part:?}: {}", document.to_string().len());
            parts.extend(allowed(&document));
        }
        for action in KINDS.iter().flat_map(|kind| kind.actions).chain(OWN_ACTIONS) {
            assert!(parts.iter().any(|one| one == action), "{action}");
        }
        parts.sort();
        let mut whole = allowed(&document(None));
        whole.sort();
        assert_eq!(parts, whole);
    }
}
