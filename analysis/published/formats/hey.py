"""hey: its summary. It prints no number of connections; a command line above it may tell."""

from __future__ import annotations

import re
from typing import Final

from analysis.published.formats.base import ResultFormat, options_of
from analysis.published.result import (
    COUNT,
    NUMBER,
    Lines,
    PublishedRun,
    Reported,
    milliseconds,
    percentile,
)

_SECS: Final = rf"({NUMBER}) (secs)"
_TIMES: Final = {"latency_max": "Slowest", "latency_min": "Fastest", "latency_mean": "Average"}
_FIRST_ONLY: Final = re.compile(rf"Distributions are for first ({COUNT}) results")
_COUNTED: Final = "some versions of hey count failed requests in Requests/sec and others do not"


def read(text: str) -> list[PublishedRun]:
    """The one summary of a text."""
    lines = Lines(text, "hey")
    total = lines.need(rf"Total:\s+{_SECS}", "Total")
    rate = lines.need(rf"Requests/sec:\s+({NUMBER})", "Requests/sec")
    answered = sum(int(each[1]) for each in lines.all(rf"\[[0-9]{{3}}\]\s+({COUNT}) responses"))
    refused = Lines(text.partition("Error distribution:")[2], "hey").all(rf"\[({COUNT})\]\s")
    failed = sum(int(each[1]) for each in refused)
    figures = {"throughput": Reported.of(rate[1], "req/s")}
    if answered:
        figures |= {
            name: milliseconds(*lines.need(rf"{word}:\s+{_SECS}", word).groups())
            for name, word in _TIMES.items()
        }
        figures |= lines.each(
            rf"({NUMBER})%%? in {_SECS}",
            lambda each: (percentile(each[1]), milliseconds(each[2], each[3])),
        )
    if failed:
        figures["errors"] = Reported.of(failed, "requests")
    slack = (failed / (answered + failed), _COUNTED) if answered and failed else None
    doubts = {}
    if first := _FIRST_ONLY.search(text):
        reason = f"some versions of hey divide the first {first[1]} results by the whole time"
        slack, doubts["throughput"] = (1.0, reason), reason
    options = options_of(text, "hey")
    connections = options.get("-c", "")
    return [
        PublishedRun(
            tool="hey",
            locator="the summary",
            figures=figures,
            settings={"generator": "hey"}
            | ({"connections": int(connections)} if connections.isdecimal() else {}),
            loop="unknown" if "-q" in options else "closed",
            requests=Reported.of(answered + failed, "requests") if answered or failed else None,
            seconds=Reported.of(total[1], "s"),
            slack=slack,
            doubts=doubts,
        )
    ]


FORMAT = ResultFormat(
    name="hey",
    source="hey 0.1.4 as Debian has it, and requester/print.go at 0180d1f",
    mark=re.compile(
        r"^Summary:[ \t]*\n[ \t]+Total:[ \t]+\S+ secs[ \t]*\n[ \t]+Slowest:", re.MULTILINE
    ),
    text=read,
)
