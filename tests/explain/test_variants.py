"""Every subject of the shipped explanation keeps the contract: a cause may not change an answer."""

from __future__ import annotations

import json

import pytest

from ormlab.plan import load, resolve
from tests.services.parts import DATASET
from tests.services.running import serving, settings
from workloads.contract.suite import check
from workloads.services.__main__ import main

SUBJECTS = resolve(load("explain")).subjects


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


@pytest.mark.parametrize(
    "options", [{"read_as": "row"}, {"read_as": "record"}, {"read_statement": "once"}], ids=str
)
def test_the_options_do_the_same_on_the_published_stack(
    psql, database, tmp_path, stack_python, options
):
    python = stack_python("published-py312")
    plain = settings(psql, database, service="sqlalchemy")
    switched = settings(psql, database, service="sqlalchemy", options=options)
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
        ({"service": "asyncpg", "options": {"read_as": "row"}}, "unknown key 'read_as'"),
    ],
)
def test_an_option_that_a_service_does_not_know_is_named(psql, tmp_path, capsys, wanted, said):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings(psql, "any", **wanted)))
    assert main([str(file)]) == 2
    assert said in capsys.readouterr().err
