"""Every service keeps the contract, on the newest stack and on those of the past."""

import json
import subprocess
import sys
from itertools import product

import pytest

from tests.services.parts import DATASET
from tests.services.running import SERVICES, SHARED, serving, settings
from workloads.contract import reads
from workloads.contract.suite import check
from workloads.databases import known
from workloads.services import manifest

SUBJECTS = [
    *product(("current", "published-py312"), SHARED),
    *((name, name) for name in SERVICES if name not in SHARED),
    ("sqlalchemy-2.0.0", "sqlalchemy"),
    ("tortoise-0.20.0", "tortoise"),
]


def broken(results):
    return [result for result in results if not result.ok]


@pytest.mark.parametrize("subject", SUBJECTS, ids="-".join)
def test_a_service_keeps_the_contract(psql, fresh_clone, tmp_path, stack_python, subject):
    stack, service = subject
    database = fresh_clone()
    wanted = settings(psql, database, service=service)
    with serving(tmp_path, wanted, python=stack_python(stack)) as running:
        results = check(running.url, psql, database, DATASET)
        running.process.terminate()
        assert running.wait() == 0
        assert running.stderr == ""
    assert broken(results) == []
    assert len(results) > 300


@pytest.mark.parametrize("service", SHARED)
def test_under_fastapi_a_service_keeps_the_contract_too(psql, fresh_clone, tmp_path, service):
    database = fresh_clone()
    wanted = settings(psql, database, service=service, framework="fastapi")
    with serving(tmp_path, wanted) as running:
        assert broken(check(running.url, psql, database, DATASET)) == []
        running.process.terminate()
        assert running.wait() == 0
        assert running.stderr == ""


@pytest.mark.parametrize(
    "subject",
    [("fastapi-0.109.0", "sqlalchemy"), ("fastapi-0.109.0-tortoise-0.20.0", "tortoise")],
    ids="-".join,
)
def test_the_services_of_the_case_study_keep_the_contract(
    psql, fresh_clone, tmp_path, stack_python, subject
):
    stack, service = subject
    database = fresh_clone()
    cache = {"ttl_s": 60.0 if service == "sqlalchemy" else 0.0}
    wanted = settings(psql, database, service=service, framework="fastapi", cache=cache)
    with serving(tmp_path, wanted, python=stack_python(stack)) as running:
        health = running.get("/health")
        assert (health["framework"], health["versions"]["fastapi"]) == ("fastapi", "0.109.0")
        assert broken(check(running.url, psql, database, DATASET)) == []
        running.process.terminate()
        assert running.wait() == 0
        assert running.stderr == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"framework": "fastapi", "json": "orjson", "loop": "uvloop", "workers": 2},
        {"cache": {"ttl_s": 60.0, "entries": 3}},
        {"json": "orjson"},
        {"loop": "uvloop"},
        {"workers": 2},
        {"options": {"statement_cache_size": 0, "reset_on_return": False}},
        {"service": "tortoise", "options": {"statement_cache_size": 0, "reset_on_return": False}},
        {"service": "tortoise", "options": {"pin_connection": True}},
        {"service": "sqlalchemy", "options": {"isolation_level": "AUTOCOMMIT"}},
        {"service": "sqlalchemy", "options": {"driver": "psycopg"}},
        {"service": "sqlalchemy", "options": {"driver": "psycopg", "engine": "sync"}},
        {"service": "sqlalchemy", "options": {"driver": "psycopg", "engine": "both"}},
        {"service": "tortoise", "options": {"driver": "psycopg"}},
        {"service": "piccolo", "options": {"statement_cache_size": 0, "reset_on_return": False}},
        {"service": "django", "options": {"server_side_binding": True, "prepare_threshold": 0}},
        {"service": "psycopg", "options": {"autocommit": False, "prepare_threshold": None}},
        {
            "service": "sqlalchemy",
            "options": {"pool_pre_ping": True, "reset_on_return": None},
            "pool": {"size": 1, "overflow": 2},
        },
    ],
    ids=str,
)
def test_no_setting_changes_the_contract(psql, fresh_clone, tmp_path, stack_python, changes):
    database = fresh_clone()
    wanted = settings(psql, database, **changes)
    stack = manifest.shipped()[wanted["service"]].stack
    if "framework" in changes:
        stack = "fastapi-current"
    if changes.get("options", {}).get("driver") == "psycopg":
        stack = "psycopg"
    with serving(tmp_path, wanted, python=stack_python(stack)) as running:
        assert broken(check(running.url, psql, database, DATASET)) == []
        running.process.terminate()
        assert running.wait() == 0
        assert running.stderr == ""


def contract(psql, running, database, *more):
    return subprocess.run(
        [
            *(sys.executable, "-m", "workloads.contract", "--url", running.url),
            *("--database", database, "--users", str(DATASET.users)),
            *(f"--{name}={told}" for name, told in known.options(psql.server).items()),
            *("--orders", str(DATASET.orders), "--seed", str(DATASET.seed)),
            *("--payload-bytes", str(DATASET.payload_bytes), *more),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_writes_a_sample_of_each_operation(psql, fresh_clone, tmp_path):
    database = fresh_clone()
    with serving(tmp_path, settings(psql, database)) as running:
        samples = tmp_path / "samples"
        done = contract(psql, running, database, "--json", "--samples", str(samples))
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert (document["schema"], document["ok"]) == ("ormlab-contract/1", True)
    assert document["problems"] == []
    written = {
        *(case.name for case in reads.operations(DATASET)),
        *map("-".join, product(("create", "update", "delete"), ("user", "order"))),
    }
    assert {file.name for file in samples.iterdir()} == {f"{name}.http" for name in written}
    head, body = (samples / "read-user.http").read_bytes().split(b"\r\n\r\n")
    assert head.startswith(b"200 OK\r\n")
    assert b"Content-Type: application/json; charset=utf-8\r\n" in head
    assert len(body) == DATASET.payload_bytes


def test_the_command_ends_with_3_when_the_contract_is_broken(psql, fresh_clone, tmp_path):
    database = fresh_clone()
    psql.run("UPDATE orders SET total = total + 1 WHERE id = 1", database=database)
    with serving(tmp_path, settings(psql, database)) as running:
        done = contract(psql, running, database, "--cannot", "prefetch")
        assert done.returncode == 3
        assert done.stdout.startswith("read-order\n    expected status 200, body ")
        ways = (f"users-with-orders-prefetch{each}" for each in ("", ":page", ":beyond"))
        assert done.stdout.endswith(f"\n3 more cases were left out: {', '.join(ways)}\n")
        found = contract(psql, running, database, "--json")
    problems = json.loads(found.stdout)["problems"]
    assert found.returncode == 3
    assert problems[0].keys() == {"case", "expected", "got"}


def test_the_command_ends_with_8_when_nobody_answers(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database)) as running:
        pass
    done = contract(psql, running, database)
    assert done.returncode == 8
    assert done.stderr == "workloads.contract: [Errno 111] Connection refused\n"


def test_the_command_refuses_a_dataset_that_is_too_small(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database)) as running:
        done = contract(psql, running, database, "--users", "105")
    assert done.returncode == 2
    assert "105 users and 1010 orders are too few" in done.stderr
