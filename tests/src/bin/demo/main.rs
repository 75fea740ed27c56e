//! `make demo`: builds a platform on an emulated AWS, breaks it through the AWS API, and shows that it is found, put
//! right and recorded.

mod deeds;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::deeds::DEEDS;
use anyhow::{Context, bail, ensure};
use payment_platform_api::status::Drift;
use payment_platform_tests::aws::Account;
use payment_platform_tests::cluster::Cluster;
use payment_platform_tests::controller::Controller;
use payment_platform_tests::emulator::Emulator;
use payment_platform_tests::example::production;
use payment_platform_tests::object::Object;
use payment_platform_tests::root;

/// Looks every two seconds instead of every minute, so that nobody has to wait.
const FLAGS: &[&str] = &[
    "--fast-interval-seconds=2",
    "--slow-interval-seconds=4",
    "--consistency-window-seconds=1",
    "--poll-seconds=1",
    "--attempt-timeout-seconds=5",
    "--lease-seconds=10",
];

#[tokio::main]
async fn main() -> ExitCode {
    // Dropping what runs ends it, also when the demo is interrupted.
    tokio::select! {
        result = demo() => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("\nThe demo failed: {error:#}");
                ExitCode::from(1)
            }
        },
        () = interrupted() => {
            eprintln!("\nInterrupted; everything that was started is stopped.");
            ExitCode::from(130)
        }
    }
}

/// Resolves on Ctrl-C or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => std::future::pending().await,
    }
}

fn say(text: &str) {
    println!("\n==> {text}");
}

async fn demo() -> anyhow::Result<()> {
    say("Starting kube-apiserver, etcd and the AWS emulator (the first time they are fetched and built: minutes)");
    let cluster = tokio::task::spawn_blocking(Cluster::start).await??;
    let emulator = tokio::task::spawn_blocking(Emulator::start).await??;
    cluster.apply_crds().await?;
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("controller.log");
    say("Starting the controller: payment-platform-controller run");
    let controller = Controller::start(&cluster, &emulator, &log, FLAGS)?;
    let shown = story(&cluster, &emulator, &log).await;
    if shown.is_err() {
        eprintln!("\nThe controller's log ends with:");
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        eprintln!("{}", lines[lines.len().saturating_sub(15)..].join("\n"));
    }
    shown?;
    if std::env::var_os("KEEP").is_some() {
        say("Everything keeps running until Ctrl-C. To talk to it:");
        println!("export KUBECONFIG={}", cluster.kubeconfig.display());
        println!("export AWS_ENDPOINT_URL={} AWS_REGION=us-east-1", emulator.endpoint);
        println!("export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test");
        println!("{} get paymentplatforms", cluster.kubectl.display());
        println!("tail -f {}", log.display());
        std::future::pending::<()>().await;
    }
    say("Stopping everything");
    drop(controller);
    Ok(())
}

async fn story(cluster: &Cluster, emulator: &Emulator, log: &Path) -> anyhow::Result<()> {
    let aws = Account::open(&emulator.endpoint, None, "us-east-1").await?;
    say("An account with what examples/production.yaml names: two certificates, a repository, a role");
    let manifest = production(cluster, &aws).await?;
    let before = aws.everything().await?;
    let file = log.with_file_name("production.json");
    std::fs::write(&file, manifest.to_string())?;
    say("kubectl apply -f examples/production.yaml, with the ids of these");
    println!("{}", std::fs::read_to_string(root().join("examples/production.yaml"))?.trim_end());
    let began = Instant::now();
    kubectl(cluster, &["apply", "-f", &file.display().to_string()])?;
    let object = Object {
        api: kube::Api::namespaced(cluster.client().await?, "default"),
        namespace: "default".to_owned(),
        name: "payments".to_owned(),
    };
    show_progress(&object).await?;
    kubectl(cluster, &["wait", "paymentplatform/payments", "--for=condition=Ready", "--timeout=120s"])?;
    println!("Ready after {:.1} s.", began.elapsed().as_secs_f64());
    kubectl(cluster, &["get", "paymentplatforms", "-o", "wide"])?;

    let outputs = object.status().await?.outputs.context("no outputs")?;
    let mut rows = Vec::new();
    for deed in DEEDS {
        say(&format!("{}, by the AWS API", deed.title));
        let began = Instant::now();
        (deed.act)(&aws, &outputs).await?;
        let drift = object.corrected(deed.node, deed.field).await?;
        let took = began.elapsed();
        ensure!((deed.undone)(&aws, &outputs).await?, "the record says corrected, and AWS does not");
        println!("  found and put right {:.1} s after it was done", took.as_secs_f64());
        rows.push((drift, took));
    }
    say("What was found and put right");
    table(&rows);

    say("What an auditor reads: kubectl get paymentplatform payments -o jsonpath='{.status}'");
    object.ready().await?;
    let path = "-o=jsonpath={range .status.conditions[*]}{.type}={.status}  {.reason}: {.message}{\"\\n\"}{end}";
    kubectl(cluster, &["get", "paymentplatform", "payments", path])?;
    kubectl(cluster, &["get", "events", "--field-selector=reason=DriftCorrected"])?;
    println!("(The controller's log: {})", log.display());
    if std::env::var_os("KEEP").is_none() {
        farewell(cluster, &object, &aws, &before).await?;
    }
    Ok(())
}

