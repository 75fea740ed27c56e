//! IAM role: what one service may do for the platform, and nothing else (PCI DSS 7.2.1, 7.2.5).
//!
//! Trust policy, inline policies and attached policies are whole sets: what is not described is drift and is taken
//! off, an attached AdministratorAccess as well as a further inline policy.
//!
//! AWS rules obeyed: a name is unique in its account, whatever the region, and has at most 64 characters; a role can
//! be deleted only without policies and instance profiles; a new role is not assumable for some seconds, which is the
//! affair of whatever uses it; documents come back URL-encoded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_iam::types::{EntityType, RoleDetail, Tag};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Delete, Places};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Resource, Tier, Up};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::RolePolicy;
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::policy::PolicyDocument;
use crate::aws::tags::{self, TagMap, Tags, claim};

/// A role with all its policies.
#[derive(Clone, Serialize)]
pub struct Role {
    pub name: String,
    /// Who may assume it.
    pub trust: PolicyDocument,
    /// What it may do, by the policy's name.
    pub inline: BTreeMap<String, RolePolicy>,
    /// ARNs of managed policies.
    pub attached: BTreeSet<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub trust: PolicyDocument,
    pub inline: BTreeMap<String, PolicyDocument>,
    pub attached: BTreeSet<String>,
    /// None is wanted: it would take away what the service needs.
    pub permissions_boundary: Option<String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub name: String,
}

impl Role {
    /// `node` is the role's purpose.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{node}-payment-{environment}")
    }
}

