"""Gates of a whole run: any of them makes every comparison of it invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import host
from analysis.gates.gate import ALWAYS, HOST, Gate, Reading

if TYPE_CHECKING:
    from analysis.gates.evidence import RunEvidence


def _failed(run: RunEvidence) -> Reading:
    carried_out = run.completed + run.failed
    share = 100 * run.failed / carried_out if carried_out else 0.0
    return Reading(share, f"{run.failed} of {carried_out} trials failed" if run.failed else "")


def _unfit(run: RunEvidence) -> Reading:
    if run.host is None:
        return Reading(None, "nobody looked before the run")
    findings = host.judge(run.host, run.context.profile)
    fatal = [each.said for each in findings if each.verdict is host.Verdict.FATAL]
    return Reading(len(fatal), "; ".join(fatal))


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
)
