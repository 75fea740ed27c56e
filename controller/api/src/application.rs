//! The application of a platform and how it is reached, with everything decided that the spec leaves open. Pure.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use serde::Serialize;

use crate::approval::Guard;
use crate::platform::{Facts, Invalid, check_range, invalid, parse_range};
use crate::spec::{self, Architecture, PaymentPlatformSpec, TaskStatement};
use crate::waf::{At, Waf};

/// What runs when the spec names no image.
pub const PLACEHOLDER: &str = "public.ecr.aws/nginx/nginx:stable";

/// The application with nothing left open.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compute {
    pub image: String,
    pub container_port: u16,
    pub cpu: i32,
    pub memory: i32,
    pub architecture: Architecture,
    pub environment: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
    pub writable_paths: BTreeSet<String>,
    pub desired_count: i32,
    /// Of Fargate.
    pub platform_version: String,
    pub minimum_healthy_percent: i32,
    pub min_tasks: i32,
    pub max_tasks: i32,
    pub requests_per_task: i32,
    pub cooldown_seconds: i32,
    pub extra_statements: Vec<TaskStatement>,
}

/// How the application is reached, with nothing left open.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    pub allowed_cidrs: BTreeSet<Ipv4Net>,
    /// None: plain HTTP.
    pub certificate_arn: Option<String>,
    pub ssl_policy: String,
    pub strict_transport_security: String,
    pub waf: Waf,
    pub health_check_path: String,
    pub health_check_codes: String,
    pub health_check_interval_seconds: i32,
    pub health_check_timeout_seconds: i32,
    pub healthy_threshold: i32,
    pub unhealthy_threshold: i32,
    pub grace_period_seconds: i32,
    pub deregistration_delay_seconds: i32,
}

impl Compute {
    pub(crate) fn resolve(spec: &PaymentPlatformSpec, errors: &mut Vec<Invalid>) -> Self {
        let spec = spec.compute.clone().unwrap_or_default();
        let scaling = spec.autoscaling.unwrap_or_default();
        let container_port = spec.container_port.unwrap_or(80);
        check_range("compute.containerPort", container_port, 1, 65535, errors);
        let (cpu, memory) = (spec.cpu.unwrap_or(1024), spec.memory.unwrap_or(2048));
        if !fargate_offers(cpu, memory) {
            let message = format!("{memory} MiB do not go with {cpu} units of CPU on Fargate");
            errors.push(invalid("compute.memory", message));
        }
        let (min_tasks, max_tasks) = (scaling.min_tasks.unwrap_or(2), scaling.max_tasks.unwrap_or(10));
        check_range("compute.autoscaling.minTasks", min_tasks, 1, 500, errors);
        check_range("compute.autoscaling.maxTasks", max_tasks, 1, 500, errors);
        if min_tasks > max_tasks {
            let message = format!("{min_tasks} is more than maxTasks, {max_tasks}");
            errors.push(invalid("compute.autoscaling.minTasks", message));
        }
        let cooldown_seconds = scaling.cooldown_seconds.unwrap_or(60);
        check_range("compute.autoscaling.cooldownSeconds", cooldown_seconds, 0, 3600, errors);
        let requests_per_task = scaling.requests_per_task.unwrap_or(1000);
        check_range("compute.autoscaling.requestsPerTask", requests_per_task, 1, 1_000_000, errors);
        let minimum_healthy_percent = spec.minimum_healthy_percent.unwrap_or(50);
        check_range("compute.minimumHealthyPercent", minimum_healthy_percent, 0, 100, errors);
        if let Some(name) = spec.environment.keys().find(|name| spec.secrets.contains_key(*name)) {
            errors.push(invalid("compute.secrets", format!("{name} stands in compute.environment too")));
        }
        let writable = ["/tmp", "/var/cache/nginx", "/var/run"].map(str::to_owned);
        Self {
            image: spec.image.unwrap_or_else(|| PLACEHOLDER.to_owned()),
            container_port: u16::try_from(container_port).unwrap_or_default(),
            cpu,
            memory,
            architecture: spec.architecture.unwrap_or_default(),
            environment: spec.environment,
            secrets: spec.secrets,
            writable_paths: spec.writable_paths.map_or(writable.into(), |paths| paths.into_iter().collect()),
            desired_count: spec.desired_count.unwrap_or(2).max(min_tasks).min(max_tasks),
            platform_version: spec.platform_version.unwrap_or_else(|| "LATEST".to_owned()),
            minimum_healthy_percent,
            min_tasks,
            max_tasks,
            requests_per_task,
            cooldown_seconds,
            extra_statements: spec.task_role.map(|role| role.extra_statements).unwrap_or_default(),
        }
    }

