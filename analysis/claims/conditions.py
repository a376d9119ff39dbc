"""Conditions as the lab sees them: what a bundle says about each, to hold against a ledger."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analysis.claims.evidence import Place, Run

type Scope = Literal["host", "class", "run"]
"""How far a condition reaches: one machine, machines of a class, or the run wherever it is."""

type Value = str | int | float | bool

_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_GIB = 2**30
_RANK: dict[Scope, int] = {"run": 0, "class": 1, "host": 2}
_REACH = {"any": 0, "same-class": 1, "same-fingerprint": 2}


@dataclass(frozen=True)
class Reading:
    """A condition that a bundle tells.

    Attributes:
        name: in the ledger.
        what: in words.
        scope: a claim that is portable to any host is not held to those of hosts.
        of: takes it from a run and the place where a subject was measured; None if not recorded.
    """

    name: str
    what: str
    scope: Scope
    of: Callable[[Run, Place], Value | None]


def concerns(scope: Scope, portability: str) -> bool:
    """Whether a condition of this scope binds a claim of this portability."""
    return _RANK[scope] <= _REACH[portability]


def same(expected: Value, seen: Value) -> bool:
    """Whether what was seen is what was published: numbers by value, all else by its text.

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


def _fact(name: str) -> Callable[[Run, Place], Value | None]:
    return lambda run, _place: run.facts["facts"].get(name)


def _size(name: str) -> Callable[[Run, Place], Value | None]:
    return lambda run, _place: run.plan["dataset"].get(name)


def _load(name: str) -> Callable[[Run, Place], Value | None]:
    return lambda run, place: run.plan["loads"].get(place.load, {}).get(name)


def _subject(run: Run, place: Place) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.plan["subjects"].get(place.subject, {})
    return found


def _setting(name: str) -> Callable[[Run, Place], Value | None]:
    return lambda run, place: _subject(run, place).get(name)


def _pool(name: str) -> Callable[[Run, Place], Value | None]:
    return lambda run, place: _subject(run, place).get("pool", {}).get(name)


def _package(name: str) -> Callable[[Run, Place], Value | None]:
    return lambda run, place: run.stacks.get(place.subject, {}).get("packages", {}).get(name)


def _python(run: Run, place: Place) -> str | None:
    python = run.stacks.get(place.subject, {}).get("python")
    return python["version"] if python else None


def _memory(run: Run, _place: Place) -> float | None:
    size = run.facts["facts"].get("memory_bytes")
    return None if size is None else round(size / _GIB)


def _cores(run: Run, _place: Place) -> int:
    return len(run.facts["facts"]["topology"]["cores"])


def _class(run: Run, _place: Place) -> str:
    return run.host_class


_ALL = (
    Reading("host.cpu", "model of the CPU", "host", _fact("cpu_model")),
    Reading("host.cores", "physical cores", "host", _cores),
    Reading("host.memory_gib", "main memory, GiB", "host", _memory),
    Reading("host.class", "physical or virtual, and how CPUs are kept apart", "class", _class),
    Reading("python", "version of the interpreter", "run", _python),
    *(
        Reading(f"package.{name}", f"installed version of {name}", "run", _package(name))
        for name in ("aiohttp", "asyncpg", "sqlalchemy", "tortoise-orm", "uvloop")
    ),
    Reading("postgresql", "version of the server", "run", lambda run, _place: run.postgresql),
    Reading("data.users", "rows of users", "run", _size("users")),
    Reading("data.orders", "rows of orders", "run", _size("orders")),
    Reading("data.payload_bytes", "JSON body of one user", "run", _size("payload_bytes")),
    Reading("load.generator", "what drives", "run", _load("generator")),
    Reading("load.connections", "connections of the load", "run", _load("connections")),
    Reading("load.threads", "threads of wrk", "run", _load("threads")),
    Reading("load.duration_s", "seconds of a window", "run", _load("duration_s")),
    Reading("service.workers", "worker processes", "run", _setting("workers")),
    Reading("service.loop", "event loop", "run", _setting("loop")),
    Reading("service.json", "JSON library", "run", _setting("json_library")),
    Reading("pool.size", "pooled connections of a worker", "run", _pool("size")),
    Reading("pool.overflow", "connections above the pool", "run", _pool("overflow")),
)
READINGS = {reading.name: reading for reading in _ALL}
