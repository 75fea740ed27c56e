//! VPC: the private network that everything lives in (PCI DSS 1.4.1, 1.4.4).
//!
//! AWS rules obeyed: the CIDR cannot be changed; DNS hostnames need DNS support; CreateVpc takes no token, so a
//! second call makes a second VPC.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, ResourceType, VpcAttributeName, VpcCidrBlockState, VpcCidrBlockStateCode,
};
use futures::future::try_join;
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Replace, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{change_tags, filter, looking, once, part, tag_map, tagged, touches};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// A VPC with DNS support and hostnames.
#[derive(Clone, Serialize)]
pub struct Vpc {
    pub cidr: String,
    /// The domain of the region's private names.
    pub domain_name: String,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub cidr: String,
    /// Further ranges, of IPv6 too. None are wanted: a foreign range lets foreign subnets in.
    pub secondary_cidrs: BTreeSet<String>,
    /// What machines are told by DHCP: a foreign name server can lead them anywhere.
    pub dhcp: DhcpOptions,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    pub tags: TagMap,
}

/// Values by the name of the option, such as `domain-name-servers`.
pub type DhcpOptions = BTreeMap<String, BTreeSet<String>>;

type DhcpOptionsById = BTreeMap<String, DhcpOptions>;

/// The sets of the region that were read so far.
#[derive(Default)]
pub struct DhcpOptionsSets(Mutex<DhcpOptionsById>);

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
        "ec2:AssociateDhcpOptions",
        "ec2:CreateTags",
        "ec2:CreateVpc",
        "ec2:DeleteTags",
        "ec2:DeleteVpc",
        "ec2:DescribeDhcpOptions",
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
            dhcp: DhcpOptions::from([
                ("domain-name".to_owned(), BTreeSet::from([self.domain_name.clone()])),
                ("domain-name-servers".to_owned(), BTreeSet::from(["AmazonProvidedDNS".to_owned()])),
            ]),
            dns_support: true,
            dns_hostnames: true,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let call = aws.ec2.describe_vpcs().filters(looking(&look, "vpc-id")).into_paginator().items().send();
        let vpcs = call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeVpcs")?;
        let sets = dhcp_options(&aws, vpcs.iter().filter_map(|vpc| vpc.dhcp_options_id.clone()).collect()).await;
        let mut found = Vec::new();
        for vpc in vpcs {
            let vpc_id = part(vpc.vpc_id.clone(), "ec2:DescribeVpcs")?;
            let dns = try_join(
                attribute(&aws, &vpc_id, VpcAttributeName::EnableDnsSupport),
                attribute(&aws, &vpc_id, VpcAttributeName::EnableDnsHostnames),
            );
            let tags = tag_map(vpc.tags.as_deref());
            let cidr = vpc.cidr_block.clone().unwrap_or_default();
            let dhcp = sets.as_ref().map_err(Clone::clone).and_then(|sets| dhcp_of(&vpc, sets));
            let secondary_cidrs = associated(&vpc).map(|(_, range)| range).filter(|range| *range != cidr).collect();
            found.push(Found {
                claim: claim(&tags),
                name: None,
                name_fits: name_fits(&tags, Self::name),
                cloud_id: vpc_id.clone(),
                uses: Vec::new(),
                fields: dns.await.and_then(|(dns_support, dns_hostnames)| {
                    Ok(Fields { cidr, secondary_cidrs, dhcp: dhcp?, dns_support, dns_hostnames, tags })
                }),
                output: Some(Output { vpc_id }),
                busy: None,
                unready: None,
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
        if touches(&changes, "dhcp") {
            set_dhcp(&cx.cloud, &now.vpc_id, &want.dhcp).await?;
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

/// What a VPC's set says: nothing without one (`default`). A set that is not shown is not read, which is not empty.
fn dhcp_of(vpc: &aws_sdk_ec2::types::Vpc, sets: &DhcpOptionsById) -> Result<DhcpOptions, CloudError> {
    match vpc.dhcp_options_id() {
        None | Some("default") => Ok(DhcpOptions::new()),
        Some(id) => part(sets.get(id).cloned(), "ec2:DescribeDhcpOptions"),
    }
}

/// Sets of DHCP options by id. Those that are not known yet are read; AWS lets nobody change a set once it is made.
async fn dhcp_options(aws: &Aws, ids: BTreeSet<String>) -> Result<DhcpOptionsById, CloudError> {
    let new = {
        let known = aws.dhcp_options.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.into_iter().filter(|id| !known.contains_key(id)).collect::<Vec<_>>()
    };
    let read = match new.is_empty() {
        true => Vec::new(),
        false => read_dhcp_options(aws, Some(filter("dhcp-options-id", new))).await?,
    };
    let mut known = aws.dhcp_options.0.lock().unwrap_or_else(PoisonError::into_inner);
    known.extend(read);
    Ok(known.clone())
}

async fn read_dhcp_options(aws: &Aws, only: Option<Filter>) -> Result<Vec<(String, DhcpOptions)>, CloudError> {
    let call = aws.ec2.describe_dhcp_options().set_filters(only.map(|only| vec![only])).into_paginator().items().send();
    let sets = call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeDhcpOptions")?;
    let sets = sets.into_iter().map(|set| {
        let options = set.dhcp_configurations.unwrap_or_default().into_iter().map(|option| {
            let values = option.values.unwrap_or_default().into_iter().filter_map(|value| value.value);
            (option.key.unwrap_or_default(), values.collect())
        });
        (set.dhcp_options_id.unwrap_or_default(), options.collect())
    });
    Ok(sets.collect())
}

/// Associates the region's default set, or another one that says the same.
async fn set_dhcp(aws: &Aws, vpc_id: &str, wanted: &DhcpOptions) -> Result<(), CloudError> {
    let sets = read_dhcp_options(aws, None).await?;
    let fitting = sets.into_iter().find(|(_, options)| options == wanted).map(|(id, _)| id);
    let none = || {
        let message = format!("the region has no set of DHCP options with {wanted:?} any more; create one");
        CloudError::new(Class::Invalid, "ec2:AssociateDhcpOptions", "NoDhcpOptions", message)
    };
    let call = aws.ec2.associate_dhcp_options().vpc_id(vpc_id).dhcp_options_id(fitting.ok_or_else(none)?);
    call.send().await.during("ec2:AssociateDhcpOptions")?;
    Ok(())
}

/// Association ids and ranges that are in force.
fn associated(vpc: &aws_sdk_ec2::types::Vpc) -> impl Iterator<Item = (String, String)> {
    let in_force = |state: Option<&VpcCidrBlockState>| {
        let state = state.and_then(|state| state.state.as_ref());
        matches!(state, Some(VpcCidrBlockStateCode::Associated | VpcCidrBlockStateCode::Associating))
    };
    let ipv4 = vpc.cidr_block_association_set().iter().filter(move |one| in_force(one.cidr_block_state.as_ref()));
    let ipv4 = ipv4.filter_map(|one| Some((one.association_id.clone()?, one.cidr_block.clone()?)));
    let ipv6 = vpc.ipv6_cidr_block_association_set().iter();
    let ipv6 = ipv6.filter(move |one| in_force(one.ipv6_cidr_block_state.as_ref()));
    ipv4.chain(ipv6.filter_map(|one| Some((one.association_id.clone()?, one.ipv6_cidr_block.clone()?))))
}

async fn remove_secondary(aws: &Aws, vpc_id: &str, primary: &str) -> Result<(), CloudError> {
    let answer = aws.ec2.describe_vpcs().vpc_ids(vpc_id).send().await.during("ec2:DescribeVpcs")?;
    for (association, _) in answer.vpcs().iter().flat_map(associated).filter(|(_, range)| range != primary) {
        let call = aws.ec2.disassociate_vpc_cidr_block().association_id(association);
        call.send().await.during("ec2:DisassociateVpcCidrBlock")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::Vpc as Read;

    use super::*;

    #[test]
    fn a_set_that_is_not_shown_is_not_an_empty_one() {
        let vpc = |id: &str| Read::builder().dhcp_options_id(id).build();
        let options = DhcpOptions::from([("domain-name".to_owned(), BTreeSet::from(["ec2.internal".to_owned()]))]);
        let sets = DhcpOptionsById::from([("dopt-1".to_owned(), options.clone())]);
        assert_eq!(dhcp_of(&vpc("dopt-1"), &sets).unwrap(), options);
        assert_eq!(dhcp_of(&vpc("default"), &sets).unwrap(), DhcpOptions::new());
        assert!(dhcp_of(&vpc("dopt-2"), &sets).is_err());
    }
}
