//! ECS task definition: what the application's tasks are made of (PCI DSS 2.2.1: a root file system that cannot be written;
//! 8.6.2: secrets come from Secrets Manager, never from the definition; 10.2.1: what a task says goes to its log group).
//!
//! A revision never changes. What is to differ becomes a new revision; the one before is deregistered when no service runs it
//! any longer, and running tasks do not mind.
//!
//! AWS rules obeyed: Fargate takes certain pairs of CPU and memory only; a volume must be declared before it is mounted; the
//! roles must exist, and a new one is not known everywhere at once; ECS fills in what was left open (the host's port, empty
//! lists), which is not compared; a repeated registration would make a second revision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture, KeyValuePair, LogConfiguration, LogDriver, MountPoint,
    NetworkMode, OsFamily, PortMapping, RuntimePlatform, Secret as SecretSetting, TaskDefinition as Seen,
    TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus, TransportProtocol, Volume as SeenVolume,
};
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Replace};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::{change_tags, name_of, once, tag_list, tag_map};
use crate::aws::Aws;
use crate::aws::error::{During, built};
use crate::aws::iam::Role;
use crate::aws::logs::LogGroup;
use crate::aws::rds::Endpoint;
use crate::aws::secretsmanager::Secret;
use crate::aws::tags::{TagMap, Tags, claim};

/// What the families of our task definitions begin with.
const PREFIX: &str = "payment-app-";

/// The name of the application's container.
pub const CONTAINER: &str = "app";

/// What the names of log streams begin with.
const STREAM_PREFIX: &str = "ecs";

/// What the application's tasks are made of.
#[derive(Clone, Serialize)]
pub struct TaskDefinition {
    pub family: String,
    /// Units of which 1,024 are one processor.
    pub cpu: i32,
    /// MiB.
    pub memory: i32,
    /// As ECS spells it.
    pub architecture: String,
    /// As which ECS starts the tasks.
    pub execution_role: Ref<Role>,
    /// As which the application acts.
    pub task_role: Ref<Role>,
    pub container: Container,
    pub tags: Tags,
}

/// The application's container.
#[derive(Clone, Serialize)]
pub struct Container {
    pub image: String,
    pub port: u16,
    /// Besides what tells of the database.
    pub environment: BTreeMap<String, String>,
    /// ARNs of secrets, or of one key in them, besides the login of the database.
    pub secrets: BTreeMap<String, String>,
    /// Where files can be written, although the root file system cannot.
    pub volumes: BTreeSet<Volume>,
    pub database: Endpoint,
    pub database_name: String,
    /// As it is wanted: one that somebody has changed is put right, and no reason for another revision.
    pub database_port: u16,
    /// The login of the database.
    pub login: Ref<Secret>,
    pub log_group: Ref<LogGroup>,
}

