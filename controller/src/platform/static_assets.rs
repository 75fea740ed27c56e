//! Static assets: what the application shows besides its answers, in a bucket that nobody reads directly (PCI DSS 1.4.4, 3.5.1) but a
//! distribution of CloudFront, over HTTPS only (4.2.1), behind a web ACL (6.4.2), with a record of each request (10.2.1).
//!
//! The order is AWS's: the bucket, then the distribution that shows it, then the bucket's policy, which names the distribution.
//! Nothing waits until all edges know the distribution.

use std::collections::BTreeMap;

use payment_platform_engine::{Ref, Region, Resource};

use super::buckets::{self, LogTarget, Plain};
use super::encryption::Keys;
use super::{Build, HOME_OF_CLOUDFRONT, names, web_acl};
use crate::aws::cloudfront::{
    Distribution, OriginAccess, OriginAccessControl, OriginAccessIdentity, ResponseHeadersPolicy, ViewerCertificate,
};
use crate::aws::logs::{Delivery, DeliveryDestination, DeliverySource, LogGroup};
use crate::aws::policy::{Statement, root};
use crate::aws::s3::{Bucket, BucketPolicy, Lifecycle, Reader};
use crate::aws::wafv2::{AclScope, WebAcl};

pub const COMPONENT: &str = "StaticAssets";

/// Days after which S3 looks for the cheapest storage of an object.
const TIERED_AFTER_DAYS: i32 = 30;

/// Days that an earlier version of an object stays.
const NONCURRENT_DAYS: i32 = 30;

/// What others use of it.
pub struct Assets {
    pub bucket: Ref<Bucket>,
    pub distribution: Ref<Distribution>,
}

/// Adds the bucket with all that shows it.
pub fn add(build: &mut Build<'_>, keys: &Keys, access_logs: &LogTarget, log_group: Option<&Ref<LogGroup>>) -> Assets {
    let plain = Plain {
        purpose: names::STATIC,
        component: COMPONENT,
        // An identity cannot read what is encrypted under a KMS key.
        key: (!build.platform.static_assets.access_identity).then(|| keys.s3.clone()),
        lifecycle: Lifecycle {
            transitions: BTreeMap::from([("INTELLIGENT_TIERING".to_owned(), TIERED_AFTER_DAYS)]),
            expiration_days: None,
            noncurrent_days: NONCURRENT_DAYS,
            // Those under 128 KB are not watched, and would cost the same.
            moves_small_objects: false,
        },
        access_logs: Some(access_logs),
    };
    let bucket = buckets::bucket(build, plain);
    let acl = log_group.map(|log_group| {
        let waf = build.platform.static_assets.waf.clone();
        let region = Region::new(HOME_OF_CLOUDFRONT);
        web_acl::add(build, COMPONENT, &region, names::CDN, AclScope::Cloudfront, &waf, log_group)
    });
    let (distribution, reader) = distribution(build, &bucket, acl);
    policy(build, &bucket, reader);
    logs(build, &distribution, access_logs);
    Assets { bucket, distribution }
}

/// The distribution, and as what it reads the bucket.
fn distribution(
    build: &mut Build<'_>,
    bucket: &Ref<Bucket>,
    web_acl: Option<Ref<WebAcl>>,
) -> (Ref<Distribution>, Reader) {
    let (global, assets, owner) = (Region::global(), build.platform.static_assets.clone(), build.owner.clone());
    let environment = build.env().to_owned();
    let access = if assets.access_identity {
        let identity = OriginAccessIdentity { owner, environment };
        OriginAccess::Identity(build.graph.add(COMPONENT, &global, OriginAccessIdentity::NODE, identity))
    } else {
        let control = OriginAccessControl { name: OriginAccessControl::name(&environment), owner, environment };
        OriginAccess::Control(build.graph.add(COMPONENT, &global, OriginAccessControl::NODE, control))
    };
    let headers = ResponseHeadersPolicy {
        name: ResponseHeadersPolicy::name(build.env()),
        owner: build.owner.clone(),
        environment: build.env().to_owned(),
        content_security_policy: assets.content_security_policy,
    };
    let name = Distribution::name(names::CDN, build.env());
    let distribution = Distribution {
        bucket: bucket.clone(),
        bucket_region: build.region.clone(),
        access: access.clone(),
        headers: build.graph.add(COMPONENT, &global, ResponseHeadersPolicy::NODE, headers),
        web_acl,
        price_class: assets.price_class,
        default_root_object: assets.default_root_object,
        aliases: assets.aliases,
        certificate: ViewerCertificate::of(assets.certificate_arn),
        tags: build.tags_in(&global, Distribution::KIND, names::CDN, &name),
        name,
    };
    let distribution = build.graph.add(COMPONENT, &global, names::CDN, distribution);
    let reader = match access {
        OriginAccess::Control(_) => Reader::Distribution(distribution.clone()),
        OriginAccess::Identity(identity) => Reader::Identity(identity),
    };
    (distribution, reader)
}

/// The account's root and the controller, so that the bucket never becomes unmanageable; the distribution; nobody without TLS.
fn policy(build: &mut Build<'_>, bucket: &Ref<Bucket>, reader: Reader) {
    let of = |principal: String| {
        let mut statement = Statement::on(&["s3:*"], buckets::arns(build, names::STATIC));
        statement.principals.insert(principal);
        statement
    };
    let statements = [
        ("Root", of(root(&build.platform.account_id))),
        ("Controller", of(format!("AWS {}", build.platform.principal_arn))),
    ];
    let policy = BucketPolicy {
        bucket: bucket.clone(),
        policy: buckets::policy(build, names::STATIC, statements),
        reader: Some(reader),
    };
    build.graph.add(COMPONENT, &build.region, names::STATIC, policy);
}

/// Who asked for what, into the bucket of access logs.
fn logs(build: &mut Build<'_>, distribution: &Ref<Distribution>, access_logs: &LogTarget) {
    let region = Region::new(HOME_OF_CLOUDFRONT);
    let name = DeliverySource::name(names::CDN, build.env());
    let source = DeliverySource {
        distribution: distribution.clone(),
        tags: build.tags_in(&region, DeliverySource::KIND, names::CDN, &name),
        name,
    };
    let source = build.graph.add(COMPONENT, &region, names::CDN, source);
    let name = DeliveryDestination::name(names::CDN, build.env());
    let destination = DeliveryDestination {
        bucket: access_logs.bucket.clone(),
        tags: build.tags_in(&region, DeliveryDestination::KIND, names::CDN, &name),
        name,
    };
    let destination = build.graph.add(COMPONENT, &region, names::CDN, destination);
    let tags = build.tags_in(&region, Delivery::KIND, names::CDN, &Delivery::name(names::CDN, build.env()));
    let delivery = Delivery { source, destination, tags };
    build.graph.add_after(COMPONENT, &region, names::CDN, delivery, [access_logs.policy.clone()]);
}
