"""The nine parts in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Facts, Part, Report, Text
from analysis.report.parts import claims, explanation, host, latency, limits, sql, trials, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report.blocks import Block
    from analysis.report.material import Material


def compose(material: Material) -> Report:
    """Make the report of a bundle."""
    parts = (
        ("conclusion", "Conclusion", _conclusion),
        ("claims", "Claims and verdicts", claims.blocks),
        ("trials", "Trials and comparisons", trials.blocks),
        ("latency", "Latency", latency.blocks),
        ("causes", "Where the difference comes from", explanation.blocks),
        ("sql", "SQL of one request", sql.blocks),
        ("host", "The host, before and after", host.blocks),
        ("limits", "What this does not show", limits.blocks),
        ("verify", "How to verify it and run it again", verify.blocks),
    )
    return Report(
        title=f"{material.plan.title} ({material.record.id})",
        parts=tuple(Part(name, title, tuple(blocks(material))) for name, title, blocks in parts),
        data=material.document(),
    )


def _conclusion(material: Material) -> Iterator[Block]:
    """The sentence of the run with its interval and its weakness, then those of its documents."""
    yield Text(material.results.conclusion, lead=True)
    for document in (material.verdicts, material.explanation):
        if document:
            yield Text(document.conclusion)
    record, counted, plan = material.record, material.record.trials, material.plan
    counts = f"{counted.completed} of {counted.planned} planned were completed"
    if counted.failed or counted.skipped:
        repeated = counted.completed + counted.failed + counted.skipped > counted.planned
        failed = f"{counted.failed} failed{', repeats included' if repeated else ''}"
        counts += f", {failed}, {counted.skipped} were not carried out"
    yield Facts(
        (
            ("Bundle", record.id),
            ("Plan", f"{plan.name}: {plan.title}"),
            ("Profile", f"{plan.profile}, {plan.blocks} blocks"),
            ("Run", f"{record.status}, begun {record.created:%Y-%m-%d %H:%M} UTC"),
            ("Trials", counts),
        )
    )
