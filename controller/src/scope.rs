//! Clients and shared looks of one (account, region, role, external id).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::{AppName, SdkConfig};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use futures::future::{BoxFuture, join, join_all};
use payment_platform_api::Platform;
use payment_platform_api::database::{Offer, Ordered};
use payment_platform_engine::inventory::{KindLook, Place};
use payment_platform_engine::resource::{AnyFound, Kind};
use payment_platform_engine::{Class, CloudError, Graph, Look, Owner, Region, Tier};
use tokio::sync::{Mutex, OnceCell};

use crate::aws::client::Clients;
use crate::aws::error::During;
use crate::aws::limits::Limits;
use crate::aws::marked::Marked;
use crate::aws::transport::{Gate, Transport};
use crate::aws::{Aws, KINDS};
use crate::lease::Held;
use crate::platform::{INTERFACES, service_name};
use crate::surroundings::Surroundings;

/// As whom to act: the controller's own credentials, or a role that they assume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Login {
    pub role_arn: Option<String>,
    pub external_id: Option<String>,
}

/// What all scopes share.
pub struct Settings {
    /// One connection, at the most.
    pub connect_timeout: Duration,
    /// One attempt of a call, at the most.
    pub attempt_timeout: Duration,
    /// One call with all its attempts, at the most.
    pub operation_timeout: Duration,
    /// Calls a second to one service of an account and region, on average; twice as many at once.
    pub calls_per_second: NonZeroU32,
    /// Attempts of a call that may be repeated.
    pub attempts: u32,
    /// How long it is believed whose account the credentials are: they can be replaced under a running process.
    pub identity_age: Duration,
    /// How kinds work with AWS.
    pub limits: Limits,
    /// The principal that key policies name, when it is not to be found out.
    pub principal_arn: Option<String>,
    /// None: nothing is fenced (the command line).
    pub lease: Option<Held>,
    pub catalogue: Catalogue,
}

impl Settings {
    /// A gate with the configured pace and time of an attempt.
    fn gate(&self, lease: Option<Held>) -> Gate {
        Gate::paced(self.calls_per_second, lease, self.attempt_timeout)
    }
}

/// What platforms consist of and how it is looked at. The measurement of a thousand platforms keeps them in memory by another one.
#[derive(Clone, Copy)]
pub struct Catalogue {
    /// What a platform is to consist of.
    pub desired: fn(&Platform, &Owner) -> Graph<Aws>,
    /// Reads things of one kind.
    pub sweep: fn(Kind<Aws>, Arc<Aws>, Look) -> Sweep,
}

/// A look at one kind that is under way.
pub type Sweep = BoxFuture<'static, Result<Vec<AnyFound>, CloudError>>;

impl Default for Catalogue {
    fn default() -> Self {
        Self { desired: crate::platform::desired, sweep: |kind, aws, look| (kind.sweep)(aws, look) }
    }
}

/// After what time a look that has failed once is repeated.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// How long it is believed what RDS offers: new versions come every few weeks.
const OFFERS_AGE: Duration = Duration::from_secs(60 * 60);

/// After what time without a pass a login's session goes, with all that was seen by it, once another login comes. Where passes are
/// rarer than that it is made again, which costs a look.
const UNUSED: Duration = Duration::from_secs(2 * 60 * 60);

/// Where services without a region are signed for (partition `aws`).
const HOME_OF_GLOBAL: &str = "us-east-1";

/// All scopes of this process.
pub struct Scopes {
    base: SdkConfig,
    settings: Settings,
    transport: Transport,
    /// What keeps the calls to a service in an account and region apart.
    gates: StdMutex<HashMap<(String, String, &'static str), Gate>>,
    /// With the time at which each was asked for last.
    sessions: Mutex<HashMap<Login, (Instant, Arc<Session>)>>,
}

/// Who the account answers to, as it was found out at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub account_id: String,
    /// The role or user, without a session.
    pub principal_arn: String,
}

