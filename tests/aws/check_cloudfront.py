"""Checks of the emulator's CloudFront with plain boto3: what was mended, and what is refused."""

import copy
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import boto3

import durations
from checks import CONFIG, Aws, check, has, refused, same, until
from check_s3 import bucket, put_policy, statement

OPTIMIZED, DISABLED = "658327ea-f89d-4fab-a63d-7e88639e58f6", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
SECURITY = "67f7725c-6f97-4210-82d7-5512b31e9d03"
NONE = {"Quantity": 0}


def counted(*items: Any) -> dict[str, Any]:
    return {"Quantity": len(items), "Items": list(items)}


def control_config(name: str = "control", **more: str) -> dict[str, str]:
    kind = {"SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}
    return {"Name": name, **kind, **more}


def control(aws: Aws, name: str = "control") -> str:
    made = aws.cloudfront.create_origin_access_control(OriginAccessControlConfig=control_config(name))
    return made["OriginAccessControl"]["Id"]


def identity(aws: Aws, reference: str = "identity", comment: str = "") -> str:
    config = {"CallerReference": reference, "Comment": comment}
    made = aws.cloudfront.create_cloud_front_origin_access_identity(CloudFrontOriginAccessIdentityConfig=config)
    return made["CloudFrontOriginAccessIdentity"]["Id"]


def headers_config(name: str = "headers", **more: Any) -> dict[str, Any]:
    transport = {"Override": True, "IncludeSubdomains": True, "Preload": False, "AccessControlMaxAgeSec": 63072000}
    security = {
        "StrictTransportSecurity": transport,
        "ContentTypeOptions": {"Override": True},
        "FrameOptions": {"Override": True, "FrameOption": "DENY"},
        "ReferrerPolicy": {"Override": True, "ReferrerPolicy": "same-origin"},
        "ContentSecurityPolicy": {"Override": True, "ContentSecurityPolicy": "default-src 'self'; img-src \"x\" <&>"},
    }
    return {"Name": name, "Comment": "", "SecurityHeadersConfig": security, **more}


def headers(aws: Aws, name: str = "headers") -> str:
    made = aws.cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=headers_config(name))
    return made["ResponseHeadersPolicy"]["Id"]


def origin(**more: Any) -> dict[str, Any]:
    s3 = {"OriginAccessIdentity": ""}
    return {"Id": "s3", "DomainName": "static.s3.eu-west-1.amazonaws.com", "S3OriginConfig": s3, **more}


def behavior(**more: Any) -> dict[str, Any]:
    policy = {"ViewerProtocolPolicy": "redirect-to-https", "CachePolicyId": OPTIMIZED}
    return {"TargetOriginId": "s3", **policy, **more}


def config(reference: str = "reference", **more: Any) -> dict[str, Any]:
    parts = {"Origins": counted(origin()), "DefaultCacheBehavior": behavior()}
    return {"CallerReference": reference, "Comment": "assets", "Enabled": False, **parts, **more}


def distribution(aws: Aws, reference: str = "reference", **more: Any) -> str:
    return aws.cloudfront.create_distribution(DistributionConfig=config(reference, **more))["Distribution"]["Id"]


def read(aws: Aws, id: str) -> dict[str, Any]:
    return aws.cloudfront.get_distribution_config(Id=id)["DistributionConfig"]


def update(aws: Aws, id: str, **more: Any) -> dict[str, Any]:
    """The whole configuration as it is, with some members changed, as an update has to be."""
    present = aws.cloudfront.get_distribution_config(Id=id)
    wanted = {**present["DistributionConfig"], **more}
    return aws.cloudfront.update_distribution(Id=id, IfMatch=present["ETag"], DistributionConfig=wanted)


def deployed(aws: Aws, id: str) -> None:
    until("Deployed", lambda: aws.cloudfront.get_distribution(Id=id)["Distribution"]["Status"])


def in_virginia(aws: Aws, service: str) -> Any:
    """What CloudFront uses of other services is there."""
    session = boto3.Session(region_name="us-east-1")
    return session.client(service, endpoint_url=aws.endpoint, config=CONFIG, **aws._credentials)


def certificate(aws: Aws, *names: str) -> str:
    more = {"SubjectAlternativeNames": list(names[1:])} if names[1:] else {}
    return in_virginia(aws, "acm").request_certificate(DomainName=names[0], **more)["CertificateArn"]


def own(arn: str, **more: str) -> dict[str, Any]:
    modern = {"SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"}
    return {"ViewerCertificate": {"ACMCertificateArn": arn, **modern, **more}}


def refuse_writes(aws: Aws, code: str, id: str, **wrong: Any) -> None:
    """Neither a new distribution nor an update of this one may have that."""
    with refused(code):
        distribution(aws, "refused", **wrong)
    with refused(code):
        update(aws, id, **wrong)


# --- Access controls, access identities and policies ---------------------------------------------


Call = Callable[..., Any]


