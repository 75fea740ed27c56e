//! Log groups: made before whatever writes to them, encrypted with the logs key, and kept for as long as PCI DSS
//! 10.5.1 asks. A service that finds no group makes one without key and retention.

use payment_platform_api::spec::Engine;
use payment_platform_engine::{Ref, Resource};

use super::encryption::Keys;
use super::{Build, names};
use crate::aws::ecs::Cluster;
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
}

/// The group that the application's tasks write to.
pub fn application_group(environment: &str) -> String {
    format!("/ecs/payment-{environment}")
}

/// Adds the log groups of the application, the network and the database.
pub fn add(build: &mut Build<'_>, keys: &Keys) -> LogGroups {
    let env = build.env().to_owned();
    let flow_logs = group(build, keys, flow_log_group(&env));
    let database = match build.platform.database.engine {
        Engine::AuroraPostgresql => vec![rds::log_group(&rds::Cluster::name(names::AURORA, &env))],
        Engine::Mysql => {
            let identifier = rds::MysqlInstance::name(names::MYSQL, &env);
            rds::MYSQL_LOGS.map(|log| rds::instance_log_group(&identifier, log)).to_vec()
        }
    };
    let database = database.into_iter().map(|name| group(build, keys, name)).collect();
    let application = group(build, keys, application_group(&env));
    let insights = format!("/aws/ecs/containerinsights/{}/performance", Cluster::name(&env));
    let container_insights = group(build, keys, insights);
    LogGroups { flow_logs, database, application, container_insights }
}

fn group(build: &mut Build<'_>, keys: &Keys, name: String) -> Ref<LogGroup> {
    let tags = build.tags(LogGroup::KIND, &name, &name);
    let retention_days = build.platform.log_retention_days;
    let group = LogGroup {
        name: name.clone(),
        retention_days,
        key: keys.logs.clone(),
        subscription_destinations: build.platform.subscription_destinations.clone(),
        tags,
    };
    build.graph.add(COMPONENT, &build.region, name, group)
}
