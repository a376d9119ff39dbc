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
    with bundle_errors(), reporter() as progress:
        bundle = resume(folder, hosts, progress)
    run_result("ormlab-resume/1", bundle, as_json=as_json)
