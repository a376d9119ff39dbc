"""wrk: what it prints, with ``--latency`` or without."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from analysis.published.formats.base import ResultFormat
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
    from analysis.published.result import Loop, Setting

_ADDED: Final = "wrk adds samples to its latencies before it prints; the lab takes them out again"
HEAD: Final = re.compile(r"^[ \t]*Running ([0-9]{1,9})([smh]) test @ (\S+)", re.MULTILINE)
_TIME: Final = rf"({NUMBER})(us|ms|s|m|h)"
_ERRORS: Final = re.compile(
    rf"Socket errors: connect ({COUNT}), read ({COUNT}), write ({COUNT}), timeout ({COUNT})"
)
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600}


def read(text: str, tool: str = "wrk", loop: Loop = "closed") -> list[PublishedRun]:
    """Every run in a text."""
    heads = list(HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)] * bool(heads)
    return [
        _run(text[head.start() : end], head, text.count("\n", 0, head.start()), tool, loop)
        for head, end in zip(heads, ends, strict=True)
    ]


def _run(text: str, head: re.Match[str], before: int, tool: str, loop: Loop) -> PublishedRun:
    lines = Lines(text, tool, before=before)
    threads, connections = lines.need(
        rf"({COUNT}) threads and ({COUNT}) connections", "... threads"
    ).groups()
    rate = lines.need(rf"Requests/sec: +({NUMBER})", "Requests/sec")
    whole = lines.need(rf"({COUNT}) requests in {_TIME}, ", "... requests in")
    requests = Reported.of(whole[1], "requests")
    figures = {"throughput": Reported.of(rate[1], "req/s")}
    doubts = {}
    if requests.value:
        latencies = _latencies(lines)
        figures |= with_added(latencies) if loop == "closed" else latencies
    if errors := lines.find(_ERRORS.pattern):
        kinds = ("connect", "read", "write", "timeout")
        figures |= {
            f"errors_{kind}": Reported.of(count, "errors")
            for kind, count in zip(kinds, errors.groups(), strict=True)
        }
    if failed := lines.find(rf"Non-2xx or 3xx responses: ({COUNT})"):
        figures["errors_status"] = Reported.of(failed[1], "answers")
        doubts["throughput"] = (
            f"{failed[1]} of the {whole[1]} answers had another status than 2xx or 3xx, and "
            "Requests/sec counts them"
        )
    settings: dict[str, Setting] = {
        "generator": tool,
        "url": head[3],
        "connections": int(connections),
        "threads": int(threads),
        "duration-s": int(head[1]) * _UNIT_S[head[2]],
    }
    left_out = int(connections) % max(1, int(threads))
    if left_out:
        settings["opened"] = int(connections) - left_out
    return PublishedRun(
        tool=tool,
        locator=f"the run in line {before + 1}",
        figures=figures,
        settings=settings,
        loop=loop,
        wrk_prints=True,
        requests=requests,
        seconds=seconds(whole[2], whole[3]),
        doubts=doubts,
    )


def with_added(latencies: dict[str, Reported]) -> dict[str, Reported]:
    """Latencies of wrk with the note that all but the longest contain samples that it added."""
    return {
        name: each if name == "latency_max" else replace(each, note=_ADDED)
        for name, each in latencies.items()
    }


def _latencies(lines: Lines) -> dict[str, Reported]:
    # Some descendants of wrk print the 99th percentile in place of the longest latency.
    third = lines.need(r"Thread Stats +Avg +Stdev +(Max|99%) ", "Thread Stats")[1]
    found = lines.need(rf"Latency +{_TIME} +{_TIME} +{_TIME} ", "Latency")
    named = ("latency_mean", "latency_stdev", "latency_max" if third == "Max" else "p99")
    figures = {
        name: milliseconds(found[2 * place + 1], found[2 * place + 2])
        for place, name in enumerate(named)
    }
    percentiles = lines.each(
        rf"({NUMBER})% +{_TIME}$",
        lambda each: (percentile(each[1]), milliseconds(each[2], each[3])),
    )
    percentiles.pop("latency_max", None)  # wrk2 prints it twice
    return figures | percentiles


FORMAT = ResultFormat(
    name="wrk",
    source="wrk 4.1.0 as Debian has it, and src/wrk.c at 03d41cd",
    mark=HEAD,
    text=read,
)
