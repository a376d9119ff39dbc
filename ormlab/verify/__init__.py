"""Verifying a bundle at every level: what the bundle's own package can, and what the analysis adds.

L0, L1   bundle.verify            the seal, and the files
L2       ormlab.verify.coherent          what the files say, held against each other
L3       ormlab.verify.derivable         what follows from them, computed again
L4       ormlab.verify.anchor            who else vouches for the seal
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bundle import names, outside
from bundle.codec import decode
from bundle.codes import FILE_LEVELS, LEVELS, Level
from bundle.errors import BundleError
from bundle.findings import Findings, Verification
from bundle.format import BundleRecord
from bundle.verify import verify as verify_files
from ormlab.verify import anchor, coherent, derivable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bundle.findings import Problem


def verify(
    path: Path,
    *,
    level: Level | None = None,
    index: Path | None = None,
    allowed_signers: Path | None = None,
) -> Verification:
    """Check a bundle up to a level and list everything that is wrong.

    The levels from L2 on read what the manifest vouches for, so they are looked at only when L1
    holds; among them, problems of one do not keep the next from being looked at.

    Args:
        path: the folder of the bundle.
        level: how far to go; None goes to L4 where an anchor is named, else as far as the bundle
            has what it needs: to L4 if the index beside it names it, to L3 with results, else to
            L2.
        index: the index.jsonl that may hold the seal; the one beside the bundle if None.
        allowed_signers: for a signature, the file that says whose keys are believed.
    """
    named = index or allowed_signers
    index = index or _beside(path)
    asked = level or ("L4" if named else _highest(path, index))
    files = verify_files(path, min(asked, FILE_LEVELS[-1]))
    if asked in FILE_LEVELS or not files.ok:
        return replace(files, asked=asked)
    found = Findings(list(files.problems))
    coherent.check(path, found)
    notes: list[str] = []
    if asked >= "L3":
        notes += derivable.check(path, found)
    if asked >= "L4" and files.seal:
        record = decode(outside.bytes_of(path / names.RECORD), BundleRecord, where=names.RECORD)
        notes += anchor.check(
            path, record.id, files.seal, found, index=index, signers=allowed_signers
        )
    return replace(
        files,
        asked=asked,
        level_reached=found.reached(asked),
        problems=_sorted(found.problems),
        doubts=_sorted(found.doubts),
        notes=tuple(notes),
    )


def _beside(path: Path) -> Path | None:
    """The index in the folder that the bundle lies in, if it speaks of the bundle."""
    index = path.resolve().parent / names.INDEX
    try:
        data = outside.bytes_of(path / names.RECORD)
        identifier = decode(data, BundleRecord, where=names.RECORD).id
    except (OSError, BundleError):
        return None
    return index if index.is_file() and anchor.names_bundle(index, identifier) else None


def _highest(path: Path, index: Path | None) -> Level:
    if not (path / derivable.RESULTS).exists():
        return "L2"
    return "L4" if index else "L3"


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda each: LEVELS.index(each.level)))
