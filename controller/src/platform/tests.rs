use std::collections::BTreeSet;

use payment_platform_api::spec::{
    Compute, Database, Engine, Ingress, NatGateways, Network, PaymentPlatformSpec, Profile, SecurityGroups, TaskEgress,
};
use payment_platform_api::{Facts, Platform};
use payment_platform_engine::Owner;

use super::{COMPONENTS, canonical, desired};
use crate::aws::KINDS;
use crate::aws::logs::{PATTERN, PREFIXES};

fn facts() -> Facts {
    Facts {
        account_id: "123456789012".into(),
        principal_arn: "arn:aws:iam::123456789012:role/controller".into(),
        zones: ["a", "b", "c"].map(|zone| format!("us-east-1{zone}")).into(),
        s3_prefix_list: Some("pl-11111111".into()),
        ..Facts::default()
    }
}

fn owner() -> Owner {
    Owner { name: "payments/prd".into(), uid: "11111111-2222-3333-4444-555555555555".into() }
}

/// Every shape of a platform that a spec can ask for.
fn shapes() -> Vec<PaymentPlatformSpec> {
    let mut shapes = Vec::new();
    let certificate_arn = Some("arn:aws:acm:us-east-1:123456789012:certificate/a".to_owned());
    shapes.push(PaymentPlatformSpec {
        environment: "prd".into(),
        database: Some(Database { engine: Engine::Mysql, ..Database::default() }),
        ingress: Some(Ingress { certificate_arn, ..Ingress::default() }),
        ..PaymentPlatformSpec::default()
    });
    let image = Some("123456789012.dkr.ecr.us-east-1.amazonaws.com/payments:1".to_owned());
    let task_egress = Some(TaskEgress::EndpointsOnly);
    shapes.push(PaymentPlatformSpec {
        environment: "prd".into(),
        compute: Some(Compute { image, ..Compute::default() }),
        security_groups: Some(SecurityGroups { task_egress, ..SecurityGroups::default() }),
        ..PaymentPlatformSpec::default()
    });
    for profile in [Profile::Production, Profile::Ephemeral] {
        for zones in [2, 3] {
            for nat_gateways in [NatGateways::PerZone, NatGateways::Single] {
                if profile == Profile::Production && nat_gateways == NatGateways::Single {
                    continue;
                }
                let network = Network {
                    availability_zones: Some(facts().zones[..zones].to_vec()),
                    nat_gateways: Some(nat_gateways),
                    ..Network::default()
                };
                shapes.push(PaymentPlatformSpec {
                    environment: "prd".into(),
                    profile,
                    network: Some(network),
                    ..PaymentPlatformSpec::default()
                });
            }
        }
    }
    shapes
}

#[test]
fn every_shape_builds_from_known_kinds_and_components() {
    for spec in shapes() {
        let platform = Platform::resolve(&spec, &facts()).unwrap();
        let graph = desired(&platform, &owner());
        assert!(graph.len() >= 30, "{}", graph.len());
        for node in graph.nodes() {
            assert!(COMPONENTS.contains(&node.component), "{}", node.id);
            let kind = KINDS.iter().find(|kind| kind.name == node.id.kind).expect("every kind is in the table");
            let at_home = node.id.region.as_str() == platform.region;
            assert!(kind.places.include(&node.id.region, at_home), "nobody would look for {}", node.id);
        }
    }
}

#[test]
fn the_database_tier_has_no_route() {
    let platform = Platform::resolve(&shapes()[0], &facts()).unwrap();
    let graph = desired(&platform, &owner());
    let table = graph.nodes().iter().find(|node| node.id.to_string() == "us-east-1/ec2/route-table/database").unwrap();
    let resource = table.resource.json();
    assert_eq!(resource["routes"], serde_json::json!({}));
    assert_eq!(resource["subnets"].as_array().unwrap().len(), 2);
}

