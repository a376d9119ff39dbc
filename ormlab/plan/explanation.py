"""From the factors of an explanation to the subjects that switch them: alone, and one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.documents.plan import Switch, Way
from ormlab.base.errors import PlanError

if TYPE_CHECKING:
    from bundle.documents.plan import Explanation, Plan, Step
    from bundle.documents.subject import Subject

MOST_SUBJECTS = 26
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Expansion:
    """An explanation that is decided."""

    way: Way  #: its ends and steps
    subjects: dict[str, Subject]  #: those that only the explanation needs, by name


def expand(plan: Plan, explanation: Explanation) -> Expansion:
    """Make the subjects of every step.

    ``sqlalchemy.transaction`` has one factor of ``sqlalchemy`` switched,
    ``sqlalchemy.upto-statement`` every factor of its side up to and with that one.

    Raises:
        PlanError: a name is taken or too long, or there are too many subjects.
    """
    ends = {"from": explanation.from_, "to": explanation.to}
    reached = {side: plan.subjects[name] for side, name in ends.items()}
    subjects: dict[str, Subject] = {}
    steps = []
    for step in explanation.steps:
        end = ends[step.side]
        is_first = reached[step.side] is plan.subjects[end]
        reached[step.side] = _switched(reached[step.side], step)
        alone = f"{end}.{step.name}" if is_first or step.alone else None
        if alone:
            subjects[alone] = _switched(plan.subjects[end], step)
        cumulative = f"{end}.{'' if is_first else 'upto-'}{step.name}"
        subjects[cumulative] = reached[step.side]
        steps.append(
            Switch(
                name=step.name,
                what=step.what,
                side=step.side,
                alone=alone,
                cumulative=cumulative,
            )
        )
    _check(plan, subjects)
    way = Way.model_validate({"from": explanation.from_, "to": explanation.to, "steps": steps})
    return Expansion(way, subjects)


def _switched(subject: Subject, step: Step) -> Subject:
    given = {"pool": step.pool, "loop": step.loop, "json_library": step.json_library}
    changes = {key: value for key, value in given.items() if value is not None}
    return subject.model_copy(update={**changes, "options": {**subject.options, **step.options}})


def _check(plan: Plan, subjects: dict[str, Subject]) -> None:
    problem = hint = ""
    longest = max(subjects, key=len)
    # A plan that was resolved before has these subjects already, and they are the same.
    taken = [name for name in subjects if plan.subjects.get(name, subjects[name]) != subjects[name]]
    count = len(plan.subjects | subjects)
    if taken:
        problem = f"the explanation makes a subject {taken[0]!r}, and the plan has another one"
        hint = "rename the plan's own subject"
    elif len(longest) > _LONGEST_NAME:
        problem = f"the explanation makes a subject {longest!r} of {len(longest)} characters"
        hint = f"shorten the names: a subject's may have {_LONGEST_NAME}"
    elif count > MOST_SUBJECTS:
        problem = f"with those of the explanation there are {count} subjects"
        hint = f"leave out steps: a plan may have {MOST_SUBJECTS} subjects in all"
    if problem:
        raise PlanError("plan-explanation", problem, where=plan.name, hint=hint)
