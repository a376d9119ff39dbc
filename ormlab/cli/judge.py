"""``ormlab judge``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bundle.codec import plain
from ormlab.cli import options
from ormlab.cli.output import bundle_errors, document, exit_if, verdict_exit
from ormlab.cli.tables import results_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bundle.documents.verdicts import ClaimVerdict
    from ormlab.judging.ledger import LedgerFile


@click.command("judge")
@click.argument(
    "bundles", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="BUNDLE..."
)
@click.option("--ledger", help="Claims to judge: a file, or the name of one in workloads/ledgers/.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the judgement of several bundles.  [default: the first one's]",
)
@options.strict
@options.as_json
def command(
    bundles: tuple[Path, ...],
    ledger: str | None,
    out: Path | None,
    *,
    strict: bool,
    as_json: bool,
) -> None:
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
        _results(bundles[0], as_json=as_json)
        return
    if ledger is None:
        raise click.UsageError("several bundles have claims in common, not results: give --ledger")
    from ormlab.judging import ledger as ledgers

    claims = ledgers.load(ledger)
    with bundle_errors():
        judged = _verdicts if len(bundles) == 1 else _judgement
        counts = judged(bundles, claims, out, as_json=as_json)
    if strict:
        sys.exit(verdict_exit(counts))


def _results(bundle: Path, *, as_json: bool) -> None:
    from ormlab.judging.judge import judge, without_trial

    with bundle_errors():
        results = judge(bundle).results
    problem = without_trial(results, bundle)
    if as_json:
        told = {"folder": str(bundle), "results": plain(results)}
        document("ormlab-judge/1", told, problems=[problem.record()] if problem else [])
    else:
        click.echo(results_text(results, bundle))
    exit_if(problem)


def _verdicts(
    bundles: tuple[Path, ...], ledger: LedgerFile, _out: Path | None, *, as_json: bool
) -> Mapping[ClaimVerdict, int]:
    from ormlab.cli.claims_text import verdicts_text
    from ormlab.judging.judge import judge

    (bundle,) = bundles
    told = judge(bundle, ledger).verdicts
    if told is None:
        raise ValueError("a ledger gives verdicts")
    if as_json:
        document("ormlab-judge-claims/1", {"folder": str(bundle), "verdicts": plain(told)})
    else:
        click.echo(verdicts_text(told, bundle))
    return told.counts


def _judgement(
    bundles: tuple[Path, ...], ledger: LedgerFile, out: Path | None, *, as_json: bool
) -> Mapping[ClaimVerdict, int]:
    from ormlab.cli.claims_text import judgement_text
    from ormlab.judging.judge import judge_several
    from ormlab.judging.verdicts import store

    told = judge_several(bundles, ledger)
    file = store(told, out or bundles[0].resolve().parent)
    if as_json:
        document("ormlab-judge-claims/1", {"file": str(file), "judgement": plain(told)})
    else:
        click.echo(judgement_text(told, file))
    return told.counts
