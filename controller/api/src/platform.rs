//! A spec with everything decided that it leaves open. Pure: what must be asked of AWS is given in [`Facts`].

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use crate::application::{Compute, Ingress};
use crate::approval::{Guard, Lowered};
use crate::database::{Database, Offer, Running};
use crate::monitoring::Monitoring;
use crate::spec::{
    DeletionPolicy, DriftPolicy, Exception, ExtraRoute, ExtraRule, ExtraStatement, Keys, LOG_RETENTION_DAYS,
    NatGateways, Network, PaymentPlatformSpec, Profile, SecurityGroups, TaskEgress,
};
use crate::static_assets::StaticAssets;
use crate::status::{Resolved, Zone as PinnedZone};

/// The value of the tag `Application` on everything.
pub const APPLICATION: &str = "payment-processing";

/// What resolution needs from outside the spec.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The AWS account, twelve digits.
    pub account_id: String,
    /// ARN of the role or user as which the controller acts, without a session.
    pub principal_arn: String,
    /// The region's zones in AWS's order: available, and offered without opting in.
    pub zones: Vec<String>,
    /// Prefix list of S3 in the region; None: not known, and not needed where tasks reach the internet.
    pub s3_prefix_list: Option<String>,
    /// What was decided before (`status.resolved`).
    pub decided: Option<Resolved>,
    /// Keys of tags that an earlier spec has put on resources.
    pub earlier_tag_keys: BTreeSet<String>,
    /// Versions of the database engine that are offered for what is ordered; None: not known.
    pub database_offers: Option<Vec<Offer>>,
    /// The database that is there, where no version of it is recorded.
    pub database_running: Option<Running>,
    /// Whether somebody has approved what lowers protection.
    pub approved: bool,
}

/// A field of the spec that cannot be carried out, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.{field}: {message}")]
pub struct Invalid {
    pub field: &'static str,
    pub message: String,
}

/// What is to be built, with nothing left open.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    pub environment: String,
    pub profile: Profile,
    pub region: String,
    pub account_id: String,
    pub principal_arn: String,
    pub drift_policy: DriftPolicy,
    pub deletion_policy: DeletionPolicy,
    /// The tags of every resource, without its name and its ownership.
    pub tags: BTreeMap<String, String>,
    /// Keys of tags to take off resources.
    pub retired_tag_keys: BTreeSet<String>,
    pub vpc_cidr: Ipv4Net,
    pub zones: Vec<Zone>,
    pub nat_gateways: NatGateways,
    pub deny_remote_administration: bool,
    pub key_rotation_days: i32,
    pub key_deletion_days: i32,
    pub key_administrators: BTreeSet<String>,
    pub ingress: Ingress,
    pub static_assets: StaticAssets,
    pub compute: Compute,
    pub database_port: u16,
    pub database: Database,
    pub monitoring: Monitoring,
    pub log_retention_days: i32,
    /// Days that server access logs and the like are kept.
    pub access_log_retention_days: i32,
    /// ARNs to which others may send log events.
    pub subscription_destinations: BTreeSet<String>,
    /// Days that the audit trail's and the flow logs' objects are kept.
    pub audit_retention_days: i32,
    /// Days after which flow logs move to cheaper storage.
    pub flow_log_archive_days: i32,
    /// Interface endpoints besides those of the platform, by the services' short names.
    pub extra_endpoints: BTreeSet<String>,
    pub extra_routes: Vec<ExtraRoute>,
    /// Prefix list of S3 that the tasks may reach in place of the internet.
    pub s3_prefix_list: Option<String>,
    /// By the group's node.
    pub extra_rules: BTreeMap<String, Vec<ExtraRule>>,
    /// By the key's node.
    pub extra_statements: BTreeMap<String, Vec<ExtraStatement>>,
    pub exceptions: Vec<Exception>,
    /// Where the spec asks for less protection than is in force. Without approval the values above are those in force.
    pub lowered: Vec<Lowered>,
    /// Whether credentials are rotated by a function of the platform.
    pub rotation: bool,
    /// Whether there are backups in a second region.
    pub backup: bool,
    /// Whether there is an audit trail of its own.
    pub audit: bool,
}

