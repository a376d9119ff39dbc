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
from workloads.load.operations import Operation
from workloads.load.requests import Request, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workloads.diagnosis.log import StatementLog
    from workloads.diagnosis.proxy import Counts, Proxy

_SERVICES = Path(__file__).parents[1] / "services"
_WARM, _COUNTED = 8, 5
_KEPT_BYTES = 1 << 16  # of an answer's body, enough to name the first byte that differs


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The requests to every subject."""

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

    def probes(self) -> list[Request]:
        """The first request of each operation that only reads, whose answer never changes."""
        firsts = (
            self.requests(operation, position)[0]
            for position, operation in enumerate(self.operations().values())
        )
        return [request for request in firsts if request.method == "GET"]

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
            count=_WARM + _COUNTED,
            profile_bytes=self.profile_bytes,
        )


def key(operation: Operation) -> str:
    """The name of an operation with its parameters, but without its weight."""
    row = "" if operation.id is None else f"#{operation.id}"
    return f"{operation.name}{row}{operation.query}"


@dataclass
class _Asked:
    """The requests of one operation with their answers and message counts."""

    operation: Operation
    requests: list[Request]
    answers: list[Answer]
    counts: list[Counts]


def examine(
    url: str, *, service: str, task: Task, proxy: Proxy, log: StatementLog
) -> tuple[Sql, Answers]:
    """Send the requests of a task to a service; return ``sql.json`` and ``answers.json``.

    Args:
        url: address of the service, which reaches its database by one connection to the proxy.
        service: name of the service.
        task: the requests.
        proxy: between the service and the server.
        log: of the database, switched on before the service connected.

    Raises:
        OSError: the service cannot be reached.
        RuntimeError: the server did not log what it was sent.
        TimeoutError: the server's log does not grow.
    """
    asked: dict[str, _Asked] = {}
    log.mark()  # what the service did before its first request belongs to no request
    start = proxy.counts
    with Client(url) as client:
        for position, (name, operation) in enumerate(task.operations().items()):
            asked[name] = _ask(client, operation, task.requests(operation, position), proxy)
    statements = _logged(log, (proxy.counts - start).statements)
    costs = {
        name: _cost(service, each, [list(islice(statements, n.statements)) for n in each.counts])
        for name, each in asked.items()
    }
    sql = Sql(
        schema="sql/1",
        service=service,
        operations=costs,
        digest=fingerprint.digest({name: cost.digest for name, cost in costs.items()}),
        mixes=task.mixes(),
    )
    shown = [answer for name, each in asked.items() for answer in _first(name, each)]
    return sql, Answers(schema="answers/1", answers=shown)


def _logged(log: StatementLog, sent: int) -> Iterator[str]:
    """The statements of all requests, in order: on one connection, counts assign them to requests.

    Raises:
        RuntimeError: the server logged more or fewer statements than were sent.
    """
    log.mark()
    logged = log.pieces()[1]
    if len(logged) != sent:
        raise RuntimeError(f"{sent} statements were sent, but the server logged {len(logged)}")
    return iter(logged)


def _ask(client: Client, operation: Operation, requests: list[Request], proxy: Proxy) -> _Asked:
    asked = _Asked(operation, requests, [], [])
    for request in requests:
        before = proxy.counts
        asked.answers.append(client.send(request.method, request.path, request.body))
        asked.counts.append(proxy.counts - before)
    return asked


def _cost(service: str, asked: _Asked, pieces: list[list[str]]) -> Cost:
    """The cost of one request of an operation, from the requests after the warm-up."""
    counted, counts = pieces[_WARM:], asked.counts[_WARM:]
    kinds = {
        (tuple(statements), count.round_trips)
        for statements, count in zip(counted, counts, strict=True)
    }
    statements = fingerprint.counted(counted[0])
    return Cost(
        requests=len(counts),
        varies=len(kinds) > 1,
        statements=statements,
        statements_per_request=fmean(len(each) for each in counted),
        round_trips_per_request=fmean(count.round_trips for count in counts),
        rows_per_request=fmean(count.rows for count in counts),
        digest=fingerprint.digest(statements),
        declared=_declared(service, asked),
    )


def _declared(service: str, asked: _Asked) -> Declared | None:
    """What a service with default options declares in its ``statements.toml``; None if nothing."""
    operation = asked.operation
    table = tomllib.loads((_SERVICES / service / "statements.toml").read_text())
    declared = table.get(operation.name if operation.loading is None else operation.loading)
    if declared is None:
        return None
    more = declared.get("for_each_element", 0) * _elements(asked.answers[_WARM])
    return Declared(
        statements=declared["statements"] + more, round_trips=declared["round_trips"] + more
    )


def _first(name: str, asked: _Asked) -> Iterator[Shown]:
    """Each different request of an operation with its first answer."""
    seen = set()
    for request, answer in zip(asked.requests, asked.answers, strict=True):
        if request not in seen:
            seen.add(request)
            recorded = answers.record(f"{request.method} {request.path}", answer)
            yield Shown(
                operation=name,
                expected_status=request.status,
                begins=base64.b64encode(answer.body[:_KEPT_BYTES]).decode(),
                **asdict(recorded),
            )


def _elements(answer: Answer) -> int:
    """The length of the list in an answer; 0 if it holds none."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        return 0
    return len(value) if isinstance(value, list) else 0