def versions(read: Call, update: Call, delete: Call, id: str, absent: str) -> None:
    """Updates and deletions name the present version, which updates change, and what is gone is gone."""
    first = read(Id=id)["ETag"]
    for refuse in (update, delete):
        with refused("InvalidIfMatchVersion"):
            refuse(Id=id)
        with refused("PreconditionFailed"):
            refuse(Id=id, IfMatch="E0000000000000")
    second = update(Id=id, IfMatch=first)["ETag"]
    same((second != first, read(Id=id)["ETag"]), (True, second))
    for refuse in (update, delete):
        with refused("PreconditionFailed"):
            refuse(Id=id, IfMatch=first)
    delete(Id=id, IfMatch=second)
    for refuse in (read, lambda Id: update(Id=Id, IfMatch=second), lambda Id: delete(Id=Id, IfMatch=second)):
        with refused(absent):
            refuse(Id=id)


@check
def an_origin_access_control_is_kept_and_changed(aws: Aws) -> None:
    cloudfront, id = aws.cloudfront, control(aws)
    whole = {**control_config(), "Description": ""}
    found = cloudfront.get_origin_access_control(Id=id)["OriginAccessControl"]
    same(found, {"Id": id, "OriginAccessControlConfig": whole})
    same(cloudfront.get_origin_access_control_config(Id=id)["OriginAccessControlConfig"], whole)
    same(cloudfront.list_origin_access_controls()["OriginAccessControlList"]["Items"], [{"Id": id, **whole}])
    with refused("OriginAccessControlAlreadyExists"):
        control(aws)
    other, changed = control(aws, "other"), control_config(Description="changed", SigningBehavior="never")

    def change(**named: Any) -> Any:
        return cloudfront.update_origin_access_control(OriginAccessControlConfig=changed, **named)

    etag = cloudfront.get_origin_access_control(Id=other)["ETag"]
    with refused("OriginAccessControlAlreadyExists"):
        change(Id=other, IfMatch=etag)
    change(Id=id, IfMatch=cloudfront.get_origin_access_control(Id=id)["ETag"])
    same(cloudfront.get_origin_access_control_config(Id=id)["OriginAccessControlConfig"], changed)
    gone = "NoSuchOriginAccessControl"
    versions(cloudfront.get_origin_access_control, change, cloudfront.delete_origin_access_control, id, gone)
    for wrong in ({"Name": "n" * 65}, {"Description": "d" * 257}):
        with refused("InvalidArgument"):
            cloudfront.create_origin_access_control(OriginAccessControlConfig=control_config(**wrong))
    for wrong in ({"SigningProtocol": "sigv5"}, {"SigningBehavior": None}):
        with refused("MalformedXML"):
            sent = {key: value for key, value in {**control_config("wrong"), **wrong}.items() if value}
            cloudfront.create_origin_access_control(OriginAccessControlConfig=sent)


@check
def an_origin_access_identity_is_kept_and_changed(aws: Aws) -> None:
    cloudfront, id = aws.cloudfront, identity(aws, comment="first")
    same(identity(aws, comment="first"), id)
    with refused("CloudFrontOriginAccessIdentityAlreadyExists"):
        identity(aws, comment="second")
    found = cloudfront.get_cloud_front_origin_access_identity(Id=id)["CloudFrontOriginAccessIdentity"]
    canonical = found["S3CanonicalUserId"]
    whole = {"CallerReference": "identity", "Comment": "first"}
    same(found, {"Id": id, "S3CanonicalUserId": canonical, "CloudFrontOriginAccessIdentityConfig": whole})
    same(len(canonical), 64)
    kept = cloudfront.get_cloud_front_origin_access_identity_config(Id=id)
    same(kept["CloudFrontOriginAccessIdentityConfig"], whole)
    listed = cloudfront.list_cloud_front_origin_access_identities()["CloudFrontOriginAccessIdentityList"]
    same(listed["Items"], [{"Id": id, "S3CanonicalUserId": canonical, "Comment": "first"}])

    def change(comment: str = "second", reference: str = "identity", **named: Any) -> Any:
        wanted = {"CallerReference": reference, "Comment": comment}
        named["CloudFrontOriginAccessIdentityConfig"] = wanted
        return cloudfront.update_cloud_front_origin_access_identity(**named)

    with refused("IllegalUpdate"):
        change(reference="other", Id=id, IfMatch=kept["ETag"])
    with refused("InvalidArgument"):
        change(comment="c" * 129, Id=id, IfMatch=kept["ETag"])
    name = bucket(aws, "identified")
    principal = {"AWS": f"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {id}"}
    fresh = {"AWS": principal["AWS"].replace(id, identity(aws, reference="another"))}
    with refused("MalformedPolicy"):
        put_policy(aws, name, statement(name, "Read", "Allow", fresh, ["s3:GetObject"]))
    time.sleep(durations.LEAST["identity-not-known"] + 0.05)
    for known in (fresh, principal):
        put_policy(aws, name, statement(name, "Read", "Allow", known, ["s3:GetObject"]))
    versions(
        cloudfront.get_cloud_front_origin_access_identity,
        change,
        cloudfront.delete_cloud_front_origin_access_identity,
        id,
        "NoSuchCloudFrontOriginAccessIdentity",
    )
    with refused("MalformedPolicy"):
        put_policy(aws, name, statement(name, "Read", "Allow", principal, ["s3:GetObject"]))


