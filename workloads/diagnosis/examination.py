"""The pass itself: the same requests to every subject, one at a time, on one connection.

The service is warm: two requests of an operation go before the five that count. With one
connection in the pool all of them meet the same prepared statements. Every subject gets the same
requests on a fresh clone, so its answers can be compared with those of any other, byte for byte.

History of the schemas: sql/1, answers/1 (first).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from itertools import islice
from statistics import fmean
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import asdict, replace

from bundle.documents.services import Answers, Cost, Shown, Sql
from workloads.contract.client import Answer, Client
from workloads.diagnosis import answers, declared, fingerprint
from workloads.load.operations import Operation
from workloads.load.requests import Request, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workloads.diagnosis.log import StatementLog
    from workloads.diagnosis.proxy import Counts, Proxy

_WARM, _COUNTED = 2, 5
_KEPT_BYTES = 1 << 16  # of an answer's body, to name the first byte that differs


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of every subject."""

    workloads: dict[str, list[Operation]]  #: the operations of each
    users: int  #: rows of the dataset
    orders: int  #: rows of the dataset
    profile_bytes: int  #: length of the profile of created users
    seed: int  #: decides the requests

    def operations(self) -> dict[str, Operation]:
        """Each operation once, by its key: reads find the rows untouched, deletes come last."""
        all_of = {key(each): each for own in self.workloads.values() for each in own}
        ranks = {"create": 1, "update": 1, "delete": 2}
        ordered = sorted(
            all_of.items(), key=lambda item: ranks.get(item[1].name.partition("-")[0], 0)
        )
        return dict(ordered)

    def probes(self) -> list[Request]:
        """The first request of each operation that only reads: their answers never change."""
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
        """The requests of one operation; names of rows that it creates are its own."""
        return table(
            [replace(operation, weight=1.0)],
            users=self.users,
            orders=self.orders,
            seed=self.seed * 1_000 + position,
            count=_WARM + _COUNTED,
            profile_bytes=self.profile_bytes,
        )


def key(operation: Operation) -> str:
    """What tells one operation of a plan from another, whatever its weight."""
    row = "" if operation.id is None else f"#{operation.id}"
    return f"{operation.name}{row}{operation.query}"


@dataclass
class _Asked:
    """The requests of one operation, their answers and counts; statements follow from the log."""

    operation: Operation
    requests: list[Request]
    answers: list[Answer]
    counts: list[Counts]


def examine(
    url: str, *, service: str, task: Task, proxy: Proxy, log: StatementLog
) -> tuple[Sql, Answers]:
    """Send the requests of a task to a service.

    Args:
        url: of the service, whose database is reached through the proxy on one connection.
        service: its name, for what it declares.
        task: the requests.
        proxy: between the service and the server.
        log: of the database, switched on before the service connected.

    Returns:
        The documents ``sql.json`` and ``answers.json``.

    Raises:
        OSError: the service cannot be reached.
        RuntimeError: the server did not log what it was sent.
        TimeoutError: the server's log does not grow.
    """
    asked: dict[str, _Asked] = {}
    log.mark()  # what the service did before its first request belongs to none
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
    """The statements of all requests, in order; with one connection they fall to each by number.

    Raises:
        RuntimeError: the server logged more or fewer than it was sent.
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
    """What one request of an operation costs, of those after the first two."""
    counted, counts = pieces[_WARM:], asked.counts[_WARM:]
    kinds = {
        (tuple(statements), count.round_trips)
        for statements, count in zip(counted, counts, strict=True)
    }
    statements = fingerprint.counted(counted[0])
    declaration = declared.cost(
        service,
        asked.operation.name,
        asked.operation.loading,
        _elements(asked.answers[_WARM]),
    )
    return Cost(
        requests=len(counts),
        varies=len(kinds) > 1,
        statements=statements,
        statements_per_request=fmean(len(each) for each in counted),
        round_trips_per_request=fmean(count.round_trips for count in counts),
        rows_per_request=fmean(count.rows for count in counts),
        digest=fingerprint.digest(statements),
        declared=declaration,
    )


def _first(name: str, asked: _Asked) -> Iterator[Shown]:
    """Each different request of an operation and what was answered to it first."""
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
    """The length of the list that was answered; 0 if it was none."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        return 0
    return len(value) if isinstance(value, list) else 0
