"""Checks of S3 and IAM: the mends of mends_s3.py and the rules of strict_s3.py."""

import json
import time
from typing import Any

import durations
from checks import Aws, check, refused, same

TLS_ONLY = {"Bool": {"aws:SecureTransport": ["false"]}}


def bucket(aws: Aws, name: str, **tags: str) -> str:
    """A bucket in the checks' region, whose name no other check has."""
    name = f"{name}-{aws.account}"
    configuration: dict[str, Any] = {"LocationConstraint": "eu-west-1"}
    if tags:
        configuration["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    aws.s3.create_bucket(Bucket=name, CreateBucketConfiguration=configuration)
    return name


def statement(name: str, sid: str, effect: str, principal: Any, actions: list[str], **more: Any) -> dict[str, Any]:
    resources = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    return {"Sid": sid, "Effect": effect, "Principal": principal, "Action": actions, "Resource": resources, **more}


def put_policy(aws: Aws, name: str, *statements: dict[str, Any]) -> None:
    aws.s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


@check
def a_bucket_has_the_owner_that_is_expected(aws: Aws) -> None:
    name = bucket(aws, "owned")
    for wrong in (aws.s3.get_public_access_block, aws.s3.get_bucket_policy, aws.s3.delete_bucket_policy):
        with refused("AccessDenied"):
            wrong(Bucket=name, ExpectedBucketOwner="111111111111")
    aws.s3.get_bucket_versioning(Bucket=name, ExpectedBucketOwner=aws.account)


@check
def a_bucket_has_the_tags_of_its_creation(aws: Aws) -> None:
    name = bucket(aws, "tagged", Name="mine")
    same(aws.s3.get_bucket_tagging(Bucket=name)["TagSet"], [{"Key": "Name", "Value": "mine"}])
    with refused("NoSuchTagSet"):
        aws.s3.get_bucket_tagging(Bucket=bucket(aws, "bare"))
    with refused("BucketAlreadyOwnedByYou"):
        bucket(aws, "tagged", Name="other")
    same(aws.s3.get_bucket_tagging(Bucket=name)["TagSet"], [{"Key": "Name", "Value": "mine"}])


@check
def a_new_bucket_is_closed_and_encrypted(aws: Aws) -> None:
    name = bucket(aws, "fresh")
    block = aws.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    same(set(block.values()), {True})
    rule = aws.s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    same(rule["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"})
    rules = aws.s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    same(rules, [{"ObjectOwnership": "BucketOwnerEnforced"}])
    with refused("AccessControlListNotSupported"):
        aws.s3.put_bucket_acl(Bucket=name, ACL="public-read")


@check
def a_bucket_logs_where_the_policy_lets_it(aws: Aws) -> None:
    source, target = bucket(aws, "source"), bucket(aws, "target")
    logging = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "x/"}}
    with refused("InvalidTargetBucketForLogging"):
        aws.s3.put_bucket_logging(Bucket=source, BucketLoggingStatus=logging)
    account = {"StringEquals": {"aws:SourceAccount": [aws.account]}}
    service = {"Service": "logging.s3.amazonaws.com"}
    write = statement(target, "Write", "Allow", service, ["s3:PutObject"], Condition=account)
    put_policy(aws, target, write, statement(target, "Tls", "Deny", "*", ["s3:*"], Condition=TLS_ONLY))
    aws.s3.put_bucket_logging(Bucket=source, BucketLoggingStatus=logging)
    same(aws.s3.get_bucket_logging(Bucket=source)["LoggingEnabled"]["TargetBucket"], target)


@check
def an_edit_of_its_policy_moves_the_date_of_a_bucket(aws: Aws) -> None:
    name = bucket(aws, "dated")

    def made() -> Any:
        return next(one["CreationDate"] for one in aws.s3.list_buckets()["Buckets"] if one["Name"] == name)

    before = made()
    put_policy(aws, name, statement(name, "Tls", "Deny", "*", ["s3:*"], Condition=TLS_ONLY))
    assert made() > before


@check
def a_tls_only_policy_lets_tls_in(aws: Aws) -> None:
    name = bucket(aws, "tls")
    put_policy(aws, name, statement(name, "Tls", "Deny", "*", ["s3:*"], Condition=TLS_ONLY))
    aws.s3.put_object(Bucket=name, Key="a", Body=b"1")
    same(aws.s3.get_object(Bucket=name, Key="a")["Body"].read(), b"1")
    with refused("BucketNotEmpty"):
        aws.s3.delete_bucket(Bucket=name)


