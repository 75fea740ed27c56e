//! What scenarios and demo run on: a real API server, an emulated AWS, and the controller's own binary.

pub mod api_proxy;
pub mod aws;
pub mod clock;
pub mod cluster;
pub mod controller;
pub mod emulator;
pub mod example;
pub mod object;

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, bail};

/// The repository's root: the checkout that runs, which need not be the one that was compiled, since checkouts share
/// their target folder.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        // Cargo says where the package is; a program that is run by itself is run from the checkout.
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let here = std::env::current_dir().ok();
        let starts = package.into_iter().chain(here).chain([PathBuf::from(env!("CARGO_MANIFEST_DIR"))]);
        let is_root = |folder: &&Path| folder.join("tests/aws/emulator.py").is_file();
        let mut found = starts.filter_map(|start| start.ancestors().find(is_root).map(Path::to_owned));
        found.next().unwrap_or_default()
    })
}

/// Runs a script that prints one path on its last line; what it says meanwhile goes to our standard error.
pub(crate) fn path_from(script: &str) -> anyhow::Result<PathBuf> {
    let output = Command::new(root().join(script))
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {script}"))?;
    if !output.status.success() {
        bail!("{script} failed");
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(PathBuf::from(text.lines().last().unwrap_or_default()))
}

/// The helm to test with.
pub fn helm() -> anyhow::Result<PathBuf> {
    path_from("tests/helm/build.sh")
}

/// A child process that ends with us, however we end: a watchdog, which reads from us and from nobody else, kills it
/// when we are gone.
pub struct Child {
    process: std::process::Child,
    watchdog: std::process::Child,
}

impl Child {
    /// Takes a process into custody.
    pub fn watched(mut process: std::process::Child) -> anyhow::Result<Self> {
        let script = format!("cat >/dev/null; kill -9 {} 2>/dev/null", process.id());
        // A process group of its own: Ctrl-C must not end the watchdog before its time.
        let watchdog = Command::new("sh").args(["-c", &script]).process_group(0).stdin(Stdio::piped()).spawn();
        match watchdog {
            Ok(watchdog) => Ok(Self { process, watchdog }),
            Err(error) => {
                let _ = process.kill();
                Err(error.into())
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status()?;
        anyhow::ensure!(sent.success(), "cannot send {name}");
        Ok(())
    }

    /// Whether and how it has ended.
    pub fn ended(&mut self) -> anyhow::Result<Option<std::process::ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        // The watchdog first, so that it cannot hit another process that gets the same id.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
