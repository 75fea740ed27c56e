//! Elastic IP: the fixed address from which a zone reaches the internet, so that partners can allow it.
//!
//! AWS rules obeyed: AllocateAddress takes no token; an address cannot be released while something uses it; five a
//! region until the quota is raised.

use std::sync::Arc;

use aws_sdk_ec2::types::{DomainType, ResourceType};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{change_tags, looking, once, part, tag_map, tagged};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// An elastic IP.
#[derive(Clone, Serialize)]
pub struct Address {
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub allocation_id: String,
}

impl Address {
    /// `node` is the zone.
    pub fn name(node: &str, environment: &str) -> String {
        format!("eip-payment-{node}-{environment}")
    }
}

impl Resource for Address {
    const KIND: &'static str = "ec2/address";
    const ACTIONS: &'static [&'static str] =
        &["ec2:AllocateAddress", "ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeAddresses", "ec2:ReleaseAddress"];
    const CREATE: Create = Create::MakesTwins;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, _up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields { tags: self.tags.over(seen.map(|seen| &seen.tags)) })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let call = aws.ec2.describe_addresses().filters(looking(&look, "allocation-id"));
        let answer = call.send().await.during("ec2:DescribeAddresses")?;
        let found = answer.addresses.unwrap_or_default().into_iter().map(|address| {
            let tags = tag_map(address.tags.as_deref());
            let allocation_id = part(address.allocation_id, "ec2:DescribeAddresses")?;
            Ok(Found {
                claim: claim(&tags),
                name: None,
                name_fits: name_fits(&tags, Self::name),
                cloud_id: allocation_id.clone(),
                uses: Vec::new(),
                fields: Ok(Fields { tags }),
                output: Some(Output { allocation_id }),
                busy: None,
                unready: None,
                leaving: false,
                created: None,
            })
        });
        found.collect()
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.ec2.allocate_address().domain(DomainType::Vpc);
        let call = call.tag_specifications(tagged(ResourceType::ElasticIp, &want.tags));
        let made = call.customize().config_override(once()).send().await.during("ec2:AllocateAddress")?;
        Ok(Progress::Done(Output { allocation_id: part(made.allocation_id, "ec2:AllocateAddress")? }))
    }

    async fn update(
        _want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        change_tags(&cx.cloud, &now.allocation_id, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        gone(cx.cloud.ec2.release_address().allocation_id(cloud_id).send().await.during("ec2:ReleaseAddress"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.allocation_id
    }
}
