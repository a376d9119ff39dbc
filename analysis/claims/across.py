"""Several hosts: which way, and where another host is to be expected. Sizes are not pooled."""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import scipy

from analysis.claims.ledger import Ordering, Ratio
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.verdict import JUDGED
from analysis.inference.interval import interval_of
from bundle.documents.verdicts import AcrossHosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.claims.ledger import Claim
    from bundle.documents.results import Interval
    from bundle.documents.verdicts import ClaimJudgement

_FEWEST_HOSTS = 3  # with two, the interval has one degree of freedom and spans everything


def across(claim: Claim, by_host: Sequence[tuple[str, ClaimJudgement]]) -> AcrossHosts | None:
    """What hosts agree on about a ratio; None for anything else, or on fewer than two hosts.

    The interval for one more host is that of a prediction, mean +- t(.975, k-1) s sqrt(1 + 1/k) of
    the hosts' mean logarithms: a test between two hosts takes their spread for that of blocks.

    Args:
        claim: only a ratio or an ordering has a direction.
        by_host: fingerprint and judgement, one a bundle.
    """
    # The difference of figures that may be zero has no logarithm.
    if not isinstance(claim, Ratio | Ordering) or CLAIM_METRICS[claim.metric].scale == "plain":
        return None
    seen: dict[str, list[float]] = {}
    for host, judged in by_host:
        ratio = judged.measured.value if judged.measured else 0
        if judged.verdict in JUDGED and 0 < ratio < math.inf:
            seen.setdefault(host, []).append(math.log(ratio))
    logs = [fmean(values) for values in seen.values()]
    if len(logs) < 2:  # noqa: PLR2004 - what "across" means
        return None
    return AcrossHosts(
        hosts=len(logs),
        above_one=sum(value > 0 for value in logs),
        below_one=sum(value < 0 for value in logs),
        prediction=_prediction(logs) if len(logs) >= _FEWEST_HOSTS else None,
    )


def _prediction(logs: Sequence[float]) -> Interval | None:
    """Where one more host is to be expected; None where that is beyond what a float holds."""
    reach = float(scipy.stats.t.ppf(0.975, len(logs) - 1)) * float(np.std(logs, ddof=1))
    half = reach * math.sqrt(1 + 1 / len(logs))
    centre = fmean(logs)
    found = interval_of(centre - half, centre + half)
    return found if math.isfinite(found.high) else None
