"""Part 2: the claims by what was decided of them; one sentence for those with one reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analysis.report.blocks import Code, Facts, Figure, Heading, Text, counted, listed
from analysis.report.charts import ForestChart
from analysis.report.parts import forest
from analysis.tables import Cell, Row, Table, columns
from analysis.tables.verdicts import verdicts
from bundle.documents.verdicts import ClaimVerdict, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.verdicts import CheckOutcome, JudgedClaim


class _Group(NamedTuple):
    """Claims that are told together."""

    name: str
    title: str
    verdicts: tuple[ClaimVerdict, ...]
    folded: bool = False


_GROUPS = (
    _Group("decided", "Refuted and upheld", (ClaimVerdict.REFUTED, ClaimVerdict.UPHELD)),
    _Group("open", "Inconclusive", (ClaimVerdict.INCONCLUSIVE,)),
    _Group("incoherent", "Incoherent: decided by arithmetic", (ClaimVerdict.INCOHERENT,)),
    _Group(
        "apart",
        "Not comparable with this run",
        (ClaimVerdict.INVALID_RUN, ClaimVerdict.INCOMPARABLE),
    ),
    _Group("untestable", "Untestable", (ClaimVerdict.UNTESTABLE,), folded=True),
    _Group("elsewhere", "Not tested by this run", (ClaimVerdict.NOT_RUN,), folded=True),
)
_FEW = 3  # claims, from which on a shared reason stands above their table
_OUTCOMES = {
    Outcome.CONTRADICTS: "bad",
    Outcome.DOUBTFUL: "open",
    Outcome.HOLDS: "good",
    Outcome.UNDECIDED: "none",
}
_NONE = (
    "No claims were judged. With a ledger, this part says of each claim what was published, what "
    "was measured, and the verdict:"
)


def blocks(material: Material) -> Iterator[Block]:
    """Each group of claims, then what weakens the verdicts, then the arithmetic on paper."""
    judged = material.verdicts
    if judged is None:
        yield Text(_NONE)
        yield Code(f"ormlab report bundles/{material.record.id} --ledger article")
        return
    yield Text(judged.conclusion)
    sealed = "yes" if judged.sealed_with_the_ledger else "no: the run does not name this ledger"
    ledger = f"{judged.ledger.name}: {judged.ledger.title}"
    yield Facts((("Ledger", ledger), ("Sealed with the run", sealed)))
    for group in _GROUPS:
        yield from _group(group, judged.claims)
    yield from listed("What makes these verdicts weak", _weaknesses(judged.claims))
    yield from listed("Other claims that cannot stand", _undermined(judged.claims))
    yield from listed("Verdicts that an assumption decides", _flips(judged.claims))
    yield from _checks(judged.checks)


def _group(group: _Group, every: Sequence[JudgedClaim]) -> Iterator[Block]:
    claims = [claim for verdict in group.verdicts for claim in every if claim.verdict is verdict]
    if not claims:
        return
    caption = f"{group.title}: {len(claims)}"
    if group.folded:  # all have one verdict and nothing measured
        yield _table(caption, claims, "Measured (95 % interval)", "Verdict", folded=True)
        return
    shared = [told for told in _by_reason(claims) if len(told) >= _FEW]
    several = {claim.id for told in shared for claim in told}
    alone = [claim for claim in claims if claim.id not in several]
    if not shared:
        yield from _shown(caption, alone, name=f"claims-{group.name}")
        return
    yield Heading(caption)
    for number, told in enumerate(shared, start=1):
        first = told[0]
        yield Text(f"{len(told)} are {first.judgement.said.replace('_', ' ')}: {first.why}.")
        name = f"claims-{group.name}-{number}"
        yield from _shown(f"For this reason: {len(told)}", told, "Verdict", "Why", name=name)
    if alone:
        yield from _shown(f"For other reasons: {len(alone)}", alone, name=f"claims-{group.name}")


def _shown(
    caption: str, claims: Sequence[JudgedClaim], *without: str, name: str
) -> Iterator[Block]:
    """The table of some claims; with a forest plot where one has its place there."""
    table = _table(caption, claims, *without)
    ratios = tuple(forest.claimed(claim) for claim in claims)
    if any(ratios):
        chart = ForestChart(forest.axis(claims), ratios, None)
        yield Figure(name, caption, "", chart, table)
    else:
        yield table


def _table(
    caption: str, claims: Sequence[JudgedClaim], *without: str, folded: bool = False
) -> Table:
    table = verdicts(caption, claims).without(*without)
    return Table(table.caption, table.columns, table.rows, folded=folded)


def _by_reason(claims: Sequence[JudgedClaim]) -> list[list[JudgedClaim]]:
    """Claims with one verdict for one reason, from as near a run, side by side."""
    by_reason: dict[tuple[str, str, str], list[JudgedClaim]] = {}
    for claim in claims:
        key = (claim.judgement.said, claim.why, claim.strength)
        by_reason.setdefault(key, []).append(claim)
    return list(by_reason.values())


def _checks(checks: Sequence[CheckOutcome]) -> Iterator[Block]:
    """The arithmetic that contradicts a claim; folded, what casts doubt or holds."""
    named = columns("Check", "Says", "Outcome", "What was found")
    rows = {
        outcome: [
            Row((each.check, each.says, Cell(each.outcome, mark=_OUTCOMES[outcome]), each.what))
            for each in checks
            if each.outcome is outcome
        ]
        for outcome in _OUTCOMES
    }
    against = rows.pop(Outcome.CONTRADICTS)
    yield from counted("Arithmetic on paper that contradicts a claim", named, against)
    rest = [row for several in rows.values() for row in several]
    told = ", ".join(f"{len(several)} {outcome}" for outcome, several in rows.items() if several)
    yield from counted(f"Other arithmetic on paper ({told})", named, rest, folded=True)


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
