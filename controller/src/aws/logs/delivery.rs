//! Delivery: the access log of the distribution goes to the bucket of access logs (PCI DSS 10.2.1: who asked for what).
//!
//! AWS rules obeyed: a source has one delivery to a destination; the bucket's policy admits it first; the older kind of log of
//! CloudFront writes by ACL, which a bucket whose owner owns all objects does not take.

use std::sync::Arc;

use aws_sdk_cloudwatchlogs::types::{Delivery as Seen, S3DeliveryConfiguration};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places, Replace};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{DELIVERY_PREFIX, DeliveryDestination, DeliverySource, HOME_OF_CLOUDFRONT, change_tags, tags_of};
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};
use crate::aws::{Aws, touches};

/// Where the logs lie below the destination's path; CloudFront fills in what is in braces.
const PATH: &str = "{DistributionId}/{yyyy}/{MM}/{dd}";

/// What is recorded of each request (CloudFront Developer Guide, "Log file fields"): neither cookies nor queries, in which sessions
/// and card data may stand (PCI DSS 3.3.1), so that the referrer is left out too.
const FIELDS: [&str; 30] = [
    "date",
    "time",
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(User-Agent)",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "fle-status",
    "fle-encrypted-fields",
    "c-port",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
];

const TAB: &str = "\t";

/// From the distribution to the bucket.
#[derive(Clone, Serialize)]
pub struct Delivery {
    pub source: Ref<DeliverySource>,
    pub destination: Ref<DeliveryDestination>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub source: String,
    pub destination_arn: String,
    pub path: String,
    /// Whether the parts of the path are named.
    pub hive_compatible_path: bool,
    /// What is recorded, in this order.
    pub record: String,
    /// What stands between two of them, where it is not the tab that the format has.
    pub delimiter: Option<String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub id: String,
    pub arn: String,
}

impl Delivery {
    /// Of the tag `Name`; on AWS it has none.
    pub fn name(_node: &str, environment: &str) -> String {
        super::delivery_name(environment)
    }
}

impl Resource for Delivery {
    const KIND: &'static str = "logs/delivery";
    const ACTIONS: &'static [&'static str] = &[
        "logs:CreateDelivery",
        "logs:DeleteDelivery",
        "logs:DescribeDeliveries",
        "logs:ListTagsForResource",
        "logs:TagResource",
        "logs:UntagResource",
        "logs:UpdateDeliveryConfiguration",
        "s3:GetBucketPolicy",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["record"];
    const REPLACE_ON: &'static [(&'static str, Replace)] =
        &[("source", Replace::DeleteFirst), ("destination_arn", Replace::DeleteFirst)];
    const PLACES: Places = Places::Only(HOME_OF_CLOUDFRONT);
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            source: up.get(&self.source)?.name.clone(),
            destination_arn: up.get(&self.destination)?.arn.clone(),
            path: PATH.to_owned(),
            hive_compatible_path: false,
            record: FIELDS.join(" "),
            delimiter: None,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let mut found = Vec::new();
        for delivery in all(&aws).await? {
            let wanted = match &look {
                Look::All => delivery.delivery_source_name().is_some_and(|name| name.starts_with(DELIVERY_PREFIX)),
                Look::Ids(ids) => delivery.id().is_some_and(|id| ids.iter().any(|own| own == id)),
            };
            if wanted {
                found.extend(read(&aws, delivery.clone()).await?);
            }
        }
        Ok(found)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "logs:CreateDelivery";
        let call = cx.cloud.logs.create_delivery().delivery_source_name(&want.source);
        let call = call.delivery_destination_arn(&want.destination_arn).s3_delivery_configuration(target(&want));
        let call = call.set_record_fields(Some(record(&want))).set_tags(Some(want.tags.into_iter().collect()));
        let made = call.send().await.during(action)?.delivery;
        let made = made.and_then(|made| Some(Output { id: made.id?, arn: made.arn? }));
        let made = made.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no id"))?;
        Ok(Progress::Done(made))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        if ["path", "hive_compatible_path", "record", "delimiter"].iter().any(|field| touches(&changes, field)) {
            let call = cx.cloud.logs.update_delivery_configuration().id(&now.id);
            let call = call.set_field_delimiter(touches(&changes, "delimiter").then(|| TAB.to_owned()));
            let call = call.set_record_fields(Some(record(&want))).s3_delivery_configuration(target(&want));
            call.send().await.during("logs:UpdateDeliveryConfiguration")?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        gone(cx.cloud.logs.delete_delivery().id(cloud_id).send().await.during("logs:DeleteDelivery"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

fn record(want: &Fields) -> Vec<String> {
    want.record.split(' ').map(str::to_owned).collect()
}

fn target(want: &Fields) -> S3DeliveryConfiguration {
    let target = S3DeliveryConfiguration::builder().suffix_path(&want.path);
    target.enable_hive_compatible_path(want.hive_compatible_path).build()
}

/// All deliveries of the account and region, read once a round.
pub(super) async fn all(aws: &Aws) -> Result<&[Seen], CloudError> {
    let read = async {
        let all = aws.logs.describe_deliveries().into_paginator().items().send();
        all.collect::<Result<Vec<_>, _>>().await.during("logs:DescribeDeliveries")
    };
    aws.deliveries(read).await
}

/// None: it is gone.
async fn read(aws: &Aws, seen: Seen) -> Result<Option<Found<Delivery>>, CloudError> {
    let (id, arn) = (seen.id.unwrap_or_default(), seen.arn.unwrap_or_default());
    let Some(tags) = tags_of(aws, &arn).await? else { return Ok(None) };
    let (source, destination_arn) =
        (seen.delivery_source_name.unwrap_or_default(), seen.delivery_destination_arn.unwrap_or_default());
    let target = seen.s3_delivery_configuration;
    let destination = destination_arn.rsplit(':').next().map(str::to_owned);
    Ok(Some(Found {
        claim: claim(&tags),
        name: None,
        name_fits: name_fits(&tags, Delivery::name),
        cloud_id: id.clone(),
        uses: [source.clone()].into_iter().chain(destination).collect(),
        fields: Ok(Fields {
            source,
            destination_arn,
            path: target.as_ref().and_then(|target| target.suffix_path.clone()).unwrap_or_default(),
            hive_compatible_path: target.and_then(|target| target.enable_hive_compatible_path).unwrap_or_default(),
            record: seen.record_fields.unwrap_or_default().join(" "),
            delimiter: seen.field_delimiter.filter(|delimiter| !delimiter.is_empty() && delimiter != TAB),
            tags,
        }),
        output: Some(Output { id, arn }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}
