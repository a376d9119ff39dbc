"""Questions to the catalog, in SQL: the table is ``trials``, and nothing else can be reached."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import duckdb

from analysis.rounding import median_interval
from analysis.trend import change_points
from bundle.meant import meant
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
_FIGURES: Final = """
SELECT bundle, created, metric, unit, subject, declared, orm, release, driver, interpreter,
       workload, load, host, host_class, list(value ORDER BY block, trial)
FROM trials
WHERE value > 0
GROUP BY ALL ORDER BY ALL
"""


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


@dataclass(frozen=True)
class SubjectFigure:
    """One metric of one subject of a bundle; what the bundle does not tell is None."""

    bundle: str
    created: datetime
    metric: str
    unit: str
    subject: str  #: of the plan, or a control's arm
    declared: str | None  #: the subject that the arm repeats, else `subject`
    orm: str | None  #: name of its package, ``none`` for a service without one
    release: str | None  #: of the ORM
    driver: str | None  #: with its version
    interpreter: str | None  #: with its version
    workload: str
    load: str
    host: str | None  #: fingerprint
    host_class: str | None
    trials: int  #: how many have the metric
    value: float  #: the median of these trials
    low: float | None  #: lower end of its 95 % interval; None with fewer than six trials
    high: float | None  #: upper end of the same interval

    @property
    def arm(self) -> str:
        """``null`` or ``positive`` for a control's arm, else empty."""
        if self.declared is None or self.subject == self.declared:
            return ""
        return "null" if self.subject == f"{self.declared}-null" else "positive"


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
        known, _ = every_series(folder)
        near = meant(metric, {each.metric for each in known}, "{} ")
        near += meant(subject, {each.subject for each in known}, "{} ")
        see = "see `ormlab catalog query 'SELECT DISTINCT subject, metric FROM trials'`"
        raise EntryError("trend-empty", what, where=str(folder), hint=near + see)
    return series


def every_series(folder: Path) -> tuple[tuple[Series, ...], bool]:
    """Every metric of every subject; and whether the catalog is of the index as it is now."""
    answer = _ask(folder, _SERIES, dict.fromkeys(("metric", "subject", "workload", "load")))
    return _series_of(answer), answer.fresh


def figures(folder: Path) -> tuple[tuple[SubjectFigure, ...], bool]:
    """Every metric of every subject of each bundle; and whether the catalog is of today's index.

    Raises:
        EntryError, MismatchError: as `query`.
    """
    answer = _ask(folder, _FIGURES, {})
    return tuple(_figure(answer.columns, row) for row in answer.rows), answer.fresh


def _figure(columns: Sequence[str], row: Sequence[Any]) -> SubjectFigure:
    *_, values = row
    value, low, high = median_interval(values)
    told = dict(zip(columns[:-1], row[:-1], strict=True))
    return SubjectFigure(**told, trials=len(values), value=value, low=low, high=high)


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
