//! The Helm chart, by a real Helm: linted, rendered against golden files, and installed on a real API server.
//!
//! `UPDATE_GOLDEN=1 make chart-test` writes the golden files again.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, bail, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ObjectMeta, PostParams};
use payment_platform_tests::cluster::Cluster;
use payment_platform_tests::{helm, root};

fn chart() -> PathBuf {
    root().join("charts/payment-platform-controller")
}

/// Runs helm; its output, whether it succeeded or not.
fn run(arguments: &[&str], kubeconfig: Option<&Path>) -> anyhow::Result<Output> {
    let mut command = Command::new(helm()?);
    command.args(arguments).env_remove("KUBECONFIG");
    if let Some(kubeconfig) = kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    Ok(command.output()?)
}

fn succeed(arguments: &[&str], kubeconfig: Option<&Path>) -> anyhow::Result<String> {
    let output = run(arguments, kubeconfig)?;
    if !output.status.success() {
        bail!("helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Renders the chart with these values.
fn rendered(values: &[&str]) -> anyhow::Result<String> {
    let chart = chart().display().to_string();
    let mut arguments = vec!["template", "release", &chart, "--namespace", "payments"];
    for value in values {
        arguments.extend(["--set", value]);
    }
    succeed(&arguments, None)
}

#[test]
fn the_chart_has_no_faults() -> anyhow::Result<()> {
    succeed(&["lint", "--strict", &chart().display().to_string()], None)?;
    Ok(())
}

#[test]
fn the_chart_renders_as_reviewed() -> anyhow::Result<()> {
    let digest = format!("image.digest=sha256:{}", "0".repeat(64));
    let role = "serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::123456789012:role/controller";
    let cases: [(&str, &[&str]); 2] = [
        ("default", &[]),
        (
            "namespaced",
            &["watchNamespace=shop", &digest, role, "replicaCount=2", "extraArgs={--fast-interval-seconds=30}"],
        ),
    ];
    for (name, values) in cases {
        let golden = root().join(format!("tests/chart/golden/{name}.yaml"));
        let text = rendered(values)?;
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &text)?;
        }
        let expected = std::fs::read_to_string(&golden).with_context(|| golden.display().to_string())?;
        ensure!(text == expected, "{} differs; see `UPDATE_GOLDEN=1 make chart-test` and git diff", golden.display());
    }
    Ok(())
}

#[test]
fn wrong_values_are_refused_by_name() -> anyhow::Result<()> {
    for (value, name) in [
        ("replicaCount=-1", "replicaCount"),
        ("image.digest=latest", "digest"),
        ("log.format=xml", "format"),
        ("replicas=2", "replicas"),
        ("extraArgs={fast}", "extraArgs"),
    ] {
        let chart = chart().display().to_string();
        let output = run(&["template", "release", &chart, "--set", value], None)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success() && errors.contains(name), "{value}: {errors}");
    }
    Ok(())
}

#[test]
fn the_chart_is_installed_upgraded_and_removed() -> anyhow::Result<()> {
    let cluster = Cluster::start_own()?;
    let kubeconfig = Some(cluster.kubeconfig.as_path());
    let chart = chart().display().to_string();
    succeed(&["install", "release", &chart, "--namespace", "payments", "--create-namespace"], kubeconfig)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        cluster.crds_established().await?;
        let client = cluster.client().await?;
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), "payments");
        let name = "release-payment-platform-controller";
        let deployment = deployments.get(name).await?;
        // What the chart starts is let in where the Pod Security Standard is the strictest.
        cluster.apply(
            "{apiVersion: v1, kind: Namespace, metadata: {name: strict, labels: \
             {pod-security.kubernetes.io/enforce: restricted}}}",
        )?;
        cluster.apply(&format!(
            "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {name}, namespace: strict}}}}"
        ))?;
        let template = deployment.spec.context("no spec")?.template;
        let metadata = ObjectMeta { name: Some("controller".to_owned()), ..ObjectMeta::default() };
        let pod = Pod { metadata, spec: template.spec, status: None };
        let pods: Api<Pod> = Api::namespaced(client.clone(), "strict");
        pods.create(&PostParams { dry_run: true, ..PostParams::default() }, &pod).await?;
        let mut root = pod.clone();
        if let Some(security) = root.spec.as_mut().and_then(|spec| spec.security_context.as_mut()) {
            security.run_as_non_root = Some(false);
        }
        let refused = pods.create(&PostParams { dry_run: true, ..PostParams::default() }, &root).await;
        ensure!(refused.is_err(), "the namespace is not strict, so the check above says nothing");
        anyhow::Ok(())
    })?;
    let upgrade = ["upgrade", "release", &chart, "--namespace", "payments", "--set", "replicaCount=2"];
    succeed(&upgrade, kubeconfig)?;
    succeed(&["uninstall", "release", "--namespace", "payments"], kubeconfig)?;
    runtime.block_on(async {
        let deployments: Api<Deployment> = Api::namespaced(cluster.client().await?, "payments");
        // Without a garbage collector nothing else goes; what the release made itself does.
        let left = deployments.list(&kube::api::ListParams::default()).await?;
        let left = left.items.iter().filter(|one| one.metadata.deletion_timestamp.is_none()).count();
        ensure!(left == 0, "{left} deployments are left");
        cluster.crds_established().await
    })
}
