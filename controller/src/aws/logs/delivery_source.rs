//! Delivery source: the access log of the distribution, as something to deliver (PCI DSS 10.2.1).
//!
//! AWS rules obeyed: the sources of CloudFront are in us-east-1; a name is unique in account and region; a source cannot be pointed
//! at another distribution, and goes after its deliveries.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_cloudwatchlogs::types::{Delivery, DeliverySource as Seen};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places, Replace};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{DELIVERY_PREFIX, HOME_OF_CLOUDFRONT, change_tags, delivery, delivery_destination, delivery_name, tags_of};
use crate::aws::Aws;
use crate::aws::cloudfront::Distribution;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// Which log of CloudFront it is.
const ACCESS_LOGS: &str = "ACCESS_LOGS";

/// The access log of the distribution.
#[derive(Clone, Serialize)]
pub struct DeliverySource {
    pub name: String,
    pub distribution: Ref<Distribution>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub resource_arn: String,
    pub log_type: String,
    /// Where it is delivered besides, by the delivery's id. Nowhere is wanted.
    pub deliveries: BTreeMap<String, String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub name: String,
    pub arn: String,
}

impl DeliverySource {
    pub fn name(_node: &str, environment: &str) -> String {
        delivery_name(environment)
    }
}

impl Resource for DeliverySource {
    const KIND: &'static str = "logs/delivery-source";
    const ACTIONS: &'static [&'static str] = &[
        "cloudfront:AllowVendedLogDeliveryForResource",
        "logs:DeleteDelivery",
        "logs:DeleteDeliverySource",
        "logs:DescribeDeliveries",
        "logs:DescribeDeliverySources",
        "logs:ListTagsForResource",
        "logs:PutDeliverySource",
        "logs:TagResource",
        "logs:UntagResource",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["deliveries"];
    const REPLACE_ON: &'static [(&'static str, Replace)] =
        &[("resource_arn", Replace::DeleteFirst), ("log_type", Replace::DeleteFirst)];
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
            resource_arn: up.get(&self.distribution)?.arn.clone(),
            log_type: ACCESS_LOGS.to_owned(),
            deliveries: BTreeMap::new(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let sources = sources(&aws).await?;
        let deliveries = delivery::all(&aws).await?;
        let mut found = Vec::new();
        for source in sources {
            let name = source.name().unwrap_or_default();
            let wanted = match &look {
                Look::All => name.starts_with(DELIVERY_PREFIX),
                Look::Ids(names) => names.iter().any(|own| own == name),
            };
            if wanted {
                found.extend(read(&aws, source, deliveries).await?);
            }
        }
        Ok(found)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.logs.put_delivery_source().name(&want.name).resource_arn(&want.resource_arn);
        let call = call.log_type(&want.log_type).set_tags(Some(want.tags.clone().into_iter().collect()));
        if let Err(error) = call.send().await.during("logs:PutDeliverySource") {
            // If the sources cannot be listed, the refusal itself says most.
            let holder = held_by_another(&cx.cloud, &want).await.unwrap_or_default();
            return Err(holder.unwrap_or(error));
        }
        let arn = arn(&cx.cloud, &want.name);
        Ok(Progress::Done(Output { name: want.name, arn }))
    }

    async fn update(
        _want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        for id in changes.iter().filter(|change| change.field() == "deliveries").filter_map(Change::element) {
            gone(cx.cloud.logs.delete_delivery().id(id).send().await.during("logs:DeleteDelivery"))?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let aws = &cx.cloud;
        // Also those that others have made.
        for delivery in
            delivery::all(&aws.round()).await?.iter().filter(|one| one.delivery_source_name() == Some(&cloud_id))
        {
            let call = aws.logs.delete_delivery().id(delivery.id().unwrap_or_default()).send().await;
            gone(call.during("logs:DeleteDelivery"))?;
        }
        let call = aws.logs.delete_delivery_source().name(cloud_id).send().await;
        gone(call.during("logs:DeleteDeliverySource"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.name
    }
}

/// A distribution's log has one source: what to say if it is somebody else's.
async fn held_by_another(aws: &Aws, want: &Fields) -> Result<Option<CloudError>, CloudError> {
    let other = |source: &Seen| {
        let same = source.resource_arns().contains(&want.resource_arn) && source.log_type() == Some(&want.log_type);
        same && source.name() != Some(&want.name)
    };
    let sources = sources(aws).await?;
    Ok(sources.iter().find(|source| other(source)).map(|source| {
        let message = format!(
            "the access log of {} is delivered by delivery source {} already; delete that with its deliveries",
            want.resource_arn,
            source.name().unwrap_or_default()
        );
        CloudError::new(Class::AlreadyExists, "logs:PutDeliverySource", "ConflictException", message)
    }))
}

/// All delivery sources of the account and region.
async fn sources(aws: &Aws) -> Result<Vec<Seen>, CloudError> {
    let sources = aws.logs.describe_delivery_sources().into_paginator().items().send();
    sources.collect::<Result<Vec<_>, _>>().await.during("logs:DescribeDeliverySources")
}

fn arn(aws: &Aws, name: &str) -> String {
    format!("arn:aws:logs:{}:{}:delivery-source:{name}", aws.region, aws.account_id)
}

/// None: it is gone.
async fn read(aws: &Aws, source: Seen, deliveries: &[Delivery]) -> Result<Option<Found<DeliverySource>>, CloudError> {
    let name = source.name.unwrap_or_default();
    let arn = source.arn.unwrap_or_else(|| arn(aws, &name));
    let Some(tags) = tags_of(aws, &arn).await? else { return Ok(None) };
    let own = delivery_destination::arn(aws, &name);
    let others = deliveries.iter().filter(|one| one.delivery_source_name() == Some(&name)).filter_map(|one| {
        let destination = one.delivery_destination_arn().filter(|arn| *arn != own)?;
        Some((one.id()?.to_owned(), destination.to_owned()))
    });
    let others = others.collect();
    let resource_arn = source.resource_arns.and_then(|arns| arns.into_iter().next()).unwrap_or_default();
    Ok(Some(Found {
        claim: claim(&tags),
        name_fits: name_fits(&tags, DeliverySource::name),
        name: Some(name.clone()),
        cloud_id: name.clone(),
        uses: resource_arn.rsplit('/').next().map(str::to_owned).into_iter().collect(),
        fields: Ok(Fields {
            name: name.clone(),
            resource_arn,
            log_type: source.log_type.unwrap_or_default(),
            deliveries: others,
            tags,
        }),
        output: Some(Output { name, arn }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}
