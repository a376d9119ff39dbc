"""The history of an archive: what its bundles measured of each release, and how releases compare.

Figures come from the catalog. Comparisons, with their intervals, margins and verdicts, are those of
derived/results.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from analysis.software import orm_of
from bundle import typed
from bundle.errors import BundleError
from ormlab.archive import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from bundle.documents.results import Comparison, Software
    from bundle.documents.subject import Subject
    from ormlab.archive.query import SubjectFigure
    from ormlab.archive.runs import Run


@dataclass(frozen=True)
class KeptComparison:
    """One comparison of one bundle; what the bundle does not tell is None."""

    bundle: str
    created: datetime
    workload: str
    load: str
    host: str | None  #: fingerprint
    host_class: str | None
    comparison: Comparison
    candidate: Software | None
    baseline: Software | None
    same_settings: bool  #: whether the plan gives both the same but for their stacks

    @property
    def subject(self) -> str:
        """The candidate."""
        return self.comparison.candidate

    @property
    def metric(self) -> str:
        """The metric by which the two are compared."""
        return self.comparison.metric

    @property
    def is_of_releases(self) -> bool:
        """Whether the two are releases of one ORM, and alike in settings and other software."""
        if self.candidate is None or self.baseline is None or not self.same_settings:
            return False
        new, old = orm_of(self.candidate), orm_of(self.baseline)
        return (
            None not in (new.release, old.release)
            and new.name == old.name
            and new.release != old.release
            and replace(self.candidate, orm=None) == replace(self.baseline, orm=None)
        )


@dataclass(frozen=True)
class History:
    """Every figure and every comparison of an archive, in the order of time."""

    runs: tuple[Run, ...]  #: those that are here and verify
    figures: tuple[SubjectFigure, ...]
    compared: tuple[KeptComparison, ...]
    fresh: bool  #: whether the catalog is of the index as it is now

    @property
    def unjudged(self) -> int:
        """How many runs are here without results that this version reads."""
        return sum(run.record is not None and run.results is None for run in self.runs)


def read(folder: Path, runs: Sequence[Run]) -> History:
    """Read the history of an archive whose runs were read.

    Raises:
        EntryError: there is no catalog.
        MismatchError: the catalog is damaged.
    """
    figures, fresh = query.figures(folder)
    here = {run.line.id: run for run in sorted(runs, key=lambda run: run.line.id) if run.record}
    kept = tuple(figure for figure in figures if figure.bundle in here)
    compared = tuple(each for run in here.values() for each in _compared(folder, run))
    return History(tuple(here.values()), kept, compared, fresh)


def _compared(folder: Path, run: Run) -> Iterator[KeptComparison]:
    if run.record is None or run.results is None:
        return
    settings = _settings(folder / run.line.id)
    for cell in run.results.cells:
        for comparison in cell.comparisons:
            yield KeptComparison(
                bundle=run.record.id,
                created=run.record.created,
                workload=cell.workload,
                load=cell.load,
                host=run.record.host,
                host_class=run.facts.host_class if run.facts else None,
                comparison=comparison,
                candidate=run.results.software.get(comparison.candidate),
                baseline=run.results.software.get(comparison.baseline),
                same_settings=comparison.candidate in settings
                and settings[comparison.candidate] == settings.get(comparison.baseline),
            )


def _settings(bundle: Path) -> dict[str, Subject]:
    """The subjects of a plan as if all had one stack; none if this version cannot read the plan."""
    try:
        subjects = typed.read_plan(bundle).plan.subjects
    except (BundleError, OSError):
        return {}
    return {name: each.model_copy(update={"stack": ""}) for name, each in subjects.items()}
