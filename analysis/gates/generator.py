"""Gates of the load generators: was the load the planned one, and was all of it counted?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analysis.figures import has_faults
from analysis.gates.gate import GENERATOR, Gate, Reading
from analysis.wrk import LITTLES_BAND, head_start
from bundle.documents.plan import CapacityLoad, ClosedLoad, WrkLoad
from host.expectation import ALWAYS, DOUBT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.gates.evidence import TrialEvidence
    from bundle.documents.generators import OpenLoop

_OUTPUT = frozenset(
    {
        "empty-output",
        "malformed-output",
        "negative-bins",
        "sum",
        "text-json-mismatch",
        "table-exhausted",
    }
)
_LEAST_DELAY_MS = 1.0
_SHARE_OF_P50 = 0.1


def _output(trial: TrialEvidence) -> Reading | None:
    if not isinstance(trial.drive, WrkLoad):
        return None
    wrong = [problem.what for problem in trial.figures.problems if problem.code in _OUTPUT]
    return Reading(len(wrong), "; ".join(wrong))


def _answered(trial: TrialEvidence) -> Reading:
    return Reading(trial.figures.requests)


def _timeouts(trial: TrialEvidence) -> Reading | None:
    if trial.client is not None:
        return Reading(trial.client.errors.timeout)
    if not isinstance(trial.drive, WrkLoad):
        return None
    return Reading(trial.timeouts)


def _errors(trial: TrialEvidence) -> Reading | None:
    if has_faults(trial.drive) or isinstance(trial.drive, CapacityLoad):
        # What fails when connections are ended on purpose is what is measured; a search has an
        # objective that counts what is lost.
        return None
    late = _timeouts(trial)
    if late is not None and late.value is None:
        return Reading(None, "wrk left no count of them")
    number = trial.figures.errors - int(late.value or 0 if late else 0)
    said = [p.what for p in trial.figures.problems if p.code.endswith(("errors", "statuses"))]
    return Reading(number, "; ".join(said))


def _connections(trial: TrialEvidence) -> Reading | None:
    if not isinstance(trial.drive, WrkLoad):
        return None  # the clients open all that they are asked for, or fail
    opened = trial.figures.connections
    planned = trial.drive.connections
    missing = None if opened is None else planned - opened
    return Reading(missing, f"{opened} of {planned} were opened")


def _little(trial: TrialEvidence) -> Reading | None:
    if not isinstance(trial.drive, WrkLoad | ClosedLoad):
        return None
    ratio = trial.figures.littles_ratio
    if ratio is None:
        return Reading(None)
    if trial.client is not None:
        # Its samples are the requests sent in the window, some of which end after it.
        edge = trial.drive.connections / max(1, trial.figures.requests)
    elif trial.readings.window is not None:
        edge = head_start(trial.readings.window, trial.figures.window_s)
    else:
        return Reading(None, "nobody recorded when wrk ran")
    # What the ends of the window may have added proves nothing. wrk counts in microseconds, and a
    # ratio of exactly 1 is rounded in binary.
    return Reading(round(max(min(ratio, 1.0), ratio - edge), 9))


def _arrivals(trial: TrialEvidence) -> OpenLoop | None:
    """What became of the arrivals of an open loop; None under other loads."""
    return trial.client.open_loop if trial.client else None


def _achieved(trial: TrialEvidence) -> Reading | None:
    told = _arrivals(trial)
    return Reading(told.achieved) if told else None


def _dropped(trial: TrialEvidence) -> Reading | None:
    told = _arrivals(trial)
    if trial.client is None or told is None:
        return None
    censored = trial.client.censored.total
    what = f"{censored} more had no answer in time and are in the histogram" if censored else ""
    return Reading(told.dropped, what)


def _dispatch(trial: TrialEvidence) -> Reading | None:
    if _arrivals(trial) is None:
        return None
    late = trial.histograms["dispatch"].p99_ms
    half = trial.histograms["response"].p50_ms
    if late is None or half is None:
        return Reading(None, "there is no sample")
    allowed = max(_LEAST_DELAY_MS, _SHARE_OF_P50 * half)
    return Reading(late / allowed, f"{late:.3g} ms, where the median response takes {half:.3g} ms")


def _busy(trial: TrialEvidence) -> Reading | None:
    affinity = trial.readings.affinity
    cpus = len(affinity.planned.get("load", ())) if affinity else 0
    if trial.client is not None:
        used = [process.cpu_s for process in trial.client.processes]
        return Reading(_busiest(used, trial.client.window.seconds, cpus))
    if trial.search is not None:
        # Of the probes up to the lowest rate that was lost: above it, all are past the limit.
        bounds = trial.search.capacity
        lost = (bounds.upper if bounds else None) or math.inf
        busy = [
            _busiest(probe.cpu_s, probe.window.seconds, cpus)
            for probe in trial.search.probes
            if probe.rate <= lost
        ]
        return Reading(max((each for each in busy if each is not None), default=None))
    if not isinstance(trial.drive, WrkLoad):
        return None  # the article's client is measured for what it is
    each_us, figures = trial.figures.cpu_us["load"], trial.figures
    if not cpus:
        return Reading(None, "nobody recorded which CPUs the generator has")
    if each_us is None or not figures.window_s:
        sampler = trial.readings.sampler
        unread = (sampler.unread if sampler else None) or {}
        return Reading(None, unread.get("load", "nothing was sampled"))
    cores = each_us * figures.requests / 1e6 / figures.window_s
    return Reading(100 * cores / min(trial.drive.threads, cpus))


def _busiest(used_s: Sequence[float], seconds: float, cpus: int) -> float | None:
    """CPU time of the busiest process, or of the CPUs that all of them share, in percent."""
    if not (seconds and used_s and cpus):
        return None
    shared = sum(used_s) / min(len(used_s), cpus)
    return 100 * max(*used_s, shared) / seconds


def _unrecorded(trial: TrialEvidence) -> Reading | None:
    if trial.client is None:
        return None
    rows = trial.client.samples.rows
    kept = {"service": rows - trial.client.censored.unsent}
    if trial.client.open_loop is not None:
        kept |= {"response": rows, "dispatch": rows}
    missing = {name: rows - trial.histograms[name].total for name, rows in kept.items()}
    what = ", ".join(f"{name}: {number}" for name, number in missing.items() if number)
    return Reading(sum(map(abs, missing.values())), what)


_DESIGN = "judgement of this project"
_OWN = "the generator's own count"

OUTPUT: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="generator-output",
        scope="trial",
        what="contradictions in what wrk left",
        unit="contradictions",
        rule=ALWAYS,
        read=_output,
        high=0,
        why="wrk ends with 0 whatever happened; only a whole dump that agrees with the printed "
        "text and with its own sum of requests is a measurement",
        source="wrk 4.2, src/stats.c and src/wrk.c",
    ),
    Gate(
        code="no-requests",
        scope="trial",
        what="answered requests",
        unit="requests",
        rule=ALWAYS,
        read=_answered,
        low=1,
        why="a trial without an answer has no figures",
        source=_OWN,
    ),
)
GATES: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="request-errors",
        scope="trial",
        what="requests that failed or had a wrong status",
        unit="requests",
        rule=ALWAYS,
        read=_errors,
        high=0,
        why="an error is answered faster than the work it stands for; a load whose plan ends "
        "connections of the service is there for its errors",
        source=_OWN,
    ),
    Gate(
        code="timeouts",
        scope="trial",
        what="answers that came too late",
        unit="answers",
        rule=ALWAYS,
        read=_timeouts,
        high=0,
        why="what comes after the time-out leaves the histogram: its tail would be too good",
        source=_OWN,
    ),
    Gate(
        code="connections",
        scope="trial",
        what="planned connections that were not opened",
        unit="connections",
        rule=ALWAYS,
        read=_connections,
        high=0,
        why="wrk opens threads x (connections // threads), silently less than asked for",
        source="wrk 4.2, src/wrk.c",
    ),
    Gate(
        code="littles-law",
        scope="trial",
        what="throughput x mean latency / connections",
        unit="of 1",
        rule=DOUBT,
        read=_little,
        low=LITTLES_BAND[0],
        high=LITTLES_BAND[1],
        why="below, much of the waiting was without an answer when the window ended, so that the "
        "latencies are those of the luckier requests; or the generator was slow between answer and "
        "next request, or samples were lost: below in half the trials of a subject, its latencies "
        "get no verdict; above, by more than the ends of the window may add, samples were never "
        "measured",
        source="J. D. C. Little, A Proof for the Queuing Formula L = lambda W, 1961",
    ),
    Gate(
        code="achieved",
        scope="trial",
        what="answered requests over planned ones",
        unit="of the planned rate",
        rule=ALWAYS,
        read=_achieved,
        low=0.99,
        why="an open loop that falls behind measures another rate than it says",
        source=_DESIGN,
    ),
    Gate(
        code="dropped",
        scope="trial",
        what="arrivals that were never accounted for",
        unit="arrivals",
        rule=ALWAYS,
        read=_dropped,
        high=0,
        why="a request that is left out is always one of the slow ones",
        source=_OWN,
    ),
    Gate(
        code="dispatch",
        scope="trial",
        what="p99 of the dispatch delay over what is allowed, 1 ms or 10 % of the median response",
        unit="of the allowance",
        rule=GENERATOR,
        read=_dispatch,
        high=1,
        why="a request that leaves late is the client's delay, counted as the service's",
        source=_DESIGN,
    ),
    Gate(
        code="generator-cpu",
        scope="trial",
        what="CPU time of the busiest process of the generator, or of the CPUs that it has",
        unit="% of a core",
        rule=GENERATOR,
        read=_busy,
        high=70,
        why="a generator near its limit measures itself",
        source=_DESIGN,
    ),
    Gate(
        code="unrecorded",
        scope="trial",
        what="samples that the histograms refused or lost",
        unit="samples",
        rule=ALWAYS,
        read=_unrecorded,
        high=0,
        why="HdrHistogram's record_value refuses what lies out of its range by returning false",
        source="hdrhistogram, record_value",
    ),
)
