//! ECS service: the tasks of the application, in the private subnets, without a public address and without a shell from outside
//! (PCI DSS 1.4.1, 2.2.6, 8.6.1). A deployment that fails is rolled back by ECS.
//!
//! What gets its requests without being one of its tasks is taken off the target group (see `targets.rs`).
//!
//! How many tasks run is the affair of autoscaling; only a number outside its bounds is brought back. A revision that ECS went
//! back from is left for some minutes and then tried again; a new one is tried at once.
//!
//! AWS rules obeyed: the listener must be there before the service, or its target group belongs to no load balancer; a service
//! that is draining keeps its name; one that is gone is shown as INACTIVE for a while; the service-linked role of ECS may lag.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_ecs::types::builders::DeploymentConfigurationBuilder;
use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, DeploymentAlarms, DeploymentCircuitBreaker,
    DeploymentConfiguration, DeploymentStrategy, LaunchType, LoadBalancer as Attachment, NetworkConfiguration,
    PropagateTags, SchedulingStrategy, Service as Seen, ServiceConnectConfiguration, ServiceField,
};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{
    Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Unready, Up,
};
use serde::{Deserialize, Serialize};

use super::cluster::{Cluster, PREFIX as CLUSTER_PREFIX, ours};
use super::targets::{self, ForeignTargets};
use super::task_definition::{CONTAINER, TaskDefinition};
use super::{arn, change_tags, health, name_of, tag_list, tag_map};
use crate::aws::ec2::{SecurityGroup, Subnet};
use crate::aws::elbv2::TargetGroup;
use crate::aws::error::{During, built, gone};
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::unread::Unread;
use crate::aws::{Aws, touches};

/// The tasks of the application.
#[derive(Clone, Serialize)]
pub struct Service {
    pub name: String,
    pub cluster: Ref<Cluster>,
    pub task_definition: Ref<TaskDefinition>,
    pub target_group: Ref<TargetGroup>,
    pub container_port: u16,
    pub subnets: Vec<Ref<Subnet>>,
    pub security_group: Ref<SecurityGroup>,
    /// Tasks when it is made.
    pub desired: i32,
    /// Fewest and most tasks afterwards.
    pub bounds: (i32, i32),
    /// Of Fargate.
    pub platform_version: String,
    /// Percent of the tasks that stay while others are exchanged.
    pub minimum_healthy_percent: i32,
    /// Seconds for which a new task may be unhealthy.
    pub grace_seconds: i32,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub cluster: String,
    pub task_definition: String,
    pub desired: i32,
    pub launched_by: BTreeSet<String>,
    pub platform_version: String,
    pub subnets: BTreeSet<String>,
    pub security_groups: BTreeSet<String>,
    pub public_ip: bool,
    /// Container and port behind each target group.
    pub target_groups: BTreeMap<String, String>,
    /// What gets requests there and is none of its tasks. Nothing is wanted.
    pub foreign_targets: ForeignTargets,
    pub minimum_healthy_percent: i32,
    pub maximum_percent: i32,
    pub circuit_breaker: bool,
    pub rollback: bool,
    pub grace_seconds: i32,
    pub exec: bool,
    pub managed_tags: bool,
    pub tags_from: String,
    pub zone_rebalancing: bool,
    /// Whether anything else decides how it is deployed or connected (a strategy, hooks, alarms, a registry, …).
    pub sets_more: bool,
    /// Whether the deployment has failed, so long ago that it is time to try again.
    pub retry_due: bool,
    pub tags: TagMap,
    /// When ECS went back to what runs now, in milliseconds since 1970.
    #[serde(skip)]
    pub rolled_back: Unread<i64>,
    /// What to try again.
    #[serde(skip)]
    pub newest: Unread<Rollout>,
}

