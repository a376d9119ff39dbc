"""oha: its summary as text and as JSON. It prints no number of connections in either."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from analysis.published.formats.base import Count, Foreign, ResultFormat, options_of
from analysis.published.formats.base import read as typed
from analysis.published.result import (
    COUNT,
    NUMBER,
    Lines,
    PublishedRun,
    Reported,
    milliseconds,
    percentile,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bundle.codec import Json

_TIME: Final = rf"({NUMBER}) (ns|us|µs|ms|secs|sec|s|m|h)\b"
_TIMES: Final = {"latency_max": "Slowest", "latency_min": "Fastest", "latency_mean": "Average"}
_ABORTED: Final = (
    "versions of oha differ in whether Requests/sec counts the requests that oha gave up when the "
    "time was over"
)
_MANY: Final = 0.01  # of all requests; a request for each connection is what every run gives up


class _Summary(Foreign):
    success_rate: Annotated[float | None, Field(alias="successRate")]
    total: float
    slowest: float | None
    fastest: float | None
    average: float | None
    requests_per_sec: Annotated[float, Field(alias="requestsPerSec")]


class _Document(Foreign):
    summary: _Summary
    percentiles: Annotated[dict[str, float | None], Field(alias="latencyPercentiles")]
    statuses: Annotated[dict[str, Count], Field(alias="statusCodeDistribution")]
    errors: Annotated[dict[str, Count], Field(alias="errorDistribution")]


def read_text(text: str) -> list[PublishedRun]:
    """The one summary of a text."""
    lines = Lines(text, "oha")
    total = lines.need(rf"Total:\s+{_TIME}", "Total")
    rate = lines.need(rf"Requests/sec:\s+({NUMBER})", "Requests/sec")
    success = lines.need(rf"Success rate:\s+({NUMBER})%?", "Success rate")
    answers = lines.all(rf"\[[0-9]{{3}}\] ({COUNT}) responses")
    errors: Counter[str] = Counter()
    for each in Lines(text.partition("Error distribution:")[2], "oha").all(rf"\[({COUNT})\] (.+)"):
        errors[each[2]] += int(each[1])  # errors that differ may have one text
    figures = {"throughput": Reported.of(rate[1], "req/s")}
    figures |= {
        name: milliseconds(*lines.need(rf"{word}:\s+{_TIME}", word).groups())
        for name, word in _TIMES.items()
    }
    # The next distributions are of a part of the answers.
    whole = Lines(re.split(r"distribution \((?:2xx|4xx)", text)[0], "oha")
    figures |= whole.each(
        rf"({NUMBER})% in {_TIME}",
        lambda each: (percentile(each[1]), milliseconds(each[2], each[3])),
    )
    figures["success_rate"] = Reported.of(success[1], "%")
    options = options_of(text, "oha")
    return [
        _run(
            figures,
            sum(int(each[1]) for each in answers),
            errors,
            seconds(*total.groups()),
            options,
        )
    ]


def read_document(document: dict[str, Json]) -> list[PublishedRun]:
    """The one summary of a document."""
    made = typed(document, _Document, "oha")
    summary = made.summary
    times = {
        "latency_max": summary.slowest,
        "latency_min": summary.fastest,
        "latency_mean": summary.average,
    }
    named = {percentile(name.removeprefix("p")): each for name, each in made.percentiles.items()}
    figures = {"throughput": Reported.of(summary.requests_per_sec, "req/s")}
    figures |= {
        name: Reported.of(value, "ms", scale=1e3)
        for name, value in (times | named).items()
        if value is not None
    }
    if summary.success_rate is not None:
        figures["success_rate"] = Reported.of(summary.success_rate, "%", scale=100)
    answered, total = sum(made.statuses.values()), Reported.of(summary.total, "s")
    return [_run(figures, answered, made.errors, total, {})]


def _run(
    figures: dict[str, Reported],
    answered: int,
    errors: Mapping[str, int],
    total: Reported,
    options: Mapping[str, str],
) -> PublishedRun:
    failed = sum(errors.values())
    if failed:
        figures["errors"] = Reported.of(failed, "requests")
    requests = answered + failed
    cut = sum(count for error, count in errors.items() if "deadline" in error)
    share = cut / requests if requests else 0.0
    connections = options.get("-c", "")
    return PublishedRun(
        tool="oha",
        locator="the summary",
        figures=figures,
        settings={"generator": "oha"}
        | ({"connections": int(connections)} if connections.isdecimal() else {}),
        loop="unknown" if "-q" in options else "closed",
        requests=Reported.of(requests, "requests") if requests else None,
        seconds=total,
        slack=(share, _ABORTED) if share else None,
        doubts={"throughput": _ABORTED} if share > _MANY else {},
    )


FORMAT = ResultFormat(
    name="oha",
    source="oha, src/printer.rs at 036082e",
    mark=re.compile(r"^[ \t]*Success rate:[ \t]+\S+[ \t]*\n[ \t]*Total:[ \t]", re.MULTILINE),
    keys=("summary", "latencyPercentiles", "statusCodeDistribution", "errorDistribution"),
    text=read_text,
    document=read_document,
)
