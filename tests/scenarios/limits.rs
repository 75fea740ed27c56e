//! Within what was agreed: how often AWS is called and Kubernetes is asked, and that an account in trouble costs no other
//! one anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::FutureExt;
use payment_platform_tests::api_proxy::{ApiProxy, Request};
use payment_platform_tests::controller::{Controller, QUICK};
use payment_platform_tests::emulator::Call;
use payment_platform_tests::object::{Object, condition};
use serde_json::json;

use crate::Scenario;
use crate::drift::id;
use crate::faults::{make_hostile, seed, settled, was_hostile};
use crate::kinds::{self, once_each};
use crate::world::World;

pub const ALL: &[(&str, Scenario)] = &[
    ("calls_are_made_no_faster_than_configured", |world| paced(world).boxed()),
    ("an_account_that_throttles_slows_no_other_one", |world| throttled(world).boxed()),
    ("a_quiet_platform_asks_kubernetes_for_nothing", |world| quiet(world).boxed()),
    ("an_api_server_that_answers_late_and_in_conflict_corrupts_nothing", |world| conflicts(world).boxed()),
];

async fn paced(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    let flags = [QUICK, &["--calls-per-second=20"]].concat();
    let _controller = Controller::start(&cluster, &world.emulator, &world.folder().join("paced.log"), &flags)?;
    // By two roles of one account, whose calls count together.
    let client = cluster.client().await?;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    place.aws.iam.create_role().role_name("another").assume_role_policy_document(trust.to_string()).send().await?;
    // What fails and what is not answered is tried again, and that counts too.
    let seed = seed();
    make_hostile(&place, seed).await?;
    let mut objects = Vec::new();
    for (name, environment, cidr, role) in
        [("payments", "prd", "10.0.0.0/16", "platform"), ("others", "stg", "10.50.0.0/16", "another")]
    {
        let mut spec =
            place.spec(json!({"environment": environment, "profile": "Ephemeral", "network": {"vpcCidr": cidr}}));
        spec["aws"]["assumeRoleArn"] = json!(format!("arn:aws:iam::{}:role/{role}", place.account));
        objects.push(Object::create(client.clone(), &place.namespace, name, spec).await?);
    }
    for object in objects {
        let ready = settled(&object, |status| condition(status, "Ready").is_some_and(|c| c.status == "True"));
        ready.await.with_context(|| format!("SEED={seed} repeats the same faults"))?;
    }
    let calls = world.emulator.calls(&place.account)?;
    was_hostile(&calls)?;
    let busiest = within_the_pace(&calls, 20.0)?;
    ensure!(busiest > 80, "only {busiest} calls to one service");
    // A revision whose registration was not answered is there twice; the other one goes.
    place.wrote_nothing_but(0, &[&kinds::creation()[..], &["DeregisterTaskDefinition"]].concat())
}

/// Fails if more calls were made to a service than so many a second and twice as many at once. The calls to the one that
/// was called most.
pub fn within_the_pace(calls: &[Call], rate: f64) -> anyhow::Result<usize> {
    let mut by_service: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.is_ours()) {
        by_service.entry(&call.service).or_default().push(call.t);
    }
    for (service, times) in &mut by_service {
        times.sort_by(f64::total_cmp);
        for (first, from) in times.iter().enumerate() {
            for (last, to) in times.iter().enumerate().skip(first) {
                // What may be made at once, what time has added, and a tenth of a second on the way.
                let allowed = 2.0 * rate + (to - from + 0.1) * rate;
                let made = (last - first + 1) as f64;
                ensure!(made <= allowed + 1.0, "{made} calls to {service} within {:.3} s, not {allowed:.0}", to - from);
            }
        }
    }
    Ok(by_service.values().map(Vec::len).max().unwrap_or_default())
}

