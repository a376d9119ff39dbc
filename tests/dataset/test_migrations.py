"""The schema by the migrations of an ORM, held against schema.sql and constraints.sql."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.services.stacks import python_of
from workloads.databases.postgresql import catalog
from workloads.databases.postgresql.template import drop, sql
from workloads.migrations.__main__ import compare
from workloads.migrations.difference import differences
from workloads.services import manifest
from workloads.services.manifest import Migrations

TOOLS = [
    (service.name, tool)
    for service in manifest.shipped().values()
    for tool in service.manifest.migrations
]


_OWN, _CHANGED = "differs_own", "differs_changed"


@pytest.fixture(scope="module")
def own_schema(psql):
    """The schema of the dataset; its database is the template of those that are changed."""
    drop(psql, _OWN)
    psql.run(f"CREATE DATABASE {_OWN} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
    psql.run(sql("schema.sql") + sql("constraints.sql"), database=_OWN)
    yield catalog.read(psql, _OWN)
    drop(psql, _OWN)


@pytest.fixture
def differs(psql, own_schema):
    """The differences from the dataset's schema that some statements make."""

    def look(statements, own=()):
        drop(psql, _CHANGED)
        psql.run(f"CREATE DATABASE {_CHANGED} TEMPLATE {_OWN}")
        psql.run(statements, database=_CHANGED)
        return differences(own_schema, catalog.read(psql, _CHANGED), own)

    yield look
    drop(psql, _CHANGED)


def test_a_schema_does_not_differ_from_itself(differs):
    assert differs("") == []


TRIGGER = (
    "CREATE TRIGGER t BEFORE UPDATE ON {} FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
)
SERIAL = """
ALTER TABLE orders ALTER id DROP IDENTITY;
CREATE SEQUENCE orders_id_seq OWNED BY orders.id;
ALTER TABLE orders ALTER id SET DEFAULT nextval('orders_id_seq');
"""
LAST = """
ALTER TABLE orders DROP COLUMN status;
ALTER TABLE orders DROP COLUMN total, ADD COLUMN status varchar(20) NOT NULL,
    ADD COLUMN total integer NOT NULL;
"""


@pytest.mark.parametrize(
    ("statements", "kind", "where", "found"),
    [
        (SERIAL, "numbering", "orders.id", "serial"),
        (LAST, "order", "orders", "id, user_id, created_at, status, total"),
        (
            "ALTER INDEX orders_user_id_idx RENAME TO other",
            "name",
            "orders: CREATE INDEX ON public.orders USING btree (user_id)",
            "other",
        ),
        (
            "ALTER TABLE users RENAME CONSTRAINT users_email_key TO other",
            "name",
            "users: UNIQUE (email)",
            "other",
        ),
        ("CREATE TABLE books (id integer)", "own table", "books", "a table"),
    ],
)
def test_what_changes_no_measurement_is_harmless(differs, statements, kind, where, found):
    (told,) = differs(statements, own=["books"])
    assert (told.kind, told.where, told.found) == (kind, where, found)
    assert told.harmless


