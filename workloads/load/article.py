"""The article's protocol: all requests at once, each timed from before it gets a connection.

``python -m workloads.load.article SPEC.json OUTDIR`` with the spec ``{"url", "requests",
"concurrency", "paths"}`` leaves ``article.json``; only ``url`` is required. It reports the figures
the way the article computes them, and beside them what they contain. Needs aiohttp.

A task is made for every request at once, and its clock starts before aiohttp lets it have one of
the ``concurrency`` connections. So its latency is mostly the wait in the client's own queue, not
the time the service took; and the memory it reports is the client's own.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

PATHS = ("/users", "/users/1", "/orders", "/orders/1")
EXIT_CODE = 8


class SpecError(ValueError):
    """The spec is none; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What to send."""

    url: str  #: scheme, host and port of the service
    requests: int = 10_000  #: how many, divided equally between the paths
    concurrency: int = 500  #: limit of aiohttp's connector
    paths: tuple[str, ...] = PATHS  #: what to get

    def __post_init__(self) -> None:
        if self.concurrency < 1 or not self.paths:
            raise SpecError("concurrency and the number of paths must be 1 or more")
        if self.requests < 1 or self.requests % len(self.paths):
            raise SpecError(f"{self.requests} requests do not divide by {len(self.paths)} paths")


@dataclass
class Run:
    """What was measured: one latency in seconds for each request, failed ones included."""

    latencies_s: list[float] = field(default_factory=list)
    errors: int = 0
    total_s: float = 0.0


async def run(spec: Spec) -> Run:
    """Send everything once."""
    done = Run()
    connector = aiohttp.TCPConnector(limit=spec.concurrency)
    async with aiohttp.ClientSession(spec.url, connector=connector) as session:
        started = time.perf_counter()
        share = spec.requests // len(spec.paths)
        await asyncio.gather(
            *(_request(session, path, done) for path in spec.paths for _ in range(share))
        )
        done.total_s = time.perf_counter() - started
    return done


async def _request(session: aiohttp.ClientSession, path: str, done: Run) -> None:
    started = time.perf_counter()
    try:
        async with session.get(path) as response:
            await response.text()
            done.errors += response.status != 200  # noqa: PLR2004 - the protocol counts no other
    except (aiohttp.ClientError, TimeoutError):
        done.errors += 1
    finally:
        done.latencies_s.append(time.perf_counter() - started)


def report(spec: Spec, done: Run) -> dict[str, Any]:
    """Compute the article's figures, and what they contain."""
    latencies = sorted(done.latencies_s)
    p50, p99 = statistics.median(latencies), latencies[int(len(latencies) * 0.99)]
    mean = statistics.fmean(latencies)
    # At most ``concurrency`` requests have a connection at any time, so their times on one add up
    # to at most concurrency x total time.
    connected = min(mean, spec.concurrency * done.total_s / spec.requests)
    return {
        "schema": "article/1",
        "spec": {"url": spec.url, "requests": spec.requests, "concurrency": spec.concurrency}
        | {"paths": list(spec.paths)},
        "figures": {
            "throughput_req_s": spec.requests / done.total_s,
            "p50_latency_ms": p50 * 1e3,
            "p99_latency_ms": p99 * 1e3,
            "error_rate_pct": done.errors / spec.requests * 100,
            "total_time_s": done.total_s,
            "memory_mb": _rss_bytes() / 2**20,
        },
        "contains": {
            "latency": "from before the wait for a connection to the last byte",
            "memory": "the client's resident set, not the service's",
            "mean_latency_ms": mean * 1e3,
            "mean_on_a_connection_at_most_ms": connected * 1e3,
            "share_waiting_for_a_connection_at_least": 1 - connected / mean,
            "p50_as_share_of_the_run": p50 / done.total_s,
            "p99_as_share_of_the_run": p99 / done.total_s,
            "requests_counted_in_throughput_that_failed": done.errors,
        },
        "latencies_us": [round(each * 1e6) for each in latencies],
    }


def main(arguments: list[str]) -> int:
    """Run the protocol; return its exit code."""
    if len(arguments) != 2:  # noqa: PLR2004 - a spec and a folder
        sys.stderr.write("usage: python -m workloads.load.article SPEC.json OUTDIR\n")
        return 2
    spec_file, folder = Path(arguments[0]), Path(arguments[1])
    try:
        spec = _read(spec_file)
    except SpecError as wrong:
        return _fail("spec", f"the spec is not one: {wrong}", spec_file, "see Spec in article.py")
    done = asyncio.run(run(spec))
    if done.errors == spec.requests:
        return _fail("all-errors", "not one request succeeded", spec.url, "is the service up?")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / "article.json.tmp"
        unfinished.write_text(json.dumps(report(spec, done)) + "\n")
        unfinished.replace(folder / "article.json")
    except OSError as refused:
        return _fail("output", str(refused), folder, "is there space, and is the folder yours?")
    return 0


def _read(path: Path) -> Spec:
    try:
        given = json.loads(path.read_bytes())
        return Spec(**{**given, "paths": tuple(given.get("paths", PATHS))})
    except SpecError:
        raise
    except (OSError, ValueError, TypeError, AttributeError) as wrong:
        raise SpecError(str(wrong)) from None


def _fail(code: str, what: str, where: object, hint: str) -> int:
    failure = {"code": code, "what": what, "where": str(where), "hint": hint}
    sys.stderr.write(json.dumps(failure) + "\n")
    return EXIT_CODE


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
