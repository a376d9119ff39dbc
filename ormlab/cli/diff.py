"""``ormlab diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analysis import rounding
from analysis.tables import Row, Table, columns
from bundle.codec import plain
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.output import Printout, prints
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ormlab.judging.diff import Changed, Compared, Diff

_LONGEST = 60  # characters of a value
_MOST = 20  # changes of one area
_HELD = {"welch": "95 % interval", "prediction": "expected range"}
_EXITS = {"differ": Exit.REFUTED, "open": Exit.INCONCLUSIVE}


@click.command("diff")
@click.argument("first", type=options.PATH, metavar="A")
@click.argument("second", type=options.PATH, metavar="B")
@click.option(
    "--host-sd",
    type=click.FloatRange(min=0, max=1),
    default=0.1,
    show_default=True,
    help="Assumed spread between two hosts, as the sd of a ratio's logarithm.",
)
@click.option("--strict", is_flag=True, help="Exit 4 if the results differ, 5 if undecided.")
@prints
def command(first: Path, second: Path, host_sd: float, *, strict: bool) -> Printout:
    """Say what changed between bundles A and B, and whether their results agree.

    A and B are folders, or archives made by `ormlab archive pack`. On one host (same fingerprint)
    the command compares sizes. On two hosts it compares directions, and checks whether B lies in
    the interval expected of another host.

    \b
    Examples:
      ormlab diff bundles/20261123* bundles/20261124T090000Z-1a2b3c4d
      ormlab diff theirs.tar.zst bundles/20261124T090000Z-1a2b3c4d --strict
      ormlab diff A B --json | jq -r .diff.conclusion
    """
    from ormlab.judging.diff import diff

    found = diff(first, second, host_sd=host_sd)
    return Printout(
        schema="ormlab-diff/1",
        result={"diff": plain(found)},
        text=lambda: diff_text(found),
        code=_EXITS.get(found.verdict, Exit.OK) if strict else Exit.OK,
    )


def diff_text(diff: Diff) -> str:
    """The conclusion, the comparisons that both bundles have, and what changed."""
    page = Page()
    page.line(diff.conclusion)
    for number, bundle in enumerate(diff.bundles, start=1):
        page.line(f"{number}: {bundle.id}, {bundle.status}")
    if diff.relation.is_rerun:
        page.line("2 is a rerun of 1: it names its seal")
    if diff.agreements:
        page.table(_agreements(diff.agreements))
    for table in _changes(diff.changes):
        page.table(table)
    return page.text()


def _agreements(agreements: list[Compared]) -> Table:
    numbers = ("1", "2", "2 / 1", _HELD[agreements[0].method])
    named = columns("Ratio", "Of", "On", *numbers, "Verdict", "Why", numbers=numbers)
    rows = (
        Row(
            (
                f"{each.candidate} / {each.baseline}",
                each.metric,
                f"{each.workload} under {each.load}",
                *(rounding.ratio(run.ratio, run.low, run.high) for run in each.runs),
                rounding.ratio(each.ratio, each.low, each.high),
                rounding.interval(each.low, each.high),
                each.verdict,
                each.why,
            )
        )
        for each in agreements
    )
    return Table("Comparisons that both have", named, tuple(rows))


def _changes(changes: list[Changed]) -> Iterator[Table]:
    for area in dict.fromkeys(each.area for each in changes):
        of_area = [each for each in changes if each.area == area]
        rows = [Row((each.at, _short(each.before), _short(each.after))) for each in of_area[:_MOST]]
        if len(of_area) > _MOST:
            rows.append(Row((f"... and {len(of_area) - _MOST} more (--json has all)", "", "")))
        named = columns(f"{area}: {len(of_area)} changed", "1", "2")
        yield Table(f"What changed of {area}", named, tuple(rows))


def _short(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
