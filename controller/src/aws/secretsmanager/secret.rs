//! Secret: the database's master login, generated once, under a key of the platform and never outside of it (PCI DSS 3.5.1,
//! 8.3.2, 8.6.2: no password in a manifest, a log or a plan).
//!
//! Nobody is let in by a policy of the secret's own. One that is scheduled for deletion is restored; one that is gone is
//! made again with another password, and the database then gets that one.
//!
//! AWS rules obeyed: a name is not free again before its recovery window is over, so it ends in a part of the object's UID;
//! a secret scheduled for deletion takes no change before it is restored; the key's policy must let the account use it by
//! way of Secrets Manager; ARNs end in six random characters, so a secret made again has another one.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::value::Credentials;
use crate::aws::error::{During, gone};
use crate::aws::kms::Key;
use crate::aws::policy::PolicyDocument;
use crate::aws::tags::{self, TagMap, Tags, claim};
use crate::aws::unread::Unread;
use crate::aws::{Aws, touches};

/// Days in which a deleted secret can be brought back; a tag, so that it can be deleted when the spec no longer parses.
/// 0: none at all.
const RECOVERY_WINDOW: &str = "paymentplatform.io/recovery-window-days";

/// What Secrets Manager takes, in days (DeleteSecret).
const SHORTEST_WINDOW: i64 = 7;
const LONGEST_WINDOW: i64 = 30;

/// The label of the version that is in use.
const CURRENT: &str = "AWSCURRENT";

/// A secret with a login in it.
#[derive(Clone, Serialize)]
pub struct Secret {
    pub name: String,
    pub login: Login,
    pub key: Ref<Key>,
    pub recovery_window_days: i32,
    pub tags: Tags,
}

/// Whose login it is; the password is generated when the secret is made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Login {
    pub username: String,
    /// As AWS's rotation functions call it: `postgres` or `mysql`.
    pub engine: String,
    pub database: String,
    pub port: u16,
    /// Characters of a password that is made.
    pub password_length: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub key_arn: Option<String>,
    pub pending_deletion: bool,
    /// Whether there is a version in use.
    pub has_value: bool,
    /// Regions to which somebody has it copied. None are wanted.
    pub replicas: BTreeSet<String>,
    /// The function that is run to change its value. None is wanted yet: it reads the value.
    pub rotation_function: Option<String>,
    /// Whom it lets in besides those whose own permissions do. None is wanted.
    pub policy: Option<PolicyDocument>,
    /// What is written into it when it gets a value; not read back.
    #[serde(skip)]
    pub login: Unread<Login>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
}

impl Secret {
    /// The name of the secret of a database, for the object with this UID.
    pub fn name(node: &str, environment: &str, uid: &str) -> String {
        format!("{node}-payment-{environment}-{}", suffix(uid))
    }
}

/// Eight characters that no other object has, and the same at every look.
pub fn suffix(uid: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(&Sha256::digest(uid)[..4])
}

