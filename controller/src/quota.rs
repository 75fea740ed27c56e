//! Quotas that a plan would exceed, found out before the first write: half a network is worse than none.

use payment_platform_engine::plan::{Plan, Step};
use payment_platform_engine::{CloudError, Region};

use crate::aws::Aws;
use crate::aws::error::During;

/// A limit of the account that the plan would pass.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "{name}: {needed} more are needed, {used} of {limit} are used in {region}; ask AWS for more (Service Quotas, \
     {service} {code}) or delete what is not needed"
)]
pub struct Exceeded {
    pub name: &'static str,
    pub service: &'static str,
    pub code: &'static str,
    pub region: Region,
    pub used: usize,
    pub needed: usize,
    pub limit: usize,
}

/// One quota that counts things of one kind in a region.
struct Quota {
    kind: &'static str,
    name: &'static str,
    service: &'static str,
    code: &'static str,
    /// AWS's default, for when the account's own value cannot be read.
    default: usize,
}

/// Codes and defaults are those of the Service Quotas console.
const QUOTAS: [Quota; 5] = [
    Quota { kind: "ec2/vpc", name: "VPCs per region", service: "vpc", code: "L-F678F1CE", default: 5 },
    Quota {
        kind: "ec2/internet-gateway",
        name: "Internet gateways per region",
        service: "vpc",
        code: "L-A4707A72",
        default: 5,
    },
    Quota { kind: "ec2/address", name: "Elastic IPs per region", service: "ec2", code: "L-0263D0A3", default: 5 },
    Quota {
        kind: "rds/event-subscription",
        name: "Event subscriptions",
        service: "rds",
        code: "L-A59F4C87",
        default: 20,
    },
    Quota { kind: "rds/option-group", name: "Option groups", service: "rds", code: "L-9FA33840", default: 20 },
];

/// The quotas that the plan's creations in this region would exceed.
pub async fn exceeded(aws: &Aws, plan: &Plan) -> Result<Vec<Exceeded>, CloudError> {
    let asked = QUOTAS.iter().map(|quota| async move {
        let creates = plan.steps.iter().filter(|planned| {
            planned.node.kind == quota.kind
                && planned.node.region == aws.region
                && planned.found.is_none()
                && matches!(planned.step, Step::Create | Step::After(_))
        });
        let needed = creates.count();
        if needed == 0 {
            return Ok(None);
        }
        let (used, limit) = futures::future::join(used(aws, quota.kind), limit(aws, quota)).await;
        let used = used?;
        let Quota { name, service, code, .. } = *quota;
        let exceeded = Exceeded { name, service, code, region: aws.region.clone(), used, needed, limit };
        Ok((used + needed > limit).then_some(exceeded))
    });
    Ok(futures::future::try_join_all(asked).await?.into_iter().flatten().collect())
}

/// How many there are, whoever owns them.
async fn used(aws: &Aws, kind: &str) -> Result<usize, CloudError> {
    let count = match kind {
        "ec2/vpc" => {
            let all = aws.ec2.describe_vpcs().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
            all.during("ec2:DescribeVpcs")?.len()
        }
        "ec2/internet-gateway" => {
            let all = aws.ec2.describe_internet_gateways().into_paginator().items().send();
            all.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeInternetGateways")?.len()
        }
        "rds/event-subscription" => {
            let all = aws.rds.describe_event_subscriptions().into_paginator().items().send();
            all.collect::<Result<Vec<_>, _>>().await.during("rds:DescribeEventSubscriptions")?.len()
        }
        "rds/option-group" => {
            let all = aws.rds.describe_option_groups().into_paginator().items().send();
            all.collect::<Result<Vec<_>, _>>().await.during("rds:DescribeOptionGroups")?.len()
        }
        _ => aws.ec2.describe_addresses().send().await.during("ec2:DescribeAddresses")?.addresses().len(),
    };
    Ok(count)
}

async fn limit(aws: &Aws, quota: &Quota) -> usize {
    let call = aws.quotas.get_service_quota().service_code(quota.service).quota_code(quota.code);
    match call.send().await.during("servicequotas:GetServiceQuota") {
        Ok(answer) => {
            let value = answer.quota.and_then(|quota| quota.value);
            value.map_or(quota.default, |value| value.max(0.0) as usize)
        }
        Err(error) => {
            tracing::debug!(%error, quota = quota.code, "Could not read a quota; taking AWS's default.");
            quota.default
        }
    }
}
