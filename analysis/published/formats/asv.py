"""asv: the results of one commit in one environment, as version 2 of the file has them.

The file holds no units: the name of a benchmark says what it measures. A result that is null
failed, one that is NaN was skipped; both are left out.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from analysis.published.formats.base import Foreign, ResultFormat
from analysis.published.formats.base import read as typed
from analysis.published.result import PublishedRun, Reported, ResultError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.codec import Json

_UNITS: Final = {
    "time": "s",
    "timeraw": "s",
    "mem": "bytes",
    "peakmem": "bytes",
    "track": "unit of the suite",
}
_MACHINE: Final = {"cpu": "cpu", "ram": "memory", "os": "os", "machine": "machine"}
_UNTESTABLE: Final = (
    "asv measures code inside one process; the lab measures the answers of a service"
)
_MOST: Final = 20_000


class _Document(Foreign):
    version: Annotated[int, Field(ge=2, le=2)]
    commit: Annotated[str, Field(alias="commit_hash")]
    environment: Annotated[str, Field(alias="env_name")]
    machine: Annotated[dict[str, object], Field(alias="params")]
    python: str | None = None
    requirements: dict[str, str | None]
    columns: Annotated[list[str], Field(alias="result_columns")]
    results: dict[str, list[object]]


class _Result(Foreign):
    """One row of the results, its columns by name; lists have one entry for each parameter."""

    result: list[float | None] | None = None
    params: list[list[str]] = Field(default_factory=list)
    low: Annotated[list[float | None] | None, Field(alias="stats_ci_99_a")] = None
    high: Annotated[list[float | None] | None, Field(alias="stats_ci_99_b")] = None


def read(document: dict[str, Json]) -> list[PublishedRun]:
    """The one run of a document, with a figure for every benchmark and parameter."""
    made = typed(document, _Document, "asv")
    figures = dict(itertools.islice(_figures(made), _MOST + 1))
    if len(figures) > _MOST:
        raise ResultError(f"the file has more than {_MOST:,} results")
    if not figures:
        raise ResultError("this result of asv has no benchmark that ended with a value")
    settings: dict[str, str | int | float] = {
        "generator": "asv",
        "commit": made.commit[:200],
        "environment": made.environment[:200],
    }
    if made.python:
        settings["python"] = made.python[:40]
    settings |= {
        name: str(made.machine[key])[:200]
        for key, name in _MACHINE.items()
        if made.machine.get(key)
    }
    settings |= {
        f"package.{name}"[:40].lower(): version[:40]
        for name, version in made.requirements.items()
        if version
    }
    return [
        PublishedRun(
            tool="asv",
            locator="results",
            figures=figures,
            settings=settings,
            loop="unknown",
            untestable=_UNTESTABLE,
        )
    ]


def _figures(document: _Document) -> Iterator[tuple[str, Reported]]:
    for name, row in document.results.items():
        columns = dict(zip(document.columns, row, strict=False))
        made = typed(columns, _Result, f"asv, {name[:100]}")  # type: ignore[arg-type]
        unit = _UNITS.get(name.rpartition(".")[2].partition("_")[0], "unit of the suite")
        combinations = itertools.product(*made.params) if made.params else iter([()])
        for place, (value, given) in enumerate(zip(made.result or (), combinations, strict=False)):
            if value is None:
                continue
            figure = Reported.of(value, unit)
            label = f"{name}({', '.join(given)})" if given else name
            yield label, replace(figure, interval=_interval(made, place))


def _interval(made: _Result, place: int) -> tuple[float, float] | None:
    """The 99 % interval of a result; None without one, or with an end that is not finite."""
    ends = [values[place] for values in (made.low, made.high) if values and place < len(values)]
    low, high = ends if len(ends) == 2 else (None, None)  # noqa: PLR2004 - ends
    return None if low is None or high is None else (low, high)


FORMAT = ResultFormat(
    name="asv",
    source="asv, asv/results.py at 04727fd: version 2 of the file",
    keys=("result_columns", "results", "commit_hash", "env_name"),
    document=read,
)
