"""``ormlab explain``."""

from __future__ import annotations

from pathlib import Path

import click

from bundle.codec import plain
from ormlab.base import checkout
from ormlab.cli import options
from ormlab.cli.explanation_text import explanation_text
from ormlab.cli.output import bundle_errors, document, exit_if


@click.command("explain")
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@options.as_json
def command(bundle: Path | None, *, as_json: bool) -> None:
    """Say where the difference between two subjects comes from, by the trials of a BUNDLE.

    Without a BUNDLE the command takes the newest in bundles/ whose plan has an explanation.

    \b
    Examples:
      ormlab run explain && ormlab explain
      ormlab explain bundles/20261123T031500Z-1a2b3c4d
      ormlab explain --json | jq -r .explanation.conclusion
    """
    from ormlab.judging.explain import explain, newest

    with bundle_errors():
        folder = bundle or newest(checkout.BUNDLES)
        explanation, problem = explain(folder)
    if as_json:
        told = {"folder": str(folder), "explanation": plain(explanation)}
        document("ormlab-explain/1", told, problems=[problem.record()] if problem else [])
    else:
        click.echo(explanation_text(explanation, folder))
    exit_if(problem)
