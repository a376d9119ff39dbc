"""The stacks and locks that a bundle recorded: read as a stranger's, laid out, and compared.

What is written goes below one new folder, under names that the type of a stack has allowed; what is
read lies in the bundle itself, not behind a link. A lock may hold pinned packages and hashes only.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bundle import names, strict_toml
from bundle.tree import read_small
from ormlab.base import checkout
from ormlab.base.errors import UsageError
from workloads import stacks
from workloads.stacks import locks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from workloads.stacks import Stack

LOCKS: Final = "inputs/locks"
_DEFINED: Final = "stacks.toml"


@dataclass(frozen=True)
class Lock:
    """A file of a bundle that decides what is installed, beside the checkout's of that name.

    Of ``stacks.toml`` the definitions of the stacks in use count.

    Attributes:
        name: of the file in ``inputs/locks``.
        compared: with the checkout's; ``none`` if the checkout has no file of that name.
    """

    name: str
    compared: Literal["same", "other", "none"]


def lay_out(bundle: Path, used: Iterable[str], into: Path) -> Path:
    """Lay out the stacks with the locks that a bundle has, instead of those of the checkout.

    What the stacks ask for (``<stack>.in``) is not in a bundle and is taken from the checkout;
    the digest of a stack tells whether that makes the same stack.

    Args:
        bundle: its folder, sealed or not.
        used: names of the stacks whose locks are needed.
        into: a folder that does not exist.

    Returns:
        The folder ``into``.

    Raises:
        UsageError: the bundle lacks a lock, or one holds more than a lock may.
    """
    shutil.copytree(checkout.STACKS, into, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    try:
        defined_there = _read(bundle, _DEFINED)
        strict_toml.load(defined_there)  # what it may cost to read is bounded before it is read
        _write(into, _DEFINED, defined_there)
        # A table that has gone since asks for nothing here; if it is a used one, its digest will
        # say so. Names are read, and so checked, before any becomes part of a path.
        defined = stacks.load(into, lost_asks_nothing=True)
        for stack in defined.values():
            if stack.base is None and not stack.wanted.exists():
                _write(into, stack.wanted.name, b"")
        for file in _files(defined[name] for name in used):
            _write(into, file.relative_to(into).as_posix(), _read(bundle, file.name))
            locks.read(file)
    except (OSError, ValueError, LookupError) as problem:
        raise UsageError(
            "locks-missing" if isinstance(problem, OSError | LookupError) else "locks-refused",
            f"the locks of its stacks cannot be used: {names.printable(str(problem))}",
            where=str(bundle / LOCKS),
            hint="a bundle that reaches L1 and was made by this lab has them",
        ) from None
    return into


def compare(folder: Path, used: Iterable[Stack]) -> tuple[Lock, ...]:
    """Hold locks that were laid out against those of the checkout.

    Args:
        folder: as `lay_out` made it.
        used: the stacks that are to be made.
    """
    chosen = list(used)
    ours = stacks.load()
    is_same = all(
        stack.name in ours and _definition(stack) == _definition(ours[stack.name])
        for stack in chosen
    )
    defined = Lock(_DEFINED, "same" if is_same else "other")
    return (defined, *(_compared(file, folder) for file in _files(chosen)))


def _definition(stack: Stack) -> tuple[object, ...]:
    """What decides what is made of a lock; titles and notes do not."""
    return stack.python, stack.build, stack.no_binary, stack.pure, stack.compiled, stack.imports


def _compared(file: Path, folder: Path) -> Lock:
    ours = checkout.STACKS / file.relative_to(folder)
    if not ours.is_file():
        return Lock(file.name, "none")
    same = file.read_bytes() == ours.read_bytes()
    return Lock(file.name, "same" if same else "other")


def _files(used: Iterable[Stack]) -> list[Path]:
    return sorted({file for stack in used for file in stack.files})


def _read(bundle: Path, name: str) -> bytes:
    return read_small(bundle / LOCKS / name, limit=locks.LARGEST)


def _write(folder: Path, name: str, data: bytes) -> None:
    """Write a file below a folder, in place of the one that is there; no link is followed."""
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in name.split("/")[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
            os.close(top)
            top = below
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        file = os.open(name.rpartition("/")[2], flags, 0o644, dir_fd=top)
        with os.fdopen(file, "wb") as out:
            out.write(data)
    finally:
        os.close(top)
