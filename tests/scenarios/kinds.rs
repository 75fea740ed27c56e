//! Every kind of the product as the scenarios know it: how the account shows it, how many a platform has, and with which
//! calls it is made and deleted. A new kind is one line here; a platform that has a kind without one fails.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::aws::Account;
use payment_platform_tests::emulator::Call;

pub struct Kind {
    name: &'static str,
    /// What `Account::everything` calls it; None for what is a part of another kind's thing.
    thing: Option<&'static str>,
    /// How many a platform in two zones makes, with the defaults of Production and of Ephemeral.
    made: [usize; 2],
    /// How many AWS adds by itself.
    comes_along: usize,
    /// The operation that makes one; None for what comes along.
    makes: Option<&'static str>,
    /// Further writing operations of a creation.
    settles: &'static [&'static str],
    /// Writing operations of a deletion.
    deletes: &'static [&'static str],
    /// Only where the spec asks for it.
    optional: bool,
}

const fn kind(name: &'static str, thing: &'static str, made: usize, makes: &'static str) -> Kind {
    Kind {
        name,
        thing: Some(thing),
        made: [made, made],
        comes_along: 0,
        makes: Some(makes),
        settles: &[],
        deletes: &[],
        optional: false,
    }
}

/// A part of another kind's thing: made, and counted, with that.
const fn part(name: &'static str, settles: &'static [&'static str], deletes: &'static [&'static str]) -> Kind {
    Kind { name, thing: None, made: [0, 0], comes_along: 0, makes: None, settles, deletes, optional: false }
}

impl Kind {
    const fn settles(self, settles: &'static [&'static str]) -> Self {
        Self { settles, ..self }
    }

    const fn deletes(self, deletes: &'static [&'static str]) -> Self {
        Self { deletes, ..self }
    }

    const fn optional(self) -> Self {
        Self { optional: true, made: [0, 0], ..self }
    }

    const fn comes_along(self, comes_along: usize) -> Self {
        Self { comes_along, ..self }
    }
}

