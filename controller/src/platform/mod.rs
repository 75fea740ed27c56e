//! What a platform is made of: one file per component, in the order in which they use each other.

mod access_logs;
mod buckets;
mod compute;
mod dashboard;
mod database;
mod encryption;
mod flow_logs;
mod ingress;
mod logs;
mod monitoring;
mod mysql;
mod network;
mod security_groups;
mod static_assets;
mod vpc_endpoints;
mod web_acl;

use ipnet::IpNet;
use payment_platform_api::Platform;
use payment_platform_engine::{Graph, NodeId, Owner, Region};

pub use vpc_endpoints::{INTERFACES, service_name};

use crate::aws::Aws;
use crate::aws::tags::Tags;

/// The components, as they stand in conditions (`NetworkReady`) and graphs.
pub const COMPONENTS: [&str; 12] = [
    encryption::COMPONENT,
    network::COMPONENT,
    security_groups::COMPONENT,
    logs::COMPONENT,
    access_logs::COMPONENT,
    flow_logs::COMPONENT,
    vpc_endpoints::COMPONENT,
    monitoring::COMPONENT,
    database::COMPONENT,
    static_assets::COMPONENT,
    ingress::COMPONENT,
    compute::COMPONENT,
];

/// Where CloudFront has its web ACLs, certificates and log deliveries, wherever the platform is.
const HOME_OF_CLOUDFRONT: &str = "us-east-1";

/// The nodes whose outputs stand in `status.outputs`; `network` knows those of each zone.
pub mod names {
    pub const VPC: &str = "main";
    pub const APP_KEY: &str = "app";
    pub const S3_KEY: &str = "s3";
    pub const LOGS_KEY: &str = "logs";
    pub const FLOW_LOGS: &str = super::flow_logs::PURPOSE;
    pub const ALB: &str = "alb";
    pub const ECS_TASKS: &str = "ecs-tasks";
    pub const AURORA: &str = "aurora";
    pub const AURORA_PASSWORD: &str = "aurora-password";
    pub const MYSQL: &str = "mysql";
    pub const MYSQL_PASSWORD: &str = "mysql-password";
    pub const ALERTS: &str = "alerts";
    pub const APP: &str = "app";
    pub const STATIC: &str = "static";
    pub const CDN: &str = "cdn";
    pub const DASHBOARD: &str = "platform";
}

/// Everything that the platform wants to exist. Pure.
pub fn desired(platform: &Platform, owner: &Owner) -> Graph<Aws> {
    let mut build = Build { platform, owner, region: Region::new(&platform.region), graph: Graph::default() };
    let keys = encryption::add(&mut build);
    let network = network::add(&mut build);
    let groups = security_groups::add(&mut build, &network.vpc);
    let log_groups = logs::add(&mut build, &keys);
    let access_logs = access_logs::add(&mut build);
    flow_logs::add(&mut build, &network.vpc, &keys, &log_groups.flow_logs, &access_logs);
    vpc_endpoints::add(&mut build, &network, &groups.vpc_endpoints);
    let topics = monitoring::add(&mut build, &keys);
    let ground = database::Ground {
        keys: &keys,
        subnets: network.database_subnets,
        security_group: groups.aurora,
        log_groups: log_groups.database,
        topic: &topics.home,
    };
    let database = database::add(&mut build, ground);
    let assets = static_assets::add(&mut build, &keys, &access_logs, log_groups.cdn_web_acl.as_ref());
    let ground = ingress::Ground {
        vpc: &network.vpc,
        internet_gateway: &network.internet_gateway,
        subnets: network.public_subnets,
        security_group: groups.alb,
        access_logs: &access_logs,
        log_group: &log_groups.web_acl,
    };
    let ingress = ingress::add(&mut build, ground);
    let ground = compute::Ground {
        keys: &keys,
        subnets: network.private_subnets,
        security_group: groups.ecs_tasks,
        log_group: log_groups.application,
        container_insights: log_groups.container_insights,
        needs: [assets.bucket.node().clone()].into_iter().chain(database.ready).collect(),
        database: database.endpoint,
        login: database.login,
        ingress: &ingress,
    };
    compute::add(&mut build, ground);
    monitoring::alarms(&mut build, &topics, &ingress);
    dashboard::add(&mut build, &ingress, &assets.distribution);
    build.graph
}

/// What every component builds with.
struct Build<'a> {
    platform: &'a Platform,
    owner: &'a Owner,
    region: Region,
    graph: Graph<Aws>,
}

impl Build<'_> {
    /// The tags of one node, `name` being the value of the tag `Name`.
    fn tags(&self, kind: &str, node: &str, name: &str) -> Tags {
        self.tags_in(&self.region, kind, node, name)
    }

    /// The same for a node of another region than the platform's.
    fn tags_in(&self, region: &Region, kind: &str, node: &str, name: &str) -> Tags {
        let id = NodeId::new(region, kind, node);
        Tags::new(&self.platform.tags, &self.platform.retired_tag_keys, self.owner, &id, name)
    }

    fn env(&self) -> &str {
        &self.platform.environment
    }
}

/// A range as EC2 writes it (IPv6 in lower case and shortened); groups and prefix lists as they are.
fn canonical(peer: &str) -> String {
    peer.parse::<IpNet>().map_or_else(|_| peer.to_owned(), |range| range.trunc().to_string())
}

#[cfg(test)]
mod tests;
