//! ECS cluster: where the application's tasks run, with the storage of each under a key of the platform (PCI DSS 3.5.1) and
//! Container Insights on (10.4.1).
//!
//! AWS rules obeyed: a cluster with services cannot be deleted; a deleted one is shown as INACTIVE for a while, and its name
//! can be used again at once; a repeated creation answers the cluster that is there; the key's policy must admit Fargate, or
//! tasks do not start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, Cluster as Seen, ClusterConfiguration, ClusterField, ClusterSetting,
    ClusterSettingName, ManagedStorageConfiguration,
};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::service::may_be_early;
use super::{arn, change_tags, name_of, tag_list, tag_map};
use crate::aws::error::{During, built, gone};
use crate::aws::kms::Key;
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::{Aws, touches};

/// What the names of our clusters begin with.
pub(super) const PREFIX: &str = "ecs-payment-cluster-";

/// Where tasks can be placed.
const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// A cluster of the platform.
#[derive(Clone, Serialize)]
pub struct Cluster {
    pub name: String,
    /// Of the storage that Fargate gives to each task.
    pub storage_key: Ref<Key>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub container_insights: String,
    pub capacity_providers: BTreeSet<String>,
    /// Where a task goes that says nothing of it: the provider, with its base and weight.
    pub default_strategy: BTreeMap<String, String>,
    /// The key's id. ECS answers the ARN, whichever of them it was given.
    pub storage_key_id: Option<String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub name: String,
}

impl Cluster {
    pub fn name(environment: &str) -> String {
        format!("{PREFIX}{environment}")
    }
}

