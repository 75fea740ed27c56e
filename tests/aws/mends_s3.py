"""Where moto's S3 and IAM answer differently from AWS. Registered like those of mends.py."""

import functools
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import xmltodict
from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, PublicAccessBlock, S3Backend, s3_backends
from moto.s3.responses import S3Response

import key_policy
import principals
from catalogue import around
from mends import mend, page

# Everything reaches the emulator as if by TLS: what a policy says of plain HTTP concerns nobody here.
REQUEST_CONTEXT = {"aws:SecureTransport": "true"}


def _creates_bucket(request: Any, querystring: dict[str, Any]) -> bool:
    return not querystring.keys() - {"x-id"}


class NotTheOwner(S3ClientError):
    code = 403

    def __init__(self) -> None:
        super().__init__("AccessDenied", "Access Denied")


@mend("expected-bucket-owner", "a call that expects another owner of a bucket is refused")
def expected_bucket_owner() -> None:
    """AWS: x-amz-expected-bucket-owner that is not the bucket's owner is answered by 403 AccessDenied (S3 User Guide,
    "Verifying bucket ownership with bucket owner condition"). moto: ignores it. Goes when moto does not."""

    @around(S3Response, "_bucket_response")
    def bucket_response(original: Callable, response: Any, request: Any, full_url: str) -> Any:
        expected = request.headers.get("x-amz-expected-bucket-owner")
        name = response.parse_bucket_name_from_url(request, full_url)
        _partition, owner = s3_backends.bucket_accounts.get(name, (None, None))
        if expected and owner and expected != owner:
            raise NotTheOwner
        return original(response, request, full_url)


@mend("s3-tags-on-creation", "a bucket is tagged in the call that makes it")
def tags_on_creation() -> None:
    """AWS: CreateBucketConfiguration has Tags (API Reference, CreateBucket, since 2025). moto: drops them. Goes
    when a new bucket has the tags of its creation."""

    @around(S3Response, "_bucket_response_put")
    def put(original: Callable, response: Any, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
        existed = bucket_name in response.backend.buckets
        answer = original(response, request, bucket_name, querystring)
        if not existed and _creates_bucket(request, querystring) and response.body:
            configuration = xmltodict.parse(response.body).get("CreateBucketConfiguration") or {}
            tags = (configuration.get("Tags") or {}).get("Tag") or []
            pairs = {tag["Key"]: tag["Value"] or "" for tag in (tags if isinstance(tags, list) else [tags])}
            if pairs:
                response.backend.put_bucket_tagging(bucket_name, pairs)
        return answer


@mend("s3-new-bucket-defaults", "a new bucket is encrypted, closed to the public and without access lists")
def new_bucket_defaults() -> None:
    """AWS: since 2023 a new bucket has SSE-S3, all four public access blocks and BucketOwnerEnforced (S3 User
    Guide, "Creating a bucket"). moto: none of them. Goes when they are there."""

    @around(FakeBucket, "__init__")
    def new(original: Callable, bucket: Any, *args: Any, **kwargs: Any) -> None:
        original(bucket, *args, **kwargs)
        default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}
        bucket.encryption = {"Rule": default}
        bucket.public_access_block = PublicAccessBlock(True, True, True, True)
        bucket.ownership_rule = "BucketOwnerEnforced"


@mend("s3-moving-dates", "the date of a bucket may move when its policy is edited")
def moving_dates() -> None:
    """AWS: CreationDate "can change when making changes to your bucket, such as editing its bucket policy" (API Reference,
    Bucket). moto: it stands still. Goes when it may move."""

    @around(S3Backend, "put_bucket_policy")
    def put(original: Callable, backend: Any, bucket_name: str, policy: bytes) -> Any:
        answer = original(backend, bucket_name, policy)
        backend.get_bucket(bucket_name).creation_date += timedelta(seconds=1)
        return answer


@mend("s3-log-delivery-permission", "a policy that lets the logging service write is read as AWS reads it")
def log_delivery_permission() -> None:
    """AWS: evaluates the target's policy. moto: compares one form of it literally, and fails on a statement with
    the principal "*". Goes when PutBucketLogging accepts lists and other statements."""

    def permitted(target_bucket: Any, target_prefix: str | None) -> bool:
        policy = (target_bucket.policy or b"").decode()
        context = {**REQUEST_CONTEXT, "aws:SourceAccount": target_bucket.account_id}
        return key_policy.allows(policy, {"logging.s3.amazonaws.com"}, "s3:PutObject", context)

    FakeBucket._log_permissions_enabled_policy = staticmethod(permitted)


