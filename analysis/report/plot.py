"""Charts as SVG whose places are percentages: they are as wide as there is room, their text is not.

Colours are classes of the style sheet, so that the page decides about light, dark and print.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from markupsafe import Markup, escape

from analysis.report.charts import ForestChart, LatencyChart, TrendChart, TrialChart, WaterfallChart
from analysis.report.scale import Scale, labelled
from analysis.rounding import significant, with_interval
from bundle.display import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from analysis.report.charts import Bar, Chart, Curve, Look, Ratio, Rows, TrendLine

_SHAPES: Final = (
    "M-4-0A4 4 0 1 0 4 0A4 4 0 1 0-4 0Z",
    "M-3.6-3.6H3.6V3.6H-3.6Z",
    "M0-4.6L4.6 3.4H-4.6Z",
    "M0-5L5 0L0 5L-5 0Z",
    "M0 4.6L4.6-3.4H-4.6Z",
    "M-4.4-1.4H-1.4V-4.4H1.4V-1.4H4.4V1.4H1.4V4.4H-1.4V1.4H-4.4Z",
)
_TICK: Final = "M0-4V4"
_SERIES: Final = 6  # colours of the style sheet
_BLOCKS_END: Final = 84.0  # per cent of the width, where the medians have their place beside
_MEDIANS: Final = (89.0, 99.0)
_LAST_LABEL: Final = 92.0  # per cent of the blocks, beyond which a label would meet the next one
_SPREAD: Final = 0.5  # of the room between two blocks, that the subjects share
_SHARES: Final = (2.0, 10.0, 100.0, 1000.0, 10_000.0)  # 1 / (1 - q)

type _Legend = tuple[tuple[Markup, str], ...]


class Strips(NamedTuple):
    """A chart with a row for each row of its table."""

    axis: Markup  #: the scale, for the head of the column
    rows: tuple[Markup, ...]
    legend: _Legend


class Plot(NamedTuple):
    """A chart that stands by itself."""

    drawn: Markup
    unit: str  #: what the height of a mark says
    legend: _Legend


def shapes() -> Markup:
    """The shapes of marks, once for a page; every chart points at them."""
    paths = [f'<path id="mark-{at}" d="{shape}"/>' for at, shape in enumerate(_SHAPES)]
    paths.append(f'<path id="mark-tick" d="{_TICK}"/>')
    return Markup(  # noqa: S704 - nothing foreign
        f'<svg class="shapes" width="0" height="0" aria-hidden="true"><defs>{"".join(paths)}'
        "</defs></svg>"
    )


def strips(chart: Rows) -> Strips:
    """A chart whose rows stand in the rows of a table, which has the figures in words."""
    return _forest(chart) if isinstance(chart, ForestChart) else _waterfall(chart)


def draw(chart: Chart, *, name: str, title: str, description: str) -> Plot:
    """A chart of its own.

    Args:
        chart: not one whose rows stand in a table.
        name: unique in the page.
        title: what a screen reader says first.
        description: what it says next.
    """
    match chart:
        case TrialChart():
            body, unit, looks = _trials(chart), chart.axis, [dots.look for dots in chart.dots]
        case LatencyChart():
            both = {curve.look.name: curve.look for curve in chart.curves}
            body, unit, looks = _latency(chart), "ms", list(both.values())
        case TrendChart():
            body, unit, looks = _trend(chart), chart.axis, [line.look for line in chart.lines]
        case _:
            raise TypeError(f"{type(chart).__name__} is drawn by strips")
    told = "".join(
        f'<{tag} id="{name}-{suffix}">{escape(visible(text))}</{tag}>'
        for tag, suffix, text in (("title", "title", title), ("desc", "description", description))
    )
    drawn = (
        f'<svg class="plot" width="100%" height="260" role="img" '
        f'aria-labelledby="{name}-title {name}-description">{told}{"".join(body)}</svg>'
    )
    legend = tuple((_key(look), look.name) for look in looks)
    if isinstance(chart, LatencyChart) and len({curve.response for curve in chart.curves}) > 1:
        legend += ((_line_key(""), "response"), (_line_key(" dashed"), "service"))
    return Plot(Markup(drawn), unit, legend)  # noqa: S704 - foreign text was escaped


def _forest(chart: ForestChart) -> Strips:
    """The margin behind the intervals, what was published as a box, the blocks as ticks."""
    ratios = [ratio for ratio in chart.ratios if ratio]
    reach = [1.0, *(chart.band or ())]
    for ratio in ratios:
        ends = (ratio.low, ratio.high, *(ratio.published or ()), *ratio.points)
        reach += [ratio.centre, *(end for end in ends if end)]
    scale = Scale.around(reach, log=True)
    behind = [*_grid(scale)]
    if chart.band:
        behind.insert(0, _box(scale, chart.band, "margin"))
    behind.append(_upright(scale.at(1.0), "one"))
    rows = tuple(
        _strip([*behind, *_ratio(scale, ratio)]) if ratio else "" for ratio in chart.ratios
    )
    legend = [(_interval_key("dot", 0), "measured, 95 % interval")]
    if any(ratio.control for ratio in ratios):
        legend.append((_interval_key("dot control", 0), "null or positive control"))
    if any(ratio.published for ratio in ratios):
        legend.append((_box_key("published"), "published"))
    if chart.band:
        legend.append((_box_key("margin"), "margin"))
    if any(ratio.points for ratio in ratios):
        legend.append((_tick_key(), "blocks"))
    return Strips(_axis(scale, chart.axis), tuple(map(Markup, rows)), tuple(legend))


def _ratio(scale: Scale, ratio: Ratio) -> Iterator[str]:
    if ratio.published:
        low, high = ratio.published
        yield _box(scale, (low or scale.low, high or scale.high), "published", 70)
    for point in ratio.points:
        yield _use("tick", scale.at(point), "82%", "tick")
    kind = "control" if ratio.control else ratio.mark or "plain"
    if ratio.low is not None and ratio.high is not None:
        yield _span(scale, ratio.low, ratio.high, f"interval {kind}")
    yield _use("0", scale.at(ratio.centre), "50%", f"dot {kind}")


def _waterfall(chart: WaterfallChart) -> Strips:
    """Bars from the first subject's rate to the second's, one step below the other."""
    ends = [value for bar in chart.bars for value in (bar.start, bar.end, bar.low, bar.high)]
    scale = Scale.around([1.0, *(value for value in ends if value is not None)], log=True)
    behind = [*_grid(scale), _upright(scale.at(1.0), "one")]
    rows = tuple(Markup(_strip([*behind, *_bar(scale, bar)])) for bar in chart.bars)  # noqa: S704
    legend = (
        (_box_key("up"), "more requests per second"),
        (_box_key("down"), "fewer"),
        (_box_key("whole"), "the whole"),
        (_line_key(""), "95 % interval"),
    )
    return Strips(_axis(scale, "multiple of the first subject's rate"), rows, legend)


def _bar(scale: Scale, bar: Bar) -> Iterator[str]:
    kind = "whole" if bar.whole else ("up" if bar.end >= bar.start else "down")
    yield _box(scale, (min(bar.start, bar.end), max(bar.start, bar.end)), kind, 64)
    if not bar.whole:  # a line leads to where the next step begins
        yield _upright(scale.at(bar.end), "lead", "50%", "100%")
        yield _upright(scale.at(bar.start), "lead", "0", "50%")
    if bar.low is not None and bar.high is not None:
        yield _span(scale, bar.low, bar.high, "interval thin")


def _trials(chart: TrialChart) -> Iterator[str]:
    """Dots by block, and the medians with their intervals at their right."""
    values = [value for dots in chart.dots for _, value in dots.points]
    height = Scale(
        0.0, 1.05 * max([*values, *(dots.high or 0.0 for dots in chart.dots)]), log=False
    )
    blocks = sorted({block for dots in chart.dots for block, _ in dots.points})
    width = Scale(blocks[0] - 0.5, blocks[-1] + 0.5, log=False)
    yield from _heights(height)
    yield _upright(_BLOCKS_END + 2, "grid")
    few = [tick for tick in width.ticks(8) if tick == int(tick)] or [float(blocks[0])]
    for tick in few:
        if width.at(tick) > _LAST_LABEL and tick != few[0]:
            continue
        yield _below(width.at(tick) * _BLOCKS_END / 100, labelled(tick))
    yield _below(sum(_MEDIANS) / 2, "median")
    for number, dots in enumerate(chart.dots):
        offset = _SPREAD * ((number + 0.5) / len(chart.dots) - 0.5)
        marks = (
            _use(
                _shape(dots.look),
                width.at(block + offset) * _BLOCKS_END / 100,
                _down(height, value),
                "",
                f"{dots.look.name}, block {block}: {significant(value, 4)}",
            )
            for block, value in dots.points
        )
        room = _MEDIANS[1] - _MEDIANS[0]
        at = _MEDIANS[0] + room * (number + 0.5) / len(chart.dots)
        yield f'<g class="{_class(dots.look)}">{"".join(marks)}'
        if dots.low is not None and dots.high is not None:
            ends = _down(height, dots.low), _down(height, dots.high)
            yield _upright(at, "level", *ends)
        yield f"{_use(_shape(dots.look), at, _down(height, dots.middle))}</g>"


def _latency(chart: LatencyChart) -> Iterator[str]:
    """A line for each subject; service times are dashed where response times are beside them."""
    height = Scale(*chart.limits, log=True)
    width = Scale(1.8, 1.1 / (1 - chart.last), log=True)
    yield from _heights(height)
    for share in _SHARES:
        if share <= width.high:
            yield _below(width.at(share), f"{100 * (1 - 1 / share):.6g} %")
    both = len({curve.response for curve in chart.curves}) > 1
    for curve in chart.curves:
        yield from _curve(curve, width, height, dashed=both and not curve.response)


def _curve(curve: Curve, width: Scale, height: Scale, *, dashed: bool) -> Iterator[str]:
    def points(values: Iterable[tuple[float, float]]) -> str:
        return " ".join(
            f"{width.at(1 / (1 - quantile)):.4g},{100 - height.at(value):.4g}"
            for quantile, value in values
        )

    middle = [(step.quantile, step.median) for step in curve.steps]
    low = [(step.quantile, step.lowest) for step in curve.steps]
    high = [(step.quantile, step.highest) for step in curve.steps]
    yield (
        f'<g class="{_class(curve.look)}">'
        '<svg width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none">'
        f'<polygon class="shade" points="{points([*low, *reversed(high)])}"/>'
        f'<polyline class="curve{" dashed" if dashed else ""}" points="{points(middle)}"/></svg>'
    )
    for quantile, value in middle:
        yield _use(_shape(curve.look), width.at(1 / (1 - quantile)), _down(height, value))
    yield "</g>"


def _trend(chart: TrendChart) -> Iterator[str]:
    """Marks with their intervals, hollow where a new level begins; levels or marks as lines."""
    points = [point for line in chart.lines for point in line.points]
    ends = (end for point in points for end in (point.low, point.value, point.high))
    height = Scale.around([end for end in (*ends, *(chart.band or ())) if end is not None])
    width = Scale.around([*(point.at for point in points), *(at for at, _ in chart.ticks)])
    if chart.band:
        low, high = map(height.at, chart.band)
        size = f'y="{100 - high:.4g}%" height="{high - low:.4g}%"'
        yield f'<rect class="margin" width="100%" {size}/>'
        one = _down(height, 1.0)
        yield f'<line class="one" x1="0" x2="100%" y1="{one}" y2="{one}"/>'
    yield from _heights(height)
    for at, text in chart.ticks:
        yield _below(width.at(at), text)
    for line in chart.lines:
        yield from _trend_line(line, width, height)


def _trend_line(line: TrendLine, width: Scale, height: Scale) -> Iterator[str]:
    yield f'<g class="{_class(line.look)}">'
    levels = [((start, level), (end, level)) for start, end, level in line.levels]
    steps = pairwise((point.at, point.value) for point in line.points) if line.joined else ()
    for (start, first), (end, last) in (*levels, *steps):
        across = f'x1="{width.at(start):.4g}%" x2="{width.at(end):.4g}%"'
        down = f'y1="{_down(height, first)}" y2="{_down(height, last)}"'
        yield f'<line class="level" {across} {down}/>'
    for point in line.points:
        if point.low is not None and point.high is not None:
            ends = _down(height, point.high), _down(height, point.low)
            yield _upright(width.at(point.at), "thin", *ends)
        kind = "change" if point.is_new_level else f"dot {point.mark}" if point.mark else ""
        said = f"{point.said}: {with_interval(point.value, point.low, point.high)}"
        yield _use(_shape(line.look), width.at(point.at), _down(height, point.value), kind, said)
    yield "</g>"


def _heights(scale: Scale) -> Iterator[str]:
    """Lines across, with their figures at the left."""
    for tick in scale.ticks():
        y = _down(scale, tick)
        yield f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        yield f'<text class="left" x="-8" y="{y}" dy=".35em">{labelled(tick)}</text>'


def _below(at: float, text: str) -> str:
    return f'<text class="below" x="{at:.4g}%" y="100%" dy="1.5em">{escape(text)}</text>'


def _down(scale: Scale, value: float) -> str:
    """A height as SVG counts it, from the top."""
    return f"{100 - scale.at(value):.4g}%"


def _strip(marks: Sequence[str]) -> str:
    return f'<svg class="strip" width="100%" height="30" aria-hidden="true">{"".join(marks)}</svg>'


def _axis(scale: Scale, unit: str) -> Markup:
    """The figures of a scale, above its rows."""
    ticks = scale.ticks(5)
    figures = "".join(
        f'<text x="{scale.at(tick):.4g}%" y="13">{labelled(tick)}</text>' for tick in ticks
    )
    return Markup(  # noqa: S704 - the unit is escaped
        f'<span class="unit">{escape(unit)}</span>'
        f'<svg class="axis" width="100%" height="16" aria-hidden="true">{figures}</svg>'
    )


def _grid(scale: Scale) -> Iterator[str]:
    return (_upright(scale.at(tick), "grid") for tick in scale.ticks(5))


def _upright(at: float, kind: str, top: str = "0", bottom: str = "100%") -> str:
    return f'<line class="{kind}" x1="{at:.4g}%" x2="{at:.4g}%" y1="{top}" y2="{bottom}"/>'


def _span(scale: Scale, low: float, high: float, kind: str) -> str:
    first, last = scale.at(low), scale.at(high)
    return f'<line class="{kind}" x1="{first:.4g}%" x2="{last:.4g}%" y1="50%" y2="50%"/>'


def _box(scale: Scale, ends: tuple[float, float], kind: str, height: float = 100) -> str:
    """A box from one value to another, so many per cent of the row high."""
    first, last = map(scale.at, ends)
    size = f'width="{max(0.3, last - first):.4g}%" height="{height:.4g}%"'
    return f'<rect class="{kind}" x="{first:.4g}%" y="{(100 - height) / 2:.4g}%" {size}/>'


def _use(shape: str, x: float, y: str, kind: str = "", said: str = "") -> str:
    """A mark; what is ``said`` of it is shown to who points at it."""
    looks = f' class="{kind}"' if kind else ""
    mark = f'<use href="#mark-{shape}"{looks} x="{x:.4g}%" y="{y}"'
    return f"{mark}><title>{escape(visible(said))}</title></use>" if said else f"{mark}/>"


def _shape(look: Look) -> str:
    # Where the colours begin again, the shapes have moved on.
    return str((look.number + look.number // _SERIES) % len(_SHAPES))


def _class(look: Look) -> str:
    return f"series s{look.number % _SERIES}{' hollow' if look.hollow else ''}"


def _key(look: Look) -> Markup:
    return _sample(f'<g class="{_class(look)}">{_use(_shape(look), 50, "50%")}</g>')


def _interval_key(kind: str, shape: int) -> Markup:
    plain = kind if "control" in kind else f"{kind} plain"
    line = f'<line class="{plain.replace("dot", "interval")}" x1="0" x2="100%" y1="50%" y2="50%"/>'
    return _sample(f"{line}{_use(str(shape), 50, '50%', plain)}", 26)


def _box_key(kind: str) -> Markup:
    return _sample(f'<rect class="{kind}" x="8%" y="15%" width="84%" height="70%"/>')


def _line_key(kind: str) -> Markup:
    return _sample(f'<line class="key{kind}" x1="0" x2="100%" y1="50%" y2="50%"/>', 26)


def _tick_key() -> Markup:
    ticks = "".join(_use("tick", at, "50%", "tick") for at in (15, 40, 65, 85))
    return _sample(ticks)


def _sample(inner: str, width: int = 16) -> Markup:
    return Markup(f'<svg width="{width}" height="14" aria-hidden="true">{inner}</svg>')  # noqa: S704
