"""What AWS refuses of S3 and IAM calls and moto lets pass. Registered like the rules of strict.py."""

import json
import re
import time
from typing import Any

from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.s3.models import S3Backend
from moto.s3.utils import bucket_policy_is_public

import durations
import key_policy
import principals
from strict import rule

# --- S3 ------------------------------------------------------------------------------------------


@rule(
    "s3-bucket-name",
    "InvalidBucketName",
    "a bucket's name has 3 to 63 lower-case letters, digits, hyphens and dots",
    S3Backend,
    "CreateBucket",
)
def s3_bucket_name(backend: Any, bucket_name: str, *_: Any, **__: Any) -> str | None:
    if re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket_name) and ".." not in bucket_name:
        return None
    return "The specified bucket is not valid."


@rule("s3-malformed-policy", "MalformedPolicy", "a bucket policy is a policy", S3Backend, "PutBucketPolicy")
def s3_malformed_policy(backend: Any, bucket_name: str, policy: bytes) -> str | None:
    statements = key_policy.statements(policy.decode())
    if statements is None:
        return "Policies must be valid JSON with Statement, Effect, Principal, Action and Resource"
    arn = f"arn:aws:s3:::{bucket_name}"
    for statement in statements:
        if not all(str(one).startswith(arn) for one in key_policy.as_list(statement["Resource"])):
            return "Policy has invalid resource"
    return _absent_principal(statements)


@rule(
    "s3-public-policy",
    "AccessDenied",
    "a policy that lets everybody in is refused while BlockPublicPolicy is on",
    S3Backend,
    "PutBucketPolicy",
)
def s3_public_policy(backend: Any, bucket_name: str, policy: bytes) -> str | None:
    block = backend.get_bucket(bucket_name).public_access_block
    if block and block.block_public_policy and bucket_policy_is_public(policy):
        return "Access Denied: public policies are blocked by the BlockPublicPolicy block public access setting."
    return None


@rule(
    "s3-access-lists-disabled",
    "AccessControlListNotSupported",
    "a bucket with BucketOwnerEnforced takes no access lists",
    S3Backend,
    "PutBucketAcl",
)
def s3_access_lists_disabled(backend: Any, bucket_name: str, *_: Any) -> str | None:
    if backend.get_bucket(bucket_name).ownership_rule == "BucketOwnerEnforced":
        return "The bucket does not allow ACLs"
    return None


# Days after which objects may move to these classes at the earliest (User Guide, "Transitioning objects using Amazon S3
# Lifecycle").
EARLIEST = {"STANDARD_IA": 30, "ONEZONE_IA": 30}


@rule(
    "s3-lifecycle-days",
    "InvalidArgument",
    "objects move when their class takes them, and go after that",
    S3Backend,
    "PutBucketLifecycleConfiguration",
)
def s3_lifecycle_days(backend: Any, bucket_name: str, rules: list[dict[str, Any]]) -> str | None:
    for one in rules:
        transitions = [move for move in key_policy.as_list(one.get("Transition") or []) if move.get("Days") is not None]
        for move in transitions:
            least = EARLIEST.get(move["StorageClass"], 0)
            if int(move["Days"]) < least:
                return (
                    f"'Days' in Transition action must be greater than or equal to {least} for storageClass "
                    f"'{move['StorageClass']}'"
                )
        gone = (one.get("Expiration") or {}).get("Days")
        if gone is not None and int(gone) <= max((int(move["Days"]) for move in transitions), default=0):
            return "'Days' in the Expiration action must be greater than 'Days' in the Transition action"
        later = (one.get("NoncurrentVersionExpiration") or {}).get("NoncurrentDays")
        if later is not None and int(later) <= 0:
            return "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer"
    return None


@rule(
    "s3-lifecycle-ids",
    "InvalidArgument",
    "each lifecycle rule has an id of its own, of at most 255 characters",
    S3Backend,
    "PutBucketLifecycleConfiguration",
)
def s3_lifecycle_ids(backend: Any, bucket_name: str, rules: list[dict[str, Any]]) -> str | None:
    ids = [one["ID"] for one in rules if one.get("ID")]
    if len(ids) != len(set(ids)):
        return "Rule ID must be unique. Found same ID for more than one rule"
    return "ID length should not exceed allowed limit of 255" if any(len(one) > 255 for one in ids) else None


# --- IAM -----------------------------------------------------------------------------------------


def _absent_principal(statements: list[dict[str, Any]]) -> str | None:
    name = principals.absent(statements)
    return f"Invalid principal in policy: {name}" if name else None


@rule("iam-role-name", "ValidationError", "a role's name has up to 64 of certain characters", IamResponse, "CreateRole")
def iam_role_name(request: Any) -> str | None:
    name = request._get_param("RoleName") or ""
    if re.fullmatch(r"[\w+=,.@-]{1,64}", name):
        return None
    return f"1 validation error detected: Value '{name}' at 'roleName' failed to satisfy constraint"


@rule(
    "iam-trust-policy",
    "MalformedPolicyDocument",
    "a trust policy lets somebody that exists assume the role, and names no resource",
    IamResponse,
    "CreateRole",
    "UpdateAssumeRolePolicy",
)
def iam_trust_policy(request: Any) -> str | None:
    text = request._get_param("AssumeRolePolicyDocument") or request._get_param("PolicyDocument") or ""
    try:
        statements = key_policy.as_list(json.loads(text)["Statement"])
    except (ValueError, KeyError, TypeError):
        return "Syntax errors in policy."
    for statement in statements:
        if not {"Effect", "Principal", "Action"} <= statement.keys():
            return "Syntax errors in policy."
        if "Resource" in statement:
            return "Has prohibited field Resource"
        if not all(str(action).startswith("sts:") for action in key_policy.as_list(statement["Action"])):
            return "AssumeRole policy may only specify STS AssumeRole actions."
    return _absent_principal(statements)


def assumable(role_arn: str, service: str, context: dict[str, str]) -> bool:
    """Whether the service can assume the role by now: a new one takes some seconds on AWS."""
    found = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([^/]+)", role_arn or "")
    roles = iam_backends[found[1]]["aws"].roles.values() if found else []
    role = next((role for role in roles if role.name == found[2]), None)
    if role is None or time.time() < role.create_date.timestamp() + durations.of("role-not-assumable"):
        return False
    # A trust policy has no resource; the evaluation of key policies wants one.
    document = json.loads(role.assume_role_policy_document)
    document["Statement"] = [{**one, "Resource": "*"} for one in key_policy.as_list(document["Statement"])]
    return key_policy.allows(json.dumps(document), {f"{service}.amazonaws.com"}, "sts:AssumeRole", context)
