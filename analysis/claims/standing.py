"""What the verdicts of several bundles on a claim come to, and which other claims fall with it.

Nothing is overwritten and nothing is pooled: the standing of a claim is the list of its verdicts,
under the test's own assumption and under each variant. Across hosts there is a direction, and the
interval in which another host is to be expected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import scipy
from msgspec.structs import asdict

from analysis.claims.ledger import Ordering, Ratio, variants_of
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.verdict import JUDGED, judge_claim
from analysis.inference.interval import interval_of
from bundle.documents.verdicts import (
    AcrossHosts,
    ClaimVerdict,
    Flip,
    Stand,
    Undermined,
    VariantStanding,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Claim, Ledger
    from bundle.documents.results import Interval
    from bundle.documents.verdicts import CheckOutcome

DECIDED = frozenset({ClaimVerdict.UPHELD, ClaimVerdict.REFUTED})
_ON_PAPER = frozenset({ClaimVerdict.UNTESTABLE, ClaimVerdict.INCOHERENT})
_FEWEST_HOSTS = 3  # with two, the interval has one degree of freedom and spans everything


@dataclass(frozen=True)
class Standing:
    """What bundles say of a claim."""

    stands: tuple[Stand, ...]  #: one verdict a bundle, in the order of the bundles; at least one
    variants: tuple[VariantStanding, ...]  #: the same for each variant
    flips: tuple[Flip, ...]  #: where an assumption decides

    @property
    def verdict(self) -> ClaimVerdict:
        """What the verdicts of the bundles come to."""
        return together(stand.verdict for stand in self.stands)


def together(verdicts: Iterable[ClaimVerdict]) -> ClaimVerdict:
    """The last row of the table that any bundle reached; open where bundles disagree."""
    reached = set(verdicts)
    if reached >= DECIDED:
        return ClaimVerdict.INCONCLUSIVE
    return max(reached, key=list(ClaimVerdict).index)


def standing(
    name: str, ledger: Ledger, runs: Sequence[Run], checks: Sequence[CheckOutcome]
) -> Standing:
    """Judge a claim and its variants by every run of the plans that test them.

    Args:
        name: of the claim.
        ledger: without problems.
        runs: any number, of any plan.
        checks: of the ledger, carried out.
    """
    stands = _stands(name, ledger, runs, checks)
    variants = tuple(
        VariantStanding(
            name=variant,
            assumes=claim.test.assumes if claim.test else "",
            standing=_stands(name, ledger.under(name, variant), runs, checks),
        )
        for variant, claim in variants_of(ledger.claims[name]).items()
    )
    return Standing(stands, variants, tuple(_flips(stands, variants, hosts_of(runs))))


def hosts_of(runs: Iterable[Run]) -> dict[str, str]:
    """The host fingerprint of each bundle, by its seal; bundles without one are left out."""
    return {run.seal: run.record.host for run in runs if run.record.host}


def _stands(
    name: str, ledger: Ledger, runs: Sequence[Run], checks: Sequence[CheckOutcome]
) -> tuple[Stand, ...]:
    alone = judge_claim(name, ledger, None, checks)
    test = getattr(ledger.claims[name], "test", None)
    fitting = [run for run in runs if test and run.plan.name == test.plan]
    if alone.verdict in _ON_PAPER or not fitting:
        return (Stand(bundle=None, seal=None, **asdict(alone)),)
    return tuple(
        Stand(bundle=run.record.id, seal=run.seal, **asdict(judge_claim(name, ledger, run, checks)))
        for run in fitting
    )


def _flips(
    stands: Sequence[Stand], variants: Sequence[VariantStanding], hosts: Mapping[str, str]
) -> Iterator[Flip]:
    """Compare verdicts of one host only: hosts differ in more than the assumption."""
    own = _decided(stands, hosts)
    for variant in variants:
        for host, outcomes in _decided(variant.standing, hosts).items():
            if host in own and own[host].isdisjoint(outcomes):
                yield Flip(
                    variant=variant.name,
                    assumes=variant.assumes,
                    host=host,
                    as_tested=" and ".join(sorted(own[host])),
                    otherwise=" and ".join(sorted(outcomes)),
                )


def _decided(stands: Sequence[Stand], hosts: Mapping[str, str]) -> dict[str, set[str]]:
    """By host, the verdicts that uphold or refute."""
    decided: dict[str, set[str]] = {}
    for stand in stands:
        host = hosts.get(stand.seal or "")
        if host and stand.verdict in DECIDED:
            decided.setdefault(host, set()).add(stand.said)
    return decided


def across(claim: Claim, stands: Sequence[Stand], hosts: Mapping[str, str]) -> AcrossHosts | None:
    """What hosts agree on about a ratio; None for anything else, or on fewer than two hosts.

    The interval for one more host is that of a prediction, mean +- t(.975, k-1) s sqrt(1 + 1/k) of
    the hosts' mean logarithms: a test between two hosts takes their spread for that of blocks.

    Args:
        claim: only a ratio or an ordering has a direction.
        stands: its verdicts.
        hosts: fingerprint of each bundle's host, by its seal.
    """
    # The difference of figures that may be zero has no logarithm.
    if not isinstance(claim, Ratio | Ordering) or CLAIM_METRICS[claim.metric].scale == "plain":
        return None
    logs_by_host: dict[str, list[float]] = {}
    for stand in stands:
        host = hosts.get(stand.seal or "")
        ratio = stand.measured.value if stand.measured else 0
        if host and stand.verdict in JUDGED and 0 < ratio < math.inf:
            logs_by_host.setdefault(host, []).append(math.log(ratio))
    means = [fmean(logs) for logs in logs_by_host.values()]
    if len(means) < 2:  # noqa: PLR2004 - what "across" means
        return None
    return AcrossHosts(
        hosts=len(means),
        above_one=sum(mean > 0 for mean in means),
        below_one=sum(mean < 0 for mean in means),
        prediction=_prediction(means) if len(means) >= _FEWEST_HOSTS else None,
    )


def _prediction(means: Sequence[float]) -> Interval | None:
    """Where one more host is to be expected; None where that is beyond what a float holds."""
    reach = float(scipy.stats.t.ppf(0.975, len(means) - 1)) * float(np.std(means, ddof=1))
    half = reach * math.sqrt(1 + 1 / len(means))
    centre = fmean(means)
    expected = interval_of(centre - half, centre + half)
    return expected if math.isfinite(expected.high) else None


def undermined(
    ledger: Ledger, verdicts: Mapping[str, ClaimVerdict]
) -> dict[str, tuple[Undermined, ...]]:
    """By premise, the refuted claims that follow from it, and with which others together.

    A consequence that was judged on one host undermines a premise about another only if it was
    claimed to hold on any. Where it follows from several together, one of them must be wrong, and
    which one is open. What is incoherent on paper does not follow from them, and accuses none.

    Args:
        ledger: of the claims.
        verdicts: by claim; without those that an assumption of the test decides.
    """
    accusers: dict[str, tuple[Undermined, ...]] = {}
    for name, verdict in verdicts.items():
        claim = ledger.claims[name]
        if verdict != ClaimVerdict.REFUTED or getattr(claim, "portability", None) != "any":
            continue
        for entry in claim.entailed_by:
            premises = [entry] if isinstance(entry, str) else entry
            for premise in premises:
                others = tuple(other for other in premises if other != premise)
                accuser = Undermined(claim=name, together_with=others)
                accusers[premise] = (*accusers.get(premise, ()), accuser)
    return accusers
