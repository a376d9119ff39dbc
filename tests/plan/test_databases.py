"""On which database a subject of a plan is measured, and what a plan may not ask for."""

import pytest
from pydantic import ValidationError

from bundle.documents.plan import Plan
from ormlab.base.errors import PlanError
from ormlab.plan.resolve import load, resolve

SQLALCHEMY = {"service": "sqlalchemy", "stack": "asyncmy"}
ASYNCMY = {"service": "asyncmy", "stack": "asyncmy"}


def plan(comparisons=(), database="mariadb", **subjects):
    return Plan.model_validate(
        {
            "schema": "plan/1",
            "name": "databases",
            "title": "Two databases",
            "profile": "smoke",
            "seed": 1,
            "blocks": 1,
            "database": database,
            "dataset": {"users": 1000, "orders": 1000},
            "subjects": subjects,
            "workloads": {"reads": {"operations": [{"operation": "read-user"}]}},
            "loads": {"one": {"generator": "client-closed", "connections": 1, "duration_s": 1}},
            "comparisons": [{"baseline": one, "candidate": two} for one, two in comparisons],
        }
    )


def test_a_subject_is_on_the_database_of_its_plan_unless_it_names_one():
    both = plan(a=SQLALCHEMY, b=SQLALCHEMY | {"database": "postgresql"}, c=ASYNCMY)
    resolved = resolve(both)
    assert resolved.plan.databases == ("mariadb", "postgresql")
    drivers = {name: each.options.get("driver") for name, each in resolved.subjects.items()}
    assert drivers == {"a": "asyncmy", "b": None, "c": None}


def test_the_digest_of_a_plan_that_names_no_database_is_as_before():
    told = load("demo").model_dump(mode="json", by_alias=True)
    assert "database" not in told
    assert all("database" not in each for each in told["subjects"].values())


def test_two_databases_are_not_compared():
    with pytest.raises(ValidationError, match="sizes of two databases are not compared"):
        plan([("a", "b")], a=SQLALCHEMY, b=SQLALCHEMY | {"database": "postgresql"})


@pytest.mark.parametrize(
    ("database", "subject", "said"),
    [
        ("mariadv", SQLALCHEMY, "there is no database 'mariadv'; did you mean 'mariadb'"),
        ("mariadb", {"service": "django"}, "django cannot use mariadb"),
        ("postgresql", ASYNCMY, "asyncmy cannot use postgresql"),
        ("mariadb", SQLALCHEMY | {"options": {"driver": "psycopg"}}, "psycopg is no driver to"),
        ("postgresql", SQLALCHEMY | {"options": {"driver": "asyncmy"}}, "asyncmy is no driver to"),
        ("mariadb", SQLALCHEMY | {"migrations": "alembic"}, "are compared on PostgreSQL alone"),
    ],
)
def test_what_a_subject_cannot_use_is_refused_before_a_run(database, subject, said):
    with pytest.raises(PlanError, match=said) as refused:
        resolve(plan(database=database, a=subject))
    assert refused.value.code == "plan-database"
