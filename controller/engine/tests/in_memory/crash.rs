//! The process dies after each write, before or after its effect; the next one ends with nothing twice and nothing
//! left over.

use payment_platform_engine::Graph;

use crate::cloud::Cloud;
use crate::driver::{Driver, built, wanted};

/// Runs `graph` with a budget of writes on what `start` has made, then restarts and converges.
fn walk(start: impl Fn(&mut Driver), deleting: bool, graph: &Graph<Cloud>, expected: &[String]) {
    for last_takes_effect in [false, true] {
        for budget in 1..20 {
            let mut driver = Driver::new();
            start(&mut driver);
            driver.options.deleting = deleting;
            let before = driver.cloud.writes().len();
            driver.cloud.with(|state| (state.budget, state.last_takes_effect) = (Some(budget), last_takes_effect));
            driver.wide_pass(graph, 2);
            let finished = driver.cloud.with(|state| state.budget) > Some(0);
            driver.cloud.with(|state| state.budget = None);
            let mut next = driver.restarted();
            next.options.deleting = deleting;
            crate::driver::let_the_window_pass();
            next.converge(graph);
            let case = format!("killed at write {budget}, effect: {last_takes_effect}");
            assert_eq!(next.cloud.contents(), expected, "{case}: {:?}", &next.cloud.writes()[before..]);
            if finished {
                assert!(budget > 4, "{case}: nothing was interrupted");
                break;
            }
        }
    }
}

#[test]
fn killed_while_building() {
    walk(|_| {}, false, &wanted(1, 1), &built(1, 1));
}

#[test]
fn killed_while_updating() {
    let start = |driver: &mut Driver| {
        driver.pass(&wanted(1, 1));
    };
    walk(start, false, &wanted(2, 2), &built(2, 2));
}

#[test]
fn killed_while_deleting() {
    let start = |driver: &mut Driver| {
        driver.pass(&wanted(1, 1));
    };
    walk(start, true, &Graph::default(), &[]);
}
