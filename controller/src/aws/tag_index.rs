//! The tags of many things by one call: the Resource Groups Tagging API.
//!
//! That API follows changes with a delay that AWS does not state, and does not know every kind of thing. So it is not believed
//! by itself: where it says of a thing what the thing's own service said last, the call to that service is saved; in every
//! other case, also where the API cannot be called, the service is asked.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_resourcegroupstagging::types::TagFilter;
use payment_platform_engine::CloudError;

use crate::aws::Aws;
use crate::aws::error::During;
use crate::aws::tags::{OWNER, TagMap};

/// The services whose tags are read thing by thing otherwise. Without kinds of things: the API refuses one that it does not know.
const SERVICES: [&str; 9] =
    ["application-autoscaling", "cloudwatch", "elasticloadbalancing", "kms", "logs", "rds", "s3", "sns", "wafv2"];

/// Things on one page; AWS takes no more.
const PAGE: i32 = 100;

/// What the services themselves have said last of the tags of things, by ARN.
#[derive(Default)]
pub struct TagsRead {
    digests: Mutex<HashMap<String, u64>>,
    hasher: RandomState,
}

impl TagsRead {
    fn digests(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, arn: &str) -> bool {
        self.digests().contains_key(arn)
    }

    fn says(&self, arn: &str, tags: &TagMap) -> bool {
        self.digests().get(arn) == Some(&self.hasher.hash_one(tags))
    }

    /// To be called with what the thing's service says.
    pub fn learn(&self, arn: &str, tags: &TagMap) {
        self.digests().insert(arn.to_owned(), self.hasher.hash_one(tags));
    }

    /// To be called after every change of tags: what the index says is not believed until the service was asked again.
    pub fn forget(&self, arn: &str) {
        self.digests().remove(arn);
    }

    fn keep(&self, index: &HashMap<String, TagMap>) {
        self.digests().retain(|arn, _| index.contains_key(arn));
    }
}

/// The tags of a thing; None: it is gone. `ask` asks its own service, which is done only where the index of this round does
/// not say what that said last.
pub async fn tags_of<F>(aws: &Aws, arn: &str, ask: F) -> Result<Option<TagMap>, CloudError>
where
    F: Future<Output = Result<Option<TagMap>, CloudError>>,
{
    if let Some(tags) = unchanged(aws, arn).await {
        return Ok(Some(tags));
    }
    let tags = ask.await?;
    match &tags {
        Some(tags) => aws.tags_read.learn(arn, tags),
        None => aws.tags_read.forget(arn),
    }
    Ok(tags)
}

/// The tags of a thing, where the index of this round says what the thing's service said last.
pub async fn unchanged(aws: &Aws, arn: &str) -> Option<TagMap> {
    if !aws.tags_read.knows(arn) {
        return None;
    }
    let index = aws.tag_index(read(aws)).await?;
    index.get(arn).filter(|tags| aws.tags_read.says(arn, tags)).cloned()
}

/// All things of the account and region that name an owner as ours do, by ARN. None: the index could not be read.
async fn read(aws: &Aws) -> Option<HashMap<String, TagMap>> {
    let call = aws.tagging.get_resources().tag_filters(TagFilter::builder().key(OWNER).build());
    let call = call.set_resource_type_filters(Some(SERVICES.map(str::to_owned).into())).resources_per_page(PAGE);
    let all = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.during("tag:GetResources");
    let all = match all {
        Ok(all) => all,
        Err(error) => {
            tracing::debug!(%error, "Tags are read thing by thing.");
            return None;
        }
    };
    let one = |mapping: aws_sdk_resourcegroupstagging::types::ResourceTagMapping| {
        let tags = mapping.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
        Some((mapping.resource_arn?, tags.collect()))
    };
    let index = all.into_iter().filter_map(one).collect();
    aws.tags_read.keep(&index);
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(value: &str) -> TagMap {
        TagMap::from([("a".to_owned(), value.to_owned())])
    }

    #[test]
    fn only_what_the_service_said_last_is_believed() {
        let read = TagsRead::default();
        assert!(!read.knows("arn") && !read.says("arn", &tags("1")));
        read.learn("arn", &tags("1"));
        assert!(read.says("arn", &tags("1")) && !read.says("arn", &tags("2")));
        read.forget("arn");
        assert!(!read.says("arn", &tags("1")));
    }

    #[test]
    fn what_the_index_does_not_list_is_not_remembered() {
        let read = TagsRead::default();
        read.learn("there", &tags("1"));
        read.learn("gone", &tags("1"));
        read.keep(&HashMap::from([("there".to_owned(), tags("2"))]));
        assert!(read.knows("there") && !read.knows("gone"));
    }
}
