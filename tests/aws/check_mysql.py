"""Checks of the emulator's RDS for MySQL, instances of no cluster and option groups, with plain boto3: what was mended,
and what is refused."""

import time
from typing import Any

import check_rds
from check_ecs import trusted
from check_rds import PASSWORD, gone, key, subnets, topic
from checks import REGION, Aws, check, has, once_linked, refused, same, tags, until

NAME = "mysql-payment-test"
AUDIT = {"OptionName": "MARIADB_AUDIT_PLUGIN"}
EVENTS = "CONNECT,QUERY_DDL,QUERY_DCL"
PARAMETERS = {"require_secure_transport": "1", "slow_query_log": "1", "log_output": "FILE"}


def option_group(aws: Aws, name: str = "options", version: str = "8.4", **changed: Any) -> dict[str, Any]:
    wanted = {"OptionGroupName": name, "EngineName": "mysql", "MajorEngineVersion": version}
    wanted |= {"OptionGroupDescription": "audit", "Tags": tags(Name=name)}
    return aws.rds.create_option_group(**{**wanted, **changed})["OptionGroup"]


def include(aws: Aws, name: str = "options", option: str = "MARIADB_AUDIT_PLUGIN", **settings: str) -> dict[str, Any]:
    listed = [{"Name": key, "Value": value} for key, value in settings.items()]
    included = [{"OptionName": option, "OptionSettings": listed}]
    answer = aws.rds.modify_option_group(OptionGroupName=name, OptionsToInclude=included, ApplyImmediately=True)
    return answer["OptionGroup"]


def read_group(aws: Aws, name: str = "options") -> dict[str, Any]:
    return aws.rds.describe_option_groups(OptionGroupName=name)["OptionGroupsList"][0]


def parameter_group(aws: Aws, name: str = "parameters", family: str = "mysql8.4") -> None:
    rds = aws.rds
    wanted = {"DBParameterGroupName": name, "DBParameterGroupFamily": family, "Description": "d", "Tags": tags(a="b")}
    rds.create_db_parameter_group(**wanted)
    changed = [
        {"ParameterName": key, "ParameterValue": value, "ApplyMethod": "immediate"} for key, value in PARAMETERS.items()
    ]
    rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=changed)


def place(aws: Aws) -> dict[str, Any]:
    """What an instance needs: network, groups, keys and the role that monitors it."""
    vpc, ids = subnets(aws)
    aws.rds.create_db_subnet_group(DBSubnetGroupName="subnets", DBSubnetGroupDescription="d", SubnetIds=ids)
    group = aws.ec2.create_security_group(GroupName="database", Description="d", VpcId=vpc)["GroupId"]
    option_group(aws)
    include(aws, SERVER_AUDIT_EVENTS=EVENTS)
    parameter_group(aws)
    role = trusted(aws, "monitoring", "monitoring.rds")
    # A role that is new cannot be assumed for a while.
    time.sleep(0.2)
    return {"vpc": vpc, "subnets": ids, "group": group, "key": key(aws, "rds"), "role": role}


def instance(aws: Aws, at: dict[str, Any], **changed: Any) -> dict[str, Any]:
    wanted = {
        "DBInstanceIdentifier": NAME,
        "Engine": "mysql",
        "EngineVersion": "8.4.3",
        "DBInstanceClass": "db.r6g.large",
        "MultiAZ": True,
        "AllocatedStorage": 100,
        "StorageType": "gp3",
        "StorageEncrypted": True,
        "KmsKeyId": at["key"],
        "DBSubnetGroupName": "subnets",
        "VpcSecurityGroupIds": [at["group"]],
        "DBParameterGroupName": "parameters",
        "OptionGroupName": "options",
        "EnableCloudwatchLogsExports": ["error", "slowquery", "audit"],
        "BackupRetentionPeriod": 30,
        "PreferredBackupWindow": "03:00-04:00",
        "PreferredMaintenanceWindow": "sun:05:00-sun:06:00",
        "CopyTagsToSnapshot": True,
        "DeletionProtection": True,
        "MonitoringInterval": 60,
        "MonitoringRoleArn": at["role"],
        "EnablePerformanceInsights": True,
        "PerformanceInsightsKMSKeyId": at["key"],
        "PerformanceInsightsRetentionPeriod": 7,
        "AutoMinorVersionUpgrade": True,
        "EnableIAMDatabaseAuthentication": True,
        "PubliclyAccessible": False,
        "MasterUsername": "admin",
        "MasterUserPassword": PASSWORD,
        "DBName": "paymentdb",
        "Port": 3306,
        "Tags": tags(Name=NAME),
    }
    wanted |= changed
    wanted = {name: value for name, value in wanted.items() if value is not None}
    return once_linked(lambda: aws.rds.create_db_instance(**wanted)["DBInstance"])


def read(aws: Aws, name: str = NAME) -> dict[str, Any]:
    return aws.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def available(aws: Aws, name: str = NAME) -> dict[str, Any]:
    until("available", lambda: read(aws, name)["DBInstanceStatus"])
    return read(aws, name)


def made(aws: Aws, **changed: Any) -> dict[str, Any]:
    at = place(aws)
    instance(aws, at, **changed)
    available(aws)
    return at


