"""From the raw files of one trial to its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis import generators, latency, resources

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.generators.base import Output, Problem
    from bundle.documents.readings import TrialReadings

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True)
class Figures:
    """What one trial measured; None where the generator or the kernel does not tell."""

    requests: int  #: answered in the window
    errors: int  #: requests that failed or had another status than the contract's
    window_s: float  #: length of the window
    throughput: float  #: answers per second
    #: quantiles by name (p50, p90, p99), None where too few samples allow it
    latency_ms: dict[str, float | None]
    latency_kind: str  #: what the latency is, in words
    cpu_us: dict[str, float | None]  #: CPU microseconds per request by role
    rss_bytes: dict[str, int | None]  #: largest resident set of each role's processes together
    pss_bytes: int | None  #: proportional set size of the service after the window
    littles_ratio: float | None  #: throughput x mean latency / connections; None in an open loop
    connections: int | None  #: how many the generator opened; None where it does not tell
    #: what the generator's own files show to be wrong; analysis.gates judges it
    problems: tuple[Problem, ...]
    #: highest rate that met the objective, where the load searched for it
    capacity: float | None = None
    #: length of a slice, where the window consists of slices
    slice_s: float | None = None
    longest_ms: float | None = None  #: the longest latency; None without samples
    deviation_ms: float | None = None  #: standard deviation of the latencies; None without two


def read(trial: Path, readings: TrialReadings) -> Figures:
    """Read the figures of a trial that was carried out.

    Args:
        trial: its folder in a bundle.
        readings: what was read around it.

    Raises:
        FileNotFoundError: no generator left its files.
        ValueError: a file, or a reading, is not what it should be.
    """
    return of(generators.of(trial), readings)


def of(output: Output, readings: TrialReadings) -> Figures:
    """As `read`, of a trial whose generator's files are being read."""
    load = output.figures
    window, sampler, memory = readings.window, readings.sampler, readings.memory
    if window is None or sampler is None or memory is None:
        raise ValueError("trial.json lacks the window, the sampler or the memory of the service")
    span = load.span_ns or (window.started_ns, window.ended_ns)
    used = resources.read(output.folder / "resources.parquet", sampler, span)
    cpu_s = used.cpu_s if load.cpu_s is None else load.cpu_s
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
            for role, seconds in cpu_s.items()
        },
        rss_bytes=dict(used.peak_rss_bytes),
        pss_bytes=memory.service_pss_after_bytes,
        littles_ratio=load.littles_ratio,
        connections=load.connections,
        problems=load.problems,
        capacity=load.capacity,
        slice_s=load.slice_s,
        longest_ms=_ms(load.bins[-1][0] if load.bins else None),
        deviation_ms=_ms(latency.deviation(load.bins)),
    )


def _ms(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1000
