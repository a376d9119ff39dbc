"""An order that drives a load, and its parts on other hosts: placed, awaited, ended, made one."""

from __future__ import annotations

from copy import replace
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agent.answers import PartReadings, Watching
from agent.orders import RemoteSpec, RunTrial
from ormlab.run.measure import apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.orders import FindFloor, Observe
    from ormlab.run.measure.dispatch import Ticket
    from ormlab.run.measure.station import Fetched, Station

type _Placed = dict[str, tuple[Station, Ticket[PartReadings]]]


@dataclass(frozen=True)
class Part:
    """What one host does in a trial that is driven from another.

    Attributes:
        role: of that host.
        station: it.
        work: what its agent does.
    """

    role: Literal["app", "db"]
    station: Station
    work: Observe


@dataclass(frozen=True)
class Drive[T]:
    """What the host that drives the load does.

    Attributes:
        name: of the order.
        station: that host.
        work: what its agent does.
        observes: the type of what is observed of it.
        whole: makes that of what is observed in all, given what the parts have observed, by role.
        deadline_s: of it and of the parts.
    """

    name: str
    station: Station
    work: RunTrial | FindFloor
    observes: type[T]
    whole: Callable[[T, Mapping[str, PartReadings]], T]
    deadline_s: float


def conduct[T](drive: Drive[T], parts: Sequence[Part]) -> Fetched[T]:
    """Carry out an order with its parts; what fails is an outcome, not an error.

    The parts are placed first and each is awaited until it watches; whatever happens, they are
    ended last.

    Raises:
        KeyboardInterrupt: the run is to stop; every agent has stopped already.
    """
    if not parts:
        return _drive(drive, ())
    placed: _Placed = {}
    driven: Fetched[T] | None = None
    try:
        remotes = []
        for part in parts:
            remote = _place(part, drive, placed)
            if remote is None:
                break
            remotes.append(remote)
        else:
            driven = _drive(drive, tuple(remotes))
    finally:
        ended = {role: station.stop(ticket) for role, (station, ticket) in placed.items()}
    if driven is None:
        return apart.not_begun(ended, drive.observes)
    return apart.merge(driven, ended, drive.whole)


def _drive[T](drive: Drive[T], remotes: tuple[RemoteSpec, ...]) -> Fetched[T]:
    station, work = drive.station, drive.work
    if isinstance(work, RunTrial):  # a floor has no window that others watch
        work = replace(work, remotes=remotes)
    ticket = station.dispatch.place(drive.name, work, drive.observes, deadline_s=drive.deadline_s)
    return station.wait(ticket)


def _place[T](part: Part, drive: Drive[T], placed: _Placed) -> RemoteSpec | None:
    """Place a part; returns how the driving agent reaches it, or None if it has ended already."""
    dispatch, work = part.station.dispatch, part.work
    name = f"{drive.name}-{part.role}"
    ticket = dispatch.place(name, work, PartReadings, deadline_s=drive.deadline_s)
    placed[part.role] = (part.station, ticket)
    ready = dispatch.look_for_file(ticket, "ready.json", Watching)
    if ready is None:
        return None
    return RemoteSpec(role=part.role, host=work.listen, port=ready.port, word=work.word)
