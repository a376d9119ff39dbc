"""The figures of charts; `drawing` draws them, and each chart has a table with the same figures."""

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
class Ratio:
    """One ratio over blocks, such as ``b / a``, with its 95 % interval; None with one block.

    Its ``points`` are the ratios of the blocks. A ``control`` compares an arm with its own subject.
    """

    label: str
    points: tuple[float, ...]
    centre: float
    low: float | None
    high: float | None
    control: bool


@dataclass(frozen=True)
class TrialChart:
    """Trials by block; below them the ratios of comparisons, then of controls.

    The ``axis`` says what is measured, with its unit; ``band`` is the margin around 1.
    """

    axis: str
    dots: tuple[Dots, ...]
    ratios: tuple[Ratio, ...]
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


@dataclass(frozen=True)
class TrendLine:
    """One subject over time: seconds since 1970 and figure of each point."""

    look: Look
    points: tuple[tuple[float, float], ...]
    changes: tuple[tuple[float, float], ...]  #: those of the points at which a new level begins
    levels: tuple[tuple[float, float, float], ...]  #: from when, to when, and the median between


@dataclass(frozen=True)
class TrendChart:
    """A figure of several subjects over bundles; the ``axis`` says which, with its unit."""

    axis: str
    lines: tuple[TrendLine, ...]


type Chart = TrialChart | LatencyChart | WaterfallChart | OrderChart | TrendChart
