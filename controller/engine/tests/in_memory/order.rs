//! Every order in which the calls of small graphs can end, two at a time: what is made and deleted never depends on it,
//! nothing begins before what it needs has ended, and nothing waits that could begin.
//!
//! Graphs are all partial orders of up to six nodes: an edge that follows from others changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::task::{Context as Task, Poll, Waker};
use std::time::{Duration, Instant};

use futures::future::poll_fn;
use futures::pin_mut;
use payment_platform_engine::diff::Change;
use payment_platform_engine::execute::{Pass, execute};
use payment_platform_engine::inventory::{Identity, Inventory, KindLook};
use payment_platform_engine::plan::{Options, plan};
use payment_platform_engine::resource::{Create, Delete};
use payment_platform_engine::{
    Claim, Class, CloudError, Context, Found, Graph, Kind, Look, Memory, Outcome, Owner, Pending, Progress, Ref,
    Region, Report, Resource, Up,
};
use serde::{Deserialize, Serialize};

use crate::driver::owner;

const WIDTH: usize = 2;

/// A cloud whose calls end when they are told to.
#[derive(Default)]
struct Yard(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    running: BTreeMap<String, Waker>,
    /// Told to end, and whether well.
    told: BTreeMap<String, bool>,
    /// What there is, and what it uses.
    things: BTreeMap<String, BTreeSet<String>>,
}

impl Yard {
    fn with<T>(&self, work: impl FnOnce(&mut Calls) -> T) -> T {
        work(&mut self.0.lock().expect("no test panics while it holds the yard"))
    }

    /// Runs until somebody tells this call to end.
    async fn told(&self, name: &str) -> Result<(), CloudError> {
        let well = poll_fn(|task: &mut Task<'_>| {
            self.with(|calls| match calls.told.remove(name) {
                Some(well) => {
                    calls.running.remove(name);
                    Poll::Ready(well)
                }
                None => {
                    calls.running.insert(name.to_owned(), task.waker().clone());
                    Poll::Pending
                }
            })
        });
        match well.await {
            true => Ok(()),
            false => Err(CloudError::new(Class::Denied, "yard:Call", "AccessDenied", "no")),
        }
    }
}

#[derive(Clone, Serialize)]
struct Brick {
    on: Vec<Ref<Brick>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Output {
    name: String,
}

impl Resource for Brick {
    const KIND: &'static str = "test/brick";
    const ACTIONS: &'static [&'static str] = &[];
    const CREATE: Create = Create::Idempotent;
    const DELETE: Delete = Delete::AfterItsUsers;

    type Cloud = Yard;
    type Fields = BTreeSet<String>;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, _seen: Option<&Self::Fields>) -> Result<Self::Fields, Pending> {
        self.on.iter().map(|below| Ok(up.get(below)?.name.clone())).collect()
    }

    async fn sweep(cloud: Arc<Yard>, _look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let found = |(name, on): (String, BTreeSet<String>)| Found {
            claim: Some(Claim {
                owner: Owner { name: owner().name, uid: owner().uid },
                node: payment_platform_engine::NodeId::new(&Region::new("r"), Self::KIND, &name),
                kept: None,
            }),
            name: None,
            name_fits: true,
            cloud_id: name.clone(),
            uses: on.iter().cloned().collect(),
            fields: Ok(on),
            output: Some(Output { name }),
            busy: None,
            unready: None,
            leaving: false,
            created: None,
        };
        Ok(cloud.with(|calls| calls.things.clone()).into_iter().map(found).collect())
    }

    async fn create(want: Self::Fields, cx: Context<Yard>) -> Result<Progress<Output>, CloudError> {
        let name = cx.node.name.clone();
        cx.cloud.with(|calls| {
            assert!(want.iter().all(|below| calls.things.contains_key(below)), "{name} is made before what it needs");
        });
        cx.cloud.told(&name).await?;
        cx.cloud.with(|calls| calls.things.insert(name.clone(), want));
        Ok(Progress::Done(Output { name }))
    }

    async fn update(
        _: Self::Fields,
        now: Output,
        _: Vec<Change>,
        _: Context<Yard>,
    ) -> Result<Progress<Output>, CloudError> {
        panic!("{} is changed", now.name)
    }

    async fn delete(name: String, cx: Context<Yard>) -> Result<Progress<()>, CloudError> {
        cx.cloud.with(|calls| {
            assert!(!calls.things.values().any(|on| on.contains(&name)), "{name} is deleted before its users");
        });
        cx.cloud.told(&name).await?;
        cx.cloud.with(|calls| calls.things.remove(&name));
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.name
    }
}

