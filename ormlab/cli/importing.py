"""``ormlab import``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bundle.codec import plain
from bundle.display import quantity
from ormlab.cli import streams
from ormlab.cli.output import Printout, prints, wants_json
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from bundle.documents.verdicts import CheckOutcome
    from ormlab.judging.published import Draft, Given
    from ormlab.judging.verdicts import Overview

_STDIN = Path("-")
_FINE = {"holds", "undecided"}


@click.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the draft, which must not be there yet.  [default: standard output]",
)
@click.option("--format", "form", help="Format of the files.  [default: each file's own]")
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only runs of this SUBJECT or WORKLOAD/SUBJECT; * for any. May stand more than once.",
)
@prints
def command(
    files: tuple[Path, ...], output: Path | None, form: str | None, only: tuple[str, ...]
) -> Printout | None:
    """Turn the printed results of other people into the draft of a ledger.

    Formats: wrk, wrk2, k6, oha, hey, bombardier, pgbench, techempower, asv. Several files become
    subjects that are compared with each other. FILE may be - for standard input.

    What the files state becomes claims and conditions, what they do not say is left unknown, and
    their arithmetic becomes checks: requests over seconds, Little's law, percentiles in order.

    \b
    Examples:
      ormlab import wrk.txt -o ledger.yaml
      ormlab import sqlalchemy.txt tortoise.txt -o ledger.yaml
      ormlab import results.json --only 'db-c512/*' -o ledger.yaml
      wrk --latency -c 64 http://127.0.0.1:8080/ | ormlab import - -o ledger.yaml
    """
    from analysis.published import FORMATS
    from ormlab.judging import published
    from ormlab.judging.verdicts import overview

    if form is not None and form not in FORMATS:
        raise click.UsageError(f"there is no format {form!r}: {', '.join(FORMATS)}")
    if len(set(files)) < len(files):
        raise click.UsageError("a file stands there twice")
    given = [_given(path) for path in files]
    name = output.stem if output else files[0].stem if files[0] != _STDIN else "draft"
    today = datetime.now(UTC).date()
    draft = published.make(given, name=name, today=today, form=form, only=only)
    if output:
        published.store(draft.text, output)
    elif not wants_json():
        streams.document(draft.text.encode())
        return None
    told = overview(draft.ledger)
    return Printout(
        schema="ormlab-import/1",
        result={
            "file": str(output) if output else None,
            "ledger": draft.text,
            "sources": [
                {
                    "file": origin.name,
                    "format": origin.tool,
                    "sha256": origin.sha256,
                    "runs": len(origin.runs),
                }
                for origin in draft.origins
            ],
            "overview": plain(told),
        },
        text=lambda: _text(draft, told, output),
    )


def _given(path: Path) -> Given:
    from analysis.published import LARGEST
    from ormlab.judging import published

    if path != _STDIN:
        return published.read_file(path)
    return published.Given(published.STDIN, sys.stdin.buffer.read(LARGEST + 1))


def _text(draft: Draft, told: Overview, output: Path | None) -> str:
    """What was read, what is wrong with it on paper, and what comes next."""
    page = Page()
    page.line(f"{output}: {told.conclusion}")
    for origin in draft.origins:
        page.line(f"  {origin.name}: {quantity(len(origin.runs), 'run')} of {origin.tool}")
    for check in told.checks:
        if check.outcome not in _FINE:
            page.line(_told(check))
    held = sum(check.outcome == "holds" for check in told.checks)
    page.line(f"{held} of {quantity(len(told.checks), 'check')} hold")
    for check in told.checks:
        if check.outcome == "undecided":
            page.line(_told(check))
    unknown = draft.ledger.ledger.conditions.get("unknown", {})
    if unknown:
        page.line(f"unknown: {', '.join(unknown)}")
    if any(claim.not_run for claim in told.claims):
        page.line(f"next: fill in {output}, and name the plan that tests each claim; then")
        page.line(f"  ormlab claims show {output}")
        page.line(f"  ormlab reproduce {output} --dry-run")
    else:
        page.line(f"next: ormlab claims show {output} (no plan of the lab can test these claims)")
    return page.text()


def _told(check: CheckOutcome) -> str:
    return f"{check.outcome}: {check.check}: {check.says}: {check.what}"
