//! The lifecycle of a bucket's objects, in a form that can be compared.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration, Transition, TransitionDefaultMinimumObjectSize,
    TransitionStorageClass,
};
use payment_platform_engine::{Change, CloudError};
use serde::Serialize;
use serde_json::Value;

use crate::aws::Aws;
use crate::aws::error::{During, built, gone};

/// What becomes of all objects of a bucket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lifecycle {
    /// Storage class and the days after which objects move to it.
    pub transitions: BTreeMap<String, i32>,
    /// Days after which objects are deleted.
    pub expiration_days: Option<i32>,
    /// Days after which superseded versions are deleted: an expiry alone only adds delete markers.
    pub noncurrent_days: i32,
    /// Whether objects under 128 KB move too.
    pub moves_small_objects: bool,
}

/// All rules of a bucket, as they are or are wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rules {
    /// By their ids.
    pub rules: BTreeMap<String, Rule>,
    pub moves_small_objects: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    pub enabled: bool,
    /// `all`, or the filter as it was read.
    pub objects: String,
    pub transitions: BTreeMap<String, i32>,
    pub expiration_days: Option<i32>,
    pub noncurrent_days: Option<i32>,
    pub abort_upload_days: Option<i32>,
    /// Parts that rules of ours never have, as they were read.
    pub other: Option<String>,
}

/// The id of our rule.
pub const RULE: &str = "retention";

const ALL: &str = "all";

/// Days after which what was uploaded in part only is removed.
const ABORT_UPLOAD_DAYS: i32 = 7;

impl From<&Lifecycle> for Rules {
    fn from(wanted: &Lifecycle) -> Self {
        let rule = Rule {
            enabled: true,
            objects: ALL.to_owned(),
            transitions: wanted.transitions.clone(),
            expiration_days: wanted.expiration_days,
            noncurrent_days: Some(wanted.noncurrent_days),
            abort_upload_days: Some(ABORT_UPLOAD_DAYS),
            other: None,
        };
        Self { rules: BTreeMap::from([(RULE.to_owned(), rule)]), moves_small_objects: wanted.moves_small_objects }
    }
}

/// Whether a change of [`Rules`] may delete objects or versions that would stay without it.
pub fn deletes_more(change: &Change) -> bool {
    let path: Vec<&str> =
        change.path.0.iter().map(String::as_str).skip_while(|part| *part != "rules").skip(1).collect();
    let days = |value: Option<&Value>| value.and_then(Value::as_i64).unwrap_or(i64::MAX);
    match path[..] {
        // A whole rule more, or one less: without it objects stay.
        [_] => change.after.as_ref().is_some_and(|rule| {
            ["expiration_days", "noncurrent_days"].iter().any(|limit| rule[limit].is_i64()) && rule["enabled"] == true
        }),
        [_, "expiration_days" | "noncurrent_days"] => days(change.after.as_ref()) < days(change.before.as_ref()),
        [_, "enabled"] => change.after == Some(Value::Bool(true)),
        [_, "objects" | "other"] => true,
        _ => false,
    }
}

/// The rules of a bucket; none when there is no configuration.
pub async fn read(aws: &Aws, bucket: &str) -> Result<Rules, CloudError> {
    let call = aws.s3.get_bucket_lifecycle_configuration().bucket(bucket).expected_bucket_owner(&aws.account_id);
    let Some(answer) = gone(call.send().await.during("s3:GetLifecycleConfiguration"))? else {
        return Ok(Rules::default());
    };
    let moves_small_objects =
        answer.transition_default_minimum_object_size == Some(TransitionDefaultMinimumObjectSize::VariesByStorageClass);
    let rules = answer.rules.unwrap_or_default().into_iter().enumerate();
    let rules = rules.map(|(index, rule)| (rule.id.clone().unwrap_or(format!("#{index}")), seen(rule)));
    Ok(Rules { rules: rules.collect(), moves_small_objects })
}

