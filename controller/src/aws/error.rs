//! AWS's error codes and what each means for what to do next: one table. Messages tell only what a code leaves open, see
//! [`too_early`].

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use payment_platform_engine::{Class, CloudError};

/// Gives a call's error its name: the operation as an IAM action.
pub trait During<T> {
    /// `action` is the operation as an IAM action, for example `ec2:CreateVpc`.
    fn during(self, action: &'static str) -> Result<T, CloudError>;
}

impl<T, E> During<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn during(self, action: &'static str) -> Result<T, CloudError> {
        self.map_err(|error| cloud_error(action, &error))
    }
}

/// Whether the thing is gone already: for deletions, which then are done.
pub fn gone<T>(result: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.class == Class::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes an error for right but too early where the service has one code for that and for what is wrong, and `is` can tell.
pub fn too_early<T>(answer: Result<T, CloudError>, is: impl FnOnce(&CloudError) -> bool) -> Result<T, CloudError> {
    answer.map_err(|error| match is(&error) {
        true => CloudError { class: Class::NotYet, ..error },
        false => error,
    })
}

/// A request that lacks a part which its API demands was put together wrongly.
pub fn built<T>(
    result: Result<T, aws_smithy_types::error::operation::BuildError>,
    action: &'static str,
) -> Result<T, CloudError> {
    result.map_err(|error| CloudError::new(Class::Invalid, action, "NotBuilt", one_line(&error.to_string())))
}

fn cloud_error<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or("Unknown");
            let message = undated(service.err().message().unwrap_or("no message"));
            let class = class_of(code).unwrap_or(class_of_status(status));
            let request_id = service.raw().headers().get("x-amzn-requestid").map(str::to_owned);
            CloudError { request_id, ..CloudError::new(class, action, code, one_line(message)) }
        }
        SdkError::TimeoutError(_) => CloudError::new(Class::Ambiguous, action, "Timeout", "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            let cause = causes(failure.as_connector_error().map(|error| error as &(dyn Error + 'static)));
            let class = match failure.as_connector_error() {
                _ if cause.contains(FENCED) => Class::Unavailable,
                Some(error) if has_cause(error, is_credentials) => Class::Unauthenticated,
                Some(error) if has_cause(error, is_refused) => Class::Unavailable,
                // A connection that broke may have carried the request.
                _ => Class::Ambiguous,
            };
            CloudError::new(class, action, "NoAnswer", cause)
        }
        SdkError::ResponseError(_) => {
            CloudError::new(Class::Ambiguous, action, "BadResponse", "the answer could not be read")
        }
        other => {
            let cause = causes(Some(other));
            let class = if cause.contains(FENCED) { Class::Unavailable } else { Class::Invalid };
            CloudError::new(class, action, "NotBuilt", cause)
        }
    }
}

/// What AWS says of a request whose date is off (General Reference, "Troubleshooting Signature Version 4 signing"), before
/// the dates, which are others with every attempt.
const DATED: [&str; 2] = ["Signature expired", "Signature not yet current"];

/// Whether AWS has refused a request for its date: the clock that it was signed by is off.
pub fn is_dated(error: &CloudError) -> bool {
    ["RequestExpired", "RequestTimeTooSkewed"].contains(&&*error.code) || DATED.contains(&&*error.message)
}

fn undated(message: &str) -> &str {
    DATED.into_iter().find(|said| message.starts_with(said)).unwrap_or(message)
}

/// The message with which calls are refused once the lease is lost.
pub const FENCED: &str = "another controller holds the lease";

fn has_cause(error: &(dyn Error + 'static), fits: fn(&(dyn Error + 'static)) -> bool) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if fits(error) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_credentials(error: &(dyn Error + 'static)) -> bool {
    error.is::<aws_credential_types::provider::error::CredentialsError>()
}

/// Nobody listens: the request was certainly not sent.
fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
}

