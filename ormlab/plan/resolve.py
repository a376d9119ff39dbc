"""From a plan as written to a plan in which nothing is implicit, with its digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import ValidationError

from analysis import gates
from bundle.documents.plan import MARGINS, Plan, Reduced, SealedPlan
from bundle.meant import meant
from ormlab.base import checkout
from ormlab.base.errors import PlanError
from ormlab.base.yaml_input import InputProblems, read
from ormlab.plan import meaning, services
from ormlab.plan.explanation import Expansion, expand
from ormlab.plan.schedule import Planned, schedule
from workloads import stacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bundle.documents.subject import Subject
    from host.levels import Profile
    from ormlab.base.yaml_input import Wrong
    from workloads.services.manifest import Service
    from workloads.stacks import Stack

SCHEMA: Final = "resolved-plan/1"
_MOST_TRIALS = 20_000  # at half a minute each a week; a plan of a bundle is resolved again
_MOST_CONNECTIONS = 180  # of the 200 that the lab's server allows; the lab itself takes some
_SMOKE_BLOCKS = 3
_BLOCKS = 20  # of a run that is to give verdicts, where the plan has too few for one
_LONGEST_NAME = 80  # of a trial's folder in a bundle, a repeat's three characters left out


@dataclass(frozen=True)
class ResolvedPlan:
    """A plan that is decided.

    Attributes:
        plan: as written, with every default filled in and the subjects of its explanation.
        trials: all of them, in order.
        subjects: those of the plan, and each control's arm as one of its own.
        arms: by name of such an arm, the subject it is an arm of.
        stacks: the stacks of the subjects, by name.
        services: the services of the subjects, by name; none where only the trials were decided.
        omitted_loads: name and reason of loads that this host cannot drive.
        explanation: the steps with their subjects, if the plan explains a difference.
        document: the canonical YAML of all this: what is archived and hashed.
    """

    plan: Plan
    trials: tuple[Planned, ...]
    subjects: dict[str, Subject]
    arms: dict[str, str]
    stacks: dict[str, Stack]
    services: dict[str, Service] = field(default_factory=dict)
    omitted_loads: dict[str, str] = field(default_factory=dict)
    explanation: Expansion | None = None

    @cached_property
    def stacks_folder(self) -> Path:
        """Where the stacks are defined and locked, but for those that services bring."""
        stack = next(iter(self.stacks.values()))
        while stack.of_service and stack.base:
            stack = stack.base
        return stack.folder

    @cached_property
    def service_files(self) -> dict[str, dict[str, bytes]]:
        """By service, the files of its folder by path, as they were when first asked for.

        Raises:
            PlanError: a folder is too large, or a file can be neither shipped nor kept.
        """
        return {name: services.files(service) for name, service in self.services.items()}

    @property
    def brought(self) -> dict[str, dict[str, bytes]]:
        """Of `service_files`, those of services that are not the lab's own."""
        files = self.service_files
        return {name: files[name] for name, each in self.services.items() if not each.is_shipped}

    @property
    def sealed(self) -> SealedPlan:
        """The plan as a bundle holds it."""
        return SealedPlan.model_validate(
            {
                "schema": SCHEMA,
                "plan": self.plan,
                "stacks": {name: stack.digest() for name, stack in self.stacks.items()},
                "services": {
                    name: services.digest(kept) for name, kept in self.service_files.items()
                },
                "omitted_loads": self.omitted_loads,
                "arms": self.arms,
                "explanation": self.explanation.way if self.explanation else None,
                "trials": [trial.id for trial in self.trials],
            }
        )

    @property
    def document(self) -> bytes:
        """The canonical YAML: keys in the order of the plan, no aliases, UTF-8."""
        resolved = self.sealed.model_dump(mode="json", by_alias=True)
        text = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True, width=100)
        return str(text).encode()

    @property
    def sha256(self) -> str:
        """Digest of the document, hex."""
        return hashlib.sha256(self.document).hexdigest()


def shipped() -> list[str]:
    """The names of the plans that the lab ships, in alphabetical order."""
    return sorted(path.stem for path in checkout.PLANS.glob("*.yaml"))


