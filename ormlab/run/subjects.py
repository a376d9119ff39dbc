"""Which subjects can be measured, by what ``services/<subject>/`` in the bundle says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bundle import typed
from bundle.documents.services import Answers, ContractOutcome, OrderOutcome, StackOutcome

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.plan import ResolvedPlan

_KEPT, _BROKEN = 0, 3  # how the contract's suite ends when all its cases were carried out
_DIAGNOSIS: Final = "services/{subject}/diagnosis.json"


def unusable(bundle: Path, resolved: ResolvedPlan) -> dict[str, str]:
    """Name each subject that cannot be measured, with the reason.

    Args:
        bundle: the folder of the run.
        resolved: its plan.
    """
    reasons = {name: reason(bundle, name) for name in resolved.subjects}
    return {name: said for name, said in reasons.items() if said is not None}


def reason(bundle: Path, subject: str) -> str | None:
    """Why a subject cannot be measured; None if nothing that is recorded so far forbids it."""
    stack = typed.read_if_there(bundle, StackOutcome, subject=subject)
    if stack and not stack.ok:
        return f"stack {stack.stack} failed: {_failures(stack)}"
    if not _was_carried_out(bundle, subject):
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
    told = typed.read(bundle, ContractOutcome, subject=subject)
    first = told.problems[0].case
    return f"it breaks the contract in {len(told.problems)} of {told.cases} cases, first {first!r}"


def _was_carried_out(bundle: Path, subject: str) -> bool:
    """Whether every case of the contract was, however it went; also if nobody has asked yet."""
    check = typed.read_if_there(bundle, OrderOutcome, subject=subject)
    if check is None:
        return True
    return check.failure is None and check.observed.exit_status in (_KEPT, _BROKEN)


def _failures(stack: StackOutcome) -> str:
    return "; ".join(
        f"{failure.package} {failure.version}: {failure.reason}" for failure in stack.failures
    )
