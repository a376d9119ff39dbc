"""The nine parts in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Part, Report
from analysis.report.parts import (
    claims,
    conclusion,
    explanation,
    host,
    latency,
    limits,
    sql,
    trials,
    verify,
)

if TYPE_CHECKING:
    from analysis.report.material import Material


def compose(material: Material) -> Report:
    """Make the report of a bundle."""
    parts = (
        Part("conclusion", "Conclusion", conclusion.blocks(material)),
        Part("claims", "Claims and verdicts", claims.blocks(material)),
        Part("trials", "Trials and comparisons", trials.blocks(material)),
        Part("latency", "Latency", latency.blocks(material)),
        Part("causes", "Where the difference comes from", explanation.blocks(material)),
        Part("sql", "SQL of one request", sql.blocks(material)),
        Part("host", "The host, before and after", host.blocks(material)),
        Part("limits", "What this does not show", limits.blocks(material)),
        Part("verify", "How to verify it and run it again", verify.blocks(material)),
    )
    title = f"{material.plan.title} ({material.record.id})"
    return Report(title=title, parts=parts, data=material.document())
