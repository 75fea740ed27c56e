//! One generic comparison of what is wanted with what is seen.
//!
//! Values are compared as JSON: objects by key, arrays as sets of elements. A part that is not known yet (a hole, see
//! [`Up::text`](crate::Up::text)) differs from nothing it could become.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::outputs::{could_be, has_hole};

/// One difference: at `path`, `before` is there and `after` is wanted. `None` means that nothing is there or wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub path: Path,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Change {
    /// Whether something is there that is not wanted at all.
    pub fn is_removal(&self) -> bool {
        self.after.is_none()
    }

    /// The name of the field of `Fields` under which the difference lies.
    pub fn field(&self) -> &str {
        self.path.0.first().map_or("", String::as_str)
    }

    /// The key of the element within its field, for a field that is a map or a set.
    pub fn element(&self) -> Option<&str> {
        self.path.0.get(1).map(String::as_str)
    }
}

/// Where in the fields of a resource: names of fields and keys of maps, outermost first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(pub Vec<String>);

impl Path {
    fn with(&self, segment: impl Into<String>) -> Self {
        let mut path = self.0.clone();
        path.push(segment.into());
        Self(path)
    }

    /// Whether this path lies at or below the field path `prefix` (`a.b`).
    pub fn starts_with(&self, prefix: &str) -> bool {
        let mut own = self.0.iter();
        prefix.split('.').all(|segment| own.next().is_some_and(|own| own == segment))
    }
}

impl std::fmt::Display for Path {
    /// `policy.statements[AllowRds].actions`: names joined by dots, keys that are no plain names in brackets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        for (index, segment) in self.0.iter().enumerate() {
            let plain =
                !segment.is_empty() && segment.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            match (plain, index) {
                (true, 0) => text.push_str(segment),
                (true, _) => write!(text, ".{segment}")?,
                (false, _) => write!(text, "[{segment}]")?,
            }
        }
        f.write_str(&text)
    }
}

impl Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
    /// A path read back is one segment: enough to show it again.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(vec![String::deserialize(deserializer)?]))
    }
}

/// All differences between what is seen (`before`) and what is wanted (`after`), in a stable order.
pub fn diff(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(&Path::default(), before, after, &mut changes);
    changes
}

fn compare(path: &Path, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, old) in before {
                match after.get(key) {
                    Some(new) => compare(&path.with(key), old, new, changes),
                    None if after.keys().any(|wanted| has_hole(wanted) && could_be(wanted, key)) => {}
                    None => push(path.with(key), Some(old), None, changes),
                }
            }
            for (key, new) in after {
                if !before.contains_key(key) && !has_hole(key) {
                    push(path.with(key), None, Some(new), changes);
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => compare_sets(path, before, after, changes),
        // What the wanted value could not become is foreign, even while that value is not known: it goes.
        (Value::String(seen), Value::String(wanted)) if has_hole(wanted) => {
            if !could_be(wanted, seen) {
                push(path.clone(), Some(before), None, changes);
            }
        }
        _ if before == after => {}
        _ => push(path.clone(), Some(before), Some(after), changes),
    }
}

fn compare_sets(path: &Path, before: &[Value], after: &[Value], changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    let gone: Vec<_> = before.iter().filter(|old| !after.iter().any(|new| element_fits(old, new))).collect();
    let new: Vec<_> =
        after.iter().filter(|new| !mentions_hole(new) && !before.iter().any(|old| element_fits(old, new))).collect();
    if gone.is_empty() && new.is_empty() {
        if !after.iter().any(mentions_hole) {
            // The same elements in another order, or repeated.
            push(path.clone(), Some(&Value::Array(before.to_vec())), Some(&Value::Array(after.to_vec())), changes);
        }
        return;
    }
    for old in gone {
        push(path.with(label(old)), Some(old), None, changes);
    }
    for new in new {
        push(path.with(label(new)), None, Some(new), changes);
    }
}

fn element_fits(seen: &Value, wanted: &Value) -> bool {
    match (seen, wanted) {
        (Value::String(seen), Value::String(wanted)) => could_be(wanted, seen),
        _ => {
            let mut changes = Vec::new();
            compare(&Path::default(), seen, wanted, &mut changes);
            changes.is_empty()
        }
    }
}

