"""Options that several commands take, so that they are called and explained alike."""

from __future__ import annotations

from pathlib import Path

import click

from ormlab import archive as archives
from ormlab.base import checkout

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

archive = click.option(
    "--archive",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=archives.ARCHIVE,
    help="Folder of the archive.  [default: archive/]",
)

strict = click.option(
    "--strict", is_flag=True, help="Exit 4 if a claim was refuted, 5 if one is undecided."
)

bundles = click.option(
    "--bundles",
    type=click.Path(path_type=Path, file_okay=False),
    default=checkout.BUNDLES,
    help="Folder to write the bundle to.  [default: bundles/]",
)

inventory = click.option(
    "--inventory",
    type=click.Path(path_type=Path),
    default=checkout.INVENTORY,
    help="Ansible inventory with the groups app, db and load.  [default: inventory/local.yml]",
)
