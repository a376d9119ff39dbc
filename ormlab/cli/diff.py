"""``ormlab diff``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.output import bundle_errors, document


@click.command("diff")
@click.argument("first", type=click.Path(path_type=Path), metavar="A")
@click.argument("second", type=click.Path(path_type=Path), metavar="B")
@click.option(
    "--host-sd",
    type=click.FloatRange(min=0, max=1),
    default=0.1,
    show_default=True,
    help="Assumed spread between two hosts, as the sd of a ratio's logarithm.",
)
@click.option("--strict", is_flag=True, help="Exit 4 if the results differ, 5 if undecided.")
@options.as_json
def command(first: Path, second: Path, host_sd: float, *, strict: bool, as_json: bool) -> None:
    """Say what changed between bundles A and B, and whether their results agree.

    A and B are folders, or archives made by `ormlab archive pack`. On one host (same fingerprint)
    the command compares sizes. On two hosts it compares directions, and checks whether B lies in
    the interval expected of another host.

    \b
    Examples:
      ormlab diff bundles/20261123T031500Z-1a2b3c4d bundles/20261124T090000Z-1a2b3c4d
      ormlab diff theirs.tar.zst bundles/20261124T090000Z-1a2b3c4d --strict
      ormlab diff A B --json | jq -r .diff.conclusion
    """
    from bundle.codec import plain
    from ormlab.cli.diff_text import diff_text
    from ormlab.judging.diff import diff

    with bundle_errors():
        told = diff(first, second, host_sd=host_sd)
    if as_json:
        document("ormlab-diff/1", {"diff": plain(told)})
    else:
        click.echo(diff_text(told))
    if strict and told.verdict == "differ":
        sys.exit(Exit.REFUTED)
    if strict and told.verdict == "open":
        sys.exit(Exit.INCONCLUSIVE)
