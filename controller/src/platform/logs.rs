//! Log groups: made before whatever writes to them, encrypted with the logs key, and kept for as long as PCI DSS
//! 10.5.1 asks. A service that finds no group makes one without key and retention.

use payment_platform_api::spec::Engine;
use payment_platform_engine::{Ref, Region, Resource};

use super::encryption::Keys;
use super::{Build, HOME_OF_CLOUDFRONT, names};
use crate::aws::ecs::Cluster;
use crate::aws::kms::Key;
use crate::aws::logs::LogGroup;
use crate::aws::rds;

pub const COMPONENT: &str = "Logs";

/// The group that flow logs are delivered to.
pub fn flow_log_group(environment: &str) -> String {
    format!("/vpc/flow-logs/payment-{environment}")
}

/// The log groups that other components use.
pub struct LogGroups {
    pub flow_logs: Ref<LogGroup>,
    /// One for each log that the database exports.
    pub database: Vec<Ref<LogGroup>>,
    pub application: Ref<LogGroup>,
    pub container_insights: Ref<LogGroup>,
    pub web_acl: Ref<LogGroup>,
    /// In the region of CloudFront.
    pub cdn_web_acl: Option<Ref<LogGroup>>,
}

/// The group that the application's tasks write to.
pub fn application_group(environment: &str) -> String {
    format!("/ecs/payment-{environment}")
}

/// Adds the log groups of the application, the network and the database.
pub fn add(build: &mut Build<'_>, keys: &Keys) -> LogGroups {
    let env = build.env().to_owned();
    let (home, key) = (build.region.clone(), &keys.logs);
    let flow_logs = group(build, &home, key, flow_log_group(&env));
    let database = match build.platform.database.engine {
        Engine::AuroraPostgresql => vec![rds::log_group(&rds::Cluster::name(names::AURORA, &env))],
        Engine::Mysql => {
            let identifier = rds::MysqlInstance::name(names::MYSQL, &env);
            rds::MYSQL_LOGS.map(|log| rds::instance_log_group(&identifier, log)).to_vec()
        }
    };
    let database = database.into_iter().map(|name| group(build, &home, key, name)).collect();
    let application = group(build, &home, key, application_group(&env));
    let insights = format!("/aws/ecs/containerinsights/{}/performance", Cluster::name(&env));
    let container_insights = group(build, &home, key, insights);
    // AWS WAF writes to groups of such names only.
    let web_acl = group(build, &home, key, format!("aws-waf-logs-payment-{env}"));
    let cdn = Region::new(HOME_OF_CLOUDFRONT);
    let protected = build.platform.static_assets.web_acl;
    let cdn_web_acl = protected.then(|| group(build, &cdn, &keys.cdn_logs, format!("aws-waf-logs-payment-{env}-cdn")));
    LogGroups { flow_logs, database, application, container_insights, web_acl, cdn_web_acl }
}

fn group(build: &mut Build<'_>, region: &Region, key: &Ref<Key>, name: String) -> Ref<LogGroup> {
    let tags = build.tags_in(region, LogGroup::KIND, &name, &name);
    let retention_days = build.platform.log_retention_days;
    let group = LogGroup {
        name: name.clone(),
        retention_days,
        key: key.clone(),
        subscription_destinations: build.platform.subscription_destinations.clone(),
        tags,
    };
    build.graph.add(COMPONENT, region, name, group)
}
