"""The service on psycopg 3 and its pool, without an ORM."""

from workloads.services.psycopg.repository import Options, PlainRepository

__all__ = ["Options", "PlainRepository", "create"]

create = PlainRepository
