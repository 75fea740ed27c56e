//! The application: load balancer, ECS, autoscaling, and the alarm that sets it going.

use anyhow::Context;
use aws_sdk_applicationautoscaling::types as scaling;
use aws_sdk_cloudwatch::types as watch;
use aws_sdk_ecs::types as ecs;
use aws_sdk_elasticloadbalancingv2::types as elb;
use futures::FutureExt;

use super::How::{Added, Changed, Removed};
use super::{Row, Scene, Waiver, waived};

const FIXED: &str = "AWS has no operation that changes it; a name is another thing";
const KEYS: &str = "AWS decides which attributes there are";
const NONE: &str = "none are wanted";
const REVISION: &str = "a revision never changes; another one that the service runs is seen there";
const ATTACHED: &str = "a second target group belongs to a load balancer of somebody else";

pub const WAIVERS: &[Waiver] = &[
    waived("autoscaling/policies", "policies.*.kind", Changed, "of a name for life: with another it is another policy"),
    waived("autoscaling/policies", "resource_id", Changed, FIXED),
    waived("autoscaling/target", "resource_id", Changed, FIXED),
    waived("cloudwatch/alarm", "insufficient_data.*", Removed, NONE),
    waived("cloudwatch/alarm", "name", Changed, FIXED),
    waived("cloudwatch/alarm", "ok.*", Removed, NONE),
    waived("ecs/cluster", "capacity_providers.*", Added, "it takes an Auto Scaling group of EC2 instances"),
    waived("ecs/cluster", "name", Changed, FIXED),
    waived("ecs/service", "cluster", Changed, FIXED),
    waived("ecs/service", "foreign_targets.*", Removed, NONE),
    waived("ecs/service", "name", Changed, FIXED),
    waived("ecs/service", "retry_due", Changed, "what has failed is tried again: no drift"),
    waived("ecs/service", "target_groups.*", Added, ATTACHED),
    waived("ecs/service", "target_groups.*", Changed, ATTACHED),
    waived("ecs/task-definition", "definition.**", Added, REVISION),
    waived("ecs/task-definition", "definition.**", Changed, REVISION),
    waived("ecs/task-definition", "definition.**", Removed, REVISION),
    waived("ecs/task-definition", "family", Changed, FIXED),
    waived("elbv2/listeners", "load_balancer_arn", Changed, FIXED),
    waived("elbv2/load-balancer", "attributes.*", Added, KEYS),
    waived("elbv2/load-balancer", "attributes.*", Removed, KEYS),
    waived("elbv2/load-balancer", "ip_address_type", Changed, "it takes IPv6 ranges of the subnets, which are drift"),
    waived("elbv2/load-balancer", "name", Changed, FIXED),
    waived("elbv2/load-balancer", "scheme", Changed, FIXED),
    waived("elbv2/target-group", "attributes.*", Added, KEYS),
    waived("elbv2/target-group", "attributes.*", Removed, KEYS),
    waived("elbv2/target-group", "health_check.enabled", Changed, "AWS refuses it for targets by address"),
    waived("elbv2/target-group", "name", Changed, FIXED),
    waived("elbv2/target-group", "port", Changed, FIXED),
    waived("elbv2/target-group", "protocol", Changed, FIXED),
    waived("elbv2/target-group", "target_type", Changed, FIXED),
    waived("elbv2/target-group", "vpc_id", Changed, FIXED),
];

const BALANCER: &str = "elbv2/load-balancer/alb";
const LISTENERS: &str = "elbv2/listeners/alb";
const TARGETS: &str = "elbv2/target-group/ecs";
const CLUSTER: &str = "ecs/cluster/app";
const DEFINITION: &str = "ecs/task-definition/app";
const SERVICE: &str = "ecs/service/app";
const TARGET: &str = "autoscaling/target/app";
const POLICIES: &str = "autoscaling/policies/app";
const ALARM: &str = "cloudwatch/alarm/request-burst";

