"""Sealed bundles and runs that were killed in a folder, by the plan that decided them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import names
from bundle.codec import decode
from bundle.documents.plan import SealedPlan
from bundle.errors import BundleError
from bundle.format import BundleRecord, created_of
from ormlab.judging import judge

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path


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
    found: list[Existing], digests: Collection[str], *, trials: bool, files: Sequence[str] = ()
) -> tuple[tuple[Existing, ...], tuple[Existing, ...]]:
    """Those that serve in place of a run of the plan, and those of the same plan that do not.

    Args:
        found: of one plan.
        digests: of the resolved plans that will do.
        trials: whether trials are needed, or the outcomes of the stacks are enough.
        files: paths that a bundle must have, where its stacks work: the outcomes of scripts.
    """
    serving, aside = [], []
    for each in found:
        if each.record.plan.sha256 not in digests:
            continue
        flaw = _flaw(each, trials=trials, files=files)
        if flaw:
            aside.append(Existing(each.path, each.record, flaw))
        else:
            serving.append(each)
    return tuple(serving), tuple(aside)


def begun(folder: Path, digest: str) -> Path | None:
    """The newest run of the resolved plan with this digest that ended unsealed; None without."""
    found = [
        path
        for path in sorted(folder.glob(f"*{names.PARTIAL_SUFFIX}"))
        if (path / SealedPlan.PATH).is_file()
        and hashlib.sha256((path / SealedPlan.PATH).read_bytes()).hexdigest() == digest
    ]
    return found[-1] if found else None


def _flaw(bundle: Existing, *, trials: bool, files: Sequence[str]) -> str | None:
    if bundle.record.status == "aborted":
        return "it was interrupted"
    if trials and not bundle.record.trials.completed:
        return "it has no completed trial"
    if missing := [each for each in files if not (bundle.path / each).is_file()]:
        return f"it has no {missing[0]}"
    try:
        judge.open_sealed(bundle.path)
    except BundleError as error:
        return f"it does not verify: {error.what}"
    return None
