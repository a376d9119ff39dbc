"""What `make demo` printed, in the README: documents of one run, and the code that prints them.

`python -m docs.sample` takes documents and picture from the newest run of the demo in bundles/, and
`make docs` then writes the README. docs/demo/ has the documents, docs/report.png the picture.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import TYPE_CHECKING

from PIL import Image

from bundle import typed
from bundle.documents.results import Results
from bundle.documents.verdicts import Judgement
from docs.finding import between_marks
from host.environment import environment
from ormlab.base.checkout import BUNDLES, ROOT
from ormlab.cli import demo
from ormlab.cli.tables import results_text
from ormlab.judging.report import REPORTS
from ormlab.reproduce import existing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEPT = ROOT / "docs/demo"
PICTURE = ROOT / "docs/report.png"
_JUDGEMENT = "judgement.json"
_HOME = Path("/home/you/ormlab")  # in the place of the checkout that measured
_WIDTH = 100
_VIEW = (1180, 490)  # pixels of the report that the picture shows
_COLOURS = 64


def filled(readme: str) -> str:
    """The README with what the kept run of the demo printed."""
    results = typed.read(KEPT, Results)
    judged = typed.read(KEPT, Judgement, _JUDGEMENT)
    bundle = Path("bundles") / results.bundle
    with _columns(_WIDTH):
        tables = results_text(results, bundle)
    page = _HOME / "reports" / f"{results.bundle}.html"
    told = [
        *demo.published_text(judged).splitlines(),
        "...",
        results.conclusion,
        "...",
        f"report: {page}",
        demo.next_text(_HOME / ".venv/bin/ormlab"),
    ]
    readme = between_marks(readme, "demo", _block(told))
    return between_marks(readme, "tables", _block(tables.splitlines()))


def _block(lines: Iterable[str]) -> list[str]:
    return ["```", *(part for line in lines for part in _folded(line)), "```"]


def _folded(line: str) -> list[str]:
    """A line of the terminal, broken where a page would not show its end."""
    if len(line) <= _WIDTH:
        return [line]
    further = "    " if line.startswith(" ") else ""
    return wrap(line, _WIDTH, subsequent_indent=further, break_on_hyphens=False)


@contextmanager
def _columns(width: int) -> Iterator[None]:
    """A terminal of this width."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(width)
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def main() -> None:
    """Keep the documents of the newest run of the demo, and a picture of its report."""
    made = existing.of_plan(BUNDLES, demo.PLAN)
    demos = [each for each in made if each.record.status != "aborted"]
    judged = sorted(BUNDLES.glob(f"judgement-{demo.LEDGER}-*.json"), key=_changed)
    if not demos or not judged:
        sys.exit("there is no run of the demo in bundles/: type `make demo` first")
    bundle = demos[-1].path
    results = typed.read(bundle, Results)
    if results.failures or results.foreign_load:
        sys.exit(f"{bundle.name} was disturbed: run the demo while nothing else runs")
    for source, kept in ((bundle / Results.PATH, Results.PATH), (judged[-1], _JUDGEMENT)):
        target = KEPT / kept
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    _photograph(REPORTS / f"{bundle.name}.html")


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns


def _photograph(page: Path) -> None:
    """Take a picture of what a reader sees first of a page, in a palette, which makes it small."""
    with TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        width, height = _VIEW
        options = ["--headless", "--hide-scrollbars", f"--window-size={width},{height}"]
        # Chromium refuses its sandbox to root; the page is our own.
        options += ["--no-sandbox", f"--user-data-dir={folder}", f"--screenshot={shot}"]
        asked = ["chromium", *options, page.as_uri()]
        subprocess.run(asked, env=environment("tool"), check=True, capture_output=True)
        with Image.open(shot) as whole:
            whole.convert("RGB").quantize(_COLOURS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