pub const ROWS: &[Row] = &[
    Row::new(BALANCER, &[("security_groups.*", Added), ("security_groups.*", Removed)], |scene| {
        let call = scene.aws.elb.set_security_groups().load_balancer_arn(&scene.id);
        let group = scene.id_of("ec2/security-group/aurora").map(str::to_owned);
        async move { Ok(call.security_groups(group?).send().await.map(drop)?) }.boxed()
    }),
    Row::new(BALANCER, &[("subnets.*", Added), ("subnets.*", Removed)], |scene| moved(scene).boxed()),
    Row::new(BALANCER, &[("attributes.*", Changed)], |scene| {
        let set = |key: &str, value: &str| elb::LoadBalancerAttribute::builder().key(key).value(value).build();
        let call = scene.aws.elb.modify_load_balancer_attributes().load_balancer_arn(&scene.id);
        let call = call.attributes(set("access_logs.s3.enabled", "false"));
        let call = call.attributes(set("routing.http.drop_invalid_header_fields.enabled", "false"));
        let call = call.attributes(set("routing.http.desync_mitigation_mode", "monitor"));
        let call = call.attributes(set("routing.http.xff_client_port.enabled", "true"));
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(BALANCER, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene, scene.id.clone()).boxed()),
    Row::new(
        TARGETS,
        &[
            ("health_check.protocol", Changed),
            ("health_check.port", Changed),
            ("health_check.path", Changed),
            ("health_check.codes", Changed),
            ("health_check.interval_seconds", Changed),
            ("health_check.timeout_seconds", Changed),
            ("health_check.healthy", Changed),
            ("health_check.unhealthy", Changed),
            ("attributes.*", Changed),
        ],
        |scene| checked_otherwise(scene).boxed(),
    ),
    Row::new(TARGETS, &[("tags.*", Changed), ("tags.*", Removed)], |scene| tagged(scene, scene.id.clone()).boxed()),
    Row::new(LISTENERS, &[("listeners.*", Added)], |scene| opened(scene).boxed()),
    Row::new(LISTENERS, &[("listeners.*", Removed)], |scene| {
        async {
            let listener = listener(scene, 80).await?;
            Ok(scene.aws.elb.delete_listener().listener_arn(listener).send().await.map(drop)?)
        }
        .boxed()
    }),
    Row::new(
        LISTENERS,
        &[
            ("listeners.*.protocol", Changed),
            ("listeners.*.ssl_policy", Changed),
            ("listeners.*.certificate_arn", Changed),
            ("listeners.*.mutual_authentication", Changed),
            ("listeners.*.action", Changed),
        ],
        |scene| plain(scene).boxed(),
    ),
    Row::new(LISTENERS, &[("listeners.*.further_certificates", Changed)], |scene| certified(scene).boxed()),
    Row::new(LISTENERS, &[("listeners.*.rules.*", Changed)], |scene| ruled(scene).boxed()),
    Row::new(LISTENERS, &[("listeners.*.attributes.*", Changed)], |scene| {
        async {
            let header = "routing.http.response.strict_transport_security.header_value";
            let header = elb::ListenerAttribute::builder().key(header).value("max-age=1").build();
            let origin = "routing.http.response.access_control_allow_origin.header_value";
            let origin = elb::ListenerAttribute::builder().key(origin).value("*").build();
            let call = scene.aws.elb.modify_listener_attributes().listener_arn(listener(scene, 443).await?);
            Ok(call.attributes(header).attributes(origin).send().await.map(drop)?)
        }
        .boxed()
    }),
    Row::new(LISTENERS, &[("listeners.*.tags.*", Changed)], |scene| {
        async { tagged(scene, listener(scene, 443).await?).await }.boxed()
    }),
    Row::new(
        CLUSTER,
        &[
            ("container_insights", Changed),
            ("storage_key_id", Changed),
            ("capacity_providers.*", Removed),
            ("default_strategy.*", Added),
            ("default_strategy.*", Removed),
        ],
        |scene| other_cluster(scene).boxed(),
    ),
    Row::new(CLUSTER, &[("default_strategy.*", Changed)], |scene| {
        async {
            let weight = ecs::CapacityProviderStrategyItem::builder().capacity_provider("FARGATE").weight(7).build()?;
            let call = scene.aws.ecs.put_cluster_capacity_providers().cluster(&scene.id);
            let call = call.capacity_providers("FARGATE").capacity_providers("FARGATE_SPOT");
            Ok(call.default_capacity_provider_strategy(weight).send().await.map(drop)?)
        }
        .boxed()
    }),
    Row::new(CLUSTER, &[("tags.*", Changed), ("tags.*", Removed)], |scene| ecs_tags(scene).boxed()),
    Row::new(DEFINITION, &[("tags.*", Changed), ("tags.*", Removed)], |scene| ecs_tags(scene).boxed()),
    Row::new(
        SERVICE,
        &[
            ("task_definition", Changed),
            ("desired", Changed),
            ("launched_by.*", Added),
            ("launched_by.*", Removed),
            ("platform_version", Changed),
            ("subnets.*", Added),
            ("subnets.*", Removed),
            ("security_groups.*", Added),
            ("security_groups.*", Removed),
            ("public_ip", Changed),
            ("minimum_healthy_percent", Changed),
            ("maximum_percent", Changed),
            ("circuit_breaker", Changed),
            ("rollback", Changed),
            ("grace_seconds", Changed),
            ("exec", Changed),
            ("managed_tags", Changed),
            ("tags_from", Changed),
            ("zone_rebalancing", Changed),
            ("sets_more", Changed),
        ],
        |scene| other_service(scene).boxed(),
    ),
    Row::new(SERVICE, &[("target_groups.*", Removed)], |scene| {
        let call = scene.aws.ecs.update_service().cluster(cluster(&scene.id)).service(&scene.id);
        async move { Ok(call.set_load_balancers(Some(Vec::new())).send().await.map(drop)?) }.boxed()
    }),
    Row::new(SERVICE, &[("foreign_targets.*", Added)], |scene| {
        let target = elb::TargetDescription::builder().id("10.0.11.250").port(8080).build();
        let call = scene.aws.elb.register_targets().targets(target);
        let group = scene.id_of(TARGETS).map(str::to_owned);
        async move { Ok(call.target_group_arn(group?).send().await.map(drop)?) }.boxed()
    }),
    Row::new(SERVICE, &[("tags.*", Changed), ("tags.*", Removed)], |scene| ecs_tags(scene).boxed()),
    Row::new(
        TARGET,
        &[
            ("fewest", Changed),
            ("most", Changed),
            ("suspended.scaling_in", Changed),
            ("suspended.scaling_out", Changed),
            ("suspended.scheduled", Changed),
        ],
        |scene| unbounded(scene).boxed(),
    ),
    Row::new(TARGET, &[("tags.*", Changed), ("tags.*", Removed)], |scene| {
        async {
            let scaling = &scene.aws.autoscaling;
            scaling.tag_resource().resource_arn(&scene.id).tags("Owner", "somebody").send().await?;
            let call = scaling.untag_resource().resource_arn(&scene.id).tag_keys("Compliance");
            Ok(call.send().await.map(drop)?)
        }
        .boxed()
    }),
    Row::new(POLICIES, &[("policies.*", Added), ("policies.*", Removed)], |scene| other_policies(scene).boxed()),
    Row::new(
        POLICIES,
        &[
            ("policies.*.target_value", Changed),
            ("policies.*.out_cooldown", Changed),
            ("policies.*.in_cooldown", Changed),
            ("policies.*.never_in", Changed),
            ("policies.*.adjustment", Changed),
            ("policies.*.at_least", Changed),
            ("policies.*.cooldown", Changed),
            ("policies.*.aggregation", Changed),
            ("policies.*.steps.*", Changed),
        ],
        |scene| lazy_policies(scene).boxed(),
    ),
    Row::new(POLICIES, &[("policies.*.metric", Changed), ("policies.*.label", Changed)], |scene| {
        policy_of_cpu(scene).boxed()
    }),
    Row::new(
        ALARM,
        &[
            ("description", Changed),
            ("namespace", Changed),
            ("metric", Changed),
            ("statistic", Changed),
            ("dimensions.*", Added),
            ("dimensions.*", Removed),
            ("dimensions.*", Changed),
            ("period_seconds", Changed),
            ("periods", Changed),
            ("datapoints", Changed),
            ("comparison", Changed),
            ("threshold", Changed),
            ("missing_data", Changed),
            ("actions_enabled", Changed),
            ("alarm.*", Added),
            ("alarm.*", Removed),
            ("ok.*", Added),
            ("insufficient_data.*", Added),
            ("sets_more", Changed),
        ],
        |scene| other_alarm(scene).boxed(),
    ),
    Row::new(ALARM, &[("tags.*", Changed), ("tags.*", Removed)], |scene| {
        async {
            let tag = watch::Tag::builder().key("Owner").value("somebody").build();
            scene.aws.cloudwatch.tag_resource().resource_arn(&scene.id).tags(tag).send().await?;
            let call = scene.aws.cloudwatch.untag_resource().resource_arn(&scene.id).tag_keys("Compliance");
            Ok(call.send().await.map(drop)?)
        }
        .boxed()
    }),
];

async fn moved(scene: &Scene<'_>) -> anyhow::Result<()> {
    let call = scene.aws.elb.set_subnets().load_balancer_arn(&scene.id);
    let call = call.subnets(scene.id_of("ec2/subnet/private-us-east-1a")?);
    call.subnets(scene.id_of("ec2/subnet/private-us-east-1b")?).send().await?;
    Ok(())
}

/// Of anything of Elastic Load Balancing.
async fn tagged(scene: &Scene<'_>, arn: String) -> anyhow::Result<()> {
    let owner = elb::Tag::builder().key("Owner").value("somebody").build();
    scene.aws.elb.add_tags().resource_arns(&arn).tags(owner).send().await?;
    scene.aws.elb.remove_tags().resource_arns(arn).tag_keys("Compliance").send().await?;
    Ok(())
}

async fn checked_otherwise(scene: &Scene<'_>) -> anyhow::Result<()> {
    let call = scene.aws.elb.modify_target_group().target_group_arn(&scene.id).health_check_path("/elsewhere");
    let call = call.health_check_protocol(elb::ProtocolEnum::Https).health_check_port("8443");
    let call = call.matcher(elb::Matcher::builder().http_code("200-499").build());
    let call = call.health_check_interval_seconds(300).health_check_timeout_seconds(120);
    call.healthy_threshold_count(10).unhealthy_threshold_count(10).send().await?;
    let sticky = elb::TargetGroupAttribute::builder().key("stickiness.enabled").value("true").build();
    let call = scene.aws.elb.modify_target_group_attributes().target_group_arn(&scene.id);
    call.attributes(sticky).send().await?;
    Ok(())
}

/// ARN of the listener on a port.
async fn listener(scene: &Scene<'_>, port: i32) -> anyhow::Result<String> {
    let balancer = scene.id_of(BALANCER)?;
    let all = scene.aws.elb.describe_listeners().load_balancer_arn(balancer).send().await?;
    let found = all.listeners.unwrap_or_default().into_iter().find(|listener| listener.port == Some(port));
    found.and_then(|listener| listener.listener_arn).context("no such listener")
}

fn answer(code: &str) -> anyhow::Result<elb::Action> {
    let answer = elb::FixedResponseActionConfig::builder().status_code(code).build();
    Ok(elb::Action::builder().r#type(elb::ActionTypeEnum::FixedResponse).fixed_response_config(answer).build())
}

async fn opened(scene: &Scene<'_>) -> anyhow::Result<()> {
    let call = scene.aws.elb.create_listener().load_balancer_arn(scene.id_of(BALANCER)?).port(8080);
    let group = scene.id_of(TARGETS)?;
    let forward = elb::Action::builder().r#type(elb::ActionTypeEnum::Forward).target_group_arn(group).build();
    call.protocol(elb::ProtocolEnum::Http).default_actions(forward).send().await?;
    Ok(())
}

/// The port of HTTPS answers without encryption, and the other one with another certificate.
async fn plain(scene: &Scene<'_>) -> anyhow::Result<()> {
    let certificate = another_certificate(scene, "other.example.com").await?;
    let certificate = elb::Certificate::builder().certificate_arn(certificate).build();
    let call = scene.aws.elb.modify_listener().listener_arn(listener(scene, 443).await?).certificates(certificate);
    let store = elb::MutualAuthenticationAttributes::builder().mode("passthrough").build();
    let call = call.mutual_authentication(store).default_actions(answer("200")?);
    call.ssl_policy("ELBSecurityPolicy-2016-08").send().await?;
    let call = scene.aws.elb.modify_listener().listener_arn(listener(scene, 80).await?);
    let certificate = another_certificate(scene, "third.example.com").await?;
    let certificate = elb::Certificate::builder().certificate_arn(certificate).build();
    let call = call.protocol(elb::ProtocolEnum::Https).certificates(certificate);
    call.ssl_policy("ELBSecurityPolicy-2016-08").default_actions(answer("404")?).send().await?;
    Ok(())
}

async fn another_certificate(scene: &Scene<'_>, domain: &str) -> anyhow::Result<String> {
    let made = scene.aws.acm.request_certificate().domain_name(domain).send().await?;
    made.certificate_arn.context("no ARN")
}

async fn certified(scene: &Scene<'_>) -> anyhow::Result<()> {
    let certificate = another_certificate(scene, "elsewhere.example.com").await?;
    let certificate = elb::Certificate::builder().certificate_arn(certificate).build();
    let call = scene.aws.elb.add_listener_certificates().listener_arn(listener(scene, 443).await?);
    call.certificates(certificate).send().await?;
    Ok(())
}

async fn ruled(scene: &Scene<'_>) -> anyhow::Result<()> {
    let path = elb::PathPatternConditionConfig::builder().values("/admin").build();
    let path = elb::RuleCondition::builder().field("path-pattern").path_pattern_config(path).build();
    let call = scene.aws.elb.create_rule().listener_arn(listener(scene, 443).await?).priority(1).conditions(path);
    call.actions(answer("200")?).send().await?;
    Ok(())
}

/// Of anything of ECS.
async fn ecs_tags(scene: &Scene<'_>) -> anyhow::Result<()> {
    let owner = ecs::Tag::builder().key("Owner").value("somebody").build();
    scene.aws.ecs.tag_resource().resource_arn(&scene.id).tags(owner).send().await?;
    scene.aws.ecs.untag_resource().resource_arn(&scene.id).tag_keys("Compliance").send().await?;
    Ok(())
}

async fn other_cluster(scene: &Scene<'_>) -> anyhow::Result<()> {
    let key = scene.id_of("kms/key/s3")?.rsplit('/').next().unwrap_or_default();
    let storage = ecs::ManagedStorageConfiguration::builder().fargate_ephemeral_storage_kms_key_id(key).build();
    let storage = ecs::ClusterConfiguration::builder().managed_storage_configuration(storage).build();
    let insights = ecs::ClusterSetting::builder().name(ecs::ClusterSettingName::ContainerInsights).value("disabled");
    let call = scene.aws.ecs.update_cluster().cluster(&scene.id).configuration(storage);
    call.settings(insights.build()).send().await?;
    let spot = ecs::CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(1).build()?;
    let call = scene.aws.ecs.put_cluster_capacity_providers().cluster(&scene.id).capacity_providers("FARGATE_SPOT");
    call.default_capacity_provider_strategy(spot).send().await?;
    Ok(())
}

/// The cluster of a service, by the service's ARN.
fn cluster(service: &str) -> &str {
    service.rsplit('/').nth(1).unwrap_or_default()
}

/// Somebody's own image, with no regard to anything.
async fn other_service(scene: &Scene<'_>) -> anyhow::Result<()> {
    let client = &scene.aws.ecs;
    let port = ecs::PortMapping::builder().container_port(80).build();
    let container = ecs::ContainerDefinition::builder().name("app").image("elsewhere:1").port_mappings(port).build();
    let call = client.register_task_definition().family("elsewhere-app").cpu("256").memory("512");
    let call = call.network_mode(ecs::NetworkMode::Awsvpc).requires_compatibilities(ecs::Compatibility::Fargate);
    let made = call.container_definitions(container).send().await?.task_definition;
    let made = made.and_then(|made| made.task_definition_arn).context("no ARN")?;
    let spot = ecs::CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(1).build()?;
    let vpc = ecs::AwsVpcConfiguration::builder().assign_public_ip(ecs::AssignPublicIp::Enabled);
    let vpc = vpc.subnets(scene.id_of("ec2/subnet/public-us-east-1a")?);
    let vpc = vpc.security_groups(scene.id_of("ec2/security-group/alb")?).build()?;
    let breaker = ecs::DeploymentCircuitBreaker::builder().enable(false).rollback(false).build();
    let deployment = ecs::DeploymentConfiguration::builder().deployment_circuit_breaker(breaker);
    let alarms = ecs::DeploymentAlarms::builder().alarm_names("elsewhere").enable(true).rollback(false).build()?;
    let deployment = deployment.minimum_healthy_percent(0).maximum_percent(150).alarms(alarms).build();
    let call = client.update_service().cluster(cluster(&scene.id)).service(&scene.id).task_definition(made);
    let call = call.desired_count(0).capacity_provider_strategy(spot).platform_version("1.4.0");
    let call = call.network_configuration(ecs::NetworkConfiguration::builder().awsvpc_configuration(vpc).build());
    let call = call.deployment_configuration(deployment).health_check_grace_period_seconds(3600);
    let call = call.enable_execute_command(true).enable_ecs_managed_tags(false);
    let call = call.propagate_tags(ecs::PropagateTags::TaskDefinition).force_new_deployment(true);
    call.availability_zone_rebalancing(ecs::AvailabilityZoneRebalancing::Disabled).send().await?;
    let call = client.deregister_task_definition().task_definition("elsewhere-app:1");
    call.send().await?;
    Ok(())
}

const DIMENSION: scaling::ScalableDimension = scaling::ScalableDimension::EcsServiceDesiredCount;

/// How Application Auto Scaling calls the service.
fn resource(scene: &Scene<'_>) -> anyhow::Result<String> {
    let service = scene.id_of(SERVICE)?;
    Ok(service.rsplit(':').next().unwrap_or_default().to_owned())
}

async fn unbounded(scene: &Scene<'_>) -> anyhow::Result<()> {
    let stopped = scaling::SuspendedState::builder().dynamic_scaling_in_suspended(true);
    let stopped = stopped.dynamic_scaling_out_suspended(true).scheduled_scaling_suspended(true).build();
    let call = scene.aws.autoscaling.register_scalable_target().service_namespace(scaling::ServiceNamespace::Ecs);
    let call = call.scalable_dimension(DIMENSION).resource_id(resource(scene)?).suspended_state(stopped);
    call.min_capacity(0).max_capacity(400).send().await?;
    Ok(())
}

fn stepped(percent: i32) -> anyhow::Result<scaling::StepScalingPolicyConfiguration> {
    let step = scaling::StepAdjustment::builder().metric_interval_lower_bound(5.0).scaling_adjustment(percent);
    let stepped = scaling::StepScalingPolicyConfiguration::builder().step_adjustments(step.build()?);
    let stepped = stepped.adjustment_type(scaling::AdjustmentType::ChangeInCapacity).cooldown(3600);
    Ok(stepped.metric_aggregation_type(scaling::MetricAggregationType::Average).build())
}

async fn put(scene: &Scene<'_>, name: &str, policy: scaling::StepScalingPolicyConfiguration) -> anyhow::Result<()> {
    let call = scene.aws.autoscaling.put_scaling_policy().service_namespace(scaling::ServiceNamespace::Ecs);
    let call = call.scalable_dimension(DIMENSION).resource_id(resource(scene)?).policy_name(name);
    let call = call.policy_type(scaling::PolicyType::StepScaling).step_scaling_policy_configuration(policy);
    call.send().await?;
    Ok(())
}

async fn remove(scene: &Scene<'_>, name: &str) -> anyhow::Result<()> {
    let call = scene.aws.autoscaling.delete_scaling_policy().service_namespace(scaling::ServiceNamespace::Ecs);
    call.scalable_dimension(DIMENSION).resource_id(resource(scene)?).policy_name(name).send().await?;
    Ok(())
}

async fn other_policies(scene: &Scene<'_>) -> anyhow::Result<()> {
    put(scene, "elsewhere", stepped(-2)?).await?;
    remove(scene, "payment-request-count-prd").await
}

async fn tracked(scene: &Scene<'_>, metric: scaling::PredefinedMetricSpecification) -> anyhow::Result<()> {
    let tracking = scaling::TargetTrackingScalingPolicyConfiguration::builder().target_value(9_999.0);
    let tracking = tracking.predefined_metric_specification(metric).disable_scale_in(true);
    let tracking = tracking.scale_out_cooldown(3600).scale_in_cooldown(3600).build()?;
    let call = scene.aws.autoscaling.put_scaling_policy().service_namespace(scaling::ServiceNamespace::Ecs);
    let call =
        call.scalable_dimension(DIMENSION).resource_id(resource(scene)?).policy_name("payment-request-count-prd");
    let call = call.policy_type(scaling::PolicyType::TargetTrackingScaling);
    call.target_tracking_scaling_policy_configuration(tracking).send().await?;
    Ok(())
}

async fn lazy_policies(scene: &Scene<'_>) -> anyhow::Result<()> {
    let full = |arn: &str, mark: &str| arn.split_once(mark).map(|(_, name)| name.to_owned());
    let balancer = full(scene.id_of(BALANCER)?, ":loadbalancer/").context("no load balancer")?;
    let group = full(scene.id_of(TARGETS)?, ":targetgroup/").context("no target group")?;
    let metric = scaling::PredefinedMetricSpecification::builder()
        .predefined_metric_type(scaling::MetricType::AlbRequestCountPerTarget);
    let metric = metric.resource_label(format!("{balancer}/targetgroup/{group}")).build()?;
    tracked(scene, metric).await?;
    put(scene, "payment-request-burst-prd", stepped(1)?).await
}

async fn policy_of_cpu(scene: &Scene<'_>) -> anyhow::Result<()> {
    let metric = scaling::PredefinedMetricSpecification::builder();
    let metric = metric.predefined_metric_type(scaling::MetricType::EcsServiceAverageCpuUtilization).build()?;
    tracked(scene, metric).await
}

async fn other_alarm(scene: &Scene<'_>) -> anyhow::Result<()> {
    let name = scene.id.rsplit(':').next().unwrap_or_default();
    let of = |name: &str, value: &str| watch::Dimension::builder().name(name).value(value).build();
    let topic = scene.id_of("sns/topic/alerts")?;
    let call = scene.aws.cloudwatch.put_metric_alarm().alarm_name(name).alarm_description("somebody's");
    let call = call.namespace("AWS/ECS").metric_name("CPUUtilization").extended_statistic("p99");
    let call = call.dimensions(of("LoadBalancer", "app/elsewhere/1")).dimensions(of("ClusterName", "elsewhere"));
    let call = call.period(300).evaluation_periods(5).datapoints_to_alarm(4).threshold(9_999.0);
    let call = call.comparison_operator(watch::ComparisonOperator::LessThanThreshold).treat_missing_data("breaching");
    let call = call.actions_enabled(false).alarm_actions(topic).ok_actions(topic);
    call.insufficient_data_actions(topic).unit(watch::StandardUnit::Percent).send().await?;
    Ok(())
}
