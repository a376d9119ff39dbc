"""What profilers found: the functions that took most of the CPU time, or that held most memory."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from bundle import codec, outside, typed
from bundle.callstacks import CallFile
from bundle.documents.profilers import FOLDER, STACKS, Profilers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from bundle.documents.profilers import Profiler

MOST: Final = 12
"""Functions of a table."""

# Of packages, of the standard library, and of the lab's own code on a host.
_FOLDERS: Final = re.compile(r"^.*/(?:site-packages|lib/python3\.[0-9]+|code/[0-9a-f]{12})/")

INSTRUCTIONS_ONLY: Final = (
    "Compare instructions within one subject only: between ORMs the figure misleads, because it "
    "has nothing of what the kernel does."
)
"""Stands beside every count of instructions."""


@dataclass(frozen=True)
class Function:
    """A function, and its share of the whole."""

    name: str
    file: str
    own: float  #: of the weight: what it did itself
    whole: float  #: what it did with all that it called


@dataclass(frozen=True)
class Weighed:
    """The functions of a file of stacks."""

    weight: float  #: of all stacks: seconds or samples of CPU time, or bytes
    functions: tuple[Function, ...]  #: the largest by their own share, `MOST` at most


def weighed(data: bytes) -> Weighed:
    """The functions in a file of call stacks, all their lines and all threads together.

    Raises:
        ValueError: it is no such file.
    """
    file = codec.read(data, CallFile)
    names = [(site.name, _short(site.file or "")) for site in file.shared.frames]
    own: defaultdict[tuple[str, str], float] = defaultdict(float)
    whole: defaultdict[tuple[str, str], float] = defaultdict(float)
    total = 0.0
    for stacks in file.profiles:
        for sample, weight in zip(stacks.samples, stacks.weights, strict=True):
            called = [names[frame] for frame in sample if 0 <= frame < len(names)]
            if not called:
                continue
            total += weight
            own[called[-1]] += weight
            for name in set(called):  # recursion counts once
                whole[name] += weight
    largest = sorted(own, key=lambda name: (-own[name], name))[:MOST]
    functions = (Function(*key, own[key] / total, whole[key] / total) for key in largest)
    return Weighed(total, tuple(functions) if total > 0 else ())


@dataclass(frozen=True)
class Looked:
    """What the profilers of one subject found."""

    subject: str
    document: Profilers
    stacks: Mapping[Profiler, Weighed]  #: of ``cpu`` and ``heap``, where they could look

    @classmethod
    def of_bundle(cls, bundle: Path) -> tuple[Self, ...]:
        """Those of each subject of a bundle that profilers have looked at.

        Raises:
            OSError, RecordError: a document of the bundle cannot be read.
            ValueError: a file of stacks cannot be read.
        """
        folders = sorted((bundle / "services").glob("*/"))
        documents = {
            folder.name: typed.read_if_there(bundle, Profilers, subject=folder.name)
            for folder in folders
        }
        return tuple(
            cls(name, document, _stacks(bundle, name, document))
            for name, document in documents.items()
            if document
        )

    def files(self, names: Iterable[str]) -> list[str]:
        """Paths in the bundle of files by their names."""
        return [f"{FOLDER.format(subject=self.subject)}/{name}" for name in names]


def _short(file: str) -> str:
    """A file without the folders of its environment, which differ between hosts."""
    return _FOLDERS.sub("", file)


def _stacks(bundle: Path, subject: str, document: Profilers) -> dict[Profiler, Weighed]:
    folder = bundle / FOLDER.format(subject=subject)
    there: dict[Profiler, object] = {"cpu": document.cpu, "heap": document.heap}
    return {
        name: weighed(outside.bytes_of(folder / STACKS[name]))
        for name, found in there.items()
        if found
    }
