"""Gates of the work: the declared service does the declared work on its own CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from analysis.gates.evidence import EFFECTS
from analysis.gates.gate import Gate, Reading
from host.expectation import ALWAYS, DOUBT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.gates.evidence import Effect, TrialEvidence
    from bundle.documents.readings import Affinity, Connections, Counters, Runtime

_ROLES = ("service", "database", "load")
_UNCOUNTED = Reading(None, "nobody counted the rows")
_UNSEEN = Reading(None, "nobody looked into pg_stat_activity")
# Of sys.flags: each of them makes Python do other work.
_ODD_FLAGS = ("bytes_warning", "debug", "dev_mode", "inspect", "optimize", "verbose")


def _moved(counters: Counters, table: str, effect: Effect) -> int:
    """How many rows of a table were inserted, updated or deleted during a trial."""
    before, after = counters.before.get(table), counters.after[table]
    return int(getattr(after, effect) - (getattr(before, effect) if before else 0))


def _unchanged(trial: TrialEvidence) -> Reading | None:
    if trial.effects:
        return None
    counters = trial.readings.counters
    if counters is None:
        return _UNCOUNTED
    if not counters.after:
        return Reading(None, "the database has no table")
    if counters.connected is not UNSET and counters.connected != 0:  # older bundles do not say
        return Reading(
            None, "a connection of the service had not told its counts when they were read"
        )
    moved = {
        f"{moved} {table} {effect}": moved
        for table in counters.after
        for effect in EFFECTS
        if (moved := _moved(counters, table, effect))
    }
    return Reading(sum(moved.values()), ", ".join(moved))


def _changed(trial: TrialEvidence) -> Reading | None:
    if not trial.effects:
        return None
    counters = trial.readings.counters
    if counters is None:
        return _UNCOUNTED
    wanted = {table for moves in trial.effects.values() for table in moves.tables}
    if lacking := sorted(wanted - counters.after.keys()):
        return Reading(None, f"the database lacks the table {lacking[0]}")
    shares = {
        operation: min(
            sum(_moved(counters, table, effect) for effect in moves.effects)
            for table in moves.tables
        )
        / max(1, _successes(trial, operation))
        for operation, moves in trial.effects.items()
    }
    least = min(shares, key=lambda operation: shares[operation])
    return Reading(shares[least], least)


def _successes(trial: TrialEvidence, operation: str) -> int:
    """Answers of an operation in the window, as far as the generator tells operations apart."""
    return sum(trial.output.answers.get(operation, {}).values())


def _bodies(trial: TrialEvidence) -> Reading | None:
    digests = read_digests(trial)
    if digests is None:
        return None
    if not digests:
        return Reading(None, "no body was hashed")
    several = [path for path, found in digests.items() if len(found) > 1]
    return Reading(len(several), ", ".join(several[:3]))


def read_digests(trial: TrialEvidence) -> Mapping[str, list[str]] | None:
    """Digests of the sampled bodies by request; None where bodies may differ or none is hashed."""
    if trial.effects or trial.drive.kill or trial.may_vary:
        return None
    return trial.output.bodies


def _connections(trial: TrialEvidence) -> Connections | None:
    return trial.database.connections if trial.database else None


def _bounds(trial: TrialEvidence) -> tuple[int, int]:
    pool, workers = trial.declared.pool, trial.declared.workers
    return pool.size * workers, (pool.size + pool.overflow) * workers


def _pools(trial: TrialEvidence) -> Reading | None:
    if trial.is_application:
        return None  # the plan does not know its pool
    connections = _connections(trial)
    if connections is None:
        return _UNSEEN
    least, most = _bounds(trial)
    before, after = sum(connections.before.values()), sum(connections.after.values())
    astray = max(0, least - before) + max(0, before - most) + max(0, after - most)
    declared = f"{least}" if least == most else f"{least} to {most}"
    return Reading(
        astray, f"{before} were open before the window, {after} after it, {declared} are declared"
    )


def _replaced(trial: TrialEvidence) -> Reading | None:
    least, most = _bounds(trial)
    if least != most or trial.is_application:
        return None  # the pool closes what overflows, by design
    connections = _connections(trial)
    if connections is None:
        return _UNSEEN
    return Reading(sum(connections.before.values()) - connections.kept)


def _extensions(trial: TrialEvidence) -> Reading | None:
    if trial.is_application:
        return None  # it does not say
    health = trial.readings.health
    if health is None or not health.extensions:
        return Reading(None, "the service did not say")
    pure = trial.context.pure.get(trial.declared.stack, ())
    loaded = health.extensions.items()
    missing = [name for name, is_loaded in loaded if is_loaded is False and name not in pure]
    return Reading(len(missing), ", ".join(missing))


def _runtime(trial: TrialEvidence) -> Reading | None:
    runtime = trial.readings.health.runtime if trial.readings.health else None
    if runtime is None:
        return None  # services did not always say
    odd = list(_oddities(runtime))
    if runtime.preloaded is None and not odd:
        return Reading(None, "the kernel did not say which libraries are mapped")
    return Reading(len(odd), ", ".join(odd))


def _oddities(runtime: Runtime) -> Iterator[str]:
    """The settings by which a Python does not run as it was built to."""
    yield from (name for name in _ODD_FLAGS if runtime.flags[name])
    if runtime.asyncio_debug:
        yield "asyncio_debug"
    if runtime.debug_build:
        yield "debug_build"
    if runtime.tracemalloc:
        yield "tracemalloc"
    if runtime.allocator != runtime.allocator_of_build:
        yield f"the allocator {runtime.allocator}"
    yield from runtime.preloaded or ()
    yield from runtime.variables


def _affinity(trial: TrialEvidence) -> Reading:
    affinity = trial.readings.affinity
    unseen = [role for role in _ROLES if affinity is None or not affinity.observed.get(role)]
    if affinity is None or unseen:
        return Reading(None, f"no process of {' and '.join(unseen)} was seen")
    astray = list(_astray(affinity))
    return Reading(len(astray), ", ".join(astray))


def _astray(affinity: Affinity) -> Iterator[str]:
    for role, processes in affinity.observed.items():
        for pid, allowed in processes.items():
            if not set(allowed) <= set(affinity.planned[role]):
                yield f"{role} {pid}"


GATES: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="rows-unchanged",
        what="rows that a read-only trial has changed",
        unit="rows",
        rule=ALWAYS,
        read=_unchanged,
        high=0,
        why="a service that writes where it should read does other work",
        source="PostgreSQL 16, pg_stat_user_tables: n_tup_ins, n_tup_upd, n_tup_del; MariaDB, the "
        "performance schema: table_io_waits_summary_by_table",
    ),
    Gate(
        code="rows-changed",
        what="rows that a writing trial has changed, warm-up included, over the window's answers, "
        "at the least",
        unit="rows an answer",
        rule=ALWAYS,
        read=_changed,
        low=1,
        why="a service that confirms a write without writing does less work; wrk does not count "
        "answers by operation, so one row of each kind is enough there",
        source="PostgreSQL 16, pg_stat_user_tables: n_tup_ins, n_tup_upd, n_tup_del; MariaDB, the "
        "performance schema: table_io_waits_summary_by_table",
    ),
    Gate(
        code="bodies",
        what="requests whose hashed bodies were not always the same",
        unit="requests",
        rule=ALWAYS,
        read=_bodies,
        high=0,
        required=False,
        why="the workload writes nothing, so the same request must get the same bytes",
        source="SHA-256 of one body in a hundred, taken by the asyncio client in the window",
    ),
    Gate(
        code="pools",
        what="database connections beside the declared pool",
        unit="connections",
        rule=ALWAYS,
        read=_pools,
        high=0,
        why="a pool that opens connections in the window, or a larger pool, is another subject",
        source="PostgreSQL 16, pg_stat_activity; MariaDB, information_schema.processlist; just "
        "before and just after the window",
    ),
    Gate(
        code="connections-replaced",
        what="connections of the pool that were replaced in the window",
        unit="connections",
        rule=DOUBT,
        read=_replaced,
        high=0,
        required=False,
        why="a new connection costs a process of the server and empties the statement cache; "
        "asyncpg's pool makes one after 50,000 queries",
        source="PostgreSQL 16, process ids in pg_stat_activity; MariaDB, ids in "
        "information_schema.processlist",
    ),
    Gate(
        code="extensions",
        what="libraries that run without their C extensions, unless the stack says so",
        unit="libraries",
        rule=ALWAYS,
        read=_extensions,
        high=0,
        why="SQLAlchemy, aiohttp and asyncpg fall back to slower Python code silently",
        source="the loaders of the service's modules, as /health reports them",
    ),
    Gate(
        code="runtime",
        what="ways in which the service's Python does not run as it was built to: debug modes, "
        "tracing, another allocator, preloaded libraries, variables that tune it",
        unit="ways",
        rule=ALWAYS,
        read=_runtime,
        high=0,
        why="asyncio's debug mode alone costs five sixths of the throughput, and one environment "
        "variable sets it",
        source="sys.flags, the event loop, the variables and the mapped files of the service, "
        "as /health reports them",
    ),
    Gate(
        code="cpus",
        what="processes that were allowed to run outside their planned CPUs",
        unit="processes",
        rule=ALWAYS,
        read=_affinity,
        high=0,
        why="a process outside its CPUs takes CPU time from another role",
        source="Cpus_allowed_list in /proc/PID/status of every process of the trial",
    ),
)
