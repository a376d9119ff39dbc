"""k6: the JSON of ``--summary-export`` and of ``handleSummary``.

The two differ in where the values of a metric stand: in the metric itself, or in its ``values``.
The number of virtual users limits the requests under way, but a user may wait between them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from analysis.published.formats.base import Foreign, ResultFormat
from analysis.published.formats.base import read as typed
from analysis.published.result import PublishedRun, Reported, ResultError, percentile

if TYPE_CHECKING:
    from bundle.codec import Json

_NAMES: Final = {
    "avg": "latency_mean",
    "min": "latency_min",
    "max": "latency_max",
    "med": "p50",
}
_PERCENTILE: Final = re.compile(r"p\(([0-9.]+)\)")


class _State(Foreign):
    duration_ms: Annotated[float, Field(alias="testRunDurationMs")]


class _Document(Foreign):
    metrics: dict[str, dict[str, object]]
    state: _State | None = None


def read(document: dict[str, Json]) -> list[PublishedRun]:
    """The one run of a document."""
    made = typed(document, _Document, "k6")
    requests = _values(made, "http_reqs")
    if not {"count", "rate"} <= requests.keys():
        raise ResultError("this result of k6 has no http_reqs: the script sent no HTTP request")
    figures = {"throughput": Reported.of(requests["rate"], "req/s")}
    for key, value in _values(made, "http_req_duration").items():
        found = _PERCENTILE.fullmatch(key)
        name = percentile(found[1]) if found else _NAMES.get(key)
        if name:
            figures[name] = Reported.of(value, "ms")
    failed = _values(made, "http_req_failed")
    share = failed.get("rate", failed.get("value"))
    if share is not None:
        figures["error_rate"] = Reported.of(share, "%", scale=100)
    users = _values(made, "vus_max").get("max")
    return [
        PublishedRun(
            tool="k6",
            locator="metrics",
            figures=figures,
            settings={"generator": "k6"} | ({"virtual-users": users} if users else {}),
            loop="unknown",
            requests=Reported.of(int(requests["count"]), "requests"),
            seconds=Reported.of(made.state.duration_ms, "s", scale=1e-3) if made.state else None,
            most_at_once=Reported.of(int(users), "users") if users else None,
            doubts={"throughput": "k6 counts failed requests in http_reqs"} if share else {},
        )
    ]


def _values(document: _Document, name: str) -> dict[str, float]:
    """The numbers of a metric, by key; empty if there is no such metric."""
    metric = document.metrics.get(name, {})
    inner = metric.get("values", metric)
    return {
        key: value
        for key, value in (inner.items() if isinstance(inner, dict) else ())
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


FORMAT = ResultFormat(
    name="k6",
    source="k6 2, internal/js/summary.go at 0a9287d and summary-wrapper.js at 03fb632",
    keys=("metrics", "root_group"),
    document=read,
)
