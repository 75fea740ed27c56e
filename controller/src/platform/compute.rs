//! Compute: the application on Fargate, in the private subnets, each task with as little as it needs (PCI DSS 1.4.1, 2.2.1, 7.2.1,
//! 7.2.5), its storage encrypted (3.5.1), its secrets from Secrets Manager (8.6.2), its output logged (10.2.1), as many tasks as
//! there are requests for.
//!
//! The order is AWS's: log group and roles before the task definition, the listener and the database before the service, and
//! the service before what scales it.
//!
//! Target tracking has alarms that need three minutes. What comes faster than that is answered by a policy of its own, which
//! an alarm on one minute sets going.

use std::collections::{BTreeMap, BTreeSet};

use payment_platform_api::spec::{Architecture, Effect, TaskStatement};
use payment_platform_engine::{NodeId, Ref, Region, Resource};

use super::encryption::Keys;
use super::ingress::Ingress;
use super::{Build, names};
use crate::aws::autoscaling::{Policy, ScalableTarget, ScalingPolicies, StepScaling, TargetTracking};
use crate::aws::cloudwatch::{Alarm, Dimension, Notifies};
use crate::aws::ec2::{SecurityGroup, Subnet};
use crate::aws::ecr::Repository;
use crate::aws::ecs::{Cluster, Container, LOGIN, Service, TaskDefinition, Volume};
use crate::aws::iam::{Grant, Role, RolePolicy, Thing};
use crate::aws::logs::LogGroup;
use crate::aws::policy::{PolicyDocument, Statement};
use crate::aws::rds::Endpoint;
use crate::aws::s3::{self, Bucket};
use crate::aws::secretsmanager::Secret;

pub const COMPONENT: &str = "Compute";

/// The role as which ECS starts the tasks, a part of its name.
const EXECUTION: &str = "ecs-execution";

/// The role as which the application acts, a part of its name.
const TASK: &str = "ecs-task";

const BURST: &str = "request-burst";

/// How the number of tasks grows in a burst: by so many percent, and by one at least.
const BURST_PERCENT: i32 = 50;

/// Seconds until more are added, whatever target tracking waits: a burst is answered within about a minute.
const BURST_COOLDOWN: i32 = 60;

/// What the application stands on.
pub struct Ground<'a> {
    pub keys: &'a Keys,
    pub subnets: Vec<Ref<Subnet>>,
    pub security_group: Ref<SecurityGroup>,
    pub log_group: Ref<LogGroup>,
    /// Where Container Insights writes.
    pub container_insights: Ref<LogGroup>,
    /// What else must be there before a task runs.
    pub needs: Vec<NodeId>,
    pub database: Endpoint,
    pub login: Ref<Secret>,
    pub ingress: &'a Ingress,
}

/// Adds cluster, roles, task definition, service and what scales it.
pub fn add(build: &mut Build<'_>, ground: Ground<'_>) {
    let cluster = cluster(build, ground.keys, &ground.container_insights);
    let execution_role = execution_role(build, ground.keys, &ground.login);
    let task_role = task_role(build, ground.keys);
    let task_definition = task_definition(build, &ground, execution_role, task_role);
    let service = service(build, &ground, cluster, task_definition);
    scaling(build, ground.ingress, service);
}

fn cluster(build: &mut Build<'_>, keys: &Keys, container_insights: &Ref<LogGroup>) -> Ref<Cluster> {
    let name = Cluster::name(build.env());
    let tags = build.tags(Cluster::KIND, names::APP, &name);
    let cluster = Cluster { name, storage_key: keys.app.clone(), tags };
    build.graph.add_after(COMPONENT, &build.region, names::APP, cluster, [container_insights.node().clone()])
}

/// A role that tasks of this account and region may have, and nobody else: against the confused deputy.
fn role(build: &mut Build<'_>, node: &str, policy: &str, grants: RolePolicy) -> Ref<Role> {
    let (account, region) = (build.platform.account_id.clone(), build.region.to_string());
    let trust = Statement::trust("ecs-tasks").when("StringEquals", "aws:SourceAccount", &account).when(
        "ArnLike",
        "aws:SourceArn",
        format!("arn:aws:ecs:{region}:{account}:*"),
    );
    let name = Role::name(node, build.env());
    let role = Role {
        tags: build.tags_in(&Region::global(), Role::KIND, node, &name),
        name,
        trust: PolicyDocument::of([("Tasks", trust)]),
        inline: BTreeMap::from([(policy.to_owned(), grants)]),
        attached: BTreeSet::new(),
    };
    build.graph.add(COMPONENT, &Region::global(), node, role)
}

const USE_KEY: &[&str] = &["kms:Decrypt", "kms:GenerateDataKey"];

