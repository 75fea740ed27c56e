//! Runs passes as the daemon does: look, read again what is in doubt, observe, plan, execute, learn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use payment_platform_engine::execute::{Pass, execute};
use payment_platform_engine::inventory::{Identity, Inventory, KindLook, Place, Reread};
use payment_platform_engine::plan::{Options, Plan, plan};
use payment_platform_engine::{Graph, Kind, Look, Memory, Outcome, Owner, Ref, Region, Report};

use crate::cloud::Cloud;
use crate::kinds::{Box, Item, KINDS, Vault};

/// Short, so that tests of it need not wait.
pub const WINDOW: Duration = Duration::from_millis(20);

/// Waits until what was written is old enough to be believed absent.
pub fn let_the_window_pass() {
    #[allow(clippy::disallowed_methods, reason = "a plain thread, no runtime")]
    std::thread::sleep(WINDOW);
}

pub struct Driver {
    pub cloud: Arc<Cloud>,
    pub memory: Memory,
    pub identity: Identity,
    pub options: Options,
    pub region: Region,
    /// What all passes see first, as long as it is set: a look that other platforms share and that is not taken again.
    pub shared: Option<BTreeMap<Place, Arc<KindLook>>>,
}

pub fn owner() -> Owner {
    Owner { name: "ns/a".to_owned(), uid: "uid-1".to_owned() }
}

impl Driver {
    /// A controller that has just seen a new object.
    pub fn new() -> Self {
        Self::on(Arc::default())
    }

    pub fn on(cloud: Arc<Cloud>) -> Self {
        Self {
            cloud,
            memory: Memory::default(),
            identity: Identity { label: Some("label".to_owned()), ..Identity::new(owner()) },
            options: Options { uid: owner().uid, ..Options::default() },
            region: Region::new("r"),
            shared: None,
        }
    }

    /// From now on every pass begins with what is seen now.
    pub fn share_this_look(&mut self) {
        self.shared = Some(self.looks());
    }

    fn looks(&self) -> BTreeMap<Place, Arc<KindLook>> {
        let look = |kind: &Kind<Cloud>| {
            let began = Instant::now();
            let found = block_on((kind.sweep)(self.cloud.clone(), Look::All));
            ((self.region.clone(), kind.name), Arc::new(KindLook::new(began, found)))
        };
        KINDS.iter().map(look).collect()
    }

    /// The next controller: it knows nothing but what is on the cloud.
    pub fn restarted(&self) -> Self {
        let mut next = Self::on(self.cloud.clone());
        next.identity = self.identity.clone();
        next.memory.watching_since = Some(Instant::now());
        next
    }

    fn inventory(&self, graph: &Graph<Cloud>) -> Inventory {
        let looks = self.shared.clone().unwrap_or_else(|| self.looks());
        let mut inventory = Inventory { looks, ..Inventory::default() };
        for (place, asked) in inventory.doubts(graph, &self.memory, KINDS, Instant::now(), WINDOW).ids {
            let kind = KINDS.iter().find(|kind| kind.name == place.1).expect("a known kind");
            let began = Instant::now();
            let found = block_on((kind.sweep)(self.cloud.clone(), Look::Ids(asked.iter().cloned().collect())));
            inventory.rereads.insert(place, Reread { asked, look: Arc::new(KindLook::new(began, found)) });
        }
        inventory
    }

    /// Reads again, by id, everything that is remembered, and puts it into the shared look.
    pub fn read_again(&mut self) {
        let Some(shared) = &mut self.shared else { return };
        for kind in KINDS {
            let known = self.memory.nodes.iter().filter(|(node, _)| node.kind == kind.name);
            let ids: BTreeSet<String> = known.filter_map(|(_, known)| known.cloud_id.clone()).collect();
            let began = Instant::now();
            let found = block_on((kind.sweep)(self.cloud.clone(), Look::Ids(ids.iter().cloned().collect())));
            let place = (self.region.clone(), kind.name);
            if let Some(look) = shared[&place].with(&ids, &KindLook::new(began, found)) {
                shared.insert(place, Arc::new(look));
            }
        }
    }

    /// What must be read again by id.
    pub fn doubted(&self, graph: &Graph<Cloud>) -> usize {
        let inventory = Inventory { looks: self.shared.clone().unwrap_or_default(), ..Inventory::default() };
        inventory.doubts(graph, &self.memory, KINDS, Instant::now(), WINDOW).ids.values().map(BTreeSet::len).sum()
    }

