"""CloudFront's configurations: what AWS fills in where a request is silent, and the policies that it manages itself."""

import copy
from typing import Any

NONE: dict[str, Any] = {"Quantity": 0}
# API Reference, DistributionConfig and its members; the AWS CLI Reference shows the answers of create-distribution.
DISTRIBUTION = {
    "Aliases": NONE,
    "DefaultRootObject": "",
    "OriginGroups": NONE,
    "CacheBehaviors": NONE,
    "CustomErrorResponses": NONE,
    "Comment": "",
    "Logging": {},
    "PriceClass": "PriceClass_All",
    "ViewerCertificate": {"CloudFrontDefaultCertificate": True},
    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
    "WebACLId": "",
    "HttpVersion": "http2",
    "IsIPV6Enabled": True,
    "ContinuousDeploymentPolicyId": "",
    "Staging": False,
}
ORIGIN = {
    "OriginPath": "",
    "CustomHeaders": NONE,
    "ConnectionAttempts": 3,
    "ConnectionTimeout": 10,
    "OriginShield": {"Enabled": False},
    "OriginAccessControlId": "",
}
S3_ORIGIN = {"OriginAccessIdentity": "", "OriginReadTimeout": 30}
CUSTOM_ORIGIN = {
    "OriginSslProtocols": {"Quantity": 2, "Items": ["TLSv1", "SSLv3"]},
    "OriginReadTimeout": 30,
    "OriginKeepaliveTimeout": 5,
}
TWO_METHODS = {"Quantity": 2, "Items": ["HEAD", "GET"]}
BEHAVIOR = {
    "TrustedSigners": {"Enabled": False, "Quantity": 0},
    "TrustedKeyGroups": {"Enabled": False, "Quantity": 0},
    "AllowedMethods": TWO_METHODS,
    "SmoothStreaming": False,
    "Compress": False,
    "LambdaFunctionAssociations": NONE,
    "FunctionAssociations": NONE,
    "FieldLevelEncryptionId": "",
    "GrpcConfig": {"Enabled": False},
}
# What a behavior without a cache policy has instead.
LEGACY_BEHAVIOR = {"MinTTL": 0, "DefaultTTL": 86400, "MaxTTL": 31536000}
LEGACY_VALUES = {"Headers": NONE, "QueryStringCacheKeys": NONE}
LOGGING = {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""}
# The order in which AWS answers methods, whatever that of the request was.
METHODS = ("HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH")


def completed_distribution(sent: dict[str, Any]) -> dict[str, Any]:
    config = _with(DISTRIBUTION, _counted(sent))
    config["Logging"] = _with(LOGGING, config["Logging"])
    config["ViewerCertificate"] = _certificate(config["ViewerCertificate"])
    for origin in config["Origins"].get("Items", []):
        origin.update(_with(ORIGIN, origin))
        for name, defaults in (("S3OriginConfig", S3_ORIGIN), ("CustomOriginConfig", CUSTOM_ORIGIN)):
            if name in origin:
                origin[name] = _with(defaults, origin[name])
    for behavior in (config["DefaultCacheBehavior"], *config["CacheBehaviors"].get("Items", [])):
        _complete_behavior(behavior)
    return config


def _complete_behavior(behavior: dict[str, Any]) -> None:
    behavior.update(_with(BEHAVIOR, behavior))
    allowed = behavior["AllowedMethods"]
    allowed.update(_with({"CachedMethods": TWO_METHODS}, allowed))
    for methods in (allowed, allowed["CachedMethods"]):
        methods["Items"] = [one for one in METHODS if one in methods.get("Items", [])]
    if not behavior.get("CachePolicyId"):
        behavior.update(_with(LEGACY_BEHAVIOR, behavior))
        if "ForwardedValues" in behavior:
            behavior["ForwardedValues"] = _with(LEGACY_VALUES, behavior["ForwardedValues"])


def _certificate(sent: dict[str, Any]) -> dict[str, Any]:
    """The certificate in its present form and in the older one, which AWS answers as well."""
    for member, source in (("ACMCertificateArn", "acm"), ("IAMCertificateId", "iam")):
        if sent.get(member):
            found = {"CloudFrontDefaultCertificate": False, "MinimumProtocolVersion": "TLSv1", **sent}
            return {**found, "Certificate": sent[member], "CertificateSource": source}
    return {
        "CloudFrontDefaultCertificate": True,
        "SSLSupportMethod": "vip",
        "MinimumProtocolVersion": "TLSv1",
        "CertificateSource": "cloudfront",
    }


