"""``ormlab run``, ``resume`` and ``rerun``: each seals a bundle and prints its results."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from bundle.display import quantity
from ormlab.base.errors import UsageError
from ormlab.cli import fleet, options
from ormlab.cli.output import Printout, prints, run_output
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ormlab.cli.options import ListenAddress
    from ormlab.plan import Overrides
    from ormlab.run.rerun import RerunProposal

_COMPARED = {
    "same": "as in this checkout",
    "other": "NOT the one of this checkout",
    "none": "NOT in this checkout",
}


@click.command("run")
@options.plan
@options.overrides
@options.inventory
@options.bundles("Folder to write the bundle to.")
@click.option(
    "--omit-missing-generators",
    is_flag=True,
    help="Leave out loads whose generator the host lacks, instead of refusing to start.",
)
@click.option("--ledger", help="Claims that the run puts on trial: sealed with it, and judged.")
@click.option("--report", is_flag=True, help="Also write the report, to reports/<bundle>.html.")
@options.metrics
@options.strict
@click.option(
    "--on",
    metavar="slurm|INVENTORY",
    help="Several runs, each whole on a node of Slurm or a host of an inventory's group fleet, and "
    "what they say together.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Runs of --on.  [default on hosts: one on each]",
)
@click.option(
    "--constraint", metavar="FEATURE", help="Feature that the nodes of --on have: equal hosts."
)
@click.option("--no-wait", is_flag=True, help="Submit the runs to Slurm, and do not wait.")
@prints
def run_command(
    plan: str,
    inventory: Path,
    bundles: Path,
    ledger: str | None,
    overrides: Overrides,
    *,
    metrics: ListenAddress | None,
    omit_missing_generators: bool,
    report: bool,
    strict: bool,
    on: str | None,
    runs: int | None,
    constraint: str | None,
    no_wait: bool,
) -> Printout:
    """Run a PLAN, seal its bundle, and print the results.

    PLAN is a file, or the name of one in workloads/plans/. What an option puts in
    the place of a plan's own value is recorded in the bundle with both values.

    \b
    Examples:
      ormlab run demo --report
      ormlab run demo --blocks 20 --duration 5s --connections 32
      ormlab run my-plan.yaml --bundles /srv/bundles
      ormlab run headline --ledger article --strict
      ormlab run headline --metrics 9300    # http://127.0.0.1:9300/metrics
      ormlab run demo --json | jq -r .results.conclusion
      ormlab run headline --on slurm --runs 6 --constraint epyc9354

    Ctrl-C seals what was measured as aborted and exits with 130. With --on it
    cancels the runs; docs/fleet.md describes them.
    """
    if strict and ledger is None:
        raise click.UsageError("--strict is for claims: give --ledger")
    several = {"--runs": runs, "--constraint": constraint, "--no-wait": no_wait}
    if on is None:
        _require_none(several, "is for several runs: give --on")
    else:
        single = {
            "--ledger": ledger,
            "--report": report,
            "--metrics": metrics,
            "--omit-missing-generators": omit_missing_generators,
        }
        _require_none(single, "is for a single run: leave it out, or --on")
        return fleet.run_on(
            on,
            plan,
            overrides,
            inventory,
            bundles,
            runs=runs,
            constraint=constraint,
            wait=not no_wait,
        )
    from ormlab import plan as plans
    from ormlab.hosts import inventory as inventories
    from ormlab.judging import ledger as ledgers
    from ormlab.run.stages import run

    asked, hosts = overrides.apply(plans.load(plan)), inventories.load(inventory)
    claims = ledgers.load(ledger) if ledger else None
    with reporter(metrics) as progress:
        bundle = run(
            asked,
            hosts,
            bundles,
            progress,
            omit_missing_generators=omit_missing_generators,
            ledger=claims,
        )
    return run_output("ormlab-run/1", bundle, strict=strict, report=report)


def _require_none(given: Mapping[str, object], why: str) -> None:
    """Refuse the first option that was given."""
    for name, value in given.items():
        if value:
            raise click.UsageError(f"{name} {why}")


@click.command("resume")
@click.argument("folder", type=options.PATH, metavar="BUNDLE.partial")
@options.inventory
@options.metrics
@prints
def resume_command(folder: Path, inventory: Path, metrics: ListenAddress | None) -> Printout:
    """Continue a run whose process was killed, and print its results.

    BUNDLE.partial is the folder that the run left. The command keeps every closed trial, measures
    an open one again, and records that in the bundle. If plan, locks, source or host have
    changed, it changes nothing and names the difference.

    \b
    Examples:
      ormlab resume bundles/20261123T031500Z-1a2b3c4d.partial
      ormlab resume bundles/*.partial --json | jq -r .results.conclusion
    """
    from ormlab.hosts import inventory as inventories
    from ormlab.run.resume import resume

    hosts = inventories.load(inventory)
    with reporter(metrics) as progress:
        bundle = resume(folder, hosts, progress)
    return run_output("ormlab-resume/1", bundle)


@click.command("rerun")
@options.bundle
@options.inventory
@options.bundles("Folder to write the bundle to.")
@click.option(
    "--dry-run", is_flag=True, help="Print what the command would execute, and execute nothing."
)
@options.metrics
@click.option("--yes", is_flag=True, help="Execute without asking.")
@click.option(
    "--trust-locks",
    is_flag=True,
    help="Install and import packages from locks that are not those of this checkout.",
)
@prints
def rerun_command(
    bundle: Path,
    inventory: Path,
    bundles: Path,
    *,
    metrics: ListenAddress | None,
    dry_run: bool,
    yes: bool,
    trust_locks: bool,
) -> Printout:
    """Run the plan of a BUNDLE again on this host, with its own locks and inputs.

    The command prints what it would execute, then asks. It installs and imports packages from the
    bundle's locks: if you would not let somebody run programs here, do not rerun their bundle.
    docs/again.md lists the checks.

    The new bundle names the seal of the old one. `ormlab diff OLD NEW` says whether the results
    agree.

    \b
    Examples:
      ormlab rerun bundles/20261123T031500Z-1a2b3c4d --dry-run
      ormlab rerun bundles/20261123T031500Z-1a2b3c4d
      ormlab rerun theirs/20261123* --trust-locks --yes --bundles mine --json
    """
    from ormlab.hosts import inventory as inventories
    from ormlab.run.rerun import propose, require_trust, rerun

    hosts = inventories.load(inventory)
    proposal = propose(bundle)
    proposed = "\n".join(_lines(proposal))
    if dry_run:
        return Printout("ormlab-rerun-proposal/1", proposal.document(), lambda: proposed)
    click.echo(proposed, err=True)
    require_trust(bundle, proposal, trust_locks=trust_locks)
    if not yes:
        _ask(bundle)
    with reporter(metrics) as progress:
        made = rerun(bundle, hosts, bundles, proposal, progress, trust_locks=trust_locks)
    return run_output("ormlab-rerun/1", made)


def _ask(bundle: Path) -> None:
    """Ask whether to go on; without a terminal nobody can answer."""
    if not sys.stdin.isatty():
        what = "nobody can confirm this here, because standard input is no terminal"
    elif click.confirm("Execute this?", err=True):
        return
    else:
        what = "you did not confirm it"
    raise UsageError(
        "rerun-unconfirmed", what, where=str(bundle), hint="--yes goes on without a question"
    )


def _lines(proposal: RerunProposal) -> Iterator[str]:
    """What would be executed, line by line; names in it were held against patterns."""
    plan = proposal.resolved.plan
    yield f"bundle  {proposal.bundle}, sealed as {proposal.seal}"
    yield (
        f"plan    {plan.name}: {quantity(len(proposal.resolved.trials), 'trial')} of "
        f"{', '.join(proposal.resolved.subjects)} under {', '.join(plan.loads)}"
    )
    yield "stacks  installed and imported:"
    for stack in proposal.stacks:
        built = ", some of them built by code of their own" if stack.builds else ""
        yield f"        {stack.name}: {quantity(stack.packages, 'package')}{built}"
    yield "locks   from the bundle:"
    for lock in proposal.locks:
        yield f"        {lock.name}: {_COMPARED[lock.compared]}"
    changes = " with changes" if proposal.source.dirty else ""
    yield f"source  measured by commit {proposal.source.commit}{changes}"
    yield f"        executed is this checkout, commit {proposal.commit}"
    if proposal.has_patch:
        yield "        the bundle's inputs/source.patch is not applied"
    for each in proposal.differences:
        yield f"note    {each.encode('ascii', 'backslashreplace').decode()}"