#[allow(deprecated, reason = "LifecycleRule::prefix, which older rules have in place of a filter")]
fn seen(rule: LifecycleRule) -> Rule {
    let LifecycleRule {
        expiration,
        id: _,
        prefix,
        filter,
        status,
        transitions,
        noncurrent_version_transitions,
        noncurrent_version_expiration,
        abort_incomplete_multipart_upload,
        ..
    } = rule;
    let everything = |prefix: &Option<String>| prefix.as_deref().unwrap_or_default().is_empty();
    let objects = match &filter {
        None if everything(&prefix) => ALL.to_owned(),
        None => format!("prefix {}", prefix.unwrap_or_default()),
        Some(LifecycleRuleFilter {
            prefix,
            tag: None,
            object_size_greater_than: None,
            object_size_less_than: None,
            and: None,
            ..
        }) if everything(prefix) => ALL.to_owned(),
        Some(filter) => format!("{filter:?}"),
    };
    let mut other = Vec::new();
    let mut by_days = BTreeMap::new();
    for transition in transitions.unwrap_or_default() {
        match (transition.days, &transition.storage_class) {
            (Some(days), Some(class)) => {
                by_days.insert(class.as_str().to_owned(), days);
            }
            _ => other.push(format!("{transition:?}")),
        }
    }
    let expiration_days = expiration.as_ref().and_then(|expiration| expiration.days);
    other.extend(expiration.filter(|all| all.days.is_none()).map(|expiration| format!("{expiration:?}")));
    other.extend(noncurrent_version_transitions.unwrap_or_default().iter().map(|moved| format!("{moved:?}")));
    let noncurrent = noncurrent_version_expiration;
    if let Some(newer) = noncurrent.as_ref().and_then(|noncurrent| noncurrent.newer_noncurrent_versions) {
        other.push(format!("newer versions kept: {newer}"));
    }
    Rule {
        enabled: status == ExpirationStatus::Enabled,
        objects,
        transitions: by_days,
        expiration_days,
        noncurrent_days: noncurrent.and_then(|noncurrent| noncurrent.noncurrent_days),
        abort_upload_days: abort_incomplete_multipart_upload.and_then(|abort| abort.days_after_initiation),
        other: (!other.is_empty()).then(|| other.join("; ")),
    }
}

/// Replaces the whole configuration. Every rule has a filter: S3 refuses one without.
pub async fn write(aws: &Aws, bucket: &str, wanted: &Rules) -> Result<(), CloudError> {
    let action = "s3:PutLifecycleConfiguration";
    if wanted.rules.is_empty() {
        let call = aws.s3.delete_bucket_lifecycle().bucket(bucket).expected_bucket_owner(&aws.account_id);
        call.send().await.during(action)?;
        return Ok(());
    }
    let mut configuration = BucketLifecycleConfiguration::builder();
    for (id, rule) in &wanted.rules {
        let mut written = LifecycleRule::builder()
            .id(id)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .set_expiration(rule.expiration_days.map(|days| LifecycleExpiration::builder().days(days).build()))
            .set_noncurrent_version_expiration(
                rule.noncurrent_days.map(|days| NoncurrentVersionExpiration::builder().noncurrent_days(days).build()),
            )
            .set_abort_incomplete_multipart_upload(
                rule.abort_upload_days
                    .map(|days| AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build()),
            );
        for (class, days) in &rule.transitions {
            let class = TransitionStorageClass::from(class.as_str());
            written = written.transitions(Transition::builder().days(*days).storage_class(class).build());
        }
        configuration = configuration.rules(built(written.build(), action)?);
    }
    let small = if wanted.moves_small_objects {
        TransitionDefaultMinimumObjectSize::VariesByStorageClass
    } else {
        TransitionDefaultMinimumObjectSize::AllStorageClasses128K
    };
    let call = aws.s3.put_bucket_lifecycle_configuration().bucket(bucket).expected_bucket_owner(&aws.account_id);
    let call = call.lifecycle_configuration(built(configuration.build(), action)?);
    call.transition_default_minimum_object_size(small).send().await.during(action)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_ours_reads_back_as_it_is_wanted_and_a_foreign_part_shows() {
        let wanted = Lifecycle {
            transitions: BTreeMap::from([("GLACIER_IR".to_owned(), 7)]),
            expiration_days: Some(365),
            noncurrent_days: 30,
            moves_small_objects: false,
        };
        let rule = |filter: LifecycleRuleFilter| {
            LifecycleRule::builder()
                .status(ExpirationStatus::Enabled)
                .filter(filter)
                .transitions(Transition::builder().days(7).storage_class(TransitionStorageClass::GlacierIr).build())
                .expiration(LifecycleExpiration::builder().days(365).build())
                .noncurrent_version_expiration(NoncurrentVersionExpiration::builder().noncurrent_days(30).build())
                .abort_incomplete_multipart_upload(
                    AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build(),
                )
                .build()
                .unwrap()
        };
        let empty = rule(LifecycleRuleFilter::builder().prefix("").build());
        assert_eq!(seen(empty), Rules::from(&wanted).rules["retention"]);
        let narrow = rule(LifecycleRuleFilter::builder().prefix("audit/").build());
        assert_ne!(seen(narrow).objects, ALL);
    }
}