def load(name_or_path: str) -> Plan:
    """Read a plan by path, or by the name of one that the lab ships.

    Raises:
        PlanError: there is no such plan, or it is not one, every problem with file and line; or a
            folder that it names holds no service.
    """
    path = Path(name_or_path)
    if not path.exists() or path.is_dir():
        path = checkout.PLANS / f"{name_or_path}.yaml"
    try:
        plan = read(path, Plan, partial(_of_a_file, folder=path.parent))
        return services.located(plan, path.parent)
    except FileNotFoundError:
        near = meant(path.stem, shipped(), "{} ")
        raise PlanError(
            "plan-missing",
            f"there is no plan {name_or_path!r}",
            where=str(path),
            hint=f"{near}name a file, or a plan that `ormlab plans` lists",
        ) from None
    except InputProblems as problems:
        raise PlanError(
            "plan-invalid",
            str(problems),
            where=str(path),
            hint="the schema of plans is described in docs/plans.md",
        ) from None


def _of_a_file(plan: Plan, folder: Path) -> Iterator[Wrong]:
    if plan.overridden:
        yield ("overridden",), "only the command line writes this key"
    if plan.application:
        yield ("application",), "no plan file has this key: it comes from application.toml"
    yield from services.problems(plan)
    if not services.has_applications(plan, folder):  # whose operations are known once resolved
        yield from meaning.problems(plan)


def under(plan: Plan, profile: Profile) -> Plan:
    """The plan as it is run if somebody asks for a profile.

    A smoke run has at most three blocks. A plan that was written as one has twenty under the other
    profiles, which give verdicts. Margins and the slowdown of a positive control become the
    defaults of the other profile where they are those of the plan's own; other values stay. What
    the plan itself says of the profile (``profiles``) has the last word.
    """
    reduced = plan.profiles.get(profile)
    changed = plan if profile == plan.profile else _changed(plan, profile)
    return _reduced(changed, profile, reduced) if reduced else changed


def _changed(plan: Plan, profile: Profile) -> Plan:
    before, after = MARGINS[plan.profile], MARGINS[profile]
    margins = {
        metric: after.get(metric, margin) if margin == before.get(metric) else margin
        for metric, margin in plan.margins.items()
    }
    blocks = plan.blocks
    if profile == "smoke":
        blocks = min(blocks, _SMOKE_BLOCKS)
    elif plan.profile == "smoke":
        blocks = max(blocks, _BLOCKS)
    control = plan.positive_control
    if control and control.delta == 2 * plan.margins["throughput"]:
        control = control.model_copy(update={"delta": 2 * margins["throughput"]})
    changes = {"profile": profile, "blocks": blocks, "margins": margins}
    return plan.model_copy(update={**changes, "positive_control": control})


def _reduced(plan: Plan, profile: Profile, reduced: Reduced) -> Plan:
    """The plan without what a profile leaves out, which its assumptions name.

    Raises:
        PlanError: a load cannot last as long as the profile says.
    """
    out, seconds = reduced.without, reduced.seconds

    def kept[T](parts: Mapping[str, T]) -> dict[str, T]:
        return {name: part for name, part in parts.items() if name not in out}

    loads = {
        name: load.keys() | ({"duration_s": seconds[name]} if name in seconds else {})
        for name, load in kept(plan.loads).items()
    }
    said = [f"the profile {profile} leaves out {name}: {reason}" for name, reason in out.items()]
    changes = {
        "blocks": reduced.blocks or plan.blocks,
        "subjects": kept(plan.subjects),
        "workloads": kept(plan.workloads),
        "loads": loads,
        "comparisons": [
            each
            for each in plan.comparisons
            if out.keys().isdisjoint({each.baseline, each.candidate})
        ],
        "assumptions": [*plan.assumptions, *said],
        "profiles": {},
    }
    try:
        return Plan.model_validate(plan.model_dump(by_alias=True) | changes)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise PlanError(
            "plan-invalid",
            f"under the profile {profile}: {where}: {first['msg']}",
            where=f"{plan.name}: profiles",
            hint="docs/plans.md describes plans",
        ) from None


