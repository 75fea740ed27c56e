//! One pass over one platform: resolve, desired, look, plan, execute. Everything up to the plan writes nothing and is
//! what `plan` on the command line runs too.

mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use k8s_openapi::jiff::Timestamp;
use payment_platform_api::database::Ordered;
use payment_platform_api::platform::only_endpoints;
use payment_platform_api::spec::{self, DeletionPolicy, DriftPolicy};
use payment_platform_api::status::{Approval, Scope as RecordedScope};
use payment_platform_api::{Facts, Invalid, PaymentPlatformSpec, PaymentPlatformStatus, Platform};
use payment_platform_engine::execute::{Pass, execute};
use payment_platform_engine::inventory::{Identity as OwnIdentity, Inventory, Observation, Reread};
use payment_platform_engine::plan::{Options, Step, plan};
use payment_platform_engine::{CloudError, Entry, Graph, Memory, NodeId, Owner, Plan, Region, Report};
use payment_platform_engine::{Exception, Hold};
use sha2::{Digest, Sha256};

pub use self::state::State;
use crate::aws::cloudfront::OWNER_CHARACTERS;
use crate::aws::{Aws, KINDS, rds};
use crate::quota::{self, Exceeded};
use crate::scope::{Ages, Login, Scope, Scopes, Session};
use crate::surroundings;

/// How passes behave; all of these are flags.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a read may lag behind a write.
    pub consistency_window: Duration,
    /// How many steps of one platform run at once.
    pub width: usize,
    /// Corrections of one node within `contest_window` after which somebody evidently changes it back each time.
    pub contested_after: usize,
    /// How long a correction counts.
    pub contest_window: Duration,
    /// How much later each further correction of a contested node comes.
    pub contested_pause: Duration,
    /// How long AWS may be at work on a node, whatever its kind. None: as long as its kind says.
    pub deadline: Option<Duration>,
}

/// What a pass is about.
#[derive(Clone)]
pub struct Subject {
    pub owner: Owner,
    /// None: the spec does not parse; only deletion is possible.
    pub spec: Option<PaymentPlatformSpec>,
    pub status: PaymentPlatformStatus,
    /// UIDs of earlier objects whose things are taken over.
    pub takes_over: BTreeSet<String>,
    /// Nodes that take over what bears their name without any tags of ours.
    pub adopts: BTreeSet<NodeId>,
    /// The plan that somebody has approved, by its hash.
    pub approved_hash: Option<String>,
    /// The time that exceptions are measured by.
    pub now: Timestamp,
    /// The principal that key policies name, when it is not to be that of the credentials in use.
    pub principal_arn: Option<String>,
    pub mode: Mode,
}

impl Subject {
    /// Whether somebody has approved exactly this, or it is what is left of something approved before.
    fn has_approved(&self, asked: &Approval) -> bool {
        let earlier = self.status.approved.as_ref();
        self.approved_hash.as_ref() == Some(&asked.hash)
            || earlier.is_some_and(|earlier| asked.changes.iter().all(|change| earlier.changes.contains(change)))
    }

    fn is_deleted(&self) -> bool {
        matches!(self.mode, Mode::Delete { .. })
    }
}

/// What the pass may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    Keep,
    /// Look and report, write nothing.
    Paused,
    /// Delete everything but, when asked, what holds data.
    Delete {
        keep_data: bool,
    },
}

/// Why there is no plan at all.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Invalid>),
    #[error("cannot find out who the credentials belong to: {0}")]
    Identity(Box<CloudError>),
    #[error("cannot find out which zones {region} has: {error}")]
    Zones { region: String, error: Box<CloudError> },
    #[error(
        "cannot find out which prefix list S3 has in {region}, which securityGroups.taskEgress EndpointsOnly needs: {error}"
    )]
    PrefixList { region: String, error: Box<CloudError> },
    #[error("cannot find out which version the database is to have ({class}): {error}")]
    Versions { class: String, error: Box<CloudError> },
    #[error(
        "namespace and name of the object have {characters} characters together, and at most {OWNER_CHARACTERS} fit into \
         the comments by which things of CloudFront say whose they are; make the object again under a shorter name"
    )]
    LongName { characters: usize },
    #[error(
        "this object has resources in account {was}, but the credentials are now those of account {now}; restore the \
         credentials (or aws.assumeRoleArn) of account {was}"
    )]
    AccountChanged { was: String, now: String },
}

