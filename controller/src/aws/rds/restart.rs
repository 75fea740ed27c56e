//! Restarts: parameters that an instance takes with a restart only wait for one, which comes in the maintenance window (RDS User
//! Guide, "Parameter groups": static parameters are `pending-reboot` until the instance is rebooted).

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use payment_platform_engine::{CloudError, Unready};

use crate::aws::Aws;
use crate::aws::error::During;

/// What RDS says of a group whose parameters wait for a restart.
pub const PENDING: &str = "pending-reboot";

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

/// Restarts an instance. It is not to be used for a minute or so; a cluster with a reader goes on with that.
pub async fn restart(aws: &Aws, identifier: &str) -> Result<(), CloudError> {
    let call = aws.rds.reboot_db_instance().db_instance_identifier(identifier).send().await;
    call.during("rds:RebootDBInstance").map(drop)
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
