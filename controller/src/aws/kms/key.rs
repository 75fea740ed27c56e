//! KMS key: what encrypts stored account data and logs (PCI DSS 3.5.1, 3.6.1, 3.7.4: rotation; 7.2.1: each key names
//! only its users, and nobody gets in past its policy by a grant).
//!
//! AWS rules obeyed: CreateKey takes no token; a deletion is scheduled, never immediate, and can be cancelled until
//! then, which leaves the key disabled; rotation of a disabled key is off; a policy must leave the caller able to
//! change it; services that use the key for a resource make themselves grants, which they need.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aws_sdk_kms::types::{GrantListEntry, KeyManagerType, KeyMetadata, KeySpec, KeyState, KeyUsageType, Tag};
use aws_smithy_types::retry::RetryConfig;
use futures::future::join3;
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Delete, Places};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use crate::aws::error::{During, gone};
use crate::aws::limits::Limits;
use crate::aws::policy::PolicyDocument;
use crate::aws::tags::{self, TagMap, Tags, claim, name_fits};
use crate::aws::{Aws, tag_index};

/// Days that the key's deletion takes once it is asked for; a tag, so that the key can be deleted when the spec no
/// longer parses.
const DELETION_WINDOW: &str = "paymentplatform.io/deletion-window-days";

/// What KMS takes, in days (ScheduleKeyDeletion).
const SHORTEST_WINDOW: i32 = 7;
const LONGEST_WINDOW: i32 = 30;

/// A symmetric key for encryption and decryption.
#[derive(Clone, Serialize)]
pub struct Key {
    pub description: String,
    pub rotation_days: i32,
    pub deletion_window_days: i32,
    pub policy: PolicyDocument,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub description: String,
    pub enabled: bool,
    pub pending_deletion: bool,
    pub rotation: Rotation,
    pub policy: PolicyDocument,
    /// Grants to anybody but services of AWS, by id. None are wanted: they let in past the policy.
    pub grants: BTreeMap<String, Grant>,
    pub tags: TagMap,
}

/// What somebody may do with the key, whatever its policy says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Grant {
    pub grantee: String,
    pub operations: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rotation {
    pub enabled: bool,
    /// None while rotation is off.
    pub period_days: Option<i32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
}

/// What earlier looks have found out about the account's keys, so that keys of others are asked for their tags once.
#[derive(Default)]
pub struct KeyMarks(Mutex<HashMap<String, Mark>>);

#[derive(Clone)]
enum Mark {
    /// Since when it is known to carry no tags of ours.
    Foreign(Instant),
    /// It did not let us read its tags, then.
    Denied(Instant, CloudError),
    Ours(TagMap),
}

impl KeyMarks {
    fn set(&self, arn: &str, mark: Mark) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (marks.get(arn), &mark) {
            (Some(Mark::Foreign(_)), Mark::Foreign(_)) => {}
            // Ours stays ours: somebody has locked us out, and it is asked again at every look.
            (Some(Mark::Ours(_)), Mark::Denied(..)) => {}
            _ => {
                marks.insert(arn.to_owned(), mark);
            }
        }
    }

    fn is_foreign(&self, arn: &str, limits: Limits) -> bool {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(marks.get(arn), Some(Mark::Foreign(since)) if since.elapsed() > limits.consistency_window * limits.key_tags_windows)
    }

    /// The error of a key that has just denied us: it is not asked again at once, and not taken for absent.
    fn denied(&self, arn: &str, limits: Limits) -> Option<CloudError> {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match marks.get(arn) {
            Some(Mark::Denied(at, error)) if at.elapsed() < limits.denied_key_pause => Some(error.clone()),
            _ => None,
        }
    }

    /// The tags of one of our keys, as they were last seen.
    pub fn tags(&self, arn: &str) -> Option<TagMap> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).get(arn) {
            Some(Mark::Ours(tags)) => Some(tags.clone()),
            _ => None,
        }
    }
}

impl Key {
    /// The tag `Name` of a key; `node` is its purpose.
    pub fn name(node: &str, environment: &str) -> String {
        format!("kms-payment-{node}-{environment}")
    }
}

