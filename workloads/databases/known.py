"""Which databases there are, and the client of a server: found by folder.

This is the only place that goes from the name of a database to its code.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workloads.databases.interface import Server

if TYPE_CHECKING:
    import argparse

    from workloads.databases.interface import DatabaseClient

_FOLDER = Path(__file__).parent


def kinds() -> tuple[str, ...]:
    """The databases that the lab knows, by the names of their folders."""
    return tuple(sorted(path.parent.name for path in _FOLDER.glob("*/client.py")))


def title(kind: str) -> str:
    """Name of a database for readers."""
    module: Any = importlib.import_module(f"workloads.databases.{kind}.client")
    told: str = module.TITLE
    return told


def client(server: Server) -> DatabaseClient:
    """What can be asked of a server.

    Raises:
        ValueError: there is no such database.
    """
    if server.kind not in kinds():
        raise ValueError(f"there is no database {server.kind!r}; known: {', '.join(kinds())}")
    module: Any = importlib.import_module(f"workloads.databases.{server.kind}.client")
    made: DatabaseClient = module.Client.of(server)
    return made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a command line the options that `from_arguments` reads."""
    add = parser.add_argument
    add("--kind", default="postgresql", choices=kinds(), help="which database it is")
    add("--clients", default="", metavar="DIR", help="of its client programs (default: on PATH)")
    add("--host", default="127.0.0.1", help="address of the server")
    add("--port", type=int, required=True, help="its TCP port")
    add("--user", required=True, help="role to log in as")
    add("--passfile", required=True, help="password file, as its clients take it")


def from_arguments(arguments: argparse.Namespace) -> Server:
    """The server that a command line names."""
    return Server(
        kind=arguments.kind,
        programs=arguments.clients,
        host=arguments.host,
        port=arguments.port,
        user=arguments.user,
        passfile=arguments.passfile,
    )


def options(server: Server) -> dict[str, str]:
    """A server as the options of such a command line, without their dashes."""
    return {
        "kind": server.kind,
        "clients": server.programs,
        "host": server.host,
        "port": str(server.port),
        "user": server.user,
        "passfile": server.passfile,
    }
