//! What cannot be changed in place.

use payment_platform_engine::{Graph, Hold, Outcome, Report};

use crate::driver::{Driver, add_items, let_the_window_pass, outcome, owner, wanted};

/// `wanted(1, 1)` with items of another size.
pub fn resized(size: i64) -> Graph<crate::cloud::Cloud> {
    let mut graph = Graph::default();
    let region = payment_platform_engine::Region::new("r");
    let boxed = graph.add("Boxes", &region, "box", crate::kinds::Box { owner: owner(), size: 1 });
    add_items(&mut graph, &boxed, size);
    let vault = crate::kinds::Vault { owner: owner(), size: 1, inside: boxed };
    graph.add("Vaults", &region, "vault", vault);
    graph
}

#[test]
fn what_cannot_be_changed_in_place_is_replaced_and_its_users_move() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let old = driver.cloud.ids("a").remove(0);
    let big = resized(150);
    for _ in 0..5 {
        driver.converge(&big);
    }
    assert!(!driver.cloud.ids("a").contains(&old));
    assert_eq!(driver.cloud.contents().iter().filter(|one| one.starts_with("test/item a")).count(), 1);
}

#[test]
fn what_holds_data_is_not_replaced_unasked() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let vault = driver.cloud.ids("vault");
    let report = driver.pass(&wanted(1, 150));
    let entry = report.entries.iter().find(|entry| entry.node.name == "vault").unwrap();
    assert!(matches!(&entry.outcome, Outcome::Held(Hold::WouldLoseData { fields }) if fields == &["shape"]));
    assert_eq!(driver.cloud.ids("vault"), vault);
}

#[test]
fn what_can_never_be_put_right_does_not_keep_the_rest_from_it() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    crate::driver::let_the_window_pass();
    let id = driver.cloud.ids("vault").remove(0);
    driver.cloud.with(|state| {
        state.things.get_mut(&id).unwrap().size = 7;
        state.painted.insert(id.clone());
    });
    let report = driver.pass(&wanted(1, 1));
    let vault = |report: &Report| report.entries.iter().find(|entry| entry.node.name == "vault").unwrap().clone();
    assert_eq!(driver.cloud.with(|state| state.things[&id].size), 1);
    assert_eq!(vault(&report).wish, None, "not all of the wish is carried out");
    let held = vault(&driver.pass(&wanted(1, 1)));
    assert!(matches!(&held.outcome, Outcome::Held(Hold::WouldDisrupt { fields }) if fields == &["painted"]));
    assert_eq!(held.changes.iter().map(|change| change.field()).collect::<Vec<_>>(), ["painted"]);
}

#[test]
fn what_is_replaced_anyway_is_put_right_by_that() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let old = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| state.painted.insert(old.clone()));
    for _ in 0..5 {
        driver.converge(&resized(150));
    }
    assert!(!driver.cloud.ids("a").contains(&old));
}

#[test]
fn approved_what_holds_data_is_deleted_but_never_a_twin_of_it() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    driver.options.approved.insert(payment_platform_engine::NodeId::new(&driver.region, "test/vault", "vault"));
    let original = driver.cloud.ids("vault").remove(0);
    let twin = driver.cloud.with(|state| {
        let id = state.new_id();
        let twin = state.things[&original].clone();
        state.things.insert(id.clone(), twin);
        id
    });
    driver.pass(&wanted(1, 1));
    assert!(driver.cloud.with(|state| state.things.contains_key(&twin)));
    driver.cloud.with(|state| state.things.remove(&twin));
    driver.converge(&Graph::default());
    assert!(driver.cloud.contents().is_empty(), "{:?}", driver.cloud.contents());
}

/// A lock, of which there can be one only.
pub fn locked(size: i64) -> Graph<crate::cloud::Cloud> {
    let mut graph = Graph::default();
    let region = payment_platform_engine::Region::new("r");
    graph.add("Locks", &region, "lock", crate::kinds::Lock { owner: owner(), size });
    graph
}

#[test]
fn of_what_there_can_be_one_only_the_old_one_goes_first() {
    let mut driver = Driver::new();
    driver.pass(&locked(1));
    let old = driver.cloud.ids("lock");
    let report = driver.pass(&locked(150));
    assert!(matches!(outcome(&report, "lock"), Outcome::Waiting { .. }), "{:?}", outcome(&report, "lock"));
    assert!(driver.cloud.ids("lock").is_empty());
    let_the_window_pass();
    driver.converge(&locked(150));
    assert!(driver.cloud.ids("lock").len() == 1 && driver.cloud.ids("lock") != old);
    assert_eq!(driver.cloud.writes(), ["create lock", "delete lock", "create lock"]);
}
