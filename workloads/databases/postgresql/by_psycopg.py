"""psycopg's connections, tried before its pool opens its own."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from workloads.services.settings import Database


def require(database: Database, count: int) -> None:
    """Make sure that the server grants so many connections at once, which are closed again.

    Where psycopg's pool cannot connect, it tries again until its time is up, and loses the reason.

    Raises:
        psycopg.OperationalError: the server cannot be reached, or refuses one, with its words.
    """
    with ExitStack() as opened:
        for _ in range(count):
            connection = psycopg.connect(
                host=database.host,
                port=database.port,
                user=database.user,
                dbname=database.database,
            )
            opened.enter_context(connection)
