//! From what a pass did to what the object's status says. Pure; the clock is a parameter.

mod drift;
mod explain;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use payment_platform_api::status::{Approval, Drift, InventoryEntry, Outputs, Scope};
use payment_platform_api::{APPROVE, PaymentPlatformStatus, Platform};
use payment_platform_engine::inventory::Place;
use payment_platform_engine::{Class, CloudError, Entry, Hold, Memory, NodeId, Outcome, Report};
use serde_json::Value;

pub use self::drift::describe_drift;
use self::drift::{record_drift, shorten};
pub use self::explain::advice;
use self::explain::{explain, is_moving, needs_human, reason, reason_of, with_remedy};
use crate::pass::Refusal;
use crate::platform::{COMPONENTS, names};

/// How much a status says, and how often; each is a flag.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Drift records kept, newest first.
    pub drift_records: usize,
    /// Bytes of all drift records together as JSON; etcd takes 1.5 MiB an object, and people read these.
    pub drift_bytes: usize,
    /// Characters of one value in a drift record.
    pub drift_value_chars: usize,
    /// `lastVerifiedTime` is written no oftener, so that a quiet hour writes once.
    pub verified_interval: Duration,
}

/// What all projections start from.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    pub previous: &'a PaymentPlatformStatus,
    pub generation: Option<i64>,
    pub now: Timestamp,
}

/// A pass that came to an end.
pub struct Ended<'a> {
    pub platform: Option<&'a Platform>,
    pub report: &'a Report,
    pub memory: &'a Memory,
    pub scopes: Vec<Scope>,
    pub account_id: &'a str,
    pub paused: bool,
    /// Keys of `spec.tags`.
    pub tag_keys: BTreeSet<String>,
    /// The request for a look that this pass has answered.
    pub request: Option<String>,
    /// Whether nothing that was looked for could not be read.
    pub complete_look: bool,
    /// What waits for approval.
    pub approval: Option<&'a Approval>,
    /// What was approved and is not all done.
    pub accepted: Option<&'a Approval>,
    /// What works and still deserves a look.
    pub warnings: &'a [String],
    pub limits: Limits,
}

/// A condition before it is compared with the last one.
struct Draft {
    kind: String,
    status: &'static str,
    reason: String,
    message: String,
}

impl Draft {
    fn new(kind: &str, truth: bool, reason: impl Into<String>, message: impl Into<String>) -> Self {
        let status = if truth { "True" } else { "False" };
        Self { kind: kind.to_owned(), status, reason: reason.into(), message: message.into() }
    }
}

