//! The network: ranges, zones, subnets, routes, endpoints.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// VPC, subnets and routing.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(
    validation = Rule::new("has(self.subnets) || !has(self.vpcCidr) || cidr(self.vpcCidr).prefixLength() <= 19")
        .message("network.vpcCidr smaller than /19 has no room for the default subnets; name them in network.subnets"),
    validation = Rule::new("!has(self.subnets) || has(self.availabilityZones)")
        .message("network.subnets needs network.availabilityZones: the first CIDR of each tier lies in the first zone, and so on"),
    validation = Rule::new("!has(self.subnets) || !has(self.availabilityZones) || (size(self.subnets.public) == size(self.availabilityZones) && size(self.subnets.private) == size(self.availabilityZones) && size(self.subnets.database) == size(self.availabilityZones))")
        .message("network.subnets must name as many CIDRs in each of public, private and database as there are network.availabilityZones"),
    validation = Rule::new("!has(self.subnets) || (self.subnets.public + self.subnets.private + self.subnets.database).all(subnet, cidr(has(self.vpcCidr) ? self.vpcCidr : '10.0.0.0/16').containsCIDR(subnet))")
        .message("network.subnets must lie inside network.vpcCidr (unset means 10.0.0.0/16)"),
    validation = Rule::new("!has(self.subnets) || (self.subnets.public + self.subnets.private + self.subnets.database).all(one, (self.subnets.public + self.subnets.private + self.subnets.database).filter(other, cidr(one).containsCIDR(other)).size() == 1)")
        .message("network.subnets must not overlap"),
    validation = Rule::new("!has(oldSelf.subnets) || !has(self.availabilityZones) || !has(oldSelf.availabilityZones) || self.availabilityZones != oldSelf.availabilityZones || (has(self.subnets) && self.subnets == oldSelf.subnets)")
        .message("network.subnets cannot be changed for zones that stay: AWS cannot renumber a subnet")
)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// IPv4 range of the VPC, /16 to /28. Default: 10.0.0.0/16. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 18))]
    #[x_kube(validation = Rule::new("isCIDR(self) && cidr(self).ip().family() == 4 && cidr(self).prefixLength() >= 16 && cidr(self).prefixLength() <= 28 && cidr(self) == cidr(self).masked()")
        .message("network.vpcCidr must be an IPv4 range from /16 to /28 written by its first address, for example 10.20.0.0/16"))]
    pub vpc_cidr: Option<String>,

    /// Two or three zones of the region, for example us-east-1a. Default: the first two that the region offers, fixed
    /// once chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 3), inner(length(max = 34), regex(pattern = r"^[a-z]+-[a-z]+-[0-9][a-z]$")))]
    #[x_kube(validation = Rule::new("self.all(one, self.filter(other, other == one).size() == 1)")
        .message("network.availabilityZones must not name a zone twice"))]
    pub availability_zones: Option<Vec<String>>,

    /// Ranges of the subnets, by tier, one per zone in the order of availabilityZones. Default: offsets .1.0/24,
    /// .11.0/24 and .21.0/24 of a VPC of /16 to /19, the next zone one higher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Subnets>,

    /// PerZone (the default), or Single in Ephemeral to save the cost of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat_gateways: Option<NatGateways>,

    /// Routes besides those of the platform, for example to a transit gateway. A route that stands in neither is removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(validation = Rule::new("self.all(one, self.filter(other, other.tier == one.tier && other.destination == one.destination).size() == 1)")
        .message("network.extraRoutes must not name a destination twice in one tier"))]
    pub extra_routes: Vec<ExtraRoute>,

    /// AWS services that get an interface endpoint besides ecr.api, ecr.dkr, logs, secretsmanager, kms and ec2, by the
    /// last part of the endpoint service's name, for example sts or ssm. S3 has its gateway endpoint in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 40), regex(pattern = r"^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$")))]
    #[x_kube(validation = Rule::new("self.all(one, !(one in ['ecr.api', 'ecr.dkr', 'logs', 'secretsmanager', 'kms', 'ec2', 's3']) && self.filter(other, other == one).size() == 1)")
        .message("network.extraEndpoints must name services that have no endpoint yet (ecr.api, ecr.dkr, logs, secretsmanager, kms, ec2 and s3 have one), each once"))]
    pub extra_endpoints: Vec<String>,

    /// The VPC's flow logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_logs: Option<FlowLogs>,

    /// Whether the default network ACL denies ports 22 and 3389 from anywhere. Default: true. An ACL is stateless, so
    /// one connection in 64,000, whose ephemeral port is 3389, is retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny_remote_administration: Option<bool>,
}

