//! What RDS offers: versions of the engine by class of instance.

use std::collections::BTreeMap;

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
    let options = call.max_records(100).into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let mut offers: BTreeMap<Vec<u32>, Offer> = BTreeMap::new();
    for option in options.during("rds:DescribeOrderableDBInstanceOptions")? {
        let Some(version) = option.engine_version() else { continue };
        let parts = version.split('.').map(|part| part.parse().unwrap_or_default()).collect();
        let offer = offers.entry(parts).or_default();
        offer.version = version.to_owned();
        offer.insights |= option.supports_performance_insights.unwrap_or_default();
        offer.zones.extend(option.availability_zones().iter().filter_map(|zone| zone.name.clone()));
    }
    Ok(offers.into_values().collect())
}