impl Resource for Cluster {
    const KIND: &'static str = "ecs/cluster";
    const ACTIONS: &'static [&'static str] = &[
        "ecs:CreateCluster",
        "ecs:DeleteCluster",
        "ecs:DescribeClusters",
        "ecs:ListClusters",
        "ecs:PutClusterCapacityProviders",
        "ecs:TagResource",
        "ecs:UntagResource",
        "ecs:UpdateCluster",
        "iam:CreateServiceLinkedRole",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["storage_key_id"];
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let insights = seen.map(|seen| &seen.container_insights).filter(|level| *level == "enhanced");
        Ok(Fields {
            name: self.name.clone(),
            // More is welcome.
            container_insights: insights.cloned().unwrap_or_else(|| "enabled".to_owned()),
            capacity_providers: PROVIDERS.map(str::to_owned).into(),
            default_strategy: BTreeMap::from([("FARGATE".to_owned(), placed(0, 1))]),
            storage_key_id: Some(name_of(&up.get(&self.storage_key)?.arn).to_owned()),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let arns = match look {
            Look::All => ours(&aws).await?.to_vec(),
            Look::Ids(arns) => arns,
        };
        let mut found = Vec::new();
        // As many as one call takes.
        for arns in arns.chunks(100) {
            let include = [ClusterField::Configurations, ClusterField::Settings, ClusterField::Tags];
            let call = aws.ecs.describe_clusters().set_clusters(Some(arns.to_vec()));
            let call = call.set_include(Some(include.to_vec())).send().await;
            let answer = call.during("ecs:DescribeClusters")?;
            let there = |cluster: &Seen| !matches!(cluster.status(), Some("INACTIVE") | None);
            found.extend(answer.clusters.unwrap_or_default().into_iter().filter(there).map(read));
        }
        Ok(found)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.ecs.create_cluster().cluster_name(&want.name).settings(insights(&want));
        let call = call.configuration(configuration(&want)).set_tags(Some(tag_list(&want.tags)));
        let call = call.set_capacity_providers(Some(want.capacity_providers.iter().cloned().collect()));
        let call = call.set_default_capacity_provider_strategy(Some(strategy()?));
        // In a new account the service-linked role may lag.
        let made = may_be_early(call.send().await.during("ecs:CreateCluster"))?.cluster;
        let arn = made.and_then(|cluster| cluster.cluster_arn).unwrap_or_else(|| arn_of(&cx.cloud, &want.name));
        Ok(Progress::Done(Output { arn, name: want.name }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let ecs = &cx.cloud.ecs;
        let (insights_differ, key_differs) =
            (touches(&changes, "container_insights"), touches(&changes, "storage_key_id"));
        if insights_differ || key_differs {
            let call = ecs.update_cluster().cluster(&now.name);
            let call = if insights_differ { call.settings(insights(&want)) } else { call };
            let call = if key_differs { call.configuration(configuration(&want)) } else { call };
            call.send().await.during("ecs:UpdateCluster")?;
        }
        // Both together: the call replaces what was there.
        if touches(&changes, "capacity_providers") || touches(&changes, "default_strategy") {
            let call = ecs.put_cluster_capacity_providers().cluster(&now.name);
            let call = call.set_capacity_providers(Some(want.capacity_providers.into_iter().collect()));
            let call = call.set_default_capacity_provider_strategy(Some(strategy()?));
            call.send().await.during("ecs:PutClusterCapacityProviders")?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        gone(cx.cloud.ecs.delete_cluster().cluster(name_of(&cloud_id)).send().await.during("ecs:DeleteCluster"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

fn arn_of(aws: &Aws, name: &str) -> String {
    arn(aws, &format!("cluster/{name}"))
}

/// ARNs of the clusters with names like ours, read once for the clusters and for their services.
pub(super) async fn ours(aws: &Aws) -> Result<&[String], CloudError> {
    let read = async {
        let arns = aws.ecs.list_clusters().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let arns = arns.during("ecs:ListClusters")?;
        Ok(arns.into_iter().filter(|arn| name_of(arn).starts_with(PREFIX)).collect())
    };
    aws.clusters(read).await
}

/// The base and weight of a provider, as they are compared.
fn placed(base: i32, weight: i32) -> String {
    format!("base {base}, weight {weight}")
}

fn strategy() -> Result<Vec<CapacityProviderStrategyItem>, CloudError> {
    let item = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE").base(0).weight(1).build();
    Ok(vec![built(item, "ecs:PutClusterCapacityProviders")?])
}

fn insights(want: &Fields) -> ClusterSetting {
    ClusterSetting::builder().name(ClusterSettingName::ContainerInsights).value(&want.container_insights).build()
}

fn configuration(want: &Fields) -> ClusterConfiguration {
    let storage = ManagedStorageConfiguration::builder();
    let storage = storage.set_fargate_ephemeral_storage_kms_key_id(want.storage_key_id.clone()).build();
    ClusterConfiguration::builder().managed_storage_configuration(storage).build()
}

fn read(cluster: Seen) -> Found<Cluster> {
    let (arn, name) =
        (cluster.cluster_arn.clone().unwrap_or_default(), cluster.cluster_name.clone().unwrap_or_default());
    let tags = tag_map(cluster.tags());
    let claim = claim(&tags);
    let environment = tags.get("Environment").map_or("", String::as_str);
    let setting = cluster.settings().iter().find(|one| one.name() == Some(&ClusterSettingName::ContainerInsights));
    let storage = cluster.configuration().and_then(|configuration| configuration.managed_storage_configuration());
    let key = storage.and_then(|storage| storage.fargate_ephemeral_storage_kms_key_id());
    let strategy = cluster.default_capacity_provider_strategy().iter();
    let status = cluster.status().unwrap_or_default();
    let fields = Fields {
        name: name.clone(),
        container_insights: setting.and_then(|setting| setting.value()).unwrap_or_default().to_owned(),
        capacity_providers: cluster.capacity_providers().iter().cloned().collect(),
        default_strategy: strategy
            .map(|item| (item.capacity_provider.clone(), placed(item.base, item.weight)))
            .collect(),
        storage_key_id: key.map(|key| name_of(key).to_owned()),
        tags: tags.clone(),
    };
    Found {
        name_fits: claim.is_some() && Cluster::name(environment) == name,
        claim,
        name: Some(name.clone()),
        cloud_id: arn.clone(),
        uses: Vec::new(),
        fields: match status {
            "FAILED" => Err(CloudError::new(Class::Invalid, "ecs:DescribeClusters", "FAILED", "ECS could not make it")),
            _ => Ok(fields),
        },
        output: (status == "ACTIVE").then_some(Output { arn, name }),
        busy: match status {
            "PROVISIONING" => Some("provisioning"),
            "DEPROVISIONING" => Some("deleting"),
            _ => None,
        },
        unready: None,
        leaving: false,
        created: None,
    }
}
