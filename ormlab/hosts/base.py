"""The interface to a host that the orchestrator uses, independent of the connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ormlab.base.errors import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from host.environment import Program
    from ormlab.hosts.inventory import HostSpec


class CommandFailed(ProvisioningError):  # noqa: N818 - an outcome callers expect, with its output
    """A command on a host ended with a status that was not expected.

    Attributes:
        output: what it wrote to standard output and standard error.
    """

    def __init__(self, host: str, command: str, output: str) -> None:
        last = output.strip().splitlines()[-1] if output.strip() else "it wrote nothing"
        super().__init__(
            "host-command",
            f"a command failed on {host}: {last}",
            where=f"{host}: {command}",
            hint="run it there by hand; `ormlab doctor` checks the usual causes",
        )
        self.output = output


@dataclass(frozen=True)
class Ended:
    """How a program on a host ended.

    Attributes:
        status: of its exit; negative for a signal, or where the host did not say.
        errors: what it wrote to standard error.
    """

    status: int
    errors: str


class Begun(Protocol):
    """A program on a host that lives until it is ended, or until this process is gone."""

    @property
    def line(self) -> str:
        """The first line that it wrote; empty if it ended instead."""
        ...

    def send(self, data: bytes) -> None:
        """Write to its standard input; may be called by another thread.

        Raises:
            OSError: it has ended, or the connection is gone.
        """
        ...

    def end(self) -> Ended:
        """Close its standard input, and wait until it has ended."""
        ...


class Host(Protocol):
    """One connected host."""

    @property
    def spec(self) -> HostSpec:
        """How the inventory describes it."""
        ...

    def run(self, *argv: str, accept: Sequence[int] = (0,), program: Program = "tool") -> str:
        """Run a program to its end and return its standard output.

        It gets only those variables of the login that its kind of program may have.

        Raises:
            CommandFailed: it ended with a status that is not in ``accept``.
        """
        ...

    def try_run(self, *argv: str) -> bool:
        """Run a program to its end and return whether it ended with 0."""
        ...

    def begin(self, *argv: str) -> Begun:
        """Start a program that ends with its standard input, and wait for its first line."""
        ...

    def put(self, data: bytes, path: str) -> None:
        """Write a file on the host."""
        ...

    def put_secret(self, text: str, path: str) -> None:
        """Write a file that only its owner may read; the text never appears on a command line."""
        ...

    def fetch(self, folder: str, into: Path) -> None:
        """Copy the content of a folder of the host into a local folder."""
        ...
