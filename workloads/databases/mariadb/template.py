"""The dataset in a database of its own: loaded once, verified once, copied for each use.

A finished template has a comment: a small JSON document with its digest and checksums. It is
written last, so a database without one is left over from a killed loading and is made again.

A copy is made of files: the server closes the tables of the template for the time of a lock, their
files are copied into the new database, and the server takes them over. Source: MariaDB Knowledge
Base, "InnoDB File-Per-Table Tablespaces", "Copying Transportable Tablespaces". So whoever copies
must reach the server's files, as its user or as root.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from workloads.contract.fields import COLUMNS
from workloads.databases.interface import ChecksumError, NoSpaceError, ServerError, Template
from workloads.databases.mariadb import text

if TYPE_CHECKING:
    from workloads.databases.mariadb.shell import Shell
    from workloads.dataset.rows import Dataset

_SCHEMA = "ormlab-template/1"
_TABLES = tuple(COLUMNS)
_NO_SUCH_CONNECTION = "ERROR 1094 "  # it has ended by itself
_COLLATED = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"


def sql(name: str) -> str:
    """Return one of the SQL files beside this module."""
    return files(__package__).joinpath(name).read_text()


def digest_of(dataset: Dataset) -> str:
    """Return the digest of the rows in this schema."""
    return dataset.digest_with(sql("schema.sql") + sql("constraints.sql"))


def template_name(dataset: Dataset) -> str:
    """Return the name of a dataset's template."""
    return f"ormlab_{digest_of(dataset)[:12]}"


def ensure_template(shell: Shell, dataset: Dataset) -> Template:
    """Return the dataset's template, made and verified if the server lacks it.

    Raises:
        ServerError: the server refused a step.
        ChecksumError: the server holds other rows than were sent.
    """
    name, digest = template_name(dataset), digest_of(dataset)
    rows = {"users": dataset.users, "orders": dataset.orders}
    known = _finished(shell, name, digest)
    if known is not None:
        return Template(name, digest, known, rows, {}, reused=True)
    drop(shell, name)
    shell.run(f"CREATE DATABASE {name} {_COLLATED}")
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def passed(phase: str) -> None:
        nonlocal started
        now = time.perf_counter()
        seconds[phase], started = now - started, now

    shell.run(sql("schema.sql"), database=name)
    checksums = {table: _load(shell, dataset, name, table) for table in _TABLES}
    passed("load")
    shell.run(sql("constraints.sql"), database=name)
    passed("constraints")
    for table, sent in checksums.items():
        _verify(shell, name, table, sent)
    passed("verify")
    document = json.dumps({"schema": _SCHEMA, "digest": digest, "checksums": checksums})
    shell.run(f"ALTER DATABASE {name} COMMENT '{document}'")
    passed("finish")
    return Template(name, digest, checksums, rows, seconds, reused=False)


def _load(shell: Shell, dataset: Dataset, name: str, table: str) -> str:
    digest = hashlib.sha256()
    columns = ", ".join(COLUMNS[table])
    with shell.fill("", table, columns, database=name) as rows:
        for piece in text.stream(dataset, table):
            rows.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def _verify(shell: Shell, name: str, table: str, sent: str) -> None:
    columns = ", ".join(COLUMNS[table])
    query = f"SELECT {columns} FROM {table} ORDER BY id"  # noqa: S608 - names of this module
    with shell.read(query, database=name) as rows:
        held = hashlib.file_digest(rows, "sha256").hexdigest()
    if held != sent:
        raise ChecksumError(f"{name}.{table}: sent {sent}, read back {held}")


def _finished(shell: Shell, name: str, digest: str) -> dict[str, str] | None:
    """The checksums of a finished template; None if it is not there, or half made."""
    told = shell.run(
        "SELECT schema_comment FROM information_schema.schemata "  # noqa: S608 - a name of this module
        f"WHERE schema_name = '{name}'"
    )
    try:
        document = json.loads(told)
        if document["schema"] != _SCHEMA or document["digest"] != digest:
            return None
        checksums: dict[str, str] = document["checksums"]
    except (ValueError, KeyError, TypeError):
        return None
    return checksums


def clone(shell: Shell, template: str, name: str) -> None:
    """Make a database from a template, in place of any of that name, with no page left to write.

    Raises:
        ServerError: the server refused, or its files cannot be reached.
        NoSpaceError: its disk is full.
    """
    drop(shell, name)
    shell.run(f"CREATE DATABASE {name} {_COLLATED}")
    discard = "".join(f"ALTER TABLE {table} DISCARD TABLESPACE;\n" for table in _TABLES)
    keyless = "SET SESSION foreign_key_checks = 0;\n"
    shell.run(f"{keyless}{sql('schema.sql')}{sql('constraints.sql')}{discard}", database=name)
    data = Path(shell.run("SELECT @@datadir"))
    tables = ", ".join(_TABLES)
    with shell.connected(template) as source:
        source.run(f"FLUSH TABLES {tables} FOR EXPORT")
        try:
            for table in _TABLES:
                for suffix in (".ibd", ".cfg"):
                    _copy(data / template / f"{table}{suffix}", data / name / f"{table}{suffix}")
        except OSError as refused:
            kind = NoSpaceError if refused.errno == errno.ENOSPC else ServerError
            raise kind(f"the files of {template} cannot be copied: {refused}") from None
        source.run("UNLOCK TABLES")
    taken = "".join(f"ALTER TABLE {table} IMPORT TABLESPACE;\n" for table in _TABLES)
    # The last line writes what the import and the new statistics have changed.
    shell.run(
        f"{keyless}{taken}ANALYZE TABLE {tables};\nFLUSH TABLES {tables} FOR EXPORT;\n"
        "UNLOCK TABLES",
        database=name,
    )
    for table in _TABLES:
        (data / name / f"{table}.cfg").unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    owner = source.stat()
    if os.geteuid() == 0:
        os.chown(target, owner.st_uid, owner.st_gid)
    target.chmod(owner.st_mode & 0o777)


def drop(shell: Shell, name: str) -> None:
    """Drop a database, if there is one, and end its connections first.

    ServerError if the server refuses.
    """
    end_connections(shell, name)
    shell.run(f"DROP DATABASE IF EXISTS {name}")


def end_connections(shell: Shell, name: str, most: int | None = None) -> int:
    """End connections of a database's clients, the oldest first; returns how many.

    ServerError if the server refuses.
    """
    limit = "" if most is None else f" LIMIT {most}"
    ids = shell.run(
        "SELECT id FROM information_schema.processlist "  # noqa: S608 - a name of the lab's
        f"WHERE db = '{name}' AND id <> connection_id() ORDER BY id{limit}"
    ).split()
    ended = 0
    for each in ids:
        try:
            shell.run(f"KILL CONNECTION {each}")
            ended += 1
        except ServerError as refused:
            if _NO_SUCH_CONNECTION not in str(refused):
                raise
    return ended
