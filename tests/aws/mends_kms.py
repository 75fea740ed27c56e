"""Where moto's KMS answers differently from AWS. Registered like the mends of mends.py."""

import copy
import functools
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.utils import unix_time, utcnow
from moto.kms import models as kms_models
from moto.kms import responses as kms_responses
from moto.kms.models import Alias, Grant, Key, KmsBackend
from moto.kms.policy_validator import validate_policy
from moto.kms.responses import KmsResponse

from catalogue import around
from mends import mend, page


class NoPrivateKey:
    """Stands in for the private key of a symmetric key, which has none."""

    def __getattr__(self, name: str) -> Any:
        raise JsonRESTError("UnsupportedOperationException", "The operation is not supported for symmetric keys.")


@mend("kms-symmetric-keys", "symmetric keys have no private key")
def symmetric_keys() -> None:
    """AWS: GetPublicKey of a symmetric key is UnsupportedOperationException (API Reference). moto: generates an
    RSA key for every key, which takes some 100 ms and is never used for symmetric ones. Goes when CreateKey of
    a symmetric key is fast."""
    generate = kms_models.generate_private_key

    def generate_private_key(key_spec: str) -> Any:
        symmetric = key_spec == "SYMMETRIC_DEFAULT" or key_spec.startswith("HMAC")
        return NoPrivateKey() if symmetric else generate(key_spec)

    kms_models.generate_private_key = generate_private_key


@mend("kms-key-defaults", "KeyUsage and MultiRegion have defaults")
def key_defaults() -> None:
    """AWS: KeyUsage is ENCRYPT_DECRYPT and MultiRegion false unless given (API Reference, CreateKey). moto:
    null. Goes when DescribeKey returns the defaults."""

    @around(Key, "__init__")
    def init(
        original: Callable,
        key: Any,
        policy: str | None,
        key_usage: str | None,
        key_spec: str,
        description: str,
        account_id: str,
        region: str,
        multi_region: bool | None = False,
        origin: str = "AWS_KMS",
    ) -> None:
        usage = key_usage or "ENCRYPT_DECRYPT"
        original(key, policy, usage, key_spec, description, account_id, region, bool(multi_region), origin)


@mend("kms-key-arns", "keys can be enabled, disabled and deleted by ARN")
def key_arns() -> None:
    """AWS: KeyId is a key id or a key ARN (API Reference of EnableKey, DisableKey, CancelKeyDeletion,
    ScheduleKeyDeletion). moto: an internal error for an ARN. Goes when moto resolves it."""
    for name in ("enable_key", "disable_key", "cancel_key_deletion", "schedule_key_deletion"):

        @around(KmsBackend, name)
        def by_id(original: Callable, backend: Any, key_id: str, *args: Any) -> Any:
            return original(backend, backend.get_key_id(key_id), *args)


def _key(response: Any) -> Key:
    key_id = response._get_param("KeyId")
    response._validate_cmk_id(key_id)
    return response.kms_backend.keys[response.kms_backend.get_key_id(key_id)]


@mend("kms-key-deletion", "scheduling and cancelling a deletion answer with ARN, state and window")
def key_deletion() -> None:
    """AWS: ScheduleKeyDeletion returns the key's ARN, DeletionDate, KeyState and PendingWindowInDays;
    CancelKeyDeletion returns the ARN (API Reference). moto: returns KeyId as it was sent, and neither state nor
    window. Goes when it does."""

    @around(KmsResponse, "schedule_key_deletion")
    def schedule(original: Callable, response: Any) -> str:
        key = _key(response)
        return json.dumps(
            {
                **json.loads(original(response)),
                "KeyId": key.arn,
                "KeyState": key.key_state,
                "PendingWindowInDays": response._get_param("PendingWindowInDays", 30),
            }
        )

    @around(KmsResponse, "cancel_key_deletion")
    def cancel(original: Callable, response: Any) -> str:
        original(response)
        return json.dumps({"KeyId": _key(response).arn})


@mend("kms-rotation-period", "rotation has a period and a next date, and rests while a deletion is pending")
def rotation_period() -> None:
    """AWS: EnableKeyRotation takes RotationPeriodInDays (90 to 2560, 365 by default); GetKeyRotationStatus
    returns KeyId, period and NextRotationDate while enabled; the status is false while the key's deletion is
    pending and returns when that is cancelled (API Reference of both). moto: knows on and off only. Goes when
    GetKeyRotationStatus returns the period."""
    Key.rotation_period = 365

    @around(KmsResponse, "enable_key_rotation")
    def enable(original: Callable, response: Any) -> str:
        key = _key(response)
        key.rotation_period = response._get_param("RotationPeriodInDays", 365)
        key.next_rotation = unix_time(utcnow() + timedelta(days=key.rotation_period))
        return original(response)

    @around(KmsResponse, "get_key_rotation_status")
    def status(_: Callable, response: Any) -> str:
        key = _key(response)
        enabled = key.key_rotation_status and key.key_state != "PendingDeletion"
        answer: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": enabled}
        if enabled:
            answer |= {"RotationPeriodInDays": key.rotation_period, "NextRotationDate": key.next_rotation}
        return json.dumps(answer)


