"""Checks of what lets others in beside policies: grants of keys, filters and protection of log groups."""

from checks import Aws, check, refused, same


@check
def grants_are_paged_and_revoked(aws: Aws) -> None:
    kms = aws.kms
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    somebody = f"arn:aws:iam::{aws.account}:root"
    made = [kms.create_grant(KeyId=arn, GranteePrincipal=somebody, Operations=["Decrypt"])["GrantId"] for _ in range(3)]
    first = kms.list_grants(KeyId=arn, Limit=2)
    rest = kms.list_grants(KeyId=arn, Limit=2, Marker=first["NextMarker"])
    same([one["GrantId"] for one in first["Grants"] + rest["Grants"]], made)
    same({(one["KeyId"], one["GranteePrincipal"], "Name" in one) for one in first["Grants"]}, {(arn, somebody, False)})
    kms.revoke_grant(KeyId=arn, GrantId=made[0])
    with refused("NotFoundException"):
        kms.revoke_grant(KeyId=arn, GrantId=made[0])
    same(len(kms.list_grants(KeyId=arn)["Grants"]), 2)


@check
def log_groups_are_described_by_name(aws: Aws) -> None:
    logs = aws.logs
    for name in ("one", "two", "three"):
        logs.create_log_group(logGroupName=name)
    arn = f"arn:aws:logs:eu-west-1:{aws.account}:log-group:three"
    read = logs.describe_log_groups(logGroupIdentifiers=["one", arn, "gone"])["logGroups"]
    same({group["logGroupName"] for group in read}, {"one", "three"})
    with refused("InvalidParameterException"):
        logs.describe_log_groups(logGroupIdentifiers=["one"], logGroupNamePrefix="o")
    with refused("InvalidParameterException"):
        logs.describe_log_groups(logGroupIdentifiers=["one"] * 51)


@check
def a_protected_log_group_stays(aws: Aws) -> None:
    logs = aws.logs
    logs.create_log_group(logGroupName="guarded")
    logs.put_log_group_deletion_protection(logGroupIdentifier="guarded", deletionProtectionEnabled=True)
    logs.put_bearer_token_authentication(logGroupIdentifier="guarded", bearerTokenAuthenticationEnabled=True)
    (read,) = logs.describe_log_groups(logGroupNamePrefix="guarded")["logGroups"]
    same((read["deletionProtectionEnabled"], read["bearerTokenAuthenticationEnabled"]), (True, True))
    with refused("ValidationException"):
        logs.delete_log_group(logGroupName="guarded")
    logs.put_log_group_deletion_protection(logGroupIdentifier="guarded", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="guarded")


@check
def a_subscription_goes_to_a_destination_of_another_account(aws: Aws) -> None:
    logs = aws.logs
    logs.create_log_group(logGroupName="sent")
    to = "arn:aws:logs:eu-west-1:111111111111:destination:collector"
    logs.put_subscription_filter(logGroupName="sent", filterName="all", filterPattern="", destinationArn=to)
    (read,) = logs.describe_subscription_filters(logGroupName="sent")["subscriptionFilters"]
    same((read["filterName"], read["destinationArn"]), ("all", to))
    logs.delete_subscription_filter(logGroupName="sent", filterName="all")
    with refused("ResourceNotFoundException"):
        logs.delete_subscription_filter(logGroupName="sent", filterName="all")
