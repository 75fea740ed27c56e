"""Where moto's CloudFront answers differently from AWS. Registered like the mends of mends.py.

moto copies the members of a configuration that it knows, one by one. Here configurations are kept as they came, and
botocore's model of the service says how they are read and written, so that no member is lost.
"""

import copy
import functools
import random
import string
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.cloudfront import urls
from moto.cloudfront.exceptions import CloudFrontException, DistributionAlreadyExists, NoSuchDistribution
from moto.cloudfront.models import CloudFrontBackend
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores

import durations
from catalogue import around
from mends import mend
from mends_cloudfront_configs import MANAGED, completed, completed_distribution

API = "https://cloudfront.amazonaws.com/2020-05-31"
# What a list has at most unless MaxItems says otherwise.
PAGE = 100

# --- What all kinds of things have in common -----------------------------------------------------


def _new_id(lead: str = "E", characters: str = string.ascii_uppercase + string.digits) -> str:
    return lead + "".join(random.choices(characters, k=13))


@dataclass
class Thing:
    """What CloudFront keeps under an id: a configuration, and the version that a change of it has to name."""

    id: str
    config: dict[str, Any]
    managed: bool = False
    etag: str = field(default_factory=_new_id)
    changed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    made_at: float = field(default_factory=time.time)
    # Only an origin access identity has this, and only its answers have a place for it.
    canonical_user: str = field(default_factory=lambda: f"{random.randrange(16**64):064x}")

    def change(self, config: dict[str, Any]) -> None:
        self.config = config
        self.etag = _new_id()
        self.changed_at = datetime.now(UTC)

    def demand(self, version: str | None, required: bool = True) -> None:
        """Refuses a change that names another version than the present one, or none."""
        if not version and required:
            message = "The If-Match version is missing or not valid for the resource."
            raise CloudFrontException("InvalidIfMatchVersion", message)
        if version and version != self.etag:
            message = "The request failed because it didn't meet the preconditions in request-header fields."
            raise CloudFrontException("PreconditionFailed", message)


def _page(response: Any, known: list[Any], summary: Callable[[Any], Any]) -> dict[str, Any]:
    """The list that begins behind the marker, which is the id of the last thing on the page before."""
    marker, limit = response._get_param("Marker") or "", response._get_int_param("MaxItems") or PAGE
    rest = sorted((one for one in known if one.id > marker), key=lambda one: one.id)
    shown = rest[:limit]
    return {
        "Marker": marker,
        "NextMarker": shown[-1].id if len(rest) > limit else None,
        "MaxItems": limit,
        "IsTruncated": len(rest) > limit,
        "Quantity": len(shown),
        "Items": [summary(one) for one in shown] or None,
    }


@mend("cloudfront-routes", "every operation of CloudFront's API has a route")
def routes() -> None:
    """AWS: has them (API Reference, "Actions"). moto: answers 404 to the paths of what it lacks. Goes when the
    operations that are mended here have routes."""
    urls.url_paths = {"{0}/2020-05-31/(?P<path>.+)$": CloudFrontResponse.dispatch}


@mend("cloudfront-root-elements", "answers without a payload have the root elements of CloudFront's API")
def root_elements() -> None:
    """AWS: names the root after the type of the answer, such as AssociateDistributionWebACLResult (API Reference,
    "Response Syntax" of each operation). moto: after the operation, which SDKs that check it refuse to read. Goes when
    the SDK for Rust reads AssociateDistributionWebACL."""

    @around(CloudFrontResponse, "serialized")
    def serialized(original: Callable, response: Any, result: Any) -> Any:
        status, headers, body = original(response, result)
        name = response._get_action()
        for start in (f"<{name}", f"</{name}"):
            body = body.replace(f"{start}Response", f"{start}Result")
        return status, headers, body


# --- Access controls, access identities and policies ---------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A kind of thing with six operations, which differ in nothing but names."""

    name: str
    plural: str
    path: str
    # The message when there is none of the id.
    absent: str
    # The member that no two may have in common.
    unique: str = "Name"
    # Ids of policies are UUIDs, the others look like those of distributions.
    new_id: Callable[[], str] = lambda: str(uuid.uuid4())


