"""``ormlab judge``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bundle.codec import plain
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.claims_text import judgement_text, verdicts_text
from ormlab.cli.output import Printout, prints, verdict_exit
from ormlab.cli.tables import results_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ormlab.judging.ledger import LedgerFile


@click.command("judge")
@click.argument("bundles", type=options.PATH, nargs=-1, required=True, metavar="BUNDLE...")
@options.ledger
@click.option(
    "--out",
    type=options.FOLDER,
    help="Folder for the judgement of several bundles.  [default: the first one's]",
)
@options.strict
@prints
def command(
    bundles: tuple[Path, ...], ledger: str | None, out: Path | None, *, strict: bool
) -> Printout:
    """Compute the results of sealed bundles anew from their files, and print them.

    With a ledger the command also gives a verdict on each of its claims. For one BUNDLE it writes
    verdicts.json beside the results; for several it writes one file that names their seals.

    \b
    Examples:
      ormlab judge bundles/20261123T031500Z-1a2b3c4d
      ormlab judge bundles/20261123T031500Z-1a2b3c4d --ledger article
      ormlab judge bundles/2026112* --ledger article --strict
    """
    if out and len(bundles) == 1:
        raise click.UsageError("--out is for several bundles: one keeps its judgement in itself")
    if strict and ledger is None:
        raise click.UsageError("--strict is for claims: give --ledger")
    if ledger is None and len(bundles) == 1:
        return _results(bundles[0])
    if ledger is None:
        raise click.UsageError("several bundles have claims in common, not results: give --ledger")
    from ormlab.judging import ledger as ledgers

    claims = ledgers.load(ledger)
    if len(bundles) == 1:
        return _verdicts(bundles[0], claims, strict=strict)
    return _judgement(bundles, claims, out or bundles[0].resolve().parent, strict=strict)


def _results(bundle: Path) -> Printout:
    from ormlab.judging.judge import judge, without_trial

    results = judge(bundle).results
    problem = without_trial(results, bundle)
    return Printout(
        schema="ormlab-judge/1",
        result={"folder": str(bundle), "results": plain(results)},
        text=lambda: results_text(results, bundle),
        failures=[problem] if problem else [],
    )


def _verdicts(bundle: Path, ledger: LedgerFile, *, strict: bool) -> Printout:
    from ormlab.judging.judge import judge

    verdicts = judge(bundle, ledger).verdicts
    if verdicts is None:
        raise ValueError("a ledger gives verdicts")
    return Printout(
        schema="ormlab-judge-claims/1",
        result={"folder": str(bundle), "verdicts": plain(verdicts)},
        text=lambda: verdicts_text(verdicts, bundle),
        code=verdict_exit(verdicts.counts) if strict else Exit.OK,
    )


def _judgement(
    bundles: Sequence[Path], ledger: LedgerFile, folder: Path, *, strict: bool
) -> Printout:
    from ormlab.judging.judge import judge_several
    from ormlab.judging.verdicts import store

    judgement = judge_several(bundles, ledger)
    file = store(judgement, folder)
    return Printout(
        schema="ormlab-judge-claims/1",
        result={"file": str(file), "judgement": plain(judgement)},
        text=lambda: judgement_text(judgement, file),
        code=verdict_exit(judgement.counts) if strict else Exit.OK,
    )
