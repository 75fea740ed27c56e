//! What is no longer wanted goes, after whatever uses it.

use payment_platform_engine::{Graph, Hold, Outcome, Unready};

use crate::driver::{Driver, box_and_vault, built, let_the_window_pass, wanted};
use crate::kinds::Box;

fn deleting(driver: &mut Driver, keep_data: bool) {
    driver.options.deleting = true;
    driver.options.keep_data = keep_data;
}

#[test]
fn everything_is_deleted_users_first_and_the_last_kind_last() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    deleting(&mut driver, false);
    let before = driver.cloud.writes().len();
    driver.converge(&Graph::default());
    assert!(driver.cloud.contents().is_empty());
    let writes = driver.cloud.writes()[before..].to_vec();
    let at = |what: &str| writes.iter().position(|write| write == what).unwrap();
    assert!(at("delete c") < at("delete b") && at("delete b") < at("delete a"));
    assert_eq!(writes.last().unwrap(), "delete box");
    assert_eq!(writes.len(), 5, "each thing is deleted once: {writes:?}");
}

#[test]
fn kept_data_keeps_what_it_uses() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    deleting(&mut driver, true);
    driver.converge(&Graph::default());
    assert_eq!(driver.cloud.contents(), ["test/box box 1 0", "test/vault vault 1 1"]);
    assert!(driver.plan(&Graph::default()).steps.is_empty());
    // The next generation takes over what was kept.
    let mut next = Driver::on(driver.cloud.clone());
    next.identity.owner.uid = "uid-1".to_owned();
    next.converge(&wanted(1, 1));
    assert_eq!(next.cloud.contents(), built(1, 1));
}

#[test]
fn what_is_no_longer_wanted_goes_but_not_what_holds_data() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let mut only_box = Graph::default();
    let region = payment_platform_engine::Region::new("r");
    only_box.add("Boxes", &region, "box", Box { owner: crate::driver::owner(), size: 1 });
    let report = driver.pass(&only_box);
    assert_eq!(driver.cloud.contents(), ["test/box box 1 0", "test/vault vault 1 1"]);
    let vault = report.entries.iter().find(|entry| entry.node.name == "vault").unwrap();
    assert_eq!(vault.outcome, Outcome::Held(Hold::HoldsData));
}

#[test]
fn what_can_only_go_later_keeps_nobody_waiting_and_goes_then() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let id = driver.cloud.ids("c").remove(0);
    driver.cloud.with(|state| state.unready.insert(id.clone(), Unready::Kept("a copy has it".to_owned())));
    let without = box_and_vault(1);
    let writes = driver.cloud.writes().len();
    let report = driver.pass(&without);
    let outcome = |name: &str| &report.entries.iter().find(|entry| entry.node.name == name).unwrap().outcome;
    assert_eq!(*outcome("c"), Outcome::Held(Hold::Later("a copy has it".to_owned())));
    assert!(outcome("c").is_ready());
    assert!(matches!(outcome("b"), Outcome::Blocked { on } if on.name == "c"), "{:?}", outcome("b"));
    assert_eq!(driver.cloud.writes().len(), writes, "it is not tried");
    driver.cloud.with(|state| state.unready.clear());
    driver.converge(&without);
    assert!(driver.cloud.ids("c").is_empty());
}

#[test]
fn while_users_cannot_be_read_what_they_may_use_stays() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    deleting(&mut driver, false);
    driver.cloud.with(|state| state.unreadable.insert("test/vault"));
    driver.pass(&Graph::default());
    assert_eq!(driver.cloud.contents(), ["test/box box 1 0", "test/vault vault 1 1"]);
    driver.cloud.with(|state| state.unreadable.clear());
    driver.converge(&Graph::default());
    assert!(driver.cloud.contents().is_empty());
}

#[test]
fn a_thing_that_somebody_else_uses_waits() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    deleting(&mut driver, false);
    let a = driver.cloud.ids("a").remove(0);
    let foreign = driver.cloud.with(|state| {
        let mut foreign = state.things.values().next().unwrap().clone();
        (foreign.claim, foreign.links) = (None, [a.clone()].into());
        let id = state.new_id();
        state.things.insert(id.clone(), foreign);
        id
    });
    let report = driver.pass(&Graph::default());
    let entry = report.entries.iter().find(|entry| entry.node.name == "a").unwrap();
    assert!(matches!(entry.outcome, Outcome::Waiting { .. }), "{:?}", entry.outcome);
    driver.cloud.with(|state| state.things.remove(&foreign));
    driver.converge(&Graph::default());
    assert!(driver.cloud.contents().is_empty());
}

#[test]
fn a_slow_deletion_is_waited_for_and_asked_for_again() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let a = driver.cloud.ids("c");
    driver.cloud.with(|state| state.slow.extend(a.clone()));
    driver.options.deleting = true;
    let report = driver.pass(&Graph::default());
    let entry = report.entries.iter().find(|entry| entry.node.name == "c").unwrap();
    assert!(matches!(entry.outcome, Outcome::Waiting { refused: false, .. }) && !entry.gone, "{:?}", entry.outcome);
    assert_eq!(report.retry(1), Some(std::time::Duration::from_secs(5)));
    assert!(!report.is_stuck());
    driver.converge(&Graph::default());
    assert!(driver.cloud.contents().is_empty());
}

#[test]
fn what_goes_after_the_answer_is_no_longer_counted_as_soon_as_a_read_says_so() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let_the_window_pass();
    let c = driver.cloud.ids("c").remove(0);
    driver.cloud.with(|state| state.slow.insert(c.clone()));
    assert!(!driver.pass(&box_and_vault(1)).is_converged());
    driver.cloud.with(|state| state.things.remove(&c));
    driver.converge(&box_and_vault(1));
    let left = driver.memory.nodes.iter().filter(|(_, known)| !known.gone).map(|(node, _)| node.name.as_str());
    assert_eq!(left.collect::<Vec<_>>(), ["box", "vault"]);
}

#[test]
fn what_others_have_tied_into_a_circle_is_reported() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let (a, c) = (driver.cloud.ids("a").remove(0), driver.cloud.ids("c").remove(0));
    driver.cloud.with(|state| state.things.get_mut(&a).unwrap().links.insert(c));
    driver.options.deleting = true;
    let report = driver.pass(&Graph::default());
    let blocked = |name: &str| {
        let entry = report.entries.iter().find(|entry| entry.node.name == name).unwrap();
        matches!(entry.outcome, Outcome::Blocked { .. })
    };
    assert!(blocked("a") && blocked("c"), "{:?}", report.entries.iter().map(|e| &e.outcome).collect::<Vec<_>>());
}

#[test]
fn what_stays_refused_is_told_from_what_takes_time() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let c = driver.cloud.ids("c").remove(0);
    driver.cloud.with(|state| {
        let thing =
            crate::cloud::Thing { claim: None, links: [c].into(), ..state.things.values().next().unwrap().clone() };
        state.things.insert("somebody's".to_owned(), thing);
    });
    driver.options.deleting = true;
    driver.pass(&Graph::default());
    let report = driver.pass(&Graph::default());
    assert!(report.is_stuck(), "{:?}", report.entries.iter().map(|e| &e.outcome).collect::<Vec<_>>());
    assert_eq!(report.retry(8), report.retry(1).map(|retry| retry * 8));
}
