//! A Kubernetes API: the one of KUBECONFIG, else kube-apiserver and etcd as plain processes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::{Child, path_from, root};

/// A running API server.
pub struct Cluster {
    pub kubeconfig: PathBuf,
    pub kubectl: PathBuf,
    // In this order: an API server whose etcd is gone takes minutes to stop.
    apiserver: Option<Child>,
    _etcd: Option<Child>,
    _folder: Option<tempfile::TempDir>,
}

impl Cluster {
    /// The user's cluster when KUBECONFIG is set, else one of our own.
    pub fn start() -> anyhow::Result<Self> {
        match std::env::var_os("KUBECONFIG") {
            Some(kubeconfig) => Ok(Self {
                kubeconfig: kubeconfig.into(),
                kubectl: "kubectl".into(),
                apiserver: None,
                _etcd: None,
                _folder: None,
            }),
            None => Self::start_own(),
        }
    }

    /// Sends a signal to the API server of a cluster of our own.
    pub fn signal_api_server(&self, name: &str) -> anyhow::Result<()> {
        self.apiserver.as_ref().context("not a cluster of our own")?.signal(name)
    }

    /// A cluster of our own, whatever KUBECONFIG says.
    pub fn start_own() -> anyhow::Result<Self> {
        let bin = path_from("tests/kubernetes/build.sh")?;
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let [client, peer, secure] = free_ports()?;
        let etcd_url = format!("http://127.0.0.1:{client}");
        let peer_url = format!("http://127.0.0.1:{peer}");
        let etcd = spawn(
            path,
            "etcd",
            Command::new(bin.join("etcd"))
                .args(["--unsafe-no-fsync", "--data-dir", &text(&path.join("etcd"))])
                .args(["--listen-client-urls", &etcd_url, "--advertise-client-urls", &etcd_url])
                .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
                .args(["--initial-cluster", &format!("default={peer_url}")]),
        )?;
        let key = path.join("service-account.key");
        let made = Command::new("openssl").args(["genrsa", "-out", &text(&key), "2048"]).stderr(Stdio::null()).status();
        if !made.context("openssl is needed to make a key for service accounts")?.success() {
            bail!("openssl could not make a key for service accounts");
        }
        std::fs::write(path.join("tokens.csv"), "admin-token,admin,admin,system:masters\n")?;
        let apiserver = spawn(
            path,
            "kube-apiserver",
            Command::new(bin.join("kube-apiserver"))
                .args(["--etcd-servers", &etcd_url, "--secure-port", &secure.to_string()])
                .args(["--bind-address", "127.0.0.1", "--cert-dir", &text(&path.join("certificates"))])
                .args(["--service-account-key-file", &text(&key), "--service-account-signing-key-file", &text(&key)])
                .args(["--service-account-issuer", "https://kubernetes.default.svc"])
                .args(["--token-auth-file", &text(&path.join("tokens.csv")), "--authorization-mode", "Node,RBAC"])
                .args(["--service-cluster-ip-range", "10.96.0.0/16"]),
        )?;
        let kubeconfig = path.join("kubeconfig");
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters: [{{name: test, cluster: {{server: 'https://127.0.0.1:{secure}', insecure-skip-tls-verify: true}}}}]\n\
             contexts: [{{name: test, context: {{cluster: test, user: admin}}}}]\n\
             users: [{{name: admin, user: {{token: admin-token}}}}]\n"
        );
        std::fs::write(&kubeconfig, config)?;
        let cluster = Self {
            kubeconfig,
            kubectl: bin.join("kubectl"),
            apiserver: Some(apiserver),
            _etcd: Some(etcd),
            _folder: Some(folder),
        };
        cluster.wait_ready()?;
        Ok(cluster)
    }

    /// kubectl with this cluster.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    pub async fn client(&self) -> anyhow::Result<kube::Client> {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig)?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(kube::Client::try_from(config)?)
    }

    /// Applies `crds/`, and waits until the API server serves them.
    pub async fn apply_crds(&self) -> anyhow::Result<()> {
        let file = root().join("crds/paymentplatforms.yaml");
        // A field that the file does not know would be lost without a word.
        let printed = Command::new(crate::controller::binary()?).arg("crd").output()?.stdout;
        if printed != std::fs::read(&file)? {
            bail!("{} is not what the controller prints; run `make generate`", file.display());
        }
        let applied = self.kubectl().args(["apply", "--server-side", "-f"]).arg(file).stdout(Stdio::null()).status()?;
        if !applied.success() {
            bail!("kubectl could not apply the CRD");
        }
        self.crds_established().await
    }

    /// Waits until the API server serves the objects.
    pub async fn crds_established(&self) -> anyhow::Result<()> {
        let api: Api<CustomResourceDefinition> = Api::all(self.client().await?);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let crd = api.get("paymentplatforms.paymentplatform.io").await?;
            let conditions = crd.status.and_then(|status| status.conditions).unwrap_or_default();
            if conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True") {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the API server does not establish the CRD: {conditions:?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Makes a namespace, if it is not there.
    pub async fn namespace(&self, name: &str) -> anyhow::Result<()> {
        let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.client().await?);
        let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        api.patch(name, &PatchParams::apply("tests"), &Patch::Apply(namespace)).await?;
        Ok(())
    }

    /// Makes the controller's service account in a namespace, with the rights that the controller says it needs and no
    /// others; a kubeconfig that acts as it.
    pub async fn service_account(&self, namespace: &str) -> anyhow::Result<tempfile::NamedTempFile> {
        let name = "payment-platform-controller";
        let indented = |place: &str| -> anyhow::Result<String> {
            let output = Command::new(crate::controller::binary()?).args(["rbac", place]).output()?;
            Ok(String::from_utf8(output.stdout)?)
        };
        let api = "apiVersion: rbac.authorization.k8s.io/v1";
        let subject = format!("subjects: [{{kind: ServiceAccount, name: {name}, namespace: {namespace}}}]");
        let reference =
            |kind: &str| format!("roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {name}}}");
        let here = format!("metadata: {{name: {name}, namespace: {namespace}}}");
        let everywhere = format!("metadata: {{name: {name}}}");
        let manifests = [
            format!("apiVersion: v1\nkind: ServiceAccount\n{here}\n"),
            format!("{api}\nkind: ClusterRole\n{everywhere}\nrules:\n{}", indented("watched")?),
            format!("{api}\nkind: ClusterRoleBinding\n{everywhere}\n{subject}\n{}\n", reference("ClusterRole")),
            format!("{api}\nkind: Role\n{here}\nrules:\n{}", indented("lease")?),
            format!("{api}\nkind: RoleBinding\n{here}\n{subject}\n{}\n", reference("Role")),
        ];
        self.apply(&manifests.join("---\n"))?;
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let request = TokenRequest::default();
        let token = accounts.create_token_request(name, &PostParams::default(), &request).await?;
        let token = token.status.and_then(|status| status.token).context("no token for the service account")?;
        // The same server, another user.
        let mut value = serde_json::to_value(Kubeconfig::read_from(&self.kubeconfig)?)?;
        for user in value["users"].as_array_mut().into_iter().flatten() {
            user["user"] = serde_json::json!({ "token": token });
        }
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), value.to_string())?;
        Ok(file)
    }

    /// `kubectl apply` of manifests, and whether that worked; what it says of errors.
    pub fn try_apply(&self, manifests: &str) -> anyhow::Result<(bool, String)> {
        use std::io::Write as _;
        let mut kubectl = self.kubectl();
        let kubectl =
            kubectl.args(["apply", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = kubectl.spawn()?;
        process.stdin.take().context("no standard input")?.write_all(manifests.as_bytes())?;
        let output = process.wait_with_output()?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// `kubectl apply` of manifests.
    pub fn apply(&self, manifests: &str) -> anyhow::Result<()> {
        use std::io::Write as _;
        let mut kubectl = self.kubectl();
        let kubectl = kubectl.args(["apply", "--server-side", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut process = kubectl.spawn()?;
        process.stdin.take().context("no standard input")?.write_all(manifests.as_bytes())?;
        if !process.wait()?.success() {
            bail!("kubectl could not apply {manifests}");
        }
        Ok(())
    }

    fn wait_ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let mut probe = self.kubectl();
            let probe = probe.args(["get", "--raw", "/readyz"]).stdout(Stdio::null()).stderr(Stdio::null());
            if probe.status()?.success() {
                return Ok(());
            }
            #[allow(clippy::disallowed_methods, reason = "before any runtime exists")]
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("kube-apiserver is not ready after a minute; its log is lost with its folder");
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn spawn(folder: &Path, name: &str, command: &mut Command) -> anyhow::Result<Child> {
    let log = std::fs::File::create(folder.join(format!("{name}.log")))?;
    let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
    Child::watched(child.with_context(|| format!("cannot start {name}"))?)
}

/// Ports that were free a moment ago, held until all are chosen so that they differ.
fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let listeners = (0..N).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    let ports =
        listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect::<anyhow::Result<Vec<_>>>()?;
    ports.try_into().map_err(|_| anyhow::anyhow!("not enough ports"))
}
