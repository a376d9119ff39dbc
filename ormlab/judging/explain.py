"""``ormlab explain``: where a difference comes from, computed from a sealed bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import names, typed
from bundle.errors import BundleError
from bundle.read import Bundle
from ormlab.base.errors import UsageError
from ormlab.judging import judge

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.documents.explanation import Explanation
    from ormlab.base.errors import LoadError

_RUN_ONE = "`ormlab run explain` measures one; docs/explain.md says how to write a plan of your own"


@dataclass(frozen=True)
class Explained:
    """The explanation of one bundle."""

    folder: Path
    stack: str | None  #: of both subjects; None if they have different ones
    explanation: Explanation
    problem: LoadError | None  #: of a run of which no trial may be used


def explain(path: Path) -> Explained:
    """Compute the explanation of a bundle anew from its files, and store nothing.

    Raises:
        BundleError: it is not sealed, or its files are not what the seal says.
        UsageError: its plan explains nothing.
    """
    bundle = Bundle.open(path, level="L1")
    derived = judge.derive(bundle)
    if derived.explanation is None:
        raise UsageError(
            "no-explanation",
            f"the plan {bundle.record.plan.name!r} of this bundle explains no difference",
            where=str(path),
            hint=_RUN_ONE,
        )
    problem = judge.without_trial(derived.results, path)
    sealed, ends = typed.read_plan(path), (derived.explanation.from_, derived.explanation.to)
    stacks = {sealed.declared(end).stack for end in ends}
    stack = stacks.pop() if len(stacks) == 1 else None
    return Explained(path, stack, derived.explanation, problem)


def newest(folder: Path) -> Path:
    """Return the newest sealed bundle in a folder whose plan explains a difference.

    Raises:
        UsageError: there is none.
    """
    # A bundle's name begins with the instant at which its run began.
    for path in sorted(folder.glob("*Z-*"), reverse=True):
        if (path / names.SEAL).exists() and _explains(path):
            return path
    raise UsageError(
        "no-explanation",
        "no bundle here explains a difference",
        where=str(folder),
        hint=_RUN_ONE,
    )


def _explains(path: Path) -> bool:
    """Whether a bundle's plan has an explanation; one that cannot be read has none."""
    try:
        return typed.read_plan(path).explanation is not None
    except (BundleError, OSError):
        return False