pub const KINDS: &[Kind] = &[
    // The policies go with their target.
    part("autoscaling/policies", &["PutScalingPolicy"], &["DeleteScalingPolicy"]),
    kind("autoscaling/target", "scalable target", 1, "RegisterScalableTarget").deletes(&["DeregisterScalableTarget"]),
    // Disabled first.
    kind("cloudfront/distribution", "distribution", 1, "CreateDistributionWithTags")
        .deletes(&["UpdateDistribution", "DeleteDistribution"]),
    kind("cloudfront/origin-access-control", "origin access control", 1, "CreateOriginAccessControl")
        .deletes(&["DeleteOriginAccessControl"]),
    kind("cloudfront/origin-access-identity", "origin access identity", 1, "CreateCloudFrontOriginAccessIdentity")
        .deletes(&["DeleteCloudFrontOriginAccessIdentity"])
        .optional(),
    kind("cloudfront/response-headers-policy", "response headers policy", 1, "CreateResponseHeadersPolicy")
        .deletes(&["DeleteResponseHeadersPolicy"]),
    kind("cloudwatch/alarm", "alarm", 7, "PutMetricAlarm").deletes(&["DeleteAlarms"]),
    kind("cloudwatch/dashboard", "dashboard", 1, "PutDashboard").deletes(&["DeleteDashboards"]),
    kind("ec2/address", "address", 2, "AllocateAddress").deletes(&["ReleaseAddress"]),
    kind("ec2/flow-log", "flow log", 2, "CreateFlowLogs").deletes(&["DeleteFlowLogs"]),
    kind("ec2/internet-gateway", "internet gateway", 1, "CreateInternetGateway")
        .settles(&["AttachInternetGateway"])
        .deletes(&["DetachInternetGateway", "DeleteInternetGateway"]),
    kind("ec2/nat-gateway", "nat gateway", 2, "CreateNatGateway").deletes(&["DeleteNatGateway"]),
    // The VPC's own: it is tagged and its entries are set.
    Kind {
        thing: Some("network acl"),
        comes_along: 1,
        ..part("ec2/network-acl", &["CreateNetworkAclEntry", "CreateTags"], &[])
    },
    // Public, database and one per zone; the main table is there.
    kind("ec2/route-table", "route table", 4, "CreateRouteTable")
        .settles(&["AssociateRouteTable", "CreateRoute"])
        .deletes(&["DisassociateRouteTable", "DeleteRouteTable"])
        .comes_along(1),
    // The group of the rotation is Production's.
    Kind { made: [5, 4], ..kind("ec2/security-group", "security group", 5, "CreateSecurityGroup") }
        .deletes(&["DeleteSecurityGroup"])
        .comes_along(1),
    // What AWS puts into every group by itself goes; what refers to one another goes before the groups.
    part(
        "ec2/security-group-rules",
        &[
            "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress",
            "RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
        ],
        &["RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress"],
    ),
    kind("ec2/subnet", "subnet", 6, "CreateSubnet").deletes(&["DeleteSubnet"]),
    kind("ec2/vpc", "vpc", 1, "CreateVpc").settles(&["ModifyVpcAttribute"]).deletes(&["DeleteVpc"]),
    kind("ec2/vpc-endpoint", "endpoint", 7, "CreateVpcEndpoint").deletes(&["DeleteVpcEndpoints"]),
    kind("ecs/cluster", "ECS cluster", 1, "CreateCluster").deletes(&["DeleteCluster"]),
    kind("ecs/service", "service", 1, "CreateService").deletes(&["DeleteService"]),
    kind("ecs/task-definition", "task definition", 1, "RegisterTaskDefinition").deletes(&["DeregisterTaskDefinition"]),
    part("elbv2/listeners", &["CreateListener", "ModifyListenerAttributes"], &["DeleteListener"]),
    kind("elbv2/load-balancer", "load balancer", 1, "CreateLoadBalancer")
        .settles(&["ModifyLoadBalancerAttributes"])
        .deletes(&["DeleteLoadBalancer"]),
    kind("elbv2/target-group", "target group", 1, "CreateTargetGroup")
        .settles(&["ModifyTargetGroupAttributes"])
        .deletes(&["DeleteTargetGroup"]),
    kind("iam/role", "role", 4, "CreateRole").settles(&["AttachRolePolicy", "PutRolePolicy"]).deletes(&[
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "DeleteRole",
    ]),
    kind("kms/alias", "alias", 3, "CreateAlias").deletes(&["DeleteAlias"]),
    kind("kms/key", "key", 3, "CreateKey").settles(&["EnableKeyRotation"]).deletes(&["ScheduleKeyDeletion"]),
    kind("logs/delivery", "delivery", 1, "CreateDelivery").deletes(&["DeleteDelivery"]),
    kind("logs/delivery-destination", "delivery destination", 1, "PutDeliveryDestination")
        .deletes(&["DeleteDeliveryDestination"]),
    kind("logs/delivery-source", "delivery source", 1, "PutDeliverySource").deletes(&["DeleteDeliverySource"]),
    // That of the web ACL of the distribution is Production's.
    Kind { made: [6, 5], ..kind("logs/log-group", "log group", 6, "CreateLogGroup") }
        .settles(&["PutRetentionPolicy"])
        .deletes(&["DeleteLogGroup"]),
    // An ephemeral one is not protected.
    kind("rds/cluster", "cluster", 1, "CreateDBCluster").deletes(&["DeleteDBCluster"]),
    kind("rds/cluster-parameter-group", "cluster parameter group", 1, "CreateDBClusterParameterGroup")
        .settles(&["ModifyDBClusterParameterGroup"])
        .deletes(&["DeleteDBClusterParameterGroup"]),
    kind("rds/event-subscription", "event subscription", 4, "CreateEventSubscription")
        .deletes(&["DeleteEventSubscription"]),
    kind("rds/instance", "instance", 2, "CreateDBInstance").deletes(&["DeleteDBInstance"]),
    kind("rds/mysql-instance", "instance", 1, "CreateDBInstance").deletes(&["DeleteDBInstance"]).optional(),
    kind("rds/option-group", "option group", 1, "CreateOptionGroup")
        .settles(&["ModifyOptionGroup"])
        .deletes(&["DeleteOptionGroup"])
        .optional(),
    kind("rds/parameter-group", "parameter group", 1, "CreateDBParameterGroup")
        .settles(&["ModifyDBParameterGroup"])
        .deletes(&["DeleteDBParameterGroup"]),
    kind("rds/subnet-group", "subnet group", 1, "CreateDBSubnetGroup").deletes(&["DeleteDBSubnetGroup"]),
    // Access logs may have been delivered before a bucket is deleted.
    kind("s3/bucket", "bucket", 3, "CreateBucket")
        .settles(&["PutBucketEncryption", "PutBucketLifecycleConfiguration", "PutBucketLogging", "PutBucketVersioning"])
        .deletes(&["DeleteObjects", "DeleteBucket"]),
    part("s3/bucket-policy", &["PutBucketPolicy"], &["DeleteBucketPolicy"]),
    // The host is written into the secret when it is known, and that this was done is a tag.
    part("secretsmanager/attachment", &["PutSecretValue", "TagResource"], &["UntagResource"]),
    kind("secretsmanager/secret", "secret", 1, "CreateSecret").deletes(&["DeleteSecret"]),
    kind("sns/topic", "topic", 1, "CreateTopic").deletes(&["DeleteTopic"]),
    // The one of the distribution is Production's.
    Kind { made: [2, 1], ..kind("wafv2/web-acl", "web ACL", 2, "CreateWebACL") }
        .settles(&["PutLoggingConfiguration"])
        .deletes(&["DeleteWebACL"]),
    part("wafv2/web-acl-association", &["AssociateWebACL"], &["DisassociateWebACL"]),
];

