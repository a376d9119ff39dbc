"""``ormlab judge``."""

from __future__ import annotations

from pathlib import Path

import click

from ormlab.cli.output import bundle_errors, document
from ormlab.cli.tables import results_text


@click.command("judge")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(bundle: Path, *, as_json: bool) -> None:
    """Compute the results of a sealed BUNDLE anew from its files, and print them.

    \b
    Example:
      ormlab judge bundles/20261123T031500Z-1a2b3c4d
    """
    from ormlab.judge import judge

    with bundle_errors():
        results = judge(bundle)
    if as_json:
        document("ormlab-judge/1", {"folder": str(bundle), "results": results})
    else:
        click.echo(results_text(results, bundle))
