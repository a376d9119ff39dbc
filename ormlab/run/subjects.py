"""Which subjects can be measured, by what ``services/<subject>/`` in the bundle says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bundle import typed
from bundle.display import quantity
from bundle.documents.services import (
    Answers,
    ContractOutcome,
    OrderOutcome,
    SchemaOutcome,
    StackOutcome,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.plan import ResolvedPlan

_KEPT, _BROKEN = 0, 3  # how the contract's suite ends when all its cases were carried out
_DIAGNOSIS: Final = "services/{subject}/diagnosis.json"


def unusable(bundle: Path, resolved: ResolvedPlan) -> dict[str, str]:
    """Each subject of a run that cannot be measured, with the reason."""
    reasons = {name: reason(bundle, name) for name in resolved.subjects}
    return {name: why for name, why in reasons.items() if why is not None}


def reason(bundle: Path, subject: str) -> str | None:
    """Why a subject cannot be measured; None if nothing that is recorded so far forbids it."""
    if unmade := _unmade(bundle, subject):
        return unmade
    check = typed.read_if_there(bundle, OrderOutcome, subject=subject)
    if check and (check.failure or check.observed.exit_status not in (_KEPT, _BROKEN)):
        return broken(bundle, subject)
    diagnosis = typed.read_if_there(bundle, OrderOutcome, _DIAGNOSIS.format(subject=subject))
    if diagnosis is None:
        return None
    if diagnosis.failure:
        return diagnosis.failure.what
    for answer in typed.read(bundle, Answers, subject=subject).answers:
        if answer.status != answer.expected_status:
            return f"{answer.request} was answered with status {answer.status}"
    return None


def _unmade(bundle: Path, subject: str) -> str | None:
    """Why a subject has no stack, or not the schema of the lab; None if it has."""
    stack = typed.read_if_there(bundle, StackOutcome, subject=subject)
    if stack and not stack.ok:
        return f"stack {stack.stack} failed: {_failures(stack)}"
    made = typed.read_if_there(bundle, SchemaOutcome, subject=subject)
    if made and not made.same:
        return f"the schema by {made.tool} is not the lab's: {_of_schema(made)}"
    return None


def broken(bundle: Path, subject: str) -> str | None:
    """How a subject breaks the contract, or why nobody knows; None if it keeps it."""
    check = typed.read_if_there(bundle, OrderOutcome, subject=subject)
    if check is None:
        return None
    if check.failure:
        return check.failure.what
    status = check.observed.exit_status
    if status == _KEPT:
        return None
    if status != _BROKEN:
        return f"the contract could not be checked: the suite ended with {status}"
    outcome = typed.read(bundle, ContractOutcome, subject=subject)
    first, count = outcome.problems[0].case, len(outcome.problems)
    return (
        f"it breaks the contract in {count} of {quantity(outcome.cases, 'case')}, first {first!r}"
    )


def _of_schema(made: SchemaOutcome) -> str:
    """Why a schema is not the lab's: the tool failed, or its first difference that counts."""
    if made.failure:
        return made.failure
    counting = [each for each in made.differences if not each.harmless]
    first = counting[0]
    said = (
        f"{first.kind} {first.where}: {first.found or 'nothing'}, not {first.expected or 'nothing'}"
    )
    more = len(counting) - 1
    return f"{said}; {quantity(more, 'more difference')}" if more else said


def _failures(stack: StackOutcome) -> str:
    return "; ".join(
        f"{failure.package} {failure.version}: {failure.reason}" for failure in stack.failures
    )
