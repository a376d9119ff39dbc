"""``ormlab claims``."""

from __future__ import annotations

import sys

import click
from msgspec.structs import replace

from bundle.codec import plain
from ormlab.base.errors import Exit, LedgerError
from ormlab.cli import options
from ormlab.cli.output import document


@click.group("claims")
def group() -> None:
    """Read ledgers: published numbers as data, with what tests them.

    LEDGER is a file, or the name of one in workloads/ledgers/.
    """


@group.command("lint")
@click.argument("ledger")
@options.as_json
def lint(ledger: str, *, as_json: bool) -> None:
    """List everything that is wrong with a LEDGER, each with its line; exits 2 if anything is.

    \b
    Examples:
      ormlab claims lint article
      ormlab claims lint my-ledger.yaml --json
    """
    from ormlab.judging import ledger as ledgers

    path = ledgers.find(ledger)
    found, problems = ledgers.examine(path)
    claims = len(found.claims) if found else 0
    if as_json:
        result = {"file": str(path), "claims": claims}
        document("ormlab-claims-lint/1", result, problems=[each.record() for each in problems])
    else:
        click.echo(f"{path}: {claims} claims, {len(problems)} problems.")
        for problem in problems:
            click.echo(f"  {problem.where}: {problem.code}: {problem.what}")
            click.echo(f"    next: {problem.hint}")
    if problems:
        sys.exit(Exit.USAGE)


@group.command("show")
@click.argument("ledger")
@click.option("--claim", help="Only this claim, with its conditions and its test.")
@options.as_json
def show(ledger: str, claim: str | None, *, as_json: bool) -> None:
    """Show what a LEDGER claims, what arithmetic alone says of it, and which plan tests it.

    \b
    Examples:
      ormlab claims show article
      ormlab claims show article --claim rss.ratio
    """
    from ormlab.cli.claims_text import claim_text, ledger_text
    from ormlab.judging import ledger as ledgers
    from ormlab.judging.verdicts import overview

    told = overview(ledgers.load(ledger))
    if claim is None:
        if as_json:
            document("ormlab-claims-show/1", plain(told))
        else:
            click.echo(ledger_text(told))
        return
    one = next((each for each in told.claims if each.id == claim), None)
    if one is None:
        raise LedgerError(
            "claim-unknown",
            f"there is no claim {claim!r}",
            where=ledger,
            hint=f"`ormlab claims show {ledger}` lists them",
        )
    checks = tuple(check for check in told.checks if claim in check.concerns)
    if as_json:
        one_alone = replace(told, claims=(one,), checks=checks)
        document("ormlab-claims-show/1", plain(one_alone))
    else:
        click.echo(claim_text(one, checks))


@group.command("metrics")
@options.as_json
def metrics(*, as_json: bool) -> None:
    """List the figures and the conditions that a ledger can use.

    \b
    Example:
      ormlab claims metrics
    """
    from ormlab.judging.verdicts import registries

    told = registries()
    if as_json:
        document("ormlab-claims-metrics/1", plain(told))
        return
    click.echo(f"{len(told.metrics)} metrics, {len(told.readings)} readings of conditions.")
    for metric in told.metrics:
        head = f"{metric.name} ({metric.unit}, {metric.better} is better)"
        click.echo(f"  metric   {head}: {metric.estimator}")
    for reading in told.readings:
        click.echo(f"  reading  {reading.name} ({reading.scope}): {reading.what}")
