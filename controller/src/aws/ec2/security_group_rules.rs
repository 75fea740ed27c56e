//! The rules of a security group, as one whole set: a rule that is not described is drift and is revoked (PCI DSS
//! 1.2.1, 1.2.5, 1.3.1, 1.3.2). Each rule is tagged and described.
//!
//! Order: what others opened, and what is open to the world, is closed first; then missing rules are added, and only
//! then are our own superseded rules revoked, so that a change of a rule leaves no gap.
//!
//! AWS rules obeyed: a new group allows everything out until that rule is revoked; a description takes letters,
//! digits, spaces and `._-:/()#,@[]+=&;{}!$*` only; two rules that differ in their description alone cannot exist.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, SecurityGroupRuleDescription, UserIdGroupPair,
};
use payment_platform_engine::diff::{Change, diff};
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::security_group::{fits, groups};
use super::{SecurityGroup, filter, part, tag_list, tag_map, tagged};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::limits::FILTER_VALUES;
use crate::aws::tags::{self, TagMap, Tags, claim};

/// All rules of one group.
#[derive(Clone, Serialize)]
pub struct SecurityGroupRules {
    pub group: Ref<SecurityGroup>,
    pub rules: Vec<Rule>,
    /// Of each rule.
    pub tags: Tags,
}

/// One wanted rule.
#[derive(Clone, Serialize)]
pub struct Rule {
    pub direction: Direction,
    /// `tcp`, `udp`, `icmp`, or `-1` for all.
    pub protocol: String,
    /// First and last; None: all.
    pub ports: Option<(i32, i32)>,
    pub peer: Peer,
    pub description: String,
}

impl Rule {
    /// Lets `peer` in on one TCP port.
    pub fn ingress(port: u16, peer: Peer, description: &str) -> Self {
        Self::tcp(Direction::Ingress, port, peer, description)
    }

    /// Lets the group's members out to one TCP port of `peer`.
    pub fn egress(port: u16, peer: Peer, description: &str) -> Self {
        Self::tcp(Direction::Egress, port, peer, description)
    }

    fn tcp(direction: Direction, port: u16, peer: Peer, description: &str) -> Self {
        let ports = Some((i32::from(port), i32::from(port)));
        Self { direction, protocol: "tcp".to_owned(), ports, peer, description: description.to_owned() }
    }
}

