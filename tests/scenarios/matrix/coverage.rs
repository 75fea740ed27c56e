//! Against forgetting: the fields that there are to change, read from the product, and whether each has a row or a reason.

use std::collections::BTreeSet;

use anyhow::ensure;
use payment_platform_api::status::Drift;
use serde_json::Value;

use super::{How, Leaf, Row, Waiver, waivers};

/// Fields that are maps: their keys are elements.
const MAPS: [&str; 30] = [
    "attributes",
    "conditions",
    "containers",
    "default_strategy",
    "deliveries",
    "dhcp",
    "dimensions",
    "entries",
    "foreign_targets",
    "grants",
    "in_use",
    "headers",
    "inline",
    "listeners",
    "more",
    "options",
    "origins",
    "parameters",
    "policies",
    "replication",
    "routes",
    "rules",
    "settings",
    "statements",
    "steps",
    "subscriptions",
    "tags",
    "target_groups",
    "transitions",
    "widgets",
];

/// All leaves of a value: paths with `*` for the keys of maps, and whether something is in a set there.
fn leaves(path: &[String], value: &Value, found: &mut BTreeSet<(String, Form)>) {
    let within_map = path.last().is_some_and(|name| MAPS.contains(&name.as_str()));
    match value {
        Value::Object(fields) => {
            if within_map {
                found.insert((format!("{}.*", path.join(".")), Form::Element));
            }
            for (name, inner) in fields {
                let step = if within_map { "*".to_owned() } else { name.clone() };
                leaves(&[path, &[step]].concat(), inner, found);
            }
        }
        Value::Array(_) if !path.contains(&"*".to_owned()) => {
            found.insert((format!("{}.*", path.join(".")), Form::Element));
        }
        _ => {
            found.insert((path.join("."), Form::Value));
        }
    }
}

/// How a leaf can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Value,
    /// Of a map or a set.
    Element,
}

impl Form {
    fn hows(self) -> &'static [How] {
        match self {
            Self::Value => &[How::Changed],
            Self::Element => &[How::Added, How::Removed],
        }
    }
}

/// Segments of a path as a status shows it: `a.b[c d].e`.
fn segments(field: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut bracket = false;
    for letter in field.chars() {
        match letter {
            '[' if !bracket => {
                bracket = true;
                segments.push(String::new());
            }
            ']' if bracket => bracket = false,
            '.' if !bracket => segments.push(String::new()),
            _ => segments.last_mut().into_iter().for_each(|last| last.push(letter)),
        }
    }
    segments
}

/// What differs somewhere, as a plan or a status has it.
#[derive(Debug)]
pub struct Difference {
    field: String,
    before: Option<String>,
    after: Option<String>,
}

impl From<&Drift> for Difference {
    fn from(record: &Drift) -> Self {
        Self { field: record.field.clone(), before: record.before.clone(), after: record.after.clone() }
    }
}

/// What a step of a plan changes.
pub fn changes(step: &Value) -> Vec<Difference> {
    let changes = step["changes"].as_array().into_iter().flatten().map(|change| {
        let value = |name: &str| change.get(name).filter(|value| !value.is_null()).map(Value::to_string);
        let field = change["path"].as_str().unwrap_or_default().to_owned();
        Difference { field, before: value("before"), after: value("after") }
    });
    changes.collect()
}

/// Whether a difference is of this leaf, and says of it what happened.
pub fn tells(difference: &Difference, (path, how): Leaf) -> bool {
    let Difference { field, before, after } = difference;
    let pattern: Vec<&str> = path.split('.').collect();
    let own = segments(field);
    let fits = |exactly: bool| {
        own.len() >= pattern.len()
            && (!exactly || own.len() == pattern.len())
            && pattern.iter().zip(&own).all(|(wanted, own)| *wanted == "*" || wanted == own)
    };
    match how {
        How::Changed => fits(false) && before != after,
        How::Added => fits(true) && before.is_some() && after.is_none(),
        How::Removed => fits(true) && before.is_none() && after.is_some(),
    }
}

/// Whether a waiver's path is this one; `a.**` is all that lies below `a`.
fn means(waived: &str, path: &str) -> bool {
    waived == path || waived.strip_suffix("**").is_some_and(|above| path.starts_with(above))
}

/// Fails if a field of these steps has neither a row nor a reason for having none.
pub fn all_covered(steps: &[&Value], rows: &[&'static Row], reasons: &[&'static Waiver]) -> anyhow::Result<()> {
    let mut missing = BTreeSet::new();
    let mut stale: BTreeSet<(&str, &str)> = reasons.iter().map(|waiver| (waiver.kind, waiver.leaf.0)).collect();
    for step in steps {
        let node = step["node"].as_str().unwrap_or_default();
        let kind = node.splitn(4, '/').skip(1).take(2).collect::<Vec<_>>().join("/");
        let mut found = BTreeSet::new();
        leaves(&[], &step["fields"], &mut found);
        ensure!(!found.is_empty(), "{node} shows no fields");
        for (path, form) in found {
            stale.retain(|(own, waived)| !((*own == "*" || *own == kind) && means(waived, &path)));
            for how in form.hows() {
                let mut own = rows.iter().filter(|row| row.kind() == kind).flat_map(|row| row.leaves);
                let nested = path.matches('*').count() > 1;
                // Within an element it is enough that something of it is changed.
                let row = own.any(|(own, done)| *own == path && (done == how || nested));
                let waived = waivers().any(|waiver| {
                    (waiver.kind == "*" || waiver.kind == kind) && means(waiver.leaf.0, &path) && waiver.leaf.1 == *how
                });
                if !row && !waived {
                    missing.insert(format!("{kind} {path} {how:?}"));
                }
            }
        }
    }
    ensure!(stale.is_empty(), "reasons for what no kind has: {stale:?}");
    ensure!(
        missing.is_empty(),
        "without a row and without a reason:\n{}",
        missing.into_iter().collect::<Vec<_>>().join("\n")
    );
    Ok(())
}
