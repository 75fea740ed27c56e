//! The tags of many things by one call: the Resource Groups Tagging API.
//!
//! That API follows changes with a delay that AWS does not state, and does not know every kind of thing. So it is not believed
//! by itself: where it says of a thing what the thing's own service said last, the call to that service is saved; in every
//! other case, also where the API cannot be called, the service is asked.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_resourcegroupstagging::types::TagFilter;
use payment_platform_engine::CloudError;

use crate::aws::Aws;
use crate::aws::error::During;
use crate::aws::tags::{OWNER, TagMap};

/// The services whose tags are read thing by thing otherwise. Without kinds of things: the API refuses one that it does not know.
const SERVICES: &[&str] =
    &["application-autoscaling", "cloudwatch", "elasticloadbalancing", "kms", "logs", "rds", "s3", "sns", "wafv2"];

/// Those of things without a region.
const GLOBAL_SERVICES: &[&str] = &["cloudfront", "cloudwatch"];

/// Things on one page; AWS takes no more.
const PAGE: i32 = 100;

/// What the services themselves have said last of the tags of things, by ARN.
#[derive(Default)]
pub struct TagsRead {
    said: Mutex<HashMap<String, Said>>,
    hasher: RandomState,
    /// When the index could not be read last.
    failed: Mutex<Option<Instant>>,
}

#[derive(Clone, Copy)]
enum Said {
    /// A digest of the tags, asked for at this time.
    Tags(u64, Instant),
    /// Nothing since they were changed at this time.
    Nothing(Instant),
}

/// For how long it is remembered that tags were changed: longer than a read that began before takes.
const CHANGING: Duration = Duration::from_secs(5 * 60);

/// For how long a thing's service is not asked again at the most: the index may have lost sight of it.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// By how much sooner each thing is asked, so that not all are at once.
const SPREAD: Duration = Duration::from_secs(30 * 60);

/// For how long the index is left alone after it could not be read.
const PAUSE: Duration = Duration::from_secs(10 * 60);

