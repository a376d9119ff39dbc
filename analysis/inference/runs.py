"""One ratio from several runs of one comparison, on one host or on several nodes.

Runs differ by more than their blocks show, because each has deployments of its own. So the mean of
the runs has random effects: with s_r the standard error of run r, without floor and e,

    tau^2 = max(tau_DL^2, 1.5 beta^2)    w_r = 1 / (s_r^2 + tau^2)    mean = sum w d / sum w
    q = sum w (d - mean)^2 / (k - 1)     h = t(1 - alpha/2, sum(n_r - 1)) sqrt(max(1, q) / sum w)

tau_DL is that of R. DerSimonian and N. Laird, Controlled Clinical Trials 7 (1986) 177; q scales the
variance as J. Hartung and G. Knapp, Statistics in Medicine 20 (2001) 1771, and only ever widens it.

Cochran's Q (Biometrics 10 (1954) 101) tests whether the runs differ by more than s_r^2 + 1.5 beta^2
allows. Without the term in beta it would call honest runs contradictory: at noise 2 %, 21 % of two
runs of 10 blocks and 63 % of five runs of 20; with it 5 to 6 %.

Nodes of a cluster that are equal on paper differ by more than their runs show, so there is a second
step: the runs of each node give its mean m_j and error v_j as above, and the nodes are combined in
the same way, without a floor for tau and with k - 1 degrees of freedom, as Hartung and Knapp have
it: blocks say nothing of how nodes differ. With two nodes t is 12.7, and with three 4.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import scipy

from analysis.inference.hypotheses import ALPHA
from analysis.inference.interval import interval_of, ratio_of
from analysis.inference.nullarm import Lack, Undefined
from bundle.display import quantity
from bundle.documents.plan import BETA
from bundle.documents.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.inference.nullarm import Widened
    from bundle.documents.results import Interval

    type _Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class RunMean:
    """What one run says of a ratio."""

    mean: float  #: of d
    error: float  #: its standard error s_d / sqrt(n), above 0
    blocks: int  #: n, at least two

    @classmethod
    def of(cls, widened: Widened) -> Self:
        """Take what counts of a run's comparison."""
        return cls(widened.mean, widened.half_width.error, widened.blocks)


@dataclass(frozen=True)
class Combined:
    """One ratio from several runs, or from several nodes."""

    estimate: Estimate  #: the ratio with its intervals
    #: standard deviation between runs, or between nodes, that the weights allow for, in log units
    tau: float
    #: of the hypothesis that the runs, or the nodes, differ by their blocks' noise and beta alone
    cochran_p: float
    blocks: int  #: of all runs

    @property
    def disagree(self) -> bool:
        """Whether the runs, or the nodes, differ by more than chance."""
        return self.cochran_p < ALPHA


class _Pooled(NamedTuple):
    """A random-effects mean of logarithms."""

    mean: float
    error: float  #: its standard error
    between: float  #: tau^2


def combine(runs: Sequence[RunMean], *, beta: float = BETA) -> Combined | Undefined:
    """Combine the runs of one comparison; a single run decides by itself.

    Args:
        runs: all committed ones whose figures are valid.
        beta: standard deviation of what a deployment keeps for a whole run, in log units.

    Raises:
        ValueError: beta is negative, or a run has no standard error.
    """
    _require_runs(runs, beta)
    if len(runs) < 2:  # noqa: PLR2004 - what "several" means
        return Undefined(Lack.ONE_RUN, f"{quantity(len(runs), 'run')}, nothing to combine")
    means, variances = _of_runs(runs)
    least = 1.5 * beta**2
    pooled = _pool(means, variances, least)
    method = f"{len(runs)} runs, random effects"
    estimate = _estimate(method, pooled, sum(run.blocks - 1 for run in runs))
    disagreement = _disagreement(means, variances + least)
    return Combined(
        estimate, math.sqrt(pooled.between), disagreement, sum(run.blocks for run in runs)
    )


