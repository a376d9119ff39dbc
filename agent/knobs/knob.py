"""What a knob is: something of a host that can be read, set, and set back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ..cpus import CPUS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .kernel import Kernel


class Knob(ABC):
    """One knob. Tuning, verifying and restoring use the same three methods, so they cannot differ.

    A knob has one or many places: the governor has a file for each CPU. A place is a path of the
    kernel, or a name that only the knob itself reads.

    Attributes:
        name: in the variables of the roles and in every record.
        meaning: one phrase.
        tolerated: errors that single places may answer with; they are listed, not fatal.
        vanishing: whether places come and go by themselves.
        kept: whether a line of tmpfiles.d(5) can set its places again when the host boots.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    tolerated: ClassVar[frozenset[int]] = frozenset()
    vanishing: ClassVar[bool] = False
    kept: ClassVar[bool] = True

    @abstractmethod
    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401 - each knob's own
        """By place, what it should show. Places that do not exist may be named.

        Raises:
            TypeError, ValueError: ``wanted`` cannot be meant.
        """

    def show(self, kernel: Kernel, place: str) -> str:
        """What a place shows now.

        Raises:
            FileNotFoundError: this host has no such place.
            OSError, NotTunable: it cannot be read.
        """
        return kernel.read(place)

    def write(self, kernel: Kernel, place: str, value: str) -> None:
        """Make a place show a value.

        Raises:
            OSError: the kernel refuses.
            NotTunable, NotTaken: see there.
        """
        kernel.write(place, value)

    def lasting(self, shown: str) -> str:
        """What a restore brings back of what a place showed at first."""
        return shown

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002 - some ask it
        """Whether two values mean the same."""
        return one == other


class CpuFileKnob(Knob):
    """A file that each online CPU has, in which one word is written."""

    file: ClassVar[str]

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401
        """The word for every CPU that has the file: those offline have none."""
        return dict.fromkeys(kernel.find(f"{CPUS}/cpu[0-9]*/{self.file}"), word(wanted))


class ChoiceKnob(Knob):
    """A file such as ``always [madvise] never``."""

    path: ClassVar[str]

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401, ARG002
        """The word for the one file."""
        return {self.path: word(wanted)}

    def show(self, kernel: Kernel, place: str) -> str:
        """The word in brackets."""
        return kernel.read(place).partition("[")[2].partition("]")[0]


def word(value: object) -> str:
    """A value that must be one word, or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value).split()) != 1:
        raise TypeError(f"{value!r} is not one word or number")
    return str(value)


def flag(value: object) -> bool:
    """A value that must be true or false."""
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value