def modify(aws: Aws, now: bool = False, **changed: Any) -> dict[str, Any]:
    return aws.rds.modify_db_instance(DBInstanceIdentifier=NAME, ApplyImmediately=now, **changed)["DBInstance"]


def groups_of(read_instance: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["OptionGroupName"], one["Status"]) for one in read_instance["OptionGroupMemberships"]]


# --- What is offered -----------------------------------------------------------------------------


@check
def mysql_is_offered_in_two_major_versions(aws: Aws) -> None:
    rds = aws.rds
    for major in ("8.0", "8.4"):
        versions = rds.describe_db_engine_versions(Engine="mysql", EngineVersion=major)["DBEngineVersions"]
        assert len(versions) > 2, versions
        same({one["DBParameterGroupFamily"] for one in versions}, {f"mysql{major}"})
        same({one["MajorEngineVersion"] for one in versions}, {major})
        same(set(versions[0]["ExportableLogTypes"]), {"audit", "error", "general", "slowquery"})
        for name, insights in (
            ("db.r6g.large", True),
            ("db.r6g.xlarge", True),
            ("db.m6g.large", True),
            ("db.t3.micro", False),
        ):
            options = rds.describe_orderable_db_instance_options(
                Engine="mysql", EngineVersion=versions[0]["EngineVersion"], DBInstanceClass=name
            )["OrderableDBInstanceOptions"]
            gp3 = next(option for option in options if option["StorageType"] == "gp3")
            has(gp3, SupportsPerformanceInsights=insights, MultiAZCapable=True, MinStorageSize=20)
            same([zone["Name"] for zone in gp3["AvailabilityZones"]], [f"{REGION}{zone}" for zone in "abc"])
        options = rds.describe_option_group_options(EngineName="mysql", MajorEngineVersion=major)["OptionGroupOptions"]
        audit = next(option for option in options if option["Name"] == "MARIADB_AUDIT_PLUGIN")
        settings = {one["SettingName"]: one for one in audit["OptionGroupOptionSettings"]}
        has(settings["SERVER_AUDIT_EVENTS"], DefaultValue="CONNECT,QUERY", IsModifiable=True)


@check
def parameters_of_mysql_have_types_and_values(aws: Aws) -> None:
    rds = aws.rds
    parameter_group(aws)

    def known(name: str) -> dict[str, dict[str, Any]]:
        pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=name)
        return {one["ParameterName"]: one for page in pages for one in page["Parameters"]}

    newer = known("parameters")
    for name, value in PARAMETERS.items():
        has(newer[name], ParameterValue=value, Source="user", ApplyType="dynamic", ApplyMethod="immediate")
    has(newer["require_secure_transport"], DataType="boolean", AllowedValues="0,1")
    has(newer["performance_schema"], ApplyType="static", Source="engine-default")
    has(newer["long_query_time"], DataType="float")
    has(newer["port"], IsModifiable=False, Source="system")
    has(newer["init_connect"], DataType="string", AllowedValues=None)
    parameter_group(aws, "older", "mysql8.0")
    same(known("older").keys() - newer.keys(), {"default_authentication_plugin", "expire_logs_days"})
    rds.modify_db_parameter_group(
        DBParameterGroupName="parameters",
        Parameters=[
            {"ParameterName": "long_query_time", "ParameterValue": "0.5", "ApplyMethod": "immediate"},
            {"ParameterName": "init_connect", "ParameterValue": "SET NAMES utf8mb4", "ApplyMethod": "immediate"},
        ],
    )
    for name, value in (
        ("port", "3307"),
        ("log_output", "SYSLOG"),
        ("long_query_time", "soon"),
        ("require_secure_transport", "2"),
        ("expire_logs_days", "3"),
    ):
        with refused("InvalidParameterValue"):
            wrong = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}]
            rds.modify_db_parameter_group(DBParameterGroupName="parameters", Parameters=wrong)
    with refused("InvalidParameterCombination"):
        wrong = [{"ParameterName": "performance_schema", "ParameterValue": "1", "ApplyMethod": "immediate"}]
        rds.modify_db_parameter_group(DBParameterGroupName="parameters", Parameters=wrong)


# --- Option groups -------------------------------------------------------------------------------


