"""``python -m agent ORDER.json``: detach and carry out one order.

The command returns as soon as the detached agent holds its lock, or says why it cannot. Other forms
print JSON: ``facts`` the facts of this host; ``owner`` what a record must not hold; ``placement``
which CPUs serve which purpose, here or below another root; ``obstacle FOLDER...`` a list of what
keeps PostgreSQL from having its files there.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent import (
    answers,
    check,
    command,
    database,
    floor,
    observe,
    orders,
    owner,
    processes,
    profilers,
    reach,
    trial,
)
from agent.failure import Failure
from agent.files import utc_now, write_json
from agent.heartbeat import Heartbeat
from bundle.documents.profilers import Profiled
from bundle.documents.readings import TrialReadings
from bundle.documents.services import Observed
from host import items, placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from agent.orders import Order, Work
    from bundle.documents import failure as documents

_RESERVE_BYTES = 1 << 15
_LOOK_S = 2.0
# By kind of work: the type of what it observes, and the function that carries it out and fills in
# an object of that type.
_WORKS: dict[type[Work], tuple[Callable[[], object], Callable[..., None]]] = {
    orders.CheckService: (Observed, check.check),
    orders.Diagnose: (Observed, check.diagnose),
    orders.FindFloor: (Observed, floor.carry_out),
    orders.KeepDatabase: (answers.Kept, database.carry_out),
    orders.Observe: (answers.PartReadings, observe.observe),
    orders.Profile: (Profiled, profilers.carry_out),
    orders.RunCommand: (Observed, command.carry_out),
    orders.RunTrial: (TrialReadings, trial.carry_out),
    orders.RunSideBySide: (answers.SideReadings, trial.carry_out_side_by_side),
    orders.Serve: (answers.PartReadings, observe.serve),
}


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    reach.let_others_read()
    answer: object
    match arguments:
        case ["facts"]:
            answer = items.facts()
        case ["owner"]:
            answer = owner.collect()
        case ["obstacle", *folders]:
            barrier = reach.obstacle(*map(Path, folders))
            answer = [barrier] if barrier else []
        case ["placement", *options]:
            answer = _plan(options)
        case [path]:
            return _accept(Path(path).resolve())
        case _:
            usage = "usage: python -m agent ORDER.json | facts | owner | placement | obstacle\n"
            sys.stderr.write(usage)
            return 2
    sys.stdout.write(msgspec.json.encode(answer).decode())
    return 0


def _accept(path: Path) -> int:
    """Start the agent of an order; returns once it holds its lock, or cannot get it."""
    try:
        order = orders.read(path)
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"agent: {problem}\n")
        return 2
    ready, promise = os.pipe()
    child = os.fork()
    if child:
        os.close(promise)
        accepted = os.read(ready, 1)
        sys.stdout.write(f"{child}\n")
        return 0 if accepted else 8
    os.close(ready)
    _detach(order, path.parent)
    # Never closed: the kernel releases the lock after everything else this process holds.
    lock = os.open(path.parent / "lock", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(promise, b"+")
    os.close(promise)
    _finish(order, path.parent)
    os._exit(0)


def _plan(arguments: list[str]) -> placement.Placement:
    parser = argparse.ArgumentParser(prog="agent placement")
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="of the host")
    parser.add_argument("--layout", choices=placement.LAYOUTS)
    options = parser.parse_args(arguments)
    return placement.read_plan(options.root, options.layout)


def _detach(order: Order, folder: Path) -> None:
    os.setsid()
    log = os.open(folder / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    (folder / "pid").write_text(f"{os.getpid()}\n")
    os.chdir(folder)
    if order.cpus is not None:
        os.sched_setaffinity(0, order.cpus)
    # Room for done.json, so that a full disk can still be reported.
    with (folder / "reserve").open("wb") as reserve:
        os.posix_fallocate(reserve.fileno(), 0, _RESERVE_BYTES)


def _finish(order: Order, folder: Path) -> None:
    """Carry out the order, leave nothing running, and write ``done.json``."""
    signal.signal(signal.SIGTERM, _interrupted)
    # If the parent ignored SIGCHLD and this process inherits that, every exit status is 0.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    processes.adopt_orphans()
    started = utc_now()
    failure: documents.Failure | None = None
    heartbeat = Heartbeat(
        Path(order.heartbeat), timeout_s=order.heartbeat_timeout_s, deadline_s=order.deadline_s
    )
    observe_into, carry_out = _WORKS[type(order.work)]
    observed = observe_into()
    try:
        with _overseen(heartbeat):
            carry_out(order.work, folder, heartbeat, observed)
    except Failure as problem:
        failure = problem.record()
    except Exception as fault:  # noqa: BLE001 - recorded as this order's failure, with the traceback
        with contextlib.suppress(OSError):  # the log is on the disk that may be full
            traceback.print_exc()
        failure = _unforeseen(fault, folder).record()
    finally:
        # A late SIGTERM must not undo what the order has done.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    done = answers.Done(
        started=started,
        ended=utc_now(),
        failure=failure,
        ended_by_force=processes.end_children(),
        observed=observed,
    )
    (folder / "reserve").unlink()
    with contextlib.suppress(OSError):  # the missing file says that it failed
        write_json(folder / "done.json", done)


@contextlib.contextmanager
def _overseen(heartbeat: Heartbeat) -> Iterator[Heartbeat]:
    """Check the heartbeat even while the order waits for a program that hangs."""

    def look(_signal: int, _frame: FrameType | None) -> None:
        if not heartbeat.raised:  # the agent cleans up since then, and must not be interrupted
            heartbeat.check()

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)
    try:
        yield heartbeat
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise Failure("interrupted", "the orchestrator asked the agent to stop")


def _unforeseen(fault: Exception, folder: Path) -> Failure:
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(
            "disk-full",
            f"no space left while writing {fault.filename or 'a file'}",
            where=str(folder),
            hint="free some space, then run again",
        )
    return Failure(
        "agent-fault",
        f"{type(fault).__name__}: {fault}",
        where=str(folder / "agent.log"),
        hint="this is a fault of the lab: please report it with that log",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