impl TagsRead {
    fn said(&self) -> MutexGuard<'_, HashMap<String, Said>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, arn: &str, now: Instant) -> bool {
        let spread = Duration::from_millis(self.hasher.hash_one(arn) % SPREAD.as_millis() as u64);
        let fresh = |at: Instant| now.duration_since(at) + spread < BELIEVED;
        matches!(self.said().get(arn), Some(Said::Tags(_, at)) if fresh(*at))
    }

    fn says(&self, arn: &str, tags: &TagMap) -> bool {
        matches!(self.said().get(arn), Some(Said::Tags(digest, _)) if *digest == self.hasher.hash_one(tags))
    }

    /// To be called with what the thing's service said when it was asked at this time: nothing new where they were changed
    /// since.
    pub fn learn(&self, arn: &str, tags: &TagMap, asked: Instant) {
        let mut said = self.said();
        if !matches!(said.get(arn), Some(Said::Nothing(changed)) if asked <= *changed) {
            said.insert(arn.to_owned(), Said::Tags(self.hasher.hash_one(tags), asked));
        }
    }

    /// To be called after every change of tags: what the index says is not believed until the service was asked again.
    pub fn forget(&self, arn: &str) {
        self.said().insert(arn.to_owned(), Said::Nothing(Instant::now()));
    }

    /// The same of a thing by what its kind calls its id: an ARN, or the name at the end of one.
    pub fn forget_thing(&self, id: &str) {
        let ends = format!(":{id}");
        let now = Instant::now();
        for (_, said) in self.said().iter_mut().filter(|(arn, _)| *arn == id || arn.ends_with(&ends)) {
            *said = Said::Nothing(now);
        }
    }

    fn is_paused(&self, now: Instant) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_some_and(|at| now.duration_since(at) < PAUSE)
    }

    fn pause(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn keep(&self, index: &HashMap<String, TagMap>) {
        self.said().retain(|arn, said| match said {
            Said::Tags(..) => index.contains_key(arn),
            Said::Nothing(at) => at.elapsed() < CHANGING,
        });
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
    let asked = Instant::now();
    let tags = ask.await?;
    match &tags {
        Some(tags) => aws.tags_read.learn(arn, tags, asked),
        None => aws.tags_read.forget(arn),
    }
    Ok(tags)
}

/// The tags of a thing, where the index of this round says what the thing's service said last.
pub async fn unchanged(aws: &Aws, arn: &str) -> Option<TagMap> {
    let now = Instant::now();
    if !aws.tags_read.knows(arn, now) || aws.tags_read.is_paused(now) {
        return None;
    }
    let index = aws.tag_index(read(aws)).await?;
    index.get(arn).filter(|tags| aws.tags_read.says(arn, tags)).cloned()
}

/// All things of the account and region that name an owner as ours do, by ARN. None: the index could not be read.
async fn read(aws: &Aws) -> Option<HashMap<String, TagMap>> {
    let call = aws.tagging.get_resources().tag_filters(TagFilter::builder().key(OWNER).build());
    let services = if aws.region.is_global() { GLOBAL_SERVICES } else { SERVICES };
    let services = services.iter().map(|&service| service.to_owned()).collect();
    let call = call.set_resource_type_filters(Some(services)).resources_per_page(PAGE);
    let all = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.during("tag:GetResources");
    let all = match all {
        Ok(all) => all,
        Err(error) => {
            tracing::warn!(%error, "Tags are read thing by thing for a while.");
            aws.tags_read.pause();
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
        let (read, now) = (TagsRead::default(), Instant::now());
        assert!(!read.knows("arn", now) && !read.says("arn", &tags("1")));
        read.learn("arn", &tags("1"), Instant::now());
        assert!(read.says("arn", &tags("1")) && !read.says("arn", &tags("2")));
        read.forget("arn");
        assert!(!read.says("arn", &tags("1")));
    }

    #[test]
    fn a_read_that_began_before_a_change_teaches_nothing() {
        let (read, asked) = (TagsRead::default(), Instant::now());
        read.forget("arn");
        read.learn("arn", &tags("before"), asked);
        assert!(!read.says("arn", &tags("before")));
        read.learn("arn", &tags("after"), Instant::now() + Duration::from_millis(1));
        assert!(read.says("arn", &tags("after")));
    }

    #[test]
    fn what_the_index_does_not_list_is_not_remembered() {
        let read = TagsRead::default();
        read.learn("there", &tags("1"), Instant::now());
        read.learn("gone", &tags("1"), Instant::now());
        read.keep(&HashMap::from([("there".to_owned(), tags("2"))]));
        let now = Instant::now();
        assert!(read.knows("there", now) && !read.knows("gone", now));
    }

    #[test]
    fn a_service_is_asked_again_after_a_while_whatever_the_index_says() {
        let read = TagsRead::default();
        read.learn("arn", &tags("1"), Instant::now());
        let now = Instant::now();
        assert!(read.knows("arn", now + Duration::from_secs(29 * 60)));
        assert!(!read.knows("arn", now + Duration::from_secs(61 * 60)));
    }

    #[test]
    fn a_thing_is_forgotten_by_its_arn_and_by_its_name() {
        let read = TagsRead::default();
        let (bucket, topic) = ("arn:aws:s3:::logs", "arn:aws:sns:us-east-1:123456789012:logs-too");
        read.learn(bucket, &tags("1"), Instant::now());
        read.learn(topic, &tags("1"), Instant::now());
        read.forget_thing("logs");
        assert!(!read.says(bucket, &tags("1")) && read.says(topic, &tags("1")));
        read.forget_thing(topic);
        assert!(!read.says(topic, &tags("1")));
    }

    #[test]
    fn an_index_that_fails_is_left_alone_for_a_while() {
        let (read, now) = (TagsRead::default(), Instant::now());
        assert!(!read.is_paused(now));
        read.pause();
        assert!(read.is_paused(now + Duration::from_secs(60)) && !read.is_paused(now + Duration::from_secs(11 * 60)));
    }
}
