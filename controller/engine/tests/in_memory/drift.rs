//! What is taken for drift, and what is done about it.

use payment_platform_engine::{Hold, Outcome, Step};

use crate::driver::{Driver, built, let_the_window_pass, outcome, resize, wanted};

#[test]
fn a_changed_wish_is_no_drift_and_a_changed_thing_is() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let report = driver.pass(&wanted(1, 2));
    assert!(report.entries.iter().all(|entry| !entry.drift));
    assert_eq!(driver.cloud.contents(), built(1, 2));
    crate::driver::let_the_window_pass();
    let id = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| state.things.get_mut(&id).unwrap().size = 7);
    let report = driver.pass(&wanted(1, 2));
    let drift: Vec<_> = report.entries.iter().filter(|entry| entry.drift).collect();
    assert_eq!(drift.len(), 1);
    assert_eq!(drift[0].changes[0].path.to_string(), "size");
    assert_eq!(drift[0].changes[0].before, Some(7.into()));
    assert_eq!(drift[0].changes[0].after, Some(2.into()));
    assert_eq!(driver.cloud.contents(), built(1, 2));
}

#[test]
fn drift_below_an_unreadable_parent_is_repaired() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    crate::driver::let_the_window_pass();
    driver.cloud.with(|state| state.unreadable.insert("test/box"));
    let id = driver.cloud.ids("c").remove(0);
    driver.cloud.with(|state| state.things.get_mut(&id).unwrap().size = 7);
    driver.pass(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn observed_drift_is_reported_and_a_changed_wish_is_carried_out() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    driver.options.observe = true;
    crate::driver::let_the_window_pass();
    let id = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| state.things.get_mut(&id).unwrap().size = 7);
    let report = driver.pass(&wanted(2, 1));
    let entry = |name: &str| report.entries.iter().find(|entry| entry.node.name == name).unwrap();
    assert_eq!(entry("a").outcome, Outcome::Held(Hold::Observing));
    assert_eq!(entry("a").changes.len(), 1);
    assert_eq!(entry("box").outcome, Outcome::Changed);
    assert_eq!(driver.cloud.with(|state| state.things[&id].size), 7);
}

#[test]
fn what_was_just_changed_is_not_taken_for_drift_while_reads_may_lag() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let id = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| state.things.get_mut(&id).unwrap().size = 7);
    let writes = driver.cloud.writes();
    let report = driver.pass(&wanted(1, 1));
    assert!(report.entries.iter().all(|entry| !entry.drift));
    assert_eq!(driver.cloud.writes(), writes);
    crate::driver::let_the_window_pass();
    driver.pass(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn a_contested_correction_is_held_but_never_one_that_closes() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    crate::driver::let_the_window_pass();
    let contested = Hold::Contested { times: 5, retry: std::time::Duration::from_secs(60) };
    for name in ["a", "c"] {
        let node = payment_platform_engine::NodeId::new(&driver.region, "test/item", name);
        driver.options.contested.insert(node, contested.clone());
    }
    resize(&driver, "a", 7);
    let c = driver.cloud.ids("c").remove(0);
    driver.cloud.with(|state| state.things.get_mut(&c).unwrap().links.insert("foreign".to_owned()));
    let report = driver.pass(&wanted(1, 1));
    assert_eq!(outcome(&report, "a"), Outcome::Held(contested));
    assert_eq!(outcome(&report, "c"), Outcome::Changed);
    assert!(driver.cloud.with(|state| !state.things[&c].links.contains("foreign")));
}

#[test]
fn an_excepted_difference_is_left_alone_and_what_else_differs_is_corrected() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    crate::driver::let_the_window_pass();
    driver.options.exceptions = vec![payment_platform_engine::Exception {
        node: payment_platform_engine::NodeId::new(&driver.region, "test/item", "a"),
        path: "size".to_owned(),
        reason: "agreed".to_owned(),
        until: "tomorrow".to_owned(),
    }];
    resize(&driver, "a", 7);
    resize(&driver, "b", 7);
    let report = driver.pass(&wanted(1, 1));
    assert!(matches!(outcome(&report, "a"), Outcome::Held(Hold::Excepted { reason, .. }) if reason == "agreed"));
    assert!(report.is_converged(), "an exception is no fault");
    assert!(report.entries.iter().all(|entry| entry.node.name != "a" || !entry.drift), "nor is it drift");
    let a = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| state.things.get_mut(&a).unwrap().links.insert("foreign".to_owned()));
    driver.pass(&wanted(1, 1));
    assert!(driver.cloud.with(|state| !state.things[&a].links.contains("foreign")), "the rest of the node is kept");
    assert_eq!(driver.cloud.with(|state| state.things[&a].size), 7);
    driver.options.exceptions.clear();
    crate::driver::let_the_window_pass();
    driver.pass(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn a_changed_wish_that_is_not_complete_yet_is_no_drift() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    crate::driver::let_the_window_pass();
    // `c` is to be larger, and what it links to is not known: `a` is gone and cannot be made again.
    let a = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| {
        state.things.remove(&a);
        state.refused.insert("a".to_owned());
    });
    let report = driver.pass(&wanted(1, 5));
    let entry = report.entries.iter().find(|entry| entry.node.name == "c").unwrap();
    assert!(entry.changes.iter().any(|change| change.path.to_string() == "size"), "{:?}", entry.changes);
    assert!(!entry.drift, "the spec has changed, nobody else");
    // The same wish as before, as incomplete: now it is somebody else who has changed it.
    driver.cloud.with(|state| state.refused.clear());
    driver.converge(&wanted(1, 5));
    crate::driver::let_the_window_pass();
    let a = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| {
        state.things.remove(&a);
        state.refused.insert("a".to_owned());
    });
    resize(&driver, "c", 9);
    let report = driver.pass(&wanted(1, 5));
    assert!(report.entries.iter().any(|entry| entry.node.name == "c" && entry.drift));
}

