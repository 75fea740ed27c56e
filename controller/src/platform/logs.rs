//! Log groups: made before whatever writes to them, encrypted with the logs key, and kept for as long as PCI DSS
//! 10.5.1 asks. A service that finds no group makes one without key and retention.

use payment_platform_engine::Resource;

use super::Build;
use super::encryption::Keys;
use crate::aws::logs::LogGroup;

pub const COMPONENT: &str = "Logs";

/// Adds the log groups of the application, the network and the database.
pub fn add(build: &mut Build<'_>, keys: &Keys) {
    let env = build.env().to_owned();
    let names = [
        format!("/ecs/payment-{env}"),
        format!("/vpc/flow-logs/payment-{env}"),
        format!("/aws/rds/cluster/aurora-payment-{env}/postgresql"),
        format!("/aws/ecs/containerinsights/ecs-payment-cluster-{env}/performance"),
    ];
    for name in names {
        let tags = build.tags(LogGroup::KIND, &name, &name);
        let retention_days = build.platform.log_retention_days;
        let group = LogGroup { name: name.clone(), retention_days, key: keys.logs.clone(), tags };
        build.graph.add(COMPONENT, &build.region, name, group);
    }
}
