"""CloudWatch in the protocol that some SDKs speak to it, Smithy's RPC v2 with CBOR bodies (smithy.io, "Smithy RPC v2
CBOR protocol"). moto knows the same operations with JSON bodies: here such a call becomes one of those, and its answer
CBOR again.
"""

import base64
import functools
import gzip
import json
import re
from datetime import datetime
from typing import Any

import botocore.session
import cbor2
from botocore.model import ServiceModel, Shape

from wire import Answer

TARGET = "GraniteServiceVersion20100801"
PATH = re.compile(rf"/service/{TARGET}/operation/(\w+)")
HEADERS = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
# Of moto's headers those that an SDK looks at.
KEPT = ("x-amzn-query-error", "x-amzn-requestid")


@functools.cache
def model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("cloudwatch")


def operation(environ: dict[str, Any]) -> str | None:
    """The operation that is called with CBOR, or None if the request is none of those."""
    found = PATH.fullmatch(environ.get("PATH_INFO", ""))
    return found[1] if found and environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor" else None


def to_json(environ: dict[str, Any], body: bytes, name: str) -> bytes:
    """Makes the request the same call with JSON, and returns its body."""
    if environ.pop("HTTP_CONTENT_ENCODING", "") == "gzip":
        body = gzip.decompress(body)
    environ["PATH_INFO"] = "/"
    environ["CONTENT_TYPE"] = "application/x-amz-json-1.0"
    environ["HTTP_X_AMZ_TARGET"] = f"{TARGET}.{name}"
    return json.dumps(cbor2.loads(body) if body else {}, default=_json_scalar).encode()


def _json_scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    return base64.b64encode(value).decode()


def from_json(answer: Answer, name: str) -> Answer:
    """The answer to that call as CBOR."""
    content = json.loads(answer.body or b"{}")
    if answer.status < 400:
        body = _typed(content, model().operation_model(name).output_shape)
    else:
        body = {"__type": content.get("__type", ""), "message": content.get("message") or content.get("Message") or ""}
    kept = [(header, value) for header, value in answer.headers if header.lower() in KEPT]
    return Answer(answer.status, [*HEADERS, *kept], cbor2.dumps(body))


def _typed(value: Any, shape: Shape | None) -> Any:
    """A value of JSON with what only CBOR tells apart: moments, bytes and numbers with fractions."""
    kind = shape.type_name if shape and value is not None else ""
    if kind == "structure":
        return {key: _typed(one, shape.members.get(key)) for key, one in value.items()}
    if kind == "list":
        return [_typed(one, shape.member) for one in value]
    if kind == "map":
        return {key: _typed(one, shape.value) for key, one in value.items()}
    if kind == "timestamp":
        return cbor2.CBORTag(1, value)
    if kind in ("float", "double"):
        return float(value)
    return base64.b64decode(value) if kind == "blob" else value