    /// What works and still deserves a look.
    pub(crate) fn warnings(&self) -> Vec<String> {
        if self.image == PLACEHOLDER {
            return vec!["compute.image is not set: a placeholder runs".to_owned()];
        }
        match self.image.contains("@sha256:") {
            true => Vec::new(),
            false => {
                vec![format!("compute.image {} is named by a tag, which can come to mean another image", self.image)]
            }
        }
    }
}

/// Whether Fargate has tasks of this CPU and memory (ECS Developer Guide, "Task CPU and memory").
fn fargate_offers(cpu: i32, memory: i32) -> bool {
    let (least, most, step) = match cpu {
        256 => return [512, 1024, 2048].contains(&memory),
        512 => (1024, 4096, 1024),
        1024 => (2048, 8192, 1024),
        2048 => (4096, 16384, 1024),
        4096 => (8192, 30720, 1024),
        8192 => (16384, 61440, 4096),
        16384 => (32768, 122_880, 8192),
        _ => return false,
    };
    (least..=most).contains(&memory) && memory % step == 0
}

const WAF: At = At {
    rate_limit: "ingress.waf.rateLimit",
    groups: "ingress.waf.managedRuleGroups",
    overrides: "ingress.waf.ruleActionOverrides",
    ip_sets: "ingress.waf.ipSets",
    sets_of: |arn, region| arn.starts_with(&format!("arn:aws:wafv2:{region}:")) && arn.contains(":regional/ipset/"),
};

