//! What EC2 has: VPC, routing, groups, endpoints, flow logs.

use anyhow::Context;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, NewDhcpConfiguration, PortRange, RuleAction, SecurityGroupRule,
    SecurityGroupRuleDescription,
};
use futures::FutureExt;
use serde_json::Value;

use super::How::{Added, Changed, Removed};
use super::{Row, Scene, Waiver, waived};
use crate::matrix::storage::broken;

const FIXED: &str = "AWS has no operation that changes it";
const NONE: &str = "none are wanted";
const AWS_SAYS: &str = "only AWS sets it: why it could not make the thing";
const THEIRS: &str = "others of the VPC may be there; the platform's are always";

pub const WAIVERS: &[Waiver] = &[
    waived("ec2/vpc", "cidr", Changed, FIXED),
    waived("ec2/vpc", "secondary_cidrs.*", Removed, NONE),
    waived("ec2/subnet", "ipv6_cidrs.*", Removed, NONE),
    waived("ec2/network-acl", "vpc_id", Changed, FIXED),
    waived("ec2/network-acl", "subnets.*", Added, THEIRS),
    waived(
        "ec2/internet-gateway",
        "attached_to",
        Changed,
        "AWS refuses to detach it while the VPC has public addresses; the engine's tests have it",
    ),
    waived("ec2/subnet", "cidr", Changed, FIXED),
    waived("ec2/subnet", "zone", Changed, FIXED),
    waived("ec2/subnet", "vpc_id", Changed, FIXED),
    waived("ec2/nat-gateway", "subnet_id", Changed, FIXED),
    waived("ec2/nat-gateway", "allocation_id", Changed, FIXED),
    waived("ec2/nat-gateway", "failure", Changed, AWS_SAYS),
    waived("ec2/route-table", "vpc_id", Changed, FIXED),
    waived("ec2/route-table", "propagating.*", Removed, NONE),
    waived("ec2/security-group", "vpc_id", Changed, FIXED),
    waived("ec2/security-group", "group_name", Changed, FIXED),
    waived("ec2/security-group", "description", Changed, FIXED),
    waived("ec2/security-group-rules", "group_id", Changed, FIXED),
    waived("ec2/flow-log", "resource_id", Changed, FIXED),
    waived("ec2/flow-log", "traffic", Changed, FIXED),
    waived("ec2/flow-log", "destination_type", Changed, FIXED),
    waived("ec2/flow-log", "destination", Changed, FIXED),
    waived("ec2/flow-log", "role_arn", Changed, FIXED),
    waived("ec2/flow-log", "aggregation_seconds", Changed, FIXED),
    waived("ec2/flow-log", "format", Changed, FIXED),
    waived("ec2/vpc-endpoint", "vpc_id", Changed, FIXED),
    waived("ec2/vpc-endpoint", "service_name", Changed, FIXED),
    waived("ec2/vpc-endpoint", "access", Changed, FIXED),
    waived("ec2/vpc-endpoint", "failure", Changed, AWS_SAYS),
    waived("ec2/vpc-endpoint", "subnets.*", Added, "AWS takes one subnet a zone, and each zone of ours has one"),
];

const VPC: &str = "ec2/vpc/main";
const ACL: &str = "ec2/network-acl/default";
const DATABASE: &str = "ec2/route-table/database";
const PRIVATE_A: &str = "ec2/route-table/private-us-east-1a";
const AURORA: &str = "ec2/security-group-rules/aurora";

