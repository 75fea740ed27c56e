//! What a kind of resource tells the engine, and the type-erased forms in which the engine handles all kinds alike.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::diff::Change;
use crate::error::CloudError;
use crate::id::{NodeId, Owner, Region};
use crate::outputs::{AnyOutput, Outputs, Pending, Up};

/// One kind of resource: what it must be, how it is read, made, changed and deleted.
///
/// What is wanted and what is seen have the same type, [`Resource::Fields`], so that one generic comparison covers
/// every field and none can be forgotten. Whatever the service rewrites is normalised in that type.
pub trait Resource: Serialize + Clone + Send + Sync + 'static {
    /// `service/kind`, for example `ec2/subnet`.
    const KIND: &'static str;
    /// The IAM actions that the calls of this kind need.
    const ACTIONS: &'static [&'static str];
    /// Fields that the service cannot change in place, and how the thing is replaced then.
    const REPLACE_ON: &'static [(&'static str, Replace)] = &[];
    /// Fields whose drift opens the environment (access, encryption, logging): put right before everything else. So
    /// is the absence of a thing that stands on another ([`Create::WithParent`]) and has such fields.
    const CLOSE_FIRST: &'static [&'static str] = &[];
    /// Fields whose difference is no drift: what AWS has failed to do, and what is now tried again or due. That is done once
    /// nothing else of the thing differs and everything that it uses is right.
    const RETRIES: &'static [&'static str] = &[];
    /// Whether it holds data: then it is never replaced or deleted unasked.
    const STATEFUL: bool = false;
    /// Whether its data lives on without it for a time in which it can be brought back (a final snapshot, a recovery
    /// window): then it is deleted with its platform also where data is kept, and what guards the data stays.
    const OUTLIVED_BY_DATA: bool = false;
    /// Whether data may be unreadable without it (a key): kept whenever data is kept, whatever the data says it uses.
    const GUARDS_DATA: bool = false;
    /// Whether what needs it is made while it is `Unready`: it is there, and AWS only deploys it. Elsewhere what needs it waits.
    const USED_BEFORE_READY: bool = false;
    /// In which regions a platform has things of this kind: elsewhere nobody looks for them.
    const PLACES: Places = Places::Home;
    /// How often it is looked at.
    const TIER: Tier = Tier::Slow;
    /// How long the service may be at work on it before somebody should look: well above what is usual.
    const DEADLINE: Duration = Duration::from_secs(15 * 60);
    /// What a repeated creation does. Without idempotency, absence must be certain before something is created.
    const CREATE: Create;
    /// When it may be deleted: `Last` for what others need until their own end without naming it (keys, roles).
    const DELETE: Delete = Delete::AfterItsUsers;

    type Cloud: Send + Sync + 'static;
    type Fields: Serialize + PartialEq + Clone + Send + Sync + 'static;
    type Output: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    /// Whether a change makes less of the data that it holds (a shorter retention): not made unasked by a new wish.
    fn loses_data(_change: &Change) -> bool {
        false
    }

    /// The name that AWS keeps unique, for kinds that have one: a thing of this name that is not ours is a conflict.
    fn unique_name(&self) -> Option<String> {
        None
    }

    /// What it must be, given what it uses. Pure. `seen` lets a wish depend on what is there (tags of others, a
    /// clamped count, a pinned version).
    fn fields(&self, up: &Up<'_>, seen: Option<&Self::Fields>) -> Result<Self::Fields, Pending>;

    /// Reads all things of this kind that carry anybody's ownership tags, or those with the given ids whatever their
    /// tags. An id that does not exist is left out of the answer, not an error.
    fn sweep(cloud: Arc<Self::Cloud>, look: Look) -> impl Future<Output = Result<Vec<Found<Self>>, CloudError>> + Send;

    fn create(
        want: Self::Fields,
        context: Context<Self::Cloud>,
    ) -> impl Future<Output = Result<Progress<Self::Output>, CloudError>> + Send;

    /// Makes `changes`, and only those: they may be less than all that differs.
    fn update(
        want: Self::Fields,
        now: Self::Output,
        changes: Vec<Change>,
        context: Context<Self::Cloud>,
    ) -> impl Future<Output = Result<Progress<Self::Output>, CloudError>> + Send;

    /// Deletes the thing with this id. A thing that is gone already is `Done`.
    fn delete(
        cloud_id: String,
        context: Context<Self::Cloud>,
    ) -> impl Future<Output = Result<Progress<()>, CloudError>> + Send;

    /// Marks the thing as kept beyond the deletion of its platform.
    fn keep(
        _cloud_id: String,
        _context: Context<Self::Cloud>,
    ) -> impl Future<Output = Result<Progress<()>, CloudError>> + Send {
        futures::future::ready(Ok(Progress::Done(())))
    }

    /// The id under which the service knows the thing.
    fn cloud_id(output: &Self::Output) -> &str;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// The new one is made, its users move over, the old one goes.
    CreateFirst,
    /// The old one must go first: the two cannot exist side by side.
    DeleteFirst,
    /// Never unasked: everything in it would go with it.
    Refuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Security-relevant: every minute.
    Fast,
    /// Everything else: every ten minutes.
    Slow,
}

