//! A Kubernetes API that counts what it is asked and goes wrong: `tests/kubernetes/api_proxy.py` before a real API server.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context;
use kube::config::Kubeconfig;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::{Child, path_from, root};

/// A running proxy.
pub struct ApiProxy {
    /// Leads to the API server by way of the proxy.
    pub kubeconfig: PathBuf,
    log: PathBuf,
    _process: Child,
    _folder: tempfile::TempDir,
}

/// One request.
#[derive(Debug, Deserialize)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub status: u16,
    /// Whether the proxy made it go wrong.
    pub fault: bool,
}

impl ApiProxy {
    /// Before the API server of `cluster`; `faults` as the script describes them.
    pub fn start(cluster: &Cluster, faults: &Value, seed: u64) -> anyhow::Result<Self> {
        let python = path_from("tests/aws/setup.sh")?;
        let folder = tempfile::tempdir()?;
        let mut config = serde_json::to_value(Kubeconfig::read_from(&cluster.kubeconfig)?)?;
        let upstream = config["clusters"][0]["cluster"]["server"].as_str().context("no server")?.to_owned();
        let log = folder.path().join("requests.jsonl");
        let mut process = Command::new(python)
            .arg(root().join("tests/kubernetes/api_proxy.py"))
            .args(["--upstream", &upstream, "--log", &log.display().to_string(), "--faults", &faults.to_string()])
            .args(["--seed", &seed.to_string(), "--parent-pid", &std::process::id().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the proxy")?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("the proxy did not start")?;
        config["clusters"][0]["cluster"] = json!({"server": ready["url"]});
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, config.to_string())?;
        Ok(Self { kubeconfig, log, _process: Child::watched(process)?, _folder: folder })
    }

    /// All requests so far. A watch is there as soon as it begins.
    pub fn requests(&self) -> anyhow::Result<Vec<Request>> {
        let text = std::fs::read_to_string(&self.log)?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}
