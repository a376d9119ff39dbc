"""Sealed bundles and runs that were killed in a folder, by the plan that decided them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import names, typed
from bundle.codec import decode
from bundle.documents.plan import SealedPlan
from bundle.documents.services import StackOutcome
from bundle.errors import BundleError
from bundle.format import BundleRecord, created_of
from ormlab.judging import judge

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from ormlab.reproduce.scripts import Due


@dataclass(frozen=True)
class Existing:
    """A bundle that lies in the folder; ``flaw`` says why it does not serve, None if it does."""

    path: Path
    record: BundleRecord
    flaw: str | None = None


def of_plan(folder: Path, name: str) -> list[Existing]:
    """The sealed bundles of all plans of one name, oldest first; nothing is verified."""
    found = []
    for path in sorted(folder.glob("*")):
        if created_of(path.name) is None or not (path / names.SEAL).is_file():
            continue
        try:
            stated = (path / names.RECORD).read_bytes()
            record = decode(stated, BundleRecord, where=path / names.RECORD)
        except (OSError, BundleError):
            continue
        if record.plan.name == name:
            found.append(Existing(path, record))
    return sorted(found, key=lambda each: each.record.created)


def weighed(
    found: list[Existing], digests: Collection[str], *, trials: bool, due: Sequence[Due] = ()
) -> tuple[tuple[Existing, ...], tuple[Existing, ...]]:
    """Those that serve in place of a run of the plan, and those of the same plan that do not.

    Args:
        found: of one plan.
        digests: of the resolved plans that will do.
        trials: whether trials are needed, or the outcomes of the stacks are enough.
        due: scripts whose outcomes a bundle must have.
    """
    serving, aside = [], []
    for each in found:
        if each.record.plan.sha256 not in digests:
            continue
        flaw = _flaw(each, trials=trials, due=due)
        if flaw:
            aside.append(Existing(each.path, each.record, flaw))
        else:
            serving.append(each)
    return tuple(serving), tuple(aside)


def begun(folder: Path, digest: str, *, due: Sequence[Due] = ()) -> Path | None:
    """The newest run of the resolved plan with this digest that ended unsealed; None without.

    A run that ended before its scripts had is none to go on with: they come before its trials.
    """
    found = [
        path
        for path in sorted(folder.glob(f"*{names.PARTIAL_SUFFIX}"))
        if (path / SealedPlan.PATH).is_file()
        and hashlib.sha256((path / SealedPlan.PATH).read_bytes()).hexdigest() == digest
        and not _lacks(path, due)
    ]
    return found[-1] if found else None


def _lacks(folder: Path, due: Sequence[Due]) -> str | None:
    """Why the first of the scripts is not that of the folder; None if all are."""
    return next((flaw for each in due if (flaw := each.flaw(folder))), None)


def _flaw(bundle: Existing, *, trials: bool, due: Sequence[Due]) -> str | None:
    if bundle.record.status == "aborted":
        return "it was interrupted"
    if trials and not bundle.record.trials.completed:
        return "it has no completed trial"
    try:
        judge.open_sealed(bundle.path)
        return _lacks(bundle.path, due) or (None if trials else lacked(bundle.path))
    except BundleError as error:
        return f"it does not verify: {error.what}"


def lacked(bundle: Path) -> str | None:
    """What a host lacked when the stacks of a bundle were tried, so that they decide nothing.

    Somebody may have installed it since.
    """
    for path in sorted(bundle.glob(StackOutcome.PATH.format(subject="*"))):
        outcome = typed.read(bundle, StackOutcome, path.relative_to(bundle).as_posix())
        if outcome.python is None:
            return f"there was no interpreter for the stack {outcome.stack}"
        if not outcome.ok and outcome.python.c_compiler is None:
            return f"there was no C compiler for the stack {outcome.stack}"
    return None
