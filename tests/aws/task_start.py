"""What a task needs to start on AWS, its roles, the key of its storage, its secrets, image and log stream, and how the
service tells what it lacks.

Of policies nothing is refused that AWS might let pass: a condition on what is not known here holds. Grants of keys and
the policies of secrets are not looked at.
"""

import fnmatch
import json
import re
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from moto.ecr.models import ecr_backends
from moto.ecs.models import Service, TaskDefinition
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.kms.models import Key, kms_backends
from moto.logs.models import logs_backends
from moto.secretsmanager.models import FakeSecret, secretsmanager_backends

import key_policy
from strict_rds import key_usable
from strict_s3 import assumable


def obstacle(service: Service, definition: TaskDefinition) -> str | None:
    """What the service tells instead of starting such a task."""
    if problem := _no_role(service, definition):
        return f"failed to launch a task with (error {problem})."
    execution_role = definition.__dict__.get("execution_role_arn")
    reasons = [_no_storage(service)]
    for container in definition.container_definitions:
        if execution_role:
            reasons += [_no_secret(container, execution_role), _no_pull(container["image"], execution_role)]
        reasons.append(_no_image(container))
        if execution_role:
            reasons.append(_no_log(container, execution_role, service._account_id))
        reasons.append(_exits(container))
    reason = next((one for one in reasons if one), None)
    return f"was unable to place a task. Reason: {reason}." if reason else _unhealthy(service, definition)


# --- What a role may -----------------------------------------------------------------------------


def role(arn: str) -> Any:
    """The IAM role, if there is one."""
    found = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([^/]+)", arn)
    roles = iam_backends[found[1]]["aws"].roles.values() if found else []
    return next((one for one in roles if one.name == found[2]), None)


def may(role_arn: str, action: str, resource: str) -> bool:
    """Whether the policies of the role let it do the action."""
    return _own(role_arn, action, resource, {}) == {"Allow"}


def _own(role_arn: str, action: str, resource: str, context: dict[str, str]) -> set[str]:
    """What the policies of the role, inline or attached, say to the action: Allow, Deny, both or nothing."""
    known = role(role_arn)
    attached = [version for policy in known.managed_policies.values() for version in policy.versions]
    documents = [*known.policies.values(), *(version.document for version in attached if version.is_default)]
    statements = [one for document in documents for one in key_policy.as_list(json.loads(document)["Statement"])]
    return {
        one["Effect"]
        for one in statements
        if _like(action.lower(), [pattern.lower() for pattern in key_policy.as_list(one.get("Action", []))])
        and _like(resource, key_policy.as_list(one.get("Resource", [])))
        and key_policy.conditions_hold(one.get("Condition", {}), context, one["Effect"] == "Allow")
    }


def _like(value: str, patterns: list[str]) -> bool:
    # IAM knows no character classes, fnmatch does.
    return any(fnmatch.fnmatchcase(value, pattern.replace("[", "[[]")) for pattern in patterns)


def _refusal(role_arn: str, action: str, resource: str) -> str:
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    return (
        f"AccessDeniedException: User: arn:aws:sts::{account}:assumed-role/{name}/{uuid4().hex} is not authorized to "
        f"perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
    )


# --- What a task needs ---------------------------------------------------------------------------


def _no_role(service: Service, definition: TaskDefinition) -> str | None:
    account, region = service._account_id, service.region_name
    context = {"aws:SourceAccount": account, "aws:SourceArn": f"arn:aws:ecs:{region}:{account}:task"}
    for name in ("execution_role_arn", "task_role_arn"):
        arn = definition.__dict__.get(name)
        if arn and not assumable(arn, "ecs-tasks", context):
            return (
                f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that the "
                "role being passed has the proper trust relationship and permissions and that your IAM user has "
                "permissions to pass this role."
            )
    return None


# What Fargate does with the key of the storage, and what it says of itself besides the cluster.
FOR_STORAGE = {"kms:GenerateDataKeyWithoutPlaintext": {}, "kms:CreateGrant": {"kms:GrantOperations": "Decrypt"}}