@check
def an_option_group_shows_every_setting_of_its_options(aws: Aws) -> None:
    rds = aws.rds
    same(rds.describe_option_groups()["OptionGroupsList"], [])
    for version in ("8.0", "8.4"):
        name = f"options-{version[-1]}"
        group = option_group(aws, name, version)
        arn = f"arn:aws:rds:{REGION}:{aws.account}:og:{name}"
        has(group, OptionGroupName=name, EngineName="mysql", MajorEngineVersion=version, OptionGroupArn=arn, Options=[])
        has(group, OptionGroupDescription="audit", AllowsVpcAndNonVpcInstanceMemberships=True, VpcId=None)
        include(aws, name, SERVER_AUDIT_EVENTS=EVENTS)
        option = read_group(aws, name)["Options"][0]
        has(option, OptionName="MARIADB_AUDIT_PLUGIN", Permanent=False, Persistent=False)
        settings = {one["Name"]: one for one in option["OptionSettings"]}
        has(settings["SERVER_AUDIT_EVENTS"], Value=EVENTS, DefaultValue="CONNECT,QUERY", ApplyType="DYNAMIC")
        has(settings["SERVER_AUDIT_QUERY_LOG_LIMIT"], Value="1024", DefaultValue="1024", DataType="INTEGER")
        has(settings["SERVER_AUDIT_EXCL_USERS"], Value=None, IsCollection=True)
        has(settings["SERVER_AUDIT_LOGGING"], Value="ON", IsModifiable=False)
    include(aws, name, SERVER_AUDIT_EXCL_USERS="rdsadmin")
    settings = {one["Name"]: one.get("Value") for one in read_group(aws, name)["Options"][0]["OptionSettings"]}
    has(settings, SERVER_AUDIT_EVENTS=EVENTS, SERVER_AUDIT_EXCL_USERS="rdsadmin")
    rds.modify_option_group(OptionGroupName=name, OptionsToRemove=["MARIADB_AUDIT_PLUGIN"])
    same(read_group(aws, name)["Options"], [])
    with refused("OptionGroupNotFoundFault"):
        read_group(aws, "absent")
    has(read_group(aws, "default:mysql-8-4"), MajorEngineVersion="8.4", Options=[])
    found = rds.describe_option_groups(EngineName="mysql", MajorEngineVersion="8.0")["OptionGroupsList"]
    same([one["OptionGroupName"] for one in found], ["options-0"])
    first = rds.describe_option_groups(MaxRecords=1)
    rest = rds.describe_option_groups(MaxRecords=1, Marker=first["Marker"])
    same([one["OptionGroupName"] for one in rest["OptionGroupsList"]], ["options-4"])
    assert "Marker" not in rest, rest
    rds.add_tags_to_resource(ResourceName=arn, Tags=tags(a="b"))
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["Name"])
    same(rds.list_tags_for_resource(ResourceName=arn)["TagList"], tags(a="b"))
    rds.delete_option_group(OptionGroupName=name)
    for refuse in (
        lambda: rds.list_tags_for_resource(ResourceName=arn),
        lambda: rds.delete_option_group(OptionGroupName=name),
        lambda: include(aws, name, SERVER_AUDIT_EVENTS=EVENTS),
    ):
        with refused("OptionGroupNotFoundFault"):
            refuse()


@check
def what_an_option_group_is_refused_for(aws: Aws) -> None:
    option_group(aws)
    for code, name, version, changed in (
        ("OptionGroupAlreadyExistsFault", "options", "8.4", {}),
        ("InvalidParameterValue", "two--hyphens", "8.4", {}),
        ("InvalidParameterValue", "1st", "8.4", {}),
        ("InvalidParameterValue", "other", "8.4", {"EngineName": "nosql"}),
        ("InvalidParameterCombination", "other", "9.9", {}),
    ):
        with refused(code):
            option_group(aws, name, version, **changed)
    for option, settings in (
        ("NO_SUCH_OPTION", {}),
        ("MEMCACHED", {}),
        ("MARIADB_AUDIT_PLUGIN", {"NO_SUCH_SETTING": "1"}),
        ("MARIADB_AUDIT_PLUGIN", {"SERVER_AUDIT_EVENTS": "CONNECT,TABLE"}),
        ("MARIADB_AUDIT_PLUGIN", {"SERVER_AUDIT_FILE_ROTATIONS": "101"}),
        ("MARIADB_AUDIT_PLUGIN", {"SERVER_AUDIT_LOGGING": "OFF"}),
    ):
        with refused("InvalidParameterValue"):
            include(aws, option=option, **settings)
    with refused("InvalidParameterValue"):
        aws.rds.modify_option_group(OptionGroupName="options")
    with refused("InvalidOptionGroupStateFault"):
        aws.rds.delete_option_group(OptionGroupName="default:mysql-8-4")
    for number in range(19):
        option_group(aws, f"group-{number}")
    with refused("OptionGroupQuotaExceededFault"):
        option_group(aws, "one-too-many")


# --- Instances -----------------------------------------------------------------------------------


