"""A difference split into causes that were switched one after the other, in the same blocks.

The way from one subject to the other leads over subjects of which each differs from the one before
in a single cause. Times add up: with T = 1 / throughput, the time of one answer, every block has

    T_to - T_from = sum over the links of (T_after - T_before)

exactly, and so have the means over blocks. That is why shares are of time. Ratios multiply along
the way just as exactly, but their logarithms are no shares: the same microseconds are a larger part
of what is left the later they are switched off, so a logarithm says more of a cause's place on the
way than of its cost.

Intervals neither add up nor multiply. Two neighbouring links share a trial, and what is too fast in
it makes one link larger and the next one smaller. The interval of the whole is therefore taken from
its own blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from analysis.contributions import Along, Widening, difference, effect
from analysis.inference import ALPHA, PairedSample, holm
from bundle.documents.explanation import Cause, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.inference import ByBlock
    from bundle.documents.explanation import Difference, Effect
    from bundle.documents.plan import Way

RESIDUAL = "residual"
_UNKNOWN: Mapping[str, ByBlock] = MappingProxyType({})
_US = 1e6


@dataclass(frozen=True)
class Link:
    """One piece of the way, from the subject before it to the subject after it."""

    name: str  #: of the factor, or ``residual``
    what: str  #: the factor in words
    before: str
    after: str
    #: the two subjects between which this factor is the only one that is switched; None where it
    #: was not measured alone, and for the residual
    alone: tuple[str, str] | None


@dataclass(frozen=True)
class Waterfall:
    """A difference and the causes it is made of."""

    #: from the first subject to the last, over the blocks that hold the whole way; the ratio,
    #: without such a block, over those that hold its two ends
    whole: Whole
    parts: tuple[Cause, ...]  #: in the order of the way
    blocks: tuple[int, ...]  #: those that hold the whole way
    dropped: tuple[int, ...]  #: those that do not
    #: the largest difference, over blocks, between the sum of the links' logarithms and the
    #: logarithm of the whole: rounding, or a mistake
    discrepancy: float

    @property
    def total(self) -> Effect | None:
        """The ratio of the whole; None without a block that holds both ends."""
        return self.whole.throughput


def is_shown(cause: Cause) -> bool:
    """Whether the effect is shown to be one, among all those of the way."""
    survives = cause.family_p is None or cause.family_p <= ALPHA
    return cause.throughput is not None and cause.throughput.shown and survives


def way(explained: Way) -> list[Link]:
    """Return the links from one end of an explanation to the other.

    Factors of the first subject come first, in the plan's order; then the residual, between the
    two sides with everything switched; then the factors of the second subject, the last one first,
    because on the way to it they are switched back.
    """
    ends = {"from": explained.from_, "to": explained.to}
    reached = dict(ends)
    there, back = [], []
    for step in explained.steps:
        side, switched = step.side, step.cumulative
        if side == "from":
            alone = (ends[side], step.alone) if step.alone else None
            there.append(Link(step.name, step.what, reached[side], switched, alone))
        else:
            alone = (step.alone, ends[side]) if step.alone else None
            back.append(Link(step.name, step.what, switched, reached[side], alone))
        reached[side] = switched
    left = Link(RESIDUAL, "what no step switches", reached["from"], reached["to"], None)
    return [*there, left, *reversed(back)]


def waterfall(
    links: Sequence[Link],
    throughput: Mapping[str, ByBlock],
    cpu_service: Mapping[str, ByBlock] = _UNKNOWN,
    cpu_database: Mapping[str, ByBlock] = _UNKNOWN,
    widening: Widening | None = None,
) -> Waterfall:
    """Split a difference into its links.

    Args:
        links: each begins with the subject that the one before ends with.
        throughput: answers per second, one positive figure a trial, by subject and block.
        cpu_service: CPU microseconds per request of the service, likewise.
        cpu_database: CPU microseconds per request of the database server, likewise.
        widening: what the intervals of ratios, times and shares allow for beside chance.

    Raises:
        ValueError: a throughput is not positive and finite.
    """
    allowed = widening or Widening()
    blocks, dropped = _whole(links, throughput)
    kept = {name: {b: throughput[name][b] for b in blocks} for name in _subjects(links) if blocks}
    ends = (links[0].before, links[-1].after)
    total_logs = _logs(ends, kept or throughput)
    total = effect(list(total_logs.values()), allowed)
    steps = [_logs((link.before, link.after), kept) for link in links]
    effects = [effect(list(logs.values()), allowed) for logs in steps]
    ps = [each.p for each in effects if each and each.p is not None]
    family = holm(ps) if len(ps) == len(links) else [None] * len(links)
    service, whole_service = differences(links, cpu_service)
    database, whole_database = differences(links, cpu_database)
    times = _times(throughput)
    along = Along(ends, {name: times[name] for name in kept}, blocks, allowed)
    spent = [along.difference((link.before, link.after)) for link in links]
    ranks = _ranks(links, spent)
    parts = []
    for at, link in enumerate(links):
        alone, alone_time, interaction = _alone(link, throughput, times, allowed)
        parts.append(
            Cause(
                name=link.name,
                what=link.what,
                before=link.before,
                after=link.after,
                rank=ranks.get(link.name),
                throughput=effects[at],
                family_p=family[at],
                time=spent[at],
                share=along.share((link.before, link.after)) if total and total.shown else None,
                alone=alone,
                alone_time=alone_time,
                interaction=interaction,
                cpu_service=service[at],
                cpu_database=database[at],
            )
        )
    sums = {block: sum(logs[block] for logs in steps) for block in blocks}
    discrepancy = max((abs(sums[block] - total_logs[block]) for block in blocks), default=0.0)
    whole = Whole(
        throughput=total,
        times=(along.mean(ends[0]), along.mean(ends[1])) if blocks else None,
        time=along.difference(ends),
        cpu_service=whole_service,
        cpu_database=whole_database,
    )
    return Waterfall(whole, tuple(parts), blocks, dropped, discrepancy)


def _times(throughput: Mapping[str, ByBlock]) -> dict[str, dict[int, float]]:
    """Microseconds of one answer, by subject and block."""
    return {
        name: {block: _US / figure for block, figure in by_block.items() if figure}
        for name, by_block in throughput.items()
    }


def _ranks(links: Sequence[Link], spent: Sequence[Difference | None]) -> dict[str, int]:
    """The steps by their time, whichever way it works; the residual has no rank."""
    sizes = {
        link.name: abs(time.mean)
        for link, time in zip(links, spent, strict=True)
        if time and link.name != RESIDUAL
    }
    ordered = sorted(sizes, key=lambda name: -sizes[name])
    return {name: rank for rank, name in enumerate(ordered, start=1)}


def differences(
    links: Sequence[Link], figures: Mapping[str, ByBlock]
) -> tuple[list[Difference | None], Difference | None]:
    """Return what each link adds to a figure, and the whole way; the means add up exactly.

    Args:
        links: as for `waterfall`.
        figures: such as CPU microseconds per request, by subject and block.
    """
    whole, _ = _whole(links, figures)

    def between(before: str, after: str) -> Difference | None:
        sides = ((figures[before][block], figures[after][block]) for block in whole)
        return difference(
            [then - first for first, then in sides if first is not None and then is not None]
        )

    parts = [between(link.before, link.after) for link in links]
    return parts, between(links[0].before, links[-1].after)


def _subjects(links: Sequence[Link]) -> list[str]:
    return [links[0].before, *(link.after for link in links)]


def _whole(
    links: Sequence[Link], figures: Mapping[str, ByBlock]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The blocks in which every subject of the way has a figure, and the others."""
    blocks = sorted({block for by_block in figures.values() for block in by_block})
    names = _subjects(links)
    holds = {
        block: all(figures.get(name, {}).get(block) is not None for name in names)
        for block in blocks
    }
    return tuple(b for b in blocks if holds[b]), tuple(b for b in blocks if not holds[b])


def _alone(
    link: Link,
    throughput: Mapping[str, ByBlock],
    times: Mapping[str, Mapping[int, float]],
    allowed: Widening,
) -> tuple[Effect | None, Difference | None, Difference | None]:
    """The effect of a factor alone, its time, and by how much its time is another on the way."""
    if link.alone is None:
        return None, None, None
    ratio = effect(list(_logs(link.alone, throughput).values()), allowed)
    before, after = (times.get(name, {}) for name in link.alone)
    alone = {block: after[block] - before[block] for block in before.keys() & after.keys()}
    own = difference([alone[block] for block in sorted(alone)])
    if link.alone == (link.before, link.after):
        return ratio, own, None
    first, then = (times.get(name, {}) for name in (link.before, link.after))
    both = sorted(alone.keys() & first.keys() & then.keys())
    return ratio, own, difference([then[b] - first[b] - alone[b] for b in both])


def _logs(pair: tuple[str, str], figures: Mapping[str, ByBlock]) -> dict[int, float]:
    before, after = (figures.get(name, {}) for name in pair)
    d = PairedSample.of(before, after).d
    return dict(zip(d.blocks, d.values, strict=True))
