//! Restarts: parameters that an instance takes with a restart only wait for one, which comes in the maintenance window (RDS User
//! Guide, "Parameter groups": static parameters are `pending-reboot` until the instance is rebooted).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_rds::types::{DbCluster, DbClusterMember, DbInstance, Filter};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use payment_platform_engine::{CloudError, Unready};

use crate::aws::Aws;
use crate::aws::error::During;

/// What RDS says of a group whose parameters wait for a restart.
const PENDING: &str = "pending-reboot";

const MINUTES_A_DAY: i32 = 24 * 60;

/// Whether a maintenance window such as `sun:05:00-sun:06:00` (UTC) is open. One that cannot be read never is.
pub fn is_open(window: &str, now: Timestamp) -> bool {
    let Some((from, to)) = window.split_once('-') else { return false };
    let (Some(from), Some(to)) = (minute_of_week(from), minute_of_week(to)) else { return false };
    let now = now.to_zoned(TimeZone::UTC);
    let day = i32::from(now.weekday().to_monday_zero_offset());
    let now = day * MINUTES_A_DAY + i32::from(now.hour()) * 60 + i32::from(now.minute());
    if from <= to { (from..to).contains(&now) } else { now >= from || now < to }
}

/// Minutes since Monday began.
fn minute_of_week(text: &str) -> Option<i32> {
    let mut parts = text.trim().split(':');
    let day = match parts.next()? {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return None,
    };
    let (hour, minute): (i32, i32) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(i32::from(day.to_monday_zero_offset()) * MINUTES_A_DAY + hour * 60 + minute)
}

/// What to say of an instance that waits for its restart.
pub fn later(pending: bool, window: &str) -> Option<Unready> {
    let says = || format!("it takes parameters that need a restart in its maintenance window, {window} (UTC)");
    pending.then(|| Unready::Later(says()))
}

/// When this process has restarted which instance last.
#[derive(Default)]
pub struct Restarts(Mutex<HashMap<String, Instant>>);

/// For how long RDS may still say that a restart is to come: nothing is restarted twice within that.
const LATELY: Duration = Duration::from_secs(10 * 60);

impl Restarts {
    fn lately(&self, identifier: &str) -> bool {
        let restarts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        restarts.get(identifier).is_some_and(|at| at.elapsed() < LATELY)
    }

    fn note(&self, identifier: &str) {
        let mut restarts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        restarts.insert(identifier.to_owned(), Instant::now());
    }
}

/// Whether parameters of an instance's own group, or of its cluster's, come with its next restart.
pub fn is_pending(aws: &Aws, instance: &DbInstance, clusters: &[DbCluster]) -> bool {
    let identifier = instance.db_instance_identifier();
    !identifier.is_some_and(|identifier| aws.restarts.lately(identifier)) && says_pending(instance, clusters)
}

fn says_pending(instance: &DbInstance, clusters: &[DbCluster]) -> bool {
    let own = |member: &&DbClusterMember| member.db_instance_identifier() == instance.db_instance_identifier();
    let members = clusters.iter().flat_map(|cluster| cluster.db_cluster_members());
    let of_cluster = members.filter(own).filter_map(|member| member.db_cluster_parameter_group_status());
    let of_instance = instance.db_parameter_groups().iter().filter_map(|group| group.parameter_apply_status());
    of_cluster.chain(of_instance).any(|status| status == PENDING)
}

/// Restarts an instance, if it is due by what RDS says now. Of a cluster one after the other, the writer first, and only while
/// all others are available (Aurora User Guide, "Rebooting an Aurora cluster with read availability").
///
/// Answers until when to wait: for its own restart, or for its turn. None: nothing waits for one any more, or not at this time.
pub async fn restart(aws: &Aws, identifier: &str, at_once: bool) -> Result<Option<&'static str>, CloudError> {
    let read = aws.rds.describe_db_instances().db_instance_identifier(identifier).send().await;
    let read = read.during("rds:DescribeDBInstances")?.db_instances.unwrap_or_default();
    let Some(instance) = read.first() else { return Ok(None) };
    if !at_once && !is_open(instance.preferred_maintenance_window().unwrap_or_default(), Timestamp::now()) {
        return Ok(None);
    }
    let (clusters, members) = match instance.db_cluster_identifier() {
        None => (Vec::new(), read),
        Some(cluster) => {
            let clusters = aws.rds.describe_db_clusters().db_cluster_identifier(cluster).send().await;
            let clusters = clusters.during("rds:DescribeDBClusters")?.db_clusters.unwrap_or_default();
            let filter = Filter::builder().name("db-cluster-id").values(cluster).build();
            let members = aws.rds.describe_db_instances().filters(filter).max_records(100).send().await;
            (clusters, members.during("rds:DescribeDBInstances")?.db_instances.unwrap_or_default())
        }
    };
    if members.iter().any(|member| member.db_instance_status() != Some("available")) {
        return Ok(Some("all instances of the database are available"));
    }
    let writes = |identifier: Option<&str>| {
        let mut all = clusters.iter().flat_map(|cluster| cluster.db_cluster_members());
        all.any(|member| member.db_instance_identifier() == identifier && member.is_cluster_writer == Some(true))
    };
    let pending = members.iter().filter(|member| says_pending(member, &clusters));
    let pending = pending.map(|member| member.db_instance_identifier());
    match pending.min_by_key(|identifier| (!writes(*identifier), *identifier)).flatten() {
        None => Ok(None),
        Some(next) if next != identifier => Ok(Some("another instance has restarted")),
        Some(_) => {
            let call = aws.rds.reboot_db_instance().db_instance_identifier(identifier).send().await;
            call.during("rds:RebootDBInstance")?;
            aws.restarts.note(identifier);
            Ok(Some("the instance has restarted"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(window: &str, now: &str) -> bool {
        is_open(window, now.parse().unwrap())
    }

    #[test]
    fn a_window_is_open_from_its_first_minute_to_its_last() {
        // A Sunday.
        assert!(!open("sun:05:00-sun:06:00", "2026-11-29T04:59:59Z"));
        assert!(open("sun:05:00-sun:06:00", "2026-11-29T05:00:00Z"));
        assert!(open("sun:05:00-sun:06:00", "2026-11-29T05:59:59Z"));
        assert!(!open("sun:05:00-sun:06:00", "2026-11-29T06:00:00Z"));
        assert!(!open("sun:05:00-sun:06:00", "2026-11-30T05:30:00Z"));
    }

    #[test]
    fn a_window_may_cross_the_end_of_a_day_and_of_the_week() {
        assert!(open("sat:23:30-sun:00:30", "2026-11-29T00:10:00Z"));
        assert!(open("sun:23:30-mon:00:30", "2026-11-29T23:45:00Z"));
        assert!(open("sun:23:30-mon:00:30", "2026-11-30T00:15:00Z"));
        assert!(!open("sun:23:30-mon:00:30", "2026-12-01T00:15:00Z"));
    }

    #[test]
    fn what_is_no_window_is_never_open() {
        assert!(!open("", "2026-11-29T05:30:00Z") && !open("sunday-monday", "2026-11-29T05:30:00Z"));
    }
}