def _with(defaults: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    return {**copy.deepcopy(defaults), **sent}


def _counted(value: Any) -> Any:
    """A copy in which every list has as many items as it says; a list without items is the number alone."""
    if isinstance(value, list):
        return [_counted(one) for one in value]
    if not isinstance(value, dict):
        return value
    copied = {key: _counted(one) for key, one in value.items()}
    if "Quantity" in copied or "Items" in copied:
        copied["Quantity"] = len(copied.get("Items") or [])
        if not copied["Quantity"]:
            copied.pop("Items", None)
    return copied


# --- Access controls, access identities and policies ---------------------------------------------

CONFIGS = {
    "OriginAccessControl": {"Description": ""},
    "CloudFrontOriginAccessIdentity": {"Comment": ""},
    "ResponseHeadersPolicy": {"Comment": ""},
    "CachePolicy": {"Comment": "", "DefaultTTL": 86400, "MaxTTL": 31536000},
    "OriginRequestPolicy": {"Comment": ""},
}
SECURITY_HEADERS = {
    "XSSProtection": {"ModeBlock": False},
    "StrictTransportSecurity": {"IncludeSubdomains": False, "Preload": False},
}


def completed(kind: str, sent: dict[str, Any] | None) -> dict[str, Any]:
    config = _with(CONFIGS[kind], _counted(sent or {}))
    headers = config.get("SecurityHeadersConfig", {})
    for name, defaults in SECURITY_HEADERS.items():
        if name in headers:
            headers[name] = _with(defaults, headers[name])
    return config


def _cache_policy(name: str, least: int, default: int, most: int, compressed: bool, **keyed: Any) -> dict[str, Any]:
    nothing = {
        "HeadersConfig": {"HeaderBehavior": "none"},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
    }
    encodings = {"EnableAcceptEncodingGzip": compressed, "EnableAcceptEncodingBrotli": compressed}
    return {
        "Name": name,
        "Comment": "",
        "MinTTL": least,
        "DefaultTTL": default,
        "MaxTTL": most,
        "ParametersInCacheKeyAndForwardedToOrigin": {**encodings, **nothing, **keyed},
    }


def _request_policy(name: str, headers: dict[str, Any], cookies: str, queries: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Comment": "",
        "HeadersConfig": headers,
        "CookiesConfig": {"CookieBehavior": cookies},
        "QueryStringsConfig": {"QueryStringBehavior": queries},
    }


def _listed(*names: str) -> dict[str, Any]:
    return {"HeaderBehavior": "whitelist", "Headers": {"Quantity": len(names), "Items": list(names)}}


DAY, YEAR = 86400, 31536000
OVERRIDES = ("host", "origin", "x-http-method-override", "x-http-method", "x-method-override")
SECURITY = {
    "XSSProtection": {"Override": False, "Protection": True, "ModeBlock": True},
    "FrameOptions": {"Override": False, "FrameOption": "SAMEORIGIN"},
    "ReferrerPolicy": {"Override": False, "ReferrerPolicy": "strict-origin-when-cross-origin"},
    "ContentTypeOptions": {"Override": True},
    "StrictTransportSecurity": {
        "Override": False,
        "IncludeSubdomains": False,
        "Preload": False,
        "AccessControlMaxAgeSec": YEAR,
    },
}
ANY = {"Quantity": 1, "Items": ["*"]}
CORS = {
    "AccessControlAllowOrigins": ANY,
    "AccessControlAllowHeaders": ANY,
    "AccessControlAllowMethods": {"Quantity": 1, "Items": ["ALL"]},
    "AccessControlAllowCredentials": False,
    "OriginOverride": False,
}

# Those of AWS that are used most, by the ids that they have everywhere (Developer Guide, "Use managed cache policies",
# "Use managed origin request policies", "Use managed response headers policies").
MANAGED: dict[str, dict[str, dict[str, Any]]] = {
    "CachePolicy": {
        "658327ea-f89d-4fab-a63d-7e88639e58f6": _cache_policy("Managed-CachingOptimized", 1, DAY, YEAR, True),
        "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": _cache_policy(
            "Managed-CachingOptimizedForUncompressedObjects", 1, DAY, YEAR, False
        ),
        "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": _cache_policy("Managed-CachingDisabled", 0, 0, 0, False),
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65": _cache_policy(
            "UseOriginCacheControlHeaders",
            0,
            0,
            YEAR,
            True,
            HeadersConfig=_listed(*OVERRIDES),
            CookiesConfig={"CookieBehavior": "all"},
        ),
    },
    "OriginRequestPolicy": {
        "216adef6-5c7f-47e4-b989-5492eafa07d3": _request_policy(
            "Managed-AllViewer", {"HeaderBehavior": "allViewer"}, "all", "all"
        ),
        "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": _request_policy(
            "Managed-CORS-S3Origin",
            _listed("origin", "access-control-request-headers", "access-control-request-method"),
            "none",
            "none",
        ),
    },
    "ResponseHeadersPolicy": {
        "67f7725c-6f97-4210-82d7-5512b31e9d03": {
            "Name": "Managed-SecurityHeadersPolicy",
            "Comment": "",
            "SecurityHeadersConfig": SECURITY,
        },
        "60669652-455b-4ae9-85a4-c4c02393f86c": {"Name": "Managed-SimpleCORS", "Comment": "", "CorsConfig": CORS},
        "e61eb60c-9c35-4d20-a928-2b84e02af89c": {
            "Name": "Managed-CORS-and-SecurityHeadersPolicy",
            "Comment": "",
            "CorsConfig": CORS,
            "SecurityHeadersConfig": SECURITY,
        },
    },
}
