//! The clients of one region, and what one round of looking reads once for several kinds.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_applicationautoscaling::types::ScalableTarget;
use aws_sdk_cloudwatchlogs::types::Delivery;
use aws_sdk_ec2::types::SecurityGroup;
use aws_sdk_elasticloadbalancingv2::types::LoadBalancer;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use payment_platform_engine::{CloudError, Region};
use tokio::sync::OnceCell;

use crate::aws::limits::Limits;
use crate::aws::marked::Marked;
use crate::aws::s3::TaggedBucket;
use crate::aws::tag_index::TagsRead;
use crate::aws::tags::TagMap;

/// The clients of one (account, region, role).
pub struct Clients {
    pub region: Region,
    pub account_id: String,
    pub ec2: aws_sdk_ec2::Client,
    pub kms: aws_sdk_kms::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub iam: aws_sdk_iam::Client,
    pub s3: aws_sdk_s3::Client,
    pub rds: aws_sdk_rds::Client,
    pub secrets: aws_sdk_secretsmanager::Client,
    pub sns: aws_sdk_sns::Client,
    pub ecr: aws_sdk_ecr::Client,
    pub ecs: aws_sdk_ecs::Client,
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    pub autoscaling: aws_sdk_applicationautoscaling::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub waf: aws_sdk_wafv2::Client,
    pub cloudfront: aws_sdk_cloudfront::Client,
    pub quotas: aws_sdk_servicequotas::Client,
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    pub limits: Limits,
    pub key_marks: crate::aws::kms::KeyMarks,
    pub tags_read: TagsRead,
    pub groups_read: crate::aws::rds::GroupsRead,
    pub targets: crate::aws::ecs::Targets,
    pub web_acls: Marked<aws_sdk_wafv2::types::WebAcl>,
    pub distributions: Marked<aws_sdk_cloudfront::types::Distribution>,
    pub restarts: crate::aws::rds::Restarts,
    pub dhcp_options: crate::aws::ec2::DhcpOptionsSets,
}

/// What kinds call. A clone for a new round of looking shares the clients and forgets what was read.
pub struct Aws {
    pub clients: Arc<Clients>,
    /// Whether tags that have not changed may come from the index.
    indexed: bool,
    tag_index: OnceCell<Option<HashMap<String, TagMap>>>,
    deliveries: OnceCell<Result<Vec<Delivery>, CloudError>>,
    security_groups: OnceCell<Result<Vec<SecurityGroup>, CloudError>>,
    buckets: OnceCell<Result<Vec<TaggedBucket>, CloudError>>,
    instances: OnceCell<Result<Vec<DbInstance>, CloudError>>,
    db_clusters: OnceCell<Result<Vec<DbCluster>, CloudError>>,
    secrets: OnceCell<Result<Vec<DescribeSecretOutput>, CloudError>>,
    load_balancers: OnceCell<Result<Vec<(LoadBalancer, TagMap)>, CloudError>>,
    clusters: OnceCell<Result<Vec<String>, CloudError>>,
    scalable_targets: OnceCell<Result<Vec<(ScalableTarget, TagMap)>, CloudError>>,
}

impl Aws {
    pub fn new(clients: Arc<Clients>) -> Self {
        Self {
            clients,
            indexed: false,
            tag_index: OnceCell::new(),
            deliveries: OnceCell::new(),
            security_groups: OnceCell::new(),
            buckets: OnceCell::new(),
            instances: OnceCell::new(),
            db_clusters: OnceCell::new(),
            secrets: OnceCell::new(),
            load_balancers: OnceCell::new(),
            clusters: OnceCell::new(),
            scalable_targets: OnceCell::new(),
        }
    }

    /// The same clients, nothing read yet.
    pub fn round(&self) -> Arc<Self> {
        Arc::new(Self::new(self.clients.clone()))
    }