impl Ingress {
    pub(crate) fn resolve(
        spec: &PaymentPlatformSpec,
        region: &str,
        facts: &Facts,
        guard: &mut Guard<'_>,
        errors: &mut Vec<Invalid>,
    ) -> Self {
        let spec = spec.ingress.clone().unwrap_or_default();
        let check = spec.health_check.clone().unwrap_or_default();
        let (interval, timeout) = (check.interval_seconds.unwrap_or(15), check.timeout_seconds.unwrap_or(5));
        check_range("ingress.healthCheck.intervalSeconds", interval, 5, 300, errors);
        if timeout >= interval {
            let message = format!("{timeout} is not less than intervalSeconds, {interval}");
            errors.push(invalid("ingress.healthCheck.timeoutSeconds", message));
        }
        if let Some(arn) = spec.certificate_arn.as_ref().filter(|arn| arn.split(':').nth(3) != Some(region)) {
            let message =
                format!("{arn} is not in {region}: a load balancer takes certificates of its own region only");
            errors.push(invalid("ingress.certificateArn", message));
        }
        Self {
            allowed_cidrs: allowed_cidrs(&spec, errors),
            certificate_arn: certificate(spec.certificate_arn, facts, guard),
            ssl_policy: spec.ssl_policy.unwrap_or_else(|| "ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned()),
            strict_transport_security: spec
                .strict_transport_security
                .unwrap_or_else(|| "max-age=31536000; includeSubDomains".to_owned()),
            waf: Waf::resolve(spec.waf.as_ref(), &WAF, region, &facts.account_id, errors),
            health_check_path: check.path.unwrap_or_else(|| "/".to_owned()),
            health_check_codes: check.codes.unwrap_or_else(|| "200-399".to_owned()),
            health_check_interval_seconds: interval,
            health_check_timeout_seconds: timeout,
            healthy_threshold: check.healthy_threshold.unwrap_or(2),
            unhealthy_threshold: check.unhealthy_threshold.unwrap_or(3),
            grace_period_seconds: check.grace_period_seconds.unwrap_or(60),
            deregistration_delay_seconds: spec.deregistration_delay_seconds.unwrap_or(30),
        }
    }

    /// What works and still deserves a look.
    pub(crate) fn warnings(&self) -> Vec<String> {
        match self.certificate_arn {
            Some(_) => Vec::new(),
            None => vec!["ingress.certificateArn is not set: requests are not encrypted (PCI DSS 4.2.1)".to_owned()],
        }
    }
}

/// Encryption that is in force is not given up unasked.
fn certificate(wanted: Option<String>, facts: &Facts, guard: &mut Guard<'_>) -> Option<String> {
    let in_force = facts.decided.as_ref().and_then(|decided| decided.certificate_arn.clone());
    let encrypted =
        guard.on("ingress.certificateArn", wanted.is_some(), |old| old.certificate_arn.as_ref().map(|_| true));
    wanted.or(in_force.filter(|_| encrypted))
}

fn allowed_cidrs(spec: &spec::Ingress, errors: &mut Vec<Invalid>) -> BTreeSet<Ipv4Net> {
    match &spec.allowed_cidrs {
        Some(ranges) => ranges.iter().filter_map(|text| parse_range("ingress.allowedCidrs", text, errors)).collect(),
        None => BTreeSet::from([Ipv4Net::default()]),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;
    use crate::Platform;
    use crate::status::Resolved;

    fn resolved(spec: serde_json::Value, decided: Option<Resolved>) -> Result<Platform, Vec<Invalid>> {
        let zones = ["us-east-1a", "us-east-1b"].map(str::to_owned).into();
        Platform::resolve(&serde_json::from_value(spec).unwrap(), &Facts { zones, decided, ..Facts::default() })
    }

    #[test]
    fn fargate_has_some_pairs_of_cpu_and_memory_only() {
        for (cpu, memory) in [(256, 512), (512, 4096), (1024, 2048), (4096, 30720), (16384, 122_880)] {
            assert!(fargate_offers(cpu, memory), "{cpu} {memory}");
        }
        for (cpu, memory) in [(256, 4096), (1024, 1024), (1024, 2049), (4096, 31744), (8192, 17408), (300, 2048)] {
            assert!(!fargate_offers(cpu, memory), "{cpu} {memory}");
        }
    }

    #[test]
    fn a_certificate_of_another_region_is_refused() {
        let arn = "arn:aws:acm:eu-west-1:123456789012:certificate/a";
        let errors = resolved(serde_json::json!({"ingress": {"certificateArn": arn}}), None).unwrap_err();
        assert_eq!(errors[0].field, "ingress.certificateArn");
    }

    #[test]
    fn encryption_is_not_given_up_without_approval() {
        let arn = "arn:aws:acm:us-east-1:123456789012:certificate/a";
        let first = resolved(serde_json::json!({"ingress": {"certificateArn": arn}}), None).unwrap();
        let later = resolved(serde_json::json!({}), Some(first.resolved())).unwrap();
        assert_eq!(later.ingress.certificate_arn.as_deref(), Some(arn));
        assert_eq!(later.lowered[0].field, "ingress.certificateArn");
        assert!(first.warnings(Timestamp::UNIX_EPOCH).iter().all(|warning| !warning.contains("encrypted")));
    }

    #[test]
    fn an_image_by_its_digest_needs_no_look() {
        let digest = format!("registry/app@sha256:{}", "0".repeat(64));
        for (image, looks) in [(digest.as_str(), 0), ("registry/app:1", 1)] {
            let platform = resolved(serde_json::json!({"compute": {"image": image}}), None).unwrap();
            assert_eq!(platform.compute.warnings().len(), looks, "{image}");
        }
        assert!(
            resolved(serde_json::json!({}), None).unwrap().warnings(Timestamp::UNIX_EPOCH)[0].contains("placeholder")
        );
    }
}
