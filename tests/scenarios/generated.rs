//! Ten thousand generated objects: made from the schema itself, with plausible and hostile values in every field. The API
//! server refuses what is wrong and names the field; what it lets through is resolved, or refused by name; nothing panics.
//! What was resolved is then changed in one place, so that it is known which field a refusal must name.

use std::panic::catch_unwind;
use std::sync::Arc;

use anyhow::{Context, ensure};
use fastrand::Rng;
use futures::{FutureExt, StreamExt, TryStreamExt};
use kube::api::{Api, ApiResource, DynamicObject};
use payment_platform_api::{Facts, PaymentPlatform, Platform};
use serde_json::{Map, Value, json};

use crate::Scenario;
use crate::faults::seed;
use crate::world::World;

pub const ALL: &[(&str, Scenario)] =
    &[("ten_thousand_generated_objects_are_accepted_whole_or_refused_by_field", |world| generated(world).boxed())];

const OBJECTS: u64 = 10_000;

/// Objects that differ from a good one in one place.
const ALTERED: usize = 3000;

/// Requests to the API server at once.
const AT_ONCE: usize = 16;

/// What fits some field, so that enough objects get through to be resolved.
const PLAUSIBLE: [&str; 24] = [
    "prd",
    "eu-west-1",
    "us-east-1",
    "us-east-1a",
    "us-east-1b",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.2.0/24",
    "10.20.0.0/20",
    "192.168.0.0/16",
    "0.0.0.0/0",
    "arn:aws:iam::123456789012:role/platform",
    "arn:aws:iam::123456789012:root",
    "athena.amazonaws.com",
    "kms:Decrypt",
    "ExtraAthena",
    "tcp",
    "vgw-0123456789abcdef0",
    "us-east-1/ec2/vpc/main",
    "dns_support",
    "2030-01-01T00:00:00Z",
    "sts",
    "A reason, ticket 4711",
    "cards",
];

const HOSTILE: [&str; 20] = [
    "",
    " ",
    "\u{0}",
    "\n",
    "\u{202e}drp",
    "\u{1f512}",
    "../../etc/passwd",
    "'; DROP TABLE keys; --",
    "${jndi:ldap://x}",
    "{{ .Values }}",
    "null",
    "999.999.999.999/99",
    "10.0.0.1/33",
    "::/0",
    "fd00::/8",
    "arn:aws:iam::*:root",
    "*",
    "aws:",
    "-",
    "9999-99-99T99:99:99Z",
];

/// One value for a schema; now and then one that it does not allow.
fn value(random: &mut Rng, schema: &Value) -> Value {
    if random.u8(..50) == 0 {
        let other = [json!(null), json!(-1), json!("x"), json!([]), json!({}), json!(true), json!(1.5)];
        return other[random.usize(..other.len())].clone();
    }
    if let Some(values) = schema["enum"].as_array().filter(|_| random.u8(..20) > 0) {
        return values[random.usize(..values.len())].clone();
    }
    match schema["type"].as_str() {
        Some("string") => text(random).into(),
        Some("integer") => number(random, schema).into(),
        Some("boolean") => random.bool().into(),
        Some("array") => {
            let most = schema["maxItems"].as_u64().unwrap_or(3).min(4);
            (0..random.u64(..=most + 1)).map(|_| value(random, &schema["items"])).collect()
        }
        _ => object(random, schema),
    }
}

fn text(random: &mut Rng) -> String {
    match random.u8(..20) {
        0 => "x".repeat(random.usize(1..2000)),
        1 => (0..random.usize(1..20)).map(|_| random.char(..)).collect(),
        2..=4 => HOSTILE[random.usize(..HOSTILE.len())].to_owned(),
        _ => PLAUSIBLE[random.usize(..PLAUSIBLE.len())].to_owned(),
    }
}

/// At the bounds, beside them, and far away.
fn number(random: &mut Rng, schema: &Value) -> i64 {
    let bound = |name: &str, otherwise: i64| schema[name].as_f64().map_or(otherwise, |bound| bound as i64);
    let (least, most) = (bound("minimum", 0), bound("maximum", 4000));
    match random.u8(..12) {
        0 => least - 1,
        1 => most + 1,
        2 => i64::from(i32::MAX),
        3 => i64::MIN,
        4 => least,
        5 => most,
        _ => random.i64(least..=most.max(least)),
    }
}

