//! Parameters of both kinds of parameter group: what is set, and how to set and unset it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_rds::types::{ApplyMethod, Parameter};
use payment_platform_engine::CloudError;
use payment_platform_engine::diff::Change;

use crate::aws::Aws;
use crate::aws::error::During;

/// Parameters by name.
pub type Values = BTreeMap<String, String>;

/// Which of the two kinds a group is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    Cluster,
    Instance,
}

/// Parameters in one call (ModifyDBParameterGroup: at most 20).
const IN_ONE_CALL: usize = 20;

/// What somebody has set in a group, and the values that are the engine's own.
type SetAndOwn = (Values, Values);

/// What was read last of each group. A group has some hundred parameters on several pages, and those that are the engine's
/// own do not change as long as what is set does not.
#[derive(Default)]
pub struct GroupsRead(Mutex<HashMap<(Of, String), (Instant, SetAndOwn)>>);

/// For how long that is believed: AWS may give a family of groups other values of its own.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// What somebody has set in a group, and the values that are the engine's own.
pub async fn values_of(aws: &Aws, of: Of, group: &str) -> Result<SetAndOwn, CloudError> {
    let groups = || aws.groups_read.0.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (of, group.to_owned());
    let known = groups().get(&key).filter(|(at, _)| at.elapsed() < BELIEVED).map(|(_, values)| values.clone());
    if let Some((set, own)) = known
        && pairs(read(aws, of, group, Some(USER)).await?) == set
    {
        return Ok((set, own));
    }
    let all = read(aws, of, group, None).await?;
    let (set, own): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.source() == Some(USER));
    let values = (pairs(set), pairs(own));
    groups().insert(key, (Instant::now(), values.clone()));
    Ok(values)
}

fn pairs(parameters: Vec<Parameter>) -> Values {
    parameters.into_iter().filter_map(|one| Some((one.parameter_name?, one.parameter_value?))).collect()
}

/// What is to be set. AWS does not count a value as set that is the engine's own anyway, so that it could never be seen.
pub fn to_set(wanted: &Values, seen: Option<(&Values, &Values)>) -> Values {
    let is_own = |name: &String, value: &String| {
        seen.is_some_and(|(set, own)| !set.contains_key(name) && own.get(name) == Some(value))
    };
    let to_set = wanted.iter().filter(|(name, value)| !is_own(name, value));
    to_set.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The source of a parameter that somebody has set.
const USER: &str = "user";

/// The parameters of a group from one source, or all.
async fn read(aws: &Aws, of: Of, group: &str, source: Option<&str>) -> Result<Vec<Parameter>, CloudError> {
    let source = source.map(str::to_owned);
    match of {
        Of::Cluster => {
            let call = aws.rds.describe_db_cluster_parameters().db_cluster_parameter_group_name(group);
            let call = call.set_source(source).max_records(100).into_paginator().items().send();
            call.collect::<Result<Vec<_>, _>>().await.during("rds:DescribeDBClusterParameters")
        }
        Of::Instance => {
            let call = aws.rds.describe_db_parameters().db_parameter_group_name(group);
            let call = call.set_source(source).max_records(100).into_paginator().items().send();
            call.collect::<Result<Vec<_>, _>>().await.during("rds:DescribeDBParameters")
        }
    }
}

/// Sets `values` in a new group.
pub async fn set_all(aws: &Aws, of: Of, group: &str, values: &Values) -> Result<(), CloudError> {
    let types = apply_methods(aws, of, group).await?;
    let parameters = values.iter().map(|(name, value)| parameter(&types, name, Some(value)));
    write(aws, of, group, parameters.collect()).await
}

/// Sets and unsets as `changes` of the field `parameters` ask: those to set first.
pub async fn change(aws: &Aws, of: Of, group: &str, changes: &[Change]) -> Result<(), CloudError> {
    let changes: Vec<&Change> = changes.iter().filter(|change| change.field() == "parameters").collect();
    if changes.is_empty() {
        return Ok(());
    }
    let types = apply_methods(aws, of, group).await?;
    let (mut to_set, mut to_unset) = (Vec::new(), Vec::new());
    for change in changes {
        let Some(name) = change.element() else { continue };
        match change.after.as_ref().and_then(|value| value.as_str()) {
            Some(value) => to_set.push(parameter(&types, name, Some(value))),
            None => to_unset.push(parameter(&types, name, None)),
        }
    }
    write(aws, of, group, to_set).await?;
    for chunk in to_unset.chunks(IN_ONE_CALL) {
        match of {
            Of::Cluster => {
                let call = aws.rds.reset_db_cluster_parameter_group().db_cluster_parameter_group_name(group);
                let call = call.reset_all_parameters(false).set_parameters(Some(chunk.to_vec()));
                call.send().await.during("rds:ResetDBClusterParameterGroup")?;
            }
            Of::Instance => {
                let call = aws.rds.reset_db_parameter_group().db_parameter_group_name(group);
                let call = call.reset_all_parameters(false).set_parameters(Some(chunk.to_vec()));
                call.send().await.during("rds:ResetDBParameterGroup")?;
            }
        }
    }
    Ok(())
}

/// Names of the parameters that a running database takes at once.
async fn apply_methods(aws: &Aws, of: Of, group: &str) -> Result<BTreeSet<String>, CloudError> {
    let dynamic = |one: &Parameter| one.apply_type() == Some("dynamic");
    let all = read(aws, of, group, None).await?;
    Ok(all.into_iter().filter(dynamic).filter_map(|one| one.parameter_name).collect())
}

/// A static parameter is applied by the next reboot, and AWS refuses to apply it at once.
fn parameter(dynamic: &BTreeSet<String>, name: &str, value: Option<&str>) -> Parameter {
    let method = if dynamic.contains(name) { ApplyMethod::Immediate } else { ApplyMethod::PendingReboot };
    Parameter::builder().parameter_name(name).set_parameter_value(value.map(str::to_owned)).apply_method(method).build()
}

async fn write(aws: &Aws, of: Of, group: &str, parameters: Vec<Parameter>) -> Result<(), CloudError> {
    for chunk in parameters.chunks(IN_ONE_CALL) {
        match of {
            Of::Cluster => {
                let call = aws.rds.modify_db_cluster_parameter_group().db_cluster_parameter_group_name(group);
                let call = call.set_parameters(Some(chunk.to_vec())).send().await;
                call.during("rds:ModifyDBClusterParameterGroup")?;
            }
            Of::Instance => {
                let call = aws.rds.modify_db_parameter_group().db_parameter_group_name(group);
                let call = call.set_parameters(Some(chunk.to_vec())).send().await;
                call.during("rds:ModifyDBParameterGroup")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_value_that_is_the_engines_own_is_not_missed() {
        let wanted = values(&[("a", "1"), ("b", "2")]);
        let (set, own) = (values(&[("b", "2")]), values(&[("a", "1"), ("c", "3")]));
        assert_eq!(to_set(&wanted, Some((&set, &own))), set);
        // Somebody has set another one.
        let other = values(&[("a", "0"), ("b", "2")]);
        assert_eq!(to_set(&wanted, Some((&other, &own))), wanted);
        assert_eq!(to_set(&wanted, None), wanted);
    }
}
