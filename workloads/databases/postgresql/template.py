"""The dataset as a template database: seeded once, verified once, cloned for each use.

A finished template has a comment: a small JSON document with its digest, checksums and row counts.
The comment is written last, so a database without one is left over from a killed seeding and is
made again. A server seeds one dataset at a time.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING

from workloads.contract.fields import COLUMNS
from workloads.databases.interface import ChecksumError, Template
from workloads.databases.postgresql import binary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from workloads.databases.postgresql.psql import Psql
    from workloads.dataset.rows import Dataset

_SCHEMA = "ormlab-template/1"
_PIPE_BYTES = 1 << 20


def ensure_template(psql: Psql, dataset: Dataset) -> Template:
    """Return the dataset's template database, made and verified if the server lacks it.

    Raises:
        PsqlError: the server refused a step.
        ChecksumError: the server holds other rows than were sent.
    """
    database = template_name(dataset)
    known = _finished(psql, database, dataset)
    if known is not None:
        return known
    drop(psql, database)
    psql.run(f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
    seconds = {}
    started = time.perf_counter()
    checksums = load(psql, dataset, database)
    seconds["load"] = time.perf_counter() - started
    for phase, step in (("constraints", _constrain), ("verify", _verify), ("finish", _finish)):
        started = time.perf_counter()
        step(psql, dataset, database, checksums)
        seconds[phase] = time.perf_counter() - started
    return Template(database, digest_of(dataset), checksums, _rows(dataset), seconds, reused=False)


def sql(name: str) -> str:
    """Return one of the SQL files beside this module."""
    return files(__package__).joinpath(name).read_text()


def digest_of(dataset: Dataset) -> str:
    """Return the digest of the rows in this schema."""
    return dataset.digest_with(sql("schema.sql") + sql("constraints.sql"))


def template_name(dataset: Dataset) -> str:
    """Return the name of a dataset's template database."""
    return f"ormlab_{digest_of(dataset)[:12]}"


def clone(psql: Psql, template: str, name: str) -> None:
    """Make a database from a template database, in place of any of that name, and checkpoint.

    The server copies the files without logging them (``STRATEGY FILE_COPY``). The checkpoint now
    saves one during a trial. PsqlError if the server refuses.
    """
    made = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY;\nCHECKPOINT;"
    psql.run(f"{_dropping(name)}{made}")


def drop(psql: Psql, name: str) -> None:
    """Drop a database or a template, if there is one, and end its connections first.

    PsqlError if the server refuses.
    """
    psql.run(_dropping(name))


def _dropping(name: str) -> str:
    r"""Statements that drop a database; ``\gexec`` executes what the first one answers."""
    return (
        "SELECT format('ALTER DATABASE %I IS_TEMPLATE false', datname) FROM pg_database "  # noqa: S608 - a literal
        f"WHERE datname = {_literal(name)} AND datistemplate \\gexec\n"
        f"DROP DATABASE IF EXISTS {name} WITH (FORCE);\n"
    )


def load(psql: Psql, dataset: Dataset, database: str) -> dict[str, str]:
    """Create the tables in an empty database and fill them; return their checksums.

    The transaction that creates or truncates a table fills it, so that under ``wal_level=minimal``
    the server does not log its rows and freezes them at once. PsqlError if the server refuses.
    """
    return {
        "users": _copy(psql, dataset, database, "users", before=sql("schema.sql")),
        "orders": _copy(psql, dataset, database, "orders", before="TRUNCATE orders"),
    }


def copy_command(table: str) -> str:
    r"""Return the ``\copy`` that loads a table from psql's standard input."""
    columns = ", ".join(COLUMNS[table])
    return rf"\copy {table} ({columns}) from pstdin with (format binary, freeze)"


def _copy(psql: Psql, dataset: Dataset, database: str, table: str, *, before: str) -> str:
    digest = hashlib.sha256()
    with psql.copy_in(before, copy_command(table), database=database) as rows:
        _widen(rows)
        for piece in binary.stream(dataset, table):
            rows.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def _constrain(psql: Psql, dataset: Dataset, database: str, _checksums: dict[str, str]) -> None:
    restart = "".join(
        f"ALTER TABLE {table} ALTER id RESTART WITH {rows + 1};\n"
        for table, rows in _rows(dataset).items()
    )
    psql.run(
        f"SET maintenance_work_mem = '256MB';\n{sql('constraints.sql')}\n{restart}",
        database=database,
    )


def _verify(psql: Psql, _dataset: Dataset, database: str, checksums: dict[str, str]) -> None:
    for table, sent in checksums.items():
        columns = ", ".join(COLUMNS[table])
        rows_by_id = f"SELECT {columns} FROM {table} ORDER BY id"  # noqa: S608 - names of this module
        query = rf"\copy ({rows_by_id}) to pstdout (format binary)"
        with psql.copy_out(query, database=database) as rows:
            _widen(rows)
            held = hashlib.file_digest(rows, "sha256").hexdigest()
        if held != sent:
            raise ChecksumError(f"{database}.{table}: sent {sent}, read back {held}")


def _finish(psql: Psql, dataset: Dataset, database: str, checksums: dict[str, str]) -> None:
    document = {"schema": _SCHEMA, "digest": digest_of(dataset), "checksums": checksums}
    finish(psql, database, document | {"dataset": asdict(dataset)})


def finish(psql: Psql, database: str, document: Mapping[str, object]) -> None:
    """Make a database a template that nobody can connect to, with a document as its comment.

    PsqlError if the server refuses.
    """
    psql.run("VACUUM (FREEZE, ANALYZE)", database=database)
    psql.run(
        f"ALTER DATABASE {database} ALLOW_CONNECTIONS false IS_TEMPLATE true;\n"
        f"COMMENT ON DATABASE {database} IS {_literal(json.dumps(document))};\n"
        "CHECKPOINT;"
    )


def comment(psql: Psql, database: str) -> str:
    """The document that `finish` has left with a template, as JSON; empty without a template."""
    return psql.run(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database "  # noqa: S608 - a literal
        f"WHERE datname = {_literal(database)} AND datistemplate AND NOT datallowconn"
    )


def _finished(psql: Psql, database: str, dataset: Dataset) -> Template | None:
    try:
        document = json.loads(comment(psql, database))
        if document["schema"] != _SCHEMA or document["digest"] != digest_of(dataset):
            return None
        checksums: dict[str, str] = document["checksums"]
        return Template(database, digest_of(dataset), checksums, _rows(dataset), {}, reused=True)
    except (ValueError, KeyError, TypeError):
        return None


def _rows(dataset: Dataset) -> dict[str, int]:
    return {"users": dataset.users, "orders": dataset.orders}


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _widen(pipe: IO[bytes]) -> None:
    """Give a pipe a megabyte: fewer switches between the two processes at its ends."""
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
