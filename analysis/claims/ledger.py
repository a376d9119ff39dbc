"""The ledger: published numbers as data.

History of the schema: claims-ledger/1 (first). A version that was ever published is read forever.

These are types only: ``ormlab.judging.ledger`` reads a YAML file into one, and
``analysis.claims.lint`` checks what no type can say: names that must exist, reasons that must be
given.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from analysis.claims.conditions import READINGS
from analysis.claims.metrics import CLAIM_METRICS

SCHEMA = "claims-ledger/1"
SMALLEST, LARGEST = 1e-15, 1e15  # of numbers: arithmetic with a few of these stays finite


def _bounded[T](given: T) -> T:
    """Refuse numbers that arithmetic would overflow with."""
    if isinstance(given, int | float) and given != 0 and not SMALLEST <= abs(given) <= LARGEST:
        raise ValueError(f"a number is 0, or between {SMALLEST:g} and {LARGEST:g} in size")
    return given


_BOUNDED = AfterValidator(_bounded)

type Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$")]
type Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,59}$")]
type Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
type Text = Annotated[str, Field(min_length=1, max_length=2000)]
type MetricName = Annotated[str, Field(json_schema_extra={"enum": sorted(CLAIM_METRICS)})]
type ReadingName = Annotated[str, Field(json_schema_extra={"enum": sorted(READINGS)})]
type Status = Literal["stated", "inferred", "assumed", "unknown"]
type Portability = Literal["same-fingerprint", "same-class", "any"]
type Size = Annotated[float, _BOUNDED]
type Positive = Annotated[float, Field(gt=0), _BOUNDED]
type Precision = Annotated[float, Field(ge=0), _BOUNDED]
type Subjects = Annotated[list[Name], Field(min_length=1, max_length=1)]
type Pair = Annotated[list[Name], Field(min_length=2, max_length=2)]


class Part(BaseModel):
    """Immutable, no unknown keys, no coercion of text into numbers, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Artifacts(Part):
    """What the source itself was made from, where it says so: decides how strong a verdict is."""

    plan_sha256: Sha256
    tool_commit: str
    host: Sha256 | None = None


class Source(Part):
    """Where claims were read.

    ``sha256`` is of the reader's own copy; if none was kept, ``note`` says what stands in for it.
    """

    title: Text
    locator: Text
    published: date | None
    retrieved: date
    sha256: Sha256 | None
    artifacts: Artifacts | None = None
    note: str = ""


class Condition(Part):
    """One leaf of the conditions under which a number was published.

    ``reading`` says how a bundle tells the same thing, ``subject`` whose it is where subjects
    differ. A material condition that differs makes a run incomparable, unless what was seen fits
    one of ``accepts``; then the verdict names the substitution, and ``note`` says why it is fair.
    ``precision`` is that of a number, as of `Number`.
    """

    value: Annotated[str | int | float | bool | None, _BOUNDED] = None
    precision: Precision | None = None
    status: Status
    material: bool = False
    reading: ReadingName | None = None
    subject: Name | None = None
    accepts: list[str] = Field(default_factory=list)
    locator: str = ""
    note: str = ""


class Subject(Part):
    """What a claim speaks of, in words."""

    what: Text


class Tolerance(Part):
    """How far off still counts as the same number, as a fraction; fixed before any run."""

    relative: Annotated[float, Field(gt=0, le=1)]
    reason: str = ""


class Arm(Part):
    """Where in the plan a subject of a claim is measured; the test fills in what is left out."""

    subject: Name | None = None
    workload: Name | None = None
    load: Name | None = None


class Variant(Part):
    """The same claim under another assumption, where its source is silent or at odds with itself.

    What is left out is as in the test; a subject's arm replaces the one of the test. ``conditions``
    take the place of the claim's, for an assumption about something that is stated.
    """

    assumes: Text
    plan: Name | None = None
    workload: Name | None = None
    load: Name | None = None
    arms: dict[Name, Arm] = Field(default_factory=dict)
    conditions: list[Name] | None = None


class Test(Part):
    """The plan that tests a claim, and where in it each of the claim's subjects is measured.

    ``assumes`` says what is assumed here and otherwise in the ``variants``.
    """

    __test__ = False  # not one of pytest's

    plan: Name
    workload: Name | None = None
    load: Name | None = None
    arms: dict[Name, Arm] = Field(default_factory=dict)
    assumes: str = ""
    variants: dict[Name, Variant] = Field(default_factory=dict)


