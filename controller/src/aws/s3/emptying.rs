//! Empties a bucket: S3 deletes only one in which nothing is left, old versions and delete markers included.

use aws_sdk_s3::types::{Delete as Batch, ObjectIdentifier};
use payment_platform_engine::{Class, CloudError};

use crate::aws::Aws;
use crate::aws::error::{During, built, gone};
use crate::aws::limits::OBJECTS_PER_DELETE;

/// Deletes some pages of versions and delete markers; whether none are left.
pub async fn empty(aws: &Aws, bucket: &str) -> Result<bool, CloudError> {
    for _ in 0..aws.limits.pages_per_emptying {
        let call = aws
            .s3
            .list_object_versions()
            .bucket(bucket)
            .expected_bucket_owner(&aws.account_id)
            .max_keys(OBJECTS_PER_DELETE);
        let Some(page) = gone(call.send().await.during("s3:ListBucketVersions"))? else { return Ok(true) };
        let versions = page.versions().iter().map(|one| (one.key.clone(), one.version_id.clone()));
        let markers = page.delete_markers().iter().map(|one| (one.key.clone(), one.version_id.clone()));
        let objects = versions.chain(markers).map(|(key, version)| {
            let object = ObjectIdentifier::builder().set_key(key).set_version_id(version).build();
            built(object, "s3:DeleteObjectVersion")
        });
        let objects = objects.collect::<Result<Vec<_>, _>>()?;
        if objects.is_empty() {
            return Ok(true);
        }
        let batch = built(Batch::builder().set_objects(Some(objects)).quiet(true).build(), "s3:DeleteObjectVersion")?;
        let answer =
            aws.s3.delete_objects().bucket(bucket).expected_bucket_owner(&aws.account_id).delete(batch).send().await;
        let answer = answer.during("s3:DeleteObjectVersion")?;
        if let Some(failed) = answer.errors().first() {
            let (code, message) = (failed.code().unwrap_or("Unknown"), failed.message().unwrap_or("no message"));
            let class = if code == "AccessDenied" { Class::Denied } else { Class::Unavailable };
            return Err(CloudError::new(class, "s3:DeleteObjectVersion", code, message));
        }
    }
    Ok(false)
}
