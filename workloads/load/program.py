"""The frame of ``python -m workloads.load.NAME SPEC.json FOLDER``, for every such program.

It ends with 0 only if all was measured; else with 8 and one line of JSON on standard error: code,
what, where, hint.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from workloads.load.client.failure import EXIT_CODE, LoadError, unwritable
from workloads.load.client.process import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def run(
    work: Callable[[Path, Path], LoadError | None], arguments: list[str], *, name: str, early: str
) -> int:
    """Carry out a load; return the exit code.

    Args:
        work: measures. It takes the paths of spec and folder, and returns why not all was measured.
        arguments: the two paths.
        name: of the module below ``workloads.load``.
        early: what SIGTERM has ended too early, in words.
    """
    if len(arguments) != 2:  # noqa: PLR2004 - a spec and a folder
        sys.stderr.write(f"usage: python -m workloads.load.{name} SPEC.json FOLDER\n")
        return 2
    spec, folder = map(Path, arguments)

    def terminate(_number: int, _frame: object) -> None:
        raise LoadError(
            "terminated",
            f"the load was told to end before {early}",
            where="SIGTERM",
            hint="whoever started it ended it: see there",
        )

    signal.signal(signal.SIGTERM, terminate)
    try:
        # Whoever would read the files is gone then.
        die_with_parent(signal.SIGKILL, os.getppid())
        failure = work(spec, folder)
    except LoadError as failed:
        failure = failed
    except OSError as refused:
        failure = unwritable(refused, folder)
    if failure is not None:
        sys.stderr.write(failure.line() + "\n")
        return EXIT_CODE
    return 0


def in_loop[T](work: Coroutine[Any, Any, T]) -> T:
    """Run what measures in an event loop; SIGTERM ends it at its next step.

    Raises:
        LoadError: code ``terminated``, by the handler of `run`.
    """

    async def until_told() -> T:
        if task := asyncio.current_task():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    terminate = signal.getsignal(signal.SIGTERM)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            result = runner.run(until_told())
    except asyncio.CancelledError:
        signal.signal(signal.SIGTERM, terminate)  # the loop had its own
        signal.raise_signal(signal.SIGTERM)
        raise
    signal.signal(signal.SIGTERM, terminate)
    return result