/// Where things of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// In the platform's own region.
    Home,
    /// There and in other regions.
    Anywhere,
    /// In this region, wherever the platform is.
    Only(&'static str),
    /// The service has no regions: its nodes are in [`Region::global`].
    Global,
}

impl Places {
    /// Whether the platforms of which this region is the own one, or those of which it is not, can have something here.
    pub fn include(self, region: &Region, at_home: bool) -> bool {
        match self {
            Self::Home => at_home && !region.is_global(),
            Self::Anywhere => !region.is_global(),
            Self::Only(name) => region.as_str() == name,
            Self::Global => region.is_global(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// A second creation is refused or answers the first thing (a token, a unique name).
    Idempotent,
    /// A second creation makes a second thing.
    MakesTwins,
    /// The thing comes and goes with its parent; creation only sets it right.
    WithParent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delete {
    AfterItsUsers,
    Last,
}

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Everything that carries ownership tags or one of our names.
    All,
    /// The things with these ids.
    Ids(Vec<String>),
}

/// What a thing's tags (or its parent's) say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub owner: Owner,
    pub node: NodeId,
    /// Left behind on purpose when its platform was deleted, with the label of that platform (its environment); the
    /// next platform of that name and label takes it over.
    pub kept: Option<String>,
}

/// One thing as it was read.
pub struct Found<R: Resource> {
    /// None: it carries no ownership tags.
    pub claim: Option<Claim>,
    /// Its name on AWS, where names are unique; compared with [`Resource::unique_name`].
    pub name: Option<String>,
    /// Whether it bears the name that its node's thing bears. AWS and people copy tags: a tagged thing of another name
    /// is not ours.
    pub name_fits: bool,
    pub cloud_id: String,
    /// Ids of the things that it uses: they are deleted after it.
    pub uses: Vec<String>,
    /// Err: it is there, but could not be read completely.
    pub fields: Result<R::Fields, CloudError>,
    /// None while it cannot be used yet.
    pub output: Option<R::Output>,
    /// The state in which it accepts no change, while it is in one.
    pub busy: Option<&'static str>,
    /// What is missing before it does its work, while it is there, can be changed and can be used by others.
    pub unready: Option<Unready>,
    /// Whether its deletion has been asked for and only time is missing (a key pending deletion).
    pub leaving: bool,
    /// When it was made, in seconds since 1970, where the service tells.
    pub created: Option<i64>,
}

/// Why a thing that is as it is wanted does not do its work.
#[derive(Clone, Debug, PartialEq)]
pub enum Unready {
    /// Only time is missing, until this.
    Until(String),
    /// It will not without help.
    Failed(CloudError),
    /// It does its work, and something that was asked for comes later by itself: said, and no reason to wait.
    Later(String),
    /// It does its work, and something else keeps it for a time: where it is no longer wanted, it goes after that.
    Kept(String),
}

/// How far a call has brought the thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress<T> {
    Done(T),
    /// It goes on without us: look again after `retry`.
    Waiting {
        cloud_id: Option<String>,
        until: &'static str,
        retry: Duration,
    },
}

/// What a writing call gets besides its arguments.
pub struct Context<C> {
    pub cloud: Arc<C>,
    pub node: NodeId,
    /// The same for every retry of one creation, another for every other creation.
    pub token: String,
    /// Whether it is a twin that goes, which nobody has asked for: what can be put off is put off.
    pub unasked: bool,
    /// Whether the data of what is deleted must outlive it: always, but where a platform goes that keeps none.
    pub keep_data: bool,
}

impl<C> Clone for Context<C> {
    fn clone(&self) -> Self {
        let (node, token) = (self.node.clone(), self.token.clone());
        Self { cloud: self.cloud.clone(), node, token, unasked: self.unasked, keep_data: self.keep_data }
    }
}

/// Fields whose type only their kind knows.
pub trait AnyFields: Any + Send + Sync {
    fn json(&self) -> serde_json::Value;
    fn equals(&self, other: &dyn AnyFields) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + Serialize + PartialEq + Send + Sync> AnyFields for T {
    fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }

    fn equals(&self, other: &dyn AnyFields) -> bool {
        other.as_any().downcast_ref::<T>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// [`Found`] of any kind.
#[derive(Clone)]
pub struct AnyFound {
    pub claim: Option<Claim>,
    pub name: Option<String>,
    pub name_fits: bool,
    pub cloud_id: String,
    pub uses: Vec<String>,
    pub fields: Result<Arc<dyn AnyFields>, CloudError>,
    pub output: Option<Arc<dyn AnyOutput>>,
    pub busy: Option<&'static str>,
    pub unready: Option<Unready>,
    pub leaving: bool,
    pub created: Option<i64>,
}

impl<R: Resource> From<Found<R>> for AnyFound {
    fn from(found: Found<R>) -> Self {
        let Found { claim, name, name_fits, cloud_id, uses, fields, output, busy, unready, leaving, created } = found;
        Self {
            claim,
            name,
            name_fits,
            cloud_id,
            uses,
            fields: fields.map(|fields| Arc::new(fields) as Arc<dyn AnyFields>),
            output: output.map(|output| Arc::new(output) as Arc<dyn AnyOutput>),
            busy,
            unready,
            leaving,
            created,
        }
    }
}

type Sweep<C> = fn(Arc<C>, Look) -> BoxFuture<'static, Result<Vec<AnyFound>, CloudError>>;
type DeleteCall<C> = fn(String, Context<C>) -> BoxFuture<'static, Result<Progress<()>, CloudError>>;

/// A row of the table of kinds: all that is known of a kind without an instance of it.
pub struct Kind<C: 'static> {
    pub name: &'static str,
    pub actions: &'static [&'static str],
    pub replace_on: &'static [(&'static str, Replace)],
    pub close_first: &'static [&'static str],
    pub retries: &'static [&'static str],
    pub stateful: bool,
    pub outlived_by_data: bool,
    pub guards_data: bool,
    pub loses_data: fn(&Change) -> bool,
    pub used_before_ready: bool,
    pub places: Places,
    pub tier: Tier,
    pub deadline: Duration,
    pub create: Create,
    pub delete_when: Delete,
    pub sweep: Sweep<C>,
    pub delete: DeleteCall<C>,
    pub keep: DeleteCall<C>,
}

impl<C: 'static> Clone for Kind<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: 'static> Copy for Kind<C> {}

impl<C: Send + Sync + 'static> Kind<C> {
    pub const fn of<R: Resource<Cloud = C>>() -> Self {
        Self {
            name: R::KIND,
            actions: R::ACTIONS,
            replace_on: R::REPLACE_ON,
            close_first: R::CLOSE_FIRST,
            retries: R::RETRIES,
            stateful: R::STATEFUL,
            outlived_by_data: R::OUTLIVED_BY_DATA,
            guards_data: R::GUARDS_DATA,
            loses_data: R::loses_data,
            used_before_ready: R::USED_BEFORE_READY,
            places: R::PLACES,
            tier: R::TIER,
            deadline: R::DEADLINE,
            create: R::CREATE,
            delete_when: R::DELETE,
            sweep: |cloud, look| {
                async move { Ok(R::sweep(cloud, look).await?.into_iter().map(AnyFound::from).collect()) }.boxed()
            },
            delete: |cloud_id, context| R::delete(cloud_id, context).boxed(),
            keep: |cloud_id, context| R::keep(cloud_id, context).boxed(),
        }
    }
}