const KINDS: &[Kind<Yard>] = &[Kind::of::<Brick>()];

/// For each node the earlier ones that it needs.
type Needs = Vec<Vec<usize>>;

/// All partial orders of `count` nodes in which the earlier ones come first.
fn partial_orders(count: usize) -> Vec<Needs> {
    let pairs: Vec<(usize, usize)> = (0..count).flat_map(|node| (0..node).map(move |below| (node, below))).collect();
    let orders = (0..1_u32 << pairs.len()).map(|chosen| {
        let mut needs = vec![Vec::new(); count];
        for (bit, (node, below)) in pairs.iter().enumerate() {
            if chosen >> bit & 1 == 1 {
                needs[*node].push(*below);
            }
        }
        needs
    });
    let closed = |needs: &Needs| {
        needs.iter().all(|own| own.iter().all(|&below| needs[below].iter().all(|next| own.contains(next))))
    };
    orders.filter(closed).collect()
}

fn graph_of(needs: &Needs) -> Graph<Yard> {
    let mut graph = Graph::default();
    let mut refs: Vec<Ref<Brick>> = Vec::new();
    for (node, below) in needs.iter().enumerate() {
        let on = below.iter().map(|&below| refs[below].clone()).collect();
        refs.push(graph.add("Bricks", &Region::new("r"), node.to_string(), Brick { on }));
    }
    graph
}

/// Who ends next where two run: the path through all possibilities.
#[derive(Default)]
struct Path {
    choices: Vec<usize>,
    at: usize,
}

impl Path {
    fn choose(&mut self, among: usize) -> usize {
        if among < 2 {
            return 0;
        }
        if self.at == self.choices.len() {
            self.choices.push(0);
        }
        self.at += 1;
        self.choices[self.at - 1]
    }

    /// The next path; false when all were walked.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some(last) = self.choices.pop() {
            if last == 0 {
                self.choices.push(1);
                return true;
            }
        }
        false
    }
}

