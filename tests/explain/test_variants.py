"""Every subject of the shipped explanation keeps the contract: a cause may not change an answer."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from ormlab.plan import load, resolve
from tests.conftest import CHECKOUT
from tests.services.parts import DATASET
from tests.services.running import serving, settings
from workloads.contract.suite import check
from workloads.services.__main__ import main

SUBJECTS = resolve(load("explain")).subjects
PUBLISHED = resolve(load("explain-published")).subjects


@pytest.mark.parametrize("name", [name for name in SUBJECTS if "." in name])
def test_a_switched_factor_keeps_the_whole_contract(
    psql, fresh_clone, tmp_path, stack_python, name
):
    subject, database = SUBJECTS[name], fresh_clone()
    wanted = settings(psql, database, service=subject.service, options=subject.options)
    with serving(tmp_path, wanted, python=stack_python(subject.stack)) as running:
        results = check(running.url, psql, database, DATASET)
        running.process.terminate()
        assert running.wait() == 0
        assert running.stderr == ""
    assert [result for result in results if not result.ok] == []


# What each step switches off, of what `tests.explain.counted` sees.
SWITCHED_OFF = {
    "transaction": {"transaction"},
    "statement": {"statement"},
    "entity": {"session"},
    "layers": {"execution"},
    "async-with": {"task"},
    "greenlet": {"greenlet"},
    "connection": {"connection"},
    "pool": {"pool"},
    "reset": {"reset"},
    "query": {"query"},
    "client": {"client"},
    "asyncpg-pool": {"asyncpg-pool"},
}


@pytest.fixture
def called(psql, database, tmp_path, stack_python):
    """Says, by subject, which of the functions that are looked for one read calls."""

    def find(subjects):
        files = {}
        for name, subject in subjects.items():
            files[name] = tmp_path / f"{name}.json"
            wanted = settings(psql, database, service=subject.service, options=subject.options)
            files[name].write_text(json.dumps(wanted))
        (stack,) = {subject.stack for subject in subjects.values()}
        told = subprocess.run(
            [stack_python(stack), "-m", "tests.explain.counted", *map(str, files.values())],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            check=True,
            stdout=subprocess.PIPE,
        )
        calls = json.loads(told.stdout)
        return {name: set(calls[str(file)]) for name, file in files.items()}

    return find


@pytest.mark.parametrize("side", ["from", "to"])
@pytest.mark.parametrize("plan", ["explain", "explain-published"])
def test_each_step_switches_off_what_its_name_says_until_only_a_wait_is_left(called, plan, side):
    resolved = resolve(load(plan))
    way = resolved.explanation.way
    steps = {step.cumulative: step.name for step in way.steps if step.side == side}
    end = way.from_ if side == "from" else way.to
    calls = called({name: resolved.subjects[name] for name in (end, *steps)})
    before = calls[end]
    for name, step in steps.items():
        assert calls[name] <= before
        assert before - calls[name] == SWITCHED_OFF[step]
        before = calls[name]
    assert before == {"wait"}


@pytest.mark.parametrize("name", [name for name in PUBLISHED if "." in name])
def test_a_switched_factor_answers_the_same_on_the_published_stack(
    psql, database, tmp_path, stack_python, name
):
    subject = PUBLISHED[name]
    python = stack_python(subject.stack)
    plain = settings(psql, database, service=subject.service)
    switched = settings(psql, database, service=subject.service, options=subject.options)
    with (
        serving(tmp_path, plain, python=python) as one,
        serving(tmp_path, switched, python=python) as other,
    ):
        for path in ("/users/1", "/orders/1", "/users/99999999"):
            assert list(one.get(path).items()) == list(other.get(path).items())


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (
            {"service": "sqlalchemy", "options": {"read_as": "tuple"}},
            "read_as must be one of entity, row, record",
        ),
        (
            {"service": "sqlalchemy", "options": {"read_statement": "never"}},
            "read_statement must be one of each, once",
        ),
        (
            {"service": "tortoise", "options": {"read_statement": "once"}},
            "unknown key 'read_statement'",
        ),
        (
            {"service": "sqlalchemy", "options": {"record_over": "session"}},
            "record_over must be one of greenlet, connection, pool, queue",
        ),
        (
            {"service": "tortoise", "options": {"record_over": "greenlet"}},
            "record_over must be one of pool, queue",
        ),
        ({"service": "asyncpg", "options": {"read_as": "row"}}, "unknown key 'read_as'"),
    ],
)
def test_an_option_that_a_service_does_not_know_is_named(psql, tmp_path, capsys, wanted, said):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings(psql, "any", **wanted)))
    assert main([str(file)]) == 2
    assert said in capsys.readouterr().err
