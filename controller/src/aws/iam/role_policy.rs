//! What a role may do, on things some of which have an ARN that only AWS knows.

use std::collections::BTreeMap;

use payment_platform_engine::{Ref, Up};
use serde::Serialize;

use crate::aws::kms::Key;
use crate::aws::policy::{PolicyDocument, Statement};
use crate::aws::secretsmanager::Secret;

/// A policy before all ARNs in it are known.
#[derive(Clone, Serialize)]
pub struct RolePolicy(BTreeMap<String, Grant>);

/// A statement, and the things of the platform that it is for besides the resources that it names.
#[derive(Clone, Serialize)]
pub struct Grant {
    pub statement: Statement,
    pub on: Vec<Thing>,
}

/// A thing whose ARN AWS gives.
#[derive(Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Thing {
    Key(Ref<Key>),
    Secret(Ref<Secret>),
}

impl RolePolicy {
    /// A policy of these statements, each with its Sid.
    pub fn of<'a>(grants: impl IntoIterator<Item = (&'a str, Grant)>) -> Self {
        Self(grants.into_iter().map(|(sid, grant)| (sid.to_owned(), grant)).collect())
    }

    /// The policy as far as ARNs are known, with holes in the place of the others.
    pub(super) fn document(&self, up: &Up<'_>) -> PolicyDocument {
        let statements = self.0.iter().map(|(sid, grant)| {
            let mut statement = grant.statement.clone();
            statement.resources.extend(grant.on.iter().map(|thing| thing.arn(up)));
            (sid.as_str(), statement)
        });
        PolicyDocument::of(statements)
    }
}

impl Grant {
    /// A statement that names all its resources itself.
    pub fn plain(statement: Statement) -> Self {
        Self { statement, on: Vec::new() }
    }

    /// `actions` on these things.
    pub fn on(actions: &[&str], things: impl IntoIterator<Item = Thing>) -> Self {
        Self { statement: Statement::on(actions, []), on: things.into_iter().collect() }
    }
}

impl Thing {
    fn arn(&self, up: &Up<'_>) -> String {
        match self {
            Self::Key(key) => up.text(key, "arn:aws:kms:", |key| &key.arn),
            Self::Secret(secret) => up.text(secret, "arn:aws:secretsmanager:", |secret| &secret.arn),
        }
    }
}
