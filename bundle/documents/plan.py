"""The plan: what decides a run before it starts. People write it, and bundles hold it resolved.

Pydantic reads it, because it reports every mistake of a plan at once. ``ormlab.plan`` checks what a
plan means beyond its form, such as which operations exist.

History of the schemas: plan/1, resolved-plan/1 (both the first). A key that was added later has a
default, which holds for plans that lack it.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from bundle.documents.application import Application
from bundle.documents.base import Strict
from bundle.documents.loads import Load
from bundle.documents.profilers import Profiler
from bundle.documents.subject import DatabaseName, Name, Option, Pool, Subject
from bundle.meant import meant
from host.levels import Profile

# A name that becomes part of a path: wider than what a plan may call its own.
type PathName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+=@,-]{0,99}$")]
type Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DatasetSize(Strict):
    """How many rows, and how large the JSON body of one user is."""

    users: Annotated[int, Field(ge=1000, le=10_000_000)]  #: rows of users
    #: rows of orders, ten for each of the first users
    orders: Annotated[int, Field(ge=1000, le=10_000_000)]
    #: bytes of the JSON body of one user
    payload_bytes: Annotated[int, Field(ge=256, le=65536)] = 1024


class PositiveControl(Strict):
    """A subject that is measured once more with a slowdown of known size, which the run must find.

    ``delta`` is CPU time added to each request, as a fraction of its own; by default twice the
    margin of the throughput.
    """

    subject: Name  #: the subject that is measured once more, slowed down
    #: CPU time added to each of its requests, as a fraction of its own; without it, twice the
    #: margin of the throughput
    delta: Annotated[float, Field(gt=0, le=1)]


class OperationShare(Strict):
    """One operation on the contract, or of the applications, and its share."""

    #: what is requested, by a name of workloads/load/operations.py or of application.toml
    operation: str
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0  #: how often, relative to the others
    id: int | None = None  #: id of the row; without it, ids are drawn from all rows
    limit: int | None = None  #: rows of a list
    offset: int | None = None  #: rows that a list leaves out at its beginning
    #: how orders are loaded with their users
    loading: Literal["lazy", "prefetch", "join"] | None = None


class Workload(Strict):
    """Operations and their mix; ids that are not fixed are drawn uniformly from the seed."""

    operations: Annotated[list[OperationShare], Field(min_length=1)]  #: the mix of requests


class Comparison(Strict):
    """A hypothesis: the candidate's figure over the baseline's."""

    baseline: Name  #: the subject that the ratio is over
    candidate: Name  #: the subject whose figure is divided by it


class Step(Strict):
    """One factor of a difference: the settings that its side changes when the factor is switched.

    ``side`` is the end of the explanation that has the factor. A setting that is not named stays as
    it is; ``options`` are added to those of the subject. A factor that is measured ``alone`` has a
    second subject, in which no other is switched.
    """

    #: part of the names of the subjects that are made for it
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,19}$")]
    #: the factor that is switched, in words
    what: Annotated[str, Field(min_length=1, max_length=200)]
    side: Literal["from", "to"] = "from"  #: the end of the explanation that has this factor
    #: whether a second subject has this factor switched and no other
    alone: bool = Field(default=True, exclude_if=lambda alone: alone)
    #: options added to those of the subject
    options: dict[str, Option] = Field(default_factory=dict)
    pool: Pool | None = None  #: in place of that of the subject
    loop: Literal["asyncio", "uvloop"] | None = None  #: likewise
    json_library: Literal["stdlib", "orjson"] | None = None  #: likewise

    @model_validator(mode="after")
    def _switches(self) -> Self:
        if not (self.options or self.pool or self.loop or self.json_library):
            raise ValueError("a step switches something: options, pool, loop or json_library")
        return self


class Limit(Strict):
    """Limits of a gate that are this plan's own, with the reason; see docs/gates.md."""

    low: float | None = None  #: the lowest value that passes
    high: float | None = None  #: the highest value that passes; one of the two is required
    #: why this plan allows another value
    reason: Annotated[str, Field(min_length=1, max_length=300)]

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("a limit has a low or a high side")
        return self


class Reduced(Strict):
    """What a run under a profile saves of a plan that was written for more."""

    blocks: Annotated[int, Field(ge=1, le=1000)] | None = None  #: in place of the plan's
    #: by load, in place of its ``duration_s``
    seconds: dict[Name, Annotated[int | float, Field(gt=0)]] = Field(default_factory=dict)
    #: subjects, workloads and loads that are left out, each with its reason
    without: dict[Name, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=dict
    )
    #: why the whole plan is left out where it is one of many
    omitted: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class Explanation(Strict):
    """Where the difference between two subjects comes from, one factor after the other.

    Each step is measured on top of the steps before it on its side, and alone if it can be, in the
    same blocks.
    The difference between the two sides with all factors switched is the residual.
    """

    from_: Annotated[Name, Field(alias="from")]  #: the subject that the explanation begins with
    to: Name  #: the subject that it ends with
    #: factors, each switched alone and on top of those before it
    steps: Annotated[list[Step], Field(min_length=1)]

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.from_ == self.to:
            raise ValueError("from and to are the same subject")
        names = [step.name for step in self.steps]
        if len(set(names)) < len(names):
            raise ValueError("two steps have one name")
        return self