/// What ECS takes back when a deployment fails (API Reference, ServiceRevision), as far as it opens nothing.
#[derive(Clone, Debug)]
pub struct Rollout {
    pub task_definition: String,
    pub subnets: BTreeSet<String>,
    pub target_groups: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub name: String,
    pub cluster: String,
}

/// What the names of our services begin with.
const PREFIX: &str = "ecs-payment-service-";

/// Fields whose change takes other tasks, or another number of them.
const EXCHANGES_TASKS: [&str; 10] = [
    "retry_due",
    "task_definition",
    "desired",
    "launched_by",
    "platform_version",
    "subnets",
    "security_groups",
    "public_ip",
    "target_groups",
    "exec",
];

/// Percent of the tasks that run at most while some are exchanged.
const MAXIMUM_PERCENT: i32 = 200;

impl Service {
    pub fn name(environment: &str) -> String {
        format!("{PREFIX}{environment}")
    }
}

impl Resource for Service {
    const KIND: &'static str = "ecs/service";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:DescribeNetworkInterfaces",
        "ecs:CreateService",
        "ecs:DeleteService",
        "ecs:DescribeServices",
        "ecs:DescribeTasks",
        "ecs:ListClusters",
        "ecs:ListTasks",
        "ecs:TagResource",
        "ecs:UntagResource",
        "ecs:UpdateService",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:DescribeTargetHealth",
        "iam:CreateServiceLinkedRole",
        "iam:PassRole",
    ];
    const CLOSE_FIRST: &'static [&'static str] =
        &["public_ip", "security_groups", "subnets", "exec", "foreign_targets"];
    const RETRIES: &'static [&'static str] = &["retry_due"];
    const TIER: Tier = Tier::Fast;
    const DEADLINE: Duration = Duration::from_secs(30 * 60);
    const USED_BEFORE_READY: bool = true;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let newest = up.get(&self.task_definition)?;
        let subnets: Result<_, _> = self.subnets.iter().map(|subnet| Ok(up.get(subnet)?.subnet_id.clone())).collect();
        let group = up.get(&self.target_group)?.arn.clone();
        let own_group = group.clone();
        let rollout = Rollout {
            task_definition: newest.arn.clone(),
            subnets: subnets?,
            target_groups: BTreeMap::from([(group, behind(CONTAINER, i32::from(self.container_port)))]),
        };
        // ECS went back from it: what it went back to stays until it is time to try again.
        let failed = |seen: &&Fields| seen.rolled_back.get().is_some_and(|back| newest.registered < *back);
        let now = seen.filter(failed).map_or_else(|| rollout.clone(), Fields::rollout);
        let (fewest, most) = self.bounds;
        // Those of another group are the affair of whoever owns that: the group is taken off, its targets are not.
        let foreign_targets = seen.map(|seen| {
            let others = seen.foreign_targets.iter().filter(|(_, target)| target.target_group != own_group);
            others.map(|(address, target)| (address.clone(), target.clone())).collect()
        });
        Ok(Fields {
            name: self.name.clone(),
            cluster: up.get(&self.cluster)?.name.clone(),
            task_definition: now.task_definition,
            desired: seen.map_or(self.desired, |seen| seen.desired).max(fewest).min(most),
            launched_by: [LaunchType::Fargate.as_str().to_owned()].into(),
            platform_version: self.platform_version.clone(),
            subnets: now.subnets,
            security_groups: [up.get(&self.security_group)?.group_id.clone()].into(),
            public_ip: false,
            target_groups: now.target_groups,
            foreign_targets: foreign_targets.unwrap_or_default(),
            minimum_healthy_percent: self.minimum_healthy_percent,
            maximum_percent: MAXIMUM_PERCENT,
            circuit_breaker: true,
            rollback: true,
            grace_seconds: self.grace_seconds,
            exec: false,
            managed_tags: true,
            tags_from: PropagateTags::Service.as_str().to_owned(),
            zone_rebalancing: true,
            sets_more: false,
            retry_due: false,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
            rolled_back: Unread::default(),
            newest: Unread::of(rollout),
        })
    }

    /// The service of each cluster with a name like ours.
    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let wanted: Vec<(String, String)> = match look {
            Look::All => ours(&aws).await?.iter().filter_map(|cluster| of_cluster(name_of(cluster))).collect(),
            Look::Ids(arns) => arns.iter().filter_map(|arn| of_arn(arn)).collect(),
        };
        let found = stream::iter(wanted).map(|(cluster, service)| {
            let aws = aws.clone();
            async move { find(&aws, &cluster, &service).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "ecs:CreateService";
        let call = cx.cloud.ecs.create_service().cluster(&want.cluster).service_name(&want.name);
        let call = call.task_definition(&want.task_definition).desired_count(want.desired).client_token(&cx.token);
        let call = call.launch_type(LaunchType::Fargate).platform_version(&want.platform_version);
        let call = call.scheduling_strategy(SchedulingStrategy::Replica);
        let call =
            call.network_configuration(network(&want, action)?).deployment_configuration(deployment(&want).build());
        let call = call.set_load_balancers(Some(attachments(&want)));
        let call = call.health_check_grace_period_seconds(want.grace_seconds).enable_execute_command(want.exec);
        let call = call.enable_ecs_managed_tags(want.managed_tags).propagate_tags(PropagateTags::Service);
        let call = call.availability_zone_rebalancing(rebalancing(&want)).set_tags(Some(tag_list(&want.tags)));
        may_be_early(call.send().await.during(action))?;
        let arn = arn(&cx.cloud, &format!("service/{}/{}", want.cluster, want.name));
        let (until, retry) = ("the first deployment is complete", cx.cloud.limits.poll);
        Ok(Progress::Waiting { cloud_id: Some(arn), until, retry })
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let action = "ecs:UpdateService";
        let touches = |field: &str| touches(&changes, field);
        // All that ECS has taken back, together: the parts do not fit those that run now.
        let retried = want.newest.get().filter(|_| touches("retry_due")).cloned();
        let want = match retried {
            Some(Rollout { task_definition, subnets, target_groups }) => {
                Fields { task_definition, subnets, target_groups, ..want }
            }
            None => want,
        };
        let retry = touches("retry_due");
        // Whatever ECS refuses below.
        let taken_off = targets::take_off(&cx.cloud, &changes).await;
        let call = cx.cloud.ecs.update_service().cluster(&now.cluster).service(&now.name);
        let (mut call, mut modified) = (call, false);
        if retry {
            call = call.force_new_deployment(true);
        }
        if touches("task_definition") || retry {
            (call, modified) = (call.task_definition(&want.task_definition), true);
        }
        if touches("desired") {
            (call, modified) = (call.desired_count(want.desired), true);
        }
        if touches("launched_by") {
            // Without a strategy ECS goes back to the launch type that the service was made with.
            (call, modified) = (call.set_capacity_provider_strategy(Some(Vec::new())).force_new_deployment(true), true);
        }
        if touches("platform_version") {
            (call, modified) = (call.platform_version(&want.platform_version), true);
        }
        if touches("subnets") || touches("security_groups") || touches("public_ip") || retry {
            (call, modified) = (call.network_configuration(network(&want, action)?), true);
        }
        if touches("target_groups") || retry {
            (call, modified) = (call.set_load_balancers(Some(attachments(&want))), true);
        }
        if ["minimum_healthy_percent", "maximum_percent", "circuit_breaker", "rollback"].into_iter().any(touches) {
            (call, modified) = (call.deployment_configuration(deployment(&want).build()), true);
        }
        if touches("sets_more") {
            // What is not said stays as it is, so that each part is said to be nothing.
            let alarms = DeploymentAlarms::builder().set_alarm_names(Some(Vec::new())).enable(false).rollback(false);
            let plain = deployment(&want).strategy(DeploymentStrategy::Rolling).bake_time_in_minutes(0);
            let plain = plain.set_lifecycle_hooks(Some(Vec::new())).alarms(built(alarms.build(), action)?).build();
            let unconnected = ServiceConnectConfiguration::builder().enabled(false).build();
            call = call.deployment_configuration(plain).service_connect_configuration(unconnected);
            call = call.set_service_registries(Some(Vec::new())).set_vpc_lattice_configurations(Some(Vec::new()));
            (call, modified) = (call.set_volume_configurations(Some(Vec::new())), true);
        }
        if touches("grace_seconds") {
            (call, modified) = (call.health_check_grace_period_seconds(want.grace_seconds), true);
        }
        if touches("exec") {
            // Tasks that were started with it keep it.
            (call, modified) = (call.enable_execute_command(want.exec).force_new_deployment(true), true);
        }
        if touches("managed_tags") {
            (call, modified) = (call.enable_ecs_managed_tags(want.managed_tags), true);
        }
        if touches("tags_from") {
            (call, modified) = (call.propagate_tags(PropagateTags::Service), true);
        }
        if touches("zone_rebalancing") {
            (call, modified) = (call.availability_zone_rebalancing(rebalancing(&want)), true);
        }
        if modified {
            // A target group that was made again belongs to no load balancer before its listener forwards to it.
            may_be_early(call.send().await.during(action))?;
        }
        taken_off?;
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        // Nothing of this is so before the tasks are.
        if EXCHANGES_TASKS.into_iter().any(touches) {
            let (until, retry) = ("its tasks are exchanged", cx.cloud.limits.poll);
            return Ok(Progress::Waiting { cloud_id: Some(now.arn), until, retry });
        }
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let Some((cluster, service)) = of_arn(&cloud_id) else { return Ok(Progress::Done(())) };
        let Some(seen) = Self::sweep(cx.cloud.clone(), Look::Ids(vec![cloud_id.clone()])).await?.pop() else {
            return Ok(Progress::Done(()));
        };
        if seen.busy.is_none() {
            // With its tasks.
            let call = cx.cloud.ecs.delete_service().cluster(cluster).service(service).force(true);
            gone(call.send().await.during("ecs:DeleteService"))?;
        }
        let (until, retry) = ("its tasks are gone", cx.cloud.limits.poll);
        Ok(Progress::Waiting { cloud_id: Some(cloud_id), until, retry })
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

/// ECS has one code for a role that lags, a service of this name that is still draining, a target group without a listener, and all
/// else that it does not like: it is tried again, ever less often, and AWS's words stand in the condition meanwhile.
pub(super) fn may_be_early<T>(answer: Result<T, CloudError>) -> Result<T, CloudError> {
    answer.map_err(|error| match error.code == "InvalidParameterException" {
        true => CloudError { class: Class::NotYet, ..error },
        false => error,
    })
}

impl Fields {
    fn rollout(&self) -> Rollout {
        let (subnets, target_groups) = (self.subnets.clone(), self.target_groups.clone());
        Rollout { task_definition: self.task_definition.clone(), subnets, target_groups }
    }
}

/// Cluster and service of a cluster with a name like ours.
fn of_cluster(cluster: &str) -> Option<(String, String)> {
    Some((cluster.to_owned(), Service::name(cluster.strip_prefix(CLUSTER_PREFIX)?)))
}

/// Cluster and service by the service's ARN.
fn of_arn(arn: &str) -> Option<(String, String)> {
    let mut parts = arn.rsplit('/');
    let service = parts.next()?.to_owned();
    Some((parts.next()?.to_owned(), service))
}

fn behind(container: &str, port: i32) -> String {
    format!("{container}:{port}")
}

fn network(want: &Fields, action: &'static str) -> Result<NetworkConfiguration, CloudError> {
    let public = if want.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder().set_subnets(Some(want.subnets.iter().cloned().collect()));
    let vpc = vpc.set_security_groups(Some(want.security_groups.iter().cloned().collect())).assign_public_ip(public);
    Ok(NetworkConfiguration::builder().awsvpc_configuration(built(vpc.build(), action)?).build())
}

fn deployment(want: &Fields) -> DeploymentConfigurationBuilder {
    let breaker = DeploymentCircuitBreaker::builder().enable(want.circuit_breaker).rollback(want.rollback).build();
    DeploymentConfiguration::builder()
        .deployment_circuit_breaker(breaker)
        .minimum_healthy_percent(want.minimum_healthy_percent)
        .maximum_percent(want.maximum_percent)
}

fn attachments(want: &Fields) -> Vec<Attachment> {
    let attachments = want.target_groups.iter().map(|(target_group, behind)| {
        let (container, port) = behind.split_once(':').unwrap_or((behind, ""));
        let attachment = Attachment::builder().target_group_arn(target_group).container_name(container);
        attachment.container_port(port.parse().unwrap_or_default()).build()
    });
    attachments.collect()
}

fn rebalancing(want: &Fields) -> AvailabilityZoneRebalancing {
    match want.zone_rebalancing {
        true => AvailabilityZoneRebalancing::Enabled,
        false => AvailabilityZoneRebalancing::Disabled,
    }
}

/// None: there is no such service.
async fn find(aws: &Aws, cluster: &str, service: &str) -> Result<Option<Found<Service>>, CloudError> {
    let call = aws.ecs.describe_services().cluster(cluster).services(service).include(ServiceField::Tags);
    let answer = gone(call.send().await.during("ecs:DescribeServices"))?;
    let there = |service: &Seen| !matches!(service.status(), Some("INACTIVE") | None);
    let Some(seen) = answer.and_then(|answer| answer.services.unwrap_or_default().into_iter().find(there)) else {
        return Ok(None);
    };
    let groups = seen.load_balancers().iter().filter_map(|attachment| attachment.target_group_arn.clone());
    let foreign = targets::foreign(aws, cluster, service, &groups.collect::<Vec<_>>()).await;
    Ok(Some(read(aws, seen, cluster, foreign)))
}

fn read(aws: &Aws, service: Seen, cluster: &str, foreign: Result<ForeignTargets, CloudError>) -> Found<Service> {
    let (arn, name) =
        (service.service_arn.clone().unwrap_or_default(), service.service_name.clone().unwrap_or_default());
    let tags = tag_map(service.tags());
    let claim = claim(&tags);
    let environment = tags.get("Environment").map_or("", String::as_str);
    let deleting = service.status() == Some("DRAINING");
    let retry_due = health::failed_at(&service).is_some_and(|at| is_past(at, aws.limits.deployment_retry));
    // Everything else of it is kept all the same.
    let (foreign_targets, unread) = match foreign {
        Ok(foreign) => (foreign, None),
        Err(error) if error.class.needs_human() => (ForeignTargets::new(), Some(Unready::Failed(error))),
        Err(error) => (ForeignTargets::new(), Some(Unready::Until(format!("its targets can be read ({error})")))),
    };
    let fields = Fields { retry_due, foreign_targets, ..fields(&service, cluster, tags.clone()) };
    let deployed = service.deployments().iter().filter_map(|deployment| deployment.task_definition.clone());
    let uses = deployed
        .chain(service.cluster_arn.clone())
        .chain(fields.subnets.iter().cloned())
        .chain(fields.security_groups.iter().cloned())
        .chain(fields.target_groups.keys().cloned());
    Found {
        name_fits: claim.is_some() && Service::name(environment) == name,
        claim,
        name: Some(name.clone()),
        cloud_id: arn.clone(),
        uses: uses.collect(),
        output: (!deleting).then(|| Output { arn, name, cluster: cluster.to_owned() }),
        busy: deleting.then_some("deleting"),
        unready: unread.or(health::unready(&service)),
        leaving: false,
        created: service.created_at.map(|time| time.secs()),
        fields: Ok(fields),
    }
}

/// What the platform never sets: how deployments go on, and what else the tasks are connected with.
fn sets_more(service: &Seen) -> bool {
    let how = service.deployment_configuration();
    let other_strategy = how.and_then(|how| how.strategy()).is_some_and(|one| *one != DeploymentStrategy::Rolling);
    let hooked = how.is_some_and(|how| !how.lifecycle_hooks().is_empty() || how.bake_time_in_minutes.unwrap_or(0) > 0);
    let stopped_by = how.and_then(|how| how.alarms()).is_some_and(|alarms| alarms.enable);
    let primary = service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"));
    let connected = primary.is_some_and(|deployment| {
        deployment.service_connect_configuration().is_some_and(|connect| connect.enabled)
            || !deployment.volume_configurations().is_empty()
            || !deployment.vpc_lattice_configurations().is_empty()
    });
    other_strategy || hooked || stopped_by || connected || !service.service_registries().is_empty()
}

/// Whether a time, in milliseconds since 1970, lies longer back than this.
fn is_past(millis: i64, by: Duration) -> bool {
    let at = UNIX_EPOCH + Duration::from_millis(millis.try_into().unwrap_or_default());
    SystemTime::now().duration_since(at).is_ok_and(|age| age > by)
}

fn fields(service: &Seen, cluster: &str, tags: TagMap) -> Fields {
    let vpc = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let deployment = service.deployment_configuration();
    let breaker = deployment.and_then(|deployment| deployment.deployment_circuit_breaker());
    let providers = service.capacity_provider_strategy().iter().map(|item| item.capacity_provider.clone());
    let launch_type = service.launch_type().map(|launched_by| launched_by.as_str().to_owned());
    let target_groups = service.load_balancers().iter().filter_map(|attachment| {
        let behind =
            behind(attachment.container_name().unwrap_or_default(), attachment.container_port.unwrap_or_default());
        Some((attachment.target_group_arn.clone()?, behind))
    });
    Fields {
        name: service.service_name().unwrap_or_default().to_owned(),
        cluster: cluster.to_owned(),
        task_definition: service.task_definition().unwrap_or_default().to_owned(),
        desired: service.desired_count,
        launched_by: launch_type.into_iter().chain(providers).collect(),
        platform_version: service.platform_version().unwrap_or_default().to_owned(),
        subnets: vpc.map(|vpc| vpc.subnets().iter().cloned().collect()).unwrap_or_default(),
        security_groups: vpc.map(|vpc| vpc.security_groups().iter().cloned().collect()).unwrap_or_default(),
        public_ip: vpc.and_then(|vpc| vpc.assign_public_ip()) == Some(&AssignPublicIp::Enabled),
        target_groups: target_groups.collect(),
        foreign_targets: ForeignTargets::new(),
        minimum_healthy_percent: deployment.and_then(|deployment| deployment.minimum_healthy_percent).unwrap_or(100),
        maximum_percent: deployment.and_then(|deployment| deployment.maximum_percent).unwrap_or(200),
        circuit_breaker: breaker.is_some_and(|breaker| breaker.enable),
        rollback: breaker.is_some_and(|breaker| breaker.rollback),
        grace_seconds: service.health_check_grace_period_seconds.unwrap_or_default(),
        exec: service.enable_execute_command,
        managed_tags: service.enable_ecs_managed_tags,
        tags_from: service.propagate_tags().map_or("NONE", PropagateTags::as_str).to_owned(),
        zone_rebalancing: service.availability_zone_rebalancing() == Some(&AvailabilityZoneRebalancing::Enabled),
        sets_more: sets_more(service),
        retry_due: false,
        tags,
        newest: Unread::default(),
        rolled_back: health::rolled_back(service).map(Unread::of).unwrap_or_default(),
    }
}
