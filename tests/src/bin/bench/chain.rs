//! The longest chain of calls of a creation: each needs the answer of the one before, or what it has made. Which node needs
//! which is read from the platform's graph (`graph -o json`).

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use payment_platform_tests::controller;
use payment_platform_tests::emulator::Call;
use serde_json::{Value, json};

/// How soon what AWS works on is looked at.
const FIRST_POLL: Duration = Duration::from_millis(250);

/// How a node of a kind is made: calls of which each needs the one before. Where AWS works on it then, the last is the look
/// that finds it done.
struct Made {
    kind: &'static str,
    calls: &'static [&'static str],
    waits: bool,
}

const fn made(kind: &'static str, calls: &'static [&'static str]) -> Made {
    Made { kind, calls, waits: false }
}

const fn waits(kind: &'static str, calls: &'static [&'static str]) -> Made {
    Made { kind, calls, waits: true }
}

/// Before the first write: whose the credentials are, where endpoints are offered, a look, the quotas.
const BEFORE: Made =
    made("nothing", &["GetCallerIdentity", "DescribeVpcEndpointServices", "ListBuckets", "GetServiceQuota"]);

const MADE: &[Made] = &[
    made("autoscaling/policies", &["PutScalingPolicy"]),
    made("autoscaling/target", &["RegisterScalableTarget"]),
    made("cloudfront/distribution", &["CreateDistributionWithTags"]),
    made("cloudfront/origin-access-control", &["CreateOriginAccessControl"]),
    made("cloudfront/response-headers-policy", &["CreateResponseHeadersPolicy"]),
    made("cloudwatch/alarm", &["PutMetricAlarm"]),
    made("cloudwatch/dashboard", &["PutDashboard"]),
    made("ec2/address", &["AllocateAddress"]),
    made("ec2/flow-log", &["CreateFlowLogs"]),
    made("ec2/internet-gateway", &["CreateInternetGateway", "AttachInternetGateway"]),
    waits("ec2/nat-gateway", &["CreateNatGateway", "DescribeNatGateways"]),
    made("ec2/network-acl", &["DescribeNetworkAcls", "CreateTags", "CreateNetworkAclEntry"]),
    made("ec2/route-table", &["CreateRouteTable", "CreateRoute", "AssociateRouteTable"]),
    made("ec2/security-group", &["CreateSecurityGroup"]),
    made("ec2/security-group-rules", &["AuthorizeSecurityGroupIngress"]),
    made("ec2/subnet", &["CreateSubnet"]),
    made("ec2/vpc", &["CreateVpc", "ModifyVpcAttribute"]),
    made("ec2/vpc-endpoint", &["CreateVpcEndpoint"]),
    made("ecs/cluster", &["CreateCluster"]),
    waits("ecs/service", &["CreateService", "DescribeServices"]),
    made("ecs/task-definition", &["RegisterTaskDefinition"]),
    made("elbv2/listeners", &["CreateListener"]),
    waits("elbv2/load-balancer", &["CreateLoadBalancer", "ModifyLoadBalancerAttributes", "DescribeLoadBalancers"]),
    made("elbv2/target-group", &["CreateTargetGroup", "ModifyTargetGroupAttributes"]),
    made("iam/role", &["CreateRole", "PutRolePolicy"]),
    made("kms/alias", &["CreateAlias"]),
    made("kms/key", &["CreateKey", "EnableKeyRotation"]),
    made("logs/delivery", &["CreateDelivery"]),
    made("logs/delivery-destination", &["PutDeliveryDestination"]),
    made("logs/delivery-source", &["PutDeliverySource"]),
    made("logs/log-group", &["CreateLogGroup", "PutRetentionPolicy"]),
    waits("rds/cluster", &["CreateDBCluster", "DescribeDBClusters"]),
    made("rds/cluster-parameter-group", &["CreateDBClusterParameterGroup", "ModifyDBClusterParameterGroup"]),
    made("rds/event-subscription", &["CreateEventSubscription"]),
    waits("rds/instance", &["CreateDBInstance", "DescribeDBInstances"]),
    made("rds/parameter-group", &["CreateDBParameterGroup"]),
    made("rds/subnet-group", &["CreateDBSubnetGroup"]),
    made("s3/bucket", &["CreateBucket", "GetBucketTagging", "PutBucketEncryption"]),
    made("s3/bucket-policy", &["GetPublicAccessBlock", "PutBucketPolicy"]),
    made("secretsmanager/attachment", &["GetSecretValue", "PutSecretValue"]),
    made("secretsmanager/secret", &["CreateSecret"]),
    made("sns/topic", &["CreateTopic"]),
    made("wafv2/web-acl", &["CreateWebACL", "PutLoggingConfiguration"]),
    made("wafv2/web-acl-association", &["AssociateWebACL"]),
];

/// A chain of calls.
#[derive(Clone, Default)]
pub struct Chain {
    pub calls: usize,
    /// How often something is waited for that AWS works on.
    pub waits: u32,
    /// What the calls take, and the waits not.
    pub seconds: f64,
    /// The nodes that it makes, by kind and name.
    pub nodes: Vec<String>,
}

impl Chain {
    /// Seconds with the waits.
    pub fn waited(&self) -> f64 {
        self.seconds + (FIRST_POLL * self.waits).as_secs_f64()
    }

    fn then(mut self, made: &Made, took: &impl Fn(&str) -> anyhow::Result<f64>) -> anyhow::Result<Self> {
        for call in made.calls {
            self.seconds += took(call)?;
        }
        self.calls += made.calls.len();
        self.waits += u32::from(made.waits);
        Ok(self)
    }
}

/// The longest chain of a creation of this spec, reckoned by what such calls took on average among `calls`.
pub fn longest(spec: &Value, calls: &[Call]) -> anyhow::Result<Chain> {
    let took = |operation: &str| {
        let own: Vec<f64> = calls.iter().filter(|call| call.operation == operation).map(|call| call.ms).collect();
        ensure!(!own.is_empty(), "no {operation} was called: the table of how things are made is wrong");
        anyhow::Ok(own.iter().sum::<f64>() / own.len() as f64 / 1000.0)
    };
    let before = Chain::default().then(&BEFORE, &took)?;
    let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
    // What is needed stands before what needs it.
    for node in nodes(spec)? {
        let name = node["node"].as_str().context("a node without a name")?;
        let needs = node["needs"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let longer = |one: &&Chain, other: &&Chain| one.waited().total_cmp(&other.waited());
        let needed = needs.map(|need| chains.get(need).with_context(|| format!("{need} stands behind {name}")));
        let longest = needed.collect::<anyhow::Result<Vec<_>>>()?.into_iter().max_by(longer).unwrap_or(&before);
        let kind = name.splitn(4, '/').skip(1).take(2).collect::<Vec<_>>().join("/");
        let made = MADE.iter().find(|made| made.kind == kind).with_context(|| format!("how is {kind} made?"))?;
        let mut chain = longest.clone().then(made, &took)?;
        chain.nodes.push(name.splitn(2, '/').last().unwrap_or(name).to_owned());
        chains.insert(name.to_owned(), chain);
    }
    let longest = chains.into_values().max_by(|one, other| one.waited().total_cmp(&other.waited()));
    longest.context("the graph is empty")
}

/// The nodes of the graph of a spec, in its order.
fn nodes(spec: &Value) -> anyhow::Result<Vec<Value>> {
    let manifest = json!({"apiVersion": "paymentplatform.io/v1alpha1", "kind": "PaymentPlatform",
        "metadata": {"name": "prd", "namespace": "default"}, "spec": spec});
    let mut process = Command::new(controller::binary()?)
        .args(["graph", "-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    process.stdin.take().context("no input")?.write_all(manifest.to_string().as_bytes())?;
    let output = process.wait_with_output()?;
    ensure!(output.status.success(), "graph fails");
    let graph: Value = serde_json::from_slice(&output.stdout)?;
    Ok(graph["nodes"].as_array().context("no nodes")?.clone())
}
