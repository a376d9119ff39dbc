"""Charts drawn as SVG by matplotlib, without its global state: the same figures, the same bytes.

Colours are stand-ins that `svg` turns into CSS variables, so that the page decides about light,
dark and print. No text is read as mathematics, whatever a bundle puts into it.
"""

from __future__ import annotations

import io
import itertools
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from analysis.report.charts import (
    LatencyChart,
    OrderChart,
    TrendChart,
    TrialChart,
    WaterfallChart,
)
from analysis.report.svg import PALETTE, Role
from analysis.rounding import significant
from bundle.display import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from analysis.report.charts import Bar, Chart, Curve, Dots, Look, PublishedOrder, Ratio

_WIDTH: Final = 7.2  # inches of 72 units
_ROW: Final = 0.34
_WIDE: Final = 9.0  # of a chart with words on both sides
_TWO_LINES: Final = 0.4  # a row whose label has two
_APART: Final = 0.14  # of a row, between its middle and either mark
_MARKERS: Final = "os^DvP"
_LONGEST: Final = 40  # characters of a label
_LINE: Final = 76  # characters of a legend's line
_MARK: Final = 6  # characters' room that a marker takes
_MOST_ABREAST: Final = 4
_SPREAD: Final = 0.5  # of the room between two blocks, that the subjects share
_TICKS: Final = (2.0, 10.0, 100.0, 1000.0, 10_000.0)  # 1 / (1 - q)
_STYLE: Final[dict[Any, Any]] = {
    "axes.edgecolor": Role.RULE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": Role.INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine has it
    "font.size": 9,
    "grid.color": Role.RULE,
    "grid.linewidth": 0.5,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.labelcolor": Role.INK,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "svg.fonttype": "none",
    "text.color": Role.INK,
    "text.parse_math": False,
    "xtick.color": Role.INK,
    "ytick.color": Role.INK,
}

_PUBLISHED: Final[dict[str, Any]] = {
    "linestyle": "none",
    "marker": "D",
    "color": Role.INK,
    "markerfacecolor": Role.PAPER,
}
_MEASURED: Final[dict[str, Any]] = {"linestyle": "none", "marker": "o", "color": Role.INK}


def draw(chart: Chart, name: str) -> str:
    """Draw a chart; ``name`` salts the ids of its parts."""
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever a matplotlibrc of this machine says
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": name})
        figure = _figure(chart)
        FigureCanvasSVG(figure)
        file = io.StringIO()
        silent = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=silent)
    return file.getvalue()


def _figure(chart: Chart) -> Figure:
    match chart:
        case TrialChart():
            return _trials(chart)
        case LatencyChart():
            return _latency(chart)
        case WaterfallChart():
            return _waterfall(chart)
        case OrderChart():
            return _order_rows(chart)
        case TrendChart():
            return _trend(chart)


def _trials(chart: TrialChart) -> Figure:
    """Dots by block with medians at their right, and ratios below."""
    rows = len(chart.ratios)
    below = _ROW * rows + 0.9 if rows else 0.0
    looks = [dots.look for dots in chart.dots]
    legend = _legend_height(looks)
    height = 2.6 + legend + below
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    ratios = [2.6 + legend, below] if rows else [1.0]
    grid = figure.add_gridspec(len(ratios), 2, height_ratios=ratios, width_ratios=(5, 1))
    blocks = figure.add_subplot(grid[0, 0])
    middles = figure.add_subplot(grid[0, 1], sharey=blocks)
    for number, dots in enumerate(chart.dots):
        _dots(blocks, dots, (number + 0.5) / len(chart.dots) - 0.5)
        _middle(middles, dots, number)
    blocks.set_ylim(bottom=0)
    blocks.set_ylabel(chart.axis)
    blocks.set_xlabel("block")
    blocks.xaxis.set_major_locator(MaxNLocator(integer=True))
    blocks.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    middles.tick_params(labelleft=False)
    middles.set_xlim(-0.8, len(chart.dots) - 0.2)
    middles.xaxis.set_major_locator(NullLocator())
    middles.set_xlabel("median")
    _legend(blocks, looks)
    if rows:
        _ratios(figure.add_subplot(grid[1, :]), chart.ratios, chart.band)
    return figure


def _dots(axes: Axes, dots: Dots, offset: float) -> None:
    axes.plot(
        [block + _SPREAD * offset for block, _ in dots.points],
        [value for _, value in dots.points],
        linestyle="none",
        **_marker(dots.look),
    )


def _middle(axes: Axes, dots: Dots, number: int) -> None:
    style = _marker(dots.look)
    if dots.low is not None and dots.high is not None:
        axes.plot([number, number], [dots.low, dots.high], color=style["color"])
    axes.plot([number], [dots.middle], linestyle="none", **style)


