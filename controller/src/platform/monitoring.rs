//! Monitoring: the topic to which alarms and events go, who reads it, and the alarms (PCI DSS 10.4.1, 10.7.2, 12.10.5).
//!
//! Only services of this account publish to it, and only over TLS. EventBridge supports no condition on its principal
//! (EventBridge User Guide, "Amazon SNS permissions").

use std::collections::BTreeMap;

use payment_platform_api::spec;
use payment_platform_engine::{Ref, Region, Resource};

use super::encryption::Keys;
use super::ingress::Ingress;
use super::{Build, HOME_OF_CLOUDFRONT, names};
use crate::aws::cloudwatch::{Alarm, Dimension, Notifies};
use crate::aws::ecs;
use crate::aws::kms::Key;
use crate::aws::policy::{PolicyDocument, Statement};
use crate::aws::rds;
use crate::aws::sns::{Subscription, Topic};

pub const COMPONENT: &str = "Monitoring";

/// Who is told.
pub struct Topics {
    pub home: Ref<Topic>,
    /// Where CloudFront's metrics are, if that is not the platform's region and something tells of them.
    cdn: Option<Ref<Topic>>,
}

/// Adds the topics.
pub fn add(build: &mut Build<'_>, keys: &Keys) -> Topics {
    let home = build.region.clone();
    let home = topic(build, &home, &keys.app);
    let cdn = Region::new(HOME_OF_CLOUDFRONT);
    Topics { home, cdn: keys.cdn_alerts.as_ref().map(|key| topic(build, &cdn, key)) }
}

fn topic(build: &mut Build<'_>, region: &Region, key: &Ref<Key>) -> Ref<Topic> {
    let name = Topic::name(names::ALERTS, build.env());
    let subscriptions = build.platform.monitoring.subscriptions.iter().cloned();
    let topic = Topic {
        policy: policy(build, region, &name),
        key: key.clone(),
        subscriptions: subscriptions.map(|(protocol, endpoint)| Subscription { protocol, endpoint }).collect(),
        tags: build.tags_in(region, Topic::KIND, names::ALERTS, &name),
        name,
    };
    build.graph.add(COMPONENT, region, names::ALERTS, topic)
}