class _Claim(Part):
    """What all claims share. One of ``test``, ``untestable`` and ``not_run`` is given.

    Each entry of ``entailed_by`` is a claim, or several together, from which this one follows: so
    it is no evidence of its own, and if it is refuted they cannot stand either.
    """

    says: Text
    source: Name
    locator: Text
    untestable: Text | None = None
    not_run: Text | None = None
    entailed_by: list[Id | list[Id]] = Field(default_factory=list)
    note: str = ""


class _Testable(_Claim):
    conditions: list[Name] = Field(default_factory=list)
    portability: Portability
    test: Test | None = None
    cost: str = ""


class _Measured(_Testable):
    metric: MetricName


class Absolute(_Measured):
    """A figure of one subject."""

    kind: Literal["absolute"]
    subjects: Subjects
    value: Size
    precision: Positive
    tolerance: Tolerance | None = None


class Ratio(_Measured):
    """The first subject's figure over the second's; "42 % more" is 1.42, precision 0.01."""

    kind: Literal["ratio"]
    subjects: Pair
    value: Positive
    precision: Positive
    tolerance: Tolerance | None = None


class Ordering(_Measured):
    """The first subject's figure is the larger of the two."""

    kind: Literal["ordering"]
    subjects: Pair


class Bound(_Measured):
    """A figure of one subject reaches a value, or stays below it."""

    kind: Literal["bound"]
    subjects: Subjects
    bound: Literal["at-least", "at-most"]
    value: Size
    precision: Positive
    tolerance: Tolerance | None = None


class Runs(_Testable):
    """A package in a version installs, imports, or serves."""

    kind: Literal["runs"]
    subjects: Subjects
    package: Text
    version: Text
    through: Literal["install", "import", "start"] = "import"


class Statement(_Claim):
    """Something that is no figure of the registry; it is kept so that nothing is passed over."""

    kind: Literal["statement"]
    value: Annotated[str | int | float | None, _BOUNDED] = None
    unit: str = ""


type Measurable = Absolute | Ratio | Ordering | Bound
type Testable = Measurable | Runs
type Claim = Annotated[
    Absolute | Ratio | Ordering | Bound | Runs | Statement, Field(discriminator="kind")
]


class Number(Part):
    """A number in a check that is neither a claim nor a condition; ``note`` says whence.

    ``precision`` is the size of the last digit that is printed, 0 for what is exact; without it,
    the zeros at the end of a whole number may be rounding.
    """

    value: Size
    precision: Precision | None = None
    status: Status
    note: Text


type Input = Annotated[
    Annotated[str, Tag("name")] | Annotated[Number, Tag("number")],
    Discriminator(lambda given: "number" if isinstance(given, dict | Number) else "name"),
]
"""A claim's id, a condition as ``set/leaf``, or a number."""


class _Check(Part):
    """Arithmetic. ``convicts`` are the claims that cannot stand if it contradicts them."""

    says: Text
    convicts: list[Id] = Field(default_factory=list)
    note: str = ""


class _Arithmetic(_Check):
    """A check that computes. ``slack`` is how far off still fits, beside the printed digits."""

    slack: Tolerance | None = None


class SameRatio(_Arithmetic):
    """A stated ratio against the two figures it is of, which are in one unit.

    ``wording`` is "times-more" where the source says "three times faster" or the like, which may
    mean the ratio or the ratio less one.
    """

    kind: Literal["same_ratio"]
    ratio: Input
    numerator: Input
    denominator: Input
    wording: Literal["ratio", "times-more"] = "ratio"


class LittlesLaw(_Arithmetic):
    """Connections = throughput x mean latency (ms), in a closed loop.

    ``generator`` is "wrk" where wrk printed the figures: it opens ``threads`` x (``connections`` //
    ``threads``) and adds samples before it prints. It is "other" where a tool printed them that
    opens what it is asked to and prints the mean that it measured; without it, both are possible.
    ``longest_ms`` is the longest latency. ``in_flight`` is how many requests a connection sends
    before it waits for an answer, ``failed_percent`` the share of the requests in the throughput
    that failed and are no part of the latencies. ``analysis.claims.littles_law`` says what follows.
    """

    kind: Literal["littles_law"]
    throughput: Input
    connections: Input
    mean: Input | None = None
    p50: Input | None = None
    p99: Input | None = None
    longest_ms: Input | None = None
    threads: Input | None = None
    in_flight: Input | None = None
    failed_percent: Input | None = None
    generator: Literal["wrk", "other"] | None = None
    loop: Literal["closed", "open"] = "closed"


