"""``ormlab catalog``."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from analysis import rounding
from analysis.tables import Column, Row, Table, columns
from bundle.display import quantity, visible
from ormlab.cli import options, streams
from ormlab.cli.groups import Group
from ormlab.cli.output import Printout, prints, wants_json
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ormlab.archive.query import Answer, Series


_NUMBERS = (int, float, Decimal, type(None))


@click.group("catalog", cls=Group)
def group() -> None:
    """Make one table of all trials in the archive, and query it."""


@group.command("build")
@options.archive
@prints
def build(folder: Path) -> Printout:
    """Rebuild catalog.parquet of the archive: the same bundles give the same bytes.

    \b
    Example:
      ormlab catalog build
    """
    from ormlab.archive.catalog import build as make

    built = make(folder)
    counts = {"bundles": built.bundles, "rows": built.rows, "sha256": built.sha256}
    rows, bundles = quantity(built.rows, "row"), quantity(built.bundles, "bundle")
    text = f"{built.path} has {rows} of {bundles}."
    return Printout(
        schema="ormlab-catalog-build/1",
        result={"catalog": str(built.path), **counts},
        text=lambda: f"{text}\nsha256  {built.sha256}",
    )


@group.command("query")
@click.argument("sql")
@options.archive
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@prints
def query(sql: str, folder: Path, *, as_csv: bool) -> Printout | None:
    """Answer one SELECT over the table `trials`, in DuckDB's SQL, without any other access.

    \b
    Examples:
      ormlab catalog query "DESCRIBE trials"
      ormlab catalog query "SELECT subject, median(value) FROM trials
                            WHERE metric = 'throughput' GROUP BY subject" --csv
    """
    if wants_json() and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    from ormlab.archive.query import query as ask

    answer = ask(folder, sql)
    _warn_if_old(folder, fresh=answer.fresh)
    if as_csv:
        streams.document(_csv(answer).encode("utf-8", "backslashreplace"))
        return None
    rows = [dict(zip(answer.columns, _plain(row), strict=True)) for row in answer.rows]
    return Printout(
        schema="ormlab-catalog-query/1",
        result={"columns": list(answer.columns), "rows": rows, "fresh": answer.fresh},
        text=lambda: answer_text(answer),
    )


@group.command("trend")
@click.argument("metric")
@click.option("--subject", required=True, help="Name of the subject.")
@click.option("--workload", help="This workload only.")
@click.option("--load", help="This load only.")
@options.archive
@prints
def trend(
    metric: str, subject: str, workload: str | None, load: str | None, folder: Path
) -> Printout:
    """Follow a METRIC of a subject over the bundles, and mark where its level changes.

    One series for each workload, load and host fingerprint: others cannot be compared. A value is
    the median of a bundle's trials. Change points need six bundles.

    \b
    Example:
      ormlab catalog trend throughput --subject asyncpg --workload read-one
    """
    from ormlab.archive.query import trend as follow

    series = follow(folder, metric, subject, workload=workload, load=load)
    return Printout(
        schema="ormlab-catalog-trend/1",
        result={"metric": metric, "subject": subject, "series": [_result(each) for each in series]},
        text=lambda: trend_text(series),
    )


@group.command("metrics")
@options.archive
@click.option("-o", "--out", type=options.PATH, required=True, help="File to make, or to replace.")
@prints
def metrics(folder: Path, out: Path) -> Printout:
    """Write the history of the archive as OpenMetrics, for Prometheus and Grafana.

    Every figure with its 95 % interval, every comparison with its margin, null control and verdict,
    at the time of its run, with the release of the ORM as a label. Figures come from the catalog,
    comparisons from derived/. docs/trends.md says how Prometheus takes the file in.

    \b
    Example:
      ormlab catalog metrics -o history.om
      promtool tsdb create-blocks-from openmetrics history.om /var/lib/prometheus
    """
    from ormlab.archive import history
    from ormlab.archive.exports import backfill
    from ormlab.archive.runs import read_runs

    found = history.read(folder, read_runs(folder))
    _warn_if_old(folder, fresh=found.fresh)
    samples = backfill.store(found, out)
    counts = {"runs": len(found.runs), "unjudged": found.unjudged, "samples": samples}
    text = f"{out} has {quantity(samples, 'sample')} of {quantity(len(found.runs), 'run')}."
    if found.unjudged:
        text += (
            f"\nwithout comparisons: {quantity(found.unjudged, 'run')} whose derived/ this version "
            "cannot read; `ormlab judge` computes it anew"
        )
    return Printout("ormlab-catalog-metrics/1", {"file": str(out), **counts}, lambda: text)


@group.command("site")
@options.archive
@click.option(
    "-o",
    "--out",
    type=options.PATH,
    required=True,
    help="Folder to make, or to replace if it holds such a site.",
)
@prints
def site(folder: Path, out: Path) -> Printout:
    """Write the archive as web pages: its runs, how every claim stands, and trends.

    The pages open from a disk, run no script and fetch nothing. Each bundle is verified at L1; one
    that does not hold is listed with the reason. Trends come from the catalog.

    \b
    Example:
      ormlab catalog site -o site/
    """
    from ormlab.archive.site import build as make

    built = make(folder, out)
    contents = built.contents
    _warn_if_old(folder, fresh=contents.fresh)
    counts = {
        "runs": len(contents.runs),
        "claims": len(contents.claims),
        "trends": len(contents.trends),
        "pages": built.pages,
    }
    return Printout(
        schema="ormlab-catalog-site/1",
        result={"index": str(built.index), **counts},
        text=lambda: (
            f"{built.index} shows {quantity(counts['runs'], 'run')} "
            f"on {quantity(built.pages, 'page')}."
        ),
    )


def _warn_if_old(folder: Path, *, fresh: bool) -> None:
    if not fresh:
        what = f"warning: the index of {folder} has changed since the catalog was built"
        click.echo(f"{what}; `ormlab catalog build`", err=True)


def answer_text(answer: Answer) -> str:
    """The rows of a query as a table, every value as the catalog has it."""
    page = Page()
    of_column = zip(*answer.rows, strict=True) if answer.rows else [()] * len(answer.columns)
    named = tuple(
        Column(name, number=all(isinstance(each, _NUMBERS) for each in values))
        for name, values in zip(answer.columns, of_column, strict=True)
    )
    page.table(Table("Answer", named, tuple(Row(tuple(map(_text, row))) for row in answer.rows)))
    return page.text()


def trend_text(series: Sequence[Series]) -> str:
    """For each series one sentence and its points."""
    page = Page()
    for each in series:
        changes = sum(point.changed for point in each.points)
        host = f"host {(each.host or 'unknown')[:12]}, tier {each.tier or 'unknown'}"
        page.line(
            f"{each.metric} of {each.subject} on {each.workload} under {each.load} ({host}): "
            f"{quantity(len(each.points), 'bundle')}, "
            f"{quantity(changes, 'change of level', 'changes of level')}."
        )
        page.table(_points(each))
    return page.text()


def _points(series: Series) -> Table:
    figures = (f"Median {series.unit}", "Trials")
    named = columns("Bundle", *figures, "Plan", "Level", numbers=figures)
    rows = (
        Row(
            (
                point.bundle,
                rounding.significant(point.value),
                str(point.trials),
                f"{point.plan} {point.plan_sha256[:8]}",
                "new" if point.changed else "",
            )
        )
        for point in series.points
    )
    return Table("Points", named, tuple(rows))


def _result(series: Series) -> dict[str, object]:
    shared = {key: getattr(series, key) for key in ("workload", "load", "host", "tier", "unit")}
    points = [asdict(each) | {"created": each.created.isoformat()} for each in series.points]
    return {**shared, "points": points}


def _plain(values: Any) -> Any:  # noqa: ANN401 - whatever a query returns
    """The nearest that JSON has; null for NaN and infinity."""
    if isinstance(values, list | tuple):
        return [_plain(value) for value in values]
    if isinstance(values, dict):
        return {str(key): _plain(value) for key, value in values.items()}
    if isinstance(values, date | datetime):
        return values.isoformat()
    if isinstance(values, Decimal):
        return _plain(float(values))
    if isinstance(values, float):
        return values if math.isfinite(values) else None
    return values if isinstance(values, str | int | None) else str(values)


def _csv(answer: Answer) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        values = (_plain(value) for value in row)
        writer.writerow(visible(each) if isinstance(each, str) else each for each in values)
    return out.getvalue()


def _text(value: object) -> str:
    return rounding.UNKNOWN if value is None else visible(str(_plain(value)))
