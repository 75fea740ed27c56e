//! What RDS offers: versions of the engine by class of instance, and how long they are supported.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_rds::types::LifecycleSupportName;
use futures::join;
use payment_platform_api::database::Offer;
use payment_platform_api::spec::Engine;
use payment_platform_engine::CloudError;

use crate::aws::Aws;
use crate::aws::error::During;

/// The versions that can be ordered with instances of this class, and where. The same version is listed once for each type of
/// storage.
pub async fn offers(aws: &Aws, engine: Engine, class: &str) -> Result<Vec<Offer>, CloudError> {
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
        let Some(version) = option.engine_version() else { continue };
        let parts = version.split('.').map(|part| part.parse().unwrap_or_default()).collect();
        let offer = offers.entry(parts).or_default();
        offer.version = version.to_owned();
        offer.insights |= option.supports_performance_insights.unwrap_or_default();
        offer.zones.extend(option.availability_zones().iter().filter_map(|zone| zone.name.clone()));
        offer.standard_support_ends = ends.get(engine.major(version)).copied();
    }
    Ok(offers.into_values().collect())
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
