//! Log groups: made before whatever writes to them, encrypted with the logs key, and kept for as long as PCI DSS
//! 10.5.1 asks. A service that finds no group makes one without key and retention.

use payment_platform_engine::{Ref, Resource};

use super::Build;
use super::encryption::Keys;
use crate::aws::logs::LogGroup;

pub const COMPONENT: &str = "Logs";

/// The group that flow logs are delivered to.
pub fn flow_log_group(environment: &str) -> String {
    format!("/vpc/flow-logs/payment-{environment}")
}

/// Adds the log groups of the application, the network and the database; the network's is what flow logs write to.
pub fn add(build: &mut Build<'_>, keys: &Keys) -> Ref<LogGroup> {
    let env = build.env().to_owned();
    let flow_logs = group(build, keys, flow_log_group(&env));
    let names = [
        format!("/ecs/payment-{env}"),
        format!("/aws/rds/cluster/aurora-payment-{env}/postgresql"),
        format!("/aws/ecs/containerinsights/ecs-payment-cluster-{env}/performance"),
    ];
    for name in names {
        group(build, keys, name);
    }
    flow_logs
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
