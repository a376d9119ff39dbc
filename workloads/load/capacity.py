"""The search for a capacity: ``python -m workloads.load.capacity SPEC.json FOLDER``.

The capacity is the highest arrival rate at which no more than a given share of the requests is
lost; a request is lost that fails, gets a wrong status, is never answered, or is answered later
than the objective. MLRsearch (RFC 9971) decides which rates to try and how often; each probe is
one window of the open-loop client against the same running service.

One service process serves the whole search. Its probes depend on each other, as windows of one
process do, so the search is the unit, and its result one interval: the highest rate that held and
the lowest that did not. A process for each probe would mix the differences between processes into
a search that takes what it has seen of a rate for the truth about it; those differences show
between the blocks of a run, each of which searches anew.

A closed loop over the same connections warms the service up and gives the range: an open loop
never has more requests under way than it has connections. A warm-up that something disturbed gives
too low a range; where its top holds, the search goes on in one that is twice as high.

Leaves ``capacity.json`` with every probe in it, also where the search failed.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
from MLRsearch import (
    AbstractMeasurer,
    Config,
    MeasurementResult,
    MultipleLossRatioSearch,
    SearchGoal,
)
from msgspec import structs

from bundle.display import quantity
from bundle.generators.capacity import Bounds, Search
from workloads.load import program
from workloads.load.client import read_samples, report
from workloads.load.client.failure import LoadError
from workloads.load.client.parent import measure
from workloads.load.client.spec import parse_spec

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.generators.client import Spec

FILE = "capacity.json"
SCHEMA = "capacity/1"
_PROBE = "probe"  # folder of the probe that is being measured
_TOP, _BOTTOM = 1.2, 0.1  # of the first range, as fractions of the closed loop's rate
_RAISED = 2  # times as high is the top of the next range, where the top of one held
_SEEDS = 10_000  # between two searches: more than one can have probes
_SETTLE_S = 0.25  # of each probe at its rate, before its window
_DRAIN_S = 0.5  # beyond the objective: what comes later is lost anyway


class Prober(AbstractMeasurer):  # type: ignore[misc] # MLRsearch ships no types
    """Measures rates with the open-loop client, and keeps every probe.

    Attributes:
        probes: what each of them showed, in order.
    """

    def __init__(self, search: Search, folder: Path) -> None:
        """Prepare; ``folder`` takes the client's files, each probe's in place of the last."""
        self.probes: list[dict[str, Any]] = []
        self._search = search
        self._folder = folder
        self._deadline = time.monotonic() + search.limit_s

    def warm_up(self) -> float:
        """Load the service in a closed loop; return its answers per second.

        Raises:
            LoadError: the client could not measure, or the service answered nothing.
        """
        told, _ = self._run(self._search.client)
        if not told["requests_in_window"]:
            raise LoadError(
                "objective-missed",
                "the service answered nothing in the closed loop before the search",
                where=f"{self._search.client.host}:{self._search.client.port}",
                hint="see the service's log",
            )
        return float(told["throughput"])

    def measure(self, intended_duration: float, intended_load: float) -> MeasurementResult:
        """Probe a rate; what MLRsearch calls, with seconds and requests per second."""
        search = self._search
        if time.monotonic() > self._deadline:
            raise LoadError(
                "unfinished",
                f"the search was not done within {search.limit_s:g} s",
                where=quantity(len(self.probes), "probe"),
                hint="raise duration_s or width, or lower probe_s or probes",
            )
        spec = structs.replace(
            search.client,
            loop="open",
            rate=intended_load,
            arrivals=search.arrivals,
            warmup_s=_SETTLE_S,
            duration_s=intended_duration,
            timeout_s=search.objective_ms / 1000 + _DRAIN_S,
            seed=search.client.seed * _SEEDS + len(self.probes),
        )
        told, expected = self._run(spec)
        planned = told["open_loop"]["planned"]
        lost = planned - self._held(told, expected)
        self.probes.append(
            {
                "rate": intended_load,
                "lost": lost,
                "held": lost <= search.loss_ratio * planned,
                "seed": spec.seed,
                **{name: told[name] for name in ("window", "open_loop", "requests_in_window")},
                **{name: told[name] for name in ("completed", "censored", "failed", "errors")},
                "cpu_s": [each["cpu_s"] for each in told["processes"]],
                "histograms": {
                    name: (self._folder / f"{name}.hdr").read_text() for name in told["histograms"]
                },
            }
        )
        return MeasurementResult(
            intended_duration=intended_duration,
            intended_load=intended_load,
            offered_count=planned,
            loss_count=lost,
        )

    def _held(self, told: dict[str, Any], expected: dict[str, int]) -> int:
        """Requests due in the window that got the right status within the objective."""
        limit_ns = round(self._search.objective_ms * 1e6)
        right = [expected[name] for name in told["operations"]]
        columns = read_samples(self._folder)
        names = ("intended_ns", "end_ns", "operation", "status")
        return sum(
            status == right[operation] and end - due <= limit_ns
            for due, end, operation, status in zip(*(columns[each] for each in names), strict=True)
        )

    def _run(self, spec: Spec) -> tuple[dict[str, Any], dict[str, int]]:
        """Measure one window; return the client's report and each operation's right status."""
        self._folder.mkdir(parents=True, exist_ok=True)
        window, parts = measure(spec, self._folder)
        failure = report.write(spec, window, parts, self._folder)
        if failure is not None:
            raise failure
        return json.loads((self._folder / report.FILE).read_bytes()), parts[0].expected


def find(search: Search, measurer: AbstractMeasurer, *, bottom: float, top: float) -> Bounds:
    """Search a range of rates.

    Args:
        search: the goal.
        measurer: measures one rate.
        bottom: lowest rate, above 0.
        top: highest rate.

    Raises:
        LoadError: code ``objective-missed``: not even the lowest rate holds.
    """
    goal = SearchGoal(
        loss_ratio=search.loss_ratio,
        exceed_ratio=0.5,
        relative_width=search.width,
        initial_trial_duration=search.probe_s,
        final_trial_duration=search.probe_s,
        duration_sum=search.probes * search.probe_s,
        preceding_targets=1,
        expansion_coefficient=4,
        fail_fast=False,
    )
    # The measurer has its own deadline, and its own warm-up.
    config = Config(
        goals=[goal],
        min_load=bottom,
        max_load=top,
        search_duration_max=math.inf,
        warmup_duration=None,
    )
    found = MultipleLossRatioSearch(config).search(measurer, debug=_ignore)[goal]
    lower, upper = found.relevant_lower_bound, found.relevant_upper_bound
    if lower is None:
        raise LoadError(
            "objective-missed",
            f"{bottom:.0f} requests per second already lose more than {search.loss_ratio:.1%}",
            where=f"objective of {search.objective_ms:g} ms",
            hint="raise objective_ms or loss_ratio: this service cannot meet them",
        )
    return Bounds(lower=float(lower), upper=None if upper is None else float(upper))


def run(search: Search, folder: Path) -> LoadError | None:
    """Search, and write ``capacity.json``; return why there is no capacity, if so.

    Raises:
        OSError: a file cannot be written.
    """
    prober = Prober(search, folder / _PROBE)
    closed_rate, bottom, top, bounds, failure = None, None, None, None, None
    try:
        closed_rate = prober.warm_up()
        bottom, top = closed_rate * _BOTTOM, closed_rate * _TOP
        bounds = find(search, prober, bottom=bottom, top=top)
        while bounds.upper is None:
            top *= _RAISED
            bounds = find(search, prober, bottom=bottom, top=top)
    except LoadError as failed:
        bounds, failure = None, failed
    finally:
        shutil.rmtree(folder / _PROBE, ignore_errors=True)
    document = {
        "schema": SCHEMA,
        "spec": msgspec.to_builtins(search),
        "closed_loop_rate": closed_rate,
        "range": [bottom, top] if closed_rate else None,
        "capacity": msgspec.to_builtins(bounds),
        "failure": failure.as_dict() if failure else None,
        "probes": prober.probes,
    }
    unfinished = folder / f"{FILE}.tmp"
    unfinished.write_text(json.dumps(document, indent=1) + "\n")
    unfinished.replace(folder / FILE)
    return failure


def read_search(path: Path) -> Search:
    """Read and check a spec.

    Raises:
        LoadError: code ``spec``; says which key is missing, unknown, or out of range.
    """
    try:
        return _search(msgspec.json.decode(path.read_bytes(), type=dict[str, object]))
    except (OSError, ValueError) as wrong:
        raise LoadError(
            "spec",
            f"the spec is not one: {wrong}",
            where=str(path),
            hint="see Search in bundle/generators/capacity.py",
        ) from None


def _search(given: dict[str, object]) -> Search:
    client = given.get("client")
    if not isinstance(client, dict):
        raise ValueError("client is the spec of a closed loop")  # noqa: TRY004 - as all else here
    search = msgspec.convert(given | {"client": parse_spec(client)}, Search)
    rules = {
        "the client's loop is closed": search.client.loop == "closed",
        "the table may be repeated": search.client.repeatable,
        "arrivals are poisson or constant": search.arrivals in ("poisson", "constant"),
        "objective_ms is above 0": search.objective_ms > 0,
        "probe_s is above 0": search.probe_s > 0,
        "limit_s is above 0": search.limit_s > 0,
        "loss_ratio is at least 0 and below 1": 0 <= search.loss_ratio < 1,
        "width lies between 0 and 1": 0 < search.width < 1,
        "probes is 1 or more": search.probes >= 1,
    }
    if broken := [rule for rule, kept in rules.items() if not kept]:
        raise ValueError("; ".join(broken))
    return search


def _carry_out(spec_file: Path, folder: Path) -> LoadError | None:
    search = read_search(spec_file)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).unlink(missing_ok=True)
    return run(search, folder)


def _ignore(_message: str) -> None:
    """MLRsearch tells every step; the probes in the archive say it all."""


if __name__ == "__main__":
    sys.exit(program.run(_carry_out, sys.argv[1:], name="capacity", early="the search was done"))
