//! Scenarios: a real API server, an emulated AWS, the controller's own binary. Every scenario has an AWS account and a
//! namespace of its own, so that they run side by side.
//!
//! `cargo test --test scenarios NAME` runs one; `-- --list` names them.

mod compute;
mod crash;
mod database;
mod declared;
mod drift;
mod edge;
mod faults;
mod generated;
mod kinds;
mod leadership;
mod lifecycle;
mod limits;
mod matrix;
mod mysql;
mod outputs;
mod ownership;
mod parameters;
mod races;
mod refusals;
mod settings;
mod storage;
mod versions;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use world::World;

type Scenario = fn(Arc<World>) -> futures::future::BoxFuture<'static, anyhow::Result<()>>;

/// What makes faults or counts calls needs our own emulator: skipped where AWS_ENDPOINT_URL names another AWS.
const NEED_OURS: [&str; 30] = [
    "a_bucket_of_others_that_may_not_be_read_stops_nothing",
    "a_clock_that_jumps_is_named_where_aws_refuses_it_and_loses_nothing",
    "a_controller_frozen_in_the_middle_of_a_creation_makes_nothing_twice",
    "a_controller_that_wakes_beside_its_successor_harms_nothing",
    "a_creation_that_fails_halfway_again_and_again_makes_no_twin",
    "a_distribution_that_is_being_deployed_keeps_nothing_waiting",
    "a_hostile_cloud_delays_and_corrupts_nothing",
    "a_log_group_that_its_service_makes_again_is_taken_back",
    "a_node_that_takes_too_long_stalls_the_platform_until_it_is_there",
    "a_port_opened_is_closed_while_another_group_cannot_be_seen",
    "a_target_registered_by_hand_is_taken_off_and_the_tasks_stay",
    "an_account_that_throttles_slows_no_other_one",
    "an_address_that_nobody_has_confirmed_is_named_until_somebody_does",
    "an_exceeded_quota_is_named_before_the_first_write",
    "calls_are_made_no_faster_than_configured",
    "denied_one_service_the_rest_goes_on_and_the_condition_names_the_action",
    "each_service_denied_whole_the_rest_is_kept",
    "expired_credentials_change_nothing_and_new_ones_need_no_restart",
    "killed_after_every_single_write_everything_is_brought_to_its_end",
    "killed_after_every_single_write_with_mysql_too",
    "killed_while_keeping_data_all_of_it_is_kept",
    "killed_in_the_middle_again_and_again_nothing_is_made_twice",
    "nothing_is_restarted_for_a_parameter_that_somebody_else_has_set",
    "outputs_of_what_cannot_be_seen_for_a_while_stay",
    "pages_with_one_item_show_no_less",
    "the_password_of_mysql_is_nowhere_but_in_its_secret",
    "the_password_of_the_database_is_nowhere_but_in_its_secret",
    "things_of_others_by_the_hundred_cost_no_calls",
    "thirty_times_killed_at_random_in_a_hostile_cloud_all_is_there_once",
    "what_is_not_known_yet_is_tried_again_and_made_once",
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Scenarios wait more than they work, but a controller must still renew its lease in time on two cores.
    arguments.test_threads = arguments.test_threads.or(Some(3));
    // The longest first.
    let scenarios: Vec<(&str, Scenario)> = [
        crash::ALL,
        matrix::ALL,
        lifecycle::ALL,
        drift::ALL,
        storage::ALL,
        database::ALL,
        parameters::ALL,
        versions::ALL,
        compute::ALL,
        edge::ALL,
        outputs::ALL,
        mysql::ALL,
        ownership::ALL,
        leadership::ALL,
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
    let ours = world.emulator.is_ours();
    let trials = scenarios.into_iter().map(|(name, scenario)| {
        let world = world.clone();
        let trial = Trial::test(name, move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            let result = runtime.block_on(world.run(scenario(world.clone())));
            result.map_err(|error| {
                let why = format!("{error:#}");
                world.remember_failure(name, &why);
                why.into()
            })
        });
        trial.with_ignored_flag(!ours && NEED_OURS.contains(&name))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if conclusion.has_failed() {
        world.print_log();
        world.print_failures();
        let full = if std::env::var_os("FULL").is_some() { "FULL=1 " } else { "" };
        eprintln!("Run one alone with: {full}make scenario NAME=<name>");
    }
    conclusion.exit_code()
}