/// Ranges of the subnets, by tier.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Subnets {
    /// Load balancer and NAT gateways; routed to the internet.
    #[schemars(length(min = 2, max = 3), inner(length(max = 18)))]
    #[x_kube(validation = Rule::new("self.all(subnet, isCIDR(subnet) && cidr(subnet).ip().family() == 4 && cidr(subnet).prefixLength() >= 16 && cidr(subnet).prefixLength() <= 28 && cidr(subnet) == cidr(subnet).masked())")
        .message("network.subnets.public must be IPv4 ranges from /16 to /28 written by their first address, for example 10.0.1.0/24"))]
    pub public: Vec<String>,
    /// The application; routed out through the NAT gateways.
    #[schemars(length(min = 2, max = 3), inner(length(max = 18)))]
    #[x_kube(validation = Rule::new("self.all(subnet, isCIDR(subnet) && cidr(subnet).ip().family() == 4 && cidr(subnet).prefixLength() >= 16 && cidr(subnet).prefixLength() <= 28 && cidr(subnet) == cidr(subnet).masked())")
        .message("network.subnets.private must be IPv4 ranges from /16 to /28 written by their first address, for example 10.0.11.0/24"))]
    pub private: Vec<String>,
    /// The database; no route out.
    #[schemars(length(min = 2, max = 3), inner(length(max = 18)))]
    #[x_kube(validation = Rule::new("self.all(subnet, isCIDR(subnet) && cidr(subnet).ip().family() == 4 && cidr(subnet).prefixLength() >= 16 && cidr(subnet).prefixLength() <= 28 && cidr(subnet) == cidr(subnet).masked())")
        .message("network.subnets.database must be IPv4 ranges from /16 to /28 written by their first address, for example 10.0.21.0/24"))]
    pub database: Vec<String>,
}

/// A route of one tier.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(validation = Rule::new("cidr(self.destination).prefixLength() > 0")
    .message("network.extraRoutes: the default routes are the platform's, and the database tier has none (PCI DSS 1.4.4)"))]
#[serde(rename_all = "camelCase")]
pub struct ExtraRoute {
    /// Public, Private or Database: the route stands in all tables of the tier.
    pub tier: Tier,
    /// IPv4 range that is reached, for example 192.168.0.0/16.
    #[schemars(length(max = 18))]
    #[x_kube(validation = Rule::new("isCIDR(self) && cidr(self).ip().family() == 4 && cidr(self) == cidr(self).masked()")
        .message("network.extraRoutes: destination must be an IPv4 range written by its first address, for example 192.168.0.0/16"))]
    pub destination: String,
    /// Id of a transit gateway (tgw-...), VPC peering connection (pcx-...), virtual private gateway (vgw-...), network
    /// interface (eni-...) or gateway load balancer endpoint (vpce-...).
    #[schemars(length(max = 40), regex(pattern = r"^(tgw|pcx|vgw|eni|vpce)-[0-9a-f]{8,17}$"))]
    pub target: String,
}

/// A tier of the VPC.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Public,
    Private,
    Database,
}

/// The VPC's flow logs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct FlowLogs {
    /// Days after which flow logs in the bucket move to cheaper storage (Glacier Instant Retrieval in Production, Glacier
    /// Flexible Retrieval in Ephemeral), 1 to 360. Default: 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 360))]
    pub archive_after_days: Option<i32>,
}

/// How many NAT gateways.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NatGateways {
    #[default]
    PerZone,
    Single,
}
