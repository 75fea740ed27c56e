//! Application load balancer: where requests come in (PCI DSS 1.3.1, 1.4.2: the only thing that the internet reaches; 6.4.2: what
//! the web ACL is on; 10.2.1: each request is logged).
//!
//! AWS rules obeyed: names have at most 32 characters; subnets lie in two zones at least, behind an internet gateway; access
//! logs are refused until the bucket's policy admits them, and go to a bucket with S3's own encryption only; it can be changed
//! and given listeners while it is provisioned; deletion protection must be lifted before it is deleted; its network
//! interfaces stay for a while and hold subnets and security groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::types::{
    IpAddressType, LoadBalancer as Seen, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerStateEnum,
    LoadBalancerTypeEnum,
};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Replace};
use payment_platform_engine::{
    Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Unready, Up,
};
use serde::{Deserialize, Serialize};

use super::{Attributes, change_tags, over, tag_list, tags_of};
use crate::aws::ec2::{SecurityGroup, Subnet};
use crate::aws::error::{During, gone};
use crate::aws::s3::Bucket;
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::{Aws, touches};

/// What the names of our load balancers begin with.
const PREFIX: &str = "alb-payment-";

/// The load balancer of the application.
#[derive(Clone, Serialize)]
pub struct LoadBalancer {
    pub name: String,
    pub subnets: Vec<Ref<Subnet>>,
    pub security_group: Ref<SecurityGroup>,
    /// Where it records each request.
    pub access_logs: Ref<Bucket>,
    pub deletion_protection: bool,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub scheme: String,
    pub ip_address_type: String,
    pub subnets: BTreeSet<String>,
    pub security_groups: BTreeSet<String>,
    pub attributes: Attributes,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub dns_name: String,
}

impl LoadBalancer {
    pub fn name(environment: &str) -> String {
        format!("{PREFIX}{environment}")
    }
}

impl Output {
    /// `app/{name}/{id}`: how metrics and scaling policies call it.
    pub fn full_name(&self) -> &str {
        self.arn.split_once(":loadbalancer/").map_or("", |(_, name)| name)
    }
}

const DESYNC: &str = "routing.http.desync_mitigation_mode";
const PROTECTION: &str = "deletion_protection.enabled";

