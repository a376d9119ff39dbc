"""What trying a service asks of it, and how it says what nobody asked."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bundle.codec import serialise
from bundle.documents.services import SchemaDifference, SchemaOutcome
from ormlab.base.errors import UsageError
from ormlab.cli.subject import _tried
from ormlab.run import subjects
from ormlab.subject import scaffold, trying
from ormlab.subject.trying import Examined
from workloads.services import manifest

LACKS = """
[cannot]
join = "it knows no joins"
delete-user = "it deletes nothing"
delete-order = "it deletes nothing"
"""

TRIED = Examined(
    bundle=Path("b"),
    subject="own",
    schema=None,
    cases=10,
    broken=(),
    left_out=(),
    costs={},
    undeclared=(),
    throughput={},
    failures=(),
    why=None,
)


@pytest.fixture
def lacking(tmp_path):
    """The service of a folder that lacks some of the operations."""
    folder = scaffold.create(tmp_path / "own", package=None, like=None).folder
    with (folder / "service.toml").open("a") as file:
        file.write(LACKS)
    return manifest.read(folder)


def asked(service):
    plan = trying.plan_of(service, 10)
    return {
        each.loading or each.operation
        for workload in plan.workloads.values()
        for each in workload.operations
    }


def test_all_that_it_can_do_is_asked_and_nothing_else(lacking):
    whole = asked(manifest.shipped()["asyncpg"])
    assert {"read-user", "user-orders", "lazy", "join", "delete-order"} <= whole
    assert whole - asked(lacking) == lacking.manifest.cannot.keys()


def test_what_was_left_out_is_named_and_not_counted(lacking):
    names = ("delete-user", "delete-order", *(f"delete-user:{number}" for number in range(5)))
    said = _tried(lacking, replace(TRIED, left_out=names))
    assert "contract: 10 of 10 cases as it says\n" in said
    assert (
        "left out: 7 cases, neither kept nor broken: delete-user, delete-order, delete-user:0, "
        "delete-user:1, delete-user:2 and 2 more\n"
        "  it declares that it cannot do join: it knows no joins\n"
        "  it declares that it cannot do delete-user: it deletes nothing\n"
    ) in said


def test_a_workload_without_a_figure_says_why(lacking):
    failed = ("0001-own-writes-client-b00: the service closed connections",)
    said = _tried(lacking, replace(TRIED, throughput={"reads": 512.0}, failures=failed))
    assert "\nreads: 512 req/s, an estimate of one block\n" in said
    assert f"\nno figure of {failed[0]}\n" in said


ORDER = SchemaDifference(
    kind="order", where="orders", expected="id, total", found="total, id", harmless=True
)
LONGER = SchemaDifference(
    kind="column", where="users.email", expected="varchar(100)", found="text", harmless=False
)
MADE = SchemaOutcome(
    schema="made-schema/1", tool="alembic", failure=None, differences=[ORDER], same=True
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "equal to schema.sql but for 1 harmless difference\n"),
        ({"differences": []}, "equal to schema.sql\n"),
        ({"differences": [ORDER, LONGER], "same": False}, "not schema.sql, for 1 difference\n"),
        ({"differences": [], "failure": "it ended with 1", "same": False}, "none: it ended with 1"),
    ],
)
def test_the_schema_by_a_tool_is_told_with_every_difference(lacking, changes, said):
    made = msgspec.structs.replace(MADE, **changes)
    text = _tried(lacking, replace(TRIED, schema=made))
    assert f"schema by alembic: {said}" in text
    for each in made.differences:
        (line,) = [line for line in text.splitlines() if each.where in line.split()]
        assert line.split()[0] == each.kind
        assert line.endswith("no" if each.harmless else "it may")


def test_a_subject_with_another_schema_cannot_be_measured(tmp_path):
    place = tmp_path / SchemaOutcome.PATH.format(subject="own")
    place.parent.mkdir(parents=True)
    place.write_bytes(serialise(MADE))
    assert subjects.reason(tmp_path, "own") is None
    other = msgspec.structs.replace(MADE, differences=[ORDER, LONGER, LONGER], same=False)
    place.write_bytes(serialise(other))
    assert subjects.reason(tmp_path, "own") == (
        "the schema by alembic is not the lab's: column users.email: text, not varchar(100); "
        "1 more difference"
    )


def test_the_plan_of_a_tool_runs_on_the_stack_that_has_it():
    service = manifest.shipped()["tortoise"]
    subject = trying.plan_of(service, 10, "aerich").subjects["tortoise"]
    assert (subject.stack, subject.migrations) == ("current-migrations", "aerich")
    with pytest.raises(UsageError, match="no migrations by 'alembic'") as refused:
        trying.plan_of(service, 10, "alembic")
    assert "aerich" in refused.value.hint
