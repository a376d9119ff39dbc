"""Part 2: claim by claim what was published, what was measured, the verdict and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Code, Facts, Text, counted, listed
from analysis.tables import Row, columns
from analysis.tables.verdicts import verdicts
from bundle.documents.verdicts import ClaimVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.verdicts import JudgedClaim

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
    "No claims were judged. With a ledger, this part says of each claim what was published, what "
    "was measured, and the verdict:"
)


def blocks(material: Material) -> Iterator[Block]:
    """A table for each kind of verdict, then the arithmetic that decided on paper."""
    judged = material.verdicts
    if judged is None:
        yield Text(_NONE)
        yield Code(f"ormlab report bundles/{material.record.id} --ledger article")
        return
    yield Text(judged.conclusion)
    sealed = "yes" if judged.sealed_with_the_ledger else "no: the run does not name this ledger"
    ledger = f"{judged.ledger.name}: {judged.ledger.title}"
    yield Facts((("Ledger", ledger), ("Sealed with the run", sealed)))
    for caption, group in _GROUPS:
        claims = [claim for claim in judged.claims if claim.verdict in group]
        if claims:
            yield verdicts(f"{caption}: {len(claims)}", claims)
    yield from listed("What makes these verdicts weak", _weaknesses(judged.claims))
    yield from listed("Other claims that cannot stand", _undermined(judged.claims))
    yield from listed("Verdicts that an assumption decides", _flips(judged.claims))
    rows = (Row((check.check, check.says, check.outcome, check.what)) for check in judged.checks)
    named = columns("Check", "Says", "Outcome", "What was found")
    yield from counted("Arithmetic on paper", named, rows)


def _weaknesses(claims: Sequence[JudgedClaim]) -> Iterator[str]:
    """Each weakness once, with the claims that have it."""
    names: dict[str, list[str]] = {}
    for claim in claims:
        for weakness in claim.weaknesses:
            names.setdefault(weakness, []).append(claim.id)
    return (f"{weakness}: {', '.join(claims)}" for weakness, claims in names.items())


def _undermined(claims: Sequence[JudgedClaim]) -> Iterator[str]:
    for claim in claims:
        for each in claim.undermined_by:
            beside = " and ".join(each.together_with)
            stands = f"and {beside} cannot both stand" if beside else "cannot stand as published"
            yield f"{claim.id} {stands}: {each.claim} follows and is refuted"


def _flips(claims: Sequence[JudgedClaim]) -> Iterator[str]:
    for claim in claims:
        tested = f" ({claim.assumes})" if claim.assumes else ""
        for flip in claim.flips:
            yield (
                f"{claim.id} is {flip.as_tested} as tested{tested}, and {flip.otherwise} if "
                f"{flip.assumes}"
            )