fn object(random: &mut Rng, schema: &Value) -> Value {
    let mut made = Map::new();
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if required.contains(&name.as_str()) || random.u8(..5) == 0 {
            made.insert(name.clone(), value(random, property));
        }
    }
    if schema["additionalProperties"].is_object() {
        for _ in 0..random.usize(..3) {
            made.insert(text(random), value(random, &schema["additionalProperties"]));
        }
    }
    if random.u8(..100) == 0 {
        made.insert(text(random), json!("unknown"));
    }
    made.into()
}

/// Puts another value into one place of a spec: the name of the field there, and the value. None: there is nothing to change.
fn alter(random: &mut Rng, spec: &mut Value, schema: &Value) -> Option<(String, Value)> {
    let (mut at, mut schema, mut field) = (spec, schema, None);
    loop {
        let inner = match &*at {
            Value::Object(fields) if !fields.is_empty() => fields.keys().nth(random.usize(..fields.len())).cloned(),
            _ => None,
        };
        let Some(name) = inner else {
            let next = value(random, schema);
            *at = next.clone();
            return Some((field?, next));
        };
        // The keys of a map are no fields: it is the map that must be named.
        schema = match schema["properties"].get(&name) {
            Some(property) => {
                field = Some(name.clone());
                property
            }
            None => &schema["additionalProperties"],
        };
        at = at.get_mut(&name)?;
    }
}

/// Whether a refusal has this as a word of its own.
fn names(said: &str, word: &str) -> bool {
    let within = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    said.match_indices(word)
        .any(|(at, _)| !within(said[..at].chars().next_back()) && !within(said[at + word.len()..].chars().next()))
}

/// Whether a refusal quotes the value, where it says of another field what that one must be because of it.
fn names_value(said: &str, value: &Value) -> bool {
    value.as_str().is_some_and(|value| value.len() > 1 && names(said, value))
}

/// What became of one object.
enum Fate {
    /// Refused by the API server.
    Refused,
    /// Accepted, and refused by resolution.
    Invalid,
    Resolved,
}

/// What became of it, and what was said of it.
struct Judgement {
    fate: Fate,
    said: String,
}

async fn generated(world: Arc<World>) -> anyhow::Result<()> {
    let place = world.place("us-east-1").await?;
    let seed = seed();
    let crd = serde_json::to_value(payment_platform_api::crd())?;
    let schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone();
    ensure!(schema["properties"]["network"].is_object(), "the schema is not where it was");
    let resource = ApiResource::erase::<PaymentPlatform>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(place.client.clone(), &place.namespace, &resource);
    let judged = |number: u64, spec: Value| {
        let (client, api) = (place.client.clone(), api.clone());
        async move {
            let why = || format!("SEED={seed} makes it again: object {number}, {spec}");
            let judgement = judge(&client, &api, &spec).await.with_context(why)?;
            anyhow::Ok((judgement, spec))
        }
    };
    let random = |number: u64| Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let all = futures::stream::iter(0..OBJECTS).map(|number| judged(number, object(&mut random(number), &schema)));
    let all: Vec<(Judgement, Value)> = all.buffer_unordered(AT_ONCE).try_collect().await?;
    let count = |fits: fn(&Fate) -> bool| all.iter().filter(|(judgement, _)| fits(&judgement.fate)).count();
    let refused = count(|fate| matches!(fate, Fate::Refused));
    let (invalid, resolved) =
        (count(|fate| matches!(fate, Fate::Invalid)), count(|fate| matches!(fate, Fate::Resolved)));
    ensure!(
        refused > 1000 && resolved > 300,
        "{refused} refused, {invalid} invalid, {resolved} resolved: too one-sided"
    );
    let good = all.into_iter().filter(|(judgement, _)| matches!(judgement.fate, Fate::Resolved)).map(|(_, spec)| spec);
    let good: Vec<Value> = good.collect();
    let altered = good.iter().cloned().cycle().take(ALTERED).enumerate().filter_map(|(number, mut spec)| {
        let random = &mut random(OBJECTS + number as u64);
        let changed = alter(random, &mut spec, &schema)?;
        Some((number as u64, spec, changed))
    });
    let altered = futures::stream::iter(altered).map(|(number, spec, (field, value))| {
        let judged = judged(OBJECTS + number, spec);
        async move {
            let (Judgement { fate, said }, spec) = judged.await?;
            let named = matches!(fate, Fate::Resolved) || names(&said, &field) || names_value(&said, &value);
            ensure!(named, "SEED={seed}: of {field}={value} in {spec} it says {said}");
            anyhow::Ok(!matches!(fate, Fate::Resolved))
        }
    });
    let altered: Vec<bool> = altered.buffer_unordered(AT_ONCE).try_collect().await?;
    let told = altered.iter().filter(|refused| **refused).count();
    ensure!(told > 200, "only {told} of {} that were good but for one field are refused", altered.len());
    place.no_write_since(0)
}

