"""The request table: what a generator sends, drawn from a seed before the trial starts.

Every subject of a block gets the same table, so a difference between subjects is never one of
work. Operations are in ``workloads.load.operations``.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from workloads.contract import canonical
from workloads.dataset.rows import ORDERS_PER_USER, STATUSES
from workloads.load.operations import LISTS, METHODS, SUCCESS, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

CREATED_AT = "2024-01-01T00:00:00Z"


class Repeatable(Protocol):
    """An operation, of the contract or of an application."""

    @property
    def repeatable(self) -> bool:
        """Whether the same request may be sent twice."""
        ...


def bracketed(host: str) -> str:
    """Return a host as URLs and the header Host have it: an IPv6 address in brackets (RFC 3986)."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request and what its answer must be."""

    method: str  #: GET, POST, PATCH or DELETE
    path: str  #: path and query
    body: bytes | None  #: canonical JSON, or None
    operation: str  #: name of the operation it came from
    status: int  #: the one status of success, 2xx
    #: of the request, besides those that every generator sends; values in printable ASCII
    headers: tuple[tuple[str, str], ...] = ()


def table(
    operations: Sequence[Operation],
    *,
    users: int,
    orders: int,
    seed: int,
    count: int,
    profile_bytes: int = 1024,
) -> list[Request]:
    """Draw a table of requests; the same arguments give the same table on every machine.

    Ids are uniform over the rows that exist during the whole trial: a row that some delete of the
    table takes is never read or updated by it. Deletes of users take users without orders. Names
    of created and updated users are unique over the whole table.

    Args:
        operations: the workload.
        users: rows in users, ids 1 to ``users``.
        orders: rows in orders, ids 1 to ``orders``, ten each for the first ``orders / 10`` users.
        seed: decides every draw.
        count: requests in the table.
        profile_bytes: length of the profile of created users.

    Raises:
        ValueError: there is nothing to draw from; a fixed id names no row; or there are more
            deletes than rows that may be deleted.
    """
    if not operations or count < 1:
        raise ValueError("a table needs at least one operation and one request")
    random = Random(f"requests {seed}")  # noqa: S311 - reproducible, not secret
    drawn = random.choices(operations, [each.weight for each in operations], k=count)
    with_orders = -(-orders // ORDERS_PER_USER)
    ids = {
        "user": _Ids(random, "user", drawn, last=users, deletable_from=with_orders + 1),
        "order": _Ids(random, "order", drawn, last=orders, deletable_from=1),
    }
    draw = _Draw(random, ids, mark=f"load-{seed}", profile_bytes=profile_bytes)
    return [draw.request(each, row) for row, each in enumerate(drawn)]


def repeatable(operations: Iterable[Repeatable]) -> bool:
    """Whether a generator may start again at the top of a table of these operations."""
    return all(each.repeatable for each in operations)


def write_table(path: Path, requests: Iterable[Request]) -> None:
    r"""Write one request a line: ``METHOD\tpath\tbody\toperation\tstatus``.

    The body is JSON, whose canonical form has neither tabs nor newlines; empty means none. Each
    header of its own is one more column, ``\tName: value``.
    """
    with path.open("wb") as out:
        for each in requests:
            headers = "".join(f"\t{name}: {value}" for name, value in each.headers)
            head, tail = f"{each.method}\t{each.path}\t", f"\t{each.operation}\t{each.status}"
            out.write(head.encode() + (each.body or b"") + f"{tail}{headers}\n".encode())


def read_table(path: Path) -> list[Request]:
    """Read a table that ``write_table`` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is not a request, or there is none; the message names the line.
    """
    requests = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                columns = line.rstrip(b"\n").split(b"\t")
                method, target, body, operation, status = columns[:5]
                wanted = int(status)
                headers = tuple(map(_header, columns[5:]))
            except ValueError:
                raise ValueError(f"line {number} of {path} is not a request") from None
            told = (method.decode(), target.decode(), body or None, operation.decode(), wanted)
            requests.append(Request(*told, headers))
    if not requests:
        raise ValueError(f"{path} has no request")
    return requests


def _header(column: bytes) -> tuple[str, str]:
    name, colon, value = column.decode().partition(": ")
    if not colon:
        raise ValueError("a column is no header")
    return name, value


class _Ids:
    """The ids of one relation: some to be deleted, each once; the others for everything else."""

    def __init__(
        self,
        random: Random,
        relation: str,
        drawn: Sequence[Operation],
        *,
        last: int,
        deletable_from: int,
    ) -> None:
        fixed = {each.id for each in drawn if each.id is not None and each.relation == relation}
        if any(not 1 <= each <= last for each in fixed):
            raise ValueError(f"there are {last} {relation}s, so none with id {max(fixed)}")
        deletes = sum(each.name == f"delete-{relation}" for each in drawn)
        free = range(deletable_from, last + 1)
        # Enough spare ones that those which an operation fixes can be left out.
        sample = random.sample(free, min(len(free), deletes + len(fixed)))
        self._doomed = [each for each in sample if each not in fixed][:deletes]
        if len(self._doomed) < deletes:
            raise ValueError(
                f"{deletes} deletes of {relation}s, but only {len(self._doomed)} may be deleted"
            )
        self._excluded = frozenset(self._doomed)
        self._random, self._relation, self._last = random, relation, last

    def lasting(self) -> int:
        """Draw an id that exists during the whole trial."""
        if len(self._excluded) >= self._last:
            raise ValueError(f"no {self._relation} outlasts the trial")
        while True:
            drawn = self._random.randint(1, self._last)
            if drawn not in self._excluded:
                return drawn

    def doomed(self) -> int:
        """Take the next id to delete."""
        return self._doomed.pop()


class _Draw:
    """Turns operations into requests, in the order of the table."""

    def __init__(
        self, random: Random, ids: dict[str, _Ids], *, mark: str, profile_bytes: int
    ) -> None:
        self._random = random
        self._ids = ids
        self._mark = mark
        self._profile_bytes = profile_bytes

    def request(self, operation: Operation, row: int) -> Request:
        verb, _, noun = operation.name.partition("-")
        method = METHODS.get(verb, "GET")
        fields = self._fields(verb, noun, row)
        return Request(
            method=method,
            path=self._path(operation, verb) + operation.query,
            body=None if fields is None else canonical.encode(fields),
            operation=operation.name,
            status=SUCCESS[method],
        )

    def _path(self, operation: Operation, verb: str) -> str:
        relation = operation.relation
        if relation is None:
            return LISTS[operation.name]
        if verb == "create":
            return f"/{relation}s"
        ids = self._ids[relation]
        row_id = ids.doomed() if verb == "delete" else operation.id or ids.lasting()
        return f"/{relation}s/{row_id}" + ("/orders" if operation.name == "user-orders" else "")

    def _fields(self, verb: str, noun: str, row: int) -> dict[str, object] | None:
        unique = f"{self._mark}-{row}"
        match verb, noun:
            case "create", "user":
                profile = self._random.randbytes(self._profile_bytes).hex()
                return {
                    "username": unique,
                    "email": f"{unique}@example.net",
                    "created_at": CREATED_AT,
                    "profile": profile[: self._profile_bytes],
                }
            case "create", "order":
                return {
                    "user_id": self._ids["user"].lasting(),
                    "total": self._random.randint(1, 100_000),
                    "status": self._random.choice(STATUSES),
                    "created_at": CREATED_AT,
                }
            case "update", "user":
                return {"email": f"{unique}@example.net"}
            case "update", "order":
                return {"status": self._random.choice(STATUSES)}
        return None
