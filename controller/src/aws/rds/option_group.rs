//! Option group: what RDS for MySQL is extended with, the record of who connects and who changes what among it (PCI DSS 10.2.1).
//!
//! AWS rules obeyed: a group is of one engine and major version, so another major version has a group of its own; a group in
//! use cannot be deleted, by a snapshot neither; an option's settings come back with all that it has, whether they were set or
//! not; 20 in an account and region.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_rds::types::{
    DbInstance, Option as SeenOption, OptionConfiguration, OptionGroup as Seen, OptionSetting, Tag,
};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Replace};
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Resource, Unready, Up};
use serde::{Deserialize, Serialize};

use super::upgrade::Waiting;
use super::{arn, change_tags, instances, name_fits, name_of, names_of, tag_list, with_tags};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{KEPT, TagMap, Tags, claim};
use crate::aws::unread::Unread;

const PREFIX: &str = "mysql-options-payment-";

/// Settings of an option by name.
pub type Settings = BTreeMap<String, String>;

/// What the engine is extended with.
#[derive(Clone, Serialize)]
pub struct OptionGroup {
    pub name: String,
    pub engine: String,
    pub major_version: String,
    pub description: String,
    /// By the option's name, with the settings that matter.
    pub options: BTreeMap<String, Settings>,
    /// Settings that must not be there: they would leave out what the option is for.
    pub unset: Vec<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub engine: String,
    pub major_version: String,
    pub options: BTreeMap<String, Settings>,
    pub tags: TagMap,
    /// Given at creation and never changed.
    #[serde(skip)]
    pub description: Unread<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
    pub name: String,
}

impl OptionGroup {
    /// `node` is `mysql-options`, followed by the major version where it is not the one that the database began with.
    pub fn name(node: &str, environment: &str) -> String {
        format!("{PREFIX}{environment}{}", node.trim_start_matches("mysql-options"))
    }
}

