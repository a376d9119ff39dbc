"""What every web framework gets to serve, and how all of them listen and stop."""

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
# Longer than any trial: no idle connection of a generator may be closed.
KEEPALIVE_S = 3600


class AddressError(RuntimeError):
    """The address is taken or not of this host; the message names it."""


class InFlight:
    """Counts the requests that have begun and not yet ended.

    A framework may forget a request whose client has gone, while its handler still holds a
    connection of the pool.
    """

    def __init__(self) -> None:
        self._begun = 0
        self._none = asyncio.Event()

    def begin(self) -> None:
        """Count a request that begins."""
        self._begun += 1

    def end(self) -> None:
        """Count a request that ends."""
        self._begun -= 1
        if not self._begun:
            self._none.set()

    async def ended(self) -> None:
        """Wait until no request is in flight."""
        while self._begun:
            self._none.clear()
            await self._none.wait()


@dataclass(frozen=True)
class Parts:
    """The parts of an application, whatever the framework."""

    repository: Repository  #: source of the rows; open before the first request
    codec: Codec  #: encodes answers and decodes bodies
    health: dict[str, object]  #: body of ``GET /health``, without the burden
    burden: Burden | None  #: slows every request down; None for a service without one
    in_flight: InFlight = field(default_factory=InFlight)  #: counts the requests

    def health_now(self) -> dict[str, object]:
        """The body of ``GET /health`` now."""
        return self.health | {"burden": self.burden.account() if self.burden else None}


class Answer(Protocol):
    """The type of the function ``answer`` in the module of a framework."""

    async def __call__(self, parts: Parts, listener: socket.socket, stop: asyncio.Event) -> None:
        """Answer requests on a bound socket until told to stop.

        Raises:
            AddressError: another process began to listen on the address meanwhile.
        """


def address_error(address: tuple[Any, ...], problem: OSError) -> AddressError:
    """Return the error that names an address which cannot be listened on."""
    return AddressError(f"cannot listen on {address[0]}:{address[1]}: {problem.strerror}")
