"""What the checks of the emulator are written with."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-west-1"
ACCOUNT = "123456789012"
SESSION = boto3.Session(region_name=REGION)
# The emulator is to refuse what is wrong, not the client; it shows what is there now, see lag.py.
CONFIG = Config(
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
    parameter_validation=False,
    user_agent_appid="payment-platform-tests",
)
# Somebody else: what he reads may be from before the last write.
OTHERS = CONFIG.merge(Config(user_agent_appid="somebody"))
CHECKS: list[Callable[["Aws"], None]] = []


def check(function: Callable[["Aws"], None]) -> Callable[["Aws"], None]:
    CHECKS.append(function)
    return function


class Aws:
    """Clients of one account in one region; every check gets an account of its own."""

    def __init__(self, endpoint: str, log: Path, account: str | None = None):
        self.endpoint = endpoint
        self.log = log
        self.account = account or ACCOUNT
        self._credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        if account:
            role = f"arn:aws:iam::{account}:role/provisioner"
            session = self.client("sts").assume_role(RoleArn=role, RoleSessionName="check")["Credentials"]
            self._credentials = {
                "aws_access_key_id": session["AccessKeyId"],
                "aws_secret_access_key": session["SecretAccessKey"],
                "aws_session_token": session["SessionToken"],
            }

    def client(self, service: str, config: Config = CONFIG) -> Any:
        return SESSION.client(service, endpoint_url=self.endpoint, config=config, **self._credentials)

    def __getattr__(self, service: str) -> Any:
        client = self.client(service.replace("_", "-"))
        setattr(self, service, client)
        return client

    def control(self, method: str, kind: str, value: Any = None) -> Any:
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self.endpoint}/_emulator/{kind}", body, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def calls(self, operation: str) -> list[dict[str, Any]]:
        records = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [r for r in records if r["operation"] == operation and r["account"] == self.account]


@contextmanager
def refused(code: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, f"{code} expected, got {error}"
    else:
        raise AssertionError(f"{code} expected, nothing refused")


def once_linked(create: Callable[[], Any]) -> Any:
    """Calls again while a service-linked role, which the account's first such call brings, cannot be assumed yet."""
    deadline = time.time() + 5
    while True:
        try:
            return create()
        except ClientError as error:
            text = error.response["Error"]["Message"]
            known = "service linked role" in text or "Unable to assume IAM role" in text
            if not known or time.time() > deadline:
                raise
        time.sleep(0.05)


def same(actual: Any, expected: Any) -> None:
    assert actual == expected, f"{expected!r} expected, got {actual!r}"


def has(actual: dict[str, Any], **expected: Any) -> None:
    same({key: actual.get(key) for key in expected}, expected)


def tags(**pairs: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def tagged(kind: str, **pairs: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tags(**pairs)}]


def by(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


def sorted_tags(resource: dict[str, Any]) -> list[dict[str, str]]:
    return sorted(resource["Tags"], key=lambda tag: tag["Key"])


def until(state: str, read: Callable[[], str]) -> None:
    deadline = time.time() + 5
    while read() != state:
        assert time.time() < deadline, f"still {read()}, not {state}"
        time.sleep(0.05)


def found_by_tags(describe: Callable[..., dict[str, Any]], result: str, id_key: str, id_value: str) -> None:
    """The four forms of tag filter, each of which has to find just the resource that is tagged Name=mine."""
    for filters in (
        by("tag:Name", "mine"),
        by("tag:Name", "other", "mi*"),
        by("tag-key", "Name"),
        by("tag-key", "absent", "Name"),
        by("tag:Name", "mine") + by("tag-key", "Name"),
    ):
        same([item[id_key] for item in describe(Filters=filters)[result]], [id_value])
    for filters in (by("tag:Name", "other"), by("tag-key", "absent"), by("tag:absent", "mine")):
        same(describe(Filters=filters)[result], [])


def network(aws: Aws, internet: bool = True) -> tuple[str, str]:
    """A VPC with a subnet and, if wanted, an internet gateway."""
    vpc = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zone = f"{REGION}a"
    subnet = aws.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
    if internet:
        gateway = aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        aws.ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    return vpc, subnet
