//! The process dies after each write, before or after its effect; the next one ends with nothing twice and nothing
//! left over.

use payment_platform_engine::Graph;

use crate::cloud::Cloud;
use crate::driver::{Driver, box_and_vault, built, let_the_window_pass, wanted};
use crate::replacement::{locked, resized};

/// Passes that a change takes at the most: what is replaced goes after its users have moved.
const PASSES: usize = 6;

/// Runs `graph` on what `start` has made with `options` set, and as many writes as a budget lets through; then restarts
/// and converges. With every budget, until one is enough.
fn walk(
    start: impl Fn(&mut Driver),
    options: impl Fn(&mut Driver),
    graph: &Graph<Cloud>,
    least_writes: usize,
    expected: &[String],
) {
    for last_takes_effect in [false, true] {
        let enough = (1..40).find(|&budget| {
            let mut driver = Driver::new();
            start(&mut driver);
            options(&mut driver);
            let before = driver.cloud.writes().len();
            driver.cloud.with(|state| (state.budget, state.last_takes_effect) = (Some(budget), last_takes_effect));
            let alive = |driver: &Driver| driver.cloud.with(|state| state.budget) > Some(0);
            for _ in 0..PASSES {
                if alive(&driver) {
                    driver.wide_pass(graph, 2);
                }
            }
            let finished = alive(&driver);
            driver.cloud.with(|state| state.budget = None);
            let mut next = driver.restarted();
            options(&mut next);
            let_the_window_pass();
            for _ in 0..PASSES {
                next.converge(graph);
            }
            let case = format!("killed at write {budget}, effect: {last_takes_effect}");
            assert_eq!(next.cloud.contents(), expected, "{case}: {:?}", &next.cloud.writes()[before..]);
            finished
        });
        let enough = enough.expect("it is finished at last");
        assert!(enough > least_writes, "nothing was interrupted: {enough} writes");
    }
}

fn made(driver: &mut Driver) {
    driver.pass(&wanted(1, 1));
}

fn as_it_is(_: &mut Driver) {}

#[test]
fn killed_while_building() {
    walk(as_it_is, as_it_is, &wanted(1, 1), 4, &built(1, 1));
}

#[test]
fn killed_while_updating() {
    walk(made, as_it_is, &wanted(2, 2), 4, &built(2, 2));
}

#[test]
fn killed_while_deleting() {
    walk(made, |driver| driver.options.deleting = true, &Graph::default(), 4, &[]);
}

#[test]
fn killed_while_deleting_all_but_data() {
    let options = |driver: &mut Driver| (driver.options.deleting, driver.options.keep_data) = (true, true);
    let kept: Vec<String> = built(1, 1).into_iter().filter(|thing| !thing.contains("item")).collect();
    walk(made, options, &Graph::default(), 2, &kept);
}

#[test]
fn killed_while_removing_what_is_not_wanted_any_more() {
    let left: Vec<String> = built(1, 1).into_iter().filter(|thing| !thing.contains("item")).collect();
    walk(made, as_it_is, &box_and_vault(1), 2, &left);
}

#[test]
fn killed_while_replacing_what_others_use() {
    let replaced: Vec<String> = built(1, 150).into_iter().map(|thing| thing.replace("vault 150", "vault 1")).collect();
    walk(made, as_it_is, &resized(150), 6, &replaced);
}

#[test]
fn killed_while_replacing_what_has_to_go_first() {
    let locks = |driver: &mut Driver| {
        driver.pass(&locked(1));
    };
    walk(locks, as_it_is, &locked(150), 1, &["test/lock lock 150 0".to_owned()]);
}
