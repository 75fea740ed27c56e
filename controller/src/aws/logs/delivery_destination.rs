//! Delivery destination: the bucket of access logs, as something to deliver to (PCI DSS 10.3.3).
//!
//! AWS rules obeyed: a name is unique in account and region; the format of a destination cannot be changed; the bucket's policy admits
//! the delivery before there is one; a destination goes after its deliveries.

use std::sync::Arc;

use aws_sdk_cloudwatchlogs::types::{DeliveryDestination as Seen, DeliveryDestinationConfiguration, OutputFormat};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places, Replace};
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{DELIVERY_PREFIX, HOME_OF_CLOUDFRONT, change_tags, delivery, delivery_name, tags_of};
use crate::aws::error::{During, built, gone};
use crate::aws::s3::Bucket;
use crate::aws::tags::{TagMap, Tags, claim, name_fits};
use crate::aws::{Aws, touches};

/// The path in the bucket. Without one AWS would put a path of its own before that of the delivery.
const PATH: &str = "cdn";

/// Where access logs go.
#[derive(Clone, Serialize)]
pub struct DeliveryDestination {
    pub name: String,
    pub bucket: Ref<Bucket>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub resource_arn: String,
    pub format: String,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub name: String,
    pub arn: String,
}

impl DeliveryDestination {
    pub fn name(_node: &str, environment: &str) -> String {
        delivery_name(environment)
    }
}

impl Resource for DeliveryDestination {
    const KIND: &'static str = "logs/delivery-destination";
    const ACTIONS: &'static [&'static str] = &[
        "logs:DeleteDelivery",
        "logs:DeleteDeliveryDestination",
        "logs:DescribeDeliveries",
        "logs:DescribeDeliveryDestinations",
        "logs:ListTagsForResource",
        "logs:PutDeliveryDestination",
        "logs:TagResource",
        "logs:UntagResource",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["resource_arn"];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[("format", Replace::DeleteFirst)];
    const PLACES: Places = Places::Only(HOME_OF_CLOUDFRONT);
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            name: self.name.clone(),
            resource_arn: format!("{}/{PATH}", up.get(&self.bucket)?.arn),
            // The format that tools for the logs of CloudFront read.
            format: OutputFormat::W3C.as_str().to_owned(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let all = aws.logs.describe_delivery_destinations().into_paginator().items().send();
        let all = all.collect::<Result<Vec<_>, _>>().await.during("logs:DescribeDeliveryDestinations")?;
        let mut found = Vec::new();
        for destination in all {
            let name = destination.name().unwrap_or_default();
            let wanted = match &look {
                Look::All => name.starts_with(DELIVERY_PREFIX),
                Look::Ids(names) => names.iter().any(|own| own == name),
            };
            if wanted {
                found.extend(read(&aws, destination).await?);
            }
        }
        Ok(found)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        put(&cx.cloud, &want, true).await?;
        let arn = arn(&cx.cloud, &want.name);
        Ok(Progress::Done(Output { name: want.name, arn }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        if touches(&changes, "resource_arn") {
            put(&cx.cloud, &want, false).await?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let aws = &cx.cloud;
        let own = arn(aws, &cloud_id);
        // Also those that others have made.
        for delivery in
            delivery::all(&aws.round()).await?.iter().filter(|one| one.delivery_destination_arn() == Some(&own))
        {
            let call = aws.logs.delete_delivery().id(delivery.id().unwrap_or_default()).send().await;
            gone(call.during("logs:DeleteDelivery"))?;
        }
        let call = aws.logs.delete_delivery_destination().name(cloud_id).send().await;
        gone(call.during("logs:DeleteDeliveryDestination"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.name
    }
}

/// The ARN of a destination of the account and region.
pub(super) fn arn(aws: &Aws, name: &str) -> String {
    format!("arn:aws:logs:{}:{}:delivery-destination:{name}", aws.region, aws.account_id)
}

async fn put(aws: &Aws, want: &Fields, new: bool) -> Result<(), CloudError> {
    let action = "logs:PutDeliveryDestination";
    let configuration = DeliveryDestinationConfiguration::builder().destination_resource_arn(&want.resource_arn);
    let call = aws.logs.put_delivery_destination().name(&want.name).output_format(OutputFormat::from(&*want.format));
    let call = call.delivery_destination_configuration(built(configuration.build(), action)?);
    let call = call.set_tags(new.then(|| want.tags.clone().into_iter().collect()));
    call.send().await.during(action)?;
    Ok(())
}

/// None: it is gone.
async fn read(aws: &Aws, seen: Seen) -> Result<Option<Found<DeliveryDestination>>, CloudError> {
    let name = seen.name.unwrap_or_default();
    let arn = seen.arn.unwrap_or_else(|| arn(aws, &name));
    let Some(tags) = tags_of(aws, &arn).await? else { return Ok(None) };
    let target = seen.delivery_destination_configuration.map(|target| target.destination_resource_arn);
    let resource_arn = target.unwrap_or_default();
    let bucket = resource_arn.rsplit(':').next().and_then(|path| path.split('/').next()).map(str::to_owned);
    Ok(Some(Found {
        claim: claim(&tags),
        name_fits: name_fits(&tags, DeliveryDestination::name),
        name: Some(name.clone()),
        cloud_id: name.clone(),
        uses: bucket.into_iter().collect(),
        fields: Ok(Fields {
            name: name.clone(),
            resource_arn,
            format: seen.output_format.map(|format| format.as_str().to_owned()).unwrap_or_default(),
            tags,
        }),
        output: Some(Output { name, arn }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}
