//! Route table: where a tier's packets may go (PCI DSS 1.4.1, 1.4.4: the database tier has no way out).
//!
//! Routes and associations are whole sets: what is not described is drift. The VPC's main table, which any subnet
//! without a table of its own would use, is kept without any route but the local one.
//!
//! AWS rules obeyed: the local route cannot be removed; a subnet belongs to one table at a time, so an association
//! held by another table is replaced, not added; the main table comes and goes with its VPC.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ec2::types::{ResourceType, Route, RouteTableAssociation, RouteTableAssociationStateCode};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{
    Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Replace, Resource, Tier, Up,
};
use serde::{Deserialize, Serialize};

use super::{InternetGateway, NatGateway, Subnet, Vpc, change_tags, filter, looking, part, tag_list, tag_map, tagged};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// A route table with all its routes and subnets.
#[derive(Clone, Serialize)]
pub struct RouteTable {
    pub vpc: Ref<Vpc>,
    /// Whether it is the VPC's main table.
    pub main: bool,
    /// Destination and target, without the local route.
    pub routes: BTreeMap<String, Target>,
    pub subnets: BTreeSet<Ref<Subnet>>,
    pub tags: Tags,
}

/// Where a route leads.
#[derive(Clone, Serialize)]
pub enum Target {
    InternetGateway(Ref<InternetGateway>),
    NatGateway(Ref<NatGateway>),
    /// The id of something that is not ours: a transit gateway, a peering connection, ...
    Fixed(String),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub vpc_id: String,
    pub main: bool,
    /// Destination and the id of the target.
    pub routes: BTreeMap<String, String>,
    /// Ids of the associated subnets and gateways.
    pub subnets: BTreeSet<String>,
    /// Virtual private gateways that may add routes. None are wanted.
    pub propagating: BTreeSet<String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub route_table_id: String,
}

impl RouteTable {
    /// `node` is the tier, with the zone where there is a table per zone; `main` for the main table.
    pub fn name(node: &str, environment: &str) -> String {
        format!("rt-payment-{node}-{environment}")
    }
}