/// One login.
pub struct Session {
    config: SdkConfig,
    login: Login,
    identity: Mutex<Option<(Instant, Identity)>>,
    scopes: Mutex<HashMap<Region, Arc<Scope>>>,
}

/// One login in one region: clients, and what was last seen of each kind.
pub struct Scope {
    pub aws: Arc<Aws>,
    catalogue: Catalogue,
    looks: Mutex<BTreeMap<&'static str, Arc<KindLook>>>,
    /// Looks in a row that have failed, by kind.
    failures: StdMutex<BTreeMap<&'static str, u32>>,
    zones: OnceCell<Vec<String>>,
    s3_prefix_list: OnceCell<String>,
    offers: Mutex<HashMap<Ordered, Offers>>,
    pub surroundings: Surroundings,
}

/// What RDS offers of what is ordered, as it was asked at some time.
type Offers = (Instant, Vec<Offer>);

/// How old a look may be, by tier.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    pub fast: Duration,
    pub slow: Duration,
}

impl Ages {
    /// Everything is looked at again.
    pub const NOW: Self = Self { fast: Duration::ZERO, slow: Duration::ZERO };
    /// Whatever was seen before is good enough.
    pub const ANY: Self = Self { fast: Duration::MAX, slow: Duration::MAX };

    fn of(&self, tier: Tier) -> Duration {
        match tier {
            Tier::Fast => self.fast,
            Tier::Slow => self.slow,
        }
    }
}

