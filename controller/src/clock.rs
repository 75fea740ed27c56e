//! A clock that nobody sets and that goes on while the machine sleeps. `Instant` stands still then (CLOCK_MONOTONIC), so
//! that a controller which was suspended with its machine would believe a lease that another one has long had.

use std::time::Duration;

/// Time since the machine was started, sleep included.
#[cfg(target_os = "linux")]
pub fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// Elsewhere, where only developers run it: time since it was first asked, without sleep.
#[cfg(not(target_os = "linux"))]
pub fn since_boot() -> Duration {
    static BEGAN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGAN.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_forward() {
        let (first, second) = (since_boot(), since_boot());
        assert!(first <= second && second - first < Duration::from_secs(60));
    }
}
