from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.contract import canonical
from workloads.databases.postgresql.template import digest_of
from workloads.dataset import Dataset
from workloads.dataset.rows import STATUSES

DATASET = Dataset(users=1200, orders=1010, payload_bytes=1024, seed=7)


@given(
    user_id=st.integers(1, 2**31 - 1),
    payload_bytes=st.integers(192, 65_536),
    seed=st.integers(0, 2**63),
)
def test_the_body_of_a_user_has_exactly_the_payload_bytes(user_id, payload_bytes, seed):
    dataset = Dataset(users=2**31 - 1, orders=0, payload_bytes=payload_bytes, seed=seed)
    user = dataset.user(user_id)
    assert len(canonical.encode(user)) == payload_bytes
    assert len(user["username"]) <= 50
    assert len(user["email"]) <= 100
    assert user["created_at"].tzinfo is UTC
    assert user["created_at"].microsecond == 0


@given(order_id=st.integers(1, 2**31 - 10))
def test_an_order_belongs_to_the_user_whose_orders_hold_it(order_id):
    dataset = Dataset(users=2**31 - 1, orders=2_147_483_640, payload_bytes=1024, seed=1)
    order = dataset.order(order_id)
    assert order_id in dataset.orders_of(order["user_id"])
    assert 1 <= order["total"] <= 100_000
    assert order["status"] in STATUSES


def test_the_first_users_have_ten_orders_each_and_the_others_none():
    assert list(DATASET.orders_of(1)) == list(range(1, 11))
    assert list(DATASET.orders_of(101)) == list(range(1001, 1011))
    assert [len(DATASET.orders_of(user_id)) for user_id in (102, 1200)] == [0, 0]


def test_names_are_unique():
    users = [DATASET.user(user_id) for user_id in range(1, 1201)]
    assert len({user["username"] for user in users}) == 1200
    assert len({user["email"] for user in users}) == 1200


def test_the_digest_names_the_numbers():
    others = [
        Dataset(1200, 1010, 1024, 8),
        Dataset(1200, 1010, 1025, 7),
        Dataset(1200, 1000, 1024, 7),
        Dataset(1201, 1010, 1024, 7),
    ]
    assert DATASET.digest_with("") == Dataset(1200, 1010, 1024, 7).digest_with("")
    assert len({each.digest_with("") for each in (DATASET, *others)}) == 5


def test_the_digest_names_the_schema():
    assert DATASET.digest_with("one") != DATASET.digest_with("another")


def test_sealed_bundles_of_the_rows_in_postgresql_have_this_digest():
    digest = digest_of(Dataset(users=1000, orders=1000, payload_bytes=512, seed=1))
    assert digest == "1d1030cdb9851ad52fe39f1c407ce1f5213425ff36074f1b2996c0b09a1dc69e"


def test_the_seed_decides_the_rows():
    other = Dataset(1200, 1010, 1024, 8)
    same = Dataset(1200, 1010, 1024, 7)
    assert DATASET.user(5) == same.user(5) != other.user(5)
    assert DATASET.order(5) == same.order(5) != other.order(5)


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ((0, 0, 1024, 1), "users"),
        ((2**31, 0, 1024, 1), "users"),
        ((10, 5, 1024, 1), "orders"),
        ((10, 110, 1024, 1), "orders"),
        ((10, -10, 1024, 1), "orders"),
        ((10, 0, 191, 1), "payload_bytes"),
        ((10, 0, 65_537, 1), "payload_bytes"),
    ],
)
def test_numbers_that_describe_no_dataset_are_refused(numbers, named):
    with pytest.raises(ValueError, match=f"^{named} must"):
        Dataset(*numbers)
