//! RDS for MySQL: one instance with a standby in another zone (PCI DSS 3.5.1: encrypted under the platform's key; 1.4.4: without a
//! public address; 4.2.1: reached over TLS only; 10.2.1: who connects and who changes what is recorded).
//!
//! AWS rules obeyed: parameter and option group are of the version's major; storage only grows; a new role cannot be assumed
//! for some seconds; the backup window does not overlap that of maintenance; protection against deletion is lifted first.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_rds::types::{DbInstance, Filter};
use jiff::Timestamp;
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Replace};
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::cluster::MASTER_SECRET;
use super::instance::{Insights, InsightsFields, role_may_be_new};
use super::mysql_changes::modification;
use super::restart::{self, restart};
use super::{
    OptionGroup, ParameterGroup, SubnetGroup, Version, arn, broken, busy, change_tags, exported, instances, name_fits,
    name_of, names_of, tag_list, tag_map,
};
use crate::aws::ec2::SecurityGroup;
use crate::aws::error::{During, gone};
use crate::aws::iam::Role;
use crate::aws::kms::Key;
use crate::aws::logs::LogGroup;
use crate::aws::secretsmanager::{Secret, credentials, suffix};
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::unread::Unread;
use crate::aws::{Aws, touches};

/// What the identifiers of our instances begin with.
const PREFIX: &str = "mysql-payment-";

pub(super) const ENGINE: &str = "mysql";

/// The logs that go to CloudWatch Logs.
pub const LOGS: [&str; 3] = ["audit", "error", "slowquery"];

/// A database of its own.
#[derive(Clone, Serialize)]
pub struct MysqlInstance {
    pub identifier: String,
    pub engine_version: Version,
    pub database: String,
    pub username: String,
    /// The login that it is made with.
    pub secret: Ref<Secret>,
    pub class: String,
    pub multi_az: bool,
    /// GiB.
    pub allocated_storage: i32,
    pub key: Ref<Key>,
    pub subnet_group: Ref<SubnetGroup>,
    pub security_group: Ref<SecurityGroup>,
    pub parameter_group: Ref<ParameterGroup>,
    pub option_group: Ref<OptionGroup>,
    /// Made before what writes to them.
    pub log_groups: Vec<Ref<LogGroup>>,
    pub port: u16,
    pub backup_retention_days: i32,
    pub backup_window: String,
    pub maintenance_window: String,
    pub monitoring_seconds: i32,
    pub monitoring_role: Ref<Role>,
    /// None: off, or not supported.
    pub insights: Option<Insights>,
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
    pub class: String,
    pub multi_az: bool,
    pub allocated_storage: i32,
    pub storage_type: String,
    pub key_arn: Option<String>,
    pub subnet_group: String,
    pub security_groups: BTreeSet<String>,
    pub parameter_group: String,
    pub option_group: String,
    pub port: i32,
    pub public: bool,
    pub backup_retention_days: i32,
    pub backup_window: String,
    pub maintenance_window: String,
    /// Kinds of log that go to CloudWatch Logs.
    pub log_exports: BTreeSet<String>,
    pub iam_authentication: bool,
    pub deletion_protection: bool,
    pub copy_tags_to_snapshot: bool,
    pub automatic_minor_upgrades: bool,
    pub monitoring_seconds: i32,
    pub monitoring_role_arn: Option<String>,
    pub insights: Option<InsightsFields>,
    /// Roles with which the database may call other services. None are wanted.
    pub roles: BTreeSet<String>,
    /// Whether RDS keeps the password in a secret of its own. Not wanted: ours would then hold an old one.
    pub password_managed_by_rds: bool,
    /// Whether somebody has stopped it.
    pub stopped: bool,
    /// Whether parameters wait for a restart that is not due yet.
    pub waits_for_restart: bool,
    pub tags: TagMap,
    #[serde(skip)]
    pub secret_arn: Unread<String>,
    /// What its storage can do now.
    #[serde(skip)]
    pub performance: Unread<Performance>,
    /// Whether it is the time of its maintenance window.
    #[serde(skip)]
    pub window_is_open: Unread<bool>,
    /// The version that runs now, whatever waits for the window.
    #[serde(skip)]
    pub running_version: Unread<String>,
    /// What an upgrade to another major version names: parameter group and option group.
    #[serde(skip)]
    pub groups_to_be: Unread<(String, String)>,
    #[serde(skip)]
    pub apply_immediately: Unread<bool>,
}

