"""What weakens the verdict on a claim: its run, doubtful trials, controls, and its own premises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.claims.comparability import weak_conditions
from analysis.claims.crowding import crowded
from analysis.claims.evidence import Place
from analysis.claims.ledger import Ranking, Runs, Statement
from analysis.claims.measure import places_of
from analysis.claims.metrics import CLAIM_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Ledger, Measurable
    from bundle.documents.verdicts import CheckOutcome


def weaknesses_of(
    name: str, ledger: Ledger, run: Run, checks: Sequence[CheckOutcome]
) -> tuple[str, ...]:
    """Every reason to believe the verdict on a claim less, a phrase each.

    A ranking has those of its pairs.
    """
    claim = ledger.claims[name]
    if isinstance(claim, Ranking | Statement):
        return ()
    weaknesses = []
    if not isinstance(claim, Runs) and not CLAIM_METRICS[claim.metric].everywhere:
        weaknesses += run.results.weaknesses
        weaknesses += _doubts_of_gates(claim, run)
        weaknesses += _doubts_of_controls(claim, run)
        weaknesses += crowded(claim, run)
    weaknesses += weak_conditions(claim, ledger, run)
    if run.record.status != "complete" and not isinstance(claim, Runs):
        weaknesses.append(f"the run is {run.record.status}")
    weaknesses += [f"in doubt on paper ({each.check})" for each in checks if name in each.concerns]
    return tuple(weaknesses)


def _doubts_of_gates(claim: Measurable, run: Run) -> Iterator[str]:
    """The gates that warn of a trial that the claim's figure rests on."""
    places = set(places_of(claim).values())
    codes = {
        code
        for cell in run.results.cells
        for subject, told in cell.subjects.items()
        if Place(subject, cell.workload, cell.load) in places
        for code in told.doubts
    }
    if codes:
        yield f"gates that warn of its trials: {', '.join(sorted(codes))}"


def _doubts_of_controls(claim: Measurable, run: Run) -> Iterator[str]:
    """Doubts that the second deployments cast on the subjects' figures, whatever the metric."""
    places = list(places_of(claim).values())
    subjects = {place.subject for place in places}
    if not any(f"{subject}-null" in run.resolved.arms for subject in subjects):
        yield "no second deployment of a subject was measured"
    cells = {(place.workload, place.load) for place in places}
    for cell in run.results.cells:
        if (cell.workload, cell.load) in cells:
            for control in cell.controls:
                if control.baseline in subjects and not control.outcome.passed:
                    yield f"a control failed: {control.outcome.what}"
