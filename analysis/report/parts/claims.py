"""Part 2: claim by claim what was published, what was measured, the verdict and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.report.blocks import Code, Facts, Heading, Listing, Text
from analysis.rounding import measured
from analysis.tables import Cell, Row, Table, columns
from bundle.documents.verdicts import ClaimVerdict, Strength

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.verdicts import Band, CheckOutcome, JudgedClaim

_MARKS = {
    ClaimVerdict.UPHELD: "good",
    ClaimVerdict.REFUTED: "bad",
    ClaimVerdict.INCOHERENT: "bad",
    ClaimVerdict.INCONCLUSIVE: "open",
}
_GROUPS = (
    (
        "Judged by this bundle",
        (ClaimVerdict.UPHELD, ClaimVerdict.REFUTED, ClaimVerdict.INCONCLUSIVE),
    ),
    ("Not comparable with this bundle", (ClaimVerdict.INVALID_RUN, ClaimVerdict.INCOMPARABLE)),
    ("Decided on paper", (ClaimVerdict.INCOHERENT, ClaimVerdict.UNTESTABLE)),
    ("Not tested by this bundle", (ClaimVerdict.NOT_RUN,)),
)
_NONE = (
    "No claims were judged. With a ledger of claims, this part says of each what was published, "
    "what was measured and what follows:"
)


def blocks(material: Material) -> tuple[Block, ...]:
    """A table for each kind of verdict, then the arithmetic that decided on paper."""
    told = material.verdicts
    if told is None:
        return (Text(_NONE), *_usage(material))
    sealed = "yes" if told.sealed_with_the_ledger else "no: the run names no such ledger"
    tables: list[Block] = []
    for caption, verdicts in _GROUPS:
        rows = [_row(claim) for claim in told.claims if claim.verdict in verdicts]
        if rows:
            tables.append(_table(f"{caption}: {len(rows)}", rows))
    return (
        Text(told.conclusion),
        Facts(
            (
                ("Ledger", f"{told.ledger.name}: {told.ledger.title}"),
                ("Sealed with the run", sealed),
            )
        ),
        *tables,
        *_weaknesses(told.claims),
        *_undermined(told.claims),
        *_flips(told.claims),
        *_checks(told.checks),
    )


def anchor(claim: str) -> str:
    """Where a claim stands: ``claim-`` and its id; other characters than these are replaced."""
    return "claim-" + re.sub(r"[^A-Za-z0-9._-]", "-", claim)


def _usage(material: Material) -> tuple[Block, ...]:
    return (Code(f"ormlab report bundles/{material.record.id} --ledger article"),)


def _table(caption: str, rows: Sequence[Row]) -> Table:
    names = ("Claim", "Published", "Measured (95 % interval)", "Verdict", "Why")
    return Table(caption, columns(*names), tuple(rows))


def _row(claim: JudgedClaim) -> Row:
    verdict = claim.judgement.said.replace("_", " ")
    if claim.strength != Strength.NONE:
        verdict += f"\n{claim.strength}"
    why = claim.why
    if claim.band and claim.measured:
        why += f" ({_band(claim.band, is_open=claim.kind == 'ordering')})"
    return Row(
        (
            f"{claim.id}\n{claim.says}",
            claim.published,
            measured(claim.measured),
            Cell(verdict, mark=_MARKS.get(claim.verdict, "none")),
            why,
        ),
        anchor=anchor(claim.id),
    )


def _band(band: Band, *, is_open: bool) -> str:
    if band.low is None:
        return f"band: at most {band.high:,.4g}"
    if band.high is None:
        return f"band: {'above' if is_open else 'at least'} {band.low:,.4g}"
    return f"band: {band.low:,.4g} to {band.high:,.4g}"


def _weaknesses(claims: Sequence[JudgedClaim]) -> tuple[Block, ...]:
    """Each weakness once, with the claims that have it."""
    found: dict[str, list[str]] = {}
    for claim in claims:
        for weakness in claim.weaknesses:
            found.setdefault(weakness, []).append(claim.id)
    if not found:
        return ()
    items = tuple(f"{weakness}: {', '.join(names)}" for weakness, names in found.items())
    return (Heading("What makes these verdicts weak"), Listing(items))


def _undermined(claims: Sequence[JudgedClaim]) -> tuple[Block, ...]:
    items = []
    for claim in claims:
        for each in claim.undermined_by:
            beside = " and ".join(each.together_with)
            stands = f"and {beside} cannot both stand" if beside else "cannot stand as published"
            items.append(f"{claim.id} {stands}: {each.claim} follows and does not hold")
    if not items:
        return ()
    return (Heading("What follows from it"), Listing(tuple(items)))


def _flips(claims: Sequence[JudgedClaim]) -> tuple[Block, ...]:
    """Verdicts that an assumption decides."""
    items = []
    for claim in claims:
        tested = f" ({claim.assumes})" if claim.assumes else ""
        items += [
            f"{claim.id} is {flip.as_tested} as tested{tested}, and {flip.otherwise} if "
            f"{flip.assumes}"
            for flip in claim.flips
        ]
    if not items:
        return ()
    return (Heading("Verdicts that an assumption decides"), Listing(tuple(items)))


def _checks(checks: Sequence[CheckOutcome]) -> tuple[Block, ...]:
    """The arithmetic of the ledger, which needs no machine."""
    if not checks:
        return ()
    rows = tuple(Row((check.check, check.says, check.outcome, check.what)) for check in checks)
    caption = f"Arithmetic on paper: {len(rows)}"
    return (Table(caption, columns("Check", "Says", "Outcome", "What was found"), rows),)