/// A zone with its subnets.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    pub name: String,
    pub index: i32,
    pub public: Ipv4Net,
    pub private: Ipv4Net,
    pub database: Ipv4Net,
    /// Whether the ranges are named in the spec; otherwise an existing subnet keeps its own.
    pub named: bool,
}

impl Platform {
    /// Decides what the spec leaves open, and refuses what it asks in vain. The schema refuses most of that earlier;
    /// this holds for objects that were accepted by an older schema and for `plan -f`, which asks no API server.
    pub fn resolve(spec: &PaymentPlatformSpec, facts: &Facts) -> Result<Self, Vec<Invalid>> {
        let mut errors = Vec::new();
        check_environment(&spec.environment, &mut errors);
        let mut guard = Guard::new(facts.decided.as_ref(), facts.approved);
        let profile = guard.profile(spec.profile);
        let production = profile == Profile::Production;
        let aws = spec.aws.clone().unwrap_or_default();
        let region = aws.region.unwrap_or_else(|| "us-east-1".to_owned());
        let network = spec.network.clone().unwrap_or_default();
        let vpc_cidr = vpc_cidr(&network, &mut errors);
        let zones = resolve_zones(&network, &region, vpc_cidr, facts, &mut errors);
        let mut nat_gateways = network.nat_gateways.unwrap_or_default();
        if production && spec.profile != profile {
            // What only the profile that is not approved yet may have waits with it.
            nat_gateways = NatGateways::PerZone;
        }
        if production && nat_gateways == NatGateways::Single {
            errors.push(invalid("network.natGateways", "Single needs profile: Ephemeral"));
        }
        let encryption = spec.encryption.clone().unwrap_or_default();
        let key_rotation_days = encryption.rotation_period_days.unwrap_or(365);
        check_range("encryption.rotationPeriodDays", key_rotation_days, 90, 2560, &mut errors);
        let key_deletion_days = encryption.deletion_window_days.unwrap_or(if production { 30 } else { 7 });
        check_range("encryption.deletionWindowDays", key_deletion_days, 7, 30, &mut errors);
        let compute = Compute::resolve(spec, &mut errors);
        let monitoring = Monitoring::resolve(spec, &mut errors);
        let log_retention_days =
            spec.logs.as_ref().and_then(|logs| logs.retention_days).unwrap_or(if production { 365 } else { 90 });
        check_retention(log_retention_days, spec.profile == Profile::Production, &mut errors);
        let access_logs = spec.logs.as_ref().and_then(|logs| logs.access_log_retention_days);
        let access_log_retention_days = access_logs.unwrap_or(if production { 365 } else { 90 });
        check_range("logs.accessLogRetentionDays", access_log_retention_days, 90, 3653, &mut errors);
        let audit_retention_days = spec.audit.as_ref().and_then(|audit| audit.retention_days).unwrap_or(2555);
        check_range("audit.retentionDays", audit_retention_days, 365, 3653, &mut errors);
        let archive = network.flow_logs.as_ref().and_then(|logs| logs.archive_after_days).unwrap_or(7);
        check_range("network.flowLogs.archiveAfterDays", archive, 1, 360, &mut errors);
        let deny_remote_administration = network.deny_remote_administration.unwrap_or(true);
        let deletion_policy = guard.deletion_policy(deletion_policy(spec.deletion_policy, profile));
        let key_rotation_days =
            guard.at_most("encryption.rotationPeriodDays", key_rotation_days, |old| old.key_rotation_days);
        let key_deletion_days =
            guard.at_least("encryption.deletionWindowDays", key_deletion_days, |old| old.key_deletion_days);
        let log_retention_days = guard.at_least("logs.retentionDays", log_retention_days, |old| old.log_retention_days);
        let access_log_retention_days =
            guard.at_least("logs.accessLogRetentionDays", access_log_retention_days, |old| {
                old.access_log_retention_days
            });
        let audit_retention_days =
            guard.at_least("audit.retentionDays", audit_retention_days, |old| old.audit_retention_days);
        let deny_remote_administration =
            guard.on("network.denyRemoteAdministration", deny_remote_administration, |old| {
                old.deny_remote_administration
            });
        let s3_prefix_list = s3_prefix_list(spec, facts, &mut guard, &mut errors);
        let zone_names: Vec<String> = zones.iter().map(|zone| zone.name.clone()).collect();
        let database = Database::resolve(
            spec.database.as_ref(),
            (profile, spec.profile),
            &zone_names,
            facts,
            &mut guard,
            &mut errors,
        );
        check_exceptions(&spec.exceptions, &mut errors);
        let ingress = Ingress::resolve(spec, &region, facts, &mut guard, &mut errors);
        let static_assets = StaticAssets::resolve(spec, profile, facts, &mut guard, &mut errors);
        let tags = tags(spec, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            environment: spec.environment.clone(),
            profile,
            lowered: guard.lowered,
            region,
            account_id: facts.account_id.clone(),
            principal_arn: facts.principal_arn.clone(),
            drift_policy: spec.drift_policy,
            deletion_policy,
            retired_tag_keys: facts.earlier_tag_keys.iter().filter(|key| !tags.contains_key(*key)).cloned().collect(),
            tags,
            vpc_cidr,
            zones,
            nat_gateways,
            deny_remote_administration,
            key_rotation_days,
            key_deletion_days,
            key_administrators: aws.key_administrators.into_iter().collect(),
            ingress,
            static_assets,
            compute,
            database_port: database.port(),
            database,
            monitoring,
            log_retention_days,
            access_log_retention_days,
            subscription_destinations: spec
                .logs
                .iter()
                .flat_map(|logs| logs.subscription_destinations.clone())
                .collect(),
            audit_retention_days,
            flow_log_archive_days: archive,
            extra_endpoints: network.extra_endpoints.into_iter().collect(),
            extra_routes: network.extra_routes,
            s3_prefix_list,
            extra_rules: extra_rules(spec),
            extra_statements: extra_statements(spec),
            exceptions: spec.exceptions.clone(),
            rotation: production,
            backup: production,
            audit: production,
        })
    }

    /// What works and still deserves a look, each with its field.
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let (compute, database) = (self.compute.warnings(), self.database.warnings(now));
        let unreachable = self.s3_prefix_list.iter().filter(|_| !self.compute.image.contains(".dkr.ecr.")).map(|_| {
            let image = &self.compute.image;
            format!(
                "compute.image {image} is in no repository of ECR: with securityGroups.taskEgress EndpointsOnly tasks reach \
                 its registry only by a rule of securityGroups.ecsTasks.extraRules"
            )
        });
        let groups = unreachable.collect();
        [compute, database, self.ingress.warnings(), self.static_assets.warnings(), groups].concat()
    }

    /// What is shown in `status.resolved` and holds from now on.
    pub fn resolved(&self) -> Resolved {
        Resolved {
            region: self.region.clone(),
            zones: self.zones.iter().map(|zone| PinnedZone { name: zone.name.clone(), index: zone.index }).collect(),
            profile: Some(self.profile),
            log_retention_days: Some(self.log_retention_days),
            access_log_retention_days: Some(self.access_log_retention_days),
            audit_retention_days: Some(self.audit_retention_days),
            key_rotation_days: Some(self.key_rotation_days),
            key_deletion_days: Some(self.key_deletion_days),
            s3_prefix_list: self.s3_prefix_list.clone(),
            deny_remote_administration: Some(self.deny_remote_administration),
            database_engine_version: Some(self.database.engine_version.clone()),
            database_first_major: Some(self.database.first_major.clone()),
            database_supports_performance_insights: Some(self.database.performance_insights_supported),
            database_zones: self.database.instance_zones.clone(),
            database_backup_retention_days: Some(self.database.backup_retention_days),
            database_secret_recovery_window_days: Some(self.database.secret_recovery_window_days),
            certificate_arn: self.ingress.certificate_arn.clone(),
            cdn_certificate_arn: self.static_assets.certificate_arn.clone(),
            cdn_web_acl: Some(self.static_assets.web_acl),
            static_assets_under_key: Some(!self.static_assets.access_identity),
            deletion_policy: Some(self.deletion_policy),
        }
    }
}