/// What is wanted besides what the platform decides (User Guide, "Load balancer attributes").
const FIXED: [(&str, &str); 9] = [
    ("access_logs.s3.enabled", "true"),
    ("access_logs.s3.prefix", "alb"),
    ("idle_timeout.timeout_seconds", "60"),
    ("routing.http.drop_invalid_header_fields.enabled", "true"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    // Requests that the web ACL could not judge are not let through.
    ("waf.fail_open.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

/// What AWS makes so by itself, and what somebody changes to read along, or to send the tasks other headers.
const USUAL: [(&str, &str); 5] = [
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.enabled", "false"),
    ("health_check_logs.s3.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
];

impl Resource for LoadBalancer {
    const KIND: &'static str = "elbv2/load-balancer";
    const ACTIONS: &'static [&'static str] = &[
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetIpAddressType",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
        "iam:CreateServiceLinkedRole",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[("scheme", Replace::DeleteFirst)];
    const CLOSE_FIRST: &'static [&'static str] = &["security_groups", "attributes"];
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let subnets: Result<_, _> = self.subnets.iter().map(|subnet| Ok(up.get(subnet)?.subnet_id.clone())).collect();
        let seen_attributes = seen.map(|seen| &seen.attributes);
        // Stricter is welcome.
        let desync = seen_attributes.and_then(|seen| seen.get(DESYNC)).filter(|mode| *mode == "strictest");
        let decided = [
            ("access_logs.s3.bucket", up.get(&self.access_logs)?.name.clone()),
            (PROTECTION, self.deletion_protection.to_string()),
            (DESYNC, desync.cloned().unwrap_or_else(|| "defensive".to_owned())),
        ];
        let fixed = FIXED.map(|(key, value)| (key, value.to_owned()));
        Ok(Fields {
            name: self.name.clone(),
            scheme: LoadBalancerSchemeEnum::InternetFacing.as_str().to_owned(),
            ip_address_type: IpAddressType::Ipv4.as_str().to_owned(),
            subnets: subnets?,
            security_groups: [up.get(&self.security_group)?.group_id.clone()].into(),
            attributes: over(decided.into_iter().chain(fixed), &USUAL, seen_attributes),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let found = stream::iter(tagged(&aws, &look).await?).map(|(balancer, tags)| {
            let aws = aws.clone();
            async move { read(&aws, balancer, tags).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "elasticloadbalancing:CreateLoadBalancer";
        let call = cx.cloud.elb.create_load_balancer().name(&want.name).r#type(LoadBalancerTypeEnum::Application);
        let call = call.scheme(LoadBalancerSchemeEnum::InternetFacing).ip_address_type(IpAddressType::Ipv4);
        let call = call.set_subnets(Some(want.subnets.iter().cloned().collect()));
        let call = call.set_security_groups(Some(want.security_groups.iter().cloned().collect()));
        let made = call.set_tags(Some(tag_list(&want.tags))).send().await.during(action)?;
        let made = made.load_balancers.and_then(|all| all.into_iter().next()?.load_balancer_arn);
        let arn = made.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no ARN"))?;
        set(&cx.cloud, &arn, want.attributes.iter()).await?;
        Ok(Progress::Waiting { cloud_id: Some(arn), until: "it is active", retry: cx.cloud.limits.poll })
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let elb = &cx.cloud.elb;
        if touches(&changes, "security_groups") {
            let call = elb.set_security_groups().load_balancer_arn(&now.arn);
            let call = call.set_security_groups(Some(want.security_groups.iter().cloned().collect()));
            call.send().await.during("elasticloadbalancing:SetSecurityGroups")?;
        }
        if touches(&changes, "ip_address_type") {
            let call = elb.set_ip_address_type().load_balancer_arn(&now.arn).ip_address_type(IpAddressType::Ipv4);
            call.send().await.during("elasticloadbalancing:SetIpAddressType")?;
        }
        if touches(&changes, "subnets") {
            let call = elb.set_subnets().load_balancer_arn(&now.arn);
            let call = call.set_subnets(Some(want.subnets.iter().cloned().collect()));
            call.send().await.during("elasticloadbalancing:SetSubnets")?;
        }
        let differing = changes.iter().filter(|change| change.field() == "attributes").filter_map(Change::element);
        let differing = differing.filter_map(|key| want.attributes.get_key_value(key));
        set(&cx.cloud, &now.arn, differing).await?;
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let aws = &cx.cloud;
        let Some(attributes) = gone(attributes(aws, &cloud_id).await)? else { return Ok(Progress::Done(())) };
        if attributes.get(PROTECTION).is_some_and(|protected| protected == "true") {
            set(aws, &cloud_id, [(&PROTECTION.to_owned(), &"false".to_owned())]).await?;
        }
        let call = aws.elb.delete_load_balancer().load_balancer_arn(cloud_id).send().await;
        gone(call.during("elasticloadbalancing:DeleteLoadBalancer"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

/// The region's load balancers with names like ours, each with its tags: read once for them and for their listeners.
pub(in crate::aws) async fn tagged(aws: &Aws, look: &Look) -> Result<Vec<(Seen, TagMap)>, CloudError> {
    match look {
        Look::All => Ok(aws.load_balancers(all(aws)).await?.to_vec()),
        Look::Ids(arns) => {
            let mut found = Vec::new();
            for arn in arns {
                // One by one: one that is gone fails the call for all.
                let call = aws.elb.describe_load_balancers().load_balancer_arns(arn).send().await;
                let answer = gone(call.during("elasticloadbalancing:DescribeLoadBalancers"))?;
                found.extend(answer.and_then(|answer| answer.load_balancers).unwrap_or_default());
            }
            with_tags(aws, found).await
        }
    }
}

async fn all(aws: &Aws) -> Result<Vec<(Seen, TagMap)>, CloudError> {
    let all = aws.elb.describe_load_balancers().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let all = all.during("elasticloadbalancing:DescribeLoadBalancers")?;
    let ours = |one: &Seen| one.load_balancer_name().is_some_and(|name| name.starts_with(PREFIX));
    with_tags(aws, all.into_iter().filter(ours).collect()).await
}

async fn with_tags(aws: &Aws, balancers: Vec<Seen>) -> Result<Vec<(Seen, TagMap)>, CloudError> {
    let arns: Vec<String> = balancers.iter().filter_map(|one| one.load_balancer_arn.clone()).collect();
    let mut tags = tags_of(aws, &arns).await?;
    let tagged = balancers.into_iter().filter_map(|one| {
        let tags = tags.remove(one.load_balancer_arn()?)?;
        Some((one, tags))
    });
    Ok(tagged.collect())
}

async fn attributes(aws: &Aws, arn: &str) -> Result<Attributes, CloudError> {
    let call = aws.elb.describe_load_balancer_attributes().load_balancer_arn(arn).send().await;
    let answer = call.during("elasticloadbalancing:DescribeLoadBalancerAttributes")?;
    let pairs = answer.attributes.unwrap_or_default().into_iter();
    Ok(pairs.filter_map(|one| Some((one.key?, one.value.unwrap_or_default()))).collect())
}

async fn set<'a>(
    aws: &Aws,
    arn: &str,
    attributes: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), CloudError> {
    let one = |(key, value): (&String, &String)| LoadBalancerAttribute::builder().key(key).value(value).build();
    let attributes: Vec<_> = attributes.into_iter().map(one).collect();
    if !attributes.is_empty() {
        let call = aws.elb.modify_load_balancer_attributes().load_balancer_arn(arn).set_attributes(Some(attributes));
        call.send().await.during("elasticloadbalancing:ModifyLoadBalancerAttributes")?;
    }
    Ok(())
}

/// Whether the load balancer of this name is the one of a node with these tags.
pub(in crate::aws) fn is_ours(tags: &TagMap, name: &str) -> bool {
    let environment = tags.get("Environment").map_or("", String::as_str);
    claim(tags).is_some() && LoadBalancer::name(environment) == name
}

/// None: it is gone.
async fn read(aws: &Aws, balancer: Seen, tags: TagMap) -> Result<Option<Found<LoadBalancer>>, CloudError> {
    let (arn, name) = (
        balancer.load_balancer_arn.clone().unwrap_or_default(),
        balancer.load_balancer_name.clone().unwrap_or_default(),
    );
    let attributes = match attributes(aws, &arn).await {
        Ok(attributes) => Ok(attributes),
        Err(error) if error.class == Class::NotFound => return Ok(None),
        Err(error) => Err(error),
    };
    let state = balancer.state().and_then(|state| state.code());
    let broken = (state == Some(&LoadBalancerStateEnum::Failed)).then(|| {
        let reason = balancer.state().and_then(|state| state.reason()).unwrap_or("no reason given");
        CloudError::new(Class::Invalid, "elasticloadbalancing:DescribeLoadBalancers", "failed", reason)
    });
    let subnets: BTreeSet<String> =
        balancer.availability_zones().iter().filter_map(|zone| zone.subnet_id.clone()).collect();
    let security_groups: BTreeSet<String> = balancer.security_groups().iter().cloned().collect();
    let bucket = attributes.iter().filter_map(|all| all.get("access_logs.s3.bucket").cloned());
    let uses = subnets.iter().chain(&security_groups).cloned().chain(balancer.vpc_id.clone()).chain(bucket).collect();
    Ok(Some(Found {
        claim: claim(&tags),
        name_fits: is_ours(&tags, &name),
        name: Some(name.clone()),
        cloud_id: arn.clone(),
        uses,
        fields: attributes.map(|attributes| Fields {
            name,
            scheme: balancer.scheme().map_or("", LoadBalancerSchemeEnum::as_str).to_owned(),
            ip_address_type: balancer.ip_address_type().map_or("", IpAddressType::as_str).to_owned(),
            subnets,
            security_groups,
            attributes,
            tags,
        }),
        output: Some(Output { arn, dns_name: balancer.dns_name.unwrap_or_default() }),
        busy: None,
        unready: match (broken, balancer.state.and_then(|state| state.code)) {
            (Some(error), _) => Some(Unready::Failed(error)),
            (None, Some(LoadBalancerStateEnum::Provisioning)) => Some(Unready::Until("it is active".to_owned())),
            _ => None,
        },
        leaving: false,
        created: balancer.created_time.map(|time| time.secs()),
    }))
}
