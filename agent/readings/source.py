"""What a reading is, and the place it is taken from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..cpus import CPUS, cpu_list

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .moment import Moment

type Kind = Literal["text", "number", "flag", "list"]


class NotReadable(Exception):  # noqa: N818 - an outcome that is recorded, not a fault
    """This host does not say; the message says why, in the words of a reader."""


@dataclass(frozen=True)
class Place:
    """Where readings are taken.

    Attributes:
        root: ``/`` on a real host, a fixture tree in tests.
        folder: the lab's on that host.
        ports: TCP ports that a run will want.
        uv: the program that makes the stacks' environments; None where nobody said.
        before: counters at the start of the interval.
        after: those at its end.
    """

    root: Path
    folder: Path
    ports: tuple[int, ...]
    uv: str | None
    before: Moment
    after: Moment

    def text(self, path: str) -> str:
        """A file below the root, stripped."""
        return (self.root / path).read_text().strip()

    def online(self) -> list[int]:
        """The CPUs that are online."""
        return cpu_list(self.text(f"{CPUS}/online"))

    def of_each_cpu(self, path: str) -> list[str]:
        """A file of every online CPU, each content once, sorted."""
        return sorted({self.text(f"{CPUS}/cpu{cpu}/{path}") for cpu in self.online()})


@dataclass(frozen=True)
class Reading:
    """One reading.

    Attributes:
        key: its name in the record.
        kind: of its value.
        unit: of its value; None for words, counts and flags.
        meaning: one phrase.
        source: the file, program or call it comes from.
        read: returns the value, or raises NotReadable, OSError, ValueError or LookupError.
    """

    key: str
    kind: Kind
    unit: str | None
    meaning: str
    source: str
    read: Callable[[Place], Any]
