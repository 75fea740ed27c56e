//! Network: a VPC of three tiers over two or three zones (PCI DSS 1.2, 1.4).
//!
//! - The public tier reaches and is reached by the internet; it holds load balancer and NAT gateways only.
//! - The private tier reaches the internet through the NAT gateway of its own zone, so that the loss of one zone leaves
//!   the others working; nothing reaches it from there.
//! - The database tier has no route out of the VPC at all.
//! - What AWS makes by itself (main route table, default network ACL) is kept so that nothing works by accident.

use std::collections::{BTreeMap, BTreeSet};

use payment_platform_api::platform::Zone;
use payment_platform_api::spec::{NatGateways, Tier};
use payment_platform_engine::{Ref, Region, Resource};

use super::{Build, canonical, names};
use crate::aws::ec2::{AclEntry, Address, InternetGateway, NatGateway, NetworkAcl, RouteTable, Subnet, Target, Vpc};

pub const COMPONENT: &str = "Network";

const ANYWHERE: &str = "0.0.0.0/0";

/// What others build on.
pub struct Network {
    pub vpc: Ref<Vpc>,
    pub internet_gateway: Ref<InternetGateway>,
    pub public_subnets: Vec<Ref<Subnet>>,
    pub private_subnets: Vec<Ref<Subnet>>,
    pub database_subnets: Vec<Ref<Subnet>>,
    pub public_tables: Vec<Ref<RouteTable>>,
    pub private_tables: Vec<Ref<RouteTable>>,
}

/// Adds the network.
pub fn add(build: &mut Build<'_>) -> Network {
    let vpc = {
        let tags = build.tags(Vpc::KIND, names::VPC, &Vpc::name(names::VPC, build.env()));
        let vpc = Vpc { cidr: build.platform.vpc_cidr.to_string(), domain_name: domain_name(&build.region), tags };
        build.graph.add(COMPONENT, &build.region, names::VPC, vpc)
    };
    let gateway = {
        let tags = build.tags(InternetGateway::KIND, "main", &InternetGateway::name("main", build.env()));
        build.graph.add(COMPONENT, &build.region, "main", InternetGateway { vpc: vpc.clone(), tags })
    };
    let zones = build.platform.zones.clone();
    let tier = |build: &mut Build<'_>, tier: &str, cidr: fn(&Zone) -> String| -> Vec<Ref<Subnet>> {
        zones.iter().map(|zone| subnet(build, &vpc, tier, zone, cidr(zone))).collect()
    };
    let public = tier(build, "public", |zone| zone.public.to_string());
    let private = tier(build, "private", |zone| zone.private.to_string());
    let database = tier(build, "database", |zone| zone.database.to_string());

    default_acl(build, &vpc, public.iter().chain(&private).chain(&database).cloned());
    let to_internet = BTreeMap::from([(ANYWHERE.to_owned(), Target::InternetGateway(gateway.clone()))]);
    let public_table = table(build, &vpc, "public", to_internet, public.iter().cloned());
    let gateways = nat_gateways(build, &zones, &public, &gateway);
    let mut private_tables = Vec::new();
    for (index, (zone, subnet)) in zones.iter().zip(&private).enumerate() {
        let gateway = gateways.get(index).or(gateways.first()).cloned();
        let routes = gateway.map(|gateway| (ANYWHERE.to_owned(), Target::NatGateway(gateway)));
        let node = format!("private-{}", zone.name);
        private_tables.push(table(build, &vpc, &node, routes.into_iter().collect(), [subnet.clone()]));
    }
    table(build, &vpc, "database", BTreeMap::new(), database.iter().cloned());
    main_table(build, &vpc);
    Network {
        vpc,
        internet_gateway: gateway,
        public_subnets: public,
        private_subnets: private,
        database_subnets: database,
        public_tables: vec![public_table],
        private_tables,
    }
}

/// The domain of a region's private names (VPC User Guide, "DHCP option sets").
fn domain_name(region: &Region) -> String {
    match region.as_str() {
        "us-east-1" => "ec2.internal".to_owned(),
        region => format!("{region}.compute.internal"),
    }
}

