//! `make bench`: what a release build of the controller takes, on a real API server and the emulated AWS: from nothing to
//! Ready, a complete look, a drift put right; for one platform and for many; with and without the time that AWS's answers
//! take. A thousand platforms are kept in memory (`controller/examples/in-memory.rs`).
//! With TIME_SCALE=1, how long AWS's own time makes a creation. Prints Markdown, which docs/performance.md shows and explains.

mod chain;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use payment_platform_tests::aws::Account;
use payment_platform_tests::cluster::Cluster;
use payment_platform_tests::controller::{self, Controller};
use payment_platform_tests::emulator::{Call, Emulator};
use payment_platform_tests::object::Object;
use payment_platform_tests::root;
use serde_json::json;

/// Nothing is looked at but what is asked for; what AWS is at work on at least once a second.
const FLAGS: &[&str] = &[
    "--fast-interval-seconds=3600",
    "--slow-interval-seconds=3600",
    "--consistency-window-seconds=1",
    "--poll-seconds=1",
];

/// The intervals of a production platform.
const STEADY: &[&str] = &["--consistency-window-seconds=1", "--poll-seconds=1"];

/// Milliseconds added to every answer of AWS.
const LATENCIES: [u32; 2] = [0, 50];

/// Quotas that many platforms in one account need raised: VPCs, internet gateways, addresses, NAT gateways of a zone, event
/// subscriptions of RDS.
const QUOTAS: [(&str, &str); 5] =
    [("vpc", "L-F678F1CE"), ("vpc", "L-A4707A72"), ("ec2", "L-0263D0A3"), ("vpc", "L-FE5A380F"), ("rds", "L-A59F4C87")];

/// How long many platforms may take altogether.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Ok(scale) = std::env::var("TIME_SCALE") {
        return at_pace(&scale).await;
    }
    println!(
        "| one platform | added to each answer | seconds | calls | of these writes | CPU seconds | peak MiB (own) |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut operations = Vec::new();
    for latency in LATENCIES {
        operations.push(one_platform(latency).await?);
    }
    let [created, looked, deleted] = operations.swap_remove(0);
    println!(
        "\n| platforms | accounts | all Ready after s | calls to that end | steady calls a minute and platform | CPU s a minute | peak MiB (own) |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut many = Vec::new();
    let counts = std::env::var("PLATFORMS").unwrap_or_else(|_| "10".to_owned());
    for count in counts.split(',') {
        let count: usize = count.parse().context("PLATFORMS is a list of numbers")?;
        for accounts in accounts()? {
            let of = format!("{count} platforms in {accounts} accounts");
            let [created, looked] = many_platforms(count, accounts).await?;
            many.push((format!("Calls from nothing to Ready of {of}"), created));
            many.push((format!("Calls in the steady minutes with {of}"), looked));
        }
    }
    if let Ok(counts) = std::env::var("PLATFORMS_IN_MEMORY") {
        println!("\n| platforms in memory | all Ready after s | CPU s to that end | CPU s a minute | peak MiB (own) |");
        println!("|---|---|---|---|---|");
        for count in counts.split(',') {
            in_memory(count.parse().context("PLATFORMS_IN_MEMORY is a list of numbers")?).await?;
        }
    }
    for (title, calls) in &many {
        show(title, calls);
    }
    show("Calls from nothing to Ready", &created);
    show("Calls of a complete look", &looked);
    show("Calls of a deletion", &deleted);
    Ok(())
}

fn show(title: &str, calls: &[Call]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls {
        *counts.entry(&call.operation).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let counts: Vec<String> = counts.into_iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("\n{title}: {}.", counts.join(", "));
}

/// What the image sets for the controller.
fn image_environment() -> anyhow::Result<Vec<(String, String)>> {
    let dockerfile = std::fs::read_to_string(root().join("Dockerfile"))?;
    let line = dockerfile.lines().find_map(|line| line.strip_prefix("ENV ")).context("the Dockerfile sets nothing")?;
    let pairs = line.split(' ').filter_map(|pair| pair.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// What a bench runs on.
struct Bench {
    cluster: Cluster,
    emulator: Emulator,
    controller: Controller,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start(latency: u32, flags: &[&str]) -> anyhow::Result<Self> {
        Self::start_of(&controller::binary()?, latency, "0", flags).await
    }

    async fn start_of(binary: &Path, latency: u32, scale: &str, flags: &[&str]) -> anyhow::Result<Self> {
        let latency = latency.to_string();
        let emulator = Emulator::start_with(&["--latency-ms", &latency, "--time-scale", scale])?;
        ensure!(emulator.is_ours(), "calls are counted by the emulator: unset AWS_ENDPOINT_URL");
        let cluster = tokio::task::spawn_blocking(Cluster::start_own).await??;
        cluster.apply_crds().await?;
        let folder = tempfile::tempdir()?;
        let mut command = controller::command_of(binary, &emulator);
        command.envs(image_environment()?);
        let log = folder.path().join("controller.log");
        let controller = Controller::start_with(command, &cluster.kubeconfig, &log, flags)?;
        // It holds its lease and watches.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(Self { cluster, emulator, controller, _folder: folder })
    }

    async fn create(&self, name: &str, account: &str) -> anyhow::Result<Object> {
        let spec = json!({"environment": name, "aws": {"assumeRoleArn": Account::role_arn(account)}});
        Object::create(self.cluster.client().await?, "default", name, spec).await
    }

    async fn raise_quotas(&self, account: &str) -> anyhow::Result<()> {
        for (service, quota) in QUOTAS {
            self.emulator.quota(account, service, quota, 10_000).await?;
        }
        Ok(())
    }

    /// Seconds until this many platforms are Ready, spread over these accounts.
    async fn create_many(&self, count: usize, accounts: &[String]) -> anyhow::Result<f64> {
        let began = Instant::now();
        let mut objects = Vec::new();
        for number in 0..count {
            objects.push(self.create(&format!("env-{number}"), &accounts[number % accounts.len()]).await?);
        }
        for object in &objects {
            while object.ready().await.is_err() {
                ensure!(began.elapsed() < PATIENCE, "not all are Ready after {PATIENCE:?}");
            }
        }
        Ok(began.elapsed().as_secs_f64())
    }

    fn calls(&self, account: &str) -> anyhow::Result<Vec<Call>> {
        Ok(self.emulator.calls(account)?.into_iter().filter(Call::is_ours).collect())
    }

    fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.controller.process.id()))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        // Fields 14 and 15 of proc(5), in ticks of a hundredth of a second.
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(ticks as f64 / 100.0)
    }

    /// The peak of all memory in use, and what of it is the process's own now: the rest are pages of the binary, which the
    /// kernel reads again when it needs room.
    fn memory(&self) -> anyhow::Result<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.controller.process.id()))?;
        let mib = |name: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
            Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
        };
        Ok(format!("{} ({})", mib("VmHWM:")?, mib("RssAnon:")?))
    }
}

