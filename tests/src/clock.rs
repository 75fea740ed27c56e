//! A time of day that a test sets while a process runs.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use crate::root;

/// The clock of processes that are started with its [`Self::environment`]: the machine's, and an offset.
pub struct Clock {
    library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    /// One that is right, with its files in `folder`. It needs a C compiler, as building the product does.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let clock = Self { library: folder.join("clock.so"), offset: folder.join("clock-offset") };
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&clock.library)
            .arg(root().join("tests/clock/offset.c"))
            .status()?;
        ensure!(compiled.success(), "cc cannot compile tests/clock/offset.c");
        clock.set(0)?;
        Ok(clock)
    }

    /// Sets it so many seconds ahead of the right time, or behind.
    pub fn set(&self, ahead: i64) -> anyhow::Result<()> {
        // In place: the processes have the file mapped.
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.offset)?;
        Ok(file.write_all(&ahead.to_ne_bytes())?)
    }

    /// What a process goes by this clock with.
    pub fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("CLOCK_OFFSET", &self.offset)]
    }
}