#[test]
fn no_name_is_longer_than_aws_takes_for_the_longest_environment() {
    let longest = |spec: PaymentPlatformSpec| PaymentPlatformSpec { environment: "a2345678901234567".into(), ..spec };
    let graphs = shapes().into_iter().map(|spec| Platform::resolve(&longest(spec), &facts()).unwrap());
    let graphs: Vec<_> = graphs.map(|platform| desired(&platform, &owner())).collect();
    let kinds: BTreeSet<&str> =
        graphs.iter().flat_map(|graph| graph.nodes()).map(|node| node.id.kind.as_str()).collect();
    assert!(kinds.contains("rds/cluster") && kinds.contains("rds/mysql-instance"), "{kinds:?}");
    for node in graphs.iter().flat_map(|graph| graph.nodes()) {
        let resource = node.resource.json();
        let text = |field: &str| resource[field].as_str().unwrap_or_default().len();
        // API references of each service.
        let longest = match node.id.kind.as_str() {
            "elbv2/load-balancer" | "elbv2/target-group" => 32,
            "logs/delivery-source" | "logs/delivery-destination" => 60,
            "iam/role" | "cloudfront/origin-access-control" => 64,
            "s3/bucket" => 63,
            "wafv2/web-acl" | "cloudfront/response-headers-policy" => 128,
            _ => 255,
        };
        assert!(text("name") <= longest && text("identifier") <= 63 && text("family") <= 255, "{}", node.id);
        assert!(text("group_name") <= 255 && text("description") <= 255 && text("name") <= 256, "{}", node.id);
        for (key, value) in resource["tags"]["own"].as_object().into_iter().flatten() {
            assert!(key.len() <= 128 && value.as_str().unwrap().len() <= 256, "{} {key}", node.id);
        }
    }
}

#[test]
fn what_is_switched_off_leaves_no_rule_and_no_statement_behind() {
    let spec = shapes().into_iter().find(|spec| spec.profile == Profile::Ephemeral).unwrap();
    let graph = desired(&Platform::resolve(&spec, &facts()).unwrap(), &owner()).json().to_string();
    for word in ["rotation", "cloudtrail", "backup.amazonaws.com"] {
        let in_rotation_days = word == "rotation" && !graph.contains("security-group/rotation");
        assert!(in_rotation_days || !graph.contains(word), "{word}");
    }
}

#[test]
fn a_look_covers_the_name_of_every_log_group() {
    for spec in shapes() {
        let graph = desired(&Platform::resolve(&spec, &facts()).unwrap(), &owner());
        for node in graph.nodes().iter().filter(|node| node.id.kind == "logs/log-group") {
            assert!(PREFIXES.iter().any(|prefix| node.id.name.starts_with(prefix)), "{}", node.id);
            assert!(node.id.name.contains(PATTERN), "{}", node.id);
        }
    }
}

#[test]
fn ranges_are_written_as_ec2_writes_them() {
    assert_eq!(canonical("2001:DB8:0::/32"), "2001:db8::/32");
    assert_eq!(canonical("0::/0"), "::/0");
    assert_eq!(canonical("10.0.0.0/8"), "10.0.0.0/8");
    assert_eq!(canonical("sg-0123456789abcdef0"), "sg-0123456789abcdef0");
}

fn resources(spec: PaymentPlatformSpec, kind: &str) -> Vec<(String, String)> {
    let graph = desired(&Platform::resolve(&spec, &facts()).unwrap(), &owner());
    let nodes = graph.nodes().iter().filter(|node| node.id.kind == kind);
    nodes.map(|node| (node.id.name.clone(), node.resource.json().to_string())).collect()
}

#[test]
fn an_application_with_a_login_of_its_own_may_not_read_the_master_login() {
    let of = |given: &[&str]| {
        let environment = given.iter().map(|name| ((*name).to_owned(), "own".to_owned())).collect();
        let compute = Compute { environment, ..Compute::default() };
        let spec =
            PaymentPlatformSpec { environment: "prd".into(), compute: Some(compute), ..PaymentPlatformSpec::default() };
        let roles = resources(spec, "iam/role");
        let (_, role) = roles.into_iter().find(|(name, _)| name == "ecs-execution").expect("a role");
        role.contains("secretsmanager:GetSecretValue")
    };
    assert!(of(&[]) && of(&["DATABASE_USERNAME"]));
    assert!(!of(&["DATABASE_USERNAME", "DATABASE_PASSWORD"]));
}

/// A Deny on uploads without an encryption header would refuse those that rely on the default encryption.
#[test]
fn a_bucket_policy_denies_what_comes_without_tls_and_nothing_else() {
    for spec in shapes() {
        for (name, policy) in resources(spec, "s3/bucket-policy") {
            let denials = policy.matches("\"Deny\"").count();
            assert!(denials == 1 && policy.contains("aws:SecureTransport"), "{name}: {policy}");
            assert!(!policy.contains("x-amz-server-side-encryption"), "{name}: {policy}");
        }
    }
}
