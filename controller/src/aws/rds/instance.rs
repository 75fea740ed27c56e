//! Aurora instance: a writer or reader of the cluster (PCI DSS 1.4.4: no public address; 6.3.3: minor versions with fixes come
//! by themselves; 10.2.1: watched by enhanced monitoring).
//!
//! After a failover the names no longer tell which one writes: that is no drift. An instance stays in its zone as long as the
//! platform has it. What waits for the maintenance window counts as done.
//!
//! AWS rules obeyed: the cluster is available before an instance is made; a new role cannot be assumed for some seconds;
//! Performance Insights is refused on classes that do not support it; the parameter group is of the version's family; zone and
//! cluster never change; an identifier is unique in account and region.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_rds::types::{DbCluster, DbInstance, Filter};
use jiff::Timestamp;
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Replace};
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::cluster::start_cluster;
use super::restart::{self, restart};
use super::{
    Cluster, ClusterParameterGroup, ParameterGroup, Version, arn, broken, busy, change_tags, clusters, instances,
    name_of, names_of, tag_list, tag_map,
};
use crate::aws::error::{During, gone, too_early};
use crate::aws::iam::Role;
use crate::aws::kms::Key;
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::unread::Unread;
use crate::aws::{Aws, touches};

/// What the identifiers of our instances begin with.
const PREFIX: &str = "aurora-payment-";

/// An instance of the cluster.
#[derive(Clone, Serialize)]
pub struct Instance {
    pub identifier: String,
    pub cluster: Ref<Cluster>,
    pub class: String,
    pub zone: String,
    /// The zones in which an instance may stay.
    pub zones: Vec<String>,
    pub parameter_group: Ref<ParameterGroup>,
    /// Right before the instance is restarted for them.
    pub cluster_parameter_group: Ref<ClusterParameterGroup>,
    /// The version whose family that is.
    pub engine_version: Version,
    /// Seconds between measurements of enhanced monitoring.
    pub monitoring_seconds: i32,
    pub monitoring_role: Ref<Role>,
    /// None: off, or not supported.
    pub insights: Option<Insights>,
    pub maintenance_window: String,
    /// Whether changes are made at once, instead of in the maintenance window.
    pub apply_immediately: bool,
    pub tags: Tags,
}

