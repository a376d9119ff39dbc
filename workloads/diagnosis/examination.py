"""The pass itself: the same requests to every subject, one at a time, on one connection.

Eight requests of an operation warm the service up before the five that count: psycopg prepares a
statement at its sixth execution. The pool has one connection, so all requests meet the same
prepared statements. Every subject gets the same requests on a fresh clone, so the answers of any
two subjects can be compared byte for byte.

History of the schemas: sql/1, answers/1 (first).
"""

from __future__ import annotations

import base64
import json
import tomllib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import asdict, replace

from bundle.documents.services import Answers, Cost, Declared, Shown, Sql
from workloads.contract.client import Answer, Client
from workloads.diagnosis import answers, fingerprint
from workloads.diagnosis.answers import KnownRequest
from workloads.load.operations import Operation
from workloads.load.requests import Request, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workloads.databases.interface import Recording, Sent

_SERVICES = Path(__file__).parents[1] / "services"
_WARM, _COUNTED = 8, 5
REQUESTS = _WARM + _COUNTED
"""How often the pass sends an operation."""
_KEPT_BYTES = 1 << 16  # of an answer's body, enough to name the first byte that differs


class Task(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="of",
    tag="services",
):
    """The requests to every service."""

    workloads: dict[str, list[Operation]]  #: operations by workload
    users: int  #: rows of the dataset
    orders: int  #: rows of the dataset
    profile_bytes: int  #: length of the profile of created users
    seed: int  #: decides the requests

    def operations(self) -> dict[str, Operation]:
        """Each operation once, by its key: first the reads, last the deletes."""
        by_key = {key(each): each for own in self.workloads.values() for each in own}
        ranks = {"create": 1, "update": 1, "delete": 2}

        def rank(item: tuple[str, Operation]) -> int:
            return ranks.get(item[1].name.partition("-")[0], 0)

        return dict(sorted(by_key.items(), key=rank))

    def probes(self) -> list[KnownRequest]:
        """The first request of each operation that only reads, whose answer never changes."""
        firsts = (requests[0] for requests in self.asked().values())
        return [KnownRequest.of(request) for request in firsts if request.method == "GET"]

    def asked(self) -> dict[str, list[Request]]:
        """The requests of each operation, by its key."""
        return {
            name: self.requests(operation, position)
            for position, (name, operation) in enumerate(self.operations().items())
        }

    def declared_as(self, name: str) -> str | None:
        """The table of ``statements.toml`` that declares what an operation costs, by its key."""
        operation = self.operations()[name]
        return operation.name if operation.loading is None else operation.loading

    def varies(self, _name: str) -> None:
        """None: the bytes of all answers are compared."""

    def mixes(self) -> dict[str, dict[str, float]]:
        """The weight of each operation in each workload, by the operation's key."""
        mixes: dict[str, dict[str, float]] = {}
        for name, own in self.workloads.items():
            mix = mixes.setdefault(name, {})
            for each in own:
                mix[key(each)] = mix.get(key(each), 0.0) + each.weight
        return mixes

    def requests(self, operation: Operation, position: int) -> list[Request]:
        """The requests of one operation; its position makes the names of created rows unique."""
        return table(
            [replace(operation, weight=1.0)],
            users=self.users,
            orders=self.orders,
            seed=self.seed * 1_000 + position,
            count=REQUESTS,
            profile_bytes=self.profile_bytes,
        )


class AskedOperation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operation of an application."""

    requests: list[Request]  #: those of the pass, in their order
    writes: list[str]  #: tables that it writes; none if it only reads
    varies: list[str]  #: keys of its answers that may vary


class ApplicationTask(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="of",
    tag="applications",
):
    """The requests to every application; afterwards the rows of its database are compared."""

    operations: dict[str, AskedOperation]  #: by name, first those that only read
    weights: dict[str, dict[str, float]]  #: of each operation in each workload
    columns_vary: list[str]  #: columns, as ``TABLE.COLUMN``, whose values may differ

    def asked(self) -> dict[str, list[Request]]:
        """The requests of each operation, by its name."""
        return {name: each.requests for name, each in self.operations.items()}

    def probes(self) -> list[KnownRequest]:
        """The first request of each operation that only reads and has no body."""
        return [
            KnownRequest.of(each.requests[0], each.varies)
            for each in self.operations.values()
            if not each.writes and each.requests[0].body is None
        ]

    def mixes(self) -> dict[str, dict[str, float]]:
        """The weight of each operation in each workload."""
        return self.weights

    def declared_as(self, _name: str) -> None:
        """None: an application declares no statements."""

    def varies(self, name: str) -> list[str]:
        """The keys of an operation's answers that may vary."""
        return self.operations[name].varies


