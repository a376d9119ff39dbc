"""Where services outside of the lab, and those that bundles keep, find what psycopg needs."""

from workloads.databases.postgresql.by_psycopg import require

__all__ = ["require"]
