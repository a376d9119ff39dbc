"""What the doctor found, as text: the sentence first, then a table for each area."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.host import sentence, tier_meaning
from analysis.limits import shown
from analysis.tables import Row, Table, columns
from bundle.documents.results import GateVerdict
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from analysis.host import Finding
    from ormlab.run.doctor import Examination, Noise


def examination_text(examined: Examination, *, verbose: bool) -> str:
    """One host: the conclusion, its tier, and its readings by area.

    Args:
        examined: the host.
        verbose: say of readings that are ok, too, why they matter.
    """
    page = Page()
    conclusion = sentence(examined.readings, examined.findings, examined.profile)
    page.line(f"{examined.host}: {conclusion}")
    page.line(tier_meaning(examined.readings))
    for area in dict.fromkeys(finding.area for finding in examined.findings):
        findings = [finding for finding in examined.findings if finding.area == area]
        page.table(_table(area, findings, verbose=verbose))
    return page.text()


def _table(area: str, findings: list[Finding], *, verbose: bool) -> Table:
    rows = (
        Row(
            (
                finding.key,
                shown(finding.value, finding.unit),
                finding.should_be,
                finding.word,
                _advice(finding) if verbose or finding.verdict is not GateVerdict.PASSED else "",
            )
        )
        for finding in findings
    )
    named = columns(area.capitalize(), "Value", "Should be", "Verdict", "Why, and what to do")
    return Table(f"Readings: {area}", named, tuple(rows))


def _advice(finding: Finding) -> str:
    if finding.reason is not None:
        return finding.reason
    return (
        f"{finding.why}: {finding.do}" if finding.verdict is not GateVerdict.PASSED else finding.why
    )


def noise_text(noise: Noise) -> str:
    """The noise floor: what a comparison of equal subjects would show here."""
    subject = noise.floor.subject
    lines = []
    for metric, floor in noise.floor.floors.items():
        lines.append(
            f"{subject} against itself, {metric}: sd {_percent(floor.sd)} of a block's ratio "
            f"({_percent(floor.sd_low)} to {_percent(floor.sd_high)}, {floor.blocks} blocks)"
        )
        lines += [
            f"  {blocks} blocks: 95 % interval +- {_percent(floor.half_width[blocks])}, "
            f"smallest difference found {_percent(effect)}"
            for blocks, effect in floor.detectable.items()
        ]
    return "\n".join([*lines, f"bundle: {noise.bundle}"])


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
