"""``ormlab catalog``."""

from __future__ import annotations

import csv
import io
import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.cells import cell_len

from bundle.display import visible
from ormlab.cli import options, streams
from ormlab.cli.output import bundle_errors, document

if TYPE_CHECKING:
    from ormlab.archive.query import Answer, Series

_WHOLE = 1000  # from here on nobody reads a fraction


@click.group("catalog")
def group() -> None:
    """Make one table of all trials in the archive, and query it."""


@group.command("build")
@options.archive
@options.as_json
def build(folder: Path, *, as_json: bool) -> None:
    """Rebuild catalog.parquet of the archive: the same bundles give the same bytes.

    \b
    Example:
      ormlab catalog build
    """
    from ormlab.archive.catalog import build as make

    with bundle_errors():
        built = make(folder)
    if as_json:
        counts = {"bundles": built.bundles, "rows": built.rows, "sha256": built.sha256}
        document("ormlab-catalog-build/1", {"catalog": str(built.path), **counts})
    else:
        click.echo(f"{built.path} has {built.rows:,} rows of {built.bundles:,} bundles.")
        click.echo(f"sha256  {built.sha256}")


@group.command("query")
@click.argument("sql")
@options.archive
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
def query(sql: str, folder: Path, *, as_json: bool, as_csv: bool) -> None:
    """Answer one SELECT over the table `trials`, in DuckDB's SQL, without any other access.

    \b
    Examples:
      ormlab catalog query "DESCRIBE trials"
      ormlab catalog query "SELECT subject, median(value) FROM trials
                            WHERE metric = 'throughput' GROUP BY subject" --csv
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    from ormlab.archive.query import query as ask

    with bundle_errors():
        answer = ask(folder, sql)
    _warn_if_old(folder, fresh=answer.fresh)
    if as_json:
        found = [dict(zip(answer.columns, _plain(row), strict=True)) for row in answer.rows]
        result = {"columns": list(answer.columns), "rows": found, "fresh": answer.fresh}
        document("ormlab-catalog-query/1", result)
    elif as_csv:
        streams.document(_csv(answer).encode("utf-8", "backslashreplace"))
    else:
        _table([answer.columns, *(map(_text, row) for row in answer.rows)])


@group.command("trend")
@click.argument("metric")
@click.option("--subject", required=True, help="Name of the subject.")
@click.option("--workload", help="This workload only.")
@click.option("--load", help="This load only.")
@options.archive
@options.as_json
def trend(
    metric: str,
    subject: str,
    workload: str | None,
    load: str | None,
    folder: Path,
    *,
    as_json: bool,
) -> None:
    """Follow a METRIC of a subject over the bundles, and mark where its level changes.

    One series for each workload, load and host fingerprint: others cannot be compared. A value is
    the median of a bundle's trials. Change points need six bundles.

    \b
    Example:
      ormlab catalog trend throughput --subject asyncpg --workload read-one
    """
    from ormlab.archive.query import trend as follow

    with bundle_errors():
        series = follow(folder, metric, subject, workload=workload, load=load)
    if as_json:
        told = {"metric": metric, "subject": subject, "series": [_told(each) for each in series]}
        document("ormlab-catalog-trend/1", told)
        return
    for each in series:
        changes = sum(point.changed for point in each.points)
        cell = visible(f"{each.workload} under {each.load}")
        host = f"host {(each.host or 'unknown')[:12]}, tier {each.tier or 'unknown'}"
        click.echo(
            f"{metric} of {subject} on {cell} ({host}): {len(each.points)} bundles, "
            f"{changes} changes of level."
        )
        for point in each.points:
            mark = "  new level" if point.changed else ""
            click.echo(
                f"  {point.bundle:<27}  {_number(point.value):>14} {each.unit}  "
                f"{point.trials:>3} trials  {visible(point.plan)} {point.plan_sha256[:8]}{mark}"
            )


@group.command("site")
@options.archive
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to make, or to replace if it holds such a site.",
)
@options.as_json
def site(folder: Path, out: Path, *, as_json: bool) -> None:
    """Write the archive as web pages: its runs, how every claim stands, and trends.

    The pages open from a disk, run no script and fetch nothing. Each bundle is verified at L1; one
    that does not hold is listed with the reason. Trends come from the catalog.

    \b
    Example:
      ormlab catalog build && ormlab catalog site -o site/
    """
    from ormlab.archive.site import build as make

    with bundle_errors():
        built = make(folder, out)
    contents = built.contents
    _warn_if_old(folder, fresh=contents.fresh)
    if as_json:
        counts = {
            "runs": len(contents.runs),
            "claims": len(contents.claims),
            "trends": len(contents.trends),
            "pages": built.pages,
        }
        document("ormlab-catalog-site/1", {"index": str(built.index), **counts})
    else:
        click.echo(f"{built.index} shows {len(contents.runs)} runs on {built.pages} pages.")


def _warn_if_old(folder: Path, *, fresh: bool) -> None:
    if not fresh:
        what = f"warning: the index of {folder} has changed since the catalog was built"
        click.echo(f"{what}; `ormlab catalog build`", err=True)


def _told(series: Series) -> dict[str, object]:
    return {
        "workload": series.workload,
        "load": series.load,
        "host": series.host,
        "tier": series.tier,
        "unit": series.unit,
        "points": [
            {
                "bundle": point.bundle,
                "created": point.created.isoformat(),
                "plan": point.plan,
                "plan_sha256": point.plan_sha256,
                "trials": point.trials,
                "value": point.value,
                "changed": point.changed,
            }
            for point in series.points
        ],
    }


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


def _table(lines: list[Any]) -> None:
    cells = [list(line) for line in lines]
    # An ideograph takes the room of two letters.
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        gaps = (width - cell_len(cell) for cell, width in zip(line, widths, strict=True))
        click.echo(
            "  ".join(cell + " " * gap for cell, gap in zip(line, gaps, strict=True)).rstrip()
        )