/// The deletion policy that holds in a profile when the spec is silent.
pub fn deletion_policy(named: Option<DeletionPolicy>, profile: Profile) -> DeletionPolicy {
    named.unwrap_or(match profile {
        Profile::Production => DeletionPolicy::KeepData,
        Profile::Ephemeral => DeletionPolicy::Delete,
    })
}

/// What the tasks reach in place of the internet. That they do not reach it is not given up unasked.
fn s3_prefix_list(
    spec: &PaymentPlatformSpec,
    facts: &Facts,
    guard: &mut Guard<'_>,
    errors: &mut Vec<Invalid>,
) -> Option<String> {
    const FIELD: &str = "securityGroups.taskEgress";
    let wanted = only_endpoints(spec);
    let image = spec.compute.as_ref().and_then(|compute| compute.image.as_deref());
    if wanted && image.is_none_or(|image| image.starts_with("public.ecr.aws/")) {
        errors.push(invalid(FIELD, "EndpointsOnly needs compute.image: tasks cannot reach a registry on the internet"));
    }
    let only = guard.on(FIELD, wanted, |old| old.s3_prefix_list.as_ref().map(|_| true));
    let decided = facts.decided.as_ref().and_then(|decided| decided.s3_prefix_list.clone());
    let list = decided.or_else(|| facts.s3_prefix_list.clone()).filter(|_| only);
    if only && list.is_none() {
        errors.push(invalid(FIELD, "EndpointsOnly: it is not known which prefix list S3 has in the region"));
    }
    list
}

