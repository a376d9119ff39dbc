"""The service without an ORM on MariaDB, with which the others there are compared."""

from workloads.services.asyncmy.repository import Options, PlainRepository

__all__ = ["Options", "PlainRepository", "create"]

create = PlainRepository
