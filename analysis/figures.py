"""From the raw files of one trial to its figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis import latency, resources, wrk
from bundle import outside, typed
from bundle.documents.generators import Article, Capacity, Client
from bundle.documents.plan import OpenLoad, WrkLoad

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.latency import Bins
    from bundle.documents import plan
    from bundle.documents.readings import TrialReadings

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
CLOSED = "closed-loop service time"
OPEN = "response time"
_QUEUED = "time in the client's queue and on a connection"


@dataclass(frozen=True)
class Figures:
    """What one trial measured; None where the generator or the kernel does not tell.

    Attributes:
        requests: answered in the window.
        errors: requests that failed or had another status than the contract's.
        window_s: length of the window.
        throughput: answers per second.
        latency_ms: quantiles by name (p50, p90, p99), None where too few samples allow it.
        latency_kind: what the latency is, in words.
        cpu_us: CPU microseconds per request by role.
        rss_bytes: largest resident set of each role's processes together.
        pss_bytes: proportional set size of the service after the window.
        littles_ratio: throughput x mean latency / connections; None in an open loop.
        connections: how many the generator opened; None where it does not tell.
        problems: what the generator's own files show to be wrong; analysis.gates judges it.
        capacity: highest rate that met the objective, where the load searched for it.
    """

    requests: int
    errors: int
    window_s: float
    throughput: float
    latency_ms: dict[str, float | None]
    latency_kind: str
    cpu_us: dict[str, float | None]
    rss_bytes: dict[str, int | None]
    pss_bytes: int | None
    littles_ratio: float | None
    connections: int | None
    problems: tuple[wrk.Problem, ...]
    capacity: float | None = None


@dataclass(frozen=True)
class Load:
    """What a generator's own files say; as in `Figures`, with the whole histogram.

    Attributes:
        bins: of the latency of this kind, in microseconds.
        span_ns: start and end of the window on the host's monotonic clock, where they are told.
    """

    requests: int
    errors: int
    window_s: float
    bins: Bins
    kind: str
    littles_ratio: float | None
    connections: int | None
    span_ns: tuple[int, int] | None
    problems: tuple[wrk.Problem, ...]
    capacity: float | None = None

    @property
    def throughput(self) -> float:
        """Answers per second."""
        return self.requests / self.window_s if self.window_s else 0.0


def rate_is_given(drive: plan.Load) -> bool:
    """Whether the arrivals, and not the service, decide how many answers there are in a second."""
    return isinstance(drive, OpenLoad)


def has_faults(drive: plan.Load) -> bool:
    """Whether a load ends connections of the service on purpose, so that requests fail."""
    return isinstance(drive, WrkLoad | OpenLoad) and drive.kill is not None


def read(trial: Path, readings: TrialReadings) -> Figures:
    """Read the figures of a trial that was carried out.

    Args:
        trial: its folder in a bundle.
        readings: what was read around it.

    Raises:
        FileNotFoundError: no generator left its files.
        ValueError: a file, or a reading, is not what it should be.
    """
    load = read_load(trial)
    window, sampler, memory = readings.window, readings.sampler, readings.memory
    if window is None or sampler is None or memory is None:
        raise ValueError("trial.json lacks the window, the sampler or the memory of the service")
    span = load.span_ns or (window.started_ns, window.ended_ns)
    used = resources.read(trial / "resources.parquet", sampler, span)
    quantiles = latency.quantiles(load.bins, _QUANTILES.values())
    return Figures(
        requests=load.requests,
        errors=load.errors,
        window_s=load.window_s,
        throughput=load.throughput,
        latency_ms={name: _ms(quantiles[quantile]) for name, quantile in _QUANTILES.items()},
        latency_kind=load.kind,
        cpu_us={
            role: 1e6 * seconds / load.requests if seconds is not None and load.requests else None
            for role, seconds in used.cpu_s.items()
        },
        rss_bytes=dict(used.peak_rss_bytes),
        pss_bytes=memory.service_pss_after_bytes,
        littles_ratio=load.littles_ratio,
        connections=load.connections,
        problems=load.problems,
        capacity=load.capacity,
    )


def read_load(trial: Path) -> Load:
    """Read what the generator of a trial told, and nothing of the host.

    Raises:
        FileNotFoundError: no generator left its files.
    """
    if (trial / "wrk.stdout.txt").exists():
        return _wrk(trial)
    if (trial / "client.json").exists():
        return _client(trial)
    if (trial / "capacity.json").exists():
        return _capacity(trial)
    return _article(trial)


def _wrk(trial: Path) -> Load:
    dump = trial / "wrk.json"
    text = outside.text_of(trial / "wrk.stdout.txt")
    reading = wrk.read(text, outside.bytes_of(dump) if dump.exists() else None)
    if reading.dump is None or reading.recovered is None:
        return Load(0, 0, 0.0, (), CLOSED, None, None, None, reading.problems)
    return Load(
        requests=reading.dump.requests,
        errors=reading.dump.errors.total,
        window_s=reading.dump.duration_us / 1e6,
        bins=reading.recovered.bins,
        kind=CLOSED,
        littles_ratio=reading.littles_ratio,
        connections=reading.dump.connections_opened,
        span_ns=None,
        problems=reading.problems,
    )


def _client(trial: Path) -> Load:
    told = typed.read(trial, Client)
    is_open = told.loop.kind == "open"
    bins = latency.read_hdr(trial / ("response.hdr" if is_open else "service.hdr"))
    problems: list[wrk.Problem] = []
    if failed := told.errors.by_kind:
        problems.append(wrk.Problem("request-errors", f"requests failed: {failed}"))
    ratio = None
    mean_us = latency.mean(bins)
    if not is_open and mean_us and told.throughput:
        ratio = wrk.littles_law(told.throughput, mean_us / 1e6, told.spec.connections)
    return Load(
        requests=told.requests_in_window,
        errors=told.errors.total,
        window_s=told.window.seconds,
        bins=bins,
        kind=OPEN if is_open else CLOSED,
        littles_ratio=ratio,
        connections=told.spec.connections,
        span_ns=told.window.span_ns,
        problems=tuple(problems),
    )


def _capacity(trial: Path) -> Load:
    """The last probe that held at the rate the search ended with."""
    told = typed.read(trial, Capacity)
    found = told.capacity
    held = [each for each in told.probes if found and each.held and each.rate == found.lower]
    if found is None or not held:
        raise ValueError("the search has no capacity, or no probe that held at it")
    rate, probe = found.lower, held[-1]
    problems = []
    if found.upper is None:
        what = f"the top of the range, {rate:.0f} requests per second, held: there is no upper end"
        problems.append(wrk.Problem("capacity-open", what))
    return Load(
        requests=probe.requests_in_window,
        errors=probe.errors.total,
        window_s=probe.window.seconds,
        bins=latency.decode_hdr(probe.histograms["response"].encode(), where=str(trial)),
        kind=OPEN,
        littles_ratio=None,
        connections=told.spec.client.connections,
        span_ns=probe.window.span_ns,
        problems=tuple(problems),
        capacity=rate,
    )


def _article(trial: Path) -> Load:
    """What the article's client counted; its clock starts before its own queue."""
    told = typed.read(trial, Article)
    failed = told.contains.requests_counted_in_throughput_that_failed
    broken = wrk.Problem("request-errors", f"{failed} requests failed")
    return Load(
        requests=told.spec.requests,
        errors=failed,
        window_s=told.figures.total_time_s,
        bins=tuple(sorted(Counter(told.latencies_us).items())),
        kind=_QUEUED,
        littles_ratio=None,
        connections=None,
        span_ns=None,
        problems=(broken,) if failed else (),
    )


def _ms(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1000
