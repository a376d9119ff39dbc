"""Conditions as a bundle records them, to compare with those of a ledger.

A reading has a name of its own (``python``), or belongs to a family, whose prefix is followed by
whatever the ledger asks for (``package.NAME``, ``option.NAME``). So no package, service or option
is named here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.claims.evidence import Place, Run
    from bundle.documents.plan import DatasetSize
    from bundle.documents.services import StackOutcome
    from bundle.documents.subject import Subject
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


@dataclass(frozen=True)
class ReadingFamily:
    """Readings that differ in the end of their name alone, which the ledger chooses."""

    prefix: str  #: with which their names begin, up to and with the dot
    end: str  #: pattern of what follows
    what: str
    taking: Callable[[str], Of]  #: by what follows, how the condition is taken

    @property
    def pattern(self) -> str:
        """The pattern of their names."""
        return rf"^{re.escape(self.prefix)}{self.end}$"


def concerns(scope: Scope, portability: str) -> bool:
    """Whether a condition of this scope binds a claim of this portability."""
    return _RANK[scope] <= _REACH[portability]


def same(expected: Value, seen: Value, precision: float | None = None) -> bool:
    """Whether a recorded value is the published one: numbers by value, all else by its text.

    A version that is published in part stands for every version within it: 3.13.0 is a 3.13.

    Args:
        expected: as published.
        seen: as recorded.
        precision: of a number; it stands for everything that is no further away.
    """
    if isinstance(expected, bool) or isinstance(seen, bool):
        return expected is seen
    if isinstance(expected, int | float) and isinstance(seen, int | float):
        return abs(expected - seen) <= (precision or 0)
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


def _subject(take: Callable[[Subject], Value | None]) -> Of:
    return _of(lambda run, place: run.plan.subjects.get(place.subject), take)


def _service(take: Callable[[Subject], Value | None]) -> Of:
    """Of a subject that is a service: an application has none of its keys."""
    return _of(
        lambda run, place: None if run.plan.application else run.plan.subjects.get(place.subject),
        take,
    )


def _rows(take: Callable[[DatasetSize], Value | None]) -> Of:
    return _of(lambda run, _: run.plan.dataset, take)


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


def _driver(run: Run, place: Place) -> str | None:
    """The name alone: its version is that of a package."""
    software = run.results.software.get(place.subject)
    return software.driver.partition(" ")[0] if software and software.driver else None


def _opened(run: Run, place: Place) -> int | None:
    """By the generator's own account of the trials; None where they differ or do not tell."""
    told = {each.connections for each in run.trials.get(place, {}).values()}
    return told.pop() if len(told) == 1 else None


_POOLED, _BEYOND = "pooled connections of a worker", "connections above the pool"
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
    Reading("postgresql", "version of the server", "run", lambda run, _: run.postgresql),
    Reading("data.users", "rows of users", "run", _rows(lambda size: size.users)),
    Reading("data.orders", "rows of orders", "run", _rows(lambda size: size.orders)),
    Reading(
        "data.payload_bytes",
        "JSON body of one user",
        "run",
        _rows(lambda size: size.payload_bytes),
    ),
    Reading(
        "answer.bytes",
        "mean body of an answer, by the workload's mix, to whole bytes",
        "run",
        lambda run, place: run.work.answer_bytes(place.subject, place.workload),
    ),
    Reading("load.generator", "what drives", "run", _load(lambda load: load.generator)),
    Reading(
        "load.connections", "connections of the load", "run", _load(lambda load: load.connections)
    ),
    Reading("load.opened", "connections that the generator really opened", "run", _opened),
    Reading("load.threads", "threads of wrk", "run", _load(lambda load: load.threads)),
    Reading("load.duration_s", "seconds of a window", "run", _load(lambda load: load.duration_s)),
    Reading("service.workers", "worker processes", "run", _service(lambda one: one.workers)),
    Reading("service.loop", "event loop", "run", _service(lambda one: one.loop)),
    Reading("service.json", "JSON library", "run", _service(lambda one: one.json_library)),
    Reading("service.framework", "what serves HTTP", "run", _service(lambda one: one.framework)),
    Reading("service.driver", "driver of the database, by its name", "run", _driver),
    Reading(
        "cache.ttl_s",
        "seconds for which an answer is kept, 0 for none",
        "run",
        _service(lambda one: one.cache.ttl_s),
    ),
    Reading("pool.size", _POOLED, "run", _service(lambda one: one.pool.size)),
    Reading("pool.overflow", _BEYOND, "run", _service(lambda one: one.pool.overflow)),
)
READINGS = {reading.name: reading for reading in _ALL}
FAMILIES = (
    ReadingFamily(
        "package.",
        "[a-z0-9]+(-[a-z0-9]+)*",
        "installed version of any package, by its normalised name",
        lambda name: _stack(lambda outcome: outcome.packages.get(name)),
    ),
    ReadingFamily(
        "option.",
        "[a-z][a-z0-9_]*",
        "any option of the subject, as the plan sets it",
        lambda name: _subject(lambda one: one.options.get(name)),
    ),
)


def reading_of(name: str) -> Reading | None:
    """The reading of this name; None if there is none."""
    for family in FAMILIES:
        if re.fullmatch(family.pattern, name):
            taking = family.taking(name.removeprefix(family.prefix))
            return Reading(name, family.what, "run", taking)
    return READINGS.get(name)
