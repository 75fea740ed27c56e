"""Against forgetting: every operation of AWS that writes and names a thing of one of our kinds, with the field in which the
controller would see what it did, or the reason why there is none. check_operations.py compares this with the service models
of botocore, so that a new operation of AWS, or a new kind, has to be thought of here.
"""

# The members of requests that name a thing of the kind; where others are named by the same, what the operations are called.
NAMED_BY = {
    "autoscaling/target": ("application-autoscaling", {"ResourceId", "ResourceARN"}),
    "cloudfront/distribution": (
        "cloudfront",
        {"Id", "DistributionId", "TargetDistributionId", "PrimaryDistributionId", "Resource"},
        "Alias$|[^g]Distribution($|With|Web)|Invalidation$|MonitoringSubscription|agResource",
    ),
    "cloudfront/origin-access-control": ("cloudfront", {"Id"}, "OriginAccessControl"),
    "cloudfront/origin-access-identity": ("cloudfront", {"Id"}, "OriginAccessIdentity"),
    "cloudfront/response-headers-policy": ("cloudfront", {"Id"}, "ResponseHeadersPolicy"),
    "cloudwatch/alarm": ("cloudwatch", {"AlarmName", "AlarmNames", "ResourceARN"}),
    "cloudwatch/dashboard": ("cloudwatch", {"DashboardName", "DashboardNames", "ResourceARN"}),
    "ec2/address": ("ec2", {"AllocationId", "AllocationIds"}),
    "ec2/flow-log": ("ec2", {"FlowLogId", "FlowLogIds"}),
    "ec2/internet-gateway": ("ec2", {"InternetGatewayId"}),
    "ec2/nat-gateway": ("ec2", {"NatGatewayId"}),
    "ec2/network-acl": ("ec2", {"NetworkAclId"}),
    "ec2/route-table": ("ec2", {"RouteTableId", "RouteTableIds", "AddRouteTableIds"}),
    "ec2/security-group": ("ec2", {"GroupId", "GroupIds", "SecurityGroupIds", "Groups"}),
    "ec2/subnet": ("ec2", {"SubnetId", "SubnetIds"}),
    "ec2/vpc": ("ec2", {"VpcId", "VpcIds", "PeerVpcId"}),
    "ec2/vpc-endpoint": ("ec2", {"VpcEndpointId", "VpcEndpointIds"}),
    "ecs/cluster": ("ecs", {"cluster", "clusterArn", "clusterName", "clusters"}),
    "ecs/service": ("ecs", {"service", "serviceArn", "serviceName", "services"}),
    "ecs/task-definition": ("ecs", {"family", "taskDefinition", "taskDefinitions"}),
    "elbv2/load-balancer": (
        "elbv2",
        {"ListenerArn", "ListenerArns", "LoadBalancerArn", "LoadBalancerArns", "RuleArn", "RulePriorities"},
    ),
    "elbv2/target-group": ("elbv2", {"TargetGroupArn", "TargetGroupArns"}),
    "iam/role": ("iam", {"RoleName"}),
    "kms/alias": ("kms", {"AliasName"}),
    "kms/key": ("kms", {"KeyId", "TargetKeyId"}),
    "logs/delivery": ("logs", {"id", "resourceArn"}, "Delivery($|Conf)|agResource"),
    "logs/delivery-destination": (
        "logs",
        {"name", "deliveryDestinationName", "deliveryDestinationArn", "resourceArn"},
        "DeliveryDestination|CreateDelivery|agResource",
    ),
    "logs/delivery-source": (
        "logs", {"name", "deliverySourceName", "resourceArn"}, "DeliverySource|CreateDelivery|agResource"
    ),
    "logs/log-group": (
        "logs",
        {
            "logGroupArnList", "logGroupArn", "logGroupIdentifier", "logGroupIdentifiers", "logGroupName", "logGroupNames",
            "resourceArn", "resourceIdentifier",
        },
    ),
    "rds/cluster": (
        "rds",
        {"DBClusterIdentifier", "SourceDBClusterIdentifier", "ResourceArn", "GlobalClusterIdentifier", "DBClusterIdentifiers"},
    ),
    "rds/cluster-parameter-group": ("rds", {"DBClusterParameterGroupName", "SourceDBClusterParameterGroupIdentifier"}),
    "rds/event-subscription": ("rds", {"SubscriptionName"}),
    "rds/instance": (
        "rds",
        {"DBInstanceIdentifier", "SourceDBInstanceIdentifier", "TargetDBInstanceIdentifier", "DBInstanceIdentifiers"},
    ),
    "rds/option-group": ("rds", {"OptionGroupName", "SourceOptionGroupIdentifier"}),
    "rds/parameter-group": ("rds", {"DBParameterGroupName", "SourceDBParameterGroupIdentifier"}),
    "rds/subnet-group": ("rds", {"DBSubnetGroupName"}),
    "s3/bucket": ("s3", {"Bucket"}),
    "secretsmanager/secret": ("secretsmanager", {"SecretId"}),
    "sns/topic": ("sns", {"TopicArn", "ResourceArn", "SubscriptionArn"}),
    "wafv2/web-acl": (
        "wafv2",
        {"Id", "LoggingConfiguration", "ResourceARN", "ResourceArn", "WebACLArn"},
        "FirewallManager|LoggingConfiguration|agResource|WebACL",
    ),
}  # fmt: skip

