"""One process that serves: it opens the pool, listens, and stops at SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import importlib
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workloads.services import health, manifest
from workloads.services.burden import Burden
from workloads.services.cache import CachedRepository
from workloads.services.codec import codec
from workloads.services.serving import SHUTDOWN_S, Parts, address_error
from workloads.services.settings import Settings, build

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workloads.services.repository import Repository
    from workloads.services.serving import Answer

# Imported by name, so that a process has only one framework in memory.
_FRAMEWORKS = {"aiohttp": "workloads.services.app", "fastapi": "workloads.services.fastapi_app"}


class DatabaseError(RuntimeError):
    """The connection pool could not be opened; the message names the server and the reason."""


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Bind an address without listening yet: clients are refused until the pool is open.

    Port 0 takes any free port. Other ``shared`` sockets of this user may listen on a ``shared``
    address too; the kernel then chooses a socket for every connection by a hash of its addresses.

    Raises:
        AddressError: the address is taken or not of this host.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small writes at once only on sockets that name their protocol. Without that, a
    # framework that writes head and body apart waits 40 ms for each acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        listener.bind((host, port))
    except OSError as problem:
        listener.close()
        raise address_error((host, port), problem) from problem
    return listener


def load(settings: Settings) -> Repository:
    """Return the repository that the settings name, not yet open.

    Raises:
        SettingsError: there is no such service; an option is unknown or of the wrong type.
        ImportError: the stack lacks the library.
    """
    service = manifest.named(settings.service)
    package: Any = importlib.import_module(f"workloads.services.{service.name}")
    options = build(package.Options, settings.options, "options")
    repository: Repository = package.create(settings.database, settings.pool, options)
    return CachedRepository(repository, settings.cache) if settings.cache.ttl_s else repository


def framework(settings: Settings) -> Answer:
    """Return the ``answer`` of the framework in the settings; ImportError if the stack lacks it."""
    answer: Answer = importlib.import_module(_FRAMEWORKS[settings.framework]).answer
    return answer


def loop_factory(settings: Settings) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the factory of event loops; ModuleNotFoundError if the stack lacks uvloop."""
    loops: Any = importlib.import_module(settings.loop)
    make: Callable[[], asyncio.AbstractEventLoop] = loops.new_event_loop
    return make


async def serve(
    settings: Settings,
    repository: Repository,
    answer: Answer,
    listener: socket.socket,
    ready: Callable[[], Awaitable[None]],
) -> None:
    """Open the pool, await ``ready``, answer requests until a signal, and close the pool.

    Raises:
        DatabaseError: the pool could not be opened.
        AddressError: another process has begun to listen on the address.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await repository.open()
    except Exception as problem:
        raise DatabaseError(
            f"cannot open {settings.pool.size} connections to {settings.database}: "
            f"{_reasons(problem)}"
        ) from problem
    burden = Burden(settings.burden) if settings.burden else None
    parts = Parts(repository, codec(settings.json), health.report(settings), burden)
    try:
        await ready()
        await answer(parts, listener, stop)
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(parts.in_flight.ended(), SHUTDOWN_S)
        await repository.close()


def _reasons(problem: BaseException | None) -> str:
    """Return the messages of an exception and of its causes, in one line."""
    messages = []
    while problem is not None:
        messages.append(" ".join(str(problem).split()) or type(problem).__name__)
        problem = problem.__cause__
    return ": ".join(dict.fromkeys(messages))
