"""The way through jump hosts: a program that leads to a host's sshd, as a socket for paramiko.

paramiko's own ProxyCommand keeps reading after the program has ended, and loses what it complained
of.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from host.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramiko import Transport

_LINES = 2  # ssh first says why, and then what it could not do
_PATIENCE_S = 5.0  # for the program to end


class Tunnel:
    """A running program whose standard input and output are one socket."""

    def __init__(self, command: str) -> None:
        self.socket, theirs = socket.socketpair()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        # In a session of its own: it must not ask on the terminal, as it cannot in a play.
        self._process = subprocess.Popen(
            ["sh", "-c", f"exec {command}"],
            env=environment("ssh"),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=self._complaints,
            start_new_session=True,
        )
        theirs.close()

    @property
    def complaint(self) -> str:
        """What it wrote to standard error at last, in one line; empty if it said nothing."""
        self._complaints.seek(0)
        said = self._complaints.read().decode(errors="replace").splitlines()
        return "; ".join(line.strip() for line in said[-_LINES:])

    def close(self) -> None:
        """End it."""
        self.socket.close()
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.close()


@contextmanager
def tunnel(command: str | None) -> Iterator[Tunnel | None]:
    """A tunnel by a command of a shell, such as `HostSpec.proxy`; None without one."""
    if command is None:
        yield None
        return
    made = Tunnel(command)
    try:
        yield made
    finally:
        made.close()


def close_when_silent(transport: Transport, silence_s: float) -> None:
    """Close a connection through a tunnel when its host answers nothing for so long.

    The kernel sees only the socket to the program here, and that stays open when the host behind a
    jump host loses its power.
    """

    def watch() -> None:
        over = threading.Event()
        while transport.is_active():
            late = threading.Timer(silence_s / 2, transport.close)
            late.daemon = True
            late.start()
            # sshd refuses it, and that is an answer.
            transport.global_request("keepalive@openssh.com", wait=True)
            late.cancel()
            over.wait(silence_s / 2)

    threading.Thread(target=watch, daemon=True).start()
