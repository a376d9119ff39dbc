"""``derived/explanation.json``: where the difference between two subjects comes from.

The way from one subject to the other leads over subjects of which each differs from the one before
in a single cause. Ratios multiply along it to the whole, and CPU times add up to it.

History of the schema: explanation/1 (first).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bundle.codec import Document, Part
from bundle.values import Count


class Effect(Part, frozen=True, kw_only=True):
    """A ratio over blocks.

    Attributes:
        ratio: exp of the mean log-ratio.
        low: of the 95 % interval; null with one block.
        high: likewise.
        p: two-sided, that the ratio is 1; null likewise.
        detectable: the smallest relative effect that so many blocks of this spread find nine
            times out of ten; null likewise.
        blocks: how many.
        shown: whether the interval excludes 1.
    """

    ratio: float
    low: float | None
    high: float | None
    p: float | None
    detectable: float | None
    blocks: Count
    shown: bool


class Difference(Part, frozen=True, kw_only=True):
    """After minus before, in the unit of the figure.

    Attributes:
        mean: over the blocks.
        low: of the paired t interval at 95 %; null with one block.
        high: likewise.
        blocks: how many.
    """

    mean: float
    low: float | None
    high: float | None
    blocks: Count


class Cause(Part, frozen=True, kw_only=True):
    """What one step of the way contributes.

    Attributes:
        name: of the step, or ``residual``.
        what: the step in words.
        before: the subject before it.
        after: the subject after it.
        rank: by the size of its effect, from 1; null for the residual and without an effect.
        throughput: after over before, over the blocks that hold the whole way; null without any.
        family_p: its p adjusted by Holm for all steps of the way; null with fewer than two blocks.
        share: its logarithm over that of the whole; negative if it works the other way. Null where
            the whole is not shown to differ from 1: shares of noise mean nothing.
        alone: the effect of this cause switched alone; null for the residual.
        interaction: effect over alone, over the blocks that hold both; null where they are one.
        cpu_service: CPU microseconds per request of the service that it adds.
        cpu_database: likewise, of the database server.
    """

    name: str
    what: str
    before: str
    after: str
    rank: int | None
    throughput: Effect | None
    family_p: float | None
    share: float | None
    alone: Effect | None
    interaction: Effect | None
    cpu_service: Difference | None
    cpu_database: Difference | None


class Whole(Part, frozen=True, kw_only=True):
    """The whole way.

    Attributes:
        throughput: last over first; null without a block that holds both ends.
        cpu_service: CPU microseconds per request of the service, last minus first.
        cpu_database: likewise, of the database server.
    """

    throughput: Effect | None
    cpu_service: Difference | None
    cpu_database: Difference | None


class Stop(Part, frozen=True, kw_only=True):
    """The figures of a subject of the explanation, medians of its trials; null where it has none.

    Attributes:
        trials: whose figures may be used.
        throughput: answers per second.
        cpu_service: CPU microseconds per request of the service.
        cpu_database: likewise, of the database server.
        round_trips: to the database, of one request; null where the bundle does not tell.
        statements: that one request sends; null likewise.
    """

    trials: Count
    throughput: float | None
    cpu_service: float | None
    cpu_database: float | None
    round_trips: float | None
    statements: float | None


class ExplainedCell(Part, frozen=True, kw_only=True):
    """The way under one workload and load.

    Attributes:
        workload: its name.
        load: its name.
        blocks: how many hold the whole way.
        dropped: blocks that do not, by number.
        total: the whole way.
        parts: in the order of the way.
        discrepancy: the largest difference, over blocks, between the sum of the steps' logarithms
            and the logarithm of the whole: rounding, or a mistake.
        subjects: figures by subject, those on the way and those with one cause switched alone.
    """

    workload: str
    load: str
    blocks: Count
    dropped: tuple[int, ...]
    total: Whole
    parts: list[Cause]
    discrepancy: float
    subjects: dict[str, Stop]

    def round_trips(self, cause: Cause) -> tuple[float, float] | None:
        """Round trips of one request before and after a cause; None where one is not known."""
        ends = [self.subjects.get(name) for name in (cause.before, cause.after)]
        known = [end.round_trips for end in ends if end and end.round_trips is not None]
        return (known[0], known[1]) if len(known) == len(ends) else None


class Explanation(Document, frozen=True, kw_only=True):
    """``derived/explanation.json``.

    Attributes:
        schema: the version of this format.
        bundle: its id.
        from_: the subject that the way begins with; ``from`` in the file.
        to: the subject that it leads to.
        conclusion: the largest cause in one sentence.
        weaknesses: as in the results.
        cells: those with a usable trial, but for loads whose rate is given.
    """

    PATH: ClassVar[str] = "derived/explanation.json"

    schema: Literal["explanation/1"]
    bundle: str
    from_: str = msgspec.field(name="from")
    to: str
    conclusion: str
    weaknesses: list[str]
    cells: list[ExplainedCell]
