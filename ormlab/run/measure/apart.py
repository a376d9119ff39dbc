"""One trial out of what several hosts observed of it.

The result has the form of a trial on a single host, and under ``hosts`` the counts of each kernel.
Times are those of the host that drove the load: the monotonic clocks of the others are shifted by
the offset that was measured just before the trial.
"""

from __future__ import annotations

import csv
import shutil
from copy import replace
from typing import TYPE_CHECKING

from agent.answers import Done, SideReadings
from agent.failure import Failure
from agent.orders import folder_of
from agent.pace import nearest
from bundle.documents.readings import (
    Affinity,
    Host,
    Kernel,
    KernelCounts,
    KernelLog,
    Pace,
    Sampler,
    TrialReadings,
)
from ormlab.run.measure.station import Fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from msgspec import UnsetType

    from agent.answers import PartReadings
    from bundle.documents.readings import Clock, Counted
    from bundle.documents.services import Observed

_READINGS = "resources.csv"
_SERVICE_LOG = "service.log"
_UNWATCHED = Pace(
    clocks=None, clocks_unread="nobody looked", heat=None, heat_unread="nobody looked"
)
_UNASKED = Kernel(clock_stepped_s=None, suspended_s=None)


def merge[T](
    driven: Fetched[T] | None,
    parts: Mapping[str, Fetched[PartReadings]],
    observes: type[T],
    whole: Callable[[T, Mapping[str, PartReadings]], T],
) -> Fetched[T]:
    """Make one order of its parts; the first host that failed says why.

    The files of the parts join those of the host that drove the load. If it was not asked to,
    because one of the parts had ended, they join those of the first part.
    """
    first = next(iter(parts.values()))
    if driven is None:
        driven = Fetched(first.folder, _undriven(first.done, observes()))
    blamed = next((part for part in parts.values() if part.done.failure), None)
    failure = blamed.done.failure if blamed else driven.done.failure
    told = {role: part.done.observed for role, part in parts.items()}
    observed = driven.done.observed
    try:
        observed = whole(observed, told)
    except Failure as unlike:
        failure = failure or unlike.record()
    if isinstance(observed, SideReadings) and blamed:
        observed.failed = blamed.done.observed.failed
    whole_order = Fetched(driven.folder, replace(driven.done, failure=failure, observed=observed))
    if driven.folder != first.folder:
        for role, part in parts.items():
            _join(role, part, whole_order)
    return whole_order


def floor(driver: Observed, parts: Mapping[str, PartReadings]) -> Observed:
    """What was observed of a floor: the end of the endpoint comes from its own host."""
    if app := parts.get("app"):
        return replace(driver, port=app.of("").port, stop=app.of("").stop)
    return driver


def together(driver: SideReadings, parts: Mapping[str, PartReadings]) -> SideReadings:
    """What was observed of trials that were carried out together, each as `observation` has it.

    Raises:
        Failure: as `observation`.
    """
    names = driver.trials.keys() or {
        name for part in parts.values() for name in part.trials if name
    }
    trials = {
        name: observation(driver.trials.get(name, TrialReadings()), parts, subject=name)
        for name in names
    }
    return SideReadings(trials=trials, failed=driver.failed)


def observation(
    driver: TrialReadings, parts: Mapping[str, PartReadings], *, subject: str = ""
) -> TrialReadings:
    """What the driving host and the others, by role, observed of a subject in all.

    Raises:
        Failure: the hosts count CPU time or memory in different units.
    """
    theirs = {role: part.of(subject) for role, part in parts.items()}
    whole = replace(driver, affinity=_pinning([driver, *theirs.values()]))
    if app := theirs.get("app"):
        whole.stages_s = {**driver.stages_s, **app.stages_s}
        whole.health, whole.port, whole.stop = app.health, app.port, app.stop
        whole.environment, whole.memory = app.environment, app.memory
    if driver.host:
        kernels = {role: part.kernel or _UNASKED for role, part in parts.items()}
        kernels["load"] = driver.host.kernel
        cpus = {role: _planned(theirs.get(role, driver)) for role in kernels}
        logs = [part.log for part in parts.values() if part.log]
        server = driver.host.database
        database = replace(server, log=logs[0]) if logs else server
        whole.host = Host(kernel=kernel(kernels, cpus), database=database)
        whole.hosts = kernels
    if driver.sampler:
        samplers = [each.sampler for each in theirs.values() if each.sampler]
        whole.sampler = _sampler([driver.sampler, *samplers])
    return whole


def kernel(kernels: Mapping[str, Kernel], cpus: Mapping[str, Collection[int]]) -> Kernel:
    """What the kernels of all hosts counted, as if they were one.

    Counts add up; a count that one kernel lacks is null for all. CPUs are named by role and number,
    and of each host only the CPUs that have a part in the trial are kept.
    """
    every = list(kernels.values())
    counted = {
        key: _sum({role: getattr(each.counted, key) for role, each in kernels.items()}, cpus)
        for key in KernelCounts.__struct_fields__
    }
    logs = [each.kernel_log for each in every if each.kernel_log]
    return Kernel(
        seconds=_largest(each.seconds for each in every),
        clock_stepped_s=_largest(each.clock_stepped_s for each in every),
        suspended_s=_largest(each.suspended_s for each in every),
        counted=KernelCounts(**counted),
        kernel_log=_log(logs) if len(logs) == len(every) else None,
        pace=_pace(
            {
                role: each.pace if isinstance(each.pace, Pace) else _UNWATCHED
                for role, each in kernels.items()
            }
        ),
        cost_s=sum(each.cost_s for each in every),
    )


