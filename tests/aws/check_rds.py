"""Checks of the emulator's RDS, SNS and Secrets Manager with plain boto3: what was mended, and what is refused."""

import json
import time
from typing import Any

from check_ecs import linked, new_role
from checks import REGION, Aws, check, has, once_linked, refused, same, tags, until

PASSWORD = "correct-horse-battery"


def statement(principal: dict[str, str] | str, *actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": "*", **more}


def key(aws: Aws, *services: str) -> str:
    """A key whose policy lets its account and these services use it."""
    root = statement({"AWS": f"arn:aws:iam::{aws.account}:root"}, "kms:*")
    users = [statement({"Service": f"{service}.amazonaws.com"}, "kms:*") for service in services]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root, *users]})
    return aws.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]


def subnets(aws: Aws) -> tuple[str, list[str]]:
    vpc = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = [
        aws.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{at}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for at, zone in enumerate("ab")
    ]
    return vpc, [subnet["Subnet"]["SubnetId"] for subnet in made]


def groups(aws: Aws) -> tuple[str, list[str]]:
    """What a cluster needs: subnet group and parameter groups."""
    vpc, ids = subnets(aws)
    aws.rds.create_db_subnet_group(
        DBSubnetGroupName="subnets", DBSubnetGroupDescription="d", SubnetIds=ids, Tags=tags(Name="subnets")
    )
    family = {"DBParameterGroupFamily": "aurora-postgresql16", "Description": "d"}
    aws.rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="cluster", Tags=tags(a="b"), **family)
    aws.rds.create_db_parameter_group(DBParameterGroupName="instance", Tags=tags(a="b"), **family)
    return vpc, ids


def cluster(aws: Aws, **changed: Any) -> dict[str, Any]:
    wanted = {
        "DBClusterIdentifier": "main",
        "Engine": "aurora-postgresql",
        "EngineVersion": "16.1",
        "MasterUsername": "dbadmin",
        "MasterUserPassword": PASSWORD,
        "DatabaseName": "paymentdb",
        "DBSubnetGroupName": "subnets",
        "DBClusterParameterGroupName": "cluster",
        "StorageEncrypted": True,
        "PreferredBackupWindow": "03:00-04:00",
        "PreferredMaintenanceWindow": "sun:05:00-sun:06:00",
        "EnableCloudwatchLogsExports": ["postgresql"],
        "CopyTagsToSnapshot": True,
        "Tags": tags(Name="main"),
    }
    return once_linked(lambda: aws.rds.create_db_cluster(**{**wanted, **changed})["DBCluster"])


def read_cluster(aws: Aws) -> dict[str, Any]:
    return aws.rds.describe_db_clusters(DBClusterIdentifier="main")["DBClusters"][0]


def read_instance(aws: Aws, name: str = "writer") -> dict[str, Any]:
    return aws.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def available(aws: Aws) -> None:
    until("available", lambda: read_cluster(aws)["Status"])


def instance(aws: Aws, name: str = "writer", **changed: Any) -> dict[str, Any]:
    wanted = {
        "DBInstanceIdentifier": name,
        "DBClusterIdentifier": "main",
        "DBInstanceClass": "db.r6g.large",
        "Engine": "aurora-postgresql",
        "DBParameterGroupName": "instance",
    }
    return once_linked(lambda: aws.rds.create_db_instance(**{**wanted, **changed})["DBInstance"])


def gone(aws: Aws, describe: Any) -> None:
    deadline = time.time() + 5
    while describe():
        assert time.time() < deadline, "still there"
        time.sleep(0.05)


@check
def the_role_of_rds_itself_cannot_be_assumed_at_once(aws: Aws) -> None:
    groups(aws)
    wanted = {"DBClusterIdentifier": "main", "Engine": "aurora-postgresql", "MasterUsername": "dbadmin"}
    wanted |= {"MasterUserPassword": PASSWORD, "DBSubnetGroupName": "subnets", "StorageEncrypted": True}
    with refused("InvalidParameterValue"):
        aws.rds.create_db_cluster(**wanted)
    linked()
    has(aws.rds.create_db_cluster(**wanted)["DBCluster"], DBClusterIdentifier="main")


