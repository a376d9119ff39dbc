"""The tables of claims on trial: what was published, what was measured, the verdict and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.rounding import UNKNOWN, brief, measured
from analysis.tables.table import Cell, Row, Table, columns
from bundle.documents.verdicts import ClaimVerdict, Strength

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bundle.documents.verdicts import Band, ClaimJudgement, JudgedClaim, StandingClaim

MARKS = {
    ClaimVerdict.INCOHERENT: "bad",
    ClaimVerdict.INVALID_RUN: "open",
    ClaimVerdict.INCOMPARABLE: "open",
    ClaimVerdict.INCONCLUSIVE: "open",
    ClaimVerdict.UPHELD: "good",
    ClaimVerdict.REFUTED: "bad",
}
"""How a verdict is set off; one that says nothing of the figure is not."""
_NAMED = ("Claim", "Published", "Measured (95 % interval)", "Verdict", "Why")


def verdicts(caption: str, claims: Iterable[JudgedClaim]) -> Table:
    """What one bundle says of claims; each row has the claim's anchor."""
    rows = (
        Row(
            (
                f"{claim.id}\n{claim.says}",
                claim.published,
                *_cells(claim.judgement, kind=claim.kind),
            ),
            anchor(claim.id),
        )
        for claim in claims
    )
    return Table(caption, columns(*_NAMED), tuple(rows))


def standing(caption: str, claims: Iterable[StandingClaim]) -> Table:
    """What several bundles say of claims: a row for each bundle's verdict."""
    return Table(caption, columns(*_NAMED, "Bundle"), tuple(_standing(claims)))


def anchor(claim: str) -> str:
    """The anchor of a claim: ``claim-`` and its id; characters other than these are replaced."""
    return "claim-" + re.sub(r"[^A-Za-z0-9._-]", "-", claim)


def figure(judged: ClaimJudgement) -> str:
    """What was measured, with its interval; of a ranking a line for each pair."""
    if not judged.pairs:
        return measured(judged.measured)
    lines = (f"{each.above} / {each.below} {measured(each.measured)}" for each in judged.pairs)
    return "\n".join(lines)


def _standing(claims: Iterable[StandingClaim]) -> Iterator[Row]:
    for claim in claims:
        named = (f"{claim.id}\n{claim.says}", claim.published)
        for stand in claim.standing:
            yield Row((*named, *_cells(stand, kind=claim.kind), stand.bundle or UNKNOWN))
            named = ("", "")  # once for each claim


def _cells(judged: ClaimJudgement, *, kind: str) -> tuple[str, Cell, str]:
    """The measured figure, the verdict with its strength, and the reason with the band."""
    verdict = judged.said.replace("_", " ")
    if judged.strength != Strength.NONE:
        verdict += f"\n{judged.strength}"
    why = judged.why
    if judged.band and judged.measured:
        why += f" ({_band(judged.band, is_open=kind == 'ordering')})"
    mark = MARKS.get(judged.verdict, "none")
    return figure(judged), Cell(verdict, mark=mark), why


def _band(band: Band, *, is_open: bool) -> str:
    low, high = (None if end is None else brief(end, 4) for end in (band.low, band.high))
    if low is None:
        return f"band: at most {high}"
    if high is None:
        return f"band: {'above' if is_open else 'at least'} {low}"
    return f"band: {low} to {high}"