/// The status after a pass over a platform that is to exist.
pub fn after_pass(base: Base<'_>, ended: &Ended<'_>) -> PaymentPlatformStatus {
    let Ended { platform, report, memory, scopes, account_id, paused, tag_keys, request, complete_look, .. } = ended;
    let Ended { approval, accepted, .. } = ended;
    let mut status = base.previous.clone();
    status.observed_generation = base.generation;
    let (ready, all) = report.progress();
    status.progress = Some(format!("nodes: {ready}/{all}"));
    status.scopes = scopes.clone();
    status.approval = approval.cloned();
    // Kept until nothing of it is asked for any more: what takes several passes stays approved.
    accept(&mut status, *accepted);
    status.inventory = inventory(memory);
    status.resolved = platform.map(Platform::resolved).or(status.resolved);
    let seen = platform.map(|platform| outputs(platform, report, account_id));
    status.outputs = match (seen, status.outputs) {
        // What could not be looked at is not gone.
        (Some(seen), Some(before)) if !complete_look => Some(or_as_before(&seen, &before)),
        (seen, before) => seen.or(before),
    };
    record_drift(&mut status.drift, report, base.now, ended.limits);
    let open = report.entries.iter().filter(|entry| entry.drift && !entry.outcome.is_ready());
    status.drift_count = i32::try_from(open.count()).ok();
    let converged = report.is_converged();
    status.tag_keys = if converged {
        tag_keys.iter().cloned().collect()
    } else {
        status.tag_keys.iter().cloned().chain(tag_keys.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    if request.is_some() {
        status.reconcile_requested_at.clone_from(request);
    }
    // Only a pass that found everything right says so: what was just written is read again by the next one.
    let is_right = |entry: &Entry| matches!(entry.outcome, Outcome::Unchanged | Outcome::Held(Hold::Later(_)));
    let found_right = report.entries.iter().all(is_right);
    if found_right
        && approval.is_none()
        && *complete_look
        && !recently(status.last_verified_time.as_ref(), base.now, ended.limits)
    {
        status.last_verified_time = Some(Time(base.now));
    }
    let mut drafts = drafts(report, &status.drift, *paused, platform.is_some());
    let remade = remade_secrets(&status.drift);
    let warnings: Vec<String> = ended.warnings.iter().cloned().chain(remade).collect();
    drafts.extend(platform.map(|_| warnings_condition(&warnings)));
    if let Some(approval) = approval {
        needs_approval(&mut drafts, approval);
    }
    status.conditions = conditions(base, drafts);
    status
}

/// Records that an approval is used; its hash then approves nothing else.
pub fn accept(status: &mut PaymentPlatformStatus, accepted: Option<&Approval>) {
    if accepted.is_some() && status.approved.is_none() {
        status.approvals_used = Some(status.approvals_used.unwrap_or_default() + 1);
    }
    status.approved = accepted.cloned();
}

/// The status when there is no plan.
pub fn refused(base: Base<'_>, refusal: &Refusal) -> PaymentPlatformStatus {
    let said = refusal.to_string();
    let (reason, human, message) = match refusal {
        Refusal::Invalid(_) => ("InvalidSpec", true, said),
        Refusal::AccountChanged { .. } => ("AccountChanged", true, said),
        Refusal::LongName { .. } => ("NameTooLong", true, said),
        Refusal::Identity(error)
        | Refusal::Zones { error, .. }
        | Refusal::PrefixList { error, .. }
        | Refusal::Versions { error, .. } => (reason_of(error), error.class.needs_human(), with_remedy(said, error)),
    };
    stopped(base, reason, human, message)
}

/// The status of an object that cannot be worked on, with the reason.
pub fn stopped(base: Base<'_>, reason: &str, needs_human: bool, message: String) -> PaymentPlatformStatus {
    let mut status = base.previous.clone();
    status.observed_generation = base.generation;
    let mut drafts = vec![
        Draft::new("Ready", false, reason, message.clone()),
        Draft::new("Reconciling", !needs_human, reason, message.clone()),
        Draft::new("Stalled", needs_human, reason, message),
    ];
    // What was said of the components was true when it was last looked; it stays, with its time.
    drafts.extend(
        base.previous.conditions.iter().filter(|old| !["Ready", "Reconciling", "Stalled"].contains(&&*old.type_)).map(
            |old| Draft {
                kind: old.type_.clone(),
                status: match old.status.as_str() {
                    "True" => "True",
                    "False" => "False",
                    _ => "Unknown",
                },
                reason: old.reason.clone(),
                message: old.message.clone(),
            },
        ),
    );
    status.conditions = conditions(base, drafts);
    status
}

/// What became of the ConfigMap with the outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The spec asks for none.
    NotAsked,
    /// In the ConfigMap of this name.
    As(String),
    /// Something that the object does not own bears this name.
    NameTaken(String),
    /// Why not.
    Failed(String),
}

/// A status after a pass, with where the outputs stand besides.
pub fn show_published(base: Base<'_>, status: &mut PaymentPlatformStatus, published: &Published) {
    let draft = match published {
        Published::NotAsked => None,
        Published::As(name) => {
            Some(Draft::new(OUTPUTS_PUBLISHED, true, "Published", format!("The outputs are in ConfigMap {name}.")))
        }
        Published::NameTaken(name) => Some(Draft::new(
            OUTPUTS_PUBLISHED,
            false,
            "NameTaken",
            format!("ConfigMap {name} is not this object's; delete it, or set spec.outputs.configMap to another name."),
        )),
        Published::Failed(message) => Some(Draft::new(OUTPUTS_PUBLISHED, false, "Failed", message.clone())),
    };
    status.conditions.retain(|condition| condition.type_ != OUTPUTS_PUBLISHED);
    status.conditions.extend(conditions(base, draft.into_iter().collect()));
}

/// Whether the outputs are where `spec.outputs` asks for them.
const OUTPUTS_PUBLISHED: &str = "OutputsPublished";

/// A status after a pass, with what a deletion waits for in front of everything else.
pub fn awaiting_confirmation(
    base: Base<'_>,
    mut status: PaymentPlatformStatus,
    message: String,
) -> PaymentPlatformStatus {
    let reason = "AwaitingConfirmation";
    let drafts = vec![
        Draft::new("Ready", false, reason, message.clone()),
        Draft::new("Reconciling", false, reason, message.clone()),
        Draft::new("Stalled", true, reason, message),
    ];
    for condition in conditions(base, drafts) {
        match status.conditions.iter_mut().find(|old| old.type_ == condition.type_) {
            Some(old) => *old = condition,
            None => status.conditions.push(condition),
        }
    }
    status
}

/// The status while everything is being deleted.
/// `unread` is what could not be looked at: while there is something, the deletion does not end.
pub fn deleting(
    base: Base<'_>,
    report: &Report,
    memory: &Memory,
    unread: &BTreeMap<Place, CloudError>,
) -> PaymentPlatformStatus {
    let mut status = base.previous.clone();
    status.observed_generation = base.generation;
    status.inventory = inventory(memory);
    let left = report.entries.iter().filter(|entry| !entry.gone).count();
    status.progress = Some(format!("deleting: {left} of {} left", report.entries.len()));
    let first = report.entries.iter().find(|entry| needs_human(entry));
    let blind = |needs_human: bool| unread.iter().find(|(_, error)| error.class.needs_human() == needs_human);
    let not_looked = |((region, kind), error): (&Place, &CloudError)| {
        format!("Cannot find out what is left of {kind} in {region}: {}", advice(error))
    };
    let (reason, message) = match (first, blind(true)) {
        (Some(entry), _) => (reason(entry).to_owned(), explain(entry)),
        (None, Some(unread)) => (reason_of(unread.1).to_owned(), not_looked(unread)),
        (None, None) => {
            let blind = blind(false).map(|unread| format!(" {}.", not_looked(unread)));
            ("Deleting".to_owned(), waiting_for(report, left) + &blind.unwrap_or_default())
        }
    };
    let stalled = first.is_some() || blind(true).is_some();
    status.conditions = conditions(
        base,
        vec![
            Draft::new("Ready", false, reason.clone(), message.clone()),
            Draft::new("Reconciling", !stalled, reason.clone(), message.clone()),
            Draft::new("Stalled", stalled, reason, message),
        ],
    );
    status
}

fn waiting_for(report: &Report, left: usize) -> String {
    let slow = report.entries.iter().find_map(|entry| match &entry.outcome {
        Outcome::Waiting { until, .. } => Some(format!("; waiting until {until}: {}", entry.node)),
        Outcome::Failed(_) => Some(format!("; {}", explain(entry))),
        _ => None,
    });
    format!("Deleting the AWS resources, {left} left{}.", slow.unwrap_or_default())
}

fn drafts(report: &Report, drift: &[Drift], paused: bool, wanted: bool) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let (ready, all) = report.progress();
    let progress = format!("nodes: {ready}/{all}");
    let problems: Vec<&Entry> = report.entries.iter().filter(|entry| !entry.outcome.is_ready()).collect();
    let stuck = problems.iter().find(|entry| needs_human(entry));
    let first = stuck.or_else(|| problems.iter().find(|entry| matches!(entry.outcome, Outcome::Failed(_))));
    let first = first.or_else(|| problems.iter().find(|entry| !matches!(entry.outcome, Outcome::Blocked { .. })));
    let first = first.or(problems.first());
    match first {
        None if paused => drafts.push(Draft::new("Ready", true, "Paused", "As described when last seen; paused.")),
        None => {
            let later = report.entries.iter().filter(|entry| matches!(entry.outcome, Outcome::Held(Hold::Later(_))));
            let later: String = later.map(|entry| format!(" {}.", explain(entry))).collect();
            let message = format!("Everything is as described ({progress}).{later}");
            drafts.push(Draft::new("Ready", true, "AsDescribed", message));
        }
        Some(_) if paused => {
            let message = format!("Paused; {} nodes are not as described.", problems.len());
            drafts.push(Draft::new("Ready", false, "Paused", message));
        }
        Some(entry) => {
            let message = format!("{progress}; {}", explain(entry));
            drafts.push(Draft::new("Ready", false, reason(entry), message));
        }
    }
    let moving = problems.iter().any(|entry| is_moving(&entry.outcome));
    let moving_reason = if moving { "Progressing" } else { "Idle" };
    // In this order: kstatus takes the first of the two that is true.
    match stuck {
        Some(entry) => drafts.push(Draft::new("Stalled", true, reason(entry), explain(entry))),
        None => drafts.push(Draft::new("Stalled", false, "NotStalled", "Nothing waits for a human.")),
    }
    drafts.push(Draft::new("Reconciling", moving && !paused, moving_reason, progress));
    drafts.push(drift_condition(drift));
    drafts.push(conflict_condition(&problems));
    drafts.push(exceptions_condition(report));
    if wanted {
        drafts.extend(COMPONENTS.iter().map(|component| component_condition(component, report)));
    }
    drafts
}

