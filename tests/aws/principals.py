"""The roles and users that policies name: AWS resolves them when a policy is written, where who was just made is not known
everywhere yet, and shows who is gone by an id."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

import durations
import key_policy

ARN = re.compile(r"arn:aws:iam::(\d{12}):(role|user)/(?:.*/)?([^/]+)")
# What AWS writes in place of a role or user that was deleted (IAM User Guide, "AWS JSON policy elements: Principal").
UNIQUE_ID = re.compile(r"A(?:RO|ID)A\w+")


# As whom tests and controller act without having been made: the role that they assume, and the user of whoever assumes none.
ACTING = {("role", "platform"), ("user", "moto")}


def absent(statements: list[dict[str, Any]], known: Collection[str] = ()) -> str | None:
    """The first principal that is not there, or not for long enough, and is not among those known to be."""
    for statement in statements:
        principal = statement["Principal"]
        for name in key_policy.as_list(principal.get("AWS", [])) if isinstance(principal, dict) else []:
            if name not in known and not _is_there(str(name)):
                return name
    return None


def _is_there(name: str) -> bool:
    if UNIQUE_ID.fullmatch(name):
        return False
    found = ARN.fullmatch(name)
    if not found:
        return True
    account = iam_backends[found[1]]["aws"]
    there = account.roles.values() if found[2] == "role" else account.users.values()
    since = datetime.now(UTC) - timedelta(seconds=durations.of("principal-not-known"))
    known = [one.name for one in there if one.create_date.replace(tzinfo=UTC) <= since]
    return (found[2], found[3]) in ACTING or found[3] in known


def forget(arn: str, unique_id: str) -> None:
    """Puts the id in place of the ARN in the policies of all keys and buckets."""
    for regions in kms_backends.values():
        for backend in regions.values():
            for key in backend.keys.values():
                key.policy = key.policy.replace(f'"{arn}"', f'"{unique_id}"')
    for partitions in s3_backends.values():
        for backend in partitions.values():
            for bucket in backend.buckets.values():
                if bucket.policy:
                    bucket.policy = bucket.policy.replace(f'"{arn}"'.encode(), f'"{unique_id}"'.encode())
