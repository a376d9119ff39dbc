"""Writes the pages: what comes from a bundle is escaped, and no page may run a script."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jinja2
from markupsafe import Markup

import analysis
from analysis import rounding
from analysis.report.parts.conclusion import standing_first, tally
from analysis.report.plot import shapes
from analysis.tables import results as tables
from analysis.tables.verdicts import MARKS, verdicts
from bundle.display import quantity, visible
from ormlab.archive import keep
from ormlab.archive.errors import EntryError
from ormlab.archive.site.chart import drawn, magnitude
from ormlab.archive.site.gather import Contents, gather

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from analysis.report.blocks import CountBar
    from analysis.tables import Table
    from bundle.documents.verdicts import ClaimVerdict, Measured, Verdicts
    from ormlab.archive.query import Point
    from ormlab.archive.site.gather import ClaimHistory

_TEMPLATES: Final = (
    Path(__file__).parent / "templates",
    # The style sheet is that of the report of one bundle.
    Path(analysis.__file__).parent / "report/templates",
)


@dataclass(frozen=True)
class WrittenSite:
    """A site that was written: its first page, how many pages there are, what they show."""

    index: Path
    pages: int
    contents: Contents


def build(folder: Path, out: Path) -> WrittenSite:
    """Write the site of an archive into a folder that is new, or holds an earlier site.

    Raises:
        EntryError: there is no archive or no catalog, or the folder holds something else.
        IndexBrokenError: the index was changed.
        MismatchError: the catalog is damaged.
        DiskFullError: there was no room; an earlier site is still there.
    """
    _require_free(out)
    contents = gather(folder)
    count = 0
    with keep.staged(out, hint="free some space and build it again") as staged:
        (staged / "runs").mkdir(parents=True)
        for name, text in _pages(contents):
            (staged / name).write_text(text)
            count += 1
    return WrittenSite(out / "index.html", count, contents)


def _require_free(out: Path) -> None:
    """Refuse a folder whose files this would not have written."""
    if not out.exists() and not out.is_symlink():
        return
    names = {path.name for path in out.iterdir()} if out.is_dir() else {""}
    if not names <= {"index.html", "claims.html", "releases.html", "trends.html", "runs"}:
        hint = "name a new folder, or one that holds an earlier site"
        raise EntryError(
            "site-taken", "the folder holds something else than a site", where=str(out), hint=hint
        )


def _pages(contents: Contents) -> Iterator[tuple[str, str]]:
    environment = _environment()

    def render(name: str, root: str = "", **values: object) -> str:
        return environment.get_template(name).render(root=root, current=name, **values)

    shown = sum(run.record is not None for run in contents.runs)
    yield (
        "index.html",
        render("index.html", runs=contents.runs, claims=contents.claims, shown=shown),
    )
    yield "claims.html", render("claims.html", claims=contents.claims)
    yield (
        "releases.html",
        render("releases.html", releases=contents.releases, fresh=contents.fresh),
    )
    yield "trends.html", render("trends.html", trends=contents.trends, fresh=contents.fresh)
    for run in contents.runs:
        yield f"runs/{run.line.id}.html", render("run.html", "../", run=run)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.globals["shapes"] = shapes
    environment.filters |= {
        "drawn": drawn,
        "instant": _instant,
        "measured": _measured,
        "quantity": quantity,
        "standing": _tested,
        "tables": tables.of,
        "tally": _tally,
        "unit": lambda unit: magnitude(unit)[1],
        "value": _value,
        "verdict": _verdict,
        "verdicts": _verdicts,
    }
    return environment


def _tested(claims: Sequence[ClaimHistory]) -> list[ClaimHistory]:
    """The claims that some run bears on, what was decided first."""
    tested = (each for each in claims if each.is_tested)
    return sorted(tested, key=lambda each: standing_first(each.deciding.verdict))


def _tally(claims: Sequence[ClaimHistory]) -> CountBar:
    """How many claims stand as what."""
    counts = Counter(each.deciding.verdict for each in claims)
    caption = quantity(len(claims), "claim, as it stands today", "claims, as they stand today")
    return tally(caption, counts)


def _verdict(verdict: ClaimVerdict) -> str:
    """The class of a verdict; one that says nothing of the figure is not marked."""
    mark = MARKS.get(verdict)
    return f"mark {mark}" if mark else "quiet"


def _value(point: Point, unit: str) -> str:
    divisor, _ = magnitude(unit)
    return rounding.figure(point.value / divisor)


def _verdicts(judged: Verdicts) -> Table:
    return verdicts("What this run says of each claim", judged.claims)


def _measured(measured: Measured | None) -> str:
    """A measured figure with its interval, and how many blocks it rests on."""
    figure = rounding.measured(measured)
    return f"{figure}, {quantity(measured.blocks, 'block')}" if measured else figure


def _instant(time: datetime) -> str:
    """``2026-11-23 03:15 UTC``."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _plain(value: object) -> object:
    """Name in foreign text what no reader can see, such as a reversal of direction."""
    foreign = isinstance(value, str) and not isinstance(value, Markup)
    return visible(str(value), keep="\n\t") if foreign else value
