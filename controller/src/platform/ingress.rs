//! Ingress: the load balancer, the only thing that the internet reaches (PCI DSS 1.3.1, 1.4.2), with HTTPS where there is a certificate
//! (4.2.1) and a record of each request (10.2.1).
//!
//! The order is AWS's: the bucket's policy before the access logs, the internet gateway before the load balancer, the listener
//! before the service whose tasks it forwards to; the web ACL is put in front of it once it is provisioned (6.4.2).

use payment_platform_engine::{NodeId, Ref, Resource};

use super::buckets::LogTarget;
use super::{Build, names, web_acl};
use crate::aws::ec2::{InternetGateway, SecurityGroup, Subnet, Vpc};
use crate::aws::elbv2::{Action, HealthCheck, Https, Listener, Listeners, LoadBalancer, TargetGroup};
use crate::aws::logs::LogGroup;
use crate::aws::wafv2::{AclScope, WebAclAssociation};

pub const COMPONENT: &str = "Ingress";

/// What the targets are, a part of the target group's name.
const TARGETS: &str = "ecs";

/// What the load balancer stands on.
pub struct Ground<'a> {
    pub vpc: &'a Ref<Vpc>,
    pub internet_gateway: &'a Ref<InternetGateway>,
    pub subnets: Vec<Ref<Subnet>>,
    pub security_group: Ref<SecurityGroup>,
    pub access_logs: &'a LogTarget,
    /// Of the web ACL.
    pub log_group: &'a Ref<LogGroup>,
}

/// What the application is reached by.
pub struct Ingress {
    pub load_balancer: Ref<LoadBalancer>,
    pub target_group: Ref<TargetGroup>,
    pub listeners: NodeId,
}

/// Adds load balancer, target group, listeners and web ACL.
pub fn add(build: &mut Build<'_>, ground: Ground<'_>) -> Ingress {
    let name = LoadBalancer::name(build.env());
    let load_balancer = LoadBalancer {
        tags: build.tags(LoadBalancer::KIND, names::ALB, &name),
        name,
        subnets: ground.subnets,
        security_group: ground.security_group,
        access_logs: ground.access_logs.bucket.clone(),
        deletion_protection: build.platform.database.deletion_protection,
    };
    let first = [ground.access_logs.policy.clone(), ground.internet_gateway.node().clone()];
    let load_balancer = build.graph.add_after(COMPONENT, &build.region, names::ALB, load_balancer, first);
    let target_group = target_group(build, ground.vpc);
    let listeners = listeners(build, &load_balancer, &target_group);
    let (region, waf) = (build.region.clone(), build.platform.ingress.waf.clone());
    let web_acl = web_acl::add(build, COMPONENT, &region, names::ALB, AclScope::Regional, &waf, ground.log_group);
    let association = WebAclAssociation { load_balancer: load_balancer.clone(), web_acl };
    build.graph.add(COMPONENT, &region, names::ALB, association);
    Ingress { load_balancer, target_group, listeners }
}

fn target_group(build: &mut Build<'_>, vpc: &Ref<Vpc>) -> Ref<TargetGroup> {
    let name = TargetGroup::name(TARGETS, build.env());
    let ingress = &build.platform.ingress;
    let group = TargetGroup {
        tags: build.tags(TargetGroup::KIND, TARGETS, &name),
        name,
        vpc: vpc.clone(),
        port: build.platform.compute.container_port,
        health_check: HealthCheck {
            path: ingress.health_check_path.clone(),
            codes: ingress.health_check_codes.clone(),
            interval_seconds: ingress.health_check_interval_seconds,
            timeout_seconds: ingress.health_check_timeout_seconds,
            healthy: ingress.healthy_threshold,
            unhealthy: ingress.unhealthy_threshold,
        },
        deregistration_delay_seconds: ingress.deregistration_delay_seconds,
    };
    build.graph.add(COMPONENT, &build.region, TARGETS, group)
}

fn listeners(build: &mut Build<'_>, balancer: &Ref<LoadBalancer>, group: &Ref<TargetGroup>) -> NodeId {
    let ingress = build.platform.ingress.clone();
    let forward = || Action::Forward(group.clone());
    let listeners = match ingress.certificate_arn {
        Some(certificate_arn) => {
            let https = Https {
                certificate_arn,
                ssl_policy: ingress.ssl_policy,
                strict_transport_security: ingress.strict_transport_security,
            };
            vec![
                Listener { port: 443, https: Some(https), action: forward() },
                Listener { port: 80, https: None, action: Action::RedirectToHttps },
            ]
        }
        None => vec![Listener { port: 80, https: None, action: forward() }],
    };
    let tags = build.tags(Listeners::KIND, names::ALB, &LoadBalancer::name(build.env()));
    let listeners = Listeners { load_balancer: balancer.clone(), listeners, tags };
    build.graph.add(COMPONENT, &build.region, names::ALB, listeners).node().clone()
}
