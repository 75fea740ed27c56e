//! VPC endpoint: the way to an AWS service that does not leave the VPC (PCI DSS 1.4.1), for this account's principals
//! only.
//!
//! Route tables, subnets and groups are whole sets; a policy that somebody opened is drift.
//!
//! AWS rules obeyed: an interface endpoint takes one subnet a zone; a second endpoint with private DNS for one service
//! is refused; a gateway endpoint's route follows from its route tables and is not a route of theirs; interface
//! endpoints take minutes to come and to go, and while they go their network interfaces hold subnets and groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ec2::types::{ResourceType, State, VpcEndpoint as Seen, VpcEndpointType};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{
    Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Replace, Resource, Tier, Up,
};
use serde::{Deserialize, Serialize};

use super::{RouteTable, SecurityGroup, Subnet, Vpc, change_tags, looking, part, tag_map, tagged, touches};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::policy::{PolicyDocument, Statement};
use crate::aws::tags::{TagMap, Tags, claim, name_fits};

/// An endpoint of one service; its node is the service's short name.
#[derive(Clone, Serialize)]
pub struct VpcEndpoint {
    pub vpc: Ref<Vpc>,
    /// For example `com.amazonaws.us-east-1.kms`.
    pub service_name: String,
    pub access: Access,
    pub policy: PolicyDocument,
    /// Statements, by their Sid, that hold for requests from the endpoint's own VPC only.
    pub from_vpc: BTreeMap<String, Statement>,
    pub tags: Tags,
}

/// How the service is reached.
#[derive(Clone, Serialize)]
pub enum Access {
    /// By a route in these tables.
    Gateway { tables: BTreeSet<Ref<RouteTable>> },
    /// By a network interface in each of these subnets, under the service's own name.
    Interface { subnets: BTreeSet<Ref<Subnet>>, groups: BTreeSet<Ref<SecurityGroup>> },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub vpc_id: String,
    pub service_name: String,
    /// Gateway or Interface.
    pub access: String,
    pub policy: PolicyDocument,
    pub route_tables: BTreeSet<String>,
    pub subnets: BTreeSet<String>,
    pub groups: BTreeSet<String>,
    pub private_dns: bool,
    /// Why AWS gave up on it. None is wanted: it is replaced then.
    pub failure: Option<String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub vpc_endpoint_id: String,
}

impl VpcEndpoint {
    /// `node` is the service's short name, with dots.
    pub fn name(node: &str, environment: &str) -> String {
        format!("vpce-{}-payment-{environment}", node.replace('.', "-"))
    }
}

