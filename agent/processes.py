"""Start processes that cannot outlive the agent, watch them without polling, and end them.

The parent-death signal (prctl(2), PR_SET_PDEATHSIG) belongs to the thread that forked. The agent
has one thread, so the kernel sends the signal exactly when the agent dies, even by kill -9.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from host import signals
from host.environment import environment

if TYPE_CHECKING:
    import pwd
    import socket
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from host.environment import Program

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)

SHIPPED = {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "PYTHONSAFEPATH": "1"}
"""Variables by which a Python finds the agent's own code, and no other."""


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, so that none escapes."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def spawn(
    argv: Sequence[str],
    *,
    program: Program,
    log: Path,
    stdout: Path | None = None,
    cpus: Iterable[int] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: pwd.struct_passwd | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    descriptors: Iterable[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own that dies with the agent.

    Args:
        argv: the program, found on PATH, and its arguments.
        program: its kind, which decides its environment.
        log: gets standard error, and standard output without ``stdout``.
        stdout: gets standard output.
        cpus: on which it may run; None for the agent's own.
        env: variables added to those of its kind.
        cwd: its working folder.
        account: the user to become first; only root may.
        death_signal: that the kernel sends it when the agent dies.
        descriptors: of open files that it gets, by the same numbers.

    Raises:
        OSError: the program cannot be started.
    """
    allowed = sorted(cpus) if cpus is not None else None
    agent = os.getpid()

    def prepare() -> None:
        release()
        # A process that inherits to ignore SIGCHLD throws its children's CPU time away.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # This runs after the change of user, which clears the death signal.
        if allowed is not None:
            os.sched_setaffinity(0, allowed)
        _prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != agent:  # the agent died before prctl
            os._exit(1)

    with (
        log.open("ab") as errors,
        (stdout or log).open("ab") as out,
        signals.held(signal.SIGTERM) as release,
    ):
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=environment(program, env),
            cwd=cwd,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
            preexec_fn=prepare,
            pass_fds=tuple(descriptors),
        )


def stop(
    process: subprocess.Popen[bytes],
    *,
    timeout_s: float,
    polite: signal.Signals = signal.SIGTERM,
) -> bool:
    """End a process and its whole session; returns whether ``polite`` ended it in time."""
    if process.returncode is not None:  # reaped: another process may have its number by now
        return True
    with Watch() as watch:
        watch.add("process", process.pid)
        os.kill(process.pid, polite)
        deadline = time.monotonic() + timeout_s
        in_time = watch.until_one_ends(deadline=deadline, period_s=timeout_s, tick=lambda: None)
    # Before the process is reaped: until then the number belongs to its session.
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return bool(in_time)


def end_children() -> list[int]:
    """Kill all descendants of this process; returns their pids, normally none."""
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
    """Waits until one of several processes ends or a socket is readable.

    It waits on pidfds (pidfd_open(2)), so it sees an end at once, and waiting takes no CPU time.
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
            ProcessLookupError: it has ended and was reaped.
        """
        self._register(name, os.pidfd_open(pid))

    def add_socket(self, name: str, watched: socket.socket) -> None:
        """Watch a socket as well: for its connections, its data, and its end."""
        self._register(name, os.dup(watched.fileno()))

    def drop(self, name: str) -> None:
        """Stop watching a process or socket."""
        for descriptor in [number for number, known in self._names.items() if known == name]:
            self._poll.unregister(descriptor)
            del self._names[descriptor]
            os.close(descriptor)

    def _register(self, name: str, descriptor: int) -> None:
        self._names[descriptor] = name
        self._poll.register(descriptor, select.POLLIN)

    def until_one_ends(
        self, *, deadline: float, period_s: float, tick: Callable[[], None]
    ) -> set[str]:
        """Return the names of ended processes and readable sockets; none at the deadline.

        Args:
            deadline: an instant of time.monotonic().
            period_s: between calls of ``tick``, on an absolute schedule.
            tick: may raise to end the wait.
        """
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= deadline:
                tick()  # may have the same deadline, and then raises its failure
                return set()
            if now >= due:
                tick()
                due += period_s * max(1, 1 + int((now - due) / period_s))
            wait_s = min(due, deadline) - time.monotonic()
            ended = self._poll.poll(max(0.0, wait_s) * 1000)
            if ended:
                return {self._names[descriptor] for descriptor, _ in ended}
