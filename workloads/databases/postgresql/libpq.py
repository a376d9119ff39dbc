"""What every driver of PostgreSQL reads from its environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workloads.services.settings import Database


def prepare(database: Database) -> None:
    """Let a driver find the password where libpq would: in no argument and in no log.

    Drivers on libpq also give instants in the session's zone, which is then the contract's. Source:
    PostgreSQL 16, "libpq - C Library", environment variables.
    """
    os.environ["PGPASSFILE"] = database.passfile
    os.environ["PGTZ"] = "UTC"
