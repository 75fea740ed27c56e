//! Bucket policy and public access block: who may reach a bucket (PCI DSS 1.4.4, 7.2.1; TLS only: 4.2.1). A node of
//! its own, since writers must be admitted before they are told to write, and since it is looked at every minute.
//!
//! AWS rules obeyed: a policy that would make the bucket public is refused while the block is on; a Deny on uploads
//! without an encryption header would refuse those that rely on the default encryption, so there is none.

use std::sync::Arc;

use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use futures::{StreamExt, TryStreamExt, stream, try_join};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Delete};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::Bucket;
use super::bucket::arn as arn_of;
use super::tagged::{TaggedBucket, tagged_buckets};
use crate::aws::Aws;
use crate::aws::cloudfront::{Distribution, OriginAccessIdentity};
use crate::aws::error::{During, gone, too_early};
use crate::aws::policy::{PolicyDocument, Statement};
use crate::aws::tags::claim;

/// Who may reach a bucket. Its node has the name of the bucket's node.
#[derive(Clone, Serialize)]
pub struct BucketPolicy {
    pub bucket: Ref<Bucket>,
    pub policy: PolicyDocument,
    /// What may read its objects besides.
    pub reader: Option<Reader>,
}

/// As what CloudFront reads a bucket.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reader {
    Distribution(Ref<Distribution>),
    Identity(Ref<OriginAccessIdentity>),
}

