"""bombardier: its text, with ``--latencies`` or without, and its JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from analysis.published.formats.base import Count, Foreign, ResultFormat
from analysis.published.formats.base import read as typed
from analysis.published.result import (
    COUNT,
    NUMBER,
    Lines,
    PublishedRun,
    Reported,
    ResultError,
    milliseconds,
    percentile,
)

if TYPE_CHECKING:
    from bundle.codec import Json

_TIME: Final = rf"({NUMBER})(us|ms|s|m|h)"
_CODES: Final = ", ".join(rf"{each}xx - ({COUNT})" for each in range(1, 6))
_DURATION: Final = re.compile(rf"(?:({COUNT})h)?(?:({COUNT})m)?(?:({NUMBER})s)?")
_AVERAGED: Final = (
    "bombardier prints the mean of the rates of short intervals, which differ in length"
)
_AVERAGED_BY: Final = 0.1


class _Spec(Foreign):
    connections: Annotated[Count, Field(alias="numberOfConnections")]
    seconds: Annotated[float | None, Field(alias="testDurationSeconds")] = None
    url: str
    rate: float | None = None


class _Latency(Foreign):
    mean: float
    stddev: float
    max: float
    percentiles: dict[str, float] = Field(default_factory=dict)


class _Rate(Foreign):
    mean: float


class _Result(Foreign):
    seconds: Annotated[float, Field(alias="timeTakenSeconds")]
    req1xx: Count
    req2xx: Count
    req3xx: Count
    req4xx: Count
    req5xx: Count
    others: Count
    latency: _Latency | None = None
    rps: _Rate | None = None


class _Document(Foreign):
    spec: _Spec
    result: _Result


def read_text(text: str) -> list[PublishedRun]:
    """The one run of a text."""
    lines = Lines(text, "bombardier")
    head = lines.need(
        rf"Bombarding (\S+) (?:for (\S+)|with ({COUNT}) request\(s\)) using ({COUNT}) connection",
        "Bombarding ... using ... connection(s)",
    )
    rate = lines.need(rf"Reqs/sec +({NUMBER}) +{NUMBER} +{NUMBER}", "Reqs/sec")
    latency = lines.need(rf"Latency +{_TIME} +{_TIME} +{_TIME}", "Latency")
    named = ("latency_mean", "latency_stdev", "latency_max")
    figures = {"throughput": Reported.of(rate[1], "req/s")}
    figures |= {
        name: milliseconds(latency[2 * place + 1], latency[2 * place + 2])
        for place, name in enumerate(named)
    }
    figures |= lines.each(
        rf"({NUMBER})% +{_TIME}$",
        lambda each: (percentile(each[1]), milliseconds(each[2], each[3])),
    )
    codes = [int(each) for each in lines.need(_CODES, "HTTP codes").groups()]
    others = int(lines.need(rf"others - ({COUNT})", "others")[1])
    settings = {"url": head[1], "connections": int(head[4])}
    if head[2]:
        settings["duration-s"] = _seconds(head[2])
    return [_run(figures, codes, others, settings, None)]


def read_document(document: dict[str, Json]) -> list[PublishedRun]:
    """The one run of a document; its latencies are in microseconds."""
    made = typed(document, _Document, "bombardier")
    spec, result = made.spec, made.result
    if result.rps is None or result.latency is None:
        raise ResultError("this result of bombardier has no rate or no latencies")
    latency = result.latency
    times = {
        "latency_mean": latency.mean,
        "latency_stdev": latency.stddev,
        "latency_max": latency.max,
        **{percentile(name.strip()): value for name, value in latency.percentiles.items()},
    }
    figures = {"throughput": Reported.of(result.rps.mean, "req/s")}
    figures |= {name: Reported.of(value, "ms", scale=1e-3) for name, value in times.items()}
    codes = [result.req1xx, result.req2xx, result.req3xx, result.req4xx, result.req5xx]
    settings: dict[str, str | int | float] = {"url": spec.url, "connections": spec.connections}
    if spec.seconds is not None:
        settings["duration-s"] = spec.seconds
    if spec.rate is not None:
        settings["rate"] = spec.rate
    total = Reported.of(result.seconds, "s")
    return [_run(figures, codes, result.others, settings, total)]


def _run(
    figures: dict[str, Reported],
    codes: list[int],
    others: int,
    settings: dict[str, str | int | float],
    total: Reported | None,
) -> PublishedRun:
    requests, doubts = sum(codes) + others, {}
    failed = sum(codes[3:]) + others
    if failed:
        figures["errors"] = Reported.of(failed, "requests")
        doubts["throughput"] = (
            f"{failed} of {requests} requests had no answer, or one with the status 4xx or 5xx, "
            "and Reqs/sec counts them"
        )
    return PublishedRun(
        tool="bombardier",
        locator="the statistics",
        figures=figures,
        settings={"generator": "bombardier", **settings},
        loop="unknown" if "rate" in settings else "closed",
        requests=Reported.of(requests, "requests"),
        seconds=total,
        slack=(_AVERAGED_BY, _AVERAGED),
        doubts=doubts,
    )


def _seconds(written: str) -> float:
    """The length of a run as Go writes it: 1m30s."""
    found = _DURATION.fullmatch(written)
    if not found or not written:
        raise ResultError(f"{written[:40]!r} is no duration of bombardier")
    hours, minutes, rest = (Reported.of(each or "0", "s").value for each in found.groups())
    return 3600 * hours + 60 * minutes + rest


FORMAT = ResultFormat(
    name="bombardier",
    source="bombardier, templates.go at 3a8f621 and format.go at 322135f",
    mark=re.compile(r"^Bombarding \S+ (?:for|with) ", re.MULTILINE),
    keys=("spec", "result"),
    text=read_text,
    document=read_document,
)
