"""What tests steer while the emulator runs: faults, stale reads, quotas, and where reads do not lag.

Each of these is a list under /_emulator/: GET returns what is in force, POST adds a list of objects to
it, DELETE empties it, or takes those of {"account": "..."} out of it; all three answer with the list as it is then, a wrong
request with 400.

/_emulator/faults: [{"service": "ec2", "operation": "Create*", "match": "10.7.", "agent": "aws-sdk-rust",
"times": 1, "mode": "refuse", "status": 503, "code": "...", "message": "...", "delay_ms": 0, "rate": 1.0, "seed": 0,
"writes": false}]. The first fault that fits a call is used, by a pattern for service and operation, a text that the path,
query or body contains, a text that the user agent contains, the account, and whether the call writes, if only those are
meant. Everything has a default; "times": -1 lasts until DELETE; a "rate"
below 1 strikes that part of the fitting calls, by chance from "seed"; the code "Throttled" stands for the one that the
service uses. Modes:
refuse (moto never sees the call), after-effect (moto does it, the caller gets the error, or with "status": 0 a
closed connection), delay (nothing but delay_ms, which the other modes obey too), hang-up (closed at once), silence (moto
does it and the call is logged, but no answer comes: after delay_ms the connection is closed), stale (a call that changes
nothing gets the answer that the same call got before, if that is at most delay_ms old: a read that lags behind writes).

/_emulator/hide: [{"operation": "DescribeVpcs", "id": "vpc-...", "times": -1, "agent": ""}]. An EC2 answer lacks
the items of its result set of which any direct field is the id, as in an eventually consistent read.

/_emulator/quotas: [{"service": "vpc", "quota": "L-F678F1CE", "value": 50, "account": "...", "region": "..."}],
where leaving out account or region means all of them.

/_emulator/prompt: [{"account": "..."}]. Reads in the account do not lag, see lag.py.

/_emulator/rules, for GET alone: how often each rule of strict mode has refused something, by its name.
"""

import fnmatch
import json
import random
import threading
from dataclasses import asdict, dataclass, fields
from http import HTTPStatus
from typing import Any, Self

import lag
import quotas
import strict
from wire import Answer, Call

PREFIX = "/_emulator/"
MODES = ("refuse", "after-effect", "delay", "hang-up", "silence", "stale", "short-page")
# What operations that change nothing begin with.
READS = ("AssumeRole", "BatchGet", "Describe", "Get", "Head", "List")


class BadRequest(Exception):
    pass


