"""``derived/explanation.json``: where the difference between two subjects comes from.

The way leads from one subject to the other over intermediate subjects. Each of them differs from
the one before it in a single cause. The times of the steps add up to the time of the whole way, and
so do their CPU times; their ratios multiply to its ratio.

History of the schema: explanation/1 (first); explanation/2 has the time of each cause, of which its
share and rank are; before they were of logarithms.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bundle.codec import Document, Part
from bundle.values import Count


class Effect(Part, frozen=True, kw_only=True):
    """A ratio over blocks."""

    ratio: float  #: exp of the mean log-ratio
    low: float | None  #: lower end of the 95 % interval; null with one block
    high: float | None  #: upper end of the 95 % interval; null with one block
    p: float | None  #: two-sided, of the hypothesis that the ratio is 1; null with one block
    #: smallest relative effect that these blocks detect nine times out of ten; null with one block
    detectable: float | None
    blocks: Count  #: number of blocks
    shown: bool  #: whether the interval excludes 1


class Difference(Part, frozen=True, kw_only=True):
    """After minus before, in the unit of the figure."""

    mean: float  #: over the blocks
    low: float | None  #: lower end of the 95 % interval; null with one block
    high: float | None  #: upper end of that interval; null with one block
    blocks: Count  #: number of blocks


class Share(Part, frozen=True, kw_only=True):
    """A part of the whole way's time; over the steps and the residual they add up to 1."""

    value: float  #: negative if the step works against the whole
    low: float | None  #: lower end of the 95 % interval; null with one block
    high: float | None  #: upper end of that interval; null with one block


class Cause(Part, frozen=True, kw_only=True):
    """What one step of the way contributes."""

    name: str  #: name of the step, or ``residual``
    what: str  #: the step in words
    before: str  #: the subject before the step
    after: str  #: the subject after the step
    #: 1 for the largest time, whichever way it works; null for the residual, and without a time
    rank: int | None
    #: after over before, over the blocks that hold the whole way; null without such a block
    throughput: Effect | None
    #: p of `throughput`, adjusted by Holm for all steps of the way; null with fewer than two blocks
    family_p: float | None
    #: microseconds of one answer, 1 / throughput, after less before; null as `throughput`
    time: Difference | None
    #: of the whole way's time. Null where the whole is not shown to differ, because shares of noise
    #: mean nothing
    share: Share | None
    #: effect of this cause switched alone; null where that was not measured, and for the residual
    alone: Effect | None
    alone_time: Difference | None  #: its microseconds of one answer, switched alone
    #: `time` less `alone_time`, over the blocks that hold both: what its place on the way makes of
    #: it; null where they are the same
    interaction: Difference | None
    cpu_service: Difference | None  #: CPU microseconds per request that it adds to the service
    cpu_database: Difference | None  #: CPU microseconds per request that it adds to the database


class Whole(Part, frozen=True, kw_only=True):
    """The last subject of the way against the first."""

    throughput: Effect | None  #: last over first; null without a block that holds both
    #: mean microseconds of one answer of the first subject and of the last, over the blocks that
    #: hold the whole way; null without such a block
    times: tuple[float, float] | None
    time: Difference | None  #: the last of them minus the first
    cpu_service: Difference | None  #: CPU microseconds per request of the service, last minus first
    cpu_database: Difference | None  #: CPU microseconds per request of the database server


class Stop(Part, frozen=True, kw_only=True):
    """Figures of a subject of the explanation: medians of its trials, null where it has none."""

    trials: Count  #: number of trials whose figures may be used
    throughput: float | None  #: answers per second
    cpu_service: float | None  #: CPU microseconds per request of the service
    cpu_database: float | None  #: CPU microseconds per request of the database server
    round_trips: float | None  #: of one request to the database; null where the bundle lacks it
    statements: float | None  #: that one request sends; null where the bundle lacks it


class ExplainedCell(Part, frozen=True, kw_only=True):
    """The way under one workload and load."""

    workload: str  #: name of the workload
    load: str  #: name of the load
    blocks: Count  #: number of blocks that hold the whole way
    dropped: tuple[int, ...]  #: numbers of the blocks that do not
    #: e, by how much the null arm differs from its subject beyond chance, in log units: intervals
    #: of ratios, times and shares allow for it, and for the plan's beta. Null without a null arm
    excess: float | None
    total: Whole  #: the whole way
    parts: list[Cause]  #: the steps in the order of the way, then the residual
    #: largest difference, over blocks, between the sum of the steps' logarithms and the logarithm
    #: of the whole: rounding, or a mistake
    discrepancy: float
    #: figures of the subjects on the way and of those with one cause switched alone
    subjects: dict[str, Stop]

    def round_trips(self, cause: Cause) -> tuple[float, float] | None:
        """Round trips of one request before and after a cause; None where one is not known."""
        ends = [self.subjects.get(name) for name in (cause.before, cause.after)]
        known = [end.round_trips for end in ends if end and end.round_trips is not None]
        return (known[0], known[1]) if len(known) == len(ends) else None


class Explanation(Document, frozen=True, kw_only=True):
    """``derived/explanation.json``."""

    PATH: ClassVar[str] = "derived/explanation.json"

    schema: Literal["explanation/2"]
    bundle: str  #: id of the bundle
    #: the subject that the way begins with; ``from`` in the file
    from_: str = msgspec.field(name="from")
    to: str  #: the subject that the way leads to
    conclusion: str  #: the whole, its largest cause and the residual in one sentence
    weaknesses: list[str]  #: as in the results
    #: the cells with a usable trial; a load with a given arrival rate has no cell here
    cells: list[ExplainedCell]
