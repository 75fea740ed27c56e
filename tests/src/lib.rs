//! What scenarios and demo run on: a real API server, an emulated AWS, and the controller's own binary.

pub mod aws;
pub mod cluster;
pub mod controller;
pub mod emulator;
pub mod object;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Runs a script that prints one path on its last line; what it says meanwhile goes to our standard error.
pub(crate) fn path_from(script: &str) -> anyhow::Result<PathBuf> {
    let output = Command::new(root().join(script))
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {script}"))?;
    if !output.status.success() {
        bail!("{script} failed");
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(PathBuf::from(text.lines().last().unwrap_or_default()))
}

/// A child process that ends with us.
pub struct Child(std::process::Child);

impl Child {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Asks it to stop and waits until it has.
    pub fn terminate(&mut self) -> anyhow::Result<std::process::ExitStatus> {
        Command::new("kill").arg(self.0.id().to_string()).status()?;
        Ok(self.0.wait()?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