@pytest.mark.parametrize(
    ("statements", "kind", "where", "found"),
    [
        ("CREATE TABLE another (id integer)", "table", "another", "a table"),
        ("DROP TABLE orders", "table", "orders", None),
        ("CREATE VIEW seen AS SELECT 1", "table", "seen", "a table"),
        (
            "ALTER TABLE users ALTER username TYPE varchar(51)",
            "column",
            "users.username",
            "character varying(51) NOT NULL",
        ),
        (
            "ALTER TABLE orders ALTER created_at TYPE timestamp",
            "column",
            "orders.created_at",
            "timestamp without time zone NOT NULL",
        ),
        ("ALTER TABLE orders ALTER total DROP NOT NULL", "column", "orders.total", "integer"),
        (
            "ALTER TABLE orders ALTER total SET DEFAULT 0",
            "column",
            "orders.total",
            "integer NOT NULL DEFAULT 0",
        ),
        (
            'ALTER TABLE users ALTER email TYPE varchar(100) COLLATE "C"',
            "column",
            "users.email",
            'character varying(100) NOT NULL COLLATE "C"',
        ),
        ("ALTER TABLE orders ADD note text", "column", "orders.note", "text"),
        ("ALTER TABLE orders DROP total", "column", "orders.total", None),
        (
            "ALTER TABLE users ALTER id SET GENERATED ALWAYS",
            "column",
            "users.id",
            "identity always",
        ),
        ("ALTER TABLE users ALTER id DROP IDENTITY", "column", "users.id", None),
        ("DROP INDEX orders_user_id_idx", "index", "orders", None),
        (
            "CREATE INDEX again ON orders (user_id)",
            "index",
            "orders",
            "2 times CREATE INDEX ON public.orders USING btree (user_id)",
        ),
        (
            "ALTER INDEX orders_user_id_idx SET (fillfactor = 50)",
            "index",
            "orders",
            None,
        ),
        ("ALTER TABLE users DROP CONSTRAINT users_email_key", "constraint", "users", None),
        (
            "ALTER TABLE orders ADD CHECK (total >= 0)",
            "constraint",
            "orders",
            "CHECK ((total >= 0))",
        ),
        (
            "ALTER TABLE orders ALTER CONSTRAINT orders_user_id_fkey DEFERRABLE",
            "constraint",
            "orders",
            None,
        ),
        (
            TRIGGER.format("users"),
            "trigger",
            "users",
            TRIGGER.format("public.users"),
        ),
    ],
)
def test_everything_else_counts(differs, statements, kind, where, found):
    told = differs(statements)
    assert (kind, where, found) in [(each.kind, each.where, each.found) for each in told]
    assert not any(each.harmless for each in told)


@pytest.mark.parametrize(("service", "tool"), TOOLS)
def test_the_tools_of_the_lab_s_services_make_its_schema(psql, service, tool):
    known = manifest.shipped()[service]
    programs = Path(python_of(known.manifest.migrations[tool].stack)).parent
    outcome = compare(known, tool, programs=programs, psql=psql)
    assert outcome.failure is None
    assert outcome.same, [each for each in outcome.differences if not each.harmless]
    books = [each.where for each in outcome.differences if each.kind == "own table"]
    assert books == known.manifest.migrations[tool].tables
    left = psql.run("SELECT datname FROM pg_database WHERE datname LIKE 'ormlab_schema%'")
    assert left == ""


def service_with(folder, **commands):
    """A service without code of its own, whose tools run such commands of Python's folder."""
    (folder / manifest.MIGRATIONS).mkdir()
    tools = {
        name: Migrations(stack="current", commands=[command]) for name, command in commands.items()
    }
    origin = manifest.shipped()["asyncpg"]
    known = replace(origin.manifest, migrations=tools)
    return replace(origin, folder=folder, manifest=known)


def test_a_tool_that_makes_another_schema_is_found_out(psql, tmp_path):
    (tmp_path / "changed.sql").write_text(sql("schema.sql").replace("varchar(50)", "text"))
    made = service_with(tmp_path, psql=f"psql -v ON_ERROR_STOP=1 -f {tmp_path}/changed.sql")
    outcome = compare(made, "psql", programs=Path(psql.binary).parent, psql=psql)
    assert (outcome.failure, outcome.same) == (None, False)
    told = {(each.kind, each.where) for each in outcome.differences}
    assert ("column", "users.username") in told
    assert ("index", "orders") in told


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("psql -v ON_ERROR_STOP=1 -c 'SELECT nothing'", "ended with 1: "),
        ("no-such-program", "its stack has no program no-such-program"),
    ],
)
def test_a_tool_that_fails_says_how(psql, tmp_path, command, said):
    made = service_with(tmp_path, tool=command)
    outcome = compare(made, "tool", programs=Path(psql.binary).parent, psql=psql)
    assert said in outcome.failure
    assert (outcome.same, outcome.differences) == (False, [])
