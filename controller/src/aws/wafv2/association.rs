//! Association of a web ACL with the load balancer (PCI DSS 6.4.2: nothing reaches the application but through it). Looked at every
//! minute: one call takes it off, or puts another ACL in its place.
//!
//! AWS rules obeyed: a load balancer has one web ACL at the most, and another one takes its place; it can have one once it is
//! provisioned; an ACL goes after its associations.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::WebAcl;
use crate::aws::Aws;
use crate::aws::elbv2::{LoadBalancer, is_ours, tagged};
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, claim};

/// What stands in front of the load balancer. Its node has the name of the load balancer's node.
#[derive(Clone, Serialize)]
pub struct WebAclAssociation {
    pub load_balancer: Ref<LoadBalancer>,
    pub web_acl: Ref<WebAcl>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub load_balancer_arn: String,
    pub web_acl_arn: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// The load balancer's ARN with [`SUFFIX`]: the association must not be taken for it.
    pub id: String,
    pub load_balancer_arn: String,
}

/// What the id of an association has behind that of its load balancer.
const SUFFIX: &str = "/web-acl";

impl Output {
    fn of(load_balancer_arn: &str) -> Self {
        Self { id: format!("{load_balancer_arn}{SUFFIX}"), load_balancer_arn: load_balancer_arn.to_owned() }
    }
}

impl Resource for WebAclAssociation {
    const KIND: &'static str = "wafv2/web-acl-association";
    const ACTIONS: &'static [&'static str] = &[
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeWebACLAssociation",
        "elasticloadbalancing:SetWebACL",
        "wafv2:AssociateWebACL",
        "wafv2:DisassociateWebACL",
        "wafv2:GetWebACL",
        "wafv2:GetWebACLForResource",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["web_acl_arn"];
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::WithParent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, _seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            load_balancer_arn: up.get(&self.load_balancer)?.arn.clone(),
            web_acl_arn: up.get(&self.web_acl)?.arn.clone(),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let look = match look {
            Look::All => Look::All,
            Look::Ids(ids) => Look::Ids(ids.iter().map(|id| id.trim_end_matches(SUFFIX).to_owned()).collect()),
        };
        let ours = tagged(&aws, &look).await?.into_iter().filter_map(|(balancer, tags)| {
            let name = balancer.load_balancer_name.unwrap_or_default();
            Some((balancer.load_balancer_arn?, name, tags))
        });
        let found = stream::iter(ours).map(|(arn, name, tags)| {
            let aws = aws.clone();
            async move { read(&aws, arn, &name, &tags).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        associate(&cx.cloud, &want).await?;
        Ok(Progress::Done(Output::of(&want.load_balancer_arn)))
    }

    async fn update(
        want: Fields,
        now: Output,
        _changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        associate(&cx.cloud, &want).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.waf.disassociate_web_acl().resource_arn(cloud_id.trim_end_matches(SUFFIX));
        gone(call.send().await.during("wafv2:DisassociateWebACL"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

async fn associate(aws: &Aws, want: &Fields) -> Result<(), CloudError> {
    let call = aws.waf.associate_web_acl().web_acl_arn(&want.web_acl_arn).resource_arn(&want.load_balancer_arn);
    call.send().await.during("wafv2:AssociateWebACL")?;
    Ok(())
}

/// None: the load balancer has no web ACL, or is gone.
async fn read(
    aws: &Aws,
    arn: String,
    name: &str,
    tags: &TagMap,
) -> Result<Option<Found<WebAclAssociation>>, CloudError> {
    let answer = aws.waf.get_web_acl_for_resource().resource_arn(&arn).send().await;
    let answer = gone(answer.during("wafv2:GetWebACLForResource"))?;
    let Some(acl) = answer.and_then(|answer| answer.web_acl) else { return Ok(None) };
    Ok(Some(Found {
        claim: claim(tags).map(|mut claim| {
            claim.node.kind = WebAclAssociation::KIND.to_owned();
            claim
        }),
        name: None,
        name_fits: is_ours(tags, name),
        cloud_id: Output::of(&arn).id,
        uses: vec![arn.clone(), acl.arn.clone()],
        fields: Ok(Fields { load_balancer_arn: arn.clone(), web_acl_arn: acl.arn }),
        output: Some(Output::of(&arn)),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}
