//! What gets requests besides the service's tasks: targets that somebody has registered by hand.
//!
//! ECS registers the address of each task, and says which addresses those are. A task is known to ECS before its address is
//! registered, but its lists lag: an address of an interface that ECS has made is looked for a second time before it counts as
//! foreign, any other one does at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_ec2::types::{Filter, NetworkInterface};
use aws_sdk_ecs::types::{DesiredStatus, Task};
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealthStateEnum};
use payment_platform_engine::CloudError;
use payment_platform_engine::diff::Change;
use serde::Serialize;

use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::limits::FILTER_VALUES;

/// Tasks in one DescribeTasks call (API Reference: at most 100).
const AT_ONCE: usize = 100;

/// For how long an address is taken for a task's without asking again: a task that stops gives its address back.
const BELIEVED: Duration = Duration::from_secs(30 * 60);

/// One target of one group: the group's ARN, an address and a port.
type Target = (String, String, i32);

/// What gets requests without being a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForeignTarget {
    pub target_group: String,
    /// `all`: an address outside of the VPC.
    pub zone: String,
}

/// Foreign targets by `address:port`.
pub type ForeignTargets = BTreeMap<String, ForeignTarget>;

/// What is known of targets.
#[derive(Default)]
pub struct Targets(Mutex<HashMap<Target, Known>>);

#[derive(Clone, Copy)]
enum Known {
    /// It was a task's at this time.
    Task(Instant),
    /// It was no task's when it was looked at first, at this time.
    NoTask(Instant),
}

impl Targets {
    fn all(&self) -> MutexGuard<'_, HashMap<Target, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_a_task(&self, target: &Target, now: Instant) -> bool {
        matches!(self.all().get(target), Some(Known::Task(at)) if now.duration_since(*at) < BELIEVED)
    }

    /// Whether it has been no task's for at least this long, as far as was looked.
    fn is_foreign(&self, target: &Target, now: Instant, window: Duration) -> bool {
        let mut all = self.all();
        let since = match all.get(target) {
            Some(Known::NoTask(since)) => *since,
            _ => now,
        };
        all.insert(target.clone(), Known::NoTask(since));
        now.duration_since(since) >= window
    }
}

/// The targets of these groups that are none of the service's tasks.
pub(super) async fn foreign(
    aws: &Aws,
    cluster: &str,
    service: &str,
    groups: &[String],
) -> Result<ForeignTargets, CloudError> {
    let (mut targets, mut zones): (Vec<Target>, HashMap<Target, String>) = Default::default();
    for group in groups {
        let answer = aws.elb.describe_target_health().target_group_arn(group).send().await;
        let Some(answer) = gone(answer.during("elasticloadbalancing:DescribeTargetHealth"))? else { continue };
        for one in answer.target_health_descriptions.unwrap_or_default() {
            let leaving = one.target_health.is_some_and(|health| health.state == Some(TargetHealthStateEnum::Draining));
            if let (Some(target), false) = (one.target, leaving) {
                let zone = target.availability_zone.unwrap_or_default();
                let target = (group.clone(), target.id.unwrap_or_default(), target.port.unwrap_or_default());
                zones.insert(target.clone(), zone);
                targets.push(target);
            }
        }
    }
    let now = Instant::now();
    aws.targets.all().retain(|known, _| !groups.contains(&known.0) || targets.contains(known));
    targets.retain(|target| !aws.targets.is_a_task(target, now));
    for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
        if targets.is_empty() {
            return Ok(ForeignTargets::new());
        }
        let own = addresses(aws, cluster, service, status).await?;
        targets.retain(|target| {
            let is_own = own.contains(&target.1);
            if is_own {
                aws.targets.all().insert(target.clone(), Known::Task(now));
            }
            !is_own
        });
    }
    if targets.is_empty() {
        return Ok(ForeignTargets::new());
    }
    let made_by_ecs = made_by_ecs(aws, targets.iter().map(|target| target.1.clone()).collect()).await?;
    let window = |target: &Target| match made_by_ecs.contains(&target.1) {
        true => aws.limits.consistency_window,
        false => Duration::ZERO,
    };
    targets.retain(|target| aws.targets.is_foreign(target, now, window(target)));
    let foreign = targets.into_iter().map(|target| {
        let zone = zones.remove(&target).unwrap_or_default();
        let (target_group, address, port) = target;
        (format!("{address}:{port}"), ForeignTarget { target_group, zone })
    });
    Ok(foreign.collect())
}