@check
def engine_versions_and_what_can_be_ordered(aws: Aws) -> None:
    versions = aws.rds.describe_db_engine_versions(Engine="aurora-postgresql")["DBEngineVersions"]
    newest = versions[-1]
    has(newest, EngineVersion="16.4", DBParameterGroupFamily="aurora-postgresql16", Status="available")
    same(aws.rds.describe_db_engine_versions(Engine="aurora-postgresql", EngineVersion="99.9")["DBEngineVersions"], [])
    options = aws.rds.describe_orderable_db_instance_options(
        Engine="aurora-postgresql", EngineVersion="16.1", DBInstanceClass="db.t4g.medium"
    )["OrderableDBInstanceOptions"]
    same({option["SupportsPerformanceInsights"] for option in options}, {False})
    same([zone["Name"] for zone in options[0]["AvailabilityZones"]], [f"{REGION}{zone}" for zone in "abc"])


@check
def major_versions_say_how_long_they_are_supported(aws: Aws) -> None:
    majors = aws.rds.describe_db_major_engine_versions(Engine="mysql")["DBMajorEngineVersions"]
    same([major["MajorEngineVersion"] for major in majors], ["8.0", "8.4"])
    (support,) = majors[0]["SupportedEngineLifecycles"]
    has(support, LifecycleSupportName="open-source-rds-standard-support")
    same(support["LifecycleSupportEndDate"].isoformat(), "2026-07-31T23:59:59+00:00")
    (one,) = aws.rds.describe_db_major_engine_versions(Engine="aurora-postgresql", MajorEngineVersion="16")[
        "DBMajorEngineVersions"
    ]
    has(one, Engine="aurora-postgresql", MajorEngineVersion="16")


@check
def parameters_have_a_source_and_a_type(aws: Aws) -> None:
    groups(aws)
    rds = aws.rds
    pages = list(rds.get_paginator("describe_db_cluster_parameters").paginate(DBClusterParameterGroupName="cluster"))
    assert len(pages) > 1, "one page"
    by_name = {one["ParameterName"]: one for page in pages for one in page["Parameters"]}
    has(by_name["shared_preload_libraries"], ApplyType="static", Source="system")
    change = {"ParameterName": "log_statement", "ParameterValue": "all", "ApplyMethod": "immediate"}
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="cluster", Parameters=[change])

    def set_by_user() -> list[tuple[str, str]]:
        answer = rds.describe_db_cluster_parameters(DBClusterParameterGroupName="cluster", Source="user")
        return [(one["ParameterName"], one["ParameterValue"]) for one in answer["Parameters"]]

    same(set_by_user(), [("log_statement", "all")])
    reset = [{"ParameterName": "log_statement", "ApplyMethod": "immediate"}]
    rds.reset_db_cluster_parameter_group(DBClusterParameterGroupName="cluster", Parameters=reset)
    same(set_by_user(), [])
    static = {"ParameterName": "shared_preload_libraries", "ParameterValue": "pgaudit"}
    with refused("InvalidParameterCombination"):
        wrong = [{**static, "ApplyMethod": "immediate"}]
        rds.modify_db_parameter_group(DBParameterGroupName="instance", Parameters=wrong)
    rds.modify_db_parameter_group(
        DBParameterGroupName="instance", Parameters=[{**static, "ApplyMethod": "pending-reboot"}]
    )
    answer = rds.describe_db_parameters(DBParameterGroupName="instance", Source="user")["Parameters"]
    same([one["ParameterValue"] for one in answer], ["pgaudit"])
    own = {**static, "ParameterValue": "pg_stat_statements", "ApplyMethod": "pending-reboot"}
    rds.modify_db_parameter_group(DBParameterGroupName="instance", Parameters=[own])
    same(rds.describe_db_parameters(DBParameterGroupName="instance", Source="user")["Parameters"], [])
    for name, value in (("log_statement", "everything"), ("no_such", "1")):
        with refused("InvalidParameterValue"):
            wrong = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}]
            rds.modify_db_parameter_group(DBParameterGroupName="instance", Parameters=wrong)
    many = [
        {"ParameterName": f"other_parameter_{at}", "ParameterValue": "1", "ApplyMethod": "immediate"}
        for at in range(21)
    ]
    with refused("InvalidParameterValue"):
        rds.modify_db_parameter_group(DBParameterGroupName="instance", Parameters=many)
    with refused("DBParameterGroupNotFound"):
        rds.describe_db_parameter_groups(DBParameterGroupName="absent")
    with refused("InvalidParameterValue"):
        rds.create_db_parameter_group(
            DBParameterGroupName="other", DBParameterGroupFamily="aurora-postgresql99", Description="d"
        )


