"""``python -m tests.explain.counted SETTINGS.json ...``: what services call to read one row.

Prints, as JSON by settings file, which functions of `SEEN` are called how often for one read, over
many reads at once: more than there are connections, so that most of them wait for one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from workloads.services.server import load
from workloads.services.settings import read

READS = 60

# What a step of an explanation may switch off, and the function that it calls: a file, a beginning.
SEEN = {
    "transaction": ("asyncpg/transaction.py", "Transaction.start"),
    "statement": ("sqlalchemy/sql/_selectable_constructors.py", "select"),
    "session": ("sqlalchemy/orm/session.py", "Session.__init__"),
    "execution": ("sqlalchemy/engine/base.py", "Connection.execute"),
    "task": ("asyncio/tasks.py", "create_task"),
    "greenlet": ("sqlalchemy/util/", "greenlet_spawn"),
    "connection": ("sqlalchemy/engine/base.py", "Connection.__init__"),
    "pool": ("sqlalchemy/pool/base.py", "Pool.connect"),
    "reset": ("asyncpg/connection.py", "Connection.reset"),
    "query": ("tortoise/queryset.py", "QuerySet.__init__"),
    "client": ("tortoise/backends/asyncpg/client.py", "AsyncpgDBClient.execute_query"),
    "asyncpg-pool": ("asyncpg/pool.py", "Pool._acquire"),
    "wait": ("asyncio/queues.py", "Queue.get"),
}


async def counted(settings: Path) -> dict[str, float]:
    """Calls of what was seen, for each read; what was never called is left out."""
    told = read(settings)
    repository = load(told)
    await repository.open()
    try:
        await asyncio.gather(*(repository.users.read(1) for _ in range(READS)))
        calls: Counter[tuple[str, str]] = Counter()
        monitoring, tool = sys.monitoring, sys.monitoring.PROFILER_ID
        monitoring.use_tool_id(tool, "counted")
        monitoring.register_callback(
            tool,
            monitoring.events.PY_START,
            lambda code, _offset: calls.update([(code.co_filename, code.co_qualname)]),
        )
        monitoring.set_events(tool, monitoring.events.PY_START)
        await asyncio.gather(*(repository.users.read(1) for _ in range(READS)))
        monitoring.set_events(tool, monitoring.events.NO_EVENTS)
        monitoring.free_tool_id(tool)
    finally:
        await repository.close()
    return {
        name: many / READS
        for name, (file, begins) in SEEN.items()
        if (many := sum(calls[at] for at in calls if file in at[0] and at[1].startswith(begins)))
    }


async def main(files: list[str]) -> None:
    sys.stdout.write(json.dumps({file: await counted(Path(file)) for file in files}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