/// A wish, and the nodes whose outputs are holes in it.
pub struct Wish {
    pub fields: Arc<dyn AnyFields>,
    pub holes: Vec<NodeId>,
}

/// What a creation or change has brought: the id and the output, once there is one.
#[derive(Clone)]
pub struct Effect {
    pub cloud_id: Option<String>,
    pub output: Option<Arc<dyn AnyOutput>>,
    pub waiting: Option<(&'static str, Duration)>,
}

/// [`Resource`] of any kind; implemented for every `Resource`.
pub trait AnyResource<C: 'static>: Send + Sync {
    fn kind(&self) -> Kind<C>;
    fn json(&self) -> serde_json::Value;
    fn unique_name(&self) -> Option<String>;
    fn wish(&self, outputs: &Outputs, seen: Option<&dyn AnyFields>) -> Result<Wish, Pending>;
    fn create(&self, want: &Arc<dyn AnyFields>, context: Context<C>) -> BoxFuture<'static, Result<Effect, CloudError>>;
    fn update(
        &self,
        want: &Arc<dyn AnyFields>,
        now: &dyn AnyOutput,
        changes: Vec<Change>,
        context: Context<C>,
    ) -> BoxFuture<'static, Result<Effect, CloudError>>;
}

impl<R: Resource> AnyResource<R::Cloud> for R {
    fn kind(&self) -> Kind<R::Cloud> {
        Kind::of::<R>()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }

    fn unique_name(&self) -> Option<String> {
        Resource::unique_name(self)
    }

    fn wish(&self, outputs: &Outputs, seen: Option<&dyn AnyFields>) -> Result<Wish, Pending> {
        let up = Up::new(outputs);
        let seen = seen.and_then(|seen| seen.as_any().downcast_ref());
        let fields = Arc::new(self.fields(&up, seen)?);
        Ok(Wish { fields, holes: up.into_holes().into_iter().collect() })
    }

    fn create(
        &self,
        want: &Arc<dyn AnyFields>,
        context: Context<R::Cloud>,
    ) -> BoxFuture<'static, Result<Effect, CloudError>> {
        match (**want).as_any().downcast_ref::<R::Fields>().cloned() {
            Some(want) => R::create(want, context).map(|done| done.map(effect::<R>)).boxed(),
            None => mismatch(R::KIND),
        }
    }

    fn update(
        &self,
        want: &Arc<dyn AnyFields>,
        now: &dyn AnyOutput,
        changes: Vec<Change>,
        context: Context<R::Cloud>,
    ) -> BoxFuture<'static, Result<Effect, CloudError>> {
        let want = (**want).as_any().downcast_ref::<R::Fields>().cloned();
        let now = now.as_any().downcast_ref::<R::Output>().cloned();
        match (want, now) {
            (Some(want), Some(now)) => R::update(want, now, changes, context).map(|done| done.map(effect::<R>)).boxed(),
            _ => mismatch(R::KIND),
        }
    }
}

fn effect<R: Resource>(progress: Progress<R::Output>) -> Effect {
    match progress {
        Progress::Done(output) => {
            Effect { cloud_id: Some(R::cloud_id(&output).to_owned()), output: Some(Arc::new(output)), waiting: None }
        }
        Progress::Waiting { cloud_id, until, retry } => {
            Effect { cloud_id, output: None, waiting: Some((until, retry)) }
        }
    }
}

/// Two kinds under one node id: a fault of the graph's builder, reported instead of a panic.
fn mismatch(kind: &'static str) -> BoxFuture<'static, Result<Effect, CloudError>> {
    let error = CloudError::new(crate::Class::Invalid, kind, "TypeMismatch", "the node was read as another kind");
    futures::future::ready(Err(error)).boxed()
}