/// What waits for approval waits for a human, unless something else already does.
fn needs_approval(drafts: &mut [Draft], approval: &Approval) {
    let Approval { hash, changes } = approval;
    let list = changes.join("; ");
    let message = format!("{list}. Approve all of it with the annotation {APPROVE}={hash}, or undo it in the spec.");
    let reason = "NeedsApproval";
    let itself = ["WouldLoseData", "HoldsData", "WouldKeepLess"];
    for draft in drafts.iter_mut() {
        let waits = itself.contains(&draft.reason.as_str());
        match (draft.kind.as_str(), draft.status) {
            ("Ready", status) if status == "True" || waits => {
                *draft = Draft::new("Ready", false, reason, message.clone());
            }
            ("Stalled", status) if status == "False" || waits => {
                *draft = Draft::new("Stalled", true, reason, message.clone());
            }
            ("Ready" | "Stalled", _) => draft.message = format!("{}; besides: {message}", draft.message),
            _ => {}
        }
    }
}

/// What is left alone on purpose.
fn exceptions_condition(report: &Report) -> Draft {
    let excepted = report.entries.iter().filter(|entry| matches!(entry.outcome, Outcome::Held(Hold::Excepted { .. })));
    let excepted: Vec<String> = excepted.map(explain).collect();
    match excepted.is_empty() {
        true => Draft::new("Excepted", false, "NoException", "No difference is left alone."),
        false => Draft::new("Excepted", true, "LeftAlone", excepted.join("; ")),
    }
}

