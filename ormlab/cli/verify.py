"""``ormlab verify``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ormlab.bundle.verify import verify
from ormlab.cli.output import document
from ormlab.errors import Exit


@click.command("verify")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--level", type=click.Choice(["L0", "L1"]), default="L1", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(bundle: Path, level: str, *, as_json: bool) -> None:
    """Check a BUNDLE without trusting its maker; lists every problem, exits 3 if there is one.

    \b
    Levels:
      L0  it is sealed
      L1  its files are exactly those of the manifest, byte for byte

    \b
    Examples:
      ormlab verify bundles/20261123T031500Z-1a2b3c4d
      cd bundles/20261123T031500Z-1a2b3c4d && sha256sum -c MANIFEST.sha256
    """
    outcome = verify(bundle, level)  # type: ignore[arg-type]
    problems = [
        {"code": p.code, "level": p.level, "where": p.path, "what": p.message, "hint": p.hint}
        for p in outcome.problems
    ]
    if as_json:
        result = {"level": outcome.level_reached, "files": outcome.files, "seal": outcome.seal}
        document("ormlab-verify/1", result, problems=problems)
    else:
        reached = outcome.level_reached or "not even L0"
        click.echo(f"{bundle}: {reached} of {level}, {outcome.files} files, seal {outcome.seal}")
        for problem in problems:
            click.echo(
                f"  {problem['level']} {problem['code']}: {problem['where']}: {problem['what']}"
            )
    if problems:
        sys.exit(Exit.VERIFICATION_FAILED)