@check
def a_subnet_group_covers_two_zones_and_keeps_its_name(aws: Aws) -> None:
    _, ids = groups(aws)
    with refused("DBSubnetGroupNotFoundFault"):
        aws.rds.list_tags_for_resource(ResourceName=f"arn:aws:rds:{REGION}:{aws.account}:subgrp:absent")
    with refused("DBSubnetGroupAlreadyExists"):
        aws.rds.create_db_subnet_group(DBSubnetGroupName="subnets", DBSubnetGroupDescription="d", SubnetIds=ids)
    with refused("DBSubnetGroupDoesNotCoverEnoughAZs"):
        aws.rds.create_db_subnet_group(DBSubnetGroupName="one", DBSubnetGroupDescription="d", SubnetIds=ids[:1])
    aws.rds.modify_db_subnet_group(DBSubnetGroupName="subnets", SubnetIds=ids)
    found = aws.rds.describe_db_subnet_groups(DBSubnetGroupName="subnets")["DBSubnetGroups"][0]
    same(sorted(one["SubnetIdentifier"] for one in found["Subnets"]), sorted(ids))
    same(aws.rds.list_tags_for_resource(ResourceName=found["DBSubnetGroupArn"])["TagList"], tags(Name="subnets"))


@check
def what_a_cluster_is_refused_for(aws: Aws) -> None:
    vpc, _ = groups(aws)
    usable = key(aws, "rds")
    aws.rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="older", DBParameterGroupFamily="aurora-postgresql15", Description="d"
    )
    disabled = key(aws, "rds")
    aws.kms.disable_key(KeyId=disabled)
    for code, changed in (
        ("InvalidParameterCombination", {"EngineVersion": "99.9"}),
        ("DBClusterParameterGroupNotFound", {"DBClusterParameterGroupName": "absent"}),
        ("InvalidParameterCombination", {"DBClusterParameterGroupName": "older"}),
        ("DBSubnetGroupNotFoundFault", {"DBSubnetGroupName": "absent"}),
        ("KMSKeyNotAccessibleFault", {"KmsKeyId": key(aws)}),
        ("KMSKeyNotAccessibleFault", {"KmsKeyId": disabled}),
        ("InvalidParameterValue", {"PreferredMaintenanceWindow": "sun:03:30-sun:04:30"}),
        ("InvalidParameterValue", {"MasterUsername": "admin"}),
        ("InvalidParameterValue", {"MasterUserPassword": "with a space"}),
        ("InvalidParameterValue", {"DBClusterIdentifier": "two--hyphens"}),
    ):
        with refused(code):
            cluster(aws, **changed)
    cluster(aws, KmsKeyId=usable)
    with refused("DBClusterAlreadyExistsFault"):
        cluster(aws, KmsKeyId=usable)
    with refused("InvalidDBClusterStateFault"):
        instance(aws)
    available(aws)
    group = aws.ec2.create_security_group(GroupName="database", Description="d", VpcId=vpc)["GroupId"]
    aws.rds.modify_db_cluster(DBClusterIdentifier="main", VpcSecurityGroupIds=[group])
    same([one["VpcSecurityGroupId"] for one in read_cluster(aws)["VpcSecurityGroups"]], [group])


@check
def a_cluster_moves_to_newer_versions_only(aws: Aws) -> None:
    groups(aws)
    family = {"DBParameterGroupFamily": "aurora-postgresql15", "Description": "d"}
    aws.rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="old", **family)
    cluster(aws, KmsKeyId=key(aws, "rds"), EngineVersion="15.5", DBClusterParameterGroupName="old")
    available(aws)
    change = {"DBClusterIdentifier": "main", "ApplyImmediately": True}
    upgrade = {"EngineVersion": "16.1", "DBClusterParameterGroupName": "cluster"}
    with refused("InvalidParameterCombination"):
        aws.rds.modify_db_cluster(**upgrade, **change)
    aws.rds.modify_db_cluster(AllowMajorVersionUpgrade=True, **upgrade, **change)
    available(aws)
    has(read_cluster(aws), EngineVersion="16.1")
    with refused("InvalidParameterCombination"):
        aws.rds.modify_db_cluster(EngineVersion="15.5", DBClusterParameterGroupName="old", **change)