type Metric = Literal[
    "throughput", "capacity", "p50", "p90", "p99", "cpu_service", "cpu_database", "rss_service"
]
type Margin = Annotated[float, Field(gt=0, lt=1)]

# The smallest relative difference worth having, by default.
MARGINS: dict[str, dict[str, float]] = {
    "bare-metal": {"throughput": 0.03, "p50": 0.05, "p99": 0.10, "cpu_service": 0.03},
    "vm": {"throughput": 0.05, "p50": 0.05, "p99": 0.10, "cpu_service": 0.05},
    "smoke": {"throughput": 0.05, "p50": 0.05, "p99": 0.10, "cpu_service": 0.05},
}

POSTGRESQL = "postgresql"
"""The database of plans that name none."""

BETA = 0.005
"""Default of a plan's ``beta``; 32 null arms of past runs put it below 0.007."""


class Override(Strict):
    """A value that the command line put in the place of the plan's own."""

    key: str
    load: Name | None = None
    written: int | float
    used: int | float

    def __str__(self) -> str:
        of = f" of {self.load}" if self.load is not None else ""
        used, written = (
            f"{value:g}" if isinstance(value, float) else value
            for value in (self.used, self.written)
        )
        return f"{self.key}{of} {used}, not {written}"


class Plan(Strict):
    """A run before it starts. The plan must define every name that it uses.

    ``null_arm`` is a subject that is measured twice, from two deployments: a difference between
    them comes from the lab. ``positive_control`` is measured again with a slowdown of known size: a
    run that does not find it could not have found others. ``beta`` is the standard deviation, in
    log units, of what one deployment keeps for a whole run; the intervals allow for it.
    ``overridden`` says in what this plan differs from the file of its name; the command line
    writes it, and a plan that was not overridden has no such key. With ``needs_all_subjects`` a
    run that cannot measure one of them ends before its first trial, instead of leaving it out.
    ``profiles`` says what a run saves that is asked for by a profile.
    """

    schema_: Annotated[Literal["plan/1"], Field(alias="schema")]  #: the version of this format
    name: Name  #: the name for programs: in files and commands
    title: str  #: the name for people
    profile: Profile  #: how strictly the host is judged; smoke gives estimates alone
    #: decides rows, requests, arrivals and the order of trials
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    #: how often every subject is deployed and measured under every load
    blocks: Annotated[int, Field(ge=1, le=1000)]
    #: the database of every subject that names none, by the name of a folder of
    #: workloads/databases/; subjects of two databases are measured in one run, and not compared
    database: DatabaseName = Field(default=POSTGRESQL, exclude_if=lambda name: name == POSTGRESQL)
    #: the rows of the database; applications have their own, and a plan of them has no such key
    dataset: DatasetSize | None = Field(default=None, exclude_if=lambda size: size is None)
    #: what the applications of the plan have in common, from their application.toml; no plan file
    #: has it
    application: Application | None = Field(default=None, exclude_if=lambda told: told is None)
    #: what is compared, by name
    subjects: Annotated[dict[Name, Subject], Field(min_length=1, max_length=26)]
    workloads: Annotated[dict[Name, Workload], Field(min_length=1)]  #: what is requested, by name
    #: how the services are driven, by name; the generator decides the keys
    loads: Annotated[dict[Name, Load], Field(min_length=1)]
    #: the conclusion is about the first
    comparisons: list[Comparison] = Field(default_factory=list)
    #: where the difference between two subjects comes from (explain.md)
    explanation: Explanation | None = None
    #: a subject that is measured twice, from two deployments; only comparisons of which it is the
    #: baseline get a verdict
    null_arm: Name | None = None
    #: a subject with a slowdown of known size, which the run must find
    positive_control: PositiveControl | None = None
    #: what looks at every subject under the first workload before the first trial, in processes
    #: that no trial measures (profile.md)
    profilers: list[Profiler] = Field(default_factory=list, exclude_if=lambda asked: not asked)
    #: whether a run that cannot measure one of the subjects ends before its first trial, instead of
    #: leaving it out
    needs_all_subjects: bool = Field(default=False, exclude_if=lambda needs: not needs)
    #: standard deviation, in log units, of what one deployment keeps for a whole run; intervals
    #: allow for it
    beta: Annotated[float, Field(ge=0, le=0.05)] = BETA
    #: by metric, the smallest relative difference worth having; without one, those that the
    #: profile has for throughput, p50, p99 and cpu_service. Only metrics with a margin are
    #: compared
    margins: dict[Metric, Margin]
    #: this plan's own limits, by the code of a gate (gates.md); a wider one is a weakness of the
    #: results
    gates: dict[str, Limit] = Field(default_factory=dict)
    #: what the source of a number leaves open, and what this plan assumes instead
    assumptions: list[str] = Field(default_factory=list)
    #: what a run saves of this plan that is asked for by a profile (`ormlab reproduce --profile`)
    profiles: dict[Profile, Reduced] = Field(
        default_factory=dict, exclude_if=lambda reductions: not reductions
    )
    #: how the command line changed the plan of this name; no plan file has it
    overridden: list[Override] = Field(
        default_factory=list, exclude_if=lambda overrides: not overrides
    )

    @property
    def heading(self) -> str:
        """The title; and what was overridden, of which the title may say the value in the file."""
        if not self.overridden:
            return self.title
        return f"{self.title} (overridden: {'; '.join(map(str, self.overridden))})"

    @property
    def rows(self) -> DatasetSize:
        """The rows of the lab's own database.

        Raises:
            ValueError: the plan compares applications, which have their own.
        """
        if self.dataset is None:
            raise ValueError("the plan has no dataset: it is one of applications")
        return self.dataset

    def database_of(self, subject: Subject) -> str:
        """The name of the database that a subject uses."""
        return subject.database or self.database

    @property
    def databases(self) -> tuple[str, ...]:
        """The names of the databases that the subjects use, in the order of the subjects."""
        return tuple(dict.fromkeys(map(self.database_of, self.subjects.values())))

    def margin(self, metric: str) -> float:
        """The margin of a metric, by its name.

        Raises:
            KeyError: the plan compares nothing by it.
        """
        by_name: dict[str, float] = {str(name): margin for name, margin in self.margins.items()}
        return by_name[metric]

    @model_validator(mode="before")
    @classmethod
    def _margins_of_the_profile(cls, given: Any) -> Any:  # noqa: ANN401 - not yet validated
        if not isinstance(given, dict) or not isinstance(given.get("margins", {}), dict):
            return given
        defaults = MARGINS.get(str(given.get("profile")), {})
        margins = {**defaults, **given.get("margins", {})}
        given = {**given, "margins": margins}
        control, theta = given.get("positive_control"), margins.get("throughput")
        if isinstance(control, dict) and isinstance(theta, float):
            given["positive_control"] = {"delta": 2 * theta, **control}
        return given

    @model_validator(mode="after")
    def _has_rows(self) -> Self:
        by_name = all("/" not in each.service for each in self.subjects.values())
        if self.dataset is None and self.application is None and by_name:
            raise ValueError(
                "dataset is missing: a plan of services names the rows of its database"
            )
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        control, way = self.positive_control, self.explanation
        used = {
            "null_arm": [self.null_arm] if self.null_arm is not None else [],
            "positive_control": [control.subject] if control else [],
            "comparisons": [
                n for each in self.comparisons for n in (each.baseline, each.candidate)
            ],
            "explanation": [way.from_, way.to] if way else [],
        }
        for key, names in used.items():
            for name in names:
                if name not in self.subjects:
                    near = meant(name, self.subjects, "; {}")
                    raise ValueError(f"{key}: there is no subject {name!r}{near}")
        pairs = [(each.baseline, each.candidate) for each in self.comparisons]
        for one, other in [*pairs, *([(way.from_, way.to)] if way else [])]:
            first, second = (self.database_of(self.subjects[name]) for name in (one, other))
            if first != second:
                raise ValueError(
                    f"comparisons: {one} uses {first} and {other} {second}; "
                    "sizes of two databases are not compared"
                )
        return self