    pub fn plan(&mut self, graph: &Graph<Cloud>) -> Plan {
        let observation = self.inventory(graph).observe(graph, KINDS, &self.identity, &self.memory, WINDOW);
        plan(graph, &observation, &self.memory, KINDS, &self.options)
    }

    pub fn pass(&mut self, graph: &Graph<Cloud>) -> Report {
        self.wide_pass(graph, 8)
    }

    pub fn wide_pass(&mut self, graph: &Graph<Cloud>, width: usize) -> Report {
        let inventory = self.inventory(graph);
        let observation = inventory.observe(graph, KINDS, &self.identity, &self.memory, WINDOW);
        self.options.settling = observation.settling.clone();
        for node in &observation.vanished {
            self.memory.forget(node);
        }
        let plan = plan(graph, &observation, &self.memory, KINDS, &self.options);
        for (place, ids) in inventory.confirmed(&plan, &self.memory) {
            let Some(shared) = &mut self.shared else { break };
            if let Some(look) = shared[&place].with(&ids, &inventory.rereads[&place].look) {
                shared.insert(place, Arc::new(look));
            }
        }
        let clouds = BTreeMap::from([(self.region.clone(), self.cloud.clone())]);
        let memory = self.memory.clone();
        let pass = Pass {
            graph,
            observation: &observation,
            memory: &memory,
            kinds: KINDS,
            options: &self.options,
            clouds: &clouds,
            uid: &self.identity.owner.uid,
            width,
        };
        let report = block_on(execute(&plan, &pass, |_| {}));
        self.memory.learn(&report);
        report
    }

    /// Passes until everything is as wanted.
    pub fn converge(&mut self, graph: &Graph<Cloud>) -> Report {
        for _ in 0..50 {
            let report = self.pass(graph);
            if report.is_converged() {
                return report;
            }
            let_the_window_pass();
        }
        panic!("it does not converge: {:#?}", self.cloud.contents());
    }
}

/// A box; three items in it, of which the later link to the earlier; a vault in it. `size`: of all but the box.
pub fn wanted(box_size: i64, size: i64) -> Graph<Cloud> {
    let mut graph = Graph::default();
    let region = Region::new("r");
    let boxed = graph.add("Boxes", &region, "box", Box { owner: owner(), size: box_size });
    add_items(&mut graph, &boxed, size);
    graph.add("Vaults", &region, "vault", Vault { owner: owner(), size, inside: boxed });
    graph
}

/// The items of [`wanted`].
pub fn add_items(graph: &mut Graph<Cloud>, boxed: &Ref<Box>, size: i64) {
    let region = Region::new("r");
    let mut item = |name: &str, links: Vec<Ref<Item>>| {
        graph.add("Items", &region, name, Item { owner: owner(), size, inside: boxed.clone(), links })
    };
    let a = item("a", vec![]);
    let b = item("b", vec![a.clone()]);
    item("c", vec![a, b]);
}

/// `wanted` without its items.
pub fn box_and_vault(size: i64) -> Graph<Cloud> {
    let mut graph = Graph::default();
    let region = Region::new("r");
    let boxed = graph.add("Boxes", &region, "box", Box { owner: owner(), size });
    graph.add("Vaults", &region, "vault", Vault { owner: owner(), size, inside: boxed });
    graph
}

/// What `wanted` looks like on the cloud.
pub fn built(box_size: i64, size: i64) -> Vec<String> {
    vec![
        format!("test/box box {box_size} 0"),
        format!("test/item a {size} 1"),
        format!("test/item b {size} 2"),
        format!("test/item c {size} 3"),
        format!("test/vault vault {size} 1"),
    ]
}

/// How the step of a node ended.
pub fn outcome(report: &Report, node: &str) -> Outcome {
    report.entries.iter().find(|entry| entry.node.name == node).expect("every node has an entry").outcome.clone()
}

/// Sets the size of a node's thing by hand.
pub fn resize(driver: &Driver, node: &str, size: i64) {
    let id = driver.cloud.ids(node).remove(0);
    driver.cloud.with(|state| {
        state.things.entry(id).and_modify(|thing| thing.size = size);
    });
}