pub const ROWS: &[Row] = &[
    Row::new(VPC, &[("dns_hostnames", Changed)], |scene| {
        let call = scene.aws.ec2.modify_vpc_attribute().vpc_id(&scene.id).enable_dns_hostnames(boolean(false));
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(VPC, &[("dns_support", Changed)], |scene| {
        let call = scene.aws.ec2.modify_vpc_attribute().vpc_id(&scene.id).enable_dns_support(boolean(false));
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(VPC, &[("secondary_cidrs.*", Added)], |scene| {
        let call = scene.aws.ec2.associate_vpc_cidr_block().vpc_id(&scene.id).cidr_block("100.64.0.0/24");
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(VPC, &[("dhcp.*", Added), ("dhcp.*", Changed), ("dhcp.*", Removed)], |scene| other_dhcp(scene).boxed()),
    Row::new("ec2/subnet/database-us-east-1b", &[("ipv6_cidrs.*", Added)], |scene| ipv6(scene).boxed()).beside(&[VPC]),
    Row::new(VPC, TAGS, |scene| tags(scene).boxed()),
    Row::new(
        ACL,
        &[
            ("entries.*", Added),
            ("entries.*", Removed),
            ("entries.*.action", Changed),
            ("entries.*.cidr", Changed),
            ("entries.*.ports", Changed),
            ("entries.*.protocol", Changed),
        ],
        |scene| acl_entries(scene).boxed(),
    ),
    Row::new(ACL, &[("subnets.*", Removed)], |scene| behind_another_acl(scene).boxed()),
    Row::new(ACL, TAGS, |scene| tags(scene).boxed()),
    Row::new("ec2/internet-gateway/main", TAGS, |scene| tags(scene).boxed()),
    Row::new("ec2/subnet/private-us-east-1a", &[("public_ip_on_launch", Changed)], |scene| {
        let call = scene.aws.ec2.modify_subnet_attribute().subnet_id(&scene.id);
        async move { Ok(call.map_public_ip_on_launch(boolean(true)).send().await.map(drop)?) }.boxed()
    }),
    Row::new("ec2/subnet/public-us-east-1a", TAGS, |scene| tags(scene).boxed()),
    Row::new("ec2/address/us-east-1a", TAGS, |scene| tags(scene).boxed()),
    Row::new("ec2/nat-gateway/us-east-1a", TAGS, |scene| tags(scene).boxed()),
    Row::new(DATABASE, &[("routes.*", Added)], |scene| route(scene, "0.0.0.0/0").boxed()),
    Row::new(PRIVATE_A, &[("routes.*", Removed)], |scene| {
        let call = scene.aws.ec2.delete_route().route_table_id(&scene.id).destination_cidr_block("0.0.0.0/0");
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new("ec2/route-table/private-us-east-1b", &[("routes.*", Changed)], |scene| {
        async move {
            let gateway = scene.id_of("ec2/internet-gateway/main")?;
            let call = scene.aws.ec2.replace_route().route_table_id(&scene.id).destination_cidr_block("0.0.0.0/0");
            Ok(call.gateway_id(gateway).send().await.map(drop)?)
        }
        .boxed()
    }),
    // A subnet of the database tier gets the private tier's way out.
    Row::new(DATABASE, &[("subnets.*", Removed)], |scene| moved(scene, PRIVATE_A).boxed()).beside(&[PRIVATE_A]),
    // And the other way round: what one table has too few, another has too many.
    Row::new(DATABASE, &[("subnets.*", Added)], |scene| gained(scene, "ec2/subnet/private-us-east-1a").boxed())
        .beside(&[PRIVATE_A]),
    Row::new("ec2/route-table/public", &[("propagating.*", Added)], |scene| propagating(scene).boxed()),
    Row::new("ec2/route-table/main", &[("main", Changed)], |scene| not_main(scene).boxed()),
    Row::new("ec2/route-table/public", TAGS, |scene| tags(scene).boxed()),
    Row::new("ec2/security-group/alb", TAGS, |scene| tags(scene).boxed()),
    Row::new(AURORA, &[("rules.*", Added)], |scene| async move { scene.aws.open_port(group(scene), 22).await }.boxed()),
    Row::new(AURORA, &[("rules.*", Removed)], |scene| revoked(scene).boxed()),
    Row::new(AURORA, &[("rules.*.description", Changed), ("rules.*.tags.*", Removed)], |scene| {
        described(scene).boxed()
    }),
    Row::new("ec2/flow-log/s3", TAGS, |scene| tags(scene).boxed()),
    Row::new("ec2/vpc-endpoint/kms", &[("groups.*", Added), ("groups.*", Removed), ("subnets.*", Removed)], |scene| {
        endpoint(scene).boxed()
    }),
    Row::new("ec2/vpc-endpoint/logs", &[("private_dns", Changed)], |scene| {
        let call = scene.aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(&scene.id).private_dns_enabled(false);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new(
        "ec2/vpc-endpoint/s3",
        &[
            ("route_tables.*", Added),
            ("route_tables.*", Removed),
            ("policy.statements.*.actions", Changed),
            ("policy.statements.*.conditions.*", Changed),
            ("policy.statements.*.effect", Changed),
            ("policy.statements.*.principals", Changed),
            ("policy.statements.*.resources", Changed),
            ("policy.version", Changed),
        ],
        |scene| gateway_endpoint(scene).boxed(),
    ),
    Row::new("ec2/vpc-endpoint/kms", &[("policy.statements.*", Added), ("policy.statements.*", Removed)], |scene| {
        let open = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Open","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
        let call = scene.aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(&scene.id).policy_document(open);
        async move { Ok(call.send().await.map(drop)?) }.boxed()
    }),
    Row::new("ec2/vpc-endpoint/logs", TAGS, |scene| tags(scene).boxed()),
];

const TAGS: &[super::Leaf] = &[("tags.*", Changed), ("tags.*", Removed)];

async fn tags(scene: &Scene<'_>) -> anyhow::Result<()> {
    scene.aws.tag(&scene.id, "Owner", "somebody").await?;
    scene.aws.untag(&scene.id, &["Compliance"]).await
}

/// Other name servers, a time server, and no domain.
async fn other_dhcp(scene: &Scene<'_>) -> anyhow::Result<()> {
    let ec2 = &scene.aws.ec2;
    let option = |key: &str| NewDhcpConfiguration::builder().key(key).values("192.0.2.53").build();
    let call = ec2.create_dhcp_options().dhcp_configurations(option("domain-name-servers"));
    let made = call.dhcp_configurations(option("ntp-servers")).send().await?.dhcp_options;
    let call = ec2.associate_dhcp_options().vpc_id(&scene.id);
    call.set_dhcp_options_id(made.and_then(|made| made.dhcp_options_id)).send().await?;
    Ok(())
}

/// The VPC and one of its subnets get ranges of IPv6.
async fn ipv6(scene: &Scene<'_>) -> anyhow::Result<()> {
    let (ec2, vpc) = (&scene.aws.ec2, scene.id_of(VPC)?);
    ec2.associate_vpc_cidr_block().vpc_id(vpc).amazon_provided_ipv6_cidr_block(true).send().await?;
    let read = ec2.describe_vpcs().vpc_ids(vpc).send().await?;
    let range = read.vpcs()[0].ipv6_cidr_block_association_set()[0].ipv6_cidr_block().context("no range")?;
    let call = ec2.associate_subnet_cidr_block().subnet_id(&scene.id).ipv6_cidr_block(range.replace("/56", "/64"));
    Ok(call.send().await.map(drop)?)
}

fn boolean(value: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(value).build()
}

/// One entry deleted, one made, one with everything about it changed.
async fn acl_entries(scene: &Scene<'_>) -> anyhow::Result<()> {
    let ec2 = &scene.aws.ec2;
    ec2.delete_network_acl_entry().network_acl_id(&scene.id).egress(false).rule_number(50).send().await?;
    let call = ec2.create_network_acl_entry().network_acl_id(&scene.id).egress(false).rule_number(7).protocol("-1");
    call.rule_action(RuleAction::Allow).cidr_block("0.0.0.0/0").send().await?;
    let ports = PortRange::builder().from(1).to(65535).build();
    let call = ec2.replace_network_acl_entry().network_acl_id(&scene.id).egress(false).rule_number(51).protocol("17");
    call.rule_action(RuleAction::Allow).cidr_block("10.0.0.0/8").port_range(ports).send().await?;
    Ok(())
}

async fn behind_another_acl(scene: &Scene<'_>) -> anyhow::Result<()> {
    let ec2 = &scene.aws.ec2;
    let (vpc, subnet) = (scene.id_of(VPC)?, scene.id_of("ec2/subnet/database-us-east-1a")?);
    let open = ec2.create_network_acl().vpc_id(vpc).send().await?.network_acl.and_then(|acl| acl.network_acl_id);
    let read = ec2.describe_network_acls().network_acl_ids(&scene.id).send().await?;
    let mut held = read.network_acls()[0].associations().iter();
    let held = held.find(|association| association.subnet_id() == Some(subnet)).context("not associated")?;
    let call = ec2.replace_network_acl_association().set_network_acl_id(open);
    call.set_association_id(held.network_acl_association_id.clone()).send().await?;
    Ok(())
}

async fn route(scene: &Scene<'_>, destination: &str) -> anyhow::Result<()> {
    let gateway = scene.id_of("ec2/internet-gateway/main")?;
    let call = scene.aws.ec2.create_route().route_table_id(&scene.id).destination_cidr_block(destination);
    call.gateway_id(gateway).send().await?;
    Ok(())
}

/// The association of a subnet with a table.
async fn association(scene: &Scene<'_>, table: &str, subnet: Option<&str>) -> anyhow::Result<String> {
    let read = scene.aws.ec2.describe_route_tables().route_table_ids(table).send().await?;
    let mut held = read.route_tables()[0].associations().iter();
    let held = held.find(|one| one.subnet_id() == subnet && (subnet.is_some() || one.main() == Some(true)));
    held.and_then(|one| one.route_table_association_id.clone()).context("not associated")
}

async fn moved(scene: &Scene<'_>, to: &str) -> anyhow::Result<()> {
    let subnet = scene.id_of("ec2/subnet/database-us-east-1a")?;
    let held = association(scene, &scene.id, Some(subnet)).await?;
    let call = scene.aws.ec2.replace_route_table_association().association_id(held);
    call.route_table_id(scene.id_of(to)?).send().await?;
    Ok(())
}

async fn gained(scene: &Scene<'_>, subnet: &str) -> anyhow::Result<()> {
    let held = association(scene, scene.id_of(PRIVATE_A)?, Some(scene.id_of(subnet)?)).await?;
    let call = scene.aws.ec2.replace_route_table_association().association_id(held);
    call.route_table_id(&scene.id).send().await?;
    Ok(())
}

async fn not_main(scene: &Scene<'_>) -> anyhow::Result<()> {
    let held = association(scene, &scene.id, None).await?;
    let call = scene.aws.ec2.replace_route_table_association().association_id(held);
    call.route_table_id(scene.id_of(DATABASE)?).send().await?;
    Ok(())
}

async fn propagating(scene: &Scene<'_>) -> anyhow::Result<()> {
    let ec2 = &scene.aws.ec2;
    let gateway = ec2.create_vpn_gateway().r#type(aws_sdk_ec2::types::GatewayType::Ipsec1).send().await?;
    let gateway = gateway.vpn_gateway.and_then(|gateway| gateway.vpn_gateway_id).context("no gateway")?;
    ec2.attach_vpn_gateway().vpc_id(scene.id_of(VPC)?).vpn_gateway_id(&gateway).send().await?;
    ec2.enable_vgw_route_propagation().route_table_id(&scene.id).gateway_id(gateway).send().await?;
    Ok(())
}

/// The group whose rules they are.
fn group<'a>(scene: &'a Scene<'_>) -> &'a str {
    scene.id.trim_end_matches("/rules")
}

async fn ingress(scene: &Scene<'_>) -> anyhow::Result<SecurityGroupRule> {
    let filter = Filter::builder().name("group-id").values(group(scene)).build();
    let read = scene.aws.ec2.describe_security_group_rules().filters(filter).send().await?;
    let mut rules = read.security_group_rules.unwrap_or_default().into_iter();
    rules.find(|rule| rule.is_egress == Some(false)).context("no rule")
}

async fn revoked(scene: &Scene<'_>) -> anyhow::Result<()> {
    let call = scene.aws.ec2.revoke_security_group_ingress().group_id(group(scene));
    call.set_security_group_rule_ids(ingress(scene).await?.security_group_rule_id.map(|id| vec![id])).send().await?;
    Ok(())
}

async fn described(scene: &Scene<'_>) -> anyhow::Result<()> {
    let id = ingress(scene).await?.security_group_rule_id.context("no id")?;
    let text =
        SecurityGroupRuleDescription::builder().security_group_rule_id(&id).description("Another reason").build();
    let call = scene.aws.ec2.update_security_group_rule_descriptions_ingress().group_id(group(scene));
    call.security_group_rule_descriptions(text).send().await?;
    scene.aws.untag(&id, &["Compliance"]).await
}

async fn endpoint(scene: &Scene<'_>) -> anyhow::Result<()> {
    let call = scene.aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(&scene.id);
    let call = call.add_security_group_ids(scene.id_of("ec2/security-group/alb")?);
    let call = call.remove_security_group_ids(scene.id_of("ec2/security-group/vpc-endpoints")?);
    call.remove_subnet_ids(scene.id_of("ec2/subnet/private-us-east-1a")?).send().await?;
    Ok(())
}

async fn gateway_endpoint(scene: &Scene<'_>) -> anyhow::Result<()> {
    let read = scene.aws.ec2.describe_vpc_endpoints().vpc_endpoint_ids(&scene.id).send().await?;
    let mut document: Value = serde_json::from_str(read.vpc_endpoints()[0].policy_document().unwrap_or_default())?;
    broken(&mut document);
    let call = scene.aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(&scene.id).policy_document(document.to_string());
    let call = call.remove_route_table_ids(scene.id_of(PRIVATE_A)?);
    call.add_route_table_ids(scene.id_of(DATABASE)?).send().await?;
    Ok(())
}
