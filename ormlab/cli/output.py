"""How results and problems leave the program: text for people, one JSON document for others."""

from __future__ import annotations

import functools
import json
import sys
from dataclasses import dataclass
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
    from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True)
class Printout:
    """What a command prints: one JSON document, or its text."""

    schema: str  #: of the document
    result: Mapping[str, object]  #: the document's keys beside schema, ok and problems
    text: Callable[[], str]  #: makes what people read
    problems: Sequence[Mapping[str, object]] = ()  #: for the document; the text lists them itself
    #: problems that are also printed on standard error; the first gives the exit code
    failures: Sequence[LabError] = ()
    code: Exit = Exit.OK  #: the exit code without failures

    def print(self, *, as_json: bool) -> None:
        """Print one of the two, and the failures.

        Raises:
            SystemExit: the exit code is not 0.
        """
        if as_json:
            records = [*self.problems, *(failure.record() for failure in self.failures)]
            document(self.schema, self.result, problems=records)
        else:
            click.echo(self.text())
        for failure in self.failures:
            complain(failure, as_json=False)
        if code := self.failures[0].exit_code if self.failures else self.code:
            sys.exit(code)


def prints(command: Callable[..., Printout | None]) -> Callable[..., None]:
    """Give a command the option --json, and print what it returns.

    The bundle's own exceptions, which know no exit codes, become the lab's.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @functools.wraps(command)
    def printed(*, as_json: bool, **options: object) -> None:
        try:
            output = command(**options)
        except BundleError as error:
            raise _BundleProblemError(error) from error
        if output:
            output.print(as_json=as_json)

    return printed


def wants_json() -> bool:
    """Whether the running command was given --json."""
    return bool(click.get_current_context().params["as_json"])


def run_output(
    schema: str, bundle: Path, *, strict: bool = False, report: bool = False
) -> Printout:
    """What a run that has just been sealed and judged shows, its ledger's verdicts too.

    Args:
        schema: of the JSON document.
        bundle: of the run.
        strict: let a refuted or undecided claim decide the exit code.
        report: write the report as well, and say where it is.
    """
    from ormlab.judging.judge import Derived, without_trial

    derived = Derived.read(bundle)
    results, verdicts = derived.results, derived.verdicts
    problem = without_trial(results, bundle)
    page = written_report(bundle) if report else None

    def text() -> str:
        judged = f"\n\n{verdicts_text(verdicts, bundle)}" if verdicts else ""
        written = f"\nreport: {page}" if page else ""
        return f"{results_text(results, bundle)}{judged}{written}"

    return Printout(
        schema=schema,
        result={"folder": str(bundle), "results": plain(results)}
        | ({"verdicts": plain(verdicts)} if verdicts else {})
        | ({"report": str(page)} if page else {}),
        text=text,
        failures=[problem] if problem else [],
        code=verdict_exit(verdicts.counts) if strict and verdicts else Exit.OK,
    )


def written_report(bundle: Path) -> Path:
    """Write the report of a bundle; returns its file."""
    from analysis import report as rendering
    from ormlab.judging import report as reports

    page = rendering.html(reports.make(bundle))
    return reports.store(page, reports.REPORTS / f"{bundle.name}.html")


def verdict_exit(counts: Mapping[ClaimVerdict, int]) -> Exit:
    """The exit code of ``--strict``: a refuted claim counts before an open one."""
    if counts.get(ClaimVerdict.REFUTED):
        return Exit.REFUTED
    return Exit.INCONCLUSIVE if counts.get(ClaimVerdict.INCONCLUSIVE) else Exit.OK


def complain(error: LabError, *, as_json: bool) -> Exit:
    """Say what went wrong, where, and what to do next; returns the exit code."""
    if as_json:
        code = {"exit_code": int(error.exit_code)}
        document("ormlab-error/1", code, problems=[error.record()])
    _tell(f"error: {error.what}")
    if error.where and error.where not in error.what:
        _tell(f"  where: {error.where}")
    if error.hint:
        _tell(f"  next:  {error.hint}")
    return error.exit_code


def _tell(lines: str) -> None:
    """Write to standard error; an error of many causes has a line for each."""
    click.echo(visible(lines, keep="\n"), err=True)


class _BundleProblemError(LabError):
    def __init__(self, error: BundleError) -> None:
        super().__init__(error.code, error.what, where=error.where, hint=error.hint)
        fitting = (code for kinds, code in _EXITS if isinstance(error, kinds))
        self.exit_code = next(fitting, self.exit_code)
