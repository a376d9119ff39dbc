"""asyncpg for every repository: the one driver under all of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asyncpg.connection import Connection

if TYPE_CHECKING:
    from workloads.services.settings import Database


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a service whose pool is asyncpg's own; the names are asyncpg's."""

    statement_cache_size: int = 100  #: prepared statements kept by each connection; 0 prepares none
    #: reset a session when its connection returns to the pool, which costs a round trip (asyncpg's
    #: default)
    reset_on_return: bool = True


class UnresetConnection(Connection):  # type: ignore[misc]  # asyncpg ships no types
    """A connection that returns to its pool without a reset, which saves a round trip."""

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's
        """Reset only an open transaction, because no service changes the state of a session."""
        if self.is_in_transaction():
            await super().reset(timeout=timeout)


def connection_class(*, reset_on_return: bool) -> Any:  # noqa: ANN401 - asyncpg ships no types
    """Return the class of a pool's connections; asyncpg's own resets the session on return."""
    return Connection if reset_on_return else UnresetConnection


def use_passfile(database: Database) -> None:
    """Let asyncpg find the password where libpq would: in no argument and in no log."""
    os.environ["PGPASSFILE"] = database.passfile
