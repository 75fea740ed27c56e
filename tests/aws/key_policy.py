"""Just enough of key policy evaluation to tell whom a KMS key policy lets in."""

import fnmatch
import json
from typing import Any


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(policy: str) -> list[dict[str, Any]] | None:
    """The statements of a policy document, or None if it is not one."""
    try:
        document = json.loads(policy)
        found = as_list(document["Statement"])
    except (ValueError, KeyError, TypeError):
        return None
    complete = ("Effect", "Principal", "Action", "Resource")
    well_formed = found and all(isinstance(s, dict) and all(key in s for key in complete) for s in found)
    return found if well_formed and document.get("Version") in ("2012-10-17", "2008-10-17") else None


def about(policy: str, resource: str) -> str:
    """The policy with only those of its statements that are about the resource."""
    own = [one for one in statements(policy) or [] if any(_like(resource, arn) for arn in as_list(one["Resource"]))]
    return json.dumps({"Version": "2012-10-17", "Statement": own})


def allows(policy: str, principals: set[str], action: str, context: dict[str, str]) -> bool:
    """Whether the policy allows the action to one of the principals and does not deny it."""
    applying = [s for s in statements(policy) or [] if _applies(s, principals, action, context)]
    effects = {statement["Effect"] for statement in applying}
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: dict[str, Any], principals: set[str], action: str, context: dict[str, str]) -> bool:
    return (
        not principals.isdisjoint(_principals(statement["Principal"]))
        and any(_like(action.lower(), pattern.lower()) for pattern in as_list(statement["Action"]))
        and conditions_hold(statement.get("Condition", {}), context, statement["Effect"] == "Allow")
    )


def _principals(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    return {name for names in value.values() for name in as_list(names)}


def conditions_hold(conditions: dict[str, Any], context: dict[str, str], unknown: bool) -> bool:
    """`unknown` is what a condition on a key outside the context counts as: the emulator does not know
    every key, and refuses only what it is sure of."""
    return all(
        _holds(operator, context[key], [str(want) for want in as_list(wanted)]) if key in context else unknown
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, value: str, wanted: list[str]) -> bool:
    compare = str.__eq__ if operator.startswith(("StringEquals", "StringNotEquals")) else _like
    return any(compare(value, want) for want in wanted) != ("Not" in operator)


def _like(value: str, pattern: str) -> bool:
    # A policy knows no character classes, fnmatch does.
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))
