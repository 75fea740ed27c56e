//! What a platform is made of: one file per component, in the order in which they use each other.

mod encryption;
mod logs;
mod network;
mod security_groups;

use payment_platform_api::Platform;
use payment_platform_engine::{Graph, NodeId, Owner, Region};

use crate::aws::Aws;
use crate::aws::tags::Tags;

/// The components, as they stand in conditions (`NetworkReady`) and graphs.
pub const COMPONENTS: [&str; 4] =
    [encryption::COMPONENT, network::COMPONENT, security_groups::COMPONENT, logs::COMPONENT];

/// The nodes whose outputs stand in `status.outputs`; `network` knows those of each zone.
pub mod names {
    pub const VPC: &str = "main";
    pub const APP_KEY: &str = "app";
    pub const S3_KEY: &str = "s3";
    pub const LOGS_KEY: &str = "logs";
    pub const ALB: &str = "alb";
    pub const ECS_TASKS: &str = "ecs-tasks";
    pub const AURORA: &str = "aurora";
}

/// Everything that the platform wants to exist. Pure.
pub fn desired(platform: &Platform, owner: &Owner) -> Graph<Aws> {
    let mut build = Build { platform, owner, region: Region::new(&platform.region), graph: Graph::default() };
    let keys = encryption::add(&mut build);
    let vpc = network::add(&mut build);
    security_groups::add(&mut build, &vpc);
    logs::add(&mut build, &keys);
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
        let id = NodeId::new(&self.region, kind, node);
        Tags::new(&self.platform.tags, &self.platform.retired_tag_keys, self.owner, &id, name)
    }

    fn env(&self) -> &str {
        &self.platform.environment
    }
}

#[cfg(test)]
mod tests;
