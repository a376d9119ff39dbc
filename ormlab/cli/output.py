"""How results and problems leave the program: text for people, one JSON document for others."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bundle.codec import plain
from bundle.display import visible
from bundle.documents.verdicts import ClaimVerdict
from bundle.errors import (
    ArchiveError,
    BundleError,
    BundleExistsError,
    BundleMissingError,
    IndexBrokenError,
    NotSealedError,
    PathRefusedError,
    RecordError,
    StorageError,
    VerificationError,
)
from ormlab.base.errors import Exit, LabError
from ormlab.cli.claims_text import verdicts_text
from ormlab.cli.tables import results_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# The first that fits: missing and existing ones are errors of the storage, too.
_EXITS: tuple[tuple[tuple[type[BundleError], ...], Exit], ...] = (
    (
        (ArchiveError, NotSealedError, VerificationError, IndexBrokenError, RecordError),
        Exit.VERIFICATION_FAILED,
    ),
    ((BundleMissingError, BundleExistsError, PathRefusedError), Exit.USAGE),
    ((StorageError,), Exit.PROVISIONING),
)


def document(
    schema: str, result: Mapping[str, object], *, problems: Sequence[Mapping[str, object]] = ()
) -> None:
    """Print the one JSON document of a command."""
    whole = {"schema": schema, "ok": not problems, "problems": problems, **result}
    # In ASCII it is the same document whatever the terminal makes of its bytes, and whatever the
    # encoding: a stranger's bundle may hold escape sequences, or half of a surrogate pair.
    click.echo(json.dumps(whole, indent=1).replace("\x7f", "\\u007f"))


def run_result(schema: str, bundle: Path, *, as_json: bool) -> Mapping[ClaimVerdict, int]:
    """Print what a run that has just been sealed and judged shows, its ledger's verdicts too.

    Returns:
        How many claims got each verdict; empty if the run has no ledger.

    Raises:
        SystemExit: no trial of the run may be used; that was said last.
    """
    from ormlab.judging.judge import Derived, without_trial

    derived = Derived.read(bundle)
    results, verdicts = derived.results, derived.verdicts
    problem = without_trial(results, bundle)
    if as_json:
        judged = {"verdicts": plain(verdicts)} if verdicts else {}
        told = {"folder": str(bundle), "results": plain(results), **judged}
        document(schema, told, problems=[problem.record()] if problem else [])
    else:
        click.echo(results_text(results, bundle))
        if verdicts:
            click.echo(f"\n{verdicts_text(verdicts, bundle)}")
    exit_if(problem)
    return verdicts.counts if verdicts else {}


def exit_if(problem: LabError | None) -> None:
    """End with the code of a problem that does not keep results from being printed, and say it.

    Raises:
        SystemExit: there is one.
    """
    if problem is not None:
        sys.exit(complain(problem.record(), problem.exit_code, as_json=False))


def verdict_exit(counts: Mapping[ClaimVerdict, int]) -> Exit:
    """The exit code of ``--strict``: a refuted claim counts before an open one."""
    if counts.get(ClaimVerdict.REFUTED):
        return Exit.REFUTED
    return Exit.INCONCLUSIVE if counts.get(ClaimVerdict.INCONCLUSIVE) else Exit.OK


def complain(problem: dict[str, str], code: Exit, *, as_json: bool) -> Exit:
    """Say what went wrong, where, and what to do next; returns the exit code."""
    if as_json:
        document("ormlab-error/1", {"exit_code": int(code)}, problems=[problem])
    _tell(f"error: {problem['what']}")
    if problem["where"] and problem["where"] not in problem["what"]:
        _tell(f"  where: {problem['where']}")
    if problem["hint"]:
        _tell(f"  next:  {problem['hint']}")
    return code


def _tell(lines: str) -> None:
    """Write to standard error; an error of many causes has a line for each."""
    click.echo(visible(lines, keep="\n"), err=True)


@contextmanager
def bundle_errors() -> Iterator[None]:
    """Turn the bundle's own exceptions, which know no exit codes, into the lab's."""
    try:
        yield
    except BundleError as error:
        raise _BundleProblemError(error) from error


class _BundleProblemError(LabError):
    def __init__(self, error: BundleError) -> None:
        super().__init__(error.code, error.what, where=error.where, hint=error.hint)
        fitting = (code for kinds, code in _EXITS if isinstance(error, kinds))
        self.exit_code = next(fitting, self.exit_code)
