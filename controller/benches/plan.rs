//! What deciding takes, without AWS and Kubernetes: from the spec of production platforms of which nothing is there yet to the
//! steps that build them, for 1, 100 and 1,000 platforms that share their looks. `make bench-plan`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use payment_platform_api::{Facts, PaymentPlatformSpec, Platform};
use payment_platform_controller::aws::KINDS;
use payment_platform_controller::platform::desired;
use payment_platform_engine::inventory::{Identity, Inventory, KindLook};
use payment_platform_engine::plan::{Options, plan};
use payment_platform_engine::{Memory, Owner, Region};

const HOME: &str = "us-east-1";

fn spec(environment: &str) -> PaymentPlatformSpec {
    serde_json::from_value(serde_json::json!({ "environment": environment })).expect("a spec of defaults")
}

fn facts() -> Facts {
    Facts {
        account_id: "123456789012".to_owned(),
        principal_arn: "arn:aws:iam::123456789012:role/payment-platform-controller".to_owned(),
        zones: ["a", "b", "c"].map(|zone| format!("{HOME}{zone}")).to_vec(),
        ..Facts::default()
    }
}

/// An account in which nothing is.
fn nothing() -> Inventory {
    let mut inventory = Inventory::default();
    for region in [Region::new(HOME), Region::global()] {
        for kind in KINDS.iter().filter(|kind| kind.places.include(&region, true)) {
            let look = KindLook::new(Instant::now(), Ok(Vec::new()));
            inventory.looks.insert((region.clone(), kind.name), look.into());
        }
    }
    inventory
}

/// The steps of one platform.
fn decide(environment: &str, facts: &Facts, inventory: &Inventory) -> usize {
    let owner = Owner { name: format!("payments/{environment}"), uid: format!("uid-of-{environment}") };
    let platform = Platform::resolve(&spec(environment), facts).expect("the defaults resolve");
    let graph = desired(&platform, &owner);
    let identity = Identity { label: Some(environment.to_owned()), ..Identity::new(owner.clone()) };
    let memory = Memory::default();
    let observation = inventory.observe(&graph, &KINDS, &identity, &memory, Duration::ZERO);
    let options = Options { uid: owner.uid, ..Options::default() };
    plan(&graph, &observation, &memory, &KINDS, &options).steps.len()
}

fn platforms(criterion: &mut Criterion) {
    let (facts, inventory) = (facts(), nothing());
    let mut group = criterion.benchmark_group("resolve, desire, observe and plan");
    for count in [1_u64, 100, 1000] {
        group.throughput(Throughput::Elements(count));
        let names: Vec<String> = (0..count).map(|number| format!("env{number}")).collect();
        group.bench_with_input(BenchmarkId::from_parameter(count), &names, |bench, names| {
            bench.iter(|| names.iter().map(|name| black_box(decide(name, &facts, &inventory))).sum::<usize>());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    targets = platforms
}
criterion_main!(benches);
