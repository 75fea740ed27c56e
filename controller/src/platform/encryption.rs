//! Encryption: three keys, each of which names only its users (PCI DSS 3.5.1, 3.6.1, 3.7.4, 7.2.1).
//!
//! - `app`: database, secrets, queues and topics, Fargate's storage, backups.
//! - `s3`: buckets and what is delivered to them.
//! - `logs`: log groups.
//!
//! A policy that lacks a service's statement lets the *consumer's* creation fail later, not the key's, so every
//! service stands in the policy from the start. Each action is in a statement whose conditions it can carry:
//! `DescribeKey` has no encryption context, and `kms:GrantIsForAWSResource` fits `CreateGrant` alone.

use payment_platform_api::spec::{Effect, ExtraStatement};
use payment_platform_engine::{Ref, Region, Resource};

use super::{Build, HOME_OF_CLOUDFRONT, names};
use crate::aws::ecs::Cluster;
use crate::aws::kms::{Alias, Key};
use crate::aws::policy::{PolicyDocument, Statement, root};

pub const COMPONENT: &str = "Encryption";

/// The keys that other components use.
pub struct Keys {
    pub app: Ref<Key>,
    pub s3: Ref<Key>,
    pub logs: Ref<Key>,
    /// For the log group of the web ACL in front of the distribution, which is where CloudFront is.
    pub cdn_logs: Ref<Key>,
    /// For the topic of the alarm on the distribution's certificate, where that is not the platform's own.
    pub cdn_alerts: Option<Ref<Key>>,
}

const USE: &[&str] = &["kms:Decrypt", "kms:GenerateDataKey*"];
const FULL_USE: &[&str] = &["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];

/// Adds keys and aliases.
pub fn add(build: &mut Build<'_>) -> Keys {
    let home = build.region.clone();
    let app = app_statements(build);
    let app = key(build, &home, names::APP_KEY, "Database, secrets and application data", app);
    let s3 = s3_statements(build);
    let s3 = key(build, &home, names::S3_KEY, "Buckets", s3);
    let statements = logs_statements(build, &home);
    let logs = key(build, &home, names::LOGS_KEY, "Log groups", statements);
    let cdn = Region::new(HOME_OF_CLOUDFRONT);
    let cdn_logs = if cdn == home || !build.platform.static_assets.web_acl {
        logs.clone()
    } else {
        let statements = logs_statements(build, &cdn);
        key(build, &cdn, names::LOGS_KEY, "Log groups", statements)
    };
    let cdn_alerts = (cdn != home && build.platform.static_assets.certificate_arn.is_some()).then(|| {
        let from_account =
            service("cloudwatch", USE).when("StringEquals", "aws:SourceAccount", &build.platform.account_id);
        let statements = vec![("Sns", service("sns", USE)), ("CloudWatch", from_account)];
        key(build, &cdn, names::ALERTS, "Alarms", statements)
    });
    Keys { app, s3, logs, cdn_logs, cdn_alerts }
}

fn key(
    build: &mut Build<'_>,
    region: &Region,
    node: &str,
    purpose: &str,
    statements: Vec<(&str, Statement)>,
) -> Ref<Key> {
    let tags = build.tags_in(region, Key::KIND, node, &Key::name(node, build.env()));
    let key = Key {
        description: format!("{purpose} of payment environment {}", build.env()),
        rotation_days: build.platform.key_rotation_days,
        deletion_window_days: build.platform.key_deletion_days,
        policy: policy(build, node, statements),
        tags,
    };
    let key = build.graph.add(COMPONENT, region, node, key);
    let alias = Alias { name: Alias::name(node, build.env()), key: key.clone() };
    build.graph.add(COMPONENT, region, node, alias);
    key
}

/// The account's root, so that the key never becomes unmanageable; the controller; then the users.
fn policy(build: &Build<'_>, node: &str, statements: Vec<(&str, Statement)>) -> PolicyDocument {
    let platform = build.platform;
    let administration = [
        ("Root", Statement::allow(root(&platform.account_id), &["kms:*"])),
        ("Controller", Statement::allow(format!("AWS {}", platform.principal_arn), &["kms:*"])),
    ];
    let mut policy = PolicyDocument::of(administration.into_iter().chain(statements));
    if !platform.key_administrators.is_empty() {
        let mut administrators = Statement::allow("", &["kms:*"]);
        administrators.principals = platform.key_administrators.iter().map(|arn| format!("AWS {arn}")).collect();
        policy.statements.insert("Administrators".to_owned(), administrators);
    }
    for statement in platform.extra_statements.get(node).into_iter().flatten() {
        policy.statements.insert(statement.sid.clone(), extra(statement));
    }
    policy
}

fn extra(statement: &ExtraStatement) -> Statement {
    let principal = |name: &String| {
        let kind = if name.starts_with("arn:") { "AWS" } else { "Service" };
        format!("{kind} {name}")
    };
    let mut made = Statement::on(&[], ["*".to_owned()]);
    made.effect = match statement.effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    }
    .to_owned();
    made.principals = statement.principals.iter().map(principal).collect();
    made.actions = statement.actions.iter().cloned().collect();
    for (operator, keys) in &statement.conditions {
        for (key, values) in keys {
            made.conditions.insert(format!("{operator} {key}"), values.iter().cloned().collect());
        }
    }
    made
}