/// Whether all that was sent is there. A null stands for nothing, which may have a default.
fn contains(kept: &Value, sent: &Value) -> bool {
    match (kept, sent) {
        (_, Value::Null) => true,
        (Value::Object(kept), Value::Object(sent)) => {
            sent.iter().all(|(name, value)| value.is_null() || kept.get(name).is_some_and(|kept| contains(kept, value)))
        }
        (Value::Array(kept), Value::Array(sent)) => {
            kept.len() == sent.len() && kept.iter().zip(sent).all(|(kept, sent)| contains(kept, sent))
        }
        (Value::Number(kept), Value::Number(sent)) => kept.as_f64() == sent.as_f64(),
        (kept, sent) => kept == sent,
    }
}

/// A dry run in which a field that the schema does not know is an error, as with kubectl.
async fn create_strictly(
    client: &kube::Client,
    api: &Api<DynamicObject>,
    object: &DynamicObject,
) -> kube::Result<DynamicObject> {
    let uri = format!("{}?dryRun=All&fieldValidation=Strict", api.resource_url());
    let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
    let request = http::Request::post(uri).header("content-type", "application/json").body(body);
    client.request(request.map_err(kube::Error::HttpError)?).await
}

fn facts() -> Facts {
    Facts {
        account_id: "123456789012".to_owned(),
        principal_arn: "arn:aws:iam::123456789012:role/controller".to_owned(),
        zones: ["us-east-1a", "us-east-1b", "us-east-1c"].map(str::to_owned).to_vec(),
        ..Facts::default()
    }
}

async fn judge(client: &kube::Client, api: &Api<DynamicObject>, spec: &Value) -> anyhow::Result<Judgement> {
    // Without a panic, whatever the API server thinks of it: `plan -f` asks none.
    let resolved = catch_unwind(|| {
        let spec = serde_json::from_value(spec.clone()).ok()?;
        Some(Platform::resolve(&spec, &facts()))
    });
    let resolved = resolved.map_err(|_| anyhow::anyhow!("resolution panics"))?;
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "paymentplatform.io/v1alpha1", "kind": "PaymentPlatform",
        "metadata": {"name": "generated"}, "spec": spec,
    }))?;
    match create_strictly(client, api, &object).await {
        Err(kube::Error::Api(status)) => {
            ensure!(status.code == 422 || status.code == 400, "{status:?}");
            let named = ["spec.", "spec:"].iter().any(|field| status.message.contains(field));
            ensure!(named, "the refusal names no field: {}", status.message);
            Ok(Judgement { fate: Fate::Refused, said: status.message })
        }
        Err(error) => Err(error.into()),
        Ok(accepted) => {
            // What the schema takes is kept whole, and our types take it.
            let kept = serde_json::to_value(&accepted)?;
            ensure!(contains(&kept["spec"], spec), "accepted in part: {}", kept["spec"]);
            let typed: PaymentPlatform = serde_json::from_value(serde_json::to_value(&accepted)?)
                .context("accepted by the API server, and does not parse")?;
            let errors = match resolved {
                Some(Ok(_)) => return Ok(Judgement { fate: Fate::Resolved, said: String::new() }),
                Some(Err(errors)) => errors,
                // What the server prunes or defaults may parse only after that.
                None => match Platform::resolve(&typed.spec, &facts()) {
                    Ok(_) => return Ok(Judgement { fate: Fate::Resolved, said: String::new() }),
                    Err(errors) => errors,
                },
            };
            ensure!(errors.iter().all(|error| !error.field.is_empty() && !error.message.is_empty()), "{errors:?}");
            let said = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            Ok(Judgement { fate: Fate::Invalid, said })
        }
    }
}
