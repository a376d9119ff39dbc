"""``ormlab import``: files of other people's results as the draft of a ledger."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from analysis import published
from analysis.published import Origin, ResultError
from bundle.storage import guard, write_file
from bundle.tree import read_small
from ormlab.base.errors import LedgerError, UsageError
from ormlab.judging import ledger as ledgers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from ormlab.judging.ledger import LedgerFile

STDIN: Final = "standard input"
_MOST_FIGURES: Final = 1_500  # a claim has about 30 of the 50,000 keys and values of a ledger
_FEWER: Final = "choose fewer runs with --only SUBJECT or --only WORKLOAD/SUBJECT"
_HEAD: Final = """\
# A draft. What the files say is `stated`; nobody knows the rest yet. Before any run: fill in the
# conditions that you know, set each tolerance and its reason, say where this was published, and
# name the plan that tests each claim in `test`, in place of `not_run`. All keys: docs/claims.md.
"""


class _Written(yaml.SafeDumper):
    """Writes every value out: a ledger with aliases is refused."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - of PyYAML
        return True


@dataclass(frozen=True)
class Given:
    """A file as the user names it, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Draft:
    """A draft that has no problems, and what it was made of."""

    text: str  #: YAML
    origins: tuple[Origin, ...]
    ledger: LedgerFile  #: the same, read back


def read_file(path: Path) -> Given:
    """Read one file of a stranger.

    Raises:
        UsageError: it is not there, no regular file, or too large.
    """
    try:
        data = read_small(path, limit=published.LARGEST, follow=True)
    except FileNotFoundError:
        raise UsageError(
            "result-missing",
            f"there is no file {str(path)!r}",
            where=str(path),
            hint="name a file with the output of a tool; - reads standard input",
        ) from None
    except OSError as error:
        raise UsageError(
            "result-unreadable",
            f"the file cannot be read: {error.strerror or error}",
            where=str(path),
            hint=f"it must be a regular file of at most {published.LARGEST:,} bytes",
        ) from None
    return Given(str(path), data)


def make(
    files: Sequence[Given],
    *,
    name: str,
    today: date,
    form: str | None = None,
    only: Sequence[str] = (),
) -> Draft:
    """Make the draft of a ledger from files of results.

    Args:
        files: in the order in which their subjects are to be listed.
        name: of the ledger.
        today: when they were read.
        form: the name of their format; None to find out for each.
        only: patterns of SUBJECT or WORKLOAD/SUBJECT, where a file has many; none for all.

    Raises:
        UsageError: a file is no such result, or nothing fits ``only``.
        LedgerError: the draft would be larger than a ledger may be.
    """
    origins = tuple(_origin(each, form, only) for each in files)
    if not any(origin.runs for origin in origins):
        raise UsageError(
            "result-none",
            f"no run fits {' or '.join(only)}",
            where=", ".join(each.name for each in files),
            hint=f"there are {_listed(_origin(files[0], form, ()))}",
        )
    if sum(len(run.figures) for origin in origins for run in origin.runs) > _MOST_FIGURES:
        raise LedgerError(
            "draft-refused",
            f"a ledger cannot hold more than about {_MOST_FIGURES:,} figures",
            where=", ".join(each.name for each in files),
            hint=_FEWER,
        )
    try:
        ledger = published.draft(name, [each for each in origins if each.runs], today=today)
    except ResultError as wrong:
        raise UsageError("result-invalid", wrong.what, hint=_hint(form)) from None
    document = ledger.model_dump(by_alias=True, exclude_defaults=True)
    text = _HEAD + yaml.dump(
        document, Dumper=_Written, sort_keys=False, allow_unicode=True, width=100
    )
    return Draft(text, origins, _read_back(text))


def store(text: str, path: Path) -> None:
    """Write a draft into a file that is not there yet.

    Raises:
        UsageError: there is something of this name.
        BundleError: the file cannot be written.
    """
    if path.exists() or path.is_symlink():
        raise UsageError(
            "output-exists",
            "the file of the draft is there already",
            where=str(path),
            hint="give -o another name: somebody may have worked on that ledger",
        )
    with guard(path, hint="free some space and import again"):
        write_file(path, text.encode())


def _origin(given: Given, form: str | None, only: Sequence[str]) -> Origin:
    try:
        found, runs = published.read(given.data, form)
    except ResultError as wrong:
        where = f"{given.name}:{wrong.line}" if wrong.line else given.name
        raise UsageError("result-invalid", wrong.what, where=where, hint=_hint(form)) from None
    origin = Origin(given.name, found.name, hashlib.sha256(given.data).hexdigest(), tuple(runs))
    if not only:
        return origin
    kept = tuple(run for run in runs if any(_fits(each, run) for each in only))
    return replace(origin, runs=kept)


def _hint(form: str | None) -> str:
    known = ", ".join(published.FORMATS)
    if form:
        return f"give the whole output of {form}, or another --format: {known}"
    return f"give the whole output of one tool, or say with --format which it is: {known}"


def _fits(pattern: str, run: published.PublishedRun) -> bool:
    name = run.subject or "run"
    return fnmatchcase(name, pattern) or fnmatchcase(f"{run.workload}/{name}", pattern)


def _listed(origin: Origin) -> str:
    names = list(dict.fromkeys(f"{run.workload}/{run.subject or 'run'}" for run in origin.runs))
    more = f", and {len(names) - 10} more" if len(names) > 10 else ""  # noqa: PLR2004 - a line
    return ", ".join(names[:10]) + more


def _read_back(text: str) -> LedgerFile:
    """The draft as anybody will read it, so that what is printed of it is what the file says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draft.yaml"
        path.write_text(text)
        try:
            return ledgers.load(str(path))
        except LedgerError as wrong:
            first = wrong.what.splitlines()[0]
            raise LedgerError(
                "draft-refused",
                f"the draft would be no ledger: {first.removeprefix(f'{path}:')}",
                hint=_FEWER,
            ) from None