# Kinds that are a part of another kind's thing: their operations are listed with that.
PARTS = {
    "autoscaling/policies": "autoscaling/target",
    "ec2/security-group-rules": "ec2/security-group",
    "elbv2/listeners": "elbv2/load-balancer",
    # Both are DB instances to RDS, and have the same operations.
    "rds/mysql-instance": "rds/instance",
    "s3/bucket-policy": "s3/bucket",
    "secretsmanager/attachment": "secretsmanager/secret",
    "wafv2/web-acl-association": "wafv2/web-acl",
}

# Operations that change nothing begin with one of these.
READS = (
    "Describe", "Filter", "Get", "Head", "List", "Search", "Select", "StartLiveTail", "StartQuery", "Validate", "Verify",
)  # fmt: skip

MAKES = "makes something of its own that refers to the thing and changes nothing of it"
DATA = "works on what is in it, not on the thing"
CRYPTO = "uses the key and changes nothing of it"
RETIRED = "EC2-Classic is retired: AWS refuses it"
OTHERS = "concerns a connection of somebody to a service of ours; the platform offers none"
ELSEWHERE = "lets things of another VPC bear the group; they reach ours by a route only, and that is seen"
EXCLUSION = "only matters where the account blocks all public access, which would close the platform: it is what opens it again"
REPLACED = "the older form of an operation that is covered"