/// Whether the tasks are to reach nothing outside the VPC but what has an endpoint.
pub fn only_endpoints(spec: &PaymentPlatformSpec) -> bool {
    let groups = spec.security_groups.as_ref();
    groups.and_then(|groups| groups.task_egress) == Some(TaskEgress::EndpointsOnly)
}

/// By the group's node.
fn extra_rules(spec: &PaymentPlatformSpec) -> BTreeMap<String, Vec<ExtraRule>> {
    let SecurityGroups { alb, ecs_tasks, aurora, vpc_endpoints, task_egress: _ } =
        spec.security_groups.clone().unwrap_or_default();
    let groups =
        [("alb", alb), ("ecs-tasks", ecs_tasks), ("aurora", aurora), ("vpc-endpoints", vpc_endpoints)].into_iter();
    groups.filter_map(|(node, group)| Some((node.to_owned(), group?.extra_rules))).collect()
}

/// By the key's node.
fn extra_statements(spec: &PaymentPlatformSpec) -> BTreeMap<String, Vec<ExtraStatement>> {
    let Keys { app, s3, logs } = spec.keys.clone().unwrap_or_default();
    let keys = [("app", app), ("s3", s3), ("logs", logs)].into_iter();
    keys.filter_map(|(node, key)| Some((node.to_owned(), key?.extra_statements))).collect()
}

fn check_exceptions(exceptions: &[Exception], errors: &mut Vec<Invalid>) {
    for exception in exceptions {
        if exception.until.parse::<Timestamp>().is_err() {
            let message = format!("until: {:?} is no time like 2027-01-31T00:00:00Z", exception.until);
            errors.push(invalid("exceptions", message));
        }
    }
}

pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Invalid {
    Invalid { field, message: message.into() }
}

fn check_environment(environment: &str, errors: &mut Vec<Invalid>) {
    let letter = environment.starts_with(|c: char| c.is_ascii_lowercase());
    let characters = environment.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !(letter && characters && environment.len() <= 17) || environment.ends_with('-') || environment.contains("--") {
        let rule = "1 to 17 lower-case letters, digits and single inner hyphens, beginning with a letter";
        errors.push(invalid("environment", format!("{environment:?} is not {rule}")));
    }
    if environment.ends_with("-dr") || environment.ends_with("-cdn") {
        errors.push(invalid("environment", "must not end in -dr or -cdn"));
    }
}

