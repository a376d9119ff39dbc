"""The ten parts in their order, and one more of a run that asked for profilers."""

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
    profilers,
    setup,
    sql,
    trials,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analysis.report.blocks import Block
    from analysis.report.material import Material


def _profiled(
    material: Material,
) -> Iterator[tuple[str, str, Callable[[Material], Iterator[Block]]]]:
    if material.profiled:
        yield "profilers", "Where CPU time and memory go", profilers.blocks


def compose(material: Material) -> Report:
    """Make the report of a bundle."""
    parts = (
        ("conclusion", "Conclusion", conclusion.blocks),
        ("claims", "Claims and verdicts", claims.blocks),
        ("setup", "What was measured", setup.blocks),
        ("trials", "Trials and comparisons", trials.blocks),
        ("latency", "Latency", latency.blocks),
        ("causes", "Where the difference comes from", explanation.blocks),
        ("sql", "SQL of one request", sql.blocks),
        *_profiled(material),
        ("host", "The host, before and after", host.blocks),
        ("limits", "What this does not show", limits.blocks),
        ("verify", "How to verify it and run it again", verify.blocks),
    )
    record = material.record
    return Report(
        title=material.plan.heading,
        parts=tuple(Part(name, title, tuple(blocks(material))) for name, title, blocks in parts),
        data=material.document(),
        kicker=f"ormlab report: plan {record.plan.name}, bundle {record.id}",
    )
