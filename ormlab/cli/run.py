"""``ormlab run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ormlab.cli import options
from ormlab.cli.output import Output, prints, run_output
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from pathlib import Path


@click.command("run")
@click.argument("plan")
@options.inventory
@options.bundles("Folder to write the bundle to.")
@click.option(
    "--omit-missing-generators",
    is_flag=True,
    help="Leave out loads whose generator the host lacks, instead of refusing to start.",
)
@click.option("--ledger", help="Claims that the run puts on trial: sealed with it, and judged.")
@options.strict
@prints
def command(
    plan: str,
    inventory: Path,
    bundles: Path,
    ledger: str | None,
    *,
    omit_missing_generators: bool,
    strict: bool,
) -> Output:
    """Run a PLAN, seal its bundle, and print the results.

    PLAN is a file, or the name of one in workloads/plans/.

    \b
    Examples:
      ormlab run demo
      ormlab run my-plan.yaml --bundles /srv/bundles
      ormlab run headline --ledger article --strict
      ormlab run demo --json | jq -r .results.conclusion

    Ctrl-C seals what was measured as aborted and exits with 130.
    """
    if strict and ledger is None:
        raise click.UsageError("--strict is for claims: give --ledger")
    from ormlab import plan as plans
    from ormlab.hosts import inventory as inventories
    from ormlab.judging import ledger as ledgers
    from ormlab.run.stages import run

    asked, hosts = plans.load(plan), inventories.load(inventory)
    claims = ledgers.load(ledger) if ledger else None
    with reporter() as progress:
        bundle = run(
            asked,
            hosts,
            bundles,
            progress,
            omit_missing_generators=omit_missing_generators,
            ledger=claims,
        )
    return run_output("ormlab-run/1", bundle, strict=strict)
