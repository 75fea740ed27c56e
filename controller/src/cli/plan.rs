//! `plan`: what would change on AWS, as a diff to read or as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use kube::ResourceExt as _;
use payment_platform_api::{Invalid, PaymentPlatform};
use payment_platform_engine::{Hold, Planned, Step};
use payment_platform_engine::{Owner, Plan, Seen};
use serde_json::{Value, json};

use super::{owner_name, show};
use crate::pass::{self, Limits, Mode, Prepared, State, Subject};
use crate::scope::{Ages, Scopes};

/// All of what is wrong with a spec, in one error.
pub fn all(errors: Vec<Invalid>) -> anyhow::Error {
    anyhow!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// How a plan is shown.
#[derive(Clone, Copy)]
pub struct Form {
    pub json: bool,
    /// Whether what is as described is shown too.
    pub all: bool,
}

/// Plans for a manifest and prints what it would change.
pub async fn run(scopes: &Scopes, object: PaymentPlatform, limits: Limits, form: Form) -> anyhow::Result<ExitCode> {
    let name = owner_name(&object)?;
    let mut prepared = prepare(scopes, &object, &name, limits).await?;
    let exceeded = pass::check_quotas(&mut prepared).await;
    if !exceeded.is_empty() {
        for quota in exceeded {
            eprintln!("Quota: {quota}");
        }
        bail!("the plan cannot be carried out within the account's quotas");
    }
    show(&if form.json {
        format!("{}\n", serde_json::to_string_pretty(&as_value(&name, &prepared, form))?)
    } else {
        as_text(&name, &prepared, form)
    })?;
    // What is held differs too: only a plan of nothing but Keep says that AWS is as described.
    let changes = prepared.plan.steps.iter().any(|planned| planned.step != Step::Keep) || prepared.approval.is_some();
    Ok(if changes { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// Looks once to learn which object owns things under this name, then plans as that object and as its controller:
/// without a cluster the object's UID and the controller's principal stand on AWS only.
async fn prepare(scopes: &Scopes, object: &PaymentPlatform, name: &str, limits: Limits) -> anyhow::Result<Prepared> {
    let adopts = crate::controller::adopts(&object.metadata);
    let approved = object.annotations().get(payment_platform_api::APPROVE).cloned();
    let subject = |uid: &str, principal_arn: Option<String>| Subject {
        owner: Owner { name: name.to_owned(), uid: uid.to_owned() },
        spec: Some(object.spec.clone()),
        status: object.status.clone().unwrap_or_default(),
        takes_over: BTreeSet::new(),
        adopts: adopts.clone(),
        approved_hash: approved.clone(),
        principal_arn,
        now: k8s_openapi::jiff::Timestamp::now(),
        mode: Mode::Keep,
    };
    // A manifest that comes from the cluster knows its things by their ids, whatever became of their tags.
    let known = || object.status.as_ref().map(State::recorded).unwrap_or_default();
    let first = pass::prepare(scopes, &subject("new", None), &mut known(), Ages::NOW, limits).await?;
    let uids = &first.observation.other_generations;
    match (uids.first(), uids.len()) {
        (None, _) => Ok(first),
        (Some(uid), 1) => {
            let seen = pass::prepare(scopes, &subject(uid, None), &mut known(), Ages::ANY, limits).await?;
            let Some(principal) = observed_principal(&seen) else { return Ok(seen) };
            let subject = subject(uid, Some(principal));
            Ok(pass::prepare(scopes, &subject, &mut known(), Ages::ANY, limits).await?)
        }
        _ => bail!(
            "several objects named {name} own things in this account (UIDs {}); a plan needs a single one",
            uids.iter().cloned().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The principal that the keys name as the controller.
fn observed_principal(prepared: &Prepared) -> Option<String> {
    prepared.observation.seen.values().find_map(|seen| {
        let Seen::Present(found) = seen else { return None };
        let fields = found.fields.as_ref().ok()?.json();
        let principal = fields["policy"]["statements"]["Controller"]["principals"][0].as_str()?;
        principal.strip_prefix("AWS ").map(str::to_owned)
    })
}

/// How a step is shown: sign and verb.
fn sign(step: &Step) -> Option<(char, &'static str)> {
    match step {
        Step::Keep => None,
        Step::Create => Some(('+', "create")),
        Step::Update(_) => Some(('~', "change")),
        Step::Replace(..) => Some(('±', "replace")),
        Step::Delete => Some(('-', "delete")),
        Step::Leave => Some(('=', "keep")),
        Step::After(_) => Some(('+', "create")),
        Step::Hold(_) => Some(('!', "held")),
    }
}

/// A node that waits for another and is there already is changed, not made.
fn shown(planned: &Planned) -> Option<(char, &'static str)> {
    match (&planned.step, &planned.found) {
        (Step::After(_), Some(_)) => Some(('~', "change once what it uses is made")),
        (step, _) => sign(step),
    }
}

/// The fields of what is as described, when they are to be shown.
fn described(planned: &Planned, form: Form) -> Option<Value> {
    let found = planned.found.as_ref().filter(|_| form.all && planned.step == Step::Keep)?;
    Some(found.fields.as_ref().ok()?.json())
}

fn as_text(name: &str, prepared: &Prepared, form: Form) -> String {
    let mut text = String::new();
    let region = prepared.platform.as_ref().map_or("", |platform| &platform.region);
    let _ = writeln!(text, "PaymentPlatform {name} in account {}, {region}", prepared.account_id);
    let mut component = None;
    for planned in &prepared.plan.steps {
        let fields = described(planned, form);
        let as_it_is = fields.as_ref().map(|_| (' ', "as described"));
        let Some((sign, verb)) = shown(planned).or(as_it_is) else { continue };
        let heading = if planned.extra { "No longer wanted" } else { planned.component };
        if component != Some(heading) {
            let _ = writeln!(text, "\n{heading}");
            component = Some(heading);
        }
        let id = planned.found.as_ref().map(|found| format!(" ({})", found.cloud_id)).unwrap_or_default();
        let _ = writeln!(text, "  {sign} {verb} {}{id}", planned.node);
        for (field, value) in fields.iter().filter_map(Value::as_object).flatten() {
            let _ = writeln!(text, "      {field}: {value}");
        }
        for change in &planned.changes {
            let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
            let _ = writeln!(text, "      {}: {} -> {}", change.path, value(&change.before), value(&change.after));
        }
        if let Step::Hold(hold) = &planned.step {
            let _ = writeln!(text, "      {hold}");
        }
    }
    if let Some(approval) = &prepared.approval {
        let _ = writeln!(text, "\nWaits for approval ({}={})", payment_platform_api::APPROVE, approval.hash);
        for change in &approval.changes {
            let _ = writeln!(text, "  ! {change}");
        }
    }
    for notice in &prepared.plan.notices {
        let _ = writeln!(text, "\nNote: {} ({}) {}", notice.node, notice.cloud_id, notice.message);
    }
    for warning in &prepared.warnings {
        let _ = writeln!(text, "\nWarning: {warning}.");
    }
    let _ = writeln!(text, "\n{}", summary(&prepared.plan));
    text
}

fn summary(plan: &Plan) -> String {
    let count = |fits: fn(&Planned) -> bool| plan.steps.iter().filter(|planned| fits(planned)).count();
    let create = count(|p| matches!(p.step, Step::Create) || (matches!(p.step, Step::After(_)) && p.found.is_none()));
    let change = count(|p| {
        matches!(p.step, Step::Update(_) | Step::Replace(..)) || (matches!(p.step, Step::After(_)) && p.found.is_some())
    });
    let delete = count(|p| matches!(p.step, Step::Delete));
    let held = count(|p| matches!(p.step, Step::Hold(_)));
    match (create, change, delete, held) {
        (0, 0, 0, 0) => "Nothing to do: AWS is as described.".to_owned(),
        _ => format!("Plan: {create} to create, {change} to change, {delete} to delete, {held} held."),
    }
}

fn as_value(name: &str, prepared: &Prepared, form: Form) -> Value {
    let steps = prepared.plan.steps.iter().filter(|planned| planned.step != Step::Keep || form.all).map(|planned| {
        let reason = match &planned.step {
            Step::Hold(hold) => Some(Hold::to_string(hold)),
            _ => None,
        };
        let after = match &planned.step {
            Step::After(node) => Some(node),
            _ => None,
        };
        json!({
            "node": planned.node,
            "component": planned.component,
            "step": planned.step.name(),
            "id": planned.found.as_ref().map(|found| &found.cloud_id),
            "after": after,
            "reason": reason,
            "changes": planned.changes,
            "fields": described(planned, form),
        })
    });
    json!({
        "object": name,
        "account": prepared.account_id,
        "platform": prepared.platform,
        "changes": prepared.plan.writes(),
        "steps": steps.collect::<Vec<_>>(),
        "approval": prepared.approval,
        "notices": prepared.plan.notices,
        "warnings": prepared.warnings,
    })
}
