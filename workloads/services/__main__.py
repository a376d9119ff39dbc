"""``python -m workloads.services SETTINGS.json``: serve the contract until SIGTERM.

Exit codes: 0 stopped by a signal, 2 unusable settings, 8 port taken, database unreachable or a
worker dead. Each failure is one line on stderr.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workloads.services import server, workers
from workloads.services.codec import codec
from workloads.services.serving import AddressError
from workloads.services.settings import SettingsError, read

if TYPE_CHECKING:
    from workloads.services.workers import Gate

_USAGE, _FAILED = 2, 8


def main(argv: list[str]) -> int:
    """Serve as the settings file says and return the exit code."""
    logging.basicConfig(format="%(name)s: %(message)s")
    if len(argv) != 1:
        return _fail("usage: python -m workloads.services SETTINGS.json", _USAGE)
    try:
        settings = read(Path(argv[0]))
        repository = server.load(settings)
        answer = server.framework(settings)
        loop_factory = server.loop_factory(settings)
        codec(settings.json)
    except (SettingsError, ImportError) as problem:
        return _fail(str(problem), _USAGE)
    try:
        taken = server.bind(settings.host, settings.port)
    except AddressError as problem:
        return _fail(str(problem), _FAILED)
    # Each of several workers has a socket of its own. On one common socket, whichever worker is
    # awake takes the waiting connections, and trials would differ by that.
    alone = settings.workers == 1

    def work(gate: Gate) -> int:
        try:
            with (
                taken if alone else server.bind(*taken.getsockname()[:2], shared=True) as listener,
                asyncio.Runner(loop_factory=loop_factory) as runner,
            ):
                runner.run(server.serve(settings, repository, answer, listener, gate))
        except (AddressError, server.DatabaseError) as problem:
            return _fail(str(problem), _FAILED)
        return 0

    # Held to the end and not shared, so that another service on this port is refused at once.
    with taken:
        return work(_at_once) if alone else workers.supervise(settings.workers, work)


async def _at_once() -> None:
    """Open the gate of a process that has no others to wait for."""


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"workloads.services: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
