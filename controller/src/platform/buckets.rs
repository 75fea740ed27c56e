//! What all buckets of a platform have in common.

use payment_platform_engine::{NodeId, Ref, Resource};

use super::Build;
use crate::aws::kms::Key;
use crate::aws::policy::{PolicyDocument, Statement};
use crate::aws::s3::{Bucket, BucketPolicy, Lifecycle};

/// A bucket before it has a name and tags.
pub struct Plain<'a> {
    /// What it is for: a part of its name.
    pub purpose: &'a str,
    pub component: &'static str,
    /// None: by S3's own keys.
    pub key: Option<Ref<Key>>,
    pub lifecycle: Lifecycle,
    /// Where the record of who reads it goes, and the policy that lets it go there.
    pub access_logs: Option<&'a LogTarget>,
}

/// A bucket that receives access logs.
pub struct LogTarget {
    pub bucket: Ref<Bucket>,
    pub policy: NodeId,
}

/// A bucket with its policy.
pub struct Made {
    pub bucket: Ref<Bucket>,
    pub policy: Ref<BucketPolicy>,
}

/// Adds a bucket and its policy with these statements besides what every bucket's policy says.
pub fn add(build: &mut Build<'_>, plain: Plain<'_>, statements: Vec<(&str, Statement)>) -> Made {
    let (component, purpose) = (plain.component, plain.purpose);
    let bucket = bucket(build, plain);
    let policy = policy(build, purpose, statements);
    let policy = BucketPolicy { bucket: bucket.clone(), policy, reader: None };
    let policy = build.graph.add(component, &build.region, purpose, policy);
    Made { bucket, policy }
}

/// A policy that lets in nobody without TLS (PCI DSS 4.2.1).
pub fn policy<'a>(
    build: &Build<'_>,
    purpose: &str,
    statements: impl IntoIterator<Item = (&'a str, Statement)>,
) -> PolicyDocument {
    let mut insecure = Statement::on(&["s3:*"], arns(build, purpose)).when("Bool", "aws:SecureTransport", "false");
    insecure.effect = "Deny".to_owned();
    insecure.principals.insert("*".to_owned());
    PolicyDocument::of(statements.into_iter().chain([("DenyInsecureTransport", insecure)]))
}

/// The bucket and what is in it.
pub fn arns(build: &Build<'_>, purpose: &str) -> [String; 2] {
    let arn = crate::aws::s3::arn(&Bucket::name(purpose, build.env(), &build.platform.account_id));
    [arn.clone(), format!("{arn}/*")]
}

/// Adds a bucket, which still needs its policy.
pub fn bucket(build: &mut Build<'_>, plain: Plain<'_>) -> Ref<Bucket> {
    let Plain { purpose, component, key, lifecycle, access_logs } = plain;
    let name = Bucket::name(purpose, build.env(), &build.platform.account_id);
    let tags = build.tags(Bucket::KIND, purpose, &name);
    let target = access_logs.map(|target| target.bucket.clone());
    let bucket = Bucket { name, key, lifecycle, access_logs: target, tags };
    let first = access_logs.map(|target| target.policy.clone());
    build.graph.add_after(component, &build.region, purpose, bucket, first)
}

/// A statement that lets a service write objects below `resource` for this account.
pub fn writes(build: &Build<'_>, service: &str, resource: String) -> Statement {
    let mut statement = Statement::on(&["s3:PutObject"], [resource]);
    statement.principals.insert(format!("Service {service}.amazonaws.com"));
    statement.when("StringEquals", "aws:SourceAccount", &build.platform.account_id)
}