/// Secrets that were gone for good, as long as a record tells of it: whoever had read the password needs the new one.
fn remade_secrets(drift: &[Drift]) -> impl Iterator<Item = String> {
    let is_one = |one: &&Drift| {
        // A twin that goes was there before.
        one.field == "existence" && one.before.is_none() && one.node.contains("/secretsmanager/secret/")
    };
    drift.iter().filter(is_one).filter_map(|one| {
        let at = &one.corrected_time.as_ref()?.0;
        Some(format!("{} was gone for good and was made again at {at}, with another password", one.node))
    })
}

/// What works and still deserves a look.
fn warnings_condition(warnings: &[String]) -> Draft {
    match warnings.is_empty() {
        true => Draft::new("Warnings", false, "NoWarnings", "Nothing deserves a second look."),
        false => Draft::new("Warnings", true, "DeservesALook", format!("{}.", warnings.join("; "))),
    }
}

fn drift_condition(drift: &[Drift]) -> Draft {
    let open = drift.iter().filter(|drift| drift.corrected_time.is_none()).count();
    match (open, drift.first()) {
        (_, None) => Draft::new("DriftCorrected", true, "NoDrift", "No drift was found."),
        (0, Some(latest)) => {
            let message = format!("Latest: {} {}.", latest.node, latest.field);
            Draft::new("DriftCorrected", true, "Corrected", message)
        }
        (open, Some(latest)) => {
            let message =
                format!("{open} differences are not corrected yet; latest: {} {}.", latest.node, latest.field);
            Draft::new("DriftCorrected", false, "Detected", message)
        }
    }
}

