//! AWS as an operator at a console would use it: plain SDK calls that share no code with the product.

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::types::{Filter, IpPermission, IpRange, Tag};

/// Clients of one account and region.
pub struct Account {
    pub id: String,
    pub ec2: aws_sdk_ec2::Client,
    pub kms: aws_sdk_kms::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub iam: aws_sdk_iam::Client,
    pub s3: aws_sdk_s3::Client,
    pub rds: aws_sdk_rds::Client,
    pub secrets: aws_sdk_secretsmanager::Client,
    pub sns: aws_sdk_sns::Client,
    pub acm: aws_sdk_acm::Client,
    pub ecr: aws_sdk_ecr::Client,
    pub ecs: aws_sdk_ecs::Client,
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    pub autoscaling: aws_sdk_applicationautoscaling::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub waf: aws_sdk_wafv2::Client,
    pub cloudfront: aws_sdk_cloudfront::Client,
    /// Where CloudFront has its web ACLs and log deliveries.
    pub cdn: Cdn,
}

/// Clients in us-east-1.
pub struct Cdn {
    pub waf: aws_sdk_wafv2::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
}

impl Account {
    /// Any role of the account; emulators ask for no more.
    pub fn role_arn(id: &str) -> String {
        format!("arn:aws:iam::{id}:role/platform")
    }

    /// The account by its role; `None` is the account of the caller's own credentials.
    pub async fn open(endpoint: &str, id: Option<&str>, region: &str) -> anyhow::Result<Self> {
        let credentials = aws_credential_types::Credentials::new("test", "test", None, None, "tests");
        let mut config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .endpoint_url(endpoint)
            .app_name(AppName::new("payment-platform-tests")?);
        if std::env::var_os("AWS_ENDPOINT_URL").is_none() {
            config = config.credentials_provider(credentials);
        }
        let mut config: SdkConfig = config.load().await;
        if let Some(id) = id {
            let provider = aws_config::sts::AssumeRoleProvider::builder(Self::role_arn(id))
                .configure(&config)
                .session_name("tests")
                .build()
                .await;
            let provider = aws_credential_types::provider::SharedCredentialsProvider::new(provider);
            config = config.into_builder().credentials_provider(provider).build();
        }
        let us_east_1 = config.to_builder().region(Region::new("us-east-1")).build();
        Ok(Self {
            id: id.unwrap_or("123456789012").to_owned(),
            ec2: aws_sdk_ec2::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            rds: aws_sdk_rds::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            acm: aws_sdk_acm::Client::new(&config),
            ecr: aws_sdk_ecr::Client::new(&config),
            ecs: aws_sdk_ecs::Client::new(&config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            autoscaling: aws_sdk_applicationautoscaling::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            waf: aws_sdk_wafv2::Client::new(&config),
            cloudfront: aws_sdk_cloudfront::Client::new(&config),
            cdn: Cdn {
                waf: aws_sdk_wafv2::Client::new(&us_east_1),
                logs: aws_sdk_cloudwatchlogs::Client::new(&us_east_1),
            },
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build(),
            ),
        })
    }

    /// Opens a TCP port of a group to the world.
    pub async fn open_port(&self, group_id: &str, port: i32) -> anyhow::Result<()> {
        let world = IpRange::builder().cidr_ip("0.0.0.0/0").build();
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(world).build();
        self.ec2.authorize_security_group_ingress().group_id(group_id).ip_permissions(rule).send().await?;
        Ok(())
    }

    /// Whether a group lets the world in on a TCP port.
    pub async fn is_open(&self, group_id: &str, port: i32) -> anyhow::Result<bool> {
        let filter = Filter::builder().name("group-id").values(group_id).build();
        let rules = self.ec2.describe_security_group_rules().filters(filter).send().await?;
        Ok(rules.security_group_rules().iter().any(|rule| {
            rule.is_egress == Some(false) && rule.from_port == Some(port) && rule.cidr_ipv4() == Some("0.0.0.0/0")
        }))
    }

    /// Sets one tag.
    pub async fn tag(&self, id: &str, key: &str, value: &str) -> anyhow::Result<()> {
        let tag = Tag::builder().key(key).value(value).build();
        self.ec2.create_tags().resources(id).tags(tag).send().await?;
        Ok(())
    }

    /// Takes tags off.
    pub async fn untag(&self, id: &str, keys: &[&str]) -> anyhow::Result<()> {
        let tags = keys.iter().map(|key| Tag::builder().key(*key).build()).collect();
        self.ec2.delete_tags().resources(id).set_tags(Some(tags)).send().await?;
        Ok(())
    }

