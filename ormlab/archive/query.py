"""Questions to the catalog, in SQL: the table is ``trials``, and nothing else can be reached."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import duckdb

from analysis.trend import change_points
from ormlab.archive.catalog import load
from ormlab.archive.errors import EntryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

# In this order: the last one keeps a query from taking back the others.
_CLOSED: Final = """
SET python_enable_replacements = false;
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET enable_external_access = false;
SET lock_configuration = true;
"""
_SERIES: Final = """
SELECT metric, subject, workload, load, host, tier, unit, bundle, created, plan, plan_sha256,
       list(value ORDER BY block, trial)
FROM trials
WHERE value > 0
  AND metric = coalesce($metric, metric) AND subject = coalesce($subject, subject)
  AND workload = coalesce($workload, workload) AND load = coalesce($load, load)
GROUP BY ALL ORDER BY ALL
"""
_KEYS: Final = 7  # of the columns above are what a series has in common


@dataclass(frozen=True)
class Answer:
    """The rows of a query; ``fresh`` if the catalog was built from the index as it is now."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    fresh: bool


@dataclass(frozen=True)
class Point:
    """One bundle of a series: the median of its trials."""

    bundle: str
    created: datetime
    plan: str
    plan_sha256: str  #: a change of plan may be the reason for a change of level
    trials: int  #: how many trials have the metric
    value: float
    changed: bool  #: whether a new level begins here


@dataclass(frozen=True)
class Series:
    """Points that may be compared: one workload under one load on one host fingerprint."""

    metric: str
    subject: str
    workload: str
    load: str
    host: str | None
    tier: str | None
    unit: str
    points: tuple[Point, ...]


def query(folder: Path, sql: str) -> Answer:
    """Answer one SELECT over the catalog.

    Raises:
        EntryError: there is no archive or catalog, or the SQL is not one SELECT that works.
        MismatchError: the catalog is damaged.
    """
    return _ask(folder, sql, {})


def trend(
    folder: Path, metric: str, subject: str, *, workload: str | None = None, load: str | None = None
) -> tuple[Series, ...]:
    """Follow a metric of a subject over the bundles, one series for each cell and host.

    Raises:
        EntryError: the catalog has no such trials, or as `query`.
    """
    asked = {"metric": metric, "subject": subject, "workload": workload, "load": load}
    series = _series_of(_ask(folder, _SERIES, asked))
    if not series:
        what = f"no trial of {subject!a} has a value of {metric!a} there"
        hint = "see `ormlab catalog query 'SELECT DISTINCT subject, metric FROM trials'`"
        raise EntryError("trend-empty", what, where=str(folder), hint=hint)
    return series


def every_series(folder: Path) -> tuple[tuple[Series, ...], bool]:
    """Every metric of every subject; and whether the catalog is of the index as it is now."""
    answer = _ask(folder, _SERIES, dict.fromkeys(("metric", "subject", "workload", "load")))
    return _series_of(answer), answer.fresh


def _series_of(answer: Answer) -> tuple[Series, ...]:
    return tuple(
        _series(key, [row[len(key) :] for row in group])
        for key, group in groupby(answer.rows, key=lambda row: row[:_KEYS])
    )


def _series(key: tuple[Any, ...], rows: Sequence[tuple[Any, ...]]) -> Series:
    medians = [median(values) for *_, values in rows]
    changes = change_points(medians)
    points = tuple(
        Point(bundle, created, plan, digest, len(values), value, position in changes)
        for position, ((bundle, created, plan, digest, values), value) in enumerate(
            zip(rows, medians, strict=True)
        )
    )
    metric, subject, workload, load, host, tier, unit = key
    return Series(metric, subject, workload, load, host, tier, unit, points)


def _ask(folder: Path, sql: str, values: dict[str, str | None]) -> Answer:
    table, fresh = load(folder)
    with closing(duckdb.connect()) as connection:
        connection.register("catalog", table)
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE trials AS SELECT * FROM catalog")
        connection.unregister("catalog")
        connection.execute(_CLOSED)
        try:
            statements = connection.extract_statements(sql)
            kinds = [statement.type for statement in statements]
            if kinds != [duckdb.StatementType.SELECT]:
                raise _refused("it is not one SELECT")
            connection.execute(statements[0], values)
            rows = connection.fetchall()
        except duckdb.Error as error:
            raise _refused(str(error).partition("\n")[0]) from None
        return Answer(tuple(each[0] for each in connection.description or ()), tuple(rows), fresh)


def _refused(why: str) -> EntryError:
    hint = "ask one SELECT over the table `trials`; `DESCRIBE trials` lists its columns"
    return EntryError("query-refused", f"the query cannot be answered: {why}", hint=hint)
