"""TCP ports of this host: which ones a run may have, and who listens on one.

``python -m agent.ports --address A ... COUNT[:FIRST] ...`` prints, for each block of neighbouring
ports that a run wants, its first port: the one that is named, with what stands in the way of it, or
one that is drawn (`agent.answers.Ports`).
"""

from __future__ import annotations

import argparse
import secrets
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from agent.answers import Block, NotOwn, Ports, Unfit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_PROC = Path("/proc")
_LISTENING = "0A"  # TCP_LISTEN of include/net/tcp_states.h
_MAPPED = "0000000000000000FFFF0000"  # before an address of IPv4 in a socket of IPv6
_ANY, _LAST = 0, 65_535
_ROOM = 1_000  # ports that a range must have to be drawn from
_ATTEMPTS = 1_000


@dataclass(frozen=True)
class Bound:
    """A TCP socket that is bound to a port of this host.

    Attributes:
        address: that it is bound to, in the kernel's hexadecimal form.
        listening: whether it listens.
        inode: the socket's number.
    """

    address: str
    listening: bool
    inode: int


def bound(port: int) -> list[Bound]:
    """The sockets that are bound to a port, those that listen first.

    Raises:
        OSError: the kernel does not tell.
    """
    tables = [(_PROC / "net/tcp").read_text()]
    with suppress(FileNotFoundError):  # IPv6 is off
        tables.append((_PROC / "net/tcp6").read_text())
    found = []
    for table in tables:
        for row in map(str.split, table.splitlines()[1:]):
            address, _, number = row[1].rpartition(":")
            if int(number, 16) == port:
                inode = int(row[9])
                found.append(Bound(address.removeprefix(_MAPPED), row[3] == _LISTENING, inode))
    return sorted(found, key=lambda each: not each.listening)


def holder(port: int) -> str | None:
    """Who holds a port, as ``NAME (process PID)``; None if this user cannot see that."""
    with suppress(OSError):
        for each in bound(port):
            with suppress(psutil.Error):
                for process in psutil.process_iter():
                    if each.inode in _sockets(process.pid):
                        return f"{process.name()} (process {process.pid})"
    return None


def shared(port: int, pids: Iterable[int]) -> bool | None:
    """Whether others listen where these processes do, so that they get some of the connections.

    One that listens on every address gets none of those to an address on which somebody listens
    by name.

    Args:
        port: of the processes.
        pids: theirs.

    Returns:
        None if this user cannot see whose sockets these are.
    """
    try:
        listening = [each for each in bound(port) if each.listening]
    except OSError:
        return None
    own = {inode for pid in pids for inode in _sockets(pid)}
    addresses = {each.address for each in listening if each.inode in own}
    if not addresses:
        return None
    return any(each.address in addresses for each in listening if each.inode not in own)


def resolved(host: str) -> str:
    """The address of a host in numbers; an IPv4 one where a name has several.

    Raises:
        OSError: the name does not resolve.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return str(min(found, key=lambda each: each[0] != socket.AF_INET)[4][0])


def refusal(port: int, addresses: Collection[str]) -> str | None:
    """Why nobody may listen on a port of these addresses, and who has it; None if it is free."""
    why = _refused(port, addresses)
    by = holder(port) if why else None
    return f"{why}, held by {by}" if by else why


def _refused(port: int, addresses: Collection[str]) -> str | None:
    return _unbindable(port, addresses) if 0 < port <= _LAST else "it is no TCP port"


def _unbindable(port: int, addresses: Collection[str]) -> str | None:
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as probe:
            # As servers do: connections that were closed a moment ago are nobody's.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as refused:
                return str(refused.strerror)
    return None


def draw(count: int, addresses: Collection[str], taken: Collection[int] = ()) -> int:
    """The first of some neighbouring ports that are free on all of these addresses.

    Below the range from which the kernel takes the near end of outgoing connections: a port of
    that range is taken again at any moment by some connection to the database.

    Args:
        count: how many.
        addresses: of this host.
        taken: ports that will be somebody's.

    Raises:
        OSError: none are free.
    """
    first, end = _range()
    for _ in range(_ATTEMPTS):
        start = first + secrets.randbelow(end - first - count + 1)
        block = range(start, start + count)
        if not any(port in taken or _refused(port, addresses) for port in block):
            return start
    raise OSError(f"there are no {count} neighbouring ports that are free")


def _range() -> tuple[int, int]:
    """Ports to draw from: the first, and the one after the last."""
    low, high = map(int, (_PROC / "sys/net/ipv4/ip_local_port_range").read_text().split())
    ranges = [(20_000, low), (high + 1, _LAST + 1), (1_024, low), (1_024, _LAST + 1)]
    return next((first, end) for first, end in ranges if end - first >= _ROOM)


def _sockets(pid: int) -> Iterator[int]:
    """The numbers of a process's sockets, as far as this user may see them."""
    with suppress(OSError):
        for descriptor in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                kind, _, number = str(descriptor.readlink()).partition(":")
                if kind == "socket":
                    yield int(number.strip("[]"))


def settle(wanted: Sequence[str], hosts: Sequence[str]) -> Ports:
    """The blocks of ports of a run; those that are named come first, wherever they stand.

    Args:
        wanted: each block as ``COUNT:`` or ``COUNT:FIRST``.
        hosts: names or addresses of this host on which the run listens.
    """
    addresses = []
    for host in hosts:
        try:
            addresses.append(resolved(host))
        except OSError as unknown:
            return Ports(blocks=[], not_own=NotOwn(address=host, why=str(unknown.strerror)))
        # Any port: what is refused here is the address.
        if why := _unbindable(_ANY, addresses[-1:]):
            return Ports(blocks=[], not_own=NotOwn(address=host, why=why))
    blocks = [(int(count), int(first or 0)) for count, _, first in map(_parts, wanted)]
    used = {port for count, first in blocks if first for port in range(first, first + count)}
    settled = []
    for index, (count, first) in enumerate(blocks):
        if not first:
            start = draw(count, addresses, used)
            used.update(range(start, start + count))
            settled.append(Block(first=start, refused=None))
            continue
        others = [range(f, f + c) for i, (c, f) in enumerate(blocks) if f and i != index]
        refused = _first_refused(first, count, addresses, others)
        settled.append(Block(first=first, refused=refused))
    return Ports(blocks=settled, not_own=None)


def _first_refused(
    first: int, count: int, addresses: Collection[str], others: Sequence[range]
) -> Unfit | None:
    for port in range(first, first + count):
        own = any(port in other for other in others)
        why = "the run wants it for two purposes" if own else refusal(port, addresses)
        if why:
            return Unfit(port=port, why=why)
    return None


def _parts(wanted: str) -> tuple[str, str, str]:
    return wanted.partition(":")


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="agent.ports")
    parser.add_argument("--address", action="append", required=True, help="to listen on")
    parser.add_argument("wanted", nargs="+", metavar="COUNT[:FIRST]")
    options = parser.parse_args(arguments)
    sys.stdout.write(msgspec.json.encode(settle(options.wanted, options.address)).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