/// The other end.
#[derive(Clone, Serialize)]
pub enum Peer {
    /// A range, or the id of a group or prefix list that is not ours.
    Fixed(String),
    Group(Ref<SecurityGroup>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Direction {
    Ingress,
    Egress,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub group_id: String,
    /// By [`RuleKey`].
    pub rules: BTreeMap<String, RuleFields>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleFields {
    pub description: String,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// The group's id with [`RULES`]: the set must not be taken for the group, which others use and which goes later.
    pub id: String,
    pub group_id: String,
    /// Ids of the rules, by key.
    pub rule_ids: BTreeMap<String, String>,
}

/// What the id of a rule set has behind that of its group.
const RULES: &str = "/rules";

fn set_id(group_id: &str) -> String {
    format!("{group_id}{RULES}")
}

fn group_id(set_id: &str) -> String {
    set_id.trim_end_matches(RULES).to_owned()
}

impl Resource for SecurityGroupRules {
    const KIND: &'static str = "ec2/security-group-rules";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
        "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["rules"];
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::WithParent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let group_id = up.get(&self.group)?.group_id.clone();
        let rules = self.rules.iter().map(|rule| {
            let peer = match &rule.peer {
                Peer::Fixed(peer) => peer.clone(),
                Peer::Group(group) => up.text(group, "sg-", |group| &group.group_id),
            };
            let (direction, protocol, ports) = (rule.direction, rule.protocol.clone(), rule.ports);
            let key = RuleKey { direction, protocol, ports, peer }.to_string();
            let tags = self.tags.over(seen.and_then(|seen| seen.rules.get(&key)).map(|rule| &rule.tags));
            (key, RuleFields { description: rule.description.clone(), tags })
        });
        Ok(Fields { group_id, rules: rules.collect() })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let look = match look {
            Look::All => Look::All,
            Look::Ids(ids) => Look::Ids(ids.iter().map(|id| group_id(id)).collect()),
        };
        let groups = groups(&aws, &look).await?;
        let ids: Vec<String> = groups.iter().filter_map(|group| group.group_id.clone()).collect();
        let mut rules = read(&aws, &ids).await?;
        let found = groups.into_iter().map(|group| {
            let group_id = part(group.group_id, "ec2:DescribeSecurityGroups")?;
            let (rules, rule_ids) = rules.remove(&group_id).unwrap_or_default();
            let group_tags = tag_map(group.tags.as_deref());
            let peers = rules.keys().filter_map(|key| key.rsplit(' ').next()).filter(|peer| peer.starts_with("sg-"));
            let uses = peers.map(str::to_owned).chain([group_id.clone()]);
            Ok(Found {
                claim: claim(&group_tags).map(|mut claim| {
                    claim.node.kind = Self::KIND.to_owned();
                    claim
                }),
                name: None,
                name_fits: fits(&group_tags, group.group_name.as_deref().unwrap_or_default()),
                cloud_id: set_id(&group_id),
                uses: uses.collect(),
                fields: Ok(Fields { group_id: group_id.clone(), rules }),
                output: Some(Output { id: set_id(&group_id), group_id, rule_ids }),
                busy: None,
                unready: None,
                leaving: false,
                created: None,
            })
        });
        found.collect()
    }

    /// A new group has AWS's own rules: everything out, and, in the default group, everything in from itself.
    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let aws = &cx.cloud;
        let group_id = want.group_id.clone();
        let (rules, rule_ids) = read(aws, std::slice::from_ref(&group_id)).await?.remove(&group_id).unwrap_or_default();
        if rules.is_empty() {
            // Not visible yet, or gone: revoked by what it is instead of by its id.
            let everything = IpPermission::builder().ip_protocol("-1");
            let everything = everything.ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build()).build();
            let call = aws.ec2.revoke_security_group_egress().group_id(&group_id).ip_permissions(everything);
            gone(call.send().await.during("ec2:RevokeSecurityGroupEgress"))?;
        }
        let json = |fields: &Fields| serde_json::to_value(fields).unwrap_or_default();
        let changes = diff(&json(&Fields { group_id: group_id.clone(), rules }), &json(&want));
        Self::update(want, Output { id: set_id(&group_id), group_id, rule_ids }, changes, cx).await
    }

    async fn update(
        want: Fields,
        mut now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let aws = &cx.cloud;
        let (close, supersede): (Vec<&Change>, Vec<&Change>) =
            removals(&changes).partition(|change| is_foreign(change) || is_world(change));
        revoke(aws, &now, &close).await?;
        authorize(aws, &now, &want, &changes).await?;
        describe(aws, &now, &want, &changes).await?;
        change_rule_tags(aws, &now, &want, &changes).await?;
        revoke(aws, &now, &supersede).await?;
        for change in removals(&changes) {
            now.rule_ids.remove(change.element().unwrap_or_default());
        }
        Ok(Progress::Done(now))
    }

    /// Revokes all rules: groups that name each other can only be deleted then.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let group_id = group_id(&cloud_id);
        let (_, rule_ids) =
            read(&cx.cloud, std::slice::from_ref(&group_id)).await?.remove(&group_id).unwrap_or_default();
        revoke_ids(&cx.cloud, &group_id, rule_ids.into_iter().collect()).await?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

/// A rule's identity: two rules that agree in it cannot exist in one group. Its text is
/// `direction protocol ports peer`, for example `ingress tcp 443 0.0.0.0/0`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RuleKey {
    direction: Direction,
    protocol: String,
    /// None: all.
    ports: Option<(i32, i32)>,
    peer: String,
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        };
        let protocol = if self.protocol == "-1" { "all" } else { &self.protocol };
        write!(f, "{direction} {protocol} ")?;
        match self.ports {
            None => write!(f, "all")?,
            Some((from, to)) if from == to => write!(f, "{from}")?,
            Some((from, to)) => write!(f, "{from}..{to}")?,
        }
        write!(f, " {}", self.peer)
    }
}

impl FromStr for RuleKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ');
        let (Some(direction), Some(protocol), Some(ports), Some(peer)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(());
        };
        let number = |text: &str| text.parse::<i32>().map_err(|_| ());
        let ports = match (ports, ports.split_once("..")) {
            ("all", _) => None,
            (_, Some((from, to))) => Some((number(from)?, number(to)?)),
            (one, None) => Some((number(one)?, number(one)?)),
        };
        Ok(Self {
            direction: if direction == "ingress" { Direction::Ingress } else { Direction::Egress },
            protocol: if protocol == "all" { "-1".to_owned() } else { protocol.to_owned() },
            ports,
            peer: peer.to_owned(),
        })
    }
}