/// One row of the first table: what happened since `began`, `calls` and `cpu` were taken.
fn row(bench: &Bench, what: &str, latency: u32, began: Instant, calls: &[Call], cpu: f64) -> anyhow::Result<()> {
    let seconds = began.elapsed().as_secs_f64();
    let writes = calls.iter().filter(|call| call.is_write()).count();
    let (all, cpu, memory) = (calls.len(), bench.cpu_seconds()? - cpu, bench.memory()?);
    println!("| {what} | {latency} ms | {seconds:.2} | {all} | {writes} | {cpu:.2} | {memory} |");
    Ok(())
}

/// Calls of a creation, of a look and of a deletion.
async fn one_platform(latency: u32) -> anyhow::Result<[Vec<Call>; 3]> {
    let account = "100000000001";
    let bench = Bench::start(latency, FLAGS).await?;
    let aws = Account::open(&bench.emulator.endpoint, Some(account), "us-east-1").await?;
    // The emulator sets up an account at the first call to each service, which takes it a second.
    aws.everything().await?;
    let (began, cpu) = (Instant::now(), bench.cpu_seconds()?);
    let object = bench.create("prd", account).await?;
    object.ready().await?;
    let created = bench.calls(account)?;
    row(&bench, "from nothing to Ready", latency, began, &created, cpu)?;
    let chain = chain::longest(&json!({"environment": "prd"}), &created)?;
    println!("| its longest chain of calls | {latency} ms | {:.2} | {} | | | |", chain.seconds, chain.calls);
    println!("| the same with its {} waits | {latency} ms | {:.2} | | | | |", chain.waits, chain.waited());
    eprintln!("The longest chain at {latency} ms: {}.", chain.nodes.join(", "));
    in_turn(latency).await?;

    object.look_now().await?;
    // The index of tags, which follows later, knows everything then.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let before = bench.calls(account)?.len();
    let (began, cpu) = (Instant::now(), bench.cpu_seconds()?);
    object.look_now().await?;
    let looked = bench.calls(account)?.split_off(before);
    row(&bench, "a complete look", latency, began, &looked, cpu)?;

    let group =
        object.status().await?.outputs.and_then(|outputs| outputs.security_group_aurora_id).context("no group")?;
    aws.open_port(&group, 22).await?;
    let before = bench.calls(account)?.len();
    let (began, cpu) = (Instant::now(), bench.cpu_seconds()?);
    object.look_now().await?;
    object.corrected("security-group-rules/aurora", "rules[ingress tcp 22").await?;
    let corrected = bench.calls(account)?.split_off(before);
    row(&bench, "an open port closed, from the request for a look", latency, began, &corrected, cpu)?;

    let before = bench.calls(account)?.len();
    let (began, cpu) = (Instant::now(), bench.cpu_seconds()?);
    object.merge(json!({"spec": {"deletionPolicy": "Delete"}})).await?;
    object.annotate(payment_platform_api::CONFIRM_DELETION, Some("prd")).await?;
    object.api.delete("prd", &kube::api::DeleteParams::default()).await?;
    object.gone().await?;
    let deleted = bench.calls(account)?.split_off(before);
    row(&bench, "deleted, data kept", latency, began, &deleted, cpu)?;
    Ok([created, looked, deleted])
}