class Difference(_Arithmetic):
    """A stated difference against the two figures it is of, all in one unit.

    ``wording`` is "percentages" where the two figures are percentages and the difference is stated
    in per cent: it may mean points, or per cent of either figure.
    """

    kind: Literal["difference"]
    minuend: Input
    subtrahend: Input
    difference: Input
    wording: Literal["plain", "percentages"] = "plain"


class PercentOf(_Arithmetic):
    """A stated percentage against part and whole, which are in one unit."""

    kind: Literal["percent_of"]
    part: Input
    whole: Input
    percent: Input


class Limit(_Arithmetic):
    """A product of figures, over others, that must not exceed a limit.

    ``concerns`` are the claims in doubt if it does; without any, all that the check computes with.
    """

    kind: Literal["limit"]
    factors: Annotated[dict[Name, Input], Field(min_length=1)]
    divisors: dict[Name, Input] = Field(default_factory=dict)
    limit: Input
    concerns: list[Id] = Field(default_factory=list)


class SameOrder(_Arithmetic):
    """Two pairs of figures that should be in one order: ``above`` over ``below``, and again.

    The pairs come from different conditions, so a reversal is possible: it throws doubt, and never
    convicts.
    """

    kind: Literal["same_order"]
    above: Input
    below: Input
    again_above: Input
    again_below: Input


class Method(_Check):
    """A fault of method that needs no arithmetic: it throws doubt, and never convicts."""

    kind: Literal["method"]
    concerns: Annotated[list[Id], Field(min_length=1)]
    locator: str = ""


type Arithmetic = SameRatio | LittlesLaw | Difference | PercentOf | Limit | SameOrder
type Check = Annotated[
    SameRatio | LittlesLaw | Difference | PercentOf | Limit | SameOrder | Method,
    Field(discriminator="kind"),
]


class Ledger(Part):
    """A file of claims, with all that is needed to judge them."""

    schema_: Annotated[Literal["claims-ledger/1"], Field(alias="schema")]
    name: Name
    title: Text
    sources: Annotated[dict[Name, Source], Field(min_length=1)]
    subjects: dict[Name, Subject] = Field(default_factory=dict)
    conditions: dict[Name, dict[Name, Condition]] = Field(default_factory=dict)
    claims: Annotated[dict[Id, Claim], Field(min_length=1)]
    checks: dict[Id, Check] = Field(default_factory=dict)

    def conditions_of(self, claim: Claim) -> dict[str, Condition]:
        """The conditions that hold for a claim; of two sets, a leaf of the later one counts."""
        conditions: dict[str, Condition] = {}
        for name in getattr(claim, "conditions", ()):
            conditions |= self.conditions.get(name, {})
        return conditions

    def under(self, name: str, variant: str) -> Ledger:
        """The ledger with one claim as one of its variants tests it."""
        claim = variants_of(self.claims[name])[variant]
        return self.model_copy(update={"claims": {**self.claims, name: claim}})


def variants_of(claim: Claim) -> dict[str, Testable]:
    """A claim as each of its variants tests it, by the variant's name."""
    test = getattr(claim, "test", None)
    if isinstance(claim, Statement) or test is None:
        return {}
    return {
        name: claim.model_copy(
            update={
                "test": Test(
                    plan=variant.plan or test.plan,
                    workload=variant.workload or test.workload,
                    load=variant.load or test.load,
                    arms={**test.arms, **variant.arms},
                    assumes=variant.assumes,
                ),
                "conditions": (
                    claim.conditions if variant.conditions is None else variant.conditions
                ),
            }
        )
        for name, variant in test.variants.items()
    }


def plans_of(claim: Claim) -> set[str]:
    """The plans that test a claim and its variants."""
    own = [claim, *variants_of(claim).values()]
    return {test.plan for each in own if (test := getattr(each, "test", None))}


def arms_of(claim: Testable) -> dict[str, Arm]:
    """Where the test of a claim measures each of its subjects, what the test says filled in."""
    test = claim.test
    if test is None:
        return {}
    return {
        name: Arm(
            subject=(arm := test.arms.get(name, Arm())).subject or name,
            workload=arm.workload or test.workload,
            load=arm.load or test.load,
        )
        for name in claim.subjects
    }
