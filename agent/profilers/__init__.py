"""Work of the kind ``profile``: one profiler looks at one process of a service, outside of windows.

cpu           py-spy, while a load runs
heap          memray, from the start of the process to its end
instructions  callgrind, one request after another
syscalls      strace, likewise
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent import server
from agent.profilers import cpu, heap, instructions, syscalls
from agent.profilers.base import ProfilerPass

if TYPE_CHECKING:
    from pathlib import Path

    from agent.heartbeat import Heartbeat
    from agent.orders import Profile
    from bundle.documents.profilers import Profiled

_ALL = {
    "cpu": cpu.carry_out,
    "heap": heap.carry_out,
    "instructions": instructions.carry_out,
    "syscalls": syscalls.carry_out,
}


def carry_out(work: Profile, folder: Path, heartbeat: Heartbeat, observed: Profiled) -> None:
    """Restore the database, start the service, have it looked at, and stop it.

    The files of `bundle.documents.profilers` that the profiler has lie in the folder then.

    Raises:
        Failure: the profiler is not there, may not look, or the service did not do its work.
    """
    server.prepare(work.database)
    _ALL[work.profiler](ProfilerPass(work, folder, heartbeat), observed)