impl RuleKey {
    /// The form in which rules are authorised.
    fn permission(&self, description: &str) -> IpPermission {
        // EC2 wants all types of ICMP said as -1.
        let ports = self.ports.or((self.protocol == "icmp").then_some((-1, -1)));
        let permission = IpPermission::builder()
            .ip_protocol(&self.protocol)
            .set_from_port(ports.map(|(from, _)| from))
            .set_to_port(ports.map(|(_, to)| to));
        match &self.peer {
            group if group.starts_with("sg-") => {
                let pair = UserIdGroupPair::builder().group_id(group).description(description).build();
                permission.user_id_group_pairs(pair).build()
            }
            list if list.starts_with("pl-") => {
                let list = PrefixListId::builder().prefix_list_id(list).description(description).build();
                permission.prefix_list_ids(list).build()
            }
            range if range.contains(':') => {
                permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(range).description(description).build()).build()
            }
            range => permission.ip_ranges(IpRange::builder().cidr_ip(range).description(description).build()).build(),
        }
    }
}

type RuleSet = (BTreeMap<String, RuleFields>, BTreeMap<String, String>);

/// The rules of these groups, and their ids.
async fn read(aws: &Aws, group_ids: &[String]) -> Result<BTreeMap<String, RuleSet>, CloudError> {
    let mut sets: BTreeMap<String, RuleSet> = BTreeMap::new();
    for ids in group_ids.chunks(FILTER_VALUES) {
        let call = aws.ec2.describe_security_group_rules().filters(filter("group-id", ids));
        let rules = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        for rule in rules.during("ec2:DescribeSecurityGroupRules")? {
            let referenced = rule.referenced_group_info.and_then(|group| group.group_id);
            let peer = rule.cidr_ipv4.or(rule.cidr_ipv6).or(rule.prefix_list_id).or(referenced);
            let ports = rule.from_port.zip(rule.to_port).filter(|ports| *ports != (-1, -1));
            let key = RuleKey {
                direction: if rule.is_egress == Some(true) { Direction::Egress } else { Direction::Ingress },
                protocol: rule.ip_protocol.unwrap_or_default(),
                ports,
                peer: peer.unwrap_or_else(|| "unknown".to_owned()),
            };
            let id = part(rule.security_group_rule_id, "ec2:DescribeSecurityGroupRules")?;
            let set = sets.entry(rule.group_id.unwrap_or_default()).or_default();
            let description = rule.description.unwrap_or_default();
            set.0.insert(key.to_string(), RuleFields { description, tags: tag_map(rule.tags.as_deref()) });
            set.1.insert(key.to_string(), id);
        }
    }
    Ok(sets)
}

fn removals(changes: &[Change]) -> impl Iterator<Item = &Change> {
    changes.iter().filter(|change| change.field() == "rules" && change.path.0.len() == 2 && change.is_removal())
}

/// Without our tag it was not made by us.
fn is_foreign(change: &Change) -> bool {
    change.before.as_ref().is_none_or(|rule| rule["tags"].get(tags::NODE).is_none())
}

fn is_world(change: &Change) -> bool {
    change.element().is_some_and(|key| key.ends_with(" 0.0.0.0/0") || key.ends_with(" ::/0"))
}

async fn revoke(aws: &Aws, now: &Output, changes: &[&Change]) -> Result<(), CloudError> {
    let ids = changes.iter().filter_map(|change| {
        let key = change.element()?;
        Some((key.to_owned(), now.rule_ids.get(key)?.clone()))
    });
    revoke_ids(aws, &now.group_id, ids.collect()).await
}

async fn revoke_ids(aws: &Aws, group_id: &str, rules: Vec<(String, String)>) -> Result<(), CloudError> {
    let (ingress, egress): (Vec<_>, Vec<_>) = rules.into_iter().partition(|(key, _)| key.starts_with("ingress "));
    let ids = |rules: Vec<(String, String)>| Some(rules.into_iter().map(|(_, id)| id).collect());
    if !ingress.is_empty() {
        let call = aws.ec2.revoke_security_group_ingress().group_id(group_id);
        gone(call.set_security_group_rule_ids(ids(ingress)).send().await.during("ec2:RevokeSecurityGroupIngress"))?;
    }
    if !egress.is_empty() {
        let call = aws.ec2.revoke_security_group_egress().group_id(group_id);
        gone(call.set_security_group_rule_ids(ids(egress)).send().await.during("ec2:RevokeSecurityGroupEgress"))?;
    }
    Ok(())
}

