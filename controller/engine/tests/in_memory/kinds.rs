//! Four kinds: a box (a second creation makes a second box), an item (a token, links to other items as a whole set), a
//! vault, which holds data, and a lock, without which data may be unreadable.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Delete};
use payment_platform_engine::{
    Claim, Class, CloudError, Context, Found, Kind, Look, Owner, Pending, Progress, Ref, Replace, Resource, Up,
};
use serde::{Deserialize, Serialize};

use crate::cloud::{Cloud, State, Thing, lost};

pub const KINDS: &[Kind<Cloud>] = &[Kind::of::<Box>(), Kind::of::<Item>(), Kind::of::<Vault>(), Kind::of::<Lock>()];

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub size: i64,
    pub shape: i64,
    pub links: BTreeSet<String>,
    pub owner: String,
    /// Cannot be taken off.
    pub painted: bool,
    /// Something is to be done once everything else is right.
    pub due: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub id: String,
}

/// The name that the cloud keeps unique among vaults.
const THE_VAULT: &str = "the vault";

macro_rules! kind {
    ($name:ident, $kind:literal, $create:expr, $stateful:literal, $guards:literal, $delete:expr, [$($field:ident: $type:ty),*], |$this:ident, $up:ident| $links:expr) => {
        #[derive(Clone, Serialize)]
        pub struct $name {
            pub owner: Owner,
            pub size: i64,
            $(pub $field: $type),*
        }

        impl Resource for $name {
            const KIND: &'static str = $kind;
            const ACTIONS: &'static [&'static str] = &[];
            // Sizes are changed in place up to 100; above that a shape of its own is needed. Of locks there is one at a time.
            const REPLACE_ON: &'static [(&'static str, Replace)] = &[
                ("shape", if $guards { Replace::DeleteFirst } else { Replace::CreateFirst }),
                ("painted", Replace::Refuse),
            ];
            const RETRIES: &'static [&'static str] = &["due"];
            const CLOSE_FIRST: &'static [&'static str] = &["links"];
            const STATEFUL: bool = $stateful;
            const GUARDS_DATA: bool = $guards;
            // Of things that hold nothing and guard nothing the box is not, and items are.
            const USED_BEFORE_READY: bool = matches!($create, Create::Idempotent) && !$stateful;
            const CREATE: Create = $create;
            const DELETE: Delete = $delete;

            type Cloud = Cloud;
            type Fields = Fields;
            type Output = Output;

            fn loses_data(change: &Change) -> bool {
                let (before, after) = (crate::cloud::number(change.before.as_ref()), crate::cloud::number(change.after.as_ref()));
                $stateful && change.field() == "size" && after < before
            }

            fn unique_name(&self) -> Option<String> {
                $stateful.then(|| THE_VAULT.to_owned())
            }

            fn fields(&self, $up: &Up<'_>, _seen: Option<&Fields>) -> Result<Fields, Pending> {
                let $this = self;
                let links = $links;
                let (size, owner) = (self.size, self.owner.uid.clone());
                Ok(Fields { size, shape: size / 100, links, owner, painted: false, due: false })
            }

            async fn sweep(cloud: Arc<Cloud>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
                sweep(&cloud, $kind, look)
            }

            async fn create(want: Fields, cx: Context<Cloud>) -> Result<Progress<Output>, CloudError> {
                create($kind, $create, want, &cx)
            }

            async fn update(_: Fields, now: Output, changes: Vec<Change>, cx: Context<Cloud>) -> Result<Progress<Output>, CloudError> {
                update(now, changes, &cx)
            }

            async fn delete(id: String, cx: Context<Cloud>) -> Result<Progress<()>, CloudError> {
                delete(&id, &cx)
            }

            async fn keep(id: String, cx: Context<Cloud>) -> Result<Progress<()>, CloudError> {
                cx.cloud.with(|state| {
                    state.write(format!("keep {}", cx.node.name))?;
                    if let Some(claim) = state.things.get_mut(&id).and_then(|thing| thing.claim.as_mut()) {
                        claim.kept = Some("label".to_owned());
                    }
                    Ok(Progress::Done(()))
                })
            }

            fn cloud_id(output: &Output) -> &str {
                &output.id
            }
        }
    };
}

kind!(Box, "test/box", Create::MakesTwins, false, false, Delete::Last, [], |_this, _up| BTreeSet::new());
kind!(Lock, "test/lock", Create::MakesTwins, false, true, Delete::Last, [], |_this, _up| BTreeSet::new());
kind!(Vault, "test/vault", Create::Idempotent, true, false, Delete::AfterItsUsers, [inside: Ref<Box>], |this, up| {
    BTreeSet::from([up.get(&this.inside)?.id.clone()])
});
kind!(Item, "test/item", Create::Idempotent, false, false, Delete::AfterItsUsers, [inside: Ref<Box>, links: Vec<Ref<Item>>], |this, up| {
    let inside = up.get(&this.inside)?.id.clone();
    this.links.iter().map(|link| up.text(link, "id-", |item| &item.id)).chain([inside]).collect()
});

