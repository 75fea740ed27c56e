"""The register behind mends.py and strict.py: what is changed about moto, and why."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    name: str
    reason: str
    install: Callable[[], None]
    code: str = ""

    def __str__(self) -> str:
        code = f" [{self.code}]" if self.code else ""
        return f"{self.name}{code}: {self.reason}"


@dataclass
class Catalogue:
    entries: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        if any(known.name == entry.name for known in self.entries):
            raise ValueError(f"{entry.name} is registered twice")
        self.entries.append(entry)

    def install(self) -> None:
        for entry in self.entries:
            entry.install()


def around(owner: type, name: str) -> Callable[[Callable], Callable]:
    """Replaces `owner.name` by a function that gets the original as its first argument."""

    def install(replacement: Callable) -> Callable:
        original = getattr(owner, name)

        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            return replacement(original, self, *args, **kwargs)

        setattr(owner, name, call)
        return replacement

    return install
