"""What a reproduction would do, as data and as text."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ormlab.reproduce import Proposal, Step


def proposal_document(proposal: Proposal) -> dict[str, Any]:
    """Everything that is to be known before anything starts."""
    request = proposal.request
    return {
        "ledger": {
            "name": request.ledger.ledger.name,
            "title": request.ledger.ledger.title,
            "sha256": request.ledger.sha256,
        },
        "bundles": str(request.bundles),
        "claims": list(proposal.claims),
        "trials": sum(step.trials for step in proposal.missing),
        "expected_s": sum(step.expected_s for step in proposal.missing),
        "at_most": any(step.at_most for step in proposal.missing),
        "plans": [_plan(step) for step in proposal.steps],
    }


def _plan(step: Step) -> dict[str, Any]:
    written = step.resolved.plan
    return {
        "name": written.name,
        "title": written.title,
        "sha256": step.resolved.sha256,
        "profile": written.profile,
        "claims": list(step.claims),
        "stacks_only": step.stacks_only,
        "existing": [_bundle(each.path.name, each.record.tool.commit) for each in step.existing],
        "aside": [{"id": each.path.name, "why": each.flaw} for each in step.aside],
        "begun": step.begun.name if step.begun else None,
        "trials": step.trials,
        "blocks": written.blocks,
        "expected_s": step.expected_s,
        "at_most": step.at_most,
        "finds": asdict(step.finds) if step.finds else None,
    }


def _bundle(name: str, commit: str | None) -> dict[str, Any]:
    return {"id": name, "commit": commit}


def proposal_text(told: dict[str, Any]) -> str:
    """One sentence, then plan by plan."""
    missing = [plan for plan in told["plans"] if not plan["existing"]]
    tested = {claim for plan in told["plans"] for claim in plan["claims"]}
    said = f"{told['ledger']['title']}: {_many(told['claims'], 'claim')}, {len(tested)} of them "
    said += f"tested by {_many(told['plans'], 'plan')}; "
    if missing:
        about = "at most about" if told["at_most"] else "about"
        said += f"{_many(missing, 'plan')} to run, {told['trials']} trials, {about} "
        said += f"{_minutes(told['expected_s'])}."
    else:
        said += "nothing to run."
    return "\n".join([said, *(line for plan in told["plans"] for line in _lines(plan))])


def _lines(plan: dict[str, Any]) -> Iterator[str]:
    head = f"{plan['name']} ({plan['profile']}, {_many(plan['claims'], 'claim')})"
    about = f"{'at most ' if plan['at_most'] else ''}about {_minutes(plan['expected_s'])}"
    if plan["existing"]:
        ids = ", ".join(each["id"] for each in plan["existing"])
        yield f"  exists    {head}: {ids}"
    elif plan["stacks_only"]:
        yield f"  to run    {head}: the stacks alone, without a load, {about}"
    else:
        yield f"  to run    {head}: {plan['trials']} trials, {about}; {_finds(plan)}"
    if plan["begun"]:
        yield f"  goes on   {plan['begun']}: its process was ended; what it had closed is kept"
    for each in plan["aside"]:
        yield f"  aside     {each['id']}: {each['why']}"


def _finds(plan: dict[str, Any]) -> str:
    finds = plan["finds"]
    if plan["profile"] == "smoke":
        return "a smoke run gives estimates, not verdicts"
    if finds is None:
        return "it compares nothing"
    least, most = f"{100 * finds['least']:.1f} %", f"{100 * finds['most']:.1f} %"
    size = f"differences of {least}" + (f" to {most}" if least != most else "")
    return f"finds {size} {finds['basis']}"


def _many(things: list[Any], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60)):,} min"