@check
def a_response_headers_policy_is_kept_and_changed(aws: Aws) -> None:
    cloudfront, id = aws.cloudfront, headers(aws)
    same(cloudfront.get_response_headers_policy_config(Id=id)["ResponseHeadersPolicyConfig"], headers_config())
    found = cloudfront.get_response_headers_policy(Id=id)["ResponseHeadersPolicy"]
    has(found, Id=id, ResponseHeadersPolicyConfig=headers_config())
    listed = cloudfront.list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"]
    same(listed["Items"], [{"Type": "custom", "ResponseHeadersPolicy": found}])
    managed = cloudfront.list_response_headers_policies(Type="managed")["ResponseHeadersPolicyList"]["Items"]
    same({one["Type"] for one in managed}, {"managed"})
    same(SECURITY in [one["ResponseHeadersPolicy"]["Id"] for one in managed], True)
    every = cloudfront.list_response_headers_policies()["ResponseHeadersPolicyList"]
    same(every["Quantity"], len(managed) + 1)
    for name in ("headers", "Managed-SecurityHeadersPolicy"):
        with refused("ResponseHeadersPolicyAlreadyExists"):
            headers(aws, name)
    custom = counted({"Header": "x-a", "Value": "1", "Override": False})
    changed = {"Name": "headers", "Comment": "changed", "CustomHeadersConfig": custom}

    def change(**named: Any) -> Any:
        return cloudfront.update_response_headers_policy(ResponseHeadersPolicyConfig=changed, **named)

    change(Id=id, IfMatch=cloudfront.get_response_headers_policy(Id=id)["ETag"])
    same(cloudfront.get_response_headers_policy_config(Id=id)["ResponseHeadersPolicyConfig"], changed)
    gone = "NoSuchResponseHeadersPolicy"
    versions(cloudfront.get_response_headers_policy, change, cloudfront.delete_response_headers_policy, id, gone)


@check
def response_headers_policies_that_cannot_be(aws: Aws) -> None:
    def csp(length: int) -> dict[str, Any]:
        value = {"Override": True, "ContentSecurityPolicy": "x" * length}
        return {"SecurityHeadersConfig": {"ContentSecurityPolicy": value}}

    header = {"Header": "x", "Value": "1", "Override": False}
    for code, wrong in (
        ("InvalidArgument", {"Name": "n" * 129}),
        ("InvalidArgument", {"Comment": "c" * 129}),
        ("TooLongCSPInResponseHeadersPolicy", csp(1784)),
        ("TooManyCustomHeadersInResponseHeadersPolicy", {"CustomHeadersConfig": counted(*[header] * 11)}),
        ("InconsistentQuantities", {"CustomHeadersConfig": {"Quantity": 2, "Items": [header]}}),
        ("MalformedXML", {"SecurityHeadersConfig": {"FrameOptions": {"Override": True, "FrameOption": "ALLOW"}}}),
        ("MalformedXML", {"SecurityHeadersConfig": {"FrameOptions": {"Override": True}}}),
    ):
        with refused(code):
            aws.cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=headers_config(**wrong))
    aws.cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=headers_config(**csp(1783)))