@check
def a_mysql_instance_keeps_what_it_is_told(aws: Aws) -> None:
    at = place(aws)
    instance(aws, at)
    making = read(aws)
    has(making, DBInstanceStatus="creating", Endpoint=None, DbInstancePort=0)
    found = available(aws)
    has(found, DBInstanceIdentifier=NAME, Engine="mysql", EngineVersion="8.4.3", DBInstanceClass="db.r6g.large")
    has(found, DBInstanceArn=f"arn:aws:rds:{REGION}:{aws.account}:db:{NAME}")
    has(found, MasterUsername="admin", DBName="paymentdb")
    has(found, MultiAZ=True, AvailabilityZone=f"{REGION}a", SecondaryAvailabilityZone=f"{REGION}b")
    has(found, AllocatedStorage=100, StorageType="gp3", Iops=3000, StorageThroughput=125, MaxAllocatedStorage=None)
    has(found, StorageEncrypted=True, KmsKeyId=at["key"], LicenseModel="general-public-license")
    has(found, EnabledCloudwatchLogsExports=["error", "slowquery", "audit"], TagList=tags(Name=NAME))
    has(found, OptionGroupMemberships=[{"OptionGroupName": "options", "Status": "in-sync"}])
    has(found, DBParameterGroups=[{"DBParameterGroupName": "parameters", "ParameterApplyStatus": "in-sync"}])
    has(found, VpcSecurityGroups=[{"VpcSecurityGroupId": at["group"], "Status": "active"}])
    same((found["DBSubnetGroup"]["DBSubnetGroupName"], found["DBSubnetGroup"]["VpcId"]), ("subnets", at["vpc"]))
    same(found["Endpoint"]["Port"], 3306)
    assert found["Endpoint"]["Address"].startswith(f"{NAME}."), found["Endpoint"]
    has(found, BackupRetentionPeriod=30, PreferredBackupWindow="03:00-04:00", CopyTagsToSnapshot=True)
    has(found, PreferredMaintenanceWindow="sun:05:00-sun:06:00", DeletionProtection=True, PubliclyAccessible=False)
    has(found, MonitoringInterval=60, MonitoringRoleArn=at["role"], IAMDatabaseAuthenticationEnabled=True)
    has(found, PerformanceInsightsEnabled=True, PerformanceInsightsKMSKeyId=at["key"])
    has(found, PerformanceInsightsRetentionPeriod=7, AutoMinorVersionUpgrade=True)
    has(found, CACertificateIdentifier="rds-ca-rsa2048-g1", PendingModifiedValues={})
    unset = dict.fromkeys(("MultiAZ", "KmsKeyId", "OptionGroupName"))
    instance(aws, at, DBInstanceIdentifier="plain", EngineVersion="8.4", **unset)
    plain = available(aws, "plain")
    has(plain, EngineVersion="8.4.6", SecondaryAvailabilityZone=None, MultiAZ=False)
    assert plain["KmsKeyId"].startswith(f"arn:aws:kms:{REGION}:"), plain["KmsKeyId"]
    assert plain["DbiResourceId"] != found["DbiResourceId"], "one resource id for two"
    same(groups_of(plain), [("default:mysql-8-4", "in-sync")])
    logs = aws.logs.describe_log_groups(logGroupNamePrefix=f"/aws/rds/instance/{NAME}/")["logGroups"]
    same([group["logGroupName"].rpartition("/")[2] for group in logs], ["audit", "error", "slowquery"])
    same([group.get("kmsKeyId") for group in logs], [None] * 3)


@check
def a_log_group_that_is_there_is_left_as_it_is(aws: Aws) -> None:
    name = f"/aws/rds/instance/{NAME}/error"
    aws.logs.create_log_group(logGroupName=name)
    aws.logs.put_retention_policy(logGroupName=name, retentionInDays=30)
    made(aws, EnableCloudwatchLogsExports=["error"])
    modify(aws, CloudwatchLogsExportConfiguration={"EnableLogTypes": ["general"]})
    logs = aws.logs.describe_log_groups(logGroupNamePrefix=f"/aws/rds/instance/{NAME}/")["logGroups"]
    found = [(group["logGroupName"], group.get("retentionInDays")) for group in logs]
    same(found, [(name, 30), (name.replace("error", "general"), None)])