KINDS = (
    Kind(
        "OriginAccessControl",
        "OriginAccessControls",
        "origin-access-control",
        "The specified origin access control does not exist.",
        new_id=_new_id,
    ),
    Kind(
        "CloudFrontOriginAccessIdentity",
        "CloudFrontOriginAccessIdentities",
        "origin-access-identity/cloudfront",
        "The specified origin access identity does not exist.",
        unique="CallerReference",
        new_id=_new_id,
    ),
    Kind(
        "ResponseHeadersPolicy",
        "ResponseHeadersPolicies",
        "response-headers-policy",
        "The specified response headers policy does not exist.",
    ),
    Kind("CachePolicy", "CachePolicies", "cache-policy", "The specified cache policy does not exist."),
    Kind(
        "OriginRequestPolicy",
        "OriginRequestPolicies",
        "origin-request-policy",
        "The specified origin request policy does not exist.",
    ),
)


def things(backend: Any, kind: str) -> dict[str, Thing]:
    """What the account has of a kind, by id; what AWS manages is in every account."""
    kept = backend.__dict__.setdefault("things", {})
    if kind not in kept:
        managed = MANAGED.get(kind, {})
        kept[kind] = {id: Thing(id, copy.deepcopy(config), managed=True) for id, config in managed.items()}
    return kept[kind]


@mend("cloudfront-access-and-policies", "origin access controls and identities, headers, cache and request policies")
def access_and_policies() -> None:
    """AWS: creates, reads, lists, updates and deletes them; names are unique, an access identity that is created again
    with the same reference is the one that exists; updates and deletions must name the present version, which every
    update changes; AWS's own policies are in every account (API Reference of each operation; Developer Guide, "Use
    managed response headers policies" and "Use managed cache policies"). moto: knows access controls only, without
    GetOriginAccessControlConfig, with any number of one name, one ETag for ever and an internal error for the
    deletion of an absent one. Goes kind by kind as moto learns them."""
    for kind in KINDS:
        for operation, answer in (
            (f"Create{kind.name}", _create),
            (f"Get{kind.name}", _get),
            (f"Get{kind.name}Config", _get_config),
            (f"List{kind.plural}", _list),
            (f"Update{kind.name}", _update),
            (f"Delete{kind.name}", _delete),
        ):
            _answer(operation, functools.partial(answer, kind))


def _answer(operation: str, answer: Callable[[Any], Any]) -> None:
    # moto looks for functions in the class, and a partial is none.
    def call(response: Any) -> Any:
        return answer(response)

    setattr(CloudFrontResponse, camelcase_to_underscores(operation), call)


def _create(kind: Kind, response: Any) -> ActionResult:
    config = completed(kind.name, response._get_param(f"{kind.name}Config"))
    same = _of_same_name(kind, response.backend, config)
    if same is None:
        same = Thing(kind.new_id(), config)
        things(response.backend, kind.name)[same.id] = same
    elif kind.unique == "Name" or same.config != config:
        raise CloudFrontException(f"{kind.name}AlreadyExists", f"One with the same {kind.unique} already exists.")
    return _whole(kind, same)


def _of_same_name(kind: Kind, backend: Any, config: dict[str, Any]) -> Thing | None:
    known = things(backend, kind.name).values()
    return next((one for one in known if one.config.get(kind.unique) == config.get(kind.unique)), None)


def _found(kind: Kind, response: Any) -> Thing:
    found = things(response.backend, kind.name).get(response._get_param("Id"))
    if found is None:
        raise CloudFrontException(f"NoSuch{kind.name}", kind.absent)
    return found


def _get(kind: Kind, response: Any) -> ActionResult:
    return _whole(kind, _found(kind, response))


def _get_config(kind: Kind, response: Any) -> ActionResult:
    found = _found(kind, response)
    return ActionResult({f"{kind.name}Config": found.config, "ETag": found.etag})


def _list(kind: Kind, response: Any) -> ActionResult:
    wanted = response._get_param("Type")
    known = [one for one in things(response.backend, kind.name).values() if wanted in (None, _type(one))]

    # A summary has the members of the configuration or the whole: the service's model takes what it has a place for.
    def summary(one: Thing) -> dict[str, Any]:
        whole = _members(kind, one)
        return {**one.config, **whole, "Type": _type(one), kind.name: whole}

    return ActionResult({f"{kind.name}List": _page(response, known, summary)})


