"""Several worker processes on one port, under a parent that stops when one of them ends."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Gate = Callable[[], Awaitable[None]]

FAILED = 8

_PR_SET_PDEATHSIG = 1
_TOPOLOGY = Path("/sys/devices/system/cpu")
_STOPPING = (signal.SIGTERM, signal.SIGINT)


def supervise(count: int, work: Callable[[Gate], int]) -> int:
    """Fork ``count`` workers, pass SIGTERM and SIGINT on to all of them, and await their end.

    No worker is restarted, because a trial in which one died is invalid: the first that ends by
    itself ends the others too. Workers die with this process, whatever ends it. A worker calls
    ``work``, which returns its exit code, with a gate to await: it opens when all are ready. Where
    there are enough cores, each worker has cores of its own.

    Returns:
        0 if a signal ended all of them well, else the exit code of the first that failed, or
        ``FAILED`` if a signal of another sender ended it.
    """
    supervisor = os.getpid()
    # Every worker holds the writing end until it is ready. The end of the stream opens the gate.
    reading, writing = os.pipe()
    children: set[int] = set()
    asked: list[int] = []

    def stop(number: int, _frame: object) -> None:
        asked.append(number)
        _end(children)

    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    shares = shares_of(cores(), count)
    for number in range(count):
        child = os.fork()
        if child == 0:
            if shares:
                os.sched_setaffinity(0, shares[number])
            _be_worker(supervisor, work, reading, writing)
        children.add(child)
    for number in _STOPPING:
        signal.signal(number, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    os.close(writing)
    os.close(reading)
    return _await_end(children, asked)


def cores() -> list[set[int]]:
    """The CPUs that this process may use, those of one core together."""
    found: dict[str, set[int]] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = _TOPOLOGY / f"cpu{cpu}/topology/thread_siblings_list"
        core = siblings.read_text() if siblings.exists() else str(cpu)
        found.setdefault(core, set()).add(cpu)
    return list(found.values())


def shares_of(every_core: Sequence[set[int]], count: int) -> list[set[int]] | None:
    """The CPUs of each worker, whole cores; None if there are fewer cores than workers.

    Workers that share cores are left to the kernel, which moves them to the core that is free.
    """
    if len(every_core) < count:
        return None
    return [set().union(*every_core[number::count]) for number in range(count)]


def _await_end(children: set[int], asked: list[int]) -> int:
    exit_code = 0
    while children:
        child, status = os.wait()
        children.discard(child)
        code = os.waitstatus_to_exitcode(status)
        well = asked and (code == 0 or -code in _STOPPING)
        if not well and exit_code == 0:
            exit_code = code if code > 0 else FAILED
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            sys.stderr.write(f"workloads.services: worker {child} ended with {how}\n")
            _end(children)
    return exit_code


def _end(children: set[int]) -> None:
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)


def _be_worker(
    supervisor: int, work: Callable[[Gate], int], reading: int, writing: int
) -> NoReturn:
    """Do the work of a worker and end the process, without a return into the parent's code."""
    code = FAILED
    try:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # the parent died before the line above
            os._exit(FAILED)
        code = work(lambda: _gate(reading, writing))
    except BaseException:  # noqa: BLE001 - os._exit would swallow it without a trace
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


async def _gate(reading: int, writing: int) -> None:
    os.close(writing)
    loop = asyncio.get_running_loop()
    opened = asyncio.Event()
    loop.add_reader(reading, opened.set)
    await opened.wait()
    loop.remove_reader(reading)
    os.close(reading)