def _ratios(axes: Axes, ratios: Sequence[Ratio], band: tuple[float, float] | None) -> None:
    """A row for each: its blocks as dots, its interval as a bar; the margin behind them all."""
    if band:
        axes.axvspan(*band, color=Role.BAND, linewidth=0)
    axes.axvline(1.0, color=Role.INK, linewidth=0.8)
    for row, ratio in enumerate(ratios):
        at = len(ratios) - row
        color = Role.QUIET if ratio.control else Role.INK
        axes.plot(
            ratio.points,
            [at - 0.18] * len(ratio.points),
            linestyle="none",
            marker="|",
            markersize=5,
            color=Role.QUIET,
        )
        if ratio.low is not None and ratio.high is not None:
            axes.plot([ratio.low, ratio.high], [at + 0.1] * 2, color=color, linewidth=2.4)
        axes.plot(
            [ratio.centre],
            [at + 0.1],
            linestyle="none",
            marker="D" if not ratio.control else "o",
            color=color,
            markerfacecolor=color if not ratio.control else Role.PAPER,
        )
    ends = [(r.centre, r.low or r.centre, r.high or r.centre, *r.points) for r in ratios]
    reach = [1.0, *itertools.chain(*ends)]
    axes.set_xlabel("ratio (bar: 95 % interval; ticks: blocks)")
    _rows_of_ratios(axes, [_label(ratio.label) for ratio in ratios], reach, above=0.7)


def _rows_of_ratios(
    axes: Axes, labels: Sequence[str], reach: Sequence[float], *, above: float
) -> None:
    """Set the axes of a chart with a label at each row, from the top, on a scale of ratios."""
    axes.set_xscale("log")
    axes.set_ylim(0.4, len(labels) + above)
    axes.set_yticks(range(len(labels), 0, -1), labels)
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    low, high = min(reach), max(reach)
    limits = (low * (low / high) ** 0.04 * 0.995, high * (high / low) ** 0.04 * 1.005)
    axes.set_xlim(limits)
    _decades(axes.xaxis, limits)


def _latency(chart: LatencyChart) -> Figure:
    """A line for each subject; service times are dashed where response times are beside them."""
    looks = list({curve.look.name: curve.look for curve in chart.curves}.values())
    height = 3.3 + _legend_height(looks)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    both = len({curve.response for curve in chart.curves}) > 1
    for curve in chart.curves:
        _curve(axes, curve, dashed=both and not curve.response)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(chart.limits)
    end = 1.1 / (1 - chart.last)
    axes.set_xlim(1.8, end)
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if tick <= end]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * (1 - 1 / x):.6g} %"))
    _decades(axes.yaxis, chart.limits)
    axes.set_xlabel("share of the requests that took at most so long (scale of 1 / (1 - q))")
    axes.set_ylabel("ms")
    if both:
        kinds = [
            axes.plot([], [], color=Role.INK, linestyle=style)[0] for style in ("solid", "dashed")
        ]
        # An axes keeps one legend; the one inside it stays as an artist, which is clipped to it.
        axes.add_artist(axes.legend(kinds, ["response", "service"], loc="upper left"))
    _legend(axes, looks)
    return figure


def _curve(axes: Axes, curve: Curve, *, dashed: bool) -> None:
    x = [1 / (1 - step.quantile) for step in curve.steps]
    low, high = [step.lowest for step in curve.steps], [step.highest for step in curve.steps]
    style = _marker(curve.look)
    axes.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)
    linestyle = "dashed" if dashed else "solid"
    middle = [step.median for step in curve.steps]
    axes.plot(x, middle, linestyle=linestyle, **(style | {"markersize": 3.5}))


def _waterfall(chart: WaterfallChart) -> Figure:
    """Bars from the first subject's rate to the second's, one step below the other."""
    height = _ROW * len(chart.bars) + 0.8
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    for row, bar in enumerate(chart.bars):
        _bar(axes, bar, len(chart.bars) - row)
    ends = [value for bar in chart.bars for value in (bar.start, bar.end, bar.low, bar.high)]
    axes.axvline(1.0, color=Role.INK, linewidth=0.8)
    axes.set_xlabel("requests per second, as a multiple of the first subject's")
    reach = [value for value in ends if value is not None]
    _rows_of_ratios(axes, [_label(bar.label) for bar in chart.bars], reach, above=0.6)
    return figure


def _bar(axes: Axes, bar: Bar, at: int) -> None:
    up = bar.end >= bar.start
    color = Role.QUIET if bar.whole else (Role.GOOD if up else Role.BAD)
    axes.barh(
        at, bar.end - bar.start, left=bar.start, height=0.55, color=color, alpha=0.75, linewidth=0
    )
    if bar.low is not None and bar.high is not None:
        axes.plot([bar.low, bar.high], [at, at], color=Role.INK, linewidth=1.2, marker="|")
    if not bar.whole:
        axes.plot([bar.end, bar.end], [at - 0.72, at], color=Role.RULE, linewidth=0.8)


