"""``derived/results.json``: what the trials of a bundle show, cell by cell.

The analysis computes these very types. A figure of a subject is the median of its trials; a ratio
is the candidate's figure over the baseline's. JSON has no infinity: a ratio beyond a float is null
in the file, and that file does not fit this type.

History of the schema: results/1 (first); results/2 has verdicts of the rule in which the null arm
widens the interval (docs/measurement.md). Keys may be added to a schema, none changes its meaning;
a key that was added later has a default, so that older files stay readable.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from bundle.codec import Document, Part
from bundle.documents.services import Statement
from bundle.documents.sliced import SlicedChecks
from bundle.format import Omission
from bundle.values import Count
from host.expectation import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

type Better = Literal["higher", "lower"]
"""Which way a metric improves: throughput higher, latency and CPU time lower."""
type Number = int | float
"""A figure that is counted or measured: a count stays a whole number in the file."""
type Drive = dict[str, str | int | float | dict[str, int] | None]
"""A load as the sealed plan has it; the loads of ``bundle.documents.plan`` have its keys."""


class Interval(Part, frozen=True):
    """A closed interval of ratios."""

    low: float
    high: float

    def excludes(self, ratio: float) -> bool:
        """Whether a ratio lies outside; the ends themselves belong to the interval."""
        return self.low > ratio or self.high < ratio

    def inside(self, band: Interval) -> bool:
        """Whether all of this lies inside a band without touching its ends."""
        return band.low < self.low and self.high < band.high

    def beyond(self, band: Interval) -> bool:
        """Whether all of this lies on one side of a band without touching it."""
        return self.low > band.high or self.high < band.low


class Estimate(Part, frozen=True):
    """Candidate over baseline, estimated by one method."""

    method: str  #: name of the method, as a report prints it
    ratio: float  #: 1.25 means that the candidate's figure is 25 % larger
    ci95: Interval | None  #: the 95 % interval; null where the method has none for so few blocks
    #: the 90 % interval, which the equivalence test compares with the margin; null likewise
    ci90: Interval | None
    #: two-sided, of the hypothesis that the ratio is 1; null where the method has none
    p: float | None


class Estimates(Part, frozen=True):
    """One ratio by three methods, none of which knows of the null arm's difference."""

    t: Estimate
    bootstrap: Estimate
    signed_rank: Estimate

    def __iter__(self) -> Iterator[Estimate]:
        return iter((self.t, self.bootstrap, self.signed_rank))


class Control(Part, frozen=True):
    """The outcome of a control."""

    name: Literal["null", "positive"]
    #: null: whether chance explains the difference of the deployments, or leaves no more than the
    #: margin of it; positive: whether the run finds the slowdown
    passed: bool
    #: null: the ratios within the margin; positive: the band that must contain the 90 % interval
    band: Interval
    #: A' over A; or the cost of A + delta over that of A, so that a slowdown is above 1 whichever
    #: way the metric improves. Null without log-ratios
    estimate: Estimate | None
    what: str  #: the outcome in one sentence


class Ends(Part, frozen=True):
    """The ends of an interval; null where there is none, or where it ends beyond a float."""

    low: float | None
    high: float | None


class Trend(Part, frozen=True):
    """A straight line through logarithms."""

    span: float  #: from the smallest to the largest regressor, in its unit
    ratio: float  #: change over the whole span; 0.95 means a fall by 5 %
    ci95: Ends  #: its 95 % interval; without ends where all logarithms are equal
    #: two-sided, of the hypothesis that there is no trend; null where all logarithms are equal
    p: float | None


class CarryOver(Part, frozen=True):
    """Whether the candidate's ratio depends on which subject ran before it."""

    #: geometric mean of the block ratios by predecessor, ``(first)`` where there was none
    ratios: dict[str, float]
    #: of the hypothesis that they are equal; null where no two predecessors have two blocks
    p: float | None


class OrderEffects(Part, frozen=True):
    """Effects of the order of the trials; null where the run cannot show them."""

    #: trend of the log-ratios over the candidate's position relative to the baseline's
    position: Trend | None
    drift: Trend | None  #: trend of the log-ratios over the session; its span is in seconds
    carry_over: CarryOver  #: by predecessor


class Evidence(Part, frozen=True, kw_only=True):
    """What the blocks of a run say about candidate over baseline.

    With d the log-ratios of the blocks, one half of the interval is, in log units,
    h = sqrt[(t s_d / sqrt(n))^2 + 1.5 (z beta)^2] + e.
    """

    margin: float  #: theta as a fraction, from the plan
    blocks: Count  #: n: number of blocks that hold all trials of the comparison
    dropped: tuple[int, ...]  #: numbers of the blocks that do not
    #: the ratio with its intervals by h, which decide; null without a null arm, or where d or a has
    #: no spread
    widened: Estimate | None
    estimates: Estimates  #: checks: the ratio by three methods without beta and e
    sd: float | None  #: s_d, standard deviation of d; null with a single block
    #: standard deviation of what one deployment keeps for a whole run, in log units, from the plan
    beta: float
    #: A' over A by the paired t, with a for its log-ratios; null without a null arm
    null: Estimate | None
    #: e: the difference of A' and A that chance does not explain, in log units; null where
    #: `widened` is
    excess: float | None
    #: of d between neighbouring blocks; null without two pairs of them. The intervals take it for 0
    autocorrelation: float | None
    #: smallest relative effect that so many blocks of this spread detect nine times out of ten;
    #: null with a single block
    detectable: float | None


