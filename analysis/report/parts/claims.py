"""Part 2: claim by claim what was published, what was measured, the verdict and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Code, Facts, Heading, Listing, Text
from analysis.tables import Row, Table, columns
from analysis.tables.verdicts import verdicts
from bundle.documents.verdicts import ClaimVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.verdicts import CheckOutcome, JudgedClaim

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
    for caption, group in _GROUPS:
        claims = [claim for claim in told.claims if claim.verdict in group]
        if claims:
            tables.append(verdicts(f"{caption}: {len(claims)}", claims))
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


def _usage(material: Material) -> tuple[Block, ...]:
    return (Code(f"ormlab report bundles/{material.record.id} --ledger article"),)


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
