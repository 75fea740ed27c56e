//! The object as its users write it: what its fields and annotations ask for, and how it is read and written.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::Resource as _;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use payment_platform_api::spec::{DeletionPolicy, Profile};
use payment_platform_api::{
    ADOPT, APPROVE, CONFIRM_DELETION, FINALIZER, PAUSED, PaymentPlatform, PaymentPlatformSpec, PaymentPlatformStatus,
    TAKE_OVER, platform,
};
use payment_platform_engine::{NodeId, Owner};
use serde_json::{Value, json};

use super::{Daemon, Error, Guarded};
use crate::pass::{Mode, Subject};
use crate::status::Base;

/// The object as it is now, whether its spec parses or not.
pub(super) struct Object {
    pub(super) meta: ObjectMeta,
    pub(super) spec: Result<PaymentPlatformSpec, String>,
    pub(super) status: PaymentPlatformStatus,
}

impl Object {
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.meta.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// As whom the object acts on AWS: the earlier object of its name, if it has taken over what that one retained.
    pub(super) fn owner(&self) -> Owner {
        let namespace = self.meta.namespace.clone().unwrap_or_default();
        let uid = self.status.owner_uid.clone().unwrap_or_else(|| uid(&self.meta));
        Owner { name: format!("{namespace}/{}", self.meta.name.clone().unwrap_or_default()), uid }
    }

    pub(super) fn base(&self) -> Base<'_> {
        Base { previous: &self.status, generation: self.meta.generation, now: Timestamp::now() }
    }

    pub(super) fn has_finalizer(&self) -> bool {
        self.meta.finalizers.as_ref().is_some_and(|all| all.iter().any(|one| one == FINALIZER))
    }

    pub(super) fn is_paused(&self) -> bool {
        self.annotation(PAUSED) == Some("true")
    }

    pub(super) fn mode(&self) -> Mode {
        if self.is_paused() { Mode::Paused } else { Mode::Keep }
    }

    pub(super) fn subject(&self, mode: Mode) -> Subject {
        Subject {
            owner: self.owner(),
            spec: self.spec.clone().ok(),
            status: self.status.clone(),
            takes_over: self.annotation(TAKE_OVER).map(str::to_owned).into_iter().collect(),
            adopts: adopts(&self.meta),
            approved_hash: self.annotation(APPROVE).map(str::to_owned),
            principal_arn: None,
            now: Timestamp::now(),
            mode,
        }
    }

    pub(super) fn deletion_policy(&self) -> DeletionPolicy {
        // An object that does not parse is deleted carefully.
        let Ok(spec) = &self.spec else { return DeletionPolicy::KeepData };
        let wanted = platform::deletion_policy(spec.deletion_policy, spec.profile);
        // What protects less than what is in force has to be approved first.
        let in_force = self.status.resolved.as_ref().and_then(|resolved| resolved.deletion_policy);
        in_force.map_or(wanted, |in_force| wanted.stricter(in_force))
    }

    /// What the deletion still waits for, if it does.
    pub(super) fn awaits_confirmation(&self) -> Option<String> {
        let in_force = self.status.resolved.as_ref().and_then(|resolved| resolved.profile);
        let wanted = self.spec.as_ref().map_or(Profile::Production, |spec| spec.profile);
        let production = [Some(wanted), in_force].contains(&Some(Profile::Production));
        if !production || self.deletion_policy() == DeletionPolicy::Retain {
            return None;
        }
        let environment = self
            .spec
            .as_ref()
            .map_or_else(|_| self.meta.name.clone().unwrap_or_default(), |spec| spec.environment.clone());
        let confirmed = self.annotation(CONFIRM_DELETION) == Some(environment.as_str());
        (!confirmed).then(|| {
            format!(
                "This is a production environment: nothing is deleted before \
                 `kubectl annotate pp {} -n {} {CONFIRM_DELETION}={environment}`.",
                self.meta.name.clone().unwrap_or_default(),
                self.meta.namespace.clone().unwrap_or_default()
            )
        })
    }
}

