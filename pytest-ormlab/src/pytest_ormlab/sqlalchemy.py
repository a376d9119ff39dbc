"""The source inside SQLAlchemy: what its engine gives to the driver, on any database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_ormlab.queries import Queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine


@contextmanager
def sqlalchemy_queries(engine: Engine | AsyncEngine) -> Iterator[Queries]:
    """Give the queries of an engine during the block.

    An engine says less than the wire: it does not know what the driver adds, and executemany is one
    query, whatever number of messages the driver makes of it.
    """
    from sqlalchemy import event  # noqa: PLC0415 - the plugin also serves those who do not have it

    queries = Queries()
    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": lambda _connection, _cursor, text, *_: queries.record(text),
        "begin": lambda _: queries.record("BEGIN"),
        "commit": lambda _: queries.record("COMMIT"),
        "rollback": lambda _: queries.record("ROLLBACK"),
    }
    target = getattr(engine, "sync_engine", engine)
    for name, listener in listeners.items():
        event.listen(target, name, listener)
    try:
        yield queries
    finally:
        for name, listener in listeners.items():
            event.remove(target, name, listener)