def _no_storage(service: Service) -> str | None:
    cluster = service._backend.clusters[service.cluster_name]
    storage = (cluster.configuration or {}).get("managedStorageConfiguration", {})
    key = storage.get("fargateEphemeralStorageKmsKeyId")
    if not key:
        return None
    account, region = service._account_id, service.region_name
    arn = key if key.startswith("arn:") else f"arn:aws:kms:{region}:{account}:key/{key}"
    prefix = "kms:EncryptionContext:aws:ecs"
    context = {f"{prefix}:clusterAccount": account, f"{prefix}:clusterName": cluster.name}
    request = SimpleNamespace(region=region, current_account=account)
    for action, more in FOR_STORAGE.items():
        if not key_usable(arn, request, {"*", "fargate.amazonaws.com"}, (action,), **context, **more):
            problem = f"key {arn} is not enabled or does not admit Fargate"
            return f"ResourceInitializationError: failed to call {action}: {problem}"
    return None


# An image in a private repository of ECR; the host of either kind (ECR User Guide, Amazon ECR endpoints).
IN_ECR = re.compile(
    r"(?P<host>(?P<account>\d{12})\.dkr[.-]ecr\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com|on\.aws))"
    r"/(?P<name>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)


def _no_pull(image: str, execution_role: str) -> str | None:
    found = IN_ECR.fullmatch(image)
    if found is None:
        return None
    token, host, name = "ecr:GetAuthorizationToken", found["host"], found["name"]
    if not may(execution_role, token, "*"):
        return (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
            "failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): "
            f"{_refusal(execution_role, token, '*')}"
        )
    if not _lets_pull("ecr:BatchGetImage", found, execution_role):
        manifest = found["digest"] or found["tag"] or "latest"
        return (
            f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: "
            f"pulling from host {host} failed with status code [manifests {manifest}]: 403 Forbidden"
        )
    if not _lets_pull("ecr:GetDownloadUrlForLayer", found, execution_role):
        return (
            "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed "
            f"open: unexpected status code https://{host}/v2/{name}/blobs/sha256:{uuid4().hex * 2}: 403 Forbidden"
        )
    return None


def _lets_pull(action: str, image: re.Match[str], role_arn: str) -> bool:
    """Whether the role's own policies or, within an account, that of the repository let it do the action."""
    account, region, name = image["account"], image["region"], image["name"]
    own = _own(role_arn, action, f"arn:aws:ecr:{region}:{account}:repository/{name}", {})
    if own or role_arn.split(":")[4] != account or region not in ecr_backends[account]:
        return own == {"Allow"}
    repository = ecr_backends[account][region].repositories.get(name)
    if repository is None or not repository.policy:
        return False
    # The policy of a repository has no resource; the evaluation of key policies wants one.
    document = json.loads(repository.policy)
    document["Statement"] = [{**one, "Resource": "*"} for one in key_policy.as_list(document["Statement"])]
    return key_policy.allows(json.dumps(document), {"*", role_arn}, action, {})


def _no_image(container: dict[str, Any]) -> str | None:
    image = container["image"]
    if not image.endswith(":missing"):
        return None
    retried = "pull image manifest has been retried 7 time(s)"
    return f"CannotPullContainerError: {retried}: failed to resolve ref {image}: not found"


def _no_secret(container: dict[str, Any], execution_role: str) -> str | None:
    for secret in container.get("secrets", []):
        found = re.fullmatch(r"(arn:aws:secretsmanager:([^:]+):(\d+):secret:[^:]+)(?::([^:]*).*)?", secret["valueFrom"])
        if found is None:
            continue
        arn, region, account, key = found.groups()
        stored = secretsmanager_backends[account][region].secrets.get(arn)
        problem = _unread(arn, key, stored, execution_role)
        if problem:
            return (
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
                "failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch "
                f"secret {arn} from secrets manager: {problem}"
            )
    return None


def _unread(arn: str, key: str | None, stored: FakeSecret | None, execution_role: str) -> str | None:
    """Why the role does not get the secret, or the key in it."""
    if not may(execution_role, "secretsmanager:GetSecretValue", arn):
        return _refusal(execution_role, "secretsmanager:GetSecretValue", arn)
    if stored is None or stored.is_deleted():
        return "ResourceNotFoundException: Secrets Manager can't find the specified secret."
    if problem := _undecrypted(stored, execution_role):
        return problem
    if key and key not in _object(stored.secret_string):
        return f"retrieved secret from Secrets Manager did not contain json key {key}"
    return None


def _undecrypted(secret: FakeSecret, role_arn: str) -> str | None:
    """Why the role does not get at the secret by its key. AWS's own is for everybody in the account."""
    named, account = secret.kms_key_id, role_arn.split(":")[4]
    if not named or named.endswith("alias/aws/secretsmanager"):
        return None
    key = _key(named, secret.region, secret.account_id)
    if key is None or key.key_state != "Enabled":
        return "DecryptionFailure: Secrets Manager can't decrypt the protected secret text using the provided KMS key."
    context = {
        "kms:ViaService": f"secretsmanager.{secret.region}.amazonaws.com",
        "kms:CallerAccount": account,
        "kms:EncryptionContext:SecretARN": secret.arn,
    }
    own = _own(role_arn, "kms:Decrypt", key.arn, context)
    by_name, by_account = {"*", role_arn}, {account, f"arn:aws:iam::{account}:root"}
    admitted = key_policy.allows(key.policy, by_name | by_account, "kms:Decrypt", context)
    # Whom the key's policy names needs nothing else in the key's account, whom it admits by the account a policy too.
    named_there = key.account_id == account and key_policy.allows(key.policy, by_name, "kms:Decrypt", context)
    if admitted and "Deny" not in own and (own or named_there):
        return None
    return "AccessDeniedException: Access to KMS is not allowed"


def _key(named: str, region: str, account: str) -> Key | None:
    """The key in the region with this id, alias or ARN, if there is one."""
    if named.startswith("arn:"):
        _, _, _, there, account, named = named.split(":", 5)
        if there != region:
            return None
    keys = kms_backends[account][region].keys.values()
    return next((one for one in keys if named.removeprefix("key/") == one.id or named in one.aliases), None)


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def stream_of(container: dict[str, Any], task: str) -> str:
    """The log stream of a container with awslogs."""
    return f"{container['logConfiguration']['options'].get('awslogs-stream-prefix', '')}/{container['name']}/{task}"


def _no_log(container: dict[str, Any], execution_role: str, account: str) -> str | None:
    logging = container.get("logConfiguration", {})
    if logging.get("logDriver") != "awslogs":
        return None
    options = logging.get("options", {})
    region, group = options.get("awslogs-region", ""), options.get("awslogs-group", "")
    stream = stream_of(container, uuid4().hex)
    resource, problem = f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}", None
    if not may(execution_role, "logs:CreateLogStream", resource):
        problem = _refusal(execution_role, "logs:CreateLogStream", resource)
    elif group not in logs_backends[account][region].groups:
        problem = "ResourceNotFoundException: The specified log group does not exist."
    if problem is None:
        return None
    return (
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed "
        f"to create Cloudwatch log stream: {problem} : exit status 1"
    )


