//! Second things of one node: made by accident, or by somebody who copies tags.

use std::collections::BTreeMap;

use payment_platform_engine::{Hold, Outcome, Report, Step};

use crate::cloud::Thing;
use crate::driver::{Driver, built, let_the_window_pass, owner, wanted};
use crate::kinds::Lock;

/// A second thing with all tags of a node.
pub fn add_twin(driver: &Driver, node: &str) -> String {
    let original = driver.cloud.ids(node).remove(0);
    driver.cloud.with(|state| {
        let twin = Thing { token: "another".to_owned(), ..state.things[&original].clone() };
        let id = state.new_id();
        state.things.insert(id.clone(), twin);
        id
    })
}

/// What became of the steps that delete something.
fn deletions(report: &Report) -> Vec<Outcome> {
    let deletions = report.entries.iter().filter(|entry| entry.extra);
    deletions.map(|entry| entry.outcome.clone()).collect()
}

#[test]
fn where_drift_is_only_observed_a_twin_stays() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    add_twin(&driver, "a");
    driver.options.observe = true;
    let writes = driver.cloud.writes();
    let report = driver.pass(&wanted(1, 1));
    assert_eq!(deletions(&report), [Outcome::Held(Hold::Observing)]);
    assert!(report.entries.iter().any(|entry| entry.extra && entry.drift), "it is drift all the same");
    assert_eq!(driver.cloud.writes(), writes);
}

#[test]
fn a_twin_of_a_contested_node_waits_as_its_repairs_do() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    add_twin(&driver, "a");
    let hold = Hold::Contested { times: 5, retry: std::time::Duration::from_secs(60) };
    let node = driver.memory.nodes.keys().find(|node| node.name == "a").unwrap().clone();
    driver.options.contested = BTreeMap::from([(node, hold.clone())]);
    assert_eq!(deletions(&driver.pass(&wanted(1, 1))), [Outcome::Held(hold)]);
    driver.options.contested.clear();
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn a_deleted_twin_that_an_older_look_still_shows_is_not_deleted_again() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let_the_window_pass();
    add_twin(&driver, "a");
    driver.share_this_look();
    let report = driver.pass(&wanted(1, 1));
    assert_eq!(deletions(&report), [Outcome::Changed]);
    let writes = driver.cloud.writes();
    for _ in 0..3 {
        let report = driver.pass(&wanted(1, 1));
        assert_eq!(deletions(&report), []);
        assert!(report.entries.iter().all(|entry| !entry.drift));
        let_the_window_pass();
    }
    assert_eq!(driver.cloud.writes(), writes);
    // A look that began later is believed again.
    driver.shared = None;
    add_twin(&driver, "a");
    assert_eq!(deletions(&driver.pass(&wanted(1, 1))), [Outcome::Changed]);
}

#[test]
fn what_guards_data_is_not_deleted_while_it_is_not_known_who_uses_it() {
    let mut driver = Driver::new();
    let mut graph = wanted(1, 1);
    graph.add("Locks", &driver.region, "lock", Lock { owner: owner(), size: 1 });
    driver.pass(&graph);
    let_the_window_pass();
    let twin = add_twin(&driver, "lock");
    let vault = driver.cloud.ids("vault");
    driver.cloud.with(|state| state.half_read.extend(vault));
    assert_eq!(deletions(&driver.pass(&graph)), [Outcome::Held(Hold::UsersUnread)]);
    driver.cloud.with(|state| state.half_read.clear());
    assert_eq!(deletions(&driver.pass(&graph)), [Outcome::Changed]);
    assert_eq!(driver.cloud.ids("lock").len(), 1);
    assert!(!driver.cloud.ids("lock").contains(&twin));
}

#[test]
fn our_own_thing_that_an_older_look_shows_under_its_name_is_nobody_elses() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let_the_window_pass();
    driver.share_this_look();
    let vault = driver.cloud.ids("vault").remove(0);
    driver.cloud.with(|state| state.things.remove(&vault));
    // The change of a new wish finds that it is gone; the look from before shows it for a long time.
    driver.pass(&wanted(1, 2));
    let_the_window_pass();
    for _ in 0..3 {
        let report = driver.pass(&wanted(1, 2));
        let entry = report.entries.iter().find(|entry| entry.node.name == "vault").unwrap();
        let taken = matches!(entry.outcome, Outcome::Held(Hold::NameTaken { .. }));
        assert!(!taken && !matches!(entry.step, Step::Hold(Hold::NameTaken { .. })), "{:?}", entry.outcome);
        let_the_window_pass();
    }
    assert_eq!(driver.cloud.contents(), built(1, 2));
}

#[test]
fn that_a_thing_goes_in_whose_place_another_was_made_is_no_drift() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let first = driver.cloud.ids("a");
    // Of a size that takes another shape, and so another thing.
    driver.pass(&wanted(1, 150));
    let mut went = false;
    for _ in 0..5 {
        let report = driver.pass(&wanted(1, 150));
        went |= report.entries.iter().any(|entry| entry.extra && entry.gone);
        assert!(report.entries.iter().all(|entry| !entry.drift), "no drift");
    }
    assert!(went && driver.cloud.ids("a") != first);
    // The vault holds data and stays as it is.
    let items = |all: Vec<String>| all.into_iter().filter(|one| one.contains("item")).collect::<Vec<_>>();
    assert_eq!(items(driver.cloud.contents()), items(built(1, 150)));
}