@check
def policies_of_aws_are_in_every_account(aws: Aws) -> None:
    cloudfront = aws.cloudfront
    for id, name, most in ((OPTIMIZED, "Managed-CachingOptimized", 31536000), (DISABLED, "Managed-CachingDisabled", 0)):
        has(cloudfront.get_cache_policy(Id=id)["CachePolicy"]["CachePolicyConfig"], Name=name, MaxTTL=most)
    found = cloudfront.get_response_headers_policy(Id=SECURITY)
    kept = found["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
    same(kept["Name"], "Managed-SecurityHeadersPolicy")
    with refused("IllegalUpdate"):
        cloudfront.update_response_headers_policy(Id=SECURITY, IfMatch=found["ETag"], ResponseHeadersPolicyConfig=kept)
    with refused("IllegalDelete"):
        cloudfront.delete_response_headers_policy(Id=SECURITY, IfMatch=found["ETag"])
    made = cloudfront.create_cache_policy(CachePolicyConfig={"Name": "mine", "MinTTL": 1})
    mine = cloudfront.list_cache_policies(Type="custom")["CachePolicyList"]["Items"]
    same([one["CachePolicy"]["Id"] for one in mine], [made["CachePolicy"]["Id"]])
    cloudfront.delete_cache_policy(Id=made["CachePolicy"]["Id"], IfMatch=made["ETag"])


# --- Distributions -------------------------------------------------------------------------------


@check
def a_distribution_has_the_defaults_of_aws(aws: Aws) -> None:
    made = aws.cloudfront.create_distribution(DistributionConfig=config())
    found = made["Distribution"]
    id, whole = found["Id"], found["DistributionConfig"]
    has(found, ARN=f"arn:aws:cloudfront::{aws.account}:distribution/{id}", InProgressInvalidationBatches=0)
    same((id[0], len(id), found["DomainName"].endswith(".cloudfront.net")), ("E", 14, True))
    for signers in ("ActiveTrustedSigners", "ActiveTrustedKeyGroups"):
        same(found[signers], {"Enabled": False, "Quantity": 0})
    (only,), default = whole["Origins"]["Items"], whole["DefaultCacheBehavior"]
    has(whole, Comment="assets", Enabled=False, PriceClass="PriceClass_All", HttpVersion="http2", IsIPV6Enabled=True)
    has(whole, DefaultRootObject="", WebACLId="", Staging=False, ContinuousDeploymentPolicyId="", Aliases=NONE)
    has(whole, CacheBehaviors=NONE, CustomErrorResponses=NONE, OriginGroups=NONE)
    has(whole, Logging={"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""})
    has(whole, Restrictions={"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}})
    theirs = {"CloudFrontDefaultCertificate": True, "SSLSupportMethod": "vip"}
    same(whole["ViewerCertificate"], {**theirs, "MinimumProtocolVersion": "TLSv1", "CertificateSource": "cloudfront"})
    has(only, S3OriginConfig={"OriginAccessIdentity": "", "OriginReadTimeout": 30}, OriginAccessControlId="")
    has(only, CustomHeaders=NONE, ConnectionAttempts=3, ConnectionTimeout=10, OriginShield={"Enabled": False})
    has(only, OriginPath="")
    two = counted("HEAD", "GET")
    has(default, AllowedMethods={**two, "CachedMethods": two}, Compress=False, SmoothStreaming=False)
    has(default, FunctionAssociations=NONE, LambdaFunctionAssociations=NONE, FieldLevelEncryptionId="")
    has(default, GrpcConfig={"Enabled": False}, ForwardedValues=None, MinTTL=None, ResponseHeadersPolicyId=None)
    read_back = aws.cloudfront.get_distribution(Id=id)
    same((read_back["Distribution"]["DistributionConfig"], read_back["ETag"]), (whole, made["ETag"]))
    same(read(aws, id), whole)


@check
def a_distribution_keeps_its_settings(aws: Aws) -> None:
    arn = certificate(aws, f"kept-{aws.account}.example.com")
    theirs = origin(OriginAccessControlId=control(aws), OriginPath="/app", ConnectionAttempts=2, ConnectionTimeout=5)
    theirs |= {"CustomHeaders": counted({"HeaderName": "x-origin", "HeaderValue": "1"})}
    theirs |= {"OriginShield": {"Enabled": True, "OriginShieldRegion": "eu-west-1"}}
    ours = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only", "OriginReadTimeout": 60}
    ours |= {"OriginSslProtocols": counted("TLSv1.2"), "OriginKeepaliveTimeout": 20}
    other = {"Id": "app", "DomainName": "app.example.com", "CustomOriginConfig": ours}
    function = f"arn:aws:cloudfront::{aws.account}:function/rewrite"
    default = behavior(
        Compress=True,
        ResponseHeadersPolicyId=headers(aws),
        OriginRequestPolicyId="88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
        AllowedMethods={**counted("GET", "HEAD", "OPTIONS"), "CachedMethods": counted("GET", "HEAD")},
        FunctionAssociations=counted({"FunctionARN": function, "EventType": "viewer-request"}),
    )
    every = counted("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE")
    api = behavior(PathPattern="/api/*", TargetOriginId="app", CachePolicyId=DISABLED, AllowedMethods=every)
    api["GrpcConfig"] = {"Enabled": True}
    error = {"ErrorCode": 404, "ResponsePagePath": "/404.html", "ResponseCode": "404", "ErrorCachingMinTTL": 10}
    kept = {
        "Aliases": counted(f"kept-{aws.account}.example.com"),
        "DefaultRootObject": "index.html",
        "CustomErrorResponses": counted(error),
        "PriceClass": "PriceClass_100",
        "Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist", **counted("DE", "FR")}},
        "HttpVersion": "http2and3",
        "IsIPV6Enabled": False,
    }
    parts = {"Origins": counted(theirs, other), "CacheBehaviors": counted(api), "DefaultCacheBehavior": default}
    id = distribution(aws, **parts, **kept, **own(arn))
    whole = read(aws, id)
    has(whole, **kept)
    certified = {"CloudFrontDefaultCertificate": False, "Certificate": arn, "CertificateSource": "acm"}
    same(whole["ViewerCertificate"], {**own(arn)["ViewerCertificate"], **certified})
    first, second = whole["Origins"]["Items"]
    has(first, **{**theirs, "S3OriginConfig": {"OriginAccessIdentity": "", "OriginReadTimeout": 30}})
    has(second, **other)
    same("S3OriginConfig" in second, False)
    # Methods come back in an order of AWS's own.
    ordered = {**counted("HEAD", "GET", "OPTIONS"), "CachedMethods": counted("HEAD", "GET")}
    has(whole["DefaultCacheBehavior"], **{**default, "AllowedMethods": ordered})
    (found,) = whole["CacheBehaviors"]["Items"]
    has(found, PathPattern="/api/*", TargetOriginId="app", GrpcConfig={"Enabled": True})
    same(found["AllowedMethods"]["Items"], ["HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH"])
    (summary,) = aws.cloudfront.list_distributions()["DistributionList"]["Items"]
    has(summary, Id=id, Comment="assets", Enabled=False, WebACLId="")
    same(summary["ETag"], aws.cloudfront.get_distribution(Id=id)["ETag"])
    parts = ("Origins", "Aliases", "DefaultCacheBehavior", "CacheBehaviors", "ViewerCertificate")
    has(summary, **{key: whole[key] for key in parts})
    theirs_again = {"CloudFrontDefaultCertificate": True, "MinimumProtocolVersion": "TLSv1.2_2021"}
    update(aws, id, ViewerCertificate=theirs_again, Aliases=NONE)
    has(read(aws, id)["ViewerCertificate"], MinimumProtocolVersion="TLSv1", ACMCertificateArn=None)


@check
def a_distribution_changes_by_versions(aws: Aws) -> None:
    id, cloudfront = distribution(aws), aws.cloudfront
    whole = read(aws, id)

    def change(**named: Any) -> Any:
        return cloudfront.update_distribution(DistributionConfig={**whole, "Comment": "changed"}, **named)

    with refused("DistributionAlreadyExists"):
        distribution(aws)
    deployed(aws, id)
    first = cloudfront.get_distribution(Id=id)["ETag"]
    for refuse in (change, cloudfront.delete_distribution):
        with refused("InvalidIfMatchVersion"):
            refuse(Id=id)
        with refused("PreconditionFailed"):
            refuse(Id=id, IfMatch="E0000000000000")
    changed = change(Id=id, IfMatch=first)
    same(changed["Distribution"]["DistributionConfig"], {**whole, "Comment": "changed"})
    same(changed["ETag"] == first, False)
    with refused("PreconditionFailed"):
        change(Id=id, IfMatch=first)
    deployed(aws, id)
    with refused("PreconditionFailed"):
        cloudfront.delete_distribution(Id=id, IfMatch=first)
    cloudfront.delete_distribution(Id=id, IfMatch=changed["ETag"])
    for refuse in (
        lambda: cloudfront.get_distribution(Id=id),
        lambda: cloudfront.get_distribution_config(Id=id),
        lambda: change(Id=id, IfMatch=first),
        lambda: cloudfront.delete_distribution(Id=id, IfMatch=first),
    ):
        with refused("NoSuchDistribution"):
            refuse()


@check
def a_distribution_takes_a_while_to_deploy(aws: Aws) -> None:
    made = aws.cloudfront.create_distribution(DistributionConfig=config(Enabled=True))
    id, etag = made["Distribution"]["Id"], made["ETag"]
    same(made["Distribution"]["Status"], "InProgress")
    deployed(aws, id)
    with refused("DistributionNotDisabled"):
        aws.cloudfront.delete_distribution(Id=id, IfMatch=etag)
    changed = update(aws, id, Enabled=False)
    same(changed["Distribution"]["Status"], "InProgress")
    with refused("DistributionNotDisabled"):
        aws.cloudfront.delete_distribution(Id=id, IfMatch=changed["ETag"])
    deployed(aws, id)
    same(aws.cloudfront.list_distributions()["DistributionList"]["Items"][0]["Status"], "Deployed")
    aws.cloudfront.delete_distribution(Id=id, IfMatch=changed["ETag"])


@check
def tags_of_a_distribution(aws: Aws) -> None:
    def tags(**pairs: str) -> dict[str, Any]:
        return {"Items": [{"Key": key, "Value": value} for key, value in pairs.items()]}

    def made(reference: str, sent: dict[str, Any]) -> str:
        both = {"DistributionConfig": config(reference), "Tags": sent}
        return aws.cloudfront.create_distribution_with_tags(DistributionConfigWithTags=both)["Distribution"]["ARN"]

    arn = made("tagged", tags(name="a", kind="b"))
    aws.cloudfront.tag_resource(Resource=arn, Tags=tags(kind="c", empty=""))
    aws.cloudfront.untag_resource(Resource=arn, TagKeys={"Items": ["name", "absent"]})
    same(aws.cloudfront.list_tags_for_resource(Resource=arn)["Tags"], tags(kind="c", empty=""))
    same(aws.cloudfront.list_tags_for_resource(Resource=made("bare", {}))["Tags"].get("Items", []), [])
    for wrong in (tags(**{"aws:x": "1"}), tags(**{f"t{number}": "" for number in range(51)}), tags(x="v" * 257)):
        with refused("InvalidTagging"):
            aws.cloudfront.tag_resource(Resource=arn, Tags=wrong)
        with refused("InvalidTagging"):
            made("wrong", wrong)
    absent = f"arn:aws:cloudfront::{aws.account}:distribution/E0000000000000"
    for refuse in (
        lambda: aws.cloudfront.list_tags_for_resource(Resource=absent),
        lambda: aws.cloudfront.tag_resource(Resource=absent, Tags=tags(a="b")),
        lambda: aws.cloudfront.untag_resource(Resource=absent, TagKeys={"Items": ["a"]}),
    ):
        with refused("NoSuchResource"):
            refuse()


@check
def lists_of_cloudfront_have_pages(aws: Aws) -> None:
    made = sorted(distribution(aws, f"reference-{number}") for number in range(3))
    first = aws.cloudfront.list_distributions(MaxItems="2")["DistributionList"]
    has(first, IsTruncated=True, Quantity=2, MaxItems=2, Marker="", NextMarker=made[1])
    second = aws.cloudfront.list_distributions(MaxItems="2", Marker=made[1])["DistributionList"]
    has(second, IsTruncated=False, Quantity=1, Marker=made[1], NextMarker=None)
    same([one["Id"] for one in (*first["Items"], *second["Items"])], made)
    controls = sorted(control(aws, f"control-{number}") for number in range(3))
    pages = aws.cloudfront.get_paginator("list_origin_access_controls").paginate(PaginationConfig={"PageSize": 1})
    same([one["Id"] for page in pages for one in page["OriginAccessControlList"]["Items"]], controls)
    none = aws.cloudfront.list_cloud_front_origin_access_identities()["CloudFrontOriginAccessIdentityList"]
    same(none, {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": 0})


@check
def a_web_acl_of_a_distribution(aws: Aws) -> None:
    def made(client: Any, scope: str) -> str:
        seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
        acl = {"DefaultAction": {"Allow": {}}, "VisibilityConfig": seen}
        return client.create_web_acl(Name=scope.lower(), Scope=scope, **acl)["Summary"]["ARN"]

    waf, cloudfront = in_virginia(aws, "wafv2"), aws.cloudfront
    acl, regional = made(waf, "CLOUDFRONT"), made(waf, "REGIONAL")
    id = distribution(aws, WebACLId=acl)
    same(read(aws, id)["WebACLId"], acl)
    for wrong in (regional, f"{acl[:-4]}0000", "absent"):
        refuse_writes(aws, "InvalidWebACLId", id, WebACLId=wrong)
        with refused("InvalidArgument"):
            cloudfront.associate_distribution_web_acl(Id=id, WebACLArn=wrong)

    def by_acl(arn: str) -> list[str]:
        listed = cloudfront.list_distributions_by_web_acl_id(WebACLId=arn)["DistributionList"]
        return [one["Id"] for one in listed.get("Items", [])]

    same((by_acl(acl), by_acl("null")), ([id], []))
    etag = cloudfront.get_distribution(Id=id)["ETag"]
    changed = cloudfront.disassociate_distribution_web_acl(Id=id, IfMatch=etag)
    same((changed["Id"], changed["ETag"] != etag, read(aws, id)["WebACLId"]), (id, True, ""))
    with refused("PreconditionFailed"):
        cloudfront.associate_distribution_web_acl(Id=id, WebACLArn=acl, IfMatch=etag)
    # boto3 reads the answer whatever its root is called, other SDKs do not.
    bodies: list[bytes] = []
    keep = lambda http_response, **_: bodies.append(http_response.content)
    cloudfront.meta.events.register("after-call.cloudfront.AssociateDistributionWebACL", keep)
    has(cloudfront.associate_distribution_web_acl(Id=id, WebACLArn=acl), Id=id, WebACLArn=acl)
    same(ElementTree.fromstring(bodies[0]).tag.rpartition("}")[2], "AssociateDistributionWebACLResult")
    same(read(aws, id)["WebACLId"], acl)
    with refused("EntityNotFound"):
        cloudfront.associate_distribution_web_acl(Id="E0000000000000", WebACLArn=acl)


@check
def aliases_need_a_certificate_and_are_unique(aws: Aws) -> None:
    domain = f"{aws.account}.example.com"
    wide, narrow = certificate(aws, f"*.{domain}"), certificate(aws, f"a.{domain}", f"b.{domain}")
    home = aws.acm.request_certificate(DomainName=f"a.{domain}")["CertificateArn"]
    first = {"Aliases": counted(f"a.{domain}")}
    id, other = distribution(aws, **first, **own(wide)), distribution(aws, "other")
    for wrong in (
        {"Aliases": counted(f"b.{domain}")},
        {"Aliases": counted(f"c.{domain}"), **own(narrow)},
        {"Aliases": counted(f"c.a.{domain}"), **own(wide)},
        {"Aliases": counted(f"b.{domain}"), **own(home)},
        own(home),
        own(f"{wide[:-4]}0000"),
        {"ViewerCertificate": {"ACMCertificateArn": wide}},
    ):
        refuse_writes(aws, "InvalidViewerCertificate", other, **wrong)
    refuse_writes(aws, "InvalidProtocolSettings", other, **own(wide, MinimumProtocolVersion="SSLv3"))
    refuse_writes(aws, "CNAMEAlreadyExists", other, **first, **own(narrow))
    elsewhere = Aws(aws.endpoint, aws.log, f"8{aws.account[1:]}")
    with refused("CNAMEAlreadyExists"):
        distribution(elsewhere, **first, **own(certificate(elsewhere, f"a.{domain}")))
    update(aws, other, Aliases=counted(f"b.{domain}"), **own(narrow))
    aws.cloudfront.associate_alias(TargetDistributionId=other, Alias=f"a.{domain}")
    same((read(aws, id)["Aliases"], read(aws, other)["Aliases"]), (NONE, counted(f"b.{domain}", f"a.{domain}")))


@check
def an_update_of_a_distribution_is_whole(aws: Aws) -> None:
    ours = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    other = {"Id": "app", "DomainName": "app.example.com", "CustomOriginConfig": ours}
    id = distribution(aws, Origins=counted(origin(), other))
    present = aws.cloudfront.get_distribution_config(Id=id)

    def without(path: str) -> dict[str, Any]:
        """The configuration without the member at the end of a path such as Origins.Items.0.OriginPath."""
        changed = copy.deepcopy(present["DistributionConfig"])
        *way, last = path.split(".")
        holder = changed
        for step in way:
            holder = holder[int(step) if step.isdigit() else step]
        del holder[last]
        return changed

    def change(wanted: dict[str, Any]) -> None:
        aws.cloudfront.update_distribution(Id=id, IfMatch=present["ETag"], DistributionConfig=wanted)

    for missing in (
        *("Aliases", "DefaultRootObject", "CacheBehaviors", "CustomErrorResponses", "Logging", "PriceClass"),
        *("WebACLId", "ViewerCertificate", "Restrictions", "HttpVersion", "DefaultCacheBehavior.AllowedMethods"),
        *("DefaultCacheBehavior.Compress", "DefaultCacheBehavior.SmoothStreaming", "Origins.Items.0.OriginPath"),
        *("DefaultCacheBehavior.LambdaFunctionAssociations", "DefaultCacheBehavior.FieldLevelEncryptionId"),
        *("Origins.Items.0.CustomHeaders", "Origins.Items.1.CustomOriginConfig.OriginReadTimeout"),
    ):
        with refused("IllegalUpdate"):
            change(without(missing))
    with refused("IllegalUpdate"):
        change({**present["DistributionConfig"], "CallerReference": "other"})
    for missing in ("Comment", "Enabled", "DefaultCacheBehavior.TargetOriginId", "Origins.Items.0.DomainName"):
        with refused("MalformedXML"):
            change(without(missing))
    change(without("IsIPV6Enabled"))


@check
def distributions_that_cannot_be(aws: Aws) -> None:
    id, whole = distribution(aws), origin(OriginPath="", CustomHeaders=NONE)
    access, known = control(aws), f"origin-access-identity/cloudfront/{identity(aws)}"
    mediastore = aws.cloudfront.create_origin_access_control(
        OriginAccessControlConfig=control_config("media", OriginAccessControlOriginType="mediastore")
    )["OriginAccessControl"]["Id"]
    absent = "00000000-0000-0000-0000-000000000000"
    legacy = {"QueryString": False, "Cookies": {"Forward": "none"}}

    def of_origin(**wrong: Any) -> dict[str, Any]:
        return {"Origins": counted({**whole, **wrong})}

    def by_identity(name: str, **more: str) -> dict[str, Any]:
        return of_origin(S3OriginConfig={"OriginAccessIdentity": name}, **more)

    def of_behavior(**wrong: Any) -> dict[str, Any]:
        return {"DefaultCacheBehavior": {**read(aws, id)["DefaultCacheBehavior"], **wrong}}

    bare = {key: value for key, value in whole.items() if key != "S3OriginConfig"}
    for code, wrong in (
        ("InvalidOriginAccessControl", of_origin(OriginAccessControlId="E0000000000000")),
        ("IllegalOriginAccessConfiguration", by_identity(known, OriginAccessControlId=access)),
        ("IllegalOriginAccessConfiguration", of_origin(OriginAccessControlId=mediastore)),
        ("InvalidOriginAccessIdentity", by_identity("origin-access-identity/cloudfront/E0000000000000")),
        ("InvalidOriginAccessIdentity", by_identity(known.rpartition("/")[2])),
        ("InvalidOrigin", {"Origins": counted(bare)}),
        ("InvalidArgument", of_origin(DomainName="static.example.com")),
        ("InvalidArgument", of_origin(DomainName="static.s3-website-eu-west-1.amazonaws.com")),
        ("NoSuchOrigin", of_behavior(TargetOriginId="absent")),
        ("NoSuchCachePolicy", of_behavior(CachePolicyId=absent)),
        ("NoSuchResponseHeadersPolicy", of_behavior(ResponseHeadersPolicyId=absent)),
        ("NoSuchOriginRequestPolicy", of_behavior(OriginRequestPolicyId=absent)),
        ("InvalidArgument", of_behavior(ForwardedValues=legacy)),
        ("InvalidArgument", of_behavior(MinTTL=1)),
        ("InvalidArgument", of_behavior(CachePolicyId="")),
        ("InvalidArgument", of_behavior(AllowedMethods=counted("GET"))),
        ("InvalidArgument", of_behavior(AllowedMethods={**counted("GET", "HEAD"), "CachedMethods": counted("GET")})),
        ("InvalidDefaultRootObject", {"DefaultRootObject": "/index.html"}),
        ("InvalidArgument", {"Comment": "c" * 129}),
        ("InconsistentQuantities", {"Origins": {"Quantity": 2, "Items": [whole]}}),
        ("InconsistentQuantities", {"CustomErrorResponses": {"Quantity": 1, "Items": []}}),
        ("MalformedXML", {"PriceClass": "PriceClass_300"}),
        ("MalformedXML", {"HttpVersion": "http4"}),
    ):
        refuse_writes(aws, code, id, **wrong)
    update(aws, id, **by_identity(known))
    forwarded = {key: value for key, value in behavior(ForwardedValues=legacy).items() if key != "CachePolicyId"}
    old = read(aws, distribution(aws, "old", DefaultCacheBehavior=forwarded))["DefaultCacheBehavior"]
    has(old, MinTTL=0, DefaultTTL=86400, MaxTTL=31536000, CachePolicyId=None)
    same(old["ForwardedValues"], {**legacy, "Headers": NONE, "QueryStringCacheKeys": NONE})


@check
def what_a_distribution_uses_cannot_go(aws: Aws) -> None:
    cloudfront = aws.cloudfront
    access, known, policy = control(aws), identity(aws), headers(aws)
    cached = cloudfront.create_cache_policy(CachePolicyConfig={"Name": "mine", "MinTTL": 1})["CachePolicy"]["Id"]
    old = {"OriginAccessIdentity": f"origin-access-identity/cloudfront/{known}"}
    origins = counted(origin(OriginAccessControlId=access), {**origin(), "Id": "old", "S3OriginConfig": old})
    asked = {"Name": "mine", "HeadersConfig": {"HeaderBehavior": "none"}, "CookiesConfig": {"CookieBehavior": "none"}}
    asked["QueryStringsConfig"] = {"QueryStringBehavior": "all"}
    asking = cloudfront.create_origin_request_policy(OriginRequestPolicyConfig=asked)["OriginRequestPolicy"]["Id"]
    using = behavior(ResponseHeadersPolicyId=policy, CachePolicyId=cached, OriginRequestPolicyId=asking)
    id = distribution(aws, Origins=origins, DefaultCacheBehavior=using)
    things = (
        (access, "OriginAccessControl", "origin_access_control"),
        (known, "CloudFrontOriginAccessIdentity", "cloud_front_origin_access_identity"),
        (policy, "ResponseHeadersPolicy", "response_headers_policy"),
        (cached, "CachePolicy", "cache_policy"),
        (asking, "OriginRequestPolicy", "origin_request_policy"),
    )

    def delete(id: str, name: str) -> None:
        etag = getattr(cloudfront, f"get_{name}")(Id=id)["ETag"]
        getattr(cloudfront, f"delete_{name}")(Id=id, IfMatch=etag)

    for thing, kind, name in things:
        with refused(f"{kind}InUse"):
            delete(thing, name)
    others = {"CachePolicyId": OPTIMIZED, "ResponseHeadersPolicyId": SECURITY, "OriginRequestPolicyId": ""}
    free = {**read(aws, id)["DefaultCacheBehavior"], **others}
    update(aws, id, Origins=counted(origin(OriginPath="", CustomHeaders=NONE)), DefaultCacheBehavior=free)
    for thing, _, name in things:
        delete(thing, name)


@check
def logging_of_the_older_kind_needs_access_lists(aws: Aws) -> None:
    id, name = distribution(aws), bucket(aws, "logs")
    wanted = {"Enabled": True, "IncludeCookies": False, "Bucket": f"{name}.s3.amazonaws.com", "Prefix": "cdn/"}
    refuse_writes(aws, "InvalidArgument", id, Logging=wanted)
    for wrong in ("absent.s3.amazonaws.com", name):
        refuse_writes(aws, "InvalidArgument", id, Logging={**wanted, "Bucket": wrong})
    preferred = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    aws.s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=preferred)
    update(aws, id, Logging=wanted)
    same(read(aws, id)["Logging"], wanted)
