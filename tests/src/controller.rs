//! The controller's binary as a process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::Child;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::emulator::Emulator;

/// The binary: the one of CONTROLLER_BINARY, else beside the test's own, in the folder that cargo builds into.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("CONTROLLER_BINARY") {
        return Ok(named.into());
    }
    let own = std::env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join("payment-platform-controller")).find(|path| path.is_file());
    found.context("the controller is not built; run `cargo build --workspace` (or `make test`)")
}

/// The binary with the emulator's endpoint and test credentials in its environment.
pub fn command(emulator: &Emulator) -> anyhow::Result<Command> {
    Ok(command_of(&binary()?, emulator))
}

/// The same with another binary.
pub fn command_of(binary: &Path, emulator: &Emulator) -> Command {
    let mut command = Command::new(binary);
    command.env("AWS_ENDPOINT_URL", &emulator.endpoint).env("AWS_REGION", "us-east-1");
    if emulator.is_ours() {
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env_remove("AWS_PROFILE");
    }
    command
}

/// A running controller.
pub struct Controller {
    pub process: Child,
    pub log: PathBuf,
}

impl Controller {
    /// `run`, with intervals that suit a test.
    pub fn start(cluster: &Cluster, emulator: &Emulator, log: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        Self::start_as(&cluster.kubeconfig, emulator, log, flags)
    }

    /// The same with the rights of a kubeconfig.
    pub fn start_as(kubeconfig: &Path, emulator: &Emulator, log: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        Self::start_with(command(emulator)?, kubeconfig, log, flags)
    }

    /// The same by a clock of its own.
    pub fn start_by(
        clock: &Clock,
        cluster: &Cluster,
        emulator: &Emulator,
        log: &Path,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let mut command = command(emulator)?;
        command.envs(clock.environment());
        Self::start_with(command, &cluster.kubeconfig, log, flags)
    }

    /// The same of a [`command`] that was made ready.
    pub fn start_with(mut command: Command, kubeconfig: &Path, log: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let process = command
            .env("KUBECONFIG", kubeconfig)
            .arg("run")
            .args(flags)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start the controller")?;
        Ok(Self { process: Child::watched(process)?, log: log.to_owned() })
    }
}

/// Intervals of seconds instead of minutes.
pub const QUICK: &[&str] = &[
    "--fast-interval-seconds=1",
    "--slow-interval-seconds=2",
    "--consistency-window-seconds=1",
    "--poll-seconds=1",
    "--attempt-timeout-seconds=5",
    "--lease-seconds=10",
    "--deployment-retry-seconds=20",
];
