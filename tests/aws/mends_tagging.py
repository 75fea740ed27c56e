"""Where moto's Resource Groups Tagging API answers differently from AWS. Registered like the mends of mends.py."""

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.cloudwatch.models import CloudWatchBackend
from moto.core.resource_tagging import TaggedResource, make_tag_matcher, match_resource_type
from moto.elbv2.models import ELBv2Backend
from moto.logs.models import LogsBackend
from moto.rds.models import RDSBackend
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend
from moto.s3.models import S3Backend
from moto.wafv2.models import GLOBAL_REGION, wafv2_backends

import durations
from catalogue import around
from mends import mend

# moto's own, which is also the least that may be asked for.
DEFAULT_TAGS_PER_PAGE = 100


@mend("tagging-page-size", "the number of tags ends no page unless it is asked for")
def page_size() -> None:
    """AWS: ResourcesPerPage limits a page by itself, TagsPerPage where it is given (API Reference, GetResources). moto: takes
    TagsPerPage for 100 where it is not given, which is ten things with ten tags each. Goes when a page of 100 things
    with ten tags each has 100 of them."""

    @around(ResourceGroupsTaggingAPIBackend, "get_resources")
    def get_resources(original: Callable, backend: Any, **kwargs: Any) -> Any:
        if kwargs.get("tags_per_page") == DEFAULT_TAGS_PER_PAGE:
            kwargs["tags_per_page"] = 10**9
        return original(backend, **kwargs)


@mend("tagging-kinds", "GetResources knows all kinds of things that have tags")
def kinds() -> None:
    """AWS: GetResources supports all types of resources (API Reference, "Services that support the Resource Groups Tagging
    API"). moto: of RDS knows no groups and no event subscriptions, of CloudWatch Logs no deliveries, of CloudWatch no
    dashboards, of load balancers no listeners, of WAF and of Application Auto Scaling nothing. Goes when moto lists them."""

    @around(RDSBackend, "iter_tagged_resources")
    def of_rds(original: Callable, backend: Any) -> Iterator[TaggedResource]:
        yield from original(backend)
        more = {
            "rds:cluster-pg": backend.db_cluster_parameter_groups,
            "rds:es": backend.event_subscriptions,
            "rds:og": backend.option_groups,
            "rds:pg": backend.db_parameter_groups,
            "rds:subgrp": backend.subnet_groups,
        }
        for kind, things in more.items():
            for thing in things.values():
                yield TaggedResource(thing.arn, {tag["Key"]: tag["Value"] for tag in thing.get_tags()}, kind)

    @around(LogsBackend, "iter_tagged_resources")
    def of_logs(original: Callable, backend: Any) -> Iterator[TaggedResource]:
        yield from original(backend)
        more = {
            "logs:delivery": backend.deliveries,
            "logs:delivery-destination": backend.delivery_destinations,
            "logs:delivery-source": backend.delivery_sources,
        }
        for kind, things in more.items():
            for thing in things.values():
                yield TaggedResource(thing.arn, backend.tagger.get_tag_dict_for_resource(thing.arn), kind)

    @around(CloudWatchBackend, "iter_tagged_resources")
    def of_cloudwatch(original: Callable, backend: Any) -> Iterator[TaggedResource]:
        yield from original(backend)
        for name in backend.dashboards if backend.region_name == "us-east-1" else ():
            arn = f"arn:aws:cloudwatch::{backend.account_id}:dashboard/{name}"
            yield TaggedResource(arn, backend.tagger.get_tag_dict_for_resource(arn), "cloudwatch:dashboard")

    @around(ELBv2Backend, "iter_tagged_resources")
    def of_load_balancers(original: Callable, backend: Any) -> Iterator[TaggedResource]:
        yield from original(backend)
        for balancer in backend.load_balancers.values():
            for arn in balancer.listeners:
                tags = backend.tagging_service.get_tag_dict_for_resource(arn)
                yield TaggedResource(arn, tags, "elasticloadbalancing:listener")

    @around(ResourceGroupsTaggingAPIBackend, "_get_resources_generator")
    def with_others(
        original: Callable,
        backend: Any,
        tag_filters: list[dict[str, Any]] | None = None,
        resource_type_filters: list[str] | None = None,
        resource_arn_list: list[str] | None = None,
    ) -> Iterator[TaggedResource]:
        yield from original(backend, tag_filters, resource_type_filters, resource_arn_list)
        matches = make_tag_matcher(tag_filters)
        for kind, arn, tags in [*_web_acls(backend), *_scalable_targets(backend)]:
            wanted = match_resource_type(kind, resource_type_filters) and matches(tags)
            if tags and wanted and (not resource_arn_list or arn in resource_arn_list):
                yield TaggedResource(arn, tags, kind)


def _web_acls(backend: Any) -> Iterator[tuple[str, str, dict[str, str]]]:
    places = [backend.region_name] + ([GLOBAL_REGION] if backend.region_name == "us-east-1" else [])
    for waf in [wafv2_backends[backend.account_id][place] for place in places]:
        for arn in waf.wacls:
            yield "wafv2:webacl", arn, waf.tagging_service.get_tag_dict_for_resource(arn)


def _scalable_targets(backend: Any) -> Iterator[tuple[str, str, dict[str, str]]]:
    scaling = applicationautoscaling_backends[backend.account_id][backend.region_name]
    for targets in scaling.targets.values():
        for target in targets.values():
            yield "application-autoscaling:scalable-target", target.arn, target.tags


@mend("tagging-regions", "a region has the buckets that are in it, and us-east-1 what has no region")
def regions() -> None:
    """AWS: GetResources answers what is in the region that it is called in, and things of CloudFront in us-east-1 (API
    Reference). moto: shows all buckets and distributions in every region. Goes when those of another region are missing."""

    @around(ResourceGroupsTaggingAPIBackend, "_get_resources_generator")
    def in_region(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Iterator[TaggedResource]:
        for thing in original(backend, *args, **kwargs):
            service = thing.resource_type.split(":")[0]
            region = {"s3": thing.extra.get("region"), "cloudfront": "us-east-1"}.get(service, backend.region_name)
            if region == backend.region_name:
                yield thing

    @around(S3Backend, "iter_tagged_resources")
    def with_region(original: Callable, backend: Any) -> Iterator[TaggedResource]:
        for thing in original(backend):
            name = thing.arn.rsplit(":", 1)[-1]
            thing.extra["region"] = backend.buckets[name].region_name
            yield thing


@mend("tagging-lag", "GetResources follows changes after a while")
def lag() -> None:
    """AWS: tags and deletions of things show some time later (aws-cli issue 4173, aws-sdk issue 676). moto: at once. Here: what
    was there at a call so long ago, and nothing when there was none. Stays."""
    history: dict[tuple[Any, ...], list[tuple[float, list[TaggedResource]]]] = {}

    @around(ResourceGroupsTaggingAPIBackend, "_get_resources_generator")
    def late(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> Iterator[TaggedResource]:
        now = time.time()
        things = copy.deepcopy(list(original(backend, *args, **kwargs)))
        key = (backend.account_id, backend.region_name, repr(args), repr(sorted(kwargs.items())))
        seen = history.setdefault(key, [])
        seen.append((now, things))
        old = [at for at, _ in seen if at <= now - durations.of("tag-index-lagging")]
        # What is older than the newest that is old enough is never shown again.
        seen[:] = [one for one in seen if not old or one[0] >= old[-1]]
        return iter(seen[0][1] if old else [])