    /// The same clients, nothing read yet; tags that have not changed come from the index.
    pub fn indexed_round(&self) -> Arc<Self> {
        Arc::new(Self { indexed: true, ..Self::new(self.clients.clone()) })
    }

    /// The tags of everything that names an owner, by ARN, read once for all kinds. None: nothing is known by it.
    pub async fn tag_index<F>(&self, read: F) -> Option<&HashMap<String, TagMap>>
    where
        F: Future<Output = Option<HashMap<String, TagMap>>>,
    {
        match self.indexed {
            true => self.tag_index.get_or_init(|| read).await.as_ref(),
            false => None,
        }
    }

    /// The region's deliveries of logs, read once for them and for their sources.
    pub async fn deliveries<F>(&self, read: F) -> Result<&[Delivery], CloudError>
    where
        F: Future<Output = Result<Vec<Delivery>, CloudError>>,
    {
        self.deliveries.get_or_init(|| read).await.as_deref().map_err(Clone::clone)
    }

    /// Our security groups, read once for the groups and for their rules.
    pub async fn security_groups<F>(&self, read: F) -> Result<&[SecurityGroup], CloudError>
    where
        F: Future<Output = Result<Vec<SecurityGroup>, CloudError>>,
    {
        self.security_groups.get_or_init(|| read).await.as_deref().map_err(Clone::clone)
    }

    /// The region's buckets, read once for the buckets and for their policies.
    pub async fn buckets<F>(&self, read: F) -> Result<&[TaggedBucket], CloudError>
    where
        F: Future<Output = Result<Vec<TaggedBucket>, CloudError>>,
    {
        self.buckets.get_or_init(|| read).await.as_deref().map_err(Clone::clone)
    }

    /// The region's database instances, read once for the instances and for the subnet groups that they are in.
    pub async fn instances<F>(&self, read: F) -> Result<&[DbInstance], CloudError>
    where
        F: Future<Output = Result<Vec<DbInstance>, CloudError>>,
    {
        self.instances.get_or_init(|| read).await.as_deref().map_err(Clone::clone)
    }

    /// The region's database clusters, read once for the clusters and for their instances.
    pub async fn db_clusters<F>(&self, read: F) -> Result<&[DbCluster], CloudError>
    where
        F: Future<Output = Result<Vec<DbCluster>, CloudError>>,
    {
        self.db_clusters.get_or_init(|| read).await.as_deref().map_err(Clone::clone)
    }

    /// Our secrets, read once for the secrets and for their attachments.
    pub async fn secret_list<F>(&self, read: F) -> Result<&[DescribeSecretOutput], CloudError>
    where
        F: Future<Output = Result<Vec<DescribeSecretOutput>, CloudError>>,
    {
        self.secrets.get_or_init(|| read).await.as_deref().map_err(Clone::clone)
    }

    /// Our load balancers with their tags, read once for them and for their listeners.
    pub async fn load_balancers<F>(&self, read: F) -> Result<&[(LoadBalancer, TagMap)], CloudError>
    where
        F: Future<Output = Result<Vec<(LoadBalancer, TagMap)>, CloudError>>,
    {
        self.load_balancers.get_or_init(|| read).await.as_deref().map_err(Clone::clone)
    }

    /// ARNs of our ECS clusters, read once for the clusters and for their services.
    pub async fn clusters<F>(&self, read: F) -> Result<&[String], CloudError>
    where
        F: Future<Output = Result<Vec<String>, CloudError>>,
    {
        self.clusters.get_or_init(|| read).await.as_deref().map_err(Clone::clone)
    }

    /// Our scalable targets with their tags, read once for them and for their policies.
    pub async fn scalable_targets<F>(&self, read: F) -> Result<&[(ScalableTarget, TagMap)], CloudError>
    where
        F: Future<Output = Result<Vec<(ScalableTarget, TagMap)>, CloudError>>,
    {
        self.scalable_targets.get_or_init(|| read).await.as_deref().map_err(Clone::clone)
    }
}

impl std::ops::Deref for Aws {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.clients
    }
}
