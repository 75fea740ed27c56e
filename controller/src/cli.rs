//! The commands and their flags.

mod plan;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;
use payment_platform_api::{Facts, PaymentPlatform, Platform};
use payment_platform_engine::Owner;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::aws::iam_policy;
use crate::aws::limits::Limits as AwsLimits;
use crate::controller::{self, NAME, Settings};
use crate::lease::{self, Elector, Held};
use crate::pass::Limits;
use crate::platform::desired;
use crate::rbac;
use crate::scope::{Catalogue, Scopes, Settings as ScopeSettings};
use crate::status::Limits as StatusLimits;

/// Builds PCI DSS payment environments on AWS from one Kubernetes object, and keeps them so.
///
/// Credentials, profile and endpoint come from the AWS SDK's own environment (AWS_PROFILE, AWS_ENDPOINT_URL, ...), the
/// cluster from KUBECONFIG or the pod's service account.
#[derive(Parser)]
#[command(name = NAME, version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watch PaymentPlatform objects and keep AWS as they describe.
    Run(Box<Run>),
    /// Show what would change on AWS for a manifest. Needs no cluster and writes nothing.
    ///
    /// Exit code: 0 nothing would change, 2 something would, 1 error.
    Plan(Plan),
    /// Show what a manifest consists of, without asking AWS.
    Graph(Graph),
    /// Print the CustomResourceDefinition.
    Crd,
    /// Print the IAM policy that the controller's role needs, as JSON.
    IamPolicy {
        /// One part only: all of it is more than a managed policy has room for
        part: Option<iam_policy::Part>,
    },
    /// Print the rights on the Kubernetes API that the controller needs, as rules of a role, in YAML.
    Rbac {
        /// Where the rights are needed.
        #[arg(value_enum)]
        place: rbac::Place,
    },
    /// Print a completion script for a shell.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
struct Run {
    /// Namespace to watch; all when not given.
    #[arg(long, env = "WATCH_NAMESPACE")]
    namespace: Option<String>,
    /// Seconds between looks at what opens or blinds a platform (keys, roles, policies, rules, routes, flow logs).
    #[arg(long, env = "FAST_INTERVAL_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    fast_interval_seconds: u64,
    /// Seconds between looks at everything else.
    #[arg(long, env = "SLOW_INTERVAL_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    slow_interval_seconds: u64,
    /// Platforms worked on at once.
    #[arg(long, env = "CONCURRENCY", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Namespace of the lease that keeps controllers from working at once.
    #[arg(long, env = "LEASE_NAMESPACE", default_value = "default")]
    lease_namespace: String,
    /// Seconds after which a controller that does not renew its lease is taken for dead; at least twice the attempt
    /// timeout.
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(2..))]
    lease_seconds: u64,
    /// The longest pause, in seconds, after errors of the Kubernetes API in a row; the first pause is 2 s.
    #[arg(long, env = "MAX_RETRY_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    max_retry_seconds: u64,
    /// Seconds between updates of status.progress while one pass writes.
    #[arg(long, env = "PROGRESS_INTERVAL_SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    progress_interval_seconds: u64,
    /// Seconds between updates of status.lastVerifiedTime while nothing differs.
    #[arg(long, env = "VERIFIED_INTERVAL_SECONDS", default_value_t = 3600)]
    verified_interval_seconds: u64,
    /// Records kept in status.drift, newest first.
    #[arg(long, env = "DRIFT_RECORDS", default_value_t = 20)]
    drift_records: u16,
    /// Bytes of all records in status.drift together; the oldest go first.
    #[arg(long, env = "DRIFT_BYTES", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(..=262144))]
    drift_bytes: u32,
    /// Characters of one value in status.drift and in Events about drift.
    #[arg(long, env = "DRIFT_VALUE_CHARS", default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..))]
    drift_value_chars: u16,
    /// Form of the log lines.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What to log, as `level` or `target=level,...`. The AWS SDK, which logs whole requests, and kube are
    /// capped.
    #[arg(long, env = "LOG", default_value = "info")]
    log: String,
    #[command(flatten)]
    aws: AwsFlags,
}

impl Run {
    fn status_limits(&self) -> StatusLimits {
        StatusLimits {
            drift_records: usize::from(self.drift_records),
            drift_bytes: self.drift_bytes as usize,
            drift_value_chars: usize::from(self.drift_value_chars),
            verified_interval: Duration::from_secs(self.verified_interval_seconds),
        }
    }
}