impl Resource for VpcEndpoint {
    const KIND: &'static str = "ec2/vpc-endpoint";
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateTags",
        "ec2:CreateVpcEndpoint",
        "ec2:DeleteTags",
        "ec2:DeleteVpcEndpoints",
        "ec2:DescribeVpcEndpoints",
        "ec2:ModifyVpcEndpoint",
        // Private DNS is a hosted zone that AWS associates on behalf of the caller.
        "route53:AssociateVPCWithHostedZone",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[
        ("vpc_id", Replace::DeleteFirst),
        ("service_name", Replace::DeleteFirst),
        ("access", Replace::DeleteFirst),
        ("failure", Replace::DeleteFirst),
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["policy", "groups"];
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let vpc_id = up.get(&self.vpc)?.vpc_id.clone();
        let mut policy = self.policy.clone();
        policy.statements.extend(
            self.from_vpc.iter().map(|(sid, statement)| {
                (sid.clone(), statement.clone().when("StringEquals", "aws:SourceVpc", &vpc_id))
            }),
        );
        let mut fields = Fields {
            vpc_id,
            service_name: self.service_name.clone(),
            access: String::new(),
            policy,
            route_tables: BTreeSet::new(),
            subnets: BTreeSet::new(),
            groups: BTreeSet::new(),
            private_dns: false,
            failure: None,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        };
        match &self.access {
            Access::Gateway { tables } => {
                fields.access = VpcEndpointType::Gateway.as_str().to_owned();
                fields.route_tables =
                    tables.iter().map(|table| up.text(table, "rtb-", |table| &table.route_table_id)).collect();
            }
            Access::Interface { subnets, groups } => {
                fields.access = VpcEndpointType::Interface.as_str().to_owned();
                fields.subnets =
                    subnets.iter().map(|subnet| up.text(subnet, "subnet-", |subnet| &subnet.subnet_id)).collect();
                fields.groups = groups.iter().map(|group| up.text(group, "sg-", |group| &group.group_id)).collect();
                fields.private_dns = true;
            }
        }
        Ok(fields)
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let filter = looking(&look, "vpc-endpoint-id");
        let call = aws.ec2.describe_vpc_endpoints().filters(filter).into_paginator().items().send();
        let endpoints = call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeVpcEndpoints")?;
        endpoints.into_iter().filter(|endpoint| !is_gone(endpoint)).map(found).collect()
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "ec2:CreateVpcEndpoint";
        let list = |set: &BTreeSet<String>| (!set.is_empty()).then(|| set.iter().cloned().collect::<Vec<_>>());
        let interface = want.access == VpcEndpointType::Interface.as_str();
        let call = cx.cloud.ec2.create_vpc_endpoint().vpc_id(&want.vpc_id).service_name(&want.service_name);
        let call = call.vpc_endpoint_type(VpcEndpointType::from(&*want.access)).client_token(&cx.token);
        let call = call.policy_document(want.policy.to_json()).set_route_table_ids(list(&want.route_tables));
        let call = call.set_subnet_ids(list(&want.subnets)).set_security_group_ids(list(&want.groups));
        let call = call.set_private_dns_enabled(interface.then_some(want.private_dns));
        let call = call.tag_specifications(tagged(ResourceType::VpcEndpoint, &want.tags));
        let made = part(call.send().await.during(action)?.vpc_endpoint, action)?;
        let available = is_state(&made, &State::Available);
        let id = part(made.vpc_endpoint_id, action)?;
        if available {
            return Ok(Progress::Done(Output { vpc_endpoint_id: id }));
        }
        Ok(Progress::Waiting { cloud_id: Some(id), until: "the endpoint is available", retry: cx.cloud.limits.poll })
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let list = |field: &str, removed: bool| {
            let elements = changes.iter().filter(|change| change.field() == field && change.is_removal() == removed);
            let elements: Vec<String> = elements.filter_map(Change::element).map(str::to_owned).collect();
            (!elements.is_empty()).then_some(elements)
        };
        let sets = ["policy", "route_tables", "subnets", "groups"];
        if sets.iter().any(|field| touches(&changes, field)) {
            let call = cx.cloud.ec2.modify_vpc_endpoint().vpc_endpoint_id(&now.vpc_endpoint_id);
            let call = call.set_policy_document(touches(&changes, "policy").then(|| want.policy.to_json()));
            let call = call.set_add_route_table_ids(list("route_tables", false));
            let call = call.set_remove_route_table_ids(list("route_tables", true));
            let call = call.set_add_subnet_ids(list("subnets", false)).set_remove_subnet_ids(list("subnets", true));
            let call = call.set_add_security_group_ids(list("groups", false));
            let call = call.set_remove_security_group_ids(list("groups", true));
            call.send().await.during("ec2:ModifyVpcEndpoint")?;
        }
        // A call of its own: AWS takes it with no other change.
        if touches(&changes, "private_dns") {
            let call = cx.cloud.ec2.modify_vpc_endpoint().vpc_endpoint_id(&now.vpc_endpoint_id);
            call.private_dns_enabled(want.private_dns).send().await.during("ec2:ModifyVpcEndpoint")?;
        }
        change_tags(&cx.cloud, &now.vpc_endpoint_id, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let action = "ec2:DeleteVpcEndpoints";
        let answer = cx.cloud.ec2.delete_vpc_endpoints().vpc_endpoint_ids(&cloud_id).send().await.during(action);
        let refused = gone(answer)?.and_then(|answer| answer.unsuccessful?.into_iter().next()?.error);
        if let Some(refused) = refused.filter(|refused| refused.code() != Some("InvalidVpcEndpoint.NotFound")) {
            let (code, message) = (refused.code().unwrap_or("Unknown"), refused.message().unwrap_or("no message"));
            return Err(CloudError::new(Class::Unavailable, action, code, message));
        }
        let retry = cx.cloud.limits.poll;
        if Self::sweep(cx.cloud, Look::Ids(vec![cloud_id.clone()])).await?.is_empty() {
            return Ok(Progress::Done(()));
        }
        Ok(Progress::Waiting { cloud_id: Some(cloud_id), until: "the endpoint is deleted", retry })
    }

    fn cloud_id(output: &Output) -> &str {
        &output.vpc_endpoint_id
    }
}

/// The API answers states in lower case and documents them in upper case.
fn is_state(endpoint: &Seen, state: &State) -> bool {
    endpoint.state.as_ref().is_some_and(|seen| seen.as_str().eq_ignore_ascii_case(state.as_str()))
}

fn is_gone(endpoint: &Seen) -> bool {
    is_state(endpoint, &State::Deleted)
}

fn found(endpoint: Seen) -> Result<Found<VpcEndpoint>, CloudError> {
    let action = "ec2:DescribeVpcEndpoints";
    let tags = tag_map(endpoint.tags.as_deref());
    let busy = if is_state(&endpoint, &State::Deleting) {
        Some("deleting")
    } else if is_state(&endpoint, &State::Pending) || is_state(&endpoint, &State::PendingAcceptance) {
        Some("pending")
    } else {
        None
    };
    let failed = [State::Failed, State::Rejected, State::Expired].iter().any(|state| is_state(&endpoint, state));
    let failure = failed.then(|| {
        let error = endpoint.last_error.as_ref().and_then(|error| error.message.clone());
        error.or(endpoint.failure_reason.clone()).unwrap_or("failed".to_owned())
    });
    let set = |ids: Option<Vec<String>>| ids.unwrap_or_default().into_iter().collect::<BTreeSet<_>>();
    let groups = endpoint.groups.unwrap_or_default().into_iter().filter_map(|group| group.group_id);
    let policy = PolicyDocument::parse(&endpoint.policy_document.unwrap_or_default())
        .map_err(|error| CloudError::new(Class::Unavailable, action, "BadPolicy", error.to_string()));
    let id = part(endpoint.vpc_endpoint_id, action)?;
    let vpc_id = endpoint.vpc_id.unwrap_or_default();
    let (subnets, groups) = (set(endpoint.subnet_ids), groups.collect::<BTreeSet<_>>());
    let route_tables = set(endpoint.route_table_ids);
    let uses = [&subnets, &groups, &route_tables].into_iter().flatten().cloned().chain([vpc_id.clone()]).collect();
    let usable = busy.is_none() && failure.is_none();
    let (service_name, access) = (endpoint.service_name.unwrap_or_default(), endpoint.vpc_endpoint_type);
    let private_dns = endpoint.private_dns_enabled.unwrap_or_default();
    Ok(Found {
        claim: claim(&tags),
        name: None,
        name_fits: name_fits(&tags, VpcEndpoint::name),
        cloud_id: id.clone(),
        uses,
        fields: policy.map(|policy| Fields {
            vpc_id,
            service_name,
            access: access
                .map_or("unknown", |access| match access {
                    VpcEndpointType::Gateway => "Gateway",
                    VpcEndpointType::Interface => "Interface",
                    _ => "other",
                })
                .to_owned(),
            policy,
            route_tables,
            subnets,
            groups,
            private_dns,
            failure,
            tags,
        }),
        output: usable.then_some(Output { vpc_endpoint_id: id }),
        busy,
        unready: None,
        leaving: false,
        created: endpoint.creation_timestamp.map(|time| time.secs()),
    })
}
