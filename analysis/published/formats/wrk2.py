"""wrk2: what it prints, with ``--latency``, ``--u_latency`` or without. It sends by the clock."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.published.formats import wrk
from analysis.published.formats.base import ResultFormat

if TYPE_CHECKING:
    from analysis.published.result import PublishedRun

_UNCORRECTED = "Latency Distribution (HdrHistogram - Uncorrec"
_BINS = (1e-3, "wrk2 prints the ends of the bins of a histogram with three digits")


def read(text: str) -> list[PublishedRun]:
    """Every run in a text; percentiles are those from the time at which a request was due."""
    return [replace(run, bins=_BINS) for run in wrk.read(_corrected(text), "wrk2", "open")]


def _corrected(text: str) -> str:
    """The text without the latencies that leave out the wait before sending."""
    kept, is_left_out = [], False
    for line in text.splitlines():
        if line.strip().startswith(_UNCORRECTED):
            is_left_out = True
        kept.append("" if is_left_out else line)
        is_left_out = is_left_out and not line.startswith("-----")
    return "\n".join(kept)


FORMAT = ResultFormat(
    name="wrk2",
    source="wrk2, src/wrk.c at 0052ff8",
    mark=re.compile(
        r"^[ \t]*(?:Thread calibration: mean lat|Latency Distribution \(Hdr)", re.MULTILINE
    ),
    text=read,
)