impl Scopes {
    /// Reads region, credentials and endpoint from the environment, as the AWS SDK does.
    pub async fn from_environment(settings: Settings) -> Self {
        let transport = Transport::default();
        // The time of an attempt is the gate's affair: it begins when the attempt is sent.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(settings.connect_timeout)
            .operation_timeout(settings.operation_timeout)
            .build();
        let base = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(settings.attempts))
            .http_client(transport.behind(settings.gate(None)))
            .app_name(AppName::new(crate::controller::NAME).unwrap_or_else(|_| unreachable!("a valid name")))
            .load()
            .await;
        Self { base, settings, transport, gates: StdMutex::default(), sessions: Mutex::default() }
    }

    /// What a platform is to consist of.
    pub fn desired(&self, platform: &Platform, owner: &Owner) -> Graph<Aws> {
        (self.settings.catalogue.desired)(platform, owner)
    }

    /// The session of a login, made when it is first asked for.
    pub async fn session(&self, login: &Login) -> Arc<Session> {
        let mut sessions = self.sessions.lock().await;
        let now = Instant::now();
        if let Some((used, session)) = sessions.get_mut(login) {
            *used = now;
            return session.clone();
        }
        sessions.retain(|_, (used, _)| now.duration_since(*used) < UNUSED);
        let config = match &login.role_arn {
            None => self.base.clone(),
            Some(role) => {
                let mut provider = aws_config::sts::AssumeRoleProvider::builder(role)
                    .configure(&self.base)
                    .session_name("payment-platform-controller");
                if let Some(external_id) = &login.external_id {
                    provider = provider.external_id(external_id);
                }
                let provider = aws_credential_types::provider::SharedCredentialsProvider::new(provider.build().await);
                // Roles are assumed at the base's pace, which is the controller's own account's; who answers to one is
                // asked at its own.
                let gate = self.settings.gate(None);
                self.base.to_builder().credentials_provider(provider).http_client(self.transport.behind(gate)).build()
            }
        };
        let session =
            Arc::new(Session { config, login: login.clone(), identity: Mutex::default(), scopes: Mutex::default() });
        sessions.insert(login.clone(), (now, session.clone()));
        session
    }

    /// Which account and principal a session acts as; asked again now and then, since credentials can be replaced.
    pub async fn identity(&self, session: &Session, region: &str) -> Result<Identity, CloudError> {
        let mut known = session.identity.lock().await;
        if let Some((at, identity)) = &*known
            && at.elapsed() < self.settings.identity_age
        {
            return Ok(identity.clone());
        }
        let config = session.config.to_builder().region(aws_config::Region::new(region.to_owned())).build();
        let caller = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
        let caller = caller.during("sts:GetCallerIdentity")?;
        let account_id = caller.account().unwrap_or_default().to_owned();
        let principal_arn = match (&session.login.role_arn, &self.settings.principal_arn) {
            (Some(role), _) => role.clone(),
            (None, Some(principal)) => principal.clone(),
            (None, None) => principal(&config, caller.arn().unwrap_or_default()).await?,
        };
        let identity = Identity { account_id, principal_arn };
        *known = Some((Instant::now(), identity.clone()));
        Ok(identity)
    }

    /// AWS counts the calls of an account by region and service, whoever makes them, and so do we. What has no region of
    /// its own is called, and counted, where it is signed for.
    fn gate(&self, account: &str, sdk_region: &str, service: &'static str) -> Gate {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry((account.to_owned(), sdk_region.to_owned(), service));
        gate.or_insert_with(|| self.settings.gate(self.settings.lease.clone())).clone()
    }

    /// The scope of a session in a region.
    pub async fn scope(&self, session: &Session, identity: &Identity, region: &Region) -> Arc<Scope> {
        let mut scopes = session.scopes.lock().await;
        if let Some(scope) = scopes.get(region).filter(|scope| scope.aws.account_id == identity.account_id) {
            return scope.clone();
        }
        let sdk_region = if region.is_global() { HOME_OF_GLOBAL } else { region.as_str() };
        let gated = |service: &'static str| {
            let gate = self.gate(&identity.account_id, sdk_region, service);
            let config = session.config.to_builder().region(aws_config::Region::new(sdk_region.to_owned()));
            config.http_client(self.transport.behind(gate)).build()
        };
        let clients = Clients {
            region: region.clone(),
            account_id: identity.account_id.clone(),
            ec2: aws_sdk_ec2::Client::new(&gated("ec2")),
            kms: aws_sdk_kms::Client::new(&gated("kms")),
            logs: aws_sdk_cloudwatchlogs::Client::new(&gated("cloudwatchlogs")),
            tagging: aws_sdk_resourcegroupstagging::Client::new(&gated("resourcegroupstagging")),
            quotas: aws_sdk_servicequotas::Client::new(&gated("servicequotas")),
            ecr: aws_sdk_ecr::Client::new(&gated("ecr")),
            ecs: aws_sdk_ecs::Client::new(&gated("ecs")),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&gated("elasticloadbalancingv2")),
            autoscaling: aws_sdk_applicationautoscaling::Client::new(&gated("applicationautoscaling")),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&gated("cloudwatch")),
            waf: aws_sdk_wafv2::Client::new(&gated("wafv2")),
            cloudfront: aws_sdk_cloudfront::Client::new(&gated("cloudfront")),
            iam: aws_sdk_iam::Client::new(&gated("iam")),
            rds: aws_sdk_rds::Client::new(&gated("rds")),
            secrets: aws_sdk_secretsmanager::Client::new(&gated("secretsmanager")),
            sns: aws_sdk_sns::Client::new(&gated("sns")),
            s3: aws_sdk_s3::Client::from_conf(
                // A bucket as a host name is what AWS understands and emulators do not.
                aws_sdk_s3::config::Builder::from(&gated("s3"))
                    .force_path_style(self.base.endpoint_url().is_some())
                    .build(),
            ),
            limits: self.settings.limits,
            key_marks: crate::aws::kms::KeyMarks::default(),
            tags_read: crate::aws::tag_index::TagsRead::default(),
            groups_read: crate::aws::rds::GroupsRead::default(),
            targets: crate::aws::ecs::Targets::default(),
            web_acls: Marked::default(),
            distributions: Marked::default(),
            restarts: crate::aws::rds::Restarts::default(),
            dhcp_options: crate::aws::ec2::DhcpOptionsSets::default(),
        };
        let aws = Arc::new(Aws::new(Arc::new(clients)));
        let scope = Arc::new(Scope {
            aws,
            catalogue: self.settings.catalogue,
            looks: Mutex::default(),
            failures: StdMutex::default(),
            zones: OnceCell::new(),
            s3_prefix_list: OnceCell::new(),
            offers: Mutex::default(),
            surroundings: Surroundings::default(),
        });
        scopes.insert(region.clone(), scope.clone());
        scope
    }
}

