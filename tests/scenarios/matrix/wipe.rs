//! Everything of a platform deleted by hand, in the order in which AWS lets anybody do it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use aws_sdk_ec2::types::{Filter, NatGatewayState, State};
use payment_platform_tests::aws::Account;

/// Deletes all that these nodes are; `ids` is the inventory.
pub async fn wipe(aws: &Account, ids: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let of = |kind: &str| -> Vec<String> {
        // The kind stands between the region and the name.
        let is_of = |node: &str| {
            node.split_once('/').and_then(|(_, rest)| rest.strip_prefix(kind)).is_some_and(|rest| rest.starts_with('/'))
        };
        ids.iter().filter(|(node, _)| is_of(node)).map(|(_, id)| id.clone()).collect()
    };
    let vpc = of("ec2/vpc").pop().context("no VPC")?;
    edge(aws, &of).await?;
    application(aws, &of).await?;
    for acl in of("wafv2/web-acl") {
        delete_acl(aws, &acl).await?;
    }
    database(aws, &of).await?;
    aws.ec2.delete_flow_logs().set_flow_log_ids(Some(of("ec2/flow-log"))).send().await?;
    aws.ec2.delete_vpc_endpoints().set_vpc_endpoint_ids(Some(of("ec2/vpc-endpoint"))).send().await?;
    for gateway in of("ec2/nat-gateway") {
        aws.ec2.delete_nat_gateway().nat_gateway_id(gateway).send().await?;
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_quiet(aws, &vpc).await? {
        ensure!(Instant::now() < deadline, "gateways and endpoints are not deleted in time");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for address in of("ec2/address") {
        aws.ec2.release_address().allocation_id(address).send().await?;
    }
    network(aws, &vpc).await?;
    for alias in of("kms/alias") {
        aws.kms.delete_alias().alias_name(alias).send().await?;
    }
    for key in of("kms/key") {
        aws.kms.schedule_key_deletion().key_id(key).pending_window_in_days(7).send().await?;
    }
    for group in of("logs/log-group") {
        aws.logs.delete_log_group().log_group_name(group).send().await?;
    }
    for role in of("iam/role") {
        let role = role.rsplit('/').next().unwrap_or_default();
        for policy in aws.iam.list_attached_role_policies().role_name(role).send().await?.attached_policies() {
            let arn = policy.policy_arn().unwrap_or_default();
            aws.iam.detach_role_policy().role_name(role).policy_arn(arn).send().await?;
        }
        for policy in aws.iam.list_role_policies().role_name(role).send().await?.policy_names() {
            aws.iam.delete_role_policy().role_name(role).policy_name(policy).send().await?;
        }
        aws.iam.delete_role().role_name(role).send().await?;
    }
    // The one that is logged first: reading it writes into the other one.
    for bucket in of("s3/bucket").into_iter().rev() {
        let mut tries = 0;
        loop {
            empty(aws, &bucket).await?;
            match aws.s3.delete_bucket().bucket(&bucket).send().await {
                Ok(_) => break,
                Err(error) if tries == 20 => return Err(error.into()),
                Err(_) => tries += 1,
            }
        }
    }
    Ok(())
}

/// Dashboard, and CloudFront with its log deliveries.
async fn edge(aws: &Account, of: &impl Fn(&str) -> Vec<String>) -> anyhow::Result<()> {
    for dashboard in of("cloudwatch/dashboard") {
        let name = dashboard.rsplit('/').next().unwrap_or_default();
        aws.cloudwatch.delete_dashboards().dashboard_names(name).send().await?;
    }
    for delivery in of("logs/delivery") {
        aws.cdn.logs.delete_delivery().id(delivery).send().await?;
    }
    for source in of("logs/delivery-source") {
        aws.cdn.logs.delete_delivery_source().name(source).send().await?;
    }
    for destination in of("logs/delivery-destination") {
        aws.cdn.logs.delete_delivery_destination().name(destination).send().await?;
    }
    let cloudfront = &aws.cloudfront;
    for id in of("cloudfront/distribution") {
        let seen = cloudfront.get_distribution_config().id(&id).send().await?;
        let mut config = seen.distribution_config.context("no configuration")?;
        config.enabled = false;
        let call = cloudfront.update_distribution().id(&id).set_if_match(seen.e_tag);
        call.distribution_config(config).send().await?;
        let deadline = Instant::now() + Duration::from_secs(60);
        let etag = loop {
            let seen = cloudfront.get_distribution().id(&id).send().await?;
            if seen.distribution.is_some_and(|seen| seen.status == "Deployed") {
                break seen.e_tag;
            }
            ensure!(Instant::now() < deadline, "the distribution is not disabled in time");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        cloudfront.delete_distribution().id(id).set_if_match(etag).send().await?;
    }
    for id in of("cloudfront/origin-access-control") {
        let seen = cloudfront.get_origin_access_control().id(&id).send().await?;
        cloudfront.delete_origin_access_control().id(id).set_if_match(seen.e_tag).send().await?;
    }
    for id in of("cloudfront/origin-access-identity") {
        let seen = cloudfront.get_cloud_front_origin_access_identity().id(&id).send().await?;
        cloudfront.delete_cloud_front_origin_access_identity().id(id).set_if_match(seen.e_tag).send().await?;
    }
    for id in of("cloudfront/response-headers-policy") {
        let seen = cloudfront.get_response_headers_policy().id(&id).send().await?;
        cloudfront.delete_response_headers_policy().id(id).set_if_match(seen.e_tag).send().await?;
    }
    Ok(())
}

/// A web ACL that is in front of nothing any more.
async fn delete_acl(aws: &Account, arn: &str) -> anyhow::Result<()> {
    use aws_sdk_wafv2::types::Scope;
    let (client, scope) = match arn.contains(":global/") {
        true => (&aws.cdn.waf, Scope::Cloudfront),
        false => (&aws.waf, Scope::Regional),
    };
    let mut path = arn.rsplit('/');
    let (id, name) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let seen = client.get_web_acl().name(name).id(id).scope(scope.clone()).send().await?;
    client.delete_web_acl().name(name).id(id).scope(scope).set_lock_token(seen.lock_token).send().await?;
    Ok(())
}

/// Service, load balancer and what scales them.
async fn application(aws: &Account, of: &impl Fn(&str) -> Vec<String>) -> anyhow::Result<()> {
    let name = |arn: &str| arn.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
    for alarm in of("cloudwatch/alarm") {
        aws.cloudwatch.delete_alarms().alarm_names(name(&alarm)).send().await?;
    }
    for service in of("ecs/service") {
        let path = service.rsplit(':').next().unwrap_or_default();
        let call = aws.autoscaling.deregister_scalable_target().resource_id(path);
        let call = call.service_namespace(aws_sdk_applicationautoscaling::types::ServiceNamespace::Ecs);
        let tasks = aws_sdk_applicationautoscaling::types::ScalableDimension::EcsServiceDesiredCount;
        call.scalable_dimension(tasks).send().await?;
        let cluster = path.split('/').nth(1).unwrap_or_default();
        aws.ecs.delete_service().cluster(cluster).service(name(&service)).force(true).send().await?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while !aws.ecs.list_services().cluster(cluster).send().await?.service_arns().is_empty() {
            ensure!(Instant::now() < deadline, "the service is not drained in time");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    for definition in of("ecs/task-definition") {
        aws.ecs.deregister_task_definition().task_definition(definition).send().await?;
    }
    for cluster in of("ecs/cluster") {
        aws.ecs.delete_cluster().cluster(name(&cluster)).send().await?;
    }
    for balancer in of("elbv2/load-balancer") {
        let off = aws_sdk_elasticloadbalancingv2::types::LoadBalancerAttribute::builder();
        let off = off.key("deletion_protection.enabled").value("false").build();
        aws.elb.modify_load_balancer_attributes().load_balancer_arn(&balancer).attributes(off).send().await?;
        for listener in aws.elb.describe_listeners().load_balancer_arn(&balancer).send().await?.listeners() {
            aws.elb.delete_listener().set_listener_arn(listener.listener_arn.clone()).send().await?;
        }
        aws.elb.delete_load_balancer().load_balancer_arn(balancer).send().await?;
    }
    for group in of("elbv2/target-group") {
        aws.elb.delete_target_group().target_group_arn(group).send().await?;
    }
    Ok(())
}

/// The database, its secret, and who is told of it.
async fn database(aws: &Account, of: &impl Fn(&str) -> Vec<String>) -> anyhow::Result<()> {
    let names = |kind: &str| -> Vec<String> {
        of(kind).iter().map(|arn| arn.rsplit(':').next().unwrap_or_default().to_owned()).collect()
    };
    for name in names("rds/event-subscription") {
        aws.rds.delete_event_subscription().subscription_name(name).send().await?;
    }
    for name in names("rds/mysql-instance") {
        let call = aws.rds.modify_db_instance().db_instance_identifier(&name).deletion_protection(false);
        call.apply_immediately(true).send().await?;
        aws.rds.delete_db_instance().db_instance_identifier(name).skip_final_snapshot(true).send().await?;
    }
    for name in names("rds/instance") {
        aws.rds.delete_db_instance().db_instance_identifier(name).skip_final_snapshot(true).send().await?;
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while !aws.rds.describe_db_instances().send().await?.db_instances().is_empty() {
        ensure!(Instant::now() < deadline, "instances are not deleted in time");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for name in names("rds/cluster") {
        let call = aws.rds.modify_db_cluster().db_cluster_identifier(&name).deletion_protection(false);
        call.apply_immediately(true).send().await?;
        aws.rds.delete_db_cluster().db_cluster_identifier(name).skip_final_snapshot(true).send().await?;
    }
    while !aws.rds.describe_db_clusters().send().await?.db_clusters().is_empty() {
        ensure!(Instant::now() < deadline, "the cluster is not deleted in time");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for name in names("rds/subnet-group") {
        aws.rds.delete_db_subnet_group().db_subnet_group_name(name).send().await?;
    }
    for name in names("rds/cluster-parameter-group") {
        aws.rds.delete_db_cluster_parameter_group().db_cluster_parameter_group_name(name).send().await?;
    }
    for name in names("rds/parameter-group") {
        aws.rds.delete_db_parameter_group().db_parameter_group_name(name).send().await?;
    }
    for name in names("rds/option-group") {
        aws.rds.delete_option_group().option_group_name(name).send().await?;
    }
    for secret in of("secretsmanager/secret") {
        aws.secrets.delete_secret().secret_id(secret).force_delete_without_recovery(true).send().await?;
    }
    for topic in of("sns/topic") {
        aws.sns.delete_topic().topic_arn(topic).send().await?;
    }
    Ok(())
}

fn by(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// Whether neither NAT gateways nor endpoints hold the VPC any more.
async fn is_quiet(aws: &Account, vpc: &str) -> anyhow::Result<bool> {
    let gateways = aws.ec2.describe_nat_gateways().filter(by("vpc-id", vpc)).send().await?;
    let gone = gateways.nat_gateways().iter().all(|one| one.state() == Some(&NatGatewayState::Deleted));
    let endpoints = aws.ec2.describe_vpc_endpoints().filters(by("vpc-id", vpc)).send().await?;
    Ok(gone && endpoints.vpc_endpoints().iter().all(|one| one.state() == Some(&State::Deleted)))
}

/// The VPC with all that is in it, also what others have put there.
async fn network(aws: &Account, vpc: &str) -> anyhow::Result<()> {
    let ec2 = &aws.ec2;
    for gateway in ec2.describe_vpn_gateways().filters(by("attachment.vpc-id", vpc)).send().await?.vpn_gateways() {
        let id = gateway.vpn_gateway_id().unwrap_or_default();
        ec2.detach_vpn_gateway().vpc_id(vpc).vpn_gateway_id(id).send().await?;
        ec2.delete_vpn_gateway().vpn_gateway_id(id).send().await?;
    }
    let groups = ec2.describe_security_groups().filters(by("vpc-id", vpc)).send().await?;
    for group in groups.security_groups() {
        let id = group.group_id().unwrap_or_default();
        if !group.ip_permissions().is_empty() {
            let call = ec2.revoke_security_group_ingress().group_id(id);
            call.set_ip_permissions(group.ip_permissions.clone()).send().await?;
        }
        if !group.ip_permissions_egress().is_empty() {
            let call = ec2.revoke_security_group_egress().group_id(id);
            call.set_ip_permissions(group.ip_permissions_egress.clone()).send().await?;
        }
    }
    for group in groups.security_groups().iter().filter(|group| group.group_name() != Some("default")) {
        ec2.delete_security_group().set_group_id(group.group_id.clone()).send().await?;
    }
    for table in ec2.describe_route_tables().filters(by("vpc-id", vpc)).send().await?.route_tables() {
        let (main, others): (Vec<_>, Vec<_>) = table.associations().iter().partition(|one| one.main() == Some(true));
        for association in others {
            let id = association.route_table_association_id.clone();
            ec2.disassociate_route_table().set_association_id(id).send().await?;
        }
        if main.is_empty() {
            ec2.delete_route_table().set_route_table_id(table.route_table_id.clone()).send().await?;
        }
    }
    for subnet in ec2.describe_subnets().filters(by("vpc-id", vpc)).send().await?.subnets() {
        ec2.delete_subnet().set_subnet_id(subnet.subnet_id.clone()).send().await?;
    }
    for acl in ec2.describe_network_acls().filters(by("vpc-id", vpc)).send().await?.network_acls() {
        if acl.is_default() == Some(false) {
            ec2.delete_network_acl().set_network_acl_id(acl.network_acl_id.clone()).send().await?;
        }
    }
    for gateway in
        ec2.describe_internet_gateways().filters(by("attachment.vpc-id", vpc)).send().await?.internet_gateways()
    {
        let id = gateway.internet_gateway_id().unwrap_or_default();
        ec2.detach_internet_gateway().vpc_id(vpc).internet_gateway_id(id).send().await?;
        ec2.delete_internet_gateway().internet_gateway_id(id).send().await?;
    }
    ec2.delete_vpc().vpc_id(vpc).send().await?;
    Ok(())
}

async fn empty(aws: &Account, bucket: &str) -> anyhow::Result<()> {
    let listed = aws.s3.list_object_versions().bucket(bucket).send().await?;
    let versions = listed.versions().iter().map(|one| (one.key.clone(), one.version_id.clone()));
    let markers = listed.delete_markers().iter().map(|one| (one.key.clone(), one.version_id.clone()));
    for (key, version) in versions.chain(markers) {
        aws.s3.delete_object().bucket(bucket).set_key(key).set_version_id(version).send().await?;
    }
    Ok(())
}
