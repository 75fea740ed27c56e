//! What one pass does, and what it leaves alone.

use payment_platform_engine::{Hold, Outcome, Step};

use crate::driver::{Driver, built, let_the_window_pass, outcome, resize, wanted};

#[test]
fn everything_is_made_after_what_it_uses() {
    let mut driver = Driver::new();
    let report = driver.pass(&wanted(1, 1));
    assert!(report.is_converged());
    assert_eq!(driver.cloud.contents(), built(1, 1));
    let writes = driver.cloud.writes();
    let at = |what: &str| writes.iter().position(|write| write == what).unwrap();
    assert!(at("create box") < at("create a") && at("create a") < at("create b") && at("create b") < at("create c"));
    assert_eq!(report.progress(), (5, 5));
}

#[test]
fn a_second_pass_makes_no_write() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let writes = driver.cloud.writes();
    let report = driver.pass(&wanted(1, 1));
    assert!(report.entries.iter().all(|entry| entry.outcome == Outcome::Unchanged));
    assert_eq!(driver.cloud.writes(), writes);
}

#[test]
fn a_deleted_thing_is_made_again_and_its_users_follow() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let id = driver.cloud.ids("a").remove(0);
    crate::driver::let_the_window_pass();
    driver.cloud.with(|state| state.things.remove(&id));
    let report = driver.pass(&wanted(1, 1));
    assert!(report.entries.iter().any(|entry| entry.drift && entry.step == Step::Create));
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
    let new = driver.cloud.ids("a").remove(0);
    assert_ne!(new, id);
    assert!(driver.cloud.with(|state| state.things.values().all(|thing| !thing.links.contains(&id))));
}

#[test]
fn what_cannot_be_read_is_not_absent() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let writes = driver.cloud.writes();
    driver.cloud.with(|state| state.unreadable.extend(["test/box", "test/item", "test/vault"]));
    let report = driver.pass(&wanted(1, 1));
    assert!(report.entries.iter().all(|entry| matches!(entry.outcome, Outcome::Held(Hold::Unread(_)))));
    assert_eq!(driver.cloud.writes(), writes);
}

#[test]
fn one_refused_creation_blocks_only_what_uses_it() {
    let mut driver = Driver::new();
    driver.cloud.with(|state| state.refused.insert("b".to_owned()));
    let report = driver.pass(&wanted(1, 1));
    let outcome = |name: &str| &report.entries.iter().find(|entry| entry.node.name == name).unwrap().outcome;
    assert!(matches!(outcome("b"), Outcome::Failed(_)));
    assert!(matches!(outcome("c"), Outcome::Blocked { on } if on.name == "b"));
    assert_eq!(*outcome("vault"), Outcome::Changed);
}

#[test]
fn a_foreign_element_is_removed_while_a_wanted_one_is_not_known_yet() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    // `a` is gone and cannot be made again: what `c` links to it by is not known.
    let (a, c) = (driver.cloud.ids("a").remove(0), driver.cloud.ids("c").remove(0));
    crate::driver::let_the_window_pass();
    driver.cloud.with(|state| {
        state.things.remove(&a);
        state.refused.insert("a".to_owned());
        state.things.get_mut(&c).unwrap().size = 7;
    });
    let report = driver.pass(&wanted(1, 1));
    let entry = report.entries.iter().find(|entry| entry.node.name == "c").unwrap();
    assert!(matches!(entry.outcome, Outcome::Waiting { .. }), "{:?}", entry.outcome);
    assert_eq!(driver.cloud.with(|state| state.things[&c].size), 1);
    // The link to the old `a` could still be the wanted one, so it stays until that is known.
    assert!(driver.cloud.with(|state| state.things[&c].links.contains(&a)));
    driver.cloud.with(|state| state.refused.clear());
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
    assert!(!driver.cloud.with(|state| state.things[&c].links.contains(&a)));
}

#[test]
fn what_is_due_waits_until_everything_that_it_uses_is_right_and_is_no_drift() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    crate::driver::let_the_window_pass();
    let (boxed, a) = (driver.cloud.ids("box").remove(0), driver.cloud.ids("a").remove(0));
    driver.cloud.with(|state| {
        state.things.get_mut(&a).unwrap().size = 7;
        state.due.insert(a.clone());
        state.busy.insert(boxed.clone());
        state.things.get_mut(&boxed).unwrap().size = 7;
    });
    let due = |driver: &Driver| driver.cloud.with(|state| state.due.contains(&a));
    // The thing itself is put right, and what is due is not part of that.
    let report = driver.pass(&wanted(1, 1));
    let entry = report.entries.iter().find(|entry| entry.node.name == "a").unwrap();
    assert!(entry.drift && entry.changes.iter().all(|change| change.field() == "size"), "{:?}", entry.changes);
    assert_eq!(driver.cloud.with(|state| state.things[&a].size), 1);
    // What it stands in takes no change yet.
    driver.pass(&wanted(1, 1));
    assert!(due(&driver));
    driver.cloud.with(|state| state.busy.clear());
    crate::driver::let_the_window_pass();
    driver.converge(&wanted(1, 1));
    assert!(!due(&driver));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn what_is_taken_out_and_wanted_again_is_made_again() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    for _ in 0..2 {
        driver.converge(&crate::driver::box_and_vault(1));
        assert_eq!(driver.cloud.contents().len(), 2);
        driver.converge(&wanted(1, 1));
        assert_eq!(driver.cloud.contents(), built(1, 1));
    }
}

