//! A cloud that throttles, fails, stays silent and answers late delays the platform and corrupts nothing; a large account
//! costs no more calls than an empty one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use futures::FutureExt;
use payment_platform_tests::controller::Controller;
use payment_platform_tests::emulator::Call;
use payment_platform_tests::object::{Object, condition};
use serde_json::json;

use crate::Scenario;
use crate::drift::id;
use crate::kinds::{self, once_each_with};
use crate::limits::within_the_pace;
use crate::world::{Place, World};

pub const ALL: &[(&str, Scenario)] = &[
    ("a_hostile_cloud_delays_and_corrupts_nothing", |world| hostile(world).boxed()),
    ("things_of_others_by_the_hundred_cost_no_calls", |world| crowded(world).boxed()),
    ("pages_with_one_item_show_no_less", |world| short_pages(world).boxed()),
];

/// A fifth of all calls of the controller goes wrong, one way or another, and some more are answered as they were before.
const MIX: [(&str, f64, &str, u16, &str, u64); 9] = [
    ("throttled", 0.05, "refuse", 400, "Throttled", 0),
    ("failing", 0.04, "refuse", 500, "InternalError", 0),
    ("failing after the effect", 0.03, "after-effect", 500, "InternalError", 0),
    ("reset", 0.02, "hang-up", 0, "", 0),
    ("reset after the effect", 0.03, "after-effect", 0, "", 0),
    ("slow", 0.03, "delay", 200, "", 400),
    // Longer than an attempt may take: done, and never answered.
    ("silent after the effect", 0.005, "silence", 200, "", 7000),
    // Within the consistency window that the controller was told.
    ("stale", 0.05, "stale", 200, "", 800),
    ("a page that ends early", 0.05, "short-page", 200, "", 0),
];

pub async fn make_hostile(place: &Place<'_>, seed: u64) -> anyhow::Result<()> {
    for (index, (_, rate, mode, status, code, delay)) in MIX.iter().enumerate() {
        let fault = json!({"account": place.account, "agent": "payment-platform-controller", "times": -1,
            "rate": rate, "seed": seed + index as u64, "mode": mode, "status": status, "code": code, "delay_ms": delay});
        place.world.emulator.fault(fault).await?;
    }
    Ok(())
}

/// The seed of SEED, else of the clock: it is printed when the scenario fails.
pub fn seed() -> u64 {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() % 1_000_000))
}

async fn hostile(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let seed = seed();
    in_spite_of_it(&place, seed).await.with_context(|| format!("SEED={seed} repeats the same faults"))
}

async fn in_spite_of_it(place: &Place<'_>, seed: u64) -> anyhow::Result<()> {
    let before = place.aws.everything().await?;
    make_hostile(place, seed).await?;
    // The seed chooses the engine, too.
    let engine = if seed.is_multiple_of(2) { "aurora-postgresql" } else { "mysql" };
    let object = place.create("payments", json!({"profile": "Ephemeral", "database": {"engine": engine}})).await?;
    let history = object.history();
    let status = settled(&object, |status| condition(status, "Ready").is_some_and(|c| c.status == "True")).await?;
    once_each_with(engine, &place.aws, &before).await?;
    ensure!(status.drift.is_empty(), "faults are no drift: {:?}", status.drift);
    claims_nothing_too_early(place, &history.so_far())?;
    // A revision whose registration was not answered is there twice; the other one goes.
    place.wrote_nothing_but(0, &[&kinds::creation()[..], kinds::MYSQL[0], &["DeregisterTaskDefinition"]].concat())?;
    kinds::tagged_when_made(&place.writes()?)?;
    kinds::tokens_tell_apart(&place.writes()?)?;
    let built = place.writes()?.len();
    let group = id(&status, "security-group/aurora")?;
    place.aws.open_port(&group, 22).await?;
    let closed = |status: &payment_platform_api::PaymentPlatformStatus| {
        status
            .drift
            .iter()
            .any(|drift| drift.field.starts_with("rules[ingress tcp 22") && drift.corrected_time.is_some())
    };
    settled(&object, closed).await?;
    ensure!(!place.aws.is_open(&group, 22).await?, "the status claims what is not so");
    place.wrote_only(built, &["RevokeSecurityGroupIngress"])?;
    let revoked = place.writes()?[built..].iter().map(|call| call.t).fold(f64::INFINITY, f64::min);
    let early = history.so_far().into_iter().find(|(at, status)| closed(status) && *at < revoked);
    ensure!(early.is_none(), "said to be put right before it was: {early:?}");
    let kept = place.writes()?.len();
    object.api.delete("payments", &kube::api::DeleteParams::default()).await?;
    gone(&object).await?;
    place.wrote_nothing_but(kept, &[&kinds::deletion()[..], kinds::MYSQL[1]].concat())?;
    let after = place.aws.everything().await?;
    ensure!(after == before, "left: {:?}", after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>());
    let calls = place.world.emulator.calls(&place.account)?;
    within_the_pace(&calls, CALLS_PER_SECOND)?;
    was_hostile(&calls)
}

