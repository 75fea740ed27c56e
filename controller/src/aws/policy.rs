//! Policy documents in a canonical form, so that equal policies compare equal however AWS writes them back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The version of the policy language that ours are written in: only in this one do variables such as `${aws:username}`
/// mean something.
const VERSION: &str = "2012-10-17";
/// The one that a document without a version is read in (IAM User Guide, "Version").
const OLD_VERSION: &str = "2008-10-17";

/// A policy: its statements by Sid. The order of statements has no meaning on AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDocument {
    pub version: String,
    pub statements: BTreeMap<String, Statement>,
}

/// One statement; every part is a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Allow or Deny.
    pub effect: String,
    /// `AWS arn:…`, `Service name`, or `*`.
    pub principals: BTreeSet<String>,
    pub actions: BTreeSet<String>,
    pub resources: BTreeSet<String>,
    /// `Operator key` and the values.
    pub conditions: BTreeMap<String, BTreeSet<String>>,
    /// Parts that statements of ours never have (NotAction, NotPrincipal, …), as they were read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, Value>,
}

impl Statement {
    /// A statement that allows `actions` on the thing that the policy belongs to.
    pub fn allow(principal: impl Into<String>, actions: &[&str]) -> Self {
        Self {
            effect: "Allow".to_owned(),
            principals: BTreeSet::from([principal.into()]),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            resources: BTreeSet::from(["*".to_owned()]),
            ..Self::default()
        }
    }

    /// A statement of a trust policy: the service may assume the role.
    pub fn trust(service: &str) -> Self {
        let principal = format!("Service {service}.amazonaws.com");
        Self { resources: BTreeSet::new(), ..Self::allow(principal, &["sts:AssumeRole"]) }
    }

    /// A statement of a role's policy, whose principal is the role.
    pub fn on(actions: &[&str], resources: impl IntoIterator<Item = String>) -> Self {
        Self { principals: BTreeSet::new(), resources: resources.into_iter().collect(), ..Self::allow("", actions) }
    }

    /// Adds a condition.
    pub fn when(mut self, operator: &str, key: &str, value: impl Into<String>) -> Self {
        self.conditions.entry(format!("{operator} {key}")).or_default().insert(value.into());
        self
    }
}

/// `AWS arn:aws:iam::{account}:root`.
pub fn root(account: &str) -> String {
    format!("AWS arn:aws:iam::{account}:root")
}

impl PolicyDocument {
    /// A policy of these statements, each with its Sid.
    pub fn of<'a>(statements: impl IntoIterator<Item = (&'a str, Statement)>) -> Self {
        let statements = statements.into_iter().map(|(sid, statement)| (sid.to_owned(), statement));
        Self { version: VERSION.to_owned(), statements: statements.collect() }
    }

    /// Reads a policy as AWS writes it. Statements without a Sid, or with one that is taken, are named after their
    /// place.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let document: Value = serde_json::from_str(text)?;
        let mut statements = BTreeMap::new();
        for (index, statement) in list(&document["Statement"]).into_iter().enumerate() {
            let sid = statement["Sid"].as_str().filter(|sid| !sid.is_empty() && !statements.contains_key(*sid));
            let sid = sid.map_or_else(|| format!("#{index}"), str::to_owned);
            statements.insert(sid, parse_statement(statement));
        }
        let version = document["Version"].as_str().unwrap_or(OLD_VERSION).to_owned();
        Ok(Self { version, statements })
    }

    /// The policy as AWS reads it. The order has no meaning, but people read it: who administers first, then who uses,
    /// then what is denied.
    pub fn to_json(&self) -> String {
        let rank = |sid: &str, statement: &Statement| match sid {
            "Root" => 0,
            "Controller" => 1,
            "Administrators" => 2,
            _ if statement.effect == "Deny" => 4,
            _ => 3,
        };
        let mut ordered: Vec<_> = self.statements.iter().collect();
        ordered.sort_by_key(|(sid, statement)| rank(sid, statement));
        let statements = ordered.into_iter().map(|(sid, statement)| {
            let mut map = Map::new();
            map.insert("Sid".into(), json!(sid));
            map.insert("Effect".into(), json!(statement.effect));
            // A role's policies name no principal, its trust policy no resource.
            if !statement.principals.is_empty() {
                map.insert("Principal".into(), principals(&statement.principals));
            }
            map.insert("Action".into(), json!(statement.actions));
            if !statement.resources.is_empty() {
                map.insert("Resource".into(), json!(statement.resources));
            }
            if !statement.conditions.is_empty() {
                map.insert("Condition".into(), conditions(&statement.conditions));
            }
            map.extend(statement.other.clone());
            Value::Object(map)
        });
        json!({ "Version": self.version, "Statement": statements.collect::<Vec<_>>() }).to_string()
    }
}