fn mentions_hole(value: &Value) -> bool {
    match value {
        Value::String(text) => has_hole(text),
        Value::Array(items) => items.iter().any(mentions_hole),
        Value::Object(map) => map.iter().any(|(key, value)| has_hole(key) || mentions_hole(value)),
        _ => false,
    }
}

fn label(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A wanted value that contains a hole is no change yet: it cannot be written.
fn push(path: Path, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    if after.is_some_and(mentions_hole) {
        return;
    }
    let present = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
    changes.push(Change { path, before: present(before), after: present(after) });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(before: Value, after: Value) -> Vec<String> {
        diff(&before, &after).iter().map(|change| change.path.to_string()).collect()
    }

    #[test]
    fn equal_values_do_not_differ() {
        let value = json!({"a": 1, "b": {"c": ["x", "y"]}});
        assert!(diff(&value, &value).is_empty());
    }

    #[test]
    fn a_changed_leaf_is_named_by_its_path() {
        let changes = diff(&json!({"rotation": {"enabled": false}}), &json!({"rotation": {"enabled": true}}));
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].path.to_string(), "rotation.enabled");
        assert_eq!(changes[0].before, Some(json!(false)));
        assert_eq!(changes[0].after, Some(json!(true)));
        assert_eq!(changes[0].field(), "rotation");
    }

    #[test]
    fn an_element_too_many_is_a_removal_and_a_missing_one_an_addition() {
        let changes = diff(&json!({"rules": {"in 22": 1, "in 443": 1}}), &json!({"rules": {"in 443": 1, "in 80": 1}}));
        assert_eq!(changes.len(), 2);
        assert!(changes[0].is_removal());
        assert_eq!(changes[0].path.to_string(), "rules[in 22]");
        assert_eq!(changes[0].element(), Some("in 22"));
        assert_eq!(changes[1].before, None);
    }

    #[test]
    fn arrays_are_compared_as_sets_of_elements() {
        assert_eq!(paths(json!({"s": ["a", "b"]}), json!({"s": ["b", "c"]})), ["s.a", "s.c"]);
    }

    #[test]
    fn the_same_elements_in_another_order_are_one_change() {
        assert_eq!(paths(json!({"s": ["a", "b"]}), json!({"s": ["b", "a"]})), ["s"]);
    }

    #[test]
    fn null_stands_for_nothing() {
        let changes = diff(&json!({"kms_key": "k"}), &json!({"kms_key": null}));
        assert!(changes[0].is_removal());
    }

    #[test]
    fn what_could_fill_a_hole_is_left_alone_and_what_could_not_is_foreign() {
        let wanted = json!({"rules": {"in 5432 ${ref:sg-|r/s/k/app}": 1}});
        let seen = json!({"rules": {"in 5432 sg-1": 1, "in 22 0.0.0.0/0": 1, "in 5432 0.0.0.0/0": 1}});
        assert_eq!(paths(seen, wanted), ["rules[in 22 0.0.0.0/0]", "rules[in 5432 0.0.0.0/0]"]);
    }

    #[test]
    fn an_element_with_a_hole_is_not_added() {
        assert!(
            paths(
                json!({"s": [], "m": {}, "v": "x"}),
                json!({"s": ["${ref:|a/b/c/d}"], "m": {"k": "${ref:|a/b/c/d}"}, "v": "${ref:|a/b/c/d}"})
            )
            .is_empty()
        );
    }

    #[test]
    fn a_value_that_the_wanted_one_cannot_become_goes_before_that_is_known() {
        let wanted = json!({"routes": {"0.0.0.0/0": "${ref:nat-|r/s/k/a}"}});
        assert!(paths(json!({"routes": {"0.0.0.0/0": "nat-1"}}), wanted.clone()).is_empty());
        let changes = diff(&json!({"routes": {"0.0.0.0/0": "igw-1"}}), &wanted);
        assert_eq!(changes.len(), 1);
        assert!(changes[0].is_removal());
    }

    #[test]
    fn a_path_knows_the_field_it_lies_under() {
        let path = Path(vec!["policy".into(), "statements".into(), "Allow".into()]);
        assert!(path.starts_with("policy"));
        assert!(path.starts_with("policy.statements"));
        assert!(!path.starts_with("policy.version"));
    }
}