/// Where `zone` says so, an address is outside of the VPC.
const OUTSIDE: &str = "all";

/// Takes off those that `changes` of the field `foreign_targets` name, as many as go. Requests under way end first.
pub(super) async fn take_off(aws: &Aws, changes: &[Change]) -> Result<(), CloudError> {
    let mut result = Ok(());
    for change in changes.iter().filter(|change| change.field() == "foreign_targets") {
        let (Some(target), Some(before)) = (change.element(), &change.before) else { continue };
        let (address, port) = target.rsplit_once(':').unwrap_or((target, ""));
        let target = TargetDescription::builder().id(address).set_port(port.parse().ok());
        // AWS demands it of an address outside of the VPC, and refuses it for any other (API Reference, TargetDescription).
        let zone = before["zone"].as_str().filter(|zone| *zone == OUTSIDE).map(str::to_owned);
        let call = aws.elb.deregister_targets().targets(target.set_availability_zone(zone).build());
        let call = call.target_group_arn(before["target_group"].as_str().unwrap_or_default()).send().await;
        if let Err(error) = gone(call.during("elasticloadbalancing:DeregisterTargets")) {
            result = Err(error);
        }
    }
    result
}

/// The addresses of the service's tasks that run, or that have stopped in the last hour.
async fn addresses(
    aws: &Aws,
    cluster: &str,
    service: &str,
    status: DesiredStatus,
) -> Result<BTreeSet<String>, CloudError> {
    let call = aws.ecs.list_tasks().cluster(cluster).service_name(service).desired_status(status);
    let arns = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.during("ecs:ListTasks")?;
    let mut all = BTreeSet::new();
    for arns in arns.chunks(AT_ONCE) {
        let answer = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns.to_vec())).send().await;
        all.extend(answer.during("ecs:DescribeTasks")?.tasks().iter().flat_map(address));
    }
    Ok(all)
}

/// Those of these addresses that belong to interfaces as ECS makes them for tasks.
async fn made_by_ecs(aws: &Aws, addresses: Vec<String>) -> Result<BTreeSet<String>, CloudError> {
    let mut made = BTreeSet::new();
    for addresses in addresses.chunks(FILTER_VALUES) {
        let filter = Filter::builder().name("addresses.private-ip-address").set_values(Some(addresses.to_vec()));
        let call = aws.ec2.describe_network_interfaces().filters(filter.build()).into_paginator().items().send();
        let interfaces = call.collect::<Result<Vec<_>, _>>().await.during("ec2:DescribeNetworkInterfaces")?;
        let of_ecs = |one: &NetworkInterface| one.description().is_some_and(|text| text.starts_with("arn:aws:ecs:"));
        made.extend(interfaces.into_iter().filter(of_ecs).filter_map(|one| one.private_ip_address));
    }
    Ok(made)
}

/// The addresses of a task: of its network interface, which is known first, and of its containers.
fn address(task: &Task) -> Vec<String> {
    let details = task.attachments().iter().flat_map(|attachment| attachment.details());
    let attached = details.filter(|detail| detail.name() == Some("privateIPv4Address"));
    let attached = attached.filter_map(|detail| detail.value.clone());
    let interfaces = task.containers().iter().flat_map(|container| container.network_interfaces());
    attached.chain(interfaces.filter_map(|interface| interface.private_ipv4_address.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    #[test]
    fn what_is_no_task_counts_as_foreign_at_the_second_look() {
        let (targets, now) = (Targets::default(), Instant::now());
        let target = ("group".to_owned(), "10.0.0.5".to_owned(), 80);
        assert!(!targets.is_foreign(&target, now, WINDOW));
        assert!(!targets.is_foreign(&target, now + Duration::from_secs(9), WINDOW));
        assert!(targets.is_foreign(&target, now + WINDOW, WINDOW));
    }

    #[test]
    fn an_address_that_was_a_tasks_is_asked_for_again_after_a_while() {
        let (targets, now) = (Targets::default(), Instant::now());
        let target = ("group".to_owned(), "10.0.0.5".to_owned(), 80);
        targets.all().insert(target.clone(), Known::Task(now));
        assert!(targets.is_a_task(&target, now) && !targets.is_a_task(&target, now + BELIEVED));
        assert!(!targets.is_foreign(&target, now + BELIEVED, WINDOW));
        assert!(targets.is_foreign(&target, now + BELIEVED + WINDOW, WINDOW));
    }
}
