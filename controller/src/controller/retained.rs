//! What an object that was deleted with `deletionPolicy: Retain` leaves behind: a ConfigMap in its namespace with the
//! UID in the tags of its resources and what its status recorded. The same manifest applied again finds it, goes on as
//! that object, and so takes everything over without a write on AWS.
//!
//! It names no ids: who may write ConfigMaps could otherwise make the controller take over, and delete, whatever has lost
//! or never had tags. What belongs to the earlier object is told from its tags alone.
//!
//! It proves that the earlier object is gone: in another cluster, where that one may still live, there is none, and
//! taking over needs the annotation `take-over`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams};
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_api::spec::PaymentPlatformSpec;
use serde::{Deserialize, Serialize};

use super::object::{Object, during};
use super::{Daemon, Error, NAME};

/// The key of the record in the ConfigMap.
const RECORD: &str = "record.json";

/// What an object needs to go on as an earlier one.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    environment: String,
    region: String,
    vpc_cidr: String,
    owner_uid: String,
    status: PaymentPlatformStatus,
}

impl Record {
    fn of(object: &Object, spec: &PaymentPlatformSpec) -> Self {
        let PaymentPlatformStatus { resolved, scopes, tag_keys, .. } = object.status.clone();
        let status = PaymentPlatformStatus { resolved, scopes, tag_keys, ..Default::default() };
        let (environment, region, vpc_cidr) = identity(spec);
        Self { environment, region, vpc_cidr, owner_uid: object.owner().uid, status }
    }

    /// Whether it is of the same platform: what a spec can never change is the same.
    fn fits(&self, spec: &PaymentPlatformSpec) -> bool {
        identity(spec) == (self.environment.clone(), self.region.clone(), self.vpc_cidr.clone())
    }
}

/// What a spec can never change.
fn identity(spec: &PaymentPlatformSpec) -> (String, String, String) {
    let region = spec.aws.as_ref().and_then(|aws| aws.region.clone());
    let cidr = spec.network.as_ref().and_then(|network| network.vpc_cidr.clone());
    (
        spec.environment.clone(),
        region.unwrap_or_else(|| "us-east-1".to_owned()),
        cidr.unwrap_or_else(|| "10.0.0.0/16".to_owned()),
    )
}

/// The ConfigMap of an object's name.
fn config_map_name(object: &Object) -> String {
    format!("paymentplatform-{}-retained", object.meta.name.as_deref().unwrap_or_default())
}

impl Daemon {
    fn config_maps(&self, object: &Object) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), object.meta.namespace.as_deref().unwrap_or_default())
    }

    /// Leaves the record, before the finalizer goes. An object that has nothing on AWS leaves none, and one whose spec
    /// does not parse cannot ask for it.
    pub(super) async fn record_retained(&self, object: &Object) -> Result<(), Error> {
        let (Ok(spec), false) = (&object.spec, object.status.scopes.is_empty()) else { return Ok(()) };
        let record = serde_json::to_string(&Record::of(object, spec)).map_err(Error::Status)?;
        let name = config_map_name(object);
        let map = ConfigMap {
            metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
            data: Some(BTreeMap::from([(RECORD.to_owned(), record)])),
            ..ConfigMap::default()
        };
        let api = self.config_maps(object);
        match api.patch(&name, &PatchParams::apply(NAME).force(), &Patch::Apply(&map)).await {
            Ok(_) => Ok(()),
            // The namespace goes with all that is in it: there is nowhere to leave a record.
            Err(kube::Error::Api(status)) if is_terminating(&status) => {
                let object = object.owner().name;
                tracing::warn!(object, "The namespace is being deleted; nothing records what is retained.");
                Ok(())
            }
            Err(error) => Err(during("record what is retained of")(error)),
        }
    }

    /// Goes on as the earlier object, if there is a record of one and it is of the same platform. The record goes once
    /// the status holds what it says.
    pub(super) async fn take_over_retained(&self, object: &Object) -> Result<bool, Error> {
        let Ok(spec) = &object.spec else { return Ok(false) };
        let map = self
            .config_maps(object)
            .get_opt(&config_map_name(object))
            .await
            .map_err(during("look for what was retained of"))?;
        let record = map.and_then(|map| map.data?.remove(RECORD));
        let record = record.and_then(|text| serde_json::from_str::<Record>(&text).ok());
        let Some(record) = record.filter(|record| record.fits(spec)) else { return Ok(false) };
        let PaymentPlatformStatus { resolved, scopes, tag_keys, .. } = record.status;
        let next = PaymentPlatformStatus {
            resolved,
            scopes,
            tag_keys,
            owner_uid: Some(record.owner_uid),
            ..object.status.clone()
        };
        self.write_status(object, next).await?;
        self.forget_retained(object).await?;
        Ok(true)
    }

    /// A record that is still there is of things that have just been deleted.
    pub(super) async fn forget_retained(&self, object: &Object) -> Result<(), Error> {
        match self.config_maps(object).delete(&config_map_name(object), &DeleteParams::default()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(during("forget what was retained of")(error)),
        }
    }
}

/// Whether the API server takes no new objects because the namespace is being deleted.
fn is_terminating(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}
