"""An order that drives a load, and its parts on other hosts: placed, awaited, ended, made one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ormlab.run.measure import apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ormlab.run.measure.dispatch import Ticket
    from ormlab.run.measure.station import Fetched, Station


@dataclass(frozen=True)
class Part:
    """What one host does in a trial that is driven from another.

    Attributes:
        role: app or db.
        station: that host.
        kind: of the order, serve or observe.
        body: of the order.
    """

    role: str
    station: Station
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Drive:
    """What the host that drives the load does.

    Attributes:
        name: of the order.
        station: that host.
        kind: of the order, trial or floor.
        body: of the order.
        deadline_s: of it and of the parts.
    """

    name: str
    station: Station
    kind: str
    body: dict[str, Any]
    deadline_s: float


def conduct(drive: Drive, parts: Sequence[Part]) -> Fetched:
    """Carry out an order with its parts; what fails is an outcome, not an error.

    The parts are placed first and each is awaited until it watches; whatever happens, they are
    ended last.

    Raises:
        KeyboardInterrupt: the run is to stop; every agent has stopped already.
    """
    if not parts:
        return _drive(drive, [])
    placed: dict[str, tuple[Station, Ticket]] = {}
    driven: Fetched | None = None
    try:
        remotes = []
        for part in parts:
            remote = _place(part, drive, placed)
            if remote is None:
                break
            remotes.append(remote)
        else:
            driven = _drive(drive, remotes)
    finally:
        ended = {role: station.stop(ticket) for role, (station, ticket) in placed.items()}
    return apart.merge(driven, ended)


def _drive(drive: Drive, remotes: list[dict[str, Any]]) -> Fetched:
    station = drive.station
    body = drive.body | ({"remotes": remotes} if remotes else {})
    ticket = station.dispatch.place(drive.name, drive.kind, body, deadline_s=drive.deadline_s)
    return station.wait(ticket)


def _place(
    part: Part, drive: Drive, placed: dict[str, tuple[Station, Ticket]]
) -> dict[str, Any] | None:
    """Place a part; returns how the driving agent reaches it, or None if it has ended already."""
    reach, word = part.station.host.spec.reach, secrets.token_hex(16)
    ticket = part.station.dispatch.place(
        f"{drive.name}-{part.role}",
        part.kind,
        part.body | {"listen": reach, "word": word},
        deadline_s=drive.deadline_s,
    )
    placed[part.role] = (part.station, ticket)
    ready = part.station.dispatch.look_for_file(ticket, "ready.json")
    if ready is None:
        return None
    return {"role": part.role, "host": reach, "port": ready["port"], "word": word}
