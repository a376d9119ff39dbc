"""Network namespaces on a bridge: addresses that exist nowhere else, and no route to anywhere.

The bridge lies in a namespace of its own, so nothing of it is seen from the machine's network.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SUBNET = "10.77.0"
_numbers = itertools.count()


@dataclass(frozen=True)
class Namespace:
    """One member of the network.

    Attributes:
        path: of the namespace, as nsenter(1) and systemd-nspawn(1) take it.
        address: its own on the bridge.
    """

    path: str
    address: str

    @property
    def name(self) -> str:
        """Of the namespace: no other on this machine has it."""
        return self.path.rpartition("/")[2]

    def inside(self, *argv: str) -> list[str]:
        """A command line that runs a program in this namespace; all else stays as it is."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def lose_sight_of(self, other: Namespace) -> None:
        """Have no way to another member any more."""
        _ip("-n", self.name, "route", "add", "unreachable", other.address)


@contextlib.contextmanager
def network(names: Sequence[str]) -> Iterator[dict[str, Namespace]]:
    """Make a network with these members; yields them by name, and removes it at the end."""
    prefix = f"ormlab-{os.getpid()}-{next(_numbers)}"
    bridge = f"{prefix}-bridge"
    made: list[str] = []
    try:
        _add(bridge, made)
        _ip("-n", bridge, "link", "add", "bridge", "type", "bridge")
        _ip("-n", bridge, "link", "set", "bridge", "up")
        members = {}
        for number, name in enumerate(names, start=1):
            namespace = f"{prefix}-{name}"
            _add(namespace, made)
            port = f"port{number}"
            peer = ["peer", "name", "eth0", "netns", namespace]
            _ip("-n", bridge, "link", "add", port, "type", "veth", *peer)
            _ip("-n", bridge, "link", "set", port, "master", "bridge", "up")
            address = f"{_SUBNET}.{number}"
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", namespace, "link", "set", "eth0", "up")
            members[name] = Namespace(f"/run/netns/{namespace}", address)
        yield members
    finally:
        for namespace in made:
            _ip("netns", "delete", namespace)


def _add(namespace: str, made: list[str]) -> None:
    _ip("netns", "add", namespace)
    made.append(namespace)
    _ip("-n", namespace, "link", "set", "lo", "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
