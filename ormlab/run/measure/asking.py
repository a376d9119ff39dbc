"""Asking the code that was shipped to a host, and reading what it says as a stranger's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle import codec, names
from ormlab.base.errors import LoadError

if TYPE_CHECKING:
    from ormlab.hosts import Host
    from ormlab.run.measure.deployment import Deployment


def ask[T](host: Host, deployment: Deployment, kind: type[T], module: str, *arguments: str) -> T:
    """Run a module of the shipped code that answers with one JSON document.

    Args:
        host: connected.
        deployment: of the lab there.
        kind: the answer.
        module: of the code.
        arguments: of its command line.

    Raises:
        CommandFailed: it did not answer.
        LoadError: its answer is no such document.
    """
    argv = [*deployment.interpreter, "-m", module, *arguments]
    return read(host.run(*argv), kind, where=f"{host.spec.name}: {module} {' '.join(arguments)}")


def read[T](said: str, kind: type[T], *, where: str) -> T:
    """Read what a program of the lab has said, or left, on a host.

    Args:
        said: one JSON document.
        kind: what it must be.
        where: who said it, or the file.

    Raises:
        LoadError: it is no such document.
    """
    try:
        return codec.read(said.encode(errors="surrogateescape"), kind)
    except ValueError as wrong:
        raise LoadError(
            "answer-unreadable",
            f"what the lab's code says on the host cannot be read: {names.printable(str(wrong))}",
            where=where,
            hint="something else wrote there, or the disk was full; run it there by hand",
        ) from None
