//! PaymentPlatform objects as their users handle them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use payment_platform_api::status::Drift;
use payment_platform_api::{PaymentPlatform, PaymentPlatformStatus};
use serde_json::{Value, json};

/// How long anything may take: a build takes seconds when it is alone, and many scenarios share one emulator.
const PATIENCE: Duration = Duration::from_secs(180);

/// One object on one cluster.
pub struct Object {
    pub api: Api<PaymentPlatform>,
    pub namespace: String,
    pub name: String,
}

impl Object {
    /// Creates it; refused objects are an error.
    pub async fn create(client: kube::Client, namespace: &str, name: &str, spec: Value) -> anyhow::Result<Self> {
        // Untyped, so that the API server judges what our own types would already refuse.
        let resource = ApiResource::erase::<PaymentPlatform>(&());
        let untyped: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "paymentplatform.io/v1alpha1", "kind": "PaymentPlatform",
            "metadata": {"name": name, "namespace": namespace}, "spec": spec,
        }))?;
        untyped.create(&PostParams::default(), &object).await?;
        let api = Api::namespaced(client, namespace);
        Ok(Self { api, namespace: namespace.to_owned(), name: name.to_owned() })
    }

    pub async fn get(&self) -> anyhow::Result<PaymentPlatform> {
        Ok(self.api.get(&self.name).await?)
    }

    pub async fn status(&self) -> anyhow::Result<PaymentPlatformStatus> {
        Ok(self.get().await?.status.unwrap_or_default())
    }

    /// From now on keeps every status that the API server tells watchers of.
    pub fn history(&self) -> History {
        let seen: Arc<Mutex<Vec<(f64, PaymentPlatformStatus)>>> = Arc::default();
        let (api, fields) = (self.api.clone(), format!("metadata.name={}", self.name));
        let watch = watcher(api, watcher::Config::default().fields(&fields)).applied_objects();
        let all = seen.clone();
        let task = tokio::spawn(watch.for_each(move |object| {
            if let Ok(object) = object {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
                let status = object.status.unwrap_or_default();
                all.lock().unwrap_or_else(PoisonError::into_inner).push((now, status));
            }
            std::future::ready(())
        }));
        History { seen, task }
    }

    pub async fn merge(&self, patch: Value) -> anyhow::Result<PaymentPlatform> {
        Ok(self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await?)
    }

    pub async fn annotate(&self, key: &str, value: Option<&str>) -> anyhow::Result<()> {
        self.merge(json!({"metadata": {"annotations": {key: value}}})).await?;
        Ok(())
    }

    /// Asks for a look at once, and waits for its receipt.
    pub async fn look_now(&self) -> anyhow::Result<PaymentPlatformStatus> {
        let token = format!("{:?}", std::time::SystemTime::now());
        self.annotate(payment_platform_api::RECONCILE_REQUESTED_AT, Some(&token)).await?;
        self.until("the look is done", |status| status.reconcile_requested_at.as_deref() == Some(&token)).await
    }

    pub async fn ready(&self) -> anyhow::Result<PaymentPlatformStatus> {
        let generation = self.get().await?.metadata.generation;
        self.until("Ready", |status| {
            status.observed_generation == generation && condition(status, "Ready").is_some_and(|c| c.status == "True")
        })
        .await
    }

    /// Waits until the status is as `fits` wants.
    pub async fn until(
        &self,
        what: &str,
        fits: impl Fn(&PaymentPlatformStatus) -> bool,
    ) -> anyhow::Result<PaymentPlatformStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status().await?;
            if fits(&status) {
                return Ok(status);
            }
            if Instant::now() > deadline {
                let conditions =
                    status.conditions.iter().map(|c| format!("{}={} {}: {}", c.type_, c.status, c.reason, c.message));
                bail!(
                    "not {what} in time; progress {:?}\n{}",
                    status.progress,
                    conditions.collect::<Vec<_>>().join("\n")
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for the record of a drift that is put right.
    pub async fn corrected(&self, node: &str, field: &str) -> anyhow::Result<Drift> {
        let fits = |drift: &Drift| {
            drift.node.ends_with(node) && drift.field.starts_with(field) && drift.corrected_time.is_some()
        };
        let status = self.until(&format!("corrected: {node} {field}"), |status| status.drift.iter().any(fits)).await?;
        status.drift.into_iter().find(fits).context("the record is gone")
    }

    /// Deletes it, confirmed, and waits until it is gone.
    pub async fn delete(&self) -> anyhow::Result<()> {
        let environment = self.get().await?.spec.environment;
        self.annotate(payment_platform_api::CONFIRM_DELETION, Some(&environment)).await?;
        self.api.delete(&self.name, &DeleteParams::default()).await?;
        self.gone().await
    }

    pub async fn gone(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while let Some(object) = self.api.get_opt(&self.name).await? {
            if Instant::now() > deadline {
                let status = object.status.unwrap_or_default();
                bail!("{} is not deleted in time: {:?} {:#?}", self.name, status.progress, status.conditions);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    pub async fn uid(&self) -> anyhow::Result<String> {
        self.get().await?.uid().context("no UID")
    }
}

/// What an object's status was, one after the other.
pub struct History {
    seen: Arc<Mutex<Vec<(f64, PaymentPlatformStatus)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl History {
    /// Each status so far with the time at which it was heard of, in seconds since 1970.
    pub fn so_far(&self) -> Vec<(f64, PaymentPlatformStatus)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A condition by its type.
pub fn condition<'a>(status: &'a PaymentPlatformStatus, kind: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind)
}
