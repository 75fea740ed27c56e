//! The windows in which RDS backs a database up and maintains it.

use crate::platform::{Invalid, invalid};

/// Minutes of a day.
const DAY: i32 = 24 * 60;

/// Half an hour, the shortest window that RDS takes.
const SHORTEST_WINDOW: i32 = 30;

/// Refuses what RDS refuses: windows that are too short, or overlap (User Guide, "Backup window").
pub(super) fn check_windows(backup: &str, maintenance: &str, errors: &mut Vec<Invalid>) {
    let minutes = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        Some(hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?)
    };
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let in_week = |text: &str| {
        let (day, time) = text.split_once(':')?;
        Some(i32::try_from(days.iter().position(|one| *one == day)?).ok()? * DAY + minutes(time)?)
    };
    let daily = backup.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
    let weekly = maintenance.split_once('-').and_then(|(from, to)| Some((in_week(from)?, in_week(to)?)));
    let Some((start, end)) = daily else {
        errors.push(invalid("database.backupWindow", format!("{backup:?} is no window like 03:00-04:00")));
        return;
    };
    let Some((first, last)) = weekly else {
        let message = format!("{maintenance:?} is no window like sun:05:00-sun:06:00");
        errors.push(invalid("database.maintenanceWindow", message));
        return;
    };
    let length = (end - start).rem_euclid(DAY);
    let care = (last - first).rem_euclid(7 * DAY);
    if length < SHORTEST_WINDOW {
        errors.push(invalid("database.backupWindow", format!("{backup} is shorter than {SHORTEST_WINDOW} minutes")));
    }
    if care < SHORTEST_WINDOW {
        let message = format!("{maintenance} is shorter than {SHORTEST_WINDOW} minutes");
        errors.push(invalid("database.maintenanceWindow", message));
    }
    // One begins within the other, on whatever day: backups are daily.
    if (first - start).rem_euclid(DAY) < length || (start - first).rem_euclid(DAY) < care {
        let message = format!("{maintenance} overlaps database.backupWindow {backup}, which RDS refuses");
        errors.push(invalid("database.maintenanceWindow", message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_overlap_are_refused() {
        let refusals = |backup: &str, maintenance: &str| {
            let mut errors = Vec::new();
            check_windows(backup, maintenance, &mut errors);
            errors.len()
        };
        assert_eq!(refusals("03:00-04:00", "sun:05:00-sun:06:00"), 0);
        assert_eq!(refusals("03:00-04:00", "sun:03:30-sun:04:30"), 1);
        assert_eq!(refusals("23:30-00:30", "mon:00:00-mon:01:00"), 1);
        assert_eq!(refusals("23:30-00:30", "sun:22:00-mon:00:00"), 1);
        assert_eq!(refusals("03:00-03:10", "sun:05:00-sun:06:00"), 1);
        assert_eq!(refusals("03:00-04:00", "sun:04:00-sun:05:00"), 0);
    }
}