/// The same graph as a plain walk of it would go: one write after the other.
async fn in_turn(latency: u32) -> anyhow::Result<()> {
    let account = "100000000001";
    let bench = Bench::start(latency, &[FLAGS, &["--width=1"]].concat()).await?;
    let aws = Account::open(&bench.emulator.endpoint, Some(account), "us-east-1").await?;
    aws.everything().await?;
    let (began, cpu) = (Instant::now(), bench.cpu_seconds()?);
    bench.create("prd", account).await?.ready().await?;
    row(&bench, "the same, one write after the other", latency, began, &bench.calls(account)?, cpu)
}

/// The calls of the creations and those of the steady minutes.
async fn many_platforms(count: usize, accounts: usize) -> anyhow::Result<[Vec<Call>; 2]> {
    let bench = Bench::start(0, STEADY).await?;
    let names: Vec<String> = (0..accounts).map(|number| format!("1000000001{number:02}")).collect();
    for account in &names {
        bench.raise_quotas(account).await?;
    }
    let took = bench.create_many(count, &names).await?;
    let each = || names.iter().map(|account| bench.calls(account)).collect::<anyhow::Result<Vec<_>>>();
    let created: Vec<Call> = each()?.into_iter().flatten().collect();
    let made = created.len();
    // What is still under way ends, where asked for also the first look at everything; then some minutes of steady looks.
    let (settling, minutes) = (minutes("STEADY_AFTER_MINUTES", 1.0 / 3.0), minutes("STEADY_MINUTES", 2.0));
    tokio::time::sleep(Duration::from_secs_f64(settling * 60.0)).await;
    let (before, cpu) = (each()?, bench.cpu_seconds()?);
    tokio::time::sleep(Duration::from_secs_f64(minutes * 60.0)).await;
    let steady: Vec<Call> =
        each()?.into_iter().zip(before).flat_map(|(mut now, before)| now.split_off(before.len())).collect();
    let calls = steady.len() as f64 / minutes / count as f64;
    let cpu = (bench.cpu_seconds()? - cpu) / minutes;
    println!("| {count} | {accounts} | {took:.1} | {made} | {calls:.1} | {cpu:.2} | {} |", bench.memory()?);
    Ok([created, steady])
}

/// One platform where AWS takes its time, or this part of it, for what it does by and by; with the flags of a production
/// controller.
async fn at_pace(scale: &str) -> anyhow::Result<()> {
    let account = "100000000001";
    let bench = Bench::start_of(&controller::binary()?, 50, scale, &[]).await?;
    let began = Instant::now();
    let object = bench.create("prd", account).await?;
    while object.ready().await.is_err() {
        ensure!(began.elapsed() < PATIENCE, "not Ready after {PATIENCE:?}");
    }
    let (minutes, calls) = (began.elapsed().as_secs_f64() / 60.0, bench.calls(account)?.len());
    println!("From nothing to Ready at {scale} of AWS's time: {minutes:.1} minutes, {calls} calls.");
    Ok(())
}

/// Over how many accounts many platforms are spread, one after the other.
fn accounts() -> anyhow::Result<Vec<usize>> {
    let counts = std::env::var("ACCOUNTS").unwrap_or_else(|_| "1,10".to_owned());
    counts.split(',').map(|count| count.parse().context("ACCOUNTS is a list of numbers")).collect()
}

/// A number of minutes from the environment.
fn minutes(variable: &str, otherwise: f64) -> f64 {
    std::env::var(variable).ok().and_then(|minutes| minutes.parse().ok()).unwrap_or(otherwise)
}

/// Platforms of which only the first is on AWS.
async fn in_memory(count: usize) -> anyhow::Result<()> {
    let binary = std::env::var_os("IN_MEMORY_BINARY").context("IN_MEMORY_BINARY names no controller")?;
    let bench = Bench::start_of(Path::new(&binary), 0, "0", STEADY).await?;
    let account = "100000000001";
    bench.raise_quotas(account).await?;
    bench.create("template", account).await?.ready().await?;
    let cpu = bench.cpu_seconds()?;
    let took = bench.create_many(count, &[account.to_owned()]).await?;
    let created = bench.cpu_seconds()? - cpu;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (cpu, minutes) = (bench.cpu_seconds()?, minutes("STEADY_MINUTES", 2.0));
    tokio::time::sleep(Duration::from_secs_f64(minutes * 60.0)).await;
    let steady = (bench.cpu_seconds()? - cpu) / minutes;
    println!("| {count} | {took:.1} | {created:.1} | {steady:.2} | {} |", bench.memory()?);
    Ok(())
}
