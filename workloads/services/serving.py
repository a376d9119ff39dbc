"""What a web framework is given to serve, and how all of them listen and end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import socket

    from workloads.services.burden import Burden
    from workloads.services.codec import Codec
    from workloads.services.repository import Repository

BACKLOG = 4096
# Requests in flight at the end get this long; idle connections are closed at once.
SHUTDOWN_S = 10.0
# Longer than any trial: no connection of a generator may end for being idle.
KEEPALIVE_S = 3600


class AddressError(RuntimeError):
    """The address is taken or not of this host; the message names it."""


class InFlight:
    """The requests that are begun and not yet ended.

    A framework may forget a request whose client is gone, but its handler still holds a connection
    of the pool.
    """

    def __init__(self) -> None:
        self._begun = 0
        self._none = asyncio.Event()

    def begin(self) -> None:
        """Count one more."""
        self._begun += 1

    def end(self) -> None:
        """Count one less."""
        self._begun -= 1
        if not self._begun:
            self._none.set()

    async def ended(self) -> None:
        """Wait until there is none."""
        while self._begun:
            self._none.clear()
            await self._none.wait()


@dataclass(frozen=True)
class Parts:
    """What an application is made of, whatever the framework."""

    repository: Repository  #: whose rows; open before the first request
    codec: Codec  #: makes the bytes
    health: dict[str, object]  #: what ``GET /health`` says
    burden: Burden | None  #: slows every request down; None does not
    in_flight: InFlight = field(default_factory=InFlight)  #: counts the requests

    def told(self) -> dict[str, object]:
        """The body of ``GET /health`` now."""
        return self.health | {"burden": self.burden.told() if self.burden else None}


class Answer(Protocol):
    """What the module of a framework offers under the name ``answer``."""

    async def __call__(self, parts: Parts, listener: socket.socket, stop: asyncio.Event) -> None:
        """Answer requests on a bound socket until told to stop.

        Raises:
            AddressError: another process began to listen on the address meanwhile.
        """


def address_error(address: tuple[Any, ...], problem: OSError) -> AddressError:
    """Return the error that names an address which cannot be listened on."""
    return AddressError(f"cannot listen on {address[0]}:{address[1]}: {problem.strerror}")