#[derive(Args)]
struct AwsFlags {
    /// Seconds that a connection to AWS may take.
    #[arg(long, env = "CONNECT_TIMEOUT_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    connect_timeout_seconds: u64,
    /// Seconds that one attempt of a call to AWS may take.
    #[arg(long, env = "ATTEMPT_TIMEOUT_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    attempt_timeout_seconds: u64,
    /// Seconds that one call to AWS may take with all its attempts and the pauses between them.
    #[arg(long, env = "OPERATION_TIMEOUT_SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..))]
    operation_timeout_seconds: u64,
    /// Attempts of a call to AWS that may be repeated; creations that a repetition would double have one.
    #[arg(long, env = "ATTEMPTS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: u32,
    /// Seconds by which reads from AWS may lag behind writes.
    #[arg(long, env = "CONSISTENCY_WINDOW_SECONDS", default_value_t = 10)]
    consistency_window_seconds: u64,
    /// Seconds for which it is believed whose account the credentials are, before AWS is asked again.
    #[arg(long, env = "IDENTITY_SECONDS", default_value_t = 55)]
    identity_seconds: u64,
    /// Things of one kind that are read from AWS at once, where it has no call for many.
    #[arg(long, env = "READS_AT_ONCE", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    reads_at_once: u16,
    /// Calls to AWS that write, at once, for one platform.
    #[arg(long, env = "WIDTH", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    width: u16,
    /// Seconds for which AWS may be at work on one resource before the platform is Stalled; by its kind when not given.
    #[arg(long, env = "DEADLINE_SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    deadline_seconds: Option<u64>,
    /// Calls a second to one service of an account and region, on average; twice as many may be made at once.
    #[arg(long, env = "CALLS_PER_SECOND", default_value = "100")]
    calls_per_second: NonZeroU32,
    /// Corrections of one thing within the contest window after which further ones come later and later.
    #[arg(long, env = "CONTESTED_AFTER", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    contested_after: u16,
    /// Seconds for which a correction counts towards --contested-after.
    #[arg(long, env = "CONTEST_WINDOW_SECONDS", default_value_t = 600)]
    contest_window_seconds: u64,
    /// Seconds by which each further correction of a contested thing comes later.
    #[arg(long, env = "CONTESTED_PAUSE_SECONDS", default_value_t = 60)]
    contested_pause_seconds: u64,
    /// Seconds, at the most, between looks at what AWS is at work on: a NAT gateway, an endpoint, a role that is new.
    #[arg(long, env = "POLL_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    poll_seconds: u64,
    /// Consistency windows after which a KMS key without visible tags is taken for another's and not asked again.
    #[arg(long, env = "KEY_TAGS_WINDOWS", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    key_tags_windows: u32,
    /// Seconds for which a KMS key that did not let its tags be read is not asked again.
    #[arg(long, env = "DENIED_KEY_SECONDS", default_value_t = 600)]
    denied_key_seconds: u64,
    /// Seconds after a failed deployment of the application until it is tried again.
    #[arg(long, env = "DEPLOYMENT_RETRY_SECONDS", default_value_t = 600)]
    deployment_retry_seconds: u64,
    /// Pages of 1000 objects that one step deletes from a bucket before other steps get their turn.
    #[arg(long, env = "PAGES_PER_EMPTYING", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pages_per_emptying: u32,
    /// ARN of the role or user that key policies name as the controller; found out when not given.
    #[arg(long, env = "PRINCIPAL_ARN")]
    principal_arn: Option<String>,
}

impl AwsFlags {
    fn limits(&self) -> Limits {
        Limits {
            consistency_window: Duration::from_secs(self.consistency_window_seconds),
            width: usize::from(self.width),
            contested_after: usize::from(self.contested_after),
            contest_window: Duration::from_secs(self.contest_window_seconds),
            contested_pause: Duration::from_secs(self.contested_pause_seconds),
            deadline: self.deadline_seconds.map(Duration::from_secs),
        }
    }

    async fn scopes(&self, lease: Option<Held>, catalogue: Catalogue) -> Scopes {
        let settings = ScopeSettings {
            connect_timeout: Duration::from_secs(self.connect_timeout_seconds),
            identity_age: Duration::from_secs(self.identity_seconds),
            limits: AwsLimits {
                reads_at_once: usize::from(self.reads_at_once),
                consistency_window: Duration::from_secs(self.consistency_window_seconds),
                poll: Duration::from_secs(self.poll_seconds),
                key_tags_windows: self.key_tags_windows,
                denied_key_pause: Duration::from_secs(self.denied_key_seconds),
                deployment_retry: Duration::from_secs(self.deployment_retry_seconds),
                pages_per_emptying: self.pages_per_emptying,
            },
            attempt_timeout: Duration::from_secs(self.attempt_timeout_seconds),
            operation_timeout: Duration::from_secs(self.operation_timeout_seconds),
            calls_per_second: self.calls_per_second,
            attempts: self.attempts,
            principal_arn: self.principal_arn.clone(),
            lease,
            catalogue,
        };
        Scopes::from_environment(settings).await
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Args)]
struct Plan {
    /// Manifest of a PaymentPlatform, YAML or JSON; - for standard input.
    #[arg(short, long)]
    file: PathBuf,
    /// Form of the plan.
    #[arg(short, long, value_enum, default_value_t = PlanFormat::Text)]
    output: PlanFormat,
    /// Show what is as described too, with each of its fields as it was seen.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    aws: AwsFlags,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    Text,
    Json,
}

