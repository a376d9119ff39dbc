"""What the raw files of each load generator mean; a module of the same name has an ``OUTPUT``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from analysis.generators.base import CLOSED, OPEN, Contradiction, GeneratorFigures, Output
from analysis.generators.together import disagreements
from bundle.generators import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.read import Trial

__all__ = [
    "CLOSED",
    "OPEN",
    "Contradiction",
    "GeneratorFigures",
    "Output",
    "contradictions",
    "disagreements",
    "find",
    "of",
]

_OUTPUTS: Final[tuple[type[Output], ...]] = tuple(
    import_module(f"{__name__}.{name}").OUTPUT for name in NAMES
)


def of(folder: Path) -> Output:
    """What a generator left in the folder of a trial.

    Raises:
        FileNotFoundError: no generator left its files.
    """
    output = find(folder)
    if output is None:
        raise FileNotFoundError(f"no generator left its files in {folder.name}")
    return output


def find(folder: Path) -> Output | None:
    """As `of`; None where no generator left its files."""
    return next((kind(folder) for kind in _OUTPUTS if (folder / kind.mark).exists()), None)


def contradictions(trial: Trial, *, faults: bool = False) -> Iterator[Contradiction]:
    """Whether the files that a trial's generator left agree with each other.

    Part of level L2 of `ormlab verify`. What a trial says twice must be the same twice: wrk's text
    and its dump, the client's samples and its counts and histograms. A closed loop obeys Little's
    law.

    Args:
        trial: of a bundle; a failed one may lack any file.
        faults: whether its load ends connections on purpose, so that requests fail.
    """
    try:
        output = find(trial.path)
        found = list(output.contradictions(trial, faults=faults)) if output else []
    except Exception as wrong:  # noqa: BLE001 - whatever a stranger's files make the readers raise
        if trial.record.status == "failed":
            return
        found = [Contradiction("generator-unreadable", "trial.json", repr(wrong)[:200])]
    yield from found