/// Fails unless a good part of the controller's calls went wrong as [`make_hostile`] wants.
pub fn was_hostile(calls: &[Call]) -> anyhow::Result<()> {
    let ours: Vec<&Call> = calls.iter().filter(|call| call.is_ours()).collect();
    let told = |codes: &[&str]| {
        let is_one = |error: &str| codes.iter().any(|code| error.contains(code));
        ours.iter().filter(|call| call.error.as_deref().is_some_and(is_one)).count()
    };
    let throttled = told(&["Throttl", "SlowDown", "RequestLimitExceeded", "TooManyRequests"]);
    let failed = told(&["InternalError"]);
    let enough = throttled * 50 > ours.len() && failed * 50 > ours.len();
    ensure!(enough, "only {throttled} throttled and {failed} failed of {} calls", ours.len());
    Ok(())
}

/// What the controller is allowed where no flag says otherwise.
const CALLS_PER_SECOND: f64 = 100.0;

/// Fails if the platform was said to be Ready while something was still to be made, or to have what it did not keep.
fn claims_nothing_too_early(
    place: &Place<'_>,
    history: &[(f64, payment_platform_api::PaymentPlatformStatus)],
) -> anyhow::Result<()> {
    let is_ready = |status: &payment_platform_api::PaymentPlatformStatus| {
        condition(status, "Ready").is_some_and(|c| c.status == "True")
    };
    let (ready, last) = history.iter().find(|(_, status)| is_ready(status)).context("never Ready")?;
    let later: Vec<_> = place.writes()?.into_iter().filter(|call| call.t > *ready).map(|call| call.operation).collect();
    // A revision too many goes when it is seen.
    let missing: Vec<_> = later.iter().filter(|operation| *operation != "DeregisterTaskDefinition").collect();
    ensure!(missing.is_empty(), "Ready, and then {missing:?}");
    let kept: BTreeSet<_> = last.inventory.iter().map(|entry| (&entry.node, &entry.id)).collect();
    for (_, status) in history.iter().take_while(|(at, _)| at < ready) {
        // A revision without an answer is there a second time, and the other one goes.
        let own = status.inventory.iter().filter(|entry| !entry.node.contains("ecs/task-definition"));
        let lost = own.map(|entry| (&entry.node, &entry.id)).find(|entry| !kept.contains(entry));
        ensure!(lost.is_none(), "it claimed to have {lost:?}");
    }
    Ok(())
}