#[test]
fn a_new_wish_that_keeps_less_data_is_held_until_it_is_approved_and_drift_is_not() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 5));
    let report = driver.pass(&wanted(1, 3));
    let held =
        |outcome: &Outcome| matches!(outcome, Outcome::Held(Hold::WouldKeepLess { fields }) if fields == &["size"]);
    assert!(held(&outcome(&report, "vault")), "{:?}", outcome(&report, "vault"));
    assert_eq!(outcome(&report, "a"), Outcome::Changed, "what holds no data follows the wish");
    let vault = payment_platform_engine::NodeId::new(&driver.region, "test/vault", "vault");
    driver.options.approved.insert(vault);
    driver.pass(&wanted(1, 3));
    driver.options.approved.clear();
    assert_eq!(driver.cloud.contents(), built(1, 3));
    // Somebody else made it larger: it is put right without asking.
    crate::driver::let_the_window_pass();
    resize(&driver, "vault", 9);
    driver.pass(&wanted(1, 3));
    assert_eq!(driver.cloud.contents(), built(1, 3));
}

#[test]
fn what_our_own_change_may_explain_is_repaired_and_is_no_drift_what_it_cannot_is() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let c = driver.cloud.ids("c").remove(0);
    let link = driver.cloud.with(|state| state.things[&c].links.iter().next().unwrap().clone());
    // A read that lags behind our own creation lacks a link.
    driver.cloud.with(|state| state.things.get_mut(&c).unwrap().links.remove(&link));
    let report = driver.pass(&wanted(1, 1));
    let entry = report.entries.iter().find(|entry| entry.node.name == "c").unwrap();
    assert!(matches!(entry.step, Step::Update(_)) && !entry.drift, "{:?}", entry.step);
    // Nobody but somebody else adds one.
    driver.cloud.with(|state| state.things.get_mut(&c).unwrap().links.insert("id-foreign".to_owned()));
    let report = driver.pass(&wanted(1, 1));
    assert!(report.entries.iter().any(|entry| entry.node.name == "c" && entry.drift));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn soon_after_a_change_only_what_it_changed_may_be_a_read_that_lags() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let_the_window_pass();
    let c = driver.cloud.ids("c").remove(0);
    let links: Vec<String> = driver.cloud.with(|state| state.things[&c].links.iter().cloned().collect());
    let mut drifted = |change: &dyn Fn(&mut crate::cloud::Thing)| {
        driver.cloud.with(|state| change(state.things.get_mut(&c).unwrap()));
        let report = driver.pass(&wanted(1, 1));
        report.entries.iter().any(|entry| entry.node.name == "c" && entry.drift && entry.outcome == Outcome::Changed)
    };
    assert!(drifted(&|thing| assert!(thing.links.remove(&links[0]))));
    assert!(drifted(&|thing| assert!(thing.links.remove(&links[1]))), "a read from before that had this link");
    assert!(!drifted(&|thing| assert!(thing.links.remove(&links[0]))), "a read from before may lack it");
    assert!(drifted(&|thing| thing.size = 7), "its size was right before");
    assert!(!drifted(&|thing| thing.size = 7), "it waits, and is not drift");
    let_the_window_pass();
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn what_an_unanswered_change_was_about_may_be_a_read_that_lags() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let_the_window_pass();
    let c = driver.cloud.ids("c").remove(0);
    let link = driver.cloud.with(|state| state.things[&c].links.iter().next().unwrap().clone());
    let mut passed = |change: &dyn Fn(&mut crate::cloud::State)| {
        driver.cloud.with(change);
        let report = driver.pass(&wanted(1, 1));
        let entry = report.entries.iter().find(|entry| entry.node.name == "c").unwrap();
        (entry.drift, entry.outcome == Outcome::Changed)
    };
    let unlinked = |state: &mut crate::cloud::State| assert!(state.things.get_mut(&c).unwrap().links.remove(&link));
    assert_eq!(passed(&unlinked), (true, true));
    let unanswered = |state: &mut crate::cloud::State| {
        state.things.get_mut(&c).unwrap().size = 7;
        (state.budget, state.last_takes_effect) = (Some(1), true);
    };
    assert_eq!(passed(&unanswered), (true, false), "nobody knows whether it happened");
    let lagging = |state: &mut crate::cloud::State| {
        state.things.get_mut(&c).unwrap().size = 7;
        state.budget = None;
    };
    assert!(!passed(&lagging).0, "a read from before it may have this size");
}
