"""Tables of what profilers found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import rounding
from analysis.tables.table import Cell, Column, Row, Table, numbers
from bundle.callstacks import IMPORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.profilers import Looked, Weighed

_MIB = 2**20
_MOST_CALLS = 12


def by_function(found: Looked) -> Iterator[Table]:
    """CPU time and memory by function, as far as profilers could look."""
    if "cpu" in found.stacks:
        yield _cpu(found.stacks["cpu"])
    if "heap" in found.stacks:
        yield _heap(found.stacks["heap"])


def _cpu(found: Weighed) -> Table:
    """The functions that took most CPU time."""
    named = (Column("Function"), *numbers("Itself", "With its calls", unit="%"), Column("File"))
    rows = (
        Row((each.name, _percent(each.own), _percent(each.whole), Cell(each.file, code=True)))
        for each in found.functions
    )
    return Table("CPU time by function", named, tuple(rows))


def _heap(found: Weighed) -> Table:
    """The functions that held most memory at the peak."""
    named = (Column("Function"), *numbers("Itself", "With its calls", unit="MiB"), Column("File"))
    rows = (
        Row(
            (
                each.name,
                *(_mib(share * found.weight) for share in (each.own, each.whole)),
                Cell(each.file, code=True),
            )
        )
        for each in found.functions
    )
    return Table("Memory at its peak by function", named, tuple(rows))


def counts(found: Looked) -> Table:
    """Instructions and system calls of one request."""
    named = (
        Column("One request"),
        *numbers("Mean"),
        *numbers("Spread", unit="%"),
        Column("Counted by"),
    )
    kinds = {
        "instructions": found.document.instructions,
        "system calls": found.document.syscalls,
    }
    rows = (
        Row((kind, rounding.figure(each.mean), _percent(each.spread), each.program))
        for kind, each in kinds.items()
        if each
    )
    return Table("Instructions and system calls of one request", named, tuple(rows))


def calls(found: Looked) -> Table:
    """The system calls of one request, the most frequent first."""
    counted = found.document.syscalls
    most = sorted(counted.calls.items(), key=lambda each: (-each[1], each[0])) if counted else ()
    rows = (Row((Cell(name, code=True), rounding.figure(count))) for name, count in most)
    named = (Column("System call"), *numbers("Per request"))
    return Table("System calls of one request", named, tuple(rows)[:_MOST_CALLS])


def sentences(found: Looked) -> Iterator[str]:
    """Under what the profilers looked, and what they could not see."""
    document = found.document
    load = f"{document.workload}, closed loop, {document.connections} connections"
    if document.cpu:
        yield (
            f"CPU: {document.cpu.program}, {document.cpu.rate_hz} looks a second under {load}; "
            f"{document.cpu.requests:,} requests"
        )
    if document.heap:
        peak = found.stacks["heap"].weight
        yield (
            f"heap: {document.heap.program}, {_mib(peak)} MiB at the peak under {load}; the row "
            f"{IMPORT} is all that importing modules took; {document.heap.requests:,} requests"
        )
    for name, reason in document.reasons.items():
        yield f"no {name}: {reason}"


def _percent(share: float) -> str:
    return rounding.fixed(100 * share, 1)


def _mib(size: float) -> str:
    return rounding.fixed(size / _MIB, 2)
