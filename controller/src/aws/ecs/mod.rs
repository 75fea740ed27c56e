//! ECS: where the application runs.

mod cluster;
mod health;
mod service;
mod targets;
mod task_definition;

pub use cluster::Cluster;
pub use service::Service;
pub use targets::Targets;
pub use task_definition::{Container, LOGIN, TaskDefinition, Volume};

use aws_sdk_ecs::types::Tag;
use aws_smithy_types::retry::RetryConfig;
use payment_platform_engine::diff::Change;
use payment_platform_engine::{CloudError, Kind};

use crate::aws::Aws;
use crate::aws::error::During;
use crate::aws::tags::{self, TagMap};

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<Cluster>(), Kind::of::<TaskDefinition>(), Kind::of::<Service>()];

/// `arn:aws:ecs:…:{path}`.
fn arn(aws: &Aws, path: &str) -> String {
    format!("arn:aws:ecs:{}:{}:{path}", aws.region, aws.account_id)
}

/// What stands behind the last `/` of an ARN.
fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

fn tag_map(tags: &[Tag]) -> TagMap {
    let pair = |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    tags.iter().filter_map(pair).collect()
}

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Sets and removes tags of one thing as `changes` ask.
async fn change_tags(aws: &Aws, arn: &str, changes: &[Change]) -> Result<(), CloudError> {
    let (set, remove) = tags::changed(changes);
    if !set.is_empty() {
        let call = aws.ecs.tag_resource().resource_arn(arn).set_tags(Some(tag_list(&set)));
        call.send().await.during("ecs:TagResource")?;
    }
    if !remove.is_empty() {
        let call = aws.ecs.untag_resource().resource_arn(arn).set_tag_keys(Some(remove));
        call.send().await.during("ecs:UntagResource")?;
    }
    Ok(())
}

/// For what AWS gives no token: a repeated attempt after a lost answer would make a second thing, so the next pass, which looks
/// first, is the retry.
fn once() -> aws_sdk_ecs::config::Builder {
    aws_sdk_ecs::config::Builder::new().retry_config(RetryConfig::disabled())
}
