"""``derived/results.json``: what the trials of a bundle show, cell by cell.

The analysis makes these parts itself, so what it computes and what the file holds are one. Figures
of a subject are medians of its trials; ratios are the candidate's figure over the baseline's. JSON
has no infinity: a ratio beyond a float is null in the file, which then cannot be read as this.

History of the schema: results/1 (first; keys may be added to it, none changes its meaning). A key
that came later has a default, so that older files can be read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from bundle.codec import Document, Part
from bundle.documents.services import Statement
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
    """Candidate over baseline as one method sees it.

    Attributes:
        method: its name, as a report prints it.
        ratio: 1.25 means that the candidate's figure is 25 % larger.
        ci95: the 95 % interval; null where the method has none for so few blocks.
        ci90: the 90 % interval, whose place in the margin is the equivalence test; null likewise.
        p: two-sided, of the hypothesis that the ratio is 1; null where the method has none.
    """

    method: str
    ratio: float
    ci95: Interval | None
    ci90: Interval | None
    p: float | None


class Estimates(Part, frozen=True):
    """One ratio by three methods, the primary one first."""

    t: Estimate
    bootstrap: Estimate
    signed_rank: Estimate

    def __iter__(self) -> Iterator[Estimate]:
        return iter((self.t, self.bootstrap, self.signed_rank))


class Control(Part, frozen=True):
    """What a control found.

    Attributes:
        name: ``null`` or ``positive``.
        passed: whether the run may be believed as far as this control can tell.
        band: where the 90 % interval has to lie.
        estimate: what was measured: A' over A; or the cost of A + delta over that of A, so that a
            slowdown is above 1 whichever way the metric improves. Null without log-ratios.
        what: one sentence.
    """

    name: Literal["null", "positive"]
    passed: bool
    band: Interval
    estimate: Estimate | None
    what: str


class Scatter(Part, frozen=True):
    """By how much two deployments of one service differ from block to block, and in what.

    Throughput is the CPU time that the service uses in a second over what a request takes of it:
    where the first hardly differs, it is the second that does.

    Attributes:
        sd: of ln y_A' - ln y_A, throughput.
        busy_sd: the same of the CPU time used in a second.
        what: what differs and how many blocks would do, in one clause.
    """

    sd: float
    busy_sd: float
    what: str


class Ends(Part, frozen=True):
    """The ends of an interval; null where there is none, or where it ends beyond a float."""

    low: float | None
    high: float | None


class Trend(Part, frozen=True):
    """A straight line through logarithms.

    Attributes:
        span: from the smallest to the largest regressor, in its unit.
        ratio: change over the whole span; 0.95 means a fall by 5 %.
        ci95: its 95 % interval; without ends where the logarithms are all the same.
        p: two-sided, of the hypothesis that there is no trend; null likewise.
    """

    span: float
    ratio: float
    ci95: Ends
    p: float | None


class CarryOver(Part, frozen=True):
    """Whether the candidate's ratio depends on which subject ran before it.

    Attributes:
        ratios: geometric mean of the block ratios by predecessor, ``(first)`` where there was none.
        p: of the hypothesis that they are equal; null where no two predecessors have two blocks.
    """

    ratios: dict[str, float]
    p: float | None


class OrderEffects(Part, frozen=True):
    """What the order of the trials did; null where the run cannot tell.

    Attributes:
        position: trend of the log-ratios over the candidate's position relative to the baseline's.
        drift: trend of the log-ratios over the session; its span is in seconds.
        carry_over: by predecessor.
    """

    position: Trend | None
    drift: Trend | None
    carry_over: CarryOver


class Evidence(Part, frozen=True, kw_only=True):
    """What the blocks of a run say about candidate over baseline.

    Attributes:
        margin: theta as a fraction, from the plan.
        blocks: how many hold all the trials of the comparison.
        dropped: those that do not, by number.
        estimates: by three methods, as ratios.
        sd: standard deviation of the log-ratios; null with a single block.
        equivalence_p: of TOST at the margin; null likewise.
        detectable: smallest relative effect that these blocks find nine times out of ten; null
            likewise.
        needed: blocks of this spread that find an effect of the size of the margin; null likewise.
        null: the null control; null without a null arm.
    """

    margin: float
    blocks: Count
    dropped: tuple[int, ...]
    estimates: Estimates
    sd: float | None
    equivalence_p: float | None
    detectable: float | None
    needed: int | None
    null: Control | None


class Verdict(StrEnum):
    """What a comparison comes to, in the words of the report."""

    INVALID = "INVALID (gate)"
    ESTIMATE = "ESTIMATE"
    INCONCLUSIVE_ROBUSTNESS = "INCONCLUSIVE (robustness)"
    NEGLIGIBLE = "NEGLIGIBLE"
    FASTER = "FASTER"
    SLOWER = "SLOWER"
    EQUIVALENT = "EQUIVALENT"
    INCONCLUSIVE_MDE = "INCONCLUSIVE (MDE)"


class Reason(Part, frozen=True):
    """Why, as a stable code and one sentence."""

    code: str
    what: str


class Judged(Evidence, frozen=True, kw_only=True):
    """Two subjects of a cell, judged by one metric; the evidence with what it comes to.

    Attributes:
        baseline: a subject or an arm.
        candidate: likewise.
        metric: as in `Subject`.
        better: which way the metric improves.
        verdict: of the candidate.
        size_resolved: whether a FASTER or SLOWER candidate is so by more than the margin; null
            with any other verdict.
        reasons: at least one; the first is why this verdict and not another.
        ratio: by the primary method.
        low: of its 95 % interval; null with a single block.
        high: likewise.
        family_p: the p value adjusted for the family; null where there is no family.
        order: what the order of the trials did; null where nobody looked.
    """

    baseline: str
    candidate: str
    metric: str
    better: Better
    verdict: Verdict
    size_resolved: bool | None
    reasons: tuple[Reason, ...]
    ratio: float
    low: float | None
    high: float | None
    family_p: float | None
    order: OrderEffects | None = None


type Answers = Literal["equal", "different"]
type Relation = Literal["same", "different"]


class Digests(Part, frozen=True):
    """SHA-256 of the SQL of both subjects, hex."""

    baseline: str
    candidate: str


class WorkInShort(Part, frozen=True, kw_only=True):
    """Whether two subjects did the same work.

    Attributes:
        answers: of the requests that both were asked.
        sql: of the operations of the workload.
        sql_digests: of their SQL.
    """

    answers: Answers
    sql: Relation
    sql_digests: Digests


class Comparison(Judged, frozen=True, kw_only=True):
    """A comparison of the plan.

    Attributes:
        work: whether both did the same; null without the record of both.
    """

    work: WorkInShort | None = None


class ControlArm(Judged, frozen=True, kw_only=True):
    """A control's arm as the candidate, its subject as the baseline.

    Attributes:
        outcome: of the control.
        scatter: what the two deployments differ in; null for a positive control, and with a
            single block.
    """

    outcome: Control
    scatter: Scatter | None = None


class Subject(Part, frozen=True, kw_only=True):
    """The figures of a subject: medians of its trials; null where no trial has the figure.

    Attributes:
        trials: whose figures may be used.
        requests: answered in their windows, together.
        errors: of them failed, together.
        throughput: answers per second.
        capacity: highest rate that met the objective, requests per second.
        p50: median latency of the kind that the cell names, ms.
        p90: 90th percentile, ms.
        p99: 99th percentile, ms.
        cpu_service: CPU microseconds per request of the service.
        cpu_database: likewise, of the database server.
        cpu_load: likewise, of the generator.
        rss_service: largest resident set of the service's processes together, bytes.
        round_trips: to the database, of one request by the workload's mix.
        statements: that one request sends.
        queries: those of them that do more than keep house.
        doubts: codes of the gates that cast a doubt on one of its trials.
        undeclared: operations that cost the database something else than the service declares.
    """

    trials: Count
    requests: Count
    errors: Count
    throughput: float | None
    capacity: float | None = None
    p50: float | None
    p90: float | None
    p99: float | None
    cpu_service: float | None
    cpu_database: float | None
    cpu_load: float | None
    rss_service: Number | None
    round_trips: float | None = None
    statements: float | None = None
    queries: float | None = None
    doubts: list[str]
    undeclared: list[str] = msgspec.field(default_factory=list)


class GateVerdict(StrEnum):
    """What a value comes to that was held against a limit, from the best to the worst."""

    PASSED = "passed"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILED = "failed"


class GateFinding(Part, frozen=True, kw_only=True):
    """What one gate says.

    Attributes:
        code: of the gate.
        what: it limits, in words.
        unit: of its number.
        low: smallest number that passes; null for no such limit.
        high: largest number that passes; null for no such limit.
        severity: under the plan's profile and the host's tier.
        verdict: what it comes to.
        value: its number; null where the evidence cannot be read.
        said: the finding in one sentence.
    """

    code: str
    what: str
    unit: str
    low: Number | None
    high: Number | None
    severity: Severity
    verdict: GateVerdict
    value: Number | None
    said: str


class CellGate(GateFinding, frozen=True, kw_only=True):
    """One gate over the trials of a cell: its worst finding.

    Attributes:
        worst_trial: whose it is.
        counts: trials by verdict; a verdict that none has is left out.
        trials: that did not pass.
    """

    worst_trial: str | None = None
    counts: dict[GateVerdict, Count]
    trials: list[str]


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
    """One operation of both subjects."""

    operation: str
    sql: Relation
    baseline: Costs
    candidate: Costs


class SideBySide(Part, frozen=True, kw_only=True):
    """The work of two compared subjects.

    Attributes:
        baseline: a subject.
        candidate: a subject.
        answers: whether they gave the same.
        differences: where not, one sentence each.
        operations: of the workload.
    """

    baseline: str
    candidate: str
    answers: Answers
    differences: list[str]
    operations: list[OperationPair]


class Cell(Part, frozen=True, kw_only=True):
    """One workload under one load.

    Attributes:
        workload: its name.
        load: its name.
        drive: the load as the plan has it.
        latency_kind: what its latencies are, in words.
        subjects: figures by subject or arm, in the plan's order; those without a usable trial are
            left out.
        comparisons: by metric, then in the plan's order.
        controls: each control's arm, by the primary metric.
        gates: of its trials.
        work: of the compared subjects.
        pair_gates: of the comparisons.
    """

    workload: str
    load: str
    drive: Drive
    latency_kind: str
    subjects: dict[str, Subject]
    comparisons: list[Comparison]
    controls: list[ControlArm] = msgspec.field(default_factory=list)
    gates: list[CellGate] = msgspec.field(default_factory=list)
    work: list[SideBySide] = msgspec.field(default_factory=list)
    pair_gates: list[PairGate] = msgspec.field(default_factory=list)

    @property
    def title(self) -> str:
        """``read-one under wrk (closed-loop service time)``."""
        return f"{self.workload} under {self.load} ({self.latency_kind})"


class FailedTrial(Part, frozen=True, kw_only=True):
    """A trial whose figures may not be used.

    Attributes:
        trial: its id.
        code: of the failure, or of the gate.
        what: one sentence.
    """

    trial: str
    code: str
    what: str


class Results(Document, frozen=True, kw_only=True):
    """``derived/results.json``.

    Attributes:
        schema: the version of this format.
        bundle: its id.
        conclusion: one sentence with its interval and what makes it weak.
        weaknesses: what a reader must know before believing the numbers, worst first.
        cells: those of which a trial may be used.
        gates: of the run.
        failures: trials that may not be used.
        omitted: as in ``bundle.json``.
    """

    PATH: ClassVar[str] = "derived/results.json"

    schema: Literal["results/1"]
    bundle: str
    conclusion: str
    weaknesses: list[str]
    cells: list[Cell]
    gates: list[GateFinding] = msgspec.field(default_factory=list)
    failures: list[FailedTrial]
    omitted: list[Omission]

    def cell(self, workload: str, load: str) -> Cell | None:
        """The cell of a workload and a load; None if no trial of it may be used."""
        at = (workload, load)
        return next((each for each in self.cells if (each.workload, each.load) == at), None)

    @property
    def unusable(self) -> frozenset[str]:
        """Ids of the trials whose figures may not be used."""
        return frozenset(failure.trial for failure in self.failures)