    /// One line for everything in the account and region that a platform could have made: kind, id and name. Keys
    /// pending deletion and NAT gateways that are deleted count as gone, as they do on AWS.
    pub async fn everything(&self) -> anyhow::Result<Vec<String>> {
        let mut all = Vec::new();
        for vpc in self.ec2.describe_vpcs().send().await?.vpcs() {
            all.push(format!("vpc {}", vpc.vpc_id().unwrap_or_default()));
        }
        for subnet in self.ec2.describe_subnets().send().await?.subnets() {
            all.push(format!("subnet {}", subnet.subnet_id().unwrap_or_default()));
        }
        for gateway in self.ec2.describe_internet_gateways().send().await?.internet_gateways() {
            all.push(format!("internet gateway {}", gateway.internet_gateway_id().unwrap_or_default()));
        }
        for address in self.ec2.describe_addresses().send().await?.addresses() {
            all.push(format!("address {}", address.allocation_id().unwrap_or_default()));
        }
        for gateway in self.ec2.describe_nat_gateways().send().await?.nat_gateways() {
            if gateway.state().is_none_or(|state| state.as_str() != "deleted") {
                all.push(format!("nat gateway {}", gateway.nat_gateway_id().unwrap_or_default()));
            }
        }
        for table in self.ec2.describe_route_tables().send().await?.route_tables() {
            all.push(format!("route table {}", table.route_table_id().unwrap_or_default()));
        }
        for acl in self.ec2.describe_network_acls().send().await?.network_acls() {
            all.push(format!("network acl {}", acl.network_acl_id().unwrap_or_default()));
        }
        for group in self.ec2.describe_security_groups().send().await?.security_groups() {
            all.push(format!("security group {}", group.group_id().unwrap_or_default()));
        }
        for alias in self.kms.list_aliases().send().await?.aliases() {
            all.push(format!("alias {}", alias.alias_name().unwrap_or_default()));
        }
        for key in self.kms.list_keys().send().await?.keys() {
            let id = key.key_id().unwrap_or_default();
            let key = self.kms.describe_key().key_id(id).send().await?;
            let state = key.key_metadata().and_then(|key| key.key_state()).map(|state| state.as_str().to_owned());
            if state.as_deref() != Some("PendingDeletion") {
                all.push(format!("key {id}"));
            }
        }
        for group in self.logs.describe_log_groups().send().await?.log_groups() {
            all.push(format!("log group {}", group.log_group_name().unwrap_or_default()));
        }
        for log in self.ec2.describe_flow_logs().send().await?.flow_logs() {
            all.push(format!("flow log {}", log.flow_log_id().unwrap_or_default()));
        }
        for endpoint in self.ec2.describe_vpc_endpoints().send().await?.vpc_endpoints() {
            if endpoint.state().is_none_or(|state| !state.as_str().eq_ignore_ascii_case("deleted")) {
                all.push(format!("endpoint {}", endpoint.vpc_endpoint_id().unwrap_or_default()));
            }
        }
        for role in self.iam.list_roles().send().await?.roles() {
            all.push(format!("role {}", role.role_name()));
        }
        for bucket in self.s3.list_buckets().send().await?.buckets() {
            all.push(format!("bucket {}", bucket.name().unwrap_or_default()));
        }
        self.databases(&mut all).await?;
        self.applications(&mut all).await?;
        self.edge(&mut all).await?;
        // One that is scheduled for deletion is not listed.
        for secret in self.secrets.list_secrets().send().await?.secret_list() {
            all.push(format!("secret {}", secret.name().unwrap_or_default()));
        }
        for topic in self.sns.list_topics().send().await?.topics() {
            all.push(format!("topic {}", topic.topic_arn().unwrap_or_default()));
        }
        all.sort();
        Ok(all)
    }

    /// Snapshots that RDS takes by itself go with their cluster on AWS, and are left out.
    async fn databases(&self, all: &mut Vec<String>) -> anyhow::Result<()> {
        for cluster in self.rds.describe_db_clusters().send().await?.db_clusters() {
            all.push(format!("cluster {}", cluster.db_cluster_identifier().unwrap_or_default()));
        }
        for instance in self.rds.describe_db_instances().send().await?.db_instances() {
            all.push(format!("instance {}", instance.db_instance_identifier().unwrap_or_default()));
        }
        for snapshot in self.rds.describe_db_cluster_snapshots().send().await?.db_cluster_snapshots() {
            if snapshot.snapshot_type() == Some("manual") {
                all.push(format!("snapshot {}", snapshot.db_cluster_snapshot_identifier().unwrap_or_default()));
            }
        }
        for group in self.rds.describe_db_subnet_groups().send().await?.db_subnet_groups() {
            all.push(format!("subnet group {}", group.db_subnet_group_name().unwrap_or_default()));
        }
        for group in self.rds.describe_db_cluster_parameter_groups().send().await?.db_cluster_parameter_groups() {
            let name = group.db_cluster_parameter_group_name().unwrap_or_default();
            all.push(format!("cluster parameter group {name}"));
        }
        for group in self.rds.describe_db_parameter_groups().send().await?.db_parameter_groups() {
            all.push(format!("parameter group {}", group.db_parameter_group_name().unwrap_or_default()));
        }
        for group in self.rds.describe_option_groups().send().await?.option_groups_list() {
            let name = group.option_group_name().unwrap_or_default();
            if !name.starts_with("default:") {
                all.push(format!("option group {name}"));
            }
        }
        for snapshot in self.rds.describe_db_snapshots().send().await?.db_snapshots() {
            if snapshot.snapshot_type() == Some("manual") {
                all.push(format!("snapshot {}", snapshot.db_snapshot_identifier().unwrap_or_default()));
            }
        }
        for one in self.rds.describe_event_subscriptions().send().await?.event_subscriptions_list() {
            all.push(format!("event subscription {}", one.cust_subscription_id().unwrap_or_default()));
        }
        Ok(())
    }