fn conflict_condition(problems: &[&Entry]) -> Draft {
    let conflict = problems.iter().find_map(|entry| match &entry.outcome {
        Outcome::Held(Hold::NameTaken { .. } | Hold::NotBegun { .. }) => Some(("NameTaken", explain(entry))),
        Outcome::Held(Hold::OtherGeneration { .. }) => Some(("OtherGeneration", explain(entry))),
        Outcome::Failed(error) if error.class == Class::AlreadyExists => Some(("NameTaken", explain(entry))),
        _ => None,
    });
    match conflict {
        Some((reason, message)) => Draft::new("Conflict", true, reason, message),
        None => Draft::new("Conflict", false, "NoConflict", "Nothing that is not ours is in the way."),
    }
}

fn component_condition(component: &str, report: &Report) -> Draft {
    let own: Vec<&Entry> = report.entries.iter().filter(|entry| entry.component == component).collect();
    let ready = own.iter().filter(|entry| entry.outcome.is_ready()).count();
    let progress = format!("nodes: {ready}/{}", own.len());
    let worst = own.iter().find(|entry| needs_human(entry));
    let worst = worst.or_else(|| own.iter().find(|entry| matches!(entry.outcome, Outcome::Failed(_))));
    let worst = worst.or_else(|| own.iter().find(|entry| !entry.outcome.is_ready()));
    let kind = format!("{component}Ready");
    match worst {
        None => {
            let later = own.iter().filter_map(|entry| Some(format!("; {}: {}", entry.node, entry.later.as_ref()?)));
            Draft::new(&kind, true, "AsDescribed", progress + &later.collect::<String>())
        }
        Some(entry) => Draft::new(&kind, false, reason(entry), format!("{progress}; {}", explain(entry))),
    }
}

/// Conditions with the time of the last flip: it moves only when the status does.
fn conditions(base: Base<'_>, drafts: Vec<Draft>) -> Vec<Condition> {
    let condition = |draft: Draft| {
        let old = base.previous.conditions.iter().find(|old| old.type_ == draft.kind && old.status == draft.status);
        Condition {
            last_transition_time: old.map_or(Time(base.now), |old| old.last_transition_time.clone()),
            message: shorten(&draft.message, 1000),
            observed_generation: base.generation,
            reason: draft.reason,
            status: draft.status.to_owned(),
            type_: draft.kind,
        }
    };
    drafts.into_iter().map(condition).collect()
}

/// Whether it is too soon to write the time again. A time to come is none: the clock was set back since.
fn recently(last: Option<&Time>, now: Timestamp, limits: Limits) -> bool {
    last.is_some_and(|last| {
        let interval = limits.verified_interval.try_into().unwrap_or(SignedDuration::MAX);
        (SignedDuration::ZERO..interval).contains(&now.duration_since(last.0))
    })
}

fn inventory(memory: &Memory) -> Vec<InventoryEntry> {
    let entries = memory.nodes.iter().filter(|(_, known)| !known.gone).filter_map(|(node, known)| {
        let (id, wish) = (known.cloud_id.clone()?, known.wish.clone());
        Some(InventoryEntry { node: node.to_string(), id, wish, created: known.created })
    });
    entries.collect()
}

