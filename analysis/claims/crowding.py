"""What of a verdict may be the small machine's: workers on one core, and a busy shared CPU.

On the tiers `degraded` and `none` database and load generator share CPUs. A service whose own CPUs
have time left is held up by those. On a host with cores for each program it would be limited by its
own CPU time per request instead, so if that puts the two subjects in the other order, the order may
reverse there. Both figures come from the trials: CPU time per request times requests per second,
over the CPUs of the service.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from analysis.claims.ledger import Ordering
from analysis.claims.measure import places_of
from analysis.claims.metrics import CLAIM_METRICS
from host.levels import SHARING_TIERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.claims.evidence import Place, Run
    from analysis.claims.ledger import Measurable
    from analysis.claims.metrics import ClaimMetric

BUSY = 0.9
"""Share of its CPUs' time from which on a service counts as limited by them."""
_PACED = {"req/s", "ms"}  # units of the figures that the slowest part of a request decides


def crowded(claim: Measurable, run: Run) -> Iterator[str]:
    """Say what a claim's figures may owe to too few cores, one clause each."""
    places = places_of(claim)
    for place in dict.fromkeys(places.values()):
        yield from _on_few_cores(place, run)
    if isinstance(claim, Ordering) and CLAIM_METRICS[claim.metric].unit in _PACED:
        yield from _reversible(claim, run)


def _on_few_cores(place: Place, run: Run) -> Iterator[str]:
    own, topology = set(run.facts.placement.service), run.facts.facts.topology
    every_core = topology.cores if topology else [[cpu] for cpu in own]
    count = sum(not own.isdisjoint(core) for core in every_core)
    workers = run.resolved.declared(place.subject).workers
    if workers > max(count, 1):
        shared = "one core" if count <= 1 else f"{count} cores"
        yield f"the {workers} workers of {place.subject} share {shared}"


def _reversible(claim: Ordering, run: Run) -> Iterator[str]:
    """The order by CPU time of the services, if it is the other one and their CPUs are not busy."""
    if run.tier not in SHARING_TIERS:
        return
    metric, places = CLAIM_METRICS[claim.metric], places_of(claim)
    paces = [_pace(metric, places[name], run) for name in claim.subjects]
    known = [pace for pace in paces if pace]
    if len(known) < len(paces):
        return
    behind, ahead = sorted(known, key=lambda pace: pace.figure)
    if metric.better == "lower":
        behind, ahead = ahead, behind
    if behind.busy < BUSY and behind.cost < ahead.cost:
        less = 100 * (1 - behind.cost / ahead.cost)
        yield (
            f"the order may reverse on more cores: the CPU of {behind.subject} was "
            f"{100 * behind.busy:.0f} % busy, so what shares a CPU with the load generator held it "
            f"up, and a request costs it {less:.0f} % less CPU time than {ahead.subject}"
        )


@dataclass(frozen=True)
class _Pace:
    """What sets the pace of a subject, by the medians of its trials."""

    subject: str
    figure: float  #: by the metric
    cost: float  #: CPU time of the service for a request, us
    busy: float  #: share of its CPUs' time that the service used


def _pace(metric: ClaimMetric, place: Place, run: Run) -> _Pace | None:
    """None where no trial has all of it."""
    told = [
        (figure, cost, each.throughput * cost / 1e6 / len(run.facts.placement.service))
        for each in run.trials.get(place, {}).values()
        if (figure := metric.of(each) if metric.of else None) is not None
        and (cost := each.cpu_us.get("service")) is not None
    ]
    return _Pace(place.subject, *map(median, zip(*told, strict=True))) if told else None
