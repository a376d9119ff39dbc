"""``ormlab claims``."""

from __future__ import annotations

import click
from msgspec.structs import replace

from bundle.codec import plain
from bundle.display import quantity
from bundle.meant import meant
from ormlab.base.errors import Exit, LedgerError
from ormlab.cli import options
from ormlab.cli.claims_text import claim_text, ledger_text
from ormlab.cli.groups import Group
from ormlab.cli.output import Printout, prints


@click.group("claims", cls=Group)
def group() -> None:
    """Read ledgers: published numbers as data, with what tests them.

    LEDGER is a file, or the name of one in workloads/ledgers/.
    """


@group.command("lint")
@options.on_trial
@prints
def lint(ledger: str) -> Printout:
    """List everything that is wrong with a LEDGER, each with its line; exits 2 if anything is.

    \b
    Examples:
      ormlab claims lint article
      ormlab claims lint my-ledger.yaml --json
    """
    from ormlab.judging import ledger as ledgers

    path = ledgers.find(ledger)
    written, problems = ledgers.examine(path)
    claims = len(written.claims) if written else 0

    def text() -> str:
        lines = [f"{path}: {quantity(claims, 'claim')}, {quantity(len(problems), 'problem')}."]
        for problem in problems:
            lines.append(f"  {problem.where}: {problem.code}: {problem.what}")
            lines.append(f"    next: {problem.hint}")
        return "\n".join(lines)

    return Printout(
        schema="ormlab-claims-lint/1",
        result={"file": str(path), "claims": claims},
        text=text,
        problems=[problem.record() for problem in problems],
        code=Exit.USAGE if problems else Exit.OK,
    )


@group.command("show")
@options.on_trial
@click.option("--claim", help="Only this claim, with its conditions and its test.")
@prints
def show(ledger: str, claim: str | None) -> Printout:
    """Show what a LEDGER claims, what arithmetic alone says of it, and which plan tests it.

    \b
    Examples:
      ormlab claims show article
      ormlab claims show article --claim rss.ratio
    """
    from ormlab.judging import ledger as ledgers
    from ormlab.judging.verdicts import overview

    shown = overview(ledgers.load(ledger))
    if claim is None:
        return Printout("ormlab-claims-show/1", plain(shown), lambda: ledger_text(shown))
    one = next((each for each in shown.claims if each.id == claim), None)
    if one is None:
        near = meant(claim, [each.id for each in shown.claims], "{} ")
        raise LedgerError(
            "claim-unknown",
            f"there is no claim {claim!r}",
            where=ledger,
            hint=f"{near}`ormlab claims show {ledger}` lists them",
        )
    checks = tuple(check for check in shown.checks if claim in check.concerns)
    alone = replace(shown, claims=(one,), checks=checks)
    return Printout("ormlab-claims-show/1", plain(alone), lambda: claim_text(one, checks))


@group.command("metrics")
@prints
def metrics() -> Printout:
    """List the figures and the conditions that a ledger can use.

    \b
    Example:
      ormlab claims metrics
    """
    from ormlab.judging.verdicts import registries

    known = registries()

    def text() -> str:
        metrics = quantity(len(known.metrics), "metric")
        lines = [f"{metrics}, {quantity(len(known.readings), 'reading')} of conditions."]
        for metric in known.metrics:
            head = f"{metric.name} ({metric.unit}, {metric.better} is better)"
            lines.append(f"  metric   {head}: {metric.estimator}")
        lines += [f"  reading  {each.name} ({each.scope}): {each.what}" for each in known.readings]
        return "\n".join(lines)

    return Printout("ormlab-claims-metrics/1", plain(known), text)
