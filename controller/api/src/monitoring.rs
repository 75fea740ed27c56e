//! The alarms of a platform and who is told, with everything decided that the spec leaves open. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::platform::{Invalid, check_range};
use crate::spec::{Alarm, PaymentPlatformSpec, SubscriptionProtocol};

/// Alarms with nothing left open.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// Who is told of alarms and events: protocol and endpoint.
    pub subscriptions: BTreeSet<(String, String)>,
    pub ecs_cpu_percent: i32,
    pub ecs_memory_percent: i32,
    pub response_milliseconds: i32,
    pub unhealthy_hosts: i32,
    pub database_cpu_percent: i32,
    pub database_connections: i32,
    pub certificate_days: i32,
    pub alarms: Vec<Alarm>,
}

impl Monitoring {
    pub(crate) fn resolve(spec: &PaymentPlatformSpec, errors: &mut Vec<Invalid>) -> Self {
        let spec = spec.monitoring.clone().unwrap_or_default();
        let thresholds = spec.thresholds.unwrap_or_default();
        let named = spec.subscriptions.into_iter().map(|one| {
            let protocol = match one.protocol {
                SubscriptionProtocol::Email => "email",
                SubscriptionProtocol::Https => "https",
                SubscriptionProtocol::Sqs => "sqs",
            };
            (protocol.to_owned(), one.endpoint)
        });
        for alarm in &spec.alarms {
            let (period, periods) = (alarm.period_seconds.unwrap_or(60), alarm.periods.unwrap_or(1));
            check_range("monitoring.alarms", period, 60, 86_400, errors);
            check_range("monitoring.alarms", periods, 1, 24, errors);
            // CloudWatch looks back a week at the most.
            check_range("monitoring.alarms", period.saturating_mul(periods), 60, 604_800, errors);
        }
        Self {
            subscriptions: named.collect(),
            ecs_cpu_percent: thresholds.ecs_cpu_percent.unwrap_or(75),
            ecs_memory_percent: thresholds.ecs_memory_percent.unwrap_or(75),
            response_milliseconds: thresholds.response_milliseconds.unwrap_or(500),
            unhealthy_hosts: thresholds.unhealthy_hosts.unwrap_or(1),
            database_cpu_percent: thresholds.database_cpu_percent.unwrap_or(80),
            database_connections: thresholds.database_connections.unwrap_or(80),
            certificate_days: thresholds.certificate_days.unwrap_or(45),
            alarms: spec.alarms,
        }
    }
}
