//! Every field of every kind, changed behind the controller's back: found, planned, recorded with before and after, put
//! right, and nothing else touched. What there is to change is read from the product (`plan --all`), so that a new field
//! without a row, or a reason in place of one, fails. In one round each thing is changed at most once.
//!
//! Rows are made by plain SDK calls that share no code with the product.

mod application;
mod coverage;
mod database;
mod edge;
mod keys;
mod mysql;
mod network;
mod repairs;
mod storage;
mod wipe;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::FutureExt;
use futures::future::BoxFuture;
use payment_platform_api::PaymentPlatformStatus;
use payment_platform_tests::aws::Account;
use payment_platform_tests::controller::{Controller, QUICK};
use payment_platform_tests::object::{Object, condition};
use serde_json::{Value, json};

use self::coverage::{Difference, all_covered, changes, tells};
use self::repairs::REPAIRS;
use crate::Scenario;
use crate::kinds;
use crate::settings::plan_of;
use crate::world::{Place, World, windows_away};

pub const ALL: &[(&str, Scenario)] = &[
    ("every_field_of_every_kind_changed_by_hand_is_put_right", |world| matrix(world).boxed()),
    ("every_field_of_the_optional_kinds_changed_by_hand_is_put_right", |world| of_optional_kinds(world).boxed()),
];

/// What somebody does to one element or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Changed,
    /// An element too many.
    Added,
    /// One too few.
    Removed,
}

/// A field and what happens to it. In a path `*` stands for a key that is not a field's name.
type Leaf = (&'static str, How);

/// One change to one thing.
struct Row {
    /// Kind and name, for example `ec2/vpc/main`.
    node: &'static str,
    leaves: &'static [Leaf],
    /// Other things that differ with it, such as the route table that a subnet moves to.
    beside: &'static [&'static str],
    change: Change,
}

type Change = for<'a> fn(&'a Scene<'a>) -> BoxFuture<'a, anyhow::Result<()>>;

impl Row {
    const fn new(node: &'static str, leaves: &'static [Leaf], change: Change) -> Self {
        Self { node, leaves, beside: &[], change }
    }

    const fn beside(self, beside: &'static [&'static str]) -> Self {
        Self { beside, ..self }
    }

    fn nodes(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.node).chain(self.beside.iter().copied())
    }

    fn kind(&self) -> &str {
        let mut slashes = self.node.match_indices('/').map(|(at, _)| at);
        slashes.nth(1).map_or(self.node, |at| &self.node[..at])
    }
}

/// What a row needs to know.
struct Scene<'a> {
    aws: &'a Account,
    /// The id of the row's own thing.
    id: String,
    ids: &'a BTreeMap<String, String>,
}

impl Scene<'_> {
    /// The id of another thing, by kind and name.
    fn id_of(&self, node: &str) -> anyhow::Result<&str> {
        let found = self.ids.iter().find(|(own, _)| own.split_once('/').is_some_and(|(_, own)| own == node));
        Ok(found.with_context(|| format!("no {node}"))?.1)
    }
}

/// Fields that nobody can change, or whose change is no drift: kind (or `*`), path and why.
struct Waiver {
    kind: &'static str,
    leaf: Leaf,
    why: &'static str,
}

const fn waived(kind: &'static str, path: &'static str, how: How, why: &'static str) -> Waiver {
    Waiver { kind, leaf: (path, how), why }
}

/// A little more than the consistency window of [`QUICK`].
const WINDOW: Duration = Duration::from_millis(1200);

/// The number of waivers. Raising it is a decision, to be reviewed as one.
const WAIVERS: usize = 148;

const OTHERS_TAGS: &str = "tags of others stay";

fn waivers() -> impl Iterator<Item = &'static Waiver> {
    const EVERYWHERE: &[Waiver] = &[waived("*", "tags.*", How::Added, OTHERS_TAGS)];
    let always =
        [application::WAIVERS, database::WAIVERS, edge::WAIVERS, keys::WAIVERS, network::WAIVERS, storage::WAIVERS];
    EVERYWHERE.iter().chain(always.into_iter().flatten()).chain(mysql::WAIVERS)
}

/// The rows of a platform whose spec asks for nothing special.
fn rows() -> Vec<&'static Row> {
    let kinds = [application::ROWS, database::ROWS, edge::ROWS, keys::ROWS, network::ROWS, storage::ROWS];
    kinds.into_iter().flatten().collect()
}

