"""What all four profilers found of a subject."""

from __future__ import annotations

from analysis.profilers import Function, Looked, Weighed
from bundle.documents.profilers import CountedEvents, Profilers, SampledStacks, Traced


def document(reasons=None, **found):
    """The document of a subject at which no other profiler than these has looked."""
    nothing = dict.fromkeys(("cpu", "heap", "instructions", "syscalls"))
    keys = {"workload": "read-user", "connections": 4, "seconds": 1.0, "reasons": reasons or {}}
    return Profilers(**keys, **nothing | found)


INSTRUCTIONS = CountedEvents(program="valgrind 3", requests=50, windows=(99.0, 101.0), calls={})
SYSCALLS = CountedEvents(
    program="strace 6.1", requests=200, windows=(7.5, 7.5), calls={"sendto": 3.5, "recvfrom": 4.0}
)
LOOKED = Looked(
    "sqlalchemy",
    document(
        cpu=SampledStacks(program="py-spy 0.4.3", requests=1234, rate_hz=100),
        heap=Traced(program="memray 1.20.0", requests=567),
        instructions=INSTRUCTIONS,
        syscalls=SYSCALLS,
    ),
    {
        "cpu": Weighed(
            4.5,
            (
                Function("Session._get_impl", "sqlalchemy/orm/session.py", 0.25, 0.75),
                Function("BaseEventLoop._run_once", "asyncio/base_events.py", 0.125, 1.0),
            ),
        ),
        "heap": Weighed(12_345_678, (Function("import", "", 0.875, 0.875),)),
    },
)
