//! CloudWatch: alarms and dashboards.

mod alarm;
mod dashboard;

pub use alarm::{Alarm, Dimension, Notifies};
pub use dashboard::{Dashboard, Metric, Widget};

use aws_sdk_cloudwatch::types::Tag;
use payment_platform_engine::diff::Change;
use payment_platform_engine::{CloudError, Kind};

use crate::aws::Aws;
use crate::aws::error::During;
use crate::aws::tags::{self, TagMap};

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Alarm>(), Kind::of::<Dashboard>()];

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Sets and removes tags of one thing as `changes` ask.
async fn change_tags(aws: &Aws, arn: &str, changes: &[Change]) -> Result<(), CloudError> {
    let (set, remove) = tags::changed(changes);
    if !set.is_empty() {
        let call = aws.cloudwatch.tag_resource().resource_arn(arn).set_tags(Some(tag_list(&set)));
        call.send().await.during("cloudwatch:TagResource")?;
    }
    if !remove.is_empty() {
        let call = aws.cloudwatch.untag_resource().resource_arn(arn).set_tag_keys(Some(remove));
        call.send().await.during("cloudwatch:UntagResource")?;
    }
    Ok(())
}
