"""A report as one HTML file: no network, no script, and nothing of a bundle unescaped."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from analysis.report.charts import ForestChart, WaterfallChart
from analysis.report.plot import draw, shapes, strips
from analysis.report.svg import colours
from bundle.display import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.report.blocks import Block, Figure, Report
    from analysis.report.plot import Plot, Strips
    from bundle.codec import Json

_TEMPLATES = Path(__file__).parent / "templates"


def html(report: Report) -> str:
    """Render the page."""
    style = Markup(colours() + (_TEMPLATES / "report.css").read_text())  # noqa: S704 - our own files
    return _template().render(report=report, style=style, data=_json(report.data))


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.filters |= {"kind": _kind, "plot": _plot, "strips": _strips}
    environment.globals["shapes"] = shapes
    return environment.get_template("report.html.j2")


def _shown(value: object) -> object:
    """Foreign text without characters that are invisible or turn its direction round."""
    foreign = isinstance(value, str) and not isinstance(value, Markup)
    return visible(str(value), keep="\n\t") if foreign else value


def _kind(block: Block) -> str:
    """The macro that renders a block."""
    return type(block).__name__.lower()


def _plot(figure: Figure) -> Plot:
    """The chart of a figure that stands by itself."""
    return draw(figure.chart, name=figure.name, title=figure.title, description=figure.description)


def _strips(figure: Figure) -> Strips | None:
    """The marks in the rows of a figure's table; None for a chart that stands by itself."""
    chart = figure.chart
    return strips(chart) if isinstance(chart, ForestChart | WaterfallChart) else None


def _json(data: Mapping[str, Json]) -> Markup:
    """JSON for a script element, which a browser ends at the first ``</``."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    text = text.replace("<", "\\u003c").replace("\x7f", "\\u007f")
    return Markup(text)  # noqa: S704 - no markup is left in it