/// What storage can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    /// Operations a second.
    pub iops: i32,
    /// MiB a second.
    pub throughput: i32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub identifier: String,
    pub endpoint: String,
    pub port: i32,
    pub engine_version: String,
}

impl MysqlInstance {
    /// `node` is the engine.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{node}-payment-{environment}")
    }
}

/// Where a log of an instance goes; RDS makes it, without key and retention, when it is not there.
pub fn instance_log_group(identifier: &str, log: &str) -> String {
    format!("/aws/rds/instance/{identifier}/{log}")
}

impl Resource for MysqlInstance {
    const KIND: &'static str = "rds/mysql-instance";
    const ACTIONS: &'static [&'static str] = &[
        "iam:CreateServiceLinkedRole",
        "iam:PassRole",
        "rds:AddTagsToResource",
        "rds:CreateDBInstance",
        "rds:CreateDBSnapshot",
        "rds:DeleteDBInstance",
        "rds:DescribeDBInstances",
        "rds:ModifyDBInstance",
        "rds:RebootDBInstance",
        "rds:RemoveRoleFromDBInstance",
        "rds:RemoveTagsFromResource",
        "rds:StartDBInstance",
        "secretsmanager:GetSecretValue",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[
        ("engine", Replace::Refuse),
        ("database", Replace::Refuse),
        ("username", Replace::Refuse),
        ("key_arn", Replace::Refuse),
        ("subnet_group", Replace::Refuse),
        ("insights.key_arn", Replace::Refuse),
    ];
    const CLOSE_FIRST: &'static [&'static str] = &[
        "security_groups",
        "public",
        "log_exports",
        "roles",
        "deletion_protection",
        "backup_retention_days",
        "password_managed_by_rds",
        "monitoring_seconds",
        "monitoring_role_arn",
    ];
    const STATEFUL: bool = true;
    const OUTLIVED_BY_DATA: bool = true;
    const RETRIES: &'static [&'static str] = &["waits_for_restart"];
    const TIER: Tier = Tier::Fast;
    const DEADLINE: Duration = Duration::from_secs(120 * 60);
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
        let insights = self.insights.as_ref().map(|insights| {
            let key_arn = up.get(&insights.key)?.arn.clone();
            let present = seen.and_then(|seen| seen.insights.as_ref()).map(|seen| Unread::of(seen.key_arn.clone()));
            let present_key_arn = present.unwrap_or_default();
            Ok(InsightsFields { key_arn, retention_days: insights.retention_days, present_key_arn })
        });
        let groups = (up.get(&self.parameter_group)?.name.clone(), up.get(&self.option_group)?.name.clone());
        // Groups of another major version are refused until the upgrade has been made, which brings them along.
        let waits =
            seen.filter(|seen| seen.running_version.get().is_some_and(|now| !self.engine_version.same_major(now)));
        let (parameter_group, option_group) =
            waits.map_or_else(|| groups.clone(), |seen| (seen.parameter_group.clone(), seen.option_group.clone()));
        let not_due = |seen: &Fields| !self.apply_immediately && seen.window_is_open.get() != Some(&true);
        let waits_for_restart = seen.is_some_and(|seen| seen.waits_for_restart && not_due(seen));
        Ok(Fields {
            identifier: self.identifier.clone(),
            engine: ENGINE.to_owned(),
            engine_version: self.engine_version.over(seen.map(|seen| seen.engine_version.as_str())),
            database: Some(self.database.clone()),
            username: self.username.clone(),
            class: self.class.clone(),
            multi_az: self.multi_az,
            // What has grown stays.
            allocated_storage: seen.map_or(0, |seen| seen.allocated_storage).max(self.allocated_storage),
            storage_type: "gp3".to_owned(),
            key_arn: Some(up.get(&self.key)?.arn.clone()),
            subnet_group: up.get(&self.subnet_group)?.name.clone(),
            security_groups: BTreeSet::from([up.text(&self.security_group, "sg-", |group| &group.group_id)]),
            parameter_group,
            option_group,
            port: i32::from(self.port),
            public: false,
            backup_retention_days: self.backup_retention_days,
            backup_window: self.backup_window.clone(),
            maintenance_window: self.maintenance_window.clone(),
            log_exports: LOGS.map(str::to_owned).into(),
            iam_authentication: true,
            deletion_protection: self.deletion_protection,
            copy_tags_to_snapshot: true,
            automatic_minor_upgrades: true,
            monitoring_seconds: self.monitoring_seconds,
            monitoring_role_arn: Some(up.get(&self.monitoring_role)?.arn.clone()),
            insights: insights.transpose()?,
            roles: BTreeSet::new(),
            password_managed_by_rds: false,
            stopped: false,
            waits_for_restart,
            tags,
            secret_arn: Unread::of(secret_arn),
            running_version: Unread::default(),
            performance: seen.and_then(|seen| seen.performance.get().copied()).map(Unread::of).unwrap_or_default(),
            window_is_open: Unread::default(),
            groups_to_be: Unread::of(groups),
            apply_immediately: Unread::of(self.apply_immediately),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let seen = match look {
            Look::All => instances(&aws).await?.to_vec(),
            // A filter, unlike an identifier, does not fail when one of them is gone.
            Look::Ids(ids) => {
                let filter = Filter::builder().name("db-instance-id").set_values(Some(names_of(&ids))).build();
                let call = aws.rds.describe_db_instances().filters(filter).max_records(100).into_paginator();
                call.items().send().collect::<Result<Vec<_>, _>>().await.during("rds:DescribeDBInstances")?
            }
        };
        let ours = |instance: &DbInstance| {
            instance.db_cluster_identifier().is_none()
                && (instance.db_instance_identifier().is_some_and(|name| name.starts_with(PREFIX))
                    || claim(&tag_map(instance.tag_list())).is_some())
        };
        Ok(seen.into_iter().filter(ours).map(|instance| found(&aws, instance)).collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let login = credentials(&cx.cloud, want.secret_arn.get().map_or("", String::as_str)).await?;
        let call = cx.cloud.rds.create_db_instance().db_instance_identifier(&want.identifier).engine(&want.engine);
        let call = call.engine_version(&want.engine_version).set_db_name(want.database.clone()).port(want.port);
        let call = call.master_username(&want.username).set_master_user_password(login.password().map(str::to_owned));
        let call = call.db_instance_class(&want.class).multi_az(want.multi_az).publicly_accessible(want.public);
        let call = call.allocated_storage(want.allocated_storage).storage_type(&want.storage_type);
        let call = call.storage_encrypted(true).set_kms_key_id(want.key_arn.clone());
        let call = call.db_subnet_group_name(&want.subnet_group);
        let call = call.set_vpc_security_group_ids(Some(want.security_groups.iter().cloned().collect()));
        let call = call.db_parameter_group_name(&want.parameter_group).option_group_name(&want.option_group);
        let call = call.backup_retention_period(want.backup_retention_days);
        let call = call.preferred_backup_window(&want.backup_window);
        let call = call.preferred_maintenance_window(&want.maintenance_window);
        let call = call.set_enable_cloudwatch_logs_exports(Some(want.log_exports.iter().cloned().collect()));
        let call = call.enable_iam_database_authentication(want.iam_authentication);
        let call = call.deletion_protection(want.deletion_protection).copy_tags_to_snapshot(want.copy_tags_to_snapshot);
        let call = call.auto_minor_version_upgrade(want.automatic_minor_upgrades);
        let call = call.monitoring_interval(want.monitoring_seconds);
        let call = call.set_monitoring_role_arn(want.monitoring_role_arn.clone());
        let call = call.enable_performance_insights(want.insights.is_some());
        let call = match &want.insights {
            Some(insights) => call
                .performance_insights_kms_key_id(insights.key_arn())
                .performance_insights_retention_period(insights.retention_days),
            None => call,
        };
        let made = call.set_tags(Some(tag_list(&want.tags))).send().await.during("rds:CreateDBInstance");
        match role_may_be_new(made)?.db_instance.and_then(|instance| output(&cx.cloud, &instance)) {
            Some(now) => Ok(Progress::Done(now)),
            None => Ok(waiting(&cx, &want.identifier, "the instance is available")),
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
            let call = rds.start_db_instance().db_instance_identifier(&now.identifier).send().await;
            call.during("rds:StartDBInstance")?;
            return Ok(waiting(&cx, &now.identifier, "the instance has started"));
        }
        for role in changes.iter().filter(|change| change.field() == "roles").filter_map(Change::element) {
            // As it stands in the field: the feature follows the ARN.
            let (role, feature) = role.split_once(' ').unwrap_or((role, ""));
            let call = rds.remove_role_from_db_instance().db_instance_identifier(&now.identifier).role_arn(role);
            gone(call.feature_name(feature).send().await.during("rds:RemoveRoleFromDBInstance"))?;
        }
        if let Some(call) = modification(&cx.cloud, &now, &want, &changes).await? {
            role_may_be_new(call.send().await.during("rds:ModifyDBInstance"))?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        if touches(&changes, "waits_for_restart") {
            let at_once = want.apply_immediately.get() == Some(&true);
            if let Some(until) = restart(&cx.cloud, &now.identifier, at_once).await? {
                return Ok(waiting(&cx, &now.identifier, until));
            }
        }
        Ok(Progress::Done(now))
    }

    /// Lifts the protection against deletion: whoever deletes the platform has confirmed it.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let rds = &cx.cloud.rds;
        let name = name_of(&cloud_id).to_owned();
        let answer = rds.describe_db_instances().db_instance_identifier(&name).send().await;
        let answer = gone(answer.during("rds:DescribeDBInstances"))?;
        let Some(instance) = answer.and_then(|answer| answer.db_instances?.pop()) else {
            return Ok(Progress::Done(()));
        };
        if instance.db_instance_status() == Some("deleting") {
            return Ok(waiting(&cx, &name, "the instance is deleted"));
        }
        // One that is stopped takes no change, and its protection is one.
        if instance.db_instance_status() == Some("stopped") && instance.deletion_protection.unwrap_or_default() {
            let call = rds.start_db_instance().db_instance_identifier(&name).send().await;
            call.during("rds:StartDBInstance")?;
            return Ok(waiting(&cx, &name, "the instance has started, which RDS needs to lift its protection"));
        }
        if instance.deletion_protection.unwrap_or_default() {
            let call = rds.modify_db_instance().db_instance_identifier(&name).deletion_protection(false);
            call.apply_immediately(true).send().await.during("rds:ModifyDBInstance")?;
        }
        let uid = claim(&tag_map(instance.tag_list())).map(|claim| claim.owner.uid).unwrap_or_default();
        let snapshot = cx.keep_data.then(|| format!("{name}-final-{}", suffix(&uid)));
        match delete(&cx.cloud, &name, snapshot.clone()).await {
            // An earlier instance of this object has left one of that name.
            Err(error) if error.code == "DBSnapshotAlreadyExists" => {
                let made = instance.instance_create_time.map_or(0, |time| time.secs());
                delete(&cx.cloud, &name, snapshot.map(|snapshot| format!("{snapshot}-{made:x}"))).await?;
            }
            answer => answer?,
        }
        if Self::sweep(cx.cloud.round(), Look::Ids(vec![cloud_id])).await?.is_empty() {
            return Ok(Progress::Done(()));
        }
        Ok(waiting(&cx, &name, "the instance is deleted"))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

fn waiting<T>(cx: &Context<Aws>, identifier: &str, until: &'static str) -> Progress<T> {
    let cloud_id = Some(arn(&cx.cloud, "db", identifier));
    Progress::Waiting { cloud_id, until, retry: cx.cloud.limits.poll }
}

/// Asks for the deletion; where data is kept, with a snapshot under this name.
async fn delete(aws: &Aws, name: &str, snapshot: Option<String>) -> Result<(), CloudError> {
    let call = aws.rds.delete_db_instance().db_instance_identifier(name).skip_final_snapshot(snapshot.is_none());
    let call = call.set_final_db_snapshot_identifier(snapshot).send().await;
    gone(call.during("rds:DeleteDBInstance")).map(drop)
}

fn found(aws: &Aws, instance: DbInstance) -> Found<MysqlInstance> {
    let identifier = instance.db_instance_identifier.clone().unwrap_or_default();
    let status = instance.db_instance_status.clone().unwrap_or_default();
    let tags = tag_map(instance.tag_list());
    let waits = restart::is_pending(aws, &instance, &[]);
    let fields = Fields { waits_for_restart: waits, ..fields(&instance, tags.clone()) };
    let uses = [super::arn(aws, "subgrp", &fields.subnet_group), super::arn(aws, "pg", &fields.parameter_group)];
    // One that waits for the window stands beside the one that is in use.
    let options = instance.option_group_memberships().iter().filter_map(|group| group.option_group_name());
    let options: Vec<String> = options.map(|name| super::arn(aws, "og", name)).collect();
    let window = fields.maintenance_window.clone();
    let logs = LOGS.map(|log| instance_log_group(&identifier, log));
    let named = [fields.key_arn.clone(), fields.monitoring_role_arn.clone(), tags.get(MASTER_SECRET).cloned()];
    let uses = uses
        .into_iter()
        .chain(options)
        .chain(logs)
        .chain(fields.security_groups.clone())
        .chain(named.into_iter().flatten());
    Found {
        claim: claim(&tags),
        name: Some(identifier.clone()),
        name_fits: name_fits(&tags, &identifier, MysqlInstance::name),
        cloud_id: arn(aws, "db", &identifier),
        uses: uses.collect(),
        fields: broken("rds:DescribeDBInstances", &status).map_or(Ok(fields), Err),
        output: output(aws, &instance),
        busy: busy(&status),
        unready: restart::later(waits, &window),
        leaving: false,
        created: instance.instance_create_time.map(|time| time.secs()),
    }
}

/// What others may use, once it is there.
fn output(aws: &Aws, instance: &DbInstance) -> Option<Output> {
    let usable = !matches!(instance.db_instance_status(), None | Some("creating" | "deleting"));
    let endpoint = instance.endpoint().filter(|_| usable)?;
    let identifier = instance.db_instance_identifier()?.to_owned();
    Some(Output {
        arn: arn(aws, "db", &identifier),
        identifier,
        endpoint: endpoint.address()?.to_owned(),
        port: endpoint.port.unwrap_or_default(),
        engine_version: instance.engine_version().unwrap_or_default().to_owned(),
    })
}

/// What it is, or will be after its maintenance window.
fn fields(instance: &DbInstance, tags: TagMap) -> Fields {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let pending = instance.pending_modified_values();
    let groups = instance.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id.clone());
    let encrypted = instance.storage_encrypted.unwrap_or_default();
    let subnets = instance.db_subnet_group().and_then(|group| group.db_subnet_group_name());
    let parameters = instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name());
    // One that is on its way out is shown beside the one that comes.
    let leaves = |status: Option<&str>| status.is_some_and(|status| status.contains("remov"));
    let options = instance.option_group_memberships().iter().find(|one| !leaves(one.status()));
    let port =
        instance.endpoint().and_then(|endpoint| endpoint.port).or(instance.db_instance_port.filter(|port| *port > 0));
    let roles = instance.associated_roles().iter().filter_map(|role| {
        let arn = role.role_arn.clone()?;
        Some(format!("{arn} {}", role.feature_name().unwrap_or_default()))
    });
    let insights = instance.performance_insights_enabled.unwrap_or_default().then(|| InsightsFields {
        key_arn: text(instance.performance_insights_kms_key_id()),
        retention_days: instance.performance_insights_retention_period.unwrap_or_default(),
        present_key_arn: Unread::default(),
    });
    Fields {
        identifier: text(instance.db_instance_identifier()),
        engine: text(instance.engine()),
        engine_version: text(pending.and_then(|pending| pending.engine_version()).or(instance.engine_version())),
        database: instance.db_name.clone(),
        username: text(instance.master_username()),
        class: text(pending.and_then(|pending| pending.db_instance_class()).or(instance.db_instance_class())),
        multi_az: pending.and_then(|pending| pending.multi_az).or(instance.multi_az).unwrap_or_default(),
        allocated_storage: pending
            .and_then(|pending| pending.allocated_storage)
            .or(instance.allocated_storage)
            .unwrap_or_default(),
        storage_type: text(pending.and_then(|pending| pending.storage_type()).or(instance.storage_type())),
        key_arn: instance.kms_key_id.clone().filter(|_| encrypted),
        subnet_group: text(subnets),
        security_groups: groups.collect(),
        parameter_group: text(parameters),
        option_group: text(options.and_then(|one| one.option_group_name())),
        port: pending.and_then(|pending| pending.port).or(port).unwrap_or_default(),
        public: instance.publicly_accessible.unwrap_or_default(),
        backup_retention_days: pending
            .and_then(|pending| pending.backup_retention_period)
            .or(instance.backup_retention_period)
            .unwrap_or_default(),
        backup_window: text(instance.preferred_backup_window()),
        maintenance_window: text(instance.preferred_maintenance_window()),
        log_exports: exported(
            instance.enabled_cloudwatch_logs_exports(),
            pending.and_then(|pending| pending.pending_cloudwatch_logs_exports()),
        ),
        iam_authentication: pending
            .and_then(|pending| pending.iam_database_authentication_enabled)
            .or(instance.iam_database_authentication_enabled)
            .unwrap_or_default(),
        deletion_protection: instance.deletion_protection.unwrap_or_default(),
        copy_tags_to_snapshot: instance.copy_tags_to_snapshot.unwrap_or_default(),
        automatic_minor_upgrades: instance.auto_minor_version_upgrade.unwrap_or_default(),
        monitoring_seconds: instance.monitoring_interval.unwrap_or_default(),
        monitoring_role_arn: instance.monitoring_role_arn.clone(),
        insights,
        roles: roles.collect(),
        password_managed_by_rds: instance.master_user_secret().is_some(),
        stopped: instance.db_instance_status() == Some("stopped"),
        waits_for_restart: false,
        tags,
        secret_arn: Unread::default(),
        running_version: Unread::of(text(instance.engine_version())),
        performance: Unread::of(Performance {
            iops: pending.and_then(|pending| pending.iops).or(instance.iops).unwrap_or_default(),
            throughput: pending
                .and_then(|pending| pending.storage_throughput)
                .or(instance.storage_throughput)
                .unwrap_or_default(),
        }),
        window_is_open: Unread::of(restart::is_open(&text(instance.preferred_maintenance_window()), Timestamp::now())),
        groups_to_be: Unread::default(),
        apply_immediately: Unread::default(),
    }
}
