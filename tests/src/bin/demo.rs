//! `make demo`: builds a platform on an emulated AWS, breaks it through the AWS API, and shows that it is found, put
//! right and recorded.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use payment_platform_api::status::Drift;
use payment_platform_tests::aws::Account;
use payment_platform_tests::cluster::Cluster;
use payment_platform_tests::controller::Controller;
use payment_platform_tests::emulator::Emulator;
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
    let manifest = root().join("examples/minimal.yaml");
    say("kubectl apply -f examples/minimal.yaml");
    println!("{}", std::fs::read_to_string(&manifest)?.trim_end());
    let began = Instant::now();
    kubectl(cluster, &["apply", "-f", &manifest.display().to_string()])?;
    let object = Object {
        api: kube::Api::namespaced(cluster.client().await?, "default"),
        namespace: "default".to_owned(),
        name: "payments".to_owned(),
    };
    show_progress(&object).await?;
    kubectl(cluster, &["wait", "paymentplatform/payments", "--for=condition=Ready", "--timeout=120s"])?;
    println!("Ready after {:.1} s.", began.elapsed().as_secs_f64());
    kubectl(cluster, &["get", "paymentplatforms", "-o", "wide"])?;

    let aws = Account::open(&emulator.endpoint, None, "us-east-1").await?;
    let outputs = object.status().await?.outputs.context("no outputs")?;
    let key = outputs.kms_key_app_data_arn.context("no key")?;
    let group = outputs.security_group_aurora_id.context("no group")?;

    say("Somebody disables the rotation of the application's key, by the AWS API");
    let began = Instant::now();
    aws.kms.disable_key_rotation().key_id(&key).send().await?;
    let rotation = object.corrected("kms/key/app", "rotation.enabled").await?;
    let on = aws.kms.get_key_rotation_status().key_id(&key).send().await?.key_rotation_enabled();
    ensure!(on, "the record says corrected, AWS says that rotation is off");
    table(&rotation, began.elapsed());

    say("Somebody opens port 22 of the database's security group to the world, by the AWS API");
    let began = Instant::now();
    aws.open_port(&group, 22).await?;
    let opened = object.corrected("ec2/security-group-rules/aurora", "rules[ingress tcp 22").await?;
    ensure!(!aws.is_open(&group, 22).await?, "the record says corrected, AWS says that the port is open");
    table(&opened, began.elapsed());

    say("Somebody gives the database's writer a public address, by the AWS API");
    let writer =
        format!("{}-writer", outputs.aurora_cluster_endpoint.context("no database")?.split('.').next().unwrap_or(""));
    let began = Instant::now();
    let change = aws.rds.modify_db_instance().db_instance_identifier(&writer).publicly_accessible(true);
    change.apply_immediately(true).send().await?;
    let public = object.corrected("rds/instance/writer", "public").await?;
    let read = aws.rds.describe_db_instances().db_instance_identifier(&writer).send().await?;
    let is_public = read.db_instances().iter().any(|instance| instance.publicly_accessible == Some(true));
    ensure!(!is_public, "the record says corrected, AWS says that the database is public");
    table(&public, began.elapsed());

    say("What an auditor reads: kubectl get paymentplatform payments -o jsonpath='{.status}'");
    object.ready().await?;
    let path = "-o=jsonpath={range .status.conditions[*]}{.type}={.status}  {.reason}: {.message}{\"\\n\"}{end}";
    kubectl(cluster, &["get", "paymentplatform", "payments", path])?;
    println!("{}", serde_json::to_string_pretty(&object.status().await?.drift)?);
    kubectl(cluster, &["get", "events", "--field-selector=reason=DriftCorrected"])?;
    println!("(The controller's log: {})", log.display());
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

fn table(drift: &Drift, took: Duration) {
    let nothing = || "nothing".to_owned();
    println!("  what    {} {}", drift.node, drift.field);
    println!("  before  {}", drift.before.clone().unwrap_or_else(nothing));
    println!("  after   {}", drift.after.clone().unwrap_or_else(nothing));
    println!("  found and put right {:.1} s after it was done", took.as_secs_f64());
}

fn kubectl(cluster: &Cluster, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command: Command = cluster.kubectl();
    let status = command.args(arguments).stdin(Stdio::null()).status()?;
    ensure!(status.success(), "kubectl {} failed", arguments.join(" "));
    Ok(())
}