@check
def a_cluster_keeps_what_it_is_told(aws: Aws) -> None:
    groups(aws)
    usable = key(aws, "rds")
    cluster(aws, KmsKeyId=usable, EnableIAMDatabaseAuthentication=True)
    same(read_cluster(aws)["Status"], "creating")
    (group,) = aws.logs.describe_log_groups(logGroupNamePrefix="/aws/rds/cluster/main/")["logGroups"]
    has(group, logGroupName="/aws/rds/cluster/main/postgresql", retentionInDays=None, kmsKeyId=None)
    available(aws)
    read = read_cluster(aws)
    has(read, KmsKeyId=usable, EnabledCloudwatchLogsExports=["postgresql"], IAMDatabaseAuthenticationEnabled=True)
    has(read, DatabaseName="paymentdb", TagList=tags(Name="main"), CopyTagsToSnapshot=True)
    assert "StorageType" not in read and "ScalingConfigurationInfo" not in read, read
    change = {"DBClusterIdentifier": "main"}
    exports = {"DisableLogTypes": ["postgresql"], "EnableLogTypes": []}
    aws.rds.modify_db_cluster(CloudwatchLogsExportConfiguration=exports, **change)
    pending = {"PendingCloudwatchLogsExports": {"LogTypesToDisable": ["postgresql"]}}
    has(read_cluster(aws), EnabledCloudwatchLogsExports=["postgresql"], PendingModifiedValues=pending)
    gone(aws, lambda: read_cluster(aws).get("EnabledCloudwatchLogsExports"))
    aws.rds.modify_db_cluster(EnableIAMDatabaseAuthentication=False, **change)
    waiting = read_cluster(aws)
    has(waiting, IAMDatabaseAuthenticationEnabled=True)
    same(waiting["PendingModifiedValues"], {"IAMDatabaseAuthenticationEnabled": False})
    aws.rds.modify_db_cluster(EnableIAMDatabaseAuthentication=False, ApplyImmediately=True, **change)
    has(read_cluster(aws), IAMDatabaseAuthenticationEnabled=False)
    arn = read_cluster(aws)["DBClusterArn"]
    for on in (True, False):
        (aws.rds.enable_http_endpoint if on else aws.rds.disable_http_endpoint)(ResourceArn=arn)
        has(read_cluster(aws), HttpEndpointEnabled=on)
    role = {"DBClusterIdentifier": "main", "RoleArn": f"arn:aws:iam::{aws.account}:role/export"}
    aws.rds.add_role_to_db_cluster(FeatureName="s3Export", **role)
    same([one["RoleArn"] for one in read_cluster(aws)["AssociatedRoles"]], [role["RoleArn"]])
    aws.rds.remove_role_from_db_cluster(FeatureName="s3Export", **role)
    same(read_cluster(aws).get("AssociatedRoles", []), [])
    aws.rds.stop_db_cluster(DBClusterIdentifier="main")
    has(read_cluster(aws), Status="stopped")
    with refused("InvalidDBClusterStateFault"):
        aws.rds.modify_db_cluster(DeletionProtection=True, **change)
    with refused("InvalidDBClusterStateFault"):
        aws.rds.delete_db_cluster(DBClusterIdentifier="main", SkipFinalSnapshot=True)
    aws.rds.start_db_cluster(DBClusterIdentifier="main")
    has(read_cluster(aws), Status="starting")
    available(aws)
    aws.rds.modify_db_cluster(StorageType="aurora-iopt1", **change)
    has(read_cluster(aws), StorageType="aurora-iopt1")


@check
def instances_stop_with_their_cluster(aws: Aws) -> None:
    groups(aws)
    cluster(aws)
    available(aws)
    instance(aws)
    until("available", lambda: read_instance(aws)["DBInstanceStatus"])
    aws.rds.stop_db_cluster(DBClusterIdentifier="main")
    has(read_instance(aws), DBInstanceStatus="stopped")
    with refused("InvalidDBClusterStateFault"):
        aws.rds.delete_db_instance(DBInstanceIdentifier="writer", SkipFinalSnapshot=True)
    aws.rds.start_db_cluster(DBClusterIdentifier="main")
    has(read_instance(aws), DBInstanceStatus="starting")
    until("available", lambda: read_instance(aws)["DBInstanceStatus"])
    aws.rds.delete_db_instance(DBInstanceIdentifier="writer", SkipFinalSnapshot=True)


