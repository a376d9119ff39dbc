"""The registry of host items: whatever the lab reads, judges, counts or sets on a host.

Each module below has the items of one subject. An entry says how its value is read, whether it is
a fact, what it should be, whether it is counted around a window, and how a role sets it; see
`host.item.Item`. Adding an item is adding an entry here.

Facts decide whether two results may be compared; readings decide whether to measure at all.
"""

from __future__ import annotations

import platform
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from .. import moment, placement, spinning
from ..item import Place
from ..kernel import NotReadable
from . import (
    disk,
    firmware,
    interrupts,
    jitter,
    kernel,
    limits,
    load,
    memory,
    network,
    processor,
    tools,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..item import Count, Fact, Item
    from ..kernel import Files
    from ..knob import Knob
    from ..levels import Tier
    from ..spinning import Spun

FACTS_SCHEMA = "host-facts/1"
READINGS_SCHEMA = "host-readings/1"
INTERVAL_S = 1.0

# Knobs are set and restored in this order: SMT first, because it decides which CPUs are online.
BY_AREA: Mapping[str, tuple[Item, ...]] = {
    "processor": processor.ITEMS,
    "memory": memory.ITEMS,
    "firmware": firmware.ITEMS,
    "disk": disk.ITEMS,
    "kernel": kernel.ITEMS,
    "interrupts": interrupts.ITEMS,
    "limits": limits.ITEMS,
    "foreign load": load.ITEMS,
    "jitter": jitter.ITEMS,
    "network": network.ITEMS,
    "tools": tools.ITEMS,
}
# What provisioning settles; foreign load, ports and programs come before each run.
SETTLED = ("processor", "memory", "firmware", "kernel", "limits", "jitter")
ITEMS: tuple[Item, ...] = tuple(item for items in BY_AREA.values() for item in items)
READINGS: tuple[Item, ...] = tuple(item for item in ITEMS if item.expected)
FACTS: Mapping[str, tuple[Item, Fact]] = {
    item.fact.key or item.key: (item, item.fact) for item in ITEMS if item.fact
}
COUNTERS: Mapping[str, Callable[[Files], Count]] = {
    item.counter.key or item.key: item.counter.read for item in ITEMS if item.counter
}
KNOBS: Mapping[str, Knob] = {item.knob.name: item.knob for item in ITEMS if item.knob}

# What a host that says something unusual, or nothing, may answer with.
_UNREADABLE = (NotReadable, OSError, ValueError, LookupError, subprocess.SubprocessError)


class Reading(TypedDict):
    """One reading; ``reason`` says why the value is null."""

    value: object
    unit: str | None
    reason: str | None


class Readings(TypedDict):
    """A document of the schema host-readings/1, see `bundle.documents.host.HostReadings`."""

    schema: str
    interval_s: float
    readings: dict[str, Reading]


class Facts(TypedDict):
    """A document of the schema host-facts/1, see `bundle.documents.host.HostFacts`."""

    schema: str
    hostname: str
    facts: dict[str, object]
    identity: list[str]
    placement: dict[str, object]


def take(
    folder: Path, *, ports: tuple[int, ...] = (), uv: str | None = None, jitter_s: float = 0
) -> Readings:
    """Watch this host for a second, then take every reading.

    Args:
        folder: the lab's folder, for the readings of its disk.
        ports: TCP ports on which a run will listen.
        uv: the program that makes the stacks' environments.
        jitter_s: for how long the measured CPUs spin; 0 leaves their jitter out.
    """
    root = Path("/")
    before = moment.take(root, moment.processes())
    time.sleep(INTERVAL_S)
    # The counters first: listing the processes takes CPU time of the lab itself.
    after = moment.take(root, {})
    after = replace(after, processes=moment.processes())
    return readings(Place(root, folder, ports, uv, before, after, _jitter(root, jitter_s)))


def readings(place: Place, areas: Iterable[str] = BY_AREA) -> Readings:
    """Take the readings of some areas: every item that is expected to be something."""
    taken = [item for area in areas for item in BY_AREA[area] if item.expected]
    return {
        "schema": READINGS_SCHEMA,
        "interval_s": place.after.at_s - place.before.at_s,
        "readings": {item.key: _reading(item, place) for item in taken},
    }


def settled(root: Path, *, jitter_s: float = 0) -> Readings:
    """The readings that provisioning settles, now; ``jitter_s`` as `take`."""
    now = moment.take(root, moment.processes() if root == Path("/") else {})
    place = Place(root, root, before=now, after=now, jitter=_jitter(root, jitter_s))
    return readings(place, SETTLED)


def _jitter(root: Path, seconds: float) -> Mapping[int, Spun] | str:
    """What the measured CPUs lose while they spin; or why they do not."""
    if not seconds:
        return "it was left out"
    if root != Path("/"):
        return "nothing runs on a host that a folder simulates"
    planned = placement.read_plan(root)
    cpus = sorted({*planned.load, *planned.database, *planned.service})
    try:
        return spinning.measure(cpus, seconds)
    except (NotReadable, OSError) as problem:
        return str(problem)


def facts(root: Path = Path("/")) -> Facts:
    """Read every fact: null for what cannot be read, never 0 and never left out."""
    place = Place(root, root)
    planned = placement.read_plan(root)
    tier: Tier = placement.read_tier(root, planned)
    return {
        "schema": FACTS_SCHEMA,
        "hostname": platform.node(),
        "facts": {key: _fact(item, fact, place) for key, (item, fact) in FACTS.items()},
        "identity": [key for key, (_, fact) in FACTS.items() if fact.identity],
        "placement": asdict(planned) | {"tier": tier},
    }


def _value(item: Item, place: Place) -> object:
    """The value of an item.

    Raises:
        NotReadable, OSError, ValueError, LookupError, SubprocessError: the host does not say.
    """
    if item.read is None:
        raise NotReadable(f"{item.key} is only counted or set")
    return item.read(place)


def _fact(item: Item, fact: Fact, place: Place) -> object:
    try:
        return fact.read(place) if fact.read else _value(item, place)
    except _UNREADABLE:
        return None


def _reading(item: Item, place: Place) -> Reading:
    value, reason = None, None
    try:
        value = _value(item, place)
    except NotReadable as problem:
        reason = str(problem)
    except FileNotFoundError as problem:
        reason = f"there is no {problem.filename}"
    except OSError as problem:
        reason = f"{problem.filename}: {problem.strerror}"
    except _UNREADABLE as problem:
        reason = f"{item.source} has unexpected content: {problem!r}"
    explained = f"not readable here: {reason}" if reason is not None else None
    return {"value": value, "unit": item.unit, "reason": explained}
