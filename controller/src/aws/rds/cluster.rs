//! Aurora cluster: the platform's database (PCI DSS 3.5.1: encrypted under its own key; 1.4.4: reached from inside only;
//! 10.2.1: its log is exported; 10.7.1: protected against deletion).
//!
//! Its master login comes from a secret and goes nowhere else: it is read for the call that makes the cluster. Which secret
//! that was is a tag, so that a secret made again leads to another password here too. A minor version that AWS has moved to is
//! kept. What waits for the maintenance window counts as done.
//!
//! AWS rules obeyed: RDS makes its service-linked role with the caller's permission; the version must be offered and the parameter group of its family; the key's policy must admit RDS; the
//! log group exists before the cluster that exports to it; backup and maintenance windows must not overlap; encryption,
//! engine, database and user name never change; storage type `aurora` is not returned; a protected cluster and one with
//! instances cannot be deleted; a deletion names its final snapshot or skips it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_rds::types::{DbCluster, DbInstance, Filter};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Replace};
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::cluster_changes::modification;
use super::{
    ClusterParameterGroup, ParameterGroup, SubnetGroup, Version, arn, broken, busy, change_tags, name_fits, name_of,
    names_of,
};
use super::{clusters, exported, instances, tag_list, tag_map};
use crate::aws::ec2::SecurityGroup;
use crate::aws::error::{During, gone, too_early};
use crate::aws::kms::Key;
use crate::aws::logs::LogGroup;
use crate::aws::secretsmanager::{Secret, credentials, suffix};
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::unread::Unread;
use crate::aws::{Aws, touches};

/// What the identifiers of our clusters begin with.
const PREFIX: &str = "aurora-payment-";

pub const ENGINE: &str = "aurora-postgresql";

/// ARN of the secret whose password the master user has got.
pub const MASTER_SECRET: &str = "paymentplatform.io/master-secret";

/// A cluster of Aurora PostgreSQL.
#[derive(Clone, Serialize)]
pub struct Cluster {
    pub identifier: String,
    pub engine_version: Version,
    pub database: String,
    pub username: String,
    pub secret: Ref<Secret>,
    pub subnet_group: Ref<SubnetGroup>,
    pub security_group: Ref<SecurityGroup>,
    pub parameter_group: Ref<ClusterParameterGroup>,
    /// That of its instances: an upgrade to another major version names both.
    pub instance_parameter_group: Ref<ParameterGroup>,
    pub key: Ref<Key>,
    /// Made before what writes to them.
    pub log_groups: Vec<Ref<LogGroup>>,
    pub port: u16,
    /// None: `aurora`.
    pub storage_type: Option<String>,
    pub backup_retention_days: i32,
    pub backup_window: String,
    pub maintenance_window: String,
    pub deletion_protection: bool,
    /// Whether changes are made at once, instead of in the maintenance window.
    pub apply_immediately: bool,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub identifier: String,
    pub engine: String,
    pub engine_version: String,
    pub database: Option<String>,
    pub username: String,
    pub subnet_group: String,
    pub security_groups: BTreeSet<String>,
    pub parameter_group: String,
    pub key_arn: Option<String>,
    pub port: i32,
    pub storage_type: Option<String>,
    pub backup_retention_days: i32,
    pub backup_window: String,
    pub maintenance_window: String,
    /// Kinds of log that go to CloudWatch Logs.
    pub log_exports: BTreeSet<String>,
    pub iam_authentication: bool,
    pub deletion_protection: bool,
    pub copy_tags_to_snapshot: bool,
    /// Whether statements can be sent over HTTPS with nothing but permissions (the Data API). Not wanted.
    pub http_endpoint: bool,
    /// Roles with which the database may call other services. None are wanted.
    pub roles: BTreeSet<String>,
    /// Whether RDS keeps the password in a secret of its own. Not wanted: ours would then hold an old one.
    pub password_managed_by_rds: bool,
    /// Whether somebody has stopped it.
    pub stopped: bool,
    /// Instances that somebody else has put into it, through which its data can be reached. None are wanted.
    pub foreign_instances: BTreeSet<String>,
    pub tags: TagMap,
    #[serde(skip)]
    pub secret_arn: Unread<String>,
    /// The version that runs now, whatever waits for the window.
    #[serde(skip)]
    pub running_version: Unread<String>,
    /// What an upgrade to another major version names: parameter groups of the cluster and of its instances.
    #[serde(skip)]
    pub groups_to_be: Unread<(String, String)>,
    #[serde(skip)]
    pub apply_immediately: Unread<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub identifier: String,
    pub endpoint: String,
    pub reader_endpoint: String,
    pub port: i32,
    pub engine_version: String,
}

