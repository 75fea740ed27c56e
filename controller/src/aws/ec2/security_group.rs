//! Security group: who may talk to whom (PCI DSS 1.2.1, 1.3.1, 1.3.2). Its rules are a node of their own, since groups
//! that name each other must all exist before any rule does.
//!
//! AWS rules obeyed: names are unique in a VPC and may not begin with `sg-`; name and description cannot be changed;
//! a group that rules still name cannot be deleted; the default group comes and goes with its VPC.

use std::sync::Arc;

use aws_sdk_ec2::types::ResourceType;
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Replace, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{Vpc, change_tags, filter, looking, part, tag_list, tag_map, tagged};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// The name of every VPC's own group.
pub const DEFAULT: &str = "default";

/// A security group without its rules.
#[derive(Clone, Serialize)]
pub struct SecurityGroup {
    pub vpc: Ref<Vpc>,
    /// [`DEFAULT`] is the VPC's own group.
    pub group_name: String,
    pub description: String,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub vpc_id: String,
    pub group_name: String,
    pub description: String,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub group_id: String,
}

impl SecurityGroup {
    /// The tag `Name` of a group.
    pub fn name(node: &str, environment: &str) -> String {
        format!("sg-{node}-payment-{environment}")
    }

    /// The group's own name, which AWS does not let anybody change.
    pub fn group_name(node: &str, environment: &str) -> String {
        match node {
            DEFAULT => DEFAULT.to_owned(),
            node => format!("{node}-payment-{environment}"),
        }
    }
}

/// Whether a group bears the tag and the name that its node's group bears: tags can be copied, the name cannot.
pub(super) fn fits(tags: &TagMap, group_name: &str) -> bool {
    let (Some(claim), Some(environment)) = (claim(tags), tags.get("Environment")) else { return false };
    name_fits(tags, SecurityGroup::name) && SecurityGroup::group_name(&claim.node.name, environment) == group_name
}

impl Resource for SecurityGroup {
    const KIND: &'static str = "ec2/security-group";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateSecurityGroup",
        "ec2:CreateTags",
        "ec2:DeleteSecurityGroup",
        "ec2:DeleteTags",
        "ec2:DescribeSecurityGroups",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[
        ("vpc_id", Replace::CreateFirst),
        ("group_name", Replace::CreateFirst),
        ("description", Replace::DeleteFirst),
    ];
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            vpc_id: up.get(&self.vpc)?.vpc_id.clone(),
            group_name: self.group_name.clone(),
            description: self.description.clone(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let found = groups(&aws, &look).await?.into_iter().map(|group| {
            let tags = tag_map(group.tags.as_deref());
            let group_id = part(group.group_id, "ec2:DescribeSecurityGroups")?;
            let vpc_id = group.vpc_id.unwrap_or_default();
            let group_name = group.group_name.unwrap_or_default();
            Ok(Found {
                claim: claim(&tags),
                name: None,
                name_fits: fits(&tags, &group_name),
                cloud_id: group_id.clone(),
                uses: vec![vpc_id.clone()],
                fields: Ok(Fields { vpc_id, group_name, description: group.description.unwrap_or_default(), tags }),
                output: Some(Output { group_id }),
                busy: None,
                unready: None,
                leaving: false,
                created: None,
            })
        });
        found.collect()
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let aws = &cx.cloud;
        if want.group_name == DEFAULT {
            return adopt_default(aws, want).await;
        }
        let call = aws.ec2.create_security_group().group_name(&want.group_name).description(&want.description);
        let call = call.vpc_id(&want.vpc_id).tag_specifications(tagged(ResourceType::SecurityGroup, &want.tags));
        let made = call.send().await.during("ec2:CreateSecurityGroup")?;
        Ok(Progress::Done(Output { group_id: part(made.group_id, "ec2:CreateSecurityGroup")? }))
    }

    async fn update(
        _want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        change_tags(&cx.cloud, &now.group_id, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let group = groups(&cx.cloud, &Look::Ids(vec![cloud_id.clone()])).await?.into_iter().next();
        if group.is_none_or(|group| group.group_name.as_deref() == Some(DEFAULT)) {
            return Ok(Progress::Done(()));
        }
        let call = cx.cloud.ec2.delete_security_group().group_id(cloud_id);
        gone(call.send().await.during("ec2:DeleteSecurityGroup"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.group_id
    }
}

/// The groups of a look; those with ownership tags are read once a round.
pub(super) async fn groups(aws: &Aws, look: &Look) -> Result<Vec<aws_sdk_ec2::types::SecurityGroup>, CloudError> {
    match look {
        Look::All => Ok(aws.security_groups(read(aws, looking(look, "group-id"))).await?.to_vec()),
        Look::Ids(_) => read(aws, looking(look, "group-id")).await,
    }
}

async fn read(
    aws: &Aws,
    filter: aws_sdk_ec2::types::Filter,
) -> Result<Vec<aws_sdk_ec2::types::SecurityGroup>, CloudError> {
    let call = aws.ec2.describe_security_groups().filters(filter).into_paginator().items().send();
    call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeSecurityGroups")
}

/// The default group exists already: it is only tagged.
async fn adopt_default(aws: &Aws, want: Fields) -> Result<Progress<Output>, CloudError> {
    let group = read(aws, filter("vpc-id", [&want.vpc_id])).await?;
    let Some(group) = group.into_iter().find(|group| group.group_name.as_deref() == Some(DEFAULT)) else {
        return Err(CloudError::new(Class::NotYet, "ec2:DescribeSecurityGroups", "NotVisible", "no default group yet"));
    };
    let group_id = part(group.group_id, "ec2:DescribeSecurityGroups")?;
    let call = aws.ec2.create_tags().resources(&group_id).set_tags(Some(tag_list(&want.tags)));
    call.send().await.during("ec2:CreateTags")?;
    Ok(Progress::Done(Output { group_id }))
}
