"""The profilers that a plan asks for: each looks at its own process, before the first trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard

from agent.orders import LoadSpec, Profile, ServiceSpec
from bundle.codec import serialise
from bundle.documents.profilers import (
    CALLGRIND,
    FOLDER,
    PICTURES,
    STACKS,
    Profiled,
    Profilers,
)
from ormlab.run import subjects
from ormlab.run.measure import making, orders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.orders import Tables
    from bundle.documents.profilers import Profiler
    from ormlab.plan import Plan
    from ormlab.run.measure.session import Session
    from ormlab.run.measure.station import Fetched
    from ormlab.run.stages import Run

_DEADLINE_S = 480.0  # beyond the load: callgrind needs minutes


def profile(run: Run) -> None:
    """Have the profilers that the plan asks for look at every subject, and keep what they leave.

    What a profiler cannot do on this host is an outcome, and no error.
    """
    plan, session = run.resolved.plan, run.session
    if not plan.profilers:
        return
    station, tables = session.site.app, session.tables
    if station is not session.site.load:
        tables = making.tables(plan, station, session.site.scratch)
    asked = tables[next(iter(plan.workloads))]
    unusable = subjects.unusable(run.folder, run.resolved)
    for subject in [name for name in plan.subjects if name not in unusable]:
        looked = {}
        for profiler in plan.profilers:
            run.progress.stage(f"profiler {profiler}: {subject}")
            looked[profiler] = _look(session, subject, profiler, asked)
            if failure := looked[profiler].done.failure:
                run.progress.warn(f"{subject}: no {profiler}: {failure.what}")
        run.add(kept(subject, plan, looked))


def _look(session: Session, subject: str, profiler: Profiler, tables: Tables) -> Fetched[Profiled]:
    app, plan = session.site.app, session.site.resolved.plan
    stack = session.site.resolved.subjects[subject].stack
    load = LoadSpec(load=orders.profiled(plan), tables=tables, seed=plan.seed)
    service = session.service(subject, orders.environment(plan.seed, block=0))
    if not isinstance(service, ServiceSpec):
        raise TypeError(f"{subject} is an application, which no profiler knows")
    work = Profile(
        profiler=profiler,
        service=service,
        database=session.restored(app, subject),
        load=load,
        placement={"service": app.cpus("service"), "load": app.cpus("load")},
        tools=session.tools[stack] if profiler in STACKS else "",
    )
    deadline_s = _DEADLINE_S + orders.deadline_s(load.load, 1)
    name = f"profile-{subject}-{profiler}"
    return app.wait(app.dispatch.place(name, work, Profiled, deadline_s=deadline_s))


def kept(
    subject: str, plan: Plan, looked: Mapping[Profiler, Fetched[Profiled]]
) -> dict[str, bytes]:
    """The files that a bundle keeps of profilers: what they have left, or why they could not."""
    load, folder = orders.profiled(plan), FOLDER.format(subject=subject)
    failed = {name: each.done.failure for name, each in looked.items() if each.done.failure}
    seen = {name: each.done.observed for name, each in looked.items() if name not in failed}
    none = Profiled()
    document = Profilers(
        workload=next(iter(plan.workloads)),
        connections=load.connections,
        seconds=load.duration_s,
        cpu=seen.get("cpu", none).sampled,
        heap=seen.get("heap", none).traced,
        instructions=seen.get("instructions", none).counted,
        syscalls=seen.get("syscalls", none).counted,
        reasons={name: failure.what for name, failure in failed.items()},
    )
    files = {Profilers.PATH.format(subject=subject): serialise(document)}
    for name in seen:
        left = looked[name].folder
        for path in (left / each.get(name, "") for each in (STACKS, PICTURES)):
            if path.is_file():
                files[f"{folder}/{path.name}"] = path.read_bytes()
        calls = left / CALLGRIND.removesuffix(".zst")
        if calls.is_file():
            packed = zstandard.ZstdCompressor().compress(calls.read_bytes())
            files[f"{folder}/{CALLGRIND}"] = packed
    return files
