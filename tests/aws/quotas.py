"""The quotas that Service Quotas reports and the strict rules enforce."""

from typing import Any

from moto.servicequotas.resources.default_quotas.vpc import VPC_DEFAULT_QUOTAS

ELASTIC_ADDRESSES = ("ec2", "L-0263D0A3")
VPCS = ("vpc", "L-F678F1CE")
INTERNET_GATEWAYS = ("vpc", "L-A4707A72")
NAT_GATEWAYS_PER_ZONE = ("vpc", "L-FE5A380F")
EVENT_SUBSCRIPTIONS = ("rds", "L-A59F4C87")
OPTION_GROUPS = ("rds", "L-9FA33840")

EC2_DEFAULT_QUOTAS = [
    {
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaCode": ELASTIC_ADDRESSES[1],
        "QuotaName": "EC2-VPC Elastic IPs",
        "ServiceCode": "ec2",
        "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
        "Unit": "None",
        "Value": 5.0,
    }
]
RDS_DEFAULT_QUOTAS = [
    {
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaCode": code,
        "QuotaName": name,
        "ServiceCode": service,
        "ServiceName": "Amazon Relational Database Service (Amazon RDS)",
        "Unit": "None",
        "Value": 20.0,
    }
    for (service, code), name in ((EVENT_SUBSCRIPTIONS, "Event subscriptions"), (OPTION_GROUPS, "Option groups"))
]
DEFAULTS = {
    (quota["ServiceCode"], quota["QuotaCode"]): quota
    for quota in [*VPC_DEFAULT_QUOTAS, *EC2_DEFAULT_QUOTAS, *RDS_DEFAULT_QUOTAS]
}

# (service, quota code, account or None, region or None) -> value, set through the control interface.
raised: dict[tuple[str, str, str | None, str | None], float] = {}


def value(quota: tuple[str, str], account: str, region: str) -> float:
    """The applied value: the most specific one that was set, or AWS's default."""
    for scope in ((account, region), (account, None), (None, region), (None, None)):
        if (*quota, *scope) in raised:
            return raised[*quota, *scope]
    return DEFAULTS[quota]["Value"]


def describe(quota: tuple[str, str], account: str, region: str, default: bool = False) -> dict[str, Any]:
    """The quota as Service Quotas returns it; AWS's defaults belong to no account."""
    service, code = quota
    owner = "" if default else account
    applied = DEFAULTS[quota]["Value"] if default else value(quota, account, region)
    return {
        **DEFAULTS[quota],
        "QuotaArn": f"arn:aws:servicequotas:{region}:{owner}:{service}/{code}",
        "Value": applied,
    }
