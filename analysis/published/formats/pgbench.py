"""pgbench: its report, with ``-P``, ``-L`` or ``-R`` or without.

Without one of these it measures no latency: what it prints as the average is clients x time over
transactions.
"""

from __future__ import annotations

import re
from typing import Final

from analysis.published.formats.base import ResultFormat
from analysis.published.result import COUNT, NUMBER, Lines, PublishedRun, Reported

_NOT_MEASURED: Final = (
    "pgbench measures no latency without -P, -L or -R: it divides the time of all clients by the "
    "transactions"
)
_TIME_SET: Final = "the duration is the one asked for; pgbench divides by the time that it took"
_TIME_SLACK: Final = 0.02
_AROUND_S: Final = 1.0  # of connecting before the transactions, and of the last ones after
_UNTESTABLE: Final = (
    "pgbench sends SQL to the server itself; the lab measures the answers of a service, so no size "
    "carries over"
)
_SETTINGS: Final = {
    "transaction": r"transaction type: (.+)",
    "query-mode": r"query mode: (\S+)",
    "scale": r"scaling factor: (\d{1,9})",
    "threads": r"number of threads: (\d{1,9})",
    "duration-s": r"duration: (\d{1,9}) s",
}


def read(text: str) -> list[PublishedRun]:
    """The one report of a text."""
    lines = Lines(text, "pgbench")
    clients = int(lines.need(r"number of clients: (\d{1,9})", "number of clients")[1])
    done = lines.need(
        rf"number of transactions actually processed: ({COUNT})(?:/{COUNT})?$",
        "number of transactions actually processed",
    )
    rate = rf"tps = ({NUMBER}) \((?:including|excluding|without)"
    lines.need(rate, "tps = ...")
    # Until PostgreSQL 13 there were two; the last leaves out the time to connect.
    figures = {"throughput": Reported.of(lines.all(rate)[-1][1], "req/s")}
    named = {"latency_mean": "average", "latency_stdev": "stddev"}
    for name, word in named.items():
        if found := lines.find(rf"latency {word} = ({NUMBER}) ms"):
            figures[name] = Reported.of(found[1], "ms")
    if found := lines.find(rf"number of failed transactions: {COUNT} \(({NUMBER})%\)"):
        figures["error_rate"] = Reported.of(found[1], "%")
    settings: dict[str, str | int | float] = {"generator": "pgbench", "connections": clients}
    for name, pattern in _SETTINGS.items():
        if setting := lines.find(pattern):
            settings[name] = int(setting[1]) if setting[1].isdecimal() else setting[1]
    if version := lines.find(r"pgbench \(([0-9.]+)(?:[^)]*server ([0-9.]+))?"):
        settings["postgresql"] = version[2] or version[1]
    is_measured = "latency_stdev" in figures
    duration = settings.get("duration-s")
    return [
        PublishedRun(
            tool="pgbench",
            locator="the report",
            figures=figures,
            settings=settings,
            loop="unknown" if lines.find("rate limit schedule lag") else "closed",
            requests=Reported.of(done[1], "transactions"),
            seconds=Reported(float(duration), _AROUND_S, "s") if duration else None,
            slack=(_TIME_SLACK, _TIME_SET),
            in_flight=1,
            doubts=(
                {"latency_mean": _NOT_MEASURED}
                if "latency_mean" in figures and not is_measured
                else {}
            ),
            untestable=_UNTESTABLE,
        )
    ]


FORMAT = ResultFormat(
    name="pgbench",
    source="pgbench 16.11, and src/bin/pgbench/pgbench.c at 0022622",
    mark=re.compile(r"^transaction type: .+\nscaling factor: ", re.MULTILINE),
    text=read,
)