@check
def parameters_of_both_groups_wait_for_a_reboot(aws: Aws) -> None:
    groups(aws)
    cluster(aws)
    available(aws)
    instance(aws)
    until("available", lambda: read_instance(aws)["DBInstanceStatus"])

    def status() -> tuple[str, str]:
        member, own = read_cluster(aws)["DBClusterMembers"][0], read_instance(aws)["DBParameterGroups"][0]
        return member["DBClusterParameterGroupStatus"], own["ParameterApplyStatus"]

    same(status(), ("in-sync", "in-sync"))
    static = {"ParameterName": "shared_preload_libraries", "ParameterValue": "pgaudit", "ApplyMethod": "pending-reboot"}
    aws.rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="cluster", Parameters=[static])
    same(status(), ("pending-reboot", "in-sync"))
    aws.rds.modify_db_parameter_group(DBParameterGroupName="instance", Parameters=[static])
    same(status(), ("pending-reboot", "pending-reboot"))
    aws.rds.reboot_db_instance(DBInstanceIdentifier="writer")
    same(status(), ("in-sync", "in-sync"))
    until("available", lambda: read_instance(aws)["DBInstanceStatus"])


@check
def instances_have_states_and_interfaces(aws: Aws) -> None:
    vpc, ids = groups(aws)
    usable = key(aws, "rds")
    group = aws.ec2.create_security_group(GroupName="database", Description="d", VpcId=vpc)["GroupId"]
    cluster(aws, KmsKeyId=usable, VpcSecurityGroupIds=[group])
    available(aws)
    for code, changed in (
        ("InvalidVPCNetworkStateFault", {"AvailabilityZone": f"{REGION}c"}),
        ("InvalidParameterCombination", {"DBInstanceClass": "db.t3.nano"}),
        ("InvalidParameterCombination", {"DBInstanceClass": "db.t4g.medium", "EnablePerformanceInsights": True}),
        ("InvalidParameterValue", {"MonitoringInterval": 60, "MonitoringRoleArn": f"arn:aws:iam::{aws.account}:role/no"}),
        ("KMSKeyNotAccessibleFault", {"EnablePerformanceInsights": True, "PerformanceInsightsKMSKeyId": key(aws)}),
    ):
        with refused(code):
            instance(aws, **changed)
    monitored = {"MonitoringInterval": 60, "MonitoringRoleArn": new_role(aws, "monitoring", "monitoring.rds")}
    # A role that is new cannot be assumed for a while.
    with refused("InvalidParameterValue"):
        instance(aws, **monitored)
    insights = {"EnablePerformanceInsights": True, "PerformanceInsightsKMSKeyId": usable}
    instance(aws, PerformanceInsightsRetentionPeriod=7, **insights)
    same(read_instance(aws)["DBInstanceStatus"], "creating")
    with refused("DBInstanceAlreadyExists"):
        instance(aws)
    with refused("InvalidDBInstanceState"):
        aws.rds.modify_db_instance(DBInstanceIdentifier="writer", AutoMinorVersionUpgrade=False)
    until("available", lambda: read_instance(aws)["DBInstanceStatus"])
    read = read_instance(aws)
    has(read, PerformanceInsightsEnabled=True, PerformanceInsightsKMSKeyId=usable, PubliclyAccessible=False)
    same(read["DBSubnetGroup"]["DBSubnetGroupName"], "subnets")
    for changed in (
        {"EnablePerformanceInsights": True, "PerformanceInsightsKMSKeyId": key(aws, "rds")},
        {"EnablePerformanceInsights": True},
        {"PerformanceInsightsKMSKeyId": usable},
    ):
        with refused("InvalidParameterCombination"):
            aws.rds.modify_db_instance(DBInstanceIdentifier="writer", **changed)
    instance(aws, "reader")
    assert read_instance(aws, "reader")["DbiResourceId"] != read["DbiResourceId"], "one resource id for two"
    until("available", lambda: read_instance(aws, "reader")["DBInstanceStatus"])
    aws.rds.modify_db_instance(DBInstanceIdentifier="writer", DBInstanceClass="db.r6g.xlarge")
    waiting = read_instance(aws)
    has(waiting, DBInstanceClass="db.r6g.large")
    same(waiting["PendingModifiedValues"], {"DBInstanceClass": "db.r6g.xlarge"})
    aws.rds.modify_db_instance(DBInstanceIdentifier="writer", DBInstanceClass="db.r6g.xlarge", ApplyImmediately=True)
    has(read_instance(aws), DBInstanceClass="db.r6g.xlarge", DBInstanceStatus="modifying")
    until("available", lambda: read_instance(aws)["DBInstanceStatus"])
    with refused("DependencyViolation"):
        aws.ec2.delete_security_group(GroupId=group)
    with refused("DependencyViolation"):
        aws.ec2.delete_subnet(SubnetId=ids[0])
    third = aws.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24", AvailabilityZone=f"{REGION}c")
    third = third["Subnet"]["SubnetId"]
    with refused("SubnetAlreadyInUse"):
        aws.rds.modify_db_subnet_group(DBSubnetGroupName="subnets", SubnetIds=[third, ids[1]])
    aws.rds.modify_db_subnet_group(DBSubnetGroupName="subnets", SubnetIds=[*ids, third])
    with refused("InvalidDBSubnetGroupStateFault"):
        aws.rds.delete_db_subnet_group(DBSubnetGroupName="subnets")
    with refused("InvalidDBParameterGroupState"):
        aws.rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName="cluster")
    with refused("InvalidDBParameterGroupState"):
        aws.rds.delete_db_parameter_group(DBParameterGroupName="instance")
    with refused("InvalidDBClusterStateFault"):
        aws.rds.delete_db_cluster(DBClusterIdentifier="main", SkipFinalSnapshot=True)
    for name in ("writer", "reader"):
        aws.rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        same(read_instance(aws, name)["DBInstanceStatus"], "deleting")
    with refused("InvalidDBInstanceState"):
        aws.rds.delete_db_instance(DBInstanceIdentifier="writer", SkipFinalSnapshot=True)
    gone(aws, lambda: aws.rds.describe_db_instances()["DBInstances"])
    with refused("InvalidParameterCombination"):
        aws.rds.delete_db_cluster(DBClusterIdentifier="main")
    aws.rds.delete_db_cluster(DBClusterIdentifier="main", FinalDBSnapshotIdentifier="main-final")
    same(read_cluster(aws)["Status"], "deleting")
    with refused("InvalidDBClusterStateFault"):
        aws.rds.delete_db_cluster(DBClusterIdentifier="main", SkipFinalSnapshot=True)
    gone(aws, lambda: aws.rds.describe_db_clusters()["DBClusters"])
    with refused("DBClusterNotFoundFault"):
        read_cluster(aws)
    snapshots = aws.rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    same([one["DBClusterSnapshotIdentifier"] for one in snapshots], ["main-final"])
    same(snapshots[0]["TagList"], tags(Name="main"))
    aws.rds.delete_db_subnet_group(DBSubnetGroupName="subnets")
    aws.ec2.delete_security_group(GroupId=group)
    aws.ec2.delete_subnet(SubnetId=ids[0])


