"""``ormlab archive``."""

from __future__ import annotations

from pathlib import Path

import click

from ormlab import bundle as bundles
from ormlab.cli.output import bundle_errors, document


@click.group("archive")
def group() -> None:
    """Pack bundles into deterministic archives, and unpack them safely."""


@group.command("pack")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def pack(bundle: Path, out: Path, *, as_json: bool) -> None:
    """Pack a BUNDLE into OUT (.tar.zst): the same bundle packs to the same bytes.

    \b
    Example:
      ormlab archive pack bundles/20261123T031500Z-1a2b3c4d demo.tar.zst
    """
    with bundle_errors():
        digest = bundles.pack(bundle, out)
    if as_json:
        document("ormlab-pack/1", {"archive": str(out), "sha256": digest})
    else:
        click.echo(f"{digest}  {out}")


@group.command("unpack")
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("parent", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def unpack(archive: Path, parent: Path, *, as_json: bool) -> None:
    """Unpack an ARCHIVE below PARENT; what does not verify at L1 is not kept.

    \b
    Example:
      ormlab archive unpack demo.tar.zst received/
    """
    with bundle_errors():
        parent.mkdir(parents=True, exist_ok=True)
        bundle = bundles.unpack(archive, parent)
    if as_json:
        document("ormlab-unpack/1", {"bundle": str(bundle)})
    else:
        click.echo(str(bundle))
