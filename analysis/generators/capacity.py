"""What a search for a capacity found: its figures are those of the last probe that held."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from analysis import latency, silence
from analysis.generators.base import OPEN, GeneratorFigures, Output, Problem
from analysis.generators.client import busiest
from bundle import typed
from bundle.generators.capacity import Capacity

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.resources import Course
    from analysis.silence import Silence
    from bundle.documents.readings import TrialReadings

_MOST_PROBES = 10_000  # of a search; it needs some dozens


class _Search(Output):
    name: ClassVar[str] = "the search"
    mark: ClassVar[str] = Capacity.PATH
    tells_cpu: ClassVar[bool] = True

    @cached_property
    def _report(self) -> Capacity:
        return typed.read(self.folder, Capacity)

    @property
    def figures(self) -> GeneratorFigures:
        """The last probe that held at the rate the search ended with."""
        bounds = self._report.capacity
        held = [p for p in self._report.probes if bounds and p.held and p.rate == bounds.lower]
        if bounds is None or not held:
            raise ValueError("the search has no capacity, or no probe that held at it")
        rate, probe = bounds.lower, held[-1]
        what = f"the top of the range, {rate:.0f} requests per second, held: there is no upper end"
        is_open = bounds.upper is None
        return GeneratorFigures(
            requests=probe.requests_in_window,
            errors=probe.errors.total,
            window_s=probe.window.seconds,
            bins=latency.decode_hdr(probe.histograms["response"].encode(), where=str(self.folder)),
            kind=OPEN,
            connections=self._report.spec.client.connections,
            span_ns=probe.window.span_ns,
            problems=(Problem("capacity-open", what),) if is_open else (),
            capacity=rate,
        )

    def busiest(self, cpus: int) -> float | None:
        """Of the probes up to the lowest rate that was lost: above it, all are past the limit."""
        bounds = self._report.capacity
        lost = (bounds.upper if bounds else None) or math.inf
        busy = [
            busiest(probe.cpu_s, probe.window.seconds, cpus)
            for probe in self._report.probes
            if probe.rate <= lost
        ]
        return max((percent for percent in busy if percent is not None), default=None)

    def silence(self, readings: TrialReadings, course: Callable[[], Course]) -> Silence | None:
        """In the window of each probe: between two of them, the search thinks.

        The client uses CPU time for requests that it can only queue, so the service's alone tells.
        """
        looks = course().looks["service"] if silence.watched(readings) else None
        if not looks:
            return None
        found, looked = [], 0
        for probe in self._report.probes:
            within = looks.within(probe.window.span_ns)
            looked += len(within) + 1
            if looked > 2 * len(looks) + _MOST_PROBES:
                raise ValueError(
                    f"the probes of {self.mark} lie one over the other, or are too many"
                )
            gap, telling_s = silence.idle(within, probe.window.start_ns)
            allowed_s = max(silence.LEAST_S, telling_s)
            what = f"by the service's CPU time, at {probe.rate:.0f} requests per second"
            found.append(silence.Silence(gap.seconds, gap.begins_s, allowed_s, what))
        return max(found, key=lambda one: one.seconds / one.allowed_s, default=None)


OUTPUT = _Search
