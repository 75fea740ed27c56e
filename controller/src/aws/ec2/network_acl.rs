//! Default network ACL: what every subnet of the platform passes through. It denies remote administration from anywhere
//! ahead of the general allow (PCI DSS 1.3.1), so that a security group opened by mistake opens nothing yet. A subnet that
//! somebody put behind another ACL is brought back; subnets of others are left where they are.
//!
//! AWS rules obeyed: it comes and goes with its VPC; rule 32767, which denies the rest, cannot be changed; rules are
//! stateless, so answers to connections from an ephemeral port 22 or 3389 are dropped too; a subnet is behind one ACL at a
//! time, so its association is replaced, not added.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ec2::types::{NetworkAclEntry, PortRange, RuleAction};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::{Subnet, Vpc, change_tags, filter, looking, part, tag_list, tag_map};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// The last entry of every ACL, which cannot be changed.
const DENY_THE_REST: i32 = 32767;

/// The VPC's default network ACL with all its entries.
#[derive(Clone, Serialize)]
pub struct NetworkAcl {
    pub vpc: Ref<Vpc>,
    /// By direction and number, for example `ingress 100`.
    pub entries: BTreeMap<String, AclEntry>,
    /// Subnets that must be behind it.
    pub subnets: BTreeSet<Ref<Subnet>>,
    pub tags: Tags,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AclEntry {
    /// `allow` or `deny`.
    pub action: String,
    /// IANA number; -1 is all.
    pub protocol: String,
    /// First and last port, where the protocol has ports.
    pub ports: Option<(i32, i32)>,
    /// An IPv4 or IPv6 range.
    pub cidr: String,
}

impl AclEntry {
    /// Denies one TCP port from anywhere.
    pub fn deny_tcp(port: i32) -> Self {
        let (action, protocol, cidr) = ("deny".to_owned(), "6".to_owned(), "0.0.0.0/0".to_owned());
        Self { action, protocol, ports: Some((port, port)), cidr }
    }

