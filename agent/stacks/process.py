"""Run one program to its end into a log, and leave nothing of it behind."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from host.environment import environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TIMED_OUT = 124  # as timeout(1) has it


class Ended(NamedTuple):
    """How a program ended: its exit status (negative for a signal) and all it printed."""

    code: int
    output: str


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    extra: Mapping[str, str],
    timeout_s: float,
    keep_open: int,
) -> Ended:
    """Append the command and what it prints to ``log``; returns how it ended.

    Args:
        command: the program and its arguments.
        log: the file to append to.
        extra: variables added to those of an installer, which are few: flags of a compiler, or
            switches that leave out C extensions, would make another stack of it.
        timeout_s: seconds after which it is ended, with exit status ``TIMED_OUT``.
        keep_open: a descriptor the program and its children hold too. A lock on it stays taken
            while any of them lives, even if this process is killed.

    Raises:
        OSError: the program cannot be started.
    """
    with log.open("ab") as out:
        out.write(f"$ {shlex.join(map(str, command))}\n".encode())
        out.flush()
        start = out.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment("installer", extra),
            process_group=0,
            pass_fds=[keep_open],
        )
        end = os.pidfd_open(process.pid)
        in_time = False
        try:
            in_time = bool(select.select([end], [], [], timeout_s)[0])
        finally:
            # A compiler may outlive the installer that started it. The group is ended before its
            # leader is waited for: until then no other process can get its number.
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            os.close(end)
        if not in_time:
            code = TIMED_OUT
            out.write(f"did not end within {timeout_s:g} s\n".encode())
    with log.open("rb") as written:
        written.seek(start)
        return Ended(code, written.read().decode(errors="replace"))
