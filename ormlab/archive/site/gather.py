"""What the site shows of an archive: runs, the standing of claims, trends.

Every bundle is verified at L1 here. One that does not hold, or that is not here, stays in the list
with the reason and nothing of what it says. Verdicts and results are those in derived/, which the
seal does not cover: `ormlab verify` at L3 computes them anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from analysis.metrics import METRICS
from bundle import typed
from bundle.documents.host import HostFacts
from bundle.documents.results import Results
from bundle.documents.verdicts import ClaimVerdict, Verdicts
from bundle.errors import BundleError
from bundle.read import Bundle
from ormlab.archive import query
from ormlab.archive.entries import Archive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bundle.codec import Document
    from bundle.documents.verdicts import JudgedClaim, LedgerOnTrial
    from bundle.format import BundleRecord, IndexLine
    from ormlab.archive.query import Series

_ORDER: Final = {metric.name: position for position, metric in enumerate(METRICS)}


@dataclass(frozen=True)
class Run:
    """One line of the index, and the documents of its bundle; None for those that are not there."""

    line: IndexLine
    record: BundleRecord | None = None  #: None if the bundle cannot be shown
    problems: tuple[str, ...] = ()  #: why it, or a document of it, cannot be shown
    facts: HostFacts | None = None
    results: Results | None = None
    verdicts: Verdicts | None = None


@dataclass(frozen=True)
class GivenVerdict:
    """One verdict on a claim, by one bundle."""

    run: Run
    ledger: LedgerOnTrial
    claim: JudgedClaim


@dataclass(frozen=True)
class ClaimHistory:
    """A claim and every verdict on it, oldest first; nothing replaces anything."""

    number: int  #: among all claims of the site, from 1
    ledger: LedgerOnTrial
    claim: JudgedClaim  #: as the latest bundle has it
    said: tuple[GivenVerdict, ...]  #: every verdict, but not those of bundles that did not test it
    untested: int  #: how many bundles put the ledger on trial and did not test the claim

    @property
    def counts(self) -> dict[ClaimVerdict, int]:
        """How often each verdict was given."""
        return Counter(each.claim.verdict for each in self.said)


@dataclass(frozen=True)
class Trends:
    """The series of one metric under one workload, load and host: one a subject, at least one."""

    number: int
    series: tuple[Series, ...]

    @property
    def shared(self) -> Series:
        """One of them, for what all have in common."""
        return self.series[0]

    @property
    def bundles(self) -> int:
        """How many bundles there are figures of."""
        return len({point.bundle for series in self.series for point in series.points})


@dataclass(frozen=True)
class Contents:
    """Everything that the site shows, the latest run first."""

    runs: tuple[Run, ...]
    claims: tuple[ClaimHistory, ...]
    trends: tuple[Trends, ...]
    fresh: bool  #: whether the catalog, which the trends come from, is of the index as it is now


def gather(folder: Path) -> Contents:
    """Read an archive; raises what `ormlab.archive.site.build` does."""
    archive = Archive.open(folder)
    archive.require_chain()
    runs = tuple(_run(folder, line) for line in archive.lines())
    series, fresh = query.every_series(folder)
    latest_first = sorted(runs, key=lambda run: run.line.id, reverse=True)
    return Contents(tuple(latest_first), tuple(_standing(runs)), tuple(_trends(series)), fresh)


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


def _standing(runs: Sequence[Run]) -> Iterator[ClaimHistory]:
    """The claims in the order of their ledgers' names; within one as it has them."""
    by_claim: dict[tuple[str, str], list[GivenVerdict]] = {}
    for run in sorted(runs, key=lambda run: run.line.id):
        if run.verdicts:
            for claim in run.verdicts.claims:
                key = (run.verdicts.ledger.name, claim.id)
                by_claim.setdefault(key, []).append(GivenVerdict(run, run.verdicts.ledger, claim))
    for number, key in enumerate(sorted(by_claim, key=lambda key: key[0]), start=1):
        verdicts = by_claim[key]
        tested = tuple(v for v in verdicts if v.claim.verdict is not ClaimVerdict.NOT_RUN)
        latest, untested = verdicts[-1], len(verdicts) - len(tested)
        yield ClaimHistory(number, latest.ledger, latest.claim, tested, untested)


def _trends(found: Sequence[Series]) -> Iterator[Trends]:
    """Series side by side, where a subject is in more than one bundle."""

    def place(series: Series) -> tuple[str | int, ...]:
        shared = (series.workload, series.load, series.host or "", series.tier or "")
        return (*shared, _ORDER.get(series.metric, len(_ORDER)), series.metric, series.unit)

    number = 0
    for _, group in groupby(sorted(found, key=place), key=place):
        side_by_side = tuple(group)
        if max(len(series.points) for series in side_by_side) > 1:
            number += 1
            yield Trends(number, side_by_side)
