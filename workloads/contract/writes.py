"""The cases that write, or try to, after those that only read, on the same clone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workloads.contract.case import (
    Case,
    absent,
    deleted,
    found,
    invalid,
    refused,
    stored,
    written,
)
from workloads.contract.fields import MAX_INTEGER
from workloads.dataset.rows import ORDERS_PER_USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workloads.dataset.rows import Dataset, Row

# By how many rows each table grows over all cases.
GROWTH = {"users": 1, "orders": 0}

_CREATED_AT = datetime(2025, 2, 28, 23, 59, 59, tzinfo=UTC)
# The first and the last instant that PostgreSQL and asyncpg keep unchanged, and a leap day.
_INSTANTS = {
    "first-instant": datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC),
    "last-instant": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "leap-day": datetime(2024, 2, 29, tzinfo=UTC),
}
# Characters that JSON must escape, that it need not escape, and of two, three and four bytes.
_ODD = 'quote " backslash \\ slash / tab \t newline \n unit \x1f delete \x7f é \u2028 \U0001f600'


def user_writes(dataset: Dataset) -> Iterator[Case]:
    """Yield creates, updates and deletes of users, and those that a constraint refuses."""
    first, taken = dataset.users + 1, dataset.user(1)
    user = new_user(first, "new")
    yield written("create-user", "POST /users", 201, user, body=_without_id(user))
    odd = {**new_user(first + 1, "\u00f6\u0434\u0434"), "profile": _ODD}
    # The same body in another form: escaped, indented, keys in another order.
    dressed = dict(reversed(_without_id(odd).items()), created_at="2025-02-28T23:59:59Z")
    body = json.dumps(dressed, indent=2).encode()
    yield written("create-user:odd-characters", "POST /users", 201, odd, body=body)
    yield found("read-user:created", f"/users/{first + 1}", odd)
    for field in ("username", "email"):
        clash = {**_without_id(new_user(0, "clash")), field: taken[field]}
        yield _conflict(f"create-user:duplicate-{field}", "POST /users", "duplicate", clash)

    path = f"/users/{first}"
    yield from _user_updates(path, first, taken, user)
    yield _conflict("delete-user:with-orders", "DELETE /users/1", "user_has_orders", None, taken)
    yield deleted("delete-user", "users", dataset.users)
    yield absent("delete-user:again", f"DELETE /users/{dataset.users}")
    yield absent("read-user:deleted", f"GET /users/{dataset.users}")
    yield absent("delete-user:too-large", f"DELETE /users/{MAX_INTEGER + 1}")
    yield invalid("delete-user:word", "DELETE /users/one", "id")


def _user_updates(path: str, user_id: int, taken: Row, user: Row) -> Iterator[Case]:
    changed = {**user, "profile": _ODD}
    yield written("update-user", f"PATCH {path}", 200, changed, body={"profile": _ODD})
    every = new_user(user_id, "every field")
    yield written("update-user:every-field", f"PATCH {path}", 200, every, body=_without_id(every))
    for field in ("username", "email"):
        body = {field: taken[field]}
        yield _conflict(f"update-user:duplicate-{field}", f"PATCH {path}", "duplicate", body, every)
    same = {"username": every["username"]}
    yield written("update-user:same-name", f"PATCH {path}", 200, every, body=same)
    for word, when in _INSTANTS.items():
        every = {**every, "created_at": when}
        body = {"created_at": when}
        yield written(f"update-user:{word}", f"PATCH {path}", 200, every, body=body)
    for word, row_id in (("unknown", MAX_INTEGER), ("too-large", MAX_INTEGER + 1)):
        yield absent(f"update-user:{word}", f"PATCH /users/{row_id}", body=same)
    yield invalid("update-user:word", "PATCH /users/one", "id", body=same)


def order_writes(dataset: Dataset) -> Iterator[Case]:
    """Yield creates, updates and deletes of orders, and those that a constraint refuses."""
    first, buyers = dataset.orders + 1, dataset.orders // ORDERS_PER_USER
    nobody = {"user_id": MAX_INTEGER}
    order = new_order(first, buyers + 1)
    yield written("create-order", "POST /orders", 201, order, body=_without_id(order))
    yield found("read-order:created", f"/orders/{first}", order)
    lost = {**_without_id(order), **nobody}
    yield _conflict("create-order:unknown-user", "POST /orders", "unknown_user", lost)

    path = f"/orders/{first}"
    changed = {**order, "total": 0}
    yield written("update-order", f"PATCH {path}", 200, changed, body={"total": 0})
    changed = {**order, "total": 7}
    twice = b'{"total":5,"total":7}'
    yield written("update-order:total-twice", f"PATCH {path}", 200, changed, body=twice)
    every = {**new_order(first, buyers + 2), "total": MAX_INTEGER, "status": "paid"}
    yield written("update-order:every-field", f"PATCH {path}", 200, every, body=_without_id(every))
    yield _conflict("update-order:unknown-user", f"PATCH {path}", "unknown_user", nobody, every)
    for word, row_id in (("unknown", MAX_INTEGER), ("too-large", MAX_INTEGER + 1)):
        yield absent(f"update-order:{word}", f"PATCH /orders/{row_id}", body={"total": 1})
    yield invalid("update-order:word", "PATCH /orders/one", "id", body={"total": 1})

    yield deleted("delete-order", "orders", dataset.orders)
    yield absent("delete-order:again", f"DELETE /orders/{dataset.orders}")
    yield absent("read-order:deleted", f"GET /orders/{dataset.orders}")
    yield absent("delete-order:too-large", f"DELETE /orders/{MAX_INTEGER + 1}")
    yield invalid("delete-order:word", "DELETE /orders/one", "id")


def new_user(user_id: int, username: str) -> Row:
    """Return a user that no dataset has."""
    return {
        "id": user_id,
        "username": username,
        "email": f"{username}@example.net",
        "profile": "",
        "created_at": _CREATED_AT,
    }


def new_order(order_id: int, user_id: int) -> Row:
    """Return an order that no dataset has."""
    return {
        "id": order_id,
        "user_id": user_id,
        "total": 1999,
        "status": "returned",
        "created_at": _CREATED_AT,
    }


def _conflict(
    name: str, request: str, error: str, body: Row | None, kept: Row | None = None
) -> Case:
    table = request.split("/")[1]
    effect = None if kept is None else stored(table, kept)
    return refused(name, request, 409, {"error": error}, body=body, effect=effect)


def _without_id(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "id"}
