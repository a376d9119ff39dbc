"""``python -m agent.scripts``: run a program to its end in a stack's environment.

Prints the outcome as JSON. The exit code is 0 whatever becomes of the program, and 2 for wrong
usage. A program that needs PostgreSQL gets a server of its own on the usual port of this host.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from agent import processes
from agent.databases.postgresql.cluster import Cluster, settings
from agent.failure import Failure
from bundle.documents.services import ScriptOutcome
from workloads.databases.interface import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 5432
_LIMIT_S = 60.0
_MEMORY_BYTES = 2**30  # for the settings of a server with a few rows
_LINES, _WIDTH = 20, 500


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    # An ordinary exit stops the server.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    outcome = ScriptOutcome(
        schema="script/1",
        script=options.name,
        printed=options.printed,
        sha256=hashlib.sha256(options.program.read_bytes()).hexdigest(),
        exit_status=None,
        reason=None,
        said=(),
        seconds=None,
    )
    try:
        with _served(options):
            outcome = run(outcome, [options.python, str(options.program), *options.argument])
    except Failure as problem:
        outcome = msgspec.structs.replace(outcome, reason=problem.what)
    sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")
    return 0


def run(outcome: ScriptOutcome, argv: list[str]) -> ScriptOutcome:
    """Run a program in an empty folder, and complete its outcome."""
    with TemporaryDirectory() as folder:
        log, started = Path(folder) / "log.txt", time.monotonic()
        process = processes.spawn(argv, program="service", log=log, cwd=Path(folder))
        reason = None
        try:
            process.wait(_LIMIT_S)
        except subprocess.TimeoutExpired:
            reason = f"it did not end within {_LIMIT_S:.0f} s"
        finally:
            processes.stop(process, timeout_s=5)
        return msgspec.structs.replace(
            outcome,
            exit_status=None if reason else process.returncode,
            reason=reason,
            said=said(log.read_text(errors="replace")),
            seconds=round(time.monotonic() - started, 3),
        )


def said(log: str) -> tuple[str, ...]:
    """The last lines that a program wrote, without those of its code that a traceback quotes."""
    lines = [
        line.rstrip()[:_WIDTH]
        for line in log.splitlines()
        if line.strip() and not line.startswith((" ", "\t", "Traceback "))
    ]
    return tuple(lines[-_LINES:])


@contextlib.contextmanager
def _served(options: argparse.Namespace) -> Iterator[None]:
    """Keep a server up for the role of a program, if it names one.

    Raises:
        Failure: the port is taken, or the server, the role or its database cannot be made.
    """
    if not options.login:
        yield
        return
    user, password, database = options.login
    with TemporaryDirectory(dir=options.folder, prefix="script-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server may run as another user
        cluster = Cluster(folder, options.binaries, options.port, roles=(user,))
        cluster.ensure_initialised()
        server = cluster.start(log=folder / "server.log", server_settings=settings(_MEMORY_BYTES))
        try:
            try:
                cluster.psql.run(f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}'")
                cluster.psql.run(f'CREATE DATABASE "{database}" OWNER "{user}"')
            except ServerError as refused:
                raise Failure(
                    "script-login",
                    f"the server cannot have the role and database of the script: {refused}",
                    where=f"{user}, {database}",
                    hint="PostgreSQL keeps some names for itself",
                ) from None
            yield
        finally:
            cluster.stop(server)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent.scripts")
    add = parser.add_argument
    add("--name", required=True, help="by which claims know the program")
    add("--python", required=True, metavar="PATH", help="interpreter of the stack")
    add("--program", type=Path, required=True, metavar="FILE", help="the program")
    add("--argument", action="append", default=[], help="of the program; may be repeated")
    add("--printed", metavar="SHA256", help="of the printed code that it is, or runs")
    add("--folder", type=Path, required=True, metavar="DIR", help="takes the server's files")
    add("--binaries", type=Path, required=True, metavar="DIR", help="PostgreSQL's programs")
    add("--port", type=int, default=PORT, help="of the server")
    add("--login", nargs=3, metavar=("USER", "PASSWORD", "DATABASE"), help="that it needs")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
