"""Part 1, the first screen: the verdict, the ratios that decide it, and how far to believe it."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from analysis.report.blocks import Badge, Badges, Caution, CountBar, Text
from analysis.report.parts import forest
from analysis.tables import Row, Table, columns
from analysis.tables import results as tables
from analysis.tables.verdicts import MARKS, anchor
from bundle.display import quantity
from bundle.documents.results import GateVerdict, Verdict, opening
from bundle.documents.verdicts import ClaimVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.report.blocks import Block, Figure
    from analysis.report.material import Material

_MOST = 8  # rows of the first screen
_DECIDED = (ClaimVerdict.REFUTED, ClaimVerdict.UPHELD)
_ORDER = (
    *(*_DECIDED, ClaimVerdict.INCOHERENT, ClaimVerdict.INCONCLUSIVE),
    *(ClaimVerdict.INCOMPARABLE, ClaimVerdict.INVALID_RUN),
    *(ClaimVerdict.UNTESTABLE, ClaimVerdict.NOT_RUN),
)
_TIERS = {"degraded": "open", "none": "bad"}
_LEAST_WEAK = 3
_MOST_WEAK = 4  # of the first screen; the part about limits has all
_DECIDED_TITLE = "Decided claims, as published and as measured"
_COMPARED_TITLE = "Comparisons and controls"


def blocks(material: Material) -> Iterator[Block]:
    """The sentences of the run and its documents, badges, what weakens them, and a forest plot."""
    conclusion = material.results.conclusion
    word = _verdict(conclusion.removeprefix(opening(material.results.foreign_load)))
    mark = tables.MARKS.get(word, "none") if word else ""
    yield Text(conclusion, lead=True, mark=mark, marked=word or "")
    if material.explanation:
        yield Text(material.explanation.conclusion)
    if material.verdicts:
        counts = material.verdicts.counts
        claims = quantity(sum(counts.values()), "claim")
        yield tally(f"{claims} of {material.verdicts.ledger.title}", counts)
    yield Badges((_host(material), _controls(material), _verification(material)))
    yield Caution(tuple(islice(_weak(material), _MOST_WEAK)))
    if shown := _shown(material):
        yield shown


def tally(caption: str, counts: Mapping[ClaimVerdict, int]) -> CountBar:
    """How many claims have each verdict, what was decided first."""
    items = tuple(
        (kind.replace("_", " "), counts[kind], MARKS.get(kind, "none"))
        for kind in _ORDER
        if counts.get(kind)
    )
    return CountBar(caption, items)


def standing_first(verdict: ClaimVerdict) -> int:
    """Where claims of a verdict stand: what was decided first."""
    return _ORDER.index(verdict)


def _verdict(conclusion: str) -> Verdict | None:
    """The verdict that a conclusion may begin with."""
    word = conclusion.partition(":")[0]
    return Verdict(word) if word in Verdict else None


def _shown(material: Material) -> Figure | Table | None:
    """The decided claims, those that are refuted first; without one, the comparisons."""
    cells = material.results.cells
    every = material.verdicts.claims if material.verdicts else ()
    claims = [claim for verdict in _DECIDED for claim in every if claim.verdict is verdict]
    drawn = [claim for claim in claims if forest.claimed(claim)]
    figure = forest.of_claims(drawn[:_MOST], cells, "forest", _DECIDED_TITLE)
    figure = figure or forest.of_cells(cells, "forest", _COMPARED_TITLE, most=_MOST)
    if figure or not claims:
        return figure
    rows = [
        Row((claim.id, claim.published, forest.said(claim)), target=anchor(claim.id))
        for claim in claims[:_MOST]
    ]
    return Table("Decided claims", columns("Claim", "Published", "Verdict"), tuple(rows))


def _host(material: Material) -> Badge:
    before = material.before.facts
    if before is None:
        return Badge("Host", "not read", "nothing says where it ran", "bad")
    facts, tier = before.facts, before.placement.tier
    kind = "virtual machine" if facts.virtual else "machine"
    cores = f"{len(facts.topology.cores)}-core {kind}" if facts.topology else kind
    return Badge("Host", f"tier {tier}", cores, _TIERS.get(tier, "good"))


def _controls(material: Material) -> Badge:
    outcomes = [each.outcome for cell in material.results.cells for each in cell.controls]
    if not outcomes:
        return Badge("Controls", "none", "no known answer was measured beside it", "open")
    passed = sum(each.passed for each in outcomes)
    kinds = Counter(each.name for each in outcomes)
    told = " and ".join(f"{number} {name}" for name, number in kinds.items())
    every = passed == len(outcomes)
    value = f"{passed} of {len(outcomes)} passed"
    return Badge("Controls", value, told, "good" if every else "bad")


def _verification(material: Material) -> Badge:
    note = f"every file is as sealed, seal {material.seal[:8]}"
    return Badge("Verification", "level L1", note, "good")


def _weak(material: Material) -> Iterator[str]:
    results = material.results
    yield from (each for each in results.weaknesses if each != results.foreign_load)
    if material.plan.profile == "smoke":
        yield "a smoke run: estimates, and no verdict"
    warned = sum(
        gate.verdict in {GateVerdict.WARNING, GateVerdict.FAILED}
        for cell in results.cells
        for gate in (*cell.gates, *cell.pair_gates)
    ) + sum(gate.verdict in {GateVerdict.WARNING, GateVerdict.FAILED} for gate in results.gates)
    if warned:
        yield f"{quantity(warned, 'gate')} did not pass"
    if results.failures:
        yield f"the figures of {quantity(len(results.failures), 'trial')} are not used"
    yield from _of_claims(material)


def _of_claims(material: Material) -> Iterator[str]:
    """What weakens decided claims alone, the most common first."""
    if material.verdicts is None:
        return
    common = Counter(
        weakness
        for claim in material.verdicts.claims
        if claim.verdict in _DECIDED
        for weakness in claim.weaknesses
        if weakness not in material.results.weaknesses
    )
    yield from (weakness for weakness, _ in common.most_common(_LEAST_WEAK))