def _undriven[T](done: Done[PartReadings], observed: T) -> Done[T]:
    return Done(
        started=done.started,
        ended=done.ended,
        failure=None,
        ended_by_force=done.ended_by_force,
        observed=observed,
    )


def _join[T](role: str, part: Fetched[PartReadings], driven: Fetched[T]) -> None:
    """Add what another host left of each subject: samples of its processes, a service's log."""
    for name, clocks in _clocks(driven.done.observed).items():
        shared = name not in part.done.observed.trials
        theirs = part.folder / folder_of("" if shared else name)
        ours = driven.folder / folder_of(name)
        ours.mkdir(parents=True, exist_ok=True)
        # The load's host compares the clocks first; readings of an unknown time are no evidence.
        if clock := clocks.get(role):
            _append_readings(theirs / _READINGS, ours / _READINGS, clock.offset_ns)
        if (theirs / _SERVICE_LOG).exists():
            shutil.copyfile(theirs / _SERVICE_LOG, ours / _SERVICE_LOG)


def _clocks(observed: object) -> dict[str, dict[str, Clock]]:
    """By subject, the clocks of the other hosts, as far as they were compared."""
    match observed:
        case SideReadings(trials=trials):
            return {name: trial.clocks or {} for name, trial in trials.items()}
        case TrialReadings(clocks=clocks):
            return {"": clocks or {}}
    return {"": {}}


def _pace(paces: Mapping[str, Pace]) -> Pace:
    """Clocks by role and number, and the heat that is nearest to its limit; null if one is."""
    cold = [f"{role}: {each.heat_unread}" for role, each in paces.items() if each.heat is None]
    still = [f"{role}: {each.clocks_unread}" for role, each in paces.items() if each.clocks is None]
    heats = [each.heat for each in paces.values() if each.heat]
    clocks = {
        f"{role}/{cpu}": clock
        for role, each in paces.items()
        for cpu, clock in (each.clocks or {}).items()
    }
    return Pace(
        clocks=None if still else clocks,
        clocks_unread="; ".join(still) or None,
        heat=None if cold else nearest(heats),
        heat_unread="; ".join(cold) or None,
    )


def _log(logs: Sequence[KernelLog]) -> KernelLog:
    messages, errors = sum(log.messages for log in logs), sum(log.errors for log in logs)
    return KernelLog(messages=messages, errors=errors)


def _largest(seconds: Iterable[float | UnsetType | None]) -> float | None:
    """The value furthest from 0; None if a host has none, or if there is no host."""
    told = list(seconds)
    known = [each for each in told if isinstance(each, float)]
    return max(known, key=abs) if known and len(known) == len(told) else None


def _planned(part: TrialReadings) -> set[int]:
    """The CPUs of all purposes that a host has in the trial."""
    by_purpose = part.affinity.planned if part.affinity else {}
    return {cpu for cpus in by_purpose.values() for cpu in cpus}


def _sum(counts: Mapping[str, Counted], cpus: Mapping[str, Collection[int]]) -> Counted:
    numbers = [count for count in counts.values() if isinstance(count, int)]
    if len(numbers) == len(counts):
        return sum(numbers)
    by_cpu = {
        f"{role}/{cpu}": number
        for role, count in counts.items()
        if isinstance(count, dict)
        for cpu, number in count.items()
        if int(cpu) in cpus.get(role, ())
    }
    return by_cpu if all(isinstance(count, dict) for count in counts.values()) else None


def _pinning(every: Iterable[TrialReadings]) -> Affinity | None:
    found = [each.affinity for each in every if each.affinity]
    if not found:
        return None
    return Affinity(
        planned=_united(each.planned for each in found),
        observed=_united(each.observed for each in found),
    )


def _sampler(samplers: Sequence[Sampler]) -> Sampler:
    units = {(each.tick_hz, each.page_bytes) for each in samplers}
    if len(units) > 1:
        raise Failure(
            "hosts-unlike",
            f"the hosts count CPU time (Hz) and memory (bytes) in different units: {sorted(units)}",
            hint="boot the same kernel on all of them",
        )
    return replace(
        samplers[0],
        cpu_s=sum(each.cpu_s for each in samplers),
        readings=sum(each.readings for each in samplers),
        stopped=_united(each.stopped or {} for each in samplers),
        unread=_united(each.unread or {} for each in samplers),
        found_by=_united(each.found_by or {} for each in samplers),
    )


def _united[V](by_role: Iterable[Mapping[str, V]]) -> dict[str, V]:
    """The tables of all hosts, each with its own roles, as one."""
    return {role: said for each in by_role for role, said in each.items()}


def _append_readings(part: Path, whole: Path, offset_ns: int) -> None:
    """Add the readings of another host, with times by the clock of the driving host."""
    if not part.exists() or not whole.exists():
        return
    with part.open(newline="") as source, whole.open("a", newline="") as target:
        rows = csv.DictReader(source)
        writer = csv.DictWriter(target, rows.fieldnames or [])
        writer.writerows(row | {"at_ns": int(row["at_ns"]) - offset_ns} for row in rows)
