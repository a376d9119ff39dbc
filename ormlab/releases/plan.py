"""The plan that compares a release with the one before it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from bundle.documents.plan import Plan
from ormlab import plan as plans
from ormlab.base import scratch
from ormlab.base.errors import PlanError
from ormlab.compare import course, stacks
from ormlab.compare.plan import Request as Compared
from ormlab.compare.spec import Spec
from workloads.services import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.version import Version

    from bundle.documents.subject import Subject
    from ormlab.plan import ResolvedPlan
    from ormlab.releases.choice import DueRelease

NAME: Final = "compare"
"""The name of the plan where none is given: `ormlab compare` makes the same."""

_SEED: Final = 20240105  # the same for all releases, so that all get the same requests
_MEMORY: Final = 0.05  # smallest difference of the resident memory worth having, as of throughput
_LONGEST_NAME: Final = 34  # of a subject, without a dash; a control's arm adds five characters


@dataclass(frozen=True)
class Watched:
    """What is measured of each release of a package."""

    spec: Spec  #: the service with its settings; the release is still to be chosen
    python: str | None  #: version of the interpreter; None for that of the stack
    time_s: float  #: that measuring takes without a plan
    plan: Plan | None = None  #: in place of a comparison by one operation
    #: the version after which releases are new; None where the archive decides that
    after: Version | None = None

    @property
    def plan_name(self) -> str:
        """The name of the plan that compares releases."""
        return self.plan.name if self.plan else NAME

    @property
    def subject(self) -> Subject:
        """The subject as a bundle names it, but without a stack: that is another for each release.

        Raises:
            ValidationError: a setting has a value that it cannot have.
        """
        service = self.spec.service
        own = _of_service(self.plan, service)[1] if self.plan else self.spec.subject("none")
        return own.model_copy(update={"service": service.name, "stack": ""})


def of_plan(written: Plan, python: str | None, time_s: float) -> tuple[Watched, ...]:
    """What a plan measures of the releases of each service that it names: its first subject."""
    known = manifest.shipped()
    named = dict.fromkeys(each.service for each in written.subjects.values())
    services = [known[name] if name in known else manifest.read(Path(name)) for name in named]
    return tuple(
        Watched(_spec(each, _of_service(written, each)[1]), python, time_s, written)
        for each in services
    )


@contextmanager
def decided(watched: Watched, due: DueRelease) -> Iterator[ResolvedPlan]:
    """The plan for one release; the stacks that it locks are there inside this context.

    Raises:
        UsageError: the stack of one of the two cannot be locked.
        ProvisioningError: the network or the disk failed.
    """
    specs = tuple(
        replace(watched.spec, version=str(each.version)) for each in (due.over, due.release)
    )
    if watched.plan:
        with scratch.folder() as folder:
            locked = stacks.lock(specs, watched.python, folder / "stacks")
            made = _of_releases(watched.plan, specs, locked)
            yield plans.resolve(made, stacks_folder=locked.folder)
        return
    request = Compared(specs=specs, seed=_SEED, time_s=watched.time_s, python=watched.python)
    with course.decided(request) as resolved:
        # A release that does not work is a result: the bundle says why.
        changes = {"margins": _margins(resolved.plan), "needs_all_subjects": False}
        yield plans.resolve(
            resolved.plan.model_copy(update=changes),
            stacks_folder=resolved.stacks_folder,
            known=resolved.services,
        )


def _spec(service: manifest.Service, subject: Subject) -> Spec:
    """What releases are locked like; of a subject's settings the stack alone decides that."""
    is_own = subject.stack == service.stack
    return Spec(service, settings={} if is_own else {"stack": subject.stack})


def _of_service(written: Plan, service: manifest.Service) -> tuple[str, Subject]:
    """The first subject of a service, with its name; a plan may have the path of the service."""
    every = written.subjects.items()
    return next(each for each in every if Path(each[1].service).name == service.name)


def _of_releases(written: Plan, specs: tuple[Spec, ...], locked: stacks.Locked) -> Plan:
    """A plan whose subject of a service is measured on two releases, and whose others are left out.

    Raises:
        PlanError: it has no such plan.
    """
    service = specs[0].service
    name, subject = _of_service(written, service)
    versions = [str(spec.version) for spec in specs]
    names = [f"{name[: _LONGEST_NAME - len(each)]}-{each}" for each in versions]
    baseline, candidate = names
    given = written.model_dump(by_alias=True) | {
        "title": f"{written.title}: {service.manifest.package} {' and '.join(versions)}",
        "subjects": {
            each: subject.model_copy(update={"stack": stack})
            for each, stack in zip(names, locked.names, strict=True)
        },
        "comparisons": [{"baseline": baseline, "candidate": candidate}],
        "null_arm": baseline,
        "positive_control": None,
        "explanation": None,
        "profiles": {},
        "needs_all_subjects": False,
        "margins": _margins(written),
        "assumptions": [
            *written.assumptions,
            f"of the plan {written.name} this is the subject {name}, on two releases",
            *locked.notes,
        ],
    }
    try:
        return Plan.model_validate(given)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        raise PlanError(
            "plan-invalid",
            f"on two releases: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            where=written.name,
            hint="docs/plans.md describes plans",
        ) from None


def _margins(plan: Plan) -> dict[str, float]:
    """The margins of a plan, and one of the resident memory where it has none."""
    return {"rss_service": _MEMORY, **{str(metric): each for metric, each in plan.margins.items()}}
