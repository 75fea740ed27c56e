//! Instance parameter group: what each instance of the database loads, the statistics of its statements among it (PCI DSS
//! 10.4.1: what runs can be reviewed).
//!
//! What somebody has set is a whole set: a parameter that is not wanted gets the engine's own value again.
//!
//! AWS rules obeyed: the family is that of the engine's version and cannot be changed, so another major version has a group
//! of its own; at most 20 parameters in a call; a static parameter is applied by a reboot only; a group in use cannot be
//! deleted.

use std::sync::Arc;

use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Replace};
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::parameters::{self, Of, Values};
use super::upgrade::Waiting;
use super::{arn, change_tags, name_fits, name_of, names_of, tag_list, with_tags};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim};
use crate::aws::unread::Unread;

/// What the names of our groups begin with: of Aurora's instances and of MySQL.
const PREFIXES: [&str; 2] = ["aurora-db-params-", "mysql-params-payment-"];

/// What differs from the engine's own values.
#[derive(Clone, Serialize)]
pub struct ParameterGroup {
    pub name: String,
    pub family: String,
    pub description: String,
    pub parameters: Values,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub family: String,
    /// Those that somebody has set.
    pub parameters: Values,
    pub tags: TagMap,
    /// Those that are the engine's own.
    #[serde(skip)]
    pub own: Unread<Values>,
    /// Given at creation and never changed.
    #[serde(skip)]
    pub description: Unread<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub name: String,
}

impl ParameterGroup {
    /// `node` is `params` or `mysql-params`, followed by the major version where it is not the one that the database began
    /// with.
    pub fn name(node: &str, environment: &str) -> String {
        let [aurora, mysql] = PREFIXES;
        match node.strip_prefix("mysql-params") {
            Some(major) => format!("{mysql}{environment}{major}"),
            None => format!("{aurora}{environment}{}", node.trim_start_matches("params")),
        }
    }
}

fn is_like_ours(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl Resource for ParameterGroup {
    const KIND: &'static str = "rds/parameter-group";
    const ACTIONS: &'static [&'static str] = &[
        "rds:AddTagsToResource",
        "rds:CreateDBParameterGroup",
        "rds:DeleteDBParameterGroup",
        "rds:DescribeDBParameterGroups",
        "rds:DescribeDBParameters",
        "rds:ListTagsForResource",
        "rds:ModifyDBParameterGroup",
        "rds:RemoveTagsFromResource",
        "rds:ResetDBParameterGroup",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[("family", Replace::Refuse)];
    const CLOSE_FIRST: &'static [&'static str] = &["parameters"];
    /// As often as the instances: none is restarted for a parameter that somebody else has set.
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, _up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            name: self.name.clone(),
            family: self.family.clone(),
            parameters: parameters::to_set(
                &self.parameters,
                seen.and_then(|seen| Some((&seen.parameters, seen.own.get()?))),
            ),
            own: Unread::default(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
            description: Unread::of(self.description.clone()),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let action = "rds:DescribeDBParameterGroups";
        let mut groups = Vec::new();
        match look {
            Look::All => {
                let call = aws.rds.describe_db_parameter_groups().max_records(100);
                let all = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.during(action)?;
                groups
                    .extend(all.into_iter().filter(|group| group.db_parameter_group_name().is_some_and(is_like_ours)));
            }
            Look::Ids(ids) => {
                for name in names_of(&ids) {
                    let call = aws.rds.describe_db_parameter_groups().db_parameter_group_name(name);
                    let answer = gone(call.send().await.during(action))?;
                    groups.extend(answer.and_then(|answer| answer.db_parameter_groups).unwrap_or_default());
                }
            }
        }
        let named = groups.into_iter().map(|group| {
            let name = group.db_parameter_group_name.unwrap_or_default();
            let family = group.db_parameter_group_family.unwrap_or_default();
            (arn(&aws, "pg", &name), (name, family))
        });
        let waiting = Waiting::of(&aws).await;
        let mut found = Vec::new();
        for (arn, (name, family), tags) in with_tags(&aws, named.collect()).await? {
            let claim = claim(&tags);
            // Groups of others with a name like ours are only known by it.
            let parameters = match claim {
                Some(_) => gone(parameters::values_of(&aws, Of::Instance, &name).await),
                None => Ok(Some(Default::default())),
            };
            let parameters = match parameters {
                Ok(None) => continue,
                Ok(Some(parameters)) => Ok(parameters),
                Err(error) => Err(error),
            };
            found.push(Found {
                claim,
                name: Some(name.clone()),
                name_fits: name_fits(&tags, &name, Self::name),
                cloud_id: arn.clone(),
                uses: Vec::new(),
                fields: parameters.map(|(parameters, own)| Fields {
                    name: name.clone(),
                    family,
                    parameters,
                    own: Unread::of(own),
                    tags,
                    description: Unread::default(),
                }),
                unready: waiting.held(&name),
                output: Some(Output { arn, name }),
                busy: None,
                leaving: false,
                created: None,
            });
        }
        Ok(found)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.rds.create_db_parameter_group().db_parameter_group_name(&want.name);
        let call = call.db_parameter_group_family(&want.family).set_description(want.description.get().cloned());
        let call = call.set_tags(Some(tag_list(&want.tags))).send().await;
        call.during("rds:CreateDBParameterGroup")?;
        parameters::set_all(&cx.cloud, Of::Instance, &want.name, &want.parameters).await?;
        Ok(Progress::Done(Output { arn: arn(&cx.cloud, "pg", &want.name), name: want.name }))
    }

    async fn update(
        _want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        parameters::change(&cx.cloud, Of::Instance, &now.name, &changes).await?;
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.rds.delete_db_parameter_group();
        let call = call.db_parameter_group_name(name_of(&cloud_id)).send().await;
        gone(call.during("rds:DeleteDBParameterGroup"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}
