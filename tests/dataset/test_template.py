import json
import subprocess
import sys
from copy import replace
from itertools import count

import pytest

from workloads.databases import known as databases
from workloads.databases.interface import ChecksumError
from workloads.databases.postgresql import template as making
from workloads.databases.postgresql.psql import PsqlError
from workloads.databases.postgresql.template import clone, digest_of, drop, ensure_template
from workloads.dataset import Dataset

SEEDS = count(100)
CLONE = "clone_of_template"


@pytest.fixture
def dataset():
    """A dataset that no other test has seeded."""
    return Dataset(users=120, orders=100, payload_bytes=256, seed=next(SEEDS))


@pytest.fixture
def remove(psql, dataset):
    yield
    drop(psql, CLONE)
    drop(psql, f"ormlab_{digest_of(dataset)[:12]}")


@pytest.fixture
def template(psql, dataset, remove):  # noqa: ARG001 - only to be removed again
    return ensure_template(psql, dataset)


def known(psql, name):
    return psql.run(f"SELECT datname FROM pg_database WHERE datname = '{name}'") == name


def test_a_template_says_what_it_holds(dataset, template):
    assert template.database == f"ormlab_{digest_of(dataset)[:12]}"
    assert template.rows == {"users": 120, "orders": 100}
    assert template.checksums.keys() == {"users", "orders"}
    assert list(template.seconds) == ["load", "constraints", "verify", "finish"]
    assert not template.reused


def test_the_server_holds_the_pure_rows(psql, dataset, template):
    clone(psql, template.database, CLONE)
    got = psql.run(
        "SET timezone = 'UTC'; SELECT row_to_json(u) FROM users u ORDER BY id", database=CLONE
    )
    held = [json.loads(line) for line in got.splitlines()]
    assert len(held) == 120
    for row in held:
        expected = dataset.user(row["id"])
        assert row == {**expected, "created_at": expected["created_at"].isoformat()}


def test_a_template_accepts_no_connection_and_is_not_dropped_by_a_slip(psql, template):
    with pytest.raises(PsqlError, match="not currently accepting connections"):
        psql.run("SELECT 1", database=template.database)
    with pytest.raises(PsqlError, match="cannot drop a template"):
        psql.run(f"DROP DATABASE {template.database}")


def test_a_template_is_dropped_when_that_is_meant(psql, template):
    drop(psql, template.database)
    assert not known(psql, template.database)
    drop(psql, template.database)


def test_a_finished_template_is_reused(psql, dataset, template):
    again = ensure_template(psql, dataset)
    assert again == replace(template, seconds={}, reused=True)


@pytest.mark.usefixtures("remove")
def test_what_a_killed_seeding_left_is_made_again(psql, dataset):
    name = f"ormlab_{digest_of(dataset)[:12]}"
    psql.run(f"CREATE DATABASE {name}")
    psql.run("CREATE TABLE users (half int)", database=name)
    assert not ensure_template(psql, dataset).reused


def test_an_unfinished_template_is_made_again(psql, dataset, template):
    psql.run(f"COMMENT ON DATABASE {template.database} IS NULL")
    assert not ensure_template(psql, dataset).reused


@pytest.mark.usefixtures("remove")
def test_rows_that_come_back_changed_are_noticed(psql, dataset, monkeypatch):
    tamper = "UPDATE users SET profile = reverse(profile) WHERE id = 7;"
    sql, digest = making.sql, making.digest_of(dataset)
    monkeypatch.setattr(making, "sql", lambda name: sql(name) + tamper)
    monkeypatch.setattr(making, "digest_of", lambda _: digest)
    with pytest.raises(ChecksumError, match=r"\.users: sent .*, read back"):
        ensure_template(psql, dataset)
    monkeypatch.undo()
    assert not ensure_template(psql, dataset).reused


def test_a_clone_has_constraints_indexes_and_running_numbers(psql, template):
    clone(psql, template.database, CLONE)
    indexes = psql.run(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1", database=CLONE
    )
    assert indexes.split() == [
        "orders_pkey",
        "orders_user_id_idx",
        "users_email_key",
        "users_pkey",
        "users_username_key",
    ]
    new = "INSERT INTO users (username, email, profile, created_at) VALUES ('n', 'n', '', now())"
    assert psql.run(f"{new} RETURNING id", database=CLONE) == "121"
    order = "INSERT INTO orders (user_id, total, status, created_at) VALUES ({}, 1, 's', now())"
    assert psql.run(f"{order.format(1)} RETURNING id", database=CLONE) == "101"
    for refused, why in (
        (new, "users_username_key"),
        (order.format(999), "orders_user_id_fkey"),
        ("DELETE FROM users WHERE id = 1", "orders_user_id_fkey"),
    ):
        with pytest.raises(PsqlError, match=why):
            psql.run(refused, database=CLONE)


def test_the_rows_of_a_clone_are_frozen_and_counted(psql, template):
    clone(psql, template.database, CLONE)
    pages = "SELECT relpages, relallvisible, reltuples FROM pg_class WHERE relname = 'users'"
    all_pages, visible, estimate = map(int, psql.run(pages, database=CLONE).split("|"))
    assert all_pages == visible > 0
    assert estimate == 120


def test_a_clone_replaces_one_that_is_in_use(psql, template):
    clone(psql, template.database, CLONE)
    user = subprocess.Popen(
        [psql.binary, "-X", "-d", CLONE, "-c", "SELECT 'in'", "-c", "SELECT pg_sleep(600)"],
        env={**psql.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with user:
        assert user.stdout.readline()  # it is connected
        psql.run("DELETE FROM orders", database=CLONE)
        clone(psql, template.database, CLONE)
        assert user.wait(timeout=30) != 0
    assert psql.run("SELECT count(*) FROM orders", database=CLONE) == "100"


def arguments(psql, dataset):
    return [
        *(f"--{name}={told}" for name, told in databases.options(psql.server).items()),
        *("--users", str(dataset.users), "--orders", str(dataset.orders)),
        *("--payload-bytes", str(dataset.payload_bytes), "--seed", str(dataset.seed)),
    ]


def seed(*given):
    return subprocess.run(
        [sys.executable, "-m", "workloads.dataset", "seed", *given],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("remove")
def test_the_command_prints_one_json_document(psql, dataset):
    done = seed(*arguments(psql, dataset))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "ormlab-seed/1"
    assert document["digest"] == digest_of(dataset)
    assert document["database"] == f"ormlab_{digest_of(dataset)[:12]}"


def test_the_command_refuses_numbers_that_are_no_dataset(psql, dataset):
    done = seed(*arguments(psql, dataset), "--orders", "7")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("workloads.dataset: orders must be a multiple of 10")


def test_the_command_says_when_the_database_is_unreachable(psql, dataset):
    done = seed(*arguments(replace(psql, port=1), dataset))
    assert (done.returncode, done.stdout) == (8, "")
    assert "Connection refused" in done.stderr