/// Adds the missing rules, one call a direction.
async fn authorize(aws: &Aws, now: &Output, want: &Fields, changes: &[Change]) -> Result<(), CloudError> {
    let added = changes.iter().filter(|change| change.path.0.len() == 2 && change.before.is_none());
    let added = added.filter_map(|change| {
        let key = change.element()?;
        Some((key.parse::<RuleKey>().ok()?, want.rules.get(key)?))
    });
    let (ingress, egress): (Vec<_>, Vec<_>) = added.partition(|(key, _)| key.direction == Direction::Ingress);
    let permissions = |rules: &[(RuleKey, &RuleFields)]| {
        Some(rules.iter().map(|(key, rule)| key.permission(&rule.description)).collect::<Vec<_>>())
    };
    if let Some((_, first)) = ingress.first() {
        let call = aws.ec2.authorize_security_group_ingress().group_id(&now.group_id);
        let call = call.set_ip_permissions(permissions(&ingress));
        let call = call.tag_specifications(tagged(ResourceType::SecurityGroupRule, &first.tags));
        call.send().await.during("ec2:AuthorizeSecurityGroupIngress")?;
    }
    if let Some((_, first)) = egress.first() {
        let call = aws.ec2.authorize_security_group_egress().group_id(&now.group_id);
        let call = call.set_ip_permissions(permissions(&egress));
        let call = call.tag_specifications(tagged(ResourceType::SecurityGroupRule, &first.tags));
        call.send().await.during("ec2:AuthorizeSecurityGroupEgress")?;
    }
    Ok(())
}

/// Keys whose rules exist on both sides and differ in the given part.
fn differing<'a>(changes: &'a [Change], part: &str) -> Vec<&'a str> {
    let differing = changes.iter().filter(|change| change.path.0.get(2).is_some_and(|segment| segment == part));
    let mut keys: Vec<&str> = differing.filter_map(Change::element).collect();
    keys.dedup();
    keys
}

async fn describe(aws: &Aws, now: &Output, want: &Fields, changes: &[Change]) -> Result<(), CloudError> {
    for key in differing(changes, "description") {
        let (Some(id), Some(rule)) = (now.rule_ids.get(key), want.rules.get(key)) else { continue };
        let description =
            SecurityGroupRuleDescription::builder().security_group_rule_id(id).description(&rule.description).build();
        if key.starts_with("ingress ") {
            let call = aws.ec2.update_security_group_rule_descriptions_ingress().group_id(&now.group_id);
            let call = call.security_group_rule_descriptions(description);
            call.send().await.during("ec2:UpdateSecurityGroupRuleDescriptionsIngress")?;
        } else {
            let call = aws.ec2.update_security_group_rule_descriptions_egress().group_id(&now.group_id);
            let call = call.security_group_rule_descriptions(description);
            call.send().await.during("ec2:UpdateSecurityGroupRuleDescriptionsEgress")?;
        }
    }
    Ok(())
}

async fn change_rule_tags(aws: &Aws, now: &Output, want: &Fields, changes: &[Change]) -> Result<(), CloudError> {
    for key in differing(changes, "tags") {
        let (Some(id), Some(rule)) = (now.rule_ids.get(key), want.rules.get(key)) else { continue };
        let call = aws.ec2.create_tags().resources(id).set_tags(Some(tag_list(&rule.tags)));
        call.send().await.during("ec2:CreateTags")?;
        let retired = changes.iter().filter(|change| change.element() == Some(key) && change.is_removal());
        let retired = retired.filter_map(|change| change.path.0.get(3));
        let retired: Vec<_> = retired.map(|tag| aws_sdk_ec2::types::Tag::builder().key(tag).build()).collect();
        if !retired.is_empty() {
            let call = aws.ec2.delete_tags().resources(id).set_tags(Some(retired));
            call.send().await.during("ec2:DeleteTags")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_key_reads_back_from_its_text() {
        for text in [
            "ingress tcp 443 0.0.0.0/0",
            "egress all all ::/0",
            "ingress tcp 1024..65535 sg-0123456789abcdef0",
            "egress udp 53 pl-12345678",
        ] {
            assert_eq!(text.parse::<RuleKey>().unwrap().to_string(), text);
        }
    }
}
