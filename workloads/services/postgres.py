"""Where services outside of the lab, and those that bundles keep, find what asyncpg needs."""

from workloads.databases.postgresql.by_asyncpg import (
    ConnectionQueue,
    Options,
    UnresetConnection,
    connection_class,
    row,
)

__all__ = ["ConnectionQueue", "Options", "UnresetConnection", "connection_class", "row"]