    /// Allows everything that no earlier entry denies.
    pub fn allow_all() -> Self {
        let (action, protocol, cidr) = ("allow".to_owned(), "-1".to_owned(), "0.0.0.0/0".to_owned());
        Self { action, protocol, ports: None, cidr }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub vpc_id: String,
    pub entries: BTreeMap<String, AclEntry>,
    /// Those behind it; others than the platform's may be.
    pub subnets: BTreeSet<String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub network_acl_id: String,
}

impl NetworkAcl {
    pub fn name(node: &str, environment: &str) -> String {
        format!("acl-payment-{node}-{environment}")
    }
}

impl Resource for NetworkAcl {
    const KIND: &'static str = "ec2/network-acl";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateNetworkAclEntry",
        "ec2:CreateTags",
        "ec2:DeleteNetworkAclEntry",
        "ec2:DeleteTags",
        "ec2:DescribeNetworkAcls",
        "ec2:ReplaceNetworkAclAssociation",
        "ec2:ReplaceNetworkAclEntry",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["entries", "subnets"];
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::WithParent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let ours = self.subnets.iter().map(|subnet| up.text(subnet, "subnet-", |subnet| &subnet.subnet_id));
        Ok(Fields {
            vpc_id: up.get(&self.vpc)?.vpc_id.clone(),
            entries: self.entries.clone(),
            subnets: ours.chain(seen.iter().flat_map(|seen| seen.subnets.iter().cloned())).collect(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let acls = read(&aws, looking(&look, "network-acl-id")).await?;
        let found = acls.into_iter().map(|acl| {
            let tags = tag_map(acl.tags.as_deref());
            let fields = seen(&acl, tags.clone());
            let network_acl_id = part(acl.network_acl_id, "ec2:DescribeNetworkAcls")?;
            Ok(Found {
                claim: claim(&tags),
                name: None,
                name_fits: name_fits(&tags, Self::name),
                cloud_id: network_acl_id.clone(),
                uses: vec![fields.vpc_id.clone()],
                fields: Ok(fields),
                output: Some(Output { network_acl_id }),
                busy: None,
                unready: None,
                leaving: false,
                created: None,
            })
        });
        found.collect()
    }

    /// The ACL exists already: it is only set right.
    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let aws = &cx.cloud;
        let acls = read(aws, filter("vpc-id", [&want.vpc_id])).await?;
        let Some(acl) = acls.into_iter().find(|acl| acl.is_default == Some(true)) else {
            return Err(CloudError::new(Class::NotYet, "ec2:DescribeNetworkAcls", "NotVisible", "no default ACL yet"));
        };
        let now = Output { network_acl_id: part(acl.network_acl_id.clone(), "ec2:DescribeNetworkAcls")? };
        let call = aws.ec2.create_tags().resources(&now.network_acl_id).set_tags(Some(tag_list(&want.tags)));
        call.send().await.during("ec2:CreateTags")?;
        let seen = seen(&acl, TagMap::new()).entries;
        change_entries(aws, &now.network_acl_id, &seen, &want.entries).await?;
        associate(aws, &now.network_acl_id, want.subnets.iter().map(String::as_str)).await?;
        Ok(Progress::Done(now))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let aws = &cx.cloud;
        if super::touches(&changes, "entries") {
            let acls = read(aws, filter("network-acl-id", [&now.network_acl_id])).await?;
            let seen = acls.first().map(|acl| seen(acl, TagMap::new()).entries).unwrap_or_default();
            change_entries(aws, &now.network_acl_id, &seen, &want.entries).await?;
        }
        let moved = changes.iter().filter(|change| change.field() == "subnets").filter_map(Change::element);
        associate(aws, &now.network_acl_id, moved).await?;
        change_tags(aws, &now.network_acl_id, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(_cloud_id: String, _cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.network_acl_id
    }
}

async fn read(
    aws: &Aws,
    filter: aws_sdk_ec2::types::Filter,
) -> Result<Vec<aws_sdk_ec2::types::NetworkAcl>, CloudError> {
    let call = aws.ec2.describe_network_acls().filters(filter).into_paginator().items().send();
    call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeNetworkAcls")
}

fn seen(acl: &aws_sdk_ec2::types::NetworkAcl, tags: TagMap) -> Fields {
    let entries = acl.entries().iter().filter(|entry| entry.rule_number.is_some_and(|number| number < DENY_THE_REST));
    let subnets = acl.associations().iter().filter_map(|association| association.subnet_id.clone());
    let vpc_id = acl.vpc_id.clone().unwrap_or_default();
    Fields { vpc_id, entries: entries.map(entry).collect(), subnets: subnets.collect(), tags }
}

fn entry(entry: &NetworkAclEntry) -> (String, AclEntry) {
    let direction = if entry.egress == Some(true) { "egress" } else { "ingress" };
    let port = |range: &PortRange| Some((range.from?, range.to?));
    let value = AclEntry {
        action: entry.rule_action.as_ref().map_or("", RuleAction::as_str).to_owned(),
        protocol: entry.protocol.clone().unwrap_or_default(),
        ports: entry.port_range.as_ref().and_then(port),
        cidr: entry.cidr_block.clone().or(entry.ipv6_cidr_block.clone()).unwrap_or_default(),
    };
    (format!("{direction} {}", entry.rule_number.unwrap_or_default()), value)
}

/// Denials first, so that closing comes before everything else; what is not wanted goes last.
async fn change_entries(
    aws: &Aws,
    id: &str,
    seen: &BTreeMap<String, AclEntry>,
    want: &BTreeMap<String, AclEntry>,
) -> Result<(), CloudError> {
    let mut wanted: Vec<_> = want.iter().filter(|(key, entry)| seen.get(*key) != Some(entry)).collect();
    wanted.sort_by_key(|(_, entry)| entry.action != "deny");
    for (key, entry) in wanted {
        let Some((egress, number)) = parse_key(key) else { continue };
        let action = RuleAction::from(entry.action.as_str());
        let ports = entry.ports.map(|(from, to)| PortRange::builder().from(from).to(to).build());
        if seen.contains_key(key) {
            let call = aws.ec2.replace_network_acl_entry().network_acl_id(id).egress(egress).rule_number(number);
            let call = call.rule_action(action).protocol(&entry.protocol).set_port_range(ports);
            call.cidr_block(&entry.cidr).send().await.during("ec2:ReplaceNetworkAclEntry")?;
        } else {
            let call = aws.ec2.create_network_acl_entry().network_acl_id(id).egress(egress).rule_number(number);
            let call = call.rule_action(action).protocol(&entry.protocol).set_port_range(ports);
            call.cidr_block(&entry.cidr).send().await.during("ec2:CreateNetworkAclEntry")?;
        }
    }
    for key in seen.keys().filter(|key| !want.contains_key(*key)) {
        let Some((egress, number)) = parse_key(key) else { continue };
        let call = aws.ec2.delete_network_acl_entry().network_acl_id(id).egress(egress).rule_number(number);
        gone(call.send().await.during("ec2:DeleteNetworkAclEntry"))?;
    }
    Ok(())
}

/// Puts those subnets behind this ACL that are behind another.
async fn associate<'a>(aws: &Aws, id: &str, subnets: impl Iterator<Item = &'a str>) -> Result<(), CloudError> {
    let subnets: Vec<&str> = subnets.collect();
    if subnets.is_empty() {
        return Ok(());
    }
    let acls = read(aws, filter("association.subnet-id", subnets.iter().copied())).await?;
    let elsewhere = acls.iter().filter(|acl| acl.network_acl_id() != Some(id)).flat_map(|acl| acl.associations());
    let held = elsewhere.filter(|association| association.subnet_id().is_some_and(|subnet| subnets.contains(&subnet)));
    for association in held.filter_map(|held| held.network_acl_association_id.as_ref()) {
        let call = aws.ec2.replace_network_acl_association().association_id(association).network_acl_id(id);
        call.send().await.during("ec2:ReplaceNetworkAclAssociation")?;
    }
    Ok(())
}

fn parse_key(key: &str) -> Option<(bool, i32)> {
    let (direction, number) = key.split_once(' ')?;
    Some((direction == "egress", number.parse().ok()?))
}