@check
def what_a_mysql_instance_is_refused_for(aws: Aws) -> None:
    at = place(aws)
    option_group(aws, "older", "8.0")
    parameter_group(aws, "older", "mysql8.0")
    disabled = key(aws, "rds")
    aws.kms.disable_key(KeyId=disabled)
    elsewhere = aws.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    elsewhere = aws.ec2.create_security_group(GroupName="other", Description="d", VpcId=elsewhere)["GroupId"]
    combination, value = "InvalidParameterCombination", "InvalidParameterValue"
    for code, changed in (
        (combination, {"EngineVersion": "8.4.99"}),
        (combination, {"DBInstanceClass": "db.r6g.nano"}),
        (combination, {"DBParameterGroupName": "older"}),
        (combination, {"DBParameterGroupName": "default.mysql8.0"}),
        ("DBParameterGroupNotFound", {"DBParameterGroupName": "absent"}),
        (combination, {"OptionGroupName": "older"}),
        (combination, {"OptionGroupName": "default:mysql-8-0"}),
        ("OptionGroupNotFoundFault", {"OptionGroupName": "absent"}),
        ("DBSubnetGroupNotFoundFault", {"DBSubnetGroupName": "absent"}),
        (combination, {"Iops": 3000}),
        (combination, {"StorageThroughput": 125}),
        (combination, {"AllocatedStorage": 400, "Iops": 3000}),
        (combination, {"StorageType": "io1"}),
        (combination, {"StorageType": "gp2", "Iops": 3000}),
        (combination, {"StorageType": "gp2", "StorageThroughput": 500}),
        (combination, {"StorageType": "aurora"}),
        (value, {"AllocatedStorage": 19}),
        (value, {"MasterUserPassword": "seven77"}),
        (value, {"MasterUserPassword": "x" * 42}),
        (value, {"MasterUserPassword": None}),
        *((value, {"MasterUserPassword": f"correct{sign}horse"}) for sign in "/@\" "),
        *((value, {"MasterUsername": name}) for name in ("rdsadmin", "mysql.sys", "a-b", "x" * 17)),
        (value, {"DBName": "1st"}),
        (value, {"Port": 80}),
        (value, {"BackupRetentionPeriod": 36}),
        (value, {"MonitoringInterval": 7}),
        (value, {"PerformanceInsightsRetentionPeriod": 8}),
        (value, {"PreferredMaintenanceWindow": "sun:03:30-sun:04:30"}),
        (value, {"PreferredMaintenanceWindow": "sunday"}),
        (value, {"PreferredBackupWindow": "03:00"}),
        (value, {"MonitoringRoleArn": f"arn:aws:iam::{aws.account}:role/no"}),
        (value, {"DBInstanceIdentifier": "two--hyphens"}),
        (value, {"VpcSecurityGroupIds": ["sg-00000000000000000"]}),
        (combination, {"VpcSecurityGroupIds": [elsewhere]}),
        ("KMSKeyNotAccessibleFault", {"KmsKeyId": disabled}),
        ("KMSKeyNotAccessibleFault", {"KmsKeyId": key(aws)}),
        (combination, {"DBInstanceClass": "db.t3.micro"}),
        (combination, {"AvailabilityZone": f"{REGION}a"}),
        ("InvalidVPCNetworkStateFault", {"AvailabilityZone": f"{REGION}c", "MultiAZ": None}),
        (combination, {"EnableCloudwatchLogsExports": ["postgresql"]}),
        (combination, {"ManageMasterUserPassword": True}),
    ):
        with refused(code):
            instance(aws, at, **changed)
    with refused("DBSubnetGroupDoesNotCoverEnoughAZs"):
        one = at["subnets"][:1]
        aws.rds.create_db_subnet_group(DBSubnetGroupName="one", DBSubnetGroupDescription="d", SubnetIds=one)
    same(aws.rds.describe_db_instances()["DBInstances"], [])
    instance(aws, at)
    with refused("DBInstanceAlreadyExists"):
        instance(aws, at)


@check
def what_is_changed_at_once(aws: Aws) -> None:
    at = made(aws)
    parameter_group(aws, "others")
    group = aws.ec2.create_security_group(GroupName="other", Description="d", VpcId=at["vpc"])["GroupId"]
    logs = {"EnableLogTypes": ["general"], "DisableLogTypes": ["audit", "slowquery"]}
    changed = {
        "BackupRetentionPeriod": 7,
        "PreferredBackupWindow": "10:00-11:00",
        "PreferredMaintenanceWindow": "mon:12:00-mon:13:00",
        "CopyTagsToSnapshot": False,
        "DeletionProtection": False,
        "AutoMinorVersionUpgrade": False,
        "PubliclyAccessible": True,
        "MonitoringInterval": 30,
        "MonitoringRoleArn": at["role"],
        "PerformanceInsightsRetentionPeriod": 31,
        "EnablePerformanceInsights": True,
        "PerformanceInsightsKMSKeyId": at["key"],
        "MaxAllocatedStorage": 500,
    }
    modify(
        aws,
        VpcSecurityGroupIds=[group],
        DBParameterGroupName="others",
        CloudwatchLogsExportConfiguration=logs,
        **changed,
    )
    found = read(aws)
    del changed["EnablePerformanceInsights"]
    pending = {"LogTypesToEnable": ["general"], "LogTypesToDisable": ["audit", "slowquery"]}
    waiting = {"PendingCloudwatchLogsExports": pending}
    has(found, DBInstanceStatus="available", PendingModifiedValues=waiting, **changed)
    same([one["VpcSecurityGroupId"] for one in found["VpcSecurityGroups"]], [group])
    same(sorted(found["EnabledCloudwatchLogsExports"]), ["audit", "error", "slowquery"])
    until("['error', 'general']", lambda: str(read(aws)["EnabledCloudwatchLogsExports"]))
    same(found["DBParameterGroups"], [{"DBParameterGroupName": "others", "ParameterApplyStatus": "pending-reboot"}])
    aws.ec2.delete_security_group(GroupId=at["group"])
    with refused("DependencyViolation"):
        aws.ec2.delete_security_group(GroupId=group)
    with refused("DependencyViolation"):
        aws.ec2.delete_subnet(SubnetId=at["subnets"][0])
    modify(aws, MonitoringInterval=0, EnablePerformanceInsights=False)
    has(read(aws), MonitoringInterval=0, MonitoringRoleArn=None, PerformanceInsightsEnabled=False)
    modify(aws, DBPortNumber=3307)
    has(read(aws), DBInstanceStatus="modifying", PendingModifiedValues={})
    found = available(aws)
    same((found["Endpoint"]["Port"], found["DBParameterGroups"][0]["ParameterApplyStatus"]), (3307, "in-sync"))
    answer = modify(aws, MasterUserPassword="another-password")
    same(answer["PendingModifiedValues"], {"MasterUserPassword": "****"})
    has(available(aws), PendingModifiedValues={})
    assert "another-password" not in aws.log.read_text(), "the call log has a password"
    arn = found["DBInstanceArn"]
    aws.rds.add_tags_to_resource(ResourceName=arn, Tags=tags(a="b"))
    aws.rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["Name"])
    same(read(aws)["TagList"], tags(a="b"))


