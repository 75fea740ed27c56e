//! Security groups: each part of the application talks to its neighbour and to nobody else (PCI DSS 1.2.5, 1.3.1,
//! 1.3.2). The VPC's default group lets nothing in or out, so that what is launched without a group is alone.

use payment_platform_api::spec::{self, ExtraRule, Protocol};
use payment_platform_engine::{Ref, Resource};

use super::{Build, canonical, names};
use crate::aws::ec2::{Direction, Peer, Rule, SecurityGroup, SecurityGroupRules, Vpc};

pub const COMPONENT: &str = "SecurityGroups";

const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// The groups that other components use.
pub struct Groups {
    pub alb: Ref<SecurityGroup>,
    pub ecs_tasks: Ref<SecurityGroup>,
    pub aurora: Ref<SecurityGroup>,
    pub vpc_endpoints: Ref<SecurityGroup>,
}

/// Adds all groups, then all rule sets: rules name groups in both directions.
pub fn add(build: &mut Build<'_>, vpc: &Ref<Vpc>) -> Groups {
    let app = build.platform.compute.container_port;
    let database = build.platform.database_port;
    let alb = group(build, vpc, names::ALB, "Load balancer");
    let tasks = group(build, vpc, names::ECS_TASKS, "Application tasks");
    let aurora = group(build, vpc, names::AURORA, "Database");
    let endpoints = group(build, vpc, "vpc-endpoints", "VPC endpoints");
    let rotation = build.platform.rotation.then(|| group(build, vpc, "rotation", "Credential rotation"));
    let default = default_group(build, vpc);

    let mut alb_rules = vec![Rule::egress(app, Peer::Group(tasks.clone()), "Requests to the application")];
    for range in build.platform.ingress.allowed_cidrs.clone() {
        alb_rules.push(Rule::ingress(HTTP, Peer::Fixed(range.to_string()), "HTTP from clients, redirected to HTTPS"));
        alb_rules.push(Rule::ingress(HTTPS, Peer::Fixed(range.to_string()), "HTTPS from clients"));
    }
    rules(build, &alb, alb_rules);
    let outside = match build.platform.s3_prefix_list.clone() {
        None => Rule::egress(HTTPS, Peer::Fixed("0.0.0.0/0".to_owned()), "HTTPS to the internet"),
        // The layers of images in ECR are objects.
        Some(list) => Rule::egress(HTTPS, Peer::Fixed(list), "S3 through its endpoint"),
    };
    rules(
        build,
        &tasks,
        vec![
            Rule::ingress(app, Peer::Group(alb.clone()), "Requests from the load balancer"),
            outside,
            Rule::egress(database, Peer::Group(aurora.clone()), "Queries to the database"),
            Rule::egress(HTTPS, Peer::Group(endpoints.clone()), "AWS services through the VPC endpoints"),
        ],
    );
    let mut aurora_rules = vec![Rule::ingress(database, Peer::Group(tasks.clone()), "Queries from the application")];
    let mut endpoint_rules = vec![Rule::ingress(HTTPS, Peer::Group(tasks.clone()), "AWS services for the application")];
    if let Some(rotation) = &rotation {
        let peer = || Peer::Group(rotation.clone());
        aurora_rules.push(Rule::ingress(database, peer(), "Password changes by credential rotation"));
        endpoint_rules.push(Rule::ingress(HTTPS, peer(), "AWS services for credential rotation"));
    }
    rules(build, &aurora, aurora_rules);
    rules(build, &endpoints, endpoint_rules);
    if let Some(rotation) = &rotation {
        let out = vec![
            Rule::egress(database, Peer::Group(aurora.clone()), "Password changes in the database"),
            Rule::egress(HTTPS, Peer::Group(endpoints.clone()), "AWS services through the VPC endpoints"),
        ];
        rules(build, rotation, out);
    }
    rules(build, &default, Vec::new());
    Groups { alb, ecs_tasks: tasks, aurora, vpc_endpoints: endpoints }
}

fn group(build: &mut Build<'_>, vpc: &Ref<Vpc>, node: &str, purpose: &str) -> Ref<SecurityGroup> {
    let tags = build.tags(SecurityGroup::KIND, node, &SecurityGroup::name(node, build.env()));
    let group = SecurityGroup {
        vpc: vpc.clone(),
        // Without the prefix sg-, which EC2 refuses.
        group_name: format!("{node}-payment-{}", build.env()),
        description: format!("{purpose} of payment environment {}", build.env()),
        tags,
    };
    build.graph.add(COMPONENT, &build.region, node, group)
}

fn default_group(build: &mut Build<'_>, vpc: &Ref<Vpc>) -> Ref<SecurityGroup> {
    let tags = build.tags(SecurityGroup::KIND, "default", &SecurityGroup::name("default", build.env()));
    // EC2's own description of a default group, which cannot be changed.
    let description = "default VPC security group".to_owned();
    let group = SecurityGroup { vpc: vpc.clone(), group_name: "default".to_owned(), description, tags };
    build.graph.add(COMPONENT, &build.region, "default", group)
}

/// The rules of a group, with those that the spec adds.
fn rules(build: &mut Build<'_>, group: &Ref<SecurityGroup>, mut rules: Vec<Rule>) {
    let node = group.node().name.clone();
    rules.extend(build.platform.extra_rules.get(&node).into_iter().flatten().map(extra));
    let tags = build.tags(SecurityGroupRules::KIND, &node, &SecurityGroup::name(&node, build.env()));
    build.graph.add(COMPONENT, &build.region, node, SecurityGroupRules { group: group.clone(), rules, tags });
}

fn extra(rule: &ExtraRule) -> Rule {
    let protocol = match rule.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
        Protocol::All => "-1",
    };
    Rule {
        direction: match rule.direction {
            spec::Direction::Ingress => Direction::Ingress,
            spec::Direction::Egress => Direction::Egress,
        },
        protocol: protocol.to_owned(),
        ports: rule.from_port.map(|from| (from, rule.to_port.unwrap_or(from))),
        peer: Peer::Fixed(canonical(&rule.peer)),
        description: rule.description.clone(),
    }
}
