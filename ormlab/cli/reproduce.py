"""``ormlab reproduce``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.rounding import percent
from bundle.codec import plain
from bundle.display import quantity
from bundle.documents.verdicts import LedgerOnTrial
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.claims_text import judgement_text
from ormlab.cli.output import Printout, prints, verdict_exit
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ormlab.cli.options import ListenAddress
    from ormlab.reproduce import Proposal, Step


@click.command("reproduce")
@options.on_trial
@click.option("--claims", help="Only these claims: ids with commas between, * for anything.")
@click.option(
    "--profile",
    type=options.Choice(["smoke", "vm", "bare-metal"]),
    help="Run every plan under this profile.  [default: each plan's own]",
)
@click.option(
    "--copy",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Your copy of the source as text, for claims about the code that it prints.",
)
@options.inventory
@options.bundles("Folder to look for bundles in, and to write new ones to.")
@click.option(
    "--dry-run", is_flag=True, help="Print what the command would run, for how long, and stop."
)
@options.metrics
@options.strict
@prints
def command(
    ledger: str,
    claims: str | None,
    profile: str | None,
    inventory: Path,
    bundles: Path,
    *,
    copy: Path | None,
    dry_run: bool,
    metrics: ListenAddress | None,
    strict: bool,
) -> Printout:
    """Put the claims of a LEDGER on trial: run the plans that test them, and judge.

    LEDGER is a file, or the name of one in workloads/ledgers/. The command does not repeat
    a plan that has a sealed bundle in the folder. Before it starts, it prints which plans it will
    run, for how long, and what they can detect.

    \b
    Examples:
      ormlab reproduce article --dry-run
      ormlab reproduce article --claims 'py313.*'
      ormlab reproduce article --claims 'runs.*' --copy article.txt
      ormlab reproduce article --profile vm --strict

    Ctrl-C keeps what was sealed and exits with 130; run it again to continue.
    """
    from ormlab.hosts import inventory as inventories
    from ormlab.judging import ledger as ledgers
    from ormlab.reproduce import Request, carry_out, propose, scripts

    patterns = tuple(each.strip() for each in claims.split(",")) if claims is not None else ()
    if not all(patterns):
        raise click.BadParameter("an id between the commas is missing", param_hint="--claims")
    request = Request(
        ledgers.load(ledger),
        bundles,
        patterns,
        profile,  # type: ignore[arg-type]
        copy=scripts.read(copy) if copy else None,
    )
    proposal = propose(request)
    proposed, text = _document(proposal), proposal_text(proposal)
    if dry_run:
        return Printout("ormlab-reproduce/1", {"proposal": proposed}, lambda: text)
    click.echo(text, err=True)
    hosts = inventories.load(inventory)
    with reporter(metrics) as progress:
        outcome = carry_out(proposal, hosts, progress)
    judgement = judgement_text(outcome.judgement, outcome.file)
    return Printout(
        schema="ormlab-reproduce/1",
        result={
            "proposal": proposed,
            "file": str(outcome.file),
            "judgement": plain(outcome.judgement),
            "reports": [str(page) for page in outcome.reports],
        },
        text=lambda: "\n".join([judgement, *(f"report: {page}" for page in outcome.reports)]),
        failures=tuple(outcome.failed.values()),
        code=verdict_exit(outcome.judgement.counts) if strict else Exit.OK,
    )


def _document(proposal: Proposal) -> dict[str, object]:
    """Everything that is to be known before anything starts; keys in alphabetical order."""
    request = proposal.request
    ledger = LedgerOnTrial(
        name=request.ledger.ledger.name,
        title=request.ledger.ledger.title,
        sha256=request.ledger.sha256,
    )
    return {
        "at_most": proposal.at_most,
        "bundles": str(request.bundles),
        "claims": list(proposal.claims),
        "expected_s": proposal.expected_s,
        "ledger": plain(ledger),
        "left_out": [dict(sorted(asdict(each).items())) for each in proposal.left_out],
        "plans": [_plan(step) for step in proposal.steps],
        "trials": proposal.trials,
    }


def _plan(step: Step) -> dict[str, object]:
    written = step.resolved.plan
    return {
        "aside": [{"id": each.path.name, "why": each.flaw or ""} for each in step.aside],
        "at_most": step.at_most,
        "begun": step.begun.name if step.begun else None,
        "blocks": written.blocks,
        "claims": list(step.claims),
        "decides": list(step.decides),
        "existing": [
            {"commit": each.record.tool.commit, "id": each.path.name} for each in step.existing
        ],
        "expected_s": step.expected_s,
        "finds": dict(sorted(asdict(step.finds).items())) if step.finds else None,
        "name": written.name,
        "profile": written.profile,
        "scripts": [each.script.name for each in step.scripts],
        "scripts_lacking": list(step.lacking),
        "sha256": step.resolved.sha256,
        "stacks_only": step.stacks_only,
        "title": written.title,
        "trials": step.trials,
        "varies": list(step.varies),
    }


def proposal_text(proposal: Proposal) -> str:
    """One sentence, then plan by plan."""
    steps, missing = proposal.steps, proposal.missing
    tested = {claim for step in steps for claim in step.claims}
    title = proposal.request.ledger.ledger.title
    head = f"{title}: {quantity(len(proposal.claims), 'claim')}, {len(tested)} of them "
    head += f"tested by {quantity(len(steps), 'plan')}; "
    if missing:
        about = "at most about" if proposal.at_most else "about"
        head += f"{quantity(len(missing), 'plan')} to run, {quantity(proposal.trials, 'trial')}, "
        head += f"{about} {_minutes(proposal.expected_s)}."
    else:
        head += "nothing to run."
    lines = [line for step in steps for line in _lines(step)]
    lines += [f"  left out  {each.plan}: {each.why}" for each in proposal.left_out]
    return "\n".join([head, *lines])


def _lines(step: Step) -> Iterator[str]:
    plan = step.resolved.plan
    head = f"{plan.name} ({plan.profile}, {quantity(len(step.claims), 'claim')})"
    about = f"{'at most ' if step.at_most else ''}about {_minutes(step.expected_s)}"
    if step.existing:
        yield f"  exists    {head}: {', '.join(each.path.name for each in step.existing)}"
    elif step.stacks_only:
        yield f"  to run    {head}: the stacks alone, without a load, {about}"
    else:
        yield f"  to run    {head}: {quantity(step.trials, 'trial')}, {about}; {_finds(step)}"
    if step.decides:
        yield f"            decides {', '.join(step.decides)}"
    if step.varies:
        yield f"            under another assumption {', '.join(step.varies)}"
    if step.begun:
        yield f"  goes on   {step.begun.name}: its process was ended; what it had closed is kept"
    if step.lacking and not step.existing:
        yield f"  no code   {', '.join(step.lacking)}: give your copy of the source with --copy"
    for each in step.aside:
        yield f"  aside     {each.path.name}: {each.flaw}"


def _finds(step: Step) -> str:
    finds = step.finds
    if step.resolved.plan.profile == "smoke":
        return "a smoke run gives estimates, not verdicts"
    if finds is None:
        return "it compares nothing"
    least, most = percent(finds.least, 1), percent(finds.most, 1)
    size = f"differences of {least}" + (f" to {most}" if least != most else "")
    return f"finds {size} {finds.basis}"


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60)):,} min"
