"""The service on Piccolo."""

from workloads.services.piccolo.repository import TableRepository
from workloads.services.postgres import Options

__all__ = ["Options", "TableRepository", "create"]

create = TableRepository
