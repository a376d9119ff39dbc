"""The commands by which a tool makes a schema, run in a folder of their own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from host.environment import environment
from workloads.services import manifest

if TYPE_CHECKING:
    from workloads.databases.postgresql.psql import Psql
    from workloads.services.manifest import Service

_LONGEST_S: Final = 120.0


class ToolError(RuntimeError):
    """A command of the tool failed; the message has its last words."""


def make(service: Service, tool: str, *, programs: Path, psql: Psql, database: str) -> None:
    """Let a tool make the schema of a service's models in an empty database.

    The tool works in a copy of the service's ``migrations/``. It finds the server by libpq's
    variables, and imports the service's code.

    Args:
        service: its manifest names the commands.
        tool: a key of the manifest's ``migrations``.
        programs: the folder of the programs of the stack.
        psql: how the server is reached.
        database: empty.

    Raises:
        ToolError: a command failed, or did not end.
    """
    files = service.folder / manifest.MIGRATIONS
    if not files.is_dir():
        raise ToolError(f"{service.name} has no folder {files.name}/")
    own = {
        **psql.variables,
        "PGDATABASE": database,
        "PATH": f"{programs}:/usr/bin:/bin",
        # The checkout, in which the service is a package.
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with tempfile.TemporaryDirectory(prefix="ormlab-migrations-") as folder:
        shutil.copytree(files, folder, dirs_exist_ok=True)
        for command in service.manifest.migrations[tool].commands:
            _run(command, Path(folder), programs, own)


def _run(command: str, folder: Path, programs: Path, own: dict[str, str]) -> None:
    program, *arguments = shlex.split(command)
    try:
        ended = subprocess.run(
            [programs / program, *arguments],
            cwd=folder,
            env=environment("service", own),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_LONGEST_S,
            check=False,
        )
    except FileNotFoundError:
        raise ToolError(f"its stack has no program {program}") from None
    except subprocess.TimeoutExpired:
        raise ToolError(f"{command} did not end within {_LONGEST_S:.0f} s") from None
    if ended.returncode != 0:
        last = (ended.stdout.strip().splitlines() or ["it printed nothing"])[-1]
        raise ToolError(f"{command} ended with {ended.returncode}: {last}")
