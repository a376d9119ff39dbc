"""The verdict on a ranking, from those on its neighbours, each judged as an ordering of its own.

A ranking is right if every two neighbours are in its order.

- It is upheld if all of them are. Each needs its whole 95 % interval above 1, so that a wrong
  ranking is upheld in at most 2.5 %, however many subjects there are: an intersection-union test.
  Source: Berger, Technometrics 24 (1982) 295. Two neighbours that were deployed once take the null
  arm of another subject of the ranking (`analysis.inference.sample`).
- It is refuted if one pair is the other way round. The more pairs there are, the more often chance
  turns one of them. So of k pairs one must be turned at p < 5 % / k (Bonferroni).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from analysis.inference import ALPHA
from analysis.rounding import p_value
from bundle.documents.verdicts import JUDGED, ClaimVerdict, RankedPair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.claims.ledger import Ranking
    from bundle.documents.verdicts import ClaimJudgement

_ROWS = list(ClaimVerdict)


def ranked(ranking: Ranking, judged: Sequence[ClaimJudgement]) -> ClaimJudgement:
    """Judge a ranking.

    Args:
        ranking: the claim.
        judged: the verdicts on its `neighbours`, in their order, all by one run.

    Returns:
        The first row of the table that a pair ends in, if no figure of it was judged; otherwise
        upheld, refuted or inconclusive, with every weakness of a pair.
    """
    pairs = tuple(
        RankedPair(
            above=above,
            below=below,
            verdict=each.verdict,
            side=each.side,
            why=each.why,
            measured=each.measured,
        )
        for (above, below), each in zip(pairwise(ranking.subjects), judged, strict=True)
    )
    first = min(judged, key=lambda each: _ROWS.index(each.verdict))
    if first.verdict not in JUDGED:
        shown = pairs if any(each.measured for each in pairs) else ()
        return replace(first, measured=None, pairs=shown)
    verdict, why = _decided(pairs)
    weaknesses = (weakness for each in judged for weakness in each.weaknesses)
    return replace(
        first,
        verdict=verdict,
        side="below" if verdict is ClaimVerdict.REFUTED else None,
        why=why,
        band=None,
        measured=None,
        weaknesses=tuple(dict.fromkeys(weaknesses)),
        pairs=pairs,
    )


def _decided(pairs: Sequence[RankedPair]) -> tuple[ClaimVerdict, str]:
    refuted = [each for each in pairs if each.verdict is ClaimVerdict.REFUTED]
    for each in refuted:
        p = _p(each)
        if p is None or p * len(pairs) < ALPHA:
            return ClaimVerdict.REFUTED, f"{each.above} is not above {each.below}: {each.why}"
    undecided = [each for each in pairs if each.verdict is not ClaimVerdict.UPHELD]
    if not undecided:
        return ClaimVerdict.UPHELD, "every two neighbours are in this order"
    told = (f"{each.above} above {each.below}: {_open(each, len(pairs))}" for each in undecided)
    return ClaimVerdict.INCONCLUSIVE, "; ".join(told)


def _open(pair: RankedPair, count: int) -> str:
    """Why a pair leaves the ranking open."""
    p = _p(pair)
    if pair.verdict is not ClaimVerdict.REFUTED or p is None:
        return pair.why
    return f"the other way round at {p_value(p)}, and one of {count} pairs may be so by chance"


def _p(pair: RankedPair) -> float | None:
    """Of the method that decides; None for a figure that is counted."""
    return pair.measured.estimates[0].p if pair.measured else None
