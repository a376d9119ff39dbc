"""Arguments and options that several commands take, so that they are called and explained alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from ormlab import archive as archives
from ormlab.base import checkout

type Decorator = Callable[[Callable[..., None]], Callable[..., None]]

PATH = click.Path(path_type=Path)
FOLDER = click.Path(path_type=Path, file_okay=False)

bundle = click.argument("bundle", type=PATH)

archive = click.option(
    "--archive",
    "folder",
    type=FOLDER,
    default=archives.ARCHIVE,
    help="Folder of the archive.  [default: archive/]",
)

strict = click.option(
    "--strict", is_flag=True, help="Exit 4 if a claim was refuted, 5 if one is undecided."
)

ledger = click.option(
    "--ledger", help="Claims to judge: a file, or the name of one in workloads/ledgers/."
)

inventory = click.option(
    "--inventory",
    type=PATH,
    default=checkout.INVENTORY,
    help="Ansible inventory with the groups app, db and load.  [default: inventory/local.yml]",
)


def bundles(help_text: str) -> Decorator:
    """The folder in which bundles lie."""
    help_text = f"{help_text}  [default: bundles/]"
    return click.option("--bundles", type=FOLDER, default=checkout.BUNDLES, help=help_text)
