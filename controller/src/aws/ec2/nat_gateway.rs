//! NAT gateway: the private tier's way out, and no way in (PCI DSS 1.4.2).
//!
//! AWS rules obeyed: subnet and address cannot be changed; it takes a minute or two to be available and as long to be
//! deleted, and its address is in use until then; one that failed stays as `failed` and must be deleted.

use std::sync::Arc;

use aws_sdk_ec2::types::{ConnectivityType, NatGatewayState, ResourceType};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Replace, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{Address, Subnet, change_tags, looking, part, tag_map, tagged};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// A public NAT gateway with one address.
#[derive(Clone, Serialize)]
pub struct NatGateway {
    pub subnet: Ref<Subnet>,
    pub address: Ref<Address>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub subnet_id: String,
    pub allocation_id: String,
    /// Why AWS could not make it.
    pub failure: Option<String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub nat_gateway_id: String,
}

impl NatGateway {
    /// `node` is the zone.
    pub fn name(node: &str, environment: &str) -> String {
        format!("nat-payment-{node}-{environment}")
    }
}

impl Resource for NatGateway {
    const KIND: &'static str = "ec2/nat-gateway";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateNatGateway",
        "ec2:CreateTags",
        "ec2:DeleteNatGateway",
        "ec2:DeleteTags",
        "ec2:DescribeNatGateways",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[
        ("failure", Replace::DeleteFirst),
        ("subnet_id", Replace::DeleteFirst),
        ("allocation_id", Replace::DeleteFirst),
    ];
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            subnet_id: up.get(&self.subnet)?.subnet_id.clone(),
            allocation_id: up.get(&self.address)?.allocation_id.clone(),
            failure: None,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let call = aws.ec2.describe_nat_gateways().filter(looking(&look, "nat-gateway-id"));
        let gateways = call
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .during("ec2:DescribeNatGateways")?;
        // A deleted one is still described for about an hour.
        let here = gateways.into_iter().filter(|gateway| gateway.state != Some(NatGatewayState::Deleted));
        let found = here.map(|gateway| {
            let tags = tag_map(gateway.tags.as_deref());
            let id = part(gateway.nat_gateway_id.clone(), "ec2:DescribeNatGateways")?;
            let subnet_id = gateway.subnet_id.clone().unwrap_or_default();
            let address = gateway.nat_gateway_addresses().iter().find(|address| address.is_primary != Some(false));
            let allocation_id = address.and_then(|address| address.allocation_id.clone()).unwrap_or_default();
            let (busy, failure) = match gateway.state {
                Some(NatGatewayState::Pending) => (Some("pending"), None),
                Some(NatGatewayState::Deleting) => (Some("deleting"), None),
                Some(NatGatewayState::Failed) => (None, Some(gateway.failure_message.unwrap_or("failed".to_owned()))),
                _ => (None, None),
            };
            let usable = busy.is_none() && failure.is_none();
            Ok(Found {
                claim: claim(&tags),
                name: None,
                name_fits: name_fits(&tags, Self::name),
                cloud_id: id.clone(),
                uses: vec![subnet_id.clone(), allocation_id.clone()],
                fields: Ok(Fields { subnet_id, allocation_id, failure, tags }),
                output: usable.then_some(Output { nat_gateway_id: id }),
                busy,
                unready: None,
                leaving: false,
                created: gateway.create_time.map(|time| time.secs()),
            })
        });
        found.collect()
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.ec2.create_nat_gateway().subnet_id(&want.subnet_id).allocation_id(&want.allocation_id);
        let call = call.connectivity_type(ConnectivityType::Public).client_token(&cx.token);
        let call = call.tag_specifications(tagged(ResourceType::Natgateway, &want.tags));
        let made = call.send().await.during("ec2:CreateNatGateway")?.nat_gateway;
        let available = made.as_ref().is_some_and(|gateway| gateway.state == Some(NatGatewayState::Available));
        let id = part(made.and_then(|gateway| gateway.nat_gateway_id), "ec2:CreateNatGateway")?;
        if available {
            return Ok(Progress::Done(Output { nat_gateway_id: id }));
        }
        Ok(Progress::Waiting { cloud_id: Some(id), until: "the NAT gateway is available", retry: cx.cloud.limits.poll })
    }

    async fn update(
        _want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        change_tags(&cx.cloud, &now.nat_gateway_id, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.ec2.delete_nat_gateway().nat_gateway_id(&cloud_id);
        gone(call.send().await.during("ec2:DeleteNatGateway"))?;
        let retry = cx.cloud.limits.poll;
        if Self::sweep(cx.cloud, Look::Ids(vec![cloud_id.clone()])).await?.is_empty() {
            return Ok(Progress::Done(()));
        }
        Ok(Progress::Waiting { cloud_id: Some(cloud_id), until: "the NAT gateway is deleted", retry })
    }

    fn cloud_id(output: &Output) -> &str {
        &output.nat_gateway_id
    }
}