# By kind: the field that shows what the operation did (existence: the thing is gone or another one), or a reason.
COVERED: dict[str, dict[str, list[str]]] = {
    "autoscaling/target": {
        "existence": ["DeregisterScalableTarget"],
        "fewest": ["RegisterScalableTarget"],
        "policies": ["DeleteScalingPolicy", "PutScalingPolicy"],
        "tags": ["TagResource", "UntagResource"],
    },
    "cloudfront/distribution": {
        "existence": ["DeleteDistribution"],
        "aliases": ["AssociateAlias"],
        "behavior": ["UpdateDistribution"],
        "more": ["CopyDistribution", "UpdateDistributionWithStagingConfig"],
        "web_acl_arn": ["AssociateDistributionWebACL", "DisassociateDistributionWebACL"],
        "tags": ["TagResource", "UntagResource"],
    },
    "cloudfront/origin-access-control": {
        "existence": ["DeleteOriginAccessControl"],
        "signing_behavior": ["UpdateOriginAccessControl"],
    },
    "cloudfront/origin-access-identity": {
        "existence": ["DeleteCloudFrontOriginAccessIdentity"],
        "comment": ["UpdateCloudFrontOriginAccessIdentity"],
    },
    "cloudfront/response-headers-policy": {
        "existence": ["DeleteResponseHeadersPolicy"],
        "headers": ["UpdateResponseHeadersPolicy"],
    },
    "cloudwatch/alarm": {
        "existence": ["DeleteAlarms"],
        "actions_enabled": ["DisableAlarmActions", "EnableAlarmActions"],
        "threshold": ["PutMetricAlarm"],
        "tags": ["TagResource", "UntagResource"],
    },
    "cloudwatch/dashboard": {
        "existence": ["DeleteDashboards"],
        "widgets": ["PutDashboard"],
        "tags": ["TagResource", "UntagResource"],
    },
    "ec2/address": {
        "existence": ["ReleaseAddress"],
    },
    "ec2/flow-log": {
        "existence": ["DeleteFlowLogs"],
    },
    "ec2/internet-gateway": {
        "existence": ["DeleteInternetGateway"],
        "attached_to": ["AttachInternetGateway", "DetachInternetGateway"],
    },
    "ec2/nat-gateway": {
        "existence": ["DeleteNatGateway"],
    },
    "ec2/network-acl": {
        "existence": ["DeleteNetworkAcl"],
        "entries": ["CreateNetworkAclEntry", "DeleteNetworkAclEntry", "ReplaceNetworkAclEntry"],
        "subnets": ["ReplaceNetworkAclAssociation"],
    },
    "ec2/route-table": {
        "existence": ["DeleteRouteTable"],
        "routes": [
            "CreateRoute",
            "CreateVpcEndpoint",
            "DeleteRoute",
            # What a route server learns stands among the routes of the table.
            "DisableRouteServerPropagation",
            "EnableRouteServerPropagation",
            "ModifyVpcEndpoint",
            "ReplaceRoute",
        ],
        "subnets": ["AssociateRouteTable", "ReplaceRouteTableAssociation"],
        "propagating": ["DisableVgwRoutePropagation", "EnableVgwRoutePropagation"],
    },
    "ec2/security-group": {
        "existence": ["DeleteSecurityGroup"],
        "rules": [
            "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress",
            "ModifySecurityGroupRules",
            "RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
            "UpdateSecurityGroupRuleDescriptionsEgress",
            "UpdateSecurityGroupRuleDescriptionsIngress",
        ],
    },
    "ec2/subnet": {
        "existence": ["DeleteSubnet"],
        "public_ip_on_launch": ["ModifySubnetAttribute"],
        "ipv6_cidrs": ["AssociateSubnetCidrBlock"],
    },
    "ec2/vpc": {
        "existence": ["DeleteVpc"],
        "dns_support": ["ModifyVpcAttribute"],
        "secondary_cidrs": ["AssociateVpcCidrBlock"],
        "dhcp": ["AssociateDhcpOptions"],
    },
    "ec2/vpc-endpoint": {
        "existence": ["DeleteVpcEndpoints"],
        "policy": ["ModifyVpcEndpoint"],
    },
    "ecs/cluster": {
        "existence": ["CreateCluster", "DeleteCluster"],
        "capacity_providers": ["PutClusterCapacityProviders"],
        "container_insights": ["UpdateCluster", "UpdateClusterSettings"],
    },
    "ecs/service": {
        "existence": ["CreateService", "DeleteService"],
        "task_definition": ["UpdateService"],
    },
    "ecs/task-definition": {
        "existence": ["DeregisterTaskDefinition"],
    },
    "elbv2/load-balancer": {
        "existence": ["DeleteLoadBalancer"],
        "listeners": [
            "AddListenerCertificates",
            "CreateListener",
            "CreateRule",
            "DeleteListener",
            "DeleteRule",
            "ModifyListener",
            "ModifyListenerAttributes",
            "ModifyRule",
            "RemoveListenerCertificates",
        ],
        "attributes": ["ModifyLoadBalancerAttributes"],
        "ip_address_type": ["SetIpAddressType"],
        "security_groups": ["SetSecurityGroups"],
        "subnets": ["SetSubnets"],
    },
    "elbv2/target-group": {
        "existence": ["DeleteTargetGroup"],
        "attributes": ["ModifyTargetGroupAttributes"],
        "health_check": ["ModifyTargetGroup"],
    },
    "iam/role": {
        "existence": ["CreateRole", "DeleteRole"],
        "attached": ["AttachRolePolicy", "DetachRolePolicy"],
        "inline": ["DeleteRolePolicy", "PutRolePolicy"],
        "permissions_boundary": ["DeleteRolePermissionsBoundary", "PutRolePermissionsBoundary"],
        "trust": ["UpdateAssumeRolePolicy"],
        "tags": ["TagRole", "UntagRole"],
    },
    "kms/alias": {
        "existence": ["CreateAlias", "DeleteAlias"],
        "key_arn": ["UpdateAlias"],
    },
    "kms/key": {
        "enabled": ["DisableKey", "EnableKey"],
        "pending_deletion": ["CancelKeyDeletion", "ScheduleKeyDeletion"],
        "rotation": ["DisableKeyRotation", "EnableKeyRotation"],
        "policy": ["PutKeyPolicy"],
        "grants": ["CreateGrant", "RetireGrant", "RevokeGrant"],
        "description": ["UpdateKeyDescription"],
        "tags": ["TagResource", "UntagResource"],
    },
    "logs/delivery": {
        "existence": ["DeleteDelivery"],
        "record": ["UpdateDeliveryConfiguration"],
        "tags": ["TagResource", "UntagResource"],
    },
    "logs/delivery-destination": {
        "existence": ["DeleteDeliveryDestination"],
        "resource_arn": ["PutDeliveryDestination"],
        "tags": ["TagResource", "UntagResource"],
    },
    "logs/delivery-source": {
        "existence": ["DeleteDeliverySource"],
        "resource_arn": ["PutDeliverySource"],
        "tags": ["TagResource", "UntagResource"],
    },
    "logs/log-group": {
        "existence": ["CreateLogGroup", "DeleteLogGroup"],
        "key_arn": ["AssociateKmsKey", "DisassociateKmsKey"],
        "retention_days": ["DeleteRetentionPolicy", "PutRetentionPolicy"],
        "subscriptions": ["DeleteSubscriptionFilter", "PutSubscriptionFilter"],
        "bearer_tokens": ["PutBearerTokenAuthentication"],
        "tags": ["TagResource", "UntagResource", "TagLogGroup", "UntagLogGroup"],
    },
    "rds/cluster": {
        "existence": ["CreateDBCluster", "DeleteDBCluster"],
        "foreign_instances": ["CreateDBInstance"],
        "http_endpoint": ["DisableHttpEndpoint", "EnableHttpEndpoint"],
        "roles": ["AddRoleToDBCluster", "RemoveRoleFromDBCluster"],
        "stopped": ["StartDBCluster", "StopDBCluster"],
        "backup_retention_days": ["ModifyDBCluster"],
    },
    "rds/cluster-parameter-group": {
        "existence": ["CreateDBClusterParameterGroup", "DeleteDBClusterParameterGroup"],
        "parameters": ["ModifyDBClusterParameterGroup", "ResetDBClusterParameterGroup"],
    },
    "rds/event-subscription": {
        "existence": ["CreateEventSubscription", "DeleteEventSubscription"],
        "enabled": ["ModifyEventSubscription"],
        "sources": ["AddSourceIdentifierToSubscription", "RemoveSourceIdentifierFromSubscription"],
    },
    "rds/instance": {
        "existence": ["CreateDBInstance", "DeleteDBInstance"],
        "class": ["ModifyDBInstance"],
        "roles": ["AddRoleToDBInstance", "RemoveRoleFromDBInstance"],
        "stopped": ["StartDBInstance", "StopDBInstance"],
    },
    "rds/option-group": {
        "existence": ["CreateOptionGroup", "DeleteOptionGroup"],
        "options": ["ModifyOptionGroup"],
    },
    "rds/parameter-group": {
        "existence": ["CreateDBParameterGroup", "DeleteDBParameterGroup"],
        "parameters": ["ModifyDBParameterGroup", "ResetDBParameterGroup"],
    },
    "rds/subnet-group": {
        "existence": ["CreateDBSubnetGroup", "DeleteDBSubnetGroup"],
        "subnets": ["ModifyDBSubnetGroup"],
    },
    "s3/bucket": {
        "existence": ["CreateBucket", "DeleteBucket"],
        "encryption": ["DeleteBucketEncryption", "PutBucketEncryption"],
        "lifecycle": ["DeleteBucketLifecycle", "PutBucketLifecycleConfiguration"],
        "access_logs": ["PutBucketLogging"],
        # With BucketOwnerEnforced access lists have no effect and AWS refuses to set them.
        "object_ownership": ["DeleteBucketOwnershipControls", "PutBucketAcl", "PutBucketOwnershipControls"],
        "versioned": ["PutBucketVersioning"],
        "replication": ["DeleteBucketReplication", "PutBucketReplication"],
        "tags": ["DeleteBucketTagging", "PutBucketTagging"],
        "policy": ["DeleteBucketPolicy", "PutBucketPolicy"],
        "public_access_block": ["DeletePublicAccessBlock", "PutPublicAccessBlock"],
    },
    "secretsmanager/secret": {
        "existence": ["DeleteSecret"],
        "pending_deletion": ["RestoreSecret"],
        "in_use": ["UpdateSecretVersionStage"],
        "key_arn": ["UpdateSecret"],
        "policy": ["DeleteResourcePolicy", "PutResourcePolicy"],
        "replicas": ["RemoveRegionsFromReplication", "ReplicateSecretToRegions"],
        "rotation_function": ["CancelRotateSecret", "RotateSecret"],
        "tags": ["TagResource", "UntagResource"],
    },
    "sns/topic": {
        "existence": ["DeleteTopic"],
        "key_arn": ["SetTopicAttributes"],
        "policy": ["AddPermission", "RemovePermission"],
        "settings": ["SetSubscriptionAttributes"],
        "subscriptions": ["ConfirmSubscription", "Subscribe", "Unsubscribe"],
        "tags": ["TagResource", "UntagResource"],
    },
    "wafv2/web-acl": {
        "existence": ["DeleteWebACL"],
        "rules": ["UpdateWebACL"],
        "log_destinations": ["DeleteLoggingConfiguration"],
        "redacted": ["PutLoggingConfiguration"],
        "web_acl_arn": ["AssociateWebACL", "DisassociateWebACL"],
        "tags": ["TagResource", "UntagResource"],
    },
}

