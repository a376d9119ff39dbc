"""An order that drives a load, and its parts on other hosts: placed, awaited, ended, made one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.structs import replace

from agent.answers import PartReadings, Watching
from agent.orders import FindFloor, RemoteSpec
from ormlab.run.measure import apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.orders import Observe, RunSideBySide, RunTrial
    from ormlab.run.measure.dispatch import Ticket
    from ormlab.run.measure.station import Fetched, Station


class Part(NamedTuple):
    """What the host of a role does in a trial that another host drives."""

    role: Literal["app", "db"]
    station: Station
    work: Observe


def conduct[T](
    name: str,
    station: Station,
    work: RunTrial | RunSideBySide | FindFloor,
    parts: Sequence[Part],
    *,
    observes: type[T],
    whole: Callable[[T, Mapping[str, PartReadings]], T],
    deadline_s: float,
) -> Fetched[T]:
    """Carry out an order with its parts; what fails is an outcome, not an error.

    The parts are placed first and each is awaited until it watches; whatever happens, they are
    ended last. ``whole`` makes one observation of what the driving agent and the parts, by role,
    observed.

    Raises:
        KeyboardInterrupt: the run is to stop; every agent has stopped already.
    """
    placed: dict[str, tuple[Station, Ticket[PartReadings]]] = {}
    driven: Fetched[T] | None = None
    try:
        remotes = []
        for role, host, watching in parts:
            ticket = host.dispatch.place(
                f"{name}-{role}", watching, PartReadings, deadline_s=deadline_s
            )
            placed[role] = (host, ticket)
            ready = host.dispatch.look_for_file(ticket, "ready.json", Watching)
            if ready is None:
                break
            reached = RemoteSpec(
                role=role, host=watching.listen, port=ready.port, word=watching.word
            )
            remotes.append(reached)
        else:
            if not isinstance(work, FindFloor):  # which has no window that others watch
                work = replace(work, remotes=tuple(remotes))
            order = station.dispatch.place(name, work, observes, deadline_s=deadline_s)
            driven = station.wait(order)
    finally:
        ended = {role: host.stop(ticket) for role, (host, ticket) in placed.items()}
    if driven and not parts:
        return driven
    return apart.merge(driven, ended, observes, whole)
