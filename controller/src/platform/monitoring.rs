//! Monitoring: the topic to which alarms and events go, and who reads it (PCI DSS 10.4.1, 12.10.5).
//!
//! Only services of this account publish to it, and only over TLS. EventBridge supports no condition on its principal
//! (EventBridge User Guide, "Amazon SNS permissions").

use payment_platform_engine::{Ref, Region, Resource};

use super::Build;
use super::encryption::Keys;
use super::names;
use crate::aws::policy::{PolicyDocument, Statement};
use crate::aws::sns::{Subscription, Topic};

pub const COMPONENT: &str = "Monitoring";

/// Adds the topic.
pub fn add(build: &mut Build<'_>, keys: &Keys) -> Ref<Topic> {
    let name = Topic::name(names::ALERTS, build.env());
    let subscriptions = build.platform.subscriptions.iter().cloned();
    let topic = Topic {
        policy: policy(build, &name),
        key: keys.app.clone(),
        subscriptions: subscriptions.map(|(protocol, endpoint)| Subscription { protocol, endpoint }).collect(),
        tags: build.tags(Topic::KIND, names::ALERTS, &name),
        name,
    };
    build.graph.add(COMPONENT, &build.region, names::ALERTS, topic)
}

fn policy(build: &Build<'_>, name: &str) -> PolicyDocument {
    let (account, region): (&str, &Region) = (&build.platform.account_id, &build.region);
    let topic = format!("arn:aws:sns:{region}:{account}:{name}");
    let publishes = |service: &str| {
        let mut statement = Statement::allow(format!("Service {service}.amazonaws.com"), &["sns:Publish"]);
        statement.resources = [topic.clone()].into();
        statement
    };
    let from_account = |statement: Statement| statement.when("StringEquals", "aws:SourceAccount", account);
    let mut tls = Statement::allow("*", &["sns:Publish"]).when("Bool", "aws:SecureTransport", "false");
    tls.effect = "Deny".to_owned();
    tls.resources = [topic.clone()].into();
    let mut statements = vec![
        ("CloudWatch", from_account(publishes("cloudwatch"))),
        ("RdsEvents", from_account(publishes("events.rds"))),
        ("Events", publishes("events")),
        ("DenyInsecureTransport", tls),
    ];
    if build.platform.backup {
        statements.push(("Backup", from_account(publishes("backup"))));
    }
    PolicyDocument::of(statements)
}