/// One pass whose calls end in the order of `path`. `may_begin` says whether what it needs has ended.
fn pass(
    yard: &Arc<Yard>,
    graph: &Graph<Yard>,
    options: &Options,
    path: &mut Path,
    fails: Option<&str>,
    may_begin: impl Fn(&str) -> bool,
) -> Report {
    let region = Region::new("r");
    let found = futures::executor::block_on((KINDS[0].sweep)(yard.clone(), Look::All));
    let looks = BTreeMap::from([((region.clone(), KINDS[0].name), Arc::new(KindLook::new(Instant::now(), found)))]);
    let inventory = Inventory { looks, ..Inventory::default() };
    let memory = Memory::default();
    let observation = inventory.observe(graph, KINDS, &Identity::new(owner()), &memory, Duration::ZERO);
    let plan = plan(graph, &observation, &memory, KINDS, options);
    let clouds = BTreeMap::from([(region, yard.clone())]);
    let (memory, uid) = (&memory, &owner().uid);
    let own =
        Pass { graph, observation: &observation, memory, kinds: KINDS, options, clouds: &clouds, uid, width: WIDTH };
    let run = execute(&plan, &own, |_| {});
    pin_mut!(run);
    let mut task = Task::from_waker(Waker::noop());
    let mut begun = BTreeSet::new();
    loop {
        if let Poll::Ready(report) = run.as_mut().poll(&mut task) {
            return report;
        }
        let running: Vec<String> = yard.with(|calls| calls.running.keys().cloned().collect());
        begun.extend(running.iter().cloned());
        assert!((1..=WIDTH).contains(&running.len()), "{running:?} run");
        if running.len() < WIDTH {
            let idle = plan.steps.iter().map(|planned| &planned.node.name);
            let idle: Vec<_> = idle.filter(|name| !begun.contains(*name) && may_begin(name)).collect();
            assert!(idle.is_empty(), "{idle:?} could begin beside {running:?}");
        }
        let ends = &running[path.choose(running.len())];
        let waker = yard.with(|calls| {
            calls.told.insert(ends.clone(), fails != Some(ends));
            calls.running.get(ends).cloned()
        });
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Walks every order of making one graph, then every order of deleting it. The number of orders.
fn walk(needs: &Needs, fails: Option<usize>) -> usize {
    let graph = graph_of(needs);
    let options = Options { uid: owner().uid, ..Options::default() };
    let fails = fails.map(|node| node.to_string());
    let below = |name: &str| -> Vec<String> {
        needs[name.parse::<usize>().expect("a number")].iter().map(usize::to_string).collect()
    };
    let (mut path, mut orders) = (Path::default(), 0);
    let made = loop {
        let yard = Arc::new(Yard::default());
        let made = |name: &String| yard.with(|calls| calls.things.contains_key(name));
        let report = pass(&yard, &graph, &options, &mut path, fails.as_deref(), |name| below(name).iter().all(made));
        for entry in &report.entries {
            let name = &entry.node.name;
            let stopped = fails.iter().any(|failed| below(name).contains(failed));
            match &entry.outcome {
                Outcome::Failed(_) => assert_eq!(fails.as_ref(), Some(name)),
                Outcome::Blocked { .. } => assert!(stopped, "{name} of {needs:?} is blocked"),
                outcome => assert!(*outcome == Outcome::Changed && !stopped, "{name} of {needs:?}: {outcome:?}"),
            }
        }
        assert_eq!(report.entries.len(), needs.len());
        orders += 1;
        if !path.advance() {
            break yard.with(|calls| calls.things.clone());
        }
    };
    orders + walk_deletion(needs, &made)
}

fn walk_deletion(needs: &Needs, made: &BTreeMap<String, BTreeSet<String>>) -> usize {
    let options = Options { uid: owner().uid, deleting: true, ..Options::default() };
    let (mut path, mut orders) = (Path::default(), 0);
    loop {
        let yard = Arc::new(Yard::default());
        yard.with(|calls| calls.things = made.clone());
        let unused = |name: &str| yard.with(|calls| !calls.things.values().any(|on| on.contains(name)));
        let report = pass(&yard, &Graph::default(), &options, &mut path, None, unused);
        assert_eq!(report.entries.len(), made.len());
        assert!(yard.with(|calls| calls.things.is_empty()), "left of {needs:?}");
        orders += 1;
        if !path.advance() {
            return orders;
        }
    }
}

#[test]
fn every_order_of_ending_of_up_to_five_nodes_whichever_fails() {
    let known = [1, 2, 7, 40, 357];
    for (count, expected) in (1..).zip(known) {
        let orders = partial_orders(count);
        assert_eq!(orders.len(), expected);
        for needs in &orders {
            assert!(walk(needs, None) >= 1);
            for node in 0..count {
                walk(needs, Some(node));
            }
        }
    }
}

#[test]
fn every_order_of_ending_of_six_nodes() {
    let orders = partial_orders(6);
    assert_eq!(orders.len(), 4824);
    let walked: usize = orders.iter().map(|needs| walk(needs, None)).sum();
    assert!(walked > 50_000, "{walked}");
}