impl Resource for Secret {
    const KIND: &'static str = "secretsmanager/secret";
    const ACTIONS: &'static [&'static str] = &[
        "secretsmanager:CancelRotateSecret",
        "secretsmanager:CreateSecret",
        "secretsmanager:DeleteResourcePolicy",
        "secretsmanager:DeleteSecret",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy",
        "secretsmanager:ListSecrets",
        "secretsmanager:PutSecretValue",
        "secretsmanager:RemoveRegionsFromReplication",
        "secretsmanager:RestoreSecret",
        "secretsmanager:TagResource",
        "secretsmanager:UntagResource",
        "secretsmanager:UpdateSecret",
    ];
    const CLOSE_FIRST: &'static [&'static str] =
        &["key_arn", "pending_deletion", "policy", "replicas", "rotation_function"];
    const STATEFUL: bool = true;
    const OUTLIVED_BY_DATA: bool = true;
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let mut tags = self.tags.over(seen.map(|seen| &seen.tags));
        tags.insert(RECOVERY_WINDOW.to_owned(), self.recovery_window_days.to_string());
        Ok(Fields {
            // One that is taken over from an earlier object has that one's name.
            name: seen.map_or_else(|| self.name.clone(), |seen| seen.name.clone()),
            key_arn: Some(up.get(&self.key)?.arn.clone()),
            pending_deletion: false,
            has_value: true,
            replicas: BTreeSet::new(),
            rotation_function: None,
            policy: None,
            login: Unread::of(self.login.clone()),
            tags,
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let secrets = match look {
            Look::All => listed(&aws).await?,
            Look::Ids(arns) => by_id(&aws, arns).await?,
        };
        let found = stream::iter(secrets).map(|secret| {
            let aws = aws.clone();
            async move { read(&aws, secret).await }
        });
        let found: Vec<_> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let value = value(&want)?.to_secret_string();
        let call = cx.cloud.secrets.create_secret().name(&want.name).set_kms_key_id(want.key_arn.clone());
        let call = call.secret_string(value).client_request_token(&cx.token).set_tags(Some(tag_list(&want.tags)));
        let made = call.send().await.during("secretsmanager:CreateSecret")?;
        let missing = || CloudError::new(Class::Unavailable, "secretsmanager:CreateSecret", "BadAnswer", "no ARN");
        Ok(Progress::Done(Output { arn: made.arn.ok_or_else(missing)? }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let (secrets, arn) = (&cx.cloud.secrets, &now.arn);
        // First: until then it takes no other change.
        if touches(&changes, "pending_deletion") {
            secrets.restore_secret().secret_id(arn).send().await.during("secretsmanager:RestoreSecret")?;
        }
        if touches(&changes, "policy") {
            let call = secrets.delete_resource_policy().secret_id(arn).send().await;
            call.during("secretsmanager:DeleteResourcePolicy")?;
        }
        let regions: Vec<String> = changes
            .iter()
            .filter(|change| change.field() == "replicas")
            .filter_map(|change| change.element().map(str::to_owned))
            .collect();
        if !regions.is_empty() {
            let call = secrets.remove_regions_from_replication().secret_id(arn);
            let call = call.set_remove_replica_regions(Some(regions)).send().await;
            call.during("secretsmanager:RemoveRegionsFromReplication")?;
        }
        if touches(&changes, "rotation_function") {
            secrets.cancel_rotate_secret().secret_id(arn).send().await.during("secretsmanager:CancelRotateSecret")?;
        }
        if touches(&changes, "key_arn") {
            let call = secrets.update_secret().secret_id(arn).set_kms_key_id(want.key_arn.clone()).send().await;
            call.during("secretsmanager:UpdateSecret")?;
        }
        if touches(&changes, "has_value") {
            let call = secrets.put_secret_value().secret_id(arn).secret_string(value(&want)?.to_secret_string());
            call.send().await.during("secretsmanager:PutSecretValue")?;
        }
        let (set, remove) = tags::changed(&changes);
        if !set.is_empty() {
            let call = secrets.tag_resource().secret_id(arn).set_tags(Some(tag_list(&set)));
            call.send().await.during("secretsmanager:TagResource")?;
        }
        if !remove.is_empty() {
            let call = secrets.untag_resource().secret_id(arn).set_tag_keys(Some(remove));
            call.send().await.during("secretsmanager:UntagResource")?;
        }
        Ok(Progress::Done(now))
    }

    /// Schedules the deletion; until its day the secret can be brought back.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let action = "secretsmanager:DescribeSecret";
        let answer = gone(cx.cloud.secrets.describe_secret().secret_id(&cloud_id).send().await.during(action))?;
        let Some(secret) = answer.filter(|secret| secret.deleted_date.is_none()) else {
            return Ok(Progress::Done(()));
        };
        let regions: Vec<String> =
            secret.replication_status().iter().filter_map(|replica| replica.region.clone()).collect();
        if !regions.is_empty() {
            let call = cx.cloud.secrets.remove_regions_from_replication().secret_id(&cloud_id);
            let call = call.set_remove_replica_regions(Some(regions)).send().await;
            call.during("secretsmanager:RemoveRegionsFromReplication")?;
        }
        let call = cx.cloud.secrets.delete_secret().secret_id(cloud_id);
        let call = match recovery_window(&tag_map(secret.tags()), cx.unasked || cx.keep_data) {
            None => call.force_delete_without_recovery(true),
            Some(days) => call.recovery_window_in_days(days),
        };
        gone(call.send().await.during("secretsmanager:DeleteSecret"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

fn value(want: &Fields) -> Result<Credentials, CloudError> {
    let unknown =
        || CloudError::new(Class::Invalid, "secretsmanager:CreateSecret", "NoLogin", "nothing to put into it");
    let login = want.login.get().ok_or_else(unknown)?;
    Credentials::new(login)
}

/// None: deleted at once. Never so where it is `kept` for a while: of a platform whose data is kept, or a twin, which somebody
/// may still use.
fn recovery_window(tags: &TagMap, kept: bool) -> Option<i64> {
    let tagged = tags.get(RECOVERY_WINDOW).and_then(|days| days.parse::<i64>().ok());
    let days = tagged.filter(|days| *days > 0 || !kept).unwrap_or(LONGEST_WINDOW);
    (days > 0).then(|| days.clamp(SHORTEST_WINDOW, LONGEST_WINDOW))
}

/// All with ownership tags, also those that are scheduled for deletion; read once a round. The list says which there are, and
/// may be minutes old (API Reference, ListSecrets): what they are like is asked of each.
pub async fn listed(aws: &Aws) -> Result<Vec<Described>, CloudError> {
    let read = async { by_id(aws, list(aws).await?).await };
    Ok(aws.secret_list(read).await?.to_vec())
}

async fn list(aws: &Aws) -> Result<Vec<String>, CloudError> {
    let filter = Filter::builder().key(FilterNameStringType::TagKey).values(tags::NODE).build();
    let call = aws.secrets.list_secrets().filters(filter).include_planned_deletion(true).max_results(100);
    let pages =
        call.into_paginator().send().collect::<Result<Vec<_>, _>>().await.during("secretsmanager:ListSecrets")?;
    let secrets = pages.into_iter().flat_map(|page| page.secret_list.unwrap_or_default());
    Ok(secrets.filter_map(|secret| secret.arn).collect())
}

pub type Described = DescribeSecretOutput;

pub async fn by_id(aws: &Aws, arns: Vec<String>) -> Result<Vec<Described>, CloudError> {
    let described = stream::iter(arns).map(|arn| async move {
        let answer = aws.secrets.describe_secret().secret_id(&arn).send().await;
        gone(answer.during("secretsmanager:DescribeSecret"))
    });
    let described: Vec<_> = described.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
    Ok(described.into_iter().flatten().collect())
}

/// The version of its value in use.
pub fn current_version(secret: &Described) -> Option<&String> {
    let versions = secret.version_ids_to_stages.iter().flatten();
    let mut current = versions.filter(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
    current.next().map(|(version, _)| version)
}

/// Whether a secret with these tags bears the name of its node's secret.
pub fn name_fits(tags: &TagMap, name: &str) -> bool {
    let (Some(claim), Some(environment)) = (claim(tags), tags.get("Environment")) else { return false };
    let own = Secret::name(&claim.node.name, environment, "");
    // Whoever takes it over has another UID: the end tells nothing.
    name.len() == own.len() && name.rsplit_once('-').map(|(name, _)| name) == own.rsplit_once('-').map(|(own, _)| own)
}

/// None: it has gone since it was listed.
async fn read(aws: &Aws, secret: Described) -> Result<Option<Found<Secret>>, CloudError> {
    let (arn, name) = (secret.arn.clone().unwrap_or_default(), secret.name.clone().unwrap_or_default());
    let tags = tag_map(secret.tags());
    let pending_deletion = secret.deleted_date.is_some();
    let policy = match pending_deletion {
        // It does not let us read what lets nobody in.
        true => Ok(Some(None)),
        false => gone(policy(aws, &arn).await),
    };
    let policy = match policy {
        Ok(None) => return Ok(None),
        Ok(Some(policy)) => Ok(policy),
        Err(error) => Err(error),
    };
    let has_value = current_version(&secret).is_some();
    let replicas = secret.replication_status().iter().filter_map(|replica| replica.region.clone()).collect();
    Ok(Some(Found {
        name_fits: name_fits(&tags, &name),
        claim: claim(&tags),
        name: Some(name.clone()),
        cloud_id: arn.clone(),
        uses: secret.kms_key_id.iter().cloned().collect(),
        fields: policy.map(|policy| Fields {
            name,
            key_arn: secret.kms_key_id,
            pending_deletion,
            has_value,
            replicas,
            rotation_function: secret.rotation_lambda_arn.filter(|_| secret.rotation_enabled == Some(true)),
            policy,
            login: Unread::default(),
            tags,
        }),
        output: Some(Output { arn }),
        busy: None,
        unready: None,
        leaving: pending_deletion,
        created: secret.created_date.map(|date| date.secs()),
    }))
}

async fn policy(aws: &Aws, arn: &str) -> Result<Option<PolicyDocument>, CloudError> {
    let action = "secretsmanager:GetResourcePolicy";
    let answer = aws.secrets.get_resource_policy().secret_id(arn).send().await.during(action)?;
    let policy = answer.resource_policy.map(|text| PolicyDocument::parse(&text)).transpose();
    policy.map_err(|error| CloudError::new(Class::Unavailable, action, "BadPolicy", error.to_string()))
}

pub fn tag_map(tags: &[Tag]) -> TagMap {
    let pair = |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    tags.iter().filter_map(pair).collect()
}

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_without_a_readable_window_can_be_brought_back_for_the_longest_time() {
        let tagged = |days: &str| TagMap::from([(RECOVERY_WINDOW.to_owned(), days.to_owned())]);
        assert_eq!(recovery_window(&tagged("0"), false), None);
        assert_eq!(recovery_window(&tagged("0"), true), Some(30), "its data is kept");
        assert_eq!(recovery_window(&tagged("3"), false), Some(7));
        assert_eq!(recovery_window(&tagged("soon"), false), Some(30));
        assert_eq!(recovery_window(&TagMap::new(), false), Some(30));
    }

    #[test]
    fn names_differ_between_objects_and_not_between_looks() {
        let name = |uid| Secret::name("aurora-password", "prd", uid);
        assert_eq!(name("a"), name("a"));
        assert_ne!(name("a"), name("b"));
    }
}
