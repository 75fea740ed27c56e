//! What somebody does to the platform by the AWS API, and how AWS shows that it was undone.

use anyhow::Context;
use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use futures::FutureExt;
use futures::future::BoxFuture;
use payment_platform_api::status::Outputs;
use payment_platform_tests::aws::Account;

/// One thing that somebody does.
pub struct Deed {
    pub title: &'static str,
    /// The record that tells of it.
    pub node: &'static str,
    pub field: &'static str,
    pub act: Step<()>,
    /// Whether AWS shows what was done as undone.
    pub undone: Step<bool>,
}

type Step<T> = for<'a> fn(&'a Account, &'a Outputs) -> BoxFuture<'a, anyhow::Result<T>>;

const TASK_ROLE: &str = "ecs-task-payment-prd";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const WRITER: &str = "aurora-payment-prd-writer";
const LOGS: &str = "/ecs/payment-prd";

pub const DEEDS: [Deed; 8] = [
    Deed {
        title: "Somebody disables the rotation of the application's key",
        node: "kms/key/app",
        field: "rotation.enabled",
        act: |aws, outputs| {
            async move { Ok(aws.kms.disable_key_rotation().key_id(app_key(outputs)?).send().await.map(drop)?) }.boxed()
        },
        undone: |aws, outputs| {
            async move {
                let status = aws.kms.get_key_rotation_status().key_id(app_key(outputs)?).send().await?;
                Ok(status.key_rotation_enabled())
            }
            .boxed()
        },
    },
    Deed {
        title: "Somebody opens port 22 of the database's security group to the world",
        node: "ec2/security-group-rules/aurora",
        field: "rules[ingress tcp 22",
        act: |aws, outputs| async move { aws.open_port(database_group(outputs)?, 22).await }.boxed(),
        undone: |aws, outputs| async move { Ok(!aws.is_open(database_group(outputs)?, 22).await?) }.boxed(),
    },
    Deed {
        title: "Somebody gives the database's writer a public address",
        node: "rds/instance/writer",
        field: "public",
        act: |aws, _| {
            let call = aws.rds.modify_db_instance().db_instance_identifier(WRITER).publicly_accessible(true);
            async move { Ok(call.apply_immediately(true).send().await.map(drop)?) }.boxed()
        },
        undone: |aws, _| {
            async move {
                let read = aws.rds.describe_db_instances().db_instance_identifier(WRITER).send().await?;
                Ok(read.db_instances().iter().all(|instance| instance.publicly_accessible == Some(false)))
            }
            .boxed()
        },
    },
    Deed {
        title: "Somebody makes the application an administrator of the account",
        node: "iam/role/ecs-task",
        field: "attached",
        act: |aws, _| {
            let call = aws.iam.attach_role_policy().role_name(TASK_ROLE).policy_arn(ADMINISTRATOR);
            async move { Ok(call.send().await.map(drop)?) }.boxed()
        },
        undone: |aws, _| {
            async move {
                let read = aws.iam.list_attached_role_policies().role_name(TASK_ROLE).send().await?;
                Ok(read.attached_policies().is_empty())
            }
            .boxed()
        },
    },
    Deed {
        title: "Somebody lets the public into the bucket of static assets",
        node: "s3/bucket-policy/static",
        field: "public_access_block",
        act: |aws, outputs| {
            async move {
                let open = PublicAccessBlockConfiguration::builder().block_public_policy(false).build();
                let call = aws.s3.put_public_access_block().bucket(assets(outputs)?);
                Ok(call.public_access_block_configuration(open).send().await.map(drop)?)
            }
            .boxed()
        },
        undone: |aws, outputs| {
            async move {
                let read = aws.s3.get_public_access_block().bucket(assets(outputs)?).send().await?;
                let block = read.public_access_block_configuration;
                Ok(block.is_some_and(|block| block.block_public_policy == Some(true)))
            }
            .boxed()
        },
    },
    Deed {
        title: "Somebody has the application's log forgotten after a day",
        node: "logs/log-group//ecs/payment-prd",
        field: "retention_days",
        act: |aws, _| {
            let call = aws.logs.put_retention_policy().log_group_name(LOGS).retention_in_days(1);
            async move { Ok(call.send().await.map(drop)?) }.boxed()
        },
        undone: |aws, _| {
            async move {
                let read = aws.logs.describe_log_groups().log_group_name_prefix(LOGS).send().await?;
                Ok(read.log_groups().iter().all(|group| group.retention_in_days == Some(400)))
            }
            .boxed()
        },
    },
    Deed {
        title: "Somebody takes the web ACL off the load balancer",
        node: "wafv2/web-acl-association/alb",
        field: "existence",
        act: |aws, outputs| {
            async move {
                let balancer = outputs.alb_arn.clone().context("no load balancer")?;
                Ok(aws.waf.disassociate_web_acl().resource_arn(balancer).send().await.map(drop)?)
            }
            .boxed()
        },
        undone: |aws, outputs| {
            async move {
                let balancer = outputs.alb_arn.clone().context("no load balancer")?;
                let read = aws.waf.get_web_acl_for_resource().resource_arn(balancer).send().await?;
                Ok(read.web_acl.map(|acl| acl.arn) == outputs.waf_web_acl_arn)
            }
            .boxed()
        },
    },
    Deed {
        title: "Somebody schedules the deletion of the application's key, and of all that it encrypts with it",
        node: "kms/key/app",
        field: "pending_deletion",
        act: |aws, outputs| {
            async move {
                let call = aws.kms.schedule_key_deletion().key_id(app_key(outputs)?).pending_window_in_days(7);
                Ok(call.send().await.map(drop)?)
            }
            .boxed()
        },
        undone: |aws, outputs| {
            async move {
                let read = aws.kms.describe_key().key_id(app_key(outputs)?).send().await?;
                Ok(read.key_metadata().is_some_and(|key| key.enabled()))
            }
            .boxed()
        },
    },
];

fn app_key(outputs: &Outputs) -> anyhow::Result<&str> {
    outputs.kms_key_app_data_arn.as_deref().context("no key")
}

fn database_group(outputs: &Outputs) -> anyhow::Result<&str> {
    outputs.security_group_aurora_id.as_deref().context("no group")
}

fn assets(outputs: &Outputs) -> anyhow::Result<&str> {
    outputs.s3_bucket_static_assets_name.as_deref().context("no bucket")
}
