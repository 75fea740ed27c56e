"""Checks of the emulator's Resource Groups Tagging API with plain boto3."""

import time
from typing import Any

import durations
from check_cloudfront import config, in_virginia
from checks import CONFIG, REGION, SESSION, Aws, check, same

OWNER = "example.com/owner"
LAG = max(durations.LEAST["tag-index-lagging"], 0.1) + 0.1


def listed(aws: Aws, services: list[str], page: int = 100, index: Any = None) -> dict[str, dict[str, str]]:
    """What the index says once it is as late as it may be."""
    index, everything = index or aws.resourcegroupstaggingapi, {}
    for _ in range(2):
        request: dict[str, Any] = {"TagFilters": [{"Key": OWNER}], "ResourceTypeFilters": services}
        request["ResourcesPerPage"] = page
        answers = [index.get_resources(**request)]
        while token := answers[-1].get("PaginationToken"):
            answers.append(index.get_resources(**request, PaginationToken=token))
        things = [thing for answer in answers for thing in answer["ResourceTagMappingList"]]
        everything = {one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in things}
        time.sleep(LAG)
    return everything


def tags(aws: Aws, value: str = "a") -> list[dict[str, str]]:
    return [{"Key": OWNER, "Value": value}]


@check
def index_knows_groups_of_rds(aws: Aws) -> None:
    group = aws.rds.create_db_parameter_group(
        DBParameterGroupName="p", DBParameterGroupFamily="mysql8.0", Description="d", Tags=tags(aws)
    )["DBParameterGroup"]
    same(listed(aws, ["rds"]), {group["DBParameterGroupArn"]: {OWNER: "a"}})


@check
def index_knows_web_acls(aws: Aws) -> None:
    metric = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
    acl = aws.wafv2.create_web_acl(
        Name="w", Scope="REGIONAL", DefaultAction={"Allow": {}}, Rules=[], VisibilityConfig=metric, Tags=tags(aws)
    )["Summary"]
    same(listed(aws, ["wafv2"]), {acl["ARN"]: {OWNER: "a"}})
    same(listed(aws, ["logs"]), {})


@check
def index_has_buckets_of_its_region_only(aws: Aws) -> None:
    here, elsewhere = f"here-{aws.account}", f"elsewhere-{aws.account}"
    for name, region in ((here, REGION), (elsewhere, "eu-central-1")):
        s3 = SESSION.client("s3", region, endpoint_url=aws.endpoint, config=CONFIG, **aws._credentials)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags(aws)})
    same(list(listed(aws, ["s3"])), [f"arn:aws:s3:::{here}"])


@check
def index_has_distributions_in_virginia_only(aws: Aws) -> None:
    tagged = {"DistributionConfig": config(), "Tags": {"Items": tags(aws)}}
    made = aws.cloudfront.create_distribution_with_tags(DistributionConfigWithTags=tagged)["Distribution"]
    virginia = in_virginia(aws, "resourcegroupstaggingapi")
    same(listed(aws, ["cloudfront"], index=virginia), {made["ARN"]: {OWNER: "a"}})
    same(listed(aws, ["cloudfront"]), {})


@check
def index_ends_a_page_by_things_and_not_by_tags(aws: Aws) -> None:
    for number in range(12):
        aws.sns.create_topic(Name=f"t{number}", Tags=tags(aws) + [{"Key": str(n), "Value": ""} for n in range(10)])
    same(len(listed(aws, ["sns"])), 12)
    same(len(aws.calls("GetResources")), 2)
    same(len(listed(aws, ["sns"], page=10)), 12)


@check
def index_follows_later(aws: Aws) -> None:
    topic = aws.sns.create_topic(Name="t", Tags=tags(aws, "before"))["TopicArn"]
    request: dict[str, Any] = {"TagFilters": [{"Key": OWNER}], "ResourceTypeFilters": ["sns"]}
    same(aws.resourcegroupstaggingapi.get_resources(**request)["ResourceTagMappingList"], [])
    same(listed(aws, ["sns"])[topic], {OWNER: "before"})
    aws.sns.tag_resource(ResourceArn=topic, Tags=tags(aws, "after"))
    seen = aws.resourcegroupstaggingapi.get_resources(**request)["ResourceTagMappingList"]
    same(seen[0]["Tags"], tags(aws, "before"))
    same(listed(aws, ["sns"])[topic], {OWNER: "after"})
