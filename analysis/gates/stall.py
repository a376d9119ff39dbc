"""Gates of standing still: did the trial run all the time, and did the agent see it run?

Older bundles do not tell whether a process was stopped; none of these gates concerns them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.gates.gate import Gate, Reading
from analysis.rounding import brief
from host.expectation import ALWAYS, DOUBT

if TYPE_CHECKING:
    from analysis.gates.evidence import TrialEvidence
    from analysis.resources import Looks
    from bundle.documents.readings import Sampler, Window

_JUDGED = "judgement of this project"


def _sampler(trial: TrialEvidence) -> Sampler | None:
    """What the agent's sampler told of itself; None in bundles of before it told all of this."""
    told = trial.readings.sampler
    return told if told and told.stopped is not None else None


def _stopped(trial: TrialEvidence) -> Reading | None:
    told = _sampler(trial)
    if told is None:
        return None
    found = {role: count for role, count in (told.stopped or {}).items() if count}
    if told.unread and not found:
        return Reading(None, "; ".join(told.unread.values()))
    return Reading(sum(found.values()), ", ".join(f"{role} {n}" for role, n in found.items()))


def _stall(trial: TrialEvidence) -> Reading | None:
    if _sampler(trial) is None:
        return None
    found = trial.output.silence(trial.readings, lambda: trial.course)
    if found is None:
        return Reading(None, "neither answers nor the CPU time of all processes are known")
    return Reading(
        found.seconds / found.allowed_s,
        f"no answer for {brief(found.seconds)} s from {brief(found.begins_s)} s on, "
        f"{found.witness}; {brief(found.allowed_s)} s are allowed",
    )


def _unwatched(trial: TrialEvidence) -> Reading | None:
    if _sampler(trial) is None:
        return None
    window = trial.readings.window
    if window is None:
        return Reading(None, "nobody recorded the window")
    # Role by role: where hosts are apart, each has an agent of its own.
    looks = trial.course.looks
    longest = {role: _longest_ns(seen, window) for role, seen in looks.items() if seen}
    if not longest:
        return Reading(None, "it looked at none")
    worst = max(longest, key=lambda role: longest[role])
    return Reading(longest[worst] / 1e9, f"those of the {worst}")


def _longest_ns(looks: Looks, window: Window) -> int:
    """The longest time of a window without a look."""
    begin, end = window.started_ns, window.ended_ns
    inside = looks.at_ns[(begin < looks.at_ns) & (looks.at_ns < end)]
    return int(np.diff(inside, prepend=begin, append=end).max())


def _unread(trial: TrialEvidence) -> Reading | None:
    told = _sampler(trial)
    if told is None:
        return None
    unread = {**(told.unread or {}), **trial.output.unread}
    what = "; ".join(f"{role}: {reason}" for role, reason in unread.items())
    return Reading(len(unread), what)


GATES: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="stopped",
        scope="trial",
        what="times the agent found a process of the trial stopped by a signal or a tracer",
        unit="times",
        rule=ALWAYS,
        read=_stopped,
        high=0,
        why="what does not run cannot be measured",
        source="the state in /proc/PID/stat of every process of the trial, ten times a second",
    ),
    Gate(
        code="stall",
        scope="trial",
        what="longest time without any answer, although somebody waited, over what is allowed: "
        "1 s, or two usual latencies where these are longer",
        unit="of the allowance",
        rule=ALWAYS,
        read=_stall,
        high=1,
        why="the figures are of a service that stood still for a part of the window: its rate is "
        "too low by that part, and in a closed loop one request of each connection has seen it",
        source="the samples of the asyncio client, within slices where load switches; under wrk "
        "and in a search the CPU time of the processes, ten times a second, because who uses none "
        "answers nothing. Of 2,363 recorded trials, services at 500 connections with a p99 of 7 s "
        f"among them, none was silent for more than 0.45 s; the limit is a {_JUDGED}",
    ),
    Gate(
        code="unwatched",
        scope="trial",
        what="longest time in which the agent did not look at the processes of the trial",
        unit="s",
        rule=ALWAYS,
        read=_unwatched,
        high=1,
        why="the agent stood still, which looks ten times a second, and nobody knows what else did",
        source="resources.parquet. In 2,963 recorded trials the longest was 0.28 s; the limit is "
        f"a {_JUDGED}",
    ),
    Gate(
        code="processes-unread",
        scope="trial",
        what="roles that have no CPU time and memory, because not all processes could be read",
        unit="roles",
        rule=DOUBT,
        read=_unread,
        high=0,
        why="the sum over some of the processes is no figure of the role",
        source="/proc/PID/stat of every process of the trial, and the signals that it ignores; "
        "under load that switches also the generator's readings around each slice",
    ),
)
