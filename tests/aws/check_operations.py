"""Compares operations.py with the service models of botocore and with the fields of the kinds."""

import re
from pathlib import Path

import botocore.session

from checks import Aws, check, same
from operations import COVERED, NAMED_BY, PARTS, READS, WAIVED, WAIVERS

RESOURCES = Path(__file__).resolve().parents[2] / "docs/resources.md"


def writing_operations(kind: str) -> set[str]:
    service, members, *names = NAMED_BY[kind]
    model = botocore.session.get_session().get_service_model(service)
    writing = [name for name in model.operation_names if not name.startswith(READS)]
    shapes = {name: model.operation_model(name).input_shape for name in writing}
    named = {name for name, shape in shapes.items() if shape and members & set(shape.members)}
    return {name for name in named if all(re.search(pattern, name) for pattern in names)}


def fields_by_kind() -> dict[str, set[str]]:
    """What docs/resources.md, which is made from the sources, says of each kind."""
    fields: dict[str, set[str]] = {}
    kind = ""
    for line in RESOURCES.read_text().splitlines():
        if heading := re.fullmatch(r"## (\S+/\S+)", line):
            kind = heading[1]
            fields[kind] = {"existence"}
        elif kind and (row := re.match(r"\| `(\w+)` \| `", line)):
            fields[kind].add(row[1])
    return fields


@check
def every_writing_operation_has_a_field_or_a_reason(_aws: Aws) -> None:
    fields = fields_by_kind()
    same(fields.keys(), NAMED_BY.keys() | PARTS.keys())
    for kind in NAMED_BY:
        covered, waived = COVERED.get(kind, {}), WAIVED.get(kind, {})
        own = fields[kind].union(*(fields[part] for part, whole in PARTS.items() if whole == kind))
        same(covered.keys() - own, set())
        listed = [name for names in (*covered.values(), *waived.values()) for name in names]
        same(sorted(listed), sorted(set(listed)))
        same((kind, set(listed) ^ writing_operations(kind)), (kind, set()))


@check
def no_more_is_waived_than_was_decided(_aws: Aws) -> None:
    same(sum(len(names) for reasons in WAIVED.values() for names in reasons.values()), WAIVERS)
