//! S3 bucket: encrypted, versioned, with a lifecycle, a record of who reads it, and nothing that copies it elsewhere (PCI
//! DSS 3.5.1, 10.3.1, 10.5.1).
//! Who may reach it is [`BucketPolicy`](super::BucketPolicy)'s affair.
//!
//! AWS rules obeyed: a name is unique among all accounts, lower-case, and has at most 63 characters; in us-east-1 a
//! repeated creation answers as if it had made the bucket; a bucket is deleted only when it is empty, old versions and
//! delete markers included; a lifecycle rule needs a filter; a bucket that receives server access logs cannot be
//! encrypted by a KMS key.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketLoggingStatus, BucketVersioningStatus, CreateBucketConfiguration, LoggingEnabled,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};
use futures::{StreamExt, stream, try_join};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Delete};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Region, Resource, Up};
use serde::{Deserialize, Serialize};

use super::emptying::empty;
use super::lifecycle::{self, Lifecycle, Rules};
use super::tagged::{PREFIX, TaggedBucket, tagged_buckets, tags_of};
use crate::aws::Aws;
use crate::aws::error::{During, built, gone};
use crate::aws::kms::Key;
use crate::aws::tags::{self, TagMap, Tags, claim};

/// A bucket; its node is its purpose.
#[derive(Clone, Serialize)]
pub struct Bucket {
    pub name: String,
    /// None: by S3's own keys.
    pub key: Option<Ref<Key>>,
    pub lifecycle: Lifecycle,
    /// The bucket that receives the record of who reads this one.
    pub access_logs: Option<Ref<Bucket>>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    /// BucketOwnerEnforced: access lists have no effect.
    pub object_ownership: Option<String>,
    pub versioned: bool,
    pub encryption: Encryption,
    pub lifecycle: Rules,
    pub access_logs: Option<AccessLogs>,
    /// Where new objects are copied to, by the rule's name. None is wanted.
    pub replication: BTreeMap<String, String>,
    pub tags: TagMap,
}

/// How new objects are encrypted by default.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Encryption {
    /// `aws:kms` or `AES256`.
    pub algorithm: String,
    pub key_arn: Option<String>,
    /// Whether one data key serves many objects, which saves calls to KMS.
    pub bucket_key: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccessLogs {
    pub bucket: String,
    pub prefix: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub name: String,
    pub arn: String,
}

impl Bucket {
    /// `node` is the bucket's purpose.
    pub fn name(node: &str, environment: &str, account: &str) -> String {
        format!("{PREFIX}{node}-{environment}-{account}")
    }
}

/// The host under which a bucket is reached in its region.
pub fn domain_name(name: &str, region: &Region) -> String {
    format!("{name}.s3.{region}.amazonaws.com")
}

/// The ARN of a bucket.
pub fn arn(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
}

