"""TechEmpower's Framework Benchmarks: ``results.json``, which sums up many runs of wrk.

The file has requests and the length that a run was to have, and no rate. A run ends a little later
than it was to, so the rate is known to a second of its length. Times are strings of wrk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from analysis.published.formats.base import Count, Foreign, ResultFormat
from analysis.published.formats.base import read as typed
from analysis.published.formats.wrk import with_added
from analysis.published.result import NUMBER, PublishedRun, Reported, ResultError, milliseconds

if TYPE_CHECKING:
    from bundle.codec import Json

_TIME: Final = re.compile(rf"({NUMBER})(us|ms|s|m|h)")
_TIMES: Final = ("latencyAvg", "latencyStdev", "latencyMax")
_NAMES: Final = ("latency_mean", "latency_stdev", "latency_max")
_ERRORS: Final = ("connect", "read", "write", "timeout", "5xx")
_PIPELINED: Final = 16  # toolset/test_types/plaintext, which gives it to pipeline.sh
_MOST_TESTS: Final = 20_000


class _Row(Foreign):
    requests: Annotated[Count | None, Field(alias="totalRequests")] = None
    mean: Annotated[str | None, Field(alias="latencyAvg")] = None
    stdev: Annotated[str | None, Field(alias="latencyStdev")] = None
    max: Annotated[str | None, Field(alias="latencyMax")] = None
    connect: Count = 0
    read: Count = 0
    write: Count = 0
    timeout: Count = 0
    status: Annotated[Count, Field(alias="5xx")] = 0


class _Git(Foreign):
    commit: Annotated[str, Field(alias="commitId")] = ""


class _Document(Foreign):
    concurrency: Annotated[list[Count], Field(alias="concurrencyLevels")]
    pipelined: Annotated[list[Count], Field(alias="pipelineConcurrencyLevels")] = Field(
        default_factory=list
    )
    queries: Annotated[list[Count], Field(alias="queryIntervals")] = Field(default_factory=list)
    cached: Annotated[list[Count], Field(alias="cachedQueryIntervals")] = Field(
        default_factory=list
    )
    duration: Annotated[int, Field(ge=1, le=10**6)]
    environment: Annotated[str | None, Field(alias="environmentDescription")] = None
    git: _Git | None = None
    raw: Annotated[dict[str, dict[str, object]], Field(alias="rawData")]


class _Rows(Foreign):
    rows: list[_Row]


def read(document: dict[str, Json]) -> list[PublishedRun]:
    """Every run of a document: each test, framework and level."""
    made = typed(document, _Document, "TechEmpower's benchmarks")
    runs = []
    for test, frameworks in made.raw.items():
        if test in {"slocCounts", "commitCounts"}:
            continue
        for framework, rows in frameworks.items():
            where = f"rawData.{test}.{framework}"
            levels = typed({"rows": rows}, _Rows, where).rows  # type: ignore[dict-item]
            runs += [
                _run(made, test, framework, place, row)
                for place, row in enumerate(levels)
                if row.requests
            ]
            if len(runs) > _MOST_TESTS:
                raise ResultError(f"the file has more than {_MOST_TESTS:,} runs")
    return runs


def _run(document: _Document, test: str, framework: str, place: int, row: _Row) -> PublishedRun:
    workload, settings = _level(document, test, place)
    answered = row.requests or 0
    rate, window = answered / document.duration, document.duration
    figures = {
        "throughput": Reported(
            rate,
            rate / (window + 1),
            "req/s",
            f"computed: {answered:,} requests in a run that was to last {window} s",
        )
    }
    latencies = {}
    for key, name, written in zip(_TIMES, _NAMES, (row.mean, row.stdev, row.max), strict=True):
        if written is not None:
            found = _TIME.fullmatch(written)
            if not found:
                raise ResultError(f"{key} of {framework} in {test} is {written[:40]!r}, no time")
            latencies[name] = milliseconds(found[1], found[2])
    figures |= with_added(latencies)
    counts = dict(
        zip(_ERRORS, (row.connect, row.read, row.write, row.timeout, row.status), strict=True)
    )
    figures |= {
        f"errors_{kind}": Reported.of(count, "errors") for kind, count in counts.items() if count
    }
    doubts = {}
    if row.status:
        doubts["throughput"] = (
            f"{row.status:,} of {answered:,} answers had another status than 2xx or 3xx, and the "
            "requests count them"
        )
    return PublishedRun(
        tool="wrk",
        locator=f"rawData.{test}.{framework}[{place}]",
        figures=figures,
        settings=settings,
        subject=framework,
        workload=workload,
        wrk_prints=True,
        in_flight=_PIPELINED if test == "plaintext" else 1,
        doubts=doubts,
    )


def _level(document: _Document, test: str, place: int) -> tuple[str, dict[str, str | int | float]]:
    """The name of a workload, and what its level sets; some tests vary queries instead."""
    settings: dict[str, str | int | float] = {
        "generator": "wrk",
        "duration-s": document.duration,
    }
    if document.environment:
        settings["environment"] = document.environment[:200]
    if document.git and document.git.commit:
        settings["commit"] = document.git.commit[:200]
    varied = {
        "query": document.queries,
        "update": document.queries,
        **dict.fromkeys(("cached_query", "cached-query"), document.cached),
    }
    levels = varied.get(test) or (
        document.pipelined if test == "plaintext" else document.concurrency
    )
    if place >= len(levels):
        raise ResultError(f"{test} has more results than levels")
    level = levels[place]
    if test in varied:
        most = max(document.concurrency, default=0)
        return f"{test}-q{level}", {**settings, "queries": level, "connections": most}
    return f"{test}-c{level}", {**settings, "connections": level}


FORMAT = ResultFormat(
    name="techempower",
    source="FrameworkBenchmarks, toolset/utils/results.py at 01505cb and toolset/wrk",
    keys=("rawData", "concurrencyLevels", "frameworks", "duration"),
    document=read,
)
