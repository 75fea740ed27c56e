//! Scenarios: a real API server, an emulated AWS, the controller's own binary. Every scenario has an AWS account and a
//! namespace of its own, so that they run side by side.
//!
//! `cargo test --test scenarios NAME` runs one; `-- --list` names them.

mod crash;
mod database;
mod declared;
mod drift;
mod faults;
mod generated;
mod kinds;
mod lifecycle;
mod limits;
mod matrix;
mod ownership;
mod races;
mod refusals;
mod settings;
mod storage;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use world::World;

type Scenario = fn(Arc<World>) -> futures::future::BoxFuture<'static, anyhow::Result<()>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Scenarios wait more than they work.
    arguments.test_threads = arguments.test_threads.or(Some(6));
    // The longest first.
    let scenarios: Vec<(&str, Scenario)> = [
        crash::ALL,
        matrix::ALL,
        lifecycle::ALL,
        drift::ALL,
        storage::ALL,
        database::ALL,
        ownership::ALL,
        settings::ALL,
        declared::ALL,
        races::ALL,
        refusals::ALL,
        generated::ALL,
        faults::ALL,
        limits::ALL,
        if std::env::var_os("FULL").is_some() { crash::FULL } else { &[] },
    ]
    .concat();
    if arguments.list {
        let trials = scenarios.into_iter().map(|(name, _)| Trial::test(name, || Ok(()))).collect();
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let world = match World::start() {
        Ok(world) => Arc::new(world),
        Err(error) => {
            eprintln!("The scenarios cannot start: {error:#}");
            return ExitCode::from(1);
        }
    };
    let trials = scenarios.into_iter().map(|(name, scenario)| {
        let world = world.clone();
        Trial::test(name, move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(world.run(scenario(world.clone()))).map_err(|error| format!("{error:#}").into())
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if conclusion.has_failed() {
        world.print_log();
        eprintln!("Run one alone with: make scenario NAME=<name>");
    }
    conclusion.exit_code()
}