WRITTEN_BY_NGINX = {"/var/cache/nginx", "/var/run", "/tmp"}


def _exits(container: dict[str, Any]) -> str | None:
    writable = [mount for mount in container["mountPoints"] if not mount.get("readOnly")]
    mounted = {mount.get("containerPath", "").rstrip("/") for mount in writable}
    locked = "nginx" in container["image"] and container.get("readonlyRootFilesystem")
    return "Essential container in task exited" if locked and WRITTEN_BY_NGINX - mounted else None


SERVED_BY_NGINX = {"/", "/index.html", "/50x.html"}


def _unhealthy(service: Service, definition: TaskDefinition) -> str | None:
    images = {one["name"]: one["image"] for one in definition.container_definitions}
    for one in service.load_balancers or []:
        groups = elbv2_backends[service._account_id][service.region_name].target_groups
        group, port = groups.get(one["targetGroupArn"]), one["containerPort"]
        if group is None or "nginx" not in images.get(one["containerName"], ""):
            continue
        reason = None
        if port != 80:
            reason = "Health checks failed"
        elif group.health_check_path not in SERVED_BY_NGINX and not _counts("404", group.matcher.get("HttpCode", "200")):
            reason = "Health checks failed with these codes: [404]"
        if reason:
            return f"(port {port}) is unhealthy in (target-group {group.arn}) due to (reason {reason})."
    return None


def _counts(code: str, matcher: str) -> bool:
    """Whether an answer with this code is healthy: the matcher has codes and ranges of them."""
    ranges = [part.partition("-") for part in matcher.split(",")]
    return any(first <= code <= (last or first) for first, _, last in ranges)