impl Resource for Key {
    const KIND: &'static str = "kms/key";
    const ACTIONS: &'static [&'static str] = &[
        "kms:CancelKeyDeletion",
        "kms:CreateKey",
        "kms:DescribeKey",
        "kms:EnableKey",
        "kms:EnableKeyRotation",
        "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:ListGrants",
        "kms:ListKeys",
        "kms:ListResourceTags",
        "kms:PutKeyPolicy",
        "kms:RevokeGrant",
        "kms:ScheduleKeyDeletion",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateKeyDescription",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["enabled", "pending_deletion", "rotation", "policy", "grants"];
    const GUARDS_DATA: bool = true;
    const TIER: Tier = Tier::Fast;
    const PLACES: Places = Places::Anywhere;
    const CREATE: Create = Create::MakesTwins;
    const DELETE: Delete = Delete::Last;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, _up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let mut tags = self.tags.over(seen.map(|seen| &seen.tags));
        tags.insert(DELETION_WINDOW.to_owned(), self.deletion_window_days.to_string());
        Ok(Fields {
            description: self.description.clone(),
            enabled: true,
            pending_deletion: false,
            rotation: Rotation { enabled: true, period_days: Some(self.rotation_days) },
            policy: self.policy.clone(),
            grants: BTreeMap::new(),
            tags,
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let (ids, asked) = match look {
            Look::Ids(ids) => (ids, true),
            Look::All => (list(&aws).await?, false),
        };
        let (mut ours, mut denied, mut readable) = (Vec::new(), None, asked);
        let unknown: Vec<String> = ids
            .into_iter()
            .filter(|id| {
                let just_denied = aws.key_marks.denied(id, aws.limits).filter(|_| !asked);
                let foreign = aws.key_marks.is_foreign(id, aws.limits);
                readable |= foreign;
                let skipped = !asked && (foreign || just_denied.is_some());
                denied = just_denied.or(denied.take());
                !skipped
            })
            .collect();
        let found = stream::iter(unknown).map(|id| {
            let aws = aws.clone();
            async move { if asked { read_asked(&aws, &id).await } else { read_listed(&aws, &id).await } }
        });
        let found: Vec<Listed> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        for key in found {
            match key {
                Listed::Ours(key) => ours.push(*key),
                Listed::Denied(error) => denied = Some(error),
                Listed::Foreign => readable = true,
            }
        }
        // One key that does not let us in is somebody's; if none does, it is we who lack the permission.
        match denied.filter(|_| ours.is_empty() && !readable) {
            Some(error) => Err(error),
            None => Ok(ours),
        }
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let once = aws_sdk_kms::config::Builder::new().retry_config(RetryConfig::disabled());
        let call = cx.cloud.kms.create_key().description(&want.description).policy(want.policy.to_json());
        let call = call.key_spec(KeySpec::SymmetricDefault).key_usage(KeyUsageType::EncryptDecrypt);
        let call = call.set_tags(Some(tag_list(&want.tags))).customize().config_override(once);
        let made = call.send().await.during("kms:CreateKey")?;
        let arn = made.key_metadata.and_then(|key| key.arn);
        let arn = arn.ok_or_else(|| CloudError::new(Class::Unavailable, "kms:CreateKey", "BadAnswer", "no ARN"))?;
        cx.cloud.key_marks.set(&arn, Mark::Ours(want.tags.clone()));
        rotate(&cx.cloud, &arn, &want.rotation).await?;
        Ok(Progress::Done(Output { arn }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let (kms, key) = (&cx.cloud.kms, &now.arn);
        let touches = |field: &str| changes.iter().any(|change| change.field() == field);
        // In this order: a key pending deletion takes no other change, and a disabled one no rotation.
        if touches("pending_deletion") {
            kms.cancel_key_deletion().key_id(key).send().await.during("kms:CancelKeyDeletion")?;
        }
        if touches("enabled") || touches("pending_deletion") {
            kms.enable_key().key_id(key).send().await.during("kms:EnableKey")?;
        }
        if touches("rotation") || touches("pending_deletion") {
            rotate(&cx.cloud, key, &want.rotation).await?;
        }
        if touches("policy") {
            let call = kms.put_key_policy().key_id(key).policy_name("default").policy(want.policy.to_json());
            call.send().await.during("kms:PutKeyPolicy")?;
        }
        for grant in
            changes.iter().filter(|change| change.field() == "grants").filter_map(|change| change.path.0.get(1))
        {
            gone(kms.revoke_grant().key_id(key).grant_id(grant).send().await.during("kms:RevokeGrant"))?;
        }
        if touches("description") {
            let call = kms.update_key_description().key_id(key).description(&want.description);
            call.send().await.during("kms:UpdateKeyDescription")?;
        }
        cx.cloud.tags_read.forget(key);
        let (set, remove) = tags::changed(&changes);
        if !set.is_empty() {
            let call = kms.tag_resource().key_id(key).set_tags(Some(tag_list(&set)));
            call.send().await.during("kms:TagResource")?;
        }
        if !remove.is_empty() {
            let call = kms.untag_resource().key_id(key).set_tag_keys(Some(remove));
            call.send().await.during("kms:UntagResource")?;
        }
        cx.cloud.tags_read.forget(key);
        Ok(Progress::Done(now))
    }

    /// Schedules the deletion; until its day the key can be brought back.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let Some(tags) = gone(read_tags(&cx.cloud, &cloud_id).await)? else { return Ok(Progress::Done(())) };
        let days = deletion_window(&tags, cx.unasked);
        let call = cx.cloud.kms.schedule_key_deletion().key_id(cloud_id).pending_window_in_days(days);
        gone(call.send().await.during("kms:ScheduleKeyDeletion"))?;
        Ok(Progress::Done(()))
    }

    /// A key that is about to be deleted is brought back first: without it, what it encrypts is lost.
    async fn keep(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let state = describe(&cx.cloud, &cloud_id).await?.and_then(|key| key.key_state);
        if state == Some(KeyState::PendingDeletion) {
            cx.cloud.kms.cancel_key_deletion().key_id(&cloud_id).send().await.during("kms:CancelKeyDeletion")?;
            cx.cloud.kms.enable_key().key_id(&cloud_id).send().await.during("kms:EnableKey")?;
        }
        let kept = TagMap::from([(tags::KEPT.to_owned(), "true".to_owned())]);
        let call = cx.cloud.kms.tag_resource().key_id(&cloud_id).set_tags(Some(tag_list(&kept)));
        call.send().await.during("kms:TagResource")?;
        cx.cloud.tags_read.forget(&cloud_id);
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

/// Days until the deletion: what the key's tag says, within what KMS takes; the longest time for a twin, which somebody may
/// still use.
fn deletion_window(tags: &TagMap, twin: bool) -> i32 {
    let tagged = tags.get(DELETION_WINDOW).and_then(|days| days.parse().ok());
    tagged.filter(|_| !twin).unwrap_or(LONGEST_WINDOW).clamp(SHORTEST_WINDOW, LONGEST_WINDOW)
}

/// ARNs of all keys of the account and region.
async fn list(aws: &Aws) -> Result<Vec<String>, CloudError> {
    let keys = aws.kms.list_keys().limit(1000).into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    Ok(keys.during("kms:ListKeys")?.into_iter().filter_map(|key| key.key_arn).collect())
}

/// What a key of the account is to us.
enum Listed {
    Ours(Box<Found<Key>>),
    /// Somebody else's, or gone.
    Foreign,
    Denied(CloudError),
}

/// A key from the list of all: somebody else's is remembered as such, and one that does not let us read its tags
/// cannot be ours, since ours name us.
async fn read_listed(aws: &Aws, arn: &str) -> Result<Listed, CloudError> {
    let tags = match read_tags(aws, arn).await {
        Ok(tags) => tags,
        Err(error) if error.class == Class::NotFound => return Ok(Listed::Foreign),
        Err(error) if error.class == Class::Denied => {
            aws.key_marks.set(arn, Mark::Denied(Instant::now(), error.clone()));
            return Ok(Listed::Denied(error));
        }
        Err(error) => return Err(error),
    };
    if claim(&tags).is_none() {
        aws.key_marks.set(arn, Mark::Foreign(Instant::now()));
        return Ok(Listed::Foreign);
    }
    let Some(metadata) = describe(aws, arn).await? else { return Ok(Listed::Foreign) };
    Ok(Listed::Ours(Box::new(found(aws, arn, metadata, Ok(tags)).await)))
}

/// A key that is known to be ours: its tags may have been taken away.
async fn read_asked(aws: &Aws, arn: &str) -> Result<Listed, CloudError> {
    let Some(metadata) = describe(aws, arn).await? else { return Ok(Listed::Foreign) };
    let tags = read_tags(aws, arn).await;
    Ok(Listed::Ours(Box::new(found(aws, arn, metadata, tags).await)))
}

async fn describe(aws: &Aws, arn: &str) -> Result<Option<KeyMetadata>, CloudError> {
    let answer = gone(aws.kms.describe_key().key_id(arn).send().await.during("kms:DescribeKey"))?;
    let metadata = answer.and_then(|answer| answer.key_metadata);
    Ok(metadata.filter(|key| key.key_manager != Some(KeyManagerType::Aws)))
}

async fn found(aws: &Aws, arn: &str, key: KeyMetadata, tags: Result<TagMap, CloudError>) -> Found<Key> {
    let claim = tags.as_ref().ok().and_then(claim);
    if let (Some(_), Ok(tags)) = (&claim, &tags) {
        aws.key_marks.set(arn, Mark::Ours(tags.clone()));
    }
    let pending_deletion = key.key_state == Some(KeyState::PendingDeletion);
    let created = key.creation_date.map(|date| date.secs());
    Found {
        claim,
        name: None,
        name_fits: tags.as_ref().is_ok_and(|tags| name_fits(tags, Key::name)),
        cloud_id: arn.to_owned(),
        uses: Vec::new(),
        fields: fields(aws, arn, key, pending_deletion, tags).await,
        output: Some(Output { arn: arn.to_owned() }),
        busy: None,
        unready: None,
        leaving: pending_deletion,
        created,
    }
}

async fn fields(
    aws: &Aws,
    arn: &str,
    key: KeyMetadata,
    pending_deletion: bool,
    tags: Result<TagMap, CloudError>,
) -> Result<Fields, CloudError> {
    let tags = tags?;
    let rotation = aws.kms.get_key_rotation_status().key_id(arn).send();
    let policy = aws.kms.get_key_policy().key_id(arn).policy_name("default").send();
    let grants = aws.kms.list_grants().key_id(arn).into_paginator().items().send();
    let (rotation, policy, grants) = join3(rotation, policy, grants.collect::<Result<Vec<_>, _>>()).await;
    let grants = grants.during("kms:ListGrants")?.into_iter().filter(|grant| !is_of_aws(grant));
    let (rotation, policy) = (rotation.during("kms:GetKeyRotationStatus")?, policy.during("kms:GetKeyPolicy")?);
    let enabled = rotation.key_rotation_enabled;
    let policy = PolicyDocument::parse(policy.policy().unwrap_or_default())
        .map_err(|error| CloudError::new(Class::Unavailable, "kms:GetKeyPolicy", "BadPolicy", error.to_string()))?;
    Ok(Fields {
        description: key.description.unwrap_or_default(),
        enabled: key.enabled,
        pending_deletion,
        rotation: Rotation { enabled, period_days: rotation.rotation_period_in_days.filter(|_| enabled) },
        policy,
        grants: grants.filter_map(|grant| Some((grant.grant_id.clone()?, seen(grant)))).collect(),
        tags,
    })
}

/// Whether a service has made the grant for itself: its own principal, its service-linked role, or a session that AWS
/// runs in the account (as for the volumes of instances).
fn is_of_aws(grant: &GrantListEntry) -> bool {
    let grantee = grant.grantee_principal.as_deref().unwrap_or_default();
    let own = |part| grantee.contains(part);
    grant.grantee_service_principal.is_some()
        || grantee.ends_with(".amazonaws.com")
        || own(":role/aws-service-role/")
        || own(":assumed-role/aws:")
}

fn seen(grant: GrantListEntry) -> Grant {
    let operations = grant.operations.unwrap_or_default();
    let operations = operations.iter().map(|operation| operation.as_str().to_owned()).collect();
    Grant { grantee: grant.grantee_principal.unwrap_or_default(), operations }
}

pub(super) async fn read_tags(aws: &Aws, arn: &str) -> Result<TagMap, CloudError> {
    let ask = async {
        let tags = aws.kms.list_resource_tags().key_id(arn).into_paginator().items().send();
        let tags = tags.collect::<Result<Vec<_>, _>>().await.during("kms:ListResourceTags")?;
        Ok(Some(tags.into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect()))
    };
    Ok(tag_index::tags_of(aws, arn, ask).await?.unwrap_or_default())
}

async fn rotate(aws: &Aws, arn: &str, rotation: &Rotation) -> Result<(), CloudError> {
    let call = aws.kms.enable_key_rotation().key_id(arn).set_rotation_period_in_days(rotation.period_days);
    call.send().await.during("kms:EnableKeyRotation")?;
    Ok(())
}

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    let tag = |(key, value)| Tag::builder().tag_key(key).tag_value(value).build().ok();
    tags.iter().filter_map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_after_a_time_that_kms_takes_and_a_twin_after_the_longest() {
        let days =
            |days: &str, twin| deletion_window(&TagMap::from([(DELETION_WINDOW.to_owned(), days.to_owned())]), twin);
        assert_eq!((days("7", false), days("3", false), days("99", false)), (7, 7, 30));
        assert_eq!((days("soon", false), days("7", true)), (30, 30));
        assert_eq!(deletion_window(&TagMap::new(), false), 30);
    }

    #[test]
    fn only_services_of_aws_hold_grants_that_stay() {
        let to = |grantee: &str| is_of_aws(&GrantListEntry::builder().grantee_principal(grantee).build());
        assert!(to("rds.us-east-1.amazonaws.com"));
        assert!(to(
            "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        ));
        assert!(to("arn:aws:sts::123456789012:assumed-role/aws:ec2-infrastructure/i-0123456789abcdef0"));
        assert!(!to("arn:aws:iam::123456789012:role/aws-service-role"));
        assert!(!to("arn:aws:iam::999999999999:root"));
        assert!(!to("AROAEXAMPLE"));
        let service = GrantListEntry::builder().grantee_service_principal("dynamodb.amazonaws.com").build();
        assert!(is_of_aws(&service));
    }
}
