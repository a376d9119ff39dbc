"""``ormlab rerun``."""

from __future__ import annotations

from pathlib import Path

import click

from ormlab.cli import options
from ormlab.cli.output import bundle_errors, run_result
from ormlab.cli.progress import reporter


@click.command("rerun")
@click.argument("bundle", type=click.Path(path_type=Path))
@options.inventory
@options.bundles
@options.as_json
def command(bundle: Path, inventory: Path, bundles: Path, *, as_json: bool) -> None:
    """Run the plan of a BUNDLE again on this host, with its own locks and inputs.

    The new bundle names the seal of the old one. `ormlab diff OLD NEW` says whether the results
    agree.

    \b
    Examples:
      ormlab rerun bundles/20261123T031500Z-1a2b3c4d
      ormlab rerun theirs/20261123T031500Z-1a2b3c4d --bundles mine --json | jq -r .folder
    """
    from ormlab import inventory as inventories
    from ormlab.rerun import Request, rerun

    request = Request(bundle, inventories.load(inventory), bundles)
    with bundle_errors(), reporter() as progress:
        made = rerun(request, progress)
    run_result("ormlab-rerun/1", made, as_json=as_json)
