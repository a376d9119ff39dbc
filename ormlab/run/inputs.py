"""The inputs of a run as its bundle has them, resolved again."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Final

import yaml

from ormlab import checkout
from ormlab.changes import changes
from ormlab.errors import UsageError
from ormlab.measure import record
from ormlab.plan import Plan, resolve
from workloads import stacks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ormlab.plan import ResolvedPlan

PLAN: Final = "inputs/plan.yaml"
RERUN: Final = "inputs/rerun.json"
_LOCKS: Final = "inputs/locks"
_SOURCE: Final = "inputs/source"
_MOST_SHOWN: Final = 5


def read(bundle: Path) -> dict[str, Any]:
    """The resolved plan as it was recorded.

    Raises:
        UsageError: it is not there, or cannot be read.
    """
    try:
        return dict(yaml.safe_load((bundle / PLAN).read_bytes()))
    except FileNotFoundError:
        raise UsageError(
            "nothing-recorded",
            "the run was ended before it had written down its plan, so nothing was measured",
            where=str(bundle),
            hint="remove the folder, and run the plan again",
        ) from None
    except (ValueError, TypeError, yaml.YAMLError) as problem:
        raise _unreadable(bundle, problem) from None


def resolve_again(bundle: Path, stacks_folder: Path) -> ResolvedPlan:
    """Resolve the plan of a bundle with this version of the lab.

    Args:
        bundle: its folder, sealed or not.
        stacks_folder: where the stacks are defined and locked.

    Raises:
        UsageError: the plan cannot be read, or cannot be resolved here.
    """
    recorded = read(bundle)
    try:
        plan = Plan.model_validate(recorded["plan"])
        return resolve(plan, omitted_loads=recorded["omitted_loads"], stacks_folder=stacks_folder)
    except UsageError:
        raise
    except (ValueError, LookupError, TypeError) as problem:
        raise _unreadable(bundle, problem) from None


def recorded_stacks(bundle: Path, into: Path) -> Path:
    """Lay out the stacks with the locks that a bundle has, instead of those of the checkout.

    What the stacks ask for (``<stack>.in``) is not in a bundle and is taken from the checkout;
    the digest of a stack tells whether that makes the same stack.

    Args:
        bundle: its folder, sealed or not.
        into: a folder that does not exist.

    Returns:
        The folder ``into``.

    Raises:
        UsageError: the bundle lacks a lock.
    """
    shutil.copytree(checkout.STACKS, into, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    locks = bundle / _LOCKS
    try:
        shutil.copyfile(locks / "stacks.toml", into / "stacks.toml")
        defined = stacks.load(into)
        for file in {file for name in read(bundle)["stacks"] for file in defined[name].files}:
            shutil.copyfile(locks / file.name, file)
    except (OSError, ValueError, LookupError) as problem:
        raise UsageError(
            "locks-missing",
            f"the locks of its stacks cannot be read: {problem}",
            where=str(locks),
            hint="a bundle that reaches L1 and was made by this lab has them",
        ) from None
    return into


def require_unchanged(bundle: Path, resolved: ResolvedPlan) -> None:
    """Refuse to go on with other inputs than those of the trials that are there.

    Raises:
        UsageError: plan, locks or source are not byte for byte what they were; says what differs.
    """
    now = record.inputs(resolved)
    then = {
        f"inputs/{path.relative_to(bundle / 'inputs').as_posix()}": path.read_bytes()
        for path in (bundle / "inputs").rglob("*")
        if path.is_file()
    }
    ours = {path: data for path, data in then.items() if path.startswith((_LOCKS, _SOURCE, PLAN))}
    found = [
        line
        for path in sorted(now | ours)
        if now.get(path) != ours.get(path)
        for line in _described(path, ours.get(path), now.get(path))
    ]
    if found:
        more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
        raise UsageError(
            "inputs-changed",
            f"the run was begun with other inputs: {'; '.join(found[:_MOST_SHOWN])}{more}",
            where=str(bundle),
            hint="check out the commit that inputs/source.json names, then resume; or run anew",
        )


def _described(path: str, then: bytes | None, now: bytes | None) -> Iterator[str]:
    """How an input differs, in clauses."""
    name = path.removeprefix("inputs/")
    if then is None or now is None:
        yield f"{name} is {'new' if then is None else 'gone'}"
    elif path.endswith((".json", ".yaml")):
        load = json.loads if path.endswith(".json") else yaml.safe_load
        yield from (f"{name}: {each}" for each in changes(load(then), load(now)))
    else:
        yield f"{name} is another one"


def _unreadable(bundle: Path, problem: Exception) -> UsageError:
    return UsageError(
        "plan-unreadable",
        f"this version cannot read its plan: {str(problem).splitlines()[0]}",
        where=str(bundle / PLAN),
        hint="use the version that made it: inputs/source.json names it",
    )