/// The kinds of a platform whose spec asks for nothing special.
fn always() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| !kind.optional)
}

/// The kinds that only a platform has whose spec asks for them.
pub fn optional() -> BTreeSet<&'static str> {
    KINDS.iter().filter(|kind| kind.optional).map(|kind| kind.name).collect()
}

/// What making a database of MySQL needs besides, and deleting it.
pub const MYSQL: [&[&str]; 2] = [&["CreateOptionGroup", "ModifyOptionGroup"], &["DeleteOptionGroup"]];

/// All operations that making a platform needs: nothing is deleted but what AWS put there by itself.
pub fn creation() -> Vec<&'static str> {
    always().flat_map(|kind| kind.makes.into_iter().chain(kind.settles.iter().copied())).collect()
}

/// The operations that complete what a creation has begun, each once.
pub fn settling() -> Vec<&'static str> {
    let mut all: Vec<&str> = always().flat_map(|kind| kind.settles.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// All operations that taking a platform away needs: nothing is made or opened on the way.
pub fn deletion() -> Vec<&'static str> {
    always().flat_map(|kind| kind.deletes.iter().copied()).collect()
}

/// All operations of a creation and a deletion, and some more.
pub fn whole_life(more: &[&'static str]) -> Vec<&'static str> {
    [&creation()[..], &deletion(), &TAGGING, more].concat()
}

/// What sets tags, one operation or more for each service.
pub const TAGGING: [&str; 6] =
    ["AddTags", "AddTagsToResource", "CreateTags", "PutBucketTagging", "TagResource", "TagRole"];

/// The operations but some of them.
pub fn without(operations: &[&'static str], some: &[&str]) -> Vec<&'static str> {
    operations.iter().copied().filter(|operation| !some.contains(operation)).collect()
}

/// How often a production platform in two zones calls what makes something.
pub fn made() -> impl Iterator<Item = (&'static str, usize)> {
    always().filter_map(|kind| Some((kind.makes?, kind.made[0])))
}

/// What makes something that has no tags, or gets them by another call: an alias is its key's, CloudFront tags
/// distributions alone.
const UNTAGGED: [&str; 4] =
    ["CreateAlias", "CreateCloudFrontOriginAccessIdentity", "CreateOriginAccessControl", "CreateResponseHeadersPolicy"];

/// What the log shows no bodies of, or no parameters.
const UNSHOWN: [&str; 3] = ["CreateBucket", "CreateDistributionWithTags", "CreateSecret"];

/// Fails unless whatever was made said whose it is in the call that made it: there is no moment in which it is nobody's.
pub fn tagged_when_made(writes: &[Call]) -> anyhow::Result<()> {
    for operation in KINDS.iter().filter_map(|kind| kind.makes) {
        if UNTAGGED.contains(&operation) || UNSHOWN.contains(&operation) {
            continue;
        }
        let bare =
            |call: &&Call| call.operation == operation && !call.params.to_string().contains("paymentplatform.io/owner");
        let found = writes.iter().find(bare);
        ensure!(found.is_none(), "it does not say whose it is: {found:?}");
    }
    Ok(())
}

/// Fails unless a request that is made again has the token that it had, and no two different ones share a token. How many
/// tokens there are.
pub fn tokens_tell_apart(writes: &[Call]) -> anyhow::Result<usize> {
    let (mut by_token, mut by_request) = (BTreeMap::new(), BTreeMap::new());
    for call in writes {
        let params = call.params.as_object().cloned().unwrap_or_default();
        let is_token = |name: &str| name.eq_ignore_ascii_case("clientToken");
        let Some(token) = params.iter().find(|(name, _)| is_token(name)).map(|(_, token)| token.to_string()) else {
            continue;
        };
        let rest: Vec<_> = params.into_iter().filter(|(name, _)| !is_token(name)).collect();
        let request = format!("{} {rest:?}", call.operation);
        let earlier = by_token.insert(token.clone(), request.clone());
        ensure!(earlier.is_none_or(|earlier| earlier == request), "one token for two: {token} {request}");
        let earlier = by_request.insert(request, token.clone());
        ensure!(earlier.is_none_or(|earlier| earlier == token), "another token for the same: {call:?}");
    }
    Ok(by_token.len())
}

/// How many of these things an ephemeral platform has with MySQL, where that is not as many as with Aurora.
pub const WITH_MYSQL: [(&str, usize); 6] = [
    ("cluster", 0),
    ("cluster parameter group", 0),
    ("event subscription", 3),
    ("instance", 1),
    ("log group", 7),
    ("option group", 1),
];

/// Fails unless the account has, beyond what was there before, exactly the things of one ephemeral platform.
pub async fn once_each(aws: &Account, before: &[String]) -> anyhow::Result<()> {
    exactly(aws, before, &[]).await
}

/// The same of one with this engine.
pub async fn once_each_with(engine: &str, aws: &Account, before: &[String]) -> anyhow::Result<()> {
    exactly(aws, before, if engine == "mysql" { &WITH_MYSQL } else { &[] }).await
}

/// The same of one with Aurora, and another number of these things.
pub async fn once_each_but(aws: &Account, before: &[String], instead: &[(&'static str, usize)]) -> anyhow::Result<()> {
    exactly(aws, before, instead).await
}

async fn exactly(aws: &Account, before: &[String], instead: &[(&'static str, usize)]) -> anyhow::Result<()> {
    let now = aws.everything().await?;
    let new: Vec<&String> = now.iter().filter(|one| !before.contains(one)).collect();
    let things = always().filter_map(|kind| Some((kind.thing?, kind.made[1] + kind.comes_along)));
    let things = things.filter(|(thing, _)| !instead.iter().any(|(other, _)| other == thing));
    let things: Vec<(&str, usize)> = things.chain(instead.iter().copied()).collect();
    for (thing, number) in &things {
        let of_it = |one: &&&String| one.rsplit_once(' ').is_some_and(|(own, _)| own == *thing);
        let count = new.iter().filter(of_it).count();
        ensure!(count == *number, "{count} of {thing} instead of {number}: {new:?}");
    }
    let other = new
        .iter()
        .find(|one| !things.iter().any(|(thing, _)| one.rsplit_once(' ').is_some_and(|(own, _)| own == *thing)));
    ensure!(other.is_none(), "of a kind that no line of the table has: {other:?}");
    Ok(())
}

/// Fails if the platform has a kind that the table does not know, or the table one that no platform has.
pub fn all_known(status: &PaymentPlatformStatus) -> anyhow::Result<()> {
    // The kind stands between the region and the name.
    let of = |node: &str| node.splitn(4, '/').skip(1).take(2).collect::<Vec<_>>().join("/");
    let found: BTreeSet<String> = status.inventory.iter().map(|entry| of(&entry.node)).collect();
    let known: BTreeSet<String> = always().map(|kind| kind.name.to_owned()).collect();
    ensure!(found == known, "tests/scenarios/kinds.rs and the platform differ: {found:?} and {known:?}");
    // Those that only some platforms have are in the reference, which is generated from the product.
    let reference = std::fs::read_to_string(payment_platform_tests::root().join("docs/resources.md"))?;
    let headings = reference.lines().filter_map(|line| line.strip_prefix("## "));
    let all: BTreeSet<&str> = headings.filter(|heading| heading.contains('/')).collect();
    let known: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    ensure!(all == known, "tests/scenarios/kinds.rs and docs/resources.md differ: {all:?} and {known:?}");
    Ok(())
}