/// A volume that lives as long as its task, by the path where it is mounted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Volume(pub String);

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub family: String,
    pub definition: Definition,
    pub tags: TagMap,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Definition {
    pub cpu: String,
    pub memory: String,
    pub architecture: String,
    pub operating_system: String,
    pub network_mode: String,
    pub launched_by: BTreeSet<String>,
    pub execution_role_arn: Option<String>,
    pub task_role_arn: Option<String>,
    pub volumes: BTreeSet<String>,
    pub containers: BTreeMap<String, ContainerFields>,
    /// Whether it sets anything that the platform never does (a proxy, shared namespaces, further storage, …).
    pub sets_more: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContainerFields {
    pub image: String,
    pub essential: bool,
    pub ports: BTreeSet<String>,
    pub environment: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
    pub read_only_root: bool,
    /// The volume at each path.
    pub mounts: BTreeMap<String, String>,
    pub log_driver: Option<String>,
    pub log_options: BTreeMap<String, String>,
    /// Whether it sets anything that the platform never does (a command, a user, capabilities, …).
    pub sets_more: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// With the revision.
    pub arn: String,
    /// Milliseconds since 1970.
    pub registered: i64,
}

impl TaskDefinition {
    /// `node` is what runs: `app`.
    pub fn family(node: &str, environment: &str) -> String {
        format!("payment-{node}-{environment}")
    }
}

impl Volume {
    /// The name of the volume: its path in the characters that ECS takes in a name. No two paths have the same.
    fn name(&self) -> String {
        let letter = |c: char| match c {
            '/' => "-".to_owned(),
            '-' => "_h".to_owned(),
            '.' => "_d".to_owned(),
            '_' => "_u".to_owned(),
            other => other.to_string(),
        };
        self.0.trim_matches('/').chars().map(letter).collect()
    }
}

impl Resource for TaskDefinition {
    const KIND: &'static str = "ecs/task-definition";
    const ACTIONS: &'static [&'static str] = &[
        "ecs:DeregisterTaskDefinition",
        "ecs:DescribeTaskDefinition",
        "ecs:ListTaskDefinitionFamilies",
        "ecs:ListTaskDefinitions",
        "ecs:RegisterTaskDefinition",
        "ecs:TagResource",
        "ecs:UntagResource",
        "iam:PassRole",
    ];
    const REPLACE_ON: &'static [(&'static str, Replace)] =
        &[("definition", Replace::CreateFirst), ("family", Replace::CreateFirst)];
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let definition = Definition {
            cpu: self.cpu.to_string(),
            memory: self.memory.to_string(),
            architecture: self.architecture.clone(),
            operating_system: OsFamily::Linux.as_str().to_owned(),
            network_mode: NetworkMode::Awsvpc.as_str().to_owned(),
            launched_by: [Compatibility::Fargate.as_str().to_owned()].into(),
            execution_role_arn: Some(up.get(&self.execution_role)?.arn.clone()),
            task_role_arn: Some(up.get(&self.task_role)?.arn.clone()),
            volumes: self.container.volumes.iter().map(Volume::name).collect(),
            containers: BTreeMap::from([(CONTAINER.to_owned(), self.container.fields(up)?)]),
            sets_more: false,
        };
        let tags = self.tags.over(seen.map(|seen| &seen.tags));
        Ok(Fields { family: self.family.clone(), definition, tags })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let arns = match look {
            Look::All => active(&aws).await?,
            Look::Ids(arns) => arns,
        };
        let found = stream::iter(arns).map(|arn| {
            let aws = aws.clone();
            async move { read(&aws, arn).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "ecs:RegisterTaskDefinition";
        // A registration takes no token: one whose answer was lost is found again by what it says, at the next pass.
        if let Some(registered) = registered(&cx.cloud, &want).await? {
            return Ok(Progress::Done(registered));
        }
        let Fields { family, definition, tags } = &want;
        let platform = RuntimePlatform::builder()
            .cpu_architecture(CpuArchitecture::from(definition.architecture.as_str()))
            .operating_system_family(OsFamily::from(definition.operating_system.as_str()));
        let volumes = definition.volumes.iter().map(|name| SeenVolume::builder().name(name).build());
        let containers = definition.containers.iter().map(|(name, container)| container.built(name, action));
        let call =
            cx.cloud.ecs.register_task_definition().family(family).cpu(&definition.cpu).memory(&definition.memory);
        let call = call.network_mode(NetworkMode::Awsvpc).requires_compatibilities(Compatibility::Fargate);
        let call = call.runtime_platform(platform.build()).set_volumes(Some(volumes.collect()));
        let call = call.set_execution_role_arn(definition.execution_role_arn.clone());
        let call = call.set_task_role_arn(definition.task_role_arn.clone());
        let call = call.set_container_definitions(Some(containers.collect::<Result<_, _>>()?));
        let call = call.set_tags(Some(tag_list(tags)));
        // One code for a role that is not known everywhere yet and for all else that ECS does not like: it is tried again,
        // ever less often, and AWS's words stand in the condition meanwhile.
        let made = call.customize().config_override(once()).send().await.during(action).map_err(|error| {
            match error.code == "ClientException" {
                true => CloudError { class: Class::NotYet, ..error },
                false => error,
            }
        })?;
        let made = made.task_definition.as_ref().and_then(output);
        let output = made.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no ARN"))?;
        Ok(Progress::Done(output))
    }

    async fn update(
        _want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.ecs.deregister_task_definition().task_definition(cloud_id).send().await;
        absent(call.during("ecs:DeregisterTaskDefinition"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

/// The names under which a container finds the master login of the database.
pub const LOGIN: [&str; 2] = ["DATABASE_USERNAME", "DATABASE_PASSWORD"];

impl Container {
    fn fields(&self, up: &Up<'_>) -> Result<ContainerFields, Pending> {
        let (host, reader_host) = self.database.hosts(up)?;
        let login = &up.get(&self.login)?.arn;
        let group = up.get(&self.log_group)?;
        let mut environment = BTreeMap::from([
            ("DATABASE_HOST".to_owned(), host.to_owned()),
            ("DATABASE_READER_HOST".to_owned(), reader_host.to_owned()),
            ("DATABASE_PORT".to_owned(), self.database_port.to_string()),
            ("DATABASE_NAME".to_owned(), self.database_name.clone()),
        ]);
        environment.retain(|name, _| !self.secrets.contains_key(name));
        environment.extend(self.environment.clone());
        let parts = LOGIN.into_iter().zip(["username", "password"]);
        let mut secrets: BTreeMap<String, String> =
            parts.map(|(name, part)| (name.to_owned(), format!("{login}:{part}::"))).collect();
        // A name stands in one of the two only, or ECS refuses it.
        secrets.retain(|name, _| !self.environment.contains_key(name));
        secrets.extend(self.secrets.clone());
        let region = group.arn.split(':').nth(3).unwrap_or_default();
        let options =
            [("awslogs-group", &*group.name), ("awslogs-region", region), ("awslogs-stream-prefix", STREAM_PREFIX)];
        Ok(ContainerFields {
            image: self.image.clone(),
            essential: true,
            ports: [format!("{}/tcp", self.port)].into(),
            environment,
            secrets,
            read_only_root: true,
            mounts: self.volumes.iter().map(|volume| (volume.0.clone(), volume.name())).collect(),
            log_driver: Some(LogDriver::Awslogs.as_str().to_owned()),
            log_options: options.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            sets_more: false,
        })
    }
}

impl ContainerFields {
    fn built(&self, name: &str, action: &'static str) -> Result<ContainerDefinition, CloudError> {
        let port = |text: &String| {
            let port = text.trim_end_matches("/tcp").parse().unwrap_or_default();
            PortMapping::builder().container_port(port).protocol(TransportProtocol::Tcp).build()
        };
        let secret = |(name, arn): (&String, &String)| {
            built(SecretSetting::builder().name(name).value_from(arn).build(), action)
        };
        let log = LogConfiguration::builder()
            .log_driver(LogDriver::from(self.log_driver.clone().unwrap_or_default().as_str()))
            .set_options(Some(self.log_options.clone().into_iter().collect()));
        let environment =
            self.environment.iter().map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
        let mounts = self.mounts.iter().map(|(path, volume)| {
            MountPoint::builder().container_path(path).source_volume(volume).read_only(false).build()
        });
        Ok(ContainerDefinition::builder()
            .name(name)
            .image(&self.image)
            .essential(self.essential)
            .set_port_mappings(Some(self.ports.iter().map(port).collect()))
            .set_environment(Some(environment.collect()))
            .set_secrets(Some(self.secrets.iter().map(secret).collect::<Result<_, _>>()?))
            .readonly_root_filesystem(self.read_only_root)
            .set_mount_points(Some(mounts.collect()))
            .log_configuration(built(log.build(), action)?)
            .build())
    }
}

/// ARNs of the revisions in use of all families with names like ours.
async fn active(aws: &Aws) -> Result<Vec<String>, CloudError> {
    let families = aws.ecs.list_task_definition_families().family_prefix(PREFIX);
    let families = families.status(TaskDefinitionFamilyStatus::Active).into_paginator().items().send();
    let families = families.collect::<Result<Vec<_>, _>>().await.during("ecs:ListTaskDefinitionFamilies")?;
    let revisions = stream::iter(families).map(|family| async move { revisions(aws, &family).await });
    let revisions: Vec<_> = revisions.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
    Ok(revisions.concat())
}

/// ARNs of the revisions in use of one family.
async fn revisions(aws: &Aws, family: &str) -> Result<Vec<String>, CloudError> {
    let call = aws.ecs.list_task_definitions().family_prefix(family).status(TaskDefinitionStatus::Active);
    let revisions = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    revisions.during("ecs:ListTaskDefinitions")
}

/// The newest revision in use that says the same and is of the same platform.
async fn registered(aws: &Aws, want: &Fields) -> Result<Option<Output>, CloudError> {
    let mut same: Option<Output> = None;
    for arn in revisions(aws, &want.family).await? {
        let Some(found) = read(aws, arn).await? else { continue };
        let ours = found.claim.is_some() && found.claim == claim(&want.tags);
        let fits = found.fields.is_ok_and(|fields| fields.definition == want.definition);
        if let Some(output) = found.output.filter(|_| ours && fits)
            && same.as_ref().is_none_or(|known| known.registered < output.registered)
        {
            same = Some(output);
        }
    }
    Ok(same)
}

/// ECS has no code of its own for a task definition that is not there.
fn absent<T>(answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code == "ClientException" => Ok(None),
        Err(error) => Err(error),
    }
}

/// None: it is not there, or was deregistered.
async fn read(aws: &Aws, arn: String) -> Result<Option<Found<TaskDefinition>>, CloudError> {
    let call = aws.ecs.describe_task_definition().task_definition(arn).include(TaskDefinitionField::Tags).send().await;
    let Some(answer) = absent(call.during("ecs:DescribeTaskDefinition"))? else { return Ok(None) };
    let tags = tag_map(answer.tags());
    let Some(seen) = answer.task_definition.filter(|seen| seen.status == Some(TaskDefinitionStatus::Active)) else {
        return Ok(None);
    };
    let family = seen.family.clone().unwrap_or_default();
    let claim = claim(&tags);
    let environment = tags.get("Environment").map_or("", String::as_str);
    let Some(output) = output(&seen) else { return Ok(None) };
    let uses = [seen.execution_role_arn.clone(), seen.task_role_arn.clone()];
    Ok(Some(Found {
        name_fits: claim.as_ref().is_some_and(|claim| TaskDefinition::family(&claim.node.name, environment) == family),
        claim,
        name: None,
        cloud_id: output.arn.clone(),
        uses: uses.into_iter().flatten().collect(),
        fields: Ok(Fields { family, definition: definition(seen), tags }),
        created: Some(output.registered / 1000),
        output: Some(output),
        busy: None,
        unready: None,
        leaving: false,
    }))
}

fn output(seen: &Seen) -> Option<Output> {
    let registered = seen.registered_at.and_then(|time| time.to_millis().ok()).unwrap_or_default();
    Some(Output { arn: seen.task_definition_arn.clone()?, registered })
}

/// What a revision says; what is compared is taken out of it, and what then is left is more than the platform ever sets.
fn definition(mut seen: Seen) -> Definition {
    let runtime = seen.runtime_platform.take();
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let volumes = seen.volumes.take().unwrap_or_default();
    let plain = |volume: &SeenVolume| {
        let mut rest = volume.clone();
        rest.name = None;
        rest.host = rest.host.filter(|host| host.source_path().is_some());
        rest.configured_at_launch = rest.configured_at_launch.filter(|configured| *configured);
        rest == SeenVolume::builder().build()
    };
    let strange_volume = !volumes.iter().all(plain);
    let launched_by = seen.requires_compatibilities.take().unwrap_or_default();
    let containers = seen.container_definitions.take().unwrap_or_default();
    let sets_more = strange_volume
        || !seen.placement_constraints().is_empty()
        || !seen.inference_accelerators().is_empty()
        || seen.pid_mode.is_some()
        || seen.ipc_mode.is_some()
        || seen.proxy_configuration.is_some()
        || seen.ephemeral_storage.is_some()
        || seen.enable_fault_injection == Some(true);
    Definition {
        cpu: seen.cpu.take().unwrap_or_default(),
        memory: seen.memory.take().unwrap_or_default(),
        // ECS's default where none is given.
        architecture: text(
            runtime.as_ref().and_then(|platform| Some(platform.cpu_architecture()?.as_str())).or(Some("X86_64")),
        ),
        operating_system: text(
            runtime.as_ref().and_then(|platform| Some(platform.operating_system_family()?.as_str())).or(Some("LINUX")),
        ),
        network_mode: text(seen.network_mode.as_ref().map(NetworkMode::as_str)),
        launched_by: launched_by.iter().map(|by| by.as_str().to_owned()).collect(),
        execution_role_arn: seen.execution_role_arn.take(),
        task_role_arn: seen.task_role_arn.take(),
        volumes: volumes.into_iter().filter_map(|volume| volume.name).collect(),
        containers: containers.into_iter().map(container).collect(),
        sets_more,
    }
}

fn container(mut seen: ContainerDefinition) -> (String, ContainerFields) {
    let port = |mapping: PortMapping| {
        let protocol = mapping.protocol.as_ref().map_or("tcp", TransportProtocol::as_str);
        format!("{}/{protocol}", mapping.container_port.unwrap_or_default())
    };
    let environment = seen.environment.take().unwrap_or_default().into_iter();
    let secrets = seen.secrets.take().unwrap_or_default().into_iter();
    let mounts = seen.mount_points.take().unwrap_or_default().into_iter();
    let log = seen.log_configuration.take();
    let fields = ContainerFields {
        image: seen.image.take().unwrap_or_default(),
        essential: seen.essential.take().unwrap_or(true),
        ports: seen.port_mappings.take().unwrap_or_default().into_iter().map(port).collect(),
        environment: environment.filter_map(|pair| Some((pair.name?, pair.value.unwrap_or_default()))).collect(),
        secrets: secrets.map(|secret| (secret.name, secret.value_from)).collect(),
        read_only_root: seen.readonly_root_filesystem.take().unwrap_or_default(),
        mounts: mounts
            .filter_map(|mount| {
                let volume = mount.source_volume.unwrap_or_default();
                let volume = if mount.read_only == Some(true) { format!("{volume} (read-only)") } else { volume };
                Some((mount.container_path?, volume))
            })
            .collect(),
        log_driver: log.as_ref().map(|log| log.log_driver().as_str().to_owned()),
        log_options: log.and_then(|log| log.options).unwrap_or_default().into_iter().collect(),
        sets_more: false,
    };
    let name = seen.name.take().unwrap_or_default();
    // Zero and empty lists are what ECS writes where nothing was set.
    seen.volumes_from = seen.volumes_from.filter(|from| !from.is_empty());
    seen.system_controls = seen.system_controls.filter(|controls| !controls.is_empty());
    seen.privileged = seen.privileged.filter(|privileged| *privileged);
    let sets_more = seen != ContainerDefinition::builder().build();
    (name, ContainerFields { sets_more, ..fields })
}

/// The family and revision at the end of an ARN, for people.
pub(super) fn revision(arn: &str) -> &str {
    name_of(arn)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Volume;

    #[test]
    fn no_two_paths_have_the_same_volume() {
        let paths = ["/a/b", "/a-b", "/a.b", "/a_b", "/a/-b", "/a-/b", "/a_hb", "/tmp"];
        let names: BTreeSet<String> = paths.iter().map(|path| Volume((*path).to_owned()).name()).collect();
        assert_eq!(names.len(), paths.len(), "{names:?}");
        let takes = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        assert!(names.iter().all(takes), "{names:?}");
    }
}
