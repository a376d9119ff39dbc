"""What the verdicts of several bundles on a claim come to, and which other claims fall with it.

Nothing is overwritten: the standing of a claim is the list of its verdicts, under the test's own
assumption and under each variant. Several runs of committed source on one host give one verdict
together, by the random-effects mean of `analysis.inference.runs`. Hosts differ by more than their
deployments, so nothing is pooled across them: there is a direction, and the interval in which
another host is to be expected.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
import scipy
from msgspec.structs import asdict, replace

from analysis.claims.ledger import Ordering, Ranking, Runs, Statement, variants_of
from analysis.claims.measure import Estimated
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.verdict import band_of, decide, judge_claim
from analysis.inference import RunMean, combine
from analysis.inference.interval import interval_of
from analysis.inference.runs import Combined
from analysis.rounding import p_value
from bundle.documents.plan import BETA
from bundle.documents.verdicts import (
    JUDGED,
    AcrossHosts,
    ClaimVerdict,
    Flip,
    Stand,
    Strength,
    Together,
    Undermined,
    VariantStanding,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Claim, Ledger, Measurable
    from bundle.documents.results import Interval
    from bundle.documents.verdicts import CheckOutcome, ClaimJudgement, Measured

DECIDED = frozenset({ClaimVerdict.UPHELD, ClaimVerdict.REFUTED})
_ON_PAPER = frozenset({ClaimVerdict.UNTESTABLE, ClaimVerdict.INCOHERENT})
_FEWEST_HOSTS = 3  # with two, the interval has one degree of freedom and spans everything


@dataclass(frozen=True)
class Standing:
    """What bundles say of a claim."""

    stands: tuple[Stand, ...]  #: one verdict a bundle, in the order of the bundles; at least one
    together: tuple[Together, ...]  #: for each host with several committed runs
    variants: tuple[VariantStanding, ...]  #: the same for each variant
    flips: tuple[Flip, ...]  #: where an assumption decides

    @property
    def deciding(self) -> ClaimJudgement:
        """The verdict that the claim takes."""
        return deciding(self.stands, self.together)

    @property
    def verdict(self) -> ClaimVerdict:
        """What the verdicts of the bundles come to."""
        return self.deciding.verdict


def deciding(stands: Sequence[Stand], together: Sequence[Together]) -> ClaimJudgement:
    """Return what decides a claim: the run that came furthest, or the runs of a host together.

    That is the newest of those that reached the last row of the table. Estimates and runs of
    uncommitted source count only where there is nothing else. If one upholds and one refutes, the
    claim is inconclusive.

    Args:
        stands: the claim's verdicts, the newest last; at least one.
        together: as in `Standing`.
    """
    weighed = {seal for each in together for seal in each.seals}
    alone = [stand for stand in _counted(stands) if stand.seal not in weighed]
    counted: Sequence[ClaimJudgement] = [*alone, *together] or stands
    order = list(ClaimVerdict)
    furthest = max(reversed(counted), key=lambda each: order.index(each.verdict))
    if {each.verdict for each in counted} >= DECIDED:
        why = "one run upholds it and one refutes it"
        return replace(furthest, verdict=ClaimVerdict.INCONCLUSIVE, side=None, why=why)
    return furthest


def _counted(stands: Iterable[Stand]) -> list[Stand]:
    """The verdicts of committed runs whose figure is no mere estimate."""

    def is_whole(measured: Measured | None) -> bool:
        return measured is None or measured.error is not None or not measured.blocks

    return [
        stand
        for stand in stands
        if stand.verdict in JUDGED
        and stand.strength is not Strength.NONE
        and is_whole(stand.measured)
    ]


def _together(claim: Claim, stands: Sequence[Stand], runs: Sequence[Run]) -> Iterator[Together]:
    """Weigh the runs of a ratio together, host by host where there are several."""
    if not _is_of_two(claim) or CLAIM_METRICS[claim.metric].scale != "ratio":
        return
    hosts, by_host = hosts_of(runs), defaultdict[str, list[Stand]](list)
    for stand in _counted(stands):
        if (host := hosts.get(stand.seal or "")) and stand.measured and stand.measured.error:
            by_host[host].append(stand)
    beta = max((run.plan.beta for run in runs), default=BETA)
    for host, several in by_host.items():
        means = [
            RunMean(math.log(one.value), one.error, one.blocks)
            for stand in several
            if (one := stand.measured) and one.error
        ]
        combined = combine(means, beta=beta)
        if isinstance(combined, Combined):
            yield _weighed(claim, combined, several, host)


def _is_of_two(claim: Claim) -> TypeGuard[Measurable]:
    """Whether a claim is about the ratio of two subjects' figures; a ranking has several."""
    return not isinstance(claim, Ranking | Runs | Statement) and claim.compares


def _weighed(
    claim: Measurable, combined: Combined, several: Sequence[Stand], host: str
) -> Together:
    band = band_of(claim)
    estimated = Estimated(combined.estimate, combined.blocks)
    if combined.disagree:
        verdict, side = ClaimVerdict.INCONCLUSIVE, None
        why = f"the runs disagree by more than chance: Cochran's {p_value(combined.cochran_p)}"
    else:
        verdict, side, why = decide(estimated, band, is_open=isinstance(claim, Ordering))
    weaknesses = (weakness for stand in several for weakness in stand.weaknesses)
    return Together(
        verdict=verdict,
        side=side,
        why=f"{len(several)} runs together: {why}",
        band=several[-1].band,
        measured=estimated.document,
        strength=max((stand.strength for stand in several), key=list(Strength).index),
        weaknesses=tuple(dict.fromkeys(weaknesses)),
        host=host,
        seals=tuple(stand.seal for stand in several if stand.seal),
    )


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
    variants = []
    for variant, claim in variants_of(ledger.claims[name]).items():
        otherwise = _stands(name, ledger.under(name, variant), runs, checks)
        variants.append(
            VariantStanding(
                name=variant,
                assumes=claim.test.assumes if claim.test else "",
                standing=otherwise,
                together=tuple(_together(claim, otherwise, runs)),
            )
        )
    together = tuple(_together(ledger.claims[name], stands, runs))
    flips = tuple(_flips(stands, variants, hosts_of(runs)))
    return Standing(stands, together, tuple(variants), flips)


def hosts_of(runs: Iterable[Run]) -> dict[str, str]:
    """What tells the host of each bundle from others, by its seal; where it is known."""
    return {run.seal: run.host for run in runs if run.host}


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
        claim: only one about the ratio of two has a direction.
        stands: its verdicts.
        hosts: fingerprint of each bundle's host, by its seal.
    """
    # The difference of figures that may be zero has no logarithm.
    if not _is_of_two(claim) or CLAIM_METRICS[claim.metric].scale == "plain":
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
