//! What the controller may do on the Kubernetes API: the one list from which the chart's roles are made, and with which
//! the scenarios run.

use clap::ValueEnum;
use k8s_openapi::api::rbac::v1::PolicyRule;

/// Where rights are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// In every namespace with a PaymentPlatform.
    Watched,
    /// In the namespace of the lease.
    Lease,
}

/// The rules of the role at this place.
pub fn rules(place: Place) -> Vec<PolicyRule> {
    match place {
        Place::Watched => vec![
            // Finalizers and annotations are on the object itself; its spec is never written.
            rule("paymentplatform.io", "paymentplatforms", &["get", "list", "watch", "patch"]),
            rule("paymentplatform.io", "paymentplatforms/status", &["patch"]),
            rule("events.k8s.io", "events", &["create", "patch"]),
            // The outputs (spec.outputs), and what an object that was deleted with Retain leaves behind: both found by their
            // names; nothing is listed.
            rule("", "configmaps", &["get", "create", "patch", "delete"]),
        ],
        Place::Lease => vec![rule("coordination.k8s.io", "leases", &["get", "create", "update"])],
    }
}

fn rule(group: &str, resource: &str, verbs: &[&str]) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        ..PolicyRule::default()
    }
}
