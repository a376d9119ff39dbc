"""Which subjects can be measured, by what ``services/<subject>/`` in the bundle says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundle import outside

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.plan import ResolvedPlan

_KEPT, _BROKEN = 0, 3  # how the contract's suite ends when all its cases were carried out


def unusable(bundle: Path, resolved: ResolvedPlan) -> dict[str, str]:
    """Name each subject that cannot be measured, with the reason.

    Args:
        bundle: the folder of the run.
        resolved: its plan.
    """
    reasons = {name: reason(bundle / "services" / name) for name in resolved.subjects}
    return {name: said for name, said in reasons.items() if said is not None}


def reason(folder: Path) -> str | None:
    """Why a subject cannot be measured; None if nothing that is recorded so far forbids it.

    Args:
        folder: ``services/<subject>`` of the bundle.
    """
    stack, diagnosis = _document(folder / "stack.json"), _document(folder / "diagnosis.json")
    if stack and not stack["ok"]:
        return f"stack {stack['stack']} failed: {_failures(stack)}"
    if not _was_carried_out(folder):
        return broken(folder)
    if diagnosis is None:
        return None
    if diagnosis["failure"]:
        return str(diagnosis["failure"]["what"])
    answers = outside.json_of(folder / "answers.json")["answers"]
    for answer in answers:
        if answer["status"] != answer["expected_status"]:
            return f"{answer['request']} was answered with status {answer['status']}"
    return None


def broken(folder: Path) -> str | None:
    """How a subject breaks the contract, or why nobody knows; None if it keeps it.

    Args:
        folder: ``services/<subject>`` of the bundle.
    """
    check = _document(folder / "check.json")
    if check is None:
        return None
    if check["failure"]:
        return str(check["failure"]["what"])
    status = check["observed"]["exit_status"]
    if status == _KEPT:
        return None
    if status != _BROKEN:
        return f"the contract could not be checked: the suite ended with {status}"
    told = outside.json_of(folder / "contract.json")
    cases = [problem["case"] for problem in told["problems"]]
    return f"it breaks the contract in {len(cases)} of {told['cases']} cases, first {cases[0]!r}"


def _was_carried_out(folder: Path) -> bool:
    """Whether every case of the contract was, however it went; also if nobody has asked yet."""
    check = _document(folder / "check.json")
    if check is None:
        return True
    return check["failure"] is None and check["observed"]["exit_status"] in (_KEPT, _BROKEN)


def _failures(stack: dict[str, Any]) -> str:
    return "; ".join(
        f"{failure['package']} {failure['version']}: {failure['reason']}"
        for failure in stack["failures"]
    )


def _document(path: Path) -> dict[str, Any] | None:
    return dict(outside.json_of(path)) if path.exists() else None
