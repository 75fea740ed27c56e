//! The dashboard of the platform: load, answers and room to grow of the application, its database, and what stands in front of them.

use std::collections::BTreeMap;

use payment_platform_api::spec::Engine;
use payment_platform_engine::{Ref, Region, Resource};

use super::ingress::Ingress;
use super::monitoring::COMPONENT;
use super::{Build, HOME_OF_CLOUDFRONT, names};
use crate::aws::cloudfront::Distribution;
use crate::aws::cloudwatch::{Dashboard, Dimension, Metric, Widget};
use crate::aws::wafv2::WebAcl;
use crate::aws::{ecs, rds};

/// Name, statistic and dimensions of the metrics of one diagram.
type Lines<'a> = &'a [(&'a str, &'a str, &'a BTreeMap<String, Dimension>)];

/// Adds the dashboard.
pub fn add(build: &mut Build<'_>, ingress: &Ingress, distribution: &Ref<Distribution>) {
    let env = build.env().to_owned();
    let home = build.region.clone();
    let text = |name: &str, value: String| (name.to_owned(), Dimension::Text(value));
    let balancer = ("LoadBalancer".to_owned(), Dimension::LoadBalancer(ingress.load_balancer.clone()));
    let targets = ("TargetGroup".to_owned(), Dimension::TargetGroup(ingress.target_group.clone()));
    let of_balancer = BTreeMap::from([balancer.clone()]);
    let of_targets = BTreeMap::from([balancer, targets]);
    let of_service =
        BTreeMap::from([text("ClusterName", ecs::Cluster::name(&env)), text("ServiceName", ecs::Service::name(&env))]);
    let of_database = BTreeMap::from([match build.platform.database.engine {
        Engine::AuroraPostgresql => text("DBClusterIdentifier", rds::Cluster::name(names::AURORA, &env)),
        Engine::Mysql => text("DBInstanceIdentifier", rds::MysqlInstance::name(names::MYSQL, &env)),
    }]);
    let of_web_acl = BTreeMap::from([
        text("WebACL", WebAcl::name(names::ALB, &env)),
        text("Region", home.to_string()),
        text("Rule", "ALL".to_owned()),
    ]);
    let of_distribution = BTreeMap::from([
        ("DistributionId".to_owned(), Dimension::Distribution(distribution.clone())),
        text("Region", "Global".to_owned()),
    ]);
    let diagram = |title: &str, region: &Region, namespace: &str, lines: Lines<'_>| Widget {
        title: title.to_owned(),
        region: region.clone(),
        metrics: lines
            .iter()
            .map(|(metric, statistic, dimensions)| Metric {
                namespace: namespace.to_owned(),
                metric: (*metric).to_owned(),
                statistic: (*statistic).to_owned(),
                dimensions: (*dimensions).clone(),
            })
            .collect(),
    };
    let balancers = "AWS/ApplicationELB";
    let widgets = vec![
        diagram(
            "Requests",
            &home,
            balancers,
            &[
                ("RequestCount", "Sum", &of_balancer),
                ("HTTPCode_Target_5XX_Count", "Sum", &of_balancer),
                ("HTTPCode_ELB_5XX_Count", "Sum", &of_balancer),
            ],
        ),
        diagram(
            "Seconds until the answer",
            &home,
            balancers,
            &[("TargetResponseTime", "Average", &of_balancer), ("TargetResponseTime", "p99", &of_balancer)],
        ),
        diagram(
            "Tasks behind the load balancer",
            &home,
            balancers,
            &[("HealthyHostCount", "Minimum", &of_targets), ("UnHealthyHostCount", "Maximum", &of_targets)],
        ),
        diagram(
            "Tasks, percent in use",
            &home,
            "AWS/ECS",
            &[("CPUUtilization", "Average", &of_service), ("MemoryUtilization", "Average", &of_service)],
        ),
        diagram("Database, percent of CPU in use", &home, "AWS/RDS", &[("CPUUtilization", "Average", &of_database)]),
        diagram("Connections to the database", &home, "AWS/RDS", &[("DatabaseConnections", "Average", &of_database)]),
        diagram(
            "Requests that the web ACL judged",
            &home,
            "AWS/WAFV2",
            &[("AllowedRequests", "Sum", &of_web_acl), ("BlockedRequests", "Sum", &of_web_acl)],
        ),
        diagram(
            "Static assets",
            &Region::new(HOME_OF_CLOUDFRONT),
            "AWS/CloudFront",
            &[("Requests", "Sum", &of_distribution), ("TotalErrorRate", "Average", &of_distribution)],
        ),
    ];
    let (global, name) = (Region::global(), Dashboard::name(&env));
    let dashboard = Dashboard { widgets, tags: build.tags_in(&global, Dashboard::KIND, names::DASHBOARD, &name), name };
    build.graph.add(COMPONENT, &global, names::DASHBOARD, dashboard);
}
