import json
import re
from collections import Counter

import pytest

from workloads.contract.fields import LOADINGS, OPERATIONS
from workloads.load.operations import Operation
from workloads.load.requests import read_table, repeatable, table, write_table

USERS, ORDERS = 1000, 500


def draw(*operations, count=400, **options):
    given = {"users": USERS, "orders": ORDERS, "seed": 3, "count": count, **options}
    return table(
        [Operation(each) if isinstance(each, str) else each for each in operations], **given
    )


def everything():
    return [
        Operation(name, loading="lazy" if name == "users-with-orders" else None)
        for name in OPERATIONS
    ]


def ids(requests):
    return [int(each.path.split("/")[2]) for each in requests]


def test_same_arguments_same_table():
    assert draw(*everything()) == draw(*everything())
    assert draw(*everything()) != draw(*everything(), seed=4)


def test_every_operation_has_its_method_path_and_status():
    by_name = {each.operation: each for each in draw(*everything())}
    assert by_name.keys() == set(OPERATIONS)
    seen = {
        name: (each.method, re.sub(r"\d+", "N", each.path), each.status)
        for name, each in by_name.items()
    }
    assert seen == {
        "read-user": ("GET", "/users/N", 200),
        "create-user": ("POST", "/users", 201),
        "update-user": ("PATCH", "/users/N", 200),
        "delete-user": ("DELETE", "/users/N", 204),
        "read-order": ("GET", "/orders/N", 200),
        "create-order": ("POST", "/orders", 201),
        "update-order": ("PATCH", "/orders/N", 200),
        "delete-order": ("DELETE", "/orders/N", 204),
        "list-users": ("GET", "/users", 200),
        "list-orders": ("GET", "/orders", 200),
        "users-with-orders": ("GET", "/users-with-orders?loading=lazy", 200),
        "user-orders": ("GET", "/users/N/orders", 200),
    }


def test_query_parameters_stand_in_the_path():
    paged = draw(Operation("list-users", limit=100, offset=20), count=1)
    eager = draw(Operation("users-with-orders", loading="join", limit=5), count=1)
    assert paged[0].path == "/users?limit=100&offset=20"
    assert eager[0].path == "/users-with-orders?loading=join&limit=5"


def test_bodies_have_the_contracts_fields_in_order():
    bodies = {each.operation: each.body for each in draw(*everything(), profile_bytes=77)}
    user = json.loads(bodies["create-user"])
    assert list(user) == ["username", "email", "created_at", "profile"]
    assert len(user["profile"]) == 77
    assert list(json.loads(bodies["create-order"])) == ["user_id", "total", "status", "created_at"]
    assert list(json.loads(bodies["update-user"])) == ["email"]
    assert list(json.loads(bodies["update-order"])) == ["status"]
    assert bodies["read-user"] is bodies["delete-user"] is bodies["list-users"] is None


def test_ids_are_uniform_over_the_existing_rows():
    counts = Counter(ids(draw("read-user", count=50_000)))
    assert set(counts) == set(range(1, USERS + 1))
    assert 15 < min(counts.values()) <= max(counts.values()) < 100


def test_a_fixed_id_is_always_used():
    assert set(ids(draw(Operation("read-order", id=9)))) == {9}


def test_weights_are_shares():
    counts = Counter(
        each.operation
        for each in draw(Operation("read-user", weight=3), Operation("read-order"), count=10_000)
    )
    assert 2.5 < counts["read-user"] / counts["read-order"] < 3.5


def test_deletes_take_users_without_orders_each_once_and_nobody_else_uses_them():
    requests = draw("delete-user", "read-user", "update-user", "user-orders", "create-order")
    deleted = ids([each for each in requests if each.operation == "delete-user"])
    used = ids(
        [each for each in requests if each.operation not in ("delete-user", "create-order")]
    ) + [json.loads(each.body)["user_id"] for each in requests if each.method == "POST"]
    assert len(set(deleted)) == len(deleted) > 50
    assert min(deleted) > ORDERS / 10
    assert not set(deleted) & set(used)


def test_a_fixed_id_is_never_deleted():
    requests = draw(Operation("read-user", id=990), "delete-user", orders=9_800, count=30)
    deleted = ids([each for each in requests if each.operation == "delete-user"])
    assert 10 < len(deleted) < 20
    assert 990 not in deleted


@pytest.mark.parametrize("name", OPERATIONS)
def test_only_creates_and_deletes_make_a_table_that_may_not_be_repeated(name):
    loading = "lazy" if name == "users-with-orders" else None
    assert repeatable([Operation("read-user"), Operation(name, loading=loading)]) == (
        not name.startswith(("create", "delete"))
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "read-invoice"},
        {"name": "read-user", "weight": 0},
        {"name": "read-user", "weight": float("nan")},
        {"name": "list-users", "id": 1},
        {"name": "delete-user", "id": 1},
        {"name": "read-user", "limit": 1},
        {"name": "users-with-orders"},
        {"name": "list-users", "loading": LOADINGS[0]},
    ],
)
def test_a_meaningless_operation_is_refused(fields):
    with pytest.raises(ValueError, match=fields["name"]):
        Operation(**fields)


@pytest.mark.parametrize(
    ("operations", "options", "reason"),
    [
        ((), {}, "at least one"),
        (("read-user",), {"count": 0}, "at least one"),
        (("delete-user",), {"users": 60, "orders": 500}, "only 10 may"),
        ((Operation("read-user", id=1001),), {}, "none with id 1001"),
        (("read-order",), {"orders": 0}, "no order outlasts"),
    ],
)
def test_an_impossible_table_is_refused(operations, options, reason):
    with pytest.raises(ValueError, match=reason):
        draw(*operations, **options)


def test_a_table_survives_its_file(tmp_path):
    requests = draw(*everything())
    write_table(tmp_path / "table", requests)
    assert read_table(tmp_path / "table") == requests


@pytest.mark.parametrize("text", ["", "GET\t/users\n", "GET\t/\t\tread-user\tfine\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path, text):
    (tmp_path / "table").write_text(text)
    with pytest.raises(ValueError, match="request"):
        read_table(tmp_path / "table")
