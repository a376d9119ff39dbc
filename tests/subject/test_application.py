"""An application is another kind of subject: its manifest, its requests, its place in a plan."""

from pathlib import Path

import pytest

from agent.application import started
from bundle.documents.plan import SealedPlan
from ormlab import plan as plans
from ormlab.base import checkout
from ormlab.base.errors import PlanError
from ormlab.plan import applications
from ormlab.run.measure import orders, record
from ormlab.subject import trying
from tests.subject import guests
from workloads.databases.interface import Server
from workloads.diagnosis import answers
from workloads.load.requests import read_table, write_table
from workloads.services import manifest

READ = {"operations": [{"operation": "read-entry"}]}


@pytest.fixture
def resolved(tmp_path):
    """Resolves a plan of the example in one or two settings."""

    def make(**changes):
        guests.copy(tmp_path)
        path = "../guestbook"
        subjects = {"five": {"service": path}, "three": {"service": path, "options": {"pool": 3}}}
        given = {"subjects": subjects, **changes}
        return plans.resolve(plans.load(str(guests.plan(tmp_path / "plans/p.yaml", **given))))

    return make


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("start = [", "start = []\nbegin = [", "begin: "),
        ("{port}", "{prot}", "{prot} is neither a setting nor given by the lab"),
        ('/entries/{id}"', '/entries/{number}"', "operations.read-entry: {number} stands there"),
        ("to = 5000", "to = 0", "from not above to"),
        ("status = 201", "status = 500", "operations.sign.status"),
        ("settings = {", "settings = {port = 1, ", "settings.port: the lab gives a value"),
        ("pool = 5", "pool = [5]", "settings.pool"),
        ("Bearer guest", "Bearer guest-of-the-hour", "a token for the measurement"),
    ],
)
def test_a_manifest_that_is_wrong_says_where_and_what(tmp_path, old, new, told):
    folder = guests.copy(tmp_path, old, new)
    with pytest.raises(PlanError) as wrong:
        applications.read(manifest.read(folder))
    assert told in wrong.value.what
    assert wrong.value.where == str(folder / "application.toml")


def test_a_plan_holds_what_is_asked_and_the_bundle_the_whole_folder(resolved, tmp_path):
    made = resolved()
    assert made.plan.dataset is None
    assert made.plan.application.operations.keys() == {"read-entry"}
    assert made.services.keys() == {"guestbook"}
    assert str(tmp_path) not in made.document.decode()
    kept = record.inputs(made)
    assert kept["inputs/services/guestbook/guestbook.py"].startswith(b'"""A guestbook')
    again = plans.resolve(
        SealedPlan.model_validate(made.sealed.model_dump(by_alias=True)).plan,
        known=dict(made.services),
    )
    assert again.document == made.document


@pytest.mark.parametrize(
    ("changes", "where", "told"),
    [
        ({"dataset": {"users": 1000, "orders": 1000}}, "dataset", "rows of their own"),
        ({"positive_control": {"subject": "five"}}, "positive_control", "slow an application down"),
        (
            {"subjects": {"five": {"service": "../guestbook"}, "other": {"service": "asyncpg"}}},
            "subjects.other",
            "not both",
        ),
        (
            {"subjects": {"five": {"service": "../guestbook", "workers": 2}}},
            "subjects.five.workers",
            "no such key",
        ),
        (
            {"subjects": {"five": {"service": "../guestbook", "options": {"pol": 2}}}},
            "subjects.five.options",
            "no setting 'pol'",
        ),
        (
            {"workloads": {"read": {"operations": [{"operation": "read-entri"}]}}},
            "workloads",
            "no operation 'read-entri'",
        ),
        (
            {"workloads": {"read": {"operations": [{"operation": "read-entry", "id": 3}]}}},
            "workloads.read",
            "no 'id'",
        ),
    ],
)
def test_a_plan_that_does_not_fit_says_which_key(resolved, changes, where, told):
    with pytest.raises(PlanError) as wrong:
        resolved(**changes)
    assert wrong.value.where.endswith(f": {where}") or where in wrong.value.where
    assert told in wrong.value.what


def test_the_requests_have_headers_bodies_and_drawn_values(resolved, tmp_path):
    shares = [{"operation": each} for each in ("read-entry", "sign", "like")]
    plan = resolved(workloads={"all": {"operations": shares}}).plan
    table = orders.table_of(plan, plan.workloads["all"])
    assert not table.repeatable
    write_table(tmp_path / "table.tsv", table.measured)
    rows = read_table(tmp_path / "table.tsv")
    assert rows == table.measured
    signed = [each for each in [*rows, *table.warmup] if each.operation == "sign"]
    assert {each.headers for each in signed} == {(("Authorization", "Bearer guest"),)}
    assert len({each.body for each in signed}) == len(signed)
    assert {(each.method, each.status) for each in signed} == {("POST", 201)}
    read = {each.path for each in rows if each.operation == "read-entry"}
    assert {int(path.removeprefix("/entries/")) for path in read} <= set(range(1, 5001))
    assert orders.table_of(plan, plan.workloads["all"]).measured == rows


