"""The figures of charts, which `plot` draws; each chart has a table with the same figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Look:
    """How a subject looks in every chart: colour and marker follow from its number, from 0.

    An arm of a control is ``hollow``: it looks like its subject with hollow markers.
    """

    name: str
    number: int
    hollow: bool = False


@dataclass(frozen=True)
class Dots:
    """The trials of one subject: block and figure of each, their median and its 95 % interval.

    The interval is None with too few trials.
    """

    look: Look
    points: tuple[tuple[int, float], ...]
    middle: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TrialChart:
    """Trials by block, and their medians.

    The ``axis`` says what is measured, with its unit.
    """

    axis: str
    dots: tuple[Dots, ...]


type Range = tuple[float | None, float | None]
"""From one value to another; None where there is no end on that side."""


@dataclass(frozen=True)
class Ratio:
    """One row of a forest plot: a ratio with its 95 % interval, which one block does not have."""

    centre: float
    low: float | None
    high: float | None
    points: tuple[float, ...] = ()  #: the ratios of the blocks
    published: Range | None = None  #: the values that count as the published one
    control: bool = False  #: it compares a control's arm with its own subject
    mark: str = ""  #: good, bad or open, as the verdict on it


@dataclass(frozen=True)
class ForestChart:
    """Ratios on one scale, a row each; None leaves a row of the table without a plot.

    The ``band`` is the margin around 1, if all of them have one.
    """

    axis: str
    ratios: tuple[Ratio | None, ...]
    band: tuple[float, float] | None


class Step(NamedTuple):
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

    All charts of a workload share the limits of the axis, in ms, and the last quantile.
    """

    curves: tuple[Curve, ...]
    limits: tuple[float, float]
    last: float


@dataclass(frozen=True)
class Bar:
    """One step of a waterfall, from the ratio to the first subject before it to the ratio after it.

    ``low`` and ``high`` are where its 95 % interval puts the end. The ``whole`` way starts from 1.
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
    """A published order of two figures, and the ratio that was measured of them."""

    label: str  #: what was published; a newline breaks it
    #: the figure that is said to be larger over the other; None without figures
    published: float | None
    measured: float  #: the same ratio, measured, with its 95 % interval
    low: float
    high: float
    mark: str  #: good, bad or open: how the row is set off, beside what it says
    note: str  #: at the end of the row


@dataclass(frozen=True)
class OrderChart:
    """Published orders, a row each, from the top."""

    orders: tuple[PublishedOrder, ...]


class TrendPoint(NamedTuple):
    """One figure of a line, and its 95 % interval if it has one."""

    at: float  #: its place on the axis below
    value: float
    low: float | None
    high: float | None
    said: str  #: what it is of, shown with the figure to who points at it
    is_new_level: bool = False
    mark: str = ""  #: good, bad or open, as the verdict on it


@dataclass(frozen=True)
class TrendLine:
    """The figures of one subject, from left to right; a ``joined`` one is drawn as a line."""

    look: Look
    points: tuple[TrendPoint, ...]
    levels: tuple[tuple[float, float, float], ...] = ()  #: from where, to where, the median between
    joined: bool = False


@dataclass(frozen=True)
class TrendChart:
    """A figure over bundles or releases; the ``axis`` says which, with its unit."""

    axis: str
    lines: tuple[TrendLine, ...]
    ticks: tuple[tuple[float, str], ...]  #: what stands below, and where
    band: tuple[float, float] | None = None  #: the margin around 1, of ratios


type Rows = ForestChart | WaterfallChart
"""Charts with a row for each row of the table beside them."""
type Chart = TrialChart | LatencyChart | TrendChart | Rows
