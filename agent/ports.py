"""TCP ports of this host: which ports a run may have, and who listens on one.

``python -m agent.ports --address A ... COUNT[:FIRST] ...`` prints the first port of each block of
neighbouring ports that a run wants: the named one, with the reason why the run cannot have it, or a
drawn one (`agent.answers.Ports`).
"""

from __future__ import annotations

import argparse
import secrets
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from agent.answers import Block, NotOwn, Ports, Unfit
from host.items.network import bound_sockets, ephemeral_range
from host.kernel import Files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from host.items.network import BoundSocket

_HERE = Files(Path("/"))
_ANY, _LAST = 0, 65_535
_ROOM = 1_000  # ports that a range must have to be drawn from
_ATTEMPTS = 1_000


def _bound(port: int) -> list[BoundSocket]:
    """The sockets that are bound to a port of this host, those that listen first."""
    sockets = [bound for bound in bound_sockets(_HERE) if bound.port == port]
    return sorted(sockets, key=lambda bound: not bound.listening)


def holder(port: int) -> str | None:
    """Who holds a port, as ``NAME (process PID)``; None if this user cannot see that."""
    with suppress(OSError):
        for bound in _bound(port):
            with suppress(psutil.Error):
                for process in psutil.process_iter():
                    if bound.inode in _sockets(process.pid):
                        return f"{process.name()} (process {process.pid})"
    return None


def shared(port: int, pids: Iterable[int]) -> bool | None:
    """Whether other processes get some of the connections to a port on which ``pids`` listen.

    A process that listens on every address gets no connection to an address on which another one
    listens by name.

    Returns:
        None if this user cannot see whose sockets these are.
    """
    try:
        listening = [bound for bound in _bound(port) if bound.listening]
    except OSError:
        return None
    own = {inode for pid in pids for inode in _sockets(pid)}
    addresses = {bound.address for bound in listening if bound.inode in own}
    if not addresses:
        return None
    return any(bound.address in addresses for bound in listening if bound.inode not in own)


def resolved(host: str) -> str:
    """The numeric address of a host; if its name has several, an IPv4 one.

    Raises:
        OSError: the name does not resolve.
    """
    addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return str(min(addresses, key=lambda known: known[0] != socket.AF_INET)[4][0])


def refusal(port: int, addresses: Collection[str]) -> str | None:
    """Why nobody can listen on a port of these addresses, and who has it; None if it is free."""
    why = _refused(port, addresses)
    by = holder(port) if why else None
    return f"{why}, held by {by}" if by else why


def _refused(port: int, addresses: Collection[str]) -> str | None:
    return _unbindable(port, addresses) if 0 < port <= _LAST else "it is no TCP port"


def _unbindable(port: int, addresses: Collection[str]) -> str | None:
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as probe:
            # As servers do: recently closed connections do not hold the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as refused:
                return str(refused.strerror)
    return None


def draw(count: int, addresses: Collection[str], taken: Collection[int] = ()) -> int:
    """The first of ``count`` neighbouring ports that are free on all of these addresses.

    The ports lie outside the kernel's range for outgoing connections, because any connection to the
    database may take a port of that range at any time. Ports in ``taken`` do not count as free.

    Raises:
        OSError: there are none.
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
    low, high = ephemeral_range(_HERE)
    ranges = [(20_000, low), (high + 1, _LAST + 1), (1_024, low), (1_024, _LAST + 1)]
    return next((first, end) for first, end in ranges if end - first >= _ROOM)


def _sockets(pid: int) -> Iterator[int]:
    """The inodes of a process's sockets, as far as this user may see them."""
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                kind, _, number = str(descriptor.readlink()).partition(":")
                if kind == "socket":
                    yield int(number.strip("[]"))


def settle(wanted: Sequence[str], hosts: Sequence[str]) -> Ports:
    """The blocks of ports of a run, in the order of ``wanted``; named ports are never drawn.

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
        # With port 0 only the address can be refused.
        if why := _unbindable(_ANY, addresses[-1:]):
            return Ports(blocks=[], not_own=NotOwn(address=host, why=why))
    parts = (block.partition(":") for block in wanted)
    blocks = [(int(count), int(first or 0)) for count, _, first in parts]
    used = {port for count, first in blocks if first for port in range(first, first + count)}
    settled = []
    for index, (count, first) in enumerate(blocks):
        if not first:
            start = draw(count, addresses, used)
            used.update(range(start, start + count))
            settled.append(Block(first=start, refused=None))
            continue
        others = [range(f, f + c) for i, (c, f) in enumerate(blocks) if f and i != index]
        refused = _first_refused(range(first, first + count), addresses, others)
        settled.append(Block(first=first, refused=refused))
    return Ports(blocks=settled, not_own=None)


def _first_refused(
    ports: range, addresses: Collection[str], others: Sequence[range]
) -> Unfit | None:
    for port in ports:
        own = any(port in other for other in others)
        why = "the run wants it for two purposes" if own else refusal(port, addresses)
        if why:
            return Unfit(port=port, why=why)
    return None


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