def test_what_is_drawn_once_is_never_drawn_again(tmp_path):
    folder = guests.copy(tmp_path, "to = 5000}}\nwrites", "to = 5000, once = true}}\nwrites")
    subjects = {"one": {"service": str(folder)}}
    path = guests.plan(
        tmp_path / "p.yaml", subjects, workloads={"like": {"operations": [{"operation": "like"}]}}
    )
    plan = plans.resolve(plans.load(str(path))).plan
    with pytest.raises(ValueError, match="5,000"):
        orders.table_of(plan, plan.workloads["like"])
    asked = orders.task_of(plan).asked()["like"]
    assert len({each.path for each in asked}) == len(asked)


def test_the_command_and_its_variables_are_filled_in(resolved, tmp_path):
    made = resolved()
    passfile = tmp_path / "pgpass"
    passfile.write_text("127.0.0.1:*:*:lab:secret\n")
    server = Server(
        kind="postgresql",
        programs="",
        host="127.0.0.1",
        port=5432,
        user="lab",
        passfile=str(passfile),
    )
    program = orders.Program("/envs/x/bin/python", "/code", {}, "127.0.0.1", 8000)
    told = applications.read(made.services["guestbook"])
    spec = orders.application_spec(
        made.subjects["three"], told, program, orders.NamedDatabase(server, "ormlab_run_1")
    )
    argv, variables = started(spec)
    assert argv == ["python", "guestbook.py", "127.0.0.1", "8000"]
    assert variables["GUESTBOOK_POOL"] == "3"
    assert variables["PGDATABASE"] == "ormlab_run_1"
    assert variables["PATH"].startswith("/envs/x/bin:")
    assert "secret" not in str(spec)


def test_two_refs_are_two_applications_with_locks_of_their_own(tmp_path):
    folder = guests.copy(tmp_path / "repository")
    (folder / "stack.in").write_text("starlette\n")
    first = guests.commit(folder.parent, "first")
    guests.change(folder / "guestbook.py", "LIMIT $2", "LIMIT ($2)")
    second = guests.commit(folder.parent, "second")
    (folder / "guestbook.py").write_text("not committed")
    subjects = {
        "before": {"service": "../repository/guestbook", "ref": "main~1"},
        "after": {"service": "../repository/guestbook", "ref": "HEAD"},
    }
    plan = plans.load(str(guests.plan(tmp_path / "plans/p.yaml", subjects)))
    before, after = plan.subjects["before"], plan.subjects["after"]
    assert (before.ref, after.ref) == (first, second)
    assert (before.stack, after.stack) == (f"guestbook_{first[:7]}", f"guestbook_{second[:7]}")
    code = {
        name: (Path(each.service) / "guestbook.py").read_text()
        for name, each in plan.subjects.items()
    }
    assert "LIMIT $2" in code["before"]
    assert "LIMIT ($2)" in code["after"]
    for ref, told in (("nowhere", "'nowhere' cannot be checked out"), ("--all", "ref")):
        subjects["after"] = {"service": "../repository/guestbook", "ref": ref}
        with pytest.raises(PlanError, match=told):
            plans.load(str(guests.plan(tmp_path / "plans/p.yaml", subjects)))


def test_two_refs_that_are_asked_otherwise_are_not_compared(tmp_path):
    folder = guests.copy(tmp_path / "repository")
    guests.commit(folder.parent, "first")
    guests.change(folder / "application.toml", 'path = "/entries/{id}"', 'path = "/entry/{id}"')
    guests.commit(folder.parent, "second")
    subjects = {
        name: {"service": "../repository/guestbook", "ref": ref}
        for name, ref in (("before", "main~1"), ("after", "main"))
    }
    plan = plans.load(str(guests.plan(tmp_path / "plans/p.yaml", subjects)))
    with pytest.raises(PlanError, match="'read-entry' is another one in two applications"):
        plans.resolve(plan)


def test_json_is_compared_in_canonical_form_without_what_varies():
    first = answers.canonical(b'{"b": [{"at": 1, "x": 1.0}], "a": "\xc3\xa9"}', ["at"])
    other = answers.canonical(b'{"a":"\\u00e9","b":[{"x":1.0,"at":2}]}', ["at"])
    assert first == other == '{"a":"é","b":[{"x":1.0}]}'.encode()
    assert answers.canonical(b"no JSON", ["at"]) == b"no JSON"


def test_trying_asks_for_every_operation():
    plan = trying.plan_of(manifest.read(guests.EXAMPLE), 10)
    asked = {
        name: {each.operation for each in of.operations} for name, of in plan.workloads.items()
    }
    assert asked == {"reads": {"read-entry", "list-entries"}, "writes": {"sign", "like"}}
    assert checkout.ROOT in guests.EXAMPLE.parents


def test_the_page_shows_the_manifest_of_the_example():
    page = (guests.CHECKOUT / "docs/applications.md").read_text()
    shown = page.partition("<!-- example -->\n\n```toml\n")[2].partition("```")[0]
    assert shown == (guests.EXAMPLE / "application.toml").read_text()