#[test]
fn a_plan_is_what_the_pass_then_does() {
    let mut driver = Driver::new();
    let graph = wanted(1, 1);
    let plan = driver.plan(&graph);
    assert!(plan.writes());
    assert_eq!(plan.steps[0].step, Step::Create);
    assert!(plan.steps[1..].iter().all(|planned| matches!(planned.step, Step::After(_))));
    driver.pass(&graph);
    assert!(!driver.plan(&graph).writes());
}

#[test]
fn at_width_one_everything_is_made_all_the_same() {
    let mut driver = Driver::new();
    assert!(driver.wide_pass(&wanted(1, 1), 1).is_converged());
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn a_look_that_was_too_early_is_repeated_once_it_no_longer_is() {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use payment_platform_engine::inventory::{Inventory, KindLook};
    use payment_platform_engine::{Known, Memory, NodeId, Region};

    use crate::kinds::KINDS;

    let (window, written) = (Duration::from_secs(10), Instant::now());
    let region = Region::new("r");
    let mut memory = Memory::default();
    let known = Known { written: Some(written), ..Known::default() };
    memory.nodes.insert(NodeId::new(&region, "test/box", "box"), known);
    let mut inventory = Inventory::default();
    let look = KindLook::new(written + Duration::from_secs(1), Ok(Vec::new()));
    inventory.looks.insert((region.clone(), "test/box"), Arc::new(look));
    let doubted = |after: u64| {
        let now = written + Duration::from_secs(after);
        !inventory.doubts(&wanted(1, 1), &memory, KINDS, now, window).places.is_empty()
    };
    assert!(!doubted(5), "it is too early for another look");
    assert!(doubted(10), "an old look must not stand for a new one");
}

#[test]
fn what_a_read_soon_after_its_write_shows_as_wanted_is_not_read_again() {
    let mut driver = Driver::new();
    driver.share_this_look();
    driver.pass(&wanted(1, 5));
    assert_eq!(driver.doubted(&wanted(1, 5)), 5, "the look is from before");
    driver.pass(&wanted(1, 5));
    assert_eq!(driver.doubted(&wanted(1, 5)), 0);
    // Without an answer the read may show what was there before.
    driver.cloud.with(|state| (state.budget, state.last_takes_effect) = (Some(1), true));
    driver.pass(&wanted(1, 6));
    driver.cloud.with(|state| state.budget = None);
    driver.pass(&wanted(1, 6));
    assert_eq!(driver.doubted(&wanted(1, 6)), 4, "the others have only now been written");
    driver.pass(&wanted(1, 6));
    assert_eq!(driver.doubted(&wanted(1, 6)), 1);
}

#[test]
fn what_was_made_by_half_is_finished_without_asking() {
    let mut driver = Driver::new();
    driver.cloud.with(|state| state.unanswered.insert("vault".to_owned()));
    driver.pass(&wanted(1, 5));
    // Its answer was lost, and what it was made with is not what is wanted in the end.
    resize(&driver, "vault", 9);
    driver.converge(&wanted(1, 5));
    assert_eq!(driver.cloud.contents(), built(1, 5));
}

#[test]
fn while_nothing_new_is_made_what_is_gone_is_made_again() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let_the_window_pass();
    let a = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| state.things.remove(&a));
    let mut graph = wanted(1, 1);
    let more = crate::kinds::Box { owner: crate::driver::owner(), size: 1 };
    graph.add("Boxes", &driver.region, "another", more);
    let mut plan = driver.plan(&graph);
    plan.hold_creations(&Hold::Quota("full".to_owned()));
    let step = |name: &str| plan.steps.iter().find(|planned| planned.node.name == name).unwrap().step.clone();
    assert_eq!(step("another"), Step::Hold(Hold::Quota("full".to_owned())));
    assert_eq!(step("a"), Step::Create);
}

#[test]
fn what_the_cloud_is_at_work_on_waits_and_stops_nothing_else() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let (a, b) = (driver.cloud.ids("a").remove(0), driver.cloud.ids("b").remove(0));
    let_the_window_pass();
    driver.cloud.with(|state| {
        state.busy.insert(a.clone());
        for id in [&a, &b] {
            state.things.get_mut(id).unwrap().size = 7;
        }
    });
    let report = driver.pass(&wanted(1, 1));
    assert!(matches!(outcome(&report, "a"), Outcome::Waiting { refused: false, .. }), "{:?}", outcome(&report, "a"));
    assert_eq!(outcome(&report, "b"), Outcome::Changed);
    driver.cloud.with(|state| state.busy.clear());
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn what_was_read_again_need_not_be_read_again_and_is_believed() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    driver.share_this_look();
    driver.pass(&wanted(1, 2));
    assert_eq!(driver.doubted(&wanted(1, 2)), 4, "four things were changed after the look");
    let_the_window_pass();
    driver.read_again();
    assert_eq!(driver.doubted(&wanted(1, 2)), 0);
    let report = driver.pass(&wanted(1, 2));
    assert!(report.entries.iter().all(|entry| entry.outcome == Outcome::Unchanged));
    // Drift after that is not seen in it, as in any look, and is in the next one.
    let a = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| state.things.get_mut(&a).unwrap().size = 7);
    assert!(driver.pass(&wanted(1, 2)).entries.iter().all(|entry| !entry.drift));
    driver.share_this_look();
    assert!(driver.pass(&wanted(1, 2)).entries.iter().any(|entry| entry.drift && entry.node.name == "a"));
}