class Verdict(StrEnum):
    """The verdict of a comparison, in the words of the report."""

    VOID = "VOID"
    ESTIMATE = "ESTIMATE"
    FASTER = "FASTER"
    SLOWER = "SLOWER"
    NEGLIGIBLE = "NEGLIGIBLE"
    EQUIVALENT = "EQUIVALENT"
    INCONCLUSIVE = "INCONCLUSIVE"


class Reason(Part, frozen=True):
    """A reason for a verdict: a stable code and one sentence."""

    code: str
    what: str


class Judged(Evidence, frozen=True, kw_only=True):
    """Two subjects of a cell, judged by one metric: the evidence with its verdict."""

    baseline: str  #: a subject or an arm
    candidate: str  #: a subject or an arm
    metric: str  #: name of the metric, as in `Subject`
    better: Better
    verdict: Verdict  #: verdict on the candidate
    #: whether a FASTER or SLOWER candidate is so by more than the margin; null with any other
    #: verdict
    size_resolved: bool | None
    #: at least one; the first is why the verdict is this one and no other
    reasons: tuple[Reason, ...]
    ratio: float  #: exp of the mean of d
    #: lower end of the 95 % interval of `widened`, or of the paired t where that is null; null with
    #: a single block
    low: float | None
    high: float | None  #: upper end of the same interval
    #: p value adjusted for the family of comparisons; null where there is none
    family_p: float | None
    order: OrderEffects | None = None  #: null where the analysis did not look


type Answers = Literal["equal", "different"]
type Relation = Literal["same", "different"]


class Digests(Part, frozen=True):
    """SHA-256 of the SQL of both subjects, hex."""

    baseline: str
    candidate: str


class WorkInShort(Part, frozen=True, kw_only=True):
    """Whether two subjects did the same work."""

    answers: Answers  #: answers to the requests that both received
    sql: Relation  #: SQL of the operations of the workload
    sql_digests: Digests


class Comparison(Judged, frozen=True, kw_only=True):
    """A comparison of the plan."""

    #: whether both did the same work; null without the record of both
    work: WorkInShort | None = None
    #: what its rounds say; null by other metrics than throughput, and of other loads
    sliced: SlicedChecks | None = None


class ControlArm(Judged, frozen=True, kw_only=True):
    """A control's arm as the candidate, its subject as the baseline."""

    outcome: Control


class Growth(Part, frozen=True, kw_only=True):
    """How fast one size of a service grew in its windows, over its deployments."""

    #: mean of the deployments' slopes, bytes per hour; null where none has one
    per_hour: float | None
    low: float | None  #: lower end of its 95 % interval; null with fewer than two deployments
    high: float | None  #: upper end likewise
    deployments: Count  #: number of trials with a slope
    #: why there is no slope, or no interval, or why a trial has no slope; null without any of these
    reason: str | None


class MemoryGrowth(Part, frozen=True, kw_only=True):
    """How the memory of a service grew under a load that lasts, after the warm-up."""

    rss: Growth  #: resident sets of all its processes
    pss: Growth  #: their proportional set sizes, which count a shared page once
    #: the part of these that no file is behind: heaps of Python and of C, and stacks
    anonymous: Growth


class Subject(Part, frozen=True, kw_only=True):
    """The figures of a subject: medians of its trials; null where no trial has the figure."""

    trials: Count  #: number of trials whose figures may be used
    requests: Count  #: requests answered in the windows of these trials
    errors: Count  #: requests of these trials that failed
    throughput: float | None  #: answers per second
    capacity: float | None = None  #: highest rate that met the objective, requests per second
    p50: float | None  #: median latency of the kind that the cell names, ms
    p90: float | None  #: 90th percentile, ms
    p99: float | None  #: 99th percentile, ms
    cpu_service: float | None  #: CPU microseconds per request of the service
    cpu_database: float | None  #: CPU microseconds per request of the database server
    cpu_load: float | None  #: CPU microseconds per request of the generator
    rss_service: Number | None  #: largest resident set of all processes of the service, bytes
    #: how its memory grew; missing where the windows are too short for that
    growth: MemoryGrowth | UnsetType = UNSET
    #: round trips to the database of one request, by the workload's mix
    round_trips: float | None = None
    statements: float | None = None  #: statements that one request sends
    queries: float | None = None  #: statements that read or write rows
    doubts: list[str]  #: codes of the gates that cast doubt on one of its trials
    #: operations whose database cost differs from the service's declaration
    undeclared: list[str] = msgspec.field(default_factory=list)


class GateVerdict(StrEnum):
    """The verdict on a value with limits, from the best to the worst."""

    PASSED = "passed"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILED = "failed"


