"""The text that wrk 4.1 and 4.2 print at the end, parsed line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROUNDING = 1e-9  # of binary fractions, beside the half digit that printing rounds away
_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6}  # in microseconds
_BINARY = {unit: 1024.0**power for power, unit in enumerate(("", "K", "M", "G", "T", "P"))}
_NUMBER = r"(?:\d+(?:\.\d+)?|-?nan)"
_TIME = rf"{_NUMBER}(?:us|ms|s|m|h)"
_RATE = rf"{_NUMBER}[kMGTP]?"
_SOCKET = ("connect", "read", "write", "timeout")
_LINES = [
    re.compile(pattern)
    for pattern in (
        rf"Running {_TIME} test @ .+",  # an address of another host is masked by several words
        r"  (?P<threads>\d+) threads and (?P<connections>\d+) connections",
        r"  Thread Stats\s+Avg\s+Stdev\s+Max\s+\+/- Stdev",
        rf"    Latency\s+{_TIME}\s+{_TIME}\s+(?P<max>{_TIME})\s+{_NUMBER}%",
        rf"    Req/Sec\s+{_RATE}\s+{_RATE}\s+{_RATE}\s+{_NUMBER}%",
        r"  Latency Distribution",
        rf"\s+50%\s+(?P<p50>{_TIME}) *",
        rf"\s+75%\s+(?P<p75>{_TIME}) *",
        rf"\s+90%\s+(?P<p90>{_TIME}) *",
        rf"\s+99%\s+(?P<p99>{_TIME}) *",
        rf"  (?P<requests>\d+) requests in (?P<duration>{_TIME}), (?P<bytes>[\d.]+[KMGTP]?)B read",
        "  Socket errors: " + ", ".join(rf"{kind} (?P<{kind}>\d+)" for kind in _SOCKET),
        r"  Non-2xx or 3xx responses: (?P<status>\d+)",
        r"Requests/sec:\s+(?P<throughput>\d+\.\d+)",
        r"Transfer/sec:\s+[\d.]+[KMGTP]?B",
    )
]


class WrkOutputError(ValueError):
    """Output that is not what wrk and report.lua write."""


@dataclass(frozen=True, slots=True)
class Text:
    """What wrk printed, as far as it can be held against the dump."""

    counts: dict[str, int]  #: threads, connections, requests and the five kinds of errors
    #: duration, max, p50, p75, p90, p99 as (microseconds, half of the last digit)
    times: dict[str, tuple[float, float]]
    bytes: tuple[float, float]  #: as (bytes, half of the last digit)
    throughput: float  #: answers per second, to two decimals


def parse_text(stdout: str) -> Text:
    """Parse what wrk printed, line by line.

    Raises:
        WrkOutputError: a line is none of wrk's, or one is missing.
    """
    found: dict[str, str] = {}
    for line in stdout.splitlines():
        match = next(filter(None, (known.fullmatch(line) for known in _LINES)), None)
        if match is None:
            raise WrkOutputError(f"not a line of wrk: {line!r}")
        found |= match.groupdict()
    try:
        return Text(
            counts={
                **{name: int(found[name]) for name in ("threads", "connections", "requests")},
                **{
                    kind: int(found.get(kind, 0)) for kind in (*_SOCKET, "status")
                },  # printed only above 0
            },
            times={
                name: _quantity(found[name], _UNITS)
                for name in ("duration", "max", "p50", "p75", "p90", "p99")
            },
            bytes=_quantity(found["bytes"], _BINARY),
            throughput=float(found["throughput"]),
        )
    except KeyError as missing:
        raise WrkOutputError(f"wrk printed no line with {missing}") from None


def _quantity(text: str, units: dict[str, float]) -> tuple[float, float]:
    number = text.rstrip("KMGTPumsh")
    scale = units[text[len(number) :]]
    return float(number) * scale, (0.005 + _ROUNDING) * scale
