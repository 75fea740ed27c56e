//! Things that are as they are wanted and do not do their work.

use payment_platform_engine::{Class, CloudError, Hold, Outcome, Step, Unready};

use crate::cloud::lost;
use crate::driver::{Driver, built, let_the_window_pass, outcome, wanted};

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

/// What becomes of `c`, which needs `a` and is not there, while this is unready.
fn made_while_unready(unready: &str, why: Unready) -> bool {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let_the_window_pass();
    let (id, c) = (driver.cloud.ids(unready).remove(0), driver.cloud.ids("c").remove(0));
    driver.cloud.with(|state| {
        state.unready.insert(id, why);
        state.things.remove(&c);
    });
    let report = driver.pass(&wanted(1, 1));
    assert!(!outcome(&report, unready).is_ready(), "the platform is not ready before it works");
    outcome(&report, "c").is_ready()
}

#[test]
fn what_needs_a_thing_that_is_being_deployed_is_made_where_its_kind_says_so() {
    let warm = || Unready::Until("it is warm".to_owned());
    assert!(made_while_unready("a", warm()), "an item is used before it is ready");
    assert!(!made_while_unready("box", warm()), "a box is not");
    assert!(!made_while_unready("a", Unready::Failed(lost())), "what does not work is not used");
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
