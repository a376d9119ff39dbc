"""What every database server of a run needs: its files to itself, a free port, a first answer."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from typing import IO, TYPE_CHECKING, Final

import psutil

from agent import ports, processes, reach
from agent.failure import Failure, last_logged

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable
    from pathlib import Path

HOST: Final = "127.0.0.1"
ROLE: Final = "ormlab"
STOP_TIMEOUT_S: Final = 60.0
_START_TIMEOUT_S: Final = 60.0
_POLL_S: Final = 0.02


def held(folder: Path, lock_file: Path) -> IO[str]:
    """Take a server's files for this process until the returned file is closed.

    Args:
        folder: what the lab keeps of the server; made if there is none.
        lock_file: whose lock decides.

    Raises:
        Failure: another process holds them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = lock_file.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise Failure(
            "database-in-use",
            f"another run (process {owner}) is using this cluster",
            where=str(folder),
            hint="wait until that run ends, or give this run a lab_root of its own",
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def require_reachable(*places: Path) -> None:
    """Refuse places that the user of the server cannot enter.

    Raises:
        Failure: with the first folder that keeps it out.
    """
    if barrier := reach.obstacle(*places):
        raise Failure(barrier.code, barrier.what, where=barrier.where, hint=barrier.hint)


def require_made(maker: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Wait for the program that makes a server's files.

    Raises:
        Failure: it failed.
    """
    if maker.wait() != 0:
        raise Failure(
            "database-init",
            f"{name} ended with {maker.returncode}: {last_logged(log)}",
            where=str(log),
            hint="read the log; a full disk is the usual cause",
        )


def require_free(port: int, addresses: Iterable[str], *, title: str) -> None:
    """Refuse a port that another program has on one of the addresses.

    Raises:
        Failure: with the address.
    """
    for address in addresses:
        if why := ports.refusal(port, [address]):
            raise Failure(
                "port-taken",
                f"{title} cannot have port {port}: {why}",
                where=f"{address}:{port}",
                hint="stop what has it; if the inventory does not name the port, the next run "
                "draws another one",
            )


def answering(
    server: subprocess.Popen[bytes],
    answers: Callable[[], bool],
    *,
    title: str,
    log: Path,
    polite: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Wait until a server that was just started answers.

    Args:
        server: the process.
        answers: whether it, and no other server, answers.
        title: name of the database for readers.
        log: what it has printed.
        polite: signal that ends one that does not answer in time.

    Raises:
        Failure: it ended or did not answer in time; it no longer runs.
    """
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if answers():
            return server
        if server.poll() is not None:
            break
        time.sleep(_POLL_S)
    processes.stop(server, timeout_s=5, polite=polite)
    raise Failure(
        "database-start",
        f"{title} did not start: {last_logged(log)}",
        where=str(log),
        hint=f"read the log; it says what {title} refuses",
    )


def stopped(server: subprocess.Popen[bytes], polite: signal.Signals) -> bool:
    """End a server; returns whether it ended cleanly and in time."""
    in_time = processes.stop(server, timeout_s=STOP_TIMEOUT_S, polite=polite)
    return in_time and server.returncode == 0


def end_leftover(pidfile: Path, argument: str, by: signal.Signals) -> int | None:
    """End a server that a killed run left; returns its pid, or None.

    Only the process that the pidfile names and that has the argument, which names its files, is
    ended. It belongs to no living run, because the caller holds the lock.
    """
    try:
        process = psutil.Process(int(pidfile.read_text().split("\n", 1)[0]))
        if argument not in process.cmdline():
            return None
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    process.send_signal(by)
    process.wait(STOP_TIMEOUT_S)
    return int(process.pid)
