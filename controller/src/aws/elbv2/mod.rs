//! Elastic Load Balancing: how the application is reached.

mod action;
mod listeners;
mod load_balancer;
mod target_group;

pub use action::Action;
pub use listeners::{Https, Listener, Listeners};
pub use load_balancer::LoadBalancer;
pub(super) use load_balancer::{is_ours, tagged};
pub use target_group::{HealthCheck, TargetGroup};

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use aws_sdk_elasticloadbalancingv2::types::Tag;
use payment_platform_engine::diff::Change;
use payment_platform_engine::{CloudError, Kind};

use crate::aws::error::{During, gone};
use crate::aws::tags::{self, TagMap};
use crate::aws::{Aws, tag_index};

/// The kinds of this service.
pub const KINDS: &[Kind<Aws>] = &[Kind::of::<LoadBalancer>(), Kind::of::<TargetGroup>(), Kind::of::<Listeners>()];

/// ARNs in one DescribeTags call (API Reference: at most 20).
const TAGGED_AT_ONCE: usize = 20;

/// Settings of a load balancer, target group or listener by their keys.
type Attributes = BTreeMap<String, String>;

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of each of these things. What has gone meanwhile is left out.
async fn tags_of(aws: &Aws, arns: &[String]) -> Result<HashMap<String, TagMap>, CloudError> {
    let mut all = HashMap::new();
    let mut to_ask = Vec::new();
    for arn in arns {
        match tag_index::unchanged(aws, arn).await {
            Some(tags) => drop(all.insert(arn.clone(), tags)),
            None => to_ask.push(arn.clone()),
        }
    }
    for arns in to_ask.chunks(TAGGED_AT_ONCE) {
        let asked_at = Instant::now();
        let asked = match tags_at_once(aws, arns).await? {
            Some(tags) => tags,
            // One that has gone fails the call for all: they are asked one by one.
            None => {
                let mut left = HashMap::new();
                for arn in arns {
                    left.extend(tags_at_once(aws, std::slice::from_ref(arn)).await?.unwrap_or_default());
                }
                left
            }
        };
        for (arn, tags) in asked {
            aws.tags_read.learn(&arn, &tags, asked_at);
            all.insert(arn, tags);
        }
    }
    Ok(all)
}

async fn tags_at_once(aws: &Aws, arns: &[String]) -> Result<Option<HashMap<String, TagMap>>, CloudError> {
    let answer = aws.elb.describe_tags().set_resource_arns(Some(arns.to_vec())).send().await;
    let Some(answer) = gone(answer.during("elasticloadbalancing:DescribeTags"))? else { return Ok(None) };
    let described = answer.tag_descriptions.unwrap_or_default().into_iter().filter_map(|one| {
        let pairs = one.tags.unwrap_or_default().into_iter();
        Some((one.resource_arn?, pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()))
    });
    Ok(Some(described.collect()))
}

/// Sets and removes tags of one thing as `changes` ask.
async fn change_tags(aws: &Aws, arn: &str, changes: &[Change]) -> Result<(), CloudError> {
    let (set, remove) = tags::changed(changes);
    write_tags(aws, arn, &set, remove).await
}

async fn write_tags(aws: &Aws, arn: &str, set: &TagMap, remove: Vec<String>) -> Result<(), CloudError> {
    aws.tags_read.forget(arn);
    if !set.is_empty() {
        let call = aws.elb.add_tags().resource_arns(arn).set_tags(Some(tag_list(set)));
        call.send().await.during("elasticloadbalancing:AddTags")?;
    }
    if !remove.is_empty() {
        let call = aws.elb.remove_tags().resource_arns(arn).set_tag_keys(Some(remove));
        call.send().await.during("elasticloadbalancing:RemoveTags")?;
    }
    aws.tags_read.forget(arn);
    Ok(())
}

/// Those of `fixed`; those of `usual`, which are as AWS makes them, where it has them; and the others as they are.
fn over(
    fixed: impl IntoIterator<Item = (&'static str, String)>,
    usual: &[(&'static str, &'static str)],
    seen: Option<&Attributes>,
) -> Attributes {
    let mut all = seen.cloned().unwrap_or_default();
    for (key, value) in usual {
        if let Some(seen) = all.get_mut(*key) {
            (*value).clone_into(seen);
        }
    }
    all.extend(fixed.into_iter().map(|(key, value)| (key.to_owned(), value)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_has_by_itself_stays_so_and_what_is_not_known_is_left() {
        let seen = [("connection_logs.s3.enabled", "true"), ("new.one", "seen")];
        let seen = seen.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let usual = [("connection_logs.s3.enabled", "false"), ("not.there", "false")];
        let all = over([("fixed", "yes".to_owned())], &usual, Some(&seen));
        let all: Vec<(&str, &str)> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(all, [("connection_logs.s3.enabled", "false"), ("fixed", "yes"), ("new.one", "seen")]);
        assert_eq!(over([("fixed", "yes".to_owned())], &usual, None).len(), 1);
    }
}
