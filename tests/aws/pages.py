"""Pages that end early: AWS may answer fewer items than were asked for, and a token for the rest."""

import functools
import json
from typing import Any
from urllib.parse import urlencode

import botocore.session
from botocore.exceptions import DataNotFoundError, UnknownServiceError

from wire import Call

# What botocore has no paginator for.
UNPAGINATED = {("wafv2", "ListWebACLs"): "Limit", ("wafv2", "ListResourcesForWebACL"): None}


@functools.cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@functools.cache
def size_parameter(service: str, operation: str) -> str | None:
    """What the operation calls the greatest number of items in a page, as it is sent."""
    try:
        paginators = _session().get_paginator_model(service)
        name = paginators.get_paginator(operation).get("limit_key")
    except (DataNotFoundError, UnknownServiceError, ValueError):
        name = UNPAGINATED.get((service, operation))
    if not name:
        return None
    shape = _session().get_service_model(service).operation_model(operation).input_shape.members[name]
    return shape.serialization.get("name", name)


def with_one_item(call: Call, environ: dict[str, Any], body: bytes) -> bytes:
    """The body of the same request for a page with one item; the query in `environ` is changed where that says it. Unchanged
    where the operation has no pages."""
    name = size_parameter(call.service, call.operation)
    if not name:
        return body
    if call.target:
        return json.dumps(json.loads(body or b"{}") | {name: 1}).encode()
    if call.is_form:
        # The last of two of the same name counts, so that the caller's own goes first.
        kept = [part for part in body.split(b"&") if not part.startswith(f"{name}=".encode())]
        return b"&".join([*kept, urlencode({name: 1}).encode()])
    query = environ.get("QUERY_STRING", "")
    kept = [part for part in query.split("&") if part and not part.startswith(f"{name}=")]
    environ["QUERY_STRING"] = "&".join([*kept, urlencode({name: 1})])
    return body