@mend("kms-alias-dates", "aliases tell when they were made and changed")
def alias_dates() -> None:
    """AWS: CreationDate and LastUpdatedDate (API Reference, AliasListEntry). moto: neither. Goes when
    ListAliases returns them."""

    @around(Alias, "__init__")
    def init(original: Callable, alias: Any, *args: Any, **kwargs: Any) -> None:
        original(alias, *args, **kwargs)
        alias.created = alias.updated = unix_time()

    @around(KmsBackend, "update_alias")
    def update(original: Callable, backend: Any, target_key_id: str, alias_name: str) -> Any:
        alias = original(backend, target_key_id, alias_name)
        alias.updated = unix_time()
        return alias

    @around(KmsResponse, "list_aliases")
    def list_aliases(original: Callable, response: Any) -> str:
        answer = json.loads(original(response))
        made = {alias.alias_name: alias for alias in response.kms_backend.list_aliases()}
        for entry in answer["Aliases"]:
            if alias := made.get(entry["AliasName"]):
                entry |= {"CreationDate": alias.created, "LastUpdatedDate": alias.updated}
        return json.dumps(answer)


@mend("kms-paging", "Limit, Marker and NextMarker of lists")
def kms_paging() -> None:
    """AWS: ListAliases and ListResourceTags return 50 entries by default, ListKeys 100, and NextMarker for the
    rest (API Reference). moto: ignores Limit and Marker. Goes when moto pages them."""
    for name, entries, default in (
        ("list_aliases", "Aliases", 50),
        ("list_resource_tags", "Tags", 50),
        ("list_keys", "Keys", 100),
    ):
        around(KmsResponse, name)(functools.partial(_paged_list, entries, default))


def _paged_list(entries: str, default: int, original: Callable, response: Any) -> str:
    marker, limit = response._get_param("Marker"), response._get_param("Limit") or default
    items, rest = page(json.loads(original(response))[entries], marker, limit)
    answer = {entries: items, "Truncated": rest is not None}
    if rest:
        answer["NextMarker"] = rest
    return json.dumps(answer)


@mend("kms-policy-name", "GetKeyPolicy names the policy")
def policy_name() -> None:
    """AWS: returns PolicyName (API Reference, GetKeyPolicy). moto: does not. Goes when it does."""

    @around(KmsResponse, "get_key_policy")
    def get_key_policy(original: Callable, response: Any) -> str:
        return json.dumps({**json.loads(original(response)), "PolicyName": "default"})


@mend("kms-conditional-deny", "a Deny with conditions does not deny everybody")
def conditional_deny() -> None:
    """AWS: a statement applies to its principals and under its conditions only (KMS Developer Guide, "Key
    policies"). moto: refuses DescribeKey to everybody as soon as any statement denies it. Only unconditional
    denials of everybody are left to moto. Goes when moto evaluates Principal and Condition."""

    def applicable(key: Any, action: str) -> None:
        try:
            statements = json.loads(key.policy)["Statement"]
        except (ValueError, KeyError, TypeError):
            return
        plain = [s for s in statements if not s.get("Condition") and s.get("Principal") in ("*", {"AWS": "*"})]
        stripped = copy.copy(key)
        stripped.policy = json.dumps({"Statement": plain})
        validate_policy(stripped, action)

    kms_responses.validate_policy = applicable


@mend("kms-grants", "who issued a grant and when; grantees that are services; paging")
def grants() -> None:
    """AWS: a grant has IssuingAccount and CreationDate, no RetiringPrincipal, Name or Constraints unless given, and KeyId
    is the key's ARN; ListGrants returns 50 entries by default and NextMarker for the rest (API Reference, ListGrants).
    moto: returns KeyId as it was sent, nulls, and all entries. Goes when it does as AWS."""

    @around(Grant, "to_json")
    def to_json(original: Callable, grant: Any) -> dict[str, Any]:
        return {name: value for name, value in original(grant).items() if value is not None}

    @around(KmsResponse, "list_grants")
    def list_grants(original: Callable, response: Any) -> str:
        key = _key(response)
        entries = json.loads(original(response))["Grants"]
        limit = response._get_param("Limit") or 50
        some, rest = page([{**one, "KeyId": key.arn} for one in entries], response._get_param("Marker"), limit)
        for one in some:
            one.update(IssuingAccount=f"arn:aws:iam::{response.current_account}:root", CreationDate=unix_time())
        return json.dumps({"Grants": some, "Truncated": rest is not None, **({"NextMarker": rest} if rest else {})})
