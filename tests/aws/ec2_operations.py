"""What mends and rules must know of every EC2 operation that a kind calls: a new kind has its rows here."""

# The resource type in a TagSpecification of the operation that makes something (API Reference of each).
TAGGED_ON_CREATION = {
    "AllocateAddress": "elastic-ip",
    "AuthorizeSecurityGroupEgress": "security-group-rule",
    "AuthorizeSecurityGroupIngress": "security-group-rule",
    "CreateFlowLogs": "vpc-flow-log",
    "CreateInternetGateway": "internet-gateway",
    "CreateNatGateway": "natgateway",
    "CreateNetworkAcl": "network-acl",
    "CreateRouteTable": "route-table",
    "CreateSecurityGroup": "security-group",
    "CreateSubnet": "subnet",
    "CreateVpc": "vpc",
    "CreateVpcEndpoint": "vpc-endpoint",
}

# The list in the answer of each operation that takes MaxResults and NextToken, by the name of its method in moto.
PAGED = {
    "describe_flow_logs": "FlowLogs",
    "describe_internet_gateways": "InternetGateways",
    "describe_nat_gateways": "NatGateways",
    "describe_network_acls": "NetworkAcls",
    "describe_route_tables": "RouteTables",
    "describe_security_group_rules": "SecurityGroupRules",
    "describe_security_groups": "SecurityGroups",
    "describe_subnets": "Subnets",
    "describe_tags": "Tags",
    "describe_vpc_endpoints": "VpcEndpoints",
    "describe_vpcs": "Vpcs",
}

# What makes something, and the element of its answer that holds the new id; the items of lists have the id under the same name.
NEW_IDS = {
    "AllocateAddress": "allocationId",
    "AuthorizeSecurityGroupEgress": "securityGroupRuleId",
    "AuthorizeSecurityGroupIngress": "securityGroupRuleId",
    "CreateFlowLogs": "flowLogIdSet",
    "CreateInternetGateway": "internetGatewayId",
    "CreateNatGateway": "natGatewayId",
    "CreateNetworkAcl": "networkAclId",
    "CreateRouteTable": "routeTableId",
    "CreateSecurityGroup": "groupId",
    "CreateSubnet": "subnetId",
    "CreateVpc": "vpcId",
    "CreateVpcEndpoint": "vpcEndpointId",
}

# The id of an item in the answer of the operation that lists such things.
OWN_IDS = {
    "DescribeAddresses": "allocationId",
    "DescribeFlowLogs": "flowLogId",
    "DescribeInternetGateways": "internetGatewayId",
    "DescribeNatGateways": "natGatewayId",
    "DescribeNetworkAcls": "networkAclId",
    "DescribeRouteTables": "routeTableId",
    "DescribeSecurityGroupRules": "securityGroupRuleId",
    "DescribeSecurityGroups": "groupId",
    "DescribeSubnets": "subnetId",
    "DescribeVpcEndpoints": "vpcEndpointId",
    "DescribeVpcs": "vpcId",
}
