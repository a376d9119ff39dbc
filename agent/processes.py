"""Start processes that cannot outlive the agent, watch them without polling, and end them.

The agent is single-threaded, so the parent-death signal (prctl(2), PR_SET_PDEATHSIG), which is
bound to the thread that forked, fires exactly when the agent dies, kill -9 included.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from host.environment import environment

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from host.environment import Program

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)

SHIPPED = {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "PYTHONSAFEPATH": "1"}
"""Variables by which a Python finds the code that the agent is part of, and no other."""


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, so that none escapes."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


@dataclass(frozen=True)
class Account:
    """The unprivileged user a process runs as."""

    name: str
    uid: int
    gid: int


def spawn(
    argv: Sequence[str],
    *,
    program: Program,
    log: Path,
    stdout: Path | None = None,
    cpus: Iterable[int] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, pinned, that dies with the agent.

    Args:
        argv: the program, found on PATH, and its arguments.
        program: its kind, which decides its environment.
        log: takes standard error, and standard output too unless ``stdout`` takes that.
        stdout: takes standard output.
        cpus: the CPUs it may run on; None leaves the agent's own.
        env: variables added to those of its kind.
        cwd: its working folder.
        account: drop to this user first; only root may.
        death_signal: what the kernel sends it when the agent dies.

    Raises:
        OSError: the program cannot be started.
    """
    allowed = sorted(cpus) if cpus is not None else None
    agent = os.getpid()

    def prepare() -> None:
        # A process that ignores it, as one may inherit, throws its children's CPU time away.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Runs after the change of user, which would have cleared the death signal.
        if allowed is not None:
            os.sched_setaffinity(0, allowed)
        _prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != agent:  # it died before it could be watched
            os._exit(1)

    with log.open("ab") as errors, (stdout or log).open("ab") as out:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=environment(program, env),
            cwd=cwd,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
            preexec_fn=prepare,
        )


def stop(
    process: subprocess.Popen[bytes],
    *,
    timeout_s: float,
    polite: signal.Signals = signal.SIGTERM,
) -> bool:
    """End a process and its whole session; returns whether it ended within its time by itself."""
    if process.returncode is not None:  # reaped: its number may be another's by now
        return True
    with Watch() as watch:
        watch.add("process", process.pid)
        os.kill(process.pid, polite)
        deadline = time.monotonic() + timeout_s
        in_time = watch.until_one_ends(deadline=deadline, period_s=timeout_s, tick=lambda: None)
    # Before it is reaped, so that the number is still that of its session.
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return bool(in_time)


def end_children() -> list[int]:
    """Kill what is still below this process; returns the pids, normally none."""
    left = [child for child in psutil.Process().children(recursive=True) if _alive(child)]
    for child in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(left, timeout=5)
    return [child.pid for child in left]


def _alive(process: psutil.Process) -> bool:
    # In containers a killed process can stay as a zombie of PID 1: that is not a leftover.
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Watch:
    """Wait until one of several processes ends or a socket has something to say.

    Something is done at a steady period meanwhile.

    Waits on pidfds (pidfd_open(2)), so an end is seen at once and waiting costs nothing.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._names: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._names:
            os.close(descriptor)

    def add(self, name: str, pid: int) -> None:
        """Watch a process.

        Raises:
            ProcessLookupError: it is already gone and reaped.
        """
        self._register(name, os.pidfd_open(pid))

    def add_socket(self, name: str, watched: socket.socket) -> None:
        """Watch a socket as well: for its connections, its data, and its end."""
        self._register(name, os.dup(watched.fileno()))

    def drop(self, name: str) -> None:
        """Watch what has this name no longer."""
        for descriptor in [each for each, known in self._names.items() if known == name]:
            self._poll.unregister(descriptor)
            del self._names[descriptor]
            os.close(descriptor)

    def _register(self, name: str, descriptor: int) -> None:
        self._names[descriptor] = name
        self._poll.register(descriptor, select.POLLIN)

    def until_one_ends(
        self, *, deadline: float, period_s: float, tick: Callable[[], None]
    ) -> set[str]:
        """Return the names of those that ended or speak; empty if the deadline came first.

        Args:
            deadline: an instant of time.monotonic().
            period_s: ``tick`` is called at every multiple of it, on an absolute schedule.
            tick: may raise to end the wait.
        """
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= deadline:
                tick()  # whose own deadline may be this one, and who says so
                return set()
            if now >= due:
                tick()
                due += period_s * max(1, 1 + int((now - due) / period_s))
            wait_s = min(due, deadline) - time.monotonic()
            ended = self._poll.poll(max(0.0, wait_s) * 1000)
            if ended:
                return {self._names[descriptor] for descriptor, _ in ended}
