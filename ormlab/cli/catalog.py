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
from rich.cells import cell_len

from bundle.display import visible
from ormlab.cli import options, streams
from ormlab.cli.output import Printout, prints, wants_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ormlab.archive.query import Answer, Series

_WHOLE = 1000  # from here on nobody reads a fraction


@click.group("catalog")
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
    text = f"{built.path} has {built.rows:,} rows of {built.bundles:,} bundles."
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
        text=lambda: _table([answer.columns, *(map(_text, row) for row in answer.rows)]),
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
        text=lambda: "\n".join(line for each in series for line in _lines(each)),
    )


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
      ormlab catalog build && ormlab catalog site -o site/
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
        text=lambda: f"{built.index} shows {counts['runs']} runs on {built.pages} pages.",
    )


def _warn_if_old(folder: Path, *, fresh: bool) -> None:
    if not fresh:
        what = f"warning: the index of {folder} has changed since the catalog was built"
        click.echo(f"{what}; `ormlab catalog build`", err=True)


def _lines(series: Series) -> Iterator[str]:
    changes = sum(point.changed for point in series.points)
    cell = visible(f"{series.workload} under {series.load}")
    host = f"host {(series.host or 'unknown')[:12]}, tier {series.tier or 'unknown'}"
    yield (
        f"{series.metric} of {series.subject} on {cell} ({host}): {len(series.points)} bundles, "
        f"{changes} changes of level."
    )
    for point in series.points:
        mark = "  new level" if point.changed else ""
        yield (
            f"  {point.bundle:<27}  {_number(point.value):>14} {series.unit}  "
            f"{point.trials:>3} trials  {visible(point.plan)} {point.plan_sha256[:8]}{mark}"
        )


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


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:.4g}"


def _text(value: object) -> str:
    return "-" if value is None else visible(str(_plain(value)))


def _table(rows: Sequence[Iterable[str]]) -> str:
    cells = [list(row) for row in rows]
    # An ideograph takes the room of two letters.
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        )
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)
