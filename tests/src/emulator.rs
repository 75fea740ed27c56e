//! AWS: the endpoint of AWS_ENDPOINT_URL, else the emulator of `tests/aws`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Child, path_from, root};

/// A running AWS endpoint.
pub struct Emulator {
    pub endpoint: String,
    /// None for an endpoint of the user's: it logs nothing and takes no faults.
    log: Option<PathBuf>,
    _process: Option<Child>,
    _folder: Option<tempfile::TempDir>,
}

/// One call as the emulator logged it.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    pub account: Option<String>,
    pub service: String,
    pub operation: String,
    pub status: u16,
    pub agent: String,
    pub params: Value,
    /// When it arrived, in seconds since 1970.
    pub t: f64,
    /// Milliseconds from its arrival to its answer.
    pub ms: f64,
    pub error: Option<String>,
}

impl Call {
    /// Whether the product made it, and not the test.
    pub fn is_ours(&self) -> bool {
        self.agent.contains("payment-platform-controller")
    }

    /// Whether it asks for the next page of what an earlier one began to answer.
    pub fn goes_on(&self) -> bool {
        let token = |name: &String| {
            let name = name.to_ascii_lowercase();
            name.ends_with("token") && name != "clienttoken" || name.ends_with("marker")
        };
        self.params.as_object().is_some_and(|params| params.keys().any(token))
    }

    /// Whether it changes something.
    pub fn is_write(&self) -> bool {
        !["BatchGet", "Describe", "Get", "List", "AssumeRole"].iter().any(|verb| self.operation.starts_with(verb))
    }
}

impl Emulator {
    /// Starts one, unless AWS_ENDPOINT_URL names an endpoint.
    ///
    /// TIME_SCALE says what part of AWS's time the emulator takes for what AWS does by and by.
    pub fn start() -> anyhow::Result<Self> {
        match std::env::var("TIME_SCALE") {
            Ok(scale) => Self::start_with(&["--time-scale", &scale]),
            Err(_) => Self::start_with(&[]),
        }
    }

    /// The same with flags of `tests/aws/emulator.py`.
    pub fn start_with(flags: &[&str]) -> anyhow::Result<Self> {
        if let Ok(endpoint) = std::env::var("AWS_ENDPOINT_URL") {
            return Ok(Self { endpoint, log: None, _process: None, _folder: None });
        }
        let python = path_from("tests/aws/setup.sh")?;
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("calls.jsonl");
        let errors = std::fs::File::create(folder.path().join("emulator.log"))?;
        let mut process = Command::new(python)
            .arg(root().join("tests/aws/emulator.py"))
            .args(["--log", &log.display().to_string(), "--parent-pid", &std::process::id().to_string()])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .context("cannot start the AWS emulator")?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("the AWS emulator did not start")?;
        let endpoint = ready["endpoint"].as_str().context("no endpoint")?.to_owned();
        Ok(Self { endpoint, log: Some(log), _process: Some(Child::watched(process)?), _folder: Some(folder) })
    }

    /// Whether calls are logged and faults can be made.
    pub fn is_ours(&self) -> bool {
        self.log.is_some()
    }

    /// All calls made in an account so far.
    pub fn calls(&self, account: &str) -> anyhow::Result<Vec<Call>> {
        let Some(log) = &self.log else { return Ok(Vec::new()) };
        let text = std::fs::read_to_string(log)?;
        // All scenarios write into one log, which is long in the end.
        let lines = text.lines().filter(|line| line.contains(account));
        let calls = lines.filter_map(|line| serde_json::from_str::<Call>(line).ok());
        Ok(calls.filter(|call| call.account.as_deref() == Some(account)).collect())
    }

    /// For scenarios that make faults or count calls: they are named as such in the list of scenarios, and not run
    /// against another AWS.
    pub fn must_be_ours(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.is_ours(), "this needs our own emulator, and must be listed so");
        Ok(())
    }

    /// All calls of all accounts as they are logged.
    pub fn log_text(&self) -> anyhow::Result<String> {
        self.log.as_ref().map_or(Ok(String::new()), |log| Ok(std::fs::read_to_string(log)?))
    }

    /// The product's writing calls in an account so far.
    pub fn writes(&self, account: &str) -> anyhow::Result<Vec<Call>> {
        Ok(self.calls(account)?.into_iter().filter(|call| call.is_ours() && call.is_write()).collect())
    }

    /// Makes calls go wrong, see `tests/aws/control.py`.
    pub async fn fault(&self, fault: Value) -> anyhow::Result<()> {
        self.post("faults", json!([fault])).await
    }

    /// Takes back all that goes wrong for this account.
    pub async fn no_more_faults(&self, account: &str) -> anyhow::Result<()> {
        let body = json!({ "account": account }).to_string();
        reqwest::Client::new().delete(self.control("faults")).body(body).send().await?.error_for_status()?;
        Ok(())
    }

    /// Whether no fault waits for a call of this account any more.
    pub async fn is_struck(&self, account: &str) -> anyhow::Result<bool> {
        let faults: Vec<Value> = reqwest::get(self.control("faults")).await?.json().await?;
        Ok(faults.iter().all(|fault| fault["account"] != account))
    }

    /// Leaves things out of answers, as a stale read would.
    pub async fn hide(&self, hidden: Value) -> anyhow::Result<()> {
        self.post("hide", json!([hidden])).await
    }

    /// Takes back what `hide` hides.
    pub async fn show_all(&self) -> anyhow::Result<()> {
        reqwest::Client::new().delete(self.control("hide")).send().await?.error_for_status()?;
        Ok(())
    }

    /// Has no read in an account lag, for controllers that are told so.
    pub async fn prompt(&self, account: &str) -> anyhow::Result<()> {
        self.post("prompt", json!([{ "account": account }])).await
    }

    /// Sets a quota of an account.
    pub async fn quota(&self, account: &str, service: &str, code: &str, value: u32) -> anyhow::Result<()> {
        self.post("quotas", json!([{ "service": service, "quota": code, "value": value, "account": account }])).await
    }

    fn control(&self, what: &str) -> String {
        format!("{}/_emulator/{what}", self.endpoint)
    }

    async fn post(&self, what: &str, body: Value) -> anyhow::Result<()> {
        let client = reqwest::Client::new();
        let answer = client.post(self.control(what)).body(body.to_string()).send().await?;
        if !answer.status().is_success() {
            bail!("the emulator refuses {body}: {}", answer.text().await?);
        }
        Ok(())
    }
}
