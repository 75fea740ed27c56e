//! CloudWatch: alarms and dashboards.

mod alarm;
mod dashboard;

pub use alarm::{Alarm, Dimension, Notifies};
pub use dashboard::{Dashboard, Metric, Widget};

use aws_sdk_cloudwatch::types::Tag;
use payment_platform_engine::diff::Change;
use payment_platform_engine::{CloudError, Kind};

use crate::aws::error::{During, gone};
use crate::aws::tags::{self, TagMap};
use crate::aws::{Aws, tag_index};

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Alarm>(), Kind::of::<Dashboard>()];

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of an alarm or dashboard; None: it is gone.
async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<TagMap>, CloudError> {
    let ask = async {
        let answer = aws.cloudwatch.list_tags_for_resource().resource_arn(arn).send().await;
        let Some(answer) = gone(answer.during("cloudwatch:ListTagsForResource"))? else { return Ok(None) };
        let pairs = answer.tags.unwrap_or_default().into_iter();
        Ok(Some(pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()))
    };
    tag_index::tags_of(aws, arn, ask).await
}

/// Sets and removes tags of one thing as `changes` ask.
async fn change_tags(aws: &Aws, arn: &str, changes: &[Change]) -> Result<(), CloudError> {
    aws.tags_read.forget(arn);
    let (set, remove) = tags::changed(changes);
    if !set.is_empty() {
        let call = aws.cloudwatch.tag_resource().resource_arn(arn).set_tags(Some(tag_list(&set)));
        call.send().await.during("cloudwatch:TagResource")?;
    }
    if !remove.is_empty() {
        let call = aws.cloudwatch.untag_resource().resource_arn(arn).set_tag_keys(Some(remove));
        call.send().await.during("cloudwatch:UntagResource")?;
    }
    aws.tags_read.forget(arn);
    Ok(())
}
