//! What RDS offers: versions of the engine for what is ordered, and how long they are supported; and which one runs already.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_rds::types::{DbCluster, DbInstance, Filter, LifecycleSupportName, Tag};
use futures::join;
use payment_platform_api::database::{Offer, Ordered, Running};
use payment_platform_api::spec::Engine;
use payment_platform_engine::CloudError;

use super::{Cluster, MysqlInstance, tag_map};
use crate::aws::Aws;
use crate::aws::error::During;
use crate::aws::tags::claim;

/// The versions that this can be ordered in, and where.
pub async fn offers(aws: &Aws, ordered: &Ordered) -> Result<Vec<Offer>, CloudError> {
    let Ordered { engine, class, storage, standby } = ordered;
    let engine = *engine;
    let call =
        aws.rds.describe_orderable_db_instance_options().engine(engine.as_str()).db_instance_class(class).vpc(true);
    let options = call.max_records(100).into_paginator().items().send().collect::<Result<Vec<_>, _>>();
    let (options, ends) = join!(options, support_ends(aws, engine));
    // Without it nobody is warned of an old version; nothing else needs it.
    let ends = ends.unwrap_or_else(|error| {
        tracing::debug!(%error, "Could not find out how long versions of the database are supported.");
        HashMap::new()
    });
    let mut offers: BTreeMap<Vec<u32>, Offer> = BTreeMap::new();
    for option in options.during("rds:DescribeOrderableDBInstanceOptions")? {
        // The same version is listed once for each type of storage.
        let with_storage = option.storage_type() == Some(*storage);
        let with_standby = !standby || option.multi_az_capable.unwrap_or_default();
        let Some(version) = option.engine_version().filter(|_| with_storage && with_standby) else { continue };
        let parts = version.split('.').map(|part| part.parse().unwrap_or_default()).collect();
        let offer = offers.entry(parts).or_default();
        offer.version = version.to_owned();
        offer.insights |= option.supports_performance_insights.unwrap_or_default();
        offer.zones.extend(option.availability_zones().iter().filter_map(|zone| zone.name.clone()));
        offer.standard_support_ends = ends.get(engine.major(version)).copied();
    }
    Ok(offers.into_values().collect())
}

/// The database of a platform of this environment, if there is one of an object of this name (`namespace/name`), earlier
/// generations of it included.
pub async fn running(aws: &Aws, engine: Engine, environment: &str, owner: &str) -> Result<Option<Running>, CloudError> {
    let own = |tags: &[Tag]| claim(&tag_map(tags)).is_some_and(|claim| claim.owner.name == owner);
    let filter = |name: &str, value: String| Filter::builder().name(name).values(value).build();
    let (version, group) = match engine {
        Engine::AuroraPostgresql => {
            let filter = filter("db-cluster-id", Cluster::name("aurora", environment));
            let answer =
                aws.rds.describe_db_clusters().filters(filter).send().await.during("rds:DescribeDBClusters")?;
            let stays = |cluster: &DbCluster| cluster.status() != Some("deleting") && own(cluster.tag_list());
            let found = answer.db_clusters.unwrap_or_default().into_iter().find(stays);
            let Some(cluster) = found else { return Ok(None) };
            (cluster.engine_version, cluster.db_cluster_parameter_group)
        }
        Engine::Mysql => {
            let filter = filter("db-instance-id", MysqlInstance::name("mysql", environment));
            let answer = aws.rds.describe_db_instances().filters(filter).send().await;
            let answer = answer.during("rds:DescribeDBInstances")?;
            let stays =
                |instance: &DbInstance| instance.db_instance_status() != Some("deleting") && own(instance.tag_list());
            let found = answer.db_instances.unwrap_or_default().into_iter().find(stays);
            let Some(instance) = found else { return Ok(None) };
            let group = instance.db_parameter_groups.and_then(|mut all| all.pop());
            (instance.engine_version, group.and_then(|group| group.db_parameter_group_name))
        }
    };
    let Some(version) = version else { return Ok(None) };
    let suffix = format!("-{environment}-{}", engine.major(&version).replace('.', "-"));
    let upgraded = group.is_some_and(|group| group.ends_with(&suffix));
    Ok(Some(Running { version, upgraded }))
}

/// When the standard support of each major version ends, in seconds since 1970.
async fn support_ends(aws: &Aws, engine: Engine) -> Result<HashMap<String, i64>, CloudError> {
    let call = aws.rds.describe_db_major_engine_versions().engine(engine.as_str()).into_paginator().items().send();
    let majors = call.collect::<Result<Vec<_>, _>>().await.during("rds:DescribeDBMajorEngineVersions")?;
    let ends = majors.into_iter().filter_map(|major| {
        let standard = major
            .supported_engine_lifecycles()
            .iter()
            .find(|support| support.lifecycle_support_name == Some(LifecycleSupportName::OpenSourceRdsStandardSupport));
        let end = standard?.lifecycle_support_end_date?.secs();
        Some((major.major_engine_version?, end))
    });
    Ok(ends.collect())
}
