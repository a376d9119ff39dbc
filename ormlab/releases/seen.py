"""The releases that an archive has: its bundles say which, and nothing else remembers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from bundle import typed
from bundle.errors import BundleError
from workloads.stacks import StackFileError, locks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bundle.documents.subject import Subject
    from ormlab.archive.runs import Run

_LOCKS = "inputs/locks/{stack}.txt"


def seen(
    folder: Path, runs: Iterable[Run], plan: str, subject: Subject, package: str
) -> dict[Version, str]:
    """The releases of a package that were compared with another release of it.

    A run counts whatever came of it: what could not be measured once is not tried every night.

    Args:
        folder: of the archive.
        runs: of the archive, those that do not hold among them.
        plan: name of the plan that compared them.
        subject: what was measured of each, without a stack.
        package: normalised name of the package that its service is about.

    Returns:
        By release, the id of the newest bundle.
    """
    found: dict[Version, str] = {}
    for run in runs:
        if run.record and run.record.plan.name == plan:
            for version in _candidates(folder / run.line.id, subject, package):
                found[version] = run.line.id
    return found


def _candidates(bundle: Path, subject: Subject, package: str) -> set[Version]:
    """The releases that a bundle compares with another release; none if it cannot be read."""
    try:
        plan = typed.read_plan(bundle).plan
        releases = {
            name: _pinned(bundle, each.stack, package)
            for name, each in plan.subjects.items()
            if each.model_copy(update={"stack": subject.stack}) == subject
        }
    except (BundleError, OSError, StackFileError, InvalidVersion):
        return set()
    named = ((each.candidate, each.baseline) for each in plan.comparisons)
    pairs = (tuple(map(releases.get, each)) for each in named)
    return {new for new, old in pairs if new and old and new != old}


def _pinned(bundle: Path, stack: str, package: str) -> Version | None:
    """The version of a package in a lock; None if the lock leaves it to that of another stack."""
    path = bundle / _LOCKS.format(stack=stack)
    pin = locks.read(path).get(package) if path.exists() else None
    return Version(pin.version) if pin else None