impl Resource for RouteTable {
    const KIND: &'static str = "ec2/route-table";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AssociateRouteTable",
        "ec2:CreateRoute",
        "ec2:CreateRouteTable",
        "ec2:CreateTags",
        "ec2:DeleteRoute",
        "ec2:DeleteRouteTable",
        "ec2:DeleteTags",
        "ec2:DescribeRouteTables",
        "ec2:DisableVgwRoutePropagation",
        "ec2:DisassociateRouteTable",
        "ec2:ReplaceRoute",
        "ec2:ReplaceRouteTableAssociation",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[("vpc_id", Replace::CreateFirst)];
    const CLOSE_FIRST: &'static [&'static str] = &["routes", "subnets", "propagating"];
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let target = |target: &Target| match target {
            Target::InternetGateway(gateway) => up.text(gateway, "igw-", |gateway| &gateway.internet_gateway_id),
            Target::NatGateway(gateway) => up.text(gateway, "nat-", |gateway| &gateway.nat_gateway_id),
            Target::Fixed(id) => id.clone(),
        };
        Ok(Fields {
            vpc_id: up.get(&self.vpc)?.vpc_id.clone(),
            // Which table is the main one is the main table's affair.
            main: self.main || seen.is_some_and(|seen| seen.main),
            routes: self.routes.iter().map(|(to, through)| (to.clone(), target(through))).collect(),
            subnets: self.subnets.iter().map(|subnet| up.text(subnet, "subnet-", |subnet| &subnet.subnet_id)).collect(),
            propagating: BTreeSet::new(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let filter = looking(&look, "route-table-id");
        let call = aws.ec2.describe_route_tables().filters(filter).into_paginator().items().send();
        let tables = call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeRouteTables")?;
        let found = tables.into_iter().map(|table| {
            let tags = tag_map(table.tags.as_deref());
            let route_table_id = part(table.route_table_id.clone(), "ec2:DescribeRouteTables")?;
            let fields = seen(&table, tags.clone());
            // Not its subnets: one can be deleted with its association.
            let uses = std::iter::once(&fields.vpc_id).chain(fields.routes.values());
            Ok(Found {
                claim: claim(&tags),
                name: None,
                name_fits: name_fits(&tags, Self::name),
                cloud_id: route_table_id.clone(),
                uses: uses.cloned().collect(),
                fields: Ok(fields),
                output: Some(Output { route_table_id }),
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
        if want.main {
            return adopt_main(aws, want).await;
        }
        let call = aws.ec2.create_route_table().vpc_id(&want.vpc_id).client_token(&cx.token);
        let call = call.tag_specifications(tagged(ResourceType::RouteTable, &want.tags));
        let made = call.send().await.during("ec2:CreateRouteTable")?;
        let id = part(made.route_table.and_then(|table| table.route_table_id), "ec2:CreateRouteTable")?;
        for (destination, target) in &want.routes {
            create_route(aws, &id, destination, target).await?;
        }
        for subnet in &want.subnets {
            associate(aws, &id, subnet).await?;
        }
        Ok(Progress::Done(Output { route_table_id: id }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let (aws, id) = (&cx.cloud, &now.route_table_id);
        for change in &changes {
            let element = change.element().unwrap_or_default();
            let after = change.after.as_ref().and_then(|value| value.as_str());
            match (change.field(), after) {
                ("routes", Some(target)) if change.before.is_some() => {
                    replace_route(aws, id, element, target).await?;
                }
                ("routes", Some(target)) => create_route(aws, id, element, target).await?,
                ("routes", None) => delete_route(aws, id, element).await?,
                ("subnets", Some(subnet)) => associate(aws, id, subnet).await?,
                ("subnets", None) => disassociate(aws, id, element).await?,
                ("propagating", _) => {
                    let call = aws.ec2.disable_vgw_route_propagation().route_table_id(id).gateway_id(element);
                    call.send().await.during("ec2:DisableVgwRoutePropagation")?;
                }
                ("main", _) => make_main(aws, id, &want.vpc_id).await?,
                _ => {}
            }
        }
        change_tags(aws, id, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let aws = &cx.cloud;
        for table in read(aws, filter("route-table-id", [&cloud_id])).await? {
            for association in associations(&table) {
                if association.main == Some(true) {
                    return Ok(Progress::Done(()));
                }
                let call = aws
                    .ec2
                    .disassociate_route_table()
                    .set_association_id(association.route_table_association_id.clone());
                gone(call.send().await.during("ec2:DisassociateRouteTable"))?;
            }
        }
        let call = aws.ec2.delete_route_table().route_table_id(cloud_id);
        gone(call.send().await.during("ec2:DeleteRouteTable"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.route_table_id
    }
}

type Table = aws_sdk_ec2::types::RouteTable;

fn seen(table: &Table, tags: TagMap) -> Fields {
    let attached = associations(table).filter(|association| association.main != Some(true));
    Fields {
        vpc_id: table.vpc_id.clone().unwrap_or_default(),
        main: associations(table).any(|association| association.main == Some(true)),
        routes: table.routes().iter().filter_map(route).collect(),
        subnets: attached.filter_map(|a| a.subnet_id.clone().or(a.gateway_id.clone())).collect(),
        propagating: table.propagating_vgws().iter().filter_map(|gateway| gateway.gateway_id.clone()).collect(),
        tags,
    }
}

/// The associations in force.
fn associations(table: &Table) -> impl Iterator<Item = &RouteTableAssociation> {
    table.associations().iter().filter(|association| {
        let state = association.association_state.as_ref().and_then(|state| state.state.as_ref());
        !matches!(
            state,
            Some(RouteTableAssociationStateCode::Disassociated | RouteTableAssociationStateCode::Disassociating)
        )
    })
}

/// Destination and target. The local route stands in every table, and the routes to a gateway endpoint are the
/// endpoint's.
fn route(route: &Route) -> Option<(String, String)> {
    let destination = route
        .destination_cidr_block
        .clone()
        .or(route.destination_ipv6_cidr_block.clone())
        .or(route.destination_prefix_list_id.clone())?;
    let target = [
        &route.gateway_id,
        &route.nat_gateway_id,
        &route.transit_gateway_id,
        &route.vpc_peering_connection_id,
        &route.network_interface_id,
        &route.instance_id,
        &route.egress_only_internet_gateway_id,
        &route.carrier_gateway_id,
        &route.local_gateway_id,
        &route.core_network_arn,
    ];
    let target = target.into_iter().flatten().next().cloned().unwrap_or_else(|| "unknown".to_owned());
    let endpoint = target.starts_with("vpce-") && route.destination_prefix_list_id.is_some();
    (target != "local" && !endpoint).then_some((destination, target))
}

async fn read(aws: &Aws, filter: aws_sdk_ec2::types::Filter) -> Result<Vec<Table>, CloudError> {
    let answer = aws.ec2.describe_route_tables().filters(filter).send().await.during("ec2:DescribeRouteTables")?;
    Ok(answer.route_tables.unwrap_or_default())
}

/// The main table exists already: it is only set right.
async fn adopt_main(aws: &Aws, want: Fields) -> Result<Progress<Output>, CloudError> {
    let tables = read(aws, filter("vpc-id", [&want.vpc_id])).await?;
    let main = tables.iter().find(|table| associations(table).any(|association| association.main == Some(true)));
    // A new VPC's main table may not be visible for some seconds.
    let Some(table) = main else {
        return Err(CloudError::new(Class::NotYet, "ec2:DescribeRouteTables", "NotVisible", "no main table yet"));
    };
    let id = part(table.route_table_id.clone(), "ec2:DescribeRouteTables")?;
    let call = aws.ec2.create_tags().resources(&id).set_tags(Some(tag_list(&want.tags)));
    call.send().await.during("ec2:CreateTags")?;
    let found = seen(table, TagMap::new());
    for destination in found.routes.keys() {
        delete_route(aws, &id, destination).await?;
    }
    for subnet in &found.subnets {
        disassociate(aws, &id, subnet).await?;
    }
    Ok(Progress::Done(Output { route_table_id: id }))
}

/// Makes this table the VPC's main one again, by giving it the association that another table holds.
async fn make_main(aws: &Aws, id: &str, vpc_id: &str) -> Result<(), CloudError> {
    let tables = read(aws, filter("vpc-id", [vpc_id])).await?;
    let main = tables.iter().flat_map(associations).find(|association| association.main == Some(true));
    let association = part(main.and_then(|main| main.route_table_association_id.clone()), "ec2:DescribeRouteTables")?;
    replace_association(aws, association, id).await
}

async fn replace_association(aws: &Aws, association: String, id: &str) -> Result<(), CloudError> {
    let call = aws.ec2.replace_route_table_association().association_id(association).route_table_id(id);
    call.send().await.during("ec2:ReplaceRouteTableAssociation")?;
    Ok(())
}

/// A subnet that another table holds is taken over in one call, so that it is never without a table of its own.
async fn associate(aws: &Aws, id: &str, subnet: &str) -> Result<(), CloudError> {
    let call = aws.ec2.associate_route_table().route_table_id(id).subnet_id(subnet);
    match call.send().await.during("ec2:AssociateRouteTable") {
        Ok(_) => Ok(()),
        Err(error) if error.class == Class::Conflict => {
            let tables = read(aws, filter("association.subnet-id", [subnet])).await?;
            let held = tables.iter().flat_map(associations).find(|held| held.subnet_id.as_deref() == Some(subnet));
            let Some(association) = held.and_then(|held| held.route_table_association_id.clone()) else {
                return Err(error);
            };
            replace_association(aws, association, id).await
        }
        Err(error) => Err(error),
    }
}

async fn disassociate(aws: &Aws, id: &str, attached: &str) -> Result<(), CloudError> {
    let tables = read(aws, filter("route-table-id", [id])).await?;
    let association = tables.iter().flat_map(associations).find(|association| {
        [&association.subnet_id, &association.gateway_id].into_iter().flatten().any(|id| id == attached)
    });
    if let Some(association) = association.and_then(|association| association.route_table_association_id.clone()) {
        let call = aws.ec2.disassociate_route_table().association_id(association);
        gone(call.send().await.during("ec2:DisassociateRouteTable"))?;
    }
    Ok(())
}

/// Sets destination and target of a route call: each has several parameters, told apart by their form.
macro_rules! route_call {
    ($call:expr, $destination:expr, $target:expr) => {{
        let call = match Destination::of($destination) {
            Destination::Ipv4 => $call.destination_cidr_block($destination),
            Destination::Ipv6 => $call.destination_ipv6_cidr_block($destination),
            Destination::PrefixList => $call.destination_prefix_list_id($destination),
        };
        match $target.split('-').next() {
            Some("nat") => call.nat_gateway_id($target),
            Some("tgw") => call.transit_gateway_id($target),
            Some("pcx") => call.vpc_peering_connection_id($target),
            Some("eni") => call.network_interface_id($target),
            Some("vpce") => call.vpc_endpoint_id($target),
            _ => call.gateway_id($target),
        }
    }};
}

enum Destination {
    Ipv4,
    Ipv6,
    PrefixList,
}

impl Destination {
    fn of(text: &str) -> Self {
        match text {
            _ if text.starts_with("pl-") => Self::PrefixList,
            _ if text.contains(':') => Self::Ipv6,
            _ => Self::Ipv4,
        }
    }
}

async fn create_route(aws: &Aws, id: &str, destination: &str, target: &str) -> Result<(), CloudError> {
    let call = route_call!(aws.ec2.create_route().route_table_id(id), destination, target);
    call.send().await.during("ec2:CreateRoute")?;
    Ok(())
}

async fn replace_route(aws: &Aws, id: &str, destination: &str, target: &str) -> Result<(), CloudError> {
    let call = route_call!(aws.ec2.replace_route().route_table_id(id), destination, target);
    call.send().await.during("ec2:ReplaceRoute")?;
    Ok(())
}

async fn delete_route(aws: &Aws, id: &str, destination: &str) -> Result<(), CloudError> {
    let call = aws.ec2.delete_route().route_table_id(id);
    let call = match Destination::of(destination) {
        Destination::Ipv4 => call.destination_cidr_block(destination),
        Destination::Ipv6 => call.destination_ipv6_cidr_block(destination),
        Destination::PrefixList => call.destination_prefix_list_id(destination),
    };
    gone(call.send().await.during("ec2:DeleteRoute"))?;
    Ok(())
}
