"""A ratio split into factors that were switched one after the other, in the same blocks.

The way from one subject to the other leads over subjects of which each differs from the one before
in a single factor. In every block the logarithms of the factors add up to that of the whole:

    ln y_to - ln y_from = sum over the links of (ln y_after - ln y_before)

so the estimates multiply to the estimate of the whole, exactly. Their intervals do not: two
neighbouring links share a trial, and what is too fast in it makes one link larger and the next
one smaller. The interval of the whole is therefore taken from its own log-ratios.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import scipy

from analysis.inference import ALPHA, PairedSample, findable_effect, holm, paired_t
from analysis.inference.estimators import moments
from bundle.documents.explanation import Cause, Difference, Effect, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.inference import ByBlock
    from bundle.documents.plan import Way

RESIDUAL = "residual"
_FEWEST = 2  # blocks, for a spread
_UNKNOWN: Mapping[str, ByBlock] = MappingProxyType({})


@dataclass(frozen=True)
class Link:
    """One piece of the way, from the subject before it to the subject after it."""

    name: str  #: of the factor, or ``residual``
    what: str  #: the factor in words
    before: str
    after: str
    #: the two subjects between which this factor is the only one that is switched; None for the
    #: residual
    alone: tuple[str, str] | None


@dataclass(frozen=True)
class Waterfall:
    """A ratio and the causes it is made of."""

    #: to over from, over the blocks that hold the whole way; the ratio, without such a block, over
    #: those that hold its two ends
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
            alone = (ends[side], step.alone)
            there.append(Link(step.name, step.what, reached[side], switched, alone))
        else:
            alone = (step.alone, ends[side])
            back.append(Link(step.name, step.what, switched, reached[side], alone))
        reached[side] = switched
    left = Link(RESIDUAL, "what no step switches", reached["from"], reached["to"], None)
    return [*there, left, *reversed(back)]


def waterfall(
    links: Sequence[Link],
    throughput: Mapping[str, ByBlock],
    cpu_service: Mapping[str, ByBlock] = _UNKNOWN,
    cpu_database: Mapping[str, ByBlock] = _UNKNOWN,
) -> Waterfall:
    """Split a ratio into its links.

    Args:
        links: each begins with the subject that the one before ends with.
        throughput: one positive figure a trial, by subject and block.
        cpu_service: CPU microseconds per request of the service, likewise.
        cpu_database: CPU microseconds per request of the database server, likewise.

    Raises:
        ValueError: a throughput is not positive and finite.
    """
    blocks, dropped = _whole(links, throughput)
    kept = {name: {b: throughput[name][b] for b in blocks} for name in _subjects(links) if blocks}
    total_logs = _logs((links[0].before, links[-1].after), kept or throughput)
    total = _effect(list(total_logs.values()))
    steps = [_logs((link.before, link.after), kept) for link in links]
    effects = [_effect(list(logs.values())) for logs in steps]
    ps = [effect.p for effect in effects if effect and effect.p is not None]
    family = holm(ps) if len(ps) == len(links) else [None] * len(links)
    service, whole_service = differences(links, cpu_service)
    database, whole_database = differences(links, cpu_database)
    ranks = _ranks(links, effects)
    parts = []
    for at, (link, effect) in enumerate(zip(links, effects, strict=True)):
        share = None
        if effect and total and total.shown:
            share = math.log(effect.ratio) / math.log(total.ratio)
        alone, interaction = _alone(link, throughput)
        parts.append(
            Cause(
                name=link.name,
                what=link.what,
                before=link.before,
                after=link.after,
                rank=ranks.get(link.name),
                throughput=effect,
                family_p=family[at],
                share=share,
                alone=alone,
                interaction=interaction,
                cpu_service=service[at],
                cpu_database=database[at],
            )
        )
    sums = {block: sum(logs[block] for logs in steps) for block in blocks}
    discrepancy = max((abs(sums[block] - total_logs[block]) for block in blocks), default=0.0)
    whole = Whole(throughput=total, cpu_service=whole_service, cpu_database=whole_database)
    return Waterfall(whole, tuple(parts), blocks, dropped, discrepancy)


def _ranks(links: Sequence[Link], effects: Sequence[Effect | None]) -> dict[str, int]:
    """The steps by the size of their effect, whichever way it works; the residual has no rank."""
    sizes = {
        link.name: abs(math.log(effect.ratio))
        for link, effect in zip(links, effects, strict=True)
        if effect and link.name != RESIDUAL
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
        return _difference(
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


def _alone(link: Link, figures: Mapping[str, ByBlock]) -> tuple[Effect | None, Effect | None]:
    """The effect of a factor alone, and by how much it is another on the way."""
    if link.alone is None:
        return None, None
    alone = _logs(link.alone, figures)
    effect = _effect(list(alone.values()))
    if link.alone == (link.before, link.after):
        return effect, None
    on_the_way = _logs((link.before, link.after), figures)
    both = sorted(alone.keys() & on_the_way.keys())
    return effect, _effect([on_the_way[block] - alone[block] for block in both])


def _logs(pair: tuple[str, str], figures: Mapping[str, ByBlock]) -> dict[int, float]:
    before, after = (figures.get(name, {}) for name in pair)
    d = PairedSample.of(before, after).d
    return dict(zip(d.blocks, d.values, strict=True))


def _effect(logs: Sequence[float]) -> Effect | None:
    if not logs:
        return None
    estimate = paired_t(logs)
    detectable = None
    if len(logs) >= _FEWEST:
        # As the interval beside it, this allows for nothing that a deployment keeps.
        detectable = findable_effect(moments(logs).sd, len(logs), beta=0.0)
    return Effect(
        ratio=estimate.ratio,
        low=estimate.ci95.low if estimate.ci95 else None,
        high=estimate.ci95.high if estimate.ci95 else None,
        p=estimate.p,
        detectable=detectable,
        blocks=len(logs),
        shown=estimate.ci95 is not None and estimate.ci95.excludes(1.0),
    )


def _difference(values: Sequence[float]) -> Difference | None:
    if len(values) < _FEWEST:
        if not values:
            return None
        return Difference(mean=values[0], low=None, high=None, blocks=1)
    sample = moments(values)
    half = float(scipy.stats.t.ppf(0.975, sample.count - 1)) * sample.error
    return Difference(
        mean=sample.mean, low=sample.mean - half, high=sample.mean + half, blocks=sample.count
    )