@check
def what_waits_for_the_window(aws: Aws) -> None:
    made(aws)
    option_group(aws, "others")
    changed = {
        "DBInstanceClass": "db.r6g.xlarge",
        "AllocatedStorage": 200,
        "MultiAZ": False,
        "EngineVersion": "8.4.5",
        "StorageType": "gp2",
        "BackupRetentionPeriod": 0,
    }
    modify(aws, OptionGroupName="others", EnableIAMDatabaseAuthentication=False, **changed)
    found = read(aws)
    has(found, DBInstanceClass="db.r6g.large", AllocatedStorage=100, MultiAZ=True, EngineVersion="8.4.3")
    has(found, DBInstanceStatus="available", StorageType="gp3", IAMDatabaseAuthenticationEnabled=True)
    same(found["PendingModifiedValues"], {**changed, "IAMDatabaseAuthenticationEnabled": False})
    replaced = [("options", "pending-maintenance-removal"), ("others", "pending-maintenance-apply")]
    same(groups_of(found), replaced)
    for name in ("options", "others"):
        with refused("InvalidOptionGroupStateFault"):
            aws.rds.delete_option_group(OptionGroupName=name)
    # Back to what it is: nothing waits any longer.
    modify(aws, MultiAZ=True, BackupRetentionPeriod=30)
    del changed["MultiAZ"], changed["BackupRetentionPeriod"]
    same(read(aws)["PendingModifiedValues"], {**changed, "IAMDatabaseAuthenticationEnabled": False})
    # At once, with all that waits.
    modify(aws, now=True, CopyTagsToSnapshot=False)
    has(read(aws), DBInstanceStatus="modifying", PendingModifiedValues={}, IAMDatabaseAuthenticationEnabled=False)
    with refused("InvalidDBInstanceState"):
        modify(aws, MultiAZ=False)
    found = available(aws)
    has(found, **changed, Iops=None, StorageThroughput=0)
    same(groups_of(found), [("others", "in-sync")])
    modify(aws, now=True, AllocatedStorage=201)
    has(available(aws), AllocatedStorage=220)
    # An automated snapshot still has it.
    with refused("InvalidOptionGroupStateFault"):
        aws.rds.delete_option_group(OptionGroupName="options")
    modify(aws, now=True, StorageType="gp3", AllocatedStorage=400)
    has(available(aws), Iops=12000, StorageThroughput=500)
    with refused("InvalidParameterCombination"):
        modify(aws, AllocatedStorage=500)
    modify(aws, now=True, AllocatedStorage=500, Iops=13000, StorageThroughput=600)
    has(available(aws), Iops=13000, StorageThroughput=600, AllocatedStorage=500)