class GateFinding(Part, frozen=True, kw_only=True):
    """The finding of one gate."""

    code: str  #: code of the gate
    what: str  #: what the gate limits, in words
    unit: str  #: unit of `value`
    low: Number | None  #: smallest value that passes; null without such a limit
    high: Number | None  #: largest value that passes; null without such a limit
    severity: Severity  #: severity under the plan's profile and the host's tier
    verdict: GateVerdict
    value: Number | None  #: null where the evidence cannot be read
    said: str  #: the finding in one sentence


class CellGate(GateFinding, frozen=True, kw_only=True):
    """One gate over the trials of a cell: its worst finding."""

    worst_trial: str | None = None  #: id of the trial with that finding
    #: number of trials by verdict; verdicts of no trial are left out
    counts: dict[GateVerdict, Count]
    trials: list[str]  #: ids of the trials that did not pass


class PairGate(GateFinding, frozen=True, kw_only=True):
    """One gate over the trials of a comparison."""

    baseline: str
    candidate: str


class Costs(Part, frozen=True, kw_only=True):
    """What one operation costs the database; as in ``sql.json``."""

    statements: list[Statement]
    statements_per_request: float
    round_trips_per_request: float
    rows_per_request: float
    digest: str
    varies: bool


class OperationPair(Part, frozen=True, kw_only=True):
    """The costs of one operation for both subjects."""

    operation: str
    sql: Relation
    baseline: Costs
    candidate: Costs


class SideBySide(Part, frozen=True, kw_only=True):
    """The work of two compared subjects."""

    baseline: str
    candidate: str
    answers: Answers  #: whether both gave the same answers
    differences: list[str]  #: how the answers differ, one sentence each
    operations: list[OperationPair]  #: operations of the workload


class Cell(Part, frozen=True, kw_only=True):
    """One workload under one load."""

    workload: str  #: name of the workload
    load: str  #: name of the load
    drive: Drive  #: the load as the plan has it
    latency_kind: str  #: what its latencies measure, in words
    #: figures by subject or arm, in the plan's order; a subject without a usable trial is left out
    subjects: dict[str, Subject]
    comparisons: list[Comparison]  #: ordered by metric, then as in the plan
    #: each control's arm, by the primary metric
    controls: list[ControlArm] = msgspec.field(default_factory=list)
    gates: list[CellGate] = msgspec.field(default_factory=list)  #: gates of its trials
    work: list[SideBySide] = msgspec.field(default_factory=list)  #: work of the compared subjects
    pair_gates: list[PairGate] = msgspec.field(default_factory=list)  #: gates of its comparisons

    @property
    def title(self) -> str:
        """``read-one under wrk (closed-loop service time)``."""
        return f"{self.workload} under {self.load} ({self.latency_kind})"


class FailedTrial(Part, frozen=True, kw_only=True):
    """A trial whose figures may not be used."""

    trial: str  #: id of the trial
    code: str  #: code of the failure or of the gate
    what: str  #: the reason in one sentence


def opened(conclusion: str, foreign_load: str | None) -> str:
    """A conclusion that says first what other programs did meanwhile, if that is known."""
    return opening(foreign_load) + conclusion


def opening(foreign_load: str | None) -> str:
    """How `opened` begins: a sentence and the space behind it; empty without foreign load."""
    return f"{foreign_load[0].upper()}{foreign_load[1:]}. " if foreign_load else ""


class Software(Part, frozen=True, kw_only=True):
    """What a subject was made of: name and version of each part; null where not recorded."""

    interpreter: str | None  #: such as ``CPython 3.13.0``
    orm: str | None  #: ``none`` for a service without one
    driver: str | None  #: of the database
    framework: str | None  #: of the web application
    database: str | None  #: the server


class Results(Document, frozen=True, kw_only=True):
    """``derived/results.json``."""

    PATH: ClassVar[str] = "derived/results.json"

    schema: Literal["results/2"]
    bundle: str  #: id of the bundle
    conclusion: str  #: the main ratio with its interval and its weaknesses, in one sentence
    weaknesses: list[str]  #: reasons to trust the figures less, worst first
    #: what other programs used while the run was measured, in one sentence; null if that was no
    #: more than allowed, or could not be read
    foreign_load: str | None = None
    cells: list[Cell]  #: cells with a usable trial
    software: dict[str, Software] = msgspec.field(default_factory=dict)  #: versions by subject
    gates: list[GateFinding] = msgspec.field(default_factory=list)  #: gates of the run
    failures: list[FailedTrial]  #: trials that may not be used
    omitted: list[Omission]  #: as in ``bundle.json``

    def cell(self, workload: str, load: str) -> Cell | None:
        """The cell of a workload and a load; None if no trial of it may be used."""
        at = (workload, load)
        return next((each for each in self.cells if (each.workload, each.load) == at), None)

    @property
    def unusable(self) -> frozenset[str]:
        """Ids of the trials whose figures may not be used."""
        return frozenset(failure.trial for failure in self.failures)