impl Resource for OptionGroup {
    const KIND: &'static str = "rds/option-group";
    const ACTIONS: &'static [&'static str] = &[
        "rds:AddTagsToResource",
        "rds:CreateOptionGroup",
        "rds:DeleteOptionGroup",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshots",
        "rds:DescribeOptionGroups",
        "rds:ListTagsForResource",
        "rds:ModifyOptionGroup",
        "rds:RemoveTagsFromResource",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] =
        &[("engine", Replace::Refuse), ("major_version", Replace::Refuse)];
    const CLOSE_FIRST: &'static [&'static str] = &["options"];
    /// A snapshot keeps its option group, and is restored with it.
    const GUARDS_DATA: bool = true;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, _up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let options = self.options.iter().map(|(name, settings)| {
            let seen = seen.and_then(|seen| seen.options.get(name));
            let mut all = seen.cloned().unwrap_or_default();
            all.retain(|name, _| !self.unset.contains(name));
            all.extend(settings.clone());
            (name.clone(), all)
        });
        Ok(Fields {
            name: self.name.clone(),
            engine: self.engine.clone(),
            major_version: self.major_version.clone(),
            options: options.collect(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
            description: Unread::of(self.description.clone()),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let action = "rds:DescribeOptionGroups";
        let mut groups: Vec<Seen> = Vec::new();
        match look {
            Look::All => {
                let call = aws.rds.describe_option_groups().max_records(100).into_paginator().items().send();
                let all = call.collect::<Result<Vec<_>, _>>().await.during(action)?;
                let ours = |one: &Seen| one.option_group_name().is_some_and(|name| name.starts_with(PREFIX));
                groups.extend(all.into_iter().filter(ours));
            }
            Look::Ids(ids) => {
                for name in names_of(&ids) {
                    let answer = aws.rds.describe_option_groups().option_group_name(name).send().await.during(action);
                    groups.extend(gone(answer)?.and_then(|answer| answer.option_groups_list).unwrap_or_default());
                }
            }
        }
        let named = groups.into_iter().map(|group| {
            let name = group.option_group_name.clone().unwrap_or_default();
            (arn(&aws, "og", &name), group)
        });
        let tagged = with_tags(&aws, named.collect()).await?;
        let mut found: Vec<_> = tagged.into_iter().map(|(arn, group, tags)| read(arn, group, tags)).collect();
        hold_by_snapshots(&aws, &mut found).await?;
        let waiting = Waiting::of(&aws).await;
        for one in &mut found {
            one.unready = one.unready.take().or_else(|| waiting.held(one.name.as_deref().unwrap_or_default()));
        }
        Ok(found)
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.rds.create_option_group().option_group_name(&want.name).engine_name(&want.engine);
        let call = call.major_engine_version(&want.major_version);
        let call = call.set_option_group_description(want.description.get().cloned());
        call.set_tags(Some(tag_list(&want.tags))).send().await.during("rds:CreateOptionGroup")?;
        let options = want.options.iter().map(|(name, settings)| configuration(name, settings.iter()));
        include(&cx.cloud, &want.name, options.collect()).await?;
        Ok(Progress::Done(Output { arn: arn(&cx.cloud, "og", &want.name), name: want.name }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let differing: Vec<&Change> = changes.iter().filter(|change| change.field() == "options").collect();
        let mut names: Vec<&str> = differing.iter().filter_map(|change| change.element()).collect();
        names.dedup();
        let (wanted, foreign): (Vec<&str>, Vec<&str>) =
            names.into_iter().partition(|name| want.options.contains_key(*name));
        let options = wanted.into_iter().map(|name| {
            let mut settings = want.options.get(name).cloned().unwrap_or_default();
            // What is to be unset is said to be empty.
            let unset = differing.iter().filter(|change| change.element() == Some(name) && change.is_removal());
            settings.extend(unset.filter_map(|change| Some((change.path.0.get(2)?.clone(), String::new()))));
            configuration(name, settings.iter())
        });
        include(&cx.cloud, &now.name, options.collect()).await?;
        if !foreign.is_empty() {
            let foreign = foreign.into_iter().map(str::to_owned).collect();
            let call = cx.cloud.rds.modify_option_group().option_group_name(&now.name).apply_immediately(true);
            call.set_options_to_remove(Some(foreign)).send().await.during("rds:ModifyOptionGroup")?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.rds.delete_option_group().option_group_name(name_of(&cloud_id)).send().await;
        gone(call.during("rds:DeleteOptionGroup"))?;
        Ok(Progress::Done(()))
    }

    async fn keep(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let kept = Tag::builder().key(KEPT).value("true").build();
        let call = cx.cloud.rds.add_tags_to_resource().resource_name(&cloud_id).tags(kept).send().await;
        gone(call.during("rds:AddTagsToResource"))?;
        cx.cloud.tags_read.forget(&cloud_id);
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

fn configuration<'a>(name: &str, settings: impl Iterator<Item = (&'a String, &'a String)>) -> OptionConfiguration {
    let settings = settings.map(|(name, value)| OptionSetting::builder().name(name).value(value).build());
    OptionConfiguration::builder().option_name(name).set_option_settings(Some(settings.collect())).build()
}

async fn include(aws: &Aws, group: &str, options: Vec<OptionConfiguration>) -> Result<(), CloudError> {
    if !options.is_empty() {
        let call = aws.rds.modify_option_group().option_group_name(group).apply_immediately(true);
        call.set_options_to_include(Some(options)).send().await.during("rds:ModifyOptionGroup")?;
    }
    Ok(())
}

/// A snapshot keeps the group that its database had, which then cannot be deleted: after a change to another major version that
/// of the earlier one stays for as long as there are snapshots with it.
async fn hold_by_snapshots(aws: &Aws, found: &mut [Found<OptionGroup>]) -> Result<(), CloudError> {
    if found.is_empty() {
        return Ok(());
    }
    let groups = |instance: &DbInstance| -> Vec<Option<String>> {
        instance.option_group_memberships().iter().map(|group| group.option_group_name.clone()).collect()
    };
    let used: BTreeSet<String> = instances(aws).await?.iter().flat_map(groups).flatten().collect();
    let is_unused = |one: &Found<OptionGroup>| one.name.as_ref().is_some_and(|name| !used.contains(name));
    if !found.iter().any(is_unused) {
        return Ok(());
    }
    let call = aws.rds.describe_db_snapshots().max_records(100).into_paginator().items().send();
    let snapshots = call.collect::<Result<Vec<_>, _>>().await.during("rds:DescribeDBSnapshots")?;
    for one in found.iter_mut().filter(|one| is_unused(one)) {
        let count = snapshots.iter().filter(|snapshot| snapshot.option_group_name == one.name).count();
        one.unready =
            (count > 0).then(|| Unready::Kept(format!("it stays while there are snapshots with it ({count})")));
    }
    Ok(())
}

fn read(arn: String, group: Seen, tags: TagMap) -> Found<OptionGroup> {
    let name = group.option_group_name.clone().unwrap_or_default();
    let settings = |option: &SeenOption| -> Settings {
        let set = option.option_settings().iter().filter_map(|one| Some((one.name.clone()?, one.value.clone()?)));
        set.filter(|(_, value)| !value.is_empty()).collect()
    };
    let options = group.options().iter();
    let fields = Fields {
        engine: group.engine_name().unwrap_or_default().to_owned(),
        major_version: group.major_engine_version().unwrap_or_default().to_owned(),
        options: options.filter_map(|option| Some((option.option_name.clone()?, settings(option)))).collect(),
        name: name.clone(),
        tags: tags.clone(),
        description: Unread::default(),
    };
    Found {
        claim: claim(&tags),
        name: Some(name.clone()),
        name_fits: name_fits(&tags, &name, OptionGroup::name),
        cloud_id: arn.clone(),
        uses: Vec::new(),
        fields: Ok(fields),
        output: Some(Output { arn, name }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }
}