@check
def whether_small_objects_move_is_kept(aws: Aws) -> None:
    name = bucket(aws, "small")
    rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 365}}
    for wanted in ("varies_by_storage_class", "all_storage_classes_128K"):
        aws.s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": [rule]}, TransitionDefaultMinimumObjectSize=wanted
        )
        read = aws.s3.get_bucket_lifecycle_configuration(Bucket=name)
        same(read["TransitionDefaultMinimumObjectSize"], wanted)
    with refused("MalformedXML"):
        del rule["Filter"]
        aws.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})


@check
def lifecycle_rules_are_judged(aws: Aws) -> None:
    name = bucket(aws, "aging")

    def put(*rules: dict[str, Any]) -> None:
        rules = [{"Status": "Enabled", "Filter": {"Prefix": ""}, **one} for one in rules]
        aws.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})

    move = {"Days": 90, "StorageClass": "GLACIER_IR"}
    put({"ID": "a", "Transitions": [move], "Expiration": {"Days": 91}})
    with refused("InvalidArgument"):
        put({"ID": "a", "Transitions": [move], "Expiration": {"Days": 90}})
    with refused("InvalidArgument"):
        put({"ID": "a", "Transitions": [{"Days": 29, "StorageClass": "STANDARD_IA"}]})
    with refused("InvalidArgument"):
        put({"ID": "a", "NoncurrentVersionExpiration": {"NoncurrentDays": 0}})
    with refused("InvalidArgument"):
        put(*2 * [{"ID": "a", "Expiration": {"Days": 1}}])
    with refused("InvalidArgument"):
        put({"ID": "a" * 256, "Expiration": {"Days": 1}})
    same(len(aws.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]), 1)


@check
def bucket_policies_are_judged(aws: Aws) -> None:
    name = bucket(aws, "judged")
    with refused("AccessDenied"):
        put_policy(aws, name, statement(name, "Open", "Allow", "*", ["s3:GetObject"]))
    with refused("MalformedPolicy"):
        aws.s3.put_bucket_policy(Bucket=name, Policy="{}")
    absent = {"AWS": f"arn:aws:iam::{aws.account}:role/absent"}
    with refused("MalformedPolicy"):
        put_policy(aws, name, statement(name, "Absent", "Allow", absent, ["s3:GetObject"]))
    with refused("MalformedPolicy"):
        put_policy(aws, name, statement("another", "Other", "Allow", {"AWS": aws.account}, ["s3:GetObject"]))
    with refused("InvalidBucketName"):
        bucket(aws, "Upper")


TRUST = {"Effect": "Allow", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole"}


def role(aws: Aws, name: str, trust: dict[str, Any] = TRUST) -> str:
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]


@check
def roles_are_judged(aws: Aws) -> None:
    with refused("ValidationError"):
        role(aws, "r" * 65)
    with refused("MalformedPolicyDocument"):
        role(aws, "bad", {**TRUST, "Resource": "*"})
    with refused("MalformedPolicyDocument"):
        role(aws, "bad", {**TRUST, "Action": "s3:GetObject"})
    with refused("MalformedPolicyDocument"):
        role(aws, "bad", {**TRUST, "Principal": {"AWS": f"arn:aws:iam::{aws.account}:role/absent"}})
    arn = role(aws, "good")
    time.sleep(durations.of("principal-not-known"))
    role(aws, "trusting", {**TRUST, "Principal": {"AWS": arn}})
    with refused("EntityAlreadyExists"):
        role(aws, "good")


@check
def all_of_a_role_is_read_in_one_call(aws: Aws) -> None:
    role(aws, "whole")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    aws.iam.put_role_policy(RoleName="whole", PolicyName="inline", PolicyDocument=json.dumps(policy))
    aws.iam.tag_role(RoleName="whole", Tags=[{"Key": "Name", "Value": "mine"}])
    managed = aws.iam.create_policy(PolicyName="managed", PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
    aws.iam.attach_role_policy(RoleName="whole", PolicyArn=managed)
    found = aws.iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    whole = next(one for one in found if one["RoleName"] == "whole")
    same([one["PolicyName"] for one in whole["RolePolicyList"]], ["inline"])
    same([one["PolicyArn"] for one in whole["AttachedManagedPolicies"]], [managed])
    same(whole["Tags"], [{"Key": "Name", "Value": "mine"}])
    with refused("DeleteConflict"):
        aws.iam.delete_role(RoleName="whole")


@check
def aws_managed_policies_can_be_attached(aws: Aws) -> None:
    role(aws, "admin")
    aws.iam.attach_role_policy(RoleName="admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    attached = aws.iam.list_attached_role_policies(RoleName="admin")["AttachedPolicies"]
    same([one["PolicyName"] for one in attached], ["AdministratorAccess"])
    with refused("NoSuchEntity"):
        aws.iam.attach_role_policy(RoleName="admin", PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")


def settled() -> None:
    """A role is not assumable before that."""
    time.sleep(0.6)
