"""Where services outside of the lab, and those that bundles keep, find the password's reader."""

from workloads.databases.postgresql.libpq import prepare

__all__ = ["prepare"]
