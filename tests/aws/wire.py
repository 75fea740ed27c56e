"""What goes over the wire: reading an AWS call from an HTTP request, and answering it."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

from moto.core.request import Request
from moto.core.responses import get_service_router

# Signing names that differ from the names people know the services by.
SERVICE_NAMES = {
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "tagging": "resourcegroupstaggingapi",
}
CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
CODE = re.compile(rb"<Code>([^<]+)</Code>")
AGENT_LENGTH = 200


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def error_code(self) -> str | None:
        if self.status < 400:
            return None
        if code := self.header("x-amzn-errortype"):
            return code.split(":")[0].split("#")[-1]
        if match := CODE.search(self.body):
            return match.group(1).decode()
        try:
            return json.loads(self.body)["__type"].split("#")[-1]
        except (ValueError, KeyError, TypeError):
            return str(self.status)


@dataclass
class Call:
    service: str
    region: str
    operation: str
    access_key: str
    agent: str
    target: str
    content_type: str
    text: str
    date: str = ""
    account: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, environ: dict[str, Any], body: bytes) -> "Call":
        credential = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        access_key, region, service = credential.groups() if credential else ("", "", "")
        path, query = environ.get("PATH_INFO", "/"), environ.get("QUERY_STRING", "")
        call = cls(
            service=SERVICE_NAMES.get(service, service),
            region=region,
            operation="",
            access_key=access_key,
            agent=environ.get("HTTP_USER_AGENT", "")[:AGENT_LENGTH],
            target=environ.get("HTTP_X_AMZ_TARGET", ""),
            content_type=environ.get("CONTENT_TYPE", ""),
            text=f"{path}?{query}\n{body.decode('utf-8', 'replace')}",
            date=environ.get("HTTP_X_AMZ_DATE", ""),
        )
        call._read_operation(environ, body, service)
        # Secrets do not belong in a log file, not even invented ones.
        if "Secret" in call.operation:
            call.params = {}
        call.params.pop("MasterUserPassword", None)
        return call

    @property
    def key(self) -> tuple[str, ...]:
        """The same for calls that ask the same."""
        return self.account, self.region, self.service, self.operation, self.text

    @property
    def is_form(self) -> bool:
        return "x-www-form-urlencoded" in self.content_type

    def _read_operation(self, environ: dict[str, Any], body: bytes, service: str) -> None:
        if self.target:
            self.operation = self.target.rsplit(".", 1)[-1]
            self.params = _json_object(body)
            return
        if self.is_form:
            self.params = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
            self.params.pop("Version", None)
            self.operation = self.params.pop("Action", "")
            if self.operation:
                return
        path = environ.get("PATH_INFO", "/")
        self.params = {"path": path, **dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))}
        self.operation = _rest_operation(environ, service) or f"{environ['REQUEST_METHOD']} {path}"


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _rest_operation(environ: dict[str, Any], service: str) -> str:
    try:
        operation, _ = get_service_router(service).match(Request(environ.copy()))
        return operation.name
    except Exception:
        # Unknown service, unknown path: the call is logged by method and path instead.
        return ""


def error_answer(call: Call, status: int, code: str, message: str) -> Answer:
    """An error in the shape that the service's SDK understands."""
    request_id = str(uuid4())
    if call.target or not (call.is_form or call.service in ("cloudfront", "s3")):
        return _json_error(call, status, code, message, request_id)
    return Answer(
        status,
        [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)],
        _xml_error(call, status, escape(code), escape(message), request_id).encode(),
    )


def _json_error(call: Call, status: int, code: str, message: str, request_id: str) -> Answer:
    headers = [
        ("Content-Type", call.content_type or "application/json"),
        ("x-amzn-errortype", code),
        ("x-amzn-RequestId", request_id),
    ]
    return Answer(status, headers, json.dumps({"__type": code, "message": message}).encode())


def _xml_error(call: Call, status: int, code: str, message: str, request_id: str) -> str:
    error = f"<Code>{code}</Code><Message>{message}</Message>"
    if call.service == "ec2":
        return f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    if call.service == "s3":
        return f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
    blame = "Receiver" if status >= 500 else "Sender"
    return (
        f"<ErrorResponse><Error><Type>{blame}</Type>{error}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def without_items(answer: Answer, ids: Collection[str], field: str = "") -> Answer:
    """An EC2 answer without those items of its result set that have one of the ids as a direct field, or as that one."""
    root = ElementTree.fromstring(answer.body)
    if root.tag.startswith("{"):
        # Otherwise every element comes back with an invented prefix.
        ElementTree.register_namespace("", root.tag[1:].partition("}")[0])
    for result_set in root:
        for item in list(result_set):
            if any(element.text in ids and element.tag.endswith(field) for element in item):
                result_set.remove(item)
    return Answer(answer.status, answer.headers, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