/// The role behind a session (`iam:GetRole` keeps its path), or the user or root as it is.
async fn principal(config: &SdkConfig, caller: &str) -> Result<String, CloudError> {
    let Some((_, session)) = caller.split_once(":assumed-role/") else { return Ok(caller.to_owned()) };
    let role = session.split('/').next().unwrap_or_default();
    let answer = aws_sdk_iam::Client::new(config).get_role().role_name(role).send().await.during("iam:GetRole")?;
    Ok(answer.role.map(|role| role.arn).unwrap_or_default())
}

impl Scope {
    /// What was seen of every kind that can be here, looking again at those whose last look is too old or failed. One caller
    /// looks, the others wait for what it finds. `at_home`: it is the own region of the platform.
    pub async fn look(&self, region: &Region, at_home: bool, ages: Ages) -> BTreeMap<Place, Arc<KindLook>> {
        let mut looks = self.looks.lock().await;
        let now = Instant::now();
        let here = KINDS.iter().filter(|kind| kind.places.include(region, at_home));
        let due = here.filter(|kind| match looks.get(kind.name) {
            Some(look) => now.saturating_duration_since(look.began) >= self.believed_for(look, kind, ages),
            None => true,
        });
        let round = self.aws.indexed_round();
        let seen = join_all(due.map(|kind| self.sweep(&round, kind, Look::All))).await;
        self.count_failures(&seen);
        looks.extend(seen);
        // Others may have looked at more here.
        let here = KINDS.iter().filter(|kind| kind.places.include(region, at_home));
        here.filter_map(|kind| Some(((region.clone(), kind.name), looks.get(kind.name)?.clone()))).collect()
    }

    /// Looks at some kinds again, whatever the age of the last look, and shares what it finds.
    pub async fn look_again(
        &self,
        kinds: impl IntoIterator<Item = &'static str>,
    ) -> Vec<(&'static str, Arc<KindLook>)> {
        let kinds: Vec<&'static str> = kinds.into_iter().collect();
        let mut looks = self.looks.lock().await;
        let round = self.aws.round();
        let due = KINDS.iter().filter(|kind| kinds.contains(&kind.name));
        let seen = join_all(due.map(|kind| self.sweep(&round, kind, Look::All))).await;
        self.count_failures(&seen);
        looks.extend(seen.clone());
        seen
    }

    /// How long a look is good enough. One that has failed is shared like any other, for a short time that doubles:
    /// all platforms of an account looking again at once is what a service that throttles us needs least.
    fn believed_for(&self, look: &KindLook, kind: &Kind<Aws>, ages: Ages) -> Duration {
        let age = ages.of(kind.tier);
        if look.found.is_ok() {
            return age;
        }
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(kind.name).copied();
        (FIRST_RETRY * 2_u32.saturating_pow(failures.unwrap_or(1).clamp(1, 16) - 1)).min(age)
    }