fn parse_statement(statement: &Value) -> Statement {
    let mut parsed = Statement::default();
    for (key, value) in statement.as_object().into_iter().flatten() {
        match key.as_str() {
            "Sid" => {}
            "Effect" => parsed.effect = value.as_str().unwrap_or_default().to_owned(),
            "Action" => parsed.actions = strings(value).collect(),
            "Resource" => parsed.resources = strings(value).collect(),
            "Principal" => parsed.principals = parse_principals(value),
            "Condition" => parsed.conditions = parse_conditions(value),
            _ => {
                parsed.other.insert(key.clone(), value.clone());
            }
        }
    }
    parsed
}

/// `"*"`, or a map from type to one or many; an account id alone means its root.
fn parse_principals(value: &Value) -> BTreeSet<String> {
    let Value::Object(map) = value else { return strings(value).collect() };
    let all = map.iter().flat_map(|(kind, value)| {
        strings(value).map(move |principal| {
            let account = kind == "AWS" && principal.len() == 12 && principal.bytes().all(|b| b.is_ascii_digit());
            match (account, kind.as_str(), principal.as_str()) {
                (true, ..) => root(&principal),
                // Two ways to say everybody (IAM User Guide, "Principal").
                (_, "AWS", "*") => "*".to_owned(),
                _ => format!("{kind} {principal}"),
            }
        })
    });
    all.collect()
}

fn parse_conditions(value: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut conditions = BTreeMap::new();
    for (operator, keys) in value.as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().into_iter().flatten() {
            conditions.insert(format!("{operator} {key}"), strings(values).collect());
        }
    }
    conditions
}

fn principals(principals: &BTreeSet<String>) -> Value {
    let mut map: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for principal in principals {
        match principal.split_once(' ') {
            Some((kind, name)) => map.entry(kind).or_default().push(name),
            None => return json!(principal),
        }
    }
    json!(map)
}

fn conditions(conditions: &BTreeMap<String, BTreeSet<String>>) -> Value {
    let mut map: BTreeMap<&str, BTreeMap<&str, &BTreeSet<String>>> = BTreeMap::new();
    for (name, values) in conditions {
        if let Some((operator, key)) = name.split_once(' ') {
            map.entry(operator).or_default().insert(key, values);
        }
    }
    json!(map)
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn strings(value: &Value) -> impl Iterator<Item = String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    list(value).into_iter().map(text).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_back_as_it_was_written() {
        let statement = Statement::allow(root("123456789012"), &["kms:*"]);
        let conditional = Statement::allow("Service logs.us-east-1.amazonaws.com", &["kms:Encrypt*", "kms:Decrypt*"])
            .when("ArnLike", "kms:EncryptionContext:aws:logs:arn", "arn:aws:logs:us-east-1:123456789012:*");
        let policy = PolicyDocument::of([("Root", statement), ("Logs", conditional)]);
        assert_eq!(PolicyDocument::parse(&policy.to_json()).unwrap(), policy);
    }

    #[test]
    fn what_aws_writes_differently_is_the_same() {
        let one = r#"{"Version":"2012-10-17","Statement":{"Sid":"A","Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"kms:*","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}}}"#;
        let other = r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:root"]},"Action":["kms:*"],"Resource":["*"],"Condition":{"Bool":{"kms:GrantIsForAWSResource":["true"]}}}]}"#;
        assert_eq!(PolicyDocument::parse(one).unwrap(), PolicyDocument::parse(other).unwrap());
    }

    #[test]
    fn a_policy_of_the_old_language_is_another_one() {
        let with =
            |version: &str| format!(r#"{{{version}"Statement":[{{"Sid":"A","Effect":"Deny","Action":"a:b"}}]}}"#);
        let new = PolicyDocument::parse(&with(r#""Version":"2012-10-17","#)).unwrap();
        let old = PolicyDocument::parse(&with(r#""Version":"2008-10-17","#)).unwrap();
        assert_eq!(PolicyDocument::parse(&with("")).unwrap(), old);
        assert_ne!(new, old);
    }

    #[test]
    fn statements_without_or_with_the_same_sid_are_all_kept() {
        let text = r#"{"Statement":[{"Effect":"Allow","Action":"a:b"},{"Sid":"X","Effect":"Deny","Action":"a:c"},{"Sid":"X","Effect":"Allow","NotAction":"a:d"}]}"#;
        let policy = PolicyDocument::parse(text).unwrap();
        assert_eq!(policy.statements.keys().collect::<Vec<_>>(), ["#0", "#2", "X"]);
        assert!(policy.statements["#2"].other.contains_key("NotAction"));
    }
}
