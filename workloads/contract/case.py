"""One case of the contract: a request, the one right answer, what the database must then hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workloads.contract import canonical
from workloads.contract.fields import ORDER_COLUMNS, USER_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.dataset.rows import Row

_COLUMNS = {"users": USER_COLUMNS, "orders": ORDER_COLUMNS}
_INSTANT = """to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


@dataclass(frozen=True)
class Effect:
    """What the database must answer afterwards."""

    question: str  #: SQL that prints one JSON value
    answer: Any  #: that value


@dataclass(frozen=True)
class Case:
    """One request and the one right answer to it."""

    name: str  #: of the operation, and after a colon of the circumstance
    method: str  #: HTTP method
    path: str  #: path and query
    status: int  #: HTTP status
    answer: bytes  #: the body; empty if there is none
    body: bytes | None = None  #: of the request, or None
    allow: str | None = None  #: value of the header Allow, or None if there is none
    #: what the database must hold afterwards, or None if the answer says it all
    effect: Effect | None = None
    #: of the request, in place of those a client sends by itself
    headers: Mapping[str, str] = field(default_factory=dict)


def found(name: str, path: str, value: object) -> Case:
    """Return a GET that is answered with a value."""
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
    """Return a request that is answered with an error.

    Args:
        name: of the case.
        request: method and path, such as ``GET /users/1``.
        status: HTTP status.
        error: the error body.
        body: of the request: a JSON value, or bytes to be sent as they are.
        effect: what the database must hold afterwards.
        headers: of the request.
    """
    method, path = request.split(" ", 1)
    answer, sent = canonical.encode(error), _bytes(body)
    return Case(name, method, path, status, answer, sent, effect=effect, headers=headers or {})


def absent(name: str, request: str, *, body: object = None) -> Case:
    """Return a request for what does not exist."""
    return refused(name, request, 404, {"error": "not_found"}, body=body)


def invalid(
    name: str,
    request: str,
    wrong: str | None,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Case:
    """Return a request with a wrong parameter or property; None blames the body as a whole."""
    error = {"error": "invalid", "field": wrong}
    return refused(name, request, 422, error, body=body, headers=headers)


def written(name: str, request: str, status: int, row: Row, *, body: object) -> Case:
    """Return a create or an update after which both the answer and the table hold a row."""
    method, path = request.split(" ", 1)
    effect = stored(path.split("/")[1], row)
    return Case(name, method, path, status, canonical.encode(row), _bytes(body), effect=effect)


def deleted(name: str, table: str, row_id: int) -> Case:
    """Return a DELETE after which the row is gone."""
    count = f"SELECT count(*) FROM {table} WHERE id = {row_id}"  # noqa: S608 - names and numbers
    return Case(name, "DELETE", f"/{table}/{row_id}", 204, b"", effect=Effect(count, 0))


def stored(table: str, row: Row) -> Effect:
    """Return the effect that a table holds exactly this row under its id."""
    columns = ", ".join(
        f"'{name}', {_INSTANT if name == 'created_at' else name}" for name in _COLUMNS[table]
    )
    question = f"SELECT json_build_object({columns}) FROM {table} WHERE id = {row['id']}"  # noqa: S608 - names and numbers
    return Effect(question, json.loads(canonical.encode(row)))


def _bytes(body: object) -> bytes | None:
    return body if body is None or isinstance(body, bytes) else canonical.encode(body)