fn policy(build: &Build<'_>, region: &Region, name: &str) -> PolicyDocument {
    let account = &build.platform.account_id;
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

/// An alarm before it has a name, tags and somebody to tell.
struct Plain {
    description: String,
    namespace: &'static str,
    metric: &'static str,
    statistic: &'static str,
    dimensions: BTreeMap<String, Dimension>,
    /// Length of a period in seconds, and how many of them in a row.
    periods: (i32, i32),
    comparison: &'static str,
    threshold: f64,
    missing_data: &'static str,
}

const ABOVE: &str = "GreaterThanThreshold";
const FROM: &str = "GreaterThanOrEqualToThreshold";
const BELOW: &str = "LessThanThreshold";

/// No data: the alarm has no state.
const MISSING: &str = "missing";
/// No data: all is well.
const FINE: &str = "notBreaching";

/// Adds the alarms of the application, the load balancer and the database, and those of the spec.
pub fn alarms(build: &mut Build<'_>, topics: &Topics, ingress: &Ingress) {
    let limits = build.platform.monitoring.clone();
    let env = build.env().to_owned();
    let text = |name: &str, value: String| (name.to_owned(), Dimension::Text(value));
    let tasks = || {
        BTreeMap::from([text("ClusterName", ecs::Cluster::name(&env)), text("ServiceName", ecs::Service::name(&env))])
    };
    let balancer = || ("LoadBalancer".to_owned(), Dimension::LoadBalancer(ingress.load_balancer.clone()));
    let targets = || ("TargetGroup".to_owned(), Dimension::TargetGroup(ingress.target_group.clone()));
    let database = || {
        let dimension = match build.platform.database.engine {
            spec::Engine::AuroraPostgresql => text("DBClusterIdentifier", rds::Cluster::name(names::AURORA, &env)),
            spec::Engine::Mysql => text("DBInstanceIdentifier", rds::MysqlInstance::name(names::MYSQL, &env)),
        };
        BTreeMap::from([dimension])
    };
    let percent = |of: &str, namespace, metric, dimensions, comparison, threshold: i32| Plain {
        description: format!("{of} is above {threshold} percent for ten minutes."),
        namespace,
        metric,
        statistic: "Average",
        dimensions,
        periods: (300, 2),
        comparison,
        threshold: f64::from(threshold),
        missing_data: MISSING,
    };
    let mut all = vec![
        ("ecs-cpu", percent("The tasks' CPU", "AWS/ECS", "CPUUtilization", tasks(), FROM, limits.ecs_cpu_percent)),
        (
            "ecs-memory",
            percent("The tasks' memory", "AWS/ECS", "MemoryUtilization", tasks(), FROM, limits.ecs_memory_percent),
        ),
        (
            "db-cpu",
            percent("The database's CPU", "AWS/RDS", "CPUUtilization", database(), ABOVE, limits.database_cpu_percent),
        ),
    ];
    all.push((
        "db-connections",
        Plain {
            description: format!(
                "More than {} connections to the database for ten minutes.",
                limits.database_connections
            ),
            metric: "DatabaseConnections",
            threshold: f64::from(limits.database_connections),
            ..percent("", "AWS/RDS", "", database(), ABOVE, 0)
        },
    ));
    all.push((
        "alb-response-time",
        Plain {
            description: format!("Answers take more than {} ms for two minutes.", limits.response_milliseconds),
            namespace: "AWS/ApplicationELB",
            metric: "TargetResponseTime",
            statistic: "Average",
            dimensions: BTreeMap::from([balancer()]),
            periods: (60, 2),
            comparison: ABOVE,
            // The metric is in seconds.
            threshold: f64::from(limits.response_milliseconds) / 1000.0,
            missing_data: FINE,
        },
    ));
    all.push((
        "alb-unhealthy-hosts",
        Plain {
            description: format!(
                "{} tasks or more do not pass their health check for two minutes.",
                limits.unhealthy_hosts
            ),
            namespace: "AWS/ApplicationELB",
            metric: "UnHealthyHostCount",
            statistic: "Maximum",
            dimensions: BTreeMap::from([balancer(), targets()]),
            periods: (60, 2),
            comparison: FROM,
            threshold: f64::from(limits.unhealthy_hosts),
            missing_data: MISSING,
        },
    ));
    if let Some(arn) = &build.platform.ingress.certificate_arn {
        all.push(("cert-expiry", expiry("load balancer", arn, limits.certificate_days)));
    }
    let home = build.region.clone();
    for (node, plain) in all {
        plain.add(build, &home, node, &topics.home);
    }
    if let Some(arn) = build.platform.static_assets.certificate_arn.clone() {
        let plain = expiry("distribution", &arn, limits.certificate_days);
        plain.add(
            build,
            &Region::new(HOME_OF_CLOUDFRONT),
            "cert-expiry-cdn",
            topics.cdn.as_ref().unwrap_or(&topics.home),
        );
    }
    for alarm in limits.alarms {
        extra(build, &topics.home, alarm);
    }
}

/// The alarm on a certificate of AWS Certificate Manager that ends.
fn expiry(of: &str, arn: &str, days: i32) -> Plain {
    Plain {
        description: format!("The certificate of the {of} ends in less than {days} days."),
        namespace: "AWS/CertificateManager",
        metric: "DaysToExpiry",
        statistic: "Minimum",
        dimensions: BTreeMap::from([("CertificateArn".to_owned(), Dimension::Text(arn.to_owned()))]),
        periods: (86_400, 1),
        comparison: BELOW,
        threshold: f64::from(days),
        missing_data: MISSING,
    }
}

impl Plain {
    /// Adds it as an alarm that tells the topic.
    fn add(self, build: &mut Build<'_>, region: &Region, node: &str, topic: &Ref<Topic>) {
        let (period_seconds, periods) = self.periods;
        let name = Alarm::name(node, build.env());
        let alarm = Alarm {
            description: self.description,
            namespace: self.namespace.to_owned(),
            metric: self.metric.to_owned(),
            statistic: self.statistic.to_owned(),
            dimensions: self.dimensions,
            period_seconds,
            periods,
            comparison: self.comparison.to_owned(),
            threshold: self.threshold,
            missing_data: self.missing_data.to_owned(),
            alarm: vec![Notifies::Topic(topic.clone())],
            ok: vec![Notifies::Topic(topic.clone())],
            tags: build.tags_in(region, Alarm::KIND, node, &name),
            name,
        };
        build.graph.add(COMPONENT, region, node, alarm);
    }
}

/// An alarm of the spec.
fn extra(build: &mut Build<'_>, topic: &Ref<Topic>, wanted: spec::Alarm) {
    let node = format!("extra-{}", wanted.name);
    let name = Alarm::name(&node, build.env());
    let dimensions = wanted.dimensions.into_iter().map(|(name, value)| (name, Dimension::Text(value)));
    let alarm = Alarm {
        description: wanted.description,
        namespace: wanted.namespace,
        metric: wanted.metric,
        statistic: match wanted.statistic {
            spec::Statistic::Average => "Average",
            spec::Statistic::Sum => "Sum",
            spec::Statistic::Minimum => "Minimum",
            spec::Statistic::Maximum => "Maximum",
            spec::Statistic::SampleCount => "SampleCount",
        }
        .to_owned(),
        dimensions: dimensions.collect(),
        period_seconds: wanted.period_seconds.unwrap_or(60),
        periods: wanted.periods.unwrap_or(1),
        comparison: match wanted.comparison {
            spec::Comparison::GreaterThan => ABOVE,
            spec::Comparison::GreaterThanOrEqualTo => FROM,
            spec::Comparison::LessThan => BELOW,
            spec::Comparison::LessThanOrEqualTo => "LessThanOrEqualToThreshold",
        }
        .to_owned(),
        threshold: wanted.threshold,
        missing_data: match wanted.missing_data {
            spec::MissingData::Missing => MISSING,
            spec::MissingData::NotBreaching => FINE,
            spec::MissingData::Breaching => "breaching",
        }
        .to_owned(),
        alarm: vec![Notifies::Topic(topic.clone())],
        ok: vec![Notifies::Topic(topic.clone())],
        tags: build.tags(Alarm::KIND, &node, &name),
        name,
    };
    build.graph.add(COMPONENT, &build.region, node, alarm);
}
