"""Part 1: what was found, in one sentence with its interval and its weakness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Facts, Text

if TYPE_CHECKING:
    from analysis.report.blocks import Block
    from analysis.report.material import Material


def blocks(material: Material) -> tuple[Block, ...]:
    """The sentence of the run, then those of its claims and its explanation."""
    further = [each.conclusion for each in (material.verdicts, material.explanation) if each]
    record, trials, plan = material.record, material.record.trials, material.plan
    counts = f"{trials.completed} of {trials.planned} planned were completed"
    if trials.failed or trials.skipped:
        repeated = trials.completed + trials.failed + trials.skipped > trials.planned
        failed = f"{trials.failed} failed{', repeats included' if repeated else ''}"
        counts += f", {failed}, {trials.skipped} were not carried out"
    return (
        Text(material.results.conclusion, lead=True),
        *map(Text, further),
        Facts(
            (
                ("Bundle", record.id),
                ("Plan", f"{plan.name}: {plan.title}"),
                ("Profile", f"{plan.profile}, {plan.blocks} blocks"),
                ("Run", f"{record.status}, begun {record.created:%Y-%m-%d %H:%M} UTC"),
                ("Trials", counts),
            )
        ),
    )
