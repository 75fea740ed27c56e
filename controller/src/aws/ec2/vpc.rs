//! VPC: the private network that everything lives in (PCI DSS 1.4.1, 1.4.4).
//!
//! AWS rules obeyed: the CIDR cannot be changed; DNS hostnames need DNS support; CreateVpc takes no token, so a
//! second call makes a second VPC.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, VpcAttributeName, VpcCidrBlockStateCode};
use futures::future::try_join;
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Replace, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{change_tags, looking, once, part, tag_map, tagged, touches};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// A VPC with DNS support and hostnames.
#[derive(Clone, Serialize)]
pub struct Vpc {
    pub cidr: String,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub cidr: String,
    /// Further ranges. None are wanted: a foreign range lets foreign subnets in.
    pub secondary_cidrs: BTreeSet<String>,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub vpc_id: String,
}

impl Vpc {
    /// The name of the VPC of an environment.
    pub fn name(_node: &str, environment: &str) -> String {
        format!("vpc-payment-{environment}")
    }
}

impl Resource for Vpc {
    const KIND: &'static str = "ec2/vpc";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateTags",
        "ec2:CreateVpc",
        "ec2:DeleteTags",
        "ec2:DeleteVpc",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcs",
        "ec2:DisassociateVpcCidrBlock",
        "ec2:ModifyVpcAttribute",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[("cidr", Replace::Refuse)];
    const CREATE: Create = Create::MakesTwins;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, _up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            cidr: self.cidr.clone(),
            secondary_cidrs: BTreeSet::new(),
            dns_support: true,
            dns_hostnames: true,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let call = aws.ec2.describe_vpcs().filters(looking(&look, "vpc-id")).into_paginator().items().send();
        let vpcs = call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeVpcs")?;
        let mut found = Vec::new();
        for vpc in vpcs {
            let vpc_id = part(vpc.vpc_id.clone(), "ec2:DescribeVpcs")?;
            let dns = try_join(
                attribute(&aws, &vpc_id, VpcAttributeName::EnableDnsSupport),
                attribute(&aws, &vpc_id, VpcAttributeName::EnableDnsHostnames),
            );
            let tags = tag_map(vpc.tags.as_deref());
            let cidr = vpc.cidr_block.clone().unwrap_or_default();
            let secondary_cidrs = associated(&vpc).map(|(_, range)| range).filter(|range| *range != cidr).collect();
            found.push(Found {
                claim: claim(&tags),
                name: None,
                name_fits: name_fits(&tags, Self::name),
                cloud_id: vpc_id.clone(),
                uses: Vec::new(),
                fields: dns.await.map(|(dns_support, dns_hostnames)| Fields {
                    cidr,
                    secondary_cidrs,
                    dns_support,
                    dns_hostnames,
                    tags,
                }),
                output: Some(Output { vpc_id }),
                busy: None,
                leaving: false,
                created: None,
            });
        }
        Ok(found)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.ec2.create_vpc().cidr_block(&want.cidr);
        let call = call.tag_specifications(tagged(ResourceType::Vpc, &want.tags));
        let made = call.customize().config_override(once()).send().await.during("ec2:CreateVpc")?;
        let vpc_id = part(made.vpc.and_then(|vpc| vpc.vpc_id), "ec2:CreateVpc")?;
        // A new VPC has DNS support and no host names (VPC User Guide, "DNS attributes").
        set_hostnames(&cx.cloud, &vpc_id, want.dns_hostnames).await?;
        Ok(Progress::Done(Output { vpc_id }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        // Support first: host names need it.
        if touches(&changes, "dns_support") {
            set_support(&cx.cloud, &now.vpc_id, want.dns_support).await?;
        }
        if touches(&changes, "dns_hostnames") {
            set_hostnames(&cx.cloud, &now.vpc_id, want.dns_hostnames).await?;
        }
        if touches(&changes, "secondary_cidrs") {
            remove_secondary(&cx.cloud, &now.vpc_id, &want.cidr).await?;
        }
        change_tags(&cx.cloud, &now.vpc_id, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        gone(cx.cloud.ec2.delete_vpc().vpc_id(cloud_id).send().await.during("ec2:DeleteVpc"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.vpc_id
    }
}

async fn attribute(aws: &Aws, vpc_id: &str, name: VpcAttributeName) -> Result<bool, CloudError> {
    let call = aws.ec2.describe_vpc_attribute().vpc_id(vpc_id).attribute(name.clone());
    let answer = call.send().await.during("ec2:DescribeVpcAttribute")?;
    let value = match name {
        VpcAttributeName::EnableDnsSupport => answer.enable_dns_support,
        _ => answer.enable_dns_hostnames,
    };
    part(value.and_then(|value| value.value), "ec2:DescribeVpcAttribute")
}

fn boolean(value: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(value).build()
}

/// AWS takes one attribute a call.
async fn set_support(aws: &Aws, vpc_id: &str, on: bool) -> Result<(), CloudError> {
    let call = aws.ec2.modify_vpc_attribute().vpc_id(vpc_id).enable_dns_support(boolean(on));
    call.send().await.during("ec2:ModifyVpcAttribute")?;
    Ok(())
}

async fn set_hostnames(aws: &Aws, vpc_id: &str, on: bool) -> Result<(), CloudError> {
    let call = aws.ec2.modify_vpc_attribute().vpc_id(vpc_id).enable_dns_hostnames(boolean(on));
    call.send().await.during("ec2:ModifyVpcAttribute")?;
    Ok(())
}

/// Association ids and ranges that are in force.
fn associated(vpc: &aws_sdk_ec2::types::Vpc) -> impl Iterator<Item = (String, String)> {
    vpc.cidr_block_association_set().iter().filter_map(|association| {
        let state = association.cidr_block_state.as_ref()?.state.as_ref()?;
        let on = matches!(state, VpcCidrBlockStateCode::Associated | VpcCidrBlockStateCode::Associating);
        on.then(|| Some((association.association_id.clone()?, association.cidr_block.clone()?)))?
    })
}

async fn remove_secondary(aws: &Aws, vpc_id: &str, primary: &str) -> Result<(), CloudError> {
    let answer = aws.ec2.describe_vpcs().vpc_ids(vpc_id).send().await.during("ec2:DescribeVpcs")?;
    for (association, _) in answer.vpcs().iter().flat_map(associated).filter(|(_, range)| range != primary) {
        let call = aws.ec2.disassociate_vpc_cidr_block().association_id(association);
        call.send().await.during("ec2:DisassociateVpcCidrBlock")?;
    }
    Ok(())
}
