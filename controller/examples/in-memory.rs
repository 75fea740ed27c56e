//! The daemon with platforms in memory: what the engine, the daemon and the Kubernetes API take for a thousand of them, which no
//! emulator of AWS can carry. `make bench` starts it (PLATFORMS_IN_MEMORY).
//!
//! The platform of the object named [`TEMPLATE`] is built and looked at on AWS, or what AWS_ENDPOINT_URL names. Every other one has
//! the same shape: its things are kept here as they were asked for, and offer to each other what the template's things offer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use clap::Parser;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use payment_platform_api::Platform;
use payment_platform_controller::aws::Aws;
use payment_platform_controller::aws::autoscaling::ScalingPolicies;
use payment_platform_controller::cli::{self, Cli};
use payment_platform_controller::platform::desired;
use payment_platform_controller::scope::{Catalogue, Sweep};
use payment_platform_engine::outputs::AnyOutput;
use payment_platform_engine::resource::{AnyFields, AnyFound, AnyResource, Effect, Wish};
use payment_platform_engine::{
    Change, Claim, Class, CloudError, Context, Graph, Kind, Look, NodeId, Outputs, Owner, Pending, Region, Resource,
};

/// Name and environment of the platform that is on AWS.
const TEMPLATE: &str = "template";

#[derive(Default)]
struct Memory {
    /// By region and kind, then by id.
    things: HashMap<(Region, &'static str), BTreeMap<String, AnyFound>>,
    /// What the template's things offer.
    offered: HashMap<NodeId, Arc<dyn AnyOutput>>,
}

static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);

fn memory() -> MutexGuard<'static, Memory> {
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tokio::main]
async fn main() -> ExitCode {
    let catalogue = Catalogue { desired: wanted, sweep };
    match cli::run_with(Cli::parse(), catalogue).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn wanted(platform: &Platform, owner: &Owner) -> Graph<Aws> {
    let graph = desired(platform, owner);
    if platform.environment == TEMPLATE {
        return graph;
    }
    let environment = &platform.environment;
    graph.map(|node, resource| {
        let template = NodeId { name: node.name.replace(environment, TEMPLATE), ..node.clone() };
        let claim = Claim { owner: owner.clone(), node: node.clone(), kept: None };
        Arc::new(InMemory { resource, environment: environment.clone(), claim, template })
    })
}

/// A thing that is made here and not on AWS.
struct InMemory {
    resource: Arc<dyn AnyResource<Aws>>,
    environment: String,
    claim: Claim,
    /// The node of the template that stands where this one does.
    template: NodeId,
}

/// What is looked up by names with the environment in them, with this one's in the place of the template's.
fn named(output: Arc<dyn AnyOutput>, environment: &str) -> Arc<dyn AnyOutput> {
    let Some(policies) = output.as_any().downcast_ref::<<ScalingPolicies as Resource>::Output>() else { return output };
    let text = serde_json::to_string(policies).unwrap_or_default().replace(TEMPLATE, environment);
    match serde_json::from_str::<<ScalingPolicies as Resource>::Output>(&text) {
        Ok(own) => Arc::new(own),
        Err(_) => output,
    }
}

impl InMemory {
    fn keep(&self, cloud_id: String, fields: &Arc<dyn AnyFields>) -> Result<Effect, CloudError> {
        let mut memory = memory();
        let Some(output) = memory.offered.get(&self.template).cloned() else {
            return Err(CloudError::new(Class::NotYet, "memory", "NoTemplate", "the template has no such thing yet"));
        };
        let output = named(output, &self.environment);
        let found = AnyFound {
            claim: Some(self.claim.clone()),
            name: self.resource.unique_name(),
            name_fits: true,
            cloud_id: cloud_id.clone(),
            uses: Vec::new(),
            fields: Ok(fields.clone()),
            output: Some(output.clone()),
            busy: None,
            unready: None,
            leaving: false,
            created: None,
        };
        let place = (self.claim.node.region.clone(), self.resource.kind().name);
        memory.things.entry(place).or_default().insert(cloud_id.clone(), found);
        Ok(Effect { cloud_id: Some(cloud_id), output: Some(output), waiting: None })
    }
}

impl AnyResource<Aws> for InMemory {
    fn kind(&self) -> Kind<Aws> {
        self.resource.kind()
    }

    fn json(&self) -> serde_json::Value {
        self.resource.json()
    }

    fn unique_name(&self) -> Option<String> {
        self.resource.unique_name()
    }

    fn wish(&self, outputs: &Outputs, seen: Option<&dyn AnyFields>) -> Result<Wish, Pending> {
        self.resource.wish(outputs, seen)
    }

    fn create(
        &self,
        want: &Arc<dyn AnyFields>,
        context: Context<Aws>,
    ) -> BoxFuture<'static, Result<Effect, CloudError>> {
        ready(self.keep(context.token, want)).boxed()
    }

    fn update(
        &self,
        want: &Arc<dyn AnyFields>,
        _now: &dyn AnyOutput,
        _changes: Vec<Change>,
        _context: Context<Aws>,
    ) -> BoxFuture<'static, Result<Effect, CloudError>> {
        let place = (self.claim.node.region.clone(), self.resource.kind().name);
        let own = |found: &AnyFound| found.claim.as_ref() == Some(&self.claim);
        let id =
            memory().things.get(&place).and_then(|things| Some(things.values().find(|one| own(one))?.cloud_id.clone()));
        let gone = || CloudError::new(Class::NotFound, "memory", "NotFound", "there is no such thing");
        ready(id.ok_or_else(gone).and_then(|id| self.keep(id, want))).boxed()
    }
}

/// What is on AWS, and what is here.
fn sweep(kind: Kind<Aws>, aws: Arc<Aws>, look: Look) -> Sweep {
    let here: Vec<AnyFound> = {
        let memory = memory();
        let things = memory.things.get(&(aws.region.clone(), kind.name));
        let asked = |id: &String| match &look {
            Look::All => true,
            Look::Ids(ids) => ids.contains(id),
        };
        things.into_iter().flatten().filter(|(id, _)| asked(id)).map(|(_, found)| found.clone()).collect()
    };
    let known: BTreeSet<&String> = here.iter().map(|found| &found.cloud_id).collect();
    let there = match look {
        Look::All => Some(Look::All),
        Look::Ids(ids) => Some(ids.into_iter().filter(|id| !known.contains(id)).collect::<Vec<_>>())
            .filter(|ids| !ids.is_empty())
            .map(Look::Ids),
    };
    async move {
        let Some(there) = there else { return Ok(here) };
        let found = (kind.sweep)(aws, there).await?;
        for found in &found {
            if let (Some(claim), Some(output)) = (&found.claim, &found.output) {
                memory().offered.insert(claim.node.clone(), output.clone());
            }
        }
        Ok(here.into_iter().chain(found).collect())
    }
    .boxed()
}