def combine_nodes(
    nodes: Sequence[Sequence[RunMean]], *, beta: float = BETA
) -> Combined | Undefined:
    """Combine the runs of one comparison on several nodes: what another node of them would show.

    Args:
        nodes: the runs of each node, at least one; all whose figures are valid.
        beta: as in `combine`.

    Raises:
        ValueError: as `combine`, or a node has no run.
    """
    runs = [run for node in nodes for run in node]
    _require_runs(runs, beta)
    if len(nodes) < 2:  # noqa: PLR2004 - what "several" means
        what = f"all runs were on {quantity(len(nodes), 'node')}, which tells nothing of others"
        return Undefined(Lack.ONE_NODE, what, sum(run.blocks for run in runs))
    of_nodes = [_pool(*_of_runs(node), 1.5 * beta**2) for node in nodes]
    means = np.array([node.mean for node in of_nodes])
    variances = np.array([node.error for node in of_nodes]) ** 2
    pooled = _pool(means, variances, 0.0)
    method = f"{quantity(len(runs), 'run')} on {len(nodes)} nodes, random effects"
    return Combined(
        _estimate(method, pooled, len(nodes) - 1),
        math.sqrt(pooled.between),
        _disagreement(means, variances),
        sum(run.blocks for run in runs),
    )


def node_ratio(runs: Sequence[RunMean], *, beta: float = BETA) -> float:
    """The ratio that the runs of one node give together, as `combine_nodes` takes it."""
    return ratio_of(_pool(*_of_runs(runs), 1.5 * beta**2).mean)


def _require_runs(runs: Sequence[RunMean], beta: float) -> None:
    if not beta >= 0:
        raise ValueError(f"a standard deviation is not {beta}")
    for run in runs:
        if not (math.isfinite(run.mean) and 0 < run.error < math.inf and run.blocks > 1):
            raise ValueError(f"a run has a mean, a positive standard error and blocks, not {run}")


def _of_runs(runs: Sequence[RunMean]) -> tuple[_Numbers, _Numbers]:
    """The means of runs, and the squares of their standard errors."""
    if not runs:
        raise ValueError("a node has at least one run")
    return np.array([run.mean for run in runs]), np.array([run.error for run in runs]) ** 2


def _pool(d: _Numbers, variances: _Numbers, least: float) -> _Pooled:
    """The mean of effects that differ by more than their variances; ``least`` is that of tau^2.

    A single effect is its own mean.
    """
    several = len(d) > 1
    between = max(_dersimonian_laird(d, variances), least) if several else least
    weights = 1 / (variances + between)
    mean = float(weights @ d / weights.sum())
    q = float(weights @ (d - mean) ** 2) / (len(d) - 1) if several else 1.0
    return _Pooled(mean, math.sqrt(max(1.0, q) / weights.sum()), between)


def _estimate(method: str, pooled: _Pooled, freedom: int) -> Estimate:
    def interval(alpha: float) -> Interval:
        half = float(scipy.stats.t.isf(alpha / 2, freedom)) * pooled.error
        return interval_of(pooled.mean - half, pooled.mean + half)

    p = 2 * float(scipy.stats.t.sf(abs(pooled.mean) / pooled.error, freedom))
    return Estimate(method, ratio_of(pooled.mean), interval(0.05), interval(0.10), p)


def _disagreement(d: _Numbers, variances: _Numbers) -> float:
    """Cochran's p: whether effects differ by more than their variances allow."""
    _, q = _cochran(d, variances)
    return float(scipy.stats.chi2.sf(q, len(d) - 1))


def _dersimonian_laird(d: _Numbers, variances: _Numbers) -> float:
    weights, q = _cochran(d, variances)
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    return max(0.0, float((q - (len(d) - 1)) / scale))


def _cochran(d: _Numbers, variances: _Numbers) -> tuple[_Numbers, float]:
    """The weights of the fixed-effect mean, and Cochran's Q around it."""
    weights = 1 / variances
    mean = weights @ d / weights.sum()
    return weights, float(weights @ (d - mean) ** 2)
