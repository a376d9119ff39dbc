"""What the site shows of releases: each figure by release, and each release over the one before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from packaging.version import InvalidVersion, Version

from analysis.inference.interval import margin_band
from analysis.metrics import METRICS
from analysis.report.charts import Look, TrendChart, TrendLine, TrendPoint
from analysis.report.plot import draw
from analysis.rounding import UNKNOWN, ratio_with_interval, with_interval
from analysis.software import orm_of
from analysis.tables.results import MARKS
from bundle.display import quantity
from ormlab.archive.site.chart import magnitude

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from analysis.report.plot import Plot
    from ormlab.archive.history import History, KeptComparison
    from ormlab.archive.query import SubjectFigure

_NO_ORM: Final = "none"
_LABELS: Final = 6  # releases below a chart that stands beside another one
_APART: Final = 0.3  # of the room of a release, which its runs share
_BESIDE: Final = 0.35  # of the same room, from a release to its null control
_CONTROL: Final = "null control"

type Pinned = tuple[str, str, str, str | None]
"""Subject, workload, load and host."""
type _Place = tuple[str, str, str, str, str]
"""Bundle, workload, load, subject and metric."""


class ReleaseGroup(NamedTuple):
    """What the figures of one chart have in common, since others cannot be compared."""

    orm: str
    name: str  #: of the subjects without their release: other names may have other settings
    workload: str
    load: str
    host: str | None
    host_class: str | None
    driver: str | None
    interpreter: str | None


class Line(NamedTuple):
    """One run of one release, as the table behind a chart has it."""

    release: str
    figure: SubjectFigure
    compared: KeptComparison | None  #: with the release before it, by the metric of the chart

    @property
    def median(self) -> str:
        """The figure with its interval."""
        figure = self.figure
        divisor, _ = magnitude(figure.unit)
        ends = (None if end is None else end / divisor for end in (figure.low, figure.high))
        return with_interval(figure.value / divisor, *ends)

    @property
    def before(self) -> str:
        """The release that it is compared with."""
        return (self.compared and orm_of(self.compared.baseline).release) or UNKNOWN

    @property
    def ratio(self) -> str:
        """Its figure over that of the release before, with the interval."""
        if self.compared is None:
            return UNKNOWN
        judged = self.compared.comparison
        return ratio_with_interval(judged.ratio, judged.low, judged.high)

    @property
    def verdict(self) -> tuple[str, str]:
        """The verdict, and how it is marked."""
        if self.compared is None:
            return UNKNOWN, "none"
        judged = self.compared.comparison
        unresolved = ", size unresolved" if judged.size_resolved is False else ""
        return f"{judged.verdict}{unresolved}", MARKS.get(judged.verdict, "none")


@dataclass(frozen=True)
class ByRelease:
    """One metric of one group over its releases."""

    name: str  #: unique in the page
    metric: str
    unit: str
    releases: tuple[str, ...]  #: in the order of their versions, at least two
    lines: tuple[Line, ...]  #: by release, then by time
    nulls: tuple[SubjectFigure, ...]  #: of the null arms, by time
    compared: tuple[KeptComparison, ...]  #: with the release before, by time

    @property
    def figures(self) -> Plot:
        """The chart of the figures."""
        divisor, unit = magnitude(self.unit)
        shown = [(line.release, line.figure) for line in self.lines]
        nulls = [(figure.release or "", figure) for figure in self.nulls]
        points = (
            [(release, _of_figure(figure, divisor)) for release, figure in series]
            for series in (shown, nulls)
        )
        return self._draw("figures", f"{self.metric}, {unit}", points, joined=True)

    @property
    def ratios(self) -> Plot | None:
        """The chart of the ratios to the release before; None without any."""
        if not self.compared:
            return None
        known = [(orm_of(each.candidate).release or "", each) for each in self.compared]
        ratios = [(release, _of_ratio(each)) for release, each in known]
        nulls = [(release, point) for release, each in known if (point := _of_null(each))]
        margin = self.compared[-1].comparison.margin
        band = margin_band(margin) if margin > 0 else None
        ends = (band.low, band.high) if band else None
        said = f"{self.metric} over that of the release before"
        return self._draw("ratios", said, (ratios, nulls), ends)

    def _draw(
        self,
        kind: str,
        axis: str,
        series: Iterable[Sequence[tuple[str, TrendPoint]]],
        band: tuple[float, float] | None = None,
        *,
        joined: bool = False,
    ) -> Plot:
        own, null = (self._placed(*each) for each in zip(series, (0.0, _BESIDE), strict=True))
        lines = [TrendLine(Look("run of a release", 0), own, joined=joined)]
        if null:
            lines.append(TrendLine(Look(_CONTROL, 0, hollow=True), null))
        return draw(
            TrendChart(axis, tuple(lines), tuple(_ticks(self.releases)), band),
            name=f"{self.name}-{kind}",
            title=f"{axis}, of {quantity(len(self.releases), 'release')}",
            description="The table below has the figures.",
        )

    def _placed(
        self, points: Sequence[tuple[str, TrendPoint]], beside: float
    ) -> tuple[TrendPoint, ...]:
        """Points at, or beside, their releases; those of one are abreast in the order of time."""
        of_release, seen, placed = Counter(name for name, _ in points), Counter[str](), []
        for release, point in points:
            share = (seen[release] + 0.5) / of_release[release] - 0.5
            seen[release] += 1
            at = self.releases.index(release) + _APART * share + beside
            placed.append(point._replace(at=at))
        return tuple(sorted(placed, key=lambda point: point.at))


@dataclass(frozen=True)
class Releases:
    """One group with every metric that two releases have."""

    group: ReleaseGroup
    metrics: tuple[ByRelease, ...]

    @property
    def pinned(self) -> frozenset[Pinned]:
        """The subjects, and null arms, that are one release each: they have no course over time."""
        found: dict[Pinned, set[str | None]] = {}
        for metric in self.metrics:
            for figure in (*(line.figure for line in metric.lines), *metric.nulls):
                key = (figure.subject, figure.workload, figure.load, figure.host)
                found.setdefault(key, set()).add(figure.release)
        return frozenset(key for key, known in found.items() if len(known) == 1)


def of(history: History) -> Iterator[Releases]:
    """The groups of which two releases were measured, in the order of their names."""
    groups: dict[ReleaseGroup, list[SubjectFigure]] = {}
    for figure in history.figures:
        if figure.orm and figure.orm != _NO_ORM and figure.release and figure.arm != "positive":
            groups.setdefault(_group(figure), []).append(figure)
    pairs = {_place(each): each for each in history.compared if each.is_of_releases}
    for number, group in enumerate(sorted(groups, key=lambda key: [part or "" for part in key]), 1):
        by_metric = (
            _by_release(f"release-{number}-{metric.name}", figures, pairs)
            for metric in METRICS
            if (figures := [each for each in groups[group] if each.metric == metric.name])
        )
        if metrics := tuple(each for each in by_metric if len(each.releases) > 1):
            yield Releases(group, metrics)


def _place(each: SubjectFigure | KeptComparison) -> _Place:
    return each.bundle, each.workload, each.load, each.subject, each.metric


def _by_release(
    name: str, figures: Sequence[SubjectFigure], pairs: Mapping[_Place, KeptComparison]
) -> ByRelease:
    in_time = sorted(figures, key=lambda each: each.bundle)
    own = [each for each in in_time if not each.arm]
    releases = sorted({each.release for each in own if each.release}, key=_version)
    found = [each for figure in own if (each := pairs.get(_place(figure)))]
    lines = sorted(
        (Line(each.release or "", each, pairs.get(_place(each))) for each in own),
        key=lambda line: (releases.index(line.release), line.figure.bundle),
    )
    return ByRelease(
        name=name,
        metric=figures[0].metric,
        unit=figures[0].unit,
        releases=tuple(releases),
        lines=tuple(lines),
        nulls=tuple(each for each in in_time if each.arm and each.release in releases),
        compared=tuple(found),
    )


def _group(figure: SubjectFigure) -> ReleaseGroup:
    return ReleaseGroup(
        orm=figure.orm or "",
        name=_name(figure),
        workload=figure.workload,
        load=figure.load,
        host=figure.host,
        host_class=figure.host_class,
        driver=figure.driver,
        interpreter=figure.interpreter,
    )


def _name(figure: SubjectFigure) -> str:
    """``sqlalchemy`` of ``sqlalchemy-2.0.44``."""
    parts = (figure.declared or figure.subject).split(figure.release or "\n")
    return "-".join(part for each in parts if (part := each.strip("-@.")))


def _version(release: str) -> tuple[int, Version | str]:
    """What releases are sorted by; what is no version comes first."""
    try:
        return 1, Version(release)
    except InvalidVersion:
        return 0, release


def _ticks(releases: Sequence[str]) -> Iterator[tuple[float, str]]:
    """The first and the last release, and as many between them as there is room for."""
    last = len(releases) - 1
    step = -(-last // (_LABELS - 1)) or 1
    for at, release in enumerate(releases):
        if at == last or (at % step == 0 and last - at >= step):
            yield float(at), release


def _of_figure(figure: SubjectFigure, divisor: float) -> TrendPoint:
    value, low, high = (
        None if part is None else part / divisor for part in (figure.value, figure.low, figure.high)
    )
    said = f"{figure.subject}, {figure.created:%Y-%m-%d}"
    return TrendPoint(0.0, value or 0.0, low, high, said)


def _of_ratio(compared: KeptComparison) -> TrendPoint:
    judged = compared.comparison
    said = f"{judged.candidate} / {judged.baseline}, {judged.verdict}"
    mark = MARKS.get(judged.verdict, "")
    mark = "" if mark == "open" else mark  # most are: only what was decided is set off
    return TrendPoint(0.0, judged.ratio, judged.low, judged.high, said, mark=mark)


def _of_null(compared: KeptComparison) -> TrendPoint | None:
    null = compared.comparison.null
    if null is None:
        return None
    low, high = (null.ci95.low, null.ci95.high) if null.ci95 else (None, None)
    said = f"{_CONTROL} of {compared.comparison.baseline}"
    return TrendPoint(0.0, null.ratio, low, high, said)
