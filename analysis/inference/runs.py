"""One ratio from several runs of one comparison.

Runs differ by more than their blocks show, because each has deployments of its own. So the mean of
the runs has random effects: with s_r the standard error of run r, without floor and e,

    tau^2 = max(tau_DL^2, 1.5 beta^2)    w_r = 1 / (s_r^2 + tau^2)    mean = sum w d / sum w
    q = sum w (d - mean)^2 / (k - 1)     h = t(1 - alpha/2, sum(n_r - 1)) sqrt(max(1, q) / sum w)

tau_DL is that of R. DerSimonian and N. Laird, Controlled Clinical Trials 7 (1986) 177; q scales the
variance as J. Hartung and G. Knapp, Statistics in Medicine 20 (2001) 1771, and only ever widens it.

Cochran's Q (Biometrics 10 (1954) 101) tests whether the runs differ by more than s_r^2 + 1.5 beta^2
allows. Without the term in beta it would call honest runs contradictory: at noise 2 %, 21 % of two
runs of 10 blocks and 63 % of five runs of 20; with it 5 to 6 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import scipy

from analysis.inference.hypotheses import ALPHA
from analysis.inference.interval import interval_of, ratio_of
from analysis.inference.nullarm import Lack, Undefined
from bundle.documents.plan import BETA
from bundle.documents.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.inference.nullarm import Widened


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
    """One ratio from several runs."""

    estimate: Estimate  #: the ratio with its intervals
    tau: float  #: standard deviation between runs that the weights allow for, in log units
    #: of the hypothesis that the runs differ by their blocks' noise and beta alone
    cochran_p: float
    blocks: int  #: of all runs

    @property
    def disagree(self) -> bool:
        """Whether the runs differ by more than chance."""
        return self.cochran_p < ALPHA


def combine(runs: Sequence[RunMean], *, beta: float = BETA) -> Combined | Undefined:
    """Combine the runs of one comparison; a single run decides by itself.

    Args:
        runs: all committed ones whose figures are valid.
        beta: standard deviation of what a deployment keeps for a whole run, in log units.

    Raises:
        ValueError: beta is negative, or a run has no standard error.
    """
    if not beta >= 0:
        raise ValueError(f"a standard deviation is not {beta}")
    if len(runs) < 2:  # noqa: PLR2004 - what "several" means
        return Undefined(Lack.ONE_RUN, f"{len(runs)} runs, nothing to combine")
    for run in runs:
        if not (math.isfinite(run.mean) and 0 < run.error < math.inf and run.blocks > 1):
            raise ValueError(f"a run has a mean, a positive standard error and blocks, not {run}")
    d = np.array([run.mean for run in runs])
    variances = np.array([run.error for run in runs]) ** 2
    between = max(_dersimonian_laird(d, variances), 1.5 * beta**2)
    weights = 1 / (variances + between)
    mean = float(weights @ d / weights.sum())
    q = float(weights @ (d - mean) ** 2) / (len(runs) - 1)
    error = math.sqrt(max(1.0, q) / weights.sum())
    freedom = sum(run.blocks - 1 for run in runs)

    def half(alpha: float) -> float:
        return float(scipy.stats.t.isf(alpha / 2, freedom)) * error

    ci95, ci90 = (interval_of(mean - half(alpha), mean + half(alpha)) for alpha in (0.05, 0.10))
    p = 2 * float(scipy.stats.t.sf(abs(mean) / error, freedom))
    estimate = Estimate(f"{len(runs)} runs, random effects", ratio_of(mean), ci95, ci90, p)
    _, cochran = _cochran(d, variances + 1.5 * beta**2)
    disagreement = float(scipy.stats.chi2.sf(cochran, len(runs) - 1))
    return Combined(estimate, math.sqrt(between), disagreement, sum(run.blocks for run in runs))


def _dersimonian_laird(d: NDArray[np.float64], variances: NDArray[np.float64]) -> float:
    weights, q = _cochran(d, variances)
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    return max(0.0, float((q - (len(d) - 1)) / scale))


def _cochran(
    d: NDArray[np.float64], variances: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """The weights of the fixed-effect mean, and Cochran's Q around it."""
    weights = 1 / variances
    mean = weights @ d / weights.sum()
    return weights, float(weights @ (d - mean) ** 2)
