"""The command line of wrk: report.lua beside this module feeds it and dumps what it measured.

Works with wrk 4.1 and 4.2. Its exit status proves nothing, and its printed percentiles contain
samples it never measured: read the dump with ``analysis.generators.wrk``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

SCRIPT = Path(__file__).with_name("report.lua")
FIRST: Final = b"a"
"""Sign of each of wrk's threads that its first answer is in."""
LAST: Final = b"z"
"""Sign that wrk's clock has stopped."""


def command(
    *,
    threads: int,
    connections: int,
    duration_s: int,
    url: str,
    table: Path,
    out: Path,
    repeatable: bool,
    timeout_s: int = 10,
    skipped: int = 0,
    signs: int | None = None,
    wrk: str = "wrk",
) -> list[str]:
    """Return the arguments that run wrk on a request table.

    Each thread sends its own shard of the table: every ``threads``-th request. A table of one
    repeatable request stays on wrk's path without Lua, unless signs are asked for.

    Args:
        threads: threads of wrk, at most ``connections``.
        connections: connections over all threads.
        duration_s: whole seconds.
        url: scheme, host and port of the service; only reached itself once a table is exhausted.
        table: file written by ``workloads.load.requests.write_table``.
        out: where the dump goes, as JSON; it appears whole or not at all.
        repeatable: start again at the top of the table when it is used up; otherwise the threads
            stop there and the dump says ``table_exhausted``.
        timeout_s: slower answers leave wrk's histogram and are counted instead. wrk's own default
            of 2 s hides stalls.
        skipped: requests of the table to begin after; where the table ends, it begins again.
        signs: descriptor to which wrk writes `FIRST` and `LAST`; None for no signs. They need
            LuaJIT's FFI.
        wrk: the program.

    Raises:
        ValueError: wrk would not do what these numbers say.
    """
    if min(threads, connections, duration_s, timeout_s) < 1:
        raise ValueError("threads, connections, duration_s and timeout_s must be 1 or more")
    if connections % threads:
        opened = connections // threads * threads
        raise ValueError(
            f"{threads} threads do not divide {connections} connections: wrk would open {opened} "
            f"and divide by {connections}"
        )
    options = {"-t": threads, "-c": connections, "-d": f"{duration_s}s", "-T": f"{timeout_s}s"}
    return [
        wrk,
        *(str(word) for option in options.items() for word in option),
        *("-s", str(SCRIPT.absolute()), "--latency", url),
        *(str(table.absolute()), str(out.absolute()), str(threads), str(connections)),
        "repeat" if repeatable else "once",
        str(duration_s),
        str(skipped),
        *([] if signs is None else [str(signs)]),
    ]
