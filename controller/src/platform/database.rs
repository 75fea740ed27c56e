//! Database: an Aurora PostgreSQL cluster, or RDS for MySQL (see `mysql.rs`), in the subnets without a way out (PCI DSS 1.4.4), encrypted (3.5.1), reached over TLS
//! only (4.2.1), with a master login that nobody has chosen or seen (8.3.2, 8.6.2), what runs on it logged (10.2.1).
//!
//! The order is AWS's: the secret before the cluster that gets its password, the log group before the cluster that exports to
//! it, the cluster before its instances, the writer before its readers, and the host is written into the secret when it is
//! known. Events wait for the topic.

use payment_platform_api::spec::Engine;
use payment_platform_engine::{NodeId, Ref, Region, Resource};
use std::collections::{BTreeMap, BTreeSet};

use super::encryption::Keys;
use super::{Build, names};
use crate::aws::ec2::{SecurityGroup, Subnet};
use crate::aws::iam::Role;
use crate::aws::logs::LogGroup;
use crate::aws::policy::{PolicyDocument, Statement};
use crate::aws::rds::{
    Cluster, ClusterParameterGroup, Endpoint, EventSubscription, Insights, Instance, ParameterGroup, Sources,
    SubnetGroup, Version,
};
use crate::aws::secretsmanager::{Attachment, Login, Secret};
use crate::aws::sns::Topic;

pub const COMPONENT: &str = "Database";

/// The role of enhanced monitoring, a part of its name.
const MONITORING: &str = "rds-monitoring";

/// AWS's own policy for it: the log group `RDSOSMetrics` is the account's, and its name is fixed.
const MONITORING_POLICY: &str = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole";

/// What the database stands on.
pub struct Ground<'a> {
    pub keys: &'a Keys,
    pub subnets: Vec<Ref<Subnet>>,
    pub security_group: Ref<SecurityGroup>,
    pub log_groups: Vec<Ref<LogGroup>>,
    pub topic: &'a Ref<Topic>,
}

/// What uses the database.
pub struct Database {
    pub endpoint: Endpoint,
    pub login: Ref<Secret>,
    /// What must be there before it can be used: its writer, and the host in the login.
    pub ready: Vec<NodeId>,
}

/// Adds the database with all that it needs.
pub fn add(build: &mut Build<'_>, ground: Ground<'_>) -> Database {
    match build.platform.database.engine {
        Engine::AuroraPostgresql => aurora(build, ground),
        Engine::Mysql => super::mysql::add(build, ground),
    }
}

fn aurora(build: &mut Build<'_>, ground: Ground<'_>) -> Database {
    let subnet_group = subnet_group(build, ground.subnets);
    let cluster_parameters = cluster_parameters(build);
    let parameters = parameters(build);
    let secret = secret(build, ground.keys, names::AURORA_PASSWORD, "postgres");
    let database = build.platform.database.clone();
    let identifier = Cluster::name(names::AURORA, build.env());
    let cluster = Cluster {
        tags: build.tags(Cluster::KIND, names::AURORA, &identifier),
        identifier,
        engine_version: version(build),
        database: database.name.clone(),
        username: database.username.clone(),
        secret: secret.clone(),
        subnet_group,
        security_group: ground.security_group,
        parameter_group: cluster_parameters.clone(),
        instance_parameter_group: parameters.clone(),
        key: ground.keys.app.clone(),
        log_groups: ground.log_groups,
        port: build.platform.database_port,
        storage_type: database.storage_type.clone(),
        backup_retention_days: database.backup_retention_days,
        backup_window: database.backup_window.clone(),
        maintenance_window: database.maintenance_window.clone(),
        deletion_protection: database.deletion_protection,
        apply_immediately: database.apply_immediately,
    };
    let cluster = build.graph.add(COMPONENT, &build.region, names::AURORA, cluster);
    let endpoint = Endpoint::Cluster(cluster.clone());
    let attachment =
        Attachment { secret: secret.clone(), database: endpoint.clone(), port: build.platform.database_port };
    let attachment = build.graph.add(COMPONENT, &build.region, names::AURORA_PASSWORD, attachment);
    let instances = instances(build, ground.keys, &cluster, (&cluster_parameters, &parameters));
    let writer = instances.iter().take(1).map(|writer| writer.node().clone());
    let ready = writer.chain([attachment.node().clone()]).collect();
    let sources = [
        ("instance", Sources::Instances(instances)),
        ("cluster", Sources::Cluster(cluster.clone())),
        ("parameter-group", Sources::ParameterGroup(parameters.clone())),
        // Of the kind that RDS itself once had: a VPC's groups are reported by the audit trail.
        ("security-group", Sources::All),
    ];
    subscriptions(build, ground.topic, sources);
    Database { endpoint, login: secret, ready }
}

pub fn subnet_group(build: &mut Build<'_>, subnets: Vec<Ref<Subnet>>) -> Ref<SubnetGroup> {
    let node = "aurora-subnets";
    let name = SubnetGroup::name(node, build.env());
    let description = format!("Database subnets of payment environment {}", build.env());
    let tags = build.tags(SubnetGroup::KIND, node, &name);
    let zones = build.platform.zones.iter().map(|zone| zone.name.clone()).collect();
    build.graph.add(COMPONENT, &build.region, node, SubnetGroup { name, description, subnets, zones, tags })
}

/// The version that the database is to be at.
pub fn version(build: &Build<'_>) -> Version {
    let database = &build.platform.database;
    Version { engine: database.engine, number: database.engine_version.clone(), asked: database.engine_version_asked }
}

