//! Internet gateway: the one way between the VPC and the internet; only the public tier routes to it (PCI DSS 1.4.1).
//!
//! AWS rules obeyed: it is made first and attached then; it cannot be detached while addresses of the VPC are mapped
//! through it.

use std::sync::Arc;

use aws_sdk_ec2::types::ResourceType;
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{Vpc, change_tags, filter, looking, once, part, tag_map, tagged, touches};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// An internet gateway attached to a VPC.
#[derive(Clone, Serialize)]
pub struct InternetGateway {
    pub vpc: Ref<Vpc>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub attached_to: Option<String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub internet_gateway_id: String,
}

impl InternetGateway {
    pub fn name(_node: &str, environment: &str) -> String {
        format!("igw-payment-{environment}")
    }
}

impl Resource for InternetGateway {
    const KIND: &'static str = "ec2/internet-gateway";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AttachInternetGateway",
        "ec2:CreateInternetGateway",
        "ec2:CreateTags",
        "ec2:DeleteInternetGateway",
        "ec2:DeleteTags",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DetachInternetGateway",
    ];
    const CREATE: Create = Create::MakesTwins;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            attached_to: Some(up.get(&self.vpc)?.vpc_id.clone()),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let filter = looking(&look, "internet-gateway-id");
        let call = aws.ec2.describe_internet_gateways().filters(filter).into_paginator().items().send();
        let gateways = call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeInternetGateways")?;
        let found = gateways.into_iter().map(|gateway| {
            let tags = tag_map(gateway.tags.as_deref());
            let attached_to = gateway.attachments().iter().find_map(|attachment| attachment.vpc_id.clone());
            let id = part(gateway.internet_gateway_id, "ec2:DescribeInternetGateways")?;
            Ok(Found {
                claim: claim(&tags),
                name: None,
                name_fits: name_fits(&tags, Self::name),
                cloud_id: id.clone(),
                uses: attached_to.iter().cloned().collect(),
                fields: Ok(Fields { attached_to, tags }),
                output: Some(Output { internet_gateway_id: id }),
                busy: None,
                unready: None,
                leaving: false,
                created: None,
            })
        });
        found.collect()
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.ec2.create_internet_gateway();
        let call = call.tag_specifications(tagged(ResourceType::InternetGateway, &want.tags));
        let made = call.customize().config_override(once()).send().await.during("ec2:CreateInternetGateway")?;
        let id = made.internet_gateway.and_then(|gateway| gateway.internet_gateway_id);
        let now = Output { internet_gateway_id: part(id, "ec2:CreateInternetGateway")? };
        attach(&cx.cloud, &now, &want).await?;
        Ok(Progress::Done(now))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        if let Some(change) = changes.iter().find(|change| change.field() == "attached_to") {
            if let Some(foreign) = change.before.as_ref().and_then(|vpc| vpc.as_str()) {
                detach(&cx.cloud, &now.internet_gateway_id, foreign).await?;
            }
            attach(&cx.cloud, &now, &want).await?;
        }
        if touches(&changes, "tags") {
            change_tags(&cx.cloud, &now.internet_gateway_id, &changes).await?;
        }
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        for found in Self::sweep(cx.cloud.clone(), Look::Ids(vec![cloud_id.clone()])).await? {
            for vpc in found.uses {
                if has_public_addresses(&cx.cloud, &vpc).await? {
                    let (until, retry) = ("nothing in its VPC has a public address", cx.cloud.limits.poll);
                    return Ok(Progress::Waiting { cloud_id: Some(cloud_id), until, retry });
                }
                detach(&cx.cloud, &cloud_id, &vpc).await?;
            }
        }
        let call = cx.cloud.ec2.delete_internet_gateway().internet_gateway_id(cloud_id);
        gone(call.send().await.during("ec2:DeleteInternetGateway"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.internet_gateway_id
    }
}

/// Whether a load balancer, a NAT gateway or anything else in the VPC is reached from the internet still: EC2 refuses to
/// detach the gateway until then.
async fn has_public_addresses(aws: &Aws, vpc_id: &str) -> Result<bool, CloudError> {
    let call = aws.ec2.describe_network_interfaces().filters(filter("vpc-id", [vpc_id]));
    let interfaces = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let interfaces = interfaces.during("ec2:DescribeNetworkInterfaces")?;
    Ok(interfaces.iter().any(|one| one.association().is_some_and(|association| association.public_ip().is_some())))
}

async fn attach(aws: &Aws, now: &Output, want: &Fields) -> Result<(), CloudError> {
    let call = aws.ec2.attach_internet_gateway().internet_gateway_id(&now.internet_gateway_id);
    call.set_vpc_id(want.attached_to.clone()).send().await.during("ec2:AttachInternetGateway")?;
    Ok(())
}

async fn detach(aws: &Aws, id: &str, vpc_id: &str) -> Result<(), CloudError> {
    let call = aws.ec2.detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc_id);
    gone(call.send().await.during("ec2:DetachInternetGateway"))?;
    Ok(())
}
