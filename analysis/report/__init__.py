"""One report of a bundle: ten parts, as one HTML file that needs no network, and as Markdown.

    material     what it is made of           trials       the figures of single trials
    compose      the ten parts, from parts/   blocks       what parts are made of
    charts       figures to draw              plot, scale  as SVG as wide as there is room
    html         the page                     markdown     the same as Markdown
    drawing, svg a chart as a file of its own

Pure but for ``Material.read``, which reads a bundle: the same bundle gives the same bytes.
Everything that comes from a bundle is foreign, and is escaped where it is rendered.
"""

from analysis.report.blocks import Report
from analysis.report.compose import compose
from analysis.report.html import html
from analysis.report.markdown import markdown
from analysis.report.material import Material

__all__ = ["Material", "Report", "compose", "html", "markdown"]