def _type(thing: Thing) -> str:
    return "managed" if thing.managed else "custom"


def _update(kind: Kind, response: Any) -> ActionResult:
    found = _found(kind, response)
    found.demand(response._get_param("IfMatch"))
    config = completed(kind.name, response._get_param(f"{kind.name}Config"))
    if _of_same_name(kind, response.backend, config) not in (None, found):
        raise CloudFrontException(f"{kind.name}AlreadyExists", f"One with the same {kind.unique} already exists.")
    found.change(config)
    return _whole(kind, found)


def _delete(kind: Kind, response: Any) -> ActionResult:
    found = _found(kind, response)
    found.demand(response._get_param("IfMatch"))
    del things(response.backend, kind.name)[found.id]
    return EmptyResult()


def _members(kind: Kind, thing: Thing) -> dict[str, Any]:
    return {
        "Id": thing.id,
        "S3CanonicalUserId": thing.canonical_user,
        "LastModifiedTime": thing.changed_at,
        f"{kind.name}Config": thing.config,
    }


def _whole(kind: Kind, thing: Thing) -> ActionResult:
    location = f"{API}/{kind.path}/{thing.id}"
    return ActionResult({kind.name: _members(kind, thing), "ETag": thing.etag, "Location": location})


# --- Distributions -------------------------------------------------------------------------------


@dataclass
class Distribution(Thing):
    account: str = ""
    host: str = field(default_factory=lambda: _new_id("d", string.ascii_lowercase + string.digits))

    @property
    def domain_name(self) -> str:
        return f"{self.host}.cloudfront.net"

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudfront::{self.account}:distribution/{self.id}"

    @property
    def location(self) -> str:
        return f"{API}/distribution/{self.id}"

    @property
    def aliases(self) -> list[str]:
        return self.config["Aliases"].get("Items", [])

    @property
    def status(self) -> str:
        return "Deployed"

    def members(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "ARN": self.arn,
            "ETag": self.etag,
            "Status": self.status,
            "LastModifiedTime": self.changed_at,
            "InProgressInvalidationBatches": 0,
            "DomainName": self.domain_name,
            "ActiveTrustedSigners": {"Enabled": False, "Quantity": 0},
            "ActiveTrustedKeyGroups": {"Enabled": False, "Quantity": 0},
            "DistributionConfig": self.config,
            # Only a registration in China would not be approved.
            "AliasICPRecordals": [{"CNAME": one, "ICPRecordalStatus": "APPROVED"} for one in self.aliases] or None,
        }


@mend("cloudfront-distributions", "a distribution keeps all of its configuration, and changes by versions")
def distributions() -> None:
    """AWS: answers every member of the configuration, with its defaults where the request had none; the ETag is the
    version that UpdateDistribution and DeleteDistribution must name, and every update changes it; lists have the same
    members and go on behind the id that is their marker; methods come back in an order of AWS's own; with CloudFront's
    certificate the minimum is TLSv1 whatever was asked (API Reference, DistributionConfig, ViewerCertificate and each
    operation). moto: loses the configurations of S3 origins, access controls, GrpcConfig, associations and more,
    invents certificate members, and ignores If-Match. Goes when a distribution with all members reads back as AWS
    answers it, and its ETag changes."""

    def create(name: str, response: Any) -> ActionResult:
        backend = response.backend
        config = completed_distribution(response._get_param(f"{name}DistributionConfig"))
        for one in backend.distributions.values():
            if one.config["CallerReference"] == config["CallerReference"]:
                raise DistributionAlreadyExists(one.id)
        made = Distribution(_new_id(), config, account=backend.account_id)
        backend.distributions[made.id] = made
        tags = response._get_param("DistributionConfigWithTags.Tags.Items") or []
        backend.tagger.tag_resource(made.arn, [{"Key": tag["Key"], "Value": tag.get("Value") or ""} for tag in tags])
        return distribution(made)

    def distribution(one: Distribution) -> ActionResult:
        return ActionResult({"Distribution": one.members(), "ETag": one.etag, "Location": one.location})

    def get_config(response: Any) -> ActionResult:
        found = found_distribution(response)
        return ActionResult({"DistributionConfig": found.config, "ETag": found.etag})

    def update(response: Any) -> ActionResult:
        found = found_distribution(response)
        found.demand(response._get_param("IfMatch"))
        found.change(completed_distribution(response._get_param("DistributionConfig")))
        return distribution(found)

    def delete(response: Any) -> ActionResult:
        found = found_distribution(response)
        found.demand(response._get_param("IfMatch"))
        del response.backend.distributions[found.id]
        response.backend.tagger.delete_all_tags_for_resource(found.arn)
        return EmptyResult()

    _answer("CreateDistribution", functools.partial(create, ""))
    _answer("CreateDistributionWithTags", functools.partial(create, "DistributionConfigWithTags."))
    _answer("GetDistribution", lambda response: distribution(found_distribution(response)))
    _answer("GetDistributionConfig", get_config)
    _answer("ListDistributions", lambda response: _listed(response, lambda one: True))
    _answer("UpdateDistribution", update)
    _answer("DeleteDistribution", delete)

    # Invalidations, which are moto's still, ask for their distribution.
    def get_distribution(backend: Any, distribution_id: str) -> tuple[Distribution, str]:
        if distribution_id not in backend.distributions:
            raise NoSuchDistribution
        return backend.distributions[distribution_id], backend.distributions[distribution_id].etag

    CloudFrontBackend.get_distribution = get_distribution


