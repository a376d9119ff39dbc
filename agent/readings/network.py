"""Readings of TCP ports."""

from __future__ import annotations

from .source import NotReadable, Place, Reading

_LISTENING = "0A"  # TCP_LISTEN of include/net/tcp_states.h
_RANGE = "proc/sys/net/ipv4/ip_local_port_range"


def _range(place: Place) -> tuple[int, int]:
    low, high = map(int, place.text(_RANGE).split())
    return low, high


def _wanted(place: Place) -> tuple[int, ...]:
    if not place.ports:
        raise NotReadable("nobody said which ports a run will want")
    return place.ports


def _taken(place: Place) -> list[int]:
    wanted = _wanted(place)
    tables = [place.text("proc/net/tcp")]
    if (place.root / "proc/net/tcp6").exists():  # absent where IPv6 is off
        tables.append(place.text("proc/net/tcp6"))
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    listening = {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENING}
    return sorted(listening.intersection(wanted))


def _in_range(place: Place) -> list[int]:
    low, high = _range(place)
    return [port for port in _wanted(place) if low <= port <= high]


READINGS = (
    Reading(
        "ports_taken",
        "list",
        None,
        "ports of services and PostgreSQL on which something listens",
        "/proc/net/tcp, tcp6",
        _taken,
    ),
    Reading(
        "ports_ephemeral",
        "list",
        None,
        "those that the kernel may give to any outgoing connection",
        f"/{_RANGE}",
        _in_range,
    ),
    Reading(
        "ephemeral_ports",
        "number",
        None,
        "ports there are for outgoing connections",
        f"/{_RANGE}",
        lambda place: _range(place)[1] - _range(place)[0] + 1,
    ),
)