/// The outputs, and those of before that are missing among them.
fn or_as_before(seen: &Outputs, before: &Outputs) -> Outputs {
    let (Ok(Value::Object(seen_values)), Ok(Value::Object(mut all))) =
        (serde_json::to_value(seen), serde_json::to_value(before))
    else {
        return seen.clone();
    };
    all.extend(seen_values);
    serde_json::from_value(Value::Object(all)).unwrap_or_else(|_| seen.clone())
}

fn outputs(platform: &Platform, report: &Report, account_id: &str) -> Outputs {
    let values: BTreeMap<&NodeId, Value> = report
        .entries
        .iter()
        .filter(|entry| !entry.extra)
        .filter_map(|entry| Some((&entry.node, entry.output.as_ref()?.json())))
        .collect();
    let one = |kind: &str, name: &str, field: &str| {
        let here = |node: &NodeId| node.region.is_global() || node.region.as_str() == platform.region;
        let (_, value) = values.iter().find(|(node, _)| node.kind == kind && node.name == name && here(node))?;
        value[field].as_str().map(str::to_owned)
    };
    let zones = |kind: &str, prefix: &str, field: &str| {
        platform.zones.iter().filter_map(|zone| one(kind, &format!("{prefix}{}", zone.name), field)).collect()
    };
    Outputs {
        account_id: Some(account_id.to_owned()),
        region: Some(platform.region.clone()),
        vpc_id: one("ec2/vpc", names::VPC, "vpc_id"),
        public_subnet_ids: zones("ec2/subnet", "public-", "subnet_id"),
        private_subnet_ids: zones("ec2/subnet", "private-", "subnet_id"),
        database_subnet_ids: zones("ec2/subnet", "database-", "subnet_id"),
        nat_gateway_ids: zones("ec2/nat-gateway", "", "nat_gateway_id"),
        kms_key_app_data_arn: one("kms/key", names::APP_KEY, "arn"),
        kms_key_s3_arn: one("kms/key", names::S3_KEY, "arn"),
        kms_key_cloudwatch_arn: one("kms/key", names::LOGS_KEY, "arn"),
        s3_bucket_flow_logs_name: one("s3/bucket", names::FLOW_LOGS, "name"),
        security_group_alb_id: one("ec2/security-group", names::ALB, "group_id"),
        security_group_ecs_tasks_id: one("ec2/security-group", names::ECS_TASKS, "group_id"),
        security_group_aurora_id: one("ec2/security-group", names::AURORA, "group_id"),
        aurora_cluster_endpoint: one("rds/cluster", names::AURORA, "endpoint"),
        aurora_reader_endpoint: one("rds/cluster", names::AURORA, "reader_endpoint"),
        aurora_engine_version: one("rds/cluster", names::AURORA, "engine_version"),
        database_endpoint: one("rds/mysql-instance", names::MYSQL, "endpoint"),
        database_port: values
            .iter()
            .find(|(node, _)| node.kind == "rds/mysql-instance")
            .and_then(|(_, value)| value["port"].as_i64()?.try_into().ok()),
        database_engine_version: one("rds/mysql-instance", names::MYSQL, "engine_version"),
        secrets_manager_secret_arn: one("secretsmanager/secret", names::AURORA_PASSWORD, "arn")
            .or_else(|| one("secretsmanager/secret", names::MYSQL_PASSWORD, "arn")),
        cloudfront_distribution_domain_name: one("cloudfront/distribution", names::CDN, "domain_name"),
        waf_web_acl_arn: one("wafv2/web-acl", names::ALB, "arn"),
        alb_dns_name: one("elbv2/load-balancer", names::ALB, "dns_name"),
        alb_arn: one("elbv2/load-balancer", names::ALB, "arn"),
        ecs_cluster_arn: one("ecs/cluster", names::APP, "arn"),
        ecs_service_name: one("ecs/service", names::APP, "name"),
        s3_bucket_static_assets_name: one("s3/bucket", names::STATIC, "name"),
        sns_topic_arn: one("sns/topic", names::ALERTS, "arn"),
    }
}