/// Performance Insights.
#[derive(Clone, Serialize)]
pub struct Insights {
    pub key: Ref<Key>,
    pub retention_days: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub identifier: String,
    pub cluster: String,
    pub class: String,
    pub zone: String,
    pub public: bool,
    pub parameter_group: String,
    pub monitoring_seconds: i32,
    pub monitoring_role_arn: Option<String>,
    pub insights: Option<InsightsFields>,
    pub automatic_minor_upgrades: bool,
    pub maintenance_window: String,
    /// Whether parameters wait for a restart that is not due yet.
    pub waits_for_restart: bool,
    pub tags: TagMap,
    #[serde(skip)]
    pub apply_immediately: Unread<bool>,
    /// Whether it is the time of its maintenance window.
    #[serde(skip)]
    pub window_is_open: Unread<bool>,
    /// The version that runs now.
    #[serde(skip)]
    pub running_version: Unread<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InsightsFields {
    pub key_arn: String,
    pub retention_days: i32,
    /// The key that they are under now: RDS wants it with every change, and never changes it.
    #[serde(skip)]
    pub present_key_arn: Unread<String>,
}

impl InsightsFields {
    /// The key to name to RDS.
    pub fn key_arn(&self) -> &str {
        self.present_key_arn.get().unwrap_or(&self.key_arn)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub identifier: String,
}

impl Instance {
    /// `node` is its place in the cluster: `writer`, `reader`, `reader-2`.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{PREFIX}{environment}-{node}")
    }
}

impl Resource for Instance {
    const KIND: &'static str = "rds/instance";
    const ACTIONS: &'static [&'static str] = &[
        "iam:PassRole",
        "rds:AddTagsToResource",
        "rds:CreateDBInstance",
        "rds:DeleteDBInstance",
        "rds:DescribeDBClusters",
        "rds:DescribeDBInstances",
        "rds:ModifyDBInstance",
        "rds:RebootDBInstance",
        "rds:RemoveTagsFromResource",
        "rds:StartDBCluster",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] =
        &[("zone", Replace::DeleteFirst), ("cluster", Replace::DeleteFirst), ("insights.key_arn", Replace::Refuse)];
    const CLOSE_FIRST: &'static [&'static str] = &["public", "monitoring_seconds", "monitoring_role_arn"];
    const RETRIES: &'static [&'static str] = &["waits_for_restart"];
    const TIER: Tier = Tier::Fast;
    const DEADLINE: Duration = Duration::from_secs(60 * 60);
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.identifier.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let insights = self.insights.as_ref().map(|insights| {
            let key_arn = up.get(&insights.key)?.arn.clone();
            let present = seen.and_then(|seen| seen.insights.as_ref()).map(|seen| Unread::of(seen.key_arn.clone()));
            let present_key_arn = present.unwrap_or_default();
            Ok(InsightsFields { key_arn, retention_days: insights.retention_days, present_key_arn })
        });
        let (cluster, group) = (up.get(&self.cluster)?, up.get(&self.parameter_group)?.name.clone());
        // A group of another major version is refused until the upgrade has been made, which brings it along: what is made
        // while the upgrade waits has RDS's own group until then.
        let runs = seen.and_then(|seen| seen.running_version.get()).unwrap_or(&cluster.engine_version);
        let parameter_group = match (self.engine_version.same_major(runs), seen) {
            (true, _) => group,
            (false, Some(seen)) => seen.parameter_group.clone(),
            (false, None) => self.engine_version.default_group(runs),
        };
        let kept = seen.map(|seen| &seen.zone).filter(|zone| self.zones.contains(zone));
        let not_due = |seen: &Fields| !self.apply_immediately && seen.window_is_open.get() != Some(&true);
        let waits_for_restart = seen.is_some_and(|seen| seen.waits_for_restart && not_due(seen));
        Ok(Fields {
            identifier: self.identifier.clone(),
            cluster: cluster.identifier.clone(),
            class: self.class.clone(),
            zone: kept.unwrap_or(&self.zone).clone(),
            public: false,
            parameter_group,
            monitoring_seconds: self.monitoring_seconds,
            monitoring_role_arn: Some(up.get(&self.monitoring_role)?.arn.clone()),
            insights: insights.transpose()?,
            automatic_minor_upgrades: true,
            maintenance_window: self.maintenance_window.clone(),
            waits_for_restart,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
            apply_immediately: Unread::of(self.apply_immediately),
            running_version: Unread::default(),
            window_is_open: Unread::default(),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let seen = match &look {
            Look::All => instances(&aws).await?.to_vec(),
            // A filter, unlike an identifier, does not fail when one of them is gone.
            Look::Ids(ids) => {
                let filter = Filter::builder().name("db-instance-id").set_values(Some(names_of(ids))).build();
                let call = aws.rds.describe_db_instances().filters(filter).max_records(100).into_paginator();
                call.items().send().collect::<Result<Vec<_>, _>>().await.during("rds:DescribeDBInstances")?
            }
        };
        let ours = |instance: &DbInstance| {
            instance.db_cluster_identifier().is_some()
                && (instance.db_instance_identifier().is_some_and(|name| name.starts_with(PREFIX))
                    || claim(&tag_map(instance.tag_list())).is_some())
        };
        let ours: Vec<DbInstance> = seen.into_iter().filter(ours).collect();
        let clusters = if ours.is_empty() { &[] } else { clusters(&aws).await? };
        Ok(ours.into_iter().map(|instance| found(&aws, instance, clusters)).collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.rds.create_db_instance().db_instance_identifier(&want.identifier);
        let call = call.db_cluster_identifier(&want.cluster).engine(super::cluster::ENGINE);
        let call = call.db_instance_class(&want.class).availability_zone(&want.zone).publicly_accessible(false);
        let call = call.db_parameter_group_name(&want.parameter_group);
        let call = call.monitoring_interval(want.monitoring_seconds);
        let call = call.set_monitoring_role_arn(want.monitoring_role_arn.clone());
        let call = call.enable_performance_insights(want.insights.is_some());
        let call = match &want.insights {
            Some(insights) => call
                .performance_insights_kms_key_id(insights.key_arn())
                .performance_insights_retention_period(insights.retention_days),
            None => call,
        };
        let call = call.auto_minor_version_upgrade(want.automatic_minor_upgrades);
        let call = call.preferred_maintenance_window(&want.maintenance_window).set_tags(Some(tag_list(&want.tags)));
        let made = role_may_be_new(call.send().await.during("rds:CreateDBInstance"))?;
        let arn = arn(&cx.cloud, "db", &want.identifier);
        if made.db_instance.is_some_and(|instance| instance.db_instance_status() == Some("available")) {
            return Ok(Progress::Done(Output { arn, identifier: want.identifier }));
        }
        let (until, retry) = ("the instance is available", cx.cloud.limits.poll);
        Ok(Progress::Waiting { cloud_id: Some(arn), until, retry })
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.rds.modify_db_instance().db_instance_identifier(&now.identifier);
        let (mut call, mut modified) = (call, false);
        if touches(&changes, "class") {
            (call, modified) = (call.db_instance_class(&want.class), true);
        }
        if touches(&changes, "public") {
            (call, modified) = (call.publicly_accessible(want.public), true);
        }
        if touches(&changes, "parameter_group") {
            (call, modified) = (call.db_parameter_group_name(&want.parameter_group), true);
        }
        // The two only together: RDS refuses one without the other.
        if touches(&changes, "monitoring_seconds") || touches(&changes, "monitoring_role_arn") {
            let role = want.monitoring_role_arn.clone();
            (call, modified) = (call.monitoring_interval(want.monitoring_seconds).set_monitoring_role_arn(role), true);
        }
        if touches(&changes, "insights") {
            call = call.enable_performance_insights(want.insights.is_some());
            if let Some(insights) = &want.insights {
                call = call.performance_insights_kms_key_id(insights.key_arn());
                call = call.performance_insights_retention_period(insights.retention_days);
            }
            modified = true;
        }
        if touches(&changes, "automatic_minor_upgrades") {
            (call, modified) = (call.auto_minor_version_upgrade(want.automatic_minor_upgrades), true);
        }
        if touches(&changes, "maintenance_window") {
            (call, modified) = (call.preferred_maintenance_window(&want.maintenance_window), true);
        }
        if modified {
            // What closes an opening needs no window: RDS makes such changes at once.
            let call = call.apply_immediately(want.apply_immediately.get() == Some(&true));
            role_may_be_new(call.send().await.during("rds:ModifyDBInstance"))?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        if touches(&changes, "waits_for_restart") {
            let at_once = want.apply_immediately.get() == Some(&true);
            if let Some(until) = restart(&cx.cloud, &now.identifier, at_once).await? {
                return Ok(Progress::Waiting { cloud_id: Some(now.arn), until, retry: cx.cloud.limits.poll });
            }
        }
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let name = name_of(&cloud_id).to_owned();
        let answer = cx.cloud.rds.describe_db_instances().db_instance_identifier(&name).send().await;
        let answer = gone(answer.during("rds:DescribeDBInstances"))?;
        let Some(instance) = answer.and_then(|answer| answer.db_instances?.pop()) else {
            return Ok(Progress::Done(()));
        };
        // It stops with its cluster, and RDS deletes nothing of one that is stopped (Aurora User Guide, "Deleting a stopped Aurora
        // cluster").
        let starting = |cloud_id| {
            let (until, retry) = ("its cluster has started", cx.cloud.limits.poll);
            Progress::Waiting { cloud_id: Some(cloud_id), until, retry }
        };
        match (instance.db_instance_status(), instance.db_cluster_identifier()) {
            (Some("stopped"), Some(cluster)) => {
                start_cluster(&cx.cloud, cluster).await?;
                return Ok(starting(cloud_id));
            }
            (Some("starting" | "stopping"), _) => return Ok(starting(cloud_id)),
            _ => {}
        }
        if instance.db_instance_status() != Some("deleting") {
            // The cluster's snapshot has the data of all its instances.
            let call = cx.cloud.rds.delete_db_instance().db_instance_identifier(&name).skip_final_snapshot(true);
            gone(call.send().await.during("rds:DeleteDBInstance"))?;
        }
        if Self::sweep(cx.cloud.round(), Look::Ids(vec![cloud_id.clone()])).await?.is_empty() {
            return Ok(Progress::Done(()));
        }
        let (until, retry) = ("the instance is deleted", cx.cloud.limits.poll);
        Ok(Progress::Waiting { cloud_id: Some(cloud_id), until, retry })
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

/// RDS has one code for a role that is too new to be assumed and for every other value that it does not like: it is tried
/// again, ever less often, and AWS's words stand in the condition meanwhile.
pub(super) fn role_may_be_new<T>(answer: Result<T, CloudError>) -> Result<T, CloudError> {
    too_early(answer, |error| error.code == "InvalidParameterValue")
}

fn found(aws: &Aws, instance: DbInstance, clusters: &[DbCluster]) -> Found<Instance> {
    let identifier = instance.db_instance_identifier.clone().unwrap_or_default();
    let arn = arn(aws, "db", &identifier);
    let status = instance.db_instance_status.clone().unwrap_or_default();
    let tags = tag_map(instance.tag_list());
    let waits = restart::is_pending(aws, &instance, clusters);
    let later = restart::later(waits, instance.preferred_maintenance_window().unwrap_or_default());
    let fields = Fields { waits_for_restart: waits, ..fields(&instance, tags.clone()) };
    let subnet_group = instance.db_subnet_group().and_then(|group| group.db_subnet_group_name());
    let uses = [
        Some(super::arn(aws, "cluster", &fields.cluster)),
        Some(super::arn(aws, "pg", &fields.parameter_group)),
        subnet_group.map(|group| super::arn(aws, "subgrp", group)),
        fields.monitoring_role_arn.clone(),
        fields.insights.as_ref().map(|insights| insights.key_arn.clone()),
    ];
    let usable = !matches!(status.as_str(), "creating" | "deleting");
    Found {
        claim: claim(&tags),
        name: Some(identifier.clone()),
        name_fits: super::name_fits(&tags, &identifier, Instance::name),
        cloud_id: arn.clone(),
        uses: uses.into_iter().flatten().collect(),
        fields: broken("rds:DescribeDBInstances", &status).map_or(Ok(fields), Err),
        output: usable.then_some(Output { arn, identifier }),
        busy: busy(&status),
        unready: later,
        leaving: false,
        created: instance.instance_create_time.map(|time| time.secs()),
    }
}

/// What it is, or will be after its maintenance window.
fn fields(instance: &DbInstance, tags: TagMap) -> Fields {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let pending = instance.pending_modified_values();
    let group = instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name());
    let insights = instance.performance_insights_enabled.unwrap_or_default().then(|| InsightsFields {
        key_arn: text(instance.performance_insights_kms_key_id()),
        retention_days: instance.performance_insights_retention_period.unwrap_or_default(),
        present_key_arn: Unread::default(),
    });
    Fields {
        identifier: text(instance.db_instance_identifier()),
        cluster: text(instance.db_cluster_identifier()),
        class: text(pending.and_then(|pending| pending.db_instance_class()).or(instance.db_instance_class())),
        zone: text(instance.availability_zone()),
        public: instance.publicly_accessible.unwrap_or_default(),
        parameter_group: text(group),
        monitoring_seconds: instance.monitoring_interval.unwrap_or_default(),
        monitoring_role_arn: instance.monitoring_role_arn.clone(),
        insights,
        automatic_minor_upgrades: instance.auto_minor_version_upgrade.unwrap_or_default(),
        maintenance_window: text(instance.preferred_maintenance_window()),
        waits_for_restart: false,
        tags,
        apply_immediately: Unread::default(),
        running_version: Unread::of(text(instance.engine_version())),
        window_is_open: Unread::of(restart::is_open(&text(instance.preferred_maintenance_window()), Timestamp::now())),
    }
}
