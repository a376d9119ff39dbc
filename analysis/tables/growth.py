"""The table of how the memory of the subjects grew under a load that lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.rounding import UNKNOWN, with_interval
from analysis.tables.table import Column, Row, Table, numbers
from bundle.documents.results import MemoryGrowth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.documents.results import Cell as Measured
    from bundle.documents.results import Growth

NOTE: Final = (
    "Each deployment gives one slope: the median of the slopes between all pairs of looks after "
    "the warm-up. The figure is their mean, with its t interval over deployments. A slope alone is "
    "no leak: memory that levels off later has one as well, so compare windows of two lengths."
)
_MIB = 2**20
_SIZES = {"rss": "Resident set", "pss": "Proportional set", "anonymous": "Heap and stacks"}


def rates(cell: Measured) -> Table:
    """A row for each subject whose windows are long enough; none in other cells."""
    named = (Column("Subject"), *numbers(*_SIZES.values(), unit="MiB/h"), *numbers("Deployments"))
    rows = (
        Row(
            (
                name,
                *(per_hour(getattr(grown, size)) for size in _SIZES),
                str(grown.rss.deployments),
            )
        )
        for name, grown in _grown(cell)
    )
    return Table(f"Growth of memory, with 95 % intervals: {cell.title}", named, tuple(rows))


def per_hour(growth: Growth) -> str:
    """``12 (8 to 16)`` MiB an hour; the figure alone without an interval."""
    ends = (growth.per_hour, growth.low, growth.high)
    if growth.per_hour is None:
        return UNKNOWN
    return with_interval(*(None if each is None else each / _MIB for each in ends))


def lacking(cell: Measured) -> Iterator[str]:
    """Why a figure of the table or an interval is missing, a sentence for each reason."""
    for name, grown in _grown(cell):
        reasons: dict[str, list[str]] = {}
        for size, words in _SIZES.items():
            reason = getattr(grown, size).reason
            if reason:
                reasons.setdefault(reason, []).append(words.lower())
        for reason, sizes in reasons.items():
            yield f"growth of {name}, {', '.join(sizes)}: {reason}"


def _grown(cell: Measured) -> Iterator[tuple[str, MemoryGrowth]]:
    for name, told in cell.subjects.items():
        if isinstance(told.growth, MemoryGrowth):
            yield name, told.growth
