"""Conditions as a bundle records them, to compare with those of a ledger."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.claims.evidence import Place, Run
    from bundle.documents.plan import Subject
    from bundle.documents.services import StackOutcome
    from bundle.generators import Load

type Scope = Literal["host", "class", "run"]
"""How far a condition reaches: one machine, machines of a class, or the run wherever it is."""

type Value = str | int | float | bool
type Of = Callable[[Run, Place], Value | None]
"""Takes a condition from a run and the place where a subject was measured; None if not recorded."""

_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_GIB = 2**30
_RANK: dict[Scope, int] = {"run": 0, "class": 1, "host": 2}
_REACH = {"any": 0, "same-class": 1, "same-fingerprint": 2}


@dataclass(frozen=True)
class Reading:
    """A condition that a bundle records, by its name in the ledger.

    A claim that is portable to any host is not held to conditions whose scope is the host.
    """

    name: str
    what: str
    scope: Scope
    of: Of


def concerns(scope: Scope, portability: str) -> bool:
    """Whether a condition of this scope binds a claim of this portability."""
    return _RANK[scope] <= _REACH[portability]


def same(expected: Value, seen: Value) -> bool:
    """Whether a recorded value is the published one: numbers by value, all else by its text.

    A version that is published in part stands for every version within it: 3.13.0 is a 3.13.
    """
    if isinstance(expected, bool) or isinstance(seen, bool):
        return expected is seen
    if isinstance(expected, int | float) and isinstance(seen, int | float):
        return expected == seen
    published, text = str(expected), str(seen)
    within = _VERSION.fullmatch(published) is not None and text.startswith(f"{published}.")
    return published == text or within


def accepted(patterns: list[str], seen: Value) -> bool:
    """Whether a value fits one of a condition's alternatives; ``*`` stands for anything."""
    return any(fnmatchcase(str(seen), pattern) for pattern in patterns)


def _of[T](find: Callable[[Run, Place], T | None], take: Callable[[T], Value | None]) -> Of:
    """Take a condition from a part of the run; None where the run does not have the part."""

    def read(run: Run, place: Place) -> Value | None:
        part = find(run, place)
        return None if part is None else take(part)

    return read


def _load(take: Callable[[Load], Value | None]) -> Of:
    # Written out, because mypy infers no type parameter that is a union.
    def read(run: Run, place: Place) -> Value | None:
        load = run.plan.loads.get(place.load)
        return take(load) if load else None

    return read


def _subject(take: Callable[[Subject], Value]) -> Of:
    return _of(lambda run, place: run.plan.subjects.get(place.subject), take)


def _stack(take: Callable[[StackOutcome], Value | None]) -> Of:
    return _of(lambda run, place: run.stacks.get(place.subject), take)


def _cores(run: Run, _place: Place) -> int | None:
    topology = run.facts.facts.topology
    return len(topology.cores) if topology else None


def _memory(run: Run, _place: Place) -> int | None:
    size = run.facts.facts.memory_bytes
    return None if size is None else round(size / _GIB)


def _python(outcome: StackOutcome) -> str | None:
    return outcome.python.version if outcome.python else None


def _package(name: str) -> Reading:
    of = _stack(lambda outcome: outcome.packages.get(name))
    return Reading(f"package.{name}", f"installed version of {name}", "run", of)


_POOLED, _BEYOND = "pooled connections of a worker", "connections above the pool"
_CONNECTIONS = "connections of the load"
_ALL = (
    Reading("host.cpu", "model of the CPU", "host", lambda run, _: run.facts.facts.cpu_model),
    Reading("host.cores", "physical cores", "host", _cores),
    Reading("host.memory_gib", "main memory, GiB", "host", _memory),
    Reading(
        "host.class",
        "physical or virtual, and how CPUs are kept apart",
        "class",
        lambda run, _: run.facts.host_class,
    ),
    Reading("python", "version of the interpreter", "run", _stack(_python)),
    *map(_package, ("aiohttp", "asyncpg", "sqlalchemy", "tortoise-orm", "uvloop")),
    Reading("postgresql", "version of the server", "run", lambda run, _: run.postgresql),
    Reading("data.users", "rows of users", "run", lambda run, _: run.plan.dataset.users),
    Reading("data.orders", "rows of orders", "run", lambda run, _: run.plan.dataset.orders),
    Reading(
        "data.payload_bytes",
        "JSON body of one user",
        "run",
        lambda run, _: run.plan.dataset.payload_bytes,
    ),
    Reading("load.generator", "what drives", "run", _load(lambda load: load.generator)),
    Reading(
        "load.connections", "connections of the load", "run", _load(lambda load: load.connections)
    ),
    Reading("load.threads", "threads of wrk", "run", _load(lambda load: load.threads)),
    Reading("load.duration_s", "seconds of a window", "run", _load(lambda load: load.duration_s)),
    Reading("service.workers", "worker processes", "run", _subject(lambda one: one.workers)),
    Reading("service.loop", "event loop", "run", _subject(lambda one: one.loop)),
    Reading("service.json", "JSON library", "run", _subject(lambda one: one.json_library)),
    Reading("pool.size", _POOLED, "run", _subject(lambda one: one.pool.size)),
    Reading("pool.overflow", _BEYOND, "run", _subject(lambda one: one.pool.overflow)),
)
READINGS = {reading.name: reading for reading in _ALL}
