"""The rows of an application as a template database, made by its own SQL files and command."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

from host.environment import environment
from workloads.databases.interface import Template
from workloads.databases.postgresql import contents
from workloads.databases.postgresql.template import comment, drop, finish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from workloads.databases.postgresql.psql import Psql

_SCHEMA = "ormlab-own-template/1"
_SHOWN = 300  # characters of what a command says


class CommandError(RuntimeError):
    """The command of an application that fills its database failed."""


def ensure(
    psql: Psql,
    *,
    digest: str,
    folder: Path,
    files: Sequence[str],
    command: Sequence[str] = (),
    variables: Mapping[str, str],
) -> Template:
    """Return the template database of an application, made if the server lacks it.

    Args:
        psql: the server.
        digest: of all that decides the rows; the database is named by it.
        folder: of the application.
        files: SQL files in it, in their order.
        command: a program that fills in the rest, with its arguments; empty for none.
        variables: of the command, besides those of every service and the name of the database.

    Raises:
        PsqlError: the server refused a step.
        CommandError: the command failed.
        OSError: a file cannot be read, or the command not be started.
    """
    database = f"ormlab_own_{digest[:12]}"
    if known := _finished(psql, database, digest):
        return known
    drop(psql, database)
    psql.run(f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
    seconds, started = {}, time.perf_counter()
    for each in files:
        psql.run((folder / each).read_text(encoding="utf-8"), database=database)
    seconds["sql"] = time.perf_counter() - started
    if command:
        started = time.perf_counter()
        _run(command, folder, {**variables, "PGDATABASE": database})
        seconds["command"] = time.perf_counter() - started
    started = time.perf_counter()
    held = contents.read(psql, database)
    rows = {name: each.rows for name, each in held.items()}
    checksums = {name: each.sha256 for name, each in held.items()}
    told = {"schema": _SCHEMA, "digest": digest, "checksums": checksums, "rows": rows}
    finish(psql, database, told)
    seconds["finish"] = time.perf_counter() - started
    return Template(database, digest, checksums, rows, seconds, reused=False)


def _finished(psql: Psql, database: str, digest: str) -> Template | None:
    try:
        told = json.loads(comment(psql, database))
        if told["schema"] != _SCHEMA or told["digest"] != digest:
            return None
        return Template(database, digest, told["checksums"], told["rows"], {}, reused=True)
    except (ValueError, KeyError, TypeError):
        return None


def _run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
    ended = subprocess.run(
        list(command),
        cwd=folder,
        env=environment("service", variables),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode:
        said = (ended.stderr.strip() or ended.stdout.strip()).splitlines() or ["it said nothing"]
        raise CommandError(f"{command[0]} ended with {ended.returncode}: {said[-1][:_SHOWN]}")
