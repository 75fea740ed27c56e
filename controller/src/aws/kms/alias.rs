//! KMS alias: the name under which people and services find a key.
//!
//! AWS rules obeyed: an alias has no tags, so it is ours when its name is and it points to a key of ours, or when it
//! is remembered; it may point to a key pending deletion.

use std::sync::Arc;

use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Delete, Places};
use payment_platform_engine::{
    Claim, CloudError, Context, Found, Look, NodeId, Pending, Progress, Ref, Resource, Tier, Up,
};
use serde::{Deserialize, Serialize};

use super::Key;
use super::key::read_tags;
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::claim;

/// What all names of ours begin with.
const PREFIX: &str = "alias/payment-";

/// An alias of a key. Its node has the name of the key's node.
#[derive(Clone, Serialize)]
pub struct Alias {
    pub name: String,
    pub key: Ref<Key>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub key_arn: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub name: String,
}

impl Alias {
    /// `node` is the key's purpose.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{PREFIX}{node}-{environment}")
    }
}

impl Resource for Alias {
    const KIND: &'static str = "kms/alias";
    const ACTIONS: &'static [&'static str] =
        &["kms:CreateAlias", "kms:DeleteAlias", "kms:ListAliases", "kms:ListResourceTags", "kms:UpdateAlias"];
    const CLOSE_FIRST: &'static [&'static str] = &["key_arn"];
    const TIER: Tier = Tier::Fast;
    const PLACES: Places = Places::Anywhere;
    const CREATE: Create = Create::Idempotent;
    const DELETE: Delete = Delete::Last;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, _seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields { name: self.name.clone(), key_arn: up.get(&self.key)?.arn.clone() })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let aliases = aws.kms.list_aliases().limit(100).into_paginator().items().send();
        let aliases = aliases.collect::<Result<Vec<_>, _>>().await.during("kms:ListAliases")?;
        let mut found = Vec::new();
        for alias in aliases {
            let (Some(name), Some(key_id)) = (alias.alias_name, alias.target_key_id) else { continue };
            let wanted = match &look {
                Look::All => name.starts_with(PREFIX),
                Look::Ids(names) => names.contains(&name),
            };
            if !wanted {
                continue;
            }
            let key_arn = format!("arn:aws:kms:{}:{}:key/{key_id}", aws.region, aws.account_id);
            let claim = claim_of(&aws, &name, &key_arn).await?;
            found.push(Found {
                name_fits: claim.is_some(),
                claim,
                name: Some(name.clone()),
                cloud_id: name.clone(),
                uses: vec![key_arn.clone()],
                fields: Ok(Fields { name: name.clone(), key_arn }),
                output: Some(Output { name }),
                busy: None,
                unready: None,
                leaving: false,
                created: None,
            });
        }
        Ok(found)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.kms.create_alias().alias_name(&want.name).target_key_id(&want.key_arn);
        call.send().await.during("kms:CreateAlias")?;
        Ok(Progress::Done(Output { name: want.name }))
    }

    async fn update(
        want: Fields,
        now: Output,
        _changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.kms.update_alias().alias_name(&now.name).target_key_id(&want.key_arn);
        call.send().await.during("kms:UpdateAlias")?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        gone(cx.cloud.kms.delete_alias().alias_name(cloud_id).send().await.during("kms:DeleteAlias"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.name
    }
}

/// The claim of the key that the alias points to, if the alias is the one which that key must have.
async fn claim_of(aws: &Aws, name: &str, key_arn: &str) -> Result<Option<Claim>, CloudError> {
    let tags = match aws.key_marks.tags(key_arn) {
        Some(tags) => tags,
        None => match read_tags(aws, key_arn).await {
            Ok(tags) => tags,
            // A key that does not let us read its tags is not ours, nor is one that does not exist.
            Err(error)
                if matches!(
                    error.class,
                    payment_platform_engine::Class::Denied | payment_platform_engine::Class::NotFound
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        },
    };
    let Some(key) = claim(&tags) else { return Ok(None) };
    let fits = tags.get("Environment").is_some_and(|environment| name == Alias::name(&key.node.name, environment));
    let node = NodeId::new(&key.node.region, Alias::KIND, key.node.name.clone());
    Ok(fits.then_some(Claim { node, ..key }))
}
