//! Attachment of a secret to its database: the secret gets the host and port to connect to, once, when they are known.
//!
//! What is in a secret is read only to write the host into it; that this was done, for which host and in
//! which version of it, are tags on the secret, so that looking needs no permission to read it (PCI DSS 7.2.5, 8.6.2).
//!
//! AWS rules obeyed: the master login must exist before the cluster, and the cluster before its host is known; a secret
//! scheduled for deletion takes no change.

use std::sync::Arc;

use aws_sdk_secretsmanager::types::Tag;
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::Create;
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Up};
use serde::{Deserialize, Serialize};

use super::Secret;
use super::secret::{by_id, current_version, listed, name_fits, tag_map};
use super::value::current;
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::rds::Endpoint;
use crate::aws::tags::claim;

/// The host and port that the secret has got.
const ATTACHED: &str = "paymentplatform.io/attached-to";

/// The version of the secret's value that has got it.
const VERSION: &str = "paymentplatform.io/attached-version";

/// How the id of an attachment differs from that of its secret.
const SUFFIX: &str = "#attachment";

/// The secret of a database's master login.
#[derive(Clone, Serialize)]
pub struct Attachment {
    pub secret: Ref<Secret>,
    pub database: Endpoint,
    /// As it shall be: one that somebody has just changed is put right, and not written down.
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub secret_arn: String,
    /// `host:port`.
    pub attached_to: String,
    /// Whether the value in use is the one that has got it: an older one, without it, can be brought back.
    pub in_use: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub id: String,
    pub secret_arn: String,
}

impl Output {
    fn of(secret_arn: &str) -> Self {
        Self { id: format!("{secret_arn}{SUFFIX}"), secret_arn: secret_arn.to_owned() }
    }
}

impl Resource for Attachment {
    const KIND: &'static str = "secretsmanager/attachment";
    const ACTIONS: &'static [&'static str] = &[
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:ListSecrets",
        "secretsmanager:PutSecretValue",
        "secretsmanager:TagResource",
        "secretsmanager:UntagResource",
    ];
    const CREATE: Create = Create::WithParent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, _seen: Option<&Fields>) -> Result<Fields, Pending> {
        let (host, _) = self.database.hosts(up)?;
        Ok(Fields {
            secret_arn: up.get(&self.secret)?.arn.clone(),
            attached_to: format!("{host}:{}", self.port),
            in_use: true,
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let secrets = match look {
            Look::All => listed(&aws).await?,
            Look::Ids(ids) => {
                by_id(&aws, ids.iter().map(|id| id.trim_end_matches(SUFFIX).to_owned()).collect()).await?
            }
        };
        let found = secrets.into_iter().filter_map(|secret| {
            let tags = tag_map(secret.tags());
            let (arn, attached_to) = (secret.arn.clone()?, tags.get(ATTACHED)?.clone());
            let in_use = tags.get(VERSION).is_some_and(|version| current_version(&secret) == Some(version));
            Some(Found {
                claim: claim(&tags).map(|mut claim| {
                    claim.node.kind = Self::KIND.to_owned();
                    claim
                }),
                name: None,
                name_fits: name_fits(&tags, secret.name().unwrap_or_default()),
                cloud_id: Output::of(&arn).id,
                uses: vec![arn.clone()],
                fields: Ok(Fields { secret_arn: arn.clone(), attached_to, in_use }),
                output: Some(Output::of(&arn)),
                busy: None,
                unready: None,
                leaving: secret.deleted_date.is_some(),
                created: None,
            })
        });
        Ok(found.collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        attach(&cx.cloud, &want).await?;
        Ok(Progress::Done(Output::of(&want.secret_arn)))
    }

    async fn update(
        want: Fields,
        now: Output,
        _changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        attach(&cx.cloud, &want).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.secrets.untag_resource().secret_id(cloud_id.trim_end_matches(SUFFIX));
        let call = call.tag_keys(ATTACHED).tag_keys(VERSION);
        gone(call.send().await.during("secretsmanager:UntagResource"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

/// The value first: the tag says that it is there.
async fn attach(aws: &Aws, want: &Fields) -> Result<(), CloudError> {
    let (host, port) = want.attached_to.rsplit_once(':').unwrap_or((&want.attached_to, ""));
    let (mut credentials, mut version) = current(aws, &want.secret_arn).await?;
    if credentials.part("host") != Some(host) {
        credentials.set("host", host);
        if let Ok(port) = port.parse::<u16>() {
            credentials.set("port", port);
        }
        let call = aws.secrets.put_secret_value().secret_id(&want.secret_arn);
        let call = call.secret_string(credentials.to_secret_string()).send().await;
        version = call.during("secretsmanager:PutSecretValue")?.version_id.unwrap_or_default();
    }
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let call = aws.secrets.tag_resource().secret_id(&want.secret_arn);
    let call = call.tags(tag(ATTACHED, &want.attached_to)).tags(tag(VERSION, &version));
    call.send().await.during("secretsmanager:TagResource")?;
    Ok(())
}
