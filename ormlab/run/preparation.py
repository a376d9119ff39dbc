"""Everything before the first trial: deploy, start, seed, check, diagnose."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from analysis.host import judge, unknown_said
from bundle.display import quantity
from bundle.documents.plan import POSTGRESQL
from bundle.documents.results import GateVerdict
from ormlab.base import affinity
from ormlab.base.errors import HostGateError, LoadError
from ormlab.run import profiling, subjects
from ormlab.run.measure import making, record, site
from ormlab.run.measure.database import Database
from ormlab.run.measure.session import Session
from workloads.databases import known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from host.levels import Profile
    from ormlab.plan import ResolvedPlan
    from ormlab.run.hosts import Place
    from ormlab.run.measure.site import Site
    from ormlab.run.measure.station import Station
    from ormlab.run.progress import Progress
    from ormlab.run.stages import Run

_NAMED = 2  # unknown readings in the warning before a run; doctor names all


@contextmanager
def deployed(
    place: Place, resolved: ResolvedPlan, progress: Progress, *, run_id: str, attempt: int = 0
) -> Iterator[Site]:
    """Take the hosts; on this machine, keep the orchestrator off the measured CPUs.

    ``attempt`` counts how often the run was begun before.

    Raises:
        HostGateError: a host must not be measured on as the plan's profile wants it.
        LoadError: another run has the lab's folder of a host, or somebody else a port of the run.
    """
    progress.stage("deploying the code and the agent")
    with site.opened(
        place.hosts,
        resolved,
        run_id=run_id,
        scratch=place.scratch,
        check=place.check,
        tell=progress.note,
        attempt=attempt,
    ) as opened:
        for station in opened.stations:
            if weak := _require_fit(station, resolved.plan.profile):
                progress.warn(weak)
            station.ports.require_free(station.name)
            if station.host is place.local:
                # The orchestrator keeps off the measured CPUs, like everything else that is not.
                affinity.keep_to(station.facts.placement.housekeeping)
        yield opened


@contextmanager
def started(opened: Site, progress: Progress) -> Iterator[Session]:
    """Make what the run needs on its hosts: request tables, environments, database server, rows.

    Raises:
        PlanError: the dataset has too few rows for a workload.
        LoadError: something cannot be made.
    """
    plan = opened.resolved.plan
    # Drawing may take a minute. So it comes before anything on the hosts that waits for a sign of
    # life.
    progress.stage("drawing the requests")
    drawn = making.tables(plan, opened.load, opened.scratch)
    progress.stage("making the stacks' environments")
    stacks = making.stacks(opened)
    # Installing gives no sign of life either.
    tools = making.profilers(opened, stacks)
    with ExitStack() as running:
        databases = {}
        for name in plan.databases:
            progress.stage(f"starting {known.title(name)}")
            databases[name] = running.enter_context(Database(opened, name))
        if size := plan.dataset:
            rows = f"{quantity(size.users, 'user')}, {quantity(size.orders, 'order')}"
            progress.stage(f"dataset: {rows}, {quantity(size.payload_bytes, 'byte')}")
            made = {name: making.rows(opened, each) for name, each in databases.items()}
            seeded = {
                name: made[plan.database_of(subject)]
                for name, subject in opened.resolved.subjects.items()
            }
        else:
            progress.stage("making the databases of the applications")
            seeded = making.own_rows(opened, stacks, databases[POSTGRESQL])
        yield Session(opened, drawn, stacks, databases, seeded, tools)


def examine(run: Run) -> None:
    """Record the hosts, every subject with its answers and costs, and each generator's floor.

    Raises:
        LoadError: no subject can be measured.
    """
    run.add(record.host_before(run.session))
    _check(run)
    _diagnose(run)
    profiling.profile(run)
    _find_floors(run)
    # The last file before the first trial: a run that has it need not be examined again.
    run.add(record.silence(run.session))


def _check(run: Run) -> None:
    """Find the subjects that cannot run: the bundle declares them omitted.

    A subject that breaks the contract is measured all the same; its comparisons are invalid. Of
    applications the answers and the effects are compared instead, which `_diagnose` records.
    """
    for name, subject in run.resolved.subjects.items():
        outcome = run.session.stacks[subject.stack]
        run.add(record.stack(name, outcome))
        if outcome.ok and subject.migrations:
            run.progress.stage(f"schema by {subject.migrations}: {name}")
            made = run.session.make_schema(name, subject.migrations)
            run.add(record.made_schema(name, made))
        if outcome.ok and not run.resolved.plan.application:
            run.progress.stage(f"contract: {name}")
            run.add(record.contract(name, run.session.check(name)))
        broken = None if _tell_if_unusable(run, name) else subjects.broken(run.folder, name)
        if broken:
            run.progress.warn(f"{name}: {broken}; comparisons with it are invalid")
    require_subjects(run)


def _diagnose(run: Run) -> None:
    """Record what every subject answers and what that costs the database."""
    unusable = subjects.unusable(run.folder, run.resolved)
    with run.session.statement_log():
        for name in [n for n in run.resolved.subjects if n not in unusable]:
            run.progress.stage(f"SQL and answers: {name}")
            run.add(record.work(name, run.session.diagnose(name)))
            _tell_if_unusable(run, name)
    require_subjects(run)


def _find_floors(run: Run) -> None:
    """Record the floor of each load's generator."""
    for load in run.resolved.plan.loads:
        if load not in run.resolved.omitted_loads:
            run.progress.stage(f"generator by itself: {load}")
            if driven := run.session.floor(load):
                run.add(record.floor(load, driven))


def _tell_if_unusable(run: Run, subject: str) -> bool:
    reason = subjects.reason(run.folder, subject)
    if reason:
        run.progress.warn(f"{subject} is left out: {reason}")
    return reason is not None


def require_subjects(run: Run) -> None:
    """Refuse to measure without the subjects that the plan needs, by what is known of them.

    Raises:
        LoadError: no subject can be measured, or one that the plan needs cannot.
    """
    unusable = subjects.unusable(run.folder, run.resolved)
    if unusable and run.resolved.plan.needs_all_subjects:
        raise LoadError(
            "subject-unusable",
            "; ".join(f"{name} cannot be measured: {why}" for name, why in unusable.items()),
            where=run.resolved.plan.name,
            hint="another version, or another interpreter with --python, may work",
        )
    if len(unusable) == len(run.resolved.subjects):
        raise LoadError(
            "no-subject",
            "no subject of the plan can run: " + "; ".join(unusable.values()),
            where=run.resolved.plan.name,
            hint="see docs/stacks.md, and `ormlab run --json` for every outcome",
        )


def _require_fit(station: Station, profile: Profile) -> str | None:
    """Refuse a host that bare-metal must not be measured on; say in one line what weakens others.

    Raises:
        HostGateError: the profile is bare-metal and a reading is fatal.
    """
    findings = judge(station.readings, profile)
    fatal = [finding.said for finding in findings if finding.verdict is GateVerdict.FAILED]
    if fatal and profile == "bare-metal":
        raise HostGateError(
            "host-gate",
            f"{quantity(len(fatal), 'reading forbids', 'readings forbid')} a run as bare-metal: "
            f"{'; '.join(fatal)}",
            where=station.name,
            hint="`ormlab doctor` says why each matters and what to do; other profiles only warn",
        )
    weak = [each.said for each in findings if each.verdict is GateVerdict.WARNING]
    if unknown := unknown_said(findings, most=_NAMED):
        weak.append(unknown)
    if not fatal and not weak:
        return None
    return f"{station.name}: {'; '.join([*fatal, *weak])}; `ormlab doctor` says what to do"