def _order_rows(chart: OrderChart) -> Figure:
    """A row for each order: the published ratio hollow, the measured one with its interval."""
    rows = len(chart.orders)
    figure = Figure(figsize=(_WIDE, _TWO_LINES * rows + 1.1), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(1.0, color=Role.INK, linewidth=0.8)
    for row, order in enumerate(chart.orders):
        _order(axes, order, rows - row)
    sides: tuple[tuple[float, str, Any], ...] = (
        (0.96, "reversed", "right"),
        (1.04, "as published", "left"),
    )
    for x, said, side in sides:
        axes.text(x, rows + 0.65, said, ha=side, va="center", color=Role.QUIET)
    axes.set_xlabel("ratio of the two figures")
    ends = [value for o in chart.orders for value in (o.published, o.low, o.high) if value]
    labels = [visible(order.label, keep="\n") for order in chart.orders]
    _rows_of_ratios(axes, labels, [1.0, *ends], above=1.0)
    handles = [axes.plot([], [], **style)[0] for style in (_PUBLISHED, _MEASURED)]
    _legend_above(axes, handles, ["published", "measured, with its 95 % interval"], 2)
    return figure


def _order(axes: Axes, order: PublishedOrder, at: int) -> None:
    color = {"good": Role.GOOD, "bad": Role.BAD}.get(order.mark, Role.QUIET)
    axes.axhline(at - 0.5, color=Role.RULE, linewidth=0.4)
    if order.published is not None:
        axes.plot([order.published], [at + _APART], **_PUBLISHED)
    axes.plot([order.low, order.high], [at - _APART] * 2, color=color, linewidth=2.4)
    axes.plot([order.measured], [at - _APART], **(_MEASURED | {"color": color}))
    beside = axes.get_yaxis_transform()
    axes.text(1.02, at, order.note, transform=beside, va="center", color=color)


def _trend(chart: TrendChart) -> Figure:
    """A mark for each bundle, hollow where a new level begins, and the levels as lines."""
    looks = [line.look for line in chart.lines]
    height = 2.6 + _legend_height(looks)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    for number, line in enumerate(chart.lines):
        style = _marker(line.look)
        for start, end, level in line.levels:
            axes.plot([start, end], [level, level], color=style["color"])
        steady = [point for point in line.points if point not in line.changes]
        hollow = style | {"markerfacecolor": Role.PAPER, "markeredgewidth": 2}
        for points, how, kind in ((steady, style, "marks"), (line.changes, hollow, "changes")):
            x, y = [at for at, _ in points], [value for _, value in points]
            axes.plot(x, y, linestyle="none", gid=f"{kind}-{number}", **how)
    times = [at for line in chart.lines for at, _ in line.points]
    axes.xaxis.set_major_locator(FixedLocator(sorted({min(times), max(times)})))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: _day(at)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_ylabel(chart.axis)
    _legend(axes, looks)
    return figure


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _legend(axes: Axes, looks: Sequence[Look]) -> None:
    handles = [axes.plot([], [], linestyle="none", **_marker(look))[0] for look in looks]
    _legend_above(axes, handles, [_label(look.name) for look in looks], _abreast(looks))


def _legend_above(axes: Axes, handles: list[Line2D], labels: list[str], abreast: int) -> None:
    """A legend above the axes, from the left."""
    axes.legend(handles, labels, ncols=abreast, loc="lower left", bbox_to_anchor=(0, 1))


def _legend_height(looks: Sequence[Look]) -> float:
    """In inches."""
    return 0.24 * math.ceil(len(looks) / _abreast(looks))


def _abreast(looks: Sequence[Look]) -> int:
    """How many names of a legend stand side by side."""
    longest = max((len(_label(look.name)) for look in looks), default=1)
    return max(1, min(_MOST_ABREAST, _LINE // (longest + _MARK)))


def _marker(look: Look) -> dict[str, Any]:
    color = PALETTE[look.number % len(PALETTE)]
    # Where the colours begin again, the markers have moved on.
    marker = _MARKERS[(look.number + look.number // len(PALETTE)) % len(_MARKERS)]
    face = Role.PAPER if look.hollow else color
    return {"color": color, "marker": marker, "markerfacecolor": face}


def _decades(axis: Any, limits: tuple[float, float]) -> None:  # noqa: ANN401 - of either kind
    """Ticks of a logarithmic axis at round figures, four to eight of them."""
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(*limits)
    if limits[1] / limits[0] > 5:  # noqa: PLR2004 - even steps would crowd at one end
        ticks = [m * 10.0**e for e in range(-4, 8) for m in (1, 2, 5)]
        ticks = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))


def _tick(value: float) -> str:
    return f"{value:,.6g}" if value < 1e4 else significant(value)  # noqa: PLR2004 - four digits


def _label(text: str) -> str:
    """A name as a label; matplotlib hides those that begin with an underscore."""
    clean = visible(text)
    short = clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 3]}..."
    return f" {short}" if short.startswith("_") else short
