"""What gates read: one trial, the trials of a comparison, or a run, from a bundle's files alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from analysis import figures, generators, resources, steadiness
from bundle import outside, typed
from bundle.documents.host import HostFacts
from bundle.documents.readings import TrialReadings
from bundle.documents.services import Answers, OrderOutcome, StackOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from analysis.figures import Figures
    from analysis.generators import Output
    from analysis.resources import Course
    from analysis.steadiness import Steadiness
    from bundle.documents.host import HostReadings
    from bundle.documents.plan import Limit, OperationShare, Plan, SealedPlan
    from bundle.documents.readings import DatabaseServer, Kernel
    from bundle.documents.services import Shown
    from bundle.documents.subject import Subject
    from bundle.generators import Load
    from host.levels import Profile, Tier

type Effect = Literal["inserted", "updated", "deleted"]

EFFECTS: Final[tuple[Effect, ...]] = ("inserted", "updated", "deleted")
_VERBS: Final[dict[str, Effect]] = {"create": "inserted", "update": "updated", "delete": "deleted"}


class Moves(NamedTuple):
    """The row counters that each success of an operation must move, one of them in each table."""

    tables: tuple[str, ...]
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class Context:
    """What was decided and known before the first trial."""

    sealed: SealedPlan  #: the plan as resolved
    facts: HostFacts
    #: by stack, the libraries that it has without their C extensions on purpose
    pure: Mapping[str, tuple[str, ...]]
    bundle: Path  #: the folder that holds all of it

    @classmethod
    def read(cls, bundle: Path) -> Context:
        """Read it from a bundle's folder, sealed or not.

        Raises:
            FileNotFoundError: the folder lacks plan, facts or stacks.
            RecordError: one of them is invalid.
        """
        stacks = outside.toml_of(bundle / "inputs/locks/stacks.toml")["stacks"]
        return cls(
            typed.read_plan(bundle),
            typed.read(bundle, HostFacts),
            {name: tuple(stack.get("pure", ())) for name, stack in stacks.items()},
            bundle,
        )

    @property
    def plan(self) -> Plan:
        """The plan with every default filled in."""
        return self.sealed.plan

    @property
    def profile(self) -> Profile:
        """The plan's profile."""
        return self.plan.profile

    @property
    def limits(self) -> Mapping[str, Limit]:
        """By code, the limits of gates that the plan sets itself."""
        return self.plan.gates

    @property
    def tier(self) -> Tier:
        """How well the host keeps CPUs apart."""
        return self.facts.placement.tier

    @cached_property
    def answers(self) -> dict[str, dict[str, Shown]]:
        """By subject, its answers in the diagnostic pass, by method and path."""
        by_subject = self._of_subjects(Answers)
        return {
            name: {each.request: each for each in of.answers} for name, of in by_subject.items()
        }

    @cached_property
    def packages(self) -> dict[str, dict[str, str]]:
        """By subject, the versions that were found installed in its stack."""
        return {name: stack.packages for name, stack in self._of_subjects(StackOutcome).items()}

    def _of_subjects[T: Answers | StackOutcome](self, kind: type[T]) -> dict[str, T]:
        files = self.bundle.glob(kind.PATH.format(subject="*"))
        names = (file.parent.name for file in files)
        return {name: typed.read(self.bundle, kind, subject=name) for name in names}


@dataclass(frozen=True)
class TrialEvidence:
    """One trial that was carried out: its folder in the bundle, and what was read around it."""

    folder: Path
    readings: TrialReadings
    subject: str
    workload: str
    load: str
    context: Context

    @cached_property
    def figures(self) -> Figures:
        """The figures of the trial."""
        return figures.of(self.output, self.readings)

    @cached_property
    def course(self) -> Course:
        """When the agent sampled the processes of the trial, and their CPU time."""
        return resources.read_course(self.folder / "resources.parquet")

    @cached_property
    def output(self) -> Output:
        """What its generator left."""
        return generators.of(self.folder)

    @cached_property
    def steadiness(self) -> Steadiness | None:
        """Its course over the window; None where the generator leaves none."""
        return steadiness.read(self.folder)

    @property
    def drive(self) -> Load:
        """The plan's load."""
        return self.context.plan.loads[self.load]

    @property
    def declared(self) -> Subject:
        """The plan's subject."""
        return self.context.sealed.declared(self.subject)

    @property
    def effects(self) -> dict[str, Moves]:
        """By operation of the workload that writes, the row counters that it must move."""
        names = [share.operation for share in self._shares]
        if application := self.context.plan.application:
            writing = {name: application.operations[name].writes for name in names}
            return {name: Moves(tuple(told), EFFECTS) for name, told in writing.items() if told}
        parts = {name: name.partition("-")[::2] for name in names}
        return {
            name: Moves((f"{noun}s",), (_VERBS[verb],))
            for name, (verb, noun) in parts.items()
            if verb in _VERBS
        }

    @property
    def is_application(self) -> bool:
        """Whether the subject is an application, which does not say how it runs."""
        return self.context.plan.application is not None

    @property
    def may_vary(self) -> bool:
        """Whether two answers to one method and path may differ: in an application's operations."""
        application = self.context.plan.application
        told = [application.operations[s.operation] for s in self._shares] if application else []
        return any(each.varies or each.body is not None or each.headers for each in told)

    @property
    def _shares(self) -> list[OperationShare]:
        return self.context.plan.workloads[self.workload].operations

    @property
    def kernel(self) -> Kernel | None:
        """What the kernel counted around the window; None where the agent did not read it."""
        return self.readings.host.kernel if self.readings.host else None

    @property
    def database(self) -> DatabaseServer | None:
        """What the database server reported around the window; None likewise."""
        return self.readings.host.database if self.readings.host else None


@dataclass(frozen=True)
class PairEvidence:
    """The trials of one comparison in one cell whose figures may be used."""

    baseline: Sequence[TrialEvidence]
    candidate: Sequence[TrialEvidence]


@dataclass(frozen=True)
class Floor:
    """A load's generator against an endpoint that does no work."""

    #: what the generator left, read as a trial's files are; its subject is empty
    driven: TrialEvidence
    failure: str | None  #: why there is nothing to read; None if there is

    @classmethod
    def read_all(cls, bundle: Path, context: Context) -> dict[str, Floor]:
        """The floors of a bundle by load; empty where none was measured."""
        floors = {}
        for folder in sorted(path.parent for path in bundle.glob("generators/*/floor.json")):
            load = folder.name
            failure = typed.read(bundle, OrderOutcome, f"generators/{load}/floor.json").failure
            driven = TrialEvidence(folder, TrialReadings(), "", "", load, context)
            floors[load] = cls(driven, failure.what if failure else None)
        return floors


@dataclass(frozen=True)
class RunEvidence:
    """A run."""

    completed: int  #: trials whose figures may be used
    failed: int  #: trials that failed, repeated or not
    #: the readings of each host before the first trial, as far as they were taken
    hosts: tuple[HostReadings, ...]
    context: Context
    #: by load, the highest throughput of a trial whose figures may be used
    fastest: Mapping[str, float]
    floors: Mapping[str, Floor]  #: by load