def found_distribution(response: Any, member: str = "Id", absent: str = "NoSuchDistribution") -> Distribution:
    found = response.backend.distributions.get(response._get_param(member))
    if found is None:
        raise CloudFrontException(absent, "The specified distribution does not exist.")
    return found


def _listed(response: Any, wanted: Callable[[Distribution], bool]) -> ActionResult:
    known = [one for one in response.backend.distributions.values() if wanted(one)]
    page = _page(response, known, lambda one: {**one.config, **one.members()})
    return ActionResult({"DistributionList": page})


@mend("cloudfront-deploying", "a distribution is InProgress for a while after its creation and each change")
def deploying() -> None:
    """AWS: InProgress until the configuration has reached all edge locations, then Deployed (API Reference,
    Distribution). moto: Deployed on the first read, and never InProgress again. Goes when moto takes its time."""

    def status(distribution: Distribution) -> str:
        since = time.time() - distribution.changed_at.timestamp()
        return "InProgress" if since < durations.of("distribution-deploying") else "Deployed"

    Distribution.status = property(status)


@mend("cloudfront-web-acls", "a web ACL is associated with a distribution, and distributions are found by it")
def web_acls() -> None:
    """AWS: sets and clears WebACLId without the rest of the configuration; If-Match is obeyed if there is one (API
    Reference, AssociateDistributionWebACL, DisassociateDistributionWebACL, ListDistributionsByWebACLId). moto: has none
    of them. Goes when it has."""

    def associate(arn: str | None, response: Any) -> ActionResult:
        found = found_distribution(response, absent="EntityNotFound")
        found.demand(response._get_param("IfMatch"), required=False)
        arn = response._get_param("WebACLArn") if arn is None else arn
        found.change({**found.config, "WebACLId": arn})
        return ActionResult({"Id": found.id, "WebACLArn": arn, "ETag": found.etag})

    def by_web_acl(response: Any) -> ActionResult:
        wanted = response._get_param("WebACLId")
        return _listed(response, lambda one: one.config["WebACLId"] == ("" if wanted == "null" else wanted))

    _answer("AssociateDistributionWebACL", functools.partial(associate, None))
    _answer("DisassociateDistributionWebACL", functools.partial(associate, ""))
    _answer("ListDistributionsByWebACLId", by_web_acl)


@mend("cloudfront-alias-moves", "an alias is moved to a distribution")
def alias_moves() -> None:
    """AWS: takes it from the distribution that has it (API Reference, AssociateAlias). moto: has no such operation.
    Goes when it has."""

    def associate(response: Any) -> ActionResult:
        target, alias = found_distribution(response, "TargetDistributionId"), response._get_param("Alias")
        for one in response.backend.distributions.values():
            names = [name for name in one.aliases if name != alias]
            names += [alias] if one is target else []
            if names != one.aliases:
                one.change(completed_distribution({**one.config, "Aliases": {"Items": names}}))
        return EmptyResult()

    _answer("AssociateAlias", associate)
