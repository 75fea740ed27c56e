//! Which buckets there are, with their tags: read once a round for the buckets and for their policies.
//!
//! Names of buckets are shared by all accounts, and ours can be guessed: only buckets that the account lists as its own
//! are ever looked at, and every call names the account as the owner that it expects.

use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::{Class, CloudError, Look};

use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, claim};
use crate::aws::{Aws, tag_index};

/// What all names of our buckets begin with.
pub const PREFIX: &str = "s3-payment-";

/// A bucket of the region, and what it is tagged with.
#[derive(Clone, Debug)]
pub struct TaggedBucket {
    pub name: String,
    /// Err: they may not be read, which says nothing of other buckets.
    pub tags: Result<TagMap, CloudError>,
    /// In seconds since 1970.
    pub created: Option<i64>,
}

impl TaggedBucket {
    /// Whether it bears the name that its node's bucket bears; names end with the account's id.
    pub fn name_fits(&self, aws: &Aws) -> bool {
        let Ok(tags) = &self.tags else { return false };
        let (Some(claim), Some(environment)) = (claim(tags), tags.get("Environment")) else { return false };
        self.name == super::Bucket::name(&claim.node.name, environment, &aws.account_id)
    }
}

/// All buckets of the account and region with a name like ours, or those of them with these names.
pub async fn tagged_buckets(aws: &Aws, look: &Look) -> Result<Vec<TaggedBucket>, CloudError> {
    match look {
        Look::All => Ok(aws.buckets(async { with_tags(aws, list(aws).await?).await }).await?.to_vec()),
        Look::Ids(names) => {
            let mut own = list(aws).await?;
            own.retain(|(name, _)| names.contains(name));
            with_tags(aws, own).await
        }
    }
}

async fn list(aws: &Aws) -> Result<Vec<(String, Option<i64>)>, CloudError> {
    let call = aws.s3.list_buckets().prefix(PREFIX).bucket_region(aws.region.as_str()).max_buckets(1000);
    let buckets = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let named = buckets.during("s3:ListAllMyBuckets")?.into_iter().filter_map(|bucket| {
        let created = bucket.creation_date.map(|date| date.secs());
        Some((bucket.name?, created))
    });
    let suffix = format!("-{}", aws.account_id);
    Ok(named.filter(|(name, _)| name.ends_with(&suffix)).collect())
}

/// A bucket that does not exist (any more) is left out.
async fn with_tags(aws: &Aws, named: Vec<(String, Option<i64>)>) -> Result<Vec<TaggedBucket>, CloudError> {
    let read = stream::iter(named).map(|(name, created)| async move {
        let tags = match tags_of(aws, &name).await {
            Ok(None) => return Ok(None),
            Ok(Some(tags)) => Ok(tags),
            Err(error) if error.class == Class::Denied => Err(error),
            Err(error) => return Err(error),
        };
        Ok::<_, CloudError>(Some(TaggedBucket { name, tags, created }))
    });
    let read: Vec<_> = read.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
    Ok(read.into_iter().flatten().collect())
}

/// The tags of a bucket of the account; None: there is no such bucket.
pub async fn tags_of(aws: &Aws, bucket: &str) -> Result<Option<TagMap>, CloudError> {
    let ask = async {
        let call = aws.s3.get_bucket_tagging().bucket(bucket).expected_bucket_owner(&aws.account_id);
        match call.send().await.during("s3:GetBucketTagging") {
            Ok(answer) => Ok(Some(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect())),
            Err(error) if error.code == "NoSuchBucket" => Ok(None),
            // A bucket without tags.
            Err(error) => gone::<TagMap>(Err(error)).map(|none| Some(none.unwrap_or_default())),
        }
    };
    tag_index::tags_of(aws, &super::bucket::arn(bucket), ask).await
}
