//! The `PaymentPlatform` object: its spec, its status, the rules of its schema, and the [`Platform`] that a spec
//! resolves to.

pub mod application;
pub mod approval;
pub mod database;
pub mod monitoring;
pub mod platform;
pub mod spec;
pub mod static_assets;
pub mod status;
pub mod waf;

pub use platform::{Facts, Invalid, Platform};
pub use spec::{PaymentPlatform, PaymentPlatformSpec};
pub use status::PaymentPlatformStatus;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};
use kube::CustomResourceExt;

/// The finalizer that keeps an object until its AWS resources are gone.
pub const FINALIZER: &str = "paymentplatform.io/aws-resources";
/// Stops all corrections while it is `true`; deletion still works.
pub const PAUSED: &str = "paymentplatform.io/paused";
/// Any new value starts a complete look at once; `status.reconcileRequestedAt` echoes it when that look is done.
pub const RECONCILE_REQUESTED_AT: &str = "paymentplatform.io/reconcile-requested-at";
/// In Production nothing is deleted before this is the name of the environment.
pub const CONFIRM_DELETION: &str = "paymentplatform.io/confirm-deletion";
/// The UID of an earlier object of the same name whose AWS resources this one takes over.
pub const TAKE_OVER: &str = "paymentplatform.io/take-over";
/// Nodes, separated by commas or spaces, that take over what bears their name without any tags of ours.
pub const ADOPT: &str = "paymentplatform.io/adopt";

/// The hash of a plan that lowers protection or loses data, as the condition shows it: approves exactly that plan.
pub const APPROVE: &str = "paymentplatform.io/approve";

/// The definition of the custom resource, as committed in `crds/`.
///
/// The status default stands on `status` itself: a default on `status.conditions` alone has no effect, because
/// defaults are not applied below something that is absent. Without it an object that the controller has not touched
/// yet would count as ready in tools that follow kstatus.
pub fn crd() -> CustomResourceDefinition {
    let mut crd = PaymentPlatform::crd();
    for version in &mut crd.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let status = schema.and_then(|schema| schema.properties.as_mut()).and_then(|all| all.get_mut("status"));
        if let Some(status) = status {
            status.default = Some(JSON(serde_json::json!({
                "conditions": [{
                    "type": "Ready",
                    "status": "Unknown",
                    "reason": "Pending",
                    "message": "The controller has not looked at this object yet.",
                    "lastTransitionTime": "1970-01-01T00:00:00Z",
                }],
            })));
        }
    }
    crd
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

    use super::*;

    fn undescribed(path: &str, schema: &JSONSchemaProps, into: &mut Vec<String>) {
        for (name, property) in schema.properties.iter().flatten() {
            let path = format!("{path}.{name}");
            if property.description.as_ref().is_none_or(String::is_empty) {
                into.push(path.clone());
            }
            undescribed(&path, property, into);
            if let Some(items) =
                serde_json::to_value(&property.items).ok().and_then(|items| serde_json::from_value(items).ok())
            {
                undescribed(&format!("{path}[]"), &items, into);
            }
        }
    }

    #[test]
    fn kubectl_explain_has_a_description_for_every_field() {
        let crd = crd();
        let schema = crd.spec.versions[0].schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        let mut missing = Vec::new();
        for part in ["spec", "status"] {
            undescribed(part, &schema.unwrap().properties.as_ref().unwrap()[part], &mut missing);
        }
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn an_empty_spec_is_valid_and_decides_everything() {
        let spec: PaymentPlatformSpec = serde_json::from_value(serde_json::json!({})).unwrap();
        let facts = Facts { zones: vec!["us-east-1a".into(), "us-east-1b".into()], ..Facts::default() };
        let platform = Platform::resolve(&spec, &facts).unwrap();
        assert_eq!((platform.environment.as_str(), platform.region.as_str()), ("prd", "us-east-1"));
        assert_eq!((platform.log_retention_days, platform.key_deletion_days), (365, 30));
        assert_eq!(platform.zones[1].database.to_string(), "10.0.22.0/24");
        assert_eq!(platform.deletion_policy, spec::DeletionPolicy::KeepData);
    }

    #[test]
    fn zones_once_chosen_stay_and_a_new_one_takes_the_free_place() {
        let mut spec = PaymentPlatformSpec { environment: "prd".into(), ..PaymentPlatformSpec::default() };
        let zones = |names: &[&str]| names.iter().map(|name| format!("us-east-1{name}")).collect::<Vec<_>>();
        let facts = Facts { zones: zones(&["a", "b", "c", "d"]), ..Facts::default() };
        let first = Platform::resolve(&spec, &facts).unwrap();
        let mut later = Facts { zones: zones(&["d", "c", "b", "a"]), decided: Some(first.resolved()), ..facts };
        assert_eq!(Platform::resolve(&spec, &later).unwrap().zones, first.zones);
        spec.network = Some(spec::Network { availability_zones: Some(zones(&["b", "c"])), ..spec::Network::default() });
        let second = Platform::resolve(&spec, &later).unwrap();
        let places = |platform: &Platform| platform.zones.iter().map(|zone| zone.index).collect::<Vec<_>>();
        // The place of the zone that goes is still taken while its subnets are there.
        assert_eq!(places(&second), [1, 2]);
        later.decided = Some(second.resolved());
        spec.network.as_mut().unwrap().availability_zones = Some(zones(&["b", "c", "d"]));
        assert_eq!(places(&Platform::resolve(&spec, &later).unwrap()), [1, 2, 0]);
    }

    #[test]
    fn resolution_names_every_field_that_is_wrong() {
        let spec: PaymentPlatformSpec = serde_json::from_value(serde_json::json!({
            "environment": "Prod",
            "network": {"vpcCidr": "10.0.0.1/16", "natGateways": "Single"},
            "logs": {"retentionDays": 30},
            "tags": {"aws:x": "y"},
        }))
        .unwrap();
        let facts = Facts { zones: vec!["us-east-1a".into(), "us-east-1b".into()], ..Facts::default() };
        let fields: Vec<_> = Platform::resolve(&spec, &facts).unwrap_err().iter().map(|error| error.field).collect();
        assert_eq!(fields, ["environment", "network.vpcCidr", "network.natGateways", "logs.retentionDays", "tags"]);
    }
}
