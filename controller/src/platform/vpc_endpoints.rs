//! VPC endpoints: how the private tier reaches AWS without the internet (PCI DSS 1.3.2, 1.4.1), for principals of this
//! account only. The database tier stays isolated: the gateway endpoint is in no table of its.

use std::collections::{BTreeMap, BTreeSet};

use payment_platform_engine::{Ref, Resource};

use super::Build;
use super::network::Network;
use crate::aws::ec2::{Access, SecurityGroup, VpcEndpoint};
use crate::aws::policy::{PolicyDocument, Statement};

pub const COMPONENT: &str = "VpcEndpoints";

/// What the application and its rotation call, by the services' short names.
pub const INTERFACES: [&str; 6] = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "kms", "ec2"];

/// The full name of a service's endpoint service.
pub fn service_name(region: &str, service: &str) -> String {
    format!("com.amazonaws.{region}.{service}")
}

/// Adds the gateway endpoint of S3 and the interface endpoints.
pub fn add(build: &mut Build<'_>, network: &Network, group: &Ref<SecurityGroup>) {
    let tables = network.public_tables.iter().chain(&network.private_tables).cloned().collect();
    // Image layers are read from a bucket of AWS, with AWS's own signature.
    let layers = format!("arn:aws:s3:::prod-{}-starport-layer-bucket/*", build.region);
    let mut read = Statement::on(&["s3:GetObject"], [layers]);
    read.principals.insert("*".to_owned());
    endpoint(build, network, "s3", Access::Gateway { tables }, BTreeMap::from([("EcrLayers".to_owned(), read)]));
    let mut services: Vec<String> = INTERFACES.map(str::to_owned).into();
    services.extend(build.platform.extra_endpoints.iter().cloned());
    for service in services {
        let access = Access::Interface {
            subnets: network.private_subnets.iter().cloned().collect(),
            groups: BTreeSet::from([group.clone()]),
        };
        endpoint(build, network, &service, access, BTreeMap::new());
    }
}

fn endpoint(
    build: &mut Build<'_>,
    network: &Network,
    service: &str,
    access: Access,
    from_vpc: BTreeMap<String, Statement>,
) {
    let mut account = Statement::on(&["*"], ["*".to_owned()]).when(
        "StringEquals",
        "aws:PrincipalAccount",
        &build.platform.account_id,
    );
    account.principals.insert("*".to_owned());
    let endpoint = VpcEndpoint {
        vpc: network.vpc.clone(),
        service_name: service_name(build.region.as_str(), service),
        access,
        policy: PolicyDocument::of([("Account", account)]),
        from_vpc,
        tags: build.tags(VpcEndpoint::KIND, service, &VpcEndpoint::name(service, build.env())),
    };
    build.graph.add(COMPONENT, &build.region, service, endpoint);
}