/// The node of the parameter groups: another major version than the first has groups of its own.
fn parameters_node(build: &Build<'_>) -> String {
    let database = &build.platform.database;
    match database.major() == database.first_major {
        true => "params".to_owned(),
        false => format!("params-{}", database.major()),
    }
}

fn cluster_parameters(build: &mut Build<'_>) -> Ref<ClusterParameterGroup> {
    let node = parameters_node(build);
    let name = ClusterParameterGroup::name(&node, build.env());
    let group = ClusterParameterGroup {
        family: build.platform.database.family(),
        description: format!("Cluster parameters of payment environment {}", build.env()),
        parameters: build.platform.database.parameters.clone(),
        tags: build.tags(ClusterParameterGroup::KIND, &node, &name),
        name,
    };
    build.graph.add(COMPONENT, &build.region, node, group)
}

fn parameters(build: &mut Build<'_>) -> Ref<ParameterGroup> {
    let node = parameters_node(build);
    let name = ParameterGroup::name(&node, build.env());
    let group = ParameterGroup {
        family: build.platform.database.family(),
        description: format!("Instance parameters of payment environment {}", build.env()),
        parameters: build.platform.database.instance_parameters.clone(),
        tags: build.tags(ParameterGroup::KIND, &node, &name),
        name,
    };
    build.graph.add(COMPONENT, &build.region, node, group)
}

/// The master login; `engine` as AWS's rotation functions call it.
pub fn secret(build: &mut Build<'_>, keys: &Keys, node: &str, engine: &str) -> Ref<Secret> {
    let name = Secret::name(node, build.env(), &build.owner.uid);
    let database = &build.platform.database;
    let secret = Secret {
        login: Login {
            username: database.username.clone(),
            engine: engine.to_owned(),
            database: database.name.clone(),
            port: build.platform.database_port,
            password_length: usize::try_from(database.password_length).unwrap_or_default(),
        },
        key: keys.app.clone(),
        recovery_window_days: database.secret_recovery_window_days,
        tags: build.tags(Secret::KIND, node, &name),
        name,
    };
    build.graph.add(COMPONENT, &build.region, node, secret)
}

/// The writer, then the readers, over the zones in turn.
fn instances(
    build: &mut Build<'_>,
    keys: &Keys,
    cluster: &Ref<Cluster>,
    parameters: (&Ref<ClusterParameterGroup>, &Ref<ParameterGroup>),
) -> Vec<Ref<Instance>> {
    let role = monitoring_role(build);
    let database = build.platform.database.clone();
    let zones: Vec<String> = build.platform.zones.iter().map(|zone| zone.name.clone()).collect();
    let readers = (1..database.instance_zones.len()).map(|number| match number {
        1 => "reader".to_owned(),
        number => format!("reader-{number}"),
    });
    let nodes: Vec<String> = std::iter::once("writer".to_owned()).chain(readers).collect();
    let mut made: Vec<Ref<Instance>> = Vec::new();
    for (place, node) in nodes.into_iter().enumerate() {
        let identifier = Instance::name(&node, build.env());
        let instance = Instance {
            tags: build.tags(Instance::KIND, &node, &identifier),
            identifier,
            cluster: cluster.clone(),
            class: database.instance_class.clone(),
            zone: database.instance_zones[place].clone(),
            zones: zones.clone(),
            parameter_group: parameters.1.clone(),
            cluster_parameter_group: parameters.0.clone(),
            engine_version: version(build),
            monitoring_seconds: database.monitoring_seconds,
            monitoring_role: role.clone(),
            insights: database.performance_insights.then(|| Insights {
                key: keys.app.clone(),
                retention_days: database.performance_insights_retention_days,
            }),
            maintenance_window: database.maintenance_window.clone(),
            apply_immediately: database.apply_immediately,
        };
        // The first instance of a cluster becomes its writer.
        let writer: Option<NodeId> = made.first().map(|writer| writer.node().clone());
        made.push(build.graph.add_after(COMPONENT, &build.region, node, instance, writer));
    }
    made
}

/// What enhanced monitoring acts as.
pub fn monitoring_role(build: &mut Build<'_>) -> Ref<Role> {
    let (account, region) = (build.platform.account_id.clone(), build.region.to_string());
    // Against the confused deputy: only instances of this account and region may have it assumed.
    let trust = Statement::trust("monitoring.rds").when("StringEquals", "aws:SourceAccount", &account).when(
        "ArnLike",
        "aws:SourceArn",
        format!("arn:aws:rds:{region}:{account}:db:*"),
    );
    let name = Role::name(MONITORING, build.env());
    let role = Role {
        tags: build.tags_in(&Region::global(), Role::KIND, MONITORING, &name),
        name,
        trust: PolicyDocument::of([("EnhancedMonitoring", trust)]),
        inline: BTreeMap::new(),
        attached: BTreeSet::from([MONITORING_POLICY.to_owned()]),
    };
    build.graph.add(COMPONENT, &Region::global(), MONITORING, role)
}

/// Events of these types of source go to the topic.
pub fn subscriptions<'a>(build: &mut Build<'_>, topic: &Ref<Topic>, all: impl IntoIterator<Item = (&'a str, Sources)>) {
    for (node, sources) in all {
        let name = EventSubscription::name(node, build.env());
        let subscription = EventSubscription {
            topic: topic.clone(),
            source_type: format!("db-{node}"),
            sources,
            tags: build.tags(EventSubscription::KIND, node, &name),
            name,
        };
        build.graph.add(COMPONENT, &build.region, node, subscription);
    }
}
