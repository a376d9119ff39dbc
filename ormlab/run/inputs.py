"""The inputs of a run as its bundle has them, resolved again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bundle import codec, names, outside, strict_yaml, typed
from bundle.documents.host import Source
from bundle.documents.plan import SealedPlan
from bundle.errors import RecordError
from ormlab.base.changes import changes
from ormlab.base.errors import UsageError
from ormlab.plan import resolve
from ormlab.run.measure import record
from ormlab.run.recorded import LOCKS, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.codec import Json
    from ormlab.plan import ResolvedPlan

PLAN: Final = SealedPlan.PATH
_SOURCE: Final = "inputs/source"  # source.json and source.patch
_MOST_SHOWN: Final = 5


def read(bundle: Path) -> SealedPlan:
    """The resolved plan as it was recorded.

    Raises:
        UsageError: it is not there, or cannot be read.
    """
    try:
        return typed.read_plan(bundle)
    except FileNotFoundError:
        raise UsageError(
            "nothing-recorded",
            "the run was ended before it had written down its plan, so nothing was measured",
            where=str(bundle),
            hint="remove the folder, and run the plan again",
        ) from None
    except (OSError, RecordError) as problem:
        raise _unreadable(bundle, problem) from None


def resolve_again(bundle: Path, stacks_folder: Path) -> ResolvedPlan:
    """Resolve the plan of a bundle with this version of the lab.

    Args:
        bundle: its folder, sealed or not.
        stacks_folder: where the stacks are defined and locked.

    Raises:
        UsageError: the plan cannot be read, or cannot be resolved here.
    """
    sealed = read(bundle)
    try:
        return resolve(sealed.plan, omitted_loads=sealed.omitted_loads, stacks_folder=stacks_folder)
    except UsageError:
        raise
    except (ValueError, LookupError, TypeError) as problem:
        raise _unreadable(bundle, problem) from None


def recorded_stacks(bundle: Path, into: Path) -> Path:
    """Lay out the stacks that a bundle's plan uses; see `ormlab.run.recorded.lay_out`.

    Raises:
        UsageError: likewise, or the plan cannot be read.
    """
    return lay_out(bundle, read(bundle).stacks, into)


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
    ours = {path: data for path, data in then.items() if path.startswith((LOCKS, _SOURCE, PLAN))}
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
        if stack.digest() != recorded.stacks.get(name):
            raise UsageError(
                "stack-lost",
                f"the stack {name} cannot be made as it was: with the recorded lock, what "
                f"{name}.in asks for here gives another digest",
                where=str(bundle / LOCKS / f"{name}.txt"),
                hint="use the version that made it: inputs/source.json names it",
            )
    # As they are written: what a plan does not say, its type fills in.
    found = list(changes(outside.yaml_of(bundle / PLAN), _yaml(resolved.document)))
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


def source_of(bundle: Path) -> Source:
    """Which source measured a bundle, as it says itself.

    Raises:
        UsageError: it does not say.
    """
    try:
        return typed.read(bundle, Source)
    except (OSError, RecordError) as problem:
        raise UsageError(
            "source-unreadable",
            f"it does not say which source measured it: {names.printable(str(problem))}",
            where=str(bundle / Source.PATH),
            hint="a bundle that reaches L2 says so",
        ) from None


def _other_source(bundle: Path, resolved: ResolvedPlan) -> Iterator[str]:
    """How the source that measures differs from the one that has measured, in sentences."""
    now = record.inputs(resolved)
    then = source_of(bundle)
    here = codec.read(now[Source.PATH], Source)
    if then.commit != here.commit or then.dirty or here.dirty:
        same = then.shipped == here.shipped
        clean = {True: " with changes", False: "", None: ""}
        yield (
            f"it was measured by commit {then.commit}{clean[then.dirty]}, this is "
            f"{here.commit}{clean[here.dirty]}; the code on the host is "
            f"{'the same' if same else 'another'}"
        )
    agent = f"{LOCKS}/agent.txt"
    if outside.bytes_of(bundle / agent) != now[agent]:
        yield "the agent has other libraries than it had"


def _described(path: str, then: bytes | None, now: bytes | None) -> Iterator[str]:
    """How an input differs, in clauses."""
    name = path.removeprefix("inputs/")
    if then is None or now is None:
        yield f"{name} is {'new' if then is None else 'gone'}"
    elif path.endswith((".json", ".yaml")):
        parse = codec.parse if path.endswith(".json") else _yaml
        yield from (f"{name}: {each}" for each in changes(parse(then), parse(now)))
    else:
        yield f"{name} is another one"


def _yaml(data: bytes) -> Json:
    value: Json = strict_yaml.load(data).value
    return value


def _unreadable(bundle: Path, problem: Exception) -> UsageError:
    return UsageError(
        "plan-unreadable",
        f"this version cannot read its plan: {str(problem).splitlines()[0]}",
        where=str(bundle / PLAN),
        hint="use the version that made it: inputs/source.json names it",
    )
