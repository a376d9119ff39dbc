"""From the raw files of one trial to its figures."""

from __future__ import annotations

from dataclasses import dataclass, field

ROLES = ("service", "database", "load")


@dataclass(frozen=True)
class Fault:
    """Why a trial's figures must not be used, or with what doubt.

    Attributes:
        code: stable and short.
        what: one sentence.
        fatal: whether the trial counts as failed.
    """

    code: str
    what: str
    fatal: bool


@dataclass(frozen=True)
class Figures:
    """What one trial measured; None where the generator or the kernel does not tell.

    Attributes:
        requests: answered in the window.
        errors: requests that failed or had another status than the contract's.
        window_s: length of the window.
        throughput: good answers per second.
        latency_ms: quantiles by name (p50, p90, p99), None where too few samples allow it.
        latency_kind: what the latency is: closed-loop service time, or response time.
        cpu_us: CPU microseconds per request by role.
        rss_bytes: largest resident set of each role's processes together.
        pss_bytes: proportional set size of the service after the window.
        faults: what is wrong with the trial.
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
    faults: tuple[Fault, ...] = field(default=())