/// The rows in rounds: in each, one for every thing at most, and none that disturbs another.
fn rounds(rows: Vec<&'static Row>) -> Vec<Vec<&'static Row>> {
    let mut rounds: Vec<Vec<&'static Row>> = Vec::new();
    for row in rows {
        let apart = |other: &&Row| row.nodes().all(|node| other.nodes().all(|theirs| theirs != node));
        match rounds.iter_mut().find(|round| round.iter().all(apart)) {
            Some(round) => round.push(row),
            None => rounds.push(vec![row]),
        }
    }
    rounds
}

async fn matrix(world: Arc<World>) -> anyhow::Result<()> {
    ensure!(waivers().count() == WAIVERS, "{} waivers instead of {WAIVERS}", waivers().count());
    ensure!(waivers().all(|waiver| !waiver.why.is_empty()), "a waiver without a reason");
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    // All records of all rounds are kept.
    let flags = [QUICK, &["--drift-records=1000", "--drift-bytes=262144", "--contested-after=1000"]].concat();
    let _controller = Controller::start(&cluster, &world.emulator, &world.folder().join("matrix.log"), &flags)?;
    let client = cluster.client().await?;
    let pager = "arn:aws:sqs:us-east-1:999999999999:pager";
    let certificate = place.aws.acm.request_certificate().domain_name("payments.example.com");
    let certificate = certificate.subject_alternative_names("*.example.com").send().await?;
    let mut database = windows_away();
    database["instanceParameters"] = json!({"log_statement": "ddl"});
    let spec = place.spec(json!({"deletionPolicy": "Delete",
        "ingress": {"certificateArn": certificate.certificate_arn},
        "staticAssets": {"certificateArn": certificate.certificate_arn, "aliases": ["static.example.com"]},
        "database": database,
        "monitoring": {"subscriptions": [{"protocol": "sqs", "endpoint": pager}]}}));
    let object = Object::create(client, &place.namespace, "payments", spec).await?;
    object.ready().await?;
    let built = place.writes()?.len();
    let reasons: Vec<_> = waivers().filter(|waiver| !kinds::optional().contains(waiver.kind)).collect();
    all_covered(&steps(&place, &object, &["--all"]).await?.iter().collect::<Vec<_>>(), &rows(), &reasons)?;
    for (number, round) in rounds(rows()).into_iter().enumerate() {
        let writes = place.writes()?.len();
        turn(&place, &object, &round).await.with_context(|| format!("in round {number}"))?;
        ensure!(!world.emulator.is_ours() || place.writes()?.len() > writes, "nothing was written in round {number}");
    }
    place.wrote_only(built, &REPAIRS)?;
    let repaired = place.writes()?.len();
    all_deleted(&place, &object).await?;
    // A look in the middle of it may have seen a bucket's policy and no longer its public access block.
    let half_seen = ["CancelKeyDeletion", "EnableKey", "PutPublicAccessBlock"];
    let made_again = [&kinds::creation()[..], &half_seen, &["Subscribe"]].concat();
    place.wrote_nothing_but(repaired, &made_again)?;
    // It is still ours to delete, all of it.
    object.delete().await?;
    let after = place.aws.everything().await?;
    // The log group is RDS's own, of the log that a row had it export.
    let others = |one: &str| {
        one.contains("elsewhere-")
            || one.contains(" default.")
            || one == "log group /aws/rds/cluster/aurora-payment-prd/upgrade"
    };
    let left = after.iter().filter(|one| !before.contains(one) && !others(one));
    let left: Vec<&String> = left.collect();
    ensure!(left.is_empty(), "left: {left:?}");
    Ok(())
}

/// The same for what a platform has only if its spec asks for it: MySQL, and an identity that reads the bucket.
async fn of_optional_kinds(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let before = place.aws.everything().await?;
    let cluster = place.own_cluster().await?;
    let flags = [QUICK, &["--drift-records=1000", "--drift-bytes=262144", "--contested-after=1000"]].concat();
    let _controller = Controller::start(&cluster, &world.emulator, &world.folder().join("optional.log"), &flags)?;
    let mut database = windows_away();
    database["engine"] = json!("mysql");
    let spec = place.spec(json!({"deletionPolicy": "Delete", "database": database,
        "staticAssets": {"originAccess": "OriginAccessIdentity"}}));
    let object = Object::create(cluster.client().await?, &place.namespace, "payments", spec).await?;
    object.ready().await?;
    let built = place.writes()?.len();
    let all = steps(&place, &object, &["--all"]).await?;
    let optional = kinds::optional();
    let is_of = |step: &&Value| {
        let node = step["node"].as_str().unwrap_or_default();
        optional.iter().any(|kind| node.contains(&format!("/{kind}/")))
    };
    let own: Vec<&Value> = all.iter().filter(is_of).collect();
    ensure!(own.len() == optional.len(), "{} nodes of {optional:?}", own.len());
    let rows: Vec<&Row> = edge::OPTIONAL_ROWS.iter().chain(mysql::ROWS).collect();
    let reasons: Vec<_> = waivers().filter(|waiver| optional.contains(waiver.kind)).collect();
    all_covered(&own, &rows, &reasons)?;
    for (number, round) in rounds(rows).into_iter().enumerate() {
        turn(&place, &object, &round).await.with_context(|| format!("in round {number}"))?;
    }
    let repairs = [
        "AddTagsToResource",
        "ModifyDBInstance",
        "ModifyDBParameterGroup",
        "ModifyOptionGroup",
        "RemoveRoleFromDBInstance",
        "ResetDBParameterGroup",
        "StartDBInstance",
        "UpdateCloudFrontOriginAccessIdentity",
    ];
    place.wrote_only(built, &repairs)?;
    let repaired = place.writes()?.len();
    all_deleted(&place, &object).await?;
    let more = ["CancelKeyDeletion", "CreateCloudFrontOriginAccessIdentity", "EnableKey", "PutPublicAccessBlock"];
    place.wrote_nothing_but(repaired, &[&kinds::creation()[..], kinds::MYSQL[0], &more].concat())?;
    object.delete().await?;
    let after = place.aws.everything().await?;
    // The log group is RDS's own, of the log that a row had it export.
    let others =
        |one: &str| one.contains("elsewhere-") || one == "log group /aws/rds/instance/mysql-payment-prd/general";
    let left = after.iter().filter(|one| !before.contains(one) && !others(one));
    let left: Vec<&String> = left.collect();
    ensure!(left.is_empty(), "left: {left:?}");
    Ok(())
}

/// Deletes everything by hand while the platform is paused: all of it is recorded, and made again.
async fn all_deleted(place: &Place<'_>, object: &Object) -> anyhow::Result<()> {
    let (known, ids) = pause(object).await?;
    wipe::wipe(&place.aws, &ids).await.context("cannot delete everything by hand")?;
    object.annotate(payment_platform_api::PAUSED, None).await?;
    let made = |status: &PaymentPlatformStatus| {
        let open = status.drift.iter().any(|record| record.corrected_time.is_none());
        !open && is_ready(status) && status.drift.len() >= known + ids.len()
    };
    let status = object.until("made again", made).await?;
    let new = &status.drift[..status.drift.len() - known];
    let missing: Vec<&String> = ids.keys().filter(|node| new.iter().all(|record| record.node != **node)).collect();
    ensure!(missing.is_empty(), "deleted and not recorded: {missing:?}");
    let left = steps(place, object, &[]).await?;
    ensure!(left.is_empty(), "not made again: {}", json!(left));
    Ok(())
}

fn is_ready(status: &PaymentPlatformStatus) -> bool {
    condition(status, "Ready").is_some_and(|ready| ready.status == "True" && ready.reason != "Paused")
}

/// Pauses the platform; the number of drift records so far, and the inventory.
async fn pause(object: &Object) -> anyhow::Result<(usize, BTreeMap<String, String>)> {
    object.annotate(payment_platform_api::PAUSED, Some("true")).await?;
    let paused =
        |status: &PaymentPlatformStatus| condition(status, "Ready").is_some_and(|ready| ready.reason == "Paused");
    let status = object.until("paused", paused).await?;
    let ids = status.inventory.iter().map(|entry| (entry.node.clone(), entry.id.clone())).collect();
    Ok((status.drift.len(), ids))
}

/// The steps of a plan of the object with its status, as `kubectl get -o json` gives it.
async fn steps(place: &Place<'_>, object: &Object, more: &[&str]) -> anyhow::Result<Vec<Value>> {
    let manifest = serde_json::to_value(object.get().await?)?;
    let (code, text, errors) = plan_of(place, &manifest, &[&["-o", "json"], more].concat())?;
    ensure!(code == 0 || code == 2, "{code} {errors}");
    let plan: Value = serde_json::from_str(&text)?;
    Ok(plan["steps"].as_array().context("no steps")?.clone())
}

async fn turn(place: &Place<'_>, object: &Object, round: &[&'static Row]) -> anyhow::Result<()> {
    // What is seen within a window of the controller's own change may be older than that, and is no drift.
    tokio::time::sleep(WINDOW).await;
    let (known, ids) = pause(object).await?;
    for row in round {
        let scene = Scene { aws: &place.aws, id: String::new(), ids: &ids };
        let scene = Scene { id: scene.id_of(row.node)?.to_owned(), ..scene };
        (row.change)(&scene).await.with_context(|| format!("cannot change {}", row.node))?;
    }
    let changed: BTreeSet<&str> = round.iter().flat_map(|row| row.nodes()).collect();
    let own = |node: &str| changed.iter().any(|own| node.split_once('/').is_some_and(|(_, node)| node == *own));
    let planned = planned(place, object, round).await?;
    for step in &planned {
        ensure!(own(step["node"].as_str().unwrap_or_default()), "planned beyond what was changed: {step}");
    }
    ensure!(planned.len() == changed.len(), "planned {} instead of {changed:?}", json!(planned));
    let before = place.writes()?.len();

    object.annotate(payment_platform_api::PAUSED, None).await?;
    let done = |status: &PaymentPlatformStatus| {
        let new = &status.drift[..status.drift.len() - known];
        let found = |node: &&str| new.iter().any(|record| record.node.ends_with(*node));
        let corrected = new.iter().all(|record| record.corrected_time.is_some());
        corrected && is_ready(status) && changed.iter().all(found)
    };
    let status = match object.until("put right", done).await {
        Ok(status) => status,
        Err(error) => {
            let status = object.status().await?;
            let new = &status.drift[..status.drift.len() - known];
            let unseen = changed.iter().filter(|node| !new.iter().any(|record| record.node.ends_with(**node)));
            let unseen: Vec<_> = unseen.collect();
            let open = new.iter().filter(|record| record.corrected_time.is_none());
            let open: Vec<_> = open.map(|record| format!("{} {}", record.node, record.field)).collect();
            return Err(error.context(format!("not recorded: {unseen:?}; not corrected: {open:?}")));
        }
    };
    let new = &status.drift[..status.drift.len() - known];
    for row in round {
        let own = new.iter().filter(|record| record.node.ends_with(row.node));
        told_of(row, &own.map(Difference::from).collect::<Vec<_>>()).context("in the status")?;
    }
    let other = new.iter().find(|record| !own(&record.node));
    ensure!(other.is_none(), "recorded beyond what was changed: {other:?}");
    let left = steps(place, object, &[]).await?;
    ensure!(left.is_empty(), "not put right: {}", json!(left));
    let now: BTreeMap<_, _> = object.status().await?.inventory.into_iter().map(|one| (one.node, one.id)).collect();
    let touchable: Vec<&String> = ids.iter().chain(&now).filter(|(node, _)| own(node)).map(|(_, id)| id).collect();
    for write in &place.writes()?[before..] {
        let named = touchable.iter().any(|id| repairs::names(write, id));
        ensure!(named, "written beyond what was changed: {} {}", write.operation, write.params);
    }
    Ok(())
}

/// The steps of a plan in which every leaf of the round is told. What AWS is at work on is planned once it is done.
async fn planned(place: &Place<'_>, object: &Object, round: &[&'static Row]) -> anyhow::Result<Vec<Value>> {
    let mut tries = 0;
    loop {
        let planned = steps(place, object, &[]).await?;
        let told = round.iter().try_for_each(|row| {
            let step = planned.iter().find(|step| step["node"].as_str().is_some_and(|node| node.ends_with(row.node)));
            told_of(row, &changes(step.context("not planned")?)).context("in the plan")
        });
        tries += 1;
        match told {
            Ok(()) => return Ok(planned),
            Err(error) if tries == 10 => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Fails unless every leaf of a row is among these differences of its thing.
fn told_of(row: &Row, differences: &[Difference]) -> anyhow::Result<()> {
    for leaf in row.leaves {
        let told = differences.iter().any(|difference| tells(difference, *leaf));
        ensure!(told, "{}: nothing of {leaf:?}, only {differences:?}", row.node);
    }
    Ok(())
}
