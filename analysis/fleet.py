"""What several runs of one plan say together, each of them whole on one node of a cluster.

A node is an effect drawn at random (`analysis.inference.combine_nodes`): the interval is that of
what another node of the same kind would show. Each run has a null arm of its own, so that every
node has one. A run that is void by it, or by a gate, counts for nothing and is named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, NamedTuple

from analysis.inference import (
    Combined,
    Ruling,
    RunMean,
    combine,
    combine_nodes,
    holm,
    node_ratio,
    rule_combined,
)
from analysis.metrics import PRIMARY
from bundle.codec import Part
from bundle.documents.results import Better, Estimate, Reason, Verdict
from bundle.values import Count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.inference import Undefined
    from bundle.documents.results import Comparison, Results


@dataclass(frozen=True)
class NodeRun:
    """The results of one run, and the node that carried it out."""

    node: str  #: a name, or a digest
    results: Results


class NodeFigures(Part, frozen=True, kw_only=True):
    """What the runs of one node say of a comparison."""

    node: str  #: name of the node, or its digest where no name is known
    runs: Count  #: number of its runs that count
    ratio: float  #: candidate over baseline, of these runs together
    #: A' over A, the geometric mean of these runs; null without a null arm
    null: float | None
    #: the baseline's figure by the metric, median of these runs; null where no trial has it
    level: float | None


class FleetComparison(Part, frozen=True, kw_only=True):
    """One comparison of the plan by all runs together."""

    workload: str
    load: str
    baseline: str
    candidate: str
    metric: str
    better: Better
    margin: float  #: theta as a fraction, from the plan
    verdict: Verdict  #: on the candidate
    #: whether a FASTER or SLOWER candidate is so by more than the margin; null with any other
    #: verdict
    size_resolved: bool | None
    reasons: tuple[Reason, ...]  #: at least one; the first is why the verdict is this one
    runs: Count  #: number of runs that count
    blocks: Count  #: of all these runs
    #: the ratio with its intervals; null where too few runs count
    estimate: Estimate | None
    #: standard deviation of the ratio between nodes, as a fraction; null with fewer than two
    between: float | None
    #: Cochran's p of the hypothesis that the nodes differ by the noise of their runs alone; null
    #: with fewer than two nodes
    nodes_p: float | None
    family_p: float | None  #: p adjusted for the comparisons of the cell; null where it is not
    nodes: tuple[NodeFigures, ...]  #: by the first run of each node
    left_out: tuple[str, ...]  #: which runs do not count, and why, one sentence each


class _Key(NamedTuple):
    workload: str
    load: str
    metric: str
    baseline: str
    candidate: str


class _Said(NamedTuple):
    """A comparison of one run, on its node."""

    run: NodeRun
    comparison: Comparison

    @property
    def mean(self) -> RunMean | None:
        """What counts of it; None where its blocks have no spread."""
        each = self.comparison
        if not each.sd or each.blocks < 2:  # noqa: PLR2004 - what a spread needs
            return None
        return RunMean(math.log(each.ratio), each.sd / math.sqrt(each.blocks), each.blocks)


class _Weighed(NamedTuple):
    """The runs of one comparison, weighed together."""

    first: Comparison  #: of the first run, whether it counts or not
    by_node: Mapping[str, list[_Said]]
    combined: Combined | Undefined
    left_out: tuple[str, ...]

    @property
    def runs(self) -> list[_Said]:
        """The runs that count."""
        return [each for node in self.by_node.values() for each in node]

    @property
    def lacks(self) -> tuple[Reason, ...]:
        """Why one of them is only an estimate; empty if none is."""
        estimates = [
            each.comparison for each in self.runs if each.comparison.verdict is Verdict.ESTIMATE
        ]
        return estimates[0].reasons[:1] if estimates else ()


def compare(runs: Sequence[NodeRun]) -> tuple[FleetComparison, ...]:
    """Judge every comparison of a plan by all of its runs.

    The comparisons of a cell by the primary metric are one family, as in a single run.

    Args:
        runs: of one plan, on hosts of one fingerprint.
    """
    weighed = {key: _weigh(said) for key, said in _gathered(runs).items()}
    family = _families(weighed)
    return tuple(_judged(key, each, family.get(key)) for key, each in weighed.items())


def _gathered(runs: Iterable[NodeRun]) -> dict[_Key, list[_Said]]:
    """The runs of each comparison, in the order of the first run."""
    found: dict[_Key, list[_Said]] = {}
    for run in runs:
        for cell in run.results.cells:
            for each in cell.comparisons:
                pair = (each.metric, each.baseline, each.candidate)
                key = _Key(cell.workload, cell.load, *pair)
                found.setdefault(key, []).append(_Said(run, each))
    return found


def _weigh(said: Sequence[_Said]) -> _Weighed:
    by_node: dict[str, list[_Said]] = {}
    left_out = []
    for each in said:
        if each.comparison.verdict is Verdict.VOID:
            left_out.append(f"{each.run.results.bundle} is void: {each.comparison.reasons[0].what}")
        elif each.mean is None:
            left_out.append(f"{each.run.results.bundle} has too few blocks for a spread")
        else:
            by_node.setdefault(each.run.node, []).append(each)
    first = said[0].comparison
    combined = combine_nodes([_means(node) for node in by_node.values()], beta=first.beta)
    return _Weighed(first, by_node, combined, tuple(left_out))


def _means(said: Iterable[_Said]) -> list[RunMean]:
    return [each.mean for each in said if each.mean]


def _families(weighed: Mapping[_Key, _Weighed]) -> dict[_Key, float]:
    """Adjusted p values of the comparisons by the primary metric, cell by cell."""
    cells: dict[tuple[str, str], dict[_Key, float]] = {}
    for key, each in weighed.items():
        if key.metric == PRIMARY and isinstance(each.combined, Combined) and not each.lacks:
            p = each.combined.estimate.p
            if p is not None:
                cells.setdefault((key.workload, key.load), {})[key] = p
    return {
        key: adjusted
        for ps in cells.values()
        for key, adjusted in zip(ps, holm(list(ps.values())), strict=True)
    }


def _judged(key: _Key, weighed: _Weighed, family_p: float | None) -> FleetComparison:
    first, said = weighed.first, weighed.runs
    ruling = _ruling(weighed, family_p)
    several = weighed.combined if isinstance(weighed.combined, Combined) else None
    together = several or combine(_means(said), beta=first.beta)
    return FleetComparison(
        **key._asdict(),
        better=first.better,
        margin=first.margin,
        verdict=ruling.verdict,
        size_resolved=ruling.size_resolved,
        reasons=ruling.reasons,
        runs=len(said),
        blocks=sum(each.comparison.blocks for each in said),
        estimate=together.estimate if isinstance(together, Combined) else None,
        between=math.expm1(several.tau) if several else None,
        nodes_p=several.cochran_p if several else None,
        family_p=family_p,
        nodes=tuple(_node(key, name, node) for name, node in weighed.by_node.items()),
        left_out=weighed.left_out,
    )


def _ruling(weighed: _Weighed, family_p: float | None) -> Ruling:
    first = weighed.first
    if not weighed.runs:
        nothing = Reason("no-valid-run", f"no run counts: {weighed.left_out[0]}")
        is_void = first.verdict is Verdict.VOID
        return Ruling(Verdict.VOID if is_void else Verdict.ESTIMATE, None, (nothing,))
    return rule_combined(
        weighed.combined,
        margin=first.margin,
        better=first.better,
        only_estimate=weighed.lacks,
        family_p=family_p,
    )


def _node(key: _Key, name: str, said: Sequence[_Said]) -> NodeFigures:
    nulls = [math.log(each.comparison.null.ratio) for each in said if each.comparison.null]
    levels = [level for each in said if (level := _level(key, each.run.results)) is not None]
    return NodeFigures(
        node=name,
        runs=len(said),
        ratio=node_ratio(_means(said), beta=said[0].comparison.beta),
        null=math.exp(fmean(nulls)) if nulls else None,
        level=median(levels) if levels else None,
    )


def _level(key: _Key, results: Results) -> float | None:
    """The baseline's figure by the metric in one run."""
    cell = results.cell(key.workload, key.load)
    subject = cell.subjects.get(key.baseline) if cell else None
    level: float | None = getattr(subject, key.metric, None)
    return level
