"""The ledger: published numbers as data.

History of the schema: claims-ledger/1 (first). A version that was ever published is read forever.

These are types only: ``ormlab.judging.ledger`` reads a YAML file into one, and
``analysis.claims.lint`` checks what no type can say: names that must exist, reasons that must be
given.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from analysis.claims.checks import Check
from analysis.claims.conditions import FAMILIES, READINGS
from analysis.claims.fields import (
    BOUNDED,
    Id,
    Name,
    Part,
    Positive,
    Precision,
    Sha256,
    Size,
    Status,
    Text,
    Tolerance,
)
from analysis.claims.metrics import CLAIM_METRICS

SCHEMA = "claims-ledger/1"
type MetricName = Annotated[str, Field(json_schema_extra={"enum": sorted(CLAIM_METRICS)})]
_READING_NAMES = [{"enum": sorted(READINGS)}, *({"pattern": each.pattern} for each in FAMILIES)]
type ReadingName = Annotated[str, Field(json_schema_extra={"anyOf": _READING_NAMES})]
type Portability = Literal["same-fingerprint", "same-class", "any"]
type Subjects = Annotated[list[Name], Field(min_length=1, max_length=1)]
type Pair = Annotated[list[Name], Field(min_length=2, max_length=2)]
type OneOrTwo = Annotated[list[Name], Field(min_length=1, max_length=2)]
type Several = Annotated[list[Name], Field(min_length=3, max_length=26)]


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
    One without a reading is a weakness of every verdict. ``precision`` is that of a number, as of
    `Number`: what was seen may be so far away.
    """

    value: Annotated[str | int | float | bool | None, BOUNDED] = None
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
    subjects: list[Name]

    @property
    def compares(self) -> bool:
        """Whether it is about the ratio of two subjects' figures, not about one figure."""
        return len(self.subjects) > 1


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


class Ranking(_Measured):
    """The order of three subjects or more by their figures, the largest first."""

    kind: Literal["ranking"]
    subjects: Several

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if len(set(self.subjects)) < len(self.subjects):
            raise ValueError("a ranking has each subject once")
        return self

    @property
    def neighbours(self) -> list[Neighbours]:
        """Every two subjects that follow each other, as an ordering of their own."""
        return [
            Neighbours(
                **{
                    **dict(self),
                    "kind": "ordering",
                    "subjects": list(pair),
                    "others": [name for name in self.subjects if name not in pair],
                }
            )
            for pair in pairwise(self.subjects)
        ]


class Neighbours(Ordering):
    """Two subjects that follow each other in a ranking."""

    #: the rest of the ranking, of which one may lend its null arm
    others: list[Name]


class Bound(_Measured):
    """A figure of one subject, or the ratio of two, reaches a value or stays below it.

    "At least 30 % more" is at-least 1.3 of the first subject's figure over the second's.
    """

    kind: Literal["bound"]
    subjects: OneOrTwo
    bound: Literal["at-least", "at-most"]
    value: Size
    precision: Positive
    tolerance: Tolerance | None = None


class Range(_Measured):
    """A figure of one subject, or the ratio of two, lies between two values: "2 to 4 times"."""

    kind: Literal["range"]
    subjects: OneOrTwo
    low: Size
    high: Size
    precision: Positive
    tolerance: Tolerance | None = None

    @model_validator(mode="after")
    def _has_two_ends(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"a range from {self.low:g} to {self.high:g} holds nothing")
        return self


class Printed(Part):
    """Code that the source prints. A ledger does not repeat it: the reader's own copy has it.

    ``sha256`` is of its lines, without blank ones and without spaces at either end, each ended by a
    newline. ``indents`` has a digit for each of these lines, its levels of four spaces, because a
    copy of the text may have lost them.
    """

    sha256: Sha256
    indents: Annotated[str, Field(pattern=r"^[0-9]{1,1000}$")]


class Login(Part):
    """Role, password and database that a script expects of PostgreSQL."""

    user: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    password: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$")]
    database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Script(Part):
    """A program that is run to its end in a stack's environment.

    ``program`` is one of the lab's own, in workloads/scripts; with ``printed`` as well it is given
    the file of that code and runs it. The program must end with 0 and write a line that begins
    with ``prints``. ``postgresql`` is what it needs on port 5432, if it needs a server.
    """

    name: Name
    printed: Printed | None = None
    arguments: list[Text] = Field(default_factory=list)
    program: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] | None = None
    prints: Text | None = None
    postgresql: Login | None = None


class Runs(_Testable):
    """A package in a version installs, imports, serves, or carries a script to its end."""

    kind: Literal["runs"]
    subjects: Subjects
    package: Text
    version: Text
    through: Literal["install", "import", "start", "script"] = "import"
    script: Script | None = None


class Statement(_Claim):
    """Something that is no figure of the registry; it is kept so that nothing is passed over."""

    kind: Literal["statement"]
    value: Annotated[str | int | float | None, BOUNDED] = None
    unit: str = ""


type Measurable = Absolute | Ratio | Ordering | Bound | Range
"""A claim about one figure, or about the ratio of two."""
type Testable = Measurable | Ranking | Runs
type Claim = Annotated[
    Absolute | Ratio | Ordering | Ranking | Bound | Range | Runs | Statement,
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
        return self.having(name, variants_of(self.claims[name])[variant])

    def having(self, name: str, claim: Claim) -> Ledger:
        """The ledger with another claim under a name."""
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
