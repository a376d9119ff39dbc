"""What the lab asks of a database server on its own host, whichever database it is."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from workloads.databases.interface import DatabaseClient


class Instance(Protocol):
    """A server's files in a folder, and how it is started and stopped."""

    @property
    def client(self) -> DatabaseClient:
        """What can be asked of the running server."""

    def lock(self) -> IO[str]:
        """Take the files for this process until the returned file is closed.

        Raises:
            Failure: another process holds them.
        """

    def profile(self, memory_bytes: int) -> dict[str, str]:
        """The server's settings on a host of so much memory."""

    def end_leftover(self) -> int | None:
        """End a server that a killed run left with these files; returns its pid, or None."""

    def ensure_initialised(self) -> bool:
        """Make the files if there are none, and return whether this call made them.

        Raises:
            Failure: they cannot be made.
        """

    def start(
        self, *, log: Path, server_settings: Mapping[str, str], cpus: Iterable[int] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the server and wait until it, and no other server, answers.

        Raises:
            Failure: the port is taken, or the server ended or did not answer in time.
        """

    def stop(self, server: subprocess.Popen[bytes]) -> bool:
        """Stop the server; returns whether it ended cleanly and in time."""

    def forget_recordings(self) -> None:
        """Remove what the server left of recordings; it has ended."""
