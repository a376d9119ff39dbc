"""Gates of a whole run: any of them makes every comparison of it invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import generators, host
from analysis.gates import generator
from analysis.gates.gate import GENERATOR, Gate, Reading
from bundle.display import quantity
from bundle.documents.results import GateVerdict
from host.expectation import ALWAYS, HOST

if TYPE_CHECKING:
    from analysis.gates.evidence import Context, Floor, RunEvidence

_UNREADABLE = "what the generator left against the static endpoint cannot be read"
_OPEN = frozenset({"achieved", "dropped", "dispatch"})


def _failed(run: RunEvidence) -> Reading:
    carried_out = run.completed + run.failed
    if not carried_out:
        return Reading(None, "no trial was carried out")
    share = 100 * run.failed / carried_out
    return Reading(
        share, f"{run.failed} of {quantity(carried_out, 'trial')} failed" if run.failed else ""
    )


def _unfit(run: RunEvidence) -> Reading:
    if not run.hosts:
        return Reading(None, "nobody looked before the run")
    findings = [f for each in run.hosts for f in host.judge(each, run.context.profile)]
    fatal = [each.said for each in findings if each.word == "fatal"]
    return Reading(len(fatal), "; ".join(fatal))


def _floor(run: RunEvidence) -> Reading | None:
    if not run.floors:
        return None
    weak = {
        load: reason
        for load, floor in run.floors.items()
        if (reason := _too_slow(floor, run.fastest.get(load), run.context))
    }
    loads = run.context.plan.loads
    unlooked = sorted(run.fastest.keys() - run.floors.keys())
    unknown = [load for load in unlooked if loads[load].shortened() is not None]
    if unknown and not weak:
        return Reading(None, f"nobody looked what the generator of {unknown[0]} reaches by itself")
    return Reading(len(weak), "; ".join(f"{load}: {reason}" for load, reason in weak.items()))


def _too_slow(floor: Floor, fastest: float | None, context: Context) -> str:
    """Why a generator could not have driven twice as much; empty if it could."""
    output = generators.find(floor.driven.folder)
    if floor.failure or output is None:
        return floor.failure or _UNREADABLE
    if output.refused:
        return "requests to the static endpoint failed"
    if floor.driven.drive.rate is not None:
        gates = (gate.under(context.limits) for gate in generator.GATES if gate.code in _OPEN)
        findings = [gate.judge(floor.driven, profile="vm", tier="exclusive-l3") for gate in gates]
        failed = [each for each in findings if each and each.verdict is not GateVerdict.PASSED]
        return f"at twice the rate, {failed[0].sentence}" if failed else ""
    reached = output.reached
    if reached is None:
        return _UNREADABLE
    if fastest is not None and reached < 2 * fastest:
        return f"{reached:,.0f} req/s by itself, {fastest:,.0f} in a trial"
    return ""


GATES: tuple[Gate[RunEvidence], ...] = (
    Gate(
        code="failed-trials",
        scope="run",
        what="trials that failed, of all that were carried out, repeats included",
        unit="% of the trials",
        rule=ALWAYS,
        read=_failed,
        high=10,
        why="so many are no accident, and those that are left are no fair choice",
        source="judgement of this project",
    ),
    Gate(
        code="host",
        scope="run",
        what="settings of the host that forbid a run under the plan's profile",
        unit="settings",
        rule=HOST,
        read=_unfit,
        high=0,
        why="each of them moves the figures, or makes them move; `ormlab doctor` says how",
        source="host/readings.before.json, judged by the table of `ormlab doctor`",
    ),
    Gate(
        code="generator-floor",
        scope="run",
        what="loads whose generator cannot drive twice as much against an endpoint that does no "
        "work",
        unit="loads",
        rule=GENERATOR,
        read=_floor,
        high=0,
        why="a generator that is half as slow as the service is measured with it",
        source="generators/, made before the first trial; the factor is a judgement of this "
        "project",
    ),
)
