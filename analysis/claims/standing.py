"""The verdicts of several bundles on one claim, side by side, and under each of its assumptions.

Nothing is overwritten and nothing is pooled: the standing of a claim is the list of its verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis.claims.ledger import Statement, variants_of
from analysis.claims.verdict import judge_claim
from bundle.documents.verdicts import ClaimVerdict, Flip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Claim, Ledger
    from bundle.documents.verdicts import CheckOutcome, ClaimJudgement

DECIDED = frozenset({ClaimVerdict.UPHELD, ClaimVerdict.REFUTED})
_ON_PAPER = frozenset({ClaimVerdict.UNTESTABLE, ClaimVerdict.INCOHERENT})


@dataclass(frozen=True)
class Judged:
    """A verdict and the run that gave it; None where no run was needed, or none was there."""

    run: Run | None
    judgement: ClaimJudgement


@dataclass(frozen=True)
class Standing:
    """What bundles say of a claim.

    Attributes:
        judged: one verdict a bundle, in the order of the bundles; at least one.
        variants: the same for each variant, by its name.
        flips: where an assumption decides.
    """

    judged: tuple[Judged, ...]
    variants: dict[str, tuple[Judged, ...]] = field(default_factory=dict)
    flips: tuple[Flip, ...] = ()

    @property
    def verdict(self) -> ClaimVerdict:
        """What they come to."""
        return together(each.judgement.verdict for each in self.judged)


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
    judged = _judged(name, ledger, runs, checks)
    claim = ledger.claims[name]
    variants = {
        variant: _judged(name, ledger.under(name, variant), runs, checks)
        for variant in variants_of(claim)
    }
    return Standing(judged, variants, tuple(_flips(claim, judged, variants)))


def _judged(
    name: str, ledger: Ledger, runs: Sequence[Run], checks: Sequence[CheckOutcome]
) -> tuple[Judged, ...]:
    claim = ledger.claims[name]
    alone = judge_claim(name, ledger, None, checks)
    plan = claim.test.plan if not isinstance(claim, Statement) and claim.test else None
    fitting = [run for run in runs if run.plan.name == plan]
    if alone.verdict in _ON_PAPER or not fitting:
        return (Judged(None, alone),)
    return tuple(Judged(run, judge_claim(name, ledger, run, checks)) for run in fitting)


def _flips(
    claim: Claim, judged: Sequence[Judged], variants: dict[str, tuple[Judged, ...]]
) -> list[Flip]:
    """Only verdicts of one host are held against each other: hosts differ in more than that."""
    own = _decided(judged)
    found = []
    for variant, others in variants.items():
        assumes = claim.test.variants[variant].assumes  # type: ignore[union-attr]
        for host, outcomes in _decided(others).items():
            if host in own and own[host].isdisjoint(outcomes):
                tested, otherwise = (" and ".join(sorted(each)) for each in (own[host], outcomes))
                found.append(
                    Flip(
                        variant=variant,
                        assumes=assumes,
                        host=host,
                        as_tested=tested,
                        otherwise=otherwise,
                    )
                )
    return found


def _decided(judged: Sequence[Judged]) -> dict[str, set[str]]:
    """By host, the verdicts that are none of the open ones; of hosts that are known."""
    found: dict[str, set[str]] = {}
    for each in judged:
        if each.run and each.run.record.host and each.judgement.verdict in DECIDED:
            found.setdefault(each.run.record.host, set()).add(each.judgement.said)
    return found