fn sweep<R: Resource<Fields = Fields, Output = Output>>(
    cloud: &Cloud,
    kind: &'static str,
    look: Look,
) -> Result<Vec<Found<R>>, CloudError> {
    cloud.with(|state| {
        if state.unreadable.contains(kind) {
            return Err(CloudError::new(Class::Unavailable, "cloud:Read", "Down", "cannot read"));
        }
        let wanted = |id: &String, thing: &Thing| match &look {
            Look::All => thing.claim.is_some() || kind == Vault::KIND,
            Look::Ids(ids) => ids.contains(id),
        };
        let things = state
            .things
            .iter()
            .filter(|(id, thing)| thing.kind == kind && wanted(id, thing) && !state.hidden.contains(*id));
        let all = things.map(|(id, thing)| found(id, thing, state));
        Ok(all.collect())
    })
}

fn found<R: Resource<Fields = Fields, Output = Output>>(id: &str, thing: &Thing, state: &State) -> Found<R> {
    let half_read = state.half_read.contains(id);
    let fields = Fields {
        size: thing.size,
        shape: thing.size / 100,
        links: thing.links.clone(),
        owner: thing.claim.as_ref().map(|claim| claim.owner.uid.clone()).unwrap_or_default(),
        painted: state.painted.contains(id),
        due: state.due.contains(id),
    };
    Found {
        claim: thing.claim.clone(),
        name: (thing.kind == Vault::KIND).then(|| THE_VAULT.to_owned()),
        name_fits: !thing.renamed,
        cloud_id: id.to_owned(),
        uses: if half_read { Vec::new() } else { thing.links.iter().cloned().collect() },
        fields: match half_read {
            true => Err(CloudError::new(Class::Denied, "cloud:Read", "AccessDenied", "no")),
            false => Ok(fields),
        },
        output: Some(Output { id: id.to_owned() }),
        busy: state.busy.contains(id).then_some("pending"),
        unready: state.unready.get(id).cloned(),
        leaving: false,
        created: None,
    }
}

fn create(kind: &'static str, how: Create, want: Fields, cx: &Context<Cloud>) -> Result<Progress<Output>, CloudError> {
    cx.cloud.with(|state| {
        let node = cx.node.name.clone();
        if state.refused.contains(&node) {
            return Err(CloudError::new(Class::Denied, "cloud:Create", "AccessDenied", "no"));
        }
        if state.taken.contains(&node) {
            return Err(CloudError::new(Class::AlreadyExists, "cloud:Create", "Taken", "the name is taken"));
        }
        let answered = state.write(format!("create {node}"))?;
        let same = |(_, thing): &(&String, &Thing)| thing.kind == kind && thing.token == cx.token;
        let existing = state.things.iter().find(same).map(|(id, _)| id.clone()).filter(|_| how == Create::Idempotent);
        let id = existing.unwrap_or_else(|| {
            let id = state.new_id();
            let owner = Owner { name: "ns/a".to_owned(), uid: want.owner.clone() };
            let claim = Some(Claim { owner, node: cx.node.clone(), kept: None });
            let (size, links) = (want.size, want.links.clone());
            let thing = Thing { kind, claim, renamed: false, size, links, token: cx.token.clone() };
            state.things.insert(id.clone(), thing);
            id
        });
        if !answered || state.unanswered.remove(&node) {
            return Err(lost());
        }
        Ok(Progress::Done(Output { id }))
    })
}

fn update(now: Output, changes: Vec<Change>, cx: &Context<Cloud>) -> Result<Progress<Output>, CloudError> {
    cx.cloud.with(|state| {
        let paths: Vec<String> = changes.iter().map(|change| change.path.to_string()).collect();
        let answered = state.write(format!("update {}: {}", cx.node.name, paths.join(" ")))?;
        let Some(thing) = state.things.get_mut(&now.id) else {
            return Err(CloudError::new(Class::NotFound, "cloud:Update", "Gone", "gone"));
        };
        if paths.contains(&"due".to_owned()) {
            state.due.remove(&now.id);
        }
        for change in &changes {
            match (change.field(), change.element()) {
                ("size", _) => thing.size = crate::cloud::number(change.after.as_ref()),
                ("links", Some(link)) if change.is_removal() => {
                    thing.links.remove(link);
                }
                ("links", Some(link)) => {
                    thing.links.insert(link.to_owned());
                }
                ("owner", _) => {
                    let uid = change.after.as_ref().and_then(|uid| uid.as_str()).unwrap_or_default().to_owned();
                    let owner = Owner { name: "ns/a".to_owned(), uid };
                    thing.claim = Some(Claim { owner, node: cx.node.clone(), kept: None });
                    thing.renamed = false;
                }
                _ => {}
            }
        }
        if answered { Ok(Progress::Done(now)) } else { Err(lost()) }
    })
}

fn delete(id: &str, cx: &Context<Cloud>) -> Result<Progress<()>, CloudError> {
    cx.cloud.with(|state: &mut State| {
        let used = state.things.iter().any(|(other, thing)| other != id && thing.links.contains(id));
        if used {
            return Err(CloudError::new(Class::InUse, "cloud:Delete", "InUse", "in use"));
        }
        let answered = state.write(format!("delete {}", cx.node.name))?;
        if state.slow.remove(id) {
            let cloud_id = Some(id.to_owned());
            return Ok(Progress::Waiting { cloud_id, until: "it is deleted", retry: Duration::from_secs(5) });
        }
        state.things.remove(id);
        if answered { Ok(Progress::Done(())) } else { Err(lost()) }
    })
}
