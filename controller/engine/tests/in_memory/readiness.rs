//! Things that are as they are wanted and do not do their work.

use payment_platform_engine::{Class, CloudError, Hold, Memory, Outcome, Step, Unready};

use crate::cloud::lost;
use crate::driver::{Driver, box_and_vault, built, let_the_window_pass, outcome, wanted};

#[test]
fn what_does_not_work_yet_waits_and_is_repaired_all_the_same() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let_the_window_pass();
    let id = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| state.unready.insert(id.clone(), Unready::Until("it is warm".to_owned())));
    let writes = driver.cloud.writes();
    let report = driver.pass(&wanted(1, 1));
    assert!(matches!(outcome(&report, "a"), Outcome::Waiting { until, refused: false, .. } if until == "it is warm"));
    assert!(report.entries.iter().all(|entry| !entry.drift) && !report.is_converged());
    assert_eq!(driver.cloud.writes(), writes);
    // Others can use it, and what somebody changes of it is drift.
    driver.cloud.with(|state| state.things.get_mut(&id).unwrap().size = 7);
    let report = driver.pass(&wanted(1, 1));
    assert!(report.entries.iter().any(|entry| entry.drift && matches!(entry.step, Step::Update(_))));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn what_needs_a_thing_that_does_not_work_yet_is_made() {
    let mut driver = Driver::new();
    driver.pass(&box_and_vault(1));
    let_the_window_pass();
    let boxed = driver.cloud.ids("box").remove(0);
    for unready in [Unready::Until("it is warm".to_owned()), Unready::Failed(lost())] {
        driver.cloud.with(|state| state.unready.insert(boxed.clone(), unready));
        let report = driver.pass(&wanted(1, 1));
        assert!(!outcome(&report, "box").is_ready(), "the platform is not ready before it works");
        assert_eq!(driver.cloud.contents(), built(1, 1));
        for item in ["a", "b", "c"] {
            let id = driver.cloud.ids(item).remove(0);
            driver.cloud.with(|state| state.things.remove(&id));
        }
        driver.memory = Memory::default();
    }
}

#[test]
fn what_will_not_work_without_help_asks_for_it() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let id = driver.cloud.ids("a").remove(0);
    let broken = CloudError::new(Class::Invalid, "cloud:Read", "Broken", "no task starts");
    driver.cloud.with(|state| state.unready.insert(id, Unready::Failed(broken.clone())));
    let report = driver.pass(&wanted(1, 1));
    assert_eq!(outcome(&report, "a"), Outcome::Held(Hold::Broken(broken.clone())));
    assert!(Hold::Broken(broken).needs_human());
    assert!(outcome(&report, "b").is_ready(), "others go on");
}
