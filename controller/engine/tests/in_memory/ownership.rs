//! Whose things are whose, and when absence is believed.

use std::collections::BTreeSet;

use payment_platform_engine::Hold;
use payment_platform_engine::{NodeId, Outcome, Owner, Region};

use crate::cloud::Thing;
use crate::driver::{Driver, built, owner, wanted};
use crate::twins::add_twin;

#[test]
fn of_twins_the_one_in_use_stays() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let (kept, twin) = (driver.cloud.ids("a"), add_twin(&driver, "a"));
    let mut next = driver.restarted();
    next.converge(&wanted(1, 1));
    assert_eq!(next.cloud.ids("a"), kept);
    assert!(next.cloud.with(|state| !state.things.contains_key(&twin)));
}

#[test]
fn a_twin_that_holds_data_is_reported_and_left() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let twin = add_twin(&driver, "vault");
    let report = driver.pass(&wanted(1, 1));
    assert!(report.notices.iter().any(|notice| notice.cloud_id == twin));
    assert_eq!(driver.cloud.ids("vault").len(), 2);
}

#[test]
fn a_tagged_thing_of_another_name_is_never_touched() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let copy = add_twin(&driver, "a");
    driver.cloud.with(|state| state.things.get_mut(&copy).unwrap().renamed = true);
    let writes = driver.cloud.writes();
    let report = driver.pass(&wanted(1, 1));
    assert_eq!(report.notices.len(), 1);
    assert_eq!(driver.cloud.writes(), writes);
}

#[test]
fn things_of_another_generation_stop_every_write_until_they_are_taken_over() {
    let mut first = Driver::new();
    first.pass(&wanted(1, 1));
    let writes = first.cloud.writes();
    let mut second = first.restarted();
    second.identity.owner = Owner { uid: "uid-2".to_owned(), ..owner() };
    let report = second.pass(&wanted(1, 2));
    assert!(report.entries.iter().all(|entry| {
        matches!(&entry.outcome, Outcome::Held(Hold::OtherGeneration { uids }) if uids == &["uid-1"])
            || matches!(entry.outcome, Outcome::Waiting { .. } | Outcome::Blocked { .. })
            || matches!(entry.outcome, Outcome::Held(Hold::NameTaken { .. }))
    }));
    assert_eq!(second.cloud.writes(), writes);
    second.identity.takes_over = BTreeSet::from(["uid-1".to_owned()]);
    second.converge(&wanted(1, 2));
    assert_eq!(second.cloud.contents(), built(1, 2));
}

#[test]
fn after_a_start_what_makes_twins_waits_for_the_window_and_what_has_a_token_does_not() {
    let mut driver = Driver::new().restarted();
    let report = driver.pass(&wanted(1, 1));
    let outcome = |name: &str| &report.entries.iter().find(|entry| entry.node.name == name).unwrap().outcome;
    assert!(matches!(outcome("box"), Outcome::Waiting { .. }), "{:?}", outcome("box"));
    assert!(driver.cloud.writes().is_empty());
    crate::driver::let_the_window_pass();
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn a_stale_read_after_a_creation_makes_no_second_thing() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let ids: Vec<String> = ["box", "a", "vault"].iter().flat_map(|node| driver.cloud.ids(node)).collect();
    driver.cloud.with(|state| state.hidden.extend(ids));
    let writes = driver.cloud.writes();
    driver.pass(&wanted(1, 1));
    assert_eq!(driver.cloud.writes(), writes);
    driver.cloud.with(|state| state.hidden.clear());
    crate::driver::let_the_window_pass();
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn a_creation_whose_answer_is_lost_is_not_repeated() {
    let mut driver = Driver::new();
    driver.cloud.with(|state| state.unanswered.extend(["box".to_owned(), "a".to_owned()]));
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn a_thing_whose_tags_were_taken_is_known_by_its_id() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let id = driver.cloud.ids("a").remove(0);
    crate::driver::let_the_window_pass();
    driver.cloud.with(|state| state.things.get_mut(&id).unwrap().claim = None);
    let report = driver.pass(&wanted(1, 1));
    let entry = report.entries.iter().find(|entry| entry.node.name == "a").unwrap();
    assert_eq!(entry.cloud_id.as_ref(), Some(&id));
    assert!(entry.drift && entry.changes.iter().any(|change| change.field() == "owner"), "{:?}", entry.changes);
}

#[test]
fn a_thing_that_says_it_is_somebody_elses_is_a_conflict() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let id = driver.cloud.ids("a").remove(0);
    driver.cloud.with(|state| {
        state.things.get_mut(&id).unwrap().claim.as_mut().unwrap().owner.name = "ns/b".to_owned();
    });
    let writes = driver.cloud.writes();
    let report = driver.pass(&wanted(1, 1));
    let entry = report.entries.iter().find(|entry| entry.node.name == "a").unwrap();
    assert!(matches!(&entry.outcome, Outcome::Held(Hold::NameTaken { cloud_id, .. }) if *cloud_id == id));
    assert_eq!(driver.cloud.writes(), writes);
}

#[test]
fn what_an_earlier_object_kept_is_not_deleted_by_one_of_another_label() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    (driver.options.deleting, driver.options.keep_data) = (true, true);
    driver.converge(&payment_platform_engine::Graph::default());
    let kept = driver.cloud.contents();
    assert_eq!(kept.len(), 2);
    let mut other = Driver::on(driver.cloud.clone());
    other.identity.label = Some("another".to_owned());
    other.identity.owner.uid = "uid-2".to_owned();
    other.options.deleting = true;
    other.converge(&payment_platform_engine::Graph::default());
    assert_eq!(other.cloud.contents(), kept);
}

