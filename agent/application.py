"""How an application is started, and its database made: its commands and their variables.

``python -m agent.application SPEC.json`` makes the template database of an application on the run's
server (`Seeding`) and prints what it holds as JSON.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.orders import ApplicationSpec
from bundle import places
from bundle.codec import Part
from host.environment import environment
from workloads.databases.interface import Server, ServerError
from workloads.databases.postgresql import own
from workloads.databases.postgresql.client import Client

if TYPE_CHECKING:
    from agent.orders import ApplicationSettings

_OK, _USAGE, _FAILED = 0, 2, 8


class Seeding(Part, frozen=True, kw_only=True):
    """The rows of an application, and how to make them."""

    server: Server  #: the server
    digest: str  #: of all that decides the rows
    files: list[str]  #: SQL files of its folder, in their order
    command: list[str]  #: that does the rest, with places as in ``start``; empty for none
    application: ApplicationSpec  #: whose variables the command has


def started(spec: ApplicationSpec) -> tuple[list[str], dict[str, str]]:
    """The command of an application, and its variables besides those of every service.

    Raises:
        OSError: the password of the database cannot be read.
    """
    settings = spec.settings
    values = _given(settings)
    return [places.filled(word, values) for word in settings.start], _variables(spec, values)


def _given(settings: ApplicationSettings) -> dict[str, str]:
    """What the lab gives an application, by the names of its places."""
    database = settings.database
    line = Path(database.passfile).read_text(encoding="utf-8").splitlines()[0]
    return {
        "host": settings.host,
        "port": str(settings.port),
        "db_host": database.host,
        "db_port": str(database.port),
        "db_user": database.user,
        # The lab draws passwords without a colon or a backslash.
        "db_password": line.rpartition(":")[2],
        "db_name": database.database,
    }


def _variables(spec: ApplicationSpec, values: dict[str, str]) -> dict[str, str]:
    settings, database = spec.settings, spec.settings.database
    programs = str(Path(spec.python).parent)
    own_path = environment("service")["PATH"]
    given = {name: places.filled(text, values) for name, text in settings.environment.items()}
    return {
        "PATH": f"{programs}{os.pathsep}{own_path}",
        "PYTHONPATH": settings.folder,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PGHOST": database.host,
        "PGPORT": str(database.port),
        "PGUSER": database.user,
        "PGPASSFILE": database.passfile,
        "PGDATABASE": database.database,
        **spec.variables,
        **given,
    }


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m agent.application SPEC.json\n")
        return _USAGE
    try:
        seeding = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Seeding)
        values = _given(seeding.application.settings)
        template = own.ensure(
            Client.of(seeding.server),
            digest=seeding.digest,
            folder=Path(seeding.application.settings.folder),
            files=seeding.files,
            command=[places.filled(word, values) for word in seeding.command],
            variables=_variables(seeding.application, values),
        )
    except (OSError, ValueError, ServerError, own.CommandError) as problem:
        sys.stderr.write(f"{str(problem).partition('\n')[0]}\n")  # psql quotes the statement
        return _FAILED
    sys.stdout.write(
        msgspec.json.encode({"schema": "ormlab-seed/1", **asdict(template)}).decode() + "\n"
    )
    return _OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