def topic(aws: Aws, *services: str) -> str:
    arn = aws.sns.create_topic(Name="alerts", Tags=tags(a="b"))["TopicArn"]
    one = {"Sid": "s", **statement({"Service": [f"{service}.amazonaws.com" for service in services]}, "sns:Publish")}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [one]})
    aws.sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return arn


@check
def an_event_subscription_needs_a_topic_that_admits_it(aws: Aws) -> None:
    groups(aws)
    wanted = {"SubscriptionName": "events", "SourceType": "db-parameter-group", "Enabled": True, "Tags": tags(a="b")}
    closed = topic(aws, "cloudwatch")
    for arn in (closed, closed.replace("alerts", "absent")):
        with refused("SNSNoAuthorization"):
            aws.rds.create_event_subscription(SnsTopicArn=arn, **wanted)
    arn = topic(aws, "events.rds")
    locked = aws.kms.create_key()["KeyMetadata"]["Arn"]
    aws.sns.set_topic_attributes(TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=locked)
    with refused("SNSNoAuthorization"):
        aws.rds.create_event_subscription(SnsTopicArn=arn, **wanted)
    aws.sns.set_topic_attributes(TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue="")
    with refused("SourceNotFound"):
        aws.rds.create_event_subscription(SnsTopicArn=arn, SourceIds=["absent"], **wanted)
    aws.rds.create_event_subscription(SnsTopicArn=arn, SourceIds=["instance"], **wanted)
    with refused("SubscriptionAlreadyExist"):
        aws.rds.create_event_subscription(SnsTopicArn=arn, **wanted)
    aws.rds.modify_event_subscription(SubscriptionName="events", Enabled=False, EventCategories=["configuration change"])
    source = {"SubscriptionName": "events", "SourceIdentifier": "instance"}
    aws.rds.remove_source_identifier_from_subscription(**source)
    read = aws.rds.describe_event_subscriptions(SubscriptionName="events")["EventSubscriptionsList"][0]
    has(read, Enabled=False, EventCategoriesList=["configuration change"], SnsTopicArn=arn)
    same(read.get("SourceIdsList", []), [])
    for number in range(19):
        aws.rds.create_event_subscription(SnsTopicArn=arn, SubscriptionName=f"more-{number}")
    _what_a_topic_refuses_is_shown(aws, arn)
    with refused("EventSubscriptionQuotaExceeded"):
        aws.rds.create_event_subscription(SnsTopicArn=arn, SubscriptionName="one-too-many")
    quota = {"service": "rds", "quota": "L-A59F4C87", "account": aws.account, "value": 21}
    aws.control("POST", "quotas", [quota])
    aws.rds.create_event_subscription(SnsTopicArn=arn, SubscriptionName="one-too-many")
    aws.rds.add_source_identifier_to_subscription(**source)
    read = aws.rds.describe_event_subscriptions(SubscriptionName="events")["EventSubscriptionsList"][0]
    same(read["SourceIdsList"], ["instance"])
    aws.rds.delete_event_subscription(SubscriptionName="events")
    with refused("SubscriptionNotFound"):
        aws.rds.describe_event_subscriptions(SubscriptionName="events")


