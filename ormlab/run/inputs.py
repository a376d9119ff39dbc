"""The inputs of a run as its bundle has them, resolved again."""

from __future__ import annotations

import json
import shutil
import tomllib
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
    locks, used = bundle / _LOCKS, read(bundle)["stacks"]
    try:
        shutil.copyfile(locks / "stacks.toml", into / "stacks.toml")
        tables = tomllib.loads((into / "stacks.toml").read_text())["stacks"]
        # All tables are read. One that has gone since asks for nothing here; if it is a used one,
        # its digest will say so.
        for name in (name for name, table in tables.items() if "base" not in table):
            (into / f"{name}.in").touch()
        defined = stacks.load(into)
        for file in {file for name in used for file in defined[name].files}:
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


def require_honoured(bundle: Path, resolved: ResolvedPlan) -> list[str]:
    """Refuse to repeat a run as something else than it was.

    Args:
        bundle: of the run.
        resolved: its plan, resolved with its own locks.

    Returns:
        What is not as it was and yet decides nothing that the plan had decided, in sentences.

    Raises:
        UsageError: a stack would not be the one that was measured, or the plan another one.
    """
    recorded = read(bundle)
    for name, stack in resolved.stacks.items():
        if stack.digest() != recorded["stacks"].get(name):
            raise UsageError(
                "stack-lost",
                f"the stack {name} cannot be made as it was: with the recorded lock, what "
                f"{name}.in asks for here gives another digest",
                where=str(bundle / _LOCKS / f"{name}.txt"),
                hint="use the version that made it: inputs/source.json names it",
            )
    found = list(changes(recorded, yaml.safe_load(resolved.document)))
    if decided := [str(each) for each in found if each.before is not None]:
        raise UsageError(
            "plan-differs",
            f"this version makes another run of its plan: {'; '.join(decided[:_MOST_SHOWN])}",
            where=str(bundle / PLAN),
            hint="use the version that made it: inputs/source.json names it",
        )
    return [
        *(f"the plan says nothing of {e.at}, this version adds {e.after}" for e in found),
        *_other_source(bundle, resolved),
    ]


def _other_source(bundle: Path, resolved: ResolvedPlan) -> Iterator[str]:
    """How the source that measures differs from the one that has measured, in sentences."""
    now = record.inputs(resolved)
    then, here = (
        json.loads(data)
        for data in ((bundle / "inputs/source.json").read_bytes(), now["inputs/source.json"])
    )
    if then["commit"] != here["commit"] or then["dirty"] or here["dirty"]:
        same = then.get("shipped") == here["shipped"]
        clean = {True: " with changes", False: "", None: ""}
        yield (
            f"it was measured by commit {then['commit']}{clean[then['dirty']]}, this is "
            f"{here['commit']}{clean[here['dirty']]}; the code on the host is "
            f"{'the same' if same else 'another'}"
        )
    agent = f"{_LOCKS}/agent.txt"
    if (bundle / agent).read_bytes() != now[agent]:
        yield "the agent has other libraries than it had"


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