impl Daemon {
    pub(super) fn api(&self, meta: &ObjectMeta) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<PaymentPlatform>(&());
        Api::namespaced_with(self.client.clone(), meta.namespace.as_deref().unwrap_or_default(), &resource)
    }

    /// The object as it is after our last write. What the watch gave is that if it is the version that we have read or
    /// written last; else it is read anew, since the watch may lag behind.
    pub(super) async fn fresh(&self, watched: &Guarded) -> Result<Option<Object>, Error> {
        let meta = watched.meta();
        if let Ok(object) = &watched.0
            && meta.resource_version.is_some()
            && self.version(&uid(meta)) == meta.resource_version
        {
            let status = object.status.clone().unwrap_or_default();
            return Ok(Some(Object { meta: object.metadata.clone(), spec: Ok(object.spec.clone()), status }));
        }
        let name = meta.name.as_deref().unwrap_or_default();
        let Some(object) = self.api(meta).get_opt(name).await.map_err(during("read"))? else { return Ok(None) };
        self.know_version(&object.metadata);
        let status = object.data.get("status").cloned().unwrap_or_default();
        let spec = object.data.get("spec").cloned().unwrap_or_default();
        Ok(Some(Object {
            meta: object.metadata,
            spec: serde_json::from_value(spec).map_err(|error| error.to_string()),
            status: if status.is_null() {
                PaymentPlatformStatus::default()
            } else {
                serde_json::from_value(status).map_err(Error::Status)?
            },
        }))
    }

    pub(super) async fn set_finalizer(&self, object: &Object, on: bool) -> Result<(), Error> {
        let mut finalizers = object.meta.finalizers.clone().unwrap_or_default();
        finalizers.retain(|one| one != FINALIZER);
        if on {
            finalizers.push(FINALIZER.to_owned());
        }
        // With the resourceVersion: somebody else's change of the list is not overwritten.
        let patch =
            json!({ "metadata": { "finalizers": finalizers, "resourceVersion": object.meta.resource_version } });
        let name = object.meta.name.as_deref().unwrap_or_default();
        let written = self.api(&object.meta).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        self.know_version(&written.map_err(during("change the finalizers of"))?.metadata);
        Ok(())
    }

    pub(super) async fn write_status(&self, object: &Object, next: PaymentPlatformStatus) -> Result<(), Error> {
        self.write(object, &object.status, next).await
    }

    /// Writes the status if it is not what is there already. A merge patch with nulls for what went away.
    pub(super) async fn write(
        &self,
        object: &Object,
        there: &PaymentPlatformStatus,
        next: PaymentPlatformStatus,
    ) -> Result<(), Error> {
        if *there == next {
            return Ok(());
        }
        let old = serde_json::to_value(there).unwrap_or_default();
        let mut new = serde_json::to_value(&next).unwrap_or_default();
        take_away(&old, &mut new);
        let name = object.meta.name.as_deref().unwrap_or_default();
        let patch = Patch::Merge(json!({ "status": new }));
        let written = self.api(&object.meta).patch_status(name, &PatchParams::default(), &patch).await;
        self.know_version(&written.map_err(during("write the status of"))?.metadata);
        Ok(())
    }

    fn version(&self, uid: &str) -> Option<String> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).get(uid).cloned()
    }

    fn know_version(&self, meta: &ObjectMeta) {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = &meta.resource_version {
            versions.insert(uid(meta), version.clone());
        }
    }
}

/// Makes a merge patch of `new`: what is in `old` only becomes null, at every depth (RFC 7386).
fn take_away(old: &Value, new: &mut Value) {
    if let (Some(old), Some(new)) = (old.as_object(), new.as_object_mut()) {
        for (key, old) in old {
            take_away(old, new.entry(key.clone()).or_insert(Value::Null));
        }
    }
}

/// The nodes that the annotation `adopt` names. What is no node id names nothing.
pub fn adopts(meta: &ObjectMeta) -> BTreeSet<NodeId> {
    let text = meta.annotations.as_ref().and_then(|all| all.get(ADOPT)).map_or("", String::as_str);
    text.split([',', ' ', '\n']).filter_map(|word| word.trim().parse().ok()).collect()
}

pub(super) fn uid(meta: &ObjectMeta) -> String {
    meta.uid.clone().unwrap_or_default()
}

pub(super) fn during(what: &'static str) -> impl Fn(kube::Error) -> Error {
    move |error| Error::Kube(what, Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_away_is_null_at_every_depth() {
        let old = json!({"a": 1, "outputs": {"vpcId": "vpc-1", "region": "r"}, "list": [{"x": 1}], "gone": {"y": 1}});
        let mut new = json!({"a": 1, "outputs": {"region": "r"}, "list": []});
        take_away(&old, &mut new);
        assert_eq!(new, json!({"a": 1, "outputs": {"vpcId": null, "region": "r"}, "list": [], "gone": null}));
    }
}
