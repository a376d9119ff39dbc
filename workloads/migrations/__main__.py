"""``python -m workloads.migrations``: is the schema that a tool makes the dataset's?

Prints the outcome as JSON. Exit codes: 0 whatever the tool made, 2 wrong usage, 8 no answer from
the database.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bundle.documents.services import SchemaOutcome
from workloads.databases import known
from workloads.databases.interface import ServerError
from workloads.databases.postgresql import catalog
from workloads.databases.postgresql.client import Client
from workloads.databases.postgresql.template import drop, sql
from workloads.migrations import tool
from workloads.migrations.difference import differences
from workloads.services import manifest
from workloads.services.settings import SettingsError

if TYPE_CHECKING:
    from workloads.databases.postgresql.psql import Psql
    from workloads.services.manifest import Service

_OK, _USAGE, _DATABASE = 0, 2, 8


def main(argv: list[str] | None = None) -> int:
    """Carry out the command line; the result goes to stdout."""
    arguments = _parser().parse_args(argv)
    try:
        service = manifest.named(arguments.service)
    except SettingsError as problem:
        return _refuse(problem, _USAGE)
    if arguments.tool not in service.manifest.migrations:
        return _refuse(f"{service.name} has no migrations by {arguments.tool!r}", _USAGE)
    try:
        psql = Client.of(known.from_arguments(arguments))
        outcome = compare(service, arguments.tool, programs=arguments.programs, psql=psql)
    except (ServerError, OSError) as problem:
        return _refuse(problem, _DATABASE)
    sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")
    return _OK


def compare(service: Service, by: str, *, programs: Path, psql: Psql) -> SchemaOutcome:
    """Make the schema as the dataset and as a tool does, in databases that are dropped again.

    Args:
        service: its models, and the commands of the tool.
        by: the tool, a key of the manifest's ``migrations``.
        programs: the folder of the programs of its stack.
        psql: how the server is reached.

    Raises:
        ServerError: the server refused.
    """
    own, made = "ormlab_schema", "ormlab_schema_made"
    failure, found = None, []
    try:
        for database in (own, made):
            drop(psql, database)
            psql.run(f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        psql.run(sql("schema.sql") + sql("constraints.sql"), database=own)
        try:
            tool.make(service, by, programs=programs, psql=psql, database=made)
            books = service.manifest.migrations[by].tables
            found = differences(catalog.read(psql, own), catalog.read(psql, made), books)
        except tool.ToolError as problem:
            failure = str(problem)
    finally:
        for database in (own, made):
            drop(psql, database)
    return SchemaOutcome(
        schema="made-schema/1",
        tool=by,
        failure=failure,
        differences=found,
        same=failure is None and all(each.harmless for each in found),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workloads.migrations", description=__doc__)
    parser.add_argument("--service", required=True, help="whose models and commands")
    parser.add_argument("--tool", required=True, help="of its manifest's migrations")
    parser.add_argument(
        "--programs", required=True, type=Path, help="folder of the programs of its stack"
    )
    known.add_arguments(parser)
    return parser


def _refuse(problem: Exception | str, code: int) -> int:
    sys.stderr.write(f"workloads.migrations: {problem}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