    /// Web ACLs of both scopes, and CloudFront with its log deliveries.
    async fn edge(&self, all: &mut Vec<String>) -> anyhow::Result<()> {
        use aws_sdk_cloudfront::types::ResponseHeadersPolicyType;
        use aws_sdk_wafv2::types::Scope;
        for (waf, scope) in [(&self.waf, Scope::Regional), (&self.cdn.waf, Scope::Cloudfront)] {
            for acl in waf.list_web_acls().scope(scope).send().await?.web_acls() {
                all.push(format!("web ACL {}", acl.arn().unwrap_or_default()));
            }
        }
        let list = self.cloudfront.list_distributions().send().await?.distribution_list;
        for distribution in list.and_then(|list| list.items).unwrap_or_default() {
            all.push(format!("distribution {}", distribution.id));
        }
        let list = self.cloudfront.list_origin_access_controls().send().await?.origin_access_control_list;
        for control in list.and_then(|list| list.items).unwrap_or_default() {
            all.push(format!("origin access control {}", control.name));
        }
        let list = self.cloudfront.list_cloud_front_origin_access_identities().send().await?;
        let list = list.cloud_front_origin_access_identity_list.and_then(|list| list.items).unwrap_or_default();
        for identity in list {
            // It has no name: its comment tells whose it is.
            all.push(format!("origin access identity {}:{}", identity.id, identity.comment.replace(' ', "_")));
        }
        let custom = ResponseHeadersPolicyType::Custom;
        let list = self.cloudfront.list_response_headers_policies().r#type(custom).send().await?;
        let list = list.response_headers_policy_list.and_then(|list| list.items).unwrap_or_default();
        for policy in list.into_iter().filter_map(|one| one.response_headers_policy) {
            all.push(format!("response headers policy {}", policy.id));
        }
        for source in self.cdn.logs.describe_delivery_sources().send().await?.delivery_sources() {
            all.push(format!("delivery source {}", source.name().unwrap_or_default()));
        }
        for one in self.cdn.logs.describe_delivery_destinations().send().await?.delivery_destinations() {
            all.push(format!("delivery destination {}", one.name().unwrap_or_default()));
        }
        for delivery in self.cdn.logs.describe_deliveries().send().await?.deliveries() {
            all.push(format!("delivery {}", delivery.id().unwrap_or_default()));
        }
        for dashboard in self.cloudwatch.list_dashboards().send().await?.dashboard_entries() {
            all.push(format!("dashboard {}", dashboard.dashboard_name().unwrap_or_default()));
        }
        Ok(())
    }

    /// Services that are draining still count; task definitions that are deregistered do not.
    async fn applications(&self, all: &mut Vec<String>) -> anyhow::Result<()> {
        for balancer in self.elb.describe_load_balancers().send().await?.load_balancers() {
            all.push(format!("load balancer {}", balancer.load_balancer_arn().unwrap_or_default()));
        }
        for group in self.elb.describe_target_groups().send().await?.target_groups() {
            all.push(format!("target group {}", group.target_group_arn().unwrap_or_default()));
        }
        for cluster in self.ecs.list_clusters().send().await?.cluster_arns() {
            all.push(format!("ECS cluster {cluster}"));
            for service in self.ecs.list_services().cluster(cluster).send().await?.service_arns() {
                all.push(format!("service {service}"));
            }
        }
        for definition in self.ecs.list_task_definitions().send().await?.task_definition_arns() {
            all.push(format!("task definition {definition}"));
        }
        let ecs = aws_sdk_applicationautoscaling::types::ServiceNamespace::Ecs;
        for target in
            self.autoscaling.describe_scalable_targets().service_namespace(ecs).send().await?.scalable_targets()
        {
            all.push(format!("scalable target {}", target.resource_id()));
        }
        for alarm in self.cloudwatch.describe_alarms().send().await?.metric_alarms() {
            // Those of target tracking are not ours.
            let name = alarm.alarm_name().unwrap_or_default();
            if !name.starts_with("TargetTracking-") {
                all.push(format!("alarm {name}"));
            }
        }
        Ok(())
    }
}