class Switch(Strict):
    """A step of an explanation with the subjects that were made for it.

    ``alone`` is the subject with this factor switched and no other, None if there is none;
    ``cumulative`` the one with this factor and those before it on its side. For a side's first step
    they are the same.
    """

    name: str
    what: str
    side: Literal["from", "to"]
    alone: PathName | None
    cumulative: PathName


class Way(Strict):
    """A resolved explanation: the subjects on its way from one to the other."""

    from_: Annotated[PathName, Field(alias="from")]
    to: PathName
    steps: list[Switch]


class SealedPlan(Strict):
    """``inputs/plan.yaml``: a plan in which nothing is implicit.

    ``stacks`` has the digest of each stack, ``services`` that of each service's folder (none in
    bundles from before folders were kept), ``arms`` the subject that each control's arm repeats,
    ``omitted_loads`` why the host could not drive a load, ``trials`` the names in their order.
    """

    PATH: ClassVar[str] = "inputs/plan.yaml"

    schema_: Annotated[Literal["resolved-plan/1"], Field(alias="schema")]
    plan: Plan
    stacks: dict[PathName, Sha256]
    services: dict[PathName, Sha256] = Field(default_factory=dict, exclude_if=lambda kept: not kept)
    omitted_loads: dict[PathName, str]
    arms: dict[PathName, PathName]
    explanation: Way | None = None
    trials: list[PathName]

    @model_validator(mode="after")
    def _names_services(self) -> Self:
        for name, subject in self.plan.subjects.items():
            if "/" in subject.service:
                raise ValueError(f"plan.subjects.{name}.service is a path, and not a name")
        return self

    def declared(self, subject: str) -> Subject:
        """The subject of this name, or the one that the arm of this name repeats."""
        return self.plan.subjects[self.arms.get(subject, subject)]
