//! The `PaymentPlatform` object: its spec, its status, the rules of its schema, and the [`Platform`] that a spec
//! resolves to.

pub mod platform;
pub mod spec;
pub mod status;

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