class Setting:
    """A dataclass that reads itself from JSON and refuses what it does not know."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        if not isinstance(value, dict):
            raise BadRequest(f"{value!r} is not an object")
        if unknown := value.keys() - {known.name for known in fields(cls)}:
            raise BadRequest(f"unknown fields: {', '.join(sorted(unknown))}")
        try:
            return cls(**value)
        except (TypeError, ValueError) as error:
            raise BadRequest(str(error)) from error


@dataclass
class Counted(Setting):
    """Something that applies to matching calls, a number of times or (-1) until it is cleared."""

    def matches(self, call: Call) -> bool:
        return fnmatch.fnmatchcase(call.operation, self.operation) and self.agent in call.agent

    def used_up(self) -> bool:
        self.hits += 1
        if self.times > 0:
            self.times -= 1
        return self.times == 0


@dataclass
class Fault(Counted):
    service: str = "*"
    operation: str = "*"
    match: str = ""
    agent: str = ""
    account: str = ""
    times: int = 1
    status: int = 500
    code: str = "InternalError"
    message: str = "injected by the test"
    mode: str = "refuse"
    delay_ms: int = 0
    rate: float = 1.0
    seed: int = 0
    writes: bool = False
    hits: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r} is none of {', '.join(MODES)}")
        # No field: it does not belong into what is listed.
        self._chance = random.Random(self.seed)

    def strikes(self) -> bool:
        return self._chance.random() < self.rate

    def matches(self, call: Call) -> bool:
        return (
            fnmatch.fnmatchcase(call.service, self.service)
            and super().matches(call)
            and self.match in call.text
            and self.account in ("", call.account)
            and not (self.writes and call.operation.startswith(READS))
        )

    @property
    def drops_connection(self) -> bool:
        return self.mode == "hang-up" or (self.mode == "after-effect" and self.status == 0)


@dataclass
class Hidden(Counted):
    operation: str
    id: str
    agent: str = ""
    times: int = -1
    hits: int = 0


@dataclass
class Quota(Setting):
    service: str
    quota: str
    value: float
    account: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        if (self.service, self.quota) not in quotas.DEFAULTS:
            raise ValueError(f"there is no quota {self.service}/{self.quota}")

    @property
    def key(self) -> tuple[str, str, str | None, str | None]:
        return self.service, self.quota, self.account, self.region


@dataclass
class Prompt(Setting):
    account: str


class Control:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._hidden: list[Hidden] = []

    def take_fault(self, call: Call) -> Fault | None:
        """The first fault that is meant for this call, counted as used."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(call) and fault.strikes():
                    if fault.used_up():
                        self._faults = [other for other in self._faults if other is not fault]
                    return fault
        return None

    def take_hidden_ids(self, call: Call) -> set[str]:
        if call.service != "ec2":
            return set()
        with self._lock:
            meant = [hidden for hidden in self._hidden if hidden.matches(call)]
            used_up = [id(hidden) for hidden in meant if hidden.used_up()]
            self._hidden = [hidden for hidden in self._hidden if id(hidden) not in used_up]
        return {hidden.id for hidden in meant}

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        try:
            return self._answer(method, path.removeprefix(PREFIX), body)
        except BadRequest as error:
            return _json_answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _answer(self, method: str, kind: str, body: bytes) -> Answer:
        if kind == "rules":
            return _json_answer(HTTPStatus.OK, {rule.name: strict.REFUSALS[rule.name] for rule in strict.CATALOGUE.entries})
        kinds = {"faults": Fault, "hide": Hidden, "prompt": Prompt, "quotas": Quota}
        if kind not in kinds:
            return _json_answer(HTTPStatus.NOT_FOUND, {"error": f"there is rules, {', '.join(kinds)}, not {kind!r}"})
        if method not in ("GET", "POST", "DELETE"):
            return _json_answer(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "use GET, POST or DELETE"})
        with self._lock:
            if method == "POST":
                self._add(kind, [kinds[kind].parse(value) for value in _json_list(body)])
            elif method == "DELETE":
                self._clear(kind, _json(body)["account"] if body else None)
            return _json_answer(HTTPStatus.OK, self._list(kind))

    def _add(self, kind: str, settings: list[Any]) -> None:
        if kind == "quotas":
            quotas.raised.update((setting.key, setting.value) for setting in settings)
        elif kind == "prompt":
            lag.PROMPT.update(setting.account for setting in settings)
        else:
            self._store(kind).extend(settings)

    def _clear(self, kind: str, account: str | None) -> None:
        if kind == "quotas":
            kept = {key: value for key, value in quotas.raised.items() if account and key[2] != account}
            quotas.raised.clear()
            quotas.raised.update(kept)
        elif kind == "prompt":
            lag.PROMPT.difference_update({account} if account else set(lag.PROMPT))
        else:
            store = self._store(kind)
            store[:] = [one for one in store if account and getattr(one, "account", None) != account]

    def _list(self, kind: str) -> list[dict[str, Any]]:
        if kind == "quotas":
            names = ("service", "quota", "account", "region")
            return [{**dict(zip(names, key)), "value": value} for key, value in quotas.raised.items()]
        if kind == "prompt":
            return [asdict(Prompt(account)) for account in sorted(lag.PROMPT)]
        return [asdict(setting) for setting in self._store(kind)]

    def _store(self, kind: str) -> list[Any]:
        return self._faults if kind == "faults" else self._hidden


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise BadRequest(f"not JSON: {error}") from error


def _json_list(body: bytes) -> list[Any]:
    value = _json(body)
    if not isinstance(value, list):
        raise BadRequest("a list is expected")
    return value


def _json_answer(status: int, value: Any) -> Answer:
    return Answer(int(status), [("Content-Type", "application/json")], json.dumps(value).encode())