fn subnet(build: &mut Build<'_>, vpc: &Ref<Vpc>, tier: &str, zone: &Zone, cidr: String) -> Ref<Subnet> {
    let node = format!("{tier}-{}", zone.name);
    let tags = build.tags(Subnet::KIND, &node, &Subnet::name(&node, build.env()));
    let subnet = Subnet { vpc: vpc.clone(), cidr, cidr_is_named: zone.named, zone: zone.name.clone(), tags };
    build.graph.add(COMPONENT, &build.region, node, subnet)
}

/// One gateway a zone, or a single one in the first zone. Without an internet gateway in the VPC its creation fails.
fn nat_gateways(
    build: &mut Build<'_>,
    zones: &[Zone],
    public: &[Ref<Subnet>],
    internet: &Ref<InternetGateway>,
) -> Vec<Ref<NatGateway>> {
    let count = match build.platform.nat_gateways {
        NatGateways::PerZone => zones.len(),
        NatGateways::Single => 1,
    };
    let places = zones.iter().zip(public).take(count);
    let gateways = places.map(|(zone, subnet)| {
        let node = zone.name.as_str();
        let tags = build.tags(Address::KIND, node, &Address::name(node, build.env()));
        let address = build.graph.add(COMPONENT, &build.region, node, Address { tags });
        let tags = build.tags(NatGateway::KIND, node, &NatGateway::name(node, build.env()));
        let gateway = NatGateway { subnet: subnet.clone(), address, tags };
        build.graph.add_after(COMPONENT, &build.region, node, gateway, [internet.node().clone()])
    });
    gateways.collect()
}

fn table(
    build: &mut Build<'_>,
    vpc: &Ref<Vpc>,
    node: &str,
    mut routes: BTreeMap<String, Target>,
    subnets: impl IntoIterator<Item = Ref<Subnet>>,
) -> Ref<RouteTable> {
    let tags = build.tags(RouteTable::KIND, node, &RouteTable::name(node, build.env()));
    let subnets = subnets.into_iter().collect();
    let tier = match node.split('-').next() {
        Some("public") => Tier::Public,
        Some("private") => Tier::Private,
        _ => Tier::Database,
    };
    for route in build.platform.extra_routes.iter().filter(|route| route.tier == tier) {
        routes.insert(canonical(&route.destination), Target::Fixed(route.target.clone()));
    }
    let table = RouteTable { vpc: vpc.clone(), main: false, routes, subnets, tags };
    build.graph.add(COMPONENT, &build.region, node, table)
}

/// A subnet without a table of its own uses this one, and gets nowhere.
fn main_table(build: &mut Build<'_>, vpc: &Ref<Vpc>) {
    let tags = build.tags(RouteTable::KIND, "main", &RouteTable::name("main", build.env()));
    let table = RouteTable { vpc: vpc.clone(), main: true, routes: BTreeMap::new(), subnets: BTreeSet::new(), tags };
    build.graph.add(COMPONENT, &build.region, "main", table);
}

fn default_acl(build: &mut Build<'_>, vpc: &Ref<Vpc>, subnets: impl Iterator<Item = Ref<Subnet>>) {
    let mut entries = BTreeMap::from([
        ("ingress 100".to_owned(), AclEntry::allow_all()),
        ("egress 100".to_owned(), AclEntry::allow_all()),
    ]);
    if build.platform.deny_remote_administration {
        entries.insert("ingress 50".to_owned(), AclEntry::deny_tcp(22));
        entries.insert("ingress 51".to_owned(), AclEntry::deny_tcp(3389));
    }
    let tags = build.tags(NetworkAcl::KIND, "default", &NetworkAcl::name("default", build.env()));
    build.graph.add(
        COMPONENT,
        &build.region,
        "default",
        NetworkAcl { vpc: vpc.clone(), entries, subnets: subnets.collect(), tags },
    );
}