#[derive(Args)]
struct Graph {
    /// Manifest of a PaymentPlatform, YAML or JSON; - for standard input.
    #[arg(short, long)]
    file: PathBuf,
    /// Form of the graph.
    #[arg(short, long, value_enum, default_value_t = GraphFormat::Mermaid)]
    output: GraphFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum GraphFormat {
    /// A flow chart.
    Mermaid,
    /// Everything, for programs.
    Json,
    /// A line for each node and each that it needs, to read and to compare.
    Text,
}

/// Writes to standard output. A reader that has seen enough (`head`) is no error.
fn show(text: &str) -> anyhow::Result<ExitCode> {
    use std::io::Write as _;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("cannot write the answer"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Runs one command.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    run_with(cli, Catalogue::default()).await
}

/// The same with another catalogue of what platforms consist of.
pub async fn run_with(cli: Cli, catalogue: Catalogue) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run(flags) => daemon(*flags, catalogue).await,
        Command::Plan(flags) => {
            start_log(LogFormat::Text, "warn")?;
            let object = manifest(&flags.file)?;
            let scopes = flags.aws.scopes(None, catalogue).await;
            let form = plan::Form { json: flags.output == PlanFormat::Json, all: flags.all };
            plan::run(&scopes, object, flags.aws.limits(), form).await
        }
        Command::Graph(flags) => graph(&flags),
        Command::Crd => show(&serde_saphyr::to_string(&payment_platform_api::crd())?),
        Command::IamPolicy { part } => {
            let document = serde_json::to_string_pretty(&iam_policy::document(part))?;
            show(&format!("{document}\n"))
        }
        Command::Rbac { place } => show(&serde_saphyr::to_string(&rbac::rules(place))?),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
            show(&String::from_utf8(script)?)
        }
    }
}

/// Works while the lease is ours; a lease that is lost ends the process, whose successor starts with a clear head.
async fn daemon(flags: Run, catalogue: Catalogue) -> anyhow::Result<ExitCode> {
    start_log(flags.log_format, &flags.log)?;
    let attempt = flags.aws.attempt_timeout_seconds;
    anyhow::ensure!(
        flags.lease_seconds >= 2 * attempt,
        "--lease-seconds ({}) must be at least twice --attempt-timeout-seconds ({attempt}): no call is begun that may \
         outlast the lease",
        flags.lease_seconds
    );
    let client = kube::Client::try_default().await.context("cannot reach a cluster (KUBECONFIG or in-cluster)")?;
    let held = Held::default();
    let scopes = flags.aws.scopes(Some(held.clone()), catalogue).await;
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "local".to_owned());
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
    let config = lease::Config {
        name: NAME.to_owned(),
        identity: format!("{host}-{}-{started:x}", std::process::id()),
        duration: Duration::from_secs(flags.lease_seconds),
    };
    let leases: Api<Lease> = Api::namespaced(client.clone(), &flags.lease_namespace);
    let mut elector = Elector::new(leases, config, held);
    let settings = Settings {
        namespace: flags.namespace.clone(),
        fast: Duration::from_secs(flags.fast_interval_seconds),
        slow: Duration::from_secs(flags.slow_interval_seconds),
        limits: flags.aws.limits(),
        status: flags.status_limits(),
        concurrency: flags.concurrency,
        max_retry: Duration::from_secs(flags.max_retry_seconds),
        progress_interval: Duration::from_secs(flags.progress_interval_seconds),
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut stop = Some(stop);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Waiting for the lease.");
    tokio::select! {
        () = elector.acquire() => {}
        () = terminated() => return Ok(ExitCode::SUCCESS),
    }
    tracing::info!("Holding the lease; working.");
    let mut work = std::pin::pin!(controller::run(client, scopes, settings, async move {
        let _ = stopped.await;
    }));
    let mut signal = std::pin::pin!(terminated());
    let mut stopping = false;
    loop {
        tokio::select! {
            () = &mut work => break,
            () = elector.keep() => {
                tracing::error!("The lease is lost; stopping.");
                return Ok(ExitCode::from(1));
            }
            () = &mut signal, if !stopping => {
                tracing::info!("Stopping: letting running passes end.");
                stopping = true;
                if let Some(stop) = stop.take() {
                    let _ = stop.send(());
                }
            }
        }
    }
    elector.release().await;
    Ok(ExitCode::SUCCESS)
}

