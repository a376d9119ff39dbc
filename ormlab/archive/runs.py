"""The runs of an archive with their documents, as far as they hold.

Every bundle is verified at L1 here. One that does not hold, or that is not here, stays in the list
with the reason and nothing of what it says. Verdicts and results are those in derived/, which the
seal does not cover: `ormlab verify` at L3 computes them anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import typed
from bundle.documents.host import HostFacts
from bundle.documents.results import Results
from bundle.documents.verdicts import Verdicts
from bundle.errors import BundleError
from bundle.read import Bundle
from ormlab.archive.entries import Archive

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.codec import Document
    from bundle.format import BundleRecord, IndexLine


@dataclass(frozen=True)
class Run:
    """One line of the index, and the documents of its bundle; None for those that are not there."""

    line: IndexLine
    record: BundleRecord | None = None  #: None if the bundle cannot be shown
    problems: tuple[str, ...] = ()  #: why it, or a document of it, cannot be shown
    facts: HostFacts | None = None
    results: Results | None = None
    verdicts: Verdicts | None = None


def read_runs(folder: Path) -> tuple[Run, ...]:
    """Read every run of an archive, in the order of its index.

    Raises:
        EntryError: there is no archive.
        IndexBrokenError: its index was changed.
    """
    archive = Archive.open(folder)
    archive.require_chain()
    return tuple(_run(folder, line) for line in archive.lines())


def _run(folder: Path, line: IndexLine) -> Run:
    path = folder / line.id
    if not path.is_dir():
        return Run(line, problems=("The bundle is not in this archive.",))
    try:
        bundle = Bundle.open(path, level="L1")
    except BundleError as error:
        return Run(line, problems=(f"The bundle does not verify: {error}.",))
    if bundle.seal != line.seal:
        return Run(line, problems=("The bundle has another seal than the index says.",))
    problems: list[str] = []

    def read[T: Document](kind: type[T]) -> T | None:
        try:
            return typed.read_if_there(path, kind)
        except (BundleError, OSError) as error:
            # What derived/ holds may be of an older rule.
            problems.append(
                f"{kind.PATH} cannot be read by this version: {error}. `ormlab judge` computes "
                "derived/ anew."
            )
            return None

    facts, results, verdicts = read(HostFacts), read(Results), read(Verdicts)
    return Run(line, bundle.record, tuple(problems), facts, results, verdicts)
