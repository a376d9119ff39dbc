"""One report of a bundle: nine parts, as one HTML file that needs no network, and as Markdown.

    material     what it is made of           trials       the figures of single trials
    compose      the nine parts, from parts/  blocks       what parts are made of
    charts       figures to draw              drawing, svg as SVG that follows light and dark
    html         the page                     markdown     the same as Markdown
    rounding     figures rounded to what is known of them

Pure but for ``Material.read``, which reads a bundle: the same bundle gives the same bytes.
Everything that comes from a bundle is foreign, and is escaped where it is rendered.
"""

from analysis.report.blocks import Report
from analysis.report.compose import compose
from analysis.report.html import html
from analysis.report.markdown import markdown
from analysis.report.material import Material

__all__ = ["Material", "Report", "compose", "html", "markdown"]