impl Resource for Role {
    const KIND: &'static str = "iam/role";
    const ACTIONS: &'static [&'static str] = &[
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:GetAccountAuthorizationDetails",
        "iam:ListInstanceProfilesForRole",
        "iam:PutRolePolicy",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["trust", "inline", "attached"];
    const PLACES: Places = Places::Global;
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::Idempotent;
    const DELETE: Delete = Delete::Last;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let inline = self.inline.iter().map(|(name, policy)| (name.clone(), policy.document(up)));
        Ok(Fields {
            name: self.name.clone(),
            trust: self.trust.clone(),
            inline: inline.collect(),
            attached: self.attached.clone(),
            permissions_boundary: None,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    /// One call answers all roles of the account with policies and tags.
    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let call = aws.iam.get_account_authorization_details().filter(EntityType::Role).max_items(1000);
            let page = call.set_marker(marker).send().await.during("iam:GetAccountAuthorizationDetails")?;
            let wanted = |role: &RoleDetail| match &look {
                Look::All => true,
                Look::Ids(arns) => role.arn().is_some_and(|arn| arns.iter().any(|known| known == arn)),
            };
            let roles = page.role_detail_list.unwrap_or_default();
            found.extend(roles.into_iter().filter(wanted).filter(may_be_ours).map(read));
            match page.marker.filter(|_| page.is_truncated) {
                Some(next) => marker = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let iam = &cx.cloud.iam;
        let call = iam.create_role().role_name(&want.name);
        let call = call.assume_role_policy_document(want.trust.to_json()).set_tags(Some(tag_list(&want.tags)));
        let made = call.send().await.during("iam:CreateRole")?.role;
        let arn = made.map(|role| role.arn).ok_or_else(|| {
            CloudError::new(Class::Unavailable, "iam:CreateRole", "BadAnswer", "the answer lacks the role")
        })?;
        for (name, policy) in &want.inline {
            put(&cx.cloud, &want.name, name, policy).await?;
        }
        for policy in &want.attached {
            attach(&cx.cloud, &want.name, policy).await?;
        }
        Ok(Progress::Done(Output { arn, name: want.name }))
    }

    /// Who may assume it first; then what was added by others goes before what is missing comes.
    async fn update(
        want: Fields,
        now: Output,
        mut changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let (iam, role) = (&cx.cloud.iam, &now.name);
        changes.sort_by_key(|change| !change.is_removal());
        let touches = |field: &str| changes.iter().any(|change| change.field() == field);
        if touches("trust") {
            let call = iam.update_assume_role_policy().role_name(role).policy_document(want.trust.to_json());
            call.send().await.during("iam:UpdateAssumeRolePolicy")?;
        }
        for change in &changes {
            let Some(element) = change.element() else { continue };
            let whole = change.path.0.len() == 2;
            match change.field() {
                "inline" if change.is_removal() && whole => {
                    let call = iam.delete_role_policy().role_name(role).policy_name(element);
                    gone(call.send().await.during("iam:DeleteRolePolicy"))?;
                }
                "attached" if change.is_removal() => {
                    let call = iam.detach_role_policy().role_name(role).policy_arn(element);
                    gone(call.send().await.during("iam:DetachRolePolicy"))?;
                }
                "attached" => attach(&cx.cloud, role, element).await?,
                _ => {}
            }
        }
        for name in differing(&changes) {
            if let Some(policy) = want.inline.get(name) {
                put(&cx.cloud, role, name, policy).await?;
            }
        }
        if touches("permissions_boundary") {
            let call = iam.delete_role_permissions_boundary().role_name(role);
            gone(call.send().await.during("iam:DeleteRolePermissionsBoundary"))?;
        }
        let (set, remove) = tags::changed(&changes);
        if !set.is_empty() {
            let call = iam.tag_role().role_name(role).set_tags(Some(tag_list(&set)));
            call.send().await.during("iam:TagRole")?;
        }
        if !remove.is_empty() {
            let call = iam.untag_role().role_name(role).set_tag_keys(Some(remove));
            call.send().await.during("iam:UntagRole")?;
        }
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let iam = &cx.cloud.iam;
        let Some(role) = Self::sweep(cx.cloud.clone(), Look::Ids(vec![cloud_id])).await?.pop() else {
            return Ok(Progress::Done(()));
        };
        let fields = role.fields?;
        let name = &fields.name;
        for policy in fields.inline.keys() {
            let call = iam.delete_role_policy().role_name(name).policy_name(policy);
            gone(call.send().await.during("iam:DeleteRolePolicy"))?;
        }
        for policy in &fields.attached {
            let call = iam.detach_role_policy().role_name(name).policy_arn(policy);
            gone(call.send().await.during("iam:DetachRolePolicy"))?;
        }
        let profiles = iam.list_instance_profiles_for_role().role_name(name).send().await;
        for profile in profiles.during("iam:ListInstanceProfilesForRole")?.instance_profiles {
            let call = iam.remove_role_from_instance_profile().role_name(name);
            let call = call.instance_profile_name(profile.instance_profile_name);
            gone(call.send().await.during("iam:RemoveRoleFromInstanceProfile"))?;
        }
        gone(iam.delete_role().role_name(name).send().await.during("iam:DeleteRole"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

/// Names of inline policies that are to be written: missing ones and those that differ.
fn differing(changes: &[Change]) -> BTreeSet<&str> {
    let inline = changes.iter().filter(|change| change.field() == "inline");
    inline.filter(|change| !change.is_removal() || change.path.0.len() > 2).filter_map(Change::element).collect()
}

/// Roles that can have nothing to do with a platform are not parsed: there can be thousands.
fn may_be_ours(role: &RoleDetail) -> bool {
    role.tags().iter().any(|tag| tag.key() == tags::NODE)
        || role.role_name().is_some_and(|name| name.contains("-payment-"))
}

fn read(role: RoleDetail) -> Found<Role> {
    let tags: TagMap = role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
    let name = role.role_name.clone().unwrap_or_default();
    let arn = role.arn.clone().unwrap_or_default();
    let claim = claim(&tags);
    let environment = tags.get("Environment").map_or("", String::as_str);
    Found {
        name_fits: claim.as_ref().is_some_and(|claim| Role::name(&claim.node.name, environment) == name),
        claim,
        name: Some(name.clone()),
        cloud_id: arn.clone(),
        uses: Vec::new(),
        created: role.create_date.map(|date| date.secs()),
        fields: fields(role, &name, tags),
        output: Some(Output { arn, name }),
        busy: None,
        unready: None,
        leaving: false,
    }
}

fn fields(role: RoleDetail, name: &str, tags: TagMap) -> Result<Fields, CloudError> {
    let inline = role.role_policy_list().iter().map(|policy| {
        let name = policy.policy_name().unwrap_or_default().to_owned();
        Ok((name, document(policy.policy_document().unwrap_or_default())?))
    });
    let inline = inline.collect::<Result<_, CloudError>>()?;
    let attached = role.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn.clone()).collect();
    Ok(Fields {
        name: name.to_owned(),
        trust: document(&role.assume_role_policy_document.unwrap_or_default())?,
        inline,
        attached,
        permissions_boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        tags,
    })
}

fn document(encoded: &str) -> Result<PolicyDocument, CloudError> {
    PolicyDocument::parse(&percent_decode_str(encoded).decode_utf8_lossy()).map_err(|error| {
        let action = "iam:GetAccountAuthorizationDetails";
        CloudError::new(Class::Unavailable, action, "BadPolicy", error.to_string())
    })
}

async fn put(aws: &Aws, role: &str, name: &str, policy: &PolicyDocument) -> Result<(), CloudError> {
    let call = aws.iam.put_role_policy().role_name(role).policy_name(name).policy_document(policy.to_json());
    call.send().await.during("iam:PutRolePolicy")?;
    Ok(())
}

async fn attach(aws: &Aws, role: &str, policy: &str) -> Result<(), CloudError> {
    let call = aws.iam.attach_role_policy().role_name(role).policy_arn(policy);
    call.send().await.during("iam:AttachRolePolicy")?;
    Ok(())
}

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    tags.iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect()
}