def _what_a_topic_refuses_is_shown(aws: Aws, arn: str) -> None:
    def status() -> str:
        changed = {"ParameterName": "log_statement", "ParameterValue": "all", "ApplyMethod": "immediate"}
        aws.rds.modify_db_parameter_group(DBParameterGroupName="instance", Parameters=[changed])
        return str(aws.rds.describe_event_subscriptions(SubscriptionName="events")["EventSubscriptionsList"][0]["Status"])

    aws.rds.modify_event_subscription(SubscriptionName="events", Enabled=True)
    same(status(), "active")
    policy = aws.sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    closed = policy.replace("events.rds", "cloudwatch")
    aws.sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=closed)
    same(status(), "no-permission")
    aws.sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    same(status(), "no-permission")
    aws.rds.modify_event_subscription(SubscriptionName="events", Enabled=True)
    same(status(), "active")


@check
def the_value_in_use_is_the_one_with_the_label(aws: Aws) -> None:
    secrets = aws.secretsmanager
    first = secrets.create_secret(Name="moved", SecretString="1")["VersionId"]
    second = secrets.put_secret_value(SecretId="moved", SecretString="2")["VersionId"]
    moved = {"RemoveFromVersionId": second, "MoveToVersionId": first}
    secrets.update_secret_version_stage(SecretId="moved", VersionStage="AWSCURRENT", **moved)
    has(secrets.get_secret_value(SecretId="moved"), SecretString="1", VersionId=first)
    third = secrets.put_secret_value(SecretId="moved", SecretString="3")["VersionId"]
    stages = secrets.describe_secret(SecretId="moved")["VersionIdsToStages"]
    same({id: labels for id, labels in stages.items() if labels}, {third: ["AWSCURRENT"], first: ["AWSPREVIOUS"]})


