"""What the gates say of trials, of comparisons and of a run, for programs and for results.json."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from analysis.gates import comparison, course, generator, host, identity, run, service, stall
from bundle.documents.results import CellGate, GateFinding, GateVerdict
from host.expectation import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.gates.evidence import Context, PairEvidence, RunEvidence, TrialEvidence
    from analysis.gates.gate import Finding, Gate

# In this order: the first gate that a trial fails is the one that it is said to have failed.
TRIAL_GATES: tuple[Gate[TrialEvidence], ...] = (
    *generator.OUTPUT,
    *stall.GATES,
    *generator.GATES,
    *identity.GATES,
    *service.GATES,
    *host.GATES,
    *course.GATES,
)
GATES: tuple[Gate[Any], ...] = (*TRIAL_GATES, *comparison.GATES, *run.GATES)
CODES = frozenset(gate.code for gate in GATES)
_WORSE = list(GateVerdict)


@dataclass(frozen=True)
class Assessment:
    """One trial and what the gates say of it."""

    id: str
    evidence: TrialEvidence
    findings: tuple[Finding, ...]

    @property
    def failure(self) -> Finding | None:
        """The first gate it failed; None if its figures may be used."""
        return next((each for each in self.findings if each.verdict is GateVerdict.FAILED), None)

    @property
    def doubts(self) -> set[str]:
        """Codes of the gates that cast a doubt on it."""
        return {each.gate.code for each in self.findings if each.verdict is GateVerdict.WARNING}


def assess(identifier: str, trial: TrialEvidence) -> Assessment:
    """Hold a trial that was carried out against every gate of trials.

    Raises:
        OSError: a file of the trial is missing or broken.
        ValueError: a file, or a reading, is not what it should be.
        KeyError: likewise.
    """
    return Assessment(identifier, trial, tuple(_judge(TRIAL_GATES, trial, trial.context)))


def first_failure(trial: TrialEvidence) -> Finding | None:
    """The first gate that a trial fails; those that can only cast a doubt are not read.

    Raises:
        OSError, ValueError, KeyError: as `assess`.
    """
    profile, tier = trial.context.profile, trial.context.tier
    forbidding = (g for g in TRIAL_GATES if g.rule.severity(profile, tier) is Severity.FATAL)
    findings = _judge(forbidding, trial, trial.context)
    return next((each for each in findings if each.verdict is GateVerdict.FAILED), None)


def judge_pair(pair: PairEvidence) -> list[Finding]:
    """Hold the trials of a comparison against its gates; none without trials on both sides."""
    if not pair.baseline or not pair.candidate:
        return []
    return list(_judge(comparison.GATES, pair, pair.baseline[0].context))


def judge_run(evidence: RunEvidence) -> list[Finding]:
    """Hold a run against its gates."""
    return list(_judge(run.GATES, evidence, evidence.context))


def loosened(context: Context) -> list[str]:
    """Codes of the gates whose limits the plan has made wider than the lab's own."""
    return [gate.code for gate in GATES if gate.is_loosened_by(context.limits)]


def fatal(findings: Iterable[Finding]) -> list[str]:
    """The sentences of the gates that failed."""
    return [each.sentence for each in findings if each.verdict is GateVerdict.FAILED]


def document(finding: Finding, context: Context) -> GateFinding:
    """One finding as ``results.json`` holds it."""
    gate = finding.gate
    return GateFinding(
        code=gate.code,
        what=gate.what,
        unit=gate.unit,
        low=gate.low,
        high=gate.high,
        severity=gate.rule.severity(context.profile, context.tier),
        verdict=finding.verdict,
        value=finding.reading.value,
        said=finding.sentence,
    )


def documents(trials: Sequence[Assessment]) -> list[CellGate]:
    """Each gate over the trials of a cell: its worst finding, how many trials, and which."""
    found = []
    for gate in TRIAL_GATES:
        all_of = [(t, f) for t in trials for f in t.findings if f.gate.code == gate.code]
        if not all_of:
            continue
        trial, worst = max(all_of, key=lambda pair: _badness(pair[1]))
        told = document(worst, trial.evidence.context)
        found.append(
            CellGate(
                **msgspec.structs.asdict(told),
                worst_trial=trial.id,
                counts=dict(Counter(each.verdict for _, each in all_of)),
                trials=[t.id for t, each in all_of if each.verdict is not GateVerdict.PASSED],
            )
        )
    return found


def _judge[Evidence](
    gates: Iterable[Gate[Evidence]], evidence: Evidence, context: Context
) -> Iterable[Finding]:
    for gate in gates:
        limited = gate.under(context.limits)
        finding = limited.judge(evidence, profile=context.profile, tier=context.tier)
        if finding is not None:
            yield finding


def _badness(finding: Finding) -> tuple[int, float, float]:
    """GateVerdict first, then how far outside the limits, then how near to them inside."""
    gate, value = finding.gate, finding.reading.value
    if value is None:
        return _WORSE.index(finding.verdict), 0.0, 0.0
    nearness = value if gate.high is not None else -value
    return _WORSE.index(finding.verdict), gate.excess(value), nearness
