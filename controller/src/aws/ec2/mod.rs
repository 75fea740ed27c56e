//! EC2: VPC, routing and security groups.

mod address;
mod flow_log;
mod internet_gateway;
mod nat_gateway;
mod network_acl;
mod route_table;
mod security_group;
mod security_group_rules;
mod subnet;
mod vpc;
mod vpc_endpoint;

pub use address::Address;
pub use flow_log::{Destination, FlowLog};
pub use internet_gateway::InternetGateway;
pub use nat_gateway::NatGateway;
pub use network_acl::{AclEntry, NetworkAcl};
pub use route_table::{RouteTable, Target};
pub use security_group::SecurityGroup;
pub use security_group_rules::{Direction, Peer, Rule, SecurityGroupRules};
pub use subnet::Subnet;
pub use vpc::{DhcpOptionsSets, Vpc};
pub use vpc_endpoint::{Access, VpcEndpoint};

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use aws_smithy_types::retry::RetryConfig;
use payment_platform_engine::diff::Change;
use payment_platform_engine::{CloudError, Kind, Look};

use crate::aws::error::During;
use crate::aws::tags::{self, TagMap};
use crate::aws::{Aws, touches};

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[
    Kind::of::<Vpc>(),
    Kind::of::<NetworkAcl>(),
    Kind::of::<InternetGateway>(),
    Kind::of::<Subnet>(),
    Kind::of::<Address>(),
    Kind::of::<NatGateway>(),
    Kind::of::<RouteTable>(),
    Kind::of::<SecurityGroup>(),
    Kind::of::<SecurityGroupRules>(),
    Kind::of::<FlowLog>(),
    Kind::of::<VpcEndpoint>(),
];

/// For creations that AWS gives no token: a repeated attempt after a lost answer would make a second thing, so the
/// next pass, which looks first, is the retry.
fn once() -> aws_sdk_ec2::config::Builder {
    aws_sdk_ec2::config::Builder::new().retry_config(RetryConfig::disabled())
}

fn tag_map(tags: Option<&[Tag]>) -> TagMap {
    let pair = |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    tags.unwrap_or_default().iter().filter_map(pair).collect()
}

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Tags in the creating call, so that nothing of ours is ever without them.
fn tagged(kind: ResourceType, tags: &TagMap) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).set_tags(Some(tag_list(tags))).build()
}

fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().map(Into::into).collect())).build()
}

/// Everything with ownership tags, or what has one of the ids. A filter, unlike a list of ids, does not fail when one
/// of them is gone.
fn looking(look: &Look, id_filter: &str) -> Filter {
    match look {
        Look::All => filter("tag-key", [tags::NODE]),
        Look::Ids(ids) => filter(id_filter, ids.clone()),
    }
}

/// Sets and removes tags of one thing as `changes` ask.
async fn change_tags(aws: &Aws, id: &str, changes: &[Change]) -> Result<(), CloudError> {
    let (set, remove) = tags::changed(changes);
    if !set.is_empty() {
        let call = aws.ec2.create_tags().resources(id).set_tags(Some(tag_list(&set)));
        call.send().await.during("ec2:CreateTags")?;
    }
    if !remove.is_empty() {
        let keys = remove.into_iter().map(|key| Tag::builder().key(key).build()).collect();
        let call = aws.ec2.delete_tags().resources(id).set_tags(Some(keys));
        call.send().await.during("ec2:DeleteTags")?;
    }
    Ok(())
}

/// A part of an answer that the API always fills.
fn part<T>(value: Option<T>, action: &'static str) -> Result<T, CloudError> {
    let missing =
        || CloudError::new(payment_platform_engine::Class::Unavailable, action, "BadAnswer", "a part is missing");
    value.ok_or_else(missing)
}
