"""One trial out of the parts that hosts apart from each other saw of it; pure functions.

What comes out is what the agent observes where everything runs on one host, and beside it, under
``hosts``, what each kernel told. Times are those of the host that drove the load: the others'
monotonic clocks are moved by the offset that was measured just before the trial.
"""

from __future__ import annotations

import csv
import shutil
from typing import TYPE_CHECKING, Any

from agent.failure import Failure
from ormlab.run.measure.dispatch import Done
from ormlab.run.measure.station import Fetched

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

type Count = int | dict[str, int] | None

_READINGS = "resources.csv"
_SERVICE_LOG = "service.log"
_OF_THE_SERVICE = ("health", "port", "environment", "stop", "memory")


def merge(driven: Fetched | None, parts: Mapping[str, Fetched]) -> Fetched:
    """Make one trial of its parts; the first host that failed says why.

    Args:
        driven: by the host that drove the load; None if it did not come to that.
        parts: by role, app and db, as far as these are other hosts.

    Returns:
        The trial, in the folder of the host that drove the load.
    """
    failures = [part.done.failure for part in parts.values() if part.done.failure]
    if driven is None:
        whole = next(iter(parts.values()))
        return Fetched(
            whole.folder,
            Done(failures[0] if failures else None, {}, whole.done.started, whole.done.ended),
        )
    done = driven.done
    try:
        observed = observation(
            done.observed, {role: part.done.observed for role, part in parts.items()}
        )
    except Failure as unlike:
        failures.append(unlike.record())
        observed = dict(done.observed)
    for role, part in parts.items():
        # The load's host compares the clocks first; readings of an unknown time are no evidence.
        if clock := done.observed.get("clocks", {}).get(role):
            theirs, ours = part.folder / _READINGS, driven.folder / _READINGS
            _append_readings(theirs, ours, clock["offset_ns"])
        if (part.folder / _SERVICE_LOG).exists():
            shutil.copyfile(part.folder / _SERVICE_LOG, driven.folder / _SERVICE_LOG)
    failure = failures[0] if failures else done.failure
    return Fetched(driven.folder, Done(failure, observed, done.started, done.ended))


def observation(
    driver: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What was observed of a trial in all.

    Args:
        driver: observed by the host that drove the load.
        parts: by role, observed by the others.

    Raises:
        Failure: the hosts count CPU time or memory in different units.
    """
    observed = dict(driver)
    app = parts.get("app", {})
    observed |= {key: app[key] for key in _OF_THE_SERVICE if key in app}
    if stages := app.get("stages_s"):
        observed["stages_s"] = {**driver.get("stages_s", {}), **stages}
    observed |= _pinning([driver, *parts.values()])
    if "host" in driver:
        kernels = {role: part.get("kernel", {}) for role, part in parts.items()}
        kernels["load"] = driver["host"]["kernel"]
        logs = [part["log"] for part in parts.values() if part.get("log")]
        database = driver["host"]["database"] | ({"log": logs[0]} if logs else {})
        cpus = {role: _planned(parts.get(role, driver)) for role in kernels}
        observed["host"] = {"kernel": kernel(kernels, cpus), "database": database}
        observed["hosts"] = kernels
    if "sampler" in driver:
        samplers = [driver["sampler"], *(p["sampler"] for p in parts.values() if "sampler" in p)]
        observed["sampler"] = _sampler(samplers)
    return observed


def kernel(
    kernels: Mapping[str, Mapping[str, Any]], cpus: Mapping[str, Collection[int]]
) -> dict[str, Any]:
    """What the kernels of all hosts counted, as if they were one.

    Counts add up; what one kernel does not tell, or nobody asked it, is not known of all. CPUs are
    named by role and number, and of each host only those of its part in the trial are kept.

    Args:
        kernels: by role, as `host.counters.Around` records them.
        cpus: of each host's part, by role.
    """
    every = list(kernels.values())
    keys = {key for each in every for key in each.get("counted", {})}
    counted = {
        key: _sum({role: each.get("counted", {}).get(key) for role, each in kernels.items()}, cpus)
        for key in sorted(keys)
    }
    logs = [log for each in every if (log := each.get("kernel_log"))]
    return {
        "seconds": _largest(each.get("seconds") for each in every),
        "clock_stepped_s": _largest(each.get("clock_stepped_s") for each in every),
        "suspended_s": _largest(each.get("suspended_s") for each in every),
        "counted": counted,
        "kernel_log": {key: sum(log[key] for log in logs) for key in ("messages", "errors")}
        if len(logs) == len(every)
        else None,
        "cost_s": sum(each.get("cost_s", 0.0) for each in every),
    }


def _largest(seconds: Iterable[float | None]) -> float | None:
    """The one furthest from 0; None where one of the hosts does not tell, or there is none."""
    told = list(seconds)
    known = [each for each in told if each is not None]
    return max(known, key=abs) if known and len(known) == len(told) else None


def _planned(part: Mapping[str, Any]) -> set[int]:
    """The CPUs of all that a host has in the trial, which may be more than one purpose."""
    by_purpose = part.get("affinity", {}).get("planned", {})
    return {cpu for cpus in by_purpose.values() for cpu in cpus}


def _sum(counts: Mapping[str, Count], cpus: Mapping[str, Collection[int]]) -> Count:
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


def _pinning(every: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found = [each["affinity"] for each in every if "affinity" in each]
    if not found:
        return {}
    planned: dict[str, Any] = {}
    observed: dict[str, Any] = {}
    for each in found:
        planned |= each["planned"]
        observed |= each["observed"]
    return {"affinity": {"planned": planned, "observed": observed}}


def _sampler(samplers: list[Mapping[str, Any]]) -> dict[str, Any]:
    units = {(each["tick_hz"], each["page_bytes"]) for each in samplers}
    if len(units) > 1:
        raise Failure(
            "hosts-unlike",
            f"the hosts count CPU time (Hz) and memory (bytes) in different units: {sorted(units)}",
            hint="boot the same kernel on all of them",
        )
    return {
        **samplers[0],
        "cpu_s": sum(each["cpu_s"] for each in samplers),
        "readings": sum(each["readings"] for each in samplers),
        **{key: _of_all_roles(samplers, key) for key in ("stopped", "unread", "found_by")},
    }


def _of_all_roles(samplers: Iterable[Mapping[str, Any]], key: str) -> dict[str, Any]:
    """What the sampler of each host says of the roles that it follows."""
    return {role: said for each in samplers for role, said in each[key].items()}


def _append_readings(part: Path, whole: Path, offset_ns: int) -> None:
    """Add the readings of another host, by the clock of the one that drove the load."""
    if not part.exists() or not whole.exists():
        return
    with part.open(newline="") as source, whole.open("a", newline="") as target:
        rows = csv.DictReader(source)
        writer = csv.DictWriter(target, rows.fieldnames or [])
        writer.writerows(row | {"at_ns": int(row["at_ns"]) - offset_ns} for row in rows)