impl Resource for Bucket {
    const KIND: &'static str = "s3/bucket";
    const ACTIONS: &'static [&'static str] = &[
        "s3:CreateBucket",
        "s3:DeleteBucket",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetBucketLogging",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketTagging",
        "s3:GetBucketVersioning",
        "s3:GetEncryptionConfiguration",
        "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration",
        "s3:ListAllMyBuckets",
        "s3:ListBucketVersions",
        "s3:PutBucketLogging",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketTagging",
        "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        // To delete it.
        "s3:PutReplicationConfiguration",
        // For tags in the creating call.
        "s3:TagResource",
    ];
    const CLOSE_FIRST: &'static [&'static str] =
        &["object_ownership", "versioned", "encryption", "access_logs", "replication"];
    const STATEFUL: bool = true;
    const CREATE: Create = Create::Idempotent;
    const DELETE: Delete = Delete::Last;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn loses_data(change: &Change) -> bool {
        change.field() == "lifecycle" && lifecycle::deletes_more(change)
    }

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let key_arn = self.key.as_ref().map(|key| up.get(key)).transpose()?.map(|key| key.arn.clone());
        let target = self.access_logs.as_ref().map(|target| up.get(target)).transpose()?;
        Ok(Fields {
            name: self.name.clone(),
            object_ownership: Some(ObjectOwnership::BucketOwnerEnforced.as_str().to_owned()),
            versioned: true,
            encryption: Encryption {
                algorithm: if key_arn.is_some() { "aws:kms" } else { "AES256" }.to_owned(),
                bucket_key: key_arn.is_some(),
                key_arn,
            },
            lifecycle: Rules::from(&self.lifecycle),
            access_logs: target
                .map(|target| AccessLogs { bucket: target.name.clone(), prefix: format!("{}/", self.name) }),
            replication: BTreeMap::new(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let found = stream::iter(tagged_buckets(&aws, &look).await?).map(|bucket| {
            let aws = aws.clone();
            async move { read(&aws, bucket).await }
        });
        Ok(found.buffer_unordered(aws.limits.reads_at_once).collect().await)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let region = cx.cloud.region.as_str();
        // us-east-1 is the place that has no name.
        let place = (region != "us-east-1").then(|| BucketLocationConstraint::from(region));
        let tags = tag_list(&want.tags)?;
        let configuration =
            CreateBucketConfiguration::builder().set_location_constraint(place).set_tags(Some(tags)).build();
        let call = cx.cloud.s3.create_bucket().bucket(&want.name).create_bucket_configuration(configuration);
        let call = call.object_ownership(ObjectOwnership::BucketOwnerEnforced);
        call.send().await.during("s3:CreateBucket")?;
        if region == "us-east-1" {
            // There the answer does not tell a new bucket from one that was there already.
            ours_by_tags(&cx, &want).await?;
        }
        let aws = &cx.cloud;
        try_join!(
            set_versioning(aws, &want),
            set_encryption(aws, &want),
            lifecycle::write(aws, &want.name, &want.lifecycle),
            async {
                match want.access_logs {
                    Some(_) => set_access_logs(aws, &want).await,
                    // A new bucket is not logged.
                    None => Ok(()),
                }
            },
        )?;
        Ok(Progress::Done(Output { arn: arn(&want.name), name: want.name }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let aws = &cx.cloud;
        let touches = |field: &str| changes.iter().any(|change| change.field() == field);
        if touches("object_ownership") {
            set_ownership(aws, &now.name).await?;
        }
        if touches("replication") {
            let call = aws.s3.delete_bucket_replication().bucket(&now.name).expected_bucket_owner(&aws.account_id);
            gone(call.send().await.during("s3:PutReplicationConfiguration"))?;
        }
        if touches("encryption") {
            set_encryption(aws, &want).await?;
        }
        if touches("versioned") {
            set_versioning(aws, &want).await?;
        }
        if touches("access_logs") {
            set_access_logs(aws, &want).await?;
        }
        if touches("lifecycle") {
            lifecycle::write(aws, &now.name, &want.lifecycle).await?;
        }
        if touches("tags") {
            // On top of what is there now: others may have set theirs since it was looked at.
            let mut tags = own_tags(aws, &now.name).await?;
            let (set, remove) = tags::changed(&changes);
            tags.retain(|key, _| !remove.contains(key));
            tags.extend(set);
            set_tags(aws, &now.name, &tags).await?;
        }
        Ok(Progress::Done(now))
    }

    /// Empties the bucket, some pages at a time, and deletes it, unless it says by now that it is another node's.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let Some(bucket) = tagged_buckets(&cx.cloud, &Look::Ids(vec![cloud_id.clone()])).await?.pop() else {
            return Ok(Progress::Done(()));
        };
        if claim(&bucket.tags?).is_some_and(|claim| claim.node != cx.node) {
            return Err(not_ours("s3:DeleteBucket", &cloud_id));
        }
        if !empty(&cx.cloud, &cloud_id).await? {
            return Ok(Progress::Waiting {
                cloud_id: Some(cloud_id),
                until: "the bucket is empty",
                retry: std::time::Duration::ZERO,
            });
        }
        gone(
            cx.cloud
                .s3
                .delete_bucket()
                .bucket(cloud_id)
                .expected_bucket_owner(&cx.cloud.account_id)
                .send()
                .await
                .during("s3:DeleteBucket"),
        )?;
        Ok(Progress::Done(()))
    }

    async fn keep(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let Some(bucket) = tagged_buckets(&cx.cloud, &Look::Ids(vec![cloud_id])).await?.pop() else {
            return Ok(Progress::Done(()));
        };
        let mut tags = bucket.tags?;
        tags.insert(tags::KEPT.to_owned(), "true".to_owned());
        set_tags(&cx.cloud, &bucket.name, &tags).await?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.name
    }
}

async fn read(aws: &Aws, bucket: TaggedBucket) -> Found<Bucket> {
    let fields = match &bucket.tags {
        Ok(tags) => fields(aws, &bucket.name, tags.clone()).await,
        Err(error) => Err(error.clone()),
    };
    let uses = fields.as_ref().map(|fields| {
        let logs = fields.access_logs.as_ref().map(|logs| logs.bucket.clone());
        fields.encryption.key_arn.clone().into_iter().chain(logs).collect()
    });
    let name_fits = bucket.name_fits(aws);
    let TaggedBucket { name, tags, created } = bucket;
    // The date moves when somebody edits the policy (API Reference, Bucket): one without our tags that has our lifecycle is
    // not another bucket of that name, whatever its date.
    let bears_ours = fields.as_ref().is_ok_and(|fields| fields.lifecycle.rules.contains_key(lifecycle::RULE));
    let created = created.filter(|_| !bears_ours || tags.as_ref().is_ok_and(|tags| claim(tags).is_some()));
    Found {
        claim: tags.as_ref().ok().and_then(claim),
        name: Some(name.clone()),
        name_fits,
        cloud_id: name.clone(),
        uses: uses.unwrap_or_default(),
        fields,
        output: Some(Output { arn: arn(&name), name }),
        busy: None,
        unready: None,
        leaving: false,
        created,
    }
}

async fn fields(aws: &Aws, name: &str, tags: TagMap) -> Result<Fields, CloudError> {
    let (object_ownership, versioned, encryption, lifecycle, access_logs, replication) = try_join!(
        ownership(aws, name),
        versioning(aws, name),
        encryption(aws, name),
        lifecycle::read(aws, name),
        access_logs(aws, name),
        replication(aws, name),
    )?;
    let name = name.to_owned();
    Ok(Fields { name, object_ownership, versioned, encryption, lifecycle, access_logs, replication, tags })
}

fn not_ours(action: &'static str, bucket: &str) -> CloudError {
    CloudError::new(Class::AlreadyExists, action, "NotOurs", format!("the tags of {bucket} name another node"))
}

/// The tags of a bucket as they are now.
async fn own_tags(aws: &Aws, bucket: &str) -> Result<TagMap, CloudError> {
    let none = || CloudError::new(Class::NotFound, "s3:GetBucketTagging", "NoSuchBucket", format!("{bucket} is gone"));
    tags_of(aws, bucket).await?.ok_or_else(none)
}

/// Fails if the bucket that was just made has been there before, with the tags of somebody else or none.
async fn ours_by_tags(cx: &Context<Aws>, want: &Fields) -> Result<(), CloudError> {
    let tags = tags_of(&cx.cloud, &want.name).await?.unwrap_or_default();
    match claim(&tags) == claim(&want.tags) {
        true => Ok(()),
        false => Err(not_ours("s3:CreateBucket", &want.name)),
    }
}

async fn ownership(aws: &Aws, bucket: &str) -> Result<Option<String>, CloudError> {
    let call = aws.s3.get_bucket_ownership_controls().bucket(bucket).expected_bucket_owner(&aws.account_id);
    let answer = gone(call.send().await.during("s3:GetBucketOwnershipControls"))?;
    let rule = answer.and_then(|answer| answer.ownership_controls?.rules.into_iter().next());
    Ok(rule.map(|rule| rule.object_ownership.as_str().to_owned()))
}

async fn versioning(aws: &Aws, bucket: &str) -> Result<bool, CloudError> {
    let answer = aws
        .s3
        .get_bucket_versioning()
        .bucket(bucket)
        .expected_bucket_owner(&aws.account_id)
        .send()
        .await
        .during("s3:GetBucketVersioning")?;
    Ok(answer.status == Some(BucketVersioningStatus::Enabled))
}

async fn encryption(aws: &Aws, bucket: &str) -> Result<Encryption, CloudError> {
    let call = aws.s3.get_bucket_encryption().bucket(bucket).expected_bucket_owner(&aws.account_id);
    let answer = gone(call.send().await.during("s3:GetEncryptionConfiguration"))?;
    let rule = answer.and_then(|answer| answer.server_side_encryption_configuration?.rules.into_iter().next());
    let none = || Encryption { algorithm: "none".to_owned(), key_arn: None, bucket_key: false };
    let Some(rule) = rule else { return Ok(none()) };
    let bucket_key = rule.bucket_key_enabled.unwrap_or_default();
    let Some(default) = rule.apply_server_side_encryption_by_default else { return Ok(none()) };
    Ok(Encryption {
        algorithm: default.sse_algorithm.as_str().to_owned(),
        key_arn: default.kms_master_key_id,
        bucket_key,
    })
}

async fn access_logs(aws: &Aws, bucket: &str) -> Result<Option<AccessLogs>, CloudError> {
    let answer = aws
        .s3
        .get_bucket_logging()
        .bucket(bucket)
        .expected_bucket_owner(&aws.account_id)
        .send()
        .await
        .during("s3:GetBucketLogging")?;
    let logs = |logs: LoggingEnabled| AccessLogs { bucket: logs.target_bucket, prefix: logs.target_prefix };
    Ok(answer.logging_enabled.map(logs))
}

async fn replication(aws: &Aws, bucket: &str) -> Result<BTreeMap<String, String>, CloudError> {
    let call = aws.s3.get_bucket_replication().bucket(bucket).expected_bucket_owner(&aws.account_id);
    let answer = gone(call.send().await.during("s3:GetReplicationConfiguration"))?;
    let rules = answer.and_then(|answer| answer.replication_configuration).map(|found| found.rules).unwrap_or_default();
    let rules = rules.into_iter().map(|rule| {
        let to = rule.destination.map(|destination| destination.bucket).unwrap_or_default();
        (rule.id.unwrap_or_default(), to)
    });
    Ok(rules.collect())
}

async fn set_ownership(aws: &Aws, bucket: &str) -> Result<(), CloudError> {
    let action = "s3:PutBucketOwnershipControls";
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerEnforced).build();
    let controls = OwnershipControls::builder().rules(built(rule, action)?).build();
    let call = aws
        .s3
        .put_bucket_ownership_controls()
        .bucket(bucket)
        .expected_bucket_owner(&aws.account_id)
        .ownership_controls(built(controls, action)?);
    call.send().await.during(action)?;
    Ok(())
}