async fn throttled(world: Arc<World>) -> anyhow::Result<()> {
    world.emulator.must_be_ours()?;
    let (troubled, other) = (world.place("us-east-1").await?, world.place("us-east-1").await?);
    let built = troubled.built("payments", json!({})).await?;
    let kept = troubled.writes()?.len();
    let fault = json!({"account": troubled.account, "agent": "payment-platform-controller", "times": 800, "mode": "refuse",
        "code": "Throttled"});
    world.emulator.fault(fault).await?;
    let throttled = |status: &payment_platform_api::PaymentPlatformStatus| {
        condition(status, "Ready").is_some_and(|ready| ready.reason == "Throttled")
    };
    built.until("throttled", throttled).await?;
    // Meanwhile the other account's platform is built, and kept in order.
    let object = other.built("payments", json!({})).await?;
    let group = id(&object.status().await?, "security-group/aurora")?;
    other.aws.open_port(&group, 22).await?;
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 22").await?;
    ensure!(!world.emulator.is_struck(&troubled.account).await?, "the throttling ended too soon to tell");
    // What could not be seen was not taken for gone, and it recovers by itself.
    let status = built.ready().await?;
    ensure!(status.drift.is_empty(), "{:?}", status.drift);
    troubled.no_write_since(kept)?;
    other.wrote_only(0, &[kinds::creation(), vec!["RevokeSecurityGroupIngress"]].concat())
}

/// Requests that a controller at rest makes: it holds its lease and watches.
fn at_rest(request: &Request) -> bool {
    request.path.contains("/leases/") || (request.method == "GET" && request.path.contains("watch=true"))
}

async fn quiet(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let cluster = place.own_cluster().await?;
    let proxy = ApiProxy::start(&cluster, &json!([]), 0)?;
    let log = world.folder().join("quiet.log");
    let _controller = Controller::start_as(&proxy.kubeconfig, &world.emulator, &log, QUICK)?;
    let spec = place.spec(json!({}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    object.ready().await?;
    object.look_now().await?;
    // The last status of what was asked for is on its way.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let writes = place.writes()?.len();
    let before = proxy.requests()?.len();
    // Some passes, each with a look; as many as in an hour when there is time.
    let seconds = if std::env::var_os("FULL").is_some() { 70 } else { 6 };
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let requests = proxy.requests()?;
    let others: Vec<_> = requests[before..].iter().filter(|request| !at_rest(request)).collect();
    ensure!(others.is_empty(), "at rest it asks for {others:?}");
    ensure!(requests.len() > before, "the proxy sees nothing");
    place.no_write_since(writes)?;
    // It still hears what is asked for.
    object.merge(json!({"spec": {"logs": {"retentionDays": 731}}})).await?;
    object.ready().await?;
    place.wrote_nothing_but(writes, &["PutRetentionPolicy"])
}

async fn conflicts(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    let seed = seed();
    let writing = ["POST", "PUT", "PATCH", "DELETE"];
    let faults = json!([
        {"methods": writing, "rate": 0.2, "status": 409},
        {"methods": writing, "rate": 0.1, "status": 409, "after": true},
        {"methods": writing, "rate": 0.1, "status": 504, "after": true},
        {"rate": 0.1, "status": 429},
        {"rate": 0.1, "status": 503},
        {"rate": 0.3, "status": 0, "delay_ms": 300},
    ]);
    let proxy = ApiProxy::start(&cluster, &faults, seed)?;
    let log = world.folder().join("conflicts.log");
    let flags = [&QUICK[..4], &["--max-retry-seconds=2", "--lease-seconds=60"]].concat();
    let _controller = Controller::start_as(&proxy.kubeconfig, &world.emulator, &log, &flags)?;
    let spec = place.spec(json!({"profile": "Ephemeral"}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    let result = async {
        let status = object.ready().await?;
        once_each(&place.aws, &before).await?;
        ensure!(status.drift.is_empty(), "{:?}", status.drift);
        place.wrote_only(0, &kinds::creation())?;
        object.merge(json!({"spec": {"logs": {"retentionDays": 731}}})).await?;
        object
            .until("carried out", |status| {
                status.resolved.as_ref().is_some_and(|resolved| resolved.log_retention_days == Some(731))
            })
            .await?;
        object.ready().await?;
        object.delete().await?;
        let after = place.aws.everything().await?;
        let left: Vec<_> = after.iter().filter(|one| !before.contains(one)).collect();
        ensure!(left.is_empty(), "left: {left:?}");
        let struck = proxy.requests()?.iter().filter(|request| request.fault).count();
        ensure!(struck > 5, "only {struck} requests went wrong");
        anyhow::Ok(())
    };
    anyhow::Context::with_context(result.await, || format!("SEED={seed} repeats the same faults"))
}
