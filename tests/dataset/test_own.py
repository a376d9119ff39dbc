"""The rows of an application: made once by its files and its command, known by their content."""

import os
import uuid

import pytest

from workloads.databases.postgresql import contents, own
from workloads.databases.postgresql.psql import PsqlError
from workloads.databases.postgresql.template import clone, drop

CLONE = "own_clone"
SCHEMA = 'CREATE TABLE notes (id int PRIMARY KEY, "Text" text, made timestamptz DEFAULT now());'
SEED = "INSERT INTO notes (id, \"Text\") VALUES (2, 'b\tb\nb'), (1, 'a');"


@pytest.fixture
def make(psql, tmp_path):
    """Makes a template that no other test has made; everything of it is removed again."""
    (tmp_path / "schema.sql").write_text(SCHEMA)
    (tmp_path / "seed.sql").write_text(SEED)
    digest = uuid.uuid4().hex * 2

    def made(files=("schema.sql", "seed.sql"), command=()):
        variables = {**psql.variables, "PATH": os.environ["PATH"], "PSQL": psql.binary}
        given = {"folder": tmp_path, "files": files, "command": command, "variables": variables}
        return own.ensure(psql, digest=digest, **given)

    yield made
    drop(psql, CLONE)
    drop(psql, f"ormlab_own_{digest[:12]}")


def test_it_is_made_once_and_says_what_it_holds(make):
    first, again = make(), make()
    assert first.rows == again.rows == {"notes": 2}
    assert (first.reused, again.reused) == (False, True)
    assert first.checksums == again.checksums


def test_a_command_fills_what_the_files_made(make):
    command = ["sh", "-c", """"$PSQL" -X -q -c "INSERT INTO notes (id) VALUES (3)" """]
    assert make(command=command).rows == {"notes": 3}


@pytest.mark.parametrize(
    ("files", "command", "error", "told"),
    [
        (("seed.sql",), (), PsqlError, "notes"),
        (("schema.sql",), ("sh", "-c", "echo gone >&2; exit 3"), own.CommandError, "3: gone"),
    ],
)
def test_what_fails_says_so_and_leaves_no_template(make, files, command, error, told):
    with pytest.raises(error, match=told):
        make(files=files, command=command)
    assert not make().reused


def test_a_row_that_changes_changes_the_digest_and_a_column_left_out_does_not(make, psql):
    template = make()
    clone(psql, template.database, CLONE)
    before = contents.read(psql, CLONE, without=["notes.made"])
    psql.run("UPDATE notes SET made = 'epoch'", database=CLONE)
    assert contents.read(psql, CLONE, without=["notes.made"]) == before
    assert contents.read(psql, CLONE) != before
    psql.run("UPDATE notes SET \"Text\" = 'c' WHERE id = 1", database=CLONE)
    after = contents.read(psql, CLONE, without=["notes.made"])
    assert (after["notes"].rows, before["notes"].rows) == (2, 2)
    assert after["notes"].sha256 != before["notes"].sha256


def test_a_database_without_tables_holds_nothing(psql):
    assert contents.read(psql, "template1") == {}
