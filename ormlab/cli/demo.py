"""``ormlab demo``: what `make demo` runs."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import click

from bundle.codec import plain
from bundle.documents.verdicts import ClaimVerdict
from ormlab.cli import options
from ormlab.cli.output import Printout, prints, run_output, wants_json
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.documents.verdicts import Judgement
    from ormlab.base.errors import LabError

LEDGER, CLAIMS, PLAN = "article", "py313.*", "demo"
_LONGEST = 160  # characters of a reason; the bundle has all of it
_INTRODUCTION = (
    "Part 1 of 2, about a minute: do the versions that an article says it measured run at all?"
)
_MEASURES = (
    "Part 2 of 2, about three minutes: two ORMs and a bare driver, measured on this machine."
)


@click.command("demo")
@options.inventory
@options.bundles("Folder to write the bundles to.")
@prints
def command(inventory: Path, bundles: Path) -> Printout:
    """Show what the lab does, on this machine: about four minutes.

    First it tries whether the package versions of the article install and import on the Python
    that the article names. Then it runs the plan demo and writes its report.

    \b
    Examples:
      ormlab demo
      ormlab demo --bundles /srv/bundles
      ormlab demo --json | jq -r .results.conclusion

    Ctrl-C seals what was measured as aborted and exits with 130.
    """
    click.echo(_INTRODUCTION, err=True)
    from ormlab import plan as plans
    from ormlab.hosts import inventory as inventories
    from ormlab.judging import ledger as ledgers
    from ormlab.reproduce import Request, carry_out, propose
    from ormlab.run.stages import run

    hosts, article = inventories.load(inventory), ledgers.load(LEDGER)
    with reporter() as progress:
        outcome = carry_out(propose(Request(article, bundles, (CLAIMS,))), hosts, progress)
    told = published_text(outcome.judgement, list(outcome.failed.values()))
    if not wants_json():
        click.echo(f"\n{told}\n")
    click.echo(_MEASURES, err=True)
    with reporter() as progress:
        bundle = run(plans.load(PLAN), hosts, bundles, progress)
    output = run_output("ormlab-demo/1", bundle, report=True)
    return replace(
        output,
        result={"published": plain(outcome.judgement)} | dict(output.result),
        text=lambda: f"\n{output.text()}\n{next_text(Path(sys.executable).with_name('ormlab'))}",
    )


def published_text(judgement: Judgement, failed: Sequence[LabError] = ()) -> str:
    """Whether what an article names runs at all, with the reasons of those packages that do not.

    Args:
        judgement: has a claim for each package that it names.
        failed: why nothing could be tried.
    """
    from analysis.claims.standing import DECIDED, deciding

    title = judgement.ledger.title
    judged = [deciding(each.standing, each.together) for each in judgement.claims]
    refuted = [each.why for each in judged if each.verdict is ClaimVerdict.REFUTED]
    unclear = [each.what for each in failed]
    unclear += [each.why for each in judged if each.verdict not in DECIDED]
    if refuted:
        head = f'The article "{title}" cannot be repeated as written: {len(refuted)} of the '
        head += f"{len(judged)} package versions that it names cannot be used on the Python that "
        head += "it names."
        lines = [*refuted, *(f"not decided: {why}" for why in unclear)]
        return "\n".join([head, *(f"  {_cut(why)}" for why in lines)])
    if unclear:
        return f"This machine cannot say whether the article's versions run: {unclear[0]}."
    return f'All package versions that the article "{title}" names run on the Python that it names.'


def _cut(reason: str) -> str:
    return shorten(reason, _LONGEST, placeholder=" ...")


def next_text(program: Path) -> str:
    """A line to paste in any folder; ``program`` is the whole path of this one."""
    return f"next:   {shlex.quote(str(program))} compare sqlalchemy tortoise"