impl Reader {
    /// Lets it read the objects of this bucket.
    fn statement(&self, bucket: &str, up: &Up<'_>) -> Statement {
        let mut reads = Statement::on(&["s3:GetObject"], [format!("{}/*", arn_of(bucket))]);
        match self {
            Self::Distribution(distribution) => {
                let arn = up.text(distribution, ARN, |distribution| &distribution.arn);
                reads.principals.insert("Service cloudfront.amazonaws.com".to_owned());
                reads.when("StringEquals", "aws:SourceArn", arn)
            }
            Self::Identity(identity) => {
                let id = up.text(identity, "", |identity| &identity.id);
                reads.principals.insert(format!("AWS {}{id}", OriginAccessIdentity::ARN));
                reads
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub bucket: String,
    pub policy: PolicyDocument,
    pub public_access_block: PublicAccessBlock,
}

/// All four are wanted on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PublicAccessBlock {
    pub block_public_acls: bool,
    pub ignore_public_acls: bool,
    pub block_public_policy: bool,
    pub restrict_public_buckets: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// The bucket's name with [`POLICY`]: the policy must not be taken for the bucket, which goes later.
    pub id: String,
    pub bucket: String,
}

/// What the ARN of a distribution begins with.
const ARN: &str = "arn:aws:cloudfront::";

/// What the id of a policy has behind the name of its bucket.
const POLICY: &str = "/policy";

impl Output {
    fn of(bucket: &str) -> Self {
        Self { id: format!("{bucket}{POLICY}"), bucket: bucket.to_owned() }
    }
}

impl Resource for BucketPolicy {
    const KIND: &'static str = "s3/bucket-policy";
    const ACTIONS: &'static [&'static str] = &[
        "s3:DeleteBucketPolicy",
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketTagging",
        "s3:ListAllMyBuckets",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["policy", "public_access_block"];
    /// It goes and stays with its bucket.
    const STATEFUL: bool = true;
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::WithParent;
    const DELETE: Delete = Delete::Last;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, _seen: Option<&Fields>) -> Result<Fields, Pending> {
        let bucket = up.get(&self.bucket)?.name.clone();
        let mut policy = self.policy.clone();
        if let Some(reader) = &self.reader {
            policy.statements.insert("CloudFront".to_owned(), reader.statement(&bucket, up));
        }
        Ok(Fields {
            bucket,
            policy,
            public_access_block: PublicAccessBlock {
                block_public_acls: true,
                ignore_public_acls: true,
                block_public_policy: true,
                restrict_public_buckets: true,
            },
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let look = match look {
            Look::All => Look::All,
            Look::Ids(ids) => Look::Ids(ids.iter().map(|id| id.trim_end_matches(POLICY).to_owned()).collect()),
        };
        let found = stream::iter(tagged_buckets(&aws, &look).await?).map(|bucket| {
            let aws = aws.clone();
            async move { read(&aws, bucket).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        // A new bucket is closed from the start, since 2023, and one that was half done by us too.
        if blocked(&cx.cloud, &want.bucket).await? != want.public_access_block {
            block(&cx.cloud, &want).await?;
        }
        put(&cx.cloud, &want).await?;
        Ok(Progress::Done(Output::of(&want.bucket)))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let touches = |field: &str| changes.iter().any(|change| change.field() == field);
        if touches("public_access_block") {
            block(&cx.cloud, &want).await?;
        }
        if touches("policy") {
            put(&cx.cloud, &want).await?;
        }
        Ok(Progress::Done(now))
    }

    /// The public access block stays: the bucket may outlive its policy by some time.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx
            .cloud
            .s3
            .delete_bucket_policy()
            .bucket(cloud_id.trim_end_matches(POLICY))
            .expected_bucket_owner(&cx.cloud.account_id);
        gone(call.send().await.during("s3:DeleteBucketPolicy"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

/// A bucket without a policy has none of ours either; None: the bucket is gone.
async fn read(aws: &Aws, bucket: TaggedBucket) -> Result<Option<Found<BucketPolicy>>, CloudError> {
    let text = match policy(aws, &bucket.name).await {
        Ok(None) => return Ok(None),
        Ok(Some(text)) => Ok(text),
        // Somebody has locked us out of this one; that says nothing of the others.
        Err(error) if error.class == Class::Denied => Err(error),
        Err(error) => return Err(error),
    };
    let name_fits = bucket.name_fits(aws);
    let TaggedBucket { name, tags, .. } = bucket;
    let tags = tags.unwrap_or_default();
    Ok(Some(Found {
        claim: claim(&tags).map(|mut claim| {
            claim.node.kind = BucketPolicy::KIND.to_owned();
            claim
        }),
        name: None,
        name_fits,
        cloud_id: Output::of(&name).id,
        uses: vec![name.clone()],
        fields: match text {
            Ok(text) => fields(aws, &name, &text).await,
            Err(error) => Err(error),
        },
        output: Some(Output::of(&name)),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}

async fn fields(aws: &Aws, bucket: &str, text: &str) -> Result<Fields, CloudError> {
    let parsed = async {
        PolicyDocument::parse(text)
            .map_err(|error| CloudError::new(Class::Unavailable, "s3:GetBucketPolicy", "BadPolicy", error.to_string()))
    };
    let (policy, public_access_block) = try_join!(parsed, blocked(aws, bucket))?;
    Ok(Fields { bucket: bucket.to_owned(), policy, public_access_block })
}

/// None: there is no policy, or no bucket.
async fn policy(aws: &Aws, bucket: &str) -> Result<Option<String>, CloudError> {
    let answer = gone(
        aws.s3
            .get_bucket_policy()
            .bucket(bucket)
            .expected_bucket_owner(&aws.account_id)
            .send()
            .await
            .during("s3:GetBucketPolicy"),
    )?;
    Ok(answer.and_then(|answer| answer.policy))
}

async fn blocked(aws: &Aws, bucket: &str) -> Result<PublicAccessBlock, CloudError> {
    let call = aws.s3.get_public_access_block().bucket(bucket).expected_bucket_owner(&aws.account_id);
    let answer = gone(call.send().await.during("s3:GetBucketPublicAccessBlock"))?;
    let Some(seen) = answer.and_then(|answer| answer.public_access_block_configuration) else {
        return Ok(PublicAccessBlock::default());
    };
    Ok(PublicAccessBlock {
        block_public_acls: seen.block_public_acls.unwrap_or_default(),
        ignore_public_acls: seen.ignore_public_acls.unwrap_or_default(),
        block_public_policy: seen.block_public_policy.unwrap_or_default(),
        restrict_public_buckets: seen.restrict_public_buckets.unwrap_or_default(),
    })
}

async fn block(aws: &Aws, want: &Fields) -> Result<(), CloudError> {
    let block = &want.public_access_block;
    let configuration = PublicAccessBlockConfiguration::builder()
        .block_public_acls(block.block_public_acls)
        .ignore_public_acls(block.ignore_public_acls)
        .block_public_policy(block.block_public_policy)
        .restrict_public_buckets(block.restrict_public_buckets)
        .build();
    let call = aws.s3.put_public_access_block().bucket(&want.bucket).expected_bucket_owner(&aws.account_id);
    let call = call.public_access_block_configuration(configuration);
    call.send().await.during("s3:PutBucketPublicAccessBlock")?;
    Ok(())
}

async fn put(aws: &Aws, want: &Fields) -> Result<(), CloudError> {
    let policy = want.policy.to_json();
    let call = aws.s3.put_bucket_policy().bucket(&want.bucket).expected_bucket_owner(&aws.account_id).policy(&policy);
    identity_may_be_new(call.send().await.during("s3:PutBucketPolicy"), &policy)?;
    Ok(())
}

/// S3 knows an origin access identity some seconds after CloudFront has made it.
fn identity_may_be_new<T>(answer: Result<T, CloudError>, policy: &str) -> Result<T, CloudError> {
    let named = policy.contains("user/CloudFront Origin Access Identity ");
    too_early(answer, |error| named && error.code == "MalformedPolicy" && error.message.contains("principal"))
}
