"""``ormlab releases``."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import click

from analysis.rounding import brief, ratio, ratio_with_interval
from analysis.tables import Row, Table, columns
from bundle.codec import plain
from bundle.display import quantity
from bundle.documents.results import Verdict
from ormlab.cli import options
from ormlab.cli.output import Printout, prints
from ormlab.cli.page import Page
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from packaging.version import Version

    from bundle.documents.results import Comparison
    from ormlab.compare.spec import Spec
    from ormlab.releases.changes import CellChanges, SqlChange
    from ormlab.releases.choice import DueRelease
    from ormlab.releases.course import Found, MeasuredRelease, Outcome, Request
    from ormlab.releases.plan import Watched

_CHANGED = (Verdict.FASTER, Verdict.SLOWER)
_SAME = (Verdict.EQUIVALENT, Verdict.NEGLIGIBLE)
_DAY = "%Y-%m-%d"


@click.command("releases")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option(
    "--index",
    metavar="URL",
    help="Package index to ask before those that are configured for uv.",
)
@click.option(
    "--plan", "plan_name", metavar="PLAN", help="Plan to run on each release and the one before."
)
@click.option(
    "--since",
    type=click.DateTime([_DAY]),
    metavar="YYYY-MM-DD",
    help="Take every release since this day that the archive lacks.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Releases of a package at most: the newest, and others spread evenly over the new ones.",
)
@click.option("--python", metavar="VERSION", help="CPython of all releases, as in 3.12.")
@click.option(
    "--time",
    "time_s",
    type=options.Seconds(),
    metavar="TIME",
    help="How long to measure each release, without --plan.  [default: 3m]",
)
@options.archive
@options.inventory
@options.bundles("Folder to write bundles to before they are archived.")
@click.option("--dry-run", is_flag=True, help="Print what is new and what is due, and stop there.")
@prints
def command(
    *,
    services: tuple[str, ...],
    index: str | None,
    plan_name: str | None,
    since: datetime | None,
    limit: int | None,
    python: str | None,
    time_s: float | None,
    folder: Path,
    inventory: Path,
    bundles: Path,
    dry_run: bool,
) -> Printout:
    """Measure what the new releases of packages changed, each against the one before it.

    SERVICE is a service of the lab or the path of your own, with {KEY=VALUE,...} for settings as in
    `ormlab compare`; by default, every service of the lab, or of the PLAN. Releases of the package
    that the service is about are new if they came after those in the archive; of a package that
    the archive lacks, the newest one is. SERVICE@VERSION takes every release after that version
    that the archive lacks.

    Every run goes into the archive, which is all that the command remembers.

    \b
    Examples:
      ormlab releases --dry-run
      ormlab releases sqlalchemy tortoise
      ormlab releases sqlalchemy --plan headline --limit 1
      ormlab releases tortoise --since 2025-01-01
      ormlab releases tortoise@0.21.0 --limit 8 --python 3.12

    Ctrl-C keeps what was archived and exits with 130; run it again to continue.
    """
    from ormlab.hosts import inventory as inventories
    from ormlab.releases import course
    from ormlab.releases import index as indexes

    if plan_name and time_s is not None:
        raise click.UsageError("--plan decides how long to measure: leave out --time")
    request = course.Request(
        watched=_watched(services, plan_name, python, time_s or 180.0),
        archive=folder,
        bundles=bundles,
        since=since.replace(tzinfo=UTC) if since else None,
        limit=limit,
    )
    with indexes.asked_first(index):
        if dry_run:
            return printed(request, course.look(request), course.Outcome())
        hosts = inventories.load(inventory)
        with reporter() as progress:
            progress.stage("asking the package index")
            found = course.look(request)
            outcome = course.measure(request, found, hosts, progress)
    return printed(request, found, outcome)


def _watched(
    services: Sequence[str], plan_name: str | None, python: str | None, time_s: float
) -> tuple[Watched, ...]:
    from ormlab import plan as plans
    from ormlab.compare import spec
    from ormlab.releases.plan import Watched, of_plan
    from workloads.services import manifest

    specs = [spec.parse(text) for text in services]
    for text, each in zip(services, specs, strict=True):
        if each.path:
            raise click.UsageError(f"{text}: releases come from the index, so name no path")
        if plan_name and each.settings:
            raise click.UsageError(f"{text}: the plan decides the settings, so give none")
    if plan_name is None:
        every = specs or [spec.Spec(each) for each in manifest.shipped().values()]
        return tuple(
            Watched(replace(each, version=None), python, time_s, after=_after(each))
            for each in every
        )
    found = of_plan(plans.load(plan_name), python, time_s)
    known = {each.spec.service.name: each for each in found}
    for each in specs:
        if each.service.name not in known:
            raise click.UsageError(f"the plan {plan_name} has no subject of {each.service.name}")
    return tuple(replace(known[each.service.name], after=_after(each)) for each in specs) or found


def _after(spec: Spec) -> Version | None:
    """The version after which a subject as it was written asks for releases."""
    from packaging.version import Version

    return Version(spec.version) if spec.version else None


def printed(request: Request, found: Sequence[Found], outcome: Outcome) -> Printout:
    """What the command prints: what is new of each package, and what each release changed."""

    def text() -> str:
        page = Page()
        for each in found:
            for line in _lines(each, outcome):
                page.line(line)
        for measured in outcome.measured:
            page.line()
            for line in _said(measured):
                page.line(line)
            page.table(_figures(measured))
        return page.text()

    return Printout(
        schema="ormlab-releases/1",
        result={
            "archive": str(request.archive),
            "packages": [
                {
                    "service": each.watched.spec.named,
                    "package": each.package,
                    "newest": each.newest,
                    "due": [_due(each, due, outcome) for due in each.choice.due],
                    "left_out": [
                        {
                            "version": str(left.release.version),
                            "uploaded": left.release.uploaded.isoformat(),
                            "why": left.why,
                        }
                        for left in each.choice.left_out
                    ],
                }
                for each in found
            ],
        },
        text=text,
        failures=tuple(outcome.failed.values()),
    )


def _due(found: Found, due: DueRelease, outcome: Outcome) -> dict[str, object]:
    """A release that is due as JSON; ``outcome`` is null before it is measured."""
    version = str(due.release.version)
    measured = _measured(found, due, outcome)
    failed = outcome.failed.get((found.package, version))
    return {
        "version": version,
        "uploaded": due.release.uploaded.isoformat(),
        "over": str(due.over.version),
        "outcome": "measured" if measured else "failed" if failed else None,
        "why": failed.what if failed else None,
        "not_measured": list(measured.unusable) if measured else [],
        "bundle": measured.bundle.name if measured else None,
        "cells": [_cell(cell) for cell in measured.cells] if measured else [],
    }


def _measured(found: Found, due: DueRelease, outcome: Outcome) -> MeasuredRelease | None:
    wanted = (found.package, due)
    return next((each for each in outcome.measured if (each.package, each.due) == wanted), None)


def _cell(cell: CellChanges) -> dict[str, object]:
    return {
        "workload": cell.workload,
        "load": cell.load,
        "comparisons": [plain(each) for each in cell.comparisons],
        "sql": None
        if cell.sql is None
        else [
            {
                "operation": each.operation,
                "statements": list(each.statements),
                "round_trips": list(each.round_trips),
            }
            for each in cell.sql
        ],
    }


def _lines(found: Found, outcome: Outcome) -> Iterator[str]:
    """What is new of a package."""
    choice, had = found.choice, found.newest
    so_far = f"the archive has {had}" if had else "the archive has none"
    yield f"{found.package}: {so_far}; {quantity(len(choice.due), 'release')} to measure"
    for due in choice.due:
        failed = outcome.failed.get((found.package, str(due.release.version)))
        state = "measured" if _measured(found, due, outcome) else "failed" if failed else "due"
        dated = due.release.uploaded.strftime(_DAY)
        yield f"  {state:<9} {due.release.version} of {dated}, over {due.over.version}"
    for left in choice.left_out:
        dated = left.release.uploaded.strftime(_DAY)
        yield f"  left out  {left.release.version} of {dated}: {left.why}"


def _said(measured: MeasuredRelease) -> Iterator[str]:
    """What a release changed, one sentence for each workload and load."""
    due = measured.due
    head = f"{measured.package} {due.release.version} over {due.over.version}"
    for why in measured.unusable:
        yield f"{head}: not measured: {why}"
    for cell in (each for each in measured.cells if each.comparisons):
        yield f"{head}, {cell.workload} under {cell.load}: {_changes(cell)}"
    yield f"bundle: {measured.bundle}"


def _changes(cell: CellChanges) -> str:
    """The figures that changed, those that are not decided, and the SQL."""
    changed = [
        f"{each.metric} x {ratio(each.ratio, each.low, each.high)} {each.verdict}"
        for each in cell.comparisons
        if each.verdict in _CHANGED
    ]
    known = (*_CHANGED, *_SAME)
    undecided = [each.metric for each in cell.comparisons if each.verdict not in known]
    parts = [", ".join(changed) or "no figure is shown to have changed"]
    if undecided:
        parts.append(f"not decided: {', '.join(undecided)}")
    return "; ".join([*parts, _sql(cell.sql)])


def _sql(changes: Sequence[SqlChange] | None) -> str:
    if changes is None:
        return "SQL not recorded"
    return "; ".join(map(_sql_of, changes)) or "SQL as before"


def _sql_of(change: SqlChange) -> str:
    before, now = (
        f"{brief(statements)} in {brief(trips)}"
        for statements, trips in zip(change.statements, change.round_trips, strict=True)
    )
    return f"SQL of {change.operation} differs (statements in round trips: {before} before, {now})"


def _figures(measured: MeasuredRelease) -> Table:
    named = columns("Workload", "Load", "Metric", "Ratio (95 % interval)", "Verdict")
    rows = (
        Row((cell.workload, cell.load, *_figure(each)))
        for cell in measured.cells
        for each in cell.comparisons
    )
    return Table("What the release changed", named, tuple(rows))


def _figure(judged: Comparison) -> tuple[str, str, str]:
    unresolved = ", size unresolved" if judged.size_resolved is False else ""
    shown = ratio_with_interval(judged.ratio, judged.low, judged.high)
    return judged.metric, shown, f"{judged.verdict}{unresolved}"