/// Deletes the platform with all its data, which a production environment lets happen only after two confirmations.
async fn farewell(cluster: &Cluster, object: &Object, aws: &Account, before: &[String]) -> anyhow::Result<()> {
    say("Deleting it, with all data: lowering its protection waits for approval");
    let patch = r#"--patch={"spec":{"deletionPolicy":"Delete"}}"#;
    kubectl(cluster, &["patch", "paymentplatform", "payments", "--type=merge", patch])?;
    let asked = object.until("waiting for approval", |status| status.approval.is_some()).await?;
    let approval = asked.approval.context("no approval")?;
    println!("  {}", approval.changes.join("; "));
    let approve = format!("{}={}", payment_platform_api::APPROVE, approval.hash);
    kubectl(cluster, &["annotate", "paymentplatform", "payments", &approve])?;
    object.ready().await?;
    let began = Instant::now();
    let confirm = format!("{}=prd", payment_platform_api::CONFIRM_DELETION);
    kubectl(cluster, &["annotate", "paymentplatform", "payments", &confirm])?;
    kubectl(cluster, &["delete", "paymentplatform", "payments"])?;
    let after = aws.everything().await?;
    let left: Vec<&String> = after.iter().filter(|one| !before.contains(one)).collect();
    ensure!(left.is_empty(), "left on AWS: {left:?}");
    println!("Gone after {:.1} s; nothing is left on AWS.", began.elapsed().as_secs_f64());
    Ok(())
}

/// Prints the progress whenever it moves, until the object is Ready.
async fn show_progress(object: &Object) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut last = String::new();
    loop {
        let status = object.status().await?;
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        let progress = status.progress.clone().unwrap_or_else(|| "waiting for the controller".to_owned());
        if progress != last {
            println!("  {progress}");
            std::io::stdout().flush()?;
            last = progress;
        }
        if ready.is_some_and(|ready| ready.status == "True") {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("not Ready in two minutes: {:?}", ready.map(|ready| &ready.message));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One line for each: what, before, after, seconds.
fn table(rows: &[(Drift, Duration)]) {
    let short = |value: &Option<String>| -> String {
        let text = value.clone().unwrap_or_else(|| "nothing".to_owned());
        if text.chars().count() > 28 { text.chars().take(27).chain(['…']).collect() } else { text }
    };
    println!("  {:<66} {:<28} {:<28} {:>4}", "WHAT", "BEFORE", "AFTER", "S");
    for (drift, took) in rows {
        let node = drift.node.split_once('/').map_or(&*drift.node, |(_, node)| node);
        let what: String = format!("{node} {}", drift.field).chars().take(66).collect();
        println!("  {what:<66} {:<28} {:<28} {:>4.1}", short(&drift.before), short(&drift.after), took.as_secs_f64());
    }
}

fn kubectl(cluster: &Cluster, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command: Command = cluster.kubectl();
    let status = command.args(arguments).stdin(Stdio::null()).status()?;
    ensure!(status.success(), "kubectl {} failed", arguments.join(" "));
    Ok(())
}