fn service(name: &str, actions: &[&str]) -> Statement {
    Statement::allow(format!("Service {name}.amazonaws.com"), actions)
}

fn app_statements(build: &Build<'_>) -> Vec<(&'static str, Statement)> {
    let (account, region) = (&build.platform.account_id, &build.platform.region);
    let from_account = |statement: Statement| statement.when("StringEquals", "aws:SourceAccount", account);
    let for_resource = |statement: Statement| statement.when("Bool", "kms:GrantIsForAWSResource", "true");
    let cluster = |statement: Statement| {
        statement.when("StringEquals", "kms:EncryptionContext:aws:ecs:clusterAccount", account).when(
            "StringEquals",
            "kms:EncryptionContext:aws:ecs:clusterName",
            Cluster::name(build.env()),
        )
    };
    let mut secrets = Statement::allow(root(account), FULL_USE)
        .when("StringEquals", "kms:ViaService", format!("secretsmanager.{region}.amazonaws.com"))
        .when("StringEquals", "kms:CallerAccount", account);
    secrets.actions.insert("kms:CreateGrant".to_owned());
    let mut statements = vec![
        ("Rds", service("rds", FULL_USE)),
        ("RdsGrants", for_resource(service("rds", &["kms:CreateGrant"]))),
        ("SecretsManager", secrets),
        ("Sns", service("sns", USE)),
        ("Sqs", service("sqs", USE)),
        ("CloudWatch", from_account(service("cloudwatch", USE))),
        ("Events", service("events", USE)),
        ("RdsEvents", from_account(service("events.rds", USE))),
        ("FargateStorage", cluster(service("fargate", &["kms:GenerateDataKeyWithoutPlaintext"]))),
        (
            "FargateGrants",
            cluster(service("fargate", &["kms:CreateGrant"])).when(
                "ForAllValues:StringEquals",
                "kms:GrantOperations",
                "Decrypt",
            ),
        ),
    ];
    if build.platform.backup {
        statements.push(("Backup", service("backup", USE)));
    }
    statements
}

fn s3_statements(build: &Build<'_>) -> Vec<(&'static str, Statement)> {
    let (account, region) = (&build.platform.account_id, &build.platform.region);
    let from_account = |statement: Statement| statement.when("StringEquals", "aws:SourceAccount", account);
    let mut statements = vec![
        ("S3", from_account(service("s3", USE))),
        (
            "LogDelivery",
            from_account(service("delivery.logs", FULL_USE)).when(
                "ArnLike",
                "aws:SourceArn",
                format!("arn:aws:logs:{region}:{account}:*"),
            ),
        ),
        (
            "CloudFront",
            // The exact ARN would close a circle with the distribution; the bucket's policy names it.
            service("cloudfront", USE).when(
                "ArnLike",
                "aws:SourceArn",
                format!("arn:aws:cloudfront::{account}:distribution/*"),
            ),
        ),
    ];
    if build.platform.audit {
        let trail = format!("arn:aws:cloudtrail:{region}:{account}:trail/trail-payment-{}", build.env());
        let of_trail = |statement: Statement| statement.when("StringEquals", "aws:SourceArn", &trail);
        let context = format!("arn:aws:cloudtrail:*:{account}:trail/*");
        statements.extend([
            (
                "CloudTrail",
                of_trail(service("cloudtrail", USE)).when(
                    "StringLike",
                    "kms:EncryptionContext:aws:cloudtrail:arn",
                    context,
                ),
            ),
            ("CloudTrailDescribe", of_trail(service("cloudtrail", &["kms:DescribeKey"]))),
        ]);
    }
    statements
}

fn logs_statements(build: &Build<'_>, region: &Region) -> Vec<(&'static str, Statement)> {
    let account = &build.platform.account_id;
    let actions = &["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];
    let statement = service(&format!("logs.{region}"), actions);
    let of_account = format!("arn:aws:logs:{region}:{account}:*");
    vec![("Logs", statement.when("ArnLike", "kms:EncryptionContext:aws:logs:arn", of_account))]
}
