//! DB subnet group: the subnets without a way to the internet in which the database is (PCI DSS 1.4.4).
//!
//! A subnet that the platform no longer wants stays in the group while an instance is in its zone, and leaves it once the
//! instance has moved.
//!
//! AWS rules obeyed: the subnets lie in two zones at least; a subnet in use cannot be taken out; a group in use cannot be
//! deleted; a name is unique in account and region and is written in lower case.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{arn, change_tags, instances, name_fits, names_of, tag_list, with_tags};
use crate::aws::ec2::Subnet;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::{Aws, touches};

const PREFIX: &str = "aurora-subnets-payment-";

/// The database's subnets.
#[derive(Clone, Serialize)]
pub struct SubnetGroup {
    pub name: String,
    pub description: String,
    pub subnets: Vec<Ref<Subnet>>,
    /// Their zones.
    pub zones: Vec<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub description: String,
    pub subnets: BTreeSet<String>,
    /// Those in whose zone an instance of the group is, with the zone.
    pub in_use: BTreeMap<String, String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub name: String,
}

impl SubnetGroup {
    /// `node` is the name without the environment.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{node}-payment-{environment}")
    }
}

impl Resource for SubnetGroup {
    const KIND: &'static str = "rds/subnet-group";
    const ACTIONS: &'static [&'static str] = &[
        "rds:AddTagsToResource",
        "rds:CreateDBSubnetGroup",
        "rds:DeleteDBSubnetGroup",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSubnetGroups",
        "rds:ListTagsForResource",
        "rds:ModifyDBSubnetGroup",
        "rds:RemoveTagsFromResource",
    ];
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let own = self.subnets.iter().map(|subnet| Ok(up.get(subnet)?.subnet_id.clone()));
        let mut subnets: BTreeSet<String> = own.collect::<Result<_, Pending>>()?;
        let in_use = seen.map(|seen| seen.in_use.clone()).unwrap_or_default();
        // Where the platform has a subnet of its own, another one has nothing to do.
        let (in_use, leaving): (BTreeMap<_, _>, BTreeMap<_, _>) =
            in_use.into_iter().partition(|(_, zone)| self.zones.contains(zone));
        subnets.extend(leaving.into_keys());
        Ok(Fields {
            name: self.name.clone(),
            description: self.description.clone(),
            subnets,
            in_use,
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let action = "rds:DescribeDBSubnetGroups";
        let mut groups = Vec::new();
        match look {
            Look::All => {
                let call = aws.rds.describe_db_subnet_groups().max_records(100).into_paginator().items().send();
                let all = call.collect::<Result<Vec<_>, _>>().await.during(action)?;
                groups.extend(all.into_iter().filter(|group| group.db_subnet_group_name().is_some_and(ours)));
            }
            Look::Ids(ids) => {
                for name in names_of(&ids) {
                    let call = aws.rds.describe_db_subnet_groups().db_subnet_group_name(name).send().await;
                    groups.extend(
                        gone(call.during(action))?.and_then(|answer| answer.db_subnet_groups).unwrap_or_default(),
                    );
                }
            }
        }
        let named = groups
            .into_iter()
            .map(|group| (arn(&aws, "subgrp", group.db_subnet_group_name().unwrap_or_default()), group));
        let tagged = with_tags(&aws, named.collect()).await?;
        let instances = if tagged.is_empty() { &[] } else { instances(&aws).await? };
        let found = tagged.into_iter().map(|(arn, group, tags)| {
            let name = group.db_subnet_group_name.clone().unwrap_or_default();
            let here = instances.iter().filter(|instance| {
                instance.db_subnet_group().and_then(|group| group.db_subnet_group_name()) == Some(&name)
            });
            let zones: BTreeSet<&str> = here.filter_map(|instance| instance.availability_zone()).collect();
            let in_use = group.subnets().iter().filter_map(|subnet| {
                let zone = subnet.subnet_availability_zone()?.name()?;
                zones.contains(zone).then(|| Some((subnet.subnet_identifier.clone()?, zone.to_owned())))?
            });
            let ids = |subnet: &aws_sdk_rds::types::Subnet| subnet.subnet_identifier.clone();
            let subnets: BTreeSet<String> = group.subnets().iter().filter_map(ids).collect();
            Found {
                claim: claim(&tags),
                name: Some(name.clone()),
                name_fits: name_fits(&tags, &name, Self::name),
                cloud_id: arn.clone(),
                uses: subnets.iter().cloned().collect(),
                fields: Ok(Fields {
                    name: name.clone(),
                    description: group.db_subnet_group_description.clone().unwrap_or_default(),
                    in_use: in_use.collect(),
                    subnets,
                    tags,
                }),
                output: Some(Output { arn, name }),
                busy: None,
                unready: None,
                leaving: false,
                created: None,
            }
        });
        Ok(found.collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.rds.create_db_subnet_group().db_subnet_group_name(&want.name);
        let call = call.db_subnet_group_description(&want.description);
        let call = call.set_subnet_ids(Some(want.subnets.into_iter().collect())).set_tags(Some(tag_list(&want.tags)));
        call.send().await.during("rds:CreateDBSubnetGroup")?;
        Ok(Progress::Done(Output { arn: arn(&cx.cloud, "subgrp", &want.name), name: want.name }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        if touches(&changes, "subnets") || touches(&changes, "description") {
            let call = cx.cloud.rds.modify_db_subnet_group().db_subnet_group_name(&now.name);
            let call = call.db_subnet_group_description(&want.description);
            let call = call.set_subnet_ids(Some(want.subnets.into_iter().collect()));
            call.send().await.during("rds:ModifyDBSubnetGroup")?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        if touches(&changes, "in_use") {
            let (until, retry) = ("no instance is left in a zone that goes", cx.cloud.limits.poll);
            return Ok(Progress::Waiting { cloud_id: Some(now.arn), until, retry });
        }
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.rds.delete_db_subnet_group().db_subnet_group_name(super::name_of(&cloud_id));
        gone(call.send().await.during("rds:DeleteDBSubnetGroup"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

fn ours(name: &str) -> bool {
    name.starts_with(PREFIX)
}
