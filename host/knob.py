"""The interface of a knob: a setting of a host that a role can read, change and restore."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from .cpus import CPUS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .kernel import Kernel


type Baseline = Mapping[str, Mapping[str, str]]
"""By knob the value of each place before the lab first changed it."""


class Knob(ABC):
    """One knob. Tune, verify and restore use the same three methods, so they cannot disagree.

    A knob has one or more places: the governor has a file for each CPU. A place is a path of the
    kernel, or a name that only the knob itself interprets.
    """

    name: str  #: in the variables of the roles and in every record
    #: errors of single places that are listed and not fatal
    tolerated: ClassVar[frozenset[int]] = frozenset()
    #: whether places may disappear with a device, a package, or the driver of another boot: what is
    #: gone then needs no restoring
    vanishing: ClassVar[bool] = False
    kept: ClassVar[bool] = True  #: whether a line of tmpfiles.d(5) can set its places again at boot

    @abstractmethod
    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """The wanted value of each place; a place need not exist.

        Raises:
            TypeError, ValueError: ``wanted``, JSON from the role's variables, is invalid.
        """

    def show(self, kernel: Kernel, place: str) -> str:
        """The present value of a place.

        Raises:
            FileNotFoundError: this host has no such place.
            OSError, NotReadable, NotTunable: the place cannot be read.
        """
        return kernel.read(place)

    def write(self, kernel: Kernel, place: str, value: str) -> None:
        """Set the value of a place.

        Raises:
            OSError: the kernel refuses.
            NotTunable, NotTaken: see these classes.
        """
        kernel.write(place, value)

    def first(
        self,
        kernel: Kernel,  # noqa: ARG002 - some ask it
        place: str,  # noqa: ARG002
        shown: str,
        others: Baseline,  # noqa: ARG002
    ) -> str:
        """The value to restore for a place that is seen for the first time.

        Args:
            kernel: the host.
            place: that is seen.
            shown: what the place shows.
            others: the baseline before this look: by knob the value of each place. The knob itself
                is in it if the lab has set it before.
        """
        return shown

    def late(self, kernel: Kernel, recorded: Baseline) -> Mapping[str, str]:  # noqa: ARG002
        """Places that the lab has set without a record, with the value to restore.

        Args:
            kernel: the host.
            recorded: the baseline; the knob itself is in it.
        """
        return {}

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002 - some ask it
        """Whether two values mean the same."""
        return one == other


class FileKnob(Knob):
    """A file that holds one word or number."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._path = path

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:  # noqa: ARG002
        """The word for the one file."""
        return {self._path: word(wanted)}


class ChoiceKnob(FileKnob):
    """A file such as ``always [madvise] never``."""

    def show(self, kernel: Kernel, place: str) -> str:
        """The word in brackets."""
        return kernel.choice(place)


class CpuFileKnob(FileKnob):
    """A file of each online CPU that holds one word."""

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """The word for every CPU that has the file; an offline CPU has none, or an inactive one."""
        return dict.fromkeys(kernel.find_active(f"{CPUS}/cpu[0-9]*/{self._path}"), word(wanted))


def word(value: object) -> str:
    """A value that must be one word or one number."""
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value).split()) != 1:
        raise TypeError(f"{value!r} is not one word or number")
    return str(value)


def flag(value: object) -> bool:
    """A value that must be true or false."""
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value
