"""Gates of the load generators: was the load the planned one, and was all of it counted?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.gates.gate import GENERATOR, Gate, Reading
from analysis.generators.base import LITTLES_BAND
from analysis.rounding import brief
from host.expectation import ALWAYS, DOUBT

if TYPE_CHECKING:
    from analysis.gates.evidence import TrialEvidence

_LEAST_DELAY_MS = 1.0
_SHARE_OF_P50 = 0.1


def _output(trial: TrialEvidence) -> Reading | None:
    flaws = trial.output.flaws
    if not flaws:
        return None
    wrong = [problem.what for problem in trial.figures.problems if problem.code in flaws]
    return Reading(len(wrong), "; ".join(wrong))


def _answered(trial: TrialEvidence) -> Reading:
    return Reading(trial.figures.requests)


def _timeouts(trial: TrialEvidence) -> Reading | None:
    return Reading(trial.output.timeouts) if trial.output.tells_timeouts else None


def _errors(trial: TrialEvidence) -> Reading | None:
    if trial.drive.kill or trial.drive.counts_losses:
        # What fails when connections are ended on purpose is what is measured; a search has an
        # objective that counts what is lost.
        return None
    late = _timeouts(trial)
    if late is not None and late.value is None:
        return Reading(None, f"{trial.output.name} left no count of them")
    number = trial.figures.errors - int(late.value or 0 if late else 0)
    said = [p.what for p in trial.figures.problems if p.code.endswith(("errors", "statuses"))]
    return Reading(number, "; ".join(said))


def _connections(trial: TrialEvidence) -> Reading | None:
    opened, planned = trial.figures.connections, trial.drive.connections
    if not trial.output.tells_opened or planned is None:
        return None  # the clients open all that they are asked for, or fail
    missing = None if opened is None else planned - opened
    return Reading(missing, f"{opened} of {planned} were opened")


def _little(trial: TrialEvidence) -> Reading | None:
    if not trial.output.is_closed:
        return None
    ratio = trial.figures.littles_ratio
    if ratio is None:
        return Reading(None)
    edge = trial.output.edge(trial.readings.window)
    if edge is None:
        return Reading(None, f"nobody recorded when {trial.output.name} ran")
    # What the ends of the window may have added proves nothing. wrk counts in microseconds, and a
    # ratio of exactly 1 is rounded in binary.
    return Reading(round(max(min(ratio, 1.0), ratio - edge), 9))


def _achieved(trial: TrialEvidence) -> Reading | None:
    arrivals = trial.output.arrivals
    return Reading(arrivals.achieved) if arrivals else None


def _dropped(trial: TrialEvidence) -> Reading | None:
    arrivals, censored = trial.output.arrivals, trial.output.censored
    if arrivals is None:
        return None
    what = f"{censored} more had no answer in time and are in the histogram" if censored else ""
    return Reading(arrivals.dropped, what)


def _dispatch(trial: TrialEvidence) -> Reading | None:
    if trial.output.arrivals is None:
        return None
    late = trial.output.histograms["dispatch"].p99_ms
    half = trial.output.histograms["response"].p50_ms
    if late is None or half is None:
        return Reading(None, "there is no sample")
    allowed = max(_LEAST_DELAY_MS, _SHARE_OF_P50 * half)
    return Reading(
        late / allowed, f"{brief(late)} ms, where the median response takes {brief(half)} ms"
    )


def _busy(trial: TrialEvidence) -> Reading | None:
    if not trial.output.is_limited_by_cpu:
        return None
    affinity = trial.readings.affinity
    cpus = len(affinity.planned.get("load", ())) if affinity else 0
    if trial.output.tells_cpu:
        return Reading(trial.output.busiest(cpus))
    each_us, figures = trial.figures.cpu_us["load"], trial.figures
    if not cpus:
        return Reading(None, "nobody recorded which CPUs the generator has")
    if each_us is None or not figures.window_s:
        sampler = trial.readings.sampler
        unread = (sampler.unread if sampler else None) or {}
        return Reading(None, unread.get("load", "nothing was sampled"))
    cores = each_us * figures.requests / 1e6 / figures.window_s
    return Reading(100 * cores / min(trial.drive.threads or 1, cpus))


def _unrecorded(trial: TrialEvidence) -> Reading | None:
    missing = trial.output.unrecorded
    if missing is None:
        return None
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