type AnyTask = Task | ApplicationTask


def key(operation: Operation) -> str:
    """The name of an operation with its parameters, but without its weight."""
    row = "" if operation.id is None else f"#{operation.id}"
    return f"{operation.name}{row}{operation.query}"


@dataclass
class _Answered:
    """The requests of one operation with their answers."""

    requests: list[Request]
    answers: list[Answer]


def examine(
    url: str, *, service: str, task: AnyTask, recording: Recording, kind: str = "postgresql"
) -> tuple[Sql, Answers]:
    """Send the requests of a task to a subject; return ``sql.json`` and ``answers.json``.

    Args:
        url: address of the service, which reaches its database by one connection that is recorded.
        service: name of the service.
        task: the requests.
        recording: of the service, since before it connected.
        kind: which database it uses.

    Raises:
        OSError: the service cannot be reached.
        RuntimeError: the server did not record what it was sent.
        TimeoutError: the server does not write what it records.
    """
    asked: dict[str, _Answered] = {}
    recording.cut()  # what the service did before its first request belongs to no request
    with Client(url) as client:
        for name, requests in task.asked().items():
            asked[name] = _ask(client, requests, recording)
    pieces = iter(recording.pieces()[1:])
    costs = {
        name: _cost(
            list(islice(pieces, len(each.requests))),
            _declared(service, kind, task.declared_as(name), each),
        )
        for name, each in asked.items()
    }
    sql = Sql(
        schema="sql/1",
        service=service,
        operations=costs,
        digest=fingerprint.digest({name: cost.digest for name, cost in costs.items()}),
        mixes=task.mixes(),
    )
    shown = [
        answer for name, each in asked.items() for answer in _first(name, each, task.varies(name))
    ]
    return sql, Answers(schema="answers/1", answers=shown)


def _ask(client: Client, requests: list[Request], recording: Recording) -> _Answered:
    asked = _Answered(requests, [])
    for request in requests:
        headers = dict(request.headers)
        asked.answers.append(client.send(request.method, request.path, request.body, headers))
        recording.cut()
    return asked


def _cost(pieces: list[Sent], declared: Declared | None) -> Cost:
    """The cost of one request of an operation, from the requests after the warm-up."""
    counted = pieces[_WARM:]
    kinds = {(tuple(each.statements), each.round_trips) for each in counted}
    statements = fingerprint.counted(counted[0].statements)
    return Cost(
        requests=len(counted),
        varies=len(kinds) > 1,
        statements=statements,
        statements_per_request=fmean(len(each.statements) for each in counted),
        round_trips_per_request=fmean(each.round_trips for each in counted),
        rows_per_request=fmean(each.rows for each in counted),
        digest=fingerprint.digest(statements),
        declared=declared,
    )


def _declared(service: str, kind: str, name: str | None, asked: _Answered) -> Declared | None:
    """What a service with default options declares in its ``statements.toml``; None if nothing.

    What it sends to another database than PostgreSQL stands in ``statements-<database>.toml``.
    """
    if name is None:
        return None
    file = _SERVICES / service / f"statements{'' if kind == 'postgresql' else f'-{kind}'}.toml"
    declared = tomllib.loads(file.read_text()).get(name) if file.exists() else None
    if declared is None:
        return None
    more = declared.get("for_each_element", 0) * _elements(asked.answers[_WARM])
    return Declared(
        statements=declared["statements"] + more, round_trips=declared["round_trips"] + more
    )


def _first(name: str, asked: _Answered, varies: Sequence[str] | None) -> Iterator[Shown]:
    """Each different request of an operation with its first answer."""
    seen = set()
    for request, answer in zip(asked.requests, asked.answers, strict=True):
        if request not in seen:
            seen.add(request)
            recorded = answers.record(f"{request.method} {request.path}", answer, varies)
            body = answer.body if varies is None else answers.canonical(answer.body, varies)
            yield Shown(
                operation=name,
                expected_status=request.status,
                begins=base64.b64encode(body[:_KEPT_BYTES]).decode(),
                **asdict(recorded),
            )


def _elements(answer: Answer) -> int:
    """The length of the list in an answer; 0 if it holds none."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        return 0
    return len(value) if isinstance(value, list) else 0