/// What it takes to start a task: its image, its secrets, its log stream.
fn execution_role(build: &mut Build<'_>, keys: &Keys, login: &Ref<Secret>) -> Ref<Role> {
    let (account, region) = (build.platform.account_id.clone(), build.region.to_string());
    let group = format!("arn:aws:logs:{region}:{account}:log-group:{}", super::logs::application_group(build.env()));
    let pull = &["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    let repository = repository(&build.platform.compute.image, &region, &account);
    let compute = &build.platform.compute;
    // The master login, unless the application has one of its own.
    let given = |name: &&str| compute.environment.contains_key(*name) || compute.secrets.contains_key(*name);
    let login = (!LOGIN.iter().all(given)).then(|| Thing::Secret(login.clone()));
    let mut secrets = Grant::on(&["secretsmanager:GetSecretValue"], login);
    secrets.statement.resources = compute.secrets.values().map(|arn| secret_of(arn)).collect();
    let reads = !secrets.on.is_empty() || !secrets.statement.resources.is_empty();
    let grants = [
        // A token is for all of the registry: AWS has no resource level here.
        ("Registry", Grant::plain(Statement::on(&["ecr:GetAuthorizationToken"], ["*".to_owned()]))),
        ("Image", Grant::plain(Statement::on(pull, [repository]))),
        ("Logs", Grant::plain(Statement::on(&["logs:CreateLogStream", "logs:PutLogEvents"], [format!("{group}:*")]))),
        ("Keys", Grant::on(USE_KEY, [Thing::Key(keys.app.clone()), Thing::Key(keys.logs.clone())])),
    ];
    let policy = RolePolicy::of(grants.into_iter().chain(reads.then_some(("Secrets", secrets))));
    role(build, EXECUTION, "execution", policy)
}

/// The repository of an image in a registry of ECR, of whichever account and region; of another image, any of this account.
fn repository(image: &str, region: &str, account: &str) -> String {
    match Repository::of_image(image) {
        Some(repository) => repository.arn(),
        None => format!("arn:aws:ecr:{region}:{account}:repository/*"),
    }
}

/// The secret of an ARN that may name one key in it.
fn secret_of(arn: &str) -> String {
    arn.splitn(8, ':').take(7).collect::<Vec<_>>().join(":")
}

/// What the application itself may do.
fn task_role(build: &mut Build<'_>, keys: &Keys) -> Ref<Role> {
    let bucket = s3::arn(&Bucket::name(names::STATIC, build.env(), &build.platform.account_id));
    let assets = Statement::on(&["s3:GetObject", "s3:PutObject"], [format!("{bucket}/*")]);
    let mut grants = vec![
        ("StaticAssets", Grant::plain(assets)),
        ("Keys", Grant::on(USE_KEY, [Thing::Key(keys.app.clone()), Thing::Key(keys.s3.clone())])),
    ];
    let extra = build.platform.compute.extra_statements.clone();
    grants.extend(extra.iter().map(|statement| (statement.sid.as_str(), Grant::plain(declared(statement)))));
    role(build, TASK, "application", RolePolicy::of(grants))
}

fn declared(statement: &TaskStatement) -> Statement {
    let actions: Vec<&str> = statement.actions.iter().map(String::as_str).collect();
    let mut made = Statement::on(&actions, statement.resources.iter().cloned());
    if statement.effect == Effect::Deny {
        made.effect = "Deny".to_owned();
    }
    for (operator, keys) in &statement.conditions {
        for (key, values) in keys {
            made.conditions.insert(format!("{operator} {key}"), values.iter().cloned().collect());
        }
    }
    made
}

fn task_definition(
    build: &mut Build<'_>,
    ground: &Ground<'_>,
    execution_role: Ref<Role>,
    task_role: Ref<Role>,
) -> Ref<TaskDefinition> {
    let compute = build.platform.compute.clone();
    let bucket = Bucket::name(names::STATIC, build.env(), &build.platform.account_id);
    let mut environment = BTreeMap::from([("STATIC_ASSETS_BUCKET".to_owned(), bucket)]);
    environment.retain(|name, _| !compute.secrets.contains_key(name));
    environment.extend(compute.environment);
    let family = TaskDefinition::family(names::APP, build.env());
    let definition = TaskDefinition {
        tags: build.tags(TaskDefinition::KIND, names::APP, &family),
        family,
        cpu: compute.cpu,
        memory: compute.memory,
        architecture: match compute.architecture {
            Architecture::Arm64 => "ARM64",
            Architecture::X8664 => "X86_64",
        }
        .to_owned(),
        execution_role,
        task_role,
        container: Container {
            image: compute.image,
            port: compute.container_port,
            environment,
            secrets: compute.secrets,
            volumes: compute.writable_paths.into_iter().map(Volume).collect(),
            database: ground.database.clone(),
            database_name: build.platform.database.name.clone(),
            database_port: build.platform.database_port,
            login: ground.login.clone(),
            log_group: ground.log_group.clone(),
        },
    };
    build.graph.add(COMPONENT, &build.region, names::APP, definition)
}

fn service(
    build: &mut Build<'_>,
    ground: &Ground<'_>,
    cluster: Ref<Cluster>,
    task_definition: Ref<TaskDefinition>,
) -> Ref<Service> {
    let compute = &build.platform.compute;
    let name = Service::name(build.env());
    let service = Service {
        cluster,
        task_definition,
        target_group: ground.ingress.target_group.clone(),
        container_port: compute.container_port,
        subnets: ground.subnets.clone(),
        security_group: ground.security_group.clone(),
        desired: compute.desired_count,
        bounds: (compute.min_tasks, compute.max_tasks),
        platform_version: compute.platform_version.clone(),
        minimum_healthy_percent: compute.minimum_healthy_percent,
        grace_seconds: build.platform.ingress.grace_period_seconds,
        tags: build.tags(Service::KIND, names::APP, &name),
        name,
    };
    let first = ground.needs.iter().cloned().chain([ground.ingress.listeners.clone()]);
    build.graph.add_after(COMPONENT, &build.region, names::APP, service, first)
}

fn scaling(build: &mut Build<'_>, ingress: &Ingress, service: Ref<Service>) {
    let compute = build.platform.compute.clone();
    let (requests, cooldown) = (f64::from(compute.requests_per_task), compute.cooldown_seconds);
    let name = ScalableTarget::name(names::APP, build.env());
    let tags = build.tags(ScalableTarget::KIND, names::APP, &name);
    let resource_id = ScalableTarget::resource_id(build.env());
    let (fewest, most) = (compute.min_tasks, compute.max_tasks);
    let target = ScalableTarget { resource_id, service, fewest, most, tags };
    let target = build.graph.add(COMPONENT, &build.region, names::APP, target);
    let burst = ScalingPolicies::name(BURST, build.env());
    let tracking = TargetTracking { requests, out_cooldown: cooldown, in_cooldown: cooldown };
    let steps = StepScaling { percent: BURST_PERCENT, at_least: 1, cooldown: BURST_COOLDOWN };
    let policies = ScalingPolicies {
        target,
        load_balancer: ingress.load_balancer.clone(),
        target_group: ingress.target_group.clone(),
        policies: BTreeMap::from([
            (ScalingPolicies::name("request-count", build.env()), Policy::Requests(tracking)),
            (burst.clone(), Policy::Steps(steps)),
        ]),
    };
    // The label of the requests is refused until a listener forwards them.
    let listeners = [ingress.listeners.clone()];
    let policies = build.graph.add_after(COMPONENT, &build.region, names::APP, policies, listeners);
    let name = Alarm::name(BURST, build.env());
    let alarm = Alarm {
        description: "More requests for each task within a minute than it is to have: tasks are added.".to_owned(),
        namespace: "AWS/ApplicationELB".to_owned(),
        metric: "RequestCountPerTarget".to_owned(),
        statistic: "Sum".to_owned(),
        dimensions: BTreeMap::from([
            ("LoadBalancer".to_owned(), Dimension::LoadBalancer(ingress.load_balancer.clone())),
            ("TargetGroup".to_owned(), Dimension::TargetGroup(ingress.target_group.clone())),
        ]),
        period_seconds: 60,
        periods: 1,
        comparison: "GreaterThanThreshold".to_owned(),
        threshold: requests,
        // No requests, no data.
        missing_data: "notBreaching".to_owned(),
        alarm: vec![Notifies::Policy(policies, burst)],
        ok: Vec::new(),
        tags: build.tags(Alarm::KIND, BURST, &name),
        name,
    };
    build.graph.add(COMPONENT, &build.region, BURST, alarm);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_in_ecr_names_its_repository() {
        let of = |image: &str| repository(image, "us-east-1", "123456789012");
        let own = "123456789012.dkr.ecr.us-east-1.amazonaws.com/payments/app";
        let arn = "arn:aws:ecr:us-east-1:123456789012:repository/payments/app";
        assert_eq!(of(&format!("{own}:1.2")), arn);
        assert_eq!(of(&format!("{own}@sha256:00")), arn);
        assert_eq!(of("public.ecr.aws/nginx/nginx:stable"), "arn:aws:ecr:us-east-1:123456789012:repository/*");
        let shared = "arn:aws:ecr:eu-west-1:999999999999:repository/app";
        assert_eq!(of("999999999999.dkr.ecr.eu-west-1.amazonaws.com/app:1"), shared);
    }

    #[test]
    fn a_key_in_a_secret_is_not_a_part_of_the_secrets_arn() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api-AbCdEf";
        assert_eq!(secret_of(arn), arn);
        assert_eq!(secret_of(&format!("{arn}:key::")), arn);
    }
}
