"""The cases that only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workloads.contract import canonical
from workloads.contract.case import Case, absent, found, invalid
from workloads.contract.fields import DEFAULT_LIMIT, LOADINGS, MAX_INTEGER, MAX_LIMIT
from workloads.dataset.rows import ORDERS_PER_USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workloads.dataset.rows import Dataset, Row

_LISTS = {
    "list-users": "/users?",
    "list-orders": "/orders?",
    "user-orders": "/users/1/orders?",
    "users-with-orders": "/users-with-orders?loading=join&",
}
_WRONG_QUERIES = {
    "limit": (
        *("limit=0", f"limit={MAX_LIMIT + 1}", "limit=-1", "limit=1.0", "limit=", "limit=%D9%A1"),
        "limit=1&limit=1",
    ),
    "offset": ("offset=-1", "offset=x", f"offset={MAX_INTEGER + 1}"),
    "page": ("page=1",),
}
_METHODS = {
    "/health": "GET",
    "/users": "GET, POST",
    "/users/1": "GET, PATCH, DELETE",
    "/orders": "GET, POST",
    "/orders/1": "GET, PATCH, DELETE",
    "/users/1/orders": "GET",
    "/users-with-orders": "GET",
}
_NO_PATHS = (
    *("/", "/user", "/users/", "/users/1/", "/users/1/orders/1", "/users/1/users", "/users//1"),
    *("/Users/1", "/users/./1", "/users%2F1", "/users/1%2F2", "/users/1%2forders", "/orders%2f1"),
)
# Operations that have no parameters, so that every parameter is an unknown one.
_WITHOUT_PARAMETERS = (
    ("health", "GET /health"),
    *(
        (f"{verb}-{noun}", f"{method} /{noun}s{'' if verb == 'create' else '/1'}")
        for noun in ("user", "order")
        for verb, method in (
            ("read", "GET"),
            ("create", "POST"),
            ("update", "PATCH"),
            ("delete", "DELETE"),
        )
    ),
)
# Requests with several faults. The contract's order: the id, names of parameters, their values.
_WRONG_AT_ONCE = (
    ("read-user", "/users/one?page=1", "id"),
    ("user-orders", "/users/one/orders?page=1", "id"),
    ("user-orders", "/users/one/orders?limit=x", "id"),
    ("user-orders", "/users/1/orders?limit=x&page=1", "page"),
    ("list-users", "/users?offset=x&limit=x", "limit"),
    ("users-with-orders", "/users-with-orders?page=1", "page"),
    ("users-with-orders", "/users-with-orders?limit=x", "limit"),
    ("users-with-orders", "/users-with-orders?loading=eager&offset=x", "offset"),
)


def operations(dataset: Dataset) -> Iterator[Case]:
    """Yield each reading operation once, as the loads send it."""
    users = [dataset.user(user_id) for user_id in _first(dataset.users)]
    yield found("read-user", "/users/1", users[0])
    yield found("list-users", "/users", users)
    if dataset.orders:
        yield found("read-order", "/orders/1", dataset.order(1))
    orders = [dataset.order(order_id) for order_id in _first(dataset.orders)]
    yield found("list-orders", "/orders", orders)
    yield found("user-orders", "/users/1/orders", _named_orders(dataset, 1))
    full = [_with_orders(dataset, user["id"]) for user in users]
    for way in LOADINGS:
        yield found(f"users-with-orders-{way}", f"/users-with-orders?loading={way}", full)


def pages(dataset: Dataset) -> Iterator[Case]:
    """Yield the first and last rows, the edges of pages, and lists without rows."""
    last, last_order = dataset.users, dataset.orders
    buyers = last_order // ORDERS_PER_USER
    yield found("read-user:last", f"/users/{last}", dataset.user(last))
    yield found("read-user:leading-zeros", "/users/0001", dataset.user(1))
    yield found("read-user:escaped", "/users/%31", dataset.user(1))
    yield found("read-order:last", f"/orders/{last_order}", dataset.order(last_order))
    for table, row, rows in (("users", dataset.user, last), ("orders", dataset.order, last_order)):
        name, path = f"list-{table}", f"/{table}?"
        yield found(f"{name}:page", path + "limit=3&offset=1", [row(2), row(3), row(4)])
        most = [row(row_id) for row_id in _first(rows, MAX_LIMIT)]
        yield found(f"{name}:greatest-limit", path + f"limit={MAX_LIMIT}", most)
        yield found(f"{name}:end", path + f"offset={rows - 2}", [row(rows - 1), row(rows)])
        yield found(f"{name}:beyond", path + f"offset={rows}", [])
        yield found(f"{name}:far-beyond", path + f"offset={MAX_INTEGER}", [])
    page = _named_orders(dataset, buyers)[8:]
    yield found("user-orders:page", f"/users/{buyers}/orders?limit=3&offset=8", page)
    yield found("user-orders:without", f"/users/{buyers + 1}/orders", [])
    yield found("user-orders:unknown-user", f"/users/{last + 1}/orders", [])
    # The last user with orders, and two without.
    border = [_with_orders(dataset, buyers + step) for step in range(3)]
    for way in LOADINGS:
        name, path = f"users-with-orders-{way}", f"/users-with-orders?loading={way}&"
        yield found(f"{name}:page", path + f"limit=3&offset={buyers - 1}", border)
        yield found(f"{name}:beyond", path + f"offset={last}", [])


def refusals() -> Iterator[Case]:
    """Yield the reads and parameters that are refused, and methods and paths that do not exist."""
    for noun in ("user", "order"):
        for word, row_id in (
            ("zero", "0"),
            ("unknown", MAX_INTEGER),
            ("too-large", MAX_INTEGER + 1),
            ("endless", "9" * 5000),
        ):
            yield absent(f"read-{noun}:{word}", f"GET /{noun}s/{row_id}")
        for text in ("one", "-1", "+1", "-0", "1.0", "%D9%A1", "%20", "%00", "%FF", "%7B", "{id}"):
            yield invalid(f"read-{noun}:{text}", f"GET /{noun}s/{text}", "id")
    yield absent("user-orders:too-large", f"GET /users/{MAX_INTEGER + 1}/orders")
    yield invalid("user-orders:word", "GET /users/one/orders", "id")
    for name, path in _LISTS.items():
        for parameter, queries in _WRONG_QUERIES.items():
            for query in queries:
                yield invalid(f"{name}:{query}", f"GET {path}{query}", parameter)
    for query in ("", "?loading=", "?loading=eager", "?loading=join&loading=join"):
        yield invalid(f"users-with-orders:{query}", f"GET /users-with-orders{query}", "loading")
    for name, request in _WITHOUT_PARAMETERS:
        yield invalid(f"{name}:page=1", f"{request}?page=1", "page")
    for name, path, wrong in _WRONG_AT_ONCE:
        yield invalid(f"{name}:{path}", f"GET {path}", wrong)
    yield from _unrouted()


def _unrouted() -> Iterator[Case]:
    for path in _NO_PATHS:
        yield absent(f"no-such-path:{path}", f"GET {path}")
    answer = canonical.encode({"error": "method_not_allowed"})
    for path, allow in _METHODS.items():
        yield Case(f"wrong-method:{path}", "PUT", path, 405, answer, b"{}", allow)
        yield Case(f"wrong-method:OPTIONS {path}", "OPTIONS", path, 405, answer, None, allow)
        yield Case(f"wrong-method:HEAD {path}", "HEAD", path, 405, b"", None, allow)


def _first(rows: int, limit: int = DEFAULT_LIMIT) -> range:
    return range(1, min(rows, limit) + 1)


def _named_orders(dataset: Dataset, user_id: int) -> list[Row]:
    username = dataset.user(user_id)["username"]
    return [
        {**dataset.order(order_id), "username": username} for order_id in dataset.orders_of(user_id)
    ]


def _with_orders(dataset: Dataset, user_id: int) -> Row:
    orders = [dataset.order(order_id) for order_id in dataset.orders_of(user_id)]
    return {**dataset.user(user_id), "orders": orders}