@mend("s3-policy-conditions", "a Deny for requests without TLS does not deny those with it")
def policy_conditions() -> None:
    """AWS: a statement applies when its conditions hold (IAM User Guide, "Policy evaluation logic"). moto: ignores
    conditions, so that a TLS-only policy denies every read and write of objects. Goes when it evaluates
    aws:SecureTransport."""

    def permission(bucket: Any, action: str, resource: str) -> Any:
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(bucket.policy)
        document["Statement"] = [
            statement
            for statement in key_policy.as_list(document["Statement"])
            if key_policy.conditions_hold(statement.get("Condition", {}), REQUEST_CONTEXT, unknown=False)
        ]
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = permission


@mend("s3-small-object-transitions", "whether small objects move is stored")
def small_object_transitions() -> None:
    """AWS: keeps TransitionDefaultMinimumObjectSize with the lifecycle configuration (API Reference,
    PutBucketLifecycleConfiguration). moto: always answers all_storage_classes_128K. Goes when it stores it."""
    header = "x-amz-transition-default-minimum-object-size"

    @around(S3Response, "_bucket_response_put")
    def put(original: Callable, response: Any, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
        answer = original(response, request, bucket_name, querystring)
        if "lifecycle" in querystring:
            response.backend.get_bucket(bucket_name).small_objects = request.headers.get(header)
        return answer

    @around(S3Response, "get_bucket_lifecycle")
    def get(original: Callable, response: Any) -> Any:
        status, headers, body = original(response)
        stored = getattr(response.backend.get_bucket(response.bucket_name), "small_objects", None)
        if stored:
            headers[header] = stored
        return status, headers, body


ROOTS = {
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketTagging": "Tagging",
    "ListObjectVersions": "ListVersionsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "DeleteObjects": "DeleteResult",
}


@mend("s3-root-elements", "answers have the root elements of S3's API")
def root_elements() -> None:
    """AWS: names the root of each answer after its type (API Reference of each operation). moto: after the
    operation, which SDKs that check it refuse to read. Goes when the SDK for Rust reads GetBucketVersioning."""

    @around(S3Response, "serialized")
    def serialized(original: Callable, response: Any, result: Any) -> Any:
        status, headers, body = original(response, result)
        for operation, root in ROOTS.items():
            body = body.replace(f"<{operation}Response", f"<{root}").replace(f"</{operation}Response>", f"</{root}>")
        return status, headers, body


@mend("s3-bucket-pages", "max-buckets and continuation-token of ListBuckets")
def bucket_pages() -> None:
    """AWS: answers at most MaxBuckets and a ContinuationToken for the rest (API Reference, ListBuckets). moto: leaves the
    rest out without a word. Goes when moto answers the token."""

    @around(S3Backend, "list_buckets")
    def all_of_them(original: Callable, backend: Any, **kwargs: Any) -> list[FakeBucket]:
        return original(backend, **kwargs | {"max_buckets": None})

    @around(S3Response, "serialized")
    def paged(original: Callable, response: Any, result: Any) -> Any:
        if response.data.get("Action") == "ListBuckets":
            token, limit = response._get_param("continuation-token"), response._get_param("max-buckets")
            buckets, rest = page(result.result["Buckets"], token, int(limit) if limit else None)
            result = ActionResult({**result.result, "Buckets": buckets, "ContinuationToken": rest})
        return original(response, result)


@mend("iam-deleted-principals", "policies show the id of a role or user that is deleted")
def deleted_principals() -> None:
    """AWS: turns the ARN of a deleted role or user into its unique id in the policies that name it; the same name made
    anew is somebody else (IAM User Guide, "AWS JSON policy elements: Principal"). moto: leaves the ARN. Goes when key and
    bucket policies show the id."""

    @around(IAMBackend, "delete_role")
    def role(original: Callable, backend: Any, role_name: str) -> None:
        gone = backend.get_role(role_name)
        original(backend, role_name)
        principals.forget(gone.arn, gone.id)

    @around(IAMBackend, "delete_user")
    def user(original: Callable, backend: Any, user_name: str) -> None:
        gone = backend.get_user(user_name)
        original(backend, user_name)
        principals.forget(gone.arn, gone.id)


@mend("iam-managed-policies", "AWS's managed policies can be attached")
def managed_policies() -> None:
    """AWS: its managed policies are in every account (IAM User Guide, "AWS managed policies"). moto: knows them only
    when told to load all of them, which takes every account seconds. Goes when attaching AdministratorAccess works
    without."""

    @functools.cache
    def known() -> dict[str, Any]:
        return json.loads(aws_managed_policies_data)

    @around(IAMBackend, "attach_role_policy")
    def attach(original: Callable, backend: Any, policy_arn: str, role_name: str) -> Any:
        name = policy_arn.rpartition("/")[2]
        if policy_arn.startswith("arn:aws:iam::aws:policy/") and policy_arn not in backend.managed_policies:
            data = known().get(name)
            policy = AWSManagedPolicy.from_data(name, backend.account_id, "us-east-1", data) if data else None
            if policy and policy.arn == policy_arn:
                backend.managed_policies[policy_arn] = policy
        return original(backend, policy_arn, role_name)