/// Everything known before the first write.
pub struct Prepared {
    /// None when deleting.
    pub platform: Option<Platform>,
    pub account_id: String,
    pub login: Login,
    pub graph: Graph<Aws>,
    pub observation: Observation,
    pub plan: Plan,
    pub options: Options,
    /// What waits for approval and is not in the plan.
    pub approval: Option<Approval>,
    /// What was approved and is in the plan.
    pub accepted: Option<Approval>,
    /// What works and still deserves a look, in the spec and in what the platform uses; each without its full stop.
    pub warnings: Vec<String>,
    scopes: BTreeMap<Region, Arc<Scope>>,
    uid: String,
}

impl Prepared {
    /// For a deletion: how long it is still too early to believe that nothing is left. Reads may lag behind what this
    /// process wrote last, and behind what the process before it wrote.
    pub fn unsettled(&self, state: &State, window: Duration) -> Option<Duration> {
        let memory = &state.memory;
        let written = memory.nodes.values().filter_map(|known| known.written).max();
        let since = written.max(memory.watching_since)? + window;
        let now = Instant::now();
        (now < since).then(|| since.duration_since(now))
    }

    /// Where the platform has or will have resources, for `status.scopes`: what is recorded, and what is new.
    pub fn recorded_scopes(&self, recorded: &[RecordedScope]) -> Vec<RecordedScope> {
        let mut scopes = recorded.to_vec();
        for region in self.scopes.keys() {
            let scope = RecordedScope {
                account_id: self.account_id.clone(),
                region: region.to_string(),
                assume_role_arn: self.login.role_arn.clone(),
                external_id: self.login.external_id.clone(),
            };
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes
    }
}

/// The login that a spec asks for.
pub fn login(spec: Option<&PaymentPlatformSpec>, recorded: &[RecordedScope]) -> Login {
    match (spec, recorded.first()) {
        (Some(spec), _) => Login {
            role_arn: spec.aws.as_ref().and_then(|aws| aws.assume_role_arn.clone()),
            external_id: spec.aws.as_ref().and_then(|aws| aws.external_id.clone()),
        },
        (None, Some(scope)) => {
            Login { role_arn: scope.assume_role_arn.clone(), external_id: scope.external_id.clone() }
        }
        (None, None) => Login::default(),
    }
}

/// Looks and plans. Writes nothing.
pub async fn prepare(
    scopes: &Scopes,
    subject: &Subject,
    state: &mut State,
    ages: Ages,
    limits: Limits,
) -> Result<Prepared, Refusal> {
    let login = login(subject.spec.as_ref(), &subject.status.scopes);
    let session = scopes.session(&login).await;
    let home = home_region(subject);
    let identity = scopes.identity(&session, &home).await;
    let identity = identity.map_err(|error| Refusal::Identity(error.into()))?;
    let others = subject.status.scopes.iter().find(|scope| scope.account_id != identity.account_id);
    if let Some(scope) = others {
        return Err(Refusal::AccountChanged { was: scope.account_id.clone(), now: identity.account_id });
    }
    let mut regions: BTreeSet<Region> = subject.status.scopes.iter().map(|scope| Region::new(&scope.region)).collect();
    let mut facts = facts(scopes, &session, &identity, &home, subject).await?;
    // What is asked for, with all that it lowers; what waits for approval is put back to what is in force below.
    facts.approved = true;
    let (mut platform, mut graph) = wanted(scopes, subject, &facts)?;
    regions.extend(graph.nodes().iter().map(|node| node.id.region.clone()));
    let places = open(scopes, &session, &identity, regions).await;
    // Where it is not known which region was the own one nothing may be overlooked.
    let own_region = Some(&home).filter(|_| subject.spec.is_some() || subject.status.resolved.is_some());
    let remarks = async {
        match &platform {
            Some(platform) => surroundings::remarks(scopes, &session, &identity, platform, ages.slow).await,
            None => Vec::new(),
        }
    };
    let look = look(&places, own_region, &graph, &state.memory, ages, limits.consistency_window);
    let (inventory, remarks) = join(look, remarks).await;
    let seen = |graph: &Graph<Aws>, platform: Option<&Platform>, state: &mut State, approved: BTreeSet<NodeId>| {
        judge(&inventory, graph, platform, subject, state, limits, approved)
    };
    let mut judged = seen(&graph, platform.as_ref(), state, BTreeSet::new());
    let asked = asked(subject, platform.as_ref(), &judged.plan);
    let accepted = asked.as_ref().filter(|asked| subject.has_approved(asked)).cloned();
    match (&asked, &accepted) {
        (Some(_), Some(_)) => {
            let nodes = losses(&judged.plan).map(|(node, _)| node.clone()).collect();
            judged = seen(&graph, platform.as_ref(), state, nodes);
        }
        (Some(_), None) if platform.as_ref().is_some_and(|platform| !platform.lowered.is_empty()) => {
            facts.approved = false;
            (platform, graph) = wanted(scopes, subject, &facts)?;
            judged = seen(&graph, platform.as_ref(), state, BTreeSet::new());
        }
        _ => {}
    }
    for (place, ids) in inventory.confirmed(&judged.plan, &state.memory) {
        if let (Some(scope), Some(reread)) = (places.get(&place.0), inventory.rereads.get(&place)) {
            scope.take_over(place.1, &ids, &reread.look).await;
        }
    }
    let approval = asked.filter(|_| accepted.is_none());
    for node in &judged.observation.vanished {
        state.memory.forget(node);
    }
    let mut warnings = platform.as_ref().map(|platform| platform.warnings(subject.now)).unwrap_or_default();
    warnings.extend(remarks);
    let Judged { observation, plan, options } = judged;
    let (uid, account_id) = (subject.owner.uid.clone(), identity.account_id);
    Ok(Prepared {
        platform,
        account_id,
        login,
        graph,
        observation,
        plan,
        options,
        approval,
        accepted,
        warnings,
        scopes: places,
        uid,
    })
}

/// What resolution needs from AWS. An object that is being deleted or does not parse needs nothing.
async fn facts(
    scopes: &Scopes,
    session: &Session,
    identity: &crate::scope::Identity,
    home: &str,
    subject: &Subject,
) -> Result<Facts, Refusal> {
    if subject.spec.is_none() || subject.is_deleted() {
        return Ok(Facts::default());
    }
    let scope = scopes.scope(session, identity, &Region::new(home)).await;
    let pinned = subject.status.resolved.as_ref().is_some_and(|resolved| !resolved.zones.is_empty());
    let zones = match scope.zones().await {
        Ok(zones) => zones,
        // What is in use is known: no reason to stop keeping it.
        Err(error) if pinned => {
            tracing::warn!(%error, region = home, "Could not find out which zones there are.");
            &[]
        }
        Err(error) => return Err(Refusal::Zones { region: home.to_owned(), error: error.into() }),
    };
    let known = subject.status.resolved.as_ref().and_then(|resolved| resolved.s3_prefix_list.clone());
    let s3_prefix_list = match known {
        None if subject.spec.as_ref().is_some_and(only_endpoints) => {
            let list = scope.s3_prefix_list().await;
            Some(list.map_err(|error| Refusal::PrefixList { region: home.to_owned(), error: error.into() })?)
        }
        known => known,
    };
    let ordered = Ordered::of(subject.spec.as_ref().and_then(|spec| spec.database.as_ref()));
    let recorded = subject.status.resolved.as_ref().and_then(|resolved| resolved.database_engine_version.as_ref());
    let running = async {
        // What runs stays, also where it is not known any more what was decided.
        let environment = subject.spec.as_ref().filter(|_| recorded.is_none()).map(|spec| &spec.environment);
        match environment {
            Some(environment) => rds::running(&scope.aws, ordered.engine, environment, &subject.owner.name).await,
            None => Ok(None),
        }
    };
    let (offers, running) = join(scope.offers(&ordered), running).await;
    let unknown = |error: CloudError| Refusal::Versions { class: ordered.class.clone(), error: error.into() };
    let database_running = running.map_err(unknown)?;
    let database_offers = match offers {
        Ok(offers) => Some(offers),
        // The version in use is known.
        Err(error) if recorded.is_some() => {
            tracing::warn!(%error, region = home, class = ordered.class, "Could not find out which database versions are offered.");
            None
        }
        Err(error) => return Err(unknown(error)),
    };
    Ok(Facts {
        account_id: identity.account_id.clone(),
        principal_arn: subject.principal_arn.clone().unwrap_or_else(|| identity.principal_arn.clone()),
        zones: zones.to_vec(),
        s3_prefix_list,
        database_offers,
        database_running,
        decided: subject.status.resolved.clone(),
        earlier_tag_keys: subject.status.tag_keys.iter().cloned().collect(),
        approved: false,
    })
}

/// What is to exist: nothing when the object is being deleted.
fn wanted(scopes: &Scopes, subject: &Subject, facts: &Facts) -> Result<(Option<Platform>, Graph<Aws>), Refusal> {
    let Some(spec) = subject.spec.as_ref().filter(|_| !subject.is_deleted()) else {
        return Ok((None, Graph::default()));
    };
    let characters = subject.owner.name.len();
    if characters > OWNER_CHARACTERS {
        return Err(Refusal::LongName { characters });
    }
    let platform = Platform::resolve(spec, facts).map_err(Refusal::Invalid)?;
    let graph = scopes.desired(&platform, &subject.owner);
    Ok((Some(platform), graph))
}

/// What was seen and what shall be done.
struct Judged {
    observation: Observation,
    plan: Plan,
    options: Options,
}

fn judge(
    inventory: &Inventory,
    graph: &Graph<Aws>,
    platform: Option<&Platform>,
    subject: &Subject,
    state: &mut State,
    limits: Limits,
    approved: BTreeSet<NodeId>,
) -> Judged {
    let own = OwnIdentity {
        owner: subject.owner.clone(),
        label: platform.map(|platform| platform.environment.clone()),
        takes_over: subject.takes_over.clone(),
        adopts: subject.adopts.clone(),
    };
    let observation = inventory.observe(graph, &KINDS, &own, &state.memory, limits.consistency_window);
    let exceptions = platform.map_or(&[][..], |platform| &platform.exceptions);
    let options = Options {
        hold: (subject.mode == Mode::Paused).then(|| Hold::Platform("reconciliation is paused".to_owned())),
        observe: platform.is_some_and(|platform| platform.drift_policy == DriftPolicy::Observe),
        deleting: subject.is_deleted(),
        keep_data: subject.mode == Mode::Delete { keep_data: true },
        settling: observation.settling.clone(),
        contested: state.contested(Instant::now(), limits),
        exceptions: in_force(exceptions, subject.now),
        approved,
        uid: subject.owner.uid.clone(),
        deletes_data: platform.is_some_and(|platform| platform.deletion_policy == DeletionPolicy::Delete),
    };
    let plan = plan(graph, &observation, &state.memory, &KINDS, &options);
    Judged { observation, plan, options }
}

/// The exceptions that have not ended.
fn in_force(exceptions: &[spec::Exception], now: Timestamp) -> Vec<Exception> {
    let in_force = exceptions.iter().filter(|one| one.until.parse::<Timestamp>().is_ok_and(|until| now < until));
    let exceptions = in_force.filter_map(|one| {
        let spec::Exception { node, path, reason, until } = one.clone();
        Some(Exception { node: node.parse().ok()?, path, reason, until })
    });
    exceptions.collect()
}

/// Nodes whose data the plan would lose, and how.
fn losses(plan: &Plan) -> impl Iterator<Item = (&NodeId, &Hold)> {
    plan.steps.iter().filter_map(|planned| match &planned.step {
        Step::Hold(hold @ (Hold::WouldLoseData { .. } | Hold::HoldsData | Hold::WouldKeepLess { .. })) => {
            Some((&planned.node, hold))
        }
        _ => None,
    })
}

/// What lowers protection or retention, or would lose data, if anything does; with the hash that approves it, of this
/// object and once.
fn asked(subject: &Subject, platform: Option<&Platform>, plan: &Plan) -> Option<Approval> {
    let lowered = platform.iter().flat_map(|platform| platform.lowered.iter().map(ToString::to_string));
    let lost = losses(plan).map(|(node, hold)| format!("{node}: {hold}"));
    let changes: Vec<String> = lowered.chain(lost).collect();
    if changes.is_empty() {
        return None;
    }
    let used = subject.status.approvals_used.unwrap_or_default();
    let text = format!("{}\n{used}\n{}", subject.owner.uid, changes.join("\n"));
    let hash = hex::encode(&Sha256::digest(text)[..6]);
    Some(Approval { hash, changes })
}

/// Holds all creations of a plan that the account's quotas have no room for, and says which; repairs go on. A quota
/// that cannot be read is left to AWS to enforce.
pub async fn check_quotas(prepared: &mut Prepared) -> Vec<Exceeded> {
    let mut all = Vec::new();
    for scope in prepared.scopes.values() {
        match quota::exceeded(&scope.aws, &prepared.plan).await {
            Ok(exceeded) => all.extend(exceeded),
            Err(error) => tracing::warn!(%error, "The quotas cannot be checked."),
        }
    }
    if !all.is_empty() {
        let text = all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        prepared.plan.hold_creations(&Hold::Quota(text));
    }
    all
}

/// Carries out the plan and remembers what came of it.
pub async fn carry_out(
    prepared: &Prepared,
    state: &mut State,
    limits: Limits,
    progress: impl Fn(&Entry) + Send + Sync,
) -> Report {
    let clouds = prepared.scopes.iter().map(|(region, scope)| (region.clone(), scope.aws.clone())).collect();
    let memory = state.memory.clone();
    let pass = Pass {
        graph: &prepared.graph,
        observation: &prepared.observation,
        memory: &memory,
        kinds: &KINDS,
        options: &prepared.options,
        clouds: &clouds,
        uid: &prepared.uid,
        width: limits.width,
    };
    let mut report = execute(&prepared.plan, &pass, progress).await;
    let now = Instant::now();
    state.learn(&report, now);
    state.wait(&mut report, now, limits);
    for entry in report.entries.iter().filter(|entry| entry.written.is_some()) {
        if let (Some(scope), Some(id)) = (prepared.scopes.get(&entry.node.region), &entry.cloud_id) {
            scope.aws.tags_read.forget_thing(id);
        }
    }
    report
}

fn home_region(subject: &Subject) -> String {
    let from_spec = subject.spec.as_ref().and_then(|spec| spec.aws.as_ref()?.region.clone());
    let recorded = || subject.status.resolved.as_ref().map(|resolved| resolved.region.clone());
    from_spec.or_else(recorded).unwrap_or_else(|| "us-east-1".to_owned())
}

async fn open(
    scopes: &Scopes,
    session: &Session,
    identity: &crate::scope::Identity,
    regions: BTreeSet<Region>,
) -> BTreeMap<Region, Arc<Scope>> {
    let mut open = BTreeMap::new();
    for region in regions {
        let scope = scopes.scope(session, identity, &region).await;
        open.insert(region, scope);
    }
    open
}

/// Looks as far as the ages ask, and reads again what was written since or did not show.
async fn look(
    scopes: &BTreeMap<Region, Arc<Scope>>,
    own_region: Option<&String>,
    graph: &Graph<Aws>,
    memory: &Memory,
    ages: Ages,
    window: Duration,
) -> Inventory {
    let mut inventory = Inventory::default();
    for looks in join_all(
        scopes
            .iter()
            .map(|(region, scope)| scope.look(region, own_region.is_none_or(|own| own == region.as_str()), ages)),
    )
    .await
    {
        inventory.looks.extend(looks);
    }
    let doubts = inventory.doubts(graph, memory, &KINDS, Instant::now(), window);
    for (region, scope) in scopes {
        let kinds = doubts.places.iter().filter(|(place, _)| place == region).map(|(_, kind)| *kind);
        for (kind, look) in scope.look_again(kinds).await {
            inventory.looks.insert((region.clone(), kind), look);
        }
    }
    let reads = doubts.ids.into_iter().filter_map(|(place, asked)| {
        let scope = scopes.get(&place.0)?;
        let kind = KINDS.iter().find(|kind| kind.name == place.1)?;
        Some(async move {
            let look = scope.read(kind, asked.iter().cloned().collect()).await;
            (place, Reread { asked, look })
        })
    });
    inventory.rereads.extend(join_all(reads).await);
    for (place, reread) in &inventory.rereads {
        if let Some(scope) = scopes.get(&place.0) {
            scope.take_over(place.1, &settled(reread, memory, window), &reread.look).await;
        }
    }
    inventory
}

/// The ids of a read that was late enough to show what was written last: the shared look may take it over.
fn settled(reread: &Reread, memory: &Memory, window: Duration) -> BTreeSet<String> {
    let unsettled =
        memory.nodes.values().filter(|known| known.written.is_some_and(|written| reread.look.began < written + window));
    let unsettled: BTreeSet<&String> = unsettled.filter_map(|known| known.cloud_id.as_ref()).collect();
    reread.asked.iter().filter(|id| !unsettled.contains(id)).cloned().collect()
}
