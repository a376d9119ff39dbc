"""``ormlab report``."""

from __future__ import annotations

from pathlib import Path

import click

from ormlab.cli import options, streams
from ormlab.cli.output import Printout, prints, wants_json

_STDOUT = Path("-")


@click.command("report")
@options.bundle
@options.ledger
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write; - for standard output.  [default: reports/<bundle>.html or .md]",
)
@click.option("--markdown", is_flag=True, help="Write Markdown, tables in place of charts.")
@prints
def command(
    bundle: Path, ledger: str | None, output: Path | None, *, markdown: bool
) -> Printout | None:
    """Write a report of a sealed BUNDLE: one HTML file that needs no network.

    Without --ledger the report has the verdicts of the last judgement, if there is one. --json
    prints the report's path, and the data that the report shows.

    \b
    Examples:
      ormlab report bundles/20261123T031500Z-1a2b3c4d
      ormlab report bundles/20261123T031500Z-1a2b3c4d --ledger article -o a.html
      ormlab report bundles/20261123T031500Z-1a2b3c4d --markdown -o - | less
    """
    if wants_json() and output == _STDOUT:
        raise click.UsageError("--json has standard output for itself: give -o a file")
    from analysis import report as rendering
    from ormlab.judging import ledger as ledgers
    from ormlab.judging import report as reports

    claims = ledgers.load(ledger) if ledger else None
    made = reports.make(bundle, claims)
    text = rendering.markdown(made) if markdown else rendering.html(made)
    if output == _STDOUT:
        streams.document(text.encode())
        return None
    name = f"{made.data['bundle']}.{'md' if markdown else 'html'}"
    file = reports.store(text, output or reports.REPORTS / name)
    return Printout(
        schema="ormlab-report/1",
        result={"folder": str(bundle), "file": str(file), "report": made.data},
        text=lambda: f"{made.data['conclusion']}\nreport: {file}",
    )
