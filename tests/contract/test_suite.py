"""The suite notices what is wrong: each fault is put into a real service on purpose."""

from pathlib import Path

import pytest

from tests.services.parts import DATASET
from tests.services.running import serving, settings
from workloads.contract.suite import ContractError, all_cases, check, left_out
from workloads.dataset import Dataset

# Which case must be among those that notice it.
FAULTS = {
    "wrong_byte": "read-user",
    "blanks": "read-order",
    "escapes": "create-user:odd-characters",
    "other_type": "read-user",
    "chunked": "read-user",
    "key_order": "read-user",
    "newest_first": "list-orders",
    "no_offset": "list-users:page",
    "longer_pages": "list-orders",
    "inner_join": "users-with-orders-join:page",
    "deletes_nothing": "delete-order",
    "deletes_too_much": "untouched-rows",
    "updates_too_much": "untouched-rows",
    "stores_something_else": "create-user:odd-characters",
    "duplicates_fail": "create-user:duplicate-email",
    "accepts_unknown_fields": "update-order:unknown-colour",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(psql, fresh_clone, tmp_path, fault):
    database = fresh_clone()
    program = (str(Path(__file__).with_name("broken_service.py")), fault)
    with serving(tmp_path, settings(psql, database), program=program) as running:
        results = check(running.url, psql, database, DATASET)
    assert FAULTS[fault] in {result.name for result in results if not result.ok}


LACKED = {f"{verb}-{noun}" for verb in ("create", "update", "delete") for noun in ("user", "order")}


def test_what_a_service_lacks_is_not_asked_and_never_counts(psql, fresh_clone, tmp_path):
    cannot, database = {*LACKED, "join"}, fresh_clone()
    program = (str(Path(__file__).with_name("broken_service.py")), "lacks_writes_and_join")
    with serving(tmp_path, settings(psql, database), program=program) as running:
        results = check(running.url, psql, database, DATASET, cannot)
        assert running.stderr == ""
    assert [result for result in results if not result.ok] == []
    asked, lacked = {result.name for result in results}, left_out(DATASET, cannot)
    assert asked.isdisjoint(lacked)
    assert asked | {*lacked} == {case.name for case in all_cases(DATASET)} | {
        "untouched-rows",
        "row-count",
    }
    assert {*LACKED, "users-with-orders-join", "create-user:duplicate-email"} <= {*lacked}
    # They find what the others would have left in the database.
    assert {"read-user:created", "read-user:deleted", "read-order:created"} <= asked


@pytest.mark.parametrize("lacked", ["create-user", "update-user", "delete-order"])
def test_what_follows_a_case_that_is_left_out_is_as_ever(psql, fresh_clone, tmp_path, lacked):
    database = fresh_clone()
    with serving(tmp_path, settings(psql, database)) as running:
        results = check(running.url, psql, database, DATASET, {lacked})
    assert [result for result in results if not result.ok] == []


def test_what_came_is_shown_beside_what_should_have_come(psql, fresh_clone, tmp_path):
    database = fresh_clone()
    psql.run("UPDATE orders SET status = 'odd' WHERE id = 1", database=database)
    with serving(tmp_path, settings(psql, database)) as running:
        results = {each.name: each for each in check(running.url, psql, database, DATASET)}
    result = results["read-order"]
    assert not result.ok
    assert '"status":"odd"' in result.got
    assert f'"status":"{DATASET.status(1)}"' in result.expected
    assert len(results["list-users:greatest-limit"].got) < 1000


@pytest.mark.parametrize(("users", "orders"), [(1200, 0), (105, 1010)])
def test_a_dataset_without_the_rows_for_it_is_refused(users, orders):
    with pytest.raises(ContractError, match="too few"):
        all_cases(Dataset(users=users, orders=orders, payload_bytes=1024, seed=1))
