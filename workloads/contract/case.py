"""One case of the contract: a request, its only right answer, and its effect in the database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workloads.contract import canonical
from workloads.contract.fields import LOADINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.dataset.rows import Row


@dataclass(frozen=True)
class Effect:
    """What the database must hold after the request."""

    table: str
    row_id: int
    row: Row | None  #: in the contract's JSON; None if there must be no such row
    #: whether the request makes it so; where a service cannot do it, the suite does it instead
    changes: bool = False


@dataclass(frozen=True)
class Case:
    """One request and its only right answer."""

    name: str  #: name of the operation, then after a colon the circumstance
    method: str  #: HTTP method
    path: str  #: path and query
    status: int  #: HTTP status
    answer: bytes  #: body of the answer; empty without one
    body: bytes | None = None  #: body of the request, or None
    allow: str | None = None  #: value of the header Allow, or None without it
    #: what the database must hold afterwards; None if the answer shows it
    effect: Effect | None = None
    #: headers of the request, in place of the client's own
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs(self) -> frozenset[str]:
        """The names by which a service may declare that it cannot do what the case asks for."""
        operation = self.name.partition(":")[0]
        plain, _, way = operation.rpartition("-")
        return frozenset({plain, way} if way in LOADINGS else {operation})


def found(name: str, path: str, value: object) -> Case:
    """Return a GET whose answer is a value."""
    return Case(name, "GET", path, 200, canonical.encode(value))


def refused(
    name: str,
    request: str,
    status: int,
    error: Mapping[str, str | None],
    *,
    body: object = None,
    effect: Effect | None = None,
    headers: Mapping[str, str] | None = None,
) -> Case:
    """Return a request whose answer is an error.

    Its ``request`` is method and path, such as ``GET /users/1``; its ``body`` is a JSON value, or
    bytes to be sent as they are.
    """
    method, path = request.split(" ", 1)
    answer, sent = canonical.encode(error), _bytes(body)
    return Case(name, method, path, status, answer, sent, effect=effect, headers=headers or {})


def absent(name: str, request: str, *, body: object = None) -> Case:
    """Return a request for a row or path that does not exist."""
    return refused(name, request, 404, {"error": "not_found"}, body=body)


def invalid(
    name: str,
    request: str,
    wrong: str | None,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Case:
    """Return a request with a wrong parameter or field; None blames the body as a whole."""
    error = {"error": "invalid", "field": wrong}
    return refused(name, request, 422, error, body=body, headers=headers)


def written(name: str, request: str, status: int, row: Row, *, body: object) -> Case:
    """Return a create or an update whose row is in the answer and in the table."""
    method, path = request.split(" ", 1)
    table = path.split("/")[1]
    effect = replace(stored(table, row), changes=True)
    return Case(name, method, path, status, canonical.encode(row), _bytes(body), effect=effect)


def deleted(name: str, table: str, row_id: int) -> Case:
    """Return a DELETE after which the row is gone."""
    effect = Effect(table, row_id, None, changes=True)
    return Case(name, "DELETE", f"/{table}/{row_id}", 204, b"", effect=effect)


def stored(table: str, row: Row) -> Effect:
    """Return the effect that a table holds exactly this row."""
    return Effect(table, row["id"], json.loads(canonical.encode(row)))


def _bytes(body: object) -> bytes | None:
    return body if body is None or isinstance(body, bytes) else canonical.encode(body)