/// Resolves on SIGTERM or SIGINT.
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}

fn start_log(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("{filter:?} is no log filter"))?;
    let capped = filter_fn(|event| may_be_logged(event.target(), *event.level()));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let log = match format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    tracing_subscriber::registry().with(log.with_filter(filter.and(capped))).init();
    Ok(())
}

/// Whether any filter may let this through. Below info the AWS SDK and what it sends with print whole requests, secret
/// values included, and kube's runtime prints objects at every turn.
fn may_be_logged(target: &str, level: tracing::Level) -> bool {
    let carries_requests = ["aws_", "hyper", "h2", "reqwest", "rustls", "tower_http"];
    match target {
        _ if target.starts_with("kube_runtime") => level <= tracing::Level::WARN,
        _ if carries_requests.iter().any(|prefix| target.starts_with(prefix)) => level <= tracing::Level::INFO,
        _ => true,
    }
}

/// Reads a manifest, and refuses what is not a PaymentPlatform.
fn manifest(file: &std::path::Path) -> anyhow::Result<PaymentPlatform> {
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
    };
    let object: PaymentPlatform =
        serde_saphyr::from_str(&text).with_context(|| format!("{} is no PaymentPlatform", file.display()))?;
    Ok(object)
}

/// The owner's name as it stands in tags: without a namespace kubectl would take `default`.
fn owner_name(object: &PaymentPlatform) -> anyhow::Result<String> {
    let name = object.metadata.name.as_deref().context("the manifest has no metadata.name")?;
    Ok(format!("{}/{name}", object.metadata.namespace.as_deref().unwrap_or("default")))
}

fn graph(flags: &Graph) -> anyhow::Result<ExitCode> {
    let object = manifest(&flags.file)?;
    let region = object.spec.aws.as_ref().and_then(|aws| aws.region.clone()).unwrap_or_else(|| "us-east-1".to_owned());
    let named = object.spec.network.as_ref().and_then(|network| network.availability_zones.clone());
    let facts = Facts {
        account_id: "123456789012".to_owned(),
        principal_arn: "arn:aws:iam::123456789012:role/payment-platform-controller".to_owned(),
        zones: named.unwrap_or_else(|| ["a", "b"].map(|zone| format!("{region}{zone}")).to_vec()),
        // Shown as it is: the real one is AWS's affair.
        s3_prefix_list: Some("pl-of-s3".to_owned()),
        ..Facts::default()
    };
    let platform = Platform::resolve(&object.spec, &facts).map_err(plan::all)?;
    let owner = Owner { name: owner_name(&object)?, uid: "00000000-0000-0000-0000-000000000000".to_owned() };
    let graph = desired(&platform, &owner);
    show(&match flags.output {
        GraphFormat::Mermaid => graph.mermaid(),
        GraphFormat::Text => graph.text(),
        GraphFormat::Json => format!("{}\n", serde_json::to_string_pretty(&graph.json())?),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use tracing::Level;

    use super::{Cli, may_be_logged};

    #[test]
    fn every_flag_of_run_has_an_environment_variable_a_help_and_a_line_in_the_documentation() {
        let documented = include_str!("../../docs/operations.md");
        let command = Cli::command();
        let run = command.find_subcommand("run").expect("run");
        let flags = run.get_arguments().filter(|flag| flag.get_long().is_some_and(|name| name != "help"));
        for flag in flags {
            let name = flag.get_long().expect("a flag");
            let variable = flag.get_env().and_then(|variable| variable.to_str()).unwrap_or_default();
            assert!(name.to_uppercase().replace('-', "_").ends_with(variable) || name == "namespace", "{name}");
            assert!(!variable.is_empty() && flag.get_help().is_some(), "{name}");
            assert!(documented.contains(&format!("| `--{name}` | `{variable}` |")), "{name}");
            let default = flag.get_default_values().first().and_then(|value| value.to_str());
            let line = documented.lines().find(|line| line.starts_with(&format!("| `--{name}` |"))).unwrap_or_default();
            assert!(default.is_none_or(|default| line.replace('`', "").contains(&format!("| {default} |"))), "{line}");
        }
    }

    #[test]
    fn no_filter_lets_whole_requests_into_the_log() {
        let targets =
            ["aws_smithy_runtime::client", "aws_runtime::auth", "aws_sigv4::http_request", "hyper_util::client"];
        for target in targets {
            assert!(!may_be_logged(target, Level::TRACE) && !may_be_logged(target, Level::DEBUG), "{target}");
            assert!(may_be_logged(target, Level::WARN), "{target}");
        }
        assert!(may_be_logged("payment_platform_controller::pass", Level::TRACE));
    }
}
