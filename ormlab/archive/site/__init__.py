"""A static site of an archive: what was run, how claims stand, and trends.

    gather      what is shown, from bundles that verify
    chart       what the chart of a trend shows
    pages       the files

Plain files that open from a disk: no script, no request, nothing from elsewhere.
"""

from ormlab.archive.site.pages import WrittenSite, build

__all__ = ["WrittenSite", "build"]