pub(crate) fn check_range(field: &'static str, value: i32, min: i32, max: i32, errors: &mut Vec<Invalid>) {
    if !(min..=max).contains(&value) {
        errors.push(invalid(field, format!("{value} is not between {min} and {max}")));
    }
}

fn check_retention(days: i32, production: bool, errors: &mut Vec<Invalid>) {
    if !LOG_RETENTION_DAYS.contains(&days) {
        let periods = LOG_RETENTION_DAYS.map(|days| days.to_string()).join(", ");
        errors.push(invalid("logs.retentionDays", format!("{days} is not one of {periods}")));
    }
    if production && days < 90 {
        errors.push(invalid("logs.retentionDays", "must be at least 90 in Production"));
    }
}

/// An IPv4 range written by its first address.
pub(crate) fn parse_range(field: &'static str, text: &str, errors: &mut Vec<Invalid>) -> Option<Ipv4Net> {
    match text.parse::<Ipv4Net>() {
        Ok(range) if range.trunc() == range => Some(range),
        Ok(range) => {
            errors.push(invalid(field, format!("{text} must be written by its first address: {}", range.trunc())));
            None
        }
        Err(_) => {
            errors.push(invalid(field, format!("{text:?} is no IPv4 range like 10.0.0.0/16")));
            None
        }
    }
}

fn vpc_cidr(network: &Network, errors: &mut Vec<Invalid>) -> Ipv4Net {
    let fallback = Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 0, 0, 0), 16);
    let Some(text) = &network.vpc_cidr else { return fallback };
    let Some(range) = parse_range("network.vpcCidr", text, errors) else { return fallback };
    if !(16..=28).contains(&range.prefix_len()) {
        errors.push(invalid("network.vpcCidr", format!("{range} is not from /16 to /28")));
    }
    range
}

fn resolve_zones(network: &Network, region: &str, vpc: Ipv4Net, facts: &Facts, errors: &mut Vec<Invalid>) -> Vec<Zone> {
    let pinned = facts.decided.iter().flat_map(|decided| decided.zones.iter().cloned()).collect::<Vec<_>>();
    let names = match &network.availability_zones {
        Some(names) => names.clone(),
        None if !pinned.is_empty() => pinned.iter().map(|zone| zone.name.clone()).collect(),
        None => facts.zones.iter().take(2).cloned().collect(),
    };
    if names.iter().collect::<BTreeSet<_>>().len() != names.len() || !(2..=3).contains(&names.len()) {
        let message = format!("two or three different zones are needed, here are {}", names.join(", "));
        errors.push(invalid("network.availabilityZones", message));
        return Vec::new();
    }
    // A zone in use that the region does not offer any more is no reason to stop keeping what is in it.
    let offered = |name: &String| facts.zones.is_empty() || facts.zones.contains(name);
    let in_use = |name: &String| pinned.iter().any(|zone| zone.name == *name);
    if let Some(unknown) = names.iter().find(|name| !offered(name) && !in_use(name)) {
        let message = format!("{region} does not offer {unknown}; it offers {}", facts.zones.join(", "));
        errors.push(invalid("network.availabilityZones", message));
        return Vec::new();
    }
    match &network.subnets {
        Some(subnets) => {
            let named = [&subnets.public, &subnets.private, &subnets.database];
            if named.iter().any(|tier| tier.len() != names.len()) {
                errors.push(invalid("network.subnets", "each tier needs one range per availability zone"));
                return Vec::new();
            }
            let ranges = named.map(|tier| {
                tier.iter().filter_map(|text| parse_range("network.subnets", text, errors)).collect::<Vec<_>>()
            });
            if ranges.iter().any(|tier| tier.len() != names.len()) {
                return Vec::new();
            }
            check_subnets(ranges.iter().flatten().copied().collect(), vpc, errors);
            let indexes = indexes(&names, &pinned);
            let zones = names.into_iter().zip(indexes).enumerate().map(|(at, (name, index))| Zone {
                name,
                index,
                public: ranges[0][at],
                private: ranges[1][at],
                database: ranges[2][at],
                named: true,
            });
            zones.collect()
        }
        None => derived_zones(names, &pinned, vpc, errors),
    }
}

