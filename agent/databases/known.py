"""The server that an order names: its code is found by the folder of its database."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from agent.failure import Failure
from workloads.databases import known

if TYPE_CHECKING:
    from agent.databases.interface import Instance
    from agent.orders import KeepDatabase


def instance(work: KeepDatabase) -> Instance:
    """The server in the folder of an order, not started.

    Raises:
        Failure: ``database-unknown``, this agent has no such database.
    """
    if work.database not in known.kinds():
        raise Failure(
            "database-unknown",
            f"there is no database {work.database!r}; known: {', '.join(known.kinds())}",
            hint="the order and the agent are of different versions of the lab",
        )
    module: Any = importlib.import_module(f"agent.databases.{work.database}.instance")
    made: Instance = module.made(work)
    return made
