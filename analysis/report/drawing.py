"""The chart of published orders as an SVG file, by matplotlib and without its global state.

It stands outside of pages, so that its text needs a width; `plot` draws what stands inside one.
The same figures give the same bytes. Colours are stand-ins that `svg` turns into CSS variables. No
text is read as mathematics, whatever a ledger puts into it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from analysis.report.svg import Role
from analysis.rounding import significant
from bundle.display import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from analysis.report.charts import (
        OrderChart,
        PublishedOrder,
    )

_WIDE: Final = 9.0  # of a chart with words on both sides
_TWO_LINES: Final = 0.4  # a row whose label has two
_APART: Final = 0.14  # of a row, between its middle and either mark
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


def draw(chart: OrderChart, name: str) -> str:
    """Draw a chart; ``name`` salts the ids of its parts."""
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever a matplotlibrc of this machine says
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": name})
        figure = _order_rows(chart)
        FigureCanvasSVG(figure)
        file = io.StringIO()
        silent = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=silent)
    return file.getvalue()


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


def _order(axes: Axes, order: PublishedOrder, at: int) -> None:
    color = {"good": Role.GOOD, "bad": Role.BAD}.get(order.mark, Role.QUIET)
    axes.axhline(at - 0.5, color=Role.RULE, linewidth=0.4)
    if order.published is not None:
        axes.plot([order.published], [at + _APART], **_PUBLISHED)
    axes.plot([order.low, order.high], [at - _APART] * 2, color=color, linewidth=2.4)
    axes.plot([order.measured], [at - _APART], **(_MEASURED | {"color": color}))
    beside = axes.get_yaxis_transform()
    axes.text(1.02, at, order.note, transform=beside, va="center", color=color)


def _legend_above(axes: Axes, handles: list[Line2D], labels: list[str], abreast: int) -> None:
    """A legend above the axes, from the left."""
    axes.legend(handles, labels, ncols=abreast, loc="lower left", bbox_to_anchor=(0, 1))


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