fn causes(error: Option<&(dyn Error + 'static)>) -> String {
    let mut text = Vec::new();
    let mut source = error;
    while let Some(error) = source {
        text.push(error.to_string());
        source = error.source();
    }
    one_line(&text.join(": "))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn class_of_status(status: u16) -> Class {
    match status {
        401 => Class::Unauthenticated,
        403 => Class::Denied,
        404 => Class::NotFound,
        409 => Class::Conflict,
        429 => Class::Throttled,
        500.. => Class::Unavailable,
        _ => Class::Invalid,
    }
}

/// The table. Codes are those of the API references of EC2, KMS, CloudWatch Logs, IAM, S3, STS,
/// Service Quotas, RDS, Secrets Manager, SNS, Elastic Load Balancing, ECR, ECS, Application Auto Scaling, CloudWatch,
/// AWS WAF and CloudFront.
#[rustfmt::skip]
pub fn class_of(code: &str) -> Option<Class> {
    Some(match code {
        "InvalidVpcID.NotFound" | "InvalidSubnetID.NotFound" | "InvalidInternetGatewayID.NotFound"
        | "InvalidAllocationID.NotFound" | "NatGatewayNotFound" | "InvalidNatGatewayID.NotFound" | "InvalidAddress.NotFound" | "InvalidNetworkInterfaceID.NotFound"
        | "InvalidDhcpOptionID.NotFound" | "InvalidRouteTableID.NotFound" | "InvalidRoute.NotFound"
        | "InvalidAssociationID.NotFound" | "InvalidGroup.NotFound" | "InvalidGroupId.Malformed"
        | "InvalidSecurityGroupRuleId.NotFound" | "InvalidPermission.NotFound" | "InvalidNetworkAclID.NotFound"
        | "InvalidNetworkAclEntry.NotFound" | "Gateway.NotAttached" | "NotFoundException" | "ResourceNotFoundException"
        | "NoSuchEntity" | "NoSuchResourceException" | "InvalidFlowLogId.NotFound" | "InvalidVpcEndpointId.NotFound"
        | "InvalidVpcEndpoint.NotFound" | "NoSuchBucket" | "NoSuchTagSet" | "NoSuchBucketPolicy"
        | "NoSuchLifecycleConfiguration" | "NoSuchPublicAccessBlockConfiguration" | "OwnershipControlsNotFoundError"
        | "ServerSideEncryptionConfigurationNotFoundError" | "ReplicationConfigurationNotFoundError" | "NoSuchKey"
        | "DBClusterNotFoundFault" | "DBInstanceNotFound" | "DBInstanceNotFoundFault" | "DBSubnetGroupNotFoundFault"
        | "DBParameterGroupNotFound" | "DBParameterGroupNotFoundFault" | "DBClusterParameterGroupNotFound"
        | "SubscriptionNotFound" | "SourceNotFound" | "NotFound" | "ClusterNotFoundException" | "ServiceNotFoundException"
        | "LoadBalancerNotFound" | "TargetGroupNotFound" | "ListenerNotFound" | "RuleNotFound"
        | "ObjectNotFoundException" | "OptionGroupNotFoundFault" | "ResourceNotFound"
        | "DashboardNotFoundError" | "WAFNonexistentItemException" | "NoSuchDistribution" | "NoSuchOriginAccessControl"
        | "NoSuchResponseHeadersPolicy" | "NoSuchResource" | "NoSuchCloudFrontOriginAccessIdentity" | "RepositoryNotFoundException" => Class::NotFound,

        "InvalidGroup.Duplicate" | "AlreadyExistsException" | "ResourceAlreadyExistsException" | "EntityAlreadyExists"
        | "BucketAlreadyExists" | "BucketAlreadyOwnedByYou" | "DBClusterAlreadyExistsFault" | "DBInstanceAlreadyExists"
        | "DBSubnetGroupAlreadyExists" | "DBParameterGroupAlreadyExists" | "SubscriptionAlreadyExist"
        | "ResourceExistsException" | "OptionGroupAlreadyExistsFault" | "DuplicateLoadBalancerName" | "DuplicateTargetGroupName"
        | "WAFDuplicateItemException" | "OriginAccessControlAlreadyExists"
        | "ResponseHeadersPolicyAlreadyExists" | "CNAMEAlreadyExists" => Class::AlreadyExists,

        "InvalidPermission.Duplicate" | "RouteAlreadyExists" | "NetworkAclEntryAlreadyExists" | "Resource.AlreadyAssociated"
        | "Resource.AlreadyAssigned" | "OperationAbortedException" | "OperationAborted" | "ConcurrentModification" | "IncorrectState" | "IncorrectInstanceState"
        | "InvalidState" | "ConflictException" | "FlowLogAlreadyExists" | "IdempotentParameterMismatch"
        | "InvalidEventSubscriptionState" | "InvalidDBClusterStateFault" | "InvalidDBInstanceState" | "InvalidDBInstanceStateFault"
        | "DBClusterSnapshotAlreadyExistsFault" | "DBSnapshotAlreadyExists" | "InvalidRequestException" | "ServiceNotActiveException"
        | "UpdateInProgressException" | "ConcurrentUpdateException" | "DuplicateListener" | "WAFOptimisticLockException"
        | "ConcurrentModificationException" | "ConcurrentAccess" | "StaleTag" | "InvalidDBClusterSnapshotStateFault"
        | "InvalidGlobalClusterStateFault" | "InvalidResourceStateFault" | "PaginationTokenExpiredException"
        // A group that somebody protects meanwhile.
        | "InvalidOperationException"
        | "WAFTagOperationException" | "PreconditionFailed" | "InvalidIfMatchVersion" | "DistributionNotDisabled"
        // The token was used: the distribution is there, or was.
        | "DistributionAlreadyExists" | "CloudFrontOriginAccessIdentityAlreadyExists" => Class::Conflict,

        "DependencyViolation" | "InvalidIPAddress.InUse" | "AddressInUse" | "InvalidSubnet.Conflict" | "DeleteConflict"
        | "InvalidGroup.InUse" | "InvalidCidrBlock.InUse" | "ResourceInUse" | "BucketNotEmpty"
        | "InvalidDBSubnetGroupStateFault" | "InvalidDBSubnetStateFault" | "InvalidDBParameterGroupState" | "InvalidOptionGroupStateFault" | "SubnetAlreadyInUse"
        | "ClusterContainsServicesException" | "ClusterContainsTasksException" | "ResourceInUseException"
        | "ClusterContainsContainerInstancesException" | "ClusterContainsCapacityProviderException"
        | "WAFAssociatedItemException" | "OriginAccessControlInUse" | "ResponseHeadersPolicyInUse" | "CloudFrontOriginAccessIdentityInUse" => Class::InUse,

        "VpcLimitExceeded" | "SubnetLimitExceeded" | "InternetGatewayLimitExceeded" | "AddressLimitExceeded"
        | "NatGatewayLimitExceeded" | "RouteTableLimitExceeded" | "RouteLimitExceeded" | "SecurityGroupLimitExceeded"
        | "RulesPerSecurityGroupLimitExceeded" | "NetworkAclEntryLimitExceeded" | "TagLimitExceeded" | "LimitExceededException"
        | "LimitExceeded" | "ServiceQuotaExceededException" | "TooManyBuckets" | "VpcEndpointLimitExceeded"
        | "FlowLogsLimitExceeded" | "DBClusterQuotaExceededFault" | "InstanceQuotaExceeded" | "DBSubnetGroupQuotaExceeded"
        | "DBParameterGroupQuotaExceeded" | "EventSubscriptionQuotaExceeded" | "StorageQuotaExceeded" | "SnapshotQuotaExceeded"
        | "TopicLimitExceeded" | "TooManyLoadBalancers" | "TooManyTargetGroups" | "TooManyListeners" | "TooManyTags" | "OptionGroupQuotaExceededFault"
        | "TooManyCertificates" | "LimitExceededFault" | "WAFLimitsExceededException" | "TooManyDistributions"
        | "TooManyTagsException" | "EntityLimitExceeded" | "SubscriptionLimitExceeded" | "FilterPolicyLimitExceeded"
        | "DBClusterAutomatedBackupQuotaExceededFault" | "DBClusterRoleQuotaExceeded"
        | "DBInstanceAutomatedBackupQuotaExceeded" | "DBSubnetQuotaExceededFault"
        | "TooManyOriginAccessControls" | "TooManyCloudFrontOriginAccessIdentities" | "TooManyResponseHeadersPolicies" | "TooManyDistributionCNAMEs" => Class::Quota,

        "InvalidKeyState" | "KMSInvalidStateException" | "DisabledException" | "KeyUnavailableException"
        | "KMSKeyNotAccessibleFault" | "EncryptionFailure" | "SNSNoAuthorization" | "InsufficientDBInstanceCapacity"
        | "DecryptionFailure" | "InsufficientStorageClusterCapacity" | "ProvisionedIopsNotAvailableInAZFault"
        | "StorageTypeNotAvailableFault"
        // A topic that is seconds old.
        | "SNSTopicArnNotFound"
        | "InvalidVPCNetworkStateFault" | "InvalidConfigurationRequest" | "SubnetNotFound" | "InvalidSubnet"
        | "InvalidSecurityGroup" | "TargetGroupAssociationLimit" | "FailedResourceAccessException"
        | "WAFUnavailableEntityException" | "WAFLogDestinationPermissionIssueException" | "WAFServiceLinkedRoleErrorException"
        // A web ACL that is seconds old.
        | "InvalidWebACLId"
            => Class::NotYet,

        "Throttling" | "ThrottlingException" | "ThrottledException" | "RequestLimitExceeded" | "TooManyRequestsException"
        | "RequestThrottled" | "RequestThrottledException" | "SlowDown" | "EC2ThrottledException" | "PriorRequestNotComplete"
            => Class::Throttled,

        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" | "OptInRequired" | "AuthorizationError" => Class::Denied,

        "AuthFailure" | "ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId" | "UnrecognizedClientException"
        | "SignatureDoesNotMatch" | "InvalidSignatureException" | "MissingAuthenticationToken" | "RequestExpired"
        | "RequestTimeTooSkewed" | "InvalidAccessKeyId" | "InvalidToken"
            => Class::Unauthenticated,

        "InternalError" | "InternalFailure" | "ServiceUnavailable" | "ServiceUnavailableException" | "Unavailable"
        | "KMSInternalException" | "DependencyTimeoutException" | "ServiceFailure" | "InternalServerError"
        | "InternalServiceException" | "InternalServiceFault" | "ServerException" | "WAFInternalErrorException"
        | "InternalServiceError" | "ServiceException"
        | "WAFTagOperationInternalErrorException" => Class::Unavailable,

        "RequestTimeout" | "RequestTimeoutException" => Class::Ambiguous,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codes_have_their_class_and_unknown_ones_that_of_the_status() {
        assert_eq!(class_of("InvalidVpcID.NotFound"), Some(Class::NotFound));
        assert_eq!(class_of("VpcLimitExceeded"), Some(Class::Quota));
        assert_eq!(class_of("SomethingNew"), None);
        assert_eq!(class_of_status(503), Class::Unavailable);
        assert_eq!(class_of_status(400), Class::Invalid);
    }

    /// What each API says of a thing that is not there, most of it with a status of 400.
    const NOT_FOUND: &[(&str, &[&str])] = &[
        ("application-autoscaling", &["ObjectNotFoundException"]),
        ("cloudfront", &["NoSuchDistribution", "NoSuchOriginAccessControl", "NoSuchResponseHeadersPolicy"]),
        ("cloudfront", &["NoSuchCloudFrontOriginAccessIdentity", "NoSuchResource"]),
        ("cloudwatch", &["ResourceNotFound", "DashboardNotFoundError", "ResourceNotFoundException"]),
        ("ec2", &["InvalidVpcID.NotFound", "InvalidSubnetID.NotFound", "InvalidInternetGatewayID.NotFound"]),
        ("ec2", &["Gateway.NotAttached", "InvalidAllocationID.NotFound", "InvalidAddress.NotFound"]),
        ("ec2", &["NatGatewayNotFound", "InvalidNatGatewayID.NotFound", "InvalidRouteTableID.NotFound"]),
        ("ec2", &["InvalidRoute.NotFound", "InvalidAssociationID.NotFound", "InvalidNetworkAclID.NotFound"]),
        ("ec2", &["InvalidNetworkAclEntry.NotFound", "InvalidGroup.NotFound", "InvalidPermission.NotFound"]),
        ("ec2", &["InvalidSecurityGroupRuleId.NotFound", "InvalidFlowLogId.NotFound", "InvalidVpcEndpointId.NotFound"]),
        ("ecr", &["RepositoryNotFoundException"]),
        ("ecs", &["ClusterNotFoundException", "ServiceNotFoundException"]),
        ("elbv2", &["LoadBalancerNotFound", "TargetGroupNotFound", "ListenerNotFound", "RuleNotFound"]),
        ("iam", &["NoSuchEntity"]),
        ("kms", &["NotFoundException"]),
        ("logs", &["ResourceNotFoundException"]),
        ("rds", &["DBClusterNotFoundFault", "DBInstanceNotFound", "DBSubnetGroupNotFoundFault"]),
        ("rds", &["DBParameterGroupNotFound", "DBClusterParameterGroupNotFound", "OptionGroupNotFoundFault"]),
        ("rds", &["SubscriptionNotFound"]),
        ("s3", &["NoSuchBucket", "NoSuchBucketPolicy", "NoSuchTagSet", "NoSuchLifecycleConfiguration"]),
        ("s3", &["NoSuchPublicAccessBlockConfiguration", "OwnershipControlsNotFoundError"]),
        ("s3", &["ServerSideEncryptionConfigurationNotFoundError", "ReplicationConfigurationNotFoundError"]),
        ("secretsmanager", &["ResourceNotFoundException"]),
        ("service-quotas", &["NoSuchResourceException"]),
        ("sns", &["NotFound", "ResourceNotFound"]),
        ("wafv2", &["WAFNonexistentItemException"]),
    ];

    #[test]
    fn what_is_not_there_is_known_by_each_services_own_code() {
        for (service, codes) in NOT_FOUND {
            for code in *codes {
                assert_eq!(class_of(code), Some(Class::NotFound), "{service}: {code}");
            }
        }
    }

    #[test]
    fn what_passes_by_itself_is_not_taken_for_a_refusal() {
        // With a status of 400 or 403 each of them.
        for (code, class) in [
            ("ConcurrentAccess", Class::Conflict),
            ("DBSubnetQuotaExceededFault", Class::Quota),
            ("InsufficientStorageClusterCapacity", Class::NotYet),
            ("SNSTopicArnNotFound", Class::NotYet),
            ("StaleTag", Class::Conflict),
            ("SubscriptionLimitExceeded", Class::Quota),
        ] {
            assert_eq!(class_of(code), Some(class), "{code}");
        }
    }

    #[test]
    fn what_is_said_of_a_date_that_is_off_is_the_same_with_every_attempt() {
        let message =
            "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z (20260101T001500Z - 5 min.)";
        assert_eq!(undated(message), "Signature expired");
        assert_eq!(
            undated("The signature does not match: 20260101T000000Z"),
            "The signature does not match: 20260101T000000Z"
        );
    }

    #[test]
    fn a_refused_connection_was_certainly_not_sent() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(has_cause(&refused, is_refused));
        assert!(!has_cause(&broken, is_refused), "a broken one may have carried the request");
    }
}
