"""One process that serves: pool opened, then listening; SIGTERM or SIGINT, then a quick end."""

from __future__ import annotations

import asyncio
import importlib
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import web

from workloads.services import health
from workloads.services.app import InFlight, application
from workloads.services.burden import Burden
from workloads.services.codec import codec
from workloads.services.settings import Settings, build

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workloads.services.repository import Repository

BACKLOG = 4096

# Requests in flight at the end get this long; idle connections are closed at once.
_SHUTDOWN_S = 10.0
# Longer than any trial: no connection of a generator may end for being idle.
_KEEPALIVE_S = 3600.0


class DatabaseError(RuntimeError):
    """The connection pool could not be opened; the message names the server and the reason."""


class AddressError(RuntimeError):
    """The address is taken or not of this host; the message names it."""


def bind(host: str, port: int) -> socket.socket:
    """Take an address without listening on it yet: clients are refused until the pool is open.

    Raises:
        AddressError: the address is taken or not of this host.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as problem:
        listener.close()
        raise _address_error((host, port), problem) from problem
    return listener


def load(settings: Settings) -> Repository:
    """Return the repository that the settings ask for, not yet open.

    Raises:
        SettingsError: an option is unknown or of the wrong type.
        ImportError: the stack lacks the library.
    """
    package: Any = importlib.import_module(f"workloads.services.{settings.service}")
    options = build(package.Options, settings.options, "options")
    repository: Repository = package.create(settings.database, settings.pool, options)
    return repository


def loop_factory(settings: Settings) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop.

    Raises:
        ModuleNotFoundError: uvloop was asked for and is not in this stack.
    """
    if settings.loop == "uvloop":
        make: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module(
            "uvloop"
        ).new_event_loop
        return make
    return asyncio.new_event_loop


async def serve(
    settings: Settings,
    repository: Repository,
    listener: socket.socket,
    ready: Callable[[], Awaitable[None]],
) -> None:
    """Open the pool, await ``ready``, answer requests until told to stop, and close the pool.

    Raises:
        DatabaseError: the pool could not be opened.
        AddressError: another process began to listen on the address meanwhile.
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
    in_flight = InFlight()
    burden = Burden(settings.burden) if settings.burden else None
    app = application(repository, codec(settings.json), health.report(settings), in_flight, burden)
    try:
        await ready()
        await _answer(app, listener, stop)
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(in_flight.ended(), _SHUTDOWN_S)
        await repository.close()


async def _answer(app: web.Application, listener: socket.socket, stop: asyncio.Event) -> None:
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=_KEEPALIVE_S, shutdown_timeout=_SHUTDOWN_S
    )
    await runner.setup()
    try:
        try:
            await web.SockSite(runner, listener, backlog=BACKLOG).start()
        except OSError as problem:
            raise _address_error(listener.getsockname(), problem) from problem
        await stop.wait()
    finally:
        await runner.cleanup()


def _address_error(address: tuple[Any, ...], problem: OSError) -> AddressError:
    return AddressError(f"cannot listen on {address[0]}:{address[1]}: {problem.strerror}")


def _reasons(problem: BaseException | None) -> str:
    """Return what an exception and those that caused it say, in one line."""
    said = []
    while problem is not None:
        said.append(" ".join(str(problem).split()) or type(problem).__name__)
        problem = problem.__cause__
    return ": ".join(dict.fromkeys(said))
