"""What a reproduction would do, as data and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.codec import Part
from bundle.documents.verdicts import LedgerOnTrial
from ormlab.reproduce import Finds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sized

    from ormlab.reproduce import Proposal, Step


class Made(Part, frozen=True, kw_only=True):
    """A bundle that serves; ``commit`` is of the checkout that measured, null if unknown."""

    id: str
    commit: str | None


class Aside(Part, frozen=True, kw_only=True):
    """A bundle that does not serve, and why."""

    id: str
    why: str


class PlannedStep(Part, frozen=True, kw_only=True):
    """One plan that tests some of the claims, as of `ormlab.reproduce.Step`.

    Attributes:
        name: of the plan.
        title: of the plan.
        sha256: of the resolved plan.
        profile: under which it is run.
        claims: that it tests.
        stacks_only: whether it is enough to try the stacks, without any load.
        existing: bundles that serve in its place.
        aside: bundles of the same plan that do not.
        begun: name of a run of it that would be continued; null without one.
        trials: how many are carried out.
        blocks: of the plan.
        expected_s: how long a run takes, seconds.
        at_most: whether that is only a limit.
        finds: the effects that its comparisons find; null where no verdict is given.
    """

    name: str
    title: str
    sha256: str
    profile: str
    claims: tuple[str, ...]
    stacks_only: bool
    existing: tuple[Made, ...]
    aside: tuple[Aside, ...]
    begun: str | None
    trials: int
    blocks: int
    expected_s: float
    at_most: bool
    finds: Finds | None


class Proposed(Part, frozen=True, kw_only=True):
    """Everything that is to be known before anything starts.

    Attributes:
        ledger: of the claims.
        bundles: folder in which bundles are looked for and made.
        claims: those that were asked for.
        trials: of the plans that have to be run, together.
        expected_s: of those plans, seconds together.
        at_most: whether that is only a limit.
        plans: what exists already first, then the shortest.
    """

    ledger: LedgerOnTrial
    bundles: str
    claims: tuple[str, ...]
    trials: int
    expected_s: float
    at_most: bool
    plans: tuple[PlannedStep, ...]


def proposed(proposal: Proposal) -> Proposed:
    """Everything that is to be known before anything starts."""
    request, missing = proposal.request, proposal.missing
    return Proposed(
        ledger=LedgerOnTrial(
            name=request.ledger.ledger.name,
            title=request.ledger.ledger.title,
            sha256=request.ledger.sha256,
        ),
        bundles=str(request.bundles),
        claims=proposal.claims,
        trials=sum(step.trials for step in missing),
        expected_s=sum(step.expected_s for step in missing),
        at_most=any(step.at_most for step in missing),
        plans=tuple(map(_planned, proposal.steps)),
    )


def _planned(step: Step) -> PlannedStep:
    written = step.resolved.plan
    return PlannedStep(
        name=written.name,
        title=written.title,
        sha256=step.resolved.sha256,
        profile=written.profile,
        claims=step.claims,
        stacks_only=step.stacks_only,
        existing=tuple(
            Made(id=each.path.name, commit=each.record.tool.commit) for each in step.existing
        ),
        aside=tuple(Aside(id=each.path.name, why=each.flaw or "") for each in step.aside),
        begun=step.begun.name if step.begun else None,
        trials=step.trials,
        blocks=written.blocks,
        expected_s=step.expected_s,
        at_most=step.at_most,
        finds=step.finds,
    )


def proposal_text(told: Proposed) -> str:
    """One sentence, then plan by plan."""
    missing = [plan for plan in told.plans if not plan.existing]
    tested = {claim for plan in told.plans for claim in plan.claims}
    said = f"{told.ledger.title}: {_many(told.claims, 'claim')}, {len(tested)} of them "
    said += f"tested by {_many(told.plans, 'plan')}; "
    if missing:
        about = "at most about" if told.at_most else "about"
        said += f"{_many(missing, 'plan')} to run, {told.trials} trials, {about} "
        said += f"{_minutes(told.expected_s)}."
    else:
        said += "nothing to run."
    return "\n".join([said, *(line for plan in told.plans for line in _lines(plan))])


def _lines(plan: PlannedStep) -> Iterator[str]:
    head = f"{plan.name} ({plan.profile}, {_many(plan.claims, 'claim')})"
    about = f"{'at most ' if plan.at_most else ''}about {_minutes(plan.expected_s)}"
    if plan.existing:
        yield f"  exists    {head}: {', '.join(each.id for each in plan.existing)}"
    elif plan.stacks_only:
        yield f"  to run    {head}: the stacks alone, without a load, {about}"
    else:
        yield f"  to run    {head}: {plan.trials} trials, {about}; {_finds(plan)}"
    if plan.begun:
        yield f"  goes on   {plan.begun}: its process was ended; what it had closed is kept"
    for each in plan.aside:
        yield f"  aside     {each.id}: {each.why}"


def _finds(plan: PlannedStep) -> str:
    finds = plan.finds
    if plan.profile == "smoke":
        return "a smoke run gives estimates, not verdicts"
    if finds is None:
        return "it compares nothing"
    least, most = f"{100 * finds.least:.1f} %", f"{100 * finds.most:.1f} %"
    size = f"differences of {least}" + (f" to {most}" if least != most else "")
    return f"finds {size} {finds.basis}"


def _many(things: Sized, name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60)):,} min"
