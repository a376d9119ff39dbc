"""The plan: what decides a run before it starts. People write it, and bundles hold it resolved.

Pydantic reads it, because it reports every mistake of a plan at once. ``ormlab.plan`` checks what a
plan means beyond its form, such as which operations exist.

History of the schemas: plan/1, resolved-plan/1 (both the first). A key that was added later has a
default, which holds for plans that lack it.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, model_validator

from bundle.documents.loads import STRICT, Load
from host.levels import Profile

type Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$")]
type Option = str | int | float | bool | None
# A name that becomes part of a path: wider than what a plan may call its own.
type PathName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+=@,-]{0,99}$")]
type Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Strict(BaseModel):
    """Immutable, no unknown keys, no coercion of text into numbers."""

    model_config = STRICT


class DatasetSize(Strict):
    """How many rows, and how large the JSON body of one user is."""

    users: Annotated[int, Field(ge=1000, le=10_000_000)]
    orders: Annotated[int, Field(ge=1000, le=10_000_000)]
    payload_bytes: Annotated[int, Field(ge=256, le=65536)] = 1024


class Pool(Strict):
    """Database connections of one worker process: opened before the first request."""

    size: Annotated[int, Field(ge=1, le=150)] = 10
    overflow: Annotated[int, Field(ge=0, le=150)] = 0


class Cache(Strict):
    """Answers of reading queries, kept by each worker for ``ttl_s`` seconds; 0 keeps none."""

    ttl_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    entries: Annotated[int, Field(ge=1, le=1_000_000)] = 1024


class Subject(Strict):
    """A service on a stack with settings: what is compared.

    The service gets ``options`` and refuses those it does not know. ``burden`` is CPU time added to
    every request, as a fraction of its own.
    """

    service: Literal["asyncpg", "sqlalchemy", "tortoise"]
    stack: Name = "current"
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    pool: Pool = Pool()
    framework: Literal["aiohttp", "fastapi"] = "aiohttp"
    cache: Cache = Cache()
    loop: Literal["asyncio", "uvloop"] = "asyncio"
    json_library: Literal["stdlib", "orjson"] = "stdlib"
    options: dict[str, Option] = Field(default_factory=dict)
    burden: Annotated[float, Field(ge=0, le=1)] = 0.0


class PositiveControl(Strict):
    """A subject that is measured once more with a slowdown of known size, which the run must find.

    ``delta`` is CPU time added to each request, as a fraction of its own; by default twice the
    margin of the throughput.
    """

    subject: Name
    delta: Annotated[float, Field(gt=0, le=1)]


class OperationShare(Strict):
    """One operation on the contract and its share; see workloads/load/operations.py."""

    operation: str
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    id: int | None = None
    limit: int | None = None
    offset: int | None = None
    loading: Literal["lazy", "prefetch", "join"] | None = None


class Workload(Strict):
    """Operations and their mix; ids that are not fixed are drawn uniformly from the seed."""

    operations: Annotated[list[OperationShare], Field(min_length=1)]


class Comparison(Strict):
    """A hypothesis: the candidate's figure over the baseline's."""

    baseline: Name
    candidate: Name


class Step(Strict):
    """One factor of a difference: the settings that its side changes when the factor is switched.

    ``side`` is the end of the explanation that has the factor. A setting that is not named stays as
    it is; ``options`` are added to those of the subject.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,19}$")]
    what: Annotated[str, Field(min_length=1, max_length=200)]
    side: Literal["from", "to"] = "from"
    options: dict[str, Option] = Field(default_factory=dict)
    pool: Pool | None = None
    loop: Literal["asyncio", "uvloop"] | None = None
    json_library: Literal["stdlib", "orjson"] | None = None

    @model_validator(mode="after")
    def _switches(self) -> Self:
        if not (self.options or self.pool or self.loop or self.json_library):
            raise ValueError("a step switches something: options, pool, loop or json_library")
        return self


class Limit(Strict):
    """Limits of a gate that are this plan's own, with the reason; see docs/gates.md."""

    low: float | None = None
    high: float | None = None
    reason: Annotated[str, Field(min_length=1, max_length=300)]

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("a limit has a low or a high side")
        return self


class Explanation(Strict):
    """Where the difference between two subjects comes from, one factor after the other.

    Each step is measured alone, and on top of the steps before it on its side, in the same blocks.
    The difference between the two sides with all factors switched is the residual.
    """

    from_: Annotated[Name, Field(alias="from")]
    to: Name
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

BETA = 0.005
"""Default of a plan's ``beta``; 32 null arms of past runs put it below 0.007."""


class Plan(Strict):
    """A run before it starts. The plan must define every name that it uses.

    ``null_arm`` is a subject that is measured twice, from two deployments: a difference between
    them comes from the lab. ``positive_control`` is measured again with a slowdown of known size: a
    run that does not find it could not have found others. ``beta`` is the standard deviation, in
    log units, of what one deployment keeps for a whole run; the intervals allow for it.
    """

    schema_: Annotated[Literal["plan/1"], Field(alias="schema")]
    name: Name
    title: str
    profile: Profile
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    blocks: Annotated[int, Field(ge=1, le=1000)]
    dataset: DatasetSize
    subjects: Annotated[dict[Name, Subject], Field(min_length=1, max_length=26)]
    workloads: Annotated[dict[Name, Workload], Field(min_length=1)]
    loads: Annotated[dict[Name, Load], Field(min_length=1)]
    comparisons: list[Comparison] = Field(default_factory=list)
    explanation: Explanation | None = None
    null_arm: Name | None = None
    positive_control: PositiveControl | None = None
    beta: Annotated[float, Field(ge=0, le=0.05)] = BETA
    margins: dict[Metric, Margin]
    gates: dict[str, Limit] = Field(default_factory=dict)
    assumptions: list[str] = Field(default_factory=list)

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
                    raise ValueError(f"{key}: there is no subject {name!r}")
        return self


class Switch(Strict):
    """A step of an explanation with the subjects that were made for it.

    ``alone`` is the subject with this factor switched and no other; ``cumulative`` the one with
    this factor and those before it on its side. For a side's first step they are the same.
    """

    name: str
    what: str
    side: Literal["from", "to"]
    alone: PathName
    cumulative: PathName


class Way(Strict):
    """A resolved explanation: the subjects on its way from one to the other."""

    from_: Annotated[PathName, Field(alias="from")]
    to: PathName
    steps: list[Switch]


class SealedPlan(Strict):
    """``inputs/plan.yaml``: a plan in which nothing is implicit.

    ``stacks`` has the digest of each stack, ``arms`` the subject that each control's arm repeats,
    ``omitted_loads`` why the host could not drive a load, ``trials`` the names in their order.
    """

    PATH: ClassVar[str] = "inputs/plan.yaml"

    schema_: Annotated[Literal["resolved-plan/1"], Field(alias="schema")]
    plan: Plan
    stacks: dict[PathName, Sha256]
    omitted_loads: dict[PathName, str]
    arms: dict[PathName, PathName]
    explanation: Way | None = None
    trials: list[PathName]

    def declared(self, subject: str) -> Subject:
        """The subject of this name, or the one that the arm of this name repeats."""
        return self.plan.subjects[self.arms.get(subject, subject)]