def resolve(
    plan: Plan,
    *,
    omitted_loads: dict[str, str] | None = None,
    stacks_folder: Path | None = checkout.STACKS,
    known: Mapping[str, Service] | None = None,
) -> ResolvedPlan:
    """Decide everything that a run of this plan will do.

    Args:
        plan: as written.
        omitted_loads: loads that this host cannot drive, with the reason.
        stacks_folder: where the stacks are defined and locked; None decides the trials alone, whose
            order does not depend on what is installed.
        known: the services that have names; None for the lab's own.

    Raises:
        PlanError: a service, a stack or a gate does not exist, no load is left, the explanation
            cannot be made, or there are too many trials, or too many connections at once.
    """
    omitted = omitted_loads or {}
    loads = [name for name in plan.loads if name not in omitted]
    if not loads:
        raise PlanError(
            "plan-no-load",
            "none of the plan's loads can be driven here: " + "; ".join(omitted.values()),
            hint="install wrk, or use a plan with the asyncio client",
        )
    used: dict[str, Stack] = {}
    found: dict[str, Service] = {}
    if stacks_folder:
        plan, found = services.used(plan, known)
    _require_meaning(plan)
    _require_gates(plan)
    if stacks_folder:
        used = _stacks(plan, stacks_folder, found)
    explanation = expand(plan, plan.explanation) if plan.explanation else None
    if explanation:
        subjects_in_all = plan.subjects | explanation.subjects
        plan = plan.model_copy(update={"subjects": subjects_in_all})
    subjects, arms = dict(plan.subjects), {}
    if plan.null_arm:
        arms[f"{plan.null_arm}-null"] = plan.null_arm
        subjects[f"{plan.null_arm}-null"] = plan.subjects[plan.null_arm]
    if control := plan.positive_control:
        arms[f"{control.subject}-plus"] = control.subject
        burdened = plan.subjects[control.subject].model_copy(update={"burden": control.delta})
        subjects[f"{control.subject}-plus"] = burdened
    count = plan.blocks * len(subjects) * len(plan.workloads) * len(loads)
    if count > _MOST_TRIALS:
        raise PlanError(
            "plan-trials",
            f"the plan has {count:,} trials, more than {_MOST_TRIALS:,}",
            where=plan.name,
            hint="a trial takes a second at least: use fewer blocks, workloads or loads",
        )
    _require_room(plan, subjects, loads)
    trials = schedule(plan, list(subjects), loads)
    longest = max((trial.id for trial in trials), key=len)
    if len(longest) > _LONGEST_NAME:
        raise PlanError(
            "plan-names",
            f"the trial {longest!r} would have a name of {len(longest)} characters",
            where=plan.name,
            hint=f"shorten the names: subject, workload and load may have {_LONGEST_NAME} together",
        )
    return ResolvedPlan(plan, tuple(trials), subjects, arms, used, found, omitted, explanation)


def _stacks(plan: Plan, folder: Path, found: Mapping[str, Service]) -> dict[str, Stack]:
    known = stacks.load(folder, found.values())
    names = sorted({subject.stack for subject in plan.subjects.values()})
    for name in names:
        if name not in known:
            raise PlanError(
                "stack-unknown",
                f"there is no stack {name!r}",
                where=str(folder / "stacks.toml"),
                hint=f"{meant(name, known, '{} ')}the stacks are: {', '.join(known)}",
            )
    return {name: known[name] for name in names}


def _require_room(plan: Plan, subjects: Mapping[str, Subject], loads: Sequence[str]) -> None:
    """All pools are open at once where subjects are alive side by side."""
    switching = [name for name in loads if plan.loads[name].side_by_side]
    pools = [each.workers * (each.pool.size + each.pool.overflow) for each in subjects.values()]
    if switching and not plan.application and sum(pools) > _MOST_CONNECTIONS:
        raise PlanError(
            "plan-connections",
            f"under {switching[0]} all {len(pools)} subjects, controls included, are alive at once "
            f"and may open {sum(pools)} database connections, more than {_MOST_CONNECTIONS}",
            where=plan.name,
            hint="give them smaller pools, or leave subjects out",
        )


def _require_meaning(plan: Plan) -> None:
    for part, what in meaning.problems(plan):
        where = f"{plan.name}: {'.'.join(map(str, part))}"
        raise PlanError("plan-invalid", what, where=where, hint="docs/plans.md describes plans")


def _require_gates(plan: Plan) -> None:
    """A limit that names no gate would silently change nothing."""
    known = {gate.code: gate for gate in gates.GATES}
    for code, limit in plan.gates.items():
        gate, what = known.get(code), ""
        if gate is None:
            what = f"there is no gate {code!r}{meant(code, known, '; {}')}"
        else:
            for side in ("low", "high"):
                if getattr(limit, side) is not None and getattr(gate, side) is None:
                    what = f"the gate {code} has no {side} side: {gate.limit} allowed"
        if what:
            where = f"{plan.name}: gates"
            raise PlanError("plan-gate", what, where=where, hint="docs/gates.md lists them")