@check
def what_a_change_is_refused_for(aws: Aws) -> None:
    at = made(aws)
    option_group(aws, "older", "8.0")
    parameter_group(aws, "older", "mysql8.0")
    combination, value = "InvalidParameterCombination", "InvalidParameterValue"
    for code, changed in (
        (combination, {"AllocatedStorage": 99}),
        (combination, {"Iops": 4000}),
        (combination, {"StorageThroughput": 500}),
        (combination, {"EngineVersion": "8.4.99"}),
        (combination, {"EngineVersion": "8.0.42", "AllowMajorVersionUpgrade": True}),
        (combination, {"DBParameterGroupName": "older"}),
        (combination, {"OptionGroupName": "older"}),
        ("OptionGroupNotFoundFault", {"OptionGroupName": "absent"}),
        ("DBParameterGroupNotFound", {"DBParameterGroupName": "absent"}),
        (combination, {"DBInstanceClass": "db.t3.micro", "EnablePerformanceInsights": True}),
        (combination, {"CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["postgresql"]}}),
        (value, {"MasterUserPassword": "with a space"}),
        (value, {"DBPortNumber": 80}),
        (value, {"PreferredBackupWindow": "05:30-06:30"}),
        (value, {"MonitoringInterval": 60, "MonitoringRoleArn": f"arn:aws:iam::{aws.account}:role/no"}),
        (value, {"VpcSecurityGroupIds": ["sg-00000000000000000"]}),
    ):
        with refused(code):
            modify(aws, now=True, **changed)
    third = aws.ec2.create_subnet(VpcId=at["vpc"], CidrBlock="10.0.9.0/24", AvailabilityZone=f"{REGION}c")
    with refused("SubnetAlreadyInUse"):
        kept = [at["subnets"][1], third["Subnet"]["SubnetId"]]
        aws.rds.modify_db_subnet_group(DBSubnetGroupName="subnets", SubnetIds=kept)
    with refused("InvalidDBSubnetGroupStateFault"):
        aws.rds.delete_db_subnet_group(DBSubnetGroupName="subnets")
    with refused("InvalidDBParameterGroupState"):
        aws.rds.delete_db_parameter_group(DBParameterGroupName="parameters")
    with refused("InvalidOptionGroupStateFault"):
        aws.rds.delete_option_group(OptionGroupName="options")


@check
def a_major_upgrade_brings_groups_of_its_own(aws: Aws) -> None:
    at = place(aws)
    option_group(aws, "older", "8.0")
    parameter_group(aws, "older", "mysql8.0")
    instance(aws, at, EngineVersion="8.0.40", OptionGroupName="older", DBParameterGroupName="older")
    available(aws)
    groups = {"OptionGroupName": "options", "DBParameterGroupName": "parameters"}
    for changed in (
        groups,
        {"AllowMajorVersionUpgrade": True},
        {"AllowMajorVersionUpgrade": True, "DBParameterGroupName": "parameters"},
        {"AllowMajorVersionUpgrade": True, "OptionGroupName": "options"},
    ):
        with refused("InvalidParameterCombination"):
            modify(aws, EngineVersion="8.4.3", **changed)
    modify(aws, EngineVersion="8.4.3", AllowMajorVersionUpgrade=True, **groups)
    waiting = read(aws)
    has(waiting, EngineVersion="8.0.40", PendingModifiedValues={"EngineVersion": "8.4.3"})
    same(waiting["DBParameterGroups"], [{"DBParameterGroupName": "older", "ParameterApplyStatus": "in-sync"}])
    modify(aws, now=True, EngineVersion="8.4.3", AllowMajorVersionUpgrade=True, **groups)
    found = available(aws)
    has(found, EngineVersion="8.4.3")
    same(found["DBParameterGroups"], [{"DBParameterGroupName": "parameters", "ParameterApplyStatus": "in-sync"}])
    same(groups_of(found), [("options", "in-sync")])
    modify(aws, now=True, DBParameterGroupName="default.mysql8.4", OptionGroupName="default:mysql-8-4")
    default = ("default.mysql8.4", [("default:mysql-8-4", "in-sync")])
    found = read(aws)
    same((found["DBParameterGroups"][0]["DBParameterGroupName"], groups_of(found)), default)
    unset = dict.fromkeys(("OptionGroupName", "DBParameterGroupName"))
    instance(aws, at, DBInstanceIdentifier="second", EngineVersion="8.0.40", **unset)
    available(aws, "second")
    aws.rds.modify_db_instance(
        DBInstanceIdentifier="second", EngineVersion="8.4", AllowMajorVersionUpgrade=True, ApplyImmediately=True
    )
    found = available(aws, "second")
    has(found, EngineVersion="8.4.6")
    same((found["DBParameterGroups"][0]["DBParameterGroupName"], groups_of(found)), default)


@check
def a_static_parameter_waits_for_a_reboot(aws: Aws) -> None:
    made(aws)

    def status() -> str:
        return read(aws)["DBParameterGroups"][0]["ParameterApplyStatus"]

    static = {"ParameterName": "performance_schema", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
    aws.rds.modify_db_parameter_group(DBParameterGroupName="parameters", Parameters=[static])
    same(status(), "pending-reboot")
    aws.rds.reboot_db_instance(DBInstanceIdentifier=NAME)
    has(read(aws), DBInstanceStatus="rebooting")
    with refused("InvalidDBInstanceState"):
        aws.rds.reboot_db_instance(DBInstanceIdentifier=NAME)
    available(aws)
    same(status(), "in-sync")
    del static["ParameterValue"]
    aws.rds.reset_db_parameter_group(DBParameterGroupName="parameters", Parameters=[static])
    same(status(), "pending-reboot")


@check
def a_password_is_managed_by_secrets_manager(aws: Aws) -> None:
    made(aws)
    modify(aws, now=True, ManageMasterUserPassword=True)
    secret = read(aws)["MasterUserSecret"]
    assert ":secret:rds!db-" in secret["SecretArn"], secret
    modify(aws, now=True, ManageMasterUserPassword=True)
    same(read(aws)["MasterUserSecret"]["SecretArn"], secret["SecretArn"])
    for changed in ({"MasterUserPassword": PASSWORD}, {"ManageMasterUserPassword": False}):
        with refused("InvalidParameterCombination"):
            modify(aws, now=True, **changed)
    modify(aws, now=True, ManageMasterUserPassword=False, MasterUserPassword=PASSWORD)
    assert "MasterUserSecret" not in read(aws), "still managed"


@check
def a_role_is_taken_off_an_instance(aws: Aws) -> None:
    made(aws)
    role = {"DBInstanceIdentifier": NAME, "RoleArn": f"arn:aws:iam::{aws.account}:role/export"}
    aws.rds.add_role_to_db_instance(FeatureName="S3_INTEGRATION", **role)
    same([one["RoleArn"] for one in read(aws)["AssociatedRoles"]], [role["RoleArn"]])
    with refused("DBInstanceRoleNotFound"):
        aws.rds.remove_role_from_db_instance(FeatureName="S3_EXPORT", **role)
    aws.rds.remove_role_from_db_instance(FeatureName="S3_INTEGRATION", **role)
    same(read(aws).get("AssociatedRoles", []), [])


@check
def an_instance_is_stopped_and_started(aws: Aws) -> None:
    made(aws)
    rds, name = aws.rds, {"DBInstanceIdentifier": NAME}
    with refused("InvalidDBInstanceState"):
        rds.start_db_instance(**name)
    rds.stop_db_instance(**name)
    has(read(aws), DBInstanceStatus="stopping")
    until("stopped", lambda: read(aws)["DBInstanceStatus"])
    for refuse in (lambda: modify(aws, now=True, MultiAZ=False), lambda: rds.stop_db_instance(**name)):
        with refused("InvalidDBInstanceState"):
            refuse()
    rds.start_db_instance(**name)
    has(read(aws), DBInstanceStatus="starting")
    available(aws)


@check
def a_deletion_leaves_a_snapshot_that_holds_the_option_group(aws: Aws) -> None:
    at = made(aws)
    rds, name = aws.rds, {"DBInstanceIdentifier": NAME}
    final = {"FinalDBSnapshotIdentifier": f"{NAME}-final"}
    with refused("InvalidParameterCombination"):
        rds.delete_db_instance(**name, **final)
    modify(aws, DeletionProtection=False)
    for wrong in ({}, {"SkipFinalSnapshot": True, **final}):
        with refused("InvalidParameterCombination"):
            rds.delete_db_instance(**name, **wrong)
    with refused("DBSnapshotNotFound"):
        rds.describe_db_snapshots(DBSnapshotIdentifier=final["FinalDBSnapshotIdentifier"])
    rds.create_db_snapshot(DBSnapshotIdentifier="earlier", **name)
    with refused("DBSnapshotAlreadyExists"):
        rds.delete_db_instance(**name, FinalDBSnapshotIdentifier="earlier")
    rds.create_db_snapshot(DBSnapshotIdentifier="later", **name)
    pages = rds.get_paginator("describe_db_snapshots").paginate(MaxRecords=2)
    same([len(one["DBSnapshots"]) for one in pages], [2, 1])
    for earlier in ("earlier", "later"):
        rds.delete_db_snapshot(DBSnapshotIdentifier=earlier)
    rds.delete_db_instance(**name, **final)
    has(read(aws), DBInstanceStatus="deleting")
    with refused("InvalidDBInstanceState"):
        rds.delete_db_instance(**name, SkipFinalSnapshot=True)
    gone(aws, lambda: rds.describe_db_instances()["DBInstances"])
    with refused("DBInstanceNotFound"):
        read(aws)
    snapshots = rds.describe_db_snapshots(**name)["DBSnapshots"]
    same([one["DBSnapshotIdentifier"] for one in snapshots], [final["FinalDBSnapshotIdentifier"]])
    has(snapshots[0], TagList=tags(Name=NAME), Encrypted=True, KmsKeyId=at["key"], OptionGroupName="options")
    has(snapshots[0], EngineVersion="8.4.3", AllocatedStorage=100, StorageType="gp3", Status="available")
    with refused("InvalidOptionGroupStateFault"):
        rds.delete_option_group(OptionGroupName="options")
    arn = snapshots[0]["DBSnapshotArn"]
    rds.delete_db_snapshot(DBSnapshotIdentifier=final["FinalDBSnapshotIdentifier"])
    with refused("DBSnapshotNotFound"):
        rds.list_tags_for_resource(ResourceName=arn)
    rds.delete_option_group(OptionGroupName="options")
    rds.delete_db_parameter_group(DBParameterGroupName="parameters")
    rds.delete_db_subnet_group(DBSubnetGroupName="subnets")
    aws.ec2.delete_security_group(GroupId=at["group"])
    aws.ec2.delete_subnet(SubnetId=at["subnets"][0])
    logs = aws.logs.describe_log_groups(logGroupNamePrefix=f"/aws/rds/instance/{NAME}/")["logGroups"]
    same(len(logs), 3)


@check
def events_of_an_instance_are_subscribed_to(aws: Aws) -> None:
    instance(aws, place(aws))
    arn = topic(aws, "events.rds")
    wanted = {"SubscriptionName": "events", "SnsTopicArn": arn, "SourceType": "db-instance"}
    with refused("SourceNotFound"):
        aws.rds.create_event_subscription(SourceIds=["absent"], **wanted)
    categories = ["availability", "deletion", "failover", "failure", "low storage", "maintenance"]
    aws.rds.create_event_subscription(SourceIds=[NAME], EventCategories=categories, Enabled=True, **wanted)
    found = aws.rds.describe_event_subscriptions(SubscriptionName="events")["EventSubscriptionsList"][0]
    has(found, SourceIdsList=[NAME], SourceType="db-instance", EventCategoriesList=categories, Enabled=True)


@check
def an_instance_of_a_cluster_is_not_stopped_alone(aws: Aws) -> None:
    check_rds.groups(aws)
    check_rds.cluster(aws, KmsKeyId=key(aws, "rds"))
    check_rds.available(aws)
    check_rds.instance(aws)
    until("available", lambda: read(aws, "writer")["DBInstanceStatus"])
    for call in (aws.rds.stop_db_instance, aws.rds.start_db_instance):
        with refused("InvalidParameterCombination"):
            call(DBInstanceIdentifier="writer")
    aws.rds.modify_db_instance(DBInstanceIdentifier="writer", DBInstanceClass="db.r6g.xlarge")
    same(read(aws, "writer")["PendingModifiedValues"], {"DBInstanceClass": "db.r6g.xlarge"})