/// Waits until the object is gone, longer than scenarios wait otherwise.
pub async fn gone(object: &Object) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(240);
    while object.api.get_opt("payments").await?.is_some() {
        ensure!(Instant::now() < deadline, "it is not deleted in time");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// Longer than scenarios wait otherwise: what fails is tried again later and later.
pub async fn settled(
    object: &Object,
    fits: impl Fn(&payment_platform_api::PaymentPlatformStatus) -> bool,
) -> anyhow::Result<payment_platform_api::PaymentPlatformStatus> {
    let deadline = Instant::now() + Duration::from_secs(240);
    loop {
        let status = object.status().await?;
        if fits(&status) {
            return Ok(status);
        }
        let ready = condition(&status, "Ready").map(|c| c.message.clone());
        ensure!(Instant::now() < deadline, "not in time; {:?} {ready:?}", status.progress);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Calls of one complete look, counted at the emulator.
async fn calls_of_a_look(place: &Place<'_>, object: &Object) -> anyhow::Result<usize> {
    let ours = || {
        let calls = place.world.emulator.calls(&place.account)?;
        anyhow::Ok(calls.into_iter().filter(payment_platform_tests::emulator::Call::is_ours).count())
    };
    // What a look finds out for the first time, the second one knows.
    object.look_now().await?;
    // The index of tags follows a second later.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let before = ours()?;
    object.look_now().await?;
    Ok(ours()? - before)
}

async fn short_pages(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    // Two, so that every list has more than one item.
    let other = json!({"environment": "stg", "profile": "Ephemeral", "network": {"vpcCidr": "10.50.0.0/16"},
        "database": {"engine": "mysql"}});
    let (object, _other) =
        (place.create("payments", json!({"profile": "Ephemeral"})).await?, place.built("others", other).await?);
    let status = object.ready().await?;
    let kept = place.writes()?.len();
    let fault =
        json!({"account": place.account, "agent": "payment-platform-controller", "times": -1, "mode": "short-page"});
    // But what buckets hold: a record of each request to the others by now, and one of two calls each to delete it.
    let mut whole = fault.clone();
    whole["operation"] = json!("ListObjectVersions");
    whole["mode"] = json!("delay");
    world.emulator.fault(whole).await?;
    world.emulator.fault(fault).await?;
    for _ in 0..2 {
        object.look_now().await?;
    }
    let calls = world.emulator.calls(&place.account)?;
    let went_on: BTreeSet<&str> =
        calls.iter().filter(|call| call.is_ours() && call.goes_on()).map(|call| call.operation.as_str()).collect();
    ensure!(went_on.len() >= PAGED, "only {} operations have pages: {went_on:?}", went_on.len());
    place.no_write_since(kept)?;
    let group = id(&status, "security-group/aurora")?;
    place.aws.open_port(&group, 22).await?;
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 22").await?;
    place.wrote_only(kept, &["RevokeSecurityGroupIngress"])?;
    object.delete().await?;
    place.wrote_nothing_but(kept, &[&kinds::deletion()[..], &["RevokeSecurityGroupIngress"]].concat())
}

/// Operations of a look of which the emulator answers pages, at least.
const PAGED: usize = 20;

async fn crowded(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    // Nothing but the looks that are asked for, once it is built.
    let flags = ["--fast-interval-seconds=3600", "--slow-interval-seconds=3600", "--consistency-window-seconds=1"];
    let _controller = Controller::start(&cluster, &world.emulator, &world.folder().join("crowded.log"), &flags)?;
    let client = cluster.client().await?;
    let object = Object::create(client, &place.namespace, "payments", place.spec(json!({}))).await?;
    object.ready().await?;
    let alone = calls_of_a_look(&place, &object).await?;
    let before = place.writes()?.len();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let vpc = id(&object.status().await?, "ec2/vpc/main")?;
    // As many as a large account has take minutes to make: with `make test-full`.
    let [keys, roles, buckets, groups] = match std::env::var_os("FULL") {
        Some(_) => [1000, 500, 200, 300],
        None => [150; 4],
    };
    for number in 0..keys {
        let name = format!("theirs-{number}");
        let key = place.aws.kms.create_key().description(&name).send().await?.key_metadata.context("no key")?;
        if number < 15 {
            // Some do not even say whose they are.
            let fault = json!({"account": place.account, "operation": "ListResourceTags", "match": key.key_id, "times": -1,
                "status": 400, "code": "AccessDeniedException", "agent": "payment-platform-controller"});
            world.emulator.fault(fault).await?;
        }
        if number < roles {
            place.aws.iam.create_role().role_name(&name).assume_role_policy_document(trust.to_string()).send().await?;
        }
        if number < buckets {
            place.aws.s3.create_bucket().bucket(format!("{name}-{}", place.account)).send().await?;
            place.aws.logs.create_log_group().log_group_name(format!("/theirs/payment-{number}")).send().await?;
        }
        if number < groups {
            place.aws.ec2.create_security_group().group_name(&name).description(&name).vpc_id(&vpc).send().await?;
        }
    }
    // Each key is asked whose it is until its tags must be visible; after that it is known.
    object.look_now().await?;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let crowded = calls_of_a_look(&place, &object).await?;
    // By a tenth at the most: pages.
    ensure!(crowded * 10 <= alone * 11, "{crowded} calls instead of {alone}");
    ensure!(alone <= 115, "a look takes {alone} calls");
    place.no_write_since(before)
}
