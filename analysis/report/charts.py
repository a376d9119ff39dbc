"""What charts show, as figures; `drawing` draws them, and every one has a table behind it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """How a subject looks in every chart.

    Attributes:
        name: of the subject.
        number: from 0; colour and marker follow from it.
        hollow: it is an arm of a control, and looks like its subject with hollow markers.
    """

    name: str
    number: int
    hollow: bool = False


@dataclass(frozen=True)
class Dots:
    """The trials of one subject.

    Attributes:
        look: of the subject.
        points: block and figure.
        middle: median of the figures.
        low: of the median's 95 % interval; None with too few trials.
        high: likewise.
    """

    look: Look
    points: tuple[tuple[int, float], ...]
    middle: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Ratio:
    """One ratio over blocks.

    Attributes:
        label: ``b / a``.
        points: the ratio of each block.
        centre: the estimate.
        low: of its 95 % interval; None with one block.
        high: likewise.
        control: it compares an arm with its own subject.
    """

    label: str
    points: tuple[float, ...]
    centre: float
    low: float | None
    high: float | None
    control: bool


@dataclass(frozen=True)
class TrialChart:
    """Trials by block, and the ratios below them.

    Attributes:
        axis: what is measured, with its unit.
        dots: by subject.
        ratios: comparisons, then controls.
        band: of the margin around 1.
    """

    axis: str
    dots: tuple[Dots, ...]
    ratios: tuple[Ratio, ...]
    band: tuple[float, float] | None


@dataclass(frozen=True)
class Step:
    """One quantile over the trials of a subject, in milliseconds."""

    quantile: float
    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Curve:
    """The latency of one subject, as response or as service time."""

    look: Look
    response: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class LatencyChart:
    """Latency by quantile on a scale of 1 / (1 - q).

    Attributes:
        curves: of response and service times.
        limits: of the axis in milliseconds, shared by the charts of a workload.
        last: the highest quantile of these charts.
    """

    curves: tuple[Curve, ...]
    limits: tuple[float, float]
    last: float


@dataclass(frozen=True)
class Bar:
    """One step of a waterfall, from one ratio to the next; the whole starts from 1.

    Attributes:
        label: of the step.
        start: ratio before it, to the first subject.
        end: ratio after it.
        low: where its 95 % interval puts the end; None without one.
        high: likewise.
        whole: it is the whole way.
    """

    label: str
    start: float
    end: float
    low: float | None
    high: float | None
    whole: bool


@dataclass(frozen=True)
class WaterfallChart:
    """A ratio and the steps that it is made of."""

    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class PublishedOrder:
    """A published order of two figures, and the ratio that was measured of them.

    Attributes:
        label: what was published; a newline breaks it.
        published: the ratio of the published figures, the one said to be larger over the other;
            None where there are none.
        measured: the same ratio, measured.
        low: of its 95 % interval.
        high: likewise.
        mark: good, bad or open: how the row is set off, beside what it says.
        note: at the end of the row.
    """

    label: str
    published: float | None
    measured: float
    low: float
    high: float
    mark: str
    note: str


@dataclass(frozen=True)
class OrderChart:
    """Published orders, a row each, from the top."""

    orders: tuple[PublishedOrder, ...]


@dataclass(frozen=True)
class TrendLine:
    """One subject over time.

    Attributes:
        look: of the subject.
        points: when, in seconds since 1970, and the figure.
        changes: those of the points at which a new level begins.
        levels: from when, to when, and the median between.
    """

    look: Look
    points: tuple[tuple[float, float], ...]
    changes: tuple[tuple[float, float], ...]
    levels: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class TrendChart:
    """A figure of several subjects over bundles.

    Attributes:
        axis: what is measured, with its unit.
        lines: by subject, at least one with a point.
    """

    axis: str
    lines: tuple[TrendLine, ...]


type Chart = TrialChart | LatencyChart | WaterfallChart | OrderChart | TrendChart
