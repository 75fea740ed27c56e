//! Flow logs: every connection's addresses, ports and verdict, kept twice, in a bucket and in a log group (PCI DSS
//! 10.2.1, 10.3.3: the bucket's copy is out of reach of whoever administers the log group; 10.5.1: three months at
//! hand, which GLACIER_IR is and GLACIER is not).

use std::collections::{BTreeMap, BTreeSet};

use payment_platform_api::spec::Profile;
use payment_platform_engine::{NodeId, Ref, Region, Resource};

use super::Build;
use super::buckets::{self, LogTarget, Made, Plain, writes};
use super::encryption::Keys;
use super::logs::flow_log_group;
use crate::aws::ec2::{Destination, FlowLog, Vpc};
use crate::aws::iam::{Grant, Role, RolePolicy};
use crate::aws::logs::LogGroup;
use crate::aws::policy::{PolicyDocument, Statement};
use crate::aws::s3::{self, Bucket, Lifecycle};

pub const COMPONENT: &str = "FlowLogs";

/// The bucket's purpose, a part of its name.
pub const PURPOSE: &str = "flow-logs";

/// Seconds that one record covers: the shorter of the two that EC2 offers.
const AGGREGATION_SECONDS: i32 = 60;

/// Adds both flow logs and what they write to.
pub fn add(build: &mut Build<'_>, vpc: &Ref<Vpc>, keys: &Keys, group: &Ref<LogGroup>, access_logs: &LogTarget) {
    let Made { bucket, policy } = bucket(build, keys, access_logs);
    // The policy first: a delivery that the bucket does not admit is refused.
    flow_log(build, vpc, "s3", Destination::Bucket(bucket), Some(policy.node().clone()));
    let role = role(build);
    flow_log(build, vpc, "cloudwatch", Destination::LogGroup { group: group.clone(), role }, None);
}

fn flow_log(
    build: &mut Build<'_>,
    vpc: &Ref<Vpc>,
    node: &str,
    destination: Destination,
    after: impl IntoIterator<Item = NodeId>,
) {
    let tags = build.tags(FlowLog::KIND, node, &FlowLog::name(node, build.env()));
    let log = FlowLog { vpc: vpc.clone(), destination, aggregation_seconds: AGGREGATION_SECONDS, tags };
    build.graph.add_after(COMPONENT, &build.region, node, log, after);
}

fn bucket(build: &mut Build<'_>, keys: &Keys, access_logs: &LogTarget) -> Made {
    let account = build.platform.account_id.clone();
    let arn = s3::arn(&Bucket::name(PURPOSE, build.env(), &account));
    let source = format!("arn:aws:logs:{}:{account}:*", build.region);
    let write = writes(build, "delivery.logs", format!("{arn}/AWSLogs/{account}/*"))
        .when("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")
        .when("ArnLike", "aws:SourceArn", &source);
    let mut check = writes(build, "delivery.logs", arn).when("ArnLike", "aws:SourceArn", &source);
    check.actions = ["s3:GetBucketAcl", "s3:ListBucket"].map(str::to_owned).into();
    let at_hand = build.platform.profile == Profile::Production;
    let class = if at_hand { "GLACIER_IR" } else { "GLACIER" };
    let days = build.platform.audit_retention_days;
    let lifecycle = Lifecycle {
        transitions: BTreeMap::from([(class.to_owned(), build.platform.flow_log_archive_days)]),
        expiration_days: Some(days),
        noncurrent_days: days,
        // Moving small objects to GLACIER_IR costs more than it saves.
        moves_small_objects: !at_hand,
    };
    let plain = Plain {
        purpose: PURPOSE,
        component: COMPONENT,
        key: Some(keys.s3.clone()),
        lifecycle,
        access_logs: Some(access_logs),
    };
    // The names are those that AWS looks for, and would append statements under.
    buckets::add(build, plain, vec![("AWSLogDeliveryWrite", write), ("AWSLogDeliveryAclCheck", check)])
}

/// What the delivery to the log group may do. `DescribeLogGroups` has no resource level.
fn role(build: &mut Build<'_>) -> Ref<Role> {
    let (account, region) = (build.platform.account_id.clone(), build.region.to_string());
    let group = format!("arn:aws:logs:{region}:{account}:log-group:{}", flow_log_group(build.env()));
    let write = &["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"];
    let policy = RolePolicy::of([
        ("Write", Grant::plain(Statement::on(write, [group.clone(), format!("{group}:*")]))),
        ("FindGroup", Grant::plain(Statement::on(&["logs:DescribeLogGroups"], ["*".to_owned()]))),
    ]);
    // Against the confused deputy: only flow logs of this account and region may have it assumed.
    let trust = Statement::trust("vpc-flow-logs").when("StringEquals", "aws:SourceAccount", &account).when(
        "ArnLike",
        "aws:SourceArn",
        format!("arn:aws:ec2:{region}:{account}:vpc-flow-log/*"),
    );
    let node = PURPOSE;
    let name = Role::name(node, build.env());
    let role = Role {
        tags: build.tags_in(&Region::global(), Role::KIND, node, &name),
        name,
        trust: PolicyDocument::of([("FlowLogs", trust)]),
        inline: BTreeMap::from([("flow-logs".to_owned(), policy)]),
        attached: BTreeSet::new(),
    };
    build.graph.add(COMPONENT, &Region::global(), node, role)
}