WAIVED: dict[str, dict[str, list[str]]] = {
    "autoscaling/target": {
        "what it does to the bounds is seen when it is done": ["DeleteScheduledAction", "PutScheduledAction"],
    },
    "cloudwatch/alarm": {
        "makes something of its own beside the alarm": ["PutCompositeAlarm", "PutLogAlarm"],
        "until the next evaluation, which sets it right": ["SetAlarmState"],
    },
    "ecs/cluster": {
        MAKES: [
            "AssociateGatewayWithCluster",
            "CreateCapacityProvider",
            "CreateDaemon",
            "CreateExpressGatewayService",
            "CreateService",
            "CreateTaskSet",
            "DeleteCapacityProvider",
            "DisassociateGatewayFromCluster",
            "RegisterContainerInstance",
            "RunTask",
            "StartTask",
            "UpdateCapacityProvider",
        ],
        DATA: [
            "DeleteService",
            "DeleteTaskSet",
            "ExecuteCommand",
            "StopTask",
            "UpdateService",
            "UpdateServicePrimaryTaskSet",
            "UpdateTaskProtection",
            "UpdateTaskSet",
        ],
        "of EC2 instances and agents, of which there are none": [
            "DeleteAttributes",
            "DeregisterContainerInstance",
            "DiscoverPollEndpoint",
            "PutAttributes",
            "SubmitAttachmentStateChanges",
            "SubmitContainerStateChange",
            "SubmitTaskStateChange",
            "UpdateContainerAgent",
            "UpdateContainerInstancesState",
        ],
    },
    "ecs/service": {
        "of services of another kind or with another controller of deployments": [
            "CreateExpressGatewayService",
            "CreateTaskSet",
            "DeleteExpressGatewayService",
            "DeleteTaskSet",
            "UpdateExpressGatewayService",
            "UpdateServicePrimaryTaskSet",
            "UpdateTaskSet",
        ],
    },
    "ecs/task-definition": {
        MAKES: [
            "CreateService",
            "CreateTaskSet",
            "RegisterDaemonTaskDefinition",
            "RegisterTaskDefinition",
            "RunTask",
            "StartTask",
            "UpdateService",
        ],
        "AWS takes those only that are deregistered": ["DeleteTaskDefinitions"],
    },
    "elbv2/load-balancer": {
        "there is no rule but the default one: any other is taken off": ["SetRulePriorities"],
        "costs and speed: nobody gets in by it": ["ModifyCapacityReservation"],
        "where its own addresses come from": ["ModifyIpPools"],
    },
    "elbv2/target-group": {
        "its targets are the service's: what is none of its tasks is a field of that": ["RegisterTargets"],
        "takes a task out of the traffic, which ECS alone puts back": ["DeregisterTargets"],
    },
    "cloudfront/distribution": {
        "what is shown is read from the bucket again": ["CreateInvalidation"],
        "more metrics, for a price": ["CreateMonitoringSubscription", "DeleteMonitoringSubscription"],
    },
    "logs/delivery-destination": {
        MAKES: ["CreateDelivery"],
        "lets other accounts deliver into the bucket, whose policy admits none": [
            "DeleteDeliveryDestinationPolicy",
            "PutDeliveryDestinationPolicy",
        ],
    },
    "logs/delivery-source": {
        MAKES: ["CreateDelivery"],
    },
    "ec2/address": {
        MAKES: ["CreateNatGateway"],
        "AWS refuses it while the NAT gateway has the address": [
            "AssociateAddress",
            "AssociateNatGatewayAddress",
            "EnableAddressTransfer",
        ],
        "ends what cannot have begun": ["DisableAddressTransfer"],
        "a reverse name: nobody resolves it for access": ["ModifyAddressAttribute", "ResetAddressAttribute"],
    },
    "ec2/nat-gateway": {
        MAKES: ["CreateRoute", "ReplaceRoute"],
        "a further address on the way out: nobody gets in by it, and where traffic may go stays as it is": [
            "AssignPrivateNatGatewayAddress",
            "AssociateNatGatewayAddress",
            "DisassociateNatGatewayAddress",
            "UnassignPrivateNatGatewayAddress",
        ],
    },
    "ec2/security-group": {
        MAKES: [
            "ApplySecurityGroupsToClientVpnTargetNetwork",
            "CreateClientVpnEndpoint",
            "CreateInstanceConnectEndpoint",
            "CreateNetworkInterface",
            "CreateVerifiedAccessEndpoint",
            "CreateVpcEndpoint",
            "ModifyClientVpnEndpoint",
            "ModifyInstanceAttribute",
            "ModifyInstanceConnectEndpoint",
            "ModifyInstancePlacement",
            "ModifyNetworkInterfaceAttribute",
            "RunInstances",
        ],
        RETIRED: ["AttachClassicLinkVpc"],
        ELSEWHERE: ["AssociateSecurityGroupVpc", "DisassociateSecurityGroupVpc"],
    },
    "ec2/subnet": {
        MAKES: [
            "AcceptTransitGatewayMulticastDomainAssociations",
            "AssociateClientVpnTargetNetwork",
            "AssociateTransitGatewayMulticastDomain",
            "CreateInstanceConnectEndpoint",
            "CreateNatGateway",
            "CreateNetworkInterface",
            "CreateRouteServerEndpoint",
            "CreateSubnetCidrReservation",
            "CreateTransitGatewayVpcAttachment",
            "CreateVpcEndpoint",
            "DisassociateTransitGatewayMulticastDomain",
            "RejectTransitGatewayMulticastDomainAssociations",
            "RunInstances",
        ],
        "the route table has the subnet, as its field `subnets`": ["AssociateRouteTable"],
        EXCLUSION: ["CreateVpcBlockPublicAccessExclusion"],
    },
    "ec2/vpc": {
        MAKES: [
            "ApplySecurityGroupsToClientVpnTargetNetwork",
            "AssociateRouteServer",
            "AttachVpnGateway",
            "CreateCarrierGateway",
            "CreateClientVpnEndpoint",
            "CreateEgressOnlyInternetGateway",
            "CreateLocalGatewayRouteTableVpcAssociation",
            "CreateNatGateway",
            "CreateNetworkAcl",
            "CreateRouteTable",
            "CreateSecurityGroup",
            "CreateSubnet",
            "CreateTransitGatewayVpcAttachment",
            "CreateVpcEndpoint",
            "CreateVpcPeeringConnection",
            "DetachVpnGateway",
            "DisassociateRouteServer",
            "ModifyClientVpnEndpoint",
        ],
        "the internet gateway has the VPC, as its field `attached_to`": ["AttachInternetGateway", "DetachInternetGateway"],
        RETIRED: [
            "AttachClassicLinkVpc",
            "DetachClassicLinkVpc",
            "DisableVpcClassicLink",
            "DisableVpcClassicLinkDnsSupport",
            "EnableVpcClassicLink",
            "EnableVpcClassicLinkDnsSupport",
        ],
        "can only be changed from dedicated to default, which it is": ["ModifyVpcTenancy"],
        ELSEWHERE: ["AssociateSecurityGroupVpc", "DisassociateSecurityGroupVpc"],
        EXCLUSION: ["CreateVpcBlockPublicAccessExclusion"],
        "asks for more encryption than is wanted, and AWS refuses it where the VPC has less": ["CreateVpcEncryptionControl"],
    },
    "ec2/vpc-endpoint": {
        MAKES: ["CreateRoute", "CreateVpcEndpointConnectionNotification", "ReplaceRoute"],
        OTHERS: ["AcceptVpcEndpointConnections", "ModifyVpcEndpointPayerResponsibility", "RejectVpcEndpointConnections"],
    },
    "iam/role": {
        "only services that the trust policy names can use the role; an instance is none of them": [
            "AddRoleToInstanceProfile",
            "RemoveRoleFromInstanceProfile",
        ],
        "a service's own role is none of ours": ["DeleteServiceLinkedRole"],
        "a text": ["UpdateRoleDescription"],
        "a text, and how long a session lasts: only services assume the role, and they renew their sessions": ["UpdateRole"],
    },
    "kms/key": {
        MAKES: ["CreateAlias", "UpdateAlias"],
        CRYPTO: [
            "Decapsulate",
            "Decrypt",
            "DeriveSharedSecret",
            "Encapsulate",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
            "GenerateDataKeyWithoutPlaintext",
            "GenerateMac",
            "RotateKeyOnDemand",
            "Sign",
        ],
        "for keys with imported material: AWS refuses it for ours": ["DeleteImportedKeyMaterial", "ImportKeyMaterial"],
        "for keys of several regions: AWS refuses it for ours": ["ReplicateKey", "UpdatePrimaryRegion"],
    },
    "logs/log-group": {
        DATA: [
            "CreateExportTask",
            "CreateLogStream",
            "DeleteLogStream",
            "PutLogEvents",
        ],
        MAKES: [
            "CreateLogAnomalyDetector",
            "CreateScheduledQuery",
            "DeleteMetricFilter",
            "PutDeliverySource",
            "PutMetricFilter",
            "PutQueryDefinition",
            "UpdateScheduledQuery",
        ],
        "masks what is read: nobody sees more by it": ["DeleteDataProtectionPolicy", "PutDataProtectionPolicy"],
        "how events are searched; they stay as they were written": [
            "DeleteIndexPolicy",
            "DeleteTransformer",
            "PutIndexPolicy",
            "PutTransformer",
        ],
        # A policy of a log group serves AWS's services only, and only to write (API Reference, PutResourcePolicy).
        "lets sources of the account write; nobody reads by it": [
            "DeleteResourcePolicy",
            "DeleteSyslogConfiguration",
            "PutResourcePolicy",
            "PutSyslogConfiguration",
        ],
        "keeps more; it is lifted when the platform is deleted": ["PutLogGroupDeletionProtection"],
    },
    "rds/cluster": {
        MAKES: [
            "CreateDBClusterEndpoint",
            "CreateDBClusterSnapshot",
            "CreateDBInstanceReadReplica",
            "CreateDBShardGroup",
            "RestoreDBClusterFromS3",
            "RestoreDBClusterFromSnapshot",
            "RestoreDBClusterToPointInTime",
        ],
        "a further cluster in another region, which is a thing of its own; ours stays as it is and cannot be deleted meanwhile": [
            "CreateGlobalCluster",
            "DeleteGlobalCluster",
            "FailoverGlobalCluster",
            "ModifyGlobalCluster",
            "RemoveFromGlobalCluster",
            "SwitchoverGlobalCluster",
        ],
        "a proxy has a security group of its own, which ours does not let in": [
            "DeregisterDBProxyTargets",
            "RegisterDBProxyTargets",
        ],
        "another writer or a restart: the service goes on, and its settings stay": [
            "FailoverDBCluster",
            "RebootDBCluster",
        ],
        "an encrypted stream of the account's own, for auditors; it reads nothing out by itself": [
            "ModifyActivityStream",
            "StartActivityStream",
            "StopActivityStream",
        ],
        "for other engines or engine modes; Aurora PostgreSQL refuses it": [
            "BacktrackDBCluster",
            "ModifyCurrentDBClusterCapacity",
            "PromoteReadReplicaDBCluster",
        ],
    },
    "rds/cluster-parameter-group": {
        MAKES: [
            "CopyDBClusterParameterGroup",
            "CreateDBCluster",
            "RestoreDBClusterFromS3",
            "RestoreDBClusterFromSnapshot",
            "RestoreDBClusterToPointInTime",
        ],
        "shown by the cluster, as its parameter group": [
            "ModifyDBCluster",
        ],
    },
    "rds/instance": {
        MAKES: [
            "CreateDBInstanceReadReplica",
            "CreateDBSnapshot",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceFromS3",
            "RestoreDBInstanceToPointInTime",
        ],
        DATA: [
            "DownloadDBLogFilePortion",
        ],
        "for other engines, or for a replica: instances of ours refuse it": [
            "CreateTenantDatabase",
            "DeleteTenantDatabase",
            "ModifyTenantDatabase",
            "PromoteReadReplica",
            "SwitchoverReadReplica",
        ],
        "a proxy has a security group of its own, which ours does not let in": [
            "DeregisterDBProxyTargets",
            "RegisterDBProxyTargets",
        ],
        "another writer or a restart: the service goes on, and its settings stay": [
            "FailoverDBCluster",
            "RebootDBInstance",
        ],
    },
    "rds/option-group": {
        MAKES: [
            "CopyOptionGroup",
            "CreateDBCluster",
            "CreateDBInstance",
            "CreateDBInstanceReadReplica",
            "RestoreDBClusterFromS3",
            "RestoreDBClusterFromSnapshot",
            "RestoreDBClusterToPointInTime",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceFromS3",
            "RestoreDBInstanceToPointInTime",
        ],
        "of a snapshot, which has its own": ["CopyDBSnapshot", "ModifyDBSnapshot"],
        "shown by the instance, as its option group": ["ModifyDBCluster", "ModifyDBInstance"],
    },
    "rds/parameter-group": {
        MAKES: [
            "CopyDBParameterGroup",
            "CreateDBInstance",
            "CreateDBInstanceReadReplica",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceFromS3",
            "RestoreDBInstanceToPointInTime",
        ],
        "shown by the instance, as its parameter group": [
            "ModifyDBInstance",
        ],
    },
    "rds/subnet-group": {
        MAKES: [
            "CreateDBCluster",
            "CreateDBInstance",
            "CreateDBInstanceReadReplica",
            "RestoreDBClusterFromS3",
            "RestoreDBClusterFromSnapshot",
            "RestoreDBClusterToPointInTime",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceFromS3",
            "RestoreDBInstanceToPointInTime",
        ],
        "Aurora's instances stay in the group of their cluster": [
            "ModifyDBInstance",
        ],
    },
    "s3/bucket": {
        DATA: [
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "CopyObject",
            "CreateMultipartUpload",
            "CreateSession",
            "DeleteObject",
            "DeleteObjectAnnotation",
            "DeleteObjectTagging",
            "DeleteObjects",
            "PutObject",
            "PutObjectAcl",
            "PutObjectAnnotation",
            "PutObjectLegalHold",
            "PutObjectRetention",
            "PutObjectTagging",
            "RenameObject",
            "RestoreObject",
            "UpdateObjectEncryption",
            "UploadPart",
            "UploadPartCopy",
        ],
        REPLACED: ["PutBucketLifecycle", "PutBucketNotification"],
        "reports and indexes of what is in it": [
            "CreateBucketMetadataConfiguration",
            "CreateBucketMetadataTableConfiguration",
            "DeleteBucketAnalyticsConfiguration",
            "DeleteBucketInventoryConfiguration",
            "DeleteBucketMetadataConfiguration",
            "DeleteBucketMetadataTableConfiguration",
            "DeleteBucketMetricsConfiguration",
            "PutBucketAnalyticsConfiguration",
            "PutBucketInventoryConfiguration",
            "PutBucketMetricsConfiguration",
            "UpdateBucketMetadataAnnotationTableConfiguration",
            "UpdateBucketMetadataInventoryTableConfiguration",
            "UpdateBucketMetadataJournalTableConfiguration",
        ],
        "costs and speed: nobody gets in by it": [
            "DeleteBucketIntelligentTieringConfiguration",
            "PutBucketAccelerateConfiguration",
            "PutBucketIntelligentTieringConfiguration",
            "PutBucketRequestPayment",
        ],
        "what is served so is still closed by the public access block": [
            "DeleteBucketCors",
            "DeleteBucketWebsite",
            "PutBucketCors",
            "PutBucketWebsite",
        ],
        "tells that something was written, not what": ["PutBucketNotificationConfiguration"],
        "lets policies of the account refer to the bucket's tags; the bucket's own policy stays as it is": ["PutBucketAbac"],
        "keeps more, and AWS lets nobody undo it": ["PutObjectLockConfiguration"],
    },
    "secretsmanager/secret": {
        DATA: [
            "PutSecretValue",
        ],
        "of a replica in another account or region, of which there is none": [
            "AssociateCrossAccountReplica",
            "DisassociateCrossAccountReplica",
            "StopReplicationToReplica",
        ],
    },
    "sns/topic": {
        DATA: [
            "Publish",
            "PublishBatch",
        ],
        "masks or denies what is published; nobody gets to read more": [
            "PutDataProtectionPolicy",
        ],
    },
    "wafv2/web-acl": {
        "takes off what Firewall Manager has put on, which is the organisation's": ["DeleteFirewallManagerRuleGroups"],
    },
}

# The number of operations without a field. Raising it is a decision.
WAIVERS = 315