impl Cluster {
    /// `node` is the engine's family.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{node}-payment-{environment}")
    }
}

impl Resource for Cluster {
    const KIND: &'static str = "rds/cluster";
    const ACTIONS: &'static [&'static str] = &[
        "iam:CreateServiceLinkedRole",
        "rds:AddTagsToResource",
        "rds:CreateDBCluster",
        "rds:CreateDBClusterSnapshot",
        "rds:DeleteDBCluster",
        "rds:DeleteDBInstance",
        "rds:DescribeDBClusters",
        "rds:DescribeDBInstances",
        "rds:DisableHttpEndpoint",
        "rds:ModifyDBCluster",
        "rds:RemoveRoleFromDBCluster",
        "rds:RemoveTagsFromResource",
        "rds:StartDBCluster",
        "secretsmanager:GetSecretValue",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[
        ("engine", Replace::Refuse),
        ("database", Replace::Refuse),
        ("username", Replace::Refuse),
        ("key_arn", Replace::Refuse),
        ("subnet_group", Replace::Refuse),
    ];
    const CLOSE_FIRST: &'static [&'static str] = &[
        "security_groups",
        "foreign_instances",
        "log_exports",
        "http_endpoint",
        "roles",
        "deletion_protection",
        "backup_retention_days",
        "password_managed_by_rds",
    ];
    const STATEFUL: bool = true;
    const OUTLIVED_BY_DATA: bool = true;
    const TIER: Tier = Tier::Fast;
    const DEADLINE: Duration = Duration::from_secs(60 * 60);
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn loses_data(change: &Change) -> bool {
        let days = |value: &Option<serde_json::Value>| value.as_ref().and_then(serde_json::Value::as_i64);
        change.field() == "backup_retention_days" && days(&change.after) < days(&change.before)
    }

    fn unique_name(&self) -> Option<String> {
        Some(self.identifier.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let secret_arn = up.get(&self.secret)?.arn.clone();
        let mut tags = self.tags.over(seen.map(|seen| &seen.tags));
        tags.insert(MASTER_SECRET.to_owned(), secret_arn.clone());
        for group in &self.log_groups {
            up.get(group)?;
        }
        let group = up.get(&self.parameter_group)?.name.clone();
        // A group of another major version is refused until the upgrade has been made, which brings it along.
        let waits =
            seen.filter(|seen| seen.running_version.get().is_some_and(|now| !self.engine_version.same_major(now)));
        let parameter_group = waits.map_or_else(|| group.clone(), |seen| seen.parameter_group.clone());
        Ok(Fields {
            identifier: self.identifier.clone(),
            engine: ENGINE.to_owned(),
            engine_version: self.engine_version.over(seen.map(|seen| seen.engine_version.as_str())),
            database: Some(self.database.clone()),
            username: self.username.clone(),
            subnet_group: up.get(&self.subnet_group)?.name.clone(),
            security_groups: BTreeSet::from([up.text(&self.security_group, "sg-", |group| &group.group_id)]),
            parameter_group,
            key_arn: Some(up.get(&self.key)?.arn.clone()),
            port: i32::from(self.port),
            storage_type: self.storage_type.clone(),
            backup_retention_days: self.backup_retention_days,
            backup_window: self.backup_window.clone(),
            maintenance_window: self.maintenance_window.clone(),
            log_exports: BTreeSet::from(["postgresql".to_owned()]),
            iam_authentication: true,
            deletion_protection: self.deletion_protection,
            copy_tags_to_snapshot: true,
            http_endpoint: false,
            roles: BTreeSet::new(),
            password_managed_by_rds: false,
            stopped: false,
            foreign_instances: BTreeSet::new(),
            tags,
            secret_arn: Unread::of(secret_arn),
            running_version: Unread::default(),
            groups_to_be: Unread::of((group, up.get(&self.instance_parameter_group)?.name.clone())),
            apply_immediately: Unread::of(self.apply_immediately),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let clusters = match look {
            Look::All => clusters(&aws).await?.to_vec(),
            // A filter, unlike an identifier, does not fail when one of them is gone.
            Look::Ids(ids) => {
                let filter = Filter::builder().name("db-cluster-id").set_values(Some(names_of(&ids))).build();
                let call = aws.rds.describe_db_clusters().filters(filter).max_records(100).into_paginator();
                call.items().send().collect::<Result<Vec<_>, _>>().await.during("rds:DescribeDBClusters")?
            }
        };
        let ours = |cluster: &DbCluster| {
            cluster.db_cluster_identifier().is_some_and(|name| name.starts_with(PREFIX))
                || claim(&tag_map(cluster.tag_list())).is_some()
        };
        let clusters: Vec<DbCluster> = clusters.into_iter().filter(ours).collect();
        let instances = if clusters.is_empty() { &[] } else { instances(&aws).await? };
        Ok(clusters.into_iter().map(|cluster| found(&aws, cluster, instances)).collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let login = credentials(&cx.cloud, want.secret_arn.get().map_or("", String::as_str)).await?;
        let call = cx.cloud.rds.create_db_cluster().db_cluster_identifier(&want.identifier).engine(&want.engine);
        let call = call.engine_version(&want.engine_version).set_database_name(want.database.clone()).port(want.port);
        let call = call.master_username(&want.username).set_master_user_password(login.password().map(str::to_owned));
        let call = call.db_subnet_group_name(&want.subnet_group);
        let call = call.set_vpc_security_group_ids(Some(want.security_groups.iter().cloned().collect()));
        let call = call.db_cluster_parameter_group_name(&want.parameter_group);
        let call = call.storage_encrypted(true).set_kms_key_id(want.key_arn.clone());
        let call = call.set_storage_type(want.storage_type.clone());
        let call = call.backup_retention_period(want.backup_retention_days);
        let call = call.preferred_backup_window(&want.backup_window);
        let call = call.preferred_maintenance_window(&want.maintenance_window);
        let call = call.set_enable_cloudwatch_logs_exports(Some(want.log_exports.iter().cloned().collect()));
        let call = call.enable_iam_database_authentication(want.iam_authentication);
        let call = call.deletion_protection(want.deletion_protection).copy_tags_to_snapshot(want.copy_tags_to_snapshot);
        let made = call.set_tags(Some(tag_list(&want.tags))).send().await.during("rds:CreateDBCluster");
        match linked_role_may_be_new(made)?.db_cluster.and_then(|cluster| output(&cx.cloud, &cluster)) {
            Some(now) => Ok(Progress::Done(now)),
            None => Ok(waiting(&cx, &want.identifier, "the cluster is available")),
        }
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let rds = &cx.cloud.rds;
        if touches(&changes, "stopped") {
            start_cluster(&cx.cloud, &now.identifier).await?;
            return Ok(waiting(&cx, &now.identifier, "the cluster has started"));
        }
        for role in changes.iter().filter(|change| change.field() == "roles").filter_map(Change::element) {
            // As it stands in the field: the feature follows the ARN, if the role is for one.
            let (role, feature) = role.split_once(' ').map_or((role, None), |(role, feature)| (role, Some(feature)));
            let call = rds.remove_role_from_db_cluster().db_cluster_identifier(&now.identifier).role_arn(role);
            let call = call.set_feature_name(feature.map(str::to_owned)).send().await;
            gone(call.during("rds:RemoveRoleFromDBCluster"))?;
        }
        if touches(&changes, "http_endpoint") {
            let call = rds.disable_http_endpoint().resource_arn(&now.arn).send().await;
            call.during("rds:DisableHttpEndpoint")?;
        }
        if let Some(call) = modification(&cx.cloud, &now, &want, &changes).await? {
            call.send().await.during("rds:ModifyDBCluster")?;
        }
        // Last: whoever may not delete it has closed everything else before.
        for instance in changes.iter().filter(|one| one.field() == "foreign_instances").filter_map(Change::element) {
            let call = rds.delete_db_instance().db_instance_identifier(instance).skip_final_snapshot(true).send().await;
            gone(call.during("rds:DeleteDBInstance"))?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        if touches(&changes, "engine_version") && want.apply_immediately.get() == Some(&true) {
            return Ok(waiting(&cx, &now.identifier, "the cluster runs the new version"));
        }
        Ok(Progress::Done(now))
    }

    /// Lifts the protection against deletion: whoever deletes the platform has confirmed it.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let rds = &cx.cloud.rds;
        let name = name_of(&cloud_id).to_owned();
        let answer = rds.describe_db_clusters().db_cluster_identifier(&name).send().await;
        let answer = gone(answer.during("rds:DescribeDBClusters"))?;
        let Some(cluster) = answer.and_then(|answer| answer.db_clusters?.pop()) else {
            return Ok(Progress::Done(()));
        };
        if cluster.status() == Some("deleting") {
            return Ok(waiting(&cx, &name, "the cluster is deleted"));
        }
        if cluster.status() == Some("stopped") {
            start_cluster(&cx.cloud, &name).await?;
            return Ok(waiting(&cx, &name, "the cluster has started, which RDS needs to delete it"));
        }
        if cluster.deletion_protection.unwrap_or_default() {
            let call = rds.modify_db_cluster().db_cluster_identifier(&name).deletion_protection(false);
            call.apply_immediately(true).send().await.during("rds:ModifyDBCluster")?;
        }
        let snapshot = cx.keep_data.then(|| final_snapshot(&name, &tag_map(cluster.tag_list())));
        match delete(&cx.cloud, &name, snapshot.clone()).await {
            // An earlier cluster of this object has left one of that name.
            Err(error) if error.code == "DBClusterSnapshotAlreadyExistsFault" => {
                let made = cluster.cluster_create_time.map_or(0, |time| time.secs());
                delete(&cx.cloud, &name, snapshot.map(|snapshot| format!("{snapshot}-{made:x}"))).await?;
            }
            answer => answer?,
        }
        if Self::sweep(cx.cloud.round(), Look::Ids(vec![cloud_id])).await?.is_empty() {
            return Ok(Progress::Done(()));
        }
        Ok(waiting(&cx, &name, "the cluster is deleted"))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

/// The first database of an account brings a service-linked role. Until that can be used everywhere, RDS asks to try again later, by
/// the code that it has for all else that is not valid.
fn linked_role_may_be_new<T>(answer: Result<T, CloudError>) -> Result<T, CloudError> {
    too_early(answer, |error| error.code == "InvalidParameterValue" && error.message.contains("service linked role"))
}

/// Starts a cluster that is stopped. One that starts already is left to it.
pub(super) async fn start_cluster(aws: &Aws, identifier: &str) -> Result<(), CloudError> {
    let call = aws.rds.start_db_cluster().db_cluster_identifier(identifier).send().await;
    match call.during("rds:StartDBCluster") {
        Err(error) if error.code == "InvalidDBClusterStateFault" => {
            let read = aws.rds.describe_db_clusters().db_cluster_identifier(identifier).send().await;
            let read = read.during("rds:DescribeDBClusters")?.db_clusters.unwrap_or_default();
            match read.first().and_then(|cluster| cluster.status()) {
                Some("starting" | "available") => Ok(()),
                _ => Err(error),
            }
        }
        answer => answer.map(drop),
    }
}

fn waiting<T>(cx: &Context<Aws>, identifier: &str, until: &'static str) -> Progress<T> {
    let cloud_id = Some(arn(&cx.cloud, "cluster", identifier));
    Progress::Waiting { cloud_id, until, retry: cx.cloud.limits.poll }
}

fn found(aws: &Aws, cluster: DbCluster, instances: &[DbInstance]) -> Found<Cluster> {
    let identifier = cluster.db_cluster_identifier.clone().unwrap_or_default();
    let arn = arn(aws, "cluster", &identifier);
    let status = cluster.status.clone().unwrap_or_default();
    let tags = tag_map(cluster.tag_list());
    let fields = Fields { foreign_instances: foreign(&cluster, &tags, instances), ..fields(&cluster, tags.clone()) };
    let uses = [
        super::arn(aws, "subgrp", &fields.subnet_group),
        super::arn(aws, "cluster-pg", &fields.parameter_group),
        log_group(&identifier),
    ];
    let uses = uses.into_iter().chain(fields.security_groups.clone()).chain(fields.key_arn.clone());
    let output = output(aws, &cluster);
    Found {
        claim: claim(&tags),
        name: Some(identifier.clone()),
        name_fits: name_fits(&tags, &identifier, Cluster::name),
        cloud_id: arn,
        uses: uses.chain(tags.get(MASTER_SECRET).cloned()).collect(),
        fields: broken("rds:DescribeDBClusters", &status).map_or(Ok(fields), Err),
        output,
        busy: busy(&status),
        unready: None,
        leaving: false,
        created: cluster.cluster_create_time.map(|time| time.secs()),
    }
}

/// What others may use, once it is there.
fn output(aws: &Aws, cluster: &DbCluster) -> Option<Output> {
    let usable = !matches!(cluster.status(), None | Some("creating" | "deleting"));
    let endpoint = cluster.endpoint().filter(|endpoint| usable && !endpoint.is_empty())?;
    let identifier = cluster.db_cluster_identifier()?.to_owned();
    Some(Output {
        arn: arn(aws, "cluster", &identifier),
        identifier,
        endpoint: endpoint.to_owned(),
        reader_endpoint: cluster.reader_endpoint().unwrap_or_default().to_owned(),
        port: cluster.port.unwrap_or_default(),
        engine_version: cluster.engine_version().unwrap_or_default().to_owned(),
    })
}

/// Where a cluster's log goes; RDS makes it, without key and retention, when it is not there.
pub fn log_group(identifier: &str) -> String {
    format!("/aws/rds/cluster/{identifier}/postgresql")
}

/// Members of the cluster that are not of its own platform. Those that are on their way out count no longer.
fn foreign(cluster: &DbCluster, tags: &TagMap, instances: &[DbInstance]) -> BTreeSet<String> {
    let owner = claim(tags).map(|claim| claim.owner);
    let foreign = |instance: &&DbInstance| {
        instance.db_cluster_identifier() == cluster.db_cluster_identifier()
            && instance.db_instance_status() != Some("deleting")
            && claim(&tag_map(instance.tag_list())).map(|claim| claim.owner) != owner
            && !instance.db_instance_identifier().is_some_and(|name| own_name(cluster, name))
    };
    instances.iter().filter(foreign).filter_map(|instance| instance.db_instance_identifier.clone()).collect()
}

/// One of our own that has lost its tags is put right by its own node.
fn own_name(cluster: &DbCluster, instance: &str) -> bool {
    let rest = instance.strip_prefix(cluster.db_cluster_identifier().unwrap_or_default());
    rest.is_some_and(|rest| rest == "-writer" || rest.starts_with("-reader"))
}

/// What it is, or will be after its maintenance window.
fn fields(cluster: &DbCluster, tags: TagMap) -> Fields {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let pending = cluster.pending_modified_values();
    let groups = cluster.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id.clone());
    let encrypted = cluster.storage_encrypted.unwrap_or_default();
    let roles = cluster.associated_roles().iter().filter_map(|role| {
        let arn = role.role_arn.clone()?;
        Some(role.feature_name.as_ref().map_or(arn.clone(), |feature| format!("{arn} {feature}")))
    });
    Fields {
        identifier: text(cluster.db_cluster_identifier()),
        engine: text(cluster.engine()),
        engine_version: text(pending.and_then(|pending| pending.engine_version()).or(cluster.engine_version())),
        database: cluster.database_name.clone(),
        username: text(cluster.master_username()),
        subnet_group: text(cluster.db_subnet_group()),
        security_groups: groups.collect(),
        parameter_group: text(cluster.db_cluster_parameter_group()),
        key_arn: cluster.kms_key_id.clone().filter(|_| encrypted),
        port: cluster.port.unwrap_or_default(),
        storage_type: pending
            .and_then(|pending| pending.storage_type.clone())
            .or(cluster.storage_type.clone())
            .filter(|storage| storage != "aurora"),
        backup_retention_days: pending
            .and_then(|pending| pending.backup_retention_period)
            .or(cluster.backup_retention_period)
            .unwrap_or_default(),
        backup_window: text(cluster.preferred_backup_window()),
        maintenance_window: text(cluster.preferred_maintenance_window()),
        log_exports: exported(
            cluster.enabled_cloudwatch_logs_exports(),
            pending.and_then(|pending| pending.pending_cloudwatch_logs_exports()),
        ),
        iam_authentication: pending
            .and_then(|pending| pending.iam_database_authentication_enabled)
            .or(cluster.iam_database_authentication_enabled)
            .unwrap_or_default(),
        deletion_protection: cluster.deletion_protection.unwrap_or_default(),
        copy_tags_to_snapshot: cluster.copy_tags_to_snapshot.unwrap_or_default(),
        http_endpoint: cluster.http_endpoint_enabled.unwrap_or_default(),
        roles: roles.collect(),
        password_managed_by_rds: cluster.master_user_secret().is_some(),
        stopped: cluster.status() == Some("stopped"),
        foreign_instances: BTreeSet::new(),
        tags,
        secret_arn: Unread::default(),
        running_version: Unread::of(text(cluster.engine_version())),
        groups_to_be: Unread::default(),
        apply_immediately: Unread::default(),
    }
}

/// The name of the snapshot that a cluster with these tags leaves behind: one for the object's whole life.
fn final_snapshot(cluster: &str, tags: &TagMap) -> String {
    let uid = claim(tags).map(|claim| claim.owner.uid).unwrap_or_default();
    format!("{cluster}-final-{}", suffix(&uid))
}

/// Asks for the deletion; where data is kept, with a snapshot under this name.
async fn delete(aws: &Aws, name: &str, snapshot: Option<String>) -> Result<(), CloudError> {
    let call = aws.rds.delete_db_cluster().db_cluster_identifier(name).skip_final_snapshot(snapshot.is_none());
    let call = call.set_final_db_snapshot_identifier(snapshot).send().await;
    gone(call.during("rds:DeleteDBCluster")).map(drop)
}
