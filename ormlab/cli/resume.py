"""``ormlab resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ormlab.cli import options
from ormlab.cli.output import Output, prints, run_output
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from pathlib import Path


@click.command("resume")
@click.argument("folder", type=options.PATH, metavar="BUNDLE.partial")
@options.inventory
@prints
def command(folder: Path, inventory: Path) -> Output:
    """Continue a run whose process was killed, and print its results.

    BUNDLE.partial is the folder that the run left. The command keeps every closed trial, measures
    an open one again, and records that in the bundle. If plan, locks, source or host have
    changed, it changes nothing and names the difference.

    \b
    Examples:
      ormlab resume bundles/20261123T031500Z-1a2b3c4d.partial
      ormlab resume bundles/*.partial --json | jq -r .results.conclusion
    """
    from ormlab.hosts import inventory as inventories
    from ormlab.run.resume import resume

    hosts = inventories.load(inventory)
    with reporter() as progress:
        bundle = resume(folder, hosts, progress)
    return run_output("ormlab-resume/1", bundle)
