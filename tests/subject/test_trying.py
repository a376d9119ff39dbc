"""What trying a service asks of it, and how it says what nobody asked."""

from pathlib import Path

import pytest

from ormlab.cli.subject import _tried
from ormlab.subject import scaffold, trying
from ormlab.subject.trying import Examined
from workloads.services import manifest

LACKS = """
[cannot]
join = "it knows no joins"
delete-user = "it deletes nothing"
delete-order = "it deletes nothing"
"""


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
    said = _tried(
        lacking,
        Examined(Path("b"), "own", 10, (), names, costs={}, undeclared=(), throughput={}, why=None),
    )
    assert "contract: 10 of 10 cases as it says\n" in said
    assert (
        "left out: 7 cases, neither kept nor broken: delete-user, delete-order, delete-user:0, "
        "delete-user:1, delete-user:2 and 2 more\n"
        "  it declares that it cannot do join: it knows no joins\n"
        "  it declares that it cannot do delete-user: it deletes nothing\n"
    ) in said