#[test]
fn things_of_others_are_not_even_considered() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let theirs = add_twin(&driver, "a");
    driver.cloud.with(|state| {
        let thing = state.things.get_mut(&theirs).unwrap();
        let node = NodeId::new(&Region::new("r"), "test/item", "a");
        let owner = Owner { name: "ns/b".to_owned(), uid: "uid-9".to_owned() };
        thing.claim = Some(payment_platform_engine::Claim { owner, node, kept: None });
    });
    let writes = driver.cloud.writes();
    let report = driver.pass(&wanted(1, 1));
    assert!(report.is_converged() && report.notices.is_empty());
    assert_eq!(driver.cloud.writes(), writes);
}

/// A vault of nobody, with the name that the wanted one bears.
fn add_namesake(driver: &Driver, owner: Option<Owner>) -> String {
    let node = NodeId::new(&Region::new("r"), "test/vault", "vault");
    let claim = owner.map(|owner| payment_platform_engine::Claim { owner, node, kept: None });
    driver.cloud.with(|state| {
        let id = state.new_id();
        let (renamed, size, links, token) = (true, 0, [].into(), "theirs".to_owned());
        state.things.insert(id.clone(), Thing { kind: "test/vault", claim, renamed, size, links, token });
        id
    })
}

#[test]
fn a_namesake_without_tags_is_a_conflict_until_it_is_adopted() {
    let mut driver = Driver::new();
    let theirs = add_namesake(&driver, None);
    let report = driver.pass(&wanted(1, 1));
    let outcome = |report: &payment_platform_engine::Report, name: &str| {
        report.entries.iter().find(|entry| entry.node.name == name).unwrap().outcome.clone()
    };
    assert!(matches!(outcome(&report, "vault"), Outcome::Held(Hold::NameTaken { owner: None, .. })));
    assert_eq!(outcome(&report, "a"), Outcome::Changed, "the rest is built");
    assert_eq!(driver.cloud.with(|state| state.things[&theirs].size), 0);
    driver.identity.adopts = BTreeSet::from([NodeId::new(&Region::new("r"), "test/vault", "vault")]);
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.with(|state| state.things[&theirs].size), 1);
    // It stays ours without being named any longer.
    driver.identity.adopts.clear();
    assert!(driver.pass(&wanted(1, 1)).is_converged());
}

#[test]
fn a_platform_is_not_begun_while_one_of_its_names_is_another_platforms() {
    let mut driver = Driver::new();
    let other = Owner { name: "ns/other".to_owned(), uid: "uid-9".to_owned() };
    let theirs = add_namesake(&driver, Some(other));
    let report = driver.pass(&wanted(1, 1));
    assert!(driver.cloud.writes().is_empty(), "{:?}", driver.cloud.writes());
    let held = |entry: &&payment_platform_engine::Entry| matches!(&entry.outcome, Outcome::Held(Hold::NotBegun { cloud_id, .. }) if *cloud_id == theirs);
    assert_eq!(report.entries.iter().filter(held).count(), report.entries.len() - 1);
    // It is not even adopted when that is asked for: it has an owner.
    driver.identity.adopts = BTreeSet::from([NodeId::new(&Region::new("r"), "test/vault", "vault")]);
    driver.pass(&wanted(1, 1));
    assert!(driver.cloud.writes().is_empty());
    driver.cloud.with(|state| state.things.remove(&theirs));
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn what_exists_is_kept_and_made_again_though_a_name_is_taken() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let (a, vault) = (driver.cloud.ids("a").remove(0), driver.cloud.ids("vault").remove(0));
    driver.cloud.with(|state| state.things.retain(|id, _| *id != a && *id != vault));
    add_namesake(&driver, Some(Owner { name: "ns/other".to_owned(), uid: "uid-9".to_owned() }));
    crate::driver::let_the_window_pass();
    let report = driver.pass(&wanted(1, 1));
    let entry = report.entries.iter().find(|entry| entry.node.name == "a").unwrap();
    assert_eq!(entry.outcome, Outcome::Changed, "one taken name stops no repair");
}

#[test]
fn the_remembered_one_of_twins_stays_whatever_speaks_for_the_other() {
    let mut driver = Driver::new();
    driver.pass(&wanted(1, 1));
    let (mine, twin) = (driver.cloud.ids("a").remove(0), add_twin(&driver, "a"));
    // Everything that used it now uses the twin.
    driver.cloud.with(|state| {
        for thing in state.things.values_mut() {
            if thing.links.remove(&mine) {
                thing.links.insert(twin.clone());
            }
        }
    });
    crate::driver::let_the_window_pass();
    driver.converge(&wanted(1, 1));
    assert_eq!(driver.cloud.ids("a"), [mine]);
    assert_eq!(driver.cloud.contents(), built(1, 1));
}

#[test]
fn a_name_that_is_taken_all_of_a_sudden_is_somebody_elses_only_when_it_stays_so() {
    use payment_platform_engine::Class;
    let mut driver = Driver::new();
    driver.cloud.with(|state| state.taken.insert("a".to_owned()));
    let mut class = || {
        let report = driver.pass(&wanted(1, 1));
        let entry = report.entries.into_iter().find(|entry| entry.node.name == "a").unwrap();
        crate::driver::let_the_window_pass();
        match entry.outcome {
            Outcome::Failed(error) => error.class,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(class(), Class::Conflict);
    assert_eq!(class(), Class::AlreadyExists);
}
