"""What the site shows of an archive: runs, the standing of claims, releases, trends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from msgspec.structs import asdict

from analysis.claims.standing import deciding
from analysis.metrics import METRICS
from bundle.documents.verdicts import ClaimVerdict, Stand
from ormlab.archive import history, query
from ormlab.archive.runs import read_runs
from ormlab.archive.site import releases

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bundle.documents.verdicts import ClaimJudgement, JudgedClaim, LedgerOnTrial
    from ormlab.archive.query import Series
    from ormlab.archive.runs import Run
    from ormlab.archive.site.releases import Releases

_ON_PAPER: Final = {ClaimVerdict.UNTESTABLE, ClaimVerdict.INCOHERENT}
_ORDER: Final = {metric.name: position for position, metric in enumerate(METRICS)}


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
    def deciding(self) -> ClaimJudgement:
        """What the verdicts by the latest text of the ledger come to.

        They are weighed as `ormlab judge` weighs those of several bundles. A verdict by an earlier
        text is about another claim.
        """
        stands = [
            Stand(
                **asdict(each.claim.judgement),
                bundle=each.run.line.id,
                seal=each.run.line.seal,
            )
            for each in self.said
            if each.ledger.sha256 == self.ledger.sha256
        ]
        return deciding(stands, ()) if stands else self.claim.judgement

    @property
    def is_tested(self) -> bool:
        """Whether a run bears on it; what is decided on paper, each run repeats."""
        return bool(self.said) and self.deciding.verdict not in _ON_PAPER

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
    releases: tuple[Releases, ...]
    trends: tuple[Trends, ...]
    fresh: bool  #: whether the catalog, which the trends come from, is of the index as it is now


def gather(folder: Path) -> Contents:
    """Read an archive; raises what `ormlab.archive.site.build` does."""
    runs = read_runs(folder)
    series, fresh = query.every_series(folder)
    by_release = tuple(releases.of(history.read(folder, runs)))
    pinned = {subject for each in by_release for subject in each.pinned}
    over_time = [s for s in series if (s.subject, s.workload, s.load, s.host) not in pinned]
    latest_first = sorted(runs, key=lambda run: run.line.id, reverse=True)
    return Contents(
        runs=tuple(latest_first),
        claims=tuple(_standing(runs)),
        releases=by_release,
        trends=tuple(_trends(over_time)),
        fresh=fresh,
    )


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
