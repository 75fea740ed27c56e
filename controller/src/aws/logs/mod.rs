//! CloudWatch Logs: log groups, and the deliveries of logs that other services write.

mod delivery;
mod delivery_destination;
mod delivery_source;
mod log_group;

pub use delivery::Delivery;
pub use delivery_destination::DeliveryDestination;
pub use delivery_source::DeliverySource;
pub use log_group::{LogGroup, PATTERN, PREFIXES, Retention, retention};

use payment_platform_engine::diff::Change;
use payment_platform_engine::{CloudError, Kind};

use crate::aws::error::{During, gone};
use crate::aws::tags::{self, TagMap};
use crate::aws::{Aws, tag_index};

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] =
    &[Kind::of::<LogGroup>(), Kind::of::<DeliverySource>(), Kind::of::<DeliveryDestination>(), Kind::of::<Delivery>()];

/// Where CloudFront's logs are delivered from, wherever the platform is (CloudFront Developer Guide, "Standard logging").
const HOME_OF_CLOUDFRONT: &str = "us-east-1";

/// What the names of our delivery sources and destinations begin with.
const DELIVERY_PREFIX: &str = "cdn-logs-payment-";

/// The name of the source and of the destination of a platform.
fn delivery_name(environment: &str) -> String {
    format!("{DELIVERY_PREFIX}{environment}")
}

/// The tags of a log group, a delivery, or its source or destination; None: it is gone.
async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<TagMap>, CloudError> {
    let ask = async {
        let answer = aws.logs.list_tags_for_resource().resource_arn(arn).send().await;
        let answer = gone(answer.during("logs:ListTagsForResource"))?;
        Ok(answer.map(|answer| answer.tags.unwrap_or_default().into_iter().collect()))
    };
    tag_index::tags_of(aws, arn, ask).await
}

/// Sets and removes tags of one thing as `changes` ask.
async fn change_tags(aws: &Aws, arn: &str, changes: &[Change]) -> Result<(), CloudError> {
    aws.tags_read.forget(arn);
    let (set, remove) = tags::changed(changes);
    if !set.is_empty() {
        let call = aws.logs.tag_resource().resource_arn(arn).set_tags(Some(set.into_iter().collect()));
        call.send().await.during("logs:TagResource")?;
    }
    if !remove.is_empty() {
        let call = aws.logs.untag_resource().resource_arn(arn).set_tag_keys(Some(remove));
        call.send().await.during("logs:UntagResource")?;
    }
    aws.tags_read.forget(arn);
    Ok(())
}
