//! The outputs in a ConfigMap (`spec.outputs`), for workloads that mount what they need of the platform: names, ids and endpoints,
//! never the value of a secret. The ConfigMap is owned by the object, so that it goes with it.
//!
//! It is looked at when this process first sees the object, when an output changes, when a look is asked for, and otherwise as
//! often as what is looked at slowly on AWS. One of its name that the object does not own is left alone.

use std::collections::BTreeMap;
use std::time::Instant;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use payment_platform_api::status::Outputs;
use payment_platform_api::{PaymentPlatform, PaymentPlatformStatus};
use serde_json::{Value, json};

use super::object::{Object, uid};
use super::{Daemon, NAME, ObjectState};
use crate::status::Published;

/// Outputs that are not for everybody who may read a ConfigMap, unless the spec says so.
const SENSITIVE: [&str; 1] = ["secretsManagerSecretArn"];

/// A ConfigMap's name and data.
type Content = (String, BTreeMap<String, String>);

/// What was found or written, and when.
pub(super) struct Seen {
    content: Content,
    at: Instant,
}

/// What the ConfigMap of these outputs holds: each by its name, lists with commas.
fn data(outputs: &Outputs, include_sensitive: bool) -> BTreeMap<String, String> {
    let Ok(Value::Object(outputs)) = serde_json::to_value(outputs) else { return BTreeMap::new() };
    let shown = outputs.into_iter().filter(|(name, _)| include_sensitive || !SENSITIVE.contains(&name.as_str()));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text_or_list = |value: Value| match &value {
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        one => text(one),
    };
    shown.map(|(name, value)| (name, text_or_list(value))).collect()
}

impl Daemon {
    /// Brings the ConfigMap to what `next` says, and takes away the one that is not asked for any more. What fails stands in
    /// the condition, and is tried again at the next pass.
    pub(super) async fn publish(
        &self,
        object: &Object,
        state: &mut ObjectState,
        next: &mut PaymentPlatformStatus,
        asked: bool,
    ) -> Published {
        let wanted = object.spec.as_ref().ok().and_then(|spec| spec.outputs.clone()).unwrap_or_default();
        let outputs = next.outputs.clone().unwrap_or_default();
        let content = wanted.config_map.map(|name| (name, data(&outputs, wanted.include_sensitive)));
        let before = next.outputs_config_map.clone();
        let outdated = before.filter(|before| content.as_ref().is_none_or(|(name, _)| name != before));
        if let Some(name) = outdated {
            if let Err(error) = self.unpublish(object, &name).await {
                return Published::Failed(format!("ConfigMap {name} cannot be deleted: {error}"));
            }
            next.outputs_config_map = None;
        }
        let Some(content) = content else { return Published::NotAsked };
        let name = content.0.clone();
        let age = self.settings.slow;
        let fresh = state.published.as_ref().filter(|seen| seen.at.elapsed() < age);
        if fresh.is_some_and(|seen| seen.content == content) && !asked {
            return Published::As(name);
        }
        match self.bring(object, &content).await {
            Ok(true) => {
                state.published = Some(Seen { content, at: Instant::now() });
                next.outputs_config_map = Some(name.clone());
                Published::As(name)
            }
            Ok(false) => Published::NameTaken(name),
            Err(error) => Published::Failed(format!("ConfigMap {name} cannot be written: {error}")),
        }
    }

    /// Whether the ConfigMap is the object's own now.
    async fn bring(&self, object: &Object, (name, data): &Content) -> kube::Result<bool> {
        let api = self.config_maps_of(object);
        let Some(there) = api.get_opt(name).await? else {
            let map = ConfigMap {
                metadata: ObjectMeta {
                    name: Some(name.clone()),
                    owner_references: Some(vec![owner(object)]),
                    labels: Some(BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), NAME.to_owned())])),
                    ..ObjectMeta::default()
                },
                data: Some(data.clone()),
                ..ConfigMap::default()
            };
            api.create(&PostParams::default(), &map).await?;
            return Ok(true);
        };
        if !is_owned(object, &there) {
            return Ok(false);
        }
        let seen = there.data.unwrap_or_default();
        if seen != *data {
            let gone = seen.keys().filter(|key| !data.contains_key(*key)).map(|key| (key.clone(), Value::Null));
            let patch: serde_json::Map<String, Value> =
                data.iter().map(|(key, value)| (key.clone(), json!(value))).chain(gone).collect();
            let patch = json!({"metadata": {"resourceVersion": there.metadata.resource_version}, "data": patch});
            api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        }
        Ok(true)
    }

    async fn unpublish(&self, object: &Object, name: &str) -> kube::Result<()> {
        let api = self.config_maps_of(object);
        let Some(there) = api.get_opt(name).await?.filter(|there| is_owned(object, there)) else { return Ok(()) };
        // No other one of its name.
        let preconditions = Some(Preconditions { uid: there.metadata.uid, resource_version: None });
        match api.delete(name, &DeleteParams { preconditions, ..DeleteParams::default() }).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn config_maps_of(&self, object: &Object) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), object.meta.namespace.as_deref().unwrap_or_default())
    }
}

fn owner(object: &Object) -> OwnerReference {
    OwnerReference {
        api_version: PaymentPlatform::api_version(&()).into_owned(),
        kind: PaymentPlatform::kind(&()).into_owned(),
        name: object.meta.name.clone().unwrap_or_default(),
        uid: uid(&object.meta),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

fn is_owned(object: &Object, map: &ConfigMap) -> bool {
    map.metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid(&object.meta))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_commas_and_what_is_sensitive_is_left_out() {
        let outputs = Outputs {
            vpc_id: Some("vpc-1".into()),
            public_subnet_ids: vec!["subnet-1".into(), "subnet-2".into()],
            database_port: Some(3306),
            secrets_manager_secret_arn: Some("arn:aws:secretsmanager:a".into()),
            ..Outputs::default()
        };
        let pairs = |all: &[(&str, &str)]| all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let open: BTreeMap<String, String> =
            pairs(&[("databasePort", "3306"), ("publicSubnetIds", "subnet-1,subnet-2"), ("vpcId", "vpc-1")]);
        assert_eq!(data(&outputs, false), open);
        assert_eq!(data(&outputs, true).len(), open.len() + 1);
    }
}
