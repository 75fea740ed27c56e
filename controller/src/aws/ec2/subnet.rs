//! Subnet: one tier in one zone (PCI DSS 1.4.4: stored account data is not reachable from untrusted networks).
//!
//! AWS rules obeyed: range and zone cannot be changed; ranges of a VPC do not overlap, which is also why a second
//! creation is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, SubnetCidrBlockStateCode};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Replace, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{Vpc, change_tags, looking, part, tag_map, tagged, touches};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// A subnet that gives no public address to what is launched in it.
#[derive(Clone, Serialize)]
pub struct Subnet {
    pub vpc: Ref<Vpc>,
    pub cidr: String,
    /// Whether the spec names the range; otherwise an existing subnet keeps its own.
    pub cidr_is_named: bool,
    pub zone: String,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub vpc_id: String,
    pub cidr: String,
    pub zone: String,
    pub public_ip_on_launch: bool,
    /// None are wanted: the platform speaks IPv4 only.
    pub ipv6_cidrs: BTreeSet<String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub subnet_id: String,
}

impl Subnet {
    /// `node` is tier and zone, for example `public-us-east-1a`.
    pub fn name(node: &str, environment: &str) -> String {
        format!("subnet-payment-{node}-{environment}")
    }
}

impl Resource for Subnet {
    const KIND: &'static str = "ec2/subnet";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateSubnet",
        "ec2:CreateTags",
        "ec2:DeleteSubnet",
        "ec2:DeleteTags",
        "ec2:DescribeSubnets",
        "ec2:ModifySubnetAttribute",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] =
        &[("vpc_id", Replace::Refuse), ("cidr", Replace::Refuse), ("zone", Replace::Refuse)];
    const CLOSE_FIRST: &'static [&'static str] = &["public_ip_on_launch"];
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let kept = seen.filter(|_| !self.cidr_is_named).map(|seen| seen.cidr.clone());
        Ok(Fields {
            vpc_id: up.get(&self.vpc)?.vpc_id.clone(),
            cidr: kept.unwrap_or_else(|| self.cidr.clone()),
            zone: self.zone.clone(),
            public_ip_on_launch: false,
            ipv6_cidrs: BTreeSet::new(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let call = aws.ec2.describe_subnets().filters(looking(&look, "subnet-id")).into_paginator().items().send();
        let subnets = call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeSubnets")?;
        let found = subnets.into_iter().map(|subnet| {
            let tags = tag_map(subnet.tags.as_deref());
            let ipv6_cidrs = ipv6(&subnet).map(|(_, range)| range).collect();
            let subnet_id = part(subnet.subnet_id, "ec2:DescribeSubnets")?;
            let vpc_id = subnet.vpc_id.unwrap_or_default();
            Ok(Found {
                claim: claim(&tags),
                name: None,
                name_fits: name_fits(&tags, Self::name),
                cloud_id: subnet_id.clone(),
                uses: vec![vpc_id.clone()],
                fields: Ok(Fields {
                    vpc_id,
                    cidr: subnet.cidr_block.unwrap_or_default(),
                    zone: subnet.availability_zone.unwrap_or_default(),
                    public_ip_on_launch: subnet.map_public_ip_on_launch.unwrap_or_default(),
                    ipv6_cidrs,
                    tags,
                }),
                output: Some(Output { subnet_id }),
                busy: None,
                unready: None,
                leaving: false,
                created: None,
            })
        });
        found.collect()
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.ec2.create_subnet().vpc_id(&want.vpc_id).cidr_block(&want.cidr);
        let call = call.availability_zone(&want.zone).tag_specifications(tagged(ResourceType::Subnet, &want.tags));
        let made = call.send().await.during("ec2:CreateSubnet")?;
        let subnet_id = part(made.subnet.and_then(|subnet| subnet.subnet_id), "ec2:CreateSubnet")?;
        Ok(Progress::Done(Output { subnet_id }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        if touches(&changes, "public_ip_on_launch") {
            let value = AttributeBooleanValue::builder().value(want.public_ip_on_launch).build();
            let call = cx.cloud.ec2.modify_subnet_attribute().subnet_id(&now.subnet_id);
            call.map_public_ip_on_launch(value).send().await.during("ec2:ModifySubnetAttribute")?;
        }
        if touches(&changes, "ipv6_cidrs") {
            remove_ipv6(&cx.cloud, &now.subnet_id).await?;
        }
        change_tags(&cx.cloud, &now.subnet_id, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        gone(cx.cloud.ec2.delete_subnet().subnet_id(cloud_id).send().await.during("ec2:DeleteSubnet"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.subnet_id
    }
}

/// Association ids and IPv6 ranges that are in force.
fn ipv6(subnet: &aws_sdk_ec2::types::Subnet) -> impl Iterator<Item = (String, String)> {
    subnet.ipv6_cidr_block_association_set().iter().filter_map(|one| {
        let state = one.ipv6_cidr_block_state.as_ref()?.state.as_ref()?;
        let on = matches!(state, SubnetCidrBlockStateCode::Associated | SubnetCidrBlockStateCode::Associating);
        on.then(|| Some((one.association_id.clone()?, one.ipv6_cidr_block.clone()?)))?
    })
}

async fn remove_ipv6(aws: &Aws, subnet_id: &str) -> Result<(), CloudError> {
    let answer = aws.ec2.describe_subnets().subnet_ids(subnet_id).send().await.during("ec2:DescribeSubnets")?;
    for (association, _) in answer.subnets().iter().flat_map(ipv6) {
        let call = aws.ec2.disassociate_subnet_cidr_block().association_id(association);
        call.send().await.during("ec2:DisassociateSubnetCidrBlock")?;
    }
    Ok(())
}
