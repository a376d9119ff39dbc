"""``ormlab reproduce``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bundle.codec import plain
from ormlab.base import checkout
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.output import bundle_errors, complain, document, verdict_exit
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from ormlab.reproduce import Outcome


@click.command("reproduce")
@click.argument("ledger")
@click.option("--claims", help="Only these claims: ids with commas between, * for anything.")
@click.option(
    "--profile",
    type=click.Choice(["smoke", "vm", "bare-metal"]),
    help="Run every plan under this profile.  [default: each plan's own]",
)
@options.inventory
@click.option(
    "--bundles",
    type=click.Path(path_type=Path, file_okay=False),
    default=checkout.BUNDLES,
    help="Folder to look for bundles in, and to write new ones to.  [default: bundles/]",
)
@click.option(
    "--dry-run", is_flag=True, help="Print what the command would run, for how long, and stop."
)
@options.strict
@options.as_json
def command(
    ledger: str,
    claims: str | None,
    profile: str | None,
    inventory: Path,
    bundles: Path,
    *,
    dry_run: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Put the claims of a LEDGER on trial: run the plans that test them, and judge.

    LEDGER is a file, or the name of one in workloads/ledgers/. The command does not repeat
    a plan that has a sealed bundle in the folder. Before it starts, it prints which plans it will
    run, for how long, and what they can detect.

    \b
    Examples:
      ormlab reproduce article --dry-run
      ormlab reproduce article --claims 'py313.*'
      ormlab reproduce article --profile vm --strict

    Ctrl-C keeps what was sealed and exits with 130; run it again to continue.
    """
    from ormlab.cli.claims_text import judgement_text
    from ormlab.cli.reproduce_text import proposal_text, proposed
    from ormlab.hosts import inventory as inventories
    from ormlab.judging import ledger as ledgers
    from ormlab.reproduce import Request, carry_out, propose

    patterns = tuple(each.strip() for each in claims.split(",")) if claims is not None else ()
    if not all(patterns):
        raise click.BadParameter("an id between the commas is missing", param_hint="--claims")
    request = Request(ledgers.load(ledger), bundles, patterns, profile)  # type: ignore[arg-type]
    with bundle_errors():
        proposal = propose(request)
    plan = proposed(proposal)
    if dry_run:
        if as_json:
            document("ormlab-reproduce/1", {"proposal": plain(plan)})
        else:
            click.echo(proposal_text(plan))
        return
    click.echo(proposal_text(plan), err=True)
    where = inventories.load(inventory)
    with bundle_errors(), reporter() as progress:
        outcome = carry_out(proposal, where, progress)
    pages = [str(page) for page in outcome.reports]
    if as_json:
        told = {
            "proposal": plain(plan),
            "file": str(outcome.file),
            "judgement": plain(outcome.judgement),
            "reports": pages,
        }
        problems = [problem.record() for problem in outcome.failed.values()]
        document("ormlab-reproduce/1", told, problems=problems)
    else:
        click.echo(judgement_text(outcome.judgement, outcome.file))
        for page in pages:
            click.echo(f"report: {page}")
    sys.exit(_exit(outcome, strict=strict))


def _exit(outcome: Outcome, *, strict: bool) -> Exit:
    """The first plan that failed counts before what the others found."""
    for problem in outcome.failed.values():
        complain(problem.record(), problem.exit_code, as_json=False)
    for problem in outcome.failed.values():
        return problem.exit_code
    return verdict_exit(outcome.judgement.counts) if strict else Exit.OK
