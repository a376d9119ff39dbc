"""TCP: ports, bound sockets, and what connections and listening sockets lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..expectation import ALWAYS, DOUBT, EMPTY, Expectation, Limit
from ..item import Counter, Item
from ..kernel import NotReadable

if TYPE_CHECKING:
    from ..item import Place
    from ..kernel import Files

_LISTENING = "0A"  # TCP_LISTEN of include/net/tcp_states.h
_MAPPED = "0000000000000000FFFF0000"  # before an IPv4 address in a socket of IPv6
_RANGE = "proc/sys/net/ipv4/ip_local_port_range"


class BoundSocket(NamedTuple):
    """A TCP socket that is bound to a port; its address has the kernel's hexadecimal form."""

    address: str
    port: int
    listening: bool
    inode: int


def bound_sockets(host: Files) -> list[BoundSocket]:
    """Every bound TCP socket of a host, by proc_net(5).

    Raises:
        OSError: the kernel does not say.
    """
    tables = [host.read("proc/net/tcp")]
    if host.exists("proc/net/tcp6"):  # absent where IPv6 is off
        tables.append(host.read("proc/net/tcp6"))
    sockets = []
    for row in (line.split() for table in tables for line in table.splitlines()[1:]):
        address, _, port = row[1].rpartition(":")
        listening, inode = row[3] == _LISTENING, int(row[9])
        sockets.append(BoundSocket(address.removeprefix(_MAPPED), int(port, 16), listening, inode))
    return sockets


def ephemeral_range(host: Files) -> tuple[int, int]:
    """The first and the last port that the kernel gives to outgoing connections."""
    low, high = map(int, host.read(_RANGE).split())
    return low, high


def _wanted(place: Place) -> tuple[int, ...]:
    if not place.ports:
        raise NotReadable("the caller names no ports of a run")
    return place.ports


def _taken(place: Place) -> list[int]:
    wanted = _wanted(place)
    listening = {socket.port for socket in bound_sockets(place) if socket.listening}
    return sorted(listening.intersection(wanted))


def _in_range(place: Place) -> list[int]:
    low, high = ephemeral_range(place)
    return [port for port in _wanted(place) if low <= port <= high]


def _counted(key: str, meaning: str, file: str, protocol: str, name: str) -> Item:
    """A counter of a file with a line of names, then one of values, for each protocol."""

    def read(host: Files) -> int:
        rows = [line.split() for line in host.read(f"proc/net/{file}").splitlines()]
        names, values = (row for row in rows if row[0] == f"{protocol}:")
        return int(values[names.index(name)])

    return Item(key, meaning, f"{name} of /proc/net/{file}", counter=Counter(read))


ITEMS = (
    Item(
        "ports_taken",
        "ports of services and PostgreSQL on which something listens",
        "/proc/net/tcp, tcp6",
        read=_taken,
        expected=Expectation(EMPTY, ALWAYS, required=False),
        why="services and PostgreSQL cannot listen on a port that is taken",
        do="stop what listens there, or remove lab_service_port and lab_postgres_port from the "
        "inventory: a run then draws free ports",
    ),
    Item(
        "ports_ephemeral",
        "ports of services and PostgreSQL that the kernel may give to outgoing connections",
        f"/{_RANGE}",
        read=_in_range,
        expected=Expectation(EMPTY, DOUBT),
        why="an outgoing connection may hold such a port when the service starts",
        do="set lab_service_port and lab_postgres_port below the range, or remove them",
    ),
    Item(
        "ephemeral_ports",
        "number of ports for outgoing connections",
        f"/{_RANGE}",
        read=lambda host: ephemeral_range(host)[1] - ephemeral_range(host)[0] + 1,
        expected=Expectation(Limit(low=16_384), DOUBT),
        why="a closed connection holds its port for a minute; without a free port new ones fail",
        do='sysctl net.ipv4.ip_local_port_range="32768 60999"',
    ),
    _counted("tcp_sent", "TCP segments sent", "snmp", "Tcp", "OutSegs"),
    _counted("tcp_retransmitted", "TCP segments sent again", "snmp", "Tcp", "RetransSegs"),
    _counted(
        "listen_overflows",
        "connections refused because the queue of a listening socket was full",
        *("netstat", "TcpExt", "ListenOverflows"),
    ),
    _counted(
        "listen_drops",
        "connections a listening socket dropped for any reason",
        *("netstat", "TcpExt", "ListenDrops"),
    ),
)