fn check_subnets(ranges: Vec<Ipv4Net>, vpc: Ipv4Net, errors: &mut Vec<Invalid>) {
    for (at, range) in ranges.iter().enumerate() {
        if !vpc.contains(range) {
            errors.push(invalid("network.subnets", format!("{range} does not lie inside the VPC's {vpc}")));
        }
        if let Some(other) = ranges[..at].iter().find(|other| other.contains(range) || range.contains(*other)) {
            errors.push(invalid("network.subnets", format!("{range} overlaps {other}")));
        }
        if !(16..=28).contains(&range.prefix_len()) {
            errors.push(invalid("network.subnets", format!("{range} is not from /16 to /28")));
        }
    }
}

fn derived_zones(names: Vec<String>, pinned: &[PinnedZone], vpc: Ipv4Net, errors: &mut Vec<Invalid>) -> Vec<Zone> {
    if vpc.prefix_len() > 19 {
        errors.push(invalid("network.subnets", format!("{vpc} has no room for the default subnets; name them")));
        return Vec::new();
    }
    let indexes = indexes(&names, pinned);
    let base = u32::from(vpc.network());
    let range = |offset: i32| Ipv4Net::new_assert((base + (offset as u32) * 256).into(), 24);
    let zones = names.into_iter().zip(indexes).map(|(name, index)| Zone {
        name,
        index,
        public: range(1 + index),
        private: range(11 + index),
        database: range(21 + index),
        named: false,
    });
    zones.collect()
}

/// Places of a zone in the address plan: a tier begins ten ranges after the one before. Three zones that go and three
/// that come need six.
const PLACES: i32 = 10;

/// The place of each zone in the address plan: a zone keeps its own, a new one takes the lowest that no zone has, not
/// even one that is about to go, since its subnets are still there when the new ones are made.
fn indexes(names: &[String], pinned: &[PinnedZone]) -> Vec<i32> {
    let mut taken: BTreeSet<i32> = pinned.iter().map(|zone| zone.index).collect();
    let mut own = Vec::new();
    for name in names {
        let index = match pinned.iter().find(|zone| zone.name == *name) {
            Some(zone) => zone.index,
            None => (0..PLACES).find(|index| !taken.contains(index)).unwrap_or_default(),
        };
        taken.insert(index);
        own.push(index);
    }
    own
}

fn tags(spec: &PaymentPlatformSpec, errors: &mut Vec<Invalid>) -> BTreeMap<String, String> {
    let own = [
        ("Environment", spec.environment.as_str()),
        ("Application", APPLICATION),
        ("ManagedBy", "payment-platform-controller"),
        ("Owner", spec.owner.as_deref().unwrap_or("platform-team")),
        ("CostCenter", spec.cost_center.as_deref().unwrap_or("engineering")),
        ("Compliance", "pci-dss"),
    ];
    let own: BTreeMap<String, String> = own.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let fits = |text: &str, max: usize| {
        text.len() <= max && text.chars().all(|c| c.is_ascii_alphanumeric() || " _.:/=+@-".contains(c))
    };
    if spec.tags.len() > 30 {
        errors.push(invalid("tags", "at most 30: AWS allows 50, and the controller sets the others"));
    }
    for (key, value) in &spec.tags {
        let reserved = own.contains_key(key) || key == "Name" || key.starts_with("paymentplatform.io/");
        if reserved || key.to_ascii_lowercase().starts_with("aws:") {
            errors.push(invalid("tags", format!("{key:?} is set by the controller or by AWS")));
        } else if key.is_empty() || !fits(key, 128) || !fits(value, 256) {
            errors.push(invalid("tags", format!("{key:?}: letters, digits, spaces and _ . : / = + @ - only")));
        }
    }
    for (field, value) in [("owner", &own["Owner"]), ("costCenter", &own["CostCenter"])] {
        if !fits(value, 256) || value.is_empty() {
            errors.push(invalid(field, "1 to 256 letters, digits, spaces and _ . : / = + @ -"));
        }
    }
    spec.tags.clone().into_iter().chain(own).collect()
}