async fn set_versioning(aws: &Aws, want: &Fields) -> Result<(), CloudError> {
    let status = if want.versioned { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
    let configuration = VersioningConfiguration::builder().status(status).build();
    let call = aws
        .s3
        .put_bucket_versioning()
        .bucket(&want.name)
        .expected_bucket_owner(&aws.account_id)
        .versioning_configuration(configuration);
    call.send().await.during("s3:PutBucketVersioning")?;
    Ok(())
}

async fn set_encryption(aws: &Aws, want: &Fields) -> Result<(), CloudError> {
    let action = "s3:PutEncryptionConfiguration";
    let Encryption { algorithm, key_arn, bucket_key } = &want.encryption;
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::from(algorithm.as_str()))
        .set_kms_master_key_id(key_arn.clone());
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(built(default.build(), action)?)
        .bucket_key_enabled(*bucket_key)
        .build();
    let configuration = built(ServerSideEncryptionConfiguration::builder().rules(rule).build(), action)?;
    let call = aws.s3.put_bucket_encryption().bucket(&want.name).expected_bucket_owner(&aws.account_id);
    call.server_side_encryption_configuration(configuration).send().await.during(action)?;
    Ok(())
}

async fn set_access_logs(aws: &Aws, want: &Fields) -> Result<(), CloudError> {
    let action = "s3:PutBucketLogging";
    let enabled = want.access_logs.as_ref().map(|logs| {
        let target = LoggingEnabled::builder().target_bucket(&logs.bucket).target_prefix(&logs.prefix);
        built(target.build(), action)
    });
    let status = BucketLoggingStatus::builder().set_logging_enabled(enabled.transpose()?).build();
    aws.s3
        .put_bucket_logging()
        .bucket(&want.name)
        .expected_bucket_owner(&aws.account_id)
        .bucket_logging_status(status)
        .send()
        .await
        .during(action)?;
    Ok(())
}

/// Replaces all tags: S3 has no call for a single one.
async fn set_tags(aws: &Aws, bucket: &str, tags: &TagMap) -> Result<(), CloudError> {
    let action = "s3:PutBucketTagging";
    let tagging = built(Tagging::builder().set_tag_set(Some(tag_list(tags)?)).build(), action)?;
    aws.s3
        .put_bucket_tagging()
        .bucket(bucket)
        .expected_bucket_owner(&aws.account_id)
        .tagging(tagging)
        .send()
        .await
        .during(action)?;
    aws.tags_read.forget(&arn(bucket));
    Ok(())
}

fn tag_list(tags: &TagMap) -> Result<Vec<Tag>, CloudError> {
    let tag = |(key, value)| built(Tag::builder().key(key).value(value).build(), "s3:PutBucketTagging");
    tags.iter().map(tag).collect()
}
