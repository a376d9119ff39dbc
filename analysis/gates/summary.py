"""Applies the gates to trials, comparisons and runs, and writes their findings for results.json."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from analysis.gates import comparison, course, generator, host, identity, rest, run, service, stall
from bundle.documents.results import CellGate, GateFinding, GateVerdict
from host.expectation import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.gates.evidence import Context, PairEvidence, RunEvidence, TrialEvidence
    from analysis.gates.gate import Finding, Gate

# The first gate of these that a trial fails is its failure.
TRIAL_GATES: tuple[Gate[TrialEvidence], ...] = (
    *generator.OUTPUT,
    *stall.GATES,
    *generator.GATES,
    *identity.GATES,
    *service.GATES,
    *host.GATES,
    *rest.GATES,
    *course.GATES,
)
GATES: tuple[Gate[Any], ...] = (*TRIAL_GATES, *comparison.GATES, *run.GATES)
CODES = frozenset(gate.code for gate in GATES)
_WORSE = list(GateVerdict)


@dataclass(frozen=True)
class Assessment:
    """One trial with the findings of its gates."""

    id: str
    evidence: TrialEvidence
    findings: tuple[Finding, ...]

    @property
    def failure(self) -> Finding | None:
        """The first gate it failed; None if its figures may be used."""
        return _first_failed(self.findings)

    @property
    def doubts(self) -> set[str]:
        """Codes of the gates that warn."""
        return {one.gate.code for one in self.findings if one.verdict is GateVerdict.WARNING}


def assess(identifier: str, trial: TrialEvidence) -> Assessment:
    """Apply every gate of trials to a trial that was carried out.

    Raises:
        OSError: a file of the trial is missing or broken.
        ValueError, KeyError: a file or a reading is not valid.
    """
    return Assessment(identifier, trial, tuple(_judge(TRIAL_GATES, trial, trial.context)))


def first_failure(trial: TrialEvidence) -> Finding | None:
    """Return the first gate that a trial fails, without reading those that can only warn.

    Raises:
        OSError, ValueError, KeyError: as `assess`.
    """
    profile, tier = trial.context.profile, trial.context.tier
    forbidding = (g for g in TRIAL_GATES if g.rule.severity(profile, tier) is Severity.FATAL)
    return _first_failed(_judge(forbidding, trial, trial.context))


def judge_pair(pair: PairEvidence) -> list[Finding]:
    """Apply the gates of comparisons; no finding without trials on both sides."""
    if not pair.baseline or not pair.candidate:
        return []
    return list(_judge(comparison.GATES, pair, pair.baseline[0].context))


def judge_run(evidence: RunEvidence) -> list[Finding]:
    """Apply the gates of runs."""
    return list(_judge(run.GATES, evidence, evidence.context))


def loosened(context: Context) -> list[str]:
    """Return codes of the gates whose limits the plan makes wider than the lab's own."""
    return [gate.code for gate in GATES if gate.is_loosened_by(context.limits)]


def fatal(findings: Iterable[Finding]) -> list[str]:
    """Return the sentences of the gates that failed."""
    return [one.sentence for one in findings if one.verdict is GateVerdict.FAILED]


def document(finding: Finding, context: Context) -> GateFinding:
    """Return one finding as ``results.json`` holds it."""
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
    """Return each gate over the trials of a cell: its worst finding, and the trials behind it."""
    gates = []
    for gate in TRIAL_GATES:
        findings = [(t, f) for t in trials for f in t.findings if f.gate.code == gate.code]
        if not findings:
            continue
        trial, worst = max(findings, key=lambda pair: _badness(pair[1]))
        gates.append(
            CellGate(
                **msgspec.structs.asdict(document(worst, trial.evidence.context)),
                worst_trial=trial.id,
                counts=dict(Counter(finding.verdict for _, finding in findings)),
                trials=[t.id for t, f in findings if f.verdict is not GateVerdict.PASSED],
            )
        )
    return gates


def _judge[Evidence](
    gates: Iterable[Gate[Evidence]], evidence: Evidence, context: Context
) -> Iterable[Finding]:
    for gate in gates:
        limited = gate.under(context.limits)
        finding = limited.judge(evidence, profile=context.profile, tier=context.tier)
        if finding is not None:
            yield finding


def _first_failed(findings: Iterable[Finding]) -> Finding | None:
    return next((one for one in findings if one.verdict is GateVerdict.FAILED), None)


def _badness(finding: Finding) -> tuple[int, float, float]:
    """Verdict first, then how far outside the limits, then how near to them inside."""
    gate, value = finding.gate, finding.reading.value
    if value is None:
        return _WORSE.index(finding.verdict), 0.0, 0.0
    nearness = value if gate.high is not None else -value
    return _WORSE.index(finding.verdict), gate.excess(value), nearness