    fn count_failures(&self, seen: &[(&'static str, Arc<KindLook>)]) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, look) in seen {
            match look.found {
                Ok(_) => drop(failures.remove(kind)),
                Err(_) => *failures.entry(*kind).or_default() += 1,
            }
        }
    }

    /// Puts what a read of these ids found into the shared look, so that it need not be read at every pass until the next
    /// look at everything.
    pub async fn take_over(&self, kind: &'static str, ids: &BTreeSet<String>, later: &KindLook) {
        let mut looks = self.looks.lock().await;
        if let Some(look) = looks.get(kind).and_then(|look| look.with(ids, later)) {
            looks.insert(kind, Arc::new(look));
        }
    }

    /// Reads some things of one kind by their ids, for one platform only.
    pub async fn read(&self, kind: &Kind<Aws>, ids: Vec<String>) -> Arc<KindLook> {
        self.sweep(&self.aws.round(), kind, Look::Ids(ids)).await.1
    }

    async fn sweep(&self, round: &Arc<Aws>, kind: &Kind<Aws>, look: Look) -> (&'static str, Arc<KindLook>) {
        let began = Instant::now();
        let found = (self.catalogue.sweep)(*kind, round.clone(), look).await;
        if let Err(error) = &found {
            tracing::warn!(kind = kind.name, region = %round.region, %error, "Could not look.");
        }
        (kind.name, Arc::new(KindLook::new(began, found)))
    }

    /// The zones in which each of the platform's interface endpoints is offered.
    async fn endpoint_zones(&self) -> Result<Vec<Vec<String>>, CloudError> {
        let names = INTERFACES.map(|service| service_name(self.aws.region.as_str(), service));
        let call = self.aws.ec2.describe_vpc_endpoint_services().set_service_names(Some(names.into()));
        let answer = call.send().await.during("ec2:DescribeVpcEndpointServices")?;
        Ok(answer.service_details().iter().map(|service| service.availability_zones().to_vec()).collect())
    }

    /// The region's zones in AWS's order, without local and wavelength zones, those to opt in to, and those in which a
    /// VPC endpoint of the platform is not offered.
    pub async fn zones(&self) -> Result<&[String], CloudError> {
        let zones = self.zones.get_or_try_init(|| async {
            let filter =
                |name: &str, value: &str| aws_sdk_ec2::types::Filter::builder().name(name).values(value).build();
            let call = self.aws.ec2.describe_availability_zones().filters(filter("state", "available"));
            let call = call.filters(filter("opt-in-status", "opt-in-not-required"));
            let (answer, offered) = join(call.send(), self.endpoint_zones()).await;
            let (answer, offered) = (answer.during("ec2:DescribeAvailabilityZones")?, offered?);
            let zones = answer.availability_zones().iter().filter_map(|zone| zone.zone_name.clone());
            Ok(zones.filter(|zone| offered.iter().all(|zones| zones.contains(zone))).collect())
        });
        zones.await.map(Vec::as_slice)
    }

    /// The prefix list of S3 in the region, one that AWS keeps.
    pub async fn s3_prefix_list(&self) -> Result<String, CloudError> {
        const ACTION: &str = "ec2:DescribeManagedPrefixLists";
        let list = self.s3_prefix_list.get_or_try_init(|| async {
            let name = service_name(self.aws.region.as_str(), "s3");
            let named = aws_sdk_ec2::types::Filter::builder().name("prefix-list-name").values(&name).build();
            let call = self.aws.ec2.describe_managed_prefix_lists().filters(named).into_paginator().items().send();
            let lists = call.collect::<Result<Vec<_>, _>>().await.during(ACTION)?;
            // Anybody may give a list of their own that name.
            let of_aws = lists.into_iter().find(|list| list.owner_id() == Some("AWS"));
            let id = of_aws.and_then(|list| list.prefix_list_id);
            id.ok_or_else(|| CloudError::new(Class::NotFound, ACTION, "NoList", format!("AWS has no list {name}")))
        });
        list.await.cloned()
    }

    /// The versions in which this can be had, oldest first.
    pub async fn offers(&self, ordered: &Ordered) -> Result<Vec<Offer>, CloudError> {
        let mut known = self.offers.lock().await;
        if let Some((_, offers)) = known.get(ordered).filter(|(at, _)| at.elapsed() < OFFERS_AGE) {
            return Ok(offers.clone());
        }
        let offers = crate::aws::rds::offers(&self.aws, ordered).await?;
        known.insert(ordered.clone(), (Instant::now(), offers.clone()));
        Ok(offers)
    }
}