@check
def a_topic_is_made_once(aws: Aws) -> None:
    arn = aws.sns.create_topic(Name="alerts", Attributes={"KmsMasterKeyId": "one"}, Tags=tags(a="b"))["TopicArn"]
    same(aws.sns.create_topic(Name="alerts", Attributes={"KmsMasterKeyId": "one"}, Tags=tags(a="b"))["TopicArn"], arn)
    with refused("InvalidParameter"):
        aws.sns.create_topic(Name="alerts", Tags=tags(a="c"))
    with refused("InvalidParameter"):
        aws.sns.create_topic(Name="alerts", Attributes={"KmsMasterKeyId": "two"}, Tags=tags(a="b"))
    with refused("InvalidParameter"):
        aws.sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue="{}")
    same(aws.sns.get_topic_attributes(TopicArn=arn)["Attributes"]["KmsMasterKeyId"], "one")
    same(aws.sns.list_tags_for_resource(ResourceArn=arn)["Tags"], tags(a="b"))
    aws.sns.delete_topic(TopicArn=arn)
    with refused("NotFound"):
        aws.sns.get_topic_attributes(TopicArn=arn)


@check
def a_secret_is_not_free_inside_its_window(aws: Aws) -> None:
    secrets = aws.secretsmanager
    usable, disabled = key(aws), key(aws)
    aws.kms.disable_key(KeyId=disabled)
    wanted = {"Name": "master", "SecretString": "{}", "Tags": tags(a="b")}
    with refused("EncryptionFailure"):
        secrets.create_secret(KmsKeyId=disabled, **wanted)
    with refused("ValidationException"):
        secrets.create_secret(**{**wanted, "Name": "not this"})
    arn = secrets.create_secret(KmsKeyId=usable, **wanted)["ARN"]
    with refused("ResourceExistsException"):
        secrets.create_secret(KmsKeyId=usable, **wanted)
    found = secrets.list_secrets(Filters=[{"Key": "tag-key", "Values": ["a"]}])["SecretList"]
    same([(one["ARN"], one["KmsKeyId"], one["Tags"]) for one in found], [(arn, usable, tags(a="b"))])
    same(list(found[0]["SecretVersionsToStages"].values()), [["AWSCURRENT"]])
    with refused("MalformedPolicyDocumentException"):
        secrets.put_resource_policy(SecretId=arn, ResourcePolicy="{}")
    secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    same(secrets.list_secrets()["SecretList"], [])
    for refuse in (
        lambda: secrets.create_secret(KmsKeyId=usable, **wanted),
        lambda: secrets.put_secret_value(SecretId=arn, SecretString="{}"),
        lambda: secrets.get_secret_value(SecretId=arn),
        lambda: secrets.tag_resource(SecretId=arn, Tags=tags(a="c")),
        lambda: secrets.get_resource_policy(SecretId=arn),
    ):
        with refused("InvalidRequestException"):
            refuse()
    planned = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    same([one["ARN"] for one in planned], [arn])
    assert planned[0]["DeletedDate"], "no date of deletion"
    secrets.restore_secret(SecretId=arn)
    same(secrets.get_secret_value(SecretId=arn)["SecretString"], "{}")
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    again = secrets.create_secret(KmsKeyId=usable, **wanted)["ARN"]
    assert again != arn, "a secret made again has the ARN of the one before"


@check
def no_password_is_in_the_log(aws: Aws) -> None:
    groups(aws)
    cluster(aws, KmsKeyId=key(aws, "rds"))
    assert PASSWORD not in aws.log.read_text(), "the call log has a password"


@check
def an_address_confirms_before_it_gets_anything(aws: Aws) -> None:
    sns, email = aws.sns, "oncall@example.com"
    topic = sns.create_topic(Name="confirmed")["TopicArn"]

    def listed() -> list[tuple[str, str]]:
        found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return [(one["Endpoint"], one["SubscriptionArn"]) for one in found]

    for _ in range(2):
        made = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=email)["SubscriptionArn"]
        same((made, listed()), ("pending confirmation", [(email, "PendingConfirmation")]))
    with refused("InvalidParameter"):
        sns.unsubscribe(SubscriptionArn="PendingConfirmation")
    with refused("InvalidParameter"):
        sns.confirm_subscription(TopicArn=topic, Token="guessed")
    arn = sns.confirm_subscription(TopicArn=topic, Token=email)["SubscriptionArn"]
    same(listed(), [(email, arn)])
    sns.unsubscribe(SubscriptionArn=arn)
    same(listed(), [])
    queue = f"arn:aws:sqs:{REGION}:{aws.account}:pager"
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    for name, value in (("FilterPolicy", '{"severity": ["high"]}'), ("RawMessageDelivery", "true")):
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
    has(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"], RawMessageDelivery="true")
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}")
    same(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["FilterPolicy"], "{}")
