//! Which buckets there are, with their tags: read once a round for the buckets and for their policies.

use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::{CloudError, Look};

use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, claim};

/// What all names of our buckets begin with.
pub const PREFIX: &str = "s3-payment-";

/// A bucket of the region, and what it is tagged with.
#[derive(Clone, Debug)]
pub struct TaggedBucket {
    pub name: String,
    pub tags: TagMap,
    /// In seconds since 1970.
    pub created: Option<i64>,
}

impl TaggedBucket {
    /// Whether it bears the name that its node's bucket bears; names end with the account's id.
    pub fn name_fits(&self, aws: &Aws) -> bool {
        let (Some(claim), Some(environment)) = (claim(&self.tags), self.tags.get("Environment")) else { return false };
        self.name == super::Bucket::name(&claim.node.name, environment, &aws.account_id)
    }
}

/// All buckets of the region with a name like ours, or those with these names.
pub async fn tagged_buckets(aws: &Aws, look: &Look) -> Result<Vec<TaggedBucket>, CloudError> {
    match look {
        Look::All => Ok(aws.buckets(list(aws)).await?.to_vec()),
        Look::Ids(names) => with_tags(aws, names.iter().map(|name| (name.clone(), None)).collect()).await,
    }
}

async fn list(aws: &Aws) -> Result<Vec<TaggedBucket>, CloudError> {
    let call = aws.s3.list_buckets().prefix(PREFIX).bucket_region(aws.region.as_str()).max_buckets(1000);
    let buckets =
        call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.during("s3:ListAllMyBuckets")?;
    let named = buckets.into_iter().filter_map(|bucket| {
        let created = bucket.creation_date.map(|date| date.secs());
        Some((bucket.name?, created))
    });
    with_tags(aws, named.collect()).await
}

/// A bucket that does not exist (any more) is left out.
async fn with_tags(aws: &Aws, named: Vec<(String, Option<i64>)>) -> Result<Vec<TaggedBucket>, CloudError> {
    let read = stream::iter(named).map(|(name, created)| async move {
        Ok::<_, CloudError>(tags(aws, &name).await?.map(|tags| TaggedBucket { name, tags, created }))
    });
    let read: Vec<_> = read.buffer_unordered(aws.reads_at_once).try_collect().await?;
    Ok(read.into_iter().flatten().collect())
}

async fn tags(aws: &Aws, bucket: &str) -> Result<Option<TagMap>, CloudError> {
    match aws.s3.get_bucket_tagging().bucket(bucket).send().await.during("s3:GetBucketTagging") {
        Ok(answer) => Ok(Some(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect())),
        Err(error) if error.code == "NoSuchBucket" => Ok(None),
        // A bucket without tags.
        Err(error) => gone::<TagMap>(Err(error)).map(|none| Some(none.unwrap_or_default())),
    }
}
