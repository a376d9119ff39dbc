"""``ormlab resume``."""

from __future__ import annotations

from pathlib import Path

import click

from ormlab.cli import options
from ormlab.cli.output import bundle_errors, run_result
from ormlab.cli.progress import reporter


@click.command("resume")
@click.argument("folder", type=click.Path(path_type=Path), metavar="BUNDLE.partial")
@options.inventory
@options.as_json
def command(folder: Path, inventory: Path, *, as_json: bool) -> None:
    """Continue a run whose process was ended, and print what it shows.

    BUNDLE.partial is the folder that the run has left. Every trial that was closed stays; one
    that was open is measured again, and the bundle says so. Plan, locks, source and host must be
    what they were, else nothing is changed and the difference is named.

    \b
    Examples:
      ormlab resume bundles/20261123T031500Z-1a2b3c4d.partial
      ormlab resume bundles/*.partial --json | jq -r .results.conclusion
    """
    from ormlab.hosts import inventory as inventories
    from ormlab.run.resume import Request, resume

    with bundle_errors(), reporter() as progress:
        bundle = resume(Request(folder, inventories.load(inventory)), progress)
    run_result("ormlab-resume/1", bundle, as_json=as_json)
