"""``ormlab claims``."""

from __future__ import annotations

import sys
from typing import Any

import click

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
        document("ormlab-claims-lint/1", result, problems=problems)
    else:
        click.echo(f"{path}: {claims} claims, {len(problems)} problems.")
        for problem in problems:
            click.echo(f"  {problem['where']}: {problem['code']}: {problem['what']}")
            click.echo(f"    next: {problem['hint']}")
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
            document("ormlab-claims-show/1", told)
        else:
            click.echo(ledger_text(told))
        return
    one = next((each for each in told["claims"] if each["id"] == claim), None)
    if one is None:
        raise LedgerError(
            "claim-unknown",
            f"there is no claim {claim!r}",
            where=ledger,
            hint=f"`ormlab claims show {ledger}` lists them",
        )
    checks = [check for check in told["checks"] if claim in check["concerns"]]
    if as_json:
        document("ormlab-claims-show/1", {**told, "claims": [one], "checks": checks})
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

    told: dict[str, list[dict[str, Any]]] = registries()
    if as_json:
        document("ormlab-claims-metrics/1", told)
        return
    click.echo(f"{len(told['metrics'])} metrics, {len(told['readings'])} readings of conditions.")
    for each in told["metrics"]:
        head = f"{each['name']} ({each['unit']}, {each['better']} is better)"
        click.echo(f"  metric   {head}: {each['estimator']}")
    for each in told["readings"]:
        click.echo(f"  reading  {each['name']} ({each['scope']}): {each['what']}")
