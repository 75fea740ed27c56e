//! What one pass does, and what it leaves alone.

use payment_platform_engine::{Graph, Hold, Outcome, Report, Step};

use crate::driver::{Driver, built, let_the_window_pass, outcome, wanted};

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

/// `wanted(1, 1)` with items of another size.
fn resized(size: i64) -> Graph<crate::cloud::Cloud> {
    use crate::driver::owner;
    use crate::kinds::{Box, Item};
    let mut graph = Graph::default();
    let region = payment_platform_engine::Region::new("r");
    let boxed = graph.add("Boxes", &region, "box", Box { owner: owner(), size: 1 });
    let item = |links| Item { owner: owner(), size, inside: boxed.clone(), links };
    let a = graph.add("Items", &region, "a", item(vec![]));
    let b = graph.add("Items", &region, "b", item(vec![a.clone()]));
    graph.add("Items", &region, "c", item(vec![a, b]));
    let vault = crate::kinds::Vault { owner: owner(), size: 1, inside: boxed };
    graph.add("Vaults", &region, "vault", vault);
    graph
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

/// Sets the size of a node's thing by hand.
fn resize(driver: &Driver, node: &str, size: i64) {
    let id = driver.cloud.ids(node).remove(0);
    driver.cloud.with(|state| {
        state.things.entry(id).and_modify(|thing| thing.size = size);
    });
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
fn of_what_there_can_be_one_only_the_old_one_goes_first() {
    let mut driver = Driver::new();
    let locked = |size| {
        let mut graph = Graph::default();
        let region = payment_platform_engine::Region::new("r");
        graph.add("Locks", &region, "lock", crate::kinds::Lock { owner: crate::driver::owner(), size });
        graph
    };
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
